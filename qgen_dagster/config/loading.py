"""Reading a YAML file into a pydantic model, with errors that name the file, the line and the key.

Unknown keys, wrong types, repeated keys, empty and missing files are configuration errors; nothing is ever ignored.
Not here: which files there are (`settings.py`) and what their keys mean (the models).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from qgen_dagster.core.errors import ConfigurationError

Model = TypeVar("Model", bound=BaseModel)
# The C parser where PyYAML brings it: every command reads the taxonomy.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Location = tuple[int | str, ...]
_LONGEST_SHOWN = 80  # of a refused value


def load_yaml(path: Path, model: type[Model]) -> Model:
    """The file's content as `model`. Raises ConfigurationError with file, line, key and what was expected."""
    lines: dict[Location, int] = {}
    try:
        data = _parse(path, lines)
    except RecursionError:
        raise ConfigurationError(f"{path}: not valid YAML: nested too deeply, or a part within itself") from None
    try:
        return model.model_validate(data)
    except ValidationError as error:
        found = _worth_telling(error.errors())
        raise ConfigurationError("\n".join(_describe(e, lines, path, model) for e in found)) from error


def _parse(path: Path, lines: dict[Location, int]) -> Any:
    """The file as plain data; `lines` is filled with where its keys and values stand."""
    text = _read(path)
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            raise ConfigurationError(f"{path}: the file is empty")
        if not isinstance(node, yaml.MappingNode):
            raise ConfigurationError(f"{path}:{node.start_mark.line + 1}: expected keys and values at the top level")
        _index_lines(node, (), lines, path)  # first: constructing puts merged keys among a node's own
        return loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        tab = mark is not None and "\t" in [*text.splitlines(), ""][mark.line]
        why = f"{getattr(error, 'problem', None) or error}{' (a tab? indent with spaces)' if tab else ''}"
        raise ConfigurationError(f"{where}: not valid YAML: {why}") from error
    except ValueError as error:  # what looks like a date or a number, and is none
        wrong = next((n for n in _scalars(node) if not _can_be_read(n)), node)
        raise ConfigurationError(f"{path}:{wrong.start_mark.line + 1}: a value cannot be read: {error}") from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigurationError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise ConfigurationError(f"{path}: is a folder, not a file") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigurationError(f"{path}:{line}: cannot be read: not UTF-8 text") from error
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror or error}") from error


def _scalars(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.ScalarNode):
        yield node
        return
    for child in node.value:
        for one in child if isinstance(child, tuple) else (child,):
            yield from _scalars(one)


def _can_be_read(node: yaml.Node) -> bool:
    try:
        _Loader("").construct_object(node)  # a new one: the one that failed takes the node for one within itself
    except ValueError:
        return False
    return True


def _index_lines(node: yaml.Node, at: Location, lines: dict[Location, int], path: Path) -> None:
    lines.setdefault(at, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise ConfigurationError(
                    f"{path}:{key.start_mark.line + 1}: {_dotted(at) or 'file'}: a key must be text"
                )
            if key.value in seen:
                raise ConfigurationError(f"{path}:{key.start_mark.line + 1}: {_dotted((*at, key.value))}: named twice")
            seen.add(key.value)
            lines[(*at, key.value)] = key.start_mark.line + 1
            _index_lines(value, (*at, key.value), lines, path)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _index_lines(value, (*at, index), lines, path)


def _worth_telling(errors: list[ErrorDetails]) -> list[ErrorDetails]:
    """Without those that only follow from others: a list of nothing but faulty entries counts as empty."""
    places = [error["loc"] for error in errors]

    def follows(error: ErrorDetails) -> bool:
        at = error["loc"]
        return error["type"] == "too_short" and any(len(p) > len(at) and p[: len(at)] == at for p in places)

    return [error for error in errors if not follows(error)]


def _describe(error: ErrorDetails, lines: dict[Location, int], path: Path, model: type[BaseModel]) -> str:
    at: Location = tuple(error["loc"])
    known = at
    while known and known not in lines:
        known = known[:-1]
    where = f"{path}:{lines.get(known, 1)}"
    if error["type"] == "extra_forbidden":
        return f"{where}: {_dotted(at)}: unknown key{_suggestion(at, model)}"
    if error["type"] == "missing":
        return f"{where}: {_dotted(at)}: missing"
    message = error["msg"].removeprefix("Value error, ")
    given = repr(error["input"]) if isinstance(error["input"], str | int | float | bool) else ""
    shown = f", got {given if len(given) <= _LONGEST_SHOWN else given[:_LONGEST_SHOWN] + '…'}" if given else ""
    return f"{where}: {_dotted(at) or 'file'}: {message}{shown}"


def _suggestion(at: Location, model: type[BaseModel]) -> str:
    """What may be meant by an unknown key: one that is spelt alike, one that belongs elsewhere, or what is known."""
    here = _model_at(at[:-1], model)
    if here is None:
        return ""
    key, fields = str(at[-1]), here.model_fields
    close = difflib.get_close_matches(key, fields, n=1, cutoff=0.6)
    elsewhere = [place for place in _places_of(key, model) if place != at]
    if elsewhere and key not in close:
        return (
            f" here (it belongs under {' or '.join(_dotted(place[:-1]) or 'the top level' for place in elsewhere[:3])})"
        )
    return f" (did you mean {close[0]}?)" if close else f" (known: {', '.join(fields)})"


def _model_at(at: Location, model: type[BaseModel]) -> type[BaseModel] | None:
    """The model whose keys stand at a place of the file; None inside lists and free mappings."""
    found: Any = model
    for part in at:
        field = found.model_fields.get(part)
        found = field.annotation if field else None
        if not (isinstance(found, type) and issubclass(found, BaseModel)):
            return None
    return found  # type: ignore[no-any-return]


def _places_of(key: str, model: type[BaseModel], at: Location = ()) -> Iterator[Location]:
    """Everywhere in the file where a key of that name may stand."""
    for name, field in model.model_fields.items():
        if name == key:
            yield (*at, name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _places_of(key, field.annotation, (*at, name))


def _dotted(at: Location) -> str:
    text = ""
    for part in at:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text
