"""How arrays stand to those that should be made in their place, turn by turn: summed, turned, along
which axes they vary, in which order they come.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from autograd_mini.check.lines.trial import is_multiple
from autograd_mini.typing import Array


def arranged(values: Sequence[Array]) -> Iterator[list[Array]]:
    """The same numbers, turn by turn: summed along an axis, without a first axis of length 1, with
    axes in the reverse order; none where turns have several numbers of axes.
    """
    shape = values[0].shape
    if any(value.ndim != len(shape) for value in values):
        return
    for axis in range(len(shape)):
        if shape[axis] > 1:
            yield [np.sum(value, axis=axis, keepdims=True) for value in values]
    if len(shape) > 1 and all(value.shape[0] == 1 for value in values):
        yield [value[0] for value in values]
    elif len(shape) > 1:
        yield [value.T for value in values]


def is_as_wide(arrays: Sequence[Array], values: Sequence[Array]) -> bool:
    """Whether arrays have the shapes of others, turn by turn, or are larger: those are summed too
    far, then.
    """
    both = list(zip(arrays, values, strict=True))
    is_same = all(array.shape == value.shape for array, value in both)
    return is_same or all(array.size > value.size for array, value in both)


def is_opposed(array: Array | None, value: Array) -> bool:
    """Whether an array is some times another, of the other sign."""
    return array is not None and is_multiple(array, value) and bool(np.vdot(array, value) < 0)


def is_constant(array: Array, axis: int) -> bool:
    """Whether an array of ratios is the same along an axis, but for 0 / 0."""
    least, most = np.fmin.reduce(array, axis), np.fmax.reduce(array, axis)
    return array.shape[axis] > 1 and np.allclose(least, most, rtol=1e-6, atol=0, equal_nan=True)


def is_reordered(made: Sequence[Array], arrays: Sequence[Array | None]) -> bool:
    """Whether what is made in several turns is what should be, or as many times that in another
    order: then what reads it is wrong.

    >>> one, other, zero = np.array([1.0]), np.array([2.0]), np.array([0.0])
    >>> is_reordered([one, other], [2 * other, 2 * one]), is_reordered([one, other], [zero, zero])
    (True, False)
    """
    several = [array for array in arrays if array is not None]
    size = np.sqrt(sum(float(np.sum(value**2)) for value in made))
    if not 1 < len(made) == len(several) or not size:
        return False
    times = np.sqrt(sum(float(np.sum(array**2)) for array in several)) / size

    def is_alike(value: Array, array: Array) -> bool:
        return value.shape == array.shape and np.allclose(times * value, array, rtol=1e-6)

    if all(map(is_alike, made, several)):
        return bool(np.isclose(times, 1))  # it is what should be made, or lacks a factor
    return all(any(is_alike(value, array) for array in several) for value in made)
