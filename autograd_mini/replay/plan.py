"""A trace as a program: each call told where to write, in memory that is made once and reused.

>>> from autograd_mini.replay.trace import Trace
>>> trace = Trace()
>>> x = trace.input(np.array([1.0, 2.0]))
>>> y = (np.exp(x) + 1.0) * np.exp(x)
>>> plan = Plan(trace, [Place(np.sum(y).place)])
>>> print(plan.text)
def make(piece, result, exp, c0, add, multiply, add_reduce):
    v1 = piece(0, (2,), '<f8', (8,))
    v2 = piece(1, (2,), '<f8', (8,))
    v4 = piece(1, (2,), '<f8', (8,))
    def run(effects, v0):
        exp(v0, v1)
        add(v1, c0, v2)
        multiply(v2, v1, v4)
        v5 = add_reduce(v4, None)
        return (v5,)
    return run
>>> plan.program().run(True, np.array([0.0, 1.0]))
(np.float64(12.107337927389695),)
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from autograd_mini.interface.functions import but
from autograd_mini.replay.branches import in_numpy
from autograd_mini.replay.memory import FOREVER, Life, Program, arranged
from autograd_mini.replay.program import CONDITIONS, Text
from autograd_mini.replay.simplify import simplified
from autograd_mini.replay.trace import Place, Step, Trace, places_in
from autograd_mini.typing import Array, Function

LARGE = 1 << 15
"""From so many bytes on, the memory of a result is used again when nobody has the result."""

_INTO = (np.concatenate, np.stack)
"""Functions besides ufuncs that are told where to write."""


class Plan:
    """The program of a trace.

    Arguments:
        trace: what was called.
        outputs: the places of what each run gives.

    Attributes:
        text: the program: ``make`` makes its memory and gives ``run``, which takes the inputs; it
            gives ``None`` where a condition is not met.
        results: for each output that is written into memory that is used again when nobody has
            the output: shape, dtype, strides.
    """

    def __init__(self, trace: Trace, outputs: Sequence[Place]) -> None:
        self.values, self.inputs = trace.values, trace.inputs
        self.steps, self.outputs = simplified(trace, outputs)
        self.roots: dict[Place, Place] = {}
        self.steps_of: dict[Place, Step] = {}
        self.last: dict[Place, int] = {}
        self._starts: dict[int, int] = {}
        self._count = 0
        for step in self.steps:
            self._write_branch(step)
        self._number(self.steps, ())
        for place in self.outputs:
            self.last[self._root(place)] = FOREVER
        self.fresh: dict[Place, int] = {}
        self.results: list[tuple[tuple[int, ...], str, tuple[int, ...]]] = []
        self._choose_results()
        self.pieces: dict[Place, int] = {}
        self._lives: list[Life] = []
        self._rooms: dict[Place, tuple[int, int]] = {}
        self._index = 0
        self._allocate(self.steps, 0)
        rooms = [self._rooms[place] for place, index in self.fresh.items() if index >= 0]
        self._where, self.size = arranged(self._lives, rooms)
        text = Text(
            self.steps, self.outputs, self.inputs, self.values, self.steps_of, self.roots,
            self.pieces, self.fresh,
        )  # fmt: skip
        self.text, self._scope = text.written(), text.scope
        scope: dict[str, Any] = {}
        exec(compile(self.text, "<plan>", "exec"), scope)
        self._make: Function = scope["make"]
        del self.values  # which would keep the arrays of one call

    def program(self) -> Program:
        """A program with memory of its own, for one run at a time."""
        make = partial(self._make, **self._scope)
        return Program(make, self._where, self.size, self.results)

    def _write_branch(self, step: Step) -> None:
        """A branch that few elements take is called as NumPy's functions that it calls."""
        if step.function is not but or not callable(step.args[2]):
            return
        operands = step.args[3:]
        values = [self.values[each] if type(each) is Place else each for each in operands]
        if (made := in_numpy(step.args[2], values)) is not None:
            branch, read = made
            step.args = (*step.args[:2], branch, *(operands[i] for i in read))

    # When each value is used

    def _root(self, place: Place) -> Place:
        return self.roots.get(place, place)

    def _number(self, steps: Sequence[Step], also: tuple[Place, ...]) -> None:
        """Give each step its index, and note when each value is last used.

        ``also`` is what a condition in a function that was traced as one reads besides.
        """
        for step in steps:
            if step.body:
                given = (*also, *places_in((step.args, step.kwargs)))
                self._number(step.body, given)
                continue
            self._count += 1
            used = [*step.reads(), *(also if step.kind in CONDITIONS else ())]
            for place in used:
                self.last[self._root(place)] = self._count
            if step.out is not None:
                self.steps_of[step.out] = step
                if step.view is not None:
                    self.roots[step.out] = self._root(step.view)
                self.last[self._root(step.out)] = self._count

    def _is_planned(self, place: Place) -> bool:
        """Whether it is computed into memory that is told."""
        step = self.steps_of.get(place)
        if step is None or step.view is not None or step.kind:
            return False
        value = self.values[place]
        if not isinstance(value, np.ndarray) or not value.size or min(value.strides, default=0) < 0:
            return False
        told = step.ufunc is not None or step.function in _INTO or hasattr(step.function, "over")
        return bool(value.ndim) and told

    def _choose_results(self) -> None:
        """Which outputs are computed where they belong, in an array that the caller keeps."""
        for place in self.outputs:
            root = self._root(place)
            if self._is_planned(root) and self.values[root].size == np.size(self.values[place]):
                if self.values[root].nbytes < LARGE and hasattr(
                    self.steps_of[root].function, "over"
                ):
                    continue  # sooner in place, and copied
                if root not in self.fresh and self.values[root].nbytes >= LARGE:
                    value = self.values[root]
                    self.fresh[root] = len(self.results)
                    self.results.append((value.shape, value.dtype.str, value.strides))
                else:
                    self.fresh.setdefault(root, -1)

    def _allocate(self, steps: Sequence[Step], start: int) -> None:
        """Give each step its piece; one that is written where a condition fails, from there on."""
        for step in steps:
            if step.body:
                self._allocate(step.body, self._index + 1)
                continue
            self._index += 1
            if step.out is None or not self._is_planned(step.out):
                continue
            first = start or self._index
            if step.out not in self.fresh:
                self._place(step, first)
            elif self.fresh[step.out] >= 0:
                self._rooms[step.out] = _room(self.values[step.out]), first

    def _place(self, step: Step, first: int) -> None:
        """Give a step the memory of an operand that nobody needs any more, or a piece."""
        assert step.out is not None
        piece = self._over(step)
        if piece is None:
            piece = len(self._lives)
            self._lives.append(Life(self.values[step.out].nbytes, first, 0))
        self.pieces[step.out] = piece
        self._lives[piece].last = self.last[step.out]

    def _over(self, step: Step) -> int | None:
        """The piece of an operand that a step may write over."""
        over: int | None = getattr(step.function, "over", None)
        elementwise = step.function is step.ufunc and getattr(step.ufunc, "signature", "") is None
        if not elementwise and over is None:
            return None
        assert step.out is not None
        for operand in step.args if over is None else step.args[over : over + 1]:
            if type(operand) is not Place or operand not in self.pieces:
                continue
            views = [p for p in step.reads() if p != operand and self._root(p) == operand]
            same = _layout(self.values[operand]) == _layout(self.values[step.out])
            if same and self.last[operand] == self._index and not views:
                return self.pieces[operand]
        return None


def _room(result: Array) -> int:
    """The bytes of a result in which others may be written before."""
    flags = result.flags
    return result.nbytes if flags.c_contiguous or flags.f_contiguous else 0


def _layout(array: Array) -> object:
    return array.shape, array.strides, array.dtype
