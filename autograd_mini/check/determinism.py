"""Whether loss and manual give the same numbers when they are called again.

What is random, or leaves something changed, cannot be judged by numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from autograd_mini.check.bounds import Bounds, same_to_rounding
from autograd_mini.check.problem import Problem, number
from autograd_mini.check.result import Finding
from autograd_mini.core.modes import no_grad

_SAME_NUMBERS = 64.0
"""How many times its rounding error a number may be off when it is computed once more."""

_REMEDY = "draw random masks and noise outside of it, or seed it, and leave nothing changed"


@dataclass(frozen=True)
class Nondeterminism:
    """A function that gives other numbers at each call.

    Attributes:
        function: what it is called.
        quantities: those that cannot be judged for it.
        evidence: what was seen, in a sentence.
    """

    function: str
    quantities: tuple[str, ...]
    evidence: str

    @property
    def finding(self) -> Finding:
        """What is wrong and what to do."""
        message = f"{self.evidence}; {_REMEDY}"
        return Finding("other numbers", (self.function,), message, wrong=True)


def nondeterminism(problem: Problem, bounds: Bounds) -> Iterator[Nondeterminism]:
    """The loss if it gives other numbers when it is called again, or else manual if it does."""
    if problem.loss is not None:
        value = number(problem.root)
        with no_grad():
            again = problem.loss({})
        is_nan = value != value and again != again
        if not (abs(again - value) <= _SAME_NUMBERS * bounds.noise or again == value or is_nan):
            evidence = f"the loss gives other numbers at each call, {value:.6g} and {again:.6g}"
            yield Nondeterminism("loss", tuple(problem.nodes), evidence)
            return
    if problem.derive is not None:
        other: tuple[str, ...] = ()
        with suppress(Exception):  # what cannot be called twice is judged by its one call
            manual = problem.derive()
            other = tuple(
                name
                for name, gradient in problem.manual.items()
                if not same_to_rounding(gradient, manual[name], bounds.tolerance[name])
            )
        if other:
            evidence = f"manual gives other numbers for {', '.join(other)} at each call"
            yield Nondeterminism("manual", other, evidence)
