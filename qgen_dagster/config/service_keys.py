"""The keys of the admin API, from `QGEN_SERVICE_KEYS`.

Here: their form, `name:scope:key,…`. Several keys are valid at once, so that one can be replaced without a gap. Not
here: checking a request (`api/security.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from qgen_dagster.core.errors import ConfigurationError

Scope = Literal["read", "write"]
SHORTEST_KEY = 20  # too long to be guessed, however often one may try
_FORM = "Its form is name:scope:key, separated by commas; scope is read or write."


@dataclass(frozen=True, slots=True)
class ServiceKey:
    """Somebody who may use the API. `write` includes `read`."""

    name: str
    scope: Scope
    key: str = field(repr=False)


def parse_service_keys(text: str) -> tuple[ServiceKey, ...]:
    """The keys in the variable's text, none in an empty one. Raises ConfigurationError, which never shows a key."""
    keys = tuple(_parse(place, part.strip()) for place, part in enumerate(text.split(","), 1) if part.strip())
    names = [key.name for key in keys]
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(f"QGEN_SERVICE_KEYS: two keys are called {name!r}", hint=_FORM)
    if len({key.key for key in keys}) < len(keys):
        raise ConfigurationError("QGEN_SERVICE_KEYS: two names have the same key", hint="Give each its own.")
    return keys


def _parse(place: int, part: str) -> ServiceKey:
    name, _, rest = part.partition(":")
    scope, _, key = rest.partition(":")
    if not (name and name.isprintable() and key) or len(name) > 60:
        raise ConfigurationError(f"QGEN_SERVICE_KEYS: entry {place} has not the right form", hint=_FORM)
    if scope not in get_args(Scope):
        raise ConfigurationError(f"QGEN_SERVICE_KEYS: {name}: the scope is not read or write", hint=_FORM)
    if len(key) < SHORTEST_KEY or not key.isascii() or not key.isprintable() or " " in key:
        raise ConfigurationError(
            f"QGEN_SERVICE_KEYS: {name}: a key needs at least {SHORTEST_KEY} ASCII characters without blanks",
            hint="Make one: python -c 'import secrets; print(secrets.token_urlsafe(32))'",
        )
    return ServiceKey(name, "read" if scope == "read" else "write", key)
