"""What a language model is told of a drill that it is to write: the task, the position, and what was counted for it.

Models count shots badly, so the counts stand in the request. Not here: the prompt around it
(`generation/prompts/drill.yaml`), the built-in designer (`design.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qgen_dagster.config.drills import Curriculum
from qgen_dagster.core.drills import AnswerFormat, Asks, Position, Slot
from qgen_dagster.drills.library import SHOWN_PLAYS, render_for_prompt
from qgen_dagster.drills.spot import Spot

# What the right option must be, by what the methodology asks.
ANSWERS: Mapping[Asks, str] = {
    Asks.BEST_PLAY: "Each option stands for one play (`play`); the right one is the engine's first play.",
    Asks.WORST_PLAY: "Each option is one play (`play`): the engine's first play, two more that lose at most 0.04, and "
    "the right option, which loses at least 0.08 more than each of them.",
    Asks.WIN_CHANCE: "Each option claims your winning chance in per cent after the best play, as a range of 10 (`low`, "
    "`high`); the chance lies well inside the right one. `subject` is the best play.",
    Asks.ERROR_SIZE: "`subject` is a play that loses something; each option claims how much equity it gives away, as a "
    "range (`low`, `high`); the loss lies well inside the right one.",
    Asks.SHOTS: "`subject` is a play of the list of rolls that hit; each option claims the opponent's rolls of 36 that "
    "hit after it (`low` and `high` are that same number).",
    Asks.RACE: "Each option claims by how many pips you lead before the roll, negative when you trail (`low` and "
    "`high` are that same number). Scenario, question and hints must not tell the pips.",
}
SEARCH = "Give 5 or 6 options where the list has as many that are clearly wrong."


def ask_for(slot: Slot, position: Position, curriculum: Curriculum) -> str:
    """The lines about one drill of a batch."""
    settings = curriculum.methodologies[slot.methodology]
    task = f"{settings.text} {ANSWERS[settings.asks]}"
    if settings.format is AnswerFormat.MOVE_SELECTION:
        task = f"{task} {SEARCH}"
    lines = [f"Methodology: {slot.methodology}", f"Task: {task}", render_for_prompt(position), _further(position)]
    if settings.asks is Asks.SHOTS or settings.format is AnswerFormat.MOVE_SELECTION:
        lines.append(_shots(position))
    return "\n".join(line for line in lines if line)


def principles_of(curriculum: Curriculum) -> dict[str, str]:
    """The principles by name, each with the phases in which it is taught."""
    return {
        name: f"{principle.text} ({', '.join(phase.value for phase in principle.phases)})"
        for name, principle in curriculum.principles.items()
    }


def methodologies_of(curriculum: Curriculum) -> dict[str, str]:
    """The methodologies by name."""
    return {name: f"{m.text} ({m.tier.value}, {m.format.value})" for name, m in curriculum.methodologies.items()}


def _further(position: Position) -> str:
    evaluation = position.evaluation
    rest: Sequence[str] = [f"{c.play} (loses {evaluation.loss(c):.3f})" for c in evaluation.candidates[SHOWN_PLAYS:]]
    return f"Further plays: {'; '.join(rest)}" if rest else ""


def _shots(position: Position) -> str:
    spot = Spot.of(position)
    if spot is None:
        return ""
    counted = "; ".join(f"{each.text}: {each.features.shots}" for each in spot.plays)
    return f"Rolls of 36 that hit a blot outside the opponent's home board: {counted}"
