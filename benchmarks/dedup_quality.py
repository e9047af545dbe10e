"""How well the duplicate check tells labelled pairs apart, per layer and as a whole; the calibration of dedup.yaml.

    python benchmarks/dedup_quality.py [--verbose] [--model FOLDER]

Reads qgen_dagster_tests/data/duplicate_pairs.yaml. Prints Markdown. `--verbose` lists every pair judged wrongly.
`--model` compares a model of sentence-transformers with the built-in embedder, and nothing else.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from qgen_dagster.core.question import Option, Question, Stimulus, content_hash
from qgen_dagster.dedup.compare import Comparison, Likeness, compare, overlap
from qgen_dagster.dedup.facts import Facts, facts_of
from qgen_dagster.dedup.hashing import HashingEmbedder
from qgen_dagster.dedup.sentences import SentenceEmbedder, find_model
from qgen_dagster.dedup.settings import load_settings

PAIRS = Path(__file__).parents[1] / "qgen_dagster_tests" / "data" / "duplicate_pairs.yaml"
# Printed as it was measured: the model is not part of a checkout.
WITH_A_MODEL = """
## With sentence vectors

`python -m benchmarks.dedup_quality --model FOLDER` with all-MiniLM-L6-v2 (384 numbers, sentence-transformers 6.2) on
2026-11-21; the model is not part of a checkout. OpenAI's embedders were not measured; their thresholds in dedup.yaml
are cautious guesses. Grey: left to an arbiter.

| embedder | AUC, all pairs | agreeing pairs | duplicates: found | grey | missed | others: thrown away | grey |
|---|--:|--:|--:|--:|--:|--:|--:|
| hashing | 0.56 | 0.69 | 69 | 10 | 23 | 0 | 4 |
| the model | 0.76 | 0.88 | 74 | 20 | 8 | 0 | 3 |
| the model, with the thresholds of unmeasured ones | 0.76 | 0.88 | 71 | 23 | 8 | 0 | 4 |

The rule does most of the work, so the result hardly moves with the thresholds. What vectors that know meaning add is
paraphrases: of those that hashing misses a third is left. Thresholds for a model that nobody measured decide a little
less and ask an arbiter a little more.
"""
DIMENSIONS = (128, 256, 384, 512)
THRESHOLDS = (0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)


@dataclass(frozen=True)
class Pair:
    question_type: str
    kind: str
    same: bool
    a: Question
    b: Question

    @property
    def facts(self) -> tuple[Facts, Facts]:
        return facts_of(self.a), facts_of(self.b)


def load_pairs(path: Path = PAIRS) -> list[Pair]:
    groups = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [
        Pair(group["type"], variant["kind"], label == "same", _question(group), _question(group, variant))
        for group in groups
        for label in ("same", "different")
        for variant in group[label]
    ]


def _question(group: dict[str, Any], variant: dict[str, Any] | None = None) -> Question:
    wording = group["base"] | (variant or {})
    return Question(
        question_type=group["type"],
        difficulty="medium",
        sub_type="labelled",
        stem=wording["stem"],
        stimulus=Stimulus(text=wording["stimulus"]) if "stimulus" in wording else None,
        options=tuple(Option(text=str(text)) for text in wording["options"]),
        answer=0,
        explanation="labelled pair",
    )


TEXTS: dict[str, Callable[[Facts], str]] = {
    "stem": lambda f: " ".join(f.stem.tokens),
    "stem, stimulus": lambda f: " ".join(f.stem.tokens + (f.stimulus.tokens if f.stimulus else ())),
    "stem, stimulus, answer": lambda f: TEXTS["stem, stimulus"](f) + " " + " ".join(f.answer),
    "stem, stimulus, all options": lambda f: (
        TEXTS["stem, stimulus"](f) + " " + " ".join(t for o in sorted([*f.options, f.answer]) for t in o)
    ),
    "chosen (options where they are the question)": lambda f: f.text,
}


def cosines(pairs: Sequence[Pair], text: Callable[[Facts], str], dimensions: int = 256) -> list[float]:
    embedder = HashingEmbedder(dimensions)
    facts = [pair.facts for pair in pairs]
    first = embedder.embed([text(a) for a, _ in facts])
    second = embedder.embed([text(b) for _, b in facts])
    return [float(x) for x in (first * second).sum(axis=1)]


def auc(scores: Sequence[float], labels: Sequence[bool]) -> float:
    """The chance that a duplicate scores higher than a pair that is none; 0.5 is a coin."""
    same = np.array([s for s, label in zip(scores, labels, strict=True) if label])
    other = np.array([s for s, label in zip(scores, labels, strict=True) if not label])
    if not len(same) or not len(other):
        return float("nan")
    return float((same[:, None] > other).mean() + 0.5 * (same[:, None] == other).mean())


def precision_recall(said: Sequence[bool], labels: Sequence[bool]) -> str:
    hits = sum(s and label for s, label in zip(said, labels, strict=True))
    precision = f"{hits / sum(said):.2f}" if sum(said) else "–"
    return f"{precision} | {hits / sum(labels):.2f} ({hits} of {sum(labels)}) | {sum(said) - hits}"


def judge_all(pairs: Sequence[Pair], **changes: Any) -> list[Comparison]:
    return judge_with(pairs, HashingEmbedder().name, cosines(pairs, lambda f: f.text), **changes)


def judge_with(pairs: Sequence[Pair], embedder: str, scores: Sequence[float], **changes: Any) -> list[Comparison]:
    """What the whole rule says of each pair, with an embedder's cosines and its thresholds."""
    settings = load_settings()
    return [
        compare(*pair.facts, cosine, settings.bounds(embedder, pair.question_type).model_copy(update=changes))
        for pair, cosine in zip(pairs, scores, strict=True)
    ]


def print_model(pairs: Sequence[Pair], folder: Path) -> None:
    """A model beside the built-in embedder, each with its own thresholds, and with the cautious ones for others."""
    model = SentenceEmbedder(find_model(str(folder)))
    facts = [pair.facts for pair in pairs]
    first, second = (model.embed([pair[side].text for pair in facts]) for side in (0, 1))
    scores = [float(x) for x in (first * second).sum(axis=1)]
    labels = [pair.same for pair in pairs]
    agree = [a.answer_key == b.answer_key and sorted(a.quantities) == sorted(b.quantities) for a, b in facts]
    print(f"\n## {model.name.partition('@')[0]}, {model.dimensions} numbers, beside hashing\n")
    print("| embedder | AUC, all pairs | agreeing pairs | duplicates: found | grey | missed ", end="")
    print("| others: thrown away | grey |\n|---|--:|--:|--:|--:|--:|--:|--:|")
    rows = {
        "hashing": (HashingEmbedder().name, cosines(pairs, lambda f: f.text)),
        "the model": (model.name, scores),
        "the model, with the thresholds of unmeasured ones": ("sentence-transformers:another@0", scores),
    }
    for name, (embedder, found) in rows.items():
        judged = [c.likeness for c in judge_with(pairs, embedder, found)]
        kept = [(score, label) for score, label, ok in zip(found, labels, agree, strict=True) if ok]
        same = [likeness for likeness, label in zip(judged, labels, strict=True) if label]
        other = [likeness for likeness, label in zip(judged, labels, strict=True) if not label]
        counts = [same.count(likeness) for likeness in (Likeness.SAME, Likeness.DOUBTFUL, Likeness.DIFFERENT)]
        near = auc([score for score, _ in kept], [label for _, label in kept])
        cells = (
            f"{auc(found, labels):.2f}",
            f"{near:.2f}",
            *counts,
            other.count(Likeness.SAME),
            other.count(Likeness.DOUBTFUL),
        )
        print(f"| {name} | {' | '.join(map(str, cells))} |")


def print_texts(pairs: Sequence[Pair]) -> None:
    labels = [pair.same for pair in pairs]
    print("\n## What is embedded (hashing, 256): AUC of the cosine alone, and among pairs that agree in content\n")
    print("| text | all pairs | agreeing pairs |\n|---|--:|--:|")
    agree = [
        a.answer_key == b.answer_key and sorted(a.quantities) == sorted(b.quantities) for a, b in map(_facts, pairs)
    ]
    for name, text in TEXTS.items():
        scores = cosines(pairs, text)
        kept = [(s, label) for s, label, ok in zip(scores, labels, agree, strict=True) if ok]
        print(f"| {name} | {auc(scores, labels):.3f} | {auc([s for s, _ in kept], [label for _, label in kept]):.3f} |")
    print("\n| dimensions | all pairs | agreeing pairs |\n|--:|--:|--:|")
    for dimensions in DIMENSIONS:
        scores = cosines(pairs, lambda f: f.text, dimensions)
        kept = [(s, label) for s, label, ok in zip(scores, labels, agree, strict=True) if ok]
        print(f"| {dimensions} | {auc(scores, labels):.3f} | {auc([s for s, _ in kept], [x for _, x in kept]):.3f} |")


def _facts(pair: Pair) -> tuple[Facts, Facts]:
    return pair.facts


def print_layers(pairs: Sequence[Pair]) -> None:
    labels = [pair.same for pair in pairs]
    scores = cosines(pairs, lambda f: f.text)
    words = [overlap(a.tokens, b.tokens) for a, b in map(_facts, pairs)]
    answers = [a.answer_key == b.answer_key for a, b in map(_facts, pairs)]
    numbers = [sorted(a.quantities) == sorted(b.quantities) for a, b in map(_facts, pairs)]
    judged = judge_all(pairs)
    rows = {
        "exact hash": [content_hash(pair.a) == content_hash(pair.b) for pair in pairs],
        "cosine ≥ 0.75 alone": [s >= 0.75 for s in scores],
        "cosine ≥ 0.90 alone": [s >= 0.90 for s in scores],
        "Jaccard ≥ 0.7 alone": [w >= 0.7 for w in words],
        "same answer and quantities alone": [a and n for a, n in zip(answers, numbers, strict=True)],
        "cosine ≥ 0.75, answer, quantities": [
            s >= 0.75 and a and n for s, a, n in zip(scores, answers, numbers, strict=True)
        ],
        "**whole rule: duplicate**": [c.likeness is Likeness.SAME for c in judged],
        "**whole rule: duplicate or grey**": [c.likeness is not Likeness.DIFFERENT for c in judged],
    }
    print("\n## Layers\n\n| decided by | precision | recall | false alarms |\n|---|--:|--:|--:|")
    for name, said in rows.items():
        print(f"| {name} | {precision_recall(said, labels)} |")


def print_kinds(pairs: Sequence[Pair], verbose: bool) -> None:
    judged = judge_all(pairs)
    for title, key in (
        ("kind of pair", lambda p: (not p.same, p.kind)),
        ("type", lambda p: (not p.same, p.question_type)),
    ):
        print(f"\n| label | {title} | pairs | duplicate | grey | different |\n|---|---|--:|--:|--:|--:|")
        counts: dict[tuple[bool, str], dict[Likeness, int]] = defaultdict(lambda: dict.fromkeys(Likeness, 0))
        for pair, comparison in zip(pairs, judged, strict=True):
            counts[key(pair)][comparison.likeness] += 1
        for (different, name), c in sorted(counts.items()):
            label = "different" if different else "same"
            print(f"| {label} | {name} | {sum(c.values())} | {' | '.join(str(c[k]) for k in Likeness)} |")
    if verbose:
        print()
        for pair, c in zip(pairs, judged, strict=True):
            if (c.likeness is Likeness.SAME) != pair.same:
                shown = f"cos {c.cosine:.2f} jac {c.jaccard:.2f} ans {c.answers_agree} num {c.quantities_agree}"
                label = "same" if pair.same else "DIFFERENT"
                print(f"- {label}/{pair.kind} → {c.likeness} ({', '.join(c.doubts)}) {shown}")
                print(f"    {pair.a.stem} [{pair.a.key_option.text}]\n    {pair.b.stem} [{pair.b.key_option.text}]")


def print_thresholds(pairs: Sequence[Pair]) -> None:
    """Each threshold moved alone, the others as configured."""
    labels = [pair.same for pair in pairs]
    print("\n## Where to put the thresholds (whole rule, one moved at a time)\n")
    print(
        "| threshold | at | duplicate: precision | recall | false alarms | or grey: precision | recall | false alarms |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for name in ("duplicate_from", "grey_from", "strong_duplicate_from", "strong_grey_from", "words_from"):
        for threshold in (0.2, 0.25, 0.3, *THRESHOLDS) if name != "words_from" else (0.0, 0.1, 0.2, 0.25, 0.3, 0.4):
            judged = judge_all(pairs, **{name: threshold})
            said = [c.likeness is Likeness.SAME for c in judged]
            seen = [c.likeness is not Likeness.DIFFERENT for c in judged]
            print(f"| {name} | {threshold:.2f} | {precision_recall(said, labels)} | {precision_recall(seen, labels)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verbose", action="store_true", help="list every pair judged wrongly")
    parser.add_argument("--model", type=Path, metavar="FOLDER", help="a model of sentence-transformers, compared alone")
    arguments = parser.parse_args()
    pairs = load_pairs()
    if arguments.model:
        print_model(pairs, arguments.model)
        return
    print(
        f"{len(pairs)} pairs, {sum(pair.same for pair in pairs)} of them duplicates; embedder {HashingEmbedder().name}"
    )
    print_texts(pairs)
    print_layers(pairs)
    print_thresholds(pairs)
    print("\n## Whole rule, by kind and by type")
    print_kinds(pairs, arguments.verbose)
    print(WITH_A_MODEL)


if __name__ == "__main__":
    main()
