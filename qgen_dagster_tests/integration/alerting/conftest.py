"""Alerting on a real bank, with a clock that the test sets and channels on real sockets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.alerting import AlertingConfig
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.inventory import InventoryAnalysis, analyze_inventory
from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster.services.alert_delivery import Delivered, deliver_due
from qgen_dagster.services.alert_runs import check_runs
from qgen_dagster.services.alerts import Alerting, CheckReport, InventoryAlertManager
from qgen_dagster_tests.support.channels import MailServer, Webhook, mail_server, webhook

START = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass
class Desk:
    """What a test does: set the clock and the stock, check, deliver."""

    bank: Bank
    settings: Settings
    now: datetime = START
    config: AlertingConfig = field(default_factory=AlertingConfig)
    environ: dict[str, str] = field(default_factory=dict)
    stock: dict[Stratum, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.stock = dict.fromkeys(self.settings.taxonomy.strata, 50)

    @property
    def alerting(self) -> Alerting:
        return Alerting(self.bank, self.config, self.environ, lambda: self.now)

    def configure(self, part: str, **changes: Any) -> None:
        """Changes one block of alerting.yaml."""
        block = getattr(self.config, part).model_copy(update=changes)
        self.config = self.config.model_copy(update={part: block})

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)

    def analysis(self) -> InventoryAnalysis:
        return analyze_inventory(self.stock, self.settings.taxonomy.strata)

    def set(self, **counts: int) -> None:
        self.stock.update({self.settings.taxonomy.stratum(key): count for key, count in counts.items()})

    def check(self, **counts: int) -> CheckReport:
        """Checks the stock after these changes; nothing is delivered yet."""
        self.set(**counts)
        keys = [stratum.key for stratum in self.settings.taxonomy.strata]
        return InventoryAlertManager(self.alerting, keys).check_and_alert(self.analysis())

    def check_runs(self) -> CheckReport:
        return check_runs(self.alerting)

    def deliver(self) -> dict[str, str]:
        """Tries what is due; the states by the schemes of the channels."""
        return {d.channel.partition(":")[0]: d.state.value for d in self.tried()}

    def tried(self) -> tuple[Delivered, ...]:
        return deliver_due(self.alerting, sleep=lambda seconds: None)


@pytest.fixture
def desk(bank: Bank, settings: Settings) -> Desk:
    return Desk(bank, settings)


@pytest.fixture
def hook(desk: Desk) -> Iterator[Webhook]:
    """The one channel of the desk, unless the test says otherwise."""
    with webhook() as started:
        desk.environ["QGEN_ALERT_URLS"] = started.url
        yield started


@pytest.fixture
def mail(desk: Desk) -> Iterator[MailServer]:
    with mail_server() as started:
        desk.environ["QGEN_ALERT_URLS"] = started.url
        yield started


def with_urls(desk: Desk, urls: Mapping[str, str]) -> Desk:
    """The desk with other channels."""
    return replace(desk, environ=dict(urls))
