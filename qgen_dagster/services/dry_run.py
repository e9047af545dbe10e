"""Making and judging questions without a database: nothing is kept, nothing is inserted.

Not here: the real chain (`generate.py`, `judge.py` and so on).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from uuid import uuid4

from qgen_dagster.config.llm import PROCEDURAL
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.batch import cut_batches
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.core.funnel import Funnel, Loss
from qgen_dagster.core.plan import spread_evenly
from qgen_dagster.core.question import Question, content_hash
from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster.generation.engine import BatchEngine, BatchOutcome, BatchTask, Delivery
from qgen_dagster.generation.jobs import Jobs, run_all
from qgen_dagster.generation.provider import BatchRequest, Reply
from qgen_dagster.generation.providers.procedural import ProceduralProvider
from qgen_dagster.judging.verdict import judge_procedural
from qgen_dagster.services.options import RunOptions


@dataclass(frozen=True)
class DryRunReport:
    """The questions that a run would have gone on with, and where the others went. `inserted` is always 0."""

    questions: list[Question]
    funnel: Funnel


@dataclass
class _Memory:
    """A ledger that keeps nothing beyond this process."""

    outcomes: list[tuple[BatchTask[Question], BatchOutcome[Question]]] = field(default_factory=list)

    def started(self, task: BatchTask[Question]) -> None:
        """Nothing to note."""

    def finished(self, task: BatchTask[Question], outcome: BatchOutcome[Question]) -> None:
        """Keeps the outcome."""
        self.outcomes.append((task, outcome))


def dry_run(settings: Settings, options: RunOptions) -> DryRunReport:
    """`options.count` questions over the chosen strata, generated and judged. Raises ConfigurationError."""
    if options.provider not in (None, PROCEDURAL):
        raise ConfigurationError(
            f"--provider {options.provider}: a dry run asks no language model", hint="Leave it away."
        )
    strata = settings.taxonomy.select(options.types, options.difficulties)
    plan = spread_evenly(options.count or len(strata), strata)
    provider = ProceduralProvider(settings.taxonomy, lambda structures, contents: set())
    for stratum in plan.strata:
        if not provider.can_serve(stratum):
            raise ConfigurationError(f"no item model makes questions of {stratum}; a dry run calls nobody else")
    memory = _Memory()
    engine: BatchEngine[Question] = BatchEngine(memory)
    seed = options.seed or str(uuid4())
    tasks = [
        _task(provider, stratum, batch.index * options.batch_size, batch.size, f"{seed}/{stratum.key}/{batch.index}")
        for stratum in plan.strata
        for batch in cut_batches(stratum, plan.allocations[stratum], options.batch_size)
    ]
    asyncio.run(run_all(Jobs(engine.jobs(tasks)), options.concurrency))
    return _report(settings, options, plan.total_questions, memory)


def _task(provider: ProceduralProvider, stratum: Stratum, first: int, size: int, seed: str) -> BatchTask[Question]:
    async def ask(missing: int, call: int) -> Reply:
        return await provider.generate(BatchRequest(stratum, missing, seed, first, call))

    def read(reply: Reply, missing: int, call: int) -> Delivery[Question]:
        parsed = provider.parse(reply, BatchRequest(stratum, missing, seed, first, call))
        return Delivery(parsed.questions, parsed.problems, parsed.saturated)

    return BatchTask(
        id=uuid4(),
        group=stratum.key,
        size=size,
        ask=ask,
        read=read,
        identity=content_hash,
    )


def _report(settings: Settings, options: RunOptions, requested: int, memory: _Memory) -> DryRunReport:
    made = [question for _, outcome in memory.outcomes for question, _ in outcome.items]
    losses: dict[Loss, int] = {}
    kept = []
    for question in made:
        verdict = judge_procedural(question, settings.taxonomy, min_score=options.min_score)
        if verdict.reason is None:
            kept.append(question)
        else:
            loss = Loss(verdict.reason.value)
            losses[loss] = losses.get(loss, 0) + 1
    missing = {Loss.SATURATED: 0, Loss.NOT_GENERATED: 0}
    for task, outcome in memory.outcomes:
        missing[Loss.SATURATED if outcome.saturated else Loss.NOT_GENERATED] += task.size - len(outcome.items)
    losses |= {loss: count for loss, count in missing.items() if count}
    funnel = Funnel(requested=requested, generated=len(made), pending=len(kept), losses=losses)
    return DryRunReport(sorted(kept, key=lambda q: (q.stratum, q.stem)), funnel)
