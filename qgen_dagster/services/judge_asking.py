"""Asking the judges of an audit: all of them together as a run does, or one model alone.

Every call goes through the journal under a name that holds the audit's key, so that an audit that was stopped goes on
from its own replies. Not here: what is asked about what (`judge_audit.py`), which models (`jury.py`).
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from qgen_dagster.config.settings import Settings
from qgen_dagster.generation.calls import Call, Route
from qgen_dagster.generation.prompts.files import Prompts
from qgen_dagster.generation.prompts.render import VersionedPrompt
from qgen_dagster.generation.provider import Reply
from qgen_dagster.judging.labelled_set import Labelled
from qgen_dagster.judging.panel import Panel
from qgen_dagster.services import routing
from qgen_dagster.services.calls import ARBITRATE, SOLVE, Calls, digest_of
from qgen_dagster.services.desk import Desk
from qgen_dagster.services.jury import Jury

Ask = Callable[[int, int, VersionedPrompt], Awaitable[Reply]]


class Asking:
    """Makes the panels of one audit. `key` names the audit in the journal; `reused` counts replies found there."""

    def __init__(
        self, settings: Settings, jury: Jury, calls: Calls, prompts: Prompts, *, min_score: float, key: str
    ) -> None:
        self.jury = jury
        self.prompts = prompts
        self.min_score = min_score
        self.reused = 0
        self._calls = calls
        self._key = key
        self._desk = Desk(jury.config, settings.provider_environment, timer=time.monotonic, on_close=calls.on_close)
        self._solver_slots = routing.solver_slots(self._desk, None)
        self._arbiters = routing.arbiter_models(self._desk, None)

    @property
    def has_panel(self) -> bool:
        """Whether there are both a solver and an arbiter."""
        return bool(self._solver_slots and self._arbiters)

    def together(self, item: Labelled) -> Panel:
        """The judges as a run asks them, each with those that stand in for it."""
        arbiters = self._arbiters

        async def ask_solver(slot: int, again: int, prompt: VersionedPrompt) -> Reply:
            return await self._ask(SOLVE, item, f"panel/{slot}", again, prompt, self._solver_slots[slot])

        async def ask_arbiter(place: int, again: int, prompt: VersionedPrompt) -> Reply:
            models = [*arbiters[place:], *arbiters[:place]]
            return await self._ask(ARBITRATE, item, f"panel/{place}", again, prompt, models)

        return self._panel(ask_solver, ask_arbiter, second_arbiter=len(arbiters) > 1)

    def alone(self, model: str, item: Labelled, what: str) -> Panel:
        """A panel of one model, for a single question to it; `what` names the measurement."""

        async def ask_solver(_: int, again: int, prompt: VersionedPrompt) -> Reply:
            return await self._ask(SOLVE, item, what, again, prompt, [model])

        async def ask_arbiter(_: int, again: int, prompt: VersionedPrompt) -> Reply:
            return await self._ask(ARBITRATE, item, what, again, prompt, [model])

        return self._panel(ask_solver, ask_arbiter, second_arbiter=False)

    def _panel(self, ask_solver: Ask, ask_arbiter: Ask, *, second_arbiter: bool) -> Panel:
        return Panel(
            taxonomy=self.prompts.taxonomy,
            prompts=self.prompts,
            ask_solver=ask_solver,
            ask_arbiter=ask_arbiter,
            min_score=self.min_score,
            borderline=self.jury.config.judges.borderline,
            second_arbiter=second_arbiter,
        )

    async def _ask(
        self, purpose: str, item: Labelled, what: str, again: int, prompt: VersionedPrompt, models: Sequence[str]
    ) -> Reply:
        judges = self.jury.config.judges
        how = (judges.solver if purpose == SOLVE else judges.arbiter).model_dump()
        said = (prompt.system, prompt.user, sorted(how.items()))
        digest = digest_of("audit", self._key, purpose, list(models), item.id, what, again, *said)
        sent: list[str] = []

        def route(model: str) -> Route:
            made = self._desk.route(model, prompt, **how)

            async def send() -> Reply:
                sent.append(model)
                return await made.send()

            return replace(made, send=send)

        reply = await self._calls.caller.call(Call(purpose, digest), [route(model) for model in models])
        self.reused += not sent
        return reply
