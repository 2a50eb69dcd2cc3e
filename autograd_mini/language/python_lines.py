"""Python that is written from the texts of the language: the domains of generated code.

=================  ======================================================
``OverArrays``     computes with arrays and Tensors
``OverComplex``    with complex arrays
``OverScalars``    with floats or Values
``OverFloats``     with floats, and calls nothing but ``math``
=================  ======================================================
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol

from autograd_mini.language.texts import SYMBOLS, Trees, evaluate, free_names, names_in, read


class Row(Protocol):
    """What a domain must know of a function of the table, to compute it from its text."""

    @property
    def name(self) -> str: ...
    @property
    def native(self) -> bool: ...
    @property
    def operands(self) -> tuple[str, ...]: ...
    @property
    def evaluate(self) -> str: ...
    @property
    def formula(self) -> str: ...


class Lines(Trees):
    """Python: local names become ``lines`` that come before the result."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, ast.expr]] = []

    def local(self, name: str, value: ast.expr) -> ast.expr:
        self.lines.append((name, value))
        return self.name(name)


def written(text: str, domain: Lines) -> list[str]:
    """A text as lines of Python: its assignments, then its expression.

    >>> written("where(x == 0, inf, 0.5 / out)", OverArrays(select=True))
    ['select(x == 0, inf, lambda out: 0.5 / out, out)']
    >>> written("where(x == 0, inf, x ** y)", OverScalars())
    ['inf if x == 0.0 else pow(x, y)']
    """
    result = evaluate(text, domain)
    return [*(f"{name} = {ast.unparse(line)}" for name, line in domain.lines), ast.unparse(result)]


class OverArrays(Lines):
    """Python for arrays.

    Arguments:
        select: whether ``where`` becomes ``select``, which takes functions for its branches, and
            computes neither a branch that no element takes nor for all what few take.  Then
            ``abs`` is asked of the array itself, which is sooner.
    """

    def __init__(self, select: bool = False) -> None:
        super().__init__()
        self.select = select

    def where(
        self, condition: ast.expr, yes: Callable[[], ast.expr], no: Callable[[], ast.expr]
    ) -> ast.expr:
        if not self.select:
            return super().where(condition, yes, no)
        branches = [yes(), no()]
        later = [b for b in branches if not isinstance(b, ast.Name | ast.Constant)]
        names = sorted(frozenset().union(*map(free_names, later)))
        parameters = ast.arguments([], [ast.arg(n) for n in names], None, [], [], None, [])
        functions = [ast.Lambda(parameters, b) if b in later else b for b in branches]
        return self.call("select", condition, *functions, *map(self.name, names))

    def call(self, name: str, *operands: ast.expr, **options: ast.expr) -> ast.expr:
        if self.select and name == "abs":
            return ast.Call(ast.Attribute(operands[0], "__abs__", ast.Load()), [], [])
        return super().call(name, *operands, **options)


class OverComplex(OverArrays):
    """Python for complex arrays: comparisons and whole numbers are those of the real parts."""

    def compare(self, symbol: str, left: ast.expr, right: ast.expr) -> ast.expr:
        return super().compare(symbol, self.call("real", left), self.call("real", right))

    def operator(self, symbol: str, *operands: ast.expr) -> ast.expr:
        if symbol not in ("%", "//"):
            return super().operator(symbol, *operands)
        whole = self.call("floor_divide", *operands)
        if symbol == "//":
            return whole
        left, right = operands
        return super().operator("-", left, super().operator("*", right, whole))


class OverScalars(Lines):
    """Python for floats and Values: ``where`` takes one branch only, numbers are floats.

    ``**``, ``%`` and ``//`` are called as functions: a compiler's own differ in the last bit.
    """

    called: Mapping[str, str] = MappingProxyType({"**": "pow", "%": "mod", "//": "floor_divide"})

    def number(self, number: float) -> ast.expr:
        return ast.Constant(float(number))

    def operator(self, symbol: str, *operands: ast.expr) -> ast.expr:
        match symbol, *operands:
            case "**", ast.Name() as base, ast.Constant(2.0):
                return super().operator("*", base, base)
            case "-", ast.UnaryOp(ast.USub(), operand):
                return operand
        if symbol in self.called:
            return Trees.call(self, self.called[symbol], *operands)
        return super().operator(symbol, *operands)

    def both(self, left: ast.expr, right: Callable[[], ast.expr]) -> ast.expr:
        return ast.BoolOp(ast.And(), [left, right()])

    def either(self, left: ast.expr, right: Callable[[], ast.expr]) -> ast.expr:
        return ast.BoolOp(ast.Or(), [left, right()])

    def where(
        self, condition: ast.expr, yes: Callable[[], ast.expr], no: Callable[[], ast.expr]
    ) -> ast.expr:
        if isinstance(condition, ast.Name):  # a number, of which only 0 is false
            condition = self.compare("!=", condition, self.number(0))
        return ast.IfExp(condition, yes(), no())


class OverFloats(OverScalars):
    """Python for floats, in which functions that are made of others are written out.

    Local names and arguments of what is written out become lines, each under a name of its own.
    A branch of ``where`` stays one expression, since it must not be evaluated ahead of its
    condition.

    Arguments:
        rows: the table.
        taken: what every name stands for; what these lines name is added.
    """

    def __init__(self, rows: Mapping[str, Row], taken: dict[str, str]) -> None:
        super().__init__()
        self.rows, self.taken = rows, taken
        self.in_branch = False

    def where(
        self, condition: ast.expr, yes: Callable[[], ast.expr], no: Callable[[], ast.expr]
    ) -> ast.expr:
        outside, self.in_branch = self.in_branch, True
        try:
            return super().where(condition, yes, no)
        finally:
            self.in_branch = outside

    def call(self, name: str, *operands: ast.expr, **options: ast.expr) -> ast.expr:
        row = self.rows.get(name)
        if row is None or row.native:
            return super().call(name, *operands, **options)
        names = {
            operand: argument
            if isinstance(argument, ast.Name | ast.Constant)
            else self.local(f"{name}_{operand}", argument)
            for operand, argument in zip(row.operands, operands, strict=True)
        }
        return evaluate(row.evaluate or row.formula, self, names)

    def local(self, name: str, value: ast.expr) -> ast.expr:
        """A name for a value: the wanted one, numbered if it stands for something else."""
        meaning, wanted, number = ast.unparse(value), name, 1
        while self.taken.get(name, meaning) != meaning:
            number += 1
            name = f"{wanted}_{number}"
        if name not in self.taken:
            if self.in_branch:
                return value
            self.taken[name] = meaning
            self.lines.append((name, value))
        return ast.Name(name, ast.Load())


def float_lines(
    text: str, rows: Mapping[str, Row], taken: dict[str, str] | None = None
) -> list[str]:
    """A text as Python for floats: only functions of ``math`` and ``abs`` are called.

    Arguments:
        rows: the table.
        taken: what local names stand for already, in lines that come before these; what is found
            there is not computed again, and what these lines name is added.

    >>> from autograd_mini.core.rule import RULES
    >>> float_lines("x * log_sigmoid(x)", RULES)
    ['x * ((x if x <= 0.0 or x != x else 0.0) - log1p(exp(-abs(x))))']
    """
    known = dict.fromkeys(names_in(text), "") if taken is None else taken
    return written(text, OverFloats(rows, known))


def float_operations(text: str, rows: Mapping[str, Row]) -> list[str]:
    """The operators and functions by which a text is computed over floats, each as often as it is.

    >>> from autograd_mini.core.rule import RULES
    >>> float_operations("sigmoid(x) * x", RULES)
    ['*', '/', '/', 'exp', '+', '+', 'exp', 'exp']
    """
    nodes = [node for line in float_lines(text, rows) for node in ast.walk(ast.parse(line))]
    return [
        SYMBOLS[type(node.op)] if isinstance(node, ast.BinOp) else ast.unparse(node.func)
        for node in nodes
        if isinstance(node, ast.BinOp | ast.Call)
    ]


# Rewriting


def times(gradient: str, derivative: str) -> str:
    """The text of ``gradient · derivative``: the upstream gradient is taken into each branch.

    So a branch that is not taken contributes exactly zero, even where the upstream
    gradient is infinite.

    >>> times("g", "where(x > 0, 1, slope)")
    'where(x > 0, g, g * slope)'
    >>> times("g", "1 / (1 + x)")
    'g / (1 + x)'
    """
    steps, result = read(derivative)
    product = ast.unparse(_times(ast.Name(gradient), result))
    return "; ".join([*(f"{name} = {ast.unparse(line)}" for name, line in steps), product])


def _times(gradient: ast.expr, derivative: ast.expr) -> ast.expr:
    match derivative:
        case ast.Constant(1):
            return gradient
        case ast.UnaryOp(ast.USub(), ast.Constant(1)):
            return ast.UnaryOp(ast.USub(), gradient)
        case ast.Constant(0) | ast.Name("nan"):
            return derivative
        case ast.Call(ast.Name("where") as where, [condition, yes, no]):
            branches = [_times(gradient, yes), _times(gradient, no)]
            return ast.Call(where, [condition, *branches], [])
        case ast.BinOp(ast.Constant(1), ast.Div(), below):
            return ast.BinOp(gradient, ast.Div(), below)
    return ast.BinOp(gradient, ast.Mult(), derivative)


def unless_nan(text: str) -> str:
    """A derivative that is NaN where ``out`` is, which it does not read, or says so itself.

    It is ``out`` there, and no constant, so that the derivative's derivative is NaN as well.

    >>> unless_nan("where(x > 0, 1, slope)")
    'where(out != out, out, where(x > 0, 1, slope))'
    >>> unless_nan("where(x == 0, inf, 0.5 / out)")
    'where(x == 0, inf, 0.5 / out)'
    """
    steps, result = read(text)
    names = {node.id for node in read(text).expressions() if isinstance(node, ast.Name)}
    if names & {"out", "nan"}:
        return text
    guarded = f"where(out != out, out, {ast.unparse(result)})"
    return "; ".join([*(f"{name} = {ast.unparse(line)}" for name, line in steps), guarded])
