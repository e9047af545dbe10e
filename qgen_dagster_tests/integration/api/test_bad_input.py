"""Whatever is sent, the answer is a 4xx with problem details, never a 5xx, and nothing is stored by half."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from qgen_dagster.api.limits import MAX_BODY_BYTES
from qgen_dagster_tests.support.api import RUNS, WRITER, Answer, Api, a_run

SQL = "'; DROP TABLE questions; --"
HTML = "<script>alert(1)</script>"
RAW = {
    "no JSON": b"{",
    "nothing": b"",
    "not UTF-8": b'{"stop_reason": "\xff\xfe"}',
    "half a surrogate pair": b'{"stop_reason": "\\ud800"}',
    "deep arrays": b"[" * 100_000,
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "a number of 100,000 digits": b'{"questions_requested": ' + b"9" * 100_000 + b"}",
    "NaN": json.dumps({**a_run(), "approval_rate": float("nan")}).encode(),
    "infinity": json.dumps({**a_run(), "cost_usd": float("inf")}).encode(),
    "an array": b"[]",
    "a string": b'"x"',
    "null": b"null",
}
FIELDS: dict[str, dict[str, Any]] = {
    "text for a number": {"questions_requested": "50"},
    "true for a number": {"questions_requested": True},
    "a fraction for a count": {"questions_requested": 49.5},
    "a negative count": {"total_errors": -1},
    "a huge count": {"total_api_calls": 10**30},
    "a rate above 1": {"approval_rate": 1.5},
    "an unknown status": {"status": "done"},
    "an unknown field": {"questions_lost": 1},
    "no id": {"id": "17"},
    "a date without a zone": {"started_at": "2026-03-01T02:00:00"},
    "a date that is none": {"started_at": "yesterday"},
    "seconds for a date": {"started_at": 1_772_000_000},
    "an end before the start": {"completed_at": "2026-02-01T00:00:00Z"},
    "a start in another age": {"started_at": "0001-01-01T00:00:00+14:00"},
    "an end without a state": {"status": "running"},
    "scores out of order": {"min_arbiter_score": 0.9, "avg_arbiter_score": 0.5},
    "more inserted than approved": {"questions_inserted": 47},
    "more judged than made": {"questions_evaluated": 51},
    "a rate that the counts deny": {"overall_success_rate": 0.1},
    "NUL in a text": {"stop_reason": "a\x00b"},
    "an escape sequence": {"host": "\x1b[31mred"},
    "a name too long": {"prompt_version": "x" * 51},
    "an empty name": {"environment": ""},
    "a text too long": {"error": "x" * 5_000},
    "a breakdown that is none": {"provider_metrics": [1]},
    "an unknown measure": {"provider_metrics": {"openai": {"speed": 1}}},
    "text in a breakdown": {"type_metrics": {"math": "8"}},
    "too many names": {"type_metrics": {f"t{n}": 1 for n in range(201)}},
    "an unknown loss": {"funnel": {"total": {"losses": {"stolen": 1}}}},
    "an unknown severity": {"error_summary": {"by_severity": {"awful": 1}}},
}
QUERIES = {
    "page 0": {"page": 0},
    "a page far beyond the end": {"page": 9_999},
    "a page beyond all": {"page": 10**30},
    "no page": {"page": "x"},
    "too many at once": {"page_size": 201},
    "an unknown sort": {"sort": "id; DROP TABLE questions"},
    "an unknown status": {"status": "done"},
    "an unknown filter": {"statsu": "failed"},
    "a date without a zone": {"since": "2026-03-01T00:00:00"},
    "a day": {"since": "2026-03-01"},
    "dates reversed": {"since": "2026-03-02T00:00:00Z", "until": "2026-03-01T00:00:00Z"},
    "rates reversed": {"min_success_rate": 0.9, "max_success_rate": 0.1},
    "NaN": {"min_success_rate": "nan"},
    "infinity": {"max_success_rate": "inf"},
    "NUL": {"provider": "a\x00b"},
    "nothing": {"provider": ""},
}


def is_problem(answer: Answer, *statuses: int) -> None:
    assert answer.status in (statuses or range(400, 500)), answer.content
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json
    assert problem["status"] == answer.status
    assert problem["title"]


def rows(api: Api) -> int:
    with api.bank.begin() as tx:
        return int(tx.execute(text("SELECT count(*) FROM question_generation_runs")).scalar_one())


@pytest.mark.parametrize("body", RAW.values(), ids=RAW)
def test_a_body_that_is_no_report_is_refused(api: Api, body: bytes) -> None:
    is_problem(api.call("POST", RUNS, body), 400, 422)
    assert rows(api) == 0


@pytest.mark.parametrize("changes", FIELDS.values(), ids=FIELDS)
def test_a_field_that_cannot_be_is_refused_by_its_name(api: Api, changes: dict[str, Any]) -> None:
    answer = api.post(RUNS, a_run(**changes))
    is_problem(answer, 422)
    assert answer.json["errors"][0]["where"].startswith("body")
    assert rows(api) == 0


def test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not(api: Api) -> None:
    large = b" " * (MAX_BODY_BYTES + 1)
    is_problem(api.call("POST", RUNS, large), 413)
    connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=30)
    headers = {"Content-Type": "application/json", "X-Service-Key": WRITER.key}
    connection.request("POST", RUNS, (large[:100_000] for _ in range(11)), headers, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()


def test_a_body_without_end_is_not_taken(api: Api) -> None:
    with socket.create_connection(("127.0.0.1", api.port), timeout=30) as connection, contextlib.suppress(OSError):
        head = f"POST {RUNS} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Service-Key: {WRITER.key}\r\n"
        connection.sendall(f"{head}Content-Length: {10**12}\r\n\r\n".encode())
        for _ in range(1_000):  # it hangs up before a gigabyte has been sent
            connection.sendall(b" " * MAX_BODY_BYTES)
        pytest.fail("it took everything")


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "application/xml", "é"])
def test_a_body_of_another_type_is_refused(api: Api, kind: str | None) -> None:
    is_problem(api.call("POST", RUNS, json.dumps(a_run()).encode(), content_type=kind), 415)


def test_json_with_a_charset_is_json(api: Api) -> None:
    body = json.dumps(a_run()).encode()
    assert api.call("POST", RUNS, body, content_type="application/json; charset=utf-8").status == 201


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_a_query_that_cannot_be_is_refused(api: Api, query: dict[str, Any]) -> None:
    is_problem(api.get(RUNS, query), 404, 422)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("stats", {"since": "2026-03-02T00:00:00Z", "until": "2026-03-01T00:00:00Z"}),
        ("stats", {"consecutive": 0}),
        ("compare", {"prompt_version": ["2.0"]}),
        ("compare", {"prompt_version": ["2.0", "2.0"]}),
        ("compare", {"prompt_version": ["1", "2", "3"]}),
        ("timeseries", {"bucket": "week"}),
        ("timeseries", {"bucket": "hour", "since": "2020-01-01T00:00:00Z"}),
    ],
)
def test_statistics_that_cannot_be_are_refused(api: Api, path: str, query: dict[str, Any]) -> None:
    is_problem(api.get(f"{RUNS}/{path}", query), 422)


@pytest.mark.parametrize("wrong", ["17", "nothing", SQL.replace(" ", "%20"), "%00", "..%2f..", "é".encode().hex()])
@pytest.mark.parametrize("place", ["generation-runs", "questions", "batches", "alerts"])
def test_an_id_that_is_none_is_refused(api: Api, place: str, wrong: str) -> None:
    is_problem(api.get(f"/v1/admin/{place}/{wrong}"), 404, 422)


@pytest.mark.parametrize("place", ["generation-runs", "questions", "batches", "alerts"])
def test_an_id_that_is_not_there_is_not_found(api: Api, place: str) -> None:
    is_problem(api.get(f"/v1/admin/{place}/{uuid4()}"), 404)


def test_an_address_that_is_not_there_is_not_found(api: Api) -> None:
    is_problem(api.get("/v1/admin/nothing"), 404)
    is_problem(api.get(RUNS + "/"), 404, 422)


def test_a_method_that_is_not_taken_says_which_are(api: Api) -> None:
    answer = api.call("DELETE", RUNS)
    is_problem(answer, 405)
    assert answer.headers["allow"] == "GET, POST"


@pytest.mark.parametrize("text_", [SQL, HTML, "ünïcödé ‮ 💥", "\\", "%", "_", "{{7*7}}", "${x}"])
def test_a_text_is_kept_and_found_as_it_is(api: Api, text_: str) -> None:
    report = a_run(prompt_version=text_, triggered_by=text_, stop_reason=text_, type_metrics={text_: 50})
    assert api.post(RUNS, report).status == 201
    found = api.get(RUNS, {"prompt_version": text_, "triggered_by": text_, "question_type": text_})
    assert [run["id"] for run in found.json["runs"]] == [report["id"]]
    assert found.json["runs"][0]["stop_reason"] == text_
    assert api.get(f"{RUNS}/stats", {"prompt_version": text_}).status == 200
    assert found.headers["content-type"] == "application/json"
    assert found.headers["x-content-type-options"] == "nosniff"


def test_a_refusal_does_not_repeat_what_was_sent(api: Api) -> None:
    answer = api.post(RUNS, a_run(status=HTML, questions_requested=SQL))
    assert b"script" not in answer.content
    assert b"DROP" not in answer.content


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"reason": "wrong"},
        {"reason": " ", "actor": "me"},
        {"reason": "a\nb", "actor": "me"},
        {"reason": 1, "actor": 2},
    ],
)
def test_a_deactivation_needs_a_reason_and_an_actor(api: Api, told: dict[str, Any]) -> None:
    is_problem(api.post(f"/v1/admin/questions/{uuid4()}/deactivate", told), 422)


def test_a_database_that_is_gone_is_told_without_details(api: Api) -> None:
    from qgen_dagster.bank.engine import Bank

    api.app.state.bank = Bank("postgresql://me:secret@127.0.0.1:1/qgen")
    for answer in (api.get(RUNS), api.post(RUNS, a_run()), api.get("/readyz")):
        is_problem(answer, 503)
        assert b"127.0.0.1" not in answer.content
        assert b"secret" not in answer.content
    assert api.get("/healthz").status == 200


def test_a_bug_is_told_without_details(api: Api) -> None:
    api.app.state.bank = None
    answer = api.get(RUNS)
    is_problem(answer, 500)
    assert b"NoneType" not in answer.content
