"""A recorded graph of Values as a tape: its operations over floats, in order, to be run again.

>>> from autograd_mini import Value
>>> x, y = Value(2.0), Value(3.0)
>>> tape = Tape([x * y + 1.0], [x, y], [])
>>> tape.run([2.0, 5.0], 2)
([11.0], [5.0, 2.0])
"""

from __future__ import annotations

import operator
from array import array
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np

from autograd_mini._build import build
from autograd_mini.core.graph import topological_order
from autograd_mini.core.value import Value
from autograd_mini.interface.floats import constant
from autograd_mini.operations.elementwise import WEIGHTED_SUMS
from autograd_mini.replay.straight_line import Program, program_of
from autograd_mini.replay.sums import with_weighted_sums
from autograd_mini.typing import Array, Operand

COMPARISONS: Sequence[Callable[[Any, Any], bool]] = (
    operator.lt, operator.le, operator.eq, operator.ne, operator.gt, operator.ge,
)  # fmt: skip
"""Comparisons in the order of Python's own numbers for them (``Py_LT``, …)."""


class Compared(NamedTuple):
    """A comparison that decided what was recorded.

    Arguments:
        compare: which, by its place in ``COMPARISONS``.
        left, right: the places of both sides.
        holds: whether it held.
    """

    compare: int
    left: int
    right: int
    holds: bool


Comparison = tuple[Callable[[Any, Any], bool], Any, Any, bool]
Run = tuple[list[float], list[float]]


class Runner(Protocol):
    """What runs a tape."""

    def run(self, numbers: list[float], count: int, /) -> Run | bool | None:
        """As of a ``Tape``."""


class CompiledTape(Runner, Protocol):
    """One of ``tape.c``."""

    def run_batch(
        self, numbers: list[float], places: Sequence[int], several: Array, lanes: int,
        count: int, outputs: Array, slopes: Array, /,
    ) -> list[float] | bool | None:  # fmt: skip
        """The sums of gradients; outputs and slopes are written into arrays."""


class Tape:
    """The operations of a graph, over floats.

    A place is an index of a number: those of the inputs come first, then constants, then results.

    Arguments:
        outputs: Values of one graph; the first is what gradients are of.
        inputs: leaves that each run gives numbers for.
        comparisons: of its Values: the operator, both sides, and whether it held.

    Attributes:
        outer: leaves that are no inputs: each run reads their numbers.
    """

    def __init__(
        self, outputs: Sequence[Value], inputs: Sequence[Value], comparisons: Sequence[Comparison]
    ) -> None:
        sides = [v for _, *both, _ in comparisons for v in both if isinstance(v, Value)]
        compared = [v for v in dict.fromkeys(sides) if v not in set(outputs)]
        # What is compared alone must not change the order in which gradients are added up
        order = topological_order(*outputs)
        known = set(order)
        order += [node for node in topological_order(*compared) if node not in known]
        leaves = [node for node in order if node.operation is None]
        given = set(inputs)
        self.outer = [leaf for leaf in leaves if leaf not in given]
        self.inputs = len(inputs) + len(self.outer)
        places: dict[Any, int] = {}
        for place, leaf in enumerate([*inputs, *self.outer]):
            places[leaf] = place
        self.numbers = [0.0] * self.inputs
        self._constants: dict[str, int] = {}
        for node in order:
            for parent in node.parents:
                if not isinstance(parent, Value):
                    self._constant(parent)
        for _, *both, _ in comparisons:
            for side in both:
                if not isinstance(side, Value):
                    self._constant(constant(side))
        self.steps: list[tuple[str, tuple[int, ...]]] = []
        for node in order:
            if node.operation is not None:
                operands = tuple(self._place(parent, places) for parent in node.parents)
                places[node] = len(self.numbers) + len(self.steps)
                self.steps.append((node.op, operands))
        self.guards = [
            Compared(
                COMPARISONS.index(compare),
                self._place(left, places),
                self._place(right, places),
                holds,
            )
            for compare, left, right, holds in comparisons
        ]
        self.outputs = [places[output] for output in outputs]

    def _constant(self, number: float) -> None:
        key = float(number).hex()
        if key not in self._constants:
            self._constants[key] = len(self.numbers)
            self.numbers.append(float(number))

    def _place(self, operand: Operand, places: dict[Any, int]) -> int:
        if isinstance(operand, Value):
            return places[operand]
        return self._constants[float(constant(operand)).hex()]

    def run(self, numbers: list[float], gradients: int) -> Run | bool | None:
        """The outputs, and the gradients of the first with respect to so many inputs.

        Arguments:
            numbers: one float for each input.
            gradients: for how many inputs, the first ones.

        Returns:
            ``None`` if a comparison turns out otherwise than it was recorded, so that other
            operations are to be computed; ``False`` if an operation may have to raise an error.
        """
        if self.outer:
            numbers = [*numbers, *[leaf.data for leaf in self.outer]]
        return self._runner.run(numbers, gradients)

    def run_batch(
        self, numbers: list[float], several: Mapping[int, Array], lanes: int, gradients: int
    ) -> tuple[Array, list[float], dict[int, Array]] | None:
        """The outputs and gradients of several runs.

        Arguments:
            numbers: one float for each input.
            several: for inputs, by their place, an array of one float for each run instead.
            lanes: how many runs.
            gradients: for how many inputs, the first ones.

        Returns:
            The outputs, of shape ``(outputs, lanes)``; for each input the sum of its gradients
            over the runs, where it has one number; and for each that has several its gradients.
            ``None`` if a run takes another way than was recorded, or may have to raise an error.
        """
        numbers = [*numbers, *(leaf.data for leaf in self.outer)]
        places, rows = array("i", several), np.array(list(several.values()), np.float64)
        outputs, slopes = np.empty((len(self.outputs), lanes)), np.empty_like(rows)
        runner = self._runner
        run = self._one_by_one if isinstance(runner, Program) else runner.run_batch
        sums = run(numbers, places, rows, lanes, gradients, outputs, slopes)
        if not isinstance(sums, list):
            return None
        return outputs, sums, dict(zip(several, slopes, strict=True))

    def _one_by_one(
        self, numbers: list[float], places: Sequence[int], rows: Array, lanes: int,
        gradients: int, outputs: Array, slopes: Array,
    ) -> list[float] | None:  # fmt: skip
        """What the compiled tape does for several runs."""
        found = []
        for lane, given in enumerate(rows.T.tolist()):
            for place, number in zip(places, given, strict=True):
                numbers[place] = number
            one = self._runner.run(numbers, gradients)
            if not isinstance(one, tuple):
                return None
            outputs[:, lane] = one[0]
            found.append(one[1])
        every = np.array(found).T
        for slope, place in zip(slopes, places, strict=True):
            if place < gradients:
                slope[:] = every[place]
        sums: list[float] = every.sum(axis=1).tolist()
        return sums

    @cached_property
    def _runner(self) -> CompiledTape | Program:
        compiled = build.tapes()
        codes = {name: i for i, name in enumerate(compiled.OPERATIONS)} if compiled else {}
        known = {name for name, _ in self.steps} - {WEIGHTED_SUMS[0].name}
        if compiled is None or not known <= codes.keys() or self._grown():
            return self.straight_line
        first, compared = len(self.numbers), [i for guard in self.guards for i in guard[1:3]]
        kept = {*self.outputs, *compared}
        fused, places = with_weighted_sums(self.steps, first, kept)
        steps, listed = array("i"), array("i")
        for name, operands in fused:
            if name == WEIGHTED_SUMS[0].name:
                steps.extend((len(codes), len(listed), len(operands) // 2, 0))
                listed.extend(operands)
            else:
                a, b, c = (*operands, *operands, *operands)[:3]
                if len(operands) == 2:
                    c = a
                steps.extend((codes[name], a, b, c))
        guards = array("i")
        for compare, left, right, holds in self.guards:
            guards.extend((compare, places.get(left, left), places.get(right, right), holds))
        outputs = array("i", [places.get(output, output) for output in self.outputs])
        runner: CompiledTape = compiled.Tape(
            array("d", self.numbers), self.inputs, steps, listed, guards, outputs
        )
        return runner

    def _grown(self) -> bool:
        """Whether there are more places than the compiled tape can count."""
        return len(self.numbers) + len(self.steps) > 2**31 - 1

    @property
    def straight_line(self) -> Program:
        """The same in plain Python, one line after the other."""
        return program_of(self.numbers, self.inputs, self.steps, self.guards, self.outputs)
