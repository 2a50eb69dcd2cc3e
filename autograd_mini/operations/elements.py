"""What picks, sorts and solves, over arrays of single numbers, by elementwise rules alone.

An operation that compares its elements, or hands them to LAPACK, says here what it is made of, so
that a page can compute it from other numbers: which element is picked is computed as a number too.

>>> import numpy as np
>>> greatest = extreme("maximum")
>>> float(greatest(np.array([[1.0, 3.0], [3.0, 2.0]], object), axis=None, keepdims=False))
3.0
>>> in_order(np.array([3.0, 1.0, 2.0], object), axis=0).tolist()
[1.0, 2.0, 3.0]
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

import numpy as np

from autograd_mini.core.operation import axes_of
from autograd_mini.core.rule import FUNCTIONS
from autograd_mini.typing import Array, Axis, Function, Operand


def _boxed(x: Operand) -> Array:
    """An array of single numbers, also of one."""
    if isinstance(x, np.ndarray):
        return x.astype(object, copy=False)
    box = np.empty((), object)
    box[()] = x
    return box


def _rule(name: str, *operands: Operand) -> Operand:
    """A rule of each element."""
    return np.frompyfunc(FUNCTIONS[name], len(operands), 1)(*map(_boxed, operands))


def _folded(name: str, rows: Array) -> Operand:
    """A rule of two operands, along the last axis."""
    return np.frompyfunc(FUNCTIONS[name], 2, 1).reduce(rows, axis=-1)


def _stacked(parts: Iterable[Operand], axis: int) -> Array:
    return np.moveaxis(np.stack([*map(_boxed, parts)], -1), -1, axis)


def _equal(x: Operand, y: Operand) -> Operand:
    """1 where two numbers are equal, else 0; no gradient flows through it."""
    return 1 - _rule("abs", _rule("sign", x - y))


def _less(x: Operand, y: Operand) -> Operand:
    """1 where a number is less than another, else 0; no gradient flows through it."""
    return _rule("maximum", _rule("sign", y - x), 0)


# Extremes and orders


def extreme(name: str) -> Function:
    """The greatest or least element over axes: the mean of those that are."""

    def elements(x: Array, axis: Axis, keepdims: bool) -> Operand:
        axes = axes_of(axis, x.ndim)
        kept = [a for a in range(x.ndim) if a not in axes]
        rows = x.transpose(*kept, *axes).reshape(*(x.shape[a] for a in kept), -1)
        shape = [1 if a in axes else n for a, n in enumerate(x.shape)]
        found = _boxed(_extreme(name, rows))
        return found.reshape(shape) if keepdims else found

    return elements


def _extreme(name: str, rows: Array) -> Operand:
    """Of each row, along the last axis."""
    equal = _equal(rows, np.expand_dims(_boxed(_folded(name, rows)), -1))
    return np.sum(_rule("where", equal, rows, 0), axis=-1) / np.sum(equal, axis=-1)


def running_extreme(name: str) -> Function:
    """The greatest or least element so far along an axis."""

    def elements(x: Array, axis: int) -> Array:
        rows = np.moveaxis(x, axis, -1)
        return _stacked((_extreme(name, rows[..., : k + 1]) for k in range(x.shape[axis])), axis)

    return elements


def in_order(x: Array, axis: int) -> Array:
    """The elements in rising order along an axis: each where as many are before it."""
    columns = [_boxed(row)[()] for row in np.moveaxis(x, axis, 0)]
    ranks = [
        sum(_less(other, one) for other in columns[:i] + columns[i + 1 :])
        + sum(_equal(other, one) for other in columns[:i])
        for i, one in enumerate(columns)
    ]
    pairs = [*zip(ranks, columns, strict=True)]
    ordered = (
        sum(_rule("where", _equal(rank, k), one, 0) for rank, one in pairs)
        for k in range(len(pairs))
    )
    return _stacked(ordered, axis)


# Matrices


def solved(a: Array, b: Array) -> Array:
    """The solution of a @ x = b, for stacks of matrices, or one vector b."""
    if b.ndim == 1:
        return solved(a, b[:, None])[..., 0]
    stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = (np.broadcast_to(x, (*stack, *x.shape[-2:])) for x in (a, b))
    found = np.empty((*stack, a.shape[-1], b.shape[-1]), object)
    for place in np.ndindex(*stack):
        found[place] = _eliminated(a[place], b[place])
    return found


def inverse(x: Array) -> Array:
    return solved(x, np.eye(x.shape[-1]).astype(object))


def _eliminated(a: Array, b: Array) -> Array:
    """Gaussian elimination with partial pivoting; which row is taken is computed as well."""
    size = len(a)
    rows = np.concatenate([a, b], axis=1)
    for k in range(size):
        sizes = _rule("abs", rows[k:, k])
        largest, left, taken = _folded("maximum", sizes), 1, []
        for one in sizes:  # the first of those that are the largest
            taken.append(left * _equal(one, largest))
            left = left - taken[-1]
        pivot = sum(_rule("where", now, row, 0) for now, row in zip(taken, rows[k:], strict=True))
        others = [
            _rule("where", now, rows[k], row)
            for now, row in zip(taken[1:], rows[k + 1 :], strict=True)
        ]
        rows = np.array([*rows[:k], pivot, *others], object)
        rows[k + 1 :, k + 1 :] -= (rows[k + 1 :, k] / pivot[k])[:, None] * pivot[None, k + 1 :]
    found = rows[:, size:]
    for k in reversed(range(size)):
        known = sum((rows[k, j] * found[j] for j in range(k + 1, size)), start=0)
        found[k] = (found[k] - known) / rows[k, k]
    return found


def determinant(x: Array) -> Array:
    """The determinant by minors, column after column: sound for singular matrices as well."""
    found = np.empty(x.shape[:-2], object)
    size = x.shape[-1]
    for place in np.ndindex(*found.shape):
        minors: dict[tuple[int, ...], Operand] = {(): 1.0}
        for k in range(size):  # of the rows that are chosen, and the first k + 1 columns
            minors = {
                chosen: sum(
                    (-1) ** (k - i) * x[(*place, row, k)] * minors[chosen[:i] + chosen[i + 1 :]]
                    for i, row in enumerate(chosen)
                )
                for chosen in combinations(range(size), k + 1)
            }
        found[place] = minors[tuple(range(size))]
    return found


def log_of_determinant(x: Array) -> Operand:
    """The logarithm of the determinant's size."""
    return _rule("log", _rule("abs", determinant(x)))


def cube_root(x: Array) -> Operand:
    return _rule("sign", x) * _rule("abs", x) ** (1 / 3)
