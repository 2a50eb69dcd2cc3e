# cython: binding=False, embedsignature=True, embedsignature.format=clinic
"""Value: one number that remembers how it was computed.

Every operation makes a node from three things: its value, its operands, and one local
derivative for each operand.  The reverse sweep needs nothing else.

This file runs in two builds, with the same results to the last bit: as it stands, and
compiled by Cython to the extension ``autograd_mini.core.value_compiled``, in which a number
typed ``float`` is a C double and an operand typed ``Value`` a C pointer (``build`` chooses
between them).  What is only for the compiler begins with ``cython.`` and does nothing in
plain Python.  (``binding=False`` makes a method that is called on something else than a
Value a TypeError there too.  Elements that are computed are mapped or appended: where there
is no memory for the list of a comprehension, Cython 3.3 releases its new element twice.)

>>> a = Value(2.0, label="a")
>>> b = Value(-3.0, label="b")
>>> c = a * b + a
>>> c
Value(-4.0, op='add')
>>> c.backward()
>>> a.grad, b.grad
(-2.0, 2.0)
"""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from decimal import Decimal
from math import acos as arccos
from math import acosh as arccosh
from math import asin as arcsin
from math import asinh as arcsinh
from math import atan as arctan
from math import atan2 as arctan2
from math import atanh as arctanh
from math import (
    cos,
    cosh,
    erf,
    erfc,
    exp,
    expm1,
    hypot,
    inf,
    log,
    log1p,
    log2,
    log10,
    nan,
    pi,
    pow,
    sin,
    sinh,
    sqrt,
    tan,
    tanh,
)  # fmt: skip
from numbers import Real
from threading import Lock, get_ident
from typing import Any, NoReturn

import numpy as np

from autograd_mini._build import build

COMPILING = False
if COMPILING:
    import cython  # the compiler reads these lines, Python the other
    from cython.cimports.autograd_mini._build.slabs import MADE_FROM, live_in_slabs
else:
    from autograd_mini._build import uncompiled as cython
if cython.compiled:  # before anything else of a version that may be another
    build.require(MADE_FROM.decode())  # type: ignore[name-defined]

# ruff: noqa: E402
from autograd_mini import other_libraries
from autograd_mini.core import graph, modes
from autograd_mini.core.elementwise import (
    FUNCTIONS,
    OPERATORS,
    RULES,
    Rule,
    rule_of_ufunc,
    weighted_sum_rule,
)
from autograd_mini.core.numpy_protocol import ROUNDING, rounded, unknown_function
from autograd_mini.other_libraries import NotEvenSet

floor, ceil, trunc, rint = (RULES[name].on_floats for name in ("floor", "ceil", "trunc", "rint"))
mod, floor_divide = OPERATORS["mod"], OPERATORS["floor_divide"]

Operand = Any
"""A Value, or a real number of Python or NumPy, which is a constant."""


@cython.final
@cython.no_gc
@cython.cclass
class Value:
    """A scalar node of a computation graph.

    Arguments:
        data: a real number, kept as a Python float.
        label: a name for pictures and messages.

    Attributes:
        data: the number.
        grad: the gradient, 0.0 before any sweep.  ``backward()`` adds to the ``grad`` of
            leaves and replaces that of interior nodes.
        label: the name.
        op: the name of the operation in the table of rules, ``""`` for a leaf.

    Raises:
        TypeError: ``data`` is not a real number.

    A graph has no cycles, so that it needs no garbage collector: operands exist before
    their result, and a node holds nothing but numbers, text and operands.  That is why a
    Value has no subclasses; a class of your own holds one as an attribute.

    >>> w = Value(0.5, label="w")
    >>> y = (w * 2).tanh()
    >>> y.backward()
    >>> y.op, y.local_derivatives, w.grad  # doctest: +ELLIPSIS
    ('tanh', (0.4199...,), 0.8399...)
    """

    __slots__ = (
        "_number", "_grad", "_label", "_operation", "_x", "_y", "_dx", "_dy", "_uses", "__weakref__",
    )  # fmt: skip

    _number: float
    _grad: float
    _label: str
    _operation: str
    # The first operand and its local derivative are in _x and _dx, the second in _y and _dy.
    # In the place of a constant operand is None, and the constant is in the place of its
    # derivative.  More than two operands are in _y, as a tuple of operands and one of
    # derivatives.  (The compiled build releases _y first, for that is how the nodes of a sum
    # of products lie in memory.)
    _y: Any
    _x: Value | None
    _dx: float
    _dy: float
    _uses: cython.longlong  # during a sweep: how often the rest of the graph still uses this node
    __weakref__: Any

    masks_always = True

    def __init__(self, data: Any, label: Any = "", **more: Any) -> None:
        if more:
            other_libraries.refuse_options("Value", more)
        number = constant(data)
        if number is None:
            raise TypeError(_not_a_number(data))
        self._number = number
        self._grad = 0.0
        self._operation = ""
        self._x = self._y = None
        self._dx = self._dy = 0.0
        self._uses = 0
        self.label = label

    @property
    def data(self) -> float:
        """The number.  ``v.data -= rate * v.grad`` is how to update it."""
        return self._number

    @data.setter
    def data(self, data: Any) -> None:
        number = constant(data)
        if number is None:
            raise TypeError(_not_a_number(data))
        self._number = number

    @property
    def grad(self) -> float:
        """The gradient; 0.0 before any sweep."""
        try:
            return self._grad
        except AttributeError:  # not set yet
            return 0.0

    @grad.setter
    def grad(self, grad: Any) -> None:
        number = constant(grad)
        if number is None:
            advice = ": write v.zero_grad()" if grad is None else ""
            name = type(grad).__name__
            raise TypeError(f"the gradient of a Value is one number, not {name}{advice}")
        self._grad = number

    @property
    def label(self) -> str:
        """The name, for pictures and messages; what is assigned becomes text."""
        try:
            return self._label or ""
        except AttributeError:  # not set yet
            return ""

    @label.setter
    def label(self, label: Any) -> None:
        # Another object could hold this node, and nothing would find the cycle.
        self._label = label if type(label) is str else str(label)

    @property
    def op(self) -> str:
        """The name of the operation in the table of rules, ``""`` for a leaf."""
        return self._operation

    @property
    def operation(self) -> Rule | None:
        """The row of the table that this node was made by, ``None`` for a leaf."""
        if not self._operation:
            return None
        row = RULES.get(self._operation)
        return weighted_sum_rule(len(self._y[0]) // 2) if row is None else row

    @property
    def parents(self) -> tuple[Any, ...]:
        """The operands in order: Values, and constants as floats; ``x * x`` has two."""
        if isinstance(self._y, tuple):
            operands: tuple[Any, ...] = self._y[0]
            return operands
        if self._x is None and self._y is None:
            return ()
        if len(RULES[self._operation].operands) == 1:
            return (self._x,)
        return (
            self._dx if self._x is None else self._x,
            self._dy if self._y is None else self._y,
        )

    @property
    def _unrecorded(self) -> bool:
        """Whether this leaf is the result of an operation inside ``no_grad()``."""
        return self._x is None and self._y is None and self._dy != 0

    def _forget(self) -> None:
        """Become an unrecorded result: a leaf whose ``_dy``, which no leaf uses, says so."""
        self._grad = 0.0
        self._operation = ""
        self._x = self._y = None
        self._dx, self._dy = 0.0, 1.0

    @property
    def local_derivatives(self) -> tuple[float | None, ...]:
        """∂self/∂parent for each parent, ``None`` for a constant."""
        if isinstance(self._y, tuple):
            derivatives: tuple[float | None, ...] = self._y[1]
            return derivatives
        if self._x is None and self._y is None:
            return ()
        if len(RULES[self._operation].operands) == 1:
            return (self._dx,)
        return (
            None if self._x is None else self._dx,
            None if self._y is None else self._dy,
        )

    def backward(self, gradient: Any = None, **more: Any) -> None:
        """Compute the gradient of this Value with respect to everything it depends on.

        Threads may sweep at the same time: one sweep is finished before another begins.

        Arguments:
            gradient: the upstream gradient to start from; 1 by default.

        Raises:
            TypeError: ``gradient`` is no plain number.

        >>> a = Value(3.0)
        >>> b = a + a
        >>> (b + b).backward()
        >>> a.grad
        4.0
        """
        if more:
            other_libraries.refuse_options("backward", more)
        start = self.seed(gradient)
        if isinstance(start, Value):
            raise TypeError("backward() takes a plain number as gradient: write gradient.data")
        _sweep_alone(self, start)

    def zero_grad(self) -> None:
        """Set this node's gradient to zero."""
        self._grad = 0.0

    def detach(self) -> Value:
        """A leaf with the same number and label, cut from the graph."""
        return Value(self._number, self.label)

    # What the sweep asks of a node

    def seed(self, gradient: Any) -> Any:
        start = 1.0 if gradient is None else gradient
        number = start if isinstance(start, Value) else constant(start)
        if number is None:
            raise TypeError(
                f"the upstream gradient of a Value is one number, not {type(gradient).__name__}"
            )
        return number

    def zero(self) -> float:
        return 0.0

    def witnesses(self, leaves: Sequence[Value]) -> Sequence[Value]:
        return leaves

    def is_undefined(self, gradient: Any) -> bool:
        return math.isnan(gradient)

    def again(self, operands: Sequence[Any]) -> Value:
        made: Value = OPERATIONS[self.op](*operands)
        return made

    def contributions(
        self, gradient: Any, wanted: Collection[Value] | None, create_graph: Any, masked: bool
    ) -> Iterator[tuple[Value, Any]]:
        if create_graph:
            yield from self._contributions_as_nodes(gradient, wanted, create_graph == "as written")
        elif gradient:  # a gradient of exactly zero passes zero on, even through an infinity
            for parent, derivative in zip(self.parents, self.local_derivatives, strict=True):
                if derivative is not None and (wanted is None or parent in wanted):
                    yield parent, gradient * derivative

    def _contributions_as_nodes(
        self, gradient: Value | float, wanted: Collection[Value] | None, as_written: bool
    ) -> Iterator[tuple[Value, Any]]:
        rule = self.operation
        shown = rule.as_written if as_written and rule is not None else rule
        local_derivatives = () if shown is None else shown.scalar_derivatives
        for parent, recorded, local_derivative in zip(
            self.parents, self.local_derivatives, local_derivatives, strict=True
        ):
            if recorded is None or (wanted is not None and parent not in wanted):
                continue
            assert local_derivative is not None
            derivative = local_derivative(self, *self.parents)
            number = _data(derivative)
            same = number == recorded or (math.isnan(number) and math.isnan(recorded))
            if not same and shown is rule:  # another text may round otherwise
                raise RuntimeError(
                    f"the operands of {self.op} were changed after it was recorded: its local "
                    f"derivative was {recorded}, from today's operands it is {number}; compute "
                    "the graph again after an update, before gradients(create_graph=True)"
                )
            if _data(gradient) or math.isfinite(number):
                yield parent, gradient * derivative

    # Rounding, also as round(v), math.floor(v), ... and divmod

    def __round__(self, digits: Any = None) -> Value:
        """The nearest multiple of ``10 ** -digits``, as NumPy's ``round`` has it."""
        result: Value = rounded(self, 0 if digits is None else digits)
        return result

    def __floor__(self) -> Value:
        return self.floor()

    def __ceil__(self) -> Value:
        return self.ceil()

    def __trunc__(self) -> Value:
        return self.trunc()

    def __divmod__(self, other: Operand) -> tuple[Value, Value]:
        return self // other, self % other

    def __rdivmod__(self, other: Operand) -> tuple[Value, Value]:
        return other // self, other % self

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

    def __hash__(self) -> int:
        return id(self) >> 4

    # What would drop the gradient says what to write instead

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

    # NumPy's functions

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        arrays = [i for i in inputs if isinstance(i, np.ndarray) and i.ndim]
        if any(array.dtype == object for array in arrays) and not kwargs:
            row = rule_of_ufunc(ufunc)
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
            return ufunc(self.data)
        if ufunc is np.divmod and method == "__call__" and not kwargs:
            return np.floor_divide(*inputs), np.remainder(*inputs)
        rule = rule_of_ufunc(ufunc)
        if rule is None or method != "__call__" or kwargs:
            raise TypeError(unknown_function(ufunc, method, kwargs, "Value"))
        return FUNCTIONS[rule.name](*inputs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func is np.where:
            return FUNCTIONS["where"](*args, **kwargs)
        if func is np.clip:
            return self._clip(*args, **kwargs)
        if func in ROUNDING:
            return ROUNDING[func](*args, **kwargs)
        raise TypeError(unknown_function(func, "__call__", {}, "Value"))

    def conjugate(self) -> Value:
        """The Value itself, which is real: np.var and np.std of object arrays ask for it."""
        return self

    @staticmethod
    def _clip(x: Any, a_min: Any = None, a_max: Any = None, **named: Any) -> Any:
        low, high = named.get("min", a_min), named.get("max", a_max)
        return FUNCTIONS["clip"](x, -inf if low is None else low, inf if high is None else high)

    # Copies

    def __reduce__(self) -> Any:
        if self._operation:
            raise TypeError(
                f"a computed Value ({self._operation}) is neither copied nor pickled, for the copy would "
                "have operands that nobody else holds: copy its leaves and compute again, or "
                "write value.detach() for a leaf with its number, +value for a node of its own"
            )
        return build.leaf, (self._number, self._grad, self.label, self._unrecorded)

    # How it prints

    def __repr__(self) -> str:
        label = f", label={self.label!r}" if self.label else ""
        op = f", op={self.op!r}" if self.op else ""
        return f"Value({self.data!r}{label}{op})"

    def __format__(self, spec: str) -> str:
        return format(self.data, spec) if spec else repr(self)

    def __dir__(self) -> list[str]:
        return sorted(set(object.__dir__(self)) - other_libraries.VALUE.keys())

    # region names of other libraries: written by `python -m autograd_mini._build.generate`
    requires_grad = NotEvenSet("Value", "requires_grad")
    requires_grad_ = NotEvenSet("Value", "requires_grad_")
    is_leaf = NotEvenSet("Value", "is_leaf")
    grad_fn = NotEvenSet("Value", "grad_fn")
    zero_ = NotEvenSet("Value", "zero_")
    retain_grad = NotEvenSet("Value", "retain_grad")
    detach_ = NotEvenSet("Value", "detach_")
    value = NotEvenSet("Value", "value")
    _value = NotEvenSet("Value", "_value")
    _prev = NotEvenSet("Value", "_prev")
    _children = NotEvenSet("Value", "_children")
    _op = NotEvenSet("Value", "_op")
    _backward = NotEvenSet("Value", "_backward")
    gradient = NotEvenSet("Value", "gradient")
    name = NotEvenSet("Value", "name")
    item = NotEvenSet("Value", "item")
    numpy = NotEvenSet("Value", "numpy")
    shape = NotEvenSet("Value", "shape")
    ndim = NotEvenSet("Value", "ndim")
    size = NotEvenSet("Value", "size")
    dtype = NotEvenSet("Value", "dtype")
    T = NotEvenSet("Value", "T")
    clone = NotEvenSet("Value", "clone")
    copy = NotEvenSet("Value", "copy")
    tolist = NotEvenSet("Value", "tolist")
    sum = NotEvenSet("Value", "sum")
    mean = NotEvenSet("Value", "mean")
    # endregion

    # fmt: off
    # region operators and methods: written by `python -m autograd_mini._build.generate`
    def __add__(self, other: Operand) -> Value:
        """``x + y``."""
        x = self._number
        if isinstance(other, Value):
            second: Value = other
            y: float = second._number
            return _node(x + y, "add", self, 1.0, second, 1.0)
        number = constant(other)
        if number is None:
            _refuse("add", other)
            return NotImplemented
        y = number
        return _node(x + y, "add", self, 1.0, None, y)

    def __radd__(self, other: Operand) -> Value:
        """Reflected: ``x + y`` with self as y."""
        y = self._number
        number = constant(other)
        if number is None:
            _refuse("add", other)
            return NotImplemented
        x: float = number
        return _node(x + y, "add", None, x, self, 1.0)

    def __iadd__(self, other: Operand) -> Any:
        """``x + y``; a number updates a leaf inside ``no_grad()``."""
        x = self._number
        if isinstance(other, Value):
            second: Value = other
            y: float = second._number
            return _node(x + y, "add", self, 1.0, second, 1.0)
        if self._operation:
            return self + other
        return _in_place(operator.add, "+=", self, other)

    def __sub__(self, other: Operand) -> Value:
        """``x - y``."""
        x = self._number
        if isinstance(other, Value):
            second: Value = other
            y: float = second._number
            return _node(x - y, "sub", self, 1.0, second, -1.0)
        number = constant(other)
        if number is None:
            _refuse("sub", other)
            return NotImplemented
        y = number
        return _node(x - y, "sub", self, 1.0, None, y)

    def __rsub__(self, other: Operand) -> Value:
        """Reflected: ``x - y`` with self as y."""
        y = self._number
        number = constant(other)
        if number is None:
            _refuse("sub", other)
            return NotImplemented
        x: float = number
        return _node(x - y, "sub", None, x, self, -1.0)

    def __isub__(self, other: Operand) -> Any:
        """``x - y``; a number updates a leaf inside ``no_grad()``."""
        x = self._number
        if isinstance(other, Value):
            second: Value = other
            y: float = second._number
            return _node(x - y, "sub", self, 1.0, second, -1.0)
        if self._operation:
            return self - other
        return _in_place(operator.sub, "-=", self, other)

    def __mul__(self, other: Operand) -> Value:
        """``x * y``."""
        x = self._number
        if isinstance(other, Value):
            second: Value = other
            y: float = second._number
            return _node(x * y, "mul", self, y, second, x)
        number = constant(other)
        if number is None:
            _refuse("mul", other)
            return NotImplemented
        y = number
        return _node(x * y, "mul", self, y, None, y)

    def __rmul__(self, other: Operand) -> Value:
        """Reflected: ``x * y`` with self as y."""
        y = self._number
        number = constant(other)
        if number is None:
            _refuse("mul", other)
            return NotImplemented
        x: float = number
        return _node(x * y, "mul", None, x, self, x)

    def __imul__(self, other: Operand) -> Any:
        """``x * y``; a number updates a leaf inside ``no_grad()``."""
        x = self._number
        if isinstance(other, Value):
            second: Value = other
            y: float = second._number
            return _node(x * y, "mul", self, y, second, x)
        if self._operation:
            return self * other
        return _in_place(operator.mul, "*=", self, other)

    def __truediv__(self, other: Operand) -> Value:
        """``x / y``."""
        x = self._number
        if isinstance(other, Value):
            second: Value = other
            y: float = second._number
            try:
                out = x / y
                return _node(out, "div", self, 1.0 / y, second, -out / y)
            except (ArithmeticError, ValueError) as error:
                _fail(error, "div", self, second)
        number = constant(other)
        if number is None:
            _refuse("div", other)
            return NotImplemented
        y = number
        try:
            out = x / y
            return _node(out, "div", self, 1.0 / y, None, y)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "div", self, y)

    def __rtruediv__(self, other: Operand) -> Value:
        """Reflected: ``x / y`` with self as y."""
        y = self._number
        number = constant(other)
        if number is None:
            _refuse("div", other)
            return NotImplemented
        x: float = number
        try:
            out = x / y
            return _node(out, "div", None, x, self, -out / y)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "div", x, self)

    def __itruediv__(self, other: Operand) -> Any:
        """``x / y``; a number updates a leaf inside ``no_grad()``."""
        x = self._number
        if isinstance(other, Value):
            second: Value = other
            y: float = second._number
            try:
                out = x / y
                return _node(out, "div", self, 1.0 / y, second, -out / y)
            except (ArithmeticError, ValueError) as error:
                _fail(error, "div", self, second)
        if self._operation:
            return self / other
        return _in_place(operator.truediv, "/=", self, other)

    def __pow__(self, other: Operand) -> Value:
        """``x ** y``."""
        x = self._number
        if isinstance(other, Value):
            second: Value = other
            y: float = second._number
            try:
                out = pow(x, y)
                dx = out if out != out else (0.0 if y == 0.0 else y * inf) if x == 0.0 and y < 1.0 else y / x if y == 0.0 else y * _power(x, y - 1.0)
                dy = out * log(x) if x > 0.0 else 0.0 if x == 0.0 and y >= 0.0 else nan * out
                return _node(out, "pow", self, dx, second, dy)
            except (ArithmeticError, ValueError) as error:
                _fail(error, "pow", self, second)
        number = constant(other)
        if number is None:
            _refuse("pow", other)
            return NotImplemented
        y = number
        try:
            out = pow(x, y)
            dx = out if out != out else (0.0 if y == 0.0 else y * inf) if x == 0.0 and y < 1.0 else y / x if y == 0.0 else y * _power(x, y - 1.0)
            return _node(out, "pow", self, dx, None, y)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "pow", self, y)

    def __rpow__(self, other: Operand) -> Value:
        """Reflected: ``x ** y`` with self as y."""
        y = self._number
        number = constant(other)
        if number is None:
            _refuse("pow", other)
            return NotImplemented
        x: float = number
        try:
            out = pow(x, y)
            dy = out * log(x) if x > 0.0 else 0.0 if x == 0.0 and y >= 0.0 else nan * out
            return _node(out, "pow", None, x, self, dy)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "pow", x, self)

    def __ipow__(self, other: Operand) -> Any:
        """``x ** y``; a number updates a leaf inside ``no_grad()``."""
        x = self._number
        if isinstance(other, Value):
            second: Value = other
            y: float = second._number
            try:
                out = pow(x, y)
                dx = out if out != out else (0.0 if y == 0.0 else y * inf) if x == 0.0 and y < 1.0 else y / x if y == 0.0 else y * _power(x, y - 1.0)
                dy = out * log(x) if x > 0.0 else 0.0 if x == 0.0 and y >= 0.0 else nan * out
                return _node(out, "pow", self, dx, second, dy)
            except (ArithmeticError, ValueError) as error:
                _fail(error, "pow", self, second)
        if self._operation:
            return self ** other
        return _in_place(operator.pow, "**=", self, other)

    def __neg__(self) -> Value:
        """Negative."""
        x = self._number
        return _node(-x, "neg", self, -1.0, None, 0.0)

    def __pos__(self) -> Value:
        """The operand itself, as a node of its own."""
        x = self._number
        return _node(+x, "positive", self, 1.0, None, 0.0)

    def __abs__(self) -> Value:
        """Absolute value."""
        x = self._number
        out = abs(x)
        dx = 1.0 if x > 0.0 else -1.0 if x < 0.0 else 0.0 if x == 0.0 else nan
        return _node(out, "abs", self, dx, None, 0.0)

    def __mod__(self, other: Operand) -> Value:
        """``x % y``."""
        x = self._number
        if isinstance(other, Value):
            second: Value = other
            y: float = second._number
            try:
                out = mod(x, y)
                dy = nan * y if y == 0.0 else -floor_divide(x, y)
                return _node(out, "mod", self, 1.0, second, dy)
            except (ArithmeticError, ValueError) as error:
                _fail(error, "mod", self, second)
        number = constant(other)
        if number is None:
            _refuse("mod", other)
            return NotImplemented
        y = number
        try:
            out = mod(x, y)
            return _node(out, "mod", self, 1.0, None, y)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "mod", self, y)

    def __rmod__(self, other: Operand) -> Value:
        """Reflected: ``x % y`` with self as y."""
        y = self._number
        number = constant(other)
        if number is None:
            _refuse("mod", other)
            return NotImplemented
        x: float = number
        try:
            out = mod(x, y)
            dy = nan * y if y == 0.0 else -floor_divide(x, y)
            return _node(out, "mod", None, x, self, dy)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "mod", x, self)

    def __imod__(self, other: Operand) -> Any:
        """``x % y``; a number updates a leaf inside ``no_grad()``."""
        x = self._number
        if isinstance(other, Value):
            second: Value = other
            y: float = second._number
            try:
                out = mod(x, y)
                dy = nan * y if y == 0.0 else -floor_divide(x, y)
                return _node(out, "mod", self, 1.0, second, dy)
            except (ArithmeticError, ValueError) as error:
                _fail(error, "mod", self, second)
        if self._operation:
            return self % other
        return _in_place(operator.mod, "%=", self, other)

    def __floordiv__(self, other: Operand) -> Value:
        """``x // y``."""
        x = self._number
        if isinstance(other, Value):
            second: Value = other
            y: float = second._number
            try:
                out = floor_divide(x, y)
                return _node(out, "floor_divide", self, 0.0, second, 0.0)
            except (ArithmeticError, ValueError) as error:
                _fail(error, "floor_divide", self, second)
        number = constant(other)
        if number is None:
            _refuse("floor_divide", other)
            return NotImplemented
        y = number
        try:
            out = floor_divide(x, y)
            return _node(out, "floor_divide", self, 0.0, None, y)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "floor_divide", self, y)

    def __rfloordiv__(self, other: Operand) -> Value:
        """Reflected: ``x // y`` with self as y."""
        y = self._number
        number = constant(other)
        if number is None:
            _refuse("floor_divide", other)
            return NotImplemented
        x: float = number
        try:
            out = floor_divide(x, y)
            return _node(out, "floor_divide", None, x, self, 0.0)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "floor_divide", x, self)

    def __ifloordiv__(self, other: Operand) -> Any:
        """``x // y``; a number updates a leaf inside ``no_grad()``."""
        x = self._number
        if isinstance(other, Value):
            second: Value = other
            y: float = second._number
            try:
                out = floor_divide(x, y)
                return _node(out, "floor_divide", self, 0.0, second, 0.0)
            except (ArithmeticError, ValueError) as error:
                _fail(error, "floor_divide", self, second)
        if self._operation:
            return self // other
        return _in_place(operator.floordiv, "//=", self, other)

    def add(self, y: Operand) -> Value:
        """Sum."""
        return _method("add", self, y)

    def sub(self, y: Operand) -> Value:
        """Difference."""
        return _method("sub", self, y)

    def mul(self, y: Operand) -> Value:
        """Product: each factor's derivative is the other."""
        return _method("mul", self, y)

    def div(self, y: Operand) -> Value:
        """Quotient."""
        return _method("div", self, y)

    def pow(self, y: Operand) -> Value:
        """Power; a negative base needs a constant whole exponent."""
        return _method("pow", self, y)

    def neg(self) -> Value:
        """Negative."""
        x = self._number
        return _node(-x, "neg", self, -1.0, None, 0.0)

    def positive(self) -> Value:
        """The operand itself, as a node of its own."""
        x = self._number
        return _node(+x, "positive", self, 1.0, None, 0.0)

    def exp(self) -> Value:
        """Exponential: its own derivative."""
        x = self._number
        try:
            out = exp(x)
            return _node(out, "exp", self, out, None, 0.0)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "exp", self)

    def expm1(self) -> Value:
        """Exponential minus 1, accurate near 0."""
        x = self._number
        try:
            out = expm1(x)
            return _node(out, "expm1", self, exp(x), None, 0.0)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "expm1", self)

    def log(self) -> Value:
        """Natural logarithm."""
        x = self._number
        try:
            out = log(x)
            return _node(out, "log", self, out if out != out else 1.0 / x, None, 0.0)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "log", self)

    def log1p(self) -> Value:
        """Logarithm of 1 + x, accurate near 0."""
        x = self._number
        try:
            out = log1p(x)
            dx = out if out != out else 1.0 / (1.0 + x)
            return _node(out, "log1p", self, dx, None, 0.0)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "log1p", self)

    def log2(self) -> Value:
        """Logarithm to base 2."""
        x = self._number
        try:
            out = log2(x)
            dx = out if out != out else 1.0 / (x * log(2.0))
            return _node(out, "log2", self, dx, None, 0.0)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "log2", self)

    def log10(self) -> Value:
        """Logarithm to base 10."""
        x = self._number
        try:
            out = log10(x)
            dx = out if out != out else 1.0 / (x * log(10.0))
            return _node(out, "log10", self, dx, None, 0.0)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "log10", self)

    def sqrt(self) -> Value:
        """Square root."""
        x = self._number
        try:
            out = sqrt(x)
            return _node(out, "sqrt", self, inf if x == 0.0 else 0.5 / out, None, 0.0)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "sqrt", self)

    def square(self) -> Value:
        """Square."""
        x = self._number
        return _node(x * x, "square", self, 2.0 * x, None, 0.0)

    def reciprocal(self) -> Value:
        """Reciprocal."""
        x = self._number
        try:
            out = 1.0 / x
            return _node(out, "reciprocal", self, -out / x, None, 0.0)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "reciprocal", self)

    def sin(self) -> Value:
        """Sine; x in radians."""
        x = self._number
        try:
            out = sin(x)
            return _node(out, "sin", self, cos(x), None, 0.0)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "sin", self)

    def cos(self) -> Value:
        """Cosine; x in radians."""
        x = self._number
        try:
            out = cos(x)
            return _node(out, "cos", self, -sin(x), None, 0.0)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "cos", self)

    def tan(self) -> Value:
        """Tangent; x in radians."""
        x = self._number
        try:
            out = tan(x)
            return _node(out, "tan", self, 1.0 + out * out, None, 0.0)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "tan", self)

    def arcsin(self) -> Value:
        """Inverse sine, in radians."""
        x = self._number
        try:
            out = arcsin(x)
            dx = out if out != out else inf if abs(x) == 1.0 else 1.0 / sqrt((1.0 - x) * (1.0 + x))
            return _node(out, "arcsin", self, dx, None, 0.0)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "arcsin", self)

    def arccos(self) -> Value:
        """Inverse cosine, in radians."""
        x = self._number
        try:
            out = arccos(x)
            dx = out if out != out else -inf if abs(x) == 1.0 else -1.0 / sqrt((1.0 - x) * (1.0 + x))
            return _node(out, "arccos", self, dx, None, 0.0)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "arccos", self)

    def arctan(self) -> Value:
        """Inverse tangent, in radians."""
        x = self._number
        try:
            return _node(arctan(x), "arctan", self, 1.0 / (1.0 + x * x), None, 0.0)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "arctan", self)

    def arctan2(self, y: Operand) -> Value:
        """Angle of the point (y, x), in radians, in the right quadrant."""
        return _method("arctan2", self, y)

    def sinh(self) -> Value:
        """Hyperbolic sine."""
        x = self._number
        try:
            out = sinh(x)
            return _node(out, "sinh", self, cosh(x), None, 0.0)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "sinh", self)

    def cosh(self) -> Value:
        """Hyperbolic cosine."""
        x = self._number
        try:
            out = cosh(x)
            return _node(out, "cosh", self, sinh(x), None, 0.0)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "cosh", self)

    def tanh(self) -> Value:
        """Hyperbolic tangent: squashes x to (-1, 1)."""
        x = self._number
        try:
            out = tanh(x)
            dx = 4.0 * exp(-2.0 * (x + log(2.0) if x == -x else (x if x >= -x or x != x else -x) + log1p(exp(-abs(x - -x))))) if abs(x) > 2.5 else 1.0 - out * out
            return _node(out, "tanh", self, dx, None, 0.0)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "tanh", self)

    def arcsinh(self) -> Value:
        """Inverse hyperbolic sine."""
        x = self._number
        try:
            out = arcsinh(x)
            return _node(out, "arcsinh", self, 1.0 / hypot(x, 1.0), None, 0.0)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "arcsinh", self)

    def arccosh(self) -> Value:
        """Inverse hyperbolic cosine."""
        x = self._number
        try:
            out = arccosh(x)
            dx = out if out != out else inf if x == 1.0 else 1.0 / (sqrt(x - 1.0) * sqrt(x + 1.0))
            return _node(out, "arccosh", self, dx, None, 0.0)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "arccosh", self)

    def arctanh(self) -> Value:
        """Inverse hyperbolic tangent."""
        x = self._number
        try:
            out = arctanh(x)
            dx = out if out != out else 1.0 / ((1.0 - x) * (1.0 + x))
            return _node(out, "arctanh", self, dx, None, 0.0)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "arctanh", self)

    def abs(self) -> Value:
        """Absolute value."""
        x = self._number
        out = abs(x)
        dx = 1.0 if x > 0.0 else -1.0 if x < 0.0 else 0.0 if x == 0.0 else nan
        return _node(out, "abs", self, dx, None, 0.0)

    def sign(self) -> Value:
        """Sign: -1, 0 or 1."""
        x = self._number
        out = 1.0 if x > 0.0 else -1.0 if x < 0.0 else 0.0 if x == 0.0 else nan
        return _node(out, "sign", self, 0.0, None, 0.0)

    def floor(self) -> Value:
        """The greatest whole number up to x."""
        x = self._number
        return _node(floor(x), "floor", self, 0.0, None, 0.0)

    def ceil(self) -> Value:
        """The least whole number from x on."""
        x = self._number
        return _node(ceil(x), "ceil", self, 0.0, None, 0.0)

    def trunc(self) -> Value:
        """The whole part of x, without its fraction."""
        x = self._number
        return _node(trunc(x), "trunc", self, 0.0, None, 0.0)

    def rint(self) -> Value:
        """The nearest whole number; of two the even one."""
        x = self._number
        return _node(rint(x), "rint", self, 0.0, None, 0.0)

    def mod(self, y: Operand) -> Value:
        """Remainder of x // y, with the sign of y."""
        return _method("mod", self, y)

    def floor_divide(self, y: Operand) -> Value:
        """The greatest whole number up to x / y."""
        return _method("floor_divide", self, y)

    def sigmoid(self) -> Value:
        """Logistic function: squashes x to (0, 1)."""
        x = self._number
        try:
            out = exp(x) / (1.0 + exp(x)) if x < -11.0 else 1.0 / (1.0 + exp(-x))
            dx = out * (exp(-x) / (1.0 + exp(-x)) if -x < -11.0 else 1.0 / (1.0 + exp(x))) if x > 4.0 else out * (1.0 - out)
            return _node(out, "sigmoid", self, dx, None, 0.0)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "sigmoid", self)

    def softplus(self) -> Value:
        """Smooth relu."""
        x = self._number
        try:
            out = (x if x >= 0.0 or x != x else 0.0) + log1p(exp(-abs(x)))
            dx = exp(x) / (1.0 + exp(x)) if x < -11.0 else 1.0 / (1.0 + exp(-x))
            return _node(out, "softplus", self, dx, None, 0.0)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "softplus", self)

    def log_sigmoid(self) -> Value:
        """Logarithm of the logistic function."""
        x = self._number
        try:
            out = (x if x <= 0.0 or x != x else 0.0) - log1p(exp(-abs(x)))
            sigmoid_x = -x
            dx = exp(sigmoid_x) / (1.0 + exp(sigmoid_x)) if sigmoid_x < -11.0 else 1.0 / (1.0 + exp(-sigmoid_x))
            return _node(out, "log_sigmoid", self, dx, None, 0.0)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "log_sigmoid", self)

    def relu(self) -> Value:
        """Rectified linear unit."""
        x = self._number
        out = x if x >= 0.0 or x != x else 0.0
        dx = out if out != out else 1.0 if x > 0.0 else 0.0
        return _node(out, "relu", self, dx, None, 0.0)

    def leaky_relu(self, slope: Operand = 0.01) -> Value:
        """Rectified linear unit with a slope on the negative side."""
        return _method("leaky_relu", self, slope)

    def elu(self, alpha: Operand = 1.0) -> Value:
        """Exponential linear unit."""
        return _method("elu", self, alpha)

    def silu(self) -> Value:
        """Sigmoid linear unit: x times sigmoid(x)."""
        x = self._number
        try:
            s = exp(x) / (1.0 + exp(x)) if x < -11.0 else 1.0 / (1.0 + exp(-x))
            return _node(x * s, "silu", self, s * (1.0 + x * (1.0 - s)), None, 0.0)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "silu", self)

    def maximum(self, y: Operand) -> Value:
        """The greater of two; NaN if either is NaN."""
        return _method("maximum", self, y)

    def minimum(self, y: Operand) -> Value:
        """The lesser of two; NaN if either is NaN."""
        return _method("minimum", self, y)

    def where(self, x: Operand, y: Operand) -> Value:
        """Selection: x where the condition holds, y elsewhere."""
        return _method("where", self, x, y)

    def clip(self, low: Operand, high: Operand) -> Value:
        """The value x, kept between low and high."""
        return _method("clip", self, low, high)

    def hypot(self, y: Operand) -> Value:
        """Hypotenuse sqrt(x² + y²), without overflow."""
        return _method("hypot", self, y)

    def logaddexp(self, y: Operand) -> Value:
        """Logarithm of exp(x) + exp(y), without overflow."""
        return _method("logaddexp", self, y)

    def erf(self) -> Value:
        """Error function."""
        x = self._number
        try:
            return _node(erf(x), "erf", self, 2.0 / sqrt(pi) * exp(-(x * x)), None, 0.0)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "erf", self)

    def erfc(self) -> Value:
        """Complementary error function 1 - erf(x), accurate for large x."""
        x = self._number
        try:
            out = erfc(x)
            dx = -2.0 / sqrt(pi) * exp(-(x * x))
            return _node(out, "erfc", self, dx, None, 0.0)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "erfc", self)

    def gelu(self) -> Value:
        """Gaussian error linear unit, exact."""
        x = self._number
        try:
            out = x * (erfc(-x / sqrt(2.0)) / 2.0)
            dx = erfc(-x / sqrt(2.0)) / 2.0 + x * exp(-(x * x) / 2.0) / sqrt(2.0 * pi)
            return _node(out, "gelu", self, dx, None, 0.0)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "gelu", self)
    # endregion
    # fmt: on


def _method(name: str, *operands: Operand) -> Value:
    """An operation of several operands as a method: of a Value, as the compiler sees to itself."""
    if not isinstance(operands[0], Value):
        raise TypeError(
            f"Value.{name} takes a Value first, not {type(operands[0]).__name__}: write "
            f"Value(number).{name}"
        )
    made: Value = OPERATIONS[name](*operands)
    return made


def _refuse_subclass(**options: Any) -> None:
    raise TypeError("type 'autograd_mini.core.value.Value' is not an acceptable base type")


if cython.compiled:
    live_in_slabs(Value)  # type: ignore[name-defined]
else:
    Value.__hash__ = object.__hash__  # type: ignore[method-assign]
    Value.__init_subclass__ = _refuse_subclass  # type: ignore[method-assign]


# Recording


@cython.cfunc
@cython.inline
def _node(
    out: float, op: str, x: Value | None, dx: float, y: Value | tuple[Any, ...] | None, dy: float
) -> Value:
    """The result of one operation: its value, its operands, its local derivatives.

    In the place of a constant operand stands None, followed by the constant.  What few nodes
    need, a label, and a gradient before any sweep, is left unset: setting it takes time, and
    in plain Python the garbage collector goes through all that is set.
    """
    node: Value = Value.__new__(Value)
    node._number = out
    node._operation = op
    node._x = x
    node._y = y
    node._dx = dx
    node._dy = dy
    node._uses = 0
    if _special:
        _record_specially(node)
    return node


_special = cython.declare(cython.int, 0)


def _watch(special: int) -> None:
    global _special
    _special = special


modes.watchers.append(_watch)


def _node_of(
    out: float, op: str, operands: tuple[Any, ...], derivatives: tuple[float | None, ...]
) -> Value:
    """``_node`` for any number of operands, each a Value or a constant."""
    tracked: list[bool] = []
    kept: list[Any] = []
    active: list[float | None] = []
    for operand, derivative in zip(operands, derivatives, strict=True):
        is_value = isinstance(operand, Value)
        tracked.append(is_value)
        kept.append(operand if is_value else constant(operand))
        active.append(derivative if is_value else None)
    xs = tuple(kept)
    ds = tuple(active)
    if len(xs) == 1 and ds[0] is not None:
        return _node(out, op, xs[0], ds[0], None, 0.0)
    if len(xs) == 2 and (ds[0] is not None, ds[1] is not None) == tuple(tracked):
        dx, dy = ds
        if dx is not None and dy is not None:
            return _node(out, op, xs[0], dx, xs[1], dy)
        if dx is not None:
            return _node(out, op, xs[0], dx, None, xs[1])
        if dy is not None:
            return _node(out, op, None, xs[0], xs[1], dy)
    return _node(out, op, None, 0.0, (xs, ds), 0.0)


def _record_specially(node: Value) -> None:
    if modes.debugging():
        operands = [*map(_data, node.parents)]
        derivatives = [d for d in node.local_derivatives if d is not None]
        if all(map(math.isfinite, operands)) and not all(
            map(math.isfinite, [node._number, *derivatives])
        ):
            what = (
                node._number
                if not math.isfinite(node._number)
                else f"a derivative in {derivatives}"
            )
            raise FloatingPointError(
                f"{node._operation} made {what} from finite operands, at {modes.source_line()}"
            )
    if not modes.recording():
        node._forget()


def weighted_sum(weights: Sequence[Operand], inputs: Sequence[Operand], bias: Operand = 0.0) -> Any:
    """The sum of a neuron, bias + weights[0]·inputs[0] + weights[1]·inputs[1] + …, as one node.

    The value and the gradients are those of the same sum written with ``+`` and ``*``, and the
    node has a local derivative for each operand: but it is one node, not two for each weight.

    Arguments:
        weights, inputs: as many Values or real numbers each.
        bias: a Value or a real number.

    Returns:
        A Value with parents ``(bias, weights[0], inputs[0], weights[1], inputs[1], ...)``; a
        float if no operand is a Value.

    Raises:
        ValueError: there are more weights than inputs, or fewer.
        TypeError: an operand is neither a Value nor a real number.

    >>> w = [Value(2.0, label="w1"), Value(-1.0, label="w2")]
    >>> z = weighted_sum(w, [3.0, 4.0], Value(0.5, label="b"))
    >>> z
    Value(2.5, op='weighted_sum')
    >>> z.parents[1:3], z.local_derivatives
    ((Value(2.0, label='w1'), 3.0), (1.0, 3.0, None, 4.0, None))
    """
    if len(weights) != len(inputs):
        raise ValueError(
            f"weighted_sum takes an input for each weight, got {len(weights)} weights and "
            f"{len(inputs)} inputs"
        )
    out: float = _data(bias)
    tracked = isinstance(bias, Value)
    operands = [bias if tracked else out]
    derivatives: list[float | None] = [1.0 if tracked else None]
    for weight, operand in zip(weights, inputs, strict=True):
        w: float = _data(weight)
        x: float = _data(operand)
        out += w * x
        if isinstance(weight, Value):
            tracked = True
            operands.append(weight)
            derivatives.append(x)
        else:
            operands.append(w)
            derivatives.append(None)
        if isinstance(operand, Value):
            tracked = True
            operands.append(operand)
            derivatives.append(w)
        else:
            operands.append(x)
            derivatives.append(None)
    if not tracked:
        return out
    return _node(out, "weighted_sum", None, 0.0, (tuple(operands), tuple(derivatives)), 0.0)


def _weighted_sum_of(bias: Operand, *pairs: Operand) -> Any:
    """``weighted_sum`` of its operands in the order of ``.parents``."""
    return weighted_sum(pairs[::2], pairs[1::2], bias)


# The reverse sweep over floats


_sweeping = Lock()
_sweeper = 0  # the thread that sweeps

_unused = cython.declare(cython.longlong, 0)
"""``_uses`` of a node that is not in use; what is less was left by a sweep that did not end."""

_MOST_USES = cython.declare(cython.longlong, 2**32)


def _forget_other_threads() -> None:
    """In a forked process: a thread that was sweeping does not exist here."""
    global _sweeping, _sweeper
    _sweeping = Lock()
    _sweeper = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_other_threads)


def _sweep_alone(root: Value, start: float) -> None:
    """``_sweep``, while no other thread sweeps.

    A sweep that ends has counted each use of a node up and down again.  One that does not,
    for want of memory or for an interrupt, leaves counts behind: the next ones begin to count
    above them, so that nothing needs to be undone.
    """
    global _sweeper, _unused
    unused: cython.longlong = _unused
    if cython.compiled:  # nothing runs beside or inside the sweep, and a lock may need memory
        _unused = unused + _MOST_USES
        _sweep(root, start, unused)
        _unused = unused
        return
    if _sweeping.locked() and _sweeper == get_ident():
        raise RuntimeError(
            "backward() was called while backward() ran in the same thread, by a signal handler "
            "or a finaliser: call it after the first has returned"
        )
    _sweeping.acquire()
    try:
        _sweeper = get_ident()
        unused = _unused
        _unused = unused + _MOST_USES
        _sweep(root, start, unused)
        _unused = unused
    finally:
        _sweeper = 0
        _sweeping.release()


_FLOOR = 64
"""So many Nones lie under the sweep's stack, for Python moves a short list each time it grows."""


@cython.cfunc
def _sweep(root: Value, start: float, unused: cython.longlong) -> None:
    """Sweep from ``root``: leaves add the gradient to ``grad``, interior nodes hold it.

    The nodes' order, and so the order in which shares are added, is that of
    ``graph.topological_order``.  An interior node adds up its gradient in ``_grad``; a leaf,
    which has no operands, in ``_dx``, so that the sum of this sweep is added to ``_grad`` as
    one number.
    """
    node: Value | None
    x: Value | None
    y: Value | None
    total: float
    uses: cython.longlong
    if not root._operation:
        root._grad += start
        return

    # How often is each node used?  What has been met is set to zero.
    ready: list[Value | None] = [None] * _FLOOR
    ready.append(root)
    while (node := ready.pop()) is not None:
        x = node._x
        if x is not None:
            uses = x._uses
            if uses > unused:
                x._uses = uses + 1
            else:
                x._uses = unused + 1
                if x._operation:
                    x._grad = 0.0
                    ready.append(x)
                else:
                    x._dx = 0.0
        elif isinstance(node._y, tuple):
            _count_many(node, ready, unused)
            continue
        y = node._y
        if y is not None:
            uses = y._uses
            if uses > unused:
                y._uses = uses + 1
            else:
                y._uses = unused + 1
                if y._operation:
                    y._grad = 0.0
                    ready.append(y)
                else:
                    y._dx = 0.0

    # A node's turn comes when all that used it have passed their share on.
    root._grad = start
    ready.append(root)
    while (node := ready.pop()) is not None:
        total = node._grad
        x = node._x
        if x is not None:
            uses = x._uses - 1
            x._uses = uses
            if x._operation:
                if total != 0.0:  # zero passes zero on, even through an infinity
                    x._grad += total * node._dx
                if uses == unused:
                    ready.append(x)
            else:
                if total != 0.0:
                    x._dx += total * node._dx
                if uses == unused:
                    x._grad += x._dx
        elif isinstance(node._y, tuple):
            _share_among_many(node, ready, unused)
            continue
        y = node._y
        if y is not None:
            uses = y._uses - 1
            y._uses = uses
            if y._operation:
                if total != 0.0:
                    y._grad += total * node._dy
                if uses == unused:
                    ready.append(y)
            else:
                if total != 0.0:
                    y._dx += total * node._dy
                if uses == unused:
                    y._grad += y._dx


@cython.cfunc
def _count_many(node: Value, ready: list[Value | None], unused: cython.longlong) -> None:
    """The first half of ``_sweep`` for an operation of more than two operands."""
    x: Value
    for operand in node._y[0]:
        if isinstance(operand, Value):
            x = operand
            uses = x._uses
            if uses > unused:
                x._uses = uses + 1
            else:
                x._uses = unused + 1
                if x._operation:
                    x._grad = 0.0
                    ready.append(x)
                else:
                    x._dx = 0.0


@cython.cfunc
def _share_among_many(node: Value, ready: list[Value | None], unused: cython.longlong) -> None:
    """The second half of ``_sweep`` for an operation of more than two operands."""
    x: Value
    derivative: float
    total: float = node._grad
    operands: tuple[Any, ...] = node._y[0]
    derivatives: tuple[Any, ...] = node._y[1]
    for i in range(len(operands)):
        if isinstance(operands[i], Value):
            x = operands[i]
            x._uses -= 1
            if total != 0.0 and derivatives[i] is not None:
                derivative = derivatives[i]
                if x._operation:
                    x._grad += total * derivative
                else:
                    x._dx += total * derivative
            if x._uses == unused:
                if x._operation:
                    ready.append(x)
                else:
                    x._grad += x._dx


@cython.ccall
def _power(x: float, y: float) -> float:
    """``x ** y`` in a derivative: infinite where it is too large for a float."""
    try:
        power: float = pow(x, y)
        return power
    except OverflowError:
        return -inf if x < 0.0 and y % 2.0 == 1.0 else inf


@cython.ccall
def constant(number: Any) -> Any:
    """A real number of Python or NumPy as a float; ``None`` if it is none.

    >>> from fractions import Fraction
    >>> constant(Fraction(1, 4)), constant(Decimal("0.1")), constant("1")
    (0.25, 0.1, None)
    """
    if isinstance(number, float | int):
        return float(number)
    if isinstance(number, np.floating | np.integer | np.bool_):
        return float(number)
    if isinstance(number, np.ndarray) and number.ndim == 0 and number.dtype.kind in "fiub":
        return float(number)
    if isinstance(number, Real | Decimal):
        return float(number)
    return None


def _not_a_number(data: Any) -> str:
    advice = {
        "Value": "it is a Value already; value.detach() gives a leaf with the same number",
        "Tensor": "write tensor.item() for its number",
        "ndarray": f"an array of shape {getattr(data, 'shape', ())} goes into a Tensor",
        "complex": "complex numbers are not supported; use their real and imaginary parts",
        "str": "write Value(float(text), label=...)",
    }
    name = type(data).__name__
    return f"a Value holds one real number, not {name}" + (
        f": {advice[name]}" if name in advice else ""
    )


def number_of(operand: Operand, what: str = "") -> float:
    """The number of an operand, Value or constant.

    Raises:
        TypeError: it is no real number; ``what`` begins the message.
    """
    try:
        return _data(operand)
    except TypeError as error:
        raise TypeError(f"{what}{error}") from None


@cython.ccall
def _data(operand: Operand) -> float:
    """The number of an operand, Value or constant."""
    if isinstance(operand, Value):
        node: Value = operand
        return node._number
    number = constant(operand)
    if number is None:
        raise TypeError(_not_a_number(operand))
    result: float = number
    return result


def _refuse(op: str, operand: Any) -> None:
    """Raise an error for an operand that no other type could make sense of either."""
    if isinstance(operand, complex | str | bytes | list | tuple | dict | None):
        raise TypeError(f"{op}: {_not_a_number(operand)}")


def _in_place(operation: Callable[[Any, Any], Any], sign: str, leaf: Value, number: Any) -> Any:
    """``leaf sign number``: an update of the leaf inside ``no_grad()``, elsewhere a new node.

    A sum that begins with a parameter (``total = b``, then ``total += w * x``) adds Values and
    does not come here, nor is the result of an operation inside ``no_grad()`` a parameter.

    Raises:
        TypeError: it would put a new node in the place of a leaf that is being trained.
    """
    result = operation(leaf, number)
    if leaf._unrecorded or not isinstance(result, Value):
        return result
    if not modes.recording():
        leaf.data = result.data
        return leaf
    if leaf.grad != 0.0 or graph.was_differentiated(leaf):
        raise graph.lost_update(leaf, sign)
    return result


def _compare(compare: Callable[[Any, Any], bool], left: Value, right: Any) -> bool:
    comparable = isinstance(right, Value) or constant(right) is not None
    return compare(left._number, _data(right)) if comparable else NotImplemented


def _as_object_array(operand: Any) -> Any:
    if not isinstance(operand, Value):
        return operand
    array = np.empty((), dtype=object)
    array[()] = operand
    return array


def _fail(error: Exception, op: str, *operands: Operand) -> NoReturn:
    """Raise ``error`` again with the operation, its operands and its domain named."""
    if isinstance(error, FloatingPointError):  # of debug(), which has said it all
        raise error
    rule = RULES[op]
    found = ", ".join(map(_described, rule.operands, operands))
    if isinstance(error, OverflowError):
        raise OverflowError(f"{rule.signature} is too large for a float at {found}") from None
    need = f" is defined for {rule.domain}" if rule.domain else " is not defined here"
    raise type(error)(f"{rule.signature}{need}, got {found}") from None


def _described(name: str, operand: Operand) -> str:
    label = f" (label {operand.label!r})" if getattr(operand, "label", "") else ""
    return f"{name} = {_data(operand)}{label}"


# fmt: off
# region functions of several operands: written by `python -m autograd_mini._build.generate`
def _arctan2(x: Operand, y: Operand) -> Value:
    """Angle of the point (y, x), in radians, in the right quadrant."""
    operands = (x, y)
    x = _data(x)
    y = _data(y)
    try:
        out = arctan2(x, y)
        r = hypot(x, y)
        dx = out if out != out else 0.0 if r == 0.0 else y / r / r
        dy = out if out != out else 0.0 if r == 0.0 else -x / r / r
        return _node_of(out, "arctan2", operands, (dx, dy))
    except (ArithmeticError, ValueError) as error:
        _fail(error, "arctan2", *operands)


def _leaky_relu(x: Operand, slope: Operand = 0.01) -> Value:
    """Rectified linear unit with a slope on the negative side."""
    operands = (x, slope)
    x = _data(x)
    slope = _data(slope)
    out = x if x > 0.0 else slope * x
    dx = out if out != out else 1.0 if x > 0.0 else slope
    dslope = out if out != out else 0.0 if x > 0.0 else x
    return _node_of(out, "leaky_relu", operands, (dx, dslope))


def _elu(x: Operand, alpha: Operand = 1.0) -> Value:
    """Exponential linear unit."""
    operands = (x, alpha)
    x = _data(x)
    alpha = _data(alpha)
    try:
        out = x if x > 0.0 else alpha * expm1(x if x <= 0.0 or x != x else 0.0)
        dx = alpha * exp(x if x <= 0.0 or x != x else 0.0) if x < -3.0 else 1.0 if x > 0.0 else out + alpha
        dalpha = out if out != out else 0.0 if x > 0.0 else expm1(x if x <= 0.0 or x != x else 0.0)
        return _node_of(out, "elu", operands, (dx, dalpha))
    except (ArithmeticError, ValueError) as error:
        _fail(error, "elu", *operands)


def _maximum(x: Operand, y: Operand) -> Value:
    """The greater of two; NaN if either is NaN."""
    operands = (x, y)
    x = _data(x)
    y = _data(y)
    out = x if x >= y or x != x else y
    dx = out if out != out else 1.0 if x > y else 0.5 if x == y else 0.0
    dy = out if out != out else 0.0 if x > y else 0.5 if x == y else 1.0
    return _node_of(out, "maximum", operands, (dx, dy))


def _minimum(x: Operand, y: Operand) -> Value:
    """The lesser of two; NaN if either is NaN."""
    operands = (x, y)
    x = _data(x)
    y = _data(y)
    out = x if x <= y or x != x else y
    dx = out if out != out else 1.0 if x < y else 0.5 if x == y else 0.0
    dy = out if out != out else 0.0 if x < y else 0.5 if x == y else 1.0
    return _node_of(out, "minimum", operands, (dx, dy))


def _where(condition: Operand, x: Operand, y: Operand) -> Value:
    """Selection: x where the condition holds, y elsewhere."""
    operands = (condition, x, y)
    condition = _data(condition)
    x = _data(x)
    y = _data(y)
    out = x if condition != 0.0 else y
    dx = 1.0 if condition != 0.0 else 0.0
    dy = 0.0 if condition != 0.0 else 1.0
    return _node_of(out, "where", operands, (None, dx, dy))


def _clip(x: Operand, low: Operand, high: Operand) -> Value:
    """The value x, kept between low and high."""
    operands = (x, low, high)
    x = _data(x)
    low = _data(low)
    high = _data(high)
    minimum_x = x if x >= low or x != x else low
    out = minimum_x if minimum_x <= high or minimum_x != minimum_x else high
    dx = out if out != out else 1.0 if x >= low and x <= high else 0.0
    dlow = out if out != out else 1.0 if x < low and low <= high else 0.0
    dhigh = out if out != out else 1.0 if x > high or low > high else 0.0
    return _node_of(out, "clip", operands, (dx, dlow, dhigh))


def _hypot(x: Operand, y: Operand) -> Value:
    """Hypotenuse sqrt(x² + y²), without overflow."""
    operands = (x, y)
    x = _data(x)
    y = _data(y)
    try:
        out = hypot(x, y)
        dx = 0.0 if out == 0.0 else x / out
        dy = 0.0 if out == 0.0 else y / out
        return _node_of(out, "hypot", operands, (dx, dy))
    except (ArithmeticError, ValueError) as error:
        _fail(error, "hypot", *operands)


def _logaddexp(x: Operand, y: Operand) -> Value:
    """Logarithm of exp(x) + exp(y), without overflow."""
    operands = (x, y)
    x = _data(x)
    y = _data(y)
    try:
        out = x + log(2.0) if x == y else (x if x >= y or x != x else y) + log1p(exp(-abs(x - y)))
        sigmoid_x = x - y
        sigmoid_x_2 = y - x
        dx = exp(sigmoid_x) / (1.0 + exp(sigmoid_x)) if sigmoid_x < -11.0 else 1.0 / (1.0 + exp(-sigmoid_x))
        dy = exp(sigmoid_x_2) / (1.0 + exp(sigmoid_x_2)) if sigmoid_x_2 < -11.0 else 1.0 / (1.0 + exp(-sigmoid_x_2))
        return _node_of(out, "logaddexp", operands, (dx, dy))
    except (ArithmeticError, ValueError) as error:
        _fail(error, "logaddexp", *operands)
# endregion
# fmt: on


_COMPARISONS: dict[np.ufunc, Callable[..., bool]] = {
    np.less: operator.lt,
    np.less_equal: operator.le,
    np.greater: operator.gt,
    np.greater_equal: operator.ge,
    np.equal: operator.eq,
    np.not_equal: operator.ne,
}


OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "pow": operator.pow,
    "neg": operator.neg,
    "positive": operator.pos,
    "abs": operator.abs,
    "mod": operator.mod,
    "floor_divide": operator.floordiv,
}
"""Each rule's function of Values and numbers, by the rule's name."""

for _name, _row in RULES.items():
    _function = getattr(Value, _name, None)
    if len(_row.operands) > 1:  # the method's first operand is a Value, the function's is any
        _function = globals().get(f"_{_name}")
    if _function:
        OPERATIONS.setdefault(_name, _function)
OPERATIONS["weighted_sum"] = _weighted_sum_of
