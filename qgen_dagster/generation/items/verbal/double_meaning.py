"""Double meaning: the one word that has both of two unrelated meanings.

Radicals: medium, both meanings are spelled out, or one is and the other is hinted at by two words that come near it;
hard, both are only hinted at, so that the second sense of the answer has to be found from its associates, and other
words with two senses are offered.
Retrieving the less frequent sense of a homograph is what makes such items hard.
Incidentals: the words offered.

Each wrong option comes near one meaning only (or, in hard items, has two other meanings).

Solver: looks for the words of the list that have both the meanings (or come near both groups of hints) shown.
"""

from __future__ import annotations

import random
import re

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.verbal._lexicon import Double, lexicon, success

HALF_HINTED = "One word means “{}” and, in quite another sense, belongs with “{}” and “{}”. Which word?"
SPELLED_OUT = "Which one word has both of these meanings: “{}” and “{}”?"
# How often both meanings are spelled out at medium.
SPELLED = 0.25
HINTED = "One word belongs with “{}” and “{}” and, in quite another sense, with “{}” and “{}”. Which word?"


class DoubleMeaning(ItemModel):
    name = "verbal_double_meaning"
    version = 3
    family = "verbal"
    sub_type = "precise_word"
    levels = ("medium", "hard")

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        doubles = lexicon().doubles
        double = doubles[rng.randrange(len(doubles))]
        order = rng.sample((0, 1), 2)
        hints = [rng.sample(double.near[i], 2) for i in order]
        if level == "hard":
            stem = HINTED.format(*hints[0], *hints[1])
        elif rng.random() < SPELLED:
            hints = []
            stem = SPELLED_OUT.format(*(double.meanings[i] for i in order))
        else:
            hints = hints[1:]
            stem = HALF_HINTED.format(double.meanings[order[0]], *hints[0])
        distractors = _distractors(double, level, {word for pair in hints for word in pair}, rng)
        if len({c.text for c in distractors}) < (4 if level == "medium" else 5):
            raise Unsuitable("too few distractors")
        first, second = (double.meanings[i] for i in order)
        return Draft(
            stem=stem,
            key=Choice(double.word),
            distractors=tuple(distractors),
            explanation=(
                f"“{double.word}” means “{first}”, and it also means “{second}”. "
                "Each of the other words is near one of the two meanings at most."
            ),
            structure={"word": double.word, "hints": sorted(map(sorted, hints))},
            expected_success=success(level, 0.2 + 0.2 * (len(hints) == 1) + 0.6 * lexicon().rarity(double.word)),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        cues = re.findall(r"“([^”]+)”", shown.stem)
        # One cue of the first sense or as many as of the second: the stem has two, three or four in all.
        half = 2 if len(cues) == 4 else 1
        offered = {option.text for option in shown.options}
        known = [double for double in lexicon().doubles if double.word in offered]
        fitting = {d.word for d in known if {_side(d, cues[:half]), _side(d, cues[half:])} == {0, 1}}
        return [i for i, option in enumerate(shown.options) if option.text in fitting]


# --- making ---------------------------------------------------------------------------------------------------------
def _distractors(double: Double, level: ItemLevel, shown: set[str], rng: random.Random) -> list[Choice]:
    """Words near one of the meanings, as many of either as can be, and, at hard, other words with two senses."""
    near = [[word for word in double.near[i] if word not in shown] for i in (0, 1)]
    if level == "medium":
        # A meaning that is hinted at by two of its three words has one left; the other makes up for it.
        counts = [2 if len(words) > 1 else 1 for words in near]
        counts = [count + 4 - sum(counts) if count > 1 else count for count in counts] if sum(counts) < 4 else counts
        return [_one_sided(double, i, word) for i in (0, 1) for word in rng.sample(near[i], counts[i])]
    chosen = [_one_sided(double, i, word) for i in (0, 1) for word in near[i]]
    doubles = lexicon().doubles
    others = [d for d in rng.sample(doubles, 8) if d is not double and not _overlap(d, double)]
    return chosen + [_other(d, double) for d in others[: 5 - len(chosen)]]


def _one_sided(double: Double, side: int, word: str) -> Choice:
    note = f"“{word}” comes near “{double.meanings[side]}”, but has nothing to do with “{double.meanings[1 - side]}”."
    return Choice(word, mistake="fits_one_meaning_only", note=note)


def _other(other: Double, double: Double) -> Choice:
    note = f"“{other.word}” has two senses too, but others: “{other.meanings[0]}” and “{other.meanings[1]}”."
    return Choice(other.word, mistake="another_word_with_two_senses", note=note)


def _overlap(one: Double, other: Double) -> bool:
    """Whether two words share an associate, so that one could be argued to fit the other's hints."""
    mine, theirs = {one.word, *one.near[0], *one.near[1]}, {other.word, *other.near[0], *other.near[1]}
    return not mine.isdisjoint(theirs)


# --- solving --------------------------------------------------------------------------------------------------------
def _side(double: Double, cues: list[str]) -> int | None:
    """The meaning of the word to which all cues belong, if there is one."""
    for side in (0, 1):
        if all(cue == double.meanings[side] or cue in double.near[side] for cue in cues):
            return side
    return None


MODEL = DoubleMeaning()
