"""Loss: what a loss function says of itself, so that whoever uses it need not guess.

>>> from autograd_mini import nn
>>> cross_entropy = nn.losses.loss_of(nn.cross_entropy)
>>> cross_entropy.takes, cross_entropy.targets, cross_entropy.activation
('logits', 'classes', 'softmax')
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from autograd_mini.typing import Array, Operand

LossFunction = Callable[..., Any]
"""A function ``(outputs, targets, **options)`` that gives one number."""

F = TypeVar("F", bound=LossFunction)


@dataclass(frozen=True)
class Loss:
    """What a loss function says of itself.

    Attributes:
        name: the function's name.
        function: the function, of outputs and targets.
        takes: what its outputs are.
        targets: what its targets are: ``"classes"`` are indices or rows of probabilities,
            ``"probabilities"`` are numbers from 0 for no to 1 for yes, ``"signs"`` are −1 and 1.
        activation: the last activation that it belongs to; such a model has it by default.
        logits_by: the options with which it takes logits; ``None`` if it never does.
        sums: whether it is a sum over the samples unless it is told otherwise.
        unchecked: for class indices that have been checked, the same numbers without checks.
    """

    name: str
    function: LossFunction
    takes: Literal["numbers", "scores", "logits", "probabilities", "log-probabilities"] = "numbers"
    targets: Literal["numbers", "classes", "probabilities", "signs"] = "numbers"
    activation: str = ""
    logits_by: Mapping[str, Any] | None = None
    sums: bool = False
    unchecked: Callable[[Operand, Array], Operand] | None = None

    @property
    def tells_apart(self) -> bool:
        """Whether its targets are kinds of samples, of which there must be more than one."""
        return self.targets != "numbers"

    @property
    def yes_above(self) -> float | None:
        """Above which output one output says yes; ``None`` if it says no such thing."""
        return {"probabilities": 0.5, "signs": 0.0}.get(self.targets)


LOSSES: dict[str, LossFunction] = {}
"""The losses by name."""


def declared(*, short: str = "", **facts: Any) -> Callable[[F], F]:
    """A decorator for a loss function: registers it with what it says of itself.

    Arguments:
        short: another name for it.
        facts: the attributes of ``Loss`` besides its name and function.

    >>> @declared(takes="probabilities", targets="probabilities")
    ... def brier(outputs, targets):
    ...     return ((outputs - targets) ** 2).mean()
    >>> loss_of(LOSSES.pop("brier")).yes_above
    0.5
    """

    def register(function: F) -> F:
        function.loss = Loss(function.__name__, function, **facts)  # type: ignore[attr-defined]
        for name in filter(None, (function.__name__, short)):
            LOSSES[name] = function
        return function

    return register


def loss_of(function: LossFunction) -> Loss | None:
    """What a loss function says of itself; ``None`` of one that says nothing."""
    loss = getattr(function, "loss", None)
    if isinstance(loss, Loss) and loss.function is function:  # no copy by functools.wraps
        return loss
    return None


def default_loss(activation: str) -> LossFunction | None:
    """The loss that belongs to a last activation; ``None`` if there is none.

    >>> from autograd_mini.nn import losses
    >>> losses.default_loss("identity").__name__
    'mean_squared_error'
    """
    for function in LOSSES.values():
        loss = loss_of(function)
        if loss is not None and activation and loss.activation == activation:
            return function
    return None
