"""A tape: what is recorded of plain NumPy code while a ``with`` block is open.

The graph itself hangs on the numbers: each recorded array and number leads to its node.  The tape
makes the leaves, and writes down what could not be followed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd_mini.core.tensor import Tensor
from autograd_mini.recording.users import users_line
from autograd_mini.typing import Array, Operand


@dataclass(frozen=True)
class Note:
    """What could not be followed, and where.

    Attributes:
        message: a sentence without a point.
        file: the user's file, or what Python calls the cell that it is in; ``""`` if not known.
        line: its line, from 1.
    """

    message: str
    file: str
    line: int

    def __str__(self) -> str:
        where = f" ({os.path.basename(self.file)}:{self.line})" if self.file else ""
        return self.message + where


@dataclass(eq=False)
class Tape:
    """What a recording block gives.

    Attributes:
        notes: what could not be followed, each once.
        constants: copies of large arrays, by where these lie.
    """

    notes: list[Note] = field(default_factory=list)
    constants: dict[Any, Array] = field(default_factory=dict, repr=False)

    def leaf(self, value: Operand, label: str = "", like: object = None) -> Operand:
        """An array or number from which the recording starts, as one that is recorded.

        Arguments:
            value: an array of real numbers, which is copied, a number, or a Tensor that is a leaf
                and is to be this very leaf.
            like: an array whose class it is to have, as ``np.matrix``; by default ``value``.

        Returns:
            A ``RecordedArray`` of float64; of a float, a float; of ``np.float64``, such a number.

        Raises:
            TypeError: it holds complex numbers, text or objects.
        """
        from autograd_mini.recording.arrays import recorded
        from autograd_mini.recording.scalars import RecordedFloat, RecordedNumber

        node = value if isinstance(value, Tensor) else Tensor(value, label)
        if node.dtype != np.float64:
            node = Tensor(node.data.astype(np.float64), node.label)
        if isinstance(value, np.float64) and not isinstance(value, RecordedNumber):
            return RecordedNumber(value, node)
        if isinstance(value, int | float):
            return RecordedFloat(value, node)
        numbers = np.array(node.data)
        if isinstance(value if like is None else like, np.matrix):
            numbers = numbers.view(np.matrix)
        return recorded(numbers, node, self)

    def made(self, value: Operand) -> Operand:
        """What goes on in the place of a value that a statement made.

        An array of floats comes back as a ``RecordedArray`` over the same memory, so that what is
        written into it later is seen; anything else as it is.
        """
        from autograd_mini.recording.arrays import as_recorded

        return as_recorded(value)

    def follow(
        self, function: Callable[..., Any], inner: Callable[[Any], Any] = lambda function: function
    ) -> Callable[..., Any]:
        """What is called in the place of a function that NumPy's protocols do not reach.

        Arguments:
            function: a function of NumPy's, ``math``'s or Python's, or any other, which comes back
                as it is.
            inner: gives what is called in the place of a function that is an argument, as of
                ``map(f, xs)``.
        """
        from autograd_mini.recording.followed import in_place_of

        found: Callable[..., Any] = in_place_of(function, inner)
        return found

    def note(self, message: str) -> None:
        """Write down what could not be followed, with the user's line that runs."""
        file, line = users_line(sys._getframe(1))
        note = Note(message, file, line)
        if note not in self.notes:
            self.notes.append(note)


_open: ContextVar[Tape | None] = ContextVar("tape", default=None)


def current() -> Tape | None:
    """The tape of the block that is open."""
    return _open.get()


@contextmanager
def recording() -> Iterator[Tape]:
    """Record what is computed of the leaves of a tape, in plain NumPy code as it stands.

    >>> with recording() as tape:
    ...     w = tape.leaf(np.array([1.0, 3.0]), "w")
    ...     out = np.zeros(3)
    ...     out = tape.made(out)  # a statement's value: what is written into it is seen
    ...     out[1:] = w * w
    ...     out[0] -= out[2]
    >>> from autograd_mini import gradients
    >>> from autograd_mini.recording import node_of
    >>> gradients(np.sum(node_of(out)), node_of(w))
    array([2., 0.])
    """
    tape = Tape()
    token = _open.set(tape)
    try:
        yield tape
    finally:
        _open.reset(token)
