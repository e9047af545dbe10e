"""The code location as a whole: what it holds, what it must not do when it is imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import dagster as dg

from qgen_dagster.definitions import defs

CHAIN = {
    "inventory_snapshot": [],
    "generation_plan": ["inventory_snapshot"],
    "generated_batches": ["generation_plan"],
    "judged_questions": ["generated_batches"],
    "deduplicated_questions": ["judged_questions"],
    "question_bank": ["deduplicated_questions"],
    "generation_runs": ["question_bank"],
}
AUDIT = {"bank_audit": ["question_bank"]}
DRILLS = {
    "position_library": [],
    "drill_plan": ["position_library"],
    "drill_batches": ["drill_plan"],
    "drill_series": ["drill_batches"],
}
PER_SERIES = {"drill_batches", "drill_series"}
ALERTS = ("inventory_alerts", "run_alerts", "failed_run_alerts")
PER_STRATUM = {"generated_batches", "judged_questions", "deduplicated_questions", "question_bank"}
# What costs time or memory in every run process, and is not needed to know what there is.
HEAVY = ["pandas", "numpy", "torch", "alembic", "playwright", "openai", "anthropic", "google.genai", "hypothesis"]
WATCHED_IMPORT = """
import builtins, io, json, pathlib, socket, sys

touched = []
def hook(event, arguments):
    if event in ("socket.connect", "socket.bind", "subprocess.Popen", "os.system", "sqlite3.connect"):
        touched.append(event)
    elif event == "open" and isinstance(arguments[0], str) and isinstance(arguments[1], str):
        written = set(arguments[1]) & set("wax+")
        read = arguments[0].endswith((".yaml", ".json", ".txt", ".db")) and "/qgen_dagster/" in arguments[0]
        if (written and "__pycache__" not in arguments[0]) or read:
            touched.append(f"{event} {arguments[0]}")
import dagster  # its own start is not ours to judge
sys.addaudithook(hook)
import qgen_dagster.definitions
heavy = [name for name in sys.argv[1:] if name in sys.modules]
print(json.dumps({"heavy": heavy, "touched": touched}))
"""


def test_the_assets_are_a_chain_over_the_strata_and_one_over_the_series() -> None:
    graph = defs.resolve_asset_graph()
    keys = {key.to_user_string(): graph.get(key) for key in graph.get_all_asset_keys()}
    parents = {name: [parent.to_user_string() for parent in node.parent_keys] for name, node in keys.items()}
    assert parents == {**CHAIN, **AUDIT, **DRILLS}
    for name, node in keys.items():
        partitions = node.partitions_def
        assert isinstance(partitions, dg.DynamicPartitionsDefinition) is (name in PER_STRATUM | PER_SERIES)
        over = "strata" if name in CHAIN else "drill_series"
        assert partitions is None or partitions.name == over  # type: ignore[attr-defined]
        assert node.description
        assert node.group_name == ("drills" if name in DRILLS else "questions")
        if partitions is not None:
            assert node.backfill_policy == dg.BackfillPolicy.multi_run(max_partitions_per_run=1)


def test_the_jobs_and_what_they_select() -> None:
    jobs = {job.name: job for job in defs.get_repository_def().get_all_jobs() if not job.name.startswith("__")}
    chosen = {name: {key.to_user_string() for key in job.asset_layer.selected_asset_keys} for name, job in jobs.items()}
    assert chosen == {
        "auto_balance": set(CHAIN),
        "generate_stratum": PER_STRATUM,
        "plan_fan_out": {"inventory_snapshot", "generation_plan"},
        "build_drill_series": set(DRILLS),
        "audit_bank": set(AUDIT),
        "purge_history": set(),
    }
    assert all(job.description for job in jobs.values())
    assert {job.executor_def.name for job in jobs.values()} == {"in_process"}


def test_what_spends_money_by_itself_is_stopped_until_an_operator_starts_it() -> None:
    repository = defs.get_repository_def()
    schedules = {s.name: (s.cron_schedule, s.default_status.value) for s in repository.schedule_defs}
    sensors = {s.name: s.default_status.value for s in repository.sensor_defs}
    assert schedules == {
        "nightly_auto_balance": ("0 2 * * *", "STOPPED"),
        "weekly_audit": ("0 4 * * 0", "STOPPED"),
        "retention": ("30 5 * * 0", "STOPPED"),  # it deletes
    }
    # Those that run go on with what an operator has begun, within its budget, or only tidy up.
    running = ("dead_runs", "new_strata", "new_drill_series", "fill_rounds", "llm_jobs", "late_reports", *ALERTS)
    assert sensors == {**dict.fromkeys(running, "RUNNING"), "fan_out": "STOPPED"}


def test_the_checks_and_the_one_that_blocks() -> None:
    graph = defs.resolve_asset_graph()
    checks = {key.name: graph.get_check_spec(key) for key in graph.asset_check_keys}
    assert {name: spec.asset_key.to_user_string() for name, spec in checks.items()} == {
        "generation_yield": "generated_batches",
        "keys_are_proved": "judged_questions",
        "duplicate_rate": "deduplicated_questions",
        "coverage": "question_bank",
        "funnel_identity": "generation_runs",
        "drill_quotas": "drill_series",
        "drill_verification": "drill_series",
    }
    assert [name for name, spec in checks.items() if spec.blocking] == ["keys_are_proved"]
    assert all(spec.description for spec in checks.values())


def test_the_definitions_are_sound() -> None:
    dg.Definitions.validate_loadable(defs)


def test_importing_the_code_location_touches_nothing_and_stays_light(tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", WATCHED_IMPORT, *HEAVY],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "QGEN_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "QGEN_HOME": str(tmp_path)},
    )
    assert json.loads(answer.stdout) == {"heavy": [], "touched": []}
    assert list(tmp_path.iterdir()) == []
