"""Methods of NumPy's ufuncs, and ufuncs that are made of others, for Tensors."""

from __future__ import annotations

import operator
from types import ModuleType

import numpy as np
from numpy.typing import ArrayLike

from autograd_mini.core import tensor
from autograd_mini.core.operation import replaces
from autograd_mini.operations.softmax import logsumexp
from autograd_mini.typing import Array, Axis, Function, Operand


def newer(module: ModuleType, name: str) -> tuple[Function, ...]:
    """A function that the NumPy which is installed may be too old to have."""
    return (getattr(module, name),) if hasattr(module, name) else ()


@replaces(np.ufunc.outer)
def outer(ufunc: Function, a: Operand, b: Operand) -> Operand:
    return ufunc(np.reshape(a, np.shape(a) + (1,) * np.ndim(b)), b)


@replaces(np.ufunc.reduceat)
def reduceat(ufunc: Operand, x: Operand, indices: ArrayLike, axis: int | None = 0) -> Operand:
    axis = one_axis(axis, x)
    size, before = np.shape(x)[axis], (slice(None),) * (axis % np.ndim(x))
    starts = [int(i) for i in np.asarray(indices)]
    for start in starts:
        if not 0 <= start < size:
            raise IndexError(f"{ufunc.__name__}.reduceat: index {start} of an axis of size {size}")
    ends = [*starts[1:], size][: len(starts)]
    parts = [
        ufunc.reduce(x[(*before, slice(a, max(b, a + 1)))], axis=axis, keepdims=True)
        for a, b in zip(starts, ends, strict=True)
    ]
    return np.concatenate(parts, axis) if parts else x[(*before, slice(0))]


def one_axis(axis: Operand, x: Operand) -> int:
    """An axis; none is named where there is but one."""
    if isinstance(axis, tuple) and len(axis) == 1:
        axis = axis[0]
    return 0 if axis is None and np.ndim(x) == 1 else operator.index(axis)


@replaces(np.logaddexp.reduce)
def logaddexp_reduce(x: Operand, axis: Axis = 0, keepdims: bool = False) -> Operand:
    return logsumexp(x, axis, keepdims)


@replaces(np.logaddexp.accumulate)
def logaddexp_accumulate(x: Operand, axis: int | None = 0) -> Operand:
    """Logarithms of running sums, by doubling."""
    axis = one_axis(axis, x)
    rows = np.moveaxis(x, axis, -1)
    size, step = np.shape(rows)[-1], 1
    while step < size:
        joined = np.logaddexp(rows[..., step:], rows[..., :-step])
        rows = np.concatenate([rows[..., :step], joined], -1)
        step *= 2
    return np.moveaxis(rows, -1, axis)


@replaces(np.divmod)
def divmod_(x: Operand, y: Operand) -> tuple[Operand, Operand]:
    return np.floor_divide(x, y), np.remainder(x, y)


@replaces(np.modf)
def modf(x: Operand) -> tuple[Operand, Operand]:
    whole = np.trunc(x)
    return np.where(np.isinf(x), 0.0, x - whole), whole


@replaces(np.frexp)
def frexp(x: Operand) -> tuple[Operand, Array]:
    power = np.frexp(tensor.plain(x))[1]
    return np.ldexp(x, -power), power


@replaces(np.ldexp)
def ldexp(x: Operand, power: Operand) -> Operand:
    half = np.asarray(tensor.plain(power)) // 2  # in two steps, each of which is in range
    one = tensor.plain(x).dtype.type(1) if np.ndim(x) or hasattr(x, "dtype") else np.float64(1)
    return x * np.ldexp(one, half) * np.ldexp(one, tensor.plain(power) - half)


# Elementwise, of others


@replaces(np.exp2)
def exp2(x: Operand) -> Operand:
    return np.power(2.0, x)


@replaces(np.deg2rad, np.radians)
def deg2rad(x: Operand) -> Operand:
    return x * (np.pi / 180)


@replaces(np.rad2deg, np.degrees)
def rad2deg(x: Operand) -> Operand:
    return x * (180 / np.pi)


@replaces(np.fmax)
def fmax(x: Operand, y: Operand) -> Operand:
    return _of_known(np.maximum, x, y)


@replaces(np.fmin)
def fmin(x: Operand, y: Operand) -> Operand:
    return _of_known(np.minimum, x, y)


def _of_known(both: Function, x: Operand, y: Operand) -> Operand:
    """Of two numbers one of which is NaN the other."""
    x, y = np.where(np.isnan(x), y, x), np.where(np.isnan(y), x, y)
    return both(x, y)


@replaces(np.fmod)
def fmod(x: Operand, y: Operand) -> Operand:
    """The remainder with the sign of x."""
    size = np.abs(y)
    negative = -1.0 * np.remainder(-1.0 * x, size)  # of truth values there is no -x
    return np.where(tensor.plain(x) < 0, negative, np.remainder(x, size))


@replaces(np.copysign)
def copysign(x: Operand, y: Operand) -> Operand:
    same = np.signbit(tensor.plain(x)) == np.signbit(tensor.plain(y))
    return np.where(same, x, -1.0 * x) + still(y)


@replaces(np.logaddexp2)
def logaddexp2(x: Operand, y: Operand) -> Operand:
    return np.logaddexp(x * np.log(2), y * np.log(2)) / np.log(2)


@replaces(np.heaviside)
def heaviside(x: Operand, y: Operand) -> Operand:
    numbers = tensor.plain(x)
    step = np.where(numbers == 0, y, np.where(numbers > 0, 1.0, 0.0))
    return np.where(np.isnan(numbers), x, step + still(x))


def still(x: Operand) -> Operand:
    """Zeros that do not move with the numbers, but are recorded."""
    return np.where(np.ones(np.shape(x), bool), 0.0, x)


@replaces(np.spacing)
def spacing(x: Operand) -> Operand:
    return np.spacing(tensor.plain(x)) + still(x)


@replaces(np.nextafter)
def nextafter(x: Operand, y: Operand) -> Operand:
    step = np.nextafter(tensor.plain(x), tensor.plain(y)) - tensor.plain(x)
    return x + step + still(y)


@replaces(np.conjugate)
def conjugate(x: Operand) -> Operand:
    return x


@replaces(*newer(np, "vecdot"))
def vecdot(x: Operand, y: Operand, axis: int = -1) -> Operand:
    axis = operator.index(axis)
    x, y = np.moveaxis(x, axis, -1), np.moveaxis(y, axis, -1)
    if np.shape(x)[-1] != np.shape(y)[-1]:
        raise ValueError(
            f"vecdot: vectors of one size, not of {np.shape(x)[-1]} and {np.shape(y)[-1]}"
        )
    return np.sum(x * y, -1)


@replaces(*newer(np, "matvec"))
def matvec(x: Operand, y: Operand) -> Operand:
    _has_axes("matvec", x, 2, y, 1)
    return np.squeeze(np.matmul(x, np.expand_dims(y, -1)), -1)


@replaces(*newer(np, "vecmat"))
def vecmat(x: Operand, y: Operand) -> Operand:
    _has_axes("vecmat", x, 1, y, 2)
    return np.squeeze(np.matmul(np.expand_dims(x, -2), y), -2)


def _has_axes(name: str, x: Operand, of_x: int, y: Operand, of_y: int) -> None:
    if np.ndim(x) < of_x or np.ndim(y) < of_y:
        raise ValueError(
            f"{name}: {of_x} and {of_y} axes are needed, found {np.shape(x)} and {np.shape(y)}"
        )
