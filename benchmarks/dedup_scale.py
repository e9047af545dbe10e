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
import json
import random
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from sqlalchemy import text

from benchmarks.support import home
from qgen_dagster import generation
from qgen_dagster.bank import lookup, vectors
from qgen_dagster.bank import tables as _tables  # noqa: F401 - adds the tables to the metadata
from qgen_dagster.bank.columns import metadata
from qgen_dagster.bank.embedded import EmbeddedServer
from qgen_dagster.bank.engine import Bank, Transaction
from qgen_dagster.bank.vectors import Entry
from qgen_dagster.core.question import Option, Question, Stimulus, content_hash
from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster.dedup.check import Checked
from qgen_dagster.dedup.compare import Likeness, compare
from qgen_dagster.dedup.facts import Facts, facts_of, lookup_key, word_keys
from qgen_dagster.dedup.find import find_duplicates, space_of
from qgen_dagster.dedup.hashing import HashingEmbedder
from qgen_dagster.dedup.settings import load_settings
from qgen_dagster.generation.items.contract import ModelExhausted, build_question
from qgen_dagster.generation.items.language import NAMES
from qgen_dagster.generation.items.registry import families, item_models

CANDIDATES = 1_020
REAL_PER_MODEL = 1_000
MOST = lookup.MOST  # neighbours read per candidate, as find_duplicates does


def _words(text: str) -> list[str]:
    return text.split()


def _vocabulary() -> list[str]:
    """Everyday words of the item models' lexicon: a bank of a million questions is not written with eighty of them."""
    path = Path(generation.__file__).parent / "items" / "verbal" / "data" / "lexicon.json"
    lexicon = json.loads(path.read_text())
    return sorted(word for word in lexicon["common"] if len(word) > 3 and lexicon["zipf"].get(word, 0) >= 3.5)


NOUNS = _vocabulary()
GOODS = _words("pens apples tickets stickers bricks books cups shirts marbles plants")
_SOUNDS = _words("bo dra fle gri kna plo sni tru vor zem ka lu mip")
NONSENSE = [a + b + c for a in _SOUNDS for b in _SOUNDS for c in _words("ps les gers nks")]
PLACES = _words("museum library station bakery school market harbour theatre clinic stadium")
FAR = "Put another way, and taking every detail above as given: "


def _options(key: str, others: list[str]) -> list[str]:
    return list(dict.fromkeys([key, *others]))[:4]


def _numbers(rng: random.Random, key: int) -> list[str]:
    return _options(str(key), [str(key + d) for d in rng.sample([-9, -4, -3, -2, -1, 1, 2, 3, 5, 7, 10, 12], 5)])


def _shop(rng: random.Random) -> tuple[str, str | None, list[str]]:
    n, price, goods = rng.randint(2, 400), rng.randint(2, 400), rng.choice(GOODS)
    who = rng.choice(NAMES)
    return f"{who} buys {n} {goods} at ${price} each. How many dollars does {who} pay?", None, _numbers(rng, n * price)


def _trip(rng: random.Random) -> tuple[str, str | None, list[str]]:
    speed, hours = rng.randrange(20, 400), rng.randint(2, 40)
    a, b = rng.sample(PLACES, 2)
    stem = f"A bus drives from the {a} to the {b} at {speed} km per hour and needs {hours} hours. How far is it in km?"
    return stem, None, _numbers(rng, speed * hours)


def _percent(rng: random.Random) -> tuple[str, str | None, list[str]]:
    share, whole = rng.randrange(1, 100), 100 * rng.randint(1, 2000)
    return f"What is {share}% of {whole}?", None, _numbers(rng, share * whole // 100)


def _series(rng: random.Random) -> tuple[str, str | None, list[str]]:
    start, step, grow = rng.randint(1, 500), rng.randint(2, 90), rng.randint(0, 12)
    terms = [start + i * step + grow * i * (i - 1) // 2 for i in range(6)]
    return f"Which number comes next: {', '.join(map(str, terms[:5]))}, ?", None, _numbers(rng, terms[5])


def _letters(rng: random.Random) -> tuple[str, str | None, list[str]]:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    (a, b), (step, other) = rng.sample(range(26), 2), rng.sample(range(1, 9), 2)
    terms = [letters[(a + i * step) % 26] + letters[(b + i * other) % 26] for i in range(6)]
    shown = rng.choice(["Which letters continue the series", "Find the next letters", "What letters should follow"])
    others = ["".join(rng.sample(letters, 2)) for _ in range(5)]
    return f"{shown}: {', '.join(terms[:5])}, ?", None, _options(terms[5], others)


def _walk(rng: random.Random) -> tuple[str, str | None, list[str]]:
    who, legs = rng.choice(NAMES), [rng.randint(1, 20) for _ in range(4)]
    way = rng.sample(["north", "east", "south", "west"], 4)
    stem = f"{who} walks " + ", then ".join(f"{n} km {w}" for n, w in zip(legs, way, strict=True))
    key = rng.choice(["north", "south-east", "west", "north-west", "east"])
    ends = ["north", "south", "south-west", "north-east"]
    return stem + f". In which direction from the start does {who} end?", None, _options(key, ends)


def _fold(rng: random.Random) -> tuple[str, str | None, list[str]]:
    things = rng.sample(NOUNS, 6)
    faces = ["top", "bottom", "left", "right", "front", "back"]
    shown = "; ".join(f"{f}: {t}" for f, t in zip(faces, things, strict=True))
    turn = rng.choice(["forward", "backward", "to the left", "to the right"])
    stem = f"A cube shows a picture on each face. It is rolled once {turn}. Which picture is on top now?"
    return stem, shown, _options(rng.choice(things[2:]), things)


def _syllogism(rng: random.Random) -> tuple[str, str | None, list[str]]:
    a, b, c = rng.sample(NONSENSE, 3)
    all_or_some = rng.choice(["All", "Some"])
    stem = f"{all_or_some} {a} are {b}. All {b} are {c}. Are {all_or_some.lower()} {a} certainly {c}?"
    key = rng.choice(["Yes", "No", "It cannot be determined"])
    return stem, None, _options(key, ["Yes", "No", "It cannot be determined", "Only on some days"])


def _taller(rng: random.Random) -> tuple[str, str | None, list[str]]:
    a, b, c, d = rng.sample(NAMES, 4)
    more = rng.choice(["taller", "older", "faster", "richer", "stronger"])
    stem = f"We know that {a} is {more} than {b}, that {c} is {more} than {a}, and that {b} is {more} than {d}."
    return f"{stem} Who is the {more.removesuffix('r')}st of them?", None, _options(c, [a, b, d])


def _odd_one(rng: random.Random) -> tuple[str, str | None, list[str]]:
    words = rng.sample(NOUNS, 4)
    return "Which of these words does not belong with the others?", None, words


def _analogy(rng: random.Random) -> tuple[str, str | None, list[str]]:
    a, b, c, *rest = rng.sample(NOUNS, 7)
    return f"{a.title()} is to {b} as {c} is to which word?", None, rest


def _list(rng: random.Random) -> tuple[str, str | None, list[str]]:
    words = rng.sample(NOUNS, rng.randint(6, 10))
    others = [w for w in NOUNS if w not in words]
    return "Which of these words was in the list?", ", ".join(words), [words[0], *rng.sample(others, 3)]


def _pairs(rng: random.Random) -> tuple[str, str | None, list[str]]:
    names, things = rng.sample(NAMES, 5), rng.sample(NOUNS, 5)
    shown = "\n".join(f"{n} - {t}" for n, t in zip(names, things, strict=True))
    return f"What does {names[0]} carry?", f"Remember who carries what:\n{shown}", _options(things[0], things)


FAMILIES: dict[str, list[Callable[[random.Random], tuple[str, str | None, list[str]]]]] = {
    "math": [_shop, _trip, _percent],
    "pattern": [_series, _letters],
    "spatial": [_walk, _fold],
    "logic": [_syllogism, _taller],
    "verbal": [_odd_one, _analogy],
    "memory": [_list, _pairs],
}


def make(question_type: str, stem: str, stimulus: str | None, options: list[str], answer: int = 0) -> Question:
    filled = (options + [f"none of these ({i})" for i in range(4)])[:4]
    return Question.model_construct(
        question_type=question_type,
        difficulty="medium",
        sub_type="synthetic",
        stem=stem,
        stimulus=Stimulus.model_construct(text=stimulus, figure=None, seconds_shown=None) if stimulus else None,
        options=tuple(Option.model_construct(text=o, figure=None, mistake=None, note="") for o in filled),
        answer=answer,
        explanation="as shown",
        item_model=None,
        item_version=None,
        seed=None,
        structure=None,
        expected_success=None,
    )


def synthetic(rng: random.Random, question_type: str) -> Question:
    return make(question_type, *rng.choice(FAMILIES[question_type])(rng))


def real_items(limit: int) -> Iterator[Question]:
    """Questions of the item models, without the marks that they are procedural and without figures."""
    for family in families():
        for model in item_models(family):
            for i in range(limit):
                try:
                    level = model.levels[i % len(model.levels)]
                    q = build_question(model, level, f"bench{i}", Stratum(family, "medium"))
                except ModelExhausted:
                    continue
                options = [o.text for o in q.options[:4] if o is not q.key_option][:3]
                shown = q.stimulus.text if q.stimulus else None
                yield make(family, q.stem, shown, [q.key_option.text, *options])


def edited(rng: random.Random, q: Question) -> Question:
    """The question again, worded a little otherwise: what a model that repeats itself delivers."""
    stem = q.stem
    for old, new in (
        ("Which", "What"),
        ("How many", "In total, how many"),
        (" is ", " is just "),
        (".", " ."),
        (":", " –"),
    ):
        if rng.random() < 0.5:
            stem = stem.replace(old, new)
    stem = stem.upper() if rng.random() < 0.1 else f"{rng.choice(['', 'Please answer: ', 'Think it over. '])}{stem}"
    options = [o.text for o in q.options]
    return make(q.question_type, stem, q.stimulus.text if q.stimulus else None, options, q.answer)


@dataclass
class Shadow:
    """The bank's vectors and content marks in memory, for the exact scan. Marks do not use the lookup key."""

    vectors: dict[str, list[np.ndarray]] = field(default_factory=dict)
    marks: dict[str, list[np.ndarray]] = field(default_factory=dict)
    ids: dict[str, list[uuid.UUID]] = field(default_factory=dict)


def content_mark(facts) -> int:  # type: ignore[no-untyped-def]
    return hash((facts.answer_key, tuple(sorted(facts.quantities))))


def all_questions(size: int, seed: int = 7) -> Iterator[Question]:
    rng = random.Random(seed)
    count = 0
    for q in real_items(min(REAL_PER_MODEL, size // 60)):
        count += 1
        yield q
    types = list(FAMILIES)
    for i in range(size - count):
        yield synthetic(rng, types[i % len(types)])


def fill(tx: Transaction, questions: Iterator[Question], embedder: HashingEmbedder, shadow: Shadow) -> int:
    """Copies questions and their vectors into the bank; exact duplicates are left out."""
    seen: set[str] = set()
    chunk: list[Question] = []
    total = 0
    for q in questions:
        digest = content_hash(q)
        if digest not in seen:
            seen.add(digest)
            chunk.append(q)
        if len(chunk) == 5_000:
            total += _copy(tx, chunk, embedder, shadow)
            chunk = []
    return total + (_copy(tx, chunk, embedder, shadow) if chunk else 0)


def _copy(tx: Transaction, chunk: list[Question], embedder: HashingEmbedder, shadow: Shadow) -> int:
    facts = [facts_of(q) for q in chunk]
    embedded = embedder.embed([f.text for f in facts])
    ids = [uuid.uuid4() for _ in chunk]
    space = space_of(embedder)
    cursor = tx.connection.driver_connection.cursor()  # type: ignore[union-attr]
    with cursor.copy(
        "COPY questions (id, question_type, difficulty, sub_type, stem, content, content_hash) FROM STDIN"
    ) as copy:
        for row_id, q in zip(ids, chunk, strict=True):
            content = json.dumps(q.model_dump(mode="json"))
            copy.write_row((row_id, q.question_type, q.difficulty, q.sub_type, q.stem, content, content_hash(q)))
    with cursor.copy(
        "COPY question_embeddings (question_id, embedder, lookup_key, word_keys, embedding) FROM STDIN"
    ) as copy:
        for row_id, q, f, v in zip(ids, chunk, facts, embedded, strict=True):
            key = lookup_key(space, q.question_type, f)
            copy.write_row((row_id, space, key, list(word_keys(key, f)), vectors._as_text(v)))
    for row_id, q, f, v in zip(ids, chunk, facts, embedded, strict=True):
        shadow.ids.setdefault(q.question_type, []).append(row_id)
        shadow.vectors.setdefault(q.question_type, []).append(v.astype(np.float16))
        shadow.marks.setdefault(q.question_type, []).append(np.int64(content_mark(f)))
    return len(chunk)


def candidates_for(tx: Transaction, seed: int) -> tuple[dict[str, list[Checked]], set[uuid.UUID]]:
    """Candidates by type, and which of them are edited copies."""
    kinds: dict[int, str] = {}
    rng = random.Random(seed)
    found: dict[str, list[Checked]] = {}
    each = CANDIDATES // len(FAMILIES) // 3
    for question_type in FAMILIES:
        rows = tx.execute(
            text("SELECT content FROM questions WHERE question_type = :t ORDER BY md5(id::text) LIMIT :n"),
            {"t": question_type, "n": each},
        ).scalars()
        made = [edited(rng, Question.model_validate(content)) for content in rows]
        kinds.update({id(q): "edited" for q in made})
        made += [synthetic(rng, question_type) for _ in range(each)]
        for _ in range(each):
            q = synthetic(rng, question_type)
            shown = q.stimulus.text if q.stimulus else None
            made.append(make(question_type, FAR + q.stem, shown, [o.text for o in q.options]))
        rng.shuffle(made)
        found[question_type] = [Checked.of(uuid.uuid4(), q) for q in made]
    copies = {c.candidate_id for checked in found.values() for c in checked if id(c.question) in kinds}
    return found, copies


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


def entry_of(owner: uuid.UUID, space: str, question_type: str, facts: Facts, vector: np.ndarray) -> Entry:
    key = lookup_key(space, question_type, facts)
    return Entry(owner, key, vector, word_keys(key, facts))  # type: ignore[arg-type]


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


def run_size(bank: Bank, size: int, hnsw: bool, dimensions: int) -> str:
    embedder, settings, shadow = HashingEmbedder(dimensions), load_settings(), Shadow()

    def at_least(question_type: str, facts: Facts) -> float:
        return settings.bounds(embedder.name, question_type).reach(facts.strong)

    started = time.perf_counter()
    with bank.begin() as tx:
        tx.execute(text("CREATE EXTENSION IF NOT EXISTS vector"))
        metadata.drop_all(tx)
        metadata.create_all(tx)
        rows = fill(tx, all_questions(size), embedder, shadow)
    with bank.begin() as tx:
        tx.execute(text("ANALYZE"))
    print(f"{size}: {rows} rows filled in {time.perf_counter() - started:.0f} s", file=sys.stderr)
    with bank.begin() as tx:
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
    over, agreeing, scan = exact_pairs(found, embedder, shadow, at_least)
    with bank.begin() as tx:
        judged = judged_pairs(tx, found, embedder, agreeing)
        wanted = verdicts(judged)
        for most in (8, 16, 32, 64):
            started = time.perf_counter()
            pairs = returned_pairs(tx, found, embedder, at_least, most)
            lookup = time.perf_counter() - started
            reached = verdicts({pair: likeness for pair, likeness in judged.items() if pair in pairs})
            recall = len(judged.keys() & pairs) / max(len(judged), 1)
            fates = sum(reached.get(c) is likeness for c, likeness in wanted.items()) / max(len(wanted), 1)
            print(
                f"most={most}: {len(pairs)} rows, {lookup:.2f} s, of {len(agreeing)} agreeing pairs "
                f"{len(agreeing.keys() & pairs) / len(agreeing):.4f}, of {len(judged)} pairs that count {recall:.4f}, "
                f"same verdict for {fates:.4f} of {len(wanted)} candidates",
                file=sys.stderr,
            )
            if most == MOST:
                chosen = (recall, fates, lookup)
        inserts = measure_inserts(tx, embedder)
        tx.rollback()
    count = sum(map(len, found.values()))
    slowest = max(times, key=lambda t: times[t])
    print(f"rules {rules}", file=sys.stderr)
    if hnsw:
        for line in measure_hnsw(bank, found, embedder, judged):
            print(line, flush=True)
    recall, fates, lookup = chosen
    return (
        f"| {rows:,} | {sum(times.values()) * 1000 / count:.2f} | {lookup * 1000 / count:.2f} | {slowest} "
        f"{times[slowest] * 1000 * 6 / count:.2f} | {over:,} | {len(agreeing):,} | {len(judged):,} | {recall:.4f} | "
        f"{fates:.4f} | {scan * 1000 / count:.2f} | {inserts:.2f} |"
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
        "| that agree in content | that count | recall | same verdict | exact scan (numpy), ms | 1,000 inserts, s |"
    )
    print("|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    try:
        for size in sizes:
            print(run_size(bank, size, size == hnsw, dimensions), flush=True)
    finally:
        bank.close()


if __name__ == "__main__":
    main()
