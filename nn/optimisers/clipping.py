"""Clipping: gradients limited between ``backward()`` and ``step()``."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from autograd_mini import Value
from autograd_mini.nn.module import Parameter
from autograd_mini.nn.optimisers.optimiser import checked_parameters
from autograd_mini.typing import Array


def clip_gradients(
    parameters: Iterable[Parameter], *, norm: float | None = None, value: float | None = None
) -> float:
    """Limit the gradients of parameters in place, between ``backward()`` and ``step()``.

    By norm, all gradients are scaled by one factor so that their Euclidean norm, taken over all
    of them together, is at most ``norm``; the direction stays.  (R. Pascanu, T. Mikolov and
    Y. Bengio, "On the difficulty of training recurrent neural networks", ICML 2013,
    algorithm 1.)  By value, each element is limited to ±``value``.

    Arguments:
        parameters: as ``model.parameters()`` gives them.
        norm, value: one of the two, positive.

    Returns:
        The norm over all gradients as it was before.

    Raises:
        ValueError: both limits or neither are given, or one is not positive.
        FloatingPointError: a gradient is NaN or infinite; no gradient was changed.

    >>> from autograd_mini import Tensor

    >>> w = Tensor([3.0, 4.0])
    >>> np.sum(w * w / 2).backward()
    >>> clip_gradients([w], norm=1.0), w.grad
    (5.0, array([0.6, 0.8]))
    """
    if (norm is None) == (value is None):
        raise ValueError("clip_gradients takes one limit: norm=... or value=...")
    limit = positive_limit(norm if value is None else value)  # type: ignore[arg-type]
    found = checked_parameters(parameters, "clip_gradients")
    gradients = [np.asarray(parameter.grad) for parameter in found]
    total = _norm(gradients)
    if not math.isfinite(total):
        bad = next(i for i, g in enumerate(gradients) if not np.isfinite(g).all())
        raise FloatingPointError(
            f"clip_gradients: the gradient of parameter {bad} {found[bad].label!r} of shape "
            f"{gradients[bad].shape} holds NaN or infinity, which clipping cannot mend: lower the "
            "rate, or look for its origin inside `with ag.debug():`"
        )
    for parameter, g in zip(found, gradients, strict=True):
        if value is not None:
            limited = np.clip(g, -limit, limit, out=g if g.ndim else None)
        elif total > limit:
            limited = np.multiply(g, limit / total, out=g if g.ndim else None)
        else:
            break
        parameter.grad = float(limited) if isinstance(parameter, Value) else limited
    return total


def positive_limit(limit: float) -> float:
    """A limit of gradients as a float, checked.

    Raises:
        ValueError: it is not positive, or infinite.
    """
    limit = float(limit)
    if not 0 < limit < math.inf:
        raise ValueError(f"the limit of clip_gradients is a positive number, not {limit!r}")
    return limit


def _norm(gradients: list[Array]) -> float:
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        squares = [np.vdot(g, g) for g in gradients]
        total = math.sqrt(sum(map(float, squares)))
        if total in (0.0, math.inf):  # the squares left the range of floats
            top = max(float(np.max(np.abs(g), initial=0)) for g in gradients)
            if 0 < top < math.inf:
                scaled = [float(np.sum(np.square(g / top, dtype=np.float64))) for g in gradients]
                total = top * math.sqrt(sum(scaled))
    return total
