"""Counting tokens, and which part of a prompt a provider has cached.

Here: `Meter`. Not here: what is counted over all calls (`stats.py`).
"""

from __future__ import annotations

import hashlib

from .call import Call, Usage

CHARACTERS_PER_TOKEN = 4
CACHE_FROM = 1024  # tokens; no provider caches less
OPENAI_STEP = 128  # OpenAI caches in steps of so many tokens


def tokens_of(text: str) -> int:
    """About how many tokens a text has: deterministic, not any provider's tokenizer."""
    return len(text) // CHARACTERS_PER_TOKEN


class Meter:
    """Counts a call's tokens. A system prompt is read from the cache from its second call on, by model."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def reset(self) -> None:
        """Forgets what is cached."""
        self._seen.clear()

    def measure(self, call: Call, text: str, reasoning: int) -> Usage:
        """The usage of a call that was answered with `text`."""
        usage = Usage(
            input=tokens_of(call.system) + tokens_of(call.user),
            output=tokens_of(text) + reasoning,
            reasoning=reasoning,
        )
        size = tokens_of(call.cacheable) if call.cacheable else 0
        if size >= CACHE_FROM and call.cacheable:
            self._count_cache(call, call.cacheable, size, usage)
        return usage

    def _count_cache(self, call: Call, cacheable: str, size: int, usage: Usage) -> None:
        identity = f"{call.provider}\n{call.model}\n{cacheable}".encode()
        digest = hashlib.blake2b(identity, digest_size=16).digest()
        if digest in self._seen:
            step = 1 if call.provider in ("anthropic", "google") else OPENAI_STEP
            usage.cached = size // step * step
        elif call.provider == "anthropic":
            usage.cache_write = size  # Anthropic alone charges for writing
        self._seen.add(digest)
