"""NumPy's functions that are made of others, for Tensors: no operations of their own."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple
from numpy.typing import ArrayLike, DTypeLike

from autograd_mini.core import tensor
from autograd_mini.core.operation import numpy_function, replaces
from autograd_mini.core.rule import FUNCTIONS
from autograd_mini.core.tensor import Tensor
from autograd_mini.operations.indexing import concatenate, getitem, index_array, scattered
from autograd_mini.operations.products import einsum, matmul
from autograd_mini.operations.reductions import norm
from autograd_mini.operations.shapes import (
    astype,
    broadcast_to,
    ravel,
    reshape,
    swapaxes,
    transpose,
)
from autograd_mini.typing import Array, Axis, Operand


@replaces(np.dot)
def dot(x: Operand, y: Operand) -> Operand:
    if np.ndim(x) == 0 or np.ndim(y) == 0:
        return FUNCTIONS["mul"](x, y)
    if np.ndim(y) <= 2:
        return matmul(x, y)
    return tensordot(x, y, ([np.ndim(x) - 1], [np.ndim(y) - 2]))


@replaces(np.inner)
def inner(x: Operand, y: Operand) -> Operand:
    if np.ndim(x) == 0 or np.ndim(y) == 0:
        return FUNCTIONS["mul"](x, y)
    return tensordot(x, y, ([np.ndim(x) - 1], [np.ndim(y) - 1]))


@replaces(np.vdot)
def vdot(x: Operand, y: Operand) -> Operand:
    return matmul(np.ravel(x), np.ravel(y))


@replaces(np.outer)
def outer(x: Operand, y: Operand) -> Operand:
    return np.expand_dims(np.ravel(x), 1) * np.ravel(y)


@replaces(np.tensordot)
def tensordot(x: Operand, y: Operand, axes: int | tuple[Any, Any] = 2) -> Operand:
    from string import ascii_letters  # its import takes half a millisecond

    if isinstance(axes, int):
        axes = (range(np.ndim(x) - axes, np.ndim(x)), range(axes))
    of_x, of_y = axes
    left = normalize_axis_tuple(of_x, np.ndim(x), "axes")
    right = normalize_axis_tuple(of_y, np.ndim(y), "axes")
    xs = list(ascii_letters[: np.ndim(x)])
    ys = list(ascii_letters[np.ndim(x) : np.ndim(x) + np.ndim(y)])
    for a, b in zip(left, right, strict=True):
        if np.shape(x)[a] != np.shape(y)[b]:  # einsum would repeat an axis of size 1
            raise ValueError(
                f"the product of shapes {np.shape(x)} and {np.shape(y)} sums over axis {a} of the "
                f"first and {b} of the second, which must have one size"
            )
        ys[b] = xs[a]
    free = [s for s in xs + ys if (s in xs) != (s in ys)]
    return einsum(f"{''.join(xs)},{''.join(ys)}->{''.join(free)}", x, y)


@replaces(np.linalg.norm)
def linalg_norm(
    x: Operand, ord: float | str | None = None, axis: Axis = None, keepdims: bool = False
) -> Operand:
    axes = np.ndim(x) if axis is None else len(normalize_axis_tuple(axis, np.ndim(x)))
    matrix = axes == 2
    if axes not in (1, 2) and not (axis is None and ord is None):
        raise ValueError(
            f"norm: one axis or a pair of axes is needed, found axis={axis}, ord={ord} for the "
            f"shape {np.shape(x)}"
        )
    if ord is None or ord == ("fro" if matrix else 2):
        return norm(x, axis, bool(keepdims))
    if matrix:
        matrix_norms: Any = numpy_function(np.linalg.norm, options=True)
        return matrix_norms(x, ord, axis, keepdims)
    if not isinstance(ord, int | float):
        raise ValueError(f"norm of vectors: ord is a number, not {ord!r}")
    if ord in (np.inf, -np.inf):
        return (np.max if ord > 0 else np.min)(np.abs(x), axis=axis, keepdims=keepdims)
    if ord in (0, 1):  # 0 counts what is not 0
        return np.sum(np.abs(x if ord else np.sign(x)), axis=axis, keepdims=keepdims)
    return norm(x, axis, bool(keepdims), ord)


@replaces(np.reshape)
def reshape_(x: Operand, shape: Any = None, order: str = "C", **more: object) -> Operand:
    shape = more.get("newshape", shape)
    if order == "F":
        shape = (shape,) if np.ndim(shape) == 0 else tuple(shape)
        return np.transpose(reshape(np.transpose(x), shape[::-1]))
    if order != "C":
        raise TypeError(f"reshape of a Tensor: write order='C' or 'F', not {order!r}")
    return reshape(x, shape)


@replaces(np.ravel)
def ravel_(x: Operand, order: str = "C") -> Operand:
    if order not in ("C", "F"):
        raise TypeError(f"ravel of a Tensor: write order='C' or 'F', not {order!r}")
    return ravel(x if order == "C" else np.transpose(x))


@replaces(np.transpose, np.permute_dims)
def transpose_(x: Operand, axes: Any = None) -> Operand:
    if axes is not None:
        axes = tuple(axes) if np.ndim(axes) else (axes,)
    return transpose(x, axes)


@replaces(np.matrix_transpose)
def matrix_transpose(x: Operand) -> Operand:
    return swapaxes(x, -1, -2)


@replaces(np.atleast_1d)
def atleast_1d(*arrays: Operand) -> Operand | tuple[Operand, ...]:
    padded = tuple(x if np.ndim(x) >= 1 else np.reshape(x, (1,)) for x in arrays)
    return padded[0] if len(padded) == 1 else padded


@replaces(np.atleast_2d)
def atleast_2d(*arrays: Operand) -> Operand | tuple[Operand, ...]:
    padded = tuple(x if np.ndim(x) >= 2 else np.expand_dims(atleast_1d(x), 0) for x in arrays)
    return padded[0] if len(padded) == 1 else padded


@replaces(np.take)
def take(
    x: Operand,
    indices: ArrayLike,
    axis: int | None = None,
    out: None = None,
    mode: str = "raise",
) -> Operand:
    if axis is None or not np.ndim(x):
        x, axis = np.ravel(x), 0 if axis is None else axis
    places = index_array(indices)
    if places.dtype == bool:  # 0 and 1, not a mask
        places = places.astype(np.intp)
    before = (slice(None),) * (axis % np.ndim(x))
    size = _size_along(x, axis, "take")
    if mode not in ("raise", "wrap", "clip"):
        raise ValueError(f"take: mode is 'raise', 'wrap' or 'clip', not {mode!r}")
    if mode == "wrap":
        places = places % size
    elif mode == "clip":
        places = np.clip(places, 0, size - 1)
    first, rest = np.shape(x)[: len(before)], np.shape(x)[len(before) + 1 :]
    if 0 in first:  # NumPy asks for no index to be in range then
        return np.reshape(x, (*first, *places.shape, *rest))
    return getitem(x, (*before, places))


@replaces(np.diagonal)
def diagonal(x: Operand, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Operand:
    rows, columns = np.shape(x)[axis1], np.shape(x)[axis2]
    size = max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
    along = np.arange(size)
    index = (..., along - min(offset, 0), along + max(offset, 0))
    return getitem(np.moveaxis(x, (axis1, axis2), (-2, -1)), index)


@replaces(np.diag)
def diag(x: Operand, k: int = 0) -> Operand:
    if np.ndim(x) == 2:
        return diagonal(x, k)
    size = np.shape(x)[0]
    along = np.arange(size)
    index = (along - min(k, 0), along + max(k, 0))
    return scattered(x, index, (size + abs(k), size + abs(k)))


@replaces(np.trace)
def trace(
    x: Operand, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: DTypeLike | None = None
) -> Operand:
    return np.sum(diagonal(x, offset, axis1, axis2), -1, dtype)


def _triangle(x: Operand, k: int) -> Array:
    if not np.ndim(x):
        raise ValueError("tril and triu take arrays of at least one axis, not a number")
    sizes = np.shape(x)[-2:]
    return np.tri(sizes[0], sizes[-1], k, dtype=bool)


@replaces(np.tril)
def tril(x: Operand, k: int = 0) -> Operand:
    return np.where(_triangle(x, k), x, 0)


@replaces(np.triu)
def triu(x: Operand, k: int = 0) -> Operand:
    return np.where(_triangle(x, k - 1), 0, x)


@replaces(np.split)
def split(x: Operand, indices_or_sections: ArrayLike, axis: int = 0) -> Operand:
    size = _size_along(x, axis, "split")
    sections = np.asarray(indices_or_sections)
    if sections.ndim == 0 and sections > 0 and size % sections:
        raise ValueError(
            f"split: axis {axis} of shape {np.shape(x)} has no {sections} equal parts; "
            "give the indices to split at, or write np.array_split"
        )
    return array_split(x, indices_or_sections, axis)


@replaces(np.array_split)
def array_split(x: Operand, indices_or_sections: Any, axis: int = 0) -> list[Operand]:
    places = np.arange(_size_along(x, axis, "array_split"))
    before = (slice(None),) * (axis % np.ndim(x))
    return [
        getitem(x, (*before, slice(piece[0], piece[-1] + 1) if piece.size else slice(0)))
        for piece in np.array_split(places, indices_or_sections)
    ]


@replaces(np.hsplit)
def hsplit(x: Operand, indices_or_sections: ArrayLike) -> Operand:
    return split(x, indices_or_sections, 1 if np.ndim(x) > 1 else 0)


@replaces(np.vsplit)
def vsplit(x: Operand, indices_or_sections: ArrayLike) -> Operand:
    if np.ndim(x) < 2:
        raise ValueError(
            f"vsplit: there is one axis at the most in the shape {np.shape(x)}: use split"
        )
    return split(x, indices_or_sections, 0)


def _size_along(x: Operand, axis: int, name: str) -> int:
    """The size of an axis that there must be."""
    if not -np.ndim(x) <= operator.index(axis) < np.ndim(x):
        raise ValueError(f"{name}: there is no axis {axis} in the shape {np.shape(x)}")
    size: int = np.shape(x)[axis]
    return size


@replaces(np.diff)
def diff(
    x: Operand, n: int = 1, axis: int = -1, prepend: Operand = None, append: Operand = None
) -> Operand:
    if n < 0:
        raise ValueError(f"diff: n is how often to take differences, 0 or more, not {n}")
    if not n:
        return x
    _size_along(x, axis, "diff")
    before = (slice(None),) * (axis % np.ndim(x))
    if prepend is not None or append is not None:
        one = [*np.shape(x)]
        one[axis] = 1
        ends = [
            e if e is None or np.ndim(e) else np.broadcast_to(e, one) for e in (prepend, append)
        ]
        x = concatenate([part for part in (ends[0], x, ends[1]) if part is not None], axis)
    for _ in range(n):
        x = x[(*before, slice(1, None))] - x[(*before, slice(None, -1))]
    return x


@replaces(np.vstack)
def vstack(arrays: Sequence[Operand], *, dtype: DTypeLike | None = None) -> Operand:
    return concatenate([np.atleast_2d(array) for array in arrays], 0, dtype=dtype)


@replaces(np.hstack)
def hstack(arrays: Sequence[Operand], *, dtype: DTypeLike | None = None) -> Operand:
    arrays = [np.atleast_1d(array) for array in arrays]
    return concatenate(arrays, 0 if np.ndim(arrays[0]) == 1 else 1, dtype=dtype)


@replaces(np.column_stack)
def column_stack(arrays: Sequence[Operand]) -> Operand:
    columns = [np.transpose(np.atleast_2d(a)) if np.ndim(a) < 2 else a for a in arrays]
    return concatenate(columns, 1)


@replaces(np.append)
def append(x: Operand, values: Operand, axis: int | None = None) -> Operand:
    return concatenate([x, values], axis)


@replaces(np.repeat)
def repeat(x: Operand, repeats: int | Sequence[int] | Array, axis: int | None = None) -> Operand:
    if axis is None or not np.ndim(x):
        x, axis = np.ravel(x), 0 if axis is None else axis
    return take(x, np.repeat(np.arange(_size_along(x, axis, "repeat")), repeats), axis)


@replaces(np.tile)
def tile(x: Operand, reps: Any) -> Operand:
    reps = (reps,) if np.ndim(reps) == 0 else tuple(reps)
    shape = (1,) * (len(reps) - np.ndim(x)) + np.shape(x)
    reps = (1,) * (len(shape) - len(reps)) + reps
    apart = np.reshape(x, [n for size in shape for n in (1, size)])
    pairs = zip(reps, shape, strict=True)
    wide = np.broadcast_to(apart, [n for rep, size in pairs for n in (rep, size)])
    return np.reshape(wide, [rep * size for rep, size in zip(reps, shape, strict=True)])


@replaces(np.copy)
def copy(x: Operand) -> Operand:
    return +x


@replaces(np.full_like)
def full_like(
    x: Operand,
    fill_value: Operand,
    dtype: DTypeLike | None = None,
    *,
    shape: int | Sequence[int] | None = None,
) -> Operand:
    like = np.empty_like(tensor.plain(x), dtype=dtype, shape=shape)
    if not isinstance(fill_value, Tensor):
        return np.full_like(like, fill_value)
    return astype(broadcast_to(fill_value, like.shape), like.dtype)


@replaces(np.where)
def where(condition: Operand, *branches: Operand) -> Operand:
    if not any(isinstance(branch, Tensor) for branch in branches):  # piecewise constant
        return np.where(tensor.plain(condition), *branches)
    return FUNCTIONS["where"](condition, *branches)


@replaces(np.clip)
def clip(
    x: Operand,
    a_min: Operand = None,
    a_max: Operand = None,
    *,
    min: Operand = None,
    max: Operand = None,
) -> Operand:
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    low, high = (-np.inf if low is None else low), (np.inf if high is None else high)
    return FUNCTIONS["clip"](x, low, high)


replaces(np.ndarray.astype)(lambda x, dtype: astype(x, np.dtype(dtype)))
