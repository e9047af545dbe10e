"""Dagster's storage over a pool: few connections, one set of tables, no sockets shared with children."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import dagster as dg
import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.pool import QueuePool

from qgen_dagster.bank.embedded import EmbeddedServer
from qgen_dagster.defs.instance import open_instance
from qgen_dagster.defs.storage import PooledPostgresStorage, close_pools, create_tables_once, pooled_engine

from .toy_location import defs


def name_of(url: str) -> str:
    return str(sa.make_url(url).database)


def sessions(server: EmbeddedServer, url: str) -> int:
    """How many connections to the database the server counts now."""
    with psycopg.connect(server.url("postgres", driver=None), autocommit=True) as connection:
        row = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = %s", [name_of(url)]).fetchone()
    assert row is not None
    return int(row[0])


def test_a_run_keeps_to_very_few_connections(server: EmbeddedServer, dagster_home: Path, database: str) -> None:
    with open_instance(dagster_home, database) as instance:
        most = 0

        def look(_: object) -> None:
            nonlocal most
            most = max(most, sessions(server, database))

        run_id = str(uuid4())
        instance.add_event_listener(run_id, look)
        instance.add_dynamic_partitions("strata", ["math__easy"])
        result = defs.resolve_job_def("toy_chain").execute_in_process(
            instance=instance, run_id=run_id, partition_key="math__easy"
        )
    assert result.success
    assert 1 <= most <= 2


def test_leaving_the_instance_closes_its_connections(server: EmbeddedServer, dagster_home: Path, database: str) -> None:
    with open_instance(dagster_home, database) as instance:
        instance.get_runs(limit=1)
        assert sessions(server, database) >= 1
    assert sessions(server, database) == 0


def test_many_instances_of_a_process_share_one_pool(server: EmbeddedServer, database: str) -> None:
    storages = [PooledPostgresStorage(database) for _ in range(10)]
    for storage in storages:
        storage.run_storage.get_runs(limit=1)
        storage.event_log_storage.get_dynamic_partitions("strata")
        storage.schedule_storage.all_instigator_state()
    assert sessions(server, database) == 1
    close_pools()


def test_the_url_may_name_a_unix_socket_without_host_or_port(server: EmbeddedServer, database: str) -> None:
    url = f"postgresql+psycopg2://postgres@/{name_of(database)}?host={server.socket_directory}"
    storage = PooledPostgresStorage(url)
    storage.event_log_storage.add_dynamic_partitions("strata", ["math__easy"])
    assert "math__easy" in storage.event_log_storage.get_dynamic_partitions("strata")
    close_pools()


def test_a_watched_run_reports_its_events_over_a_unix_socket(instance: dg.DagsterInstance) -> None:
    heard = threading.Event()
    run_id = str(uuid4())
    instance.watch_event_logs(run_id, None, lambda *_: heard.set())
    instance.add_dynamic_partitions("strata", ["math__easy"])
    defs.resolve_job_def("toy_chain").execute_in_process(instance=instance, run_id=run_id, partition_key="math__easy")
    assert heard.wait(10)


def test_the_webserver_gets_a_statement_timeout_and_keeps_the_pool(database: str) -> None:
    storage = PooledPostgresStorage(database)
    for part in (storage.run_storage, storage.event_log_storage, storage.schedule_storage):
        part.optimize_for_webserver(statement_timeout=1234, pool_recycle=60, max_overflow=7)
    with storage.run_storage.connect() as connection:  # type: ignore[attr-defined]
        assert connection.execute(sa.text("SHOW statement_timeout")).scalar() == "1234ms"
        assert isinstance(connection.engine.pool, QueuePool)
    close_pools()


def test_a_connection_cut_by_the_server_is_replaced_unnoticed(server: EmbeddedServer, database: str) -> None:
    storage = PooledPostgresStorage(database)
    storage.run_storage.get_runs(limit=1)
    with psycopg.connect(server.url("postgres", driver=None), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name_of(database)]
        )
    storage.run_storage.get_runs(limit=1)
    close_pools()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_uses_its_own_connection(database: str) -> None:
    engine = pooled_engine(database)
    backend = sa.text("SELECT pg_backend_pid()")
    with engine.connect() as connection:
        parents = connection.execute(backend).scalar()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover  in the child
        with engine.connect() as connection:
            os.write(writer, str(connection.execute(backend).scalar()).encode())
        os._exit(0)
    os.waitpid(child, 0)
    with engine.connect() as connection:
        assert connection.execute(backend).scalar() == parents
    assert int(os.read(reader, 20)) != parents
    os.close(reader)
    os.close(writer)
    close_pools()


def test_threads_do_not_share_a_connection(database: str) -> None:
    storage = PooledPostgresStorage(database, pool_size=2, max_overflow=2)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(20):
                storage.run_storage.get_runs(limit=1)
                storage.event_log_storage.get_dynamic_partitions("strata")
        except BaseException as exc:
            failures.append(exc)

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    close_pools()


def test_processes_that_create_the_tables_at_once_do_not_collide(new_database: Callable[[], str]) -> None:
    url = new_database()
    code = (
        "import sys\nfrom qgen_dagster.defs.storage import create_tables_once\nprint(create_tables_once(sys.argv[1]))\n"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    outcomes = [process.communicate(timeout=120) for process in processes]
    assert [complaints for _, complaints in outcomes] == [""] * 3
    assert sorted(answer.strip() for answer, _ in outcomes) == ["False", "False", "True"]
    assert create_tables_once(url) is False
    close_pools()
