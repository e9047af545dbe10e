"""OpenAI's files and batch jobs.

Here: `OpenAiBatches`. Not here: the life of a job (`batches.py`), answering its requests (`openai_wire.py`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from .batches import Item, Job, JobBook, Result
from .call import WireError
from .desk import Desk
from .errors import error_body
from .faults import STATUS_KINDS
from .transport import Reply, Request

if TYPE_CHECKING:
    from .openai_wire import OpenAiWire

DAY = 24 * 3600
_STATUS = {"running": "in_progress"}  # the others are called as here
_UNDONE = {
    "expired": ("batch_expired", "This request could not be executed before the completion window expired."),
    "cancelled": ("batch_cancelled", "This request was not executed because the batch was cancelled."),
}
_FAILED = {"code": "server_error", "line": None, "message": "The batch could not be processed.", "param": None}
_ENDPOINTS = ("/v1/chat/completions", "/v1/responses", "/v1/embeddings")


class OpenAiBatches:
    """The endpoints /files and /batches. A job's results are files, made when it has ended."""

    def __init__(self, wire: OpenAiWire, desk: Desk, book: JobBook) -> None:
        self._wire = wire
        self._desk = desk
        self._book = book
        self._files: dict[str, tuple[dict[str, Any], bytes]] = {}

    async def handle(self, request: Request, route: str, key: str | None) -> Reply:
        """Answers a request to one of them. Raises WireError for any other."""
        method, parts = request.method, route.strip("/").split("/")
        if parts[0] == "files":
            return await self._desk.service_call(self._wire, key, *self._file_action(request, method, parts[1:]))
        if parts[0] == "batches":
            return await self._desk.service_call(self._wire, key, *self._batch_action(request, method, parts[1:]))
        raise WireError("not_found", f"Invalid URL ({method} {request.path})")

    def _file_action(self, request: Request, method: str, parts: list[str]) -> tuple[str, Any]:
        if method == "POST" and not parts:
            return "files", lambda: self._upload(request)
        if method == "GET" and len(parts) == 1:
            return "files", lambda: Reply.of(200, self._file(parts[0])[0])
        if method == "GET" and parts[1:] == ["content"]:
            return "results", lambda: Reply(200, self._file(parts[0])[1], content_type="application/octet-stream")
        if method == "DELETE" and len(parts) == 1:
            return "files", lambda: self._delete(parts[0])
        raise WireError("not_found", f"Invalid URL ({method} {request.path})")

    def _batch_action(self, request: Request, method: str, parts: list[str]) -> tuple[str, Any]:
        provider = self._wire.provider
        if method == "POST" and not parts:
            return "batch", lambda: self._create(request)
        if method == "GET" and not parts:
            return "list", lambda: self._list(request.query)
        if method == "GET" and len(parts) == 1:
            return "poll", lambda: Reply.of(200, self._describe(self._book.get(provider, parts[0])))
        if method == "POST" and parts[1:] == ["cancel"]:
            return "cancel", lambda: Reply.of(200, self._describe(self._book.cancel(provider, parts[0])))
        raise WireError("not_found", f"Invalid URL ({method} {request.path})")

    def _upload(self, request: Request) -> Reply:
        fields = _read_form(request)
        name, content = fields.get("file", ("", b""))
        purpose = fields.get("purpose", ("", b""))[1].decode()
        if not content or not purpose:
            raise WireError("invalid", "'file' and 'purpose' are required properties")
        return Reply.of(200, self._keep(name or "upload.jsonl", content, purpose))

    def _keep(self, name: str, content: bytes, purpose: str) -> dict[str, Any]:
        file_id = f"file-{uuid4().hex[:22]}"
        about: dict[str, Any] = {
            "id": file_id,
            "object": "file",
            "bytes": len(content),
            "created_at": int(self._book.now),
            "filename": name,
            "purpose": purpose,
            "status": "processed",
            "expires_at": None,
        }
        self._files[file_id] = (about, content)
        return about

    def _file(self, file_id: str) -> tuple[dict[str, Any], bytes]:
        if file_id not in self._files:
            raise WireError("not_found", f"No such File object: {file_id}", param="id")
        return self._files[file_id]

    def _delete(self, file_id: str) -> Reply:
        self._file(file_id)
        del self._files[file_id]
        return Reply.of(200, {"id": file_id, "object": "file", "deleted": True})

    def _create(self, request: Request) -> Reply:
        try:
            body = request.json()
        except ValueError as error:
            raise WireError("invalid", "We could not parse the JSON body of your request.") from error
        if body.get("endpoint") not in _ENDPOINTS:
            raise WireError("invalid", f"Invalid value for 'endpoint': {body.get('endpoint')!r}.", param="endpoint")
        if body.get("completion_window") != "24h":
            raise WireError("invalid", "Invalid value for 'completion_window'.", param="completion_window")
        _, content = self._file(body.get("input_file_id", ""))
        items, problems = self._read_lines(content, body["endpoint"])
        about = {name: body.get(name) for name in ("endpoint", "input_file_id", "metadata", "completion_window")}
        job = self._book.open(self._wire.provider, "batch_", [] if problems else items, DAY, about)
        job.problems = problems
        return Reply.of(200, self._describe(job))

    def _read_lines(self, content: bytes, endpoint: str) -> tuple[list[Item], list[dict[str, Any]]]:
        items: dict[str, Item] = {}
        problems = []
        for number, line in enumerate(content.decode().splitlines(), start=1):
            try:
                data = json.loads(line)
                custom_id, url, body = data["custom_id"], data["url"], data["body"]
            except (ValueError, KeyError, TypeError):
                problems.append(_problem(number, "invalid_json_line", "This line is not parseable as valid JSON."))
                continue
            if url != endpoint:
                problems.append(_problem(number, "mismatched_endpoint", f"The url must be {endpoint}."))
            elif custom_id in items:
                problems.append(_problem(number, "duplicate_custom_id", "The custom_id is not unique."))
            items[custom_id] = Item(custom_id, partial(self._run, endpoint, body))
        if not items and not problems:
            problems.append(_problem(None, "empty_file", "The input file is empty."))
        return list(items.values()), problems

    def _run(self, endpoint: str, body: Mapping[str, Any]) -> dict[str, Any]:
        task = "embed" if endpoint == "/v1/embeddings" else self._wire.read(endpoint.removeprefix("/v1"), body).task
        fault = self._desk.plan.choose(self._wire.provider, task, "batch")
        if fault:
            self._desk.recorders[self._wire.provider].fault(fault.kind)
            if fault.kind in STATUS_KINDS:
                raise WireError(fault.kind, model=body.get("model"))
        return self._wire.run_item(endpoint, body, fault)

    def _list(self, query: Mapping[str, str]) -> Reply:
        jobs = self._book.of(self._wire.provider)
        if after := query.get("after"):
            ids = [job.id for job in jobs]
            jobs = jobs[ids.index(after) + 1 :] if after in ids else []
        limit = int(query.get("limit", 20))
        page = [self._describe(job) for job in jobs[:limit]]
        ends = {"first_id": page[0]["id"] if page else None, "last_id": page[-1]["id"] if page else None}
        return Reply.of(200, {"object": "list", "data": page, **ends, "has_more": len(jobs) > limit})

    def _describe(self, job: Job) -> dict[str, Any]:
        now = self._book.now
        phase = job.phase(now)
        if job.results is not None and phase != "failed" and "files" not in job.about:
            job.about["files"] = self._write_files(job, phase)
        done = [r for r in job.results or () if r.body is not None]
        failed = [r for r in job.results or () if r.error is not None]
        answered = job.answered_by(now)
        moments = ("in_progress", "finalizing", "cancelling", "completed", "failed", "expired", "cancelled")
        stamps: dict[str, int | None] = {f"{name}_at": None for name in moments}
        if phase not in ("validating", "failed"):
            stamps["in_progress_at"] = int(job.created)
        if job.cancelled is not None:
            stamps["cancelling_at"] = int(job.cancelled)
        if f"{phase}_at" in stamps and phase != "cancelling":
            stamps[f"{phase}_at"] = int(job.ended or now)
        counts = {"total": len(job.items), "completed": len(done), "failed": len(failed)}
        if job.results is None:
            counts["completed"] = answered
        output, errors = job.about.get("files", (None, None))
        return {
            "id": job.id,
            "object": "batch",
            "endpoint": job.about["endpoint"],
            "errors": {"object": "list", "data": job.problems or [_FAILED]} if phase == "failed" else None,
            "input_file_id": job.about["input_file_id"],
            "completion_window": job.about["completion_window"],
            "status": _STATUS.get(phase, phase),
            "output_file_id": output,
            "error_file_id": errors,
            "created_at": int(job.created),
            "expires_at": int(job.expires),
            **stamps,
            "request_counts": counts,
            "metadata": job.about["metadata"],
        }

    def _write_files(self, job: Job, phase: str) -> tuple[str | None, str | None]:
        """Keeps what was answered as one file and what was not as another; None for one that would be empty."""
        lines = list(self._lines(job, phase))
        ids: list[str | None] = []
        for good in (True, False):
            chosen = [json.dumps(line, ensure_ascii=False) for is_good, line in lines if is_good is good]
            name = f"{job.id}_{'output' if good else 'error'}.jsonl"
            content = "".join(f"{line}\n" for line in chosen).encode()
            ids.append(self._keep(name, content, "batch_output")["id"] if chosen else None)
        return ids[0], ids[1]

    def _lines(self, job: Job, phase: str) -> Iterator[tuple[bool, dict[str, Any]]]:
        for result in job.results or ():
            line: dict[str, Any] = {"id": f"batch_req_{uuid4().hex[:24]}", "custom_id": result.id}
            response, error = self._end_of(result, phase)
            yield result.body is not None, {**line, "response": response, "error": error}

    def _end_of(self, result: Result, phase: str) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        if result.body is None and result.error is None:
            code, message = _UNDONE.get(phase, ("batch_failed", "The batch failed."))
            return None, {"code": code, "message": message}
        status, body = 200, result.body
        if result.error is not None:
            status, body = error_body(self._wire.provider, result.error)
        return {"status_code": status, "request_id": uuid4().hex, "body": body}, None


def _problem(line: int | None, code: str, message: str) -> dict[str, Any]:
    return {"code": code, "line": line, "message": message, "param": None}


def _read_form(request: Request) -> dict[str, tuple[str, bytes]]:
    """The fields of a multipart form: file name and content by field name."""
    boundary = re.search(r'boundary="?([^";]+)', request.headers.get("content-type", ""))
    if not boundary:
        raise WireError("invalid", "The request must be a multipart form.")
    fields = {}
    for part in request.body.split(b"--" + boundary[1].encode())[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        name = re.search(rb'[; ]name="([^"]*)"', head)
        filename = re.search(rb'filename="([^"]*)"', head)
        if name:
            fields[name[1].decode()] = (filename[1].decode() if filename else "", content.removesuffix(b"\r\n"))
    return fields
