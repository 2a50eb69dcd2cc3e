"""Every elementwise operation, stated once.

A row of the table says all there is to say about one operation: its formula, one
local derivative per operand, where it is defined, which convention holds at a kink,
and a sentence.  Everything else in the package reads the row: ``Value`` (generated
from it), ``Tensor``, NumPy dispatch, higher derivatives, pictures, documentation,
error messages and tests.

The texts are written in the language of ``autograd_mini.language``, in which one text is evaluated over
floats, arrays, Values, Tensors, complex numbers and SymPy's symbols.

>>> RULES["tanh"].derivatives
('1 - out ** 2',)
>>> RULES["leaky_relu"].operands, RULES["leaky_relu"].defaults
(('x', 'slope'), {'slope': 0.01})
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from autograd_mini.core.operation import register
from autograd_mini.core.rule import FUNCTIONS, Rule
from autograd_mini.core.rule import RULES as RULES
from autograd_mini.interface.traced import as_array
from autograd_mini.typing import Function, Operand


def _sigmoid(x: Operand) -> Operand:
    x = as_array(x)
    if x.dtype.kind != "f":
        x = x.astype(np.float64)
    if not x.ndim:
        return _sigmoid(x.reshape(1)).reshape(())
    far = not np.minimum.reduce(x, axis=None, initial=0) >= -11  # or NaN
    z = np.negative(x)
    if far:
        np.minimum(z, 11, out=z)
    np.exp(z, out=z)
    z += 1
    np.divide(1, z, out=z)
    return FUNCTIONS["select"](x < -11, _sigmoid_far_left, z, x) if far else z


def _sigmoid_far_left(x: Operand) -> Operand:
    e = np.exp(np.minimum(x, -11))
    return e / (1 + e)


# The table


class _Row(Rule):
    """A rule of the table, whose texts the tests check, not every import."""

    def __post_init__(self) -> None:
        pass


def _row(name: str, formula: str, *derivatives: str | None, **rest: Any) -> Rule:
    return _Row(name, formula, derivatives, **rest)


_TABLE = [
    _row("add", "x + y", "1", "1", commutes=True, sentence="Sum."),
    _row("sub", "x - y", "1", "-1", numpy=("subtract",), sentence="Difference."),
    _row(
        "mul", "x * y", "y", "x", commutes=True,
        numpy=("multiply",), sentence="Product: each factor's derivative is the other.",
    ),
    _row(
        "div", "x / y", "1 / y", "-out / y", domain="y != 0", numpy=("divide", "true_divide"), sentence="Quotient.",
        remedy="the divisor is 0",
    ),
    _row(
        "pow", "x ** y",
        "where((x == 0) & (y < 1), where(y == 0, 0, y * inf), where(y == 0, y / x, y * x ** (y - 1)))",
        "where(x > 0, out * log(x), where((x == 0) & (y >= 0), 0, nan * out))",
        domain="(x > 0) | ((x == 0) & (y >= 0))",
        kinks={
            "(x == 0) & (y == 0)": "0 for x and 0 for y",
            "(x == 0) & (y > 0) & (y < 1)": "inf for x and 0 for y",
            "(x == 0) & (y >= 1)": "y * 0 ** (y - 1) for x and 0 for y",
        },
        numpy=("power", "float_power"), sentence="Power; a negative base needs a constant whole exponent.",
    ),
    _row("neg", "-x", "-1", numpy=("negative",), sentence="Negative."),
    _row("positive", "+x", "1", sentence="The operand itself, as a node of its own."),
    _row(
        "exp", "exp(x)", "out", sentence="Exponential: its own derivative.",
        remedy="it overflows above 709; subtract the greatest element first, as "
        "autograd_mini.softmax does",
    ),
    _row("expm1", "expm1(x)", "exp(x)", exactly="exp(x) - 1", sentence="Exponential minus 1, accurate near 0."),
    _row(
        "log", "log(x)", "1 / x", domain="x > 0", sentence="Natural logarithm.",
        remedy="a probability was rounded to 0; compute the logarithm from the scores, with "
        "autograd_mini.log_softmax or log_sigmoid",
    ),
    _row("log1p", "log1p(x)", "1 / (1 + x)", domain="x > -1", exactly="log(1 + x)", sentence="Logarithm of 1 + x, accurate near 0."),
    _row("log2", "log2(x)", "1 / (x * log(2))", domain="x > 0", exactly="log(x) / log(2)", sentence="Logarithm to base 2."),
    _row("log10", "log10(x)", "1 / (x * log(10))", domain="x > 0", exactly="log(x) / log(10)", sentence="Logarithm to base 10."),
    _row(
        "sqrt", "sqrt(x)", "where(x == 0, inf, 0.5 / out)", domain="x >= 0", notation="√x",
        kinks={"x == 0": "inf"}, sentence="Square root.",
    ),
    _row("square", "x * x", "2 * x", sentence="Square."),
    _row("reciprocal", "1 / x", "-out / x", domain="x != 0", sentence="Reciprocal."),
    _row("sin", "sin(x)", "cos(x)", sentence="Sine; x in radians."),
    _row("cos", "cos(x)", "-sin(x)", sentence="Cosine; x in radians."),
    _row("tan", "tan(x)", "1 + out ** 2", sentence="Tangent; x in radians."),
    _row(
        "arcsin", "arcsin(x)", "where(abs(x) == 1, inf, 1 / sqrt(1 - x ** 2))",
        evaluate_derivatives=("where(abs(x) == 1, inf, 1 / sqrt((1 - x) * (1 + x)))",),
        domain="abs(x) <= 1", kinks={"x == -1": "inf", "x == 1": "inf"},
        sentence="Inverse sine, in radians.",
    ),
    _row(
        "arccos", "arccos(x)", "where(abs(x) == 1, -inf, -1 / sqrt(1 - x ** 2))",
        evaluate_derivatives=("where(abs(x) == 1, -inf, -1 / sqrt((1 - x) * (1 + x)))",),
        domain="abs(x) <= 1", kinks={"x == -1": "-inf", "x == 1": "-inf"},
        sentence="Inverse cosine, in radians.",
    ),
    _row("arctan", "arctan(x)", "1 / (1 + x ** 2)", raises=False, sentence="Inverse tangent, in radians."),
    _row(
        "arctan2", "arctan2(x, y)",
        "r = hypot(x, y); where(r == 0, 0, y / r / r)", "r = hypot(x, y); where(r == 0, 0, -x / r / r)",
        domain="(x != 0) | (y > 0)", kinks={"(x == 0) & (y == 0)": "0"},
        analytic="2 * arctan(x / (sqrt(x * x + y * y) + y))",
        sentence="Angle of the point (y, x), in radians, in the right quadrant.",
    ),
    _row("sinh", "sinh(x)", "cosh(x)", sentence="Hyperbolic sine."),
    _row("cosh", "cosh(x)", "sinh(x)", sentence="Hyperbolic cosine."),
    _row(
        "tanh", "tanh(x)", "1 - out ** 2",
        # out ** 2 has rounded to 1 far from 0; beside an array 1.0 is sooner than 1
        evaluate_derivatives=(
            "where(abs(x) > 2.5, 4 * exp(-2 * logaddexp(x, -x)), 1.0 - out ** 2)",
        ),
        activates=True, raises=False, sentence="Hyperbolic tangent: squashes x to (-1, 1).",
    ),
    _row("arcsinh", "arcsinh(x)", "1 / hypot(x, 1)", sentence="Inverse hyperbolic sine."),
    _row(
        "arccosh", "arccosh(x)", "where(x == 1, inf, 1 / (sqrt(x - 1) * sqrt(x + 1)))",
        domain="x >= 1", kinks={"x == 1": "inf"}, sentence="Inverse hyperbolic cosine.",
    ),
    _row(
        "arctanh", "arctanh(x)", "1 / (1 - x ** 2)", domain="abs(x) < 1",
        evaluate_derivatives=("1 / ((1 - x) * (1 + x))",), sentence="Inverse hyperbolic tangent.",
    ),
    _row(
        "abs", "abs(x)", "sign(x)", kinks={"x == 0": "0"}, analytic="where(x < 0, -x, x)",
        notation="|x|", numpy=("absolute", "fabs"), python="abs", raises=False, sentence="Absolute value.",
    ),
    _row(
        "sign", "where(x > 0, 1, where(x < 0, -1, 0))", "0", pieces="sign(x)",
        evaluate="where(x > 0, 1, where(x < 0, -1, where(x == 0, 0, nan)))",
        sentence="Sign: -1, 0 or 1.",
    ),
    _row(
        "floor", "floor(x)", "0", pieces="floor(x)", notation="⌊x⌋",
        python="floor", raises=False, sentence="The greatest whole number up to x.",
    ),
    _row(
        "ceil", "ceil(x)", "0", pieces="ceil(x)", notation="⌈x⌉",
        python="ceil", raises=False, sentence="The least whole number from x on.",
    ),
    _row("trunc", "trunc(x)", "0", pieces="trunc(x)", python="trunc", raises=False, exactly="sign(x) * floor(abs(x))", sentence="The whole part of x, without its fraction."),
    _row("rint", "rint(x)", "0", pieces="rint(x)", raises=False, sentence="The nearest whole number; of two the even one."),
    _row(
        "mod", "x % y", "1", "-(x // y)", domain="y != 0", pieces="x // y",
        evaluate_derivatives=(None, "where(y == 0, nan * y, -(x // y))"),
        numpy=("remainder",), exactly="x - y * floor(x / y)", sentence="Remainder of x // y, with the sign of y.",
    ),
    _row(
        "floor_divide", "x // y", "0", "0", domain="y != 0", pieces="x // y",
        exactly="floor(x / y)", sentence="The greatest whole number up to x / y.",
    ),
    _row(
        "sigmoid", "1 / (1 + exp(-x))", "out * (1 - out)",
        # out has rounded to 1 far on the right
        evaluate_derivatives=("where(x > 4, out * sigmoid(-x), out * (1.0 - out))",),
        # exp(-x) is infinite far on the left: in float16 from -11.1 on
        evaluate="where(x < -11, exp(x) / (1 + exp(x)), 1 / (1 + exp(-x)))",
        activates=True, over_arrays=_sigmoid, sentence="Logistic function: squashes x to (0, 1).",
    ),
    _row(
        "softplus", "log(1 + exp(x))", "sigmoid(x)",
        evaluate="maximum(x, 0) + log1p(exp(-abs(x)))", activates=True, sentence="Smooth relu.",
    ),
    _row(
        "log_sigmoid", "log(1 / (1 + exp(-x)))", "sigmoid(-x)",
        evaluate="minimum(x, 0) - log1p(exp(-abs(x)))", activates=True, sentence="Logarithm of the logistic function.",
    ),
    _row(
        "relu", "where(x > 0, x, 0)", "where(x > 0, 1, 0)", kinks={"x == 0": "0"},
        evaluate="maximum(x, 0)", activates=True, sentence="Rectified linear unit.",
    ),
    _row(
        "leaky_relu", "where(x > 0, x, slope * x)", "where(x > 0, 1, slope)", "where(x > 0, 0, x)",
        kinks={"x == 0": "slope for x"}, defaults={"slope": 0.01},
        activates=True, sentence="Rectified linear unit with a slope on the negative side.",
    ),
    _row(
        "elu", "where(x > 0, x, alpha * (exp(x) - 1))",
        "where(x > 0, 1, out + alpha)", "where(x > 0, 0, expm1(minimum(x, 0)))",
        # far on the left out has rounded to -alpha
        evaluate_derivatives=(
            "where(x < -3, alpha * exp(minimum(x, 0)), where(x > 0, 1, out + alpha))", None,
        ),
        kinks={"x == 0": "alpha for x"}, defaults={"alpha": 1.0},
        evaluate="where(x > 0, x, alpha * expm1(minimum(x, 0)))",
        activates=True, sentence="Exponential linear unit.",
    ),
    _row(
        "silu", "x / (1 + exp(-x))", "s = sigmoid(x); s * (1 + x * (1 - s))",
        evaluate="s = sigmoid(x); x * s", activates=True, sentence="Sigmoid linear unit: x times sigmoid(x).",
    ),
    _row(
        "maximum", "where(x >= y, x, y)",
        "where(x > y, 1, where(x == y, 0.5, 0))", "where(x > y, 0, where(x == y, 0.5, 1))",
        kinks={"x == y": "0.5 for each"}, evaluate="where((x >= y) | (x != x), x, y)",
        sentence="The greater of two; NaN if either is NaN.",
    ),
    _row(
        "minimum", "where(x <= y, x, y)",
        "where(x < y, 1, where(x == y, 0.5, 0))", "where(x < y, 0, where(x == y, 0.5, 1))",
        kinks={"x == y": "0.5 for each"}, evaluate="where((x <= y) | (x != x), x, y)",
        sentence="The lesser of two; NaN if either is NaN.",
    ),
    _row(
        "where", "where(condition, x, y)", None, "where(condition, 1, 0)", "where(condition, 0, 1)",
        analytic="where(condition != 0, x, y)",
        sentence="Selection: x where the condition holds, y elsewhere.",
    ),
    _row(
        "clip", "minimum(maximum(x, low), high)",
        "where((x >= low) & (x <= high), 1, 0)", "where((x < low) & (low <= high), 1, 0)",
        "where((x > high) | (low > high), 1, 0)",
        kinks={
            "(x == low) & (low < high)": "1 for x and 0 for low",
            "(x == high) & (low < high)": "1 for x and 0 for high",
            "(x < low) & (low == high)": "1 for low and 0 for high",
            "(x == low) & (low == high)": "1 for x and 0 for low and 0 for high",
        },
        branches="sign(x - low) + sign(x - high)",
        sentence="The value x, kept between low and high.",
    ),
    _row(
        "hypot", "hypot(x, y)", "where(out == 0, 0, x / out)", "where(out == 0, 0, y / out)",
        kinks={"(x == 0) & (y == 0)": "0"}, analytic="sqrt(x * x + y * y)", exactly="sqrt(x ** 2 + y ** 2)", sentence="Hypotenuse sqrt(x² + y²), without overflow.",
    ),
    _row(
        "logaddexp", "log(exp(x) + exp(y))", "sigmoid(x - y)", "sigmoid(y - x)",
        evaluate="where(x == y, x + log(2), maximum(x, y) + log1p(exp(-abs(x - y))))",
        sentence="Logarithm of exp(x) + exp(y), without overflow.",
    ),
    _row("erf", "erf(x)", "2 / sqrt(pi) * exp(-x ** 2)", raises=False, sentence="Error function."),
    _row("erfc", "erfc(x)", "-2 / sqrt(pi) * exp(-x ** 2)", raises=False, sentence="Complementary error function 1 - erf(x), accurate for large x."),
    _row(
        "gelu", "x * (1 + erf(x / sqrt(2))) / 2",
        "erfc(-x / sqrt(2)) / 2 + x * exp(-x ** 2 / 2) / sqrt(2 * pi)",
        # the forward pass has computed erfc; near 0 out / x loses digits, in float16
        evaluate_derivatives=(
            "where(abs(x) < 0.001, erfc(-x / sqrt(2)) / 2, out / x) + x * exp(-x ** 2 / 2) / sqrt(2 * pi)",
        ),
        evaluate="x * (erfc(-x / sqrt(2)) / 2)",
        activates=True, sentence="Gaussian error linear unit, exact.",
    ),
]  # fmt: skip

for _each in _TABLE:
    RULES[_each.name] = _each
    register(_each)


# A rule for any number of operands


class WeightedSum(Rule):
    """The row of a whole neuron: bias + w1·x1 + w2·x2 + …, for a number of terms.

    Each weight's derivative is its input, and each input's is its weight.
    """

    fused = True

    def __init__(self, terms: int) -> None:
        pairs = [(f"w{i}", f"x{i}") for i in range(1, terms + 1)]
        names = ["bias", *(name for pair in pairs for name in pair)]
        self.__dict__["operands"] = tuple(names)
        super().__init__(
            "weighted_sum",
            " + ".join(["bias", *(f"{w} * {x}" for w, x in pairs)]),
            ("1", *(name for w, x in pairs for name in (x, w))),
            sentence="Weighted sum of a neuron: each weight's derivative is its input.",
        )

    def __post_init__(self) -> None:
        pass  # nothing here was written by hand

    def parts(self, bias: Operand, *pairs: Operand) -> Operand:
        """The sum, term by term."""
        return sum((w * x for w, x in zip(pairs[::2], pairs[1::2], strict=True)), bias)

    @cached_property
    def scalar_derivatives(self) -> tuple[Function | None, ...]:
        """For each operand: its local derivative ``(out, *operands)`` over floats or Values."""
        place = {name: 1 + i for i, name in enumerate(self.operands)}
        return (lambda *of: 1.0, *(_taking(place[str(name)]) for name in self.derivatives[1:]))


def _taking(place: int) -> Function:
    return lambda *of: of[place]


class _WeightedSums(dict[int, Rule]):
    def __missing__(self, terms: int) -> Rule:
        row = self[terms] = WeightedSum(terms)
        return row


WEIGHTED_SUMS = _WeightedSums()
"""The row of a weighted sum of so many terms.

>>> row = WEIGHTED_SUMS[2]
>>> row.formula
'bias + w1 * x1 + w2 * x2'
>>> dict(zip(row.operands, row.derivatives))
{'bias': '1', 'w1': 'x1', 'x1': 'w1', 'w2': 'x2', 'x2': 'w2'}
"""
