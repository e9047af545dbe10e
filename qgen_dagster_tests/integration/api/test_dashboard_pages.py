"""What the dashboard shows: the same numbers as the API, every field as text, and the history of a question."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from qgen_dagster.api.dashboard.links import dagster_link
from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.question import Question
from qgen_dagster.services.question_files import Row
from qgen_dagster.services.questions import check_row
from qgen_dagster_tests.support.api import RUNS, Api, a_run, an_alert, running, serving
from qgen_dagster_tests.support.browsing import Browser, text_of
from qgen_dagster_tests.support.chain import run_chain, work_for

HTML = "<script>alert(1)</script><img src=x onerror=alert(1)>'\"; DROP TABLE questions; --"


@pytest.fixture
def browser(api: Api) -> Browser:
    return Browser(api).log_in()


def lately(days: int = 1, **changes: Any) -> dict[str, Any]:
    """A report of a run that ended some days ago."""
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(days=days)
    return a_run(started_at=start.isoformat(), completed_at=(start + timedelta(seconds=250)).isoformat(), **changes)


def tell(api: Api, report: dict[str, Any]) -> str:
    assert api.post(RUNS, report).status == 201
    return str(report["id"])


def test_an_empty_bank_says_what_to_do(browser: Browser) -> None:
    said = text_of(browser.page("/"))
    assert "0 / 50 critical" in said
    assert "No run is under way." in said
    assert "qgen auto-balance --fill makes the first" in said
    assert "Nothing was measured." in said
    for path, words in {
        "/runs": "No runs yet",
        "/questions": "The bank is empty",
        "/alerts": "no alerts",
        "/compare": "No run of this period names a prompt version",
    }.items():
        assert words in text_of(browser.page(path))


def test_the_overview_tells_the_api_s_numbers(api: Api, browser: Browser, settings: Settings) -> None:
    run_chain(work_for(api.bank, settings, count=30))
    tell(api, lately(2, cost_usd=1.25, avg_arbiter_score=0.8, approval_rate=0.92))
    said = text_of(browser.page("/"))
    stock = api.get("/v1/admin/inventory").json
    stats = api.get(f"{RUNS}/stats").json
    assert f"Active questions {stock['total']:,} " in said
    assert f"Missing to target {stock['total_deficit']:,} " in said
    assert f"Runs, 30 days {stats['runs']['total']} " in said
    assert f"Inserted, 30 days {stats['totals']['questions_inserted']} " in said
    assert "Cost, 30 days $1.25" in said
    for stratum in stock["strata"]:
        assert f"{stratum['current_count']} / {stratum['target_count']} {stratum['level']}" in said
    assert "45 of 50" in said


def test_the_stock_follows_the_taxonomy_of_the_operator(bank: Bank, tmp_path: Path, bank_url: str) -> None:
    own = tmp_path / "own.yaml"
    levels = "".join(f"  - {{key: level_{n}, success_rate: [0.{n}, 0.{n}5]}}\n" for n in range(1, 6))
    kinds = "".join(f"  - {{key: subject_{n}}}\n" for n in range(200))
    own.write_text(f"difficulties:\n{levels}types:\n{kinds}", encoding="utf-8")
    chosen = Settings(home=tmp_path, database_url=bank_url, taxonomy_file=own)
    with serving(bank, chosen) as api:
        page = Browser(api).log_in().page("/")
    assert page.count('class="critical"') == 1_000
    assert "subject 199" in text_of(page)


def test_what_is_under_way_is_told_with_its_batches(api: Api, browser: Browser) -> None:
    run = tell(api, running(started_at=(datetime.now(UTC) - timedelta(minutes=3)).isoformat()))
    states = ["completed"] * 3 + ["generating"] * 2
    with api.bank.begin() as tx:
        for index, state in enumerate(states):
            tx.execute(
                text(
                    "INSERT INTO question_batches (run_id, question_type, difficulty, index, size, seed, status,"
                    " delivered) VALUES (:run, 'math', 'hard', :index, 5, 's', :state, :came)"
                ),
                {"run": run, "index": index, "state": state, "came": 5 if state == "completed" else 0},
            )
    for path in ("/", "/live"):
        said = text_of(browser.page(path))
        assert "Generated 15/25 questions (batch 3/5)" in said
        assert said.count("math, hard: 5 questions") == 2
    assert 'hx-trigger="every 5s"' in browser.page("/live")
    assert 'hx-trigger="every 5s"' in browser.page(f"/runs/{run}")


def test_alerts_that_are_open_are_on_the_overview_and_all_in_their_list(api: Api, browser: Browser) -> None:
    for n in range(7):
        an_alert(api.bank, subject=f"stratum_{n}", message=f"stratum_{n} has no questions")
    an_alert(api.bank, state="resolved", message="this is over", resolved_at=datetime.now(UTC))
    page = browser.page("/")
    assert "All 7" in page
    assert "this is over" not in page
    assert "8 alerts" in browser.page("/alerts")
    resolved = browser.page("/alerts?state=resolved")
    assert "1 alert<" in resolved
    assert "this is over" in resolved


def test_an_alert_is_acknowledged_and_the_list_stays_as_it_was(api: Api, browser: Browser) -> None:
    chosen, other = (an_alert(api.bank, subject=subject) for subject in ("math__hard", "logic__easy"))
    here = "/alerts?state=open&state=acknowledged&rule=stock_critical"
    page = browser.page(here)
    found = re.search(rf'action="(/alerts/{chosen}/acknowledge[^"]*)"', page)
    assert found is not None
    address = found[1].replace("&amp;", "&")
    token = browser.token(here)
    for wrong in ({"actor": ""}, {}, {"actor": "me", "reason": "a\x00b"}, {"actor": "me", "more": "x"}):
        assert browser.post(address, {**wrong, "form_token": token}).status == 422
    assert browser.post(f"/alerts/{uuid4()}/acknowledge", {"actor": "me", "form_token": token}).status == 404
    done = browser.post(address, {"actor": "duty", "reason": HTML, "form_token": token})
    assert (done.status, done.headers["location"]) == (303, f"{here}#alert-{chosen}")
    page = browser.page(here)
    assert "by duty: " + HTML in text_of(page)
    assert "<script>alert" not in page
    assert f"/alerts/{chosen}/acknowledge" not in page
    told = api.get(f"/v1/admin/alerts/{chosen}").json
    assert (told["state"], told["acknowledged_by"], told["acknowledged_reason"]) == ("acknowledged", "duty", HTML)

    assert browser.post(address, {"actor": "somebody else", "reason": "", "form_token": token}).status == 303
    assert api.get(f"/v1/admin/alerts/{chosen}").json["acknowledged_by"] == "duty"
    plain = f"/alerts/{other}/acknowledge"
    assert browser.post(plain, {"actor": "duty", "reason": "", "form_token": token}).status == 303
    assert api.get(f"/v1/admin/alerts/{other}").json["acknowledged_reason"] is None


def test_runs_are_filtered_sorted_and_paged_as_in_the_api(api: Api, browser: Browser) -> None:
    for n in range(30):
        inserted = 45 if n % 3 else 10
        tell(api, lately(n, questions_inserted=inserted, environment="staging" if n % 2 else "production"))

    def ids(page: str) -> list[str]:
        return re.findall(r'<tr>\s*<td class="nobreak"><a href="/runs/([0-9a-f-]{36})"', page)

    query = "environment=staging&max_success_rate=0.5&sort=success_rate&order=asc"
    expected = [run["id"] for run in api.get(f"{RUNS}?{query}").json["runs"]]
    assert ids(browser.page(f"/runs?{query}&provider=&since=")) == expected
    first = browser.page("/runs?environment=")
    assert "30 runs, page 1 of 2" in first
    after = re.search(r'rel="next" href="([^"]+)"', first)
    assert after is not None
    second = browser.page(after[1])
    assert len(ids(first)) + len(ids(second)) == 30
    assert not set(ids(first)) & set(ids(second))


def test_a_day_is_meant_from_its_begin_to_its_end(api: Api, browser: Browser) -> None:
    run = tell(api, a_run(started_at="2026-03-02T23:59:00Z", completed_at="2026-03-03T00:30:00Z"))
    assert run in browser.page("/runs?since=2026-03-02&until=2026-03-02")
    assert run not in browser.page("/runs?since=2026-03-03")
    assert run not in browser.page("/runs?until=2026-03-01")


def test_a_run_s_page_tells_its_whole_funnel(api: Api, browser: Browser, settings: Settings) -> None:
    run = str(run_chain(work_for(api.bank, settings, count=24)))
    told = api.get(f"{RUNS}/{run}").json
    said = text_of(browser.page(f"/runs/{run}"))
    for name in ("requested", "generated", "inserted"):
        assert f"{name} {told[f'questions_{name}']} " in said
    assert f"{told['losses']['total']} of 24 did not reach the bank" in said
    for name, count in told["funnel"]["total"]["losses"].items():
        assert f"{count} {name.replace('_', ' ')}" in said
    assert f"Calls {told['total_api_calls']} " in said
    assert "math, hard" in said
    assert run in said


def test_a_reported_run_shows_providers_errors_and_losses(api: Api, browser: Browser) -> None:
    parent = tell(api, lately(2))
    run = tell(
        api,
        lately(
            1,
            parent_run_id=parent,
            round=2,
            status="partial_failure",
            exit_code=1,
            error="the provider hung up",
            cost_usd=0.42,
            prompt_version="2.1",
            provider_metrics={"openai": {"generated": 50, "api_calls": 31, "failures": 2, "cost_usd": 0.42}},
            error_summary={"by_category": {"rate_limit": 2}, "by_severity": {"high": 2}, "critical_count": 0},
            type_metrics={"math": 50},
            funnel={
                "total": {"requested": 50, "generated": 50, "inserted": 45, "losses": {"low_score": 4}},
                "strata": {},
            },
        ),
    )
    said = text_of(browser.page(f"/runs/{run}"))
    for words in (
        "the provider hung up",
        "$0.4200",
        "rate limit: 2",
        "approved 46 −4 : 4 low score",
        "4 at evaluation (8 %)",
        "openai 50",
        "math: 50 generated",
        "2 of the fill that began with",
    ):
        assert words in said.replace("−4:", "−4 :"), words
    assert f'href="/runs/{run}"' in browser.page(f"/runs/{parent}")


def test_links_lead_to_dagster_where_its_address_is_known(bank: Bank, settings: Settings) -> None:
    run = str(run_chain(work_for(bank, settings, count=3)))
    known = Settings(home=settings.home, database_url=settings.database_url, dagster_url="http://dagster.example:3000")
    with serving(bank, known) as api:
        browser = Browser(api).log_in()
        assert f'href="http://dagster.example:3000/runs/{run}"' in browser.page(f"/runs/{run}")
        reported = tell(api, lately())
        assert f"dagster.example:3000/runs/{reported}" not in browser.page(f"/runs/{reported}")
    with serving(bank, settings) as api:
        assert "Dagster" not in Browser(api).log_in().page(f"/runs/{run}")


def test_an_address_of_this_machine_is_told_others_by_the_name_they_use() -> None:
    told = {"here": ("127.0.0.1", "127.0.0.1"), "there": ("qgen.example", "qgen.example"), "v6": ("::5", "[::5]")}
    for asked, shown in told.values():
        link = dagster_link("http://127.0.0.1:3000", asked)
        assert link is not None
        assert link.address == f"http://{shown}:3000"
    kept = dagster_link("https://dagster.example/ui", "qgen.example")
    assert kept is not None
    assert kept.run("1") == "https://dagster.example/ui/runs/1"
    assert dagster_link(None, "qgen.example") is None


def test_providers_and_versions_stand_side_by_side(api: Api, browser: Browser) -> None:
    for n in range(12):
        better = n < 6
        approved = 47 if better else 35
        made = {"generated": 50, "evaluated": 50, "approved": approved, "inserted": 30, "api_calls": 20}
        tell(
            api,
            lately(
                n,
                prompt_version="2.1" if better else "2.0",
                questions_approved=approved,
                questions_rejected=50 - approved,
                questions_inserted=30,
                provider_metrics={"alpha" if better else "beta": made},
            ),
        )
    page = browser.page("/compare")
    said = text_of(page)
    assert "alpha 94 %" in said
    assert "beta 70 %" in said
    assert "approval rate 70 % 94 % 0.240" in said
    assert "yes , 2.1 is better" in said
    assert "overall success rate 60 % 60 % 0.000" in said
    turned = text_of(browser.page("/compare?before=2.1&after=2.0"))
    assert "approval rate 94 % 70 % -0.240" in turned
    assert "not enough to tell" in text_of(browser.page("/compare?before=2.1&after=never"))


def test_a_question_is_found_by_a_word_and_shown_with_its_history(
    api: Api, browser: Browser, settings: Settings
) -> None:
    run = str(run_chain(work_for(api.bank, settings, count=6, types=("logic",))))
    chosen = api.get("/v1/admin/questions").json["questions"][0]
    part = chosen["stem"][5:25]
    found = browser.get(f"/questions?search={part.replace(' ', '+')}&difficulty={chosen['difficulty']}&active=true")
    assert f"/questions/{chosen['id']}".encode() in found.content
    page = browser.page(f"/questions/{chosen['id']}")
    said = text_of(page)
    assert re.sub(r"\s+", " ", chosen["stem"]) in said
    for words in ("Provider procedural", "Key proved by", "clarity", "Rule distinct", "generate procedural"):
        assert words in said, words
    assert f'href="/runs/{run}"' in page
    assert page.count('<li class="right">') == 1


def test_solvers_arbiters_and_the_nearest_question_are_told(api: Api, browser: Browser, settings: Settings) -> None:
    run_chain(work_for(api.bank, settings, count=6, types=("logic",)))
    first, second = api.get("/v1/admin/questions").json["questions"][:2]
    key = api.get(f"/v1/admin/questions/{first['id']}").json["content"]["answer"]
    answers = [
        {"solver": "claude", "option": key, "also_defensible": [], "confidence": 0.9, "reasoning": HTML},
        {"solver": "gemini", "option": None, "also_defensible": [5], "confidence": None, "reasoning": ""},
    ]
    scores = {"clarity": 0.9, "validity": 0.8, "formatting": 1.0, "creativity": None}
    arbiter = {"arbiter": "gpt", "scores": scores, "reasons": {"clarity": HTML}, "leakage": 0.9}
    judgement = {
        "scores": scores,
        "score": 0.85,
        "leakage": 0.9,
        "flaws": [HTML],
        "solution": {"solver": "panel", "justified": [key], "finding": "proved", "agreed": None, "answers": answers},
        "assessments": [{**arbiter, "difficulty": "hard", "feedback": HTML}],
    }
    near = {"rule": "grey", "nearest_id": second["id"], "nearest_kind": "question", "cosine": 0.87, "jaccard": 0.5}
    with api.bank.begin() as tx:
        tx.execute(
            text("UPDATE candidates SET judgement = :judged, duplicate_check = :near WHERE question_id = :id"),
            {"judged": json.dumps(judgement), "near": json.dumps({**near, "decided_by": HTML}), "id": first["id"]},
        )
    page = browser.page(f"/questions/{first['id']}")
    said = text_of(page)
    assert f"claude answered {'ABCDEF'[key]} (the key), confidence 0.90" in said.replace(" (the", " (the")
    assert "gemini answered that none is right; F could be defended too" in said
    assert "Rule grey , cosine 0.87, shared words 0.50" in said
    assert f'href="/questions/{second["id"]}"' in page
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)") == 5


def test_a_question_is_taken_out_with_a_reason_and_a_name(api: Api, browser: Browser, settings: Settings) -> None:
    run_chain(work_for(api.bank, settings, count=3, types=("logic",)))
    chosen = api.get("/v1/admin/questions").json["questions"][0]["id"]
    address = f"/questions/{chosen}"
    token = browser.token(address)
    for missing in ({"reason": "", "actor": "me"}, {"reason": "wrong"}, {"reason": "a\x00b", "actor": "me"}):
        assert browser.post(f"{address}/deactivate", {**missing, "form_token": token}).status == 422
    done = browser.post(f"{address}/deactivate", {"reason": HTML, "actor": "reviewer", "form_token": token})
    assert (done.status, done.headers["location"]) == (303, address)
    page = browser.page(address)
    assert "by reviewer: " + HTML in text_of(page)
    assert "<script>alert" not in page
    assert "Deactivate" not in page
    assert api.get(f"/v1/admin{address}").json["deactivated_by"] == "reviewer"


def test_html_and_sql_in_every_text_are_shown_as_text(api: Api, browser: Browser, settings: Settings) -> None:
    run_chain(work_for(api.bank, settings, count=3, types=("logic",)))
    name = "<script>alert(1)</script>"
    run = tell(
        api,
        lately(
            1,
            error=HTML,
            stop_reason=HTML,
            prompt_version=name,
            environment="<b>bold</b>",
            triggered_by=name,
            arbiter_config_version=name,
            host=HTML,
            pid=1,
            status="failed",
            exit_code=2,
            cost_usd=0.1,
            provider_metrics={name: {"generated": 50, "evaluated": 50, "approved": 46}},
            type_metrics={name: 50},
            difficulty_metrics={name: 50},
            error_summary={"by_category": {name: 1}, "by_severity": {"high": 1}, "critical_count": 0},
        ),
    )
    known = {"acknowledged_at": datetime.now(UTC), "acknowledged_by": HTML, "acknowledged_reason": HTML}
    an_alert(api.bank, rule=name, subject=HTML, severity="critical", message=HTML, **known)
    with api.bank.begin() as tx:
        tx.execute(
            text("UPDATE questions SET stem = :t, sub_type = :n, provider = :n, model = :n, prompt_version = :n"),
            {"t": HTML, "n": name},
        )
        chosen = tx.execute(text("SELECT id FROM questions LIMIT 1")).scalar_one()
    search = "/questions?search=%3Cscript%3E"
    for path in ("/", "/runs", f"/runs/{run}", "/compare", "/questions", search, f"/questions/{chosen}", "/alerts"):
        page = browser.page(path)
        assert "<script>alert" not in page, path
        assert "<img src=x" not in page, path
        assert "<b>" not in page, path
        assert "&lt;script&gt;" in page, path


@pytest.mark.parametrize(
    "figure",
    [
        '<svg onload="alert(1)"></svg>',
        "<svg><script>alert(1)</script></svg>",
        '<svg></svg><form action="/logout" method="post"><button>Go on</button></form>',
        '<svg><a href="https://evil.example"><text>Click</text></a></svg>',
        '<svg><foreignObject><meta http-equiv="refresh" content="0;url=https://evil.example"/></foreignObject></svg>',
        '<svg><image href="https://evil.example/x.png"/></svg>',
        '<svg><rect fill="url(https://evil.example/x)"/></svg>',
        "<svg><style>* { display: none }</style></svg>",
        '<svg><rect style="position: fixed; inset: 0"/></svg>',
        "<svg><rect>",
    ],
)
def test_a_figure_that_is_more_than_a_drawing_is_an_image_that_can_do_nothing(
    api: Api, browser: Browser, settings: Settings, figure: str
) -> None:
    run_chain(work_for(api.bank, settings, count=3, types=("logic",)))
    with api.bank.begin() as tx:
        chosen = tx.execute(text("SELECT id, content FROM questions LIMIT 1")).one()
        content = {**chosen.content, "stimulus": {"text": "a figure", "figure": figure}}
        fields = {name: value for name, value in content.items() if value is not None}
        assert isinstance(check_row(Row(1, fields), settings.taxonomy), Question)  # an import would take it
        tx.execute(
            text("UPDATE questions SET content = :content WHERE id = :id"),
            {"content": json.dumps(content), "id": chosen.id},
        )
    page = browser.page(f"/questions/{chosen.id}")
    assert figure not in page
    assert "evil.example" not in page
    assert '<img class="paper" alt="Figure" src="data:image/svg+xml;base64,' in page
