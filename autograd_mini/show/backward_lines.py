"""One step of a backward pass as a line of NumPy, in names that are given.

>>> from autograd_mini import Tensor
>>> X, W = np.ones((4, 2)), Tensor([[1.0, 2.0], [3.0, 4.0]])
>>> Z = X @ W
>>> A = np.tanh(Z)
>>> loss = np.mean(A**2)
>>> line = backward_line(loss, Z, {A: "hidden"}, {A: "d_hidden"})
>>> line.formula, line.upstream == (A,), line.values == (A,)
('d_hidden * (1 - hidden ** 2)', True, True)
>>> backward_line(loss, W, {}, {Z: "delta"}, {id(X): "self.X"}).formula
'self.X.T @ delta'
>>> print(backward_line(loss, W, {}, {Z: "delta"}))  # nobody says what X is called
None
"""

from __future__ import annotations

import ast
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from autograd_mini.core.graph import topological_order
from autograd_mini.show.arithmetic import repeated, total
from autograd_mini.show.chain_rule import dependent, uses_between
from autograd_mini.show.names import GraphNames, Variables, free_names
from autograd_mini.show.numpy_lines import NumpyWriter
from autograd_mini.show.recorded import Node
from autograd_mini.show.terms import Terms

MOST_PARTS = 120
"""A line that takes more names and signs than this is none that a person would write."""

_NO_ARRAYS: Variables = MappingProxyType({})


@dataclass(frozen=True)
class BackwardLine:
    """The gradient of a node, from gradients of nodes above it.

    Arguments:
        formula: what stands on the right of the assignment, NumPy being ``np``.
        upstream: the nodes whose gradients it names.
        values: the nodes whose values it names.
        helpers: definitions of functions that it calls and NumPy has not.
    """

    formula: str
    upstream: tuple[Node, ...]
    values: tuple[Node, ...]
    helpers: tuple[str, ...]


def backward_line(
    root: Node,
    node: Node,
    values: Mapping[Node, str],
    gradients: Mapping[Node, str],
    arrays: Variables = _NO_ARRAYS,
) -> BackwardLine | None:
    """The gradient of ``root`` with respect to a node as one line of NumPy.

    It goes up from the node to those whose gradients have names, or to the root; what has no
    name stands as its formula.

    Arguments:
        root: a Value, or a Tensor of one number.
        node: any other node of the graph.
        values: what nodes are called, each an expression of Python such as ``cache["A1"]``.
        gradients: what gradients of nodes are called.
        arrays: what constant arrays are called, by ``id``.

    Returns:
        The line; ``None`` if it would name what has no name, or be too long.

    Raises:
        ValueError: the root does not depend on the node.
    """
    order = topological_order(root)
    uses = uses_between(order, dependent(order, node))
    if node is not root and node not in uses:
        raise ValueError("the root does not depend on the node: its gradient is 0")
    terms = _terms(order, values, arrays)
    writer = _Names(terms, gradients)
    formulas: dict[Node, ast.expr] = {}
    for above in reversed(order):
        if above is root and root not in gradients:
            formulas[root] = repeated(ast.Constant(1.0), np.shape(root.data))
        elif above in gradients and above is not node:
            formulas[above] = terms.delta(above)
        elif above in uses:
            shares = [terms.share(c, slot, formulas[c]) for c, slot in uses[above] if c in formulas]
            if len(shares) == len(uses[above]) and _size(whole := total(shares)) <= MOST_PARTS:
                formulas[above] = whole
        if above is node:
            break
    if node not in formulas:
        return None
    formula = writer.written(formulas[node])
    if writer.remarks or not writer.needed <= values.keys():
        return None
    return BackwardLine(
        formula,
        tuple(n for n in order if n in writer.upstream),
        tuple(n for n in order if n in writer.needed),
        tuple(writer.helpers.values()),
    )


def _terms(order: Sequence[Node], values: Mapping[Node, str], arrays: Variables) -> Terms:
    """Formulas in which every short one that has no name is written out."""
    made_up = free_names("v", {*values.values(), *arrays.values()})
    names = {node: values.get(node) or next(made_up) for node in order}
    constants = free_names("c", {*names.values(), *arrays.values()})
    given = GraphNames(names, frozenset(values), dict(arrays), constants)
    terms = Terms(order, given).in_full()
    sizes: dict[str, int] = {}
    inlined = []
    for node in order:
        size = _size(terms.formula(node), sizes)
        if node not in values and node.parents and size <= MOST_PARTS:
            inlined.append(node)
            sizes[terms.symbol(node).id] = size
    return Terms(order, given, inlined).in_full()


def _size(formula: ast.expr, sizes: Mapping[str, int] = MappingProxyType({})) -> int:
    """How many names and signs a formula takes, where some names stand for so many themselves."""
    return sum(sizes.get(getattr(part, "id", ""), 1) for part in ast.walk(formula))


class _Names(NumpyWriter):
    """A writer for whom each name is as it is given, also ``self.W`` and ``cache["A1"]``."""

    def __init__(self, terms: Terms, gradients: Mapping[Node, str]) -> None:
        super().__init__(terms, gradients)
        self.upstream: dict[Node, None] = {}

    def gradient(self, node: Node) -> str:
        self.upstream[node] = None
        return super().gradient(node)

    def identifier(self, key: Hashable, name: str = "") -> str:
        return str(name or key)
