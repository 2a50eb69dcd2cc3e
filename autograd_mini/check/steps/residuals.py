"""Where the code has no loss: the one whose gradient the output's error is."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd_mini.check.lines.instrument import HANDED
from autograd_mini.check.lines.program import Program
from autograd_mini.check.lines.source import Place, Statement
from autograd_mini.check.steps.meant import Loss, as_node
from autograd_mini.check.steps.recorded import Ran
from autograd_mini.check.steps.updates import statement_of
from autograd_mini.check.steps.variables import Held
from autograd_mini.check.structure import reduced
from autograd_mini.core.graph import Node, is_node
from autograd_mini.typing import Operand


def _half_squares(o: Operand, t: Operand) -> Operand:
    return 0.5 * np.sum((t - o) ** 2)


def _cross_entropy(o: Operand, t: Operand) -> Operand:
    return -np.sum(t * np.log(o))


def _binary_cross_entropy(o: Operand, t: Operand) -> Operand:
    return -np.sum(t * np.log(o) + (1 - t) * np.log(1 - o))


FORMS: Mapping[str, Callable[..., Operand]] = {
    "½Σ(t − o)²": _half_squares,
    "the binary cross-entropy −Σ t·log o + (1 − t)·log(1 − o)": _binary_cross_entropy,
    "the cross-entropy −Σ t·log o": _cross_entropy,
}
"""The losses whose gradient may be derived from an output's error, as functions of both."""


@dataclass(frozen=True)
class Residual:
    """A difference of two expressions in a statement.

    Attributes:
        statement: the statement.
        left, right: the two, as texts, for each turn of what they stand in.
        texts: the two as they are written.
    """

    statement: Statement
    left: str
    right: str
    texts: tuple[str, str]


def residuals(program: Program, ran: Ran, operator: type[ast.operator] = ast.Sub) -> list[Residual]:
    """Differences that statements compute, in the order in which they ran, those first in which no
    number is a factor; one of a whole operand, as in ``y - 2 * out``, is none of the output.

    Arguments:
        program: the step.
        ran: a recorded run of it.
        operator: another one in the place of minus, if what should be differences is looked for.
    """
    found: dict[tuple[Place, str, str], Residual] = {}
    for made in ran.made:
        statement = statement_of(program, made)
        if statement is None or made.site.slot == HANDED:
            continue
        for node in ast.walk(statement.node):
            if not (isinstance(node, ast.BinOp) and isinstance(node.op, operator)):
                continue
            if isinstance(node.left, ast.Constant) or isinstance(node.right, ast.Constant):
                continue
            both = _without_number(node.left), _without_number(node.right)
            left, right = (_over_loops(statement.node, part) for part in both)
            key = made.site.place, left, right
            texts = ast.unparse(both[0]), ast.unparse(both[1])
            found.setdefault(key, Residual(statement, left, right, texts))
    return sorted(found.values(), key=lambda residual: sum(map(_numbers_in, residual.texts)))


def _without_number(operand: ast.expr) -> ast.expr:
    """An operand without the number that a name or a call is a multiple of."""
    match operand:
        case ast.BinOp(ast.Constant(), ast.Mult(), ast.Name() | ast.Attribute() | ast.Call() as it):
            return it
    return operand


def _numbers_in(text: str) -> int:
    """How many factors in a text are numbers."""
    products = (n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.BinOp))
    return sum(
        isinstance(product.op, ast.Mult) and isinstance(part, ast.Constant)
        for product in products
        for part in (product.left, product.right)
    )


def _over_loops(statement: ast.stmt, part: ast.expr) -> str:
    """An expression, for each turn of the comprehension that it stands in."""
    for node in ast.walk(statement):
        if isinstance(node, ast.ListComp | ast.GeneratorExp) and any(
            inner is part for inner in ast.walk(node.elt)
        ):
            return ast.unparse(ast.ListComp(part, node.generators))
    return ast.unparse(part)


def losses_of_residual(residual: Residual, which: int) -> list[Loss]:
    """The losses whose gradient an output's error may be.

    Arguments:
        residual: the difference.
        which: whether the output stands left (0) or right (1).
    """
    texts = (residual.left, residual.right)
    o, t = residual.texts
    if which:
        texts, o, t = texts[::-1], t, o
    place = residual.statement.place
    return [
        Loss(
            f"{words}, with o = {o} and t = {t} of line {place[1]}",
            words,
            place=place,
            texts=texts,
            form=form,
            explicit=False,
            rank=9,
        )
        for words, form in FORMS.items()
    ]


def is_output_and_target(pair: tuple[Any, ...]) -> bool:
    """Whether the first of two values is computed from parameters, and the second is not."""
    output, target = pair
    node = as_node(output)
    if node is None or _has_node(target) or _is_held(node):
        return False
    try:
        shape = np.broadcast_shapes(np.shape(output), np.shape(target))
        return bool(shape == np.shape(output))
    except ValueError:
        return False


def _is_held(node: Node) -> bool:
    """Whether a node is what a variable holds, or a part of it, and not computed."""
    waiting = [node]
    for one in waiting:  # grows while it is walked
        if one.parents and (one.operation is None or one.operation.elementwise):
            return False
        if reduced(one) is not None or getattr(one.operation, "multilinear", False):
            return False
        waiting += [parent for parent in one.parents if is_node(parent)]
    return True


def _has_node(value: Held) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_has_node, value))
    return as_node(value) is not None
