"""Arrays that are filled with Tensors: ``out = np.zeros_like(t); out[i] = t[j] * 2``.

A ``Buffer`` knows for each element which value was written there last.  Where it is computed with,
one ``gather`` picks these elements; what was recorded before a write keeps the old ones.

>>> from autograd_mini import Tensor, gradients
>>> t = Tensor([1.0, 2.0, 3.0])
>>> out = zeros(3)
>>> out[0] = t[1] * t[2]
>>> out[1:] += t[:2] ** 2
>>> np.asarray((out * 1).data), gradients(np.sum(out), t)
(array([6., 1., 4.]), array([2., 7., 2.]))
"""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from autograd_mini.core import modes
from autograd_mini.core.operation import Operation, replaces
from autograd_mini.core.tensor import Tensor, plain
from autograd_mini.interface import numpy_protocol
from autograd_mini.interface.array_interface import ArrayInterface
from autograd_mini.interface.operands import real_array
from autograd_mini.operations.assignment import at, fitting
from autograd_mini.operations.indexing import gather, own_index
from autograd_mini.trees import leaves, rebuild
from autograd_mini.typing import Array, Function, Operand, Tree


class _Written:
    """What was written into a buffer, all values end to end; the buffer's first numbers before."""

    def __init__(self, first: Array) -> None:
        self.values: list[Any] = [first]
        self.starts = [0, first.size]
        self.version = 0

    def add(self, value: Operand) -> int:
        """Another value: where its elements begin."""
        self.values.append(value)
        self.starts.append(self.starts[-1] + np.size(value))
        return self.starts[-2]

    def at(self, places: Array) -> Operand:
        """The elements at places, of those values alone that have some."""
        which = np.unique(np.searchsorted(self.starts, places.ravel(), side="right") - 1)
        if not which.size:
            return np.zeros(places.shape, self.values[0].dtype)
        values = [self.values[k] for k in which]
        starts = np.array(self.starts)[which]
        among = np.searchsorted(starts, places, side="right") - 1
        own = np.cumsum([0, *map(np.size, values)])
        return gather(values, places - starts[among] + own[among])


class Buffer(ArrayInterface):
    """An array that is filled in place, with numbers and with Tensors.

    It is indexed and computed with as a Tensor is; a slice of it is a view, through which it is
    written as well.  ``zeros``, and ``np.zeros_like`` of a Tensor, make one.
    """

    __slots__ = ("_written", "_places", "_read")

    def __init__(self, written: _Written, places: Array) -> None:
        self._written, self._places = written, places
        self._read: tuple[int, Any] = (-1, None)

    @property
    def shape(self) -> tuple[int, ...]:
        return self._places.shape

    @property
    def ndim(self) -> int:
        return self._places.ndim

    @property
    def size(self) -> int:
        return self._places.size

    @property
    def dtype(self) -> np.dtype[Any]:
        found: np.dtype[Any] = self._written.values[0].dtype
        return found

    def stands_for(self) -> Operand:
        """What it holds, as a Tensor; as an array if no Tensor was written there."""
        version, held = self._read
        if version != self._written.version:
            held = self._written.at(self._places)
            if modes.recording():
                self._read = self._written.version, held
        return held

    @property
    def data(self) -> Array:
        """The numbers, without their graph."""
        found: Array = plain(self.stands_for())
        return found.copy()

    @property
    def _array(self) -> Array:  # type: ignore[override]
        found: Array = plain(self.stands_for())
        return found

    def item(self) -> float:
        """The number of a buffer that holds one, without its graph."""
        return float(self._array.item())

    def __repr__(self) -> str:
        return f"Buffer({self.stands_for()!r})"

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("a buffer of shape () has no length")
        return self.shape[0]

    def __array__(self, dtype: Operand = None, copy: object = None) -> Array:
        """The numbers, where no Tensor has been written."""
        held = self.stands_for()
        if isinstance(held, Tensor):
            held.__array__()  # which says what to write
        return np.array(held, dtype)

    def __getitem__(self, index: object) -> Operand:
        places = self._places[own_index(index)]
        if isinstance(places, np.ndarray) and places.base is not None:
            return Buffer(self._written, places)  # a view, as NumPy has it
        held = self._written.at(np.asarray(places))[()]
        return _buffer(held) if isinstance(held, np.ndarray) else held

    def __setitem__(self, index: Operand, value: Operand) -> None:  # type: ignore[override]
        index = own_index(index)
        places = np.asarray(self._places[index])
        held = stood_for(value)
        value = fitting(held if isinstance(held, Tensor) else real_array(held), places, self.dtype)
        if not isinstance(value, Tensor) or not modes.recording():
            value = np.array(plain(value))  # an array of its own
        begin = self._written.add(value)
        self._places[index] = begin + np.arange(places.size).reshape(places.shape)
        self._written.version += 1

    # Operations, and NumPy's functions

    level = 0

    def takes_over(
        self, operation: Operation, operands: tuple[Any, ...], options: dict[str, Any]
    ) -> Operand:
        """What an operation makes of operands one of which is this."""
        return operation(*stood_for(operands), **options)

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Operand, **kwargs: Operand
    ) -> Operand:
        if method == "at" and inputs[0] is self:
            index, *values = map(stood_for, inputs[1:])
            changed = at(self.stands_for(), index)
            self[...] = changed.add(*values) if ufunc is np.add else changed.apply(ufunc, *values)
            return None
        return getattr(ufunc, method)(*map(stood_for, inputs), **kwargs)

    def __array_function__(
        self,
        func: Function,
        types: Iterable[type],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Operand:
        if func in numpy_protocol.WRITING:
            raise TypeError(
                f"np.{func.__name__} writes into an array in its own way: write out[index] = value"
            )
        args, kwargs = stood_for((args, kwargs))
        return func(*args, **kwargs)


def _in_place(name: str) -> Function:
    operation = getattr(operator, f"__{name}__")

    def changed(self: Buffer, other: Operand) -> Buffer:
        self[...] = operation(self, other)
        return self

    return changed


for _name in ("add", "sub", "mul", "truediv", "pow", "mod", "floordiv", "matmul"):
    setattr(Buffer, f"__i{_name}__", _in_place(_name))


def stood_for(tree: Tree) -> Tree:
    """The same with the Tensor or array that each buffer stands for."""
    if isinstance(tree, Buffer):
        return tree.stands_for()
    if isinstance(tree, tuple | list | dict):
        each = (x.stands_for() if isinstance(x, Buffer) else x for x in leaves(tree))
        return rebuild(tree, each)
    return tree


def _buffer(numbers: Array) -> Buffer:
    return Buffer(_Written(numbers), np.arange(numbers.size).reshape(numbers.shape))


def zeros(shape: int | tuple[int, ...], dtype: DTypeLike = float) -> Buffer:
    """An array of zeros to be filled with numbers and Tensors: ``out[i] = t``, ``out[i] += t``.

    Arguments:
        shape: its shape, as for ``np.zeros``.
        dtype: a dtype of real numbers; integers become float64.

    >>> from autograd_mini import grad
    >>> def powers(x):
    ...     out = zeros(4)
    ...     out[0] = 1.0
    ...     for i in range(1, 4):
    ...         out[i] = out[i - 1] * x
    ...     return np.sum(out)
    >>> grad(powers)(2.0)
    17.0
    """
    return _buffer(real_array(np.zeros(shape, dtype)))


def array(data: Tree) -> Operand:
    """Nested lists of numbers, arrays and Tensors as one array: a Tensor if one of them is.

    Arguments:
        data: nested lists or tuples whose parts have one shape.

    Raises:
        ValueError: the parts have different shapes.

    >>> from autograd_mini import Tensor
    >>> angle = Tensor(0.0, label="angle")
    >>> c, s = np.cos(angle), np.sin(angle)
    >>> array([[c, -s, 0], [s, c, 0], [0, 0, 1]]).data
    array([[ 1., -0.,  0.],
           [ 0.,  1.,  0.],
           [ 0.,  0.,  1.]])
    """
    held = stood_for(data)
    if not isinstance(held, list | tuple):
        return held if isinstance(held, Tensor) else np.array(held)
    if not any(isinstance(leaf, ArrayInterface) for leaf in leaves(held)):
        return np.array(held)
    parts = [array(part) for part in held]
    shapes = list(dict.fromkeys(map(np.shape, parts)))
    if len(shapes) > 1:
        raise ValueError(
            f"array: the parts of a list have one shape; found {' and '.join(map(str, shapes))}"
        )
    return np.stack(parts)


@replaces(np.zeros_like)
def zeros_like(a: Operand, dtype: DTypeLike | None = None, *, shape: Operand = None) -> Buffer:
    return _buffer(real_array(np.zeros_like(plain(a), dtype, shape=shape)))


@replaces(np.ones_like)
def ones_like(a: Operand, dtype: DTypeLike | None = None, *, shape: Operand = None) -> Buffer:
    return _buffer(real_array(np.ones_like(plain(a), dtype, shape=shape)))


@replaces(np.empty_like)
def empty_like(a: Operand, dtype: DTypeLike | None = None, *, shape: Operand = None) -> Buffer:
    made: Buffer = zeros_like(a, dtype, shape=shape)  # what lies in memory may not be finite
    return made
