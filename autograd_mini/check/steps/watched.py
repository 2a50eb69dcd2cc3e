"""A step that cannot be recorded: it is run again with numbers moved, and its loss is watched."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from autograd_mini.check.lines.syntax import updates_itself
from autograd_mini.check.refusal import CannotTell
from autograd_mini.check.steps.decay import with_decay
from autograd_mini.check.steps.meant import Loss
from autograd_mini.check.steps.recorded import Made, Ran, run
from autograd_mini.check.steps.trained import Trained, Values
from autograd_mini.check.steps.updates import moved_from
from autograd_mini.check.steps.variables import Held, Variable, as_numbers
from autograd_mini.check.unrecorded import MOST, numerical_loss
from autograd_mini.core.graph import Node, data_of
from autograd_mini.core.tensor import Tensor
from autograd_mini.recording import Note
from autograd_mini.typing import Array

_LOSSES = 2
"""How many numbers are tried as the loss, the likeliest first: each has to be differentiated."""
_RUNS = 15
"""How often a step runs, about, for the derivative of one number."""
_PATIENCE = 60.0
"""How many seconds all derivatives of a loss may take."""


@dataclass(frozen=True)
class Watched(Trained):
    """A step whose loss is one operation on its parameters, with numerical derivatives.

    Parameters are what its update statements update.

    Attributes:
        unfollowed: what could not be recorded.
    """

    unfollowed: tuple[Note, ...] = ()

    def recorded(
        self,
        at: Values,
        loss: Loss | None = None,
        visited: list[tuple[Held, ...]] | None = None,
    ) -> Ran:
        """A plain run, in which the numbers that the parameters move are nodes by themselves."""
        start = self._start(at)
        ran, other = run(self.step, (), start=start), run(self.step, (), start=self._moved(start))
        ran.leaves = {
            variable: value if isinstance(value, Tensor) else Tensor(value)
            for variable, value in {**start, **at}.items()
        }
        if len(other.made) == len(ran.made):
            pairs = zip(ran.made, other.made, strict=True)
            ran.made = [_by_itself(made) if _moves(made, there) else made for made, there in pairs]
        return ran

    def root(self, loss: Loss, at: Values, ran: Ran | None = None) -> tuple[Ran, Node | None]:
        """The loss as one operation on the parameters; and the run, which has it as a node.

        Raises:
            CannotTell: it would take too long.
        """
        ran = self.recorded(at) if ran is None else replace(ran)
        own = [update.variable for update in self.changed if update.variable in ran.leaves]
        names = {f"p{number}": variable for number, variable in enumerate(own)}
        begun = time.thread_time()
        if self._number(loss, {v: np.asarray(ran.leaves[v].data) for v in own}) is None:
            return ran, None
        count = sum(variable.before.size for variable in own)
        if count > MOST or count * _RUNS * (time.thread_time() - begun) > _PATIENCE:
            raise CannotTell(_too_large(count), progress=1)

        def value(**arrays: Array) -> float:
            found = self._number(loss, {names[name]: array for name, array in arrays.items()})
            return np.nan if found is None else found

        numerical = numerical_loss(value, {name: ran.leaves[v] for name, v in names.items()})
        if numerical is None:
            return ran, None
        root, errors = numerical
        assert isinstance(root, Tensor)
        ran.notes = list(self.unfollowed)
        ran.errors = {names[name]: error for name, error in errors.items()}
        ran.made = [replace(m, node=root if m.at == loss.event else None) for m in ran.made]
        return ran, with_decay(root, loss.decay, ran.leaves)

    def explicit(self, ran: Ran, asked: str | None) -> list[Loss]:
        return super().explicit(ran, asked)[:_LOSSES]

    def _start(self, at: Values) -> dict[Variable, Array]:
        own = {
            update.variable: update.variable.before
            for update in self.changed
            if update.statement is not None and updates_itself(update.statement.node)
        }
        return own | {v: np.array(data_of(value), float) for v, value in at.items() if v in own}

    def _moved(self, start: Mapping[Variable, Array]) -> dict[Variable, Array]:
        held = {replace(variable, before=array): variable for variable, array in start.items()}
        return {held[one]: array for one, array in moved_from(list(held)).items()}

    def _number(self, loss: Loss, values: Mapping[Variable, Array]) -> float | None:
        """The loss at parameters."""
        visited: list[tuple[Held, ...]] = []
        ran = run(self.step, (), start=values, before=loss.place, visit=loss.visitor(visited))
        if ran.error is not None:
            return None
        return loss.number(ran, visited)


def _moves(made: Made, there: Made) -> bool:
    """Whether a number that is made is another where the parameters are others."""
    if not made.is_number or made.at != there.at:
        return False
    one, other = as_numbers(made.value), as_numbers(there.value)
    return one is not None and other is not None and not np.array_equal(one, other)


def _by_itself(made: Made) -> Made:
    return replace(made, node=Tensor(float(np.reshape(made.value, ()))))


def _too_large(count: int) -> str:
    return (
        f"with {count} numbers in its parameters it would take too long to be checked numerically: "
        "give fewer units, or less data"
    )
