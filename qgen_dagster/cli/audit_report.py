"""What an audit of the bank found, for a terminal and as JSON.

Not here: auditing (`services/bank_audit.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qgen_dagster.cli.output import Output, heading, money, pairs, short, span
from qgen_dagster.core.audit import AuditAction, AuditFinding
from qgen_dagster.core.errors import ExitCode

if TYPE_CHECKING:
    from uuid import UUID

    from qgen_dagster.bank.audits import AuditRecord
    from qgen_dagster.bank.engine import Bank

SHOWN = 20  # questions that are named; all are in the JSON's count and on record
_WHY = {
    AuditFinding.WRONG.value: "wrong key",
    AuditFinding.AMBIGUOUS.value: "key cannot be proved",
}


def tell(output: Output, bank: Bank, run_id: UUID, error: BaseException | None) -> ExitCode:
    """Shows the audit and returns its exit code. Raises the error that kept it from starting."""
    from qgen_dagster.bank import audits
    from qgen_dagster.bank.runs import get_run

    with bank.begin() as tx:
        row = get_run(tx, run_id)
        counts = audits.audit_counts(tx, run_id)
        wanting = audits.wanting(tx, run_id, SHOWN)
    if row is None:
        raise error or RuntimeError("the audit left no record")
    code = ExitCode(row["exit_code"])
    by_finding = {each.value: sum(n for (f, _), n in counts.items() if f is each) for each in AuditFinding}
    by_action = {each.value: sum(n for (_, a), n in counts.items() if a is each) for each in AuditAction}
    output.json(
        {
            "run": run_id,
            "status": row["status"],
            "due": row["questions_requested"],
            "checked": row["questions_evaluated"],
            "found": by_finding,
            "became": by_action,
            "wanting": [_wanting_json(record) for record in wanting],
            "cost_usd": row["cost_usd"],
            "seconds": row["duration_seconds"],
            "stop_reason": row["stop_reason"],
            "error": row["error"],
            "exit_code": int(code),
        }
    )
    if not output.as_json:
        _show(output, row, by_finding, by_action, wanting)
    return code


def _wanting_json(record: AuditRecord) -> dict[str, Any]:
    return {
        "question": record.question_id,
        "finding": record.finding.value,
        "action": record.action.value,
        "evidence": record.evidence,
    }


def _show(
    output: Output,
    row: dict[str, Any],
    by_finding: dict[str, int],
    by_action: dict[str, int],
    wanting: list[AuditRecord],
) -> None:
    facts = [
        ("due", f"{row['questions_requested']:,}"),
        ("checked", f"{row['questions_evaluated']:,}"),
        ("key proved", f"{by_finding['proved']:,}"),
        *((why, f"{by_finding[name]:,}") for name, why in _WHY.items() if by_finding[name]),
        *([("nobody solves", f"{by_finding['unsolved']:,}")] if by_finding["unsolved"] else []),
        ("taken out", f"{by_action['deactivated']:,}"),
        *([("spared", f"{by_action['spared']:,}")] if by_action["spared"] else []),
        ("cost", money(row["cost_usd"])),
        ("duration", span(row["duration_seconds"])),
        ("ended", row["error"] or row["stop_reason"]),
    ]
    output.show(heading("Audit"), pairs(facts))
    if wanting:
        lines = [
            f"{short(record.question_id)}  {_WHY[record.finding.value]}, {record.action.value}: "
            f"by {record.evidence['solver']}"
            for record in wanting
        ]
        output.show("\n".join(lines), gap=True)
        output.show("One of them: qgen questions show ID", gap=True)
