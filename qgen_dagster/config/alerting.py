"""alerting.yaml: when stock and runs are worth an alert, how often one is told, and to whom.

Here: the file's model and its checks. Channels are addresses with secrets in them, so the file names environment
variables in their place (`${NAME}`). Not here: what the addresses mean (`alerting/channels.py`), the rules themselves
(`alerting/`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from qgen_dagster.core.alert import AlertSeverity
from qgen_dagster.core.inventory import (
    DEFAULT_CRITICAL_MIN,
    DEFAULT_HEALTHY_MIN,
    DEFAULT_WARNING_MIN,
    Thresholds,
)

Minutes = Annotated[float, Field(ge=0, le=100_000)]
Hours = Annotated[float, Field(gt=0, le=10_000)]
Share = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(gt=0, le=1_000_000)]
# The whole value is one reference, so that no part of a secret stands in the file.
REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class StockThresholds(_Frozen):
    """`inventory`: the smallest count of each stock level. Below `warning_min` there is an alert."""

    healthy_min: int = Field(default=DEFAULT_HEALTHY_MIN, ge=0)
    warning_min: int = Field(default=DEFAULT_WARNING_MIN, ge=0)
    critical_min: int = Field(default=DEFAULT_CRITICAL_MIN, ge=0)

    @field_validator("warning_min", "critical_min")
    @classmethod
    def _in_order(cls, value: int, info: ValidationInfo) -> int:
        above = "healthy_min" if info.field_name == "warning_min" else "warning_min"
        limit = info.data.get(above)
        if limit is not None and value > limit:
            raise ValueError(f"thresholds out of order: {info.field_name} {value} is above {above} {limit}")
        return value

    def thresholds(self) -> Thresholds:
        """The same numbers for `core.inventory`."""
        return Thresholds(self.healthy_min, self.warning_min, self.critical_min)


class Cooldowns(_Frozen):
    """`cooldowns`: how soon the next message about stock may follow. Critical stock is told at once."""

    per_stratum_minutes: Minutes = 60
    global_minutes: Minutes = 15
    max_per_hour: int = Field(default=10, ge=1, le=1_000)
    remind_after_hours: Hours | None = None


class Rule(_Frozen):
    """What every run rule has. A critical finding is told at once, others when the rule's cooldown has passed."""

    enabled: bool = True
    severity: AlertSeverity = AlertSeverity.WARNING
    cooldown_minutes: Minutes = 60


class LowSuccess(Rule):
    """So many runs in a row inserted less than this share of what was asked for."""

    below: Share = 0.5
    runs: int = Field(default=3, ge=1, le=100)
    severity: AlertSeverity = AlertSeverity.CRITICAL


class ProviderErrors(Rule):
    """A provider's account is empty, or a key is refused."""

    severity: AlertSeverity = AlertSeverity.CRITICAL


class QualityDrop(Rule):
    """Approval rate or arbiter score of the last days against the days before; both periods need so many judged."""

    approval_rate: Share = 0.1
    arbiter_score: Share = 0.05
    min_evaluated: int = Field(default=50, ge=1)
    cooldown_minutes: Minutes = 1_440


class Cost(Rule):
    """USD per inserted question (of the last days) and per day (UTC); None: no limit."""

    per_question_usd: Amount | None = None
    per_day_usd: Amount | None = None
    min_inserted: int = Field(default=20, ge=1)


class Duplicates(Rule):
    """The share of approved questions that the bank had already."""

    above: Share = 0.4
    min_approved: int = Field(default=50, ge=1)
    cooldown_minutes: Minutes = 1_440


class StuckRuns(Rule):
    """A run that is `running` and shows no sign of life: it is closed as failed, and told."""

    minutes: float = Field(default=60, ge=1, le=100_000)
    cooldown_minutes: Minutes = 0


class Silence(Rule):
    """No run has started for so long; None: never mind. Says nothing before the first run of a bank."""

    hours: Hours | None = 36
    severity: AlertSeverity = AlertSeverity.CRITICAL


class Outbox(Rule):
    """The oldest report that could not be handed in is older than this."""

    minutes: float = Field(default=60, ge=1, le=100_000)


class RunRules(_Frozen):
    """`run_rules`. `period_days`: what quality, cost per question and duplicates are looked at over."""

    period_days: int = Field(default=7, ge=1, le=90)
    low_success: LowSuccess = LowSuccess()
    failed_run: Rule = Rule()
    stuck_run: StuckRuns = StuckRuns()
    provider_errors: ProviderErrors = ProviderErrors()
    quality_drop: QualityDrop = QualityDrop()
    cost: Cost = Cost()
    duplicates: Duplicates = Duplicates()
    silence: Silence = Silence()
    outbox: Outbox = Outbox()


class Channels(_Frozen):
    """`channels`: who is told, by severity; `all` hears of everything. Each entry is `${NAME}` of a variable."""

    all: tuple[str, ...] = ("${QGEN_ALERT_URLS}",)
    critical: tuple[str, ...] = ("${QGEN_ALERT_URLS_CRITICAL}",)
    warning: tuple[str, ...] = ("${QGEN_ALERT_URLS_WARNING}",)

    @field_validator("all", "critical", "warning")
    @classmethod
    def _only_references(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for place, entry in enumerate(value, 1):
            if not REFERENCE.fullmatch(entry):  # never shown: somebody may have put a secret there
                raise ValueError(f"entry {place} is not ${{NAME}}: put the address into an environment variable")
        return value

    def names(self, severity: AlertSeverity | None = None) -> Iterator[str]:
        """The variables that hold the addresses of a severity, or of every severity."""
        entries = [*self.all]
        if severity in (None, AlertSeverity.CRITICAL):
            entries += self.critical
        if severity in (None, AlertSeverity.WARNING):
            entries += self.warning
        yield from (entry[2:-1] for entry in entries)


class Delivery(_Frozen):
    """`delivery`: how a message is sent. Pauses double from the first to the longest."""

    timeout_seconds: float = Field(default=20, ge=1, le=45)
    first_pause_seconds: float = Field(default=30, ge=1, le=3_600)
    longest_pause_minutes: float = Field(default=30, ge=1, le=1_440)
    give_up_after_hours: Hours = 24
    at_once: int = Field(default=8, ge=1, le=50)


class Links(_Frozen):
    """`links`: where a message leads. None: where QGEN_DAGSTER_URL and QGEN_DASHBOARD_URL say, if they are set."""

    dagster: Annotated[str, Field(pattern=r"^https?://\S+$", max_length=500)] | None = None
    dashboard: Annotated[str, Field(pattern=r"^https?://\S+$", max_length=500)] | None = None


class AlertingConfig(_Frozen):
    """alerting.yaml."""

    inventory: StockThresholds = StockThresholds()
    cooldowns: Cooldowns = Cooldowns()
    run_rules: RunRules = RunRules()
    channels: Channels = Channels()
    delivery: Delivery = Delivery()
    links: Links = Links()


def rules_of(config: RunRules) -> dict[str, Rule]:
    """The run rules by name."""
    return {name: rule for name in RunRules.model_fields if isinstance(rule := getattr(config, name), Rule)}
