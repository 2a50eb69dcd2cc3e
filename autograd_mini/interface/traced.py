"""Arrays that stand for those of later calls: what is computed with them is noted, call by call.

``compile`` runs a function on them.  They are no arrays of NumPy's, so that no number leaves them
unseen; code that asks for the plain array of one (``np.asarray``) raises ``Untraceable``.
"""

from __future__ import annotations

import operator
import threading
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, NoReturn, Protocol, cast

import numpy as np

from autograd_mini.typing import Array, Function, Operand


class Untraceable(Exception):
    """What is computed with a traced array cannot be noted."""


class Tracer(Protocol):
    """What notes calls."""

    def call(self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Operand:
        """The result of a function of NumPy's that has no effect besides."""

    def ufunc(
        self, ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Operand:
        """The result of a ufunc, or of one of its methods."""

    def method(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Operand:
        """The result of a method of the first argument."""

    def operator(
        self, function: Function, ufunc: np.ufunc, left: Operand, right: Operand
    ) -> Operand:
        """The result of an operator."""

    def as_one(self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Operand:
        """The result of a function of arrays: what it calls is noted, or itself if that fails."""

    def drawn(self, draw: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Operand:
        """Random numbers, drawn anew in each run."""

    def effect(self, function: Function, args: tuple[Any, ...]) -> None:
        """Note what is done in each run."""

    def outer(self, node: Operand) -> None:
        """Note a Tensor of a plain array."""

    def truth(self, array: TracedArray) -> bool:
        """Whether it is true, which is what later calls are held against."""

    def number(self, array: TracedArray) -> Operand:
        """The number that it is, which is what later calls are held against."""

    def as_float(self, array: TracedArray) -> TracedArray:
        """The number that it is, as a float of Python's, which may be another in later calls."""


class TracedArray:
    """One array, or number, of a call that is traced.

    Arguments:
        value: what it is in this call.
        trace: what notes the calls.
        place: its number among the values of the trace.
    """

    __slots__ = ("value", "trace", "place")

    base = None
    """Memory is planned later: nothing is a view of another's."""

    def __init__(self, value: Operand, trace: Tracer, place: int) -> None:
        self.value, self.trace, self.place = value, trace, place

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.value)

    @property
    def ndim(self) -> int:
        return np.ndim(self.value)

    @property
    def size(self) -> int:
        return int(np.size(self.value))

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.asarray(self.value).dtype

    @property
    def T(self) -> TracedArray:
        made: TracedArray = self.transpose() if self.ndim > 1 else self
        return made

    def view(self, *kind: Operand) -> Operand:
        if kind and np.dtype(kind[0]) != self.dtype:
            return self.trace.method("view", (self, *kind), {})
        return TracedArray(self.value, self.trace, self.place)

    def copy(self, order: str = "C") -> TracedArray:
        made: TracedArray = self.view()  # nothing is written into
        return made

    def tolist(self) -> Operand:
        return self.item() if not self.ndim else [each.tolist() for each in self]

    def item(self, *index: int) -> Operand:
        return self.trace.number(self[index] if index else self)

    def __getattr__(self, name: str) -> Operand:
        if name.startswith("__") or not hasattr(np.ndarray, name):
            raise AttributeError(name)
        if name in _WRITING:
            raise Untraceable(f"array.{name}() writes into an array")
        return lambda *args, **kwargs: self.trace.method(name, (self, *args), kwargs)

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Operand, **kwargs: Operand
    ) -> Operand:
        if any(hasattr(each, "contributions") for each in inputs):
            return NotImplemented
        return self.trace.ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(
        self, func: Function, types: Iterable[type], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Operand:
        if any(hasattr(kind, "contributions") for kind in types):
            return NotImplemented
        return self.trace.call(func, args, kwargs)

    def __array__(self, dtype: object = None, copy: object = None) -> NoReturn:
        raise Untraceable(
            "np.asarray(x), a function that is no NumPy's, or an index, table[x], takes a plain "
            "array: write ag.as_array(x) for the first, and pass table as an argument"
        )

    def __getitem__(self, index: Operand) -> TracedArray:
        made: TracedArray = self.trace.call(operator.getitem, (self, index), {})
        return made

    def __setitem__(self, index: object, value: Operand) -> NoReturn:
        raise Untraceable("x[i] = v writes into an array: write np.where(mask, v, x)")

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[TracedArray]:
        return (self[index] for index in range(len(self)))

    def __bool__(self) -> bool:
        return self.trace.truth(self)

    def __float__(self) -> float:
        return float(self.trace.number(self))

    def __int__(self) -> int:
        return int(self.trace.number(self))

    def __index__(self) -> int:
        if self.ndim or self.dtype.kind not in "iu":
            raise Untraceable("a whole number is taken for an index, no array and no truth value")
        return operator.index(self.trace.number(self))

    __hash__ = object.__hash__

    def __neg__(self) -> Operand:
        return self.trace.ufunc(np.negative, "__call__", (self,), {})

    def __pos__(self) -> Operand:
        return self.trace.ufunc(np.positive, "__call__", (self,), {})

    def __abs__(self) -> Operand:
        return self.trace.ufunc(np.absolute, "__call__", (self,), {})

    def __invert__(self) -> Operand:
        return self.trace.ufunc(np.invert, "__call__", (self,), {})


_WRITING = {"fill", "sort", "partition", "put", "resize", "setfield", "setflags", "byteswap"}

_OPERATORS = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.true_divide,
    "pow": np.power, "mod": np.remainder, "floordiv": np.floor_divide, "matmul": np.matmul,
    "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor,
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
    "eq": np.equal, "ne": np.not_equal,
}  # fmt: skip


def _define_operator(name: str, ufunc: np.ufunc) -> None:
    function: Function = getattr(operator, f"__{name}__")

    def forward(self: TracedArray, other: Operand) -> Operand:
        if hasattr(other, "contributions"):
            return NotImplemented
        return self.trace.operator(function, ufunc, self, other)

    def reflected(self: TracedArray, other: Operand) -> Operand:
        return self.trace.operator(function, ufunc, other, self)

    def in_place(self: TracedArray, other: Operand) -> Operand:
        if hasattr(other, "contributions"):
            return NotImplemented
        return self.trace.ufunc(ufunc, "__call__", (self, other), {"out": (self,)})

    setattr(TracedArray, f"__{name}__", forward)
    if name not in ("lt", "le", "gt", "ge", "eq", "ne"):
        setattr(TracedArray, f"__r{name}__", reflected)
        setattr(TracedArray, f"__i{name}__", in_place)


for _name, _ufunc in _OPERATORS.items():
    _define_operator(_name, _ufunc)


def is_traced(operand: object) -> bool:
    return type(operand) is TracedArray


def as_array(operand: Operand) -> Array:
    """``np.asarray``, which leaves an array that stands for those of later calls as it is.

    A function that ``compile`` records gets such arrays: NumPy's functions, operators and methods
    take them, ``np.asarray`` cannot.

    Arguments:
        operand: an array, a number, or nested lists of numbers, of any shape.

    Returns:
        The array, of the same shape.

    >>> as_array([1.0, 2.0])
    array([1., 2.])
    """
    array: Array = np.asarray(operand) if type(operand) is not TracedArray else cast("Any", operand)
    return array


def as_float(operand: Operand) -> Operand:
    """``float``, which a traced number does not leave the trace by."""
    return operand.trace.as_float(operand) if type(operand) is TracedArray else float(operand)


def holds_nan(share: Operand) -> bool:
    """Whether there is NaN in a share of a tangent, which decides how the share is computed."""
    if type(share) is TracedArray:
        return bool(share.trace.call(holds_nan, (share,), {}))
    return bool(np.count_nonzero(np.isnan(share)))


class _Current(threading.local):
    def __init__(self) -> None:
        self.trace: Tracer | None = None
        self.without_effects = False


current = _Current()
"""What a function is run for in this thread: for a trace, or once more to be compared."""


def drawn(draw: Function, *args: Operand, **kwargs: Operand) -> Operand:
    """Random numbers, which a function that ``compile`` records draws anew in each call.

    Arguments:
        draw: a method of a ``numpy.random.Generator``, such as ``rng.normal``.
        args, kwargs: what it is called with.

    Returns:
        What the method gives, an array of the shape that it was asked for.

    Raises:
        TypeError: while ``compile`` records, ``draw`` is no such method.

    >>> drawn(np.random.default_rng(0).random, 2).round(3)
    array([0.637, 0.27 ])
    """
    if current.trace is not None:
        return current.trace.drawn(draw, args, kwargs)
    return draw(*args, **kwargs)


def effect(function: Function, *args: Operand) -> None:
    """Call a function for what it does besides, as to follow running statistics.

    A function that ``compile`` records does it anew in each call, with the arrays of that call;
    plain code besides would be run when it is recorded, and not again.

    Arguments:
        function: what is called with ``args``; what it gives is dropped.
        args: arrays, of any shapes, and whatever else it takes.

    >>> seen = []
    >>> effect(lambda x: seen.append(float(x.max())), np.array([1.0, 3.0]))
    >>> seen
    [3.0]
    """
    if current.trace is not None:
        current.trace.effect(function, args)
    elif not current.without_effects:
        function(*args)


def called(function: Function, *operands: Operand, **options: Operand) -> Operand:
    """The result of a function of arrays, noted as one if what it computes cannot be."""
    for operand in operands:
        if type(operand) is TracedArray:
            return operand.trace.as_one(function, operands, options)
    return function(*operands, **options)


def traced(operation: Operand, operands: Iterable[Operand]) -> Operand:
    """The operation, traced if it is of traced arrays; then the trace is told of other Tensors."""
    operands = list(operands)
    arrays = [getattr(operand, "_array", operand) for operand in operands]
    trace = next((array.trace for array in arrays if type(array) is TracedArray), None)
    if trace is None:
        return operation
    for operand, array in zip(operands, arrays, strict=True):
        if operand is not array and type(array) is not TracedArray:
            trace.outer(operand)
    return TracedOperation(operation)


class TracedOperation:
    """An operation whose functions are traced; else it is that operation."""

    pullbacks = None
    """Each is asked for by its index."""

    def __init__(self, operation: Operand) -> None:
        self._operation = operation
        self.forward = partial(called, operation.forward)

    def pullback(self, index: int) -> Function | None:
        pullback = self._operation.pullback(index)
        return pullback and partial(called, pullback)

    def tangent(self, index: int) -> Function | None:
        tangent = self._operation.tangent(index)
        return tangent and partial(called, tangent)

    def __getattr__(self, name: str) -> Operand:
        return getattr(self._operation, name)

    def __eq__(self, other: object) -> bool:
        return other is self._operation or (
            isinstance(other, TracedOperation) and other._operation is self._operation
        )

    def __hash__(self) -> int:
        return hash(self._operation)
