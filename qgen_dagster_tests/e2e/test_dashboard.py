"""The dashboard in a real browser: logging in, keyboard, phone, light and dark, accessible names, and what is live."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from sqlalchemy import text

from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.settings import Settings
from qgen_dagster_tests.support.api import RUNS, WRITER, Api, a_run, an_alert, running, serving
from qgen_dagster_tests.support.chain import run_chain, work_for
from qgen_dagster_tests.support.chromium import DESKTOP, PHONE, chromium
from qgen_dagster_tests.support.drills import build, planned

pytestmark = pytest.mark.e2e
SECTIONS = {
    "Overview": "/",
    "Runs": "/runs",
    "Compare": "/compare",
    "Questions": "/questions",
    "Drills": "/drills",
    "Alerts": "/alerts",
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture
def api(bank: Bank, settings: Settings) -> Iterator[Api]:
    """A server with something of everything: questions, drills, runs of two prompt versions, one under way, alerts."""
    with ThreadPoolExecutor(1) as apart:  # Playwright's event loop stays in this thread
        apart.submit(run_chain, work_for(bank, settings, count=36)).result()
        apart.submit(lambda: build(bank, settings, planned(bank, settings, count=10).id)).result()
    with serving(bank, settings) as started:
        for n in range(12):
            start = (datetime.now(UTC) - timedelta(days=n, hours=1)).replace(microsecond=0)
            report = a_run(
                started_at=start.isoformat(),
                completed_at=(start + timedelta(seconds=250)).isoformat(),
                prompt_version="2.1" if n < 6 else "2.0",
                status=("success", "partial_failure", "failed")[n % 3],
                cost_usd=0.2 + n / 50,
                avg_arbiter_score=0.8 - n / 100,
                provider_metrics={"alpha": {"generated": 50, "evaluated": 50, "approved": 46, "api_calls": 30}},
            )
            assert started.post(RUNS, report).status == 201
        an_alert(bank)
        an_alert(bank, severity="warning", subject="logic__easy", message="logic__easy has 8 active questions")
        yield started


@pytest.fixture
def under_way(api: Api) -> str:
    """A run that is running; its id."""
    report = running(started_at=(datetime.now(UTC) - timedelta(minutes=1)).isoformat())
    assert api.post(RUNS, report).status == 201
    with api.bank.begin() as tx:
        for index in range(4):
            tx.execute(
                text(
                    "INSERT INTO question_batches (run_id, question_type, difficulty, index, size, seed, status)"
                    " VALUES (:run, 'math', 'hard', :index, 5, 's', 'generating')"
                ),
                {"run": report["id"], "index": index},
            )
    return str(report["id"])


@pytest.fixture
def drills_under_way(api: Api, settings: Settings) -> str:
    """A series of 15 drills of which one batch is done and two are being made; its id."""
    with ThreadPoolExecutor(1) as apart:
        series = apart.submit(lambda: build(api.bank, settings, planned(api.bank, settings, count=15).id)).result()
    with api.bank.begin() as tx:
        for change in (
            "DELETE FROM drills WHERE series_id = :id AND index >= 5",
            "UPDATE drill_batches SET status = 'generating', delivered = 0 WHERE series_id = :id AND index > 0",
            "UPDATE drill_series SET status = 'GENERATING', completed_at = NULL WHERE id = :id",
        ):
            tx.execute(text(change), {"id": series.id})
    return str(series.id)


@pytest.fixture
def page(browser: Any, api: Api) -> Iterator[Any]:
    """A page of a session, on a desktop; whatever it complains about fails the test."""
    context = browser.new_context(viewport=DESKTOP, base_url=api.url)
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    outside: list[str] = []
    opened.on("request", lambda request: None if request.url.startswith(api.url) else outside.append(request.url))
    log_in(opened)
    yield opened
    context.close()
    assert complaints == []
    assert [url for url in outside if not url.startswith("data:")] == []


def log_in(page: Any) -> None:
    page.goto("/")
    page.get_by_label("Service key").fill(WRITER.key)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/")


def addresses(api: Api, under_way: str, drills_under_way: str) -> list[str]:
    """Every page, with a run, a question and a drill series of each kind."""
    ended = api.get(RUNS, {"provider": "procedural"}).json["runs"][0]["id"]
    kinds = ("spatial", "memory", "math")
    asked = [api.get("/v1/admin/questions", {"question_type": kind}).json["questions"][0]["id"] for kind in kinds]
    done = api.get("/v1/admin/drill-series", {"status": "COMPLETED"}).json["series"][0]["id"]
    runs, series = (ended, under_way), (done, drills_under_way)
    return [
        *SECTIONS.values(),
        *(f"/runs/{one}" for one in runs),
        *(f"/questions/{one}" for one in asked),
        *(f"/drills/{one}" for one in series),
    ]


def test_a_wrong_key_is_told_and_a_right_one_leads_to_where_one_wanted(browser: Any, api: Api) -> None:
    with browser.new_context(base_url=api.url) as context:
        page = context.new_page()
        page.goto("/questions?question_type=math")
        page.get_by_label("Service key").fill("wrong")
        page.keyboard.press("Enter")
        assert page.get_by_role("alert").inner_text() == "This is not a valid key."
        page.get_by_label("Service key").fill(WRITER.key)
        page.keyboard.press("Enter")
        page.wait_for_url("**/questions?question_type=math")
        page.get_by_role("button", name="Log out").click()
        page.wait_for_url("**/login")


def test_every_section_is_reached_and_says_where_one_is(page: Any) -> None:
    for title, path in SECTIONS.items():
        page.get_by_role("navigation", name="Main").get_by_role("link", name=title).click()
        page.wait_for_url(f"**{path}")
        assert page.get_by_role("heading", level=1).inner_text() == title
        assert page.locator("[aria-current=page]").inner_text() == title


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(page: Any, api: Api, under_way: str, drills_under_way: str, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    found = []
    for path in addresses(api, under_way, drills_under_way):
        page.goto(path)
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        violations = Axe().run(page).response["violations"]
        found += [(path, one["id"], [node["html"][:200] for node in one["nodes"]]) for one in violations]
    assert found == []


def test_light_and_dark_follow_the_system(page: Any) -> None:
    def paper() -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    page.emulate_media(color_scheme="light")
    assert paper() == "rgb(255, 255, 255)"
    page.emulate_media(color_scheme="dark")
    assert paper() == "rgb(20, 23, 28)"


def test_no_page_is_wider_than_a_phone(page: Any, api: Api, under_way: str, drills_under_way: str) -> None:
    page.set_viewport_size(PHONE)
    for path in addresses(api, under_way, drills_under_way):
        page.goto(path)
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"], path


def test_everything_is_reached_by_keyboard_and_one_sees_where_one_is(page: Any) -> None:
    page.goto("/runs")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    assert skip.evaluate("one => one === document.activeElement")
    assert skip.bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.goto("/runs")
    wanted = page.locator("a[href], button, input, select, textarea, summary, [tabindex='0']")
    reached = set()
    for _ in range(wanted.count() + 5):
        page.keyboard.press("Tab")
        told = page.evaluate(
            "() => { const one = document.activeElement; const style = getComputedStyle(one);"
            " return [[...document.querySelectorAll('*')].indexOf(one), one.tagName, style.outlineStyle]; }"
        )
        if told[1] != "BODY":
            assert told[2] != "none", told
            reached.add(told[0])
    hidden = page.locator("input[type=hidden]").count()
    assert len(reached) == wanted.count() - hidden


def test_what_is_under_way_comes_up_to_date_by_itself(page: Any, api: Api, under_way: str) -> None:
    page.goto("/")
    live = page.locator("#live")
    assert "Generated 0/20 questions (batch 0/4)" in live.inner_text()
    with api.bank.begin() as tx:
        tx.execute(text("UPDATE question_batches SET status = 'completed', delivered = 5 WHERE index < 2 AND size = 5"))
    page.get_by_text("Generated 10/20 questions (batch 2/4)").wait_for(timeout=60_000)
    page.goto(f"/runs/{under_way}")
    assert page.get_by_role("heading", level=1).inner_text().endswith("running")
    ended = a_run(id=under_way, started_at=api.get(f"{RUNS}/{under_way}").json["started_at"])
    ended["completed_at"] = datetime.now(UTC).isoformat()
    assert api.post(RUNS, ended).status == 200
    page.locator("h1", has_text="success").wait_for(timeout=60_000)


def test_a_question_is_searched_read_and_taken_out(page: Any) -> None:
    page.goto("/questions")
    page.get_by_label("Type", exact=True).select_option("spatial")
    page.get_by_role("button", name="Show").click()
    page.locator("main table").get_by_role("link").first.click()
    page.wait_for_url(re.compile("/questions/[0-9a-f-]{36}"))
    assert page.locator("article.item svg").first.is_visible()
    page.get_by_text("Take it out of the stock").click()
    page.get_by_label("Reason").fill("<b>two</b> answers are right")
    page.get_by_role("button", name="Deactivate").click()
    page.get_by_text("Taken out of the stock").wait_for()
    said = page.locator("p.wrong").inner_text()
    assert said.endswith("by writer: <b>two</b> answers are right")


def test_a_board_follows_light_and_dark(page: Any, api: Api) -> None:
    page.goto(a_series(api))
    chequers = page.locator("#drill-1 .board circle[r='15']")
    for scheme, ink, paper in (
        ("light", "rgb(27, 31, 36)", "rgb(255, 255, 255)"),
        ("dark", "rgb(230, 233, 238)", "rgb(20, 23, 28)"),
    ):
        page.emulate_media(color_scheme=scheme)
        fills = chequers.evaluate_all("all => all.map(one => getComputedStyle(one).fill)")
        assert set(fills) == {ink, paper}


def test_a_drill_is_read_and_its_answer_folded_out_by_keyboard(page: Any, api: Api) -> None:
    page.goto(a_series(api))
    drill = page.get_by_role("article", name="3. ")
    assert drill.get_by_role("img", name="Backgammon position").is_visible()
    feedback = drill.get_by_role("list", name="Feedback on the options of drill 3")
    assert not feedback.is_visible()
    drill.get_by_text("Answer and feedback").focus()
    page.keyboard.press("Enter")
    assert feedback.is_visible()
    assert drill.locator("li.right").count() == 1
    assert drill.get_by_role("region", name="What the engine thinks of drill 3").is_visible()


def test_drills_under_way_come_up_to_date_and_are_there_in_the_end(page: Any, api: Api, drills_under_way: str) -> None:
    page.goto(f"/drills/{drills_under_way}")
    assert "Generated 5/15 drills (batch 1/3)" in page.locator("#live").inner_text()
    own = {"id": drills_under_way}
    with api.bank.begin() as tx:
        tx.execute(text("UPDATE drill_batches SET status = 'failed' WHERE series_id = :id AND index = 1"), own)
    page.get_by_text("Generated 5/15 drills (batch 2/3)").wait_for(timeout=60_000)
    with api.bank.begin() as tx:
        tx.execute(text("UPDATE drill_series SET status = 'COMPLETED', completed_at = now() WHERE id = :id"), own)
    page.locator("h1", has_text="completed").wait_for(timeout=60_000)


def test_an_alert_is_acknowledged(page: Any) -> None:
    page.goto("/alerts?state=open")
    alert = page.locator("article", has_text="logic__easy has 8 active questions")
    alert.locator("summary").click()
    alert.get_by_label("Reason").fill("a new model <b>tonight</b>")
    alert.get_by_role("button", name="Acknowledge").click()
    page.get_by_text("1 alert", exact=True).wait_for()
    page.goto("/alerts?state=acknowledged")
    assert "by writer: a new model <b>tonight</b>" in page.locator("article").inner_text()


def a_series(api: Api) -> str:
    """The page of the series that is built."""
    return f"/drills/{api.get('/v1/admin/drill-series').json['series'][0]['id']}"


def test_it_works_without_scripts(browser: Any, api: Api) -> None:
    with browser.new_context(base_url=api.url, java_script_enabled=False) as context:
        page = context.new_page()
        log_in(page)
        page.get_by_role("link", name="Runs", exact=True).click()
        page.get_by_label("failed").check()
        page.get_by_role("button", name="Show").click()
        assert page.locator("main tbody tr").count() == 4
