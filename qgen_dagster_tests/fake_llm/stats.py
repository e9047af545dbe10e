"""The truth about what the server was asked and what it answered.

Here: `Stats` and its parts. Not here: serving it (`control.py`).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .call import Usage


@dataclass
class Tokens:
    """Sums of `Usage`."""

    input: int = 0
    cached: int = 0
    cache_write: int = 0
    output: int = 0

    def add(self, usage: Usage) -> None:
        self.input += usage.input
        self.cached += usage.cached
        self.cache_write += usage.cache_write
        self.output += usage.output


@dataclass
class TaskStats:
    """Calls received and replies by status, of one task. `answered` counts requests within batch jobs too."""

    calls: int = 0
    answered: int = 0
    statuses: dict[str, int] = field(default_factory=dict)


@dataclass
class ModelStats:
    """What one model was billed for, online and in batch jobs."""

    answered: int = 0
    batch_answered: int = 0
    tokens: Tokens = field(default_factory=Tokens)
    batch_tokens: Tokens = field(default_factory=Tokens)
    embedding_tokens: int = 0


@dataclass
class ProviderStats:
    """One provider's truth.

    `calls` are HTTP requests of any kind; `statuses` the replies to them, where a delivery that failed goes by its
    fault's name. `tokens` were reported to the client in a reply that it could read; `unreadable_tokens` were billed
    all the same (a reply cut off, dripped away or garbled). `paid_twice` counts answers to a request that had been
    answered before; `distinct` the different requests. `faults` counts what was done to calls, by kind.
    """

    calls: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    tasks: dict[str, TaskStats] = field(default_factory=dict)
    models: dict[str, ModelStats] = field(default_factory=dict)
    tokens: Tokens = field(default_factory=Tokens)
    batch_tokens: Tokens = field(default_factory=Tokens)
    unreadable_tokens: Tokens = field(default_factory=Tokens)
    embedding_tokens: int = 0
    distinct: int = 0
    paid_twice: int = 0
    refused_by_limit: int = 0
    jobs: int = 0
    in_flight: int = 0
    max_in_flight: int = 0
    faults: dict[str, int] = field(default_factory=dict)

    def task(self, name: str) -> TaskStats:
        """The stats of a task, zero where it did not occur."""
        return self.tasks.get(name, TaskStats())

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> ProviderStats:
        """From its JSON."""
        tokens = {name: Tokens(**data[name]) for name in ("tokens", "batch_tokens", "unreadable_tokens")}
        models = {
            name: ModelStats(
                **{**m, "tokens": Tokens(**m["tokens"]), "batch_tokens": Tokens(**m["batch_tokens"])},
            )
            for name, m in data["models"].items()
        }
        tasks = {name: TaskStats(**task) for name, task in data["tasks"].items()}
        return cls(**{**data, **tokens, "models": models, "tasks": tasks})


class Recorder:
    """Keeps the stats of one provider up to date."""

    def __init__(self) -> None:
        self.stats = ProviderStats()
        self._answered: Counter[bytes] = Counter()

    def reset(self) -> None:
        """Starts from zero; what is in flight stays so."""
        flying = self.stats.in_flight
        self.stats = ProviderStats(in_flight=flying, max_in_flight=flying)
        self._answered.clear()

    def arrived(self, task: str) -> None:
        stats = self.stats
        stats.calls += 1
        stats.tasks.setdefault(task, TaskStats()).calls += 1
        stats.in_flight += 1
        stats.max_in_flight = max(stats.max_in_flight, stats.in_flight)

    def left(self, task: str, status: str) -> None:
        stats = self.stats
        stats.in_flight -= 1
        statuses = stats.tasks.setdefault(task, TaskStats()).statuses
        for counts in (stats.statuses, statuses):
            counts[status] = counts.get(status, 0) + 1

    def fault(self, kind: str) -> None:
        self.stats.faults[kind] = self.stats.faults.get(kind, 0) + 1

    def answered(self, task: str, model: str, identity: str, usage: Usage, *, batch: bool, readable: bool) -> None:
        """A request was answered and is billed. `identity` is what makes two requests the same."""
        self._count_identity(f"{model}\n{identity}")
        billed = self.stats.models.setdefault(model, ModelStats())
        self.stats.tasks.setdefault(task, TaskStats()).answered += 1
        if not readable:
            self.stats.unreadable_tokens.add(usage)
        elif batch:
            billed.batch_answered += 1
            billed.batch_tokens.add(usage)
            self.stats.batch_tokens.add(usage)
        else:
            billed.answered += 1
            billed.tokens.add(usage)
            self.stats.tokens.add(usage)

    def embedded(self, model: str, identity: str, tokens: int) -> None:
        """Texts were embedded."""
        self._count_identity(f"{model}\n{identity}")
        self.stats.tasks.setdefault("embed", TaskStats()).answered += 1
        self.stats.models.setdefault(model, ModelStats()).embedding_tokens += tokens
        self.stats.embedding_tokens += tokens

    def _count_identity(self, identity: str) -> None:
        digest = hashlib.blake2b(identity.encode(), digest_size=16).digest()
        self.stats.paid_twice += digest in self._answered
        self._answered[digest] += 1
        self.stats.distinct = len(self._answered)

    def as_json(self) -> dict[str, Any]:
        return asdict(self.stats)


@dataclass(frozen=True)
class Stats:
    """All providers' truth, and how many questions were made."""

    providers: Mapping[str, ProviderStats]
    questions_made: int

    def __getitem__(self, provider: str) -> ProviderStats:
        return self.providers[provider]

    @property
    def calls(self) -> int:
        """HTTP requests of all providers."""
        return sum(p.calls for p in self.providers.values())

    @property
    def paid_twice(self) -> int:
        return sum(p.paid_twice for p in self.providers.values())

    @property
    def max_in_flight(self) -> int:
        """The largest of any one provider."""
        return max(p.max_in_flight for p in self.providers.values())

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Stats:
        """From the JSON of `GET /_stats`."""
        providers = {name: ProviderStats.of(p) for name, p in data["providers"].items()}
        return cls(providers, data["questions_made"])
