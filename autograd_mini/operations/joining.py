"""NumPy's functions that join, split and combine arrays, for Tensors: made of other operations."""

from __future__ import annotations

import operator
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from autograd_mini.core import tensor
from autograd_mini.core.operation import replaces
from autograd_mini.operations.ufuncs import newer
from autograd_mini.typing import Function, Operand


@replaces(np.dstack)
def dstack(tup: Sequence[Operand]) -> Operand:
    return np.concatenate([np.atleast_3d(array) for array in tup], 2)


@replaces(np.block)
def block(arrays: Operand) -> Operand:
    depth = _depth(arrays)
    ndim = max(depth, *(np.ndim(leaf) for leaf in _leaves(arrays)), 0)
    return _joined(arrays, depth, ndim)


def _depth(arrays: Operand) -> int:
    if not isinstance(arrays, list):
        return 0
    depths = {_depth(inner) for inner in arrays}
    if len(depths) != 1:
        raise ValueError("block: lists are nested to one depth everywhere, and none is empty")
    return 1 + depths.pop()


def _leaves(arrays: Operand) -> list[Operand]:
    if not isinstance(arrays, list):
        return [arrays]
    return [leaf for inner in arrays for leaf in _leaves(inner)]


def _joined(arrays: Operand, depth: int, ndim: int) -> Operand:
    """The innermost lists are joined along the last axis, those around along that before."""
    if not isinstance(arrays, list):
        missing = ndim - np.ndim(arrays)
        return np.expand_dims(arrays, tuple(range(missing))) if missing else arrays
    return np.concatenate([_joined(inner, depth - 1, ndim) for inner in arrays], -depth)


@replaces(np.pad, options=True)
def pad_by_axes(
    array: Operand,
    pad_width: Operand,
    mode: str = "constant",
    stat_length: Operand = None,
    end_values: Operand = 0,
) -> Operand:
    """The modes that compute what they put, axis by axis, each with what was put before."""
    if mode not in (*_STATISTICS, "linear_ramp"):
        raise TypeError(
            f"pad of a Tensor has no derivative rule for mode={mode!r} with these options: write "
            "constant, edge, reflect, symmetric, wrap, linear_ramp, mean, median, maximum, minimum"
        )
    widths, ends, lengths = (
        np.broadcast_to(np.asarray(pair, object), (np.ndim(array), 2)).tolist()
        for pair in (pad_width, end_values, stat_length)
    )
    for axis, (before, after) in enumerate(widths):
        size = np.shape(array)[axis]
        parts = [array]
        for width, end, length, first in (
            (before, ends[axis][0], lengths[axis][0], True),
            (after, ends[axis][1], lengths[axis][1], False),
        ):
            if mode == "linear_ramp":
                edge = np.take(array, [0 if first else size - 1], axis)
                steps = np.arange(width) / max(width, 1)
                shape = [-1 if a == axis else 1 for a in range(np.ndim(array))]
                steps = np.reshape(steps if first else steps[::-1], shape)
                part = end + (edge - end) * steps
            else:
                length = size if length is None else min(length, size)
                chunk = range(length) if first else range(size - length, size)
                part = _STATISTICS[mode](np.take(array, chunk, axis), axis=axis, keepdims=True)
                part = np.repeat(part, width, axis)
            parts = [part, *parts] if first else [*parts, part]
        array = np.concatenate(parts, axis)
    return array


_STATISTICS: dict[str, Function] = {
    "mean": np.mean,
    "median": np.median,
    "maximum": np.max,
    "minimum": np.min,
}


@replaces(np.dsplit)
def dsplit(ary: Operand, indices_or_sections: ArrayLike) -> Operand:
    if np.ndim(ary) < 3:
        raise ValueError(f"dsplit: three axes are needed, found shape {np.shape(ary)}: use split")
    return np.split(ary, indices_or_sections, 2)  # type: ignore[arg-type]


@replaces(*newer(np, "unstack"))
def unstack(x: Operand, /, *, axis: int = 0) -> tuple[Operand, ...]:
    if not np.ndim(x):
        raise ValueError("unstack: an axis is needed, found shape ()")
    return tuple(np.moveaxis(x, axis, 0))


@replaces(np.broadcast_arrays)
def broadcast_arrays(*args: Operand, subok: bool = False) -> tuple[Operand, ...]:
    shape = np.broadcast_shapes(*map(np.shape, args))
    return tuple(np.broadcast_to(x, shape) for x in args)


@replaces(np.meshgrid)
def meshgrid(
    *xi: Operand, copy: bool = True, sparse: bool = False, indexing: str = "xy"
) -> tuple[Operand, ...]:
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing is 'xy' or 'ij', not {indexing!r}")
    count = len(xi)
    axes = list(range(count))
    if indexing == "xy" and count > 1:
        axes[:2] = [1, 0]
    grids = [
        np.reshape(x, [np.size(x) if a == axis else 1 for a in range(count)])
        for x, axis in zip(xi, axes, strict=True)
    ]
    return tuple(grids if sparse else np.broadcast_arrays(*grids))


@replaces(np.kron)
def kron(a: Operand, b: Operand) -> Operand:
    ndim = max(np.ndim(a), np.ndim(b))
    a, b = (np.reshape(x, (1,) * (ndim - np.ndim(x)) + np.shape(x)) for x in (a, b))
    apart = np.expand_dims(a, tuple(range(1, 2 * ndim, 2))) * np.expand_dims(
        b, tuple(range(0, 2 * ndim, 2))
    )
    return np.reshape(apart, np.multiply(np.shape(a), np.shape(b)).tolist())


@replaces(np.cross)
def cross(
    a: Operand,
    b: Operand,
    axisa: int = -1,
    axisb: int = -1,
    axisc: int = -1,
    axis: int | None = None,
) -> Operand:
    if axis is not None:
        axisa = axisb = axisc = operator.index(axis)
    a, b = np.moveaxis(a, axisa, -1), np.moveaxis(b, axisb, -1)
    sizes = np.shape(a)[-1], np.shape(b)[-1]
    if not {*sizes} <= {2, 3}:
        raise ValueError(f"cross: vectors have 2 or 3 components, found {sizes[0]} and {sizes[1]}")
    if sizes == (2, 2):
        return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    (x1, y1, z1), (x2, y2, z2) = _components(a), _components(b)
    parts = np.broadcast_arrays(y1 * z2 - z1 * y2, z1 * x2 - x1 * z2, x1 * y2 - y1 * x2)
    return np.moveaxis(np.stack(parts, -1), -1, axisc)


def _components(vectors: Operand) -> tuple[Operand, Operand, Operand]:
    """Of vectors of two components the third is 0."""
    x, y = vectors[..., 0], vectors[..., 1]
    return x, y, vectors[..., 2] if np.shape(vectors)[-1] == 3 else 0.0


@replaces(np.linspace)
def linspace(
    start: Operand,
    stop: Operand,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: DTypeLike | None = None,
    axis: int = 0,
) -> Operand:
    steps = max(num - 1 if endpoint else num, 1)
    ends = [x if hasattr(x, "dtype") or np.isscalar(x) else np.asarray(x) for x in (start, stop)]
    real = np.result_type(*(getattr(x, "dtype", x) for x in ends), 0.0)  # Python's leave float32
    start, stop = np.broadcast_arrays(*(np.asarray(x, real) if np.isscalar(x) else x for x in ends))
    parts = np.reshape(np.arange(num) / steps, (num,) + (1,) * np.ndim(start)).astype(real)
    line = start * (1 - parts) + stop * parts
    made = _of_dtype(np.moveaxis(line, 0, axis), dtype)
    return (made, (stop - start) / steps) if retstep else made


def _of_dtype(made: Operand, dtype: DTypeLike | None) -> Operand:
    return made if dtype is None else made.astype(dtype)


@replaces(np.logspace)
def logspace(
    start: Operand,
    stop: Operand,
    num: int = 50,
    endpoint: bool = True,
    base: Operand = 10.0,
    dtype: DTypeLike | None = None,
    axis: int = 0,
) -> Operand:
    powers = np.power(base, np.linspace(start, stop, num, endpoint, axis=axis))
    return _of_dtype(powers, dtype)


@replaces(np.geomspace)
def geomspace(
    start: Operand,
    stop: Operand,
    num: int = 50,
    endpoint: bool = True,
    dtype: DTypeLike | None = None,
    axis: int = 0,
) -> Operand:
    if not (np.all(tensor.plain(start)) and np.all(tensor.plain(stop))):
        raise ValueError("geomspace: neither start nor stop may be 0")
    sign = np.sign(tensor.plain(start))
    logs = np.linspace(np.log(start * sign), np.log(stop * sign), num, endpoint)
    made = np.exp(logs) * sign
    first, last = np.expand_dims(start, 0), np.expand_dims(stop, 0)
    place = np.reshape(np.arange(num), (num,) + (1,) * (np.ndim(made) - 1))
    made = np.where((place == num - 1) & bool(endpoint and num > 1), last, made)
    return _of_dtype(np.moveaxis(np.where(place == 0, first, made), 0, axis), dtype)
