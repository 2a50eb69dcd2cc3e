"""Blocks: several operations that a hand-derived backward pass takes in one step.

Who writes ``1 / (1 + np.exp(-z))`` or ``e / np.sum(e)`` does not derive each operation, but
multiplies by σ′(z) or p·(1 − p) at once.  The recorded sweep takes the block in many steps, and
no single one of them is what the hand has mistaken.  So the block as a whole is looked at: the
gradient that enters it, and what was put in the place of its derivative.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from autograd_mini.check.slips import Slip, derived
from autograd_mini.check.words import Words
from autograd_mini.core.graph import operands

Array = np.ndarray[Any, np.dtype[Any]]

_BY_HAND = ("sigmoid", "tanh")
"""Functions that are often written out, so that the graph does not name them."""


def block_ends(start: Any, after: Sequence[Any]) -> list[Any]:
    """The nodes that everything from ``start`` to the loss passes, of the same shape as it.

    Arguments:
        start: a node.
        after: the nodes that depend on it, in topological order.

    >>> from autograd_mini import Tensor
    >>> from autograd_mini.core.graph import topological_order
    >>> z = Tensor([1.0, 2.0])
    >>> e = np.exp(z)
    >>> p = e / np.sum(e)
    >>> [node.op for node in block_ends(z, topological_order(np.sum(p * 3.0))[1:])]
    ['exp', 'div', 'mul']
    """
    inside = {start, *after}
    waiting = dict.fromkeys(inside, 0)
    for node in after:
        for operand in operands(node):
            if operand in inside:
                waiting[operand] += 1
    unread, ends = {start}, []
    for node in after:
        for operand in operands(node):
            if operand in inside:
                waiting[operand] -= 1
                if not waiting[operand]:
                    unread.discard(operand)
        unread.add(node)
        if len(unread) == 1 and np.shape(node.data) == np.shape(start.data):
            ends.append(node)
    return ends


def other_derivatives(
    start: Any,
    upstream: Mapping[Any, Array],
    known: Mapping[str, Array],
    unary: Sequence[str],
    words: Words,
) -> Iterator[Slip]:
    """Something else in the place of the derivative of a whole block that begins at ``start``.

    Arguments:
        start: the node whose gradient is made.
        upstream: the gradient that enters each block, by the node at its end.
        known: arrays at hand, by name.
        unary: elementwise operations whose derivative may have been taken.
        words: how nodes are called.
    """
    same = {name: array for name, array in known.items() if array.shape == np.shape(start.data)}
    functions = dict.fromkeys((*unary, *_BY_HAND))
    for end, gradient in upstream.items():
        block = f"the derivative of {words(end)}"
        yield Slip("missing-factor", f"{block} is missing", gradient)
        for name, factor in derived(same, tuple(functions), words):
            yield Slip("wrong-factor", f"{name} stands where {block} belongs", gradient * factor)
