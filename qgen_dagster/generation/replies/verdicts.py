"""What solvers and judges say: a solution, an assessment, a comparison.

A verdict decides what goes into the bank, so nothing is made up: what is missing, not a number, out of its range or
contradictory makes the whole reply unusable, and the candidate waits. Not here: what follows from a verdict
(`judging/`, `dedup/`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.core.question import LABELS
from qgen_dagster.core.taxonomy import Taxonomy
from qgen_dagster.generation.replies.find_json import CONTRADICTION, check_size, find_json, malformed, nothing_usable
from qgen_dagster.generation.replies.texts import Unusable, shown, spoken

RUBRIC = ("clarity", "validity", "formatting", "creativity")
_LETTER = re.compile(
    r"^(?:(?:option|answer|choice)\s*:?\s*)?[(\[]?([A-F])(?:[)\].:](?:\s.*)?)?$", re.IGNORECASE | re.DOTALL
)
_NONE = frozenset({"none", "none of the options", "none of them"})


@dataclass(frozen=True, slots=True)
class SolutionReply:
    """What a solver answered. `answer` is the option's index in the question itself; None: no option is right."""

    answer: int | None
    also_defensible: tuple[int, ...]
    confidence: float
    reasoning: str


@dataclass(frozen=True, slots=True)
class AssessmentReply:
    """What an arbiter said. Scores and `leakage` are 0–1; `leakage` 1 means that nothing gives the key away.

    `scores` and `reasons` have the rubric's four criteria; `difficulty` is a key of the taxonomy.
    """

    scores: Mapping[str, float]
    reasons: Mapping[str, str]
    leakage: float
    leakage_reason: str
    difficulty: str
    difficulty_reason: str
    feedback: str


@dataclass(frozen=True, slots=True)
class ComparisonReply:
    """Whether two questions are the same problem, and why."""

    same: bool
    reason: str


def parse_solution(text: str, order: Sequence[int]) -> SolutionReply:
    """A solver's answer; `order` lists the options' indices as they were printed. Raises ProviderError."""
    said = _only_object(text, "answer", "solution")
    try:
        answer = _letter(said["answer"], order)
        listed = said.get("also_defensible")
        if not isinstance(listed, list):
            raise Unusable("also_defensible is no list")
        others = (_letter(entry, order) for entry in listed if not (isinstance(entry, str) and not entry.strip()))
        also = sorted({place for place in others if place is not None and place != answer})
        return SolutionReply(
            answer=answer,
            also_defensible=tuple(also),
            confidence=_share(said.get("confidence"), "the confidence"),
            reasoning=spoken(said.get("reasoning"), 8_000),
        )
    except Unusable as error:
        raise malformed(f"not a solution: {error}", text) from None


def parse_assessment(text: str, taxonomy: Taxonomy) -> AssessmentReply:
    """An arbiter's scores. Raises ProviderError, also for a level that the taxonomy does not have."""
    said = _only_object(text, "validity", "assessment")
    try:
        scored = {name: _criterion(said, name) for name in (*RUBRIC, "leakage")}
        difficulty = _part(said, "difficulty")
        return AssessmentReply(
            scores={name: scored[name][0] for name in RUBRIC},
            reasons={name: scored[name][1] for name in RUBRIC},
            leakage=scored["leakage"][0],
            leakage_reason=scored["leakage"][1],
            difficulty=_level(difficulty.get("level"), taxonomy),
            difficulty_reason=spoken(difficulty.get("reason")),
            feedback=spoken(said.get("feedback")),
        )
    except Unusable as error:
        raise malformed(f"not an assessment: {error}", text) from None


def parse_comparison(text: str) -> ComparisonReply:
    """Whether two questions are the same. Raises ProviderError."""
    said = _only_object(text, "same", "comparison")
    same = {"true": True, "false": False}.get(str(said["same"]).strip().lower())
    if same is None:
        raise malformed(f"not a comparison: same is {shown(said['same'])}", text)
    return ComparisonReply(same=same, reason=spoken(said.get("reason")))


def _only_object(text: str, key: str, what: str) -> Mapping[str, Any]:
    """The one object of a reply that has `key`; repeated word for word it counts once."""
    check_size(text)
    found = find_json(text)
    fitting: list[Mapping[str, Any]] = []
    for value in found.values:
        candidates = value if isinstance(value, list) else [value]
        fitting += [v for v in candidates if isinstance(v, dict) and key in v and v not in fitting]
    if not fitting:
        raise nothing_usable(what, text, found)
    if len(fitting) > 1:
        raise malformed(f"the reply holds {len(fitting)} different answers", text)
    if CONTRADICTION in fitting[0]:
        raise malformed(f"the reply names {shown(fitting[0][CONTRADICTION])} twice with different values", text)
    return fitting[0]


def _letter(value: Any, order: Sequence[int]) -> int | None:
    said = value.strip() if isinstance(value, str) else ""
    if said.casefold().rstrip(".") in _NONE:
        return None
    match = _LETTER.match(said)
    if match is None:
        raise Unusable(f"{shown(value)} is no letter of an option")
    place = LABELS.index(match.group(1).upper())
    if place >= len(order):
        raise Unusable(f"{shown(said)} is none of the {len(order)} options")
    return order[place]


def _criterion(said: Mapping[str, Any], name: str) -> tuple[float, str]:
    part = _part(said, name)
    return _share(part.get("score"), name), spoken(part.get("reason"))


def _part(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = said.get(name)
    if not isinstance(part, dict):
        raise Unusable(f"{name} is missing")
    if CONTRADICTION in part:
        raise Unusable(f"{name} says two things at once")
    return part


def _share(value: Any, what: str) -> float:
    """A number from 0 to 1, also one written as text. Raises Unusable."""
    try:
        number = math.nan if value is None or isinstance(value, bool | dict | list) else float(value)
    except ValueError:
        number = math.nan
    if math.isnan(number):
        raise Unusable(f"{what} is no number")
    if not 0 <= number <= 1:
        raise Unusable(f"{what} is {number:g} instead of 0 to 1")
    return number


def _level(value: Any, taxonomy: Taxonomy) -> str:
    if not isinstance(value, str):
        raise Unusable("the level is no text")
    try:
        return taxonomy.difficulty(value).key
    except ConfigurationError:
        raise Unusable(f"the level {shown(value)} is not in the taxonomy") from None
