"""Columns and constraints that many tables share, and the metadata that they belong to.

Not here: any table (`tables.py`, `operations_tables.py`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Column, DateTime, ForeignKey, Integer, MetaData, func, text
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.types import UserDefinedType

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class HalfVector(UserDefinedType[str]):
    """pgvector's `halfvec`, for the tables only: vectors travel as text (`vectors.py`).

    The package pgvector has such a type too; importing it costs every command 35 ms for a second dialect.
    """

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """As it stands in DDL."""
        return "halfvec"


ischema_names["halfvec"] = HalfVector


def id_column() -> Column[Any]:
    return Column("id", UUID(as_uuid=True), primary_key=True, server_default=text("gen_random_uuid()"))


def when(name: str, *, now: bool = False) -> Column[Any]:
    default = func.now() if now else None
    return Column(name, DateTime(timezone=True), nullable=not now, server_default=default)


def count(name: str) -> Column[Any]:
    return Column(name, Integer, nullable=False, server_default=text("0"))


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    allowed = ", ".join(f"'{value.value}'" for value in values)
    return CheckConstraint(f"{column} IN ({allowed})", name=column)


def past_run_id_column(*, nullable: bool = False) -> Column[Any]:
    """The run that something came from. No foreign key: what is known of a question outlives its run's row."""
    return Column("run_id", UUID(as_uuid=True), nullable=nullable)


def run_id_column(*, nullable: bool = False, ondelete: str = "CASCADE") -> Column[Any]:
    target = ForeignKey("question_generation_runs.id", ondelete=ondelete)
    return Column("run_id", UUID(as_uuid=True), target, nullable=nullable)
