"""Proofs and checks of an elementwise rule, all derived from its row."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_mini.check.bounds import rounding_error
from autograd_mini.core.graph import Node, gradients
from autograd_mini.core.rule import FUNCTIONS, RULES, Rule, rule_of_ufunc
from autograd_mini.core.tensor import Tensor
from autograd_mini.core.value import Value
from autograd_mini.differences import derivative
from autograd_mini.language.python_lines import float_operations
from autograd_mini.language.texts import read
from autograd_mini.testing.exact import (
    IN_FLOATS,
    Names,
    Region,
    conventions,
    load_mpmath,
    load_sympy,
    placed,
    precise,
    regions,
)
from autograd_mini.typing import Float, Operand

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

Point = tuple[float, ...]


def check_rule(name: str) -> None:
    """Prove a rule and check everything that its row promises.

    Raises:
        AssertionError: the row is wrong, or SymPy found no proof; says where.
        ImportError: SymPy or Hypothesis is not installed.
    """
    for check in CHECKS:
        check(name)


EPSILON = 2.0**-52
UNITS = 8.0
"""Roundings of a few operations."""


def prove_rule(name: str) -> list[str]:
    """Prove with SymPy that the texts of a row agree, and say what was proven.

    The operands' space is divided into regions in which every comparison of the row is
    decided.  In each region of the domain the text that is evaluated must equal the
    formula, and each local derivative the derivative of the formula; on a border between
    regions, the derivative from all sides.  At a kink the row's convention must hold.  A row
    that rounds is proven between the jumps, of which it must state the ``pieces``.

    Returns:
        A sentence for each derivative in each region.

    Raises:
        AssertionError: the row is wrong, or SymPy cannot prove it.
    """
    rule = RULES[name]
    everywhere = regions(rule)
    called = float_operations(rule.evaluate or rule.formula, RULES)
    rounding = {name for name in called if name in RULES and RULES[name].pieces}
    assert rule.pieces or not rounding, (
        f"{name} calls {min(rounding)}, which jumps: state the pieces between the jumps, such as "
        "pieces='floor(x)'"
    )
    beside = f" between the jumps of {rule.pieces}" if rule.pieces else ""
    proven = []
    for region in everywhere:
        kinks = conventions(rule, region.holds)
        inside = region.inside(rule)
        if inside and rule.evaluate:
            _prove(rule, region, "evaluate", rule.evaluate, region.text(rule, rule.formula))
        written = zip(rule.operands, rule.derivatives, strict=True)
        sound = zip(rule.operands, rule.evaluate_derivatives, strict=False)  # empty if none
        for operand, text in (*written, *sound):
            if text is None or not (inside or operand in kinks):
                continue
            if operand in kinks:
                said = kinks[operand]
                stated = region.text(rule, said)
                _prove(rule, region, f"convention for {operand}", text, stated, at_kink=True)
                proven.append(f"{region}: ∂/∂{operand} = {said} by convention")
                continue
            sides = [side for side in region.sides(rule, everywhere) if side.inside(rule)]
            assert sides, f"{name} at {region}: the domain has no room here; document a kink"
            for side in sides:
                formula = side.text(rule, rule.formula)
                true = load_sympy().diff(formula, region.symbols[operand])
                _prove(rule, region, f"∂/∂{operand}", text, true)
            proven.append(f"{region}: ∂/∂{operand} = {text}{beside}")
    assert proven, f"{name}: nothing lies in the domain {rule.domain!r}, so nothing was proven"
    return proven


def _prove(
    rule: Rule, region: Region, what: str, text: str, true: Any, at_kink: bool = False
) -> None:
    """Prove that a text of a rule has the true meaning in a region; only at a kink infinity."""
    sympy = load_sympy()
    stated, true = region.place(region.text(rule, text)), region.place(true)
    finite = not (stated + true).has(sympy.oo, -sympy.oo, sympy.zoo, sympy.nan)
    agreed = at_kink and stated == true and stated in (sympy.oo, -sympy.oo)
    proven = agreed or (finite and _is_zero(stated - true))
    assert proven, (
        f"{rule.name} at {region}: {what}: {text!r} is {stated}, but SymPy finds {true} "
        + ("(or does not find that they are equal)" if finite else "(document a kink)")
    )


def _is_zero(difference: Any) -> bool:
    """Whether SymPy proves that an expression is zero; ``False`` says nothing."""
    sympy = load_sympy()
    steps: list[Callable[[Any], Any]] = [
        lambda e: e,
        sympy.simplify,
        lambda e: sympy.simplify(e.rewrite(sympy.erf)),
        lambda e: sympy.simplify(e.rewrite(sympy.exp)),
    ]
    return any(step(difference) == 0 for step in steps)


def operands(name: str, at_kinks: bool = False, at_jumps: bool = False) -> SearchStrategy[Point]:
    """A Hypothesis strategy: operands in a rule's domain, in all regions of its row.

    Arguments:
        name: the rule.
        at_kinks: points at kinks (also those that bound the domain) instead of all others.
        at_jumps: points at jumps as well.
    """
    from hypothesis import strategies as st

    rule = RULES[name]
    wanted = [r for r in regions(rule) if bool(conventions(rule, r.holds)) == at_kinks]
    wanted = [r for r in wanted if at_kinks or r.inside(rule)]
    size = st.sampled_from(_SIZES) | st.floats(_SIZES[0], _SIZES[-1])
    anywhere = st.just(0.0) | size | size.map(operator.neg)

    @st.composite
    def points(draw: st.DrawFn) -> Point:
        groups = draw(st.sampled_from(wanted)).groups
        places = placed(rule.operands, groups, lambda _: draw(anywhere), lambda _: draw(size))
        return tuple(map(float, places.values()))

    return points().filter(lambda point: _is_ordinary(rule, point, at_jumps) != at_kinks)


_SIZES = (1e-9, 1e-3, 0.5, 1.0, 2.0, 8.3, 40.0, 745.0, 1000.0)
"""Distances from zero and from each other; the last ones are in the tails of every function."""


def _is_ordinary(rule: Rule, point: Point, at_jumps: bool = False) -> bool:
    """Whether a point is in the domain and at no kink, and at no jump either."""
    names = dict(zip(rule.operands, map(load_mpmath().mpf, point), strict=True))
    inside = not rule.domain or precise().holds(rule.domain, names)
    if not inside or conventions(rule, lambda text: precise().holds(text, names)):
        return False
    return at_jumps or not any(_jumps(rule, names, operand) for operand in rule.operands)


def _jumps(rule: Rule, names: Names, operand: str) -> bool:
    """Whether another piece lies just beside a point, along one operand."""
    right, left = _beside(names, operand)
    piece = partial(precise().text, rule.pieces or "0")
    return not piece(left) == piece(names) == piece(right)


def _beside(names: Names, operand: str) -> tuple[Names, Names]:
    """Points a little to the right and to the left along one operand, in 100 digits."""
    step = _STEP * max(abs(names[operand]), _SIZES[0])
    return {**names, operand: names[operand] + step}, {**names, operand: names[operand] - step}


def check_values(name: str) -> None:
    """Value, Tensor, plain numbers and NumPy's function have the true value, and do not warn."""

    def check(rule: Rule, point: Point, dtype: Float) -> None:
        true = _True(rule, point, dtype)
        for node, _ in _recorded(rule, point, dtype):
            true.require(node, (), node.data)
            assert node.op == rule.name
            assert np.asarray(node.data).dtype == dtype
        true.require("a plain number", (), FUNCTIONS[rule.name](*point))

    _at_points(name, check)


def check_derivatives(name: str) -> None:
    """Value and Tensor have the true derivatives, and say them as ``local_derivatives``."""

    def check(rule: Rule, point: Point, dtype: Float) -> None:
        true = _True(rule, point, dtype)
        for node, inputs in _recorded(rule, point, dtype):
            found = gradients(node, inputs, gradient=_ones(node))
            for i, operand in enumerate(rule.operands):
                local = node.local_derivatives[i]
                assert (local is None) == (operand not in inputs or rule.derivatives[i] is None)
                if local is not None:
                    true.require(node, (i,), found[operand])
                    true.require(node, (i,), local)
                elif operand in inputs:
                    assert np.all(found[operand] == 0)

    _at_points(name, check)


def check_second_derivatives(name: str) -> None:
    """Derivatives that are recorded can be differentiated, and give the true second ones."""

    def check(rule: Rule, point: Point, dtype: Float) -> None:
        true = _True(rule, point, dtype)
        for node, inputs in _recorded(rule, point, dtype):
            first = gradients(node, inputs, create_graph=True, gradient=_ones(node))
            for operand, slope in first.items():
                if rule.derivatives[i := rule.operands.index(operand)] is None:
                    continue
                second = gradients(slope, inputs, gradient=_ones(slope))
                for other, found in second.items():
                    if rule.derivatives[j := rule.operands.index(other)] is not None:
                        more = partial(_noise, slope, inputs[other], float(np.finfo(dtype).eps))
                        true.require(node, (i, j), found, more)

    _at_points(name, check, order=2)


def _noise(slope: Node, operand: Node, epsilon: float) -> Operand:
    """What rounding does to a second derivative, which differentiates other rows' results."""
    return rounding_error(slope, [operand], epsilon)[0]


def check_differences(name: str) -> None:
    """The derivatives agree with numerical differences, within the error these estimate."""

    def check(rule: Rule, point: Point, dtype: Float) -> None:
        inputs = [Value(number) for number in point]
        found = gradients(FUNCTIONS[rule.name](*inputs), inputs)
        for i, text in enumerate(rule.derivatives):

            def along(number: float, i: int = i) -> float:
                moved = (*point[:i], number, *point[i + 1 :])
                try:
                    if rule.piece_function(*moved) != rule.piece_function(*point):
                        return np.nan
                    return rule.on_floats(*moved)
                except (ArithmeticError, ValueError):
                    return np.nan

            if text is not None:
                estimate = derivative(along, point[i], _room(rule, point, i))
                allowed = estimate.error + _True(rule, point, dtype).exact((i,))[1]
                error = abs(found[i] - estimate.value) if np.isfinite(allowed) else 0.0
                assert error <= allowed, (
                    f"{rule.name}{point}: ∂/∂{rule.operands[i]} is {found[i]}, but differences "
                    f"give {estimate.value} ± {estimate.error}"
                )

    _at_points(name, check, dtypes=[np.float64])


def _room(rule: Rule, point: Point, index: int) -> float:
    """How far one operand is from the others and from the numbers it is compared with, up to 1."""
    others = {*point[:index], *point[index + 1 :]}
    for region in regions(rule):
        terms = itertools.chain(*itertools.chain(*region.groups))
        others |= {float(term) for term in terms if not isinstance(term, str)}
    return min(1.0, *(abs(point[index] - other) for other in others if other != point[index]), 1.0)


def check_kinks(name: str) -> None:
    """At a kink, Value and Tensor have the derivative that the row documents."""

    def check(rule: Rule, point: Point, dtype: Float) -> None:
        names = dict(zip(rule.operands, map(np.float64, point), strict=True))
        with np.errstate(all="ignore"):
            kinks = conventions(rule, lambda text: IN_FLOATS.holds(text, names))
            stated = {o: IN_FLOATS.text(text, names) for o, text in kinks.items()}
        for node, inputs in _recorded(rule, point, dtype):
            found = gradients(node, inputs, gradient=_ones(node))
            for operand in stated.keys() & inputs.keys():
                assert np.all(found[operand] == stated[operand].astype(dtype)), (
                    f"{rule.name}{point}: ∂/∂{operand} is {found[operand]} for {node!r}, but the "
                    f"convention {kinks[operand]!r} gives {stated[operand]}"
                )

    if RULES[name].kinks:
        _at_points(name, check, at_kinks=True)


def check_jumps(name: str) -> None:
    """The result is continuous on each piece, and its derivative at a jump is the text's."""

    def check(rule: Rule, point: Point, dtype: Float) -> None:
        exact = dict(zip(rule.operands, map(load_mpmath().mpf, point), strict=True))
        value = partial(precise().text, rule.evaluate or rule.formula)
        for operand in rule.operands:
            if not _jumps(rule, exact, operand):
                right, left = map(value, _beside(exact, operand))
                assert abs(right - left) <= _CONTINUOUS * (1 + abs(right)), (
                    f"{rule.name}{point} jumps along {operand}, but {rule.pieces} does not"
                )
        names = dict(zip(rule.operands, map(dtype, point), strict=True))
        for node, inputs in _recorded(rule, point, dtype):
            found = gradients(node, inputs, gradient=_ones(node))
            for operand, text in zip(rule.operands, rule.derivatives, strict=True):
                if operand in inputs and text is not None:
                    assert np.all(found[operand] == IN_FLOATS.text(text, names)), (node, operand)

    if RULES[name].pieces:
        _at_points(name, check, at_jumps=True)


_CONTINUOUS = 1e-9
"""More than a step of 1e-33 changes a continuous result by."""


CHECKS = (
    prove_rule,
    check_values,
    check_derivatives,
    check_second_derivatives,
    check_differences,
    check_kinks,
    check_jumps,
)
"""Everything that can be asked of a rule: each takes its name."""


def _at_points(
    name: str,
    check: Callable[[Rule, Point, Any], None],
    at_kinks: bool = False,
    at_jumps: bool = False,
    order: int = 1,
    dtypes: Sequence[Any] = (np.float64, np.float32),
) -> None:
    """Call a check at many points, each also as it is rounded to lower precision."""
    from hypothesis import given

    rule = RULES[name]

    @given(operands(name, at_kinks, at_jumps))
    def at(point: Point) -> None:
        for dtype in dtypes:
            rounded = tuple(float(dtype(number)) for number in point)
            if _is_ordinary(rule, rounded, at_jumps) == at_kinks:
                continue
            if at_kinks or _True(rule, rounded, dtype).fits(order):
                check(rule, rounded, dtype)

    at()


def _recorded(rule: Rule, point: Point, dtype: Float) -> Iterator[tuple[Any, dict[str, Any]]]:
    """The rule recorded at a point in all ways: the node, and the operands that are tracked."""
    kinds: list[Callable[[float], Any]] = [lambda x: Tensor(np.full(2, x, dtype))]
    if dtype is np.float64:
        kinds += [Value, lambda x: Tensor(x)]
    functions = [FUNCTIONS[rule.name], *_numpy_functions(rule)]
    for kind, function in itertools.product(kinds, functions):
        for tracked in itertools.product([True, False], repeat=len(point)):
            if any(t and d for t, d in zip(tracked, rule.derivatives, strict=True)):
                given = [kind(x) if t else x for x, t in zip(point, tracked, strict=True)]
                with np.errstate(divide="raise", over="raise", invalid="raise"):
                    node = function(*given)
                named = zip(rule.operands, given, tracked, strict=True)
                yield node, {operand: x for operand, x, yes in named if yes}


def _numpy_functions(rule: Rule) -> list[Callable[..., Any]]:
    """NumPy's function for a rule, if it has one."""
    found = [f for f in vars(np).values() if isinstance(f, np.ufunc) and rule_of_ufunc(f) is rule]
    return [*found, *(getattr(np, name) for name in ("where", "clip") if name == rule.name)]


def _ones(node: Node) -> Operand:
    return np.ones_like(node.data) if isinstance(node, Tensor) else 1.0


class _True:
    """A rule's value and derivatives at a point in 100 digits, and how exact they must be.

    Rounding explains an error as large as if each operation of the text had rounded its
    result and each operand had been rounded.  What a derivative reads has errors of its own:
    ``out`` that of the value, a local name one rounding.
    """

    def __init__(self, rule: Rule, point: Point, dtype: Float) -> None:
        self.rule, self.point, self.limits = rule, point, np.finfo(dtype)
        self.known: dict[tuple[int, ...], tuple[float, float]] = {}
        self.names = dict(zip(rule.operands, map(load_mpmath().mpf, point), strict=True))
        self.with_out = {**self.names, "out": self._value(self.names)}

    def fits(self, order: int) -> bool:
        """Whether the value and all derivatives up to an order are far from overflow."""
        places = range(len(self.point))
        orders = [o for n in range(order + 1) for o in itertools.product(places, repeat=n)]
        found = [abs(term) for each in orders for term in self._terms(each)]
        return bool(max(found) < float(self.limits.max) * 1e-3)

    def require(
        self, node: object, order: tuple[int, ...], found: Any, more: Callable[[], Any] = lambda: 0
    ) -> None:
        """Assert that what was found is the true value or derivative, but for rounding.

        ``more`` is asked for what else rounding explains, if the bound is not enough.
        """
        true, allowed = self.exact(order)
        error = np.abs(np.asarray(found, np.float64) - true)
        if not np.all(error <= allowed):
            allowed += np.max(more())
        name = "".join(f"∂/∂{self.rule.operands[i]} " for i in order)
        assert np.all(error <= allowed), (
            f"{name}{self.rule.name}{self.point} is {true}; {node!r} has {found}, and rounding "
            f"explains a difference of {allowed:.1e}"
        )

    def exact(self, order: tuple[int, ...]) -> tuple[float, float]:
        """The value or a derivative, and how far off it may be."""
        if order not in self.known:
            self.known[order] = float(sum(self._terms(order))), self._bound(order)
        return self.known[order]

    def _bound(self, order: tuple[int, ...]) -> float:
        texts = self.rule.evaluated_derivatives
        text = texts[order[0]] if order else self.rule.evaluate or self.rule.formula
        unit = (
            float(self.limits.eps)
            * (1 + len(float_operations(text or "0", RULES)))
            * max(1, 2 * len(order))
        )
        allowed = float(self.limits.tiny)
        if len(order) == 2:  # the reference itself is a difference
            allowed += _DIFFERENCE * float(1 + abs(self._slope(order[0])(self.with_out)))
        for term in self._functions(order):
            slopes = {name: abs(_partial(term, name)(self.with_out)) for name in self.with_out}
            moved = sum(abs(self.names[name]) * slopes[name] for name in self.names)
            allowed += unit * (abs(term(self.with_out)) + moved)
            if order:
                allowed += self.exact(())[1] * slopes["out"]
        if len(order) == 1:
            allowed += unit * self._spread_of_steps(text or "0")
        return float(allowed)

    def _spread_of_steps(self, text: str) -> Any:
        """How far a derivative moves with its text's local names, for relative changes of 1."""

        def scaled(name: str, by: float) -> Any:
            return precise().text(text, self.with_out, {name: 1 + load_mpmath().mpf(by)})

        steps = [name for name, _ in read(text).steps]
        return sum(abs(scaled(s, _STEP) - scaled(s, -_STEP)) / (2 * _STEP) for s in steps)

    def _terms(self, order: tuple[int, ...]) -> list[Any]:
        return [function(self.with_out) for function in self._functions(order)]

    def _functions(self, order: tuple[int, ...]) -> list[Callable[[Names], Any]]:
        """The value, a derivative, or the two terms of a second one (direct, and through out)."""
        if not order:
            return [self._value]
        slope = self._slope(order[0])
        if len(order) == 1:
            return [slope]
        direct = _partial(slope, self.rule.operands[order[1]])
        by_out, out_by = _partial(slope, "out"), self._slope(order[1])
        return [direct, lambda names: by_out(names) * out_by(names)]

    def _value(self, names: Names) -> Any:
        return precise().text(self.rule.evaluate or self.rule.formula, names)

    def _slope(self, index: int) -> Callable[[Names], Any]:
        return lambda names: precise().text(self.rule.evaluated_derivatives[index] or "0", names)


_STEP = 10.0**-33

_DIFFERENCE = 10.0**-60
"""A central difference of this relative step has about 66 of 100 digits right."""


def _partial(function: Callable[[Names], Any], name: str) -> Callable[[Names], Any]:
    """The derivative for one name, by central differences in 100-digit arithmetic."""

    def slope(names: Names) -> Any:
        right, left = _beside(names, name)
        return (function(right) - function(left)) / (right[name] - left[name])

    return slope
