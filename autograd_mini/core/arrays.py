"""Operations on whole arrays: products, reductions, softmax and its kin, shapes.

Each is one block: ``define`` enters it under its name, and in place of NumPy's functions.  A
pullback takes the upstream gradient ``g``, the result ``out``, the operands, and options by
keyword, and gives the gradient of one operand.  It is plain NumPy code: over arrays it computes,
over Tensors it is recorded, and so every pullback can be differentiated again.

>>> inv = define(
...     "inv",
...     np.linalg.inv,
...     lambda g, out, x: -(np.matrix_transpose(out) @ g @ np.matrix_transpose(out)),
...     numpy=np.linalg.inv,
...     reads="out",
...     sentence="Inverse of a square matrix.",
... )
>>> x = Tensor([[2.0, 0.0], [0.0, 4.0]])
>>> np.sum(np.linalg.inv(x)).backward()
>>> x.grad
array([[-0.25  , -0.125 ],
       [-0.125 , -0.0625]])
"""

from __future__ import annotations

import functools
import math
import string
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd_mini.core import tensor
from autograd_mini.core.indexing import scattered
from autograd_mini.core.operation import OPERATIONS, Function, axes_of, define, replaces
from autograd_mini.core.rule import FUNCTIONS
from autograd_mini.core.tensor import Axis, Tensor, record
from autograd_mini.other_libraries import refuse_options

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
    broadcasts=True,
    spelling="x0 @ x1",
    axes=_matmul_axes,
    sentence="Matrix product, also of stacks of matrices.",
    symbol="@",
)


def _affine(x: Any, weight: Any, bias: Any) -> Any:
    x, weight, bias = np.asarray(x), np.asarray(weight), np.asarray(bias)
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
    broadcasts=True,
    parts=lambda x, weight, bias: x @ weight + bias,
    fused=True,
    spelling="x0 @ x1 + x2",
    sentence="x @ weight + bias: a layer of neurons, as one operation.",
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
        return _recorded_affine(x, weight, bias)
    return _affine(x, weight, bias)


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
        if np.shape(share) != diagonal:  # a letter of size 1 here or elsewhere, which was repeated
            share = np.broadcast_to(share, np.broadcast_shapes(np.shape(share), diagonal))
            share = tensor.unbroadcast(share, diagonal)
        grid = np.ix_(*[np.arange(size) for size in diagonal])
        share = scattered(share, tuple(grid[letters.index(s)] for s in mine), shape)
    return share


_recorded_einsum = define(
    "einsum",
    _einsum,
    _einsum_pullback,
    several=True,
    reads="operands",
    broadcasts=True,
    spelling="einsum(subscripts, xs)",
    sentence="Sum of products over named axes.",
)


@replaces(np.einsum)
def einsum(subscripts: Any, *operands: Any, optimize: Any = True) -> Any:
    if not isinstance(subscripts, str):
        raise TypeError("einsum of Tensors: write the subscripts as text, such as 'ij,jk->ik'")
    return record(OPERATIONS["einsum"], operands, {"subscripts": _explicit(subscripts, operands)})


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


def _restore(g: Any, shape: tuple[int, ...], axis: Axis, keepdims: bool) -> Any:
    """A reduction's gradient or result, with the reduced axes back as axes of size 1."""
    if keepdims:
        return g
    return np.expand_dims(g, axis if shape and type(axis) is int else axes_of(axis, len(shape)))


def _count(shape: tuple[int, ...], axis: Axis) -> int:
    return int(np.prod([shape[a] for a in axes_of(axis, len(shape))], dtype=int))


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


def _beside_operand(name: str, node: Tensor) -> str:
    """A reduction's gradient or result, as a text that fits the operand's shape."""
    axis, axes = node.options["axis"], axes_of(node.options["axis"], np.ndim(node.parents[0]))
    # Leading axes need not be put back: NumPy adds them itself
    leads = node.options["keepdims"] or sorted(axes) == list(range(len(axes)))
    return name if leads else f"expand_dims({name}, {axis})"


def _over_axes(node: Tensor) -> str:
    axis = node.options["axis"]
    return "keepdims=True" if axis is None else f"axis={axis}, keepdims=True"


@_in_wide
def _sum(x: Any, axis: Axis, keepdims: bool) -> Any:
    return np.sum(x, axis=axis, keepdims=keepdims)


def _sum_pullback(g: Any, out: Any, x: Any, axis: Axis, keepdims: bool) -> Any:
    return np.broadcast_to(_restore(g, np.shape(x), axis, keepdims), np.shape(x))


_OVER_AXES = "x, axis=None, *, keepdims=False"

sum_ = define(
    "sum",
    _sum,
    _sum_pullback,
    call=_OVER_AXES,
    numpy=np.sum,
    reduces=True,
    sentence="Sum over axes.",
)


def _mean_pullback(g: Any, out: Any, x: Any, axis: Axis, keepdims: bool) -> Any:
    return _sum_pullback(_wide(g) / _count(np.shape(x), axis), out, x, axis, keepdims)


mean = define(
    "mean",
    np.mean,
    _mean_pullback,
    call=_OVER_AXES,
    numpy=np.mean,
    parts=lambda x, axis, keepdims: (
        np.sum(x, axis=axis, keepdims=keepdims) / _count(np.shape(x), axis)
    ),
    reduces=True,
    sentence="Mean over axes.",
)


def _var_pullback(g: Any, out: Any, x: Any, axis: Axis, keepdims: bool, ddof: int) -> Any:
    x, g = _wide(x), _wide(g)
    degrees = x.dtype.type(max(_count(np.shape(x), axis) - ddof, 0))  # a divisor of 0 gives NaN
    centred = x - np.mean(x, axis=axis, keepdims=True)
    return _restore(g, np.shape(x), axis, keepdims) * (2 / degrees * centred)


def _var_parts(x: Any, axis: Axis, keepdims: bool, ddof: int) -> Any:
    centred = x - np.mean(x, axis=axis, keepdims=True)
    squares = np.sum(centred * centred, axis=axis, keepdims=keepdims)
    return squares / np.float64(max(_count(np.shape(x), axis) - ddof, 0))


var = define(
    "var",
    _in_wide(np.var),
    _var_pullback,
    call="x, axis=None, *, ddof=0, keepdims=False",
    numpy=np.var,
    reads="operands",
    parts=_var_parts,
    reduces=True,
    sentence="Variance over axes.",
)


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


def _scaled(x: Any, power: Any) -> Any:
    """``x * 2**power``, in two steps that stay in range if the result does."""
    power = np.minimum(power, 2 * np.finfo(x.dtype).maxexp - 2)  # 0 times infinity would be NaN
    half = power // 2
    one = x.dtype.type(1)
    return x * np.ldexp(one, half) * np.ldexp(one, power - half)


def _std_pullback(g: Any, out: Any, x: Any, axis: Axis, keepdims: bool, ddof: int) -> Any:
    g, out, x = (_wide(each) for each in (g, out, x))
    x, out = _in_range(x, out, axis, lambda x: np.std(x, axis=axis, keepdims=keepdims, ddof=ddof))
    safe = np.where(out == 0, 1, 2 * out)
    return _var_pullback(np.where(out == 0, 0, g / safe), out, x, axis, keepdims, ddof)


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


def _is_zero(out: Any, *operands: Any, **options: Any) -> Any:
    return out == 0


std = define(
    "std",
    _in_wide(np.std),
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
    axes = axes_of(axis, len(shape))
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


def _prod_formula(node: Tensor) -> str:
    g, out = _beside_operand("g", node), _beside_operand("out", node)
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


prod = define(
    "prod",
    np.prod,
    _prod_pullback,
    call=_OVER_AXES,
    numpy=np.prod,
    reads="operands",
    formulas=[_prod_formula],
    reduces=True,
    sentence="Product over axes.",
)


def _extremes(out: Any, x: Any, axis: Axis, keepdims: bool) -> Any:
    """The elements that are the greatest, or least, as truth values."""
    equal: Any = tensor.plain(x) == _restore(tensor.plain(out), np.shape(x), axis, keepdims)
    return equal


def _ties(out: Any, x: Any, axis: Axis, keepdims: bool) -> Any:
    ties = _extremes(out, x, axis, keepdims)
    return ties & (np.sum(ties, axis=axis, keepdims=True) > 1)


def _extreme_pullback(g: Any, out: Any, x: Any, axis: Axis, keepdims: bool) -> Any:
    ties = _extremes(out, x, axis, keepdims)
    g = _wide(_restore(g, np.shape(x), axis, keepdims))
    shares = np.sum(ties, axis=axis, keepdims=True).astype(g.dtype)
    nothing = np.where(shares == 0, np.nan, 0).astype(g.dtype)  # no element equals NaN
    return np.where(ties, g / shares, nothing)


def _extreme_formula(node: Tensor) -> str:
    g, out = _beside_operand("g", node), _beside_operand("out", node)
    axis, x = node.options["axis"], tensor.plain(node.parents[0])
    ties = x == _restore(node.data, x.shape, axis, node.options["keepdims"])
    shares = f" / sum(x0 == {out}, {_over_axes(node)})" * bool(np.sum(ties) > node.size)
    return f"{g} * (x0 == {out}){shares}"


def _mean_of_extremes(reduce: Function) -> Function:
    """The greatest, or least, elements' mean: the same, and made of analytic operations."""

    def analytic(x: Any, axis: Axis, keepdims: bool) -> Any:
        ties = np.real(x) == reduce(np.real(x), axis=axis, keepdims=True)
        total = np.sum(np.where(ties, x, 0), axis=axis, keepdims=keepdims)
        return total / np.sum(ties, axis=axis, keepdims=keepdims)

    return analytic


max_ = define(
    "max",
    np.max,
    _extreme_pullback,
    call=_OVER_AXES,
    numpy=(np.max, np.amax),
    reads="operands out",
    kinks=_ties,
    branches=_extremes,
    analytic=_mean_of_extremes(np.max),
    formulas=[_extreme_formula],
    reduces=True,
    sentence="Greatest element over axes; equal ones share the gradient equally.",
)

min_ = define(
    "min",
    np.min,
    _extreme_pullback,
    call=_OVER_AXES,
    numpy=(np.min, np.amin),
    reads="operands out",
    kinks=_ties,
    branches=_extremes,
    analytic=_mean_of_extremes(np.min),
    formulas=[_extreme_formula],
    reduces=True,
    sentence="Least element over axes; equal ones share the gradient equally.",
)


def _cumsum_pullback(g: Any, out: Any, x: Any, axis: int | None) -> Any:
    axis = None if np.ndim(x) == 0 else axis
    return np.reshape(np.flip(np.cumsum(np.flip(_wide(g), axis), axis), axis), np.shape(x))


cumsum = define(
    "cumsum",
    _in_wide(np.cumsum),
    _cumsum_pullback,
    call="x, axis=None",
    numpy=np.cumsum,
    sentence="Running sum along an axis.",
)


@_in_wide
def _norm(x: Any, axis: Axis, keepdims: bool, ord: float = 2) -> Any:
    if ord == 2:
        return np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims))
    with np.errstate(divide="ignore"):  # of a negative order, an element of 0 makes the norm 0
        return np.sum(np.abs(x) ** ord, axis=axis, keepdims=keepdims) ** (1 / ord)


def _norm_pullback(g: Any, out: Any, x: Any, axis: Axis, keepdims: bool, ord: float = 2) -> Any:
    def again(x: Any) -> Any:
        options = {"axis": axis, "keepdims": keepdims, "ord": ord}
        return norm(x, **options) if isinstance(x, Tensor) else _norm(x, **options)

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


def _norm_formula(node: Tensor) -> str | None:
    """Where it is 0; elsewhere the pullback is a formula."""
    if np.all(node.data):
        return None
    g, out = _beside_operand("g", node), _beside_operand("out", node)
    ratio = f"where({out} == 0, 0, {g}) * x0 / where({out} == 0, 1, {out})"
    more: float = node.options.get("ord", 2) - 2
    return ratio + f" * (abs(x0) / where({out} == 0, 1, {out})) ** {more}" * (more != 0)


def _norm_parts(x: Any, axis: Axis, keepdims: bool, ord: float = 2) -> Any:
    if ord == 2:
        return np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims))
    size = np.where(np.real(x) < 0, -x, x) if np.iscomplexobj(x) else np.abs(x)
    return np.sum(size**ord, axis=axis, keepdims=keepdims) ** (1 / ord)


norm = define(
    "norm",
    _norm,
    _norm_pullback,
    call="x, axis=None, keepdims=False, ord=2",
    reads="operands out",
    parts=_norm_parts,
    kinks=_is_zero,
    formulas=[_norm_formula],
    reduces=True,
    sentence="Norm over axes, Euclidean or of another order; "
    "its derivative where it or an element is 0 is taken to be 0.",
)


# Softmax and its kin


def _shifted(x: Any, axis: Axis) -> tuple[Any, Any]:
    """Operands less the greatest of them, so that exp() stays finite, and this."""
    top = np.max(_real_numbers(x), axis=axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isinf(top), 0, top)
    return x - top, top


def _real_numbers(x: Any) -> Any:
    """The numbers of an array, real or complex, a Tensor, or an array of Values."""
    x = tensor.plain(x)
    if getattr(x, "dtype", np.dtype(float)).kind == "O":
        return np.frompyfunc(lambda each: getattr(each, "data", each), 1, 1)(x).astype(float)
    return np.real(x)


def _function(name: str, x: Any) -> Any:
    """A function of the table over numbers, real or complex, nodes, or an array of Values."""
    return getattr(np, name)(x) if np.iscomplexobj(tensor.plain(x)) else FUNCTIONS[name](x)


@_in_wide
def _softmax(x: Any, axis: Axis) -> Any:
    e = np.exp(x - np.maximum.reduce(x, axis=axis, keepdims=True, initial=-np.inf))
    return e / np.add.reduce(e, axis=axis, keepdims=True)


def _softmax_pullback(g: Any, out: Any, x: Any, axis: Axis) -> Any:
    out, g = _wide(out), _wide(g)
    return out * (g - np.sum(g * out, axis=axis, keepdims=True))


def _softmax_parts(x: Any, axis: Axis) -> Any:
    e = _function("exp", _shifted(x, axis)[0])
    return e / np.sum(e, axis=axis, keepdims=True)


_recorded_softmax = define(
    "softmax",
    _softmax,
    _softmax_pullback,
    call="x, axis=-1",
    reads="out",
    parts=_softmax_parts,
    sentence="exp(x) / sum(exp(x)) over an axis, without overflow.",
    source="""def softmax(x, axis=None):
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)""",
    activates=True,
)


@_in_wide
def _log_softmax(x: Any, axis: Axis) -> Any:
    shifted = x - np.maximum.reduce(x, axis=axis, keepdims=True, initial=-np.inf)
    return shifted - np.log(np.add.reduce(np.exp(shifted), axis=axis, keepdims=True))


def _log_softmax_pullback(g: Any, out: Any, x: Any, axis: Axis) -> Any:
    g = _wide(g)
    return g - np.exp(_wide(out)) * np.sum(g, axis=axis, keepdims=True)


def _log_softmax_parts(x: Any, axis: Axis) -> Any:
    shifted, _ = _shifted(x, axis)
    total = np.sum(_function("exp", shifted), axis=axis, keepdims=True)
    return shifted - _function("log", total)


_recorded_log_softmax = define(
    "log_softmax",
    _log_softmax,
    _log_softmax_pullback,
    call="x, axis=-1",
    reads="out",
    parts=_log_softmax_parts,
    sentence="log(softmax(x)), without overflow.",
    source="""def log_softmax(x, axis=None):
    x = x - np.max(x, axis=axis, keepdims=True)
    return x - np.log(np.sum(np.exp(x), axis=axis, keepdims=True))""",
    activates=True,
)


@_in_wide
def _logsumexp(x: Any, axis: Axis, keepdims: bool) -> Any:
    top = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isinf(top), 0, top)
    with np.errstate(divide="ignore"):
        found = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return found if keepdims else np.squeeze(found, axes_of(axis, np.ndim(x)))


def _logsumexp_pullback(g: Any, out: Any, x: Any, axis: Axis, keepdims: bool) -> Any:
    """softmax(x), not exp(x - out), in which out has rounded; at infinity its limit."""
    x, g = _wide(x), _wide(g)
    top = np.max(tensor.plain(x), axis=axis, keepdims=True, initial=-np.inf)
    limit = np.where(tensor.plain(x) == np.inf, 0.0, -np.inf).astype(x.dtype)
    e = np.exp(FUNCTIONS["select"](np.isinf(top), limit, x - top))
    total = np.sum(e, axis=axis, keepdims=True)
    none = tensor.plain(total) == 0  # every element is -inf
    return _restore(g, np.shape(x), axis, keepdims) * (e / np.where(none, 1, total))


def _logsumexp_parts(x: Any, axis: Axis, keepdims: bool) -> Any:
    over: Any = {"axis": axis, "keepdims": True}
    shifted, top = _shifted(x, axis)
    found = _function("log", np.sum(_function("exp", shifted), **over)) + top
    infinite = _real_numbers(x) == np.inf
    if infinite.any():  # the limit: the mean of what is infinite
        mean = np.sum(np.where(infinite, x, 0), **over) / np.maximum(np.sum(infinite, **over), 1)
        found = np.where(infinite.any(**over), mean, found)
    return found if keepdims else np.squeeze(found, axes_of(axis, np.ndim(x)))[()]


_recorded_logsumexp = define(
    "logsumexp",
    _logsumexp,
    _logsumexp_pullback,
    call="x, axis=None, keepdims=False",
    reads="operands",
    parts=_logsumexp_parts,
    formulas=[
        lambda node: f"{_beside_operand('g', node)} * exp(x0 - {_beside_operand('out', node)})"
    ],
    reduces=True,
    sentence="log(sum(exp(x))) over axes, without overflow.",
    source="""def logsumexp(x, axis=None, keepdims=False):
    top = np.max(x, axis=axis, keepdims=True)
    found = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return found if keepdims else np.squeeze(found, axis)""",
)


def _apply(function: Function, x: Any, more: dict[str, Any], **options: Any) -> Any:
    """Softmax or its kin, of an array, a Tensor, or an array of Values by their own operations."""
    operation = OPERATIONS[function.__name__]
    if more:
        refuse_options(operation.name, more)
    if isinstance(x, Tensor):
        return function(x, **options)
    x = np.asarray(x)
    if x.dtype == object and operation.parts:
        return operation.parts(x, **options)
    return operation.forward(x, **options)


def softmax(x: Any, axis: Axis = -1, **more: Any) -> Any:
    """``exp(x) / sum(exp(x))`` over an axis, without overflow; same shape as x.

    Takes an array, a Tensor, or an object array of Values.

    >>> softmax(np.array([0.0, 0.0, 1000.0]))
    array([0., 0., 1.])
    """
    return _apply(_recorded_softmax, x, more, axis=axis)


def log_softmax(x: Any, axis: Axis = -1, **more: Any) -> Any:
    """``log(softmax(x))`` over an axis, without overflow; same shape as x.

    >>> log_softmax(np.array([0.0, -1000.0]))
    array([    0., -1000.])
    """
    return _apply(_recorded_log_softmax, x, more, axis=axis)


def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False, **more: Any) -> Any:
    """``log(sum(exp(x)))`` over axes, without overflow.

    >>> float(logsumexp(np.array([1000.0, 1000.0])).round(4))
    1000.6931
    """
    return _apply(_recorded_logsumexp, x, more, axis=axis, keepdims=keepdims)


# Shapes


def _reshape_pullback(g: Any, out: Any, x: Any, **options: Any) -> Any:
    return np.reshape(g, np.shape(x))


_RESHAPED: dict[str, Any] = {"rearranges": True, "keeps_order": True}


reshape = define(
    "reshape",
    lambda x, shape: np.reshape(x, shape),  # by position: NumPy 2.0 has another name for it
    _reshape_pullback,
    call="x, shape",
    spelling="reshape(x0, shape)",
    **_RESHAPED,
    sentence="The same elements in another shape.",
)

ravel = define(
    "ravel",
    np.ravel,
    _reshape_pullback,
    numpy=np.ravel,
    sentence="The elements as one axis.",
    **_RESHAPED,
)

squeeze = define(
    "squeeze",
    np.squeeze,
    _reshape_pullback,
    call="x, axis=None",
    numpy=np.squeeze,
    sentence="Axes of size 1 removed.",
    **_RESHAPED,
)

expand_dims = define(
    "expand_dims",
    np.expand_dims,
    _reshape_pullback,
    call="x, axis",
    numpy=np.expand_dims,
    spelling="expand_dims(x0, axis)",
    sentence="Axes of size 1 inserted.",
    **_RESHAPED,
)


def _transpose_pullback(g: Any, out: Any, x: Any, axes: Any) -> Any:
    return np.transpose(g, None if axes is None else np.argsort([a % len(axes) for a in axes]))


def _transpose_spelling(node: Tensor) -> str:
    if node.ndim == 2 and np.argmax(node.options["axes"] or (1, 0)) == 0:
        return "x0.T"
    return "transpose(x0)" if node.options["axes"] is None else "transpose(x0, axes)"


def _swapaxes_spelling(node: Tensor) -> str:
    axes = {node.options[axis] % node.ndim for axis in ("axis1", "axis2")}
    if axes == {node.ndim - 2, node.ndim - 1}:
        return "x0.T" if node.ndim == 2 else "x0.mT"  # mT exchanges the last two
    return "swapaxes(x0, axis1, axis2)"


transpose = define(
    "transpose",
    np.transpose,
    _transpose_pullback,
    call="x, axes=None",
    spelling=_transpose_spelling,
    rearranges=True,
    moves_axes=True,
    sentence="Axes in another order.",
)

moveaxis = define(
    "moveaxis",
    np.moveaxis,
    lambda g, out, x, source, destination: np.moveaxis(g, destination, source),
    call="x, source, destination",
    numpy=np.moveaxis,
    spelling="moveaxis(x0, source, destination)",
    rearranges=True,
    moves_axes=True,
    sentence="Axes moved elsewhere.",
)

swapaxes = define(
    "swapaxes",
    np.swapaxes,
    lambda g, out, x, axis1, axis2: np.swapaxes(g, axis1, axis2),
    call="x, axis1, axis2",
    numpy=np.swapaxes,
    spelling=_swapaxes_spelling,
    rearranges=True,
    moves_axes=True,
    sentence="Two axes exchanged.",
)

broadcast_to = define(
    "broadcast_to",
    np.broadcast_to,
    lambda g, out, x, shape: g,
    call="x, shape",
    numpy=np.broadcast_to,
    broadcasts=True,
    spelling="broadcast_to(x0, shape)",
    rearranges=True,
    sentence="Repeated along axes of size 1 to a shape.",
)

astype = define(
    "astype",
    lambda x, dtype: np.asarray(x).astype(dtype),
    lambda g, out, x, dtype: g,
    call="x, dtype",
    analytic=lambda x, dtype: x,
    spelling="asarray(x0, dtype)",
    **_RESHAPED,
    sentence="The same numbers in another floating dtype.",
)
