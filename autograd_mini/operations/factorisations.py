"""Factorisations of matrices over the last two axes: Cholesky, eigenvectors, QR, singular values.

A matrix of which NumPy reads one triangle is taken as symmetric if it is, but for rounding and
small moves: both triangles then have the same share of the gradient.  Of any other the share is
that of the triangle which is read.

What has several results is one operation, whose result holds them side by side.
"""

from __future__ import annotations

import numpy as np

from autograd_mini.core import tensor
from autograd_mini.core.operation import OPERATIONS, define
from autograd_mini.operations.linear_algebra import not_analytic, transposed, without_derivative
from autograd_mini.typing import Array, Operand

# Symmetric matrices


def _symmetric_enough(x: Operand) -> bool:
    numbers = tensor.plain(x)
    size = np.max(np.abs(numbers), initial=0.0)
    return bool(np.max(np.abs(numbers - transposed(numbers)), initial=0.0) <= 1e-3 * size)


def _completed(x: Operand, triangle: str) -> Array:
    """The symmetric matrix that a matrix stands for."""
    x = np.asarray(x)
    if _symmetric_enough(x):
        return (x + transposed(x)) / 2  # type: ignore[no-any-return]
    if triangle == "U":
        return np.triu(x) + transposed(np.triu(x, 1))  # type: ignore[no-any-return]
    return np.tril(x) + transposed(np.tril(x, -1))  # type: ignore[no-any-return]


def _on_triangle(share: Operand, x: Operand, triangle: str) -> Operand:
    """A share of the symmetric matrix, as one of the matrix that stands for it."""
    both = share + transposed(share)
    if _symmetric_enough(x):
        return both / 2
    size = np.shape(x)[-1]
    read = np.tril(np.ones((size, size), x.dtype)) - np.eye(size, dtype=x.dtype) / 2
    return both * (read.T if triangle == "U" else read)


def _cholesky_pullback(g: Operand, out: Operand, x: Operand) -> Operand:
    # I. Murray, "Differentiation of the Cholesky decomposition", 2016, section 3.3
    size = np.shape(x)[-1]
    half = np.tril(np.ones((size, size), out.dtype)) - np.eye(size, dtype=out.dtype) / 2
    inner = (transposed(out) @ g) * half
    left = np.linalg.solve(transposed(out), inner)
    return _on_triangle(transposed(np.linalg.solve(transposed(out), transposed(left))), x, "L")


def _cholesky_analytic(x: Operand) -> Operand:
    """Column by column, without conjugates."""
    x = (x + transposed(x)) / 2 if _symmetric_enough(np.real(x)) else np.tril(x)
    factor = np.zeros_like(x)
    for j in range(x.shape[-1]):
        row = factor[..., j, :j]
        factor[..., j, j] = np.sqrt(x[..., j, j] - np.sum(row * row, -1))
        below = np.sum(factor[..., j + 1 :, :j] * row[..., None, :], -1)
        factor[..., j + 1 :, j] = (x[..., j + 1 :, j] - below) / factor[..., j, j, None]
    return factor


cholesky = define(
    "cholesky",
    lambda x: np.linalg.cholesky(_completed(x, "L")),
    _cholesky_pullback,
    reads="operands out",
    analytic=_cholesky_analytic,
    symmetric=True,
    sentence="The lower triangular L of a positive definite matrix L @ L.T.",
)


# Several arrays, packed into one


def packed(*arrays: Array) -> Array:
    """Stacks of matrices in one array, side by side."""
    flat = [a.reshape(*a.shape[:-2], a.shape[-2] * a.shape[-1]) for a in arrays]
    return np.concatenate(flat, -1)


def unpacked(whole: Operand, *shapes: tuple[int, ...]) -> list[Operand]:
    """The arrays that are packed into one, by the shapes that each has in a stack."""
    stack, start, parts = np.shape(whole)[:-1], 0, []
    for shape in shapes:
        stop = start + int(np.prod(shape, dtype=int))
        parts.append(np.reshape(whole[..., start:stop], (*stack, *shape)))
        start = stop
    return parts


def diagonal_of(x: Operand) -> Operand:
    """Vectors along the last axis as the diagonals of matrices."""
    return np.expand_dims(x, -1) * np.eye(np.shape(x)[-1], dtype=x.dtype)


def _over_gaps(numerators: Operand, gaps: Operand) -> Operand:
    """Quotients that are 0 where the numerator is, also over a gap of 0."""
    nothing = (tensor.plain(numerators) == 0) | np.eye(np.shape(gaps)[-1], dtype=bool)
    return np.where(nothing, 0, np.where(nothing, 0, numerators) / np.where(nothing, 1, gaps))


def _outer_gaps(x: Operand) -> Operand:
    """By row i and column j, ``x[j] - x[i]``."""
    return np.expand_dims(x, -2) - np.expand_dims(x, -1)


def _equal_neighbours(x: Array, shape: tuple[int, ...]) -> Array:
    """Whether two of the numbers along the last axis are equal, for each element of a matrix."""
    equal = np.any(np.diff(np.sort(x, -1), axis=-1) == 0, -1)
    return np.broadcast_to(equal[..., None, None], shape)


def eigh_shapes(x: Operand) -> tuple[tuple[int, ...], ...]:
    size = np.shape(x)[-1]
    return (size,), (size, size)


def _eigh(x: Operand, UPLO: Operand) -> Array:
    values, vectors = np.linalg.eigh(_completed(x, UPLO), UPLO)
    return packed(values[..., None], vectors)


def _eigh_pullback(g: Operand, out: Operand, x: Operand, UPLO: str) -> Operand:
    by_values, by_vectors = unpacked(g, *eigh_shapes(x))
    values, vectors = unpacked(out, *eigh_shapes(x))
    turns = _over_gaps(transposed(vectors) @ by_vectors, _outer_gaps(values))
    share = vectors @ (diagonal_of(by_values) + turns) @ transposed(vectors)
    return _on_triangle(share, x, UPLO)


eigh = define(
    "eigh",
    _eigh,
    _eigh_pullback,
    call="x, UPLO",
    spelling="eigh(x0, UPLO)",
    kinks=lambda out, x, UPLO: _equal_neighbours(unpacked(out, *eigh_shapes(x))[0], np.shape(x)),
    analytic=not_analytic,
    axes=lambda axis, x, UPLO: [(0, axis)] if axis < len(x) - 2 else [],
    symmetric=True,
    sentence="Eigenvalues and eigenvectors of a symmetric matrix, side by side; where two "
    "eigenvalues are equal, the vectors have no derivative.",
    source="""def eigh(x, UPLO):
    values, vectors = np.linalg.eigh(x, UPLO)
    vectors = vectors.reshape(*values.shape[:-1], -1)
    return np.concatenate([values, vectors], -1)""",
)


def _eigvalsh_pullback(g: Operand, out: Operand, x: Operand, UPLO: str) -> Operand:
    _, vectors = unpacked(OPERATIONS["eigh"](x, UPLO=UPLO), *eigh_shapes(x))
    return _on_triangle((vectors * np.expand_dims(g, -2)) @ transposed(vectors), x, UPLO)


eigvalsh = define(
    "eigvalsh",
    lambda x, UPLO: np.linalg.eigvalsh(_completed(x, UPLO), UPLO),
    _eigvalsh_pullback,
    call="x, UPLO",
    spelling="eigvalsh(x0, UPLO)",
    reads="operands",
    kinks=lambda out, x, UPLO: _equal_neighbours(tensor.plain(out), np.shape(x)),
    analytic=not_analytic,
    axes=lambda axis, x, UPLO: [(0, axis)] if axis < len(x) - 2 else [],
    symmetric=True,
    sentence="Eigenvalues of a symmetric matrix, in rising order.",
)


def qr_shapes(x: Operand) -> tuple[tuple[int, ...], ...]:
    rows, columns = np.shape(x)[-2:]
    return (rows, min(rows, columns)), (min(rows, columns), columns)


def _qr_pullback(g: Operand, out: Operand, x: Operand) -> Operand:
    """(S. Walter and L. Lehmann, "Algorithmic differentiation of linear algebra functions with
    application in optimum experimental design", 2012.)  Columns beyond the rows are ``q @ r``.
    """
    by_q, by_r = unpacked(g, *qr_shapes(x))
    q, r = unpacked(out, *qr_shapes(x))
    size = np.shape(q)[-1]
    by_q = by_q + x[..., size:] @ transposed(by_r[..., size:])
    square, by_square = r[..., :size], by_r[..., :size]
    if np.any(np.diagonal(tensor.plain(square), 0, -2, -1) == 0):
        without_derivative("qr", "the matrix's columns depend on each other")
    inner = square @ transposed(by_square) - transposed(by_q) @ q
    lower = np.tril(np.ones((size, size), q.dtype), -1)
    symmetric = inner * (lower + np.eye(size, dtype=q.dtype)) + transposed(inner * lower)
    first = np.linalg.solve(square, transposed(by_q + q @ symmetric))
    return np.concatenate([transposed(first), q @ by_r[..., size:]], -1)


qr = define(
    "qr",
    lambda x: packed(*np.linalg.qr(x)),
    _qr_pullback,
    analytic=not_analytic,
    axes=lambda axis, x: [(0, axis)] if axis < len(x) - 2 else [],
    sentence="The orthonormal q and the upper triangular r of a matrix q @ r, side by side.",
    source="""def qr(x):
    q, r = np.linalg.qr(x)
    return np.concatenate([part.reshape(*x.shape[:-2], -1) for part in (q, r)], -1)""",
)


def svd_shapes(x: Operand) -> tuple[tuple[int, ...], ...]:
    rows, columns = np.shape(x)[-2:]
    size = min(rows, columns)
    return (rows, size), (size,), (size, columns)


def _svd(x: Operand, full: bool) -> Array:
    u, s, vt = np.linalg.svd(x, full_matrices=full)
    size = s.shape[-1]
    return packed(u[..., :size], s[..., None], vt[..., :size, :])


def _svd_pullback(g: Operand, out: Operand, x: Operand, full: bool) -> Operand:
    # J. Townsend, "Differentiating the singular value decomposition", 2016
    by_u, by_s, by_vt = unpacked(g, *svd_shapes(x))
    u, s, vt = unpacked(out, *svd_shapes(x))
    size, v, by_v = np.shape(s)[-1], transposed(vt), transposed(by_vt)
    gaps = _outer_gaps(s * s)
    in_u, in_v = transposed(u) @ by_u, vt @ by_v
    turns_u = _over_gaps(in_u - transposed(in_u), gaps) * np.expand_dims(s, -2)
    turns_v = np.expand_dims(s, -1) * _over_gaps(in_v - transposed(in_v), gaps)
    share = u @ (turns_u + turns_v + diagonal_of(by_s)) @ vt
    if np.shape(x)[-2] > size:
        share = share + _divided(by_u - u @ in_u, s) @ vt
    if np.shape(x)[-1] > size:
        share = share + u @ transposed(_divided(by_v - v @ in_v, s))
    return share


def _divided(vectors: Operand, s: Operand) -> Operand:
    """Columns over their singular values; nothing of what is 0."""
    nothing = tensor.plain(vectors) == 0
    s = np.broadcast_to(np.expand_dims(s, -2), np.shape(vectors))
    return np.where(nothing, 0, vectors / np.where(nothing, 1, s))


svd = define(
    "svd",
    _svd,
    _svd_pullback,
    call="x, full",
    reads="out",
    kinks=lambda out, x, full: _singular_kinks(
        tensor.plain(unpacked(out, *svd_shapes(x))[1]), np.shape(x)
    ),
    analytic=not_analytic,
    axes=lambda axis, x, full: [(0, axis)] if axis < len(x) - 2 else [],
    spelling="svd(x0, full)",
    sentence="The u, s and vt of a matrix u * s @ vt, side by side; where two singular values are "
    "equal or one is 0, there is no derivative.",
    source="""def svd(x, full):
    u, s, vt = np.linalg.svd(x, full_matrices=full)
    parts = u[..., : s.shape[-1]], s[..., None], vt[..., : s.shape[-1], :]
    return np.concatenate([part.reshape(*x.shape[:-2], -1) for part in parts], -1)""",
)


def _complement_pullback(g: Operand, out: Operand, x: Operand, of_rows: bool) -> Operand:
    if np.any(tensor.plain(g) != 0):
        without_derivative("svd", "vectors belong to no singular value: write full_matrices=False")
    return np.zeros_like(tensor.plain(x))


def _complement_tangent(t: Operand, out: Operand, x: Operand, of_rows: bool) -> Operand:
    """It is not told: what comes of it is 0 times NaN."""
    return np.full_like(tensor.plain(out), np.nan) * np.any(tensor.plain(t) != 0)


def _complement(x: Operand, of_rows: bool) -> Array:
    u, s, vt = np.linalg.svd(x)
    size = s.shape[-1]
    return vt[..., size:, :] if of_rows else u[..., size:]


complement = define(
    "complement",
    _complement,
    _complement_pullback,
    call="x, of_rows",
    tangents=[_complement_tangent],
    analytic=not_analytic,
    axes=lambda axis, x, of_rows: [(0, axis)] if axis < len(x) - 2 else [],
    spelling="complement(x0, of_rows)",
    sentence="The singular vectors that belong to no singular value; they have no derivative.",
    source="""def complement(x, of_rows):
    u, s, vt = np.linalg.svd(x)
    return vt[..., s.shape[-1] :, :] if of_rows else u[..., s.shape[-1] :]""",
)


def _singular_kinks(s: Array, shape: tuple[int, ...]) -> Array:
    none = np.any(s == 0, -1)
    return np.broadcast_to(none[..., None, None], shape) | _equal_neighbours(s, shape)


def _svdvals_pullback(g: Operand, out: Operand, x: Operand) -> Operand:
    u, _, vt = unpacked(OPERATIONS["svd"](x, full=False), *svd_shapes(x))
    return (u * np.expand_dims(g, -2)) @ vt


svdvals = define(
    "svdvals",
    lambda x: np.linalg.svd(x, compute_uv=False),
    _svdvals_pullback,
    numpy=np.linalg.svdvals,
    reads="operands",
    kinks=lambda out, x: _singular_kinks(tensor.plain(out), np.shape(x)),
    analytic=not_analytic,
    axes=lambda axis, x: [(0, axis)] if axis < len(x) - 2 else [],
    sentence="Singular values of a matrix, in falling order.",
)


# Of any eigenvalues


def _eig(x: Operand) -> Array:
    values, vectors = np.linalg.eig(x)
    if np.iscomplexobj(values):
        raise TypeError(
            "some of its eigenvalues are complex, which a Tensor does not hold; those of a "
            "symmetric matrix, np.linalg.eigh, are real"
        )
    return packed(values[..., None], vectors)


def _eig_pullback(g: Operand, out: Operand, x: Operand) -> Operand:
    # C. Boeddeker et al., "On the computation of complex-valued gradients with application to
    # statistically optimum beamforming", 2017, section 4.20; the vectors have length 1
    by_values, by_vectors = unpacked(g, *eigh_shapes(x))
    values, vectors = unpacked(out, *eigh_shapes(x))
    inside = transposed(vectors) @ by_vectors
    lengths = np.expand_dims(np.sum(vectors * by_vectors, -2), -2)
    inside = inside - (transposed(vectors) @ vectors) * lengths
    turns = _over_gaps(inside, _outer_gaps(values))
    middle = (diagonal_of(by_values) + turns) @ transposed(vectors)
    return np.linalg.solve(transposed(vectors), middle)


eig = define(
    "eig",
    _eig,
    _eig_pullback,
    reads="out",
    kinks=lambda out, x: _equal_neighbours(
        tensor.plain(unpacked(out, *eigh_shapes(x))[0]), np.shape(x)
    ),
    analytic=not_analytic,
    axes=lambda axis, x: [(0, axis)] if axis < len(x) - 2 else [],
    sentence="Eigenvalues and eigenvectors of a square matrix that are real, side by side.",
    source="""def eig(x):
    values, vectors = np.linalg.eig(x)
    vectors = vectors.reshape(*values.shape[:-1], -1)
    return np.concatenate([values, vectors], -1)""",
)
