"""Deleting history that nobody needs any more, in small transactions; what it added up to is kept.

Here: what goes, kind by kind, and counting it. What stays for ever: questions, and of what led to each of them the
candidates, batches and calls that its page shows; the sums of deleted runs and how long each took
(`pruned_run_days`, `pruned_run_durations`); the last stock snapshot of each day; runs of other kinds (drill series,
audits). Not here: when and how often (`services/retention.py`), Dagster's own tables (`defs/history.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from uuid import UUID

from sqlalchemy import TextClause, text

from qgen_dagster.bank.batches import UNFINISHED
from qgen_dagster.bank.engine import Transaction
from qgen_dagster.bank.operations_tables import RUN_DAY_COUNTS, RUN_DAY_EXTREMES, RUN_DAY_SUMS, RUN_DAY_TOKENS
from qgen_dagster.bank.run_day_sql import DIMENSIONS, MEASURES, summing
from qgen_dagster.bank.run_days import SUM_KEYS
from qgen_dagster.bank.tables import OPEN_JOBS_SQL, PENDING_SQL
from qgen_dagster.core.run import RunKind, RunStatus

_UNFINISHED_SQL = ", ".join(f"'{status}'" for status in UNFINISHED)

# Runs that have ended and that nothing is left to do for. `:before` is midnight (UTC): a day goes as a whole.
_OLD_RUNS = f"""
    FROM question_generation_runs r
    WHERE r.kind = '{RunKind.QUESTIONS.value}'
      AND r.started_at < :before AND r.status <> '{RunStatus.RUNNING.value}'
      AND coalesce(r.completed_at, r.started_at) < :before
      AND NOT EXISTS (SELECT 1 FROM candidates c WHERE c.run_id = r.id AND c.state IN ({PENDING_SQL}))
      AND NOT EXISTS (SELECT 1 FROM question_batches b WHERE b.run_id = r.id AND b.status IN ({_UNFINISHED_SQL}))
      AND NOT EXISTS (SELECT 1 FROM llm_jobs j WHERE j.run_id = r.id AND j.state IN ({OPEN_JOBS_SQL}))
"""  # noqa: S608
# Of those runs, the candidates that became questions, and those that salvage made them of.
_LED_TO_QUESTIONS = """
    WITH RECURSIVE old AS ({old}),
    kept AS (
        SELECT c.id, c.parent_candidate_id, c.batch_id FROM candidates c JOIN questions q ON q.candidate_id = c.id
        WHERE c.run_id IN (SELECT id FROM old)
        UNION
        SELECT c.id, c.parent_candidate_id, c.batch_id FROM candidates c JOIN kept k ON c.id = k.parent_candidate_id
    )
"""
# What goes with those runs; `drill_batches` have a history of their own.
_OF_RUNS = {
    "calls": """llm_calls x WHERE x.run_id IN (SELECT id FROM old)
        AND NOT EXISTS (SELECT 1 FROM kept k WHERE k.id = x.candidate_id)
        AND NOT EXISTS (SELECT 1 FROM kept k WHERE k.batch_id = x.batch_id AND x.candidate_id IS NULL)
        AND NOT EXISTS (SELECT 1 FROM drill_batches d WHERE d.id = x.batch_id)""",
    "candidates": """candidates x WHERE x.run_id IN (SELECT id FROM old)
        AND NOT EXISTS (SELECT 1 FROM kept k WHERE k.id = x.id)""",
    "batches": """question_batches x WHERE x.run_id IN (SELECT id FROM old)
        AND NOT EXISTS (SELECT 1 FROM kept k WHERE k.batch_id = x.id)""",
    "jobs": "llm_jobs x WHERE x.run_id IN (SELECT id FROM old)",
    "plans": "generation_plans x WHERE x.run_id IN (SELECT id FROM old)",
}
# What goes by its own age.
_OTHERS = {
    "calls of no run": """llm_calls x WHERE x.created_at < :before AND x.run_id IS NULL AND x.batch_id IS NULL
        AND x.candidate_id IS NULL""",
    "plans of no run": """generation_plans x WHERE x.created_at < :before
        AND NOT EXISTS (SELECT 1 FROM question_generation_runs r WHERE r.id = x.run_id)""",
    "snapshots": """inventory_snapshots x WHERE x.taken_at < :before AND EXISTS (
        SELECT 1 FROM inventory_snapshots later
        WHERE (later.taken_at, later.id) > (x.taken_at, x.id)
          AND later.taken_at < (date_trunc('day', x.taken_at, 'UTC') + interval '1 day'))""",
    "resolved alerts": "alerts x WHERE x.state = 'resolved' AND x.resolved_at < :before AND x.told_severity IS NULL",
    "delivered reports": """report_outbox x WHERE x.delivered_at < :before
        AND NOT EXISTS (SELECT 1 FROM question_generation_runs r WHERE r.id = x.run_id)""",
}
KINDS = ("runs", *_OF_RUNS, *_OTHERS)
OTHERS = tuple(_OTHERS)


def count_old(tx: Transaction, before: datetime) -> dict[str, int]:
    """How much of each kind would go; what goes with runs is counted as if all of them went at once."""
    given = {"before": before}
    found = {"runs": tx.execute(text(f"SELECT count(*) {_OLD_RUNS}"), given).scalar_one()}
    kept = _LED_TO_QUESTIONS.format(old=f"SELECT r.id {_OLD_RUNS}")
    for kind, rows in _OF_RUNS.items():
        found[kind] = tx.execute(text(f"{kept} SELECT count(*) FROM {rows}"), given).scalar_one()  # noqa: S608
    for kind, rows in _OTHERS.items():
        found[kind] = tx.execute(text(f"SELECT count(*) FROM {rows}"), given).scalar_one()  # noqa: S608
    return found


def delete_runs(tx: Transaction, before: datetime, limit: int) -> dict[str, int]:
    """Deletes the oldest runs that may go, with what goes with them, and adds them to the sums that stay.

    Runs that another process is changing at this moment are passed over. Returns how much of each kind went; no runs:
    nothing is left to delete.
    """
    tx.execute(text("SET LOCAL qgen.keep_run_days = 'on'"))  # the sums of a day stay true: only the parts change
    query = f"SELECT r.id {_OLD_RUNS} ORDER BY r.started_at, r.id LIMIT :limit FOR UPDATE OF r SKIP LOCKED"
    ids: list[UUID] = list(tx.execute(text(query), {"before": before, "limit": limit}).scalars())
    if not ids:
        return {"runs": 0}
    _keep_sums(tx, ids)
    gone = _delete_parts(tx, ids)
    tx.execute(text("DELETE FROM question_generation_runs WHERE id = ANY(:ids)"), {"ids": ids})
    return {"runs": len(ids), **gone}


def delete_others(tx: Transaction, kind: str, before: datetime, limit: int) -> int:
    """Deletes up to so many rows of one of OTHERS; returns how many."""
    chosen = f"SELECT x.ctid FROM {_OTHERS[kind]} LIMIT :limit"  # noqa: S608
    table = _OTHERS[kind].split()[0]
    statement = f"DELETE FROM {table} WHERE ctid = ANY(ARRAY({chosen}))"  # noqa: S608
    return tx.execute(text(statement), {"before": before, "limit": limit}).rowcount


def _delete_parts(tx: Transaction, ids: Sequence[UUID]) -> Mapping[str, int]:
    kept = _LED_TO_QUESTIONS.format(old="SELECT unnest(CAST(:ids AS uuid[])) AS id")
    gone = {}
    for kind, rows in _OF_RUNS.items():
        table = rows.split()[0]
        chosen = f"{kept} SELECT x.ctid FROM {rows}"  # noqa: S608
        statement = f"DELETE FROM {table} WHERE ctid = ANY(ARRAY({chosen}))"  # noqa: S608
        gone[kind] = tx.execute(text(statement), {"ids": list(ids)}).rowcount
    # The bank has a vector of the question itself.
    vectors = (
        "DELETE FROM candidate_embeddings e USING candidates c WHERE c.id = e.candidate_id AND c.run_id = ANY(:ids)"
    )
    tx.execute(text(vectors), {"ids": list(ids)})
    return gone


def _keep_sums(tx: Transaction, ids: Sequence[UUID]) -> None:
    spans = text(
        "SELECT min(started_at), max(started_at) + interval '1 second' FROM question_generation_runs"
        " WHERE id = ANY(:ids)"
    )
    since, until = tx.execute(spans, {"ids": list(ids)}).one()
    tx.execute(_adding(), {"ids": list(ids), "since": since, "until": until})
    tx.execute(_ADD_DURATIONS, {"ids": list(ids)})


@cache
def _adding() -> TextClause:
    columns = ", ".join((*SUM_KEYS, *MEASURES))
    summed = summing(DIMENSIONS, ("day", "environment", "prompt_version"), " AND id = ANY(:ids)")
    added = [f"{name} = t.{name} + excluded.{name}" for name in (*RUN_DAY_COUNTS, *RUN_DAY_SUMS)]
    # What no run has measured is null and stays so.
    added += [f"{n} = coalesce(t.{n} + excluded.{n}, t.{n}, excluded.{n})" for n in (*RUN_DAY_TOKENS, "cost_usd")]
    low, high = RUN_DAY_EXTREMES
    added += [f"{low} = least(t.{low}, excluded.{low})", f"{high} = greatest(t.{high}, excluded.{high})"]
    return text(
        f"INSERT INTO pruned_run_days AS t ({columns}) SELECT {columns} FROM ({summed}) AS summed "  # noqa: S608
        f"ON CONFLICT ({', '.join(SUM_KEYS)}) DO UPDATE SET {', '.join(added)}"
    )


_ADD_DURATIONS = text(
    "INSERT INTO pruned_run_durations AS t (day, environment, prompt_version, seconds) "
    "SELECT (started_at AT TIME ZONE 'UTC')::date, coalesce(environment, ''), coalesce(prompt_version, ''),"
    " array_agg(duration_seconds) FROM question_generation_runs "
    "WHERE id = ANY(:ids) AND duration_seconds IS NOT NULL GROUP BY 1, 2, 3 "
    "ON CONFLICT (day, environment, prompt_version) DO UPDATE SET seconds = t.seconds || excluded.seconds"
)
