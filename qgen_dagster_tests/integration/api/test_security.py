"""Who is let in: keys, scopes, the limit on wrong ones, and what is open without a key."""

from __future__ import annotations

import pytest

from qgen_dagster.api.security import FAILURES, Doorkeeper
from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.service_keys import ServiceKey
from qgen_dagster.config.settings import Settings
from qgen_dagster_tests.support.api import READER, RUNS, WRITER, Api, a_run, serving

WRONG: dict[str, str | bytes | None] = {
    "missing": None,
    "wrong": "wrong-key-0123456789-abcdef",
    "a part of the right one": WRITER.key[:-1],
    "more than the right one": WRITER.key + "x",
    "blank": " ",
    "not ASCII": "schlüssel-0123456789-abcdef".encode(),
    "not even UTF-8": b"\xff\xfe\xfd",
    "very long": "k" * 30_000,
}


@pytest.mark.parametrize("key", WRONG.values(), ids=WRONG)
def test_without_a_right_key_nobody_is_let_in_and_nobody_learns_why(api: Api, key: str | bytes | None) -> None:
    answer = api.get(RUNS, key=key)
    assert answer.status == 401
    assert answer.json == {
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "detail": "A valid X-Service-Key is needed.",
    }
    assert answer.headers["www-authenticate"] == "ApiKey"


def test_an_empty_key_is_no_key(api: Api) -> None:
    api.key = None
    assert api.get(RUNS, headers={"X-Service-Key": ""}).status == 401


def test_several_keys_are_valid_at_once(api: Api) -> None:
    assert {api.get(RUNS, key=key.key).status for key in (READER, WRITER)} == {200}


def test_a_reader_may_not_write(api: Api) -> None:
    assert api.post(RUNS, a_run(), key=READER.key).status == 403
    assert api.post(RUNS, a_run(), key=WRITER.key).status == 201


def test_a_wrong_key_is_refused_before_the_body_is_looked_at(api: Api) -> None:
    assert api.post(RUNS, {"nonsense": 1}, key="wrong-key-0123456789-abcdef").status == 401


def test_too_many_wrong_keys_are_told_to_wait_but_the_right_one_is_let_in(api: Api) -> None:
    clock = [0.0]
    api.app.state.doorkeeper = Doorkeeper((READER, WRITER), lambda: clock[0])
    statuses = [api.get(RUNS, key="wrong").status for _ in range(FAILURES + 2)]
    assert statuses == [401] * FAILURES + [429] * 2
    waiting = api.get(RUNS, key="wrong")
    assert waiting.headers["retry-after"] == "60"
    assert api.get(RUNS).status == 200
    clock[0] = 61.0
    assert api.get(RUNS, key="wrong").status == 401


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/openapi.json", "/docs", "/docs/assets/swagger-ui.css"])
def test_health_and_description_need_no_key(api: Api, path: str) -> None:
    assert api.get(path, key=None).status == 200


def test_the_description_s_page_loads_nothing_from_outside(api: Api) -> None:
    page = api.get("/docs").content.decode()
    assert "/docs/assets/swagger-ui-bundle.js" in page
    assert "https://" not in page


def test_metrics_need_a_key(api: Api) -> None:
    assert api.get("/metrics", key=None).status == 401


def test_without_keys_only_local_names_are_answered(bank: Bank, settings: Settings) -> None:
    with serving(bank, settings, keys=()) as api:
        assert api.get(RUNS, key=None).status == 200
        assert api.get(RUNS, key=None, headers={"Host": "localhost:3001"}).status == 200
        for host in ("evil.example", "evil.example:3001", "127.0.0.1.evil.example", ""):
            assert api.get(RUNS, key=None, headers={"Host": host}).status in (400, 403)


def test_a_key_is_not_shown_by_what_holds_it() -> None:
    key = ServiceKey("me", "write", "secret-key-0123456789-abcdef")
    assert "secret" not in repr(key)
