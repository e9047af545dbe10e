"""The admin API and the dashboard over a million runs: latencies at 20 clients, reports per second, plans of queries.

    python -m benchmarks.api [--runs N] [--seconds S]

The server is a process of its own, with one worker, as `qgen serve` starts it. The clients are another process. Each
read is measured twice: with clients that ask at a pace (ten times a second each for lists and details, once a second
for statistics, every five seconds for pages), and with clients that ask again the moment they have their answer, which
measures the most that the machine gives.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from uuid import uuid4

from benchmarks.support import home
from qgen_dagster.bank.engine import Bank

KEY = "benchmark-key-0123456789"
RUNS = "/v1/admin/generation-runs"
YEARS = 5
CLIENTS = 20
PACE = {
    "list": 0.1,
    "detail": 0.1,
    "stats": 1.0,
    "compare": 1.0,
    "page": 5.0,
}  # seconds between two questions of one client

# A million runs over five years: three environments, twenty prompt versions, three providers, six types, 18 strata.
FILL = """
INSERT INTO question_generation_runs (
  id, started_at, completed_at, duration_seconds, status, exit_code, questions_requested, questions_generated,
  questions_evaluated, questions_approved, questions_rejected, approval_rate, avg_arbiter_score, min_arbiter_score,
  max_arbiter_score, duplicates_found, exact_duplicates, duplicate_rate, questions_inserted, overall_success_rate,
  total_errors, total_api_calls, provider_metrics, type_metrics, difficulty_metrics, error_summary, prompt_version,
  environment, triggered_by, cost_usd, input_tokens, output_tokens, funnel)
SELECT gen_random_uuid(), at, at + seconds * interval '1 second', seconds,
  CASE WHEN r < 0.9 THEN 'success' WHEN r < 0.97 THEN 'partial_failure' WHEN r < 0.99 THEN 'failed' ELSE 'killed' END,
  CASE WHEN r < 0.9 THEN 0 WHEN r < 0.97 THEN 1 ELSE 2 END, 50, 50, 50, approved, 50 - approved, approved / 50.0,
  0.7 + r2 / 5, 0.5, 0.95, 1, 1, 1.0 / approved, approved - 1, (approved - 1) / 50.0, (r > 0.9)::int * 2, 30,
  jsonb_build_object('openai', provider, 'anthropic', provider) || CASE WHEN n % 1000 = 0
    THEN jsonb_build_object('xai', provider) ELSE '{}' END,
  '{"math": 10, "logic": 10, "verbal": 10, "memory": 10, "pattern": 5, "spatial": 5}', '{"easy": 20, "hard": 30}',
  CASE WHEN r > 0.9 THEN '{"by_category": {"rate_limit": 2}, "by_severity": {"high": 2}, "critical_count": 0}'::jsonb
    ELSE '{"by_category": {}, "by_severity": {}, "critical_count": 0}' END,
  '2.' || (n * 20::bigint / CAST(:runs AS int)), (ARRAY['production', 'staging', 'development'])[1 + n % 3],
  CASE WHEN n % 100 = 0 THEN 'webhook' ELSE 'scheduler' END,
  CASE WHEN n % 4 = 0 THEN NULL ELSE 0.1 + r2 END, 10000, 5000, jsonb_build_object('total', whole, 'strata', strata)
FROM (
  SELECT n,
    now() - (CAST(:runs AS int) - n) * (interval '1 year' * CAST(:years AS int) / CAST(:runs AS int)) AS at,
    random() AS r, random() AS r2,
    30 + (random() * 19)::int AS approved, 60 + random() * 600 AS seconds
  FROM generate_series(CAST(:first AS int), CAST(:last AS int)) AS n
) AS made, (
  SELECT '{"generated": 25, "evaluated": 25, "approved": 20, "inserted": 19, "api_calls": 15, "failures": 1,
    "input_tokens": 5000, "output_tokens": 2500, "cost_usd": 0.2, "avg_arbiter_score": 0.8}'::jsonb AS provider,
  '{"requested": 50, "generated": 50, "inserted": 40, "pending": 0, "losses": {"low_score": 9, "duplicate_exact": 1},
    "duplicates": 1, "salvaged": 0, "reclassified_in": 0, "reclassified_out": 0}'::jsonb AS whole,
  (SELECT jsonb_object_agg(t || '__' || d, '{"requested": 3, "generated": 3, "inserted": 2, "pending": 0,
    "losses": {"low_score": 1}, "duplicates": 0, "salvaged": 0, "reclassified_in": 0, "reclassified_out": 0}'::jsonb)
   FROM unnest(ARRAY['math', 'logic', 'verbal', 'memory', 'pattern', 'spatial']) AS t,
   unnest(ARRAY['easy', 'medium', 'hard']) AS d) AS strata
) AS parts
"""


@dataclass(frozen=True)
class Timed:
    """Seconds of each request, and how long all of them took together."""

    seconds: list[float]
    whole: float

    @property
    def p95(self) -> float:
        return quantiles(self.seconds, n=20)[-1] * 1000

    @property
    def p50(self) -> float:
        return quantiles(self.seconds, n=2)[0] * 1000

    @property
    def rate(self) -> float:
        return len(self.seconds) / self.whole


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    chosen = parser.parse_args()
    with home() as folder:
        measure(folder, chosen.runs, chosen.seconds)


def measure(folder: Path, runs: int, seconds: float) -> None:
    from qgen_dagster.config.settings import Settings
    from qgen_dagster.services.database import open_bank

    with open_bank(Settings(home=folder)) as bank:
        begun = time.perf_counter()
        fill(bank, runs)
        say(f"{runs:,} runs over {YEARS} years, made in {time.perf_counter() - begun:.0f} s.")
        begun = time.perf_counter()
        days = sum_up_all(bank)
        say(f" Their {days:,} days summed up once, in {time.perf_counter() - begun:.0f} s.\n\n")
        with serving(folder) as port:
            latencies(bank, port, seconds)
        plans(bank)


def fill(bank: Bank, runs: int) -> None:
    """Makes the runs, past the trigger (there are no sums yet that it could have to remove)."""
    from sqlalchemy import text

    step = 50_000
    for first in range(1, runs + 1, step):
        with bank.begin() as tx:
            tx.execute(text("SET LOCAL qgen.keep_run_days = 'on'"))
            last = min(runs, first + step - 1)
            tx.execute(text(FILL), {"first": first, "last": last, "runs": runs, "years": YEARS})
    with bank.session() as connection:
        connection.execute(text("VACUUM ANALYZE question_generation_runs"))


def sum_up_all(bank: Bank) -> int:
    from datetime import UTC, datetime, timedelta

    from qgen_dagster.bank import run_days

    with bank.begin() as tx:
        first = run_days.first_day(tx)
    today = datetime.now(UTC).date()
    assert first is not None
    return run_days.sum_up(bank, [first + timedelta(days=n) for n in range((today - first).days)])


@contextmanager
def serving(folder: Path) -> Iterator[int]:
    """`qgen serve` as a process."""
    from qgen_dagster_tests.support.ui import free_port

    port = free_port()
    environ = {**os.environ, "QGEN_HOME": str(folder), "QGEN_SERVICE_KEYS": f"bench:write:{KEY}"}
    command = [str(Path(sys.executable).with_name("qgen")), "serve", "--port", str(port)]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert "Dashboard" in server.stdout.readline()
        try:
            yield port
        finally:
            server.terminate()


def latencies(bank: Bank, port: int, seconds: float) -> None:
    """Each kind of request, asked by `CLIENTS` at once."""
    from sqlalchemy import text

    with bank.begin() as tx:
        query = "SELECT id FROM question_generation_runs TABLESAMPLE system (0.1) LIMIT 1000"
        some = [str(run) for run in tx.execute(text(query)).scalars()]
    pick = random.Random(1)
    kinds: dict[str, tuple[int, Callable[[], str]]] = {
        "list, newest first": (50, lambda: RUNS),
        "list, filtered": (50, lambda: f"{RUNS}?status=failed&environment=production&page={pick.randint(1, 20)}"),
        "list, rare provider": (50, lambda: f"{RUNS}?provider=xai"),
        "list, by cost": (50, lambda: f"{RUNS}?sort=cost&order={pick.choice(('asc', 'desc'))}"),
        "list, page 400": (50, lambda: f"{RUNS}?sort=success_rate&page=400"),
        "detail": (10, lambda: f"{RUNS}/{pick.choice(some)}"),
        "stats, 30 days": (300, lambda: f"{RUNS}/stats"),
        "stats, any 30 days": (300, lambda: f"{RUNS}/stats?{any_month(pick)}"),
        "compare": (0, lambda: f"{RUNS}/compare?prompt_version=2.7&prompt_version=2.8"),
        "page, overview": (1000, lambda: "/"),
        "page, what is under way": (0, lambda: "/live"),
        "page, runs": (0, lambda: f"/runs?status=failed&page={pick.randint(1, 20)}"),
        "page, a run": (0, lambda: f"/runs/{pick.choice(some)}"),
        "page, compare": (0, lambda: "/compare"),
    }
    say(f"Milliseconds, {CLIENTS} clients, one worker:\n\n")
    say("| request | a second | p50 | p95 | goal | without pause: p95 | a second |\n|---|--:|--:|--:|--:|--:|--:|\n")
    cookie = log_in(port)
    for name, (goal, path) in kinds.items():
        pace = PACE[name.partition(",")[0]]
        paced = ask(port, [("GET", path(), b"") for _ in range(int(CLIENTS * seconds / pace))], pace, cookie)
        eager = ask(port, [("GET", path(), b"") for _ in range(int(CLIENTS * seconds))], 0.0, cookie)
        told = f"{paced.rate:,.0f} | {paced.p50:.1f} | {paced.p95:.1f} | {goal or '–'}"
        say(f"| {name} | {told} | {eager.p95:.1f} | {eager.rate:,.0f} |\n")
    posts = ask(port, [("POST", RUNS, report()) for _ in range(int(500 * seconds))], 0.0)
    say(f"\nReports: {posts.rate:,.0f} a second in one worker (goal 500), p95 {posts.p95:.1f} ms.\n")


def any_month(pick: random.Random) -> str:
    year, month = pick.randint(2022, 2025), pick.randint(1, 11)
    return f"since={year}-{month:02}-03T00:00:00Z&until={year}-{month + 1:02}-02T00:00:00Z"


def report() -> bytes:
    from qgen_dagster.tracking.run_schemas import EXAMPLE

    return json.dumps({**EXAMPLE, "id": str(uuid4())}).encode()


def log_in(port: int) -> str:
    """A session of the dashboard, as a cookie."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("POST", "/login", f"key={KEY}", {"Content-Type": "application/x-www-form-urlencoded"})
    return connection.getresponse().headers["set-cookie"].partition(";")[0]


def ask(port: int, requests: Sequence[tuple[str, str, bytes]], pace: float, cookie: str = "") -> Timed:
    """All requests by `CLIENTS` connections, in a process of their own."""
    asked = [[method, path, body.decode()] for method, path, body in requests]
    wanted = json.dumps({"port": port, "pace": pace, "cookie": cookie, "requests": asked})
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.api_clients"], input=wanted, capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    return Timed(found["seconds"], found["whole"])


def plans(bank: Bank) -> None:
    """Whether each query is served by an index."""
    from datetime import UTC, datetime, timedelta

    from qgen_dagster.bank import run_queries
    from qgen_dagster.bank.run_days import Period
    from qgen_dagster.bank.run_queries import RunFilter

    now = datetime.now(UTC)
    month = Period(now - timedelta(days=30), now)
    some = RunFilter(statuses=("failed",), environment="production")
    queries = {
        "list, newest first": run_queries.page_query(RunFilter(), "started_at", descending=True, limit=20, offset=0),
        "list, filtered": run_queries.page_query(some, "started_at", descending=True, limit=20, offset=0),
        "list, rare provider": run_queries.page_query(
            RunFilter(provider="xai"), "started_at", descending=True, limit=20, offset=0
        ),
        "list, rare trigger": run_queries.page_query(
            RunFilter(triggered_by="webhook"), "started_at", descending=True, limit=20, offset=0
        ),
        "list, by success": run_queries.page_query(RunFilter(), "success_rate", descending=True, limit=20, offset=0),
        "list, by duration": run_queries.page_query(RunFilter(), "duration", descending=False, limit=20, offset=0),
        "list, by cost": run_queries.page_query(RunFilter(), "cost", descending=True, limit=20, offset=0),
        "count": run_queries.count_query(RunFilter(), 10_001),
        "count, filtered": run_queries.count_query(some, 10_001),
        "durations": run_queries.durations_query(month),
    }
    say("\n| query | indexes |\n|---|---|\n")
    with bank.begin() as tx:
        for name, query in queries.items():
            plan = run_queries.explain(tx, query)
            assert "Seq Scan on question_generation_runs" not in plan, f"{name}:\n{plan}"
            used = sorted({word for word in plan.split() if word.startswith(("ix_qgr_", "pk_question_gen"))})
            say(f"| {name} | {', '.join(used)} |\n")


def say(text: str) -> None:
    print(text, end="", flush=True)


if __name__ == "__main__":
    main()
