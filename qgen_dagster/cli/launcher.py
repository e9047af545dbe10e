"""The one door from the command line to Dagster. Importing Dagster takes a second, so it opens when a run starts.

Not here: the runs themselves (`defs/`), what a balance does with them (`services/balance.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qgen_dagster.cli.progress import Display
    from qgen_dagster.config.settings import Settings
    from qgen_dagster.services.balance import Launcher


@contextmanager
def launcher(settings: Settings, progress: Display) -> Iterator[Launcher]:
    """What executes runs as Dagster runs in this process, reporting to `progress`."""
    from qgen_dagster.defs.launcher import open_launcher

    with open_launcher(settings, progress) as opened:
        yield opened


def probe_dagster(settings: Settings) -> str:
    """Opens the Dagster instance and its storage, and says what was found. Raises QgenError when that fails."""
    from qgen_dagster.defs.instance import open_instance, prepare_dagster_home
    from qgen_dagster.services.database import dagster_database_url

    home = prepare_dagster_home(settings.home)
    with dagster_database_url(settings) as url, open_instance(home, url) as instance:
        return f"{home}, {instance.get_runs_count():,} runs recorded"
