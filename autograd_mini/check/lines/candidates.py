"""The edits of a statement that change what it makes, the likeliest first, as far as wanted."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from autograd_mini.check.lines.claims import Truth
from autograd_mini.check.lines.edits import Edit, Words, edits, words_of
from autograd_mini.check.lines.program import Stopped
from autograd_mini.check.lines.source import Statement
from autograd_mini.check.lines.trial import Trial
from autograd_mini.typing import Array

Reach = Literal["known", "all", "pairs"]
REACHES: tuple[Reach, ...] = ("known", "all", "pairs")
"""Single edits that make something known, all others, and pairs of edits that do."""

_FIRST = 48
"""How many edits are looked at at first; then twice as many."""
_PAIRED = 40
"""To how many edits another is added."""
_COSTLIEST_PAIR = 4.5

Made = Array | Exception | None


Edits = tuple[Edit, ...]
"""Edits of a statement, each made of what those before it have made."""


@dataclass(frozen=True)
class Candidate:
    """One or two edits of a statement.

    Attributes:
        edits: the edits.
        is_known: whether the statement then makes something that a right derivation may make;
            that is supposed where it cannot be told.
    """

    edits: Edits
    is_known: bool

    @property
    def statement(self) -> ast.stmt:
        """The statement with the edits."""
        return self.edits[-1].statement

    @property
    def cost(self) -> float:
        """How unlikely the slip is that they undo."""
        return cost_of(self.edits)


def cost_of(several: Edits) -> float:
    """How unlikely the slips are that edits undo, together."""
    return sum(edit.cost for edit in several)


class Candidates:
    """The edits of a statement.

    Arguments:
        trial: the code on trial.
        truth: what a right line may make.
        statement: the statement.
        turns: how often it runs.
    """

    def __init__(self, trial: Trial, truth: Truth, statement: Statement, turns: int) -> None:
        self.trial, self.truth, self.statement = trial, truth, statement
        self._turns = {0, 1, turns - 1}
        self._seen: set[object] = set()
        self._single = _Lazy(self._evaluated(self._edits))
        self._pairs = _Lazy(self._evaluated(self._paired))

    def within(self, reach: Reach) -> Iterator[Candidate]:
        """The edits within reach, by cost."""
        yield from self._pairs if reach == "pairs" else self._single

    def _edits(self, names: Mapping[str, Any]) -> list[Edits]:
        words = self._words(names)
        return [(edit,) for edit in edits(self.statement.node, words)]

    def _paired(self, names: Mapping[str, Any]) -> list[Edits]:
        """Two edits one after the other."""
        words = self._words(names)
        several: list[Edits] = []
        for first in self._single.known[:_PAIRED]:
            seconds = edits(first.statement, words)
            several += ((*first.edits, second) for second in seconds)
        return sorted((s for s in several if cost_of(s) <= _COSTLIEST_PAIR), key=cost_of)

    def _words(self, names: Mapping[str, Any]) -> Words:
        tree, numbers = self.statement.unit.tree, self.truth.numbers
        return words_of(tree, self._at_hand(names), [*numbers, *(2 * x for x in numbers)])

    def _at_hand(self, names: Mapping[str, Any]) -> dict[str, Any]:
        """What may stand in the line, of all that could be named there."""
        tree, used = self.statement.unit.tree, self.trial.problem.used
        written = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        return {n: v for n, v in names.items() if n in written or n in used or callable(v)}

    def _evaluated(self, listed: Callable[[Mapping[str, Any]], list[Edits]]) -> Iterator[Candidate]:
        """Edits, without those that fail, and those that do what one before did."""
        every: list[Edits] = []
        start, size = 0, _FIRST
        while start <= len(every):
            lister = None if start else listed
            made = self._made(every, slice(start, start + size), lister)
            original = _key(self.statement.node, [values[0] for values in made])
            self._seen |= {original} if original is not None else set()
            for i, several in enumerate(every[start : start + size]):
                values = [values[1 + i] for values in made]
                key = _key(several[-1].statement, values)
                if key not in self._seen and not any(isinstance(v, Exception) for v in values):
                    self._seen |= {key} if key is not None else set()
                    first = values[0] if values else None
                    known = not isinstance(first, np.ndarray) or self.truth.is_known(first)
                    yield Candidate(several, known)
            start, size = start + size, 2 * size

    def _made(
        self,
        every: list[Edits],
        some: slice,
        listed: Callable[[Mapping[str, Any]], list[Edits]] | None,
    ) -> list[list[Made]]:
        """What the statement, and some of the edits, make at the turns that are looked at.

        Arguments:
            every: the edits.
            some: which of them.
            listed: makes the edits at the first turn, if they are not known.
        """
        made: list[list[Made]] = []
        turn = -1

        def visit(names: Mapping[str, Any]) -> None:
            nonlocal turn
            turn += 1
            if turn == 0 and listed is not None:
                every.extend(listed(names))
            if turn in self._turns:
                original = _parts(self.statement.node, names)
                others = [_parts(several[-1].statement, names) for several in every[some]]
                made.append([_changed(parts, original) for parts in (original, *others)])
            if turn >= max(self._turns):
                raise Stopped

        with np.errstate(all="ignore"):
            self.trial.program.run(self.trial.base, before=self.statement.place, visit=visit)
        return made


class _Lazy:
    """What an iterator gives, as often as it is asked for."""

    def __init__(self, source: Iterator[Candidate]) -> None:
        self.known: list[Candidate] = []
        self._source = source

    def __iter__(self) -> Iterator[Candidate]:
        for index in itertools.count():
            if index == len(self.known):
                made = next(self._source, None)
                if made is None:
                    return
                self.known.append(made)
            yield self.known[index]


def _parts(statement: ast.stmt, names: Mapping[str, Any]) -> list[Array] | Exception | None:
    """The arrays that a statement makes; ``None`` where that cannot be told beforehand."""
    value = getattr(statement, "value", None)
    if isinstance(statement, ast.Expr) or not isinstance(value, ast.expr):
        return None
    if isinstance(statement, ast.AugAssign) and not isinstance(statement.op, ast.Add | ast.Sub):
        target = ast.parse(ast.unparse(statement.target), mode="eval").body
        value = ast.fix_missing_locations(ast.BinOp(target, statement.op, value))
    try:
        made = eval(compile(ast.Expression(value), "<edit>", "eval"), dict(names))
    except Exception as error:
        return error
    items = list(made.values()) if isinstance(made, dict) else made
    arrays = [np.asarray(x) for x in (items if isinstance(items, list | tuple) else [items])]
    return arrays if all(array.dtype.kind in "fiub" for array in arrays) else None


def _changed(
    parts: list[Array] | Exception | None, original: list[Array] | Exception | None
) -> Made:
    """The one array that is another than what the original statement makes."""
    if not isinstance(parts, list):
        return parts
    if len(parts) == 1:
        return parts[0]
    if not isinstance(original, list) or len(original) != len(parts):
        return None
    other = [
        part
        for part, before in zip(parts, original, strict=True)
        if not np.array_equal(part, before, equal_nan=True)
    ]
    return other[0] if len(other) == 1 else np.zeros(0) if not other else None


def _key(statement: ast.stmt, values: Sequence[Made]) -> object:
    """What is the same for two statements that do the same; ``None`` if that cannot be told."""
    if not all(isinstance(value, np.ndarray) for value in values):
        return None
    if any(isinstance(target, ast.Subscript) for target in _targets(statement)):
        places = tuple(map(ast.unparse, _targets(statement)))
    else:
        places = ()
    numbers = tuple((value.shape, value.tobytes()) for value in values)  # type: ignore[union-attr]
    return type(statement), type(getattr(statement, "op", None)), places, numbers


def _targets(statement: ast.stmt) -> list[ast.expr]:
    match statement:
        case ast.Assign(targets=targets):
            return targets
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
            return [target]
    return []
