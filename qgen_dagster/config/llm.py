"""Which language models there are, who makes questions with them, and who judges: three YAML files as data.

Here: the models of `models.yaml`, `generators.yaml` and `judges.yaml`, and reading them together. Not here: which keys
the environment has, and choosing a route (`services/routing.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from qgen_dagster.config.loading import load_yaml
from qgen_dagster.core.errors import ConfigurationError

PROCEDURAL = "procedural"
DEFAULT = "default"
PACKAGED = Path(__file__).parent
Tier = Literal["primary", "fallback", "balanced"]
ProviderName = Literal["openai", "anthropic", "google", "xai", "openai_compatible"]
Price = Annotated[Decimal, Field(ge=0, le=100_000)]
Seconds = Annotated[float, Field(gt=0, le=3_600)]
Temperature = Annotated[float, Field(ge=0, le=2)]
Tokens = Annotated[int, Field(ge=1, le=200_000)]


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ProviderLimits(_Frozen):
    """How fast a provider may be asked; None where there is no limit."""

    requests_per_minute: Annotated[int, Field(ge=1)] | None = None
    tokens_per_minute: Annotated[int, Field(ge=1)] | None = None
    max_concurrent: Annotated[int, Field(ge=1, le=1_000)] = 50


class Prices(_Frozen):
    """USD per million tokens. `cached_input` and `cache_write` None: those tokens cost as much as others."""

    input: Price
    output: Price
    cached_input: Price | None = None
    cache_write: Price | None = None


class ModelEntry(_Frozen):
    """What is known of one model. `name` is the provider's own where the key in the file is another."""

    provider: ProviderName
    name: str | None = None
    structured: Literal["json_schema", "tool", "none"] = "json_schema"
    temperature: bool = True
    reasoning_tokens: Annotated[int, Field(ge=0, le=100_000)] = 0
    batch: bool = False
    prices: Prices | None = None


class ModelsFile(_Frozen):
    """models.yaml."""

    as_of: date
    providers: Mapping[ProviderName, ProviderLimits] = Field(default_factory=dict)
    models: Mapping[str, ModelEntry]


class GeneratorTiers(_Frozen):
    """The models of a type's two tiers; `procedural` stands for the item models."""

    primary: str
    fallback: str | None = None


class DrillDesigners(GeneratorTiers):
    """The models that design drills, and how they are asked; `timeout_seconds` is for five drills."""

    temperature: Temperature = 0.7
    timeout_seconds: Seconds = 90
    output_tokens_per_drill: Tokens = 1_000


class GeneratorsFile(_Frozen):
    """generators.yaml."""

    temperature: Temperature = 0.8
    timeout_seconds: Seconds = 60
    output_tokens_per_question: Tokens = 700
    types: Mapping[str, GeneratorTiers]
    drills: DrillDesigners = DrillDesigners(primary=PROCEDURAL)
    chain: tuple[str, ...] = ()

    def tiers(self, question_type: str) -> GeneratorTiers:
        """The tiers of a type, or the default ones."""
        return self.types.get(question_type) or self.types[DEFAULT]


class JudgeCall(_Frozen):
    """How a judge is asked."""

    temperature: Temperature
    output_tokens: Tokens
    timeout_seconds: Seconds = 60


class JudgesFile(_Frozen):
    """judges.yaml."""

    arbiters: tuple[str, ...]
    solvers: tuple[str, ...]
    arbiter: JudgeCall = JudgeCall(temperature=0.3, output_tokens=900)
    solver: JudgeCall = JudgeCall(temperature=0.1, output_tokens=2_000)
    borderline: Annotated[float, Field(ge=0, le=0.5)] = 0.05
    max_regenerations: Annotated[int, Field(ge=0, le=1_000)] = 5


class LlmConfig(_Frozen):
    """The three files together; every model that one names is known to the first."""

    models: ModelsFile
    generators: GeneratorsFile
    judges: JudgesFile

    def entry(self, model: str) -> ModelEntry:
        """What is known of a model that one of the files names."""
        return self.models.models[model]

    def limits(self, provider: str) -> ProviderLimits:
        """The provider's limits."""
        return {str(k): v for k, v in self.models.providers.items()}.get(provider, ProviderLimits())


def load_llm_config(
    models: Path = PACKAGED / "models.yaml",
    generators: Path = PACKAGED / "generators.yaml",
    judges: Path = PACKAGED / "judges.yaml",
) -> LlmConfig:
    """Reads the files. Raises ConfigurationError naming file, line and key, or the model that is not known."""
    config = LlmConfig(
        models=load_yaml(models, ModelsFile),
        generators=load_yaml(generators, GeneratorsFile),
        judges=load_yaml(judges, JudgesFile),
    )
    made_by = config.generators
    if DEFAULT not in made_by.types:
        raise ConfigurationError(f"{generators}: types: `{DEFAULT}` is missing; it serves the types not named")
    by_tier = [*made_by.types.values(), made_by.drills]
    tiers = [model for t in by_tier for model in (t.primary, t.fallback) if model]
    _refuse_unknown(generators, [*tiers, *made_by.chain], {*config.models.models, PROCEDURAL})
    _refuse_unknown(judges, [*config.judges.arbiters, *config.judges.solvers], set(config.models.models))
    return config


def _refuse_unknown(path: Path, named: Iterable[str], known: set[str]) -> None:
    import difflib

    for model in named:
        if model not in known:
            close = difflib.get_close_matches(model, known, n=1)
            hint = f"Did you mean {close[0]}?" if close else f"Known: {', '.join(sorted(known))}."
            raise ConfigurationError(f"{path}: model {model!r} is not in models.yaml", hint=hint)
