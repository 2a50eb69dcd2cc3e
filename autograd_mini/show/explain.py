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

import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from autograd_mini.core.tensor import Tensor
from autograd_mini.core.value import Value
from autograd_mini.show.chain_rule import ChainRule, Factor, Term, times
from autograd_mini.show.explanation import ExplanationLatex, ExplanationText
from autograd_mini.show.names import variables
from autograd_mini.show.numpy_lines import numpy_lines
from autograd_mini.show.recorded import Node
from autograd_mini.show.steps import start
from autograd_mini.show.transliteration import for_stream
from autograd_mini.typing import Operand

LONGEST_PRODUCT = 8
"""A gradient of more factors than this gets an equation of its own."""


def explain(
    node: Operand, wrt: Operand, *, through: Operand = None, gradient: Operand = None
) -> Explanation:
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
        through: a node between the two: only the part of the gradient that flows through it.
        gradient: the upstream gradient to start from, of the root's shape; 1 by default.

    Returns:
        An Explanation: ``str()`` is text, ``.latex`` LaTeX,
        ``.numpy`` Python, ``.value`` the gradient, which equals
        that of ``backward()`` to the last bit.

    Raises:
        TypeError: ``node``, ``wrt`` or ``through`` is a plain number or array.
        ValueError: ``node`` holds several numbers and ``gradient`` is not given; or ``node`` was
            not computed from ``through``.

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
    held = variables(sys._getframe(1).f_locals)
    if through is not None:
        _check_through(order, through)
    return Explanation(ChainRule(order, wrt, seed, held, through))


def _check_through(order: Sequence[Node], through: Operand) -> None:
    if not isinstance(through, Value | Tensor):
        raise TypeError(
            f"explain(node, wrt, through=): a Value or Tensor, not {type(through).__name__}"
        )
    if not any(node is through for node in order):
        raise ValueError("explain(node, wrt, through=): node was not computed from through")


class Explanation:
    """A gradient, taken apart by the chain rule.

    Attributes:
        value: the gradient, a float or an array: that of the reverse sweep, to the last bit.
        product: what the factors as written multiply and add up to; for Tensors, ``value``.
        latex: the explanation as LaTeX, to stand in a display (``$$...$$``, amsmath).
        numpy: the same formulas as Python, such as ``dW1 = X.T @ dz1``, which runs where the
            names stand for plain numbers and arrays.
        table: the same as a table in Markdown: what, its formula, its value.

    ``str()`` gives the text, in ASCII where ``sys.stdout`` knows no more; Jupyter shows the LaTeX.
    """

    def __init__(self, chain: ChainRule) -> None:
        self._chain = chain
        self.value: Any = chain.totals[chain.wrt]
        if isinstance(self.value, np.generic):
            self.value = np.asarray(self.value)

    def __str__(self) -> str:
        return for_stream(ExplanationText(self._chain, self).whole())

    __repr__ = __str__

    @property
    def latex(self) -> str:
        return ExplanationLatex(self._chain, self).whole()

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex}\n$$"

    @property
    def numpy(self) -> str:
        """The gradients as Python that runs with NumPy alone; see ``numpy_lines``."""
        return numpy_lines(self._chain)

    @property
    def table(self) -> str:
        """The equations and definitions as a table in Markdown."""
        return for_stream(ExplanationText(self._chain, self).table())

    @cached_property
    def product(self) -> Operand:
        return self._products.get(self._chain.wrt, self.value)

    @cached_property
    def _apart(self) -> list[Node]:
        """The stations that have an equation of their own, wrt first."""
        chain = self._chain
        below: dict[Node, int] = {}
        length: dict[Node, int] = {chain.root: 0}
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
    def _products(self) -> dict[Node, float]:
        """For each equation what its right side comes to, in the order that is written."""
        found: dict[Node, float] = {}
        if not self._chain.scalar or not self._chain.depends:
            return found
        for node in reversed(self._apart):
            found[node] = self._sum(self.sum_of(node), found)
        return found

    def _sum(self, terms: Sequence[Term], known: Mapping[Node, float]) -> float:
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
                part = value if part is None else times(part, value)
            assert part is not None
            found = part if found is None else found + part
        assert found is not None
        return found

    def sum_of(self, node: Node) -> list[Term]:
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
    def _are_apart(self) -> set[Node]:
        return set(self._apart)
