"""The code location."""

from qgen_dagster.defs.build import build_definitions

defs = build_definitions()
