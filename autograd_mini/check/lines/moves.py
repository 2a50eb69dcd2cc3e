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

    What is returned is computed above the statement, under a name of its own:

    >>> def backward(self, g):
    ...     self.w -= 0.1 * self.x.T @ g
    ...     return g @ self.w.T
    >>> unit = unit_of(backward)
    >>> (move,) = below_readers(Statement(unit, unit.tree.body[0]))
    >>> print(move.text)
    dx = g @ self.w.T
        self.w -= 0.1 * self.x.T @ g
        return dx
    """

    statement: Statement
    passed: Sequence[Statement]

    @property
    def edits(self) -> Edits:
        """What runs in the places of statements."""
        here, last = self.statement, self.passed[-1]
        after = [last.node, here.node]
        if self._returned is not None:
            after = list(map(ast.fix_missing_locations, self._named(self._returned, here.node)))
        return {
            here.place: [ast.copy_location(ast.Pass(), here.node)],
            last.place: [ast.Module(after, [])],
        }

    @property
    def _returned(self) -> ast.expr | None:
        """What the last of these statements returns, if it does."""
        last = self.passed[-1].node
        return last.value if isinstance(last, ast.Return) else None

    def _named(self, value: ast.expr, update: ast.stmt) -> list[ast.stmt]:
        """What is returned computed, the statement, and the return of it."""
        unit, last = self.statement.unit, self.passed[-1].node
        taken = {node.id for node in ast.walk(unit.tree) if isinstance(node, ast.Name)}
        name = next(name for name in ("dx", "result", "result_") if name not in taken)
        assigned = ast.Assign([ast.Name(name, ast.Store())], value)
        returned = ast.Return(ast.Name(name, ast.Load()))
        return [ast.copy_location(assigned, last), update, ast.copy_location(returned, last)]

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
        rows = [*self._rows, self.statement.line]
        if self._returned is not None:
            last = self.passed[-1]
            first, _, returned = self._named(self._returned, self.statement.node)
            before = self._rows[: last.number - (last.node.end_lineno or last.number) - 1]
            indent = " " * start
            rows = [*before, indent + ast.unparse(first), rows[-1], indent + ast.unparse(returned)]
        return "\n".join(rows)[start:]

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
        if simple and apart and _reads(last, name) and not _returns(last, name):
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


def _returns(node: ast.stmt, name: str) -> bool:
    """Whether a statement returns what a name stands for, as an update that is to be returned."""
    value = node.value if isinstance(node, ast.Return) else None
    items = value.elts if isinstance(value, ast.Tuple) else [value] if value else []
    return any(ast.unparse(item) == name for item in items)


def _reads(node: ast.AST, name: str) -> bool:
    return any(
        isinstance(getattr(part, "ctx", None), ast.Load) and ast.unparse(part) == name
        for part in ast.walk(node)
    )
