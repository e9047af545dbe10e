"""Facts as Dagster metadata: numbers under stable keys (the UI plots them), tables, sample questions as Markdown.

Not here: the facts (`services/stage_report.py`), pictures (`pictures.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from qgen_dagster.core.inventory import InventoryAnalysis
from qgen_dagster.core.plan import GenerationPlan
from qgen_dagster.core.question import LABELS, Option, Question
from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster.defs.pictures import as_markdown_image, stock_heatmap

Metadata = dict[str, Any]
MAX_TABLE_ROWS = 500


def table(rows: Sequence[Mapping[str, Any]]) -> dg.TableMetadataValue:
    """Rows as a table, at most `MAX_TABLE_ROWS`: megabytes of metadata freeze the UI."""
    records = [dg.TableRecord(dict(row)) for row in rows[:MAX_TABLE_ROWS]]
    columns = [dg.TableColumn(name, _column_type(value)) for name, value in (rows[0] if rows else {}).items()]
    return dg.MetadataValue.table(records, schema=dg.TableSchema(columns))


def inventory_metadata(analysis: InventoryAnalysis) -> Metadata:
    """The stock: totals, heatmap, table."""
    return {
        "total_active": analysis.total,
        "total_deficit": analysis.total_deficit,
        "strata_below_target": len(analysis.strata_below_target),
        "critical_strata": len(analysis.critical_strata),
        "stock": dg.MetadataValue.md(as_markdown_image(stock_heatmap(analysis), "stock per stratum")),
        "strata": table(
            [
                {
                    "stratum": s.stratum.key,
                    "active": s.current_count,
                    "target": s.target_count,
                    "deficit": s.deficit,
                    "level": s.level.value,
                }
                for s in analysis.strata
            ]
        ),
    }


def plan_metadata(plan: GenerationPlan) -> Metadata:
    """The plan: total, per type, per stratum."""
    return {
        "planned": plan.total_questions,
        "strata_planned": len(plan.strata),
        "allocations": table([{"stratum": s.key, "planned": count} for s, count in plan.allocations.items()]),
    }


def stage_metadata(numbers: Mapping[Stratum, Mapping[str, int]]) -> Metadata:
    """A stage over several strata: the sums, and a table of the strata."""
    sums: dict[str, int] = {}
    for row in numbers.values():
        for name, value in row.items():
            sums[name] = sums.get(name, 0) + value
    rows = [{"stratum": stratum.key, **row} for stratum, row in numbers.items()]
    return {**sums, **({"strata": table(rows)} if rows else {})}


def samples_metadata(questions: Sequence[Question]) -> Metadata:
    """A few questions to read, or nothing."""
    if not questions:
        return {}
    return {"sample_questions": dg.MetadataValue.md("\n\n---\n\n".join(question_markdown(q) for q in questions))}


def question_markdown(question: Question) -> str:
    """A question as a reviewer wants to read it: as shown, then the key with its explanation."""
    parts = [f"**{question.stratum.key}** · {question.sub_type} · {question.item_model or 'LLM'}"]
    if question.stimulus:
        figure = question.stimulus.figure
        parts.append(as_markdown_image(figure, "stimulus") if figure else _quoted(question.stimulus.text))
    parts.append(_plain(question.stem))
    parts.append("\n".join(f"- {LABELS[i]}. {_option(option)}" for i, option in enumerate(question.options)))
    parts.append(f"Key: **{question.label}**. {_plain(question.explanation)}")
    return "\n\n".join(parts)


def _option(option: Option) -> str:
    if option.figure:
        return as_markdown_image(option.figure, "option")
    return _plain(option.text)


def _quoted(text: str) -> str:
    return "\n".join(f"> {_plain(line)}" for line in text.splitlines())


def _plain(text: str) -> str:
    """Text that Markdown leaves as it is."""
    for character in "\\`*_{}[]<>#|~":
        text = text.replace(character, f"\\{character}")
    return text.replace("\n", "  \n")


def _column_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return "int" if isinstance(value, int) else "float" if isinstance(value, float) else "string"
