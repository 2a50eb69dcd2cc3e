"""Activation functions by name: the one-operand rules of the table, and softmax.

>>> resolve("sigmoid")(0.0)
0.5
>>> "relu" in names() and "softsign" not in names()
True
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd_mini as ag
from autograd_mini.core.elementwise import FUNCTIONS, RULES
from autograd_mini.nn.suggest import unknown_name

Activation = str | Callable[[Any], Any]
"""A name, or a function of numbers, arrays, Tensors and arrays of Values."""


def identity(x: Any) -> Any:
    """The operand itself: no activation."""
    return x


_OTHERS: dict[str, Callable[[Any], Any]] = {
    "identity": identity,
    "softmax": ag.softmax,
    "log_softmax": ag.log_softmax,
}


def names() -> list[str]:
    """Every activation's name: rules that need one operand, then identity and softmax."""
    unary = [n for n, rule in RULES.items() if len(rule.operands) - len(rule.defaults) == 1]
    return [*unary, *_OTHERS]


def resolve(activation: Activation) -> Callable[[Any], Any]:
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
        if activation not in names():
            raise ValueError(unknown_name("activation", activation, names()))
        found: Callable[[Any], Any] = FUNCTIONS[activation]
        return found
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
