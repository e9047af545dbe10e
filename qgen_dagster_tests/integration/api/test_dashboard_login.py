"""Who sees the dashboard: logging in and out, sessions, scopes, forms from elsewhere, and what browsers are told."""

from __future__ import annotations

import pytest

from qgen_dagster.api.dashboard.sessions import MAX_SESSIONS, SECONDS, Sessions
from qgen_dagster.api.security import FAILURES, Doorkeeper, Visitor
from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.settings import Settings
from qgen_dagster_tests.support.api import READER, RUNS, WRITER, Api, an_alert, serving
from qgen_dagster_tests.support.browsing import Browser, text_of
from qgen_dagster_tests.support.chain import run_chain, work_for

PAGES = ["/", "/live", "/runs", "/compare", "/questions", "/drills", "/drills/live", "/alerts"]
NOBODY = "00000000-0000-0000-0000-000000000000"


@pytest.mark.parametrize("path", PAGES)
def test_who_is_not_logged_in_is_led_to_the_login_page_and_back(api: Api, path: str) -> None:
    browser = Browser(api)
    led = browser.get(f"{path}?days=7" if path == "/compare" else path)
    assert led.status == 303
    where = led.headers["location"]
    assert where.startswith("/login")
    browser.page(where)
    after = "/compare?days=7" if path == "/compare" else path
    back = browser.post("/login", {"key": READER.key, "next": after})
    assert (back.status, back.headers["location"]) == (303, after)
    browser.page(after)


@pytest.mark.parametrize("path", ["https://evil.example", "//evil.example", "/\\evil.example", "x", "/a\nb", ""])
def test_logging_in_leads_to_no_other_site(api: Api, path: str) -> None:
    assert Browser(api).post("/login", {"key": READER.key, "next": path}).headers["location"] == "/"


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites_and_holds_no_key(api: Api) -> None:
    told = Browser(api).post("/login", {"key": READER.key}).headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/", f"Max-Age={SECONDS}"} <= set(told.split("; "))
    assert READER.key not in told
    assert "Secure" not in told
    behind_https = Browser(api).post("/login", {"key": READER.key}, x_forwarded_proto="https")
    assert "Secure" in behind_https.headers["set-cookie"]


@pytest.mark.parametrize("key", ["wrong", "", "ü" * 30, "\x00", WRITER.key + "x"])
def test_a_wrong_key_is_refused_and_not_shown(api: Api, key: str) -> None:
    browser = Browser(api)
    answer = browser.post("/login", {"key": key})
    assert answer.status == 401
    assert "not a valid key" in text_of(answer.content.decode())
    assert browser.cookie is None
    if len(key) > 10:
        assert key not in answer.content.decode()


def test_wrong_keys_count_together_with_those_of_the_api(api: Api) -> None:
    clock = [0.0]
    api.app.state.doorkeeper = Doorkeeper((READER, WRITER), lambda: clock[0])
    browser = Browser(api)
    for n in range(FAILURES):
        assert (browser.post("/login", {"key": "no"}).status if n % 2 else api.get(RUNS, key="no").status) == 401
    waiting = browser.post("/login", {"key": "no"})
    assert (waiting.status, waiting.headers["retry-after"]) == (429, "60")
    assert api.get(RUNS, key="no").status == 429
    browser.log_in()


def test_logging_out_ends_the_session_for_good(api: Api) -> None:
    browser = Browser(api).log_in()
    kept = browser.cookie
    assert browser.post("/logout", {"form_token": browser.token()}).status == 303
    assert browser.cookie is None
    browser.cookie = kept
    assert browser.get("/").status == 303


def test_logging_in_anew_ends_the_session_before(api: Api) -> None:
    browser = Browser(api).log_in()
    before = browser.cookie
    browser.log_in(READER.key)
    assert Browser(api, before).get("/").status == 303


def test_sessions_end_by_themselves_and_the_oldest_makes_room() -> None:
    clock = [0.0]
    sessions = Sessions(lambda: clock[0])
    first = sessions.open(Visitor("a", "read"))
    clock[0] = SECONDS - 1
    found = sessions.find(first)
    assert found is not None
    assert found.visitor.name == "a"
    names = [sessions.open(Visitor("b", "read")) for _ in range(MAX_SESSIONS)]
    assert sessions.find(first) is None
    assert sessions.find(names[0]) is not None
    clock[0] += SECONDS
    assert sessions.find(names[0]) is None


@pytest.mark.parametrize("cookie", ["", "x", "ü", "a" * 10_000])
def test_a_cookie_that_names_no_session_is_none(api: Api, cookie: str) -> None:
    assert Browser(api, cookie.encode().decode("latin-1")).get("/runs").status == 303


def test_a_key_in_the_header_opens_no_page_and_a_cookie_no_api(api: Api) -> None:
    assert api.get("/runs").status == 303
    browser = Browser(api).log_in()
    assert browser.get(RUNS).status == 401


@pytest.fixture
def question(api: Api, settings: Settings) -> str:
    run_chain(work_for(api.bank, settings, count=3, types=("logic",)))
    return str(api.get("/v1/admin/questions").json["questions"][0]["id"])


def test_a_reader_is_not_offered_to_deactivate_and_may_not(api: Api, question: str) -> None:
    browser = Browser(api).log_in(READER.key)
    assert "Deactivate" not in browser.page(f"/questions/{question}")
    told = {"form_token": browser.token(), "reason": "wrong", "actor": "me"}
    assert browser.post(f"/questions/{question}/deactivate", told).status == 403
    assert api.get(f"/v1/admin/questions/{question}").json["is_active"] is True


def test_a_reader_is_not_offered_to_acknowledge_and_nobody_may_from_elsewhere(api: Api) -> None:
    alert = an_alert(api.bank)
    address, told = f"/alerts/{alert}/acknowledge", {"actor": "me"}
    reader, writer = Browser(api).log_in(READER.key), Browser(api).log_in()
    assert address not in reader.page("/alerts")
    assert address in writer.page("/alerts")
    assert reader.post(address, {**told, "form_token": reader.token()}).status == 403
    assert writer.post(address, told).status == 403
    assert writer.post(address, {**told, "form_token": reader.token()}).status == 403
    assert writer.post(address, {**told, "form_token": writer.token()}, sec_fetch_site="cross-site").status == 403
    assert api.get(f"/v1/admin/alerts/{alert}").json["state"] == "open"


def test_a_form_without_the_session_s_token_or_from_another_site_does_nothing(api: Api, question: str) -> None:
    browser, other = Browser(api).log_in(), Browser(api).log_in()
    address, told = f"/questions/{question}/deactivate", {"reason": "wrong", "actor": "me"}
    assert browser.post(address, told).status == 403
    assert browser.post(address, {**told, "form_token": ""}).status == 403
    assert browser.post(address, {**told, "form_token": "ü"}).status == 403
    assert browser.post(address, {**told, "form_token": other.token()}).status == 403
    assert browser.post(address, {**told, "form_token": browser.token()}, sec_fetch_site="cross-site").status == 403
    assert Browser(api).post(address, {**told, "form_token": browser.token()}).status == 303
    assert api.get(f"/v1/admin/questions/{question}").json["is_active"] is True
    assert browser.post(address, {**told, "form_token": browser.token()}).status == 303
    assert api.get(f"/v1/admin/questions/{question}").json["is_active"] is False


def test_without_keys_everybody_here_is_in_but_forms_need_their_token(bank: Bank, settings: Settings) -> None:
    with serving(bank, settings, keys=()) as api:
        run_chain(work_for(bank, settings, count=3, types=("logic",)))
        chosen = api.get("/v1/admin/questions", key=None).json["questions"][0]["id"]
        browser = Browser(api)
        page = browser.page(f"/questions/{chosen}")
        assert "Log out" not in page
        assert browser.get("/login").headers["location"] == "/"
        address, told = f"/questions/{chosen}/deactivate", {"reason": "wrong", "actor": "me"}
        assert browser.post(address, told).status == 403
        assert browser.get("/", Host="evil.example").status == 403
        assert browser.post(address, {**told, "form_token": browser.token(f"/questions/{chosen}")}).status == 303


def test_a_part_that_is_asked_for_by_script_has_the_page_loaded_anew_when_the_session_is_over(api: Api) -> None:
    answer = Browser(api).get("/live", HX_Request="true")
    assert (answer.status, answer.headers["hx-refresh"]) == (401, "true")


def test_a_link_on_another_site_works_although_the_cookie_stays_behind(api: Api) -> None:
    answer = Browser(api).get("/runs", sec_fetch_site="cross-site")
    assert (answer.status, b'http-equiv="refresh"' in answer.content) == (200, True)
    assert Browser(api).get("/runs", sec_fetch_site="same-origin").status == 303


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nothing", 404),
        (f"/runs/{NOBODY}", 404),
        (f"/questions/{NOBODY}", 404),
        ("/runs/17", 422),
        ("/runs?page=0", 422),
        ("/runs?page=99999999", 422),
        ("/runs?page=400", 404),
        ("/runs?page=9", 404),
        ("/runs?since=yesterday", 422),
        ("/runs?until=9999-12-31", 422),
        ("/runs?since=2026-03-02&until=2026-02-01", 422),
        ("/runs?min_success_rate=nan", 422),
        ("/runs?status=odd", 422),
        ("/runs?sort=odd", 422),
        ("/runs?%00=1", 422),
        ("/runs?provider=%00", 422),
        ("/questions?run_id=17", 422),
        ("/questions?active=perhaps", 422),
        ("/alerts?state=odd", 422),
        ("/compare?days=8", 422),
        ("/runs?unknown=1", 422),
        ("/assets/nothing", 404),
    ],
)
def test_errors_are_pages_for_browsers(api: Api, path: str, status: int) -> None:
    answer = Browser(api).log_in().get(path)
    assert (answer.status, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert "<h1>" in answer.content.decode()
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_errors_stay_problem_details_for_programs(api: Api) -> None:
    browser = Browser(api).log_in()
    for path in ("/v1/admin/nothing", RUNS, "/metrics"):
        assert browser.get(path).headers["content-type"] == "application/problem+json"
    assert api.get("/nothing").headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"key=a&" * 30, "application/x-www-form-urlencoded", 400),
        (b"\xff\xfe", "application/x-www-form-urlencoded", 400),
        (b'{"key": "a"}', "application/json", 415),
        (b"key=a", None, 415),
        (b"key=" + b"a" * 2_000_000, "application/x-www-form-urlencoded", 413),
    ],
)
def test_what_is_no_form_is_refused(api: Api, body: bytes, kind: str | None, status: int) -> None:
    try:
        answer = api.call("POST", "/login", body, key=None, content_type=kind)
    except (BrokenPipeError, ConnectionResetError):
        assert status == 413  # a server may hang up on a body that is too large
    else:
        assert answer.status == status


def test_every_page_forbids_what_comes_from_outside_and_is_not_kept(api: Api) -> None:
    browser = Browser(api).log_in()
    for path in (*PAGES, "/nothing"):
        answer = browser.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
        page = answer.content.decode()
        assert "style=" not in page
        assert "https://" not in page
    style = api.get("/assets/dashboard.css", key=None)
    assert (style.status, style.headers["cache-control"]) == (200, "public, max-age=31536000, immutable")
    assert b"url(" not in style.content
