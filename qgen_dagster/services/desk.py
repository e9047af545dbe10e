"""The desk: the language models that this process can ask, each with its client, its gate and its price.

Here: `Desk`, which turns a model of the configuration and a prompt into a `Route`. A client is made, and its SDK
imported, at its first call; calls are for one event loop. Not here: which model serves what (`routing.py`), making the
call (`generation/calls.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from qgen_dagster.bank.jobs import JobCall, StoredJob
from qgen_dagster.config.llm import LlmConfig, ModelEntry
from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.generation.calls import Offer, Route
from qgen_dagster.generation.gate import Gate, GateLimits
from qgen_dagster.generation.llm import CallSettings, Completion, JobResult, LlmBatchClient, LlmClient, TokenCounter
from qgen_dagster.generation.prices import Price, Prices
from qgen_dagster.generation.prompts.render import VersionedPrompt
from qgen_dagster.generation.provider import Fault, ProviderError, Reply
from qgen_dagster.generation.providers.registry import (
    BATCH_FAMILIES,
    COUNTING_FAMILIES,
    available,
    open_batch_client,
    open_client,
)

CHARS_PER_TOKEN = 3  # fewer than real text has, since it bounds costs
LEARNING = 0.1  # weight of the newest call in the average of what calls bring


class Desk:
    """Models, their providers' clients and gates. Gates live as long as the desk; so does a provider's end."""

    def __init__(
        self,
        config: LlmConfig,
        environment: Mapping[str, str],
        *,
        timer: Callable[[], float],
        on_close: Callable[[Callable[[], Awaitable[None]]], None],
    ) -> None:
        self.config = config
        self._environment = environment
        self._timer = timer
        self._on_close = on_close
        self._clients: dict[str, LlmClient] = {}
        self._opening = asyncio.Lock()
        self._batch_clients: dict[str, LlmBatchClient] = {}
        self._gates: dict[str, Gate] = {}
        self._providers = frozenset(available(environment))
        self._passed_over: set[str] = set()
        self._made: dict[tuple[str, str], float] = {}  # output tokens of a call, by model and kind of prompt
        self.prices = price_table(config)

    def can_ask(self, model: str) -> bool:
        """Whether the environment has what the model's provider needs."""
        return self.config.entry(model).provider in self._providers

    def pass_over(self, model: str) -> None:
        """From now on the model is asked only where no other one can do its work."""
        self._passed_over.add(model)

    def willing(self, models: Sequence[str]) -> list[str]:
        """The models without those to be passed over, or all of them if nothing else is left."""
        kept = [model for model in models if model not in self._passed_over]
        return kept or list(models)

    def provider_of(self, model: str) -> str:
        """The provider that serves the model."""
        return self.config.entry(model).provider

    def gate(self, provider: str) -> Gate:
        """The provider's one gate."""
        if provider not in self._gates:
            limits = self.config.limits(provider)
            self._gates[provider] = Gate(
                provider,
                GateLimits(limits.requests_per_minute, limits.tokens_per_minute, limits.max_concurrent),
                clock=self._timer,
            )
        return self._gates[provider]

    def route(
        self,
        model: str,
        prompt: VersionedPrompt,
        *,
        temperature: float,
        output_tokens: int,
        timeout_seconds: float,
        keep_partial: bool = False,
    ) -> Route:
        """The way to ask a model; `keep_partial` takes the text of a truncated reply for a reply."""
        entry = self.config.entry(model)
        name = entry.name or model
        settings = CallSettings(
            model=name,
            max_output_tokens=output_tokens + entry.reasoning_tokens,
            timeout_seconds=timeout_seconds,
            temperature=temperature if entry.temperature else None,
            structured=entry.structured,
        )
        sent = (len(prompt.system) + len(prompt.user)) // CHARS_PER_TOKEN
        worst_tokens = sent + settings.max_output_tokens

        async def send() -> Reply:
            return await self._send(entry, model, prompt, settings, keep_partial=keep_partial)

        def worst_usd(*, in_job: bool) -> Decimal | None:
            return self.prices.worst_case(
                entry.provider, name, input_tokens=sent, max_output_tokens=settings.max_output_tokens, batch=in_job
            )

        def offer() -> Offer:
            return Offer(prompt, settings, worst_tokens, worst_usd(in_job=True), keep_partial)

        return Route(
            provider=entry.provider,
            model=model,
            send=send,
            gate=self.gate(entry.provider),
            tokens=sent + int(self._made.get((model, prompt.schema_name), output_tokens / 2)),
            worst_tokens=worst_tokens,
            worst_usd=lambda: worst_usd(in_job=False),
            usd_of=lambda error: self._cost(entry, name, error),
            prompt_version=prompt.version,
            offer=offer if entry.batch and entry.provider in BATCH_FAMILIES else None,
        )

    def counts_tokens(self, model: str) -> bool:
        """Whether the model's provider counts tokens for whoever asks, and can be asked now."""
        provider = self.provider_of(model)
        return provider in COUNTING_FAMILIES and self.gate(provider).ready

    def counting_route(self, model: str, text: str, *, timeout_seconds: float) -> Route:
        """The way to have a text's tokens counted where `counts_tokens`; the reply is the number, and costs nothing.

        Providers limit counting apart from answering. So it does not pass the provider's gate, and who may not count
        may still answer.
        """
        entry = self.config.entry(model)

        async def send() -> Reply:
            client = await self._client(entry.provider)
            assert isinstance(client, TokenCounter)  # noqa: S101 - as all of COUNTING_FAMILIES
            counted = await client.count_tokens(text, entry.name or model, timeout_seconds)
            return Reply(text=str(counted), provider=entry.provider, model=model, cost_usd=Decimal())

        return Route(provider=entry.provider, model=model, send=send, worst_usd=Decimal)

    async def _send(
        self, entry: ModelEntry, model: str, prompt: VersionedPrompt, settings: CallSettings, *, keep_partial: bool
    ) -> Reply:
        try:
            client = await self._client(entry.provider)
            done = await client.complete(prompt, settings)
        except ProviderError as error:
            partial = _partial_text(error) if keep_partial else None
            if partial is None:
                raise
            return self._reply(entry, model, prompt.version, partial, error)
        self._learn(model, prompt.schema_name, done.output_tokens)
        return replace(self._reply(entry, model, prompt.version, done.text, done), limits=done.limits)

    def read_result(self, job: StoredJob, call: JobCall, result: JobResult) -> Reply:
        """The reply that a batch job brought, at the price there. Raises ProviderError."""
        entry, model = self._entry_of(job), job.model
        if result.completion is not None:
            text, used = result.completion.text, result.completion
            return self._reply(entry, model, call.prompt_version, text, used, in_job=True)
        error = result.error or ProviderError(ErrorCategory.UNKNOWN, "neither a reply nor an error")
        partial = _partial_text(error) if call.keep_partial else None
        if partial is None:
            raise error
        return self._reply(entry, model, call.prompt_version, partial, error, in_job=True)

    def cost_in_job(self, job: StoredJob, error: ProviderError) -> Decimal | None:
        """What a call of a batch job cost that brought no reply."""
        entry = self._entry_of(job)
        return self._cost(entry, entry.name or job.model, error, in_job=True)

    def batch_client(self, provider: str) -> LlmBatchClient:
        """The provider's client for batch jobs. Raises ConfigurationError: no key, no SDK, no such API."""
        if provider not in self._batch_clients:
            client = open_batch_client(provider, self._environment)
            self._batch_clients[provider] = client
            self._on_close(client.aclose)
        return self._batch_clients[provider]

    def _entry_of(self, job: StoredJob) -> ModelEntry:
        """What is known of the job's model, also when it has left the configuration since."""
        return self.config.models.models.get(job.model) or ModelEntry.model_validate({"provider": job.provider})

    def _reply(
        self,
        entry: ModelEntry,
        model: str,
        version: str | None,
        text: str,
        used: Completion | ProviderError,
        *,
        in_job: bool = False,
    ) -> Reply:
        return Reply(
            text=text,
            provider=entry.provider,
            model=model,
            prompt_version=version,
            input_tokens=used.input_tokens,
            output_tokens=used.output_tokens,
            cached_tokens=used.cached_tokens,
            cost_usd=self._cost(entry, entry.name or model, used, in_job=in_job),
        )

    def _learn(self, model: str, kind: str, output_tokens: int | None) -> None:
        """Keeps a moving average of what such calls bring, so that pacing reserves what they really use."""
        if output_tokens is not None:
            before = self._made.get((model, kind), float(output_tokens))
            self._made[model, kind] = before + (output_tokens - before) * LEARNING

    def _cost(
        self, entry: ModelEntry, name: str, used: Completion | ProviderError, *, in_job: bool = False
    ) -> Decimal | None:
        return self.prices.cost(
            entry.provider,
            name,
            input_tokens=used.input_tokens,
            output_tokens=used.output_tokens,
            cached_tokens=used.cached_tokens,
            cache_write_tokens=used.cache_write_tokens,
            batch=in_job,
        )

    async def _client(self, provider: str) -> LlmClient:
        """The provider's client; the first time in a thread, since an SDK takes up to two seconds to import.

        So what others have answered is read and written meanwhile. One after another, in the order in which they are
        needed: imports hold one another up, and the first is wanted first.
        """
        if provider not in self._clients:
            async with self._opening:
                if provider not in self._clients:
                    client = await asyncio.to_thread(open_client, provider, self._environment)
                    self._clients[provider] = client
                    self._on_close(client.aclose)
        return self._clients[provider]


def price_table(config: LlmConfig) -> Prices:
    """The prices that the operator gives in models.yaml, before those that the package knows."""
    return Prices(
        {
            name: [Price(e.prices.input, e.prices.output, e.prices.cached_input, e.prices.cache_write)]
            for key, e in config.models.models.items()
            if e.prices is not None
            for name in {key, e.name or key}
        }
    )


def _partial_text(error: ProviderError) -> str | None:
    return error.partial or None if error.fault is Fault.TRUNCATED else None
