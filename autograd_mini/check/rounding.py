"""How much of a gradient is rounding: what two right derivations may differ by.

Two correct computations of one gradient differ by rounding, and by how much depends on
cancellation inside the computation.  So the computation itself is asked: it is repeated
with every intermediate number, forward and backward, off by a relative 2⁻³⁰ or less, and
the gradients' movement, scaled down to the machine's 2⁻⁵³, is the rounding error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_mini.graph import is_node, reverse_sweep, topological_order
from autograd_mini.tensor import Tensor
from autograd_mini.value import Value

Array = np.ndarray[Any, np.dtype[Any]]

_NOISE = (2.0**-30, 2.0**-34)
_MULTIPLIERS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)
_SAFETY = 16.0
_UNITS = 8.0


def rounding_error(root: Any, nodes: Sequence[Any], epsilon: float) -> list[Array]:
    """For each node a bound, element by element, of the rounding error of its gradient.

    Arguments:
        root: the loss.
        nodes: nodes that it depends on.
        epsilon: the relative rounding unit of the arithmetic that is judged.
    """
    order = topological_order(root)
    exact = _gradients(order, root, nodes, dict.fromkeys(order, None), 0.0, 0)
    moved = {noise: [np.zeros_like(g) for g in exact] for noise in _NOISE}
    for noise in _NOISE:
        for multiplier in _MULTIPLIERS:
            noisy = _gradients(order, root, nodes, None, noise, multiplier)
            for most, g, e in zip(moved[noise], noisy, exact, strict=True):
                np.maximum(most, np.abs(g - e) / noise, out=most)
    bounds = []
    for large, small, gradient in zip(*moved.values(), exact, strict=True):
        # Rounding moves a gradient in proportion to the noise; what does not (a tie that the
        # noise decided otherwise) is no rounding.
        proportional = small <= 4 * large + _UNITS * np.abs(gradient)
        movement = np.where(proportional, large, 0)
        bounds.append(epsilon * (_SAFETY * movement + _UNITS * np.abs(gradient)))
    return bounds


def _gradients(
    order: Sequence[Any],
    root: Any,
    nodes: Sequence[Any],
    same: dict[Any, None] | None,
    noise: float,
    multiplier: int,
) -> list[Array]:
    def shaken(data: Any) -> Any:
        return data * (1 + noise * _pseudo_random(data, multiplier))

    if same is not None:
        found = dict(reverse_sweep(order, root.seed(None)))
        return [np.asarray(found.get(node, node.zero())) for node in nodes]
    made: dict[Any, Any] = {}
    for node in order:
        parents = [made.get(p, p) if is_node(p) else p for p in node.parents]
        again = node.again(parents) if parents else type(node)(node.data)
        if isinstance(again, Tensor):
            again._data = shaken(again._data)
        elif isinstance(again, Value):
            again.data = float(shaken(again.data))
        made[node] = again
    shaken_order = [made[node] for node in order]
    found = dict(reverse_sweep(shaken_order, made[root].seed(None), adjust=shaken))
    return [np.asarray(found.get(made[node], node.zero())) for node in nodes]


def _pseudo_random(data: Any, multiplier: int) -> Any:
    """Numbers in [-1, 1) that depend on the data only: equal numbers stay equal."""
    bits = np.asarray(data, np.float64).view(np.uint64)
    with np.errstate(over="ignore"):
        mixed = bits * np.uint64(multiplier)
        mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(multiplier)
    return (mixed >> np.uint64(11)) * 2.0**-52 - 1
