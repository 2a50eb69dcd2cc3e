"""RecordedArray: an array of NumPy's whose content is recorded, views and writes included.

It holds its numbers as any array does, so that all of NumPy works on it; what its memory holds is
known as nodes besides (``memory``).
"""

from __future__ import annotations

import contextlib
import functools
import operator
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np

from autograd_mini.core.operation import NUMPY_FUNCTIONS
from autograd_mini.core.tensor import Tensor
from autograd_mini.operations.indexing import gather
from autograd_mini.recording import tape
from autograd_mini.recording.memory import (
    Memory,
    _memories,
    memory_for,
    memory_of,
    node_of,
    root_of,
)
from autograd_mini.recording.nodes import constant
from autograd_mini.recording.scalars import RecordedFloat, RecordedNumber
from autograd_mini.typing import Array, Operand


class RecordedArray(np.ndarray):
    """An array that is recorded while a block ``with recording()`` is open."""

    __array_priority__: ClassVar[float] = 1.0
    """So what ``data.dot(w)`` gives is of this class, and is told of where it is not followed."""

    _make: Callable[[], Tensor | None] | None = None
    """Records it by the operation that made the view."""

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Operand, **kwargs: Operand
    ) -> Operand:
        return ufuncs.called(ufunc, method, inputs, kwargs)

    def __array_function__(
        self, func: Operand, types: Operand, args: Operand, kwargs: Operand
    ) -> Operand:
        return functions.called(func, args, kwargs)

    def __getitem__(self, index: Operand) -> Operand:
        index, array = plain(index), plain(self)
        found = array[index]
        if isinstance(found, np.ndarray) and root_of(found) is root_of(array):
            return view_of(found, lambda: _item(self, index))
        memory = memory_of(self)
        if memory is None or memory.is_constant or found.dtype != memory.dtype:
            return as_recorded(found)
        if tape.current() is None:
            return as_recorded(found)
        if not isinstance(found, np.ndarray):
            place = _place(self.view(np.ndarray), index)
            if place is not None:
                node = memory.read(place, lambda: _item(self, index))
                return found if node is None else RecordedNumber(found, node)
        whole = node_of(self)
        node = None if whole is None else NUMPY_FUNCTIONS[operator.getitem](whole, index)
        return recorded(found, node, memory.tape)

    def __setitem__(self, index: Operand, value: Operand) -> None:
        index, array = plain(index), plain(self)
        value = with_lists(value)
        node = node_of(value) if tape.current() is not None else None
        memory = memory_of(self)
        if node is not None:
            memory = memory_for(self, tape.current())  # type: ignore[arg-type]
        array[index] = plain(value)
        if memory is None or memory.dtype != self.dtype or (node is None and memory.is_constant):
            return
        place = _place(array, index)
        if place is not None:
            memory.write(place, node)
        else:
            memory.write_at(memory.places(array)[index], node, array[index])

    # Methods, as NumPy's functions

    @property
    def T(self) -> Operand:
        return np.transpose(self)

    @property
    def mT(self) -> Operand:
        return np.matrix_transpose(self)

    @property  # type: ignore[misc]
    def real(self) -> Operand:
        return self

    @property
    def flat(self) -> Operand:
        return _Flat(self)

    @flat.setter
    def flat(self, values: Operand) -> None:
        _Flat(self)[:] = values

    def reshape(self, *shape: Operand, **options: Operand) -> Operand:
        return np.reshape(self, shape[0] if len(shape) == 1 else shape, **options)

    def transpose(self, *axes: Operand) -> Operand:
        return np.transpose(self, (axes[0] if len(axes) == 1 else axes) or None)

    def ravel(self, order: Operand = "C") -> Operand:
        return np.ravel(self, order)

    def flatten(self, order: Operand = "C") -> Operand:
        return np.copy(np.ravel(self, order))

    def copy(self, order: Operand = "C") -> Operand:
        return np.copy(self, order=order)

    def __copy__(self) -> Operand:
        return np.copy(self, "K")

    def __deepcopy__(self, memo: Operand) -> Operand:
        return np.copy(self, "K")

    def astype(self, dtype: Operand, *args: Operand, **options: Operand) -> Operand:
        if np.dtype(dtype).kind != "f":
            return self.view(np.ndarray).astype(dtype, *args, **options)
        return self if options.get("copy", True) is False else np.copy(self, "K")

    def fill(self, value: Operand) -> None:
        self[...] = value

    def item(self, *args: Operand) -> Operand:
        number = self.view(np.ndarray).item(*args)
        if not isinstance(number, float):
            return number
        index = (
            np.unravel_index(args[0] if args else 0, self.shape)
            if len(args) < 2 and not (args and isinstance(args[0], tuple))
            else args
            if len(args) > 1
            else args[0]
        )
        found = self[tuple(index)]
        return RecordedFloat(number, found.node) if isinstance(found, RecordedNumber) else number

    def tolist(self) -> Operand:
        if not self.ndim:
            return self.item()
        return [each.tolist() for each in self]

    def __iter__(self) -> Iterator[Any]:
        if not self.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[index] for index in range(len(self)))

    def put(self, indices: Operand, values: Operand, mode: Operand = "raise") -> None:
        np.put(self, indices, values, mode)

    def sort(
        self, axis: Operand = -1, kind: Operand = None, order: Operand = None, **more: Operand
    ) -> None:
        self[...] = np.sort(self, axis, kind)

    def partition(self, kth: Operand, axis: Operand = -1, *more: Operand, **named: Operand) -> None:
        self[...] = np.partition(self, kth, axis, *more, **named)

    def argsort(self, *args: Operand, **options: Operand) -> Operand:
        return self.view(np.ndarray).argsort(*args, **options)

    def view(self, *args: Operand, **options: Operand) -> Operand:
        return super().view(*args, **options)

    def __float__(self) -> float:
        return float(self.view(np.ndarray))

    def __repr__(self) -> str:
        return repr(plain(self))

    def __str__(self) -> str:
        return str(plain(self))

    def __format__(self, spec: str) -> str:
        return format(self.view(np.ndarray), spec)

    def __reduce__(self) -> Operand:
        return plain(self).copy().__reduce__()

    def __reduce_ex__(self, protocol: Operand) -> Operand:
        return plain(self).copy().__reduce_ex__(protocol)


class RecordedMatrix(RecordedArray, np.matrix):
    """A matrix of NumPy's, for which ``*`` is the matrix product, recorded as an array is."""

    __array_priority__: ClassVar[float] = 10.0

    # What stays a matrix, of two axes

    def ravel(self, order: Operand = "C") -> Operand:
        return np.reshape(self, (1, -1), order=order)

    def flatten(self, order: Operand = "C") -> Operand:
        return self.ravel(order).copy()

    def copy(self, order: Operand = "C") -> Operand:
        return np.asmatrix(np.copy(self, order=order))

    def astype(self, *args: Operand, **options: Operand) -> Operand:
        return np.asmatrix(super().astype(*args, **options))

    def diagonal(self, *args: Operand, **options: Operand) -> Operand:
        return np.asmatrix(self.A.diagonal(*args, **options))

    def tolist(self) -> Operand:
        return self.A.tolist()


def _place(array: Array, index: Operand) -> Array | None:
    """What an index shows of an array as a view, of one element too; ``None`` if it is none."""
    parts = index if isinstance(index, tuple) else (index,)
    place: Array = array[index] if any(part is ... for part in parts) else array[(*parts, ...)]
    return place if root_of(place) is root_of(array) else None


def _method(name: str) -> Callable[..., Any]:
    function = getattr(np, name)

    def method(self: Operand, *args: Operand, **options: Operand) -> Operand:
        return function(self, *args, **options)

    method.__name__ = method.__qualname__ = name
    return method


for _name in (
    "sum", "mean", "var", "std", "prod", "max", "min", "cumsum", "cumprod", "trace", "diagonal",
    "dot", "clip", "round", "repeat", "take", "squeeze", "swapaxes", "compress", "choose",
    "argmax", "argmin", "argpartition",
):  # fmt: skip
    setattr(RecordedArray, _name, _method(_name))


class _Flat:
    """An array's elements one after the other, as its ``flat`` is."""

    def __init__(self, array: RecordedArray) -> None:
        self.base = array

    def _one(self) -> Operand:
        return np.ravel(self.base)

    def __len__(self) -> int:
        return self.base.size

    def __iter__(self) -> Iterator[Any]:
        return iter(self._one())

    def __getitem__(self, index: Operand) -> Operand:
        found = self._one()[index]
        return np.copy(found) if isinstance(found, np.ndarray) else found

    def __setitem__(self, index: Operand, value: Operand) -> None:
        put(self.base, value, functools.partial(_set_flat, plain(index)))

    def __array__(self, dtype: Operand = None, copy: Operand = None) -> Operand:
        return np.array(self.base.view(np.ndarray).ravel(), dtype)


def _set_flat(index: Operand, array: Array, values: Operand) -> None:
    array.flat[index] = values


def put(target: Array, values: Operand, write: Callable[[Array, Operand], None]) -> None:
    """Write values into an array; numbered, they tell which of them went where.

    Arguments:
        write: does it, in one array with those of another.
    """
    values, open_tape = with_lists(values), tape.current()
    node = None if open_tape is None else node_of(values)
    memory = memory_of(target) if node is None else memory_for(target, open_tape)  # type: ignore[arg-type]
    array, error = plain(target), None
    before = np.array(array)
    try:
        write(array, plain(values))
    except Exception as raised:  # some may have been written before
        error = raised
    if memory is not None and memory.dtype == array.dtype:
        which = np.full_like(array, -1, dtype=np.intp)
        with contextlib.suppress(*[Exception] * (error is not None)):
            write(which, np.arange(np.size(values)).reshape(np.shape(values)))
        wrote = which >= 0 if error is None else (which >= 0) & (array != before)
        if wrote.any():
            value = None if node is None else gather([node], which[wrote])
            memory.write_at(memory.places(array)[wrote], value, array[wrote])
    if error is not None:
        raise error


def _item(array: Array, index: Operand) -> Tensor | None:
    node = unchecked_node(array)
    return None if node is None else NUMPY_FUNCTIONS[operator.getitem](node, index)


def unchecked_node(array: Array) -> Tensor | None:
    """The node of an array of which but a part is looked at, and that compared."""
    memory = memory_of(array)
    if memory is None or memory.is_constant:
        return None
    known = getattr(array, "_known", None)
    if known is not None and known[0] is memory and known[1] == memory.version:
        node: Tensor | None = known[2]
        return node
    node = memory._node(array, getattr(array, "_make", None))
    if isinstance(array, RecordedArray):
        array._known = (memory, memory.version, node)  # type: ignore[attr-defined]
    return node


def view_of(array: Array, make: Callable[[], Tensor | None] | None = None) -> RecordedArray:
    """A view of recorded memory, with what records it by the operation that made it."""
    made = _as_own(array)
    made._make = make
    return made


def _as_own(array: Array) -> RecordedArray:
    return array.view(RecordedMatrix if isinstance(array, np.matrix) else RecordedArray)


def recorded(numbers: Operand, node: Tensor | None, to: Operand) -> Operand:
    """A fresh array or number as a recorded one.

    Arguments:
        numbers: an array that nothing else writes to, or a number.
        node: with the same numbers in an array of its own, or ``None`` for constants.
        to: the tape.
    """
    if not isinstance(numbers, np.ndarray):
        if node is None or not isinstance(numbers, np.float64):
            return numbers
        return RecordedNumber(numbers, node)
    if node is not None:
        root = root_of(numbers)
        if root is numbers:
            _memories[id(root)] = Memory(root, node, to)
        else:  # NumPy made a view of what it computed, as for x[:, [0, 1]]
            memory_for(root, to).write(numbers, node)
    return _as_own(numbers) if numbers.dtype.kind == "f" else numbers


def as_recorded(value: Operand) -> Operand:
    """An array of floats as a RecordedArray over the same memory; anything else as it is."""
    if type(value) in (np.ndarray, np.matrix) and value.dtype.kind == "f":
        return _as_own(value)
    return value


def plain(value: Operand) -> Operand:
    """Arrays and numbers without their nodes, also inside lists, tuples and dicts."""
    kind = type(value)
    if kind is RecordedArray:
        return value.view(np.ndarray)
    if kind is RecordedMatrix:
        return value.view(np.matrix)
    if kind is RecordedNumber:
        return np.float64(float.__float__(value))
    if kind is RecordedFloat:
        return float.__float__(value)
    if kind is list or kind is tuple:
        return kind(map(plain, value))
    if kind is dict:
        return {key: plain(each) for key, each in value.items()}
    return value


def has_recorded(value: Operand) -> bool:
    """Whether a list or tuple holds recorded numbers or arrays, nested at will."""
    if isinstance(value, RecordedArray | RecordedFloat | RecordedNumber):
        return True
    return isinstance(value, list | tuple) and any(map(has_recorded, value))


def with_lists(value: Operand) -> Operand:
    """A list in which something is recorded as a recorded array; anything else as it is."""
    if isinstance(value, list | tuple) and has_recorded(value):
        return functions.array(value)
    return value


def as_node(value: Operand) -> Operand:
    """What an operation is recorded with: the node, or the constant."""
    node = node_of(value)
    return constant(plain(value)) if node is None else node


from autograd_mini.recording import functions, ufuncs  # noqa: E402 - which compute with arrays
