"""What a node is computed by, and what its operands receive, as formulas.

The formulas are Python's syntax trees, made from the texts of ``rules`` and ``matrix_forms``
with the graph's names in the place of operands; ``formulas`` writes them.

>>> from autograd_mini import Value
>>> from autograd_mini.core.graph import topological_order
>>> w = Value(2.0, label="w")
>>> h = (3 * w).sigmoid()
>>> h.label = "h"
>>> order = topological_order(h)
>>> from autograd_mini.show.called import called
>>> terms = Terms(order, called(order, {}))
>>> terms.text(terms.formula(h)), terms.text(terms.share(h, 0, ast.Constant(1.0)))
('sigmoid(v1)', 'h·(1 − h)')
"""

from __future__ import annotations

import ast
import copy
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from autograd_mini.core.elementwise import Rule
from autograd_mini.core.language import substitute
from autograd_mini.core.tensor import Tensor
from autograd_mini.core.value import Value, constant
from autograd_mini.show.boxes import LONGEST_BRANCHES, MOST_NUMBERS, rule_of
from autograd_mini.show.called import Names
from autograd_mini.show.formulas import Latex, Notation, taken
from autograd_mini.show.matrix_forms import (
    OVER_THE_OPERAND,
    array_formula,
    einsum_sizes,
    matrix_form,
)
from autograd_mini.show.names import LONGEST_NAME, shown

MOST_TERMS = 8
"""So many terms of a sum are written; of more, the first and last."""


class Terms:
    """The formulas of a graph.

    Arguments:
        order: its nodes in topological order.
        names: what they are called.
        inlined: nodes that stand as their formula, not as their name, in other formulas.
    """

    def __init__(self, order: Sequence[Any], names: Names, inlined: Iterable[Any] = ()) -> None:
        self.names = names
        self.inlined = frozenset(inlined)
        self.most: int | None = MOST_TERMS
        self.arrays = any(isinstance(node, Tensor) and node.size > 1 for node in order)
        self._index = {node: i for i, node in enumerate(order)}
        self._nodes = {f"_n{i}": node for i, node in enumerate(order)}
        self._called: dict[str, str | float] = {
            key: names.nodes[node] for key, node in self._nodes.items()
        }
        self._constants: dict[int, str] = {}
        self.unnamed: dict[str, Any] = {}  # constant arrays that no variable holds: c1, c2, ...
        self._others: dict[str, str] = {}

    def in_full(self) -> Terms:
        """The same formulas, with no term of a sum left out."""
        whole = copy.copy(self)
        whole.most = None
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

    def symbol(self, node: Any) -> ast.expr:
        """The name of a node."""
        return ast.Name(f"_n{self._index[node]}")

    def delta(self, node: Any) -> ast.expr:
        """The name of the gradient of the root with respect to a node: δ with its name."""
        name = f"_d{self._index[node]}"
        self._called[name] = f"δ_{self.names.nodes[node]}"
        return ast.Name(name)

    def repeated(self, number: ast.expr, shape: tuple[int, ...]) -> ast.expr:
        """An array that is one number in all its elements."""
        return ast.Call(ast.Name("broadcast_to"), [number, self._literal(shape)], [])

    def named(self, name: str) -> ast.expr:
        """Any other name."""
        key = self._others.setdefault(name, f"_o{len(self._others)}")
        self._called[key] = name
        return ast.Name(key)

    def written(self, node: Any) -> ast.expr:
        """A node as it stands in other formulas."""
        return self.formula(node) if node in self.inlined else self.symbol(node)

    def operands(self, node: Any) -> list[ast.expr]:
        """The operands of a node as they stand in its formula."""
        return [self._operand(parent) for parent in node.parents]

    def _operand(self, parent: Any) -> ast.expr:
        is_node = isinstance(parent, Value | Tensor)
        return self.written(parent) if is_node else self._constant(parent)

    def formula(self, node: Any) -> ast.expr:
        """What a node is computed by; for a leaf, its name."""
        rule = rule_of(node)
        if rule is None:
            return self.symbol(node)
        if rule.name == "weighted_sum":
            return self._weighted_sum(node)
        operands = self.operands(node)
        if isinstance(rule, Rule):
            if rule.symbol:
                return substitute(rule.formula, dict(zip(rule.operands, operands, strict=True)))
            return ast.Call(ast.Name(rule.name), operands, [])
        return _simplified(_filled_form(array_formula(node), self._operation(node)))

    def _operation(self, node: Tensor) -> dict[str, ast.expr]:
        """What stands for the names in the texts of an array operation."""
        operands = self.operands(node)
        numbered = {f"x{i}": operand for i, operand in enumerate(operands)}
        options = {name: self._literal(value) for name, value in node.options.items()}
        return options | numbered | dict(zip("xy", operands, strict=False))

    def _literal(self, value: Any) -> ast.expr:
        """An option or an index, as Python writes it."""
        match value:
            case None | bool() | np.bool_():
                return ast.Name(str(value))
            case int() | float() | str():
                return ast.Constant(value)
            case np.integer() | np.floating():
                return ast.Constant(value.item())
            case np.dtype():
                return ast.Constant(str(value))
            case tuple():
                return ast.Tuple(list(map(self._literal, value)))
            case list():
                return ast.List(list(map(self._literal, value)))
            case slice():
                ends = (value.start, value.stop, value.step)
                return ast.Slice(*(None if end is None else self._literal(end) for end in ends))
            case np.ndarray():
                if value.ndim == 1 and value.size <= MOST_NUMBERS and value.dtype.kind in "iub":
                    return self._literal(value.tolist())
                return self.named(self.constant_name(value))
        return ast.Constant(...) if value is ... else self.named(shown(value, LONGEST_NAME))

    def share(self, node: Any, slot: int, upstream: ast.expr) -> ast.expr:
        """What an operand receives: the upstream gradient taken through the operation."""
        rule = rule_of(node)
        assert rule is not None
        if rule.name == "weighted_sum":  # each weight's derivative is its input, and back
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
            spread = _spread(upstream)
            if spread is not None and node.op in OVER_THE_OPERAND:
                upstream = spread
            names = self._operation(node) | {"g": upstream, "out": self.written(node)}
            share = _simplified(product([_filled_form(matrix_form(node, slot), names)]))
            shape = _share_shape(node, slot)
        return self._summed(share, shape, node.parents[slot])

    def meaning(self, name: str) -> tuple[str, Any]:
        """What a name of these formulas is: "node" or "delta" and the node, "other" and a text."""
        if name in self._nodes:
            return "node", self._nodes[name]
        if name.startswith("_d") and f"_n{name[2:]}" in self._nodes:
            return "delta", self._nodes[f"_n{name[2:]}"]
        return "other", self._called.get(name, name)

    def nodes_in(self, formula: ast.expr) -> list[Any]:
        """The nodes that a formula names."""
        names = {part.id for part in ast.walk(formula) if isinstance(part, ast.Name)}
        return [self._nodes[name] for name in sorted(names & self._nodes.keys())]

    def _weighted_sum(self, node: Value) -> ast.expr:
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
        self, node: Any, rule: Rule, slot: int, operands: Sequence[ast.expr]
    ) -> ast.expr:
        text = rule.derivatives[slot]
        assert text is not None
        decided = isinstance(node, Value) and rule.name == "where"
        if decided or ("where" in text and len(text) > LONGEST_BRANCHES):
            data = [getattr(parent, "data", parent) for parent in node.parents]
            text = taken(text, dict(zip(rule.operands, data, strict=True)) | {"out": node.data})
        names = dict(zip(rule.operands, operands, strict=True)) | {"out": self.written(node)}
        return substitute(text, names)

    def _reads_whole(self, node: Any, derivative: ast.expr) -> bool:
        """Whether a derivative names something of the node's own shape."""
        if isinstance(node, Value):
            return False
        nodes = [node, *(p for p in node.parents if isinstance(p, Tensor))]
        whole = {ast.unparse(self.written(n)) for n in nodes if n.shape == node.shape}
        parts = (part for part in ast.walk(derivative) if isinstance(part, ast.expr))
        return any(ast.unparse(part) in whole for part in parts)

    def _summed(self, share: ast.expr, shape: tuple[int, ...], operand: Any) -> ast.expr:
        """The share of an operand that was repeated to fit: summed over what was repeated."""
        own = np.shape(operand.data)
        if shape == own:
            return share
        extra = len(shape) - len(own)
        repeated = [a for a in range(len(shape)) if a < extra or own[a - extra] != shape[a]]
        if not own:
            return ast.Call(ast.Name("sum"), [share], [])
        for stretched in (False, True):  # axes that were added go, axes of size 1 stay
            axes = [a for a in repeated if (a >= extra) == stretched]
            if axes:
                over = tuple(a - extra * stretched for a in axes)
                axis = self._literal(over if len(over) > 1 else over[0])
                keywords = [ast.keyword("axis", axis)]
                if stretched:
                    keywords.append(ast.keyword("keepdims", ast.Name("True")))
                share = ast.Call(ast.Name("sum"), [share], keywords)
        return share

    def _constant(self, operand: Any) -> ast.expr:
        number = constant(operand)
        if number is not None:
            return ast.Constant(number)
        return self.named(self.constant_name(operand))

    def constant_name(self, operand: Any) -> str:
        """What a constant array is called: as the variable that holds it, or c1, c2, ..."""
        name = self.names.arrays.get(id(operand)) or self._constants.get(id(operand))
        if name is None:
            name = self._constants[id(operand)] = next(self.names.free)
            self.unnamed[name] = operand
        return name


def ends(items: Sequence[Any], most: int | None) -> Iterator[Any]:
    """All items; or, of too many, the first two thirds and the last third, ``None`` between."""
    if most is None or len(items) <= most:
        yield from items
        return
    yield from items[: most - most // 3]
    yield None
    yield from items[-(most // 3) :]


def flows(node: Any, slot: int) -> bool:
    """Whether an operand that is a node receives a share of the gradient."""
    if isinstance(node, Value):
        return node.local_derivatives[slot] is not None
    rule = rule_of(node)
    return rule is not None and rule.pullback(slot) is not None


def names_upstream_twice(node: Any, slot: int) -> bool:
    """Whether the share of an operand names the upstream gradient more than once."""
    if isinstance(rule_of(node), Rule):
        return False
    form = ast.parse(matrix_form(node, slot), mode="eval")
    return sum(isinstance(part, ast.Name) and part.id == "g" for part in ast.walk(form)) > 1


def _filled_form(text: str, names: Mapping[str, ast.expr]) -> ast.expr:
    return substitute(ast.parse(text, mode="eval").body, names)


def _simplified(tree: ast.expr) -> ast.expr:
    return _Simplify().visit(tree)  # type: ignore[no-any-return]


class _Simplify(ast.NodeTransformer):
    """What two operations together need not say."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        match node:
            case ast.Attribute(ast.Attribute(inner, ("T" | "mT") as first), second):
                if first == second:
                    return inner
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        match node.slice:
            case ast.Subscript(ast.Name("s_"), index):  # x[s_[1:3]] is x[1:3]
                node.slice = index
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        match node:
            case ast.Call(ast.Name("expand_dims"), [ast.Constant() as number, _]):
                return number
            case ast.Call(ast.Name("broadcast_to"), [operand, shape]):
                operand = product([operand])  # what is repeated twice is repeated once
                node.args = [_spread(operand) or operand, shape]
            case ast.Call(ast.Name("reshape"), [operand, shape]):
                repeated = _spread(operand)
                if repeated is not None:
                    return ast.Call(ast.Name("broadcast_to"), [repeated, shape], [])
        return node


def _spread(expression: ast.expr) -> ast.expr | None:
    """The number that an array repeats in all its elements, if it is written so."""
    match expression:
        case ast.Call(ast.Name("broadcast_to"), [ast.Constant() as number, _]):
            return number
        case ast.Constant():
            return expression
    return None


def _share_shape(node: Tensor, slot: int) -> tuple[int, ...]:
    """The shape of what a form gives, before it is summed over what was repeated."""
    own: tuple[int, ...] = np.shape(node.parents[slot].data)
    if node.op == "broadcast_to" or (node.op == "affine" and slot == 2):
        return node.shape
    if node.operation and node.operation.foreign:
        return own
    if node.op == "einsum":
        sizes = einsum_sizes(node)
        return tuple(sizes[c] for c in node.options["subscripts"].split("->")[0].split(",")[slot])
    if node.op in ("matmul", "affine"):
        x, y = (tuple(np.shape(getattr(p, "data", p))) for p in node.parents[:2])
        if slot == 1 and len(y) == 1 and len(x) > 2:
            return x
        if max(len(x), len(y)) > 1 and not (slot == 1 and len(y) == 1):
            return (*np.broadcast_shapes(x[:-2], y[:-2]), *own[-2:])
    return own


# Arithmetic of formulas, as far as a textbook does it silently


def product(factors: Iterable[ast.expr]) -> ast.expr:
    """The product of formulas, with all numbers in it multiplied and in front.

    >>> parts = [ast.parse(text, mode="eval").body for text in ("0.5", "2 * (t - o)", "-1")]
    >>> ast.unparse(product(parts))
    '-(t - o)'
    """
    number = 1.0
    above: list[ast.expr] = []
    below: list[ast.expr] = []

    def take(part: ast.expr, inverse: bool) -> None:
        nonlocal number
        match part:
            case ast.Constant(int() | float() as value) if not inverse or value:
                number = number / value if inverse else number * value
            case ast.UnaryOp(ast.USub(), inner):
                number = -number
                take(inner, inverse)
            case ast.BinOp(left, ast.Mult(), right):
                take(left, inverse)
                take(right, inverse)
            case ast.BinOp(left, ast.Div(), right):
                take(left, inverse)
                take(right, not inverse)
            case _:
                (below if inverse else above).append(part)

    for factor in factors:
        take(factor, False)
    if not math.isfinite(number) or not (above or below):
        return _joined([ast.Constant(number), *above], below)
    for i, part in enumerate(above):  # a number times an array of one number
        match part:
            case ast.Call(
                ast.Name("broadcast_to") as name, [ast.Constant(int() | float() as value), shape]
            ):
                above[i] = ast.Call(name, [ast.Constant(number * value), shape], [])
                number = 1.0
                break
    if abs(number) != 1 or not above:
        above = [ast.Constant(number), *above]
    elif number < 0:
        above[0] = ast.UnaryOp(ast.USub(), above[0])
    return _joined(above, below)


def _joined(above: list[ast.expr], below: list[ast.expr]) -> ast.expr:
    found = above[0]
    for part in above[1:]:
        found = ast.BinOp(found, ast.Mult(), part)
    if not below:
        return found
    under = below[0]
    for part in below[1:]:
        under = ast.BinOp(under, ast.Mult(), part)
    return ast.BinOp(found, ast.Div(), under)


def total(parts: Sequence[ast.expr]) -> ast.expr:
    """The sum of formulas.

    >>> parts = [ast.parse(text, mode="eval").body for text in ("1", "1", "-x")]
    >>> ast.unparse(total(parts))
    '2.0 - x'
    """
    numbers = [part.value for part in parts if isinstance(part, ast.Constant)]
    rest = [part for part in parts if not isinstance(part, ast.Constant)]
    if len(numbers) > 1:
        rest = [ast.Constant(math.fsum(numbers)), *rest]  # type: ignore[arg-type]
    else:
        rest = list(parts)
    found = rest[0]
    for part in rest[1:]:
        opposite = _opposite(part)
        if opposite is not None:
            found = ast.BinOp(found, ast.Sub(), opposite)
        else:
            found = ast.BinOp(found, ast.Add(), part)
    return found


def _opposite(part: ast.expr) -> ast.expr | None:
    """A formula that begins with a minus, without it; ``None`` for others."""
    match part:
        case ast.UnaryOp(ast.USub(), operand):
            return operand
        case ast.Constant(int() | float() as value) if value < 0:
            return ast.Constant(-value)
        case ast.BinOp(left, (ast.Mult() | ast.Div()) as op, right):
            inner = _opposite(left)
            return None if inner is None else ast.BinOp(inner, op, right)
    return None
