"""Duplicate checks against banks of growing size: time for 1,000 candidates, recall against an exact scan, inserts.

    python -m benchmarks.dedup_scale --sizes 10000,100000,1000000 [--hnsw 1000000] [--url postgresql://…]

The bank is a mixture of template families as an LLM writes them and of the real item models, that is of families
with thousands of near neighbours each, which is the hard case; many answers (yes, no, a first name) are shared by very
many questions that hold no number. A third of the candidates are edited copies of random
questions of the bank, a third are new ones of the same families, a third are new and worded otherwise. Reference: all
pairs by numpy. `--hnsw` also builds pgvector's index at that size and measures it on the same pairs.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import random
import sys
import time
import uuid
from collections.abc import Callable, Iterator

import numpy as np
from sqlalchemy import text

from benchmarks.dedup_bank import (
    FAMILIES,
    Shadow,
    all_questions,
    candidates_for,
    content_mark,
    entry_of,
    fill,
    synthetic,
)
from benchmarks.support import home
from qgen_dagster.bank import lookup, vectors
from qgen_dagster.bank import tables as _tables  # noqa: F401 - adds the tables to the metadata
from qgen_dagster.bank.columns import metadata
from qgen_dagster.bank.embedded import EmbeddedServer
from qgen_dagster.bank.engine import Bank, Transaction
from qgen_dagster.core.question import Question
from qgen_dagster.dedup.check import Checked
from qgen_dagster.dedup.compare import Likeness, compare
from qgen_dagster.dedup.facts import Facts, facts_of
from qgen_dagster.dedup.find import find_duplicates, space_of
from qgen_dagster.dedup.hashing import HashingEmbedder
from qgen_dagster.dedup.settings import load_settings

MOST = lookup.MOST  # neighbours read per candidate, as find_duplicates does


def exact_pairs(
    found: dict[str, list[Checked]], embedder: HashingEmbedder, shadow: Shadow, at_least: Callable[[str, Facts], float]
):  # type: ignore[no-untyped-def]
    """All pairs over the threshold, and those among them that agree in answer and quantities; seconds it took."""
    started = time.perf_counter()
    over, agreeing = 0, {}
    for question_type, checked in found.items():
        bank = np.array(shadow.vectors[question_type])
        marks, ids = np.array(shadow.marks[question_type]), shadow.ids[question_type]
        facts = [facts_of(c.question) for c in checked]
        probes = embedder.embed([f.text for f in facts])
        reaches = np.array([[at_least(question_type, f)] for f in facts])
        for start in range(0, len(bank), 50_000):
            cosines = probes @ bank[start : start + 50_000].astype(np.float32).T
            near = cosines >= reaches
            over += int(near.sum())
            for i, f in enumerate(facts):
                same = np.flatnonzero(near[i] & (marks[start : start + 50_000] == content_mark(f)))
                agreeing.update({(checked[i].candidate_id, ids[start + j]): float(cosines[i, j]) for j in same})
    return over, agreeing, time.perf_counter() - started


def returned_pairs(tx: Transaction, found, embedder: HashingEmbedder, at_least, most: int):  # type: ignore[no-untyped-def]
    pairs = set()
    space = space_of(embedder)
    for question_type, checked in found.items():
        facts = [facts_of(c.question) for c in checked]
        embedded = embedder.embed([f.text for f in facts])
        probes = [
            entry_of(c.candidate_id, space, question_type, f, v)
            for c, f, v in zip(checked, facts, embedded, strict=True)
        ]
        reaches = [at_least(question_type, f) for f in facts]
        share = load_settings().bounds(embedder.name, question_type).shared_words
        near = lookup.neighbours(tx, space, probes, reaches, share=share, most=most)
        pairs |= {(n.probe_id, n.id) for n in near}
    return pairs


def judged_pairs(tx: Transaction, found, embedder: HashingEmbedder, pairs):  # type: ignore[no-untyped-def]
    """What the whole rule says of every agreeing pair: the pairs that it does not call different, with the likeness."""
    settings = load_settings()
    others: dict[uuid.UUID, Facts] = {}
    ids = list({other for _, other in pairs})
    for start in range(0, len(ids), 10_000):
        rows = tx.execute(
            text("SELECT id, content FROM questions WHERE id = ANY(:ids)"), {"ids": ids[start : start + 10_000]}
        )
        others |= {row.id: facts_of(Question.model_validate(row.content)) for row in rows}
    mine = {c.candidate_id: facts_of(c.question) for checked in found.values() for c in checked}
    types = {c.candidate_id: c.question.question_type for checked in found.values() for c in checked}
    judged = {}
    for (probe_id, other), cosine in pairs.items():
        bounds = settings.bounds(embedder.name, types[probe_id])
        likeness = compare(mine[probe_id], others[other], cosine, bounds).likeness
        if likeness is not Likeness.DIFFERENT:
            judged[probe_id, other] = likeness
    return judged


def verdicts(judged):  # type: ignore[no-untyped-def]
    """Per candidate the strongest likeness: what decides its fate."""
    found: dict[uuid.UUID, Likeness] = {}
    for (probe_id, _), likeness in judged.items():
        if likeness is Likeness.SAME or probe_id not in found:
            found[probe_id] = likeness
    return found


def measure_hnsw(bank: Bank, found, embedder: HashingEmbedder, agreeing: set) -> list[str]:  # type: ignore[no-untyped-def,type-arg]
    d = embedder.dimensions
    lines = []
    with bank.begin() as tx:
        tx.execute(text("SET LOCAL maintenance_work_mem = '3GB'"))
        tx.execute(text("SET LOCAL max_parallel_maintenance_workers = 1"))
        started = time.perf_counter()
        tx.execute(
            text(
                f"CREATE INDEX bench_hnsw ON question_embeddings USING hnsw ((embedding::halfvec({d})) "
                "halfvec_cosine_ops) WITH (m = 16, ef_construction = 64)"
            )
        )
        built = time.perf_counter() - started
        size = tx.execute(text("SELECT pg_relation_size('bench_hnsw') / 1e6")).scalar_one()
        lines.append(f"HNSW built in {built:.0f} s, {size:.0f} MB")
    wanted: dict[uuid.UUID, set[uuid.UUID]] = {}
    for probe_id, other in agreeing:
        wanted.setdefault(probe_id, set()).add(other)
    probes = [c for checked in found.values() for c in checked if c.candidate_id in wanted][:200]
    embedded = embedder.embed([facts_of(c.question).text for c in probes])
    for ef in (40, 100, 200, 400):
        with bank.begin() as tx:
            tx.execute(text(f"SET LOCAL hnsw.ef_search = {ef}"))
            tx.execute(text("SET LOCAL enable_seqscan = off"))
            started = time.perf_counter()
            hits = total = 0
            for c, v in zip(probes, embedded, strict=True):
                rows = tx.execute(
                    text(
                        f"SELECT question_id FROM question_embeddings ORDER BY embedding::halfvec({d}) <=> "
                        f"CAST(:v AS halfvec({d})) LIMIT {ef}"
                    ),
                    {"v": vectors._as_text(v)},
                ).scalars()
                hits += len(wanted[c.candidate_id] & set(rows))
                total += len(wanted[c.candidate_id])
            ms = (time.perf_counter() - started) / len(probes) * 1e3
            lines.append(
                f"HNSW ef_search = k = {ef}: {ms:.1f} ms a candidate, recall {hits / total:.3f} of {total} pairs"
            )
    with bank.begin() as tx:
        lines.append(f"1,000 inserts with HNSW: {measure_inserts(tx, embedder):.2f} s")
        tx.rollback()
    with bank.begin() as tx:
        tx.execute(text("DROP INDEX bench_hnsw"))
    return lines


def measure_inserts(tx: Transaction, embedder: HashingEmbedder) -> float:
    rng = random.Random(99)
    made = [synthetic(rng, list(FAMILIES)[i % 6]) for i in range(1_000)]
    facts = [facts_of(q) for q in made]
    space = space_of(embedder)
    ids = [uuid.uuid4() for _ in made]
    tx.execute(
        text(
            "INSERT INTO questions (id, question_type, difficulty, sub_type, stem, content, content_hash) "
            "SELECT *, 'math', 'hard', 'x', 'x', '{}', id::text FROM unnest(CAST(:ids AS uuid[])) AS u (id)"
        ),
        {"ids": ids},
    )
    entries = [
        entry_of(i, space, q.question_type, f, v)
        for i, q, f, v in zip(ids, made, facts, embedder.embed([f.text for f in facts]), strict=True)
    ]
    started = time.perf_counter()
    vectors.store_questions(tx, space, entries)
    return time.perf_counter() - started


def measure_gaps(bank: Bank, space: str, types: list[str]) -> float:
    """Seconds per type that a run takes to see that no question of the bank lacks a vector."""
    started = time.perf_counter()
    for question_type in types:
        with bank.begin() as tx:
            assert not vectors.without_vector(tx, space, question_type)
    return (time.perf_counter() - started) / len(types)


def fill_afresh(bank: Bank, size: int, embedder: HashingEmbedder) -> Shadow:
    shadow = Shadow()
    started = time.perf_counter()
    with bank.begin() as tx:
        tx.execute(text("CREATE EXTENSION IF NOT EXISTS vector"))
        metadata.drop_all(tx)
        metadata.create_all(tx)
        rows = fill(tx, all_questions(size), embedder, shadow)
    with bank.begin() as tx:
        tx.execute(text("ANALYZE"))
    print(f"{size}: {rows} rows filled in {time.perf_counter() - started:.0f} s", file=sys.stderr)
    return shadow


def measure(bank: Bank, shadow: Shadow, embedder: HashingEmbedder, hnsw: bool) -> str:
    settings = load_settings()
    gc.freeze()  # the shadow's million ids are this benchmark's own, and not for the collector to go through

    def at_least(question_type: str, facts: Facts) -> float:
        return settings.bounds(embedder.name, question_type).reach(facts.strong)

    with bank.begin() as tx:
        rows = tx.execute(text("SELECT count(*) FROM questions")).scalar_one()
        found, copies = candidates_for(tx, seed=11)
    times: dict[str, float] = {}
    rules: dict[str, int] = {}
    for attempt in ("cold", "warm"):
        for question_type, checked in found.items():
            with bank.begin() as tx:
                started = time.perf_counter()
                decisions = find_duplicates(tx, checked, embedder, settings)
                times[question_type] = time.perf_counter() - started
            for d in decisions if attempt == "warm" else ():
                kind = ("copy" if d.candidate_id in copies else "new") + ":" + d.rule
                rules[kind] = rules.get(kind, 0) + 1
        print(attempt, {k: round(v, 3) for k, v in times.items()}, file=sys.stderr)
    gaps = measure_gaps(bank, space_of(embedder), list(found))
    over, agreeing, scan = exact_pairs(found, embedder, shadow, at_least)
    with bank.begin() as tx:
        judged = judged_pairs(tx, found, embedder, agreeing)
        wanted = verdicts(judged)
        for most in (8, 16, 32, 64):
            started = time.perf_counter()
            pairs = returned_pairs(tx, found, embedder, at_least, most)
            looking_up = time.perf_counter() - started
            reached = verdicts({pair: likeness for pair, likeness in judged.items() if pair in pairs})
            recall = len(judged.keys() & pairs) / max(len(judged), 1)
            fates = sum(reached.get(c) is likeness for c, likeness in wanted.items()) / max(len(wanted), 1)
            print(
                f"most={most}: {len(pairs)} rows, {looking_up:.2f} s, of {len(agreeing)} agreeing pairs "
                f"{len(agreeing.keys() & pairs) / len(agreeing):.4f}, of {len(judged)} pairs that count {recall:.4f}, "
                f"same verdict for {fates:.4f} of {len(wanted)} candidates",
                file=sys.stderr,
            )
            if most == MOST:
                chosen = (recall, fates, looking_up)
        inserts = measure_inserts(tx, embedder)
        tx.rollback()
    count = sum(map(len, found.values()))
    slowest = max(times, key=lambda t: times[t])
    print(f"rules {rules}", file=sys.stderr)
    if hnsw:
        for line in measure_hnsw(bank, found, embedder, judged):
            print(line, flush=True)
    recall, fates, looking_up = chosen
    return (
        f"| {rows:,} | {sum(times.values()) * 1000 / count:.2f} | {looking_up * 1000 / count:.2f} | {slowest} "
        f"{times[slowest] * 1000 * 6 / count:.2f} | {over:,} | {len(agreeing):,} | {len(judged):,} | {recall:.4f} | "
        f"{fates:.4f} | {scan * 1000 / count:.2f} | {inserts:.2f} | {gaps * 1000:.1f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,100000")
    parser.add_argument("--hnsw", type=int, default=0, help="also build and measure HNSW at this size")
    parser.add_argument("--dimensions", type=int, default=256)
    parser.add_argument("--url", help="a database to be overwritten; default: a throw-away embedded server")
    arguments = parser.parse_args()
    with contextlib.nullcontext(arguments.url) if arguments.url else own_server() as url:
        run(Bank(url), [int(size) for size in arguments.sizes.split(",")], arguments.hnsw, arguments.dimensions)


@contextlib.contextmanager
def own_server() -> Iterator[str]:
    """The embedded server, as qgen starts it, in a throw-away folder."""
    with home() as folder, EmbeddedServer.ensure(folder) as server:
        yield server.url("postgres")


def run(bank: Bank, sizes: list[int], hnsw: int, dimensions: int) -> None:
    print(
        "| questions | ms per candidate | of it lookup | slowest type, ms | pairs over the threshold "
        "| that agree in content | that count | recall | same verdict | exact scan (numpy), ms | 1,000 inserts, s "
        "| look for missing vectors, ms |"
    )
    print("|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    try:
        for size in sizes:
            embedder = HashingEmbedder(dimensions)
            shadow = fill_afresh(bank, size, embedder)
            print(measure(bank, shadow, embedder, size == hnsw), flush=True)
    finally:
        bank.close()


if __name__ == "__main__":
    main()
