"""Anthropic's message batches.

Here: `AnthropicBatches`. Not here: the life of a job (`batches.py`), answering its requests (`anthropic_wire.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from .batches import FINAL, Item, Job, JobBook
from .call import WireError
from .desk import Desk
from .errors import error_body
from .faults import STATUS_KINDS
from .transport import Reply, Request

if TYPE_CHECKING:
    from .anthropic_wire import AnthropicWire

DAY = 24 * 3600


class AnthropicBatches:
    """The endpoint /v1/messages/batches. A batch ends as `ended`; each request says how its own end was."""

    def __init__(self, wire: AnthropicWire, desk: Desk, book: JobBook) -> None:
        self._wire = wire
        self._desk = desk
        self._book = book

    async def handle(self, request: Request, route: str, key: str | None) -> Reply:
        """Answers a request to it. Raises WireError for what there is not."""
        task, action = self._action(request, request.method, [part for part in route.split("/") if part])
        return await self._desk.service_call(self._wire, key, task, action)

    def _action(self, request: Request, method: str, parts: list[str]) -> tuple[str, Any]:
        base = f"http://{request.headers.get('host', 'localhost')}{request.path.split('/v1/')[0]}"
        describe = partial(self._describe, base)
        if method == "POST" and not parts:
            return "batch", lambda: Reply.of(200, describe(self._create(request)))
        if method == "GET" and not parts:
            return "list", lambda: self._list(request.query, base)
        if method == "GET" and len(parts) == 1:
            return "poll", lambda: Reply.of(200, describe(self._book.get("anthropic", parts[0])))
        if method == "DELETE" and len(parts) == 1:
            return "cancel", lambda: self._delete(parts[0])
        if method == "POST" and parts[1:] == ["cancel"]:
            return "cancel", lambda: Reply.of(200, describe(self._book.cancel("anthropic", parts[0])))
        if method == "GET" and parts[1:] == ["results"]:
            return "results", lambda: self._results(parts[0])
        raise WireError("not_found")

    def _create(self, request: Request) -> Job:
        try:
            requests = request.json()["requests"]
            items = [Item(r["custom_id"], partial(self._run, r["params"])) for r in requests]
        except (ValueError, KeyError, TypeError) as error:
            raise WireError("invalid", "requests: Field required") from error
        if not items:
            raise WireError("invalid", "requests: List should have at least 1 item after validation, not 0")
        if len({item.id for item in items}) < len(items):
            raise WireError("invalid", "requests: custom_id values must be unique")
        return self._book.open("anthropic", "msgbatch_", items, DAY, {})

    def _run(self, params: Mapping[str, Any]) -> dict[str, Any]:
        fault = self._desk.plan.choose("anthropic", self._wire.read(params).task, "batch")
        if fault:
            self._desk.recorders["anthropic"].fault(fault.kind)
            if fault.kind in STATUS_KINDS:
                raise WireError(fault.kind, model=params.get("model"))
        return self._wire.run_item(params, fault)

    def _list(self, query: Mapping[str, str], base: str) -> Reply:
        jobs = self._book.of("anthropic")
        if after := query.get("after_id"):
            ids = [job.id for job in jobs]
            jobs = jobs[ids.index(after) + 1 :] if after in ids else []
        limit = int(query.get("limit", 20))
        page = [self._describe(base, job) for job in jobs[:limit]]
        ends = {"first_id": page[0]["id"] if page else None, "last_id": page[-1]["id"] if page else None}
        return Reply.of(200, {"data": page, "has_more": len(jobs) > limit, **ends})

    def _delete(self, job_id: str) -> Reply:
        if self._book.get("anthropic", job_id).phase(self._book.now) not in FINAL:
            raise WireError("invalid", "A message batch can be deleted once it has ended")
        self._book.remove("anthropic", job_id)
        return Reply.of(200, {"id": job_id, "type": "message_batch_deleted"})

    def _describe(self, base: str, job: Job) -> dict[str, Any]:
        phase = job.phase(self._book.now)
        ended = job.results is not None
        counts = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
        if ended:
            for kind in self._ends(job):
                counts[kind] += 1
        else:
            counts["processing"] = len(job.items)
        return {
            "id": job.id,
            "type": "message_batch",
            "processing_status": "ended" if ended else "canceling" if phase == "cancelling" else "in_progress",
            "request_counts": counts,
            "created_at": _stamp(job.created),
            "expires_at": _stamp(job.expires),
            "ended_at": _stamp(job.ended),
            "cancel_initiated_at": _stamp(job.cancelled),
            "archived_at": None,
            "results_url": f"{base}/v1/messages/batches/{job.id}/results" if ended else None,
        }

    def _ends(self, job: Job) -> Iterator[str]:
        undone = {"expired": "expired", "cancelled": "canceled"}.get(job.phase(self._book.now), "errored")
        for result in job.results or ():
            yield "succeeded" if result.body is not None else "errored" if result.error is not None else undone

    def _results(self, job_id: str) -> Reply:
        job = self._book.get("anthropic", job_id)
        if job.results is None:
            raise WireError("not_found", "The results of this message batch are not available yet")
        lines = []
        for result, kind in zip(job.results, self._ends(job), strict=True):
            end: dict[str, Any] = {"type": kind}
            if kind == "succeeded":
                end["message"] = result.body
            elif kind == "errored":
                end["error"] = error_body("anthropic", result.error or WireError("500"))[1]
            lines.append(json.dumps({"custom_id": result.id, "result": end}, ensure_ascii=False))
        return Reply(200, "".join(f"{line}\n" for line in lines).encode(), content_type="application/x-jsonl")


def _stamp(moment: float | None) -> str | None:
    return None if moment is None else datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
