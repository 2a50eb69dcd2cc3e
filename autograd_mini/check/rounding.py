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

Array = np.ndarray[Any, np.dtype[Any]]

_NOISE = (2.0**-30, 2.0**-34)
_SEEDS = (1, 2, 3)
_SAFETY = 64.0
"""Noise is one rounding a number; a sum of many terms rounds at each, in one direction at worst."""
_UNITS = 8.0
"""Roundings of the last few operations, which no noise of the graph's own passes through."""


def rounding_error(root: Any, nodes: Sequence[Any], epsilon: float) -> list[Array]:
    """For each node a bound, element by element, of the rounding error of its gradient.

    Arguments:
        root: the loss.
        nodes: the nodes whose gradients are judged.
        epsilon: the relative rounding unit of the arithmetic that is judged.
    """
    order = topological_order(root)
    exact = _gradients(order, nodes)
    far_and_near = [
        [_movement(order, nodes, exact, noise, seed) for seed in _SEEDS] for noise in _NOISE
    ]
    bounds = []
    for index, gradient in enumerate(exact):
        far, near = (np.max([found[index] for found in runs], axis=0) for runs in far_and_near)
        # Rounding moves a gradient in proportion to the noise; what does not (a tie that the
        # noise decided otherwise) is no rounding.
        movement = np.where(near <= 4 * far + _UNITS * np.abs(gradient), far, 0)
        bounds.append(epsilon * (_SAFETY * movement + _UNITS * np.abs(gradient)))
    return bounds


def _gradients(order: Sequence[Any], nodes: Sequence[Any], **options: Any) -> list[Array]:
    found = dict(reverse_sweep(order, order[-1].seed(None), **options))
    return [np.asarray(found.get(node, node.zero())) for node in nodes]


def _movement(
    order: Sequence[Any], nodes: Sequence[Any], exact: Sequence[Array], noise: float, seed: int
) -> list[Array]:
    """How far relative noise everywhere moves each gradient, for noise of size 1."""
    rng = np.random.default_rng(seed)

    def shaken(data: Any) -> Any:
        return data * (1 + noise * rng.uniform(-1, 1, np.shape(data)))

    made: dict[Any, Any] = {}
    for node in order:
        parents = [made[parent] if is_node(parent) else parent for parent in node.parents]
        again = node.again(parents) if parents else type(node)(node.data)
        made[node] = again * (1 + noise * rng.uniform(-1, 1, np.shape(node.data)))
    noisy = topological_order(made[order[-1]])
    moved = _gradients(noisy, [made.get(node, node) for node in nodes], adjust=shaken)
    return [np.abs(m - e) / noise for m, e in zip(moved, exact, strict=True)]
