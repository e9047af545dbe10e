"""Addresses and keys of servers, checked before anything is done with them.

Here: what makes an address usable (of http, of PostgreSQL, of an alert channel), and a key. Not here: connecting to
anything. No message shows any part of what was given, since there may be a password in it.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from qgen_dagster.core.errors import ConfigurationError

_DATABASE_HINT = "It looks like postgresql://user:password@host:5432/name."
# User, password, host and port where the driver's library looks for them.
_DATABASE = re.compile(r"(?:[^:/]*(?::[^@]*)?@)?(?:\[[^\]/?]+\]|[^:/?\[\]]*)(?::(?P<port>[^/?]*))?(?:[/?].*)?")
_CHANNEL = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_HIGHEST_PORT = 65_535


def http_address(name: str, value: str, *, hint: str) -> SplitResult:
    """The parts of the address that `name` has. Raises ConfigurationError that says what is wrong with it."""
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise _no_address(name, "it has a blank, a line break or a character that no address has", hint)
    try:
        parts = urlsplit(value)
    except ValueError:  # of a host in [ ]
        raise _no_address(name, "its host cannot be read", hint) from None
    if parts.scheme not in ("http", "https") or not value.lower().startswith(f"{parts.scheme}://"):
        raise _no_address(name, "it does not begin with http:// or https://", hint)
    if not parts.hostname:
        raise _no_address(name, "it names no host", hint)
    if not _is_host(parts.hostname):
        raise _no_address(name, "its host cannot be read", hint)
    if not _has_port(parts):
        raise _no_address(name, f"its port is not a number from 1 to {_HIGHEST_PORT}", hint)
    if parts.query or parts.fragment or value.endswith(("?", "#")):
        raise _no_address(name, "it goes on after its path, with ? or #", hint)
    return parts


def postgresql_url(name: str, value: str | None, *, drivers: tuple[str, ...] = ()) -> str | None:
    """The URL that `name` has, or None. Raises ConfigurationError where nothing could be connected to with it.

    `drivers` that it may name; without any, whatever it names.
    """
    if value is None:
        return None
    scheme, separator, rest = value.partition("://")
    kind, _, driver = scheme.partition("+")
    found = _DATABASE.fullmatch(rest)
    problem = ""
    if kind not in ("postgresql", "postgres") or not separator:
        problem = "it does not begin with postgresql://"
    elif not value.isprintable():
        problem = "it has a line break or another character that no URL has"
    elif drivers and scheme != "postgresql" and driver not in drivers:
        problem = f"it may begin with postgresql:// or postgresql+{drivers[0]}:// only"
    elif found is None:
        problem = "its host cannot be read"
    elif found["port"] and not (found["port"].isdecimal() and 1 <= int(found["port"]) <= _HIGHEST_PORT):
        problem = f"its port is not a number from 1 to {_HIGHEST_PORT}"
    if problem:
        raise ConfigurationError(f"{name} is not the URL of a PostgreSQL database: {problem}", hint=_DATABASE_HINT)
    return value


def split_addresses(variable: str, text: str) -> list[str]:
    """The alert channels in a variable, separated by blanks or line ends. Raises ConfigurationError for others."""
    addresses = text.split()
    for place, address in enumerate(addresses, 1):
        if not _CHANNEL.fullmatch(address):
            raise ConfigurationError(
                f"{variable}: entry {place} is not an address",
                hint="Addresses look like mailtos://user:password@host?to=you@host or slack://…; blanks separate them.",
            )
    return addresses


def checked_key(name: str, value: str) -> str:
    """The key without surrounding space. Raises ConfigurationError for one that no HTTP header can carry."""
    key = value.strip()
    if not re.fullmatch(r"[\x21-\x7e]+", key):
        raise ConfigurationError(
            f"{name} is not a key: it is empty or holds spaces or characters that no key has",
            hint="Copy the key again, without quotes or anything else around it.",
        )
    return key


def _no_address(name: str, problem: str, hint: str) -> ConfigurationError:
    return ConfigurationError(f"{name} is not an http(s) address: {problem}", hint=hint)


def _is_host(name: str) -> bool:
    try:
        name.removesuffix(".").encode("idna")  # as the resolver does it: refuses empty and overlong parts
    except UnicodeError:
        return False
    return not set(name) & set('<>"{}|\\^`%')


def _has_port(parts: SplitResult) -> bool:
    """Whether the port, given or not, is one."""
    try:
        return parts.port != 0
    except ValueError:
        return False
