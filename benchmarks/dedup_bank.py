"""A large bank of synthetic and real questions for the deduplication benchmark, and candidates to check against it.

Not here: what is measured (`dedup_scale.py`).
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from sqlalchemy import text

from qgen_dagster import generation
from qgen_dagster.bank import vectors
from qgen_dagster.bank.engine import Transaction
from qgen_dagster.bank.vectors import Entry
from qgen_dagster.core.question import Option, Question, Stimulus, content_hash
from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster.dedup.check import Checked
from qgen_dagster.dedup.facts import Facts, facts_of, lookup_key, word_keys
from qgen_dagster.dedup.find import space_of
from qgen_dagster.dedup.hashing import HashingEmbedder
from qgen_dagster.generation.items.contract import ModelExhausted, build_question
from qgen_dagster.generation.items.language import NAMES
from qgen_dagster.generation.items.registry import families, item_models

CANDIDATES = 1_020
REAL_PER_MODEL = 1_000


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
        "COPY questions (id, question_type, difficulty, sub_type, stem, content, content_hash, vector_space) FROM STDIN"
    ) as copy:
        for row_id, q in zip(ids, chunk, strict=True):
            content = json.dumps(q.model_dump(mode="json"))
            row = (row_id, q.question_type, q.difficulty, q.sub_type, q.stem, content, content_hash(q), space)
            copy.write_row(row)
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


def entry_of(owner: uuid.UUID, space: str, question_type: str, facts: Facts, vector: np.ndarray) -> Entry:
    key = lookup_key(space, question_type, facts)
    return Entry(owner, key, vector, word_keys(key, facts))  # type: ignore[arg-type]
