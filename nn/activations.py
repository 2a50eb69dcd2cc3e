"""Activation functions by name: the elementwise operations of one operand, and softmax.

>>> resolve("sigmoid")(0.0)
0.5
>>> "relu" in names() and "softsign" not in names()
True
"""

from __future__ import annotations

from collections.abc import Callable

import autograd_mini as ag
from autograd_mini.nn.suggest import unknown_name
from autograd_mini.typing import Operand

ActivationFunction = Callable[[Operand], Operand]
"""A function of numbers, arrays, Tensors and arrays of Values."""

Activation = str | ActivationFunction
"""A name, or a function."""


def identity(x: Operand) -> Operand:
    """The operand itself: no activation."""
    return x


_OTHERS: dict[str, ActivationFunction] = {
    "identity": identity,
    "softmax": ag.softmax,
    "log_softmax": ag.log_softmax,
}


def _operations() -> dict[str, ag.Operation]:
    return {
        name: operation
        for name, operation in ag.OPERATIONS.items()
        if operation.elementwise and operation.least_operands == 1
    }


def names() -> list[str]:
    """Every activation's name: operations that need one operand, then identity and softmax."""
    return [*_operations(), *_OTHERS]


def resolve(activation: Activation) -> ActivationFunction:
    """The function that an activation stands for.

    Softmax and log-softmax work over the last axis, all others element by element.

    Raises:
        ValueError: no activation has this name; names the nearest ones.
        TypeError: it is neither a name nor a function.

    >>> resolve("sigmiod")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: no activation is called 'sigmiod'; did you mean 'sigmoid' or ...
    """
    if isinstance(activation, str):
        if activation in _OTHERS:
            return _OTHERS[activation]
        operations = _operations()
        if activation not in operations:
            raise ValueError(unknown_name("activation", activation, names()))
        return operations[activation]
    if not callable(activation):
        raise TypeError(
            f"an activation is a name or a function, not {type(activation).__name__}; "
            "'identity' is none at all"
        )
    return activation


def name_of(activation: Activation) -> str:
    """What to call an activation in a ``repr``: its name, or its function's."""
    if isinstance(activation, str):
        return repr(activation)
    return getattr(activation, "__name__", type(activation).__name__)
