"""Tensor: a NumPy array that remembers how it was computed.

A Tensor records its operation, its operands and nothing else; local derivatives are
computed when the sweep needs them.  NumPy's own functions work on it through NumPy's
protocols, so that plain NumPy code is differentiated as it stands.

>>> W = Tensor([[1.0, -1.0], [2.0, 0.5]], label="W")
>>> X = np.array([[1.0, 2.0]])
>>> loss = np.sum(1 / (1 + np.exp(-(X @ W))))
>>> loss.backward()
>>> W.grad.round(4)
array([[0.0066, 0.25  ],
       [0.0133, 0.5   ]])
"""

from __future__ import annotations

import inspect
import operator
import os
import sys
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, NoReturn, cast

import numpy as np

from autograd_mini import other_libraries
from autograd_mini.core import graph, modes, numpy_protocol
from autograd_mini.core.elementwise import FUNCTIONS, RULES, rule_of_ufunc
from autograd_mini.core.numpy_protocol import unknown_function
from autograd_mini.core.operation import NUMPY_FUNCTIONS, Operation
from autograd_mini.core.value import Value, constant

Array = np.ndarray[Any, np.dtype[Any]]
Axis = int | tuple[int, ...] | None

NUMPY_FUNCTIONS.update(numpy_protocol.ROUNDING)

_UNRECORDED: dict[str, Any] = {}
"""The options of a result of ``no_grad()``: this very dict tells it from a Tensor made of data."""

_clock = 0
"""How often the data of any Tensor has been replaced: the time for changes and recordings."""

_writing = threading.RLock()
"""Held while a gradient is added to a leaf or data is replaced: threads may share Tensors."""


def _unlock_in_child() -> None:
    """A forked process has one thread: nobody in it holds the lock."""
    global _writing
    _writing = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock_in_child)


class Tensor:
    """An array node of a computation graph.

    Arguments:
        data: an array or nested list of real numbers, copied.  Integers become float64; a
            float array keeps its dtype.
        label: a name for pictures and messages.

    Attributes:
        grad: the gradient, an array of the same shape; zeros before any sweep.
            ``backward()`` adds to the ``grad`` of leaves and replaces that of interior nodes.
        label: the name.

    Raises:
        TypeError: ``data`` holds complex numbers, text or objects.

    >>> x = Tensor([1.0, 2.0], label="x")
    >>> y = np.sum(x * x)
    >>> y.backward()
    >>> x.grad
    array([2., 4.])
    """

    __slots__ = (
        "_array",
        "_grad",
        "label",
        "operation",
        "_operands",
        "_options",
        "_changed",
        "_recorded",
        "_origin",
        "__weakref__",
    )

    masks_always = False

    def __init__(self, data: Any, label: str = "", **more: Any) -> None:
        if more:
            other_libraries.refuse_options("Tensor", more)
        self._set(np.array(_real_array(data)), None, (), {})
        self.label = label

    def _set(
        self,
        data: Array,
        operation: Operation | None,
        operands: tuple[Any, ...],
        options: dict[str, Any],
    ) -> None:
        self._array = data
        self._grad: Array | None = None
        self.label = ""
        self.operation = operation
        self._operands = operands
        self._options = options
        self._changed = 0
        self._recorded = _clock
        self._origin: tuple[str, tuple[int, ...]] | None = None

    @property
    def data(self) -> Array:
        """The array.  ``t.data -= rate * t.grad`` is how to update it.

        What is assigned is copied, so that no two Tensors write to one array.

        Raises:
            ValueError: an array of another shape is assigned.
        """
        return self._array

    @data.setter
    def data(self, data: Any) -> None:
        global _clock
        array = data if data is self._array else _real_array(data)
        if array.shape != self._array.shape:
            raise ValueError(
                f"data of shape {self._array.shape} cannot become shape {array.shape}: "
                "make a new Tensor"
            )
        with _writing:
            _clock += 1
            if array is not self._array:
                self._array = array.astype(self._array.dtype)
            elif array.base is not None:  # written in place, and with it what this is a view of
                for node in self._memory():
                    node._changed = _clock
            self._changed = _clock

    @property
    def grad(self) -> Array:
        if self._grad is None:
            zeros = np.zeros_like(self._array)
            with _writing:
                if self._grad is None:  # no other thread, and no signal handler, has added to it
                    self._grad = zeros
        return self._grad

    @grad.setter
    def grad(self, gradient: Any) -> None:
        if gradient is not None and gradient is not self._grad:
            gradient = np.array(_real_array(gradient), self._array.dtype)
            if gradient.shape != self._array.shape:
                raise ValueError(
                    f"the gradient of a Tensor of shape {self._array.shape} has that shape, "
                    f"not {gradient.shape}"
                )
        self._grad = gradient

    @property
    def op(self) -> str:
        """The name of the operation, ``""`` for a leaf."""
        return self.operation.name if self.operation else ""

    @property
    def parents(self) -> tuple[Any, ...]:
        """The operands in order: Tensors, and constants as they were given."""
        return self._operands

    @property
    def options(self) -> dict[str, Any]:
        """What else the operation was told, such as ``axis``."""
        return dict(self._options)

    @property
    def _unrecorded(self) -> bool:
        """Whether this leaf is the result of an operation inside ``no_grad()``."""
        return self._options is _UNRECORDED

    @property
    def local_derivatives(self) -> tuple[Array | None, ...]:
        """∂self/∂parent, element by element in this Tensor's shape, for each parent.

        ``None`` for a constant, and where the Jacobian is no elementwise array (matmul, sum).

        Raises:
            RuntimeError: an operand's data was replaced after it was recorded.
        """
        operation: Any = self.operation
        if operation is None or not operation.elementwise:
            return (None,) * len(self._operands)
        arrays = self._plain_operands()
        for index in range(len(arrays)):
            self._check_unchanged(index)
        with np.errstate(all="ignore"):
            return tuple(
                np.broadcast_to(
                    np.asarray(derivative(self._array, *arrays), self.dtype), self.shape
                )
                if isinstance(operand, Tensor) and derivative
                else None
                for operand, derivative in zip(
                    self._operands, operation.derivative_functions, strict=True
                )
            )

    def backward(self, gradient: Any = None, **more: Any) -> None:
        """Compute the gradient of this Tensor with respect to everything it depends on.

        Arguments:
            gradient: the upstream gradient to start from, of this Tensor's shape; needed
                unless the Tensor holds one number.

        Raises:
            ValueError: the Tensor holds several numbers and ``gradient`` is not given, or
                is given in another shape.
            RuntimeError: an operand's data was replaced after it was recorded.
        """
        if more:
            other_libraries.refuse_options("backward", more)
        graph.backward(self, gradient)

    def zero_grad(self) -> None:
        """Set this node's gradient to zero."""
        self._grad = None

    def detach(self) -> Tensor:
        """A leaf with a copy of the array and the same label, cut from the graph."""
        return Tensor(self._array, self.label)

    def item(self) -> float:
        """The number of a Tensor that holds one, as a Python float, without its graph."""
        return float(self._array.item())

    def _memory(self) -> Iterator[Tensor]:
        """The Tensor itself, and the operands that it is a view of."""
        node: Tensor | None = self
        while node is not None:
            yield node
            data = node._array
            viewed = node._operands if data.base is not None else ()
            node = next(
                (
                    o
                    for o in viewed
                    if isinstance(o, Tensor) and np.may_share_memory(data, o._array)
                ),
                None,
            )

    # What the sweep asks of a node

    def seed(self, gradient: Any) -> Any:
        if gradient is None:
            if self.size != 1:
                raise ValueError(
                    f"backward() from shape {self.shape} needs one number to start from: reduce "
                    "it (np.sum(t).backward()), or give the upstream gradient "
                    f"(t.backward(gradient), an array of shape {self.shape})"
                )
            return np.ones_like(self._array)
        if not isinstance(gradient, Tensor):
            gradient = _real_array(gradient).astype(self.dtype)
        if gradient.shape != self.shape:
            raise ValueError(
                f"the upstream gradient has shape {gradient.shape}, the Tensor has {self.shape}; "
                "they must be equal"
            )
        return gradient

    def zero(self) -> Array:
        return np.zeros_like(self._array)

    def witnesses(self, leaves: Sequence[Tensor]) -> Sequence[Tensor]:
        masked = self.operation is not None and self.operation.elementwise
        if masked or self._array.size >= sum(leaf._array.size for leaf in leaves):
            return leaves
        return (self,)

    def is_undefined(self, gradient: Any) -> bool:
        least = np.minimum.reduce(plain(gradient), axis=None, initial=0.0)
        return bool(least != least)  # the least number is NaN if one of them is

    def again(self, operands: Sequence[Any]) -> Tensor:
        return record(self.operation, tuple(operands), self._options)

    def receive(self, gradient: Array) -> None:
        """Take the gradient of one sweep: add it if this is a leaf, else replace by it."""
        if self._operands:
            self._grad = np.asarray(gradient)
            return
        with _writing:
            while True:
                before = self._grad
                total = np.asarray(gradient if before is None else before + gradient)
                if self._grad is before:  # no sweep of a signal handler has added to it meanwhile
                    self._grad = total
                    return

    def contributions(
        self,
        gradient: Any,
        wanted: Collection[Tensor] | None,
        create_graph: graph.Recorded,
        masked: bool,
    ) -> Iterable[tuple[Tensor, Any]]:
        rule: Any = self.operation
        if rule is None:
            return ()
        out: Any
        if create_graph:
            out, operands = self, self._constants_as_arrays()
            if create_graph == "as written" and rule.elementwise:
                rule = rule.as_written
        else:
            out, operands = self._array, self._plain_operands()
        if self._origin:
            _check_memory(self)
        found = []
        for index, operand in enumerate(self._operands):
            if not isinstance(operand, Tensor) or (wanted is not None and operand not in wanted):
                continue
            pullback = rule.pullback(index)
            if pullback is None:
                continue
            if self._recorded != _clock:
                self._check_unchanged(index)
            share = pullback(gradient, out, *operands, **self._options)
            if share is None:
                continue
            if (masked or self._origin) and rule.elementwise:
                share = _masked(share, gradient)
            share = _fit(share, operand, rule)
            if not (operand._operands or create_graph) and (
                rule.foreign or is_shared(share, (gradient, out, *operands))
            ):
                share = share.copy()  # what a leaf keeps is its own
            if self._origin:
                _check_finite(self, index, gradient, share)
            found.append((operand, share))
        return found

    def _constants_as_arrays(self) -> tuple[Any, ...]:
        """The operands; a Python number in an elementwise operation as a scalar of NumPy's.

        For 1 / 0 is an error in Python and infinity in NumPy, as it was in the forward pass.
        """
        if self.operation is None or not self.operation.elementwise:
            return self._operands
        scalar = self._array.dtype.type
        return tuple(scalar(o) if type(o) in _PYTHON_NUMBERS else o for o in self._operands)

    def _plain_operands(self) -> tuple[Any, ...]:
        return tuple(map(plain, self._constants_as_arrays()))

    def _check_unchanged(self, index: int) -> None:
        operation: Any = self.operation
        read = [
            operand
            for other, operand in enumerate(self._operands)
            if isinstance(operand, Tensor) and operation.reads_operand(index, other)
        ]
        for node in [*read, self] if operation.reads_result(index) else read:
            if node._array.base is None:
                changed = node._changed
            else:
                changed = max(viewed._changed for viewed in node._memory())
            if changed > self._recorded:
                label = f" {node.label!r}" if node.label else ""
                raise RuntimeError(
                    f"the data of Tensor{label} of shape {node.shape} was replaced after "
                    f"{self.op} had recorded it, and its derivative needs the old "
                    "values: call backward() or draw() before the update, or compute the loss "
                    "again after it"
                )

    # Operators

    def __add__(self, other: Any) -> Tensor:
        return _operate("add", self, other)

    def __radd__(self, other: Any) -> Tensor:
        return _operate("add", other, self)

    def __sub__(self, other: Any) -> Tensor:
        return _operate("sub", self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return _operate("sub", other, self)

    def __mul__(self, other: Any) -> Tensor:
        return _operate("mul", self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return _operate("mul", other, self)

    def __truediv__(self, other: Any) -> Tensor:
        return _operate("div", self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return _operate("div", other, self)

    def __pow__(self, other: Any) -> Tensor:
        return _operate("pow", self, other)

    def __rpow__(self, other: Any) -> Tensor:
        return _operate("pow", other, self)

    def __mod__(self, other: Any) -> Tensor:
        return _operate("mod", self, other)

    def __rmod__(self, other: Any) -> Tensor:
        return _operate("mod", other, self)

    def __floordiv__(self, other: Any) -> Tensor:
        return _operate("floor_divide", self, other)

    def __rfloordiv__(self, other: Any) -> Tensor:
        return _operate("floor_divide", other, self)

    def __divmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return other // self, other % self

    def __round__(self, digits: int | None = None) -> Tensor:
        return self.round(0 if digits is None else digits)

    def __floor__(self) -> Tensor:
        return record(RULES["floor"], (self,))

    def __ceil__(self) -> Tensor:
        return record(RULES["ceil"], (self,))

    def __trunc__(self) -> Tensor:
        return record(RULES["trunc"], (self,))

    def __matmul__(self, other: Any) -> Tensor:
        return _through_numpy(NUMPY_FUNCTIONS[np.matmul], self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return _through_numpy(NUMPY_FUNCTIONS[np.matmul], other, self)

    def __neg__(self) -> Tensor:
        return record(RULES["neg"], (self,))

    def __pos__(self) -> Tensor:
        return record(RULES["positive"], (self,))

    def __abs__(self) -> Tensor:
        return record(RULES["abs"], (self,))

    # In place: of a leaf inside no_grad(); elsewhere a new node

    def __iadd__(self, other: Any) -> Tensor:
        return _in_place(operator.add, "+=", self, other)

    def __isub__(self, other: Any) -> Tensor:
        return _in_place(operator.sub, "-=", self, other)

    def __imul__(self, other: Any) -> Tensor:
        return _in_place(operator.mul, "*=", self, other)

    def __itruediv__(self, other: Any) -> Tensor:
        return _in_place(operator.truediv, "/=", self, other)

    def __ipow__(self, other: Any) -> Tensor:
        return _in_place(operator.pow, "**=", self, other)

    def __imod__(self, other: Any) -> Tensor:
        return _in_place(operator.mod, "%=", self, other)

    def __ifloordiv__(self, other: Any) -> Tensor:
        return _in_place(operator.floordiv, "//=", self, other)

    def __imatmul__(self, other: Any) -> Tensor:
        return _in_place(operator.matmul, "@=", self, other)

    # Comparisons give plain boolean arrays and are not recorded

    def __lt__(self, other: Any) -> Any:
        return operator.lt(self._array, plain(other))

    def __le__(self, other: Any) -> Any:
        return operator.le(self._array, plain(other))

    def __gt__(self, other: Any) -> Any:
        return operator.gt(self._array, plain(other))

    def __ge__(self, other: Any) -> Any:
        return operator.ge(self._array, plain(other))

    def __eq__(self, other: object) -> Any:
        return operator.eq(self._array, plain(other))

    def __ne__(self, other: object) -> Any:
        return operator.ne(self._array, plain(other))

    __hash__ = object.__hash__

    # The array's shape and parts

    @property
    def shape(self) -> tuple[int, ...]:
        shape: tuple[int, ...] = self._array.shape
        return shape

    @property
    def ndim(self) -> int:
        return self._array.ndim

    @property
    def size(self) -> int:
        return self._array.size

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._array.dtype

    @property
    def T(self) -> Tensor:
        return _through_numpy(np.transpose, self)

    def reshape(self, *shape: Any, **more: Any) -> Tensor:
        return _through_numpy(np.reshape, self, shape[0] if len(shape) == 1 else shape, **more)

    def transpose(self, *axes: Any) -> Tensor:
        return _through_numpy(np.transpose, self, (axes[0] if len(axes) == 1 else axes) or None)

    def ravel(self) -> Tensor:
        return _through_numpy(np.ravel, self)

    flatten = ravel

    def squeeze(self, axis: Any = None, **more: Any) -> Tensor:
        return _through_numpy(np.squeeze, self, axis, **more)

    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        return _through_numpy(np.swapaxes, self, axis1, axis2)

    def sum(
        self,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        keepdims: bool = False,
        **more: Any,
    ) -> Tensor:
        return _reduction(np.sum, self, dtype, out, axis=axis, keepdims=keepdims, **more)

    def mean(
        self,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        keepdims: bool = False,
        **more: Any,
    ) -> Tensor:
        return _reduction(np.mean, self, dtype, out, axis=axis, keepdims=keepdims, **more)

    def var(
        self,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        ddof: int = 0,
        keepdims: bool = False,
        **more: Any,
    ) -> Tensor:
        return _reduction(np.var, self, dtype, out, axis=axis, keepdims=keepdims, ddof=ddof, **more)

    def std(
        self,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        ddof: int = 0,
        keepdims: bool = False,
        **more: Any,
    ) -> Tensor:
        return _reduction(np.std, self, dtype, out, axis=axis, keepdims=keepdims, ddof=ddof, **more)

    def prod(
        self,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        keepdims: bool = False,
        **more: Any,
    ) -> Tensor:
        return _reduction(np.prod, self, dtype, out, axis=axis, keepdims=keepdims, **more)

    def max(self, axis: Any = None, out: Any = None, keepdims: bool = False, **more: Any) -> Tensor:
        return _reduction(np.max, self, None, out, axis=axis, keepdims=keepdims, **more)

    def min(self, axis: Any = None, out: Any = None, keepdims: bool = False, **more: Any) -> Tensor:
        return _reduction(np.min, self, None, out, axis=axis, keepdims=keepdims, **more)

    def cumsum(self, axis: Any = None, **more: Any) -> Tensor:
        return _through_numpy(np.cumsum, self, axis=axis, **more)

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
        return _through_numpy(np.trace, self, offset, axis1, axis2)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
        return _through_numpy(np.diagonal, self, offset, axis1, axis2)

    def dot(self, other: Any) -> Tensor:
        return _through_numpy(np.dot, self, other)

    def clip(self, min: Any = None, max: Any = None) -> Tensor:
        return _through_numpy(np.clip, self, min, max)

    def round(self, decimals: Any = 0, **more: Any) -> Tensor:
        return _through_numpy(np.round, self, decimals, **more)

    def repeat(self, repeats: Any, axis: Any = None, **more: Any) -> Tensor:
        return _through_numpy(np.repeat, self, repeats, axis, **more)

    def take(self, indices: Any, axis: Any = None, **more: Any) -> Tensor:
        return _through_numpy(np.take, self, indices, axis, **more)

    def astype(self, dtype: Any) -> Tensor:
        return _through_numpy(NUMPY_FUNCTIONS[np.ndarray.astype], self, dtype)

    def argmax(self, axis: Any = None, **more: Any) -> Any:
        return _through_numpy(np.argmax, self, axis, **more)

    def argmin(self, axis: Any = None, **more: Any) -> Any:
        return _through_numpy(np.argmin, self, axis, **more)

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("a Tensor of shape () has no length")
        return len(self._array)

    def __iter__(self) -> Iterator[Tensor]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: Any) -> Tensor:
        return _through_numpy(NUMPY_FUNCTIONS[operator.getitem], self, index)

    # What would drop the gradient says what to write instead

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        raise TypeError(
            "t[i] = v would overwrite numbers that the sweep needs: write np.where(mask, v, t) or "
            "np.concatenate([...]) for a new Tensor, or t.data[i] = v before t is used"
        )

    def __bool__(self) -> NoReturn:
        raise TypeError(
            f"a Tensor of shape {self.shape} is neither true nor false: write `if t.item() != 0:` "
            "or `if np.any(t.data):`"
        )

    def view(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError(
            "a Tensor has no view as another type of array, and numpy.ma's functions no derivative "
            "rule: write t.reshape(...) for another shape, np's functions for np.ma's"
        )

    def __float__(self) -> NoReturn:
        raise TypeError(
            "float(t), math's functions and array[i] = t would drop the gradient: write np.exp(t) "
            "for math.exp(t), collect Tensors in a list and np.stack them instead of filling an "
            "array; t.item() is the plain number, without a gradient"
        )

    def __int__(self) -> NoReturn:
        raise TypeError("int(tensor) would drop the gradient: write int(t.item())")

    def __array__(self, dtype: Any = None, copy: Any = None) -> NoReturn:
        raise TypeError(numpy_protocol.made_plain(sys._getframe(1), NUMPY_FUNCTIONS))

    __pandas_priority__ = 5000  # above a DataFrame's: its operators leave a Tensor to ours

    # NumPy's functions

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        kwargs = numpy_protocol.without_defaults(kwargs) if kwargs else kwargs
        if method == "__call__" and not kwargs:
            if ufunc in numpy_protocol.PLAIN_UFUNCS:
                return ufunc(*map(plain, inputs))
            rule = rule_of_ufunc(ufunc)
            if rule is not None:
                return FUNCTIONS[rule.name](*inputs)
            if ufunc is np.divmod:
                return np.floor_divide(*inputs), np.remainder(*inputs)
        if method == "reduce":
            function = NUMPY_FUNCTIONS.get(numpy_protocol.REDUCTIONS.get(ufunc, ufunc))
            kwargs.setdefault("axis", 0)
        else:
            function = NUMPY_FUNCTIONS.get(ufunc)
        if function is None or "out" in kwargs or method not in ("__call__", "reduce"):
            options = {key: value for key, value in kwargs.items() if key != "axis"}
            raise TypeError(unknown_function(ufunc, method, options, "Tensor"))
        return _call(function, ufunc, method, inputs, kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func in numpy_protocol.PLAIN_FUNCTIONS:
            return func(*_plain(args), **_plain(kwargs))
        for kind in types:
            numpy_protocol.refuse_kind(kind)
        function = NUMPY_FUNCTIONS.get(func)
        if function is None:
            raise TypeError(unknown_function(func, "__call__", {}, "Tensor"))
        kwargs = {key: value for key, value in kwargs.items() if value is not np._NoValue}
        if kwargs.get("out") is not None:
            raise TypeError(unknown_function(func, "__call__", {"out": ...}, "Tensor"))
        kwargs.pop("out", None)
        return _call(function, func, "__call__", args, kwargs)

    # Copies

    def __reduce__(self) -> Any:
        if self.operation:
            raise TypeError(
                f"a computed Tensor ({self.op}) is neither copied nor pickled, for the copy would "
                "have operands that nobody else holds: copy its leaves and compute again, or "
                "write tensor.data for its numbers, tensor.detach() for a leaf with them, +tensor "
                "for a node of its own"
            )
        return _leaf, (self._array, self._grad, self.label, self._unrecorded)

    # How it prints

    def __repr__(self) -> str:
        body = np.array2string(self._array, separator=", ", prefix="Tensor(", threshold=100)
        label = f", label={self.label!r}" if self.label else ""
        op = f", op={self.op!r}" if self.op else ""
        dtype = "" if self.dtype == np.float64 else f", dtype={self.dtype}"
        return f"Tensor({body}{dtype}{label}{op})"

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else repr(self)

    def __dir__(self) -> list[str]:
        return sorted(set(super().__dir__()) - other_libraries.TENSOR.keys())


for _name in other_libraries.TENSOR:
    setattr(Tensor, _name, other_libraries.NotEvenSet("Tensor", _name))


def _leaf(data: Array, grad: Array | None, label: str, unrecorded: bool = False) -> Tensor:
    """The leaf that was copied or pickled."""
    made = Tensor(data, label)
    made.grad = grad
    if unrecorded:
        made._options = _UNRECORDED
    return made


def _call(function: Any, numpy: Any, method: str, args: Any, kwargs: dict[str, Any]) -> Any:
    """Our function in place of NumPy's; an option that it has not got is named."""
    try:
        return function(*args, **kwargs)
    except TypeError as error:
        if error.__traceback__ is None or error.__traceback__.tb_next is not None:
            raise  # it came from inside, not from the arguments
    unknown = {k: v for k, v in kwargs.items() if k not in inspect.signature(function).parameters}
    if method == "__call__":
        args, kwargs, unknown = numpy_protocol.fitted(function, numpy, args, kwargs)
    if unknown:
        raise TypeError(unknown_function(numpy, method, unknown, "Tensor"))
    return function(*args, **kwargs)


def _reduction(
    function: Callable[..., Any], x: Tensor, dtype: Any, out: Any, **options: Any
) -> Tensor:
    """NumPy's function, without the two options that can but be at their defaults."""
    if dtype is not None:
        options["dtype"] = dtype
    if out is not None:
        options["out"] = out
    return _through_numpy(function, x, **options)


def _through_numpy(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Tensor:
    """NumPy's function of a Tensor, which gives a Tensor whatever NumPy's types say."""
    if not other_libraries.OPTIONS.keys().isdisjoint(kwargs):
        other_libraries.refuse_options(function.__name__, kwargs)
    made: Tensor = function(*args, **kwargs)
    return made


def record(rule: Any, operands: tuple[Any, ...], options: dict[str, Any] | None = None) -> Tensor:
    """The Tensor that a rule makes of its operands, with the graph to it.

    Raises:
        ValueError: the shapes do not fit; names the operation and all shapes.
        TypeError: an operand is not made of real numbers, or is a Value.
    """
    options = options or {}
    arrays = [operand._array if isinstance(operand, Tensor) else operand for operand in operands]
    for array in arrays:
        if type(array) not in _PLAIN_TYPES:
            operands = tuple(map(_constant, operands))
            arrays = [plain(operand) for operand in operands]
            break
    try:
        out = np.asarray(rule.forward(*arrays, **options))
        for array in arrays:
            if out is array:  # a view, which tells that memory is shared
                out = out.view()
    except (ValueError, TypeError, IndexError) as error:
        _refuse(rule, operands, error)
    if out.dtype.kind != "f":
        advice = "a Tensor holds real numbers; t.data has the plain ones, without a gradient"
        _refuse(rule, operands, TypeError(f"its result would be {out.dtype}: {advice}"))
    node = Tensor.__new__(Tensor)
    node._set(out, rule, operands, options)
    if modes.special:
        _record_specially(node)
    return node


def _record_specially(node: Tensor) -> None:
    arrays = [np.asarray(plain(operand)) for operand in node._operands]
    if modes.debugging():
        line = modes.source_line()
        node._origin = (line, _fingerprints(node))
        if not np.isfinite(node._array).all() and all(np.isfinite(array).all() for array in arrays):
            bad = node._array[~np.isfinite(node._array)][0]
            raise FloatingPointError(f"{node.op} made {bad} from finite operands, at {line}")
    if not modes.recording():
        if node._array.base is not None:
            node._array = node._array.copy()  # a leaf's memory is its own
        node.operation, node._operands, node._options, node._origin = None, (), _UNRECORDED, None


def _fingerprints(node: Tensor) -> tuple[int, ...]:
    arrays = [np.ascontiguousarray(plain(operand)) for operand in (*node._operands, node)]
    return tuple(hash(array.tobytes()) for array in arrays)


def _check_memory(node: Tensor) -> None:
    assert node._origin is not None
    line, before = node._origin
    for index, (old, new) in enumerate(zip(before, _fingerprints(node), strict=True)):
        if old != new:
            what = f"operand {index}" if index < len(node._operands) else "the result"
            raise RuntimeError(
                f"{what} of {node.op}, recorded at {line}, was written to before the sweep: "
                "compute with a copy, or call backward() before the write"
            )


def _check_finite(node: Tensor, index: int, gradient: Any, share: Any) -> None:
    upstream, found = plain(gradient), plain(share)
    if not np.isfinite(found).all() and np.isfinite(upstream).all():
        bad = found[~np.isfinite(found)][0]
        assert node._origin is not None
        raise FloatingPointError(
            f"the derivative of {node.op} for operand {index} made {bad} from a finite upstream "
            f"gradient; {node.op} was recorded at {node._origin[0]}"
        )


def unbroadcast(gradient: Any, shape: tuple[int, ...]) -> Any:
    """The gradient of an operand of this shape that was broadcast: summed over what was repeated.

    >>> unbroadcast(np.ones((4, 2, 3)), (2, 1))
    array([[12.],
           [12.]])
    """
    extra = gradient.ndim - len(shape)
    axes = tuple(range(extra))
    if gradient.shape[extra:] != shape:
        axes += tuple(
            axis + extra
            for axis, size in enumerate(shape)
            if size == 1 and gradient.shape[axis + extra] != 1
        )
    if not axes:
        return gradient
    if isinstance(gradient, Tensor):
        return np.reshape(np.sum(gradient, axis=axes), shape)
    found = np.add.reduce(gradient, axis=axes, dtype=sum_dtype(gradient))
    return found if found.shape == shape else found.reshape(shape)


def sum_dtype(array: Any) -> np.dtype[Any]:
    """The dtype to sum in: float16 has no room for sums and counts, nor has NumPy's mean."""
    dtype: np.dtype[Any] = array.dtype
    return _FLOAT32 if dtype == _FLOAT16 else dtype


_FLOAT16, _FLOAT32 = np.dtype(np.float16), np.dtype(np.float32)


def _fit(share: Any, operand: Tensor, rule: Any) -> Any:
    """What an operand receives, in the operand's shape and dtype."""
    if not isinstance(share, Tensor):
        share = np.asarray(share)
    shape = operand._array.shape
    if share.shape != shape:
        if not rule.broadcasts:
            raise ValueError(
                f"the pullback of {rule.name} gave a gradient of shape {share.shape} for an "
                f"operand of shape {shape}; they must be equal"
            )
        if share.shape[max(share.ndim - len(shape), 0) :] != shape:
            share = np.broadcast_to(share, np.broadcast_shapes(share.shape, shape))
        share = unbroadcast(share, shape)
    if share.dtype != operand._array.dtype:
        share = share.astype(operand._array.dtype)
    return share


def _masked(share: Any, gradient: Any) -> Any:
    """A share with zero in place of NaN where the upstream gradient is zero."""
    undefined = np.isnan(plain(share)) & (plain(gradient) == 0)
    return np.where(undefined, 0, share) if undefined.any() else share


def is_shared(share: Array, others: tuple[Any, ...]) -> bool:
    """Whether an array may share its memory: a view, or one of the others itself."""
    return share.base is not None or any(share is other for other in others)


def _refuse(rule: Any, operands: tuple[Any, ...], error: Exception) -> NoReturn:
    """Raise ``error`` again with the operation and all operands' shapes named."""
    if any(isinstance(operand, Value) for operand in operands):
        raise TypeError(
            f"{rule.name} of a Tensor and a Value: write Tensor(value.data) for a constant, or "
            "make all of them Tensors"
        ) from None
    for operand in operands:
        if not isinstance(operand, Tensor):
            _real_array(operand, f"{rule.name}: ")
    shapes = " and ".join(str(np.shape(plain(operand))) for operand in operands)
    raise type(error)(f"{rule.name} of operands of shapes {shapes}: {error}") from None


_PYTHON_NUMBERS = frozenset({bool, int, float})
_NUMBERS = (Tensor, np.ndarray, np.generic, float, int)


def _in_place(operation: Any, sign: str, left: Tensor, right: Any) -> Tensor:
    """``left sign right``: an update of a leaf inside ``no_grad()``, elsewhere a new node.

    Raises:
        TypeError: it would put a new node in the place of a leaf that is being trained.
        ValueError: inside ``no_grad()``, the result has another shape.
    """
    if left._operands:
        return cast(Tensor, operation(left, right))
    if not modes.recording():
        result = operation(left._array, plain(right))
        if np.shape(result) != left.shape:
            raise ValueError(
                f"t {sign} … of shapes {left.shape} and {np.shape(plain(right))} cannot be done "
                f"in place: its result has shape {np.shape(result)}"
            )
        left.data = result
        return left
    # What gradients() gives is plain; a Tensor may be a step that is to be differentiated.
    unused = graph.was_differentiated(left) and not isinstance(right, Tensor)
    if left._grad is not None or unused:
        raise graph.lost_update(left, sign)
    return cast(Tensor, operation(left, right))


_PLAIN_TYPES = {np.ndarray, float, int, bool, np.float64, np.float32}


def _constant(operand: Any) -> Any:
    """An operand as it is recorded: what another library calls an array or a number becomes ours.

    Raises:
        TypeError: it is a masked array or a matrix.
    """
    if isinstance(operand, Tensor | Value | np.generic):
        return operand
    if not hasattr(operand, "__array__"):
        number = constant(operand)
        return operand if number is None else number
    numpy_protocol.refuse_kind(type(operand))
    return np.asarray(operand)


def _operate(name: str, left: Any, right: Any) -> Tensor:
    other = right if isinstance(left, Tensor) else left
    if not isinstance(other, _NUMBERS):
        if isinstance(other, Value | complex | str | list | tuple):
            left, right = (
                o if isinstance(o, Tensor | Value) else _real_array(o, f"{name}: ")
                for o in (left, right)
            )
        elif not hasattr(other, "__array__") and constant(other) is None:
            return cast(Tensor, NotImplemented)
    return record(RULES[name], (left, right))


def _real_array(data: Any, what: str = "") -> Array:
    """The data as a float array; integers become float64.

    Raises:
        TypeError: it holds complex numbers, text or objects.
    """
    if isinstance(data, Tensor | Value):
        name = type(data).__name__
        raise TypeError(
            f"{what}expected plain numbers, found a {name}: write {name.lower()}.data, or "
            f"np.stack([...]) to join Tensors"
        )
    if isinstance(data, np.ma.MaskedArray):
        raise TypeError(f"{what}a Tensor would lose the mask: write data.filled(...)")
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise ValueError(f"{what}rows of a Tensor must have one length: {error}") from None
    if array.dtype.kind in "iub":
        return array.astype(np.float64)
    if array.dtype.kind != "f":
        advice = {
            "c": "use real and imaginary parts",
            "U": "convert text to numbers first",
            "S": "convert text to numbers first",
            "O": _numbers_among_objects(array),
        }.get(array.dtype.kind, "convert it to float64 first")
        raise TypeError(
            f"{what}a Tensor holds real numbers (float16, float32, float64, or integers, which "
            f"become float64), not {array.dtype}: {advice}"
        )
    return array


def _numbers_among_objects(array: Array) -> str:
    """What to write for an array of objects."""
    others = [o for o in array.flat if constant(o) is None]
    if not others:
        return "write np.asarray(data, dtype=float)"
    if isinstance(others[0], Value):
        return "it holds Values, which Tensors do not mix with: write their .data for constants"
    return f"it holds a {type(others[0]).__name__}; all must be numbers, in rows of one length"


def plain(operand: Any) -> Any:
    """The plain array or number of an operand."""
    return operand._array if isinstance(operand, Tensor) else operand


def _plain(arguments: Any) -> Any:
    if isinstance(arguments, Tensor):
        return arguments._array
    if isinstance(arguments, list | tuple):
        return type(arguments)(map(_plain, arguments))
    if isinstance(arguments, dict):
        return {key: _plain(value) for key, value in arguments.items()}
    return arguments
