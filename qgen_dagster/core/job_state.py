"""Where a provider's batch job stands, as the bank remembers it.

Here: `JobState`. Not here: the job itself (`bank/jobs.py`), what a provider says of it (`generation/llm.py`).
"""

from __future__ import annotations

from enum import StrEnum


class JobState(StrEnum):
    """PREPARED: on record, and perhaps handed in. RUNNING: the provider has it. The others are final.

    LOST: it never reached the provider, so its calls count as never tried. FAILED: refused, or ended without results.
    """

    PREPARED = "prepared"
    RUNNING = "running"
    ENDED = "ended"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    FAILED = "failed"
    LOST = "lost"


OPEN = (JobState.PREPARED, JobState.RUNNING)
# What has been tried and will not bring anything more.
OVER = (JobState.ENDED, JobState.EXPIRED, JobState.CANCELLED, JobState.FAILED)
