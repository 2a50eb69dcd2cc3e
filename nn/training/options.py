"""What a training run needs, checked and made ready before anything is learnt.

Data, options, targets, the optimiser and its schedule: each function gives what ``fit`` works
with, or says what does not fit.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np

import autograd_mini as ag
from autograd_mini.nn.data import check_finite
from autograd_mini.nn.layers.dense import size
from autograd_mini.nn.module import Module
from autograd_mini.nn.operands import Data, arrays_of, made_by, numbers_instead, unmasked
from autograd_mini.nn.optimisers.methods import OPTIMISERS
from autograd_mini.nn.optimisers.optimiser import Optimiser
from autograd_mini.nn.optimisers.schedules import AnySchedule, Schedule
from autograd_mini.nn.suggest import unknown_name
from autograd_mini.nn.training.evaluation import measured
from autograd_mini.nn.training.modes import evaluating, quietly, undisturbed
from autograd_mini.nn.training.named_metrics import MetricFunction, scores
from autograd_mini.nn.training.objective import Objective
from autograd_mini.nn.training.samples import (
    for_all,
    joined,
    length,
    number,
    plain,
    samples,
    samples_at,
    told_of_all,
)
from autograd_mini.trees import leaves
from autograd_mini.typing import Array, Operand

SAMPLE = 128
"""How many samples tell the loss before training, and whether everything fits."""


class TrainingWarning(UserWarning):
    """Training went wrong, or could not have gone right; the message says what to do."""


def checked_data(X: Data, y: Data, what: str = "") -> tuple[Data, Data]:
    """Samples and targets, arrays or trees of arrays, of numbers and equally many.

    Raises:
        ValueError: there are none, they differ in length, or hold NaN or infinity.
        TypeError: they are no real numbers.
    """
    X, y = arrays_of(X, f"{what}X", _numeric), arrays_of(y, f"{what}y", _numeric)
    samples(what, X=X, y=y)
    return X, y


def _numeric(data: Data, what: str) -> Array:
    array = unmasked(data, what)
    if array.dtype.kind not in "fiub":
        raise TypeError(
            f"{what} holds real numbers, not {array.dtype}" + numbers_instead(data, array)
        )
    if array.dtype.kind == "f":
        check_finite(array, what)
    return np.asarray(array, order="C")  # what a batch takes its samples from


def checked_validation(given: tuple[Data, Data]) -> tuple[Data, Data]:
    """``validation_data``, checked as ``checked_data`` does."""
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise ValueError(
            "validation_data is a pair: write validation_data=(X_held_out, y_held_out)"
        )
    X, y = given
    return checked_data(X, y, what="validation_data: ")


def check_options(epochs: int, batch_size: int, shuffle: bool, schedule_by: str) -> None:
    """Refuse options of ``fit`` that are out of range."""
    size("epochs", epochs)
    size("batch_size", batch_size)
    if not isinstance(shuffle, bool | np.bool_):
        raise TypeError(f"shuffle is True or False, not {shuffle!r}")
    if schedule_by not in ("epoch", "step"):
        raise ValueError(f"schedule_by is 'epoch' or 'step', not {schedule_by!r}")


def held_out_rows(
    share: float, given: tuple[Data, Data] | None, count: int, rng: np.random.Generator
) -> Array:
    """The indices to validate on: a share of so many samples, chosen at random; none if 0."""
    if not 0 <= share < 1:
        raise ValueError(f"validation_split is a share of at least 0 and below 1, not {share!r}")
    if share and given is not None:
        raise ValueError("give validation_split or validation_data, not both")
    held = math.floor(share * count + 0.5)
    if share and not 0 < held < count:
        raise ValueError(f"validation_split={share} of {count} samples leaves a part empty")
    return rng.permutation(count)[:held] if held else np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Look:
    """What the look before training found.

    Attributes:
        targets: all of them as the loss takes them.
        outputs: the model's for some samples, as the metrics take them.
        loss: that of some samples, as a step would find it.
        usual: the loss, or that of outputs which say nothing if this is more.
    """

    targets: Data
    outputs: Data
    loss: float
    usual: float


def first_look(
    objective: Objective,
    X: Data,
    y: Data,
    kept: Array,
    validation: tuple[Data, Data] | None,
    metrics: dict[str, MetricFunction],
    batch_size: int,
) -> Look:
    """Run everything once on some samples, so that what does not fit is refused here.

    Nothing of the model is changed but for sizes that were left open, and whatever fails does so
    before anything is learnt.

    Arguments:
        X, y: all samples.
        kept: the indices of the samples to train on.
        validation, metrics, batch_size: as for ``_Training``.
    """
    model = objective.model
    indices = kept[:: -(-len(kept) // SAMPLE)]
    inputs = samples_at(X, indices)
    if any(module._waits for module in model.modules()):
        with evaluating(model), ag.no_grad(), quietly():
            told_of_all(objective.outputs, (inputs,), lambda: (X,))
    with undisturbed(model), quietly():
        model.train()
        outputs = told_of_all(objective.outputs, (inputs,), lambda: (X,))
        targets = objective.checked_targets(y, outputs)
        for part, _, labels in objective.parts(outputs, targets):
            _warn_of_one_class(part, labels)
        some = samples_at(targets, indices)
        count = length(X)
        loss = told_of_all(
            objective.one_loss, (outputs, some), lambda: (for_all(outputs, count), targets)
        )
        _warn_of_slips(loss, outputs, targets)
        found = number(loss)
        usual = max(found, objective.of_nothing(outputs, some))
        if not getattr(loss, "parents", ()):
            raise ValueError(
                "the loss does not depend on any parameter, so nothing could be learnt: is fit "
                "called inside ag.no_grad(), or does the loss use .data?"
            )
        predicted = plain(outputs)
        if metrics:
            predicted = joined([objective.predictions(outputs)])
            told_of_all(
                scores, (metrics, predicted, some),
                lambda: (metrics, for_all(predicted, count), targets),
            )  # fmt: skip
        if len(kept) % batch_size == 1 and len(kept) > 1:
            try:
                objective.outputs(samples_at(X, kept[:1]))
            except ValueError as error:
                raise ValueError(
                    f"the last batch of each epoch has one sample ({len(kept)} samples, "
                    f"batch_size={batch_size}): {error}; choose another batch_size"
                ) from None
        if validation is not None:
            measured(objective, *validation, metrics, SAMPLE, first_only=True)
    all_of_them = len(kept) / len(indices) if objective.sums else 1.0
    return Look(targets, predicted, found * all_of_them, usual * all_of_them)


_OF_LOGITS = [ag.OPERATIONS[name] for name in ("softmax", "log_softmax", "sigmoid", "log_sigmoid")]
"""The operations that take logits, of whose results none is a logit."""


def _warn_of_slips(loss: Operand, outputs: Data, targets: Data) -> None:
    """Warn of what a function of the user's does in silence, and nobody means."""
    several = leaves(arrays_of(outputs, "outputs", lambda x, _: x))
    given = [x for x in several if isinstance(x, ag.Tensor)]
    if not (given and isinstance(loss, ag.Tensor)):
        return
    in_model = {id(node) for x in given for node in ag.topological_order(x)}
    in_loss = [node for node in ag.topological_order(loss) if id(node) not in in_model]
    ends = {(x.shape, t.shape[1:]) for x in given if x.ndim for t in leaves(targets)}
    for node in in_loss:
        shapes = [np.shape(operand) for operand in node.parents]
        for (n, *width), columns in ends:
            wide, flat = (n, 1), (n,)
            if {tuple(width), columns} == {(1,), ()} and n > 1 and {wide, flat} == set(shapes):
                count = length(targets)
                one, other = (count, *width), (count, *columns)
                warnings.warn(
                    f"the loss takes {node.op} of outputs of shape {one} and targets of shape "
                    f"{other}, which pairs every output with every target, {(count, count)}: "
                    f"write {'y[:, 0]' if columns else 'y[:, None]'} for y",
                    TrainingWarning,
                    stacklevel=4,
                )
                return
        maker = made_by(node.parents[0]) if node.operation in _OF_LOGITS else None
        if maker is not None and maker in _OF_LOGITS:
            warnings.warn(
                f"the loss takes {node.op} of outputs that are the result of "
                f"{maker.name} already: write np.log(outputs), or "
                "nn.cross_entropy(outputs, targets, from_logits=False)",
                TrainingWarning,
                stacklevel=4,
            )
            return


def _warn_of_one_class(objective: Objective, targets: Array) -> None:
    if not (objective.kind and objective.kind.tells_apart):
        return
    of_classes = objective.kind.targets == "classes" and targets.dtype.kind == "f"
    labels = targets.argmax(axis=-1) if of_classes else targets
    if labels.min() == labels.max():
        warnings.warn(
            f"all {len(targets)} targets are class {labels.flat[0]:g}: there is nothing to tell "
            "apart, and every prediction will be this class; give samples of every class",
            TrainingWarning,
            stacklevel=4,
        )


def schedule_for(given: AnySchedule | None, optimiser: Optimiser) -> Schedule | None:
    """The schedule of an optimiser: as given, or made by a function of the optimiser.

    Raises:
        TypeError: it is neither a Schedule nor such a function.
        ValueError: it is the schedule of another optimiser.
    """
    schedule = given(optimiser) if callable(given) else given
    if schedule is None:
        return None
    if not isinstance(schedule, Schedule):
        raise TypeError(
            f"schedule is an nn.Schedule, or a function that makes one of the optimiser, not "
            f"{given!r}: write schedule=lambda optimiser: nn.CosineSchedule(optimiser, steps=10)"
        )
    if schedule.optimiser is not optimiser:
        raise ValueError(
            "the schedule sets the rates of another optimiser: give fit that optimiser as well, "
            "or schedule=lambda optimiser: ..., a function that makes the schedule"
        )
    return schedule


def check_rate(optimiser: Optimiser, schedule: Schedule | None) -> None:
    """Refuse to train with a rate of 0, unless a warm-up begins with it."""
    if any(group["rate"] for group in optimiser.groups):
        return
    if schedule is None or schedule.count or not any(schedule.start_rates):
        raise ValueError(
            "the learning rate is 0, where a schedule has ended: set optimiser.rate, and make a "
            "schedule anew"
        )


def optimiser_for(given: Optimiser | str, rate: float | None, model: Module) -> Optimiser:
    """The optimiser of a model: as given, or made of its name and rate.

    Raises:
        TypeError: it is neither an Optimiser nor a name.
        ValueError: the name is not known, a rate is missing or too many, or the optimiser has
            none of the model's parameters.
    """
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
    own = {id(parameter) for parameter in model.parameters()}
    if not any(id(parameter) in own for parameter in given.parameters):
        raise ValueError(
            "the optimiser was made of other parameters, none of which is the model's: write "
            f"nn.{type(given).__name__}(model.parameters(), ...)"
        )
    if rate is not None:
        raise ValueError(f"rate={rate} goes with an optimiser's name; {given!r} has its own")
    return given
