"""A word and its code are shown; encode another word by the same rule.

Radicals: the number of operations in the code and whether they depend on the place of the letter.
- easy: every letter moves by the same number of places in the alphabet;
- medium: the move grows or shrinks from letter to letter, or differs between odd and even places;
- hard: letters move (evenly or by place) and the word is turned round, rotated or swapped in pairs as well.

Rivals: the solver tries every order of the letters in its space (as is, reversed, rotated, swapped pairs, halves) with
every pattern of moves (constant, evenly changing, two in turn, mirror alphabet) against the printed example, and
encodes the second word with each code that fits. A draft is dropped when two codes that fit disagree. The options
cross right and wrong moves with right and wrong letters, evenly.
"""

from __future__ import annotations

import itertools
import random
import re
from typing import NamedTuple

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.pattern._letters import ALPHABET, WORDS, reads_badly
from qgen_dagster.generation.items.pattern._options import balanced, success

ORDINALS = ("first", "second", "third", "fourth", "fifth")
ORDERS = {
    "as_is": ((0, 1, 2, 3, 4), ""),
    "reversed": ((4, 3, 2, 1, 0), "write the word backwards"),
    "rotated_left": ((1, 2, 3, 4, 0), "move the first letter to the end"),
    "rotated_right": ((4, 0, 1, 2, 3), "move the last letter to the front"),
    "pairs_swapped": ((1, 0, 3, 2, 4), "swap the first two letters, and the third with the fourth"),
    "ends_swapped": ((4, 1, 2, 3, 0), "swap the first and the last letter"),
}


class Code(NamedTuple):
    order: str
    moves: tuple[int, ...]
    words: str
    weight: float

    def encode(self, word: str) -> str:
        places = ORDERS[self.order][0]
        return "".join(_move(word[place], move) for place, move in zip(places, self.moves, strict=True))


def _move(letter: str, by: int) -> str:
    return ALPHABET[(ALPHABET.index(letter) + by) % 26]


def _moves(kind: str, rng: random.Random) -> tuple[tuple[int, ...], str, float]:
    sign = rng.choice([-1, 1])
    if kind == "constant":
        step = sign * rng.randint(1, 6)
        return (step,) * 5, f"every letter moves {_places(step)}", abs(step) / 12
    if kind == "changing":
        first, growth = rng.randint(1, 4), rng.choice([1, 1, 2])
        moves = [sign * (first + growth * i) for i in range(5)]
        if rng.random() < 0.4:
            moves.reverse()
        listed = ", ".join(str(abs(move)) for move in moves)
        return tuple(moves), f"the letters move {listed} places {'forward' if sign > 0 else 'back'}", 0.5
    a, b = rng.choice([(a, b) for a in range(-4, 6) for b in range(-4, 6) if a and b and abs(a - b) > 1])
    return (a, b, a, b, a), f"the letters move alternately {_places(a)} and {_places(b)}", 0.6


def _places(step: int) -> str:
    return f"{abs(step)} place{'s' if abs(step) > 1 else ''} {'forward' if step > 0 else 'back'}"


class LetterCode(ItemModel):
    name = "letter_code"
    version = 2
    family = "pattern"
    sub_type = "code"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        example, word = rng.sample(WORDS, 2)
        code = _code(level, rng)
        key, shown = code.encode(word), code.encode(example)
        if _readings(example, shown, word) != {key}:
            raise Unsuitable("another code fits the example and encodes the word in another way")
        choices = _choices(code, word, level, rng)
        if any(reads_badly(text) for text in [shown, *(choice.text for choice in choices)]):
            raise Unsuitable("a code spells something unwanted")
        return Draft(
            stem=f"In a code, {example} is written as {shown}. How is {word} written in the same code?",
            key=choices[0],
            distractors=tuple(choices[1:]),
            explanation=_explanation(code, example, shown, word, key),
            structure={"example": example, "code": shown, "word": word},
            expected_success=success(level, _load(code, level) + (0.15 if _wraps(code, word) else 0)),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        example, code, word = re.findall(r"\b[A-Z]{5}\b", shown.stem)
        readings = _readings(example, code, word)
        return [i for i, option in enumerate(shown.options) if option.text in readings]


def _code(level: ItemLevel, rng: random.Random) -> Code:
    if level == "easy":
        kind, order = "constant", "as_is"
    elif level == "medium":
        kind, order = rng.choice(["changing", "in_turn"]), "as_is"
    else:
        kind = rng.choice(["constant", "changing", "in_turn"])
        order = rng.choice([name for name in ORDERS if name != "as_is"])
    moves, words, weight = _moves(kind, rng)
    if order != "as_is":
        words = f"{ORDERS[order][1]}; then {words}"
    return Code(order, moves, words, weight)


def _choices(code: Code, word: str, level: ItemLevel, rng: random.Random) -> list[Choice]:
    """Wrong moves (or order) crossed with one letter that is a place off."""
    ways = [(code, "", "")]
    others = _wrong_codes(code)
    rng.shuffle(others)
    ways += others[: 1 if level == "easy" else 2]
    slip_place, slip = rng.randrange(5), rng.choice([-1, 1])
    choices = []
    for way, slipped in balanced([len(ways), 2], 2 * len(ways), rng):
        wrong, mistake, note = ways[way]
        text = wrong.encode(word)
        if slipped:
            moved = _move(text[slip_place], slip)
            text = text[:slip_place] + moved + text[slip_place + 1 :]
            note = f"{note} The {ORDINALS[slip_place]} letter of the code is one place off in the alphabet.".strip()
        choices.append(Choice(text, mistake=mistake or ("letter_miscounted" if slipped else None), note=note))
    return choices


def _wrong_codes(code: Code) -> list[tuple[Code, str, str]]:
    back = tuple(-move for move in code.moves)
    found = [
        (code._replace(moves=back), "wrong_direction", "The letters move the other way in the alphabet."),
    ]
    if len(set(code.moves)) > 1:
        first = (code.moves[0],) * 5
        found.append((code._replace(moves=first), "first_move_kept", "The move is not the same for every letter."))
        turned = (
            *code.moves[1:],
            code.moves[-2] if code.moves[0] == code.moves[2] else 2 * code.moves[4] - code.moves[3],
        )
        found.append(
            (code._replace(moves=turned), "moves_shifted", "The moves are right, but each comes one letter early.")
        )
    if code.order != "as_is":
        note = f"The first part of the code is left out: {ORDERS[code.order][1]}."
        found.append((code._replace(order="as_is"), "order_kept", note))
        other = "ends_swapped" if code.order == "reversed" else "reversed"
        found.append(
            (code._replace(order=other), "wrong_order", f"The letters are in the wrong order: {ORDERS[code.order][1]}.")
        )
    return found


def _explanation(code: Code, example: str, shown: str, word: str, key: str) -> str:
    places = ORDERS[code.order][0]
    ordered = "".join(word[p] for p in places)
    before = "".join(example[p] for p in places)
    steps = ", ".join(f"{a} → {b}" for a, b in zip(ordered, key, strict=True))
    arranged = "" if code.order == "as_is" else f" ({example} becomes {before}, and that becomes {shown})"
    own = "" if code.order == "as_is" else f"first {ordered}; then "
    around = " The alphabet goes round: after Z comes A." if _wraps(code, word) or _wraps(code, example) else ""
    return f"From {example} to {shown}: {code.words}{arranged}. For {word}: {own}{steps}. The code is {key}.{around}"


def _wraps(code: Code, word: str) -> bool:
    places = ORDERS[code.order][0]
    return any(not 0 <= ALPHABET.index(word[p]) + m < 26 for p, m in zip(places, code.moves, strict=True))


def _load(code: Code, level: ItemLevel) -> float:
    low, high = {"easy": (0.05, 0.55), "medium": (0.3, 0.8), "hard": (0.05, 0.8)}[level]
    return (code.weight - low) / (high - low)


# --- the solver's space of codes ---

_ARRANGEMENTS = (
    "01234", "43210", "12340", "40123", "23401", "34012", "10324", "41230", "21043", "01432", "34201", "10234", "01243",
)  # fmt: skip


def _readings(example: str, code: str, word: str) -> set[str]:
    """How `word` is written in every code of the space that turns `example` into `code`."""
    found = set()
    for arrangement in _ARRANGEMENTS:
        places = [int(p) for p in arrangement]
        before = [ord(example[p]) - 65 for p in places]
        target = [ord(word[p]) - 65 for p in places]
        after = [ord(letter) - 65 for letter in code]
        moves = [(b - a) % 26 for a, b in zip(before, after, strict=True)]
        if _regular(moves):
            found.add("".join(chr(65 + (t + m) % 26) for t, m in zip(target, moves, strict=True)))
        if len({(a + b) % 26 for a, b in zip(before, after, strict=True)}) == 1:
            total = before[0] + after[0]
            found.add("".join(chr(65 + (total - t) % 26) for t in target))
    return found


def _regular(moves: list[int]) -> bool:
    growth = {(b - a) % 26 for a, b in itertools.pairwise(moves)}
    return len(growth) == 1 or (moves[0] == moves[2] == moves[4] and moves[1] == moves[3])


MODEL = LetterCode()
