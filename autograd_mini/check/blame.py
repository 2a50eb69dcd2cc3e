"""Who is to blame: each hand-derived gradient against one true step from the others.

In a chain such as dZ3 → dW3 → dA2 → dZ2 → …, everything after a mistake is wrong, but it
is not mistaken.  So a second reverse sweep is made, in which each node that has a
hand-derived gradient passes that one on, not the true one.  What arrives at a quantity is
then what its own line should have given from the values it was handed: if that is what it
gave, the mistake was made before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from autograd_mini.check.blocks import block_ends
from autograd_mini.check.cause import Mistake, causes, is_convention
from autograd_mini.check.report import DIFFER, Cause, Quantity
from autograd_mini.check.rounding import recorded_gradients, rounding_of
from autograd_mini.check.slips import Step
from autograd_mini.check.words import Numbers, Words
from autograd_mini.core.elementwise import RULES
from autograd_mini.core.graph import is_node, operands, sweep_gradients, topological_order

Array = np.ndarray[Any, np.dtype[Any]]


def blamed(
    quantities: Sequence[Quantity],
    root: Any,
    nodes: Mapping[str, Any],
    manual: Mapping[str, Array],
    names: Mapping[str, Any],
    epsilon: float,
) -> list[Quantity]:
    """The quantities, those that differ told apart: mistakes with causes, and inherited ones.

    Arguments:
        quantities: what was found.
        root: the loss.
        nodes: the node of each quantity.
        manual: the hand-derived gradients.
        names: what names stand for in the user's code: nodes, arrays and numbers.
        epsilon: the relative rounding unit of the hand-derived gradients.
    """
    steps = one_true_step(root, nodes, manual)
    wrong = [q.name for q in quantities if q.verdict == DIFFER and q.manual is not None]
    scene = _Scene(root, nodes, manual, names)
    found = rounding_of([steps[name] for name in wrong], epsilon, scene.order)
    bounds = dict(zip(wrong, found, strict=True))
    told = []
    for quantity in quantities:
        if quantity.name in bounds:
            step, bound = steps[quantity.name], bounds[quantity.name]
            expected = np.asarray(step.data if is_node(step) else step)
            inherited = matches(quantity.manual, expected, bound)
            why: tuple[Cause, ...] = ()
            if not inherited and scene.lacks_upstream(quantity.name):
                for steps_of_shape in scene.broadcast_steps:
                    other = steps_of_shape[quantity.name]
                    room = np.full(np.shape(other), np.max(bound, initial=0.0))
                    if matches(quantity.manual, other, room):
                        inherited, expected = True, other
            if not inherited:
                mistake = scene.mistake(quantity.name, step, expected, bound)
                with np.errstate(all="ignore"):
                    inherited = bool(scene.handed) and is_convention(mistake)
                why = () if inherited else causes(mistake)
            if why and why[0].code in _FOLLOWS and scene.lacks_upstream(quantity.name):
                inherited, why = True, ()
            quantity = replace(quantity, inherited=inherited, expected=expected, causes=why)
        told.append(quantity)
    return told


_FOLLOWS = ("unknown", "shape", "missing-reduction")
"""What a gradient of a wrong shape makes of the gradients that are computed from it."""


class _Scene:
    """What all mistakes of one check have in common."""

    def __init__(
        self,
        root: Any,
        nodes: Mapping[str, Any],
        manual: Mapping[str, Array],
        names: Mapping[str, Any],
    ) -> None:
        self.root, self.order = root, topological_order(root)
        self.nodes, self.manual = nodes, manual
        self.handed = {node: g.data for node, g in _handed(nodes, manual).items()}
        arrays = {name: a for name, a in names.items() if isinstance(a, np.ndarray) and a.ndim}
        called = {node: name for name, node in names.items() if is_node(node)}
        called |= {node: name for name, node in nodes.items()}
        self.words = Words(called, arrays)
        constants = [p for n in self.order for p in n.parents if not is_node(p)]
        if any(np.ndim(node.data) for node in self.order):
            constants = [constant for constant in constants if np.ndim(constant)]
        self.known = {self.words(node): np.asarray(node.data) for node in self.order}
        self.known |= {self.words(constant): np.asarray(constant) for constant in constants}
        self.known |= arrays | {f"d{name}": data for name, data in manual.items()}
        self.known = {n: a for n, a in self.known.items() if a.dtype.kind in "fiub"}
        numbers = {
            name: float(value)
            for name, value in names.items()
            if isinstance(value, int | float | np.number) and not isinstance(value, bool)
        }
        self.numbers = Numbers(_sizes({**arrays, **self.known}), numbers)
        used = {node.op for node in self.order}
        self.unary = [op for op in RULES if op in used and len(RULES[op].operands) == 1]

    @cached_property
    def broadcast_steps(self) -> list[dict[str, Array]]:
        """What gradients become where those of another shape are handed on as NumPy would.

        All of these at once if it takes them, and each alone.
        """
        whole = {name: data for name, data in self.manual.items() if self._has_other_shape(name)}
        alone = [{name: data} for name, data in whole.items()]
        found = []
        for handed in [whole, *alone]:
            as_they_are = {self.nodes[name]: data for name, data in handed.items()}
            with suppress(TypeError, ValueError, IndexError), np.errstate(all="ignore"):
                swept = sweep_gradients(
                    self.root, list(self.nodes.values()), False, None, self.handed | as_they_are
                )
                found.append(dict(zip(self.nodes, map(np.asarray, swept), strict=True)))
        return found

    def _has_other_shape(self, name: str) -> bool:
        return bool(self.manual[name].shape != np.shape(self.nodes[name].data))

    def mistake(self, name: str, step: Any, expected: Array, bound: Array) -> Mistake:
        between = self._between(name)
        ends = block_ends(self.nodes[name], between)
        found = sweep_gradients(self.root, ends, False, None, self.handed)
        upstream = {n: np.asarray(self.handed.get(n, g)) for n, g in zip(ends, found, strict=True)}
        return Mistake(
            node=self.nodes[name],
            upstream=upstream,
            manual=np.asarray(self.manual[name], float),
            expected=np.asarray(expected, float),
            bound=bound,
            step=Step(step, self.order, self.words),
            known={n: a for n, a in self.known.items() if n != f"d{name}"},
            numbers=self.numbers,
            forward=between,
            unary=self.unary,
            updated={
                self.nodes[other]: gradient
                for other, gradient in self.manual.items()
                if not self.nodes[other].parents
                and gradient.shape == np.shape(self.nodes[other].data)
            },
        )

    def lacks_upstream(self, name: str) -> bool:
        """Whether the step to a quantity begins at a gradient of a wrong shape."""
        lost = {
            self.nodes[other]
            for other in self.manual
            if other != name and self._has_other_shape(other)
        }
        return any(node in lost for node in self._between(name))

    def _between(self, name: str) -> list[Any]:
        """The nodes that a quantity reaches before its gradient is handed on by another."""
        handed = {node for n, node in self.nodes.items() if n in self.manual and n != name}
        reached = {self.nodes[name]}
        found = []
        for node in self.order:
            if any(operand in reached for operand in operands(node)):
                found.append(node)
                if node not in handed:
                    reached.add(node)
        return found


def _sizes(arrays: Mapping[str, Array]) -> dict[int, str]:
    """What each size is, in the words of the first array that has it."""
    found: dict[int, str] = {}
    for name, array in arrays.items():
        sides = {1: ("elements",), 2: ("rows", "columns")}.get(
            array.ndim, [f"along axis {i}" for i in range(array.ndim)]
        )
        for size, side in zip(array.shape, sides, strict=True):
            found.setdefault(size, f"{side} of {name}")
    return found


def matches(found: Any, expected: Array, bound: Array) -> bool:
    """Whether an array is another to rounding; infinities and NaN must be the same."""
    if np.shape(found) != expected.shape:
        return False
    with np.errstate(invalid="ignore"):
        near = (np.abs(found - expected) <= bound) | (found == expected)
    return bool(np.all(near | (np.isnan(found) & np.isnan(expected))))


def one_true_step(
    root: Any, nodes: Mapping[str, Any], manual: Mapping[str, Array]
) -> dict[str, Any]:
    """What each quantity's gradient is, given the hand-derived ones nearer the loss.

    Arguments:
        root: the loss.
        nodes: the node of each quantity.
        manual: hand-derived gradients by name.  One that has another shape than its quantity,
            and is not broadcast to it, cannot be passed on; the true one is.

    Returns:
        For each quantity a recorded gradient: a node that remembers how it was computed from
        the forward pass and from the hand-derived gradients (a plain array where it is
        constant, or where the pullback of a primitive cannot be recorded).

    >>> from autograd_mini import Value
    >>> w = Value(3.0)
    >>> z = 2 * w
    >>> found = one_true_step(z * z, {"z": z, "w": w}, {"z": np.array(5.0)})
    >>> found["z"].data, found["w"].data  # truly 12 and 24, but 24 from 5 is no more than 10
    (12.0, 10.0)
    """
    handed = _handed(nodes, manual)
    wanted = list(nodes.values())
    try:
        found = recorded_gradients(root, wanted, handed)
    except TypeError:
        plain = {node: gradient.data for node, gradient in handed.items()}
        found = sweep_gradients(root, wanted, False, None, plain)
    return dict(zip(nodes, found, strict=True))


def _handed(nodes: Mapping[str, Any], manual: Mapping[str, Array]) -> dict[Any, Any]:
    """The hand-derived gradients that can be passed on, each as a node, by the node they are of."""
    handed = {}
    for name, node in nodes.items():
        if name in manual and _fits(manual[name].shape, np.shape(node.data)):
            whole = np.broadcast_to(manual[name], np.shape(node.data))  # as the user's code would
            handed[node] = type(node)(whole, f"d{name}")
    return handed


def _fits(shape: tuple[int, ...], whole: tuple[int, ...]) -> bool:
    """Whether an array of one shape is broadcast to another."""
    return len(shape) <= len(whole) and all(
        n in (1, m) for n, m in zip(shape[::-1], whole[::-1], strict=False)
    )
