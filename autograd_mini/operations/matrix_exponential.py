"""The exponential of square matrices, by SciPy."""

from __future__ import annotations

import numpy as np

from autograd_mini.core.operation import OPERATIONS, define
from autograd_mini.core.tensor import Tensor
from autograd_mini.operations.linear_algebra import transposed
from autograd_mini.typing import Array, Operand


def _expm(x: Array) -> Array:
    from scipy import linalg  # takes as long to import as all of this package

    found: Array = linalg.expm(x)  # type: ignore[no-untyped-call]
    return found


def _moved(x: Operand, by: Operand) -> Operand:
    """How the exponential of ``x`` moves with ``x`` in a direction: a block of a larger one.

    (N. Higham, "Functions of Matrices", 2008, theorem 3.6.)
    """
    size = np.shape(x)[-1]
    upper = np.concatenate([x, by], -1)
    lower = np.concatenate([np.zeros(np.shape(x), x.dtype), x], -1)
    return expm(np.concatenate([upper, lower], -2))[..., :size, size:]


define(
    "expm",
    _expm,
    lambda g, out, x: _moved(transposed(x), g),
    reads="operands",
    tangents=[lambda t, out, x: _moved(x, t)],
    axes=lambda axis, x: [(0, axis)] if axis < len(x) - 2 else [],
    spelling="expm(x0)",
    source="from scipy.linalg import expm",
    sentence="Exponential of a square matrix, or of each in a stack.",
)


def expm(x: Operand) -> Operand:
    """The exponential of a square matrix, the sum of ``x**n / n!``.

    Arguments:
        x: an array or Tensor of shape (…, n, n).

    Raises:
        ImportError: SciPy is not installed.
        ValueError: the matrices are not square.

    >>> from autograd_mini import grad
    >>> turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    >>> round(grad(lambda angle: expm(angle * turn)[1, 0])(np.pi / 3), 12)
    0.5
    """
    if len(np.shape(x)) < 2 or np.shape(x)[-1] != np.shape(x)[-2]:
        raise ValueError(f"expm takes square matrices, of shape (…, n, n), not {np.shape(x)}")
    return OPERATIONS["expm"](x if isinstance(x, Tensor) else np.asarray(x, float))
