"""A series as one document, rebuilt from its rows whenever somebody asks: JSON, and Markdown for players.

The same rows make the same bytes. Nothing of it is stored. Not here: making drills (`build_drills.py`), pages of the
dashboard, the terminal (`cli/drill_text.py`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from qgen_dagster.bank import drills as rows
from qgen_dagster.bank import positions as position_rows
from qgen_dagster.bank.drills import StoredDrill, StoredSeries
from qgen_dagster.bank.engine import Bank
from qgen_dagster.core.drills import Asks, Drill, DrillVerdict, Phase, Position
from qgen_dagster.core.question import LABELS
from qgen_dagster.drills.board import from_position_id
from qgen_dagster.drills.figure import board_figure, board_text
from qgen_dagster.services.plan_drills import load_series

FORMAT = "qgen drill series 1"
BOARDS = "boards"


@dataclass(frozen=True)
class Artifact:
    """A series with its drills in order, and their positions by id."""

    series: StoredSeries
    drills: tuple[StoredDrill, ...]
    positions: Mapping[str, Position]


def rebuild(bank: Bank, series_id: UUID) -> Artifact:
    """The series from its rows. Raises ConfigurationError when there is none."""
    series = load_series(bank, series_id)
    with bank.begin() as tx:
        drills = rows.list_drills(tx, series_id)
        positions = position_rows.get_positions(tx, [stored.drill.position_id for stored in drills])
    return Artifact(series, tuple(drills), positions)


def as_document(artifact: Artifact) -> dict[str, Any]:
    """The series as JSON values. Times and ids of runs are left out: they are no part of what was made."""
    series = artifact.series
    return {
        "format": FORMAT,
        "series": {
            "id": str(series.id),
            "title": series.title,
            "status": series.status.value,
            "verification": series.verification.value,
            "checked_with": series.checked_with,
            "target_drill_count": series.target_drill_count,
            "planned_drill_count": series.planned_drill_count,
            "drill_count": len(artifact.drills),
            "missing": missing_indices(artifact),
            "phases": [phase.value for phase in series.phases],
            "seed": series.seed,
            "warning": series.warning,
            "position_cost": dict(series.position_cost),
        },
        "make_up": make_up(artifact),
        "drills": [drill_document(artifact, stored) for stored in artifact.drills],
    }


def drill_document(artifact: Artifact, stored: StoredDrill) -> dict[str, Any]:
    """One drill with its position and its check."""
    position = artifact.positions[stored.drill.position_id]
    return {
        "index": stored.index,
        "batch": stored.batch_index,
        **stored.drill.model_dump(mode="json"),
        "position": {
            "gnubg_position_id": position.position_id,
            "gnubg_match_id": position.match_id,
            "phase": position.phase.value,
            "dice": position.dice,
            "pips_on_roll": position.pips_on_roll,
            "pips_opponent": position.pips_opponent,
            "board": board_text(from_position_id(position.position_id)),
            "source": position.source,
        },
        "made_by": {"provider": stored.provider, "model": stored.model, "prompt_version": stored.prompt_version},
        "check": asdict(stored.check) if stored.check else None,
    }


def as_json(artifact: Artifact) -> str:
    """The document as text."""
    return json.dumps(as_document(artifact), ensure_ascii=False, indent=2) + "\n"


def as_markdown(artifact: Artifact, *, boards: str | None = None) -> str:
    """The series for players: all drills first, all answers after them.

    `boards` is the folder of the pictures, where there is one; without it boards are told in words.
    """
    series = artifact.series
    lines = [f"# {series.title}", "", _about(artifact), ""]
    if series.warning:
        lines += [f"> {series.warning}", ""]
    for stored in artifact.drills:
        lines += [*_shown(artifact, stored, boards), ""]
    lines += ["# Answers", ""]
    for stored in artifact.drills:
        lines += [*_answered(stored), ""]
    return "\n".join(lines).rstrip() + "\n"


def export(artifact: Artifact, folder: Path) -> list[Path]:
    """Writes `series.json`, `series.md` and a picture per drill; returns the files."""
    (folder / BOARDS).mkdir(parents=True, exist_ok=True)
    written = {folder / "series.json": as_json(artifact), folder / "series.md": as_markdown(artifact, boards=BOARDS)}
    for stored in artifact.drills:
        written[folder / BOARDS / board_name(stored)] = picture(artifact, stored) + "\n"
    for path, text in written.items():
        path.write_text(text, encoding="utf-8")
    return list(written)


def picture(artifact: Artifact, stored: StoredDrill) -> str:
    """The drill's board as SVG; it does not tell the pips where the drill asks for them."""
    position = artifact.positions[stored.drill.position_id]
    return board_figure(from_position_id(position.position_id), position.roll, pips=shows_pips(stored.drill))


def shows_pips(drill: Drill) -> bool:
    """Whether the drill's board may tell the pips."""
    return drill.asks is not Asks.RACE


def board_name(stored: StoredDrill) -> str:
    """The file of a drill's picture, such as `03.svg`."""
    return f"{stored.index + 1:02}.svg"


def missing_indices(artifact: Artifact) -> list[int]:
    """Places of the series that have no drill."""
    there = {stored.index for stored in artifact.drills}
    return [index for index in range(artifact.series.planned_drill_count) if index not in there]


def make_up(artifact: Artifact) -> dict[str, dict[str, int]]:
    """How many drills there are of each phase, tier, methodology and format."""
    drills = [stored.drill for stored in artifact.drills]
    phases = Counter(artifact.positions[drill.position_id].phase.value for drill in drills)
    return {
        "phases": {phase.value: phases[phase.value] for phase in Phase if phases[phase.value]},
        "tiers": _counts(drill.tier.value for drill in drills),
        "methodologies": _counts(drill.methodology for drill in drills),
        "formats": _counts(drill.format.value for drill in drills),
    }


def _counts(names: Iterator[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def _about(artifact: Artifact) -> str:
    series = artifact.series
    verified = sum(s.check is not None and s.check.verdict is DrillVerdict.VERIFIED for s in artifact.drills)
    checked = f"{verified} of {series.planned_drill_count} answers verified"
    by = f" ({series.checked_with})" if series.checked_with else ""
    return f"{len(artifact.drills)} drills, seed {series.seed}. {checked}{by}."


def _shown(artifact: Artifact, stored: StoredDrill, boards: str | None) -> list[str]:
    drill = stored.drill
    position = artifact.positions[drill.position_id]
    board = words_for(artifact, stored)
    if boards:
        board = f"![{board}]({boards}/{board_name(stored)})"
    return _question(stored, position, board)


def drill_markdown(artifact: Artifact, stored: StoredDrill, board: str) -> str:
    """One drill with its answer; `board` is its picture as Markdown, or the board in words."""
    asked = _question(stored, artifact.positions[stored.drill.position_id], board)
    return "\n".join([*asked, "", *_answered(stored)])


def words_for(artifact: Artifact, stored: StoredDrill) -> str:
    """The drill's board in words."""
    position = artifact.positions[stored.drill.position_id]
    return board_text(from_position_id(position.position_id), pips=shows_pips(stored.drill))


def _question(stored: StoredDrill, position: Position, board: str) -> list[str]:
    drill = stored.drill
    return [
        f"## {stored.index + 1}. {title_of(drill)} ({position.phase.value.lower()})",
        "",
        board,
        "",
        drill.scenario,
        "",
        f"**{drill.question}**",
        "",
        *(f"- {LABELS[place]}. {option.text}" for place, option in enumerate(drill.options)),
    ]


def _answered(stored: StoredDrill) -> list[str]:
    drill = stored.drill
    key = next(place for place, option in enumerate(drill.options) if option.correct)
    return [
        f"## {stored.index + 1}. {LABELS[key]}: {drill.options[key].text}",
        "",
        drill.explanation,
        "",
        *(f"- {LABELS[place]}. {option.feedback}" for place, option in enumerate(drill.options)),
        "",
        f"Position {drill.position_id}. {_checked(stored)}",
    ]


def title_of(drill: Drill) -> str:
    """The methodology as a title."""
    return drill.methodology.replace("_", " ").capitalize()


def _checked(stored: StoredDrill) -> str:
    if stored.check is None:
        return "Not checked."
    said = f"{stored.check.verdict.value.capitalize()} with {stored.check.checked_with or 'nothing'}"
    return f"{said}: {'; '.join(stored.check.problems)}." if stored.check.problems else f"{said}."


def shown_drills(artifact: Artifact, numbers: Sequence[int]) -> tuple[StoredDrill, ...]:
    """The drills with these numbers (from 1), or all."""
    return tuple(s for s in artifact.drills if not numbers or s.index + 1 in numbers)
