"""Errors that an operator sees, and the exit code that each one means.

Here: the one hierarchy of expected errors. Not here: how they are printed (`cli/errors.py`). An exception outside this
hierarchy is a bug and may show a traceback.
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """What a process tells the one who started it."""

    SUCCESS = 0
    PARTIAL_FAILURE = 1
    COMPLETE_FAILURE = 2
    CONFIGURATION = 3
    DATABASE = 4
    BILLING = 5
    AUTHENTICATION = 6


class QgenError(Exception):
    """An expected failure: what went wrong, where, and (in `hint`) what to do about it."""

    exit_code: ClassVar[ExitCode] = ExitCode.COMPLETE_FAILURE

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class ConfigurationError(QgenError):
    """A flag, file, variable or request that cannot be used as it is."""

    exit_code = ExitCode.CONFIGURATION


class DatabaseError(QgenError):
    """The bank cannot be reached, read, written or understood."""

    exit_code = ExitCode.DATABASE


class BillingError(QgenError):
    """A provider's account is out of credit or quota."""

    exit_code = ExitCode.BILLING


class AuthenticationError(QgenError):
    """A provider refused the key."""

    exit_code = ExitCode.AUTHENTICATION


class BankBusyError(QgenError):
    """Another live run is already filling strata that this one asked for; nothing was started."""


class RunInterrupted(QgenError):
    """The run was stopped on request; what it made is kept and `qgen resume` goes on from there."""

    exit_code = ExitCode.PARTIAL_FAILURE
