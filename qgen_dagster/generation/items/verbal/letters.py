"""Letters: which word can be made from the letters of a longer word?

Radicals: length of the longer word and of the options; how the others fail: easy, by a letter that the longer word does
not have; medium, also by using a letter more often than the longer word does. There is no hard level: ticking off the
letters always leads to the answer, so that more letters only cost more time.
Incidentals: the words drawn.

Solver: counts the letters.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from functools import cache

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.language import listed, times_word
from qgen_dagster.generation.items.verbal._lexicon import lexicon, success

# Lengths of the longer word and of the options.
LENGTHS: dict[ItemLevel, tuple[tuple[int, int], int]] = {"easy": ((6, 8), 4), "medium": ((9, 10), 6)}
LEAST_ZIPF = 3.7
OPTIONS = 5
STEM = (
    "Which of these words can be made from letters of the word “{}”? "
    "Each letter may be used only as often as it stands there."
)
# Words of the question itself: as an option they would stand out.
_ASKED = frozenset(re.findall(r"[a-z]+", STEM.lower()))


class Letters(ItemModel):
    name = "verbal_letters"
    family = "verbal"
    sub_type = "letter_logic"
    levels = ("easy", "medium")

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        source = rng.choice(_sources(level))
        have, letters = Counter(source), _letters(source)
        key = ""
        wrong: list[tuple[str, str]] = []
        doubles = 0
        short = _short(level)
        start = rng.randrange(len(short))
        for i in range(len(short)):
            word, mask = short[(start + i) % len(short)]
            if (mask & ~letters).bit_count() > 1 or word in source or word in _ASKED:
                continue
            lacking = sorted((Counter(word) - have).elements())
            if not lacking:
                key = key or word
            elif len(lacking) == 1 and len(wrong) < OPTIONS - 1:
                double = lacking[0] in have
                if not double or (level == "medium" and doubles < 2):
                    doubles += double
                    wrong.append((word, lacking[0]))
            if key and len(wrong) == OPTIONS - 1:
                break
        if not key or len(wrong) < OPTIONS - 1:
            raise Unsuitable("too few words")
        shortest, longest = LENGTHS[level][0]
        load = 0.5 * (len(source) - shortest) / (longest - shortest) + 0.25 * doubles
        return Draft(
            stem=STEM.format(source.upper()),
            key=Choice(key.upper()),
            distractors=tuple(_distractor(word, letter, have, source) for word, letter in wrong),
            explanation=(
                f"Tick off the letters one by one: {listed(list(key.upper()))} all stand in {source.upper()}, each as "
                f"often as it is needed, so {key.upper()} can be made. Each of the other words needs a letter too many."
            ),
            structure={"source": source, "key": key},
            expected_success=success(level, load),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        source = re.findall(r"“(\w+)”", shown.stem)[0]
        return [
            i
            for i, option in enumerate(shown.options)
            if all(option.text.count(letter) <= source.count(letter) for letter in option.text)
        ]


# --- making ---------------------------------------------------------------------------------------------------------
@cache
def _familiar() -> tuple[str, ...]:
    zipf = lexicon().zipf
    return tuple(word for word in lexicon().common if zipf[word] >= LEAST_ZIPF)


@cache
def _sources(level: ItemLevel) -> tuple[str, ...]:
    shortest, longest = LENGTHS[level][0]
    return tuple(w for w in _familiar() if shortest <= len(w) <= longest and len(set(w)) >= len(w) - 3)


@cache
def _short(level: ItemLevel) -> tuple[tuple[str, int], ...]:
    """The words of a level's length with their letters, shuffled once for all: drawing starts anywhere in the row."""
    found = [(w, _letters(w)) for w in _familiar() if len(w) == LENGTHS[level][1]]
    random.Random(len(found)).shuffle(found)
    return tuple(found)


def _letters(word: str) -> int:
    """The set of letters of a word, as bits."""
    bits = 0
    for letter in word:
        bits |= 1 << (ord(letter) - ord("a"))
    return bits


def _distractor(word: str, letter: str, have: Counter[str], source: str) -> Choice:
    upper, shown = letter.upper(), word.upper()
    if have[letter]:
        note = f"{shown} needs the letter {upper} more often than {source.upper()} has it ({times_word(have[letter])})."
        return Choice(shown, mistake="letter_used_too_often", note=note)
    return Choice(shown, mistake="letter_missing", note=f"There is no {upper} in {source.upper()}.")


MODEL = Letters()
