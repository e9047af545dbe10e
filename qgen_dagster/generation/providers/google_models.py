"""The models of Google's SDK that a call is made of, in a form that the SDK sends off in half the time.

Here: `message`, `configuration`. What is sent is the same. Imports the SDK, so it is itself imported only where a
client is made. Not here: what a call says (`google_format.py`), making it (`google.py`).
"""

# The SDK names types of packages that are not installed, and pydantic's plugin reads them again for a subclass.
# mypy: disable-error-code="name-defined"

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from google.genai import types


class _Quick:
    """Not a mapping, though the SDK asks of each field that there may be whether its name is `in` the model.

    Pydantic walks through all fields to answer. This says no at once, and the SDK looks at the attribute.
    """

    def __contains__(self, name: object) -> bool:
        return False


class _Part(_Quick, types.Part):
    pass


class _Content(_Quick, types.Content):
    pass


class _Config(_Quick, types.GenerateContentConfig):
    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Never a deep one: it is made for one call, and nobody else has it."""
        return super().model_copy(update=update)


def message(text: str) -> types.Content:
    """What the user says, or the system's instruction."""
    return _Content(role="user", parts=[_Part(text=text)])


def configuration(fields: Mapping[str, Any]) -> types.GenerateContentConfig:
    """The configuration of a call whose answer is wanted as it came; `fields` are those of `google_format`."""
    changed: dict[str, Any] = {"should_return_http_response": True}
    if "system_instruction" in fields:
        changed["system_instruction"] = message(fields["system_instruction"])
    return _Config(**{**fields, **changed})
