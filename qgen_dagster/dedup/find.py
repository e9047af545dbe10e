"""The duplicate check of a batch of candidates: exact, then structural, then semantic.

Here: `find_duplicates`, and keeping the vectors up to date (`remember`). Not here: the rules
(`compare.py`) and the SQL (`bank/lookup.py`, `bank/vectors.py`). The caller holds a lock per question type and stores
the candidates' states, all in one transaction: two checks of one type at once would not see each other's candidates.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from qgen_dagster.bank import lookup, vectors
from qgen_dagster.bank.engine import Transaction
from qgen_dagster.bank.lookup import Holder
from qgen_dagster.bank.vectors import Entry, Kind
from qgen_dagster.core.question import Question
from qgen_dagster.dedup.check import Checked, Decision, DuplicateCheck, Rule
from qgen_dagster.dedup.compare import Likeness, compare, differ
from qgen_dagster.dedup.embedder import Embedder, EmbedderDown
from qgen_dagster.dedup.facts import RULES_VERSION, Facts, Wording, facts_of, lookup_key, word_keys
from qgen_dagster.dedup.remote import RemoteEmbedder
from qgen_dagster.dedup.settings import Bounds, DedupSettings

_RULES = {Likeness.SAME: Rule.SEMANTIC, Likeness.DOUBTFUL: Rule.GREY, Likeness.DIFFERENT: Rule.DISTINCT}


@dataclass(frozen=True, slots=True)
class Near:
    """A question or candidate to compare with."""

    id: UUID
    kind: Kind
    cosine: float
    facts: Facts


@dataclass(frozen=True, slots=True)
class _Probe:
    """A candidate with everything its check needs."""

    candidate: Checked
    facts: Facts
    entry: Entry


def space_of(embedder: Embedder) -> str:
    """The name under which vectors and keys are stored: it changes whenever either would come out otherwise."""
    return f"{embedder.name}+rules{RULES_VERSION}"


def find_duplicates(
    tx: Transaction, candidates: Sequence[Checked], embedder: Embedder, settings: DedupSettings
) -> list[Decision]:
    """A decision per candidate, in order, against the whole bank, all unique candidates and the earlier ones here.

    All candidates are of one question type. Nothing is written. An earlier candidate that is grey counts as kept: a
    later equal one shares its fate. Raises EmbedderDown; then nothing is decided.
    """
    if not candidates:
        return []
    types = {candidate.question.question_type for candidate in candidates}
    if len(types) > 1:
        raise ValueError(f"candidates of more than one type: {', '.join(sorted(types))}")
    bounds = settings.bounds(embedder.name, types.pop())
    probes = _probe_all(candidates, embedder)
    ids = [candidate.candidate_id for candidate in candidates]
    taken = _Taken(
        dict(lookup.holders(tx, "content_hash", (c.content_hash for c in candidates), ids)),
        dict(lookup.holders(tx, "structure_hash", (c.structure_hash for c in candidates if c.structure_hash), ids)),
    )
    open_probes = [p for p in probes if p.candidate.structure_hash is None and not taken.check(p.candidate)]
    stored = _near_stored(tx, space_of(embedder), open_probes, bounds)
    batch: dict[int, list[_Probe]] = defaultdict(list)
    decisions = []
    for probe in probes:
        check = taken.check(probe.candidate) or _check_semantic(probe, stored, batch, bounds, embedder.name)
        decisions.append(Decision(probe.candidate.candidate_id, check, probe.entry))
        if check.rule in (Rule.DISTINCT, Rule.GREY):
            taken.add(probe.candidate)
            batch[probe.entry.lookup_key].append(probe)
    return decisions


def remember(tx: Transaction, decisions: Iterable[Decision], embedder: Embedder) -> None:
    """Stores the vectors of the candidates that are distinct, so that later ones are checked against them.

    For grey ones that are let through after all: `remember_accepted`.
    """
    entries = [decision.entry for decision in decisions if decision.rule is Rule.DISTINCT and decision.entry]
    vectors.store_candidates(tx, space_of(embedder), entries)


def remember_accepted(tx: Transaction, candidates: Sequence[Checked], embedder: Embedder) -> None:
    """Stores the vectors of candidates that an arbiter or a person let through. Raises EmbedderDown."""
    entries = [probe.entry for probe in _probe_all(candidates, embedder)]
    vectors.store_candidates(tx, space_of(embedder), entries)


def entries_for(rows: Iterable[tuple[UUID, dict[str, Any]]], embedder: Embedder) -> list[Entry]:
    """Vectors and keys for questions (id and content), to be stored in the embedder's space. Raises EmbedderDown."""
    checked = [Checked.of(row_id, Question.model_validate(content)) for row_id, content in rows]
    return [probe.entry for probe in _probe_all(checked, embedder)]


def embed_ahead(candidates: Iterable[Checked], embedder: RemoteEmbedder) -> None:
    """Has the embedder make and remember the vectors that checking the candidates will need. Raises EmbedderDown.

    For what takes seconds: it is done before the transaction whose lock others wait for.
    """
    embedder.embed([facts_of(candidate.question).text for candidate in candidates])


def decide(facts: Facts, near: Iterable[Near], bounds: Bounds, embedder: str) -> DuplicateCheck:
    """The semantic decision for one question: the nearest that is the same decides, else the nearest that may be."""
    nearest_first = sorted(near, key=lambda other: (other.cosine, other.id), reverse=True)
    if not nearest_first:
        return DuplicateCheck(rule=Rule.DISTINCT, embedder=embedder)
    other = _likest(facts, nearest_first, bounds)
    comparison = compare(facts, other.facts, other.cosine, bounds)
    return DuplicateCheck(
        rule=_RULES[comparison.likeness],
        nearest_id=other.id,
        nearest_kind=other.kind,
        cosine=round(comparison.cosine, 4),
        jaccard=round(comparison.jaccard, 4),
        answers_agree=comparison.answers_agree,
        numbers_agree=comparison.quantities_agree,
        names_agree=comparison.names_agree,
        doubts=comparison.doubts,
        embedder=embedder,
    )


class _Taken:
    """The fingerprints that somebody holds already, in the bank or earlier in the batch."""

    def __init__(self, contents: dict[str, Holder], structures: dict[str, Holder]) -> None:
        self._contents, self._structures = contents, structures

    def check(self, candidate: Checked) -> DuplicateCheck | None:
        if holder := self._contents.get(candidate.content_hash):
            return DuplicateCheck(rule=Rule.EXACT, nearest_id=holder.id, nearest_kind=holder.kind)
        if candidate.structure_hash and (holder := self._structures.get(candidate.structure_hash)):
            return DuplicateCheck(rule=Rule.STRUCTURAL, nearest_id=holder.id, nearest_kind=holder.kind)
        return None

    def add(self, candidate: Checked) -> None:
        holder = Holder(candidate.candidate_id, "candidate")
        self._contents.setdefault(candidate.content_hash, holder)
        if candidate.structure_hash:
            self._structures.setdefault(candidate.structure_hash, holder)


def _probe_all(candidates: Sequence[Checked], embedder: Embedder) -> list[_Probe]:
    facts = [facts_of(candidate.question) for candidate in candidates]
    embedded = embedder.embed([f.text for f in facts])
    if embedded.shape != (len(facts), embedder.dimensions) or not (abs((embedded**2).sum(axis=1) - 1) < 0.01).all():
        raise EmbedderDown(f"{embedder.name} gave {embedded.shape} for {len(facts)} texts, or vectors not of length 1")
    space = space_of(embedder)
    return [_Probe(c, f, _entry(space, c, f, vector)) for c, f, vector in zip(candidates, facts, embedded, strict=True)]


def _entry(space: str, candidate: Checked, facts: Facts, vector: Sequence[float]) -> Entry:
    key = lookup_key(space, candidate.question.question_type, facts)
    return Entry(candidate.candidate_id, key, vector, word_keys(key, facts))


def _near_stored(tx: Transaction, space: str, probes: Sequence[_Probe], bounds: Bounds) -> Mapping[UUID, list[Near]]:
    reaches = [bounds.reach(probe.facts.strong) for probe in probes]
    entries = [probe.entry for probe in probes]
    rows = lookup.neighbours(tx, space, entries, reaches, share=bounds.shared_words)
    found: dict[UUID, list[Near]] = defaultdict(list)
    facts: dict[UUID, Facts] = {}  # candidates of one template share their neighbours: each is read once
    for row in rows:
        if row.id not in facts:
            facts[row.id] = Facts(Wording(row.stem, row.stimulus, tuple(row.options), row.answer))
        found[row.probe_id].append(Near(row.id, row.kind, row.cosine, facts[row.id]))
    return found


def _check_semantic(
    probe: _Probe, stored: Mapping[UUID, list[Near]], batch: Mapping[int, list[_Probe]], bounds: Bounds, embedder: str
) -> DuplicateCheck:
    if probe.candidate.structure_hash is not None:
        return DuplicateCheck(rule=Rule.DISTINCT)
    near = list(stored.get(probe.candidate.candidate_id, ()))
    for other in batch.get(probe.entry.lookup_key, ()):
        cosine = _cosine(probe.entry.vector, other.entry.vector)
        near.append(Near(other.candidate.candidate_id, "candidate", cosine, other.facts))
    return decide(probe.facts, near, bounds, embedder)


def _cosine(a: Sequence[float], b: Sequence[float]) -> float:
    import numpy as np  # here, so that importing this module stays cheap

    return float(np.dot(a, b))


def _likest(facts: Facts, nearest_first: Sequence[Near], bounds: Bounds) -> Near:
    """Who decides: the first that is the same, else the first that may be, else the first."""
    doubtful = None
    for other in nearest_first:
        if not differ(facts, other.facts, other.cosine, bounds):
            if compare(facts, other.facts, other.cosine, bounds).likeness is Likeness.SAME:
                return other
            doubtful = doubtful or other
    return doubtful or nearest_first[0]
