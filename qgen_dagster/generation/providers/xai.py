"""xAI, through OpenAI's SDK, whose format it speaks.

Here: `XaiClient`. Not here: the format (`chat.py`), calls (`chat_client.py`).
"""

from __future__ import annotations

from qgen_dagster.generation.providers.chat import XAI
from qgen_dagster.generation.providers.chat_client import ChatClient

NAME = "xai"
BASE_URL = "https://api.x.ai/v1"


class XaiClient(ChatClient):
    """xAI's API: an `LlmClient`."""

    def __init__(self, *, api_key: str, base_url: str = BASE_URL) -> None:
        super().__init__(NAME, XAI, api_key=api_key, base_url=base_url)
