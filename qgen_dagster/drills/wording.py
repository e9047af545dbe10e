"""Sentences about positions and plays, made from what is counted on the board and from the engine's numbers.

Here: scenarios, what a play does, why another one is worse, hints, and which principles apply. Not here: which play is
right and which options a drill has (`design.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from qgen_dagster.config.drills import Curriculum
from qgen_dagster.core.drills import Candidate, Evaluation, Phase, Position
from qgen_dagster.drills.board import BAR, Board
from qgen_dagster.drills.features import (
    HOME,
    STACK,
    THEIR_HOME,
    Features,
    Idea,
    counted,
    listed,
    point_name,
    points_named,
)
from qgen_dagster.drills.plays import HOME_EDGE, ROLLS, can_hit

MORE_SHOTS = 3  # a difference in hitting rolls worth a word
LONG_PRIME = 4
NOTABLE_CHANCE = 0.005
NO_BLOT = "It leaves no blot within reach."

HINTS: Mapping[Idea, str] = {
    Idea.BEAR_OFF: "Which plays take chequers off, and what do the others gain instead?",
    Idea.HIT: "Look for hits first, and ask what each takes away from the opponent.",
    Idea.ANCHOR: "Think about a safe place on the far side of the board.",
    Idea.HOME_POINT: "Which point would you most like to own, and does this roll make it?",
    Idea.BLOCK: "Look at what stands in the way of the opponent's back chequers.",
    Idea.RUN: "How much longer can your back chequers afford to wait?",
    Idea.SLOT: "Is there a key point worth starting, even with a single chequer?",
    Idea.STEP_UP: "Ask what your back chequers would gain by standing on another point.",
    Idea.BUILDERS: "Count the chequers that can help to make a point next turn.",
    Idea.SAFE: "Which plays leave nothing to hit, and what do they cost?",
}

IDEA_PRINCIPLES: Mapping[Idea, tuple[str, ...]] = {
    Idea.BEAR_OFF: ("race_efficiency",),
    Idea.HIT: ("tempo", "attack_timing"),
    Idea.ANCHOR: ("anchoring",),
    Idea.HOME_POINT: ("point_making", "priming"),
    Idea.BLOCK: ("priming", "point_making"),
    Idea.RUN: ("pip_count", "race_efficiency"),
    Idea.SLOT: ("risk_and_reward", "point_making"),
    Idea.STEP_UP: ("anchoring", "risk_and_reward"),
    Idea.BUILDERS: ("point_making", "risk_and_reward"),
    Idea.SAFE: ("risk_and_reward",),
}


class Judged(NamedTuple):
    """A play with what the engine and the board say about it."""

    candidate: Candidate
    features: Features

    @property
    def text(self) -> str:
        return self.candidate.play


def scenario(position: Position, board: Board, *, with_race: bool = True) -> str:
    """Where the game stands, in a few sentences. `with_race=False` for a drill that asks for the pips."""
    high, low = position.roll
    if position.phase is Phase.OPENING:
        opening = f"The starting position, and your first roll is {high}-{low}."
        if high == low:
            opening = (
                f"The starting position as the second player finds it after a roll that changed little: {high}-{low}."
            )
        return f"{opening} {_race(board)}" if with_race else opening
    parts = [f"Money game, cube in the middle; you are to play {high}-{low}."]
    if with_race:
        parts.append(_race(board))
    if not board.contact:
        parts.append("There is no contact any more: it is a race.")
    parts += _standing(board)
    return " ".join(parts)


def _race(board: Board) -> str:
    if board.lead == 0:
        return f"The race is level at {board.pips} pips."
    side = "lead" if board.lead > 0 else "trail"
    return f"You {side} {board.pips} to {board.opponent_pips} in the race."


def _standing(board: Board) -> list[str]:
    """The facts that a player takes in first: bars, anchors, primes, chequers off."""
    theirs = board.swapped()
    facts = []
    if board.points[BAR]:
        facts.append(f"You have {counted(board.points[BAR], 'chequer')} on the bar.")
    if theirs.points[BAR]:
        facts.append(f"The opponent has {counted(theirs.points[BAR], 'chequer')} on the bar.")
    if board.contact and board.anchors:
        facts.append(f"You hold {points_named(board.anchors[::-1])}.")
    if board.contact and theirs.anchors:
        facts.append(f"The opponent holds {points_named(tuple(25 - p for p in theirs.anchors))}.")
    for who, side in (("You have", board), ("The opponent has", theirs)):
        if board.contact and side.prime[0] >= LONG_PRIME:
            facts.append(f"{who} {counted(side.prime[0], 'point')} in a row.")
    if board.off or board.opponent_off:
        facts.append(f"Borne off: you {board.off}, the opponent {board.opponent_off}.")
    return facts


def does(features: Features) -> list[str]:
    """What a play achieves, as verb phrases, the most important first."""
    said = []
    if features.borne_off:
        said.append(f"bears {counted(features.borne_off, 'chequer')} off")
    pointed_on = tuple(sorted(set(features.hits) & set(features.made), reverse=True))
    loose = tuple(sorted(set(features.hits) - set(pointed_on), reverse=True))
    if pointed_on:
        blots = "the blot" if len(pointed_on) == 1 else "the blots"
        said.append(f"points on {blots} on {points_named(pointed_on)}")
    if loose:
        said.append(f"hits on {points_named(loose)}")
    made = tuple(p for p in features.made if p not in pointed_on) if features.before.contact else ()
    anchors, points = tuple(p for p in made if p in THEIR_HOME), tuple(p for p in made if p not in THEIR_HOME)
    if anchors:
        said.append(f"makes an anchor on {points_named(anchors)}")
    if points:
        said.append(f"makes {points_named(points)}")
    if features.escaped and features.before.contact:
        said.append(f"brings {counted(len(features.escaped), 'back chequer')} out")
    if features.slotted and not features.hits:
        said.append(f"starts {points_named(features.slotted)}")
    if features.stepped_up and not anchors:
        said.append(f"moves up in the opponent's home board to {points_named(features.stepped_up[:1])}")
    if features.new_builders:
        said.append("brings a builder down")
    if not features.before.contact and (filled := _filled_gaps(features)):
        said.append(f"fills the gap on {points_named(filled)}")
    return said[:3] or _quiet_merits(features)


def _quiet_merits(features: Features) -> list[str]:
    """What speaks for a play that makes, hits and starts nothing."""
    if features.brought_home:
        return [f"brings {counted(features.brought_home, 'chequer')} home"]
    if features.before.contact and not features.given_up:
        loosened = f" and takes from the stack on {points_named(features.unstacked[:1])}" if features.unstacked else ""
        return [f"keeps every point that you hold{loosened}"]
    if features.before.contact and features.before.prime[0] >= LONG_PRIME <= features.after.prime[0]:
        return [f"keeps {counted(features.after.prime[0], 'point')} in a row"]
    return ["brings your chequers nearer home" if not features.before.contact else "keeps the rest of your position"]


def risk(features: Features) -> str:
    """What a play leaves to hit, as a sentence; empty in a race."""
    if not features.after.contact:
        return "It breaks contact, so nothing can be hit any more." if features.before.contact else ""
    if not features.exposed:
        return "It leaves nothing to hit outside the opponent's home board." if features.back_blots else NO_BLOT
    one = len(features.exposed) == 1
    where = f"a blot on {points_named(features.exposed)}" if one else f"blots on {points_named(features.exposed)}"
    if features.shots == 0:
        return f"It leaves {where}, but no roll hits."
    verb = "hits" if features.shots == 1 else "hit"
    return f"It leaves {where}; {features.shots} of the opponent's 36 rolls {verb} {'it' if one else 'one of them'}."


def explanation(best: Judged, evaluation: Evaluation, runner_up: Judged | None) -> str:
    """Why the best play is best: what it does, what it risks, the race, and the engine's numbers."""
    achieved = does(best.features)
    parts = [f"{best.text} {listed(achieved)}."]
    left = risk(best.features)
    if left:
        parts.append(left)
    if best.features.after.prime[0] >= LONG_PRIME > best.features.before.prime[0] and best.features.after.contact:
        parts.append(f"You then have {counted(best.features.after.prime[0], 'point')} in a row.")
    parts.append(f"After it you {_after_race(best.features.after)}.")
    parts.append(
        f"{_engine_name(evaluation)} gives it an equity of {best.candidate.equity:+.3f}: {_chances(best.candidate)}."
    )
    if runner_up is not None:
        worse = why_worse(best, runner_up)
        loss = evaluation.loss(runner_up.candidate)
        parts.append(f"Next among the options is {runner_up.text}, which gives away {loss:.3f}: {worse}.")
    return " ".join(parts)


def _after_race(after: Board) -> str:
    if after.lead == 0:
        return "are level in the race"
    return f"{'lead' if after.lead > 0 else 'trail'} by {counted(abs(after.lead), 'pip')}"


def _engine_name(evaluation: Evaluation) -> str:
    return f"GNU Backgammon ({evaluation.plies}-ply)" if evaluation.engine.startswith("gnubg") else evaluation.engine


def _chances(candidate: Candidate) -> str:
    text = f"you win {per_cent(candidate.win)} of the games"
    if candidate.win_gammon >= NOTABLE_CHANCE:
        text += f" ({per_cent(candidate.win_gammon)} with a gammon)"
    if candidate.lose_gammon >= NOTABLE_CHANCE:
        text += f" and lose a gammon in {per_cent(candidate.lose_gammon)}"
    return text


def per_cent(chance: float) -> str:
    """0.551 as `55.1 %`."""
    return f"{chance * 100:.1f} %"


def why_worse(best: Judged, other: Judged) -> str:
    """Why a play is worse than the best one: what speaks for it, at most two reasons against it that can be seen on
    the board, and the biggest change in chances."""
    reasons = _board_reasons(best.features, other.features)[:2]
    merit = _merit(best.features, other.features)
    change = _chance_reason(best.candidate, other.candidate)
    said = listed([*reasons, change] if change else reasons or ["its position is a little worse throughout"])
    return f"{merit}, {said}" if merit else said


def _merit(best: Features, other: Features) -> str:
    """What a worse play has over the best one; empty when that is nothing to speak of."""
    if set(other.hits) - set(best.hits):
        return "though it hits"
    if best.shots - other.shots >= MORE_SHOTS:
        return f"though it is safer ({other.shots or 'no'} hitting rolls against {best.shots})"
    gained = tuple(p for p in other.made if p not in best.after.made_points)
    if gained and best.before.contact:
        return f"though it makes {points_named(gained)}"
    return ""


def _board_reasons(best: Features, other: Features) -> list[str]:
    """Reasons that can be seen on the board, the heaviest first."""
    contact = best.before.contact
    reasons = []
    missed_hits = tuple(sorted(set(best.hits) - set(other.hits), reverse=True))
    if missed_hits:
        reasons.append(f"it does not hit on {points_named(missed_hits)}")
    if best.borne_off > other.borne_off:
        reasons.append(f"it bears {counted(best.borne_off - other.borne_off, 'chequer')} fewer off")
    if other.shots - best.shots >= MORE_SHOTS:
        reasons.append(f"{other.shots} rolls hit instead of {best.shots}" if best.shots else f"{other.shots} rolls hit")
    if contact:
        reasons += _point_reasons(best, other)
    stack = max(range(1, 25), key=lambda p: other.after.points[p])
    if other.after.points[stack] >= max(STACK, best.after.points[stack] + 1):
        reasons.append(f"it leaves {counted(other.after.points[stack], 'chequer')} stacked on {point_name(stack)}")
    if not contact:
        gaps = tuple(p for p in HOME if _is_gap(other.after, p) and not _is_gap(best.after, p))[::-1]
        if gaps:
            reasons.append(f"it leaves {points_named(gaps)} empty")
        if best.brought_home > other.brought_home:
            reasons.append(f"it brings {counted(best.brought_home - other.brought_home, 'chequer')} fewer home")
    return reasons


def _point_reasons(best: Features, other: Features) -> list[str]:
    missed = tuple(p for p in best.made if p not in other.after.made_points)
    broken = tuple(p for p in other.given_up if p in best.after.made_points)
    reasons = []
    if missed:
        reasons.append(f"it does not make {points_named(missed)}")
    if broken:
        reasons.append(f"it gives up {points_named(broken)}")
    if len(best.escaped) > len(other.escaped):
        reasons.append("a back chequer stays behind")
    started = tuple(p for p in best.slotted if p not in other.slotted and p not in other.made)
    if started and not best.hits:
        reasons.append(f"it does not start {points_named(started)}")
    return reasons


def _chance_reason(best: Candidate, other: Candidate) -> str:
    wins, gammons, lost = (
        best.win - other.win,
        best.win_gammon - other.win_gammon,
        other.lose_gammon - best.lose_gammon,
    )
    size = max(wins, gammons, lost)
    if size < 0.002:
        return ""
    if size == wins:
        return f"it wins {per_cent(other.win)} of the games instead of {per_cent(best.win)}"
    if size == gammons:
        return f"it wins a gammon in {per_cent(other.win_gammon)} instead of {per_cent(best.win_gammon)}"
    return f"it loses a gammon in {per_cent(other.lose_gammon)} instead of {per_cent(best.lose_gammon)}"


def _is_gap(board: Board, point: int) -> bool:
    """Whether a home point is empty below chequers that have still to come past it."""
    return board.points[point] == 0 and any(n > 0 for n in board.points[point + 1 :])


def _filled_gaps(features: Features) -> tuple[int, ...]:
    filled = [p for p in HOME if _is_gap(features.before, p) and not _is_gap(features.after, p)]
    return tuple(sorted(filled, reverse=True))


def blunder_hint(board: Board) -> str:
    """What to ask of each play when one of them throws equity away."""
    if board.contact:
        return "Ask of each play what the opponent would most like you to do."
    return "Count what each play bears off and which gaps it leaves."


def hints(best: Judged, board: Board) -> tuple[str, ...]:
    """One question that leads to the idea of the best play and one about the state of the race, without the answer."""
    ideas = best.features.ideas
    first = HINTS[ideas[0]] if ideas else "Compare what each play leaves behind with what it brings."
    if not board.contact:
        return first, "No chequer can be hit any more: only pips and an even distribution count."
    second = "You are ahead in the race" if board.lead > 0 else "You are behind in the race"
    if abs(board.lead) < 8:
        return first, "The race is close, so position decides."
    return first, f"{second}: how much do you want contact?"


def principles(best: Features, phase: Phase, curriculum: Curriculum, first: tuple[str, ...] = ()) -> tuple[str, ...]:
    """One to three principles that the drill shows: those of the task, then those of the best play's ideas."""
    wanted = list(first)
    if best.before.all_home and best.before.contact:
        wanted.append("contact_bear_off")
    if not best.before.contact:
        wanted.append("race_efficiency")
    if len(best.before.anchors) >= 2 and best.before.lead < -30:
        wanted.append("back_game")
    for idea in best.ideas:
        wanted += IDEA_PRINCIPLES[idea]
    taught = curriculum.taught_in(phase)
    found = [name for name in dict.fromkeys(wanted) if name in taught]
    return tuple(found[:3]) or taught[:1] or tuple(curriculum.principles)[:1]


def hitting_rolls_named(after: Board) -> str:
    """The opponent's rolls that hit: `every roll with a 4, and 3-1 and 2-2`."""
    theirs = after.swapped()
    rolls = [roll for roll in ROLLS if can_hit(theirs, roll, beyond=HOME_EDGE)]
    faces = [f for f in range(1, 7) if all(roll in rolls for roll in ROLLS if f in roll)]
    rest = [f"{high}-{low}" for high, low in reversed(rolls) if high not in faces and low not in faces]
    if not faces:
        return listed(rest) if rest else "none"
    whole = f"every roll with a {listed([str(f) for f in faces]).replace(' and ', ' or ')}"
    return f"{whole}, and {listed(rest)}" if rest else whole


def pips_spelled_out(board: Board) -> str:
    """`24×2 + 13×5 + 8×3 + 6×5 = 167`."""
    places = [25, *range(24, 0, -1)]
    parts = [f"{place}×{board.points[place]}" for place in places if board.points[place] > 0]
    return f"{' + '.join(parts)} = {board.pips}"
