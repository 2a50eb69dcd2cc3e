"""How the nodes, arrays and numbers of a computation are called in evidence.

>>> from autograd_mini import Value
>>> a = Value(0.25)
>>> Wording({a: "a1"}, {})(a * (1 - a))
'a1·(1 − a1)'
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

import numpy as np

from autograd_mini.check.structure import GETITEM
from autograd_mini.core.graph import Node, is_node, options_of
from autograd_mini.show.derivations import literal
from autograd_mini.show.notation import number
from autograd_mini.typing import Array, Operand

Product = tuple[int, str, str]
"""A size or a product of sizes: as a number, as a text, and what the sizes are."""

_INFIX = {"+": (" + ", 1), "-": (" − ", 1), "*": ("·", 2), "/": ("/", 2), "@": (" @ ", 2)}
"""For each of Python's operators how it is written, and how tightly it binds."""

_DEEPEST = 3


class Wording:
    """Names for nodes and arrays; what has none is written as a formula of those that have.

    Arguments:
        nodes: names of nodes.
        arrays: arrays that the user has, by name.
    """

    def __init__(self, nodes: Mapping[Node, str], arrays: Mapping[str, Array]) -> None:
        self.nodes, self.arrays = dict(nodes), dict(arrays)
        self._names = {*nodes.values(), *arrays}
        self._ranks = {node: rank for rank, node in enumerate(self.nodes)}

    def __call__(self, operand: Operand) -> str:
        """What an operand is called."""
        return self._text(operand, _DEEPEST)[0]

    def has_name(self, node: Node) -> bool:
        """Whether a node is called by a name, not by a formula."""
        return bool(self.nodes.get(node) or node.label)

    def is_name(self, text: str) -> bool:
        """Whether a text is a name that the user gave, not a formula."""
        return text in self._names

    def rank(self, node: Node) -> tuple[int, str]:
        """A key that puts nodes in an order that depends on nothing but the computation."""
        return self._ranks.get(node, len(self._ranks)), self(node)

    def _text(self, operand: Operand, depth: int) -> tuple[str, int]:
        if not is_node(operand):
            return self._constant(np.asarray(operand)), 3
        name = self.nodes.get(operand) or operand.label
        if name:
            return name, 3
        if not operand.parents:
            return self._constant(np.asarray(operand.data)), 3
        operation = operand.operation
        if operation.keeps_order:
            return self._text(operand.parents[0], depth)
        if not depth:
            return "…", 3
        parts = [self._text(parent, depth - 1) for parent in operand.parents]
        if operation.symbol in _INFIX and len(parts) == 2:
            sign, tightness = _INFIX[operation.symbol]
            left, right = parts
            return (
                _enclosed(left, tightness) + sign + _enclosed(right, tightness + 1),
                tightness,
            )
        if operation.symbol == "-":
            return "−" + _enclosed(parts[0], 2), 2
        if operation.moves_axes:
            return _enclosed(parts[0], 3) + "ᵀ", 3
        if operation is GETITEM:
            return f"{_enclosed(parts[0], 3)}[{self._index(options_of(operand)['index'])}]", 3
        return f"{operand.op}({', '.join(text for text, _ in parts)})", 3

    def _index(self, index: object) -> str:
        """An index as it is written, arrays by their names."""
        parts = index if isinstance(index, tuple) else (index,)
        return ", ".join(
            next((n for n, a in self.arrays.items() if np.array_equal(a, part)), "…")
            if isinstance(part, np.ndarray)
            else ast.unparse(literal(part, lambda _: ast.Name("…")))
            for part in parts
        )

    def _constant(self, data: Array) -> str:
        if data.size == 1:
            return number(float(data.reshape(())))
        for name, array in self.arrays.items():
            if array.shape == data.shape and np.array_equal(array, data):
                return name
            if array.ndim == 2 and array.T.shape == data.shape and np.array_equal(array.T, data):
                return f"{name}ᵀ"
        return f"a constant of shape {data.shape}"


def _enclosed(part: tuple[str, int], tightness: int) -> str:
    text, own = part
    return text if own >= tightness else f"({text})"


class FactorNames:
    """Names for constant factors: from the sizes at hand, and the numbers that the code names.

    Arguments:
        sizes: what each size is, such as ``{64: "rows of x"}``.
        named: numbers by name, such as ``{"rate": 0.1}``.

    >>> factors = FactorNames({64: "rows of x", 10: "columns of x"}, {"rate": 0.3})
    >>> factors.name(2 / 64)
    '2/64, with 64 rows of x'
    >>> factors.name(-0.3), factors.name(0.5), factors.name(1.234567) is None
    ('−rate', '1/2', True)
    """

    def __init__(self, sizes: Mapping[int, str], named: Mapping[str, float]) -> None:
        self.sizes = {size: what for size, what in sizes.items() if size > 2}
        self.named = named

    def name(self, factor: float) -> str | None:
        """A factor in words, ``None`` if it is none that these numbers make.

        Where a number of the code and one made of a size are equal, both are given.
        """
        if not np.isfinite(factor) or not factor:
            return None
        simple = [f"{x}" for x in _SIMPLE if _near(abs(factor), float(x))]
        if simple:
            return "−" * (factor < 0) + simple[0]
        products = list(self._products())
        alone = [(1, "", "")]
        counts = [(int(n), name, "") for name, n in self.named.items() if n > 2 and n == int(n)]
        code = [*self._named(factor, alone), *self._named(factor, counts)][:1]
        sizes = products[: len(self.sizes)] if code else products  # two sizes fit many numbers
        names = code + list(itertools.islice(_sized(factor, sizes), 1))
        return ", or ".join(names or itertools.islice(self._named(factor, products), 1)) or None

    def _named(self, factor: float, products: Sequence[Product]) -> Iterator[str]:
        """A number of the code, times or over one of the products."""
        for (name, value), (product, text, what) in itertools.product(self.named.items(), products):
            sign = "−" * (factor * value < 0)
            if _near(abs(factor), abs(value) * product):
                yield f"{sign}{name}" + f"·{text}" * bool(text) + what
            elif _near(abs(factor), abs(value) / product):
                yield f"{sign}{name}/{text}{what}"

    def _products(self) -> Iterator[Product]:
        """The sizes and the products of two, each with what it is."""
        for size, what in self.sizes.items():
            yield size, f"{size}", f", with {size} {what}"
        for (a, what), (b, other) in itertools.combinations(self.sizes.items(), 2):
            yield a * b, f"({a}·{b})", f", with {a} {what} and {b} {other}"


def _sized(factor: float, products: Sequence[Product]) -> Iterator[str]:
    """A product of sizes or one over it, times a simple number."""
    sign = "−" * (factor < 0)
    for simple, (product, text, what) in itertools.product(_WITH_SIZES, products):
        above, below = simple.numerator, simple.denominator
        if _near(abs(factor), float(simple * product)):
            yield sign + _written(above, text, below) + what
        elif _near(abs(factor), float(simple / product)):
            yield sign + _written(above, "", below, text) + what


def _near(size: float, other: float) -> bool:
    return abs(size - other) <= _DIGITS * size


def _written(numerator: int, times: str, denominator: int, by: str = "") -> str:
    """A product over a product; ``times`` and ``by`` are texts of one factor."""
    above = [str(numerator)] * (numerator != 1 or not times) + [times] * bool(times)
    below = [str(denominator)] * (denominator != 1) + [by] * bool(by)
    under = f"({'·'.join(below)})" if len(below) > 1 else "".join(below)
    return "·".join(above) + (f"/{under}" if under else "")


_DIGITS = 1e-7
"""How near a factor found by division must be to the one it is called by."""

_WITH_SIZES = [Fraction(1), Fraction(2), Fraction(1, 2), Fraction(4)]
_SIMPLE = [*_WITH_SIZES, Fraction(1, 4), Fraction(3), Fraction(1, 3)]
