"""The built-in designer: a drill from a position and its evaluation, by code alone.

Here: what all methodologies share and the table of them. `design_plays.py` has those whose options are plays or ideas,
`design_numbers.py` those that ask for a number. Not here: which position gets which methodology (`planner.py`), the
rules that every drill must keep, whoever made it (`rules.py`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from qgen_dagster.config.drills import Curriculum
from qgen_dagster.core.drills import Drill, Position
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.drills.design_numbers import count_the_shots, judge_the_position, price_the_error, read_the_race
from qgen_dagster.drills.design_plays import (
    compare_candidates,
    find_the_play,
    name_the_plan,
    spot_the_blunder,
    weigh_the_risk,
)
from qgen_dagster.drills.spot import Spot, Task

Designer = Callable[[Spot, random.Random], Task | None]

DESIGNERS: Mapping[str, Designer] = {
    "spot_the_blunder": spot_the_blunder,
    "count_the_shots": count_the_shots,
    "read_the_race": read_the_race,
    "compare_candidates": compare_candidates,
    "find_the_play": find_the_play,
    "judge_the_position": judge_the_position,
    "name_the_plan": name_the_plan,
    "weigh_the_risk": weigh_the_risk,
    "price_the_error": price_the_error,
}


def design_drill(position: Position, methodology: str, curriculum: Curriculum, seed: int | str) -> Drill | None:
    """A drill of a methodology about a position; None where the position does not lend itself to it.

    The same arguments make the same drill on any machine. Raises ConfigurationError for a methodology that the
    curriculum has and this designer does not know.
    """
    settings = curriculum.methodologies[methodology]
    designer = DESIGNERS.get(methodology)
    if designer is None:
        raise ConfigurationError(
            f"the built-in designer does not know the methodology {methodology!r}",
            hint=f"It knows {', '.join(DESIGNERS)}.",
        )
    spot = Spot.of(position)
    if spot is None:
        return None
    task = designer(spot, random.Random(f"{seed}/{position.id}/{methodology}"))
    if task is None:
        return None
    return Drill(
        position_id=position.id,
        tier=settings.tier,
        methodology=methodology,
        format=settings.format,
        asks=settings.asks,
        scenario=task.scenario,
        question=task.question,
        options=task.options,
        best_play=spot.best.text,
        subject=task.subject,
        explanation=task.explanation,
        hints=task.hints,
        principles=spot.principles(curriculum, task.principles),
    )


def possible_methodologies(position: Position, curriculum: Curriculum, seed: int | str) -> tuple[str, ...]:
    """The methodologies of the curriculum that the built-in designer can make of a position with this seed."""
    return tuple(
        name for name in curriculum.methodologies if design_drill(position, name, curriculum, seed) is not None
    )
