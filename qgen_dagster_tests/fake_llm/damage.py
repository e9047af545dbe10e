"""Spoiling what the model says: planted faults in questions, and replies that break their contract.

Here: `plant` (what is wrong with questions is remembered, so that solvers and arbiters find it), `spoil` (the text of
a reply). Not here: choosing what goes wrong (`faults.py`).
"""

from __future__ import annotations

import json
import random
from typing import Any

from qgen_dagster.core.question import normalise_text

from .faults import Fault
from .memory import Truth
from .stock import LEVELS, Made

LETTERS = "ABCDEF"


def count_asked(fault: Fault | None, count: int) -> int:
    """How many questions to make where so many were asked for."""
    if fault and fault.kind == "too_few":
        return count // 2
    if fault and fault.kind == "too_many":
        return count + 2
    return count


def plant(fault: Fault | None, made: list[Made], level: str, rng: random.Random) -> list[Truth]:
    """Spoils one of the questions, in place, as the fault says; returns the truth about each."""
    truths = [Truth(normalise_text(m.options[m.key]), level) for m in made]
    if fault and made:
        place = rng.randrange(len(made))
        truths[place] = _plant_one(fault.kind, made[place], truths[place], rng)
    return truths


def _plant_one(kind: str, made: Made, truth: Truth, rng: random.Random) -> Truth:
    others = [i for i in range(len(made.options)) if i != made.key]
    if kind == "wrong_key":
        claimed = rng.choice(others)
        made.mistakes[made.key], made.mistakes[claimed] = made.mistakes[claimed], None
        made.key = claimed
        made.explanation = f"Worked through step by step, the right answer is {made.options[claimed]}."
    elif kind == "ambiguous":
        second = made.options[rng.choice(others)]
        made.stem += " More than one reading is possible."
        return Truth(truth.key, truth.level, second=normalise_text(second))
    elif kind == "leak":
        made.stem += f" (Hint: it is {made.options[made.key]}.)"
        return Truth(truth.key, truth.level, leaks=True)
    elif kind == "wrong_difficulty":
        place = LEVELS.index(truth.level) if truth.level in LEVELS else 1
        return Truth(truth.key, LEVELS[place - 1] if place else LEVELS[1])
    return truth


def spoil_questions(fault: Fault | None, questions: list[dict[str, Any]], rng: random.Random) -> None:
    """Spoils the questions of a reply, in place, without touching what is true of them."""
    kind = fault.kind if fault else ""
    if kind == "duplicates" and len(questions) > 1:
        questions[-1] = dict(questions[0])
    elif kind == "no_key" and questions:
        _take_key_away(rng.choice(questions))
    elif kind.startswith("key_"):
        for question in questions:
            _write_key_as(kind, question)


def _take_key_away(question: dict[str, Any]) -> None:
    for option in question["options"]:
        if option["text"] == question["answer"]:
            option.update(text="Something else altogether", mistake="The taker guesses.")


def _write_key_as(kind: str, question: dict[str, Any]) -> None:
    answer = question["answer"]
    place = next(i for i, option in enumerate(question["options"]) if option["text"] == answer)
    question["answer"] = {
        "key_letter": LETTERS[place],
        "key_index": str(place),
        "key_spacing": f"  {answer.upper().replace(' ', '  ')} ",
    }[kind]


def spoil(fault: Fault | None, reply: dict[str, Any], rng: random.Random) -> str:
    """The reply as the text that the model says."""
    kind = fault.kind if fault else ""
    if kind == "wrong_schema":
        reply = _with_wrong_schema(reply, rng)
    if kind == "language":
        reply = _in_russian(reply)
    text = json.dumps(reply, ensure_ascii=False)
    if kind == "malformed_text":
        return text.replace('": ', '" ')
    if kind == "fences":
        return f"```json\n{json.dumps(reply, ensure_ascii=False, indent=2)}\n```"
    if kind == "prose":
        return f"Here is what you asked for:\n\n{text}\n\nTell me if you want me to change anything."
    if kind == "several_objects":
        return _in_several_objects(reply, text)
    return text


def _with_wrong_schema(reply: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """Another name for a field, a field that is missing, or a value of another type; in each of the questions."""
    if "questions" in reply:
        name = rng.choice(("stem", "options", "answer"))
        return {"questions": [_without(question, name, rng) for question in reply["questions"]]}
    return _without(reply, rng.choice(sorted(reply)), rng)


def _without(value: dict[str, Any], name: str, rng: random.Random) -> dict[str, Any]:
    rest = {other: part for other, part in value.items() if other != name}
    return rng.choice([rest, {**rest, f"the_{name}": value[name]}, {**rest, name: {"value": value[name]}}])


def _in_several_objects(reply: dict[str, Any], text: str) -> str:
    questions = reply.get("questions")
    if questions and len(questions) > 1:
        halves = [questions[: len(questions) // 2], questions[len(questions) // 2 :]]
        return "\n".join(json.dumps({"questions": half}, ensure_ascii=False) for half in halves)
    return f"{text}\n{text}"


# Enough to read as another language: the words in Russian letters, numbers and signs as they were.
_RUSSIAN = str.maketrans("abcdefghijklmnopqrstuvwxyz", "абцдефгхийклмнопкрстуввхыз")
_SPOKEN = frozenset({"stem", "explanation", "mistake", "reason", "reasoning", "feedback"})


def _in_russian(value: Any, field: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _in_russian(part, name) for name, part in value.items()}
    if isinstance(value, list):
        return [_in_russian(part, field) for part in value]
    if field in _SPOKEN and isinstance(value, str):
        return f"Ответ: {value.lower().translate(_RUSSIAN)}"
    return value
