"""Rule: an elementwise operation, stated in texts of the language and run over what is asked.

>>> from autograd_mini import Tensor
>>> row = Rule("cube", "x * x * x", ("3 * x ** 2",), "Third power.")
>>> row.operands, row.on_floats(2.0), row.forward(np.array([1.0, 2.0]))
(('x',), 8.0, array([1., 8.]))
>>> row.pullback(0)(1.0, 8.0, 2.0)
12.0
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import Any

import numpy as np

from autograd_mini._build import build
from autograd_mini.core.operation import Operation
from autograd_mini.interface import floats
from autograd_mini.interface.traced import as_array
from autograd_mini.language.python_lines import (
    OverArrays,
    OverComplex,
    OverScalars,
    float_lines,
    times,
    unless_nan,
    written,
)
from autograd_mini.language.texts import (
    CONSTANTS,
    calls_in,
    compares,
    equated,
    names_in,
    operator_of,
    read,
)
from autograd_mini.typing import Array, Function, Operand

FUNCTIONS: dict[str, Any] = dict(CONSTANTS)
"""The names of the language: the constants, and each rule's function over anything.

``functions`` adds the functions.  They take numbers, arrays, Values and Tensors; so a
derivative that is evaluated over nodes is recorded, and can be differentiated itself."""

RULES: dict[str, Rule] = {}
"""The table: each row by its name.  ``elementwise`` fills it, and ``rule`` adds to it."""

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
        exactly: what it is in simpler functions, which algebra knows.
        numpy: the names of NumPy's functions that are this one, if not its own.
        python: Python's function of one number that asks the number for it, such as ``abs``.
        raises: whether Python's own function of floats, or it, raises for some of them.
        over_arrays: the same operations in the same order over arrays, where that is worth it.
        pieces: an expression that is constant between the jumps of the result, such as
            ``floor(x)``; empty if there is none.  At a jump, where there is no derivative, the
            derivative's text holds as everywhere.
        notation, commutes, activates: as of any operation.
        branches: an expression that is constant between the kinks, where these are no equations.
        analytic: an equal text of operations that are analytic, where the formula's are not.
        remedy: what to do where the result is not finite, though the operands are.
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
    notation: str = ""
    commutes: bool = False
    activates: bool = False
    branches: str = ""  # type: ignore[assignment]
    analytic: str = ""  # type: ignore[assignment]
    remedy: str = ""
    exactly: str = ""
    numpy: tuple[str, ...] = ()
    python: str = ""
    raises: bool = True
    over_arrays: Function | None = None

    elementwise = True
    broadcasts = True

    def __post_init__(self) -> None:
        local = {name for _, text in self._texts() for name, _ in read(text).steps}
        used = local.union(self.operands)
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
        if self.branches:
            yield "branches", self.branches
        if self.analytic:
            yield "analytic", self.analytic
        for text in (*self.derivatives, *self.evaluate_derivatives):
            if text is not None:
                yield "derivative", text

    @cached_property
    def operands(self) -> tuple[str, ...]:
        """The operands' names, in the order in which the formula first uses them."""
        free = names_in(self.formula)
        names = [n for n in read(self.formula).expressions() if isinstance(n, ast.Name)]
        names.sort(key=lambda n: (n.lineno, n.col_offset))
        return tuple(dict.fromkeys(n.id for n in names if n.id in free))

    @cached_property
    def native(self) -> bool:
        """Whether ``math`` and NumPy define the operation, not other rows."""
        formula = read(self.formula).result
        return isinstance(formula, ast.Call) and ast.unparse(formula.func) == self.name

    @cached_property
    def symbol(self) -> str:
        """The Python operator of the formula, such as ``*``; empty if it is none."""
        return operator_of(self.formula, self.operands)

    @cached_property
    def reads(self) -> tuple[frozenset[str], ...]:
        """For each operand, which operands and whether ``out`` its derivative reads."""
        return tuple(names_in(text or "0") for text in self.evaluated_derivatives)

    @property
    def least_operands(self) -> int:  # type: ignore[override]
        """How many operands have no default value."""
        return len(self.operands) - len(self.defaults)

    @property
    def rearranges(self) -> bool:  # type: ignore[override]
        """Whether the result is the operand, as that of ``positive`` is."""
        return self.derivatives == ("1",)

    def __call__(self, *operands: Operand, **named: Operand) -> Operand:
        """The result on numbers, arrays, Values and Tensors.

        >>> RULES["leaky_relu"](-1.0, slope=0.5)
        -0.5
        """
        return FUNCTIONS[self.name](*operands, **named)

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
            text and (unless_nan(text) if bounded or compares(text) else text)
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
            return floats.native(self.name)
        natives = {r.name: floats.native(r.name) for r in RULES.values() if r.native}
        lines = float_lines(self.evaluate or self.formula, RULES)
        return _function(self, lines, self.operands, vars(floats) | natives)

    @cached_property
    def forward(self) -> Function:
        """The operation on NumPy arrays, which broadcast."""
        function = getattr(np, (*self.numpy, self.name)[0], None)
        if isinstance(function, np.ufunc) or function is np.where:
            return function
        if self.native:
            return _over_elements(self.name)
        if self.over_arrays is not None:
            return self.over_arrays
        composed = _function(
            self, written(self.evaluate or self.formula, OverArrays()), self.operands
        )
        return lambda *arrays: _as_float(composed(*arrays), arrays)

    @cached_property
    def derivative_functions(self) -> tuple[Function | None, ...]:
        """For each operand: its local derivative ``(out, *operands)`` over arrays or Tensors."""
        return tuple(self.function(text) if text else None for text in self.evaluated_derivatives)

    def function(self, text: str) -> Function:
        """A text of this rule as a function ``(out, *operands)`` over arrays or Tensors."""
        return _function(self, written(text, OverArrays(select=True)), ("out", *self.operands))

    @cached_property
    def kink_functions(self) -> tuple[Function, ...]:
        """For each kink: whether operands are at it, ``(*operands)`` over arrays."""
        return tuple(
            _function(self, written(text, OverArrays(select=True)), self.operands)
            for text in self.kinks
        )

    def kinks_at(self, out: Operand, *operands: Operand, **options: object) -> Array | None:
        """Where it has no derivative, as truth values; ``None`` if it has one everywhere."""
        if not self.kink_functions:
            return None
        each = [condition(*operands) for condition in self.kink_functions]
        return np.asarray(np.any([np.broadcast_to(at, np.shape(out)) for at in each], axis=0))

    @property
    def discontinuous(self) -> bool:  # type: ignore[override]
        """Whether it jumps from one of its branches to another."""
        return bool(self.pieces)

    @property
    def keeps_order(self) -> bool:  # type: ignore[override]
        """Whether the result is the operand."""
        return self.symbol == "+" and len(self.operands) == 1

    @cached_property
    def _branch_function(self) -> Function | None:
        """The number of the branch on which operands are: of the piece, or beside which kinks."""
        if self.pieces:
            return self.piece_function
        sides = [
            f"{3**i} * sign({ast.unparse(left)} - ({ast.unparse(right)}))"
            for i, text in enumerate(self.kinks)
            for left, right in equated(text)
        ]
        text = self.branches or " + ".join(sides)
        return _function(self, written(text, OverArrays()), self.operands) if text else None

    def branches_at(self, out: Operand, *operands: Operand, **options: object) -> Array | None:
        """A number for the branch that each element takes; ``None`` if there is only one."""
        return self._branch_function and self._branch_function(*operands)

    @cached_property
    def piece_function(self) -> Function:
        """The number of the piece on which operands are, ``(*operands)`` over arrays."""
        return _function(self, written(self.pieces or "0", OverArrays()), self.operands)

    @cached_property
    def _over_complex(self) -> Function:
        if self.parts is not None:
            return self.parts
        if all(text in (None, "0") for text in self.derivatives):
            return lambda *operands: self.forward(*map(np.real, operands))
        if self.native and not self.analytic:
            return self.forward
        text = self.analytic or self.evaluate or self.formula
        called = {ast.unparse(call.func) for call in calls_in(text)} | {"floor_divide"}
        functions = {name: RULES[name].over_complex for name in called - {self.name}}
        scope = {**CONSTANTS, **functions, self.name: self.forward, "real": np.real}
        return _function(self, written(text, OverComplex()), self.operands, scope)

    def over_complex(self, *operands: Operand, **options: object) -> Operand:
        """The result over complex arrays; branches are those of the real parts.

        Raises:
            TypeError: NumPy has no such function of complex numbers.

        >>> complex(RULES["abs"].over_complex(np.array(-3 + 1e-30j)))
        (3-1e-30j)
        """
        return self._over_complex(*operands)

    @cached_property
    def scalar_derivatives(self) -> tuple[Function | None, ...]:
        """For each operand: its local derivative ``(out, *operands)`` over floats or Values."""
        return tuple(
            None
            if text is None
            else _function(self, written(text, OverScalars()), ("out", *self.operands))
            for text in self.evaluated_derivatives
        )

    @cached_property
    def pullbacks(self) -> tuple[Function | None, ...]:
        """For each operand: ``(g, out, *operands)``, the upstream gradient g times the derivative.

        Works over arrays and over Tensors; ``None`` where nothing flows.
        """
        arguments = ("g", "out", *self.operands)
        return tuple(
            None
            if text is None or text == "0"
            else _function(self, written(times("g", text), OverArrays(select=True)), arguments)
            for text in self.evaluated_derivatives
        )

    def pullback(self, index: int) -> Function | None:
        """The pullback for operand ``index``."""
        return self.pullbacks[index]

    def tangent(self, index: int) -> Callable[..., Any] | None:
        """The tangent times the derivative, as the pullback is the upstream gradient times it."""
        return self.pullback(index)

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


def _function(
    rule: Rule, lines: list[str], arguments: tuple[str, ...], functions: dict[str, Any] = FUNCTIONS
) -> Function:
    """The Python function of these lines, which call these functions."""
    body = "".join(f"    {line}\n" for line in [*lines[:-1], f"return {lines[-1]}"])
    source = f"def {rule.name}({', '.join(arguments)}):\n{body}"
    scope: dict[str, Any] = {}
    exec(compile(source, f"<rule {rule.name}>", "exec"), functions, scope)
    made: Function = scope[rule.name]
    return made


def _over_elements(name: str) -> Function:
    """A function of floats applied to arrays element by element, keeping their dtype."""
    function = floats.native(name)
    return lambda *arrays: _as_float(build.over_elements(name, function, arrays), arrays)


def _as_float(result: Operand, arrays: tuple[Operand, ...]) -> Array:
    """The result in the floating dtype that NumPy gives these operands."""
    dtype = np.result_type(*arrays)
    return as_array(result).astype(dtype if dtype.kind == "f" else np.float64, copy=False)


def rule_of_ufunc(ufunc: np.ufunc) -> Rule | None:
    """The rule of a NumPy ufunc, ``None`` if the table has none."""
    return RULES.get(_names_of_numpy().get(ufunc) or ufunc.__name__)


@cache
def _names_of_numpy() -> dict[object, str]:
    return {getattr(np, numpy, None): row.name for row in RULES.values() for numpy in row.numpy}
