"""Filling the position library: the bundled catalogue, games that GNU Backgammon plays with itself, match files.

Mining goes on where it stopped: a position that is in the library is not analysed again, and the games of a seed are
counted on from the last one that left a position. Not here: the engine and the choice of positions (`drills/`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from threading import local

from qgen_dagster.bank import positions as position_rows
from qgen_dagster.bank.engine import Bank
from qgen_dagster.core.drills import Phase, Position
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.drills.board import row_id
from qgen_dagster.drills.gnubg import Decision, EngineError, Gnubg, Program
from qgen_dagster.drills.library import load_catalogue, write_positions
from qgen_dagster.drills.mining import (
    Game,
    analysed,
    opening_decisions,
    play_game,
    source_of,
    to_position,
)

# The share of each phase in what is mined, about that of a library that serves (93 : 272 : 74).
SHARES = {Phase.EARLY: 0.21, Phase.MIDDLE: 0.62, Phase.BEAROFF: 0.17}
MINED_PHASES = tuple(SHARES)
GIVE_UP_AFTER = 40  # games in a row that leave nothing new
OPENING_SOURCE = "opening roll"
Progress = Callable[["MiningReport"], None]


@dataclass
class MiningReport:
    """What mining has done so far. `failures` are games that an engine error cut short."""

    wanted: Mapping[Phase, int]
    added: dict[Phase, int] = field(default_factory=lambda: dict.fromkeys(Phase, 0))
    games: int = 0
    known: int = 0
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0
    stopped_because: str = ""

    @property
    def total(self) -> int:
        return sum(self.added.values())

    @property
    def per_minute(self) -> float | None:
        """Positions added a minute; None before anything was measured."""
        return self.total / self.seconds * 60 if self.seconds and self.total else None

    def open_phases(self) -> tuple[Phase, ...]:
        """The phases that still want positions."""
        return tuple(phase for phase, count in self.wanted.items() if self.added[phase] < count)


def import_catalogue(bank: Bank) -> int:
    """Puts the bundled catalogue into the library; returns how many positions were new."""
    with bank.begin() as tx:
        return len(position_rows.add_positions(tx, load_catalogue()))


def export_positions(bank: Bank, path: Path, phases: Collection[Phase] | None = None) -> int:
    """Writes the library (or some phases) as JSON lines, gzipped for a name that ends in .gz; returns the count."""
    with bank.begin() as tx:
        found = position_rows.load_positions(tx, phases)
    write_positions(path, found)
    return len(found)


def share_out(count: int, phases: Collection[Phase] = MINED_PHASES) -> dict[Phase, int]:
    """How many positions of each phase make up `count`, by `SHARES`, largest remainders first.

    Raises ConfigurationError for a count below 1, and for OPENING, which is a fixed set of 21.
    """
    if count < 1:
        raise ConfigurationError(f"cannot mine {count} positions")
    if not phases or not set(phases) <= set(SHARES):
        raise ConfigurationError(f"positions are mined for {', '.join(SHARES)}", hint="OPENING is always the 21 rolls.")
    chosen = [phase for phase in SHARES if phase in phases]
    whole = sum(SHARES[phase] for phase in chosen)
    exact = {phase: count * SHARES[phase] / whole for phase in chosen}
    shares = {phase: int(exact[phase]) for phase in chosen}
    by_remainder = sorted(chosen, key=lambda phase: shares[phase] - exact[phase])
    for phase in by_remainder[: count - sum(shares.values())]:
        shares[phase] += 1
    return shares


def mine(
    bank: Bank,
    program: Program,
    count: int,
    *,
    seed: int = 1,
    phases: Collection[Phase] = MINED_PHASES,
    plies: int = 2,
    workers: int = 2,
    on_progress: Progress | None = None,
) -> MiningReport:
    """Adds `count` new positions from self-play, and the 21 opening rolls where they are missing.

    A game that an engine error cuts short is reported and left out; `GIVE_UP_AFTER` games in a row without anything
    new end the work. Raises ConfigurationError; EngineError only when the opening rolls cannot be analysed.
    """
    report = MiningReport(share_out(count, phases))
    started = time.monotonic()
    engines = _Engines(program, plies)
    try:
        with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="mining") as pool:
            _mine_openings(bank, engines, report)
            _mine_games(_Games(bank, engines, seed), pool, workers, report, started, on_progress)
    finally:
        engines.close()
        report.seconds = time.monotonic() - started
    return report


def mine_match_files(
    bank: Bank, program: Program, files: Sequence[Path], *, plies: int = 2, on_progress: Progress | None = None
) -> MiningReport:
    """Adds the instructive decisions of match files. A file that cannot be read is reported, the others go on."""
    report = MiningReport({})
    started = time.monotonic()
    with Gnubg(program, plies=plies) as engine:
        for path in files:
            try:
                decisions = _new_ones(bank, engine.decisions(path), report)
                found = [p for p in analysed(engine, decisions, f"match {path.name}"[:60]) if p.phase in MINED_PHASES]
            except EngineError as error:
                report.failures.append(error.message)
                continue
            report.games += 1
            report.seconds = time.monotonic() - started
            _store(bank, found, report, on_progress)
    report.stopped_because = "all files were read"
    return report


class _Engines:
    """One engine per thread, all ended together."""

    def __init__(self, program: Program, plies: int) -> None:
        self._program, self._plies = program, plies
        self._mine = local()
        self._all: list[Gnubg] = []

    def own(self) -> Gnubg:
        engine: Gnubg | None = getattr(self._mine, "engine", None)
        if engine is None:
            engine = self._mine.engine = Gnubg(self._program, plies=self._plies)
            self._all.append(engine)
        return engine

    def close(self) -> None:
        for engine in self._all:
            engine.close()


class _Games:
    """The games of a seed, counted on from the last one that left a position in the library."""

    def __init__(self, bank: Bank, engines: _Engines, seed: int) -> None:
        self._bank, self._engines, self._seed = bank, engines, seed
        prefix = source_of(seed, 0).removesuffix("0")
        with bank.begin() as tx:
            played = [int(source.removeprefix(prefix)) for source in position_rows.sources(tx, prefix)]
        self.next = max(played, default=-1) + 1
        self.bank = bank

    def start(self, pool: ThreadPoolExecutor, report: MiningReport) -> Future[list[Position]]:
        number, self.next = self.next, self.next + 1
        return pool.submit(self._mine, number, report.open_phases(), report)

    def _mine(self, number: int, wanted: Collection[Phase], report: MiningReport) -> list[Position]:
        engine = self._engines.own()
        game: Game = play_game(engine, self._seed, number, wanted)
        return list(analysed(engine, _new_ones(self._bank, game.decisions, report), game.source))


def _mine_openings(bank: Bank, engines: _Engines, report: MiningReport) -> None:
    engine = engines.own()
    missing = _new_ones(bank, opening_decisions(), report)
    found = [to_position(each, engine.analyse(each.board, each.dice), OPENING_SOURCE) for each in missing]
    with bank.begin() as tx:
        report.added[Phase.OPENING] += len(position_rows.add_positions(tx, found))


def _mine_games(
    games: _Games,
    pool: ThreadPoolExecutor,
    workers: int,
    report: MiningReport,
    started: float,
    on_progress: Progress | None,
) -> None:
    barren = 0
    running: set[Future[list[Position]]] = set()
    while report.open_phases() and barren < GIVE_UP_AFTER:
        while len(running) < workers:
            running.add(games.start(pool, report))
        done, running = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            report.games += 1
            report.seconds = time.monotonic() - started
            try:
                found = future.result()
            except EngineError as error:
                report.failures.append(error.message)
                found = []
            barren = 0 if _store(games.bank, found, report, on_progress) else barren + 1
    for future in running:
        future.cancel()
    report.stopped_because = (
        f"{GIVE_UP_AFTER} games in a row left nothing new" if report.open_phases() else "all wanted positions are there"
    )


def _new_ones(bank: Bank, decisions: Sequence[Decision], report: MiningReport) -> list[Decision]:
    by_id = {row_id(decision.board, decision.dice): decision for decision in decisions}
    with bank.begin() as tx:
        known = position_rows.known_ids(tx, list(by_id))
    report.known += len(known)
    return [decision for identity, decision in by_id.items() if identity not in known]


def _store(bank: Bank, found: Sequence[Position], report: MiningReport, on_progress: Progress | None) -> int:
    """Adds what the quotas still want, and returns how many positions were new."""
    room = {phase: count - report.added[phase] for phase, count in report.wanted.items()}
    kept = []
    for position in found:
        if not report.wanted or room.get(position.phase, 0) > 0:
            kept.append(position)
            room[position.phase] = room.get(position.phase, 0) - 1
    with bank.begin() as tx:
        new = position_rows.add_positions(tx, kept)
    for position in kept:
        report.added[position.phase] += position.id in new
    if on_progress is not None:
        on_progress(report)
    return len(new)
