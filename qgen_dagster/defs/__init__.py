"""Everything that imports Dagster: assets, checks, jobs, schedules, sensors, resources, and the launcher of the CLI.

Thin: an asset reads config, calls a service, and returns numbers, a table and pictures. Not here: what the stages do
(`services/`). Start at `build.py`, which puts all of it together.
"""

import warnings

# Dagster marks the backfill policy and asset kinds as beta and says so at every import; both are pinned with Dagster.
warnings.filterwarnings("ignore", message=r".*is currently in beta.*")
