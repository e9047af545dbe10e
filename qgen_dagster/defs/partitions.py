"""The partitions: one per stratum, by its key.

Registered when a run needs them, retired in the bank's register of strata, never deleted from Dagster: deleting a key
while a run works on it makes finished work fail. Not here: the key itself (`core/taxonomy.py`).
"""

from __future__ import annotations

from collections.abc import Iterable

import dagster as dg

from qgen_dagster.core.taxonomy import Stratum, Taxonomy, parse_stratum_key
from qgen_dagster.defs.ranges import STRATA

strata_partitions = dg.DynamicPartitionsDefinition(name=STRATA)


def strata_of(keys: Iterable[str], taxonomy: Taxonomy) -> tuple[Stratum, ...]:
    """The strata of partition keys, those that the taxonomy no longer has left out."""
    current = set(taxonomy.strata)
    return tuple(stratum for key in keys if (stratum := parse_stratum_key(key)) in current)
