"""What calls cost.

Here: `Prices`, `Price`, `read_prices`. Prices come from a table that the operator gives, else from the snapshot within
the package genai-prices; nothing is downloaded. A model that neither knows is unpriced: None, never a guess. Not here:
budgets, and the table itself (`config/`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from qgen_dagster.core.errors import ConfigurationError

if TYPE_CHECKING:
    from genai_prices.types import ModelPrice, PriceCalculation

MILLION = Decimal(1_000_000)
BATCH_SHARE = Decimal("0.5")  # of the price, in a batch job
# How genai-prices calls the providers. A compatible server has prices only where the operator gives them.
_PRICED_AS = {"openai": "openai", "anthropic": "anthropic", "google": "google", "xai": "x-ai"}
_DATE_SUFFIX = re.compile(r"-20\d{2}-?\d{2}-?\d{2}$")
_FIELDS = {"input", "output", "cached_input", "cache_write", "since"}


@dataclass(frozen=True, slots=True)
class Price:
    """USD per million tokens, from the day `since` on (None: always).

    What is read from the provider's cache costs `cached_input`, what is written to it `cache_write`; None: as input.
    """

    input: Decimal
    output: Decimal
    cached_input: Decimal | None = None
    cache_write: Decimal | None = None
    since: date | None = None


class Prices:
    """Prices by model, or by "provider/model" where two providers have a model of the same name."""

    def __init__(self, table: Mapping[str, Sequence[Price]] | None = None) -> None:
        self._table = dict(table or {})

    def cost(
        self,
        provider: str,
        model: str,
        *,
        input_tokens: int | None,
        output_tokens: int | None,
        cached_tokens: int | None = None,
        cache_write_tokens: int | None = None,
        batch: bool = False,
        on: date | None = None,
    ) -> Decimal | None:
        """USD for a call; None where the price or the number of tokens is not known.

        `input_tokens` counts all of the prompt, with what was read from and written to the cache. A dated name of a
        model (gpt-5-2025-08-07) has the price of the name without date unless it has its own. `on`: the day, today
        unless given.
        """
        if input_tokens is None or output_tokens is None:
            return None
        cached = min(cached_tokens or 0, input_tokens)
        written = min(cache_write_tokens or 0, input_tokens - cached)
        day = on or datetime.now(UTC).date()
        price = self._own(provider, model, day)
        if price is None:
            return _from_snapshot(provider, model, (input_tokens, output_tokens, cached, written), batch, day)
        usd = _total(price, (input_tokens, output_tokens, cached, written))
        return usd * BATCH_SHARE if batch else usd

    def worst_case(
        self,
        provider: str,
        model: str,
        *,
        input_tokens: int,
        max_output_tokens: int,
        batch: bool = False,
        on: date | None = None,
    ) -> Decimal | None:
        """The most that a call can cost: nothing is cached yet, all of the prompt goes there, all output is used."""
        costs = [
            self.cost(
                provider,
                model,
                input_tokens=input_tokens,
                output_tokens=max_output_tokens,
                cache_write_tokens=written,
                batch=batch,
                on=on,
            )
            for written in (0, input_tokens)
        ]
        return max((cost for cost in costs if cost is not None), default=None)

    def _own(self, provider: str, model: str, day: date) -> Price | None:
        for name in (model, _DATE_SUFFIX.sub("", model)):
            for key in (f"{provider}/{name}", name):
                valid = [p for p in self._table.get(key, ()) if p.since is None or p.since <= day]
                if valid:
                    return max(valid, key=lambda p: p.since or date.min)
        return None


def read_prices(table: Mapping[str, Any]) -> dict[str, list[Price]]:
    """A table from configuration: per model one entry or a list of dated ones. Raises ConfigurationError.

    `{"gpt-5-mini": {"input": 0.25, "cached_input": 0.025, "output": 2, "since": "2025-08-07"}}`, USD per million
    tokens; `cached_input`, `cache_write` and `since` may be missing.
    """
    return {
        str(model): [_read_price(str(model), entry) for entry in (entries if isinstance(entries, list) else [entries])]
        for model, entries in table.items()
    }


def _read_price(model: str, entry: object) -> Price:
    where = f"price of {model}"
    if not isinstance(entry, Mapping):
        raise ConfigurationError(f"{where}: needs input and output, USD per million tokens")
    unknown = {str(key) for key in entry} - _FIELDS
    if unknown:
        hint = f"Known: {', '.join(sorted(_FIELDS))}."
        raise ConfigurationError(f"{where}: unknown key {', '.join(sorted(unknown))}", hint=hint)
    usd = {key: _usd(f"{where}: {key}", entry[key]) for key in _FIELDS - {"since"} if entry.get(key) is not None}
    if "input" not in usd or "output" not in usd:
        raise ConfigurationError(f"{where}: needs input and output, USD per million tokens")
    return Price(since=_day(f"{where}: since", entry.get("since")), **usd)


def _usd(where: str, value: object) -> Decimal:
    try:
        usd = Decimal(str(value))
    except InvalidOperation:
        usd = Decimal(-1)
    if isinstance(value, bool) or not usd.is_finite() or usd < 0:
        raise ConfigurationError(f"{where}: {value!r} is not an amount of USD")
    return usd


def _day(where: str, value: object) -> date | None:
    if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise ConfigurationError(f"{where}: {value!r} is not a day like 2026-01-31") from None


def _from_snapshot(
    provider: str, model: str, tokens: tuple[int, int, int, int], batch: bool, day: date
) -> Decimal | None:
    """From genai-prices, with the prices of that day. In a batch job half, unless it knows the very price."""
    flat = _flat_price(provider, model, batch, day)
    if flat is not None and tokens[0] < flat[1]:
        return _total(flat[0], tokens)
    found = _look_up(provider, model, tokens, batch, day)
    return None if found is None else found[0]


def _total(price: Price, tokens: tuple[int, int, int, int]) -> Decimal:
    sent, made, cached, written = tokens
    usd = (
        (sent - cached - written) * price.input
        + cached * (price.input if price.cached_input is None else price.cached_input)
        + written * (price.input if price.cache_write is None else price.cache_write)
        + made * price.output
    )
    return usd / MILLION


@lru_cache(maxsize=512)
def _flat_price(provider: str, model: str, batch: bool, day: date) -> tuple[Price, float] | None:
    """A model's plain prices and up to how many tokens of prompt they hold: the package takes 0.4 ms for each look-up.

    None where it has none, or has them in a form that is not read here; then the package itself must be asked.
    """
    found = _look_up(provider, model, (1, 1, 0, 0), batch, day)
    if found is None:
        return None
    _, share, price = found
    fields = [
        getattr(price, name, None) for name in ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok")
    ]
    starts = [tier.start for field in fields for tier in getattr(field, "tiers", ())]
    plain = [getattr(field, "base", field) for field in fields]
    if not all(isinstance(usd, Decimal) for usd in plain[:2]):
        return None
    usd_in, usd_out, read, write = (None if usd is None else usd * share for usd in plain)
    return Price(usd_in or Decimal(), usd_out or Decimal(), read, write), min(starts, default=float("inf"))


def _look_up(
    provider: str, model: str, tokens: tuple[int, int, int, int], batch: bool, day: date
) -> tuple[Decimal, Decimal, ModelPrice] | None:
    """What the package says of a call: USD, the share of its prices that counts, and the prices."""
    priced_as = _PRICED_AS.get(provider)
    if priced_as is None:
        return None
    try:
        from genai_prices import Usage, calc_price
    except ImportError:
        return None
    sent, made, cached, written = tokens
    usage = Usage(input_tokens=sent, output_tokens=made, cache_read_tokens=cached, cache_write_tokens=written)
    moment = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)

    def ask(context: dict[str, str] | None) -> PriceCalculation:
        return calc_price(usage, model, provider_id=priced_as, genai_request_timestamp=moment, price_context=context)

    one = Decimal(1)
    try:
        usual = ask(None)
        if not batch:
            return usual.total_price, one, usual.model_price
        special = ask({"processing": "batch"})
    except (LookupError, ValueError):
        return None
    if special.model_price != usual.model_price:
        return special.total_price, one, special.model_price
    return usual.total_price * BATCH_SHARE, BATCH_SHARE, usual.model_price
