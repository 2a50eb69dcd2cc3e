"""Operations that pick, place and join elements: indexing, concatenation, flips, padding."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from autograd_mini.core.broadcasting import sum_dtype
from autograd_mini.core.operation import OPERATIONS, define, numpy_function, replaces
from autograd_mini.core.tensor import Tensor, record
from autograd_mini.interface.operands import as_operand
from autograd_mini.interface.traced import TracedArray, as_array, called, is_traced
from autograd_mini.typing import Array, Axis, Operand


def _getitem(x: Operand, index: Any) -> Operand:
    return as_array(x)[index]


def _scatter(g: Operand, index: Any, shape: tuple[int, ...]) -> Operand:
    """Zeros of a shape, with ``g`` added at an index."""
    if _names_once(index):
        return zeros_with(g, index, shape)
    found = np.zeros(shape, sum_dtype(g))  # an element may be named several times
    row = math.prod(shape[1:])
    if isinstance(index, np.ndarray) and row > 0:  # several times faster flat
        places: Operand = index
        if row > 1:  # rows of a table
            places = np.expand_dims(index.astype(np.intp) % shape[0] * row, -1) + np.arange(row)
        np.add.at(found.reshape(-1), np.ravel(places), np.ravel(g))
    else:
        np.add.at(found, index, g)
    return found.astype(g.dtype, copy=False)


def _names_once(index: Any) -> bool:
    """Whether an index names no element twice."""
    parts = index if isinstance(index, tuple) else (index,)
    arrays = [part for part in parts if isinstance(part, np.ndarray | TracedArray)]
    return all(array.dtype == bool for array in arrays)


def zeros_with(g: Array, index: Any, shape: tuple[int, ...], out: Array | None = None) -> Array:
    """Zeros of a shape but for ``g`` at an index, which names no element twice.

    >>> zeros_with(np.array([5.0, 7.0]), slice(1, 3), (4,))
    array([0., 5., 7., 0.])
    """
    if out is None:
        out = np.zeros(shape, g.dtype)
    else:
        out.fill(0)
    out[index] = g
    return out


zeros_with.over = None  # type: ignore[attr-defined]  # it can be told where to write


def scattered(g: Operand, index: Any, shape: tuple[int, ...]) -> Operand:
    """Zeros of a shape with ``g`` added at an index, recorded if ``g`` is a Tensor."""
    if isinstance(g, Tensor):
        return _recorded_scatter(g, index, shape)
    if is_traced(g) and _names_once(index):
        return g.trace.call(zeros_with, (g, index, shape), {})
    return called(_scatter, g, index, shape)


_recorded_getitem = define(
    "getitem",
    _getitem,
    lambda g, out, x, index: scattered(g, index, np.shape(x)),
    call="x, index",
    spelling="x0[index]",
    rearranges=True,
    reads="",
    sentence="Elements at an index.",
)

_recorded_scatter = define(
    "scatter",
    _scatter,
    lambda g, out, x, index, shape: g[index],
    call="x, index, shape",
    spelling="scatter(x0, s_[index], shape)",
    reads="",
    sentence="Elements added into zeros at an index.",
    source="""def scatter(g, index, shape):
    total = np.zeros(shape)
    np.add.at(total, index, g)
    return total""",
)


@replaces(operator.getitem)
def getitem(x: Operand, index: object) -> Tensor:
    made: Tensor = _recorded_getitem(x, own_index(index))
    return made


def own_index(index: object) -> Operand:
    """An index that nobody else changes.

    Raises:
        TypeError: a Tensor is a part of it.
    """
    parts = index if isinstance(index, tuple) else (index,)
    if any(isinstance(part, Tensor) for part in parts):
        raise TypeError("a Tensor is no index: write t[index.data.astype(int)], or a boolean array")
    own = tuple(part if isinstance(part, _BASIC) else index_array(part) for part in parts)
    return own if isinstance(index, tuple) else own[0]


_BASIC = (int, np.integer, np.bool_, slice, type(Ellipsis), type(None))
"""Parts of an index that cannot change and name no element twice."""


def index_array(part: Operand) -> Operand:
    """Any other part of an index as an array of its own, however it is written."""
    if is_traced(part):
        return part
    array = np.array(part)
    return array if array.size or isinstance(part, np.ndarray) else array.astype(np.intp)


# Picking from several arrays


def _gather(*xs: Operand, places: Array) -> Operand:
    if len(xs) == 1:
        return np.ravel(xs[0])[places]
    if sum(map(np.size, xs)) <= 4 * np.size(places):
        return np.concatenate([np.ravel(x) for x in xs])[places]
    out = np.empty(np.size(places), np.result_type(*xs))
    for x, (into, taken) in zip(xs, _split_among(places, xs), strict=True):
        out[into] = np.ravel(x)[taken]
    return out.reshape(np.shape(places))


def _gather_pullback(index: int, g: Operand, out: Operand, *xs: Operand, places: Array) -> Operand:
    into, taken = _split_among(places, xs)[index]
    shape = np.shape(xs[index])
    share = np.ravel(g)[into]
    if taken.size == math.prod(shape) and np.array_equal(taken, np.arange(taken.size)):
        return np.reshape(share, shape)
    return np.reshape(scattered(share, taken, (math.prod(shape),)), shape)


def _split_among(places: Array, xs: tuple[Operand, ...]) -> list[tuple[Array, Array]]:
    """For each operand where its elements go in the result, and which of its elements they are."""
    global _last_split
    of, count, found = _last_split
    if of is places and count == len(xs):  # a sweep asks for one operand after the other
        return found
    sizes = list(map(np.size, xs))
    flat = np.ravel(places)
    starts = np.cumsum([0, *sizes])
    which = np.searchsorted(starts, flat, side="right") - 1
    order = np.argsort(which, kind="stable")
    ends = np.searchsorted(which[order], np.arange(len(sizes) + 1))
    found = [
        (into := order[ends[k] : ends[k + 1]], flat[into] - starts[k]) for k in range(len(sizes))
    ]
    _last_split = places, len(xs), found
    return found


_last_split: tuple[Any, int, list[tuple[Array, Array]]] = None, 0, []

define(
    "gather",
    _gather,
    _gather_pullback,
    several=True,
    spelling="gather([xs], places)",
    reads="",
    sentence="Elements of several arrays, by their places in all of them end to end.",
    source="""def gather(xs, places):
    return np.concatenate([np.ravel(x) for x in xs])[places]""",
)


def gather(xs: Sequence[Operand], places: Array) -> Operand:
    """The elements of several arrays at places in all of them end to end, of the places' shape.

    Recorded if one of them is a Tensor.

    >>> gather([np.zeros(2), np.array([[5.0, 7.0]])], np.array([[3, 0], [0, 2]]))
    array([[7., 0.],
           [0., 5.]])
    """
    return OPERATIONS["gather"](*xs, places=places)


# Joining and turning


def _concatenate_pullback(
    index: int, g: Operand, out: Operand, *operands: Operand, axis: int
) -> Operand:
    sizes = [np.shape(operand)[axis] for operand in operands]
    start = int(np.sum(sizes[:index], dtype=int))
    before = (slice(None),) * (axis % np.ndim(operands[0]))
    return g[(*before, slice(start, start + sizes[index]))]


def _stack_pullback(index: int, g: Operand, out: Operand, *operands: Operand, axis: int) -> Operand:
    return g[(*(slice(None),) * (axis % np.ndim(g)), index)]


define(
    "concatenate",
    lambda *xs, axis: np.concatenate(xs, axis),
    _concatenate_pullback,
    several=True,
    spelling="concatenate([xs], axis=axis)",
    reads="",
    sentence="Arrays joined along an axis.",
)
define(
    "stack",
    lambda *xs, axis: np.stack(xs, axis),
    _stack_pullback,
    several=True,
    spelling="stack([xs], axis=axis)",
    reads="",
    sentence="Arrays of one shape joined along an axis of their own.",
)


@replaces(np.concatenate)
def concatenate(
    arrays: Operand, axis: int | None = 0, *, dtype: DTypeLike | None = None
) -> Operand:
    if axis is None:
        arrays, axis = [np.ravel(array) for array in arrays], 0
    return record(OPERATIONS["concatenate"], _joined(arrays, dtype), {"axis": axis})


@replaces(np.stack)
def stack(arrays: Operand, axis: int = 0, *, dtype: DTypeLike | None = None) -> Operand:
    return record(OPERATIONS["stack"], _joined(arrays, dtype), {"axis": axis})


def _joined(arrays: Operand, dtype: DTypeLike | None) -> tuple[Any, ...]:
    operands = map(as_operand, arrays)
    each = (array if isinstance(array, Tensor) else np.asarray(array) for array in operands)
    return tuple(each) if dtype is None else tuple(array.astype(dtype) for array in each)


define(
    "flip",
    np.flip,
    lambda g, out, x, axis: np.flip(g, axis),
    call="x, axis=None",
    numpy=np.flip,
    rearranges=True,
    reads="",
    sentence="Axes reversed.",
)


def _roll_pullback(g: Operand, out: Operand, x: Operand, shift: Any, axis: Axis) -> Operand:
    return np.roll(g, tuple(np.negative(shift)) if np.ndim(shift) else -shift, axis)


define(
    "roll",
    np.roll,
    _roll_pullback,
    call="x, shift, axis=None",
    numpy=np.roll,
    spelling=lambda node: (
        "roll(x0, shift)" if node.options["axis"] is None else "roll(x0, shift, axis=axis)"
    ),
    rearranges=True,
    reads="",
    sentence="Elements shifted round along axes.",
)


def _pad_pullback(
    g: Operand, out: Operand, x: Operand, pad_width: Operand, constant_values: object
) -> Operand:
    starts = np.broadcast_to(pad_width, (np.ndim(x), 2))[:, 0]
    return g[tuple(slice(a, a + n) for a, n in zip(starts.tolist(), np.shape(x), strict=True))]


_recorded_pad = define(
    "pad",
    np.pad,
    _pad_pullback,
    call="x, pad_width, constant_values",
    tangents=[lambda t, out, x, pad_width, constant_values: np.pad(t, pad_width)],
    spelling=lambda node: (
        "pad(x0, pad_width, constant_values=constant_values)"
        if np.any(node.options["constant_values"])
        else "pad(x0, pad_width)"
    ),
    reads="",
    sentence="Constants put round the array.",
)


@replaces(np.pad)
def pad(
    x: Operand, pad_width: Operand, mode: str = "constant", constant_values: Operand = None
) -> Operand:
    if mode == "constant":
        constant_values = 0 if constant_values is None else constant_values
        return _recorded_pad(x, pad_width, constant_values)
    if constant_values is not None:
        raise ValueError(f"pad: constant_values are for mode='constant', not {mode!r}")
    if mode not in ("edge", "reflect", "symmetric", "wrap"):
        pad_by_axes: Any = numpy_function(np.pad, options=True)
        return pad_by_axes(x, pad_width, mode)
    places = np.pad(np.arange(np.size(x)).reshape(np.shape(x)), pad_width, mode=mode)  # type: ignore[call-overload]
    return getitem(np.ravel(x), places)
