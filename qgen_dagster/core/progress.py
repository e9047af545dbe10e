"""How a run tells what it is doing, while it is doing it.

Here: `Progress`, the one small event and its sentence, and `Notice`. Not here: showing it (the CLI draws it, Dagster
logs it).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProgressEvent:
    """Something moved on in one group (a stratum, a series); `group_noun` is the word for such a group.

    `stage` is the verb in the past tense: Generated, Judged, Deduplicated, Inserted. `batch` counts finished batches.
    """

    stage: str
    group: str
    done: int
    total: int
    batch: int | None = None
    batches: int | None = None
    noun: str = "questions"
    note: str = ""
    group_noun: str = "stratum"

    def sentence(self) -> str:
        """For example `Generated 15/25 questions (batch 3/5)`."""
        batch = f" (batch {self.batch}/{self.batches})" if self.batches else ""
        return f"{self.stage} {self.done}/{self.total} {self.noun}{batch}"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the operator should know, said once in a run."""

    text: str


Progress = Callable[[ProgressEvent | Notice], None]


def silent(_: ProgressEvent | Notice) -> None:
    """Shows nothing."""
