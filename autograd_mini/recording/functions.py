"""NumPy's functions on recorded arrays: computed by NumPy, and recorded besides."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_mini.core.tensor import Tensor
from autograd_mini.interface.numpy_protocol import PLAIN_FUNCTIONS, name_of
from autograd_mini.operations.indexing import gather
from autograd_mini.recording import arrays, tape
from autograd_mini.recording.memory import node_of, root_of
from autograd_mini.recording.ufuncs import settled
from autograd_mini.typing import Function, Operand


def called(function: Function, args: tuple[Any, ...], options: dict[str, Any]) -> Operand:
    """What a function of NumPy's gives; recorded where an argument is."""
    open_tape = tape.current()
    if open_tape is not None and function in _WRITING:
        return _written(function, args, options)
    dtype = options.get("dtype")
    if dtype is not None and np.dtype(dtype).kind == "f":
        options = {**options, "dtype": np.float64}
    out = options.get("out")
    if out is not None:
        out = out[0] if isinstance(out, tuple) else out
        options = {name: value for name, value in options.items() if name != "out"}
        result = called(function, args, options)
        target = arrays.as_recorded(out)
        target[...] = result
        return target
    result = function(*arrays.plain(args), **arrays.plain(options))
    if open_tape is None or function in _DATA:
        return _each(result, lambda found, _: arrays.as_recorded(found))
    once: list[Any] = []

    def nodes() -> Operand:
        if not once:
            once.append(_of_nodes(function, args, options, open_tape))
        return once[0]

    roots = {id(root_of(each)) for each in _arrays_in((args, options))}
    depends = any(node_of(each) is not None for each in _numbers_in((args, options)))

    def wrapped(found: Operand, pick: Callable[[Any], Any]) -> Operand:
        if isinstance(found, np.ndarray) and id(root_of(found)) in roots:
            # read anew each time, for what it shows may have been written since
            return arrays.view_of(
                found, lambda: _tensor(pick(_of_nodes(function, args, options, open_tape)))
            )
        if not depends or not isinstance(found, np.ndarray | np.float64 | float):
            return arrays.as_recorded(found)
        if np.asarray(found).dtype.kind != "f":
            return found
        node = settled(pick(nodes()), found, open_tape, name_of(function))
        return arrays.recorded(found, node, open_tape)

    return _each(result, wrapped)


def _tensor(node: Operand) -> Tensor | None:
    return node if isinstance(node, Tensor) else None


def _each(result: Operand, wrapped: Callable[[Any, Callable[[Any], Any]], Any]) -> Operand:
    """A result with each array of it wrapped."""
    if isinstance(result, tuple | list):
        found = [wrapped(one, functools.partial(_one_of, k)) for k, one in enumerate(result)]
        if type(result) in (list, tuple):
            return type(result)(found)
        return type(result)(*found)
    return wrapped(result, lambda made: made)


def _one_of(number: int, several: Operand) -> Operand:
    return several[number] if isinstance(several, list | tuple) else None


def _of_nodes(function: Function, args: Operand, options: Operand, to: Operand) -> Operand:
    """What the function gives of nodes; ``None`` if that could not be followed."""
    try:
        with np.errstate(all="ignore"):
            if (
                function in MOVING
                or options.get("order", "C") not in ("C", "K")
                or _is_in_order_f(function, args)
            ):
                return _moved(function, args, options)
            ours = COMPOSED.get(function, function)
            return ours(*_as_nodes(args), **_as_nodes(options))
    except (TypeError, ValueError, IndexError, KeyError, NotImplementedError) as error:
        to.note(f"{name_of(function)} of a recorded array could not be followed: {error}")
        return None


def _is_in_order_f(function: Function, args: Operand) -> bool:
    """Whether an order of elements other than NumPy's own is asked for by position."""
    return function in (np.reshape, np.ravel) and isinstance(args[-1], str) and args[-1] != "C"


def _as_nodes(value: Operand) -> Operand:
    if type(value) in (list, tuple):
        return type(value)(map(_as_nodes, value))
    if type(value) is dict:
        return {key: _as_nodes(each) for key, each in value.items()}
    return arrays.as_node(value)


def _numbers_in(value: Operand) -> list[Any]:
    """The arrays and numbers in arguments."""
    if isinstance(value, list | tuple):
        return [one for each in value for one in _numbers_in(each)]
    if isinstance(value, dict):
        return _numbers_in(list(value.values()))
    return [value]


def _arrays_in(value: Operand) -> list[Any]:
    return [each for each in _numbers_in(value) if isinstance(each, np.ndarray)]


# Functions of which each element of the result is one of an argument's: numbered, they tell which

MOVING: dict[Any, int] = {
    np.rot90: 0,
    np.fliplr: 0,
    np.flipud: 0,
    np.take_along_axis: 0,
    np.compress: 1,
    np.extract: 1,
    np.choose: 1,
    np.dstack: 0,
    np.block: 0,
    np.resize: 0,
    np.rollaxis: 0,
    np.atleast_3d: 0,
    np.dsplit: 0,
    np.unstack: 0,
    np.broadcast_arrays: 0,
    np.meshgrid: 0,
    np.lib.stride_tricks.sliding_window_view: 0,
}
"""With which argument holds the elements."""


def _moved(function: Function, args: Operand, options: Operand) -> Operand:
    which = MOVING.get(function, 0)
    sources: list[Any] = []

    def numbered(value: Operand) -> Operand:
        if type(value) in (list, tuple):
            return type(value)(map(numbered, value))
        node = arrays.as_node(value)
        start = sum(map(np.size, sources))
        sources.append(node)
        return start + np.arange(np.size(node)).reshape(np.shape(node))

    variadic = function in (np.broadcast_arrays, np.meshgrid)
    given = [
        numbered(each) if variadic or k == which else arrays.plain(each)
        for k, each in enumerate(args)
    ]
    result = function(*given, **arrays.plain(options))
    return _each(result, lambda places, _: gather(sources, np.asarray(places)))


# Functions as what they are made of


def _sort(
    x: Operand, axis: Operand = -1, kind: Operand = None, order: Operand = None, **more: Operand
) -> Operand:
    if axis is None:
        x, axis = np.ravel(x), 0
    places = np.argsort(x._array, axis=axis, kind="stable")
    numbers = np.arange(np.size(x)).reshape(np.shape(x))
    return gather([x], np.take_along_axis(numbers, places, axis))


def _cumprod(x: Operand, axis: Operand = None, dtype: Operand = None) -> Operand:
    from autograd_mini.recording.ufuncs import _accumulate

    if axis is None:
        x, axis = np.ravel(x), 0
    return _accumulate(np.multiply, x, axis)


def _nan_to_num(
    x: Operand, copy: bool = True, nan: float = 0.0, posinf: Operand = None, neginf: Operand = None
) -> Operand:
    plain = np.nan_to_num(x._array, nan=nan, posinf=posinf, neginf=neginf)
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


COMPOSED: dict[Any, Function] = {
    np.copy: lambda x, order="K", subok=False: +x,
    np.sort: _sort,
    np.cumprod: _cumprod,
    np.nan_to_num: _nan_to_num,
    np.average: _average,
    np.median: _median,
    np.ptp: _ptp,
    np.kron: _kron,
    np.nansum: lambda x, axis=None, **more: np.sum(np.where(np.isnan(x), 0, x), axis=axis, **more),
    np.real: lambda x: +x,
    np.real_if_close: lambda x: +x,
    np.linalg.multi_dot: lambda xs: _product(xs),
    np.matvec: lambda x, y: np.einsum("...ij,...j->...i", x, y),
    np.trapezoid: lambda y, x=None, dx=1.0, axis=-1: _trapezoid(y, x, dx, axis),
}
"""NumPy's functions that the engine has not got, of nodes."""


def _product(xs: Operand) -> Operand:
    found = xs[0]
    for x in xs[1:]:
        found = found @ x
    return found


def _trapezoid(y: Operand, x: Operand, dx: Operand, axis: int) -> Operand:
    before = (slice(None),) * (axis % np.ndim(y))
    width = dx if x is None else np.diff(x)
    return np.sum(
        width * (y[(*before, slice(1, None))] + y[(*before, slice(None, -1))]) / 2, axis=axis
    )


_DATA = {*PLAIN_FUNCTIONS} - {np.full_like}
"""Functions whose result does not move with the numbers."""


# Functions that write

_WRITING: dict[Any, tuple[str, ...]] = {
    np.copyto: ("dst", "src"),
    np.put: ("a", "ind", "v"),
    np.putmask: ("a", "mask", "values"),
    np.place: ("arr", "mask", "vals"),
    np.fill_diagonal: ("a", "val"),
    np.put_along_axis: ("arr", "indices", "values"),
}
"""With what their arguments are called: the first is written into, the last is what is put."""


def _written(function: Function, args: Operand, options: Operand) -> None:
    names = _WRITING[function]
    given = {**options, **dict(zip(names, args, strict=False))}
    target, *others, values = [given.pop(name) for name in names]
    others, rest, given = map(arrays.plain, (others, args[len(names) :], given))
    arrays.put(target, values, lambda array, put: function(array, *others, put, *rest, **given))


def array(value: Operand, dtype: Operand = None, **options: Operand) -> Operand:
    """``np.array`` of nested lists in which numbers or arrays are recorded."""
    if dtype is not None and np.dtype(dtype).kind == "f":
        dtype = np.float64
    found = np.array(arrays.plain(value), dtype, **options)
    open_tape = tape.current()
    if open_tape is None or found.dtype.kind != "f":
        return arrays.as_recorded(found)
    sources: list[Any] = []

    def collect(one: Operand) -> None:
        if isinstance(one, list | tuple):
            for each in one:
                collect(each)
        else:
            sources.append(arrays.as_node(one))

    collect(value)
    if not any(isinstance(each, Tensor) for each in sources):
        return arrays.as_recorded(found)
    shapes = {np.shape(each) for each in sources}
    if len(sources) == 1:
        node = (
            +sources[0] if sources[0].shape == found.shape else np.reshape(sources[0], found.shape)
        )
    elif len(shapes) == 1 and found.shape == (len(sources), *shapes.pop()):
        node = np.stack(sources)
    else:
        node = gather(sources, np.arange(found.size).reshape(found.shape))
    return arrays.recorded(found, settled(node, found, open_tape, "numpy.array"), open_tape)
