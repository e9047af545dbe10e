"""Migrations up and down, and databases that do not fit: each refused with what to do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy.engine import make_url

from qgen_dagster.bank import schema
from qgen_dagster.bank.embedded import EmbeddedServer
from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.errors import ConfigurationError, DatabaseError
from qgen_dagster.services.database import open_bank
from qgen_dagster_tests.support import databases

BLUEPRINT = {
    "questions",
    "candidates",
    "question_batches",
    "inventory_snapshots",
    "generation_plans",
    "llm_calls",
    "alerts",
    "alert_messages",
    "alert_deliveries",
    "alert_mentions",
    "alert_mutes",
    "report_outbox",
    "positions",
    "drill_series",
    "drill_batches",
    "drills",
    "question_generation_runs",
}


@pytest.fixture
def empty(server: EmbeddedServer) -> Iterator[Bank]:
    """A database without any table."""
    name = f"empty_{uuid4().hex[:8]}"
    server.create_database(name)
    bank = Bank(server.url(name))
    yield bank
    bank.close()
    databases.drop(name, server)


def execute(bank: Bank, *statements: str) -> None:
    with bank.begin() as tx:
        for statement in statements:
            tx.exec_driver_sql(statement)


def alter_database(bank: Bank, setting: str) -> None:
    name = make_url(bank.url).database
    with bank.session() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET {setting}")
    bank.close()


def tables_of(bank: Bank) -> set[str]:
    with bank.begin() as tx:
        return set(tx.exec_driver_sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").scalars())


def test_upgrading_makes_every_table_of_the_blueprint_and_downgrading_takes_them_away(empty: Bank) -> None:
    assert schema.upgrade(empty) == (None, schema.SCHEMA_VERSION)
    assert tables_of(empty) >= BLUEPRINT
    assert schema.downgrade(empty, "base") == (schema.SCHEMA_VERSION, None)
    assert tables_of(empty) <= {"alembic_version"}
    assert schema.upgrade(empty) == (None, schema.SCHEMA_VERSION)


def test_the_migrations_make_exactly_the_tables_that_the_code_sees(bank: Bank) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with bank.begin() as tx:
        context = MigrationContext.configure(tx, opts={"compare_type": True, "compare_server_default": False})
        assert compare_metadata(context, schema.all_tables()) == []


def test_the_newest_migration_is_the_version_that_the_code_names() -> None:
    from alembic.script import ScriptDirectory

    assert ScriptDirectory.from_config(schema.alembic_config()).get_heads() == [schema.SCHEMA_VERSION]


def test_the_run_table_has_the_specification_s_columns_and_indexes(bank: Bank) -> None:
    with bank.begin() as tx:
        indexes = set(
            tx.exec_driver_sql(
                "SELECT indexname FROM pg_indexes WHERE tablename = 'question_generation_runs'"
            ).scalars()
        )
    assert indexes >= {"ix_qgr_started_at", "ix_qgr_status", "ix_qgr_environment", "ix_qgr_overall_success"}


def test_two_processes_that_migrate_at_once_take_turns(empty: Bank) -> None:
    results: list[tuple[str | None, str | None]] = []
    threads = [threading.Thread(target=lambda: results.append(schema.upgrade(Bank(empty.url)))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    versions = [before for before, _ in results]
    assert versions.count(None) == 1
    assert {after for _, after in results} == {schema.SCHEMA_VERSION}


def test_a_database_from_a_newer_version_is_left_alone(bank: Bank) -> None:
    execute(bank, "UPDATE alembic_version SET version_num = '9999'")
    for attempt in (schema.upgrade, schema.require_current):
        with pytest.raises(DatabaseError, match="newer than this qgen"):
            attempt(bank)


def test_a_database_without_tables_says_how_to_make_them(empty: Bank) -> None:
    with pytest.raises(DatabaseError) as caught:
        schema.require_current(empty)
    assert "qgen db upgrade" in str(caught.value)


def test_a_server_without_pgvector_says_what_to_install(empty: Bank) -> None:
    alter_database(empty, "extension_control_path = '/nowhere'")
    with pytest.raises(DatabaseError, match="no pgvector"):
        schema.upgrade(empty)
    assert tables_of(empty) == set()


def test_a_read_only_database_is_named_as_such(bank: Bank) -> None:
    alter_database(bank, "default_transaction_read_only = on")
    with pytest.raises(DatabaseError, match="read-only"):
        execute(bank, "DELETE FROM questions")


def test_a_server_that_is_too_old_is_refused(empty: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "MIN_SERVER_VERSION", 990000)
    with pytest.raises(DatabaseError, match="too old"):
        schema.upgrade(empty)


def test_an_unreachable_server_is_named_without_its_password(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, database_url="postgresql://me:secret@127.0.0.1:1/qgen")
    with pytest.raises(DatabaseError) as caught, open_bank(settings):
        pass
    assert "127.0.0.1" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_user_without_the_right_to_create_is_told(empty: Bank, server: EmbeddedServer) -> None:
    role = f"guest_{uuid4().hex[:6]}"
    execute(empty, f"CREATE ROLE {role} LOGIN", "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    guest = Bank(make_url(empty.url).set(username=role).render_as_string(hide_password=False))
    with pytest.raises(DatabaseError, match="permission"):
        schema.upgrade(guest)


@pytest.mark.parametrize("url", ["mysql://localhost/qgen", "not a url", "sqlite:///x.db"])
def test_what_is_no_postgresql_url_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigurationError):
        Bank(url)


@pytest.mark.parametrize(
    "url", ["postgresql://h/qgen", "postgresql+psycopg2://h/qgen", "postgres://h/qgen", "postgresql+psycopg://h/qgen"]
)
def test_any_postgresql_url_is_used_with_our_driver(url: str) -> None:
    assert Bank(url).url == "postgresql+psycopg://h/qgen"


def test_an_external_database_is_made_and_migrated_on_request(server: EmbeddedServer, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, database_url=server.url(f"made_{uuid4().hex[:8]}"))
    with pytest.raises(DatabaseError), open_bank(settings):
        pass
    with open_bank(settings, migrate=True) as bank:
        assert schema.current_version(bank) == schema.SCHEMA_VERSION
    with open_bank(settings) as bank:
        assert bank.ping().startswith("18")
