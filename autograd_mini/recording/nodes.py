"""Nodes of what NumPy has computed."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_mini.core import modes, tensor
from autograd_mini.core.operation import Operation
from autograd_mini.core.tensor import Tensor
from autograd_mini.recording.tape import current
from autograd_mini.typing import Array, Operand


def noted(
    operation: Operation, operands: tuple[Any, ...], options: Operand, numbers: Array
) -> Tensor:
    """The node of an operation whose result is known."""
    if modes.special:
        node = tensor.record(operation, operands, options)
        node._array = numbers
        return node
    node = Tensor.__new__(Tensor)
    node._set(numbers, operation, operands, options)
    return node


def same_numbers(one: Array, other: Array) -> bool:
    """Whether two arrays of one shape hold the same numbers, NaN among them."""
    if one.shape != other.shape:
        return False
    equal = one == other
    return bool(equal.all() or (equal | (np.isnan(one) & np.isnan(other))).all())


def constant(operand: Operand) -> Operand:
    """A constant as a node keeps it: an array of its own, since another may be written.

    Of a large array, as of a data set, the copy that a node before has kept is taken again.
    """
    if not isinstance(operand, np.ndarray):
        return operand
    open_tape = current()
    if operand.size < _LARGE or open_tape is None:
        return np.array(operand)
    where = operand.__array_interface__["data"][0], operand.shape, operand.strides, operand.dtype
    kept = open_tape.constants.pop(where, None)
    if kept is None or not same_numbers(kept, np.asarray(operand)):
        kept = np.array(operand)
    open_tape.constants[where] = kept
    while len(open_tape.constants) > _KEPT:
        del open_tape.constants[next(iter(open_tape.constants))]
    return kept


_LARGE = 100_000
"""From so many elements on, an array is not copied for each use."""
_KEPT = 8
"""Of so many, the last that were used."""
