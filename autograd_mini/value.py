"""Value: one number that remembers how it was computed.

Every operation makes a node from three things: its value, its operands, and one local
derivative for each operand.  The sweep in ``graph`` needs nothing else.

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
from collections.abc import Callable, Collection, Iterator, Sequence
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
from typing import Any, NoReturn, cast

import numpy as np

from autograd_mini import graph, modes
from autograd_mini.rules import FUNCTIONS, RULES, rule_of_ufunc

Operand = Any
"""A Value, or a real number of Python or NumPy, which is a constant."""


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

    >>> w = Value(0.5, label="w")
    >>> y = (w * 2).tanh()
    >>> y.backward()
    >>> y.op, y.local_derivatives, w.grad  # doctest: +ELLIPSIS
    ('tanh', (0.4199...,), 0.8399...)
    """

    __slots__ = ("data", "grad", "label", "op", "_x", "_y", "_dx", "_dy", "__weakref__")

    data: float
    grad: float
    label: str
    op: str
    # One operand and its derivative in _x and _dx, a second one in _y and _dy.  An operand
    # that is a constant is a float and has the derivative None.  More than two operands are
    # a tuple in _x, and their derivatives a tuple in _dx.
    _x: Any
    _y: Any
    _dx: Any
    _dy: Any

    masks_always = True

    def __init__(self, data: Any, label: str = "") -> None:
        number = constant(data)
        if number is None:
            raise TypeError(_not_a_number(data))
        self.data = number
        self.grad = 0.0
        self.label = label
        self.op = ""
        self._x = self._y = self._dx = self._dy = None

    @property
    def parents(self) -> tuple[Any, ...]:
        """The operands in order: Values, and constants as floats; ``x * x`` has two."""
        if self._x is None:
            return ()
        if self._y is not None:
            return (self._x, self._y)
        return self._x if type(self._x) is tuple else (self._x,)

    @property
    def local_derivatives(self) -> tuple[float | None, ...]:
        """∂self/∂parent for each parent, ``None`` for a constant."""
        if self._x is None:
            return ()
        if self._y is not None:
            return (self._dx, self._dy)
        return self._dx if type(self._x) is tuple else (self._dx,)

    def backward(self, gradient: float | None = None) -> None:
        """Compute the gradient of this Value with respect to everything it depends on.

        Arguments:
            gradient: the upstream gradient to start from; 1 by default.

        >>> a = Value(3.0)
        >>> b = a + a
        >>> (b + b).backward()
        >>> a.grad
        4.0
        """
        graph.backward(self, gradient)

    def zero_grad(self) -> None:
        """Set this node's gradient to zero."""
        self.grad = 0.0

    def detach(self) -> Value:
        """A leaf with the same number and label, cut from the graph."""
        return Value(self.data, self.label)

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

    def is_undefined(self, gradient: Any) -> bool:
        return math.isnan(gradient)

    def again(self, operands: Sequence[Any]) -> Value:
        made: Value = OPERATIONS[self.op](*operands)
        return made

    def receive(self, gradient: float) -> None:
        self.grad = gradient if self._x is not None else self.grad + gradient

    def contributions(
        self, gradient: Any, wanted: Collection[Value] | None, create_graph: bool, masked: bool
    ) -> Iterator[tuple[Value, Any]]:
        if create_graph:
            yield from self._contributions_as_nodes(gradient, wanted)
        elif gradient:  # a gradient of exactly zero passes zero on, even through an infinity
            for parent, derivative in zip(self.parents, self.local_derivatives, strict=True):
                if derivative is not None and (wanted is None or parent in wanted):
                    yield parent, gradient * derivative

    def _contributions_as_nodes(
        self, gradient: Value | float, wanted: Collection[Value] | None
    ) -> Iterator[tuple[Value, Any]]:
        local_derivatives = RULES[self.op].scalar_derivatives if self.op else ()
        for parent, recorded, local_derivative in zip(
            self.parents, self.local_derivatives, local_derivatives, strict=True
        ):
            if recorded is None or (wanted is not None and parent not in wanted):
                continue
            assert local_derivative is not None
            derivative = local_derivative(self, *self.parents)
            number = _data(derivative)
            if number != recorded and not (math.isnan(number) and math.isnan(recorded)):
                raise RuntimeError(
                    f"the operands of {self.op} were changed after it was recorded: its local "
                    f"derivative was {recorded}, from today's operands it is {number}; compute "
                    "the graph again after an update, before gradients(create_graph=True)"
                )
            if _data(gradient) or math.isfinite(number):
                yield parent, gradient * derivative

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

    __hash__ = object.__hash__

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
            return getattr(ufunc, method)(*[_as_object_array(i) for i in inputs])
        if arrays:
            raise TypeError(
                f"{ufunc.__name__} of a Value and an array of shape {arrays[0].shape}: a Value "
                "holds one number; use Tensor for arrays"
            )
        if ufunc in _COMPARISONS and method == "__call__":
            return _COMPARISONS[ufunc](*inputs)
        if ufunc in (np.isfinite, np.isinf, np.isnan, np.signbit):
            return ufunc(self.data)
        rule = rule_of_ufunc(ufunc)
        if rule is None or method != "__call__" or kwargs:
            raise TypeError(unknown_function(ufunc, method, kwargs, "Value"))
        return FUNCTIONS[rule.name](*inputs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func is np.where:
            return FUNCTIONS["where"](*args, **kwargs)
        if func is np.clip:
            return self._clip(*args, **kwargs)
        raise TypeError(unknown_function(func, "__call__", {}, "Value"))

    @staticmethod
    def _clip(x: Any, a_min: Any = None, a_max: Any = None, **named: Any) -> Any:
        low, high = named.get("min", a_min), named.get("max", a_max)
        return FUNCTIONS["clip"](x, -inf if low is None else low, inf if high is None else high)

    # How it prints

    def __repr__(self) -> str:
        label = f", label={self.label!r}" if self.label else ""
        op = f", op={self.op!r}" if self.op else ""
        return f"Value({self.data!r}{label}{op})"

    def __format__(self, spec: str) -> str:
        return format(self.data, spec) if spec else repr(self)

    # fmt: off
    # region operators and methods: written by `python -m autograd_mini.generate`
    def __add__(self, other: Operand) -> Value:
        """``x + y``."""
        x = self.data
        if isinstance(other, Value):
            y = other.data
            return _node(x + y, "add", self, 1.0, other, 1.0)
        if (y := constant(other)) is None:
            return _unsupported("add", other)
        return _node(x + y, "add", self, 1.0, y, None)

    def __radd__(self, other: Operand) -> Value:
        """Reflected: ``x + y`` with self as y."""
        y = self.data
        if (x := constant(other)) is None:
            return _unsupported("add", other)
        return _node(x + y, "add", x, None, self, 1.0)

    def __sub__(self, other: Operand) -> Value:
        """``x - y``."""
        x = self.data
        if isinstance(other, Value):
            y = other.data
            return _node(x - y, "sub", self, 1.0, other, -1.0)
        if (y := constant(other)) is None:
            return _unsupported("sub", other)
        return _node(x - y, "sub", self, 1.0, y, None)

    def __rsub__(self, other: Operand) -> Value:
        """Reflected: ``x - y`` with self as y."""
        y = self.data
        if (x := constant(other)) is None:
            return _unsupported("sub", other)
        return _node(x - y, "sub", x, None, self, -1.0)

    def __mul__(self, other: Operand) -> Value:
        """``x * y``."""
        x = self.data
        if isinstance(other, Value):
            y = other.data
            return _node(x * y, "mul", self, y, other, x)
        if (y := constant(other)) is None:
            return _unsupported("mul", other)
        return _node(x * y, "mul", self, y, y, None)

    def __rmul__(self, other: Operand) -> Value:
        """Reflected: ``x * y`` with self as y."""
        y = self.data
        if (x := constant(other)) is None:
            return _unsupported("mul", other)
        return _node(x * y, "mul", x, None, self, x)

    def __truediv__(self, other: Operand) -> Value:
        """``x / y``."""
        x = self.data
        if isinstance(other, Value):
            y = other.data
            try:
                out = x / y
                return _node(out, "div", self, 1.0 / y, other, -out / y)
            except (ArithmeticError, ValueError) as error:
                _fail(error, "div", self, other)
        if (y := constant(other)) is None:
            return _unsupported("div", other)
        try:
            out = x / y
            return _node(out, "div", self, 1.0 / y, y, None)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "div", self, y)

    def __rtruediv__(self, other: Operand) -> Value:
        """Reflected: ``x / y`` with self as y."""
        y = self.data
        if (x := constant(other)) is None:
            return _unsupported("div", other)
        try:
            out = x / y
            return _node(out, "div", x, None, self, -out / y)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "div", x, self)

    def __pow__(self, other: Operand) -> Value:
        """``x ** y``."""
        x = self.data
        if isinstance(other, Value):
            y = other.data
            try:
                out = pow(x, y)
                dx = (0.0 if y == 0.0 else y * inf) if x == 0.0 and y < 1.0 else y * pow(x, y - 1.0)
                dy = out * log(x) if x > 0.0 else 0.0 if x == 0.0 and y >= 0.0 else nan
                return _node(out, "pow", self, dx, other, dy)
            except (ArithmeticError, ValueError) as error:
                _fail(error, "pow", self, other)
        if (y := constant(other)) is None:
            return _unsupported("pow", other)
        try:
            out = pow(x, y)
            dx = (0.0 if y == 0.0 else y * inf) if x == 0.0 and y < 1.0 else y * pow(x, y - 1.0)
            return _node(out, "pow", self, dx, y, None)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "pow", self, y)

    def __rpow__(self, other: Operand) -> Value:
        """Reflected: ``x ** y`` with self as y."""
        y = self.data
        if (x := constant(other)) is None:
            return _unsupported("pow", other)
        try:
            out = pow(x, y)
            dy = out * log(x) if x > 0.0 else 0.0 if x == 0.0 and y >= 0.0 else nan
            return _node(out, "pow", x, None, self, dy)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "pow", x, self)

    def __neg__(self) -> Value:
        """Negative."""
        x = self.data
        return _node(-x, "neg", self, -1.0)

    def __pos__(self) -> Value:
        """The operand itself, as a node of its own."""
        x = self.data
        return _node(+x, "positive", self, 1.0)

    def __abs__(self) -> Value:
        """Absolute value."""
        x = self.data
        out = abs(x)
        dx = 1.0 if x > 0.0 else -1.0 if x < 0.0 else 0.0 if x == 0.0 else nan
        return _node(out, "abs", self, dx)

    def exp(self) -> Value:
        """Exponential: its own derivative."""
        x = self.data
        try:
            out = exp(x)
            return _node(out, "exp", self, out)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "exp", self)

    def expm1(self) -> Value:
        """Exponential minus 1, accurate near 0."""
        x = self.data
        try:
            out = expm1(x)
            return _node(out, "expm1", self, out + 1.0)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "expm1", self)

    def log(self) -> Value:
        """Natural logarithm."""
        x = self.data
        try:
            out = log(x)
            return _node(out, "log", self, 1.0 / x)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "log", self)

    def log1p(self) -> Value:
        """Logarithm of 1 + x, accurate near 0."""
        x = self.data
        try:
            out = log1p(x)
            return _node(out, "log1p", self, 1.0 / (1.0 + x))
        except (ArithmeticError, ValueError) as error:
            _fail(error, "log1p", self)

    def log2(self) -> Value:
        """Logarithm to base 2."""
        x = self.data
        try:
            out = log2(x)
            return _node(out, "log2", self, 1.0 / (x * log(2.0)))
        except (ArithmeticError, ValueError) as error:
            _fail(error, "log2", self)

    def log10(self) -> Value:
        """Logarithm to base 10."""
        x = self.data
        try:
            out = log10(x)
            return _node(out, "log10", self, 1.0 / (x * log(10.0)))
        except (ArithmeticError, ValueError) as error:
            _fail(error, "log10", self)

    def sqrt(self) -> Value:
        """Square root."""
        x = self.data
        try:
            out = sqrt(x)
            return _node(out, "sqrt", self, 0.5 / out if x > 0.0 else inf)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "sqrt", self)

    def square(self) -> Value:
        """Square."""
        x = self.data
        return _node(x * x, "square", self, 2.0 * x)

    def reciprocal(self) -> Value:
        """Reciprocal."""
        x = self.data
        try:
            out = 1.0 / x
            return _node(out, "reciprocal", self, -out / x)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "reciprocal", self)

    def sin(self) -> Value:
        """Sine; x in radians."""
        x = self.data
        try:
            out = sin(x)
            return _node(out, "sin", self, cos(x))
        except (ArithmeticError, ValueError) as error:
            _fail(error, "sin", self)

    def cos(self) -> Value:
        """Cosine; x in radians."""
        x = self.data
        try:
            out = cos(x)
            return _node(out, "cos", self, -sin(x))
        except (ArithmeticError, ValueError) as error:
            _fail(error, "cos", self)

    def tan(self) -> Value:
        """Tangent; x in radians."""
        x = self.data
        try:
            out = tan(x)
            return _node(out, "tan", self, 1.0 + out * out)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "tan", self)

    def arcsin(self) -> Value:
        """Inverse sine, in radians."""
        x = self.data
        try:
            out = arcsin(x)
            dx = 1.0 / sqrt(1.0 - x * x) if abs(x) < 1.0 else inf
            return _node(out, "arcsin", self, dx)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "arcsin", self)

    def arccos(self) -> Value:
        """Inverse cosine, in radians."""
        x = self.data
        try:
            out = arccos(x)
            dx = -1.0 / sqrt(1.0 - x * x) if abs(x) < 1.0 else -inf
            return _node(out, "arccos", self, dx)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "arccos", self)

    def arctan(self) -> Value:
        """Inverse tangent, in radians."""
        x = self.data
        try:
            return _node(arctan(x), "arctan", self, 1.0 / (1.0 + x * x))
        except (ArithmeticError, ValueError) as error:
            _fail(error, "arctan", self)

    @staticmethod
    def arctan2(x: Operand, y: Operand) -> Value:
        """Angle of the point (y, x), in radians, in the right quadrant."""
        operands = (x, y)
        x = _data(x)
        y = _data(y)
        try:
            out = arctan2(x, y)
            r = hypot(x, y)
            dx = 0.0 if r == 0.0 else y / r / r
            dy = 0.0 if r == 0.0 else -x / r / r
            return _node_of(out, "arctan2", operands, (dx, dy))
        except (ArithmeticError, ValueError) as error:
            _fail(error, "arctan2", *operands)

    def sinh(self) -> Value:
        """Hyperbolic sine."""
        x = self.data
        try:
            out = sinh(x)
            return _node(out, "sinh", self, cosh(x))
        except (ArithmeticError, ValueError) as error:
            _fail(error, "sinh", self)

    def cosh(self) -> Value:
        """Hyperbolic cosine."""
        x = self.data
        try:
            out = cosh(x)
            return _node(out, "cosh", self, sinh(x))
        except (ArithmeticError, ValueError) as error:
            _fail(error, "cosh", self)

    def tanh(self) -> Value:
        """Hyperbolic tangent: squashes x to (-1, 1)."""
        x = self.data
        out = tanh(x)
        return _node(out, "tanh", self, 1.0 - out * out)

    def arcsinh(self) -> Value:
        """Inverse hyperbolic sine."""
        x = self.data
        try:
            out = arcsinh(x)
            return _node(out, "arcsinh", self, 1.0 / hypot(x, 1.0))
        except (ArithmeticError, ValueError) as error:
            _fail(error, "arcsinh", self)

    def arccosh(self) -> Value:
        """Inverse hyperbolic cosine."""
        x = self.data
        try:
            out = arccosh(x)
            dx = 1.0 / (sqrt(x - 1.0) * sqrt(x + 1.0)) if x > 1.0 else inf
            return _node(out, "arccosh", self, dx)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "arccosh", self)

    def arctanh(self) -> Value:
        """Inverse hyperbolic tangent."""
        x = self.data
        try:
            out = arctanh(x)
            return _node(out, "arctanh", self, 1.0 / (1.0 - x * x))
        except (ArithmeticError, ValueError) as error:
            _fail(error, "arctanh", self)

    def sign(self) -> Value:
        """Sign: -1, 0 or 1."""
        x = self.data
        out = 1.0 if x > 0.0 else -1.0 if x < 0.0 else 0.0 if x == 0.0 else nan
        return _node(out, "sign", self, 0.0)

    def sigmoid(self) -> Value:
        """Logistic function: squashes x to (0, 1)."""
        x = self.data
        try:
            z = exp(-abs(x))
            out = (1.0 if x >= 0.0 else z) / (1.0 + z)
            return _node(out, "sigmoid", self, out * (1.0 - out))
        except (ArithmeticError, ValueError) as error:
            _fail(error, "sigmoid", self)

    def softplus(self) -> Value:
        """Smooth relu."""
        x = self.data
        try:
            out = (x if x >= 0.0 or x != x else 0.0) + log1p(exp(-abs(x)))
            z = exp(-abs(x))
            dx = (1.0 if x >= 0.0 else z) / (1.0 + z)
            return _node(out, "softplus", self, dx)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "softplus", self)

    def log_sigmoid(self) -> Value:
        """Logarithm of the logistic function."""
        x = self.data
        try:
            out = (x if x <= 0.0 or x != x else 0.0) - log1p(exp(-abs(x)))
            sigmoid_x = -x
            z = exp(-abs(sigmoid_x))
            dx = (1.0 if sigmoid_x >= 0.0 else z) / (1.0 + z)
            return _node(out, "log_sigmoid", self, dx)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "log_sigmoid", self)

    def relu(self) -> Value:
        """Rectified linear unit."""
        x = self.data
        out = x if x >= 0.0 or x != x else 0.0
        return _node(out, "relu", self, 1.0 if x > 0.0 else 0.0)

    @staticmethod
    def leaky_relu(x: Operand, slope: Operand = 0.01) -> Value:
        """Rectified linear unit with a slope on the negative side."""
        operands = (x, slope)
        x = _data(x)
        slope = _data(slope)
        out = x if x > 0.0 else slope * x
        dx = 1.0 if x > 0.0 else slope
        dslope = 0.0 if x > 0.0 else x
        return _node_of(out, "leaky_relu", operands, (dx, dslope))

    @staticmethod
    def elu(x: Operand, alpha: Operand = 1.0) -> Value:
        """Exponential linear unit."""
        operands = (x, alpha)
        x = _data(x)
        alpha = _data(alpha)
        try:
            out = x if x > 0.0 else alpha * expm1(x if x <= 0.0 or x != x else 0.0)
            dx = 1.0 if x > 0.0 else out + alpha
            dalpha = 0.0 if x > 0.0 else expm1(x if x <= 0.0 or x != x else 0.0)
            return _node_of(out, "elu", operands, (dx, dalpha))
        except (ArithmeticError, ValueError) as error:
            _fail(error, "elu", *operands)

    def silu(self) -> Value:
        """Sigmoid linear unit: x times sigmoid(x)."""
        x = self.data
        try:
            z = exp(-abs(x))
            out = x * ((1.0 if x >= 0.0 else z) / (1.0 + z))
            s = (1.0 if x >= 0.0 else z) / (1.0 + z)
            return _node(out, "silu", self, s * (1.0 + x * (1.0 - s)))
        except (ArithmeticError, ValueError) as error:
            _fail(error, "silu", self)

    @staticmethod
    def maximum(x: Operand, y: Operand) -> Value:
        """The greater of two; NaN if either is NaN."""
        operands = (x, y)
        x = _data(x)
        y = _data(y)
        out = x if x >= y or x != x else y
        dx = 1.0 if x > y else 0.5 if x == y else 0.0
        dy = 0.0 if x > y else 0.5 if x == y else 1.0
        return _node_of(out, "maximum", operands, (dx, dy))

    @staticmethod
    def minimum(x: Operand, y: Operand) -> Value:
        """The lesser of two; NaN if either is NaN."""
        operands = (x, y)
        x = _data(x)
        y = _data(y)
        out = x if x <= y or x != x else y
        dx = 1.0 if x < y else 0.5 if x == y else 0.0
        dy = 0.0 if x < y else 0.5 if x == y else 1.0
        return _node_of(out, "minimum", operands, (dx, dy))

    @staticmethod
    def where(condition: Operand, x: Operand, y: Operand) -> Value:
        """Selection: x where the condition holds, y elsewhere."""
        operands = (condition, x, y)
        condition = _data(condition)
        x = _data(x)
        y = _data(y)
        out = x if condition != 0.0 else y
        dx = 1.0 if condition != 0.0 else 0.0
        dy = 0.0 if condition != 0.0 else 1.0
        return _node_of(out, "where", operands, (None, dx, dy))

    @staticmethod
    def clip(x: Operand, low: Operand, high: Operand) -> Value:
        """The value x, kept between low and high."""
        operands = (x, low, high)
        x = _data(x)
        low = _data(low)
        high = _data(high)
        minimum_x = x if x >= low or x != x else low
        out = minimum_x if minimum_x <= high or minimum_x != minimum_x else high
        dx = 1.0 if x >= low and x <= high else 0.0
        dlow = 1.0 if x < low and low <= high else 0.0
        dhigh = 1.0 if x > high or low > high else 0.0
        return _node_of(out, "clip", operands, (dx, dlow, dhigh))

    @staticmethod
    def hypot(x: Operand, y: Operand) -> Value:
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

    @staticmethod
    def logaddexp(x: Operand, y: Operand) -> Value:
        """Logarithm of exp(x) + exp(y), without overflow."""
        operands = (x, y)
        x = _data(x)
        y = _data(y)
        try:
            out = x + log(2.0) if x == y else (x if x >= y or x != x else y) + log1p(exp(-abs(x - y)))
            dx = exp(x - out)
            dy = exp(y - out)
            return _node_of(out, "logaddexp", operands, (dx, dy))
        except (ArithmeticError, ValueError) as error:
            _fail(error, "logaddexp", *operands)

    def erf(self) -> Value:
        """Error function."""
        x = self.data
        try:
            return _node(erf(x), "erf", self, 2.0 / sqrt(pi) * exp(-(x * x)))
        except (ArithmeticError, ValueError) as error:
            _fail(error, "erf", self)

    def erfc(self) -> Value:
        """Complementary error function 1 - erf(x), accurate for large x."""
        x = self.data
        try:
            out = erfc(x)
            dx = -2.0 / sqrt(pi) * exp(-(x * x))
            return _node(out, "erfc", self, dx)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "erfc", self)

    def gelu(self) -> Value:
        """Gaussian error linear unit, exact."""
        x = self.data
        try:
            out = x * (erfc(-x / sqrt(2.0)) / 2.0)
            dx = erfc(-x / sqrt(2.0)) / 2.0 + x * exp(-(x * x) / 2.0) / sqrt(2.0 * pi)
            return _node(out, "gelu", self, dx)
        except (ArithmeticError, ValueError) as error:
            _fail(error, "gelu", self)
    # endregion
    # fmt: on


def _node(out: float, op: str, x: Any, dx: Any, y: Any = None, dy: Any = None) -> Value:
    """The result of one operation: its value, its operands, its local derivatives."""
    node = _new(Value)
    node.data = out
    node.grad = 0.0
    node.label = ""
    node.op = op
    node._x = x
    node._y = y
    node._dx = dx
    node._dy = dy
    if modes.special:
        _record_specially(node)
    return node


_new = Value.__new__


def _node_of(
    out: float, op: str, operands: tuple[Any, ...], derivatives: tuple[float | None, ...]
) -> Value:
    """``_node`` for any number of operands, each a Value or a constant."""
    tracked = [isinstance(operand, Value) for operand in operands]
    xs = tuple(o if t else constant(o) for o, t in zip(operands, tracked, strict=True))
    ds = tuple(d if t else None for d, t in zip(derivatives, tracked, strict=True))
    if len(xs) == 1:
        return _node(out, op, xs[0], ds[0])
    if len(xs) == 2:
        return _node(out, op, xs[0], ds[0], xs[1], ds[1])
    return _node(out, op, xs, ds)


def _record_specially(node: Value) -> None:
    if modes.debugging():
        operands = [getattr(parent, "data", parent) for parent in node.parents]
        derivatives = [d for d in node.local_derivatives if d is not None]
        if all(map(math.isfinite, operands)) and not all(
            map(math.isfinite, [node.data, *derivatives])
        ):
            what = node.data if not math.isfinite(node.data) else f"a derivative in {derivatives}"
            raise FloatingPointError(
                f"{node.op} made {what} from finite operands, at {modes.source_line()}"
            )
    if not modes.recording():
        node.op = ""
        node._x = node._y = node._dx = node._dy = None


def constant(number: Any) -> Any:
    """A real number of Python or NumPy as a float; ``None`` if it is none."""
    if isinstance(number, float | int):
        return float(number)
    if isinstance(number, np.floating | np.integer | np.bool_):
        return float(number)
    if isinstance(number, np.ndarray) and number.ndim == 0 and number.dtype.kind in "fiub":
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
    number = operand.data if isinstance(operand, Value) else constant(operand)
    if number is None:
        raise TypeError(what + _not_a_number(operand))
    return number


_data = number_of


def _unsupported(op: str, operand: Any) -> Value:
    """``NotImplemented``, so that the operand may answer; an error if it cannot."""
    if isinstance(operand, complex | str | bytes | list | tuple | dict | None):
        raise TypeError(f"{op}: {_not_a_number(operand)}")
    return cast(Value, NotImplemented)


def _compare(compare: Callable[[Any, Any], bool], left: Any, right: Any) -> bool:
    other = right.data if isinstance(right, Value) else constant(right)
    return NotImplemented if other is None else compare(left.data, other)


def _as_object_array(operand: Any) -> Any:
    if not isinstance(operand, Value):
        return operand
    array = np.empty((), dtype=object)
    array[()] = operand
    return array


def unknown_function(function: Any, method: str, kwargs: Any, kind: str) -> str:
    """The message for a NumPy function without a rule."""
    module = getattr(function, "__module__", None) or "numpy"
    name = f"{'numpy' if isinstance(function, np.ufunc) else module}.{function.__name__}"
    if method != "__call__":
        name += f".{method}"
    if kwargs:
        return (
            f"{name}({', '.join(f'{key}=...' for key in kwargs)}) has no derivative rule for a "
            f"{kind}: call it without {', '.join(kwargs)}"
            + ("; out= and in-place operators would overwrite" * ("out" in kwargs))
        )
    return (
        f"{name} has no derivative rule for a {kind}: write it with functions that have one, "
        f"add one with autograd_mini.rule or autograd_mini.primitive, or pass plain numbers (.data)"
    )


def _fail(error: Exception, op: str, *operands: Operand) -> NoReturn:
    """Raise ``error`` again with the operation, its operands and its domain named."""
    if isinstance(error, FloatingPointError):  # of debug(), which has said it all
        raise error
    rule = RULES[op]
    found = ", ".join(
        f"{name} = {_data(operand)}"
        + (f" (label {operand.label!r})" if getattr(operand, "label", "") else "")
        for name, operand in zip(rule.operands, operands, strict=True)
    )
    if isinstance(error, OverflowError):
        raise OverflowError(f"{rule.signature} is too large for a float at {found}") from None
    need = f" is defined for {rule.domain}" if rule.domain else " is not defined here"
    raise type(error)(f"{rule.signature}{need}, got {found}") from None


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
}
"""Each rule's function of Values and numbers, by the rule's name."""

OPERATIONS |= {name: getattr(Value, name) for name in RULES if name in vars(Value)}
