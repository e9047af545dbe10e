"""Google's batch jobs, with the requests in the body ("inline").

Here: `GoogleBatches`. Not here: the life of a job (`batches.py`), answering its requests (`google_wire.py`); jobs from
files.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from .batches import FINAL, Item, Job, JobBook, Phase, Result
from .call import WireError
from .desk import Desk
from .errors import error_body
from .faults import STATUS_KINDS
from .transport import Reply, Request

if TYPE_CHECKING:
    from .google_wire import GoogleWire

LIFETIME = 48 * 3600
_TYPE = "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch"
_STATES: Mapping[Phase, str] = {
    "validating": "BATCH_STATE_PENDING",
    "running": "BATCH_STATE_RUNNING",
    "cancelling": "BATCH_STATE_RUNNING",
    "completed": "BATCH_STATE_SUCCEEDED",
    "failed": "BATCH_STATE_FAILED",
    "cancelled": "BATCH_STATE_CANCELLED",
    "expired": "BATCH_STATE_EXPIRED",
}


class GoogleBatches:
    """Batch jobs as operations. One that expired or was cancelled brings no results; Google keeps none."""

    def __init__(self, wire: GoogleWire, desk: Desk, book: JobBook) -> None:
        self._wire = wire
        self._desk = desk
        self._book = book

    async def create(self, model: str, body: Mapping[str, Any], key: str | None) -> Reply:
        """Answers `batchGenerateContent`."""
        return await self._desk.service_call(self._wire, key, "batch", lambda: self._create(model, body))

    async def handle(self, request: Request, route: str, key: str | None) -> Reply:
        """Answers a request to `batches`. Raises WireError for what there is not."""
        task, action = self._action(request, request.method, route)
        return await self._desk.service_call(self._wire, key, task, action)

    def _action(self, request: Request, method: str, route: str) -> tuple[str, Any]:
        name, _, verb = route.partition(":")
        if method == "GET" and not name:
            return "list", lambda: self._list(request.query)
        if method == "GET" and not verb:
            return "poll", lambda: Reply.of(200, self._describe(self._get(name)))
        if method == "POST" and verb == "cancel":
            return "cancel", lambda: self._cancel(name)
        if method == "DELETE" and not verb:
            return "cancel", lambda: self._delete(name)
        raise WireError("not_found")

    def _create(self, model: str, body: Mapping[str, Any]) -> Reply:
        batch = body.get("batch") or {}
        requests = ((batch.get("inputConfig") or {}).get("requests") or {}).get("requests") or []
        self._wire.check_model(model)
        if not requests:
            raise WireError("invalid", "* BatchGenerateContentRequest.batch.input_config: the input is empty\n")
        items = [
            Item(str(place), partial(self._run, model, request.get("request") or {}))
            for place, request in enumerate(requests)
        ]
        about = {
            "model": f"models/{model}",
            "name": batch.get("displayName", ""),
            "metadata": [request.get("metadata") for request in requests],
        }
        job = self._book.open("google", "", items, LIFETIME, about)
        job.done_share = 0.0
        return Reply.of(200, self._describe(job))

    def _run(self, model: str, body: Mapping[str, Any]) -> dict[str, Any]:
        fault = self._desk.plan.choose("google", self._wire.read(model, body).task, "batch")
        if fault:
            self._desk.recorders["google"].fault(fault.kind)
            if fault.kind in STATUS_KINDS:
                raise WireError(fault.kind, model=model)
        return self._wire.run_item(model, body, fault)

    def _get(self, name: str) -> Job:
        return self._book.get("google", name)

    def _cancel(self, name: str) -> Reply:
        self._book.cancel("google", name)
        return Reply.of(200, {})

    def _delete(self, name: str) -> Reply:
        self._book.remove("google", name)
        return Reply.of(200, {})

    def _list(self, query: Mapping[str, str]) -> Reply:
        jobs = self._book.of("google")
        start, size = int(query.get("pageToken") or 0), int(query.get("pageSize") or 100)
        page = {"operations": [self._describe(job, with_results=False) for job in jobs[start : start + size]]}
        more = {"nextPageToken": str(start + size)} if start + size < len(jobs) else {}
        return Reply.of(200, {**page, **more})

    def _describe(self, job: Job, *, with_results: bool = True) -> dict[str, Any]:
        phase = job.phase(self._book.now)
        metadata: dict[str, Any] = {
            "@type": _TYPE,
            "name": f"batches/{job.id}",
            "model": job.about["model"],
            "displayName": job.about["name"],
            "state": _STATES[phase],
            "createTime": _stamp(job.created),
            "updateTime": _stamp(self._book.now),
            "batchStats": self._count(job),
        }
        if job.ended:
            metadata["endTime"] = _stamp(job.ended)
        operation: dict[str, Any] = {"name": f"batches/{job.id}", "metadata": metadata}
        if phase in FINAL:
            operation["done"] = True
        if phase == "failed":
            operation["error"] = {"code": 13, "message": "The batch could not be processed."}
        if phase == "completed" and with_results:
            output = {"inlinedResponses": {"inlinedResponses": self._results(job)}}
            metadata["output"] = output
            operation["response"] = {"@type": f"{_TYPE}Output", **output}
        return operation

    def _results(self, job: Job) -> list[dict[str, Any]]:
        results = zip(job.results or (), job.about["metadata"], strict=False)
        return [_result(result, metadata) for result, metadata in results]

    def _count(self, job: Job) -> dict[str, str]:
        total = len(job.items)
        counts = {"requestCount": str(total)}
        if job.results is None:
            return {**counts, "pendingRequestCount": str(total)}
        good = sum(result.body is not None for result in job.results)
        failed = sum(result.error is not None for result in job.results)
        return {**counts, "successfulRequestCount": str(good), "failedRequestCount": str(failed)}


def _result(result: Result, metadata: Any) -> dict[str, Any]:
    end: dict[str, Any] = {"metadata": metadata} if metadata else {}
    if result.error is not None:
        status, body = error_body("google", result.error)
        return {**end, "error": {"code": _RPC_CODES.get(status, 2), "message": body["error"]["message"]}}
    return {**end, "response": result.body}


# google.rpc.Code of an HTTP status.
_RPC_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 408: 4, 409: 10, 413: 3, 429: 8, 500: 13, 503: 14}


def _stamp(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
