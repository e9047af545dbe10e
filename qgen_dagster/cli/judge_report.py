"""The figures of an audit of the judges as tables, for the terminal and for docs/quality.md.

Here: `Section` (a table with a title and what its columns mean), the sections of a report, and their two forms. Not
here: the figures (`judging/audit.py`), the command (`commands/audit.py`).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.judging.audit import ArbiterFigures, Gate, Mean, PanelFigures, RuleFigures, Share, SolverFigures
from qgen_dagster.judging.labelled_set import LABELS

if TYPE_CHECKING:
    from qgen_dagster.cli.output import Output
    from qgen_dagster.services.judge_audit import AuditReport

Cell = Share | Mean | float | int | str | None
NOTHING = "–"  # not measured


@dataclass(frozen=True)
class Section:
    """A table. `meaning` explains what the column heads cannot."""

    title: str
    headers: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    meaning: str


def rule_sections(figures: Sequence[RuleFigures]) -> list[Section]:
    """What the item-writing rules find by themselves."""
    rows = tuple((_words(f.label), _of(f.caught), f.noticed if f.caught.of else None) for f in figures)
    found = "; ".join(f"{_words(f.label)}: {_counts(f.rules)}" for f in figures if f.rules) or NOTHING
    return [
        Section(
            "Item-writing rules alone",
            ("label", "stopped", "noticed"),
            rows,
            "stopped: rejected before any call; noticed: recorded as a flaw, but let through. "
            f"The rules that found something: {found}.",
        )
    ]


def judge_sections(report: AuditReport) -> list[Section]:
    """Everything that was measured with judges."""
    sections = [_panel_section(report.panel)]
    if report.solvers:
        sections += [_solver_section(report.solvers), _letter_section(report.solvers)]
    if report.arbiters:
        sections += [
            _score_section(report.arbiters),
            _arbiter_section(report.arbiters),
            _bias_section(report.arbiters),
            _threshold_section(report.arbiters),
        ]
    return sections


def summary(report: AuditReport) -> str:
    """What the gates did as a whole, and what it cost, in sentences."""
    panel = report.panel
    reasons = f" ({_counts(panel.false_reasons)}: {', '.join(panel.false_ids)})" if panel.false_ids else ""
    lines = [
        f"Of all questions stopped or moved, {_long(panel.precision)} have a fault; "
        f"of those with a fault, {_long(panel.recall)} are stopped or moved.",
        f"Good questions: {_long(panel.false_rejections)} rejected{reasons}, "
        f"{_long(panel.moved)} moved to another difficulty.",
    ]
    if panel.undecided:
        lines.append(f"No verdict: {panel.undecided} (in a run these would wait).")
    cost = f"{report.calls:,} calls, {report.tokens:,} tokens, ${report.cost_usd:,.4f}"
    cost += f", {report.unpriced:,} calls without a known price" if report.unpriced else ""
    cost += f", {report.reused:,} replies from today's journal" if report.reused else ""
    lines.append(f"Cost: {cost}.")
    if report.errors:
        lines.append(f"Missing measurements: {_counts(report.errors)}.")
    if report.unmeasured:
        lines.append(f"Never gave a reply that can be read: {', '.join(report.unmeasured)}.")
    if report.stopped:
        lines.append(f"Stopped early: {report.stopped}.")
    return "\n".join(lines)


def show(output: Output, sections: Iterable[Section]) -> None:
    """Prints the sections as plain tables."""
    from qgen_dagster.cli.output import heading, make_table

    width = output.console.width
    for section in sections:
        rows = [[_short(cell) for cell in row] for row in section.rows]
        table = make_table(section.headers, rows, width=width, right=section.headers[1:], flexible=section.headers[0])
        output.show(heading(section.title), gap=True)
        output.show(table, _wrapped(section.meaning, width))


def markdown(sections: Iterable[Section]) -> str:
    """The sections as Markdown, with the counts behind every share."""
    parts = []
    for section in sections:
        rule = "|".join(["---", *("--:" for _ in section.headers[1:])])
        rows = "".join(f"| {' | '.join(_long(cell) for cell in row)} |\n" for row in section.rows)
        parts.append(
            f"### {section.title}\n\n| {' | '.join(section.headers)} |\n|{rule}|\n{rows}\n{_capital(section.meaning)}\n"
        )
    return "\n".join(parts)


def judges_page(report: AuditReport) -> str:
    """The part of docs/quality.md about judges: who, when, what."""
    jury = report.jury
    labels = ", ".join(dict.fromkeys(version.partition("@")[0] for version in report.prompt_versions))
    head = (
        f"*{report.at:%Y-%m-%d}; {report.items} questions, {report.good} of them good; "
        f"minimum score {report.min_score:g}; prompts {labels}*\n\n"
        f"Solvers: {', '.join(jury.solvers) or NOTHING}. Arbiters: {', '.join(jury.arbiters) or NOTHING}.\n\n"
    )
    return head + markdown(judge_sections(report)) + "\n" + summary(report).replace("\n", "  \n") + "\n"


def with_part(text: str, name: str, content: str) -> str:
    """The page with the part between `<!-- name -->` and `<!-- end -->` replaced. Raises ConfigurationError."""
    pattern = rf"<!-- {name} -->\n.*?<!-- end -->"
    if not re.search(pattern, text, flags=re.DOTALL):
        raise ConfigurationError(f"the page has no part between <!-- {name} --> and <!-- end -->")
    return re.sub(pattern, lambda _: f"<!-- {name} -->\n{content}<!-- end -->", text, count=1, flags=re.DOTALL)


def as_json(value: Any) -> Any:
    """Figures as plain data; a share has its counts and, where there are any, its value."""
    if isinstance(value, Share):
        return {"hits": value.hits, "of": value.of, "share": value.share}
    if dataclasses.is_dataclass(value):
        return {f.name: as_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): as_json(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [as_json(one) for one in value]
    return value


def report_json(report: AuditReport) -> dict[str, Any]:
    """The whole report for --json."""
    jury = report.jury
    names = {"solvers": jury.solvers, "arbiters": jury.arbiters, "passed_over": jury.passed_over}
    fields = [f.name for f in dataclasses.fields(report) if f.name != "jury"]
    return {"jury": names, **{name: as_json(getattr(report, name)) for name in fields}}


def _panel_section(panel: PanelFigures) -> Section:
    rows = tuple(
        (
            *(_words(f.label), _of(f.caught)),
            *(f.gates[gate] if f.caught.of else None for gate in Gate),
            *(_of(f.named), _of(f.precision)),
        )
        for f in panel.faults
    )
    return Section(
        "All gates together, as in a run",
        ("fault", "stopped", *(gate.value for gate in Gate), "named", "precision"),
        rows,
        "stopped: not let through as it is (recall), and by which gate; named: for a reason that fits the fault; "
        "precision: of all questions stopped for such a reason, those that have a fault that it fits.",
    )


def _solver_section(figures: Sequence[SolverFigures]) -> Section:
    rows = tuple(
        (
            *(f.model, f.right, f.position_bias, f.changed_by_order, f.changed_by_chance),
            *(f.doubts, f.false_doubts, f.unreadable),
        )
        for f in figures
    )
    return Section(
        "Solvers",
        ("model", "right", "letters", "order", "chance", "doubts", "false", "unread"),
        rows,
        "right: answers that are right; letters: choices that would have to change for each letter to be chosen as "
        "often as it is right; order: answers that change when only the order of the options does; chance: when "
        "nothing does; doubts: a second option, or none, named where two can be defended; false: the same on good "
        "questions; unread: replies that cannot be used.",
    )


def _letter_section(figures: Sequence[SolverFigures]) -> Section:
    letters = sorted({letter for f in figures for letter in f.letters})
    rows = tuple((f.model, *(_chosen(f.letters.get(letter)) for letter in letters)) for f in figures)
    return Section(
        "Letters: how often chosen / how often right",
        ("model", *letters),
        rows,
        "Over all orders of the questions with one right option; answers that chose no option are left out.",
    )


def _score_section(figures: Sequence[ArbiterFigures]) -> Section:
    rows = tuple((f.model, *_means(f.scores)) for f in figures)
    heads = ("good", "wrong key", "two keys", "leak", "ambig.", "diff.", "format")
    return Section(
        "Arbiters: mean score by label",
        ("model", *heads),
        rows,
        "Asked about every question, whatever the other gates say.",
    )


def _arbiter_section(figures: Sequence[ArbiterFigures]) -> Section:
    rows = tuple(
        (f.model, f.separation, f.leaks, f.false_leaks, f.levels, f.wrong_levels, f.unreadable) for f in figures
    )
    return Section(
        "Arbiters: what they see",
        ("model", "separation", "leaks", "false leaks", "levels", "wrong levels", "unread"),
        rows,
        "separation: chance that a good question scores higher than one with a wrong key, two keys, ambiguous wording "
        "or bad formatting (0.5 is a coin); leaks: leaking questions under the leakage gate; levels: good questions "
        "put into their difficulty; wrong levels: wrong difficulties not confirmed.",
    )


def _bias_section(figures: Sequence[ArbiterFigures]) -> Section:
    rows = tuple(
        (
            *(f.model, _signed(f.length_bias), f.changed_by_length, f.order_shift, f.changed_by_order),
            *(f.chance_shift, f.changed_by_chance),
        )
        for f in figures
    )
    return Section(
        "Arbiters: what should not matter",
        ("model", "longer", "flips", "order", "flips", "chance", "flips"),
        rows,
        "longer: score with a longer explanation of equal content, less the plain score (mean); order: change of the "
        "score when the options, and the key with them, change places (mean, without sign); chance: when nothing "
        "changes; flips: decisions at the minimum score that change.",
    )


def _threshold_section(figures: Sequence[ArbiterFigures]) -> Section:
    thresholds = sorted({at for f in figures for at in f.thresholds})
    rows = tuple((f.model, *(_operating_point(f, at) for at in thresholds)) for f in figures)
    return Section(
        "Arbiters: what a minimum score lets through and stops",
        ("model", *(f"{at:g}" for at in thresholds)),
        rows,
        "good questions that pass / faulty ones (as in separation) that do not, for each minimum score.",
    )


def _means(scores: Mapping[str, Mean]) -> tuple[Cell, ...]:
    return tuple(scores[label] for label in LABELS)


def _operating_point(figures: ArbiterFigures, at: float) -> str:
    good, faulty = figures.thresholds.get(at, (Share(0, 0), Share(0, 0)))
    return f"{_short(good)} / {_short(faulty)}"


def _of(share: Share) -> str:
    return f"{share.hits} of {share.of}" if share.of else NOTHING


def _chosen(counts: tuple[int, int] | None) -> str:
    return f"{counts[0]}/{counts[1]}" if counts else NOTHING


def _signed(mean: Mean) -> str:
    return NOTHING if mean.value is None else f"{mean.value:+.3f}"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{_words(name)} {count}" for name, count in counts.items()) or NOTHING


def _words(name: str) -> str:
    return name.replace("_", " ")


def _short(cell: Cell) -> str:
    if isinstance(cell, Share):
        return NOTHING if cell.share is None else f"{cell.share:.0%}"
    if isinstance(cell, Mean):
        cell = cell.value
    if cell is None:
        return NOTHING
    return f"{cell:.2f}" if isinstance(cell, float) else str(cell)


def _long(cell: Cell) -> str:
    if isinstance(cell, Share) and cell.of:
        return f"{_short(cell)} ({cell.hits} of {cell.of})"
    return _short(cell)


def _wrapped(text: str, width: int) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(text, min(width, 100), initial_indent="  ", subsequent_indent="  "))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
