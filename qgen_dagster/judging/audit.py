"""How well judges judge: figures from what they said of the labelled set, pure.

A figure is a `Share` (so many of so many) or a mean; where nothing was measured its share or mean is None, never zero.
Here: what was seen (`Judged`, `Answered`, `Scored`) and the figures of the panel as a whole, of single solvers and of
single arbiters. Not here: asking them (`services/judge_audit.py`), the labelled set (`labelled_set.py`), printing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean

from qgen_dagster.core.funnel import Reason, ratio
from qgen_dagster.core.question import LABELS as LETTERS
from qgen_dagster.judging.labelled_set import GOOD, LABELS, Fault, Labelled
from qgen_dagster.judging.rules import find_flaws
from qgen_dagster.judging.solving import Answer, KeyFinding
from qgen_dagster.judging.verdict import LEAKAGE_GATE, Assessment, Verdict, fatal_before_asking

MOVED = "moved"  # approved, but for another difficulty
THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)
# What a verdict must say so that it names the fault rightly.
NAMES: Mapping[Fault, frozenset[str]] = {
    Fault.WRONG_KEY: frozenset({Reason.WRONG_KEY}),
    Fault.TWO_KEYS: frozenset({Reason.AMBIGUOUS}),
    Fault.LEAK: frozenset({Reason.LEAKED, Reason.FLAWED}),
    Fault.AMBIGUOUS: frozenset({Reason.AMBIGUOUS}),
    Fault.WRONG_DIFFICULTY: frozenset({Reason.OFF_BAND, MOVED}),
    Fault.FORMATTING: frozenset({Reason.FLAWED, Reason.LOW_SCORE}),
}
# Faults that an arbiter's score should show; leaks and difficulty have measures of their own.
SCORED_FAULTS = (Fault.WRONG_KEY, Fault.TWO_KEYS, Fault.AMBIGUOUS, Fault.FORMATTING)


class Gate(StrEnum):
    """Where a question was stopped, in the order of the gates."""

    RULES = "rules"
    SOLVERS = "solvers"
    ARBITER = "arbiter"


class Version(StrEnum):
    """In which form an arbiter saw a question."""

    PLAIN = "plain"
    AGAIN = "again"  # nothing changed
    REORDERED = "reordered"  # the options, and with them the letter of the key
    LONGER = "longer"  # an explanation of equal content in more words


@dataclass(frozen=True, slots=True)
class Judged:
    """What all gates together made of an item; `verdict` None where no verdict came about."""

    item: Labelled
    verdict: Verdict | None


@dataclass(frozen=True, slots=True)
class Answered:
    """What one solver answered. `order` lists the options' indices as printed, in the `turn`-th order (from 0).

    `again`: the same order was asked for a second time. `answer` None: there was no reply that can be read.
    """

    item: Labelled
    model: str
    order: tuple[int, ...]
    turn: int
    again: bool
    answer: Answer | None


@dataclass(frozen=True, slots=True)
class Scored:
    """What one arbiter said; `assessment` None: there was no reply that can be read."""

    item: Labelled
    model: str
    version: Version
    assessment: Assessment | None


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    hits: int
    of: int

    @property
    def share(self) -> float | None:
        """0–1; None where there is nothing."""
        return ratio(self.hits, self.of)


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over so many values; None over none."""

    value: float | None
    of: int


@dataclass(frozen=True)
class FaultFigures:
    """What became of the items with one label.

    `caught`: not let through as they are. `named`: for a reason that the fault calls for. `precision`: of all items
    stopped for such a reason, those with a fault that calls for it.
    """

    label: str
    caught: Share
    gates: Mapping[Gate, int]
    named: Share
    precision: Share


@dataclass(frozen=True)
class PanelFigures:
    """All gates together. `false_rejections` and `moved` are of good items; `undecided` items got no verdict."""

    faults: tuple[FaultFigures, ...]
    recall: Share
    precision: Share
    false_rejections: Share
    false_reasons: Mapping[str, int]
    false_ids: tuple[str, ...]
    moved: Share
    undecided: int


@dataclass(frozen=True)
class RuleFigures:
    """What the rules stop without asking anybody. `noticed` counts what they find but let through."""

    label: str
    caught: Share
    noticed: int
    rules: Mapping[str, int]


@dataclass(frozen=True)
class SolverFigures:
    """One solver. All but the doubts are over items with exactly one right option.

    `letters` compare how often each was chosen with how often it was right, over all orders; `position_bias` is the
    share of choices that would have to change for the two to agree. `changed_by_order` and `changed_by_chance` are the
    shares of answers that were another option in another order, and in the very same order.
    """

    model: str
    right: Share
    letters: Mapping[str, tuple[int, int]]
    position_bias: float | None
    changed_by_order: Share
    changed_by_chance: Share
    doubts: Share  # on items with two keys or readings: named a second option, or none
    false_doubts: Share  # on good items
    unreadable: Share


@dataclass(frozen=True)
class ArbiterFigures:
    """One arbiter, asked about every item whatever the other gates say.

    `scores` are means by label. `thresholds`: for a minimum score, the good items that pass and the faulty ones (of
    `SCORED_FAULTS`) that do not. `separation` is the chance that a good item scores higher than such a faulty one.
    """

    model: str
    scores: Mapping[str, Mean]
    thresholds: Mapping[float, tuple[Share, Share]]
    separation: float | None
    leaks: Share
    false_leaks: Share
    levels: Share  # good items put into the labelled difficulty
    wrong_levels: Share  # wrong labels that were not confirmed
    length_bias: Mean  # longer less plain
    changed_by_length: Share  # of decisions at the minimum score
    order_shift: Mean  # absolute
    changed_by_order: Share
    chance_shift: Mean  # absolute
    changed_by_chance: Share
    unreadable: Share


def outcome_of(verdict: Verdict) -> str | None:
    """The reason of a rejection, `moved`, or None for an approval as it is."""
    if verdict.reason is not None:
        return verdict.reason.value
    return MOVED if verdict.move_to is not None else None


def gate_of(verdict: Verdict) -> Gate | None:
    """The gate that stopped or moved the question; None where none did."""
    if outcome_of(verdict) is None:
        return None
    if verdict.solution is None:
        return Gate.RULES
    return Gate.ARBITER if verdict.solution.finding is KeyFinding.PROVED else Gate.SOLVERS


def rule_figures(items: Iterable[Labelled]) -> tuple[RuleFigures, ...]:
    """What the item-writing rules alone find, per label."""
    known = list(items)
    return tuple(_rules_on(label, [i for i in known if i.label == label]) for label in LABELS)


def panel_figures(seen: Iterable[Judged]) -> PanelFigures:
    """What all gates together make of the set."""
    known = list(seen)
    decided = [(j.item, j.verdict) for j in known if j.verdict is not None]
    ends = [(item, outcome_of(verdict)) for item, verdict in decided]
    good = [(item, end) for item, end in ends if item.fault is None]
    caught = [item for item, end in ends if end is not None]
    wrongly = [(item, end) for item, end in good if end not in (None, MOVED)]
    return PanelFigures(
        faults=tuple(_fault(fault, decided) for fault in Fault),
        recall=Share(sum(i.fault is not None for i in caught), len(ends) - len(good)),
        precision=Share(sum(i.fault is not None for i in caught), len(caught)),
        false_rejections=Share(len(wrongly), len(good)),
        false_reasons=dict(Counter(end for _, end in wrongly if end)),
        false_ids=tuple(item.id for item, _ in wrongly),
        moved=Share(sum(end == MOVED for _, end in good), len(good)),
        undecided=len(known) - len(decided),
    )


def solver_figures(model: str, seen: Iterable[Answered]) -> SolverFigures:
    """What one model's answers show."""
    mine = [a for a in seen if a.model == model]
    said = [(a, a.answer) for a in mine if a.answer is not None]
    first = {(a.item.id, a.turn): answer.option for a, answer in said if not a.again}
    fresh = [(a, answer) for a, answer in said if not a.again]
    sure = [(a, answer) for a, answer in fresh if a.item.right is not None]
    letters = _letters(sure)
    reordered = [(a, answer) for a, answer in sure if a.turn > 0 and (a.item.id, 0) in first]
    repeated = [(a, x) for a, x in said if a.again and a.item.right is not None and (a.item.id, a.turn) in first]
    return SolverFigures(
        model=model,
        right=_share(answer.option == a.item.right for a, answer in sure),
        letters=letters,
        position_bias=_bias(letters),
        changed_by_order=_share(answer.option != first[a.item.id, 0] for a, answer in reordered),
        changed_by_chance=_share(answer.option != first[a.item.id, a.turn] for a, answer in repeated),
        doubts=_share(_doubts(answer) for a, answer in fresh if a.item.right is None),
        false_doubts=_share(_doubts(answer) for a, answer in fresh if a.item.fault is None),
        unreadable=_share(a.answer is None for a in mine),
    )


def arbiter_figures(model: str, seen: Iterable[Scored], min_score: float) -> ArbiterFigures:
    """What one model's scores show; `min_score` is the score at which a run approves."""
    mine = [s for s in seen if s.model == model]
    said = {(s.item.id, s.version): s.assessment for s in mine if s.assessment is not None}
    plain = [(s.item, s.assessment) for s in mine if s.version is Version.PLAIN and s.assessment is not None]
    good = [(item, said) for item, said in plain if item.fault is None]
    leaky = [(item, said) for item, said in plain if item.fault is Fault.LEAK]
    mislabelled = [(item, said) for item, said in plain if item.fault is Fault.WRONG_DIFFICULTY]
    by_label = {label: [_score(a) for item, a in plain if item.label == label] for label in LABELS}
    faulty = [score for fault in SCORED_FAULTS for score in by_label[fault]]

    def pairs(version: Version) -> list[tuple[float, float]]:
        ids = [item.id for item, _ in plain if (item.id, version) in said]
        return [(_score(said[i, Version.PLAIN]), _score(said[i, version])) for i in ids]

    def changed(version: Version) -> Share:
        return _share((before >= min_score) != (after >= min_score) for before, after in pairs(version))

    return ArbiterFigures(
        model=model,
        scores={label: _mean(scores) for label, scores in by_label.items()},
        thresholds={at: _passing(by_label[GOOD], faulty, at) for at in sorted({*THRESHOLDS, min_score})},
        separation=_separation(by_label[GOOD], faulty),
        leaks=_share(a.leakage <= LEAKAGE_GATE for _, a in leaky),
        false_leaks=_share(a.leakage <= LEAKAGE_GATE for _, a in good),
        levels=_share(a.difficulty == item.level for item, a in good),
        wrong_levels=_share(a.difficulty != item.question.difficulty for item, a in mislabelled),
        length_bias=_mean([after - before for before, after in pairs(Version.LONGER)]),
        changed_by_length=changed(Version.LONGER),
        order_shift=_mean([abs(after - before) for before, after in pairs(Version.REORDERED)]),
        changed_by_order=changed(Version.REORDERED),
        chance_shift=_mean([abs(after - before) for before, after in pairs(Version.AGAIN)]),
        changed_by_chance=changed(Version.AGAIN),
        unreadable=_share(s.assessment is None for s in mine),
    )


def _rules_on(label: str, items: Sequence[Labelled]) -> RuleFigures:
    flaws = {item.id: find_flaws(item.question) for item in items}
    stopped = [item for item in items if fatal_before_asking(item.question)]
    found = Counter(flaw.rule for item in items for flaw in flaws[item.id])
    leaks = sum(not any(flaw.fatal for flaw in flaws[item.id]) for item in stopped)
    return RuleFigures(
        label=label,
        caught=Share(len(stopped), len(items)),
        noticed=sum(bool(flaws[item.id]) for item in items if item not in stopped),
        rules={**found, **({"key_in_stem": leaks} if leaks else {})},
    )


def _fault(fault: Fault, decided: Sequence[tuple[Labelled, Verdict]]) -> FaultFigures:
    mine = [verdict for item, verdict in decided if item.fault is fault]
    gates = Counter(gate for verdict in mine if (gate := gate_of(verdict)) is not None)
    alike = [(item, end) for item, v in decided if (end := outcome_of(v)) in NAMES[fault]]
    return FaultFigures(
        label=fault.value,
        caught=_share(outcome_of(verdict) is not None for verdict in mine),
        gates={gate: gates[gate] for gate in Gate},
        named=_share(outcome_of(verdict) in NAMES[fault] for verdict in mine),
        precision=_share(item.fault is not None and end in NAMES[item.fault] for item, end in alike),
    )


def _letters(sure: Sequence[tuple[Answered, Answer]]) -> dict[str, tuple[int, int]]:
    """Per letter how often it was chosen and how often it was right; answers that chose none do not count."""
    made = [(a, answer.option) for a, answer in sure if answer.option is not None]
    chosen = Counter(LETTERS[a.order.index(option)] for a, option in made)
    right = Counter(LETTERS[a.order.index(a.item.right)] for a, _ in made if a.item.right is not None)
    return {letter: (chosen[letter], right[letter]) for letter in LETTERS if chosen[letter] or right[letter]}


def _bias(letters: Mapping[str, tuple[int, int]]) -> float | None:
    chosen = sum(count for count, _ in letters.values())
    surplus = sum(max(0, count - right) for count, right in letters.values())
    return surplus / chosen if chosen else None


def _doubts(answer: Answer) -> bool:
    return answer.option is None or bool(answer.also_defensible)


def _score(assessment: Assessment) -> float:
    overall = assessment.scores.overall()
    assert overall is not None  # noqa: S101 - an assessment that can be read has all four scores
    return overall


def _passing(good: Sequence[float], faulty: Sequence[float], at: float) -> tuple[Share, Share]:
    return _share(score >= at for score in good), _share(score < at for score in faulty)


def _separation(good: Sequence[float], faulty: Sequence[float]) -> float | None:
    wins = sum((g > f) + (g == f) / 2 for g in good for f in faulty)
    return wins / (len(good) * len(faulty)) if good and faulty else None


def _mean(values: Sequence[float]) -> Mean:
    return Mean(fmean(values) if values else None, len(values))


def _share(hits: Iterable[bool]) -> Share:
    counted = list(hits)
    return Share(sum(counted), len(counted))
