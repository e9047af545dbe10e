"""What all tests share: one embedded PostgreSQL per session, a fresh migrated database per test that asks for one."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from qgen_dagster.bank import schema
from qgen_dagster.bank.embedded import EmbeddedServer
from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.settings import PROVIDER_VARIABLES, Settings
from qgen_dagster_tests.support import databases

# Deterministic, and no deadline: tests must never depend on how fast the machine is.
hypothesis_settings.register_profile(
    "qgen", deadline=None, derandomize=True, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("qgen")

# A script's background jobs ignore interrupts, and so would every process that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--item-seeds 1000` runs the contract of the item models on so many seeds of each model and level."""
    parser.addoption("--item-seeds", type=int, default=60, metavar="N", help="items per item model and level")


@pytest.fixture(autouse=True, scope="session")
def _environment_of_nobody() -> Iterator[None]:
    """No test sees the variables of whoever runs it."""
    with pytest.MonkeyPatch.context() as patch:
        keys = set(PROVIDER_VARIABLES)
        for name in [name for name in os.environ if name in keys or name.startswith(("QGEN_", "DAGSTER_"))]:
            patch.delenv(name)
        patch.setenv("DAGSTER_DISABLE_TELEMETRY", "1")
        yield


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedServer]:
    """The session's PostgreSQL. Its folder is open to all, so that root needs no place outside it for the cluster."""
    home = Path(tempfile.mkdtemp(prefix="qgen-tests-"))
    home.chmod(0o755)
    with EmbeddedServer.ensure(home) as started:
        databases.hurry(started)
        yield started
    shutil.rmtree(home)


@pytest.fixture(scope="session")
def template_database(server: EmbeddedServer) -> str:
    """A migrated database to copy from: a copy takes a tenth of the time of migrating."""
    name = f"template_{uuid4().hex[:8]}"
    server.create_database(name)
    bank = Bank(server.url(name))
    schema.upgrade(bank)
    bank.close()
    return name


@pytest.fixture
def bank_url(server: EmbeddedServer, template_database: str) -> Iterator[str]:
    """The URL of a fresh, migrated, empty database."""
    with databases.copy_of(template_database, server) as name:
        yield server.url(name)


@pytest.fixture
def bank(bank_url: str) -> Iterator[Bank]:
    """An empty bank."""
    opened = Bank(bank_url)
    yield opened
    opened.close()


@pytest.fixture
def settings(bank_url: str, tmp_path: Path) -> Settings:
    """Settings that point at the test's own bank."""
    return Settings(home=tmp_path / "home", database_url=bank_url)
