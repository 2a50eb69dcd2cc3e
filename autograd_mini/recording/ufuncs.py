"""NumPy's ufuncs on recorded arrays: computed by NumPy, and recorded besides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd_mini.core.graph import data_of
from autograd_mini.core.operation import OPERATIONS, Operation
from autograd_mini.core.rule import rule_of_ufunc
from autograd_mini.core.tensor import Tensor
from autograd_mini.interface.numpy_protocol import REDUCTIONS, name_of
from autograd_mini.operations.assignment import At
from autograd_mini.recording import arrays, tape
from autograd_mini.recording.memory import memory_for, memory_of, node_of
from autograd_mini.recording.nodes import constant, noted, same_numbers
from autograd_mini.typing import Array, Function, Operand


def called(
    ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], options: dict[str, Any]
) -> Operand:
    """What a ufunc, or a method of it, gives; recorded where an input is."""
    inputs = tuple(map(arrays.with_lists, inputs))
    if method == "__call__" and not options:
        return _computed(ufunc, inputs)
    options = _as_floats(options)
    outputs = options.pop("out", ())
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    open_tape = tape.current()
    nodes = [node_of(each) if open_tape else None for each in inputs]
    if method == "at":
        return _at(ufunc, inputs, nodes, open_tape)
    plain = arrays.plain(options)
    if any(output is not None for output in outputs):
        plain["out"] = tuple(map(arrays.plain, outputs))
    depends = any(node is not None for node in nodes)
    operands = [  # before it is computed, for what is written into may be one of them
        (constant(arrays.plain(each)) if node is None else node) if depends else None
        for each, node in zip(inputs, nodes, strict=True)
    ]
    before = [_prepared(each, options, open_tape) if depends else None for each in outputs]
    result = getattr(ufunc, method)(*map(arrays.plain, inputs), **plain)
    results = result if isinstance(result, tuple) else (result,)
    made: list[Tensor | None] = [None] * len(results)
    if depends and open_tape:
        made = _recorded(ufunc, method, operands, options, results, open_tape)
    given = [*outputs, *(None,) * len(results)]
    found = [
        arrays.recorded(numbers, node, open_tape)
        if output is None
        else _written(output, node, options.get("where", True), old)
        for numbers, node, output, old in zip(results, made, given, [*before, *given], strict=False)
    ]
    return tuple(found) if isinstance(result, tuple) else found[0]


def _computed(ufunc: np.ufunc, inputs: tuple[Any, ...]) -> Operand:
    """What a ufunc gives that is called without options, as most are."""
    open_tape, given = tape.current(), list(map(arrays.plain, inputs))
    nodes = [None] * len(inputs) if open_tape is None else list(map(node_of, inputs))
    result = ufunc(*given)
    if open_tape is None or all(node is None for node in nodes):
        several = tuple(map(arrays.as_recorded, result)) if isinstance(result, tuple) else result
        return arrays.as_recorded(several)
    operands = [
        constant(each) if node is None else node for each, node in zip(given, nodes, strict=True)
    ]
    results = result if isinstance(result, tuple) else (result,)
    made = _recorded(ufunc, "__call__", operands, {}, results, open_tape)
    found = [arrays.recorded(r, n, open_tape) for r, n in zip(results, made, strict=True)]
    return tuple(found) if isinstance(result, tuple) else found[0]


def _as_floats(options: dict[str, Any]) -> dict[str, Any]:
    """The options of a call, in which all floats are float64."""
    dtype = options.get("dtype")
    if dtype is not None and np.dtype(dtype).kind == "f":
        return {**options, "dtype": np.float64}
    return options


def _prepared(output: Operand, options: dict[str, Any], to: Operand) -> Operand:
    """The node of what an array holds before it is written, where that counts."""
    if not isinstance(output, np.ndarray):
        return None
    memory_for(output, to)
    return arrays.as_node(output) if options.get("where", True) is not True else None


def _written(output: Array, node: Tensor | None, where: Operand, before: Operand) -> Operand:
    """The array that was written, once its memory knows."""
    memory = memory_of(output)
    if memory is not None and memory.dtype == output.dtype:
        array = arrays.plain(output)
        if where is True:
            memory.write(array, node)
        elif node is not None:
            memory.write(
                array, settled(np.where(where, node, before), array, memory.tape, np.where)
            )
        else:
            mask = np.broadcast_to(arrays.plain(where), array.shape)
            memory.write_at(memory.places(array)[mask], None, array[mask])
    return arrays.as_recorded(output)


def _recorded(
    ufunc: np.ufunc,
    method: str,
    operands: Sequence[Any],
    options: dict[str, Any],
    results: Sequence[Any],
    to: Operand,
) -> list[Tensor | None]:
    """The nodes of the results; ``None`` for what is no float, or could not be followed."""
    if all(each.dtype.kind != "f" for each in results):
        if any(each.dtype.kind == "c" for each in results):
            to.note(counts_as_constant(ufunc, "it is complex"))
        return [None] * len(results)
    operation = operation_of(ufunc)
    if method == "__call__" and operation is not None:
        return [noted(operation, tuple(operands), {}, np.array(results[0]))]
    try:
        with np.errstate(all="ignore"):
            if method == "__call__":
                made = ufunc(*operands)
            elif method == "outer":
                left, right = operands
                shape = np.shape(left) + (1,) * np.ndim(right)
                made = ufunc(np.reshape(left, shape), right)
            else:
                made = _METHODS[method](ufunc, *operands, **arrays.plain(options))
    except (KeyError, TypeError, ValueError) as error:
        reason = "" if isinstance(error, KeyError) else str(error).partition(":")[0]
        to.note(counts_as_constant(ufunc, reason, method))
        return [None] * len(results)
    several = made if isinstance(made, tuple) else (made,)
    return [settled(m, r, to, ufunc, method) for m, r in zip(several, results, strict=True)]


def counts_as_constant(function: Function, reason: str = "", method: str = "__call__") -> str:
    """What is noted of a function that could not be followed."""
    name = name_of(function) + ("" if method == "__call__" else f".{method}")
    return f"what {name} gives counts as constant" + (f" ({reason})" if reason else "")


def operation_of(ufunc: np.ufunc) -> Operation | None:
    """The operation that a ufunc is."""
    return rule_of_ufunc(ufunc) or OPERATIONS.get(ufunc.__name__)


def settled(
    node: Operand, numbers: Operand, to: Operand, function: Function, method: str = "__call__"
) -> Tensor | None:
    """A node with the very numbers that NumPy computed, from which its own may round apart."""
    if isinstance(node, Tensor) and isinstance(numbers, np.matrix):
        node = np.reshape(node, numbers.shape)  # a matrix keeps two axes
    numbers = np.asarray(numbers)
    if not isinstance(node, Tensor) or numbers.dtype.kind != "f":
        return None
    if same_numbers(node._array, numbers):
        return node
    if node.shape != numbers.shape or not np.allclose(
        node._array, numbers, rtol=_ROUNDING, atol=_ROUNDING * _size(numbers), equal_nan=True
    ):
        to.note(counts_as_constant(function, "its derivative is not known", method))
        return None
    node._array = np.array(numbers)
    return node


_ROUNDING = 1e-9
"""How far two ways to compute a result may be apart, as a part of it."""


def _size(numbers: Array) -> float:
    finite = numbers[np.isfinite(numbers)]
    return float(np.max(np.abs(finite), initial=0.0))


# Methods


def _reduce(
    ufunc: np.ufunc,
    x: Operand,
    axis: Operand = 0,
    dtype: Operand = None,
    out: Operand = None,
    keepdims: bool = False,
    initial: Operand = np._NoValue,
    where: Operand = True,
) -> Operand:
    if where is not True:
        none = ufunc.identity
        none = (-np.inf if ufunc is np.maximum else np.inf) if none is None else none
        x = np.where(where, x, none)
    function = REDUCTIONS.get(ufunc)
    if function is not None:
        found = function(x, axis=axis, keepdims=bool(keepdims))
    else:
        found = _running(ufunc, x, axis)[-1]
        found = np.expand_dims(found, axis) if keepdims else found
    return found if initial in (np._NoValue, None) else ufunc(found, initial)


def _running(ufunc: np.ufunc, x: Operand, axis: int) -> list[Any]:
    """What a ufunc gives along an axis, one element after the other."""
    before = (slice(None),) * (axis % np.ndim(x))
    found = [x[(*before, 0)]]
    for index in range(1, np.shape(x)[axis]):
        found.append(ufunc(found[-1], x[(*before, index)]))
    return found


def accumulated(ufunc: np.ufunc, x: Operand, axis: int = 0, dtype: Operand = None) -> Operand:
    if ufunc is np.add:
        return np.cumsum(x, axis=axis)
    return np.stack(_running(ufunc, x, axis), axis)


def _reduceat(
    ufunc: np.ufunc, x: Operand, indices: Operand, axis: int = 0, dtype: Operand = None
) -> Operand:
    places, size = np.asarray(data_of(indices)), np.shape(x)[axis]
    before = (slice(None),) * (axis % np.ndim(x))
    pieces = []
    for start, end in zip(places, [*places[1:], size], strict=True):
        piece = x[(*before, slice(start, max(end, start + 1)))]
        pieces.append(_reduce(ufunc, piece, axis))
    return np.stack(pieces, axis)


_METHODS: dict[str, Callable[..., Any]] = {
    "reduce": _reduce,
    "accumulate": accumulated,
    "reduceat": _reduceat,
}


def _at(ufunc: np.ufunc, inputs: tuple[Any, ...], nodes: list[Any], to: Operand) -> None:
    """``ufunc.at(target, index, value)``: elements named several times are computed in turn."""
    target, index, *values = inputs
    array, index = arrays.plain(target), arrays.plain(index)
    depends = to is not None and any(node is not None for node in nodes)
    if not depends:
        ufunc.at(array, index, *map(arrays.plain, values))
        memory = memory_of(target)
        if memory is not None:
            places = memory.places(array)[index]
            memory.write_at(places, None, array[index])
        return
    memory = memory_for(array, to)
    old, operands = arrays.as_node(target), list(map(arrays.as_node, values))
    ufunc.at(array, index, *map(arrays.plain, values))
    found = At(old, np.asarray(np.arange(array.size).reshape(array.shape)[index]))
    if ufunc in (np.add, np.subtract):
        new = found.add(operands[0] if ufunc is np.add else -operands[0])
    else:
        new = found.apply(ufunc, *operands)
    memory.write(array, settled(new, array, to, ufunc, "at"))
