"""The numerical side of a check: what the loss itself says about a gradient.

Differences of the loss come first (``differences``).  Where their error is too large to tell
two claims apart, the complex step is taken through the recorded graph; where a point sits on a
kink, the slopes on both sides are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tqdm import tqdm  # type: ignore[import-untyped]

from autograd_mini.check.complex_step import ComplexStep, Slope
from autograd_mini.check.kinks import crossed
from autograd_mini.differences import Estimate, derivative, one_sided_derivative, surer

Array = np.ndarray[Any, np.dtype[Any]]
Index = tuple[int, ...]

TELLING = 1e-3
"""A numerical estimate tells something if its error is below this part of the gradient."""

EVALUATIONS = 8
"""How often the loss is computed for a derivative, usually."""

_PATIENCE = 2.0
"""How many seconds pass before progress is shown."""

_PRECISE = 1e-4
"""Differences are taken no more exactly than this part of the error that is needed."""

_NARROW = 2.0**-16
"""Where differences contradict the automatic gradient, they are taken anew within this scale."""

_APART = 0.125
"""An estimate tells two claims apart if its error is below this part of their difference."""


@dataclass(frozen=True)
class Along:
    """The derivative along one direction, with its error.

    Where the direction leads over kinks, ``value`` is halfway between the least and the
    greatest slope that some choice between the two sides of each kink gives, ``spread`` half
    of their difference, and ``kinks`` are the nodes that have no derivative there.
    """

    value: float
    error: float
    spread: float = 0.0
    kinks: tuple[Any, ...] = ()

    def excludes(self, claim: float, tolerance: float) -> bool:
        """Whether a slope that is claimed is excluded."""
        return not abs(self.value - claim) <= self.spread + 2 * self.error + tolerance


@dataclass(frozen=True)
class Numerical:
    """Numerical derivatives of some elements of a quantity, and along one direction.

    ``values``, ``errors`` and ``spreads`` are those of ``Along``, NaN for elements that were not
    probed.  ``crossings`` are nodes with the elements whose branch a step changes.
    """

    values: Array
    errors: Array
    spreads: Array
    kinks: tuple[Any, ...]
    crossings: dict[Any, Array]
    direction: Array
    along: Along

    def refutes(self, claim: Array, tolerance: Array) -> Array:
        """Where the numerical derivatives exclude a claimed gradient."""
        with np.errstate(invalid="ignore"):
            room = self.spreads + 2 * self.errors + tolerance
            near: Array = np.abs(self.values - claim) <= room
        return self.probed & ~near

    def refutes_along(self, claim: Array, tolerance: Array) -> bool:
        """Whether the derivative along the direction excludes a claimed gradient."""
        return self.along.excludes(float(np.sum(self.direction * claim)), float(np.sum(tolerance)))

    @property
    def probed(self) -> Array:
        return ~np.isnan(self.errors)

    @property
    def at_kinks(self) -> Array:
        return self.probed & (self.spreads > 2 * self.errors)

    def vague(self, claim: Array) -> Array:
        """Where the estimated error is too large to judge a claimed gradient."""
        size = np.max(np.abs(claim), initial=0.0)
        return self.probed & ~(self.errors <= (TELLING * size if size else np.finfo(float).max))

    def at(self, index: Index) -> str:
        value, error, spread = self.values[index], self.errors[index], self.spreads[index]
        if self.at_kinks[index]:
            return f"slopes {value - spread:.6g} and {value + spread:.6g} on the two sides"
        return f"numerical {value:.6g} ± {error:.0e}"


class Probe:
    """Takes numerical derivatives of a loss with respect to one quantity.

    Arguments:
        evaluate: the loss as a function of the quantity's data.
        noise: the rounding error of the loss.
        order: the topological order of the recorded loss.
        node: the quantity.
        automatic: its gradient by the reverse sweep, to look again where differences
            contradict it.
    """

    def __init__(
        self,
        evaluate: Callable[[Any], float],
        noise: float,
        order: Sequence[Any],
        node: Any,
        automatic: Array,
    ) -> None:
        self.evaluate, self.noise = evaluate, noise
        self.order, self.node, self.automatic = order, node, automatic
        self.data = np.asarray(node.data)
        self._exact: ComplexStep | None = None

    def elements(
        self, indices: Sequence[Index], needed: Array, rng: np.random.Generator, name: str = ""
    ) -> Numerical:
        """Derivatives for some elements, each as exact as is needed, and along a direction.

        On a terminal, what takes seconds shows how far it is.
        """
        values = np.full(self.data.shape, np.nan)
        errors, spreads = values.copy(), values.copy()
        kinks: dict[Any, None] = {}
        crossings: dict[Any, Array] = {}
        shown = tqdm(indices, f"checking {name}", delay=_PATIENCE, disable=None, leave=False)
        for index in shown:
            one = np.zeros_like(self.data)
            one[index] = 1
            found = self.along(one, float(needed[index]), crossings)
            values[index], errors[index], spreads[index] = found.value, found.error, found.spread
            kinks.update(dict.fromkeys(found.kinks))
        direction = rng.choice([-1.0, 1.0], self.data.shape)
        whole = self.along(direction, float(np.max(needed, initial=0.0)), crossings)
        return Numerical(values, errors, spreads, tuple(kinks), crossings, direction, whole)

    def along(
        self, direction: Array, needed: float, crossings: dict[Any, Array] | None = None
    ) -> Along:
        """The derivative along a direction.

        Arguments:
            direction: of the quantity's shape.
            needed: the error that is small enough.
            crossings: takes up the elements whose branch the differences change.
        """
        scale = max(float(np.max(np.abs(self.data[direction != 0]), initial=0.0)), 1.0)
        found = self._differences(derivative, direction, scale, _PRECISE * needed)
        if found.error <= needed:
            moved = direction != 0
            automatic = float(np.sum(self.automatic[moved] * direction[moved]))
            if abs(found.value - automatic) <= 2 * found.error:
                return Along(*found)
            narrow = self._differences(derivative, direction, _NARROW * scale, 0.0)
            found = surer(found, narrow)
        slope = self._complex_step(direction)
        if slope is None:
            return Along(*found)
        if slope.kinks:
            return self._over_kinks(direction, scale, slope, found, _PRECISE * needed)
        if abs(slope.value - found.value) > 2 * (slope.error + found.error):
            return Along(*found)  # the loss depends on more than was recorded
        if crossings is not None and not crossings:
            step = scale * 2.0**-16 * direction
            moved = [self.data + step, self.data - step]
            crossings.update(crossed(self.order, self.node, moved))
        return Along(slope.value, slope.error) if slope.error < found.error else Along(*found)

    def _over_kinks(
        self, direction: Array, scale: float, slope: Slope, found: Estimate, enough: float
    ) -> Along:
        """The slopes at kinks, if those of the loss on its two sides are among them."""
        sides = [
            self._differences(one_sided_derivative, side * direction, scale, enough)
            for side in (1.0, -1.0)
        ]
        right, left = sides[0].value, -sides[1].value
        error = max(side.error for side in sides)
        if not np.isfinite([right, left, error]).all():
            return Along(*found, kinks=slope.kinks)
        all_choices = Along(slope.value, error + slope.error, slope.spread, slope.kinks)
        if all_choices.excludes(right, 0.0) or all_choices.excludes(left, 0.0):
            return Along((right + left) / 2, error, abs(right - left) / 2, slope.kinks)
        return all_choices

    def _differences(
        self, estimate: Callable[..., Estimate], direction: Array, scale: float, enough: float
    ) -> Estimate:
        def loss_at(distance: float) -> float:
            try:
                return self.evaluate(self.data + distance * direction)
            except (ValueError, ArithmeticError):  # a Value is not defined there
                return float("nan")

        with np.errstate(all="ignore"):
            return estimate(loss_at, 0.0, scale, self.noise, enough)

    def _complex_step(self, direction: Array) -> Slope | None:
        if self._exact is None:
            self._exact = ComplexStep(self.order, self.node)
        return self._exact.slope(direction)


def error_needed(automatic: Array, gap: Array | None) -> Array:
    """For each element the error that a numerical derivative may have to tell something."""
    size = float(np.max(np.abs(automatic), initial=0.0))
    needed = np.full(automatic.shape, TELLING * size)
    if gap is not None:
        needed = np.where(gap > 0, np.fmin(needed, _APART * gap), needed)
    return needed
