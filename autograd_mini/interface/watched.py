"""Who is told of what a function does with Values: what it makes, compares and reads of them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from autograd_mini.core import modes
from autograd_mini.typing import Operand

Compare = Callable[[Operand, Operand], bool]
Watch = Callable[[Compare | None, Operand, Operand, bool], None]
"""What is told of a comparison of Values: the operator, both sides, and whether it holds.

Of a Value that is made it is told ``(None, it, None, True)``; of one whose number is read, that the
number is equal to it.
"""


@contextmanager
def watched(watch: Watch) -> Iterator[None]:
    """Tell of each Value that is made or compared in this thread, or whose number is read.

    >>> import operator
    >>> from autograd_mini import Value
    >>> seen = []
    >>> with watched(lambda compare, left, right, holds: seen.append((compare, holds))):
    ...     positive = Value(2.0) * 3.0 < 1.0
    >>> seen == [(None, True), (operator.lt, False)]
    True
    """
    before, modes._modes.watch = modes._modes.watch, watch
    modes.change_special(+1)
    try:
        yield
    finally:
        modes.change_special(-1)
        modes._modes.watch = before


def compared(compare: Compare, left: Operand, right: Operand, holds: bool) -> None:
    """Tell a watch of this thread, if there is one, of a comparison."""
    if modes._modes.watch is not None:
        modes._modes.watch(compare, left, right, holds)


def number_read(node: Operand, number: float) -> None:
    """Tell a watch that code goes on with the plain number of a node."""
    compared(operator.eq, node, number, True)
