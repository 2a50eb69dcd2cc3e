"""Assignment to elements of an array, as a new array: ``at(t, index).set(v)``.

>>> from autograd_mini import Tensor, gradients
>>> t = Tensor([1.0, 2.0, 3.0])
>>> made = at(t, [0, 2]).set(t[1] * 5)
>>> made.data
array([10.,  2., 10.])
>>> gradients(made.sum(), t)
array([ 0., 11.,  0.])
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from autograd_mini.core.rule import FUNCTIONS
from autograd_mini.core.tensor import Tensor
from autograd_mini.interface.operands import as_operand
from autograd_mini.operations.indexing import gather, own_index, scattered
from autograd_mini.typing import Array, Operand


@dataclass(frozen=True)
class At:
    """Elements of an array that are to be changed in a new one; see ``at``."""

    array: Operand
    places: Array

    def set(self, value: Operand) -> Operand:
        """The array with a value at the index; of an element that is named twice, the last."""
        value = fitting(value, self.places, self.array.dtype)
        size = np.size(self.array)
        numbers = np.arange(size)
        numbers[self.places] = size + np.arange(np.size(value)).reshape(self.places.shape)
        return gather([self.array, value], numbers.reshape(np.shape(self.array)))

    def add(self, value: Operand) -> Operand:
        """The array with a value added at the index; to an element that is named twice, both."""
        value, shape = fitting(value, self.places, self.array.dtype), np.shape(self.array)
        flat = scattered(np.ravel(value), self.places.ravel(), (np.size(self.array),))
        return FUNCTIONS["add"](self.array, np.reshape(flat, shape))

    def mul(self, value: Operand) -> Operand:
        """The array multiplied by a value at the index; one that is named twice, by both."""
        return self.apply(FUNCTIONS["mul"], value)

    def apply(self, function: Callable[..., Operand], *values: Operand) -> Operand:
        """The array with a function of its elements, and of values, at the index.

        What a ufunc's ``at`` does: an element that is named twice goes through it twice, in turn.

        >>> at(np.array([8.0, 9.0]), [0, 0, 1]).apply(np.divide, np.array([2.0, 2.0, 3.0]))
        array([2., 3.])
        """
        flat = [np.ravel(fitting(value, self.places, self.array.dtype)) for value in values]
        places = self.places.ravel()
        made = np.ravel(self.array)
        for turn in _turns(places):
            new = function(made[places[turn]], *(each[turn] for each in flat))
            made = At(made, places[turn]).set(new)
        return np.reshape(made, np.shape(self.array))


def fitting(value: Operand, places: Array, dtype: DTypeLike) -> Operand:
    """A value in the shape of the places that it is for, and in a dtype.

    Raises:
        ValueError: it does not broadcast to that shape.
    """
    shape, given = places.shape, np.shape(value)
    extra = max(len(given) - len(shape), 0)
    if any(n != 1 for n in given[:extra]) or any(
        n not in (1, m) for n, m in zip(given[::-1], shape[::-1], strict=False)
    ):
        raise ValueError(
            f"a value of shape {given} does not fit what the index names, of shape {shape}: "
            "the shapes must be equal, or broadcast to the second"
        )
    if not isinstance(value, Tensor):
        value = np.asarray(value)
    if extra:
        value = np.reshape(value, given[extra:])
    if value.dtype != dtype:
        value = value.astype(dtype)
    return value if np.shape(value) == shape else np.broadcast_to(value, shape)


def _turns(places: Array) -> list[Array]:
    """Numbers of places in groups that name none twice: the first times, the second, and so on."""
    order = np.argsort(places, kind="stable")
    ordered = places[order]
    firsts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]][: len(ordered)])
    times = np.arange(len(ordered)) - np.repeat(firsts, np.diff([*firsts, len(ordered)]))
    return [np.sort(order[times == time]) for time in range(times.max(initial=0) + 1)]


def at(array: Operand, index: object) -> At:
    """Elements of an array, to be changed in a new one.

    ``at(t, index).set(v)`` is what ``t[index] = v`` leaves in NumPy, ``add`` what ``np.add.at``
    does (and ``+=``, where no element is named twice), ``mul`` what ``np.multiply.at`` does.  The
    array itself stays as it is.

    Arguments:
        array: an array or Tensor of any shape; integers become float64.
        index: anything that NumPy takes: numbers, slices, arrays of integers or booleans.

    Raises:
        IndexError: there are no such elements.
        ValueError: a value does not broadcast to their shape.
        TypeError: a Tensor is the index.

    >>> from autograd_mini import Tensor, gradients
    >>> t, v = Tensor(np.zeros((2, 3))), Tensor([1.0, 2.0])
    >>> at(t, (slice(None), 1)).set(v).data
    array([[0., 1., 0.],
           [0., 2., 0.]])
    >>> gradients(at(t, [0, 0]).add(v[0]).sum(), v)
    array([6., 0.])
    """
    array = as_operand(array)
    if not isinstance(array, Tensor):
        array = Tensor(array).data
    numbers = np.arange(array.size).reshape(array.shape)
    return At(array, np.asarray(numbers[own_index(index)]))
