"""What the stages of one run share: the bank, the options, a clock, and who is told.

Not here: the stages (one module each), and opening any of these (`services/database.py`, the CLI, Dagster's resources).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from uuid import UUID

from qgen_dagster.bank import candidates as candidate_rows
from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.errors import ConfigurationError, RunInterrupted
from qgen_dagster.core.progress import Progress, silent
from qgen_dagster.core.taxonomy import Stratum, Taxonomy
from qgen_dagster.dedup.embedder import Embedder
from qgen_dagster.generation.calls import RetryPolicy
from qgen_dagster.generation.provider import Provider
from qgen_dagster.generation.providers.procedural import ProceduralProvider
from qgen_dagster.services.batch_jobs import BatchJobs
from qgen_dagster.services.budget import make_budget
from qgen_dagster.services.calls import Calls
from qgen_dagster.services.embedding import check_embedder, open_embedder
from qgen_dagster.services.options import RunOptions
from qgen_dagster.services.writers import Writers, check_provider, make_writers

ProviderFor = Callable[[Stratum], Provider]


def now() -> datetime:
    """The time, with its zone."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Work:
    """One run at work. `clock` gives the time of day, `timer` seconds for durations.

    Where nobody waits for batch jobs, a stage ends with them under way, and a later attempt goes on.
    """

    bank: Bank
    settings: Settings
    options: RunOptions
    run_id: UUID
    procedural: Provider
    choose: ProviderFor | None = None  # in place of the configuration
    progress: Progress = silent
    clock: Callable[[], datetime] = now
    timer: Callable[[], float] = time.monotonic
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    should_stop: Callable[[], bool] = lambda: False
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep  # between two looks at a batch job
    waits_for_jobs: bool = True  # whether anybody is there to wait for them

    @cached_property
    def calls(self) -> Calls:
        """The run's provider calls, all in one pool."""
        return Calls(
            self.bank,
            self.run_id,
            max_concurrent=self.options.concurrency,
            timer=self.timer,
            retry=self.retry,
            budget=make_budget(self.bank, self.settings, self.options, self.run_id, self.clock),
        )

    @cached_property
    def writers(self) -> Writers | None:
        """The language models that make and judge questions; None when no provider has a key."""
        return make_writers(self) if self.settings.provider_environment else None

    @cached_property
    def jobs(self) -> BatchJobs | None:
        """The run's batch jobs; None when all its calls are made online."""
        return BatchJobs(self) if self.options.mode == "batch" else None

    @cached_property
    def embedder(self) -> Embedder:
        """What finds near questions."""
        return open_embedder(self.settings, lambda: self.calls)

    def provider_for(self, stratum: Stratum) -> Provider:
        """Who makes questions of a stratum. Raises ConfigurationError when nobody can."""
        if self.choose is not None:
            return self.choose(stratum)
        written = self.writers.provider_for(stratum) if self.writers else None
        if written is not None:
            return written
        check_provider(self.settings, self.options)
        if self.procedural.can_serve(stratum):
            return self.procedural
        raise ConfigurationError(
            f"no provider can make questions of {stratum}",
            hint="Give its type `item_models` and its difficulty an `item_level` in the taxonomy file, or set the key "
            "of a language model's provider (qgen doctor lists them).",
        )

    def close(self) -> None:
        """Closes connections to providers, if any were opened."""
        if "calls" in self.__dict__:
            self.calls.close()

    @property
    def taxonomy(self) -> Taxonomy:
        return self.settings.taxonomy

    @property
    def strata(self) -> tuple[Stratum, ...]:
        """The strata that the options choose. Raises ConfigurationError for names that do not exist."""
        return self.taxonomy.select(self.options.types, self.options.difficulties)

    @property
    def max_regenerations(self) -> int:
        """How many rejected candidates a run may ask for again."""
        return self.settings.llm.judges.max_regenerations

    def check_stop(self) -> None:
        """Between two strata: raises RunInterrupted when the run was asked to stop."""
        if self.should_stop():
            raise RunInterrupted("the run was stopped on request", hint="What it made is kept. Go on: qgen resume")

    @property
    def seed(self) -> str:
        """What makes the run's procedural questions reproducible: the given seed, or the run's own id."""
        return self.options.seed or str(self.run_id)


def make_work(
    bank: Bank,
    settings: Settings,
    options: RunOptions,
    run_id: UUID,
    *,
    progress: Progress = silent,
    should_stop: Callable[[], bool] = lambda: False,
) -> Work:
    """Work with the configured providers and embedder. Raises ConfigurationError when the embedder cannot serve."""
    check_embedder(settings)

    def taken(structures: Sequence[str], contents: Sequence[str]) -> set[str]:
        with bank.begin() as tx:
            return candidate_rows.taken_fingerprints(tx, structures, contents)

    return Work(
        bank=bank,
        settings=settings,
        options=options,
        run_id=run_id,
        procedural=ProceduralProvider(settings.taxonomy, taken),
        progress=progress,
        should_stop=should_stop,
    )
