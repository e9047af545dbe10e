"""A command line without an environment of its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from qgen_dagster.cli.main import app

Qgen = Callable[..., Result]


@pytest.fixture
def qgen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Qgen:
    """Runs a command in this process, at 80 columns, with a home of its own and no QGEN_ variable set."""
    for name in list(os.environ):
        if name.startswith("QGEN_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("QGEN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("QGEN_TAXONOMY", "")  # so that --taxonomy, which sets it, is undone
    monkeypatch.setenv("COLUMNS", "80")

    def run(*args: str, **options: str) -> Result:
        return CliRunner().invoke(app, list(args), **options)  # type: ignore[arg-type]

    return run
