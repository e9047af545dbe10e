"""Number series: find the rule, give the next number.

Radicals: the kind of rule, whether a second rule must be kept in mind, and the size of the numbers.
- easy: one rule on single steps: a constant step, a constant factor, a step that grows or shrinks evenly;
- medium: two things at once: two operations in turn, a factor and an addend, a step that doubles, each number from
  the two before it;
- hard: three operations in turn, an addend that grows beside a factor, sums of two numbers with a constant, steps in
  two strands, steps whose growth grows, digit sums.
This is the order found in studies of number series, where the number of operations and rules to hold and the need to
look beyond neighbouring numbers make an item harder (Holzman, Pellegrino & Glaser 1983).

Rivals: every rule of the space in `_series.py`; a draft is dropped when any of them leads to another number. The
solver runs the same search on the printed numbers, and nothing of the rule that made them.
"""

from __future__ import annotations

import random
import re

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.pattern._number_rules import LARGEST, RULES
from qgen_dagster.generation.items.pattern._options import Wrong, spread, success
from qgen_dagster.generation.items.pattern._series import continuations


def _general_wrongs(shown: list[int], key: int, beyond: int) -> list[Wrong]:
    """Mistakes that any series invites, likeliest first."""
    last, previous, earlier = shown[-1], shown[-2], shown[-3]
    return [
        Wrong(2 * last - previous, "last_step_repeated", "This repeats the last step, but the steps change."),
        Wrong(beyond, "one_number_too_far", "This is the number after the missing one."),
        Wrong(last + previous - earlier, "earlier_step_used", "This takes a step from earlier in the series again."),
        Wrong(2 * last - key, "wrong_direction", "This takes the right step in the opposite direction."),
        Wrong(2 * key - last, "step_taken_twice", "This takes the right step twice."),
        Wrong(last + (key - last) // 2, "half_a_step", "This takes only half of the right step."),
    ]


class NumberSeries(ItemModel):
    name = "number_series"
    family = "pattern"
    sub_type = "number_series"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        series = rng.choice(RULES[level])(rng)
        shown, key = series.terms[:-2], series.terms[-2]
        if min(series.terms) < 0 or max(shown) > LARGEST or key > LARGEST or key in shown[-1:]:
            raise Unsuitable("numbers out of range")
        if continuations(shown) != {key}:
            raise Unsuitable("another rule leads to another number")
        wrongs = [*series.wrongs, *_general_wrongs(shown, key, series.terms[-1])]
        distractors = spread(key, wrongs, 3 if level == "easy" else 5, rng)
        return Draft(
            stem=f"Which number comes next in this series?\n\n{', '.join(map(str, shown))}, ?",
            key=Choice(str(key)),
            distractors=distractors,
            explanation=f"{series.rule} The next number is therefore {key}: {series.last_step}.",
            structure={"terms": shown},
            expected_success=success(level, series.load),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        terms = [int(n) for n in re.findall(r"\d+", shown.stem)]
        justified = continuations(terms)
        return [i for i, option in enumerate(shown.options) if int(option.text) in justified]


MODEL = NumberSeries()
