"""The admin API on a real socket, in a thread of the test's process; asked by plain HTTP."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import uvicorn
from sqlalchemy import insert

from qgen_dagster.api.app import create_app
from qgen_dagster.bank.engine import Bank
from qgen_dagster.bank.operations_tables import alerts
from qgen_dagster.config.service_keys import ServiceKey
from qgen_dagster.config.settings import Settings

READER = ServiceKey("reader", "read", "reader-key-0123456789-abcdef")
WRITER = ServiceKey("writer", "write", "writer-key-0123456789-abcdef")
RUNS = "/v1/admin/generation-runs"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


@dataclass
class Api:
    """A running server; requests carry the writer's key unless told otherwise."""

    port: int
    bank: Bank
    app: Any
    key: str | None = WRITER.key
    more: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, query: Any = None, **options: Any) -> Answer:
        """A GET, with query parameters from a mapping or pairs."""
        asked = f"{path}?{urlencode(query, doseq=True)}" if query else path
        return self.call("GET", asked, **options)

    def post(self, path: str, body: Any, **options: Any) -> Answer:
        """A POST of JSON."""
        return self.call("POST", path, json.dumps(body).encode(), **options)

    def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        key: str | bytes | None = "",
        headers: Mapping[str, str] | None = None,
        content_type: str | None = "application/json",
    ) -> Answer:
        """Any request. `key` empty: the writer's; None: no key."""
        sent: dict[str, Any] = dict(headers or {})
        if body is not None and content_type is not None:
            sent["Content-Type"] = content_type
        chosen = self.key if key == "" else key
        if chosen is not None:
            sent["X-Service-Key"] = chosen
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            content = answer.read()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, content)
        finally:
            connection.close()


@contextmanager
def serving(bank: Bank, settings: Settings, keys: Sequence[ServiceKey] = (READER, WRITER)) -> Iterator[Api]:
    """A server on a free port as long as the block lasts."""
    app = create_app(bank, settings, keys)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", proxy_headers=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                raise RuntimeError("the server did not start")
            thread.join(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Api(port, bank, app)
    finally:
        server.should_exit = True
        thread.join()


def a_run(**changes: Any) -> dict[str, Any]:
    """A sound report of a run that ended, 50 asked for and 45 inserted."""
    return {
        "id": str(uuid4()),
        "started_at": "2026-03-01T02:00:00Z",
        "completed_at": "2026-03-01T02:04:10Z",
        "status": "success",
        "exit_code": 0,
        "questions_requested": 50,
        "questions_generated": 50,
        "questions_evaluated": 50,
        "questions_approved": 46,
        "questions_rejected": 4,
        "duplicates_found": 1,
        "exact_duplicates": 1,
        "questions_inserted": 45,
        "total_api_calls": 30,
        **changes,
    }


def running(**changes: Any) -> dict[str, Any]:
    """A report of a run that has just begun."""
    return {
        "id": str(uuid4()),
        "started_at": "2026-03-01T02:00:00Z",
        "status": "running",
        "questions_requested": 50,
        **changes,
    }


def an_alert(bank: Bank, **changes: Any) -> str:
    """An open alert in the bank; its id."""
    values = {
        "rule": "stock_critical",
        "subject": "math__hard",
        "severity": "critical",
        "message": "math__hard has 3 active questions",
        "details": {"count": 3},
        **changes,
    }
    with bank.begin() as tx:
        return str(tx.execute(insert(alerts).values(values).returning(alerts.c.id)).scalar_one())


def a_mute(api: Api, **changes: Any) -> str:
    """Everything kept quiet for a day; the mute's id."""
    return str(api.post("/v1/admin/alert-mutes", {"hours": 24, "actor": "tester", **changes}).json["id"])
