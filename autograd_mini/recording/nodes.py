"""Nodes of what NumPy has computed."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_mini.core import modes, tensor
from autograd_mini.core.operation import Operation
from autograd_mini.core.tensor import Tensor
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
    """A constant as a node keeps it: an array of its own, since another may be written."""
    return np.array(operand) if isinstance(operand, np.ndarray) else operand
