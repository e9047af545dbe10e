"""Paths as an operator types them. Not here: which files there are (`settings.py`), opening them."""

from __future__ import annotations

from pathlib import Path

from qgen_dagster.core.errors import ConfigurationError


def typed_path(given: str | Path) -> Path:
    """The path, with ~ as somebody's home folder. Raises ConfigurationError where there is no such user."""
    try:
        return Path(given).expanduser()
    except RuntimeError:
        raise ConfigurationError(
            f"{given}: there is no user {Path(given).parts[0]} with a home folder",
            hint="A file of that name in the current folder is written ./~…",
        ) from None
