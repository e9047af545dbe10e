"""Schedule: rules for the order of some tasks; which of the complete orders keeps all rules?

Radicals: number of tasks (4, 5, 6) and of rules (3, 4, 5); kinds of rule (plain order and fixed day are light; "not
next to", "exactly one day between" and rules with "if" are heavy). Each wrong order breaks exactly one rule, so every
rule has to be checked.
Incidentals: the tasks, the days or hours, the order of the rules.

Solver: reads the rules and tests each order shown against every rule.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import compress, permutations

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.language import capitalised, number_word
from qgen_dagster.generation.items.logic._common import balanced, mentioned, picks, sentences, success

# What is ordered: the opening sentence, how one of them is called in a rule, what one of them
# is, and their names.
THEMES = (
    ("A bakery makes {n} kinds of bread, one after another.", "the {} bread", "bread",
     ("rye", "wheat", "oat", "corn", "seed", "onion", "olive", "nut")),
    ("A school plans {n} lessons, one after another.", "{}", "lesson",
     ("art", "music", "geography", "history", "biology", "chemistry", "drama", "sport")),
    ("A band will play {n} pieces, one after another.", "the {}", "piece",
     ("waltz", "march", "tango", "ballad", "polka", "samba", "anthem", "fanfare")),
    ("A painter will use {n} colours, one after another.", "{}", "colour",
     ("red", "blue", "green", "yellow", "white", "black", "brown", "pink")),
    ("A guide visits {n} places, one after another.", "the {}", "place",
     ("tower", "museum", "harbour", "market", "castle", "park", "bridge", "theatre")),
    ("A cinema shows {n} films, one after another.", "the {}", "film",
     ("comedy", "thriller", "western", "musical", "romance", "mystery", "cartoon", "documentary")),
)  # fmt: skip
QUESTION = "Which of these orders, from first to last, keeps all the rules?"
# A rule: its kind and the tasks and numbers it is about. A task's number is its index in the list of tasks.
Rule = tuple[str, tuple[int, ...]]
Order = tuple[int, ...]
_BITS = bytes.maketrans(b"01", b"\x00\x01")


@dataclass(frozen=True)
class Plan:
    """What a level is made of."""

    tasks: int
    rules: int
    kinds: tuple[str, ...]
    options: int
    loads: tuple[float, float]


PLANS: dict[ItemLevel, Plan] = {
    "easy": Plan(4, 3, ("before", "before", "not_first", "not_last", "next"), 5, (2.2, 4.0)),
    "medium": Plan(5, 4, ("before", "not_first", "not_last", "next", "apart", "gap"), 5, (3.0, 7.0)),
    "hard": Plan(6, 5, ("before", "apart", "gap", "if_first", "if_before", "if_before"), 5, (7.0, 12.0)),
}
WEIGHT = {
    "before": 1.0, "not_first": 0.8, "not_last": 0.8, "next": 1.2,
    "apart": 1.5, "gap": 1.8, "if_first": 2.2, "if_before": 2.5,
}  # fmt: skip


class Schedule(ItemModel):
    name = "logic_schedule"
    family = "logic"
    sub_type = "scheduling"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        plan = PLANS[level]
        rules = _rules(plan, rng)
        broken = _by_broken_rule(rules, plan.tasks)
        key = broken[-1][rng.randrange(len(broken[-1]))]
        wrong = _wrong_orders(key, broken[:-1], plan.options - 1, rng)
        intro, called, thing, names = THEMES[rng.randrange(len(THEMES))]
        tasks = rng.sample(names, plan.tasks)
        said = [_say(rule, [called.format(task) for task in tasks], thing) for rule in rules]
        load = sum(WEIGHT[kind] for kind, _ in rules)
        return Draft(
            stem="\n".join([intro.format(n=number_word(plan.tasks)), *said, QUESTION]),
            key=Choice(_list(key, tasks)),
            distractors=tuple(
                Choice(_list(o, tasks), mistake="rule_overlooked", note=f"This order breaks one rule: “{said[i]}”")
                for i, o in wrong
            ),
            explanation=(
                f"Test each order against one rule at a time and strike out those that break it. Only one is left: "
                f"{_list(key, tasks)}. It keeps all {number_word(plan.rules)} rules; each of the others breaks one."
            ),
            structure={"tasks": plan.tasks, "rules": _canonical(rules, key)},
            expected_success=success(level, load, *plan.loads),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        orders = [option.text.split(", ") for option in shown.options]
        tests = [_read(line, orders[0]) for line in sentences(shown.stem)[1:-1]]
        return [i for i, order in enumerate(orders) if all(test(order) for test in tests)]


# --- making ---------------------------------------------------------------------------------------------------------
def _rules(plan: Plan, rng: random.Random) -> list[Rule]:
    rules: list[Rule] = []
    pairs: set[frozenset[int]] = set()
    while len(rules) < plan.rules:
        kind = plan.kinds[int(rng.random() * len(plan.kinds))]
        size = 4 if kind == "if_before" else 3 if kind == "if_first" else 1 if kind.startswith("not") else 2
        ways = picks(plan.tasks, size)
        who = ways[int(rng.random() * len(ways))]
        if kind in ("apart", "gap"):
            who = tuple(sorted(who))
        pair = frozenset(who)
        if pair in pairs or (kind.startswith("not") and kind in {k for k, _ in rules}):
            continue
        pairs.add(pair)
        rules.append((kind, who))
    return sorted(rules, key=lambda _: rng.random())


def _kept(rule: Rule, at: Order) -> bool:
    """Whether a rule is kept; `at` holds the place of each task."""
    kind, who = rule
    first = at[who[0]]
    if kind == "not_first":
        return first != 0
    if kind == "not_last":
        return first != len(at) - 1
    second = at[who[1]]
    if kind == "before":
        return first < second
    if kind == "next":
        return first + 1 == second
    if kind == "apart":
        return abs(first - second) != 1
    if kind == "gap":
        return abs(first - second) == 2
    if kind == "if_first":
        return first != 0 or second < at[who[2]]
    return first > second or at[who[2]] < at[who[3]]


@cache
def _places(tasks: int) -> tuple[Order, ...]:
    return tuple(permutations(range(tasks)))


@cache
def _keeping(rule: Rule, tasks: int) -> int:
    """The orders that keep the rule, as a bit mask over `_places`."""
    return sum(1 << bit for bit, at in enumerate(_places(tasks)) if _kept(rule, at))


def _by_broken_rule(rules: list[Rule], tasks: int) -> list[list[Order]]:
    """For each rule the orders that break only it, and last the orders that break none."""
    masks = [_keeping(rule, tasks) for rule in rules]
    full = (1 << len(_places(tasks))) - 1
    fits = []
    for i in range(len(rules) + 1):
        fit = full
        for j, mask in enumerate(masks):
            fit &= full ^ mask if i == j else mask
        if not fit:
            raise Unsuitable("some rule is never the only one broken")
        fits.append(fit)
    return [_in_mask(fit, tasks) for fit in fits]


def _in_mask(mask: int, tasks: int) -> list[Order]:
    """The orders whose bits are set. Hundreds of bits are read for every item, hence no loop over them."""
    return list(compress(_places(tasks), f"{mask:b}"[::-1].encode().translate(_BITS)))


def _wrong_orders(key: Order, broken: list[list[Order]], count: int, rng: random.Random) -> list[tuple[int, Order]]:
    """Wrong orders with the rule that each breaks, drawn so that the key is no closer to the others than they are."""

    def draw() -> list[tuple[int, Order]]:
        ways = picks(len(broken), min(count, len(broken)))
        breaks = [*ways[int(rng.random() * len(ways))]]
        breaks += [int(rng.random() * len(broken)) for _ in range(count - len(breaks))]
        return [(i, broken[i][int(rng.random() * len(broken[i]))]) for i in breaks]

    return balanced(draw, lambda entry: _features(entry[1]), _features(key), rng)


@cache
def _features(at: Order) -> int:
    """The order as a set of bits: which task is before which, and where each one stands."""
    bits = [at[i] < at[j] for i in range(len(at)) for j in range(len(at)) if i != j]
    bits += [place == i for place in at for i in range(len(at))]
    return sum(bit << i for i, bit in enumerate(bits))


def _say(rule: Rule, tasks: list[str], thing: str) -> str:
    kind, who = rule
    names = [tasks[i] for i in who]
    patterns = {
        "before": "{0} comes some time before {1}.",
        "not_first": "{0} does not come first.",
        "not_last": "{0} does not come last.",
        "next": "{0} comes immediately before {1}.",
        "apart": "{0} and {1} do not come next to each other.",
        "gap": "Exactly one other {thing} comes between {0} and {1}.",
        "if_first": "If {0} comes first, then {1} comes some time before {2}.",
        "if_before": "If {0} comes some time before {1}, then {2} comes some time before {3}.",
    }
    return capitalised(patterns[kind].format(*names, thing=thing))


def _list(at: Order, tasks: list[str]) -> str:
    return ", ".join(name for _, name in sorted(zip(at, tasks, strict=True)))


def _canonical(rules: list[Rule], key: Order) -> list[list[object]]:
    """The rules with tasks renumbered by their place in the key, which is thereby part of the problem."""
    return sorted(
        [kind, *(sorted(key[i] for i in who) if kind in ("apart", "gap") else [key[i] for i in who])]
        for kind, who in rules
    )


# --- solving --------------------------------------------------------------------------------------------------------
Test = Callable[[list[str]], bool]


def _read(sentence: str, tasks: list[str]) -> Test:
    """A rule as a test on an order, read from its words."""
    if match := re.fullmatch(r"If (.+), then (.+)", sentence):
        condition, result = _read(match[1], tasks), _read(match[2], tasks)
        return lambda order: not condition(order) or result(order)
    who = mentioned(sentence.lower(), tasks)
    if "come next to" in sentence:
        return lambda order: abs(order.index(who[0]) - order.index(who[1])) > 1
    if "between" in sentence:
        return lambda order: abs(order.index(who[0]) - order.index(who[1])) - 1 == 1
    if "immediately" in sentence:
        return lambda order: order.index(who[1]) - order.index(who[0]) == 1
    if "before" in sentence:
        return lambda order: order.index(who[0]) < order.index(who[1])
    place = 0 if "first" in sentence else len(tasks) - 1
    if "not" in sentence:
        return lambda order: order[place] != who[0]
    return lambda order: order[place] == who[0]


MODEL = Schedule()
