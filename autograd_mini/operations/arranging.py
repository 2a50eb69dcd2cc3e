"""NumPy's functions that turn, pick and choose elements, for Tensors: made of other operations."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple
from numpy.typing import ArrayLike, DTypeLike

from autograd_mini.core import tensor
from autograd_mini.core.operation import replaces
from autograd_mini.core.tensor import Tensor
from autograd_mini.operations.indexing import getitem, index_array, scattered
from autograd_mini.operations.shapes import astype
from autograd_mini.operations.ufuncs import newer, still
from autograd_mini.typing import Array, Axis, Function, Operand


def places_of(x: Operand) -> Array:
    """The place of each element among all of them, in the array's shape."""
    return np.arange(np.size(x)).reshape(np.shape(x))


def elements_at(x: Operand, places: Array) -> Operand:
    """The elements at places that are counted through all axes, in the places' shape."""
    return getitem(np.ravel(x), places)


# Axes turned


@replaces(np.fliplr)
def fliplr(m: Operand) -> Operand:
    if np.ndim(m) < 2:
        raise ValueError(f"fliplr: two axes are needed, found shape {np.shape(m)}: use flip")
    return np.flip(m, 1)


@replaces(np.flipud)
def flipud(m: Operand) -> Operand:
    if np.ndim(m) < 1:
        raise ValueError("flipud: an axis is needed, found shape ()")
    return np.flip(m, 0)


@replaces(np.rot90)
def rot90(m: Operand, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Operand:
    return elements_at(m, np.rot90(places_of(m), k, axes))


@replaces(np.rollaxis)
def rollaxis(a: Operand, axis: int, start: int = 0) -> Operand:
    axis = normalize_axis_index(axis, np.ndim(a))
    start = start + np.ndim(a) if start < 0 else start
    if not 0 <= start <= np.ndim(a):
        raise ValueError(f"rollaxis: start={start} is outside of the shape {np.shape(a)}")
    return np.moveaxis(a, axis, start - 1 if axis < start else start)


@replaces(np.atleast_3d)
def atleast_3d(*arys: Operand) -> Operand | tuple[Operand, ...]:
    padded = tuple(_with_three_axes(x) for x in arys)
    return padded[0] if len(padded) == 1 else padded


def _with_three_axes(x: Operand) -> Operand:
    shapes = {0: (1, 1, 1), 1: (1, -1, 1), 2: (*np.shape(x), 1)}
    if np.ndim(x) == 1 and not np.size(x):
        return np.reshape(x, (1, 0, 1))
    return np.reshape(x, shapes[np.ndim(x)]) if np.ndim(x) < 3 else x


@replaces(np.fft.fftshift)
def fftshift(x: Operand, axes: Axis = None) -> Operand:
    return _shifted(x, axes, 1)


@replaces(np.fft.ifftshift)
def ifftshift(x: Operand, axes: Axis = None) -> Operand:
    return _shifted(x, axes, -1)


def _shifted(x: Operand, axes: Axis, sign: int) -> Operand:
    axes = tuple(range(np.ndim(x))) if axes is None else normalize_axis_tuple(axes, np.ndim(x))
    return np.roll(x, [sign * (np.shape(x)[a] // 2) for a in axes], axes)


# Elements left out, put in, or repeated


@replaces(np.insert)
def insert(x: Operand, obj: Operand, values: Operand, axis: int | None = None) -> Operand:
    others = np.size(x) + places_of(values)
    both = np.concatenate([np.ravel(x), np.ravel(values)])
    return getitem(both, np.insert(places_of(x), obj, others, axis))


@replaces(np.delete)
def delete(x: Operand, obj: Operand, axis: int | None = None) -> Operand:
    return elements_at(x, np.delete(places_of(x), obj, axis))


@replaces(np.resize)
def resize(a: Operand, new_shape: int | Sequence[int]) -> Operand:
    if not np.size(a):  # NumPy puts zeros there
        return np.broadcast_to(np.sum(a), new_shape)
    return elements_at(a, np.resize(places_of(a), new_shape))


@replaces(np.trim_zeros)
def trim_zeros(filt: Operand, trim: str = "fb", axis: Axis = None) -> Operand:
    numbers = tensor.plain(filt)
    over = range(numbers.ndim) if axis is None else normalize_axis_tuple(axis, numbers.ndim)
    parts = [slice(None)] * numbers.ndim
    for a in over:
        kept = np.flatnonzero(np.any(numbers != 0, _others(a, numbers.ndim)))
        if not kept.size:
            parts[a] = slice(0)
        else:
            start = kept[0] if "f" in trim.lower() else 0
            parts[a] = slice(start, kept[-1] + 1 if "b" in trim.lower() else None)
    return getitem(filt, tuple(parts))


def _others(axis: int, ndim: int) -> tuple[int, ...]:
    return tuple(a for a in range(ndim) if a != axis)


@replaces(np.compress)
def compress(
    condition: ArrayLike, a: Operand, axis: int | None = None, out: None = None
) -> Operand:
    a, axis = (np.ravel(a), 0) if axis is None else (a, axis)
    if np.ndim(condition) != 1:
        raise ValueError(f"compress: the condition has one axis, not shape {np.shape(condition)}")
    return np.take(a, np.flatnonzero(condition), axis)


@replaces(np.extract)
def extract(condition: ArrayLike, arr: Operand) -> Operand:
    return np.take(np.ravel(arr), np.flatnonzero(np.ravel(tensor.plain(condition))))


@replaces(np.take_along_axis)
def take_along_axis(arr: Operand, indices: ArrayLike, axis: int | None = -1) -> Operand:
    if axis is None:
        arr, axis = np.ravel(arr), 0
    return elements_at(arr, np.take_along_axis(places_of(arr), index_array(indices), axis))


@replaces(np.unique)
def unique(
    ar: Operand,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,
) -> Operand:
    unique_: Operand = np.unique
    _, first, *rest = unique_(
        tensor.plain(ar), True, return_inverse, return_counts, axis, equal_nan=equal_nan
    )
    found = np.take(np.ravel(ar) if axis is None else ar, first, axis or 0)
    more = ([first] if return_index else []) + rest
    return (found, *more) if more else found


def _unique_of_the_standard(function: Function) -> None:
    """``unique_values`` and its like: the values of the result are taken from the Tensor."""

    @replaces(function)
    def unique(x: Operand) -> Operand:
        plain = np.ravel(tensor.plain(x))
        found: Operand = function(tensor.plain(x))
        values: Operand = getattr(found, "values", found)
        order = np.argsort(plain, kind="stable")
        taken = np.take(np.ravel(x), order[np.searchsorted(plain, values, sorter=order)])
        return taken if values is found else found._replace(values=taken)


for _function in (np.unique_values, np.unique_counts, np.unique_inverse, np.unique_all):
    _unique_of_the_standard(_function)


@replaces(np.diagflat)
def diagflat(v: Operand, k: int = 0) -> Operand:
    return np.diag(np.ravel(v), k)


@replaces(np.lib.stride_tricks.sliding_window_view)
def sliding_window_view(
    x: Operand,
    window_shape: int | Sequence[int],
    axis: Axis = None,
    *,
    subok: bool = False,
    writeable: bool = False,
) -> Operand:
    windows = np.lib.stride_tricks.sliding_window_view(places_of(x), window_shape, axis)
    return elements_at(x, windows)


# Elements chosen


@replaces(np.select)
def select(
    condlist: Sequence[Operand], choicelist: Sequence[Operand], default: Operand = 0
) -> Operand:
    if len(condlist) != len(choicelist) or not len(condlist):
        raise ValueError(
            f"select: {len(condlist)} conditions and {len(choicelist)} choices; one for each is "
            "needed"
        )
    chosen = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        chosen = np.where(tensor.plain(condition), choice, chosen)
    return chosen


@replaces(np.choose)
def choose(
    a: Operand, choices: Sequence[Operand], out: None = None, mode: str = "raise"
) -> Operand:
    which, options = tensor.plain(a), list(choices)
    shape = np.broadcast_shapes(np.shape(which), *map(np.shape, options))
    stacked = np.stack([np.broadcast_to(choice, shape) for choice in options])
    places = [np.broadcast_to(n, shape) for n in range(len(options))]
    number = np.choose(which, places, mode=mode)  # type: ignore[call-overload]
    return np.take_along_axis(stacked, number[None], 0)[0]


@replaces(np.piecewise)
def piecewise(
    x: Operand, condlist: Operand, funclist: Sequence[Any], *args: object, **kw: object
) -> Operand:
    first = condlist if np.isscalar(condlist) else condlist[0]
    if np.isscalar(condlist) or (np.ndim(x) and not isinstance(first, list | np.ndarray)):
        condlist = [condlist]
    conditions = np.asarray([np.broadcast_to(c, np.shape(x)) for c in condlist], bool)
    if len(funclist) == len(conditions) + 1:  # the last is for what is left
        conditions = np.concatenate([conditions, ~np.any(conditions, axis=0, keepdims=True)])
    if len(funclist) != len(conditions):
        raise ValueError(
            f"piecewise: {len(conditions)} conditions take {len(conditions)} functions, or one "
            f"more for what is left, not {len(funclist)}"
        )
    result: Operand = np.zeros(np.shape(x))
    for condition, function in zip(conditions, funclist, strict=True):
        if not callable(function):
            result = np.where(condition, function, result)
        elif condition.any():
            piece = function(getitem(x, condition), *args, **kw)
            part = np.broadcast_to(piece, (int(np.count_nonzero(condition)),))
            result = np.where(condition, scattered(part, condition, np.shape(x)), result)
    return (
        result
        if isinstance(result, Tensor)
        else np.broadcast_to(0 * np.sum(x), np.shape(x)) + result
    )


@replaces(np.nan_to_num)
def nan_to_num(
    x: Operand,
    copy: bool = True,
    nan: float = 0.0,
    posinf: float | None = None,
    neginf: float | None = None,
) -> Operand:
    numbers = tensor.plain(x)
    limits = np.finfo(numbers.dtype)
    for at, number in (
        (np.isnan(numbers), nan),
        (np.isposinf(numbers), limits.max if posinf is None else posinf),
        (np.isneginf(numbers), limits.min if neginf is None else neginf),
    ):
        x = np.where(at, numbers.dtype.type(number), x)
    return x


# Of real numbers, what complex ones are asked for


@replaces(np.real)
def real(val: Operand) -> Operand:
    return val


@replaces(np.real_if_close)
def real_if_close(a: Operand, tol: float = 100) -> Operand:
    return a


@replaces(np.imag)
def imag(val: Operand) -> Operand:
    return still(val)


@replaces(np.angle)
def angle(z: Operand, deg: bool = False) -> Operand:
    """That of -1 or 1: it jumps where the number changes its sign, and does not move elsewhere."""
    return np.angle(tensor.plain(z), deg) + still(z)


@replaces(*newer(np, "astype"))
def astype_(
    x: Operand, dtype: DTypeLike, /, *, copy: bool = True, device: object = None
) -> Operand:
    if np.dtype(dtype).kind != "f":
        raise TypeError(
            f"a Tensor holds real numbers, not {np.dtype(dtype)}: write t.data.astype(dtype) for "
            "plain ones, without a gradient"
        )
    return astype(x, np.dtype(dtype))


# Functions along axes


@replaces(np.apply_along_axis)
def apply_along_axis(
    func1d: Callable[..., Operand], axis: int, arr: Operand, *args: object, **kwargs: object
) -> Operand:
    last = np.moveaxis(arr, operator.index(axis), -1)
    before = np.shape(last)[:-1]
    if 0 in before:
        raise ValueError(f"apply_along_axis: there is no row to apply it to in {np.shape(arr)}")
    rows = [func1d(last[place], *args, **kwargs) for place in np.ndindex(*before)]
    shape = np.shape(rows[0])
    made = np.reshape(np.stack(rows), (*before, *shape))
    into = [normalize_axis_index(axis, np.ndim(arr)) + i for i in range(len(shape))]
    return np.moveaxis(made, range(len(before), len(before) + len(shape)), into)


@replaces(np.apply_over_axes)
def apply_over_axes(func: Callable[..., Operand], a: Operand, axes: ArrayLike) -> Operand:
    for axis in np.atleast_1d(np.asarray(axes, np.intp)).tolist():
        result = func(a, axis)
        a = result if np.ndim(result) == np.ndim(a) else np.expand_dims(result, axis)
    return a
