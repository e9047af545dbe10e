"""Night duty by the real daemon: low stock and a failed run reach a real channel, once each."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import text

from qgen_dagster.bank import schema
from qgen_dagster.bank.embedded import EmbeddedServer
from qgen_dagster.bank.engine import Bank
from qgen_dagster.defs.instance import deploy_file, prepare_dagster_home
from qgen_dagster_tests.support.channels import webhook
from qgen_dagster_tests.support.ui import wait_until, webserver_and_daemon

pytestmark = pytest.mark.e2e
FAILED = """
INSERT INTO question_generation_runs
  (id, started_at, completed_at, status, exit_code, questions_requested, error)
VALUES (gen_random_uuid(), now() - interval '5 minutes', now(), 'failed', 2, 50, 'disk full')
"""


@pytest.mark.timeout(600)
def test_the_daemon_tells_of_low_stock_and_failed_runs_once(
    server: EmbeddedServer, template_database: str, tmp_path: Path
) -> None:
    schema.copy_database(server.url("postgres"), template_database, "e2e_alerts")
    server.create_database("e2e_alerts_dagster")
    bank = Bank(server.url("e2e_alerts"))
    home = tmp_path / "home"
    with webhook() as hook:
        environment = {
            **os.environ,
            "QGEN_HOME": str(home),
            "QGEN_DATABASE_URL": server.url("e2e_alerts"),
            "QGEN_DAGSTER_DATABASE_URL": server.url("e2e_alerts_dagster", driver="psycopg2"),
            "QGEN_ALERT_URLS": f"{hook.url}?rto=30&cto=30",
            "DAGSTER_HOME": str(prepare_dagster_home(home)),
        }
        with webserver_and_daemon(deploy_file("workspace.yaml"), environment, tmp_path / "processes.log"):
            wait_until(lambda: hook.titles == ["qgen: critical: 18 strata"])
            with bank.begin() as tx:
                tx.execute(text(FAILED))
            wait_until(lambda: len(hook.titles) == 2)
        assert hook.titles[1] == "qgen: warning: failed run"
        assert "disk full" in hook.received[1]["message"]
    with bank.begin() as tx:
        states = tx.execute(text("SELECT state, attempts FROM alert_deliveries")).all()
    assert [tuple(row) for row in states] == [("delivered", 1)] * 2
    bank.close()
