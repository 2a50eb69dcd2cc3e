"""Functions of SciPy's that the engine has not got, of nodes."""

from __future__ import annotations

import numpy as np

from autograd_mini.operations import softmax
from autograd_mini.operations.numerics import convolve
from autograd_mini.typing import Function, Operand


def of_scipy(function: Function) -> Function | None:
    """What a function of SciPy's is of nodes; ``None`` if that is not known."""
    module, name = getattr(function, "__module__", None) or "", getattr(function, "__name__", "")
    if module.startswith("scipy.signal"):
        return _OF_SIGNAL.get(name)
    if module.startswith("scipy.special") and name in softmax.__dict__:
        return lambda x, axis=None, **more: getattr(softmax, name)(x, axis=axis, **more)
    return None


def _convolve(x: Operand, y: Operand, mode: str = "full", **more: Operand) -> Operand:
    _refuse(more)
    return convolve(x, y, mode)


def _correlate(x: Operand, y: Operand, mode: str = "full", **more: Operand) -> Operand:
    return _convolve(x, np.flip(y), mode, **more)


def _correlate_images(x: Operand, y: Operand, mode: str = "full", **more: Operand) -> Operand:
    if mode != "same":
        return _correlate(x, y, mode, **more)
    starts = [size // 2 for size in np.shape(y)]  # of two middles, it takes the later one
    middle = tuple(slice(a, a + n) for a, n in zip(starts, np.shape(x), strict=True))
    return _correlate(x, y, **more)[middle]


def _refuse(more: Operand) -> None:
    unknown = {name: value for name, value in more.items() if _DEFAULTS.get(name) != value}
    if unknown:
        raise TypeError(f"with {', '.join(unknown)}")


_DEFAULTS = {"boundary": "fill", "fillvalue": 0, "method": "auto"}


_OF_SIGNAL: dict[str, Function] = {
    "convolve": _convolve,
    "convolve2d": _convolve,
    "correlate": _correlate,
    "correlate2d": _correlate_images,
}
"""Functions of ``scipy.signal``, of nodes."""
