"""The language models of one run: who makes questions, who solves and who judges them.

Here: `Writers`, which joins prompts, desk and routing for a run. Not here: choosing models (`routing.py`), the stages.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from qgen_dagster.bank import questions as question_rows
from qgen_dagster.config.llm import PROCEDURAL
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.core.progress import Notice
from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster.generation.calls import Call, Route
from qgen_dagster.generation.prompts import render
from qgen_dagster.generation.prompts.files import Prompts, load_prompts
from qgen_dagster.generation.prompts.render import VersionedPrompt
from qgen_dagster.generation.provider import BatchRequest, Reply
from qgen_dagster.generation.providers.llm import LlmProvider
from qgen_dagster.judging.panel import Panel
from qgen_dagster.services import routing
from qgen_dagster.services.calls import ARBITRATE, COMPARE, SOLVE, digest_of
from qgen_dagster.services.desk import Desk
from qgen_dagster.services.options import RunOptions

if TYPE_CHECKING:
    from qgen_dagster.bank.candidates import Candidate
    from qgen_dagster.services.work import Work


class Subject(Protocol):
    """What is judged: a candidate, or a question that is looked at again. `provider` made it."""

    @property
    def id(self) -> UUID: ...
    @property
    def batch_id(self) -> UUID | None: ...
    @property
    def provider(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of the bank as a subject."""

    id: UUID
    provider: str | None
    batch_id: None = None


# (the call, whom to ask, which solver or arbiter, which try) → the reply; raises ProviderError
Answering = Callable[[Call, Sequence[Route], int, int], Awaitable[Reply]]
KNOWN_STEMS = 24  # of a kind of question, shown to a model as what is there already


@dataclass(frozen=True)
class Writers:
    """What a run needs of language models. Made by `make_writers`."""

    work: Work
    desk: Desk
    prompts: Prompts
    provider: LlmProvider

    def provider_for(self, stratum: Stratum) -> LlmProvider | None:
        """The provider of a stratum, or None where the item models are to make its questions."""
        models = self.generators(stratum)
        if not models and self.work.options.provider:
            raise ConfigurationError(f"provider {self.work.options.provider} has no model for {stratum}, or no key")
        return self.provider if models and models[0] != PROCEDURAL else None

    def panel(self, candidate: Subject, answer: Answering | None = None) -> Panel | None:
        """Who judges the candidate; None when there is no solver or no arbiter.

        `answer` makes the calls in place of the run's caller; it is told which solver or arbiter is asked, and which
        try it is.
        """
        solvers = routing.solver_slots(self.desk, candidate.provider)
        arbiters = routing.arbiter_models(self.desk, candidate.provider)
        if not solvers or not arbiters:
            return None
        judges = self.desk.config.judges
        ask = answer or self._answer

        async def ask_solver(slot: int, again: int, prompt: VersionedPrompt) -> Reply:
            call = self._call(SOLVE, candidate, slot, again, prompt)
            routes = [
                self.desk.route(model, prompt, **judges.solver.model_dump(include=_HOW)) for model in solvers[slot]
            ]
            return await ask(call, routes, slot, again)

        async def ask_arbiter(place: int, again: int, prompt: VersionedPrompt) -> Reply:
            call = self._call(ARBITRATE, candidate, place, again, prompt)
            models = [*arbiters[place:], *arbiters[:place]]
            routes = [self.desk.route(model, prompt, **judges.arbiter.model_dump(include=_HOW)) for model in models]
            return await ask(call, routes, place, again)

        return Panel(
            taxonomy=self.work.taxonomy,
            prompts=self.prompts,
            ask_solver=ask_solver,
            ask_arbiter=ask_arbiter,
            min_score=self.work.options.min_score,
            borderline=judges.borderline,
            second_arbiter=len(arbiters) > 1,
        )

    async def compare(self, candidate: Candidate, other: UUID, prompt: VersionedPrompt) -> Reply:
        """An arbiter's word on whether a candidate and the question nearest to it are the same."""
        call = self._call(COMPARE, candidate, other, 0, prompt)
        judges = self.desk.config.judges
        models = routing.arbiter_models(self.desk, candidate.provider)
        routes = [self.desk.route(model, prompt, **judges.arbiter.model_dump(include=_HOW)) for model in models]
        return await self.work.calls.caller.call(call, routes)

    async def _answer(self, call: Call, routes: Sequence[Route], which: int, again: int) -> Reply:
        return await self.work.calls.caller.call(call, routes)

    def _call(self, purpose: str, candidate: Subject, which: object, again: int, prompt: VersionedPrompt) -> Call:
        # The prompt counts: a candidate that was moved to another difficulty, or repaired, is another question.
        digest = digest_of(purpose, candidate.id, str(which), again, prompt.system, prompt.user)
        return Call(purpose, digest, candidate.batch_id, candidate.id)

    def versions(self) -> dict[str, str]:
        """By what prompts the run makes questions, and by what it judges them: columns of its row."""
        judges = self.desk.config.judges.model_dump(mode="json")
        return {
            "prompt_version": render.run_version(self.prompts),
            "arbiter_config_version": render.judging_version(self.prompts, judges),
        }

    def generators(self, stratum: Stratum) -> list[str]:
        """The models that make the stratum's questions, best first."""
        models = routing.generator_models(
            self.desk.config, self._can_ask, stratum.question_type, self.work.options.provider_tier
        )
        return self.desk.willing(models)

    def needed_models(self, strata: Iterable[Stratum]) -> list[str]:
        """The models that make these strata's questions, solve and judge them, each once; none if item models do."""
        made = [model for stratum in strata for model in routing.first_asked(self.generators(stratum))]
        judges = self.desk.config.judges
        judging = [model for model in (*judges.solvers, *judges.arbiters) if self.desk.can_ask(model)]
        return list(dict.fromkeys([*made, *judging])) if made else []

    def _can_ask(self, model: str) -> bool:
        wanted = self.work.options.provider
        return self.desk.can_ask(model) and (wanted is None or self.desk.provider_of(model) == wanted)

    def routes_for(self, request: BatchRequest, prompt: VersionedPrompt) -> Sequence[Route]:
        """Whom to ask for a batch, in order."""
        generators = self.desk.config.generators
        models = self.generators(request.stratum)
        if self.work.options.provider_tier == "balanced":
            models = routing.balanced(models, request.first_place // self.work.options.batch_size)
        return [
            self.desk.route(
                model,
                prompt,
                temperature=generators.temperature,
                output_tokens=generators.output_tokens_per_question * request.size,
                timeout_seconds=generators.timeout_seconds,
                keep_partial=True,
            )
            for model in models
            if model != PROCEDURAL
        ]


_HOW = {"temperature", "output_tokens", "timeout_seconds"}


def check_provider(settings: Settings, options: RunOptions) -> None:
    """Raises ConfigurationError where the one provider that is wanted cannot be asked: nobody else is to stand in."""
    wanted = options.provider
    if wanted is None or wanted == PROCEDURAL:
        return
    desk = Desk(settings.llm, settings.provider_environment, timer=time.monotonic, on_close=lambda close: None)
    if not any(desk.provider_of(model) == wanted and desk.can_ask(model) for model in settings.llm.models.models):
        raise ConfigurationError(f"--provider {wanted}: no key is set", hint="See which are: qgen doctor")


def make_writers(work: Work) -> Writers | None:
    """The models that the configuration and the environment's keys allow; None when no key is there.

    Says once which configured models are passed over for want of a key.
    """
    desk = Desk(work.settings.llm, work.settings.provider_environment, timer=work.timer, on_close=work.calls.on_close)
    config = work.settings.llm
    if work.options.provider == PROCEDURAL or not any(desk.can_ask(model) for model in config.models.models):
        return None
    missing = routing.passed_over(config, desk.can_ask)
    if missing:
        work.progress(Notice(f"no key for {', '.join(missing)}: other models stand in (qgen doctor)"))
    known: dict[str, dict[str, list[str]]] = {}

    def known_stems(stratum: Stratum, kinds: Sequence[str]) -> list[str]:
        if stratum.key not in known:
            with work.bank.begin() as tx:
                known[stratum.key] = question_rows.recent_stems(tx, stratum, KNOWN_STEMS)
        by_kind = known[stratum.key]
        each = max(1, KNOWN_STEMS // max(1, len(set(kinds))))
        return [stem for kind in dict.fromkeys(kinds) for stem in by_kind.get(kind, ())[:each]]

    prompts = load_prompts(work.taxonomy, work.settings.prompts_folder)
    # Runs of different days begin with different kinds of questions.
    offset = UUID(str(work.run_id)).int % 1_000
    provider = LlmProvider(prompts, lambda request, prompt: writers.routes_for(request, prompt), known_stems, offset)
    writers = Writers(work, desk, prompts, provider)
    return writers
