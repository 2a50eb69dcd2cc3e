"""The operators and methods of Value.

Printed from the table by ``python -m autograd_mini._build.generate``: do not edit.
"""

# ruff: noqa
# fmt: off
# mypy: disable-error-code="arg-type, attr-defined, return"
# (self is a Value)

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from autograd_mini._build import uncompiled as cython
from autograd_mini.operations.elementwise import RULES
from autograd_mini.interface.floats import arccos, arccosh, arcsin, arcsinh, arctan, arctan2, arctanh, ceil, constant, cos, cosh, erf, erfc, exp, expm1, floor, floor_divide, hypot, inf, log, log10, log1p, log2, mod, nan, pi, pow, power, refuse, rint, sin, sinh, sqrt, tan, tanh, trunc
from autograd_mini.interface.value_protocol import fail, in_place
from autograd_mini.other_libraries import NotEvenSet
from autograd_mini.typing import Operand

if TYPE_CHECKING:
    from autograd_mini.core.value import Value, _data, _method, _node, _node_of

NEEDED = ('Value', '_data', '_method', '_node', '_node_of')
"""What ``value`` puts here."""

ADD = cython.declare(object, RULES.get("add"))
SUB = cython.declare(object, RULES.get("sub"))
MUL = cython.declare(object, RULES.get("mul"))
DIV = cython.declare(object, RULES.get("div"))
POW = cython.declare(object, RULES.get("pow"))
NEG = cython.declare(object, RULES.get("neg"))
POSITIVE = cython.declare(object, RULES.get("positive"))
EXP = cython.declare(object, RULES.get("exp"))
EXPM1 = cython.declare(object, RULES.get("expm1"))
LOG = cython.declare(object, RULES.get("log"))
LOG1P = cython.declare(object, RULES.get("log1p"))
LOG2 = cython.declare(object, RULES.get("log2"))
LOG10 = cython.declare(object, RULES.get("log10"))
SQRT = cython.declare(object, RULES.get("sqrt"))
SQUARE = cython.declare(object, RULES.get("square"))
RECIPROCAL = cython.declare(object, RULES.get("reciprocal"))
SIN = cython.declare(object, RULES.get("sin"))
COS = cython.declare(object, RULES.get("cos"))
TAN = cython.declare(object, RULES.get("tan"))
ARCSIN = cython.declare(object, RULES.get("arcsin"))
ARCCOS = cython.declare(object, RULES.get("arccos"))
ARCTAN = cython.declare(object, RULES.get("arctan"))
ARCTAN2 = cython.declare(object, RULES.get("arctan2"))
SINH = cython.declare(object, RULES.get("sinh"))
COSH = cython.declare(object, RULES.get("cosh"))
TANH = cython.declare(object, RULES.get("tanh"))
ARCSINH = cython.declare(object, RULES.get("arcsinh"))
ARCCOSH = cython.declare(object, RULES.get("arccosh"))
ARCTANH = cython.declare(object, RULES.get("arctanh"))
ABS = cython.declare(object, RULES.get("abs"))
SIGN = cython.declare(object, RULES.get("sign"))
FLOOR = cython.declare(object, RULES.get("floor"))
CEIL = cython.declare(object, RULES.get("ceil"))
TRUNC = cython.declare(object, RULES.get("trunc"))
RINT = cython.declare(object, RULES.get("rint"))
MOD = cython.declare(object, RULES.get("mod"))
FLOOR_DIVIDE = cython.declare(object, RULES.get("floor_divide"))
SIGMOID = cython.declare(object, RULES.get("sigmoid"))
SOFTPLUS = cython.declare(object, RULES.get("softplus"))
LOG_SIGMOID = cython.declare(object, RULES.get("log_sigmoid"))
RELU = cython.declare(object, RULES.get("relu"))
LEAKY_RELU = cython.declare(object, RULES.get("leaky_relu"))
ELU = cython.declare(object, RULES.get("elu"))
SILU = cython.declare(object, RULES.get("silu"))
MAXIMUM = cython.declare(object, RULES.get("maximum"))
MINIMUM = cython.declare(object, RULES.get("minimum"))
WHERE = cython.declare(object, RULES.get("where"))
CLIP = cython.declare(object, RULES.get("clip"))
HYPOT = cython.declare(object, RULES.get("hypot"))
LOGADDEXP = cython.declare(object, RULES.get("logaddexp"))
ERF = cython.declare(object, RULES.get("erf"))
ERFC = cython.declare(object, RULES.get("erfc"))
GELU = cython.declare(object, RULES.get("gelu"))


class ValueOperations:
    """The methods of Value that the table states."""

    __slots__ = ()

    def __add__(self, other: Operand) -> Value:
        """``x + y``."""
        x = self._number
        if isinstance(other, Value):
            second: Value = other
            y: float = second._number
            return _node(x + y, ADD, self, 1.0, second, 1.0)
        number = constant(other)
        if number is None:
            refuse("add", other)
            return NotImplemented
        y = number
        return _node(x + y, ADD, self, 1.0, None, y)

    def __radd__(self, other: Operand) -> Value:
        """Reflected: ``x + y`` with self as y."""
        y = self._number
        number = constant(other)
        if number is None:
            refuse("add", other)
            return NotImplemented
        x: float = number
        return _node(x + y, ADD, None, x, self, 1.0)

    def __iadd__(self, other: Operand) -> Any:
        """``x + y``; a number updates a leaf inside ``no_grad()``."""
        x = self._number
        if isinstance(other, Value):
            second: Value = other
            y: float = second._number
            return _node(x + y, ADD, self, 1.0, second, 1.0)
        if self._operation is not None:
            return self + other
        return in_place(operator.add, "+=", self, other)

    def __sub__(self, other: Operand) -> Value:
        """``x - y``."""
        x = self._number
        if isinstance(other, Value):
            second: Value = other
            y: float = second._number
            return _node(x - y, SUB, self, 1.0, second, -1.0)
        number = constant(other)
        if number is None:
            refuse("sub", other)
            return NotImplemented
        y = number
        return _node(x - y, SUB, self, 1.0, None, y)

    def __rsub__(self, other: Operand) -> Value:
        """Reflected: ``x - y`` with self as y."""
        y = self._number
        number = constant(other)
        if number is None:
            refuse("sub", other)
            return NotImplemented
        x: float = number
        return _node(x - y, SUB, None, x, self, -1.0)

    def __isub__(self, other: Operand) -> Any:
        """``x - y``; a number updates a leaf inside ``no_grad()``."""
        x = self._number
        if isinstance(other, Value):
            second: Value = other
            y: float = second._number
            return _node(x - y, SUB, self, 1.0, second, -1.0)
        if self._operation is not None:
            return self - other
        return in_place(operator.sub, "-=", self, other)

    def __mul__(self, other: Operand) -> Value:
        """``x * y``."""
        x = self._number
        if isinstance(other, Value):
            second: Value = other
            y: float = second._number
            return _node(x * y, MUL, self, y, second, x)
        number = constant(other)
        if number is None:
            refuse("mul", other)
            return NotImplemented
        y = number
        return _node(x * y, MUL, self, y, None, y)

    def __rmul__(self, other: Operand) -> Value:
        """Reflected: ``x * y`` with self as y."""
        y = self._number
        number = constant(other)
        if number is None:
            refuse("mul", other)
            return NotImplemented
        x: float = number
        return _node(x * y, MUL, None, x, self, x)

    def __imul__(self, other: Operand) -> Any:
        """``x * y``; a number updates a leaf inside ``no_grad()``."""
        x = self._number
        if isinstance(other, Value):
            second: Value = other
            y: float = second._number
            return _node(x * y, MUL, self, y, second, x)
        if self._operation is not None:
            return self * other
        return in_place(operator.mul, "*=", self, other)

    def __truediv__(self, other: Operand) -> Value:
        """``x / y``."""
        x = self._number
        if isinstance(other, Value):
            second: Value = other
            y: float = second._number
            try:
                out = x / y
                return _node(out, DIV, self, 1.0 / y, second, -out / y)
            except (ArithmeticError, ValueError) as error:
                fail(error, DIV, self, second)
        number = constant(other)
        if number is None:
            refuse("div", other)
            return NotImplemented
        y = number
        try:
            out = x / y
            return _node(out, DIV, self, 1.0 / y, None, y)
        except (ArithmeticError, ValueError) as error:
            fail(error, DIV, self, y)

    def __rtruediv__(self, other: Operand) -> Value:
        """Reflected: ``x / y`` with self as y."""
        y = self._number
        number = constant(other)
        if number is None:
            refuse("div", other)
            return NotImplemented
        x: float = number
        try:
            out = x / y
            return _node(out, DIV, None, x, self, -out / y)
        except (ArithmeticError, ValueError) as error:
            fail(error, DIV, x, self)

    def __itruediv__(self, other: Operand) -> Any:
        """``x / y``; a number updates a leaf inside ``no_grad()``."""
        x = self._number
        if isinstance(other, Value):
            second: Value = other
            y: float = second._number
            try:
                out = x / y
                return _node(out, DIV, self, 1.0 / y, second, -out / y)
            except (ArithmeticError, ValueError) as error:
                fail(error, DIV, self, second)
        if self._operation is not None:
            return self / other
        return in_place(operator.truediv, "/=", self, other)

    def __pow__(self, other: Operand) -> Value:
        """``x ** y``."""
        x = self._number
        if isinstance(other, Value):
            second: Value = other
            y: float = second._number
            try:
                out = pow(x, y)
                dx = out if out != out else (0.0 if y == 0.0 else y * inf) if x == 0.0 and y < 1.0 else y / x if y == 0.0 else y * power(x, y - 1.0)
                dy = out * log(x) if x > 0.0 else 0.0 if x == 0.0 and y >= 0.0 else nan * out
                return _node(out, POW, self, dx, second, dy)
            except (ArithmeticError, ValueError) as error:
                fail(error, POW, self, second)
        number = constant(other)
        if number is None:
            refuse("pow", other)
            return NotImplemented
        y = number
        try:
            out = pow(x, y)
            dx = out if out != out else (0.0 if y == 0.0 else y * inf) if x == 0.0 and y < 1.0 else y / x if y == 0.0 else y * power(x, y - 1.0)
            return _node(out, POW, self, dx, None, y)
        except (ArithmeticError, ValueError) as error:
            fail(error, POW, self, y)

    def __rpow__(self, other: Operand) -> Value:
        """Reflected: ``x ** y`` with self as y."""
        y = self._number
        number = constant(other)
        if number is None:
            refuse("pow", other)
            return NotImplemented
        x: float = number
        try:
            out = pow(x, y)
            dy = out * log(x) if x > 0.0 else 0.0 if x == 0.0 and y >= 0.0 else nan * out
            return _node(out, POW, None, x, self, dy)
        except (ArithmeticError, ValueError) as error:
            fail(error, POW, x, self)

    def __ipow__(self, other: Operand) -> Any:
        """``x ** y``; a number updates a leaf inside ``no_grad()``."""
        x = self._number
        if isinstance(other, Value):
            second: Value = other
            y: float = second._number
            try:
                out = pow(x, y)
                dx = out if out != out else (0.0 if y == 0.0 else y * inf) if x == 0.0 and y < 1.0 else y / x if y == 0.0 else y * power(x, y - 1.0)
                dy = out * log(x) if x > 0.0 else 0.0 if x == 0.0 and y >= 0.0 else nan * out
                return _node(out, POW, self, dx, second, dy)
            except (ArithmeticError, ValueError) as error:
                fail(error, POW, self, second)
        if self._operation is not None:
            return self ** other
        return in_place(operator.pow, "**=", self, other)

    def __neg__(self) -> Value:
        """Negative."""
        x = self._number
        return _node(-x, NEG, self, -1.0, None, 0.0)

    def __pos__(self) -> Value:
        """The operand itself, as a node of its own."""
        x = self._number
        return _node(+x, POSITIVE, self, 1.0, None, 0.0)

    def __abs__(self) -> Value:
        """Absolute value."""
        x = self._number
        out = abs(x)
        dx = 1.0 if x > 0.0 else -1.0 if x < 0.0 else 0.0 if x == 0.0 else nan
        return _node(out, ABS, self, dx, None, 0.0)

    def __floor__(self) -> Value:
        """The greatest whole number up to x."""
        x = self._number
        return _node(floor(x), FLOOR, self, 0.0, None, 0.0)

    def __ceil__(self) -> Value:
        """The least whole number from x on."""
        x = self._number
        return _node(ceil(x), CEIL, self, 0.0, None, 0.0)

    def __trunc__(self) -> Value:
        """The whole part of x, without its fraction."""
        x = self._number
        return _node(trunc(x), TRUNC, self, 0.0, None, 0.0)

    def __mod__(self, other: Operand) -> Value:
        """``x % y``."""
        x = self._number
        if isinstance(other, Value):
            second: Value = other
            y: float = second._number
            try:
                out = mod(x, y)
                dy = nan * y if y == 0.0 else -floor_divide(x, y)
                return _node(out, MOD, self, 1.0, second, dy)
            except (ArithmeticError, ValueError) as error:
                fail(error, MOD, self, second)
        number = constant(other)
        if number is None:
            refuse("mod", other)
            return NotImplemented
        y = number
        try:
            out = mod(x, y)
            return _node(out, MOD, self, 1.0, None, y)
        except (ArithmeticError, ValueError) as error:
            fail(error, MOD, self, y)

    def __rmod__(self, other: Operand) -> Value:
        """Reflected: ``x % y`` with self as y."""
        y = self._number
        number = constant(other)
        if number is None:
            refuse("mod", other)
            return NotImplemented
        x: float = number
        try:
            out = mod(x, y)
            dy = nan * y if y == 0.0 else -floor_divide(x, y)
            return _node(out, MOD, None, x, self, dy)
        except (ArithmeticError, ValueError) as error:
            fail(error, MOD, x, self)

    def __imod__(self, other: Operand) -> Any:
        """``x % y``; a number updates a leaf inside ``no_grad()``."""
        x = self._number
        if isinstance(other, Value):
            second: Value = other
            y: float = second._number
            try:
                out = mod(x, y)
                dy = nan * y if y == 0.0 else -floor_divide(x, y)
                return _node(out, MOD, self, 1.0, second, dy)
            except (ArithmeticError, ValueError) as error:
                fail(error, MOD, self, second)
        if self._operation is not None:
            return self % other
        return in_place(operator.mod, "%=", self, other)

    def __floordiv__(self, other: Operand) -> Value:
        """``x // y``."""
        x = self._number
        if isinstance(other, Value):
            second: Value = other
            y: float = second._number
            try:
                out = floor_divide(x, y)
                return _node(out, FLOOR_DIVIDE, self, 0.0, second, 0.0)
            except (ArithmeticError, ValueError) as error:
                fail(error, FLOOR_DIVIDE, self, second)
        number = constant(other)
        if number is None:
            refuse("floor_divide", other)
            return NotImplemented
        y = number
        try:
            out = floor_divide(x, y)
            return _node(out, FLOOR_DIVIDE, self, 0.0, None, y)
        except (ArithmeticError, ValueError) as error:
            fail(error, FLOOR_DIVIDE, self, y)

    def __rfloordiv__(self, other: Operand) -> Value:
        """Reflected: ``x // y`` with self as y."""
        y = self._number
        number = constant(other)
        if number is None:
            refuse("floor_divide", other)
            return NotImplemented
        x: float = number
        try:
            out = floor_divide(x, y)
            return _node(out, FLOOR_DIVIDE, None, x, self, 0.0)
        except (ArithmeticError, ValueError) as error:
            fail(error, FLOOR_DIVIDE, x, self)

    def __ifloordiv__(self, other: Operand) -> Any:
        """``x // y``; a number updates a leaf inside ``no_grad()``."""
        x = self._number
        if isinstance(other, Value):
            second: Value = other
            y: float = second._number
            try:
                out = floor_divide(x, y)
                return _node(out, FLOOR_DIVIDE, self, 0.0, second, 0.0)
            except (ArithmeticError, ValueError) as error:
                fail(error, FLOOR_DIVIDE, self, second)
        if self._operation is not None:
            return self // other
        return in_place(operator.floordiv, "//=", self, other)

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
        return _node(-x, NEG, self, -1.0, None, 0.0)

    def positive(self) -> Value:
        """The operand itself, as a node of its own."""
        x = self._number
        return _node(+x, POSITIVE, self, 1.0, None, 0.0)

    def exp(self) -> Value:
        """Exponential: its own derivative."""
        x = self._number
        try:
            out = exp(x)
            return _node(out, EXP, self, out, None, 0.0)
        except (ArithmeticError, ValueError) as error:
            fail(error, EXP, self)

    def expm1(self) -> Value:
        """Exponential minus 1, accurate near 0."""
        x = self._number
        try:
            out = expm1(x)
            return _node(out, EXPM1, self, exp(x), None, 0.0)
        except (ArithmeticError, ValueError) as error:
            fail(error, EXPM1, self)

    def log(self) -> Value:
        """Natural logarithm."""
        x = self._number
        try:
            out = log(x)
            return _node(out, LOG, self, out if out != out else 1.0 / x, None, 0.0)
        except (ArithmeticError, ValueError) as error:
            fail(error, LOG, self)

    def log1p(self) -> Value:
        """Logarithm of 1 + x, accurate near 0."""
        x = self._number
        try:
            out = log1p(x)
            dx = out if out != out else 1.0 / (1.0 + x)
            return _node(out, LOG1P, self, dx, None, 0.0)
        except (ArithmeticError, ValueError) as error:
            fail(error, LOG1P, self)

    def log2(self) -> Value:
        """Logarithm to base 2."""
        x = self._number
        try:
            out = log2(x)
            dx = out if out != out else 1.0 / (x * log(2.0))
            return _node(out, LOG2, self, dx, None, 0.0)
        except (ArithmeticError, ValueError) as error:
            fail(error, LOG2, self)

    def log10(self) -> Value:
        """Logarithm to base 10."""
        x = self._number
        try:
            out = log10(x)
            dx = out if out != out else 1.0 / (x * log(10.0))
            return _node(out, LOG10, self, dx, None, 0.0)
        except (ArithmeticError, ValueError) as error:
            fail(error, LOG10, self)

    def sqrt(self) -> Value:
        """Square root."""
        x = self._number
        try:
            out = sqrt(x)
            return _node(out, SQRT, self, inf if x == 0.0 else 0.5 / out, None, 0.0)
        except (ArithmeticError, ValueError) as error:
            fail(error, SQRT, self)

    def square(self) -> Value:
        """Square."""
        x = self._number
        return _node(x * x, SQUARE, self, 2.0 * x, None, 0.0)

    def reciprocal(self) -> Value:
        """Reciprocal."""
        x = self._number
        try:
            out = 1.0 / x
            return _node(out, RECIPROCAL, self, -out / x, None, 0.0)
        except (ArithmeticError, ValueError) as error:
            fail(error, RECIPROCAL, self)

    def sin(self) -> Value:
        """Sine; x in radians."""
        x = self._number
        try:
            out = sin(x)
            return _node(out, SIN, self, cos(x), None, 0.0)
        except (ArithmeticError, ValueError) as error:
            fail(error, SIN, self)

    def cos(self) -> Value:
        """Cosine; x in radians."""
        x = self._number
        try:
            out = cos(x)
            return _node(out, COS, self, -sin(x), None, 0.0)
        except (ArithmeticError, ValueError) as error:
            fail(error, COS, self)

    def tan(self) -> Value:
        """Tangent; x in radians."""
        x = self._number
        try:
            out = tan(x)
            return _node(out, TAN, self, 1.0 + out * out, None, 0.0)
        except (ArithmeticError, ValueError) as error:
            fail(error, TAN, self)

    def arcsin(self) -> Value:
        """Inverse sine, in radians."""
        x = self._number
        try:
            out = arcsin(x)
            dx = out if out != out else inf if abs(x) == 1.0 else 1.0 / sqrt((1.0 - x) * (1.0 + x))
            return _node(out, ARCSIN, self, dx, None, 0.0)
        except (ArithmeticError, ValueError) as error:
            fail(error, ARCSIN, self)

    def arccos(self) -> Value:
        """Inverse cosine, in radians."""
        x = self._number
        try:
            out = arccos(x)
            dx = out if out != out else -inf if abs(x) == 1.0 else -1.0 / sqrt((1.0 - x) * (1.0 + x))
            return _node(out, ARCCOS, self, dx, None, 0.0)
        except (ArithmeticError, ValueError) as error:
            fail(error, ARCCOS, self)

    def arctan(self) -> Value:
        """Inverse tangent, in radians."""
        x = self._number
        try:
            return _node(arctan(x), ARCTAN, self, 1.0 / (1.0 + x * x), None, 0.0)
        except (ArithmeticError, ValueError) as error:
            fail(error, ARCTAN, self)

    def arctan2(self, y: Operand) -> Value:
        """Angle of the point (y, x), in radians, in the right quadrant."""
        return _method("arctan2", self, y)

    def sinh(self) -> Value:
        """Hyperbolic sine."""
        x = self._number
        try:
            out = sinh(x)
            return _node(out, SINH, self, cosh(x), None, 0.0)
        except (ArithmeticError, ValueError) as error:
            fail(error, SINH, self)

    def cosh(self) -> Value:
        """Hyperbolic cosine."""
        x = self._number
        try:
            out = cosh(x)
            return _node(out, COSH, self, sinh(x), None, 0.0)
        except (ArithmeticError, ValueError) as error:
            fail(error, COSH, self)

    def tanh(self) -> Value:
        """Hyperbolic tangent: squashes x to (-1, 1)."""
        x = self._number
        try:
            out = tanh(x)
            dx = 4.0 * exp(-2.0 * (x + log(2.0) if x == -x else (x if x >= -x or x != x else -x) + log1p(exp(-abs(x - -x))))) if abs(x) > 2.5 else 1.0 - out * out
            return _node(out, TANH, self, dx, None, 0.0)
        except (ArithmeticError, ValueError) as error:
            fail(error, TANH, self)

    def arcsinh(self) -> Value:
        """Inverse hyperbolic sine."""
        x = self._number
        try:
            out = arcsinh(x)
            return _node(out, ARCSINH, self, 1.0 / hypot(x, 1.0), None, 0.0)
        except (ArithmeticError, ValueError) as error:
            fail(error, ARCSINH, self)

    def arccosh(self) -> Value:
        """Inverse hyperbolic cosine."""
        x = self._number
        try:
            out = arccosh(x)
            dx = out if out != out else inf if x == 1.0 else 1.0 / (sqrt(x - 1.0) * sqrt(x + 1.0))
            return _node(out, ARCCOSH, self, dx, None, 0.0)
        except (ArithmeticError, ValueError) as error:
            fail(error, ARCCOSH, self)

    def arctanh(self) -> Value:
        """Inverse hyperbolic tangent."""
        x = self._number
        try:
            out = arctanh(x)
            dx = out if out != out else 1.0 / ((1.0 - x) * (1.0 + x))
            return _node(out, ARCTANH, self, dx, None, 0.0)
        except (ArithmeticError, ValueError) as error:
            fail(error, ARCTANH, self)

    def abs(self) -> Value:
        """Absolute value."""
        x = self._number
        out = abs(x)
        dx = 1.0 if x > 0.0 else -1.0 if x < 0.0 else 0.0 if x == 0.0 else nan
        return _node(out, ABS, self, dx, None, 0.0)

    def sign(self) -> Value:
        """Sign: -1, 0 or 1."""
        x = self._number
        out = 1.0 if x > 0.0 else -1.0 if x < 0.0 else 0.0 if x == 0.0 else nan
        return _node(out, SIGN, self, 0.0, None, 0.0)

    def floor(self) -> Value:
        """The greatest whole number up to x."""
        x = self._number
        return _node(floor(x), FLOOR, self, 0.0, None, 0.0)

    def ceil(self) -> Value:
        """The least whole number from x on."""
        x = self._number
        return _node(ceil(x), CEIL, self, 0.0, None, 0.0)

    def trunc(self) -> Value:
        """The whole part of x, without its fraction."""
        x = self._number
        return _node(trunc(x), TRUNC, self, 0.0, None, 0.0)

    def rint(self) -> Value:
        """The nearest whole number; of two the even one."""
        x = self._number
        return _node(rint(x), RINT, self, 0.0, None, 0.0)

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
            return _node(out, SIGMOID, self, dx, None, 0.0)
        except (ArithmeticError, ValueError) as error:
            fail(error, SIGMOID, self)

    def softplus(self) -> Value:
        """Smooth relu."""
        x = self._number
        try:
            out = (x if x >= 0.0 or x != x else 0.0) + log1p(exp(-abs(x)))
            dx = exp(x) / (1.0 + exp(x)) if x < -11.0 else 1.0 / (1.0 + exp(-x))
            return _node(out, SOFTPLUS, self, dx, None, 0.0)
        except (ArithmeticError, ValueError) as error:
            fail(error, SOFTPLUS, self)

    def log_sigmoid(self) -> Value:
        """Logarithm of the logistic function."""
        x = self._number
        try:
            out = (x if x <= 0.0 or x != x else 0.0) - log1p(exp(-abs(x)))
            sigmoid_x = -x
            dx = exp(sigmoid_x) / (1.0 + exp(sigmoid_x)) if sigmoid_x < -11.0 else 1.0 / (1.0 + exp(-sigmoid_x))
            return _node(out, LOG_SIGMOID, self, dx, None, 0.0)
        except (ArithmeticError, ValueError) as error:
            fail(error, LOG_SIGMOID, self)

    def relu(self) -> Value:
        """Rectified linear unit."""
        x = self._number
        out = x if x >= 0.0 or x != x else 0.0
        dx = out if out != out else 1.0 if x > 0.0 else 0.0
        return _node(out, RELU, self, dx, None, 0.0)

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
            return _node(x * s, SILU, self, s * (1.0 + x * (1.0 - s)), None, 0.0)
        except (ArithmeticError, ValueError) as error:
            fail(error, SILU, self)

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
            return _node(erf(x), ERF, self, 2.0 / sqrt(pi) * exp(-(x * x)), None, 0.0)
        except (ArithmeticError, ValueError) as error:
            fail(error, ERF, self)

    def erfc(self) -> Value:
        """Complementary error function 1 - erf(x), accurate for large x."""
        x = self._number
        try:
            out = erfc(x)
            dx = -2.0 / sqrt(pi) * exp(-(x * x))
            return _node(out, ERFC, self, dx, None, 0.0)
        except (ArithmeticError, ValueError) as error:
            fail(error, ERFC, self)

    def gelu(self) -> Value:
        """Gaussian error linear unit, exact."""
        x = self._number
        try:
            out = x * (erfc(-x / sqrt(2.0)) / 2.0)
            dx = (erfc(-x / sqrt(2.0)) / 2.0 if abs(x) < 0.001 else out / x) + x * exp(-(x * x) / 2.0) / sqrt(2.0 * pi)
            return _node(out, GELU, self, dx, None, 0.0)
        except (ArithmeticError, ValueError) as error:
            fail(error, GELU, self)

    # Names of other libraries
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
        return _node_of(out, ARCTAN2, operands, (dx, dy))
    except (ArithmeticError, ValueError) as error:
        fail(error, ARCTAN2, *operands)


def _leaky_relu(x: Operand, slope: Operand = 0.01) -> Value:
    """Rectified linear unit with a slope on the negative side."""
    operands = (x, slope)
    x = _data(x)
    slope = _data(slope)
    out = x if x > 0.0 else slope * x
    dx = out if out != out else 1.0 if x > 0.0 else slope
    dslope = out if out != out else 0.0 if x > 0.0 else x
    return _node_of(out, LEAKY_RELU, operands, (dx, dslope))


def _elu(x: Operand, alpha: Operand = 1.0) -> Value:
    """Exponential linear unit."""
    operands = (x, alpha)
    x = _data(x)
    alpha = _data(alpha)
    try:
        out = x if x > 0.0 else alpha * expm1(x if x <= 0.0 or x != x else 0.0)
        dx = alpha * exp(x if x <= 0.0 or x != x else 0.0) if x < -3.0 else 1.0 if x > 0.0 else out + alpha
        dalpha = out if out != out else 0.0 if x > 0.0 else expm1(x if x <= 0.0 or x != x else 0.0)
        return _node_of(out, ELU, operands, (dx, dalpha))
    except (ArithmeticError, ValueError) as error:
        fail(error, ELU, *operands)


def _maximum(x: Operand, y: Operand) -> Value:
    """The greater of two; NaN if either is NaN."""
    operands = (x, y)
    x = _data(x)
    y = _data(y)
    out = x if x >= y or x != x else y
    dx = out if out != out else 1.0 if x > y else 0.5 if x == y else 0.0
    dy = out if out != out else 0.0 if x > y else 0.5 if x == y else 1.0
    return _node_of(out, MAXIMUM, operands, (dx, dy))


def _minimum(x: Operand, y: Operand) -> Value:
    """The lesser of two; NaN if either is NaN."""
    operands = (x, y)
    x = _data(x)
    y = _data(y)
    out = x if x <= y or x != x else y
    dx = out if out != out else 1.0 if x < y else 0.5 if x == y else 0.0
    dy = out if out != out else 0.0 if x < y else 0.5 if x == y else 1.0
    return _node_of(out, MINIMUM, operands, (dx, dy))


def _where(condition: Operand, x: Operand, y: Operand) -> Value:
    """Selection: x where the condition holds, y elsewhere."""
    operands = (condition, x, y)
    condition = _data(condition)
    x = _data(x)
    y = _data(y)
    out = x if condition != 0.0 else y
    dx = 1.0 if condition != 0.0 else 0.0
    dy = 0.0 if condition != 0.0 else 1.0
    return _node_of(out, WHERE, operands, (None, dx, dy))


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
    return _node_of(out, CLIP, operands, (dx, dlow, dhigh))


def _hypot(x: Operand, y: Operand) -> Value:
    """Hypotenuse sqrt(x² + y²), without overflow."""
    operands = (x, y)
    x = _data(x)
    y = _data(y)
    try:
        out = hypot(x, y)
        dx = 0.0 if out == 0.0 else x / out
        dy = 0.0 if out == 0.0 else y / out
        return _node_of(out, HYPOT, operands, (dx, dy))
    except (ArithmeticError, ValueError) as error:
        fail(error, HYPOT, *operands)


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
        return _node_of(out, LOGADDEXP, operands, (dx, dy))
    except (ArithmeticError, ValueError) as error:
        fail(error, LOGADDEXP, *operands)


SCALAR_METHODS = ('exp', 'expm1', 'log', 'log1p', 'log2', 'log10', 'sqrt', 'square', 'reciprocal', 'sin', 'cos', 'tan', 'arcsin', 'arccos', 'arctan', 'sinh', 'cosh', 'tanh', 'arcsinh', 'arccosh', 'arctanh', 'abs', 'sign', 'floor', 'ceil', 'trunc', 'rint', 'sigmoid', 'softplus', 'log_sigmoid', 'relu', 'silu', 'erf', 'erfc', 'gelu')
"""The rules of one operand whose function is the method of Value."""

SCALAR_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "pow": operator.pow,
    "neg": operator.neg,
    "positive": operator.pos,
    "mod": operator.mod,
    "floor_divide": operator.floordiv,
    "arctan2": _arctan2,
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "maximum": _maximum,
    "minimum": _minimum,
    "where": _where,
    "clip": _clip,
    "hypot": _hypot,
    "logaddexp": _logaddexp,
}
"""The functions of the others."""
