"""C that is written from the texts of the language, with the numbers that Python's floats have.

>>> from autograd_mini.core.rule import RULES
>>> print(*c_lines("x ** 2 * softplus(y)", RULES, str), sep=chr(10))
const double softplus_x = y;
const double maximum_x = softplus_x;
const double maximum_y = 0.0;
((x * x) * ((((maximum_x >= maximum_y) || (maximum_x != maximum_x)) ? maximum_x : maximum_y) + \
log1p(exp((-abs(softplus_x))))))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from autograd_mini.language.python_lines import Row
from autograd_mini.language.texts import Domain, evaluate


def c_lines(text: str, rows: Mapping[str, Row], called: Callable[[str], str]) -> list[str]:
    """A text as C: definitions of local numbers, then an expression.

    Arguments:
        text: in the language of the rules.
        rows: the table: functions that are made of others are written out.
        called: how C calls one that is not.
    """
    domain = _OverC(rows, called)
    result = evaluate(text, domain)
    return [*domain.lines, result]


class _OverC(Domain[str]):
    """Expressions of C, in brackets; the order of operations is that of Python's floats."""

    def __init__(self, rows: Mapping[str, Row], called: Callable[[str], str]) -> None:
        self.rows, self.called = rows, called
        self.lines: list[str] = []
        self._taken: dict[str, str] = {}

    def number(self, number: float) -> str:
        return repr(float(number))

    def name(self, name: str) -> str:
        return {"pi": "M_PI", "inf": "INFINITY", "nan": "NAN"}.get(name, name)

    def operator(self, symbol: str, *operands: str) -> str:
        if len(operands) == 1:
            return f"({symbol}{operands[0]})"
        left, right = operands
        match symbol:
            case "**":
                square = right == "2.0" and left.isidentifier()  # as ``OverScalars`` has it
                return f"({left} * {left})" if square else f"pow({left}, {right})"
            case "%":
                return f"python_mod({left}, {right})"
            case "//":
                return f"python_floor_divide({left}, {right})"
        return f"({left} {symbol} {right})"

    def compare(self, symbol: str, left: str, right: str) -> str:
        return f"({left} {symbol} {right})"

    def both(self, left: str, right: Callable[[], str]) -> str:
        return f"({left} && {right()})"

    def either(self, left: str, right: Callable[[], str]) -> str:
        return f"({left} || {right()})"

    def where(self, condition: str, yes: Callable[[], str], no: Callable[[], str]) -> str:
        return f"({condition} ? {yes()} : {no()})"

    def call(self, name: str, *operands: str, **options: str) -> str:
        row = self.rows[name]
        if row.native:
            return f"{self.called(name)}({', '.join(operands)})"
        names = {
            operand: self.local(f"{name}_{operand}", argument)
            for operand, argument in zip(row.operands, operands, strict=True)
        }
        return evaluate(row.evaluate or row.formula, self, names)

    def local(self, name: str, value: str) -> str:
        """A number of its own, under the wanted name or a numbered one."""
        unique, count = name, 1
        while self._taken.get(unique, value) != value:
            count += 1
            unique = f"{name}_{count}"
        if unique not in self._taken:
            self._taken[unique] = value
            self.lines.append(f"const double {unique} = {value};")
        return unique
