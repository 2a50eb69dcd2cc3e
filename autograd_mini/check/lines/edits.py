"""The single changes of a line that undo what a person does by mistake in a backward pass."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from heapq import heappop, heappush
from itertools import chain, count
from operator import itemgetter

from autograd_mini.check.lines import (
    calls,
    elementwise,
    factors,
    lost,
    parentheses,
    products,
    statements,
    terms,
)
from autograd_mini.check.lines.budget import Budget
from autograd_mini.check.lines.line import Change, Later, Line, name_of_call
from autograd_mini.check.lines.syntax import Tree, copied, number_of
from autograd_mini.check.lines.words import Words, words_of

__all__ = ["COSTS", "Edit", "Edits", "Words", "cost_of", "edits", "pairs", "words_of"]

CHANGING = (elementwise, parentheses, factors, calls, products, statements)
INSERTING = (lost, factors, terms, calls)
LEAST_INSERTION, USUAL_INSERTION = 1.3, 1.9
"""What the likeliest thing costs that may be inserted, a gradient that is made and never read; and
what others do at the least.
"""

_TIERS = 1.9, 2.9
"""What insertions cost, at the most, that are listed first: of those that cost more there are ten
times as many.
"""

COSTS = {
    "loop": 0.6,
    "reduction": 0.8,
    "comparison": 0.8,
    "add.at": 0.8,
    "drop slope": 0.9,
    "assign": 1.0,
    "update": 1.0,
    "keepdims": 1.0,
    "copy": 1.2,
    "sign": 1.2,
    "transpose": 1.2,
    "axis": 1.2,
    "operator": 1.2,
    "index": 1.2,
    "name": 1.2,
    "function": 1.3,
    "slice": 1.3,
    "keep a part": 1.3,
    "drop reduction": 1.4,
    "drop factor": 1.4,
    "parentheses": 1.4,
    "product": 1.4,
    "swap operands": 1.5,
    "einsum": 1.6,
    "drop call": 1.6,
    "axis order": 1.6,
    "name throughout": 1.6,
    "constant": 1.6,
    "accumulate": 1.6,
    "power": 1.7,
    "drop option": 1.8,
    "drop term": 1.8,
    "slope": 1.8,
    "leak": 1.8,
    "divide by number": 1.8,
    "drop index": 1.9,
    "insert slope": 1.9,
    "insert penalty": 1.9,
    "insert number": 2.0,
    "insert factor": 2.0,
    "reshape": 2.0,
    "insert reduction": 2.1,
    "insert call": 2.3,
    "insert term": 2.3,
    "new axis": 2.5,
    "insert matrix": 2.7,
}
"""What each kind of edit costs: the likelier a person makes the slip, the less."""


@dataclass(frozen=True)
class Edit:
    """One change of a statement.

    Attributes:
        kind: what was done, a key of ``COSTS``.
        old: the part of the original statement that is replaced, or too many.
        new: what stands in its place, ``None`` for nothing.
        cost: the likelier a person makes the slip and the smaller the change, the less.
    """

    kind: str
    old: ast.AST | None
    new: ast.AST | None
    cost: float
    _tree: Tree = field(repr=False, compare=False)
    _exchanged: Mapping[ast.AST, ast.AST] = field(repr=False, compare=False)

    @cached_property
    def statement(self) -> ast.stmt:
        """The whole statement with the change, at the original's place.

        What is unchanged in it is shared with the original: both are to be read only.
        """
        return self._tree.replaced(self._exchanged)

    @property
    def added(self) -> tuple[ast.AST | None, type[ast.operator] | None]:
        """What an inserting edit put beside the old part, and by which operator."""
        new = self.new
        if isinstance(new, ast.AugAssign) and isinstance(new.value, ast.BinOp):
            return new.value.left, type(new.op)
        if isinstance(new, ast.BinOp):
            other = new.right if new.left is self.old else new.left
            if new.left is self.old or new.right is self.old:
                return other, type(new.op)
        return None, None

    @property
    def factors_lost(self) -> set[str]:
        """The factor that it takes out, as too many in its line: in no other one is missing, nor is
        its reciprocal.
        """
        if self.kind != "drop factor" or not self.old:
            return set()
        number = number_of(self.old)
        return {ast.unparse(self.old)} | ({f"{1 / number:g}"} if number else set())

    @property
    def factors_added(self) -> set[str]:
        """What stands in a line with it, if it puts in a factor."""
        if self.kind not in ("insert number", "insert factor", "divide by number") or not self.new:
            return set()
        return {ast.unparse(part) for part in ast.walk(self.new) if isinstance(part, ast.expr)}

    @classmethod
    def left_out(cls, statement: ast.stmt) -> Edit:
        """An update that is left out where it stands."""
        instead = ast.copy_location(ast.Pass(), statement)
        exchanged: Parts = {statement: instead}
        return cls("update", statement, instead, COSTS["update"], Tree(statement), exchanged)

    def around(self, node: ast.AST) -> list[ast.AST]:
        """What a part of the original statement stands in, from the inside outwards."""
        return list(self._tree.above(node))


Edits = tuple[Edit, ...]
"""Edits of a statement, each made of what those before it have made."""


def cost_of(several: Edits) -> float:
    """How unlikely the slips are that edits undo, together."""
    return sum(edit.cost for edit in several) + _TWICE * (len(several) - 1)


_TWICE = 1.0
"""What it costs that two edits are needed."""


def edits(statement: ast.stmt, words: Words, most: float = math.inf) -> Iterator[Edit]:
    """All single edits of a statement, the likeliest first.

    Arguments:
        statement: what is edited; of a compound statement its first line.
        words: what may stand in it.
        most: what an edit may cost.

    Yields:
        Edits of which no two have the same text, and none the original's.

    >>> import numpy as np
    >>> from itertools import islice
    >>> line = ast.parse("db = np.sum(dz, axis=1)").body[0]
    >>> for edit in islice(edits(line, words_of(line, {"np": np, "dz": np.ones((5, 3))})), 5):
    ...     print(edit.kind, "|", ast.unparse(edit.statement))
    reduction | db = np.mean(dz, axis=1)
    keepdims | db = np.sum(dz, axis=1, keepdims=True)
    sign | db = -np.sum(dz, axis=1)
    axis | db = np.sum(dz, axis=0)
    drop reduction | db = dz
    """
    line = Line(statement, words)
    seen = {line.tree.key(statement)}
    changes = _by_cost(line, [rule.changes for rule in CHANGING], most)
    first = [each for each in changes if each[0] < LEAST_INSERTION]
    for cost, change, parts in chain(first, _rest(line, changes[len(first) :], most)):
        key = line.tree.key_with(parts)
        if key not in seen:
            seen.add(key)
            old, new = change.old, parts.get(change.old)
            if change.mark is not None:
                old, new = change.mark, change.shown
            yield Edit(change.kind, old, new, cost, line.tree, parts)


def pairs(firsts: Sequence[Edit], words: Words, most: float, budget: Budget) -> Iterator[Edits]:
    """Pairs of edits by cost, no more than ``most``, until the budget is spent; of those of one
    cost the one comes first whose first costs more, which is what is told first.  What follows an
    edit is listed when it may be next.
    """
    order = count()
    waiting: list[tuple[float, float, int, Edits]] = []
    for first in firsts:
        least = first.cost + _LEAST_SECOND + _TWICE
        heappush(waiting, (least, -math.inf, next(order), (first,)))
    while waiting and not budget.spent:
        cost, _, _, several = heappop(waiting)
        if cost > most:
            return
        if len(several) == 2:
            yield several
            continue
        (first,) = several
        for second in edits(first.statement, words, _COSTLIEST_SECOND):
            if first.kind in _NUMBERS and second.kind in _NUMBERS:
                continue  # two numbers at hand make any number
            pair = (first, second)
            heappush(waiting, (cost_of(pair), -first.cost, next(order), pair))


_LEAST_SECOND, _COSTLIEST_SECOND = 0.8, 1.8
_NUMBERS = ("insert number", "divide by number", "constant", "power")
"""The kinds of edits that put a number somewhere."""

Parts = dict[ast.AST, ast.AST]
Rule = Callable[[Line], Iterator[Change]]
Costly = tuple[float, Change, Parts]


def _by_cost(line: Line, rules: Sequence[Rule], most: float) -> list[Costly]:
    return sorted(_all(line, rules, most), key=itemgetter(0))


def _rest(line: Line, changes: list[Costly], most: float) -> Iterator[Costly]:
    """The changes that are left, and what may be inserted, which is listed only if it is asked for:
    it is much.
    """
    rules = [rule.insertions for rule in INSERTING if most >= USUAL_INSERTION]
    least = -math.inf
    for limit in sorted({*(min(each, most) for each in _TIERS), most}):
        every = sorted([*changes, *_by_cost(line, rules, limit)], key=itemgetter(0))
        yield from (each for each in every if least < each[0] <= limit)
        least = limit


def _all(line: Line, rules: Sequence[Rule], most: float) -> Iterator[Costly]:
    """Every change that costs no more, alone and throughout the line."""
    parts = [n for root in line.roots for n in ast.walk(root)] + [
        n for target in line.targets for n in ast.walk(target)
    ]
    alike: dict[object, list[ast.AST]] = {}
    for node in parts:
        if isinstance(node, ast.expr):
            alike.setdefault(line.tree.key(node), []).append(node)
    for rule in rules:
        for change in rule(line):
            cost = COSTS[change.kind] + change.extra
            if cost > most or (change.kind == "constant" and not _may_be_limit(line, change)):
                continue
            if isinstance(change.new, Later):
                change = replace(change, new=change.new.made())
            assert isinstance(change.new, ast.AST)
            yield cost, change, {change.old: change.new, **dict(change.also)}
            if change.kind in _THROUGHOUT:
                places = alike.get(line.tree.key(change.old), [])
                if len(places) > 1 and change.old is places[0]:
                    kind = "name throughout" if change.kind == "name" else change.kind
                    extra = change.extra + (0.0 if change.kind == "name" else _THROUGHOUT_COSTS)
                    again = Change(kind, change.old, change.new, extra)
                    everywhere = {place: copied(change.new) for place in places}
                    yield COSTS[kind] + extra, again, everywhere


def _may_be_limit(line: Line, change: Change) -> bool:
    """Whether a number may stand there: as a limit only 0, and what the code or the loss names.

    A wider limit undoes nothing: it is only not met by these numbers.
    """
    above = list(line.tree.above(change.old))
    calls = [name_of_call(node) for node in above]
    if "clip" in calls:
        return False
    value = number_of(change.new) if isinstance(change.new, ast.AST) else None
    limits = any(name in calls for name in ("maximum", "minimum"))
    limits = limits or any(isinstance(n, ast.Compare) and line.is_array(n.left) for n in above)
    return not limits or value in (None, 0, *line.words.constants)


_THROUGHOUT_COSTS = 0.5
_THROUGHOUT = ("name", "index", "insert call", "function", "axis", "constant", "slice")
