"""What every protocol makes of a request to a model, and what every protocol makes a reply of.

Here: `Call`, `Answer`, `Usage`. Not here: any protocol.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from .prompts import PromptRead, read_prompt

Output = Literal["text", "schema", "tool"]


@dataclass(slots=True)
class Usage:
    """Tokens. `input` counts all of the prompt, `cached` and `cache_write` among them; `output` counts `reasoning`."""

    input: int = 0
    cached: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0


@dataclass(slots=True)
class Call:
    """One request to a model. `cacheable` is the system prompt, or the part of it that the client wants cached."""

    provider: str
    model: str
    system: str
    user: str
    max_tokens: int | None = None
    output: Output = "text"
    tool: str | None = None
    forced_tool: bool = False
    cacheable: str | None = None
    prompt: PromptRead = field(init=False)

    def __post_init__(self) -> None:
        self.prompt = read_prompt(self.user)

    @property
    def task(self) -> str:
        return self.prompt.task


@dataclass(slots=True)
class Answer:
    """What the model says. `number` counts its answers, for ids and for forms that take turns."""

    text: str
    usage: Usage
    number: int
    refused: bool = False
    truncated: bool = False


class WireError(Exception):
    """A request that is answered with an error; `kind` is one of `errors.py`, `message` goes where the kind lets it."""

    def __init__(self, kind: str, message: str = "", *, param: str | None = None, **details: Any) -> None:
        super().__init__(message or kind)
        self.kind = kind
        self.message = message
        self.param = param
        self.details = details
