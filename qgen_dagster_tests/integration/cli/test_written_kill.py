"""A run with language models that is killed with SIGKILL: it goes on, and pays again only for what was in flight."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from qgen_dagster.bank.embedded import EmbeddedServer
from qgen_dagster.bank.engine import Bank
from qgen_dagster_tests.fake_llm import FakeLlmProcess
from qgen_dagster_tests.integration.cli.conftest import QGEN, Qgen, environment
from qgen_dagster_tests.support.ui import wait_until

pytestmark = pytest.mark.e2e
AT_ONCE = 20


def test_a_killed_run_pays_again_for_no_more_than_what_was_in_flight(
    own_home: Path, qgen: Qgen, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    arguments = ["generate", "--count", "60", "--types", "math", "--max-concurrent", str(AT_ONCE), "--json"]
    with FakeLlmProcess("--port", "0", "--seed", "5", "--warm", "60", "--latency", "0.3") as llm:
        keys = {name: value for name, value in llm.env.items() if not name.startswith("QGEN_")}
        with (
            told.open("w") as file,
            subprocess.Popen(
                [*QGEN, *arguments], env=environment(own_home, **keys), stdout=file, stderr=file
            ) as doomed,
        ):
            answered = lambda: sum(sum(p.statuses.values()) for p in llm.stats.providers.values())  # noqa: E731
            wait_until(lambda: answered() >= 80 or doomed.poll() is not None, pause=0.05)
            assert doomed.poll() is None, told.read_text()
            doomed.send_signal(signal.SIGKILL)
        resumed = qgen("resume", "--json", QGEN_HOME=str(own_home), **keys)
        assert resumed.returncode == 0, resumed.stderr
        paid = sum(provider.statuses.get("200", 0) for provider in llm.stats.providers.values())
    report = json.loads(resumed.stdout)
    with EmbeddedServer.ensure(own_home) as server:
        bank = Bank(server.url())
        with bank.begin() as tx:
            row = tx.exec_driver_sql(
                "SELECT status, questions_inserted, (funnel->'total'->>'pending')::int "
                "FROM question_generation_runs ORDER BY started_at DESC LIMIT 1"
            ).one()
            kept = tx.exec_driver_sql(
                "SELECT count(*) FROM llm_calls WHERE reply IS NOT NULL AND provider <> 'procedural'"
            )
            lost = paid - kept.scalar_one()
        bank.close()
    assert 0 <= lost <= AT_ONCE
    assert tuple(row) == ("success", 60, 0), report["funnel"]
