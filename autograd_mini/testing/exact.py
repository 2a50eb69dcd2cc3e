"""What a row says, exactly: its texts over SymPy's symbols and over numbers of 100 digits.

The language of the table is read here over any kind of number.  Over symbols the operands'
space is divided into regions in which every comparison of the row is decided, borders
included; so a text with ``where`` is one expression in each region, and can be differentiated.
Between its jumps a row that rounds is differentiated with ``floor``, ... as constants, and
``x % y`` is ``x - y * floor(x / y)``.

>>> from autograd_mini.core.rule import RULES
>>> for region in regions(RULES["relu"]):
...     print(region, "|", region.text(RULES["relu"], RULES["relu"].formula))
x = -p_x | 0
x = p_x | x
x = 0 | 0
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_mini.core.rule import FUNCTIONS, RULES, Rule
from autograd_mini.language.texts import ARITHMETIC, Number, Numbers, evaluate

if TYPE_CHECKING:
    from sympy import Expr

Names = Mapping[str, Any]
DIGITS = 100


def conventions(rule: Rule, holds: Callable[[str], bool]) -> dict[str, str]:
    """The text of the documented derivative for each operand that is at a kink.

    A convention reads ``"0"`` or ``"0.5 for each"`` or ``"1 for x and 0 for low"``.
    """
    found: dict[str, str] = {}
    for condition, stated in rule.kinks.items():
        for convention in stated.split(" and ") if holds(condition) else ():
            text, _, operand = convention.partition(" for ")
            found |= dict.fromkeys([operand] if operand in rule.operands else rule.operands, text)
    return found


# Reading the table's texts: over SymPy symbols, over numbers of 100 digits, over floats


@dataclass(frozen=True)
class Reading(Numbers):
    """What a text means over one kind of number.  ``where`` reads only the branch it takes."""

    constants: Names
    native: Callable[[str], Callable[..., Any] | None]
    exact_number: Callable[[str], Any]
    sign: Callable[[Number], int]
    definition: Callable[[Rule], str] = lambda rule: rule.evaluate or rule.formula
    scales: Names = field(default_factory=dict)

    def text(self, text: str, names: Names, scales: Names | None = None) -> Number:
        """The meaning of a text; ``scales`` multiplies what it gives local names."""
        return evaluate(text, replace(self, scales=scales) if scales else self, names)

    def holds(self, condition: str, names: Names) -> bool:
        return self.truth(evaluate(condition, self, names))

    def number(self, number: float) -> Number:
        return self.exact_number(str(number))

    def name(self, name: str) -> Number:
        return self.constants[name]

    def operator(self, symbol: str, *operands: Number) -> Number:
        if symbol in _ROUNDING:
            return self.call(_ROUNDING[symbol], *operands)
        return super().operator(symbol, *operands)

    def compare(self, symbol: str, left: Number, right: Number) -> bool:
        return bool(ARITHMETIC[symbol](self.sign(left - right), 0))

    def truth(self, condition: Number) -> bool:
        return condition if isinstance(condition, bool) else self.sign(condition) != 0

    def local(self, name: str, value: Number) -> Number:
        return value * self.scales.get(name, 1)

    def call(self, name: str, *operands: Number, **options: Number) -> Number:
        rule = RULES[name]
        function = self.native(name) if rule.native or name in _ROUNDING.values() else None
        if function is not None:
            return function(*operands)
        if rule.native and not rule.exactly:
            raise AssertionError(f"{name} has no meaning here: write it with other functions")
        text = rule.exactly or self.definition(rule)
        inside = replace(self, scales={}) if self.scales else self
        return evaluate(text, inside, dict(zip(rule.operands, operands, strict=True)))


_ROUNDING = {"%": "mod", "//": "floor_divide"}
"""Operators that are rows of the table, which may have another meaning over such numbers."""


def _native(library: ModuleType, others: Names, name: str) -> Callable[..., Any] | None:
    """A library's function for a native rule, under the library's own name or one of ours."""
    found: Any = others.get(name) or getattr(library, name.replace("arc", "a"), None)
    return found  # type: ignore[no-any-return]


@cache
def load_sympy() -> ModuleType:
    return _needed("sympy")


def _needed(module: str) -> ModuleType:
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(
            f"autograd_mini.testing needs {module}: pip install autograd_mini[test]"
        ) from error


@cache
def load_mpmath() -> Any:
    context = _needed("mpmath").MPContext()
    context.dps = DIGITS
    return context


@cache
def precise() -> Reading:
    """Texts over numbers of 100 digits, without overflow."""
    mp = load_mpmath()
    others = {
        "abs": mp.fabs,
        "cbrt": lambda x: mp.sign(x) * mp.cbrt(abs(x)),
        "rint": mp.nint,
        "mod": lambda x, y: x % y if y else mp.nan,
    }
    return Reading(
        {"pi": mp.pi, "inf": mp.inf, "nan": mp.nan},
        partial(_native, mp, others),
        mp.mpf,
        mp.sign,
    )


IN_FLOATS = Reading(
    {"pi": np.float64(np.pi), "inf": np.float64(np.inf), "nan": np.float64(np.nan)},
    FUNCTIONS.__getitem__,
    np.float64,
    np.sign,
)


WHOLE = [name for name, rule in RULES.items() if rule.native and rule.pieces == rule.formula]
"""Functions to whole numbers, which are constant between their jumps."""


@cache
def _whole(name: str) -> Any:
    """Such a function over SymPy's expressions, of which its derivative is all that is known."""
    sympy = load_sympy()
    derivative = {"fdiff": lambda self, argument=1: sympy.S.Zero}
    return type(name, (sympy.Function,), {"is_integer": True, **derivative})


def _exact(decide: Callable[[Any], int]) -> Reading:
    """Texts over SymPy's expressions; ``decide`` gives an expression's sign."""
    sympy = load_sympy()
    others: dict[str, Callable[..., Any]] = {
        "abs": sympy.Abs,
        "cbrt": lambda x: sympy.sign(x) * sympy.Abs(x) ** sympy.Rational(1, 3),
        **{name: _whole(name) for name in WHOLE},
    }
    return Reading(
        {"pi": sympy.pi, "inf": sympy.oo, "nan": sympy.nan},
        partial(_native, sympy, others),
        sympy.Rational,
        decide,
        lambda rule: rule.formula,
    )


# Regions: in which order the operands stand among themselves and the numbers they meet

Level = tuple[Any, ...]
"""Operands, and at most one number, that are equal."""


class _UndecidedError(Exception):
    """The sign of an expression is not known in a region."""


@dataclass(frozen=True)
class Region:
    """Operands whose order is known.

    ``groups`` holds, for each group of operands that are compared with each other, what is
    equal and what is greater, in rising order.  ``at`` gives the operands in positive
    symbols, such as ``x = 1 + p_x``, so that SymPy can decide comparisons.
    """

    groups: tuple[tuple[Level, ...], ...]
    at: Names

    def __str__(self) -> str:
        return ", ".join(f"{name} = {expression}" for name, expression in self.at.items())

    @property
    def symbols(self) -> dict[str, Any]:
        return {name: load_sympy().Symbol(name, real=True) for name in self.at}

    def place(self, expression: Expr) -> Any:
        """An expression in the operands at this region's operands."""
        places = {symbol: self.at[name] for name, symbol in self.symbols.items()}
        return load_sympy().sympify(expression).subs(places)

    def text(self, rule: Rule, text: str) -> Any:
        """What a text of a rule is, in the operands, where comparisons hold as they do here."""
        out = _exact(self._sign).text(rule.formula, self.symbols)
        return _exact(self._sign).text(text, {**self.symbols, "out": out})

    def holds(self, condition: str) -> bool:
        return _exact(self._sign).holds(condition, self.symbols)

    def inside(self, rule: Rule) -> bool:
        """Whether this is in the domain of a rule."""
        return not rule.domain or self.holds(rule.domain)

    def _sign(self, expression: Expr) -> int:
        sympy, placed = load_sympy(), self.place(expression)
        for step in (lambda e: e, sympy.together, sympy.factor, sympy.simplify):
            placed = step(placed)
            for sign, holds in ((0, "is_zero"), (1, "is_positive"), (-1, "is_negative")):
                if getattr(placed, holds):
                    return sign
        raise _UndecidedError(expression)

    def sides(self, rule: Rule, regions: Iterable[Region]) -> list[Region]:
        """The regions in which nothing is equal that this one borders on; itself if it is such.

        What the rule is not differentiated for (the condition of ``where``) stays as it is.
        """
        fixed = {o for o, d in zip(rule.operands, rule.derivatives, strict=True) if d is None}

        def borders(region: Region) -> bool:
            for mine, other in zip(self.groups, region.groups, strict=True):
                if fixed.intersection(*[itertools.chain(*mine)]):
                    if mine != other:
                        return False
                    continue
                rank = {term: rank for rank, level in enumerate(mine) for term in level}
                ranks = [rank[term] for level in other for term in level]
                if len(ranks) > len(other) or ranks != sorted(ranks):
                    return False
            return True

        return [region for region in regions if borders(region)]


@cache
def regions(rule: Rule) -> list[Region]:
    """The regions, borders included, in which every comparison in a row is decided."""
    compared: set[tuple[str, Any]] = set()
    derivatives = filter(None, (*rule.derivatives, *rule.evaluate_derivatives))
    texts = [rule.formula, rule.evaluate or rule.formula, *derivatives]
    conditions = [*filter(None, [rule.domain]), *rule.kinks]
    while True:
        found = list(_divided(rule.operands, compared))
        try:
            for region in found:
                for condition in conditions:
                    region.holds(condition)
                if region.inside(rule):
                    for text in texts:
                        region.text(rule, text)
        except _UndecidedError as undecided:
            more = _comparisons(undecided.args[0]) - compared
            if not more:
                message = f"{rule.name} at {region}: cannot decide the sign of {undecided}"
                raise AssertionError(message) from None
            compared |= more
            continue
        return found


def _comparisons(expression: Expr) -> set[tuple[str, Any]]:
    """What operands must be compared with, so that the sign of an expression is known."""
    if expression.has(*map(_whole, WHOLE)):  # it has a root in each of its pieces
        return set()
    operands = sorted(expression.free_symbols, key=str)
    found: set[tuple[str, Any]] = set()
    for inside in expression.atoms(load_sympy().Abs):
        found |= _comparisons(inside.args[0])
    for symbol in operands:
        roots = load_sympy().solve(expression, symbol)
        found |= {(str(symbol), root) for root in roots if root.is_number}
        found |= {(str(symbol), str(root)) for root in roots if root in operands}
    return found or {(str(symbol), load_sympy().Integer(0)) for symbol in operands}


def _divided(operands: Sequence[str], compared: Iterable[tuple[str, Any]]) -> Iterator[Region]:
    sympy = load_sympy()
    groups = [[operand] for operand in operands]
    for a, b in sorted(compared, key=str):
        if isinstance(b, str):
            linked = [group for group in groups if a in group or b in group]
            groups = [g for g in groups if g not in linked] + [[*itertools.chain(*linked)]]
    orders = []
    for group in groups:
        numbers = {b for a, b in compared if a in group and not isinstance(b, str)}
        orders.append(list(_arrangements(group, [(n,) for n in sorted(numbers)])))

    def free(operand: str) -> Any:
        return sympy.Symbol(f"r_{operand}", real=True)

    def positive(operand: str) -> Any:
        return sympy.Symbol(f"p_{operand}", positive=True)

    for arranged in itertools.product(*orders):
        yield Region(arranged, placed(operands, arranged, free, positive))


def _arrangements(operands: Sequence[str], levels: Sequence[Level]) -> Iterator[tuple[Level, ...]]:
    """All ways to put operands between levels or into them."""
    if not operands:
        yield tuple(levels)
        return
    first, *rest = operands
    for i in range(len(levels) + 1):
        yield from _arrangements(rest, [*levels[:i], (first,), *levels[i:]])
    for i, level in enumerate(levels):
        yield from _arrangements(rest, [*levels[:i], (*level, first), *levels[i + 1 :]])


def placed(
    operands: Sequence[str],
    groups: Iterable[tuple[Level, ...]],
    free: Callable[[str], Any],
    positive: Callable[[str], Any],
) -> dict[str, Any]:
    """Each operand where its level says, by any number or any positive steps."""
    found: dict[str, Any] = {}
    for levels in groups:
        numbers: list[Any] = [
            next((t for t in level if not isinstance(t, str)), None) for level in levels
        ]
        for i, level in enumerate(levels):
            if numbers[i] is not None:
                continue
            end = next((k for k in range(i, len(levels)) if numbers[k] is not None), len(levels))
            run = [positive(levels[k][0]) for k in range(i, end)]
            if i and end < len(levels):
                low, high = numbers[i - 1], numbers[end]
                numbers[i] = low + (high - low) * run[0] / (1 + sum(run))
            elif i:
                numbers[i] = numbers[i - 1] + run[0]
            elif end < len(levels):
                numbers[i] = numbers[end] - sum(run)
            else:
                numbers[i] = free(level[0])
        found |= {t: n for n, level in zip(numbers, levels, strict=True) for t in level}
    return {operand: found[operand] for operand in operands}
