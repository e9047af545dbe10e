"""The rules that a reader could find in a number series: the rival search shared by the series models.

`continuations` gives every next number that a rule of the space justifies. A rule counts only when the shown numbers
test it, that is when they fix its constants and then confirm them at least once more. The space:

- x' = a·x + b (constant step, constant factor, both), also with a factor ½ or ⅓;
- x' = a·x + (b + c·i) (the added part itself grows steadily), a = 1, 2, 3, -1;
- constant 2nd or 3rd differences, differences with a constant factor, differences that are the next prime;
- x'' = p·x' + q·x + c with p, q among 1, 2, -1;
- x' = i·x (+ c): a factor that grows by one;
- x' = x plus or minus the sum of its digits;
- operations (+, -, ×, ÷) repeated in a cycle of two or three, each seen at least twice;
- two interleaved step cycles: steps (or numbers) in odd and even places follow their own constant step or factor.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from fractions import Fraction

Terms = Sequence[int]
_PARTS = (Fraction(1, 2), Fraction(1, 3))
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61)


def continuations(terms: Terms) -> set[int]:
    """Every next number that some rule of the space justifies."""
    found: set[int] = set()
    for rule in _RULES:
        found |= rule(terms)
    return found


def differences(terms: Terms) -> list[int]:
    return [b - a for a, b in itertools.pairwise(terms)]


def _whole(value: Fraction) -> set[int]:
    return {int(value)} if value.denominator == 1 else set()


def _linear(terms: Terms) -> set[int]:
    if len(terms) < 4:
        return set()
    x, y, z = terms[:3]
    if x == y:
        return {x} if len(set(terms)) == 1 else set()
    # Every later step is the one before it times the same factor; compared without dividing.
    steps = differences(terms)
    if any(b * steps[0] != a * steps[1] for a, b in itertools.pairwise(steps)):
        return set()
    a = Fraction(z - y, y - x)
    if a not in _PARTS and a.denominator != 1:
        return set()
    return _whole(a * (terms[-1] - x) + y)


def _growing_addend(terms: Terms) -> set[int]:
    if len(terms) < 5:
        return set()
    found = set()
    for a in (1, 2, 3, -1):
        rests = [q - a * p for p, q in itertools.pairwise(terms)]
        if len(set(differences(rests))) == 1:
            found.add(a * terms[-1] + 2 * rests[-1] - rests[-2])
    return found


def _third_difference(terms: Terms) -> set[int]:
    first = differences(terms)
    second = differences(first)
    third = differences(second)
    if len(third) >= 2 and len(set(third)) == 1:
        return {terms[-1] + first[-1] + second[-1] + third[-1]}
    return set()


def _factor_differences(terms: Terms) -> set[int]:
    steps = differences(terms)
    if len(steps) < 3 or 0 in steps:
        return set()
    ratio = Fraction(steps[1], steps[0])
    if all(Fraction(q, p) == ratio for p, q in itertools.pairwise(steps)):
        return {terms[-1] + n for n in _whole(steps[-1] * ratio)}
    return set()


def _prime_differences(terms: Terms) -> set[int]:
    steps = differences(terms)
    if len(steps) >= 3 and steps[0] in _PRIMES:
        start = _PRIMES.index(steps[0])
        if list(_PRIMES[start : start + len(steps)]) == steps and start + len(steps) < len(_PRIMES):
            return {terms[-1] + _PRIMES[start + len(steps)]}
    return set()


def _last_two(terms: Terms) -> set[int]:
    if len(terms) < 5:
        return set()
    found = set()
    x, y, z = terms[:3]
    for p in (1, 2, -1):
        for q in (1, 2, -1):
            c = z - p * y - q * x
            if all(terms[i] == p * terms[i - 1] + q * terms[i - 2] + c for i in range(3, len(terms))):
                found.add(p * terms[-1] + q * terms[-2] + c)
    return found


def _growing_factor(terms: Terms) -> set[int]:
    if len(terms) < 5:
        return set()
    found = set()
    for start in (1, 2, 3):
        for sign in (1, -1):
            factors = [start + sign * i for i in range(len(terms))]
            rests = {q - f * p for p, q, f in zip(terms, terms[1:], factors, strict=False)}
            if len(rests) == 1:
                found.add(factors[len(terms) - 1] * terms[-1] + rests.pop())
    return found


def _digit_sum(terms: Terms) -> set[int]:
    if len(terms) < 4 or min(terms) < 0:
        return set()
    found = set()
    for sign in (1, -1):
        if all(p + sign * _digits(p) == q for p, q in itertools.pairwise(terms)):
            found.add(terms[-1] + sign * _digits(terms[-1]))
    return found


def _digits(number: int) -> int:
    return sum(map(int, str(number)))


def _cycle(terms: Terms) -> set[int]:
    found: set[int] = set()
    moves = list(itertools.pairwise(terms))
    for period in (2, 3):
        if len(moves) < 2 * period or len(set(moves)) == 1:
            continue
        phases = [_operations(moves[i::period]) for i in range(period)]
        if all(phases):
            found |= {n for op in phases[len(moves) % period] for n in _whole(op(terms[-1]))}
    return found


def _operations(moves: Sequence[tuple[int, int]]) -> list[Callable[[int], Fraction]]:
    """The single operations that explain all of the moves."""
    fits: list[Callable[[int], Fraction]] = []
    step = moves[0][1] - moves[0][0]
    if all(b - a == step for a, b in moves):
        fits.append(lambda x: Fraction(x + step))
    if moves[0][0]:
        factor = Fraction(moves[0][1], moves[0][0])
        plain = factor.denominator == 1 or factor.numerator == 1
        if plain and all(a * factor.numerator == b * factor.denominator for a, b in moves):
            fits.append(lambda x: x * factor)
    return fits


def _interleaved(terms: Terms) -> set[int]:
    found = set()
    if len(terms) >= 6:
        found |= _strand_next(terms)
    steps = differences(terms)
    if len(steps) >= 6:
        found |= {terms[-1] + step for step in _strand_next(steps)}
    return found


def _strand_next(terms: Terms) -> set[int]:
    """The next number when both strands run by a constant step or factor, at least three numbers each."""
    ahead, other = _simple(terms[len(terms) % 2 :: 2]), _simple(terms[(len(terms) + 1) % 2 :: 2])
    return ahead if ahead and other else set()


def _simple(strand: Terms) -> set[int]:
    if len(strand) < 3:
        return set()
    found = set()
    if len(set(differences(strand))) == 1:
        found.add(2 * strand[-1] - strand[-2])
    if 0 not in strand:
        ratio = Fraction(strand[1], strand[0])
        if all(q * ratio.denominator == p * ratio.numerator for p, q in itertools.pairwise(strand)):
            found |= _whole(strand[-1] * ratio)
    return found


_RULES = (
    _linear,
    _growing_addend,
    _third_difference,
    _factor_differences,
    _prime_differences,
    _last_two,
    _growing_factor,
    _digit_sum,
    _cycle,
    _interleaved,
)
