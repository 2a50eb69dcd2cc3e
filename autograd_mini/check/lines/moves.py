"""A statement moved below those that must read what it changes as it was before."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from autograd_mini.check.lines.program import Edits
from autograd_mini.check.lines.source import Statement, Unit
from autograd_mini.check.result import Line


@dataclass(frozen=True)
class Move:
    """A statement moved down in the block that it stands in.

    Attributes:
        statement: the statement.
        passed: those that come before it then, in order.

    >>> from autograd_mini.check.lines.source import unit_of
    >>> def step(w, v, x):
    ...     w = w - 0.1 * x
    ...     dv = w * x
    ...     v = v - 0.1 * dv
    ...     return w, v
    >>> unit = unit_of(step)
    >>> (move,) = below_readers(Statement(unit, unit.tree.body[0]))
    >>> print(move.text)
    dv = w * x
        w = w - 0.1 * x
    """

    statement: Statement
    passed: Sequence[Statement]

    @property
    def edits(self) -> Edits:
        """What runs in the places of statements."""
        here, last = self.statement, self.passed[-1]
        return {
            here.place: [ast.copy_location(ast.Pass(), here.node)],
            last.place: [ast.Module([last.node, here.node], [])],
        }

    @property
    def line(self) -> Line:
        """All these statements as they stand, with a mark under the one that is moved."""
        here = self.statement
        start, end = here.span(here.node)
        text = "\n".join([here.line, *self._rows])[start:]
        return Line(here.unit.file, here.number, text, (0, end - start), start)

    @property
    def text(self) -> str:
        """The same in the order in which they are right."""
        start, _ = self.statement.span(self.statement.node)
        return "\n".join([*self._rows, self.statement.line])[start:]

    @property
    def _rows(self) -> list[str]:
        """The rows below the statement, to the last that is passed."""
        first = self.statement.node.end_lineno or self.statement.number
        last = self.passed[-1].node
        rows = self.statement.unit.text[first : last.end_lineno or last.lineno]
        return [row.rstrip("\r\n") for row in rows]


def below_readers(statement: Statement) -> Iterator[Move]:
    """A statement moved below one of its block that reads what it assigns to, the last first.

    Yields:
        Nothing where it is no assignment that stands in rows of its own.
    """
    match statement.node:
        case ast.Assign(targets=[target]) | ast.AugAssign(target=target):
            name = ast.unparse(target)
        case _:
            return
    after = _followers(statement.unit, statement.node)
    for count in range(len(after), 0, -1):
        passed, last = after[:count], after[count - 1]
        simple = statement.unit.place(last) in statement.unit.statements
        apart = not _share_rows([statement.node, *passed])
        if simple and apart and not isinstance(last, ast.Return) and _reads(last, name):
            yield Move(statement, [Statement(statement.unit, node) for node in passed])


def _share_rows(nodes: Sequence[ast.stmt]) -> bool:
    """Whether two statements stand in one row."""
    return any(one.end_lineno == two.lineno for one, two in pairwise(nodes))


def _followers(unit: Unit, node: ast.stmt) -> list[ast.stmt]:
    """The statements of the same block that come after one."""
    for around in ast.walk(unit.tree):
        for _, block in ast.iter_fields(around):
            if isinstance(block, list) and node in block:
                return list(block[block.index(node) + 1 :])
    return []


def _reads(node: ast.AST, name: str) -> bool:
    return any(
        isinstance(getattr(part, "ctx", None), ast.Load) and ast.unparse(part) == name
        for part in ast.walk(node)
    )
