"""Connectives: the two words that join three statements in a way that makes sense.

A situation, something that one expects or does not expect in it, and something that does or does not follow from that:
the first gap takes a word of cause or of concession, the second one of result or of contrast.

Radicals: how common the connectives are (easy: because, although, so, but; medium: given that, even though, hence,
nevertheless …) and their place (before the situation or after the event). Causal links are easier than adversative and
concessive ones, a standard finding of research on reading.
Incidentals: the situation.

Options are all four combinations of cause or concession with result or contrast, and each is the key equally often.

Solver: finds the statements among the listed situations, sees whether the event is the expected one and whether the end
follows from it, and keeps the options whose words say so.
"""

from __future__ import annotations

import random
from functools import cache
from itertools import product

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel
from qgen_dagster.generation.items.language import capitalised
from qgen_dagster.generation.items.verbal._lexicon import lexicon, success

# {s}: the situation, {x}: the event, {y}: the end; capital letters at the start of a sentence.
FRAMES: dict[ItemLevel, tuple[str, ...]] = {
    "easy": ("___ {s}, {x}, ___ {y}.", "{X} ___ {s}, ___ {y}."),
    "medium": ("___ {s}, {x}; ___ {y}.", "{X} ___ {s}; ___ {y}."),
}
# For each level sets of words: cause, concession, result, contrast.
WORDS: dict[ItemLevel, tuple[tuple[str, str, str, str], ...]] = {
    "easy": (("because", "although", "so", "but"), ("since", "though", "so", "yet")),
    "medium": (
        ("given that", "even though", "therefore,", "nevertheless,"),
        ("seeing that", "in spite of the fact that", "as a result,", "even so,"),
        ("since", "despite the fact that", "consequently,", "however,"),
        ("because", "although", "for that reason,", "all the same,"),
    ),
}
QUESTION = "Which words fill the two gaps so that the sentence makes sense?"


class Connective(ItemModel):
    name = "verbal_connective"
    version = 2
    family = "verbal"
    sub_type = "connective"
    levels = ("easy", "medium")

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        lines = lexicon().clauses
        line = lines[rng.randrange(len(lines))]
        against, turned = rng.randrange(2), rng.randrange(2)
        event = line[3] if against else line[1]
        end = line[4] if bool(against) != bool(turned) else line[2]
        frame = rng.randrange(len(FRAMES[level]))
        kit = rng.randrange(len(WORDS[level]))
        words = WORDS[level][kit]
        sentence = FRAMES[level][frame].format(s=line[0], x=event, y=end, X=capitalised(event))
        key = (against, turned)
        options = {pair: f"{words[pair[0]]} … {words[2 + pair[1]]}".rstrip(",") for pair in product((0, 1), repeat=2)}
        filled = capitalised(sentence.replace("___", words[against], 1).replace("___", words[2 + turned], 1))
        first = (
            f"That {event} is not what one expects when {line[0]}, so the first gap needs a word of concession"
            if against
            else f"That {line[0]} explains that {event}, so the first gap needs a word of cause"
        )
        second = (
            f"That {end} goes against this, so the second gap needs a word of contrast"
            if turned
            else f"That {end} follows from this, so the second gap needs a word of result"
        )
        return Draft(
            stem=f"{sentence}\n{QUESTION}",
            key=Choice(options[key]),
            distractors=tuple(_distractor(pair, key, text) for pair, text in options.items() if pair != key),
            explanation=f"{first}. {second}. The answer is “{options[key]}”: {filled}",
            structure={"situation": line[0], "against": against, "turned": turned, "words": kit},
            expected_success=success(level, 0.35 * against + 0.35 * turned + 0.3 * frame),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        sentence = shown.stem.partition("\n")[0].lower()
        found = set()
        for situation, *rest in lexicon().clauses:
            if situation.lower() not in sentence:
                continue
            expected, follows, contrary, follows_contrary = (part.lower() in sentence for part in rest)
            if expected == contrary or follows == follows_contrary:
                continue
            link = ("cause" if expected else "concession", "result" if expected == follows else "contrast")
            for i, option in enumerate(shown.options):
                first, _, second = option.text.partition(" … ")
                if (_meaning()[first], _meaning()[second]) == link:
                    found.add(i)
        return sorted(found)


# --- making ---------------------------------------------------------------------------------------------------------
def _distractor(pair: tuple[int, ...], key: tuple[int, int], text: str) -> Choice:
    if pair[0] != key[0] and pair[1] != key[1]:
        return Choice(
            text, mistake="both_links_reversed", note="Both gaps get the contrary of the link that they need."
        )
    if pair[0] != key[0]:
        kind = "cause" if key[0] else "concession"
        note = f"The first gap would get a word of {kind}, which does not fit the situation."
        return Choice(text, mistake="cause_and_concession_confused", note=note)
    kind = "result" if key[1] else "contrast"
    note = f"The second gap would get a word of {kind}, which does not fit what happens in the end."
    return Choice(text, mistake="result_and_contrast_confused", note=note)


# --- solving --------------------------------------------------------------------------------------------------------
@cache
def _meaning() -> dict[str, str]:
    """What each connective expresses."""
    return {
        **dict.fromkeys(("because", "since", "given that", "seeing that"), "cause"),
        **dict.fromkeys(
            ("although", "though", "even though", "in spite of the fact that", "despite the fact that"), "concession"
        ),
        **dict.fromkeys(("so", "therefore", "as a result", "consequently", "for that reason"), "result"),
        **dict.fromkeys(("but", "yet", "nevertheless", "even so", "however", "all the same"), "contrast"),
    }


MODEL = Connective()
