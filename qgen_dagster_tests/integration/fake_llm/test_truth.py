"""What the server counts, how it limits, and running it as a process."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

from qgen_dagster_tests.fake_llm import FakeLlm, FakeLlmProcess, Fault
from qgen_dagster_tests.fake_llm.limits import Limiter
from qgen_dagster_tests.fake_llm.settings import Settings
from qgen_dagster_tests.integration.fake_llm.conftest import Ask, chat, message, openai_client
from qgen_dagster_tests.integration.fake_llm.conftest import anthropic_client as anthropic_at
from qgen_dagster_tests.integration.fake_llm.prompts import generate


def test_calls_are_counted_by_provider_task_and_status(server: FakeLlm, ask: Ask) -> None:
    server.script("429:@1:task=solve:provider=xai")
    ask(generate(2))
    ask("Task: solve\n", "anthropic")
    with pytest.raises(openai.RateLimitError):
        ask("Task: solve\n", "xai")
    stats = server.stats
    assert stats["openai"].task("generate").statuses == {"200": 1}
    assert stats["anthropic"].task("solve").calls == 1
    assert stats["xai"].statuses == {"429": 1}
    assert stats["xai"].task("solve").answered == 0
    assert stats.calls == 3
    assert stats.questions_made == 2


def test_the_tokens_counted_are_those_reported(server: FakeLlm) -> None:
    client = openai_client(server)
    usages = [chat(client, generate(n)).usage for n in (1, 2, 3)]
    billed = server.stats["openai"].models["gpt-4.1"].tokens
    assert billed == server.stats["openai"].tokens
    assert billed.input == sum(usage.prompt_tokens for usage in usages)
    assert billed.output == sum(usage.completion_tokens for usage in usages)
    assert billed.cached == sum(usage.prompt_tokens_details.cached_tokens for usage in usages) > 0

    usage = message(anthropic_at(server), "hello").usage
    billed = server.stats["anthropic"].tokens
    assert billed.cache_write == usage.cache_creation_input_tokens
    assert billed.input == usage.input_tokens + usage.cache_creation_input_tokens


def test_what_is_answered_twice_is_paid_twice(server: FakeLlm) -> None:
    server.script("500:@1")
    client = openai_client(server)
    with pytest.raises(openai.InternalServerError):
        chat(client, "hello")
    chat(client, "hello")
    assert server.stats.paid_twice == 0
    chat(client, "hello")
    chat(client, "hello again")
    assert (server.stats["openai"].paid_twice, server.stats["openai"].distinct) == (1, 2)


def test_what_did_not_arrive_is_billed_but_counted_apart(server: FakeLlm) -> None:
    server.script("reset:@1", "timeout:@2")
    for timeout in (20.0, 1.0):
        with pytest.raises(openai.APIConnectionError):
            chat(openai_client(server, timeout=timeout), "hello")
    stats = server.stats["openai"]
    assert stats.statuses == {"reset": 1, "timeout": 1}
    assert stats.tokens.input == 0
    assert stats.unreadable_tokens.input > 0
    assert stats.paid_twice == 1


def test_calls_in_flight_are_counted_while_they_are_held(server: FakeLlm) -> None:
    client = openai_client(server)
    server.hold()
    with ThreadPoolExecutor(50) as pool:
        waiting = [pool.submit(chat, client, f"hello {n}") for n in range(50)]
        while server.stats["openai"].in_flight < 50:
            time.sleep(0.01)
        server.release()
        assert all(future.result().choices for future in waiting)
    assert server.stats["openai"].max_in_flight == 50
    assert server.stats["openai"].in_flight == 0


def test_a_reset_counts_from_zero(server: FakeLlm, ask: Ask) -> None:
    server.script("empty:@1")
    assert not ask("hello")
    server.reset()
    assert server.stats.calls == 0
    assert not ask("hello")
    assert server.stats["openai"].calls == 1


def test_a_request_that_is_none_is_counted_and_refused(server: FakeLlm) -> None:
    client = openai_client(server)
    with pytest.raises(openai.NotFoundError):
        client.moderations.create(input="hello")
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="gpt-4.1", messages=[])
    assert server.stats["openai"].statuses == {"404": 1, "400": 1}


def test_a_rate_limit_refuses_what_comes_too_fast() -> None:
    with FakeLlm(rate=0.5, burst=3) as server:
        client = openai_client(server)
        for _ in range(3):
            chat(client, "hello")
        with pytest.raises(openai.RateLimitError) as caught:
            chat(client, "hello")
        headers = caught.value.response.headers
        assert headers["retry-after"] == "2"
        assert headers["x-ratelimit-limit-requests"] == "30"
        assert headers["x-ratelimit-remaining-requests"] == "0"
        assert server.stats["openai"].refused_by_limit == 1
        assert message(anthropic_at(server), "hello").content


def test_a_limit_of_tokens_refuses_what_is_too_much() -> None:
    with FakeLlm(tokens_per_minute=2_500) as server:
        client = openai_client(server)
        chat(client, "hello")
        with pytest.raises(openai.RateLimitError) as caught:
            chat(client, "hello" * 1_000)
        assert caught.value.type == "tokens"


def test_a_bucket_fills_again_at_its_rate() -> None:
    now = [0.0]
    limiter = Limiter(Settings(rate=10, burst=5), lambda: now[0])
    assert [limiter.admit(1).wait > 0 for _ in range(7)] == [False] * 5 + [True] * 2
    now[0] += 0.2
    assert [limiter.admit(1).wait > 0 for _ in range(3)] == [False, False, True]
    now[0] += 100
    assert limiter.admit(1).requests_left == 4


def test_a_call_takes_as_long_as_told(server: FakeLlm) -> None:
    client = openai_client(server)
    server.control(latency=0.2)
    begun = time.monotonic()
    chat(client, "hello")
    assert time.monotonic() - begun >= 0.2


def test_the_server_runs_as_a_process_of_its_own() -> None:
    arguments = ("--port", "0", "--warm", "0", "--seed", "3", "--fault", "503:@2", "--solver-error-rate", "xai:0.5")
    with FakeLlmProcess(*arguments) as server:
        client = openai_client(server)
        assert chat(client, generate(2)).choices
        with pytest.raises(openai.InternalServerError):
            chat(client, generate(2))
        server.script(Fault("empty", share=1))
        assert chat(client, generate(2)).choices[0].message.content == ""
        assert server.stats["openai"].calls == 3


def test_it_prints_what_to_set_and_ends_when_it_is_told_to() -> None:
    command = [sys.executable, "-m", "qgen_dagster_tests.fake_llm", "--port", "0", "--warm", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        lines = [process.stdout.readline() for _ in range(11)]
        process.terminate()
        assert process.wait(timeout=20) == 0
    assert lines[0].startswith("fake LLM server on http://127.0.0.1:")
    names = [line.removeprefix("export ").partition("=")[0] for line in lines[1:]]
    assert {"OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "GOOGLE_GEMINI_BASE_URL", "XAI_BASE_URL"} <= set(names)


@pytest.mark.parametrize("arguments", [["--fault", "nonsense:1"], ["--solver-error-rate", "nobody:1"]])
def test_a_wrong_argument_is_told_and_ends_it(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "qgen_dagster_tests.fake_llm", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "there are" in done.stderr
