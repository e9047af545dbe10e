"""Groups of letters that change place by place: give the next group.

Radicals: the number of letters in a group (each has a rule of its own) and the kind of rules.
- easy: two letters, small constant steps through the alphabet;
- medium: three letters, constant steps, one of them larger or backwards;
- hard: three letters, one with steps that grow, one with two steps in turn, and passing from Z to A.
The alphabet is treated as a circle. As in number series, rules that look beyond neighbouring groups and more places to
hold make the item harder.

Rivals: for every place, constant step, evenly growing step, step that doubles, two steps in turn, all around the
circle; a draft is dropped when a place could go on in two ways. The options cross right and wrong letters evenly.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable
from typing import NamedTuple

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.pattern._letters import ALPHABET, reads_badly
from qgen_dagster.generation.items.pattern._options import balanced, listing, success

ORDINALS = ("first", "second", "third")
SHOWN = 5


class Track(NamedTuple):
    """One place of the group: its letters as numbers (the last one is the key), a wrong letter, the rule in words."""

    letters: list[int]
    wrong: int
    mistake: str
    rule: str
    weight: float


def _constant(sizes: range, rng: random.Random) -> Track:
    step = rng.choice([-1, 1]) * rng.choice(sizes)
    letters = _run([step] * SHOWN, rng)
    wrong = (letters[-1] + rng.choice([-1, 1])) % 26
    way = "forward" if step > 0 else "back"
    plural = "s" if abs(step) > 1 else ""
    return Track(letters, wrong, "letter_miscounted", f"moves {abs(step)} letter{plural} {way}", abs(step) / 30)


def _growing(_: range, rng: random.Random) -> Track:
    sign, first = rng.choice([-1, 1]), rng.randint(1, 3)
    steps = [sign * (first + i) for i in range(SHOWN)]
    letters = _run(steps, rng)
    wrong = (letters[-2] + steps[-2]) % 26
    way = "forward" if sign > 0 else "back"
    listed = ", ".join(str(abs(s)) for s in steps)
    return Track(letters, wrong, "last_step_repeated", f"moves {listed} letters {way}", 0.35)


def _in_turn(_: range, rng: random.Random) -> Track:
    a, b = rng.choice([(a, b) for a in range(-4, 6) for b in range(-4, 6) if a and b and abs(a - b) > 1 and a + b])
    steps = [a, b, a, b, a]
    letters = _run(steps, rng)
    wrong = (letters[-2] + b) % 26
    return Track(letters, wrong, "wrong_turn", f"moves alternately {_moving(a)} and {_moving(b)}", 0.4)


def _moving(step: int) -> str:
    return f"{abs(step)} {'forward' if step > 0 else 'back'}"


def _run(steps: list[int], rng: random.Random) -> list[int]:
    return [n % 26 for n in itertools.accumulate(steps, initial=rng.randrange(26))]


class LetterSeries(ItemModel):
    name = "letter_series"
    version = 2
    family = "pattern"
    sub_type = "letter_series"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        tracks = _tracks(level, rng)
        wraps = sum(_wraps(track) for track in tracks)
        if wraps > {"easy": 0, "medium": 1, "hard": 2}[level]:
            raise Unsuitable("too many turns of the alphabet")
        for track in tracks:
            if _justified(track.letters[:-1]) != {track.letters[-1]}:
                raise Unsuitable("a place could go on in another way")
        groups = [_word(letters) for letters in zip(*(track.letters for track in tracks), strict=True)]
        choices = _choices(tracks, level, rng)
        if any(reads_badly(text) for text in [*groups, *(choice.text for choice in choices)]):
            raise Unsuitable("a group of letters spells something unwanted")
        rules = [f"the {place} letter {track.rule}" for place, track in zip(ORDINALS, tracks, strict=False)]
        around = " The alphabet goes round: after Z comes A." if wraps else ""
        return Draft(
            stem=f"Which group of letters comes next in this series?\n\n{', '.join(groups[:-1])}, ?",
            key=choices[0],
            distractors=tuple(choices[1:]),
            explanation=(
                f"Follow each place of the groups on its own: {'; '.join(rules)}.{around} "
                f"After {groups[-2]} this gives {groups[-1]}."
            ),
            structure={"groups": groups[:-1]},
            expected_success=success(level, _load(tracks, wraps, level)),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        groups = re.findall(r"\b[A-Z]{2,3}\b", shown.stem)
        allowed = [_justified([ALPHABET.index(letter) for letter in place]) for place in zip(*groups, strict=True)]
        answers = []
        for i, option in enumerate(shown.options):
            if all(ALPHABET.index(letter) in fits for letter, fits in zip(option.text, allowed, strict=True)):
                answers.append(i)
        return answers


def _tracks(level: ItemLevel, rng: random.Random) -> list[Track]:
    kinds: list[tuple[Callable[[range, random.Random], Track], range]]
    if level == "easy":
        kinds = [(_constant, range(1, 4)), (_constant, range(1, 4))]
    elif level == "medium":
        kinds = [(_constant, range(1, 4)), (_constant, range(2, 7)), (_constant, range(2, 7))]
    else:
        kinds = [(_constant, range(2, 6)), (_growing, range(0)), (_in_turn, range(0))]
    tracks = [make(sizes, rng) for make, sizes in kinds]
    rng.shuffle(tracks)
    return tracks


def _choices(tracks: list[Track], level: ItemLevel, rng: random.Random) -> list[Choice]:
    choices = []
    for row in balanced([2] * len(tracks), 4 if level == "easy" else 6, rng):
        text = _word([t.wrong if v else t.letters[-1] for t, v in zip(tracks, row, strict=True)])
        missed = [i for i, v in enumerate(row) if v]
        if not missed:
            choices.append(Choice(text))
            continue
        mistake = tracks[missed[0]].mistake if len(missed) == 1 else "several_letters_wrong"
        places = listing([f"the {ORDINALS[i]} letter" for i in missed])
        rules = "; ".join(f"the {ORDINALS[i]} letter {tracks[i].rule}" for i in missed)
        note = f"Here {places} {'is' if len(missed) == 1 else 'are'} wrong: {rules}."
        choices.append(Choice(text, mistake=mistake, note=note))
    return choices


def _word(letters: list[int] | tuple[int, ...]) -> str:
    return "".join(ALPHABET[n] for n in letters)


def _wraps(track: Track) -> bool:
    return any(abs(b - a) > 12 for a, b in itertools.pairwise(track.letters))


def _load(tracks: list[Track], wraps: int, level: ItemLevel) -> float:
    low, high = {"easy": (0.0, 0.25), "medium": (0.1, 0.7), "hard": (0.8, 1.1)}[level]
    return (sum(track.weight for track in tracks) + 0.1 * wraps - low) / (high - low)


def _justified(letters: list[int]) -> set[int]:
    """Every next letter that a rule of the space justifies."""
    steps = [(b - a) % 26 for a, b in itertools.pairwise(letters)]
    last, found = letters[-1], set()
    if len(set(steps)) == 1:
        found.add((last + steps[-1]) % 26)
    growth = {(b - a) % 26 for a, b in itertools.pairwise(steps)}
    if len(growth) == 1:
        found.add((last + steps[-1] + growth.pop()) % 26)
    if all((2 * a - b) % 26 == 0 for a, b in itertools.pairwise(steps)):
        found.add((last + 2 * steps[-1]) % 26)
    if len(steps) >= 4 and steps[:-2] == steps[2:]:
        found.add((last + steps[-2]) % 26)
    return found


MODEL = LetterSeries()
