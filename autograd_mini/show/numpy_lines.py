"""An explanation as Python that computes the gradient with NumPy alone.

>>> from autograd_mini import Tensor, explain
>>> X, W = np.ones((1, 2)), Tensor([[1.0], [2.0]], label="W")
>>> E = np.sum(np.tanh(X @ W))
>>> E.label = "E"
>>> print(explain(E, W).numpy)
import numpy as np
<BLANKLINE>
dW = X.T @ (1 - np.tanh(X @ W) ** 2)
"""

from __future__ import annotations

import ast
import copy
import keyword
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from autograd_mini.core.elementwise import RULES
from autograd_mini.core.language import CONSTANTS, OverArrays, written
from autograd_mini.show.arithmetic import total
from autograd_mini.show.formulas import number_of, quotient_of

MOST_ELEMENTS = 100
"""A constant array that no variable holds is written out up to this size."""

_NUMPY = {"norm": "np.linalg.norm", "s_": "np.s_"}

_HELPERS = {
    "scatter": """def scatter(g, index, shape):
    total = np.zeros(shape)
    np.add.at(total, index, g)
    return total""",
    "softmax": """def softmax(x, axis=None):
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)""",
    "log_softmax": """def log_softmax(x, axis=None):
    x = x - np.max(x, axis=axis, keepdims=True)
    return x - np.log(np.sum(np.exp(x), axis=axis, keepdims=True))""",
    "logsumexp": """def logsumexp(x, axis=None, keepdims=False):
    top = np.max(x, axis=axis, keepdims=True)
    found = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return found if keepdims else np.squeeze(found, axis)""",
    "erf": "erf = np.vectorize(math.erf)",
    "erfc": "erfc = np.vectorize(math.erfc)",
}
"""Functions that NumPy has not, and no row of the table says in NumPy's."""


def numpy_lines(chain: Any) -> str:
    """The formulas of an explanation as Python, one gradient a line, from the root to wrt.

    ``d`` with a node's name is its gradient.  Leaves, and results that have a name, count as
    known: numbers and plain arrays of these names; other results, and functions that NumPy has
    not, are computed first.

    Arguments:
        chain: the chain of ``explain``.
    """
    return _Writer(chain).whole()


def _literal(value: Any) -> str:
    """An array or a number as Python."""
    if isinstance(value, float):
        return _number(value)
    array = np.asarray(value)
    if array.size and np.all(array == array.flat[0]):
        filled = _number(array.flat[0].item())
        return f"np.full({array.shape}, {filled})" if array.shape else filled
    with np.printoptions(floatmode="unique", threshold=array.size + 1):
        text = np.array2string(array, separator=", ")
    return f"np.array({text})".replace("nan", "np.nan").replace("inf", "np.inf")


def _number(value: Any) -> str:
    return f"np.{value}".replace("np.-", "-np.") if value != value or value in (
        np.inf, -np.inf
    ) else repr(value)  # fmt: skip


class _Writer(ast.NodeTransformer):
    """Formulas with the graph's names as identifiers, and NumPy's functions."""

    def __init__(self, chain: Any) -> None:
        self.chain = chain
        self.terms = chain.terms.in_full()
        self.identifiers: dict[Any, str] = {}
        self.taken = {"np", "math", *_HELPERS, *RULES}
        self.needed: set[Any] = set()  # the nodes that the lines name
        self.helpers: dict[str, str] = {}
        self.remarks: dict[str, None] = {}

    def whole(self) -> str:
        gradients = list(self.gradients())
        results = list(self.results())
        remarks = "\n".join(self.remarks)
        blocks = [*self.helpers.values(), remarks, "\n".join([*results, *gradients])]
        text = "\n\n".join(filter(None, blocks))
        imports = [
            line
            for used, line in (("math.", "import math"), ("np.", "import numpy as np"))
            if used in text
        ]
        return "\n\n".join(["\n".join(imports), text] if imports else [text])

    def gradients(self) -> Iterator[str]:
        chain, root, wrt = self.chain, self.chain.root, self.chain.wrt
        if not chain.depends or root is wrt or np.size(chain.totals[root]) > 1:
            known = wrt if not chain.depends else root
            yield f"{self.gradient(known)} = {_literal(chain.totals[known])}"
        for node in reversed(chain.stations[:-1] if chain.depends else ()):
            shares = [
                chain.formula(factor, chain.upstream(factor.above), self.terms)
                for factor in chain.factors(node)
            ]
            yield f"{self.gradient(node)} = {self.written(total(shares))}"

    def results(self) -> list[str]:
        """The lines that compute what has no name of the user's."""
        lines: list[str] = []
        for node in reversed(self.chain.order):
            if node in self.needed and node not in self.chain.names.given:
                if node.parents:
                    formula = self.written(self.terms.formula(node))
                    lines.append(f"{self.own(node)} = {formula}")
                else:
                    self.known(self.own(node), node.data)
        return lines[::-1]

    def known(self, name: str, value: Any) -> None:
        """Say what a name is that has no formula."""
        array = np.asarray(value)
        if array.size <= MOST_ELEMENTS:
            self.remarks[f"{name} = {_literal(value)}"] = None
        else:
            self.remarks[f"# {name}: an array of shape {array.shape} that has no name"] = None

    def own(self, node: Any) -> str:
        name = self.chain.names.nodes[node]
        identifier = self.identifier(name)
        if identifier != name:
            self.remarks[f"# {identifier} is {name}"] = None
        return identifier

    def gradient(self, node: Any) -> str:
        return self.identifier((node, "gradient"), f"d{self.chain.names.nodes[node]}")

    def identifier(self, key: Any, name: str = "") -> str:
        """A name that Python takes, and nothing else has."""
        if key not in self.identifiers:
            plain = re.sub(r"\W+", "_", name or key).strip("_") or "v"
            plain = f"_{plain}" if plain[0].isdigit() or keyword.iskeyword(plain) else plain
            unique, count = plain, 1
            while unique in self.taken:
                count += 1
                unique = f"{plain}_{count}"
            self.taken.add(unique)
            self.identifiers[key] = unique
        return self.identifiers[key]

    # Formulas

    def written(self, formula: ast.expr) -> str:
        return ast.unparse(ast.fix_missing_locations(self.visit(copy.deepcopy(formula))))

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        value = number_of(node, {})
        if value is not None:
            return self.visit_Constant(ast.Constant(value))
        if isinstance(node.op, ast.Pow) and number_of(node.right, {}) == 1:
            return self.visit(node.left)  # type: ignore[no-any-return]
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        kind, meant = self.terms.meaning(node.id)
        if kind == "node":
            self.needed.add(meant)
            return ast.Name(self.own(meant))
        if kind == "delta":
            return ast.Name(self.gradient(meant))
        if meant != node.id:  # a constant array
            name = self.identifier(meant)
            if meant in self.terms.unnamed:
                self.known(name, self.terms.unnamed[meant])
            return ast.Name(name)
        return ast.Name(self.function(node.id))

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, float):
            quotient = quotient_of(node.value)
            if quotient is not None:
                return ast.BinOp(self.visit(quotient[0]), ast.Div(), self.visit(quotient[1]))
            whole = node.value.is_integer() and 0 <= node.value < 1e6
            return ast.Name(str(int(node.value)) if whole else _number(node.value))
        return node

    def function(self, name: str) -> str:
        """A name of NumPy's as it is written; another function is defined first."""
        if name in _NUMPY:
            return _NUMPY[name]
        if name in _HELPERS:
            self.helpers[name] = _HELPERS[name]
        elif name in CONSTANTS or hasattr(np, name):
            return f"np.{name}"
        elif name in RULES:
            self.define(name)
        else:
            self.remarks[f"# {name} is a function that primitive() took"] = None
        return name

    def define(self, name: str) -> None:
        """A row of the table as a function."""
        rule = RULES[name]
        if name in self.helpers:
            return
        lines = []
        for line in written(rule.evaluate or rule.formula, OverArrays()):
            tree = ast.parse(line)
            for part in ast.walk(tree):
                if isinstance(part, ast.Name) and (part.id in RULES or part.id in CONSTANTS):
                    part.id = self.function(part.id)
            lines.append(ast.unparse(tree))
        lines[-1] = f"return {lines[-1]}"
        body = "\n".join(f"    {line}" for line in lines)
        self.helpers[name] = f"def {name}({', '.join(rule.operands)}):\n{body}"
