"""Code that fails: the line at which it does, and the change with which it runs and is right."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from autograd_mini.check.lines.budget import Budget
from autograd_mini.check.lines.candidates import Candidates
from autograd_mini.check.lines.claims import Truth
from autograd_mini.check.lines.program import Edits, Program
from autograd_mini.check.lines.source import Statement
from autograd_mini.check.lines.texts import with_plain_products
from autograd_mini.check.lines.trial import Trial
from autograd_mini.check.lines.verified import VerifiedEdit
from autograd_mini.check.problem import Problem
from autograd_mini.typing import Array

_EARLIER = 6
"""How many statements before the one that fails are looked at."""


def failing_statement(program: Program, error: BaseException) -> Statement | None:
    """The statement of the user's in which an error was raised, the innermost one.

    >>> def manual(w):
    ...     dw = w @ w.T @ w.T
    ...     return {"w": dw}
    >>> program = Program(lambda follow: follow(manual)(np.ones((2, 3))))
    >>> statement = failing_statement(program, program.run().error)
    >>> statement.number, statement.text
    (2, 'dw = w @ w.T @ w.T')
    """
    found, step = None, error.__traceback__
    while step is not None:
        place = step.tb_frame.f_code.co_filename, step.tb_lineno
        for statement in program.statements:
            node = statement.node
            lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            if statement.unit.file == place[0] and place[1] in lines:
                found = statement
        step = step.tb_next
    return found


def trial_of(problem: Problem, program: Program, tolerance: Mapping[str, Array]) -> Trial:
    """The failing code on trial, all of whose gradients of parameters are wrong."""
    nothing = {name: np.full(np.shape(problem.nodes[name].data), np.nan)
               for name in problem.parameters}  # fmt: skip
    return Trial(replace(problem, manual=nothing), program, tolerance, problem.parameters)


def running_edits(trial: Trial, truth: Truth, budget: Budget) -> list[VerifiedEdit]:
    """The likeliest change with which the code runs, and all gradients are right."""
    error = trial.ran.error
    statement = error and failing_statement(trial.program, error)
    if not statement:
        return []
    for suspect, known in _suspects(trial, statement):
        for candidate in Candidates(trial, truth, suspect, 1, budget).single():
            if budget.spent:
                return []
            if candidate.is_known != known:
                continue
            budget.count(suspect)
            edited = with_plain_products(candidate.statement, suspect.node)
            names = _right(trial, {suspect.place: [edited]})
            points = trial.verified_at({suspect.place: [edited]}, names) if names else 0
            if points:
                return [
                    VerifiedEdit(suspect, candidate.edits, edited, names, points, candidate.cost)
                ]
    return []


def _suspects(trial: Trial, failing: Statement) -> Iterator[tuple[Statement, bool]]:
    """The statement that fails, then those that ran before it, each with whether what is made
    is to be something known.
    """
    earlier = [trial.program.statement(place) for place in trial.places]
    before = [s for s in reversed(earlier) if s.place != failing.place][:_EARLIER]
    read = {node.id for node in ast.walk(failing.node) if isinstance(node, ast.Name)}
    for known in (True, False):
        yield failing, known
        for statement in before:
            targets = {n.id for n in ast.walk(statement.node) if isinstance(n, ast.Name)}
            if known or targets & read:
                yield statement, known


def _right(trial: Trial, edits: Edits) -> frozenset[str]:
    """What the code gives with edits, if it is right; nothing if it is not."""
    gradients = trial.program.run(edits).gradients or {}
    names = [name for name in gradients if name in trial.names]
    right = trial.here.agrees(gradients, names)
    return frozenset(right if len(right) == len(names) else ())
