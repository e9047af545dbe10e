"""Text from a reply, fit for the bank: printable, bounded, and in the script that was asked for.

Not here: which field is which (`questions.py`).
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

# C0 and C1 controls but tab and line feed, direction overrides, lone surrogates, code points that no text has.
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_INVISIBLE = re.compile(r"[\u200b\u2060\ufeff\u00ad]")
_NOTHING = frozenset({"", "null", "none", "n/a", "na", "-", "–"})
_FEW_LETTERS = 8


class Unusable(Exception):
    """Why a part of a reply cannot be used, as the end of a sentence."""


def clean(value: Any, what: str, longest: int) -> str:
    """The text, with line ends levelled and invisible characters gone. Raises Unusable."""
    if not isinstance(value, str):
        raise Unusable(f"{what} is {_kind(value)} instead of text")
    text = _INVISIBLE.sub("", value.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if not text:
        raise Unusable(f"{what} is empty")
    if len(text) > longest:
        raise Unusable(f"{what} has {len(text):,} characters, more than {longest:,}")
    if _FORBIDDEN.search(text):
        raise Unusable(f"{what} has control characters")
    return text


def optional(value: Any, what: str, longest: int) -> str | None:
    """Like `clean`; None for null and the words that models write instead of it."""
    if value is None or (isinstance(value, str) and value.strip().casefold() in _NOTHING):
        return None
    return clean(value, what, longest)


def spoken(value: Any, longest: int = 2_000) -> str:
    """A judge's words for people to read: whatever is not printable goes, too much is cut, anything else is empty."""
    if not isinstance(value, str):
        return ""
    text = _FORBIDDEN.sub("", _INVISIBLE.sub("", value.replace("\r", "\n"))).strip()
    return text if len(text) <= longest else text[: longest - 1] + "…"


def mostly_other_script(text: str) -> bool:
    """Whether most letters are not Latin ones. Greek letters of a formula or a single name do not make it so."""
    if text.isascii():
        return False
    letters = [c for c in text if c.isalpha()]
    other = sum(not _is_latin(c) for c in letters)
    return len(letters) >= _FEW_LETTERS and other * 2 > len(letters)


def shown(value: Any, longest: int = 40) -> str:
    """A value for a sentence about it: short, quoted and printable."""
    if isinstance(value, dict | list):
        return _kind(value)
    text = _cut(value if isinstance(value, str) else str(value), longest)
    return f"“{text}”" if text.isprintable() else ascii(text)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _is_latin(character: str) -> bool:
    return character.isascii() or unicodedata.name(character, "").startswith(("LATIN", "MATHEMATICAL", "DOUBLE-STRUCK"))


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", bool: "true or false", int: "a number", float: "a number"}
    return kinds.get(type(value), "nothing" if value is None else "something else")
