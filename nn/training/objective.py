"""Objective: which loss a model is trained with, and what goes into it.

``cross_entropy`` and ``binary_cross_entropy`` are computed from logits, before the model's last
activation, where they stay exact; every other loss is computed from the model's output.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

import autograd_mini as ag
from autograd_mini.nn.activations import name_of, resolve
from autograd_mini.nn.layers.dense import Dense
from autograd_mini.nn.layers.sequential import Sequential
from autograd_mini.nn.losses.loss import LOSSES, Loss, default_loss, loss_of
from autograd_mini.nn.losses.refusals import class_targets, same_shape
from autograd_mini.nn.module import Module
from autograd_mini.nn.operands import Data, arrays_of, is_several, operand
from autograd_mini.nn.suggest import unknown_name
from autograd_mini.nn.training.named_metrics import (
    OF_LABELS,
    MetricFunction,
    Metrics,
    named_metrics,
    of_yes_or_no,
    targets_second,
)
from autograd_mini.nn.training.samples import called, keys_of, kind_of, number, plain
from autograd_mini.other_libraries import refuse_options
from autograd_mini.trees import leaves, rebuild
from autograd_mini.typing import Array, Operand

AnyLoss = str | Callable[[Any, Any], Any] | Mapping[Any, Any] | Sequence[Any]
"""A loss by name, or a function ``(outputs, targets)`` that gives one number; for a model of
several outputs a dict or a tuple of these, one for each output."""


class Objective:
    """A model's loss as a function of inputs and targets.

    Arguments:
        model: any Module.
        loss: a name, a function, or ``None`` for the one that fits the last activation: softmax
            and ``cross_entropy``, sigmoid and ``binary_cross_entropy``, none and
            ``mean_squared_error``.  A ``functools.partial`` of one of ``nn`` is that loss with
            options, such as ``partial(nn.cross_entropy, class_weights=[1, 9])``.  Any other
            function gets what the model's ``forward`` gives.
        from_output: take the model's output for every loss, also where it has ``logits``.

    Attributes:
        name: the loss's name.
        kind: what it says of itself; ``None`` of a plain function.
        sums: whether it is a sum over the samples of a batch, not a mean.
        weighted: whether it is a mean that the weights of the batch's classes divide.
        options: what a ``functools.partial`` gives the loss, by name.

    Raises:
        ValueError: no loss has this name, or there is no default for this model.

    >>> from autograd_mini import nn
    >>> objective = Objective(nn.MLP([2, 3], rng=0))
    >>> objective.name
    'cross_entropy'
    >>> outputs = objective.outputs(np.zeros((4, 2)))
    >>> objective.loss(outputs, np.array([0, 1, 2, 0])).data.round(4)
    np.float64(1.0986)
    """

    def __init__(
        self, model: Module, loss: AnyLoss | None = None, *, from_output: bool = False
    ) -> None:
        self.model = model
        head = model
        while isinstance(head, Sequential):
            head = head.layers[-1]
        last = head.activation if isinstance(head, Dense) else head
        known = not isinstance(last, Module)
        if loss is None and not from_output:
            loss = default_loss(name_of(last).strip("'")) if known else None
            if loss is None:
                raise ValueError(
                    f"there is no usual loss for a model that ends in {head!r}: give fit one, such "
                    "as loss='mean_squared_error', or a function of outputs and targets"
                )
        if isinstance(loss, str) and loss not in LOSSES:
            raise ValueError(unknown_name("loss", loss, LOSSES))
        function = LOSSES[loss] if isinstance(loss, str) else loss
        if not callable(function):
            raise TypeError(
                f"loss is a name or a function (outputs, targets), not {type(loss).__name__}"
            )
        given: dict[str, Any] = {}
        if isinstance(function, functools.partial) and not function.args:
            given, function = function.keywords, function.func
        self.name = getattr(function, "__name__", type(function).__name__)
        self.kind = kind = loss_of(function)
        unknown = given.keys() - inspect.signature(function).parameters.keys() if given else ()
        if kind and unknown:
            refuse_options(self.name, dict.fromkeys(sorted(unknown)))
        self.sums = bool(kind and (kind.sums or given.get("reduction") == "sum"))
        self.weighted = bool(kind and not self.sums and "class_weights" in given)
        self._function = targets_second(function)
        self.options = dict(given)
        self._options = given
        self._is_plain = kind is not None and not given
        self._activation: Callable[[Any], Any] | None = None
        if kind and kind.logits_by is not None and given.get("from_logits") is not False:
            has_logits = hasattr(model, "logits") and not from_output
            own_logits = has_logits and not isinstance(model, Sequential | Dense)
            if own_logits or (has_logits and known):
                self._options = {**given, **kind.logits_by}
                self._activation = resolve(kind.activation if own_logits else last)
        self._yes_above = kind.yes_above if kind else None
        if last == "sigmoid":
            self._yes_above = 0.5

    def outputs(self, inputs: Data) -> Data:
        """What the loss takes for a batch of inputs: the model's logits, or its output.

        A tuple of inputs is given to the model as so many arguments.
        """
        model: Any = self.model
        return called(model.logits if self._activation else model, inputs)

    def last(self, layer: Module, x: Operand) -> Operand:
        """What the loss takes, from the last layer of a ``Sequential`` and its input."""
        if not self._activation:
            return layer(x)
        return layer.linear(x) if isinstance(layer, Dense) else x

    def loss(self, outputs: Data, targets: Data) -> Operand:
        """The loss, one number that can be differentiated."""
        if self.kind:
            self._refuse_several(outputs, targets)
        return self._function(outputs, targets, **self._options)

    def one_loss(self, outputs: Data, targets: Data) -> Operand:
        """``loss``, refused if it is not one number."""
        loss = self.loss(outputs, targets)
        number(loss)
        return loss

    def _refuse_several(self, outputs: Data, targets: Data) -> None:
        if is_several(outputs):
            keys = keys_of(outputs)
            each = ", ".join(f"{key!r}: ..." for key in keys)
            wanted = f"loss={{{each}}}" if isinstance(outputs, Mapping) else "a tuple of losses"
            raise ValueError(
                f"{self.name} takes one output, and the model gives {kind_of(outputs)}: write "
                f"{wanted}, one for each output, or a function (outputs, targets)"
            )
        if is_several(targets):
            raise ValueError(
                f"{self.name} takes one array of targets, and y is {kind_of(targets)}: give the "
                "one that belongs to the model's output, or a function (outputs, targets) as the "
                "loss"
            )

    def is_known(self, functions: Iterable[Callable[..., Any]]) -> bool:
        """Whether the loss is one of these functions, on one output."""
        return self.kind is not None and self.kind.function in functions

    def loss_without_checks(self, targets: Data) -> Callable[[Any, Any], Any]:
        """``loss`` for batches of targets that ``checked_targets`` gave."""
        fast = self.kind.unchecked if self.kind and self._is_plain else None
        return fast if fast and targets.dtype.kind == "i" else self.loss

    def parts(self, outputs: Data, targets: Data) -> Iterator[tuple[Objective, Any, Any]]:
        """Each loss with its outputs and its targets: itself, with all of them."""
        yield self, outputs, targets

    def checked_targets(self, targets: Data, outputs: Data) -> Data:
        """All targets, refused if the loss refuses one; class indices as whole numbers.

        Arguments:
            targets: those of N samples.
            outputs: for any number of samples; their shapes count.

        Raises:
            ValueError: a target is out of range, or its shape does not fit.
        """
        if not self.kind:
            return targets
        self._refuse_several(outputs, targets)
        shape = np.shape(outputs)
        if self.kind.targets == "classes":
            found = class_targets(self.name, (len(targets), *shape[1:]), targets)
            return found if found.ndim < len(shape) else found.astype(np.float64, copy=False)
        if targets.shape[1:] == shape[1:]:
            self.loss(np.full(targets.shape, 0.5), targets)  # a logit, probability or score
        elif shape:  # refused with the shapes of all samples
            same_shape(self.name, np.broadcast_to(0.0, (len(targets), *shape[1:])), targets)
        return targets

    def of_nothing(self, outputs: Data, targets: Data) -> float:
        """The loss of outputs that say nothing: 0, or every class alike; ∞ if it is not known.

        Arguments:
            outputs: any outputs for these targets; their shape counts.
        """
        try:
            with ag.no_grad(), np.errstate(all="ignore"):
                several = arrays_of(outputs, "outputs", operand)
                nothing = (ag.Tensor(self._nothing(np.shape(x))) for x in leaves(several))
                found = number(self.loss(rebuild(several, nothing), targets))
        except Exception:  # a function that takes no such outputs
            return math.inf
        return found if math.isfinite(found) else math.inf

    def _nothing(self, shape: tuple[int, ...]) -> Array:
        """Outputs of a shape that say nothing."""
        if self.kind and self.kind.takes == "log-probabilities":
            return np.full(shape, -math.log(shape[-1]))
        half = self.kind and self.kind.takes == "probabilities" and not self._activation
        return np.full(shape, 0.5 if half else 0.0)

    def predictions(self, outputs: Data) -> Data:
        """The model's output as plain numbers, from what ``outputs`` gave."""
        found = plain(outputs)
        return np.asarray(self._activation(found)) if self._activation else found

    def metrics(self, given: Metrics) -> dict[str, MetricFunction]:
        """``named_metrics``; those of labels take one output for yes or no as what it says.

        That is yes above 0.5 for probabilities, above 0 for the scores of ``hinge``.
        """
        found = named_metrics(given)
        if self._yes_above is not None:
            for name, metric in found.items():
                if metric in OF_LABELS:
                    found[name] = functools.partial(of_yes_or_no, metric, self._yes_above)
        return found


class LossOfEach(Objective):
    """The sum of several losses, one for each output of a model.

    Arguments:
        model: a Module whose output is a dict, a tuple or a list.
        losses: a loss for each output: a dict of these, or a tuple.  All of them get what
            ``forward`` gives.

    Raises:
        ValueError: one is not known, or some are means over the samples and others sums.

    >>> from autograd_mini import nn
    >>> class Both(nn.Module):
    ...     def forward(self, x):
    ...         return {"y": x, "z": 2 * x}
    >>> found = LossOfEach(Both(), {"y": "mse", "z": "mae"})
    >>> found.name
    "{'y': mean_squared_error, 'z': mean_absolute_error}"
    >>> found.loss({"y": np.ones(2), "z": np.ones(2)}, {"y": [0, 0], "z": [0, 1]})
    np.float64(1.5)
    """

    def __init__(self, model: Module, losses: Mapping[Any, Any] | Sequence[Any]) -> None:
        self.model = model
        self._losses = {
            key: Objective(model, losses[key], from_output=True) for key in keys_of(losses)
        }
        each = self._losses.values()
        self.name = ", ".join(f"{key!r}: {part.name}" for key, part in self._losses.items())
        self.name = f"{{{self.name}}}"
        self.kind: Loss | None = None
        self.options = {key: part.options for key, part in self._losses.items()}
        self.sums = all(part.sums for part in each)
        self.weighted = any(part.weighted for part in each)
        self._activation, self._is_plain = None, False
        self._yes_above = None
        if any(part.sums for part in each) and not self.sums:
            raise ValueError(
                f"of the losses {self.name} some are sums over the samples and others means, which "
                "do not add up over batches: take mean_squared_error for half_squared_error, or "
                'reduction="mean" in all'
            )

    def parts(self, outputs: Data, targets: Data) -> Iterator[tuple[Objective, Any, Any]]:
        """Each loss with its output and its targets.

        Raises:
            ValueError: there is no such output, or targets without a loss.
        """
        losses = list(self._losses)
        for what, tree, there in (
            ("the model gives", outputs, set(losses) <= set(keys_of(outputs))),
            ("y is", targets, set(losses) == set(keys_of(targets))),
        ):
            if not there:
                raise ValueError(
                    f"there are losses for {', '.join(map(repr, losses))}, and {what} "
                    f"{kind_of(tree)}: give one loss and one array of targets for each output"
                )
        for key, part in self._losses.items():
            yield part, outputs[key], targets[key]

    def loss(self, outputs: Data, targets: Data) -> Operand:
        """The sum of the losses, one number that can be differentiated."""
        each = [part.loss(x, t) for part, x, t in self.parts(outputs, targets)]
        return sum(each[1:], each[0])

    def checked_targets(self, targets: Data, outputs: Data) -> Data:
        """All targets, checked each by its loss."""
        each = [part.checked_targets(t, x) for part, x, t in self.parts(outputs, targets)]
        return rebuild(targets, iter(each))

    def of_nothing(self, outputs: Data, targets: Data) -> float:
        """The sum of what the losses are for outputs that say nothing."""
        return math.fsum(part.of_nothing(x, t) for part, x, t in self.parts(outputs, targets))


def objective_for(model: Module, loss: AnyLoss | None) -> Objective:
    """The objective of a loss, or of one for each output."""
    if isinstance(loss, Mapping | tuple | list):
        return LossOfEach(model, loss)
    return Objective(model, loss)
