"""Ends: where an activation is flat, so that what lies there learns nothing.

>>> ends_of("tanh").saturates, ends_of("relu").dies, ends_of("softplus") is None
(True, True, True)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from autograd_mini import OPERATIONS, Operation, Tensor
from autograd_mini.typing import Array

_FAR, _NEAR = 40.0, (-2.0, -1.0, 0.0, 1.0, 2.0)
"""Where the sigmoid has rounded to 1, and where relu's two straight pieces are."""

_FLAT = 1e-12
"""A slope of less than this, for an activation whose slope near 0 is about 1, is none."""


@dataclass(frozen=True)
class Ends:
    """How an activation ends on both sides; its slope is known from its result alone.

    Attributes:
        operation: the activation.
        steepest: its slope at 0; of one that is flat at both ends, its greatest.
        saturates: whether it is flat at both ends, as sigmoid and tanh are.
        dies: whether it is constant below 0, as relu is.
    """

    operation: Operation
    steepest: float
    saturates: bool
    dies: bool

    def share_of_slope(self, out: Array) -> Array:
        """The slope at each output, as a share of the greatest one."""
        pullback = self.operation.as_written.pullback(0)
        assert pullback is not None
        return np.asarray(pullback(np.ones_like(out), out, out) / self.steepest)

    def is_dead(self, out: Array) -> Array:
        """Whether each output is the one below 0."""
        return np.asarray(out == self.operation(-1.0))


def ends_of(activation: str) -> Ends | None:
    """The ends of an activation by name; ``None`` of one that is flat nowhere, or not known."""
    operation = OPERATIONS.get(activation)
    return _ends(operation) if operation is not None else None


@lru_cache
def _ends(operation: Operation) -> Ends | None:
    if not operation.elementwise or operation.least_operands != 1:
        return None
    x = Tensor([-_FAR, *_NEAR, _FAR])
    with np.errstate(all="ignore"):
        operation(x).backward(np.ones(x.shape))
    low, *near, high = x.grad.tolist()
    shown = operation.as_written
    from_result = shown.reads_result(0) and not shown.reads_operand(0, 0)
    saturates = from_result and abs(low) < _FLAT and abs(high) < _FLAT and near[2] > _FLAT
    dies = near[:2] == [0, 0] and near[-2:] == [1, 1]
    return Ends(operation, near[2], saturates, dies) if saturates or dies else None
