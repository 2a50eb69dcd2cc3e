"""Formulas as they are printed, evaluated as NumPy reads them: no bracket is supplied."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

import autograd_mini as ag
from autograd_mini.core.operation import OPERATIONS, ArrayOperation
from autograd_mini.core.rule import RULES
from autograd_mini.show.notation import latex_name

_TOKEN = re.compile(
    r"(?P<space> +)|(?P<text>'[^']*')|(?P<number>\d+(\.\d+)?(e[−-]?\d+)?)"
    r"|(?P<name>(?!\d)((?![ᵀ⁰¹²³⁴⁵⁶⁷⁸⁹])\w)+)|(?P<power>[⁰¹²³⁴⁵⁶⁷⁸⁹]+)|(?P<sign>.)"
)
_DIGITS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_SIGNS = {
    "−": "-", "·": "*", "⊙": "*", "≤": "<=", "≥": ">=", "≠": "!=", "ᵀ": ".mT", "^": "**",
    "√": "sqrt_ ** ", "∞": "inf", "mod": "%", "⌊": "floor(", "⌋": ")", "⌈": "ceil(", "⌉": ")",
}  # fmt: skip
_WORDS = {"if", "else", "and", "or", "mod"}


def python_of(formula: str) -> str:
    """The notation in Python's signs: a space between two factors is the product of matrices.

    >>> python_of("Xᵀ (2·h ⊙ (1 − h²))")
    'X.mT @ (2*h * (1 - h**2))'
    """
    tokens = list(_TOKEN.finditer(formula))
    written, ends_factor, in_bars = [], False, False
    for place, token in enumerate(tokens):
        text, kind = token[0], token.lastgroup
        if kind == "space":
            after = tokens[place + 1]
            begins = after[0] not in _WORDS and (
                after.lastgroup in ("name", "number", "text") or after[0] in "(√π∞⌊⌈"
            )
            begins |= after[0] == "|" and not in_bars
            written.append(" @ " if ends_factor and begins else " ")
            continue
        if kind == "power":
            written.append("**" + text.translate(_DIGITS))
        elif text == "=" and tokens[place - 1].lastgroup == "space":
            written.append("==")
        elif text == "|":
            written.append(")" if in_bars else "abs(")
            in_bars = not in_bars
        elif text == "π":
            written.append("pi")
        else:
            written.append(_SIGNS.get(text, text.replace("−", "-")))
        ends_factor = (
            (kind in ("name", "number", "text", "power") and text not in _WORDS)
            or text in ")]ᵀπ∞⌋⌉"
            or (text == "|" and not in_bars)
        )
    return "".join(written)


class _Choices(ast.NodeTransformer):
    """``a if c else b`` over arrays, ``and`` and ``or`` between comparisons, and the root."""

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        parts = [self.visit(part) for part in (node.test, node.body, node.orelse)]
        return ast.Call(ast.Name("where", ast.Load()), parts, [])

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        function = "logical_and" if isinstance(node.op, ast.And) else "logical_or"
        found = self.visit(node.values[0])
        for value in node.values[1:]:
            found = ast.Call(ast.Name(function, ast.Load()), [found, self.visit(value)], [])
        return found

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.left, ast.Name) and node.left.id == "sqrt_":  # √ binds like a power
            return ast.Call(ast.Name("sqrt", ast.Load()), [node.right], [])
        return node


def scatter(g: Any, index: Any, shape: Any) -> Any:
    total = np.zeros(shape)
    np.add.at(total, index, g)
    return total


def gather(xs: Any, places: Any) -> Any:
    return np.concatenate([np.ravel(x) for x in xs])[places]


FUNCTIONS: dict[str, Any] = {
    **{
        name: operation.forward
        for name, operation in OPERATIONS.items()
        if isinstance(operation, ArrayOperation) and not callable(operation.pullbacks)
    },
    **{name: rule.forward for name, rule in RULES.items()},
    **{name: getattr(np, name) for name in dir(np) if not name.startswith("_")},
    "softmax": ag.softmax, "log_softmax": ag.log_softmax, "logsumexp": ag.logsumexp,
    "norm": np.linalg.norm, "scatter": scatter, "gather": gather,
}  # fmt: skip


def value_of(formula: str, names: Mapping[str, Any]) -> Any:
    """What a printed formula comes to.

    Arguments:
        formula: as an explanation prints it.
        names: the arrays and numbers that its names stand for.
    """
    text = python_of(formula)
    try:
        tree = ast.fix_missing_locations(_Choices().visit(ast.parse(text, mode="eval")))
    except SyntaxError as error:
        raise AssertionError(f"{formula!r}, which is {text!r}, cannot be read: {error}") from None
    return eval(compile(tree, formula, "eval"), {**FUNCTIONS, **names})


# LaTeX


_LATEX = [
    (r"\\left\(", "("), (r"\\right\)", ")"), (r" \\cdot ", "·"), (r"\\odot", "⊙"), (r" \\, ", "@"),
    (r" \\times ", "·"), (r"\^\{\\top\}", "ᵀ"), (r"\\le ", "≤ "), (r"\\ge ", "≥ "),
    (r"\\lt ", "< "), (r"\\gt ", "> "), (r"\\ne ", "≠ "), (r" \\land ", " and "),
    (r"\\left\\lfloor ", "⌊"), (r" \\right\\rfloor", "⌋"), (r"\\left\\lceil ", "⌈"),
    (r" \\right\\rceil", "⌉"), (r" \\bmod ", " mod "),
    (r" \\lor ", " or "), (r"\\infty", "∞"), (r"\\pi", "π"), (r"\\_", "_"),
    (r"\\(?:operatorname|text|mathrm)\{([^{}]*)\}", r"\1"),
    (r"\\(exp|log|max|min|det|(?:arc)?(?:sin|cos|tan)|(?:sin|cos|tan)h)\b", r"\1"),
]  # fmt: skip


def text_of(latex: str, names: Mapping[str, Any]) -> str:
    """A formula in LaTeX in the signs of the text; what a brace holds together, brackets do.

    >>> text_of(r"\\frac{z_{1}}{2} \\, \\left(1 - h^{2}\\right)", {"z1": 0.0, "h": 0.0})
    '((z1)/(2))@(1 - h^(2))'
    """
    latex = latex.replace(r"}\gt\text{", ">")
    for name in sorted(names, key=lambda name: -len(latex_name(name))):
        bounds = (r"(?<![\\\w])", r"(?!\w)") if latex_name(name)[0].isalpha() else ("", "")
        latex = re.sub(re.escape(latex_name(name)).join(bounds), name, latex)
    for pattern, text in _LATEX:
        latex = re.sub(pattern, text, latex)
    while "{" in latex:
        before = latex
        latex = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"((\1)/(\2))", latex)
        latex = re.sub(r"\\sqrt\{([^{}]*)\}", r"sqrt(\1)", latex)
        latex = re.sub(r"\^\{([^{}]*)\}", r"^(\1)", latex)
        assert latex != before, latex
    return latex
