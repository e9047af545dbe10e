"""Batch jobs through the SDKs: handing in, waiting, results, single errors, expiry, cancellation."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import openai
import pytest
from google.genai import errors, types

from qgen_dagster_tests.fake_llm import FakeLlm, Fault
from qgen_dagster_tests.integration.fake_llm.conftest import anthropic_client, google_client, openai_client
from qgen_dagster_tests.integration.fake_llm.prompts import SYSTEM, generate, questions_of

DAY = 24 * 3600
LONG = 3600  # seconds that a job takes; the tests move the clock


def _lines(count: int, model: str = "gpt-4.1", url: str = "/v1/chat/completions") -> bytes:
    def line(number: int) -> dict[str, Any]:
        messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": f"{generate(2)}\n{number}"}]
        body = {"model": model, "messages": messages}
        return {"custom_id": f"call-{number}", "method": "POST", "url": url, "body": body}

    return "\n".join(json.dumps(line(number)) for number in range(count)).encode()


def _hand_in_openai(client: openai.OpenAI, content: bytes, label: str = "run-1") -> Any:
    file = client.files.create(file=("batch.jsonl", content), purpose="batch")
    return client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"label": label}
    )


def _read(client: openai.OpenAI, file_id: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in client.files.content(file_id).text.splitlines()]


def _hand_in_anthropic(client: anthropic.Anthropic, count: int, model: str = "claude-sonnet-5") -> Any:
    requests: Any = [
        {
            "custom_id": f"call-{n}",
            "params": {"model": model, "max_tokens": 4_000, "messages": [{"role": "user", "content": generate(2)}]},
        }
        for n in range(count)
    ]
    return client.messages.batches.create(requests=requests)


def _hand_in_google(client: Any, count: int, label: str = "run-1", model: str = "gemini-2.5-flash") -> Any:
    config = types.GenerateContentConfig(system_instruction=SYSTEM)
    requests = [
        types.InlinedRequest(contents=f"{generate(2)}\n{n}", metadata={"key": f"call-{n}"}, config=config)
        for n in range(count)
    ]
    return client.batches.create(model=model, src=requests, config={"display_name": label})


# OpenAI


def test_an_openai_job_goes_through_its_states_to_its_results(server: FakeLlm) -> None:
    server.control(batch_delay=LONG)
    client = openai_client(server)
    job = _hand_in_openai(client, _lines(4))
    states = [job.status]
    for _ in range(2):
        server.advance(LONG / 2 + 1)
        states.append(client.batches.retrieve(job.id).status)
    assert states == ["validating", "in_progress", "completed"]
    job = client.batches.retrieve(job.id)
    assert (job.request_counts.completed, job.request_counts.total, job.error_file_id) == (4, 4, None)
    results = {line["custom_id"]: line["response"] for line in _read(client, job.output_file_id)}
    assert sorted(results) == [f"call-{n}" for n in range(4)]
    bodies = [response["body"] for response in results.values()]
    assert all(len(questions_of(body["choices"][0]["message"]["content"])) == 2 for body in bodies)
    assert server.stats["openai"].batch_tokens.input == sum(body["usage"]["prompt_tokens"] for body in bodies)
    assert server.stats["openai"].batch_tokens.output == sum(body["usage"]["completion_tokens"] for body in bodies)
    assert server.stats["openai"].tokens.input == 0


def test_an_openai_job_is_found_by_its_metadata(server: FakeLlm) -> None:
    client = openai_client(server)
    for number in range(25):
        _hand_in_openai(client, _lines(1), f"run-{number}")
    found = [job for job in client.batches.list(limit=10) if (job.metadata or {}).get("label") == "run-3"]
    assert len(found) == 1


def test_requests_of_an_openai_job_fail_on_their_own(server: FakeLlm) -> None:
    server.script(Fault("500", calls=(2,), api="batch"))
    client = openai_client(server)
    job = _hand_in_openai(client, _lines(2) + b"\n" + _lines(1, "gpt-no-such").replace(b"call-0", b"call-9"))
    job = client.batches.retrieve(job.id)
    assert (job.status, job.request_counts.completed, job.request_counts.failed) == ("completed", 1, 2)
    failed = {line["custom_id"]: line["response"]["status_code"] for line in _read(client, job.error_file_id)}
    assert failed == {"call-1": 500, "call-9": 404}


def test_an_openai_job_that_expires_keeps_what_was_answered(server: FakeLlm) -> None:
    server.control(batch_delay=10 * DAY, batch_done_share=0.25)
    client = openai_client(server)
    job = _hand_in_openai(client, _lines(8))
    server.advance(DAY + 1)
    job = client.batches.retrieve(job.id)
    assert (job.status, job.request_counts.completed) == ("expired", 2)
    assert len(_read(client, job.output_file_id)) == 2
    assert {line["error"]["code"] for line in _read(client, job.error_file_id)} == {"batch_expired"}


def test_an_openai_job_is_cancelled(server: FakeLlm) -> None:
    server.control(batch_delay=LONG, batch_done_share=0.5)
    client = openai_client(server)
    job = _hand_in_openai(client, _lines(4))
    assert client.batches.cancel(job.id).status == "cancelling"
    job = client.batches.retrieve(job.id)
    assert job.status == "cancelled"
    assert len(_read(client, job.output_file_id)) == 2


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"no json", "invalid_json_line"),
        (_lines(1, url="/v1/embeddings"), "mismatched_endpoint"),
        (_lines(1) + b"\n" + _lines(1), "duplicate_custom_id"),
    ],
)
def test_an_openai_file_that_will_not_do_fails_the_job(server: FakeLlm, content: bytes, code: str) -> None:
    job = _hand_in_openai(openai_client(server), content)
    assert job.status == "failed"
    assert [problem.code for problem in job.errors.data] == [code]


def test_a_job_whose_answer_was_lost_was_handed_in_all_the_same(server: FakeLlm) -> None:
    server.script(Fault("reset", calls=(1,), task="batch"))
    client = openai_client(server)
    with pytest.raises(openai.APIConnectionError):
        _hand_in_openai(client, _lines(2), "lost")
    assert [job.metadata for job in client.batches.list()] == [{"label": "lost"}]
    assert server.stats["openai"].jobs == 1


def test_jobs_are_openais_alone_among_those_who_speak_its_protocol(server: FakeLlm) -> None:
    with pytest.raises(openai.NotFoundError):
        openai_client(server, "XAI").batches.list()


# Anthropic


def test_an_anthropic_job_goes_through_its_states_to_its_results(server: FakeLlm) -> None:
    server.control(batch_delay=LONG)
    client = anthropic_client(server)
    job = _hand_in_anthropic(client, 3)
    assert (job.processing_status, job.request_counts.processing, job.results_url) == ("in_progress", 3, None)
    server.advance(LONG + 1)
    job = client.messages.batches.retrieve(job.id)
    assert (job.processing_status, job.request_counts.succeeded) == ("ended", 3)
    results = {line.custom_id: line.result for line in client.messages.batches.results(job.id)}
    assert {result.type for result in results.values()} == {"succeeded"}
    messages = [result.message for result in results.values()]
    assert all(len(questions_of(message.content[0].text)) == 2 for message in messages)
    assert {message.usage.service_tier for message in messages} == {"batch"}
    assert server.stats["anthropic"].batch_tokens.output == sum(m.usage.output_tokens for m in messages)
    assert [found.id for found in client.messages.batches.list()] == [job.id]


def test_requests_of_an_anthropic_job_fail_on_their_own(server: FakeLlm) -> None:
    server.script(Fault("529", calls=(2,), api="batch"), Fault("refusal", calls=(3,)))
    client = anthropic_client(server)
    job = _hand_in_anthropic(client, 3)
    one, two, three = (line.result for line in client.messages.batches.results(job.id))
    assert (one.type, two.type, three.type) == ("succeeded", "errored", "succeeded")
    assert two.error.error.type == "overloaded_error"
    assert three.message.stop_reason == "refusal"


@pytest.mark.parametrize(("how", "kind"), [("expire", "expired"), ("cancel", "canceled")])
def test_an_anthropic_job_that_stops_early_keeps_what_was_answered(server: FakeLlm, how: str, kind: str) -> None:
    server.control(batch_delay=10 * DAY)
    client = anthropic_client(server)
    job = _hand_in_anthropic(client, 4)
    if how == "cancel":
        assert client.messages.batches.cancel(job.id).processing_status == "canceling"
    else:
        server.advance(DAY + 1)
    job = client.messages.batches.retrieve(job.id)
    assert job.processing_status == "ended"
    kinds = [line.result.type for line in client.messages.batches.results(job.id)]
    assert kinds == ["succeeded", "succeeded", kind, kind]
    assert getattr(job.request_counts, kind) == 2


# Google


def test_a_google_job_goes_through_its_states_to_its_results(server: FakeLlm) -> None:
    server.control(batch_delay=LONG)
    client = google_client(server)
    job = _hand_in_google(client, 3)
    states = [job.state.name]
    for _ in range(2):
        server.advance(LONG / 2 + 1)
        job = client.batches.get(name=job.name)
        states.append(job.state.name)
    assert states == ["JOB_STATE_PENDING", "JOB_STATE_RUNNING", "JOB_STATE_SUCCEEDED"]
    assert job.display_name == "run-1"
    results = {result.metadata["key"]: result.response for result in job.dest.inlined_responses}
    assert sorted(results) == ["call-0", "call-1", "call-2"]
    assert all(len(questions_of(response.text)) == 2 for response in results.values())
    written = sum(response.usage_metadata.candidates_token_count for response in results.values())
    assert server.stats["google"].batch_tokens.output == written


def test_a_google_job_is_found_by_its_name(server: FakeLlm) -> None:
    client = google_client(server)
    jobs = {_hand_in_google(client, 1, f"run-{n}").name: f"run-{n}" for n in range(7)}
    found = {job.name: job.display_name for job in client.batches.list(config={"page_size": 3})}
    assert found == jobs


def test_requests_of_a_google_job_fail_on_their_own(server: FakeLlm) -> None:
    server.script(Fault("503", calls=(2,), api="batch"))
    client = google_client(server)
    results = client.batches.get(name=_hand_in_google(client, 2).name).dest.inlined_responses
    assert results[0].error is None
    assert results[1].error.code == 14
    assert results[1].metadata == {"key": "call-1"}


def test_a_google_job_that_expires_or_is_cancelled_brings_nothing_and_costs_nothing(server: FakeLlm) -> None:
    server.control(batch_delay=10 * DAY)
    client = google_client(server)
    cancelled, expired = _hand_in_google(client, 2), _hand_in_google(client, 2)
    client.batches.cancel(name=cancelled.name)
    server.advance(2 * DAY + 1)
    for job, state in ((cancelled, "JOB_STATE_CANCELLED"), (expired, "JOB_STATE_EXPIRED")):
        seen = client.batches.get(name=job.name)
        assert (seen.state.name, seen.dest) == (state, None)
    assert server.stats["google"].batch_tokens.output == 0


@pytest.mark.parametrize("outcome", ["failed"])
def test_a_job_may_fail_as_a_whole(server: FakeLlm, outcome: str) -> None:
    server.control(batch_outcome=outcome)
    ours, theirs = openai_client(server), google_client(server)
    assert ours.batches.retrieve(_hand_in_openai(ours, _lines(2)).id).status == "failed"
    assert theirs.batches.get(name=_hand_in_google(theirs, 2).name).state.name == "JOB_STATE_FAILED"


def test_jobs_that_nobody_handed_in_are_not_found(server: FakeLlm) -> None:
    with pytest.raises(openai.NotFoundError):
        openai_client(server).batches.retrieve("batch_none")
    with pytest.raises(anthropic.NotFoundError):
        anthropic_client(server).messages.batches.retrieve("msgbatch_none")
    client = google_client(server)
    with pytest.raises(errors.ClientError, match="404"):
        client.batches.get(name="batches/none")
