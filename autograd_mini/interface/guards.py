"""What a sweep needs is still as it was recorded: changed data, and the steps of ``debug()``.

A Tensor knows when its data was last replaced and when it was recorded, by one clock; inside
``with debug()`` it knows the line that recorded it and the numbers that its operands had.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_mini.core import modes
from autograd_mini.core.graph import data_of
from autograd_mini.interface import pushed
from autograd_mini.typing import Operand

if TYPE_CHECKING:
    from autograd_mini.core.tensor import Tensor

clock = 0
"""How often the data of any Tensor has been replaced: the time for changes and recordings."""

watchers: list[Callable[[int], None]] = []
"""Whom to tell ``clock`` when it changes: ``array_node`` keeps a copy, which is nearer at hand."""

writing = threading.RLock()
"""Held while a gradient is added to a leaf or data is replaced: threads may share Tensors."""


def _unlock_in_child() -> None:
    """A forked process has one thread: nobody in it holds the lock."""
    global writing
    writing = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock_in_child)


def note_change(node: Operand) -> None:
    """The data of a Tensor was replaced, or written in place, and with it what it is a view of."""
    global clock
    clock += 1
    for watcher in watchers:
        watcher(clock)
    for viewed in (node,) if node._array.base is None else memory(node):
        viewed._changed = clock


def memory(node: Operand) -> Iterator[Tensor]:
    """A Tensor, and the operands that it is a view of."""
    at: Tensor | None = node
    while at is not None:
        yield at
        data = at._array
        viewed = at._operands if data.base is not None else ()
        at = next(
            (
                operand
                for operand in viewed
                if hasattr(operand, "_array") and np.may_share_memory(data, operand._array)
            ),
            None,
        )


def check_unchanged(node: Operand, index: int) -> None:
    """Whether what the pullback for an operand reads is as it was recorded.

    Raises:
        RuntimeError: the data of an operand, or of the node itself, was replaced.
    """
    operation: Any = node.operation
    read = [
        operand
        for other, operand in enumerate(node._operands)
        if hasattr(operand, "_array") and operation.reads_operand(index, other)
    ]
    for operand in [*read, node] if operation.reads_result(index) else read:
        if operand._array.base is None:
            changed = operand._changed
        else:
            changed = max(viewed._changed for viewed in memory(operand))
        if changed > node._recorded:
            label = f" {operand.label!r}" if operand.label else ""
            raise RuntimeError(
                f"the data of Tensor{label} of shape {operand.shape} was replaced after "
                f"{node.op} had recorded it, and its derivative needs the old "
                "values: call backward() or draw() before the update, or compute the loss "
                "again after it"
            )


def record_specially(node: Operand, unrecorded: dict[str, Any]) -> None:
    """Finish a Tensor that was made inside ``debug()`` or ``no_grad()``, or is to be noted.

    Raises:
        FloatingPointError: inside ``debug()``, it is not finite and all its operands are.
    """
    if _noted.made is not None:
        _noted.made.append(node)
    if modes.debugging():
        arrays = [np.asarray(data_of(operand)) for operand in node._operands]
        line = modes.source_line()
        node._origin = (line, _fingerprints(node))
        if not np.isfinite(node._array).all() and all(np.isfinite(array).all() for array in arrays):
            bad = node._array[~np.isfinite(node._array)][0]
            raise FloatingPointError(f"{node.op} made {bad} from finite operands, at {line}")
    if not modes.recording():
        if node._array.base is not None:
            node._array = node._array.copy()  # a leaf's memory is its own
        node.operation, node._operands, node._options, node._origin = None, (), unrecorded, None
    elif pushed.levels:
        pushed.note(node)


class _Noted(threading.local):
    made: list[Tensor] | None = None


_noted = _Noted()


@contextmanager
def noting_recorded() -> Iterator[list[Tensor]]:
    """The Tensors that operations make in this thread inside the block."""
    inside: list[Tensor] = []
    before, _noted.made = _noted.made, inside
    modes.change_special(+1)
    try:
        yield inside
    finally:
        modes.change_special(-1)
        _noted.made = before
        if before is not None:
            before += inside


def _fingerprints(node: Operand) -> tuple[int, ...]:
    arrays = [np.ascontiguousarray(data_of(operand)) for operand in (*node._operands, node)]
    return tuple(hash(array.tobytes()) for array in arrays)


def check_memory(node: Operand) -> None:
    """Whether no operand's memory, nor the result's, was written to since it was recorded."""
    assert node._origin is not None
    line, before = node._origin
    for index, (old, new) in enumerate(zip(before, _fingerprints(node), strict=True)):
        if old != new:
            what = f"operand {index}" if index < len(node._operands) else "the result"
            raise RuntimeError(
                f"{what} of {node.op}, recorded at {line}, was written to before the sweep: "
                "compute with a copy, or call backward() before the write"
            )


def check_finite(node: Operand, index: int, gradient: Any, share: Any) -> None:
    """Whether what an operand receives is finite, if the upstream gradient is."""
    upstream, found = data_of(gradient), data_of(share)
    if not np.isfinite(found).all() and np.isfinite(upstream).all():
        bad = found[~np.isfinite(found)][0]
        assert node._origin is not None
        raise FloatingPointError(
            f"the derivative of {node.op} for operand {index} made {bad} from a finite upstream "
            f"gradient; {node.op} was recorded at {node._origin[0]}"
        )
