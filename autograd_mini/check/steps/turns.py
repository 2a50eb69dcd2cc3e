"""A training step at a later turn of its loop, where data are others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from autograd_mini.check.deadline import Deadline
from autograd_mini.check.steps.fit import Fit, constants_of
from autograd_mini.check.steps.recorded import run
from autograd_mini.check.steps.step import Step
from autograd_mini.check.steps.trained import Trained
from autograd_mini.check.steps.updates import Update, with_factors
from autograd_mini.check.steps.variables import as_numbers, variables
from autograd_mini.core.graph import Node
from autograd_mini.typing import Array


def with_other_data(trained: Trained, fit: Fit, root: Node) -> Iterator[tuple[Trained, Fit]]:
    """The step at a few turns that follow, and how its updates stand to the same loss, up to one
    that has another form, or the same data.

    A target of 1 may stand for any 1 of a line, and a sample of zeros for any product.

    Arguments:
        trained: the step.
        fit: how its updates stand to its loss.
        root: the loss.
    """
    here = constants_of(root)
    if trained.step.at_rest or not any(map(_is_uniform, here)):
        return
    end = Deadline(_SECONDS)
    for number in range(1, _TURNS + 1):
        later = trained.step.later(number) if trained.step.is_apart and trained.step.later else None
        other = None if later is None else _at(later, trained, fit)
        there = [] if other is None else constants_of(other[2])
        if other is None or [a.shape for a in there] != [b.shape for b in here]:
            return
        if all(map(np.array_equal, here, there)):
            return
        yield other[0], other[1]
        if end.passed:
            return


_TURNS = 3
"""How many turns are looked at."""
_SECONDS = 1.0
"""After how many seconds no more is."""


def _is_uniform(constant: Array) -> bool:
    """Whether all numbers are one and the same of 0, 1 and -1."""
    return (
        bool(constant.size)
        and bool(np.all(constant == constant.flat[0]))
        and (abs(float(constant.flat[0])) in (0.0, 1.0))
    )


def _at(step: Step, trained: Trained, fit: Fit) -> tuple[Trained, Fit, Node] | None:
    """What another turn does to the same variables, how that stands to the same loss, and this;
    ``None`` where it has not the same parameters.
    """
    found = variables(step.spaces)
    plain = run(step, found)
    by_path = {path: variable for variable in found for path in variable.paths}
    changed: list[Update] = []
    for update in trained.changed:
        variable = next((by_path[p] for p in update.variable.paths if p in by_path), None)
        after = None if variable is None else as_numbers(plain.after.get(variable))
        if variable is None or after is None or after.shape != update.variable.before.shape:
            return None
        changed.append(replace(update, variable=variable, taken=variable.before - after))
    changed = with_factors(step, changed)
    names = dict(zip(changed, map(trained.names.__getitem__, trained.changed), strict=True))
    other = Trained(step, tuple(changed), names, plain)
    there = None if plain.error is not None else other.fit(fit.loss, {})
    own = {names[update] for update in there.parameters} if there is not None else set()
    _, root = other.root(fit.loss, {})
    if there is None or root is None or own != {trained.names[u] for u in fit.parameters}:
        return None
    return other, replace(there, factor=fit.factor), root
