"""Ways of recording that a ``with`` block can choose: ``no_grad`` and ``debug``."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import CodeType

_OURS = (str(Path(__file__).parent), str(Path(__file__).parent.parent / "nn"), "<rule ")


class _Modes(threading.local):
    no_grad = 0
    debug = 0


_modes = _Modes()
_lock = threading.Lock()

special = 0
"""How many ``with no_grad()`` and ``with debug()`` blocks are open, in all threads.

Recording looks at this one number; only when it is not zero does it ask for more."""

watchers: list[Callable[[int], None]] = []
"""Whom to tell ``special`` when it changes: ``value`` keeps a copy, which is nearer at hand."""


@contextmanager
def _open(name: str) -> Iterator[None]:
    _change_special(+1)
    setattr(_modes, name, getattr(_modes, name) + 1)
    try:
        yield
    finally:
        setattr(_modes, name, getattr(_modes, name) - 1)
        _change_special(-1)


def _change_special(by: int) -> None:
    global special
    with _lock:
        special += by
        for watcher in watchers:
            watcher(special)


def no_grad() -> AbstractContextManager[None]:
    """Compute without recording: results are leaves, in this thread, inside the block.

    >>> import autograd_mini as ag
    >>> w = ag.Value(2.0)
    >>> with ag.no_grad():
    ...     y = w * w
    >>> y.data, y.parents
    (4.0, ())
    """
    return _open("no_grad")


@contextmanager
def recorded() -> Iterator[None]:
    """Record in this thread, also inside ``no_grad()``: a derivative needs its own graph."""
    before, _modes.no_grad = _modes.no_grad, 0
    try:
        yield
    finally:
        _modes.no_grad = before


def debug() -> AbstractContextManager[None]:
    """Check every step: where NaN or infinity first arises, and hidden writes to arrays.

    Inside the block each operation remembers the source line that recorded it.  The
    first operation that makes NaN or infinity from finite operands raises, forward and
    backward, and so does a sweep that finds an operand's memory changed since it was
    recorded, through whichever view it was written.

    Raises:
        FloatingPointError: NaN or infinity arose; names the operation and the line.
        RuntimeError: an array was written to between recording and sweep.

    >>> import autograd_mini as ag
    >>> import numpy as np
    >>> w = ag.Tensor([1.0, 0.0], label="w")
    >>> with ag.debug(), np.errstate(divide="ignore"):
    ...     np.log(w)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    FloatingPointError: log made -inf from finite operands, at ...
    """
    return _open("debug")


def recording() -> bool:
    """Whether operations are recorded in this thread."""
    return not _modes.no_grad


def debugging() -> bool:
    """Whether this thread is inside ``with debug()``."""
    return bool(_modes.debug)


def source_line() -> str:
    """The innermost line outside this package that is being executed, as ``file:line``."""
    frame = sys._getframe(1)
    while frame.f_back and is_ours(frame.f_code):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def levels_to_user() -> int:
    """The ``stacklevel`` by which the caller's warning points at that line."""
    frame, levels = sys._getframe(1), 1
    while frame.f_back and is_ours(frame.f_code):
        frame, levels = frame.f_back, levels + 1
    return levels


def is_ours(code: CodeType) -> bool:
    """Whether code belongs to this package."""
    return code.co_filename.startswith(_OURS)
