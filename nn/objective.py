"""Objective: which loss a model is trained with, and what goes into it.

``cross_entropy`` and ``binary_cross_entropy`` are computed from logits, before the model's last
activation, where they stay exact; every other loss is computed from the model's output.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

import autograd_mini as ag
from autograd_mini.nn import losses, metrics
from autograd_mini.nn.activations import name_of, resolve
from autograd_mini.nn.dense import Dense, size
from autograd_mini.nn.module import Module
from autograd_mini.nn.operands import Array, arrays_of, is_several, numbers, operand
from autograd_mini.nn.refusals import class_targets, look_like_probabilities, same_shape
from autograd_mini.nn.sequential import Sequential
from autograd_mini.nn.suggest import unknown_name
from autograd_mini.other_libraries import refuse_options
from autograd_mini.trees import leaves, paths, rebuild

Loss = str | Callable[[Any, Any], Any] | Mapping[Any, Any] | Sequence[Any]
"""A loss by name, or a function ``(outputs, targets)`` that gives one number; for a model of
several outputs a dict or a tuple of these, one for each output."""

Metric = str | Callable[[Any, Any], float]
"""A metric by name, or a function ``(outputs, targets)`` of plain arrays."""


def _public(module: Any) -> dict[str, Callable[..., Any]]:
    """The functions of a module that are its own."""
    return {
        name: function
        for name, function in vars(module).items()
        if inspect.isfunction(function)
        and function.__module__ == module.__name__
        and not name.startswith("_")
    }


_SHORT = {"mse": "mean_squared_error", "mae": "mean_absolute_error"}

LOSSES = _public(losses)
"""The losses by name."""
LOSSES |= {short: LOSSES[name] for short, name in _SHORT.items()}


def _perplexity(outputs: Array, targets: Array) -> float:
    """``nn.perplexity`` of what a model gives: probabilities after softmax, or else logits."""
    from_logits = not look_like_probabilities(outputs)
    return metrics.perplexity(outputs, targets, from_logits=from_logits)


METRICS = {n: metric for n, metric in _public(metrics).items() if n != "confusion_matrix"}
METRICS["perplexity"] = _perplexity
"""The metrics by name: those that are one number."""
METRICS |= {name: LOSSES[name] for names in _SHORT.items() for name in names}

_OF_LABELS = ("accuracy", "precision", "recall", "f1")
"""The metrics that take labels, which one output for yes or no has to be made into."""

_FROM_LOGITS: dict[str, dict[str, Any]] = {
    "cross_entropy": {},
    "binary_cross_entropy": {"from_logits": True},
}
"""The losses that take what comes before the last activation, with the option that says so."""


def _cross_entropy(outputs: Any, targets: Array) -> Any:
    if not isinstance(outputs, ag.Tensor):
        return losses.cross_entropy(outputs, targets)
    divisor = float(targets.size)
    return losses.softmax_loss(outputs, wanted=targets, weights=None, divisor=divisor)


_UNCHECKED = {"cross_entropy": _cross_entropy}
"""For class indices: the same numbers as the loss of this name, without its checks."""

_SUMS = {"half_squared_error"}
"""The losses that are sums over samples, not means."""

_LOSS_OF_ACTIVATION = {
    "softmax": "cross_entropy",
    "sigmoid": "binary_cross_entropy",
    "identity": "mean_squared_error",
}
_ACTIVATION_OF_LOSS = {loss: activation for activation, loss in _LOSS_OF_ACTIVATION.items()}

OF_CLASSES = ("cross_entropy", "negative_log_likelihood")
"""The losses whose targets are class indices or rows of probabilities."""


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
        built_in: whether it is one of ``nn``, and no function of the user's.
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

    def __init__(self, model: Module, loss: Any = None, *, from_output: bool = False) -> None:
        self.model = model
        head = model
        while isinstance(head, Sequential):
            head = head.layers[-1]
        last = head.activation if isinstance(head, Dense) else head
        known = not isinstance(last, Module)
        if loss is None and not from_output:
            loss = _LOSS_OF_ACTIVATION.get(name_of(last).strip("'"), "") if known else ""
            if not loss:
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
        self.built_in = LOSSES.get(self.name) is function
        unknown = given.keys() - inspect.signature(function).parameters.keys() if given else ()
        if self.built_in and unknown:
            refuse_options(self.name, dict.fromkeys(sorted(unknown)))
        self.sums = self.built_in and (self.name in _SUMS or given.get("reduction") == "sum")
        self.weighted = self.built_in and not self.sums and "class_weights" in given
        from_logits = self.built_in and self.name in _FROM_LOGITS
        from_logits = from_logits and given.get("from_logits") is not False
        self._function = targets_second(function)
        has_logits = hasattr(model, "logits") and not from_output
        own_logits = has_logits and not isinstance(model, Sequential | Dense)
        self._from_logits = from_logits and (known or own_logits) and has_logits
        self.options = dict(given)
        self._options = given | (_FROM_LOGITS[self.name] if self._from_logits else {})
        self._is_plain = self.built_in and not given
        if self._from_logits:
            self._activation = resolve(_ACTIVATION_OF_LOSS[self.name] if own_logits else last)
        self._yes_above: float | None = None
        if last == "sigmoid" or (self.built_in and self.name == "binary_cross_entropy"):
            self._yes_above = 0.5
        elif self.built_in and self.name == "hinge":
            self._yes_above = 0.0

    def outputs(self, inputs: Any) -> Any:
        """What the loss takes for a batch of inputs: the model's logits, or its output.

        A tuple of inputs is given to the model as so many arguments.
        """
        model: Any = self.model
        return _called(model.logits if self._from_logits else model, inputs)

    def last(self, layer: Any, x: Any) -> Any:
        """What the loss takes, from the last layer of a ``Sequential`` and its input."""
        if not self._from_logits:
            return layer(x)
        return layer.linear(x) if isinstance(layer, Dense) else x

    def loss(self, outputs: Any, targets: Any) -> Any:
        """The loss, one number that can be differentiated."""
        if self.built_in:
            self._refuse_several(outputs, targets)
        return self._function(outputs, targets, **self._options)

    def one_loss(self, outputs: Any, targets: Any) -> Any:
        """``loss``, refused if it is not one number."""
        loss = self.loss(outputs, targets)
        number(loss)
        return loss

    def _refuse_several(self, outputs: Any, targets: Any) -> None:
        if is_several(outputs):
            keys = _keys(outputs)
            each = ", ".join(f"{key!r}: ..." for key in keys)
            wanted = f"loss={{{each}}}" if isinstance(outputs, Mapping) else "a tuple of losses"
            raise ValueError(
                f"{self.name} takes one output, and the model gives {_kind(outputs)}: write "
                f"{wanted}, one for each output, or a function (outputs, targets)"
            )
        if is_several(targets):
            raise ValueError(
                f"{self.name} takes one array of targets, and y is {_kind(targets)}: give the one "
                "that belongs to the model's output, or a function (outputs, targets) as the loss"
            )

    def loss_without_checks(self, targets: Any) -> Callable[[Any, Any], Any]:
        """``loss`` for batches of targets that ``checked_targets`` gave."""
        if self._is_plain and self.name in _UNCHECKED and targets.dtype.kind == "i":
            return _UNCHECKED[self.name]
        return self.loss

    def parts(self, outputs: Any, targets: Any) -> Iterator[tuple[Objective, Any, Any]]:
        """Each loss with its outputs and its targets: itself, with all of them."""
        yield self, outputs, targets

    def checked_targets(self, targets: Any, outputs: Any) -> Any:
        """All targets, refused if the loss refuses one; class indices as whole numbers.

        Arguments:
            targets: those of N samples.
            outputs: for any number of samples; their shapes count.

        Raises:
            ValueError: a target is out of range, or its shape does not fit.
        """
        if not self.built_in:
            return targets
        self._refuse_several(outputs, targets)
        shape = np.shape(outputs)
        if self.built_in and self.name in OF_CLASSES:
            found = class_targets(self.name, (len(targets), *shape[1:]), targets)
            return found if found.ndim < len(shape) else found.astype(np.float64, copy=False)
        if self.built_in and targets.shape[1:] == shape[1:]:
            self.loss(np.full(targets.shape, 0.5), targets)  # a logit, probability or score
        elif self.built_in and shape:  # refused with the shapes of all samples
            same_shape(self.name, np.broadcast_to(0.0, (len(targets), *shape[1:])), targets)
        return targets

    def of_nothing(self, outputs: Any, targets: Any) -> float:
        """The loss of outputs that say nothing: 0, or every class alike; ∞ if it is not known.

        Arguments:
            outputs: any outputs for these targets; their shape counts.
        """
        if not self._is_plain:
            try:
                with ag.no_grad(), np.errstate(all="ignore"):
                    several = arrays_of(outputs, "outputs", operand)
                    zeros = (ag.Tensor(np.zeros(np.shape(x))) for x in leaves(several))
                    nothing = number(self.loss(rebuild(several, zeros), targets))
            except Exception:  # a function that takes no such outputs
                return math.inf
            return nothing if math.isfinite(nothing) else math.inf
        if self.name in OF_CLASSES:
            return math.log(np.shape(outputs)[-1])
        if self.name == "binary_cross_entropy":
            return math.log(2)
        return number(self.loss(np.zeros(np.shape(outputs)), targets))

    def predictions(self, outputs: Any) -> Any:
        """The model's output as plain numbers, from what ``outputs`` gave."""
        found = plain(outputs)
        return np.asarray(self._activation(found)) if self._from_logits else found

    def metrics(self, given: Any) -> dict[str, Callable[[Any, Any], float]]:
        """``named_metrics``; those of labels take one output for yes or no as what it says.

        That is yes above 0.5 for probabilities, above 0 for the scores of ``hinge``.
        """
        found = named_metrics(given)
        if self._yes_above is not None:
            for name in _OF_LABELS:
                if found.get(name) is METRICS[name]:
                    found[name] = functools.partial(_of_yes_or_no, found[name], self._yes_above)
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

    def __init__(self, model: Module, losses: Any) -> None:
        self.model = model
        self._losses = {
            key: Objective(model, losses[key], from_output=True) for key in _keys(losses)
        }
        each = self._losses.values()
        self.name = ", ".join(f"{key!r}: {part.name}" for key, part in self._losses.items())
        self.name = f"{{{self.name}}}"
        self.built_in = False
        self.options = {key: part.options for key, part in self._losses.items()}
        self.sums = all(part.sums for part in each)
        self.weighted = any(part.weighted for part in each)
        self._from_logits = self._is_plain = False
        self._yes_above = None
        if any(part.sums for part in each) and not self.sums:
            raise ValueError(
                f"of the losses {self.name} some are sums over the samples and others means, which "
                "do not add up over batches: take mean_squared_error for half_squared_error, or "
                'reduction="mean" in all'
            )

    def parts(self, outputs: Any, targets: Any) -> Iterator[tuple[Objective, Any, Any]]:
        """Each loss with its output and its targets.

        Raises:
            ValueError: there is no such output, or targets without a loss.
        """
        losses = list(self._losses)
        for what, tree, there in (
            ("the model gives", outputs, set(losses) <= set(_keys(outputs))),
            ("y is", targets, set(losses) == set(_keys(targets))),
        ):
            if not there:
                raise ValueError(
                    f"there are losses for {', '.join(map(repr, losses))}, and {what} "
                    f"{_kind(tree)}: give one loss and one array of targets for each output"
                )
        for key, part in self._losses.items():
            yield part, outputs[key], targets[key]

    def loss(self, outputs: Any, targets: Any) -> Any:
        """The sum of the losses, one number that can be differentiated."""
        each = [part.loss(x, t) for part, x, t in self.parts(outputs, targets)]
        return sum(each[1:], each[0])

    def checked_targets(self, targets: Any, outputs: Any) -> Any:
        """All targets, checked each by its loss."""
        each = [part.checked_targets(t, x) for part, x, t in self.parts(outputs, targets)]
        return rebuild(targets, iter(each))

    def of_nothing(self, outputs: Any, targets: Any) -> float:
        """The sum of what the losses are for outputs that say nothing."""
        return math.fsum(part.of_nothing(x, t) for part, x, t in self.parts(outputs, targets))


def objective_for(model: Module, loss: Loss | None) -> Objective:
    """The objective of a loss, or of one for each output."""
    several = isinstance(loss, Mapping | tuple | list)
    return LossOfEach(model, loss) if several else Objective(model, loss)


def _keys(tree: Any) -> list[Any]:
    """The keys of a dict, the indices of a tuple or list; none of one array."""
    if isinstance(tree, Mapping):
        return list(tree)
    return list(range(len(tree))) if isinstance(tree, tuple | list) else []


def _kind(tree: Any) -> str:
    """A word for outputs, targets or losses in a message."""
    if not is_several(tree):
        return "one array"
    kind = "dict" if isinstance(tree, Mapping) else type(tree).__name__
    parts = ", ".join(map(repr, tree)) if kind == "dict" else str(len(tree))
    return f"a {kind} of {parts}"


def _of_yes_or_no(
    metric: Callable[[Any, Any], float], above: float, outputs: Array, targets: Array
) -> float:
    shape = outputs.shape
    if len(shape) == 1 or shape[1:] == (1,):
        if targets.shape not in (shape, shape[:1]):
            return metric(outputs.ravel() > above, targets)
        targets = targets.ravel()
        return metric(outputs.ravel() > above, targets if above else targets > 0)
    return metric(outputs, targets)


def targets_second(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """A loss or metric as a function of outputs and targets.

    Functions whose first argument is called ``y_true``, scikit-learn's and Keras's, take the
    targets first.

    >>> def excess(y_true, y_pred):
    ...     return y_pred - y_true
    >>> targets_second(excess)(5.0, 1.0)
    4.0
    """
    try:
        first = next(iter(inspect.signature(function).parameters), "")
    except (TypeError, ValueError):  # not every callable has a signature
        return function
    return (lambda outputs, targets: function(targets, outputs)) if first == "y_true" else function


def named_metrics(given: Any) -> dict[str, Callable[[Any, Any], float]]:
    """Metrics by name, from names, functions, a list of both, or a dict.

    >>> list(named_metrics("accuracy"))
    ['accuracy']
    """
    if isinstance(given, Mapping):
        if "loss" in given:
            raise ValueError("the history has a column 'loss' already: name the metric otherwise")
        return {name: targets_second(_metric(metric)) for name, metric in given.items()}
    if isinstance(given, str) or callable(given) or not isinstance(given, Iterable):
        given = [given]
    found: dict[str, Callable[[Any, Any], float]] = {}
    for metric in given:
        name = metric
        if not isinstance(metric, str):
            name = getattr(metric, "__name__", type(metric).__name__)
        metric = _metric(metric)
        if name in found or name == "loss":
            raise ValueError(
                f"two columns of the history would be called {name!r}: give the metrics as a dict "
                "{name: function} with names of their own"
            )
        found[name] = targets_second(metric)
    return found


def _metric(given: Any) -> Callable[[Any, Any], float]:
    if isinstance(given, str):
        if given not in METRICS:
            raise ValueError(unknown_name("metric", given, METRICS))
        return METRICS[given]
    if not callable(given):
        raise TypeError(f"a metric is a name or a function, not {type(given).__name__}")
    return given  # type: ignore[no-any-return]


def scores(
    metrics: Mapping[str, Callable[[Any, Any], float]], outputs: Any, targets: Any
) -> dict[str, float]:
    """Each metric of all outputs and targets.

    Raises:
        ValueError: a metric of ``nn`` is given several outputs or targets.
    """
    if is_several(outputs) or is_several(targets):
        known = list(METRICS.values())
        for name, metric in metrics.items():
            if metric in known:
                several = outputs if is_several(outputs) else targets
                at = [f"[{_keys(x)[0]!r}]" if is_several(x) else "" for x in (outputs, targets)]
                raise ValueError(
                    f"{name} takes one output and its targets, not {_kind(several)}: write "
                    f"metrics={{{name!r}: lambda outputs, targets: "
                    f"nn.{name}(outputs{at[0]}, targets{at[1]})}}"
                )
    return {name: metric(outputs, targets) for name, metric in metrics.items()}


def plain(outputs: Any) -> Any:
    """A model's outputs as plain numbers: an array, or a tree of arrays."""
    return arrays_of(outputs, "outputs", lambda x, _: numbers(x))


def length(X: Any) -> int:
    """How many samples an array, or a tree of arrays, has."""
    return len(X if isinstance(X, np.ndarray) else leaves(X)[0])


def rows_of(X: Any, rows: Any) -> Any:
    """The samples with these numbers, of an array or of each array in a tree."""
    if isinstance(X, np.ndarray):
        return X[rows]
    return rebuild(X, (array[rows] for array in leaves(X)))


def joined(batches: Sequence[Any]) -> Any:
    """The samples of all batches in one array, or in each array of a tree.

    Raises:
        ValueError: a part has no axis of samples.
    """
    if isinstance(batches[0], np.ndarray) and batches[0].ndim:
        return np.concatenate(batches)
    for path, array in zip(paths(batches[0]), leaves(batches[0]), strict=True):
        if not array.ndim:
            raise ValueError(
                f"the model's output{path} is one number for a batch, and outputs have the samples "
                "along their first axis: give one for each sample"
            )
    each = zip(*map(leaves, batches), strict=True)
    return rebuild(batches[0], (np.concatenate(arrays) for arrays in each))


def samples(what: str, **data: Any) -> int:
    """How many samples there are in each of these arrays and trees of arrays, by name.

    Raises:
        ValueError: there are none, an array has no axis of samples, or they differ in length.

    >>> samples("fit: ", X={"a": np.zeros(3), "b": np.zeros(4)})
    Traceback (most recent call last):
    ValueError: fit: X['a'] has 3 samples and X['b'] 4; they lie along the first axis of each
    """
    arrays = {
        f"{name}{path}": array
        for name, tree in data.items()
        for path, array in zip(paths(tree), leaves(tree), strict=True)
    }
    for name, array in arrays.items():
        if not array.ndim:
            raise ValueError(f"{what}{name} holds one entry for each sample, not single numbers")
    (first, array), *others = arrays.items()
    for name, other in others:
        if len(other) != len(array):
            hint = ""
            for odd, wide, count in ((name, other, len(array)), (first, array, len(other))):
                if wide.ndim > 1 and wide.shape[1] == count:
                    hint = (
                        f", and {odd} of shape {wide.shape} has them along its second: write "
                        f"np.swapaxes({odd}, 0, 1), or a tuple of arrays for several"
                    )
            raise ValueError(
                f"{what}{first} has {len(array)} samples and {name} {len(other)}; they lie along "
                f"the first axis of each{hint}"
            )
    if not len(array):
        raise ValueError(f"{what}there are no samples ({first} has shape {array.shape})")
    return len(array)


T = TypeVar("T")


def told_of_all(
    use: Callable[..., T], part: Sequence[Any], whole: Callable[[], Sequence[Any]]
) -> T:
    """What ``use`` gives for some of the samples; refused, if it is, as for all of them.

    So the shapes in an error are those that the user knows, not those of a batch.

    Arguments:
        use: a function that refuses some data, and changes nothing that counts.
        part, whole: its arguments for some samples, and what makes those for all; the last one
            has the samples along the first axis.

    Raises:
        ValueError: all samples fit, and some of them do not.
    """
    try:
        return use(*part)
    except (ValueError, TypeError, IndexError) as error:
        refused = error
    some, every = length(part[-1]), whole()
    if some == length(every[-1]):
        raise refused
    try:
        use(*every)
    except (ValueError, TypeError, IndexError) as error:
        raise error from None
    raise ValueError(
        f"{refused}: all {length(every[-1])} samples at once fit, and a batch does not: what "
        "belongs to each sample goes into X or y, as in y=(y, weights)"
    ) from refused


def _whole(outputs: Any, targets: Any, count: int) -> tuple[Any, Any]:
    return for_all(outputs, count), targets


def for_all(outputs: Any, count: int) -> Any:
    """Outputs of some samples, repeated to the length of all: what an error is told of."""
    several = arrays_of(outputs, "outputs", operand)
    shapes = [np.shape(x) for x in leaves(several)]
    repeated = (
        x[np.arange(count) % shape[0]] if shape and shape[0] else x
        for x, shape in zip(leaves(several), shapes, strict=True)
    )
    return rebuild(several, repeated)


def predict(model: Module, X: Any, *, batch_size: int = 1024) -> Any:
    """The model's output for all samples as plain numbers: eval mode, nothing recorded.

    Arguments:
        model: any Module; its mode is as before afterwards.
        X: inputs with the samples along the first axis, or a tuple or dict of such arrays.
        batch_size: how many samples go through the model at a time.

    Returns:
        An array with the samples along the first axis; for a model of several outputs a dict or
        tuple of arrays, as it gives them.

    Raises:
        ValueError: there are no samples, or the inputs differ in length.

    >>> from autograd_mini import nn
    >>> nn.predict(nn.MLP([2, 3], rng=0), np.zeros((4, 2))).shape
    (4, 3)
    """
    X = arrays_of(X, "X")
    count = samples("predict: ", X=X)
    with evaluating(model), ag.no_grad():
        batches = [rows_of(X, rows) for rows in _slices(count, batch_size)]
        return joined(
            [plain(told_of_all(_called, (model, b), lambda: (model, X))) for b in batches]
        )


def evaluate(
    model: Module,
    X: Any,
    y: Any,
    *,
    loss: Loss | None = None,
    metrics: Any = (),
    batch_size: int = 1024,
) -> dict[str, float]:
    """The loss and metrics of a model on data: eval mode, nothing recorded.

    Arguments:
        model: any Module; its mode is as before afterwards.
        X, y: inputs and targets, as for ``nn.fit``.
        loss, metrics: as for ``nn.fit``.
        batch_size: how many samples go through the model at a time.

    Returns:
        ``"loss"``, the mean of the batches' losses weighted by their sizes (a sum for a loss that
        is a sum), and each metric by name, computed on all samples at once.

    Raises:
        ValueError: there are no samples, or the loss refuses outputs or targets.

    >>> from autograd_mini import nn
    >>> found = nn.evaluate(nn.MLP([2, 3], rng=0), np.zeros((3, 2)), [0, 1, 2],
    ...                     metrics="accuracy")
    >>> round(found["loss"], 4), round(found["accuracy"], 4)
    (1.0986, 0.3333)
    """
    objective = objective_for(model, loss)
    wanted = objective.metrics(metrics)
    return measured(objective, arrays_of(X, "X"), arrays_of(y, "y"), wanted, batch_size)


def measured(
    objective: Objective,
    X: Any,
    y: Any,
    metrics: Mapping[str, Callable[[Any, Any], float]],
    batch_size: int,
    *,
    first_only: bool = False,
) -> dict[str, float]:
    """``evaluate`` with its arguments made ready; or of the first batch, to see that all fits."""
    count = samples("evaluate: ", X=X, y=y)
    losses, predictions = [], []
    with evaluating(objective.model), ag.no_grad():
        for rows in _slices(count, batch_size)[: 1 if first_only else None]:
            inputs, targets = rows_of(X, rows), rows_of(y, rows)
            outputs = told_of_all(objective.outputs, (inputs,), lambda: (X,))
            whole = functools.partial(_whole, outputs, y, count)
            loss = number(told_of_all(objective.one_loss, (outputs, targets), whole))
            losses.append(loss if objective.sums else loss * (len(rows) / count))
            if metrics:
                predictions.append(objective.predictions(outputs))
    found = {"loss": math.fsum(losses) if np.isfinite(losses).all() else float(np.sum(losses))}
    if not metrics:
        return found
    if first_only:
        return found | told_of_all(
            scores,
            (metrics, joined(predictions), rows_of(y, rows)),
            lambda: (metrics, for_all(joined(predictions), count), y),
        )
    return found | scores(metrics, joined(predictions), y)


def _called(forward: Any, inputs: Any) -> Any:
    return forward(*inputs) if isinstance(inputs, tuple) else forward(inputs)


def number(loss: Any) -> float:
    """A loss as a float.

    Raises:
        ValueError: it holds several numbers.
    """
    data = loss.data if isinstance(loss, ag.Tensor | ag.Value) else loss
    if np.size(data) != 1:
        raise ValueError(
            f"the loss is one number, and this one has shape {np.shape(data)}: reduce it with "
            "np.mean or np.sum"
        )
    return float(data) if np.ndim(data) == 0 else float(np.reshape(data, ()))


class evaluating:
    """A ``with`` block in eval mode; afterwards every part has the mode that it had."""

    def __init__(self, model: Module) -> None:
        self.model = model

    def __enter__(self) -> None:
        self._modes = [(module, module.training) for module in self.model.modules()]
        self.model.eval()

    def __exit__(self, *error: object) -> None:
        for module, mode in self._modes:
            module.training = mode


def quietly() -> np.errstate:
    """A ``with`` block in which a diverging model does not warn of each number."""
    return np.errstate(over="ignore", invalid="ignore")


@contextmanager
def undisturbed(model: Module) -> Iterator[None]:
    """A ``with`` block in which a model may run in any mode: afterwards nothing has changed.

    Modes, buffers such as running statistics, and Generators are put back; parameters and
    gradients are not looked after.
    """
    modes = [(module, module.training) for module in model.modules()]
    generators = [(g, g.bit_generator.state) for _, g in model.named_generators()]
    buffers = [(buffer, buffer.copy()) for _, buffer in model.named_buffers()]
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
        for g, state in generators:
            g.bit_generator.state = state
        for buffer, before in buffers:
            buffer[...] = before


def _slices(count: int, batch_size: int) -> list[Array]:
    batch_size = size("batch_size", batch_size)
    return [
        np.arange(start, min(start + batch_size, count)) for start in range(0, count, batch_size)
    ]
