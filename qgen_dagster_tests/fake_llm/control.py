"""What the server says of itself, and how it is told to behave while it runs.

Here: `GET /`, `GET /_stats`, `POST /_reset`, `POST /_control`. Not here: the providers' protocols.
"""

from __future__ import annotations

from typing import Any

from .batches import JobBook
from .desk import Desk
from .faults import Fault
from .settings import environment
from .transport import Reply, Request

_HELP = """A server that speaks the protocols of OpenAI, Anthropic, Google and xAI, without a model behind it.

GET  /_stats    what was asked and answered, per provider
POST /_reset    count from zero
POST /_control  {"faults": ["429:0.1", {"kind": "reset", "calls": [3]}], "add_faults": [...], "latency": 0.2,
                 "rate": 100, "solver_error_rate": {"openai": 0.1}, "hold": true, "advance": 86400, ...}

"""


class Control:
    """Answers requests to the server itself."""

    def __init__(self, desk: Desk, book: JobBook) -> None:
        self._desk = desk
        self._book = book

    def handle(self, request: Request) -> Reply:
        """Answers a request."""
        match request.method, request.path:
            case "GET", "/":
                url = f"http://{request.headers.get('host', '')}"
                lines = "".join(f"export {name}={value}\n" for name, value in environment(url).items())
                return Reply(200, (_HELP + lines).encode(), content_type="text/plain; charset=utf-8")
            case "GET", "/_stats":
                return Reply.of(200, self._stats())
            case "POST", "/_reset":
                self._desk.reset()
                return Reply.of(200, {"ok": True})
            case "POST", "/_control":
                try:
                    self._change(dict(request.json()))
                except (ValueError, TypeError) as error:
                    return Reply.of(400, {"error": str(error)})
                return Reply.of(200, {"ok": True})
        return Reply.of(404, {"error": f"there is no {request.method} {request.path}; GET / tells what there is"})

    def _stats(self) -> dict[str, Any]:
        self._book.settle()
        providers = {name: recorder.as_json() for name, recorder in self._desk.recorders.items()}
        return {"providers": providers, "questions_made": self._desk.brain.memory.questions}

    def _change(self, changes: dict[str, Any]) -> None:
        if "faults" in changes:
            self._desk.plan.faults = [Fault.of(fault) for fault in changes.pop("faults")]
        if "add_faults" in changes:
            self._desk.plan.faults += [Fault.of(fault) for fault in changes.pop("add_faults")]
        if "hold" in changes:
            (self._desk.gate.clear if changes.pop("hold") else self._desk.gate.set)()
        if "advance" in changes:
            self._book.advance(float(changes.pop("advance")))
        self._desk.settings.update(changes)
        self._desk.brain.solver_error_rate = self._desk.settings.solver_error_rate
        if changes.keys() & {"rate", "burst", "tokens_per_minute"}:
            self._desk.renew_limits()
