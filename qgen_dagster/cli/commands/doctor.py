"""`qgen doctor`: what is installed, reachable and configured, and how to mend what is not.

Not here: the checks (`services/doctor.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from qgen_dagster.cli.app import Command, make_app
from qgen_dagster.cli.flags import CommonFlags, with_flags

if TYPE_CHECKING:
    from qgen_dagster.cli.output import Output
    from qgen_dagster.services.findings import Finding

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}

app = make_app()


@app.command(cls=Command)
@with_flags
def doctor(
    common: CommonFlags,
    live: Annotated[
        bool, typer.Option("--live", help="Call every configured language model once (costs a few cents at most).")
    ] = False,
) -> None:
    """Check the installation, the configuration and the databases, and say how to mend what is wrong.

    Exit code 0 unless something failed: 4 for a database, 3 for anything else; with --live 6 where a key is refused, 5
    where an account is empty, 1 where a provider does not answer. API keys are named, never shown.
    """
    from qgen_dagster.cli.errors import mask
    from qgen_dagster.cli.launcher import probe_dagster
    from qgen_dagster.cli.output import Output
    from qgen_dagster.services.doctor import examine, exit_code_of
    from qgen_dagster.services.findings import Health

    output = Output(as_json=common.json)
    findings = []
    for finding in examine(probe_dagster, live=live):
        findings.append(finding)
        _print(output, finding)
    code = exit_code_of(findings)
    output.json(
        {
            "exit_code": int(code),
            "checks": [
                {
                    "name": f.name,
                    "health": f.health.value,
                    "detail": mask(f.detail),
                    "mend": mask(f.mend) if f.mend else None,
                }
                for f in findings
            ],
        }
    )
    bad = sum(f.health is not Health.OK for f in findings)
    output.show("Everything is fine." if not bad else f"{bad} of {len(findings)} need attention.", gap=True)
    raise typer.Exit(int(code))


def _print(output: Output, finding: Finding) -> None:
    import textwrap

    from rich.text import Text

    from qgen_dagster.cli.errors import mask
    from qgen_dagster.cli.output import UNBOUNDED

    width = output.console.width if not output.as_json else UNBOUNDED
    indent = " " * 20
    detail = mask(finding.detail) if finding.mend is None else f"{mask(finding.detail)}\n→ {mask(finding.mend)}"
    lines = [
        part
        for line in detail.split("\n")
        for part in textwrap.wrap(line, max(20, width - 20), break_long_words=False, break_on_hyphens=False)
    ]
    text = Text(no_wrap=True, overflow="ignore")
    text.append(f"{finding.health.value:<5} ", style=_STYLES[finding.health.value])
    text.append(f"{finding.name:<13} ")
    text.append(f"\n{indent}".join(lines))
    output.show(text)
