"""Opening the files that a command reads or writes, with `-` for the standard streams.

Not here: the formats (`services/question_files.py`).
"""

from __future__ import annotations

import difflib
import io
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from qgen_dagster.config.paths import typed_path
from qgen_dagster.core.errors import ConfigurationError

_SUFFIXES = {".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".csv": "csv"}
_OTHER_ENCODINGS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"\x1f\x8b": "gzip", b"PK": "a zip or Excel file"}


def choose_format(file: str, wanted: str | None) -> str:
    """`jsonl` or `csv`: as asked for, else by the file's name. Standard streams are JSON lines."""
    if wanted is not None:
        name = wanted.lower()
        if name not in _SUFFIXES.values():
            close = difflib.get_close_matches(name, ["jsonl", "csv", "json"], n=1)
            raise ConfigurationError(
                f"--format: {wanted!r} is not jsonl or csv",
                hint=f"Did you mean {'jsonl' if 'json' in close[0] else 'csv'}?" if close else None,
            )
        return name
    if file == "-":
        return "jsonl"
    if not file.strip():
        raise ConfigurationError("FILE: names no file", hint="Leave it away, or give - for the standard stream.")
    if _is_folder(typed_path(file)):
        raise ConfigurationError(f"{file}: is a folder, not a file")
    found = _SUFFIXES.get(Path(file).suffix.lower())
    if found is None:
        raise ConfigurationError(f"{file}: the name does not tell the format", hint="Give --format jsonl or csv.")
    return found


@contextmanager
def reading(file: str) -> Iterator[TextIO]:
    """The file as text. Bytes that are not UTF-8 come through as surrogates, for the reader to name their row.

    Raises ConfigurationError when it is missing, a folder, unreadable, or clearly not UTF-8 text.
    """
    if file == "-":
        yield io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8-sig", errors="surrogateescape", newline="")
        return
    path = typed_path(file)
    try:
        raw = path.open("rb")
    except FileNotFoundError:
        raise ConfigurationError(f"{file}: no such file") from None
    except IsADirectoryError:
        raise ConfigurationError(f"{file}: is a folder, not a file") from None
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be read: {error.strerror or error}") from error
    with raw:
        _refuse_other_encodings(file, raw.peek(4))
        yield io.TextIOWrapper(raw, encoding="utf-8-sig", errors="surrogateescape", newline="")


@contextmanager
def written(file: str) -> Iterator[TextIO]:
    """A stream whose content becomes the file at the end, all of it or nothing.

    Raises ConfigurationError when the place cannot be written.
    """
    if file == "-":
        yield sys.stdout
        return
    path = typed_path(file)
    if _is_folder(path):
        raise ConfigurationError(f"{file}: is a folder, not a file")
    try:
        if path.exists() and not path.is_file():  # /dev/null, a named pipe: written to, never replaced
            with path.open("w", encoding="utf-8", newline="") as stream:
                yield stream
            return
        with _replacing(path.resolve()) as stream:
            yield stream
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be written: {error.strerror or error}") from error


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that is too long: opening it says so
        return False


@contextmanager
def _replacing(path: Path) -> Iterator[TextIO]:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as stream:
            yield stream
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~mask)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _refuse_other_encodings(file: str, start: bytes) -> None:
    for mark, name in _OTHER_ENCODINGS.items():
        if start.startswith(mark):
            raise ConfigurationError(f"{file}: is {name}, not UTF-8 text", hint="Save it as UTF-8 and try again.")
