"""What a node is computed by, and what its operands receive, as formulas.

The formulas are Python's syntax trees, made from the texts of the rules and by ``derivations``,
with the graph's names in the place of operands; ``notation`` writes them.

>>> from autograd_mini import Value
>>> from autograd_mini.core.graph import topological_order
>>> w = Value(2.0, label="w")
>>> h = (3 * w).sigmoid()
>>> h.label = "h"
>>> order = topological_order(h)
>>> from autograd_mini.show.names import graph_names
>>> terms = Terms(order, graph_names(order, {}))
>>> terms.text(terms.formula(h)), terms.text(terms.share(h, 0, ast.Constant(1.0)))
('sigmoid(v1)', 'h·(1 − h)')
"""

from __future__ import annotations

import ast
import copy
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from autograd_mini.core.graph import data_of
from autograd_mini.core.rule import RULES, Rule
from autograd_mini.core.tensor import Tensor
from autograd_mini.core.value import Value, constant
from autograd_mini.language.texts import substitute
from autograd_mini.operations.elementwise import WeightedSum
from autograd_mini.show.arithmetic import (
    product,
    repeated_number,
    simplified,
    total,
)
from autograd_mini.show.boxes import LONGEST_BRANCHES, rule_of
from autograd_mini.show.branches import in_force, off_kinks
from autograd_mini.show.derivations import (
    Derivations,
    Formula,
    elementwise_tree,
    forward_formula,
    literal,
)
from autograd_mini.show.names import LONGEST_NAME, GraphNames, shown
from autograd_mini.show.notation import Latex, Notation
from autograd_mini.show.recorded import Node
from autograd_mini.typing import Array, Operand

_LARGEST = 1_000_000
"""How many elements a sparse matrix has, at the most, that is told as an array."""
MOST_TERMS = 8
"""So many terms of a sum are written; of more, the first and last."""


class Terms:
    """The formulas of a graph.

    Arguments:
        order: its nodes in topological order.
        names: what they are called.
        inlined: nodes that stand as their formula, not as their name, in other formulas.
        derivations: what has been derived of the graph already.
    """

    def __init__(
        self,
        order: Sequence[Node],
        names: GraphNames,
        inlined: Iterable[Node] = (),
        derivations: Derivations | None = None,
    ) -> None:
        self._derivations = derivations or Derivations()
        self.names = names
        self.inlined = frozenset(inlined)
        self.most: int | None = MOST_TERMS
        self.all_branches = False
        self.arrays = any(isinstance(node, Tensor) and node.size > 1 for node in order)
        self._index = {node: i for i, node in enumerate(order)}
        self._nodes = {f"_n{i}": node for i, node in enumerate(order)}
        self._called: dict[str, str | float] = {
            key: names.nodes[node] for key, node in self._nodes.items()
        }
        self._constants: dict[int, str] = {}
        self.unnamed: dict[str, Any] = {}  # constant arrays that no variable holds: c1, c2, ...
        self._others: dict[str, str] = {}
        self._dense: dict[int, Array] = {}  # of sparse matrices

    def in_full(self, all_branches: bool = False) -> Terms:
        """The same formulas, with no term of a sum left out.

        Arguments:
            all_branches: whether a derivative in branches keeps those that no element is on.
        """
        whole = copy.copy(self)
        whole.most = None
        whole.all_branches = all_branches
        return whole

    def text(self, formula: ast.expr) -> str:
        """The formula as plain text."""
        return Notation(self._called, self.arrays).write(formula)

    def factor(self, formula: ast.expr) -> str:
        """The formula as plain text, in brackets where a factor of a product needs them."""
        return Notation(self._called, self.arrays).factor(formula)

    def latex(self, formula: ast.expr) -> str:
        """The formula as LaTeX."""
        return Latex(self._called, self.arrays).write(formula)

    def symbol(self, node: Node) -> ast.Name:
        """The name of a node."""
        return ast.Name(f"_n{self._index[node]}")

    def delta(self, node: Node) -> ast.Name:
        """The name of the gradient of the root with respect to a node: δ with its name."""
        name = f"_d{self._index[node]}"
        self._called[name] = f"δ_{self.names.nodes[node]}"
        return ast.Name(name)

    def named(self, name: str) -> ast.Name:
        """Any other name."""
        key = self._others.setdefault(name, f"_o{len(self._others)}")
        self._called[key] = name
        return ast.Name(key)

    def written(self, node: Node) -> ast.expr:
        """A node as it stands in other formulas."""
        return self.formula(node) if node in self.inlined else self.symbol(node)

    def operands(self, node: Node) -> list[ast.expr]:
        """The operands of a node as they stand in its formula."""
        return [self._operand(parent) for parent in node.parents]

    def _operand(self, parent: Operand) -> ast.expr:
        is_node = isinstance(parent, Value | Tensor)
        return self.written(parent) if is_node else self._constant(parent)

    def formula(self, node: Node) -> ast.expr:
        """What a node is computed by; for a leaf, its name."""
        rule = rule_of(node)
        if rule is None:
            return self.symbol(node)
        if isinstance(rule, WeightedSum):
            return self._weighted_sum(node)
        operands = self.operands(node)
        if isinstance(rule, Rule):
            return elementwise_tree(rule, operands)
        assert isinstance(node, Tensor)
        return self._filled(forward_formula(node), node, {})

    def _filled(self, formula: Formula, node: Tensor, names: dict[str, ast.expr]) -> ast.expr:
        """A formula of ``derivations`` with the graph's names in it."""
        names |= {f"x{i}": operand for i, operand in enumerate(self.operands(node))}
        names |= {name: self._object(value) for name, value in formula.objects.items()}
        return simplified(formula.tree, names)

    def _literal(self, value: object) -> ast.expr:
        """An option or an index, as Python writes it."""
        return literal(value, self._object)

    def _object(self, value: Operand) -> ast.expr:
        if hasattr(value, "toarray") and math.prod(np.shape(value)) <= _LARGEST:
            value = self._dense.setdefault(id(value), value.toarray())
        is_array = isinstance(value, np.ndarray)
        return self.named(self.constant_name(value) if is_array else shown(value, LONGEST_NAME))

    def share(self, node: Node, slot: int, upstream: ast.expr) -> ast.expr:
        """What an operand receives: the upstream gradient taken through the operation."""
        rule = rule_of(node)
        assert rule is not None
        if isinstance(rule, WeightedSum):  # each weight's derivative is its input, and back
            if not slot:
                return upstream
            return product([upstream, self._operand(node.parents[slot + (1 if slot % 2 else -1)])])
        if isinstance(rule, Rule):
            derivative = self._derivative(node, rule, slot, self.operands(node))
            match upstream:
                case ast.Call(ast.Name("broadcast_to"), [inner, _]):
                    if self._reads_whole(node, derivative):  # the product repeats it itself
                        upstream = inner
            share = product([upstream, derivative])
            shape = np.shape(node.data)
        else:
            assert isinstance(node, Tensor)
            number = repeated_number(upstream)
            formula = self._derivations.backward(node, slot, number is not None)
            names = {"g": number or upstream, "out": self.written(node)}
            share = product([self._filled(formula, node, names)])
            shape = formula.shape
        return self._summed(share, shape, node.parents[slot])

    def meaning(self, name: str) -> tuple[str, Any]:
        """What a name of these formulas is: "node" or "delta" and the node, "other" and a text."""
        if name in self._nodes:
            return "node", self._nodes[name]
        if name.startswith("_d") and f"_n{name[2:]}" in self._nodes:
            return "delta", self._nodes[f"_n{name[2:]}"]
        return "other", self._called.get(name, name)

    def nodes_in(self, formula: ast.expr) -> list[Node]:
        """The nodes that a formula names."""
        names = {part.id for part in ast.walk(formula) if isinstance(part, ast.Name)}
        return [self._nodes[name] for name in sorted(names & self._nodes.keys())]

    def _weighted_sum(self, node: Node) -> ast.expr:
        bias, *others = node.parents
        pairs = list(zip(others[::2], others[1::2], strict=True))
        parts = [] if bias == 0.0 and not isinstance(bias, Value) else [self._operand(bias)]
        for pair in ends(pairs, self.most):
            if pair is None:
                parts.append(self.named("…"))
            else:
                parts.append(product(map(self._operand, pair)))
        return total(parts)

    def _derivative(
        self, node: Node, rule: Rule, slot: int, operands: Sequence[ast.expr]
    ) -> ast.expr:
        text = rule.derivatives[slot]
        assert text is not None
        decided = isinstance(node, Value) and rule is RULES["where"]
        if "where" in text and (decided or self.all_branches or len(text) > LONGEST_BRANCHES):
            data = list(map(data_of, node.parents))
            numbers = dict(zip(rule.operands, data, strict=True)) | {"out": node.data}
            text = (off_kinks if self.all_branches else in_force)(text, numbers)
        names = dict(zip(rule.operands, operands, strict=True)) | {"out": self.written(node)}
        return substitute(text, names)

    def _reads_whole(self, node: Node, derivative: ast.expr) -> bool:
        """Whether a derivative names something of the node's own shape."""
        if isinstance(node, Value):
            return False
        parents = [p for p in node.parents if np.shape(getattr(p, "data", p)) == node.shape]
        whole = {ast.unparse(self.written(node)), *map(ast.unparse, map(self._operand, parents))}
        parts = (part for part in ast.walk(derivative) if isinstance(part, ast.expr))
        return any(ast.unparse(part) in whole for part in parts)

    def _summed(self, share: ast.expr, shape: tuple[int, ...], operand: Operand) -> ast.expr:
        """The share of an operand that was repeated to fit: summed over what was repeated."""
        own = np.shape(operand.data)
        if shape == own:
            return share
        extra = len(shape) - len(own)
        repeated = repeated_axes(own, shape)
        if not own:
            return ast.Call(ast.Name("sum"), [share], [])
        for stretched in (False, True):  # axes that were added go, axes of size 1 stay
            axes = [a for a in repeated if (a >= extra) == stretched]
            if axes:
                over = tuple(a - extra * stretched for a in axes)
                axis = self._literal(over if len(over) > 1 else over[0])
                keywords = [ast.keyword("axis", axis)]
                if stretched:
                    keywords.append(ast.keyword("keepdims", ast.Constant(True)))
                share = ast.Call(ast.Name("sum"), [share], keywords)
        return share

    def _constant(self, operand: Operand) -> ast.expr:
        number = constant(operand)
        if number is not None:
            return ast.Constant(number)
        return self.named(self.constant_name(operand))

    def constant_name(self, operand: Operand) -> str:
        """What a constant array is called: as the variable that holds it, or c1, c2, ..."""
        name = self.names.arrays.get(id(operand)) or self._constants.get(id(operand))
        if name is None:
            name = self._constants[id(operand)] = next(self.names.free)
            self.unnamed[name] = operand
        return name


def repeated_axes(own: tuple[int, ...], shape: tuple[int, ...]) -> list[int]:
    """The axes over which broadcasting repeats an array.

    Arguments:
        own: its shape.
        shape: what it is broadcast to.

    >>> repeated_axes((6, 1), (4, 6, 3))
    [0, 2]
    """
    extra = len(shape) - len(own)
    return [a for a in range(len(shape)) if a < extra or own[a - extra] != shape[a]]


def ends(items: Sequence[Any], most: int | None) -> Iterator[Any]:
    """All items; or, of too many, the first two thirds and the last third, ``None`` between."""
    if most is None or len(items) <= most:
        yield from items
        return
    yield from items[: most - most // 3]
    yield None
    yield from items[-(most // 3) :]


def flows(node: Node, slot: int) -> bool:
    """Whether an operand that is a node receives a share of the gradient."""
    if isinstance(node, Value):
        return node.local_derivatives[slot] is not None
    rule = rule_of(node)
    return rule is not None and rule.pullback(slot) is not None
