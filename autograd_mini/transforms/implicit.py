"""What an equation defines: roots and fixed points, by the implicit function theorem.

Where ``f(x, a) = 0``, ``∂x/∂a = -(∂f/∂x)⁻¹ ∂f/∂a``, however the solver came to ``x``; so nothing of
its iterations is recorded.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_mini.core import modes
from autograd_mini.core.graph import rebuild, sweep_gradients
from autograd_mini.core.operation import ArrayOperation
from autograd_mini.core.tensor import Tensor, plain, record
from autograd_mini.transforms.call import check_function
from autograd_mini.transforms.enclosed import (
    Arguments,
    OneSweep,
    from_outside,
    is_recorded,
    own_node,
    plain_function,
    recorded_inside,
)
from autograd_mini.typing import Array, Function, Operand, Tree


def root(f: Function, guess: Operand, *params: Tree, solver: Function | None = None) -> Operand:
    """Where ``f(x, *params)`` is zero, differentiated with respect to the parameters.

    Tensors that ``f`` brings in from outside count as parameters.  (A. Griewank and A. Walther,
    "Evaluating Derivatives", 2008, chapter 15.)

    Arguments:
        f: a function of ``x`` and the parameters that gives an array of ``x``'s shape.
        guess: where the search begins, an array of any shape.
        params: numbers, arrays and Tensors, or trees of them.
        solver: a function ``(residual, guess)`` that gives the root of a plain function; by
            default Newton's method is used.

    Returns:
        ``x``, of the shape of ``guess``: a Tensor if there is a Tensor among the parameters.

    Raises:
        RuntimeError: Newton's method does not converge, or what ``solver`` gave is no root.
        ValueError: ``f`` gives another shape than ``guess`` has.
        numpy.linalg.LinAlgError: ``∂f/∂x`` is singular, so that the root does not move smoothly.

    >>> from autograd_mini import grad
    >>> round(grad(lambda a: root(lambda x, a: x**2 - a, 1.0, a))(4.0), 12)
    0.25
    """
    check_function("root", f)
    return _implicit("root", f, guess, params, solver, _newton)


def fixed_point(
    f: Function, guess: Operand, *params: Tree, solver: Function | None = None
) -> Operand:
    """Where ``f(x, *params)`` is ``x``, differentiated with respect to the parameters.

    Arguments, errors: as for ``root``; by default ``f`` is applied until its result stays.

    >>> from autograd_mini import grad
    >>> round(grad(lambda a: fixed_point(lambda x, a: (x + a / x) / 2, 1.0, a))(4.0), 12)
    0.25
    """
    check_function("fixed_point", f)

    def residual(x: Operand, *params: Tree) -> Operand:
        return f(x, *params) - x

    return _implicit("fixed_point", residual, guess, params, solver, _repeated)


def _implicit(
    name: str,
    f: Function,
    guess: Operand,
    params: tuple[Any, ...],
    solver: Function | None,
    by_default: Function,
) -> Operand:
    given = Arguments(name, params, {})
    start = np.array(plain(guess), float)

    def at(x: Operand, operands: Operand) -> Operand:
        out = f(x, *given.with_operands(operands)[0])
        if np.shape(out) != start.shape:
            raise ValueError(
                f"{name}: the function gives shape {np.shape(out)} for x of shape {start.shape}; "
                "they must be equal"
            )
        return out

    def solved(*arrays: Operand) -> Array:
        def equation(x: Operand) -> Operand:
            return at(x, arrays[: len(given.operands)])

        if solver is None:
            found = by_default(equation, start)
        else:
            found = np.array(plain(solver(plain_function(equation), start)), float)
        if found.shape != start.shape:
            raise ValueError(f"{name}: the solver gave shape {found.shape} for {start.shape}")
        _check(name, equation, found)
        return np.asarray(found)

    x = solved(*map(plain, given.operands))
    if not modes.recording():
        return x if x.ndim else float(x)
    with recorded_inside() as made:
        own = list(map(own_node, map(plain, given.operands)))
        out = at(inside := Tensor(x), own)
    outside = from_outside([out] if isinstance(out, Tensor) else [], [inside, *own], made)
    if not given.operands and not outside:
        return x if x.ndim else float(x)
    first = [operand.data for operand in (*given.operands, *outside)]
    del made, own, out, inside

    def forward(*arrays: Operand) -> Array:
        return x if all(a is b for a, b in zip(arrays, first, strict=True)) else solved(*arrays)

    def shares(g: Operand, whole: Operand, *operands: Operand) -> list[Any]:
        keep = is_recorded(g, whole, *operands)
        with recorded_inside() as made:
            own = list(map(own_node, operands[: len(given.operands)]))
            out = at(inside := Tensor(plain(whole)), own)
        with modes.recorded():
            # nodes of their own, from which no way leads back to what the solution comes of
            x, ends = own_node(whole), list(map(own_node, outside))
            out = rebuild(made, {inside: x, **dict(zip(outside, ends, strict=True))})[out]
            slopes = _jacobian(out, x, keep)
            by_residual = _solved(name, np.transpose(slopes), -np.ravel(g))
            upstream = np.reshape(by_residual, np.shape(g))
            return sweep_gradients(out, [*own, *ends], keep, upstream)

    sentence = "What an equation defines, with its derivative by the implicit function theorem."
    operation = ArrayOperation(name, forward, OneSweep(shares), sentence, foreign=True)
    return record(operation, (*given.operands, *outside))


def _jacobian(out: Operand, x: Tensor, keep: bool) -> Operand:
    """The matrix of derivatives of one array by another of its size."""
    rows = []
    for index in range(x.size):
        basis = np.zeros(x.size)
        basis[index] = 1
        seed = basis.reshape(x.shape)
        rows.append(np.ravel(sweep_gradients(out, [x], keep, seed)[0]))
    return np.stack(rows) if rows else np.zeros((0, 0))


def _solved(name: str, matrix: Operand, right: Operand) -> Operand:
    try:
        return np.linalg.solve(matrix, right)
    except np.linalg.LinAlgError:
        raise np.linalg.LinAlgError(
            f"{name}: the derivative of the equation by x is singular here, so that its solution "
            "does not move smoothly with the parameters: begin from another guess"
        ) from None


def _step(name: str, f: Function, x: Array) -> tuple[Array, Array]:
    """The residual, and by how much a step of Newton's moves ``x``."""
    with modes.recorded():
        inside = Tensor(x)
        out = f(inside)
        if not isinstance(out, Tensor):
            raise ValueError(f"{name}: the function does not depend on x")
        slopes = _jacobian(out, inside, keep=False)
    residual = out.data
    return residual, np.reshape(_solved(name, slopes, np.ravel(residual)), x.shape)


def _check(name: str, f: Function, x: Array) -> None:
    """Whether ``x`` is a root: a step of Newton's hardly moves it."""
    residual, step = _step(name, f, x)
    if not np.all(np.abs(step) <= _NEAR * (1 + np.abs(x))):
        raise RuntimeError(
            f"{name}: {x} is no solution, the equation is off by {np.max(np.abs(residual)):.3g} "
            "there: begin from another guess, or give a solver= that finds it"
        )


_NEAR = float(np.sqrt(np.finfo(float).eps))
"""How far from the root, beside 1 and x, an x may lie: half of the digits are right."""


def _newton(f: Function, guess: Array) -> Array:
    """Newton's method, with steps that are halved until the residual falls."""
    x, residual_at = guess, plain_function(f)
    residual, step = _step("root", f, x)
    for _ in range(_MOST_STEPS):
        size, part = np.max(np.abs(residual), initial=0.0), 1.0
        if np.all(np.abs(step) <= 4 * np.finfo(float).eps * (1 + np.abs(x))) or size == 0:
            break
        while part > _LEAST_PART:
            following = x - part * step
            after = np.max(np.abs(residual_at(following)), initial=0.0)
            if after < size:
                break
            part /= 2
        else:
            break  # no nearer in this arithmetic; whether it is a root is seen
        x = following
        residual, step = _step("root", f, x)
    return x


_MOST_STEPS, _LEAST_PART = 100, 2.0**-30


def _repeated(residual: Function, guess: Array) -> Array:
    """``x`` moved by the residual until it stays, or comes no nearer."""
    x, least, residual_at = guess, np.inf, plain_function(residual)
    for turn in range(_MOST_TURNS):
        move = residual_at(x)
        size = np.max(np.abs(move), initial=0.0)
        if not np.isfinite(size) or size == 0 or (size >= least and turn > _LEAST_TURNS):
            break
        x, least = x + move, min(size, least)
    return x


_MOST_TURNS, _LEAST_TURNS = 100_000, 50
