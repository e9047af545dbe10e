"""Vectors of the bank's questions in the space of the present embedder: how many there are, and making those missing.

A portion is read, embedded and stored, then the next: whatever stops it, what was stored stays, and going on means
starting again. Not here: what an embedder is (`embedding.py`, `dedup/`), the SQL (`bank/vectors.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

from qgen_dagster.bank import vectors
from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.core.errors import AuthenticationError, BillingError, QgenError
from qgen_dagster.core.progress import Progress, ProgressEvent, silent
from qgen_dagster.dedup.embedder import Embedder, EmbedderDown
from qgen_dagster.dedup.find import entries_for, space_of
from qgen_dagster.generation.calls import RetryPolicy
from qgen_dagster.services.budget import make_budget
from qgen_dagster.services.calls import Calls
from qgen_dagster.services.embedding import AT_ONCE, open_embedder
from qgen_dagster.services.options import RunOptions
from qgen_dagster.services.work import now

PORTION = 1_000  # questions between two commits


@dataclass(frozen=True, slots=True)
class Space:
    """Vectors of one embedder, made under one version of the rules. `length`: how many numbers each has."""

    name: str
    questions: int
    length: int | None
    current: bool


@dataclass(frozen=True)
class Standing:
    """How far the bank's questions have vectors of the present embedder.

    `types` holds per question type all questions and those without one. Where the embedder cannot be asked, `error`
    says why, `space` is None and nothing counts as missing.
    """

    embedder: str
    space: str | None
    spaces: tuple[Space, ...]
    types: Mapping[str, tuple[int, int]]
    error: str | None = None

    @property
    def questions(self) -> int:
        return sum(questions for questions, _ in self.types.values())

    @property
    def missing(self) -> int:
        return sum(missing for _, missing in self.types.values())


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild did. `dropped`: vectors of other spaces, by space; `kept`: why they were not dropped."""

    embedded: int
    dropped: Mapping[str, int]
    kept: str | None = None


def standing(bank: Bank, settings: Settings) -> Standing:
    """How the bank's vectors stand. Raises ConfigurationError when the embedder lacks a key, a library or a model."""
    error = None
    with _opened(bank, settings) as embedder:
        try:
            space = space_of(embedder)
        except EmbedderDown as down:
            space, error = None, down.message
    with bank.begin() as tx:
        counts = vectors.count_by_space(tx)
        spaces = tuple(
            Space(name, questions, vectors.length_in(tx, name), name == space) for name, questions in counts.items()
        )
        found = vectors.count_missing(tx, space or "")
    types = found if space else {name: (questions, 0) for name, (questions, _) in found.items()}
    return Standing(str(settings.embedder), space, spaces, types, error)


def rebuild(
    bank: Bank,
    settings: Settings,
    *,
    types: Sequence[str] = (),
    limit: int | None = None,
    drop_old: bool = False,
    progress: Progress = silent,
) -> Rebuilt:
    """Embeds what lacks a vector, `limit` questions at most; then, if asked, forgets every other space.

    Others are forgotten only when no question of the bank lacks a vector any more. Raises ConfigurationError,
    EmbedderDown, BillingError and AuthenticationError.
    """
    embedded = 0
    try:
        with _opened(bank, settings) as embedder:
            space = space_of(embedder)
            with bank.begin() as tx:
                found = vectors.count_missing(tx, space)
            for question_type in types or found:
                if question_type in found:
                    rest = None if limit is None else limit - embedded
                    told = _Told(question_type, found[question_type][1], rest, progress)
                    embedded += fill_type(bank, embedder, question_type, rest, told)
    except EmbedderDown as down:
        raise _as_error(down) from down
    dropped, kept = _drop_others(bank, space) if drop_old else ({}, None)
    return Rebuilt(embedded, dropped, kept)


def fill_type(
    bank: Bank,
    embedder: Embedder,
    question_type: str,
    limit: int | None = None,
    told: Callable[[int], None] = lambda count: None,
    check_stop: Callable[[], None] = lambda: None,
) -> int:
    """Embeds the questions of a type that have no vector yet, and returns how many it did. Raises EmbedderDown.

    `check_stop` is called between portions and raises where it is time to stop.
    """
    space = space_of(embedder)
    after: UUID | None = None
    done = 0
    while limit is None or done < limit:
        check_stop()
        portion = PORTION if limit is None else min(PORTION, limit - done)
        with bank.begin() as tx:
            rows = vectors.without_vector(tx, space, question_type, portion, after=after)
        if rows:
            entries = entries_for(rows, embedder)  # in no transaction: a provider takes seconds
            with bank.begin() as tx:
                vectors.store_questions(tx, space, entries)
            after = rows[-1][0]
            done += len(rows)
            told(len(rows))
        if len(rows) < portion:
            break
    return done


class _Told:
    """Tells how far a type is."""

    def __init__(self, question_type: str, missing: int, limit: int | None, progress: Progress) -> None:
        self._group = question_type
        self._total = missing if limit is None else min(missing, limit)
        self._done = 0
        self._progress = progress

    def __call__(self, count: int) -> None:
        self._done += count
        total = max(self._total, self._done)  # questions may have come in meanwhile
        self._progress(ProgressEvent("Embedded", self._group, self._done, total, group_noun="type"))


@contextmanager
def _opened(bank: Bank, settings: Settings) -> Iterator[Embedder]:
    """The embedder outside any run: its calls are in the journal without one, and count in the day's budget."""
    made: list[Calls] = []

    def calls() -> Calls:
        if not made:
            budget = make_budget(bank, settings, RunOptions(), uuid4(), now)
            timer = time.monotonic
            made.append(Calls(bank, None, max_concurrent=AT_ONCE, timer=timer, retry=RetryPolicy(), budget=budget))
        return made[0]

    try:
        yield open_embedder(settings, calls)
    finally:
        for opened in made:
            opened.close()


def _drop_others(bank: Bank, space: str) -> tuple[dict[str, int], str | None]:
    with bank.begin() as tx:
        missing = sum(missing for _, missing in vectors.count_missing(tx, space).values())
        others = [name for name in vectors.count_by_space(tx) if name != space]
    if missing:
        return {}, f"{missing:,} questions have no vector of the present embedder yet"
    dropped = {}
    for name in others:
        with bank.begin() as tx:
            dropped[name] = vectors.drop_space(tx, name)
    return dropped, None


def _as_error(down: EmbedderDown) -> QgenError:
    hint = "What is embedded stays. Go on with the same command."
    if down.category is ErrorCategory.BILLING_QUOTA:
        return BillingError(down.message, hint=hint)
    if down.category is ErrorCategory.AUTHENTICATION:
        return AuthenticationError(down.message, hint=hint)
    return EmbedderDown(down.message, hint=hint, category=down.category)
