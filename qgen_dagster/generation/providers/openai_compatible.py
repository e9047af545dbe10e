"""Any server that speaks OpenAI's chat completions: vLLM, Ollama, LM Studio, a gateway.

Here: `CompatibleClient`. How a model is held to the schema (`CallSettings.structured`) is up to what the server can do.
Not here: the format (`chat.py`), calls (`chat_client.py`).
"""

from __future__ import annotations

from qgen_dagster.generation.providers.chat import COMPATIBLE
from qgen_dagster.generation.providers.chat_client import ChatClient

NAME = "openai_compatible"
# The SDK sends a key in any case; servers that need none ignore it.
NO_KEY = "none"


class CompatibleClient(ChatClient):
    """A compatible server: an `LlmClient`. Works without a key."""

    def __init__(self, *, base_url: str, api_key: str | None = None) -> None:
        super().__init__(NAME, COMPATIBLE, api_key=api_key or NO_KEY, base_url=base_url)
