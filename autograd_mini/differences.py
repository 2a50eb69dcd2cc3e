"""Numerical derivatives that say how far they can be trusted.

A central difference is taken at a ladder of steps and extrapolated (Ridders, "Accurate
computation of F'(x) and F'(x)F''(x)", Advances in Engineering Software 4, 1982); the
differences between the extrapolations estimate the truncation error, the size of the
function's values its rounding error.  An estimate that a smaller step contradicts counts
for nothing: the step was too wide to see how the function bends.  A kink shows as a
difference between the slopes on the left and on the right that does not vanish with the
step; half of it counts as error, since no derivative exists there.

>>> import math
>>> found = derivative(math.exp, 1.0)
>>> abs(found.value - math.e) < found.error < 1e-8
True
>>> kink = derivative(abs, 0.0)
>>> kink.value, round(kink.error, 6)
(0.0, 1.0)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

EPSILON = 2.0**-52
_FIRST_STEP = 2.0**-4
_SHRINK = 4.0
_HALF = 2.0
_LEVELS = 24
"""So many steps at the most; where rounding outweighs what was found no smaller one is tried."""
_GOOD_ENOUGH = 1e-11


class Estimate(NamedTuple):
    """A numerical derivative and an estimate of its absolute error (infinite: unknown)."""

    value: float
    error: float


def derivative(
    f: Callable[[float], float],
    x: float,
    scale: float | None = None,
    noise: float = 0.0,
    enough: float = 0.0,
) -> Estimate:
    """The derivative of a function of one number, with an estimate of its error.

    Arguments:
        f: any function of floats; not-a-number and infinity mean "not defined there".
        x: where.
        scale: the distance over which ``f`` is thought to change; ``max(|x|, 1)`` by default.
            The first step is 1/16 of it; smaller ones follow until two agree, or until
            rounding outweighs what they tell.
        noise: the absolute rounding error of ``f``'s values, where it is known to be more than
            that of the last operation.
        enough: an error at which no smaller step is tried.

    >>> derivative(lambda x: x * x, 3.0).value
    6.0
    """
    centre = f(x)
    step = _FIRST_STEP * (max(abs(x), 1.0) if scale is None else scale)
    best = Estimate(math.nan, math.inf)
    row: list[float] = []
    steepest = 0.0
    bend_before = math.nan
    for _ in range(_LEVELS):
        right, left = f(x + step), f(x - step)
        width = (x + step) - (x - step)
        size = max(abs(right), abs(left), abs(centre))
        if not math.isfinite(size) or not width:
            row, bend_before = [], math.nan
            step /= _SHRINK
            continue
        steepest = max(steepest, abs(right - left) / width)
        blurred = EPSILON * (size + steepest * abs(x)) + noise  # f and its argument are rounded
        rounding = 2 * blurred / step + EPSILON * steepest
        bend = (right - 2 * centre + left) / step  # → the jump of the slope as step → 0
        jump = (_SHRINK * bend - bend_before) / (_SHRINK - 1)
        bend_before = bend
        new = [(right - left) / width]
        level = Estimate(math.nan, math.inf)
        for order, before in enumerate(row, 1):
            factor = _SHRINK ** (2 * order)
            new.append(new[-1] + (new[-1] - before) / (factor - 1))
            truncation = max(abs(new[-1] - new[-2]), abs(new[-1] - before))
            error = truncation + rounding + max(abs(jump) - 4 * rounding, 0.0) / 2
            if error < level.error:
                level = Estimate(new[-1], error)
        best, row = surer(best, level), new
        if level.error < 2 * rounding:  # a smaller step rounds more and tells nothing new
            break
        if best.error <= max(_GOOD_ENOUGH * abs(best.value), enough):
            break
        step /= _SHRINK
    return best


def surer(wide: Estimate, narrow: Estimate) -> Estimate:
    """Of the estimates from wider and narrower steps the surer one; the narrower if they differ.

    >>> surer(Estimate(0.0, 1e-9), Estimate(1.0, 1e-3)).value
    1.0
    """
    contradicted = abs(narrow.value - wide.value) > wide.error + narrow.error
    return narrow if contradicted or narrow.error < wide.error else wide


def one_sided_derivative(
    f: Callable[[float], float],
    x: float,
    scale: float | None = None,
    noise: float = 0.0,
    enough: float = 0.0,
) -> Estimate:
    """The slope of a function to the right of a point, with an estimate of its error.

    Arguments are those of ``derivative``.  The slope to the left is
    ``-one_sided_derivative(lambda t: f(-t), -x).value``.

    >>> found = one_sided_derivative(lambda x: abs(x) + x * x, 0.0)
    >>> abs(found.value - 1.0) <= found.error < 1e-6
    True
    """
    centre = f(x)
    step = _FIRST_STEP * (max(abs(x), 1.0) if scale is None else scale)
    best = Estimate(math.nan, math.inf)
    row: list[float] = []
    steepest = 0.0
    for _ in range(2 * _LEVELS):  # half as much smaller each
        right = f(x + step)
        width = (x + step) - x
        size = max(abs(right), abs(centre))
        if not math.isfinite(size) or not width:
            row = []
            step /= _HALF
            continue
        steepest = max(steepest, abs(right - centre) / width)
        blurred = EPSILON * (size + steepest * abs(x)) + noise
        rounding = 4 * blurred / step + EPSILON * steepest
        new = [(right - centre) / width]
        level = Estimate(math.nan, math.inf)
        for order, before in enumerate(row, 1):
            new.append(new[-1] + (new[-1] - before) / (_HALF**order - 1))
            error = max(abs(new[-1] - new[-2]), abs(new[-1] - before)) + rounding
            if error < level.error:
                level = Estimate(new[-1], error)
        best, row = surer(best, level), new
        if level.error < 2 * rounding:  # a smaller step rounds more and tells nothing new
            break
        if best.error <= max(_GOOD_ENOUGH * abs(best.value), enough):
            break
        step /= _HALF
    return best
