"""A list of words, then a choice of one word that was in it, or was missing from it.

Radicals: length of the list, nearness of the lures, and whether a seen or an unseen word is asked for.
- easy: 12 words of different kinds; the other options are words of kinds that the list does not have.
- medium: 16 words of different kinds; every other option is of the same kind as a word of the list.
- hard: 24 words, three of each of eight kinds (related words are taken for one another: the Deese-Roediger-McDermott
  effect), lures of the same kinds; or the one word that was missing is asked for.
The time shown is 1 s a word. Words and their order are the problem itself.
The solver looks every option up in the list as shown.
"""

from __future__ import annotations

import random

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel
from qgen_dagster.generation.items.language import ordinal_word
from qgen_dagster.generation.items.memory._recall import entries, expected, to_remember
from qgen_dagster.generation.items.memory._words import KIND_OF, KINDS, one_of_each, some_kinds

HEADING = "Remember these words:"
WAS_IN = "Which of these words was in the list?"
WAS_MISSING = "Which of these words was not in the list?"


class WordList(ItemModel):
    name = "word_list"
    version = 2
    family = "memory"
    sub_type = "word_list"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        if level == "easy":
            return _distant_lures(rng)
        if level == "medium":
            return _near_lures(rng)
        return _related_words(rng)

    def solve(self, shown: ShownQuestion) -> list[int]:
        words = entries(shown.stimulus)
        wanted = "not in the list" not in shown.stem
        return [i for i, option in enumerate(shown.options) if (option.text in words) == wanted]


def _distant_lures(rng: random.Random) -> Draft:
    kinds = some_kinds(rng, 16)
    words = one_of_each(rng, kinds[:12])
    lures = one_of_each(rng, kinds[12:])
    key = rng.choice(words)
    note = "This word was not in the list, nor was any other word of its kind."
    wrong = tuple(Choice(lure, mistake="unrelated_lure", note=note) for lure in lures)
    return _draft("easy", WAS_IN, words, key, wrong, _middle(words, key))


def _near_lures(rng: random.Random) -> Draft:
    words = one_of_each(rng, some_kinds(rng, 16))
    key, *shadowed = rng.sample(words, 5)
    wrong = tuple(_lure(rng, word, words) for word in shadowed)
    return _draft("medium", WAS_IN, words, key, wrong, _middle(words, key))


def _related_words(rng: random.Random) -> Draft:
    kinds = [kind for kind in some_kinds(rng, len(KINDS)) if len(KINDS[kind]) >= 8][:8]
    chosen = {kind: rng.sample(KINDS[kind], 4) for kind in kinds}
    words = [word for group in chosen.values() for word in group[:3]]
    rng.shuffle(words)
    asked = rng.sample(kinds, 5)
    if rng.random() < 0.5:
        key = chosen[asked[0]][0]
        wrong = tuple(_unseen(chosen[kind][3], chosen[kind][0]) for kind in asked[1:])
        return _draft("hard", WAS_IN, words, key, wrong, 0.2 + _middle(words, key) * 0.5)
    key = chosen[asked[0]][3]
    seen = [chosen[kind][0] for kind in asked[1:]]
    wrong = tuple(
        Choice(word, mistake="forgotten_word", note=f"This was the {ordinal_word(words.index(word) + 1)} word.")
        for word in seen
    )
    return _draft("hard", WAS_MISSING, words, key, wrong, 0.5 + sum(_middle(words, w) for w in seen) / 8)


def _lure(rng: random.Random, word: str, words: list[str]) -> Choice:
    return _unseen(rng.choice([w for w in KINDS[KIND_OF[word]] if w not in words]), word)


def _unseen(lure: str, shown: str) -> Choice:
    return Choice(lure, mistake="same_kind_lure", note=f"The list had another {KIND_OF[lure]}: “{shown}”.")


def _middle(words: list[str], word: str) -> float:
    """0 at the ends of the list, 1 in its middle, where words are remembered worst (serial position)."""
    place = words.index(word)
    return 2 * min(place, len(words) - 1 - place) / (len(words) - 1)


def _draft(level: ItemLevel, stem: str, words: list[str], key: str, wrong: tuple[Choice, ...], burden: float) -> Draft:
    if stem == WAS_IN:
        why = f"“{key}” was the {ordinal_word(words.index(key) + 1)} word of the list; none of the others was in it."
    else:
        why = f"All the others were in the list; “{key}” was not, though other words of its kind were."
    return Draft(
        stem=stem,
        stimulus=to_remember(HEADING, words, len(words)),
        key=Choice(key),
        distractors=wrong,
        explanation=why,
        structure={"words": words, "asked": "in" if stem == WAS_IN else "missing", "key": key},
        expected_success=expected(level, burden),
    )


MODEL = WordList()
