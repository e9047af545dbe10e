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


def load_yaml(path: Path, model: type[Model]) -> Model:
    """The file's content as `model`. Raises ConfigurationError with file, line, key and what was expected."""
    node, data = _parse(path)
    lines: dict[Location, int] = {}
    _index_lines(node, (), lines, path)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise ConfigurationError("\n".join(_describe(e, lines, path, model) for e in error.errors())) from error


def _parse(path: Path) -> tuple[yaml.Node, Any]:
    """The file as nodes, which know their lines, and as plain data."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigurationError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from error
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        data = None if node is None else loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise ConfigurationError(f"{where}: not valid YAML: {getattr(error, 'problem', None) or error}") from error
    if node is None:
        raise ConfigurationError(f"{path}: the file is empty")
    if not isinstance(node, yaml.MappingNode):
        raise ConfigurationError(f"{path}:{node.start_mark.line + 1}: expected keys and values at the top level")
    return node, data


def _index_lines(node: yaml.Node, at: Location, lines: dict[Location, int], path: Path) -> None:
    lines.setdefault(at, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise ConfigurationError(f"{path}:{key.start_mark.line + 1}: {_dotted((*at, key.value))}: named twice")
            seen.add(key.value)
            lines[(*at, key.value)] = key.start_mark.line + 1
            _index_lines(value, (*at, key.value), lines, path)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _index_lines(value, (*at, index), lines, path)


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
    shown = f", got {error['input']!r}" if isinstance(error["input"], str | int | float | bool) else ""
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
