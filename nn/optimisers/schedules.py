"""Schedules: how the learning rate goes from step to step.

A schedule multiplies the rate that each group of its optimiser started with by one factor.
``schedule.step()`` goes on by one, an epoch or a mini-batch as the caller decides.

>>> from autograd_mini import Tensor, nn
>>> optimiser = nn.SGD([Tensor([1.0])], rate=1.0)
>>> schedule = WarmUp(optimiser, 2, start=0.5, then=StepSchedule(optimiser, 2, factor=0.1))
>>> rates = []
>>> for epoch in range(6):
...     rates.append(round(optimiser.rate, 3))
...     schedule.step()
>>> rates
[0.5, 0.75, 1.0, 1.0, 0.1, 0.1]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from autograd_mini.nn.layers.dense import size
from autograd_mini.nn.module import check_state
from autograd_mini.nn.optimisers.optimiser import Optimiser
from autograd_mini.typing import Array


class Schedule:
    """The base of all schedules; a subclass defines ``factor(count)``.

    Arguments:
        optimiser: whose rates to set.

    Attributes:
        count: how many steps were made.
        start_rates: the rate of each group when the schedule was made.
    """

    def __init__(self, optimiser: Optimiser) -> None:
        if not isinstance(optimiser, Optimiser):
            raise TypeError(
                f"{type(self).__name__} takes an optimiser first, not {type(optimiser).__name__}"
            )
        self.optimiser = optimiser
        self.count = 0
        self.start_rates: list[float] = [float(group["rate"]) for group in optimiser.groups]
        self._set_rates(self.factor(0))

    def factor(self, count: int) -> float:
        """What each group's first rate is multiplied by after this number of steps."""
        raise NotImplementedError(f"{type(self).__name__} has no factor: define factor(count)")

    def step(self, metric: float | None = None) -> None:
        """Go on by one and set the rates.

        Arguments:
            metric: what ``Plateau`` watches, such as the validation loss; others ignore it.
        """
        self.count += 1
        self._set_rates(self.factor(self.count))

    def _set_rates(self, factor: float) -> None:
        for group, rate in zip(self.optimiser.groups, self.start_rates, strict=True):
            group["rate"] = rate * factor

    def state(self) -> dict[str, Array]:
        """All that the next steps depend on besides the arguments, by name."""
        return {name: np.array(number) for name, number in self._numbers().items()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what ``state()`` of a schedule with the same arguments gave.

        Raises:
            ValueError: a name is missing or not known, or a shape differs; nothing is changed.
        """
        own = {name: np.asarray(number) for name, number in self._numbers().items()}
        self._take({name: array.tolist() for name, array in check_state(own, state).items()})

    def options(self) -> dict[str, Any]:
        """What it was made with, by name: all that ``state()`` leaves out.

        >>> from autograd_mini import Tensor, nn
        >>> StepSchedule(nn.SGD([Tensor([1.0])], rate=1.0), 5).options()
        {'every': 5, 'factor': 0.1}
        """
        state = {*self._numbers(), "optimiser"}
        return {n.strip("_"): option for n, option in vars(self).items() if n not in state}

    def _numbers(self) -> dict[str, Any]:
        return {"count": self.count, "start_rates": self.start_rates}

    def _take(self, numbers: dict[str, Any]) -> None:
        for name, number in numbers.items():
            setattr(self, name, number)


AnySchedule = Schedule | Callable[[Optimiser], Schedule]
"""A schedule, or a function that makes one of the optimiser."""


@dataclass(frozen=True)
class EachStep:
    """A schedule of ``nn.fit`` that goes on with each step; without it, it does with each epoch.

    Arguments:
        schedule: a Schedule, or a function that makes one of the optimiser.

    >>> from autograd_mini import nn
    >>> along = nn.EachStep(lambda optimiser: nn.CosineSchedule(optimiser, steps=20))
    >>> history = nn.fit(nn.Dense(1, 1, rng=0), [[1.0], [2.0]], [[2.0], [4.0]], batch_size=1,
    ...                  rate=0.1, schedule=along, progress=False)
    >>> round(history.last["rate"], 4)
    0.0006
    """

    schedule: AnySchedule


class StepSchedule(Schedule):
    """The rate times ``factor`` every so many steps, or at given ones.

    Arguments:
        optimiser: whose rates to set.
        every: a number of steps (``StepLR``), or a list of them (``MultiStepLR``).
        factor: positive.

    >>> from autograd_mini import Tensor, nn
    >>> optimiser = nn.SGD([Tensor([1.0])], rate=1.0)
    >>> StepSchedule(optimiser, [2, 3], factor=0.5).factor(3)
    0.25
    """

    def __init__(
        self, optimiser: Optimiser, every: int | Sequence[int], factor: float = 0.1
    ) -> None:
        if isinstance(every, Sequence):
            self.every: int | list[int] = sorted(size("every", number) for number in every)
        else:
            self.every = size("every", every)
        self._factor = _positive("factor", factor)
        super().__init__(optimiser)

    def factor(self, count: int) -> float:
        """``factor`` to the power of how often it is due."""
        if isinstance(self.every, int):
            return float(self._factor ** (count // self.every))
        return float(self._factor ** sum(count >= number for number in self.every))


class CosineSchedule(Schedule):
    """The rate along half a cosine, from the start to ``lowest`` times it, and there it stays.

    The factor after t of T steps is l + (1 − l)·(1 + cos(π·t/T)) / 2.  (I. Loshchilov and
    F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017, equation 5;
    ``CosineAnnealingLR``.)

    Arguments:
        optimiser: whose rates to set.
        steps: T.
        lowest: l, at least 0 and below 1.

    >>> from autograd_mini import Tensor, nn
    >>> schedule = CosineSchedule(nn.SGD([Tensor([1.0])], rate=1.0), 10)
    >>> [round(schedule.factor(count), 3) for count in (0, 5, 10, 11)]
    [1.0, 0.5, 0.0, 0.0]
    """

    def __init__(self, optimiser: Optimiser, steps: int, lowest: float = 0.0) -> None:
        self.steps = size("steps", steps)
        self.lowest = _fraction("lowest", lowest)
        super().__init__(optimiser)

    def factor(self, count: int) -> float:
        """The factor l + (1 − l)·(1 + cos(π·t/T)) / 2."""
        turn = math.pi * min(count / self.steps, 1)
        return self.lowest + (1 - self.lowest) * (1 + math.cos(turn)) / 2


class WarmUp(Schedule):
    """The rate from ``start`` times it straight up to itself, and on from there by another.

    (P. Goyal and others, "Accurate, large minibatch SGD: training ImageNet in 1 hour", 2017,
    section 2.2; ``LinearLR``.)

    Arguments:
        optimiser: whose rates to set.
        steps: how many steps the way up takes.
        start: the factor before the first step, at least 0 and below 1.
        then: a schedule of the same optimiser for the time after; none keeps the rate.
    """

    def __init__(
        self, optimiser: Optimiser, steps: int, start: float = 0.1, then: Schedule | None = None
    ) -> None:
        self.steps = size("steps", steps)
        self.start = _fraction("start", start)
        if then is not None and then.optimiser is not optimiser:
            raise ValueError("WarmUp: the schedule that comes then has another optimiser")
        self.then = then
        if then is not None:
            then._set_rates(1.0)
        super().__init__(optimiser)

    def factor(self, count: int) -> float:
        """The factor s + (1 − s)·t/T until T."""
        return self.start + (1 - self.start) * min(count / self.steps, 1)

    def step(self, metric: float | None = None) -> None:
        """Go on by one; after the way up, the other schedule does."""
        if self.then is None or self.count < self.steps:
            super().step(metric)
            if self.then is not None and self.count == self.steps:
                self.then._set_rates(self.then.factor(0))
        else:
            self.count += 1
            self.then.step(metric)

    def _numbers(self) -> dict[str, Any]:
        after = {} if self.then is None else self.then._numbers()
        return super()._numbers() | {f"then.{name}": number for name, number in after.items()}

    def _take(self, numbers: dict[str, Any]) -> None:
        after = {n.removeprefix("then."): x for n, x in numbers.items() if n.startswith("then.")}
        super()._take({n: x for n, x in numbers.items() if not n.startswith("then.")})
        if self.then is not None:
            self.then._take(after)


class Plateau(Schedule):
    """The rate times ``factor`` when a metric has stopped improving (``ReduceLROnPlateau``).

    Arguments:
        optimiser: whose rates to set.
        factor: between 0 and 1.
        patience: how many steps without improvement are borne.
        threshold: by what part of the best metric a new one must be better to count.
        mode: ``"min"`` if less is better, as for a loss, ``"max"`` for an accuracy.
        cooldown: how many steps after a reduction are not counted.
        lowest: no group's rate falls below this.

    >>> from autograd_mini import Tensor, nn
    >>> optimiser = nn.SGD([Tensor([1.0])], rate=1.0)
    >>> schedule = Plateau(optimiser, factor=0.5, patience=1)
    >>> for loss in (1.0, 0.9, 0.95, 0.91):
    ...     schedule.step(loss)
    >>> optimiser.rate
    0.5
    """

    def __init__(
        self,
        optimiser: Optimiser,
        factor: float = 0.1,
        patience: int = 10,
        *,
        threshold: float = 1e-4,
        mode: Literal["min", "max"] = "min",
        cooldown: int = 0,
        lowest: float = 0.0,
    ) -> None:
        if not 0 < factor < 1:
            raise ValueError(f"factor is a number between 0 and 1, not {factor!r}")
        if mode not in ("min", "max"):
            raise ValueError(f"mode is 'min' or 'max', not {mode!r}")
        for name, number in (("patience", patience), ("cooldown", cooldown)):
            if not isinstance(number, int | np.integer) or number < 0:
                raise ValueError(f"{name} is a whole number of at least 0, not {number!r}")
        self._factor, self.patience, self.threshold = factor, patience, threshold
        self.mode, self.cooldown, self.lowest = mode, cooldown, lowest
        self.best = math.inf if mode == "min" else -math.inf
        self.bad = self.resting = 0
        super().__init__(optimiser)

    def factor(self, count: int) -> float:
        """1: only a metric changes the rate."""
        return 1.0

    def step(self, metric: float | None = None) -> None:
        """Take a metric, and reduce the rates if it is time to.

        Raises:
            ValueError: there is no metric, or it is NaN.
        """
        if metric is None or math.isnan(metric):
            raise ValueError(
                f"Plateau watches a metric, got {metric}: write schedule.step(validation_loss)"
            )
        self.count += 1
        least = self.threshold * abs(self.best) if math.isfinite(self.best) else 0.0
        if self.mode == "min":
            better = metric < self.best - least
        else:
            better = metric > self.best + least
        self.bad = 0 if better else self.bad + 1
        self.best = float(metric) if better else self.best
        if self.resting:
            self.resting -= 1
            self.bad = 0
        if self.bad > self.patience:
            for group in self.optimiser.groups:
                rate = group["rate"]  # may be below the lowest already
                group["rate"] = min(rate, max(rate * self._factor, self.lowest))
            self.resting, self.bad = self.cooldown, 0

    def _numbers(self) -> dict[str, Any]:
        own = {"best": self.best, "bad": self.bad, "resting": self.resting}
        return super()._numbers() | own


def _positive(name: str, number: float) -> float:
    if not 0 < number < math.inf:
        raise ValueError(f"{name} is a positive number, not {number!r}")
    return float(number)


def _fraction(name: str, number: float) -> float:
    if not 0 <= number < 1:
        raise ValueError(f"{name} is at least 0 and below 1, not {number!r}")
    return float(number)
