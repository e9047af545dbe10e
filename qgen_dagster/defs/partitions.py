"""The partitions: one per stratum by its key, and one per drill series by its id.

Registered when a run needs them, retired in the bank's register of strata, never deleted from Dagster: deleting a key
while a run works on it makes finished work fail. Not here: the key itself (`core/taxonomy.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import dagster as dg

from qgen_dagster.core.taxonomy import Stratum, Taxonomy, parse_stratum_key
from qgen_dagster.defs.ranges import STRATA

SERIES = "drill_series"
strata_partitions = dg.DynamicPartitionsDefinition(name=STRATA)
series_partitions = dg.DynamicPartitionsDefinition(name=SERIES)


def register_series(instance: dg.DagsterInstance, keys: Sequence[str]) -> list[str]:
    """Make sure that the series are partitions; return those that are new."""
    known = set(instance.get_dynamic_partitions(SERIES))
    new = [key for key in dict.fromkeys(keys) if key not in known]
    if new:
        instance.add_dynamic_partitions(SERIES, new)
    return new


def strata_of(keys: Iterable[str], taxonomy: Taxonomy) -> tuple[Stratum, ...]:
    """The strata of partition keys, those that the taxonomy no longer has left out."""
    current = set(taxonomy.strata)
    return tuple(stratum for key in keys if (stratum := parse_stratum_key(key)) in current)
