"""The public functions of the table: of numbers, arrays, Values and Tensors.

Printed from the table by ``python -m autograd_mini._build.generate``: do not edit.
"""

# ruff: noqa
# fmt: off

from typing import Any

from autograd_mini.interface.functions import apply


def add(x: Any, y: Any) -> Any:
    """Sum.

    ``x + y``
    Derivative for x: ``1``.
    Derivative for y: ``1``.
    """
    return apply("add", x, y)


def sub(x: Any, y: Any) -> Any:
    """Difference.

    ``x - y``
    Derivative for x: ``1``.
    Derivative for y: ``-1``.
    """
    return apply("sub", x, y)


def mul(x: Any, y: Any) -> Any:
    """Product: each factor's derivative is the other.

    ``x * y``
    Derivative for x: ``y``.
    Derivative for y: ``x``.
    """
    return apply("mul", x, y)


def div(x: Any, y: Any) -> Any:
    """Quotient.

    ``x / y``
    Derivative for x: ``1 / y``.
    Derivative for y: ``-out / y``.
    Defined for ``y != 0``.
    """
    return apply("div", x, y)


def pow(x: Any, y: Any) -> Any:
    """Power; a negative base needs a constant whole exponent.

    ``x ** y``
    Derivative for x: ``where((x == 0) & (y < 1), where(y == 0, 0, y * inf), where(y == 0, y / x, y * x ** (y - 1)))``.
    Derivative for y: ``where(x > 0, out * log(x), where((x == 0) & (y >= 0), 0, nan * out))``.
    Defined for ``(x > 0) | ((x == 0) & (y >= 0))``.
    At ``(x == 0) & (y == 0)`` the derivative is taken to be 0 for x and 0 for y.
    At ``(x == 0) & (y > 0) & (y < 1)`` the derivative is taken to be inf for x and 0 for y.
    At ``(x == 0) & (y >= 1)`` the derivative is taken to be y * 0 ** (y - 1) for x and 0 for y.
    """
    return apply("pow", x, y)


def neg(x: Any) -> Any:
    """Negative.

    ``-x``
    Derivative for x: ``-1``.
    """
    return apply("neg", x)


def positive(x: Any) -> Any:
    """The operand itself, as a node of its own.

    ``+x``
    Derivative for x: ``1``.
    """
    return apply("positive", x)


def exp(x: Any) -> Any:
    """Exponential: its own derivative.

    ``exp(x)``
    Derivative for x: ``out``.
    """
    return apply("exp", x)


def expm1(x: Any) -> Any:
    """Exponential minus 1, accurate near 0.

    ``expm1(x)``
    Derivative for x: ``exp(x)``.
    """
    return apply("expm1", x)


def log(x: Any) -> Any:
    """Natural logarithm.

    ``log(x)``
    Derivative for x: ``1 / x``.
    Defined for ``x > 0``.
    """
    return apply("log", x)


def log1p(x: Any) -> Any:
    """Logarithm of 1 + x, accurate near 0.

    ``log1p(x)``
    Derivative for x: ``1 / (1 + x)``.
    Defined for ``x > -1``.
    """
    return apply("log1p", x)


def log2(x: Any) -> Any:
    """Logarithm to base 2.

    ``log2(x)``
    Derivative for x: ``1 / (x * log(2))``.
    Defined for ``x > 0``.
    """
    return apply("log2", x)


def log10(x: Any) -> Any:
    """Logarithm to base 10.

    ``log10(x)``
    Derivative for x: ``1 / (x * log(10))``.
    Defined for ``x > 0``.
    """
    return apply("log10", x)


def sqrt(x: Any) -> Any:
    """Square root.

    ``sqrt(x)``
    Derivative for x: ``where(x == 0, inf, 0.5 / out)``.
    Defined for ``x >= 0``.
    At ``x == 0`` the derivative is taken to be inf.
    """
    return apply("sqrt", x)


def square(x: Any) -> Any:
    """Square.

    ``x * x``
    Derivative for x: ``2 * x``.
    """
    return apply("square", x)


def reciprocal(x: Any) -> Any:
    """Reciprocal.

    ``1 / x``
    Derivative for x: ``-out / x``.
    Defined for ``x != 0``.
    """
    return apply("reciprocal", x)


def sin(x: Any) -> Any:
    """Sine; x in radians.

    ``sin(x)``
    Derivative for x: ``cos(x)``.
    """
    return apply("sin", x)


def cos(x: Any) -> Any:
    """Cosine; x in radians.

    ``cos(x)``
    Derivative for x: ``-sin(x)``.
    """
    return apply("cos", x)


def tan(x: Any) -> Any:
    """Tangent; x in radians.

    ``tan(x)``
    Derivative for x: ``1 + out ** 2``.
    """
    return apply("tan", x)


def arcsin(x: Any) -> Any:
    """Inverse sine, in radians.

    ``arcsin(x)``
    Derivative for x: ``where(abs(x) == 1, inf, 1 / sqrt(1 - x ** 2))``.
    Defined for ``abs(x) <= 1``.
    At ``x == -1`` the derivative is taken to be inf.
    At ``x == 1`` the derivative is taken to be inf.
    """
    return apply("arcsin", x)


def arccos(x: Any) -> Any:
    """Inverse cosine, in radians.

    ``arccos(x)``
    Derivative for x: ``where(abs(x) == 1, -inf, -1 / sqrt(1 - x ** 2))``.
    Defined for ``abs(x) <= 1``.
    At ``x == -1`` the derivative is taken to be -inf.
    At ``x == 1`` the derivative is taken to be -inf.
    """
    return apply("arccos", x)


def arctan(x: Any) -> Any:
    """Inverse tangent, in radians.

    ``arctan(x)``
    Derivative for x: ``1 / (1 + x ** 2)``.
    """
    return apply("arctan", x)


def arctan2(x: Any, y: Any) -> Any:
    """Angle of the point (y, x), in radians, in the right quadrant.

    ``arctan2(x, y)``
    Derivative for x: ``r = hypot(x, y); where(r == 0, 0, y / r / r)``.
    Derivative for y: ``r = hypot(x, y); where(r == 0, 0, -x / r / r)``.
    Defined for ``(x != 0) | (y > 0)``.
    At ``(x == 0) & (y == 0)`` the derivative is taken to be 0.
    """
    return apply("arctan2", x, y)


def sinh(x: Any) -> Any:
    """Hyperbolic sine.

    ``sinh(x)``
    Derivative for x: ``cosh(x)``.
    """
    return apply("sinh", x)


def cosh(x: Any) -> Any:
    """Hyperbolic cosine.

    ``cosh(x)``
    Derivative for x: ``sinh(x)``.
    """
    return apply("cosh", x)


def tanh(x: Any) -> Any:
    """Hyperbolic tangent: squashes x to (-1, 1).

    ``tanh(x)``
    Derivative for x: ``1 - out ** 2``.
    """
    return apply("tanh", x)


def arcsinh(x: Any) -> Any:
    """Inverse hyperbolic sine.

    ``arcsinh(x)``
    Derivative for x: ``1 / hypot(x, 1)``.
    """
    return apply("arcsinh", x)


def arccosh(x: Any) -> Any:
    """Inverse hyperbolic cosine.

    ``arccosh(x)``
    Derivative for x: ``where(x == 1, inf, 1 / (sqrt(x - 1) * sqrt(x + 1)))``.
    Defined for ``x >= 1``.
    At ``x == 1`` the derivative is taken to be inf.
    """
    return apply("arccosh", x)


def arctanh(x: Any) -> Any:
    """Inverse hyperbolic tangent.

    ``arctanh(x)``
    Derivative for x: ``1 / (1 - x ** 2)``.
    Defined for ``abs(x) < 1``.
    """
    return apply("arctanh", x)


def abs(x: Any) -> Any:
    """Absolute value.

    ``abs(x)``
    Derivative for x: ``sign(x)``.
    At ``x == 0`` the derivative is taken to be 0.
    """
    return apply("abs", x)


def sign(x: Any) -> Any:
    """Sign: -1, 0 or 1.

    ``where(x > 0, 1, where(x < 0, -1, 0))``
    Derivative for x: ``0``.
    Where ``sign(x)`` jumps the derivative is taken to be the same.
    """
    return apply("sign", x)


def floor(x: Any) -> Any:
    """The greatest whole number up to x.

    ``floor(x)``
    Derivative for x: ``0``.
    Where ``floor(x)`` jumps the derivative is taken to be the same.
    """
    return apply("floor", x)


def ceil(x: Any) -> Any:
    """The least whole number from x on.

    ``ceil(x)``
    Derivative for x: ``0``.
    Where ``ceil(x)`` jumps the derivative is taken to be the same.
    """
    return apply("ceil", x)


def trunc(x: Any) -> Any:
    """The whole part of x, without its fraction.

    ``trunc(x)``
    Derivative for x: ``0``.
    Where ``trunc(x)`` jumps the derivative is taken to be the same.
    """
    return apply("trunc", x)


def rint(x: Any) -> Any:
    """The nearest whole number; of two the even one.

    ``rint(x)``
    Derivative for x: ``0``.
    Where ``rint(x)`` jumps the derivative is taken to be the same.
    """
    return apply("rint", x)


def mod(x: Any, y: Any) -> Any:
    """Remainder of x // y, with the sign of y.

    ``x % y``
    Derivative for x: ``1``.
    Derivative for y: ``-(x // y)``.
    Defined for ``y != 0``.
    Where ``x // y`` jumps the derivative is taken to be the same.
    """
    return apply("mod", x, y)


def floor_divide(x: Any, y: Any) -> Any:
    """The greatest whole number up to x / y.

    ``x // y``
    Derivative for x: ``0``.
    Derivative for y: ``0``.
    Defined for ``y != 0``.
    Where ``x // y`` jumps the derivative is taken to be the same.
    """
    return apply("floor_divide", x, y)


def sigmoid(x: Any) -> Any:
    """Logistic function: squashes x to (0, 1).

    ``1 / (1 + exp(-x))``
    Derivative for x: ``out * (1 - out)``.
    """
    return apply("sigmoid", x)


def softplus(x: Any) -> Any:
    """Smooth relu.

    ``log(1 + exp(x))``
    Derivative for x: ``sigmoid(x)``.
    """
    return apply("softplus", x)


def log_sigmoid(x: Any) -> Any:
    """Logarithm of the logistic function.

    ``log(1 / (1 + exp(-x)))``
    Derivative for x: ``sigmoid(-x)``.
    """
    return apply("log_sigmoid", x)


def relu(x: Any) -> Any:
    """Rectified linear unit.

    ``where(x > 0, x, 0)``
    Derivative for x: ``where(x > 0, 1, 0)``.
    At ``x == 0`` the derivative is taken to be 0.
    """
    return apply("relu", x)


def leaky_relu(x: Any, slope: Any = 0.01) -> Any:
    """Rectified linear unit with a slope on the negative side.

    ``where(x > 0, x, slope * x)``
    Derivative for x: ``where(x > 0, 1, slope)``.
    Derivative for slope: ``where(x > 0, 0, x)``.
    At ``x == 0`` the derivative is taken to be slope for x.
    """
    return apply("leaky_relu", x, slope)


def elu(x: Any, alpha: Any = 1.0) -> Any:
    """Exponential linear unit.

    ``where(x > 0, x, alpha * (exp(x) - 1))``
    Derivative for x: ``where(x > 0, 1, out + alpha)``.
    Derivative for alpha: ``where(x > 0, 0, expm1(minimum(x, 0)))``.
    At ``x == 0`` the derivative is taken to be alpha for x.
    """
    return apply("elu", x, alpha)


def silu(x: Any) -> Any:
    """Sigmoid linear unit: x times sigmoid(x).

    ``x / (1 + exp(-x))``
    Derivative for x: ``s = sigmoid(x); s * (1 + x * (1 - s))``.
    """
    return apply("silu", x)


def maximum(x: Any, y: Any) -> Any:
    """The greater of two; NaN if either is NaN.

    ``where(x >= y, x, y)``
    Derivative for x: ``where(x > y, 1, where(x == y, 0.5, 0))``.
    Derivative for y: ``where(x > y, 0, where(x == y, 0.5, 1))``.
    At ``x == y`` the derivative is taken to be 0.5 for each.
    """
    return apply("maximum", x, y)


def minimum(x: Any, y: Any) -> Any:
    """The lesser of two; NaN if either is NaN.

    ``where(x <= y, x, y)``
    Derivative for x: ``where(x < y, 1, where(x == y, 0.5, 0))``.
    Derivative for y: ``where(x < y, 0, where(x == y, 0.5, 1))``.
    At ``x == y`` the derivative is taken to be 0.5 for each.
    """
    return apply("minimum", x, y)


def where(condition: Any, x: Any, y: Any) -> Any:
    """Selection: x where the condition holds, y elsewhere.

    ``where(condition, x, y)``
    Derivative for x: ``where(condition, 1, 0)``.
    Derivative for y: ``where(condition, 0, 1)``.
    """
    return apply("where", condition, x, y)


def clip(x: Any, low: Any, high: Any) -> Any:
    """The value x, kept between low and high.

    ``minimum(maximum(x, low), high)``
    Derivative for x: ``where((x >= low) & (x <= high), 1, 0)``.
    Derivative for low: ``where((x < low) & (low <= high), 1, 0)``.
    Derivative for high: ``where((x > high) | (low > high), 1, 0)``.
    At ``(x == low) & (low < high)`` the derivative is taken to be 1 for x and 0 for low.
    At ``(x == high) & (low < high)`` the derivative is taken to be 1 for x and 0 for high.
    At ``(x < low) & (low == high)`` the derivative is taken to be 1 for low and 0 for high.
    At ``(x == low) & (low == high)`` the derivative is taken to be 1 for x and 0 for low and 0 for high.
    """
    return apply("clip", x, low, high)


def hypot(x: Any, y: Any) -> Any:
    """Hypotenuse sqrt(x² + y²), without overflow.

    ``hypot(x, y)``
    Derivative for x: ``where(out == 0, 0, x / out)``.
    Derivative for y: ``where(out == 0, 0, y / out)``.
    At ``(x == 0) & (y == 0)`` the derivative is taken to be 0.
    """
    return apply("hypot", x, y)


def logaddexp(x: Any, y: Any) -> Any:
    """Logarithm of exp(x) + exp(y), without overflow.

    ``log(exp(x) + exp(y))``
    Derivative for x: ``sigmoid(x - y)``.
    Derivative for y: ``sigmoid(y - x)``.
    """
    return apply("logaddexp", x, y)


def erf(x: Any) -> Any:
    """Error function.

    ``erf(x)``
    Derivative for x: ``2 / sqrt(pi) * exp(-x ** 2)``.
    """
    return apply("erf", x)


def erfc(x: Any) -> Any:
    """Complementary error function 1 - erf(x), accurate for large x.

    ``erfc(x)``
    Derivative for x: ``-2 / sqrt(pi) * exp(-x ** 2)``.
    """
    return apply("erfc", x)


def gelu(x: Any) -> Any:
    """Gaussian error linear unit, exact.

    ``x * (1 + erf(x / sqrt(2))) / 2``
    Derivative for x: ``erfc(-x / sqrt(2)) / 2 + x * exp(-x ** 2 / 2) / sqrt(2 * pi)``.
    """
    return apply("gelu", x)
