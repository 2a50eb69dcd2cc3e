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
import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import NamedTuple

from autograd_mini.core.rule import RULES, Rule
from autograd_mini.language.texts import (
    ARITHMETIC,
    Domain,
    evaluate,
    read,
)
from autograd_mini.typing import Operand

OperandNames = Mapping[str, str | float]
"""What stands for each operand and for ``out``: a name, or the number of a constant."""


def number(x: Operand) -> str:
    """A number in about four significant digits; whole numbers below a million in full.

    >>> number(0.123456), number(250000.0), number(-1e-20), number(float("inf"))
    ('0.1235', '250000', '-1e-20', 'inf')
    """
    x = float(x) + 0.0  # -0 reads like a misprint
    return f"{x:.0f}" if x.is_integer() and abs(x) < 1e6 else f"{x:.4g}"


def typeset(text: str, names: OperandNames) -> str:
    """A text of the rules' language with the operands' names in it.

    Arguments:
        text: a formula or derivative of the table.
        names: a name or a number for each operand and for ``out``; others stay as they are.

    Raises:
        ValueError: the text is not in the language of the table.
    """
    steps, result = read(text)
    notation = Notation(names)
    local = [f"{name} = {notation.write(expression)}" for name, expression in steps]
    return ", ".join([notation.write(result), *local])


def has_sign(rule: Rule) -> bool:
    """Whether an operation is a sign between operands and numbers, as in ``1 / x``.

    >>> has_sign(RULES["mul"]), has_sign(RULES["reciprocal"]), has_sign(RULES["silu"])
    (True, True, False)
    """
    result = read(rule.formula).result
    parts = [part for part in ast.iter_child_nodes(result) if isinstance(part, ast.expr)]
    names = [part.id for part in parts if isinstance(part, ast.Name)]
    return (
        names == list(rule.operands)
        and all(isinstance(part, ast.Name | ast.Constant) for part in parts)
        and not isinstance(result, ast.Call)
    )


def folded(symbol: str, *numbers: float | None) -> float | None:
    """What an operator makes of numbers; ``None`` if one is no number, or it makes none.

    >>> folded("*", 2.0, 3.0), folded("-", 2.0), folded("/", 1.0, 0.0), folded("+", 1.0, None)
    (6.0, -2.0, None, None)
    """
    if None in numbers or symbol not in ("+", "-", "*", "/", "**"):
        return None
    if len(numbers) == 1:
        return -numbers[0] if symbol == "-" else None  # type: ignore[operator]
    try:
        found = ARITHMETIC[symbol](*numbers)
    except ArithmeticError:
        return None
    return found if isinstance(found, float) and math.isfinite(found) else None


# How tightly a part of a formula holds together
_CHOICE, _BOTH, _COMPARISON, _SUM, _MATRICES, _PRODUCT, _SIGN, _POWER, _ATOM = range(9)

_OPERATORS = {
    "+": (" + ", _SUM), "-": (" − ", _SUM), "*": ("·", _PRODUCT), "/": ("/", _PRODUCT),
    "@": (" ", _MATRICES),
}  # fmt: skip
_COMPARISONS = {"<": "<", "<=": "≤", ">": ">", ">=": "≥", "==": "=", "!=": "≠"}

_PLAIN_NAME = re.compile(r"[\w.'′…#]+(\[[\w.,:…'\"]*\]?)*")
_SYMBOLS = {"pi": "π", "inf": "∞"}
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class Written(NamedTuple):
    """A part of a formula.

    Arguments:
        text: how it is written.
        tightness: how tightly it holds together.
        number: its value, if it is made of numbers only.
        operator: what joins its two sides; ``"name"`` for a name.
    """

    text: str
    tightness: int
    number: float | None = None
    operator: str = ""


class Notation(Domain[Written]):
    """A way to write formulas: as plain text; ``Latex`` is the other.

    Arguments:
        names: a name or a number for each name of the formula; others stay as they are.
        arrays: whether the names stand for arrays, so that ``*`` is the product element by
            element (⊙) and not that of numbers.

    >>> Notation({"g": "δ"}, arrays=True).write(ast.parse("g @ W.T * (1 - out)", mode="eval").body)
    '(δ Wᵀ) ⊙ (1 − out)'
    """

    def __init__(self, names: OperandNames, arrays: bool = False) -> None:
        self.names, self.arrays = names, arrays

    def write(self, formula: ast.expr) -> str:
        """A whole formula."""
        return evaluate(formula, self).text

    def factor(self, formula: ast.expr) -> str:
        """A formula that is to stand on the right of a product."""
        return self._second(_PRODUCT, evaluate(formula, self))

    # What the language's parts mean

    def number(self, number: float) -> Written:
        text = self._exact(float(number))
        return text._replace(number=float(number))

    def name(self, name: str) -> Written:
        shown = self.names.get(name, _SYMBOLS.get(name, name))
        if isinstance(shown, float):
            return self.number(shown)
        return Written(self.name_text(shown), _ATOM, operator="name")

    def operator(self, symbol: str, *operands: Written) -> Written:
        value = folded(symbol, *(operand.number for operand in operands))
        if value is not None:
            return self.number(value)
        if len(operands) == 1:
            sign = self.sign("−") if symbol == "-" else "+"
            return Written(sign + self._at_least(_SIGN, operands[0]), _SIGN)
        left, right = operands
        match symbol:
            case "**":
                return self._power(left, right)
            case "/":
                return self._quotient(left, right)
            case "//":
                return Written(self._enclosed("⌊x⌋", self._quotient(left, right).text), _ATOM)
            case "%":
                first, second = self._at_least(_PRODUCT, left), self._second(_SIGN, right)
                return Written(first + self.sign(" mod ") + second, _COMPARISON)
            case "@":  # a product element by element must not come apart
                chained = left.tightness == _MATRICES
                first = self._at_least(_MATRICES if chained else _SIGN, left)
                return Written(
                    first + self.sign(" ") + self._second(_SIGN, right), _MATRICES, operator="@"
                )
            case "*" if self.arrays and left.number is right.number is None:
                first, second = self._factor(left), self._factor(right)
                return Written(f"{first} {self.sign('⊙')} {second}", _PRODUCT, operator="*")
        sign, tightness = _OPERATORS[symbol]
        first, second = self._at_least(tightness, left), self._second(tightness + 1, right)
        return Written(first + self.sign(sign) + second, tightness, operator=symbol)

    def compare(self, symbol: str, left: Written, right: Written) -> Written:
        first, second = self._at_least(_SUM, left), self._at_least(_SUM, right)
        return Written(f"{first} {self.sign(_COMPARISONS[symbol])} {second}", _COMPARISON)

    def both(self, left: Written, right: Callable[[], Written]) -> Written:
        return self._joined(" and ", left, right())

    def either(self, left: Written, right: Callable[[], Written]) -> Written:
        return self._joined(" or ", left, right())

    def where(
        self, condition: Written, yes: Callable[[], Written], no: Callable[[], Written]
    ) -> Written:
        first, test = self._at_least(_BOTH, yes()), self._at_least(_BOTH, condition)
        words = self.word(" if "), self.word(" else ")
        return Written(f"{first}{words[0]}{test}{words[1]}{no().text}", _CHOICE)

    def call(self, name: str, *operands: Written, **options: Written) -> Written:
        notation = RULES[name].notation if name in RULES else ""
        if notation.startswith("√"):
            return self._root(*operands)
        if notation:
            return Written(self._enclosed(notation, operands[0].text), _ATOM)
        inside = [operand.text for operand in operands]
        inside += [f"{self.word(option)}={value.text}" for option, value in options.items()]
        called = self._function(str(self.names.get(name, name)))
        return Written(called + self.bracketed(", ".join(inside)), _ATOM)

    def other(self, node: ast.expr, value: Callable[[ast.expr], Written]) -> Written:
        match node:
            case ast.Attribute(x, "T" | "mT"):
                return Written(self._at_least(_ATOM, value(x)) + self._transposed, _POWER)
            case ast.Subscript(x, ast.Tuple(parts)) if parts:
                index = ", ".join(value(part).text for part in parts)
                return Written(f"{self._at_least(_ATOM, value(x))}[{index}]", _ATOM)
            case ast.Subscript(x, index):
                return Written(f"{self._at_least(_ATOM, value(x))}[{value(index).text}]", _ATOM)
            case ast.Slice(first, last, step):
                ends = [first, last, *([] if step is None else [step])]
                return Written(":".join("" if e is None else value(e).text for e in ends), _CHOICE)
            case ast.Tuple(parts):
                inside = ", ".join(value(part).text for part in parts)
                return Written(self.bracketed(inside + "," * (len(parts) == 1)), _ATOM)
            case ast.List(parts):
                return Written(f"[{', '.join(value(part).text for part in parts)}]", _ATOM)
        return Written(self.word(ast.unparse(node)), _CHOICE)

    # Brackets

    def _at_least(self, tightness: int, part: Written) -> str:
        return part.text if part.tightness >= tightness else self.bracketed(part.text)

    def _second(self, tightness: int, part: Written) -> str:
        text = self._at_least(tightness, part)
        return self.bracketed(text) if text.startswith(self.sign("−")) else text

    def _factor(self, part: Written) -> str:
        """A side of ⊙: another ⊙ needs no brackets, a product of matrices has them."""
        return self._at_least(_PRODUCT + (part.operator != "*"), part)

    def _joined(self, word: str, left: Written, right: Written) -> Written:
        first, second = self._at_least(_BOTH, left), self._second(_BOTH + 1, right)
        return Written(first + self.sign(word) + second, _BOTH)

    def _quotient(self, left: Written, right: Written) -> Written:
        first, second = self._at_least(_PRODUCT, left), self._second(_PRODUCT + 1, right)
        return Written(first + self.sign("/") + second, _PRODUCT, operator="/")

    def _power(self, base: Written, exponent: Written) -> Written:
        power = exponent.number
        if power == 1:
            return base
        text = self._at_least(_ATOM, base)
        if power is not None and power >= 0 and power.is_integer():
            return Written(text + self._exponent(number(power)), _POWER)
        return Written(self._raised(text, exponent), _POWER)

    def _exact(self, value: float) -> Written:
        quotient = quotient_of(value)
        if quotient is None:
            return self.number_text(value)
        return self._quotient(*map(self.number_text, quotient))

    # What differs between one way of writing and another

    _transposed = "ᵀ"

    def number_text(self, value: float) -> Written:
        """A number, rounded."""
        text = number(value).replace("-", "−").replace("inf", "∞")
        return Written(text, _SIGN if text.startswith("−") else _ATOM)

    def name_text(self, name: str) -> str:
        """A name of the user's."""
        return name if _PLAIN_NAME.fullmatch(name) else f"({name})"

    def sign(self, sign: str) -> str:
        """An operator, with the room round it."""
        return sign

    def word(self, words: str) -> str:
        """A word that is no name."""
        return words

    def bracketed(self, text: str) -> str:
        """A text in brackets."""
        return f"({text})"

    def _function(self, name: str) -> str:
        return name

    def _root(self, x: Written) -> Written:
        plain = x.operator == "name" or x.text.isalnum()
        return Written("√" + (x.text if plain else self.bracketed(x.text)), _POWER)  # √x² is √(x²)

    def _enclosed(self, notation: str, text: str) -> str:
        """A function that encloses its operand, such as ⌊x⌋."""
        return notation.replace("x", text)

    def _exponent(self, text: str) -> str:
        return text.translate(_SUPERSCRIPTS)

    def _raised(self, base: str, exponent: Written) -> str:
        return f"{base}^{self._at_least(_ATOM, exponent)}"


class Latex(Notation):
    r"""LaTeX, such as MathJax and a LaTeX document with amsmath take.

    >>> at = {"x": "w1", "out": "net_o"}
    >>> print(Latex(at).write(ast.parse("sqrt(x) / 2 * (1 - out ** 2)", mode="eval").body))
    \frac{\sqrt{w_{1}}}{2} \cdot \left(1 - \mathrm{net}_{o}^{2}\right)
    """

    _transposed = r"^{\top}"

    def number_text(self, value: float) -> Written:
        return Written(*latex_number(number(value)))

    def name_text(self, name: str) -> str:
        return latex_name(_GREEK_TEXT.get(name, name))

    def sign(self, sign: str) -> str:
        return _LATEX_SIGNS.get(sign, sign)

    def word(self, words: str) -> str:
        return rf"\text{{{words}}}" if words.strip().isalpha() else latex_name(words)

    def bracketed(self, text: str) -> str:
        return rf"\left({text}\right)"

    def _function(self, name: str) -> str:
        return rf"\{name}" if name in _LATEX_FUNCTIONS else rf"\operatorname{{{latex_text(name)}}}"

    def _root(self, x: Written) -> Written:
        return Written(rf"\sqrt{{{x.text}}}", _ATOM)

    def _quotient(self, left: Written, right: Written) -> Written:
        return Written(rf"\frac{{{left.text}}}{{{right.text}}}", _PRODUCT, operator="/")

    def _enclosed(self, notation: str, text: str) -> str:
        left, right = (_LATEX_SIGNS.get(sign, sign) for sign in notation.split("x"))
        return left + text + right

    def _exponent(self, text: str) -> str:
        return f"^{{{text}}}"

    def _raised(self, base: str, exponent: Written) -> str:
        return f"{base}^{{{exponent.text}}}"


_LATEX_SIGNS = {
    "−": "-", " − ": " - ", "·": r" \cdot ", "⊙": r"\odot", " ": r" \, ", "/": " / ",
    "≤": r"\le", "≥": r"\ge", "<": r"\lt", ">": r"\gt", "≠": r"\ne",
    " and ": r" \land ", " or ": r" \lor ", " mod ": r" \bmod ",
    "⌊": r"\left\lfloor ", "⌋": r" \right\rfloor", "⌈": r"\left\lceil ", "⌉": r" \right\rceil",
}  # fmt: skip
_LATEX_FUNCTIONS = {
    "arccos", "arcsin", "arctan", "arg", "cos", "cosh", "cot", "coth", "csc", "deg", "det", "dim",
    "exp", "gcd", "hom", "inf", "ker", "lg", "lim", "ln", "log", "max", "min", "sec", "sin",
    "sinh", "sup", "tan", "tanh",
}  # fmt: skip
"""The functions that LaTeX has a command for."""
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


def quotient_of(value: float) -> tuple[float, float] | None:
    """A number such as 1/3, which four digits do not write in full, as a quotient."""
    if not math.isfinite(value) or float(number(value)) == value:
        return None
    near = Fraction(value).limit_denominator(999_999)
    above, below = float(near.numerator), float(near.denominator)
    whole = 0 < abs(above) < 100 and above / below == value
    return (above, below) if whole else None
