"""The complex step: a derivative of the recorded computation that is exact to rounding.

For an analytic f, f(x + i·h) = f(x) + i·h·f′(x) − h²·f″(x)/2 − …: the imaginary part over h is
the derivative, no difference is taken, and h can be so small that nothing else is left.
(W. Squire and G. Trapp, "Using complex variables to estimate derivatives of real functions",
SIAM Review 40, 1998.)

The forward functions of the recorded operations are computed over complex arrays.  No local
derivative is read, so that what comes out is evidence about them.  Operations that are not
analytic, such as ``abs`` and ``where``, take the branch of the real part.

>>> from autograd_mini import Tensor
>>> from autograd_mini.core.graph import topological_order
>>> z = Tensor([30.0, 0.0])
>>> loss = -np.log((np.exp(z) / np.sum(np.exp(z)))[0])  # differences see no more than 0 here
>>> slope = ComplexStep(topological_order(loss), z).slope(np.array([0.0, 1.0]))
>>> bool(abs(slope.value - np.exp(-30) / (1 + np.exp(-30))) <= slope.error < 1e-25)
True
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from typing import Any, NamedTuple

import numpy as np

from autograd_mini.check.kinks import (
    SIDES_DIFFER,
    at_jump,
    at_kink,
    gradients_by_choice,
    slopes_on_both_sides,
)
from autograd_mini.core.elementwise import RULES, _function
from autograd_mini.core.graph import is_node, operands, sweep_gradients
from autograd_mini.core.language import CONSTANTS, OverArrays, calls_in, written
from autograd_mini.core.operation import OPERATIONS
from autograd_mini.core.tensor import Array

_STEPS = (2.0**-100, 0.7 * 2.0**-100, 1.3 * 2.0**-101)
"""Steps whose squares vanish beside 1; that they round differently shows the rounding."""
_SAFETY = 16.0
_SAME = 1e-9
"""How much the real part may be off the recorded number, relative to the operands' size.

More than that is no rounding: another branch was taken, and the derivative is another's.
"""


class Slope(NamedTuple):
    """A directional derivative and its error, and the nodes at whose kinks it was taken.

    At kinks ``value`` is halfway between the least and the greatest slope that some choice
    between the two sides of each kink gives, and ``spread`` half of their difference.  At a jump
    it is the slope of one side, and there is no derivative.
    """

    value: float
    error: float
    kinks: tuple[Any, ...]
    spread: float = 0.0
    jumps: tuple[Any, ...] = ()


class ComplexStep:
    """Derivatives of a loss along directions of one node's elements.

    Arguments:
        order: the topological order of the recorded loss.
        node: what is moved.
    """

    def __init__(self, order: Sequence[Any], node: Any) -> None:
        self.node, self.root, self._order = node, order[-1], order
        moving = {node}
        self._after = []
        for other in order:
            if other not in moving and any(operand in moving for operand in operands(other)):
                moving.add(other)
                self._after.append(other)
        with np.errstate(all="ignore"):
            at = ((other, at_kink(other)) for other in self._after)
            self._kinks = {other: found for other, found in at if found is not None and found.any()}
            at = ((other, at_jump(other)) for other in self._after)
            jumps = {other: found for other, found in at if found is not None}
            upstream = sweep_gradients(self.root, list(jumps), False, None) if jumps else []
        self._jumps = {
            other: found
            for (other, found), gradient in zip(jumps.items(), upstream, strict=True)
            if (np.asarray(gradient)[found] != 0).any()  # else the loss does not depend on it
        }

    def slope(self, direction: Array) -> Slope | None:
        """The derivative along a direction; ``None`` if an operation has no complex form."""
        try:
            with np.errstate(all="ignore"):
                runs = [self._run(direction, step) for step in _STEPS]
        except _NoComplexForm:
            return None
        values = np.array([run[0] for run in runs])
        if not np.isfinite(values).all():
            return None
        value = float(np.median(values))
        rounding = float(np.ptp(values)) + np.finfo(float).eps * abs(value)
        touched, jumps = runs[0][1:]
        if jumps:
            return Slope(value, np.inf, (), jumps=jumps)
        if not touched:
            return Slope(value, _SAFETY * rounding, ())
        with np.errstate(all="ignore"):
            spread = sum(float(np.sum(self._largest[n] * gap)) for n, gap in touched.items())
            choices = [float(np.sum(g[-1] * direction)) for g in self._by_choice]
        ends = [value - spread, value + spread, *filter(np.isfinite, choices)]
        value, spread = (max(ends) + min(ends)) / 2, (max(ends) - min(ends)) / 2
        return Slope(value, _SAFETY * rounding + SIDES_DIFFER * spread, tuple(touched), spread)

    @cached_property
    def _by_choice(self) -> list[list[Array]]:
        """By several choices at the kinks the gradients there, and at last that of the node."""
        return gradients_by_choice(self._order, self._kinks, [*self._kinks, self.node])

    @cached_property
    def _largest(self) -> dict[Any, Array]:
        """The largest size of the gradient at each kink, whatever is chosen at the others."""
        return {
            node: np.max([np.abs(gradients[rank]) for gradients in self._by_choice], axis=0)
            for rank, node in enumerate(self._kinks)
        }

    def _run(
        self, direction: Array, step: float
    ) -> tuple[float, dict[Any, Array], tuple[Any, ...]]:
        """The slope, half the difference of the two sides at kinks, and the nodes that jump."""
        made = {self.node: self.node.data + 1j * step * direction}
        touched, jumps = {}, []
        for node in self._after:
            given = [made.get(p, p.data) if is_node(p) else p for p in node.parents]
            out = np.asarray(_complex_form(node)(*given))
            real = np.asarray(node.data)
            size = max(np.max(np.abs(each), initial=0.0) for each in (*given, real))
            if out.shape != real.shape or not np.all(np.abs(out.real - real) <= _SAME * size):
                raise _NoComplexForm(node.op)
            slopes = out.imag
            if node in self._jumps and _moves_at(self._jumps[node], given):
                jumps.append(node)
            if node in self._kinks and _moves_at(self._kinks[node], given):
                ahead, behind = slopes_on_both_sides(node, [np.imag(each) / step for each in given])
                apart = np.abs(ahead - behind) > SIDES_DIFFER * (np.abs(ahead) + np.abs(behind))
                if apart.any():
                    slopes = np.where(apart, (ahead + behind) / 2 * step, slopes)
                    touched[node] = np.where(apart, np.abs(ahead - behind) / 2, 0.0)
            made[node] = real + 1j * slopes  # the same branches, whatever the rounding
        slope = float(np.asarray(made.get(self.root, 0.0)).imag.item() / step)
        return slope, touched, tuple(jumps)


def _moves_at(kinks: Array, given: Sequence[Any]) -> bool:
    """Whether an operand moves at an element that is at a kink."""
    for operand in given:
        moved = np.asarray(np.imag(operand)) != 0
        elementwise = np.ndim(moved) <= np.ndim(kinks)
        if (np.broadcast_to(moved, kinks.shape) & kinks if elementwise else moved).any():
            return True
    return False


class _NoComplexForm(Exception):
    """An operation cannot be computed over complex numbers."""


def _complex_form(node: Any) -> Callable[..., Any]:
    """The forward function of a node's operation over complex arrays."""
    if node.op == "weighted_sum":
        return _weighted_sum
    if node.op in RULES:
        return _of_rule(node.op)
    form = _ARRAY_FORMS.get(node.op)
    if form is None:
        raise _NoComplexForm(node.op)
    options = node.options
    return lambda *given: form(*given, **options)


# Elementwise operations: the texts of the table over complex arrays


@cache
def _of_rule(name: str) -> Callable[..., Any]:
    if name in _FORMS:
        return _FORMS[name]
    rule = RULES[name]
    if rule.native:
        function = getattr(np, name, None)
        return function if isinstance(function, np.ufunc) else _without_form(name)
    text = rule.evaluate or rule.formula
    lines = written(text, _OverComplex())
    used = {ast.unparse(call.func) for call in calls_in(text)} | {"mod", "floor_divide"}
    scope = {**CONSTANTS, "real": np.real, **{function: _of_rule(function) for function in used}}
    return _function(rule, lines, rule.operands, scope)


class _OverComplex(OverArrays):
    """Python for complex arrays: comparisons are of the real parts, and no ``%`` and ``//``."""

    def compare(self, symbol: str, left: ast.expr, right: ast.expr) -> ast.expr:
        return super().compare(symbol, self.call("real", left), self.call("real", right))

    def operator(self, symbol: str, *operands: ast.expr) -> ast.expr:
        if symbol in ("%", "//"):
            return self.call("mod" if symbol == "%" else "floor_divide", *operands)
        return super().operator(symbol, *operands)


def _without_form(name: str) -> Callable[..., Any]:
    def refuse(*given: Any) -> Any:
        raise _NoComplexForm(name)

    return refuse


def _where(condition: Any, x: Any, y: Any) -> Any:
    return np.where(np.real(condition) != 0, x, y)


def _abs(x: Any) -> Any:
    return np.where(np.real(x) < 0, -x, x)


def _hypot(x: Any, y: Any) -> Any:
    return np.sqrt(x * x + y * y)


def _arctan2(x: Any, y: Any) -> Any:
    return 2 * np.arctan(x / (_hypot(x, y) + y))


def _weighted_sum(bias: Any, *pairs: Any) -> Any:
    return sum((w * x for w, x in zip(pairs[::2], pairs[1::2], strict=True)), bias)


def _of_real_parts(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *given: function(*map(np.real, given))


def _mod(x: Any, y: Any) -> Any:
    return x - y * np.floor_divide(np.real(x), np.real(y))


_FORMS: dict[str, Callable[..., Any]] = {
    **{
        function.__name__: _of_real_parts(function)
        for function in (np.floor, np.ceil, np.trunc, np.rint, np.floor_divide)
    },
    "mod": _mod,
    "where": _where,
    "abs": _abs,
    "hypot": _hypot,
    "arctan2": _arctan2,
}


# Operations on whole arrays


def _var(x: Any, axis: Any, keepdims: bool, ddof: int) -> Any:
    centred = x - np.mean(x, axis=axis, keepdims=True)
    squares = np.sum(centred * centred, axis=axis, keepdims=keepdims)
    return squares / (np.size(x) / np.size(squares) - ddof)


def _std(x: Any, axis: Any, keepdims: bool, ddof: int) -> Any:
    return np.sqrt(_var(x, axis, keepdims, ddof))


def _extreme(x: Any, axis: Any, keepdims: bool, reduce: Callable[..., Any]) -> Any:
    ties = np.real(x) == reduce(np.real(x), axis=axis, keepdims=True)
    total = np.sum(np.where(ties, x, 0), axis=axis, keepdims=keepdims)
    return total / np.sum(ties, axis=axis, keepdims=keepdims)


def _max(x: Any, axis: Any, keepdims: bool) -> Any:
    return _extreme(x, axis, keepdims, np.max)


def _min(x: Any, axis: Any, keepdims: bool) -> Any:
    return _extreme(x, axis, keepdims, np.min)


def _norm(x: Any, axis: Any, keepdims: bool, ord: float = 2) -> Any:
    size = x if ord == 2 else _abs(x)
    return np.sum(size**ord, axis=axis, keepdims=keepdims) ** (1 / ord)


def _astype(x: Any, dtype: Any) -> Any:
    return x


_ARRAY_FORMS: dict[str, Callable[..., Any]] = {
    name: OPERATIONS[name].forward
    for name in (
        "matmul", "affine", "einsum", "sum", "mean", "prod", "cumsum", "softmax",
        "log_softmax", "logsumexp", "reshape", "ravel", "squeeze", "expand_dims", "transpose",
        "moveaxis", "swapaxes", "broadcast_to", "getitem", "scatter", "concatenate", "stack",
        "flip", "roll", "pad",
    )
} | {
    "var": _var, "std": _std, "max": _max, "min": _min, "norm": _norm, "astype": _astype,
}  # fmt: skip
"""What can be computed over complex arrays as it stands, and forms of what cannot."""
