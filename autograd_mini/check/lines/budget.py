"""How long may be searched for a line that is right, and what is said meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from autograd_mini.check.deadline import Deadline
from autograd_mini.check.lines.source import Statement


@dataclass
class Budget:
    """How long may be searched.

    Attributes:
        seconds: at the most, of the processor: a machine that has other work finds no less.
        said: is told what is tried.
        tried: how many changes were.
    """

    seconds: float
    said: Callable[[str], None] = lambda text: None
    tried: int = 0
    _ends: list[Deadline] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._ends = [Deadline(self.seconds)]

    def count(self, statement: Statement) -> None:
        """A change of a statement is about to be tried."""
        self.tried += 1
        self.said(f"searching for the right line {statement.number}: {self.tried} changes tried")

    @property
    def spent(self) -> bool:
        """Whether it is used up, or the part of it that is given."""
        return self._ends[-1].passed

    @property
    def left(self) -> float:
        """How many seconds are left, of the part that is given."""
        return self._ends[-1].left

    @contextmanager
    def part(self, share: float) -> Iterator[None]:
        """Give no more than a share of what is left."""
        self._ends.append(Deadline(share * self.left))
        try:
            yield
        finally:
            self._ends.pop()
