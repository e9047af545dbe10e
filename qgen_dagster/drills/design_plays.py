"""Methodologies whose options are plays, or the ideas behind plays.

Each function takes a spot and a source of chance and returns a task, or None where the spot does not lend itself.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from qgen_dagster.drills import wording
from qgen_dagster.drills.features import BAR_POINT, HOME, OUTER, THEIR_HOME, Features, Idea, points_named
from qgen_dagster.drills.spot import CLEARLY_WORSE, PLAUSIBLE, Spot, Task, shuffled
from qgen_dagster.drills.wording import Judged

FEW, MANY = 4, 6  # options of a comparison and of a search
LEAST = 3
AS_GOOD = 0.003  # equity that no player can tell apart
FAIR_LOSS = 0.04  # a play that is sound, if not best
BLUNDER_GAP = 0.08  # between the worst sound play and the blunder
SHOT_SPREAD = 5  # hitting rolls between the safest and the boldest option


def compare_candidates(spot: Spot, rng: random.Random) -> Task | None:
    """The best play among four."""
    return _best_of(spot, rng, FEW, f"Which play is best with {_roll(spot)}?")


def find_the_play(spot: Spot, rng: random.Random) -> Task | None:
    """The best play among up to six, as over the board."""
    if len(spot.wrong) < FEW:
        return None
    return _best_of(spot, rng, MANY, f"Find the best way to play {_roll(spot)}.")


def _best_of(spot: Spot, rng: random.Random, size: int, question: str) -> Task | None:
    others = _tempting(spot, rng, size - 1)
    if len(others) < LEAST - 1:
        return None
    options = [spot.play_option(each) for each in (spot.best, *others)]
    return Task(question, shuffled(options, rng), spot.scenario(), spot.explanation(others[0]), spot.hints())


def _tempting(spot: Spot, rng: random.Random, count: int) -> list[Judged]:
    """Clearly worse plays, the least bad one among them, of as many different ideas as there are; by their loss."""
    pool = [each for each in spot.wrong if spot.loss(each) <= PLAUSIBLE]
    near = pool
    if not spot.board.contact and spot.best.features.borne_off:
        # In a race nobody weighs a play that takes fewer chequers off: one that takes as many must stand beside it.
        near = [each for each in pool if each.features.borne_off >= spot.best.features.borne_off]
    if not near:
        return []
    chosen, rest = near[:1], [each for each in pool if each is not near[0]]
    rng.shuffle(rest)
    while rest and len(chosen) < count:
        seen = {each.features.ideas[:1] for each in chosen}
        following = next((each for each in rest if each.features.ideas[:1] not in seen), rest[0])
        rest.remove(following)
        chosen.append(following)
    return sorted(chosen, key=spot.loss)


def spot_the_blunder(spot: Spot, rng: random.Random) -> Task | None:
    """Three sound plays and one that throws equity away."""
    sound = [each for each in spot.plays if spot.loss(each) <= FAIR_LOSS][:5]
    if len(sound) < LEAST:
        return None
    chosen = [spot.best, *rng.sample(sound[1:], 2)]
    least = max(spot.loss(each) for each in chosen) + BLUNDER_GAP
    bad = [each for each in spot.plays if least <= spot.loss(each) <= PLAUSIBLE]
    if not bad:
        return None
    blunder = rng.choice(bad[:4])
    options = [
        spot.play_option(each).model_copy(
            update={"correct": each is blunder, "feedback": _blunder_feedback(spot, each, blunder)}
        )
        for each in (*chosen, blunder)
    ]
    loss, reasons = spot.loss(blunder), wording.why_worse(spot.best, blunder)
    explanation = f"{blunder.text} is the blunder. It gives away {loss:.3f}: {reasons}. {spot.explanation()}"
    question = f"Three of these plays of {_roll(spot)} are sound. Which one is the blunder?"
    hints = (wording.blunder_hint(spot.board), spot.hints()[0])
    return Task(question, shuffled(options, rng), spot.scenario(), explanation, hints, principles=("risk_and_reward",))


def _blunder_feedback(spot: Spot, each: Judged, blunder: Judged) -> str:
    if each is blunder:
        return f"Right, this is the one to avoid. {spot.feedback(each)}"
    if each is spot.best:
        return f"No, this is the best play: {spot.merits()}"
    if spot.loss(each) < AS_GOOD:
        return "No, this is as good as the best play."
    return f"No, this is sound: it gives away only {spot.loss(each):.3f}."


def name_the_plan(spot: Spot, rng: random.Random) -> Task | None:
    """Ideas in place of plays. A wrong idea is one that even its best play makes clearly worse."""
    own = spot.best.features.ideas
    if not own or not spot.board.contact:
        return None
    near = {idea for each in spot.plays if spot.loss(each) < CLEARLY_WORSE for idea in each.features.ideas}
    others: dict[Idea, Judged] = {}
    for each in spot.wrong:
        for idea in each.features.ideas:
            if idea not in near and idea not in own and spot.loss(each) <= PLAUSIBLE:
                others.setdefault(idea, each)
    # An idea whose best play follows the right plan as well is no other plan.
    others = {idea: each for idea, each in others.items() if own[0] not in each.features.ideas}
    # One play may stand for one idea only, or two options would be the same play.
    distinct: dict[str, tuple[Idea, Judged]] = {}
    for idea, each in others.items():
        distinct.setdefault(each.text, (idea, each))
    if len(distinct) < LEAST - 1:
        return None
    wrong = sorted(distinct.values(), key=lambda pair: spot.loss(pair[1]))[: FEW - 1]
    options = [spot.play_option(spot.best, _as_plan(own[0], spot.best.features))]
    for idea, each in wrong:
        option = spot.play_option(each, _as_plan(idea, each.features))
        options.append(
            option.model_copy(update={"feedback": f"The best way to do this is {each.text}. {option.feedback}"})
        )
    right = options[0].model_copy(update={"feedback": f"{options[0].feedback} The play is {spot.best.text}."})
    question = f"You have {_roll(spot)}. Which plan does the position call for?"
    shown = shuffled([right, *options[1:]], rng)
    return Task(question, shown, spot.scenario(), spot.explanation(wrong[0][1]), _plan_hints(spot))


def _plan_hints(spot: Spot) -> tuple[str, ...]:
    return ("Say first what each side wants to do next turn.", spot.hints()[-1])


def _as_plan(idea: Idea, features: Features) -> str:
    """An idea as a plan, with its points."""
    made_home = tuple(p for p in features.made if p in HOME)
    made_outer = tuple(p for p in features.made if p in OUTER or p == BAR_POINT)
    anchor = tuple(p for p in features.made if p in THEIR_HOME)
    targets = tuple(sorted(set(features.hits), reverse=True))
    plans: Mapping[Idea, str] = {
        Idea.BEAR_OFF: "Bear chequers off at once",
        Idea.HIT: f"Hit on {points_named(targets)}" if targets else "",
        Idea.ANCHOR: f"Make an anchor on {points_named(anchor)}" if anchor else "",
        Idea.HOME_POINT: f"Make {points_named(made_home)}" if made_home else "",
        Idea.BLOCK: f"Build the block with {points_named(made_outer)}" if made_outer else "",
        Idea.RUN: "Run with a back chequer",
        Idea.SLOT: f"Start {points_named(features.slotted)} without cover" if features.slotted else "",
        Idea.STEP_UP: "Move up with a back chequer inside the opponent's home board",
        Idea.BUILDERS: "Bring a builder down from the back",
        Idea.SAFE: "Leave nothing to hit",
    }
    return plans[idea]


def weigh_the_risk(spot: Spot, rng: random.Random) -> Task | None:
    """Safe and bold plays side by side, each with the rolls that hit it."""
    if not spot.board.contact:
        return None
    pool = [each for each in spot.wrong if spot.loss(each) <= PLAUSIBLE]
    if len(pool) < LEAST - 1:
        return None
    safest = min(pool, key=lambda each: (each.features.shots, spot.loss(each)))
    boldest = max(pool, key=lambda each: (each.features.shots, -spot.loss(each)))
    chosen = [spot.best, *dict.fromkeys([safest, boldest])]
    shots = [each.features.shots for each in chosen]
    if len(chosen) < LEAST or max(shots) - min(shots) < SHOT_SPREAD:
        return None
    rest = [each for each in pool if each not in chosen]
    chosen += rng.sample(rest, min(FEW - len(chosen), len(rest)))
    options = [spot.play_option(each, f"{each.text} ({_shots(each)})") for each in chosen]
    question = f"What is the right balance of risk and reward with {_roll(spot)}?"
    if any(each.features.back_blots for each in chosen):
        question += " (Hits on chequers in the opponent's home board are not counted.)"
    runner_up = min(chosen[1:], key=spot.loss)
    hints = ("For each play ask what it wins when it is not hit, and what a hit costs.", spot.hints()[-1])
    explanation = f"{_boldness(spot, chosen)} {spot.explanation(runner_up)}"
    return Task(question, shuffled(options, rng), spot.scenario(), explanation, hints, principles=("risk_and_reward",))


def _boldness(spot: Spot, chosen: Sequence[Judged]) -> str:
    """How the best play stands between the safest and the boldest option."""
    fewest = min(each.features.shots for each in chosen)
    most = max(each.features.shots for each in chosen)
    own = spot.best.features.shots
    if own == fewest:
        return "Here safety comes first."
    if own == most:
        return "Here the bold play is right."
    return "Here the right risk lies between the extremes."


def _shots(judged: Judged) -> str:
    shots = judged.features.shots
    return "no roll hits" if shots == 0 else f"{shots} of 36 rolls {'hit' if shots > 1 else 'hits'}"


def _roll(spot: Spot) -> str:
    high, low = spot.position.roll
    return f"{high}-{low}"
