"""`qgen reports`: what waits is listed with the reason, sent on demand, and the exit code tells."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.reporting import PATH, Reporting
from qgen_dagster.config.settings import Settings
from qgen_dagster_tests.support.api import WRITER, serving
from qgen_dagster_tests.support.chain import run_chain, work_for
from qgen_dagster_tests.support.receivers import answering, nobody, receiving

Run = Callable[..., "CompletedProcess[str]"]


@pytest.fixture
def qgen_here(qgen: Run, bank_url: str, tmp_path: Path) -> Run:
    """`qgen` on a bank of its own."""

    def run(*args: str, **more: str) -> CompletedProcess[str]:
        return qgen(*args, QGEN_DATABASE_URL=bank_url, QGEN_HOME=str(tmp_path / "home"), **more)

    return run


def test_what_could_not_be_sent_is_shown_and_sent_later(qgen_here: Run, bank: Bank, settings: Settings) -> None:
    gone = {"QGEN_REPORT_URL": nobody(), "QGEN_SERVICE_KEY": WRITER.key}
    reporting = Reporting(gone["QGEN_REPORT_URL"] + PATH, WRITER.key)
    run_chain(work_for(bank, replace(settings, reporting=reporting), count=2, types=("math",), difficulties=("easy",)))

    shown = qgen_here("reports", "pending", **gone)
    assert shown.returncode == 0
    assert "success" in shown.stdout
    assert "no answer from 127.0.0.1" in shown.stdout
    assert max(len(line) for line in shown.stdout.splitlines()) <= 80
    failed = qgen_here("reports", "flush", **gone)
    assert failed.returncode == 1
    assert "no answer" in failed.stderr

    with receiving(answering(401, b'{"detail": "The key is not valid."}')) as locked:
        refused = qgen_here(
            "reports", "flush", QGEN_REPORT_URL=locked.url, QGEN_SERVICE_KEY="some-other-key-0123456789"
        )
    assert refused.returncode == 6
    assert "some-other-key" not in refused.stdout + refused.stderr

    # Its own database will do as the other side: it knows the run already, and takes the report as nothing new.
    with serving(bank, settings) as api:
        there = {"QGEN_REPORT_URL": api.url, "QGEN_SERVICE_KEY": WRITER.key}
        sent = qgen_here("reports", "flush", "--json", **there)
        assert sent.returncode == 0, sent.stderr
        assert json.loads(sent.stdout)["waiting"] == 0
    left = json.loads(qgen_here("reports", "pending", "--json").stdout)
    assert (left["reports"], left["url"]) == ([], None)


def test_flushing_to_nobody_is_a_configuration_error(qgen_here: Run) -> None:
    answer = qgen_here("reports", "flush")
    assert answer.returncode == 3
    assert "QGEN_REPORT_URL" in answer.stderr


def test_no_report_waits_on_a_new_bank(qgen_here: Run) -> None:
    answer = qgen_here("reports", "pending")
    assert (answer.returncode, answer.stdout) == (0, "")
    assert "No report waits" in answer.stderr
