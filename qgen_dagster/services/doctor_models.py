"""The doctor on language models: who has a key, who makes and who judges as things are, prices, prompts, budgets.

Here: the checks that ask nobody. Not here: asking each model once (`live_check.py`), the other checks (`doctor.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from qgen_dagster.config.llm import PROCEDURAL, LlmConfig
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.errors import ExitCode
from qgen_dagster.services.findings import Finding, Health

if TYPE_CHECKING:
    from qgen_dagster.services.desk import Desk

# The package behind each provider's client, and its import name.
SDKS = {
    "openai": "openai",
    "anthropic": "anthropic",
    "google": "google-genai",
    "xai": "openai",
    "openai_compatible": "openai",
}
PRICES_PACKAGE = "genai-prices"
INSTALL = 'pip install "qgen[llm]"'
_SOME_TOKENS = 1_000
_NOBODY = "nobody"


def model_checks(settings: Settings) -> list[tuple[str, Callable[[], Finding]]]:
    """The checks by name, those about models only where a provider has a key."""
    from qgen_dagster.generation.providers.registry import available

    checks: list[tuple[str, Callable[[], Finding]]] = [
        ("models", partial(_models, settings)),
        ("prompts", partial(_prompts, settings)),
        ("embedder", partial(_embedder, settings)),
    ]
    if available(settings.provider_environment):
        checks[1:1] = [
            ("SDKs", partial(_sdks, settings)),
            ("makers", partial(_makers, settings)),
            ("judges", partial(_judges, settings)),
            ("prices", partial(_prices, settings)),
            ("budgets", partial(_budgets, settings)),
        ]
    return checks


def models_in_use(settings: Settings) -> list[str]:
    """Every model that generators.yaml and judges.yaml name and that has a key, in their order."""
    config, desk = settings.llm, open_desk(settings)
    tiers = [model for t in config.generators.types.values() for model in (t.primary, t.fallback)]
    named = [*tiers, *config.generators.chain, *config.judges.solvers, *config.judges.arbiters]
    return [m for m in dict.fromkeys(named) if m is not None and m != PROCEDURAL and desk.can_ask(m)]


def open_desk(settings: Settings) -> Desk:
    """A desk that opens nothing."""
    from qgen_dagster.services.desk import Desk

    return Desk(settings.llm, settings.provider_environment, timer=time.monotonic, on_close=lambda close: None)


def _models(settings: Settings) -> Finding:
    from qgen_dagster.generation.providers.registry import available

    config = settings.llm
    known = f"{len(config.models.models)} known, as of {config.models.as_of}: {settings.models_file}"
    usable = available(settings.provider_environment)
    if not usable:
        return Finding("models", Health.OK, f"no provider has a key: item models make and judge everything; {known}")
    return Finding("models", Health.OK, f"to be asked: {', '.join(usable)}; {known}")


def _sdks(settings: Settings) -> Finding:
    from qgen_dagster.generation.providers.registry import available

    wanted = [SDKS[provider] for provider in available(settings.provider_environment)]
    found, missing = _installed([*dict.fromkeys(wanted), PRICES_PACKAGE])
    detail = ", ".join(found) or "none"
    if not missing:
        return Finding("SDKs", Health.OK, detail)
    needed = [package for package in missing if package != PRICES_PACKAGE]
    without = f"{detail}; missing: {', '.join(missing)}"
    if needed:
        return Finding("SDKs", Health.FAIL, without, INSTALL, ExitCode.CONFIGURATION)
    return Finding("SDKs", Health.WARN, f"{without}, so only models with prices in models.yaml have one", INSTALL)


def _installed(packages: Iterable[str]) -> tuple[list[str], list[str]]:
    found, missing = [], []
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            missing.append(package)
    return found, missing


def _makers(settings: Settings) -> Finding:
    """Per type the models that would be asked now, in order, and tiers that have no key."""
    from qgen_dagster.services import routing

    config, desk = settings.llm, open_desk(settings)
    groups: dict[str, list[str]] = {}
    for question_type in settings.taxonomy.types:
        models = routing.generator_models(config, desk.can_ask, question_type.key, "primary")
        groups.setdefault(_chain(config, models), []).append(question_type.key)
    detail = "\n".join(f"{', '.join(types)}: {chain}" for chain, types in groups.items())
    missing = routing.passed_over(config, desk.can_ask)
    if not missing:
        return Finding("makers", Health.OK, detail)
    variables = _variables(config, missing, settings.provider_environment)
    mend = f"Set {variables}, or name other models in generators.yaml (QGEN_GENERATORS)."
    return Finding("makers", Health.WARN, f"{detail}\nno key for {', '.join(missing)}: the others stand in", mend)


def _chain(config: LlmConfig, models: Sequence[str]) -> str:
    if not models or models[0] == PROCEDURAL:
        return "item models"
    return ", then ".join(m if m == PROCEDURAL else f"{m} ({config.entry(m).provider})" for m in models[:3])


def _judges(settings: Settings) -> Finding:
    """For what each provider makes: who solves and who scores; and whether solvers are of two families."""
    from qgen_dagster.services import routing

    config, desk = settings.llm, open_desk(settings)
    makers = dict.fromkeys(desk.provider_of(model) for model in _first_makers(settings, desk))
    groups: dict[str, list[str]] = {}
    families = []
    for maker in makers:
        solvers = [slot[0] for slot in routing.solver_slots(desk, maker)]
        arbiters = routing.arbiter_models(desk, maker)
        families.append(len({desk.provider_of(model) for model in solvers}))
        solved, scored = ", ".join(dict.fromkeys(solvers)), ", then ".join(arbiters[:2])
        groups.setdefault(f"solved by {solved or _NOBODY}; scored by {scored or _NOBODY}", []).append(maker)
    detail = "\n".join(f"made by {', '.join(names)}: {said}" for said, names in groups.items())
    if not makers:
        return Finding("judges", Health.OK, "item models judge what they make")
    judges = [*config.judges.solvers, *config.judges.arbiters]
    without = [model for model in dict.fromkeys(judges) if not desk.can_ask(model)]
    variables = _variables(config, without, settings.provider_environment)
    mend = f"Set {variables}, or name models in judges.yaml (QGEN_JUDGES)."
    if min(families) == 0 or _NOBODY in detail:
        return Finding("judges", Health.FAIL, f"{detail}\nwhat is made would wait", mend, ExitCode.CONFIGURATION)
    if min(families) == 1:
        why = "solvers of one family share their errors: two are needed to trust a key"
        return Finding("judges", Health.WARN, f"{detail}\n{why}", mend)
    return Finding("judges", Health.OK, detail)


def _first_makers(settings: Settings, desk: Desk) -> list[str]:
    from qgen_dagster.services import routing

    types = (question_type.key for question_type in settings.taxonomy.types)
    models = (routing.generator_models(settings.llm, desk.can_ask, name, "primary") for name in types)
    return [found[0] for found in models if found and found[0] != PROCEDURAL]


def _prices(settings: Settings) -> Finding:
    desk = open_desk(settings)
    models = models_in_use(settings)
    unpriced = [model for model in models if not _has_price(desk, model)]
    if not unpriced:
        return Finding("prices", Health.OK, f"known for all {len(models)} models in use")
    mend = "Give them `prices: {input: …, output: …}` (USD per million tokens) in models.yaml (QGEN_MODELS)."
    detail = f"no price for {', '.join(unpriced)}: what they cost is not counted"
    if settings.budget_usd_per_day is not None:
        detail = f"no price for {', '.join(unpriced)}: they are not asked as long as there is a budget in USD"
    return Finding("prices", Health.WARN, detail, mend)


def _has_price(desk: Desk, model: str) -> bool:
    entry = desk.config.entry(model)
    name, some = entry.name or model, _SOME_TOKENS
    return desk.prices.cost(entry.provider, name, input_tokens=some, output_tokens=some) is not None


def _prompts(settings: Settings) -> Finding:
    from qgen_dagster.generation.prompts.files import load_prompts, own_files

    prompts = load_prompts(settings.taxonomy, settings.prompts_folder)
    kinds = sum(len(prompts.for_type(t.key).kinds) for t in settings.taxonomy.types)
    detail = f"{len(settings.taxonomy.types)} types, {kinds} kinds of question"
    if settings.prompts_folder is None:
        return Finding("prompts", Health.OK, f"{detail}; the files that ship")
    own = ", ".join(name for name, _ in own_files(settings.prompts_folder)) or "none"
    return Finding("prompts", Health.OK, f"{detail}; your own in {settings.prompts_folder}: {own}")


def _budgets(settings: Settings) -> Finding:
    usd, tokens = settings.budget_usd_per_day, settings.budget_tokens_per_day
    said = [f"{usd:,f} USD" if usd is not None else "", f"{tokens:,} tokens" if tokens is not None else ""]
    limits = " and ".join(text for text in said if text)
    if limits:
        return Finding("budgets", Health.OK, f"at most {limits} a day (UTC)")
    mend = "QGEN_BUDGET_USD_PER_DAY=20 sets one; --budget-usd limits a single run."
    return Finding("budgets", Health.OK, "no limit per day", mend)


def _embedder(settings: Settings) -> Finding:
    from qgen_dagster.services.embedding import check_embedder

    check_embedder(settings)
    choice = settings.embedder
    if choice.remote:
        return Finding("embedder", Health.OK, f"{choice}: its vectors are asked for, and cost what its calls cost")
    return Finding("embedder", Health.OK, f"{choice} (built in)" if not choice.model else str(choice))


def _variables(config: LlmConfig, models: Sequence[str], environment: Mapping[str, str]) -> str:
    """What would have to be set so that these models can be asked."""
    from qgen_dagster.generation.providers.registry import missing

    needed = (missing(config.entry(model).provider, environment) for model in models)
    return ", ".join(dict.fromkeys(variable for variable in needed if variable)) or "a key"
