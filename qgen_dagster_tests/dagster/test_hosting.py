"""What a run in this process is given by whoever launches it."""

from __future__ import annotations

from uuid import uuid4

from qgen_dagster.core.progress import silent
from qgen_dagster.defs.hosting import hosting, run_bank
from qgen_dagster.defs.launcher import DagsterLauncher
from qgen_dagster.services.balance import RoundRequest
from qgen_dagster.services.options import RunOptions
from qgen_dagster_tests.support.balancing import Balancing


def test_a_run_works_on_the_open_bank_of_its_host_and_leaves_it_open(balancing: Balancing) -> None:
    with hosting(balancing.settings, silent, balancing.bank), run_bank() as bank:
        assert bank is balancing.bank
    launcher = DagsterLauncher(balancing.instance, balancing.settings, silent, balancing.bank)
    options = RunOptions.model_validate({"types": ["math"], "difficulties": ["easy"], "count": 1})
    assert launcher.run(RoundRequest(uuid4(), options)) is None
    assert balancing.active() == {"math__easy": 1}


def test_without_an_open_bank_a_run_opens_its_own(balancing: Balancing) -> None:
    with hosting(balancing.settings, silent), run_bank() as bank:
        assert bank is not balancing.bank
        assert bank.url == balancing.bank.url
