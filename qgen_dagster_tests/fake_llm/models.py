"""Which models there are, and what they do not take.

Here: `exists`, `check_parameters`, `listed`. Not here: prices; the server bills tokens only.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from .call import WireError

_FAMILY = {
    "openai": re.compile(r"^(gpt-|chatgpt-|o\d|ft:|text-embedding-)"),
    "anthropic": re.compile(r"^claude-"),
    "google": re.compile(r"^(gemini-|gemma-|text-embedding-)"),
    "xai": re.compile(r"^grok-"),
    "compatible": re.compile(r"."),
}
_NOT_THERE = re.compile(r"no-such|does-not-exist|missing")
LISTED = {
    "openai": ("gpt-6-luna", "gpt-5.4-mini", "gpt-4.1", "gpt-4.1-mini", "text-embedding-3-small"),
    "anthropic": ("claude-opus-5", "claude-sonnet-5", "claude-haiku-4-5"),
    "google": ("gemini-3.5-flash", "gemini-2.5-pro", "gemini-2.5-flash", "gemini-embedding-001"),
    "xai": ("grok-4.5", "grok-4-fast-non-reasoning"),
    "compatible": ("local-model",),
}
# OpenAI's models that reason by default refuse `max_tokens`, and most of them any temperature but 1.
_OPENAI_NEW_LIMIT = re.compile(r"^(o\d|gpt-5|gpt-6)")
_OPENAI_FIXED = re.compile(r"^(o\d|gpt-5($|-(mini|nano|pro|20))|gpt-5\.[5-9]|gpt-6)")
# Anthropic's models from Opus 4.7 on take no sampling parameters at all.
_ANTHROPIC_FIXED = re.compile(r"^claude-(opus-4-[7-9]|[a-z]+-5)")


def exists(provider: str, model: str, retired: Collection[str]) -> bool:
    """Whether the provider has (still) such a model. Names with no-such, does-not-exist or missing never exist."""
    return bool(_FAMILY[provider].match(model)) and not _NOT_THERE.search(model) and model not in retired


def listed(provider: str, retired: Collection[str]) -> list[str]:
    """The models that the provider lists: some of those that there are."""
    return [model for model in LISTED[provider] if model not in retired]


def check_parameters(provider: str, model: str, body: Mapping[str, Any]) -> None:
    """Raises WireError for what this model refuses, as the provider does."""
    temperature = body.get("temperature")
    if provider == "anthropic":
        _check_anthropic(model, temperature)
    elif provider == "openai":
        if body.get("max_tokens") is not None and _OPENAI_NEW_LIMIT.match(model):
            message = (
                "Unsupported parameter: 'max_tokens' is not supported with this model. "
                "Use 'max_completion_tokens' instead."
            )
            raise WireError("invalid", message, param="max_tokens", code="unsupported_parameter")
        if temperature not in (None, 1) and _OPENAI_FIXED.match(model):
            message = (
                f"Unsupported value: 'temperature' does not support {temperature} with this model. "
                "Only the default (1) value is supported."
            )
            raise WireError("invalid", message, param="temperature", code="unsupported_value")


def _check_anthropic(model: str, temperature: object) -> None:
    if temperature is None:
        return
    if _ANTHROPIC_FIXED.match(model):
        raise WireError("invalid", "`temperature` is deprecated for this model.")
    if not isinstance(temperature, int | float) or not 0 <= temperature <= 1:
        raise WireError("invalid", "temperature: range: 0..1")
