"""A short story about friends who meet; later a detail is asked.

Radicals: number of people and of details for each, whether the question names the person or must be reached through
another detail, and where the wrong options come from.
- easy: 3 people, 2 details each; the person named; two wrong options from the story, two never mentioned.
- medium: 4 people, 2 details each; the person named or asked for; three wrong options from the story, one not.
- hard: 5 people, 3 details each; the person is not named but must be found by another detail (two bindings).
Time shown: about 3 s a detail. Names and settings are incidentals; the details and who has them are the problem.
The solver reads the sentences of the story and looks the detail up.
"""

from __future__ import annotations

import random
import re

from qgen_dagster.core.question import ShownQuestion, Stimulus
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel
from qgen_dagster.generation.items.language import a_or_an, number_word, pick_names
from qgen_dagster.generation.items.memory._recall import expected
from qgen_dagster.generation.items.memory._words import COLOURS

WAYS = ("by bus", "by tram", "by taxi", "on foot", "by boat", "by bicycle", "on horseback", "by scooter", "by train")
FOODS = ("bread", "cheese", "grapes", "honey", "nuts", "olives", "pears", "rice", "salad", "soup", "dates", "plums")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SPOTS = (
    "at the old mill",
    "at a lake",
    "near the lighthouse",
    "in a garden",
    "on a hill",
    "at the harbour",
    "in a park",
)
WEATHERS = ("rainy", "sunny", "windy", "foggy", "cold", "warm")
DETAILS = {"way": WAYS, "food": FOODS, "coat": COLOURS}
# The question about a named person; the words that stand for a person who is not named, and the question about those.
ASK = {"way": "How did {} get there?", "food": "What did {} bring?", "coat": "What colour was {}'s coat?"}
ASK_OF = ASK | {"coat": "What colour was the coat of {}?"}
BY = {"way": "the person who came {}", "food": "the person who brought {}", "coat": "the person in the {} coat"}
WHO = {"way": "Who came {}?", "food": "Who brought {}?", "coat": "Who wore {} coat?"}
LOADS = {"easy": (3, 2, 25), "medium": (4, 2, 32), "hard": (5, 3, 50)}

Person = dict[str, str]


class StoryDetails(ItemModel):
    name = "story_details"
    version = 2
    family = "memory"
    sub_type = "story_details"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        count, width, seconds = LOADS[level]
        kinds = list(DETAILS) if width == 3 else rng.sample(list(DETAILS), 2)
        names = pick_names(rng, count)
        pools = {kind: rng.sample(DETAILS[kind], count + 2) for kind in kinds}
        people = [{"name": name, **{kind: pools[kind][i] for kind in kinds}} for i, name in enumerate(names)]
        story = _story(rng, people)
        asked, other = rng.sample(kinds, 2)
        who = rng.randrange(count)
        person = people[who]
        backwards = level == "medium" and rng.random() < 0.5
        if level == "hard":
            stem, sought = ASK_OF[asked].format(BY[other].format(person[other])), asked
        elif backwards:
            stem, sought = WHO[asked].format(a_or_an(person[asked]) if asked == "coat" else person[asked]), "name"
        else:
            stem, sought = ASK[asked].format(person["name"]), asked
        wrong = [_intrusion(p, sought, story) for p in people if p is not person]
        if level == "easy":
            wrong = rng.sample(wrong, 2) + [_never(value) for value in pools[asked][count:]]
        elif level == "medium":
            unseen = pools[asked][count] if sought != "name" else _stranger(rng, names)
            wrong += [_never(unseen)]
        return Draft(
            stem=stem,
            stimulus=Stimulus(text=story, seconds_shown=seconds),
            key=Choice(_as_option(person[sought])),
            distractors=tuple(wrong),
            explanation=f"The story said: “{_told(story, person['name'])}” So the answer is: {person[sought]}.",
            structure={
                "people": [[p[kind] for kind in kinds] for p in people],
                "asked": [who, sought, other if level == "hard" else ""],
            },
            expected_success=expected(level, 0.3 + 0.3 * (sought == "name") + 0.3 * (0 < who < count - 1)),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        people = _people(shown.stimulus.text if shown.stimulus else "")
        wanted = [option for p in people if (option := _answer(shown.stem, p)) is not None]
        return [i for i, option in enumerate(shown.options) if option.text in wanted]


def _story(rng: random.Random, people: list[Person]) -> str:
    opening = (
        f"On a {rng.choice(WEATHERS)} {rng.choice(DAYS)}, {_counted_friends(len(people))} met {rng.choice(SPOTS)}."
    )
    return " ".join([opening, *(_sentence(p) for p in people)])


def _counted_friends(count: int) -> str:
    return f"{number_word(count)} friends"


def _sentence(p: Person) -> str:
    deeds = []
    if "way" in p:
        deeds.append(f"came {p['way']}")
    if "coat" in p:
        deeds.append(f"wore {a_or_an(p['coat'])} coat")
    if "food" in p:
        deeds.append(f"brought {p['food']}")
    return f"{p['name']} {', '.join(deeds[:-1])} and {deeds[-1]}."


def _as_option(value: str) -> str:
    return value[0].upper() + value[1:]


def _intrusion(p: Person, sought: str, story: str) -> Choice:
    if sought == "name":
        note = f"The story told something else of this person: “{_told(story, p['name'])}”"
        return Choice(p["name"], mistake="other_person", note=note)
    return Choice(_as_option(p[sought]), mistake="other_person", note=f"The story told this of {p['name']}.")


def _never(value: str) -> Choice:
    return Choice(_as_option(value), mistake="never_mentioned", note="This did not occur in the story.")


def _stranger(rng: random.Random, names: list[str]) -> str:
    return next(name for name in pick_names(rng, len(names) + 1) if name[0] not in {n[0] for n in names})


def _told(story: str, name: str) -> str:
    return next(f"{sentence.rstrip('.')}." for sentence in story.split(". ") if sentence.startswith(name))


def _people(story: str) -> list[dict[str, str]]:
    """What the story says of each person, taken from its sentences."""
    people = []
    for sentence in story.split(". ")[1:]:
        facts = {"name": sentence.split()[0]}
        for kind, pattern in (("way", r"came (\w+ \w+)"), ("coat", r"wore an? (\w+) coat"), ("food", r"brought (\w+)")):
            if told := re.search(pattern, sentence):
                facts[kind] = told[1]
        people.append(facts)
    return people


def _answer(stem: str, facts: dict[str, str]) -> str | None:
    """What the stem asks for, if it is this person that it means."""
    sought = "way" if stem.startswith("How") else "coat" if stem.startswith("What colour") else "food"
    if stem.startswith("Who"):
        meant = re.search(r"came (\w+ \w+)|brought (\w+)|wore an? (\w+) coat", stem)
        detail = next((found for found in meant.groups() if found), "") if meant else ""
        return facts["name"] if detail in facts.values() else None
    if "the person" in stem:
        clue = re.search(r"who came (\w+ \w+)|who brought (\w+)|in the (\w+) coat", stem)
        detail = next((found for found in clue.groups() if found), "") if clue else ""
        meant_here = detail in facts.values()
    else:
        meant_here = re.search(rf"\b{facts['name']}\b", stem) is not None
    return _capital(facts[sought]) if meant_here else None


def _capital(value: str) -> str:
    return value[:1].upper() + value[1:]


MODEL = StoryDetails()
