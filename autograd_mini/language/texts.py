"""The language of the rules' texts, and the one evaluator of it.

A text is Python's, and tiny:

* names: operands, ``out`` and the constants ``pi``, ``inf``, ``nan``; numbers;
* ``+ - * / ** % //``, comparisons, ``&`` and ``|`` between comparisons;
* ``where(condition, a, b)`` and every function of the table;
* local names: ``"z = exp(-x); 1 / (1 + z)"``.

``evaluate`` computes a text over a ``Domain``, which says what numbers, operators, comparisons,
``where`` and calls mean.  A domain has any kind of value:

====================  ===========================================================
``Numbers``           numbers, arrays, Values: whatever Python's operators compute
``testing.exact``     SymPy's expressions, and numbers of 100 digits
``Trees``             syntax trees: the text again, with trees in the place of names
``python_lines``      syntax trees of Python that computes with floats, arrays, …
``show.notation``     plain text and LaTeX
====================  ===========================================================

So a new meaning is a class with a few methods and no walk over the syntax.

>>> evaluate("z = x ** 2; where(z > 4, z, -z)", Numbers(), {"x": 3.0})
9.0
>>> class Infix(Domain[str]):
...     def number(self, number):
...         return f"{number:g}"
...
...     def operator(self, symbol, *operands):
...         return f"({f' {symbol} '.join(operands)})" if operands[1:] else symbol + operands[0]
>>> evaluate("2 * (x + y)", Infix(), {"x": "a", "y": "b"})
'(2 * (a + b))'
"""

from __future__ import annotations

import ast
import copy
import math
import operator
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Generic, NamedTuple, TypeVar

from autograd_mini.typing import Function

T = TypeVar("T")

CONSTANTS = {"pi": math.pi, "inf": math.inf, "nan": math.nan}

BINARY: dict[str, type[ast.operator]] = {
    "+": ast.Add, "-": ast.Sub, "*": ast.Mult, "/": ast.Div, "**": ast.Pow,
    "%": ast.Mod, "//": ast.FloorDiv, "@": ast.MatMult, "&": ast.BitAnd, "|": ast.BitOr,
}  # fmt: skip
UNARY: dict[str, type[ast.unaryop]] = {"-": ast.USub, "+": ast.UAdd}
COMPARISONS: dict[str, type[ast.cmpop]] = {
    "<": ast.Lt, "<=": ast.LtE, ">": ast.Gt, ">=": ast.GtE, "==": ast.Eq, "!=": ast.NotEq,
}  # fmt: skip
SYMBOLS: dict[type[ast.AST], str] = {
    kind: symbol for table in (BINARY, UNARY, COMPARISONS) for symbol, kind in table.items()
}
"""How each operator is written."""

ALLOWED = (
    ast.Module, ast.Expr, ast.Assign, ast.Name, ast.Load, ast.Store, ast.Constant, ast.Call,
    ast.BinOp, ast.UnaryOp, ast.Compare, *(kind for kind in SYMBOLS if kind is not ast.MatMult),
)  # fmt: skip


# Reading


def parse(text: str) -> ast.Module:
    """The syntax tree of a text: assignments, then one expression.

    Raises:
        ValueError: the text is not in the language.
    """
    try:
        tree = ast.parse(text.strip())
    except SyntaxError as error:
        raise ValueError(f"{text!r} is not a formula: {error.msg}") from None
    for node in ast.walk(tree):
        if not isinstance(node, ALLOWED) or (
            isinstance(node, ast.Constant) and type(node.value) not in (int, float)
        ):
            raise ValueError(
                f"{text!r} is not a formula: {ast.unparse(node)!r} is not allowed; write "
                "operands, numbers, + - * / ** % //, comparisons, & |, and functions of the table"
            )
    kinds = [type(statement) for statement in tree.body]
    if kinds[-1:] != [ast.Expr] or any(kind is not ast.Assign for kind in kinds[:-1]):
        raise ValueError(f"{text!r} is not a formula: it must end in an expression")
    if any(isinstance(line, ast.Assign) and len(line.targets) != 1 for line in tree.body):
        raise ValueError(f"{text!r} is not a formula: give one name to each result")
    return tree


class Text(NamedTuple):
    """A text that has been read: its local names, each with its expression, and its result."""

    steps: tuple[tuple[str, ast.expr], ...]
    result: ast.expr

    def expressions(self) -> Iterator[ast.expr]:
        """All expressions of the text and in them."""
        for whole in (*(expression for _, expression in self.steps), self.result):
            yield from (node for node in ast.walk(whole) if isinstance(node, ast.expr))


@cache
def read(text: str) -> Text:
    """The steps and the result of a text.  The trees are shared: they are not to be changed.

    Raises:
        ValueError: the text is not in the language.
    """
    *lines, last = parse(text).body
    assert isinstance(last, ast.Expr)
    steps = []
    for line in lines:
        assert isinstance(line, ast.Assign)
        steps.append((ast.unparse(line.targets[0]), line.value))
    return Text(tuple(steps), last.value)


def names_in(text: str) -> frozenset[str]:
    """The free names of a text: neither functions nor constants nor its own local names.

    >>> sorted(names_in("z = exp(-x); y / (pi + z)"))
    ['x', 'y']
    """
    steps, result = read(text)
    names = free_names(result).union(*(free_names(expression) for _, expression in steps))
    return names - {name for name, _ in steps}


def free_names(expression: ast.expr) -> frozenset[str]:
    """The names in an expression: neither functions nor constants."""
    called = {id(n.func) for n in ast.walk(expression) if isinstance(n, ast.Call)}
    names = (n for n in ast.walk(expression) if isinstance(n, ast.Name) and id(n) not in called)
    return frozenset(name.id for name in names) - CONSTANTS.keys()


def calls_in(text: str) -> list[ast.Call]:
    """The calls of functions in a text, ``where`` among them."""
    return [node for node in read(text).expressions() if isinstance(node, ast.Call)]


def compares(text: str) -> bool:
    """Whether a comparison is in a text."""
    return any(isinstance(node, ast.Compare) for node in read(text).expressions())


def equated(text: str) -> list[tuple[ast.expr, ast.expr]]:
    """The two sides of a text that is an equation, in a list that is empty if it is none.

    >>> [tuple(map(ast.unparse, sides)) for sides in equated("x == 2 * y")], equated("x < y")
    ([('x', '2 * y')], [])
    """
    match read(text).result:
        case ast.Compare(left, [ast.Eq()], [right]):
            return [(left, right)]
    return []


def operator_of(text: str, operands: tuple[str, ...]) -> str:
    """The operator that a text applies to these operands, ``""`` if it is more or other than that.

    >>> operator_of("x - y", ("x", "y")), operator_of("-x", ("x",)), operator_of("x * x", ("x",))
    ('-', '-', '')
    """
    match read(text).result:
        case ast.BinOp(ast.Name(x), op, ast.Name(y)) if (x, y) == operands:
            return SYMBOLS[type(op)]
        case ast.UnaryOp(op, ast.Name(x)) if (x,) == operands:
            return SYMBOLS[type(op)]
    return ""


# Evaluating


class Domain(Generic[T]):
    """What the parts of a text mean: the base of all domains, in which nothing has a meaning.

    ``T`` is the kind of its values.  A branch of ``where`` and the right side of ``&`` and ``|``
    are functions without arguments that give a value, so that a domain that decides computes
    what it takes alone.
    """

    def number(self, number: float) -> T:
        """A number of the text, an int or a float."""
        raise NotImplementedError

    def name(self, name: str) -> T:
        """A name that has no value among the names that ``evaluate`` was given."""
        raise KeyError(name)

    def operator(self, symbol: str, *operands: T) -> T:
        """``-x`` and ``+x`` of one operand; ``+ - * / ** % // @`` of two."""
        raise NotImplementedError

    def compare(self, symbol: str, left: T, right: T) -> T:
        """``< <= > >= == !=``."""
        raise NotImplementedError

    def both(self, left: T, right: Callable[[], T]) -> T:
        """``left & right``; ``a < b < c`` is one as well."""
        raise NotImplementedError

    def either(self, left: T, right: Callable[[], T]) -> T:
        """``left | right``."""
        raise NotImplementedError

    def where(self, condition: T, yes: Callable[[], T], no: Callable[[], T]) -> T:
        """``where(condition, yes, no)``."""
        raise NotImplementedError

    def call(self, name: str, *operands: T, **options: T) -> T:
        """A function of the table."""
        raise NotImplementedError

    def local(self, name: str, value: T) -> T:
        """What a local name stands for, from the value of its expression."""
        return value

    def other(self, node: ast.expr, value: Callable[[ast.expr], T]) -> T:
        """What no text has, but formulas of arrays have: ``W.T``, ``x[0]``, ``(2, 3)``, ....

        ``value`` evaluates a part of it.
        """
        raise ValueError(f"no meaning for {ast.unparse(node)!r}")

    def failed(self, error: Exception, node: ast.expr) -> None:
        """Told of an error in the evaluation of a part; may raise another one in its place."""


_NO_NAMES: Mapping[str, Any] = MappingProxyType({})


def evaluate(
    text: str | Text | ast.expr, domain: Domain[T], names: Mapping[str, T] = _NO_NAMES
) -> T:
    """The value of a text, or of one expression, over a domain.

    Arguments:
        names: the values of free names; ``domain.name`` gives those of others.

    Raises:
        ValueError: the text is not in the language.
    """
    if isinstance(text, ast.expr):
        return _value(text, domain, names)
    steps, result = read(text) if isinstance(text, str) else text
    if steps:
        known = dict(names)
        for name, expression in steps:
            known[name] = domain.local(name, _value(expression, domain, known))
        names = known
    return _value(result, domain, names)


def _value(node: ast.expr, domain: Domain[T], names: Mapping[str, T]) -> T:
    def of(part: ast.expr) -> T:
        return _value(part, domain, names)

    try:
        match node:
            case ast.Name(name):
                return names[name] if name in names else domain.name(name)
            case ast.Constant(int() | float() as number) if not isinstance(number, bool):
                return domain.number(number)
            case ast.BinOp(left, ast.BitAnd(), right):
                return domain.both(of(left), lambda: of(right))
            case ast.BinOp(left, ast.BitOr(), right):
                return domain.either(of(left), lambda: of(right))
            case ast.BinOp(left, op, right):
                return domain.operator(SYMBOLS[type(op)], of(left), of(right))
            case ast.UnaryOp(ast.USub() | ast.UAdd() as op, operand):
                return domain.operator(SYMBOLS[type(op)], of(operand))
            case ast.Compare(left, [op], [right]):
                return domain.compare(SYMBOLS[type(op)], of(left), of(right))
            case ast.Compare(left, [op, *ops], [middle, *rest]):
                first = domain.compare(SYMBOLS[type(op)], of(left), of(middle))
                return domain.both(first, lambda: of(ast.Compare(middle, ops, rest)))
            case ast.Call(ast.Name("where"), [condition, yes, no], []):
                return domain.where(of(condition), lambda: of(yes), lambda: of(no))
            case ast.Call(ast.Name(name), arguments, keywords):
                options = {str(k.arg): of(k.value) for k in keywords}
                return domain.call(name, *map(of, arguments), **options)
        return domain.other(node, of)
    except (ArithmeticError, ValueError, TypeError, LookupError) as error:
        domain.failed(error, node)
        raise


# Numbers


ARITHMETIC: dict[str, Function] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
    "**": operator.pow, "%": operator.mod, "//": operator.floordiv, "@": operator.matmul,
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "==": operator.eq, "!=": operator.ne, "&": operator.and_, "|": operator.or_,
}  # fmt: skip
"""Python's own functions for operators."""

SIGNS: dict[str, Function] = {"-": operator.neg, "+": operator.pos}
"""Python's own functions for signs."""


Number = Any
"""Whatever Python's operators compute: a number of Python or NumPy, an array, a Value, …."""


class Numbers(Domain[Number]):
    """Numbers on which Python's operators work.  A condition decides which branch is computed.

    What a call means a subclass says.
    """

    def number(self, number: float) -> Number:
        return float(number)

    def name(self, name: str) -> Number:
        return CONSTANTS[name]

    def operator(self, symbol: str, *operands: Number) -> Number:
        return (ARITHMETIC if len(operands) == 2 else SIGNS)[symbol](*operands)

    def compare(self, symbol: str, left: Number, right: Number) -> Number:
        return ARITHMETIC[symbol](left, right)

    def truth(self, condition: Number) -> bool:
        """Whether a condition holds; of numbers only 0 is false."""
        return bool(condition != 0)

    def both(self, left: Number, right: Callable[[], Number]) -> Number:
        return self.truth(left) and self.truth(right())

    def either(self, left: Number, right: Callable[[], Number]) -> Number:
        return self.truth(left) or self.truth(right())

    def where(
        self, condition: Number, yes: Callable[[], Number], no: Callable[[], Number]
    ) -> Number:
        return yes() if self.truth(condition) else no()


# Trees


class Trees(Domain[ast.expr]):
    """Syntax trees: what is evaluated is written again, with trees in the place of names.

    The result shares the trees that it was given.
    """

    def number(self, number: float) -> ast.expr:
        return ast.Constant(number)

    def name(self, name: str) -> ast.expr:
        return ast.Name(name, ast.Load())

    def operator(self, symbol: str, *operands: ast.expr) -> ast.expr:
        if len(operands) == 1:
            return ast.UnaryOp(UNARY[symbol](), operands[0])
        return ast.BinOp(operands[0], BINARY[symbol](), operands[1])

    def compare(self, symbol: str, left: ast.expr, right: ast.expr) -> ast.expr:
        return ast.Compare(left, [COMPARISONS[symbol]()], [right])

    def both(self, left: ast.expr, right: Callable[[], ast.expr]) -> ast.expr:
        return ast.BinOp(left, ast.BitAnd(), right())

    def either(self, left: ast.expr, right: Callable[[], ast.expr]) -> ast.expr:
        return ast.BinOp(left, ast.BitOr(), right())

    def where(
        self, condition: ast.expr, yes: Callable[[], ast.expr], no: Callable[[], ast.expr]
    ) -> ast.expr:
        return ast.Call(self.name("where"), [condition, yes(), no()], [])

    def call(self, name: str, *operands: ast.expr, **options: ast.expr) -> ast.expr:
        keywords = [ast.keyword(key, option) for key, option in options.items()]
        return ast.Call(ast.Name(name, ast.Load()), list(operands), keywords)

    def other(self, node: ast.expr, value: Callable[[ast.expr], ast.expr]) -> ast.expr:
        changed = copy.copy(node)
        for field, part in ast.iter_fields(node):
            if isinstance(part, ast.expr):
                setattr(changed, field, value(part))
            elif isinstance(part, list):
                parts = [value(each) if isinstance(each, ast.expr) else each for each in part]
                setattr(changed, field, parts)
        return changed


def substitute(text: str | Text | ast.expr, names: Mapping[str, ast.expr]) -> ast.expr:
    """The expression of a text with trees in the place of names, local ones among them.

    Functions keep their names, and no part of the result is shared.

    >>> ast.unparse(substitute("z = x * y; z * exp(x)", {"x": read("a + b").result}))
    '(a + b) * y * exp(a + b)'
    """
    return evaluate(evaluate(text, Trees(), names), Trees())
