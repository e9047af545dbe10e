"""Each provider's own errors: statuses, bodies and headers as they come over the wire.

Here: `error_reply` and `error_body`. Kinds: the numbers of `faults.STATUS_KINDS`; `bad_key`, `no_key`, `no_money`,
`no_rights`, `no_model`, `not_found`; `rate` with `standing`; `invalid` with a message, `param` and `code`.
Not here: when an error is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from .call import WireError
from .limits import Standing, whole_seconds
from .transport import Reply

Body = dict[str, Any]
_KIND_OF_FAULT = {"401": "bad_key", "403": "no_rights", "404": "no_model", "quota": "no_money", "429": "rate"}


def error_reply(provider: str, error: WireError, *, model: str = "", key: str = "") -> Reply:
    """The reply that says it."""
    kind = _KIND_OF_FAULT.get(error.kind, error.kind)
    if kind == "502":
        return Reply(502, _GATEWAY_HTML, content_type="text/html")
    status, body = error_body(provider, error, model=model, key=key)
    headers: dict[str, str] = {}
    if kind == "rate" and provider != "google":
        # Google says it in the body (RetryInfo) and nowhere else.
        headers["retry-after"] = str(whole_seconds(_wait(error)))
        if provider == "openai":
            headers["retry-after-ms"] = str(round(_wait(error) * 1000))
    return Reply.of(status, body, headers)


def error_body(provider: str, error: WireError, *, model: str = "", key: str = "") -> tuple[int, Body]:
    """Status and body, as they also stand in the results of a batch job. The error's own `model` goes first."""
    kind = _KIND_OF_FAULT.get(error.kind, error.kind)
    return _WRITERS[provider](kind, error, error.details.get("model") or model, key)


def _wait(error: WireError) -> float:
    standing = error.details.get("standing")
    return standing.wait if isinstance(standing, Standing) else float(error.details.get("retry_after", 1))


# OpenAI


def _openai(kind: str, error: WireError, model: str, key: str) -> tuple[int, Body]:
    status, message, type_, code = _OPENAI.get(kind, (int(kind) if kind.isdigit() else 400, "", _INVALID, None))
    if kind == "rate":
        type_ = _what(error)
        unit = "requests per min (RPM)" if type_ == "requests" else "tokens per min (TPM)"
        message = (
            f"Rate limit reached for {model} in organization org-fake on {unit}: Limit {_limit(error)}. "
            f"Please try again in {_duration(_wait(error))}. Visit https://platform.openai.com/account/rate-limits to "
            "learn more."
        )
    text = error.message or _filled(message, model, key)
    code = error.details.get("code", code)
    return status, {"error": {"message": text, "type": type_, "param": error.param, "code": code}}


_INVALID = "invalid_request_error"
_OPENAI: Mapping[str, tuple[int, str, str, str | None]] = {
    "bad_key": (
        401,
        "Incorrect API key provided: {key}. You can find your API key at https://platform.openai.com/account/api-keys.",
        _INVALID,
        "invalid_api_key",
    ),
    "no_key": (
        401,
        "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
        "(i.e. Authorization: Bearer YOUR_KEY).",
        _INVALID,
        None,
    ),
    "no_money": (
        429,
        "You exceeded your current quota, please check your plan and billing details. For more information on this "
        "error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.",
        "insufficient_quota",
        "insufficient_quota",
    ),
    "no_rights": (403, "Project `proj_fake` does not have access to model `{model}`", _INVALID, "model_not_found"),
    "no_model": (
        404,
        "The model `{model}` does not exist or you do not have access to it.",
        _INVALID,
        "model_not_found",
    ),
    "not_found": (404, "Invalid URL", _INVALID, None),
    "rate": (429, "", "requests", "rate_limit_exceeded"),
    "408": (408, "Request timed out.", "timeout", "request_timeout"),
    "409": (409, "The resource was changed by another request. Please try again.", _INVALID, "conflict"),
    "413": (413, "Request body too large.", _INVALID, "request_too_large"),
    "422": (422, "Unprocessable entity.", _INVALID, None),
    "500": (500, "The server had an error while processing your request. Sorry about that!", "server_error", None),
    "503": (503, "The engine is currently overloaded, please try again later.", "server_error", None),
    "529": (503, "The engine is currently overloaded, please try again later.", "server_error", None),
}


# xAI: an error is a string beside a sentence called "code".


def _xai(kind: str, error: WireError, model: str, key: str) -> tuple[int, Body]:
    status, code, text = _XAI.get(kind, (int(kind) if kind.isdigit() else 400, "The request failed", ""))
    if kind == "rate":
        text = f"Too many requests for team team-fake and model {model}. Your team's rate limit is {_limit(error)}."
    text = error.message or _filled(text, model, key)
    return status, {"code": code, "error": text}


_XAI_INVALID = "Client specified an invalid argument"
_XAI: Mapping[str, tuple[int, str, str]] = {
    "bad_key": (
        400,
        _XAI_INVALID,
        "Incorrect API key provided: {key}. You can obtain an API key from https://console.x.ai.",
    ),
    "no_key": (
        401,
        "Unauthorized: missing authentication",
        "No or an invalid authentication header was provided on the request. "
        "Please make sure you pass your API key in the corresponding HTTP header.",
    ),
    "no_money": (
        403,
        "The caller does not have permission to execute the specified operation",
        "Your team team-fake has either used all available credits or reached its monthly spending limit. To continue "
        "making API requests, please purchase more credits or raise your spending limit.",
    ),
    "no_rights": (
        403,
        "The caller does not have permission to execute the specified operation",
        "The API key has no access to the model {model}.",
    ),
    "no_model": (
        404,
        "Some requested entity was not found",
        "The model {model} does not exist or your team team-fake does not have access to it.",
    ),
    "not_found": (404, "Some requested entity was not found", "Not found."),
    "rate": (429, "Some resource has been exhausted", ""),
    "invalid": (400, _XAI_INVALID, ""),
    "400": (400, _XAI_INVALID, ""),
    "500": (500, "The service encountered an internal error", "Internal server error."),
    "503": (503, "The service is currently unavailable", "The service is temporarily unavailable."),
    "529": (503, "The service is currently unavailable", "The model is at capacity. Please try again later."),
}


# vLLM and its like: OpenAI's shape, the code a number.


def _compatible(kind: str, error: WireError, model: str, key: str) -> tuple[int, Body]:
    if kind in ("bad_key", "no_key"):
        return 401, {"error": "Unauthorized"}
    status, type_, text = _COMPATIBLE.get(kind, (int(kind) if kind.isdigit() else 400, "BadRequestError", ""))
    text = error.message or _filled(text, model, key)
    return status, {"error": {"message": text, "type": type_, "param": error.param, "code": status}}


_COMPATIBLE: Mapping[str, tuple[int, str, str]] = {
    "no_money": (402, "PaymentRequired", "Insufficient credits."),
    "no_rights": (403, "Forbidden", "The key has no access to the model `{model}`."),
    "no_model": (404, "NotFoundError", "The model `{model}` does not exist."),
    "not_found": (404, "NotFoundError", "Not Found"),
    "rate": (429, "TooManyRequests", "Too many requests."),
    "500": (500, "InternalServerError", "Internal server error."),
    "503": (503, "ServiceUnavailable", "The server is overloaded."),
    "529": (503, "ServiceUnavailable", "The server is overloaded."),
}


# Anthropic


def _anthropic(kind: str, error: WireError, model: str, key: str) -> tuple[int, Body]:
    status, type_, text = _ANTHROPIC.get(kind, (int(kind) if kind.isdigit() else 400, _INVALID, ""))
    if kind == "rate":
        unit = "requests" if _what(error) == "requests" else "input tokens"
        text = (
            f"This request would exceed your organization's rate limit of {_limit(error)} {unit} per minute. For "
            "details, refer to: https://docs.claude.com/en/api/rate-limits."
        )
    text = error.message or _filled(text, model, key)
    body = {"type": "error", "error": {"type": type_, "message": text}, "request_id": f"req_{uuid4().hex[:24]}"}
    return status, body


_ANTHROPIC: Mapping[str, tuple[int, str, str]] = {
    "bad_key": (401, "authentication_error", "invalid x-api-key"),
    "no_key": (401, "authentication_error", "x-api-key header is required"),
    "no_money": (
        400,
        _INVALID,
        "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or "
        "purchase credits.",
    ),
    "no_rights": (403, "permission_error", "Your API key does not have permission to use the specified resource."),
    "no_model": (404, "not_found_error", "model: {model}"),
    "not_found": (404, "not_found_error", "Not found"),
    "rate": (429, "rate_limit_error", ""),
    "408": (408, "timeout_error", "Request timed out."),
    "409": (409, "conflict_error", "The resource was changed by another request."),
    "413": (413, "request_too_large", "Request exceeds the maximum size"),
    "500": (500, "api_error", "Internal server error"),
    "503": (503, "api_error", "Service unavailable"),
    "529": (529, "overloaded_error", "Overloaded"),
}


# Google


def _google(kind: str, error: WireError, model: str, key: str) -> tuple[int, Body]:
    status, name, text = _GOOGLE.get(kind, (int(kind) if kind.isdigit() else 400, "INVALID_ARGUMENT", ""))
    details: list[Body] = []
    if kind == "bad_key":
        details = [
            {
                "@type": f"{_RPC}.ErrorInfo",
                "reason": "API_KEY_INVALID",
                "domain": "googleapis.com",
                "metadata": {"service": _SERVICE},
            },
            {"@type": f"{_RPC}.LocalizedMessage", "locale": "en-US", "message": text},
        ]
    if kind == "rate":
        text, details = _google_rate(error, model)
    text = error.message or _filled(text, model, key)
    body: Body = {"code": status, "message": text, "status": name}
    if details:
        body["details"] = details
    return status, {"error": body}


_SERVICE = "generativelanguage.googleapis.com"
_RPC = "type.googleapis.com/google.rpc"
_GOOGLE: Mapping[str, tuple[int, str, str]] = {
    "bad_key": (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
    "no_key": (
        403,
        "PERMISSION_DENIED",
        "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or "
        "other form of API consumer identity to call this API.",
    ),
    "no_money": (
        429,
        "RESOURCE_EXHAUSTED",
        "Your prepayment credits are depleted. Please go to AI Studio at https://ai.studio/projects to manage your "
        "project and billing.",
    ),
    "no_rights": (403, "PERMISSION_DENIED", "Your project has been denied access to the model {model}."),
    "no_model": (
        404,
        "NOT_FOUND",
        "models/{model} is not found for API version v1beta, or is not supported for generateContent. Call ListModels "
        "to see the list of available models and their supported methods.",
    ),
    "not_found": (404, "NOT_FOUND", "Requested entity was not found."),
    "rate": (429, "RESOURCE_EXHAUSTED", ""),
    "408": (408, "DEADLINE_EXCEEDED", "The request timed out. Please try again."),
    "409": (409, "ABORTED", "The operation was aborted."),
    "413": (413, "INVALID_ARGUMENT", "Request payload size exceeds the limit: 20971520 bytes."),
    "500": (
        500,
        "INTERNAL",
        "An internal error has occurred. Please retry or report in "
        "https://developers.generativeai.google/guide/troubleshooting",
    ),
    "503": (503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
    "529": (503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
}


def _google_rate(error: WireError, model: str) -> tuple[str, list[Body]]:
    """Google words a plain rate limit as if the plan were to blame; RetryInfo tells that it passes."""
    per_request = _what(error) == "requests"
    metric = f"{_SERVICE}/generate_content_paid_tier_{'requests' if per_request else 'input_token_count'}"
    quota = f"Generate{'Requests' if per_request else 'ContentPaidTierInputTokens'}PerMinutePerProjectPerModel"
    wait = _wait(error)
    text = (
        "You exceeded your current quota, please check your plan and billing details. For more information on this "
        "error, head to: https://ai.google.dev/gemini-api/docs/rate-limits. \n"
        f"* Quota exceeded for metric: {metric}, limit: {_limit(error)}, model: {model}\nPlease retry in {wait:.6f}s."
    )
    violation = {
        "quotaMetric": metric,
        "quotaId": quota,
        "quotaDimensions": {"location": "global", "model": model},
        "quotaValue": str(_limit(error)),
    }
    link = {
        "description": "Learn more about Gemini API quotas",
        "url": "https://ai.google.dev/gemini-api/docs/rate-limits",
    }
    return text, [
        {"@type": f"{_RPC}.QuotaFailure", "violations": [violation]},
        {"@type": f"{_RPC}.Help", "links": [link]},
        {"@type": f"{_RPC}.RetryInfo", "retryDelay": f"{whole_seconds(wait)}s"},
    ]


def _what(error: WireError) -> str:
    standing = error.details.get("standing")
    return standing.what if isinstance(standing, Standing) else "requests"


def _limit(error: WireError) -> int:
    standing = error.details.get("standing")
    if not isinstance(standing, Standing):
        return 500
    return standing.requests if standing.what == "requests" else standing.tokens


def _duration(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms" if seconds < 1 else f"{seconds:.3f}s"


def _filled(template: str, model: str, key: str) -> str:
    template = template or "The request could not be processed."
    return template.format(model=model, key=f"{key[:2]}***{key[-2:]}")


_GATEWAY_HTML = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n"
    b"<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n"
)
_WRITERS = {
    "openai": _openai,
    "xai": _xai,
    "compatible": _compatible,
    "anthropic": _anthropic,
    "google": _google,
}
