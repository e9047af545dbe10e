"""Methodologies that ask for a number: shots, pips, winning chances, the price of a play.

Each function takes a spot and a source of chance and returns a task, or None where the spot does not lend itself.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from qgen_dagster.core.drills import DrillOption
from qgen_dagster.drills import wording
from qgen_dagster.drills.features import counted, listed
from qgen_dagster.drills.spot import NEARLY_BEST, PLAUSIBLE, Spot, Task
from qgen_dagster.drills.wording import Judged

OPTIONS = 4
CHANCE_STEP = 15  # per cent between the options of an estimate
CHANCE_REACH = 6  # per cent to each side that an option covers
# How much equity plays give away, as the upper edge of each class. Players use these words.
PRICES = (
    (NEARLY_BEST, "next to nothing: less than 0.02"),
    (0.05, "a small inaccuracy: 0.02 to 0.05"),
    (0.10, "a clear mistake: 0.05 to 0.10"),
    (0.20, "a blunder: 0.10 to 0.20"),
    (6.0, "a disaster: more than 0.20"),
)
EDGE = 0.004  # a price this near to the edge of its class would be a quibble
FEWEST_SHOTS, MOST_SHOTS = 2, 32
LARGE_LEAD = 60


def count_the_shots(spot: Spot, rng: random.Random) -> Task | None:
    """How many of 36 rolls hit after the best play."""
    best = spot.best
    shots = best.features.shots
    if not FEWEST_SHOTS <= shots <= MOST_SHOTS:
        return None
    named = wording.hitting_rolls_named(best.features.after)
    wrong = _other_numbers([shots + d for d in (2, -2, 3, -3, 5, -5, 8, -8)], shots, 1, 36, rng)
    options = [
        DrillOption(
            text=f"{number} roll{'s' * (number != 1)}",
            correct=number == shots,
            feedback=_shots_feedback(number, shots, named),
            low=number,
            high=number,
        )
        for number in (shots, *wrong)
    ]
    blots = counted(len(best.features.exposed), "blot")
    aside = " Leave the chequers in the opponent's home board aside." if best.features.back_blots else ""
    question = f"After {best.text}, how many of the opponent's 36 rolls hit?{aside}"
    explanation = f"What hits is {named}: {shots} of 36. {spot.explanation()}"
    hints = (
        f"There {'is' if len(best.features.exposed) == 1 else 'are'} {blots} within reach.",
        "A single number comes up in 11 rolls of 36; then add the combinations that are not blocked.",
    )
    return Task(
        question,
        tuple(sorted(options, key=lambda option: option.low or 0)),
        spot.scenario(),
        explanation,
        hints,
        subject=best.text,
        principles=("risk_and_reward",),
    )


def _shots_feedback(number: int, shots: int, named: str) -> str:
    if number == shots:
        return f"Right: {named}."
    return f"Too {'many' if number > shots else 'few'}: it is {named}, {shots} in all."


def read_the_race(spot: Spot, rng: random.Random) -> Task | None:
    """Who leads before the roll, and by how many pips."""
    board = spot.board
    lead = board.lead
    if spot.position.phase.value == "OPENING" or abs(lead) > LARGE_LEAD:
        return None
    roll = sum(spot.position.roll) * (2 if spot.position.roll[0] == spot.position.roll[1] else 1)
    slips = [-lead, lead + roll, lead - roll, lead + 10, lead - 10]
    wrong = _other_numbers(slips, lead, -LARGE_LEAD - 30, LARGE_LEAD + 30, rng)
    mine, theirs = wording.pips_spelled_out(board), wording.pips_spelled_out(board.swapped())
    options = [
        DrillOption(
            text=_lead(number),
            correct=number == lead,
            feedback=_race_feedback(number, lead, roll, f"{board.pips} against {board.opponent_pips}"),
            low=number,
            high=number,
        )
        for number in (lead, *wrong)
    ]
    explanation = f"You: {mine}. The opponent, from the other side: {theirs}. {_lead(lead)}. {spot.explanation()}"
    return Task(
        "Before you play, where does the race stand?",
        tuple(sorted(options, key=lambda option: option.low or 0)),
        spot.scenario(with_race=False),
        explanation,
        ("Count each side's chequers times their distance from home.", "Chequers on the bar have 25 pips to go."),
        principles=("pip_count",),
    )


def _lead(number: int) -> str:
    if number == 0:
        return "The race is level"
    return f"You {'lead' if number > 0 else 'trail'} by {abs(number)} pip{'s' * (abs(number) != 1)}"


def _race_feedback(number: int, lead: int, roll: int, count: str) -> str:
    if number == lead:
        return f"Right: it is {count}."
    if lead and number == -lead:
        return f"The wrong way round: it is {count}."
    if number == lead + roll:
        return f"That counts the roll as already played: before it, it is {count}."
    return f"Count again: it is {count}."


def judge_the_position(spot: Spot, rng: random.Random) -> Task | None:
    """The winning chances after the best play, to within a few per cent."""
    chance = spot.best.candidate.win * 100
    right = 5 * round(chance / 5)
    places = range(right - 3 * CHANCE_STEP, right + 4 * CHANCE_STEP, CHANCE_STEP)
    inside = [value for value in places if 5 <= value <= 95]
    at = inside.index(right) if right in inside else -1
    if at < 0 or len(inside) < OPTIONS:
        return None
    start = rng.randint(max(0, at - OPTIONS + 1), min(at, len(inside) - OPTIONS))
    options = [
        DrillOption(
            text=f"About {value} %",
            correct=value == right,
            feedback=_chance_feedback(value, right, chance),
            low=value - CHANCE_REACH,
            high=value + CHANCE_REACH,
        )
        for value in inside[start : start + OPTIONS]
    ]
    best = spot.best
    question = f"After {best.text}, what share of the games do you win, if both play well and nobody doubles?"
    explanation = f"{_judgement(spot)} {spot.explanation()}"
    hints = ("Take race, position and threats in turn, and ask who would rather have the other side.", _threat(spot))
    return Task(
        question, tuple(options), spot.scenario(), explanation, hints, subject=best.text, principles=("cube_timing",)
    )


def _chance_feedback(value: int, right: int, chance: float) -> str:
    if value == right:
        return f"Right: it is {chance:.1f} %."
    return f"Too {'hopeful' if value > right else 'gloomy'}: it is {chance:.1f} %."


def _judgement(spot: Spot) -> str:
    """What speaks for and against the player after the best play."""
    features = spot.best.features
    after, theirs = features.after, features.after.swapped()
    good: list[str] = []
    bad: list[str] = []
    (good if after.lead > 0 else bad).append(f"the race ({after.pips} to {after.opponent_pips} after the play)")
    if after.all_home and after.on_board != after.opponent_on_board:
        ahead = after.on_board < after.opponent_on_board
        text = f"the chequers still to bear off ({after.on_board} against {after.opponent_on_board})"
        (good if ahead else bad).append(text)
    if after.contact:
        mine, other = len(after.home_points), len(theirs.home_points)
        if mine != other:
            against = counted(other, "point").split()[0]
            (good if mine > other else bad).append(f"the home boards ({counted(mine, 'point')} against {against})")
        if after.prime[0] != theirs.prime[0]:
            against = counted(theirs.prime[0], "point").split()[0]
            text = f"the blocks ({counted(after.prime[0], 'point')} in a row against {against})"
            (good if after.prime[0] > theirs.prime[0] else bad).append(text)
        if theirs.points[25]:
            good.append(f"{counted(theirs.points[25], 'chequer')} of the opponent on the bar")
        if features.shots >= 8:
            bad.append(f"the {features.shots} rolls that hit")
    said = [f"For you: {listed(good)}." if good else "", f"Against you: {listed(bad)}." if bad else ""]
    return " ".join(part for part in said if part)


def _threat(spot: Spot) -> str:
    shots = spot.best.features.shots
    after = spot.best.features.after
    if not after.contact and after.all_home:
        return "Near the end count chequers as well as pips: most rolls take two off, however few pips they need."
    if not after.contact:
        return "In a race without contact only the count matters: ten per cent ahead is a big lead."
    return (
        f"After the play {shots} of the opponent's rolls hit."
        if shots
        else "After the play nothing can be hit at once."
    )


def price_the_error(spot: Spot, rng: random.Random) -> Task | None:
    """What a given play gives away against the best one."""
    fit = [each for each in spot.plays[1:] if spot.loss(each) <= PLAUSIBLE and _price(spot.loss(each)) is not None]
    by_class: dict[int, list[Judged]] = {}
    for each in fit:
        by_class.setdefault(_price(spot.loss(each)) or 0, []).append(each)
    if not by_class:
        return None
    right = rng.choice(sorted(by_class))
    subject = rng.choice(by_class[right])
    loss = spot.loss(subject)
    options = []
    low = 0.0
    for place, (high, text) in enumerate(PRICES):
        options.append(
            DrillOption(
                text=text[0].upper() + text[1:],
                correct=place == right,
                feedback=_price_feedback(place, right, loss),
                low=low,
                high=high,
            )
        )
        low = high
    reasons = wording.why_worse(spot.best, subject)
    verdict = f"{subject.text} gives away {loss:.3f}: {reasons}."
    question = f"Somebody plays {subject.text}. How much equity does it give away against the best play?"
    hints = (f"Find the best play first, then name what {subject.text} lacks.", spot.hints()[0])
    explanation = f"{verdict} The best play is {spot.best.text}. {spot.explanation()}"
    return Task(question, tuple(options), spot.scenario(), explanation, hints, subject=subject.text)


def _price(loss: float) -> int | None:
    """The class of a loss; None too near to an edge to be asked for."""
    if any(abs(loss - high) < EDGE for high, _ in PRICES):
        return None
    return next(place for place, (high, _) in enumerate(PRICES) if loss < high)


def _price_feedback(place: int, right: int, loss: float) -> str:
    if place == right:
        return f"Right: {loss:.3f}."
    return f"Too {'harsh' if place > right else 'mild'}: it is {loss:.3f}."


def _other_numbers(slips: Iterable[int], right: int, low: int, high: int, rng: random.Random) -> Sequence[int]:
    """Three wrong numbers, likely slips first, far enough from each other to be told apart."""
    likely = [n for n in dict.fromkeys(slips) if low <= n <= high]
    rng.shuffle(likely)
    chosen: list[int] = []
    for number in likely:
        if len(chosen) < OPTIONS - 1 and all(abs(number - other) >= 2 for other in (right, *chosen)):
            chosen.append(number)
    return chosen
