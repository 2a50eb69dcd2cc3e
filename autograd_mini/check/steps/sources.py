"""What goes into updates as gradients, where an optimiser or a limit stands in between."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from autograd_mini.check.lines.claims import is_gradient_name
from autograd_mini.check.lines.instrument import HANDED
from autograd_mini.check.lines.program import Program
from autograd_mini.check.lines.source import Place
from autograd_mini.check.steps.multiples import is_clipped, ratio_of
from autograd_mini.check.steps.recorded import Made, lists_of
from autograd_mini.check.steps.updates import Update, before_scaling, clips_in_place, signed_in
from autograd_mini.typing import Array


@dataclass(frozen=True)
class Sources:
    """What a step makes that goes into its updates.

    Attributes:
        known: the step.
        made: what its statements make in a plain run.
        names: what the updates are of is called.
    """

    known: Program
    made: Sequence[Made]
    names: Mapping[Update, str]

    def of(self, update: Update, taken: Array, right: Array) -> Made | None:
        """The array that goes into an update as the gradient; ``None`` where that is what it takes.

        Arguments:
            update: the update.
            taken: what it takes away, divided by its rate.
            right: the gradient of the loss.
        """
        clipped = is_clipped(taken, right, self._says_clip)
        clipped = clipped or bool(self._clipping)  # be it that it is within the limits here
        if update.divides or clipped:
            return self._source(update, right, clipped)
        return self._signed(update) if ratio_of(taken, right) is None else None

    @cached_property
    def _says_clip(self) -> bool:
        return any("clip" in ast.unparse(s.node) for s in self.known.statements)

    @cached_property
    def _clipping(self) -> set[Place]:
        """The statements that clip something where it stands."""
        return {s.place for s in self.known.statements if clips_in_place(s)}

    def _source(self, update: Update, right: Array, clipped: bool) -> Made | None:
        """The array that goes into an update as the gradient: by its numbers, or by its name.

        Arguments:
            clipped: whether it may be written into once more, where it is clipped.
        """
        arrays = self._arrays(update, clipped)
        for made in arrays:
            numbers = made.numbers
            if numbers is not None and numbers.size > 1 and ratio_of(numbers, right):
                return made
        name, own = self.names[update], [update.statement.place] if update.statement else []
        named = [
            made
            for made in arrays
            if made.name != name
            and is_gradient_name(made.name, name)
            and made.site.place not in (*self._clipping, *own)
        ]
        return named[-1] if named else None

    def _signed(self, update: Update) -> Made | None:
        """The array of whose signs an update is made."""
        own = {text for path in update.variable.paths for text in (path.text, *path.names)}
        found = [m for m in self._arrays(update, False) if m.name in signed_in(self.known) - own]
        return found[-1] if len({made.name for made in found}) == 1 else None

    def _arrays(self, update: Update, clipped: bool) -> list[Made]:
        """What was made of the shape of an update: when nothing more was written into it, but for
        what is clipped.
        """
        shape = update.variable.before.shape
        ran = before_scaling(self.known, self.made) if clipped else self.made
        every = (*ran, *lists_of(ran))
        found = [(m, m.numbers) for m in every if m.numbers is not None and m.site.slot != HANDED]
        last = {id(made.value): numbers for made, numbers in found}
        return [
            made
            for made, numbers in found
            if numbers.shape == shape
            and (clipped or np.array_equal(numbers, last[id(made.value)], equal_nan=True))
        ]
