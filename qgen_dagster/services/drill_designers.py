"""Who designs drills in a run: language models where a key is there, otherwise the built-in designer.

Both answer a batch with the same JSON, which is read by the same rules (`drills/replies.py`) and kept in the same
journal. Not here: what models are told (`drills/asking.py`, `generation/prompts/drills.py`), running batches
(`build_drills.py`).
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from qgen_dagster.config.llm import PROCEDURAL
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.drills import Slot
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.core.progress import Notice, Progress, silent
from qgen_dagster.drills.asking import ask_for, methodologies_of, principles_of
from qgen_dagster.drills.design import design_drill
from qgen_dagster.drills.planner import BATCH_SIZE
from qgen_dagster.drills.replies import Wanted
from qgen_dagster.generation.calls import Route
from qgen_dagster.generation.prompts.drills import drill_prompt
from qgen_dagster.generation.prompts.files import Prompts, load_prompts
from qgen_dagster.generation.provider import Reply
from qgen_dagster.services import routing
from qgen_dagster.services.desk import Desk
from qgen_dagster.services.drill_options import BuildOptions


@dataclass(frozen=True)
class Asked:
    """One call for drills: the batch's place in its series, what is wanted, and what was refused before."""

    batch: int
    wanted: Wanted
    problems: Sequence[str] = ()


class Designers:
    """The routes of a series' calls. Made by `make_designers`."""

    def __init__(
        self, options: BuildOptions, models: Sequence[str], desk: Desk | None, prompts: Prompts | None
    ) -> None:
        self._options = options
        self.desk = desk
        self._prompts = prompts
        self.models = tuple(models)

    @property
    def needed_models(self) -> list[str]:
        """The language models that the series may need, each once; none where the built-in designer comes first."""
        return routing.first_asked(self.models)

    @property
    def first(self) -> str | None:
        """The language model that is asked before all others; None where the built-in designer is."""
        model = self._willing()[0]
        return None if model == PROCEDURAL else model

    def routes(self, asked: Asked) -> Sequence[Route]:
        """Whom to ask, in order."""
        models = self._willing()
        if self._options.provider_tier == "balanced":
            models = routing.balanced(models, asked.batch)
        return [self._built_in(asked) if model == PROCEDURAL else self._model(model, asked) for model in models]

    def _willing(self) -> list[str]:
        return self.desk.willing(self.models) if self.desk is not None else list(self.models)

    def _built_in(self, asked: Asked) -> Route:
        async def send() -> Reply:
            return Reply(text=_designed(asked.wanted), provider=PROCEDURAL)

        return Route(provider=PROCEDURAL, model=None, send=send, worst_usd=Decimal)

    def _model(self, model: str, asked: Asked) -> Route:
        assert self.desk is not None  # noqa: S101 - where models are, so is the desk
        assert self._prompts is not None  # noqa: S101 - and so are their prompts
        wanted = asked.wanted
        prompt = drill_prompt(
            self._prompts,
            [ask_for(slot, wanted.positions[slot.position_id], wanted.curriculum) for slot in wanted.slots],
            principles_of(wanted.curriculum),
            methodologies_of(wanted.curriculum),
            asked.problems,
        )
        how, size = self.desk.config.generators.drills, len(wanted.slots)
        return self.desk.route(
            model,
            prompt,
            temperature=how.temperature,
            output_tokens=how.output_tokens_per_drill * size,
            timeout_seconds=how.timeout_seconds
            * math.ceil(size / BATCH_SIZE),  # a whole series in one call takes longer
            keep_partial=True,
        )


def make_designers(settings: Settings, options: BuildOptions, desk: Desk | None, progress: Progress) -> Designers:
    """The designers that options, configuration and keys allow; says once which configured models are passed over.

    `desk` is None where no provider has a key. Raises ConfigurationError for a wanted provider without a model or key.
    """
    if options.provider == PROCEDURAL or (desk is None and options.provider is None):
        return Designers(options, [PROCEDURAL], None, None)
    if desk is None:
        raise ConfigurationError(f"--provider {options.provider}: no key is set", hint="See which are: qgen doctor")
    reachable = desk

    def can_ask(model: str) -> bool:
        return reachable.can_ask(model) and options.provider in (None, reachable.provider_of(model))

    chosen = desk.config.generators.drills
    models = routing.models_of(desk.config, can_ask, chosen, options.provider_tier)
    if options.provider is not None:
        models = [model for model in models if model != PROCEDURAL]
        if not models:
            raise ConfigurationError(
                f"--provider {options.provider}: generators.yaml names no model of it, or its key is not set",
                hint="See what is there: qgen doctor",
            )
    elif models[:1] != [PROCEDURAL]:
        named = [model for model in (chosen.primary, chosen.fallback) if model and model != PROCEDURAL]
        missing = [model for model in named if not desk.can_ask(model)]
        if missing:
            progress(Notice(f"no key for {', '.join(missing)}: other designers stand in (qgen doctor)"))
    return Designers(options, models or [PROCEDURAL], desk, load_prompts(settings.taxonomy, settings.prompts_folder))


def check_designers(settings: Settings, options: BuildOptions) -> None:
    """Raises ConfigurationError where nobody could design, before anything is planned."""
    keys = settings.provider_environment
    desk = Desk(settings.llm, keys, timer=time.monotonic, on_close=lambda close: None) if keys else None
    make_designers(settings, options, desk, silent)


def _designed(wanted: Wanted) -> str:
    made = [_design(slot, wanted) for slot in wanted.slots]
    return json.dumps({"drills": [drill for drill in made if drill is not None]}, ensure_ascii=False)


def _design(slot: Slot, wanted: Wanted) -> dict[str, object] | None:
    position = wanted.positions[slot.position_id]
    drill = design_drill(position, slot.methodology, wanted.curriculum, wanted.seed)
    return drill.model_dump(mode="json") if drill is not None else None
