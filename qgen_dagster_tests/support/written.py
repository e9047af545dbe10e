"""The chain with language models, on the fake server: settings, one run, and what the server knows of it.

Not here: the server (`fake_llm/`), the chain itself (`chain.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import yaml

from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.llm import PACKAGED
from qgen_dagster.config.settings import Settings
from qgen_dagster.generation.prices import Prices
from qgen_dagster.services.options import RunOptions
from qgen_dagster.services.run_record import RunRecord, read_record
from qgen_dagster.services.work import Work, make_work
from qgen_dagster_tests.fake_llm import FakeLlm, FakeLlmProcess
from qgen_dagster_tests.fake_llm.stats import Tokens
from qgen_dagster_tests.support.chain import NO_WAITING, run_chain


def with_models(settings: Settings, server: FakeLlm | FakeLlmProcess, **keys: str) -> Settings:
    """The settings with every provider at the server; `keys` replaces or (empty) removes variables."""
    environment = {name: value for name, value in {**server.env, **keys}.items() if value}
    return replace(settings, provider_environment=environment)


def unlimited(folder: Path) -> Path:
    """A models.yaml like the packaged one, without limits per minute."""
    data: dict[str, Any] = yaml.safe_load((PACKAGED / "models.yaml").read_text())
    data["providers"] = {name: {"max_concurrent": 200} for name in data["providers"]}
    path = folder / "models.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


def work_on(bank: Bank, settings: Settings, run_id: UUID | None = None, **options: object) -> Work:
    """Work that does not wait between retries."""
    chosen = RunOptions.model_validate(
        {"seed": "written", "evenly": True, "max_concurrent": 20, "skip_preflight": True, **options}
    )
    return replace(make_work(bank, settings, chosen, run_id or uuid4()), retry=NO_WAITING)


def run_written(
    bank: Bank, settings: Settings, prepare: Callable[[Work], Work] = lambda work: work, **options: object
) -> RunRecord:
    """One run; its record."""
    run_id = run_chain(prepare(work_on(bank, settings, **options)))
    record = read_record(bank, run_id)
    assert record is not None
    return record


def cost_of(server: FakeLlm | FakeLlmProcess) -> Decimal:
    """What the tokens that the server counted cost by the price table, those of batch jobs at the price there."""
    total = Decimal()
    for name, provider in server.stats.providers.items():
        for model, used in provider.models.items():
            embedded = Tokens(input=used.embedding_tokens)
            total += _cost(name, model, used.tokens, used.answered)
            total += _cost(name, model, used.batch_tokens, used.batch_answered, batch=True)
            total += _cost(name, model, embedded, used.answered)
    return total


def _cost(provider: str, model: str, tokens: Tokens, calls: int, *, batch: bool = False) -> Decimal:
    """As so many calls of the mean size and one with the rest: long prompts have a price of their own."""
    if tokens == Tokens():
        return Decimal()
    calls = max(calls, 1)
    mean = Tokens(**{kind: count // calls for kind, count in asdict(tokens).items()})
    rest = Tokens(**{kind: count % calls for kind, count in asdict(tokens).items()})
    prices, total = Prices(), Decimal()
    for part, times in ((mean, calls), (rest, 1)):
        usd = prices.cost(
            provider,
            model,
            input_tokens=part.input,
            output_tokens=part.output,
            cached_tokens=part.cached,
            cache_write_tokens=part.cache_write,
            batch=batch,
        )
        assert usd is not None, f"{provider}/{model} has no price"
        total += usd * times
    return total
