"""The thresholds of semantic comparison, per embedder and question type, as data.

Here: the model of `config/dedup.yaml` and its loading. Not here: what the thresholds do (`compare.py`), how they were
found (`benchmarks/dedup_quality.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from qgen_dagster import config
from qgen_dagster.config.loading import load_yaml

Share = Annotated[float, Field(ge=0, le=1)]
PACKAGED = Path(config.__file__).with_name("dedup.yaml")


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Bounds(_Frozen):
    """When two questions that agree in answer and quantities are near enough, and what raises a doubt.

    Cosines: from `duplicate_from` on they are the same, from `grey_from` on they may be; the `strong_` ones are for
    questions with two numbers or more. Shares of what both have (Jaccard): `jaccard_from` stands in for a cosine;
    below `stimulus_from`, `options_from`, `words_from` or `order_from` the material, the options, the stem's words or
    their order are another item's, above it they are a doubt (an order only below `order_sure`). `names: decide`: other
    names, another question; `doubt`: names are incidental.
    """

    duplicate_from: Share = 0.75
    grey_from: Share = 0.65
    strong_duplicate_from: Share = 0.5
    strong_grey_from: Share = 0.3
    jaccard_from: Share = 0.7
    stimulus_from: Share = 0.75
    options_from: Share = 0.5
    words_from: Share = 0.0
    order_from: Share = 0.0
    order_sure: Share = 0.6
    names: Literal["decide", "doubt"] = "decide"

    def reach(self, strong: bool) -> float:
        """The least cosine at which two questions with the same quantities, `strong` ones or not, may be the same."""
        return self.strong_grey_from if strong else self.grey_from

    @property
    def shared_words(self) -> float:
        """The least share of words that two questions without quantities may have in common; 0: none."""
        return min(self.words_from, self.options_from, self.stimulus_from)

    def firm(self, strong: bool) -> float:
        """The least cosine at which nothing but another doubt keeps them apart."""
        return self.strong_duplicate_from if strong else self.duplicate_from

    @model_validator(mode="after")
    def _in_order(self) -> Bounds:
        if self.grey_from > self.duplicate_from:
            raise ValueError(f"grey_from ({self.grey_from}) is above duplicate_from ({self.duplicate_from})")
        if self.strong_grey_from > self.strong_duplicate_from:
            raise ValueError(f"strong_grey_from ({self.strong_grey_from}) is above {self.strong_duplicate_from}")
        return self


class PartialBounds(_Frozen):
    """What differs from the bounds that apply otherwise; what is not given stays."""

    duplicate_from: Share | None = None
    grey_from: Share | None = None
    strong_duplicate_from: Share | None = None
    strong_grey_from: Share | None = None
    jaccard_from: Share | None = None
    stimulus_from: Share | None = None
    options_from: Share | None = None
    words_from: Share | None = None
    order_from: Share | None = None
    order_sure: Share | None = None
    names: Literal["decide", "doubt"] | None = None


class EmbedderBounds(_Frozen):
    """Bounds for the vectors of one embedder, whose name starts as the key says."""

    default: PartialBounds = PartialBounds()
    types: Mapping[str, PartialBounds] = Field(default_factory=dict)


class DedupSettings(_Frozen):
    """The whole of dedup.yaml. The more particular wins: embedder and type, embedder, type, default."""

    default: Bounds = Bounds()
    types: Mapping[str, PartialBounds] = Field(default_factory=dict)
    embedders: Mapping[str, EmbedderBounds] = Field(default_factory=dict)

    def bounds(self, embedder: str, question_type: str) -> Bounds:
        """The bounds for an embedder (by the longest key that its name starts with) and a type."""
        keys = [key for key in self.embedders if embedder.startswith(key)]
        own = self.embedders[max(keys, key=len)] if keys else EmbedderBounds()
        layers = (self.types.get(question_type), own.default, own.types.get(question_type))
        changes = [layer.model_dump(exclude_none=True) for layer in layers if layer]
        return Bounds.model_validate(self.default.model_dump() | {k: v for c in changes for k, v in c.items()})


@cache
def load_settings(path: Path = PACKAGED) -> DedupSettings:
    """The settings in a YAML file. Raises ConfigurationError with file, line and key."""
    return load_yaml(path, DedupSettings)
