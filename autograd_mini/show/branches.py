"""The texts of rules without the branches that are not taken.

>>> in_force("where(x > 0, 1, slope)", {"x": -2.0})
'slope'
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from autograd_mini.core.rule import FUNCTIONS
from autograd_mini.language.texts import Numbers, Trees, evaluate, read
from autograd_mini.typing import Operand


def in_force(text: str, operands: Mapping[str, Any]) -> str:
    """The text with each ``where`` replaced by the branch that is in force.

    Arguments:
        text: a derivative of the table.
        operands: numbers or arrays for the operands and ``out``.  A ``where`` over an array
            stays if some elements take one branch and some the other.

    >>> in_force("where(x > 0, 1, where(x == 0, 0.5, slope))", {"x": -2.0})
    'slope'
    >>> in_force("where(x > 0, 1, 0)", {"x": np.array([-1.0, 1.0])})
    'where(x > 0, 1, 0)'
    """
    return _without_branches(text, operands, _InForce)


def off_kinks(text: str, operands: Mapping[str, Any]) -> str:
    """The text without the branches for single points at which no operand lies.

    Arguments:
        text, operands: as for ``in_force``.

    >>> off_kinks("where(x > y, 1, where(x == y, 0.5, 0))", {"x": 2.0, "y": 1.0})
    'where(x > y, 1, 0)'
    """
    return _without_branches(text, operands, _OffKinks)


def _without_branches(text: str, operands: Mapping[str, Any], domain: type[_InForce]) -> str:
    steps, result = read(text)
    known = dict(operands)
    with np.errstate(all="ignore"):
        try:
            for name, expression in steps:
                known[name] = evaluate(expression, _Computed(), known)
            chosen = evaluate(result, domain(known))
        except (ArithmeticError, ValueError):  # a condition that these operands do not decide
            return text
    used = {node.id for node in ast.walk(chosen) if isinstance(node, ast.Name)}
    local = used & {name for name, _ in steps}
    lines = [f"{name} = {ast.unparse(expression)}" for name, expression in steps if local]
    return "; ".join([*lines, ast.unparse(chosen)])


class _Computed(Numbers):
    """Numbers and arrays."""

    def call(self, name: str, *operands: Operand, **options: object) -> Operand:
        return FUNCTIONS[name](*operands, **options)

    def both(self, left: Operand, right: Callable[[], Any]) -> Operand:
        return left & right()

    def either(self, left: Operand, right: Callable[[], Any]) -> Operand:
        return left | right()

    def where(self, condition: Operand, yes: Callable[[], Any], no: Callable[[], Any]) -> Operand:
        return FUNCTIONS["where"](condition, yes(), no())


class _InForce(Trees):
    """The text again, without the branches that are not taken."""

    def __init__(self, operands: Mapping[str, Any]) -> None:
        self.operands = operands

    def where(
        self, condition: ast.expr, yes: Callable[[], ast.expr], no: Callable[[], ast.expr]
    ) -> ast.expr:
        holds = evaluate(condition, _Computed(), self.operands)
        if np.all(holds):
            return yes()
        return super().where(condition, yes, no) if np.any(holds) else no()


class _OffKinks(_InForce):
    """The text again, without branches for points at which nothing lies."""

    def where(
        self, condition: ast.expr, yes: Callable[[], ast.expr], no: Callable[[], ast.expr]
    ) -> ast.expr:
        equated = any(isinstance(part, ast.Eq) for part in ast.walk(condition))
        if equated and not np.any(evaluate(condition, _Computed(), self.operands)):
            return no()
        return Trees.where(self, condition, yes, no)
