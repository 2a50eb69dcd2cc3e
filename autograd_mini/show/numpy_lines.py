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
import keyword
import re
from collections.abc import Callable, Hashable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from autograd_mini.core.operation import OPERATIONS
from autograd_mini.core.rule import Rule
from autograd_mini.language.python_lines import Lines, written
from autograd_mini.language.texts import CONSTANTS, evaluate
from autograd_mini.show.arithmetic import total
from autograd_mini.show.chain_rule import ChainRule
from autograd_mini.show.notation import folded, quotient_of
from autograd_mini.show.pullback_source import pullback_source
from autograd_mini.show.recorded import Node
from autograd_mini.show.terms import Terms
from autograd_mini.typing import Operand

_NO_NAMES: Mapping[Node, str] = MappingProxyType({})

MOST_ELEMENTS = 100
"""A constant array that no variable holds is written out up to this size."""


def numpy_lines(chain: ChainRule) -> str:
    """The formulas of an explanation as Python, one gradient a line, from the root to wrt.

    ``d`` with a node's name is its gradient.  Leaves, and results that have a name, count as
    known: numbers and plain arrays of these names; other results, and functions that NumPy has
    not, are computed first.

    Arguments:
        chain: the chain of ``explain``.
    """
    return _ChainWriter(chain).whole()


def _literal(value: object) -> str:
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


def _number(value: object) -> str:
    return f"np.{value}".replace("np.-", "-np.") if value != value or value in (
        np.inf, -np.inf
    ) else repr(value)  # fmt: skip


class NumpyWriter:
    """Formulas of a graph as Python, with the graph's names as identifiers.

    What the lines need besides is collected while they are written: ``needed`` are the nodes that
    they name, ``helpers`` the definitions of functions that NumPy has not, by name, ``strangers``
    the functions that have no definition in NumPy, ``remarks`` what else is to be said of names.

    Arguments:
        terms: the formulas, and what the nodes are called.
        gradients: what gradients of nodes are called; else ``d`` with the node's name.
    """

    def __init__(self, terms: Terms, gradients: Mapping[Node, str] = _NO_NAMES) -> None:
        self.terms = terms
        self.names = terms.names
        self.gradients = gradients
        self.identifiers: dict[Any, str] = {}
        self.taken = {"np", "math", *OPERATIONS}
        self.needed: set[Node] = set()
        self.helpers: dict[str, str] = {}
        self.remarks: dict[str, None] = {}
        self.strangers: set[str] = set()

    def known(self, name: str, value: Operand) -> None:
        """Say what a name is that has no formula."""
        array = np.asarray(value)
        if array.size <= MOST_ELEMENTS:
            self.remarks[f"{name} = {_literal(value)}"] = None
        else:
            self.remarks[f"# {name}: an array of shape {array.shape} that has no name"] = None

    def own(self, node: Node) -> str:
        """A node's name as an identifier."""
        name = self.names.nodes[node]
        identifier = self.identifier(name)
        if identifier != name:
            self.remarks[f"# {identifier} is {name}"] = None
        return identifier

    def gradient(self, node: Node) -> str:
        """The name of a node's gradient."""
        if node in self.gradients:
            return self.gradients[node]
        return self.identifier((node, "gradient"), f"d{self.names.nodes[node]}")

    def identifier(self, key: Hashable, name: str = "") -> str:
        """A name that Python takes, and nothing else has."""
        if key not in self.identifiers:
            plain = re.sub(r"\W+", "_", name or str(key)).strip("_") or "v"
            plain = f"_{plain}" if plain[0].isdigit() or keyword.iskeyword(plain) else plain
            unique, count = plain, 1
            while unique in self.taken:
                count += 1
                unique = f"{plain}_{count}"
            self.taken.add(unique)
            self.identifiers[key] = unique
        return self.identifiers[key]

    @property
    def domain(self) -> Formula:
        """What the formulas are evaluated over."""
        return Formula(self)

    def written(self, formula: ast.expr) -> str:
        """A formula as Python."""
        whole = _shown_number(evaluate(formula, self.domain))
        return ast.unparse(ast.fix_missing_locations(whole))

    def named(self, name: str) -> str:
        """A name of a formula as an identifier."""
        kind, meant = self.terms.meaning(name)
        if kind == "node":
            self.needed.add(meant)
            return self.own(meant)
        if kind == "delta":
            return self.gradient(meant)
        if meant == name:
            return self.function(name)
        identifier = self.identifier(meant)
        if meant in self.terms.unnamed:
            self.known(identifier, self.terms.unnamed[meant])
        return identifier

    def function(self, name: str) -> str:
        """A function as it is called; one that NumPy has not got is defined first."""
        operation = OPERATIONS.get(name)
        if name in self.helpers:
            return name
        pulled_back = OPERATIONS.get(name.removesuffix("_pullback")) if operation is None else None
        if operation is not None and operation.source:
            self.helpers[name] = operation.source
        elif pulled_back is not None and (text := pullback_source(pulled_back)):
            self.helpers[name] = text
        elif name in CONSTANTS or hasattr(np, name):
            return f"np.{name}"
        elif hasattr(np.linalg, name):
            return f"np.linalg.{name}"
        elif isinstance(operation, Rule) and operation.native:
            self.helpers[name] = f"{name} = np.vectorize(math.{name})"
        elif isinstance(operation, Rule):
            *lines, result = written(operation.evaluate or operation.formula, _Calls(self))
            body = "".join(f"    {line}\n" for line in [*lines, f"return {result}"])
            self.helpers[name] = f"def {name}({', '.join(operation.operands)}):\n{body.rstrip()}"
        else:
            self.strangers.add(name)
            self.remarks[f"# {name} is a function that primitive() took"] = None
        return name


class _ChainWriter(NumpyWriter):
    """The lines of an explanation."""

    def __init__(self, chain: ChainRule) -> None:
        super().__init__(chain.terms.in_full())
        self.chain = chain

    def whole(self) -> str:
        gradients = list(self.steps())
        results = list(self.results())
        remarks = "\n".join(self.remarks)
        blocks = [*self.helpers.values(), remarks, "\n".join([*results, *gradients])]
        text = "\n\n".join(filter(None, blocks))
        imports = imports_of(text)
        return "\n\n".join(["\n".join(imports), text] if imports else [text])

    def steps(self) -> Iterator[str]:
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
            if node in self.needed and node not in self.names.given:
                if node.parents:
                    formula = self.written(self.terms.formula(node))
                    lines.append(f"{self.own(node)} = {formula}")
                else:
                    self.known(self.own(node), node.data)
        return lines[::-1]


def imports_of(text: str) -> list[str]:
    """The imports that lines of Python need."""
    return [
        line
        for used, line in (("math.", "import math"), ("np.", "import numpy as np"))
        if used in text
    ]


class _Calls(Lines):
    """Python in which functions are called by the names that they have there."""

    def __init__(self, writer: NumpyWriter) -> None:
        super().__init__()
        self.writer = writer

    def name(self, name: str) -> ast.expr:
        return ast.Name(self.writer.function(name) if name in CONSTANTS else name)

    def where(
        self, condition: ast.expr, yes: Callable[[], ast.expr], no: Callable[[], ast.expr]
    ) -> ast.expr:
        return self.call("where", condition, yes(), no())

    def call(self, name: str, *operands: ast.expr, **options: ast.expr) -> ast.expr:
        return super().call(self.writer.function(name), *operands, **options)


class Formula(_Calls):
    """Formulas of a graph, with what is made of numbers only as one number."""

    def number(self, number: float) -> ast.expr:
        return ast.Constant(number)  # written out when what it stands in is

    def name(self, name: str) -> ast.expr:
        return ast.Name(self.writer.named(name))

    def operator(self, symbol: str, *operands: ast.expr) -> ast.expr:
        if len(operands) == 1 and number_in(operands[0]) is not None:
            return super().operator(symbol, *operands)
        value = folded(symbol, *map(number_in, operands))
        if value is not None:
            return ast.Constant(value)
        if symbol == "**" and number_in(operands[1]) == 1:
            return operands[0]
        return super().operator(symbol, *map(_shown_number, operands))

    def compare(self, symbol: str, left: ast.expr, right: ast.expr) -> ast.expr:
        return super().compare(symbol, _shown_number(left), _shown_number(right))

    def call(self, name: str, *operands: ast.expr, **options: ast.expr) -> ast.expr:
        shown = {option: _shown_number(value) for option, value in options.items()}
        return super().call(name, *map(_shown_number, operands), **shown)

    def other(self, node: ast.expr, value: Callable[[ast.expr], ast.expr]) -> ast.expr:
        return super().other(node, lambda part: _shown_number(value(part)))


def number_in(tree: ast.expr) -> float | None:
    """The number that a formula is, with its sign; ``None`` if it is none."""
    match tree:
        case ast.Constant(int() | float() as value) if not isinstance(value, bool):
            return float(value)
        case ast.UnaryOp(ast.USub(), operand):
            return folded("-", number_in(operand))
    return None


def _shown_number(tree: ast.expr) -> ast.expr:
    """A number as Python writes it, 1/3 as a quotient; any other formula as it is."""
    match tree:
        case ast.UnaryOp(sign, operand):
            return ast.UnaryOp(sign, _shown_number(operand))
        case ast.Constant(float() as value):
            quotient = quotient_of(value)
            if quotient is None:
                return _shown_float(value)
            return ast.BinOp(_shown_float(quotient[0]), ast.Div(), _shown_float(quotient[1]))
    return tree


def _shown_float(value: float) -> ast.expr:
    whole = value.is_integer() and 0 <= value < 1e6
    return ast.Name(str(int(value)) if whole else _number(value))
