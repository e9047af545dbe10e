"""The audit of the bank as an asset: each materialisation proves the keys that were longest unchecked once more.

Not here: the question line, whose judge has proved each key before (`bank.py`).
"""

import dagster as dg

from qgen_dagster.core.audit import AuditAction, AuditFinding
from qgen_dagster.defs.assets.bank import question_bank
from qgen_dagster.defs.assets.stage import GROUP, at_work
from qgen_dagster.defs.audit_resources import AuditResource


@dg.asset(group_name=GROUP, deps=[question_bank], kinds={"python"})
def bank_audit(audit: AuditResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Keys of active questions, proved once more; what does not hold is taken out, never below a stratum's floor."""
    with at_work(audit) as run:
        outcome = run.check()
    return dg.MaterializeResult(
        metadata={
            "due": outcome.due,
            "checked": outcome.checked,
            "unanswered": outcome.unanswered,
            **{finding.value: outcome.found(finding) for finding in AuditFinding},
            "deactivated": outcome.ended(AuditAction.DEACTIVATED),
            "spared": outcome.ended(AuditAction.SPARED),
        }
    )
