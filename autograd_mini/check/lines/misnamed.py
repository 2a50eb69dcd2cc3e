"""Right arrays under wrong names: ``{"a1": d}`` where ``d`` is the gradient of ``z1``."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from autograd_mini.check.lines.claims import Claim, Truth
from autograd_mini.check.lines.source import Statement
from autograd_mini.check.lines.syntax import with_fields
from autograd_mini.check.lines.texts import line_of, rewritten
from autograd_mini.check.lines.trial import Trial
from autograd_mini.check.points import moved_beside
from autograd_mini.check.problem import Problem
from autograd_mini.check.result import Mistake, Repair
from autograd_mini.core.graph import Node, is_node, topological_order
from autograd_mini.typing import Array

CAUSE = "other-quantity"
_LEAST = 3
"""How many numbers an array has at the least that is recognised by them."""


def misnamed(problem: Problem, wrong: Collection[str], truth: Truth) -> dict[str, Claim]:
    """What wrong gradients of intermediates are the gradients of, if that is something else.

    That a gradient is another's is a slip elsewhere, as a lost activation, where it is handed on:
    so the parameters below must be right, or off by the same factor.

    >>> from autograd_mini import Tensor
    >>> w, x = Tensor([1.0, 2.0, 3.0], label="w"), np.array([5.0, 6.0, 8.0])
    >>> z = w * x
    >>> a = np.tanh(z / 9)
    >>> dz = (1 - a.data**2) / 9
    >>> given = Problem(np.sum(a), {"w": w, "a": a, "z": z}, ("w",), {"a": dz, "w": dz * x})
    >>> {name: claim.node is z for name, claim in misnamed(given, {"a"}, Truth(given)).items()}
    {'a': True}
    """
    found = {}
    for name in problem.manual:
        if name in wrong and name not in problem.parameters:
            claim = _other(name, problem.manual[name], problem, truth)
            if claim is not None and _is_handed_on(claim, problem, truth):
                found[name] = claim
    return found


def _other(name: str, array: Array, problem: Problem, truth: Truth) -> Claim | None:
    if array.size < _LEAST:
        return None
    own = problem.expanded.nodes[name]
    claims = [c for c in truth.claims(array) if c.kind == "gradient" and not c.moved]
    if any(claim.node is own for claim in claims):
        return None
    claims.sort(key=lambda claim: (claim.node not in truth.names, not claim.exact))
    return claims[0] if claims else None


def _is_handed_on(claim: Claim, problem: Problem, truth: Truth) -> bool:
    """Whether the parameters below are as they are if this is the gradient of that node."""
    below, factors = set(topological_order(claim.node)), set()
    nodes = problem.expanded.nodes
    for name in problem.parameters:
        if name not in problem.manual or nodes[name] not in below:
            continue
        own = [c for c in truth.claims(problem.manual[name]) if c.kind == "gradient"]
        of_it = [c.factor for c in own if c.node is nodes[name] and not c.moved]
        factors.add(round(of_it[0], 9) if of_it else None)
    return len(factors) == 1 and factors <= {1.0, round(claim.factor, 9)}


def mistakes_of_names(
    problem: Problem, claims: Mapping[str, Claim], truth: Truth, trial: Trial | None
) -> list[Mistake]:
    """The one mistake that all of them are, on the line that names them.

    Arguments:
        problem: what is checked.
        claims: what is under a wrong name, and what it is.
        truth: says so in words.
        trial: the code with all else that is wrong mended; ``None`` where there is none.
    """
    if not claims:
        return []
    made = (trial.ran.gradients if trial else None) or problem.manual
    sentences = []
    for name, claim in claims.items():
        claim = _other(name, made[name], problem, truth) or claim
        exactly = "exactly " * claim.exact
        sentences.append(f"what you gave for {name} is {exactly}{truth.words(claim)}")
    said, names = "; ".join(sentences), tuple(claims)
    renamed = {name: truth.names.get(claim.node, "") for name, claim in claims.items()}
    site = trial and _named_at(trial, names)
    if not trial or not site:
        return [Mistake(None, CAUSE, said, names=names)]
    base = trial.base.get(site.place, [site.node])[0]
    edited = _with_keys(base, renamed)
    if edited is None:  # there is an array by that name, too
        edited, renamed = _with_values(base, trial, truth, names), {name: name for name in names}
    text = rewritten(site, edited) if edited is not None else None
    line = line_of(site, text)
    points = _verified(problem, trial, site, edited, renamed) if edited is not None else 0
    if edited is None or text is None or not points:
        return [Mistake(line, CAUSE, said, names=names)]
    return [Mistake(line, CAUSE, said, (Repair(line, text, CAUSE, said, points),), names)]


def _named_at(trial: Trial, names: Sequence[str]) -> Statement | None:
    """The statement that returns the arrays by these names."""
    for event in reversed(trial.ran.events):
        statement = trial.program.statement(event.site.place)
        if event.name in names and isinstance(statement.node, ast.Return):
            return statement
    return None


def _with_keys(statement: ast.stmt | ast.Module, renamed: Mapping[str, str]) -> ast.stmt | None:
    """The statement with other keys in the dict that it returns."""
    given = getattr(statement, "value", None)
    if not isinstance(given, ast.Dict) or not all(renamed.values()):
        return None
    keys = [str(key.value) if isinstance(key, ast.Constant) else "" for key in given.keys]
    kept = set(keys) - set(renamed)
    if not renamed.keys() <= set(keys) or kept & set(renamed.values()):
        return None
    made = [
        key and ast.copy_location(ast.Constant(renamed.get(name, name)), key)
        for key, name in zip(given.keys, keys, strict=True)
    ]
    assert isinstance(statement, ast.Return)
    return with_fields(statement, value=with_fields(given, keys=made))


def _with_values(
    statement: ast.stmt | ast.Module, trial: Trial, truth: Truth, names: Sequence[str]
) -> ast.stmt | None:
    """The statement with the variables in the dict that it returns that are what the keys say."""
    given = getattr(statement, "value", None)
    if not isinstance(given, ast.Dict) or not isinstance(statement, ast.Return):
        return None
    nodes = trial.problem.expanded.nodes
    values = list(given.values)
    for at, key in enumerate(given.keys):
        name = key.value if isinstance(key, ast.Constant) else None
        if name in names:
            held = [
                event.name
                for event in trial.ran.events
                if event.name.isidentifier() and _is(event.value, nodes[str(name)], truth)
            ]
            if not held:
                return None
            values[at] = ast.copy_location(ast.Name(held[-1], ast.Load()), values[at])
    return with_fields(statement, value=with_fields(given, values=values))


def _verified(
    problem: Problem,
    trial: Trial,
    statement: Statement,
    edited: ast.stmt,
    renamed: Mapping[str, str],
) -> int:
    """At how many points the arrays are the gradients of what they are called by then."""
    points = 0
    for one in (problem, *(moved_beside(problem, number) for number in (0, 1))):
        if one is None or one.program is None:
            continue
        given = one.program.run({**trial.base, statement.place: [edited]}).gradients or {}
        truth = Truth(one)
        for name in renamed.values():
            node: Any = one.expanded.scope.get(name)
            if name not in given or not is_node(node) or not _is(given[name], node, truth):
                return 0
        points += 1
    return points


def _is(array: Array, node: Node, truth: Truth) -> bool:
    right = truth.gradients.get(node)
    if right is None or right.shape != array.shape:
        return False
    room = truth.tolerance * np.max(np.abs(right), initial=0.0)
    return bool(np.all(np.abs(array - right) <= room))
