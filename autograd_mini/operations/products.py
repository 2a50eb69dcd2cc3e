"""Products of arrays: of matrices, over named axes, and a layer of neurons as one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_mini.core.broadcasting import unbroadcast
from autograd_mini.core.operation import OPERATIONS, define, replaces
from autograd_mini.core.tensor import Tensor, record
from autograd_mini.interface.traced import as_array
from autograd_mini.operations.indexing import scattered
from autograd_mini.typing import Operand


def _matmul_pullback_left(g: Operand, out: Operand, x: Operand, y: Operand) -> Operand:
    if _are_matrices(x, y):
        return g @ y.T
    if np.ndim(y) == 1:
        return g * y if np.ndim(x) == 1 else np.expand_dims(g, -1) * y
    if np.ndim(x) == 1:
        return np.squeeze(np.expand_dims(g, -2) @ _transposed(y), -2)
    return g @ _transposed(y)


def _matmul_pullback_right(g: Operand, out: Operand, x: Operand, y: Operand) -> Operand:
    if _are_matrices(x, y):
        return x.T @ g
    if np.ndim(x) == 1:
        return g * x if np.ndim(y) == 1 else np.expand_dims(x, -1) * np.expand_dims(g, -2)
    if np.ndim(y) <= 2 and np.ndim(x) > 2:  # one matrix for the whole batch: one product
        samples = math.prod(np.shape(x)[:-1])
        x = np.reshape(x, (samples, np.shape(x)[-1]))
        g = np.reshape(g, (samples, *np.shape(y)[1:]))
    return _transposed(x) @ g


def _are_matrices(x: Operand, y: Operand) -> bool:
    """Whether both are arrays or Tensors of two axes, as they mostly are, asked quickly."""
    return getattr(x, "ndim", None) == 2 == getattr(y, "ndim", None)


def _transposed(x: Operand) -> Operand:
    """Matrices with rows for columns; an array or Tensor of two axes, as it mostly is, quickly."""
    return x.T if getattr(x, "ndim", None) == 2 else np.swapaxes(x, -1, -2)


def _matmul_axes(axis: int, x: tuple[int, ...], y: tuple[int, ...]) -> list[tuple[int, int]]:
    from_end = axis - (max(len(x), len(y)) - (len(x) == 1) - (len(y) == 1))
    if len(y) == 1:
        return [(0, len(x) + from_end - 1)]
    if from_end == -1:
        return [(1, len(y) - 1)]
    if len(x) == 1:
        return [(1, len(y) + from_end - 1)]
    return [(0, len(x) + from_end)] if len(x) + from_end >= 0 else []


matmul = define(
    "matmul",
    np.matmul,
    _matmul_pullback_left,
    _matmul_pullback_right,
    numpy=np.matmul,
    reads="operands",
    multilinear=True,
    broadcasts=True,
    spelling="x0 @ x1",
    axes=_matmul_axes,
    sentence="Matrix product, also of stacks of matrices.",
    symbol="@",
)


def _affine(x: Operand, weight: Operand, bias: Operand) -> Operand:
    x, weight, bias = as_array(x), as_array(weight), as_array(bias)
    if weight.ndim != 2 or bias.shape != weight.shape[1:]:
        raise ValueError("weight has shape (n_in, n_out) and bias (n_out,)")
    product = x @ weight
    return np.add(product, bias, out=product if product.dtype == bias.dtype else None)


_recorded_affine = define(
    "affine",
    _affine,
    lambda g, out, x, weight, bias: _matmul_pullback_left(g, out, x, weight),
    lambda g, out, x, weight, bias: _matmul_pullback_right(g, out, x, weight),
    lambda g, *_: g,  # summed over the samples, as whatever was repeated is
    reads="operands",
    tangents=[
        lambda t, out, x, weight, bias: t @ weight,
        lambda t, out, x, weight, bias: x @ t,
        lambda t, *_: t,  # for every sample
    ],
    broadcasts=True,
    parts=lambda x, weight, bias: x @ weight + bias,
    fused=True,
    spelling="x0 @ x1 + x2",
    sentence="x @ weight + bias: a layer of neurons, as one operation.",
)


def affine(x: Operand, weight: Operand, bias: Operand) -> Operand:
    """``x @ weight + bias``, as one operation: a layer of neurons, as ``weighted_sum`` is one.

    The numbers are those of ``x @ weight + bias``; there are fewer nodes to record and to sweep.

    Arguments:
        x: inputs of shape ``(n_in,)`` or ``(..., n_in)``: numbers or a Tensor.
        weight: shape ``(n_in, n_out)``.
        bias: shape ``(n_out,)``.

    Returns:
        Shape ``(n_out,)`` or ``(..., n_out)``: a Tensor if one of the three is.

    Raises:
        ValueError: the shapes do not fit.

    >>> W, b = Tensor([[1.0], [2.0]], label="W"), Tensor([0.5], label="b")
    >>> z = affine([[1.0, 1.0], [0.0, 3.0]], W, b)
    >>> z.data
    array([[3.5],
           [6.5]])
    >>> np.sum(z).backward()
    >>> W.grad, b.grad
    (array([[1.],
           [4.]]), array([2.]))
    """
    if isinstance(x, Tensor) or isinstance(weight, Tensor) or isinstance(bias, Tensor):
        return _recorded_affine(x, weight, bias)
    return _affine(x, weight, bias)


def _einsum(*operands: Operand, subscripts: str) -> Operand:
    return np.einsum(subscripts, *operands, optimize=len(operands) > 1)


def _einsum_pullback(
    index: int, g: Operand, out: Operand, *operands: Operand, subscripts: str
) -> Operand:
    inputs, output = subscripts.split("->")
    terms = inputs.split(",")
    mine, shape = terms.pop(index), np.shape(operands[index])
    others = [operand for i, operand in enumerate(operands) if i != index]
    letters = list(dict.fromkeys(mine))
    shared = [s for s in letters if s in output or any(s in term for term in terms)]
    text = ",".join([output, *terms]) + "->" + "".join(shared)
    share = np.einsum(text, g, *others, optimize=bool(others))
    if len(shared) < len(letters):  # a letter that stands nowhere else was summed: repeat
        share = np.expand_dims(share, tuple(i for i, s in enumerate(letters) if s not in shared))
        sizes = [max(shape[mine.index(s)], n) for s, n in zip(letters, share.shape, strict=True)]
        share = np.broadcast_to(share, sizes)
    if len(letters) < len(mine):  # a letter twice is a diagonal
        diagonal = tuple(shape[mine.index(s)] for s in letters)
        if np.shape(share) != diagonal:  # a letter of size 1 here or elsewhere, which was repeated
            share = np.broadcast_to(share, np.broadcast_shapes(np.shape(share), diagonal))
            share = unbroadcast(share, diagonal)
        grid = np.ix_(*[np.arange(size) for size in diagonal])
        share = scattered(share, tuple(grid[letters.index(s)] for s in mine), shape)
    return share


define(
    "einsum",
    _einsum,
    _einsum_pullback,
    several=True,
    reads="operands",
    multilinear=True,
    broadcasts=True,
    spelling="einsum(subscripts, xs)",
    sentence="Sum of products over named axes.",
)


@replaces(np.einsum)
def einsum(subscripts: Any, *operands: Operand, optimize: object = True) -> Operand:
    if not isinstance(subscripts, str):
        subscripts, operands = _as_text((subscripts, *operands))
    return record(OPERATIONS["einsum"], operands, {"subscripts": _explicit(subscripts, operands)})


def _as_text(arguments: Sequence[Operand]) -> tuple[str, tuple[Operand, ...]]:
    """Subscripts as text, of operands each of which is followed by the numbers of its axes."""
    from string import ascii_letters

    def term(axes: Sequence[Any]) -> str:
        return "".join("..." if axis is Ellipsis else ascii_letters[axis] for axis in axes)

    pairs = len(arguments) // 2
    text = ",".join(term(axes) for axes in arguments[1 : 2 * pairs : 2])
    if len(arguments) % 2:
        text += "->" + term(arguments[-1])
    return text, tuple(arguments[: 2 * pairs : 2])


def _explicit(subscripts: str, operands: Sequence[Any]) -> str:
    """Subscripts with the output written and each ellipsis replaced by letters."""
    from string import ascii_letters  # its import takes half a millisecond

    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if len(terms) != len(operands):
        raise ValueError(
            f"einsum: {subscripts!r} names {len(terms)} operands, {len(operands)} are given"
        )
    unused = [s for s in ascii_letters if s not in subscripts]
    widths = [np.ndim(o) - len(t.replace("...", "")) for t, o in zip(terms, operands, strict=True)]
    widest = max([w for t, w in zip(terms, widths, strict=True) if "..." in t], default=0)
    letters = "".join(unused[:widest])
    terms = [
        t.replace("...", letters[widest - w :] if w else "")
        for t, w in zip(terms, widths, strict=True)
    ]
    if not arrow:
        once = [
            s for s in sorted(set("".join(terms)) - set(letters)) if "".join(terms).count(s) == 1
        ]
        output = letters + "".join(once)
    return ",".join(terms) + "->" + output.replace("...", letters)


def _sparse_product_pullback(g: Operand, out: Operand, x: Operand, matrix: Operand) -> Operand:
    return matrix.T @ g


define(
    "sparse_product",
    lambda x, matrix: np.asarray(matrix @ x),
    _sparse_product_pullback,
    call="x, matrix",
    spelling="matrix @ x0",
    reads="",
    sentence="Product of a sparse matrix, a constant, with a vector or matrix.",
)
