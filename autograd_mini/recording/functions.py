"""NumPy's functions on recorded arrays: computed by NumPy, and recorded besides."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_mini.core.tensor import Tensor
from autograd_mini.interface.numpy_protocol import PLAIN_FUNCTIONS
from autograd_mini.operations.indexing import gather
from autograd_mini.recording import arrays, tape
from autograd_mini.recording.memory import memory_for, memory_of, node_of, root_of
from autograd_mini.recording.ufuncs import counts_as_constant, settled
from autograd_mini.typing import Array, Function, Operand


def called(
    function: Function,
    args: tuple[Any, ...],
    options: dict[str, Any],
    ours: Function | None = None,
) -> Operand:
    """What a function of NumPy's gives; recorded where an argument is.

    Arguments:
        ours: what it is of nodes, if that is not in the tables.
    """
    open_tape = tape.current()
    if open_tape is not None and function in WRITING:
        return _written(function, args, options)
    options, plain = dict(options), arrays.plain(options)
    dtype = options.get("dtype")
    if dtype is not None and np.dtype(dtype).kind == "f":
        plain["dtype"] = np.float64
        del options["dtype"]
    out = options.pop("out", None)
    if out is not None:
        return _into(out, function, args, options, plain, ours)
    given = arrays.plain(args)
    result = function(*given, **plain)
    same = [one for one, other in zip(args, given, strict=True) if other is result]
    if same:  # as squeeze gives an array itself where there is nothing to squeeze
        return same[0]
    if open_tape is None or function in _DATA:
        return _each(result, lambda found, _: arrays.as_recorded(found))
    once: list[Any] = []

    def nodes() -> Operand:
        if not once:
            once.append(_of_nodes(ours or function, args, options, open_tape))
        return once[0]

    operands = _numbers_in((*args, *options.values()))
    depends = any(map(_depends, operands))

    def wrapped(found: Operand, pick: Callable[[Any], Any]) -> Operand:
        if isinstance(found, np.ndarray) and _is_view(found, operands):
            # read anew each time, for what it shows may have been written since
            return arrays.view_of(
                found, lambda: _tensor(pick(_of_nodes(ours or function, args, options, None)))
            )
        if not depends or not isinstance(found, np.ndarray | np.inexact | float):
            return arrays.as_recorded(found)
        if np.asarray(found).dtype.kind not in "fc":
            return found
        node = settled(pick(nodes()), found, open_tape, function)
        return arrays.recorded(found, node, open_tape)

    return _each(result, wrapped)


def _into(
    out: Operand,
    function: Function,
    args: Operand,
    options: Operand,
    plain: Operand,
    ours: Function | None,
) -> Operand:
    """The array that a function's result was written into."""
    target, open_tape = (out[0] if isinstance(out, tuple) else out), tape.current()
    node = None
    if not isinstance(target, np.ndarray):
        return function(*arrays.plain(args), **plain)  # which raises its error
    if open_tape is not None and any(map(_depends, _numbers_in((*args, *options.values())))):
        memory_for(target, open_tape)
        node = _of_nodes(ours or function, args, options, open_tape)
    function(*arrays.plain(args), **plain)
    memory, array = memory_of(target), arrays.plain(target)
    if memory is not None and memory.dtype == array.dtype:
        memory.write(array, settled(node, array, memory.tape, function))
    return arrays.as_recorded(target)


def _depends(value: Operand) -> bool:
    return node_of(value) is not None


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


def _of_nodes(function: Function, args: Operand, options: Operand, to: tape.Tape | None) -> Operand:
    """What the function gives of nodes; ``None`` if that could not be followed, which is noted."""
    try:
        with np.errstate(all="ignore"):
            if _is_in_another_order(function, args, options):
                return _moved(function, args, options)
            if function is np.copy:  # in whatever order, with the same elements
                args, options = args[:1], {}
            options = {name: value for name, value in options.items() if name != "order"}
            return function(*_as_nodes(args), **_as_nodes(options))
    except (TypeError, ValueError, IndexError, KeyError, NotImplementedError) as error:
        reason = str(error).partition(":")[0]
        if to is not None:
            to.note(counts_as_constant(function, reason))
        return None


def _is_in_another_order(function: Function, args: Operand, options: Operand) -> bool:
    """Whether it is asked for the elements in another order than NumPy's own."""
    if function not in (np.reshape, np.ravel):
        return False
    order = options.get("order", args[-1])
    return isinstance(order, str) and order not in ("C", "K")


def _as_nodes(value: Operand) -> Operand:
    if type(value) in (list, tuple):
        return type(value)(map(_as_nodes, value))
    if type(value) is dict:
        return {key: _as_nodes(each) for key, each in value.items()}
    return arrays.as_node(value)


def _numbers_in(values: tuple[Any, ...] | list[Any]) -> list[Any]:
    """The arrays and numbers in arguments, in lists at any depth."""
    found = []
    for value in values:
        if isinstance(value, list | tuple):
            found += _numbers_in(value)
        else:
            found.append(value)
    return found


def _is_view(found: Array, operands: list[Any]) -> bool:
    """Whether an array looks into the memory of an operand."""
    if found.base is None:
        return any(found is each for each in operands)
    root = root_of(found)
    return any(root is root_of(each) for each in operands if isinstance(each, np.ndarray))


def _moved(function: Function, args: Operand, options: Operand) -> Operand:
    """The elements of the first argument where a function moves them: numbered, they tell."""
    node = arrays.as_node(args[0])
    numbers = np.arange(np.size(node)).reshape(np.shape(node))
    return gather([node], function(numbers, *arrays.plain(args[1:]), **arrays.plain(options)))


_DATA = {*PLAIN_FUNCTIONS} - {np.full_like}
"""Functions whose result does not move with the numbers."""


# Functions that write

WRITING: dict[Any, tuple[str, ...]] = {
    np.copyto: ("dst", "src"),
    np.put: ("a", "ind", "v"),
    np.putmask: ("a", "mask", "values"),
    np.place: ("arr", "mask", "vals"),
    np.fill_diagonal: ("a", "val"),
    np.put_along_axis: ("arr", "indices", "values"),
}
"""With what their arguments are called: the first is written into, the last is what is put."""


def _written(function: Function, args: Operand, options: Operand) -> None:
    names = WRITING[function]
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
    return arrays.recorded(found, settled(node, found, open_tape, np.array), open_tape)
