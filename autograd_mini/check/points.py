"""At which point is the problem compared?  Where it was posed, and a little beside.

Where weights are 0, or all are 1, a derivation may be right by chance.  So what agrees there is
compared once more where nothing agrees by chance.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from autograd_mini.check.bounds import (
    DRAWS,
    automatic_gradients,
    bounds,
    is_surely_rounding,
    recorded_gradients,
    same_to_rounding,
    tolerance_of,
)
from autograd_mini.check.determinism import nondeterminism
from autograd_mini.check.kinks import at_kink
from autograd_mini.check.probe import comparisons, largest
from autograd_mini.check.problem import Problem
from autograd_mini.check.result import AGREE, DIFFER, Finding, Quantity
from autograd_mini.check.verdict import EQUAL, verdicts
from autograd_mini.core.graph import Node, leaf_like
from autograd_mini.typing import Array

_NEARBY = 2.0**-10
"""How far, as a part of each number, the point lies beside which all is compared again."""
_APART = 0.25
"""How far another point lies, as a part of a parameter's usual size."""


@dataclass(frozen=True)
class Point:
    """A problem at one point, compared.

    Attributes:
        problem: what was compared.
        quantities: each with a verdict.
        findings: what is wrong with the functions that were compared.
        notes: how they were compared, where that is not the usual.
        alone: whether the hand-derived gradients are known at this point alone.
        tolerance: what may be rounding in each gradient.
    """

    problem: Problem
    quantities: list[Quantity]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    alone: bool = False
    tolerance: Mapping[str, Array] = field(default_factory=dict)


def telling_point(problem: Problem, seed: int, entries: int) -> Point:
    """The problem compared; where all agrees, and something does not nearby, compared there.

    So is code that is wrong, where too many other lines would be right by chance.

    Arguments:
        problem: what is checked.
        seed: chooses what is probed, and the point nearby.
        entries: how many elements of each quantity are probed (see ``check_gradients``).
    """
    here = _compared(problem, seed, entries)
    if problem.at is None:
        return replace(here, alone=True)
    if problem.uncertain or any(q.verdict != AGREE for q in here.quantities):
        return _where_not_special(here, problem.at, seed, entries)
    try:
        beside = _wrong_beside(problem, problem.at, seed)
        if beside is None:
            return here
        unmoved = {name: (m, beside.manual[name]) for name, m in problem.manual.items()}
        if all(np.array_equal(*both, equal_nan=True) for both in unmoved.values()):
            return replace(here, notes=(*here.notes, _UNMOVED), alone=True)
        there = _compared(beside, seed, entries)
    except Exception as error:
        note = f"Compared at this one point only: beside it {type(error).__name__} was raised: "
        return replace(here, notes=(*here.notes, note + str(error)))
    if not any(quantity.verdict == DIFFER for quantity in there.quantities):
        return here
    quantities = [
        replace(q, evidence=f"agrees here, not nearby: {q.evidence}") if q.verdict == DIFFER else q
        for q in there.quantities
    ]
    return replace(there, quantities=quantities, notes=(_NOTE, *there.notes))


def _where_not_special(
    here: Point, at: Callable[[Mapping[str, Node]], Problem], seed: int, entries: int
) -> Point:
    """Code that is wrong compared nearby, where here wrong gradients or all parameters are 0, or
    parameters of zeros meet kinks.
    """
    problem = here.problem
    zero = {
        q.name
        for q in here.quantities
        if q.verdict == DIFFER and q.manual is not None and not q.manual.any()
    }
    moving = [np.any(problem.nodes[name].data) for name in problem.parameters]
    kinks = (at_kink(node) for node in problem.order)
    at_zero = not all(moving) and any(at is not None and at.any() for at in kinks)
    is_special = not any(moving) or at_zero
    if problem.program is None or problem.uncertain or not (zero or is_special):
        return here
    if not any(q.verdict == DIFFER for q in here.quantities):
        return here
    try:
        beside = _wrong_beside(problem, at, seed)
        there = None if beside is None else _compared(beside, seed, entries)
    except Exception:  # it cannot be computed there
        return here
    if there is None or not any(q.verdict == DIFFER for q in there.quantities):
        return here
    if not is_special and not any(there.problem.manual[name].any() for name in zero):
        return here
    return replace(there, notes=(_SPECIAL, *there.notes))


_SPECIAL = (
    f"Compared nearby, where each parameter is moved by up to {_NEARBY:.0e} of itself: with the "
    "parameters as they are given numbers are 0 or at kinks, so that other lines would be right by "
    "chance"
)
_UNMOVED = (
    "Compared at this one point only: manual gives the same numbers at other parameters, where the "
    "loss has other gradients."
)
_NOTE = (
    "All gradients agree at the parameters as they are given, but not nearby: all numbers "
    f"here are from where each parameter is moved by up to {_NEARBY:.0e} of itself"
)


def _compared(problem: Problem, seed: int, entries: int) -> Point:
    bound = bounds(problem)
    unsteady = list(nondeterminism(problem, bound))
    unjudged = {name: one.evidence for one in unsteady for name in one.quantities}
    quantities = verdicts(comparisons(problem, bound, seed, entries), unjudged)
    asides = tuple(
        f"{q.name}: {q.evidence}." for q in quantities if q.verdict == AGREE and q.evidence != EQUAL
    )
    findings = (*problem.findings, *(one.finding for one in unsteady))
    return Point(problem, quantities, findings, (*bound.notes, *asides), tolerance=bound.tolerance)


def _wrong_beside(
    problem: Problem, at: Callable[[Mapping[str, Node]], Problem], seed: int
) -> Problem | None:
    """The problem a little beside, if the hand-derived gradients are wrong there."""
    rng = np.random.default_rng([seed, 1])
    symmetric = _takes_symmetric(problem)
    moved = {name: _moved(problem.nodes[name], rng, symmetric) for name in problem.parameters}
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        beside = at(moved)
        manual = beside.manual
        automatic = list(automatic_gradients(beside, manual).values())
        if not all(np.isfinite(gradient).all() for gradient in automatic):
            return None
        unit = beside.rounding_unit
        both = list(zip(manual.values(), automatic, strict=True))
        if all(is_surely_rounding(m, a, unit) for m, a in both):
            return None
        nodes = [beside.nodes[name] for name in manual]
        recorded = dict(zip(manual, recorded_gradients(beside.root, nodes), strict=True))
        for draws in (1, DRAWS):
            room = tolerance_of(beside, recorded, draws).values()
            if all(map(same_to_rounding, manual.values(), automatic, room)):
                return None
    return beside


def _moved(node: Node, rng: np.random.Generator, symmetric: bool) -> Node:
    """A parameter a little beside: each number off by a part of itself, or of the largest."""
    by = rng.uniform(0.5 * _NEARBY, _NEARBY, np.shape(node.data))
    by *= rng.choice(np.array([-1, 1], np.int8), np.shape(node.data))
    if symmetric:
        by = _as_symmetric(by, node.data)
    by *= np.where(node.data, node.data, largest(np.asarray(node.data)) or 1.0)
    return leaf_like(node, node.data + by, node.label)


def moved_beside(problem: Problem, number: int, far: bool = False) -> Problem | None:
    """The problem at another point, of which each number has its own.

    Arguments:
        problem: the problem.
        number: which of the other points.
        far: whether each parameter is drawn anew, of either sign and its usual size.

    Returns:
        ``None`` where it is known at one point alone, or cannot be computed there.
    """
    if problem.at is None:
        return None
    rng, symmetric = np.random.default_rng([number, 2]), _takes_symmetric(problem)
    moved = {}
    for name in problem.parameters:
        node = problem.nodes[name]
        data = np.asarray(node.data)
        size = float(np.sqrt(np.mean(np.square(data)))) if data.size else 0.0
        by = (1.0 if far else _APART) * (size or 1.0) * rng.normal(size=data.shape)
        if symmetric:
            by = _as_symmetric(by, data)
        data = np.zeros_like(data) if far else data
        moved[name] = leaf_like(node, (data + by)[()], node.label)
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return problem.at(moved)
    except Exception:  # it cannot be computed there
        return None


def _takes_symmetric(problem: Problem) -> bool:
    """Whether a matrix is taken as symmetric: its derivation may hold for such ones alone."""
    return any(node.operation and node.operation.symmetric for node in problem.order)


def _as_symmetric(by: Array, data: Array) -> Array:
    """Moves that leave a matrix symmetric which is, as a covariance."""
    if np.ndim(data) == 2 and np.array_equal(data, np.transpose(data)):
        by = (by + np.transpose(by)) / 2
    return by
