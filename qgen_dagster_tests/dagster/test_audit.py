"""The audit of the bank as a Dagster run: by the launcher of the command line, and by the weekly schedule."""

from __future__ import annotations

from uuid import uuid4

import dagster as dg

from qgen_dagster.core.progress import silent
from qgen_dagster.definitions import defs
from qgen_dagster.defs.jobs import audit_bank
from qgen_dagster.defs.launcher import DagsterLauncher
from qgen_dagster.defs.schedules import weekly_audit
from qgen_dagster.services.bank_audit import make_audit_options
from qgen_dagster.services.run_record import read_record
from qgen_dagster_tests.support.balancing import Balancing


def tick(balancing: Balancing) -> dg.RunRequest | dg.SkipReason:
    context = dg.build_schedule_context(instance=balancing.instance)
    answer = weekly_audit(context)
    assert isinstance(answer, dg.RunRequest | dg.SkipReason)
    return answer


def test_an_audit_is_a_dagster_run_with_its_numbers_and_a_row_of_its_own(balancing: Balancing) -> None:
    balancing.auto_balance(count=18, evenly=True)
    run_id = uuid4()
    launcher = DagsterLauncher(balancing.instance, balancing.settings, silent)
    assert launcher.audit(run_id, make_audit_options(limit=10)) is None
    [shown] = balancing.instance.fetch_materializations(dg.AssetKey("bank_audit"), limit=1).records
    numbers = {name: value.value for name, value in shown.asset_materialization.metadata.items()}  # type: ignore[union-attr]
    assert (numbers["due"], numbers["checked"], numbers["proved"], numbers["deactivated"]) == (10, 10, 10, 0)
    record = read_record(balancing.bank, run_id)
    assert record is not None
    assert (record.row["kind"], record.row["status"]) == ("audit", "success")


def test_the_week_audits_with_what_ships_unless_an_audit_is_under_way(balancing: Balancing) -> None:
    request = tick(balancing)
    assert isinstance(request, dg.RunRequest)
    job = defs.resolve_job_def(audit_bank.name)
    done = job.execute_in_process(instance=balancing.instance, run_config=request.run_config)
    assert done.success
    balancing.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    assert isinstance(tick(balancing), dg.SkipReason)
