"""Who is to blame: each hand-derived gradient against one true step from the others.

In a chain such as dZ3 → dW3 → dA2 → dZ2 → …, everything after a mistake is wrong, but it
is not mistaken.  What is right given the gradients that it was computed from only inherits the
mistake that was made before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from autograd_mini.check.bounds import same_to_rounding, tolerance_of
from autograd_mini.check.kinks import SIDES_DIFFER, at_kink, slopes_on_both_sides
from autograd_mini.check.problem import Problem
from autograd_mini.check.result import CANNOT_TELL, DIFFER, Quantity
from autograd_mini.check.true_step import TrueStep, block_ends, handed_gradients, one_true_step
from autograd_mini.check.wording import FactorNames, Wording
from autograd_mini.core.graph import Node, data_of, is_node, operands, sweep_gradients
from autograd_mini.core.rule import RULES, Rule
from autograd_mini.typing import Array


@dataclass(frozen=True)
class WrongStep:
    """What is known about a quantity that is wrong by its own line.

    Attributes:
        node: the quantity as it was recorded.
        manual: what the user has.
        expected: what one true step gives, and ``bound`` its rounding.
        step: that step, recorded.
        upstream: the gradient, as one true step gives it, at each node that everything from
            the quantity to the loss passes.
        forward: the nodes of the forward pass that lie between the quantity and the
            quantities that its gradient was computed from.
        arrays: the arrays at hand, by name.
        factors: names for constant factors.
        unary: the elementwise operations of one operand in the forward pass.
        updated: the direction in which an update would move each parameter.
        lacks_upstream: whether the step begins at a gradient of a wrong shape.
    """

    node: Node
    manual: Array
    expected: Array
    bound: Array
    step: TrueStep
    upstream: Mapping[Node, Array]
    forward: Sequence[Node]
    arrays: Mapping[str, Array]
    factors: FactorNames
    unary: Sequence[Rule]
    updated: Mapping[Node, Array]
    lacks_upstream: bool

    @cached_property
    def wrong(self) -> Array:
        """Where manual and expected, which have one shape, differ by more than rounding."""
        return np.asarray(~(np.abs(self.manual - self.expected) <= self.bound))  # NaN is wrong

    @cached_property
    def size(self) -> float:
        """The largest difference of manual and expected, which have one shape."""
        return float(np.max(np.abs(self.manual - self.expected), initial=0.0))


@dataclass(frozen=True)
class Blame:
    """The quantities, each with what was expected of it; and the mistakes among them, by name."""

    quantities: list[Quantity]
    mistakes: dict[str, WrongStep]


def blamed(problem: Problem, quantities: Sequence[Quantity]) -> Blame:
    """The quantities that differ told apart: mistakes, and those that inherit them."""
    wrong = [q.name for q in quantities if q.verdict == DIFFER and q.manual is not None]
    if not wrong:
        return Blame(list(quantities), {})
    backward = _BackwardPass(problem.expanded)
    quantities, wrong = backward.with_the_source(quantities, wrong)
    bounds = backward.bounds(wrong)
    judged, mistakes = [], {}
    for quantity in quantities:
        name = quantity.name
        if name in bounds:
            expected, mistake = backward.judged(name, bounds[name])
            quantity = replace(quantity, inherited=mistake is None, expected=expected)
            if mistake is not None:
                mistakes[name] = mistake
        judged.append(quantity)
    return Blame(judged, mistakes)


class _BackwardPass:
    """The hand-derived backward pass: what its mistakes have in common."""

    def __init__(self, problem: Problem) -> None:
        self.problem, self.order, self.root = problem, problem.order, problem.root
        self.nodes, self.manual = problem.nodes, problem.manual
        self.steps = one_true_step(self.root, self.nodes, self.manual)
        handed = handed_gradients(self.nodes, self.manual)
        self.handed = {node: gradient.data for node, gradient in handed.items()}
        scope = problem.used
        named = scope.nodes | {node: name for name, node in self.nodes.items()}
        self.wording = Wording(named, scope.arrays)
        self.arrays = self._arrays_at_hand(scope.arrays)
        self.factors = FactorNames(_sizes({**scope.arrays, **self.arrays}), scope.numbers)
        used = {node.operation for node in self.order}
        self.unary = [rule for rule in RULES.values() if rule in used and len(rule.operands) == 1]

    def _arrays_at_hand(self, named: Mapping[str, Array]) -> dict[str, Array]:
        """All that a line may have taken for another: what the forward pass made, and the rest."""
        constants = [p for n in self.order for p in n.parents if not is_node(p)]
        if any(np.ndim(node.data) for node in self.order):
            constants = [constant for constant in constants if np.ndim(constant)]
        arrays = {self.wording(node): np.asarray(node.data) for node in self.order}
        arrays |= {self.wording(constant): np.asarray(constant) for constant in constants}
        arrays |= {**named, **{f"d{name}": data for name, data in self.manual.items()}}
        return {name: array for name, array in arrays.items() if array.dtype.kind in "fiub"}

    def with_the_source(
        self, quantities: Sequence[Quantity], wrong: list[str]
    ) -> tuple[Sequence[Quantity], list[str]]:
        """Where all that is wrong is right given what it was handed, that one is wrong of which the
        numbers alone cannot tell, as two equal maxima that each take all of the gradient.

        Arguments:
            quantities: all of them, with verdicts.
            wrong: the names of those that differ.

        Returns:
            The quantities, and the names of those that differ now.
        """
        unsure = [q.name for q in quantities if q.verdict == CANNOT_TELL and q.manual is not None]
        if not unsure or self.own_mistakes(wrong):
            return quantities, wrong
        source = self.own_mistakes(unsure)
        if len(source) != 1:
            return quantities, wrong
        told = [
            replace(q, verdict=DIFFER, evidence=f"{q.evidence}; {_SHOWN_BY.format(wrong[0])}")
            if q.name in source
            else q
            for q in quantities
        ]
        return told, [*wrong, *source]

    def own_mistakes(self, names: Sequence[str]) -> list[str]:
        """Those of some quantities that are not right for what they were handed."""
        bounds = self.bounds(names)
        return [name for name in names if self.judged(name, bounds[name])[1] is not None]

    def bounds(self, names: Sequence[str]) -> dict[str, Array]:
        """How far each quantity may be off one true step."""
        return tolerance_of(self.problem, {name: self.steps[name] for name in names})

    def judged(self, name: str, bound: Array) -> tuple[Array, WrongStep | None]:
        """What was expected of a wrong quantity, and the mistake if it is not right for that."""
        manual, expected = self.manual[name], np.asarray(data_of(self.steps[name]))
        if same_to_rounding(manual, expected, bound):
            return expected, None
        mistake = self.mistake(name, expected, bound)
        for broadcast in self.broadcast_steps if mistake.lacks_upstream else ():
            room = np.full(broadcast[name].shape, np.max(bound, initial=0.0))
            if same_to_rounding(manual, broadcast[name], room):
                return broadcast[name], None
        with np.errstate(all="ignore"):
            convention = bool(self.handed) and is_convention(mistake)
        return expected, None if convention else mistake

    @cached_property
    def broadcast_steps(self) -> list[dict[str, Array]]:
        """What gradients become where those of another shape are handed on as NumPy would.

        All of these at once if it takes them, and each alone.
        """
        whole = {name: data for name, data in self.manual.items() if self._has_other_shape(name)}
        alone = [{name: data} for name, data in whole.items()]
        steps = []
        for handed in [whole, *alone]:
            as_they_are = {self.nodes[name]: data for name, data in handed.items()}
            with suppress(TypeError, ValueError, IndexError), np.errstate(all="ignore"):
                swept = sweep_gradients(
                    self.root, list(self.nodes.values()), False, None, self.handed | as_they_are
                )
                steps.append(dict(zip(self.nodes, map(np.asarray, swept), strict=True)))
        return steps

    def _has_other_shape(self, name: str) -> bool:
        return bool(self.manual[name].shape != np.shape(self.nodes[name].data))

    def mistake(self, name: str, expected: Array, bound: Array) -> WrongStep:
        """All that is known about a quantity that is wrong."""
        node = self.nodes[name]
        between = self._between(name)
        ends = block_ends(node, between)
        gradients = sweep_gradients(self.root, ends, False, None, self.handed)
        upstream = {
            end: np.asarray(self.handed.get(end, gradient))
            for end, gradient in zip(ends, gradients, strict=True)
        }
        lost = {self.nodes[n] for n in self.manual if n != name and self._has_other_shape(n)}
        return WrongStep(
            node=node,
            manual=np.asarray(self.manual[name], float),
            expected=np.asarray(expected, float),
            bound=bound,
            step=TrueStep(self.steps[name], self.order, self.wording),
            upstream=upstream,
            forward=between,
            arrays={n: a for n, a in self.arrays.items() if n != f"d{name}"},
            factors=self.factors,
            unary=self.unary,
            updated={
                self.nodes[other]: gradient
                for other, gradient in self.manual.items()
                if not self.nodes[other].parents and not self._has_other_shape(other)
            },
            lacks_upstream=any(node in lost for node in between),
        )

    def _between(self, name: str) -> list[Node]:
        """The nodes that a quantity reaches before its gradient is handed on by another."""
        handed = {node for n, node in self.nodes.items() if n in self.manual and n != name}
        reached = {self.nodes[name]}
        between = []
        for node in self.order:
            if any(operand in reached for operand in operands(node)):
                between.append(node)
                if node not in handed:
                    reached.add(node)
        return between


_SHOWN_BY = "the gradient of {} is right given this one, and wrong"


def is_convention(mistake: WrongStep) -> bool:
    """Whether a gradient differs at kinks alone, by what is taken between their two sides."""
    if mistake.manual.shape != mistake.expected.shape:
        return False
    wrong = mistake.wrong
    for node in mistake.forward:
        at, upstream = at_kink(node), mistake.upstream.get(node)
        if upstream is None or at is None or at.shape != wrong.shape or (wrong & ~at).any():
            continue
        moves = [np.ones(np.shape(data_of(p))) * (p is mistake.node) for p in node.parents]
        ends = np.sort([upstream * slopes for slopes in slopes_on_both_sides(node, moves)], axis=0)
        room = mistake.bound + SIDES_DIFFER * np.abs(ends).max(axis=0)
        inside = (ends[0] - room <= mistake.manual) & (mistake.manual <= ends[1] + room)
        if inside[wrong].all():
            return True
    return False


def _sizes(arrays: Mapping[str, Array]) -> dict[int, str]:
    """What each size is, as the side of the first array that has it."""
    sizes: dict[int, str] = {}
    for name, array in arrays.items():
        sides = {1: ("elements",), 2: ("rows", "columns")}.get(
            array.ndim, [f"along axis {i}" for i in range(array.ndim)]
        )
        for size, side in zip(array.shape, sides, strict=True):
            sizes.setdefault(size, f"{side} of {name}")
    return sizes
