"""Vectors and keys beside questions and candidates: storing them, handing them on, finding what has none yet.

Here: SQL only. Not here: what is looked up by them (`lookup.py`), how they are made and what makes a duplicate
(`dedup/`).

A *space* names the embedder and the rules, with their versions, that made a vector and its keys; only rows of one space
are ever compared.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import text

from qgen_dagster.bank.engine import Transaction

Kind = Literal["question", "candidate"]


@dataclass(frozen=True, slots=True)
class Entry:
    """The vector of a question or candidate (`owner_id`) and the keys it is found by. `vector` holds floats, length 1.

    `word_keys`: signed 64-bit hashes of the lookup key and one word each, for what too many share a lookup key with.
    """

    owner_id: UUID
    lookup_key: int
    vector: Sequence[float]
    word_keys: Sequence[int] = ()


def store_candidates(tx: Transaction, space: str, entries: Collection[Entry]) -> None:
    """Keeps the vectors of candidates; one that has a vector in this space gets the new one."""
    _store(tx, "candidate", space, entries)


def store_questions(tx: Transaction, space: str, entries: Collection[Entry]) -> None:
    """Keeps the vectors of questions of the bank; one that has a vector in this space gets the new one."""
    _store(tx, "question", space, entries)
    noted = text("UPDATE questions SET vector_space = :space WHERE id = ANY(:ids)")
    tx.execute(noted, {"space": space, "ids": [entry.owner_id for entry in entries]})


def move_to_bank(tx: Transaction, candidate_ids: Collection[UUID]) -> int:
    """Hands the vectors of candidates over to the questions that they became; returns how many.

    Call it in the transaction that inserts the questions (found by their `candidate_id`).
    """
    query = text("""
        WITH moved AS (
            DELETE FROM candidate_embeddings e USING questions q
            WHERE q.candidate_id = e.candidate_id AND e.candidate_id = ANY(:ids)
            RETURNING q.id, e.embedder, e.lookup_key, e.word_keys, e.embedding
        )
        INSERT INTO question_embeddings (question_id, embedder, lookup_key, word_keys, embedding) SELECT * FROM moved
        ON CONFLICT DO NOTHING
    """)
    return tx.execute(query, {"ids": list(candidate_ids)}).rowcount


def without_vector(
    tx: Transaction, space: str, question_type: str, limit: int = 1_000, *, after: UUID | None = None
) -> list[tuple[UUID, dict[str, Any]]]:
    """Questions (id and content) that have no vector in the space: imported ones, or all after a change of embedder.

    Where only few have none, the others are not read. In the order of their ids. Who goes through many of them gives
    the last id `after` which to look, so that those which have one by now are not read again and again.
    """
    query = text("""
        SELECT q.id, q.content FROM questions q
        WHERE q.id > :after AND q.question_type = :question_type
            -- the same as IS DISTINCT FROM, which no index serves
            AND (q.vector_space IS NULL OR q.vector_space < :space OR q.vector_space > :space)
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
    tx.execute(text("UPDATE questions SET vector_space = NULL WHERE vector_space = :space"), {"space": space})
    return tx.execute(text("DELETE FROM question_embeddings WHERE embedder = :space"), {"space": space}).rowcount


def _store(tx: Transaction, kind: Kind, space: str, entries: Collection[Entry]) -> None:
    if not entries:
        return
    query = text(f"""
        INSERT INTO {kind}_embeddings ({kind}_id, embedder, lookup_key, word_keys, embedding)
        SELECT id, :space, lookup_key, CAST(words AS bigint[]), vector
        FROM unnest(CAST(:ids AS uuid[]), CAST(:keys AS bigint[]), CAST(:words AS text[]),
            CAST(CAST(:vectors AS text[]) AS halfvec[])) AS given (id, lookup_key, words, vector)
        ON CONFLICT ({kind}_id, embedder) DO UPDATE
        SET lookup_key = excluded.lookup_key, word_keys = excluded.word_keys, embedding = excluded.embedding
    """)  # noqa: S608 - put together from fixed texts
    tx.execute(query, arrays(entries) | {"space": space})


def arrays(entries: Collection[Entry]) -> dict[str, Any]:
    """Entries as parameters: an array per column, to be unnested side by side."""
    return {
        "ids": [entry.owner_id for entry in entries],
        "keys": [entry.lookup_key for entry in entries],
        "words": [integers(entry.word_keys) for entry in entries],
        "vectors": [_as_text(entry.vector) for entry in entries],
    }


def integers(values: Collection[int]) -> str:
    """An array as PostgreSQL reads it: arrays of different lengths do not fit into one."""
    return "{" + ",".join(map(str, values)) + "}"


def _as_text(vector: Sequence[float]) -> str:
    """A vector as pgvector reads it. Half precision holds less than five digits."""
    return "[" + ",".join([f"{value:.5g}" for value in vector]) + "]"
