"""The built-in provider: item models, no key, no network.

Here: choosing item models in rotation and turning away what the bank already has. Not here: the item models
(`generation/items/`), and any database: what is taken is asked through a function that was handed in.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from decimal import Decimal

from pydantic import ValidationError

from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.core.question import Question, content_hash, structure_hash
from qgen_dagster.core.taxonomy import Stratum, Taxonomy
from qgen_dagster.generation.calls import Route
from qgen_dagster.generation.items.contract import ItemModel, ModelExhausted, build_question
from qgen_dagster.generation.items.registry import models_for
from qgen_dagster.generation.provider import BatchRequest, Parsed, ProviderError, Reply

NAME = "procedural"
# Draws for one place before the stratum counts as saturated: 1 + 2 + 4 + … + 128, spread over its models.
ROUNDS = 8

# Given structure hashes and content hashes, the subset that exists already.
Taken = Callable[[Sequence[str], Sequence[str]], set[str]]


class ProceduralProvider:
    """Serves every stratum whose type names a family of item models and whose difficulty names a level."""

    name = NAME

    def __init__(self, taxonomy: Taxonomy, taken: Taken) -> None:
        self._taxonomy = taxonomy
        self._taken = taken
        self._claimed: set[str] = set()

    def can_serve(self, stratum: Stratum) -> bool:
        """Whether any item model makes questions of this stratum."""
        return bool(self._models(stratum))

    def routes(self, request: BatchRequest) -> Sequence[Route]:
        """Itself alone; it has no limits."""
        return (Route(provider=NAME, model=None, send=lambda: self.generate(request), worst_usd=Decimal),)

    async def generate(self, request: BatchRequest) -> Reply:
        """New questions, fewer than asked for (and marked saturated) when nothing new can be found."""
        models = self._models(request.stratum)
        if not models:
            raise ProviderError(ErrorCategory.INVALID_REQUEST, f"no item model serves {request.stratum}")
        found: dict[int, Question] = {}
        for round_ in range(ROUNDS):
            missing = [place for place in range(request.size) if place not in found]
            if not missing:
                break
            drawn = {place: self._draw(models, request, place, round_) for place in missing}
            self._keep_new(drawn, found)
        questions = [found[place].model_dump(mode="json") for place in sorted(found)]
        text = json.dumps({"questions": questions, "saturated": len(found) < request.size}, ensure_ascii=False)
        return Reply(text=text, provider=NAME)

    def parse(self, reply: Reply, request: BatchRequest) -> Parsed:
        """The questions of a reply of this provider. Raises ProviderError when the text is none of ours."""
        try:
            data = json.loads(reply.text)
            items, saturated = list(data["questions"]), bool(data.get("saturated"))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ProviderError(ErrorCategory.PARSE_ERROR, f"not a reply of item models: {error}") from error
        questions, problems = [], []
        for item in items:
            try:
                questions.append(Question.model_validate(item))
            except ValidationError as error:
                problems.append(f"{error.error_count()} faults, the first: {error.errors()[0]['msg']}")
        return Parsed(questions, problems, saturated)

    def _models(self, stratum: Stratum) -> tuple[ItemModel, ...]:
        family = self._taxonomy.question_type(stratum.question_type).item_models
        level = self._taxonomy.difficulty(stratum.difficulty).item_level
        return models_for(family, level) if family and level else ()

    def _draw(self, models: Sequence[ItemModel], request: BatchRequest, place: int, round_: int) -> list[Question]:
        level = self._taxonomy.difficulty(request.stratum.difficulty).item_level
        assert level is not None  # noqa: S101 - _models found some
        questions = []
        for attempt in range(2**round_):
            # The first try rotates models over places; later tries move on through the other models.
            model = models[(request.first_place + place + round_ + attempt) % len(models)]
            seed = f"{request.seed}/{request.call}/{place}/{round_}/{attempt}"
            try:
                questions.append(build_question(model, level, seed, request.stratum))
            except ModelExhausted:
                continue
        return questions

    def _keep_new(self, drawn: dict[int, list[Question]], found: dict[int, Question]) -> None:
        prints = {id(q): (structure_hash(q) or "", content_hash(q)) for qs in drawn.values() for q in qs}
        taken = self._taken([s for s, _ in prints.values() if s], [c for _, c in prints.values()])
        for place, questions in drawn.items():
            for question in questions:
                mine = set(prints[id(question)])
                if not mine & taken and not mine & self._claimed:
                    self._claimed |= mine
                    found[place] = question
                    break
