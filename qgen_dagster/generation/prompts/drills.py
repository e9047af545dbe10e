"""The prompt that asks for a batch of drills, with its version.

It knows texts only: what a position looks like and what a methodology asks for is handed in. Not here: those texts
(`drills/asking.py`), reading the reply (`drills/replies.py`), the prompts of questions (`render.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qgen_dagster.generation.prompts import schemas
from qgen_dagster.generation.prompts.files import Prompts, fill
from qgen_dagster.generation.prompts.render import VersionedPrompt, version_of


def drill_prompt(
    prompts: Prompts,
    asked: Sequence[str],
    principles: Mapping[str, str],
    methodologies: Mapping[str, str],
    problems: Sequence[str] = (),
) -> VersionedPrompt:
    """Asks for one drill for each text of `asked`. `problems` were found with what an earlier call brought."""
    texts = prompts.drill
    system = fill(texts.system, {"principles": _listed(principles), "methodologies": _listed(methodologies)})
    refused = fill(texts.refused, {"problems": "\n".join(f"- {problem}" for problem in problems)}) if problems else ""
    values = {
        "count": "1 drill" if len(asked) == 1 else f"{len(asked)} drills",
        "drills": "\n\n".join(f"<drill>\n{text}\n</drill>" for text in asked),
        "refused": refused,
    }
    return VersionedPrompt(
        system=system,
        user=f"Task: drill\nCount: {len(asked)}\n\n" + fill(texts.user, values).rstrip() + "\n",
        schema_name="drills",
        schema=schemas.DRILLS,
        version=version_of(texts.label, [system, texts.user, texts.refused, schemas.DRILLS]),
    )


def _listed(texts: Mapping[str, str]) -> str:
    return "\n".join(f"- {name}: {text}" for name, text in texts.items())
