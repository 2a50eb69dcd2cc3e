"""``check_gradients``: a problem goes through the stages of the check, one after the other."""

from __future__ import annotations

import functools
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from autograd_mini.check import progress
from autograd_mini.check.blame import Blame, blamed
from autograd_mini.check.capture import Loss, Manual, Required, captured
from autograd_mini.check.causes import explained
from autograd_mini.check.conventions import (
    Plain,
    has_stabilisers,
    may_be_without,
    right_where,
    with_conventions,
    without_stabilisers,
)
from autograd_mini.check.lines.budget import Budget
from autograd_mini.check.lines.located import Located, located, told_by_lines, with_causes
from autograd_mini.check.lint import lint
from autograd_mini.check.losses import hinted, loss_hint
from autograd_mini.check.points import Point, telling_point
from autograd_mini.check.problem import Problem
from autograd_mini.check.report import GradientReport
from autograd_mini.check.report.view import Hints, checked_hints
from autograd_mini.check.result import Mistake
from autograd_mini.core.graph import topological_order
from autograd_mini.typing import Tree


def check_gradients(
    loss: Loss,
    params: Tree,
    manual: Manual | None = None,
    *,
    seed: int = 0,
    entries: int = 16,
    hints: Hints = 3,
    required: Required = (),
    forbid_autodiff: bool = False,
    seconds: float = 10.0,
) -> GradientReport:
    """Hold hand-derived gradients against automatic and numerical ones.

    Arguments:
        loss: a function of the parameters, called as ``loss(**params)``, ``loss(*params)`` or
            ``loss(params)``, whichever it takes, that returns one number as a Tensor or Value.
        params: the parameters by name, or any tree of them that ``grad`` takes, such as a list of
            weights: arrays, floats, Tensors or Values.
        manual: hand-derived gradients, or a function of the parameters that returns them: by
            name, or in the order of the parameters and nested as these are.  A name is a
            parameter's, or that of a local variable of ``loss`` or of the helpers that it calls,
            or a label: then it is the gradient of the loss with respect to that intermediate.
            Without it, automatic gradients are held against numerical ones.
        seed: chooses which elements are probed numerically.
        entries: how many elements of each quantity are probed at the most, besides as many
            where manual and automatic gradients differ most, and one random direction
            through all of them.  Fewer are, but 2, where the loss computes millions of numbers.
        hints: what the report tells: 0 the verdict, 1 also the lines where the mistakes are, 2
            also why, 3 also the corrected lines.
        required: the names for which ``manual`` must give a gradient; ``"all"`` parameters.
        forbid_autodiff: whether the check fails if ``manual`` differentiates automatically.
        seconds: how long is searched, at the most, for the line of ``manual`` that is wrong and
            for what is right in its place; 0 for not at all.

    Returns:
        A report.  A verdict is ``"differ"`` only if a difference exceeds what rounding
        explains in this computation, and ``"cannot tell"`` where the numerical derivative's
        own error estimate does not allow one.  Where all agree and ``manual`` is a function,
        it is compared once more beside the parameters, where nothing agrees by chance: a
        report of a mistake there says so.

    Raises:
        ValueError: ``loss`` returned several numbers, ``manual`` has an unknown name, there is
            nothing to compare, or ``hints`` or ``required`` is something else.
        TypeError: ``loss`` returned no Tensor or Value; or it, or ``manual``, does not take
            ``params``.

    >>> import numpy as np
    >>> x = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    >>> def loss(W):
    ...     z = x @ W
    ...     return np.sum(np.tanh(z) ** 2)
    >>> def manual(W):
    ...     a = np.tanh(x @ W)
    ...     dz = 2 * a * (1 - a**2)
    ...     return {"z": dz, "W": x.T @ dz}
    >>> print(check_gradients(loss, {"W": np.array([0.1, -0.2])}, manual).ok)
    True
    """
    checked_hints(hints)
    problem = captured(loss, params, manual, required, forbid_autodiff)
    report = checked(problem, seed=seed, entries=entries, seconds=seconds)
    return report.with_hints(hints)


def checked(
    problem: Problem, *, seed: int = 0, entries: int = 16, seconds: float = 10.0
) -> GradientReport:
    """The report on a problem, however it came about.

    Arguments:
        problem: what is checked.
        seed, entries, seconds: as for ``check_gradients``.
    """
    with _one_thread():
        return _checked(problem, seed, entries, seconds)


def _checked(problem: Problem, seed: int, entries: int, seconds: float) -> GradientReport:
    point = with_conventions(telling_point(problem, seed, entries))
    blame = searched = blamed(point.problem, point.quantities)
    hint = loss_hint(point.problem, point.quantities)
    of_forward = []
    if hint is not None and hint.of_forward:
        of_forward = [Mistake(None, "different-loss", hint.sentence, names=hint.names)]
        searched = Blame([], {})
    with progress.told() as said:
        budget = Budget(seconds, said)
        code = _located(point, searched, budget)
    slips = [*of_forward, *code.mistakes]
    if problem.failure is not None and not slips:
        raise problem.failure
    by_numbers = max(budget.left, _BY_NUMBERS * seconds) or _BY_NUMBERS_ALONE
    quantities = explained(told_by_lines(blame, slips), by_numbers)
    return GradientReport(
        hinted(quantities, hint),
        root=point.problem.root,
        nodes=point.problem.nodes,
        notes=[*point.notes, *problem.notes, *code.notes],
        findings=[*point.findings, *lint(point.problem, quantities, point.alone)],
        loss_hint=hint.sentence if hint else None,
        mistakes=with_causes(slips, quantities),
        lines=code.lines,
        assumptions=problem.assumptions,
        variables=_variables(point.problem),
    )


def _variables(problem: Problem) -> dict[int, str]:
    """What the code calls nodes and arrays of the graph."""
    order = topological_order(problem.root)
    there = {id(part) for node in order for part in (node, *node.parents)}
    return {id(it): name for name, it in problem.scope.items() if id(it) in there}


def _located(point: Point, blame: Blame, budget: Budget) -> Located:
    """The lines that are wrong: those that are right for the loss without stabilisers, which no
    derivation has, come first, unless what is right has them, or the code has them itself.
    """
    problem, tolerance = point.problem, point.tolerance
    plain = None
    if blame.mistakes and problem.failure is None and budget.seconds > 0:
        plain = without_stabilisers(problem)
    if plain is None or not may_be_without(plain, point):
        return located(problem, blame, tolerance, budget)
    if has_stabilisers(plain, problem.program):
        with budget.part(_FIRST):
            code = located(problem, blame, tolerance, budget)
        if not _mends_all(code):
            without = located(plain.problem, blame, tolerance, budget)
            code = _with_note(without, plain) if _mends_all(without) else code
        return code
    with budget.part(_FIRST):
        code = located(plain.problem, blame, tolerance, budget)
    if _mends_all(code):
        return _with_note(code, plain)
    return located(problem, blame, tolerance, budget)


def _mends_all(code: Located) -> bool:
    """Whether small changes of the code mend all that is wrong."""
    repairs = [slip.repair for slip in code.mistakes]
    return bool(repairs) and all(repair is not None and not repair.ours for repair in repairs)


def _with_note(code: Located, plain: Plain) -> Located:
    names = [name for slip in code.mistakes for name in (*slip.names, *slip.inherited_by)]
    return replace(code, notes=(*code.notes, right_where(dict.fromkeys(names), plain.said)))


_FIRST = 0.6
"""The part of the time in which lines are searched for the loss with its stabilisers, or without
them, before it is tried the other way.
"""
_BY_NUMBERS = 0.25
"""The part of the time in which numbers are explained that no line explains."""
_BY_NUMBERS_ALONE = 10.0
"""The seconds for it where no line is searched."""


def _one_thread() -> AbstractContextManager[object]:
    """While it is open, products of matrices take one thread.

    A check multiplies many small matrices; OpenBLAS with more threads than there are free cores
    waits for them in a loop, which took twenty times as long as the products.
    """
    limit: AbstractContextManager[object] = _libraries().limit(limits=1, user_api="blas")
    return limit


@functools.cache
def _libraries() -> Any:
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

    return ThreadpoolController()
