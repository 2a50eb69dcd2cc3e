"""Sums and other operations over axes: what they leave out of an array is one element or none."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_mini.core import tensor
from autograd_mini.core.broadcasting import sum_dtype
from autograd_mini.core.operation import axes_of, define
from autograd_mini.core.tensor import Tensor
from autograd_mini.interface.traced import as_array
from autograd_mini.operations import elements
from autograd_mini.typing import Array, Axis, Function, Operand


def restored(g: Operand, shape: tuple[int, ...], axis: Axis, keepdims: bool) -> Operand:
    """A reduction's gradient or result, with the reduced axes back as axes of size 1."""
    if keepdims:
        return g
    return np.expand_dims(g, axis if shape and type(axis) is int else axes_of(axis, len(shape)))


def count_over(shape: tuple[int, ...], axis: Axis) -> int:
    return int(np.prod([shape[a] for a in axes_of(axis, len(shape))], dtype=int))


def wide(x: Operand) -> Operand:
    """An array or Tensor in a dtype that has room for sums and counts of it."""
    dtype = sum_dtype(x)
    return x if x.dtype == dtype else x.astype(dtype)


def in_wide(function: Function) -> Function:
    """A forward function whose sums have room, and whose result has its operand's dtype."""

    @functools.wraps(function)
    def forward(x: Operand, **options: object) -> Operand:
        x = as_array(x)
        return as_array(function(wide(x), **options)).astype(x.dtype, copy=False)

    return forward


def beside_operand(name: str, node: Tensor) -> str:
    """A reduction's gradient or result, as a text that fits the operand's shape."""
    axis, axes = node.options["axis"], axes_of(node.options["axis"], np.ndim(node.parents[0]))
    # Leading axes need not be put back: NumPy adds them itself
    leads = node.options["keepdims"] or sorted(axes) == list(range(len(axes)))
    return name if leads else f"expand_dims({name}, {axis})"


def _over_axes(node: Tensor) -> str:
    axis = node.options["axis"]
    return "keepdims=True" if axis is None else f"axis={axis}, keepdims=True"


@in_wide
def _sum(x: Operand, axis: Axis, keepdims: bool) -> Operand:
    return np.add.reduce(x, axis=axis, keepdims=keepdims)  # type: ignore[call-overload]


def _sum_pullback(g: Operand, out: Operand, x: Operand, axis: Axis, keepdims: bool) -> Operand:
    shape = x.shape if isinstance(x, np.ndarray) else np.shape(x)
    if type(g) is np.ndarray and not g.ndim:  # what broadcast_to does, sooner
        share: Array = np.ndarray(shape, g.dtype, g, 0, (0,) * len(shape))
        share.flags.writeable = False
        return share
    return np.broadcast_to(restored(g, shape, axis, keepdims), shape)


_OVER_AXES = "x, axis=None, *, keepdims=False"

define(
    "sum",
    _sum,
    _sum_pullback,
    call=_OVER_AXES,
    numpy=np.sum,
    reduces=True,
    reads="",
    sentence="Sum over axes.",
)


def _mean_pullback(g: Operand, out: Operand, x: Operand, axis: Axis, keepdims: bool) -> Operand:
    return _sum_pullback(wide(g) / count_over(np.shape(x), axis), out, x, axis, keepdims)


define(
    "mean",
    np.mean,
    _mean_pullback,
    call=_OVER_AXES,
    numpy=np.mean,
    parts=lambda x, axis, keepdims: (
        np.sum(x, axis=axis, keepdims=keepdims) / count_over(np.shape(x), axis)
    ),
    reduces=True,
    reads="",
    sentence="Mean over axes.",
)


def _var_pullback(
    g: Operand, out: Operand, x: Operand, axis: Axis, keepdims: bool, ddof: int
) -> Operand:
    x, g = wide(x), wide(g)
    degrees = x.dtype.type(max(count_over(np.shape(x), axis) - ddof, 0))  # a divisor of 0 gives NaN
    centred = x - np.mean(x, axis=axis, keepdims=True)
    return restored(g, np.shape(x), axis, keepdims) * (2 / degrees * centred)


def _var_parts(x: Operand, axis: Axis, keepdims: bool, ddof: int) -> Operand:
    centred = x - np.mean(x, axis=axis, keepdims=True)
    squares = np.sum(centred * centred, axis=axis, keepdims=keepdims)
    return squares / np.float64(max(count_over(np.shape(x), axis) - ddof, 0))


define(
    "var",
    in_wide(np.var),
    _var_pullback,
    call="x, axis=None, *, ddof=0, keepdims=False",
    numpy=np.var,
    reads="operands",
    parts=_var_parts,
    reduces=True,
    sentence="Variance over axes.",
)


def _in_range(
    x: Operand, out: Operand, axis: Axis, again: Callable[[Any], Any], order: float = 2
) -> tuple[Any, Any]:
    """Operands and results of a norm, scaled by powers of 2 where powers of them leave the range.

    The gradient is that of the operands as they are: it is the same at ``x`` and at ``2 * x``.

    Arguments:
        again: the norm, of the operands that were scaled.
        order: the power that the norm takes.
    """
    limit = int(0.75 * np.finfo(x.dtype).maxexp / order)
    result, one = tensor.plain(out), x.dtype.type(1)
    if np.all((result > np.ldexp(one, -limit)) & (result < np.ldexp(one, limit))):
        return x, out
    power = np.frexp(np.max(np.abs(tensor.plain(x)), axis=axis, keepdims=True, initial=0))[1]
    power = np.where(abs(power) > limit, power, 0)
    if not power.any():
        return x, out
    x = _scaled(x, -power)
    return x, again(x)


def _scaled(x: Operand, power: Operand) -> Operand:
    """``x * 2**power``, in two steps that stay in range if the result does."""
    power = np.minimum(power, 2 * np.finfo(x.dtype).maxexp - 2)  # 0 times infinity would be NaN
    half = power // 2
    one = x.dtype.type(1)
    return x * np.ldexp(one, half) * np.ldexp(one, power - half)


def _std_pullback(
    g: Operand, out: Operand, x: Operand, axis: Axis, keepdims: bool, ddof: int
) -> Operand:
    g, out, x = (wide(each) for each in (g, out, x))
    x, out = _in_range(x, out, axis, lambda x: np.std(x, axis=axis, keepdims=keepdims, ddof=ddof))
    safe = np.where(out == 0, 1, 2 * out)
    return _var_pullback(np.where(out == 0, 0, g / safe), out, x, axis, keepdims, ddof)


def _std_formula(node: Tensor) -> str | None:
    """Where it is 0; elsewhere the pullback is a formula."""
    if np.all(node.data):
        return None
    g, out = beside_operand("g", node), beside_operand("out", node)
    count = count_over(np.shape(node.parents[0]), node.options["axis"]) - node.options["ddof"]
    return (
        f"where({out} == 0, 0, {g}) / where({out} == 0, 1, {count} * {out})"
        f" * (x0 - mean(x0, {_over_axes(node)}))"
    )


def _is_zero(out: Operand, *operands: Operand, **options: object) -> Operand:
    return out == 0


define(
    "std",
    in_wide(np.std),
    _std_pullback,
    call="x, axis=None, *, ddof=0, keepdims=False",
    numpy=np.std,
    reads="operands out",
    parts=lambda x, **options: np.sqrt(_var_parts(x, **options)),
    kinks=_is_zero,
    formulas=[_std_formula],
    reduces=True,
    sentence="Standard deviation over axes; its derivative where it is 0 is taken to be 0.",
)


def _normalised(x: Operand, power: Operand) -> tuple[Any, Any]:
    """``x * 2**power`` as numbers between ½ and 1 (or 0, infinite, NaN) and their powers."""
    more = np.frexp(tensor.plain(x))[1]
    more = np.where(np.isfinite(tensor.plain(x)), more, 0)
    return _scaled(x, -more), power + more


def _products_before(x: Operand, power: Operand) -> tuple[Any, Any]:
    """Along the last axis, the product of all ``x * 2**power`` before each one, sound at zeros.

    Numbers and powers are kept apart, so that no product of some leaves the range of floats.
    """
    n = np.shape(x)[-1]
    one, zero = np.ones_like(tensor.plain(x)[..., :1]), np.zeros_like(power[..., :1])
    products = np.concatenate([one, x[..., : n - 1]], -1)
    powers = np.concatenate([zero, power[..., : n - 1]], -1)
    step = 1
    while step < n:
        ones, zeros = np.repeat(one, step, -1), np.repeat(zero, step, -1)
        products, powers = _normalised(
            products * np.concatenate([ones, products[..., : n - step]], -1),
            powers + np.concatenate([zeros, powers[..., : n - step]], -1),
        )
        step *= 2
    return products, powers


def _stays_in_range(rows: Array) -> bool:
    """Whether no product of some numbers of a row is 0, infinite or inexact for want of range.

    Then the product of the others is that of all over each one; its derivative by this one is 0
    but for rounding, and so it serves where nothing is differentiated again.
    """
    parts, powers = np.frexp(rows)
    room = -np.finfo(rows.dtype).minexp - np.shape(rows)[-1]  # each part is ½ at least
    return bool(
        np.all(parts)
        and np.all(np.isfinite(parts))
        and np.max(np.sum(np.abs(powers), axis=-1)) < room
    )


def _prod_pullback(g: Operand, out: Operand, x: Operand, axis: Axis, keepdims: bool) -> Operand:
    shape = np.shape(x)
    axes = axes_of(axis, len(shape))
    last = tuple(range(len(shape) - len(axes), len(shape)))
    moved = np.moveaxis(x, axes, last)
    kept = np.shape(moved)[: len(shape) - len(axes)]
    flat = np.reshape(moved, (*kept, count_over(shape, axis)))
    if not np.size(flat):
        return np.zeros(shape, g.dtype)
    if not isinstance(x, tensor.Tensor) and _stays_in_range(flat):
        return restored(g * out, shape, axis, keepdims) / x
    numbers, powers = _normalised(flat, 0)
    before, power = _products_before(numbers, powers)
    after, more = _products_before(np.flip(numbers, -1), np.flip(powers, -1))
    others = _scaled(before * np.flip(after, -1), power + np.flip(more, -1))
    others = np.moveaxis(np.reshape(others, np.shape(moved)), last, axes)
    return restored(g, shape, axis, keepdims) * others


def _prod_formula(node: Tensor) -> str:
    g, out = beside_operand("g", node), beside_operand("out", node)
    if np.all(node.data) and np.all(np.isfinite(node.data)):
        return f"{g} * {out} / x0"
    # The product of the others, of a zero as well: a row for each with it left out
    shape = np.shape(node.parents[0])
    axes = axes_of(node.options["axis"], len(shape))
    last = tuple(range(len(shape) - len(axes), len(shape)))
    kept, sizes = [n for a, n in enumerate(shape) if a not in axes], [shape[a] for a in axes]
    n = math.prod(sizes)
    rows = f"reshape(moveaxis(x0, {axes}, {last}), {(*kept, 1, n)})"
    others = f"reshape(prod(where(eye({n}) == 1, 1, {rows}), axis=-1), {(*kept, *sizes)})"
    return f"{g} * moveaxis({others}, {last}, {axes})"


define(
    "prod",
    np.prod,
    _prod_pullback,
    call=_OVER_AXES,
    numpy=np.prod,
    reads="operands out",
    formulas=[_prod_formula],
    reduces=True,
    sentence="Product over axes.",
)


def _extremes(out: Operand, x: Operand, axis: Axis, keepdims: bool) -> Operand:
    """The elements that are the greatest, or least, as truth values."""
    return tensor.plain(x) == restored(tensor.plain(out), np.shape(x), axis, keepdims)


def _ties(out: Operand, x: Operand, axis: Axis, keepdims: bool) -> Operand:
    ties = _extremes(out, x, axis, keepdims)
    return ties & (np.sum(ties, axis=axis, keepdims=True) > 1)


def _extreme_pullback(g: Operand, out: Operand, x: Operand, axis: Axis, keepdims: bool) -> Operand:
    ties = _extremes(out, x, axis, keepdims)
    g = wide(restored(g, np.shape(x), axis, keepdims))
    shares = np.sum(ties, axis=axis, keepdims=True).astype(g.dtype)
    nothing = np.where(shares == 0, np.nan, 0).astype(g.dtype)  # no element equals NaN
    return np.where(ties, g / shares, nothing)


def _extreme_formula(node: Tensor) -> str:
    g, out = beside_operand("g", node), beside_operand("out", node)
    axis, x = node.options["axis"], tensor.plain(node.parents[0])
    ties = x == restored(node.data, x.shape, axis, node.options["keepdims"])
    shares = f" / sum(x0 == {out}, {_over_axes(node)})" * bool(np.sum(ties) > node.size)
    return f"{g} * (x0 == {out}){shares}"


def _mean_of_extremes(reduce: Function) -> Function:
    """The greatest, or least, elements' mean: the same, and made of analytic operations."""

    def analytic(x: Operand, axis: Axis, keepdims: bool) -> Operand:
        ties = np.real(x) == reduce(np.real(x), axis=axis, keepdims=True)
        total = np.sum(np.where(ties, x, 0), axis=axis, keepdims=keepdims)
        return total / np.sum(ties, axis=axis, keepdims=keepdims)

    return analytic


for _name, _reduce, _functions, _rule, _which in (
    ("max", np.max, (np.max, np.amax), "maximum", "Greatest"),
    ("min", np.min, (np.min, np.amin), "minimum", "Least"),
):
    define(
        _name,
        _reduce,
        _extreme_pullback,
        call=_OVER_AXES,
        numpy=_functions,
        reads="operands out",
        kinks=_ties,
        branches=_extremes,
        analytic=_mean_of_extremes(_reduce),
        by_element=elements.extreme(_rule),
        formulas=[_extreme_formula],
        reduces=True,
        sentence=f"{_which} element over axes; equal ones share the gradient equally.",
    )


def _cumsum_pullback(g: Operand, out: Operand, x: Operand, axis: int | None) -> Operand:
    axis = None if np.ndim(x) == 0 else axis
    return np.reshape(np.flip(np.cumsum(np.flip(wide(g), axis), axis), axis), np.shape(x))


define(
    "cumsum",
    in_wide(np.cumsum),
    _cumsum_pullback,
    call="x, axis=None",
    numpy=np.cumsum,
    reads="",
    sentence="Running sum along an axis.",
)


@in_wide
def _norm(x: Operand, axis: Axis, keepdims: bool, ord: float = 2) -> Operand:
    if ord == 2:
        return np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims))
    with np.errstate(divide="ignore"):  # of a negative order, an element of 0 makes the norm 0
        return np.sum(np.abs(x) ** ord, axis=axis, keepdims=keepdims) ** (1 / ord)


def _norm_pullback(
    g: Operand, out: Operand, x: Operand, axis: Axis, keepdims: bool, ord: float = 2
) -> Operand:
    def again(x: Operand) -> Operand:
        options = {"axis": axis, "keepdims": keepdims, "ord": ord}
        return norm(x, **options) if isinstance(x, Tensor) else _norm(x, **options)

    g, out, x = (wide(each) for each in (g, out, x))
    if ord > 1:
        x, out = _in_range(x, out, axis, again, ord)
    safe = np.where(out == 0, 1, out)
    if ord == 2:
        return restored(np.where(out == 0, 0, g / safe), np.shape(x), axis, keepdims) * x
    g, out, safe = (restored(each, np.shape(x), axis, keepdims) for each in (g, out, safe))
    zero = (tensor.plain(x) == 0) | (tensor.plain(out) == 0)
    slope = np.sign(x) * (np.abs(np.where(zero, safe, x)) / safe) ** (ord - 1)
    return g * np.where(zero, 0, slope)


def _norm_formula(node: Tensor) -> str | None:
    """Where it is 0; elsewhere the pullback is a formula."""
    if np.all(node.data):
        return None
    g, out = beside_operand("g", node), beside_operand("out", node)
    ratio = f"where({out} == 0, 0, {g}) * x0 / where({out} == 0, 1, {out})"
    more: float = node.options.get("ord", 2) - 2
    return ratio + f" * (abs(x0) / where({out} == 0, 1, {out})) ** {more}" * (more != 0)


def _norm_parts(x: Operand, axis: Axis, keepdims: bool, ord: float = 2) -> Operand:
    if ord == 2:
        return np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims))
    size = np.where(np.real(x) < 0, -x, x) if np.iscomplexobj(x) else np.abs(x)
    return np.sum(size**ord, axis=axis, keepdims=keepdims) ** (1 / ord)


def _norm_spelling(node: Tensor) -> str:
    axis, order = node.options["axis"], node.options.get("ord", 2)
    options = ", axis=axis" * (axis is not None) + ", keepdims=keepdims" * node.options["keepdims"]
    if order != 2:
        return f"norm(x0{options}, ord=ord)"
    if axis is not None and len(axes_of(axis, np.ndim(node.parents[0]))) > 2:
        return f"sqrt(sum(x0 * x0{options}))"
    return f"norm(x0{options})"


norm = define(
    "norm",
    _norm,
    _norm_pullback,
    call="x, axis=None, keepdims=False, ord=2",
    reads="operands out",
    parts=_norm_parts,
    spelling=_norm_spelling,
    kinks=_is_zero,
    formulas=[_norm_formula],
    reduces=True,
    sentence="Norm over axes, Euclidean or of another order; "
    "its derivative where it or an element is 0 is taken to be 0.",
)
