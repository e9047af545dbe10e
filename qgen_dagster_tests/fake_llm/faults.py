"""What can be made to go wrong, and when.

Here: `Fault`, its short form for the command line, and `FaultPlan`, which chooses per call. Not here: what a fault does
to a reply (`damage.py` for its text, `errors.py` for statuses, `transport.py` for the delivery).
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

# Answered with an error. `quota` is money spent, in each provider's own form; 529 is Anthropic's "overloaded".
STATUS_KINDS = ("400", "401", "403", "404", "408", "409", "413", "422", "429", "500", "502", "503", "529", "quota")
# Answered well, but it does not arrive well. `malformed_body` and `html` are a reply of status 200 that is no JSON.
DELIVERY_KINDS = ("timeout", "reset", "drip", "malformed_body", "html")
# What the model says as a whole.
REPLY_KINDS = (
    *("empty", "truncated", "refusal", "wrong_schema", "malformed_text"),
    *("fences", "several_objects", "prose", "language"),
)
# What is wrong with the questions; these meet only calls that generate.
QUESTION_KINDS = (
    *("too_few", "too_many", "duplicates", "no_key", "key_letter", "key_index", "key_spacing"),
    *("wrong_key", "ambiguous", "leak", "wrong_difficulty"),
)
# What is wrong with drills; some of it can be wrong with questions too. These meet only calls that ask for drills.
OWN_DRILL_KINDS = ("illegal_move", "wrong_dice", "unknown_position")
DRILL_KINDS = ("too_few", "too_many", "duplicates", "no_key", "wrong_key", *OWN_DRILL_KINDS)
KINDS = STATUS_KINDS + DELIVERY_KINDS + REPLY_KINDS + QUESTION_KINDS + OWN_DRILL_KINDS

# Calls of a model; a fault that names no task meets these.
MODEL_TASKS = ("generate", "solve", "arbitrate", "compare", "drill", "other", "embed")
# The rest of the API; a fault meets these only where it names them.
SERVICE_TASKS = ("models", "count", "files", "batch", "poll", "results", "list", "cancel")
TASKS = MODEL_TASKS + SERVICE_TASKS

Api = Literal["online", "batch"]


@dataclass(slots=True)
class Fault:
    """One thing to go wrong: in `share` of the calls that it may meet, and at the `calls` of that number (from 1).

    It may meet calls of `provider` and `task` (None: any model call). `count` bounds how often. `api` "batch" lets a
    status meet single requests of batch jobs; otherwise statuses and deliveries meet online calls only.
    `retry_after` (429) and `seconds` (timeout, drip) are in seconds.
    """

    kind: str
    share: float = 0.0
    calls: tuple[int, ...] = ()
    provider: str | None = None
    task: str | None = None
    api: Api | None = None
    count: int | None = None
    retry_after: int = 1
    seconds: float | None = None
    seen: int = field(default=0, compare=False)
    fired: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        self.calls = tuple(self.calls)
        if self.kind not in KINDS:
            raise ValueError(f"no fault is called {self.kind!r}; there are {', '.join(KINDS)}")
        if self.task is not None and self.task not in TASKS:
            raise ValueError(f"no task is called {self.task!r}; there are {', '.join(TASKS)}")
        if not 0 <= self.share <= 1:
            raise ValueError(f"a share lies between 0 and 1, not at {self.share}")

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Reads `KIND:SHARE`, `KIND:@2,5` (the second and fifth call) and more fields after it, as in
        `429:0.1:provider=openai:task=solve:count=3:retry_after=2`. Raises ValueError.
        """
        kind, _, rest = text.partition(":")
        when, *fields = rest.split(":") if rest else ["1"]
        values: dict[str, Any] = {}
        if when.startswith("@"):
            values["calls"] = tuple(int(number) for number in when[1:].split(","))
        else:
            values["share"] = float(when)
        for assignment in fields:
            name, _, value = assignment.partition("=")
            values[name] = _FIELDS[name](value) if name in _FIELDS else value
        try:
            return cls(kind, **values)
        except TypeError as error:
            raise ValueError(f"cannot read the fault {text!r}: {error}") from error

    @classmethod
    def of(cls, value: Fault | str | Mapping[str, Any]) -> Fault:
        """From itself, its short form or its fields. Raises ValueError."""
        if isinstance(value, Fault):
            return value
        return cls.parse(value) if isinstance(value, str) else cls(**value)

    def may_meet(self, provider: str, task: str, api: Api) -> bool:
        """Whether it may meet such a call at all."""
        if self.provider not in (None, provider) or self.api not in (None, api):
            return False
        meant = MODEL_TASKS if self.task is None else (self.task,)
        if task not in meant:
            return False
        if self.kind in QUESTION_KINDS + OWN_DRILL_KINDS:
            kinds = {"generate": QUESTION_KINDS, "drill": DRILL_KINDS}.get(task, ())
            return self.kind in kinds
        if self.kind in REPLY_KINDS and task in ("embed", *SERVICE_TASKS):
            return False
        if api == "batch":
            return self.kind not in DELIVERY_KINDS and (self.kind not in STATUS_KINDS or self.api == "batch")
        return True


_FIELDS = {"count": int, "retry_after": int, "seconds": float}


class FaultPlan:
    """Chooses at most one fault per call, the same for the n-th call of a provider and task under the same seed."""

    def __init__(self, faults: Iterable[Fault], seed: int) -> None:
        self.faults = list(faults)
        self._seed = seed
        self._calls: Counter[tuple[str, str, str]] = Counter()

    def reset(self) -> None:
        """Counts calls from the start again."""
        self._calls.clear()
        for fault in self.faults:
            fault.seen = fault.fired = 0

    def choose(self, provider: str, task: str, api: Api) -> Fault | None:
        """What goes wrong with this call."""
        self._calls[provider, task, api] += 1
        if not self.faults:
            return None
        draw = random.Random(f"{self._seed}/{provider}/{task}/{api}/{self._calls[provider, task, api]}").random()
        chosen = None
        for fault in self.faults:
            if not fault.may_meet(provider, task, api):
                continue
            fault.seen += 1
            if fault.count is not None and fault.fired >= fault.count:
                continue
            hit = fault.seen in fault.calls or 0 <= draw < fault.share
            draw -= fault.share  # shares add up: one draw falls into at most one of them
            if hit and not chosen:
                fault.fired += 1
                chosen = fault
        return chosen
