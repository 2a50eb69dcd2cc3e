"""Optimisers: rules that turn gradients into updates of the parameters."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd_mini import Tensor, Value
from autograd_mini.nn.module import Module, Parameter


class SGD:
    """Gradient descent, with momentum: v ← μ·v + ∂E/∂w, then w ← w − η·v.

    "Stochastic" is up to the caller: the gradient may come from a mini-batch or from all data.
    The update is PyTorch's (``torch.optim.SGD`` without dampening), after I. Sutskever,
    J. Martens, G. Dahl and G. Hinton, "On the importance of initialization and momentum in
    deep learning", ICML 2013, with the rate taken out of v.

    Arguments:
        parameters: leaf Tensors and Values, as ``model.parameters()`` gives them.
        rate: the learning rate η, positive.
        momentum: μ, at least 0 and below 1; 0 is plain gradient descent.

    Attributes:
        parameters: the list of parameters.
        rate, momentum: may be changed between steps.

    Raises:
        TypeError: ``parameters`` holds something that is neither a Tensor nor a Value.
        ValueError: there are none, one stands twice or is no leaf; a number is out of range.

    >>> w = Value(1.0)
    >>> optimiser = SGD([w], rate=0.1)
    >>> (w * w).backward()
    >>> optimiser.step()
    >>> w.data, w.grad
    (0.8, 2.0)
    >>> optimiser.zero_grad()
    >>> w.grad
    0.0
    """

    def __init__(self, parameters: Iterable[Parameter], rate: float, momentum: float = 0.0) -> None:
        self.parameters = _checked(parameters)
        if not (0 < rate < math.inf):
            raise ValueError(f"rate is a positive number, not {rate!r}")
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum is at least 0 and below 1, not {momentum!r}")
        self.rate = rate
        self.momentum = momentum
        self._velocities: list[Any] = [
            np.zeros_like(p.data) if isinstance(p, Tensor) else 0.0 for p in self.parameters
        ]

    def step(self) -> None:
        """Update each parameter in place by its ``grad``."""
        for index, parameter in enumerate(self.parameters):
            update = parameter.grad
            if self.momentum:
                self._velocities[index] *= self.momentum
                self._velocities[index] += update
                update = self._velocities[index]
            parameter.data -= self.rate * update

    def zero_grad(self) -> None:
        """Set the gradient of each parameter to zero; ``backward()`` adds to it."""
        for parameter in self.parameters:
            parameter.zero_grad()

    def __repr__(self) -> str:
        count = sum(np.size(parameter.data) for parameter in self.parameters)
        return f"SGD({count} numbers, rate={self.rate}, momentum={self.momentum})"


def _checked(parameters: Any) -> list[Parameter]:
    if isinstance(parameters, Module):
        raise TypeError("SGD takes parameters, not a model: write SGD(model.parameters(), ...)")
    if isinstance(parameters, Tensor | Value):
        raise TypeError("SGD takes a list of parameters: write SGD([w], ...)")
    found: list[Parameter] = []
    for parameter in parameters:
        if not isinstance(parameter, Tensor | Value):
            raise TypeError(
                f"a parameter is a Tensor or a Value, not {type(parameter).__name__}; "
                "model.parameters() lists those of a model"
            )
        if parameter.parents:
            raise ValueError(
                f"the result of {parameter.op} is no parameter: an update of it would be lost; "
                "give the leaves that it was computed from"
            )
        found.append(parameter)
    if not found:
        raise ValueError("SGD got no parameters")
    if len({id(parameter) for parameter in found}) < len(found):
        raise ValueError("a parameter stands twice in the list and would be updated twice")
    return found
