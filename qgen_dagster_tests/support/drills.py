"""Drill series in tests: planned, built and verified through the services, with the fake server where models design.

Not here: the command line, Dagster.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import yaml

from qgen_dagster.bank import drills as rows
from qgen_dagster.bank.drills import StoredDrill, StoredDrillBatch, StoredSeries
from qgen_dagster.bank.engine import Bank
from qgen_dagster.bank.runs import get_run
from qgen_dagster.config.llm import PACKAGED
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.progress import Progress, silent
from qgen_dagster.services.build_drills import build_drills
from qgen_dagster.services.drill_options import make_build_options, make_series_options
from qgen_dagster.services.drill_runs import SeriesRun, series_run
from qgen_dagster.services.plan_drills import load_series, plan_drills
from qgen_dagster.services.verify_drills import verify_with_catalogue
from qgen_dagster_tests.support.chain import NO_WAITING


def planned(bank: Bank, settings: Settings, **options: Any) -> StoredSeries:
    """A planned series; seed 1 where none is given."""
    return plan_drills(bank, settings, make_series_options(**{"seed": 1, **options}))


def build(
    bank: Bank,
    settings: Settings,
    series_id: UUID,
    *,
    progress: Progress = silent,
    prepare: Callable[[SeriesRun], object] = lambda run: None,
    run_id: UUID | None = None,
    **options: Any,
) -> StoredSeries:
    """Builds and verifies a series without waiting between retries or a preflight; returns it as it stands then."""
    chosen = make_build_options(**{"skip_preflight": True, **options})
    with series_run(bank, settings, series_id, run_id or uuid4(), chosen, progress=progress, retry=NO_WAITING) as run:
        prepare(run)
        build_drills(run)
        verify_with_catalogue(bank, series_id)
    return load_series(bank, series_id)


def batches_of(bank: Bank, series: StoredSeries) -> list[StoredDrillBatch]:
    with bank.begin() as tx:
        return rows.list_batches(tx, series.id)


def drills_of(bank: Bank, series: StoredSeries) -> list[StoredDrill]:
    with bank.begin() as tx:
        return rows.list_drills(tx, series.id)


def run_of(bank: Bank, series: StoredSeries) -> dict[str, Any]:
    """The row of the latest run on the series."""
    current = load_series(bank, series.id)
    assert current.run_id is not None
    with bank.begin() as tx:
        row = get_run(tx, current.run_id)
    assert row is not None
    return row


def designed_by(settings: Settings, folder: Path, model: str, **how: object) -> Settings:
    """The settings with one model for drills and nobody to turn to, but for what `how` says."""
    data: dict[str, Any] = yaml.safe_load((PACKAGED / "generators.yaml").read_text())
    data["drills"] |= {"primary": model, "fallback": None, **how}
    data["chain"] = []
    path = folder / "generators.yaml"
    path.write_text(yaml.safe_dump(data))
    return replace(settings, generators_file=path)
