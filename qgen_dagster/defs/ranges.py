"""Strata as partition keys, and the ranges of them that one run covers.

Not here: the partitions definition (`partitions.py`), starting runs (`launch.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import cast

import dagster as dg
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    PARTITION_NAME_TAG,
)

from qgen_dagster.core.errors import ConfigurationError

STRATA = "strata"
"""The name of the dynamic partitions definition whose keys are strata."""


def register_strata(instance: dg.DagsterInstance, keys: Sequence[str]) -> list[str]:
    """Make sure that the keys are partitions; return those that are new. Registered keys keep their place."""
    known = set(instance.get_dynamic_partitions(STRATA))
    new = [key for key in dict.fromkeys(keys) if key not in known]
    if new:
        instance.add_dynamic_partitions(STRATA, new)
    return new


def strata_range(instance: dg.DagsterInstance, keys: Collection[str]) -> tuple[str, str]:
    """The smallest range of registered keys that has all of `keys`; it may have others between them.

    Dagster knows a range by its ends only, in the order in which keys were registered. Where the keys are not
    neighbours, the run targets the ones between them too and must itself leave those alone.

    Raises:
        ConfigurationError: no keys, or one that is not registered.
    """
    registered = _registered(instance, keys)
    places = sorted(registered.index(key) for key in keys)
    if not places:
        raise ConfigurationError("No strata to run over.")
    return registered[places[0]], registered[places[-1]]


def range_keys(instance: dg.DagsterInstance, first: str, last: str) -> list[str]:
    """The keys that a run over the range targets.

    Raises:
        ConfigurationError: an end is not registered, or they are the wrong way round.
    """
    registered = _registered(instance, (first, last))
    start, end = registered.index(first), registered.index(last)
    if end < start:
        raise ConfigurationError(f"{last} was registered before {first}.", hint="Swap the ends of the range.")
    return registered[start : end + 1]


def range_tags(first: str, last: str) -> dict[str, str]:
    """The tags that make a run, or a `RunRequest`, one over the range."""
    return {ASSET_PARTITION_RANGE_START_TAG: first, ASSET_PARTITION_RANGE_END_TAG: last}


def _registered(instance: dg.DagsterInstance, keys: Collection[str]) -> list[str]:
    registered = list(instance.get_dynamic_partitions(STRATA))
    missing = sorted(set(keys) - set(registered))
    if missing:
        raise ConfigurationError(f"Not registered as partitions: {', '.join(missing)}.")
    return registered


def partition_tags(instance: dg.DagsterInstance, key: str | None, ends: tuple[str, str] | None) -> dict[str, str]:
    if key is not None and ends is not None:
        raise ConfigurationError("A run is over one partition or over a range, not both.")
    if key is not None:
        _registered(instance, (key,))
        return {PARTITION_NAME_TAG: key}
    if ends is not None:
        range_keys(instance, *ends)  # with the ends the wrong way round Dagster would run over nothing, and succeed
        return range_tags(*ends)
    return {}


def over_all_strata(instance: dg.DagsterInstance, run: dg.DagsterRun, keys: Sequence[str]) -> None:
    """Make a run that was launched without a partition one over all strata, as if it had been given the range.

    For the launchpad, which cannot say "all partitions". Call it before the first step: the tags are what the steps
    read their partitions from, in storage and in the run object that this process executes.
    """
    if run.tags.keys() & {PARTITION_NAME_TAG, ASSET_PARTITION_RANGE_START_TAG, ASSET_PARTITION_RANGE_END_TAG}:
        return
    register_strata(instance, keys)
    tags = range_tags(*strata_range(instance, keys))
    instance.add_run_tags(run.run_id, tags)
    cast("dict[str, str]", run.tags).update(tags)
