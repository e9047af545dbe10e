"""Google's protocol (the Gemini API): generateContent, counting tokens, embeddings, models.

Here: `GoogleWire`. Not here: batch jobs (`google_batches.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from .batches import JobBook
from .call import Answer, Call, WireError
from .desk import Desk
from .embeddings import as_numbers, dimensions_of, embed
from .faults import Fault
from .google_batches import GoogleBatches
from .limits import Standing
from .models import exists, listed
from .transport import Reply, Request
from .usage import tokens_of

_VERSIONS = ("/v1beta/", "/v1/", "/v1alpha/")


class GoogleWire:
    """Serves the Gemini API."""

    provider = "google"

    def __init__(self, desk: Desk, book: JobBook) -> None:
        self._desk = desk
        self._batches = GoogleBatches(self, desk, book)

    async def handle(self, request: Request, path: str) -> Reply:
        """Answers a request; `path` is what follows the provider's mount."""
        key = request.headers.get("x-goog-api-key") or request.query.get("key") or None
        version = next((v for v in _VERSIONS if path.startswith(v)), "")
        route = path.removeprefix(version)
        try:
            if not version:
                raise WireError("not_found")
            if request.method == "POST" and route.startswith("models/"):
                model, _, verb = route.removeprefix("models/").partition(":")
                return await self._verb(request, key, model, verb)
            if route.startswith("batches"):
                return await self._batches.handle(request, route.removeprefix("batches").strip("/"), key)
            if request.method == "GET" and route.startswith("models"):
                name = route.removeprefix("models").strip("/")
                return await self._desk.service_call(self, key, "models", lambda: self._models(name))
            raise WireError("not_found")
        except WireError as error:
            return self._desk.refuse(self, error, key)

    def headers(self, standing: Standing | None) -> dict[str, str]:
        """Google states no limits in headers."""
        return {"server": "scaffolding on HTTPServer2", "x-content-type-options": "nosniff"}

    def read(self, model: str, body: Mapping[str, Any]) -> Call:
        """A generateContent request. Raises WireError."""
        contents = body.get("contents")
        if not isinstance(contents, list) or not contents:
            raise WireError("invalid", "* GenerateContentRequest.contents: contents is not specified\n")
        config = body.get("generationConfig") or {}
        system = _text(body.get("systemInstruction") or body.get("system_instruction") or {})
        declared = [f for tool in body.get("tools") or [] for f in tool.get("functionDeclarations") or []]
        calling = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
        allowed = calling.get("allowedFunctionNames") or [f["name"] for f in declared]
        tool = allowed[0] if declared and allowed and calling.get("mode") != "NONE" else None
        held = config.get("responseMimeType") == "application/json"
        return Call(
            provider=self.provider,
            model=model,
            system=system,
            user="\n".join(_text(content) for content in contents),
            max_tokens=config.get("maxOutputTokens"),
            output="tool" if tool else "schema" if held else "text",
            tool=tool,
            forced_tool=calling.get("mode") == "ANY",
            cacheable=system,
        )

    def check(self, call: Call, body: Mapping[str, Any]) -> None:
        """Raises WireError for what Google refuses."""
        self.check_model(call.model)
        config = body.get("generationConfig") or {}
        has_schema = any(config.get(name) for name in ("responseSchema", "responseJsonSchema", "_responseJsonSchema"))
        if has_schema and config.get("responseMimeType") != "application/json":
            raise WireError("invalid", "Response schema requires the response mime type: 'application/json'.")
        temperature = config.get("temperature")
        if temperature is not None and not 0 <= temperature <= 2:
            raise WireError("invalid", "* GenerateContentRequest.generation_config.temperature: must be in [0, 2]\n")

    def check_model(self, model: str) -> None:
        """Raises WireError where there is no such model."""
        if not exists(self.provider, model, self._desk.settings.retired):
            raise WireError("no_model", model=model)

    def run_item(self, model: str, body: Mapping[str, Any], fault: Fault | None) -> dict[str, Any]:
        """Answers one request of a batch job. Raises WireError."""
        call = self.read(model, body)
        self.check(call, body)
        answer = self._desk.compose(call, fault)
        self._desk.count_answer(call, answer, batch=True)
        return write_content(call, answer)

    async def _verb(self, request: Request, key: str | None, model: str, verb: str) -> Reply:
        body = read_body(request)
        if verb == "generateContent":
            call = self.read(model, body)
            return await self._desk.model_call(self, key, call, lambda: self.check(call, body), write_content)
        if verb == "countTokens":
            return await self._desk.service_call(self, key, "count", lambda: self._count(model, body))
        if verb == "batchEmbedContents":
            return await self._embed(key, model, body.get("requests") or [], many=True)
        if verb == "embedContent":
            return await self._embed(key, model, [body], many=False)
        if verb == "batchGenerateContent":
            return await self._batches.create(model, body, key)
        raise WireError("not_found")

    def _count(self, model: str, body: Mapping[str, Any]) -> Reply:
        """As many tokens as such content would be billed for."""
        self.check_model(model)
        for name in body:
            if name not in ("contents", "generateContentRequest"):
                message = f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.'
                raise WireError("invalid", message)
        call = self.read(model, body.get("generateContentRequest") or body)
        tokens = tokens_of(call.system) + tokens_of(call.user)
        details = [{"modality": "TEXT", "tokenCount": tokens}]
        return Reply.of(200, {"totalTokens": tokens, "promptTokensDetails": details})

    async def _embed(self, key: str | None, model: str, requests: list[dict[str, Any]], *, many: bool) -> Reply:
        texts = [_text(r.get("content") or {}) for r in requests]

        def check() -> None:
            self.check_model(model)
            if not texts or not all(texts):
                raise WireError("invalid", "* BatchEmbedContentsRequest.requests: content is empty\n")

        def body() -> dict[str, Any]:
            sizes = [r.get("outputDimensionality") or dimensions_of(model) for r in requests]
            vectors = [{"values": as_numbers(embed(t, size))} for t, size in zip(texts, sizes, strict=True)]
            return {"embeddings": vectors} if many else {"embedding": vectors[0]}

        return await self._desk.embed_call(self, key, model, texts, check, body)

    def _models(self, name: str) -> Reply:
        if name:
            self.check_model(name)
            return Reply.of(200, _model(name))
        return Reply.of(200, {"models": [_model(m) for m in listed(self.provider, self._desk.settings.retired)]})


def read_body(request: Request) -> dict[str, Any]:
    """The body, an object. Raises WireError."""
    try:
        body = request.json()
    except ValueError as error:
        raise WireError("invalid", "Invalid JSON payload received.") from error
    if not isinstance(body, dict):
        raise WireError("invalid", "Invalid JSON payload received. Root element must be a message.")
    return body


def write_content(call: Call, answer: Answer) -> dict[str, Any]:
    """A generateContent response. Refusals come as a finish reason and, every second time, as a blocked prompt."""
    usage = answer.usage
    written = usage.output - usage.reasoning
    body: dict[str, Any] = {
        "modelVersion": call.model,
        "responseId": uuid4().hex[:22],
        "usageMetadata": {
            "promptTokenCount": usage.input,
            "candidatesTokenCount": written,
            "totalTokenCount": usage.input + usage.output,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": usage.input}],
        },
    }
    if usage.cached:
        body["usageMetadata"]["cachedContentTokenCount"] = usage.cached
    if usage.reasoning:
        # Billed as output, but counted beside it.
        body["usageMetadata"]["thoughtsTokenCount"] = usage.reasoning
    if answer.refused and answer.number % 2 == 0:
        return {**body, "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}
    return {**body, "candidates": [_candidate(call, answer)]}


def _candidate(call: Call, answer: Answer) -> dict[str, Any]:
    if answer.refused:
        return {"finishReason": "SAFETY", "index": 0}
    reason = "MAX_TOKENS" if answer.truncated else "STOP"
    part: dict[str, Any] = {"text": answer.text}
    if call.output == "tool" and answer.text and not answer.truncated:
        try:
            part = {"functionCall": {"name": call.tool, "args": json.loads(answer.text)}}
        except ValueError:
            return {"finishReason": "MALFORMED_FUNCTION_CALL", "index": 0}
    parts = {"parts": [part]} if answer.text else {}
    return {"content": {**parts, "role": "model"}, "finishReason": reason, "index": 0}


def _text(content: Mapping[str, Any]) -> str:
    return "\n".join(part["text"] for part in content.get("parts") or [] if isinstance(part.get("text"), str))


def _model(name: str) -> dict[str, Any]:
    embeds = "embedding" in name
    verbs = ["embedContent", "batchEmbedContents"] if embeds else ["generateContent", "batchGenerateContent"]
    verbs.append("countTokens")
    return {
        "name": f"models/{name}",
        "version": "001",
        "displayName": name.replace("-", " ").title(),
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": verbs,
    }
