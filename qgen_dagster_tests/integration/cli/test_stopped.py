"""What a stopped run says: how to go on with it, but only where there is something to go on with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest

from qgen_dagster.bank.engine import Bank
from qgen_dagster.cli.launcher import launcher
from qgen_dagster.cli.progress import PlainProgress
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.errors import RunInterrupted
from qgen_dagster.defs import launcher as dagster_side
from qgen_dagster_tests.support.written import run_written


class Stopped:
    """A Dagster whose runs are stopped."""

    def resume(self, run_id: UUID) -> BaseException:
        return RunInterrupted("stopped")


@pytest.fixture(autouse=True)
def stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def opened(*_: Any) -> Iterator[Stopped]:
        yield Stopped()

    monkeypatch.setattr(dagster_side, "open_launcher", opened)


def said(bank: Bank, settings: Settings, run_id: UUID) -> str:
    display = PlainProgress(lambda line: None)
    with launcher(settings, bank, display) as start, pytest.raises(RunInterrupted) as caught:
        start.resume(run_id)
    return str(caught.value)


def test_a_run_on_record_is_named_with_the_command_that_goes_on_with_it(bank: Bank, settings: Settings) -> None:
    run_id = run_written(bank, settings, count=1, types=("math",)).row["id"]
    assert said(bank, settings, run_id).endswith(f"To go on with it: qgen resume {str(run_id)[:8]}")


def test_a_run_that_was_stopped_before_its_record_is_not_offered_for_going_on(bank: Bank, settings: Settings) -> None:
    assert said(bank, settings, uuid4()) == "stopped before anything was made\nNothing was recorded."
