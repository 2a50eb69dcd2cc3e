"""Functions of one number that are no rows of the table: operations on arrays, of Tensors alone."""

from __future__ import annotations

import numpy as np

from autograd_mini.core.operation import OPERATIONS, define, replaces
from autograd_mini.operations import elements
from autograd_mini.typing import Operand

define(
    "cube_root",
    np.cbrt,
    lambda g, out, x: g / (3 * out * out),
    numpy=np.cbrt,
    reads="out",
    tangents=[lambda t, out, x: t / (3 * out * out)],
    by_element=elements.cube_root,
    kinks=lambda out, x: out == 0,
    analytic=lambda x: np.where(np.real(x) < 0, -((-x) ** (1 / 3)), x ** (1 / 3)),
    elementwise=True,
    broadcasts=True,
    spelling="cbrt(x0)",
    sentence="Cube root; its derivative at 0 is infinite.",
)


def _sinc(x: Operand, order: int) -> Operand:
    """The derivative of an order n: the integral of ``(pi*t)**n * cos(pi*x*t + n*pi/2)`` to 1."""
    x = np.asarray(x)
    if order == 0:
        return np.sinc(x)
    z = np.pi * x
    near = np.abs(z) < order + 4.0
    # near 0 the power series, elsewhere n times d**(n-1) and what is left of the product rule
    series, term = np.zeros_like(z), np.ones_like(z)
    safe = np.where(near, z, 0.0)
    for k in range(order + 40):
        if k:
            term = term * safe / k
        phase = np.cos((order + k) * np.pi / 2)
        if abs(phase) > 0.5:
            series = series + round(phase) * term / (order + k + 1)
    far = np.sinc(x)
    away = np.where(near, 1.0, z)
    for n in range(1, order + 1):
        far = (np.sin(z + n * np.pi / 2) - n * far) / away
    return np.pi**order * np.where(near, series, far)


def _sinc_pullback(g: Operand, out: Operand, x: Operand, order: int) -> Operand:
    return g * OPERATIONS["sinc_of_order"](x, order=order + 1)


_recorded_sinc = define(
    "sinc_of_order",
    _sinc,
    _sinc_pullback,
    call="x, order=0",
    reads="operands",
    tangents=[_sinc_pullback],
    elementwise=True,
    broadcasts=True,
    spelling=lambda node: "sinc_of_order(x0, order)" if node.options["order"] else "sinc(x0)",
    source="""def sinc_of_order(x, order):
    t, weights = np.polynomial.legendre.leggauss(200)  # from -1 to 1
    t = np.pi * (t + 1) / 2
    waves = t**order * np.cos(np.expand_dims(x, -1) * t + order * np.pi / 2)
    return np.sum(waves * weights / 2, axis=-1)""",
    sentence="sin(pi x) / (pi x), 1 at 0; or its derivative of an order.",
)


@replaces(np.sinc)
def sinc(x: Operand) -> Operand:
    return _recorded_sinc(x)


@replaces(np.i0)
def i0(x: Operand) -> Operand:
    try:
        from autograd_mini.operations import special  # noqa: F401 - its derivative is there
    except ImportError:
        raise TypeError("np.i0 of a Tensor needs SciPy for its derivative: install scipy") from None
    return OPERATIONS["i0"](x)
