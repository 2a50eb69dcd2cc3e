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
    loss_of = objective.loss_without_checks(y)
    run.optimiser = optimiser = _optimiser(optimiser, rate, model)
    schedule = schedule(optimiser) if callable(schedule) else schedule
    team.start_alike(model, rng)
    calls = [as_callback(given) for given in callbacks]
    if patience is not None:
        calls.append(EarlyStopping(patience))
    seen: list[tuple[Array, Array]] = []

    def everything() -> dict[str, Any]:
        return {
            "about_run": {
                "samples": length(X),
                "batch_size": batch_size,
                "loss": objective.name,
                "optimiser": type(optimiser).__name__,
                "callbacks": [type(call).__name__ for call in calls],
            },
            "model": model.state(),
            "optimiser": optimiser.state(),
            "schedule": schedule.state() if schedule else {},
            "generators": [g.bit_generator.state for g in _generators(model, rng)],
            "callbacks": [call.state() for call in calls],
            "history": vars(run.history),
            "place": {n: getattr(run, n) for n in ("epoch", "step", "position", "total", "order")},
            "held_out": held_out,
            "seen": seen,
        }

    def save_checkpoint() -> None:
        if checkpoint is not None and team.rank == 0:
            write_archive(checkpoint, "checkpoint", everything())

    if saved is not None:
        _check_resumed(saved["about_run"], everything()["about_run"], checkpoint)
        model.load_state(saved["model"])
        optimiser.load_state(saved["optimiser"])
        if schedule:
            schedule.load_state(saved["schedule"])
        for g, state in zip(_generators(model, rng), saved["generators"], strict=True):
            g.bit_generator.state = state
        for call, state in zip(calls, saved["callbacks"], strict=True):
            call.load_state(state)
        vars(run.history).update(saved["history"])
        if run.history.stopped == "interrupted":
            run.history.stopped = ""
        vars(run).update(saved["place"])
        seen = [(found, targets) for found, targets in saved["seen"]]

    good = model.state()
    batches = -(-len(kept) // batch_size)
    model.train()
    for call in calls:
        call.on_start(run)
    on_gradients, on_step = _overriding(calls, "on_gradients"), _overriding(calls, "on_step")
    parameters = model.parameters()

    with (
        _interruptible() as interrupted,
        np.errstate(over="ignore", invalid="ignore"),
        _bar(progress and team.rank == 0, epochs * batches, run.step) as bar,
    ):
        next_postfix = 0.0
        try:
            while run.epoch <= epochs and not run.history.stopped:
                if run.order is None:
                    run.order = rng.permutation(kept) if shuffle else kept
                order = run.order
                while run.position < len(order) and not run.history.stopped:
                    rows = order[run.position : run.position + batch_size]
                    mine = team.share(rows)
                    weight = 1.0 if objective.sums else len(mine) / len(rows)
                    run.loss, failed = 0.0, None
                    try:
                        if len(mine):
                            inputs, targets = rows_of(X, mine), y[mine]
                            outputs = objective.outputs(inputs)
                            node = loss_of(outputs, targets)
                            run.loss = weight * number(node)
                            if wanted:
                                seen.append((objective.predictions(outputs, inputs), targets))
                            if math.isfinite(run.loss):
                                node.backward(weight if team.size > 1 else None)
                            del outputs, node
                    except Exception as error:  # nobody shall wait for this process
                        if team.size == 1:
                            raise
                        failed = error
                    part = len(mine) / len(rows)
                    run.loss, stop = team.reduce(
                        model, run.loss, part, stop=bool(interrupted), failed=failed
                    )
                    if not math.isfinite(run.loss):
                        run.stop("diverged")
                        break
                    if clip_norm is not None:
                        clip_gradients(parameters, norm=clip_norm)
                    if clip_value is not None:
                        clip_gradients(parameters, value=clip_value)
                    for hook in on_gradients:
                        hook(run)
                    optimiser.step()
                    run.step += 1
                    run.position += len(rows)
                    run.total += run.loss if objective.sums else run.loss * len(rows)
                    run.history.steps.append(run.loss)
                    for hook in on_step:
                        hook(run)
                    optimiser.zero_grad()
                    if schedule and schedule_by == "step":
                        schedule.step(run.loss)
                    if checkpoint_steps and run.step % checkpoint_steps == 0:
                        save_checkpoint()
                    if stop:
                        run.stop("interrupted")
                    if bar is not None:
                        bar.update()
                        if time.monotonic() > next_postfix:
                            next_postfix = time.monotonic() + _SECONDS_BETWEEN_POSTFIXES
                            bar.set_postfix(_postfix(run), refresh=False)
                if run.position < len(order):
                    break
                row = _row(run, objective, wanted, team.gather(seen), len(order))
                if validation is not None:
                    found = measured(objective, *validation, wanted, max(batch_size, 1024))
                    row |= {f"validation_{name}": value for name, value in found.items()}
                run.history.epochs.append(row | {"rate": float(optimiser.rate)})
                seen = []
                state = model.state()
                if row["loss"] > EXPLODED * run.history.loss_before > 0 or not _finite(state):
                    run.stop("diverged")
                    break
                good = state
                if schedule and schedule_by == "epoch":
                    schedule.step(row.get("validation_loss", row["loss"]))
                for call in calls:
                    call.on_epoch(run)
                run.epoch, run.position, run.total, run.order = run.epoch + 1, 0, 0.0, None
                save_checkpoint()
        except KeyboardInterrupt:  # the second one, or one that came from a callback
            run.stop("interrupted")
        except FloatingPointError:  # clip_gradients found NaN or infinity
            run.stop("diverged")
        if run.history.stopped == "diverged":
            model.load_state(good)
        elif run.position:  # in mid-epoch
            save_checkpoint()
    for call in calls:
        call.on_end(run)
    optimiser.zero_grad()
    model.eval()
    _warn(run, checkpoint)
    return run.history


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
        yield bar


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


def _warn(run: Run, checkpoint: Any) -> None:
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
