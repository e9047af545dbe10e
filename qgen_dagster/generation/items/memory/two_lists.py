"""Two or three lists; a word of one of them is to be told from words of the others (source memory, interference).

Radicals: number and length of lists, kinship of their words, where the wrong options come from.
- easy: two lists of 4; one wrong option from the other list, the rest never shown.
- medium: two lists of 6 of the same kinds; two wrong options from the other list, two never shown but of those kinds.
- hard: three lists of 6 of the same kinds; every wrong option from the two other lists.
Time shown: 2 s a word (easy, medium), 1.5 s (hard). Words are the problem itself; list names are incidentals.
The solver looks each option up in the lists as shown.
"""

from __future__ import annotations

import random

from qgen_dagster.core.question import ShownQuestion, Stimulus
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel
from qgen_dagster.generation.items.memory._recall import expected
from qgen_dagster.generation.items.memory._words import KINDS, one_of_each, some_kinds

TITLES = (
    ("Monday", "Tuesday", "Wednesday"),
    ("Morning", "Afternoon", "Evening"),
    ("Red list", "Blue list", "Green list"),
    ("Room 1", "Room 2", "Room 3"),
)
QUESTION = "Which of these words was listed under “{}”?"


class TwoLists(ItemModel):
    name = "two_lists"
    version = 2
    family = "memory"
    sub_type = "interference"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        if level == "easy":
            kinds = some_kinds(rng, 11)
            words = one_of_each(rng, kinds)
            lists, unseen = [words[:4], words[4:8]], words[8:]
            from_others, seconds = 1, 16
        else:
            count = 2 if level == "medium" else 3
            kinds = [kind for kind in some_kinds(rng, len(KINDS)) if len(KINDS[kind]) >= count + 1][:6]
            columns = [rng.sample(KINDS[kind], count + 1) for kind in kinds]
            lists = [rng.sample([column[i] for column in columns], 6) for i in range(count)]
            unseen = rng.sample([column[count] for column in columns], 2 if level == "medium" else 0)
            from_others, seconds = (2, 24) if level == "medium" else (4, 27)
        titles = rng.choice(TITLES)[: len(lists)]
        asked = rng.randrange(len(lists))
        key = rng.choice(lists[asked])
        others = [
            (word, title)
            for words, title in zip(lists, titles, strict=True)
            if title != titles[asked]
            for word in words
        ]
        wrong = [
            Choice(word, mistake="other_list", note=f"This word was listed under “{title}”.")
            for word, title in rng.sample(others, from_others)
        ]
        wrong += [Choice(word, mistake="never_shown", note="This word was in none of the lists.") for word in unseen]
        return Draft(
            stem=QUESTION.format(titles[asked]),
            stimulus=Stimulus(text=_shown(titles, lists), seconds_shown=seconds),
            key=Choice(key),
            distractors=tuple(wrong),
            explanation=f"“{titles[asked]}” had: {', '.join(lists[asked])}. Of the words on offer, only “{key}” is "
            "among them.",
            structure={"lists": [sorted(words) for words in lists], "asked": asked, "key": key},
            # The list read last suffers least from what came after it.
            expected_success=expected(level, 0.7 - 0.3 * (asked == len(lists) - 1) - 0.1 * lists[asked].index(key) / 6),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        title = shown.stem.split("“")[1].split("”")[0]
        text = shown.stimulus.text if shown.stimulus else ""
        line = next((line for line in text.splitlines() if line.startswith(f"{title}: ")), ": ")
        words = line.split(": ")[1].split(", ")
        return [i for i, option in enumerate(shown.options) if option.text in words]


def _shown(titles: tuple[str, ...], lists: list[list[str]]) -> str:
    lines = [f"{title}: {', '.join(words)}" for title, words in zip(titles, lists, strict=True)]
    return "\n".join(["Remember which words are listed under which heading:", *lines])


MODEL = TwoLists()
