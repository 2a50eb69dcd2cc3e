"""NumPy's statistics for Tensors: averages, quantiles, covariances, what leaves NaN out."""

from __future__ import annotations

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple
from numpy.typing import ArrayLike, DTypeLike

from autograd_mini.core import tensor
from autograd_mini.core.operation import axes_of, replaces
from autograd_mini.operations.indexing import scattered
from autograd_mini.operations.reductions import count_over
from autograd_mini.operations.ufuncs import still
from autograd_mini.typing import Array, Axis, Function, Operand


@replaces(np.ptp)
def ptp(a: Operand, axis: Axis = None, out: None = None, keepdims: bool = False) -> Operand:
    return np.max(a, axis, keepdims=keepdims) - np.min(a, axis, keepdims=keepdims)


@replaces(np.average)
def average(
    a: Operand,
    axis: Axis = None,
    weights: Operand = None,
    returned: bool = False,
    *,
    keepdims: bool = False,
) -> Operand:
    if weights is None:
        mean = np.mean(a, axis, keepdims=keepdims)
        total: Operand = np.full(np.shape(mean), float(count_over(np.shape(a), axis)))
    else:
        weights = _beside(weights, a, axis)
        total = np.sum(weights, axis, keepdims=keepdims)
        if np.any(tensor.plain(total) == 0):
            raise ZeroDivisionError("average: the weights sum to 0, so there is none")
        mean = np.sum(a * weights, axis, keepdims=keepdims) / total
        total = np.broadcast_to(total, np.shape(mean))
    return (mean, total) if returned else mean


def _beside(weights: Operand, a: Operand, axis: Axis) -> Operand:
    """Weights along some axes of an array, as an array that it can be multiplied with."""
    shape, given = np.shape(a), np.shape(weights)
    if given == shape:
        return weights
    if axis is None:
        raise TypeError(f"average: without axis the weights have the shape {shape}, not {given}")
    axes = normalize_axis_tuple(axis, len(shape))
    if given != tuple(shape[a] for a in axes):
        raise ValueError(
            f"average: along axis {axis} of the shape {shape} the weights have the shape "
            f"{tuple(shape[a] for a in axes)}, not {given}"
        )
    ordered = np.transpose(weights, [int(i) for i in np.argsort(axes)])
    return np.broadcast_to(
        np.reshape(ordered, [n if i in axes else 1 for i, n in enumerate(shape)]), shape
    )


# Quantiles


@replaces(np.median)
def median(
    a: Operand,
    axis: Axis = None,
    out: None = None,
    overwrite_input: bool = False,
    keepdims: bool = False,
) -> Operand:
    if not count_over(np.shape(a), axis if axis is None else _axes(axis, a)):
        return np.mean(a, axis, keepdims=keepdims)  # NaN
    return np.quantile(a, 0.5, axis, keepdims=keepdims)


def _axes(axis: Axis, a: Operand) -> tuple[int, ...]:
    return normalize_axis_tuple(axis, np.ndim(a))  # type: ignore[arg-type]


@replaces(np.percentile)
def percentile(
    a: Operand,
    q: Operand,
    axis: Axis = None,
    out: None = None,
    overwrite_input: bool = False,
    method: Operand = "linear",
    keepdims: bool = False,
) -> Operand:
    return np.quantile(a, np.true_divide(q, 100), axis, method=method, keepdims=keepdims)


@replaces(np.quantile)
def quantile(
    a: Operand,
    q: Operand,
    axis: Axis = None,
    out: None = None,
    overwrite_input: bool = False,
    method: Operand = "linear",
    keepdims: bool = False,
) -> Operand:
    quantiles = _in_unit_interval(q)
    rows, kept = _rows(a, axis)
    size = np.shape(rows)[-1]
    if not size or (axis == () and not np.size(a)):
        raise IndexError(f"quantile: there is no element along axis {axis} of {np.shape(a)}")
    ordered = np.sort(rows, -1)
    low, part = _between(size, quantiles.ravel(), method)
    if isinstance(q, tensor.Tensor) and method not in _STEPS:
        if method != "linear":
            raise TypeError(f"quantile at a Tensor q: write method='linear', not {method!r}")
        part = np.ravel(q) * (size - 1) - low
    found = _interpolated(ordered, np.broadcast_to(low, (*kept, low.size)), part)
    if isinstance(q, tensor.Tensor):
        found = found + still(np.ravel(q))  # by which it moves, or does not
    last = ordered[..., -1:]
    found = np.where(np.isnan(tensor.plain(last)), last, found)  # NaN is sorted to the end
    return _in_front(found, quantiles, axis, keepdims, np.shape(a))


_STEPS = (
    "lower", "higher", "midpoint", "nearest", "inverted_cdf", "averaged_inverted_cdf",
    "closest_observation",
)  # fmt: skip
"""Methods by which a quantile jumps from element to element, and does not move in between."""


def _in_unit_interval(q: Operand) -> Array:
    quantiles = np.asarray(tensor.plain(q), float)
    if not np.all((quantiles >= 0) & (quantiles <= 1)):
        raise ValueError(f"quantile: quantiles lie in [0, 1], percentiles in [0, 100], found {q}")
    return quantiles


def _between(size: int, quantiles: Array, method: Operand) -> tuple[Array, Array]:
    """Above which of so many ordered elements quantiles lie, and how far towards the next.

    Each of NumPy's methods takes a mean of two neighbours; it tells which of the whole numbers.
    """
    ramp = np.quantile(np.arange(float(size)), quantiles, method=method)
    low = np.clip(np.floor(ramp).astype(np.intp), 0, max(size - 2, 0))
    return low, ramp - low


def _interpolated(ordered: Operand, low: Array, part: Operand) -> Operand:
    """Means of neighbours, to the last bit as NumPy computes them."""
    size = np.shape(ordered)[-1]
    below = np.take_along_axis(ordered, low, -1)
    above = np.take_along_axis(ordered, np.minimum(low + 1, size - 1), -1)
    step = above - below
    between = np.where(part < 0.5, below + part * step, above - (1 - part) * step)
    if isinstance(part, tensor.Tensor):  # which moves on from an element as well
        return between
    return np.where(part == 0, below, np.where(part == 1, above, between))


def _in_front(
    found: Operand, quantiles: Array, axis: Axis, keepdims: bool, shape: tuple[int, ...]
) -> Operand:
    """Quantiles of rows, with their axes in front of those of the array that are left."""
    axes = axes_of(axis, len(shape))
    kept = [1 if i in axes else n for i, n in enumerate(shape) if keepdims or i not in axes]
    return np.reshape(np.moveaxis(found, -1, 0), (*quantiles.shape, *kept))


def _rows(a: Operand, axis: Axis) -> tuple[Operand, tuple[int, ...]]:
    """An array with the axes that are gone over as the last one, and the shape of the others."""
    shape = np.shape(a)
    axes = axes_of(axis if axis is None else _axes(axis, a), len(shape))
    kept = tuple(n for i, n in enumerate(shape) if i not in axes)
    last = tuple(range(len(kept), len(shape)))
    return np.reshape(np.moveaxis(a, axes, last), (*kept, count_over(shape, axes))), kept


# Without NaN


def _known(x: Operand) -> Array:
    return ~np.isnan(tensor.plain(x))  # type: ignore[no-any-return]


def _masked(where: Operand, a: Operand) -> Array:
    """The elements that are not NaN, of those that are asked for."""
    masked: Array = _known(a) & np.broadcast_to(where, np.shape(a))
    return masked


@replaces(np.nansum)
def nansum(
    a: Operand,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    keepdims: bool = False,
    initial: Operand = 0,
    where: Operand = True,
) -> Operand:
    return np.sum(a, axis, dtype, keepdims=keepdims, initial=initial, where=_masked(where, a))


@replaces(np.nanprod)
def nanprod(
    a: Operand,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    keepdims: bool = False,
    initial: Operand = 1,
    where: Operand = True,
) -> Operand:
    return np.prod(a, axis, dtype, keepdims=keepdims, initial=initial, where=_masked(where, a))


@replaces(np.nanmean)
def nanmean(
    a: Operand,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    keepdims: bool = False,
    *,
    where: Operand = True,
) -> Operand:
    return np.mean(a, axis, dtype, keepdims=keepdims, where=_masked(where, a))


@replaces(np.nanvar)
def nanvar(
    a: Operand,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    where: Operand = True,
) -> Operand:
    known = _masked(where, a)
    return np.var(a, axis, dtype, ddof=ddof, keepdims=keepdims, where=known)


@replaces(np.nanstd)
def nanstd(
    a: Operand,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    where: Operand = True,
) -> Operand:
    known = _masked(where, a)
    return np.std(a, axis, dtype, ddof=ddof, keepdims=keepdims, where=known)


@replaces(np.nanmax)
def nanmax(
    a: Operand,
    axis: Axis = None,
    out: None = None,
    keepdims: bool = False,
    initial: Operand = -np.inf,
    where: Operand = True,
) -> Operand:
    return _extreme_of_known(np.max, a, axis, keepdims, initial, where)


@replaces(np.nanmin)
def nanmin(
    a: Operand,
    axis: Axis = None,
    out: None = None,
    keepdims: bool = False,
    initial: Operand = np.inf,
    where: Operand = True,
) -> Operand:
    return _extreme_of_known(np.min, a, axis, keepdims, initial, where)


def _extreme_of_known(
    extreme: Function, a: Operand, axis: Axis, keepdims: bool, initial: Operand, where: Operand
) -> Operand:
    known = _masked(where, a)
    if not count_over(np.shape(a), axis) and np.isinf(initial):
        raise ValueError(f"there is no element along axis {axis} of the shape {np.shape(a)}")
    found = extreme(a, axis, keepdims=keepdims, initial=initial, where=known)
    none = ~np.any(known, axis, keepdims=keepdims)
    return np.where(none & np.isinf(initial), np.nan, found) if np.any(none) else found


@replaces(np.nancumsum)
def nancumsum(
    a: Operand, axis: int | None = None, dtype: DTypeLike | None = None, out: None = None
) -> Operand:
    return np.cumsum(np.where(_known(a), a, 0), axis, dtype)


@replaces(np.nancumprod)
def nancumprod(
    a: Operand, axis: int | None = None, dtype: DTypeLike | None = None, out: None = None
) -> Operand:
    return np.cumprod(np.where(_known(a), a, 1), axis, dtype)


@replaces(np.nanmedian)
def nanmedian(
    a: Operand,
    axis: Axis = None,
    out: None = None,
    overwrite_input: bool = False,
    keepdims: bool = False,
) -> Operand:
    return np.nanquantile(a, 0.5, axis, keepdims=keepdims)


@replaces(np.nanpercentile)
def nanpercentile(
    a: Operand,
    q: Operand,
    axis: Axis = None,
    out: None = None,
    overwrite_input: bool = False,
    method: Operand = "linear",
    keepdims: bool = False,
) -> Operand:
    return np.nanquantile(a, np.true_divide(q, 100), axis, method=method, keepdims=keepdims)


@replaces(np.nanquantile)
def nanquantile(
    a: Operand,
    q: Operand,
    axis: Axis = None,
    out: None = None,
    overwrite_input: bool = False,
    method: Operand = "linear",
    keepdims: bool = False,
) -> Operand:
    if isinstance(q, tensor.Tensor):
        raise TypeError("nanquantile at a Tensor q: write np.quantile(a[~np.isnan(a)], q)")
    if not np.size(a):
        return np.nanmean(a, axis, keepdims=keepdims)
    quantiles = _in_unit_interval(q)
    rows, kept = _rows(a, axis)
    counts = np.sum(_known(rows), axis=-1)
    low = np.zeros((*kept, quantiles.size), np.intp)
    part = np.full(low.shape, np.nan)  # of nothing
    for count in np.unique(counts[counts > 0]):
        low[counts == count], part[counts == count] = _between(count, quantiles.ravel(), method)
    found = _interpolated(np.sort(rows, -1), low, part)
    return _in_front(found, quantiles, axis, keepdims, np.shape(a))


# Several variables


@replaces(np.cov)
def cov(
    m: Operand,
    y: Operand = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Operand = None,
    aweights: Operand = None,
    *,
    dtype: DTypeLike | None = None,
) -> Operand:
    if np.ndim(m) > 2 or np.ndim(y) > 2:
        raise ValueError(f"cov: observations have one axis or two, not shape {np.shape(m)}")
    variables = np.atleast_2d(np.transpose(m) if not rowvar and np.ndim(m) == 2 else m)
    if not np.shape(variables)[0]:
        return np.reshape(np.ravel(m)[:0], (0, 0))
    if y is not None:
        y = np.atleast_2d(y)
        y = np.transpose(y) if not rowvar and np.shape(y)[0] != 1 else y
        variables = np.concatenate([variables, y])
    if dtype is not None:
        variables = variables.astype(dtype)
    ddof = (0 if bias else 1) if ddof is None else ddof
    weights: Operand = np.ones(np.shape(variables)[1])
    fweights, aweights = (
        w if w is None or isinstance(w, tensor.Tensor) else np.asarray(w)
        for w in (fweights, aweights)
    )
    for each in (fweights, aweights):
        weights = weights if each is None else weights * each
    total = np.sum(weights)
    share = 1 if aweights is None else np.sum(weights * aweights) / total
    degrees = total - ddof * share
    centred = variables - np.sum(variables * weights, 1, keepdims=True) / total
    return np.squeeze((centred * weights) @ np.transpose(centred) / np.maximum(degrees, 0.0))


@replaces(np.corrcoef)
def corrcoef(
    x: Operand, y: Operand = None, rowvar: bool = True, *, dtype: Operand = None
) -> Operand:
    covariances = np.cov(x, y, rowvar, dtype=dtype)
    if not np.ndim(covariances):
        return covariances / covariances
    deviations = np.sqrt(np.diagonal(covariances))
    return np.clip(covariances / deviations[:, None] / deviations, -1, 1)


# Counts, each with a weight


@replaces(np.bincount)
def bincount(x: ArrayLike, /, weights: Operand = None, minlength: int = 0) -> Operand:
    places = tensor.plain(x)
    length = np.bincount(places, minlength=minlength).size
    return scattered(weights, np.asarray(places, np.intp), (length,))


@replaces(np.histogram)
def histogram(
    a: ArrayLike,
    bins: Operand = 10,
    range: tuple[float, float] | None = None,
    density: bool | None = None,
    weights: Operand = None,
) -> tuple[Operand, Array]:
    if isinstance(a, tensor.Tensor):
        raise TypeError(
            "histogram of a Tensor has no derivative: its counts jump; write "
            "np.histogram(t.data, ...) for the counts, or give the Tensor as weights="
        )
    numbers = np.ravel(a)
    edges = np.histogram_bin_edges(numbers, bins, range)
    inside = (numbers >= edges[0]) & (numbers <= edges[-1])
    places = np.minimum(np.searchsorted(edges, numbers, "right") - 1, len(edges) - 2)
    counts = scattered(np.ravel(weights)[inside], places[inside], (len(edges) - 1,))
    return (counts / np.diff(edges) / np.sum(counts) if density else counts), edges
