"""`qgen audit judges` without any judge, its tables, and the page that it writes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from qgen_dagster.cli import judge_report
from qgen_dagster.cli.output import Output
from qgen_dagster.config.llm import load_llm_config
from qgen_dagster.config.settings import PROVIDER_VARIABLES
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.judging.audit import (
    Answered,
    Judged,
    Mean,
    Scored,
    Share,
    Version,
    arbiter_figures,
    panel_figures,
    rule_figures,
    solver_figures,
)
from qgen_dagster.judging.labelled_set import load_labelled
from qgen_dagster.judging.rubric import Scores
from qgen_dagster.judging.solving import Answer
from qgen_dagster.judging.verdict import Assessment
from qgen_dagster.services.judge_audit import AuditReport
from qgen_dagster.services.jury import Jury
from qgen_dagster_tests.unit.cli.conftest import Qgen

PAGE = Path(__file__).parents[3] / "docs" / "quality.md"
ITEMS = load_labelled()
EMPTY_PAGE = "# Quality\n\n<!-- rules -->\n<!-- end -->\n\nbetween\n\n<!-- judges -->\nnothing yet\n<!-- end -->\n"


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROVIDER_VARIABLES:
        monkeypatch.delenv(name, raising=False)


def report() -> AuditReport:
    """A report of one model that was measured on a single question, and one that was not measured at all."""
    config = load_llm_config()
    names = ("gpt-5.4-mini", "grok-4.7")
    judges = config.judges.model_copy(update={"solvers": names, "arbiters": names})
    item = ITEMS[0]
    order = tuple(range(len(item.question.options)))
    answers = [Answered(item, names[0], order, 0, False, Answer(solver="s", option=item.right))]
    scores = Scores(clarity=0.8, validity=0.8, formatting=0.8, creativity=0.8)
    said = Assessment(arbiter="a", scores=scores, reasons={}, leakage=1.0, difficulty=item.level)
    scored = [Scored(item, names[0], Version.PLAIN, said)]
    return AuditReport(
        at=datetime(2026, 11, 20, tzinfo=UTC),
        items=1,
        good=1,
        jury=Jury(config.model_copy(update={"judges": judges}), ("claude-sonnet-5-5",)),
        prompt_versions=("solve/1@abc", "arbitrate/1@def", "arbitrate/1@012"),
        min_score=0.7,
        rules=rule_figures(ITEMS),
        panel=panel_figures([Judged(item, None)]),
        solvers=tuple(solver_figures(name, answers) for name in names),
        arbiters=tuple(arbiter_figures(name, scored, 0.7) for name in names),
        calls=1234,
        reused=5,
        tokens=99_000,
        cost_usd=Decimal("1.5"),
        unpriced=2,
        errors={"rate_limit": 3},
        stopped="the audit's budget of 2 USD is spent",
        unmeasured=(names[1],),
    )


def test_the_page_has_the_rules_figures_of_the_present_set_and_rules() -> None:
    text = PAGE.read_text(encoding="utf-8")
    now = judge_report.markdown(judge_report.rule_sections(rule_figures(ITEMS)))
    assert judge_report.with_part(text, "rules", now) == text, "run: qgen audit judges --rules-only --write"


def test_without_a_key_the_variables_are_named_and_nothing_is_opened(qgen: Qgen, tmp_path: Path) -> None:
    result = qgen("audit", "judges")
    assert result.exit_code == 3
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "XAI_API_KEY", "--rules-only"):
        assert name in result.stderr
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--judges", "gpt-5.4-mni"), "Did you mean gpt-5.4-mini?"),
        (("--judges", "grok-4.7"), "grok-4.7 needs XAI_API_KEY"),
        (("--judges", ","), "--judges: names nothing"),
        (("--rules-only", "--judges", "grok-4.7"), "leave --judges away"),
        (("--rules-only", "--budget-usd", "1"), "leave --budget-usd away"),
        (("--rules-only", "--questions", "nowhere"), "no labelled questions"),
        (("--limit", "0"), "--limit"),
    ],
)
def test_what_cannot_be_done_is_a_configuration_error(qgen: Qgen, args: tuple[str, ...], said: str) -> None:
    result = qgen("audit", "judges", *args)
    assert result.exit_code == 3
    assert said in result.stderr


def test_the_rules_alone_need_neither_a_key_nor_a_database(qgen: Qgen, tmp_path: Path) -> None:
    result = qgen("audit", "judges", "--rules-only")
    assert result.exit_code == 0
    rows = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert {"good 0 of 48 0", "leak 4 of 8 0", "formatting 4 of 8 1"} <= set(rows)
    assert max(len(line) for line in result.stdout.splitlines()) <= 80
    assert not (tmp_path / "home").exists()


def test_the_rules_alone_as_json(qgen: Qgen) -> None:
    said = json.loads(qgen("audit", "judges", "--rules-only", "--limit", "12", "--json").stdout)
    assert said["items"] == 12
    by_label = {figures["label"]: figures for figures in said["rules"]}
    assert by_label["good"]["caught"] == {"hits": 0, "of": 6, "share": 0.0}


def test_writing_replaces_its_own_part_of_the_page_only(
    qgen: Qgen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    page = tmp_path / "docs" / "quality.md"
    page.parent.mkdir()
    page.write_text(EMPTY_PAGE)
    assert qgen("audit", "judges", "--rules-only", "--write").exit_code == 0
    text = page.read_text()
    assert "| leak | 4 of 8 | 0 |" in text
    assert text.endswith(EMPTY_PAGE.partition("between")[2])
    assert qgen("audit", "judges", "--rules-only", "--write").exit_code == 0
    assert page.read_text() == text


@pytest.mark.parametrize("text", [None, "# A page without parts\n"])
def test_a_page_that_cannot_be_written_is_refused_before_anything_is_paid_for(
    qgen: Qgen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    if text:
        (tmp_path / "docs").mkdir()
        (tmp_path / "docs" / "quality.md").write_text(text)
    result = qgen("audit", "judges", "--write")
    assert result.exit_code == 3
    assert "quality.md" in result.stderr or "no part" in result.stderr
    assert "API_KEY" not in result.stderr


def test_tables_fit_into_80_columns_and_show_a_dash_where_nothing_was_measured(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    judge_report.show(Output(), judge_report.judge_sections(report()))
    shown = capsys.readouterr().out
    assert max(len(line) for line in shown.splitlines()) <= 80
    rows = [line.split()[1:] for line in shown.splitlines() if line.startswith("grok-4.7")]
    assert {cell for row in rows for cell in row} == {"–", "/"}
    assert "100%" in shown


def test_the_page_of_the_judges_tells_when_who_and_how_many() -> None:
    page = judge_report.judges_page(report())
    assert page.startswith("*2026-11-20; 1 questions, 1 of them good; minimum score 0.7; prompts solve/1, arbitrate/1*")
    assert "Solvers: gpt-5.4-mini, grok-4.7." in page
    assert "100% (1 of 1)" in page
    assert "Stopped early: the audit's budget of 2 USD is spent." in page
    assert "$1.5000" in page


def test_the_summary_says_what_is_missing() -> None:
    said = judge_report.summary(report())
    assert "No verdict: 1" in said
    assert "1,234 calls, 99,000 tokens, $1.5000, 2 calls without a known price, 5 replies from today's journal" in said
    assert "Missing measurements: rate limit 3." in said
    assert "Never gave a reply that can be read: grok-4.7." in said


def test_json_has_counts_shares_and_nulls() -> None:
    said = json.loads(json.dumps(judge_report.report_json(report()), default=str))
    assert said["jury"]["passed_over"] == ["claude-sonnet-5-5"]
    assert said["solvers"][0]["right"] == {"hits": 1, "of": 1, "share": 1.0}
    assert said["solvers"][1]["right"] == {"hits": 0, "of": 0, "share": None}
    assert said["arbiters"][0]["scores"]["good"] == {"value": pytest.approx(0.8), "of": 1}
    assert said["arbiters"][1]["separation"] is None
    assert said["arbiters"][0]["thresholds"]["0.7"][0] == {"hits": 1, "of": 1, "share": 1.0}


def test_a_part_that_the_page_has_not_got_is_named() -> None:
    with pytest.raises(ConfigurationError, match="<!-- judges -->"):
        judge_report.with_part("# Quality\n", "judges", "")


def test_as_json_keeps_plain_values() -> None:
    assert judge_report.as_json({"a": (Share(1, 2), Mean(None, 0), 3, "x", None)}) == {
        "a": [{"hits": 1, "of": 2, "share": 0.5}, {"value": None, "of": 0}, 3, "x", None]
    }
