"""The edits of a statement that change what it makes, the likeliest first, as far as wanted."""

from __future__ import annotations

import ast
import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import CodeType
from typing import Any, NamedTuple, cast

import numpy as np

from autograd_mini.check.holders import held
from autograd_mini.check.lines.budget import Budget
from autograd_mini.check.lines.claims import Truth
from autograd_mini.check.lines.edits import (
    Edits,
    Words,
    cost_of,
    edits,
    pairs,
    words_of,
)
from autograd_mini.check.lines.formulas import is_rate
from autograd_mini.check.lines.instrument import with_hooks
from autograd_mini.check.lines.line import is_mask, name_of_call
from autograd_mini.check.lines.program import Stopped
from autograd_mini.check.lines.source import Headed, Statement, Unit
from autograd_mini.check.lines.syntax import loaded, made
from autograd_mini.check.lines.trial import Trial
from autograd_mini.check.lines.values import shape_of, value_of
from autograd_mini.typing import Array, Operand

_BLOCK = 200
"""How many edits are looked at at once."""
_PAIRED = 40
"""To how many edits another is added."""
_COSTLIEST_PAIR = 4.5
_PAIRED_WHERE_MEANT, _COSTLIEST_WHERE_MEANT = 150, 6.0
"""The same where it is known what is to be made: most pairs need not run."""
_LEAST_PAIR = 3.4
_PARTS = 5
"""Into so many parts the turns of a statement are divided, of which each has one looked at: what
an edit makes may be the same in the first."""
_OF_HEADERS = ("loop", "comparison", "index", "slice", "constant", "operator")
"""The kinds of edits of the first line of a loop or condition: those of what it counts to."""

_PUTTING = ("accumulate", "assign")
"""The kinds of edits that put the same somewhere in another way: one turn does not tell what is
made by all.
"""


class Made(NamedTuple):
    """What a statement makes in one turn.

    Attributes:
        value: the array; why it fails; ``None`` where that cannot be told beforehand.
        item: which of the items it is that a tuple, list or dict has.
    """

    value: Array | Exception | None
    item: int = 0


@dataclass(frozen=True)
class Candidate:
    """One or two edits of a statement.

    Attributes:
        edits: the edits.
        is_known: whether the statement then makes something that a right derivation may make;
            that is supposed where it cannot be told.
        is_gradient: whether that is a gradient, or a share of one.
        key: what is the same for all that make just the same here.
    """

    edits: Edits
    is_known: bool
    is_gradient: bool = False
    key: object = None

    @property
    def statement(self) -> ast.stmt:
        """The statement with the edits."""
        return self.edits[-1].statement

    @property
    def cost(self) -> float:
        """How unlikely the slip is that they undo."""
        return cost_of(self.edits)


Listed = Callable[[Mapping[str, Any]], Iterator[Edits]]
"""Gives the edits of a statement, from what can be named where it stands."""


class _Listed:
    """Edits by cost, block by block: they are listed when the statement is first reached."""

    def __init__(self, listed: Listed) -> None:
        self._listed = listed
        self._every: Iterator[Edits] | None = None
        self._next: Edits | None = None
        self.block: list[Edits] = []
        self.ended = False

    def has_any(self, cost: float) -> bool:
        """Whether there may be some that cost no more."""
        return not self.ended and (self._next is None or cost_of(self._next) <= cost)

    def take(self, cost: float, names: Mapping[str, Any]) -> None:
        """Go on to the block that follows, of edits that cost no more."""
        if self._every is None:
            self._every = self._listed(names)
            self._next = next(self._every, None)
        self.block = []
        while self._next is not None and cost_of(self._next) <= cost and len(self.block) < _BLOCK:
            self.block.append(self._next)
            self._next = next(self._every, None)
        self.ended = self._next is None


class Candidates:
    """The edits of a statement.

    Arguments:
        trial: the code on trial.
        truth: what a right line may make.
        statement: the statement.
        turns: how often it runs.
        budget: how long may be looked for them.
        meant: what it is to make, turn by turn, as far as that is known.
    """

    def __init__(
        self,
        trial: Trial,
        truth: Truth,
        statement: Statement,
        turns: int,
        budget: Budget,
        meant: Sequence[Array | None] = (),
    ) -> None:
        self.trial, self.truth, self.statement, self._budget = trial, truth, statement, budget
        self._meant = {turn: array for turn, array in enumerate(meant) if array is not None}
        self._turns = {0, 1, *(turns * part // _PARTS for part in range(1, _PARTS)), turns - 1}
        self._place = _place(statement.node)
        self._there: list[list[Array]] = []  # at each turn, of the gradients of the whole
        self._seen: dict[object, list[Edits]] = {}  # each with what makes the same
        self._given: list[Candidate] = []
        self._codes: dict[ast.stmt, CodeType | SyntaxError | None] = {}
        self._single, self._double = _Listed(self._edits), _Listed(self._paired)

    @property
    def ended(self) -> bool:
        """Whether all were given."""
        return self._single.ended and self._double.ended

    def within(self, cost: float) -> Iterator[Candidate]:
        """Those that cost no more and were not given before: single edits by cost, then pairs of
        edits that make something known, by cost.
        """
        for candidate in self.single(cost):
            self._given.append(candidate)
            yield candidate
        if cost >= _LEAST_PAIR:
            yield from (c for c in self._evaluated(self._double, cost) if c.is_known)

    def single(self, cost: float = math.inf) -> Iterator[Candidate]:
        """Single edits that cost no more and were not given before, by cost."""
        return self._evaluated(self._single, cost)

    def alike(self, candidate: Candidate) -> list[Candidate]:
        """Others that make just the same here, where this one is right only here: what makes the
        same and is listed later is given, too.
        """
        others = self._seen.pop(candidate.key, []) if candidate.key is not None else []
        return [replace(candidate, edits=several, key=None) for several in others]

    def _edits(self, names: Mapping[str, Any]) -> Iterator[Edits]:
        words = self.words(names)
        found = edits(self.statement.node, words)
        if isinstance(self.statement.node, Headed):
            counts = isinstance(self.statement.node, ast.For) or _compares_numbers(
                self.statement.node.test, words
            )
            found = (edit for edit in found if edit.kind in _OF_HEADERS and counts)
        return ((edit,) for edit in found)

    def _paired(self, names: Mapping[str, Any]) -> Iterator[Edits]:
        """Two edits one after the other; none of a loop or condition, nor of what returns several
        values, each of which has a line of its own.
        """
        if isinstance(self.statement.node, Headed) or _returns_several(self.statement.node):
            return iter(())
        count = _PAIRED_WHERE_MEANT if self._meant else _PAIRED
        most = _COSTLIEST_WHERE_MEANT if self._meant else _COSTLIEST_PAIR
        firsts = [candidate.edits[0] for candidate in self._given[:count]]
        return pairs(firsts, self.words(names), most, self._budget)

    def words(self, names: Mapping[str, Any]) -> Words:
        """What may stand in the statement, of all that could be named there."""
        unit, numbers = self.statement.unit, self.truth.numbers
        words = words_of(unit.tree, self._at_hand(names), [*numbers, *(2 * x for x in numbers)])
        return replace(words, unread=words.unread | unit.kept)

    def _at_hand(self, names: Mapping[str, Any]) -> dict[str, Any]:
        """What may stand in the line, of all that could be named there."""
        tree, used = self.statement.unit.tree, self.trial.problem.used
        written = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        written |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
        tools = {n for n, v in names.items() if callable(v) or inspect.ismodule(v)}
        return {n: v for n, v in names.items() if n in {*written, *tools, *used} or is_rate(n)}

    def _evaluated(self, every: _Listed, cost: float) -> Iterator[Candidate]:
        """Edits, without those that fail, and those that do what one before did: all of those that
        make what is meant, since of what is handed on to later turns they may make another thing.
        """
        while every.has_any(cost) and not self._budget.spent:
            made = self._made(every, cost)
            if not made:
                every.ended = True
                break
            instead = [values[0] for values in made]
            self._seen.setdefault(_key(self.statement.node, instead), [])
            for i, several in enumerate(every.block):
                every_turn = [values[1 + i] for values in made]
                values = [turn.value for turn in every_turn]
                key = _key(several[-1].statement, every_turn)
                if any(isinstance(v, Exception) for v in values):
                    continue
                is_meant = len(several) == 1 and self._is_meant(values)
                if key is not None and key in self._seen and not is_meant:
                    self._seen[key].append(several)
                    continue
                self._seen.setdefault(key, [])
                known = self._is_known(values, instead, len(several) > 1)
                if len(several) == 1 and several[0].kind in _PUTTING:
                    known = True, known[1]
                yield Candidate(several, *known, key)

    def _is_known(
        self, values: Sequence[Array | Exception | None], instead: Sequence[Made], of_pair: bool
    ) -> tuple[bool, bool]:
        """Whether what an edit makes may be right, and is a gradient, at the first turn at which it
        makes anything: at later turns it may be handed what is wrong.
        """
        if self._is_meant(values) or self._is_part(values):
            return True, True
        if of_pair and self._meant:
            return False, False
        pairs = zip(values, instead, strict=True)
        arrays = [(made, own.value) for made, own in pairs if isinstance(made, np.ndarray)]
        first, own = next((pair for pair in arrays if pair[0].any()), (None, None))
        if first is None:
            return not arrays, False
        claims = self.truth.claims(first)
        names = [self.truth.named(ast.unparse(target)) for target in _targets(self.statement.node)]
        meant = {node for node in names if node is not None}
        gradients = {c.node for c in claims if c.exact and c.kind in ("gradient", "share")}
        known = bool(claims) or self.trial.is_updated(first, own)
        return known, bool(gradients & meant if meant else gradients)

    def _is_meant(self, values: Sequence[Array | Exception | None]) -> bool:
        """Whether just that is made that is to be made, at the first turn of which it is known: at
        later turns it may be handed what is wrong.
        """
        for turn, value in zip(sorted(self._turns), values, strict=False):
            if turn in self._meant:
                meant = self._meant[turn]
                return isinstance(value, np.ndarray) and _is_near(value, meant)
        return False

    def _is_part(self, values: Sequence[Array | Exception | None]) -> bool:
        """Whether at the first turn that makes anything just that is put into a part of an array
        which a gradient of its shape has there, where no other turn adds to it.
        """
        for value, there in zip(values, self._there, strict=True):
            if isinstance(value, np.ndarray) and value.any():
                return any(_is_near(value, gradient) for gradient in there)
        return False

    def _gradients_there(self, names: Mapping[str, Any]) -> list[Array]:
        """What the gradients of the shape of the array that is written into have where it is."""
        if self._place is None:
            return []
        code, sign = self._place
        try:
            read = self.trial.program.value(code, {**names, _INDEX: np.s_})
            whole, part = cast(tuple[Operand, Any], read)
            gradients = self.truth.gradients_of(np.shape(whole))
            return [sign * gradient[part] for gradient in gradients]
        except Exception:  # the user's own expression raises what it likes
            return []

    def _made(self, every: _Listed, cost: float) -> list[list[Made]]:
        """What the statement, and the edits that follow, make at the turns that are looked at.

        Arguments:
            every: the edits, of which a block is taken.
            cost: how much they may cost.
        """
        made: list[list[Made]] = []
        turn = -1

        def visit(names: Mapping[str, Any]) -> None:
            nonlocal turn
            turn += 1
            if turn == 0:
                every.take(cost, names)
            if turn in self._turns:
                original = self._parts(self.statement.node, names)
                others = [self._parts(several[-1].statement, names) for several in every.block]
                made.append([_changed(parts, original) for parts in (original, *others)])
                if len(self._there) < len(made):
                    self._there.append(self._gradients_there(names))
            if turn >= max(self._turns):
                raise Stopped

        with np.errstate(all="ignore"):
            self.trial.program.run(self.trial.base, before=self.statement.place, visit=visit)
        return made

    def _parts(
        self, statement: ast.stmt, names: Mapping[str, Any]
    ) -> list[Array] | Exception | None:
        """The arrays that a statement makes; ``None`` where that cannot be told beforehand."""
        if statement not in self._codes:
            self._codes[statement] = _compiled(self.statement.unit, statement)
        code = self._codes[statement]
        if not isinstance(code, CodeType):
            return code
        try:
            made = self.trial.program.value(code, {**names, _WRITTEN: _with_written})
        except Exception as error:
            return error
        items = list(made.values()) if isinstance(made, dict) else made
        parts = items if isinstance(items, list | tuple) else [items]
        try:
            arrays = [np.asarray(held(part)) for part in parts]
        except (ValueError, TypeError):  # a list of lists of several lengths, or with Tensors
            return None
        return arrays if all(array.dtype.kind in "fiub" for array in arrays) else None


def _returns_several(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Return) and isinstance(
        statement.value, ast.Dict | ast.Tuple | ast.List
    )


def _compares_numbers(test: ast.expr, words: Words) -> bool:
    """Whether a condition compares numbers: one on texts and flags says what is wanted."""
    if not isinstance(test, ast.Compare):
        return False
    values = [value_of(part, words.values) for part in (test.left, *test.comparators)]
    return all(shape_of(value) is not None and not isinstance(value, bool) for value in values)


def _compiled(unit: Unit, statement: ast.stmt) -> CodeType | SyntaxError | None:
    """What a statement computes; ``None`` where it does something else."""
    value = getattr(statement, "value", None)
    if isinstance(statement, ast.Expr) or not isinstance(value, ast.expr):
        return None
    if (written := _written(statement)) is not None:
        value = written
    elif isinstance(statement, ast.AugAssign) and not isinstance(statement.op, ast.Add | ast.Sub):
        target = ast.parse(ast.unparse(statement.target), mode="eval").body
        value = ast.copy_location(ast.BinOp(target, statement.op, value), statement)
    if calls_users(value):
        value = ast.fix_missing_locations(with_hooks(unit, value))
    try:
        return compile(ast.Expression(value), "<edit>", "eval")
    except SyntaxError as error:
        return error


def _place(statement: ast.stmt) -> tuple[CodeType, int] | None:
    """What makes the array that a statement writes a part of, and the index; and the sign with
    which it is written. ``None`` where it writes no part.
    """
    match statement:
        case (
            ast.Assign(targets=[ast.Subscript(base, index)])
            | ast.AugAssign(target=ast.Subscript(base, index), op=ast.Add() | ast.Sub())
        ) if not is_mask(index):
            sign = -1 if isinstance(getattr(statement, "op", None), ast.Sub) else 1
            part = ast.unparse(ast.Subscript(ast.Name(_INDEX), index))
            return compile(f"({ast.unparse(base)}, {part})", "<place>", "eval"), sign
    return None


def _written(statement: ast.stmt) -> ast.expr | None:
    """The array that an assignment by a mask leaves behind, ``dz[z < 0] = 0``: all of it is what
    the statement makes, also where the mask is empty.
    """
    match statement:
        case (
            ast.Assign(targets=[ast.Subscript(base, mask) as target], value=value)
            | ast.AugAssign(target=ast.Subscript(base, mask) as target, value=value)
        ) if is_mask(mask):
            if isinstance(statement, ast.AugAssign):
                value = ast.BinOp(loaded(target), statement.op, value)
            written = made(f"{_WRITTEN}(_0, _1, _2)", loaded(base), mask, value)
            return ast.fix_missing_locations(ast.copy_location(written, statement))
    return None


_WRITTEN = "__written__"
_INDEX = "__index__"


def _with_written(base: Operand, mask: Operand, value: Operand) -> Array:
    after = np.array(base)
    after[mask] = value
    return after


def calls_users(value: ast.expr) -> bool:
    """Whether an expression may call what is not NumPy's, which may run for ever."""
    calls = (node for node in ast.walk(value) if isinstance(node, ast.Call))
    return any(not hasattr(np, name_of_call(call)) for call in calls)


def _changed(
    parts: list[Array] | Exception | None, original: list[Array] | Exception | None
) -> Made:
    """The one array that is another than what the original statement makes."""
    if not isinstance(parts, list):
        return Made(parts)
    if len(parts) == 1:
        return Made(parts[0])
    if not isinstance(original, list) or len(original) != len(parts):
        return Made(None)
    other = [
        Made(part, item)
        for item, (part, before) in enumerate(zip(parts, original, strict=True))
        if not np.array_equal(part, before, equal_nan=True)
    ]
    return other[0] if len(other) == 1 else Made(None if other else np.zeros(0))


def _is_near(one: Array, other: Array) -> bool:
    """Whether an array is another to rounding, be it of length 1 where that is the same along an
    axis.

    >>> wide, thin = np.array([[2.0, 2.0], [3.0, 3.0]]), np.array([[2.0], [3.0]])
    >>> _is_near(thin, wide), _is_near(wide, thin), _is_near(thin, 2 * wide)
    (True, False, False)
    """
    sizes = zip(one.shape, other.shape, strict=False)
    if one.ndim != other.ndim or any(size not in (1, wide) for size, wide in sizes):
        return False
    room = _NEAR * np.max(np.abs(other), initial=0.0)
    return bool(np.all(np.abs(np.subtract(one, other, dtype=float)) <= room))


_NEAR = 1e-7


def _key(statement: ast.stmt, made: Sequence[Made]) -> object:
    """What is the same for two statements that do the same; ``None`` if that cannot be told."""
    if not all(isinstance(each.value, np.ndarray) for each in made):
        return None
    if any(isinstance(target, ast.Subscript) for target in _targets(statement)):
        places = tuple(map(ast.unparse, _targets(statement)))
    else:
        places = ()
    numbers = tuple((m.item, m.value.shape, m.value.tobytes()) for m in made)  # type: ignore[union-attr]
    return type(statement), type(getattr(statement, "op", None)), places, numbers


def _targets(statement: ast.stmt) -> list[ast.expr]:
    match statement:
        case ast.Assign(targets=targets):
            return targets
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
            return [target]
    return []
