"""A prompt and settings, for the tests of all clients."""

from __future__ import annotations

from typing import Any

from qgen_dagster.generation.llm import CallSettings, Prompt

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["same", "reason"],
    "properties": {"same": {"type": "boolean"}, "reason": {"type": ["string", "null"]}},
}
PROMPT = Prompt(
    system="You compare questions.", user="Task: compare\n\nAre they the same?", schema_name="comparison", schema=SCHEMA
)
TEXT = '{"same": true, "reason": null}'


def settings(**changes: Any) -> CallSettings:
    """Settings of a call to model `m-1`, with changes."""
    return CallSettings(**{"model": "m-1", "max_output_tokens": 500, **changes})
