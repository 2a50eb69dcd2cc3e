"""Formulas of the table of rules, written the way mathematics does.

>>> typeset("out * (1 - out)", {"out": "h1"})
'h1·(1 − h1)'
>>> typeset("y * x ** (y - 1)", {"x": "width", "y": 3.0})
'3·width²'
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from autograd_mini.rules import FUNCTIONS, parse

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
    parts = [_write(last.value, names)[0]]
    for line in assignments:
        assert isinstance(line, ast.Assign)
        parts.append(f"{ast.unparse(line.targets[0])} = {_write(line.value, names)[0]}")
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
_CHOICE, _BOTH, _COMPARISON, _SUM, _PRODUCT, _SIGN, _POWER, _ATOM = range(8)

_BINARY: dict[type[ast.operator], tuple[str, int, Callable[[Any, Any], Any]]] = {
    ast.Add: (" + ", _SUM, operator.add),
    ast.Sub: (" − ", _SUM, operator.sub),
    ast.Mult: ("·", _PRODUCT, operator.mul),
    ast.Div: ("/", _PRODUCT, operator.truediv),
    ast.Pow: ("^", _POWER, operator.pow),
    ast.BitAnd: (" and ", _BOTH, operator.and_),
    ast.BitOr: (" or ", _BOTH, operator.or_),
}

_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<", ast.LtE: "≤", ast.Gt: ">", ast.GtE: "≥", ast.Eq: "=", ast.NotEq: "≠",
}  # fmt: skip

_PLAIN_NAME = re.compile(r"[\w.'′…]+(\[[\w.,:…]*\]?)?")
_CONSTANTS = {"pi": "π", "inf": "∞"}
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def _write(node: ast.expr, names: Names) -> tuple[str, int]:
    """The text of a part of a formula, and how tightly it holds together."""
    value = _number(node, names)
    if value is not None:
        text = number(value).replace("-", "−").replace("inf", "∞")
        return text, _SIGN if text.startswith("−") else _ATOM
    match node:
        case ast.Name():
            name = str(names.get(node.id, _CONSTANTS.get(node.id, node.id)))
            return (name if _PLAIN_NAME.fullmatch(name) else f"({name})"), _ATOM
        case ast.BinOp(left, op, right):
            return _binary(left, op, right, names)
        case ast.UnaryOp(op, operand):
            sign = "−" if isinstance(op, ast.USub) else "+"
            return sign + _at_least(_SIGN, operand, names), _SIGN
        case ast.Compare(left, operators, rights):
            pairs = zip(operators, rights, strict=True)
            signs = (f" {_COMPARISONS[type(o)]} {_at_least(_SUM, r, names)}" for o, r in pairs)
            return _at_least(_SUM, left, names) + "".join(signs), _COMPARISON
        case ast.Call(ast.Name("where"), [condition, yes, no]):
            first, test = _at_least(_BOTH, yes, names), _at_least(_BOTH, condition, names)
            return f"{first} if {test} else {_write(no, names)[0]}", _CHOICE
        case ast.Call(ast.Name("sqrt"), [x]):
            return "√" + _at_least(_ATOM, x, names), _ATOM
        case ast.Call(ast.Name("abs"), [x]):
            return f"|{_write(x, names)[0]}|", _ATOM
        case ast.Call(function, arguments):
            inside = ", ".join(_write(argument, names)[0] for argument in arguments)
            return f"{ast.unparse(function)}({inside})", _ATOM
    return ast.unparse(node), _CHOICE


def _at_least(tightness: int, node: ast.expr, names: Names) -> str:
    text, found = _write(node, names)
    return text if found >= tightness else f"({text})"


def _binary(left: ast.expr, op: ast.operator, right: ast.expr, names: Names) -> tuple[str, int]:
    sign, tightness, _ = _BINARY[type(op)]
    if isinstance(op, ast.Pow):
        exponent = _number(right, names)
        if exponent == 1:
            return _write(left, names)
        base = _at_least(_ATOM, left, names)
        if exponent is not None and exponent >= 0 and exponent.is_integer():
            return base + number(exponent).translate(_SUPERSCRIPTS), _POWER
        return f"{base}^{_at_least(_ATOM, right, names)}", _POWER
    second = _at_least(tightness + 1, right, names)
    if second.startswith("−"):
        second = f"({second})"
    return _at_least(tightness, left, names) + sign + second, tightness


def _number(node: ast.expr, names: Names) -> float | None:
    """The number of a part that is made of numbers only; ``None`` if a name is in it."""
    match node:
        case ast.Constant(int() | float() as value):
            return float(value)
        case ast.Name(name):
            found = names.get(name)
            return found if isinstance(found, float) else None
        case ast.UnaryOp(ast.USub(), operand):
            inner = _number(operand, names)
            return None if inner is None else -inner
        case ast.BinOp(
            left, ast.Add() | ast.Sub() | ast.Mult() | ast.Div() | ast.Pow() as op, right
        ):
            x, y = _number(left, names), _number(right, names)
            if x is None or y is None:
                return None
            try:
                found = _BINARY[type(op)][2](x, y)
            except ArithmeticError:
                return None
            return found if isinstance(found, float) and math.isfinite(found) else None
    return None
