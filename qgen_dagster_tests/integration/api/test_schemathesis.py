"""Requests made from the OpenAPI document, sound and broken ones, find nothing that answers otherwise than it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from qgen_dagster.api.security import Doorkeeper
from qgen_dagster.config.settings import Settings
from qgen_dagster_tests.support.api import READER, RUNS, WRITER, Api, a_mute, a_run, an_alert
from qgen_dagster_tests.support.chain import run_chain, work_for
from qgen_dagster_tests.support.drills import build, planned

CONFIG = """
continue-on-failure = true
hooks = "qgen_dagster_tests.support.schemathesis_hooks"
[auth.openapi.ServiceKey]
api_key = "{key}"
[generation]
max-examples = 10
deterministic = true
[parameters]
"path.question_id" = "{question}"
"path.batch_id" = "{batch}"
"path.alert_id" = "{alert}"
"path.run_id" = "{run}"
"path.mute_id" = "{mute}"
"path.series_id" = "{series}"
"""


@pytest.mark.timeout(600)
def test_schemathesis_with_all_checks_finds_nothing(api: Api, settings: Settings, tmp_path: Path) -> None:
    # Wrong keys are part of what is tried; the limit on them has tests of its own.
    api.app.state.doorkeeper = Doorkeeper((READER, WRITER), failures=10**9)
    run = run_chain(work_for(api.bank, settings, count=6, types=("math",)))
    assert api.post(RUNS, a_run(prompt_version="2.0")).status == 201
    with api.bank.begin() as tx:
        question = tx.execute(text("SELECT id FROM questions LIMIT 1")).scalar_one()
        batch = tx.execute(text("SELECT id FROM question_batches LIMIT 1")).scalar_one()
    series = build(api.bank, settings, planned(api.bank, settings, count=5).id)
    config = CONFIG.format(
        key=WRITER.key,
        question=question,
        batch=batch,
        alert=an_alert(api.bank),
        run=run,
        mute=a_mute(api),
        series=series.id,
    )
    (tmp_path / "schemathesis.toml").write_text(config, encoding="utf-8")
    command = ["--config-file", "schemathesis.toml", "run", f"{api.url}/openapi.json", "--checks", "all"]
    done = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", *command],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]
    chosen = re.search(r"Selected: (\d+)/(\d+)", done.stdout)
    assert chosen is not None
    assert chosen[1] == chosen[2]
    assert "Missing test data" not in done.stdout
