"""Puts the code location together; tests and the command line use the same assembler.

No I/O and no heavy import here: every run process loads this.
"""

from __future__ import annotations

import dagster as dg


def build_definitions() -> dg.Definitions:
    """Everything that the code location holds."""
    from qgen_dagster.defs.alert_sensors import ALERT_SENSORS
    from qgen_dagster.defs.assets import ALL_ASSETS
    from qgen_dagster.defs.assets.audit import bank_audit
    from qgen_dagster.defs.assets.drills import DRILL_ASSETS
    from qgen_dagster.defs.audit_resources import AuditResource
    from qgen_dagster.defs.checks import ALL_CHECKS
    from qgen_dagster.defs.drill_resources import SeriesResource
    from qgen_dagster.defs.jobs import ALL_JOBS
    from qgen_dagster.defs.resources import RunResource
    from qgen_dagster.defs.schedules import ALL_SCHEDULES
    from qgen_dagster.defs.sensors import ALL_SENSORS

    return dg.Definitions(
        assets=[*ALL_ASSETS, bank_audit, *DRILL_ASSETS],
        asset_checks=ALL_CHECKS,
        jobs=ALL_JOBS,
        schedules=ALL_SCHEDULES,
        sensors=[*ALL_SENSORS, *ALERT_SENSORS],
        resources={"run": RunResource(), "series": SeriesResource(), "audit": AuditResource()},
        executor=dg.in_process_executor,
    )
