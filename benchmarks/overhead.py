"""A chain that has nothing to do, against a bare Dagster run of as many empty assets over as many partitions.

Dagster runs once with its own storage, as it is installed, and once over qgen's pool of connections to the same server.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from uuid import uuid4

import dagster as dg

from benchmarks.support import home

RUNS = 7
PARTITIONED = ("c", "d", "e", "f")


def bare_definitions() -> dg.Definitions:
    """Seven assets that do nothing, four of them over the strata, in the shape of the real chain."""
    strata = dg.DynamicPartitionsDefinition(name="strata")
    policy = dg.BackfillPolicy.multi_run(1)

    def make(name: str, upstream: str | None) -> dg.AssetsDefinition:
        partitions = {"partitions_def": strata, "backfill_policy": policy} if name in PARTITIONED else {}

        @dg.asset(name=name, deps=[upstream] if upstream else [], **partitions)
        def nothing() -> None:
            return None

        return nothing

    names = "abcdefg"
    assets = [make(name, names[i - 1] if i else None) for i, name in enumerate(names)]
    job = dg.define_asset_job("bare", selection=dg.AssetSelection.all())
    return dg.Definitions(
        assets=assets,
        jobs=[job],
        executor=dg.in_process_executor,
        resources={"io_manager": dg.mem_io_manager},
    )


@contextmanager
def instance_as_installed(dagster_home: Path, url: str) -> Iterator[dg.DagsterInstance]:
    """The same instance and database with the storage of dagster-postgres."""
    from dagster._core.instance import InstanceRef

    storage = {"postgres": {"postgres_url": url, "should_autocreate_tables": False}}
    with dg.DagsterInstance.from_ref(
        InstanceRef.from_dir(str(dagster_home), overrides={"storage": storage})
    ) as instance:
        yield instance


def main() -> None:
    from qgen_dagster.config.settings import Settings
    from qgen_dagster.core.progress import silent
    from qgen_dagster.defs.instance import open_instance, prepare_dagster_home
    from qgen_dagster.defs.launch import run_job
    from qgen_dagster.defs.launcher import DagsterLauncher
    from qgen_dagster.defs.ranges import register_strata, strata_range
    from qgen_dagster.services.balance import RoundRequest
    from qgen_dagster.services.database import dagster_database_url, open_bank
    from qgen_dagster.services.options import RunOptions

    with home() as folder:
        settings = Settings(home=folder)
        dagster_home = prepare_dagster_home(folder)
        with (
            open_bank(settings) as bank,
            dagster_database_url(settings) as url,
            open_instance(dagster_home, url) as instance,
            instance_as_installed(dagster_home, url) as installed,
        ):
            keys = [stratum.key for stratum in settings.taxonomy.strata]
            register_strata(instance, keys)
            launcher = DagsterLauncher(instance, settings, silent, bank)  # as the command line has it
            bare = bare_definitions()
            fill = RoundRequest(uuid4(), RunOptions(fill=True, target_per_stratum=1))
            assert launcher.run(fill) is None
            bares = {
                "bare Dagster run, its storage as installed": installed,
                "bare Dagster run, over qgen's pool of connections": instance,
            }
            times: dict[str, list[float]] = {name: [] for name in (*bares, "chain with nothing to do")}
            for _ in range(RUNS):
                for name, bare_instance in bares.items():
                    begun = time.perf_counter()
                    ends = strata_range(bare_instance, keys)
                    result = run_job("bare", instance=bare_instance, definitions=bare, partition_range=ends)
                    assert result.success
                    times[name].append(time.perf_counter() - begun)
                begun = time.perf_counter()
                request = RoundRequest(uuid4(), RunOptions(target_per_stratum=1))
                assert launcher.run(request) is None
                times["chain with nothing to do"].append(time.perf_counter() - begun)
    installed_base, base, chain = (median(values) for values in times.values())
    print(f"In process, 7 assets, 4 of them over 18 partitions, alternating, median of {RUNS}:\n")
    print("| | seconds | ratio |")
    print("|---|---|---|")
    for name, values in times.items():
        print(f"| {name} | {median(values):.2f} | {median(values) / base:.2f} |")
    print(
        f"\nGoal: at most 1.5 times the bare run; measured {chain / installed_base:.2f} times that of Dagster as it is "
        f"installed, {chain / base:.2f} times one that has qgen's pool too."
    )


if __name__ == "__main__":
    main()
