"""Forward accumulation: each Tensor's tangent, from when it is recorded until it is freed.

What is recorded of inputs that move is pushed forward at once.  So no graph is needed, and where
nothing else asks for one, it is released: memory is that of the arrays that the code itself holds,
however long it computes.  (A. Griewank and A. Walther, "Evaluating Derivatives", 2008,
section 3.1.)
"""

from __future__ import annotations

import functools
import itertools
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from autograd_mini.core import graph, modes
from autograd_mini.typing import Function, Operand

if TYPE_CHECKING:
    from autograd_mini.core.tensor import Tensor


class _Entry(weakref.ref[Any]):
    """A reference to a node, with its tangent; it forgets itself when the node is freed."""

    __slots__ = ("inputs", "key", "tangent")

    key: int
    tangent: Operand
    """``None`` where its operation moves nothing; an error that is raised if it is asked for."""
    inputs: int
    """Of which inputs it is computed, one bit for each."""


class Tangents:
    """The tangents of all Tensors that are computed of inputs which move.

    Arguments:
        inputs: Tensors, each with its ``vectors``: the direction in which it moves.
        recorded: whether tangents are nodes, to be differentiated again; else they are where an
            outer level of tangents moves them.
    """

    def __init__(self, inputs: Sequence[Tensor], vectors: Sequence[Any], recorded: bool) -> None:
        self._level, self._outer = next(_levels), levels.copy()
        self._recorded = recorded
        self._entries: dict[int, _Entry] = {}
        self._forget = _forgetting(self._entries)
        for index, (node, vector) in enumerate(zip(inputs, vectors, strict=True)):
            self._enter(node, vector, 1 << index)

    def __contains__(self, node: object) -> bool:
        return id(node) in self._entries

    def of(self, node: Tensor) -> Operand:
        """The tangent of a node, or what was raised when it was pushed; ``None`` if it stands."""
        entry = self._entries.get(id(node))
        if entry is not None and isinstance(entry.tangent, Exception):
            raise entry.tangent
        return None if entry is None else entry.tangent

    def reach(self, node: Tensor, index: int) -> bool:
        """Whether a node is computed of an input."""
        return node in self and bool(self._entries[id(node)].inputs >> index & 1)

    def push(self, node: Tensor) -> None:
        """Enter a node that was recorded, if an operand of it is moved."""
        if _current.level <= self._level:
            return
        tangents: dict[Tensor, Any] = {}
        inputs = 0
        for operand in node.parents:
            entry = self._entries.get(id(operand))
            if entry is not None:
                inputs |= entry.inputs
                if entry.tangent is not None:
                    tangents[operand] = entry.tangent
        if inputs:
            self._enter(node, self._pushed(node, tangents) if tangents else None, inputs)

    def _pushed(self, node: Tensor, tangents: dict[Tensor, Any]) -> Operand:
        for tangent in tangents.values():
            if isinstance(tangent, Exception):
                return tangent
        recorded = self._recorded
        if self._outer and not recorded:
            recorded = self._move_outside(*graph.operands(node), *tangents.values())
        level, released = _current.level, is_released()
        _current.level, modes._modes.released = self._level, False
        try:
            with graph.quietly():
                tangent = node.pushed(tangents, recorded)
        except Exception as error:  # which is of no concern if nobody asks for this tangent
            return error
        finally:
            _current.level, modes._modes.released = level, released
        if released and self._outer and self._move_outside(tangent):
            tangent._operands = ()
        return tangent

    def _move_outside(self, *operands: Operand) -> bool:
        return any(operand in outer for outer in self._outer for operand in operands)

    def _enter(self, node: Tensor, tangent: Operand, inputs: int) -> None:
        entry = _Entry(node, self._forget)
        entry.key, entry.tangent, entry.inputs = id(node), tangent, inputs
        self._entries[entry.key] = entry


def _forgetting(entries: dict[int, _Entry]) -> Callable[[_Entry], None]:
    """What forgets an entry, without a reference to the Tangents that hold it: no cycle."""

    def forget(entry: _Entry) -> None:
        entries.pop(entry.key, None)

    return forget


_levels = itertools.count()

levels: list[Tangents] = []
"""The tangents that are being pushed, in all threads, the innermost last."""


class _Current(threading.local):
    level: float = float("inf")
    """At which level this thread pushes: outer levels alone move with what that records."""


_current = _Current()


def note(node: Tensor) -> None:
    """Push the tangents of a node that was recorded, and release what is behind its operands."""
    for tangents in levels:  # the outer first: what the inner ones record may be of this node
        tangents.push(node)
    if is_released():
        for operand in node.parents:
            for tangents in levels:
                if operand in tangents:
                    operand._operands = ()
                    break


class GraphNeeded(Exception):
    """Code asks for gradients of what is recorded, whose graph is released."""


def is_released() -> bool:
    """Whether no graph is kept of what is recorded in this thread."""
    return modes._modes.released


def need_graph() -> None:
    """What a sweep by the user's own code asks for.

    Raises:
        GraphNeeded: there is none, and ``jvp`` has to keep it.
    """
    if is_released():
        raise GraphNeeded


def keeping_graph(function: Function) -> Function:
    """Decorator: the graph is kept of what a function records, which sweeps over it."""

    @functools.wraps(function)
    def kept(*args: Operand, **kwargs: Operand) -> Operand:
        before, modes._modes.released = modes._modes.released, False
        try:
            return function(*args, **kwargs)
        finally:
            modes._modes.released = before

    return kept


@contextmanager
def pushing(tangents: Tangents, released: bool) -> Iterator[None]:
    """Push tangents of what is recorded inside, also by other threads.

    Arguments:
        released: whether nothing but tangents is asked for, so that no graph is kept.
    """
    levels.append(tangents)
    modes.change_special(+1)
    try:
        with modes.recorded():
            modes._modes.released = released
            yield
    finally:
        modes.change_special(-1)
        levels.remove(tangents)
