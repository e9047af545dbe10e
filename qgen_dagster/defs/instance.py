"""The Dagster home directory, and the Dagster instance that the command line uses.

Here: where `dagster.yaml` and `workspace.yaml` come from, how `$QGEN_HOME/dagster` is kept up to date, and how an
instance is opened with a given database. Not here: what the storage does (`storage.py`), and running jobs
(`launch.py`).

Dagster is imported inside `open_instance` only: `qgen env` and `qgen up` prepare the home without paying for it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from qgen_dagster.core.errors import ConfigurationError, DatabaseError

if TYPE_CHECKING:
    from dagster import DagsterInstance

_PACKAGE = Path(__file__).resolve().parents[1]
_BATCH_VARIABLE = "DAGSTER_EVENT_BATCH_SIZE"
_HEADER = "# Written by qgen, and written again when qgen's own dagster.yaml changes: do not edit this copy.\n\n"


def deploy_file(name: str) -> Path:
    """The `dagster.yaml` or `workspace.yaml` that belongs to this qgen: the checkout's, else the one in the wheel.

    Raises:
        ConfigurationError: the installation has neither.
    """
    checkout = _PACKAGE.parent
    if (checkout / "pyproject.toml").is_file() and (checkout / name).is_file():
        return checkout / name
    packaged = _PACKAGE / "_deploy" / name
    if packaged.is_file():
        return packaged
    raise ConfigurationError(
        f"This installation of qgen lacks {name}.", hint=f"Expected {packaged}. Install qgen again."
    )


def prepare_dagster_home(home: Path) -> Path:
    """Make `<home>/dagster` a Dagster home with the present `dagster.yaml`, and return its absolute path.

    Nothing is written when nothing changed. A process that reads while another writes sees the old or the new file,
    never half of one.

    Raises:
        ConfigurationError: the directory cannot be made or written, or the installation lacks `dagster.yaml`.
    """
    dagster_home = home.expanduser().resolve() / "dagster"
    wanted = _HEADER + deploy_file("dagster.yaml").read_text(encoding="utf-8")
    try:
        dagster_home.mkdir(parents=True, exist_ok=True)
        _write_if_different(dagster_home / "dagster.yaml", wanted)
    except OSError as exc:
        raise ConfigurationError(
            f"Cannot write Dagster's settings to {dagster_home}: {exc.strerror or exc}.",
            hint="Set QGEN_HOME to a directory that this user may write to.",
        ) from exc
    return dagster_home


def _write_if_different(path: Path, text: str) -> None:
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).chmod(0o644)  # mkstemp makes it private; the daemon may run as another user
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@contextmanager
def open_instance(dagster_home: Path, url: str) -> Iterator[DagsterInstance]:
    """The Dagster instance of `dagster_home` with its storage in the database `url`; tables are created on first use.

    The URL is handed over directly, so no variable with it is set or needed. On leaving, this process's pooled
    connections to Dagster's database are closed.

    Raises:
        ConfigurationError: `dagster.yaml` is missing or Dagster refuses it.
        DatabaseError: the database cannot be reached or its tables cannot be created.
    """
    from dagster._core.errors import DagsterInvalidConfigError
    from dagster._core.instance import DagsterInstance, InstanceRef

    from .storage import PooledPostgresStorage, close_pools

    if not (dagster_home / "dagster.yaml").is_file():
        raise ConfigurationError(f"No dagster.yaml in {dagster_home}.", hint="Any qgen command that runs makes it.")
    _create_tables(url)
    storage = {
        "module": PooledPostgresStorage.__module__,
        "class": PooledPostgresStorage.__name__,
        "config": {"postgres_url": url, "should_autocreate_tables": False},
    }
    try:
        ref = InstanceRef.from_dir(str(dagster_home), overrides={"storage": {"custom": storage}})
    except DagsterInvalidConfigError as exc:
        raise ConfigurationError(f"Dagster refuses {dagster_home / 'dagster.yaml'}: {exc}") from exc
    try:
        with _events_in_batches(), DagsterInstance.from_ref(ref) as instance:
            yield instance
    finally:
        close_pools()


@contextmanager
def _events_in_batches() -> Iterator[None]:
    # The materialisations of one step over many partitions are stored in one statement instead of one each, which
    # takes a quarter off a run over all strata. Dagster reads this from the environment only.
    if _BATCH_VARIABLE in os.environ:
        yield
        return
    os.environ[_BATCH_VARIABLE] = "1000"
    try:
        yield
    finally:
        os.environ.pop(_BATCH_VARIABLE, None)


def _create_tables(url: str) -> None:
    from dagster_postgres.utils import DagsterPostgresException

    from .storage import StorageError, create_tables_once, pooled_engine

    try:
        # First without Dagster's retries: a wrong address should be reported now, not after a quarter of a minute.
        with pooled_engine(url).connect():
            pass
        create_tables_once(url)
    except (StorageError, DagsterPostgresException) as exc:
        raise DatabaseError(
            f"Dagster's database cannot be used: {str(exc).splitlines()[0]}",
            hint="Check QGEN_DAGSTER_DATABASE_URL, or run `qgen doctor`.",
        ) from exc
