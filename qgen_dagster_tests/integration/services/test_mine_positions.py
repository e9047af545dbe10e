"""The position library: the catalogue, mining that goes on where it stopped, match files, export."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from qgen_dagster.bank import positions as position_rows
from qgen_dagster.bank.engine import Bank
from qgen_dagster.core.drills import Evaluation, Phase, Position
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.drills.board import Board
from qgen_dagster.drills.gnubg import EngineCrashed, Gnubg, Program
from qgen_dagster.drills.library import load_catalogue, read_positions
from qgen_dagster.services.mine_positions import (
    MiningReport,
    export_positions,
    import_catalogue,
    mine,
    mine_match_files,
    share_out,
)
from qgen_dagster_tests.support.backgammon import installed_gnubg

MATCH = """ 1 point match

 Game 1
 gnubg : 0                      root : 0
  1)                             65: 24/18 18/13
  2) 63: 24/18 18/15             33: 13/10* 13/10 6/3 6/3
  3) 43: 25/21 24/21             32: 24/22 13/10
  4) 22: 13/11 13/11 6/4 6/4     52: 22/20 20/15
  5) 31: 8/7 13/10*              61: 25/24 24/18*
"""


@pytest.fixture(scope="module")
def program() -> Program:
    return installed_gnubg()


def stored(bank: Bank) -> list[Position]:
    with bank.begin() as tx:
        return position_rows.load_positions(tx)


def test_the_catalogue_is_imported_once(bank: Bank) -> None:
    assert import_catalogue(bank) == len(load_catalogue())
    assert import_catalogue(bank) == 0
    with bank.begin() as tx:
        counted = position_rows.count_by_phase(tx)
        one = position_rows.get_positions(tx, ["4HPwATDgc/ABMA:31", "AAAAAAAAAAAAAA:31"])
    assert counted[Phase.OPENING] == 21
    assert sum(counted.values()) == len(load_catalogue())
    assert list(one) == ["4HPwATDgc/ABMA:31"]
    assert sorted(stored(bank), key=lambda p: p.id) == sorted(load_catalogue(), key=lambda p: p.id)


@pytest.mark.parametrize("name", ["library.jsonl", "library.jsonl.gz"])
def test_what_is_exported_is_read_back(bank: Bank, tmp_path: Path, name: str) -> None:
    import_catalogue(bank)
    path = tmp_path / "new" / name
    assert export_positions(bank, path) == len(load_catalogue())
    assert read_positions(path) == load_catalogue()
    first = path.read_bytes()
    export_positions(bank, path)
    assert path.read_bytes() == first
    assert export_positions(bank, path, [Phase.OPENING]) == 21


def test_mining_adds_what_was_asked_for_and_the_openings(bank: Bank, program: Program) -> None:
    seen: list[int] = []
    report = mine(bank, program, 8, seed=3, plies=0, on_progress=lambda now: seen.append(now.total))
    assert report.stopped_because == "all wanted positions are there"
    assert report.added[Phase.OPENING] == 21
    assert {phase: report.added[phase] for phase in report.wanted} == report.wanted
    found = stored(bank)
    assert len(found) == 29 == report.total
    assert seen == sorted(seen)
    assert report.per_minute is not None
    for position in found:
        assert position.evaluation.candidates
        if position.phase is not Phase.OPENING:
            assert position.source.startswith("self-play seed 3 game ")


def test_mining_goes_on_where_it_stopped(bank: Bank, program: Program) -> None:
    mine(bank, program, 4, seed=3, plies=0)
    before = {position.source for position in stored(bank)}
    report = mine(bank, program, 4, seed=3, plies=0)
    assert report.added[Phase.OPENING] == 0
    assert report.total == 4
    new = [position.source for position in stored(bank) if position.source not in before]
    assert len(new) == 4


def test_the_same_game_leaves_the_same_positions(bank: Bank, program: Program) -> None:
    report = mine(bank, program, 3, seed=5, phases=[Phase.EARLY], plies=0, workers=1)
    first = {position.id for position in stored(bank)}
    with bank.begin() as tx:
        tx.exec_driver_sql("DELETE FROM positions")
    again = mine(bank, program, 3, seed=5, phases=[Phase.EARLY], plies=0, workers=1)
    assert {position.id for position in stored(bank)} == first
    assert (again.total, again.games) == (report.total, report.games)


def test_a_game_in_which_the_engine_crashes_is_left_out(
    bank: Bank, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: Iterator[int] = itertools.count()
    real = Gnubg.analyse

    def sometimes(self: Gnubg, board: Board, dice: tuple[int, int], *, plies: int | None = None) -> Evaluation:
        if next(calls) == 40:
            raise EngineCrashed("GNU Backgammon ended without an answer")
        return real(self, board, dice, plies=plies)

    monkeypatch.setattr(Gnubg, "analyse", sometimes)
    report = mine(bank, program, 5, seed=9, phases=[Phase.EARLY], plies=0, workers=1)
    assert report.failures == ["GNU Backgammon ended without an answer"]
    assert report.total == 26


def test_match_files_are_mined_and_bad_ones_reported(bank: Bank, program: Program, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.mat", tmp_path / "bad.mat"
    good.write_text(MATCH, encoding="utf-8")
    bad.write_text("no match", encoding="utf-8")
    progress: list[MiningReport] = []
    report = mine_match_files(bank, program, [bad, good], plies=0, on_progress=progress.append)
    assert len(report.failures) == 1
    assert "bad.mat" in report.failures[0]
    assert report.total == len(stored(bank)) > 0
    assert {position.source for position in stored(bank)} == {"match good.mat"}
    assert Phase.OPENING not in {position.phase for position in stored(bank)}
    assert mine_match_files(bank, program, [good], plies=0).total == 0


def test_shares_add_up_and_openings_cannot_be_mined() -> None:
    assert share_out(439) == {Phase.EARLY: 92, Phase.MIDDLE: 272, Phase.BEAROFF: 75}
    for count in range(1, 40):
        assert sum(share_out(count).values()) == count
    with pytest.raises(ConfigurationError, match="OPENING"):
        share_out(5, [Phase.OPENING])
    with pytest.raises(ConfigurationError, match="0"):
        share_out(0)
