"""Every elementwise operation, stated once.

A row of the table says all there is to say about one operation: its formula, one
local derivative per operand, where it is defined, which convention holds at a kink,
and a sentence.  Everything else in the package reads the row: ``Value`` (generated
from it), ``Tensor``, NumPy dispatch, higher derivatives, pictures, documentation,
error messages and tests.

The texts are written in a tiny language:

* the operands (``x``, ``y``, ``slope``, ...), ``out`` (the operation's result) and the
  constants ``pi``, ``inf``, ``nan``;
* ``+ - * / ** % //``, comparisons, ``&`` and ``|`` between comparisons;
* ``where(condition, a, b)`` and every function of the table;
* local names: ``"z = exp(-x); 1 / (1 + z)"``.

One text is evaluated over floats, arrays, Values, Tensors and SymPy symbols.  Over
scalars ``where`` evaluates only the branch it takes.

>>> RULES["tanh"].derivatives
('1 - out ** 2',)
>>> RULES["leaky_relu"].operands, RULES["leaky_relu"].defaults
(('x', 'slope'), {'slope': 0.01})
"""

from __future__ import annotations

import ast
import copy
import math
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import Any

import numpy as np

from autograd_mini.core.operation import Operation, register

CONSTANTS = {"pi": math.pi, "inf": math.inf, "nan": math.nan}

FUNCTIONS: dict[str, Any] = dict(CONSTANTS)
"""The names of the language: the constants, and each rule's function over anything.

``functions`` adds the functions.  They take numbers, arrays, Values and Tensors; so a
derivative that is evaluated over nodes is recorded, and can be differentiated itself."""

_NUMPY_NAMES = {
    "sub": "subtract", "mul": "multiply", "div": "divide", "pow": "power",
    "neg": "negative", "abs": "absolute", "mod": "remainder",
}  # fmt: skip
_RULE_NAMES = {numpy: name for name, numpy in _NUMPY_NAMES.items()} | {
    "true_divide": "div", "float_power": "pow", "fabs": "abs",
}  # fmt: skip

_RESERVED = {"out", "g", "operands", "error"}
"""Names that the functions made from a row need: no operand and no local name has one."""


@dataclass(frozen=True, eq=False)
class Rule(Operation):
    """One elementwise operation: a row of the table.

    Arguments:
        name: the operation's name, NumPy's own where NumPy has one.
        formula: its definition.  The operands are the names in it, in order.
        derivatives: the local derivative for each operand, in ``x``, ``y``, ..., ``out``;
            ``None`` for an operand with respect to which nothing can be differentiated.
        sentence: what it is, in one sentence.
        domain: where it is defined, as a comparison; empty for all real operands.
        kinks: points without a derivative, each with the value that is used there.
        evaluate: an equal text that is sound in floating point; empty if ``formula`` is.
        defaults: default values of the last operands.
        evaluate_derivatives: for each operand a text equal to its derivative that is sound in
            floating point, ``None`` where the derivative itself is; empty if all are.
        pieces: an expression that is constant between the jumps of the result, such as
            ``floor(x)``; empty if there is none.  At a jump, where there is no derivative, the
            derivative's text holds as everywhere.
    """

    name: str
    formula: str
    derivatives: tuple[str | None, ...]
    sentence: str
    domain: str = ""
    kinks: Mapping[str, str] = field(default_factory=dict)
    evaluate: str = ""
    defaults: Mapping[str, float] = field(default_factory=dict)
    evaluate_derivatives: tuple[str | None, ...] = ()
    pieces: str = ""

    elementwise = True
    broadcasts = True

    def __post_init__(self) -> None:
        used = {
            n.id for _, text in self._texts() for n in ast.walk(parse(text))
            if isinstance(n, ast.Name) and (n.id in self.operands or isinstance(n.ctx, ast.Store))
        }  # fmt: skip
        if used & _RESERVED:
            raise ValueError(
                f"rule {self.name!r}: the name {min(used & _RESERVED)!r} has a meaning of its own; "
                "choose another for the operand or local name"
            )
        for what, text in self._texts():
            unknown = names_in(text) - set(self.operands) - {"out"} if what != "formula" else set()
            if unknown:
                raise ValueError(
                    f"rule {self.name!r}: {what} {text!r} uses {', '.join(sorted(unknown))}, "
                    f"but the formula {self.formula!r} has only {', '.join(self.operands)}"
                )
        if len(self.derivatives) != len(self.operands):
            raise ValueError(
                f"rule {self.name!r}: the formula {self.formula!r} has "
                f"{len(self.operands)} operands ({', '.join(self.operands)}), but "
                f"{len(self.derivatives)} derivatives are given; write one for each operand"
            )

    def _texts(self) -> Iterator[tuple[str, str]]:
        yield "formula", self.formula
        yield "evaluate", self.evaluate or self.formula
        if self.domain:
            yield "domain", self.domain
        if self.pieces:
            yield "pieces", self.pieces
        for text in (*self.derivatives, *self.evaluate_derivatives):
            if text is not None:
                yield "derivative", text

    @cached_property
    def operands(self) -> tuple[str, ...]:
        """The operands' names, in the order in which the formula first uses them."""
        free = names_in(self.formula)
        names = [n for n in ast.walk(parse(self.formula)) if isinstance(n, ast.Name)]
        names.sort(key=lambda n: (n.lineno, n.col_offset))
        return tuple(dict.fromkeys(n.id for n in names if n.id in free))

    @cached_property
    def native(self) -> bool:
        """Whether ``math`` and NumPy define the operation, not other rows."""
        tree = parse(self.formula).body[-1]
        assert isinstance(tree, ast.Expr)
        return isinstance(tree.value, ast.Call) and ast.unparse(tree.value.func) == self.name

    @cached_property
    def symbol(self) -> str:
        """The Python operator of the formula, such as ``*``; empty if it is none."""
        tree = parse(self.formula).body[-1]
        assert isinstance(tree, ast.Expr)
        node = tree.value
        plain = isinstance(node, ast.BinOp | ast.UnaryOp) and self.operands == tuple(
            child.id for child in ast.iter_child_nodes(node) if isinstance(child, ast.Name)
        )
        return SYMBOLS.get(type(node.op), "") if plain else ""  # type: ignore[attr-defined]

    @cached_property
    def reads(self) -> tuple[frozenset[str], ...]:
        """For each operand, which operands and whether ``out`` its derivative reads."""
        return tuple(names_in(text or "0") for text in self.evaluated_derivatives)

    def reads_operand(self, index: int, other: int) -> bool:
        """Whether the derivative for operand ``index`` reads operand ``other``."""
        return self.operands[other] in self.reads[index]

    def reads_result(self, index: int) -> bool:
        """Whether the derivative for operand ``index`` reads the result."""
        return "out" in self.reads[index]

    @cached_property
    def _sound_derivatives(self) -> tuple[str | None, ...]:
        sound = self.evaluate_derivatives or (None,) * len(self.derivatives)
        return tuple(s or d for s, d in zip(sound, self.derivatives, strict=True))

    @cached_property
    def evaluated_derivatives(self) -> tuple[str | None, ...]:
        """The texts by which derivatives are computed: NaN where the result is NaN.

        A comparison takes NaN for any other number, and outside of a domain a formula may go
        on; so a text that has either, and neither reads ``out`` nor names ``nan``, is told.
        """
        bounded = "<" in self.domain or ">" in self.domain
        return tuple(
            text and (_unless_nan(text) if bounded or _compares(text) else text)
            for text in self._sound_derivatives
        )

    @cached_property
    def as_written(self) -> Rule:
        """The rule, with each derivative computed by the text that is shown."""
        return replace(self, evaluate_derivatives=()) if self.evaluate_derivatives else self

    # The texts, made into functions

    @cached_property
    def on_floats(self) -> Callable[..., float]:
        """The operation on Python floats."""
        if self.native:
            return _math_function(self.name)
        natives = {r.name: _math_function(r.name) for r in RULES.values() if r.native}
        lines = float_lines(self.evaluate or self.formula)
        return _function(self, lines, self.operands, CONSTANTS | natives | OPERATORS)

    @cached_property
    def forward(self) -> Callable[..., Any]:
        """The operation on NumPy arrays, which broadcast."""
        function = getattr(np, _NUMPY_NAMES.get(self.name, self.name), None)
        if isinstance(function, np.ufunc) or function is np.where:
            return function
        if self.native:
            return _over_elements(_math_function(self.name))
        if self.name in _IN_PLACE and self is RULES.get(self.name):
            return _IN_PLACE[self.name]
        composed = _function(self, array_lines(self.evaluate or self.formula), self.operands)
        return lambda *arrays: _as_float(composed(*arrays), arrays)

    @cached_property
    def derivative_functions(self) -> tuple[Callable[..., Any] | None, ...]:
        """For each operand: its local derivative ``(out, *operands)`` over arrays or Tensors."""
        return tuple(self.function(text) if text else None for text in self.evaluated_derivatives)

    def function(self, text: str) -> Callable[..., Any]:
        """A text of this rule as a function ``(out, *operands)`` over arrays or Tensors."""
        return _function(self, array_lines(text, "select"), ("out", *self.operands))

    @cached_property
    def kink_functions(self) -> tuple[Callable[..., Any], ...]:
        """For each kink: whether operands are at it, ``(*operands)`` over arrays."""
        return tuple(
            _function(self, array_lines(text, "select"), self.operands) for text in self.kinks
        )

    @cached_property
    def piece_function(self) -> Callable[..., Any]:
        """The number of the piece on which operands are, ``(*operands)`` over arrays."""
        return _function(self, array_lines(self.pieces or "0"), self.operands)

    @cached_property
    def scalar_derivatives(self) -> tuple[Callable[..., Any] | None, ...]:
        """For each operand: its local derivative ``(out, *operands)`` over floats or Values."""
        return tuple(
            None if text is None else _function(self, scalar_lines(text), ("out", *self.operands))
            for text in self.evaluated_derivatives
        )

    @cached_property
    def pullbacks(self) -> tuple[Callable[..., Any] | None, ...]:
        """For each operand: ``(g, out, *operands)``, the upstream gradient g times the derivative.

        Works over arrays and over Tensors; ``None`` where nothing flows.
        """
        arguments = ("g", "out", *self.operands)
        return tuple(
            None
            if text is None or text == "0"
            else _function(self, array_lines(times("g", text), "select"), arguments)
            for text in self.evaluated_derivatives
        )

    def pullback(self, index: int) -> Callable[..., Any] | None:
        """The pullback for operand ``index``."""
        return self.pullbacks[index]

    def bind(self, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[Any, ...]:
        """All operands in order, from positional and named arguments and the defaults."""
        given = dict(zip(self.operands, arguments, strict=False))
        wrong = [name for name in named if name not in self.operands or name in given]
        given = {**self.defaults, **given, **named}
        missing = [name for name in self.operands if name not in given]
        if len(arguments) > len(self.operands) or wrong or missing:
            raise TypeError(
                f"{self.signature} was called with {len(arguments)} positional operands"
                + (f" and {', '.join(named)}" if named else "")
            )
        return tuple(given[name] for name in self.operands)

    @property
    def signature(self) -> str:
        """How it is called, such as ``leaky_relu(x, slope=0.01)``."""
        words = [f"{n}={self.defaults[n]}" if n in self.defaults else n for n in self.operands]
        return f"{self.name}({', '.join(words)})"


# Reading the language


ALLOWED = (
    ast.Module, ast.Expr, ast.Assign, ast.Name, ast.Load, ast.Store, ast.Constant, ast.Call,
    ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.Mod, ast.FloorDiv,
    ast.BitAnd, ast.BitOr,
    ast.UnaryOp, ast.USub, ast.UAdd, ast.Compare, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq,
)  # fmt: skip

SYMBOLS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**",
    ast.Mod: "%", ast.FloorDiv: "//", ast.USub: "-", ast.UAdd: "+",
}  # fmt: skip


def parse(text: str) -> ast.Module:
    """The syntax tree of a text: assignments, then one expression.

    Raises:
        ValueError: the text is not in the language of the table.
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
    return tree


def names_in(text: str) -> frozenset[str]:
    """The free names of a text: neither functions nor constants nor its own local names."""
    tree = parse(text)
    called = {id(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}
    names = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and id(n) not in called]
    local = {n.id for n in names if isinstance(n.ctx, ast.Store)}
    return frozenset(n.id for n in names) - local - CONSTANTS.keys()


_CALLED: dict[type[ast.AST], str] = {ast.Pow: "pow", ast.Mod: "mod", ast.FloorDiv: "floor_divide"}
"""Operators that are called as functions over floats: a compiler's own differ in the last bit."""


class _Scalar(ast.NodeTransformer):
    """A text for scalars: ``where`` takes one branch only, numbers are floats."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "where":
            condition, yes, no = node.args
            if isinstance(condition, ast.Name):  # a number, of which only 0 is false
                condition = ast.Compare(condition, [ast.NotEq()], [ast.Constant(0.0)])
            return ast.IfExp(condition, yes, no)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        if isinstance(node.op, ast.Pow) and ast.unparse(node.right) == "2":
            square = self.visit(node.left)
            if isinstance(square, ast.Name):
                return ast.BinOp(square, ast.Mult(), square)
        self.generic_visit(node)
        if isinstance(node.op, ast.BitAnd | ast.BitOr):
            op = ast.And() if isinstance(node.op, ast.BitAnd) else ast.Or()
            return ast.BoolOp(op, [node.left, node.right])
        if type(node.op) in _CALLED:
            return ast.Call(
                ast.Name(_CALLED[type(node.op)], ast.Load()), [node.left, node.right], []
            )
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        inner = node.operand
        if isinstance(inner, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return inner.operand if isinstance(inner.op, ast.USub) else node
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Constant(float(node.value))  # type: ignore[arg-type]


def scalar_lines(text: str) -> list[str]:
    """A text as Python for scalars: its assignments, then its expression."""
    tree = ast.fix_missing_locations(_Scalar().visit(parse(text)))
    return [ast.unparse(statement) for statement in tree.body]


class _Inline(ast.NodeTransformer):
    """Calls of rows that are made of other rows, replaced by what those rows evaluate.

    Local names and arguments of a replaced call become ``lines`` that come before, each under
    a name of its own: ``taken`` holds what every name stands for.  A branch of ``where`` stays
    one expression, since it must not be evaluated ahead of its condition.
    """

    def __init__(self, taken: dict[str, str]) -> None:
        self.taken = taken
        self.lines: list[ast.Assign] = []

    def text(self, text: str, names: Mapping[str, ast.expr]) -> ast.expr:
        """The last expression of a text, with ``names`` in place of its operands."""
        known = dict(names)
        *steps, last = parse(text).body
        for step in steps:
            assert isinstance(step, ast.Assign)
            assert isinstance(step.targets[0], ast.Name)
            name = step.targets[0].id
            known[name] = self._local(name, self.visit(Rename(known).visit(step.value)))
        assert isinstance(last, ast.Expr)
        expression: ast.expr = self.visit(Rename(known).visit(last.value))
        return expression

    def visit_Call(self, node: ast.Call) -> ast.AST:
        assert isinstance(node.func, ast.Name)
        if node.func.id == "where":
            condition, *branches = node.args
            node.args = [self.visit(condition), *map(self._whole, branches)]
            return node
        self.generic_visit(node)
        rule = RULES.get(node.func.id)
        if rule is None or rule.native:
            return node
        names = {
            operand: argument
            if isinstance(argument, ast.Name | ast.Constant)
            else self._local(f"{rule.name}_{operand}", argument)
            for operand, argument in zip(rule.operands, node.args, strict=True)
        }
        return self.text(rule.evaluate or rule.formula, names)

    def _local(self, wanted: str, value: ast.expr) -> ast.Name:
        """A name for a value: the wanted one, numbered if it stands for something else."""
        meaning, name, number = ast.unparse(value), wanted, 1
        while self.taken.get(name, meaning) != meaning:
            number += 1
            name = f"{wanted}_{number}"
        if name not in self.taken:
            self.taken[name] = meaning
            self.lines.append(ast.Assign([ast.Name(name, ast.Store())], value))
        return ast.Name(name, ast.Load())

    def _whole(self, branch: ast.expr) -> ast.expr:
        inner = _Inline(dict(self.taken))
        whole: ast.expr = inner.visit(branch)
        for line in reversed(inner.lines):
            assert isinstance(line.targets[0], ast.Name)
            whole = Rename({line.targets[0].id: line.value}).visit(whole)
        return whole


class Rename(ast.NodeTransformer):
    """Names of a text, but not of its functions, replaced by expressions."""

    def __init__(self, names: Mapping[str, ast.expr]) -> None:
        self.names = names

    def visit_Call(self, node: ast.Call) -> ast.AST:
        node.args = [self.visit(argument) for argument in node.args]
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return copy.deepcopy(self.names.get(node.id, node))


def float_lines(text: str, taken: dict[str, str] | None = None) -> list[str]:
    """A text as Python for floats: only functions of ``math`` and ``abs`` are called.

    ``taken`` says what local names stand for already, in lines that come before these; what
    is found there is not computed again, and what these lines name is added.

    >>> float_lines("x * log_sigmoid(x)")
    ['x * ((x if x <= 0.0 or x != x else 0.0) - log1p(exp(-abs(x))))']
    """
    inline = _Inline(dict.fromkeys(names_in(text), "") if taken is None else taken)
    last = inline.text(text, {})
    tree = ast.Module([*inline.lines, ast.Expr(last)], [])
    tree = ast.fix_missing_locations(_Scalar().visit(tree))
    return [ast.unparse(statement) for statement in tree.body]


def array_lines(text: str, where: str = "where") -> list[str]:
    """A text as Python for arrays: its assignments, then its expression.

    ``where`` names the function that chooses; derivatives call ``select``, which does not
    compute a branch that no element takes, nor for all what few take.

    >>> array_lines("where(x == 0, inf, 0.5 / out)", "select")
    ['select(x == 0, inf, lambda out: 0.5 / out, out)']
    """
    tree = parse(text)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for node in calls:
        if where != "where" and ast.unparse(node.func) == "where":
            node.func = ast.Name(where, ast.Load())
            condition, *branches = node.args
            later = [b for b in branches if not isinstance(b, ast.Name | ast.Constant)]
            names = sorted(frozenset().union(*(names_in(ast.unparse(b)) for b in later)))
            arguments = ast.arguments([], [ast.arg(n) for n in names], None, [], [], None, [])
            node.args = [
                condition,
                *(ast.Lambda(arguments, b) if b in later else b for b in branches),
                *(ast.Name(n, ast.Load()) for n in names),
            ]
    return [ast.unparse(statement) for statement in tree.body]


def _compares(text: str) -> bool:
    return any(isinstance(node, ast.Compare) for node in ast.walk(parse(text)))


def _unless_nan(text: str) -> str:
    """A derivative that is NaN where ``out`` is, which it does not read, or says so itself.

    It is ``out`` there, and no constant, so that the derivative's derivative is NaN as well.

    >>> _unless_nan("where(x > 0, 1, slope)")
    'where(out != out, out, where(x > 0, 1, slope))'
    >>> _unless_nan("where(x == 0, inf, 0.5 / out)")
    'where(x == 0, inf, 0.5 / out)'
    """
    *lines, last = parse(text).body
    assert isinstance(last, ast.Expr)
    names = {node.id for node in ast.walk(parse(text)) if isinstance(node, ast.Name)}
    if names & {"out", "nan"}:
        return text
    return "; ".join([*map(ast.unparse, lines), f"where(out != out, out, {ast.unparse(last)})"])


def _function(
    rule: Rule,
    lines: list[str],
    arguments: tuple[str, ...],
    functions: dict[str, Any] = FUNCTIONS,
) -> Callable[..., Any]:
    """The Python function of these lines, which call these functions."""
    body = "".join(f"    {line}\n" for line in [*lines[:-1], f"return {lines[-1]}"])
    source = f"def {rule.name}({', '.join(arguments)}):\n{body}"
    scope: dict[str, Any] = {}
    exec(compile(source, f"<rule {rule.name}>", "exec"), functions, scope)
    made: Callable[..., Any] = scope[rule.name]
    return made


OPERATORS: dict[str, Callable[..., float]] = {
    "pow": math.pow, "mod": operator.mod, "floor_divide": operator.floordiv,
}  # fmt: skip
"""Python's operators on floats, as functions."""


def _whole(function: Callable[[float], int]) -> Callable[[float], float]:
    """A function to whole numbers as NumPy has it: a float with the sign, infinity and NaN."""
    return lambda x: math.copysign(function(x), x) if math.isfinite(x) else x


def _math_function(name: str) -> Callable[..., float]:
    """Python's own function of floats for a native rule."""
    python: dict[str, Callable[..., float]] = {
        "abs": abs, "where": lambda c, x, y: x if c else y, "floor": _whole(math.floor),
        "ceil": _whole(math.ceil), "trunc": _whole(math.trunc), "rint": _whole(round),
    }  # fmt: skip
    found = python.get(name) or getattr(math, name.replace("arc", "a"), None)
    if found is None:
        raise ValueError(
            f"rule {name!r} is defined by itself, but the module math has no such function; "
            "write its formula with functions of the table"
        )
    return found


def _over_elements(function: Callable[..., float]) -> Callable[..., Any]:
    """A function of floats applied to arrays element by element, keeping their dtype."""

    def forward(*arrays: Any) -> Any:
        return _as_float(np.frompyfunc(function, len(arrays), 1)(*arrays), arrays)

    return forward


def _sigmoid(x: Any) -> Any:
    x = np.asarray(x)
    if x.dtype.kind != "f":
        x = x.astype(np.float64)
    if not x.ndim:
        return _sigmoid(x.reshape(1)).reshape(())
    far = not np.minimum.reduce(x, axis=None, initial=0) >= -11  # or NaN
    z = np.negative(x)
    if far:
        np.minimum(z, 11, out=z)
    np.exp(z, out=z)
    z += 1
    np.divide(1, z, out=z)
    if far:
        left = x < -11
        e = np.exp(x[left])
        z[left] = e / (1 + e)
    return z


_IN_PLACE: dict[str, Callable[..., Any]] = {"sigmoid": _sigmoid}
"""Rows whose text is worth computing in place: the same operations in the same order.

``tests/core/test_elementwise.py`` holds each to its row, to the last bit."""


def _as_float(result: Any, arrays: tuple[Any, ...]) -> Any:
    """The result in the floating dtype that NumPy gives these operands."""
    dtype = np.result_type(*arrays)
    return np.asarray(result, dtype if dtype.kind == "f" else np.float64)


def rule_of_ufunc(ufunc: np.ufunc) -> Rule | None:
    """The rule of a NumPy ufunc, ``None`` if the table has none."""
    return RULES.get(_RULE_NAMES.get(ufunc.__name__, ufunc.__name__))


def times(gradient: str, derivative: str) -> str:
    """The text of ``gradient · derivative``: the upstream gradient is taken into each branch.

    So a branch that is not taken contributes exactly zero, even where the upstream
    gradient is infinite.

    >>> times("g", "where(x > 0, 1, slope)")
    'where(x > 0, g, g * slope)'
    >>> times("g", "1 / (1 + x)")
    'g / (1 + x)'
    """
    *lines, last = parse(derivative).body
    assert isinstance(last, ast.Expr)
    return "; ".join([*map(ast.unparse, lines), _times(gradient, last.value)])


def _times(gradient: str, derivative: ast.expr) -> str:
    text = ast.unparse(derivative)
    if text in ("1", "-1", "0", "nan"):
        return {"1": gradient, "-1": f"-{gradient}", "0": "0", "nan": "nan"}[text]
    if isinstance(derivative, ast.Call) and ast.unparse(derivative.func) == "where":
        condition, *branches = derivative.args
        yes, no = (_times(gradient, branch) for branch in branches)
        return f"where({ast.unparse(condition)}, {yes}, {no})"
    match derivative:
        case ast.BinOp(ast.Constant(1), ast.Div(), below):
            return ast.unparse(ast.BinOp(ast.Name(gradient), ast.Div(), below))
    return f"{gradient} * {text if isinstance(derivative, ast.Name | ast.Call) else f'({text})'}"


# The table


class _Row(Rule):
    """A rule of the table, whose texts the tests check, not every import."""

    def __post_init__(self) -> None:
        pass


def _row(name: str, formula: str, *derivatives: str | None, **rest: Any) -> Rule:
    return _Row(name, formula, derivatives, **rest)


_TABLE = [
    _row("add", "x + y", "1", "1", sentence="Sum."),
    _row("sub", "x - y", "1", "-1", sentence="Difference."),
    _row("mul", "x * y", "y", "x", sentence="Product: each factor's derivative is the other."),
    _row("div", "x / y", "1 / y", "-out / y", domain="y != 0", sentence="Quotient."),
    _row(
        "pow", "x ** y",
        "where((x == 0) & (y < 1), where(y == 0, 0, y * inf), where(y == 0, y / x, y * x ** (y - 1)))",
        "where(x > 0, out * log(x), where((x == 0) & (y >= 0), 0, nan * out))",
        domain="(x > 0) | ((x == 0) & (y >= 0))",
        kinks={
            "(x == 0) & (y == 0)": "0 for x and 0 for y",
            "(x == 0) & (y > 0) & (y < 1)": "inf for x and 0 for y",
            "(x == 0) & (y >= 1)": "y * 0 ** (y - 1) for x and 0 for y",
        },
        sentence="Power; a negative base needs a constant whole exponent.",
    ),
    _row("neg", "-x", "-1", sentence="Negative."),
    _row("positive", "+x", "1", sentence="The operand itself, as a node of its own."),
    _row("exp", "exp(x)", "out", sentence="Exponential: its own derivative."),
    _row("expm1", "expm1(x)", "exp(x)", sentence="Exponential minus 1, accurate near 0."),
    _row("log", "log(x)", "1 / x", domain="x > 0", sentence="Natural logarithm."),
    _row("log1p", "log1p(x)", "1 / (1 + x)", domain="x > -1", sentence="Logarithm of 1 + x, accurate near 0."),
    _row("log2", "log2(x)", "1 / (x * log(2))", domain="x > 0", sentence="Logarithm to base 2."),
    _row("log10", "log10(x)", "1 / (x * log(10))", domain="x > 0", sentence="Logarithm to base 10."),
    _row(
        "sqrt", "sqrt(x)", "where(x == 0, inf, 0.5 / out)", domain="x >= 0",
        kinks={"x == 0": "inf"}, sentence="Square root.",
    ),
    _row("square", "x * x", "2 * x", sentence="Square."),
    _row("reciprocal", "1 / x", "-out / x", domain="x != 0", sentence="Reciprocal."),
    _row("sin", "sin(x)", "cos(x)", sentence="Sine; x in radians."),
    _row("cos", "cos(x)", "-sin(x)", sentence="Cosine; x in radians."),
    _row("tan", "tan(x)", "1 + out ** 2", sentence="Tangent; x in radians."),
    _row(
        "arcsin", "arcsin(x)", "where(abs(x) == 1, inf, 1 / sqrt(1 - x ** 2))",
        evaluate_derivatives=("where(abs(x) == 1, inf, 1 / sqrt((1 - x) * (1 + x)))",),
        domain="abs(x) <= 1", kinks={"x == -1": "inf", "x == 1": "inf"},
        sentence="Inverse sine, in radians.",
    ),
    _row(
        "arccos", "arccos(x)", "where(abs(x) == 1, -inf, -1 / sqrt(1 - x ** 2))",
        evaluate_derivatives=("where(abs(x) == 1, -inf, -1 / sqrt((1 - x) * (1 + x)))",),
        domain="abs(x) <= 1", kinks={"x == -1": "-inf", "x == 1": "-inf"},
        sentence="Inverse cosine, in radians.",
    ),
    _row("arctan", "arctan(x)", "1 / (1 + x ** 2)", sentence="Inverse tangent, in radians."),
    _row(
        "arctan2", "arctan2(x, y)",
        "r = hypot(x, y); where(r == 0, 0, y / r / r)", "r = hypot(x, y); where(r == 0, 0, -x / r / r)",
        domain="(x != 0) | (y > 0)", kinks={"(x == 0) & (y == 0)": "0"},
        sentence="Angle of the point (y, x), in radians, in the right quadrant.",
    ),
    _row("sinh", "sinh(x)", "cosh(x)", sentence="Hyperbolic sine."),
    _row("cosh", "cosh(x)", "sinh(x)", sentence="Hyperbolic cosine."),
    _row(
        "tanh", "tanh(x)", "1 - out ** 2",
        # out ** 2 has rounded to 1 far from 0
        evaluate_derivatives=(
            "where(abs(x) > 2.5, 4 * exp(-2 * logaddexp(x, -x)), 1 - out ** 2)",
        ),
        sentence="Hyperbolic tangent: squashes x to (-1, 1).",
    ),
    _row("arcsinh", "arcsinh(x)", "1 / hypot(x, 1)", sentence="Inverse hyperbolic sine."),
    _row(
        "arccosh", "arccosh(x)", "where(x == 1, inf, 1 / (sqrt(x - 1) * sqrt(x + 1)))",
        domain="x >= 1", kinks={"x == 1": "inf"}, sentence="Inverse hyperbolic cosine.",
    ),
    _row(
        "arctanh", "arctanh(x)", "1 / (1 - x ** 2)", domain="abs(x) < 1",
        evaluate_derivatives=("1 / ((1 - x) * (1 + x))",), sentence="Inverse hyperbolic tangent.",
    ),
    _row("abs", "abs(x)", "sign(x)", kinks={"x == 0": "0"}, sentence="Absolute value."),
    _row(
        "sign", "where(x > 0, 1, where(x < 0, -1, 0))", "0", pieces="sign(x)",
        evaluate="where(x > 0, 1, where(x < 0, -1, where(x == 0, 0, nan)))",
        sentence="Sign: -1, 0 or 1.",
    ),
    _row("floor", "floor(x)", "0", pieces="floor(x)", sentence="The greatest whole number up to x."),
    _row("ceil", "ceil(x)", "0", pieces="ceil(x)", sentence="The least whole number from x on."),
    _row("trunc", "trunc(x)", "0", pieces="trunc(x)", sentence="The whole part of x, without its fraction."),
    _row("rint", "rint(x)", "0", pieces="rint(x)", sentence="The nearest whole number; of two the even one."),
    _row(
        "mod", "x % y", "1", "-(x // y)", domain="y != 0", pieces="x // y",
        evaluate_derivatives=(None, "where(y == 0, nan * y, -(x // y))"),
        sentence="Remainder of x // y, with the sign of y.",
    ),
    _row(
        "floor_divide", "x // y", "0", "0", domain="y != 0", pieces="x // y",
        sentence="The greatest whole number up to x / y.",
    ),
    _row(
        "sigmoid", "1 / (1 + exp(-x))", "out * (1 - out)",
        # out has rounded to 1 far on the right
        evaluate_derivatives=("where(x > 4, out * sigmoid(-x), out * (1 - out))",),
        # exp(-x) is infinite far on the left: in float16 from -11.1 on
        evaluate="where(x < -11, exp(x) / (1 + exp(x)), 1 / (1 + exp(-x)))",
        sentence="Logistic function: squashes x to (0, 1).",
    ),
    _row(
        "softplus", "log(1 + exp(x))", "sigmoid(x)",
        evaluate="maximum(x, 0) + log1p(exp(-abs(x)))", sentence="Smooth relu.",
    ),
    _row(
        "log_sigmoid", "log(1 / (1 + exp(-x)))", "sigmoid(-x)",
        evaluate="minimum(x, 0) - log1p(exp(-abs(x)))", sentence="Logarithm of the logistic function.",
    ),
    _row(
        "relu", "where(x > 0, x, 0)", "where(x > 0, 1, 0)", kinks={"x == 0": "0"},
        evaluate="maximum(x, 0)", sentence="Rectified linear unit.",
    ),
    _row(
        "leaky_relu", "where(x > 0, x, slope * x)", "where(x > 0, 1, slope)", "where(x > 0, 0, x)",
        kinks={"x == 0": "slope for x"}, defaults={"slope": 0.01},
        sentence="Rectified linear unit with a slope on the negative side.",
    ),
    _row(
        "elu", "where(x > 0, x, alpha * (exp(x) - 1))",
        "where(x > 0, 1, out + alpha)", "where(x > 0, 0, expm1(minimum(x, 0)))",
        # far on the left out has rounded to -alpha
        evaluate_derivatives=(
            "where(x < -3, alpha * exp(minimum(x, 0)), where(x > 0, 1, out + alpha))", None,
        ),
        kinks={"x == 0": "alpha for x"}, defaults={"alpha": 1.0},
        evaluate="where(x > 0, x, alpha * expm1(minimum(x, 0)))",
        sentence="Exponential linear unit.",
    ),
    _row(
        "silu", "x / (1 + exp(-x))", "s = sigmoid(x); s * (1 + x * (1 - s))",
        evaluate="s = sigmoid(x); x * s", sentence="Sigmoid linear unit: x times sigmoid(x).",
    ),
    _row(
        "maximum", "where(x >= y, x, y)",
        "where(x > y, 1, where(x == y, 0.5, 0))", "where(x > y, 0, where(x == y, 0.5, 1))",
        kinks={"x == y": "0.5 for each"}, evaluate="where((x >= y) | (x != x), x, y)",
        sentence="The greater of two; NaN if either is NaN.",
    ),
    _row(
        "minimum", "where(x <= y, x, y)",
        "where(x < y, 1, where(x == y, 0.5, 0))", "where(x < y, 0, where(x == y, 0.5, 1))",
        kinks={"x == y": "0.5 for each"}, evaluate="where((x <= y) | (x != x), x, y)",
        sentence="The lesser of two; NaN if either is NaN.",
    ),
    _row(
        "where", "where(condition, x, y)", None, "where(condition, 1, 0)", "where(condition, 0, 1)",
        sentence="Selection: x where the condition holds, y elsewhere.",
    ),
    _row(
        "clip", "minimum(maximum(x, low), high)",
        "where((x >= low) & (x <= high), 1, 0)", "where((x < low) & (low <= high), 1, 0)",
        "where((x > high) | (low > high), 1, 0)",
        kinks={
            "(x == low) & (low < high)": "1 for x and 0 for low",
            "(x == high) & (low < high)": "1 for x and 0 for high",
            "(x < low) & (low == high)": "1 for low and 0 for high",
            "(x == low) & (low == high)": "1 for x and 0 for low and 0 for high",
        },
        sentence="The value x, kept between low and high.",
    ),
    _row(
        "hypot", "hypot(x, y)", "where(out == 0, 0, x / out)", "where(out == 0, 0, y / out)",
        kinks={"(x == 0) & (y == 0)": "0"}, sentence="Hypotenuse sqrt(x² + y²), without overflow.",
    ),
    _row(
        "logaddexp", "log(exp(x) + exp(y))", "sigmoid(x - y)", "sigmoid(y - x)",
        evaluate="where(x == y, x + log(2), maximum(x, y) + log1p(exp(-abs(x - y))))",
        sentence="Logarithm of exp(x) + exp(y), without overflow.",
    ),
    _row("erf", "erf(x)", "2 / sqrt(pi) * exp(-x ** 2)", sentence="Error function."),
    _row("erfc", "erfc(x)", "-2 / sqrt(pi) * exp(-x ** 2)", sentence="Complementary error function 1 - erf(x), accurate for large x."),
    _row(
        "gelu", "x * (1 + erf(x / sqrt(2))) / 2",
        "erfc(-x / sqrt(2)) / 2 + x * exp(-x ** 2 / 2) / sqrt(2 * pi)",
        evaluate="x * (erfc(-x / sqrt(2)) / 2)",
        sentence="Gaussian error linear unit, exact.",
    ),
]  # fmt: skip

RULES: dict[str, Rule] = {rule.name: rule for rule in _TABLE}
for _rule in _TABLE:
    register(_rule)


# A rule for any number of operands


class WeightedSum(Rule):
    """The row of a whole neuron: bias + w1·x1 + w2·x2 + …, for a number of terms.

    Each weight's derivative is its input, and each input's is its weight.
    """

    def __init__(self, terms: int) -> None:
        pairs = [(f"w{i}", f"x{i}") for i in range(1, terms + 1)]
        names = ["bias", *(name for pair in pairs for name in pair)]
        self.__dict__["operands"] = tuple(names)
        super().__init__(
            "weighted_sum",
            " + ".join(["bias", *(f"{w} * {x}" for w, x in pairs)]),
            ("1", *(name for w, x in pairs for name in (x, w))),
            sentence="Weighted sum of a neuron: each weight's derivative is its input.",
        )

    def __post_init__(self) -> None:
        pass  # nothing here was written by hand

    @cached_property
    def kink_functions(self) -> tuple[Callable[..., Any], ...]:
        """For each kink: whether operands are at it, ``(*operands)`` over arrays."""
        return tuple(
            _function(self, array_lines(text, "select"), self.operands) for text in self.kinks
        )

    @cached_property
    def scalar_derivatives(self) -> tuple[Callable[..., Any] | None, ...]:
        """For each operand: its local derivative ``(out, *operands)`` over floats or Values."""
        place = {name: 1 + i for i, name in enumerate(self.operands)}
        return (lambda *of: 1.0, *(_taking(place[str(name)]) for name in self.derivatives[1:]))


def _taking(place: int) -> Callable[..., Any]:
    return lambda *of: of[place]


@cache
def weighted_sum_rule(terms: int) -> Rule:
    """The row of a weighted sum of so many terms.

    >>> row = weighted_sum_rule(2)
    >>> row.formula
    'bias + w1 * x1 + w2 * x2'
    >>> dict(zip(row.operands, row.derivatives))
    {'bias': '1', 'w1': 'x1', 'x1': 'w1', 'w2': 'x2', 'x2': 'w2'}
    """
    return WeightedSum(terms)
