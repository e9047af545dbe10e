"""Drill series on the dashboard: the list, a series with plan and checks, drills whose answers are folded away."""

from __future__ import annotations

import json
import re
from uuid import UUID

import pytest
from sqlalchemy import text

from qgen_dagster.bank.drills import StoredSeries, put_position_cost
from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.drills import Asks
from qgen_dagster_tests.support.api import READER, Api
from qgen_dagster_tests.support.browsing import Browser, text_of
from qgen_dagster_tests.support.drills import build, drills_of, planned

NOBODY = "00000000-0000-0000-0000-000000000000"
HTML = "<script>alert(1)</script><img src=x onerror=alert(1)>'\""


@pytest.fixture
def browser(api: Api) -> Browser:
    return Browser(api).log_in(READER.key)


@pytest.fixture
def series(bank: Bank, settings: Settings) -> StoredSeries:
    """A series of ten drills, built and verified."""
    return build(bank, settings, planned(bank, settings, count=10).id)


def half_done(bank: Bank, settings: Settings) -> UUID:
    """A series at work: of three batches one is done, one is being made."""
    made = build(bank, settings, planned(bank, settings, count=15).id)
    with bank.begin() as tx:
        tx.execute(text("DELETE FROM drills WHERE index >= 5"))
        tx.execute(text("UPDATE drill_series SET status = 'GENERATING', completed_at = NULL"))
        tx.execute(text("UPDATE drill_batches SET status = 'generating', delivered = 0 WHERE index = 1"))
        tx.execute(text("UPDATE drill_batches SET status = 'pending', delivered = 0 WHERE index = 2"))
    return made.id


def articles(page: str) -> list[str]:
    """The drills of a page, each as it is seen before anything is folded out, and the rest of it after the fold."""
    return re.findall(r'(?s)<article class="item drill".*?</article>', page)


def test_without_a_series_the_list_says_how_to_make_one(browser: Browser) -> None:
    said = text_of(browser.page("/drills"))
    assert "No series is under way." in said
    assert "qgen drills build makes the first" in said


def test_series_are_listed_with_how_they_stand_in_words_and_colour(
    bank: Bank, settings: Settings, browser: Browser, series: StoredSeries
) -> None:
    waiting = planned(bank, settings, count=5, phases=("BEAROFF",), title="Off they go")
    page = browser.page("/drills")
    said = text_of(page)
    assert f'href="/drills/{series.id}"' in page
    assert "2 series" in said
    assert f"{series.title} {str(series.id)[:8]} completed verified 10 of 10 opening, early, middle, bearoff" in said
    assert f"Off they go {str(waiting.id)[:8]} pending unverified 0 of 5 bearoff" in said
    assert page.count('<span class="badge verified">') == 1
    only = browser.page("/drills?status=PENDING")
    assert f"/drills/{waiting.id}" in only
    assert f"/drills/{series.id}" not in only
    assert "No series matches." in browser.page("/drills?status=FAILED")
    assert browser.get("/drills?status=green").status == 422


def test_what_the_prompts_took_is_told_once_it_is_measured(bank: Bank, browser: Browser, series: StoredSeries) -> None:
    assert "as the provider reports" not in text_of(browser.page(f"/drills/{series.id}"))
    with bank.begin() as tx:
        put_position_cost(tx, series.id, {**series.position_cost, "measured_calls": 3, "measured_tokens": 12_345})
    assert "12,345 tokens in 3 calls, as the provider reports" in text_of(browser.page(f"/drills/{series.id}"))


def test_what_is_under_way_is_told_live_on_every_page_that_shows_it(
    bank: Bank, settings: Settings, browser: Browser
) -> None:
    chosen = half_done(bank, settings)
    for path in ("/", "/live", "/drills", "/drills/live", f"/drills/{chosen}", f"/drills/{chosen}/live"):
        page = browser.page(path)
        said = text_of(page)
        assert "Generated 5/15 drills (batch 1/3)" in said, path
        assert "batch 2: 5 drills" in said, path
        assert "batch 3: 5 drills" not in said, path
        assert 'hx-trigger="every 5s"' in page, path
    assert "Not there: 6, 7, 8, 9, 10, 11, 12, 13, 14, 15." in text_of(browser.page(f"/drills/{chosen}"))


def test_when_work_on_a_series_has_ended_its_page_is_loaded_anew(browser: Browser, series: StoredSeries) -> None:
    assert browser.get(f"/drills/{series.id}/live").headers["hx-refresh"] == "true"
    assert "hx-get" not in browser.page(f"/drills/{series.id}")


def test_a_series_tells_its_plan_its_batches_and_its_checks(
    api: Api, bank: Bank, browser: Browser, series: StoredSeries
) -> None:
    told = api.get(f"/v1/admin/drill-series/{series.id}").json
    said = text_of(browser.page(f"/drills/{series.id}"))
    assert told["progress"] in said
    for words in (
        "Answers verified 10 of 10 answers hold; checked with catalogue.",
        "Phases Name Planned Made opening",
        "Tiers Name Planned Made At most recognition",
        "Methodologies Name Planned Made At most",
        "1 completed 5 of 5",
        f"qgen drills export {str(series.id)[:8]} --to DIR",
    ):
        assert words in said, words
    losses = [stored.check.equity_loss for stored in drills_of(bank, series) if stored.check]
    assert len(losses) == 10
    assert f"The largest equity loss of a taught play is {max(filter(None, losses), default=0):.3f}." in said


def test_a_series_that_is_not_whole_is_never_green(
    bank: Bank, settings: Settings, browser: Browser, series: StoredSeries
) -> None:
    with bank.begin() as tx:
        tx.execute(text("DELETE FROM drills WHERE index = 9"))
        tx.execute(
            text("UPDATE drill_batches SET delivered = 4, error = :why WHERE index = 1"), {"why": "the reply was cut"}
        )
        tx.execute(
            text(
                "UPDATE drills SET verification = :found, equity_loss = 0.25 WHERE index = 2",
            ),
            {"found": json.dumps({"verdict": "failed", "problems": ["8/2 6/2 gives away 0.250"], "checked_with": "x"})},
        )
        tx.execute(text("UPDATE drill_series SET verification = 'NEEDS_REVIEW', warning = 'batch 2 lacks 1 of 5'"))
    page = browser.page(f"/drills/{series.id}")
    said = text_of(page)
    assert "Answers needs review 8 of 10 answers hold, 1 failed" in said
    assert "drill 3: failed: 8/2 6/2 gives away 0.250" in said
    assert "1 of 10 drills are missing" in said
    assert "batch 2 lacks 1 of 5" in said
    assert "the reply was cut" in said
    assert "failed 0.250 8/2 6/2 gives away 0.250" in said
    assert f"qgen drills retry {str(series.id)[:8]}" in said
    assert page.count('class="badge needs_review"') == 1
    assert page.count('<span class="badge warning">completed, 1 missing</span>') == 2
    assert '<span class="badge warning">completed, 1 missing</span>' in browser.page("/drills")


def test_every_drill_has_its_board_and_keeps_its_answer_to_itself(
    bank: Bank, browser: Browser, series: StoredSeries
) -> None:
    page = browser.page(f"/drills/{series.id}")
    shown = articles(page)
    stored = drills_of(bank, series)
    assert len(shown) == len(stored) == 10
    for article, one in zip(shown, stored, strict=True):
        before, after = article.split("Answer and feedback", 1)
        asked, told = text_of(before), text_of(after)
        drill = one.drill
        assert '<div class="board"><svg ' in before
        assert "<img" not in article
        for said in (drill.scenario, drill.question, *(option.text for option in drill.options)):
            assert " ".join(said.split()) in asked
        assert '<li class="right">' not in before
        assert " ".join(drill.explanation.split()) not in asked
        assert " ".join(drill.explanation.split()) in told
        assert all(" ".join(option.feedback.split()) in told for option in drill.options)
        assert after.count('<li class="right">') == 1
        assert drill.best_play in told
        assert "verified by gnubg" in told


def test_the_engine_s_equities_stand_beside_the_plays(api: Api, browser: Browser, series: StoredSeries) -> None:
    said = [
        text_of(article.split("Answer and feedback", 1)[1])
        for article in articles(browser.page(f"/drills/{series.id}"))
    ]
    drills = api.get(f"/v1/admin/drill-series/{series.id}/drills").json["drills"]
    for told, drill in zip(said, drills, strict=True):
        with api.bank.begin() as tx:
            row = tx.execute(text("SELECT evaluation FROM positions WHERE id = :id"), {"id": drill["position_id"]})
            candidates = row.scalar_one()["candidates"]
        best = candidates[0]
        for candidate in candidates:
            signed = f"{candidate['equity']:+.3f}".replace("-", "−")
            assert f"{signed} {best['equity'] - candidate['equity']:.3f}" in told
        assert "taught" in told


def test_a_drill_that_asks_for_the_race_tells_no_pips(bank: Bank, settings: Settings, browser: Browser) -> None:
    series = build(bank, settings, planned(bank, settings, count=25).id)
    drills = drills_of(bank, series)
    shown = articles(browser.page(f"/drills/{series.id}"))
    races = [article for article, one in zip(shown, drills, strict=True) if one.drill.asks is Asks.RACE]
    others = [article for article, one in zip(shown, drills, strict=True) if one.drill.asks is not Asks.RACE]
    assert races
    for article in races:
        board, words = re.findall(r'(?s)<div class="board">.*?</svg>|Board in words.*?</details>', article)
        assert "pips" not in board + words
    assert all("pips</text>" in article for article in others)


def test_what_designers_wrote_is_shown_as_text(bank: Bank, browser: Browser, series: StoredSeries) -> None:
    with bank.begin() as tx:
        stored = tx.execute(text("SELECT id, content FROM drills WHERE index = 0")).one()
        content = {**stored.content, "scenario": HTML, "question": HTML, "explanation": HTML, "hints": [HTML]}
        content["options"] = [
            {**option, "text": f"{n}{HTML}", "feedback": HTML} for n, option in enumerate(content["options"])
        ]
        found = json.dumps({"verdict": "failed", "problems": [HTML], "checked_with": HTML})
        tx.execute(
            text(
                "UPDATE drills SET content = :content, verification = :found, provider = :b, model = :b WHERE id = :id"
            ),
            {"content": json.dumps(content), "found": found, "b": "<b>x</b>", "id": stored.id},
        )
        told = text("UPDATE drill_series SET title = :title, warning = :warning, checked_with = '<b>x</b>'")
        tx.execute(told, {"title": HTML, "warning": HTML})
        tx.execute(text("UPDATE drill_batches SET error = :t"), {"t": HTML})
    for path in ("/drills", f"/drills/{series.id}"):
        page = browser.page(path)
        assert "&lt;script&gt;" in page
        for mark in ("<script>alert", "<img", "<b>"):
            assert mark not in page, (path, mark)


def test_boards_need_no_style_that_the_pages_policy_forbids(browser: Browser, series: StoredSeries) -> None:
    answer = browser.get(f"/drills/{series.id}")
    assert b"style=" not in answer.content
    assert "unsafe" not in answer.headers["content-security-policy"]


def test_what_is_not_there_is_said_and_who_is_not_logged_in_sees_nothing(api: Api, browser: Browser) -> None:
    for path in (f"/drills/{NOBODY}", f"/drills/{NOBODY}/live", "/drills?page=2"):
        assert browser.get(path).status == 404
    assert browser.get("/drills/not-an-id").status == 422
    assert Browser(api).get(f"/drills/{NOBODY}").headers["location"].startswith("/login")
