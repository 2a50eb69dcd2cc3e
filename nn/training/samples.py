"""Samples of arrays and of trees of arrays, and errors that tell of all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

import autograd_mini as ag
from autograd_mini.nn.layers.dense import size
from autograd_mini.nn.operands import Data, arrays_of, is_several, numbers, operand
from autograd_mini.trees import leaves, paths, rebuild
from autograd_mini.typing import Array, Operand


def keys_of(tree: Data) -> list[Any]:
    """The keys of a dict, the indices of a tuple or list; none of one array."""
    if isinstance(tree, Mapping):
        return list(tree)
    return list(range(len(tree))) if isinstance(tree, tuple | list) else []


def kind_of(tree: Data) -> str:
    """A word for outputs, targets or losses in a message."""
    if not is_several(tree):
        return "one array"
    kind = "dict" if isinstance(tree, Mapping) else type(tree).__name__
    parts = ", ".join(map(repr, tree)) if kind == "dict" else str(len(tree))
    return f"a {kind} of {parts}"


def plain(outputs: Data) -> Data:
    """A model's outputs as plain numbers: an array, or a tree of arrays."""
    return arrays_of(outputs, "outputs", lambda x, _: numbers(x))


def length(X: Data) -> int:
    """How many samples an array, or a tree of arrays, has."""
    return len(X if isinstance(X, np.ndarray) else leaves(X)[0])


def samples_at(X: Data, indices: Array) -> Data:
    """The samples with these numbers, of an array or of each array in a tree."""
    if isinstance(X, np.ndarray):
        return X[indices]
    return rebuild(X, (array[indices] for array in leaves(X)))


def joined(batches: Sequence[Any]) -> Data:
    """The samples of all batches in one array, or in each array of a tree.

    Raises:
        ValueError: a part has no axis of samples.
    """
    if isinstance(batches[0], np.ndarray) and batches[0].ndim:
        return np.concatenate(batches)
    for path, array in zip(paths(batches[0]), leaves(batches[0]), strict=True):
        if not array.ndim:
            raise ValueError(
                f"the model's output{path} is one number for a batch, and outputs have the samples "
                "along their first axis: give one for each sample"
            )
    each = zip(*map(leaves, batches), strict=True)
    return rebuild(batches[0], (np.concatenate(arrays) for arrays in each))


def samples(what: str, **data: Data) -> int:
    """How many samples there are in each of these arrays and trees of arrays, by name.

    Raises:
        ValueError: there are none, an array has no axis of samples, or they differ in length.

    >>> samples("fit: ", X={"a": np.zeros(3), "b": np.zeros(4)})
    Traceback (most recent call last):
    ValueError: fit: X['a'] has 3 samples and X['b'] 4; they lie along the first axis of each
    """
    arrays = {
        f"{name}{path}": array
        for name, tree in data.items()
        for path, array in zip(paths(tree), leaves(tree), strict=True)
    }
    for name, array in arrays.items():
        if not array.ndim:
            raise ValueError(f"{what}{name} holds one entry for each sample, not single numbers")
    (first, array), *others = arrays.items()
    for name, other in others:
        if len(other) != len(array):
            hint = ""
            for odd, wide, count in ((name, other, len(array)), (first, array, len(other))):
                if wide.ndim > 1 and wide.shape[1] == count:
                    hint = (
                        f", and {odd} of shape {wide.shape} has them along its second: write "
                        f"np.swapaxes({odd}, 0, 1), or a tuple of arrays for several"
                    )
            raise ValueError(
                f"{what}{first} has {len(array)} samples and {name} {len(other)}; they lie along "
                f"the first axis of each{hint}"
            )
    if not len(array):
        raise ValueError(f"{what}there are no samples ({first} has shape {array.shape})")
    return len(array)


T = TypeVar("T")


def told_of_all(
    use: Callable[..., T], part: Sequence[Any], whole: Callable[[], Sequence[Any]]
) -> T:
    """What ``use`` gives for some of the samples; refused, if it is, as for all of them.

    So the shapes in an error are those that the user knows, not those of a batch.

    Arguments:
        use: a function that refuses some data, and changes nothing that counts.
        part, whole: its arguments for some samples, and what makes those for all; the last one
            has the samples along the first axis.

    Raises:
        ValueError: all samples fit, and some of them do not.
    """
    try:
        return use(*part)
    except (ValueError, TypeError, IndexError) as error:
        refused = error
    some, every = length(part[-1]), whole()
    if some == length(every[-1]):
        raise refused
    try:
        use(*every)
    except (ValueError, TypeError, IndexError) as error:
        raise error from None
    raise ValueError(
        f"{refused}: all {length(every[-1])} samples at once fit, and a batch does not: what "
        "belongs to each sample goes into X or y, as in y=(y, weights)"
    ) from refused


def outputs_of_all(outputs: Data, targets: Data, count: int) -> tuple[Any, Any]:
    return for_all(outputs, count), targets


def for_all(outputs: Data, count: int) -> Data:
    """Outputs of some samples, repeated to the length of all: what an error is told of."""
    several = arrays_of(outputs, "outputs", operand)
    shapes = [np.shape(x) for x in leaves(several)]
    repeated = (
        x[np.arange(count) % shape[0]] if shape and shape[0] else x
        for x, shape in zip(leaves(several), shapes, strict=True)
    )
    return rebuild(several, repeated)


def called(forward: Callable[..., Any], inputs: Data) -> Data:
    return forward(*inputs) if isinstance(inputs, tuple) else forward(inputs)


def number(loss: Operand) -> float:
    """A loss as a float.

    Raises:
        ValueError: it holds several numbers.
    """
    data = loss.data if isinstance(loss, ag.Tensor | ag.Value) else loss
    if np.size(data) != 1:
        raise ValueError(
            f"the loss is one number, and this one has shape {np.shape(data)}: reduce it with "
            "np.mean or np.sum"
        )
    return float(data) if np.ndim(data) == 0 else float(np.reshape(data, ()))


def slices(count: int, batch_size: int) -> list[Array]:
    batch_size = size("batch_size", batch_size)
    return [
        np.arange(start, min(start + batch_size, count)) for start in range(0, count, batch_size)
    ]


def sweep_to_leaves(loss: ag.Tensor | ag.Value, gradient: float | None) -> None:
    """``backward``, for nothing but the gradients of leaves."""
    if isinstance(loss, ag.Tensor):
        loss.backward(gradient, interior=False)
    else:
        loss.backward(gradient)
