"""NumPy's functions of matrices for Tensors: least squares, norms, powers, products."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from autograd_mini.core import tensor
from autograd_mini.core.operation import define, replaces
from autograd_mini.operations import factorisations, linear_algebra, ufuncs
from autograd_mini.operations.factorisations import unpacked
from autograd_mini.operations.linear_algebra import not_analytic, transposed
from autograd_mini.operations.products import matmul
from autograd_mini.operations.reductions import count_over, norm
from autograd_mini.typing import Axis, Operand

# The factorisations, as NumPy gives them


def _like(result: Operand, *parts: Operand) -> Operand:
    """Parts as the named tuple that NumPy's result is."""
    return type(result)(*parts)


_SMALL = np.eye(2)


@replaces(np.linalg.slogdet)
def slogdet(a: Operand) -> Operand:
    sign, _ = plain = np.linalg.slogdet(tensor.plain(a))
    return _like(plain, sign, linear_algebra.logabsdet(a))


@replaces(np.linalg.cholesky)
def cholesky(a: Operand, /, *, upper: bool = False) -> Operand:
    if upper:
        return transposed(factorisations.cholesky(transposed(a)))
    return factorisations.cholesky(a)


def _triangle(UPLO: str) -> str:
    if UPLO.upper() not in ("L", "U"):
        raise ValueError(f"UPLO is 'L' or 'U', the triangle that is read, not {UPLO!r}")
    return UPLO.upper()


@replaces(np.linalg.eigh)
def eigh(a: Operand, UPLO: str = "L") -> Operand:
    whole = factorisations.eigh(a, _triangle(UPLO))
    return _like(np.linalg.eigh(_SMALL), *unpacked(whole, *factorisations.eigh_shapes(a)))


@replaces(np.linalg.eigvalsh)
def eigvalsh(a: Operand, UPLO: str = "L") -> Operand:
    return factorisations.eigvalsh(a, _triangle(UPLO))


@replaces(np.linalg.eig)
def eig(a: Operand) -> Operand:
    whole = factorisations.eig(a)
    return _like(np.linalg.eig(_SMALL), *unpacked(whole, *factorisations.eigh_shapes(a)))


@replaces(np.linalg.eigvals)
def eigvals(a: Operand) -> Operand:
    return eig(a)[0]


@replaces(np.roots)
def roots(p: Operand) -> Operand:
    """Eigenvalues of the companion matrix, and zeros, as NumPy finds them."""
    if np.ndim(p) != 1:
        raise ValueError(f"roots: the coefficients have one axis, not shape {np.shape(p)}")
    places = np.flatnonzero(tensor.plain(p))
    if not places.size:
        return p[:0]
    last = np.size(p) - 1 - int(places[-1])
    p = p[int(places[0]) : int(places[-1]) + 1]
    if np.size(p) < 2:
        return np.zeros(last) * p[0]
    row = np.expand_dims(-p[1:] / p[0], 0)
    companion = np.concatenate([row, np.eye(np.size(p) - 2, np.size(p) - 1)])
    return np.concatenate([eigvals(companion), np.zeros(last)])


@replaces(np.linalg.qr)
def qr(a: Operand, mode: str = "reduced") -> Operand:
    rows, columns = np.shape(a)[-2:]
    if mode not in ("reduced", "complete", "r") or (mode == "complete" and rows > columns):
        raise TypeError(
            f"qr of a Tensor of shape {np.shape(a)} has no derivative rule for mode={mode!r}: "
            "'reduced' and 'r' are supported"
        )
    q, r = unpacked(factorisations.qr(a), *factorisations.qr_shapes(a))
    return r if mode == "r" else _like(np.linalg.qr(_SMALL), q, r)


@replaces(np.linalg.svd)
def svd(
    a: Operand, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> Operand:
    if not compute_uv:
        return factorisations.svdvals(a)
    if hermitian:
        raise TypeError("svd of a Tensor: call it without hermitian, or write np.linalg.eigh(t)")
    rows, columns = np.shape(a)[-2:]
    full = bool(full_matrices) and rows != columns
    u, s, vt = unpacked(factorisations.svd(a, full), *factorisations.svd_shapes(a))
    if full and rows > columns:
        u = np.concatenate([u, factorisations.complement(a, False)], -1)
    if full and rows < columns:
        vt = np.concatenate([vt, factorisations.complement(a, True)], -2)
    return _like(np.linalg.svd(_SMALL), u, s, vt)


# Least squares


def _pinv_pullback(
    g: Operand, out: Operand, x: Operand, rcond: Operand, rtol: Operand, hermitian: bool
) -> Operand:
    # G. Golub and V. Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares
    # problems whose variables separate", 1973, equation 4.12
    outward, turned = transposed(out), transposed(g)
    left = turned @ out
    right = out @ turned
    beside = left - x @ (out @ left)
    below = right - (right @ out) @ x
    return -outward @ g @ outward + beside @ outward + outward @ below


def _pinv(
    x: Operand, rcond: Operand = None, rtol: Operand = None, hermitian: bool = False
) -> Operand:
    if rtol is None:
        return np.linalg.pinv(x, rcond, hermitian)
    return np.linalg.pinv(x, hermitian=hermitian, rtol=rtol)


define(
    "pinv",
    _pinv,
    _pinv_pullback,
    call="x, rcond=None, hermitian=False, *, rtol=None",
    numpy=np.linalg.pinv,
    analytic=not_analytic,
    spelling=lambda node: (
        f"pinv(x0{''.join(f', {name}={name}' for name, value in node.options.items() if value)})"
    ),
    sentence="Pseudo-inverse of a matrix whose rank does not change.",
)


def _lstsq_pullback_matrix(
    g: Operand, out: Operand, a: Operand, b: Operand, rcond: Operand
) -> Operand:
    inverse = np.linalg.pinv(a, rcond)
    if np.ndim(b) == 1:
        g, out, b = (np.expand_dims(each, -1) for each in (g, out, b))
    back = transposed(inverse) @ g
    residual = b - a @ out
    rest = g - inverse @ (a @ g)
    return (
        residual @ transposed(inverse @ back)
        - back @ transposed(out)
        + transposed(inverse) @ out @ transposed(rest)
    )


_lstsq = define(
    "lstsq",
    lambda a, b, rcond: np.linalg.lstsq(a, b, rcond)[0],
    _lstsq_pullback_matrix,
    lambda g, out, a, b, rcond: transposed(np.linalg.pinv(a, rcond)) @ g,
    call="a, b, rcond",
    analytic=not_analytic,
    spelling="lstsq(x0, x1, rcond)",
    sentence="The least x of those that make the norm of a @ x - b least.",
    source="""def lstsq(a, b, rcond):
    return np.linalg.lstsq(a, b, rcond)[0]""",
)


@replaces(np.linalg.lstsq)
def lstsq(a: Operand, b: Operand, rcond: float | None = None) -> tuple[Any, ...]:
    x = _lstsq(a, b, rcond)
    _, residuals, rank, _ = np.linalg.lstsq(tensor.plain(a), tensor.plain(b), rcond)
    if residuals.size:
        residuals = np.reshape(np.sum((b - a @ x) ** 2, 0), residuals.shape)
    return x, residuals, rank, np.linalg.svdvals(a)


# Norms


@replaces(np.linalg.norm, options=True)
def matrix_norms(
    x: Operand, ord: Operand = None, axis: Axis = None, keepdims: bool = False
) -> Operand:
    """Norms of matrices other than Frobenius's."""
    rows, columns = normalize_axis_tuple((0, 1) if axis is None else axis, np.ndim(x))
    if ord in (1, -1, np.inf, -np.inf):
        along, over = (rows, columns) if abs(ord) == 1 else (columns, rows)
        sums = np.sum(np.abs(x), axis=along, keepdims=True)
        if ord > 0:
            found = np.max(sums, axis=over, keepdims=True, **_least_of_none(sums, over))
        else:
            found = np.min(sums, axis=over, keepdims=True)
    elif ord in (2, -2, "nuc"):
        values = factorisations.svdvals(np.moveaxis(x, (rows, columns), (-2, -1)))
        reduce: Operand = {2: np.max, -2: np.min, "nuc": np.sum}[ord]
        none = _least_of_none(values, -1) if ord == 2 else {}
        found = np.expand_dims(reduce(values, axis=-1, **none), tuple(sorted((rows, columns))))
    else:
        raise ValueError(
            f"norm of matrices: ord is 'fro', 'nuc', 1, -1, 2, -2, inf or -inf, not {ord!r}"
        )
    return found if keepdims else np.squeeze(found, (rows, columns))


def _least_of_none(x: Operand, axis: int) -> dict[str, Any]:
    """The option by which the greatest of no size is 0."""
    return {} if np.shape(x)[axis] else {"initial": 0.0}


@replaces(np.linalg.matrix_norm)
def matrix_norm(x: Operand, /, *, keepdims: bool = False, ord: Operand = "fro") -> Operand:
    return np.linalg.norm(x, ord, (-2, -1), keepdims)


@replaces(np.linalg.vector_norm)
def vector_norm(
    x: Operand, /, *, axis: Axis = None, keepdims: bool = False, ord: float = 2
) -> Operand:
    axes = range(np.ndim(x)) if axis is None else normalize_axis_tuple(axis, np.ndim(x))
    if len(axes) == 1:
        return np.linalg.norm(x, ord, axes[0], keepdims)
    if ord == 2:
        return norm(x, tuple(axes), keepdims)
    last = tuple(range(-len(axes), 0))
    moved = np.moveaxis(x, tuple(axes), last)
    kept = np.shape(moved)[: np.ndim(x) - len(axes)]
    size = count_over(np.shape(x), tuple(axes))
    found = np.linalg.norm(np.reshape(moved, (*kept, size)), ord, -1)
    return np.expand_dims(found, tuple(sorted(axes))) if keepdims else found


@replaces(np.linalg.cond)
def cond(x: Operand, p: Operand = None) -> Operand:
    if p in (None, 2, -2):
        values = factorisations.svdvals(x)
        return values[..., 0] / values[..., -1] if p != -2 else values[..., -1] / values[..., 0]
    return np.linalg.norm(x, p, (-2, -1)) * np.linalg.norm(np.linalg.inv(x), p, (-2, -1))


# Powers and products


@replaces(np.linalg.matrix_power)
def matrix_power(a: Operand, n: int) -> Operand:
    n = operator.index(n)
    if np.ndim(a) < 2 or np.shape(a)[-1] != np.shape(a)[-2]:
        raise np.linalg.LinAlgError(f"matrix_power: a square matrix, not shape {np.shape(a)}")
    if n == 0:
        return np.where(np.ones(np.shape(a), bool), np.eye(np.shape(a)[-1]), a)
    if n < 0:
        a, n = np.linalg.inv(a), -n
    power: Operand = None
    while n:
        if n % 2:
            power = a if power is None else power @ a
        a, n = (a @ a if n > 1 else a), n // 2
    return power


@replaces(np.linalg.multi_dot)
def multi_dot(arrays: Sequence[Operand], *, out: None = None) -> Operand:
    arrays = list(arrays)
    if len(arrays) < 2:
        raise ValueError(f"multi_dot: two arrays or more, found {len(arrays)}")
    if len(arrays) == 2:
        return np.dot(*arrays)
    first, last = np.ndim(arrays[0]) == 1, np.ndim(arrays[-1]) == 1
    if first:
        arrays[0] = np.expand_dims(arrays[0], 0)
    if last:
        arrays[-1] = np.expand_dims(arrays[-1], 1)
    for array in arrays:
        if np.ndim(array) != 2:
            raise np.linalg.LinAlgError(
                f"multi_dot: matrices, and vectors at the ends, not shape {np.shape(array)}"
            )
    made = _product(arrays, _splits([np.shape(a)[0] for a in arrays] + [np.shape(arrays[-1])[1]]))
    return made[(0 if first else slice(None), 0 if last else slice(None))]


def _splits(sizes: Sequence[int]) -> dict[tuple[int, int], int]:
    """For each run of matrices where its product is split, so that it takes the fewest steps.

    (T. Cormen et al., "Introduction to Algorithms", 2009, section 15.2.)
    """
    count = len(sizes) - 1
    cost = {(i, i): 0 for i in range(count)}
    splits: dict[tuple[int, int], int] = {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            costs = [
                cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1]
                for k in range(i, j)
            ]
            cost[i, j] = min(costs)
            splits[i, j] = i + costs.index(cost[i, j])
    return splits


def _product(
    arrays: Sequence[Operand], splits: dict[tuple[int, int], int], i: int = 0, j: int = -1
) -> Operand:
    j = len(arrays) - 1 if j < 0 else j
    if i == j:
        return arrays[i]
    k = splits[i, j]
    return np.dot(_product(arrays, splits, i, k), _product(arrays, splits, k + 1, j))


@replaces(np.linalg.tensorinv)
def tensorinv(a: Operand, ind: int = 2) -> Operand:
    if ind <= 0:
        raise ValueError(f"tensorinv: ind is a number of axes, 1 or more, not {ind}")
    shape = np.shape(a)
    if not shape:
        raise ValueError("tensorinv: an axis is needed, found shape ()")
    rows = int(np.prod(shape[ind:], dtype=int))
    return np.reshape(np.linalg.inv(np.reshape(a, (rows, -1))), shape[ind:] + shape[:ind])


@replaces(np.linalg.tensorsolve)
def tensorsolve(a: Operand, b: Operand, axes: Sequence[int] | None = None) -> Operand:
    if axes is not None:
        moved = normalize_axis_tuple(tuple(axes), np.ndim(a))
        order = [i for i in range(np.ndim(a)) if i not in moved] + list(moved)
        a = np.transpose(a, order)
    shape = np.shape(a)[-(np.ndim(a) - np.ndim(b)) :]
    size = int(np.prod(shape, dtype=int))
    if np.size(a) != size**2:
        raise np.linalg.LinAlgError(
            f"tensorsolve: the shape {np.shape(a)} is no square over {np.shape(b)}"
        )
    return np.reshape(np.linalg.solve(np.reshape(a, (size, size)), np.ravel(b)), shape)


# NumPy's other names


@replaces(np.linalg.matmul)
def matmul_(x1: Operand, x2: Operand, /) -> Operand:
    return matmul(x1, x2)


@replaces(np.linalg.outer)
def outer(x1: Operand, x2: Operand, /) -> Operand:
    if np.ndim(x1) != 1 or np.ndim(x2) != 1:
        raise ValueError(f"outer: one axis each, found {np.shape(x1)} and {np.shape(x2)}")
    return np.outer(x1, x2)


@replaces(np.linalg.tensordot)
def tensordot(x1: Operand, x2: Operand, /, *, axes: Operand = 2) -> Operand:
    return np.tensordot(x1, x2, axes)


@replaces(np.linalg.vecdot)
def vecdot(x1: Operand, x2: Operand, /, *, axis: int = -1) -> Operand:
    return ufuncs.vecdot(x1, x2, axis)


@replaces(np.linalg.cross)
def cross(x1: Operand, x2: Operand, /, *, axis: int = -1) -> Operand:
    if np.shape(x1)[axis] != 3 or np.shape(x2)[axis] != 3:
        raise ValueError(
            f"cross: vectors of 3 components, found shapes {np.shape(x1)} and {np.shape(x2)}"
        )
    return np.cross(x1, x2, axis=axis)


@replaces(np.linalg.matrix_transpose)
def matrix_transpose(x: Operand, /) -> Operand:
    return np.matrix_transpose(x)


@replaces(np.linalg.diagonal)
def diagonal(x: Operand, /, *, offset: int = 0) -> Operand:
    return np.diagonal(x, offset, -2, -1)


@replaces(np.linalg.trace)
def trace(x: Operand, /, *, offset: int = 0, dtype: None = None) -> Operand:
    return np.trace(x, offset, -2, -1)
