"""fit: train a model on data, with everything that a training run needs around it.

>>> import numpy as np
>>> from autograd_mini import nn
>>> X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
>>> y = np.array([0, 1, 1, 0])
>>> model = nn.MLP([2, 8, 2], hidden="tanh", rng=0)
>>> history = nn.fit(model, X, y, epochs=200, batch_size=2, rate=0.05, metrics="accuracy",
...                  rng=0, progress=False)
>>> history.last["accuracy"], history.last["loss"] < 0.01
(1.0, True)
"""

from __future__ import annotations

import hashlib
import math
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from autograd_mini.nn.extras.parallel import Alone, Together
from autograd_mini.nn.files import FilePath, read_archive, refuse, write_archive
from autograd_mini.nn.module import Module
from autograd_mini.nn.operands import Array
from autograd_mini.nn.optimisers.clipping import clip_gradients
from autograd_mini.nn.optimisers.optimiser import Optimiser
from autograd_mini.nn.optimisers.schedules import Schedule
from autograd_mini.nn.seeds import Seed, generator
from autograd_mini.nn.training.callbacks import Callback, EarlyStopping, as_callback
from autograd_mini.nn.training.evaluation import measured
from autograd_mini.nn.training.history import History
from autograd_mini.nn.training.modes import quietly
from autograd_mini.nn.training.named_metrics import scores
from autograd_mini.nn.training.objective import AnyLoss, Objective, objective_for
from autograd_mini.nn.training.options import (
    SAMPLE,
    TrainingWarning,
    check_options,
    check_rate,
    checked_data,
    checked_validation,
    first_look,
    held_out_rows,
    optimiser_for,
    schedule_for,
)
from autograd_mini.nn.training.run import Run
from autograd_mini.nn.training.samples import joined, length, number, rows_of
from autograd_mini.other_libraries import refuse_options
from autograd_mini.trees import leaves, paths, rebuild

EXPLODED = 100.0
"""A run is given up when an epoch's loss is so many times that before training, or that of
outputs which say nothing if this is more."""

WORSE, FEW = 1.5, 3
"""After so many epochs such a multiple is warned of."""

_SECONDS_BETWEEN_POSTFIXES = 0.1


def fit(
    model: Module,
    X: Any,
    y: Any,
    *,
    loss: AnyLoss | None = None,
    optimiser: Optimiser | str = "adam",
    rate: float | None = None,
    epochs: int = 10,
    batch_size: int = 32,
    validation_split: float = 0.0,
    validation_data: tuple[Any, Any] | None = None,
    metrics: Any = (),
    shuffle: bool = True,
    rng: Seed = 0,
    schedule: Schedule | Callable[[Optimiser], Schedule] | None = None,
    schedule_by: str = "epoch",
    clip_norm: float | None = None,
    clip_value: float | None = None,
    patience: int | None = None,
    callbacks: Any = (),
    checkpoint: FilePath | None = None,
    checkpoint_steps: int | None = None,
    resume: bool = False,
    communicator: Any = None,
    progress: bool = True,
    **more: Any,
) -> History:
    """Train a model by mini-batch gradient descent; afterwards it is in eval mode.

    Arguments:
        model: any Module, over Tensors or Values.
        X: inputs with the samples along the first axis; a tuple of arrays for a model that takes
            several, such as sequences and their mask, or a dict of arrays, which it takes as one
            argument.
        y: targets, one for each sample: class indices, one-hot rows, or numbers, as the loss
            takes them; a dict or a tuple of arrays for a model of several outputs, or what else
            a loss of one's own needs, such as weights of the samples.
        loss: a name such as ``"cross_entropy"``, or a function ``(outputs, targets)``; by default
            the one that fits the model's last activation (see ``nn.objective``).  The
            cross-entropies are computed from ``model.logits(x)``, if the model has that; options
            go in by ``functools.partial(nn.cross_entropy, class_weights=[1, 9])``.  Any other
            function gets what ``forward`` gives, after the last activation: it says
            ``nn.cross_entropy(outputs, targets, from_logits=False)`` of probabilities.  For
            several outputs a dict or a tuple of losses, one for each, which are added up, or a
            function of all outputs and all targets.
        optimiser: an Optimiser, or the name of one (``nn.OPTIMISERS``) for all parameters.
        rate: the learning rate for an optimiser that is given by name; its own default if
            ``None`` (SGD has none).
        epochs: how often each sample is used.
        batch_size: how many samples make one step; the last batch of an epoch may be smaller.
        validation_split: the share of the samples that is held out, chosen at random.
        validation_data: a pair ``(X, y)`` of samples to validate on, instead.
        metrics: names (``"accuracy"``, ``"mae"``) or functions ``(outputs, targets)`` of plain
            arrays (scikit-learn's, with ``y_true`` first, get the targets first), one or a list;
            they get the model's output after its last activation.  With one output for yes or no
            (sigmoid, hinge) those of labels take it as what it says.  Functions get several
            outputs and targets as they are.  For the training part they are computed on the
            outputs that the steps made.
        shuffle: draw a new order of the samples in each epoch.
        rng: a seed or a Generator (see ``nn.seeds``) for the order and the held-out part.
        schedule: a Schedule, or a function that makes one of the optimiser.
        schedule_by: whether the schedule goes on each ``"epoch"`` (it is given the validation
            loss, or else the loss) or each ``"step"``.
        clip_norm, clip_value: limit the gradients in each step (see ``nn.clip_gradients``).
        patience: stop when the validation loss (the loss, if nothing is held out) has not
            improved for so many epochs, and go back to the best weights; more options has
            ``nn.EarlyStopping`` among the callbacks.
        callbacks: ``nn.Callback`` objects, and functions that are called with the ``Run`` after
            each epoch; one or a list.
        checkpoint: an ``.npz`` file to write after each epoch, whole or not at all; where that
            fails, as on a full disk, a warning says so and the run goes on.
        checkpoint_steps: write it after each so many steps as well.
        resume: go on from the checkpoint, if the file exists, on exactly the way that an
            uninterrupted run takes: the same weights to the last bit.
        communicator: an MPI communicator of ``mpi4py``: every process calls ``fit`` with the same
            arguments, works on its share of each batch, and ends with the same weights (see
            ``nn.parallel``).
        progress: show a progress bar with the loss, the metrics and the rate.

    Returns:
        What was measured (``History``).

    Ctrl-C ends the run after the step that is being made: the model keeps what it has learnt and
    the history says ``"interrupted"``.  A second Ctrl-C ends it at once.

    A run whose loss becomes NaN or infinite, or ``EXPLODED`` times what it was before training,
    is given up with a warning: the model gets the weights of the last epoch whose loss was
    measured to be no worse than before training, or those that it had then.

    Raises:
        ValueError: there are no samples, X and y differ in length, they hold NaN or infinity, a
            label is out of range, the model's input has another width, an option is out of range,
            a name is unknown, or the checkpoint belongs to another run.

    Warns:
        TrainingWarning: the run diverged, nothing was learnt, all labels are one class, or a
            checkpoint could not be written.
    """
    if more:
        refuse_options("fit", more)
    with Alone() if communicator is None else Together(communicator) as team:
        X, y = checked_data(X, y)
        check_options(
            epochs, batch_size, shuffle, schedule_by, resume, checkpoint, checkpoint_steps
        )
        objective = objective_for(model, loss)
        wanted = objective.metrics(metrics)
        seed = {"rng": int(rng)} if isinstance(rng, int | np.integer) else {}
        rng = generator(rng)
        # The first process decides what is drawn and what is saved
        rng.bit_generator.state = team.of_first(rng.bit_generator.state)
        checkpoint, checkpoint_steps = team.of_first((checkpoint, checkpoint_steps))
        held_out = held_out_rows(validation_split, validation_data, length(X), rng)

        saved = None
        if resume and team.rank == 0 and checkpoint is not None and Path(checkpoint).exists():
            saved = _read_checkpoint(checkpoint, length(X))
        saved = team.of_first(saved)
        if saved is not None:
            held_out = saved["held_out"]
        kept = np.setdiff1d(np.arange(length(X)), held_out)
        validation = None
        if validation_data is not None:
            validation = checked_validation(validation_data)
        elif len(held_out):
            validation = rows_of(X, held_out), rows_of(y, held_out)

        run = Run(model, epochs, validation is not None)
        look = first_look(objective, X, y, kept, validation, wanted, batch_size)
        run.history.loss_before = look.loss
        run.optimiser = optimiser_for(optimiser, rate, model)
        schedule = schedule_for(schedule, run.optimiser)
        if saved is None:
            check_rate(run.optimiser, schedule)
        run.rate = float(run.optimiser.rate)
        alone = isinstance(callbacks, Callback) or not isinstance(callbacks, Iterable)
        calls = [as_callback(given) for given in ([callbacks] if alone else callbacks)]
        if patience is not None:
            calls.append(EarlyStopping(patience))
        training = _Training(
            run=run,
            X=X,
            y=look.targets,
            held_out=held_out,
            kept=kept,
            validation=validation,
            objective=objective,
            loss_of=objective.loss_without_checks(look.targets),
            metrics=wanted,
            schedule=schedule,
            schedule_by=schedule_by,
            batch_size=batch_size,
            shuffle=shuffle,
            rng=rng,
            clip_norm=clip_norm,
            clip_value=clip_value,
            calls=calls,
            checkpoint=checkpoint,
            checkpoint_steps=checkpoint_steps,
            team=team,
            usual=look.usual,
            outputs=look.outputs,
        )
        if checkpoint is not None or team.size > 1:
            training.about |= {
                "rate": rate,
                "validation_split": validation_split,
                "validation_data": validation_data is not None,
                "data": _fingerprint(X, y),
            } | seed
        training.start_alike(patience)
        if saved is not None:
            training.go_on_from(saved)
        training.train(progress)
        _warn(training)
        return run.history


@dataclass(kw_only=True)
class _Training:
    """A call of ``fit``: its arguments, checked and made ready, and what they do.

    Arguments:
        run: how far it is, with the model and the optimiser.
        X, y: the samples, all of them.
        held_out, kept: the rows to validate on, and those to train on.
        validation: inputs and targets to validate on.
        loss_of: the loss of outputs and checked targets.
        usual: the loss before training, or that of outputs which say nothing if this is more.
        outputs: some, arranged as all are.
        seen: for the metrics the outputs and targets of the epoch's steps.
        about: what a run that goes on from a checkpoint must have in common with this one.
        diverged: where and how the run diverged, if it did.
        unwritten: whether the last checkpoint could not be written.
        last, good: the state of model, optimiser and schedule after the last epoch, and the last
            one that an epoch has begun with whose loss was no worse than ``usual``; and when
            they were. (The loss of an epoch is that of the weights before its steps.)
        The others are the arguments of ``fit``.
    """

    run: Run
    X: Any
    y: Any
    held_out: Array
    kept: Array
    validation: tuple[Any, Any] | None
    objective: Objective
    loss_of: Callable[[Any, Any], Any]
    metrics: dict[str, Callable[[Any, Any], float]]
    schedule: Schedule | None
    schedule_by: str
    batch_size: int
    shuffle: bool
    rng: np.random.Generator
    clip_norm: float | None
    clip_value: float | None
    calls: list[Callback]
    checkpoint: FilePath | None
    checkpoint_steps: int | None
    team: Alone | Together
    usual: float
    outputs: Any
    seen: list[tuple[Any, Any]] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)
    diverged: str = ""
    unwritten: bool = False
    last: dict[str, dict[str, Array]] = field(default_factory=dict)
    last_from: str = "before training"
    good: dict[str, dict[str, Array]] = field(default_factory=dict)
    good_from: str = "before training"

    def __post_init__(self) -> None:
        trained = {id(parameter) for parameter in self.run.optimiser.parameters}
        self.frozen = [p for p in self.run.model.parameters() if id(p) not in trained]
        self.options = self._options()
        if self.schedule:
            for group, rate in zip(self.options, self.schedule.start_rates, strict=True):
                group["rate"] = rate
        self.about |= {
            "samples": length(self.X),
            "model": _described(self.run.model),
            "processes": self.team.size,
            "batch_size": self.batch_size,
            "shuffle": self.shuffle,
            "loss": self.objective.name,
            "loss_options": _comparable(self.objective.options),
            "metrics": list(self.metrics),
            "optimiser": type(self.run.optimiser).__name__,
            "schedule": type(self.schedule).__name__ if self.schedule else None,
            "schedule_options": self.schedule and _comparable(self.schedule.options()),
            "schedule_by": self.schedule_by,
            "clip_norm": self.clip_norm,
            "clip_value": self.clip_value,
            "callbacks": [type(call).__name__ for call in self.calls],
        }

    def _options(self) -> list[dict[str, Any]]:
        """The options of each group of the optimiser."""
        return [
            {name: _comparable(option) for name, option in group.items() if name != "parameters"}
            for group in self.run.optimiser.groups
        ]

    def start_alike(self, patience: int | None) -> None:
        """Check that all processes were asked for the same, and give them the first's weights.

        Raises:
            ValueError: they were asked for different things, or for a mean that is not that of
            their shares.
        """
        if self.team.size == 1:
            return
        if self.objective.weighted:
            raise ValueError(
                "class_weights divide a mean by the weights in each process's share, not in the "
                'batch: give the loss reduction="sum", whose shares add up'
            )
        run, model = self.run, self.run.model
        not_asked = "callbacks", "rng"  # which may differ; the first's numbers are drawn
        asked = {name: fact for name, fact in self.about.items() if name not in not_asked}
        asked |= {"epochs": run.epochs, "patience": patience}
        if self.validation is not None:
            asked["validation data"] = _fingerprint(*self.validation)
        for name, array in model.state().items():
            asked[f"model's {name}"] = f"{array.dtype} of shape {array.shape}"
        for name, array in run.optimiser.state().items():
            small = array.size < 3
            asked[f"optimiser's {name}"] = array.tolist() if small else _fingerprint(array)
        asked |= self.schedule.state() if self.schedule else {}
        self.team.agree(asked)
        model.load_state(self.team.of_first(model.state()))
        run.history.loss_before, self.usual = self.team.of_first(
            (run.history.loss_before, self.usual)
        )

    def _check_alike(self, where: str) -> None:
        """Refuse to go on where the processes' weights or rates differ."""
        if self.team.size > 1:
            run = self.run
            weights = _fingerprint(*(parameter.data for parameter in run.model.parameters()))
            rates = [group["rate"] for group in run.optimiser.groups]
            self.team.agree(
                {f"rate {where}": rates, f"weights {where}": weights},
                "what a callback changes, it changes in every one",
            )

    def train(self, progress: bool) -> None:
        """Make the steps that are left; afterwards the model is in eval mode."""
        run, model = self.run, self.run.model
        self._remember(model.state())
        self.good, self.good_from = self.last, self.last_from
        model.train()
        model.zero_grad()
        try:
            for call in self.calls:
                call.on_start(run)
            run.history.stopped = self.team.stopped(run.history.stopped)
            self.on_gradients = _overriding(self.calls, "on_gradients")
            self.on_step = _overriding(self.calls, "on_step")
            own_step = getattr(run.optimiser.step, "__func__", None) is not Optimiser.step
            self.spend_gradients = not (self.on_gradients or self.on_step or own_step)
            self._make_steps(progress)
            if self.diverged:
                self._go_back()
            for call in self.calls:
                call.on_end(run)
            self._check_alike("at the end")
        finally:
            model.zero_grad()
            model.eval()

    def _make_steps(self, progress: bool) -> None:
        run = self.run
        batches = -(-len(self.kept) // self.batch_size)
        with (
            _interruptible() as interrupted,
            quietly(),
            _bar(progress and self.team.rank == 0, run.epochs * batches, run.step) as bar,
        ):
            try:
                while run.epoch <= run.epochs and not run.history.stopped:
                    if run.order is None:
                        run.order = self.rng.permutation(self.kept) if self.shuffle else self.kept
                    while run.position < len(run.order) and not run.history.stopped:
                        self._step(run.order, interrupted, bar)
                    if run.position == len(run.order):
                        self._end_epoch(len(run.order))
                if run.position and not self.diverged:  # in mid-epoch
                    self._save()
            except KeyboardInterrupt:  # the second one, or a callback's: a step may be half made
                if self.team.size > 1:  # which differs from the others' then
                    raise
                run.stop("interrupted")
            if bar is not None:
                bar.set_postfix(_postfix(run))

    def _remember(self, state: dict[str, Array]) -> None:
        """Keep this state of the model as the last one, with what goes with it."""
        self.last = {
            "model": state,
            "optimiser": self.run.optimiser.state(),
            "schedule": self.schedule.state() if self.schedule else {},
        }

    def _go_back(self) -> None:
        model = self.run.model
        model.load_state(self.last["model"])
        rows = self.kept[:: -(-len(self.kept) // SAMPLE)]
        some = rows_of(self.X, rows), rows_of(self.y, rows)
        loss = measured(self.objective, *some, {}, SAMPLE)["loss"]
        scale = len(self.kept) / len(rows) if self.objective.sums else 1.0
        if loss * scale <= self.usual:
            self.good, self.good_from = self.last, self.last_from
        model.load_state(self.good["model"])
        self.run.optimiser.load_state(self.good["optimiser"])
        if self.schedule:
            self.schedule.load_state(self.good["schedule"])

    def _diverge(self, where: str, what: str) -> None:
        self.diverged = f"{where}: {what}"
        self.run.stop("diverged")

    def _step(self, order: Array, interrupted: list[bool], bar: Any) -> None:
        """One step on the next samples of this order."""
        run, team = self.run, self.team
        rows = order[run.position : run.position + self.batch_size]
        mine = team.share(rows)
        part = len(mine) / len(rows)
        run.loss = 0.0
        if len(mine):
            run.loss = self._backward(mine, 1.0 if self.objective.sums else part)
        parameters = run.optimiser.parameters
        run.loss = team.reduce(run.model, parameters, run.loss, part)
        if not math.isfinite(run.loss):
            self._diverge(self._here(), "the loss became NaN or infinite")
            return
        try:
            if self.clip_norm is not None:
                clip_gradients(parameters, norm=self.clip_norm)
            if self.clip_value is not None:
                clip_gradients(parameters, value=self.clip_value)
        except FloatingPointError:
            self._diverge(self._here(), "a gradient became NaN or infinite")
            return
        for hook in self.on_gradients:
            hook(run)
        run.rate = float(run.optimiser.rate)
        if self.spend_gradients:
            run.optimiser.step(spend_gradients=True)
        else:
            run.optimiser.step()
        run.step += 1
        run.position += len(rows)
        run.total += run.loss if self.objective.sums else run.loss * len(rows)
        run.history.steps.append(run.loss)
        for hook in self.on_step:
            hook(run)
        if not self.spend_gradients:
            run.optimiser.zero_grad()
        for parameter in self.frozen:
            parameter.zero_grad()
        if self.schedule and self.schedule_by == "step":
            self.schedule.step(run.loss)
        if self.checkpoint_steps and run.step % self.checkpoint_steps == 0:
            self._save()
        if interrupted:
            run.stop("interrupted")
        run.history.stopped = team.stopped(run.history.stopped)
        if bar is not None:
            _advance(bar, run)

    def _here(self) -> str:
        return f"in epoch {self.run.epoch}, step {self.run.step + 1}"

    def _backward(self, rows: Array, weight: float) -> float:
        """The loss of these samples times a weight; its gradients are in the parameters."""
        inputs, targets = rows_of(self.X, rows), rows_of(self.y, rows)
        outputs = self.objective.outputs(inputs)
        node = self.loss_of(outputs, targets)
        loss = weight * number(node)
        if self.metrics:
            self.seen.append((self.objective.predictions(outputs), targets))
        if math.isfinite(loss):
            node.backward(weight if self.team.size > 1 else None)
        return loss

    def _end_epoch(self, count: int) -> None:
        """Measure after an epoch of so many samples, and make ready for the next."""
        run = self.run
        seen = [batch for each in self.team.gather(self.seen) for batch in each]
        row = _row(run, self.objective, self.metrics, seen, count)
        if self.validation is not None:
            size = max(self.batch_size, 1024)
            found = measured(self.objective, *self.validation, self.metrics, size)
            row |= {f"validation_{name}": value for name, value in found.items()}
        row = self.team.of_first(row)
        run.history.epochs.append(row | {"rate": run.rate})
        run.history.epoch_ends.append(run.step)
        self.seen = []
        here = f"at the end of epoch {run.epoch}"
        if row["loss"] > EXPLODED * self.usual > 0:
            before = run.history.loss_before
            self._diverge(
                here, f"the loss rose to {row['loss']:.3g}, from {before:.3g} before training"
            )
            return
        state = run.model.state()
        if not all(np.isfinite(array).all() for array in state.values()):
            self._diverge(here, "weights became NaN or infinite")
            return
        if row["loss"] <= self.usual:
            self.good, self.good_from = self.last, self.last_from
        self._remember(state)
        self.last_from = f"of epoch {run.epoch}"
        if self.schedule and self.schedule_by == "epoch":
            self.schedule.step(row.get("validation_loss", row["loss"]))
        for call in self.calls:
            call.on_epoch(run)
        self._check_alike(here)
        run.history.stopped = self.team.stopped(run.history.stopped)
        run.epoch, run.position, run.total, run.order = run.epoch + 1, 0, 0.0, None
        self._save()

    def _save(self) -> None:
        if self.checkpoint is None:
            return
        state = {"about_run": self.about | {"options": self.options}} | self._state()
        if self.team.rank > 0:
            return
        try:
            write_archive(self.checkpoint, "checkpoint", state)
            self.unwritten = False
        except OSError as error:  # a full disk shall not end a run that is all right
            if not self.unwritten:
                self.unwritten = True
                warnings.warn(
                    f"the checkpoint of step {self.run.step} could not be written ({error}); the "
                    "run goes on and tries again, and what stood in the file is as it was: make "
                    "room, or call nn.save(model, another file) afterwards",
                    TrainingWarning,
                    stacklevel=6,
                )

    def _state(self) -> dict[str, Any]:
        """All that the rest of the run depends on, besides the arguments of ``fit``."""
        run = self.run
        seen_flat = [tuple(map(_flat, batch)) for batch in self.seen]
        own = [g.bit_generator.state for g in _generators(run.model, self.rng)], seen_flat
        (generators, seen), *others = self.team.gather(own)
        return {
            "model": run.model.state(),
            "optimiser": run.optimiser.state(),
            "schedule": self.schedule.state() if self.schedule else {},
            "generators": generators,
            "callbacks": [call.state() for call in self.calls],
            "history": vars(run.history),
            "place": {name: getattr(run, name) for name in _PLACE},
            "held_out": self.held_out,
            "seen": seen,
            "other_processes": others,
        }

    def go_on_from(self, saved: dict[str, Any]) -> None:
        """Take the state of a checkpoint.

        Raises:
            ValueError: it belongs to a run of other data or options, or makes no sense.
        """
        before = dict(saved["about_run"])
        begun = before.pop("options", self.options)  # a file of version 0.1.0 does not say
        for i, (here, now) in enumerate(zip(self.options, self._options(), strict=True)):
            for name, option in here.items():
                at_first = begun[i].get(name) if i < len(begun) else None
                reached = _comparable(saved["optimiser"].get(f"groups.{i}.{name}"))
                if option != at_first and now[name] != reached:
                    _refuse_to_resume(self.checkpoint, name, at_first, option)
        _check_resumed(before, self.about, self.checkpoint)
        try:
            self._take(saved)
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
            refuse(self.checkpoint or "", f"it makes no sense as this run's checkpoint ({error})")

    def _take(self, saved: dict[str, Any]) -> None:
        run = self.run
        run.optimiser.load_state(saved["optimiser"])
        if self.schedule:
            self.schedule.load_state(saved["schedule"])
        own = saved["generators"], saved["seen"]
        generators, seen = [own, *saved.get("other_processes", [])][self.team.rank]
        for g, state in zip(_generators(run.model, self.rng), generators, strict=True):
            g.bit_generator.state = state
        for call, state in zip(self.calls, saved["callbacks"], strict=True):
            call.load_state(state)
        vars(run.history).update(saved["history"])
        if run.history.stopped.startswith("interrupted"):
            run.history.stopped = ""
        vars(run).update(saved["place"])
        arranged = self.outputs, self.y
        self.seen = [
            tuple(rebuild(tree, iter(leaves(x))) for tree, x in zip(arranged, batch, strict=True))
            for batch in seen
        ]
        run.model.load_state(saved["model"])  # last: nothing else has been refused
        self.last_from = "of the checkpoint"


_PLACE = ("epoch", "step", "position", "total", "order", "rate")
"""The attributes of ``Run`` that say how far it is."""

_PARTS = {
    **dict.fromkeys(("about_run", "model", "optimiser", "schedule", "history", "place"), dict),
    **dict.fromkeys(("generators", "callbacks", "seen"), list),
    "held_out": np.ndarray,
}
"""What a checkpoint holds, and of which kind."""


def _read_checkpoint(path: FilePath, samples: int) -> dict[str, Any]:
    """A checkpoint whose parts are there, and whose rows are those of so many samples.

    Raises:
        ValueError: they are not, or the file is no whole checkpoint.
    """
    saved = read_archive(path, "checkpoint")
    for name, kind in _PARTS.items():
        if not isinstance(saved.get(name), kind):
            refuse(path, f"its {name!r} is no {kind.__name__}")
    place, history, start = saved["place"], saved["history"], vars(History())
    alike = history.keys() == start.keys() and place.keys() == set(_PLACE)
    if not alike or any(type(history[name]) is not type(value) for name, value in start.items()):
        refuse(path, "its history is not that of a run")
    order = np.zeros(0, int) if place["order"] is None else np.asarray(place["order"])
    for rows in (saved["held_out"], order):
        fits = rows.ndim == 1 and rows.dtype.kind in "iu"
        if not fits or (rows.size and not 0 <= rows.min() <= rows.max() < samples):
            refuse(path, f"its rows are not rows of {samples} samples: resume with the same data")
    counts = [place[name] for name in ("epoch", "step", "position")]
    whole = all(type(count) is int and count >= 0 for count in counts)
    numbers = all(type(place[name]) in (int, float) for name in ("total", "rate"))
    if not (whole and numbers and counts[-1] <= len(order)):
        refuse(path, "it does not say how far the run was")
    return saved


def _flat(tree: Any) -> Any:
    """An array as it is, or a tree's arrays in order: a file sorts keys and keeps no tuples."""
    return tree if isinstance(tree, np.ndarray) else leaves(tree)


def _fingerprint(*parts: Any) -> str:
    """A checksum of arrays, and of trees of arrays."""
    digest = hashlib.sha256()
    for part in parts:
        for _, array in sorted(
            zip(paths(part), leaves(part), strict=True), key=lambda pair: pair[0]
        ):
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:16]


_LISTED = 64
"""An option with more numbers is compared by its checksum."""


def _comparable(option: Any) -> Any:
    """An option as a file keeps it: numbers, text, and lists and dicts of them."""
    if isinstance(option, Mapping):
        return {str(name): _comparable(part) for name, part in option.items()}
    if isinstance(option, Schedule):
        return _comparable({"schedule": type(option).__name__} | option.options())
    array = np.asarray(option)
    if option is None or array.dtype.kind not in "fiubU":
        return getattr(option, "__name__", None if option is None else type(option).__name__)
    return array.tolist() if array.size <= _LISTED else _fingerprint(array)


def _described(model: Module) -> dict[str, str]:
    """Each layer by name, with its activation and other options; other Modules by their class."""
    ours = Module.__module__.rpartition(".")[0]
    return {
        name: repr(part) if type(part).__module__.startswith(ours) else type(part).__name__
        for name, part in model.named_modules()
        if sum(1 for _ in part.modules()) == 1
    }


def _check_resumed(saved: Any, here: Any, path: Any) -> None:
    saved = {"processes": 1} | saved  # a file of version 0.1.0 does not say
    for name, value in here.items():
        if name in saved and saved[name] != value:
            _refuse_to_resume(path, name, saved[name], value)


def _refuse_to_resume(path: Any, name: str, before: Any, here: Any) -> NoReturn:
    if isinstance(before, dict) and isinstance(here, dict):
        differing = [key for key in before | here if before.get(key) != here.get(key)]
        before, here = ({k: each.get(k) for k in differing} for each in (before, here))
    found = f"a run with {name}={before!r}, and here it is {here!r}"
    if name == "data":
        found = "a run on other data of the same length"
    raise ValueError(
        f"{os.fspath(path or '')} is the checkpoint of {found}: resume with the same data and "
        "options, or choose another file"
    )


def _generators(model: Module, rng: np.random.Generator) -> list[np.random.Generator]:
    """Every Generator that the run draws from."""
    return [rng, *(found for _, found in model.named_generators())]


def _overriding(calls: Sequence[Callback], name: str) -> list[Callable[[Run], None]]:
    """The methods of this name of those callbacks that have their own."""
    base = getattr(Callback, name)
    methods = [getattr(call, name) for call in calls]
    return [method for method in methods if getattr(method, "__func__", None) is not base]


# While it runs


@contextmanager
def _interruptible() -> Iterator[list[bool]]:
    """Ctrl-C fills the list; the second one raises, as does one where nobody can listen."""
    pressed: list[bool] = []

    def remember(number: int, frame: Any) -> None:
        if pressed:
            raise KeyboardInterrupt
        pressed.append(True)

    usual = signal.default_int_handler
    ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is usual
    )
    if ours:
        signal.signal(signal.SIGINT, remember)
    try:
        yield pressed
    finally:
        if ours:
            signal.signal(signal.SIGINT, usual)


@contextmanager
def _bar(shown: bool, total: int, done: int) -> Iterator[Any]:
    if not shown:
        yield None
        return
    from tqdm.auto import tqdm  # type: ignore[import-untyped]  # a notebook's own bar; loads asyncio

    with tqdm(total=total, initial=done, desc="training", unit="step") as bar:
        bar.next_postfix = 0.0
        yield bar


def _advance(bar: Any, run: Run) -> None:
    """One step more on the bar; what it says beside it is renewed now and then."""
    bar.update()
    if time.monotonic() > bar.next_postfix:
        bar.next_postfix = time.monotonic() + _SECONDS_BETWEEN_POSTFIXES
        bar.set_postfix(_postfix(run), refresh=False)


def _postfix(run: Run) -> dict[str, str]:
    epoch = min(run.epoch, run.epochs)
    found = {"epoch": f"{epoch}/{run.epochs}", "loss": f"{run.loss:.4g}"}
    if run.history.epochs:
        for name, value in run.history.last.items():
            if name not in ("epoch", "loss", "rate"):
                found[name] = f"{value:.4g}"
    return found | {"rate": f"{run.rate:.3g}"}


def _row(
    run: Run,
    objective: Objective,
    metrics: dict[str, Any],
    seen: list[tuple[Any, Any]],
    count: int,
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "epoch": run.epoch,
        "loss": run.total if objective.sums else run.total / count,
    }
    if metrics:
        row |= scores(metrics, *map(joined, zip(*seen, strict=True)))
    return row


def _warn(training: _Training) -> None:
    history = training.run.history
    what = ""
    if training.diverged:
        what = (
            f"training diverged {training.diverged}; the model has the weights "
            f"{training.good_from}. Lower the learning rate (it was {training.run.rate:g}), limit "
            "the gradients (clip_norm=1.0), or scale the inputs (nn.data.StandardScaler)"
        )
    elif len(history) >= FEW and history.last["loss"] > WORSE * training.usual > 0:
        what = (
            f"training made the loss worse: {history.loss_before:.4g} before it, "
            f"{history.last['loss']:.4g} in its last epoch. Try a lower learning rate (it was "
            f"{training.run.rate:g}), scale the inputs (nn.data.StandardScaler), and look at "
            "nn.GradientHealth"
        )
    if what:
        warnings.warn(what, TrainingWarning, stacklevel=3)
