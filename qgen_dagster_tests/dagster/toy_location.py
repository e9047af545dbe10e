"""A small code location in the shape of the real one, for tests of storage, instance and launcher.

Two unpartitioned assets, three on the dynamic partitions `strata`, one job over all of them, in process. What the
assets do is steered by files and variables, because the webserver runs them in processes of its own.
"""

import logging
import os
import sys
import time
import warnings
from pathlib import Path

import dagster as dg

from qgen_dagster.core.errors import BillingError

warnings.filterwarnings("ignore", category=dg.BetaWarning)  # BackfillPolicy

STRATA = dg.DynamicPartitionsDefinition(name="strata")


def _on(name: str) -> bool:
    """Whether the switch file `name` is there."""
    directory = os.environ.get("QGEN_TOY_SWITCHES")
    return bool(directory) and Path(directory, name).exists()


def _note(line: str) -> None:
    directory = os.environ.get("QGEN_TOY_SWITCHES")
    if directory:
        with Path(directory, "notes").open("a") as file:
            file.write(line + "\n")


class Bank(dg.ConfigurableResource):  # type: ignore[type-arg]
    """A resource that notes when it is opened and closed."""

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        _note("open")

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        _note("close")


class ToyConfig(dg.Config):
    count: int = 0


@dg.asset(deps=[])
def inventory(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]
    _note("inventory")
    return dg.MaterializeResult(metadata={"total": 1})


@dg.asset(deps=[inventory])
def plan(context: dg.AssetExecutionContext, config: ToyConfig) -> dg.MaterializeResult:  # type: ignore[type-arg]
    _note(f"plan {config.count}")
    return dg.MaterializeResult(metadata={"count": config.count})


@dg.asset(deps=[plan], partitions_def=STRATA, backfill_policy=dg.BackfillPolicy.multi_run(1))
def batches(context: dg.AssetExecutionContext, bank: Bank) -> dg.MaterializeResult:  # type: ignore[type-arg]
    _note("batches " + ",".join(context.partition_keys))
    context.log.info("a line for the event log")
    logging.getLogger("toy").warning("a line of a library")
    print("a line on standard output")
    print("a line on standard error", file=sys.stderr)
    for key in context.partition_keys:
        context.add_asset_metadata({"made": len(key)}, partition_key=key)
    return dg.MaterializeResult(metadata={"all": len(context.partition_keys)})


@dg.asset(deps=[batches], partitions_def=STRATA, backfill_policy=dg.BackfillPolicy.multi_run(1))
def judged(context: dg.AssetExecutionContext, bank: Bank) -> dg.MaterializeResult:  # type: ignore[type-arg]
    _note("judged " + ",".join(context.partition_keys))
    if _on("billing"):
        try:
            raise ConnectionError("402")
        except ConnectionError as exc:
            raise BillingError("The provider's account is empty.") from exc
    if _on("sleep"):
        _note("asleep")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            time.sleep(0.05)
    return dg.MaterializeResult()


@dg.asset(deps=[judged], partitions_def=STRATA, backfill_policy=dg.BackfillPolicy.multi_run(1))
def stored(context: dg.AssetExecutionContext, bank: Bank) -> dg.MaterializeResult:  # type: ignore[type-arg]
    _note("stored " + ",".join(context.partition_keys))
    return dg.MaterializeResult()


@dg.asset_check(asset=judged, blocking=True)
def judged_is_sound() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=not _on("unsound"), metadata={"n": 1})


toy_chain = dg.define_asset_job("toy_chain", selection=dg.AssetSelection.all(), tags={"toy": "yes"})

defs = dg.Definitions(
    assets=[inventory, plan, batches, judged, stored],
    asset_checks=[judged_is_sound],
    jobs=[toy_chain],
    resources={"bank": Bank()},
    executor=dg.in_process_executor,
)
