"""What the tests of storage, instance and launcher share: a server, databases in it, and the toy location's switches.

The fixtures are imported by name into the test modules that use them.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance

from qgen_dagster.bank.embedded import EmbeddedServer
from qgen_dagster.defs.instance import open_instance, prepare_dagster_home

KEYS = ["math__easy", "math__hard", "logic__easy", "logic__hard", "verbal__easy"]

_numbers = itertools.count(1)


def free_of_permissions() -> Path:
    """A new directory that the account of an embedded server can reach, in memory where possible."""
    memory = Path("/dev/shm")  # noqa: S108
    path = Path(tempfile.mkdtemp(prefix="qgen-dagster-", dir=memory if memory.is_dir() else None))
    path.chmod(0o755)
    return path


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedServer]:
    home = free_of_permissions()
    with EmbeddedServer.ensure(home) as running:
        yield running
    shutil.rmtree(home, ignore_errors=True)


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


class Switches:
    """Steers the toy location, also in other processes, and reads what it noted."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def on(self, name: str) -> None:
        (self.directory / name).touch()

    def off(self, name: str) -> None:
        (self.directory / name).unlink()

    def notes(self) -> list[str]:
        path = self.directory / "notes"
        return path.read_text().splitlines() if path.exists() else []

    def forget(self) -> None:
        (self.directory / "notes").unlink(missing_ok=True)

    def steps(self) -> list[str]:
        """The names of the steps that ran, in order."""
        return [note.split()[0] for note in self.notes() if note not in ("open", "close", "asleep")]


@pytest.fixture
def switches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Switches:
    directory = tmp_path / "switches"
    directory.mkdir()
    monkeypatch.setenv("QGEN_TOY_SWITCHES", str(directory))
    return Switches(directory)
