"""The part of a graph that the chain rule goes through, from a root down to one node.

A graph's nodes between the two that are used once, and have no name or only pass on, are not
stations: they lie within a factor, ∂above/∂below.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd_mini.core.graph import is_node, reverse_sweep, topological_order
from autograd_mini.core.operation import ArrayOperation
from autograd_mini.core.rule import Rule
from autograd_mini.core.value import Value
from autograd_mini.show.arithmetic import repeated, total
from autograd_mini.show.boxes import rule_of
from autograd_mini.show.derivations import Derivations
from autograd_mini.show.names import GraphNames, Variables, graph_names
from autograd_mini.show.notation import has_sign
from autograd_mini.show.recorded import Node
from autograd_mini.show.steps import is_masked
from autograd_mini.show.terms import Terms, ends, flows
from autograd_mini.typing import Operand

LONGEST_INLINED = 8
"""A node without a name stands as its formula in others if that has so many parts or fewer."""

_LONG = 4
"""An operation on whole arrays counts as so many parts more, for formulas of its gradient are
long; but that of one that is linear or has a sign, as the product of matrices, is short."""


@dataclass(frozen=True)
class Factor:
    """The derivative of one named node with respect to another: ∂above/∂below.

    Arguments:
        above, below: the nodes.
        ways: how ``below`` comes into ``above`` through nodes without a name: each way a
            sequence of a node and the place of its operand, from above to below.
        value: the number; ``None`` for Tensors.
    """

    above: Node
    below: Node
    ways: tuple[tuple[tuple[Node, int], ...], ...]
    value: Any


Term = list["Factor | list[Term]"]  # a product, of factors and of sums in brackets


class ChainRule:
    """The part of a graph that lies between root and wrt.

    ``stations`` are the nodes that the chain rule names, in topological order; the others
    are used once, and lie within a factor.
    """

    def __init__(
        self,
        order: Sequence[Node],
        wrt: Node,
        seed: Operand,
        held: Variables,
        through: Node | None = None,
    ) -> None:
        self.order, self.root, self.wrt, self.through = order, order[-1], wrt, through
        root = self.root
        self.scalar = isinstance(root, Value)
        parts = [(order, wrt)]
        if through is not None:  # from the root to it, and from there on
            parts = [(order, through), (topological_order(through), wrt)]
        self.uses: dict[Node, list[tuple[Node, int]]] = {}
        self.totals: dict[Node, Any] = {root: seed}
        self.depends = True
        for nodes, end in parts:
            between = dependent(nodes, end)
            uses = uses_between(nodes, between)
            self.depends = self.depends and (end is nodes[-1] or end in uses)
            upstream = self.totals.get(nodes[-1], nodes[-1].zero())
            found = _swept(nodes, upstream, between) if self.depends else {}
            # Zero passes nothing on, so that the sweep does not come to what lies below it
            for n in (nodes[-1], end, *uses):
                self.totals[n] = found[n] if n in found else n.zero()
            self.uses |= uses
        if not self.depends:
            self.uses, self.totals = {}, {n: n.zero() for n in (root, wrt)}
        strangers = [] if wrt in set(self.order) else [wrt]
        self.names: GraphNames = graph_names([*self.order, *strangers], held)
        self.derivations = Derivations()
        symbols = self._symbols()
        self.terms = Terms(
            [*self.order, *strangers],
            self.names,
            [n for n in self.order if n not in symbols],
            self.derivations,
        )
        self.stations = [n for n in self.order if self._is_station(n)]
        self._are_stations = set(self.stations)
        self._sums: dict[Node, Node] = {}

    def _symbols(self) -> set[Node]:
        """The nodes that formulas call by name; the others stand as their own formula."""
        symbols = {self.root, self.wrt, *self.names.given}
        if self.through is not None:
            symbols.add(self.through)
        sizes: dict[Node, int] = {}
        for node in self.order:
            size = 1 + sum(sizes[p] if is_node(p) else 1 for p in node.parents)
            operation = rule_of(node)
            if isinstance(operation, ArrayOperation) and operation.reads and not operation.symbol:
                size += _LONG
            if not node.parents or len(self.uses.get(node, ())) > 1 or size > LONGEST_INLINED:
                symbols.add(node)
            sizes[node] = 1 if node in symbols else size
        for uses in self.uses.values():
            symbols.update(
                child
                for child, slot in uses
                if child not in symbols and self.derivations.name_upstream_twice(child, slot)
            )
        return symbols

    def _is_station(self, node: Node) -> bool:
        if node is self.root or node is self.wrt or node is self.through:
            return True
        if node not in self.uses or node in self.terms.inlined:
            return False
        if len(self.uses[node]) > 1:
            return True
        if self._within_sum(node):
            return False
        if self.scalar:
            return True
        rule = rule_of(node)  # δ_z = (δ Wᵀ) ⊙ σ′(z) is one line, though a = σ(z) has a name
        is_activation = isinstance(rule, Rule) and not has_sign(rule) and len(rule.operands) == 1
        return not is_activation or self.derivations.name_upstream_twice(*self.uses[node][0])

    def _within_sum(self, node: Node) -> bool:
        """Whether a node is a part a + b of a longer sum a + b + c."""
        child = self.uses[node][0][0]
        return (
            _is_sum(node)
            and _is_sum(child)
            and node not in self.names.given
            and np.shape(node.data) == np.shape(child.data)
        )

    def _whole_sum(self, node: Node) -> Node:
        """The sum that a part of a sum belongs to, at once for all parts."""
        parts = []
        while node not in self._sums:
            if node in self._are_stations or (node in self.uses and not self._within_sum(node)):
                self._sums[node] = node
                break
            parts.append(node)
            node = self.uses[node][0][0]
        for part in parts:
            self._sums[part] = self._sums[node]
        return self._sums[node]

    def factors(self, node: Node) -> list[Factor]:
        """What connects a station with each station above it."""
        found: dict[Node, list[tuple[tuple[Node, int], ...]]] = {}
        for use in self.uses.get(node, ()):
            way = [use]
            above = self._whole_sum(use[0])
            while above not in self._are_stations:
                way.append(self.uses[above][0])
                above = self._whole_sum(way[-1][0])
            found.setdefault(above, []).append(tuple(reversed(way)))
        return [
            Factor(above, node, tuple(ways), sum(map(_product, ways)) if self.scalar else None)
            for above, ways in found.items()
        ]

    def formula(self, factor: Factor, upstream: ast.expr, terms: Terms | None = None) -> ast.expr:
        """An upstream gradient taken through a factor; 1 gives the factor itself."""
        terms = terms or self.terms
        parts: list[ast.expr] = []
        for way in ends(factor.ways, terms.most):
            if way is None:
                parts.append(terms.named("…"))
                continue
            part = upstream
            for node, slot in way:
                part = terms.share(node, slot, part)
            parts.append(part)
        return total(parts)

    def upstream(self, above: Node) -> ast.expr:
        """The gradient of a station: its name, or the number from which the sweep starts."""
        seed = self.totals[above]
        if above is not self.root or np.size(seed) > 1:
            return self.terms.delta(above)
        number = ast.Constant(float(np.asarray(seed).item()))
        return repeated(number, np.shape(seed))


def _is_sum(node: Node) -> bool:
    """Whether a node is a sum a + b."""
    operation = rule_of(node)
    return operation is not None and operation.symbol == "+"


def dependent(order: Sequence[Node], *ends: Node) -> set[Node]:
    """The nodes that depend on ``ends`` through operands that something flows to, and these."""
    found = set(ends)
    for node in order:
        for slot, parent in enumerate(node.parents):
            if is_node(parent) and parent in found and flows(node, slot):
                found.add(node)
                break
    return found


def uses_between(
    order: Sequence[Node], between: Collection[Node]
) -> dict[Node, list[tuple[Node, int]]]:
    """Where each node on the ways from the root down to others is an operand.

    A use is a node and the place of its operand; they stand in the order in which the sweep adds
    up shares.

    Arguments:
        order: the nodes in topological order, the root last.
        between: what ``dependent`` gives.
    """
    uses: dict[Node, list[tuple[Node, int]]] = {}
    for child in reversed(order):
        if child is order[-1] or child in uses:
            for slot, parent in enumerate(child.parents):
                if is_node(parent) and parent in between and flows(child, slot):
                    uses.setdefault(parent, []).append((child, slot))
    return uses


def _swept(order: Sequence[Node], seed: Operand, wanted: set[Node]) -> dict[Node, Any]:
    """The gradient of each node that depends on wrt, by the sweep itself."""
    masked = is_masked(order, seed, wanted)
    return dict(reverse_sweep(order, seed, wanted, masked=masked))


def _product(way: Sequence[tuple[Node, int]]) -> float:
    found = 1.0
    for node, slot in way:
        derivative: Any = node.local_derivatives[slot]
        found = times(found, derivative)
    return found


def times(upstream: float, derivative: float) -> float:
    """A share as the sweep makes it: zero passes zero on, even through an infinity."""
    return upstream * derivative if upstream else upstream
