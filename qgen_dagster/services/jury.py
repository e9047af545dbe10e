"""Which models an audit of the judges asks, and what they may cost.

Here: choosing them (`choose_jury`), and `Spending`, the audit's own budget and count. Not here: asking them
(`judge_audit.py`), whom a run asks (`routing.py`).
"""

from __future__ import annotations

import difflib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from qgen_dagster.config.llm import JudgesFile, LlmConfig
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.generation.calls import Budget, NoBudget
from qgen_dagster.generation.providers.registry import missing
from qgen_dagster.services.budget import Limit, RunBudget


@dataclass(frozen=True)
class Jury:
    """The models that are audited, in order. `config` names them and no others as judges; `passed_over` have no key."""

    config: LlmConfig
    passed_over: tuple[str, ...]

    @property
    def solvers(self) -> tuple[str, ...]:
        return self.config.judges.solvers

    @property
    def arbiters(self) -> tuple[str, ...]:
        return self.config.judges.arbiters

    @property
    def models(self) -> tuple[str, ...]:
        """All of them, each once."""
        return tuple(dict.fromkeys((*self.solvers, *self.arbiters)))


def choose_jury(settings: Settings, wanted: Sequence[str] = ()) -> Jury:
    """The judges of judges.yaml that have a key, or the wanted models of models.yaml, each as solver and as arbiter.

    Raises ConfigurationError for a model that is not known, for a wanted one without a key, and when nobody has one.
    """
    config = settings.llm
    solvers, arbiters = (wanted, wanted) if wanted else (config.judges.solvers, config.judges.arbiters)
    named = dict.fromkeys((*solvers, *arbiters))
    _refuse_unknown(named, config)
    needed = {model: _missing(model, settings) for model in named}
    without = [model for model in named if needed[model]]
    if wanted and without:
        raise ConfigurationError(f"--judges: {without[0]} needs {needed[without[0]]}", hint="It is not set.")
    if len(without) == len(named):
        variables = ", ".join(dict.fromkeys(variable for variable in needed.values() if variable))
        raise ConfigurationError(
            "no judge can be asked: no provider has a key",
            hint=f"Set one or more of {variables}. What needs no judge: qgen audit judges --rules-only",
        )
    judges = config.judges.model_copy(
        update={"solvers": _without(solvers, without), "arbiters": _without(arbiters, without)}
    )
    return Jury(_with_judges(config, judges), tuple(without))


@dataclass
class Spending:
    """A budget that counts what was really sent: calls, tokens, USD, and calls whose price is not known."""

    day: Budget
    most_usd: Decimal | None = None
    calls: int = 0
    tokens: int = 0
    usd: Decimal = field(default_factory=Decimal)
    unpriced: int = 0

    def __post_init__(self) -> None:
        self._own: Budget = NoBudget()
        if self.most_usd is not None:
            limit = Limit("the audit's budget", "USD", self.most_usd, lambda: self.usd)
            self._own = RunBudget([limit], time.monotonic)

    @property
    def exhausted(self) -> str | None:
        """Which limit ended the spending, if one did."""
        return next((said for b in (self._own, self.day) if (said := getattr(b, "exhausted", None))), None)

    async def reserve(self, usd: Decimal | None, tokens: int) -> None:
        """Sets a worst case aside, in the audit's budget and the day's. Raises ProviderError (blocked)."""
        await self._own.reserve(usd, tokens)
        try:
            await self.day.reserve(usd, tokens)
        except BaseException:
            self._own.settle(usd, tokens, None, 0)
            raise

    def settle(self, reserved_usd: Decimal | None, reserved_tokens: int, usd: Decimal | None, tokens: int) -> None:
        """Counts the call."""
        self.calls += 1
        self.tokens += tokens
        self.usd += usd or Decimal()
        self.unpriced += usd is None and tokens > 0
        self._own.settle(reserved_usd, reserved_tokens, usd, tokens)
        self.day.settle(reserved_usd, reserved_tokens, usd, tokens)


def _missing(model: str, settings: Settings) -> str | None:
    return missing(settings.llm.entry(model).provider, settings.provider_environment)


def _without(models: Sequence[str], others: Sequence[str]) -> tuple[str, ...]:
    return tuple(model for model in dict.fromkeys(models) if model not in others)


def _with_judges(config: LlmConfig, judges: JudgesFile) -> LlmConfig:
    return config.model_copy(update={"judges": judges})


def _refuse_unknown(named: Sequence[str] | dict[str, None], config: LlmConfig) -> None:
    known = list(config.models.models)
    for model in named:
        if model not in known:
            close = difflib.get_close_matches(model, known, n=1)
            hint = f"Did you mean {close[0]}?" if close else f"Known: {', '.join(known)}."
            raise ConfigurationError(f"--judges: model {model!r} is not in models.yaml", hint=hint)
