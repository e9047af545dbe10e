"""Sentence completion: the word that fits a sentence about how far something goes on a scale with two sides.

Radicals: what the sentence says about the gap, seen from the word that it gives: easy, the same side of the scale, more
or less strong; medium, the opposite side, mild or strong, so that both side and strength have to be worked out.
Incidentals: noun, scale, wording.

Options are one word from each of the four cells (side × strength) of the scale, so they say nothing about the key.

There is no hard level: with the four cells as options a guess is right in a quarter of the cases.

Solver: finds the scale and the cell of the given word, reads from the wording which side and strength are asked for,
and keeps the options that are in that cell.
"""

from __future__ import annotations

import random
import re
from functools import cache

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel
from qgen_dagster.generation.items.language import capitalised
from qgen_dagster.generation.items.verbal._lexicon import Gradable, lexicon, success

# Strength of the given word and, for the gap: same side?, strong? With the wordings for it.
Frame = tuple[bool, bool, bool, str]
# No frame has a pronoun, since some nouns are people and some are things.
FRAMES: dict[ItemLevel, tuple[Frame, ...]] = {
    "easy": (
        (False, True, True, "{The} was not just {word} but ___."),
        (False, True, True, "“{Word}” is too weak a word for {the}; a better one is “___”."),
        (False, True, True, "{The} was more than {word}; “___” says it better."),
        (True, True, False, "It would be going too far to call {the} {word}, yet {the} was indeed ___."),
        (True, True, False, "{The} was ___, though one could hardly call {the} {word}."),
        (True, True, False, "“{Word}” is too strong a word for {the}; “___” says enough."),
    ),
    "medium": (
        (False, False, True, "{The} was the very opposite of {word}, and to an extreme degree: ___."),
        (False, False, True, "{The} was not {word} at all, but the extreme opposite: ___."),
        (False, False, True, "{The} was the opposite of {word}, and as much so as can be: ___."),
        (True, False, False, "{The} was by no means {word}, but the opposite, though not strongly so: ___."),
        (True, False, False, "Far from being {word}, {the} was the opposite, though only slightly so: ___."),
        (False, False, False, "Nobody could have called {the} {word}; the opposite was true, but only mildly: ___."),
    ),
}  # fmt: skip
QUESTION = "Which word fills the gap best?"


class Completion(ItemModel):
    name = "verbal_completion"
    version = 2
    family = "verbal"
    sub_type = "sentence_completion"
    levels = ("easy", "medium")

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        scales = lexicon().gradables
        scale = scales[rng.randrange(len(scales))]
        strong, same, wanted, pattern = FRAMES[level][rng.randrange(len(FRAMES[level]))]
        side = rng.randrange(2)
        given = rng.choice(scale.sides[side][strong])
        goal = (side if same else 1 - side, wanted)
        cells = {(s, t): rng.choice([w for w in scale.sides[s][t] if w != given]) for s in (0, 1) for t in (0, 1)}
        key = cells[goal]
        noun = scale.nouns[rng.randrange(len(scale.nouns))]
        sentence = pattern.format(The=capitalised(noun), the=noun, word=given, Word=capitalised(given))
        where = "on the same side of the scale as" if same else "on the other side of the scale from"
        how = "strong" if wanted else "mild"
        load = 0.4 * (not wanted) + 0.4 * strong
        return Draft(
            stem=f"{sentence}\n{QUESTION}",
            key=Choice(key),
            distractors=tuple(_distractor(cell, goal, word, given) for cell, word in cells.items() if cell != goal),
            explanation=(
                f"The sentence asks for a {how} word {where} “{given}”. Of the words offered, that is “{key}”: "
                f"{sentence.replace('___', key)}"
            ),
            structure={"given": given, "same": same, "strong": wanted, "key": key},
            expected_success=success(level, load),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        sentence = shown.stem.partition("\n")[0]
        extreme, opposite = _reading(sentence)
        found: set[int] = set()
        lowered = sentence.lower()
        words = set(re.findall(r"[\w-]+", lowered))
        for scale in lexicon().gradables:
            places = _places(scale)
            named = [place for word, place in places.items() if word in words]
            if not any(noun in lowered for noun in scale.nouns) or len(named) != 1:
                continue
            goal = (named[0][0] ^ opposite, extreme)
            found.update(i for i, option in enumerate(shown.options) if places.get(option.text) == goal)
        return sorted(found)


# --- making ---------------------------------------------------------------------------------------------------------
def _distractor(cell: tuple[int, int], goal: tuple[int, bool], word: str, given: str) -> Choice:
    wrong_side, wrong_strength = cell[0] != goal[0], cell[1] != goal[1]
    if wrong_side and wrong_strength:
        return Choice(
            word,
            mistake="wrong_side_and_strength",
            note=f"“{word}” is on the wrong side, and not as strong or mild as is asked.",
        )
    if wrong_side:
        return Choice(
            word, mistake="wrong_side", note=f"“{word}” is on the wrong side of the scale, seen from “{given}”."
        )
    much = "weak" if goal[1] else "strong"
    return Choice(word, mistake="wrong_strength", note=f"“{word}” is on the right side of the scale, but too {much}.")


# --- solving --------------------------------------------------------------------------------------------------------
@cache
def _places(scale: Gradable) -> dict[str, tuple[int, bool]]:
    """For every word of a scale its side and whether it is strong."""
    return {word: (s, t == 1) for s, side in enumerate(scale.sides) for t, cell in enumerate(side) for word in cell}


def _reading(sentence: str) -> tuple[bool, bool]:
    """Whether a sentence asks for a strong word, and whether for one of the opposite side."""
    if "opposite" in sentence:
        return any(cue in sentence for cue in ("extreme", "as much so")), True
    return any(cue in sentence for cue in ("not just", "too weak", "more than")), False


MODEL = Completion()
