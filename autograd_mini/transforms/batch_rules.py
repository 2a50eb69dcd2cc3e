"""How functions of NumPy's go over all samples at once: the rules of ``batched``.

A rule is given the samples' level, the function and its arguments, and gives the result of all
samples, with the samples along its first axis; or ``NotImplemented`` where it does not know.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from autograd_mini.core.operation import axes_of
from autograd_mini.trees import leaves
from autograd_mini.typing import Axis, Function, Operand


class Opened:
    """The operands of a function at a level, as arrays of all samples."""

    def __init__(self, level: int) -> None:
        self._level = level

    def has(self, operand: Operand) -> bool:
        """Whether an operand is another one for each sample."""
        return getattr(operand, "level", 0) == self._level

    def alone(self, *operands: Operand) -> bool:
        """Whether none of these is (in a list or tuple either)."""
        return not any(map(self.has, leaves(operands)))

    def aligned(self, operand: Operand, ndim: int) -> Operand:
        """All samples, with axes of length 1 before those of a sample up to ``ndim``."""
        if not self.has(operand):
            return operand
        whole, missing = operand.whole, ndim - operand.ndim
        if missing <= 0:
            return whole
        shape = np.shape(whole)
        return np.reshape(whole, (shape[0], *(1,) * missing, *shape[1:]))

    def all_samples(self, operand: Operand, size: int) -> Operand:
        """All samples, also of what is the same for each."""
        if self.has(operand):
            return operand.whole
        return np.broadcast_to(operand, (size, *np.shape(operand)))


def _size(opened: Opened, *operands: Operand) -> int:
    return next(len(o.whole) for o in leaves(operands) if opened.has(o))


def elementwise(opened: Opened, function: Function, *args: Operand, **kwargs: Operand) -> Operand:
    if kwargs:
        return NotImplemented
    ndim = max(map(np.ndim, args))
    return function(*(opened.aligned(arg, ndim) for arg in args))


def _where(
    opened: Opened, function: Function, condition: Operand, x: Operand, y: Operand
) -> Operand:
    return elementwise(opened, function, condition, x, y)


def along(
    opened: Opened, function: Function, x: Operand, *args: Operand, **kwargs: Operand
) -> Operand:
    """What goes along axes that are named: all by default."""
    if (
        len(args) > 1
        or (args and "axis" in kwargs)
        or not opened.has(x)
        or not opened.alone(kwargs)
    ):
        return NotImplemented
    axis = args[0] if args else kwargs.get("axis")
    more = {name: option for name, option in kwargs.items() if name != "axis"}
    if not x.ndim:
        return NotImplemented
    if axis is None and function in _ORDERED:
        whole = np.reshape(x.whole, (len(x.whole), -1))
        return function(whole, axis=1, **more) if not more else NotImplemented
    return function(x.whole, axis=_later(axis, x.ndim), **more)


def _later(axis: Axis, ndim: int) -> tuple[int, ...] | int:
    """Axes of a sample as axes of all samples."""
    axis = tuple(axis) if isinstance(axis, list) else axis
    if isinstance(axis, tuple) or axis is None:
        for each in axis or ():
            normalize_axis_index(each, ndim)
        return tuple(1 + each for each in axes_of(axis, ndim))
    return 1 + normalize_axis_index(operator.index(axis), ndim)


def _along_last(
    opened: Opened, function: Function, x: Operand, *args: Operand, **kwargs: Operand
) -> Operand:
    """What goes along one axis: the last by default."""
    if args or not opened.has(x) or not x.ndim or not opened.alone(kwargs):
        return NotImplemented
    axis = kwargs.pop("axis", -1)
    if axis is None:
        return function(np.reshape(x.whole, (len(x.whole), -1)), axis=1, **kwargs)
    return function(x.whole, axis=_later(axis, x.ndim), **kwargs)


def _last_two(
    opened: Opened, function: Function, x: Operand, *args: Operand, **kwargs: Operand
) -> Operand:
    """Linear algebra over stacks of matrices."""
    if not opened.has(x) or x.ndim < 2 or not opened.alone(args, kwargs):
        return NotImplemented
    return function(x.whole, *args, **kwargs)


def _solve(opened: Opened, function: Function, a: Operand, b: Operand) -> Operand:
    ndim = max(np.ndim(a), np.ndim(b))
    if np.ndim(b) == 1:
        b = np.expand_dims(b, -1)
        return function(opened.aligned(a, ndim), opened.aligned(b, ndim))[..., 0]
    return function(opened.aligned(a, ndim), opened.aligned(b, ndim))


def _matmul(opened: Opened, function: Function, x: Operand, y: Operand) -> Operand:
    if not (np.ndim(x) and np.ndim(y)):
        return NotImplemented
    if np.ndim(x) == 1 and not opened.has(y) and np.ndim(y) == 2:
        return x.whole @ y
    row, column = np.ndim(x) == 1, np.ndim(y) == 1
    x = np.expand_dims(x, 0) if row else x
    y = np.expand_dims(y, -1) if column else y
    ndim = max(np.ndim(x), np.ndim(y))
    product = opened.aligned(x, ndim) @ opened.aligned(y, ndim)
    product = product[..., 0, :] if row else product
    return product[..., 0] if column else product


def _dot(opened: Opened, function: Function, x: Operand, y: Operand) -> Operand:
    if not (np.ndim(x) and np.ndim(y)):
        return elementwise(opened, np.multiply, x, y)
    if np.ndim(x) > 2 or np.ndim(y) > 2:
        return NotImplemented
    return _matmul(opened, np.matmul, x, y)


def _outer(opened: Opened, function: Function, x: Operand, y: Operand) -> Operand:
    rows, columns = np.expand_dims(np.ravel(x), -1), np.expand_dims(np.ravel(y), 0)
    return elementwise(opened, np.multiply, rows, columns)


def _einsum(opened: Opened, function: Function, *args: Operand, **kwargs: Operand) -> Operand:
    subscripts, *operands = args
    if not isinstance(subscripts, str) or "->" not in subscripts or "." in subscripts:
        return NotImplemented
    terms, out = subscripts.replace(" ", "").split("->")
    free = next((letter for letter in "zyxwvutsrqponmlkjihgfedcba" if letter not in subscripts), "")
    if not free:
        return NotImplemented
    pairs = zip(terms.split(","), operands, strict=True)
    terms = ",".join(free * opened.has(o) + term for term, o in pairs)
    return function(f"{terms}->{free}{out}", *(opened.aligned(o, 0) for o in operands), **kwargs)


def _norm(
    opened: Opened, function: Function, x: Operand, ord: object = None, axis: Axis = None
) -> Operand:
    if axis is None and (ord is not None and x.ndim != 1):
        return NotImplemented
    if axis is None:
        return function(np.reshape(x.whole, (len(x.whole), -1)), ord, axis=1)
    return function(x.whole, ord, axis=_later(axis, x.ndim))


def _reshape(opened: Opened, function: Function, x: Operand, shape: Operand = (-1,)) -> Operand:
    new = np.reshape(np.empty(x.shape, bool), shape).shape
    return np.reshape(x.whole, (len(x.whole), *new))


def _ravel(opened: Opened, function: Function, x: Operand) -> Operand:
    return np.reshape(x.whole, (len(x.whole), x.size))


def _transpose(opened: Opened, function: Function, a: Operand, axes: Operand = None) -> Operand:
    axes = range(a.ndim)[::-1] if axes is None else axes
    return np.transpose(a.whole, (0, *_later(tuple(axes), a.ndim)))  # type: ignore[misc]


def _moveaxis(
    opened: Opened, function: Function, a: Operand, source: Axis, destination: Axis
) -> Operand:
    return function(a.whole, _later(source, a.ndim), _later(destination, a.ndim))


def _expand_dims(opened: Opened, function: Function, a: Operand, axis: Axis) -> Operand:
    count = len(axis) if isinstance(axis, tuple) else 1
    return np.expand_dims(a.whole, _later(axis, a.ndim + count))


def _broadcast_to(opened: Opened, function: Function, array: Operand, shape: Operand) -> Operand:
    shape = tuple(shape) if np.ndim(shape) else (shape,)
    whole = opened.aligned(array, len(shape))
    return np.broadcast_to(whole, (len(whole), *shape))


def _concatenate(opened: Opened, function: Function, arrays: Operand, axis: Axis = 0) -> Operand:
    size = _size(opened, arrays)
    if axis is None:
        arrays, axis = [np.ravel(each) for each in arrays], 0
    ndim = np.ndim(arrays[0]) + (function is np.stack)
    return function([opened.all_samples(o, size) for o in arrays], axis=_later(axis, ndim))


def _take(
    opened: Opened, function: Function, a: Operand, indices: Operand, axis: Axis = None
) -> Operand:
    if not opened.has(a) or not opened.alone(indices) or axis is None:
        return NotImplemented
    return function(a.whole, indices, axis=_later(axis, a.ndim))


def _getitem(opened: Opened, function: Function, x: Operand, index: Operand) -> Operand:
    if opened.has(index) and index.dtype.kind in "iu":
        if not opened.has(x):
            return x[index.whole]
        size = len(x.whole)
        return x.whole[np.arange(size).reshape(size, *(1,) * index.ndim), index.whole]
    parts = index if isinstance(index, tuple) else (index,)
    basic = slice | type(Ellipsis) | type(None)
    named = [part for part in parts if not isinstance(part, basic)]
    numbers = [part for part in named if isinstance(part, int | np.integer)]
    if not opened.has(x) or not opened.alone(index) or (len(named) > 1 and named != numbers):
        return NotImplemented
    return x.whole[(slice(None), *parts)]


def _like(
    opened: Opened, function: Function, x: Operand, *args: Operand, **kwargs: Operand
) -> Operand:
    return function(np.empty(np.shape(x.whole), x.dtype), *args, **kwargs)


_ORDERED = {np.argmax, np.argmin, np.cumsum, np.cumprod}
"""What goes over all elements in their order where no axis is named."""

RULES: dict[Any, Function] = {
    operator.getitem: _getitem,
    np.matmul: _matmul,
    np.dot: _dot,
    np.outer: _outer,
    np.einsum: _einsum,
    np.linalg.norm: _norm,
    np.linalg.solve: _solve,
    np.reshape: _reshape,
    np.ravel: _ravel,
    np.transpose: _transpose,
    np.moveaxis: _moveaxis,
    np.swapaxes: _moveaxis,
    np.expand_dims: _expand_dims,
    np.broadcast_to: _broadcast_to,
    np.concatenate: _concatenate,
    np.stack: _concatenate,
    np.take: _take,
    np.where: _where,
    **dict.fromkeys([np.clip, np.real, np.imag, np.fix, np.copy], elementwise),
    **dict.fromkeys(
        [np.sum, np.mean, np.prod, np.max, np.min, np.amax, np.amin, np.var, np.std, np.all,
         np.any, np.ptp, np.nansum, np.nanmean, np.nanmax, np.nanmin, np.median,
         np.count_nonzero, *_ORDERED],
        along,
    ),
    **dict.fromkeys([np.sort, np.argsort, np.diff], _along_last),
    **dict.fromkeys(
        [np.linalg.inv, np.linalg.det, np.linalg.slogdet, np.linalg.cholesky, np.linalg.eigh,
         np.linalg.eigvalsh, np.linalg.svd, np.linalg.qr, np.linalg.pinv,
         np.linalg.matrix_power, np.tril, np.triu, np.matrix_transpose],
        _last_two,
    ),
    **dict.fromkeys([np.zeros_like, np.ones_like, np.empty_like], _like),
}  # fmt: skip

OF_SHAPE = {np.shape, np.ndim, np.size, np.iscomplexobj, np.isrealobj}
"""What depends on the shape and dtype alone, which all samples share."""
