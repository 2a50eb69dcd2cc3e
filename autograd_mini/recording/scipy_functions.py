"""Functions of SciPy's that the engine has not got, of nodes."""

from __future__ import annotations

import numpy as np

from autograd_mini.operations import softmax
from autograd_mini.operations.indexing import gather
from autograd_mini.typing import Function, Operand


def of_scipy(function: Function) -> Function | None:
    """What a function of SciPy's is of nodes; ``None`` if that is not known."""
    module, name = getattr(function, "__module__", None) or "", getattr(function, "__name__", "")
    if module.startswith("scipy.signal"):
        return _OF_SIGNAL.get(name)
    if module.startswith("scipy.special") and name in softmax.__dict__:
        return lambda x, axis=None, **more: getattr(softmax, name)(x, axis=axis, **more)
    return None


def _correlated(x: Operand, kernel: Operand, mode: str) -> Operand:
    """The sum of the products of a kernel with each window, at the windows that a mode names."""
    if mode != "valid":
        x = np.pad(x, [(n - 1, n - 1) for n in np.shape(kernel)])
    numbers = np.arange(np.size(x)).reshape(np.shape(x))
    places = np.lib.stride_tricks.sliding_window_view(numbers, np.shape(kernel))
    return np.tensordot(gather([x], places), kernel, np.ndim(kernel))


def _convolved(x: Operand, kernel: Operand, mode: str) -> Operand:
    return _correlated(x, np.flip(kernel), mode)


def _middle(full: Operand, shape: tuple[int, ...], more: int = 0) -> Operand:
    starts = [(n - m + more) // 2 for n, m in zip(np.shape(full), shape, strict=True)]
    return full[tuple(slice(a, a + m) for a, m in zip(starts, shape, strict=True))]


def _convolve(x: Operand, y: Operand, mode: str = "full", **more: Operand) -> Operand:
    _refuse(more)
    if np.size(x) < np.size(y):
        x, y = y, x
    found = _convolved(x, y, "valid" if mode == "valid" else "full")
    return _middle(found, np.shape(x)) if mode == "same" else found


def _correlate(x: Operand, y: Operand, mode: str = "valid", **more: Operand) -> Operand:
    return _convolve(x, np.flip(y), mode, **more)


def _correlate_arrays(x: Operand, y: Operand, mode: str = "full", **more: Operand) -> Operand:
    return _convolve(x, np.flip(y), mode, **more)


def _correlate_images(x: Operand, y: Operand, mode: str = "full", **more: Operand) -> Operand:
    if mode != "same":
        return _correlate_arrays(x, y, mode, **more)
    full = _correlate_arrays(x, y, **more)
    return _middle(full, np.shape(x), more=1)  # of two middles, it takes the later one


def _refuse(more: Operand) -> None:
    unknown = {name: value for name, value in more.items() if _DEFAULTS.get(name) != value}
    if unknown:
        raise TypeError(f"with {', '.join(unknown)}")


_DEFAULTS = {"boundary": "fill", "fillvalue": 0, "method": "auto"}


_OF_SIGNAL: dict[str, Function] = {
    "convolve": _convolve,
    "convolve2d": _convolve,
    "correlate": _correlate_arrays,
    "correlate2d": _correlate_images,
}
"""Functions of ``scipy.signal``, of nodes."""
