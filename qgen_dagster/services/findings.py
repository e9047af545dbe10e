"""What the doctor finds.

Here: `Finding`, `Health`. Not here: the checks (`doctor.py`, `doctor_models.py`, `live_check.py`), printing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from qgen_dagster.core.errors import ExitCode


class Health(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's: what was looked at, how it is, and how to mend it."""

    name: str
    health: Health
    detail: str
    mend: str | None = None
    exit_code: ExitCode = ExitCode.SUCCESS
