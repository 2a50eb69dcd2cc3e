"""The chain rule for one gradient, in words and numbers, as a textbook writes it.

>>> from autograd_mini import Value
>>> w, x, b = Value(0.5, label="w"), Value(2.0, label="x"), Value(-1.0, label="b")
>>> net = w * x + b
>>> out = net.sigmoid()
>>> E = (1 - out) ** 2 / 2
>>> E.backward()
>>> print(explain(E, w))
∂E/∂w = ∂E/∂out · ∂out/∂net · ∂net/∂w
      = (−0.5) · 0.25 · 2
      = −0.25
<BLANKLINE>
∂E/∂out   = −(1 − out)    = −0.5
∂out/∂net = out·(1 − out) = 0.25
∂net/∂w   = x             = 2
<BLANKLINE>
where
  E   = (1 − out)²/2 = 0.125
  out = sigmoid(net) = 0.5
  net = w·x + b      = 0
  x   = 2
  w   = 0.5
<BLANKLINE>
Check: the product is -0.25, the same as the gradient of the sweep and as w.grad, to the last bit.
"""

from __future__ import annotations

import ast
import math
import sys
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from autograd_mini.core.elementwise import Rule
from autograd_mini.core.graph import is_node, reverse_sweep
from autograd_mini.core.operation import ArrayOperation
from autograd_mini.core.tensor import Tensor
from autograd_mini.core.value import Value
from autograd_mini.show.arithmetic import repeated, total
from autograd_mini.show.boxes import _in_short, rule_of
from autograd_mini.show.called import Names, called
from autograd_mini.show.names import Variables, is_wide, shown, variables
from autograd_mini.show.notation import Latex, Notation, has_sign, latex_text
from autograd_mini.show.numpy_lines import numpy_lines
from autograd_mini.show.spelling import for_stream
from autograd_mini.show.steps import is_masked, start
from autograd_mini.show.terms import (
    MOST_TERMS,
    Terms,
    ends,
    flows,
    names_upstream_twice,
)

LONGEST_PRODUCT = 8
"""A gradient of more factors than this gets an equation of its own."""

MOST_EQUATIONS = 8
MOST_LINES = 24
"""So many equations, factors and definitions are written; of more, the first and last."""

LONGEST_INLINED = 8
"""A node without a name stands as its formula in others if that has so many parts or fewer."""

_LONG = 4
"""An operation on whole arrays counts as so many parts more, for formulas of its gradient are
long; but that of one that is linear or has a sign, as the product of matrices, is short."""

LONGEST_FORMULA = 100


def explain(node: Any, wrt: Any, *, gradient: Any = None) -> Explanation:
    """The gradient of ``node`` with respect to ``wrt``, taken apart by the chain rule.

    For Values: the product of local derivatives along the path, or the nested sum over
    paths, each factor with its formula and its number.  For Tensors: what each node receives
    (δ), in matrix form.  What is used more than once is named and written once, so that the
    length is linear in the size of the graph; of a long one the middle is left out.

    Nodes are called by their labels; without a label, by the name of the variable that holds
    them where ``explain`` is called.  A node that has neither, and is used once, stands as its
    formula; else it is called v1, v2, ...

    Arguments:
        node: the root: a Value, or a Tensor of one number.
        wrt: any Value or Tensor of the graph, ``node`` itself included.
        gradient: the upstream gradient to start from, of the root's shape; 1 by default.

    Returns:
        An Explanation: ``str()`` is text, ``.latex`` LaTeX,
        ``.numpy`` Python, ``.value`` the gradient, which equals
        that of ``backward()`` to the last bit.

    Raises:
        TypeError: ``node`` or ``wrt`` is a plain number or array.
        ValueError: ``node`` holds several numbers and ``gradient`` is not given.

    >>> from autograd_mini import Value
    >>> a = Value(3.0)
    >>> b = a + a
    >>> c = b * b
    >>> print(explain(c, a).value)
    24.0
    """
    order, seed = start(node, gradient, "explain")
    if not isinstance(wrt, Value | Tensor):
        raise TypeError(
            f"explain(node, wrt): wrt is a Value or Tensor, not {type(wrt).__name__}; a plain "
            "number or array is a constant: wrap it in Value(...) or Tensor(...)"
        )
    return Explanation(_Chain(order, wrt, seed, variables(sys._getframe(1).f_locals)))


@dataclass(frozen=True)
class Factor:
    """The derivative of one named node with respect to another: ∂above/∂below.

    Arguments:
        above, below: the nodes.
        ways: how ``below`` comes into ``above`` through nodes without a name: each way a
            sequence of a node and the place of its operand, from above to below.
        value: the number; ``None`` for Tensors.
    """

    above: Any
    below: Any
    ways: tuple[tuple[tuple[Any, int], ...], ...]
    value: Any


Term = list["Factor | list[Term]"]  # a product, of factors and of sums in brackets


class _Chain:
    """The part of a graph that lies between root and wrt.

    ``stations`` are the nodes that the chain rule names, in topological order; the others
    are used once, and lie within a factor.
    """

    def __init__(self, order: Sequence[Any], wrt: Any, seed: Any, held: Variables) -> None:
        self.order, self.root, self.wrt = order, order[-1], wrt
        root = self.root
        self.scalar = isinstance(root, Value)
        between = _dependent(self.order, wrt)
        self.uses = self._uses(between)
        self.depends = wrt is root or wrt in self.uses
        found = _swept(self.order, seed, between) if self.depends else {}
        # Zero passes nothing on, so that the sweep does not come to what lies below it
        self.totals = {n: found[n] if n in found else n.zero() for n in (root, wrt, *self.uses)}
        strangers = [] if wrt in set(self.order) else [wrt]
        self.names: Names = called([*self.order, *strangers], held)
        symbols = self._symbols()
        self.terms = Terms(
            [*self.order, *strangers], self.names, [n for n in self.order if n not in symbols]
        )
        self.stations = [n for n in self.order if self._is_station(n)]
        self._are_stations = set(self.stations)
        self._sums: dict[Any, Any] = {}

    def _uses(self, between: set[Any]) -> dict[Any, list[tuple[Any, int]]]:
        """Where each node is an operand, in the order in which the sweep adds up shares."""
        uses: dict[Any, list[tuple[Any, int]]] = {}
        for child in reversed(self.order):
            if child is self.root or child in uses:
                for slot, parent in enumerate(child.parents):
                    if is_node(parent) and parent in between and flows(child, slot):
                        uses.setdefault(parent, []).append((child, slot))
        return uses

    def _symbols(self) -> set[Any]:
        """The nodes that formulas call by name; the others stand as their own formula."""
        symbols = {self.root, self.wrt, *self.names.given}
        sizes: dict[Any, int] = {}
        for node in self.order:
            size = 1 + sum(sizes[p] if is_node(p) else 1 for p in node.parents)
            operation = rule_of(node)
            if isinstance(operation, ArrayOperation) and operation.reads and not operation.symbol:
                size += _LONG
            if not node.parents or len(self.uses.get(node, ())) > 1 or size > LONGEST_INLINED:
                symbols.add(node)
            sizes[node] = 1 if node in symbols else size
        for uses in self.uses.values():
            symbols.update(child for child, slot in uses if names_upstream_twice(child, slot))
        return symbols

    def _is_station(self, node: Any) -> bool:
        if node is self.root or node is self.wrt:
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
        return not is_activation or names_upstream_twice(*self.uses[node][0])

    def _within_sum(self, node: Any) -> bool:
        """Whether a node is a part a + b of a longer sum a + b + c."""
        child = self.uses[node][0][0]
        return (
            _is_sum(node)
            and _is_sum(child)
            and node not in self.names.given
            and np.shape(node.data) == np.shape(child.data)
        )

    def _whole_sum(self, node: Any) -> Any:
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

    def factors(self, node: Any) -> list[Factor]:
        """What connects a station with each station above it."""
        found: dict[Any, list[tuple[tuple[Any, int], ...]]] = {}
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
        parts = []
        for way in ends(factor.ways, terms.most):
            if way is None:
                parts.append(terms.named("…"))
                continue
            part = upstream
            for node, slot in way:
                part = terms.share(node, slot, part)
            parts.append(part)
        return total(parts)

    def upstream(self, above: Any) -> ast.expr:
        """The gradient of a station: its name, or the number from which the sweep starts."""
        seed = self.totals[above]
        if above is not self.root or np.size(seed) > 1:
            return self.terms.delta(above)
        number = ast.Constant(float(np.asarray(seed).item()))
        return repeated(number, np.shape(seed))


def _is_sum(node: Any) -> bool:
    """Whether a node is a sum a + b."""
    operation = rule_of(node)
    return operation is not None and operation.symbol == "+"


def _dependent(order: Sequence[Any], wrt: Any) -> set[Any]:
    """The nodes that depend on ``wrt`` through operands that something flows to."""
    found = {wrt}
    for node in order:
        for slot, parent in enumerate(node.parents):
            if is_node(parent) and parent in found and flows(node, slot):
                found.add(node)
                break
    return found


def _swept(order: Sequence[Any], seed: Any, wanted: set[Any]) -> dict[Any, Any]:
    """The gradient of each node that depends on wrt, by the sweep itself."""
    masked = is_masked(order, seed, wanted)
    return dict(reverse_sweep(order, seed, wanted, masked=masked))


def _product(way: Sequence[tuple[Any, int]]) -> float:
    found = 1.0
    for node, slot in way:
        found = _times(found, node.local_derivatives[slot])
    return found


def _times(upstream: float, derivative: float) -> float:
    """A share as the sweep makes it: zero passes zero on, even through an infinity."""
    return upstream * derivative if upstream else upstream


class Explanation:
    """A gradient, taken apart by the chain rule.

    Attributes:
        value: the gradient, a float or an array: that of the reverse sweep, to the last bit.
        product: what the factors as written multiply and add up to; for Tensors, ``value``.
        latex: the explanation as LaTeX, to stand in a display (``$$...$$``, amsmath).
        numpy: the same formulas as Python, such as ``dW1 = X.T @ dz1``, which runs where the
            names stand for plain numbers and arrays.

    ``str()`` gives the text, in ASCII where ``sys.stdout`` knows no more; Jupyter shows the LaTeX.
    """

    def __init__(self, chain: _Chain) -> None:
        self._chain = chain
        self.value: Any = chain.totals[chain.wrt]
        if isinstance(self.value, np.generic):
            self.value = np.asarray(self.value)

    def __str__(self) -> str:
        return for_stream(_Text(self._chain, self).whole())

    __repr__ = __str__

    @property
    def latex(self) -> str:
        return _Latex(self._chain, self).whole()

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex}\n$$"

    @property
    def numpy(self) -> str:
        """The gradients as Python that runs with NumPy alone; see ``numpy_lines``."""
        return numpy_lines(self._chain)

    @cached_property
    def product(self) -> Any:
        return self._products.get(self._chain.wrt, self.value)

    @cached_property
    def _apart(self) -> list[Any]:
        """The stations that have an equation of their own, wrt first."""
        chain = self._chain
        below: dict[Any, int] = {}
        length: dict[Any, int] = {chain.root: 0}
        apart = [] if chain.root is chain.wrt else [chain.wrt]
        for node in chain.stations:
            for factor in chain.factors(node):
                below[factor.above] = below.get(factor.above, 0) + 1
        for node in reversed(chain.stations[:-1]):
            above = [factor.above for factor in chain.factors(node)]
            length[node] = sum(1 + length[each] for each in above)
            if node is not chain.wrt and (below[node] > 1 or length[node] > LONGEST_PRODUCT):
                apart.insert(1, node)
                length[node] = 1
        return apart

    @cached_property
    def _products(self) -> dict[Any, float]:
        """For each equation what its right side comes to, in the order that is written."""
        found: dict[Any, float] = {}
        if not self._chain.scalar or not self._chain.depends:
            return found
        for node in reversed(self._apart):
            found[node] = self._sum(self.sum_of(node), found)
        return found

    def _sum(self, terms: Sequence[Term], known: Mapping[Any, float]) -> float:
        found = None
        for term in terms:
            part = None
            for piece in term:
                if isinstance(piece, list):
                    value = self._sum(piece, known)
                elif piece.above is self._chain.root and not piece.ways:
                    value = known[piece.below]
                else:
                    value = piece.value
                part = value if part is None else _times(part, value)
            assert part is not None
            found = part if found is None else found + part
        assert found is not None
        return found

    def sum_of(self, node: Any) -> list[Term]:
        """The gradient of a station as the sum over the stations that use it, nested."""
        chain = self._chain
        terms: list[Term] = []
        for factor in chain.factors(node):
            above = factor.above
            if above is chain.root:
                terms.append([factor])
            elif above in self._are_apart:
                whole = Factor(chain.root, above, (), chain.totals[above])
                terms.append([whole, factor])
            else:
                inner = self.sum_of(above)
                terms.append([*(inner[0] if len(inner) == 1 else [inner]), factor])
        return terms

    @cached_property
    def _are_apart(self) -> set[Any]:
        return set(self._apart)


# The explanation written down: the same lines as text and as LaTeX


Line = tuple[str, ...]


class _Text:
    """An explanation as text."""

    dot, plus, dots = " · ", " + ", "…"
    part, immediate_part = "∂", "∂⁺"

    def __init__(self, chain: _Chain, explanation: Explanation) -> None:
        self.chain, self.explanation = chain, explanation
        self.notation = Notation({})
        self.symbols: dict[Any, None] = {}  # the nodes that the lines name
        self.immediate = False  # whether there is a ∂⁺

    def whole(self) -> str:
        chain = self.chain
        if not chain.depends or chain.root is chain.wrt:
            return self.trivial()
        equations, factors = self.equations() if chain.scalar else (self.matrix_forms(), [])
        blocks = [equations, factors, self.definitions()]
        return self.joined([block for block in blocks if block], self.check())

    def trivial(self) -> str:
        root, wrt = self.name(self.chain.root), self.name(self.chain.wrt)
        left = self.partial(self.chain.root, self.chain.wrt)
        if self.chain.root is self.chain.wrt:
            right, why = self.array(self.explanation.value), "every node's derivative for itself"
            if self.chain.root.parents and self.explanation.value is not None:
                why += "; the sweep starts with it"
            return self.sentence(f"{left} = {right}", why)
        why = f"{root} does not depend on {wrt}"
        if self.chain.wrt in set(self.chain.order):
            why = f"{root} depends on {wrt} only where nothing flows, as in a condition of where()"
        return self.sentence(f"{left} = {self.array(self.explanation.value)}", why)

    # The lines

    def equations(self) -> tuple[list[Line], list[Line]]:
        """What each gradient is the product of, and each factor."""
        explanation, lines = self.explanation, []
        factors: dict[tuple[Any, Any], Factor] = {}
        apart = explanation._apart
        for node in ends(apart, MOST_EQUATIONS):
            if node is None:
                lines.append(self.left_out(len(apart) - MOST_EQUATIONS, "equations"))
                continue
            terms = explanation.sum_of(node)
            left, value = self.partial(self.chain.root, node), self.number(self.chain.totals[node])
            self.collect(terms, factors)
            if len(terms) == 1 and len(terms[0]) == 1:
                del factors[self.chain.root, node]
                factor = terms[0][0]
                assert isinstance(factor, Factor)
                formula = self.formula(self.chain.formula(factor, ast.Constant(1.0)))
                lines.append((left, formula, *([value] if value != formula else [])))
                continue
            lines.append((left, self.sum(terms, self.partial_of)))
            lines.append(("", self.sum(terms, lambda f: self.bracketed_number(f.value))))
            lines.append(("", value))
        rows = []
        for one in ends(list(factors.values()), MOST_LINES):
            if one is None:
                rows.append(self.left_out(len(factors) - MOST_LINES, "factors"))
                continue
            formula = self.formula(self.chain.formula(one, ast.Constant(1.0)))
            value = self.number(one.value)
            equal = [] if formula == value else [value]
            rows.append((self.partial_of(one), formula, *equal))
        return lines, rows

    def collect(self, terms: Sequence[Term], factors: dict[tuple[Any, Any], Factor]) -> None:
        for term in ends(terms, MOST_TERMS):
            for piece in term or ():
                if isinstance(piece, list):
                    self.collect(piece, factors)
                elif piece.ways:
                    factors.setdefault((piece.above, piece.below), piece)

    def sum(self, terms: Sequence[Term], leaf: Callable[[Factor], str]) -> str:
        parts = []
        for term in ends(terms, MOST_TERMS):
            if term is None:
                parts.append(f"{self.dots} ({len(terms) - MOST_TERMS} more) {self.dots}")
                continue
            pieces = [
                self.notation.bracketed(self.sum(piece, leaf))
                if isinstance(piece, list)
                else leaf(piece)
                for piece in term
            ]
            parts.append(self.dot.join(pieces))
        return self.plus.join(parts)

    def matrix_forms(self) -> list[Line]:
        """What each node receives, from the root to wrt."""
        chain, lines = self.chain, []
        stations = list(reversed(chain.stations))[1:]
        for node in ends(stations, MOST_LINES):
            if node is None:
                lines.append(self.left_out(len(stations) - MOST_LINES, "equations"))
                continue
            parts = []
            for factor in chain.factors(node):
                parts.append(chain.formula(factor, chain.upstream(factor.above)))
            left = (
                self.partial(chain.root, node)
                if node is chain.wrt
                else self.formula(chain.terms.delta(node))
            )
            lines.append((left, self.formula(total(parts)), self.array(chain.totals[node])))
        return lines

    def definitions(self) -> list[Line]:
        """What the names in the lines stand for, results before their operands."""
        chain = self.chain
        if chain.scalar:
            self.symbols.update(dict.fromkeys(chain.stations))
        nodes = [node for node in reversed(chain.order) if node in self.symbols]
        lines: list[Line] = []
        for node in ends(nodes, MOST_LINES):
            if node is None:
                lines.append(self.left_out(len(nodes) - MOST_LINES, "definitions"))
                continue
            before = dict(self.symbols)
            formula = [self.formula(chain.terms.formula(node))] if node.parents else []
            self.symbols = before
            lines.append((self.name(node), *formula, self.array(node.data)))
        return lines

    def check(self) -> str:
        chain, value, product = self.chain, self.explanation.value, self.explanation.product
        wrt = self.name(chain.wrt)
        same = np.array_equal(product, value, equal_nan=True)
        if not chain.scalar:
            text = f"Check: the gradient of the sweep has shape {value.shape}"
        elif same:
            text = f"Check: the product is {product!r}, the same as the gradient of the sweep"
        else:
            text = (
                f"Check: the product is {product!r}, the gradient of the sweep is {value!r}: they "
                f"differ by {product - value:.1g}, for the sweep rounds in another order"
            )
        grad = chain.wrt.grad
        if np.array_equal(grad, value, equal_nan=True):
            how = "and is the same as" if not chain.scalar else "and as"
            text += (
                f" {how} {wrt}.grad, to the last bit." if same else f"; {wrt}.grad has the latter."
            )
        elif not np.any(grad):
            text += f"; {wrt}.grad is 0: backward() has not run."
        else:
            times = _multiple(grad, value)
            text += f"; {wrt}.grad is " + (
                f"{times} times as much: gradients of leaves add up until zero_grad()."
                if times
                else f"{self.array(grad)}, of other sweeps or other numbers."
            )
        return text

    # How each part is written

    def name(self, node: Any) -> str:
        return self.notation.name_text(self.chain.names.nodes[node])

    def partial(self, above: Any, below: Any) -> str:
        return f"∂{self.name(above)}/∂{self.name(below)}"

    def partial_of(self, factor: Factor) -> str:
        """∂above/∂below; ∂⁺ where the root uses a node both itself and through others."""
        text = self.partial(factor.above, factor.below)
        if factor.above is not self.chain.root or not factor.ways:
            return text
        if len(self.chain.factors(factor.below)) == 1:
            return text
        self.immediate = True
        return text.replace(self.part, self.immediate_part, 1)

    def formula(self, formula: ast.expr) -> str:
        for node in self.chain.terms.nodes_in(formula):
            self.symbols.setdefault(node)
        return shown(self.chain.terms.text(formula), LONGEST_FORMULA)

    def number(self, value: float) -> str:
        return self.notation.number_text(value).text

    def bracketed_number(self, value: float) -> str:
        text = self.number(value)
        return f"({text})" if text.startswith("−") else text

    def array(self, value: Any) -> str:
        if isinstance(value, float):
            return self.number(value)
        found = _in_short(value).replace("-", "−")
        return f"shape {value.shape}: {found}" if value.shape else found

    def left_out(self, count: int, what: str) -> Line:
        return (f"… {count} {what} left out here: steps() goes through every node",)

    def sentence(self, equation: str, why: str) -> str:
        return f"{equation}: {why}."

    def joined(self, blocks: list[list[Line]], check: str) -> str:
        last = blocks[-1] if self.symbols else None
        texts = []
        for block in blocks:
            indent = "  " if block is last else ""
            spelled = [tuple(map(for_stream, line)) for line in block]  # before it is aligned
            widths = [
                max((_width(line[i]) for line in spelled if len(line) > i + 1), default=0)
                for i in range(2)
            ]
            rows = []
            for line in spelled:
                cells = [_padded(cell, width) for cell, width in zip(line, widths, strict=False)]
                cells[len(line) - 1 :] = line[len(line) - 1 :]
                rows.append((indent + " = ".join(cells)).rstrip())
            texts.append("\n".join(["where", *rows] if block is last else rows))
        if not self.chain.scalar:
            texts[0] = f"With δ_x for {self._root_partial()}:\n{texts[0]}"
        if self.immediate:
            check = f"∂⁺ is the derivative with the other operands held fixed.\n\n{check}"
        return "\n\n".join([*texts, check])

    def _root_partial(self) -> str:
        return f"∂{self.name(self.chain.root)}/∂x"


class _Latex(_Text):
    """An explanation as LaTeX."""

    dot, plus, dots = r" \cdot ", " + ", r"\dots"
    part, immediate_part = r"\partial ", r"\partial^{+} "

    def __init__(self, chain: _Chain, explanation: Explanation) -> None:
        super().__init__(chain, explanation)
        self.notation = Latex({})

    def partial(self, above: Any, below: Any) -> str:
        return rf"\frac{{\partial {self.name(above)}}}{{\partial {self.name(below)}}}"

    def formula(self, formula: ast.expr) -> str:
        text = super().formula(formula)
        return r"\dots" if text.endswith("…") else self.chain.terms.latex(formula)

    def bracketed_number(self, value: float) -> str:
        text = self.number(value)
        return self.notation.bracketed(text) if text.startswith("-") else text

    def array(self, value: Any) -> str:
        if isinstance(value, float):
            return self.number(value)
        return rf"\text{{{latex_text(super().array(value))}}}"

    def left_out(self, count: int, what: str) -> Line:
        return (rf"\vdots\quad\text{{{count} {what} left out}}",)

    def sentence(self, equation: str, why: str) -> str:
        return equation

    def joined(self, blocks: list[list[Line]], check: str) -> str:
        rows = [
            f"{line[0]} &{'= ' if len(line) > 1 else ''}{' = '.join(line[1:])}"
            for block in blocks
            for line in block
        ]
        return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"


def _multiple(grad: Any, value: Any) -> int:
    """How many times one array is another, if it is a whole number of times; else 0."""
    at = np.flatnonzero(value)
    if not at.size:
        return 0
    times = np.ravel(grad)[at[0]] / np.ravel(value)[at[0]]
    whole = math.isfinite(times) and times == round(times) and abs(times) < 1e6
    return round(times) if whole and np.array_equal(grad, times * np.asarray(value)) else 0


def _width(text: str) -> int:
    return sum(2 if is_wide(c) else 0 if unicodedata.combining(c) else 1 for c in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))
