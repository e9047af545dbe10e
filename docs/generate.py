"""Writes the parts of the documentation that come from code: `make docs`. A test fails when they have drifted."""

from __future__ import annotations

import re
from pathlib import Path

from qgen_dagster.config.settings import VARIABLES

OPERATIONS = Path(__file__).with_name("operations.md")


def operations(text: str) -> str:
    """docs/operations.md with the table of settings brought up to date."""
    rows = "".join(f"| `{name}` | {meaning} |\n" for name, meaning in VARIABLES.items())
    table = f"<!-- variables -->\n| variable | meaning |\n|---|---|\n{rows}<!-- end -->"
    return re.sub(r"<!-- variables -->.*?<!-- end -->", lambda _: table, text, flags=re.DOTALL)


if __name__ == "__main__":
    OPERATIONS.write_text(operations(OPERATIONS.read_text(encoding="utf-8")), encoding="utf-8")
