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

import math
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm  # type: ignore[import-untyped]

import autograd_mini as ag
from autograd_mini.nn.callbacks import Callback, EarlyStopping, as_callback
from autograd_mini.nn.data import check_finite
from autograd_mini.nn.files import FilePath, read_archive, write_archive
from autograd_mini.nn.history import History
from autograd_mini.nn.module import Module
from autograd_mini.nn.objective import (
    Loss,
    Objective,
    evaluating,
    length,
    measured,
    named_metrics,
    number,
    rows_of,
)
from autograd_mini.nn.operands import Array
from autograd_mini.nn.optimisers import OPTIMISERS, Optimiser, clip_gradients
from autograd_mini.nn.parallel import Alone, Together
from autograd_mini.nn.refusals import class_targets
from autograd_mini.nn.run import Run
from autograd_mini.nn.schedules import Schedule
from autograd_mini.nn.seeds import Seed, generator
from autograd_mini.nn.suggest import unknown_name

EXPLODED = 100.0
"""How many times the loss before training an epoch's loss must be for a run to be given up."""

WORSE, FEW = 1.5, 3
"""After this many epochs, a loss of so many times that before training is warned of."""

SAMPLE = 256
"""How many samples tell the loss before training."""

_SECONDS_BETWEEN_POSTFIXES = 0.1


class TrainingWarning(UserWarning):
    """Training went wrong, or could not have gone right; the message says what to do."""


def fit(
    model: Module,
    X: Any,
    y: Any,
    *,
    loss: Loss | None = None,
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
    callbacks: Iterable[Callback | Callable[[Run], Any]] = (),
    checkpoint: FilePath | None = None,
    checkpoint_steps: int | None = None,
    resume: bool = False,
    communicator: Any = None,
    progress: bool = True,
) -> History:
    """Train a model by mini-batch gradient descent; afterwards it is in eval mode.

    Arguments:
        model: any Module, over Tensors or Values.
        X: inputs with the samples along the first axis; a tuple of arrays for a model that takes
            several, such as sequences and their mask.
        y: targets, one for each sample: class indices, one-hot rows, or numbers, as the loss
            takes them.
        loss: a name such as ``"cross_entropy"``, or a function ``(outputs, targets)``; by default
            the one that fits the model's last activation (see ``nn.objective``).  The
            cross-entropies are computed from ``model.logits(x)``.
        optimiser: an Optimiser, or the name of one (``nn.OPTIMISERS``) for all parameters.
        rate: the learning rate for an optimiser that is given by name; its own default if
            ``None`` (SGD has none).
        epochs: how often each sample is used.
        batch_size: how many samples make one step; the last batch of an epoch may be smaller.
        validation_split: the share of the samples that is held out, chosen at random.
        validation_data: a pair ``(X, y)`` of samples to validate on, instead.
        metrics: names (``"accuracy"``) or functions ``(outputs, targets)`` of plain arrays, one
            or a list; they get the model's output after its last activation.  For the training
            part they are computed on the outputs that the steps made.
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
            each epoch.
        checkpoint: an ``.npz`` file to write after each epoch, whole or not at all.
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
    is given up with a warning: the model gets the weights of the last good epoch.

    Raises:
        ValueError: there are no samples, X and y differ in length, they hold NaN or infinity, a
            label is out of range, the model's input has another width, an option is out of range,
            a name is unknown, or the checkpoint belongs to another run.

    Warns:
        TrainingWarning: the run diverged, nothing was learnt, or all labels are one class.
    """
    X, y = _checked_data(X, y)
    _check_options(epochs, batch_size, schedule_by, resume, checkpoint)
    objective, wanted = Objective(model, loss), named_metrics(metrics)
    team = Alone() if communicator is None else Together(communicator)
    rng = generator(rng)
    team.agree(samples=length(X), epochs=epochs, batch_size=batch_size)
    held_out = _held_out(validation_split, validation_data, length(X), rng)

    saved = None
    if resume and checkpoint is not None and Path(checkpoint).exists():
        saved = read_archive(checkpoint, "checkpoint")
    if saved is not None:
        held_out = saved["held_out"]
    kept = np.setdiff1d(np.arange(length(X)), held_out)
    validation = None
    if validation_data is not None:
        validation = _checked_data(*validation_data, what="validation_data: ")
    elif len(held_out):
        validation = rows_of(X, held_out), y[held_out]

    run = Run(model, epochs, validation is not None)
    run.history.loss_before = _loss_before(objective, X, y, kept)
    y = _checked_targets(objective, X, y)
    run.optimiser = _optimiser(optimiser, rate, model)
    team.start_alike(model, rng)
    calls = [as_callback(given) for given in callbacks]
    if patience is not None:
        calls.append(EarlyStopping(patience))
    training = _Training(
        run=run,
        X=X,
        y=y,
        held_out=held_out,
        kept=kept,
        validation=validation,
        objective=objective,
        loss_of=objective.loss_without_checks(y),
        metrics=wanted,
        schedule=schedule(run.optimiser) if callable(schedule) else schedule,
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
    )
    if saved is not None:
        training.go_on_from(saved)
    training.train(progress)
    _warn(run)
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
        seen: for the metrics the outputs and targets of the epoch's steps.
        The others are the arguments of ``fit``.
    """

    run: Run
    X: Any
    y: Array
    held_out: Array
    kept: Array
    validation: tuple[Any, Array] | None
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
    seen: list[tuple[Array, Array]] = field(default_factory=list)

    def train(self, progress: bool) -> None:
        """Make the steps that are left; afterwards the model is in eval mode."""
        run, model = self.run, self.run.model
        self.good = model.state()
        self.parameters = model.parameters()
        self.on_gradients = _overriding(self.calls, "on_gradients")
        self.on_step = _overriding(self.calls, "on_step")
        self.spend_gradients = (  # nobody else can look at them, or has a step of another kind
            not (self.on_gradients or self.on_step) and type(run.optimiser).step is Optimiser.step
        )
        batches = -(-len(self.kept) // self.batch_size)
        model.train()
        for call in self.calls:
            call.on_start(run)
        with (
            _interruptible() as interrupted,
            np.errstate(over="ignore", invalid="ignore"),
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
            except KeyboardInterrupt:  # the second one, or one that came from a callback
                run.stop("interrupted")
            except FloatingPointError:  # clip_gradients found NaN or infinity
                run.stop("diverged")
            if run.history.stopped == "diverged":
                model.load_state(self.good)
            elif run.position:  # in mid-epoch
                self._save()
        for call in self.calls:
            call.on_end(run)
        run.optimiser.zero_grad()
        model.eval()

    def _step(self, order: Array, interrupted: list[bool], bar: Any) -> None:
        """One step on the next samples of this order."""
        run, team = self.run, self.team
        rows = order[run.position : run.position + self.batch_size]
        mine = team.share(rows)
        part = len(mine) / len(rows)
        run.loss, failed = 0.0, None
        try:
            if len(mine):
                run.loss = self._backward(mine, 1.0 if self.objective.sums else part)
        except Exception as error:  # nobody shall wait for this process
            if team.size == 1:
                raise
            failed = error
        run.loss, stop = team.reduce(
            run.model, run.loss, part, stop=bool(interrupted), failed=failed
        )
        if not math.isfinite(run.loss):
            run.stop("diverged")
            return
        if self.clip_norm is not None:
            clip_gradients(self.parameters, norm=self.clip_norm)
        if self.clip_value is not None:
            clip_gradients(self.parameters, value=self.clip_value)
        for hook in self.on_gradients:
            hook(run)
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
        if self.schedule and self.schedule_by == "step":
            self.schedule.step(run.loss)
        if self.checkpoint_steps and run.step % self.checkpoint_steps == 0:
            self._save()
        if stop:
            run.stop("interrupted")
        if bar is not None:
            _advance(bar, run)

    def _backward(self, rows: Array, weight: float) -> float:
        """The loss of these samples times a weight; its gradients are in the parameters."""
        inputs, targets = rows_of(self.X, rows), self.y[rows]
        outputs = self.objective.outputs(inputs)
        node = self.loss_of(outputs, targets)
        loss = weight * number(node)
        if self.metrics:
            self.seen.append((self.objective.predictions(outputs, inputs), targets))
        if math.isfinite(loss):
            node.backward(weight if self.team.size > 1 else None)
        return loss

    def _end_epoch(self, count: int) -> None:
        """Measure after an epoch of so many samples, and make ready for the next."""
        run = self.run
        row = _row(run, self.objective, self.metrics, self.team.gather(self.seen), count)
        if self.validation is not None:
            size = max(self.batch_size, 1024)
            found = measured(self.objective, *self.validation, self.metrics, size)
            row |= {f"validation_{name}": value for name, value in found.items()}
        run.history.epochs.append(row | {"rate": float(run.optimiser.rate)})
        self.seen = []
        state = run.model.state()
        if row["loss"] > EXPLODED * run.history.loss_before > 0 or not _finite(state):
            run.stop("diverged")
            return
        self.good = state
        if self.schedule and self.schedule_by == "epoch":
            self.schedule.step(row.get("validation_loss", row["loss"]))
        for call in self.calls:
            call.on_epoch(run)
        run.epoch, run.position, run.total, run.order = run.epoch + 1, 0, 0.0, None
        self._save()

    def _save(self) -> None:
        if self.checkpoint is not None and self.team.rank == 0:
            write_archive(self.checkpoint, "checkpoint", self._about() | self._state())

    def _about(self) -> dict[str, Any]:
        """What a run that goes on from the checkpoint must have in common with this one."""
        return {
            "about_run": {
                "samples": length(self.X),
                "batch_size": self.batch_size,
                "loss": self.objective.name,
                "optimiser": type(self.run.optimiser).__name__,
                "callbacks": [type(call).__name__ for call in self.calls],
            }
        }

    def _state(self) -> dict[str, Any]:
        """All that the rest of the run depends on, besides the arguments of ``fit``."""
        run = self.run
        return {
            "model": run.model.state(),
            "optimiser": run.optimiser.state(),
            "schedule": self.schedule.state() if self.schedule else {},
            "generators": [g.bit_generator.state for g in _generators(run.model, self.rng)],
            "callbacks": [call.state() for call in self.calls],
            "history": vars(run.history),
            "place": {n: getattr(run, n) for n in ("epoch", "step", "position", "total", "order")},
            "held_out": self.held_out,
            "seen": self.seen,
        }

    def go_on_from(self, saved: dict[str, Any]) -> None:
        """Take the state of a checkpoint.

        Raises:
            ValueError: it belongs to a run of other data or options.
        """
        run = self.run
        _check_resumed(saved["about_run"], self._about()["about_run"], self.checkpoint)
        run.model.load_state(saved["model"])
        run.optimiser.load_state(saved["optimiser"])
        if self.schedule:
            self.schedule.load_state(saved["schedule"])
        for g, state in zip(_generators(run.model, self.rng), saved["generators"], strict=True):
            g.bit_generator.state = state
        for call, state in zip(self.calls, saved["callbacks"], strict=True):
            call.load_state(state)
        vars(run.history).update(saved["history"])
        if run.history.stopped == "interrupted":
            run.history.stopped = ""
        vars(run).update(saved["place"])
        self.seen = [(found, targets) for found, targets in saved["seen"]]


# What is checked before the first step


def _checked_data(X: Any, y: Any, what: str = "") -> tuple[Any, Array]:
    parts = X if isinstance(X, tuple) else (X,)
    arrays = [_numeric(part, f"{what}X") for part in parts]
    targets = _numeric(y, f"{what}y")
    if any(array.ndim == 0 for array in (*arrays, targets)):
        raise ValueError(f"{what}X and y hold one entry for each sample, not single numbers")
    lengths = {len(array) for array in arrays}
    if lengths == {0}:
        raise ValueError(f"{what}there are no samples (X has shape {arrays[0].shape})")
    if lengths != {len(targets)}:
        raise ValueError(
            f"{what}X has {' and '.join(map(str, sorted(lengths)))} samples and y {len(targets)}; "
            "the samples lie along the first axis of both"
        )
    return (tuple(arrays) if isinstance(X, tuple) else arrays[0]), targets


def _numeric(data: Any, what: str) -> Array:
    array = np.asarray(data)
    if array.dtype.kind not in "fiub":
        hint = "; np.unique(names, return_inverse=True) makes class indices of names"
        raise TypeError(
            f"{what} holds real numbers, not {array.dtype}"
            + (hint if array.dtype.kind in "USO" else "")
        )
    if array.dtype.kind == "f":
        check_finite(array, what)
    return np.asarray(array, order="C")  # what a batch takes its rows from


def _check_options(
    epochs: int, batch_size: int, schedule_by: str, resume: bool, checkpoint: Any
) -> None:
    for name, given in (("epochs", epochs), ("batch_size", batch_size)):
        if not isinstance(given, int | np.integer) or isinstance(given, bool) or given < 1:
            raise ValueError(f"{name} is a positive whole number, not {given!r}")
    if schedule_by not in ("epoch", "step"):
        raise ValueError(f"schedule_by is 'epoch' or 'step', not {schedule_by!r}")
    if resume and checkpoint is None:
        raise ValueError("resume=True needs checkpoint='run.npz', the file to go on from")


def _held_out(share: float, given: Any, count: int, rng: np.random.Generator) -> Array:
    if not 0 <= share < 1:
        raise ValueError(f"validation_split is a share of at least 0 and below 1, not {share!r}")
    if share and given is not None:
        raise ValueError("give validation_split or validation_data, not both")
    held = math.floor(share * count + 0.5)
    if share and not 0 < held < count:
        raise ValueError(f"validation_split={share} of {count} samples leaves a part empty")
    return rng.permutation(count)[:held] if held else np.zeros(0, dtype=np.int64)


def _loss_before(objective: Objective, X: Any, y: Array, kept: Array) -> float:
    """The loss on a few samples; wrong shapes show here, and lazy layers are made."""
    rows = kept[:: -(-len(kept) // SAMPLE)]
    with np.errstate(over="ignore", invalid="ignore"):
        found = measured(objective, rows_of(X, rows), y[rows], {}, SAMPLE)["loss"]
    return found * len(kept) / len(rows) if objective.sums else found


def _checked_targets(objective: Objective, X: Any, y: Array) -> Array:
    """The targets; class indices as whole numbers."""
    if objective.name != "cross_entropy":
        return y
    with evaluating(objective.model), ag.no_grad():
        shape = np.shape(objective.outputs(rows_of(X, [0])))
    found = class_targets("cross_entropy", (len(y), *shape[1:]), y)
    labels = found if found.ndim < len(shape) else found.argmax(axis=-1)
    if labels.min() == labels.max():
        warnings.warn(
            f"all {len(y)} targets are class {int(labels.flat[0])}: there is nothing to tell "
            "apart, and every prediction will be this class; give samples of every class",
            TrainingWarning,
            stacklevel=3,
        )
    return found


def _optimiser(given: Optimiser | str, rate: float | None, model: Module) -> Optimiser:
    if isinstance(given, str):
        name = given.lower()
        if name not in OPTIMISERS:
            raise ValueError(unknown_name("optimiser", given, OPTIMISERS))
        made = OPTIMISERS[name]
        if rate is None and name == "sgd":
            raise ValueError("optimiser='sgd' needs a learning rate: write rate=0.1, for example")
        return made(model.parameters(), **({} if rate is None else {"rate": rate}))
    if not isinstance(given, Optimiser):
        raise TypeError(
            f"optimiser is a name or an Optimiser, not {given!r}; write "
            "nn.SGD(model.parameters(), rate=0.1)"
        )
    if rate is not None:
        raise ValueError(f"rate={rate} goes with an optimiser's name; {given!r} has its own")
    return given


def _check_resumed(saved: Any, here: Any, path: Any) -> None:
    for name, value in here.items():
        if saved[name] != value:
            raise ValueError(
                f"{os.fspath(path)} is the checkpoint of a run with {name}={saved[name]!r}, and "
                f"here it is {value!r}: resume with the same data and options, or choose another "
                "file"
            )


def _generators(model: Module, rng: np.random.Generator) -> list[np.random.Generator]:
    """Every Generator that the run draws from."""
    return [rng, *(found for _, found in model.named_generators())]


def _overriding(calls: Sequence[Callback], name: str) -> list[Callable[[Run], None]]:
    """The methods of this name of those callbacks that have their own."""
    return [
        getattr(c, name) for c in calls if getattr(type(c), name) is not getattr(Callback, name)
    ]


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
    found = {"epoch": f"{run.epoch}/{run.epochs}", "loss": f"{run.loss:.4g}"}
    if run.history.epochs:
        for name, value in run.history.last.items():
            if name not in ("epoch", "loss", "rate"):
                found[name] = f"{value:.4g}"
    return found | {"rate": f"{run.optimiser.rate:.3g}"}


def _row(
    run: Run,
    objective: Objective,
    metrics: dict[str, Any],
    seen: list[tuple[Array, Array]],
    count: int,
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "epoch": run.epoch,
        "loss": run.total if objective.sums else run.total / count,
    }
    if metrics:
        outputs, targets = (np.concatenate(part) for part in zip(*seen, strict=True))
        row |= {name: metric(outputs, targets) for name, metric in metrics.items()}
    return row


def _finite(state: dict[str, Array]) -> bool:
    return all(np.isfinite(array).all() for array in state.values())


def _warn(run: Run) -> None:
    history = run.history
    what = ""
    if history.stopped == "diverged":
        found = "became NaN or infinite"
        if math.isfinite(run.loss):
            found = f"rose to {run.loss:.3g}, from {history.loss_before:.3g} before training"
        kept = f"epoch {len(history.epochs)}" if history.epochs else "before training"
        what = (
            f"training diverged in epoch {run.epoch}, step {run.step + 1}: the loss {found}; the "
            f"model has the weights of {kept}. Lower the learning rate (it was "
            f"{run.optimiser.rate:g}), limit the gradients (clip_norm=1.0), or scale the inputs "
            "(nn.data.StandardScaler)"
        )
    elif len(history) >= FEW and history.last["loss"] > WORSE * history.loss_before:
        what = (
            f"training made the loss worse: {history.loss_before:.4g} before it, "
            f"{history.last['loss']:.4g} in its last epoch. Try a lower learning rate (it was "
            f"{run.optimiser.rate:g}), scale the inputs (nn.data.StandardScaler), and look at "
            "nn.GradientHealth"
        )
    if what:
        warnings.warn(what, TrainingWarning, stacklevel=3)
