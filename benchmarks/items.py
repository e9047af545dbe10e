"""Item models: speed, guessing from the options alone, room, and how near the items of a full bank are to each other.

    python -m benchmarks.items [--draws 240] [--bank 200]

Prints Markdown. Times are CPU seconds of one core for finished items: solver, rival search and every check included.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from statistics import median

import numpy as np
import yaml

import qgen_dagster.config
from benchmarks.guesser import hit_rate, numbers_of
from qgen_dagster.core.question import Option, Question, content_hash, structure_hash
from qgen_dagster.core.taxonomy import ItemLevel, Stratum, Taxonomy
from qgen_dagster.dedup.compare import Likeness, compare
from qgen_dagster.dedup.facts import facts_of
from qgen_dagster.dedup.hashing import HashingEmbedder
from qgen_dagster.dedup.settings import load_settings
from qgen_dagster.generation.items.contract import ItemModel, ModelExhausted, build_question
from qgen_dagster.generation.items.registry import families, item_models, models_for
from qgen_dagster.generation.provider import BatchRequest
from qgen_dagster.generation.providers.procedural import ProceduralProvider

LEVELS: tuple[ItemLevel, ...] = ("easy", "medium", "hard")
GOALS = {True: 200, False: 1_000}  # figure models, text models
BATCH = 20  # questions asked for in one call


@dataclass
class Drawn:
    """What many draws of one model at one level showed."""

    seconds: float = 0.0
    items: int = 0
    has_figures: bool = False
    numeric: list[tuple[list[Fraction], int]] = field(
        default_factory=list
    )  # options that are numbers, place of the key
    structures: Counter[str] = field(default_factory=Counter)

    @property
    def per_second(self) -> float:
        return self.items / self.seconds

    @property
    def room(self) -> float:
        """At least so many structures: Chao's estimate from how many were drawn once and twice."""
        once = sum(1 for count in self.structures.values() if count == 1)
        twice = sum(1 for count in self.structures.values() if count == 2)
        return len(self.structures) + once * (once - 1) / (2 * (twice + 1))


# --- guessing from the options alone ---

Rule = Callable[[Sequence[Option]], Sequence[float] | None]


def _longest(options: Sequence[Option]) -> Sequence[float]:
    return [len(option.text) for option in options]


def _shortest(options: Sequence[Option]) -> Sequence[float]:
    return [-len(option.text) for option in options]


def _middle_number(options: Sequence[Option]) -> Sequence[float] | None:
    found = [re.fullmatch(r"(?:about )?(-?[\d,]+(?:\.\d+)?)(?:%| [a-z/]+)?", option.text) for option in options]
    if not all(found):
        return None
    values = [float(match[1].replace(",", "")) for match in found if match]
    return [-abs(value - median(values)) for value in values]


def _most_shared(options: Sequence[Option]) -> Sequence[float]:
    """How many of an option's words and numbers, with their place, the others have too; figures by their text."""
    words = [set(enumerate(re.findall(r"\w+|[#oX-]+", option.text))) for option in options]
    return [sum(len(mine & other) for other in words) for mine in words]


RULES: dict[str, Rule] = {
    "longest": _longest,
    "shortest": _shortest,
    "median number": _middle_number,
    "most shared features": _most_shared,
}


@dataclass
class Guessed:
    """How often a rule picks the key, and how often chance would."""

    hits: float = 0.0
    chance: float = 0.0
    items: int = 0

    def add(self, scores: Sequence[float], answer: int) -> None:
        best = max(scores)
        picked = [i for i, score in enumerate(scores) if score == best]
        if len(picked) == len(scores):
            return  # the rule has no opinion
        self.hits += (answer in picked) / len(picked)
        self.chance += 1 / len(scores)
        self.items += 1

    def __str__(self) -> str:
        if not self.items:
            return "–"
        return f"{self.hits / self.items:.1%} ({self.chance / self.items:.1%}; {self.items:,})"


# --- drawing ---


def draw(model: ItemModel, level: ItemLevel, draws: int, guesses: dict[str, Guessed]) -> Drawn:
    """Builds items, timing nothing else."""
    drawn = Drawn()
    stratum = Stratum(model.family, level)
    for i in range(-3, draws):  # the first three load what a model loads once
        begun = time.process_time()
        try:
            question = build_question(model, level, f"bench-{i}", stratum)
        except ModelExhausted:
            continue
        seconds = time.process_time() - begun
        if i >= 0:
            drawn.seconds += seconds
            _note(drawn, question, guesses)
    return drawn


def _note(drawn: Drawn, question: Question, guesses: dict[str, Guessed]) -> None:
    drawn.items += 1
    drawn.structures[structure_hash(question) or ""] += 1
    drawn.has_figures |= any(option.figure for option in question.options)
    drawn.has_figures |= bool(question.stimulus and question.stimulus.figure)
    if (numbers := numbers_of([option.text for option in question.options])) and min(numbers) > 0:
        drawn.numeric.append((numbers, question.answer))
    for name, rule in RULES.items():
        scores = rule(question.options)
        if scores is not None:
            guesses[name].add(scores, question.answer)


# --- a full bank ---


def fill(taxonomy: Taxonomy, per_stratum: int) -> tuple[dict[str, list[Question]], float]:
    """Questions by type, made as a run makes them, and the CPU seconds that it took."""
    bank: dict[str, list[Question]] = {kind.key: [] for kind in taxonomy.types}
    begun = time.process_time()
    provider = ProceduralProvider(taxonomy, lambda structures, contents: set())
    for stratum in taxonomy.strata:
        for first in range(0, per_stratum, BATCH):
            request = BatchRequest(stratum, BATCH, f"bench/{stratum.key}/{first}", first)
            reply = asyncio.run(provider.generate(request))
            bank[stratum.question_type] += provider.parse(reply, request).questions
    return bank, time.process_time() - begun


def nearest(questions: Sequence[Question]) -> tuple[list[float], Counter[Likeness]]:
    """The cosine of each question to its nearest neighbour, and what semantic comparison says of every pair."""
    embedder = HashingEmbedder()
    bounds = load_settings().bounds(embedder.name, questions[0].question_type)
    facts = [facts_of(question) for question in questions]
    vectors = embedder.embed([fact.text for fact in facts])
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1)
    likenesses: Counter[Likeness] = Counter()
    for i, fact in enumerate(facts):
        found = {
            compare(fact, facts[j], float(cosines[i, j]), bounds).likeness
            for j in np.flatnonzero(cosines[i] >= bounds.reach(fact.strong))
            if facts[j].answer_key == fact.answer_key
        }
        likenesses[next((likeness for likeness in Likeness if likeness in found), Likeness.DIFFERENT)] += 1
    return [float(value) for value in cosines.max(axis=1)], likenesses


# --- tables ---


def speed(drawn: dict[tuple[str, ItemLevel], Drawn]) -> Iterator[str]:
    yield "### Finished items per CPU second\n"
    yield "| family | model | easy | medium | hard | goal | met |"
    yield "|---|---|--:|--:|--:|--:|---|"
    for family in families():
        for model in item_models(family):
            found = [drawn.get((model.name, level)) for level in LEVELS]
            goal = GOALS[any(d.has_figures for d in found if d)]
            cells = [f"{d.per_second:,.0f}" if d else "–" for d in found]
            items, seconds = sum(d.items for d in found if d), sum(d.seconds for d in found if d)
            met = "yes" if items / seconds >= goal else "**no**"
            yield f"| {family} | {model.name} | {' | '.join(cells)} | {goal:,} | {met} |"
    yield "\n“Met” compares the mean over the model's levels with the goal.\n"


def guessing(guesses: dict[str, dict[str, Guessed]]) -> Iterator[str]:
    yield "### Guessing from the options alone\n"
    yield "Share of items whose key the rule picks (chance; items where the rule prefers some option).\n"
    yield f"| family | {' | '.join(RULES)} |"
    yield f"|---|{'--:|' * len(RULES)}"
    for family, found in guesses.items():
        yield f"| {family} | {' | '.join(str(found[name]) for name in RULES)} |"
    yield ""


def trained(drawn: dict[tuple[str, ItemLevel], Drawn]) -> Iterator[str]:
    yield "### A guesser that learns\n"
    yield "It sees five numbers and no question, and learns from two thirds of the items (`guesser.py`). Chance: 20%.\n"
    yield "| model | items | picks the key |"
    yield "|---|--:|--:|"
    by_model: dict[str, list[tuple[list[Fraction], int]]] = defaultdict(list)
    for (name, _), found in drawn.items():
        by_model[name] += found.numeric
    enough = {name: items for name, items in by_model.items() if len(items) >= 200}
    for name, items in enough.items():
        yield f"| {name} | {len(items):,} | {hit_rate(items):.1%} |"
    together = [item for items in enough.values() for item in items]
    yield f"| all of them | {len(together):,} | {hit_rate(together):.1%} |\n"


def rooms(drawn: dict[tuple[str, ItemLevel], Drawn]) -> Iterator[str]:
    yield "### Room\n"
    yield "Different structures per stratum: at least so many, by Chao's lower bound from repeats among the draws.\n"
    yield "| family | level | models | drawn | different | room, at least | smallest model |"
    yield "|---|---|--:|--:|--:|--:|---|"
    for family in families():
        for level in LEVELS:
            found = {model.name: drawn[model.name, level] for model in models_for(family, level)}
            least = min(found, key=lambda name: found[name].room)
            yield (
                f"| {family} | {level} | {len(found)} | {sum(d.items for d in found.values()):,} "
                f"| {sum(len(d.structures) for d in found.values()):,} "
                f"| {sum(d.room for d in found.values()):,.0f} | {least}: {found[least].room:,.0f} |"
            )
    yield ""


def neighbours(bank: dict[str, list[Question]], seconds: float) -> Iterator[str]:
    total = sum(map(len, bank.values()))
    yield f"### A full bank: {total:,} questions in {seconds:.0f} CPU seconds\n"
    yield (
        "Cosine to the nearest neighbour of the same type (hashing embedder), and what the semantic rule would say if "
        "the items had no structure; structural equality decides for them.\n"
    )
    yield (
        "| type | questions | same structure | same content | median cosine | 95th percentile | highest "
        "| semantic duplicates | doubtful |"
    )
    yield "|---|--:|--:|--:|--:|--:|--:|--:|--:|"
    for name, questions in bank.items():
        cosines, likenesses = nearest(questions)
        size = len(questions)
        structures = size - len({structure_hash(q) for q in questions})
        contents = size - len({content_hash(q) for q in questions})
        yield (
            f"| {name} | {size:,} | {structures} | {contents} | {median(cosines):.2f} "
            f"| {np.percentile(cosines, 95):.2f} | {max(cosines):.2f} | {likenesses[Likeness.SAME] / size:.1%} "
            f"| {likenesses[Likeness.DOUBTFUL] / size:.1%} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=240, help="items per model and level")
    parser.add_argument("--bank", type=int, default=200, help="questions per stratum of the full bank")
    arguments = parser.parse_args()
    path = Path(qgen_dagster.config.__path__[0]) / "taxonomy.yaml"
    taxonomy = Taxonomy.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    guesses: dict[str, dict[str, Guessed]] = {family: defaultdict(Guessed) for family in families()}
    drawn = {
        (model.name, level): draw(model, level, arguments.draws, guesses[family])
        for family in families()
        for model in item_models(family)
        for level in model.levels
    }
    for section in (
        speed(drawn),
        guessing(guesses),
        trained(drawn),
        rooms(drawn),
        neighbours(*fill(taxonomy, arguments.bank)),
    ):
        print("\n".join(section))


if __name__ == "__main__":
    main()
