"""Numbers that are recorded: Python's floats and NumPy's, each with its node.

They are floats, so that everything takes them for their numbers; what is computed of them is
computed as Python or NumPy does, and recorded besides.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_mini.core.operation import Operation
from autograd_mini.core.rule import rule_of_ufunc
from autograd_mini.core.tensor import Tensor
from autograd_mini.recording.nodes import noted
from autograd_mini.typing import Operand


class RecordedFloat(float):
    """A float of Python's that is recorded; ``node`` leads to how it was computed."""

    __slots__ = ("node",)
    node: Tensor | None

    def __new__(cls, value: float, node: Tensor | None) -> RecordedFloat:
        made = super().__new__(cls, value)
        made.node = node
        return made

    def __reduce__(self) -> Operand:
        return float, (float.__float__(self),)


class RecordedNumber(np.float64):
    """A number of NumPy's that is recorded; ``node`` leads to how it was computed."""

    node: Tensor | None

    def __new__(cls, value: Operand, node: Tensor | None) -> RecordedNumber:
        made = super().__new__(cls, value)
        made.node = node
        return made

    def __reduce__(self) -> Operand:
        return np.float64, (float.__float__(self),)

    def item(self, *args: Operand) -> Operand:
        return RecordedFloat(self, self.node)

    tolist = item

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Operand, **kwargs: Operand
    ) -> Operand:
        from autograd_mini.recording import ufuncs

        return ufuncs.called(ufunc, method, inputs, kwargs)

    def __array_function__(
        self, func: Operand, types: Operand, args: Operand, kwargs: Operand
    ) -> Operand:
        from autograd_mini.recording import functions

        return functions.called(func, args, kwargs)


RecordedFloat.__array_ufunc__ = RecordedNumber.__array_ufunc__  # type: ignore[attr-defined]
RecordedFloat.__array_function__ = RecordedNumber.__array_function__  # type: ignore[attr-defined]

_Scalar = RecordedFloat | RecordedNumber
_PLAIN = {
    float,
    int,
    bool,
    RecordedFloat,
    RecordedNumber,
    np.float64,
    np.float32,
    np.int64,
    np.bool,
}


def plain_number(value: Operand) -> Operand:
    """A number without its node."""
    if isinstance(value, RecordedNumber):
        return np.float64(float.__float__(value))
    return float.__float__(value) if isinstance(value, RecordedFloat) else value


def number_with(result: Operand, node: Callable[[], Tensor | None]) -> Operand:
    """A result as a recorded number, if it is a float."""
    if type(result) is float:
        return RecordedFloat(result, node())
    return RecordedNumber(result, node()) if type(result) is np.float64 else result


def applied(rule: Operation, result: Operand, *operands: Operand) -> Operand:
    """The result of a rule on numbers, recorded if one of them is."""
    nodes = tuple(_node_or_number(each) for each in operands)
    if not any(isinstance(each, Tensor) for each in nodes):
        return result
    return number_with(result, lambda: noted(rule, nodes, {}, np.asarray(result)))


def _node_or_number(value: Operand) -> Operand:
    node = getattr(value, "node", None) if isinstance(value, _Scalar) else None
    return plain_number(value) if node is None else node


def _rule(ufunc: np.ufunc) -> Operation:
    rule = rule_of_ufunc(ufunc)
    assert rule is not None
    return rule


def _binary(
    rule: Operation, function: Callable[[Any, Any], Any], reflected: bool
) -> Callable[..., Any]:
    dunder = f"__{'r' * reflected}{function.__name__}__"

    def method(self: Operand, other: Operand) -> Operand:
        if type(other) not in _PLAIN:
            return getattr(super(type(self), self), dunder)(other)
        left, right = (other, self) if reflected else (self, other)
        return applied(rule, function(plain_number(left), plain_number(right)), left, right)

    method.__name__ = method.__qualname__ = dunder
    return method


def _unary(rule: Operation, function: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda self: applied(rule, function(plain_number(self)), self)


def _round(self: Operand, digits: int | None = None) -> Operand:
    result = round(plain_number(self), digits)
    node, rule = self.node, _rule(np.rint)
    return number_with(
        result,
        lambda: None if node is None else noted(rule, (node,), {}, np.asarray(result)),
    )


def _method(name: str) -> Callable[..., Any]:
    """A method of NumPy's numbers, by the function that does it for arrays."""
    return lambda self, *args, **options: getattr(np, name)(self, *args, **options)


def _astype(self: Operand, dtype: Operand, *args: Operand, **options: Operand) -> Operand:
    plain = plain_number(self).astype(dtype, *args, **options)
    return self if plain.dtype.kind == "f" else plain


for _name in (
    "sum", "mean", "prod", "max", "min", "std", "var", "clip", "round", "reshape", "ravel",
    "squeeze", "transpose", "cumsum", "cumprod", "repeat", "take", "trace", "diagonal",
):  # fmt: skip
    setattr(RecordedNumber, _name, _method(_name))
for _name, _own in {
    "flatten": _method("ravel"),
    "astype": _astype,
    "copy": lambda self, *order: self,
    "T": property(lambda self: self),
}.items():
    setattr(RecordedNumber, _name, _own)
for _class in (RecordedFloat, RecordedNumber):
    for _ufunc, _function in (
        (np.add, operator.add),
        (np.subtract, operator.sub),
        (np.multiply, operator.mul),
        (np.true_divide, operator.truediv),
        (np.power, operator.pow),
        (np.remainder, operator.mod),
        (np.floor_divide, operator.floordiv),
    ):
        for _reflected in (False, True):
            _operator = _binary(_rule(_ufunc), _function, _reflected)
            setattr(_class, _operator.__name__, _operator)
    _methods: dict[str, Any] = {
        "__neg__": _unary(_rule(np.negative), operator.neg),
        "__abs__": _unary(_rule(np.abs), abs),
        "__pos__": lambda self: self,
        "conjugate": lambda self: self,
        "real": property(lambda self: self),
        "__round__": _round,
        "__divmod__": lambda self, other: (self // other, self % other),
        "__rdivmod__": lambda self, other: (other // self, other % self),
        "__copy__": lambda self: self,
        "__deepcopy__": lambda self, memo: self,
    }
    for _name, _same in _methods.items():
        setattr(_class, _name, _same)
