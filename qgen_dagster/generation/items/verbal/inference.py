"""Inference: a short passage, and the one statement that must be true if the passage is.

A passage tells of days, of people or of things in an order: a scene, some rules or comparisons, some facts, an aside.
All of it comes from reviewed lists (`data/passages.txt`), and every rule can be said in several ways.

Radicals: sentences to be put together (easy 2, medium 3, hard 4); how they are said (easy straight on; medium one, hard
up to two against the direction of thought: "only", "unless", the contrapositive); a step backwards, from what did not
come about to what cannot have been the case; denied properties; in hard passages a rule more, which leads nowhere.
Number of premises, negation and the backward step are the standard predictors of difficulty in reasoning from text
(Evans, Newstead & Byrne 1993).
Incidentals: names and days, the aside, the order of sentences.

Options: a statement and its contrary on two subjects, of which the passage settles one. So every statement has its
contrary beside it, and nothing but the passage tells them apart. The fifth is commonly true but not said, or the
conclusion the wrong way round.

Solver: reads every sentence by its form and tests each statement against all cases left possible (`_reading.py`).
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from qgen_dagster.core.question import ShownQuestion, Stimulus
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel
from qgen_dagster.generation.items.language import capitalised, pick_names
from qgen_dagster.generation.items.verbal._lexicon import Theme, lexicon, success
from qgen_dagster.generation.items.verbal._reading import must_be_true
from qgen_dagster.generation.items.verbal._wording import PLAIN, TURNED, Literal, Wording, opposite, uncapitalised

STEM = "Which statement must be true if everything in the passage is true?"
WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
STEPS: dict[ItemLevel, int] = {"easy": 1, "medium": 2, "hard": 3}
TURNS: dict[ItemLevel, int] = {"easy": 0, "medium": 1, "hard": 2}
DENIED: dict[ItemLevel, float] = {"easy": 0.1, "medium": 0.2, "hard": 0.3}
ORDERED = 0.25  # how often a passage is about an order
BACKWARDS: dict[ItemLevel, float] = {"easy": 0.25, "medium": 0.5, "hard": 0.6}


@dataclass
class Plan:
    """What a passage says and what is concluded.

    `steps` are the sentences that lead there, in order of thought; `glosses` say some of them the way they are needed.
    """

    steps: list[str]
    other: list[str]
    key: str
    contrary: str
    open_same: str
    open_contrary: str
    why_open: str
    converse: tuple[str, str] | None
    structure: list[object]
    load: float
    glosses: tuple[str, ...] = ()


class Inference(ItemModel):
    name = "verbal_inference"
    family = "verbal"
    sub_type = "inference"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        themes = _themes(ordered=rng.random() < ORDERED)
        theme = themes[rng.randrange(len(themes))]
        plan = _order(theme, level, rng) if theme.kind == "order" else _kinds(theme, level, rng)
        return Draft(
            stem=STEM,
            stimulus=Stimulus(text=_passage(theme, plan, rng)),
            key=Choice(f"{plan.key}."),
            distractors=_distractors(theme, plan, rng),
            explanation=_explanation(plan),
            structure={"theme": theme.name, "said": plan.structure},
            expected_success=success(level, plan.load),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        passage = shown.stimulus.text if shown.stimulus else ""
        return must_be_true(passage, [option.text for option in shown.options])


@cache
def _themes(*, ordered: bool) -> tuple[Theme, ...]:
    return tuple(theme for theme in lexicon().passages if (theme.kind == "order") == ordered)


# --- days and people ------------------------------------------------------------------------------------------------
def _kinds(theme: Theme, level: ItemLevel, rng: random.Random) -> Plan:
    """A chain of properties, each bringing the next, and what it says of somebody, of some, or of all."""
    words = Wording(theme)
    drawn = rng.sample(range(len(theme.lines)), STEPS[level] + 3)
    chain: list[Literal] = [(line, rng.random() >= DENIED[level]) for line in drawn[: STEPS[level] + 1]]
    turned = set(rng.sample(range(STEPS[level]), min(STEPS[level], TURNS[level])))
    rules = [words.said(a, b, TURNED if i in turned else PLAIN, rng) for i, (a, b) in enumerate(pairwise(chain))]
    make = rng.choice((_of_one, _of_one, _of_one, _of_some, _of_all)) if level != "easy" else _of_one
    if make is _of_some and not chain[-1][1]:
        make = _of_one  # "some do not" and "nobody does not" are hard to read for no good reason
    plan = make(words, chain, rules, (drawn[-2], True), level, rng)
    if level == "hard":
        # One rule more, with a property of its own, which therefore settles nothing about any other.
        plan.other.append(words.said((drawn[-1], True), chain[rng.randrange(len(chain))], PLAIN, rng))
    plan.glosses = _glosses(words, chain, rules, backwards=plan.structure == ["one", True])
    plan.structure = [*plan.structure, [list(literal) for literal in chain], sorted(turned), drawn[-2:]]
    plan.load += 0.15 * sum(not affirmed for _, affirmed in chain)
    return plan


def _glosses(words: Wording, chain: list[Literal], rules: list[str], *, backwards: bool) -> tuple[str, ...]:
    """How each rule is needed, where that is not how it is said."""
    needed = [(opposite(b), opposite(a)) if backwards else (a, b) for a, b in pairwise(chain)]
    said = zip(rules, needed, strict=True)
    glosses = ["" if words.is_plain(rule, a, b) else uncapitalised(words.rule(a, b)) for rule, (a, b) in said]
    return tuple(reversed(glosses) if backwards else glosses)


def _of_one(
    words: Wording, chain: list[Literal], rules: list[str], _: Literal, level: ItemLevel, rng: random.Random
) -> Plan:
    """One person or day of which the passage settles the end of the chain, and another of which it does not."""
    backwards = rng.random() < BACKWARDS[level]
    if backwards:
        given, end, tempting = opposite(chain[-1]), opposite(chain[0]), chain[-1]
    else:
        given, end, tempting = chain[0], chain[-1], opposite(chain[0])
    one, other = rng.sample(WEEK, 2) if words.days else pick_names(rng, 2)
    fact, tempting_fact = words.fact(one, given), words.fact(other, tempting)
    why = (
        f"From “{tempting_fact}” nothing follows here: "
        + ("the same may come about in another way" if backwards else "the rule does not say what happens otherwise")
        + "."
    )
    return Plan(
        steps=[fact, *(reversed(rules) if backwards else rules)],
        other=[tempting_fact],
        key=words.fact(one, end),
        contrary=words.fact(one, opposite(end)),
        open_same=words.fact(other, end),
        open_contrary=words.fact(other, opposite(end)),
        why_open=why,
        converse=None,
        structure=["one", backwards],
        load=0.2 + 0.4 * backwards,
    )


def _of_some(
    words: Wording, chain: list[Literal], rules: list[str], extra: Literal, level: ItemLevel, rng: random.Random
) -> Plan:
    """Some with a further property start the chain, so some with that property are at its end."""
    fact = words.some(chain[0], extra)
    end = chain[-1]
    middle = chain[-2] if len(chain) > 2 else chain[0]
    return Plan(
        steps=[fact, *rules],
        other=[],
        key=words.some(extra, end),
        contrary=words.none(extra, end),
        open_same=words.some(opposite(extra), end),
        open_contrary=words.none(opposite(extra), end),
        why_open="The passage does not say whether there is anyone of that kind at all, or what holds for them."
        if not words.days
        else "The passage does not say whether there are such days at all, or what holds for them.",
        converse=(words.rule(extra, end), "The passage speaks of some only; this says it of all."),
        structure=["some", list(middle)],
        load=0.4,
    )


def _of_all(
    words: Wording, chain: list[Literal], rules: list[str], extra: Literal, level: ItemLevel, rng: random.Random
) -> Plan:
    """All at the start of the chain are at its end; nothing is settled of those with a property that they share."""
    start, end = chain[0], chain[-1]
    return Plan(
        steps=rules,
        other=[words.said(start, extra, PLAIN, rng)],
        key=words.rule(start, end),
        contrary=words.rule(start, opposite(end)),
        open_same=words.rule(extra, end),
        open_contrary=words.rule(extra, opposite(end)),
        why_open=f"“{words.rule(start, extra)}” does not work the other way round.",
        converse=(words.rule(end, start), "This turns the conclusion round, and it does not work the other way round."),
        structure=["all"],
        load=0.3,
    )


# --- an order -------------------------------------------------------------------------------------------------------
def _order(theme: Theme, level: ItemLevel, rng: random.Random) -> Plan:
    """Things in a chain of comparisons, and one that is compared with an end of the chain only."""
    things = rng.sample(theme.things, STEPS[level] + 3)
    chain, loose = things[:-1], things[-1]
    forms = theme.before[: {"easy": 2, "medium": 4, "hard": len(theme.before)}[level]]
    picked = [rng.randrange(len(forms)) for _ in chain]
    steps = [_said(forms[form], a, b) for form, a, b in zip(picked, chain, chain[1:], strict=False)]
    first, last = chain[0], chain[-1]
    at_start = rng.random() < 0.5
    # The loose thing comes after the first one or before the last one, so its place beside the other end stays open.
    other = _said(forms[picked[-1]], *((first, loose) if at_start else (loose, last)))
    beside = last if at_start else first
    pair = (loose, beside) if at_start else (beside, loose)
    if rng.random() < 0.5:
        pair = pair[::-1]
    plain = theme.before[0]
    return Plan(
        steps=steps,
        other=[other],
        key=_said(plain, first, last),
        contrary=_said(plain, last, first),
        open_same=_said(plain, *pair),
        open_contrary=_said(plain, *pair[::-1]),
        why_open=f"All that is said of {loose} is: “{other}.” That leaves this open.",
        converse=None,
        structure=["order", [theme.things.index(thing) for thing in things], picked, at_start],
        load=0.2 + 0.1 * len(set(picked)),
    )


def _said(form: str, first: str, second: str) -> str:
    return capitalised(form.format(first, second))


# --- text -----------------------------------------------------------------------------------------------------------
def _passage(theme: Theme, plan: Plan, rng: random.Random) -> str:
    body = [*plan.steps, *plan.other]
    rng.shuffle(body)
    body.insert(rng.randrange(len(body)), rng.choice(theme.aside).rstrip("."))
    return " ".join([rng.choice(theme.scene), *(f"{sentence}." for sentence in body)])


def _distractors(theme: Theme, plan: Plan, rng: random.Random) -> tuple[Choice, ...]:
    if plan.converse is not None and rng.random() < 0.5:
        text, note = plan.converse
        fifth = Choice(f"{text}.", mistake="goes_beyond_the_text", note=note)
    else:
        note = "This may well be so, but nothing in the passage says it."
        fifth = Choice(rng.choice(theme.world), mistake="true_but_not_said", note=note)
    return (
        Choice(f"{plan.contrary}.", mistake="reverses_the_text", note="The passage leads to the contrary."),
        Choice(f"{plan.open_same}.", mistake="confuses_who_or_what", note=plan.why_open),
        Choice(f"{plan.open_contrary}.", mistake="goes_beyond_the_text", note=plan.why_open),
        fifth,
    )


def _explanation(plan: Plan) -> str:
    # Facts come before the rules, and only rules have glosses.
    glosses = ("",) * (len(plan.steps) - len(plan.glosses)) + plan.glosses
    steps = zip(plan.steps, glosses, strict=True)
    shown = "; ".join(f"“{step}”" + (f" (that is: {gloss})" if gloss else "") for step, gloss in steps)
    return f"Put these sentences together: {shown}. So this must be true: {plan.key}."


MODEL = Inference()
