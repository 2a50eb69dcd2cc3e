"""Softmax and its kin: log_softmax and logsumexp, without overflow."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_mini.core import tensor
from autograd_mini.core.operation import OPERATIONS, axes_of, define
from autograd_mini.core.rule import FUNCTIONS
from autograd_mini.core.tensor import record
from autograd_mini.interface.array_interface import ArrayInterface
from autograd_mini.interface.traced import as_array, called
from autograd_mini.operations.reductions import beside_operand, in_wide, restored, wide
from autograd_mini.other_libraries import refuse_options
from autograd_mini.typing import Axis, Operand


def _shifted(x: Operand, axis: Axis) -> tuple[Any, Any]:
    """Operands less the greatest of them, so that exp() stays finite, and this."""
    top = np.max(_real_numbers(x), axis=axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isinf(top), 0, top)
    return x - top, top


def _real_numbers(x: Operand) -> Operand:
    """The numbers of an array, real or complex, a Tensor, or an array of Values."""
    x = tensor.plain(x)
    if getattr(x, "dtype", np.dtype(float)).kind == "O":
        return np.frompyfunc(lambda each: getattr(each, "data", each), 1, 1)(x).astype(float)
    return np.real(x)


def _function(name: str, x: Operand) -> Operand:
    """A function of the table over numbers, real or complex, nodes, or an array of Values."""
    return getattr(np, name)(x) if np.iscomplexobj(tensor.plain(x)) else FUNCTIONS[name](x)


@in_wide
def _softmax(x: Operand, axis: Axis) -> Operand:
    e = np.exp(x - np.maximum.reduce(x, axis=axis, keepdims=True, initial=-np.inf))
    return e / np.add.reduce(e, axis=axis, keepdims=True)


def _softmax_pullback(g: Operand, out: Operand, x: Operand, axis: Axis) -> Operand:
    out, g = wide(out), wide(g)
    return out * (g - np.sum(g * out, axis=axis, keepdims=True))


def _softmax_parts(x: Operand, axis: Axis) -> Operand:
    e = _function("exp", _shifted(x, axis)[0])
    return e / np.sum(e, axis=axis, keepdims=True)


define(
    "softmax",
    _softmax,
    _softmax_pullback,
    call="x, axis=-1",
    reads="out",
    tangents=[_softmax_pullback],  # its Jacobian is symmetric
    parts=_softmax_parts,
    sentence="exp(x) / sum(exp(x)) over an axis, without overflow.",
    source="""def softmax(x, axis=None):
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)""",
    activates=True,
)


@in_wide
def _log_softmax(x: Operand, axis: Axis) -> Operand:
    shifted = x - np.maximum.reduce(x, axis=axis, keepdims=True, initial=-np.inf)
    return shifted - np.log(np.add.reduce(np.exp(shifted), axis=axis, keepdims=True))


def _log_softmax_pullback(g: Operand, out: Operand, x: Operand, axis: Axis) -> Operand:
    g = wide(g)
    return g - np.exp(wide(out)) * np.sum(g, axis=axis, keepdims=True)


def _log_softmax_parts(x: Operand, axis: Axis) -> Operand:
    shifted, _ = _shifted(x, axis)
    total = np.sum(_function("exp", shifted), axis=axis, keepdims=True)
    return shifted - _function("log", total)


define(
    "log_softmax",
    _log_softmax,
    _log_softmax_pullback,
    call="x, axis=-1",
    reads="out",
    tangents=[
        lambda t, out, x, axis: t - np.sum(np.exp(wide(out)) * wide(t), axis=axis, keepdims=True)
    ],
    parts=_log_softmax_parts,
    sentence="log(softmax(x)), without overflow.",
    source="""def log_softmax(x, axis=None):
    x = x - np.max(x, axis=axis, keepdims=True)
    return x - np.log(np.sum(np.exp(x), axis=axis, keepdims=True))""",
    activates=True,
)


@in_wide
def _logsumexp(x: Operand, axis: Axis, keepdims: bool) -> Operand:
    top = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isinf(top), 0, top)
    with np.errstate(divide="ignore"):
        found = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return found if keepdims else np.squeeze(found, axes_of(axis, np.ndim(x)))


def _logsumexp_pullback(
    g: Operand, out: Operand, x: Operand, axis: Axis, keepdims: bool
) -> Operand:
    """softmax(x), not exp(x - out), in which out has rounded; at infinity its limit."""
    x, g = wide(x), wide(g)
    top = np.max(tensor.plain(x), axis=axis, keepdims=True, initial=-np.inf)
    limit = np.where(tensor.plain(x) == np.inf, 0.0, -np.inf).astype(x.dtype)
    e = np.exp(FUNCTIONS["select"](np.isinf(top), limit, x - top))
    total = np.sum(e, axis=axis, keepdims=True)
    none = tensor.plain(total) == 0  # every element is -inf
    return restored(g, np.shape(x), axis, keepdims) * (e / np.where(none, 1, total))


def _logsumexp_parts(x: Operand, axis: Axis, keepdims: bool) -> Operand:
    over: Any = {"axis": axis, "keepdims": True}
    shifted, top = _shifted(x, axis)
    found = _function("log", np.sum(_function("exp", shifted), **over)) + top
    infinite = _real_numbers(x) == np.inf
    if infinite.any():  # the limit: the mean of what is infinite
        mean = np.sum(np.where(infinite, x, 0), **over) / np.maximum(np.sum(infinite, **over), 1)
        found = np.where(infinite.any(**over), mean, found)
    return found if keepdims else np.squeeze(found, axes_of(axis, np.ndim(x)))[()]


define(
    "logsumexp",
    _logsumexp,
    _logsumexp_pullback,
    call="x, axis=None, keepdims=False",
    reads="operands",
    parts=_logsumexp_parts,
    formulas=[
        lambda node: f"{beside_operand('g', node)} * exp(x0 - {beside_operand('out', node)})"
    ],
    reduces=True,
    sentence="log(sum(exp(x))) over axes, without overflow.",
    source="""def logsumexp(x, axis=None, keepdims=False):
    top = np.max(x, axis=axis, keepdims=True)
    found = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return found if keepdims else np.squeeze(found, axis)""",
)


def _apply(name: str, x: Operand, more: dict[str, Any], **options: Any) -> Operand:
    """Softmax or its kin, of an array, a Tensor, or an array of Values by their own operations."""
    if more:
        refuse_options(name, more)
    operation = OPERATIONS[name]
    if isinstance(x, ArrayInterface):
        return record(operation, (x,), options)
    x = as_array(x)
    if x.dtype == object and operation.parts:
        return operation.parts(x, **options)
    return called(operation.forward, x, **options)


def softmax(x: Operand, axis: Axis = -1, **more: object) -> Operand:
    """``exp(x) / sum(exp(x))`` over an axis, without overflow; same shape as x.

    Takes an array, a Tensor, or an object array of Values.

    >>> softmax(np.array([0.0, 0.0, 1000.0]))
    array([0., 0., 1.])
    """
    return _apply("softmax", x, more, axis=axis)


def log_softmax(x: Operand, axis: Axis = -1, **more: object) -> Operand:
    """``log(softmax(x))`` over an axis, without overflow; same shape as x.

    >>> log_softmax(np.array([0.0, -1000.0]))
    array([    0., -1000.])
    """
    return _apply("log_softmax", x, more, axis=axis)


def logsumexp(x: Operand, axis: Axis = None, keepdims: bool = False, **more: object) -> Operand:
    """``log(sum(exp(x)))`` over axes, without overflow.

    >>> float(logsumexp(np.array([1000.0, 1000.0])).round(4))
    1000.6931
    """
    return _apply("logsumexp", x, more, axis=axis, keepdims=keepdims)
