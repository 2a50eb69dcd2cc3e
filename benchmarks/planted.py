"""Mistakes planted in the files of networks: which case is which, and what it computes."""

from __future__ import annotations

import collections
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from passes import FORMS, NETWORKS, Sample, numbers, sample
from passes.forms import Form, forms, text

from autograd_mini.testing import Mutant, file_mutants
from autograd_mini.testing.edits import ROUNDINGS

EVERY = {network.name: network for network in NETWORKS + FORMS}

POINTS = 3
"""At how many other numbers a repair is tried."""


@dataclass(frozen=True)
class Case:
    """A number that stands for a drawn network, its form, and what is done to it."""

    group: str
    network: str
    number: int

    def __str__(self) -> str:
        return f"{self.group} {self.network} {self.number}"

    def drawn(self) -> Drawn:
        network = EVERY[self.network]
        rng = np.random.default_rng([7, list(EVERY).index(self.network), self.number])
        choices = forms(network)
        form = choices[self.number % len(choices)]
        return Drawn(sample(network, rng), form, text(network, form), rng)


@dataclass
class Drawn:
    """A network with its numbers and its file, and the draws that are left."""

    sample: Sample
    form: Form
    source: str
    rng: np.random.Generator

    def manual(self, names: Mapping[str, Any], at: Sample | None = None, dtype: Any = np.float64):
        make = names[self.sample.network.make.__name__]
        return (at or self.sample).functions(dtype, make)[1]

    def gradients(
        self, source: str, at: Sample | None = None, dtype: Any = np.float64
    ) -> dict[str, Any]:
        """What the pass of a file gives, in a precision."""
        names: dict[str, Any] = {"__name__": "backward_pass"}
        exec(compile(source, "<backward pass>", "exec"), names)
        params = {n: np.asarray(x, dtype)[()] for n, x in (at or self.sample).params.items()}
        with np.errstate(all="ignore"):
            found = self.manual(names, at, dtype)(**params)
        return {name: np.array(x, dtype) for name, x in found.items()}

    def mutants(self) -> list[Mutant]:
        return file_mutants(self.source, lambda names: self.manual(names)(**self.sample.params))

    def same(self, right: str, wrong: str, at: Sample | None = None) -> bool:
        """Whether two files give the same gradients but for rounding, in extended precision.

        A shape that an update of the parameter keeps is none of another gradient.
        """
        there, here = (self.gradients(s, at, np.longdouble) for s in (right, wrong))
        rounded = self.gradients(right, at)
        largest = max(np.max(np.abs(x), initial=0.0) for x in there.values())
        for name, gradient in there.items():
            if name not in here or not _serves(here[name], gradient.shape):
                return False
            rounding = np.max(np.abs(rounded[name] - gradient), initial=0.0)
            rounding += np.finfo(np.float64).eps * np.max(np.abs(gradient), initial=0.0)
            rounding += np.finfo(np.longdouble).eps * largest
            gap = np.reshape(here[name], gradient.shape) - gradient
            if not np.max(np.abs(gap), initial=0.0) <= ROUNDINGS * rounding:
                return False
        return True

    def mends(self, source: str) -> bool:
        """Whether a file gives the right gradients, at these numbers and at others."""
        network, sizes = self.sample.network, self.sample.sizes
        others = [numbers(network, sizes, np.random.default_rng([99, i])) for i in range(POINTS)]
        try:
            return all(self.same(self.source, source, at) for at in [None, *others])
        except Exception:  # a line that does not run is none that mends
            return False


def _serves(array: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Whether an array has all elements of a shape, and broadcasts to it."""
    try:
        return array.size == np.prod(shape) and np.broadcast_shapes(array.shape, shape) == shape
    except ValueError:
        return False


def planted(drawn: Drawn, count: int) -> tuple[list[Mutant], str]:
    """Mistakes in different lines, each of which changes what is returned, and the file."""
    by_kind = collections.defaultdict(list)
    for mutant in drawn.mutants():
        by_kind[mutant.kind].append(mutant)
    while True:
        kinds = drawn.rng.choice(sorted(by_kind), count)
        chosen = [by_kind[kind][drawn.rng.integers(len(by_kind[kind]))] for kind in kinds]
        if len({mutant.line for mutant in chosen}) < count:
            continue
        wrong = joined(drawn.source, chosen)
        without = [joined(drawn.source, [m for m in chosen if m is not left]) for left in chosen]
        try:
            if not any(drawn.same(other, wrong) for other in without):
                drawn.gradients(wrong)
                return chosen, wrong
        except Exception:  # the pass does not run with it
            continue


def drawn_from(
    every: Sequence[Mutant],
    count: int,
    rng: np.random.Generator,
    is_mistake: Callable[[Mutant], bool],
) -> list[Mutant]:
    """Some of the mutants of a file that are mistakes; each kind weighs the same."""
    by_kind = collections.defaultdict(list)
    for mutant in every:
        by_kind[mutant.kind].append(mutant)
    chosen: list[Mutant] = []
    for _ in range(20 * count if by_kind else 0):
        kind = rng.choice(sorted(by_kind))
        mutant = by_kind[kind][rng.integers(len(by_kind[kind]))]
        if len(chosen) == count:
            break
        if mutant not in chosen and is_mistake(mutant):
            chosen.append(mutant)
    return chosen


def joined(source: str, chosen: Sequence[Mutant]) -> str:
    """A file with all of some mistakes: other lines of it stay where they are."""
    lines = source.splitlines()
    for mutant in chosen:
        for i, (before, after) in enumerate(
            zip(source.splitlines(), mutant.source.splitlines(), strict=True)
        ):
            if before != after:
                lines[i] = after
    return "\n".join(lines) + "\n"
