"""Python's floats: which numbers become one, and the functions of the table on them.

The functions have the table's names.  This file is also compiled together with ``value.py``.
"""

# ruff: noqa: F401 - what is printed from the table calls them

from __future__ import annotations

import math
import operator
from collections.abc import Callable
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
from typing import Any

import numpy as np

from autograd_mini._build import uncompiled as cython


def _whole(function: Callable[[float], int]) -> Callable[[float], float]:
    """A function to whole numbers as NumPy has it: a float with the sign, infinity and NaN."""
    return lambda x: math.copysign(function(x), x) if math.isfinite(x) else x


floor, ceil, trunc, rint = _whole(math.floor), _whole(math.ceil), _whole(math.trunc), _whole(round)
mod, floor_divide = operator.mod, operator.floordiv


def where(condition: float, x: float, y: float) -> float:
    return x if condition else y


def native(name: str) -> Callable[..., float]:
    """The function of a row that is defined by itself.

    Raises:
        ValueError: Python has none.
    """
    for module in (globals(), vars(math), vars(operator)):
        if callable(function := module.get(name)):
            return function  # type: ignore[no-any-return]
    raise ValueError(
        f"rule {name!r} is defined by itself, but the module math has no such function; "
        "write its formula with functions of the table"
    )


@cython.ccall
def power(x: float, y: float) -> float:
    """``x ** y`` in a derivative: infinite where it is too large for a float."""
    try:
        result: float = pow(x, y)
        return result
    except OverflowError:
        return -inf if x < 0.0 and y % 2.0 == 1.0 else inf


@cython.ccall
def constant(number: object) -> Any:
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


def not_a_number(data: object) -> str:
    """The message for what a Value cannot hold."""
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


def refuse(operation: str, operand: object) -> None:
    """Raise an error for an operand that no other type could make sense of either."""
    if isinstance(operand, complex | str | bytes | list | tuple | dict | None):
        raise TypeError(f"{operation}: {not_a_number(operand)}")
