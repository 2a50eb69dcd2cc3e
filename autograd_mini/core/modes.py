"""Ways of recording that a ``with`` block can choose: ``no_grad`` and ``debug``."""

from __future__ import annotations

import inspect
import math
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ContextDecorator, contextmanager
from types import CodeType, FrameType
from typing import Any

_PACKAGE = os.path.dirname(os.path.dirname(__file__))
_OURS = (_PACKAGE, os.path.join(os.path.dirname(_PACKAGE), "nn"), "<rule ")

_Open = list[tuple["_Block", FrameType | None]]
"""The blocks that are open, each with the frame of the generator in which it is."""


class _Modes(threading.local):
    def __init__(self) -> None:
        self.no_grad: _Open = []
        self.debug: _Open = []
        self.watch: Callable[..., None] | None = None
        self.released = False


_modes = _Modes()
_lock = threading.Lock()

special = 0
"""How many ``with no_grad()`` and ``with debug()`` blocks are open, in all threads.

Recording looks at this one number; only when it is not zero does it ask for more."""

watchers: list[Callable[[int], None]] = []
"""Whom to tell ``special`` when it changes: ``value`` keeps a copy, which is nearer at hand."""


class _Block(ContextDecorator, AbstractContextManager[None]):
    """A ``with`` block that is open in the thread that entered it, while its code runs.

    A generator that waits at a ``yield``, or a coroutine at an ``await``, is not running: what
    its caller computes meanwhile is not in the block.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._entered: list[_Open] = []

    def _recreate_cm(self) -> _Block:  # for each call of a function that this decorates
        return _Block(self._name)

    def __enter__(self) -> None:
        change_special(+1)
        blocks: _Open = getattr(_modes, self._name)
        blocks.append((self, _suspendable(sys._getframe(1))))
        self._entered.append(blocks)

    def __exit__(self, *error: object) -> None:
        blocks = self._entered.pop()  # a generator may be closed by another thread
        at = max(i for i, (block, _) in enumerate(blocks) if block is self)
        del blocks[at]
        change_special(-1)


def _suspendable(frame: FrameType) -> FrameType | None:
    """The frame of the block, if it can be suspended in the block while others run.

    What ``contextlib`` runs is not the block, but opens it: the generator of a function under
    ``@contextmanager`` waits at its ``yield`` for the block to end.
    """
    kinds = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
    while (caller := frame.f_back) and "contextlib" in (_module(frame), _module(caller)):
        frame = caller
    return frame if frame.f_code.co_flags & kinds else None


def _module(frame: FrameType) -> object:
    return frame.f_globals.get("__name__")


def _is_inside(blocks: _Open) -> bool:
    # A suspended frame has no caller.
    return bool(blocks) and any(frame is None or frame.f_back is not None for _, frame in blocks)


def change_special(by: int) -> None:
    global special
    with _lock:
        special += by
        for watcher in watchers:
            watcher(special)


def _forget_other_threads() -> None:
    """In a forked process: other threads, and the blocks that they were in, do not exist."""
    global _lock
    _lock = threading.Lock()
    change_special(len(_modes.no_grad) + len(_modes.debug) - special)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_other_threads)


def no_grad() -> AbstractContextManager[None]:
    """Compute without recording: results are leaves, in this thread, inside the block.

    In a generator the block holds while the generator runs, not in the code that takes what
    it yields (unless ``@contextmanager`` makes it a ``with`` block of its own).

    >>> import autograd_mini as ag
    >>> w = ag.Value(2.0)
    >>> with ag.no_grad():
    ...     y = w * w
    >>> y.data, y.parents
    (4.0, ())
    """
    return _Block("no_grad")


@contextmanager
def recorded() -> Iterator[None]:
    """Record in this thread, also inside ``no_grad()``: a derivative needs its own graph."""
    before = _modes.no_grad, _modes.released
    _modes.no_grad, _modes.released = [], False
    try:
        yield
    finally:
        _modes.no_grad, _modes.released = before


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
    return _Block("debug")


def recording() -> bool:
    """Whether operations are recorded in this thread."""
    return not _is_inside(_modes.no_grad)


def debugging() -> bool:
    """Whether this thread is inside ``with debug()``."""
    return _is_inside(_modes.debug)


def record_specially(node: Any) -> None:
    """What a Value that was made inside such a block needs more.

    Raises:
        FloatingPointError: inside ``debug()``, NaN or infinity arose.
    """
    if debugging():
        operands = (getattr(parent, "data", parent) for parent in node.parents)
        found = [node.data, *(d for d in node.local_derivatives if d is not None)]
        if all(map(math.isfinite, operands)) and not all(map(math.isfinite, found)):
            what = f"a derivative in {found[1:]}" if math.isfinite(node.data) else node.data
            raise FloatingPointError(
                f"{node.op} made {what} from finite operands, at {source_line()}"
            )
    if not recording():
        node._forget()
    elif _modes.watch is not None:
        _modes.watch(None, node, None, True)


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
