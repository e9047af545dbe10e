"""The desk: the language models that this process can ask, each with its client, its gate and its price.

Here: `Desk`, which turns a model of the configuration and a prompt into a `Route`. A client is made, and its SDK
imported, at its first call. Not here: which model serves what (`routing.py`), making the call (`generation/calls.py`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from decimal import Decimal

from qgen_dagster.config.llm import LlmConfig, ModelEntry
from qgen_dagster.generation.calls import Route
from qgen_dagster.generation.gate import Gate, GateLimits
from qgen_dagster.generation.llm import CallSettings, LlmClient
from qgen_dagster.generation.prices import Price, Prices
from qgen_dagster.generation.prompts.render import VersionedPrompt
from qgen_dagster.generation.provider import Fault, ProviderError, Reply
from qgen_dagster.generation.providers.registry import available, open_client

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
        self._gates: dict[str, Gate] = {}
        self._providers = frozenset(available(environment))
        self._made: dict[tuple[str, str], float] = {}  # output tokens of a call, by model and kind of prompt
        self.prices = Prices(
            {
                name: [Price(e.prices.input, e.prices.output, e.prices.cached_input, e.prices.cache_write)]
                for key, e in config.models.models.items()
                if e.prices is not None
                for name in {key, e.name or key}
            }
        )

    def can_ask(self, model: str) -> bool:
        """Whether the environment has what the model's provider needs."""
        return self.config.entry(model).provider in self._providers

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

        async def send() -> Reply:
            return await self._send(entry, model, prompt, settings, keep_partial=keep_partial)

        return Route(
            provider=entry.provider,
            model=model,
            send=send,
            gate=self.gate(entry.provider),
            tokens=sent + int(self._made.get((model, prompt.schema_name), output_tokens / 2)),
            worst_tokens=sent + settings.max_output_tokens,
            worst_usd=self.prices.worst_case(
                entry.provider, name, input_tokens=sent, max_output_tokens=settings.max_output_tokens
            ),
            usd_of=lambda tokens_in, tokens_out: self._cost(entry, name, tokens_in, tokens_out),
            prompt_version=prompt.version,
        )

    async def _send(
        self, entry: ModelEntry, model: str, prompt: VersionedPrompt, settings: CallSettings, *, keep_partial: bool
    ) -> Reply:
        reply = Reply(text="", provider=entry.provider, model=model, prompt_version=prompt.version)
        try:
            done = await self._client(entry.provider).complete(prompt, settings)
        except ProviderError as error:
            if not (keep_partial and error.fault is Fault.TRUNCATED and error.partial):
                raise
            return replace(
                reply,
                text=error.partial,
                input_tokens=error.input_tokens,
                output_tokens=error.output_tokens,
                cost_usd=self._cost(entry, settings.model, error.input_tokens, error.output_tokens),
            )
        self._learn(model, prompt.schema_name, done.output_tokens)
        return replace(
            reply,
            text=done.text,
            input_tokens=done.input_tokens,
            output_tokens=done.output_tokens,
            cached_tokens=done.cached_tokens,
            cost_usd=self._cost(
                entry,
                settings.model,
                done.input_tokens,
                done.output_tokens,
                cached=done.cached_tokens,
                written=done.cache_write_tokens,
            ),
            limits=done.limits,
        )

    def _learn(self, model: str, kind: str, output_tokens: int | None) -> None:
        """Keeps a moving average of what such calls bring, so that pacing reserves what they really use."""
        if output_tokens is not None:
            before = self._made.get((model, kind), float(output_tokens))
            self._made[model, kind] = before + (output_tokens - before) * LEARNING

    def _cost(
        self,
        entry: ModelEntry,
        name: str,
        sent: int | None,
        made: int | None,
        *,
        cached: int | None = None,
        written: int | None = None,
    ) -> Decimal | None:
        return self.prices.cost(
            entry.provider,
            name,
            input_tokens=sent,
            output_tokens=made,
            cached_tokens=cached,
            cache_write_tokens=written,
        )

    def _client(self, provider: str) -> LlmClient:
        if provider not in self._clients:
            client = open_client(provider, self._environment)
            self._clients[provider] = client
            self._on_close(client.aclose)
        return self._clients[provider]
