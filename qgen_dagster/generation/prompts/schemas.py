"""The output contracts as strict JSON schemas, built once.

Only what every provider's structured output takes: types, required properties, no additional ones. Bounds of numbers
and lengths are said in the prompts and checked by `replies/`. Not here: the words that explain them (the YAML files).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TEXT = {"type": "string"}
_TEXT_OR_NULL = {"type": ["string", "null"]}
_NUMBER = {"type": "number"}
_NUMBER_OR_NULL = {"type": ["number", "null"]}
_YES_OR_NO = {"type": "boolean"}
CRITERIA = ("clarity", "validity", "formatting", "creativity", "leakage")


def _object(**properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list_of(items: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


_QUESTION = _object(
    sub_type=_TEXT,
    stimulus=_TEXT_OR_NULL,
    stem=_TEXT,
    options=_list_of(_object(text=_TEXT, mistake=_TEXT_OR_NULL)),
    answer=_TEXT,
    explanation=_TEXT,
)
# The reason stands before the score, so that a model that writes in order thinks before it judges.
_SCORED = _object(reason=_TEXT, score=_NUMBER)

QUESTIONS: Mapping[str, Any] = _object(questions=_list_of(_QUESTION))
SOLUTION: Mapping[str, Any] = _object(
    reasoning=_TEXT, answer=_TEXT, also_defensible=_list_of(_TEXT), confidence=_NUMBER
)
ASSESSMENT: Mapping[str, Any] = _object(
    **dict.fromkeys(CRITERIA, _SCORED),
    difficulty=_object(reason=_TEXT, level=_TEXT),
    feedback=_TEXT,
)
COMPARISON: Mapping[str, Any] = _object(reason=_TEXT, same=_YES_OR_NO)
_DRILL_OPTION = _object(
    text=_TEXT,
    play=_TEXT_OR_NULL,
    low=_NUMBER_OR_NULL,
    high=_NUMBER_OR_NULL,
    correct=_YES_OR_NO,
    feedback=_TEXT,
)
DRILLS: Mapping[str, Any] = _object(
    drills=_list_of(
        _object(
            position_id=_TEXT,
            methodology=_TEXT,
            scenario=_TEXT,
            question=_TEXT,
            options=_list_of(_DRILL_OPTION),
            best_play=_TEXT,
            subject=_TEXT_OR_NULL,
            explanation=_TEXT,
            hints=_list_of(_TEXT),
            principles=_list_of(_TEXT),
        )
    )
)
