"""Expressions of the user's as they are written in a sentence: ``a·(1 − a)``."""

from __future__ import annotations

import ast

from autograd_mini.check.lines.syntax import factors


def text_of(node: ast.AST | None) -> str:
    return "" if node is None else ast.unparse(node)


def formula(node: ast.AST | None) -> str:
    """An expression as a formula: ``a·(1 − a)``."""
    text = text_of(node).replace(" ** 2", "²").replace(" * ", "·").replace(" - ", " − ")
    return "−" + text[1:] if text.startswith("-") else text


def in_brackets(node: ast.AST | None) -> str:
    text = formula(node)
    return f"({text})" if isinstance(node, ast.BinOp | ast.Compare) else text


def activation(node: ast.AST | None) -> tuple[str, str]:
    """Which activation a factor is the derivative of, such as ``σ′``, and its formula."""
    if not isinstance(node, ast.expr):
        return "", ""
    derivative, texts = formula(node), [text_of(part) for part, _ in factors(node)]
    for one in texts:
        if f"1 - {one}" in texts:
            return "σ′", derivative
    match node:
        case ast.BinOp(ast.Constant(1), ast.Sub(), ast.BinOp(_, ast.Pow(), ast.Constant(2))):
            return "tanh′", derivative
        case ast.BinOp(ast.Constant(1), ast.Sub(), ast.BinOp(left, ast.Mult(), right)):
            return ("tanh′" if text_of(left) == text_of(right) else ""), derivative
        case ast.Compare(_, [ast.Gt()], [ast.Constant(0)]):
            return "ReLU′", derivative
    return "", derivative


def sides(node: ast.AST | None) -> list[ast.expr]:
    """The two factors of a matrix product, in whatever notation."""
    match node:
        case ast.BinOp(left, ast.MatMult(), right):
            return [left, right]
        case ast.Call(_, [left, right]):
            return [left, right]
        case ast.Call(ast.Attribute(left, "dot"), [right]):
            return [left, right]
    return []


def is_of_derivative(function: str) -> bool:
    """Whether the name of a function says that it gives a derivative.

    >>> [is_of_derivative(name) for name in ("self.sigmoid_prime", "dtanh", "np.tanh")]
    [True, True, False]
    """
    name = function.rpartition(".")[2].lower().lstrip("_")
    hints = ("deriv", "prime", "grad", "der_", "_der", "slope", "back", "delta")
    return any(h in name for h in hints) or (
        name.startswith("d") and name[1:].lstrip("_").startswith(_ACTIVATIONS)
    )


_ACTIVATIONS = (
    "sig", "tanh", "relu", "leaky", "soft", "elu", "gelu", "swish", "silu", "act", "logistic",
    "lrelu",
)  # fmt: skip


def pair_in(node: ast.BinOp, text: str) -> ast.expr | None:
    """``x * (1 - x)`` of a product in which both factors stand."""
    parts = [part for part, under in factors(node) if not under]
    texts = [text_of(part) for part in parts]
    if text in texts and f"1 - {text}" in texts:
        one, two = parts[texts.index(text)], parts[texts.index(f"1 - {text}")]
        return ast.BinOp(one, ast.Mult(), two)
    return None


def turns(turned: ast.expr, node: ast.expr) -> bool:
    """Whether an expression is another with axes exchanged."""
    return text_of(turned).startswith((f"{text_of(node)}.T", f"{text_of(node)}.transpose(")) or (
        text_of(turned).startswith(f"{text_of(node)}.swapaxes(")
    )


RATES = ("learning_rate", "lr", "eta", "η", "rate", "alpha", "step_size")
"""Names that a learning rate goes by."""


def is_rate(text: str) -> bool:
    """Whether something called so is a learning rate.

    >>> is_rate("self.lr"), is_rate("clr")
    (True, False)
    """
    return text.rpartition(".")[2] in RATES
