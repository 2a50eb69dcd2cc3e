"""An explanation written down: the same lines as text and as LaTeX."""

from __future__ import annotations

import ast
import unicodedata
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from autograd_mini.show.arithmetic import total
from autograd_mini.show.boxes import _in_short
from autograd_mini.show.chain_rule import ChainRule, Factor, Term
from autograd_mini.show.names import is_wide, shown
from autograd_mini.show.notation import Latex, Notation, latex_text
from autograd_mini.show.over_time import FEWEST, over_time
from autograd_mini.show.recorded import Node
from autograd_mini.show.steps import multiple
from autograd_mini.show.terms import MOST_TERMS, ends
from autograd_mini.show.transliteration import for_stream
from autograd_mini.typing import Operand

if TYPE_CHECKING:
    from autograd_mini.show.explain import Explanation

MOST_EQUATIONS = 8
MOST_LINES = 24
"""So many equations, factors and definitions are written; of more, the first and last."""

LONGEST_FORMULA = 100

Line = tuple[str, ...]


class ExplanationText:
    """An explanation as text."""

    dot, plus, dots = " · ", " + ", "…"
    part, immediate_part = "∂", "∂⁺"

    def __init__(self, chain: ChainRule, explanation: Explanation) -> None:
        self.chain, self.explanation = chain, explanation
        self.notation = Notation({})
        self.symbols: dict[Node, None] = {}  # the nodes that the lines name
        self.immediate = False  # whether there is a ∂⁺

    def whole(self) -> str:
        chain = self.chain
        if not chain.depends or chain.root is chain.wrt:
            return self.trivial()
        return self.joined(self.blocks(), self.check())

    def blocks(self) -> list[list[Line]]:
        """The equations, the factors and the definitions, as far as there are any."""
        equations, factors = self.equations() if self.chain.scalar else (self.matrix_forms(), [])
        return [block for block in (equations, factors, self.definitions()) if block]

    def table(self) -> str:
        """The lines as rows of a table in Markdown."""
        rows = [("", "formula", "value"), ("---", "---", "---")]
        is_trivial = not self.chain.depends or self.chain.root is self.chain.wrt
        for line in (
            [(self.trivial(),)] if is_trivial else (row for b in self.blocks() for row in b)
        ):
            name, *rest = line
            value = rest[-1] if rest else ""
            rows.append((name, " = ".join(rest[:-1]), value))
        cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
        return "\n".join(f"| {' | '.join(row)} |" for row in cells)

    def trivial(self) -> str:
        root, wrt = self.name(self.chain.root), self.name(self.chain.wrt)
        left = self.partial(self.chain.root, self.chain.wrt)
        if self.chain.root is self.chain.wrt:
            right, why = self.array(self.explanation.value), "every node's derivative for itself"
            if self.chain.root.parents and self.explanation.value is not None:
                why += "; the sweep starts with it"
            return self.sentence(f"{left} = {right}", why)
        why = f"{root} does not depend on {wrt}"
        if self.chain.through is not None:
            why = f"nothing flows from {root} through {self.name(self.chain.through)} to {wrt}"
        elif self.chain.wrt in set(self.chain.order):
            why = f"{root} depends on {wrt} only where nothing flows, as in a condition of where()"
        return self.sentence(f"{left} = {self.array(self.explanation.value)}", why)

    # The lines

    def equations(self) -> tuple[list[Line], list[Line]]:
        """What each gradient is the product of, and each factor."""
        explanation, lines = self.explanation, []
        factors: dict[tuple[Node, Node], Factor] = {}
        apart = explanation._apart
        for node in ends(apart, MOST_EQUATIONS):
            if node is None:
                lines.append(self.left_out(len(apart) - MOST_EQUATIONS, "equations"))
                continue
            terms = explanation.sum_of(node)
            left = self.partial(self.chain.root, node)
            value = self.number(float(self.chain.totals[node]))
            self.collect(terms, factors)
            if len(terms) == 1 and len(terms[0]) == 1:
                del factors[self.chain.root, node]
                factor = terms[0][0]
                assert isinstance(factor, Factor)
                formula = self.formula(self.chain.formula(factor, ast.Constant(1.0)))
                lines.append((left, formula, *([value] if value != formula else [])))
                continue
            lines.append((left, self.over_time(terms) or self.sum(terms, self.partial_of)))
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

    def collect(self, terms: Sequence[Term], factors: dict[tuple[Node, Node], Factor]) -> None:
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

    def over_time(self, terms: Sequence[Term]) -> str:
        """A sum whose terms differ in an index alone, as one over t; else nothing."""
        if len(terms) < FEWEST:
            return ""
        return self.sum_over(over_time([self.sum([term], self.partial_of) for term in terms]))

    def sum_over(self, found: tuple[str, int, int] | None) -> str:
        """One term for all t, written as a sum."""
        return f"sum over t = {found[1]} … {found[2]} of {found[0]}" if found else ""

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
            texts = [self.formula(part) for part in parts] if len(parts) >= FEWEST else []
            formula = self.sum_over(over_time(texts)) or self.formula(total(parts))
            lines.append((left, formula, self.array(chain.totals[node])))
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
        if chain.through is not None:
            way = f"flows from {self.name(chain.root)} through {self.name(chain.through)} to {wrt}"
            return f"This is the part of the gradient that {way}: {self.array(value)}."
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
            times = multiple(grad, value)
            text += f"; {wrt}.grad is " + (
                f"{times} times as much: gradients of leaves add up until zero_grad()."
                if times
                else f"{self.array(grad)}, of other sweeps or other numbers."
            )
        return text

    # How each part is written

    def name(self, node: Node) -> str:
        return self.notation.name_text(self.chain.names.nodes[node])

    def partial(self, above: Node, below: Node) -> str:
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

    def array(self, value: Operand) -> str:
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


class ExplanationLatex(ExplanationText):
    """An explanation as LaTeX."""

    dot, plus, dots = r" \cdot ", " + ", r"\dots"
    part, immediate_part = r"\partial ", r"\partial^{+} "

    def __init__(self, chain: ChainRule, explanation: Explanation) -> None:
        super().__init__(chain, explanation)
        self.notation = Latex({})

    def partial(self, above: Node, below: Node) -> str:
        return rf"\frac{{\partial {self.name(above)}}}{{\partial {self.name(below)}}}"

    def formula(self, formula: ast.expr) -> str:
        text = super().formula(formula)
        return r"\dots" if text.endswith("…") else self.chain.terms.latex(formula)

    def bracketed_number(self, value: float) -> str:
        text = self.number(value)
        return self.notation.bracketed(text) if text.startswith("-") else text

    def array(self, value: Operand) -> str:
        if isinstance(value, float):
            return self.number(value)
        return rf"\text{{{latex_text(super().array(value))}}}"

    def sum_over(self, found: tuple[str, int, int] | None) -> str:
        return rf"\sum_{{t={found[1]}}}^{{{found[2]}}} {found[0]}" if found else ""

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


def _width(text: str) -> int:
    return sum(2 if is_wide(c) else 0 if unicodedata.combining(c) else 1 for c in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))
