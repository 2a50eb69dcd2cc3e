"""A Tensor as an array: operators, the methods and shape of an array, NumPy's functions.

Everything here goes through ``record``, and through NumPy's protocols to ``NUMPY_FUNCTIONS``.
"""

from __future__ import annotations

import inspect
import operator
import sys
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn, cast

import numpy as np
from numpy.typing import DTypeLike

from autograd_mini.core import modes, tensor
from autograd_mini.core.array_node import ArrayOperators
from autograd_mini.core.operation import NUMPY_FUNCTIONS, OPERATIONS, numpy_function
from autograd_mini.core.rule import RULES, rule_of_ufunc
from autograd_mini.interface import differentiated, numpy_protocol
from autograd_mini.interface.array_methods import ArrayMethods, through_numpy
from autograd_mini.interface.numpy_protocol import unknown_function
from autograd_mini.typing import Function, Operand, Tree

if TYPE_CHECKING:
    from autograd_mini.core.tensor import Tensor

NUMPY_FUNCTIONS.update(numpy_protocol.ROUNDING)


class ArrayInterface(ArrayMethods, ArrayOperators):
    """The part of Tensor by which it is used as an array is."""

    __slots__ = ()

    # Operators

    def __divmod__(self, other: Operand) -> tuple[Tensor, Tensor]:
        return self // other, self % other

    def __rdivmod__(self, other: Operand) -> tuple[Tensor, Tensor]:
        return other // self, other % self

    def __round__(self, digits: int | None = None) -> Tensor:
        return self.round(0 if digits is None else digits)

    def __floor__(self) -> Tensor:
        return tensor.record(RULES["floor"], (self,))

    def __ceil__(self) -> Tensor:
        return tensor.record(RULES["ceil"], (self,))

    def __trunc__(self) -> Tensor:
        return tensor.record(RULES["trunc"], (self,))

    def __matmul__(self, other: Operand) -> Tensor:
        if hasattr(other, "tocsr"):
            transposed: Tensor = other.T @ self.T
            return transposed.T
        return through_numpy(NUMPY_FUNCTIONS[np.matmul], self, other)

    def __rmatmul__(self, other: Operand) -> Tensor:
        if hasattr(other, "tocsr"):  # a sparse matrix of SciPy's, which leaves the product to us
            return through_numpy(OPERATIONS["sparse_product"], self, matrix=other.copy())
        return through_numpy(NUMPY_FUNCTIONS[np.matmul], other, self)

    def __pos__(self) -> Tensor:
        return tensor.record(RULES["positive"], (self,))

    def __abs__(self) -> Tensor:
        return tensor.record(RULES["abs"], (self,))

    # In place: of a leaf inside no_grad(); elsewhere a new node

    def __iadd__(self, other: Operand) -> Tensor:
        return _in_place(operator.add, "+=", cast("Tensor", self), other)

    def __isub__(self, other: Operand) -> Tensor:
        return _in_place(operator.sub, "-=", cast("Tensor", self), other)

    def __imul__(self, other: Operand) -> Tensor:
        return _in_place(operator.mul, "*=", cast("Tensor", self), other)

    def __itruediv__(self, other: Operand) -> Tensor:
        return _in_place(operator.truediv, "/=", cast("Tensor", self), other)

    def __ipow__(self, other: Operand) -> Tensor:
        return _in_place(operator.pow, "**=", cast("Tensor", self), other)

    def __imod__(self, other: Operand) -> Tensor:
        return _in_place(operator.mod, "%=", cast("Tensor", self), other)

    def __ifloordiv__(self, other: Operand) -> Tensor:
        return _in_place(operator.floordiv, "//=", cast("Tensor", self), other)

    def __imatmul__(self, other: Operand) -> Tensor:
        return _in_place(operator.matmul, "@=", cast("Tensor", self), other)

    # Comparisons give plain boolean arrays and are not recorded

    def __lt__(self, other: Operand) -> Any:
        return operator.lt(self._array, tensor.plain(other))

    def __le__(self, other: Operand) -> Any:
        return operator.le(self._array, tensor.plain(other))

    def __gt__(self, other: Operand) -> Any:
        return operator.gt(self._array, tensor.plain(other))

    def __ge__(self, other: Operand) -> Any:
        return operator.ge(self._array, tensor.plain(other))

    def __eq__(self, other: object) -> Any:
        return operator.eq(self._array, tensor.plain(other))

    def __ne__(self, other: object) -> Any:
        return operator.ne(self._array, tensor.plain(other))

    __hash__ = object.__hash__

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("a Tensor of shape () has no length")
        return len(self._array)

    def __iter__(self) -> Iterator[Tensor]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: object) -> Tensor:
        return through_numpy(NUMPY_FUNCTIONS[operator.getitem], self, index)

    # What would drop the gradient says what to write instead

    def __setitem__(self, index: object, value: Operand) -> NoReturn:
        raise TypeError(
            "t[i] = v would overwrite numbers that the sweep needs: write ag.at(t, i).set(v) or "
            "np.where(mask, v, t) for a new Tensor, or t.data[i] = v before t is used"
        )

    def __bool__(self) -> NoReturn:
        raise TypeError(
            f"a Tensor of shape {self.shape} is neither true nor false: write `if t.item() != 0:` "
            "or `if np.any(t.data):`"
        )

    def view(self, *_: Operand, **__: object) -> NoReturn:
        raise TypeError(
            "a Tensor has no view as another type of array, and numpy.ma's functions no derivative "
            "rule: write t.reshape(...) for another shape, np's functions for np.ma's"
        )

    def __float__(self) -> NoReturn:
        raise TypeError(
            "float(t), math's functions and array[i] = t would drop the gradient: write np.exp(t) "
            "for math.exp(t), ag.zeros(shape) or np.zeros_like(t) for an array that Tensors are "
            "written into; t.item() is the plain number, without a gradient"
        )

    def __int__(self) -> NoReturn:
        raise TypeError("int(tensor) would drop the gradient: write int(t.item())")

    def __array__(self, dtype: object = None, copy: object = None) -> Any:
        if numpy_protocol.asks_for_an_operand(sys._getframe(1)):
            whole = np.empty((), object)
            whole[()] = self
            return whole
        if numpy_protocol.asks_to_join(sys._getframe(1), self):
            stand_in = np.zeros(self.shape, self.dtype).view(numpy_protocol.StandIn)
            stand_in.stands_in_for = self
            return stand_in
        raise TypeError(numpy_protocol.made_plain(sys._getframe(1), NUMPY_FUNCTIONS))

    def __array_namespace__(self, *, api_version: str | None = None) -> ModuleType:
        """NumPy, whose functions a Tensor takes: for code that is written to the array API."""
        return np

    __pandas_priority__ = 5000  # above a DataFrame's: its operators leave a Tensor to ours

    # NumPy's functions

    def through_ufunc(
        self, ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """What ``__array_ufunc__`` gives where it is not a row of the table that is called."""
        kwargs = numpy_protocol.without_defaults(kwargs) if kwargs else kwargs
        if method == "__call__" and kwargs.keys() == {"dtype"}:
            inputs = tuple(_of_dtype(each, kwargs["dtype"]) for each in inputs)
            kwargs = {}
        if method == "__call__" and not kwargs:
            if ufunc in numpy_protocol.PLAIN_UFUNCS:
                return ufunc(*map(tensor.plain, inputs))
            rule = rule_of_ufunc(ufunc)
            if rule is not None:
                return tensor.record(rule, inputs)
        function: Any = ufunc
        if method == "reduce":
            function = numpy_protocol.REDUCTIONS.get(ufunc)
        elif method == "accumulate":
            function = numpy_protocol.ACCUMULATIONS.get(ufunc, ufunc.accumulate)
        elif method in ("outer", "reduceat"):
            function, inputs = getattr(np.ufunc, method), (ufunc, *inputs)
        if method in ("reduce", "accumulate", "reduceat"):
            kwargs.setdefault("axis", 0)
        function = numpy_function(function)
        if method == "__call__":
            inputs = tuple(np.asarray(i) if isinstance(i, list | tuple) else i for i in inputs)
        if function is None or "out" in kwargs or method == "at":
            options = {key: value for key, value in kwargs.items() if key != "axis"}
            raise TypeError(unknown_function(ufunc, method, options, "Tensor"))
        return _call(function, ufunc, method, inputs, kwargs)

    def __array_function__(
        self, func: Function, types: Iterable[type], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if func in numpy_protocol.PLAIN_FUNCTIONS:
            return func(*_plain(args), **_plain(kwargs))
        for kind in types:
            numpy_protocol.refuse_kind(kind)
        function = numpy_function(func)
        if function is None:
            raise TypeError(unknown_function(func, "__call__", {}, "Tensor"))
        kwargs = {key: value for key, value in kwargs.items() if value is not np._NoValue}
        if kwargs.get("out") is not None:
            raise TypeError(unknown_function(func, "__call__", {"out": ...}, "Tensor"))
        kwargs.pop("out", None)
        return _call(function, func, "__call__", args, kwargs)


def _in_place(operation: Function, sign: str, left: Tensor, right: Operand) -> Tensor:
    """``left sign right``: an update of a leaf inside ``no_grad()``, elsewhere a new node.

    Raises:
        TypeError: it would put a new node in the place of a leaf that is being trained.
        ValueError: inside ``no_grad()``, the result has another shape.
    """
    if left.operation:
        return cast("Tensor", operation(left, right))
    if not modes.recording():
        result = operation(left._array, tensor.plain(right))
        if np.shape(result) != left.shape:
            raise ValueError(
                f"t {sign} … of shapes {left.shape} and {np.shape(tensor.plain(right))} cannot be "
                f"done in place: its result has shape {np.shape(result)}"
            )
        left.data = result
        return left
    # What gradients() gives is plain; a Tensor may be a step that is to be differentiated.
    unused = differentiated.was_given(left) and not isinstance(right, tensor.Tensor)
    if left._grad is not None or unused:
        raise differentiated.lost_update(left, sign)
    return cast("Tensor", operation(left, right))


def _call(ours: Function, numpy: Function, method: str, args: Any, kwargs: dict[str, Any]) -> Any:
    """Our function in place of NumPy's; an option that it has not got is named."""
    try:
        return ours(*args, **kwargs)
    except TypeError as error:
        if error.__traceback__ is None or error.__traceback__.tb_next is not None:
            raise  # it came from inside, not from the arguments
    unknown = {k: v for k, v in kwargs.items() if k not in inspect.signature(ours).parameters}
    given = args, kwargs
    if method == "__call__":
        args, kwargs, unknown = numpy_protocol.arguments_for(ours, numpy, args, kwargs)
    if unknown:
        if "out" in unknown:
            raise TypeError(unknown_function(numpy, method, {"out": ...}, "Tensor"))
        same: Any = {
            "__call__": numpy,
            "reduce": numpy_protocol.REDUCTIONS.get(numpy),
            "accumulate": numpy_protocol.ACCUMULATIONS.get(numpy),
        }.get(method)
        whole = numpy_function(same, options=True)
        if whole is None:
            raise TypeError(unknown_function(numpy, method, unknown, "Tensor"))
        return whole(*given[0], **given[1])
    return ours(*args, **kwargs)


def _of_dtype(operand: Operand, dtype: DTypeLike) -> Operand:
    """An operand in the dtype that a ufunc is to compute in."""
    if isinstance(operand, tensor.Tensor):
        return operand.astype(dtype)
    return operand if type(operand) in (float, int) else np.asarray(operand, dtype)


def _plain(arguments: Tree) -> Tree:
    if isinstance(arguments, tensor.Tensor):
        return arguments._array
    if isinstance(arguments, list | tuple):
        return type(arguments)(map(_plain, arguments))
    if isinstance(arguments, dict):
        return {key: _plain(value) for key, value in arguments.items()}
    return arguments
