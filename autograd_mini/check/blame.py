"""Who is to blame: each hand-derived gradient against one true step from the others.

In a chain such as dZ3 → dW3 → dA2 → dZ2 → …, everything after a mistake is wrong, but it
is not mistaken.  So a second reverse sweep is made, in which each node that has a
hand-derived gradient passes that one on, not the true one.  What arrives at a quantity is
then what its own line should have given from the values it was handed: if that is what it
gave, the mistake was made before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from autograd_mini.check.report import DIFFER, Cause, Quantity
from autograd_mini.check.rounding import recorded_gradients, rounding_of
from autograd_mini.graph import is_node, sweep_gradients

Array = np.ndarray[Any, np.dtype[Any]]


def blamed(
    quantities: Sequence[Quantity],
    root: Any,
    nodes: Mapping[str, Any],
    manual: Mapping[str, Array],
    epsilon: float,
) -> list[Quantity]:
    """The quantities, those that differ told apart: mistakes with causes, and inherited ones."""
    steps = one_true_step(root, nodes, manual)
    wrong = [quantity.name for quantity in quantities if quantity.verdict == DIFFER]
    bounds = dict(zip(wrong, rounding_of([steps[name] for name in wrong], epsilon), strict=True))
    return [
        _blamed(quantity, steps[quantity.name], bounds[quantity.name])
        if quantity.name in bounds and quantity.manual is not None
        else quantity
        for quantity in quantities
    ]


def _blamed(quantity: Quantity, step: Any, bound: Array) -> Quantity:
    expected = np.asarray(step.data if is_node(step) else step)
    if matches(quantity.manual, expected, bound):
        return replace(quantity, inherited=True, expected=expected)
    unknown = Cause("unknown", "no single slip explains the numbers")
    return replace(quantity, causes=(unknown,), expected=expected)


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
        manual: hand-derived gradients by name.  One that has another shape than its quantity
            cannot be passed on; the true one is.

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
    handed = {
        node: type(node)(manual[name], name)
        for name, node in nodes.items()
        if name in manual and manual[name].shape == np.shape(node.data)
    }
    wanted = list(nodes.values())
    try:
        found = recorded_gradients(root, wanted, handed)
    except TypeError:
        plain = {node: gradient.data for node, gradient in handed.items()}
        found = sweep_gradients(root, wanted, False, None, plain)
    return dict(zip(nodes, found, strict=True))
