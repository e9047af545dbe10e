"""xAI, through OpenAI's SDK, whose format it speaks: single calls, counting tokens.

Here: `XaiClient`. Not here: the format (`chat.py`), calls (`chat_client.py`).
"""

from __future__ import annotations

import json

from qgen_dagster.generation.providers.chat import XAI, read_object
from qgen_dagster.generation.providers.chat_client import ChatClient
from qgen_dagster.generation.providers.classify import malformed
from qgen_dagster.generation.providers.sdk import made_once

NAME = "xai"
BASE_URL = "https://api.x.ai/v1"


class XaiClient(ChatClient):
    """xAI's API: an `LlmClient` and a `TokenCounter`."""

    def __init__(self, *, api_key: str, base_url: str = BASE_URL) -> None:
        super().__init__(NAME, XAI, api_key=api_key, base_url=base_url)

    async def count_tokens(self, text: str, model: str, timeout_seconds: float) -> int:
        """How many tokens xAI cuts the text into, without any that it puts around a prompt. Raises ProviderError."""
        import httpx2

        caller = self._caller(model)
        # Not among what OpenAI's SDK has a method for: docs.x.ai, "Tokenize text".
        call = self._sdk.post("/tokenize-text", cast_to=httpx2.Response, body={"model": model, "text": text})
        raw = await made_once(call, caller, timeout_seconds, self._translate)
        data = read_object(caller, raw.text)
        tokens = data.get("token_ids")
        if not isinstance(tokens, list):
            raise malformed(caller, "the answer has no tokens", json.dumps(data))
        return len(tokens)
