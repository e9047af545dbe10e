"""What can go wrong with a provider's call, in the words of the run's error summary.

Here: categories, severities, and which may be tried again. Not here: telling a category from an SDK's exception
(`generation/`), errors that an operator sees (`core/errors.py`).
"""

from __future__ import annotations

from enum import StrEnum


class ErrorCategory(StrEnum):
    """Why a call failed, in the words of the run's error summary."""

    BILLING_QUOTA = "billing_quota"
    AUTHENTICATION = "authentication"
    RATE_LIMIT = "rate_limit"
    MODEL_ERROR = "model_error"
    SERVER_ERROR = "server_error"
    NETWORK_ERROR = "network_error"
    INVALID_REQUEST = "invalid_request"
    PARSE_ERROR = "parse_error"
    INVENTORY_LOW = "inventory_low"
    BUDGET = "budget"  # no call was made: what may be spent is spent
    UNKNOWN = "unknown"


class Severity(StrEnum):
    """How bad an error is for the run."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


SEVERITY_OF = {
    ErrorCategory.BILLING_QUOTA: Severity.CRITICAL,
    ErrorCategory.AUTHENTICATION: Severity.CRITICAL,
    ErrorCategory.RATE_LIMIT: Severity.HIGH,
    ErrorCategory.NETWORK_ERROR: Severity.LOW,
}
RETRYABLE = frozenset(
    {
        ErrorCategory.RATE_LIMIT,
        ErrorCategory.SERVER_ERROR,
        ErrorCategory.NETWORK_ERROR,
        ErrorCategory.PARSE_ERROR,
    }
)


def severity_of(category: ErrorCategory) -> Severity:
    """Critical for money and keys, high for rate limits, low for the network, medium for the rest."""
    return SEVERITY_OF.get(category, Severity.MEDIUM)
