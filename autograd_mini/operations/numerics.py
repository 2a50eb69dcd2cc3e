"""NumPy's calculus for Tensors: differences, integrals, interpolation, polynomials."""

from __future__ import annotations

import math
import operator

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from autograd_mini.core import tensor
from autograd_mini.core.operation import OPERATIONS, define, replaces
from autograd_mini.core.tensor import Tensor
from autograd_mini.typing import Axis, Operand


@replaces(np.ediff1d)
def ediff1d(ary: Operand, to_end: Operand = None, to_begin: Operand = None) -> Operand:
    parts = [to_begin, np.diff(np.ravel(ary)), to_end]
    return np.concatenate([np.ravel(part) for part in parts if part is not None])


@replaces(np.trapezoid)
def trapezoid(y: Operand, x: Operand = None, dx: float = 1.0, axis: int = -1) -> Operand:
    axis = operator.index(axis)
    size = np.shape(y)[axis]
    before, after = (np.take(y, range(*ends), axis) for ends in ((size - 1,), (1, size)))
    steps: Operand = dx
    if x is not None:
        steps = np.diff(x, axis=axis if np.ndim(x) > 1 else -1)
    if np.ndim(x) == 1:
        steps = np.reshape(steps, [-1 if a == axis % np.ndim(y) else 1 for a in range(np.ndim(y))])
    return np.sum(steps * (after + before) / 2.0, axis)


@replaces(np.gradient)
def gradient(f: Operand, *varargs: Operand, axis: Axis = None, edge_order: int = 1) -> Operand:
    ndim = np.ndim(f)
    axes = tuple(range(ndim)) if axis is None else normalize_axis_tuple(axis, ndim)
    spacings = list(varargs) or [1.0]
    if len(spacings) == 1 and not np.ndim(spacings[0]):
        spacings = spacings * len(axes)
    if len(spacings) != len(axes):
        raise TypeError(f"gradient: {len(spacings)} spacings are given for {len(axes)} axes")
    if edge_order not in (1, 2):
        raise ValueError(f"gradient: edge_order is 1 or 2, not {edge_order}")
    slopes = [
        _slopes(f, along, spacing, edge_order)
        for along, spacing in zip(axes, spacings, strict=True)
    ]
    return slopes[0] if len(slopes) == 1 else tuple(slopes)


def _slopes(f: Operand, axis: int, spacing: Operand, edge_order: int) -> Operand:
    """Second-order differences inside, differences of an order at the ends.

    (A. Quarteroni, R. Sacco, F. Saleri, "Numerical Mathematics", 2007, section 10.10.1.)
    """
    y = np.moveaxis(f, axis, -1)
    size = np.shape(y)[-1]
    if size < edge_order + 1:
        raise ValueError(
            f"gradient: along axis {axis} of the shape {np.shape(f)} edge_order={edge_order} "
            f"needs {edge_order + 1} elements"
        )
    if np.ndim(spacing):
        if np.shape(spacing) != (size,):  # or more than one axis
            raise ValueError(
                f"gradient: coordinates of shape {np.shape(spacing)} for the {size} elements of "
                f"axis {axis}"
            )
        steps = np.diff(spacing)
    else:
        steps = np.ones(size - 1) * spacing
    rises = (y[..., 1:] - y[..., :-1]) / steps  # of each interval
    before, after = steps[:-1], steps[1:]
    inside = (after * rises[..., :-1] + before * rises[..., 1:]) / (before + after)
    first, last = rises[..., :1], rises[..., -1:]
    if edge_order == 2:  # the parabola through three points
        first = first + (first - rises[..., 1:2]) * steps[:1] / (steps[:1] + steps[1:2])
        last = last + (last - rises[..., -2:-1]) * steps[-1:] / (steps[-1:] + steps[-2:-1])
    return np.moveaxis(np.concatenate([first, inside, last], -1), -1, axis)


@replaces(np.interp)
def interp(
    x: Operand,
    xp: Operand,
    fp: Operand,
    left: Operand = None,
    right: Operand = None,
    period: float | None = None,
) -> Operand:
    x, xp, fp = (o if isinstance(o, tensor.Tensor) else np.asarray(o) for o in (x, xp, fp))
    if np.ndim(xp) != 1 or np.shape(xp) != np.shape(fp) or not np.size(xp):
        raise ValueError(
            f"interp: xp and fp have one axis of one size, found {np.shape(xp)} and {np.shape(fp)}"
        )
    if period is not None:
        if period == 0:
            raise ValueError("interp: the period is a number other than 0")
        period, left, right = abs(period), None, None
        x, xp = np.remainder(x, period), np.remainder(xp, period)
        order = np.argsort(xp)
        xp, fp = np.take(xp, order), np.take(fp, order)
        xp = np.concatenate([xp[-1:] - period, xp, xp[:1] + period])
        fp = np.concatenate([fp[-1:], fp, fp[:1]])
    points, knots = tensor.plain(x), tensor.plain(xp)
    size = len(knots)
    place = np.clip(np.searchsorted(knots, points, "right") - 1, 0, max(size - 2, 0))
    following = np.minimum(place + 1, size - 1)
    x0, y0, y1 = np.take(xp, place), np.take(fp, place), np.take(fp, following)
    width = np.take(xp, following) - x0
    slope = (y1 - y0) / np.where(tensor.plain(width) == 0, 1.0, width)
    between = slope * (x - x0) + y0
    result = np.where(points == knots[-1], np.take(fp, size - 1), between)
    result = np.where(points > knots[-1], fp[-1] if right is None else right, result)
    result = np.where(points < knots[0], fp[0] if left is None else left, result)
    return np.where(np.isnan(points), x, result)


@replaces(np.unwrap)
def unwrap(
    p: Operand, discont: float | None = None, axis: int = -1, *, period: float = 2 * np.pi
) -> Operand:
    numbers = tensor.plain(p)
    return p + (np.unwrap(numbers, discont, axis, period=period) - numbers)


# Convolutions


def convolve(x: Operand, y: Operand, mode: str | int = "full") -> Operand:
    """The convolution of two arrays over all their axes, as ``scipy.signal.convolve`` computes it.

    Arguments:
        x, y: arrays or Tensors of as many axes, of shapes (n, …) and (m, …).
        mode: ``"full"``, of shape (n + m - 1, …); ``"same"``, the middle of that, of the shape of
            ``x``; ``"valid"``, where one lies wholly inside the other, of shape (n - m + 1, …).

    Raises:
        ValueError: they have not as many axes, one is empty or a number, or for ``"valid"`` neither
            fits into the other.

    The correlation, which networks call a convolution, is that with ``np.flip(kernel)``:

    >>> from autograd_mini import gradients
    >>> image, kernel = np.arange(9.0).reshape(3, 3), Tensor([[1.0, 0.0], [0.0, -1.0]])
    >>> out = convolve(image, np.flip(kernel), "valid")
    >>> out.data
    array([[-4., -4.],
           [-4., -4.]])
    >>> gradients(np.sum(out), kernel)
    array([[ 8., 12.],
           [20., 24.]])
    """
    mode = _mode(mode)
    n, m = np.shape(x), np.shape(y)
    if len(n) != len(m) or not n or 0 in (*n, *m):
        raise ValueError(f"convolve: as many axes, none of them empty; found shapes {n} and {m}")
    smaller = all(a <= b for a, b in zip(n, m, strict=True))
    if mode == "valid" and not (smaller or all(a >= b for a, b in zip(n, m, strict=True))):
        raise ValueError(f"convolve in mode 'valid': neither fits into the other: {n} and {m}")
    if smaller and mode != "same":
        x, y, m = y, x, n
    if mode == "full":
        x = np.pad(x, [(size - 1, size - 1) for size in m])
    elif mode == "same":
        x = np.pad(x, [(size // 2, (size - 1) // 2) for size in m])
    return OPERATIONS["convolution"](x, y)


def _inside(x: Operand, y: Operand) -> Operand:
    """The convolution where ``y`` lies inside ``x``, by as few and as long products as can be."""
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim == 1:
        return np.convolve(x, y, "valid")
    kernel, shape = np.flip(y), tuple(n - m + 1 for n, m in zip(x.shape, y.shape, strict=True))
    if kernel.size > math.prod(shape):
        products = [np.sum(x[_window(i, kernel.shape)] * kernel) for i in np.ndindex(*shape)]
        return np.reshape(products, shape)
    out = np.zeros(shape, np.result_type(x, y))
    for i in np.ndindex(*kernel.shape):
        out += x[_window(i, shape)] * kernel[i]
    return out


def _window(start: tuple[int, ...], shape: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(slice(a, a + size) for a, size in zip(start, shape, strict=True))


define(
    "convolution",
    _inside,
    lambda g, out, x, y: convolve(g, np.flip(y)),
    lambda g, out, x, y: np.flip(convolve(x, np.flip(g), "valid")),
    reads="operands",
    multilinear=True,
    sentence="Sums of products with each window of an array, of a kernel that is turned round.",
    source="""from itertools import product


def convolution(x, y):
    shape = [n - m + 1 for n, m in zip(x.shape, y.shape)]
    windows = [
        x[tuple(slice(a, a + n) for a, n in zip(start, shape))]
        for start in product(*map(range, y.shape))
    ]
    return sum(a * b for a, b in zip(windows, np.ravel(np.flip(y))))""",
)


@replaces(np.convolve)
def _convolve_vectors(a: Operand, v: Operand, mode: str | int = "full") -> Operand:
    a, v = np.atleast_1d(a), np.atleast_1d(v)
    if np.ndim(a) != 1 or np.ndim(v) != 1:
        raise ValueError(
            f"convolve: one axis each, found shapes {np.shape(a)} and {np.shape(v)}; of more axes "
            "write autograd_mini.convolve"
        )
    return convolve(v, a, mode) if np.size(v) > np.size(a) else convolve(a, v, mode)


def _mode(mode: str | int) -> str:
    modes = ("valid", "same", "full")
    if mode not in (*modes, 0, 1, 2):
        raise ValueError(f"the mode is 'full', 'same' or 'valid', not {mode!r}: write one of these")
    return modes[mode] if isinstance(mode, int) else mode


@replaces(np.correlate)
def correlate(a: Operand, v: Operand, mode: str | int = "valid") -> Operand:
    mode = _mode(mode)
    n, m = np.size(a), np.size(v)
    whole = np.convolve(a, np.flip(v))
    if mode == "full":
        return whole
    least, most = min(n, m), max(n, m)
    if mode == "valid":
        return whole[least - 1 : most]
    start = (least - 1) // 2 if n >= m else least - 1 - (least - 1) // 2
    return whole[start : start + most]


# Polynomials, by their coefficients from the highest power


@replaces(np.polyval)
def polyval(p: Operand, x: Operand) -> Operand:
    x = x if isinstance(x, Tensor) else np.asarray(x)
    value: Operand = 0.0 * x
    for i in range(np.shape(p)[0]):
        value = value * x + p[i]
    return value


@replaces(np.polyder)
def polyder(p: Operand, m: int = 1) -> Operand:
    if m < 0:
        raise ValueError(f"polyder: m is how often to differentiate, 0 or more, not {m}")
    if np.ndim(p) != 1:
        raise ValueError(f"polyder: the coefficients have one axis, not shape {np.shape(p)}")
    for _ in range(m):
        p = p[:-1] * np.arange(np.size(p) - 1, 0, -1)
    return p


@replaces(np.polyint)
def polyint(p: Operand, m: int = 1, k: Operand = None) -> Operand:
    if m < 0:
        raise ValueError(f"polyint: m is how often to integrate, 0 or more, not {m}")
    if m and not np.ndim(p):
        raise TypeError("polyint: the coefficients have an axis, found shape ()")
    constants = np.zeros(m) if k is None else np.broadcast_to(np.atleast_1d(k), (m,))
    for i in range(m):
        p = np.concatenate([p / np.arange(np.size(p), 0, -1), constants[i : i + 1]])
    return p


def _of_one_length(a: Operand, b: Operand) -> tuple[Operand, Operand]:
    a, b = np.atleast_1d(a), np.atleast_1d(b)
    missing = len(b) - len(a)
    if missing > 0:
        a = np.concatenate([np.zeros(missing), a])
    return a, b if missing >= 0 else np.concatenate([np.zeros(-missing), b])


@replaces(np.polyadd)
def polyadd(a1: Operand, a2: Operand) -> Operand:
    a1, a2 = _of_one_length(a1, a2)
    return a1 + a2


@replaces(np.polysub)
def polysub(a1: Operand, a2: Operand) -> Operand:
    a1, a2 = _of_one_length(a1, a2)
    return a1 - a2


@replaces(np.polymul)
def polymul(a1: Operand, a2: Operand) -> Operand:
    return np.convolve(_trimmed(a1), _trimmed(a2))


def _trimmed(p: Operand) -> Operand:
    """Coefficients without the zeros in front; 0 is a polynomial of one."""
    if np.ndim(p) > 1:
        raise ValueError(f"polymul: the coefficients have one axis, not shape {np.shape(p)}")
    p = np.trim_zeros(np.atleast_1d(p), "f")
    return p if np.size(p) else np.zeros(1)


@replaces(np.vander)
def vander(x: Operand, N: int | None = None, increasing: bool = False) -> Operand:
    if np.ndim(x) != 1:
        raise ValueError(f"vander: one axis is needed, found shape {np.shape(x)}")
    powers = np.arange(np.size(x) if N is None else N)
    return np.expand_dims(x, -1) ** (powers if increasing else powers[::-1])


@replaces(np.poly)
def poly(seq_of_zeros: Operand) -> Operand:
    if np.ndim(seq_of_zeros) == 2:
        seq_of_zeros = np.linalg.eigvals(seq_of_zeros)
    if np.ndim(seq_of_zeros) != 1:
        raise ValueError(f"poly: zeros, or a matrix, not shape {np.shape(seq_of_zeros)}")
    if not np.size(seq_of_zeros):
        return 1.0 + np.sum(seq_of_zeros)
    made: Operand = np.ones(1)
    for i in range(np.size(seq_of_zeros)):
        made = np.convolve(made, np.stack([1.0, -seq_of_zeros[i]]))
    return made


@replaces(np.polyfit)
def polyfit(
    x: Operand,
    y: Operand,
    deg: int,
    rcond: float | None = None,
    full: bool = False,
    w: Operand = None,
    cov: bool = False,
) -> Operand:
    if full or cov:
        raise TypeError("polyfit of Tensors: call it without full and cov")
    if np.ndim(x) != 1 or not np.size(x) or np.ndim(y) not in (1, 2) or len(x) != len(y):
        raise TypeError(
            f"polyfit: points along one axis, and as many values; found {np.shape(x)} and "
            f"{np.shape(y)}"
        )
    powers, values = np.vander(x, deg + 1), y
    if w is not None:
        powers = powers * np.expand_dims(w, -1)
        values = values * (np.expand_dims(w, -1) if np.ndim(y) == 2 else w)
    scale = np.sqrt(np.sum(powers * powers, 0))
    found = np.linalg.lstsq(powers / scale, values, rcond)[0]
    return np.transpose(np.transpose(found) / scale)
