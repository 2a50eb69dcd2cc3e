"""Formulas of the table of rules, written the way mathematics does.

>>> typeset("out * (1 - out)", {"out": "h1"})
'h1·(1 − h1)'
>>> typeset("y * x ** (y - 1)", {"x": "width", "y": 3.0})
'3·width²'
>>> typeset("x % y - y * (x // y)", {"x": "time", "y": 3.0})
'(time mod 3) − 3·⌊time/3⌋'
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from autograd_mini.core.elementwise import FUNCTIONS
from autograd_mini.core.language import parse

Names = Mapping[str, str | float]
"""What stands for each operand and for ``out``: a name, or the number of a constant."""


def number(x: Any) -> str:
    """A number in about four significant digits; whole numbers below a million in full.

    >>> number(0.123456), number(250000.0), number(-1e-20), number(float("inf"))
    ('0.1235', '250000', '-1e-20', 'inf')
    """
    x = float(x) + 0.0  # -0 reads like a misprint
    return f"{x:.0f}" if x.is_integer() and abs(x) < 1e6 else f"{x:.4g}"


def typeset(text: str, names: Names) -> str:
    """A text of the rules' language with the operands' names in it.

    Arguments:
        text: a formula or derivative of the table.
        names: a name or a number for each operand and for ``out``; others stay as they are.

    Raises:
        ValueError: the text is not in the language of the table.
    """
    *assignments, last = parse(text).body
    assert isinstance(last, ast.Expr)
    notation = Notation(names)
    parts = [notation.write(last.value)]
    for line in assignments:
        assert isinstance(line, ast.Assign)
        parts.append(f"{ast.unparse(line.targets[0])} = {notation.write(line.value)}")
    return ", ".join(parts)


def taken(text: str, operands: Mapping[str, Any]) -> str:
    """The text with each ``where`` replaced by the branch that is in force.

    Arguments:
        text: a derivative of the table.
        operands: numbers or arrays for the operands and ``out``.  A ``where`` over an array
            stays if some elements take one branch and some the other.

    >>> taken("where(x > 0, 1, where(x == 0, 0.5, slope))", {"x": -2.0})
    'slope'
    >>> taken("where(x > 0, 1, 0)", {"x": np.array([-1.0, 1.0])})
    'where(x > 0, 1, 0)'
    """
    *assignments, last = parse(text).body
    assert isinstance(last, ast.Expr)
    scope = dict(operands)
    with np.errstate(all="ignore"):
        try:
            for line in assignments:
                exec(compile(ast.Module([line], []), "<formula>", "exec"), {**FUNCTIONS}, scope)
            chosen = _Choose(scope).visit(last.value)
        except (ArithmeticError, ValueError):  # a condition that these operands do not decide
            return text
    used = {node.id for node in ast.walk(chosen) if isinstance(node, ast.Name)}
    kept = assignments if used - operands.keys() - FUNCTIONS.keys() else []
    return "; ".join([*map(ast.unparse, kept), ast.unparse(chosen)])


class _Choose(ast.NodeTransformer):
    def __init__(self, scope: dict[str, Any]) -> None:
        self.scope = scope

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if ast.unparse(node.func) == "where":
            code = compile(ast.Expression(node.args[0]), "<formula>", "eval")
            condition = eval(code, {**FUNCTIONS}, self.scope)
            if np.all(condition) or not np.any(condition):
                return self.visit(node.args[1 if np.all(condition) else 2])  # type: ignore[no-any-return]
        self.generic_visit(node)
        return node


# How tightly a part of a formula holds together
_CHOICE, _BOTH, _COMPARISON, _SUM, _MATRICES, _PRODUCT, _SIGN, _POWER, _ATOM = range(9)

_BINARY: dict[type[ast.operator], tuple[str, int, Callable[[Any, Any], Any]]] = {
    ast.Add: (" + ", _SUM, operator.add),
    ast.Sub: (" − ", _SUM, operator.sub),
    ast.Mult: ("·", _PRODUCT, operator.mul),
    ast.Div: ("/", _PRODUCT, operator.truediv),
    ast.MatMult: (" ", _MATRICES, operator.matmul),
    ast.Pow: ("^", _POWER, operator.pow),
    ast.BitAnd: (" and ", _BOTH, operator.and_),
    ast.BitOr: (" or ", _BOTH, operator.or_),
}

_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<", ast.LtE: "≤", ast.Gt: ">", ast.GtE: "≥", ast.Eq: "=", ast.NotEq: "≠",
}  # fmt: skip

_PLAIN_NAME = re.compile(r"[\w.'′…#]+(\[[\w.,:…'\"]*\]?)*")
_CONSTANTS = {"pi": "π", "inf": "∞"}
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Notation:
    """A way to write formulas: as plain text; ``Latex`` is the other.

    Arguments:
        names: a name or a number for each name of the formula; others stay as they are.
        arrays: whether the names stand for arrays, so that ``*`` is the product element by
            element (⊙) and not that of numbers.

    >>> Notation({"g": "δ"}, arrays=True).write(ast.parse("g @ W.T * (1 - out)", mode="eval").body)
    '(δ Wᵀ) ⊙ (1 − out)'
    """

    names: Names
    arrays: bool = False

    def write(self, node: ast.expr) -> str:
        """A whole formula."""
        return self._write(node)[0]

    def factor(self, node: ast.expr) -> str:
        """A formula that is to stand on the right of a product."""
        return self._second(_PRODUCT, node)

    def _write(self, node: ast.expr) -> tuple[str, int]:
        """The text of a part of a formula, and how tightly it holds together."""
        value = number_of(node, self.names)
        if value is not None:
            quotient = quotient_of(value)
            return self._number(value) if quotient is None else self._quotient(*quotient)
        match node:
            case ast.Name():
                return self._name(str(self.names.get(node.id, _CONSTANTS.get(node.id, node.id))))
            case ast.BinOp(left, ast.Pow(), right):
                return self._power(left, right)
            case ast.BinOp(left, ast.Div(), right):
                return self._quotient(left, right)
            case ast.BinOp(left, ast.Mod(), right):
                first, second = self._at_least(_PRODUCT, left), self._second(_SIGN, right)
                return first + self._sign(" mod ") + second, _COMPARISON  # a + b mod c is unclear
            case ast.BinOp(left, ast.FloorDiv(), right):
                return self._rounded("floor", self._quotient(left, right)[0]), _ATOM
            case ast.BinOp(left, op, right):
                return self._binary(left, op, right)
            case ast.UnaryOp(op, operand):
                sign = self._sign("−") if isinstance(op, ast.USub) else "+"
                return sign + self._at_least(_SIGN, operand), _SIGN
            case ast.Compare(left, operators, rights):
                pairs = zip(operators, rights, strict=True)
                signs = (
                    f" {self._sign(_COMPARISONS[type(o)])} {self._at_least(_SUM, r)}"
                    for o, r in pairs
                )
                return self._at_least(_SUM, left) + "".join(signs), _COMPARISON
            case ast.Call(ast.Name("where"), [condition, yes, no]):
                first, test = self._at_least(_BOTH, yes), self._at_least(_BOTH, condition)
                words = self._word(" if "), self._word(" else ")
                return f"{first}{words[0]}{test}{words[1]}{self._write(no)[0]}", _CHOICE
            case ast.Call(ast.Name("sqrt"), [x]):
                return self._root(x)
            case ast.Call(ast.Name("floor" | "ceil" as rounding), [x]):
                return self._rounded(rounding, self._write(x)[0]), _ATOM
            case ast.Call(ast.Name("abs"), [x]):
                return f"|{self._write(x)[0]}|", _ATOM
            case ast.Call(function, arguments, keywords):
                inside = [self._write(argument)[0] for argument in arguments]
                inside += [f"{self._word(str(k.arg))}={self._write(k.value)[0]}" for k in keywords]
                name = ast.unparse(function)
                called = self._function(str(self.names.get(name, name)))
                return called + self._bracketed(", ".join(inside)), _ATOM
            case ast.Attribute(x, "T" | "mT"):
                return self._at_least(_ATOM, x) + self._transposed, _POWER
            case ast.Subscript(x, index):
                return f"{self._at_least(_ATOM, x)}[{self._index(index)}]", _ATOM
            case ast.Tuple(parts):
                inside = [self._write(part)[0] for part in parts]
                return self._bracketed(", ".join(inside) + "," * (len(inside) == 1)), _ATOM
            case ast.List(parts):
                return f"[{', '.join(self._write(part)[0] for part in parts)}]", _ATOM
        return self._word(ast.unparse(node)), _CHOICE

    def _index(self, index: ast.expr) -> str:
        match index:
            case ast.Tuple(parts) if parts:
                return ", ".join(map(self._index, parts))
            case ast.Slice(first, last, step):
                ends = [first, last, *([] if step is None else [step])]
                return ":".join("" if end is None else self._write(end)[0] for end in ends)
        return self._write(index)[0]

    def _at_least(self, tightness: int, node: ast.expr) -> str:
        text, found = self._write(node)
        return text if found >= tightness else self._bracketed(text)

    def _binary(self, left: ast.expr, op: ast.operator, right: ast.expr) -> tuple[str, int]:
        sign, tightness, _ = _BINARY[type(op)]
        hadamard = self.arrays and isinstance(op, ast.Mult)
        if hadamard and all(number_of(side, self.names) is None for side in (left, right)):
            first, second = self._factor(left), self._factor(right)
            return f"{first} {self._sign('⊙')} {second}", _PRODUCT
        if isinstance(op, ast.MatMult):  # a product element by element must not come apart
            chained = isinstance(left, ast.BinOp) and isinstance(left.op, ast.MatMult)
            first = self._at_least(_MATRICES if chained else _SIGN, left)
            return first + self._sign(sign) + self._second(_SIGN, right), tightness
        second = self._second(tightness + 1, right)
        return self._at_least(tightness, left) + self._sign(sign) + second, tightness

    def _second(self, tightness: int, node: ast.expr) -> str:
        text = self._at_least(tightness, node)
        return self._bracketed(text) if text.startswith(self._sign("−")) else text

    def _factor(self, node: ast.expr) -> str:
        """A side of ⊙: another ⊙ needs no brackets, a product of matrices has them."""
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            return self._at_least(_PRODUCT, node)
        return self._at_least(_PRODUCT + 1, node)

    def _quotient(self, left: ast.expr, right: ast.expr) -> tuple[str, int]:
        return self._binary(left, ast.Div(), right)

    def _power(self, left: ast.expr, right: ast.expr) -> tuple[str, int]:
        exponent = number_of(right, self.names)
        if exponent == 1:
            return self._write(left)
        base = self._at_least(_ATOM, left)
        if exponent is not None and exponent >= 0 and exponent.is_integer():
            return base + self._exponent(number(exponent)), _POWER
        return self._raised(base, right), _POWER

    # What differs between one way of writing and another

    _transposed = "ᵀ"

    def _number(self, value: float) -> tuple[str, int]:
        text = number(value).replace("-", "−").replace("inf", "∞")
        return text, _SIGN if text.startswith("−") else _ATOM

    def _name(self, name: str) -> tuple[str, int]:
        return (name if _PLAIN_NAME.fullmatch(name) else f"({name})"), _ATOM

    def _sign(self, sign: str) -> str:
        return sign

    def _word(self, words: str) -> str:
        return words

    def _function(self, name: str) -> str:
        return name

    def _bracketed(self, text: str) -> str:
        return f"({text})"

    def _root(self, x: ast.expr) -> tuple[str, int]:
        text = self._write(x)[0]
        plain = isinstance(x, ast.Name) or text.isalnum()
        return "√" + (text if plain else self._bracketed(text)), _POWER  # √x² is √(x²)

    def _rounded(self, name: str, text: str) -> str:
        return f"⌊{text}⌋" if name == "floor" else f"⌈{text}⌉"

    def _exponent(self, text: str) -> str:
        return text.translate(_SUPERSCRIPTS)

    def _raised(self, base: str, exponent: ast.expr) -> str:
        return f"{base}^{self._at_least(_ATOM, exponent)}"


class Latex(Notation):
    r"""LaTeX, such as MathJax and a LaTeX document with amsmath take.

    >>> at = {"x": "w1", "out": "net_o"}
    >>> print(Latex(at).write(ast.parse("sqrt(x) / 2 * (1 - out ** 2)", mode="eval").body))
    \frac{\sqrt{w_{1}}}{2} \cdot \left(1 - \mathrm{net}_{o}^{2}\right)
    """

    _transposed = r"^{\top}"

    def _number(self, value: float) -> tuple[str, int]:
        return latex_number(number(value))

    def _name(self, name: str) -> tuple[str, int]:
        return latex_name(_GREEK_TEXT.get(name, name)), _ATOM

    def _sign(self, sign: str) -> str:
        return _LATEX_SIGNS.get(sign, sign)

    def _word(self, words: str) -> str:
        return rf"\text{{{words}}}" if words.strip().isalpha() else latex_name(words)

    def _function(self, name: str) -> str:
        return rf"\{name}" if name in _LATEX_FUNCTIONS else rf"\operatorname{{{latex_text(name)}}}"

    def _bracketed(self, text: str) -> str:
        return rf"\left({text}\right)"

    def _root(self, x: ast.expr) -> tuple[str, int]:
        return rf"\sqrt{{{self._write(x)[0]}}}", _ATOM

    def _quotient(self, left: ast.expr, right: ast.expr) -> tuple[str, int]:
        return rf"\frac{{{self._write(left)[0]}}}{{{self._write(right)[0]}}}", _PRODUCT

    def _rounded(self, name: str, text: str) -> str:
        return rf"\left\l{name} {text} \right\r{name}"

    def _exponent(self, text: str) -> str:
        return f"^{{{text}}}"

    def _raised(self, base: str, exponent: ast.expr) -> str:
        return f"{base}^{{{self._write(exponent)[0]}}}"


_LATEX_SIGNS = {
    "−": "-", " − ": " - ", "·": r" \cdot ", "⊙": r"\odot", " ": r" \, ", "/": " / ",
    "≤": r"\le", "≥": r"\ge", "<": r"\lt", ">": r"\gt", "≠": r"\ne",
    " and ": r" \land ", " or ": r" \lor ", " mod ": r" \bmod ",
}  # fmt: skip
_LATEX_FUNCTIONS = {"exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh"}
_GREEK = {
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa",
    "lambda", "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi",
    "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Phi", "Psi", "Omega",
}  # fmt: skip
_GREEK_TEXT = {"π": "pi", "∞": "infty"}
_LATEX_SPECIAL = {
    "\\": r"}\backslash\text{", "^": r"}\wedge\text{", "~": r"}\sim\text{", "`": r"}\prime\text{",
    "<": r"}\lt\text{", ">": r"}\gt\text{", **{c: "\\" + c for c in "{}$&#_%"},
}  # fmt: skip


def latex_text(text: str) -> str:
    r"""A text for the inside of ``\text{...}``, in which nothing is a command of LaTeX.

    >>> print(latex_text("50% {of} $x_1$"))
    50\% \{of\} \$x\_1\$
    """
    return "".join(_LATEX_SPECIAL.get(c, c) for c in text)


def latex_name(name: str) -> str:
    r"""A name as LaTeX: one letter in italics, a word upright, final digits as an index.

    >>> print(latex_name("w5"), latex_name("out"), latex_name("eta"), latex_name("net_o1"))
    w_{5} \mathrm{out} \eta \mathrm{net}_{\mathrm{o1}}
    >>> print(latex_name("a}$b"))
    \text{a\}\$b}
    """
    if name == "infty":
        return r"\infty"
    found = re.fullmatch(r"(δ_)?([A-Za-z]+|[α-ωΑ-Ω])(?:_?([A-Za-z0-9]+))?(′*)", name)
    if found is None:
        return rf"\text{{{latex_text(name)}}}"
    delta, word, index, primes = found.groups("")
    base = rf"\{word}" if word in _GREEK else word if len(word) == 1 else rf"\mathrm{{{word}}}"
    if index:
        upright = len(index) > 1 and not index.isdigit()
        base += rf"_{{\mathrm{{{index}}}}}" if upright else f"_{{{index}}}"
    base += "'" * len(primes)
    return rf"\delta_{{{base}}}" if delta else base


def latex_number(text: str) -> tuple[str, int]:
    """What ``number`` wrote, as LaTeX, and how tightly it holds together."""
    digits, e, exponent = text.partition("e")
    if e:
        return rf"{digits} \times 10^{{{int(exponent)}}}", _PRODUCT
    shown = {"inf": r"\infty", "-inf": r"-\infty", "nan": r"\mathrm{NaN}"}.get(text, text)
    return shown, _SIGN if text.startswith("-") else _ATOM


def quotient_of(value: float) -> tuple[ast.expr, ast.expr] | None:
    """A number such as 1/3, which four digits do not write in full, as a quotient."""
    if not math.isfinite(value) or float(number(value)) == value:
        return None
    near = Fraction(value).limit_denominator(999_999)
    above, below = float(near.numerator), float(near.denominator)
    whole = 0 < abs(above) < 100 and above / below == value
    return (ast.Constant(above), ast.Constant(below)) if whole else None


def number_of(node: ast.expr, names: Names) -> float | None:
    """The number of a part that is made of numbers only; ``None`` if a name is in it."""
    match node:
        case ast.Constant(bool()):
            return None
        case ast.Constant(int() | float() as value):
            return float(value)
        case ast.Name(name):
            found = names.get(name)
            return found if isinstance(found, float) else None
        case ast.UnaryOp(ast.USub(), operand):
            inner = number_of(operand, names)
            return None if inner is None else -inner
        case ast.BinOp(
            left, ast.Add() | ast.Sub() | ast.Mult() | ast.Div() | ast.Pow() as op, right
        ):
            x, y = number_of(left, names), number_of(right, names)
            if x is None or y is None:
                return None
            try:
                found = _BINARY[type(op)][2](x, y)
            except ArithmeticError:
                return None
            return found if isinstance(found, float) and math.isfinite(found) else None
    return None
