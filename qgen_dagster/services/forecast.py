"""What a planned run will cost: the plan, the routing of today and the journal, put together for the estimate.

Here: `forecast`. Nothing is called and nothing is written. Not here: the arithmetic (`tracking/estimate.py`), the plan
(`inventory.py`), who is asked in a run (`routing.py`).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from qgen_dagster.bank import call_list, journal
from qgen_dagster.bank import candidates as candidate_rows
from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.llm import PROCEDURAL
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.batch import cut_batches, questions_to_request
from qgen_dagster.core.plan import GenerationPlan
from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster.generation.prompts import render
from qgen_dagster.generation.prompts.files import Prompts, load_prompts
from qgen_dagster.generation.prompts.render import VersionedPrompt
from qgen_dagster.generation.providers.registry import BATCH_FAMILIES
from qgen_dagster.services import routing
from qgen_dagster.services.desk import CHARS_PER_TOKEN, Desk
from qgen_dagster.services.options import RunOptions
from qgen_dagster.services.work import now
from qgen_dagster.services.writers import KNOWN_STEMS
from qgen_dagster.tracking.estimate import (
    ARBITRATE,
    COMPARE,
    GENERATE,
    SOLVE,
    Estimate,
    Maker,
    PerCall,
    Portion,
    Rates,
    estimate,
)

ENOUGH = 20  # questions asked for, before what runs needed is taken for a measure
ROOM_FOR_A_QUESTION = 3_000  # characters: a question of a prompt, where the prompts hold no example to measure
ROOM_FOR_A_STEM = 300  # characters of a stem that a prompt says is there already
JOB_PURPOSES = frozenset({GENERATE, SOLVE, ARBITRATE})


@dataclass(frozen=True)
class Forecast:
    """An estimate, the provider of each model in it, and the limits that it meets (USD; None where there is none)."""

    estimate: Estimate
    providers: dict[str, str]
    run_budget_usd: Decimal | None
    day_left_usd: Decimal | None

    @property
    def limit_usd(self) -> Decimal | None:
        """What may be spent at most, by whichever limit is nearer."""
        return min((limit for limit in (self.run_budget_usd, self.day_left_usd) if limit is not None), default=None)


def forecast(bank: Bank, settings: Settings, options: RunOptions, plan: GenerationPlan) -> Forecast:
    """The estimate of a run of this plan. Raises ConfigurationError for files that cannot be used."""
    desk = Desk(settings.llm, settings.provider_environment, timer=time.monotonic, on_close=lambda close: None)
    with bank.begin() as tx:
        yields = candidate_rows.recent_yields(tx, plan.strata) if plan.strata else {}
        recent = call_list.recent_work(tx)
    portions = [
        _portion(desk, options, stratum, plan.allocations[stratum], yields.get(stratum)) for stratum in plan.strata
    ]
    figures = _Figures(bank, settings, options, desk, plan.strata)
    found = estimate(
        portions,
        _rates(recent),
        figures.usage,
        figures.price,
        regenerations=settings.llm.judges.max_regenerations,
    )
    models = {line.model for line in found.lines}
    return Forecast(
        found, {m: desk.provider_of(m) for m in sorted(models)}, options.budget_usd, _day_left(bank, settings)
    )


def makers_of(desk: Desk, options: RunOptions, question_type: str) -> tuple[Maker, ...]:
    """Who makes questions of a type as things are, each with its solvers and arbiters; none: the item models do."""

    def can_ask(model: str) -> bool:
        return desk.can_ask(model) and options.provider in (None, desk.provider_of(model))

    if options.provider == PROCEDURAL:
        return ()
    models = routing.generator_models(desk.config, can_ask, question_type, options.provider_tier)
    if not models or models[0] == PROCEDURAL:
        return ()
    both = options.provider_tier == "balanced" and len(models) > 1 and models[1] != PROCEDURAL
    chosen = models[:2] if both else models[:1]
    return tuple(_maker(desk, model, 1 / len(chosen)) for model in chosen)


def _maker(desk: Desk, model: str, share: float) -> Maker:
    provider = desk.provider_of(model)
    solvers = tuple(slot[0] for slot in routing.solver_slots(desk, provider))
    return Maker(model, share, solvers, tuple(routing.arbiter_models(desk, provider)))


def _portion(desk: Desk, options: RunOptions, stratum: Stratum, wanted: int, expected_yield: float | None) -> Portion:
    requested = questions_to_request(wanted, expected_yield)
    batches = len(cut_batches(stratum, requested, options.batch_size))
    return Portion(stratum.question_type, wanted, requested, batches, makers_of(desk, options, stratum.question_type))


def _rates(recent: call_list.RecentWork) -> Rates | None:
    if recent.questions < ENOUGH or not recent.batches:
        return None
    return Rates(
        runs=recent.runs,
        questions=recent.questions,
        per_batch=recent.calls.get(GENERATE, 0) / recent.batches,
        per_question={p: recent.calls.get(p, 0) / recent.questions for p in (SOLVE, ARBITRATE, COMPARE)},
    )


def _day_left(bank: Bank, settings: Settings) -> Decimal | None:
    if settings.budget_usd_per_day is None:
        return None
    day = now().replace(hour=0, minute=0, second=0, microsecond=0)
    with bank.begin() as tx:
        usd, _ = journal.spent(tx, since=day)
    return max(Decimal(), settings.budget_usd_per_day - usd)


class _Figures:
    """Tokens and prices of calls: from the journal, else from the prompts and the configuration."""

    def __init__(
        self, bank: Bank, settings: Settings, options: RunOptions, desk: Desk, strata: Sequence[Stratum]
    ) -> None:
        self._bank = bank
        self._desk = desk
        self._options = options
        self._strata = strata
        self._settings = settings
        self._prompts: Prompts | None = None
        self._longest: dict[str, int] = {}

    def usage(self, purpose: str, model: str) -> PerCall:
        """Tokens of a call, measured or at most."""
        with self._bank.begin() as tx:
            [found] = call_list.averages(tx, [(purpose, self._desk.provider_of(model), model)])
        if found is not None:
            questions = found.questions if purpose == GENERATE else None
            return PerCall(found.input_tokens, found.output_tokens, found.cached_tokens, questions, found.calls)
        return PerCall(self._prompt_tokens(purpose), self._output_tokens(purpose, model))

    def price(self, purpose: str, model: str, call: PerCall) -> Decimal | None:
        """USD of a call, at half the price where a batch job can have it; of a bound the worst case."""
        entry = self._desk.config.entry(model)
        name, prices = entry.name or model, self._desk.prices
        in_job = self._options.mode == "batch" and entry.batch and entry.provider in BATCH_FAMILIES
        batch = in_job and purpose in JOB_PURPOSES
        sent, made = round(call.input_tokens), round(call.output_tokens)
        if not call.measured:
            return prices.worst_case(entry.provider, name, input_tokens=sent, max_output_tokens=made, batch=batch)
        return prices.cost(
            entry.provider,
            name,
            input_tokens=sent,
            output_tokens=made,
            cached_tokens=round(call.cached_tokens),
            batch=batch,
        )

    def _output_tokens(self, purpose: str, model: str) -> float:
        config = self._desk.config
        judges = config.judges
        if purpose == GENERATE:
            allowed = config.generators.output_tokens_per_question * self._options.batch_size
        else:
            allowed = (judges.solver if purpose == SOLVE else judges.arbiter).output_tokens
        return float(allowed + config.entry(model).reasoning_tokens)

    def _prompt_tokens(self, purpose: str) -> float:
        """The longest prompt that the planned strata have for the purpose."""
        if purpose not in self._longest:
            types = {stratum.question_type: stratum for stratum in self._strata}
            self._longest[purpose] = max(self._characters(purpose, stratum) for stratum in types.values())
        return self._longest[purpose] / CHARS_PER_TOKEN

    def _characters(self, purpose: str, stratum: Stratum) -> int:
        if self._prompts is None:
            self._prompts = load_prompts(self._settings.taxonomy, self._settings.prompts_folder)
        if purpose == GENERATE:
            size = self._options.batch_size
            kinds = render.sub_types_for(self._prompts, stratum, 0, size)
            prompt = render.generation_prompt(self._prompts, stratum, size, kinds)
            return _length(prompt) + KNOWN_STEMS * ROOM_FOR_A_STEM
        return _judging_length(self._prompts, purpose, stratum)


def _judging_length(prompts: Prompts, purpose: str, stratum: Stratum) -> int:
    """A prompt about the longest example of the type; twice that room is left for longer questions."""
    from qgen_dagster.core.question import as_shown

    found = [render.gold_question(prompts, stratum, kind) for kind in prompts.for_type(stratum.question_type).kinds]
    lengths = [ROOM_FOR_A_QUESTION]
    for question in (one for one in found if one is not None):
        if purpose == SOLVE:
            prompt = render.solve_prompt(prompts, as_shown(question), range(len(question.options)))
        elif purpose == COMPARE:
            prompt = render.comparison_prompt(prompts, question, question)
        else:
            prompt = render.arbiter_prompt(prompts, question)
        lengths.append(len(prompt.system) + 2 * len(prompt.user))
    return max(lengths)


def _length(prompt: VersionedPrompt) -> int:
    return len(prompt.system) + len(prompt.user)
