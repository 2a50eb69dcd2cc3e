"""The complex step: a derivative of the recorded computation that is exact to rounding.

For an analytic f, f(x + i·h) = f(x) + i·h·f′(x) − h²·f″(x)/2 − …: the imaginary part over h is
the derivative, no difference is taken, and h can be so small that nothing else is left.
(W. Squire and G. Trapp, "Using complex variables to estimate derivatives of real functions",
SIAM Review 40, 1998.)

The forward functions of the recorded operations are computed over complex arrays.  No local
derivative is read, so that what comes out is evidence about them.  Operations that are not
analytic, such as ``abs`` and ``where``, take the branch of the real part.

>>> from autograd_mini import Tensor
>>> from autograd_mini.core.graph import topological_order
>>> z = Tensor([30.0, 0.0])
>>> loss = -np.log((np.exp(z) / np.sum(np.exp(z)))[0])  # differences see no more than 0 here
>>> slope = ComplexStep(topological_order(loss), z).slope(np.array([0.0, 1.0]))
>>> bool(abs(slope.value - np.exp(-30) / (1 + np.exp(-30))) <= slope.error < 1e-25)
True
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from autograd_mini.check.kinks import (
    SIDES_DIFFER,
    at_jump,
    at_kink,
    gradients_by_choice,
    slopes_on_both_sides,
)
from autograd_mini.check.moved import followers
from autograd_mini.core.graph import Node, is_node, options_of, sweep_gradients
from autograd_mini.typing import Array

_STEPS = (2.0**-100, 0.7 * 2.0**-100, 1.3 * 2.0**-101)
"""Steps whose squares vanish beside 1; that they round differently shows the rounding."""
_SAFETY = 16.0
_SAME = 1e-9
"""How much the real part may be off the recorded number, relative to the operands' size.

More than that is no rounding: another branch was taken, and the derivative is another's.
"""


class Slope(NamedTuple):
    """A directional derivative and its error, and the nodes at whose kinks it was taken.

    At kinks ``value`` is halfway between the least and the greatest slope that some choice
    between the two sides of each kink gives, and ``spread`` half of their difference.  At a jump
    it is the slope of one side, and there is no derivative.
    """

    value: float
    error: float
    kinks: tuple[Node, ...]
    spread: float = 0.0
    jumps: tuple[Node, ...] = ()


class ComplexStep:
    """Derivatives of a loss along directions of one node's elements.

    Arguments:
        order: the topological order of the recorded loss.
        node: what is moved.
    """

    def __init__(self, order: Sequence[Node], node: Node) -> None:
        self.node, self.root, self._order = node, order[-1], order
        self._after = followers(order, node)
        with np.errstate(all="ignore"):
            places = ((other, at_kink(other)) for other in self._after)
            self._kinks = {other: at for other, at in places if at is not None and at.any()}
            places = ((other, at_jump(other)) for other in self._after)
            jumps = {other: at for other, at in places if at is not None}
            upstream = sweep_gradients(self.root, list(jumps), False, None) if jumps else []
        self._jumps = {
            other: at
            for (other, at), gradient in zip(jumps.items(), upstream, strict=True)
            if (np.asarray(gradient)[at] != 0).any()  # else the loss does not depend on it
        }

    def slope(self, direction: Array) -> Slope | None:
        """The derivative along a direction; ``None`` if an operation has no complex form."""
        try:
            with np.errstate(all="ignore"):
                runs = [self._run(direction, step) for step in _STEPS]
        except (TypeError, _OtherBranch):  # NumPy has some functions of real numbers alone
            return None
        values = np.array([run[0] for run in runs])
        if not np.isfinite(values).all():
            return None
        value = float(np.median(values))
        rounding = float(np.ptp(values)) + np.finfo(float).eps * abs(value)
        touched, jumps = runs[0][1:]
        if jumps:
            return Slope(value, np.inf, (), jumps=jumps)
        if not touched:
            return Slope(value, _SAFETY * rounding, ())
        with np.errstate(all="ignore"):
            spread = sum(float(np.sum(self._largest[n] * gap)) for n, gap in touched.items())
            choices = [float(np.sum(g[-1] * direction)) for g in self._by_choice]
        ends = [value - spread, value + spread, *filter(np.isfinite, choices)]
        value, spread = (max(ends) + min(ends)) / 2, (max(ends) - min(ends)) / 2
        return Slope(value, _SAFETY * rounding + SIDES_DIFFER * spread, tuple(touched), spread)

    @cached_property
    def _by_choice(self) -> list[list[Array]]:
        """By several choices at the kinks the gradients there, and at last that of the node."""
        return gradients_by_choice(self._order, self._kinks, [*self._kinks, self.node])

    @cached_property
    def _largest(self) -> dict[Node, Array]:
        """The largest size of the gradient at each kink, whatever is chosen at the others."""
        return {
            node: np.max([np.abs(gradients[rank]) for gradients in self._by_choice], axis=0)
            for rank, node in enumerate(self._kinks)
        }

    def _run(
        self, direction: Array, step: float
    ) -> tuple[float, dict[Node, Array], tuple[Node, ...]]:
        """The slope, half the difference of the two sides at kinks, and the nodes that jump."""
        moved = {self.node: self.node.data + 1j * step * direction}
        touched, jumps = {}, []
        for node in self._after:
            data = [moved.get(p, p.data) if is_node(p) else p for p in node.parents]
            assert node.operation is not None
            out = np.asarray(node.operation.over_complex(*data, **options_of(node)))
            real = np.asarray(node.data)
            size = max(np.max(np.abs(each), initial=0.0) for each in (*data, real))
            if out.shape != real.shape or not np.all(np.abs(out.real - real) <= _SAME * size):
                raise _OtherBranch
            slopes = out.imag
            if node in self._jumps and _moves_at(self._jumps[node], data):
                jumps.append(node)
            if node in self._kinks and _moves_at(self._kinks[node], data):
                ahead, behind = slopes_on_both_sides(node, [np.imag(each) / step for each in data])
                apart = np.abs(ahead - behind) > SIDES_DIFFER * (np.abs(ahead) + np.abs(behind))
                if apart.any():
                    slopes = np.where(apart, (ahead + behind) / 2 * step, slopes)
                    touched[node] = np.where(apart, np.abs(ahead - behind) / 2, 0.0)
            moved[node] = real + 1j * slopes  # the same branches, whatever the rounding
        slope = float(np.asarray(moved.get(self.root, 0.0)).imag.item() / step)
        return slope, touched, tuple(jumps)


class _OtherBranch(Exception):
    """The real part is not the number that was recorded."""


def _moves_at(kinks: Array, data: Sequence[Any]) -> bool:
    """Whether an operand moves at an element that is at a kink."""
    for operand in data:
        moves = np.asarray(np.imag(operand)) != 0
        elementwise = np.ndim(moves) <= np.ndim(kinks)
        if (np.broadcast_to(moves, kinks.shape) & kinks if elementwise else moves).any():
            return True
    return False
