"""`qgen drills mine` and `qgen drills positions`: what drills are made of.

Not here: series (`drills.py`), mining itself (`services/mine_positions.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qgen_dagster.cli.app import Command
from qgen_dagster.cli.flags import CommonFlags, LimitFlag, split, with_flags
from qgen_dagster.config.paths import typed_path
from qgen_dagster.core.errors import ConfigurationError, ExitCode

if TYPE_CHECKING:
    from qgen_dagster.config.settings import Settings
    from qgen_dagster.core.drills import Phase
    from qgen_dagster.drills.gnubg import Program
    from qgen_dagster.services.mine_positions import MiningReport

MINE_EXAMPLES = """
Needs GNU Backgammon (Debian and Ubuntu: apt install gnubg). It may be stopped
and started again: what is in the library is not analysed twice.

Examples:
  qgen drills mine --count 100
  qgen drills mine --count 40 --phases BEAROFF --seed 7
  qgen drills mine --match game1.sgf --match game2.mat
"""
POSITIONS_EXAMPLES = """
Examples:
  qgen drills positions                          how many there are of each phase
  qgen drills positions --phases MIDDLE --list --limit 50
  qgen drills positions 4HPwATDgc/ABMA:31        one, with all evaluated plays
  qgen drills positions --export library.jsonl.gz
"""
PhasesFlag = Annotated[list[str] | None, typer.Option(metavar="PHASE,…", help="Only these phases.")]


def register(app: typer.Typer) -> None:
    """Adds the two commands to `qgen drills`."""
    app.command(cls=Command, epilog=MINE_EXAMPLES)(mine)
    app.command(cls=Command, epilog=POSITIONS_EXAMPLES)(positions)


@with_flags
def mine(
    common: CommonFlags,
    count: Annotated[int, typer.Option(metavar="N", min=1, max=100_000, help="How many new positions.")] = 100,
    phases: PhasesFlag = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Which games are played.")] = 1,
    match: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Take them from match files instead; may be repeated.")
    ] = None,
    plies: Annotated[int, typer.Option(metavar="N", min=0, max=4, help="How far gnubg looks ahead.")] = 2,
    workers: Annotated[int, typer.Option(metavar="N", min=1, max=64, help="Processes of gnubg at a time.")] = 2,
) -> None:
    """Add positions from games of GNU Backgammon.

    It plays itself, or match files are read; what is worth a drill is kept.
    """
    from qgen_dagster.cli import drill_report
    from qgen_dagster.cli.output import Output, span
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.services import mine_positions as mining
    from qgen_dagster.services.database import open_bank

    settings, output = load_settings(), Output(as_json=common.json)
    wanted = _phases(phases) or mining.MINED_PHASES
    mining.share_out(count, wanted)  # refuses what cannot be mined before anything is started
    program = program_for(settings, required=True)
    assert program is not None  # noqa: S101 - required
    total = len(match) if match else count
    with open_bank(settings) as bank, counting("Mined", "positions", quiet=common.json) as told:

        def tell(report: MiningReport) -> None:
            told(report.games if match else min(report.total, total), total)

        if match:
            report = mining.mine_match_files(bank, program, match, plies=plies, on_progress=tell)
        else:
            report = mining.mine(
                bank, program, count, seed=seed, phases=wanted, plies=plies, workers=workers, on_progress=tell
            )
    output.json(drill_report.mining_json(report))
    rate = f", {report.per_minute:.0f} a minute" if report.per_minute else ""
    added = ", ".join(f"{there} {phase.value}" for phase, there in report.added.items() if there) or "none"
    output.show(f"{report.total} new positions ({added}) from {report.games} games in {span(report.seconds)}{rate}.")
    output.show(f"Ended because {report.stopped_because}.")
    for failure in report.failures[:5]:
        output.note(f"left out: {failure}")
    if report.failures:
        raise typer.Exit(int(ExitCode.PARTIAL_FAILURE if report.total else ExitCode.COMPLETE_FAILURE))


@with_flags
def positions(
    common: CommonFlags,
    position: Annotated[str | None, typer.Argument(help="One position, by its id with the roll.")] = None,
    phases: PhasesFlag = None,
    list_: Annotated[bool, typer.Option("--list", help="List them too.")] = False,
    limit: LimitFlag = 20,
    load: Annotated[Path | None, typer.Option(metavar="FILE", help="Add the positions of a file first.")] = None,
    export: Annotated[Path | None, typer.Option(metavar="FILE", help="Write them to a file (.jsonl, .gz).")] = None,
) -> None:
    """Show the position library. The bundled catalogue is put into it where it is missing."""
    from qgen_dagster.bank import positions as rows
    from qgen_dagster.cli import drill_report
    from qgen_dagster.cli.output import Output
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.drills.library import in_order, read_positions
    from qgen_dagster.services.database import open_bank
    from qgen_dagster.services.mine_positions import export_positions
    from qgen_dagster.services.plan_drills import fill_library

    output, chosen = Output(as_json=common.json), _phases(phases)
    given = read_positions(typed_path(load)) if load else ()
    with open_bank(load_settings()) as bank:
        fill_library(bank)
        with bank.begin() as tx:
            added = len(rows.add_positions(tx, given))
            one = rows.get_positions(tx, [position]).get(position) if position else None
            counts = {phase.value: n for phase, n in rows.count_by_phase(tx).items() if not chosen or phase in chosen}
            found = in_order(rows.load_positions(tx, chosen or None))[:limit] if list_ else ()
        written = _exported(lambda: export_positions(bank, export, chosen or None), export) if export else None
    if position and one is None:
        raise ConfigurationError(f"the library has no position {position!r}", hint="See: qgen drills positions --list")
    if one is not None:
        output.json(one.model_dump(mode="json"))
        drill_report.show_position(output, one)
        return
    facts = {"counts": counts, "added": added, "written": written}
    output.json({**facts, "positions": [each.model_dump(mode="json") for each in found]})
    if not common.json:
        drill_report.show_positions(output, counts, found)
    if load:
        output.note(f"{added} of {len(given)} positions were new")
    if written is not None:
        output.note(f"{written} positions written to {export}")


def program_for(settings: Settings, *, required: bool) -> Program | None:
    """GNU Backgammon, or None where it is not installed. Raises EngineMissing if it is required, EngineError."""
    from qgen_dagster.drills.gnubg import EngineMissing, find_program

    try:
        return find_program(settings.gnubg)
    except EngineMissing:
        if required or settings.gnubg:
            raise
        return None


@contextmanager
def counting(verb: str, noun: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A display for work that goes one by one."""
    from qgen_dagster.cli.progress import show_progress
    from qgen_dagster.core.progress import ProgressEvent

    with show_progress(quiet=quiet) as display:
        yield lambda done, total: display(ProgressEvent(verb, "gnubg", done, total, noun=noun, group_noun="engine"))


def _phases(given: list[str] | None) -> tuple[Phase, ...]:
    from qgen_dagster.core.drills import parse_phases

    names = split("--phases", given)
    return parse_phases(names) if names else ()


def _exported(write: Callable[[], int], path: Path) -> int:
    try:
        return write()
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written: {error.strerror}") from error
