"""A guesser that learns from other items which of five numbers tends to be the key, without ever seeing a question.

What it looks at are relations among the options only: size, gaps, shared steps and ratios, sums, roundness, divisors,
last digits. It is trained on two thirds of the items and tested on the rest, three times. Chance is a fifth.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
OPTIONS, FOLDS, STEPS = 5, 3, 150
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:/\d+)?")
_NEAR = 1e-9
_UNITS = (2, 5, 10, 20, 50, 100, 1_000)


def numbers_of(texts: Sequence[str]) -> list[Fraction] | None:
    """The number in each option; None unless there are five, each with just one."""
    found = [_NUMBER.findall(text) for text in texts]
    if len(texts) != OPTIONS or any(len(numbers) != 1 for numbers in found):
        return None
    return [Fraction(numbers[0].replace(",", "")) for numbers in found]


def hit_rate(items: Sequence[tuple[list[Fraction], int]]) -> float:
    """How often the key is picked in items that were not learned from. Each is its options and the place of its key."""
    seen = _looks([options for options, _ in items])
    keys = np.array([key for _, key in items])
    order = np.random.default_rng(0).permutation(len(items))
    hits = 0
    for fold in range(FOLDS):
        test, learn = order[fold::FOLDS], np.concatenate([order[k::FOLDS] for k in range(FOLDS) if k != fold])
        weights = _learned(seen[learn], keys[learn])
        hits += int(((seen[test] @ weights).argmax(axis=1) == keys[test]).sum())
    return hits / len(items)


def _learned(seen: Array, keys: npt.NDArray[np.int64]) -> Array:
    """The weights of a conditional logit: one score for each option, and the key has the highest."""
    weights = np.zeros(seen.shape[2])
    right = np.eye(OPTIONS)[keys]
    for _ in range(STEPS):
        scores = seen @ weights
        scores -= scores.max(axis=1, keepdims=True)
        shares = np.exp(scores)
        shares /= shares.sum(axis=1, keepdims=True)
        gradient = np.einsum("ij,ijk->k", shares - right, seen) / len(keys)
        weights -= 1.0 * (gradient + 1e-4 * weights)
    return weights


def _looks(items: Sequence[list[Fraction]]) -> Array:
    """For every option how it ranks among its item's options in each respect, as ones and zeros."""
    values = np.array([[float(value) for value in options] for options in items])
    columns = [*_sizes(values), *_relations(values), *_digits(items)]
    ranks = []
    for column in columns:
        below = (column[:, :, None] > column[:, None, :] + _NEAR).sum(axis=2)
        level = (np.abs(column[:, :, None] - column[:, None, :]) <= _NEAR).sum(axis=2) - 1
        ranks += [(2 * below + level == rank).astype(float) for rank in range(2 * OPTIONS - 1)]
    return np.stack(ranks, axis=2)


def _sizes(values: Array) -> list[Array]:
    gaps = np.abs(values[:, :, None] - values[:, None, :])
    others = gaps + np.where(np.eye(OPTIONS, dtype=bool), np.inf, 0)
    middle = np.median(values, axis=1, keepdims=True)
    return [values, -np.abs(values - middle), others.min(axis=2) / values, gaps.max(axis=2) / values]


def _relations(values: Array) -> list[Array]:
    """How many other options stand to an option in a simple relation: a step or ratio seen elsewhere, a sum, a mean."""
    size = OPTIONS
    steps, ratios, whole, sums, means, squares = (np.zeros_like(values) for _ in range(6))
    pairs = [(i, j) for i in range(size) for j in range(i)]
    gap = np.stack([np.abs(values[:, i] - values[:, j]) for i, j in pairs], axis=1)
    ratio = np.stack([np.abs(np.log(values[:, i] / values[:, j])) for i, j in pairs], axis=1)
    for column, into in ((gap, steps), (ratio, ratios)):
        same = (np.abs(column[:, :, None] - column[:, None, :]) < _NEAR * 10).sum(axis=2) - 1
        for k, (i, j) in enumerate(pairs):
            into[:, i] += same[:, k]
            into[:, j] += same[:, k]
    for i in range(size):
        others = [j for j in range(size) if j != i]
        for j in others:
            times = values[:, i] / values[:, j]
            whole[:, i] += np.abs(times - np.round(times)) < _NEAR
            for k in others:
                if k < j:
                    both = values[:, j] + values[:, k]
                    sums[:, i] += np.abs(both - values[:, i]) < _NEAR * values[:, i]
                    means[:, i] += np.abs(both - 2 * values[:, i]) < _NEAR * values[:, i]
                    for m in others:
                        if m not in (j, k):
                            squares[:, i] += np.abs(both - values[:, m] - values[:, i]) < _NEAR * values[:, i]
    return [steps, ratios, whole, sums, means, squares]


def _digits(items: Sequence[list[Fraction]]) -> list[Array]:
    top = np.array([[value.numerator for value in options] for options in items])
    under = np.array([[value.denominator for value in options] for options in items])
    round_by = sum((top % unit == 0).astype(float) for unit in _UNITS)
    last = top % 10
    shared = np.gcd(top[:, :, None], top[:, None, :]).sum(axis=2) / top
    return [
        np.asarray(round_by, dtype=float),
        (last[:, :, None] == last[:, None, :]).sum(axis=2).astype(float),
        shared.astype(float),
        -under.astype(float),
        (under[:, :, None] == under[:, None, :]).sum(axis=2).astype(float),
    ]
