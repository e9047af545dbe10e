"""What the Dagster tests share: databases in the session's server, an instance in one of them, the toy location.

Not here: the real chain on an instance (`support/balancing.py`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance
from sqlalchemy import make_url

from qgen_dagster.bank.embedded import EmbeddedServer
from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.settings import Settings
from qgen_dagster.defs.instance import open_instance, prepare_dagster_home
from qgen_dagster.defs.storage import close_pools, create_tables_once
from qgen_dagster_tests.support import databases
from qgen_dagster_tests.support.balancing import Balancing

from .toy_switches import Switches

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def new_database(server: EmbeddedServer) -> Callable[[], str]:
    """Make an empty database; its URL in the form that Dagster's storage wants."""

    def make() -> str:
        name = f"dagster_{next(_numbers)}"
        server.create_database(name)
        return server.url(name, driver="psycopg2")

    return make


@pytest.fixture(scope="session")
def database(new_database: Callable[[], str]) -> str:
    """One database for the tests that do not mind each other's runs."""
    return new_database()


@pytest.fixture(scope="session")
def dagster_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare_dagster_home(tmp_path_factory.mktemp("qgen_home"))


@pytest.fixture(scope="session")
def toy_workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("workspace") / "workspace.yaml"
    path.write_text(
        "load_from:\n"
        "  - python_module:\n"
        "      module_name: qgen_dagster_tests.dagster.toy_location\n"
        "      location_name: qgen\n"
    )
    return path


@pytest.fixture
def instance(dagster_home: Path, database: str) -> Iterator[DagsterInstance]:
    with open_instance(dagster_home, database) as opened:
        yield opened


@pytest.fixture
def switches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Switches:
    directory = tmp_path / "switches"
    directory.mkdir()
    monkeypatch.setenv("QGEN_TOY_SWITCHES", str(directory))
    return Switches(directory)


@pytest.fixture(scope="session")
def dagster_template(new_database: Callable[[], str]) -> str:
    """The name of a database with Dagster's tables, to copy from: they take seconds to create."""
    url = new_database()
    create_tables_once(url)
    close_pools()
    return str(make_url(url).database)


@pytest.fixture
def fresh_instance(server: EmbeddedServer, dagster_template: str, dagster_home: Path) -> Iterator[DagsterInstance]:
    """An instance without any runs or partitions."""
    with (
        databases.copy_of(dagster_template, server) as name,
        open_instance(dagster_home, server.url(name, driver="psycopg2")) as opened,
    ):
        yield opened


@pytest.fixture
def balancing(
    fresh_instance: DagsterInstance, bank: Bank, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Balancing:
    """The real code location, with this test's own bank named by the environment as an operator does it."""
    assert settings.database_url
    monkeypatch.setenv("QGEN_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("QGEN_HOME", str(settings.home))
    return Balancing(fresh_instance, bank, settings)
