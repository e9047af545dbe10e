"""What a duplicate check must look at: who has a fingerprint already, and which questions are near.

Here: SQL only. Not here: the vectors and keys that it goes by (`vectors.py`), and what makes a duplicate (`dedup/`).

The cost follows the rows that can matter, not the size of the bank. Rows are found by `lookup_key` in a B-tree. Where a
probe has word keys, and must share a part of them, its rarest ones find the rows in an inverted index instead: whoever
shares half of eight words has one of any five, so five that few others have will do (the prefix filter of Chaudhuri,
Ganti and Kaushik 2006). pgvector then measures each row.

Two things may be overlooked: what is beyond the `MOST` nearest, and by words a row that is the probe cut short to fewer
words than must be shared, none of them a rare one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import TextClause, text

from qgen_dagster.bank.engine import Transaction
from qgen_dagster.bank.vectors import Entry, Kind, arrays, integers
from qgen_dagster.core.funnel import CandidateState

UNIQUE = CandidateState.UNIQUE.value
MOST = 64  # neighbours of each kind per probe: with 32 one duplicate in seventy was cut off among 100,000 questions


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
_STILL_UNIQUE = f"JOIN candidates c ON c.id = e.candidate_id AND c.state = '{UNIQUE}'"


def _of_key(kind: Kind, condition: str = "") -> TextClause:
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


def _of_words(kind: Kind, found_by: str, condition: str = "") -> TextClause:
    """The nearest rows of one kind per probe, of those that share enough words or have no other words."""
    return text(f"""
        WITH probe AS MATERIALIZED (
            SELECT id, lookup_key, vector, reach, CAST(words AS bigint[]) AS words, CAST(rare AS bigint[]) AS rare
            FROM unnest(
                CAST(:ids AS uuid[]), CAST(:keys AS bigint[]), CAST(CAST(:vectors AS text[]) AS halfvec[]),
                CAST(:reaches AS float8[]), CAST(:words AS text[]), CAST(:rare AS text[]))
            AS given (id, lookup_key, vector, reach, words, rare))
        SELECT probe.id AS probe_id, near.id, '{kind}' AS kind, 1 - near.distance AS cosine, {_WORDS}
        FROM probe CROSS JOIN LATERAL (
            SELECT e.{kind}_id AS id, e.embedding <=> probe.vector AS distance
            FROM {kind}_embeddings e {condition} CROSS JOIN LATERAL (
                SELECT count(*) AS shared, cardinality(e.word_keys) AS theirs, cardinality(probe.words) AS ours
                FROM unnest(e.word_keys) AS word WHERE word = ANY (probe.words)) AS counted
            WHERE {found_by} AND e.embedder = :space AND e.{kind}_id <> probe.id
                AND e.embedding <=> probe.vector <= probe.reach
                AND (shared >= :share * (theirs + ours - shared) OR shared = least(theirs, ours))
            ORDER BY distance, id LIMIT :most) AS near
        JOIN {kind}s o ON o.id = near.id
    """)  # noqa: S608 - put together from fixed texts


_OF_KEY = (_of_key("question"), _of_key("candidate", _STILL_UNIQUE))
_OF_WORDS = (
    _of_words("question", "e.word_keys && probe.rare"),
    _of_words("candidate", "e.lookup_key = probe.lookup_key", _STILL_UNIQUE),  # few at any time: no such index
)
# What ANALYZE found in its sample; a word that it does not name is rare.
_COMMON = text("""
    SELECT common.word, common.share
    FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace
    JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = t.relname AND s.attname = 'word_keys'
    CROSS JOIN unnest(CAST(CAST(s.most_common_elems AS text) AS bigint[]), s.most_common_elem_freqs)
        AS common (word, share)
    WHERE t.oid = CAST('question_embeddings' AS regclass) AND common.word = ANY(:words)
""")


def neighbours(
    tx: Transaction,
    space: str,
    probes: Sequence[Entry],
    from_cosine: Sequence[float],
    *,
    share: float = 0.0,
    most: int = MOST,
) -> list[Neighbour]:
    """The nearest questions of the bank, active or not, and unique candidates of any run, that share a probe's key.

    At most `most` of each kind per probe, none further than the probe's own `from_cosine`. With a `share` above 0
    whatever has word keys must share so many of all that the two have (Jaccard). Of those where the one's words are all
    the other's, which share fewer, the ones that come up by the way are returned too.
    """
    fixed = {"space": space, "most": most}
    by_words = [bool(share and probe.word_keys) for probe in probes]
    rows = []
    if not all(by_words):
        parameters = _chosen(probes, from_cosine, [not yes for yes in by_words])
        rows += [row for query in _OF_KEY for row in tx.execute(query, parameters | fixed)]
    if any(by_words):
        parameters = _chosen(probes, from_cosine, by_words) | {"share": share}
        parameters["rare"] = rarest(tx, [probe for probe, yes in zip(probes, by_words, strict=True) if yes], share)
        rows += [row for query in _OF_WORDS for row in tx.execute(query, parameters | fixed)]
    return [Neighbour(**row._mapping) for row in rows]


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


def _chosen(probes: Sequence[Entry], from_cosine: Sequence[float], chosen: Sequence[bool]) -> dict[str, Any]:
    reaches = [1 - cosine + _ROUNDING for cosine, yes in zip(from_cosine, chosen, strict=True) if yes]
    return arrays([probe for probe, yes in zip(probes, chosen, strict=True) if yes]) | {"reaches": reaches}


def rarest(tx: Transaction, probes: Sequence[Entry], share: float) -> list[str]:
    """Per probe as many of its words, the rarest ones, that whoever shares `share` of all has one of them."""
    words = sorted({word for probe in probes for word in probe.word_keys})
    common = {row.word: row.share for row in tx.execute(_COMMON, {"words": words})}
    found = []
    for probe in probes:
        enough = len(probe.word_keys) - ceil(share * len(probe.word_keys)) + 1
        found.append(integers(sorted(probe.word_keys, key=lambda word: (common.get(word, 0.0), word))[:enough]))
    return found
