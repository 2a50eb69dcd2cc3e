"""How the terms of a loss become one number."""

from __future__ import annotations

from typing import Literal

import numpy as np

from autograd_mini.typing import Operand

Reduction = Literal["mean", "sum"]


def reduced_elements(terms: Operand, reduction: Reduction) -> Operand:
    """The mean or the sum of all elements."""
    return reduced(np.sum(terms), np.size(terms), reduction)


def reduced(total: Operand, count: float, reduction: Reduction) -> Operand:
    """A sum as it is, or as the mean of so many terms."""
    divisor = divisor_of(count, reduction)
    return total if divisor == 1 else total / divisor


def divisor_of(count: float, reduction: Reduction) -> float:
    """What the sum of so many terms is divided by."""
    if reduction not in ("mean", "sum"):
        raise ValueError(f"reduction is 'mean' or 'sum', not {reduction!r}")
    return count if reduction == "mean" else 1
