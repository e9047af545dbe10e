"""Stock, plan and funnel as people see them."""

from __future__ import annotations

import io
from uuid import UUID

import pytest
from rich.console import Console, RenderableType

from qgen_dagster.cli.output import UNBOUNDED, Output, cut, make_console, make_table, money, span
from qgen_dagster.cli.report import funnel_json, funnel_text, next_steps
from qgen_dagster.cli.stock import plan_table, stock_json, stock_summary, stock_table
from qgen_dagster.core.errors import ExitCode
from qgen_dagster.core.funnel import Funnel, Loss
from qgen_dagster.core.inventory import InventoryAnalysis, analyze_inventory
from qgen_dagster.core.plan import compute_generation_plan
from qgen_dagster.core.run import RunStatus
from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster.services.balance import RoundReport


def analysis(types: int, levels: int, count: int = 0) -> InventoryAnalysis:
    strata = [Stratum(f"type_{t}", f"level_{d}") for t in range(types) for d in range(levels)]
    return analyze_inventory(dict.fromkeys(strata, count), strata)


def plain(part: RenderableType, width: int = 80) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    with console.capture() as captured:
        console.print(part)
    return [line.rstrip() for line in captured.get().rstrip("\n").split("\n")]


@pytest.mark.parametrize(("count", "word"), [(50, "healthy"), (20, "low"), (5, "warning"), (4, "critical")])
def test_a_level_is_told_by_a_word_not_by_colour_alone(count: int, word: str) -> None:
    assert f"{count} {word}" in plain(stock_table(analysis(1, 1, count), 80))[1]


def test_types_and_difficulties_make_rows_and_columns_where_they_fit() -> None:
    lines = plain(stock_table(analysis(6, 3, 50), 80, analysis(6, 3)))
    assert len(lines) == 7
    assert lines[1].count("0 → 50 healthy") == 3


@pytest.mark.parametrize("levels", [6, 40])
def test_many_difficulties_become_one_line_per_stratum(levels: int) -> None:
    lines = plain(stock_table(analysis(2, levels, 7), 80, analysis(2, levels)))
    assert len(lines) == 2 * levels + 1
    assert max(len(line) for line in lines) <= 80
    assert lines[0].split() == ["stratum", "before", "active", "target", "missing", "level"]


def test_long_names_are_cut_and_numbers_are_not() -> None:
    stratum = Stratum("t" * 60, "d" * 60)
    lines = plain(stock_table(analyze_inventory({stratum: 1_234_567}, [stratum]), 80))
    assert max(len(line) for line in lines) <= 80
    assert "1,234,567" in lines[1]
    assert "…" in lines[1]


def test_a_plan_shows_what_each_stratum_gets() -> None:
    stock = analysis(2, 2)
    lines = plain(plan_table(compute_generation_plan(6, stock), stock, 80))
    assert lines[0].split() == ["level_0", "level_1"]
    assert sum(int(cell) for line in lines[1:] for cell in line.split()[1:]) == 6


def test_a_summary_says_what_is_missing() -> None:
    assert stock_summary(analysis(1, 2, 10)) == (
        "20 active questions in 2 strata; 80 missing in 2 (target 50), 0 critical."
    )
    assert stock_summary(analysis(1, 1, 50)) == "50 active questions in 1 stratum; every stratum has its 50."


def test_stock_as_json_names_strata_below_target() -> None:
    value = stock_json(analysis(1, 2, 4))
    assert value["critical_strata"] == value["strata_below_target"] == ["type_0__level_0", "type_0__level_1"]
    assert value["strata"][0]["deficit"] == 46


FUNNEL = Funnel(
    requested=100,
    generated=95,
    inserted=70,
    pending=5,
    losses={
        Loss.NOT_GENERATED: 3,
        Loss.SATURATED: 2,
        Loss.LOW_SCORE: 8,
        Loss.WRONG_KEY: 2,
        Loss.DUPLICATE_EXACT: 4,
        Loss.DUPLICATE_SEMANTIC: 1,
        Loss.SURPLUS: 5,
    },
)


def test_the_funnel_names_every_loss_beside_its_step() -> None:
    assert FUNNEL.balance == 0
    assert funnel_text(FUNNEL).split("\n") == [
        "  requested  100",
        "  generated   95  −5: 3 never came, 2 nothing new left",
        "  approved    85  −10: 8 low score, 2 wrong key",
        "  unique      80  −5 duplicates: 4 exact, 1 semantic",
        "  inserted    70  −5: 5 surplus",
        "  waiting      5  qgen resume goes on with them",
    ]


@pytest.mark.parametrize(("seconds", "offered"), [(1.5, True), (0.0, False)])
def test_a_run_that_was_refused_before_it_was_recorded_is_not_offered_to_be_looked_at(
    seconds: float, offered: bool
) -> None:
    status, code = RunStatus.FAILED, ExitCode.COMPLETE_FAILURE
    report = RoundReport(UUID(int=7), 1, 5, status, Funnel(), None, seconds, "another run is filling it", code)
    assert ("qgen runs show 00000000" in dict(next_steps([report], Funnel()))) is offered


def test_the_funnel_as_json_holds_the_same_numbers() -> None:
    value = funnel_json(FUNNEL)
    assert (value["approved"], value["unique"], value["inserted"]) == (85, 80, 70)
    assert sum(value["losses"].values()) == FUNNEL.lost


@pytest.mark.parametrize(("seconds", "text"), [(None, "–"), (3.21, "3.2 s"), (75, "1 min 15 s"), (7_325, "2 h 02 min")])
def test_durations_are_said_shortly(seconds: float | None, text: str) -> None:
    assert span(seconds) == text


def test_small_costs_are_not_rounded_to_nothing() -> None:
    assert [money(c) for c in (None, 0.0, 0.0042, 12.5)] == ["–", "$0.00", "$0.0042", "$12.50"]


def test_text_is_cut_on_one_line() -> None:
    assert cut("a\n b  c", 10) == "a b c"
    assert cut("abcdefghij", 5) == "abcd…"


def test_json_output_is_the_only_thing_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(as_json=True)
    output.show("text", gap=True)
    output.note("remark")
    output.json({"a": 1})
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ('{"a": 1}\n', "")


def test_into_a_pipe_nothing_is_wrapped_coloured_or_padded(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    output = Output()
    output.show(stock_table(analysis(3, 12, 50), output.console.width), "x" * 300)
    lines = capsys.readouterr().out.split("\n")
    assert "\x1b" not in "".join(lines)
    assert [line for line in lines if line != line.rstrip()] == []
    assert lines[-2] == "x" * 300


def test_on_a_narrow_screen_ids_and_numbers_stay_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    output = Output()
    rows = [["3f2a91c0", "spatial__medium", "1,234,567", "How many of them are there in all?"]]
    headers = ["id", "stratum", "active", "question"]
    output.show(make_table(headers, rows, width=output.console.width, right=["active"], flexible="question"))
    _, row, _ = capsys.readouterr().out.split("\n")
    assert row == "3f2a91c0  spatial__medium  1,234,567  How many of…"


@pytest.mark.parametrize("columns", ["0", "", "many"])
def test_a_width_that_is_none_counts_as_not_known(monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert make_console(io.StringIO()).width == UNBOUNDED
