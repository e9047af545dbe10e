"""Asking before data is removed.

Not here: what is removed.
"""

from __future__ import annotations

import sys

import typer

from qgen_dagster.core.errors import ConfigurationError


def confirm(question: str, yes: bool) -> None:
    """Goes on when `yes` was given or somebody says so; ends the command with 0 when they do not.

    Raises ConfigurationError when nobody is there to ask.
    """
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise ConfigurationError("this removes data and nobody is here to confirm it", hint="To do it: add --yes")
    if not typer.confirm(question, err=True):
        raise typer.Exit(0)
