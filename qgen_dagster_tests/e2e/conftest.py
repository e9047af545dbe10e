"""One webserver and one daemon on the real code location, with a bank of their own, for all tests of the module."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from qgen_dagster.bank import runs as run_rows
from qgen_dagster.bank import schema
from qgen_dagster.bank.embedded import EmbeddedServer
from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.settings import Settings
from qgen_dagster.defs.instance import deploy_file, prepare_dagster_home
from qgen_dagster.defs.resources import run_config
from qgen_dagster.services.stage_report import active_counts
from qgen_dagster_tests.support.ui import Ui, wait_until, webserver_and_daemon

REPOSITORY = {"repositoryLocationName": "qgen", "repositoryName": "__repository__"}
OVER = ("SUCCESS", "FAILURE", "CANCELED")


@dataclass(frozen=True)
class Installation:
    """What an operator has: a page, and a bank behind it."""

    ui: Ui
    bank: Bank
    settings: Settings

    @property
    def keys(self) -> list[str]:
        return [stratum.key for stratum in self.settings.taxonomy.strata]

    def active(self) -> dict[str, int]:
        return {stratum.key: count for stratum, count in active_counts(self.bank).items()}

    def rows(self) -> list[dict[str, Any]]:
        """Every run's row, newest first."""
        with self.bank.begin() as tx:
            return run_rows.list_runs(tx)

    def launch(self, job: str, tags: dict[str, str] | None = None, **options: Any) -> str:
        """ "Launch Run" in the launchpad of a job; the run's id."""
        answer = self.ui.ask(
            """mutation($p: ExecutionParams!) { launchRun(executionParams: $p) {
                 __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }""",
            p={
                "selector": {**REPOSITORY, "jobName": job},
                "runConfigData": run_config(**options),
                "mode": "default",
                "executionMetadata": {"tags": [{"key": k, "value": v} for k, v in (tags or {}).items()]},
            },
        )["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return str(answer["run"]["runId"])

    def row(self, run_id: str) -> dict[str, Any]:
        """The row of a run; empty as long as it has none."""
        return next((row for row in self.rows() if str(row["id"]) == run_id), {})

    def partitions(self) -> list[str]:
        """The strata that the page offers."""
        asked = self.ui.ask("""{ assetNodes(assetKeys: [{path: ["question_bank"]}]) { partitionKeys } }""")
        return list(asked["assetNodes"][0]["partitionKeys"])

    def run(self, run_id: str) -> dict[str, Any]:
        """A run as the page shows it."""
        return dict(
            self.ui.ask(
                """query($r: ID!) { runOrError(runId: $r) { ... on Run {
                     status tags { key value } stepStats { stepKey status } assetMaterializations { partition
                       assetKey { path } metadataEntries { label ... on IntMetadataEntry { intValue } } } } } }""",
                r=run_id,
            )["runOrError"]
        )

    def history(self, run_id: str) -> list[str]:
        """What the page tells of a run and of those that went on with it."""
        runs = [run_id, *(run["runId"] for run in self.attempts("dagster/root_run_id", run_id))]
        query = """query($r: ID!) { logsForRun(runId: $r) {
                     ... on EventConnection { events { ... on MessageEvent { message } } } } }"""
        return [event["message"] for run in runs for event in self.ui.ask(query, r=run)["logsForRun"]["events"]]

    def end_of(self, run_id: str) -> str:
        """How a run ended; waits for it."""
        wait_until(lambda: self.run(run_id)["status"] in OVER, pause=0.5)
        return str(self.run(run_id)["status"])

    def attempts(self, tag: str, value: str) -> list[dict[str, Any]]:
        """The runs with a tag, newest first."""
        return list(
            self.ui.ask(
                """query($f: RunsFilter!) { runsOrError(filter: $f) { ... on Runs { results { runId status } } } }""",
                f={"tags": [{"key": tag, "value": value}]},
            )["runsOrError"]["results"]
        )


@pytest.fixture(scope="module")
def installation(
    server: EmbeddedServer, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    schema.copy_database(server.url("postgres"), template_database, "e2e")
    server.create_database("e2e_dagster")
    directory = tmp_path_factory.mktemp("installation")
    home = directory / "home"
    settings = Settings(
        home=home,
        database_url=server.url("e2e"),
        dagster_database_url=server.url("e2e_dagster", driver="psycopg2"),
    )
    environment = {
        **os.environ,
        "QGEN_HOME": str(home),
        "QGEN_DATABASE_URL": str(settings.database_url),
        "QGEN_DAGSTER_DATABASE_URL": str(settings.dagster_database_url),
        "DAGSTER_HOME": str(prepare_dagster_home(home)),
    }
    bank = Bank(str(settings.database_url))
    with webserver_and_daemon(deploy_file("workspace.yaml"), environment, Path(directory / "processes.log")) as ui:
        installation = Installation(ui, bank, settings)
        wait_until(lambda: installation.partitions() == installation.keys, pause=0.5)
        yield installation
    bank.close()
