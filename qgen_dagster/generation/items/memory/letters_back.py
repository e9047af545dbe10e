"""A row of letters, and one of them asked by its distance from another (n-back).

Radicals: length, reference point, and whether matches must be found in memory.
- easy: 6 letters; the letter 2–4 places before the last one.
- medium: 8 letters; the letter 2–3 places before or after a named one in the middle.
- hard: 10 letters with repetitions; the one letter that came again exactly n places later. Other letters come again
  one place sooner or later than that: the lures that make n-back tasks hard.
Letters are consonants, so that no words arise. Time shown: 1.5 s a letter.
The solver reads the row and counts.
"""

from __future__ import annotations

import random
import re

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.language import counted, number_word
from qgen_dagster.generation.items.memory._recall import entries, expected, to_remember

LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
HEADING = "Remember these letters in their order:"
WORDS = {number_word(n): n for n in range(1, 6)}


class LettersBack(ItemModel):
    name = "letters_back"
    family = "memory"
    sub_type = "n_back"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        if level == "easy":
            return _from_the_end(rng)
        if level == "medium":
            return _from_a_letter(rng)
        return _repeated(rng)

    def solve(self, shown: ShownQuestion) -> list[int]:
        row = entries(shown.stimulus)[0].split()
        distance = next(n for word, n in WORDS.items() if re.search(rf"\b{word} place", shown.stem))
        named = re.search(r"the letter ([A-Z])\?", shown.stem)
        if "again" in shown.stem:
            wanted = {a for a, b in zip(row, row[distance:], strict=False) if a == b}
        elif named:
            wanted = {row[row.index(named[1]) + (distance if " after " in shown.stem else -distance)]}
        else:
            wanted = {row[-1 - distance]}
        return [i for i, option in enumerate(shown.options) if option.text in wanted]


def _from_the_end(rng: random.Random) -> Draft:
    row = rng.sample(LETTERS, 6)
    distance = rng.randint(2, 4)
    places = f"{counted(distance, 'place', in_words=True)} before the last letter"
    stem = f"Which letter came {places}?"
    key = len(row) - 1 - distance
    return _draft("easy", rng, row, key, stem, places, ["end", distance], 0.2 * distance)


def _from_a_letter(rng: random.Random) -> Draft:
    row = rng.sample(LETTERS, 8)
    distance = rng.choice((-3, -2, 2, 3))
    start = rng.randrange(max(0, -distance), len(row) - max(0, distance))
    key = start + distance
    where = (
        f"{counted(abs(distance), 'place', in_words=True)} {'after' if distance > 0 else 'before'} the letter "
        f"{row[start]}"
    )
    burden = 0.2 + 0.2 * (abs(distance) - 1) + 0.2 * (distance < 0)
    return _draft("medium", rng, row, key, f"Which letter came {where}?", where, [start, distance], burden)


def _draft(
    level: ItemLevel,
    rng: random.Random,
    row: list[str],
    key: int,
    stem: str,
    where: str,
    asked: list[object],
    burden: float,
) -> Draft:
    reference = row[asked[0]] if isinstance(asked[0], int) else row[-1]
    others = [i for i, letter in enumerate(row) if i != key and letter != reference]
    near = sorted(others, key=lambda i: abs(i - key))[:2]
    wrong = [*near, *rng.sample([i for i in others if i not in near], 2)]
    return Draft(
        stem=stem,
        stimulus=to_remember(HEADING, [" ".join(row)], round(1.5 * len(row))),
        key=Choice(row[key]),
        distractors=tuple(_miscounted(row, i, key) for i in wrong),
        explanation=f"The letters were {' '.join(row)}. The one {where} is {row[key]}.",
        structure={"letters": "".join(row), "asked": asked},
        expected_success=expected(level, burden),
    )


def _miscounted(row: list[str], place: int, key: int) -> Choice:
    off = abs(place - key)
    tag = "one_place_off" if off == 1 else "other_letter"
    return Choice(
        row[place], mistake=tag, note=f"This letter is {counted(off, 'place', in_words=True)} away from the right one."
    )


def _repeated(rng: random.Random) -> Draft:
    distance = rng.choice((2, 3, 4))
    row = _with_lures(rng, distance)
    gaps = {a: j - i for i, a in enumerate(row) for j, b in enumerate(row) if i < j and a == b}
    matches = [letter for letter, gap in gaps.items() if gap == distance]
    singles = [letter for letter in row if row.count(letter) == 1]
    lures = [letter for letter in gaps if letter not in matches]
    if len(matches) != 1 or len(lures) != 2 or any(row.count(letter) > 2 for letter in row):
        raise Unsuitable("not one match and two lures")
    places = counted(distance, "place", in_words=True)
    wrong = [
        Choice(
            a,
            mistake="wrong_distance",
            note=f"This letter came again, but {counted(gaps[a], 'place', in_words=True)} later.",
        )
        for a in lures
    ]
    wrong += [Choice(a, mistake="no_repetition", note="This letter came only once.") for a in rng.sample(singles, 2)]
    return Draft(
        stem=f"Which letter came again exactly {places} later?",
        stimulus=to_remember(HEADING, [" ".join(row)], round(1.5 * len(row))),
        key=Choice(matches[0]),
        distractors=tuple(wrong),
        explanation=f"The letters were {' '.join(row)}. Only {matches[0]} comes again exactly {places} later.",
        structure={"letters": "".join(row), "asked": ["again", distance]},
        expected_success=expected("hard", 0.2 + 0.15 * distance),
    )


def _with_lures(rng: random.Random, distance: int) -> list[str]:
    """Ten letters in which three come again: one at `distance`, one a place sooner, one a place later."""
    row: list[str] = [""] * 10
    letters = rng.sample(LETTERS, 7)
    for letter, gap in zip(letters, (distance, distance - 1, distance + 1), strict=False):
        starts = [i for i in range(10 - gap) if not row[i] and not row[i + gap]]
        if not starts:
            raise Unsuitable("no room for a lure")
        start = rng.choice(starts)
        row[start] = row[start + gap] = letter
    rest = iter(letters[3:])
    return [letter or next(rest) for letter in row]


MODEL = LettersBack()
