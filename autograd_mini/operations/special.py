"""SciPy's special functions, of Tensors: entered where ``scipy.special`` is imported.

The derivatives are those of the NIST Digital Library of Mathematical Functions, chapters 5 (gamma),
7 (error functions) and 10 (Bessel functions).
"""

from __future__ import annotations

import numpy as np
from scipy import special

from autograd_mini.core import tensor
from autograd_mini.core.operation import OPERATIONS, define, replaces
from autograd_mini.core.rule import FUNCTIONS
from autograd_mini.operations.ufuncs import still
from autograd_mini.typing import Function, Operand


def _enter(
    name: str, *pullbacks: Function, sentence: str, reads: str = "operands", formula: str = ""
) -> None:
    """An elementwise operation that is a ufunc of SciPy's."""
    ufunc = getattr(special, name)
    define(
        name,
        ufunc,
        *pullbacks,
        numpy=ufunc,
        reads=reads,
        tangents=pullbacks,
        elementwise=True,
        broadcasts=True,
        formulas=[formula] if formula else (),
        source=f"from scipy.special import {name}",
        sentence=sentence,
    )


def _enter_order(name: str, pullback: Function, sentence: str) -> None:
    """An elementwise operation whose first argument in SciPy is a whole number, its order."""
    function = getattr(special, name)
    define(
        name,
        lambda x, n: function(n, x),
        pullback,
        call="x, n",
        reads="operands",
        tangents=[pullback],
        elementwise=True,
        broadcasts=True,
        spelling=f"{name}(x0, n)",
        source=f"from scipy import special\n\n\ndef {name}(x, n):\n    return special.{name}(n, x)",
        sentence=sentence,
    )


def _of_order(name: str, x: Operand, n: int) -> Operand:
    return OPERATIONS[name](x, n=n)


# The table's own, by SciPy's names

replaces(special.expit)(lambda x: FUNCTIONS["sigmoid"](x))
replaces(special.log_expit)(lambda x: FUNCTIONS["log_sigmoid"](x))
replaces(special.exp10)(lambda x: np.power(10.0, x))
replaces(special.cbrt)(lambda x: np.cbrt(x))
replaces(special.gammasgn)(lambda x: special.gammasgn(tensor.plain(x)) + still(x))


# Gamma and what is made of it

_enter_order(
    "polygamma",
    lambda g, out, x, n: g * _of_order("polygamma", x, n + 1),
    "Derivative of the digamma function, of an order.",
)
_enter(
    "psi",
    lambda g, out, x: g * _of_order("polygamma", x, 1),
    sentence="Digamma function: the derivative of the logarithm of the gamma function.",
)
_enter(
    "gammaln",
    lambda g, out, x: g * special.psi(x),
    sentence="Logarithm of the size of the gamma function.",
)
_enter(
    "gamma",
    lambda g, out, x: g * out * special.psi(x),
    reads="operands out",
    sentence="Gamma function: the factorial of x - 1.",
)
_enter(
    "rgamma",
    lambda g, out, x: -g * out * special.psi(x),
    reads="operands out",
    sentence="Reciprocal of the gamma function.",
)
_enter(
    "beta",
    lambda g, out, x, y: g * out * (special.psi(x) - special.psi(x + y)),
    lambda g, out, x, y: g * out * (special.psi(y) - special.psi(x + y)),
    reads="operands out",
    sentence="Beta function.",
)
_enter(
    "betaln",
    lambda g, out, x, y: g * (special.psi(x) - special.psi(x + y)),
    lambda g, out, x, y: g * (special.psi(y) - special.psi(x + y)),
    sentence="Logarithm of the size of the beta function.",
)


# Probabilities

_enter(
    "logit",
    lambda g, out, x: g / (x * (1 - x)),
    sentence="Logarithm of the odds of a probability: the inverse of the logistic function.",
)
_enter(
    "ndtr",
    lambda g, out, x: g * np.exp(-x * x / 2) / np.sqrt(2 * np.pi),
    formula="g * exp(-x0 * x0 / 2) / sqrt(2 * pi)",
    sentence="Standard normal distribution function.",
)
_enter(
    "erfcx",
    lambda g, out, x: g * (2 * x * out - 2 / np.sqrt(np.pi)),
    reads="operands out",
    formula="g * (2 * x0 * out - 2 / sqrt(pi))",
    sentence="Complementary error function times exp(x**2).",
)
_enter(
    "log_ndtr",
    lambda g, out, x: g * np.sqrt(2 / np.pi) / special.erfcx(-x / np.sqrt(2)),
    formula="g * sqrt(2 / pi) / erfcx(-x0 / sqrt(2))",
    sentence="Logarithm of the standard normal distribution function.",
)
_enter(
    "erfinv",
    lambda g, out, x: g * np.exp(out * out) * (np.sqrt(np.pi) / 2),
    reads="out",
    formula="g * exp(out * out) * sqrt(pi) / 2",
    sentence="Inverse of the error function.",
)
_enter(
    "erfcinv",
    lambda g, out, x: -g * np.exp(out * out) * (np.sqrt(np.pi) / 2),
    reads="out",
    formula="-g * exp(out * out) * sqrt(pi) / 2",
    sentence="Inverse of the complementary error function.",
)
_enter(
    "ndtri",
    lambda g, out, x: g * np.exp(out * out / 2) * np.sqrt(2 * np.pi),
    reads="out",
    formula="g * exp(out * out / 2) * sqrt(2 * pi)",
    sentence="Inverse of the standard normal distribution function.",
)


# Entropies

_enter(
    "xlogy",
    lambda g, out, x, y: g * _logarithm(np.log, x, y),
    lambda g, out, x, y: g * x / y,
    sentence="x times the logarithm of y, 0 where x is 0.",
)
_enter(
    "xlog1py",
    lambda g, out, x, y: g * _logarithm(np.log1p, x, y),
    lambda g, out, x, y: g * x / (1 + y),
    sentence="x times the logarithm of 1 + y, 0 where x is 0.",
)
_enter(
    "entr",
    lambda g, out, x: -g * (np.log(x) + 1),
    sentence="Entropy of a probability: -x log x.",
)
_enter(
    "rel_entr",
    lambda g, out, x, y: g * (np.log(x / y) + 1),
    lambda g, out, x, y: -g * x / y,
    sentence="Relative entropy of two probabilities: x log(x / y).",
)
_enter(
    "kl_div",
    lambda g, out, x, y: g * np.log(x / y),
    lambda g, out, x, y: g * (1 - x / y),
    sentence="Relative entropy of two rates: x log(x / y) - x + y.",
)


def _logarithm(function: Function, x: Operand, y: Operand) -> Operand:
    """A logarithm, 0 where it is infinite and its factor is 0."""
    nothing = (tensor.plain(x) == 0) & ~np.isfinite(function(tensor.plain(y)))
    return np.where(nothing, 0, function(np.where(nothing, 1, y)))


# Bessel functions

_enter_order(
    "iv",
    lambda g, out, x, n: g * (_of_order("iv", x, n - 1) + _of_order("iv", x, n + 1)) / 2,
    "Modified Bessel function of the first kind, of an order.",
)
_enter_order(
    "jv",
    lambda g, out, x, n: g * (_of_order("jv", x, n - 1) - _of_order("jv", x, n + 1)) / 2,
    "Bessel function of the first kind, of an order.",
)
_enter(
    "i0",
    lambda g, out, x: g * special.i1(x),
    sentence="Modified Bessel function of the first kind, of order 0.",
)
_enter(
    "i1",
    lambda g, out, x: g * (special.i0(x) + _of_order("iv", x, 2)) / 2,
    sentence="Modified Bessel function of the first kind, of order 1.",
)
_enter(
    "j0",
    lambda g, out, x: -g * special.j1(x),
    sentence="Bessel function of the first kind, of order 0.",
)
_enter(
    "j1",
    lambda g, out, x: g * (special.j0(x) - _of_order("jv", x, 2)) / 2,
    sentence="Bessel function of the first kind, of order 1.",
)


_enter_order(
    "yv",
    lambda g, out, x, n: g * (_of_order("yv", x, n - 1) - _of_order("yv", x, n + 1)) / 2,
    "Bessel function of the second kind, of an order.",
)
_enter_order(
    "kv",
    lambda g, out, x, n: -g * (_of_order("kv", x, n - 1) + _of_order("kv", x, n + 1)) / 2,
    "Modified Bessel function of the second kind, of an order.",
)
_enter_order(
    "ive",
    lambda g, out, x, n: (
        g
        * (
            (_of_order("ive", x, n - 1) + _of_order("ive", x, n + 1)) / 2
            - np.sign(x) * _of_order("ive", x, n)
        )
    ),
    "Modified Bessel function of the first kind, of an order, times exp(-abs(x)).",
)
_enter(
    "y0",
    lambda g, out, x: -g * special.y1(x),
    sentence="Bessel function of the second kind, of order 0.",
)
_enter(
    "y1",
    lambda g, out, x: g * (special.y0(x) - _of_order("yv", x, 2)) / 2,
    sentence="Bessel function of the second kind, of order 1.",
)


def _replace_with_order(name: str, *ufuncs: np.ufunc) -> None:
    """Ufuncs whose first argument is their order: for Tensors the operation is called."""

    def with_order(order: Operand, x: Operand) -> Operand:
        if isinstance(order, tensor.Tensor) or np.ndim(order):
            raise TypeError(f"{name} has no derivative rule for its order: write a number for it")
        return OPERATIONS[name](x, n=order)

    replaces(*ufuncs)(with_order)


_replace_with_order("iv", special.iv)
_replace_with_order("jv", special.jv)
_replace_with_order("yv", special.yv, special.yn)
_replace_with_order("kv", special.kv)
_replace_with_order("ive", special.ive)


# Distribution functions, of their last argument: the others are constants


def _enter_distribution(name: str, density: Function, sentence: str) -> None:
    """A ufunc of SciPy's that is differentiated by its last argument alone.

    Arguments:
        density: its derivative, a function of its arguments.
    """
    ufunc = getattr(special, name)
    constants = ufunc.nin - 1

    def pullback(g: Operand, out: Operand, *operands: Operand) -> Operand:
        return g * density(*operands)

    recorded = define(
        name,
        ufunc,
        *[None] * constants,
        pullback,
        reads="operands",
        tangents=[*[None] * constants, pullback],
        elementwise=True,
        broadcasts=True,
        source=f"from scipy.special import {name}",
        sentence=sentence,
    )

    def function(*operands: Operand) -> Operand:
        if any(isinstance(operand, tensor.Tensor) for operand in operands[:-1]):
            raise TypeError(
                f"scipy.special.{name} has a derivative rule for its last argument alone: the "
                "others are numbers or arrays, as t.data"
            )
        return recorded(*operands)

    replaces(ufunc)(function)


def _gamma_density(a: Operand, x: Operand) -> Operand:
    return np.exp(special.xlogy(a - 1, x) - x - special.gammaln(a))


_enter_distribution(
    "gammainc", _gamma_density, "Regularised lower incomplete gamma function of an order."
)
_enter_distribution(
    "gammaincc",
    lambda a, x: -_gamma_density(a, x),
    "Regularised upper incomplete gamma function of an order.",
)
_enter_distribution(
    "betainc",
    lambda a, b, x: np.exp(
        special.xlogy(a - 1, x) + special.xlog1py(b - 1, -x) - special.betaln(a, b)
    ),
    "Regularised incomplete beta function of two orders.",
)
_enter_distribution(
    "stdtr",
    lambda df, x: np.exp(
        special.gammaln(df / 2 + 0.5)
        - special.gammaln(df / 2)
        - np.log(np.pi * df) / 2
        - (df / 2 + 0.5) * np.log1p(x * x / df)
    ),
    "Distribution function of Student's t of some degrees of freedom.",
)


# Losses


def _boxcox_by_power(g: Operand, out: Operand, x: Operand, y: Operand) -> Operand:
    nothing = tensor.plain(y) == 0
    safe = np.where(nothing, 1, y)
    logarithm = np.log(x)
    slope = (np.power(x, y) * logarithm - out) / safe
    return g * np.where(nothing, logarithm * logarithm / 2, slope)


_enter(
    "boxcox",
    lambda g, out, x, y: g * np.power(x, y - 1),
    _boxcox_by_power,
    reads="operands out",
    sentence="(x**y - 1) / y, the logarithm of x where y is 0.",
)
_enter(
    "huber",
    lambda g, out, x, y: g * np.maximum(np.abs(y) - x, 0),
    lambda g, out, x, y: g * np.clip(y, -x, x),
    sentence="Half the square of y up to x, beyond that a line.",
)
