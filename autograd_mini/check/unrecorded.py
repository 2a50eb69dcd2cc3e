"""A loss in plain NumPy, which cannot be recorded: one operation, with numerical derivatives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from autograd_mini.core.graph import Node
from autograd_mini.core.operation import ArrayOperation
from autograd_mini.core.tensor import record
from autograd_mini.differences import derivative
from autograd_mini.typing import Array

NUMERICAL = (
    "The loss could not be recorded, so it was checked numerically: what is called automatic comes "
    "of differences of the loss, and nothing is known of what is between."
)
"""What is said of it."""

MOST = 2000
"""How many numbers all parameters have together, at the most: each takes ten losses or more."""
_SURE = 4.0
"""How many times its estimated error a numerical derivative may be off."""


class Unrecorded:
    """A loss of arrays, with its derivatives and their errors.

    >>> loss = Unrecorded(lambda w: float(w @ w), ["w"])
    >>> gradient, error = loss.derivatives([np.array([1.0, 3.0])])[0]
    >>> bool(np.all(np.abs(gradient - [2.0, 6.0]) <= error)), bool(np.all(error < 1e-7))
    (True, True)
    """

    def __init__(self, function: Callable[..., Any], names: list[str]) -> None:
        self.function, self.names = function, names
        self._known: tuple[bytes, list[tuple[Array, Array]]] | None = None

    def __call__(self, arrays: list[Array]) -> float:
        copies = [float(a) if a.ndim == 0 else a.copy() for a in arrays]
        value = self.function(**dict(zip(self.names, copies, strict=True)))
        return float(np.reshape(np.asarray(value), ()))

    def derivatives(self, arrays: list[Array]) -> list[tuple[Array, Array]]:
        """For each parameter its gradient, and how far off each number may be."""
        key = b"".join(array.tobytes() for array in arrays)
        if self._known is None or self._known[0] != key:
            self._known = key, [self._derivatives(arrays, i) for i in range(len(arrays))]
        return self._known[1]

    def _derivatives(self, arrays: list[Array], which: int) -> tuple[Array, Array]:
        of = arrays[which]
        gradient, errors = np.zeros(of.shape), np.zeros(of.shape)
        for place in np.ndindex(of.shape):

            def along(number: float, place: tuple[int, ...] = place) -> float:
                moved = of.copy()
                moved[place] = number
                return self([*arrays[:which], moved, *arrays[which + 1 :]])

            with np.errstate(all="ignore"):
                gradient[place], errors[place] = derivative(along, float(of[place]))
        return gradient, _SURE * errors


def numerical_loss(
    function: Callable[..., Any], parameters: Mapping[str, Node]
) -> tuple[Node, dict[str, Array]] | None:
    """A loss that is a number of arrays, as one operation on the parameters.

    Returns:
        The node, and how far off each number of each gradient may be; ``None`` where the
        function gives no number, or one that the parameters do not move.
    """
    arrays = [np.asarray(node.data, float) for node in parameters.values()]
    if not arrays or sum(array.size for array in arrays) > MOST:
        return None
    loss = Unrecorded(function, list(parameters))
    try:
        if not np.isfinite(loss(arrays)):
            return None
        known = loss.derivatives(arrays)
    except (TypeError, ValueError, AttributeError):
        return None
    if not any(gradient.any() for gradient, _ in known):
        return None
    errors = {name: error for name, (_, error) in zip(parameters, known, strict=True)}
    return record(_LOSS, tuple(parameters.values()), {"loss": loss}), errors


def _forward(*arrays: Array, loss: Unrecorded) -> Array:
    return np.asarray(loss([np.asarray(a, float) for a in arrays]))


def _share(index: int, g: Array, out: Array, *arrays: Array, loss: Unrecorded) -> Array:
    return g * loss.derivatives([np.asarray(a, float) for a in arrays])[index][0]


_LOSS = ArrayOperation("unrecorded loss", _forward, _share, "A number.", foreign=True)
