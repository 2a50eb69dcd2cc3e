"""Value among Python's and NumPy's numbers: comparisons, rounding, NumPy's functions, copies.

What would drop the gradient says what to write instead.  This file is compiled together with
``value.py``, whose class has these methods.
"""

# mypy: disable-error-code="arg-type, attr-defined, operator, return-value"
# (self is a Value)

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from autograd_mini import other_libraries
from autograd_mini._build import build
from autograd_mini.core import modes
from autograd_mini.core.rule import FUNCTIONS, rule_of_ufunc
from autograd_mini.interface import differentiated
from autograd_mini.interface.floats import constant
from autograd_mini.interface.numpy_protocol import ROUNDING, rounded, unknown_function
from autograd_mini.interface.watched import compared
from autograd_mini.typing import Function, Operand

if TYPE_CHECKING:
    from autograd_mini.core.rule import Rule
    from autograd_mini.core.value import Value, _data

NEEDED = ("Value", "_data")
"""What ``value`` puts here."""


class ValueProtocol:
    """The methods of Value that Python and NumPy ask for, but for arithmetic."""

    __slots__ = ()

    # Comparisons compare numbers and are not recorded

    def __lt__(self, other: Operand) -> bool:
        return _compare(operator.lt, self, other)

    def __le__(self, other: Operand) -> bool:
        return _compare(operator.le, self, other)

    def __gt__(self, other: Operand) -> bool:
        return _compare(operator.gt, self, other)

    def __ge__(self, other: Operand) -> bool:
        return _compare(operator.ge, self, other)

    def __eq__(self, other: object) -> bool:
        return _compare(operator.eq, self, other)

    def __ne__(self, other: object) -> bool:
        return _compare(operator.ne, self, other)

    def __bool__(self) -> bool:
        raise TypeError(
            "a Value is neither true nor false: write `if value != 0:` or `if value.data:`"
        )

    def __float__(self) -> float:
        raise TypeError(
            "float(value) and the functions of math would drop the gradient: write value.data "
            "for the plain number, np.exp(value) or value.exp() instead of math.exp(value)"
        )

    def __int__(self) -> int:
        raise TypeError("int(value) would drop the gradient: write int(value.data)")

    # Rounding

    def __round__(self, digits: object = None) -> Value:
        """The nearest multiple of ``10 ** -digits``, as NumPy's ``round`` has it."""
        result: Value = rounded(self, 0 if digits is None else digits)
        return result

    def __divmod__(self, other: Operand) -> tuple[Value, Value]:
        return self // other, self % other

    def __rdivmod__(self, other: Operand) -> tuple[Value, Value]:
        return other // self, other % self

    # NumPy's functions

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Operand, **kwargs: object
    ) -> Any:
        return _call_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(
        self, func: Function, types: object, args: tuple[Operand, ...], kwargs: dict[str, Operand]
    ) -> Operand:
        if func is np.where:
            return FUNCTIONS["where"](*args, **kwargs)
        if func is np.clip:
            return _clip_as_numpy(*args, **kwargs)
        if func in ROUNDING:
            return ROUNDING[func](*args, **kwargs)
        raise TypeError(unknown_function(func, "__call__", {}, "Value"))

    def conjugate(self) -> Value:
        """The Value itself, which is real: np.var and np.std of object arrays ask for it."""
        return self

    # Copies, and how it prints

    def __reduce__(self) -> tuple[Any, ...]:
        return build.reduced(self)

    def __repr__(self) -> str:
        label = f", label={self.label!r}" if self.label else ""
        op = f", op={self.op!r}" if self.op else ""
        return f"Value({self.data!r}{label}{op})"

    def __format__(self, spec: str) -> str:
        return format(self.data, spec) if spec else repr(self)

    def __dir__(self) -> list[str]:
        return sorted(set(object.__dir__(self)) - other_libraries.VALUE.keys())


def _compare(compare: Callable[[Any, Any], bool], left: Value, right: object) -> bool:
    comparable = isinstance(right, Value) or constant(right) is not None
    if not comparable:
        return NotImplemented  # type: ignore[no-any-return]
    holds: bool = compare(left._number, _data(right))
    if modes.special:
        compared(compare, left, right, holds)
    return holds


_COMPARISONS: dict[np.ufunc, Callable[..., bool]] = {
    np.less: operator.lt, np.less_equal: operator.le, np.greater: operator.gt,
    np.greater_equal: operator.ge, np.equal: operator.eq, np.not_equal: operator.ne,
}  # fmt: skip


def _call_ufunc(
    ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Any:
    """A ufunc of Values, numbers, and arrays of Values."""
    arrays = [i for i in inputs if isinstance(i, np.ndarray) and i.ndim]
    row = rule_of_ufunc(ufunc)
    if any(array.dtype == object for array in arrays) and not kwargs:
        if row is not None and not row.symbol and method == "__call__":
            return FUNCTIONS[row.name](*inputs)
        return getattr(ufunc, method)(*map(_as_object_array, inputs))
    if arrays:
        raise TypeError(
            f"{ufunc.__name__} of a Value and an array of shape {arrays[0].shape}: a Value "
            "holds one number; use Tensor for arrays"
        )
    if ufunc in _COMPARISONS and method == "__call__":
        return _COMPARISONS[ufunc](*inputs)
    if ufunc in (np.isfinite, np.isinf, np.isnan, np.signbit):
        return ufunc(inputs[0].data)
    if ufunc is np.divmod and method == "__call__" and not kwargs:
        return np.floor_divide(*inputs), np.remainder(*inputs)
    if row is None or method != "__call__" or kwargs:
        raise TypeError(unknown_function(ufunc, method, kwargs, "Value"))
    return FUNCTIONS[row.name](*inputs)


def _as_object_array(operand: Operand) -> Operand:
    if not isinstance(operand, Value):
        return operand
    array = np.empty((), dtype=object)
    array[()] = operand
    return array


def _clip_as_numpy(
    x: Operand, a_min: Operand = None, a_max: Operand = None, **named: Operand
) -> Operand:
    low, high = named.get("min", a_min), named.get("max", a_max)
    return FUNCTIONS["clip"](x, -np.inf if low is None else low, np.inf if high is None else high)


def refuse_subclass(**options: object) -> NoReturn:
    """What plain Python says as the compiled type does."""
    raise TypeError("type 'autograd_mini.core.value.Value' is not an acceptable base type")


def fail(error: Exception, row: Rule, *operands: Operand) -> NoReturn:
    """Raise ``error`` again with the operation, its operands and its domain named."""
    if isinstance(error, FloatingPointError):  # of debug(), which has said it all
        raise error
    found = ", ".join(map(_described, row.operands, operands))
    if isinstance(error, OverflowError):
        raise OverflowError(f"{row.signature} is too large for a float at {found}") from None
    need = f" is defined for {row.domain}" if row.domain else " is not defined here"
    raise type(error)(f"{row.signature}{need}, got {found}") from None


def _described(name: str, operand: Operand) -> str:
    label = f" (label {operand.label!r})" if getattr(operand, "label", "") else ""
    return f"{name} = {_data(operand)}{label}"


def in_place(
    operation: Callable[[Any, Any], Any], sign: str, leaf: Value, number: Operand
) -> Operand:
    """``leaf sign number``: an update of the leaf inside ``no_grad()``, elsewhere a new node.

    A sum that begins with a parameter (``total = b``, then ``total += w * x``) adds Values and
    does not come here, nor is the result of an operation inside ``no_grad()`` a parameter.

    Raises:
        TypeError: it would put a new node in the place of a leaf that is being trained.
    """
    result = operation(leaf, number)
    if leaf.unrecorded or not isinstance(result, Value):
        return result
    if not modes.recording():
        leaf.data = result.data
        return leaf
    if leaf.grad != 0.0 or differentiated.was_given(leaf):
        raise differentiated.lost_update(leaf, sign)
    return result
