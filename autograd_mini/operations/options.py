"""NumPy's reductions with options that are seldom given: dtype, where, initial, correction."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from autograd_mini.core import tensor
from autograd_mini.core.operation import replaces
from autograd_mini.operations.reductions import wide
from autograd_mini.typing import Axis, Operand


def _of_dtype(a: Operand, dtype: DTypeLike | None) -> Operand:
    return a if dtype is None else a.astype(dtype)


@replaces(np.sum, options=True)
def sum_(
    a: Operand,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    keepdims: bool = False,
    initial: Operand = 0,
    where: Operand = True,
) -> Operand:
    a = np.where(tensor.plain(where), _of_dtype(a, dtype), 0)
    return np.sum(a, axis, keepdims=keepdims) + initial


@replaces(np.prod, options=True)
def prod_(
    a: Operand,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    keepdims: bool = False,
    initial: Operand = 1,
    where: Operand = True,
) -> Operand:
    a = np.where(tensor.plain(where), _of_dtype(a, dtype), 1)
    return np.prod(a, axis, keepdims=keepdims) * initial


@replaces(np.max, options=True)
def max_(
    a: Operand,
    axis: Axis = None,
    out: None = None,
    keepdims: bool = False,
    initial: Operand = None,
    where: Operand = True,
) -> Operand:
    return _extreme(np.max, np.maximum, a, axis, keepdims, initial, where)


@replaces(np.min, options=True)
def min_(
    a: Operand,
    axis: Axis = None,
    out: None = None,
    keepdims: bool = False,
    initial: Operand = None,
    where: Operand = True,
) -> Operand:
    return _extreme(np.min, np.minimum, a, axis, keepdims, initial, where)


def _extreme(
    reduce: Operand,
    both: Operand,
    a: Operand,
    axis: Axis,
    keepdims: bool,
    initial: Operand,
    where: Operand,
) -> Operand:
    if initial is None:
        raise ValueError(
            f"{reduce.__name__} with where needs a number for no element: write initial=number"
        )
    a = np.where(tensor.plain(where), a, tensor.plain(initial))
    shape = np.max(np.empty(np.shape(a)), axis, keepdims=keepdims, initial=0).shape
    if not np.size(a):
        return np.broadcast_to(initial, shape) + 0 * np.sum(a)
    return both(reduce(a, axis, keepdims=keepdims), initial)


@replaces(np.mean, options=True)
def mean_(
    a: Operand,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    keepdims: bool = False,
    *,
    where: Operand = True,
) -> Operand:
    a = _of_dtype(a, dtype)
    count = _count(a, axis, keepdims, where)
    return np.sum(np.where(tensor.plain(where), a, 0), axis, keepdims=keepdims) / count


def _count(a: Operand, axis: Axis, keepdims: bool, where: Operand) -> Operand:
    counted = np.broadcast_to(tensor.plain(where), np.shape(a))
    return np.sum(counted, axis, keepdims=keepdims, dtype=wide(a).dtype)


@replaces(np.var, options=True)
def var_(
    a: Operand,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    where: Operand = True,
    mean: Operand = None,
    correction: float | None = None,
) -> Operand:
    a = _of_dtype(a, dtype)
    if mean is None:
        mean = mean_(a, axis, keepdims=True, where=where)
    away = np.where(tensor.plain(where), a - mean, 0)
    degrees = _count(a, axis, keepdims, where) - (ddof if correction is None else correction)
    return np.sum(away * away, axis, keepdims=keepdims) / np.maximum(degrees, 0)


@replaces(np.std, options=True)
def std_(
    a: Operand,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    where: Operand = True,
    mean: Operand = None,
    correction: float | None = None,
) -> Operand:
    variance = var_(
        a, axis, dtype, None, ddof, keepdims, where=where, mean=mean, correction=correction
    )
    zero = tensor.plain(variance) == 0  # where the derivative is taken to be 0, as without options
    return np.where(zero, 0, np.sqrt(np.where(zero, 1, variance)))


@replaces(np.cumsum, options=True)
def cumsum_(
    a: Operand, axis: int | None = None, dtype: DTypeLike | None = None, out: None = None
) -> Operand:
    return np.cumsum(_of_dtype(a, dtype), axis)


@replaces(np.cumprod, options=True)
def cumprod_(
    a: Operand, axis: int | None = None, dtype: DTypeLike | None = None, out: None = None
) -> Operand:
    return np.cumprod(_of_dtype(a, dtype), axis)
