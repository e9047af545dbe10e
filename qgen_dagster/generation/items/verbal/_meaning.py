"""What the synonym and antonym models share: the choice of words and of distractors. No model of its own.

The solvers are not here: each model looks its options up by itself.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import cache

from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Unsuitable
from qgen_dagster.generation.items.verbal._lexicon import Lexicon, lexicon

# Zipf frequency of the rarer of the two words: from … to below. 7 is "the", 4 is an everyday word, 2 is rare.
# The bands do not overlap: a pair of words is as hard whichever of them is asked for.
BANDS: dict[ItemLevel, tuple[float, float]] = {"easy": (4.0, 8.0), "medium": (3.2, 4.0), "hard": (1.0, 3.2)}
# Words with these parts are understood from them, however rare they are: sorrowful, untidy.
PLAIN_ENDINGS = ("less", "ful")
PLAIN_BEGINNINGS = ("un", "in", "im", "dis", "over")
OPTIONS: dict[ItemLevel, int] = {"easy": 4, "medium": 5, "hard": 5}


def in_band(words: Lexicon, level: ItemLevel, *pair: str) -> bool:
    low, high = BANDS[level]
    if level == "hard" and any(_plain(word, words) for word in pair):
        return False
    return low <= min(words.zipf[w] for w in pair) < high


def _plain(word: str, words: Lexicon) -> bool:
    """Whether a word explains itself, being made of a listed word and a beginning or end that all know."""
    return word.endswith(PLAIN_ENDINGS) or any(
        word.removeprefix(p) in words.zipf for p in PLAIN_BEGINNINGS if word.startswith(p)
    )


@cache
def kin(word: str) -> frozenset[str]:
    """All words that could be taken for the word: alike, alike to one that is alike, and sharing one of these."""
    words = lexicon()
    near = words.alike(word)
    return near.union(*(words.alike(w) for w in near)) | {word}


def near_miss(word: str, other: str) -> bool:
    """Whether a thesaurus names the words together: close enough to be argued for, if not alike."""
    return other in lexicon().akin.get(word, ())


@cache
def listed_as(pos: str) -> frozenset[str]:
    """The words that the lists give as one part of speech."""
    words = lexicon()
    groups = [*(g for p, g in words.synonyms if p == pos), *(g for p, g in words.antonyms if p == pos)]
    return frozenset(w for group in groups for w in group)


@cache
def vocabulary(pos: str, level: ItemLevel) -> tuple[str, ...]:
    """The words of a part of speech that may be distractors at a level: no rarer than the keys may be."""
    words = lexicon()
    low, high = BANDS[level]
    return tuple(sorted(w for w in listed_as(pos) if low - 0.2 <= words.zipf[w] < high + 1.2))


def look_alike(word: str, other: str) -> bool:
    """Whether two words are easily mixed up by their look: the same beginning or the same end."""
    return word != other and (word[:3] == other[:3] or (len(word) > 4 and word[-4:] == other[-4:]))


def fill(
    chosen: list[Choice],
    key: str,
    pos: str,
    level: ItemLevel,
    allowed: Callable[[str], bool],
    about: Sequence[tuple[str, str, str]],
    rng: random.Random,
) -> list[Choice]:
    """Adds words of the same kind up to the number of options; look-alikes of the words in `about` come first.

    Each entry of `about` is a word, the mistake of taking its look-alike, and the note for it with `{}` for the word.
    """
    drawn = rng.sample(vocabulary(pos, level), min(90, len(vocabulary(pos, level))))
    drawn = _by_length(key, drawn, rng)
    taken = {choice.text for choice in chosen}
    for target, mistake, note in about:
        for word in drawn:
            if len(chosen) < OPTIONS[level] - 1 and word not in taken and look_alike(word, target) and allowed(word):
                taken.add(word)
                chosen.append(Choice(word, mistake=mistake, note=note.format(word)))
                break
    for word in drawn:
        if len(chosen) == OPTIONS[level] - 1:
            break
        if word not in taken and allowed(word) and not any(word in kin(c.text) for c in chosen):
            taken.add(word)
            chosen.append(Choice(word, mistake="another_meaning", note=_note(word)))
    if len(chosen) < OPTIONS[level] - 1:
        raise Unsuitable("too few distractors")
    return chosen


def _by_length(key: str, drawn: list[str], rng: random.Random) -> list[str]:
    """Words of a length like the key's, shorter and longer ones mixed so that the key has any rank equally often."""
    shorter = [w for w in drawn if len(key) - 3 <= len(w) < len(key)]
    longer = [w for w in drawn if len(key) < len(w) <= len(key) + 3]
    share, mixed = rng.random(), list[str]()
    while shorter and longer:
        mixed.append((shorter if rng.random() < share else longer).pop())
    return mixed + [w for w in drawn if len(w) == len(key)] + shorter + longer


def _note(word: str) -> str:
    """What the word means instead, where the lists say so."""
    words = lexicon()
    for others, link in ((words.same, "nearly the same as"), (words.against, "the opposite of")):
        if listed := sorted(w for w in others.get(word, ()) if w in words.zipf):
            return f"“{word}” has another meaning: {link} “{max(listed, key=lambda w: words.zipf[w])}”."
    return f"“{word}” has another meaning altogether."


def derived(word: str, other: str) -> bool:
    """Whether one of two words is plainly made from the other, which would give the answer away by its look."""
    return word in other or other in word or word[:5] == other[:5]
