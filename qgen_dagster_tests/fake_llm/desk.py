"""The way of a request through the server, the same for every protocol.

Here: `Desk`: key, limits, faults, latency, the model's answer, what is counted. Not here: what a request or a reply
looks like (`openai_wire.py`, `anthropic_wire.py`, `google_wire.py`).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import count
from typing import Any, Protocol

from .brain import Brain
from .call import Answer, Call, WireError
from .errors import error_reply
from .faults import DELIVERY_KINDS, STATUS_KINDS, Fault, FaultPlan
from .limits import Limiter, Standing
from .settings import BAD_KEY, NO_MONEY_KEY, NO_RIGHTS_KEY, PROVIDERS, Settings
from .stats import Recorder
from .transport import Delivery, Reply
from .usage import CHARACTERS_PER_TOKEN, Meter, tokens_of

_DELIVERIES: dict[str, Delivery] = {"timeout": "hang", "reset": "reset", "drip": "drip"}
_HTML = b"<!DOCTYPE html><html><head><title>Proxy</title></head><body><p>Please sign in to go on.</p></body></html>"


class Wire(Protocol):
    """One provider's protocol, as far as the desk needs it."""

    @property
    def provider(self) -> str: ...

    def headers(self, standing: Standing | None) -> dict[str, str]:
        """The headers that every reply has."""
        ...


class Desk:
    """What all protocols share: one model, one plan of faults, one truth."""

    def __init__(self, settings: Settings, faults: Iterable[Fault] = ()) -> None:
        self.settings = settings
        self.brain = Brain(settings.seed, settings.solver_error_rate)
        self.brain.stock.warm(settings.warm)
        self.plan = FaultPlan(faults, settings.seed)
        self.recorders = {provider: Recorder() for provider in PROVIDERS}
        self.meter = Meter()
        self.gate = asyncio.Event()
        self.gate.set()
        self._numbers = count(1)
        self._rng = random.Random(settings.seed)
        self.renew_limits()

    def renew_limits(self) -> None:
        """Full buckets, by the present settings."""
        self.limiters = {provider: Limiter(self.settings, time.monotonic) for provider in PROVIDERS}

    def reset(self) -> None:
        """Counts from zero again. Questions, jobs and files stay."""
        for recorder in self.recorders.values():
            recorder.reset()
        self.plan.reset()
        self.meter.reset()
        self.renew_limits()

    async def model_call(
        self,
        wire: Wire,
        key: str | None,
        call: Call,
        check: Callable[[], None],
        write: Callable[[Call, Answer], dict[str, Any]],
    ) -> Reply:
        """One call of a model: `check` raises WireError for what the provider refuses, `write` makes the reply."""

        def answer(fault: Fault | None, standing: Standing | None) -> Reply:
            said = self.compose(call, fault)
            readable = fault is None or fault.kind not in DELIVERY_KINDS or fault.kind == "drip"
            self.count_answer(call, said, batch=False, readable=readable)
            return Reply.of(200, write(call, said), wire.headers(standing))

        tokens = tokens_of(call.system) + tokens_of(call.user)
        return await self._serve(wire, key, call.task, call.model, tokens, check, answer)

    async def embed_call(
        self,
        wire: Wire,
        key: str | None,
        model: str,
        texts: list[str],
        check: Callable[[], None],
        body: Callable[[], Any],
    ) -> Reply:
        """One call of an embedding model; `body` makes the reply."""
        tokens = sum(map(tokens_of, texts))

        def answer(fault: Fault | None, standing: Standing | None) -> Reply:
            self.recorders[wire.provider].embedded(model, "\n".join(texts), tokens)
            return Reply.of(200, body(), wire.headers(standing))

        return await self._serve(wire, key, "embed", model, tokens, check, answer)

    async def service_call(self, wire: Wire, key: str | None, task: str, action: Callable[[], Reply]) -> Reply:
        """Any other request: models, files, batch jobs. `action` may raise WireError."""

        def answer(fault: Fault | None, standing: Standing | None) -> Reply:
            reply = action()
            reply.headers |= wire.headers(None)
            return reply

        return await self._serve(wire, key, task, "", None, lambda: None, answer)

    def refuse(self, wire: Wire, error: WireError, key: str | None) -> Reply:
        """Answers a request that is none: not readable, or to no endpoint."""
        reply = error_reply(wire.provider, error, key=key or "")
        self.recorders[wire.provider].arrived("other")
        self.recorders[wire.provider].left("other", str(reply.status))
        return reply

    def compose(self, call: Call, fault: Fault | None) -> Answer:
        """What the model says to the call, and what it costs."""
        number = next(self._numbers)
        kind = fault.kind if fault else ""
        text = self.brain.answer(call.prompt, call.provider, fault, number)
        refused = kind == "refusal"
        if refused or kind == "empty":
            text = ""
        truncated = kind == "truncated"
        if truncated:
            text = text[: len(text) // 2]
        if call.max_tokens is not None and tokens_of(text) > call.max_tokens:
            text, truncated = text[: call.max_tokens * CHARACTERS_PER_TOKEN], True
        usage = self.meter.measure(call, text, self.settings.reasoning_tokens)
        return Answer(text, usage, number, refused=refused, truncated=truncated)

    def count_answer(self, call: Call, answer: Answer, *, batch: bool, readable: bool = True) -> None:
        """Counts an answer as billed."""
        identity = f"{call.system}\n{call.user}"
        self.recorders[call.provider].answered(
            call.task, call.model, identity, answer.usage, batch=batch, readable=readable
        )

    async def _serve(
        self,
        wire: Wire,
        key: str | None,
        task: str,
        model: str,
        tokens: int | None,
        check: Callable[[], None],
        answer: Callable[[Fault | None, Standing | None], Reply],
    ) -> Reply:
        recorder = self.recorders[wire.provider]
        recorder.arrived(task)
        status = "broken"  # the server failed itself, or ends
        standing = fault = None
        try:
            self._check_key(wire.provider, key)
            if tokens is not None:
                standing = self._admit(wire.provider, tokens)
            fault = self.plan.choose(wire.provider, task, "online")
            if fault:
                recorder.fault(fault.kind)
                await self._fail(fault, standing)
            check()
            await self._pause(latency=tokens is not None)
            reply = _delivered(answer(fault, standing), fault)
            status = fault.kind if fault and fault.kind in DELIVERY_KINDS else str(reply.status)
        except WireError as error:
            reply = error_reply(wire.provider, error, model=model, key=key or "")
            reply.headers |= wire.headers(error.details.get("standing", standing))
            status = str(reply.status)
        finally:
            recorder.left(task, status)
        return reply

    def _check_key(self, provider: str, key: str | None) -> None:
        if not key and provider == "compatible" and self.settings.keys is None:
            return  # a server of one's own often wants none
        if not key:
            raise WireError("no_key")
        if key == NO_MONEY_KEY:
            raise WireError("no_money")
        if key == NO_RIGHTS_KEY:
            raise WireError("no_rights")
        if key == BAD_KEY or (self.settings.keys is not None and key not in self.settings.keys):
            raise WireError("bad_key")

    def _admit(self, provider: str, tokens: int) -> Standing:
        standing = self.limiters[provider].admit(tokens)
        if standing.wait > 0:
            self.recorders[provider].stats.refused_by_limit += 1
            raise WireError("rate", standing=standing)
        return standing

    async def _fail(self, fault: Fault, standing: Standing | None) -> None:
        """Raises what a status fault is answered with; returns for faults of another kind."""
        if fault.kind not in STATUS_KINDS:
            return
        if fault.kind.startswith("5"):
            await self._pause()
        if fault.kind == "429" and standing:
            standing = replace(standing, requests_left=0, requests_reset=fault.retry_after, wait=fault.retry_after)
            raise WireError("rate", standing=standing)
        raise WireError(fault.kind, retry_after=fault.retry_after)

    async def _pause(self, *, latency: bool = True) -> None:
        seconds = self.settings.latency if latency else 0.0
        if seconds > 0:
            spread = self.settings.jitter
            await asyncio.sleep(seconds * (1 + self._rng.uniform(-spread, spread)) if spread else seconds)
        if not self.gate.is_set():
            await self.gate.wait()


def _delivered(reply: Reply, fault: Fault | None) -> Reply:
    """The reply, spoilt on its way where the fault says so."""
    if fault is None or fault.kind not in DELIVERY_KINDS:
        return reply
    if fault.kind == "malformed_body":
        reply.body = reply.body[: len(reply.body) * 2 // 3]
    elif fault.kind == "html":
        reply.body, reply.content_type = _HTML, "text/html"
    else:
        reply.delivery, reply.seconds = _DELIVERIES[fault.kind], fault.seconds
    return reply
