"""What an arrow says: the local derivative, or what the operand receives as a formula.

>>> import numpy as np
>>> from autograd_mini import Tensor
>>> X, W, b = Tensor(np.ones((4, 3))), Tensor(np.ones((3, 2))), Tensor(np.ones(2))
>>> texts = EdgeTexts("both")
>>> texts.of(X @ W, "z", ["X", "W"])
[('δ Wᵀ',), ('Xᵀ δ',)]
>>> texts.of((X @ W) + b, "z", ["v", "b"])[1]
('∂z/∂b = 1', '(2,) → (4, 2):', 'sum over axis 0')
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_mini.core.graph import is_node
from autograd_mini.core.rule import Rule
from autograd_mini.core.tensor import Tensor
from autograd_mini.core.value import Value
from autograd_mini.show.boxes import View, derivative_lines, rule_of, share_line
from autograd_mini.show.derivations import Derivations
from autograd_mini.show.names import GraphNames, free_names
from autograd_mini.show.recorded import PART, Node
from autograd_mini.show.terms import Terms, flows, repeated_axes

UPSTREAM = "δ"
"""The gradient of the result that an arrow points at."""

MANY = "…"
"""What stands for an operand of many nodes that is another for each."""

LONGEST_LINE = 30
MOST_LINES = 3
"""A formula has so many letters in a line and so many lines; the rest is cut."""


class EdgeTexts:
    """The texts of arrows; formulas of gradients are derived once for operations alike.

    Arguments:
        view: that of the picture; ``"forward"`` says nothing of gradients.
    """

    def __init__(self, view: View) -> None:
        self.view = view
        self._derivations = Derivations()

    def of(self, node: Node, called: str, operands: Sequence[str | float]) -> list[tuple[str, ...]]:
        """The lines for each operand of a node.

        Arguments:
            node: the result.
            called: its name.
            operands: the names of its operands, and the numbers of constants.
        """
        lines = self._told(node, called, operands, True)
        if self.view == "backward":
            lines = [
                (*line, *share_line(node, k)) if line else line for k, line in enumerate(lines)
            ]
        return lines

    def alike(
        self, node: Node, called: str, operands: Sequence[str | float]
    ) -> list[tuple[str, ...]]:
        """The same for a node that stands for many: nothing that is one node's own."""
        return self._told(node, called, operands, False)

    def _told(
        self, node: Node, called: str, operands: Sequence[str | float], with_numbers: bool
    ) -> list[tuple[str, ...]]:
        if self.view == "forward":
            return [()] * len(operands)
        lines = list(derivative_lines(node, called, operands, with_numbers))
        if isinstance(node, Value) or MANY in operands:
            return lines
        if isinstance(rule_of(node), Rule):
            return [
                (*line, *self._repeated(node, k)) if line else line for k, line in enumerate(lines)
            ]
        names = self._names(node, called, operands)
        order = [node, *dict.fromkeys(filter(is_node, node.parents))]
        terms = Terms(order, names, (), self._derivations)
        return [
            self._share(terms, node, k) if is_node(parent) and flows(node, k) else ()
            for k, parent in enumerate(node.parents)
        ]

    def _share(self, terms: Terms, node: Tensor, slot: int) -> tuple[str, ...]:
        """What an operand receives."""
        if node.operation is PART:
            return (f"{UPSTREAM} where it was taken,", "0 elsewhere")
        match terms.share(node, slot, terms.named(UPSTREAM)):
            case ast.Call(ast.Name("broadcast_to"), [inner, shape]):
                lines = [terms.text(inner), f"repeated to {ast.unparse(shape)}"]
            case formula:
                lines = textwrap.wrap(terms.text(formula), LONGEST_LINE, break_long_words=False)
        if len(lines) > MOST_LINES:
            lines[MOST_LINES - 1 :] = [lines[MOST_LINES - 1] + " …"]
        return tuple(lines)

    def _repeated(self, node: Tensor, slot: int) -> tuple[str, ...]:
        """How broadcasting repeats an operand, and what that makes of its gradient."""
        operand = node.parents[slot]
        shape: tuple[int, ...] = np.shape(operand.data) if is_node(operand) else node.shape
        axes = repeated_axes(shape, node.shape)
        if not axes:
            return ()
        over = f"axis {axes[0]}" if len(axes) == 1 else f"axes {', '.join(map(str, axes))}"
        return (f"{shape} → {node.shape}:", f"sum over {over}")

    def _names(self, node: Tensor, called: str, operands: Sequence[str | float]) -> GraphNames:
        nodes: dict[Any, str] = {node: called}
        arrays: dict[int, str] = {}
        for parent, name in zip(node.parents, operands, strict=True):
            if is_node(parent):
                nodes.setdefault(parent, str(name))
            elif isinstance(name, str):
                arrays[id(parent)] = name
        return GraphNames(nodes, frozenset(nodes), arrays, free_names("c", {*nodes.values()}))


def is_residual(node: Node, slot: int) -> bool:
    """Whether an operand of a sum is also what the other operand was computed from: x + f(x)."""
    rule = rule_of(node)
    if rule is None or rule.symbol != "+" or len(node.parents) != 2 or isinstance(node, Value):
        return False
    skipped, computed = node.parents[slot], node.parents[1 - slot]
    if not (is_node(skipped) and is_node(computed)) or skipped is computed:
        return False
    if np.shape(skipped.data) != node.shape or not computed.parents:
        return False
    seen = {id(computed)}
    waiting = [computed]
    while waiting and len(seen) < MOST_SKIPPED:
        for parent in waiting.pop().parents:
            if parent is skipped:
                return True
            if is_node(parent) and id(parent) not in seen:
                seen.add(id(parent))
                waiting.append(parent)
    return False


MOST_SKIPPED = 200
"""A residual connection leaps over fewer nodes than this."""
