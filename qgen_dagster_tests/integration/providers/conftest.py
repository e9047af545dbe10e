"""The clients of all providers on the local server, and a server that says just what a test tells it to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from qgen_dagster.generation.llm import CallSettings, Prompt
from qgen_dagster_tests.fake_llm import FakeLlm

MODELS = {
    "openai": "gpt-5-mini",
    "anthropic": "claude-haiku-4-5",
    "google": "gemini-2.5-flash",
    "xai": "grok-4",
    "openai_compatible": "qwen3",
}
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["same", "reason"],
    "properties": {"same": {"type": "boolean"}, "reason": {"type": ["string", "null"]}},
}


def prompt(number: int = 1) -> Prompt:
    """A prompt that the server understands; another one for each number."""
    questions = "".join(f"<question>\nQuestion: {n}?\nA) 1\n</question>\n" for n in (number, 2))
    user = f"Task: compare\n\n{questions}"
    return Prompt("You compare questions of a test. " * 300, user, "comparison", SCHEMA)


def settings(family: str, **changes: object) -> CallSettings:
    """Settings of a call to the family's model, with changes."""
    return CallSettings(**{"model": MODELS[family], "max_output_tokens": 500, "timeout_seconds": 20.0, **changes})  # type: ignore[arg-type]


def at_server(family: str) -> str:
    """How the server calls the family in its counts and faults."""
    return "compatible" if family == "openai_compatible" else family


@pytest.fixture
def server() -> Iterator[FakeLlm]:
    with FakeLlm() as running:
        yield running


@pytest.fixture
def environment(server: FakeLlm) -> dict[str, str]:
    """The variables that lead every client to the server."""
    own = {f"QGEN_{name}": value for name, value in server.env.items() if name.startswith("OPENAI_COMPATIBLE")}
    return {**server.env, **own}


@dataclass
class Told:
    """A server that gives one answer, and remembers what it was asked."""

    url: str
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    body: bytes = b"{}"
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    def environment(self) -> dict[str, str]:
        """The variables that lead every client to it."""
        return {
            "OPENAI_API_KEY": "sk-of-openai",
            "OPENAI_BASE_URL": f"{self.url}/v1",
            "ANTHROPIC_API_KEY": "sk-of-anthropic",
            "ANTHROPIC_BASE_URL": self.url,
            "GEMINI_API_KEY": "AIza-of-google",
            "GOOGLE_GEMINI_BASE_URL": self.url,
            "XAI_API_KEY": "xai-of-xai",
            "XAI_BASE_URL": f"{self.url}/v1",
            "QGEN_OPENAI_COMPATIBLE_BASE_URL": f"{self.url}/v1",
        }


@pytest.fixture
def told() -> Iterator[Told]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            answer.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        answer = Told(f"http://127.0.0.1:{running.server_port}")
        thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield answer
        running.shutdown()
        thread.join()
