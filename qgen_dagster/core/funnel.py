"""Where every requested question went.

Here: candidate states, the named losses, and `Funnel` with its identity
requested = inserted + every named loss + pending. Not here: the rows that it is counted from (`bank/candidates.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class CandidateState(StrEnum):
    """Where a candidate stands. The first three are pending; each other one is final."""

    GENERATED = "generated"  # waits for the judge
    APPROVED = "approved"  # waits for deduplication
    UNIQUE = "unique"  # waits for insertion
    INSERTED = "inserted"
    REJECTED = "rejected"
    DUPLICATE = "duplicate"
    SURPLUS = "surplus"  # sound, but its stratum was full when it came to be inserted
    FAILED = "failed"  # the database refused it
    SUPERSEDED = "superseded"  # salvage made another candidate of it, which holds its place in the funnel


PENDING_STATES = (CandidateState.GENERATED, CandidateState.APPROVED, CandidateState.UNIQUE)


class Reason(StrEnum):
    """Why a candidate ended as rejected or duplicate."""

    FLAWED = "flawed"  # breaks an item-writing rule
    LOW_SCORE = "low_score"
    LEAKED = "leaked"  # the key can be read off the question
    WRONG_KEY = "wrong_key"
    AMBIGUOUS = "ambiguous"
    OFF_BAND = "off_band"  # its difficulty fits no stratum of its type
    EXACT = "exact"
    STRUCTURAL = "structural"
    SEMANTIC = "semantic"


class Loss(StrEnum):
    """Every way in which a requested question can fail to reach the bank, in pipeline order."""

    NOT_GENERATED = "not_generated"
    SATURATED = "saturated"  # the provider had nothing new left for the stratum
    FLAWED = "flawed"
    LOW_SCORE = "low_score"
    LEAKED = "leaked"
    WRONG_KEY = "wrong_key"
    AMBIGUOUS = "ambiguous"
    OFF_BAND = "off_band"
    DUPLICATE_EXACT = "duplicate_exact"
    DUPLICATE_STRUCTURAL = "duplicate_structural"
    DUPLICATE_SEMANTIC = "duplicate_semantic"
    SURPLUS = "surplus"
    INSERTION_FAILED = "insertion_failed"


DUPLICATE_LOSSES = (Loss.DUPLICATE_EXACT, Loss.DUPLICATE_STRUCTURAL, Loss.DUPLICATE_SEMANTIC)
_LOSS_OF_STATE = {CandidateState.SURPLUS: Loss.SURPLUS, CandidateState.FAILED: Loss.INSERTION_FAILED}


@dataclass(frozen=True)
class Funnel:
    """Counts of one run, stratum or history. A place (one requested question) is counted once.

    `generated` counts places that a provider filled; `salvaged` counts inserted candidates that salvage rescued;
    `reclassified_in`/`_out` count candidates that moved between difficulties (they are requested in the stratum they
    left and inserted in the one they joined, so the identity holds for whole types, and for strata with these two).
    """

    requested: int = 0
    generated: int = 0
    inserted: int = 0
    pending: int = 0
    losses: Mapping[Loss, int] = field(default_factory=dict)
    salvaged: int = 0
    reclassified_in: int = 0
    reclassified_out: int = 0

    @property
    def lost(self) -> int:
        return sum(self.losses.values())

    @property
    def duplicates(self) -> int:
        return sum(self.losses.get(loss, 0) for loss in DUPLICATE_LOSSES)

    @property
    def balance(self) -> int:
        """0 when every requested question is accounted for; anything else is a bug."""
        arrived = self.requested + self.reclassified_in - self.reclassified_out
        return arrived - self.inserted - self.lost - self.pending

    def __add__(self, other: Funnel) -> Funnel:
        losses = {loss: self.losses.get(loss, 0) + other.losses.get(loss, 0) for loss in Loss}
        return Funnel(
            requested=self.requested + other.requested,
            generated=self.generated + other.generated,
            inserted=self.inserted + other.inserted,
            pending=self.pending + other.pending,
            losses={loss: count for loss, count in losses.items() if count},
            salvaged=self.salvaged + other.salvaged,
            reclassified_in=self.reclassified_in + other.reclassified_in,
            reclassified_out=self.reclassified_out + other.reclassified_out,
        )


def loss_of(state: CandidateState, reason: Reason | None) -> Loss | None:
    """The loss that a final state stands for; None for inserted and for states that are not final."""
    if state is CandidateState.REJECTED and reason is not None:
        return Loss(reason.value)
    if state is CandidateState.DUPLICATE and reason is not None:
        return Loss(f"duplicate_{reason.value}")
    return _LOSS_OF_STATE.get(state)


def sum_funnels(funnels: Iterable[Funnel]) -> Funnel:
    """All counts added up."""
    return sum(funnels, Funnel())


def ratio(part: int, whole: int) -> float | None:
    """part / whole, or None where there is nothing to divide by: an unmeasured rate is not a rate of zero."""
    return part / whole if whole else None
