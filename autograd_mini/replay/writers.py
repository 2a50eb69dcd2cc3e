"""How the lines of ``source`` are written: NumPy's arrays, Python's floats."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Hashable, Sequence

from autograd_mini.core.operation import OPERATIONS
from autograd_mini.core.rule import Rule
from autograd_mini.interface import floats
from autograd_mini.language.python_lines import written
from autograd_mini.language.texts import CONSTANTS
from autograd_mini.show.numpy_lines import Formula, NumpyWriter


class PythonWriter(NumpyWriter):
    """How Python writes lines and functions."""

    empty = "None"

    def argument(self, name: str) -> str:
        """What an argument is called."""
        return name

    def assignment(self, name: str, formula: str, shape: Sequence[int]) -> str:
        """A line that gives a name to a formula."""
        return f"{name} = {formula}{f'  # {shape}' if shape else ''}"

    def definition(self, name: str, arguments: Sequence[str], body: Sequence[str]) -> str:
        """A function."""
        return "\n    ".join([f"def {name}({', '.join(arguments)}):", *body])

    def returned(self, value: str, gradients: str) -> str:
        """The last line of a function."""
        return f"return {f'{value}, ' if value else ''}{gradients}"

    def tuple(self, parts: Sequence[str]) -> str:
        """Several in the place of one."""
        return f"({', '.join(parts)}{',' * (len(parts) == 1)})"


class ArrayWriter(PythonWriter):
    """Lines over arrays, as a person writes them by hand."""

    def identifier(self, key: Hashable, name: str = "") -> str:
        """A name, or an index of one: ``X[:, 0]``."""
        return key if isinstance(key, str) and "[" in key else super().identifier(key, name)

    @property
    def domain(self) -> Formula:
        return _ArrayFormula(self)


class _ArrayFormula(Formula):
    def operator(self, symbol: str, *operands: ast.expr) -> ast.expr:
        if symbol == "*":  # g * where(x > 0, 1, 0) is g * (x > 0)
            operands = tuple(map(_as_mask, operands))
        if _is_sum_from_zero(symbol, *operands):
            return operands[1]
        return super().operator(symbol, *operands)

    def call(self, name: str, *operands: ast.expr, **options: ast.expr) -> ast.expr:
        if name == "broadcast_to":
            repeated, shape = operands
            match repeated:
                case ast.Constant(0.0 | 1.0 as number):
                    return super().call("ones" if number else "zeros", shape)
                case ast.Constant():
                    return super().call("full", shape, repeated)
        return super().call(name, *operands, **options)


def _is_sum_from_zero(symbol: str, *operands: ast.expr) -> bool:
    """Whether it is ``0 + x``, as ``sum`` begins."""
    match symbol, *operands:
        case "+", ast.Constant(0), _:
            return True
    return False


def _as_mask(tree: ast.expr) -> ast.expr:
    match tree:
        case ast.Call(ast.Name("np.where"), [test, ast.Constant(1), ast.Constant(0)]):
            if not isinstance(test, ast.Name | ast.Constant):  # numbers are no truth values
                return test
    return tree


class FloatWriter(PythonWriter):
    """Lines over Python's floats."""

    @property
    def domain(self) -> Formula:
        return _FloatFormula(self)

    def function(self, name: str) -> str:
        """A function as it is called: ``math``'s where it has one."""
        operation = OPERATIONS.get(name)
        if name in self.helpers:
            return name
        if name in CONSTANTS:
            return f"math.{name}"
        if not isinstance(operation, Rule):
            return super().function(name)
        if operation.native:
            if hasattr(builtins, name):
                return name
            native = floats.native(name)
            module = getattr(native, "__module__", "")
            return f"math.{native.__name__}" if module == "math" else f"np.{name}"
        *lines, result = written(operation.evaluate or operation.formula, _FloatHelper(self))
        body = "".join(f"    {line}\n" for line in [*lines, f"return {result}"])
        self.helpers[name] = f"def {name}({', '.join(operation.operands)}):\n{body.rstrip()}"
        return name


class _FloatChoices(Formula):
    """A choice is made, not computed on both sides."""

    def where(
        self, condition: ast.expr, yes: Callable[[], ast.expr], no: Callable[[], ast.expr]
    ) -> ast.expr:
        return ast.IfExp(condition, yes(), no())

    def both(self, left: ast.expr, right: Callable[[], ast.expr]) -> ast.expr:
        return ast.BoolOp(ast.And(), [left, right()])

    def either(self, left: ast.expr, right: Callable[[], ast.expr]) -> ast.expr:
        return ast.BoolOp(ast.Or(), [left, right()])


class _FloatHelper(_FloatChoices):
    """The definition of a function, in its own names."""

    def name(self, name: str) -> ast.expr:
        return ast.Name(self.writer.function(name) if name in CONSTANTS else name)


class _FloatFormula(_FloatChoices):
    def operator(self, symbol: str, *operands: ast.expr) -> ast.expr:
        if symbol == "*":  # g * (1 if x > 0 else 0) is g if x > 0 else 0
            match operands[1]:
                case ast.IfExp(test, ast.Constant(1), ast.Constant(0)):
                    return ast.IfExp(test, operands[0], ast.Constant(0.0))
        if _is_sum_from_zero(symbol, *operands):
            return operands[1]
        return super().operator(symbol, *operands)
