"""The bundled catalogue, choosing the positions of a series, and what they cost in a prompt.

Here: reading and writing positions as JSON lines, dynamic loading with a seeded sample, rendering a position for a
prompt, counting its tokens. Not here: the library's rows (`bank/positions.py`), who gets which position (`planner.py`).
"""

from __future__ import annotations

import gzip
import math
import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from qgen_dagster.core.drills import Phase, Position
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.drills.board import from_position_id

CATALOGUE = Path(__file__).with_name("catalogue.jsonl.gz")
MAX_POSITIONS_PER_PHASE = 25
SPARE_POSITIONS = 2  # beyond a phase's share of the drills, for variety
OPENING_POSITIONS = 21
SHOWN_PLAYS = 5
ENCODING = "o200k_base"  # of OpenAI's models since gpt-4o


class Encoding(Protocol):
    """What is used of a tokenizer."""

    def encode(self, text: str) -> Sequence[int]: ...


def read_positions(path: Path) -> tuple[Position, ...]:
    """Positions from JSON lines, gzipped or not. Raises ConfigurationError naming file and line."""
    found: dict[str, Position] = {}
    try:
        text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        lines = text.decode("utf-8").splitlines()
    except (OSError, EOFError, gzip.BadGzipFile, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from error
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                position = Position.model_validate_json(line)
            except ValidationError as error:
                problem = error.errors()[0]
                where = ".".join(str(part) for part in problem["loc"])
                raise ConfigurationError(f"{path}:{number}: {where or 'line'}: {problem['msg']}") from error
            found.setdefault(position.id, position)
    return tuple(found.values())


def write_positions(path: Path, positions: Iterable[Position]) -> None:
    """Positions as JSON lines in the library's order; the same positions make the same bytes."""
    text = "".join(position.model_dump_json() + "\n" for position in in_order(positions))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode(), mtime=0) if path.suffix == ".gz" else text.encode())


@cache
def load_catalogue() -> tuple[Position, ...]:
    """The positions that ship with qgen, in the library's order."""
    return in_order(read_positions(CATALOGUE))


def in_order(positions: Iterable[Position]) -> tuple[Position, ...]:
    """By phase; the openings in dice order (11, 21, 22, 31, …), all others by id, which is as good as any order."""
    rank = {phase: place for place, phase in enumerate(Phase)}
    return tuple(sorted(positions, key=lambda p: (rank[p.phase], p.dice if p.phase is Phase.OPENING else "", p.id)))


def positions_per_phase(target_drills: int, phases: int, most: int = MAX_POSITIONS_PER_PHASE) -> int:
    """How many positions a phase other than OPENING loads: ceil(drills / phases) + 2, at most `most`."""
    return min(math.ceil(target_drills / max(1, phases)) + SPARE_POSITIONS, most)


@dataclass(frozen=True)
class Selection:
    """The positions that a series was given. `short` has phases with fewer than were asked for: (there are, asked)."""

    positions: tuple[Position, ...]
    short: Mapping[Phase, tuple[int, int]]

    @property
    def warnings(self) -> tuple[str, ...]:
        """One sentence per phase that is short of positions."""
        return tuple(
            f"{phase}: the library has {there} position{'s' * (there != 1)}, {asked} were asked for"
            for phase, (there, asked) in self.short.items()
        )

    def of(self, phase: Phase) -> tuple[Position, ...]:
        return tuple(position for position in self.positions if position.phase is phase)


def select_positions(
    library: Sequence[Position],
    phases: Sequence[Phase],
    target_drills: int,
    seed: int,
    most: int = MAX_POSITIONS_PER_PHASE,
) -> Selection:
    """The positions that a series of `target_drills` over the phases needs.

    OPENING is always whole and in dice order. Every other phase is a random sample of the whole phase in an order of
    its own: the same for the same seed and library, whatever order the library came in and whichever other phases are
    chosen. Raises ConfigurationError for `most` below 1.
    """
    if most < 1:
        raise ConfigurationError(f"max_positions_per_phase must be at least 1, got {most}")
    wanted = positions_per_phase(target_drills, len(phases), most)
    chosen: list[Position] = []
    short = {}
    for phase in phases:
        there = in_order(position for position in library if position.phase is phase)
        asked = OPENING_POSITIONS if phase is Phase.OPENING else wanted
        if len(there) < asked:
            short[phase] = (len(there), asked)
        chosen += there if phase is Phase.OPENING else _sample(there, asked, phase, seed)
    return Selection(tuple(chosen), short)


def _sample(positions: Sequence[Position], count: int, phase: Phase, seed: int) -> list[Position]:
    return random.Random(f"{seed}/{phase}").sample(positions, min(count, len(positions)))


def render_for_prompt(position: Position, plays: int = SHOWN_PLAYS) -> str:
    """What a prompt says about a position: ids, board, pips and the best plays with equities and chances."""
    board = from_position_id(position.position_id)
    evaluation = position.evaluation
    lines = [
        f"Position {position.id} ({position.phase}), {position.dice[0]}-{position.dice[1]} to play, "
        f"pips {position.pips_on_roll} against {position.pips_opponent}",
        f"You: {_chequers(board.points, 1)}; off {board.off}",
        f"Opponent (on your numbers): {_chequers(board.points, -1)}; off {board.opponent_off}",
        f"{evaluation.legal_plays} legal plays, {evaluation.engine}, {evaluation.plies}-ply:",
    ]
    for place, each in enumerate(evaluation.candidates[:plays], start=1):
        lines.append(
            f"{place}. {each.play}: equity {each.equity:+.3f} (loses {evaluation.loss(each):.3f}), "
            f"win {each.win:.1%}, gammon {each.win_gammon:.1%}, backgammon {each.win_backgammon:.1%}, "
            f"lose gammon {each.lose_gammon:.1%}, lose backgammon {each.lose_backgammon:.1%}"
        )
    return "\n".join(lines)


def _chequers(points: Sequence[int], side: int) -> str:
    shown = [f"{i}:{points[i] * side}" for i in range(24, 0, -1) if points[i] * side > 0]
    bar = points[25] if side > 0 else -points[0]
    return " ".join([f"bar:{bar}", *shown] if bar else shown)


@dataclass(frozen=True, slots=True)
class PromptCost:
    """Tokens of a series' positions beside those of the fixed maximum that they replace, and how they were counted.

    What was measured: the input tokens of the series' calls, all that was sent, as the providers reported them; None
    where no call was made that anybody counts.
    """

    positions: int
    tokens: int
    fixed_positions: int
    fixed_tokens: int
    counted_with: str
    measured_calls: int = 0
    measured_tokens: int | None = None

    @property
    def saving(self) -> float | None:
        """The share saved, 0–1; None where there was nothing to compare with."""
        return 1 - self.tokens / self.fixed_tokens if self.fixed_tokens else None


def fixed_maximum(library: Sequence[Position], seed: int) -> tuple[Position, ...]:
    """What would be loaded whatever was asked for: all openings and 25 of every other phase, in a full library 96."""
    fixed: list[Position] = []
    for phase in Phase:
        there = in_order(position for position in library if position.phase is phase)
        fixed += there if phase is Phase.OPENING else _sample(there, MAX_POSITIONS_PER_PHASE, phase, seed)
    return tuple(fixed)


def prompt_cost(loaded: Sequence[Position], fixed: Sequence[Position]) -> PromptCost:
    """What the loaded positions cost in prompts, and what the fixed maximum would, without asking anybody."""
    tokens, method = count_tokens([render_for_prompt(position) for position in loaded])
    fixed_tokens, _ = count_tokens([render_for_prompt(position) for position in fixed])
    return PromptCost(len(loaded), tokens, len(fixed), fixed_tokens, method)


def count_tokens(texts: Collection[str]) -> tuple[int, str]:
    """Tokens of the texts and how they were counted: with OpenAI's tokenizer, or as characters / 4 without it.

    The package brings its data along; nothing is downloaded.
    """
    try:
        import bpe_openai
    except ImportError:
        return math.ceil(sum(len(text) for text in texts) / 4), "characters / 4"
    encoding: Encoding = bpe_openai.get_encoding(ENCODING)
    return sum(len(encoding.encode(text)) for text in texts), f"OpenAI's tokenizer {ENCODING}"
