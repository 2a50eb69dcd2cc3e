"""Operations that run along an axis or put it in order: running products and extremes, sorting."""

from __future__ import annotations

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from autograd_mini.core import tensor
from autograd_mini.core.operation import define, replaces
from autograd_mini.operations import elements
from autograd_mini.operations.reductions import in_wide, wide
from autograd_mini.operations.ufuncs import newer, one_axis
from autograd_mini.typing import Array, Function, Operand


def _along_last(x: Operand, axis: int | None) -> Operand:
    """The elements along the last axis: of all of them, or of an axis that is moved there."""
    if axis is None or not np.ndim(x):
        return np.ravel(x)
    return np.moveaxis(x, axis, -1)


def _put_back(x: Operand, axis: int | None, shape: tuple[int, ...]) -> Operand:
    if axis is None or not shape:
        return np.reshape(x, shape)
    return np.moveaxis(x, -1, axis)


def _recurrence(factors: Operand, terms: Operand) -> Operand:
    """Along the last axis, ``y[i] = terms[i] + factors[i] * y[i + 1]``, by doubling.

    It takes as many steps as the size has bits, and divides by nothing.
    (G. Blelloch, "Prefix sums and their applications", 1990, section 1.4.)
    """
    size, step = np.shape(terms)[-1], 1
    while step < size:
        nothing = np.zeros_like(tensor.plain(terms)[..., :step])
        terms = terms + factors * np.concatenate([terms[..., step:], nothing], -1)
        factors = factors * np.concatenate([factors[..., step:], nothing], -1)
        step *= 2
    return terms


def _cumprod_pullback(g: Operand, out: Operand, x: Operand, axis: int | None) -> Operand:
    """What stands before each element, times what follows it: sound at zeros, as no quotient is."""
    shape, dtype = np.shape(x), x.dtype
    x, g, out = (_along_last(wide(each), axis) for each in (x, np.reshape(g, np.shape(out)), out))
    one = np.ones_like(tensor.plain(x)[..., :1])
    before = np.concatenate([one, out[..., :-1]], -1)
    after = np.concatenate([x[..., 1:], 0 * one], -1)
    return _put_back(before * _recurrence(after, g), axis, shape).astype(dtype)


define(
    "cumprod",
    in_wide(np.cumprod),
    _cumprod_pullback,
    call="x, axis=None",
    numpy=np.cumprod,
    reads="operands out",
    sentence="Running product along an axis.",
)


def _records(out: Operand, x: Operand, axis: int) -> Array:
    """The elements that are the running extreme when they are reached."""
    return tensor.plain(x) == tensor.plain(out)  # type: ignore[no-any-return]


def _running_pullback(g: Operand, out: Operand, x: Operand, axis: int) -> Operand:
    """Each running extreme's gradient, shared by the elements that have reached it."""
    shape = np.shape(x)
    records, extremes = (
        _along_last(each, axis) for each in (_records(out, x, axis), tensor.plain(out))
    )
    g = _along_last(wide(g), axis)
    goes_on = np.zeros(extremes.shape, bool)
    goes_on[..., :-1] = extremes[..., 1:] == extremes[..., :-1]
    began = np.zeros(extremes.shape, bool)
    began[..., 1:] = goes_on[..., :-1]
    counts = np.flip(
        _recurrence(np.flip(began, -1).astype(g.dtype), np.flip(records, -1).astype(g.dtype)), -1
    )
    shares = _recurrence(goes_on.astype(g.dtype), g / np.where(counts == 0, 1, counts))
    nothing = np.where(np.isnan(extremes), np.nan, 0).astype(g.dtype)
    return _put_back(np.where(records, shares, nothing), axis, shape)


def _running_ties(out: Operand, x: Operand, axis: int) -> Array:
    records = _along_last(_records(out, x, axis), axis)
    extremes = _along_last(tensor.plain(out), axis)
    ties = np.zeros(extremes.shape, bool)
    ties[..., 1:] = records[..., 1:] & (extremes[..., 1:] == extremes[..., :-1])
    return _put_back(ties, axis, np.shape(x))  # type: ignore[no-any-return]


def _running_analytic(extreme: np.ufunc) -> Operand:
    def analytic(x: Operand, axis: int) -> Operand:
        """Each running extreme as the latest element that has reached it."""
        numbers, moved = _along_last(np.real(x), axis), _along_last(x, axis)
        reached = numbers == extreme.accumulate(numbers, axis=-1)
        latest = np.maximum.accumulate(np.where(reached, np.arange(numbers.shape[-1]), 0), axis=-1)
        return _put_back(np.take_along_axis(moved, latest, -1), axis, np.shape(x))

    return analytic


for _name, _extreme, _which in (
    ("cummax", np.maximum, "greatest"),
    ("cummin", np.minimum, "least"),
):
    define(
        _name,
        _extreme.accumulate,
        _running_pullback,
        call="x, axis=0",
        numpy=_extreme.accumulate,
        reads="operands out",
        kinks=_running_ties,
        branches=_records,
        analytic=_running_analytic(_extreme),
        by_element=elements.running_extreme(_extreme.__name__),
        formulas=[f"{_name}_pullback(g, out, x0, axis=axis)[0]"],
        spelling=f"{_name}(x0, axis)",
        source=f"def {_name}(x, axis):\n    return np.{_extreme.__name__}.accumulate(x, axis)",
        sentence=f"The {_which} element so far along an axis; equal ones share the gradient.",
    )


def _from_start(
    running: Function, x: Operand, axis: int | None, include_initial: bool, first: float
) -> Operand:
    x = np.atleast_1d(x)
    if axis is None and np.ndim(x) != 1:
        raise ValueError(f"an axis is needed for the shape {np.shape(x)}: write axis=")
    axis = normalize_axis_index(one_axis(axis, x), np.ndim(x))
    made = running(x, axis)
    if not include_initial:
        return made
    shape = [1 if a == axis else n for a, n in enumerate(np.shape(x))]
    return np.concatenate([np.full(shape, first), made], axis)


@replaces(*newer(np, "cumulative_sum"))
def cumulative_sum(
    x: Operand,
    /,
    *,
    axis: int | None = None,
    dtype: None = None,
    out: None = None,
    include_initial: bool = False,
) -> Operand:
    return _from_start(np.cumsum, x, axis, include_initial, 0.0)


@replaces(*newer(np, "cumulative_prod"))
def cumulative_prod(
    x: Operand,
    /,
    *,
    axis: int | None = None,
    dtype: None = None,
    out: None = None,
    include_initial: bool = False,
) -> Operand:
    return _from_start(np.cumprod, x, axis, include_initial, 1.0)


# In order


def _order(x: Operand, axis: int) -> Array:
    return np.argsort(tensor.plain(x), axis, stable=True)


def _sort_pullback(g: Operand, out: Operand, x: Operand, axis: int) -> Operand:
    ranks = np.argsort(_order(x, axis), axis)
    return np.take_along_axis(g, ranks, axis)


def _sort_ties(out: Operand, x: Operand, axis: int) -> Array:
    """The elements that equal another: what their order is, the numbers do not say."""
    ordered = np.moveaxis(tensor.plain(out), axis, -1)
    equal = np.zeros(ordered.shape, bool)
    equal[..., 1:] = ordered[..., 1:] == ordered[..., :-1]
    equal[..., :-1] |= ordered[..., 1:] == ordered[..., :-1]
    ranks = np.argsort(_order(x, axis), axis)
    return np.take_along_axis(np.moveaxis(equal, -1, axis), ranks, axis)


def _sort_analytic(x: Operand, axis: int) -> Operand:
    return np.take_along_axis(x, np.argsort(np.real(x), axis, stable=True), axis)


sort = define(
    "sort",
    np.sort,
    _sort_pullback,
    call="x, axis",
    reads="operands",
    tangents=[lambda t, out, x, axis: np.take_along_axis(t, _order(x, axis), axis)],
    kinks=_sort_ties,
    branches=lambda out, x, axis: np.argsort(_order(x, axis), axis),
    analytic=_sort_analytic,
    by_element=elements.in_order,
    spelling="sort(x0, axis)",
    sentence="The elements in rising order along an axis; equal ones keep their order.",
)


@replaces(np.sort)
def sort_(
    a: Operand,
    axis: int | None = -1,
    kind: str | None = None,
    order: None = None,
    *,
    stable: bool | None = None,
) -> Operand:
    if axis is None:
        a, axis = np.ravel(a), 0
    return sort(a, normalize_axis_index(axis, np.ndim(a)))


@replaces(np.partition)
def partition(
    a: Operand, kth: Operand, axis: int | None = -1, kind: str = "introselect", order: None = None
) -> Operand:
    """What stands at its place, and before and behind it, as NumPy puts it there."""
    if axis is None:
        a, axis = np.ravel(a), 0
    return np.take_along_axis(a, np.argpartition(tensor.plain(a), kth, axis), axis)
