"""The numerical side of a check: what the loss itself says about a gradient.

Differences of the loss come first (``differences``).  Where their error is too large to tell
two claims apart, the complex step is taken through the recorded graph; where a point sits on a
kink, the slopes on both sides are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from types import EllipsisType
from typing import Any, NamedTuple

import numpy as np

from autograd_mini.check.bounds import Bounds
from autograd_mini.check.complex_step import ComplexStep, Slope
from autograd_mini.check.kinks import crossed
from autograd_mini.check.problem import Problem
from autograd_mini.check.progress import shown
from autograd_mini.core.graph import Node
from autograd_mini.differences import Estimate, derivative, one_sided_derivative, surer
from autograd_mini.typing import Array

Index = tuple[int, ...]

TELLING = 1e-3
"""A numerical estimate tells something if its error is below this part of the gradient."""

EVALUATIONS = 8
"""How often the loss is computed for a derivative, usually."""

_PRECISE = 1e-4
"""Differences are taken no more exactly than this part of the error that is needed."""

_NARROW = 2.0**-16
"""Where differences contradict the automatic gradient, they are taken anew within this scale."""

_APART = 0.125
"""An estimate tells two claims apart if its error is below this part of their difference."""


_FEWEST = 2
_MOST_NUMBERS = 4 * 10**8
"""How many numbers are computed to probe one quantity, unless that were fewer elements than 2."""


@dataclass(frozen=True)
class Comparison:
    """The gradients of one quantity beside each other.

    Attributes:
        name: the quantity's.
        automatic: the gradient of the reverse sweep.
        manual: the hand-derived gradient, ``None`` if there is none.
        tolerance: the rounding error that the two may differ by.
        gap: how far they differ, ``None`` where they cannot be compared.
        wrong: where that is more than rounding.
        numerical: numerical derivatives of some elements.
        probe: takes more of them.
    """

    name: str
    automatic: Array
    manual: Array | None
    tolerance: Array
    gap: Array | None
    wrong: Array
    numerical: Numerical
    probe: Probe


def comparisons(problem: Problem, bounds: Bounds, seed: int, entries: int) -> Iterator[Comparison]:
    """For each quantity of a problem its gradients, the numerical one taken where it tells most.

    Arguments:
        problem: what is checked.
        bounds: its automatic gradients, and what is rounding.
        seed: chooses elements and directions.
        entries: how many elements of each quantity are probed (see ``check_gradients``).
    """
    rng = np.random.default_rng(seed)
    entries = _affordable(entries, problem.order)
    for name in problem.nodes:
        yield _comparison(name, problem, bounds, entries, rng)


def _comparison(
    name: str, problem: Problem, bounds: Bounds, entries: int, rng: np.random.Generator
) -> Comparison:
    automatic, tolerance = bounds.automatic[name], bounds.tolerance[name]
    manual, gap = problem.manual.get(name), None
    wrong = np.zeros(automatic.shape, bool)
    if manual is not None and manual.shape == automatic.shape:
        with np.errstate(invalid="ignore"):
            gap = np.abs(np.asarray(manual - automatic))
            wrong = np.asarray(~((gap <= tolerance) | (gap == 0)))
    expanded = problem.expanded
    loss = partial(problem.loss_with, name)
    probe = Probe(loss, bounds.noise, expanded.order, expanded.nodes[name], automatic)
    flat = _chosen(gap, wrong, entries, rng)
    numerical = probe.elements(flat, Needed(automatic, gap, wrong), rng, name)
    return Comparison(name, automatic, manual, tolerance, gap, wrong, numerical, probe)


def _affordable(entries: int, order: Sequence[Node]) -> int:
    """How many elements are probed, where each takes the whole loss several times."""
    numbers = sum(np.size(node.data) for node in order) * EVALUATIONS
    return min(entries, max(_FEWEST, _MOST_NUMBERS // numbers))


def _chosen(gap: Array | None, wrong: Array, entries: int, rng: np.random.Generator) -> list[int]:
    """What to probe: some elements at random, and of the wrong ones those that differ most.

    Each is given by its place in the flat array, in order.
    """
    chosen = rng.choice(wrong.size, min(entries, wrong.size), replace=False)
    if gap is None:
        return sorted(chosen.tolist())
    candidates = np.flatnonzero(wrong)
    off = np.nan_to_num(gap.flat[candidates], nan=np.inf)
    if off.size > entries:
        candidates = candidates[np.argpartition(-off, entries)[:entries]]
    return sorted({*chosen.tolist(), *candidates.tolist()})


class Along(NamedTuple):
    """The derivative along one direction, with its error.

    Where the direction leads over kinks, ``value`` is halfway between the least and the
    greatest slope that some choice between the two sides of each kink gives, ``spread`` half
    of their difference, and ``kinks`` are the nodes that have no derivative there.  Where nodes
    jump, ``jumps``, nothing is known.
    """

    value: float
    error: float
    spread: float = 0.0
    kinks: tuple[Any, ...] = ()
    jumps: tuple[Any, ...] = ()

    def excludes(self, claim: float, tolerance: float) -> bool:
        """Whether a slope that is claimed is excluded."""
        return not abs(self.value - claim) <= self.spread + 2 * self.error + tolerance


class Direction(NamedTuple):
    """A direction in the space of a quantity's elements: 0 but for ``weights`` at ``where``."""

    where: Index | EllipsisType
    weights: Any

    def over(self, shape: Index) -> Array:
        """The direction as an array."""
        whole = np.zeros(shape)
        whole[self.where] = self.weights
        return whole


@dataclass(frozen=True)
class Numerical:
    """Numerical derivatives of some elements of a quantity, and along one direction.

    ``probed`` are the elements' places in the flat array, in order; ``values``, ``errors`` and
    ``spreads`` are those of ``Along``, one for each.  ``crossings`` are nodes with the elements
    whose branch a step changes, ``jumps`` those that jump here.
    """

    probed: Array
    values: Array
    errors: Array
    spreads: Array
    kinks: tuple[Any, ...]
    jumps: tuple[Any, ...]
    crossings: dict[Node, Array]
    signs: Array
    along: Along

    def refutes(self, claim: Array, tolerance: Array) -> Array:
        """For each probed element whether its derivative excludes a claimed gradient."""
        with np.errstate(invalid="ignore"):
            room = self.spreads + 2 * self.errors + tolerance.flat[self.probed]
            near: Array = np.abs(self.values - claim.flat[self.probed]) <= room
        return ~near

    def refutes_along(self, claim: Array, tolerance: Array) -> bool:
        """Whether the derivative along the direction excludes a claimed gradient."""
        return self.along.excludes(float(np.sum(self.signs * claim)), float(np.sum(tolerance)))

    @property
    def at_kinks(self) -> Array:
        at_kinks: Array = self.spreads > 2 * self.errors
        return at_kinks

    def vague(self, claim: Array) -> Array:
        """For each probed element whether the error is too large to judge a claimed gradient."""
        size = largest(claim)
        vague: Array = ~(self.errors <= (TELLING * size if size else np.finfo(float).max))
        return vague

    def over(self, shape: Index, numbers: Array) -> Array:
        """An array of the quantity's shape that holds numbers where it was probed, else NaN."""
        whole = np.full(shape, np.nan)
        whole.flat[self.probed] = numbers
        return whole

    def at(self, flat: int) -> str:
        """What was found for an element, in words."""
        if flat not in self.probed:
            return "numerical nan ± nan"
        rank = int(np.searchsorted(self.probed, flat))
        value, error, spread = self.values[rank], self.errors[rank], self.spreads[rank]
        if self.at_kinks[rank]:
            return f"slopes {value - spread:.6g} and {value + spread:.6g} on the two sides"
        return f"numerical {value:.6g} ± {error:.0e}"


def largest(array: Array) -> float:
    """The largest size of a number in an array; NaN if one is."""
    return float(np.maximum(np.max(array, initial=0.0), -np.min(array, initial=0.0)))


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
        order: Sequence[Node],
        node: Node,
        automatic: Array,
    ) -> None:
        self.evaluate, self.noise = evaluate, noise
        self.order, self.node, self.automatic = order, node, automatic
        self.data = np.asarray(node.data)
        self._moved = self.data.copy()
        self._exact: ComplexStep | None = None

    @cached_property
    def _here(self) -> float:
        return self.evaluate(self.data[()])

    def elements(
        self, probed: Sequence[int], needed: Needed, rng: np.random.Generator, name: str = ""
    ) -> Numerical:
        """Derivatives for some elements, each as exact as is needed, and along a direction.

        On a terminal, what takes seconds shows how far it is.

        Arguments:
            probed: the elements' places in the flat array, in order.
            needed: how exact the derivatives are to be.
            rng: chooses the direction.
            name: what the quantity is called.
        """
        kinks: dict[Node, None] = {}
        jumps: dict[Node, None] = {}
        crossings: dict[Node, Array] = {}
        slopes = {}
        for flat in shown(probed, f"checking {name}"):
            direction = Direction(_index(flat, self.data.shape), 1.0)
            slopes[flat] = self.along(direction, needed.of(flat), crossings)
            kinks.update(dict.fromkeys(slopes[flat].kinks))
            jumps.update(dict.fromkeys(slopes[flat].jumps))
        known = [(flat, *along[:3]) for flat, along in slopes.items() if not np.isnan(along.error)]
        places, values, errors, spreads = np.array(known).reshape(-1, 4).T
        signs = rng.choice(np.array([-1, 1], np.int8), self.data.shape)
        whole = self.along(Direction(..., signs), needed.of_all, crossings)
        nodes = tuple(kinks), tuple(jumps)
        return Numerical(
            places.astype(int), values, errors, spreads, *nodes, crossings, signs, whole
        )

    def along(
        self, direction: Direction, needed: float, crossings: dict[Node, Array] | None = None
    ) -> Along:
        """The derivative along a direction.

        Arguments:
            direction: which elements are moved, and how far.
            needed: the error that is small enough.
            crossings: takes up the elements whose branch the differences change.
        """
        where, weights = direction
        moves = np.not_equal(weights, 0)
        farthest = np.max(np.abs(self.data[where]), initial=0.0, where=moves)
        scale = max(float(farthest), 1.0)
        differences = self._differences(derivative, direction, scale, _PRECISE * needed)
        if differences.error <= needed:
            automatic = float(np.sum(self.automatic[where] * weights, where=moves))
            if abs(differences.value - automatic) <= 2 * differences.error:
                return Along(*differences)
            narrow = self._differences(derivative, direction, _NARROW * scale, 0.0)
            differences = surer(differences, narrow)
        slope = self._complex_step(direction)
        if slope is None:
            return Along(*differences)
        if slope.jumps:
            return Along(slope.value, np.inf, jumps=slope.jumps)
        if slope.kinks:
            return self._over_kinks(direction, scale, slope, differences, _PRECISE * needed)
        if abs(slope.value - differences.value) > 2 * (slope.error + differences.error):
            return Along(*differences)  # the loss depends on more than was recorded
        if crossings is not None and not crossings:
            step = scale * 2.0**-16 * direction.over(self.data.shape)
            moved = [self.data + step, self.data - step]
            crossings.update(crossed(self.order, self.node, moved))
        return (
            Along(slope.value, slope.error)
            if slope.error < differences.error
            else Along(*differences)
        )

    def _over_kinks(
        self, direction: Direction, scale: float, slope: Slope, differences: Estimate, enough: float
    ) -> Along:
        """The slopes at kinks, if those of the loss on its two sides are among them."""
        where, weights = direction
        sides = [
            self._differences(one_sided_derivative, Direction(where, side * weights), scale, enough)
            for side in (1.0, -1.0)
        ]
        right, left = sides[0].value, -sides[1].value
        error = max(side.error for side in sides)
        if not np.isfinite([right, left, error]).all():
            return Along(*differences, kinks=slope.kinks)
        all_choices = Along(slope.value, error + slope.error, slope.spread, slope.kinks)
        if all_choices.excludes(right, 0.0) or all_choices.excludes(left, 0.0):
            return Along((right + left) / 2, error, abs(right - left) / 2, slope.kinks)
        return all_choices

    def _differences(
        self, estimate: Callable[..., Estimate], direction: Direction, scale: float, enough: float
    ) -> Estimate:
        where, weights = direction

        def loss_at(distance: float) -> float:
            if not distance:
                return self._here
            self._moved[where] = self.data[where] + distance * weights
            try:
                return self.evaluate(self._moved[()])
            except (ValueError, ArithmeticError):  # a Value is not defined there
                return float("nan")

        with np.errstate(all="ignore"):
            differences = estimate(loss_at, 0.0, scale, self.noise, enough)
        self._moved[where] = self.data[where]
        return differences

    def _complex_step(self, direction: Direction) -> Slope | None:
        if self._exact is None:
            self._exact = ComplexStep(self.order, self.node)
        return self._exact.slope(direction.over(self.data.shape))


def _index(flat: int, shape: Index) -> Index:
    return tuple(int(i) for i in np.unravel_index(flat, shape))


class Needed:
    """The error that a numerical derivative may have to tell something.

    Arguments:
        automatic: the gradient.
        gap: how far the claim is off that is to be told from it, ``None`` if there is none.
        wrong: where that is more than rounding.
    """

    def __init__(self, automatic: Array, gap: Array | None, wrong: Array) -> None:
        self._gap, self._wrong = gap, wrong
        self._telling = TELLING * largest(automatic)
        self.of_all = self._telling
        if gap is not None and wrong.size and wrong.all():
            self.of_all = min(self._telling, _APART * float(np.nanmax(gap, initial=0.0)))

    def of(self, flat: int) -> float:
        """The error for one element, by its place in the flat array."""
        if self._gap is None or not self._wrong.flat[flat] or np.isnan(self._gap.flat[flat]):
            return self._telling
        return min(self._telling, _APART * float(self._gap.flat[flat]))
