"""A change of a statement that was tried, and makes gradients right."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autograd_mini.check.lines.edits import Edits
from autograd_mini.check.lines.moves import Move
from autograd_mini.check.lines.source import Place, Statement
from autograd_mini.check.lines.suspects import missing


@dataclass(frozen=True)
class VerifiedEdit:
    """A change of a statement that makes gradients right.

    Attributes:
        statement: the statement.
        edits: the change, in one step or two; none where the statement is written anew.
        edited: the statement with the change.
        names: the gradients that were wrong and are right with it.
        verified_at: at how many points.
        cost: how unlikely it is, beside others of the same statement.
        own: how unlikely the statement is wrong.
        left: how many gradients stay wrong.
        move: how the statement is moved, where that is the change.
        meant: what the statement should make, where it is written anew and no edit says what is
            wrong.
    """

    statement: Statement
    edits: Edits
    edited: ast.stmt
    names: frozenset[str]
    verified_at: int
    cost: float
    own: float = 0.0
    left: int = 0
    move: Move | None = None
    meant: str = ""

    @property
    def changes(self) -> Mapping[Place, Sequence[ast.stmt | ast.Module]]:
        """What runs in the places of statements."""
        return self.move.edits if self.move else {self.statement.place: [self.edited]}

    @property
    def is_likely(self) -> bool:
        """Whether it is one change, and a usual one."""
        return len(self.edits) <= 1 and self.own + self.cost <= _USUAL_CHANGE

    @property
    def score(self) -> float:
        """How unlikely it is, beside others."""
        return self.own + self.cost + missing(self.left)


_USUAL_CHANGE = 2.5
"""How unlikely each change may be of several that are told although one of a line may do."""
