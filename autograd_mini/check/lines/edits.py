"""The single changes of a line that undo what a person does by mistake in a backward pass."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from autograd_mini.check.lines import calls, elementwise, factors, statements
from autograd_mini.check.lines.line import Change, Line
from autograd_mini.check.lines.syntax import copied
from autograd_mini.check.lines.words import Words, words_of

__all__ = ["COSTS", "Edit", "Words", "edits", "words_of"]

COSTS = {
    "sign": 1.0,
    "transpose": 1.0,
    "axis": 1.0,
    "reduction": 1.0,
    "drop reduction": 1.5,
    "comparison": 1.2,
    "accumulate": 1.2,
    "assign": 1.2,
    "keepdims": 1.2,
    "swap operands": 1.3,
    "drop slope": 1.2,
    "drop factor": 1.3,
    "drop term": 1.3,
    "name": 1.3,
    "name throughout": 1.5,
    "insert slope": 1.3,
    "slope": 1.5,
    "divide by number": 1.5,
    "insert number": 1.7,
    "constant": 1.5,
    "power": 1.5,
    "operator": 1.5,
    "insert factor": 1.7,
    "insert term": 1.7,
    "insert penalty": 1.5,
    "insert reduction": 1.5,
    "index": 1.5,
    "add.at": 1.3,
    "drop index": 2.0,
    "slice": 1.7,
    "loop": 1.5,
    "einsum": 1.5,
    "function": 1.5,
    "drop call": 1.5,
    "insert call": 2.0,
    "parentheses": 1.5,
    "product": 1.7,
    "axis order": 1.7,
    "insert matrix": 2.2,
    "drop option": 2.0,
    "new axis": 2.0,
    "copy": 2.5,
    "throughout": 0.7,
}
"""What each kind of edit costs: the likelier a person makes the slip, the less."""


@dataclass(frozen=True)
class Edit:
    """One change of a statement.

    Attributes:
        statement: the whole statement with the change.  What is unchanged in it is shared with
            the original: both are to be read only.
        kind: what was done, a key of ``COSTS``.
        old: the part of the original statement that is replaced, or too many.
        new: what stands in its place, ``None`` for nothing.
        cost: the likelier a person makes the slip and the smaller the change, the less.
    """

    statement: ast.stmt
    kind: str
    old: ast.AST | None
    new: ast.AST | None
    cost: float


def edits(statement: ast.stmt, words: Words) -> list[Edit]:
    """All single edits of a statement, the likeliest first.

    Arguments:
        statement: what is edited; of a compound statement its first line.
        words: what may stand in it.

    Returns:
        Edits of which no two have the same text, and none the original's.

    >>> import numpy as np
    >>> line = ast.parse("db = np.sum(dz, axis=1)").body[0]
    >>> for edit in edits(line, words_of(line, {"np": np, "dz": np.ones((5, 3))}))[:5]:
    ...     print(edit.kind, "|", ast.unparse(edit.statement))
    sign | db = -np.sum(dz, axis=1)
    axis | db = np.sum(dz, axis=0)
    reduction | db = np.mean(dz, axis=1)
    keepdims | db = np.sum(dz, axis=1, keepdims=True)
    accumulate | db += np.sum(dz, axis=1)
    """
    line = Line(statement, words)
    found: dict[object, Edit] = {}
    original = line.tree.key(statement)
    for change, exchanged in _all(line):
        new = line.tree.replaced(exchanged)
        key = line.tree.key(new)
        cost = COSTS[change.kind] + change.extra
        if key != original and (key not in found or cost < found[key].cost):
            if change.mark is None:
                found[key] = Edit(new, change.kind, change.old, change.new, cost)
            else:
                found[key] = Edit(new, change.kind, change.mark, change.shown, cost)
    return sorted(found.values(), key=lambda edit: edit.cost)


def _all(line: Line) -> Iterator[tuple[Change, dict[ast.AST, ast.AST]]]:
    """Every change, alone and throughout the line."""
    parts = [n for root in line.roots for n in ast.walk(root)] + [
        n for target in line.targets for n in ast.walk(target)
    ]
    alike: dict[object, list[ast.AST]] = {}
    for node in parts:
        if isinstance(node, ast.expr):
            alike.setdefault(line.tree.key(node), []).append(node)
    for rules in (elementwise, factors, calls, statements):
        for change in rules.changes(line):
            yield change, {change.old: change.new}
            if change.kind in _THROUGHOUT:
                places = alike.get(line.tree.key(change.old), [])
                if len(places) > 1 and change.old is places[0]:
                    kind = "name throughout" if change.kind == "name" else change.kind
                    extra = change.extra + (0.0 if change.kind == "name" else COSTS["throughout"])
                    again = Change(kind, change.old, change.new, extra)
                    yield again, {place: copied(change.new) for place in places}


_THROUGHOUT = ("name", "index", "insert call", "function", "axis", "constant", "slice")
