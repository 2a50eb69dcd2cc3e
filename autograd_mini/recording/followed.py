"""What is called in the place of functions that NumPy's protocols do not reach."""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from autograd_mini.core.modes import is_ours
from autograd_mini.core.rule import RULES
from autograd_mini.core.tensor import Tensor
from autograd_mini.files import is_users
from autograd_mini.recording import arrays, functions, tape, ufuncs
from autograd_mini.recording.memory import node_of
from autograd_mini.recording.scalars import RecordedFloat, RecordedNumber, applied, plain_number
from autograd_mini.recording.scipy_functions import of_scipy
from autograd_mini.typing import Function, Operand

Inner = Callable[[Any], Any]


def in_place_of(function: Operand, inner: Inner) -> Operand:
    """What is called in the place of a function; most come back as they are."""
    try:
        ours = _FOLLOWED.get(function)
    except TypeError:  # it has no hash
        return function
    if ours is not None:
        return ours
    if function in _OF_FUNCTIONS:
        return lambda f, *args, **options: _OF_FUNCTIONS[function](inner, f, *args, **options)
    if isinstance(function, np.ufunc) or hasattr(function, "_implementation"):
        return _with_recorded_lists(function)
    owner = getattr(function, "__self__", None)
    if isinstance(owner, np.ufunc):
        return _with_recorded_lists(function)
    if type(owner) in (np.ndarray, np.matrix) and isinstance(function, types.BuiltinFunctionType):
        recorded = arrays.as_recorded(owner)
        if recorded is owner:  # whole numbers, whose product with floats is recorded all the same
            return partial(np.dot, owner) if function.__name__ == "dot" else function
        return getattr(recorded, function.__name__)
    if owner is math:
        return _of_math(function)
    ours = of_scipy(function)
    if ours is not None:
        return lambda *args, **options: functions.called(function, args, options, ours)
    return _watched(function, inner) if _is_foreign(function) else function


def _is_foreign(function: Function) -> bool:
    """Whether it is a function of a library that nothing is known of."""
    if isinstance(function, types.FunctionType):
        return not is_users(function.__code__.co_filename) and not is_ours(function.__code__)
    if isinstance(getattr(function, "__self__", None), _GENERATORS):
        return True
    module = getattr(function, "__module__", None)
    return isinstance(function, types.BuiltinFunctionType) and module not in (None, "builtins")


_GENERATORS = (np.random.Generator, np.random.RandomState)


def _watched(function: Function, inner: Inner) -> Function:
    """A function of which it is said if what it gives of recorded arrays is not recorded.

    What it calls is followed, as by ``functools.reduce``.
    """

    def called(*args: Operand, **options: Operand) -> Operand:
        args = tuple(inner(each) if isinstance(each, _FUNCTIONS) else each for each in args)
        found = function(*args, **options)
        open_tape = tape.current()
        if open_tape is None or not any(map(_depends, (*args, *options.values()))):
            return found
        several = found if isinstance(found, list | tuple) else (found,)
        if any(_is_lost(each) for each in several):
            open_tape.note(ufuncs.counts_as_constant(function))
        return found

    return called


_FUNCTIONS = (types.FunctionType, types.MethodType, types.BuiltinFunctionType)


def _depends(value: Operand) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_depends, value))
    return node_of(value) is not None


def _is_lost(value: Operand) -> bool:
    """Whether it is made of floats and constant."""
    kind = np.asarray(value).dtype.kind if isinstance(value, np.ndarray | np.generic) else ""
    return (kind in tuple("fc") or isinstance(value, float)) and node_of(value) is None


def _with_recorded_lists(function: Operand) -> Operand:
    """A function of arrays that takes lists of recorded numbers for them."""
    joins = function in _JOINING

    def called(*args: Operand, **options: Operand) -> Operand:
        if any(isinstance(each, list | tuple) for each in (*args, *options.values())):
            args = tuple(_listed(each, joins) for each in args)
            options = {name: _listed(each, joins) for name, each in options.items()}
        found = function(*args, **options)
        return arrays.as_recorded(found)

    return called


def _listed(value: Operand, joins: bool) -> Operand:
    if not isinstance(value, list | tuple) or not arrays.has_recorded(value):
        return value
    return type(value)(map(arrays.with_lists, value)) if joins else arrays.with_lists(value)


_JOINING = {
    np.concatenate, np.stack, np.vstack, np.hstack, np.dstack, np.column_stack, np.block,
    np.append, np.linalg.multi_dot, np.choose, np.select, np.broadcast_arrays,
}  # fmt: skip
"""Functions that take a list of arrays, not a list for an array."""


def _array(
    value: Operand, dtype: Operand = None, *args: Operand, copy: Operand = True, **options: Operand
) -> Operand:
    if isinstance(value, arrays.RecordedArray) or type(value) is np.ndarray:
        kind = value.dtype.kind if dtype is None else np.dtype(dtype).kind
        if kind == "f" and value.dtype.kind == "f":
            value = arrays.as_recorded(value)
            found = np.copy(value, options.get("order", "K")) if copy else value
            missing = options.get("ndmin", 0) - found.ndim
            return np.expand_dims(found, tuple(range(missing))) if missing > 0 else found
    if arrays.has_recorded(value):
        return functions.array(value, dtype, *args, **options)
    if dtype is not None and np.dtype(dtype).kind == "f":
        dtype = np.float64
    return arrays.as_recorded(np.array(value, dtype, *args, copy=copy, **options))


def _asarray(
    value: Operand, dtype: Operand = None, order: Operand = None, **options: Operand
) -> Operand:
    return _array(value, dtype, copy=None)


def _matrix(data: Operand, dtype: Operand = None, copy: bool = True) -> Operand:
    """``np.matrix``, of a matrix of numbers that are written as a text, too."""
    if isinstance(data, str):
        return arrays.as_recorded(np.matrix(data, dtype))
    return arrays.as_recorded(np.asmatrix(_array(data, dtype, copy=copy or None)))


def _asmatrix(data: Operand, dtype: Operand = None) -> Operand:
    return _matrix(data, dtype, copy=False)


def _fresh(function: Operand) -> Operand:
    def called(*args: Operand, **options: Operand) -> Operand:
        dtype = options.get("dtype")
        if dtype is not None and np.dtype(dtype).kind == "f":
            options["dtype"] = np.float64
        args = (
            tuple(np.float64 if each in (np.float32, np.float16) else each for each in args)
            if any(each is np.float32 or each is np.float16 for each in args)
            else args
        )
        return arrays.as_recorded(function(*args, **options))

    return called


def _float(value: Operand = 0.0) -> Operand:
    if isinstance(value, arrays.RecordedArray):
        return value.item()
    if isinstance(value, RecordedFloat | RecordedNumber):
        return RecordedFloat(value, value.node)
    return float(value)


def _float64(value: Operand = 0.0) -> Operand:
    if isinstance(value, RecordedFloat | RecordedNumber):
        return RecordedNumber(value, value.node)
    if arrays.has_recorded(value):
        found = _array(value)
        return found if found.ndim else found[()]
    return np.float64(value)


def _sum(values: Operand, /, start: Operand = 0) -> Operand:
    values = list(values)
    if not any(isinstance(each, RecordedFloat | RecordedNumber) for each in (*values, start)):
        return sum(values, start)
    numbers = list(map(plain_number, values))
    total = sum(numbers, plain_number(start))
    if not isinstance(total, float):
        return sum(values, start)
    node = _added([*values, start])
    kind = RecordedNumber if isinstance(total, np.float64) else RecordedFloat
    return kind(total, ufuncs.settled(node, total, tape.current(), sum))


def _added(values: list[Any]) -> Operand:
    nodes = [arrays.as_node(each) for each in values]
    several = [each for each in nodes if isinstance(each, Tensor)]
    constants = sum(each for each in nodes if not isinstance(each, Tensor))
    total = np.sum(np.stack(several)) if len(several) > 1 else +several[0]
    return total + constants if constants else total


def _type(value: Operand, *args: Operand) -> Operand:
    kind = type(value, *args)
    return _KINDS.get(kind, kind)


_KINDS = {
    arrays.RecordedArray: np.ndarray,
    arrays.RecordedMatrix: np.matrix,
    RecordedNumber: np.float64,
    RecordedFloat: float,
}


def _of_math(function: Function) -> Function:
    """A function of ``math``, of recorded numbers as well: NumPy's ufunc of that name tells how."""
    name = function.__name__
    ufunc = getattr(np, name, None)
    operation = (ufuncs.operation_of(ufunc) if isinstance(ufunc, np.ufunc) else None) or RULES.get(
        name
    )
    if operation is None:
        over_lists: Function = _SUMS.get(function, function)
        return over_lists

    def called(*operands: Operand) -> Operand:
        if function is math.log and len(operands) == 2:
            return called(operands[0]) / called(operands[1])
        operands = tuple(
            _float(each) if isinstance(each, arrays.RecordedArray) else each for each in operands
        )
        return applied(operation, function(*map(plain_number, operands)), *operands)

    return called


def _strided(x: Operand, *args: Operand, **options: Operand) -> Operand:
    found = np.lib.stride_tricks.as_strided(arrays.plain(x), *args, **options)
    return arrays.as_recorded(found)


def _mapped(inner: Inner, function: Operand, *several: Operand, **options: Operand) -> Operand:
    return map(inner(function), *several, **options)


def _vectorized(
    inner: Inner, function: Operand = None, *args: Operand, **options: Operand
) -> Operand:
    """``np.vectorize``: the function is called for each element, and what it gives is recorded."""
    if options.get("signature"):
        return np.vectorize(inner(function), *args, **options)
    followed = inner(function)

    def called(*operands: Operand, **named: Operand) -> Operand:
        operands = tuple(arrays.with_lists(each) for each in operands)
        if not any(arrays.has_recorded(each) for each in operands):
            return arrays.as_recorded(np.vectorize(function, *args, **options)(*operands, **named))
        several = [np.ravel(each) for each in np.broadcast_arrays(*map(_asarray, operands))]
        shape = np.broadcast_shapes(*map(np.shape, operands))
        found = [followed(*each, **named) for each in zip(*several, strict=True)]
        made = functions.array(found)
        return np.reshape(made, shape) if shape else made[0]

    return called


def _along_axis(
    inner: Inner, function: Operand, axis: int, x: Operand, *args: Operand, **options: Operand
) -> Operand:
    """``np.apply_along_axis``: the function is called for each row."""
    moved, followed = np.moveaxis(arrays.as_recorded(x), axis, -1), inner(function)
    outer = moved.shape[:-1]
    rows = [followed(moved[index], *args, **options) for index in np.ndindex(outer)]
    made = functions.array(rows)
    made = np.reshape(made, outer + made.shape[1:])
    axes = range(made.ndim - len(outer))  # those of what the function gave come where the row was
    return np.moveaxis(made, [len(outer) + k for k in axes], [axis % moved.ndim + k for k in axes])


def _product(values: Operand, /, start: Operand = 1) -> Operand:
    for value in values:
        start = start * value
    return start


def _piecewise(
    inner: Inner,
    x: Operand,
    conditions: Operand,
    several: Operand,
    *args: Operand,
    **options: Operand,
) -> Operand:
    """``np.piecewise``: each function is called for the elements at which its condition holds."""
    x, found = _asarray(x), arrays.as_recorded(np.zeros(np.shape(x)))
    masks = [np.asarray(each, bool) for each in conditions]
    if len(several) == len(masks) + 1:
        masks.append(~np.any(masks, axis=0))
    for mask, each in zip(masks, several, strict=True):
        found[mask] = inner(each)(x[mask], *args, **options) if callable(each) else each
    return found


_SUMS: dict[Any, Any] = {math.fsum: _sum, math.prod: _product}
"""Functions of ``math`` that go over lists."""

_OF_FUNCTIONS: dict[Any, Any] = {
    map: _mapped,
    np.vectorize: _vectorized,
    np.apply_along_axis: _along_axis,
    np.piecewise: _piecewise,
}
"""What takes functions as arguments."""

_FOLLOWED: dict[Any, Any] = {
    np.array: _array,
    np.asarray: _asarray,
    np.asanyarray: _asarray,
    np.ascontiguousarray: _asarray,
    np.asfortranarray: _asarray,
    np.asarray_chkfinite: _asarray,
    np.matrix: _matrix,
    np.asmatrix: _asmatrix,
    **{
        each: _fresh(each)
        for each in (
            np.zeros,
            np.ones,
            np.empty,
            np.full,
            np.eye,
            np.identity,
            np.zeros_like,
            np.ones_like,
            np.empty_like,
            np.full_like,
        )
    },
    float: _float,
    np.float64: _float64,
    np.float32: _float64,
    np.float16: _float64,
    sum: _sum,
    type: _type,
    np.lib.stride_tricks.as_strided: _strided,
}
