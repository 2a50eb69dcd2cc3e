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

import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypedDict, TypeVar, Unpack

import numpy as np

from autograd_mini.nn.extras.parallel import Alone, Together
from autograd_mini.nn.files import FilePath
from autograd_mini.nn.module import Module
from autograd_mini.nn.operands import Data
from autograd_mini.nn.optimisers.optimiser import Optimiser
from autograd_mini.nn.optimisers.schedules import AnySchedule, EachStep
from autograd_mini.nn.seeds import Seed, generator
from autograd_mini.nn.training.callbacks import (
    Callback,
    ClipNorm,
    ClipValue,
    EarlyStopping,
    as_callback,
)
from autograd_mini.nn.training.checkpoints import Checkpoint, fingerprint, read_checkpoint
from autograd_mini.nn.training.history import History
from autograd_mini.nn.training.loop import Training
from autograd_mini.nn.training.named_metrics import Metrics
from autograd_mini.nn.training.objective import AnyLoss, objective_for
from autograd_mini.nn.training.options import (
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
from autograd_mini.nn.training.samples import length, samples_at
from autograd_mini.other_libraries import refuse_options

WORSE, FEW = 1.5, 3
"""After so many epochs such a multiple is warned of."""


Part = Callback | Callable[[Run], object] | Checkpoint | Together
"""What goes into ``callbacks=``."""


class ShortForms(TypedDict, total=False):
    """Keywords of ``fit`` that stand for others: each with what it is short for."""

    validation_split: float
    """``validation=0.2``, a share."""
    validation_data: tuple[Data, Data] | None
    """``validation=(X, y)``."""
    schedule_by: str
    """``"step"``: ``schedule=nn.EachStep(schedule)``."""
    clip_norm: float | None
    """``callbacks=nn.ClipNorm(1.0)``, before all other callbacks."""
    clip_value: float | None
    """``callbacks=nn.ClipValue(1.0)``, before all other callbacks."""
    patience: int | None
    """``callbacks=nn.EarlyStopping(10)``, after all other callbacks."""
    checkpoint: FilePath | None
    """``callbacks=nn.Checkpoint(checkpoint)``."""
    checkpoint_steps: int | None
    """``nn.Checkpoint(checkpoint, steps=checkpoint_steps)``."""
    resume: bool
    """``nn.Checkpoint(checkpoint, resume=True)``."""
    communicator: Any
    """``callbacks=nn.Together(communicator)``."""


def fit(
    model: Module,
    X: Data,
    y: Data,
    *,
    loss: AnyLoss | None = None,
    optimiser: Optimiser | str = "adam",
    rate: float | None = None,
    epochs: int = 10,
    batch_size: int = 32,
    validation: float | tuple[Data, Data] | None = None,
    metrics: Metrics = (),
    shuffle: bool = True,
    rng: Seed = 0,
    schedule: AnySchedule | EachStep | None = None,
    callbacks: Part | Iterable[Part] = (),
    progress: bool = True,
    compiled: bool | None = None,
    **short: Unpack[ShortForms],
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
        validation: the share of the samples that is held out, chosen at random; or a pair
            ``(X, y)`` of samples to validate on.
        metrics: names (``"accuracy"``, ``"mae"``) or functions ``(outputs, targets)`` of plain
            arrays (scikit-learn's, with ``y_true`` first, get the targets first), one or a list;
            they get the model's output after its last activation.  With one output for yes or no
            (sigmoid, hinge) those of labels take it as what it says.  Functions get several
            outputs and targets as they are.  For the training part they are computed on the
            outputs that the steps made.
        shuffle: draw a new order of the samples in each epoch.
        rng: a seed or a Generator (see ``nn.seeds``) for the order and the held-out part.
        schedule: a Schedule, or a function that makes one of the optimiser.  It goes on with each
            epoch and is given the validation loss, or else the loss; an ``nn.EachStep`` of it goes
            on with each step.
        callbacks: one or a list of

            - ``nn.Callback`` objects: ``nn.ClipNorm`` and ``nn.ClipValue`` limit the gradients,
              ``nn.EarlyStopping`` stops in time, ``nn.GradientHealth`` watches;
            - functions that are called with the ``Run`` after each epoch;
            - an ``nn.Checkpoint``: the file that the run is written to and goes on from;
            - an ``nn.Together`` of an MPI communicator: every process calls ``fit`` with the same
              arguments, works on its share of each batch, and ends with the same weights.
        progress: show a progress bar with the loss, the metrics and the rate.
        compiled: whether the forward and backward pass of a step are compiled (``ag.compile``):
            the same numbers, sooner.  By default where there are many steps, and the layers and
            the loss are this package's; ``True`` compiles every step, of layers of one's own too.
        short: short forms (``ShortForms``): ``validation_split`` and ``validation_data`` for
            ``validation``; ``clip_norm``, ``clip_value``, ``patience``, ``checkpoint`` with
            ``checkpoint_steps`` and ``resume``, and ``communicator`` for callbacks;
            ``schedule_by="step"`` for ``nn.EachStep``.

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
        TypeError: ``compiled=True``, and the model computes what cannot be followed.

    Warns:
        TrainingWarning: the run diverged, nothing was learnt, all labels are one class, or a
            checkpoint could not be written.
    """
    unknown = short.keys() - ShortForms.__annotations__.keys()
    if unknown:
        refuse_options("fit", {name: short[name] for name in short if name in unknown})  # type: ignore[literal-required]
    given = _several(callbacks)
    communicator = short.get("communicator")
    together = None if communicator is None else Together(communicator)
    with _only(Together, given, together) or Alone() as team:
        X, y = checked_data(X, y)
        check_options(epochs, batch_size, shuffle, short.get("schedule_by", "epoch"))
        checkpoint = _only(Checkpoint, given, _checkpoint(short))
        objective = objective_for(model, loss)
        wanted = objective.metrics(metrics)
        seed = {"rng": int(rng)} if isinstance(rng, int | np.integer) else {}
        rng = generator(rng)
        # The first process decides what is drawn and what is saved
        rng.bit_generator.state = team.of_first(rng.bit_generator.state)
        checkpoint = team.of_first(checkpoint)
        share, validation_data = _validation(validation, short)
        held_out = held_out_rows(share, validation_data, length(X), rng)

        saved = None
        resumes = checkpoint is not None and checkpoint.resume and team.rank == 0
        if checkpoint is not None and resumes and Path(checkpoint.path).exists():
            saved = read_checkpoint(checkpoint.path, length(X))
        saved = team.of_first(saved)
        if saved is not None:
            held_out = saved["held_out"]
        kept = np.setdiff1d(np.arange(length(X)), held_out)
        held = None
        if validation_data is not None:
            held = checked_validation(validation_data)
        elif len(held_out):
            held = samples_at(X, held_out), samples_at(y, held_out)

        run = Run(model, epochs, held is not None)
        look = first_look(objective, X, y, kept, held, wanted, batch_size)
        run.history.loss_before = look.loss
        run.optimiser = optimiser_for(optimiser, rate, model)
        by_step = isinstance(schedule, EachStep) or short.get("schedule_by") == "step"
        each = schedule.schedule if isinstance(schedule, EachStep) else schedule
        going = schedule_for(each, run.optimiser)
        if saved is None:
            check_rate(run.optimiser, going)
        run.rate = float(run.optimiser.rate)
        training = Training(
            run=run,
            X=X,
            y=look.targets,
            held_out=held_out,
            kept=kept,
            validation=held,
            objective=objective,
            loss_of=objective.loss_without_checks(look.targets),
            metrics=wanted,
            schedule=going,
            by_step=by_step,
            batch_size=batch_size,
            shuffle=shuffle,
            rng=rng,
            calls=_calls(given, short),
            checkpoint=checkpoint,
            team=team,
            usual=look.usual,
            outputs=look.outputs,
            compiled=compiled,
        )
        if checkpoint is not None or team.size > 1:
            training.about |= {
                "rate": rate,
                "validation_split": share,
                "validation_data": validation_data is not None,
                "data": fingerprint(X, y),
            } | seed
        training.start_alike(short.get("patience"))
        if saved is not None and checkpoint is not None:
            training.go_on_from(saved, checkpoint.path)
        training.train(progress)
        _warn(training)
        return run.history


P = TypeVar("P", Together, Checkpoint)


def _several(callbacks: Part | Iterable[Part]) -> list[Part]:
    if isinstance(callbacks, Callback) or not isinstance(callbacks, Iterable):
        return [callbacks]
    return [*callbacks]


def _only(kind: type[P], given: list[Part], short: P | None) -> P | None:
    """The one part of this kind among the callbacks, or of a short form; ``None`` if none is.

    Raises:
        ValueError: there are several.
    """
    found = [part for part in given if isinstance(part, kind)]
    found += [] if short is None else [short]
    if len(found) > 1:
        raise ValueError(f"a run has one nn.{kind.__name__}, and {len(found)} are given")
    return found[0] if found else None


def _checkpoint(short: ShortForms) -> Checkpoint | None:
    path, steps = short.get("checkpoint"), short.get("checkpoint_steps")
    resume = short.get("resume", False)
    if path is not None:
        return Checkpoint(path, steps, resume)
    if resume or steps is not None:
        what = "resume=True" if resume else f"checkpoint_steps={steps}"
        raise ValueError(f"{what} needs checkpoint='run.npz', the file of the run")
    return None


def _validation(
    given: float | tuple[Data, Data] | None, short: ShortForms
) -> tuple[float, tuple[Data, Data] | None]:
    """The share to hold out, and the samples to validate on."""
    share, data = short.get("validation_split", 0.0), short.get("validation_data")
    if given is None:
        return share, data
    if share or data is not None:
        raise ValueError("give validation, or validation_split or validation_data, not both")
    return (given, None) if isinstance(given, int | float | np.number) else (0.0, given)


def _calls(given: list[Part], short: ShortForms) -> list[Callback]:
    """The callbacks in the order in which they are called."""
    norm, value = short.get("clip_norm"), short.get("clip_value")
    patience = short.get("patience")
    before: list[Callback] = [ClipNorm(norm)] if norm is not None else []
    before += [ClipValue(value)] if value is not None else []
    after = [] if patience is None else [EarlyStopping(patience)]
    others = [part for part in given if not isinstance(part, Together | Checkpoint)]
    return [*before, *map(as_callback, others), *after]


def _warn(training: Training) -> None:
    history = training.run.history
    what = ""
    if training.run.diverged:
        what = (
            f"training diverged {training.run.diverged}; the model has the weights "
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
