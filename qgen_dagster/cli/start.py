"""The first thing that the command `qgen` runs: Ctrl-C while everything else is still being imported.

Not here: everything else (`main.py`). Nothing is imported at the top, so that there is next to no time before this.
"""

from __future__ import annotations


def main() -> None:
    """Run the command line and leave with its exit code; 1 when it is stopped before it knows what to do."""
    try:
        from qgen_dagster.cli.main import main as run

        run()
    except KeyboardInterrupt:
        import sys

        print("Interrupted: stopped", file=sys.stderr)
        sys.exit(1)
