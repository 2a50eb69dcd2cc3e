"""Callbacks: what is called while ``nn.fit`` runs; limits of gradients, and early stopping.

A callback sees the ``Run`` (``nn.fit`` describes it) and may change it: ``run.stop("enough")``.

>>> import numpy as np
>>> from autograd_mini import nn
>>> class Norms(nn.Callback):
...     def on_gradients(self, run):
...         self.last = float(np.sum(run.model.layers[0].weight.grad ** 2))
>>> norms = Norms()
>>> history = nn.fit(nn.MLP([1, 1], output="identity", rng=0), [[1.0], [2.0]], [[2.0], [4.0]],
...                  epochs=1, callbacks=[norms, lambda run: print("epoch", run.epoch)],
...                  progress=False)
epoch 1
>>> norms.last > 0
True
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from autograd_mini.nn.layers.dense import size
from autograd_mini.nn.optimisers.clipping import clip_gradients, positive_limit
from autograd_mini.nn.training.run import Run


class Callback:
    """The base of callbacks: every method may be overridden, none needs to be.

    Attributes:
        keeps_gradients: whether ``on_gradients`` may keep an array of a gradient for later; where
            no callback does, the optimiser computes in the gradients' memory.
    """

    keeps_gradients: ClassVar[bool] = True

    def on_start(self, run: Run) -> None:
        """Before the first step of this call of ``fit``."""

    def on_gradients(self, run: Run) -> None:
        """In each step, after the gradients were computed, before the update."""

    def on_step(self, run: Run) -> None:
        """In each step, after the update; the gradients are still there."""

    def on_epoch(self, run: Run) -> None:
        """After each epoch, when its row is in ``run.history``."""

    def on_end(self, run: Run) -> None:
        """After the last step, however the run ended."""

    def options(self) -> dict[str, Any]:
        """By name, what a run that goes on from a checkpoint must have in common with it.

        A callback that has options has no state.
        """
        return {}

    def state(self) -> dict[str, Any]:
        """What a checkpoint must hold for this callback to go on as if nothing had happened."""
        return {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take what ``state`` gave."""


class ClipNorm(Callback):
    """Limit the norm of all gradients together in each step (see ``nn.clip_gradients``).

    Arguments:
        limit: the greatest norm, positive.

    Raises:
        ValueError: the limit is not positive.
    """

    keeps_gradients = False

    def __init__(self, limit: float) -> None:
        self.limit = positive_limit(limit)

    def options(self) -> dict[str, Any]:
        """The limit."""
        return {"clip_norm": self.limit}

    def on_gradients(self, run: Run) -> None:
        """Clip; a run whose gradients are not finite has diverged."""
        _clip(run, norm=self.limit)


class ClipValue(Callback):
    """Limit each element of the gradients to ±``limit`` in each step (see ``nn.clip_gradients``).

    Arguments:
        limit: the greatest size of an element, positive.

    Raises:
        ValueError: the limit is not positive.
    """

    keeps_gradients = False

    def __init__(self, limit: float) -> None:
        self.limit = positive_limit(limit)

    def options(self) -> dict[str, Any]:
        """The limit."""
        return {"clip_value": self.limit}

    def on_gradients(self, run: Run) -> None:
        """Clip; a run whose gradients are not finite has diverged."""
        _clip(run, value=self.limit)


def _clip(run: Run, **limit: float) -> None:
    try:
        clip_gradients(run.optimiser.parameters, **limit)
    except FloatingPointError:
        run.diverge("a gradient became NaN or infinite")


class EarlyStopping(Callback):
    """Stop when a number has not improved for some epochs, and go back to the best weights.

    (L. Prechelt, "Early stopping — but when?", in "Neural Networks: Tricks of the Trade",
    Springer 1998; its third class of criteria, with strips of one epoch.)

    Arguments:
        patience: for how many epochs there may be no improvement.
        monitor: which column of the history; ``"validation_loss"`` by default, and ``"loss"`` if
            there is no validation part.
        larger_is_better: ``True`` for a column such as ``"validation_accuracy"``.
        least_change: what counts as an improvement.
        restore_best: give the model its best weights when the run ends, however it ends.

    Attributes:
        best: the best number so far.
        best_epoch: its epoch, from 1; 0 before there is one.

    Raises:
        ValueError: ``patience`` is less than 1, or there is no such column.
    """

    def __init__(
        self,
        patience: int,
        monitor: str = "",
        *,
        larger_is_better: bool = False,
        least_change: float = 0.0,
        restore_best: bool = True,
    ) -> None:
        if patience < 1:
            raise ValueError(f"patience is a number of epochs, at least 1, not {patience!r}")
        self.patience = patience
        self.monitor = monitor
        self.larger_is_better = larger_is_better
        self.least_change = least_change
        self.restore_best = restore_best
        self.best = math.inf
        self.best_epoch = 0
        self._weights: dict[str, Any] = {}

    def on_start(self, run: Run) -> None:
        """Begin anew, unless the run goes on from a checkpoint."""
        if not run.step:
            self.best = -math.inf if self.larger_is_better else math.inf
            self.best_epoch, self._weights = 0, {}
        self._column = self.monitor or ("validation_loss" if run.validates else "loss")

    def on_epoch(self, run: Run) -> None:
        """Compare, remember the best weights, and stop when patience is at its end."""
        row = run.history.last
        if self._column not in row:
            raise ValueError(
                f"EarlyStopping watches {self._column!r}; the history has {', '.join(row)}"
            )
        found = float(row[self._column])
        gain = found - self.best if self.larger_is_better else self.best - found
        if gain > self.least_change:
            self.best, self.best_epoch = found, run.epoch
            self._weights = run.model.state() if self.restore_best else {}
        elif run.epoch - self.best_epoch >= self.patience:
            run.stop("early")

    def on_end(self, run: Run) -> None:
        """Restore the best weights."""
        if self._weights:
            run.model.load_state(self._weights)

    def state(self) -> dict[str, Any]:
        """The best number, its epoch and its weights."""
        return {"best": self.best, "best_epoch": self.best_epoch, "weights": self._weights}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self.best, self.best_epoch = state["best"], state["best_epoch"]
        self._weights = state["weights"]


class Snapshots(Callback):
    """Keep the weights before training and after epochs, for ``ag.animate(history, "t.gif")``.

    Arguments:
        every: after how many epochs they are kept.

    Raises:
        ValueError: ``every`` is no positive whole number.

    >>> from autograd_mini import nn
    >>> history = nn.fit(
    ...     nn.Dense(1, 1, rng=0), [[1.0]], [[2.0]], epochs=4, loss="mse", progress=False,
    ...     callbacks=[nn.Snapshots(every=2)],
    ... )
    >>> len(history.snapshots), sorted(history.snapshots[0])
    (3, ['bias', 'weight'])
    """

    keeps_gradients = False

    def __init__(self, every: int = 1) -> None:
        size("every", every)
        self.every = every

    def on_start(self, run: Run) -> None:
        self._keep(run)

    def on_epoch(self, run: Run) -> None:
        if run.epoch % self.every == 0:
            self._keep(run)

    def _keep(self, run: Run) -> None:
        run.history.snapshots.append(run.model.state())


class _EachEpoch(Callback):
    """A plain function as a callback."""

    def __init__(self, function: Callable[[Run], object]) -> None:
        self.function = function

    def on_epoch(self, run: Run) -> None:
        self.function(run)


def as_callback(given: Callback | Callable[[Run], object]) -> Callback:
    """A callback, or a plain function that is called with the run after each epoch.

    Raises:
        TypeError: it is neither.
    """
    if isinstance(given, Callback):
        return given
    if isinstance(given, type) or not callable(given):
        hint = f"; write {given.__name__}()" if isinstance(given, type) else ""
        raise TypeError(f"a callback is an nn.Callback or a function, not {given!r}{hint}")
    return _EachEpoch(given)
