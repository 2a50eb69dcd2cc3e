"""The context that ``forward(ctx, …)`` leaves something in, and ``backward(ctx, …)`` finds it."""

from __future__ import annotations

from typing import Any

NAMES = ("ctx", "context")
"""What the first argument of such a function is called."""


class Context:
    """What static methods of a ``Function`` are handed; it takes any attribute.

    >>> ctx = Context(2)
    >>> ctx.save_for_backward(1.0, 2.0)
    >>> ctx.rate = 0.5
    >>> ctx.saved_tensors, ctx.saved_values, ctx.rate, ctx.needs_input_grad
    ((1.0, 2.0), (1.0, 2.0), 0.5, (True, True))
    """

    def __init__(self, inputs: int) -> None:
        self.needs_input_grad = (True,) * inputs
        self.saved_tensors: tuple[Any, ...] = ()

    def save_for_backward(self, *values: object) -> None:
        """Keep values for the backward pass."""
        self.saved_tensors = values

    @property
    def saved_values(self) -> tuple[Any, ...]:
        """What was kept."""
        return self.saved_tensors

    def mark_dirty(self, *values: object) -> None:
        """Says that inputs were written into, which changes nothing here."""

    def mark_non_differentiable(self, *values: object) -> None:
        """Says that outputs have no gradient, which changes nothing here."""

    def set_materialize_grads(self, value: bool) -> None:
        """Says whether missing gradients are zeros, of which there are none here."""
