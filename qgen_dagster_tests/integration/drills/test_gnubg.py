"""GNU Backgammon as a process: what it answers, and everything that can go wrong with it."""

from __future__ import annotations

import stat
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from qgen_dagster.config.drills import packaged_curriculum
from qgen_dagster.core.drills import SeriesVerdict
from qgen_dagster.core.errors import ConfigurationError, ExitCode
from qgen_dagster.drills.board import START, from_position_id, position_id_of, split_row_id
from qgen_dagster.drills.design import design_drill
from qgen_dagster.drills.gnubg import (
    EngineCrashed,
    EngineHung,
    EngineMissing,
    EngineRefused,
    EngineVersion,
    Gnubg,
    Program,
    find_program,
)
from qgen_dagster.drills.library import load_catalogue
from qgen_dagster.drills.plays import legal_plays
from qgen_dagster.drills.verify import engine_evaluations, verify_series
from qgen_dagster_tests.support.backgammon import installed_gnubg, random_game_boards

MATCH = """ 1 point match

 Game 1
 gnubg : 0                      root : 0
  1)                             65: 24/18 18/13
  2) 63: 24/18 18/15             33: 13/10* 13/10 6/3 6/3
  3) 43: 25/21 24/21             32: 24/22 13/10
"""


@pytest.fixture(scope="module")
def program() -> Program:
    return installed_gnubg()


@pytest.fixture(scope="module")
def engine(program: Program) -> Iterator[Gnubg]:
    with Gnubg(program) as started:
        yield started


class Impostor:
    """Writes programs that behave like a gnubg that misbehaves."""

    def __init__(self, folder: Path, started: ExitStack) -> None:
        self._path = folder / "gnubg"
        self._started = started

    def write(self, body: str, version: str = "GNU Backgammon 1.07.001 20230103") -> Path:
        text = f"""\
            #!/bin/sh
            if [ "$1" = "--version" ]; then echo "{version}"; exit 0; fi
            {body}
            """
        self._path.write_text(textwrap.dedent(text), encoding="utf-8")
        self._path.chmod(self._path.stat().st_mode | stat.S_IXUSR)
        return self._path

    def start(self, body: str, **seconds: float) -> Gnubg:
        return self._started.enter_context(Gnubg(find_program(str(self.write(body))), **seconds))  # type: ignore[arg-type]


@pytest.fixture
def impostor(tmp_path: Path) -> Iterator[Impostor]:
    with ExitStack() as started:
        yield Impostor(tmp_path, started)


def test_the_best_opening_play_of_three_one_makes_the_five_point(engine: Gnubg) -> None:
    evaluation = engine.analyse(START, (3, 1))
    assert evaluation.best.play == "8/5 6/5"
    assert evaluation.legal_plays == 16
    assert evaluation.plies == 2
    assert 0.15 < evaluation.best.equity < 0.28
    assert 0.5 < evaluation.best.win < 0.6
    losses = [evaluation.loss(candidate) for candidate in evaluation.candidates]
    assert losses == sorted(losses)
    assert losses[0] == 0


def test_the_same_question_gets_the_same_answer_from_another_process(engine: Gnubg, program: Program) -> None:
    board, dice = from_position_id("sHPgASjgc/ABMA"), (2, 2)
    with Gnubg(program) as other:
        assert other.analyse(board, dice) == engine.analyse(board, dice)


def test_the_catalogue_says_what_the_engine_says(engine: Gnubg) -> None:
    if engine.program.version != "1.07.001":
        pytest.skip(f"the catalogue was made with gnubg 1.07.001, here is {engine.program.version}")
    for position in load_catalogue()[::120]:
        assert engine.analyse(*split_row_id(position.id)).best.play == position.evaluation.best.play


def test_it_finds_the_same_legal_plays_as_gnu_backgammon(engine: Gnubg) -> None:
    # The adapter refuses an answer whose plays differ in number from our own, and any that is not among them.
    checked = 0
    for board, dice in random_game_boards(seed=11, games=8):
        evaluation = engine.analyse(board, dice, plies=0)
        assert evaluation.legal_plays == len(evaluation.candidates) == len(legal_plays(board, dice))
        checked += 1
    assert checked > 400


def test_a_roll_without_a_legal_play_has_no_candidates(engine: Gnubg) -> None:
    points = [0] * 26
    points[25], points[1] = 1, 5
    for point in range(19, 25):
        points[point] = -2
    board = type(START)(tuple(points))
    assert engine.analyse(board, (6, 5)).candidates == ()


def test_a_position_is_judged_before_the_roll(engine: Gnubg) -> None:
    prospects = engine.prospects(START)
    assert 0.5 < prospects.win < 0.55
    assert prospects.win > prospects.win_gammon > prospects.win_backgammon


def test_a_match_file_gives_its_decisions(engine: Gnubg, tmp_path: Path) -> None:
    path = tmp_path / "a; touch pwned $(id).mat"
    path.write_text(MATCH, encoding="utf-8")
    decisions = engine.decisions(path)
    assert [decision.dice for decision in decisions] == [(6, 5), (6, 3), (3, 3), (4, 3), (3, 2)]
    assert [decision.move_number for decision in decisions] == [1, 1, 2, 2, 3]
    assert position_id_of(decisions[0].board) == "4HPwATDgc/ABMA"
    for decision in decisions:
        assert legal_plays(decision.board, decision.dice)
    assert not (tmp_path / "pwned").exists()


def test_a_file_that_is_no_match_is_refused(engine: Gnubg, tmp_path: Path) -> None:
    path = tmp_path / "notes.mat"
    path.write_text("nothing to see", encoding="utf-8")
    with pytest.raises(EngineRefused, match="no game"):
        engine.decisions(path)
    with pytest.raises(EngineRefused, match="cannot be read"):
        engine.decisions(tmp_path / "missing.mat")
    assert engine.analyse(START, (2, 1), plies=0).candidates


def test_a_missing_program_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qgen_dagster.drills.gnubg.USUAL_PLACES", ())
    with pytest.raises(EngineMissing, match="apt install gnubg") as caught:
        find_program(environ={"PATH": str(tmp_path)})
    assert caught.value.exit_code == ExitCode.CONFIGURATION
    with pytest.raises(EngineMissing, match="QGEN_GNUBG"):
        find_program(str(tmp_path / "gnubg"))


def test_another_program_of_that_name_is_refused(impostor: Impostor) -> None:
    with pytest.raises(EngineVersion, match="does not say"):
        find_program(str(impostor.write("exit 0", version="hello")))


def test_another_version_is_refused_by_its_number(impostor: Impostor) -> None:
    with pytest.raises(EngineVersion, match=r"2\.10"):
        find_program(str(impostor.write("exit 0", version="GNU Backgammon 2.10.0")))


def test_a_program_that_hangs_at_the_start_is_ended(impostor: Impostor) -> None:
    with pytest.raises(EngineHung, match="to start"):
        impostor.start("exec sleep 60", start_seconds=0.3).analyse(START, (3, 1))


def test_a_program_that_hangs_over_a_question_is_ended_and_started_again(impostor: Impostor) -> None:
    engine = impostor.start("echo '@qgen {\"ready\": true}'; exec sleep 60", request_seconds=0.3)
    for _ in range(2):
        with pytest.raises(EngineHung, match="to answer"):
            engine.analyse(START, (3, 1))


def test_a_program_that_crashes_says_its_last_words(impostor: Impostor) -> None:
    with pytest.raises(EngineCrashed, match="no room in the inn"):
        impostor.start("echo 'no room in the inn'; exit 3").analyse(START, (3, 1))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ('{"result": [["9/1", 0.1, [0.5, 0.1, 0.0, 0.1, 0.0], 2]]}', EngineRefused),
        ('{"result": [["8/5 6/5", 0.1, [0.5, 0.1, 0.0, 0.1, 0.0], 2]]}', EngineRefused),  # 15 plays are missing
        ('{"result": [["8/5 6/5"]]}', EngineRefused),
        ('{"error": "the position is not accepted"}', EngineRefused),
        ('{"result": [["8/5 6/5", 0.', EngineCrashed),
        ("[]", EngineCrashed),
    ],
)
def test_an_answer_that_cannot_be_used_is_an_error(impostor: Impostor, answer: str, error: type[Exception]) -> None:
    body = f"echo '@qgen {{\"ready\": true}}'; read line; echo '@qgen {answer}'; read line"
    with pytest.raises(error):
        impostor.start(body).analyse(START, (3, 1))


def test_no_folder_and_no_process_is_left_behind(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Gnubg(program) as engine:
        engine.analyse(START, (3, 1), plies=0)
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []


def test_look_ahead_is_kept_within_reason(program: Program) -> None:
    with pytest.raises(ConfigurationError, match="plies"):
        Gnubg(program, plies=9)


def test_a_drill_is_verified_against_a_fresh_evaluation(engine: Gnubg) -> None:
    position = next(each for each in load_catalogue() if each.id == "4HPwATDgc/ABMA:31")
    drill = design_drill(position, "compare_candidates", packaged_curriculum(), 1)
    assert drill is not None
    found, failed = engine_evaluations(engine, [drill.position_id, "//////////////:31"])
    assert list(failed) == ["//////////////:31"]
    check = verify_series({0: drill}, found, expected=1)
    assert check.verdict is SeriesVerdict.VERIFIED
    assert check.checks[0].checked_with == f"{engine.program.name}, 2-ply"
