"""JSON values in the text of a reply, whatever stands around them: fences, prose, several objects, a cut-off end.

Values nested deeper than any contract, absurdly long ones and keys that contradict themselves are never followed. Not
here: what the values mean.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.generation.provider import Fault, ProviderError

MAX_CHARS = 1_000_000
MAX_DEPTH = 12  # the contracts need five
MAX_FAILURES = 64  # brackets that open nothing readable, before the rest of a reply is given up
MAX_PARTIAL = 2_000
CONTRADICTION = "\x00contradiction"  # a key that no reply can have as such: control characters are never kept

_START = re.compile(r"[{\[]")
_TRAILING_COMMA = re.compile(r'("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])', re.DOTALL)
_REFUSAL = re.compile(
    r"\b(i'm sorry|i am sorry|i apologi[sz]e"
    r"|i can(?:no|')t (?:help|assist|do|provide|create|write|generate|comply|fulfil)"
    r"|i (?:won't|will not|am unable|am not able)|unable to (?:help|assist|comply)|as an ai|against my guidelines)\b"
)
_LONGEST_REFUSAL = 2_000


@dataclass(frozen=True, slots=True)
class Found:
    """The complete values of a reply in order, and whether something was opened that could not be read."""

    values: tuple[Any, ...]
    broken: bool


def find_json(text: str) -> Found:
    """Every outermost complete object and array. Inside something broken or cut off, the outermost complete ones."""
    found = _scan(text)
    if found.broken:
        mended = _scan(_TRAILING_COMMA.sub(lambda match: match.group(1) or "", text))
        if not mended.broken:
            return mended
    return found


def malformed(message: str, text: str, fault: Fault = Fault.MALFORMED) -> ProviderError:
    """The error of a reply that cannot be used, with the start of its text."""
    return ProviderError(ErrorCategory.PARSE_ERROR, message, fault=fault, partial=text[:MAX_PARTIAL])


def check_size(text: str) -> None:
    """Raises ProviderError for a reply that is empty or absurdly long."""
    if not text.strip():
        raise malformed("the reply is empty", text, Fault.EMPTY)
    if len(text) > MAX_CHARS:
        raise malformed(f"the reply has {len(text):,} characters", text)


def nothing_usable(what: str, text: str, found: Found) -> ProviderError:
    """The error of a reply without what was asked for: a refusal, one that breaks off, or something else."""
    plain = text[:_LONGEST_REFUSAL].lower().replace("’", "'")
    if not found.values and len(text) <= _LONGEST_REFUSAL and _REFUSAL.search(plain):
        return malformed("the model declined", text, Fault.REFUSED)
    if found.broken:
        return malformed(f"the reply breaks off or is no valid JSON, without a complete {what}", text, Fault.TRUNCATED)
    return malformed(f"the reply holds no {what}", text)


def _scan(text: str) -> Found:
    values: list[Any] = []
    failures = position = 0
    while (start := _START.search(text, position)) and failures < MAX_FAILURES:
        try:
            value, position = _DECODER.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            failures, position = failures + 1, start.start() + 1
            continue
        if _depth_within(value, MAX_DEPTH):
            values.append(value)
        else:
            failures += 1
    return Found(tuple(values), broken=failures > 0)


def _depth_within(value: Any, limit: int) -> bool:
    if not isinstance(value, dict | list):
        return True
    return limit > 0 and all(_depth_within(inner, limit - 1) for inner in _inside(value))


def _inside(value: dict[str, Any] | list[Any]) -> Iterator[Any]:
    return iter(value.values() if isinstance(value, dict) else value)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; a key that stands in it twice with different values is noted, since the last one would win."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found and found[key] != value:
            found[CONTRADICTION] = key
        found[key] = value
    return found


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= 18 else float("inf")


# Not strict: models leave line feeds in strings as they are, and nothing else can be meant.
_DECODER = json.JSONDecoder(strict=False, object_pairs_hook=_object, parse_int=_integer)
