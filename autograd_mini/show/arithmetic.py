"""Arithmetic of formulas, as far as a textbook does it silently.

Formulas are Python's syntax trees; none is changed, but for what is built anew.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

from autograd_mini.language.texts import Trees, evaluate

Shape = tuple[int, ...]

_NO_NAMES: Mapping[str, ast.expr] = MappingProxyType({})


def product(factors: Iterable[ast.expr]) -> ast.expr:
    """The product of formulas, with all numbers in it multiplied and in front.

    >>> parts = [ast.parse(text, mode="eval").body for text in ("0.5", "2 * (t - o)", "-1")]
    >>> ast.unparse(product(parts))
    '-(t - o)'
    """
    number = 1.0
    above: list[ast.expr] = []
    below: list[ast.expr] = []

    def take(part: ast.expr, inverse: bool) -> None:
        nonlocal number
        match part:
            case ast.Constant(int() | float() as value) if not inverse or value:
                number = number / value if inverse else number * value
            case ast.UnaryOp(ast.USub(), inner):
                number = -number
                take(inner, inverse)
            case ast.BinOp(left, ast.Mult(), right):
                take(left, inverse)
                take(right, inverse)
            case ast.BinOp(left, ast.Div(), right):
                take(left, inverse)
                take(right, not inverse)
            case _:
                (below if inverse else above).append(part)

    for factor in factors:
        take(factor, False)
    if not math.isfinite(number) or not (above or below):
        return _quotient([ast.Constant(number), *above], below)
    for i, part in enumerate(above):  # a number times an array of one number
        match part:
            case ast.Call(
                ast.Name("broadcast_to") as name, [ast.Constant(int() | float() as value), shape]
            ):
                above[i] = ast.Call(name, [ast.Constant(number * value), shape], [])
                number = 1.0
                break
    if abs(number) != 1 or not above:
        above = [ast.Constant(number), *above]
    elif number < 0:
        above[0] = ast.UnaryOp(ast.USub(), above[0])
    return _quotient(above, below)


def _quotient(above: list[ast.expr], below: list[ast.expr]) -> ast.expr:
    found = above[0]
    for part in above[1:]:
        found = ast.BinOp(found, ast.Mult(), part)
    if not below:
        return found
    under = below[0]
    for part in below[1:]:
        under = ast.BinOp(under, ast.Mult(), part)
    return ast.BinOp(found, ast.Div(), under)


def total(parts: Sequence[ast.expr]) -> ast.expr:
    """The sum of formulas.

    >>> parts = [ast.parse(text, mode="eval").body for text in ("1", "1", "-x")]
    >>> ast.unparse(total(parts))
    '2.0 - x'
    """
    numbers = [part.value for part in parts if isinstance(part, ast.Constant)]
    rest = [part for part in parts if not isinstance(part, ast.Constant)]
    if len(numbers) > 1:
        rest = [ast.Constant(math.fsum(numbers)), *rest]  # type: ignore[arg-type]
    else:
        rest = list(parts)
    found = rest[0]
    for part in rest[1:]:
        opposite = _opposite(part)
        if opposite is not None:
            found = ast.BinOp(found, ast.Sub(), opposite)
        else:
            found = ast.BinOp(found, ast.Add(), part)
    return found


def _opposite(part: ast.expr) -> ast.expr | None:
    """A formula that begins with a minus, without it; ``None`` for others."""
    match part:
        case ast.UnaryOp(ast.USub(), operand):
            return operand
        case ast.Constant(int() | float() as value) if value < 0:
            return ast.Constant(-value)
        case ast.BinOp(left, (ast.Mult() | ast.Div()) as op, right):
            inner = _opposite(left)
            return None if inner is None else ast.BinOp(inner, op, right)
    return None


def repeated(number: ast.expr, shape: Shape) -> ast.expr:
    """An array that is one number in all its elements."""
    if not shape:
        return number
    sizes: list[ast.expr] = [ast.Constant(size) for size in shape]
    return ast.Call(ast.Name("broadcast_to"), [number, ast.Tuple(sizes)], [])


def repeated_number(expression: ast.expr) -> ast.expr | None:
    """The number that an array repeats in all its elements, if it is written so."""
    match expression:
        case ast.Call(ast.Name("broadcast_to"), [ast.Constant() as number, _]):
            return number
        case ast.Constant():
            return expression
    return None


def simplified(tree: ast.expr, names: Mapping[str, ast.expr] = _NO_NAMES) -> ast.expr:
    """The formula without what two operations together need not say.

    Arguments:
        names: simple formulas that stand for names of it.

    >>> ast.unparse(simplified(ast.parse("g @ W.T.T + x[s_[1:3]]", mode="eval").body))
    'g @ W + x[1:3]'
    """
    return evaluate(tree, _Simplified(), names)


class _Simplified(Trees):
    def call(self, name: str, *operands: ast.expr, **options: ast.expr) -> ast.expr:
        first = operands[0] if operands else None
        if name == "expand_dims" and isinstance(first, ast.Constant):
            return first
        if name == "broadcast_to" and first is not None:  # repeated twice is repeated once
            first = product([first])
            operands = (repeated_number(first) or first, *operands[1:])
        return super().call(name, *operands, **options)

    def other(self, node: ast.expr, value: Callable[[ast.expr], ast.expr]) -> ast.expr:
        match super().other(node, value):
            case ast.Attribute(ast.Attribute(inner, ("T" | "mT") as first), second) if (
                first == second
            ):
                return inner
            case ast.Subscript(x, ast.Subscript(ast.Name("s_"), index)):  # x[s_[1:3]] is x[1:3]
                return self._indexed(x, index)
            case ast.Subscript(x, index):
                return self._indexed(x, index)
            case tree:
                return tree

    def _indexed(self, x: ast.expr, index: ast.expr) -> ast.expr:
        match index:
            case ast.Tuple([only]):  # x[1:3,] is x[1:3]
                index = only
        return ast.Subscript(x, index)
