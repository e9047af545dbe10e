"""Runs the benchmarks, each in a fresh process, and writes their Markdown to benchmarks/README.md.

`python -m benchmarks` runs all; `python -m benchmarks fill startup` only those, and keeps the other sections.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

README = Path(__file__).with_name("README.md")
BENCHMARKS = {
    "fill": "From an empty bank to 900 questions",
    "startup": "Starting the command line",
    "overhead": "What the chain adds to a bare Dagster run",
    "items": "Item models",
    "llm": "Writing with language models",
    "api": "The admin API over a million runs",
    "drills": "Drill series",
    "dedup_quality": "Deduplication: how well",
    "dedup_scale": "Deduplication: how fast as the bank grows",
}
HEAD = """# Benchmarks

Made by `make bench`; `python -m benchmarks NAME …` renews single sections. Ratios hold, seconds wobble.
"""


def main(names: list[str]) -> None:
    """Runs the named benchmarks, or all."""
    unknown = set(names) - set(BENCHMARKS)
    if unknown:
        sys.exit(f"unknown benchmark: {', '.join(sorted(unknown))}; known: {', '.join(BENCHMARKS)}")
    sections = read_sections()
    for name in names or BENCHMARKS:
        print(f"{name} …", file=sys.stderr, flush=True)
        done = subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{name} failed:\n{done.stderr}")
        machine = (
            f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
        )
        sections[name] = f"*{datetime.now(UTC):%Y-%m-%d}, {machine}*\n\n{done.stdout.strip()}\n"
        README.write_text(render(sections), encoding="utf-8")
    print(f"wrote {README}", file=sys.stderr)


def read_sections() -> dict[str, str]:
    """The sections that the file has, by benchmark."""
    if not README.exists():
        return {}
    found = re.findall(r"<!-- (\w+) -->\n(.*?)<!-- end -->", README.read_text(encoding="utf-8"), re.DOTALL)
    return {name: text.split("\n\n", 1)[1] for name, text in found}


def render(sections: dict[str, str]) -> str:
    """The whole file."""
    parts = [
        f"<!-- {name} -->\n## {title}\n\n{sections[name].rstrip()}\n<!-- end -->\n"
        for name, title in BENCHMARKS.items()
        if name in sections
    ]
    return "\n".join([HEAD, *parts])


if __name__ == "__main__":
    main(sys.argv[1:])
