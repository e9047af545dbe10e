"""The rules that every drill and every series must keep, whoever made them.

Here: `drill_problems`, `series_problems`; both say what is wrong in sentences. Not here: whether the answer is right
(`verify.py`).
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from qgen_dagster.config.drills import Curriculum
from qgen_dagster.core.drills import COMPARES_PLAYS, NEEDS_SUBJECT, Asks, Drill, DrillOption, Slot
from qgen_dagster.core.question import normalise_text
from qgen_dagster.drills.board import BadPosition, Board, split_row_id
from qgen_dagster.drills.notation import parse_play
from qgen_dagster.drills.plays import Play, legal_plays


def drill_problems(
    drill: Drill, curriculum: Curriculum, *, known_ids: Collection[str], slot: Slot | None = None
) -> list[str]:
    """What is wrong with a drill by itself; empty when nothing is.

    `known_ids`: the positions that there are, or those of the drill's own batch. `slot`: what was planned for it.
    """
    problems = [*_place_problems(drill, curriculum, known_ids, slot), *_option_problems(drill)]
    try:
        board, dice = split_row_id(drill.position_id)
    except BadPosition as error:
        return [*problems, error.message]
    return [*problems, *_play_problems(drill, board, dice)]


def series_problems(drills: Sequence[Drill], curriculum: Curriculum) -> list[str]:
    """What is wrong with drills as a series: methodologies, tiers, positions used twice. Empty when nothing is."""
    count = len(drills)
    methods = Counter(drill.methodology for drill in drills)
    problems = [
        f"{used} drills share the position {position_id}"
        for position_id, used in Counter(drill.position_id for drill in drills).items()
        if used > 1
    ]
    if count and len(methods) < min(curriculum.min_methodologies, count):
        problems.append(f"{len(methods)} methodologies, at least {curriculum.min_methodologies} are asked for")
    most = curriculum.most_of_a_methodology(count)
    problems += [
        f"{used} of {count} drills are {name}, at most {most} may be" for name, used in methods.items() if used > most
    ]
    most = curriculum.most_of_a_tier(count)
    tiers = Counter(drill.tier for drill in drills)
    problems += [
        f"{used} of {count} drills are {tier}, at most {most} may be" for tier, used in tiers.items() if used > most
    ]
    return problems


def _place_problems(
    drill: Drill, curriculum: Curriculum, known_ids: Collection[str], slot: Slot | None
) -> Iterator[str]:
    if drill.position_id not in known_ids:
        yield f"unknown position {drill.position_id}"
    if slot is not None and drill.position_id != slot.position_id:
        yield f"the position is {drill.position_id}, planned was {slot.position_id}"
    if slot is not None and drill.methodology != slot.methodology:
        yield f"the methodology is {drill.methodology}, planned was {slot.methodology}"
    settings = curriculum.methodologies.get(drill.methodology)
    if settings is None:
        yield f"unknown methodology {drill.methodology}"
    else:
        for name in ("tier", "format", "asks"):
            found, right = getattr(drill, name), getattr(settings, name)
            if found != right:
                yield f"{drill.methodology} has the {name} {right}, not {found}"
    for name in drill.principles:
        if name not in curriculum.principles:
            yield f"unknown principle {name}"


def _option_problems(drill: Drill) -> Iterator[str]:
    right = sum(option.correct for option in drill.options)
    if right != 1:
        yield f"{right} options are marked right, exactly one must be"
    texts = [normalise_text(option.text) for option in drill.options]
    if len(set(texts)) < len(texts):
        yield "two options read the same"
    if drill.asks in COMPARES_PLAYS:
        yield from (f"option {o.text!r} names no play" for o in drill.options if o.play is None)
        return
    numbers = [option for option in drill.options if option.low is not None and option.high is not None]
    yield from (f"option {o.text!r} claims no number" for o in drill.options if o not in numbers)
    ranges = sorted((option.low or 0.0, option.high or 0.0, option.text) for option in numbers)
    yield from (f"option {text!r} has its range the wrong way round" for low, high, text in ranges if low > high)
    for (low, high, text), (next_low, _, next_text) in itertools.pairwise(ranges):
        if next_low < high or next_low == high == low:
            yield f"the options {text!r} and {next_text!r} claim the same numbers"


def _play_problems(drill: Drill, board: Board, dice: tuple[int, int]) -> Iterator[str]:
    plays = legal_plays(board, dice)
    ends: dict[str, DrillOption] = {}
    best, problem = _read(drill.best_play, board, dice, plays)
    if problem:
        yield f"best play: {problem}"
    if drill.subject is not None:
        _, problem = _read(drill.subject, board, dice, plays)
        if problem:
            yield f"subject: {problem}"
    elif drill.asks in NEEDS_SUBJECT:
        yield f"{drill.asks} needs a subject, the play that is asked about"
    for option in drill.options:
        if option.play is None:
            continue
        play, problem = _read(option.play, board, dice, plays)
        if play is None:
            yield problem
            continue
        same = ends.setdefault(str(play.ends), option)
        if same is not option:
            yield f"the options {same.text!r} and {option.text!r} are the same play"
        if option.correct and drill.asks is Asks.BEST_PLAY and best is not None and best.ends != play.ends:
            yield f"the right option is {option.play}, the best play is said to be {drill.best_play}"


def _read(text: str, board: Board, dice: tuple[int, int], plays: Sequence[Play]) -> tuple[Play | None, str]:
    """The play that a text names, or what is wrong with it."""
    try:
        return parse_play(text, board, dice, plays), ""
    except BadPosition as error:
        return None, error.message
