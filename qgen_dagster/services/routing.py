"""Which model serves what: generators by type and tier, judges and solvers by family.

Here: choosing among the models that the configuration names and the environment has keys for. Pure but for the desk
that knows the keys. Not here: asking them (`desk.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qgen_dagster.config.llm import PROCEDURAL, GeneratorTiers, LlmConfig, Tier
from qgen_dagster.services.desk import Desk

TIERS = 2  # primary and fallback; the chain behind them is for a bad day, and too long to be asked every time


def generator_models(config: LlmConfig, can_ask: Callable[[str], bool], question_type: str, tier: Tier) -> list[str]:
    """The models that make questions of a type, best first; `procedural` ends the list, nothing stands behind it.

    The chosen tier, then the other one, then the chain. A model without a key is passed over. Empty: nobody has one.
    """
    return models_of(config, can_ask, config.generators.tiers(question_type), tier)


def models_of(config: LlmConfig, can_ask: Callable[[str], bool], tiers: GeneratorTiers, tier: Tier) -> list[str]:
    """The same for the tiers of whatever is to be made."""
    wanted = [tiers.primary, tiers.fallback] if tier != "fallback" else [tiers.fallback, tiers.primary]
    found: list[str] = []
    for model in [*wanted, *config.generators.chain]:
        if model == PROCEDURAL:
            return [*found, PROCEDURAL]
        if model is not None and model not in found and can_ask(model):
            found.append(model)
    return found


def balanced(models: Sequence[str], batch: int) -> list[str]:
    """The models with the first two changing places every other batch."""
    if len(models) > 1 and batch % 2 and PROCEDURAL not in models[:2]:
        return [models[1], models[0], *models[2:]]
    return list(models)


def first_asked(models: Sequence[str]) -> list[str]:
    """The language models of the two tiers: who does the work on an ordinary day, and who stands in."""
    return [model for model in models[:TIERS] if model != PROCEDURAL]


def passed_over(config: LlmConfig, can_ask: Callable[[str], bool]) -> list[str]:
    """The models of the tiers that have no key, for saying so once."""
    tiers = [m for t in config.generators.types.values() for m in (t.primary, t.fallback) if m and m != PROCEDURAL]
    return [model for model in dict.fromkeys(tiers) if not can_ask(model)]


def arbiter_models(desk: Desk, generator: str | None) -> list[str]:
    """Arbiters in order, those of another provider than the generator's first."""
    return _others_first(desk, desk.config.judges.arbiters, generator)


def solver_slots(desk: Desk, generator: str | None, slots: int = 3) -> list[list[str]]:
    """For each of the solvers its models in order: families differ as far as there are enough of them.

    A solver that fails is replaced by a family that none of the others has, before one that another has.
    """
    models = _one_per_family(desk, _others_first(desk, desk.config.judges.solvers, generator))
    if not models:
        return []
    own = [models[slot % len(models)] for slot in range(slots)]
    spare = [model for model in models if model not in own]
    return [[own[slot], *spare, *(m for m in models if m != own[slot] and m not in spare)] for slot in range(slots)]


def _others_first(desk: Desk, models: Sequence[str], generator: str | None) -> list[str]:
    usable = desk.willing([model for model in models if desk.can_ask(model)])
    return sorted(usable, key=lambda model: desk.provider_of(model) == generator)


def _one_per_family(desk: Desk, models: Sequence[str]) -> list[str]:
    first: dict[str, str] = {}
    for model in models:
        first.setdefault(desk.provider_of(model), model)
    return list(first.values())
