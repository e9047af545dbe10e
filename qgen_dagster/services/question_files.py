"""Questions as JSON lines and as CSV: one flat record each, the same in both directions.

Here: reading rows with their line numbers, writing records, the columns of the CSV. Not here: what makes a row
acceptable (`questions.py`), and opening files (the CLI).

JSON lines hold the fields of a question beside the bank's own (`META`). A CSV has the same, with the nested parts
spread over columns; only `REQUIRED` columns must be there, so that a spreadsheet typed by hand can be imported.
"""

from __future__ import annotations

import csv
import difflib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TextIO

from qgen_dagster.bank.questions import StoredQuestion
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.core.question import LABELS

META = ("id", "is_active", "source", "provider", "model", "arbiter_score", "run_id", "created_at")
_PARTS = ("", "_figure", "_mistake", "_note")
_STIMULUS = {"stimulus_text": "text", "stimulus_figure": "figure", "stimulus_seconds_shown": "seconds_shown"}
OPTION_COLUMNS = tuple(f"option_{label.lower()}{part}" for label in LABELS for part in _PARTS)
COLUMNS = (
    "id",
    "question_type",
    "difficulty",
    "sub_type",
    "stem",
    *_STIMULUS,
    *OPTION_COLUMNS,
    "answer",
    "explanation",
    "item_model",
    "item_version",
    "seed",
    "structure",
    "expected_success",
    *META[1:],
)
REQUIRED = ("question_type", "difficulty", "sub_type", "stem", "option_a", "option_b", "answer", "explanation")
FORMATS = ("jsonl", "csv")
_SHORT_HEADER = f"{','.join(REQUIRED)},option_c,option_d,…"
_LONGEST_FIELD = 10_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file: the fields of a question, unchecked, and the line it begins at."""

    line: int
    fields: dict[str, Any]
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be used, and why."""

    line: int
    reason: str


def exported(stored: StoredQuestion) -> dict[str, object]:
    """The flat record of a question of the bank."""
    meta = {name: getattr(stored, name) for name in META}
    meta |= {"id": str(stored.id), "run_id": str(stored.run_id) if stored.run_id else None}
    meta["created_at"] = stored.created_at.isoformat()
    return {"id": meta.pop("id"), **stored.question.model_dump(mode="json"), **meta}


def write_records(records: Iterable[dict[str, Any]], stream: TextIO, format_: str) -> int:
    """Writes the records as `jsonl` or `csv`; returns how many."""
    count = 0
    if format_ == "jsonl":
        for record in records:
            stream.write(json.dumps(record, ensure_ascii=False) + "\n")
            count += 1
        return count
    writer = csv.DictWriter(stream, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for record in records:
        writer.writerow(_to_columns(record))
        count += 1
    return count


def read_rows(stream: TextIO, format_: str) -> Iterator[Row | BadRow]:
    """The rows of a stream that was opened with errors="surrogateescape".

    Raises ConfigurationError when the whole file cannot be used.
    """
    return _read_jsonl(stream) if format_ == "jsonl" else _read_csv(stream)


def _read_jsonl(stream: TextIO) -> Iterator[Row | BadRow]:
    for number, line in enumerate(stream, 1):
        if not line.strip():
            continue
        if _is_garbled(line):
            yield BadRow(number, "not valid UTF-8")
            continue
        try:
            record = _with_line_feeds(json.loads(line, parse_constant=_no_such_number))
        except (ValueError, RecursionError) as error:
            why = error.msg if isinstance(error, json.JSONDecodeError) else str(error) or "nested too deeply"
            yield BadRow(number, f"not valid JSON: {why}")
            continue
        if not isinstance(record, dict):
            yield BadRow(number, "not a JSON object: each line holds one question")
            continue
        yield _row(number, record)


def _read_csv(stream: TextIO) -> Iterator[Row | BadRow]:
    csv.field_size_limit(_LONGEST_FIELD)
    reader = csv.reader(stream, strict=True)
    header: list[str] | None = None
    begins = 1
    while True:
        begins = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            yield BadRow(begins, f"not valid CSV: {error}")
            continue
        if header is None:
            header = _checked_header(cells)
        elif any(cells):
            yield _csv_row(begins, header, cells)
    if header is None:
        raise ConfigurationError("the CSV file is empty", hint=f"Its first line names the columns: {_SHORT_HEADER}")


def _csv_row(line: int, header: list[str], cells: list[str]) -> Row | BadRow:
    if len(cells) != len(header):
        return BadRow(line, f"{len(cells)} cells, but the header names {len(header)} columns")
    if _is_garbled("".join(cells)):
        return BadRow(line, "not valid UTF-8")
    try:
        return _row(line, _from_columns(dict(zip(header, map(_with_line_feeds, cells), strict=True))))
    except ValueError as error:
        return BadRow(line, str(error))


def _with_line_feeds(value: Any) -> Any:
    """The value with line feeds where its texts end their lines otherwise, as on Windows. Raises RecursionError."""
    if isinstance(value, str):
        return value.replace("\r\n", "\n").replace("\r", "\n")
    if isinstance(value, list):
        return [_with_line_feeds(part) for part in value]
    if isinstance(value, dict):
        return {name: _with_line_feeds(part) for name, part in value.items()}
    return value


def _row(line: int, record: dict[str, Any]) -> Row | BadRow:
    is_active = record.get("is_active", True)
    if not isinstance(is_active, bool):
        return BadRow(line, f"is_active: {is_active!r} is not true or false")
    return Row(line, {name: value for name, value in record.items() if name not in META}, is_active)


def _checked_header(cells: list[str]) -> list[str]:
    header = [cell.strip().lower() for cell in cells]
    for name in header:
        if name not in COLUMNS:
            close = difflib.get_close_matches(name, COLUMNS, n=1)
            hint = f"Did you mean {close[0]}?" if close else f"The columns: {_SHORT_HEADER}"
            raise ConfigurationError(f"line 1: unknown column {name!r}", hint=hint)
    repeated = sorted({name for name in header if header.count(name) > 1})
    missing = [name for name in REQUIRED if name not in header]
    if repeated or missing:
        problem = f"column named twice: {repeated[0]}" if repeated else f"missing columns: {', '.join(missing)}"
        raise ConfigurationError(f"line 1: {problem}", hint=f"The columns: {_SHORT_HEADER}")
    return header


def _to_columns(record: dict[str, Any]) -> dict[str, Any]:
    row = {name: _cell(record.get(name)) for name in COLUMNS if name not in OPTION_COLUMNS}
    stimulus = record.get("stimulus") or {}
    row |= {column: _cell(stimulus.get(part)) for column, part in _STIMULUS.items()}
    for label, option in zip(LABELS.lower(), record["options"], strict=False):
        for part in _PARTS:
            row[f"option_{label}{part}"] = _cell(option.get(part[1:] or "text"))
    row["answer"] = LABELS[record["answer"]]
    row["structure"] = "" if record.get("structure") is None else json.dumps(record["structure"], ensure_ascii=False)
    return row


def _from_columns(cells: dict[str, str]) -> dict[str, Any]:
    plain = {name: value for name, value in cells.items() if value != "" and name not in OPTION_COLUMNS}
    stimulus = {part: plain.pop(column) for column, part in _STIMULUS.items() if column in plain}
    record: dict[str, Any] = dict(plain)
    if stimulus:
        record["stimulus"] = stimulus
    record["options"] = list(_options(cells))
    record["answer"] = _answer(cells.get("answer", ""))
    if "structure" in plain:
        record["structure"] = json.loads(plain["structure"])
    if "is_active" in plain:
        record["is_active"] = {"true": True, "false": False}.get(plain["is_active"].lower(), plain["is_active"])
    return record


def _options(cells: dict[str, str]) -> Iterator[dict[str, str]]:
    ended = False
    for label in LABELS.lower():
        parts = {part[1:] or "text": cells.get(f"option_{label}{part}", "") for part in _PARTS}
        if not any(parts.values()):
            ended = True
            continue
        if ended:
            raise ValueError(f"option_{label}: there is an empty option before it")
        yield {name: value for name, value in parts.items() if value}


def _answer(cell: str) -> int:
    letter = cell.strip().upper()
    if len(letter) != 1 or letter not in LABELS:
        raise ValueError(f"answer: {cell!r} is not a letter from A to {LABELS[-1]}")
    return LABELS.index(letter)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _is_garbled(text: str) -> bool:
    return any("\udc80" <= character <= "\udcff" for character in text)


def _no_such_number(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")
