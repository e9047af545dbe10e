"""Writes the parts of the documentation that come from code: `make docs`. A test fails when they have drifted."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

from qgen_dagster.config.settings import VARIABLES
from qgen_dagster.generation.items.contract import ItemModel
from qgen_dagster.generation.items.registry import families, item_models
from qgen_dagster.services.gallery import summary_of

OPERATIONS = Path(__file__).with_name("operations.md")
ITEMS = Path(__file__).with_name("items.md")
API = Path(__file__).with_name("api.md")
LEVELS = ("easy", "medium", "hard")


def operations(text: str) -> str:
    """docs/operations.md with the table of settings brought up to date."""
    rows = "".join(f"| `{name}` | {meaning} |\n" for name, meaning in VARIABLES.items())
    return _replaced(text, "variables", f"| variable | meaning |\n|---|---|\n{rows}")


def items(text: str) -> str:
    """docs/items.md with the table of item models brought up to date."""
    models = [model for family in families() for model in item_models(family)]
    head = "| family | model | sub-type | levels | what it asks |\n|---|---|---|---|---|\n"
    count = f"{len(models)} models in {len(families())} families.\n\n"
    return _replaced(text, "models", count + head + "".join(_row(model) for model in models))


def api(text: str) -> str:
    """docs/api.md with the reference brought up to date with the OpenAPI document."""
    from qgen_dagster.api.app import openapi_document

    reference = runpy.run_path(str(Path(__file__).with_name("openapi.py")))["reference"]
    return _replaced(text, "api", reference(openapi_document()) + "\n")


def _row(model: ItemModel) -> str:
    levels = "all" if model.levels == LEVELS else ", ".join(model.levels)
    return f"| {model.family} | `{model.name}` | {model.sub_type} | {levels} | {summary_of(model)} |\n"


def _replaced(text: str, name: str, content: str) -> str:
    block = f"<!-- {name} -->\n{content}<!-- end -->"
    return re.sub(rf"<!-- {name} -->.*?<!-- end -->", lambda _: block, text, flags=re.DOTALL)


if __name__ == "__main__":
    OPERATIONS.write_text(operations(OPERATIONS.read_text(encoding="utf-8")), encoding="utf-8")
    ITEMS.write_text(items(ITEMS.read_text(encoding="utf-8")), encoding="utf-8")
    API.write_text(api(API.read_text(encoding="utf-8")), encoding="utf-8")
