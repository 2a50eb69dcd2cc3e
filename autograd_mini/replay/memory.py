"""The memory of a program: where its pieces lie, of which those that are needed at once lie apart.

>>> lives = [Life(100, 0, 3), Life(100, 2, 5), Life(64, 4, 9)]
>>> arranged(lives, [])  # the third lies where the first was
([(0, 0), (0, 128), (0, 0)], 256)
>>> arranged(lives, [(320, 4)])  # a result that is written at 4 has room until then
([(0, 0), (1, 0), (1, 128)], 192)
"""

from __future__ import annotations

import heapq
import sys
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autograd_mini.replay.trace import COUNTS_REFERENCES
from autograd_mini.typing import Array, Function

LINE = 64
"""Bytes of a line of the cache, at which each piece begins."""

FOREVER = 1 << 60
"""The last step of what a program gives."""

Where = tuple[int, int]
"""A block and the byte in it: first those of results, and one of the program's own."""


@dataclass
class Life:
    """A piece of memory.

    Arguments:
        size: its bytes.
        first, last: the steps between which it is needed, both included.
    """

    size: int
    first: int
    last: int


def arranged(lives: Sequence[Life], rooms: Sequence[tuple[int, int]]) -> tuple[list[Where], int]:
    """Where each piece lies, and how many bytes of its own the program needs.

    Arguments:
        lives: the pieces, in the order of their first steps.
        rooms: for each result its bytes, and the step that writes it, before which others may.
    """
    blocks = [_Gaps(max(0, size - LINE)) for size, _ in rooms] + [_Gaps(sys.maxsize)]
    until = [step for _, step in rooms] + [FOREVER + 1]
    found: list[Where] = []
    living: list[tuple[int, int, int, int]] = []
    needed = 0
    for life in lives:
        while living and living[0][0] < life.first:
            _, block, start, size = heapq.heappop(living)
            blocks[block].give_back(start, size)
        size = max(1, -(-life.size // LINE)) * LINE
        for block, gaps in enumerate(blocks):
            at = gaps.take(size) if life.last < until[block] else None
            if at is not None:
                found.append((block, at))
                heapq.heappush(living, (life.last, block, at, size))
                needed = max(needed, at + size) if block == len(rooms) else needed
                break
    return found, needed


class _Gaps:
    """What is free of a block: where each gap begins, and its bytes."""

    def __init__(self, size: int) -> None:
        self._gaps = [(0, size)]

    def take(self, size: int) -> int | None:
        """The beginning of the smallest gap of so many bytes, which is taken."""
        fitting = [gap for gap in self._gaps if gap[1] >= size]
        if not fitting:
            return None
        at, room = min(fitting, key=lambda gap: gap[1])
        place = bisect_left(self._gaps, (at, room))
        self._gaps[place : place + 1] = [(at + size, room - size)] if room > size else []
        return at

    def give_back(self, at: int, size: int) -> None:
        place = bisect_left(self._gaps, (at, 0))
        before, after = self._gaps[max(place - 1, 0) : place], self._gaps[place : place + 1]
        first, last = place, place
        if before and sum(before[0]) == at:
            first, at, size = place - 1, before[0][0], size + before[0][1]
        if after and at + size == after[0][0]:
            last, size = place + 1, size + after[0][1]
        self._gaps[first:last] = [(at, size)]


class Program:
    """A program with memory of its own, for one run at a time.

    Arguments:
        make: what makes it, of functions that give its pieces and its results.
        where, size: where the pieces lie, and how many bytes it needs besides the results.
        results: for each result shape, dtype and strides.

    Attributes:
        run: takes whether there are effects, and the inputs.
        nbytes: of its memory, results included.
    """

    def __init__(
        self,
        make: Function,
        where: Sequence[Where],
        size: int,
        results: Sequence[tuple[tuple[int, ...], str, tuple[int, ...]]],
    ) -> None:
        self._results = [
            np.ndarray(shape, dtype, None, 0, strides) for shape, dtype, strides in results
        ]
        self.nbytes = size + sum(result.nbytes for result in self._results)
        self.run = _made(make, where, size, self._results)
        self._own = self._references()

    def is_free(self) -> bool:
        """Whether nobody has a result any more; without Python's lock nobody knows."""
        return not self._results or (COUNTS_REFERENCES and self._references() == self._own)

    def _references(self) -> list[int]:
        return [*map(sys.getrefcount, self._results)]


def _made(make: Function, where: Sequence[Where], size: int, results: Sequence[Array]) -> Function:
    blocks = [_lines(result.ravel("K")) for result in results]
    blocks.append(_lines(np.empty(size + LINE, np.uint8)))

    def piece(index: int, shape: tuple[int, ...], dtype: str, strides: tuple[int, ...]) -> Array:
        block, at = where[index]
        return np.ndarray(shape, dtype, blocks[block], at, strides)

    run: Function = make(piece, results.__getitem__)
    return run


def _lines(flat: Array) -> Array:
    """The memory of an array as bytes, from where a line of the cache begins."""
    return flat.view(np.uint8)[-flat.ctypes.data % LINE :]
