"""NumPy's and SciPy's functions that the engine has not got, of nodes: what they are made of."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_mini.core.graph import data_of
from autograd_mini.operations import softmax
from autograd_mini.operations.indexing import gather
from autograd_mini.recording.ufuncs import accumulated
from autograd_mini.typing import Function, Operand


def _sort(
    x: Operand, axis: Operand = -1, kind: Operand = None, order: Operand = None, **more: Operand
) -> Operand:
    if axis is None:
        x, axis = np.ravel(x), 0
    places = np.argsort(data_of(x), axis=axis, kind="stable")
    numbers = np.arange(np.size(x)).reshape(np.shape(x))
    return gather([x], np.take_along_axis(numbers, places, axis))


def _cumprod(x: Operand, axis: Operand = None, dtype: Operand = None) -> Operand:
    if axis is None:
        x, axis = np.ravel(x), 0
    return accumulated(np.multiply, x, axis)


def _nan_to_num(
    x: Operand, copy: bool = True, nan: float = 0.0, posinf: Operand = None, neginf: Operand = None
) -> Operand:
    plain = np.nan_to_num(data_of(x), nan=nan, posinf=posinf, neginf=neginf)
    return np.where(np.isfinite(x), x, plain)


def _average(
    x: Operand,
    axis: Operand = None,
    weights: Operand = None,
    returned: bool = False,
    **more: Operand,
) -> Operand:
    if weights is None:
        return np.mean(x, axis=axis, **more)
    if np.ndim(weights) == 1 and np.ndim(x) > 1 and isinstance(axis, int):
        shape = [1] * np.ndim(x)
        shape[axis] = -1
        weights = np.reshape(weights, shape)
    return np.sum(x * weights, axis=axis, **more) / np.sum(weights + 0 * x, axis=axis, **more)


def _median(x: Operand, axis: Operand = None, **more: Operand) -> Operand:
    x, axis = (np.ravel(x), 0) if axis is None else (x, axis)
    size = np.shape(x)[axis]
    ordered = np.moveaxis(_sort(x, axis), axis, 0)
    return (ordered[(size - 1) // 2] + ordered[size // 2]) / 2


def _ptp(x: Operand, axis: Operand = None, **more: Operand) -> Operand:
    return np.max(x, axis=axis, **more) - np.min(x, axis=axis, **more)


def _kron(x: Operand, y: Operand) -> Operand:
    ndim = max(np.ndim(x), np.ndim(y))
    one = (1,) * (ndim - np.ndim(x)) + np.shape(x)
    two = (1,) * (ndim - np.ndim(y)) + np.shape(y)
    left = np.reshape(x, [n for size in one for n in (size, 1)])
    right = np.reshape(y, [n for size in two for n in (1, size)])
    return np.reshape(left * right, [a * b for a, b in zip(one, two, strict=True)])


def _partition(x: Operand, kth: Operand, axis: int = -1, **more: Operand) -> Operand:
    numbers = np.arange(np.size(x)).reshape(np.shape(x))
    return gather([x], np.take_along_axis(numbers, np.argpartition(data_of(x), kth, axis), axis))


def _interp(x: Operand, xp: Operand, fp: Operand, *more: Operand, **options: Operand) -> Operand:
    points = np.asarray(data_of(xp))
    x = np.clip(x, points[0], points[-1])
    left = np.clip(np.searchsorted(points, data_of(x), "right") - 1, 0, len(points) - 2)
    part = (x - points[left]) / (points[left + 1] - points[left])
    return fp[left] * (1 - part) + fp[left + 1] * part


def _cross(x: Operand, y: Operand, *more: Operand, **options: Operand) -> Operand:
    one, two = [1, 2, 0], [2, 0, 1]
    return x[..., one] * y[..., two] - x[..., two] * y[..., one]


def _nanmean(x: Operand, axis: Operand = None, **more: Operand) -> Operand:
    numbers = ~np.isnan(data_of(x))
    return np.sum(np.where(numbers, x, 0), axis=axis, **more) / numbers.sum(axis=axis, **more)


def _matrix_power(x: Operand, n: int) -> Operand:
    return _product([x] * n) if n > 0 else np.eye(np.shape(x)[0])


def _product(xs: Operand) -> Operand:
    found = xs[0]
    for x in xs[1:]:
        found = found @ x
    return found


def _trapezoid(y: Operand, x: Operand = None, dx: Operand = 1.0, axis: int = -1) -> Operand:
    before = (slice(None),) * (axis % np.ndim(y))
    pairs = y[(*before, slice(1, None))] + y[(*before, slice(None, -1))]
    return np.sum((dx if x is None else np.diff(x)) * pairs / 2, axis=axis)


def _polyval(p: Operand, x: Operand) -> Operand:
    found = 0.0
    for k in range(np.shape(p)[0]):
        found = found * x + p[k]
    return found


def _sinc(x: Operand) -> Operand:
    angle = np.pi * np.where(np.equal(data_of(x), 0), 1.0, x)
    return np.where(np.equal(data_of(x), 0), 1.0, np.sin(angle) / angle)


# Convolutions


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


COMPOSED: dict[Any, Function] = {
    np.copy: lambda x, order="K", subok=False: +x,
    np.sort: _sort,
    np.partition: _partition,
    np.unique: lambda x: gather([x], np.unique(data_of(x), return_index=True)[1]),
    np.cumprod: _cumprod,
    np.nan_to_num: _nan_to_num,
    np.average: _average,
    np.median: _median,
    np.ptp: _ptp,
    np.kron: _kron,
    np.nansum: lambda x, axis=None, **more: np.sum(np.where(np.isnan(x), 0, x), axis=axis, **more),
    np.nanmean: _nanmean,
    np.real: lambda x: +x,
    np.real_if_close: lambda x: +x,
    np.linalg.multi_dot: _product,
    np.linalg.matrix_power: _matrix_power,
    np.trapezoid: _trapezoid,
    np.interp: _interp,
    np.cross: _cross,
    np.ediff1d: lambda x: np.diff(np.ravel(x)),
    np.sinc: _sinc,
    np.polyval: _polyval,
    np.convolve: _convolve,
    np.correlate: _correlate,
}
"""NumPy's functions, of nodes."""

OF_SCIPY: dict[str, Function] = {
    "convolve": _convolve,
    "convolve2d": _convolve,
    "correlate": _correlate_arrays,
    "correlate2d": _correlate_images,
}
"""Functions of ``scipy.signal``, of nodes."""


def of_scipy(function: Function) -> Function | None:
    """What a function of SciPy's is of nodes; ``None`` if that is not known."""
    module, name = getattr(function, "__module__", None) or "", getattr(function, "__name__", "")
    if module.startswith("scipy.signal"):
        return OF_SCIPY.get(name)
    if module.startswith("scipy.special") and name in softmax.__dict__:
        return lambda x, axis=None, **more: getattr(softmax, name)(x, axis=axis, **more)
    return None
