"""Linear algebra over the last two axes: systems of equations, inverses, determinants.

The derivatives are those of M. Giles, "Collected matrix derivative results for forward and reverse
mode algorithmic differentiation", 2008; where another source is better it is named.
"""

from __future__ import annotations

from typing import NoReturn

import numpy as np

from autograd_mini.core import tensor
from autograd_mini.core.operation import define
from autograd_mini.operations import elements
from autograd_mini.typing import Operand


def transposed(x: Operand) -> Operand:
    return np.swapaxes(x, -1, -2)


def not_analytic(*_: object, **__: object) -> NoReturn:
    raise TypeError("NumPy computes it with conjugates, so that it is not analytic")


def without_derivative(name: str, where: str) -> NoReturn:
    raise np.linalg.LinAlgError(f"{name} has no derivative where {where}")


# Systems of equations


def _is_vector(b: Operand) -> bool:
    return np.ndim(b) == 1


def _solve_pullback_matrix(g: Operand, out: Operand, a: Operand, b: Operand) -> Operand:
    found = np.linalg.solve(transposed(a), _as_columns(g, b))
    return -found @ transposed(_as_columns(out, b))


def _as_columns(x: Operand, b: Operand) -> Operand:
    """What belongs to right-hand sides, as columns."""
    return np.expand_dims(x, -1) if _is_vector(b) else x


def _solve_pullback_side(g: Operand, out: Operand, a: Operand, b: Operand) -> Operand:
    found = np.linalg.solve(transposed(a), _as_columns(g, b))
    return np.squeeze(found, -1) if _is_vector(b) else found


def _solve_axes(axis: int, a: tuple[int, ...], b: tuple[int, ...]) -> list[tuple[int, int]]:
    if len(b) == 1:  # the unknowns are those of the matrix's columns
        return [(0, len(a) - 1 if axis == len(a) - 2 else axis)]
    from_end = axis - max(len(a), len(b))
    if from_end == -1:
        return [(1, len(b) - 1)]
    place = len(a) - 1 if from_end == -2 else len(a) + from_end
    return [(0, place)] if place >= 0 else []


define(
    "solve",
    np.linalg.solve,
    _solve_pullback_matrix,
    _solve_pullback_side,
    numpy=np.linalg.solve,
    broadcasts=True,
    by_element=elements.solved,
    axes=_solve_axes,
    sentence="The solution x of a @ x = b.",
)


def _inv_pullback(g: Operand, out: Operand, x: Operand) -> Operand:
    return -transposed(out) @ g @ transposed(out)


define(
    "inv",
    np.linalg.inv,
    _inv_pullback,
    numpy=np.linalg.inv,
    reads="out",
    tangents=[lambda t, out, x: -out @ t @ out],
    by_element=elements.inverse,
    axes=lambda axis, x: [(0, {len(x) - 1: len(x) - 2, len(x) - 2: len(x) - 1}.get(axis, axis))],
    sentence="Inverse of a square matrix.",
)


# Determinants


def _cofactors(x: Operand, out: Operand) -> Operand:
    """The derivative of the determinant: by minors where there is hardly an inverse."""
    numbers = tensor.plain(x)
    try:
        inverse = np.linalg.inv(numbers)
        before, after = (np.max(np.abs(each), (-1, -2), initial=0) for each in (numbers, inverse))
        regular = bool(np.all(before * after < _ILL_CONDITIONED))
    except np.linalg.LinAlgError:
        regular = False
    if regular or not numbers.size:
        return np.expand_dims(out, (-1, -2)) * transposed(np.linalg.inv(x))
    size = numbers.shape[-1]
    others = np.array([[j for j in range(size) if j != i] for i in range(size)], np.intp)
    others = others.reshape(size, size - 1)
    rows, columns = others[:, None, :, None], others[None, :, None, :]
    signs = (-1.0) ** np.add.outer(np.arange(size), np.arange(size))
    return np.linalg.det(x[..., rows, columns]) * signs.astype(numbers.dtype)


_ILL_CONDITIONED = 1e6
"""From where on a determinant times an inverse has lost more digits than minors would."""


define(
    "det",
    np.linalg.det,
    lambda g, out, x: np.expand_dims(g, (-1, -2)) * _cofactors(x, out),
    numpy=np.linalg.det,
    tangents=[lambda t, out, x: np.sum(_cofactors(x, out) * t, (-1, -2))],
    by_element=elements.determinant,
    axes=lambda axis, x: [(0, axis)],
    sentence="Determinant of a square matrix; its derivative holds for singular matrices as well.",
)


def _logabsdet_pullback(g: Operand, out: Operand, x: Operand) -> Operand:
    try:
        return np.expand_dims(g, (-1, -2)) * transposed(np.linalg.inv(x))
    except np.linalg.LinAlgError:
        without_derivative("slogdet", "the matrix is singular: its determinant is 0")


def _logabsdet_analytic(x: Operand) -> Operand:
    sign, logarithm = np.linalg.slogdet(x)
    return logarithm + 1j * (sign.imag / sign.real)


logabsdet = define(
    "logabsdet",
    lambda x: np.linalg.slogdet(x)[1],
    _logabsdet_pullback,
    reads="operands",
    tangents=[
        lambda t, out, x: np.sum(
            _logabsdet_pullback(np.ones_like(tensor.plain(out)), out, x) * t, (-1, -2)
        )
    ],
    analytic=_logabsdet_analytic,
    by_element=elements.log_of_determinant,
    axes=lambda axis, x: [(0, axis)],
    sentence="Logarithm of the size of a determinant.",
    source="""def logabsdet(x):
    return np.linalg.slogdet(x)[1]""",
)
