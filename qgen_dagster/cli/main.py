"""The entry point `qgen`: the list of commands, and nothing that takes time.

Not here: the commands (`commands/`, one module per group), how help and errors look (`app.py`, `errors.py`).
"""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from qgen_dagster.cli.app import Entry, RootGroup, make_app

COMMANDS = (
    Entry("auto-balance", "auto_balance", "Fill the strata that run low: plan, generate, judge, insert.", "Make"),
    Entry("generate", "generate", "Make a given number of questions, evenly over strata.", "Make"),
    Entry("plan", "plan", "Show what auto-balance would make, and make nothing.", "Make"),
    Entry("resume", "resume", "Go on with a run that was stopped or killed.", "Make"),
    Entry("drills", "drills", "Backgammon drills: plan, build, check, show, export.", "Make"),
    Entry("inventory", "inventory", "Show how well each stratum is stocked.", "Look"),
    Entry("runs", "runs", "List runs, show one, add many up, compare.", "Look"),
    Entry("calls", "calls", "List the calls to providers, or show one whole.", "Look"),
    Entry("questions", "questions", "List, show, deactivate, export and import questions.", "Look"),
    Entry("gallery", "gallery", "Write one web page with a sample of every item model.", "Look"),
    Entry("prompts", "prompts", "List, show, compare and render what models are told.", "Look"),
    Entry("audit", "audit", "Prove the bank's keys again, or measure the judges.", "Look"),
    Entry("up", "up", "Start database, Dagster's page and daemon, admin API.", "Operate"),
    Entry("serve", "serve", "Serve the admin API alone.", "Operate"),
    Entry("alerts", "alerts", "Check, list, acknowledge and mute alerts; try the channels.", "Operate"),
    Entry("batch-jobs", "batch_jobs", "Batch jobs at providers: list them, cancel one.", "Operate"),
    Entry("embeddings", "embeddings", "Vectors that near questions are found by: look, rebuild.", "Operate"),
    Entry("reports", "reports", "Reports about runs that wait to be sent elsewhere.", "Operate"),
    Entry("env", "env", "Print the variables to start Dagster by hand.", "Operate"),
    Entry("db", "db", "Migrate, look at and stop the database.", "Operate"),
    Entry("doctor", "doctor", "Check the installation and say how to mend it.", "Operate"),
)

EXAMPLES = """
Examples:
  qgen auto-balance --fill      fill every stratum up to its target
  qgen inventory                how well is the bank stocked?
  qgen up                       the Dagster web page, with every run
  qgen doctor                   is everything here that is needed?

Exit codes:
  0 success or nothing to do     4 database error
  1 partial failure              5 billing or quota
  2 complete failure             6 authentication
  3 configuration error (wrong flags too)
"""


class QgenGroup(RootGroup):
    """The root group, with the commands above."""

    entries = COMMANDS


app = make_app(cls=QgenGroup, epilog=EXAMPLES)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(f"qgen {version('qgen')}")
        except PackageNotFoundError:
            typer.echo("qgen (not installed, run from its source folder)")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Keeps a bank of test questions evenly stocked, with answer keys that can be trusted."""


def _open_closed_streams() -> None:
    """Where we were started without a standard stream (`>&-`), reading finds nothing and what is written is dropped.

    Its descriptor is taken too, before a connection to the database gets it and somebody's output goes there.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - as long as we live


def main() -> NoReturn:
    """Run the command line and leave with its exit code."""
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show × or → gets a question mark instead of a crash.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    gc.set_threshold(200_000)  # imports make many objects and no garbage; collecting costs a quick command a tenth
    os.environ.setdefault("PYTHONUNBUFFERED", "1")  # so that the logs of child processes are up to date
    app(prog_name="qgen")
    sys.exit(0)
