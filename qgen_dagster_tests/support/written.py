"""The chain with language models, on the fake server: settings, one run, and what the server knows of it.

Not here: the server (`fake_llm/`), the chain itself (`chain.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
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
    chosen = RunOptions.model_validate({"seed": "written", "evenly": True, "max_concurrent": 20, **options})
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
    prices, total = Prices(), Decimal()
    for name, provider in server.stats.providers.items():
        for model, used in provider.models.items():
            embedded = Tokens(input=used.embedding_tokens)
            for tokens, batch in ((used.tokens, False), (used.batch_tokens, True), (embedded, False)):
                usd = prices.cost(
                    name,
                    model,
                    input_tokens=tokens.input,
                    output_tokens=tokens.output,
                    cached_tokens=tokens.cached,
                    cache_write_tokens=tokens.cache_write,
                    batch=batch,
                )
                assert usd is not None or tokens == Tokens(), f"{name}/{model} has no price"
                total += usd or Decimal()
    return total
