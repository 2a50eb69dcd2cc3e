"""The reverse sweep over Values: plain floats, in slots of the nodes.

It adds in the order of ``graph.topological_order``, and takes no memory but for a stack of nodes.
This file is compiled together with ``value.py``.
"""

from __future__ import annotations

import os
from threading import Lock, get_ident
from typing import TYPE_CHECKING, Any

from autograd_mini._build import uncompiled as cython

if TYPE_CHECKING:
    from autograd_mini.core.value import Value

_sweeping = Lock()
_sweeper = 0  # the thread that sweeps

_unused = cython.declare(cython.longlong, 0)
"""``_uses`` of a node that is not in use; what is less was left by a sweep that did not end."""

_MOST_USES = cython.declare(cython.longlong, 2**32)


def _forget_other_threads() -> None:
    """In a forked process: a thread that was sweeping does not exist here."""
    global _sweeping, _sweeper
    _sweeping = Lock()
    _sweeper = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_other_threads)


def sweep_alone(root: Value, start: float) -> None:
    """``_sweep``, while no other thread sweeps.

    A sweep that ends has counted each use of a node up and down again.  One that does not,
    for want of memory or for an interrupt, leaves counts behind: the next ones begin to count
    above them, so that nothing needs to be undone.
    """
    global _sweeper, _unused
    unused: cython.longlong = _unused
    if cython.compiled:  # nothing runs beside or inside the sweep, and a lock may need memory
        _unused = unused + _MOST_USES
        _sweep(root, start, unused)
        _unused = unused
        return
    if _sweeping.locked() and _sweeper == get_ident():
        raise RuntimeError(
            "backward() was called while backward() ran in the same thread, by a signal handler "
            "or a finaliser: call it after the first has returned"
        )
    _sweeping.acquire()
    try:
        _sweeper = get_ident()
        unused = _unused
        _unused = unused + _MOST_USES
        _sweep(root, start, unused)
        _unused = unused
    finally:
        _sweeper = 0
        _sweeping.release()


_FLOOR = 64
"""So many Nones lie under the sweep's stack, for Python moves a short list each time it grows."""


@cython.cfunc
def _sweep(root: Value, start: float, unused: cython.longlong) -> None:
    """Sweep from ``root``: leaves add the gradient to ``grad``, interior nodes hold it.

    The nodes' order, and so the order in which shares are added, is that of
    ``graph.topological_order``.  An interior node adds up its gradient in ``_grad``; a leaf,
    which has no operands, in ``_dx``, so that the sum of this sweep is added to ``_grad`` as
    one number.
    """
    node: Value | None
    x: Value | None
    y: Value | None
    total: float
    uses: cython.longlong
    if root._operation is None:
        root._grad += start
        return

    # How often is each node used?  What has been met is set to zero.
    ready: list[Value | None] = [None] * _FLOOR
    ready.append(root)
    while (node := ready.pop()) is not None:
        x = node._x
        if x is not None:
            uses = x._uses
            if uses > unused:
                x._uses = uses + 1
            else:
                x._uses = unused + 1
                if x._operation is not None:
                    x._grad = 0.0
                    ready.append(x)
                else:
                    x._dx = 0.0
        elif isinstance(node._y, tuple):
            _count_many(node, ready, unused)
            continue
        y = node._y
        if y is not None:
            uses = y._uses
            if uses > unused:
                y._uses = uses + 1
            else:
                y._uses = unused + 1
                if y._operation is not None:
                    y._grad = 0.0
                    ready.append(y)
                else:
                    y._dx = 0.0

    # A node's turn comes when all that used it have passed their share on.
    root._grad = start
    ready.append(root)
    while (node := ready.pop()) is not None:
        total = node._grad
        x = node._x
        if x is not None:
            uses = x._uses - 1
            x._uses = uses
            if x._operation is not None:
                if total != 0.0:  # zero passes zero on, even through an infinity
                    x._grad += total * node._dx
                if uses == unused:
                    ready.append(x)
            else:
                if total != 0.0:
                    x._dx += total * node._dx
                if uses == unused:
                    x._grad += x._dx
        elif isinstance(node._y, tuple):
            _share_among_many(node, ready, unused)
            continue
        y = node._y
        if y is not None:
            uses = y._uses - 1
            y._uses = uses
            if y._operation is not None:
                if total != 0.0:
                    y._grad += total * node._dy
                if uses == unused:
                    ready.append(y)
            else:
                if total != 0.0:
                    y._dx += total * node._dy
                if uses == unused:
                    y._grad += y._dx


@cython.cfunc
def _count_many(node: Value, ready: list[Value | None], unused: cython.longlong) -> None:
    """The first half of ``_sweep`` for an operation of more than two operands."""
    x: Value
    uses: cython.longlong
    for operand in node._y[0]:
        if not isinstance(operand, float):
            x = operand
            uses = x._uses
            if uses > unused:
                x._uses = uses + 1
            else:
                x._uses = unused + 1
                if x._operation is not None:
                    x._grad = 0.0
                    ready.append(x)
                else:
                    x._dx = 0.0


@cython.cfunc
def _share_among_many(node: Value, ready: list[Value | None], unused: cython.longlong) -> None:
    """The second half of ``_sweep`` for an operation of more than two operands."""
    x: Value
    derivative: float
    uses: cython.longlong
    total: float = node._grad
    operands: tuple[Any, ...] = node._y[0]
    derivatives: tuple[Any, ...] = node._y[1]
    for i in range(len(operands)):
        if not isinstance(operands[i], float):
            x = operands[i]
            uses = x._uses - 1
            x._uses = uses
            if total != 0.0 and derivatives[i] is not None:
                derivative = derivatives[i]
                if x._operation is not None:
                    x._grad += total * derivative
                else:
                    x._dx += total * derivative
            if uses == unused:
                if x._operation is not None:
                    ready.append(x)
                else:
                    x._grad += x._dx
