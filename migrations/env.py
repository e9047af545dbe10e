"""Alembic's entry point. It runs on the connection that `qgen_dagster.bank.schema` hands over."""

from alembic import context

from qgen_dagster.bank.schema import all_tables

connection = context.config.attributes.get("connection")
if connection is None:
    raise SystemExit("Run migrations through qgen: qgen db upgrade")
context.configure(connection=connection, target_metadata=all_tables(), compare_type=True)
with context.begin_transaction():
    context.run_migrations()
