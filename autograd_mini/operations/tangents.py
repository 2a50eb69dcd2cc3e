"""How an operation on whole arrays pushes a tangent forward, derived from what it states.

A linear operation does with a tangent what it does with its operand; a reduction sums the tangent
with the derivatives that its pullback gives.  For any other the pullback tells: it is linear in
its upstream gradient, and its derivative with respect to that is the tangent.  (J. Townsend, "A
new trick for calculating Jacobian vector products", 2017.)
"""

from __future__ import annotations

import numpy as np

from autograd_mini.core import modes
from autograd_mini.core.graph import sweep_gradients
from autograd_mini.core.operation import ArrayOperation
from autograd_mini.core.tensor import Tensor, plain
from autograd_mini.typing import Axis, Function, Operand


def derived(operation: ArrayOperation, index: int) -> Function | None:
    """The function ``(t, out, *operands, **options)`` that pushes an operand's tangent forward.

    ``None`` if the operand moves nothing.

    >>> from autograd_mini import OPERATIONS
    >>> push = derived(OPERATIONS["max"], 0)
    >>> push(np.array([1.0, 10.0]), np.float64(5.0), np.array([2.0, 5.0]), axis=0, keepdims=False)
    np.float64(10.0)
    """
    pullback = operation.pullback(index)
    if pullback is None:
        return None
    if not operation.foreign:
        if operation.multilinear or not operation.reads:
            return _of_linear(operation, index)
        if operation.reduces:
            return _of_reduction(pullback)
    return _transposed(pullback)


def _of_linear(operation: ArrayOperation, index: int) -> Function:
    def push(t: Operand, out: Operand, *operands: Operand, **options: object) -> Operand:
        # linear in each operand, or in all together
        others = operands if operation.multilinear else [np.zeros(np.shape(o)) for o in operands]
        return operation(*others[:index], t, *others[index + 1 :], **options)

    return push


def _of_reduction(pullback: Function) -> Function:
    def push(
        t: Operand, out: Operand, x: Operand, axis: Axis, keepdims: bool, **more: object
    ) -> Operand:
        ones = np.ones_like(plain(out))
        derivatives = pullback(ones, out, x, axis=axis, keepdims=keepdims, **more)
        return np.sum(derivatives * t, axis=axis, keepdims=keepdims)

    return push


def _transposed(pullback: Function) -> Function:
    def push(t: Operand, out: Operand, *operands: Operand, **options: object) -> Operand:
        recorded = any(isinstance(each, Tensor) for each in (t, out, *operands))
        gradient = Tensor(np.ones_like(plain(out)))  # any does; 0 would hide infinite derivatives
        with modes.recorded():
            share = pullback(gradient, out, *operands, **options)
            total = None if share is None else np.sum(share * t)
        if not isinstance(total, Tensor):
            return np.zeros_like(plain(out))
        return sweep_gradients(total, [gradient], recorded, None)[0]

    return push
