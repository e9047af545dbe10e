"""Drill series: what loading only the needed positions saves, how long a series takes, how fast positions are mined.

Series are planned, built and checked through the services; what a Dagster run adds is in `overhead`. Mining needs GNU
Backgammon and is left out where it is not installed.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import yaml

from benchmarks.support import home
from qgen_dagster.bank.drills import StoredSeries
from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.llm import PACKAGED
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.drills import Phase
from qgen_dagster.drills.gnubg import EngineMissing, find_program
from qgen_dagster.services.build_drills import build_drills
from qgen_dagster.services.database import open_bank
from qgen_dagster.services.drill_options import make_build_options, make_series_options
from qgen_dagster.services.drill_runs import series_run
from qgen_dagster.services.mine_positions import mine
from qgen_dagster.services.plan_drills import cost_of, fill_library, load_series, plan_drills
from qgen_dagster.services.verify_drills import verify_with_catalogue
from qgen_dagster_tests.fake_llm import FakeLlmProcess

LATENCY = 2.0
MINED = 30
REQUESTS = (
    (10, ("MIDDLE",)),
    (20, ("EARLY", "MIDDLE")),
    (30, ("EARLY", "MIDDLE", "BEAROFF")),
    (25, tuple(Phase)),
)


def main() -> None:
    with home() as folder:
        settings = Settings(home=folder)
        with open_bank(settings) as bank:
            fill_library(bank)
            _print_savings(bank, settings)
            _print_built_in(bank, settings)
            _print_written(bank, settings)
            _print_mining(bank)


def _print_savings(bank: Bank, settings: Settings) -> None:
    print("Positions in prompts, beside the fixed maximum (median of 5 seeds):\n")
    print("| drills | phases | positions | tokens | fixed | its tokens | saved | goal |")
    print("|--:|---|--:|--:|--:|--:|--:|--:|")
    method = ""
    for count, phases in REQUESTS:
        costs = [
            cost_of(plan_drills(bank, settings, make_series_options(count=count, phases=phases, seed=seed)))
            for seed in range(5)
        ]
        cost = sorted(costs, key=lambda each: each.tokens)[2]
        goal = "–" if Phase.OPENING in phases else "50 %"
        named = "all" if len(phases) == len(Phase) else ", ".join(phases)
        print(
            f"| {count} | {named} | {cost.positions} | {cost.tokens:,} | {cost.fixed_positions} | "
            f"{cost.fixed_tokens:,} | {cost.saving or 0:.0%} | {goal} |"
        )
        method = cost.counted_with
    print(f"\nCounted with: {method}.")


def _print_built_in(bank: Bank, settings: Settings) -> None:
    seconds = []
    for seed in range(5):
        begun = time.perf_counter()
        series = plan_drills(bank, settings, make_series_options(count=25, seed=100 + seed))
        done = _build(bank, settings, series, max_concurrent=10)
        seconds.append(time.perf_counter() - begun)
        assert done.drills == 25, done
    print("\n25 drills by the built-in designer, planned, built and checked, 5 seeds:\n")
    print("| median | range | goal |\n|--:|--:|--:|")
    print(f"| {statistics.median(seconds):.2f} s | {min(seconds):.2f}–{max(seconds):.2f} s | 5 s |")


def _print_written(bank: Bank, settings: Settings) -> None:
    print(f"\n50 drills by a language model with a latency of {LATENCY:.0f} s, built and checked:\n")
    print("| calls at once | calls | ideal | took | ratio | goal |")
    print("|--:|--:|--:|--:|--:|--:|")
    with FakeLlmProcess("--port", "0", "--latency", str(LATENCY)) as server, tempfile.TemporaryDirectory() as files:
        environment = {name: value for name, value in server.env.items() if not name.startswith("QGEN_")}
        written = replace(settings, provider_environment=environment, models_file=_unlimited(Path(files)))
        # A first series of the same positions imports the SDK, and lets the server think: neither is the run's time.
        options = make_series_options(count=50, seed=1)
        _build(bank, written, plan_drills(bank, written, options), max_concurrent=10)
        for at_once in (2, 5, 10):
            series = plan_drills(bank, written, options)
            server.reset()
            begun = time.perf_counter()
            done = _build(bank, written, series, max_concurrent=at_once)
            took = time.perf_counter() - begun
            calls = sum(provider.task("drill").calls for provider in server.stats.providers.values())
            ideal = -(-calls // at_once) * LATENCY
            assert done.drills == done.planned_drill_count, done
            print(f"| {at_once} | {calls} | {ideal:.0f} s | {took:.1f} s | {took / ideal:.2f} | 1.3 |")


def _print_mining(bank: Bank) -> None:
    print("\nMining with two processes of GNU Backgammon, 2-ply:\n")
    try:
        program = find_program()
    except EngineMissing:
        print("Not measured: GNU Backgammon is not installed.")
        return
    report = mine(bank, program, MINED, seed=uuid4().int % 1_000_000, workers=2)
    print("| positions | games | seconds | a minute | goal |\n|--:|--:|--:|--:|--:|")
    print(f"| {report.total} | {report.games} | {report.seconds:.0f} | {report.per_minute or 0:.0f} | 30 |")


def _build(bank: Bank, settings: Settings, series: StoredSeries, *, max_concurrent: int) -> StoredSeries:
    options = make_build_options(max_concurrent=max_concurrent, skip_preflight=True)
    with series_run(bank, settings, series.id, uuid4(), options) as run:
        build_drills(run)
        verify_with_catalogue(bank, series.id)
    return load_series(bank, series.id)


def _unlimited(folder: Path) -> Path:
    """models.yaml without limits per minute."""
    data = yaml.safe_load((PACKAGED / "models.yaml").read_text())
    data["providers"] = {name: {"max_concurrent": 200} for name in data["providers"]}
    path = folder / "models.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


if __name__ == "__main__":
    main()
