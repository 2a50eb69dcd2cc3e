"""The weighted sum of a neuron as one node.  This file is compiled together with ``value.py``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from autograd_mini.operations.elementwise import WEIGHTED_SUMS
from autograd_mini.typing import Operand

if TYPE_CHECKING:
    from autograd_mini.core.value import Value, _data, _node

NEEDED = ("Value", "_data", "_node")
"""What ``value`` puts here."""


def weighted_sum(
    weights: Sequence[Operand], inputs: Sequence[Operand], bias: Operand = 0.0
) -> Value | float:
    """The sum of a neuron, bias + weights[0]·inputs[0] + weights[1]·inputs[1] + …, as one node.

    The value and the gradients are those of the same sum written with ``+`` and ``*``, and the
    node has a local derivative for each operand: but it is one node, not two for each weight.

    Arguments:
        weights, inputs: as many Values or real numbers each.
        bias: a Value or a real number.

    Returns:
        A Value with parents ``(bias, weights[0], inputs[0], weights[1], inputs[1], ...)``; a
        float if no operand is a Value.

    Raises:
        ValueError: there are more weights than inputs, or fewer.
        TypeError: an operand is neither a Value nor a real number.

    >>> from autograd_mini import Value, weighted_sum
    >>> w = [Value(2.0, label="w1"), Value(-1.0, label="w2")]
    >>> z = weighted_sum(w, [3.0, 4.0], Value(0.5, label="b"))
    >>> z
    Value(2.5, op='weighted_sum')
    >>> z.parents[1:3], z.local_derivatives
    ((Value(2.0, label='w1'), 3.0), (1.0, 3.0, None, 4.0, None))
    """
    if len(weights) != len(inputs):
        raise ValueError(
            f"weighted_sum takes an input for each weight, got {len(weights)} weights and "
            f"{len(inputs)} inputs"
        )
    out: float = _data(bias)
    tracked = isinstance(bias, Value)
    operands = [bias if tracked else out]
    derivatives: list[float | None] = [1.0 if tracked else None]
    for weight, operand in zip(weights, inputs):  # noqa: B905  # a keyword costs a fifth of the time
        w: float = _data(weight)
        x: float = _data(operand)
        out += w * x
        if isinstance(weight, Value):
            tracked = True
            operands.append(weight)
            derivatives.append(x)
        else:
            operands.append(w)
            derivatives.append(None)
        if isinstance(operand, Value):
            tracked = True
            operands.append(operand)
            derivatives.append(w)
        else:
            operands.append(x)
            derivatives.append(None)
    if not tracked:
        return out
    row = WEIGHTED_SUMS[len(weights)]
    return _node(out, row, None, 0.0, (tuple(operands), tuple(derivatives)), 0.0)


def weighted_sum_of(bias: Operand, *pairs: Operand) -> Value | float:
    """``weighted_sum`` of its operands in the order of ``.parents``."""
    return weighted_sum(pairs[::2], pairs[1::2], bias)
