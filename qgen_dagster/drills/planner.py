"""Which position, methodology and batch each drill of a series gets, decided before anything is made.

Here: `plan_series`. It keeps the quotas of the curriculum, gives every position away at most once, and depends on its
arguments alone. Not here: choosing the positions (`library.py`), making drills (`design.py` or a language model).

The choice is a flow: from tiers to their methodologies, on to the positions that lend themselves to each, on to the
phases. As long as the even quotas are in the way, they are widened to the limits; what still does not fit is not made.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qgen_dagster.config.drills import Curriculum
from qgen_dagster.core.drills import Phase, Position, Slot, Tier

BATCH_SIZE = 5
Node = tuple[str, str]
SOURCE: Node = ("source", "")
SINK: Node = ("sink", "")


@dataclass(frozen=True)
class SeriesPlan:
    """The slots of a series in order, and what it had to give up."""

    slots: tuple[Slot, ...]
    warnings: tuple[str, ...]

    @property
    def batches(self) -> tuple[tuple[Slot, ...], ...]:
        """The slots by batch."""
        found: dict[int, list[Slot]] = {}
        for slot in self.slots:
            found.setdefault(slot.batch, []).append(slot)
        return tuple(tuple(slots) for slots in found.values())


def plan_series(
    positions: Sequence[Position],
    possible: Mapping[str, Sequence[str]],
    count: int,
    curriculum: Curriculum,
    *,
    seed: int,
    batch_size: int = BATCH_SIZE,
) -> SeriesPlan:
    """The plan of `count` drills from the loaded positions.

    `possible` names the methodologies that each position lends itself to, by position id. Phases share the drills
    evenly, as far as their positions reach; tiers too. Slots go by phase and, within it, from recognition to transfer.
    """
    target = min(count, len(positions))
    chosen: dict[str, str] = {}
    while target > 0:
        chosen = _assign(positions, possible, target, curriculum, seed)
        if len(chosen) == target:
            break
        target = len(chosen)  # fewer drills have tighter limits, so the smaller series is planned anew
        chosen = {}
    slots = _slots(positions, chosen, curriculum, seed, batch_size)
    return SeriesPlan(slots, _warnings(count, len(positions), len(slots)))


def _warnings(count: int, positions: int, planned: int) -> tuple[str, ...]:
    if planned == count:
        return ()
    if positions < count:
        return (f"{planned} drills of {count}: there are only {positions} positions, and each is used once",)
    return (f"{planned} drills of {count}: the positions do not lend themselves to more within the quotas",)


def _assign(
    positions: Sequence[Position], possible: Mapping[str, Sequence[str]], count: int, curriculum: Curriculum, seed: int
) -> dict[str, str]:
    """Position ids and their methodologies, at most `count`."""
    rng = random.Random(f"{seed}/plan/{count}")
    methods = list(curriculum.methodologies)
    rng.shuffle(methods)
    order = list(positions)
    rng.shuffle(order)
    tiers = {curriculum.methodologies[name].tier for name in methods}
    room = Counter(position.phase for position in positions)
    flow = _Flow()
    for method in methods:
        flow.join(("tier", curriculum.methodologies[method].tier), ("method", method), 0)
        for position in order:
            if method in possible.get(position.id, ()):
                flow.join(("method", method), ("position", position.id), 1)
    for position in order:
        flow.join(("position", position.id), ("phase", position.phase), 1)
    per_tier = _evenly(count, {tier: count for tier in Tier if tier in tiers})
    per_phase = _evenly(count, {phase: room[phase] for phase in Phase if room[phase]})
    per_method = {
        name: n for tier in per_tier for name, n in _in_tier(per_tier[tier], tier, methods, curriculum).items()
    }
    most_tier, most_method = curriculum.most_of_a_tier(count), curriculum.most_of_a_methodology(count)
    widened = dict.fromkeys(methods, most_method)
    # First everything even, then any methodology up to its limit, then tiers, then phases.
    for tier_limits, method_limits, phase_limits in (
        (per_tier, {name: min(n, most_method) for name, n in per_method.items()}, per_phase),
        (per_tier, widened, per_phase),
        (dict.fromkeys(per_tier, most_tier), widened, per_phase),
        (dict.fromkeys(per_tier, most_tier), widened, dict(room)),
    ):
        for tier, limit in tier_limits.items():
            flow.widen(SOURCE, ("tier", tier), limit)
        for name, limit in method_limits.items():
            flow.widen(("tier", curriculum.methodologies[name].tier), ("method", name), limit)
        for phase, limit in phase_limits.items():
            flow.widen(("phase", phase), SINK, limit)
        flow.fill(count)
    return {
        position.id: method
        for position in positions
        for method in methods
        if flow.carries(("method", method), ("position", position.id))
    }


def _evenly(count: int, room: Mapping[str, int]) -> dict[str, int]:
    """`count` shared one at a time, in order, among those that have room."""
    shares = dict.fromkeys(room, 0)
    while count and any(shares[name] < room[name] for name in room):
        for name in room:
            if count and shares[name] < room[name]:
                shares[name] += 1
                count -= 1
    return shares


def _in_tier(count: int, tier: str, methods: Sequence[str], curriculum: Curriculum) -> dict[str, int]:
    return _evenly(count, {name: count for name in methods if curriculum.methodologies[name].tier == tier})


def _slots(
    positions: Sequence[Position], chosen: Mapping[str, str], curriculum: Curriculum, seed: int, batch_size: int
) -> tuple[Slot, ...]:
    phases, tiers = list(Phase), list(Tier)
    rng = random.Random(f"{seed}/order")
    taken = [position for position in positions if position.id in chosen]
    rng.shuffle(taken)

    def tier_of(position: Position) -> Tier:
        return curriculum.methodologies[chosen[position.id]].tier

    # Within a phase and a tier the methodologies take turns, so that few of a kind follow each other.
    turns: Counter[tuple[str, str]] = Counter()
    turn = {}
    for position in taken:
        turn[position.id] = turns[position.phase, chosen[position.id]]
        turns[position.phase, chosen[position.id]] += 1

    def place(position: Position) -> tuple[int, int, int]:
        return phases.index(position.phase), tiers.index(tier_of(position)), turn[position.id]

    taken.sort(key=place)
    return tuple(
        Slot(index, index // batch_size, position.id, position.phase, tier_of(position), chosen[position.id])
        for index, position in enumerate(taken)
    )


class _Flow:
    """A network with whole capacities, filled along shortest ways. Capacities may grow between fillings."""

    def __init__(self) -> None:
        self._room: dict[Node, dict[Node, int]] = {}
        self._carried: Counter[tuple[Node, Node]] = Counter()
        self._total = 0

    def join(self, start: Node, end: Node, capacity: int) -> None:
        self._room.setdefault(start, {})[end] = capacity
        self._room.setdefault(end, {}).setdefault(start, 0)

    def widen(self, start: Node, end: Node, capacity: int) -> None:
        """Raises the capacity of a way to `capacity`, whatever it carries already; never lowers it."""
        if end not in self._room.setdefault(start, {}):
            self.join(start, end, 0)
        self._room[start][end] = max(self._room[start][end], capacity - self._carried[start, end])

    def fill(self, most: int) -> None:
        while self._total < most and (way := self._way()):
            for start, end in way:
                self._room[start][end] -= 1
                self._room[end][start] += 1
                self._carried[start, end] += 1
                self._carried[end, start] -= 1
            self._total += 1

    def carries(self, start: Node, end: Node) -> bool:
        return self._carried[start, end] > 0

    def _way(self) -> list[tuple[Node, Node]]:
        came: dict[Node, Node] = {}
        waiting = deque([SOURCE])
        while waiting:
            node = waiting.popleft()
            for following, room in self._room.get(node, {}).items():
                if room > 0 and following not in came and following != SOURCE:
                    came[following] = node
                    waiting.append(following)
        way = []
        node = SINK
        while node in came:
            way.append((came[node], node))
            node = came[node]
        return way[::-1]
