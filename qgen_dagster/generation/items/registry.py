"""Finds the item models: every module of a family package that holds a `MODEL`.

Not here: choosing a model for a batch (`providers/procedural.py`).
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation import items
from qgen_dagster.generation.items.contract import ItemModel


@cache
def item_models(family: str) -> tuple[ItemModel, ...]:
    """The models of a family (`pattern`, `math`, …) in order of name; empty for a family that does not exist."""
    if family not in families():
        return ()
    package = importlib.import_module(f"{items.__name__}.{family}")
    modules = (importlib.import_module(f"{package.__name__}.{m.name}") for m in pkgutil.iter_modules(package.__path__))
    models = [module.MODEL for module in modules if hasattr(module, "MODEL")]
    return tuple(sorted(models, key=lambda model: model.name))


@cache
def families() -> tuple[str, ...]:
    """The names of all families."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(items.__path__) if m.ispkg))


def models_for(family: str, level: ItemLevel) -> tuple[ItemModel, ...]:
    """The models of a family that serve a level."""
    return tuple(model for model in item_models(family) if level in model.levels)


def item_model(name: str) -> ItemModel | None:
    """The model called `name`, or None when this version has no such model."""
    return next((m for family in families() for m in item_models(family) if m.name == name), None)
