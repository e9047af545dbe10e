"""What went wrong with a call, told from what came back: category, fault, one clear line.

Here: `Caller`, `status_error`, `connection_error`, `timeout_error`, `malformed`, `empty`, `refused`, `truncated`,
`one_line`. Pure; it knows HTTP statuses and error bodies of every provider, but no SDK. Not here: SDK exceptions
(`sdk.py`), headers (`headers.py`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.generation.provider import Fault, ProviderError
from qgen_dagster.generation.providers.headers import retry_after

MAX_MESSAGE = 300


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asked: the provider, the model (None for calls about batch jobs), its host, and what must never be shown."""

    provider: str
    host: str = ""
    model: str | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        return f"{self.provider} {self.model}" if self.model else self.provider


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that a call used, where the provider says so."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """An error's body, in whatever form it came. `words` holds its codes and types in lower case."""

    message: str = ""
    words: frozenset[str] = frozenset()
    details: tuple[Mapping[str, Any], ...] = ()


def status_error(
    caller: Caller, status: int, text: str, headers: Mapping[str, str] | None = None, now: float | None = None
) -> ProviderError:
    """The error that an HTTP status and its body mean. `now` (seconds since 1970) is for a Retry-After that is a date.

    401 and 403 are authentication, also where the key is good but has no right to the model. A 429 is a rate limit
    unless the body says that money or a day's quota is used up.
    """
    body = read_error(text)
    category, fault, meaning = _judge(caller, status, body)
    said = f": {body.message}" if body.message else ""
    return ProviderError(
        category,
        one_line(f"{caller}: {meaning} ({status}){said}", caller.secrets),
        fault=fault,
        retry_after=retry_after(headers or {}, body.details, now),
    )


def connection_error(caller: Caller, cause: BaseException | str | None) -> ProviderError:
    """The server could not be reached, or the connection broke."""
    why = f": {cause}" if cause and str(cause) else ""
    where = f" with {caller.host}" if caller.host else ""
    message = one_line(f"{caller}: no connection{where}{why}", caller.secrets)
    return ProviderError(ErrorCategory.NETWORK_ERROR, message, fault=Fault.CONNECTION)


def timeout_error(caller: Caller, seconds: float) -> ProviderError:
    """No complete answer in time."""
    message = f"{caller}: no complete answer within {seconds:g} s"
    return ProviderError(ErrorCategory.NETWORK_ERROR, one_line(message, caller.secrets), fault=Fault.TIMEOUT)


def malformed(caller: Caller, what: str, text: str = "") -> ProviderError:
    """The answer is not what this API answers with; the server is to blame, not the model."""
    start = f", it begins {text.strip()[:80]!r}" if text.strip() else ""
    message = one_line(f"{caller}: {what}{start}", caller.secrets)
    return ProviderError(ErrorCategory.SERVER_ERROR, message, fault=Fault.MALFORMED)


def empty(caller: Caller, usage: Usage) -> ProviderError:
    """A reply without text."""
    return _of_model(caller, ErrorCategory.MODEL_ERROR, Fault.EMPTY, "the reply has no text", usage)


def refused(caller: Caller, why: str, usage: Usage | None = None) -> ProviderError:
    """The model or a filter declined."""
    message = f"the model declined: {why}" if why else "the model declined"
    return _of_model(caller, ErrorCategory.MODEL_ERROR, Fault.REFUSED, message, usage or Usage())


def truncated(caller: Caller, partial: str, usage: Usage) -> ProviderError:
    """Cut at the output limit; what came is in `partial`."""
    message = "the reply was cut off at the output limit"
    return _of_model(caller, ErrorCategory.PARSE_ERROR, Fault.TRUNCATED, message, usage, partial)


def unreadable(caller: Caller, why: str, partial: str, usage: Usage) -> ProviderError:
    """The model's output is not in the form that was asked for."""
    return _of_model(caller, ErrorCategory.PARSE_ERROR, Fault.MALFORMED, why, usage, partial)


def not_done(caller: Caller, *, expired: bool) -> ProviderError:
    """A call of a batch job that was not made, since the job expired or was cancelled. Nothing is charged for it."""
    why = "the batch job expired before this call was made" if expired else "the batch job was cancelled"
    fault = Fault.TIMEOUT if expired else Fault.BLOCKED
    return ProviderError(ErrorCategory.SERVER_ERROR, f"{caller}: {why}", fault=fault)


def _of_model(
    caller: Caller, category: ErrorCategory, fault: Fault, what: str, usage: Usage, partial: str | None = None
) -> ProviderError:
    return ProviderError(
        category,
        one_line(f"{caller}: {what}", caller.secrets),
        fault=fault,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cached_tokens=usage.cached_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        partial=partial,
    )


# -- one line -------------------------------------------------------------------------------------------------------

_SPACES = re.compile(r"\s+")
_LOOKS_SECRET = (
    (re.compile(r"(?i)\b(sk|xai|gsk|pk|rk)-[\w*.-]{6,}"), r"\1-…"),
    (re.compile(r"\bAIza[\w*-]{6,}"), "AIza…"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w*.~+/=-]{6,}"), r"\1 …"),
    (re.compile(r"://[^/\s@]+@"), "://"),
    (re.compile(r"(?i)([?&](?:key|api[_-]?key|token|access_token)=)[^&\s\"']+"), r"\1…"),
)


def one_line(text: str, secrets: Sequence[str] = ()) -> str:
    """The text as one line of at most 300 characters without keys or a URL's user name and password."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "…")
    for pattern, replacement in _LOOKS_SECRET:
        text = pattern.sub(replacement, text)
    line = "".join(c for c in _SPACES.sub(" ", text).strip() if c.isprintable())
    return line if len(line) <= MAX_MESSAGE else line[: MAX_MESSAGE - 1].rstrip() + "…"


# -- what an error's body says --------------------------------------------------------------------------------------


def read_error(text: str) -> ErrorBody:
    """Message, codes and details of an error body: JSON of any provider, or plain text; a web page says nothing."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return ErrorBody("" if text.lstrip().startswith("<") else text.strip())
    if isinstance(data, list) and len(data) == 1:  # Google wraps some errors in a list
        data = data[0]
    if not isinstance(data, Mapping):
        return ErrorBody(str(data))
    error = data.get("error", data)
    if not isinstance(error, Mapping):  # xAI: {"code": …, "error": "…"}
        return ErrorBody(str(error), _words(data))
    message = error.get("message") or error.get("detail") or ""
    details = error.get("details")
    if isinstance(details, Mapping):  # Anthropic
        details = [details]
    found = tuple(d for d in details if isinstance(d, Mapping)) if isinstance(details, list) else ()
    words = _words(error).union(*(_words(d) for d in found))
    return ErrorBody(message if isinstance(message, str) else json.dumps(message), words, found)


def _words(error: Mapping[str, Any]) -> frozenset[str]:
    values = (error.get(key) for key in ("code", "type", "status", "reason", "error_code"))
    return frozenset(v.lower() for v in values if isinstance(v, str))


# -- what it means --------------------------------------------------------------------------------------------------

_BILLING_WORDS = frozenset(
    {
        "insufficient_quota",
        "insufficient_balance",
        "billing_error",
        "billing_hard_limit_reached",
        "billing_not_active",
        "billing_disabled",
        "contract_spend_limit_reached",
        "enforced_spend_limit_reached",
        "linked_organization_billing_unavailable",
        "linked_organization_spend_limit_reached",
        "payment_required",
    }
)
# "Check your plan and billing details" is not among them: Google says so at every rate limit.
_BILLING_TEXT = re.compile(
    r"credit balance is too low|insufficient (?:balance|credits?|funds)|used all available credits"
    r"|doesn't have any credits|purchase (?:more )?credits|spend(?:ing)? limit|reached your specified (?:api )?usage"
    r"|credits are depleted|enable billing|billing (?:has been |is |to be )?(?:disabled|not enabled|enabled|not active)"
    r"|billing account .*(?:closed|disabled)"
)
_KEY_WORDS = frozenset({"invalid_api_key", "api_key_invalid", "authentication_error", "unauthenticated"})
_KEY_TEXT = re.compile(r"(?:incorrect|invalid) api key|api key (?:not valid|not found|expired|is invalid|has expired)")
_REFUSED_WORDS = frozenset(
    {"content_policy_violation", "content_filter", "invalid_prompt", "responsibleaipolicyviolation"}
)
_REFUSED_TEXT = re.compile(
    r"content violates usage guidelines|flagged as potentially violating|violat\w+ our usage policy"
)
_MODEL_WORDS = frozenset({"model_not_found", "model_not_available", "model_decommissioned", "unknown_model"})
_MODEL_TEXT = re.compile(
    r"\bmodel\b.{0,80}(?:does not exist|not found|not a chat model|is deprecated and|decommissioned|been retired)"
    r"|(?:unknown|no such|invalid) model\b|models/\S+ is not found|not found.{0,20}\bmodel\b"
)


def _judge(caller: Caller, status: int, body: ErrorBody) -> tuple[ErrorCategory, Fault, str]:
    """Category, fault and what it means in words."""
    said = body.message.lower()
    if status == 402 or body.words & _BILLING_WORDS or _BILLING_TEXT.search(said) or _day_is_used_up(body):
        return ErrorCategory.BILLING_QUOTA, Fault.STATUS, "out of credit or quota"
    if status in (400, 403) and (body.words & _REFUSED_WORDS or _REFUSED_TEXT.search(said)):
        return ErrorCategory.MODEL_ERROR, Fault.REFUSED, "the provider declined the prompt"
    if status in (400, 401, 403) and (status == 401 or body.words & _KEY_WORDS or _KEY_TEXT.search(said)):
        return ErrorCategory.AUTHENTICATION, Fault.STATUS, "the key was not accepted"
    if status == 403:
        return ErrorCategory.AUTHENTICATION, Fault.STATUS, "the key has no right to this" + _model_of(caller)
    if status == 429:
        return ErrorCategory.RATE_LIMIT, Fault.STATUS, "rate limit"
    if status == 408:
        return ErrorCategory.NETWORK_ERROR, Fault.TIMEOUT, "the server gave up waiting"
    if status >= 500 or status in (409, 425):
        meaning = "overloaded" if status == 529 or "overloaded" in said else "server error"
        return ErrorCategory.SERVER_ERROR, Fault.STATUS, meaning
    if 400 <= status < 500:
        return _about_the_request(caller, status, body)
    return ErrorCategory.SERVER_ERROR, Fault.MALFORMED, "an answer that this API never gives; is the base URL right?"


def _about_the_request(caller: Caller, status: int, body: ErrorBody) -> tuple[ErrorCategory, Fault, str]:
    no_model = body.words & _MODEL_WORDS or _MODEL_TEXT.search(body.message.lower())
    if no_model or (caller.model and status == 404):
        # A 404 without a word about the model may also come from a base URL that leads elsewhere.
        where = f" at {caller.host}" if caller.host and not no_model else ""
        return (
            ErrorCategory.MODEL_ERROR,
            Fault.STATUS,
            f"no model {caller.model!r}{where}" if caller.model else "no such model",
        )
    if status == 404:
        return ErrorCategory.INVALID_REQUEST, Fault.STATUS, "not found"
    return ErrorCategory.INVALID_REQUEST, Fault.STATUS, "the request was not accepted"


def _day_is_used_up(body: ErrorBody) -> bool:
    """Google's 429 names the quota; a day's is not back before the run is over."""
    violations = (v for d in body.details for v in d.get("violations") or () if isinstance(v, Mapping))
    return any("PerDay" in str(v.get("quotaId", "")) for v in violations)


def _model_of(caller: Caller) -> str:
    return f" (model {caller.model!r})" if caller.model else ""
