"""Expressions of the command line, such as ``sigmoid(w*x + b)``, computed over Values.

The language is that of the table of rules: names, numbers, ``+ - * / ** % //``, comparisons, the
table's functions, the constants ``pi``, ``inf`` and ``nan``, and names for intermediate results
(``net = w*x + b; sigmoid(net)``).  A text is parsed and computed node by node, never evaluated
as Python.

>>> found, leaves = compute("net = w*x + b; sigmoid(net)", {"w": 0.5, "x": 2.0, "b": -1.0})
>>> found
Value(0.5, label='f', op='sigmoid')
>>> sorted(leaves)
['b', 'w', 'x']
"""

from __future__ import annotations

import ast
import difflib
import operator
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from autograd_mini.core.rule import FUNCTIONS, RULES
from autograd_mini.core.value import Value
from autograd_mini.language.texts import (
    ALLOWED,
    CONSTANTS,
    Number,
    Numbers,
    evaluate,
    names_in,
    parse,
    read,
)


class ExpressionError(ValueError):
    """A text that cannot be computed: one line, and one with a mark under the place."""


def compute(text: str, at: Mapping[str, float]) -> tuple[Value, dict[str, Value]]:
    """The Value of an expression, and its variables, which are Values as well.

    Arguments:
        text: the expression.
        at: a number for each of its variables.

    Raises:
        ExpressionError: the text is not in the language, a name is unknown, a variable has no
            number, or an operation is not defined at these numbers.
    """
    tree = _parsed(text)
    used = names_in(text)
    unknown = sorted(at.keys() - used)
    if unknown:
        raise ExpressionError(
            f"{unknown[0]!r} is no variable of {_short(text)}"
            + (_meant(text) or _nearest(unknown[0], used))
            + (f"; its variables are {', '.join(sorted(used))}" if used else "; it has none")
        )
    _check_names(tree, text, used)
    leaves = {name: Value(number, name) for name, number in at.items()}
    taken = {*leaves, *(name for name, _ in read(text).steps)}
    try:
        found = evaluate(text, _OverValues(text, taken), leaves)
    except RecursionError:
        raise ExpressionError("the expression is nested too deeply") from None
    if not isinstance(found, Value):
        raise ExpressionError(f"{_short(text)} is a constant: it depends on no variable")
    if not found.label:
        names = {"f", "y", "out"} - taken
        found.label = min(names) if names else "result"
    return found, leaves


def numbers(texts: Iterable[str]) -> dict[str, float]:
    """The numbers of options such as ``w=0.5,x=2``.

    Raises:
        ExpressionError: a part is not NAME=NUMBER, or a name is given twice.

    >>> numbers(["w=0.5,x=2", "b=-1"])
    {'w': 0.5, 'x': 2.0, 'b': -1.0}
    """
    found: dict[str, float] = {}
    for part in (part.strip() for text in texts for part in text.split(",")):
        name, equals, number = (piece.strip() for piece in part.partition("="))
        name = unicodedata.normalize("NFKC", name)  # as Python reads names
        if not equals or not name.isidentifier():
            raise ExpressionError(f"{part!r} is not NAME=NUMBER: write --at w=0.5,x=2")
        if name in found:
            raise ExpressionError(f"{name!r} is given twice: {found[name]} and {number}")
        if name in FUNCTIONS:
            raise ExpressionError(f"{name!r} is a name of the table: call the variable otherwise")
        try:
            found[name] = float(number)
        except ValueError:
            raise ExpressionError(
                f"{name}={number!r} is no number: write --at {name}=0.5"
            ) from None
    return found


def variable(name: str, variables: Mapping[str, Value]) -> Value:
    """A variable by name.

    Raises:
        ExpressionError: there is none of that name.
    """
    if name not in variables:
        raise ExpressionError(
            f"there is no variable {name!r}{_nearest(name, variables)}; there are "
            f"{', '.join(sorted(variables))}"
        )
    return variables[name]


def _parsed(text: str) -> ast.Module:
    """The syntax tree; an error says where."""
    try:
        tree = ast.parse(text.strip())
    except SyntaxError as error:
        message = f"{error.msg}{_meant(text)}"
        raise ExpressionError(
            _marked(message, text.strip(), (error.offset or 1) - 1, error.lineno or 1)
        ) from None
    except (RecursionError, MemoryError):
        raise ExpressionError("the expression is nested too deeply") from None
    except ValueError as error:  # a null byte, or a number of thousands of digits
        raise ExpressionError(f"{_short(text)} is no expression: {error}") from None
    try:
        return parse(text)
    except RecursionError:
        raise ExpressionError("the expression is nested too deeply") from None
    except ValueError as error:
        for node in ast.walk(tree):
            sign = getattr(node, "op", None)  # a sign has no place of its own
            wrong = (
                not isinstance(node, ALLOWED)
                or not isinstance(sign, (*ALLOWED, type(None)))
                or (isinstance(node, ast.Constant) and type(node.value) not in (int, float))
            )
            if wrong and hasattr(node, "col_offset"):
                what = ast.unparse(node)
                what = what if len(what) < 40 else what[:39] + "…"
                raise ExpressionError(
                    _at(
                        f"{what!r} is not allowed"
                        + (
                            _meant(text)
                            or ": write variables, numbers, + - * / ** % //, comparisons, and "
                            "functions of the table (autograd-mini rules)"
                        ),
                        text, node,
                    )
                ) from None  # fmt: skip
        raise ExpressionError(str(error)) from None


def _check_names(tree: ast.Module, text: str, variables: Collection[str]) -> None:
    """Refuse what is assigned to a name that has a meaning, and functions that nobody knows."""
    named = {*variables, *FUNCTIONS}
    for line in tree.body:
        if isinstance(line, ast.Assign):
            target = line.targets[0]
            if len(line.targets) != 1 or not isinstance(target, ast.Name):
                raise ExpressionError(_at("give one name to each result", text, target))
            if target.id in named:
                raise ExpressionError(_at(f"{target.id!r} has a meaning already", text, target))
            named.add(target.id)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) not in RULES:
            name = ast.unparse(node.func)
            near = (
                f"; write {_OTHER_NAMES[name]}"
                if name in _OTHER_NAMES
                else _nearest(name, RULES) or _meant(text) or "; `autograd-mini rules` lists them"
            )
            raise ExpressionError(_at(f"the table has no function {name!r}{near}", text, node))


class _Undefined(ArithmeticError):
    """What no number is the result of: "not defined", "too large for a float"."""


class _OverValues(Numbers):
    """A text over Values and numbers; an error says where it is."""

    def __init__(self, text: str, names: Collection[str]) -> None:
        self.text, self.names = text, names

    def number(self, number: float) -> float:
        return self.attempt(float, number)  # type: ignore[no-any-return]

    def name(self, name: str) -> Number:
        if name in CONSTANTS:
            return CONSTANTS[name]
        if name in RULES:
            raise ValueError(f"{name} is a function: write {name}(...)")
        near = _meant(self.text) or _nearest(name, [*self.names, *CONSTANTS])
        raise ValueError(f"{name!r} has no number{near}: give --at {name}=...")

    def operator(self, symbol: str, *operands: Number) -> Number:
        return self.attempt(super().operator, symbol, *operands)

    def both(self, left: Number, right: Callable[[], Number]) -> Number:
        return self.attempt(operator.and_, left, right())

    def either(self, left: Number, right: Callable[[], Number]) -> Number:
        return self.attempt(operator.or_, left, right())

    def where(
        self, condition: Number, yes: Callable[[], Number], no: Callable[[], Number]
    ) -> Number:
        return self.call("where", condition, yes(), no())  # a node, which has both branches

    def call(self, name: str, *operands: Number, **options: Number) -> Number:
        row = RULES[name]
        try:
            operands = row.bind(operands, options)
        except TypeError:
            message = f"{name} takes {row.signature}, not {len(operands)} operands"
            raise ValueError(message) from None
        numeric = not any(isinstance(operand, Value) for operand in operands)
        return self.attempt(row.on_floats if numeric else FUNCTIONS[name], *operands)

    def local(self, name: str, value: Number) -> Number:
        if isinstance(value, Value) and not value.label:
            value.label = name
        return value

    def attempt(self, function: Callable[..., Any], *operands: Number) -> Number:
        """The result of an operation; between plain numbers, what failed is the expression."""
        try:
            found = function(*operands)
        except (ArithmeticError, ValueError, TypeError) as error:
            if any(isinstance(operand, Value) for operand in operands):
                raise
            large = isinstance(error, OverflowError)
            raise _Undefined("too large for a float" if large else "not defined") from None
        if isinstance(found, complex):
            raise ValueError("the result is no real number")
        return found

    def failed(self, error: Exception, node: ast.expr) -> None:
        if isinstance(error, ExpressionError):
            return
        what = f"{_short(ast.unparse(node))} is " if isinstance(error, _Undefined) else ""
        raise ExpressionError(_at(f"{what}{error}", self.text, node)) from None


_OTHER_NAMES = {
    "ln": "log", "lg": "log10", "σ": "sigmoid", "logistic": "sigmoid", "expit": "sigmoid",
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2", "tg": "tan",
    "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh", "sgn": "sign", "swish": "silu",
    "max": "maximum", "min": "minimum", "power": "x**y", "pow": "x**y",
    "round": "rint", "ceiling": "ceil", "remainder": "mod",
}  # fmt: skip
"""What mathematics and other languages call functions of the table."""

_OURS = {name: ours for name, ours in _OTHER_NAMES.items() if ours in RULES}

_FUNCTION = rf"\b({'|'.join([*RULES, *_OURS])})"

_OTHER_SIGNS = [
    (r"\b(?:np|numpy|math|ag|torch)\.(?=\w+\()", ""),  # np.tanh(w)
    (rf"(\([^()]*\))\.{_FUNCTION}\(\)", r"\2\1"), (rf"\b([^\W\d]\w*)\.{_FUNCTION}\(\)", r"\2(\1)"),
    (_FUNCTION + r"(²|³|\^\d+)\s*(\([^()]*\))", r"\1\3\2"),  # sin²(w) is sin(w)²
    (_FUNCTION + r" +(\w+)", r"\1(\2)"),
    (r"\^", "**"), ("²", "**2"), ("³", "**3"), ("[·×⋅]", "*"), ("÷", "/"), ("[−–]", "-"),
    (r"√\s*(\w+)", r"sqrt(\1)"), (r"√\s*\(", "sqrt("), (r"\|([^|]+)\|", r"abs(\1)"),
    (r"(?<![\w.])((?>\d+\.?\d*(?:[eE][-+]?\d+)?))\s*(?=[^\W\d]|\()", r"\1*"),  # 2w is 2*w
    (r"\)\s*(?=[\w(])", ")*"),
]  # fmt: skip


def _meant(text: str) -> str:
    """A proposal, if the text is in the signs of mathematics."""
    proposal = text.strip()
    for sign, ours in _OTHER_SIGNS:
        proposal = re.sub(sign, ours, proposal)
    proposal = re.sub(_FUNCTION + r"(?=\()", lambda name: _OURS.get(name[1], name[1]), proposal)
    try:
        if names_in(proposal) & {*RULES, *_OURS}:  # a function that nothing is given to
            return ""
    except (ValueError, RecursionError, MemoryError):
        return ""
    return "" if proposal == text.strip() else f"; did you mean {' '.join(proposal.split())}?"


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=3) or difflib.get_close_matches(
        name.lower(), list(known), n=3
    )
    return f"; did you mean {' or '.join(near)}?" if near else ""


def _short(text: str) -> str:
    text = " ".join(text.split())
    return repr(text if len(text) < 60 else text[:59] + "…")


_WIDTH = 72


def _at(message: str, text: str, node: Any) -> str:
    line = text.strip().splitlines()[node.lineno - 1].encode()
    return _marked(message, text.strip(), len(line[: node.col_offset].decode()), node.lineno)


def _marked(message: str, text: str, column: int, line: int = 1) -> str:
    """The message, and under it the line of the text with a mark at the place."""
    lines = text.splitlines() or [""]
    shown = lines[min(line, len(lines)) - 1]
    column = max(0, min(column, len(shown)))
    if len(shown) > _WIDTH:
        start = max(0, column - _WIDTH // 2)
        cut = shown[start : start + _WIDTH]
        shown = ("…" if start else "") + cut + ("…" if start + _WIDTH < len(shown) else "")
        column += (1 if start else 0) - start
    shown = "".join(c if c.isprintable() else " " for c in shown)
    return f"{message}\n  {shown}\n  {' ' * column}^"
