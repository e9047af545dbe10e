"""Documentation that comes from code says what the code says, and names nothing that is not there."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_table_of_settings_is_up_to_date() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    generate = runpy.run_path(str(ROOT / "docs" / "generate.py"))
    assert generate["operations"](text) == text, "run: make docs"


def test_the_table_of_item_models_is_up_to_date() -> None:
    text = (ROOT / "docs" / "items.md").read_text(encoding="utf-8")
    generate = runpy.run_path(str(ROOT / "docs" / "generate.py"))
    assert generate["items"](text) == text, "run: make docs"


def test_the_reference_of_the_api_is_up_to_date() -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    generate = runpy.run_path(str(ROOT / "docs" / "generate.py"))
    assert generate["api"](text) == text, "run: make docs"


def test_every_item_model_that_is_named_exists() -> None:
    from qgen_dagster.generation.items.registry import families, item_models

    known = {model.name for family in families() for model in item_models(family)}
    support = (ROOT / "docs" / "items.md").read_text(encoding="utf-8").partition("## How difficulty")[2]
    cells = [line.split("|")[2] for line in support.splitlines() if line.startswith("|")]
    assert {name for cell in cells for name in re.findall(r"`(\w+)`", cell)} <= known


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    targets = [target for target in re.findall(r"\]\(([^)]+)\)", text) if "://" not in target]
    missing = [target for target in targets if not (document.parent / target.split("#")[0]).exists()]
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_that_is_named_exists(document: Path) -> None:
    from qgen_dagster.cli.main import COMMANDS

    named = set(re.findall(r"`qgen ([a-z][a-z-]*)", document.read_text(encoding="utf-8")))
    assert named <= {entry.name for entry in COMMANDS}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_variable_that_is_named_is_read(document: Path) -> None:
    from qgen_dagster.config.settings import VARIABLES

    named = set(re.findall(r"`(QGEN_[A-Z_]+)", document.read_text(encoding="utf-8")))
    assert named <= set(VARIABLES)


def test_every_make_target_of_the_readme_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"make ([a-z]+)", (ROOT / "README.md").read_text(encoding="utf-8")):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
