"""Vectors beside questions and candidates: storing them, and finding what a duplicate check must look at.

Here: SQL only. Not here: how vectors and lookup keys are made, and what makes a duplicate (`dedup/`).

A *space* names the embedder and the rules, with their versions, that made a vector and its key; only rows of one space
are ever compared. Rows are found by `lookup_key` in a B-tree and pgvector then measures each of them exactly: there is
nothing approximate, and the cost follows the rows that share a key, not the size of the bank.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import TextClause, text

from qgen_dagster.bank.engine import Transaction
from qgen_dagster.core.funnel import CandidateState

Kind = Literal["question", "candidate"]
UNIQUE = CandidateState.UNIQUE.value
MOST = 64  # neighbours of each kind per probe: with 32 one duplicate in seventy was cut off among 100,000 questions


@dataclass(frozen=True, slots=True)
class Entry:
    """The vector of a question or candidate (`owner_id`) and its lookup key. `vector` holds floats, length 1."""

    owner_id: UUID
    lookup_key: int
    vector: Sequence[float]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A question or unique candidate with the key of the probe `probe_id`, and its words."""

    probe_id: UUID
    id: UUID
    kind: Kind
    cosine: float
    stem: str
    stimulus: str | None
    options: Sequence[str]
    answer: int


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has a fingerprint already."""

    id: UUID
    kind: Kind


_ROUNDING = 0.001  # what half precision can take from a cosine
# Figures can be large: only words leave the database.
_WORDS = """
    o.content->>'stem' AS stem, o.content#>>'{stimulus,text}' AS stimulus,
    jsonb_path_query_array(o.content, '$.options[*].text') AS options, (o.content->>'answer')::int AS answer
"""


def _near(kind: Kind, condition: str) -> TextClause:
    """The nearest rows of one kind per probe.

    The rows of a key are fetched once for all probes that share it: answers such as "yes" have many of both.
    """
    return text(f"""
        WITH probe AS MATERIALIZED (
            SELECT * FROM unnest(
                CAST(:ids AS uuid[]), CAST(:keys AS bigint[]), CAST(CAST(:vectors AS text[]) AS halfvec[]),
                CAST(:reaches AS float8[])) AS probe (id, lookup_key, vector, reach)),
        row_of_key AS MATERIALIZED (
            SELECT e.{kind}_id AS id, e.lookup_key, e.embedding
            FROM (SELECT DISTINCT lookup_key FROM probe) AS wanted
            JOIN {kind}_embeddings e ON e.lookup_key = wanted.lookup_key AND e.embedder = :space {condition}),
        measured AS (
            SELECT probe.id AS probe_id, r.id, probe.reach, r.embedding <=> probe.vector AS distance
            FROM row_of_key r JOIN probe ON probe.lookup_key = r.lookup_key AND probe.id <> r.id OFFSET 0),
        ranked AS (
            SELECT *, row_number() OVER (PARTITION BY probe_id ORDER BY distance, id) AS place
            FROM measured WHERE distance <= reach)
        SELECT near.probe_id, near.id, '{kind}' AS kind, 1 - near.distance AS cosine, {_WORDS}
        FROM ranked AS near JOIN {kind}s o ON o.id = near.id WHERE near.place <= :most
    """)  # noqa: S608 - put together from fixed texts


_NEAR = (
    _near("question", ""),
    _near("candidate", f"JOIN candidates c ON c.id = e.candidate_id AND c.state = '{UNIQUE}'"),
)


def neighbours(
    tx: Transaction, space: str, probes: Sequence[Entry], from_cosine: Sequence[float], *, most: int = MOST
) -> list[Neighbour]:
    """The nearest questions of the bank, active or not, and unique candidates of any run, that share a probe's key.

    At most `most` of each kind per probe, none further than the probe's own `from_cosine`.
    """
    if not probes:
        return []
    parameters = _arrays(probes) | {
        "space": space,
        "most": most,
        "reaches": [1 - cosine + _ROUNDING for cosine in from_cosine],
    }
    return [Neighbour(**row._mapping) for query in _NEAR for row in tx.execute(query, parameters)]


def holders(
    tx: Transaction, column: Literal["content_hash", "structure_hash"], hashes: Iterable[str], but: Collection[UUID]
) -> Mapping[str, Holder]:
    """Who in the bank, or else among the unique candidates other than `but`, has one of the given hashes already."""
    query = text(f"""
        SELECT {column} AS hash, id, 'candidate' AS kind FROM candidates
        WHERE {column} = ANY(:hashes) AND state = '{UNIQUE}' AND NOT id = ANY(:but)
        UNION ALL
        SELECT {column}, id, 'question' FROM questions WHERE {column} = ANY(:hashes)
    """)  # noqa: S608 - put together from fixed texts
    rows = tx.execute(query, {"hashes": sorted(set(hashes)), "but": list(but)}).all()
    found = {row.hash: Holder(row.id, row.kind) for row in rows if row.kind == "candidate"}
    return found | {row.hash: Holder(row.id, row.kind) for row in rows if row.kind == "question"}


def store_candidates(tx: Transaction, space: str, entries: Collection[Entry]) -> None:
    """Keeps the vectors of candidates; one that has a vector in this space gets the new one."""
    _store(tx, "candidate", space, entries)


def store_questions(tx: Transaction, space: str, entries: Collection[Entry]) -> None:
    """Keeps the vectors of questions of the bank; one that has a vector in this space gets the new one."""
    _store(tx, "question", space, entries)


def move_to_bank(tx: Transaction, candidate_ids: Collection[UUID]) -> int:
    """Hands the vectors of candidates over to the questions that they became; returns how many.

    Call it in the transaction that inserts the questions (found by their `candidate_id`).
    """
    query = text("""
        WITH moved AS (
            DELETE FROM candidate_embeddings e USING questions q
            WHERE q.candidate_id = e.candidate_id AND e.candidate_id = ANY(:ids)
            RETURNING q.id, e.embedder, e.lookup_key, e.embedding
        )
        INSERT INTO question_embeddings (question_id, embedder, lookup_key, embedding) SELECT * FROM moved
        ON CONFLICT DO NOTHING
    """)
    return tx.execute(query, {"ids": list(candidate_ids)}).rowcount


def without_vector(
    tx: Transaction, space: str, question_type: str | None = None, limit: int = 1_000, *, after: UUID | None = None
) -> list[tuple[UUID, dict[str, Any]]]:
    """Questions (id and content) that have no vector in the space: imported ones, or all after a change of embedder.

    In the order of their ids. Who goes through many of them gives the last id `after` which to look, so that those
    which have one by now are not read again and again.
    """
    query = text("""
        SELECT q.id, q.content FROM questions q
        WHERE q.id > :after AND (q.question_type = :question_type OR CAST(:question_type AS text) IS NULL)
            AND NOT EXISTS (
                SELECT 1 FROM question_embeddings e WHERE e.question_id = q.id AND e.embedder = :space)
        ORDER BY q.id LIMIT :limit
    """)
    given = {"question_type": question_type, "space": space, "limit": limit, "after": after or UUID(int=0)}
    return [(row.id, row.content) for row in tx.execute(query, given)]


def count_missing(tx: Transaction, space: str) -> Mapping[str, tuple[int, int]]:
    """Per question type: how many questions the bank has, and how many of them have no vector in the space."""
    query = text("""
        SELECT q.question_type, count(*) AS questions, count(*) - count(e.question_id) AS missing
        FROM questions q LEFT JOIN question_embeddings e ON e.question_id = q.id AND e.embedder = :space
        GROUP BY q.question_type ORDER BY q.question_type
    """)
    return {row.question_type: (row.questions, row.missing) for row in tx.execute(query, {"space": space})}


def count_by_space(tx: Transaction) -> Mapping[str, int]:
    """How many questions have a vector in each space."""
    rows = tx.execute(
        text("SELECT embedder, count(*) AS n FROM question_embeddings GROUP BY embedder ORDER BY embedder")
    )
    return {row.embedder: row.n for row in rows}


def length_in(tx: Transaction, space: str) -> int | None:
    """How many numbers the vectors of a space have; None where there are none."""
    query = text("SELECT vector_dims(embedding) FROM question_embeddings WHERE embedder = :space LIMIT 1")
    return tx.execute(query, {"space": space}).scalar()


def drop_space(tx: Transaction, space: str) -> int:
    """Forgets all vectors of a space that is no longer used; returns how many questions had one."""
    tx.execute(text("DELETE FROM candidate_embeddings WHERE embedder = :space"), {"space": space})
    return tx.execute(text("DELETE FROM question_embeddings WHERE embedder = :space"), {"space": space}).rowcount


def _store(tx: Transaction, kind: Kind, space: str, entries: Collection[Entry]) -> None:
    if not entries:
        return
    query = text(f"""
        INSERT INTO {kind}_embeddings ({kind}_id, embedder, lookup_key, embedding)
        SELECT id, :space, lookup_key, vector
        FROM unnest(CAST(:ids AS uuid[]), CAST(:keys AS bigint[]), CAST(CAST(:vectors AS text[]) AS halfvec[]))
        AS given (id, lookup_key, vector)
        ON CONFLICT ({kind}_id, embedder) DO UPDATE
        SET lookup_key = excluded.lookup_key, embedding = excluded.embedding
    """)  # noqa: S608 - put together from fixed texts
    tx.execute(query, _arrays(entries) | {"space": space})


def _arrays(entries: Collection[Entry]) -> dict[str, Any]:
    return {
        "ids": [entry.owner_id for entry in entries],
        "keys": [entry.lookup_key for entry in entries],
        "vectors": [_as_text(entry.vector) for entry in entries],
    }


def _as_text(vector: Sequence[float]) -> str:
    """A vector as pgvector reads it. Half precision holds less than five digits."""
    return "[" + ",".join([f"{value:.5g}" for value in vector]) + "]"
