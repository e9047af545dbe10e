"""How drill series look on a terminal and as JSON.

Not here: the commands (`commands/drills.py`), the documents that are exported (`services/drill_artifact.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.text import Text

    from qgen_dagster.bank.drills import StoredDrill, StoredDrillBatch, StoredSeries
    from qgen_dagster.cli.output import Output
    from qgen_dagster.core.drills import Position, Slot
    from qgen_dagster.services.drill_artifact import Artifact
    from qgen_dagster.services.mine_positions import MiningReport
    from qgen_dagster.services.verify_drills import Verification

STYLES = {
    "COMPLETED": "green",
    "VERIFIED": "green",
    "FAILED": "red",
    "NEEDS_REVIEW": "yellow",
    "GENERATING": "cyan",
}
MOST_REVIEW = 12


def series_json(series: StoredSeries) -> dict[str, Any]:
    """A series without its drills."""
    return {
        "id": str(series.id),
        "run_id": series.run_id,
        "title": series.title,
        "status": series.status.value,
        "verification": series.verification.value,
        "checked_with": series.checked_with,
        "target_drill_count": series.target_drill_count,
        "planned_drill_count": series.planned_drill_count,
        "drills": series.drills,
        "missing": series.missing,
        "batches": series.batches,
        "batches_completed": series.batches_completed,
        "batches_failed": series.batches_failed,
        "phases": [phase.value for phase in series.phases],
        "seed": series.seed,
        "batch_size": series.batch_size,
        "position_cost": dict(series.position_cost),
        "warning": series.warning,
        "created_at": series.created_at,
        "completed_at": series.completed_at,
    }


def batch_json(batch: StoredDrillBatch) -> dict[str, Any]:
    """A batch without what was planned for it."""
    names = ("index", "size", "attempt", "calls", "delivered", "invalid", "error_category", "error")
    return {"status": batch.status.value, **{name: getattr(batch, name) for name in names}}


def verification_json(found: Verification) -> dict[str, Any]:
    """A verification."""
    return {name: getattr(found, name) for name in type(found).__dataclass_fields__}


def show_series_list(output: Output, found: Sequence[StoredSeries]) -> None:
    """One line per series."""
    from qgen_dagster.cli.output import local_time, make_table, short, styled

    if not found:
        output.note("No drill series. Make one with: qgen drills build")
        return
    headers = ["id", "made", "status", "drills", "answers", "title"]
    rows: list[list[str | Text]] = [
        [
            short(series.id),
            local_time(series.created_at),
            styled(_words(series.status.value), STYLES.get(series.status.value, "")),
            f"{series.drills}/{series.planned_drill_count}",
            styled(_words(series.verification.value), STYLES.get(series.verification.value, "")),
            series.title,
        ]
        for series in found
    ]
    output.show(make_table(headers, rows, width=output.console.width, right=["drills"], flexible="title"))


def show_series(output: Output, series: StoredSeries, batches: Sequence[StoredDrillBatch]) -> None:
    """A series with its batches."""
    from qgen_dagster.cli.output import heading, make_table, pairs, short, styled
    from qgen_dagster.services.plan_drills import cost_of

    output.show(heading(f"{series.title} ({short(series.id)})"))
    output.show(styled(f"  {_words(series.status.value)}", STYLES.get(series.status.value, "")))
    progress = f"{series.drills}/{series.planned_drill_count} drills"
    output.show(
        pairs(
            [
                ("id", series.id),
                ("generated", f"{progress}, batch {series.batches_completed + series.batches_failed}/{series.batches}"),
                (
                    "asked for",
                    series.target_drill_count if series.target_drill_count > series.planned_drill_count else None,
                ),
                ("answers", _words(series.verification.value) + _by(series.checked_with)),
                ("phases", ", ".join(phase.value for phase in series.phases)),
                ("seed", series.seed),
                ("positions", _cost(series)),
                ("counted with", cost_of(series).counted_with),
                ("prompts", _measured(series)),
                ("run", short(series.run_id) if series.run_id else None),
            ]
        )
    )
    show_warning(output, series)
    lacking = [batch for batch in batches if batch.delivered < batch.size]
    if lacking and series.drills + series.batches_failed:
        headers = ["batch", "status", "drills", "attempt", "calls", "last error"]
        rows = [
            [
                str(b.index + 1),
                b.status.value,
                f"{b.delivered}/{b.size}",
                str(b.attempt),
                str(b.calls),
                b.error or "–",
            ]
            for b in lacking
        ]
        output.show(
            heading("Batches that lack drills"),
            make_table(headers, rows, width=output.console.width, right=["batch", "calls"], flexible="last error"),
            gap=True,
        )
    output.show(heading("Next"), pairs(_steps(series)), gap=True)


def show_plan(output: Output, series: StoredSeries, slots: Sequence[Slot]) -> None:
    """A planned series, drill by drill."""
    from qgen_dagster.cli.output import heading, make_table, pairs, short

    output.show(heading(f"{series.title} ({short(series.id)})"))
    in_batches = "one batch" if series.batches == 1 else f"{series.batches} batches"
    planned = f"{series.planned_drill_count} drills in {in_batches}"
    output.show(pairs([("planned", planned), ("seed", series.seed), ("positions", _cost(series))]))
    show_warning(output, series)
    headers = ["drill", "batch", "phase", "tier", "methodology", "position"]
    rows = [
        [str(s.index + 1), str(s.batch + 1), s.phase.value, s.tier.value, s.methodology, s.position_id] for s in slots
    ]
    output.show(make_table(headers, rows, width=output.console.width, right=["drill", "batch"]), gap=True)
    output.show(heading("Next"), pairs(_steps(series)), gap=True)


def show_built(output: Output, series: StoredSeries, found: Verification, run: Mapping[str, Any]) -> None:
    """How work on a series ended."""
    from qgen_dagster.cli.output import heading, money, pairs, short, span, styled

    output.show(heading(f"{series.title} ({short(series.id)})"))
    output.show(styled(f"  {_words(series.status.value)}", STYLES.get(series.status.value, "")))
    facts = [
        ("drills", f"{series.drills} of {series.planned_drill_count}"),
        ("seed", series.seed),
        ("positions", _cost(series)),
        ("prompts", _measured(series)),
        ("calls", run.get("total_api_calls")),
        ("cost", money(run["cost_usd"]) if run.get("cost_usd") else None),
        ("took", span(run.get("duration_seconds"))),
        ("error", run.get("error")),
    ]
    output.show(pairs(facts))
    show_warning(output, series)
    if series.drills:
        output.show("")
        show_verification(output, found)
    output.show(heading("Next"), pairs(_steps(series)), gap=True)


def show_warning(output: Output, series: StoredSeries) -> None:
    """What is not as it was asked for."""
    from qgen_dagster.cli.output import styled

    if series.warning:
        output.show(styled(f"  Warning: {series.warning}", "yellow"))


def show_verification(output: Output, found: Verification) -> None:
    """The verdict, and what a person has to look at."""
    from qgen_dagster.cli.output import styled

    numbers = f"{found.verified} of {found.expected} answers hold"
    more = [f"{found.failed} failed"] * bool(found.failed) + [f"{found.unverifiable} not checked"] * bool(
        found.unverifiable
    )
    said = ", ".join([numbers, *more])
    output.show(styled(f"{_words(found.verdict.value)}: {said}{_by(found.checked_with)}", STYLES[found.verdict.value]))
    if found.largest_loss is not None:
        output.show(f"The largest loss of a taught play is {found.largest_loss:.3f}.")
    review = [*found.review, *found.quota_problems]
    for line in review[:MOST_REVIEW]:
        output.show(f"  {line}")
    if len(review) > MOST_REVIEW:
        output.show(f"  … and {len(review) - MOST_REVIEW} more")


def show_drill(output: Output, artifact: Artifact, stored: StoredDrill, *, answers: bool) -> None:
    """A drill as a player sees it; with `answers` also what is right and why."""
    from qgen_dagster.cli.output import heading
    from qgen_dagster.core.question import LABELS
    from qgen_dagster.drills.board import from_position_id
    from qgen_dagster.drills.board_lines import board_lines
    from qgen_dagster.services.drill_artifact import shows_pips, title_of

    drill = stored.drill
    position = artifact.positions[drill.position_id]
    width = min(output.console.width, 80)
    title = f"{stored.index + 1}. {title_of(drill)} · {position.phase.value} · {drill.tier.value}"
    output.show(heading(title))
    output.show("\n".join(board_lines(from_position_id(position.position_id), position.roll, pips=shows_pips(drill))))
    output.show(_wrapped(drill.scenario, width), heading(_wrapped(drill.question, width)), gap=True)
    for place, option in enumerate(drill.options):
        mark = "*" if answers and option.correct else " "
        output.show(_wrapped(f"{mark} {LABELS[place]}. {option.text}", width, 5))
        if answers:
            output.show(_wrapped(f"     {option.feedback}", width, 5))
    if answers:
        output.show(_wrapped(drill.explanation, width), gap=True)
        output.show(_wrapped("Hints: " + " ".join(drill.hints), width))
        output.show(f"Principles: {', '.join(drill.principles)}", f"Position {drill.position_id}, {_checked(stored)}")
    output.show("")


def show_positions(output: Output, counts: dict[str, int], found: Sequence[Position]) -> None:
    """How many positions there are, and the positions themselves where they were asked for."""
    from qgen_dagster.cli.output import make_table

    width = output.console.width
    rows = [[phase, f"{there:,}"] for phase, there in counts.items()]
    output.show(make_table(["phase", "positions"], [*rows, ["all", f"{sum(counts.values()):,}"]], width=width))
    if found:
        headers = ["position", "phase", "dice", "pips", "best play", "equity", "win"]
        lines = [
            [
                p.id,
                p.phase.value,
                p.dice,
                f"{p.pips_on_roll}:{p.pips_opponent}",
                p.evaluation.best.play if p.evaluation.candidates else "–",
                f"{p.evaluation.best.equity:+.3f}" if p.evaluation.candidates else "–",
                f"{p.evaluation.best.win:.0%}" if p.evaluation.candidates else "–",
            ]
            for p in found
        ]
        output.show(make_table(headers, lines, width=width, right=["equity", "win"], flexible="best play"), gap=True)


def show_position(output: Output, position: Position) -> None:
    """One position with what the engine says."""
    from qgen_dagster.cli.output import heading, make_table
    from qgen_dagster.drills.board import from_position_id
    from qgen_dagster.drills.board_lines import board_lines

    evaluation = position.evaluation
    output.show(heading(f"{position.id} · {position.phase.value}"), f"Match id {position.match_id}, {position.source}")
    output.show("\n".join(board_lines(from_position_id(position.position_id), position.roll)), "")
    output.show(f"{evaluation.legal_plays} legal plays; {evaluation.engine}, {evaluation.plies}-ply:")
    headers = ["play", "equity", "loses", "win", "gammon", "backgammon"]
    rows = [
        [
            c.play,
            f"{c.equity:+.3f}",
            f"{evaluation.loss(c):.3f}",
            f"{c.win:.1%}",
            f"{c.win_gammon:.1%}",
            f"{c.win_backgammon:.1%}",
        ]
        for c in evaluation.candidates
    ]
    output.show(make_table(headers, rows, width=output.console.width, right=headers[1:]))


def mining_json(report: MiningReport) -> dict[str, Any]:
    """What mining has done."""
    return {
        "added": {phase.value: count for phase, count in report.added.items()},
        "total": report.total,
        "games": report.games,
        "known": report.known,
        "failures": report.failures,
        "seconds": round(report.seconds, 2),
        "per_minute": report.per_minute,
        "stopped_because": report.stopped_because,
    }


def _steps(series: StoredSeries) -> list[tuple[str, object]]:
    from qgen_dagster.cli.output import short

    own = short(series.id)
    steps: list[tuple[str, object]] = []
    if not series.ended:
        steps.append((f"qgen drills build {own}", "make its drills"))
    elif series.missing:
        steps.append((f"qgen drills retry {own}", f"make the {series.missing} that are missing"))
    if series.drills:
        steps += [
            (f"qgen drills show {own}", "read it; --answers tells them"),
            (f"qgen drills verify {own}", "check the answers anew"),
            (f"qgen drills export {own} --to DIR", "as JSON, Markdown and pictures"),
        ]
    return steps


def _cost(series: StoredSeries) -> str:
    from qgen_dagster.services.plan_drills import cost_of

    cost = cost_of(series)
    saved = f", {cost.saving:.0%} less" if cost.saving is not None else ""
    return (
        f"{cost.positions} loaded, about {cost.tokens:,} tokens "
        f"(all {cost.fixed_positions}: {cost.fixed_tokens:,}{saved})"
    )


def _measured(series: StoredSeries) -> str | None:
    """What the calls for drills were sent in all, where a provider has reported it."""
    from qgen_dagster.cli.output import counted
    from qgen_dagster.services.plan_drills import cost_of

    cost = cost_of(series)
    if cost.measured_tokens is None:
        return None
    return f"{cost.measured_tokens:,} tokens in {counted(cost.measured_calls, 'call')}, as the provider reports"


def _checked(stored: StoredDrill) -> str:
    if stored.check is None:
        return "not checked"
    return f"{stored.check.verdict.value}{_by(stored.check.checked_with)}"


def _by(checked_with: str | None) -> str:
    return f" ({checked_with})" if checked_with else ""


def _words(name: str) -> str:
    return name.lower().replace("_", " ")


def _wrapped(text: str, width: int, indent: int = 0) -> str:
    import textwrap

    return textwrap.fill(text, width, initial_indent="", subsequent_indent=" " * indent, drop_whitespace=True)
