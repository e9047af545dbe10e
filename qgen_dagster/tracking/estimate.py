"""What a planned run will ask of language models: calls, tokens and cost by purpose and model. Pure.

Two sources: what the last runs needed (calls a batch, calls a question, tokens a call), and where nothing was measured
the bounds of the configuration; then the estimate says "at most". Calls that fail are within what was measured; bounds
leave them out. Not here: reading either of them (`services/forecast.py`).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

GENERATE, SOLVE, ARBITRATE, COMPARE = "generate", "solve", "arbitrate", "compare"
MOST_SOLVERS = 3  # two always answer, a third where they disagree
MOST_ARBITERS = 2  # a second one for scores near the threshold


@dataclass(frozen=True, slots=True)
class Maker:
    """A model that makes `share` (0 to 1) of a portion's questions, and who solves and judges what it makes, in order.

    The first two solvers answer always. Without solvers or arbiters its questions wait.
    """

    model: str
    share: float
    solvers: tuple[str, ...]
    arbiters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Portion:
    """Questions of one type to be asked for: `wanted` in the bank, `requested` so many, in so many batches.

    No makers: item models make and judge them, and nobody is called.
    """

    question_type: str
    wanted: int
    requested: int
    batches: int
    makers: tuple[Maker, ...]


@dataclass(frozen=True, slots=True)
class PerCall:
    """Tokens of one call. `questions`: for how many questions a call that makes some was; its output grows with them.

    `measured`: over how many calls this is the average; 0: the most that a call can use.
    """

    input_tokens: float
    output_tokens: float
    cached_tokens: float = 0.0
    questions: float | None = None
    measured: int = 0

    def output_for(self, questions: float) -> float:
        """Output tokens of a call for so many questions."""
        return self.output_tokens * questions / self.questions if self.questions else self.output_tokens


@dataclass(frozen=True)
class Rates:
    """What the last runs needed: calls that make questions per batch, others per question asked for, by purpose."""

    runs: int
    questions: int
    per_batch: float
    per_question: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Line:
    """Calls of one model for one purpose. `usd` None: it has no price."""

    purpose: str
    model: str
    calls: int
    input_tokens: int
    output_tokens: int
    usd: Decimal | None
    measured: int


@dataclass(frozen=True)
class Estimate:
    """The whole run. `rates` None: nothing was measured yet. `usd` leaves models without a price out (`unpriced`)."""

    lines: tuple[Line, ...]
    portions: tuple[Portion, ...]
    rates: Rates | None

    @property
    def calls(self) -> int:
        return sum(line.calls for line in self.lines)

    @property
    def input_tokens(self) -> int:
        return sum(line.input_tokens for line in self.lines)

    @property
    def output_tokens(self) -> int:
        return sum(line.output_tokens for line in self.lines)

    @property
    def usd(self) -> Decimal:
        return sum((line.usd for line in self.lines if line.usd is not None), Decimal())

    @property
    def unpriced(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(line.model for line in self.lines if line.usd is None))

    @property
    def at_most(self) -> bool:
        """Whether any number is a bound rather than measured."""
        return bool(self.lines) and (self.rates is None or any(not line.measured for line in self.lines))


# (purpose, model) → tokens of a call
Usage = Callable[[str, str], PerCall]
# (purpose, model, tokens of a call) → USD, None without a price
Price = Callable[[str, str, PerCall], Decimal | None]


def estimate(
    portions: Iterable[Portion], rates: Rates | None, usage: Usage, price: Price, *, regenerations: int = 0
) -> Estimate:
    """Calls, tokens and cost of the portions. `regenerations`: the most questions of the run that are made again."""
    given = tuple(portions)
    calls: dict[tuple[str, str], float] = defaultdict(float)
    asked: dict[str, float] = defaultdict(float)  # questions asked for, and the batches for them, by who makes them
    batches: dict[str, float] = defaultdict(float)
    for portion in given:
        for maker in portion.makers:
            made = portion.requested * maker.share
            asked[maker.model] += made
            batches[maker.model] += portion.batches * maker.share
            calls[GENERATE, maker.model] += portion.batches * maker.share * (rates.per_batch if rates else 1.0)
            _add_judging(calls, maker, made, rates)
    _add_regenerations(calls, given, rates, regenerations)
    sizes = {model: asked[model] / batches[model] for model in batches if batches[model]}
    lines = [_line(key, number, sizes, usage, price) for key, number in calls.items() if number > 0]
    order = (GENERATE, SOLVE, ARBITRATE, COMPARE)
    lines.sort(key=lambda line: (order.index(line.purpose), line.model))
    return Estimate(tuple(lines), given, rates)


def shares(rate: float, most: int) -> list[float]:
    """How many of `rate` calls a question go to each of `most` models in turn: one each, what remains to the last."""
    found = [min(1.0, max(0.0, rate - place)) for place in range(most)]
    found[-1] += max(0.0, rate - most)  # made again after errors
    return found


def _add_judging(calls: dict[tuple[str, str], float], maker: Maker, made: float, rates: Rates | None) -> None:
    if not maker.solvers or not maker.arbiters:
        return
    solving = rates.per_question.get(SOLVE, 0.0) if rates else float(MOST_SOLVERS)
    for place, share in enumerate(_solver_shares(solving)):
        calls[SOLVE, maker.solvers[place % len(maker.solvers)]] += made * share
    arbiters = min(MOST_ARBITERS, len(maker.arbiters))
    judging = rates.per_question.get(ARBITRATE, 0.0) if rates else float(arbiters)
    for place, share in enumerate(shares(judging, arbiters)):
        calls[ARBITRATE, maker.arbiters[place]] += made * share
    comparing = rates.per_question.get(COMPARE, 0.0) if rates else 1.0
    calls[COMPARE, maker.arbiters[0]] += made * comparing


def _solver_shares(rate: float) -> list[float]:
    """The first two solvers answer alike often, the third where they disagree."""
    both = min(rate, 2.0) / 2
    return [both, both, max(0.0, rate - 2.0)]


def _add_regenerations(
    calls: dict[tuple[str, str], float], portions: Sequence[Portion], rates: Rates | None, regenerations: int
) -> None:
    """Where nothing was measured, the questions that may be made again, by the model that makes most."""
    made: dict[Maker, float] = defaultdict(float)
    for portion in portions:
        for maker in portion.makers:
            made[maker] += portion.requested * maker.share
    if rates is None and made and regenerations:
        first = max(made, key=lambda maker: made[maker])
        calls[GENERATE, first.model] += regenerations
        _add_judging(calls, first, regenerations, None)


def _line(key: tuple[str, str], number: float, sizes: Mapping[str, float], usage: Usage, price: Price) -> Line:
    purpose, model = key
    one = usage(purpose, model)
    count = math.ceil(round(number, 6))
    output = one.output_for(sizes[model]) if purpose == GENERATE else one.output_tokens
    cost = price(purpose, model, replace(one, output_tokens=output))
    return Line(
        purpose=purpose,
        model=model,
        calls=count,
        input_tokens=round(one.input_tokens * count),
        output_tokens=round(output * count),
        usd=None if cost is None else cost * count,
        measured=one.measured,
    )
