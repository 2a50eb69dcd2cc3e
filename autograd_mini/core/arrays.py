"""Operations on whole arrays: each a forward function and a pullback for each operand.

A pullback takes the upstream gradient ``g``, the result ``out`` and the operands, and
gives the gradient of one operand.  It is plain NumPy code: over arrays it computes, over
Tensors it is recorded, and so every pullback can be differentiated again.

Functions that are made of others (``outer``, ``trace``, ``split``, ...) need no rule.
"""

from __future__ import annotations

import functools
import math
import operator
import string
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from autograd_mini.core import tensor
from autograd_mini.core.elementwise import FUNCTIONS
from autograd_mini.core.operation import ArrayOperation, register
from autograd_mini.core.tensor import ARRAY_FUNCTIONS, Tensor, record
from autograd_mini.other_libraries import refuse_options

Axis = int | tuple[int, ...] | None


def _rule(
    name: str,
    forward: Callable[..., Any],
    *pullbacks: Callable[..., Any] | None,
    reads: str = "",
    broadcasts: bool = False,
    any_number: bool = False,
    sentence: str,
    **more: Any,
) -> ArrayOperation:
    given: Any = pullbacks[0] if any_number else pullbacks
    operation = ArrayOperation(
        name, forward, given, sentence, frozenset(reads.split()), broadcasts, **more
    )
    register(operation)
    return operation


def _in_place_of(*functions: Callable[..., Any]) -> Callable[[Any], Any]:
    """Register the decorated function for Tensors in place of NumPy's functions."""

    def register(ours: Any) -> Any:
        ARRAY_FUNCTIONS.update(dict.fromkeys(functions, ours))
        return ours

    return register


# Products


def _matmul_pullback_left(g: Any, out: Any, x: Any, y: Any) -> Any:
    if np.ndim(y) == 2:
        return g @ _transposed(y)
    if np.ndim(y) == 1:
        return g * y if np.ndim(x) == 1 else np.expand_dims(g, -1) * y
    if np.ndim(x) == 1:
        return np.squeeze(np.expand_dims(g, -2) @ _transposed(y), -2)
    return g @ _transposed(y)


def _matmul_pullback_right(g: Any, out: Any, x: Any, y: Any) -> Any:
    if np.ndim(x) == 1:
        return g * x if np.ndim(y) == 1 else np.expand_dims(x, -1) * np.expand_dims(g, -2)
    if np.ndim(y) <= 2 and np.ndim(x) > 2:  # one matrix for the whole batch: one product
        samples = math.prod(np.shape(x)[:-1])
        x = np.reshape(x, (samples, np.shape(x)[-1]))
        g = np.reshape(g, (samples, *np.shape(y)[1:]))
    return _transposed(x) @ g


def _transposed(x: Any) -> Any:
    """Matrices with rows for columns; an array or Tensor of two axes, as it mostly is, quickly."""
    return x.T if getattr(x, "ndim", None) == 2 else np.swapaxes(x, -1, -2)


_MATMUL = _rule(
    "matmul",
    np.matmul,
    _matmul_pullback_left,
    _matmul_pullback_right,
    reads="operands",
    broadcasts=True,
    sentence="Matrix product, also of stacks of matrices.",
    spelling="x0 @ x1",
)


@_in_place_of(np.matmul)
def matmul(x: Any, y: Any) -> Any:
    return record(_MATMUL, (x, y))


def _affine(x: Any, weight: Any, bias: Any) -> Any:
    x, weight, bias = np.asarray(x), np.asarray(weight), np.asarray(bias)
    if weight.ndim != 2 or bias.shape != weight.shape[1:]:
        raise ValueError("weight has shape (n_in, n_out) and bias (n_out,)")
    product = x @ weight
    return np.add(product, bias, out=product if product.dtype == bias.dtype else None)


_AFFINE = _rule(
    "affine",
    _affine,
    lambda g, out, x, weight, bias: _matmul_pullback_left(g, out, x, weight),
    lambda g, out, x, weight, bias: _matmul_pullback_right(g, out, x, weight),
    lambda g, *_: g,  # summed over the samples, as whatever was repeated is
    reads="operands",
    broadcasts=True,
    sentence="x @ weight + bias: a layer of neurons, as one operation.",
    spelling="x0 @ x1 + x2",
)


def affine(x: Any, weight: Any, bias: Any) -> Any:
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
        return record(_AFFINE, (x, weight, bias))
    return _affine(x, weight, bias)


@_in_place_of(np.dot)
def dot(x: Any, y: Any) -> Any:
    if np.ndim(x) == 0 or np.ndim(y) == 0:
        return FUNCTIONS["mul"](x, y)
    if np.ndim(y) <= 2:
        return matmul(x, y)
    return tensordot(x, y, ([np.ndim(x) - 1], [np.ndim(y) - 2]))


@_in_place_of(np.inner)
def inner(x: Any, y: Any) -> Any:
    if np.ndim(x) == 0 or np.ndim(y) == 0:
        return FUNCTIONS["mul"](x, y)
    return tensordot(x, y, ([np.ndim(x) - 1], [np.ndim(y) - 1]))


@_in_place_of(np.vdot)
def vdot(x: Any, y: Any) -> Any:
    return matmul(np.ravel(x), np.ravel(y))


@_in_place_of(np.outer)
def outer(x: Any, y: Any) -> Any:
    return np.expand_dims(np.ravel(x), 1) * np.ravel(y)


@_in_place_of(np.tensordot)
def tensordot(x: Any, y: Any, axes: Any = 2) -> Any:
    if isinstance(axes, int):
        axes = (range(np.ndim(x) - axes, np.ndim(x)), range(axes))
    of_x, of_y = axes
    left = normalize_axis_tuple(of_x, np.ndim(x), "axes")
    right = normalize_axis_tuple(of_y, np.ndim(y), "axes")
    xs = list(string.ascii_letters[: np.ndim(x)])
    ys = list(string.ascii_letters[np.ndim(x) : np.ndim(x) + np.ndim(y)])
    for a, b in zip(left, right, strict=True):
        if np.shape(x)[a] != np.shape(y)[b]:  # einsum would repeat an axis of size 1
            raise ValueError(
                f"the product of shapes {np.shape(x)} and {np.shape(y)} sums over axis {a} of the "
                f"first and {b} of the second, which must have one size"
            )
        ys[b] = xs[a]
    free = [s for s in xs + ys if (s in xs) != (s in ys)]
    return einsum(f"{''.join(xs)},{''.join(ys)}->{''.join(free)}", x, y)


def _einsum(*operands: Any, subscripts: str) -> Any:
    return np.einsum(subscripts, *operands, optimize=len(operands) > 1)


def _einsum_pullback(index: int, g: Any, out: Any, *operands: Any, subscripts: str) -> Any:
    inputs, output = subscripts.split("->")
    terms = inputs.split(",")
    mine, shape = terms.pop(index), np.shape(operands[index])
    others = [operand for i, operand in enumerate(operands) if i != index]
    letters = list(dict.fromkeys(mine))
    shared = [s for s in letters if s in output or any(s in term for term in terms)]
    share = np.einsum(",".join([output, *terms]) + "->" + "".join(shared), g, *others)
    if len(shared) < len(letters):  # a letter that stands nowhere else was summed: repeat
        share = np.expand_dims(share, tuple(i for i, s in enumerate(letters) if s not in shared))
        sizes = [max(shape[mine.index(s)], n) for s, n in zip(letters, share.shape, strict=True)]
        share = np.broadcast_to(share, sizes)
    if len(letters) < len(mine):  # a letter twice is a diagonal
        diagonal = tuple(shape[mine.index(s)] for s in letters)
        share = tensor.unbroadcast(share, diagonal)
        if np.shape(share) != diagonal:  # a letter of size 1 elsewhere, which was repeated
            share = np.broadcast_to(share, diagonal)
        grid = np.ix_(*[np.arange(size) for size in diagonal])
        share = _scatter_to(share, tuple(grid[letters.index(s)] for s in mine), shape)
    return share


_EINSUM = _rule(
    "einsum",
    _einsum,
    _einsum_pullback,
    any_number=True,
    reads="operands",
    broadcasts=True,
    sentence="Sum of products over named axes.",
    spelling="einsum(subscripts, xs)",
)


@_in_place_of(np.einsum)
def einsum(subscripts: Any, *operands: Any, optimize: Any = True) -> Any:
    if not isinstance(subscripts, str):
        raise TypeError("einsum of Tensors: write the subscripts as text, such as 'ij,jk->ik'")
    return record(_EINSUM, operands, {"subscripts": _explicit(subscripts, operands)})


def _explicit(subscripts: str, operands: Sequence[Any]) -> str:
    """Subscripts with the output written and each ellipsis replaced by letters."""
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if len(terms) != len(operands):
        raise ValueError(
            f"einsum: {subscripts!r} names {len(terms)} operands, {len(operands)} are given"
        )
    unused = [s for s in string.ascii_letters if s not in subscripts]
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


# Sums and other reductions


def _axes(axis: Axis, ndim: int) -> tuple[int, ...]:
    if not ndim:  # NumPy takes axis 0 and -1 of a number for none
        return ()
    axes = range(ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return tuple(operator.index(a) % ndim for a in axes)


def _restore(g: Any, shape: tuple[int, ...], axis: Axis, keepdims: bool) -> Any:
    """A reduction's gradient or result, with the reduced axes back as axes of size 1."""
    if keepdims:
        return g
    return np.expand_dims(g, axis if shape and type(axis) is int else _axes(axis, len(shape)))


def _count(shape: tuple[int, ...], axis: Axis) -> int:
    return int(np.prod([shape[a] for a in _axes(axis, len(shape))], dtype=int))


def _wide(x: Any) -> Any:
    """An array or Tensor in a dtype that has room for sums and counts of it."""
    dtype = tensor.sum_dtype(x)
    return x if x.dtype == dtype else x.astype(dtype)


def _in_wide(function: Callable[..., Any]) -> Callable[..., Any]:
    """A forward function whose sums have room, and whose result has its operand's dtype."""

    @functools.wraps(function)
    def forward(x: Any, **options: Any) -> Any:
        x = np.asarray(x)
        return np.asarray(function(_wide(x), **options)).astype(x.dtype, copy=False)

    return forward


@_in_wide
def _sum(x: Any, axis: Axis, keepdims: bool) -> Any:
    return np.sum(x, axis=axis, keepdims=keepdims)


def _sum_pullback(g: Any, out: Any, x: Any, axis: Axis, keepdims: bool) -> Any:
    return np.broadcast_to(_restore(g, np.shape(x), axis, keepdims), np.shape(x))


def _mean_pullback(g: Any, out: Any, x: Any, axis: Axis, keepdims: bool) -> Any:
    return _sum_pullback(_wide(g) / _count(np.shape(x), axis), out, x, axis, keepdims)


def _var_pullback(g: Any, out: Any, x: Any, axis: Axis, keepdims: bool, ddof: int) -> Any:
    x, g = _wide(x), _wide(g)
    degrees = x.dtype.type(max(_count(np.shape(x), axis) - ddof, 0))  # a divisor of 0 gives NaN
    centred = x - np.mean(x, axis=axis, keepdims=True)
    return _restore(g, np.shape(x), axis, keepdims) * (2 / degrees * centred)


def _in_range(
    x: Any, out: Any, axis: Axis, again: Callable[[Any], Any], order: float = 2
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


def _std_pullback(g: Any, out: Any, x: Any, axis: Axis, keepdims: bool, ddof: int) -> Any:
    g, out, x = (_wide(each) for each in (g, out, x))
    x, out = _in_range(x, out, axis, lambda x: np.std(x, axis=axis, keepdims=keepdims, ddof=ddof))
    safe = np.where(out == 0, 1, 2 * out)
    return _var_pullback(np.where(out == 0, 0, g / safe), out, x, axis, keepdims, ddof)


def _scaled(x: Any, power: Any) -> Any:
    """``x * 2**power``, in two steps that stay in range if the result does."""
    power = np.minimum(power, 2 * np.finfo(x.dtype).maxexp - 2)  # 0 times infinity would be NaN
    half = power // 2
    one = x.dtype.type(1)
    return x * np.ldexp(one, half) * np.ldexp(one, power - half)


def _normalised(x: Any, power: Any) -> tuple[Any, Any]:
    """``x * 2**power`` as numbers between ½ and 1 (or 0, infinite, NaN) and their powers."""
    more = np.frexp(tensor.plain(x))[1]
    more = np.where(np.isfinite(tensor.plain(x)), more, 0)
    return _scaled(x, -more), power + more


def _products_before(x: Any, power: Any) -> tuple[Any, Any]:
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


def _prod_pullback(g: Any, out: Any, x: Any, axis: Axis, keepdims: bool) -> Any:
    shape = np.shape(x)
    axes = _axes(axis, len(shape))
    last = tuple(range(len(shape) - len(axes), len(shape)))
    moved = np.moveaxis(x, axes, last)
    kept = np.shape(moved)[: len(shape) - len(axes)]
    flat = np.reshape(moved, (*kept, _count(shape, axis)))
    if not np.size(flat):
        return np.zeros(shape, g.dtype)
    numbers, powers = _normalised(flat, 0)
    before, power = _products_before(numbers, powers)
    after, more = _products_before(np.flip(numbers, -1), np.flip(powers, -1))
    others = _scaled(before * np.flip(after, -1), power + np.flip(more, -1))
    others = np.moveaxis(np.reshape(others, np.shape(moved)), last, axes)
    return _restore(g, shape, axis, keepdims) * others


def _extreme_pullback(g: Any, out: Any, x: Any, axis: Axis, keepdims: bool) -> Any:
    ties = tensor.plain(x) == _restore(tensor.plain(out), np.shape(x), axis, keepdims)
    g = _wide(_restore(g, np.shape(x), axis, keepdims))
    shares = np.sum(ties, axis=axis, keepdims=True).astype(g.dtype)
    nothing = np.where(shares == 0, np.nan, 0).astype(g.dtype)  # no element equals NaN
    return np.where(ties, g / shares, nothing)


# Formulas that are read more easily than the pullbacks


def _beside_operand(name: str, node: Tensor) -> str:
    """A reduction's gradient or result, as a text that fits the operand's shape."""
    axis, axes = node.options["axis"], _axes(node.options["axis"], np.ndim(node.parents[0]))
    # Leading axes need not be put back: NumPy adds them itself
    leads = node.options["keepdims"] or sorted(axes) == list(range(len(axes)))
    return name if leads else f"expand_dims({name}, {axis})"


def _over_axes(node: Tensor) -> str:
    axis = node.options["axis"]
    return "keepdims=True" if axis is None else f"axis={axis}, keepdims=True"


def _extreme_formula(node: Tensor) -> str:
    g, out = _beside_operand("g", node), _beside_operand("out", node)
    axis, x = node.options["axis"], tensor.plain(node.parents[0])
    ties = x == _restore(node.data, x.shape, axis, node.options["keepdims"])
    shares = f" / sum(x0 == {out}, {_over_axes(node)})" * bool(np.sum(ties) > node.size)
    return f"{g} * (x0 == {out}){shares}"


def _std_formula(node: Tensor) -> str | None:
    """Where it is 0; elsewhere the pullback is a formula."""
    if np.all(node.data):
        return None
    g, out = _beside_operand("g", node), _beside_operand("out", node)
    count = _count(np.shape(node.parents[0]), node.options["axis"]) - node.options["ddof"]
    return (
        f"where({out} == 0, 0, {g}) / where({out} == 0, 1, {count} * {out})"
        f" * (x0 - mean(x0, {_over_axes(node)}))"
    )


def _prod_formula(node: Tensor) -> str:
    g, out = _beside_operand("g", node), _beside_operand("out", node)
    if np.all(node.data) and np.all(np.isfinite(node.data)):
        return f"{g} * {out} / x0"
    # The product of the others, of a zero as well: a row for each with it left out
    shape = np.shape(node.parents[0])
    axes = _axes(node.options["axis"], len(shape))
    last = tuple(range(len(shape) - len(axes), len(shape)))
    kept, sizes = [n for a, n in enumerate(shape) if a not in axes], [shape[a] for a in axes]
    n = math.prod(sizes)
    rows = f"reshape(moveaxis(x0, {axes}, {last}), {(*kept, 1, n)})"
    others = f"reshape(prod(where(eye({n}) == 1, 1, {rows}), axis=-1), {(*kept, *sizes)})"
    return f"{g} * moveaxis({others}, {last}, {axes})"


def _norm_formula(node: Tensor) -> str | None:
    """Where it is 0; elsewhere the pullback is a formula."""
    if np.all(node.data):
        return None
    g, out = _beside_operand("g", node), _beside_operand("out", node)
    ratio = f"where({out} == 0, 0, {g}) * x0 / where({out} == 0, 1, {out})"
    more: float = node.options.get("ord", 2) - 2
    return ratio + f" * (abs(x0) / where({out} == 0, 1, {out})) ** {more}" * (more != 0)


_SUM = _rule("sum", _sum, _sum_pullback, sentence="Sum over axes.", reduces=True)
_MEAN = _rule("mean", np.mean, _mean_pullback, sentence="Mean over axes.", reduces=True)
_VAR = _rule(
    "var",
    _in_wide(np.var),
    _var_pullback,
    reads="operands",
    sentence="Variance over axes.",
    reduces=True,
)
_STD = _rule(
    "std",
    _in_wide(np.std),
    _std_pullback,
    reads="operands out",
    sentence="Standard deviation over axes; its derivative where it is 0 is taken to be 0.",
    formulas=[_std_formula],
    reduces=True,
)
_PROD = _rule(
    "prod",
    np.prod,
    _prod_pullback,
    reads="operands",
    sentence="Product over axes.",
    formulas=[_prod_formula],
    reduces=True,
)
_MAX = _rule(
    "max",
    np.max,
    _extreme_pullback,
    reads="operands out",
    sentence="Greatest element over axes; equal ones share the gradient equally.",
    formulas=[_extreme_formula],
    reduces=True,
)
_MIN = _rule(
    "min",
    np.min,
    _extreme_pullback,
    reads="operands out",
    sentence="Least element over axes; equal ones share the gradient equally.",
    formulas=[_extreme_formula],
    reduces=True,
)


def _reduce(rule: ArrayOperation, x: Any, axis: Axis, keepdims: Any, **more: Any) -> Tensor:
    if isinstance(axis, list):
        axis = tuple(axis)
    return record(rule, (x,), {"axis": axis, "keepdims": bool(keepdims), **more})


@_in_place_of(np.sum)
def sum_(x: Any, axis: Axis = None, *, keepdims: bool = False) -> Any:
    return _reduce(_SUM, x, axis, keepdims)


@_in_place_of(np.mean)
def mean(x: Any, axis: Axis = None, *, keepdims: bool = False) -> Any:
    return _reduce(_MEAN, x, axis, keepdims)


@_in_place_of(np.var)
def var(x: Any, axis: Axis = None, *, ddof: int = 0, keepdims: bool = False) -> Any:
    return _reduce(_VAR, x, axis, keepdims, ddof=ddof)


@_in_place_of(np.std)
def std(x: Any, axis: Axis = None, *, ddof: int = 0, keepdims: bool = False) -> Any:
    return _reduce(_STD, x, axis, keepdims, ddof=ddof)


@_in_place_of(np.prod)
def prod(x: Any, axis: Axis = None, *, keepdims: bool = False) -> Any:
    return _reduce(_PROD, x, axis, keepdims)


@_in_place_of(np.max, np.amax)
def max_(x: Any, axis: Axis = None, *, keepdims: bool = False) -> Any:
    return _reduce(_MAX, x, axis, keepdims)


@_in_place_of(np.min, np.amin)
def min_(x: Any, axis: Axis = None, *, keepdims: bool = False) -> Any:
    return _reduce(_MIN, x, axis, keepdims)


def _cumsum_pullback(g: Any, out: Any, x: Any, axis: int | None) -> Any:
    axis = None if np.ndim(x) == 0 else axis
    return np.reshape(np.flip(np.cumsum(np.flip(_wide(g), axis), axis), axis), np.shape(x))


_CUMSUM = _rule(
    "cumsum", _in_wide(np.cumsum), _cumsum_pullback, sentence="Running sum along an axis."
)


@_in_place_of(np.cumsum)
def cumsum(x: Any, axis: int | None = None) -> Any:
    return record(_CUMSUM, (x,), {"axis": axis})


@_in_wide
def _norm(x: Any, axis: Axis, keepdims: bool, ord: float = 2) -> Any:
    if ord == 2:
        return np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims))
    with np.errstate(divide="ignore"):  # of a negative order, an element of 0 makes the norm 0
        return np.sum(np.abs(x) ** ord, axis=axis, keepdims=keepdims) ** (1 / ord)


def _norm_pullback(g: Any, out: Any, x: Any, axis: Axis, keepdims: bool, ord: float = 2) -> Any:
    def again(x: Any) -> Any:
        options = {"axis": axis, "keepdims": keepdims, "ord": ord}
        return record(_NORM, (x,), options) if isinstance(x, Tensor) else _norm(x, **options)

    g, out, x = (_wide(each) for each in (g, out, x))
    if ord > 1:
        x, out = _in_range(x, out, axis, again, ord)
    safe = np.where(out == 0, 1, out)
    if ord == 2:
        return _restore(np.where(out == 0, 0, g / safe), np.shape(x), axis, keepdims) * x
    g, out, safe = (_restore(each, np.shape(x), axis, keepdims) for each in (g, out, safe))
    zero = (tensor.plain(x) == 0) | (tensor.plain(out) == 0)
    slope = np.sign(x) * (np.abs(np.where(zero, safe, x)) / safe) ** (ord - 1)
    return g * np.where(zero, 0, slope)


_NORM = _rule(
    "norm",
    _norm,
    _norm_pullback,
    reads="operands out",
    sentence="Norm over axes, Euclidean or of another order; "
    "its derivative where it or an element is 0 is taken to be 0.",
    formulas=[_norm_formula],
    reduces=True,
)


@_in_place_of(np.linalg.norm)
def norm(x: Any, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Any:
    axes = np.ndim(x) if axis is None else len(normalize_axis_tuple(axis, np.ndim(x)))
    matrix = axes == 2
    if axes not in (1, 2) and not (axis is None and ord is None):
        raise ValueError(
            f"norm: one axis or a pair of axes is needed, found axis={axis}, ord={ord} for the "
            f"shape {np.shape(x)}"
        )
    if ord is None or ord == ("fro" if matrix else 2):
        return _reduce(_NORM, x, axis, keepdims)
    if matrix or not isinstance(ord, int | float) or (axis is None and np.ndim(x) != 1):
        raise TypeError(
            f"norm of a Tensor has no derivative rule for ord={ord!r} of shape {np.shape(x)}: "
            "None (Euclidean, Frobenius) or, for vectors, a number is supported"
        )
    if ord in (np.inf, -np.inf):
        return (np.max if ord > 0 else np.min)(np.abs(x), axis=axis, keepdims=keepdims)
    if ord in (0, 1):  # 0 counts what is not 0
        return np.sum(np.abs(x if ord else np.sign(x)), axis=axis, keepdims=keepdims)
    return _reduce(_NORM, x, axis, keepdims, ord=ord)


# Softmax and its kin


@_in_wide
def _softmax(x: Any, axis: Axis) -> Any:
    e = np.exp(x - np.maximum.reduce(x, axis=axis, keepdims=True, initial=-np.inf))
    return e / np.add.reduce(e, axis=axis, keepdims=True)


def _softmax_pullback(g: Any, out: Any, x: Any, axis: Axis) -> Any:
    out, g = _wide(out), _wide(g)
    return out * (g - np.sum(g * out, axis=axis, keepdims=True))


@_in_wide
def _log_softmax(x: Any, axis: Axis) -> Any:
    shifted = x - np.maximum.reduce(x, axis=axis, keepdims=True, initial=-np.inf)
    return shifted - np.log(np.add.reduce(np.exp(shifted), axis=axis, keepdims=True))


def _log_softmax_pullback(g: Any, out: Any, x: Any, axis: Axis) -> Any:
    g = _wide(g)
    return g - np.exp(_wide(out)) * np.sum(g, axis=axis, keepdims=True)


@_in_wide
def _logsumexp(x: Any, axis: Axis, keepdims: bool) -> Any:
    top = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isinf(top), 0, top)
    with np.errstate(divide="ignore"):
        found = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return found if keepdims else np.squeeze(found, _axes(axis, np.ndim(x)))


def _logsumexp_pullback(g: Any, out: Any, x: Any, axis: Axis, keepdims: bool) -> Any:
    """softmax(x), not exp(x - out), in which out has rounded; at infinity its limit."""
    x, g = _wide(x), _wide(g)
    top = np.max(tensor.plain(x), axis=axis, keepdims=True, initial=-np.inf)
    limit = np.where(tensor.plain(x) == np.inf, 0.0, -np.inf).astype(x.dtype)
    e = np.exp(FUNCTIONS["select"](np.isinf(top), limit, x - top))
    total = np.sum(e, axis=axis, keepdims=True)
    none = tensor.plain(total) == 0  # every element is -inf
    return _restore(g, np.shape(x), axis, keepdims) * (e / np.where(none, 1, total))


_SOFTMAX = _rule(
    "softmax",
    _softmax,
    _softmax_pullback,
    reads="out",
    sentence="exp(x) / sum(exp(x)) over an axis, without overflow.",
)
_LOG_SOFTMAX = _rule(
    "log_softmax",
    _log_softmax,
    _log_softmax_pullback,
    reads="out",
    sentence="log(softmax(x)), without overflow.",
)
_LOGSUMEXP = _rule(
    "logsumexp",
    _logsumexp,
    _logsumexp_pullback,
    reads="operands",
    sentence="log(sum(exp(x))) over axes, without overflow.",
    formulas=[
        lambda node: f"{_beside_operand('g', node)} * exp(x0 - {_beside_operand('out', node)})"
    ],
    reduces=True,
)


def _apply(rule: ArrayOperation, x: Any, more: dict[str, Any], **options: Any) -> Any:
    if more:
        refuse_options(rule.name, more)
    if isinstance(x, Tensor):
        return record(rule, (x,), options)
    x = np.asarray(x)
    if x.dtype == object:
        return _apply_to_values(rule, x, **options)
    return rule.forward(x, **options)


def _apply_to_values(rule: ArrayOperation, x: Any, axis: Axis, keepdims: bool = True) -> Any:
    """Softmax or its kin, of an array of Values, by their own operations."""
    over: Any = {"axis": axis, "keepdims": True}
    numbers = np.frompyfunc(lambda each: getattr(each, "data", each), 1, 1)(x).astype(float)
    top = np.max(numbers, **over)
    infinite = numbers == np.inf
    shifted = x - np.where(np.isinf(top), 0, top)
    e = FUNCTIONS["exp"](shifted)
    total = np.sum(e, **over)
    if rule is _SOFTMAX:
        return e / total
    if rule is _LOG_SOFTMAX:
        return shifted - FUNCTIONS["log"](total)
    found = FUNCTIONS["log"](total) + np.where(np.isinf(top), 0, top)
    if infinite.any():  # the limit: the mean of what is infinite
        mean = np.sum(np.where(infinite, x, 0), **over) / np.maximum(np.sum(infinite, **over), 1)
        found = np.where(top == np.inf, mean, found)
    return found if keepdims else np.squeeze(found, _axes(axis, np.ndim(x)))[()]


def softmax(x: Any, axis: Axis = -1, **more: Any) -> Any:
    """``exp(x) / sum(exp(x))`` over an axis, without overflow; same shape as x.

    Takes an array, a Tensor, or an object array of Values.

    >>> softmax(np.array([0.0, 0.0, 1000.0]))
    array([0., 0., 1.])
    """
    return _apply(_SOFTMAX, x, more, axis=axis)


def log_softmax(x: Any, axis: Axis = -1, **more: Any) -> Any:
    """``log(softmax(x))`` over an axis, without overflow; same shape as x.

    >>> log_softmax(np.array([0.0, -1000.0]))
    array([    0., -1000.])
    """
    return _apply(_LOG_SOFTMAX, x, more, axis=axis)


def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False, **more: Any) -> Any:
    """``log(sum(exp(x)))`` over axes, without overflow.

    >>> float(logsumexp(np.array([1000.0, 1000.0])).round(4))
    1000.6931
    """
    return _apply(_LOGSUMEXP, x, more, axis=axis, keepdims=keepdims)


# Shapes


def _reshape_pullback(g: Any, out: Any, x: Any, **options: Any) -> Any:
    return np.reshape(g, np.shape(x))


def _transpose_pullback(g: Any, out: Any, x: Any, axes: Any) -> Any:
    return np.transpose(g, None if axes is None else np.argsort([a % len(axes) for a in axes]))


def _moveaxis_pullback(g: Any, out: Any, x: Any, source: Any, destination: Any) -> Any:
    return np.moveaxis(g, destination, source)


def _swapaxes_pullback(g: Any, out: Any, x: Any, axis1: int, axis2: int) -> Any:
    return np.swapaxes(g, axis1, axis2)


def _transpose_spelling(node: Tensor) -> str:
    if node.ndim == 2 and np.argmax(node.options["axes"] or (1, 0)) == 0:
        return "x0.T"
    return "transpose(x0)" if node.options["axes"] is None else "transpose(x0, axes)"


def _swapaxes_spelling(node: Tensor) -> str:
    axes = {node.options[axis] % node.ndim for axis in ("axis1", "axis2")}
    if axes == {node.ndim - 2, node.ndim - 1}:
        return "x0.T" if node.ndim == 2 else "x0.mT"  # mT exchanges the last two
    return "swapaxes(x0, axis1, axis2)"


_RESHAPED: dict[str, Any] = {"rearranges": True, "keeps_order": True}

_RESHAPE = _rule(
    "reshape",
    lambda x, shape: np.reshape(x, shape),  # by position: NumPy 2.0 has another name for it
    _reshape_pullback,
    sentence="The same elements in another shape.",
    spelling="reshape(x0, shape)",
    **_RESHAPED,
)
_RAVEL = _rule(
    "ravel", np.ravel, _reshape_pullback, sentence="The elements as one axis.", **_RESHAPED
)
_SQUEEZE = _rule(
    "squeeze", np.squeeze, _reshape_pullback, sentence="Axes of size 1 removed.", **_RESHAPED
)
_EXPAND_DIMS = _rule(
    "expand_dims",
    np.expand_dims,
    _reshape_pullback,
    sentence="Axes of size 1 inserted.",
    spelling="expand_dims(x0, axis)",
    **_RESHAPED,
)
_TRANSPOSE = _rule(
    "transpose",
    np.transpose,
    _transpose_pullback,
    sentence="Axes in another order.",
    spelling=_transpose_spelling,
    rearranges=True,
)
_MOVEAXIS = _rule(
    "moveaxis",
    np.moveaxis,
    _moveaxis_pullback,
    sentence="Axes moved elsewhere.",
    spelling="moveaxis(x0, source, destination)",
    rearranges=True,
)
_SWAPAXES = _rule(
    "swapaxes",
    np.swapaxes,
    _swapaxes_pullback,
    sentence="Two axes exchanged.",
    spelling=_swapaxes_spelling,
    rearranges=True,
)
_BROADCAST_TO = _rule(
    "broadcast_to",
    np.broadcast_to,
    lambda g, out, x, shape: g,
    broadcasts=True,
    sentence="Repeated along axes of size 1 to a shape.",
    spelling="broadcast_to(x0, shape)",
    rearranges=True,
)


@_in_place_of(np.reshape)
def reshape(x: Any, shape: Any = None, order: str = "C", **more: Any) -> Any:
    if order != "C":
        raise TypeError("reshape of a Tensor supports order='C' only; transpose it first")
    return record(_RESHAPE, (x,), {"shape": more.get("newshape", shape)})


@_in_place_of(np.ravel)
def ravel(x: Any, order: str = "C") -> Any:
    if order != "C":
        raise TypeError("ravel of a Tensor supports order='C' only; transpose it first")
    return record(_RAVEL, (x,))


@_in_place_of(np.squeeze)
def squeeze(x: Any, axis: Axis = None) -> Any:
    return record(_SQUEEZE, (x,), {"axis": axis})


@_in_place_of(np.expand_dims)
def expand_dims(x: Any, axis: Any) -> Any:
    return record(_EXPAND_DIMS, (x,), {"axis": axis})


@_in_place_of(np.transpose, np.permute_dims)
def transpose(x: Any, axes: Any = None) -> Any:
    if axes is not None:
        axes = tuple(axes) if np.ndim(axes) else (axes,)
    return record(_TRANSPOSE, (x,), {"axes": axes})


@_in_place_of(np.matrix_transpose)
def matrix_transpose(x: Any) -> Any:
    return swapaxes(x, -1, -2)


@_in_place_of(np.moveaxis)
def moveaxis(x: Any, source: Any, destination: Any) -> Any:
    return record(_MOVEAXIS, (x,), {"source": source, "destination": destination})


@_in_place_of(np.swapaxes)
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    return record(_SWAPAXES, (x,), {"axis1": axis1, "axis2": axis2})


@_in_place_of(np.broadcast_to)
def broadcast_to(x: Any, shape: Any) -> Any:
    return record(_BROADCAST_TO, (x,), {"shape": shape})


@_in_place_of(np.atleast_1d)
def atleast_1d(*arrays: Any) -> Any:
    padded = tuple(x if np.ndim(x) >= 1 else np.reshape(x, (1,)) for x in arrays)
    return padded[0] if len(padded) == 1 else padded


@_in_place_of(np.atleast_2d)
def atleast_2d(*arrays: Any) -> Any:
    padded = tuple(x if np.ndim(x) >= 2 else np.expand_dims(atleast_1d(x), 0) for x in arrays)
    return padded[0] if len(padded) == 1 else padded


# Parts


def _getitem(x: Any, index: Any) -> Any:
    return np.asarray(x)[index]


def _scatter(g: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of a shape, with ``g`` added at an index."""
    parts = index if isinstance(index, tuple) else (index,)
    if not any(isinstance(part, np.ndarray) and part.dtype != bool for part in parts):
        found = np.zeros(shape, g.dtype)
        found[index] = g
        return found
    found = np.zeros(shape, tensor.sum_dtype(g))  # an element may be named several times
    row = math.prod(shape[1:])
    if isinstance(index, np.ndarray) and row > 1:  # rows of a table
        places = np.expand_dims(index.astype(np.intp) % shape[0] * row, -1) + np.arange(row)
        np.add.at(found.reshape(-1), places.ravel(), np.ravel(g))  # several times faster flat
    else:
        np.add.at(found, index, g)
    return found.astype(g.dtype, copy=False)


def _scatter_to(g: Any, index: Any, shape: tuple[int, ...]) -> Any:
    if isinstance(g, Tensor):
        return record(_SCATTER, (g,), {"index": index, "shape": shape})
    return _scatter(g, index, shape)


_GETITEM = _rule(
    "getitem",
    _getitem,
    lambda g, out, x, index: _scatter_to(g, index, np.shape(x)),
    sentence="Elements at an index.",
    spelling="x0[index]",
    rearranges=True,
)
_SCATTER = _rule(
    "scatter",
    _scatter,
    lambda g, out, x, index, shape: g[index],
    sentence="Elements added into zeros at an index.",
    spelling="scatter(x0, s_[index], shape)",
)


@_in_place_of(operator.getitem)
def getitem(x: Any, index: Any) -> Tensor:
    parts = index if isinstance(index, tuple) else (index,)
    if any(isinstance(part, Tensor) for part in parts):
        raise TypeError("a Tensor is no index: write t[index.data.astype(int)], or a boolean array")
    own = tuple(part if isinstance(part, _BASIC) else _index_array(part) for part in parts)
    return record(_GETITEM, (x,), {"index": own if isinstance(index, tuple) else own[0]})


_BASIC = (int, np.integer, np.bool_, slice, type(Ellipsis), type(None))
"""Parts of an index that cannot change and name no element twice."""


def _index_array(part: Any) -> Any:
    """Any other part of an index as an array of its own, however it is written."""
    array = np.array(part)
    return array if array.size or isinstance(part, np.ndarray) else array.astype(np.intp)


@_in_place_of(np.take)
def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    if axis is None or not np.ndim(x):
        x, axis = np.ravel(x), 0 if axis is None else axis
    places = _index_array(indices)
    if places.dtype == bool:  # 0 and 1, not a mask
        places = places.astype(np.intp)
    before = (slice(None),) * (axis % np.ndim(x))
    _size_along(x, axis, "take")
    first, rest = np.shape(x)[: len(before)], np.shape(x)[len(before) + 1 :]
    if 0 in first:  # NumPy asks for no index to be in range then
        return np.reshape(x, (*first, *places.shape, *rest))
    return getitem(x, (*before, places))


@_in_place_of(np.diagonal)
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    rows, columns = np.shape(x)[axis1], np.shape(x)[axis2]
    size = max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
    along = np.arange(size)
    index = (..., along - min(offset, 0), along + max(offset, 0))
    return getitem(np.moveaxis(x, (axis1, axis2), (-2, -1)), index)


@_in_place_of(np.diag)
def diag(x: Any, k: int = 0) -> Any:
    if np.ndim(x) == 2:
        return diagonal(x, k)
    size = np.shape(x)[0]
    along = np.arange(size)
    index = (along - min(k, 0), along + max(k, 0))
    return _scatter_to(x, index, (size + abs(k), size + abs(k)))


@_in_place_of(np.trace)
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return np.sum(diagonal(x, offset, axis1, axis2), axis=-1)


def _triangle(x: Any, k: int) -> Any:
    if not np.ndim(x):
        raise ValueError("tril and triu take arrays of at least one axis, not a number")
    sizes = np.shape(x)[-2:]
    return np.tri(sizes[0], sizes[-1], k, dtype=bool)


@_in_place_of(np.tril)
def tril(x: Any, k: int = 0) -> Any:
    return np.where(_triangle(x, k), x, 0)


@_in_place_of(np.triu)
def triu(x: Any, k: int = 0) -> Any:
    return np.where(_triangle(x, k - 1), 0, x)


@_in_place_of(np.split)
def split(x: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    size = _size_along(x, axis, "split")
    if np.ndim(indices_or_sections) == 0 and indices_or_sections > 0 and size % indices_or_sections:
        raise ValueError(
            f"split: axis {axis} of shape {np.shape(x)} has no {indices_or_sections} equal parts; "
            "give the indices to split at, or write np.array_split"
        )
    return array_split(x, indices_or_sections, axis)


@_in_place_of(np.array_split)
def array_split(x: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    places = np.arange(_size_along(x, axis, "array_split"))
    before = (slice(None),) * (axis % np.ndim(x))
    return [
        getitem(x, (*before, slice(piece[0], piece[-1] + 1) if piece.size else slice(0)))
        for piece in np.array_split(places, indices_or_sections)
    ]


def _size_along(x: Any, axis: int, name: str) -> int:
    """The size of an axis that there must be."""
    if not -np.ndim(x) <= operator.index(axis) < np.ndim(x):
        raise ValueError(f"{name}: there is no axis {axis} in the shape {np.shape(x)}")
    size: int = np.shape(x)[axis]
    return size


@_in_place_of(np.diff)
def diff(x: Any, n: int = 1, axis: int = -1) -> Any:
    if n < 0:
        raise ValueError(f"diff: n is how often to take differences, 0 or more, not {n}")
    if not n:
        return x
    _size_along(x, axis, "diff")
    before = (slice(None),) * (axis % np.ndim(x))
    for _ in range(n):
        x = x[(*before, slice(1, None))] - x[(*before, slice(None, -1))]
    return x


# Joining and repeating


def _concatenate_pullback(index: int, g: Any, out: Any, *operands: Any, axis: int) -> Any:
    sizes = [np.shape(operand)[axis] for operand in operands]
    start = int(np.sum(sizes[:index], dtype=int))
    before = (slice(None),) * (axis % np.ndim(operands[0]))
    return g[(*before, slice(start, start + sizes[index]))]


def _stack_pullback(index: int, g: Any, out: Any, *operands: Any, axis: int) -> Any:
    return g[(*(slice(None),) * (axis % np.ndim(g)), index)]


_CONCATENATE = _rule(
    "concatenate",
    lambda *xs, axis: np.concatenate(xs, axis),
    _concatenate_pullback,
    any_number=True,
    sentence="Arrays joined along an axis.",
    spelling="concatenate([xs], axis=axis)",
)
_STACK = _rule(
    "stack",
    lambda *xs, axis: np.stack(xs, axis),
    _stack_pullback,
    any_number=True,
    sentence="Arrays of one shape joined along an axis of their own.",
    spelling="stack([xs], axis=axis)",
)


@_in_place_of(np.concatenate)
def concatenate(arrays: Any, axis: int | None = 0) -> Any:
    if axis is None:
        arrays, axis = [np.ravel(array) for array in arrays], 0
    return record(_CONCATENATE, _joined(arrays), {"axis": axis})


@_in_place_of(np.stack)
def stack(arrays: Any, axis: int = 0) -> Any:
    return record(_STACK, _joined(arrays), {"axis": axis})


def _joined(arrays: Any) -> tuple[Any, ...]:
    return tuple(array if isinstance(array, Tensor) else np.asarray(array) for array in arrays)


@_in_place_of(np.vstack)
def vstack(arrays: Any) -> Any:
    return concatenate([np.atleast_2d(array) for array in arrays], 0)


@_in_place_of(np.hstack)
def hstack(arrays: Any) -> Any:
    arrays = [np.atleast_1d(array) for array in arrays]
    return concatenate(arrays, 0 if np.ndim(arrays[0]) == 1 else 1)


@_in_place_of(np.column_stack)
def column_stack(arrays: Any) -> Any:
    columns = [np.transpose(np.atleast_2d(a)) if np.ndim(a) < 2 else a for a in arrays]
    return concatenate(columns, 1)


@_in_place_of(np.append)
def append(x: Any, values: Any, axis: int | None = None) -> Any:
    return concatenate([x, values], axis)


def _flip_pullback(g: Any, out: Any, x: Any, axis: Axis) -> Any:
    return np.flip(g, axis)


def _roll_pullback(g: Any, out: Any, x: Any, shift: Any, axis: Axis) -> Any:
    return np.roll(g, tuple(np.negative(shift)) if np.ndim(shift) else -shift, axis)


_FLIP = _rule("flip", np.flip, _flip_pullback, sentence="Axes reversed.", rearranges=True)
_ROLL = _rule(
    "roll",
    np.roll,
    _roll_pullback,
    sentence="Elements shifted round along axes.",
    spelling=lambda node: (
        "roll(x0, shift)" if node.options["axis"] is None else "roll(x0, shift, axis=axis)"
    ),
    rearranges=True,
)


@_in_place_of(np.flip)
def flip(x: Any, axis: Axis = None) -> Any:
    return record(_FLIP, (x,), {"axis": axis})


@_in_place_of(np.roll)
def roll(x: Any, shift: Any, axis: Axis = None) -> Any:
    return record(_ROLL, (x,), {"shift": shift, "axis": axis})


@_in_place_of(np.repeat)
def repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    if axis is None or not np.ndim(x):
        x, axis = np.ravel(x), 0 if axis is None else axis
    return take(x, np.repeat(np.arange(_size_along(x, axis, "repeat")), repeats), axis)


@_in_place_of(np.tile)
def tile(x: Any, reps: Any) -> Any:
    reps = (reps,) if np.ndim(reps) == 0 else tuple(reps)
    shape = (1,) * (len(reps) - np.ndim(x)) + np.shape(x)
    reps = (1,) * (len(shape) - len(reps)) + reps
    apart = np.reshape(x, [n for size in shape for n in (1, size)])
    pairs = zip(reps, shape, strict=True)
    wide = np.broadcast_to(apart, [n for rep, size in pairs for n in (rep, size)])
    return np.reshape(wide, [rep * size for rep, size in zip(reps, shape, strict=True)])


def _pad_pullback(g: Any, out: Any, x: Any, pad_width: Any, constant_values: Any) -> Any:
    starts = np.broadcast_to(pad_width, (np.ndim(x), 2))[:, 0]
    return g[tuple(slice(a, a + n) for a, n in zip(starts.tolist(), np.shape(x), strict=True))]


_PAD = _rule(
    "pad",
    np.pad,
    _pad_pullback,
    sentence="Constants put round the array.",
    spelling=lambda node: (
        "pad(x0, pad_width, constant_values=constant_values)"
        if np.any(node.options["constant_values"])
        else "pad(x0, pad_width)"
    ),
)


@_in_place_of(np.pad)
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Any:
    if mode == "constant":
        constant_values = 0 if constant_values is None else constant_values
        return record(_PAD, (x,), {"pad_width": pad_width, "constant_values": constant_values})
    if constant_values is not None:
        raise ValueError(f"pad: constant_values are for mode='constant', not {mode!r}")
    if mode not in ("edge", "reflect", "symmetric", "wrap"):
        raise TypeError(
            f"pad of a Tensor has no derivative rule for mode={mode!r}: constant, edge, reflect, "
            "symmetric and wrap are supported"
        )
    places = np.pad(np.arange(np.size(x)).reshape(np.shape(x)), pad_width, mode=mode)  # type: ignore[call-overload]
    return getitem(np.ravel(x), places)


_ASTYPE = _rule(
    "astype",
    lambda x, dtype: np.asarray(x).astype(dtype),
    lambda g, out, x, dtype: g,
    sentence="The same numbers in another floating dtype.",
    spelling="asarray(x0, dtype)",
    **_RESHAPED,
)


@_in_place_of(np.ndarray.astype)
def astype(x: Any, dtype: Any) -> Any:
    return record(_ASTYPE, (x,), {"dtype": np.dtype(dtype)})


@_in_place_of(np.copy)
def copy(x: Any) -> Any:
    return +x


@_in_place_of(np.full_like)
def full_like(x: Any, fill_value: Any, dtype: Any = None, *, shape: Any = None) -> Any:
    like = np.empty_like(tensor.plain(x), dtype=dtype, shape=shape)
    if not isinstance(fill_value, Tensor):
        return np.full_like(like, fill_value)
    return astype(broadcast_to(fill_value, like.shape), like.dtype)


@_in_place_of(np.where)
def where(condition: Any, *branches: Any) -> Any:
    if not any(isinstance(branch, Tensor) for branch in branches):  # piecewise constant
        return np.where(tensor.plain(condition), *branches)
    return FUNCTIONS["where"](condition, *branches)


@_in_place_of(np.clip)
def clip(x: Any, a_min: Any = None, a_max: Any = None, **names: Any) -> Any:
    low, high = names.get("min", a_min), names.get("max", a_max)
    low, high = (-np.inf if low is None else low), (np.inf if high is None else high)
    return FUNCTIONS["clip"](x, low, high)
