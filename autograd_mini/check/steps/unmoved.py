"""Updates that change nothing, where the step begins or anywhere."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from autograd_mini.check.lines.claims import is_gradient_name
from autograd_mini.check.lines.formulas import is_rate
from autograd_mini.check.lines.instrument import HANDED, PART
from autograd_mini.check.lines.program import Program, Stopped
from autograd_mini.check.lines.source import Place, Statement
from autograd_mini.check.lines.syntax import (
    amount_of,
    does_nothing,
    leaves_as_it_is,
    target_of,
    updates_itself,
)
from autograd_mini.check.steps.recorded import Made, Ran, run
from autograd_mini.check.steps.step import Step
from autograd_mini.check.steps.updates import (
    Update,
    moved_from,
    scalars,
    statement_of,
    updates,
    value_in,
    with_factors,
)
from autograd_mini.check.steps.variables import Held, Variable


def written(step: Step, found: Sequence[Variable], ran: Ran) -> list[Variable]:
    """The variables that an update statement of a step names or writes into, be it by what adds 0.

    A whole number that is another whole one after it is none: a count.

    Arguments:
        step: the step.
        found: all variables.
        ran: a plain run, in which they were looked at.
    """
    names = set()
    for statement in step.known.statements:
        if updates_itself(statement.node) or _is_left(statement.node):
            node = target_of(statement.node)
            if node is None:
                continue
            names.add(ast.unparse(node))
            if isinstance(node, ast.Tuple):
                names.update(map(ast.unparse, node.elts))
            while isinstance(node, ast.Subscript):  # of an element its list
                node = node.value
                names.add(ast.unparse(node))
                if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
                    names.add(str(node.slice.value))  # of any dict
            if isinstance(node, ast.Attribute):  # of any object, as of ``neuron`` in a loop
                names.add(node.attr)
    into = {
        id(made.value)
        for made in ran.made
        if isinstance(made.value, np.ndarray) and made.site.slot != HANDED
        if (by := statement_of(step.known, made)) and _makes_or_writes(by.node, made)
    }
    return [
        variable
        for variable in found
        if variable.before.dtype.kind == "f"
        and not (isinstance(after := ran.objects.get(variable), int) and after != variable.before)
        and (
            id(after) in into
            or names & {text for path in variable.paths for text in (path.text, *path.names)}
        )
    ]


def _makes_or_writes(statement: ast.stmt, made: Made) -> bool:
    """Whether a statement makes an updated array, or writes into it as a whole."""
    if isinstance(statement, ast.AugAssign):
        whole = made.site.slot != PART and made.name == ast.unparse(statement.target)
        return whole and updates_itself(statement)
    return isinstance(statement, ast.Assign) and updates_itself(statement)


def with_unmoved(
    step: Step, found: Sequence[Variable], changed: Sequence[Update], named: Sequence[Variable]
) -> list[Update]:
    """The updates, with those that change nothing where the step begins, or anywhere.

    Arguments:
        step: the step.
        found: all variables.
        changed: the updates.
        named: the variables that update statements name.
    """
    floats = [u.variable for u in changed if u.variable.kind != "number" or u.statement is not None]
    floats += [variable for variable in named if variable not in floats]
    start = moved_from(floats)
    elsewhere = run(step, found, start=start)
    if elsewhere.error is not None:
        return list(changed)
    known = {update.variable for update in changed}
    others = updates(step, [v for v in found if v not in known], elsewhere, start)
    still = [replace(u, taken=np.zeros(u.variable.before.shape)) for u in others]
    known.update(update.variable for update in others)
    left = [v for v in named if v not in known]
    never = _never_moved(step, left, elsewhere)
    if not known:  # nothing tells a rate but its name
        never = [
            replace(u, factors=_rates(step, u.statement))
            if u.statement is not None and does_nothing(u.statement.node)
            else u
            for u in never
        ]
    return [*changed, *still, *never]


def _never_moved(step: Step, several: Sequence[Variable], ran: Ran) -> list[Update]:
    """Updates that a step makes of variables without changing them.

    One that is multiplied by a number that is 0 and was not made in the step is turned off; of what
    a call gives back the gradient is to have been made too.

    Arguments:
        step: the step.
        several: variables that an update statement names, which change nowhere.
        ran: a plain run, in which they were looked at.
    """
    made_in_step = {made.name for made in ran.made}
    written_into = _written_into(step) if several else {}
    found = []
    for variable in several:
        own = {path.text for path in variable.paths}
        object_ = ran.objects.get(variable)
        statements = {
            place: statement
            for place, (statement, lists) in written_into.items()
            if any(one is object_ for one in lists)
        }
        statements |= {
            each.site.place: statement
            for each in ran.made
            if each.value is object_ or each.name in own
            if (statement := statement_of(step.known, each)) is not None
            if updates_itself(statement.node) or _is_left(statement.node)
        }
        for statement in statements.values():
            amount = amount_of(statement.node)
            if amount is not None and _is_turned_off(step, statement, amount, made_in_step):
                break
            is_returned = isinstance(getattr(statement.node, "value", None), ast.Call)
            if is_returned and not any(is_gradient_name(m, n) for m in made_in_step for n in own):
                break
        else:
            zeros, last = np.zeros(variable.before.shape), [*statements.values()][-1:]
            found += [Update(variable, zeros, statement) for statement in last]
    return with_factors(step, found)


def _rates(step: Step, statement: Statement) -> dict[str, float]:
    """The learning rate at hand before a statement, by its name, if there is one."""
    found: dict[str, float] = {}

    def visit(_: Program, names: Mapping[str, Any]) -> None:
        found.update({n: v for n, v in names.items() if is_rate(n) and isinstance(v, float)})
        raise Stopped

    run(step, (), before=statement.place, visit=visit)
    return found if len(found) == 1 else {}


def _written_into(step: Step) -> dict[Place, tuple[Statement, list[Held]]]:
    """The statements that update elements of lists, each with the lists."""
    found: dict[Place, tuple[Statement, list[Held]]] = {}
    for statement in step.known.statements:
        target = getattr(statement.node, "target", None)
        if not isinstance(target, ast.Subscript) or not updates_itself(statement.node):
            continue
        found[statement.place] = statement, _values(step, statement, ast.unparse(target.value))
    return found


def _values(step: Step, statement: Statement, text: str) -> list[Held]:
    """What an expression is each time before a statement."""
    values: list[Held] = []

    def visit(_: Program, names: Mapping[str, Any]) -> None:
        values.append(value_in(text, names))

    run(step, (), before=statement.place, visit=visit)
    return values


def _is_left(statement: ast.stmt) -> bool:
    """Whether a statement assigns to something what it is, ``b = b``, or what a call makes of it
    beside others, ``w, b = step(w, b)``.
    """
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return False
    target = statement.targets[0]
    if not isinstance(target, ast.Tuple) or not isinstance(statement.value, ast.Call):
        return leaves_as_it_is(statement)
    given = set(map(ast.unparse, statement.value.args))
    return all(ast.unparse(each) in given for each in target.elts)


def _is_turned_off(
    step: Step, statement: Statement, amount: ast.expr, made: Collection[str]
) -> bool:
    """Whether what is taken away is multiplied by a 0 that was there before the step."""
    if isinstance(amount, ast.Constant):
        return False
    values: list[Held] = []

    def visit(_: Program, names: Mapping[str, Any]) -> None:
        ends = set(map(_end, made))  # an object may have several names
        given = (text for text, _ in scalars(amount, True) if _end(text) not in ends)
        values.extend(value_in(text, names) for text in given)
        raise Stopped

    run(step, (), before=statement.place, visit=visit)
    return any(isinstance(value, int | float | np.number) and not value for value in values)


def _end(text: str) -> str:
    """What is read of something by a name or a key, whatever that is; of a variable its name.

    >>> _end("layer[j]['delta']"), _end('neuron["delta"]'), _end("self.rate"), _end("rate")
    ("['delta']", "['delta']", '.rate', 'rate')
    """
    try:
        node = ast.parse(text, mode="eval").body
    except SyntaxError:  # a part of what several targets have
        return text
    match node:
        case ast.Subscript(slice=ast.Constant(value=key)):
            return f"[{key!r}]"
        case ast.Attribute(attr=name):
            return f".{name}"
    return text
