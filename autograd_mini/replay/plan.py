"""A trace as a program: each call told where to write, in memory that is made once and reused.

>>> from autograd_mini.replay.trace import Trace
>>> trace = Trace()
>>> x = trace.input(np.array([1.0, 2.0]))
>>> y = (np.exp(x) + 1.0) * np.exp(x)
>>> plan = Plan(trace, [Place(np.sum(y).place)])
>>> print(plan.text)
def make(piece, exp, c0, add, multiply, add_reduce):
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
>>> plan.program()(True, np.array([0.0, 1.0]))
(np.float64(12.107337927389695),)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_mini.interface.functions import but
from autograd_mini.replay.branches import in_numpy
from autograd_mini.replay.program import CONDITIONS, Text
from autograd_mini.replay.simplify import simplified
from autograd_mini.replay.trace import Place, Step, Trace, places_in
from autograd_mini.typing import Array, Function

LARGE = 1 << 15
"""From so many bytes on, the memory of a result is used again when nobody has the result."""

FOREVER = 1 << 60
_INTO = (np.concatenate, np.stack)
"""Functions besides ufuncs that are told where to write."""


class Plan:
    """The program of a trace.

    Arguments:
        trace: what was called.
        outputs: the places of what each run gives.

    Attributes:
        text: the program: ``make`` makes its memory and gives ``run``, which takes the inputs,
            and for each of ``results`` an array to write into; it gives ``None`` where a
            condition is not met.
        results: for each output that is written into an array that is given: shape, dtype, strides.
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
        self.sizes: list[int] = []
        self._free: list[int] = []
        self._index = 0
        self._allocate(self.steps)
        text = Text(
            self.steps, self.outputs, self.inputs, self.values, self.steps_of, self.roots,
            self.pieces, self.fresh,
        )  # fmt: skip
        self.text, self._scope = text.written(), text.scope
        scope: dict[str, Any] = {}
        exec(compile(self.text, "<plan>", "exec"), scope)
        self._make: Function = scope["make"]
        del self.values  # which would keep the arrays of one call

    def program(self) -> Function:
        """A program with memory of its own, for one run at a time."""
        memory = [_aligned(size) for size in self.sizes]

        def piece(
            index: int, shape: tuple[int, ...], dtype: str, strides: tuple[int, ...]
        ) -> Array:
            return np.ndarray(shape, dtype, memory[index], 0, strides)

        made: Function = self._make(piece, *self._scope.values())
        return made

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

    def _allocate(self, steps: Sequence[Step]) -> None:
        for step in steps:
            if step.body:
                self._allocate(step.body)
                continue
            self._index += 1
            if step.out is not None and self._is_planned(step.out) and step.out not in self.fresh:
                self._place(step)
            for root in {self._root(place) for place in (*step.reads(), *_own(step))}:
                if self.last[root] == self._index and root in self.pieces:
                    self._free.append(self.pieces[root])

    def _place(self, step: Step) -> None:
        """Give a step the memory of an operand that nobody needs any more, or a free piece."""
        assert step.out is not None
        value = self.values[step.out]
        over: int | None = getattr(step.function, "over", None)
        elementwise = step.function is step.ufunc and getattr(step.ufunc, "signature", "") is None
        if elementwise or over is not None:
            for operand in step.args if over is None else step.args[over : over + 1]:
                if type(operand) is not Place or operand not in self.pieces:
                    continue
                other = self.values[operand]
                views = [p for p in step.reads() if p != operand and self._root(p) == operand]
                same = _layout(other) == _layout(value)
                if same and self.last[operand] == self._index and not views:
                    self.pieces[step.out] = self.pieces[operand]
                    self.last[operand] = 0  # the piece goes on
                    return
        size = value.nbytes
        fitting = [i for i in self._free if size <= self.sizes[i] <= 2 * size + 256]
        if fitting:
            best = min(fitting, key=self.sizes.__getitem__)
            self._free.remove(best)
        else:
            self.sizes.append(size)
            best = len(self.sizes) - 1
        self.pieces[step.out] = best


def _own(step: Step) -> tuple[Place, ...]:
    return () if step.out is None else (step.out,)


def _layout(array: Array) -> object:
    return array.shape, array.strides, array.dtype


def _aligned(size: int) -> Array:
    """Bytes that begin where a line of the cache does."""
    raw = np.empty(size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size]
