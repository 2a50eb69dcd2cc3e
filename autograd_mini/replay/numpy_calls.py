"""What a trace knows of NumPy's functions: what they read, write, and what shape they give."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd_mini.typing import Function, Operand


@functools.cache
def method_called(name: str) -> Function:
    """A function that calls a method."""

    def method(array: Operand, *args: Operand, **kwargs: Operand) -> Operand:
        return getattr(array, name)(*args, **kwargs)

    method.__name__ = name
    return method


def item(results: Operand, index: int) -> Operand:
    return results[index]


POWERS = {1: np.positive, 2: np.square, 0.5: np.sqrt, -1: np.reciprocal}
"""What NumPy's ``**`` computes of these exponents."""
REDUCTIONS: dict[Any, np.ufunc] = {
    np.sum: np.add, np.prod: np.multiply, np.max: np.maximum, np.min: np.minimum,
    np.amax: np.maximum, np.amin: np.minimum, np.any: np.logical_or, np.all: np.logical_and,
}  # fmt: skip
ABSORBING: dict[Any, bool] = {
    np.bitwise_and: False, np.logical_and: False, np.bitwise_or: True, np.logical_or: True,
}  # fmt: skip
"""Which constant decides the result, whatever the other operand is."""
OF_THE_SHAPE = {
    np.shape, np.ndim, np.size, np.zeros_like, np.ones_like, np.result_type,
    np.can_cast, np.iscomplexobj, np.isrealobj,
}  # fmt: skip
"""Functions that read no numbers."""
REFUSED = {np.may_share_memory, np.shares_memory, np.empty_like, np.put, np.place, np.putmask}
_METHODS = (
    "reshape transpose swapaxes astype ravel squeeze flatten view var std round clip cumsum dot "
    "argmax argmin"
)
KEEPING_SHAPE = {
    np.where, np.concatenate, np.stack, np.dot, np.clip, np.cumsum, np.take, np.var, np.std,
    np.mean, np.broadcast_to, np.expand_dims, np.squeeze, np.ravel, np.moveaxis, np.flip, np.roll,
    np.argmax, np.argmin, np.argsort, np.count_nonzero, np.round, np.outer, np.einsum,
    np.linalg.inv, np.linalg.solve, np.linalg.det, np.triu, np.tril, np.diagonal, np.trace,
    np.real, item,
    *map(method_called, _METHODS.split()),
}  # fmt: skip
"""Functions whose result has a shape that does not depend on numbers, of many that have."""


def keeps_shape(
    function: Function, args: Sequence[object], may_decide: Callable[[Operand], bool]
) -> bool:
    """Whether the shape of a result is the same whatever the numbers are.

    Arguments:
        function, args: the call.
        may_decide: whether the numbers in an index may be others in later calls, and decide.
    """
    if function is operator.getitem:
        index = args[1]
        return not any(map(may_decide, index if isinstance(index, tuple) else (index,)))
    return function in KEEPING_SHAPE or hasattr(function, "over")
