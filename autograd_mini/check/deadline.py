"""When a search ends."""

from __future__ import annotations

import math
import time


class Deadline:
    """A time of the processor, of the thread that asks, at which a search ends.

    Arguments:
        seconds: from now on.

    >>> Deadline(60.0).passed, Deadline(-1.0).passed, Deadline().left
    (False, True, inf)
    """

    def __init__(self, seconds: float = math.inf) -> None:
        self._end = time.thread_time() + seconds
        self._earliest = -math.inf  # by the clock, that is quicker to read

    @property
    def left(self) -> float:
        """How many seconds are left."""
        return max(0.0, self._end - time.thread_time())

    @property
    def passed(self) -> bool:
        """Whether it has passed."""
        now = time.perf_counter()
        if now < self._earliest:  # a thread takes no longer than passes
            return False
        left = self._end - time.thread_time()
        self._earliest = now + left
        return left < 0
