"""Facts as Dagster metadata: numbers under stable keys (the UI plots them), tables, sample questions as Markdown.

Not here: the facts (`services/stage_report.py`, `services/run_record.py`), pictures (`pictures.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from qgen_dagster.core.funnel import Funnel
from qgen_dagster.core.inventory import InventoryAnalysis
from qgen_dagster.core.plan import GenerationPlan
from qgen_dagster.core.question import LABELS, Option, Question
from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster.defs.pictures import as_markdown_image, figure_as_markdown_image, funnel_bars, stock_heatmap
from qgen_dagster.services.run_record import RunRecord

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


def run_metadata(record: RunRecord, dashboard_url: str | None = None) -> Metadata:
    """A run: where every requested question went, in all and per stratum, how long it took and what it cost.

    With the dashboard's address, a link to the run's page there.
    """
    link = {"dashboard": dg.MetadataValue.url(f"{dashboard_url}/runs/{record.run_id}")} if dashboard_url else {}
    rates = {
        name: value
        for name in ("overall_success_rate", "approval_rate", "duplicate_rate", "avg_arbiter_score", "cost_usd")
        if (value := record.row[name]) is not None
    }
    return {
        "run_id": str(record.run_id),
        "status": record.row["status"],
        "requested": record.funnel.requested,
        "generated": record.funnel.generated,
        "inserted": record.funnel.inserted,
        "lost": record.funnel.lost,
        "pending": record.funnel.pending,
        "seconds": round(float(record.row["duration_seconds"] or 0), 2),
        "api_calls": record.row["total_api_calls"],
        "unpriced_calls": record.row["unpriced_calls"],
        **{name: float(value) for name, value in rates.items()},
        **link,
        "funnel": dg.MetadataValue.md(as_markdown_image(funnel_bars(record.funnel), "funnel")),
        "strata": table([_funnel_row(stratum, record.strata[stratum]) for stratum in record.strata]),
    }


def _funnel_row(stratum: Stratum, funnel: Funnel) -> dict[str, Any]:
    losses = ", ".join(f"{loss.value} {count}" for loss, count in funnel.losses.items() if count)
    return {
        "stratum": stratum.key,
        "requested": funnel.requested,
        "generated": funnel.generated,
        "inserted": funnel.inserted,
        "lost": funnel.lost,
        "waiting": funnel.pending,
        "losses": losses or "none",
    }


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
        parts.append(figure_as_markdown_image(figure, "stimulus") if figure else _quoted(question.stimulus.text))
    parts.append(_plain(question.stem))
    parts.append("\n".join(f"- {LABELS[i]}. {_option(option)}" for i, option in enumerate(question.options)))
    parts.append(f"Key: **{question.label}**. {_plain(question.explanation)}")
    return "\n\n".join(parts)


def _option(option: Option) -> str:
    if option.figure:
        return figure_as_markdown_image(option.figure, "option")
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
