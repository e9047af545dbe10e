"""Structured logs of a command: on standard error, quiet unless something is wrong.

Here: `configure`, called by commands that run the pipeline. Not here: what is logged (the modules that do it).
"""

from __future__ import annotations

import logging
import os
from collections.abc import MutableMapping
from typing import Any

from qgen_dagster.cli.errors import mask
from qgen_dagster.cli.output import private_stderr


def configure(log_format: str = "text", *, verbose: bool = False) -> None:
    """Sets up structlog and the standard library's logging. `log_format` is QGEN_LOG: text or json."""
    import structlog

    level = logging.DEBUG if verbose else logging.WARNING
    stream = private_stderr()
    as_json = log_format == "json"
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=stream.isatty() and "NO_COLOR" not in os.environ, pad_event_to=0)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso" if as_json else "%H:%M:%S", utc=as_json),
            structlog.processors.format_exc_info,
            _mask_secrets,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    logging.getLogger("qgen_dagster").setLevel(level)
    if not verbose:
        # Dagster tells each of its retries through the root logger; the error that follows says it once, and better.
        logging.getLogger().setLevel(logging.ERROR)


def _mask_secrets(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: mask(value) if isinstance(value, str) else value for key, value in event.items()}
