"""What a step took away from each variable, and which of that is a rate."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from autograd_mini.check.lines.claims import is_gradient_name
from autograd_mini.check.lines.formulas import RATES, is_rate
from autograd_mini.check.lines.instrument import HANDED, PART
from autograd_mini.check.lines.program import Program, Stopped
from autograd_mini.check.lines.source import Statement
from autograd_mini.check.lines.syntax import amount_of
from autograd_mini.check.steps.averages import weights
from autograd_mini.check.steps.multiples import SAME, ratio_of
from autograd_mini.check.steps.recorded import Made, Ran, run
from autograd_mini.check.steps.step import Step
from autograd_mini.check.steps.variables import Held, Variable, as_numbers
from autograd_mini.typing import Array

Values = Mapping[Variable, Array]

_RATE = re.compile(
    rf"(^|_)({'|'.join(RATES)}|l_?rate|learn\w*|step|epsilon|eps|gamma|a)(_\w+)?$", re.IGNORECASE
)
"""Names of numbers that say how far a step goes."""


@dataclass(frozen=True, eq=False)
class Update:
    """What a step did to a variable.

    Attributes:
        variable: the variable.
        taken: what it held before, less what it holds after.
        statement: what changed it last; ``None`` where that was not seen.
        factors: the numbers that the statement multiplies what it takes away by, as they are
            written, with their values; a divisor counts as its reciprocal, ``1/m``.
        divides: whether the statement divides by an array, as optimisers do that scale each
            number by itself.
    """

    variable: Variable
    taken: Array
    statement: Statement | None = None
    factors: Mapping[str, float] = field(default_factory=dict)
    divides: bool = False


def updates(
    step: Step, found: Sequence[Variable], ran: Ran, start: Values | None = None
) -> list[Update]:
    """The variables that a plain run of a step changed, in the order in which it did.

    Arguments:
        step: the step.
        found: all variables.
        ran: the run, in which they all were looked at.
        start: what some held when it began, if that is other than what they hold.
    """
    changed: list[tuple[int, Update]] = []
    for variable in found:
        after = as_numbers(ran.after.get(variable))
        before = (start or {}).get(variable, variable.before)
        if after is None or _is_unchanged(before, after):
            continue
        if isinstance(ran.objects[variable], int):
            continue  # a count
        order, statement = len(ran.made), None
        for number, made in _holding(variable, ran.objects[variable], before, after, ran.made):
            one = statement_of(step.known, made)
            if statement is None or amount_of(statement.node) is None:
                order, statement = number, one
        changed.append((order, Update(variable, before - after, statement)))
    ordered = [update for _, update in sorted(changed, key=lambda pair: pair[0])]
    return with_factors(step, ordered)


def fading(
    step: Step, several: Sequence[Variable], parameters: Sequence[Update]
) -> Iterator[Variable]:
    """Those of several variables of which a part goes on after a step, as of a momentum.

    What goes on whole is none: a sum of gradients that is not begun anew is a mistake.  Nor is a
    rate that falls, without which no parameter moves, nor an average that moves none.

    Arguments:
        step: the step.
        several: what it changes besides its parameters.
        parameters: what it does to these; a momentum has the shape of one.
    """
    shapes = {update.variable.before.shape for update in parameters}
    moving = [v for v in several if v.before.shape in shapes and v.before.any()]
    if not moving:
        return
    rng, own = np.random.default_rng(5), [update.variable for update in parameters]
    by = {v: rng.normal(size=v.before.shape) for v in moving}
    runs = [run(step, moving, start={v: v.before + n * by[v] for v in moving}) for n in (0, 1, 2)]
    for variable in moving:
        held = [as_numbers(ran.after.get(variable)) for ran in runs]
        changes = [b - a for a, b in itertools.pairwise(held) if a is not None and b is not None]
        parts = [ratio_of(change, by[variable]) for change in changes]
        once, twice = parts if len(parts) == 2 else (None, None)
        if once is None or twice is None or abs(once - twice) > SAME or abs(once) >= 1 - SAME:
            continue
        without = run(step, own, start={variable: np.zeros(variable.before.shape)})
        left = [(u, as_numbers(without.after.get(u.variable))) for u in parameters]
        taken = [(u.taken, u.variable.before - after) for u, after in left if after is not None]
        is_used = any(not np.array_equal(one, other) for one, other in taken)
        if is_used and not any(one.any() and not other.any() for one, other in taken):
            yield variable


def derived(found: Sequence[Variable], ran: Ran) -> list[Update]:
    """The variables of a step that changes nothing, but makes what is their gradient by its name:
    something else than what any of them holds.

    Arguments:
        found: all variables.
        ran: a plain run of the step.
    """
    names = {variable: {path.names[0] for path in variable.paths} for variable in found}
    held = {(variable.before.shape, variable.before.tobytes()) for variable in found}
    return [
        Update(variable, np.zeros(variable.before.shape), divides=True)
        for variable in found
        if any(
            made.numbers is not None
            and made.numbers.shape == variable.before.shape
            and made.site.slot != HANDED
            and any(is_gradient_name(made.name, name) for name in names[variable])
            and (made.numbers.shape, made.numbers.tobytes()) not in held
            for made in ran.made
        )
    ]


def _is_unchanged(before: Array, after: Array) -> bool:
    """Whether an array is as it was, as it is to rounding after ``w += e`` and ``w -= e``."""
    if np.array_equal(before, after, equal_nan=True):
        return True
    room = _ROUNDINGS * np.finfo(float).eps * np.max(np.abs(before), initial=0.0)
    return bool(np.all(np.abs(after - before) <= room))


_ROUNDINGS = 4


def _holding(
    variable: Variable, held: object, before: Array, after: Array, made: Sequence[Made]
) -> Iterator[tuple[int, Made]]:
    """What statements made that a variable holds after, as a whole or in part, the last first."""
    changed = set(after[after != before].ravel().tolist())
    for number in reversed(range(len(made))):
        one = made[number]
        if one.site.slot == HANDED or (one.site.slot == PART and variable.kind != "array"):
            continue
        if variable.kind == "array":
            if one.value is held:
                yield number, one
        elif isinstance(one.value, float) and float(one.value) in changed:
            yield number, one


def moved_from(several: Sequence[Variable], number: int = 0) -> dict[Variable, Array]:
    """Numbers in the place of those that variables hold, where nothing agrees by chance."""
    rng, moved = np.random.default_rng(number), {}
    for variable in several:
        before = variable.before
        size = float(np.sqrt(np.mean(np.square(before)))) if before.size else 0.0
        moved[variable] = before + _APART * (size or 1.0) * rng.normal(size=before.shape)
    return moved


_APART = 0.25
"""How far another point lies, as a part of a variable's usual size."""


def statement_of(program: Program, made: Made) -> Statement | None:
    """The statement that made something."""
    try:
        return program.statement(made.site.place)
    except KeyError:  # the first line of a function
        return None


def with_factors(step: Step, several: Sequence[Update]) -> list[Update]:
    """Updates, with the numbers that what they take away is a product with.

    A number that depends on what is updated is none of them.
    """
    moved = moved_from([update.variable for update in several if not _is_scaled(update)])
    known: dict[Statement, Update] = {}
    found = []
    for update in several:
        statement = update.statement
        amount = None if statement is None else amount_of(statement.node)
        if statement is None or amount is None:
            found.append(update)
            continue
        if statement not in known:
            factors = factors_of(step, moved, statement, amount)
            divides = _divides(amount, factors)
            known[statement] = replace(update, factors=factors, divides=divides)
        alike = known[statement]
        found.append(replace(update, factors=alike.factors, divides=alike.divides))
    return found


def _is_scaled(update: Update) -> bool:
    """Whether a number is only made larger or smaller, as a rate that falls: no parameter is."""
    node = None if update.statement is None else update.statement.node
    scales = isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Mult | ast.Div)
    return scales and update.variable.kind == "number"


def factors_of(
    step: Step, moved: Values, statement: Statement, amount: ast.expr
) -> dict[str, float]:
    """The numbers that an amount is a product with in each pass, as they are written.

    Arguments:
        step: the step.
        moved: other parameters: what is another number there is none.
        statement: where the amount stands.
        amount: an expression of it.
    """

    def values(start: Values) -> dict[str, float]:
        passes: list[dict[str, float]] = []

        def visit(_: Program, names: Mapping[str, Any]) -> None:
            found = {}
            for text, divided in _scalars_of(amount, statement, names):
                value = value_in(text, names)
                if isinstance(value, int | float | np.number) and np.isfinite(value) and value:
                    found[f"1/{text}" if divided else text] = float(1 / value if divided else value)
            passes.append(found)
            if len(passes) == _PASSES:
                raise Stopped

        run(step, (), start=start, before=statement.place, visit=visit)
        first = passes[0] if passes else {}
        return {text: v for text, v in first.items() if all(p.get(text) == v for p in passes)}

    here, there = values({}), values(moved)
    return {text: value for text, value in here.items() if there.get(text, value) == value}


_PASSES = 16
"""How many passes of a statement are looked at for what is another number in each."""


def _scalars_of(
    amount: ast.expr, statement: Statement, names: Mapping[str, Any]
) -> Iterator[tuple[str, bool]]:
    """The operands of an amount; of running averages in it their weights; of a sum, and of what is
    made before, ``w -= dw`` behind ``dw = lr * g``, those that are a rate by their names.
    """
    yield from scalars(amount, True)
    yield from ((weight, False) for weight in weights(amount, statement))
    given = [term for term in _terms(amount) if not _is_zero(term, names)]
    every = [
        {each for each in scalars(one, True) if is_rate(each[0])}
        for term in given
        for one in _added_before(term, statement)
    ]
    yield from sorted(set.intersection(*every)) if every else ()


def _terms(node: ast.expr) -> Iterator[ast.expr]:
    """The terms of a sum."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        yield from _terms(node.left)
        yield from _terms(node.right)
    else:
        yield node


def _is_zero(node: ast.expr, names: Mapping[str, Any]) -> bool:
    """Whether a term is 0, as far as that is seen without a call: a momentum is, at first."""
    if any(isinstance(part, ast.Call) for part in ast.walk(node)):
        return False
    numbers = as_numbers(value_in(ast.unparse(node), names))
    return numbers is not None and not numbers.any()


def made_before(node: ast.expr, statement: Statement) -> ast.expr:
    """What a name stands for, where one statement of the function assigns to it; else itself."""
    name = ast.unparse(node)
    found = [
        value
        for each in statement.unit.statements.values()
        if isinstance(each, ast.Assign) and len(each.targets) == 1
        for target, value in _assigned(each.targets[0], each.value)
        if ast.unparse(target) == name
    ]
    return found[0] if len(found) == 1 else node


def _added_before(node: ast.expr, statement: Statement) -> list[ast.expr]:
    """The terms of what a name stands for, be it item by item: of a velocity, ``v = 0.9 * v - lr *
    g``, those that it does not go on with.
    """
    name = _over(node, statement.node)
    whole = made_before(name, statement)
    value = whole.elt if isinstance(whole, ast.ListComp) else whole
    text = ast.unparse(name)
    return [
        term
        for term in _terms(value)
        if not any(
            isinstance(part, ast.expr) and ast.unparse(_over(part, whole)) == text
            for part in ast.walk(term)
            if part is not name
        )
    ]


def _over(node: ast.expr, around: ast.AST) -> ast.expr:
    """What a name runs over, where a comprehension in some code binds it, else itself."""
    pairs = [
        pair
        for loop in ast.walk(around)
        if isinstance(loop, ast.comprehension)
        for pair in _run_over(loop)
    ]
    name = ast.unparse(node)
    return next((items for target, items in pairs if ast.unparse(target) == name), node)


def _run_over(loop: ast.comprehension) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Each name that a comprehension binds, with what it runs over."""
    match loop.target, loop.iter:
        case ast.Tuple(elts=targets), ast.Call(func=ast.Name("zip"), args=several):
            yield from zip(targets, several, strict=False)
        case target, items:
            yield target, items


def _assigned(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Each target of an assignment with what it is assigned."""
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        yield from zip(target.elts, value.elts, strict=False)
    else:
        yield target, value


def value_in(text: str, names: Mapping[str, Any]) -> Held:
    """What an expression is; ``None`` where it is local to its statement, or fails."""
    try:
        return eval(text, dict(names))
    except Exception:
        return None


def scalars(node: ast.expr, multiplied: bool) -> Iterator[tuple[str, bool]]:
    """The operands of a product, as texts, each with whether it divides."""
    match node:
        case ast.UnaryOp(operand=inner):
            yield from scalars(inner, multiplied)
        case ast.BinOp(op=ast.Mult() | ast.Div() | ast.MatMult()):
            yield from scalars(node.left, multiplied)
            yield from scalars(node.right, multiplied != isinstance(node.op, ast.Div))
        case (
            ast.Call(func=ast.Attribute(attr="dot", value=left), args=[right])
            | ast.Call(
                func=ast.Attribute(attr="dot" | "matmul" | "outer" | "multiply"), args=[left, right]
            )
        ):
            yield from scalars(left, multiplied)
            yield from scalars(right, multiplied)
        case ast.Attribute(attr="T", value=inner):
            yield from scalars(inner, multiplied)
        case ast.Call(func=ast.Attribute(attr="sum" | "mean" | "reshape", value=owner), args=given):
            is_numpy = isinstance(owner, ast.Name) and owner.id in ("np", "numpy")
            yield from scalars(given[0] if is_numpy and given else owner, multiplied)
        case ast.Constant() | ast.Name() | ast.Attribute() | ast.Subscript() | ast.Call():
            yield ast.unparse(node), not multiplied


def _last(text: str) -> str:
    """The name at the end of what something is called."""
    return text.rpartition(".")[2]


def _divides(amount: ast.expr, factors: Mapping[str, float]) -> bool:
    """Whether something is divided by what is no plain number."""
    for node in ast.walk(amount):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            text = ast.unparse(node.right)
            if f"1/{text}" not in factors and ("sqrt" in text or "**" in text):
                return True
    return False


def rate_of(update: Update, others: Sequence[Update]) -> dict[str, float]:
    """Those of an update's factors that are a rate: by their names, or since all have them.

    A whole number, as the 2 of a square's slope, is none.  An update that has no rate should have
    that of the others, where these have one.
    """
    moving = [other for other in others if other.factors] or others
    common = set.intersection(*(set(other.factors) for other in moving))
    common = {text for text in common if not text.removeprefix("1/").isdigit()}
    own = _own_rate(update, common)
    theirs = [_own_rate(other, common) for other in others if other is not update]
    if own or update.divides or not theirs or any(t != theirs[0] for t in theirs):
        return own
    return theirs[0]


def _own_rate(update: Update, common: Collection[str]) -> dict[str, float]:
    return {
        text: value
        for text, value in update.factors.items()
        if text in common or _RATE.search(_last(text))
    }


def lacks_rate(update: Update, others: Sequence[Update]) -> bool:
    """Whether an update has no rate, and others have one."""
    return not rate_of(update, others).keys() <= update.factors.keys()


def rate_number(update: Update, others: Sequence[Update]) -> float:
    """The rate of an update, as one number."""
    return float(np.prod(list(rate_of(update, others).values()) or [1.0]))
