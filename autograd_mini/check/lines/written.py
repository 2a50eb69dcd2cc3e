"""A line in the user's names from the recorded loss, where no small change of theirs is right."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from autograd_mini.check.lines.budget import Budget
from autograd_mini.check.lines.candidates import Candidates
from autograd_mini.check.lines.claims import Claim, Truth
from autograd_mini.check.lines.instrument import WHOLE
from autograd_mini.check.lines.own_words import in_own_words
from autograd_mini.check.lines.program import Site, Stopped
from autograd_mini.check.lines.source import Statement
from autograd_mini.check.lines.substituted import Substituted
from autograd_mini.check.lines.syntax import with_fields
from autograd_mini.check.lines.trial import Trial
from autograd_mini.check.lines.verified import VerifiedEdit
from autograd_mini.check.lines.words import Words
from autograd_mini.core.graph import data_of, is_node
from autograd_mini.show.backward_lines import backward_line

T = TypeVar("T")


def written_edit(trial: Trial, truth: Truth, meant: Substituted) -> VerifiedEdit | None:
    """A statement that makes what is to be made, verified; ``None`` where its line would name what
    has no name there.

    Arguments:
        trial: the code on trial.
        truth: what was recorded.
        meant: the statement that is wrong, and what it is to make.
    """
    statement = trial.program.statement(meant.place)
    turns = len(trial.sites[meant.site])
    claims = [None] * (turns - len(meant.claims)) + list(meant.claims)
    right = set(trial.names) - trial.wrong | meant.names
    if isinstance(statement.node, ast.Return) and trial.made_at(meant.place) & trial.wrong - right:
        return None  # of several that are returned another is still wrong
    for turn in dict.fromkeys((min(1, turns - 1), turns - 1, 0)):
        claim = claims[turn]
        if claim is None or claim.kind != "gradient" or claim.moved:
            continue
        for written in _formulas(trial, truth, statement, turn, claim):
            edited = _with_formula(statement.node, meant.site, written)
            points = trial.verified_at({meant.place: [edited]}, right) if edited else 0
            if edited is not None and points:
                left = len(trial.wrong - meant.names)
                says = truth.words(claim)
                return VerifiedEdit(
                    statement, (), edited, meant.names, points, 0.0, left=left, meant=says
                )
    return None


def _formulas(
    trial: Trial, truth: Truth, statement: Statement, turn: int, claim: Claim
) -> list[ast.expr]:
    """What is claimed as a formula, in the words of the statement and in those of the loss."""

    def formulas(words: Words) -> list[ast.expr]:
        formula = _formula(trial, truth, claim, words)
        return [in_own_words(formula, statement.node, words), formula] if formula else []

    return _with_words(trial, truth, statement, turn, formulas) or []


def _with_words(
    trial: Trial, truth: Truth, statement: Statement, turn: int, use: Callable[[Words], T]
) -> T | None:
    """What is made of what may stand in a statement, when it runs for the time that ``turn`` counts
    to: afterwards dicts and objects are as they were before.
    """
    found: list[T] = []
    passed = -1

    def visit(names: Mapping[str, Any]) -> None:
        nonlocal passed
        passed += 1
        if passed == turn:
            found.append(use(Candidates(trial, truth, statement, 1, Budget(0.0)).words(names)))
            raise Stopped

    trial.program.run(trial.base, before=statement.place, visit=visit)
    return found[0] if found else None


def lacking(trial: Trial, truth: Truth, meant: Substituted) -> list[str]:
    """What no name stands for where a statement stands, of what it is to make depends on."""
    statement, claim = trial.program.statement(meant.place), meant.claims[-1]
    if claim.kind != "gradient":
        return []

    def names_lacking(words: Words) -> list[str]:
        values, gradients, arrays = _at_hand(trial, truth, claim, words)
        others: dict[Any, str] = {n: name for n, name in truth.names.items() if n not in values}
        root: Any = truth.root
        node: Any = claim.node
        line = backward_line(root, node, {**others, **values}, gradients, arrays)
        return [others[value] for value in line.values if value in others] if line else []

    return _with_words(trial, truth, statement, 0, names_lacking) or []


def _formula(trial: Trial, truth: Truth, claim: Claim, words: Words) -> ast.expr | None:
    """The gradient of a node, or as many times of it as what is at hand is, in words at hand."""
    root: Any = truth.root
    node: Any = claim.node
    line = backward_line(root, node, *_at_hand(trial, truth, claim, words))
    if line is None or line.helpers:
        return None
    formula = ast.parse(line.formula, mode="eval").body
    has_math = inspect.ismodule(words.values.get("math")) and words.numpy not in words.values
    for part in ast.walk(formula):
        if isinstance(part, ast.Name) and part.id == "np":
            part.id = "math" if has_math else words.numpy
    return formula


Named = dict[Any, str]


def _at_hand(
    trial: Trial, truth: Truth, meant: Claim, words: Words
) -> tuple[Named, Named, dict[int, str]]:
    """What nodes, the gradients of others than the one that is meant, as many times of them as are
    meant, and constants are called; a gradient that is a size times as much is divided by that.
    """
    values: dict[Any, str] = {}
    gradients: dict[Any, str] = {}
    divided: dict[Any, str] = {}
    arrays: dict[int, str] = {}
    made = {event.name for event in trial.ran.log}
    named = {name: node for node, name in truth.names.items()}
    constants = [p for n in truth.order for p in n.parents if not is_node(p) and np.ndim(p)]
    for word in sorted(words.arrays, key=lambda word: (not word.here, len(word.text))):
        array = np.asarray(word.value)
        if word.text in named and np.array_equal(data_of(named[word.text]), array):
            values.setdefault(named[word.text], word.text)  # zeros claim nothing
        claims = truth.claims(array) if array.dtype.kind == "f" else []
        if any(truth.names.get(claim.node) == word.text for claim in claims if claim.exact):
            claims = [claim for claim in claims if claim.kind == "value"]  # by its name, too
        elif word.shape == () and word.text not in made:
            claims = []  # a rate, as ``eta``, is equal to a gradient by chance
        for claim in claims:
            times = claim.factor / meant.factor
            if claim.exact and claim.kind == "value":
                values.setdefault(claim.node, word.text)
            elif claim.kind != "gradient" or claim.moved or claim.node is meant.node:
                continue
            elif claim.is_times(meant.factor):
                gradients.setdefault(claim.node, word.text)
            elif round(times) in words.sizes and claim.is_times(round(times) * meant.factor):
                divided.setdefault(claim.node, f"({word.text} / {words.sizes[round(times)].text})")
        for constant in constants:
            if np.array_equal(data_of(constant), array):
                arrays.setdefault(id(constant), word.text)
    return values, {**divided, **gradients}, arrays


def _with_formula(node: ast.stmt, site: Site, formula: ast.expr) -> ast.stmt | None:
    """A statement with a formula in the place of what it makes at a site."""
    made: ast.stmt | None = None
    match node:
        case ast.Assign(targets=[ast.Subscript(value=base)]) if site.slot == WHOLE:
            made = ast.Assign([with_fields(base, ctx=ast.Store())], formula)
        case ast.Assign(targets=[ast.Name() | ast.Attribute() | ast.Subscript()]):
            made = with_fields(node, value=formula)
        case ast.AugAssign(target=target) if site.slot == WHOLE:
            made = ast.Assign([target], formula)
        case ast.AugAssign() | ast.AnnAssign():
            made = with_fields(node, value=formula)
        case ast.Return(value=ast.Tuple(elts=several) | ast.List(elts=several) as whole):
            items = [formula if i == site.item else each for i, each in enumerate(several)]
            made = with_fields(node, value=with_fields(whole, elts=items))
        case ast.Return(value=ast.Dict(values=several) as whole):
            items = [formula if i == site.item else each for i, each in enumerate(several)]
            made = with_fields(node, value=with_fields(whole, values=items))
        case ast.Return():
            made = with_fields(node, value=formula)
        case ast.Expr(value=ast.Call(args=[*before, _]) as call) if not call.keywords:
            made = with_fields(node, value=with_fields(call, args=[*before, formula]))
    return made and ast.fix_missing_locations(ast.copy_location(made, node))
