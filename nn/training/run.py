"""Run: a training run in progress, as callbacks see it."""

from __future__ import annotations

import math

from autograd_mini.nn.module import Module
from autograd_mini.nn.optimisers.optimiser import Optimiser
from autograd_mini.nn.training.history import History
from autograd_mini.typing import Array


class Run:
    """A training run, as callbacks see it.

    Attributes:
        model, optimiser, history: what is trained, by what, and what was measured.
        epoch, epochs: the epoch, from 1, and how many there shall be.
        step: how many steps were made in all epochs.
        loss: the last mini-batch's loss, before the update.
        rate: the learning rate of the last step; before the first, that of the optimiser.
        validates: whether there is a validation part.
        diverged: where and how the run diverged, if it did.
    """

    def __init__(self, model: Module, epochs: int, validates: bool) -> None:
        self.model = model
        self.optimiser: Optimiser
        self.history = History()
        self.epoch = 1
        self.epochs = epochs
        self.step = 0
        self.loss = math.nan
        self.rate = math.nan
        self.validates = validates
        self.diverged = ""
        self.order: Array | None = None
        self.position = 0
        self.total = 0.0

    def stop(self, why: str) -> None:
        """End the run after this step, or after this epoch if called at its end."""
        self.history.stopped = why

    def diverge(self, what: str, where: str = "") -> None:
        """Give the run up: the model goes back to the weights that were last known to be good.

        Arguments:
            what: what went wrong.
            where: when it did; in the step that is being made, by default.
        """
        self.diverged = f"{where or f'in epoch {self.epoch}, step {self.step + 1}'}: {what}"
        self.stop("diverged")
