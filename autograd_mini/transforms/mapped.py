"""vmap: a function of one sample, of many samples at once."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from autograd_mini.core.tensor import Tensor
from autograd_mini.transforms.batched import Batched, Differs, level_of, stacked
from autograd_mini.transforms.call import check_function, held
from autograd_mini.trees import branches, leaves, paths, rebuild
from autograd_mini.typing import Function, Operand, Tree

Axes = Operand
"""An axis, ``None`` for what is the same for all samples, or a tree of these."""


def vmap(f: Function, in_axes: Axes = 0, out_axes: Axes = 0) -> Function:
    """A function of one sample as a function of many, which lie along an axis of its arguments.

    It gives what a loop over the samples gives.  NumPy's operations go over all samples at once
    where that is known to be the same, others one by one; where the function's own code asks for a
    sample's number, as in ``if x > 0``, it is called for each sample.  It nests, and takes
    derivatives inside: ``vmap(grad(loss), (None, 0, 0))`` gives the gradients of each sample.

    Arguments:
        f: a function of numbers, arrays and Tensors, or trees of them.
        in_axes: the axis of the samples in each argument: one for all, or a tuple with one for
            each, which may be a tree as far as the argument is one; ``None`` for an argument
            that is the same for all samples.  Named arguments have the samples along axis 0.
        out_axes: the axis along which the results are put together, or a tree of such.

    Returns:
        A function of the same arguments, each with one axis more.

    Raises:
        ValueError: the axes do not fit the arguments, or have different lengths, or none.
        TypeError: the results are no numbers, or have different shapes for different samples.

    >>> from autograd_mini import grad
    >>> def loss(w, x, y):
    ...     return (w @ x - y) ** 2
    >>> X, y = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([0.0, 1.0])
    >>> vmap(grad(loss), (None, 0, 0))(np.ones(2), X, y)
    array([[ 6., 12.],
           [36., 48.]])
    """
    check_function("vmap", f)

    @functools.wraps(f)
    def mapped(*args: Tree, **kwargs: Tree) -> Tree:
        axes = [*_spread("in_axes", in_axes, args), *[0] * len(leaves(kwargs))]
        given = leaves((args, kwargs))
        size = _size(given, axes, paths((args, kwargs)))
        first = [
            leaf if axis is None else np.moveaxis(_array(leaf), axis, 0)
            for leaf, axis in zip(given, axes, strict=True)
        ]
        try:
            with level_of(size) as level:
                results, own = _at_once(f, (args, kwargs), first, axes, level)
        except Differs:
            results, own = _one_by_one(f, (args, kwargs), first, axes, size)
        outs = _spread("out_axes", out_axes, own)
        return rebuild(own, map(_placed, results, outs))

    return mapped


def _at_once(
    f: Function, tree: Tree, first: Sequence[Any], axes: Sequence[Any], level: int
) -> tuple[list[Any], Tree]:
    """The results of all samples, with the samples along their first axis."""
    samples = (
        x if axis is None else Batched(x, level) for x, axis in zip(first, axes, strict=True)
    )
    args, kwargs = rebuild(tree, samples)
    out = f(*args, **kwargs)
    size = next(len(x) for x, axis in zip(first, axes, strict=True) if axis is not None)
    return list(_whole(out, size, level)), out


def _whole(out: Tree, size: int, level: int) -> Iterator[Any]:
    for leaf in leaves(out):
        if isinstance(leaf, Batched) and leaf.level == level:
            yield leaf.whole
        else:
            array = _result(leaf)
            yield np.broadcast_to(array, (size, *np.shape(array)))


def _one_by_one(
    f: Function, tree: Tree, first: Sequence[Any], axes: Sequence[Any], size: int
) -> tuple[list[Any], Tree]:
    found = []
    for index in range(size):
        each = (x if axis is None else x[index] for x, axis in zip(first, axes, strict=True))
        args, kwargs = rebuild(tree, each)
        out = f(*args, **kwargs)
        found.append(rebuild(out, map(_result, leaves(out))))
    try:
        whole = stacked(found, 0)
    except (Differs, ValueError):
        raise TypeError(
            "vmap: the results of the samples must be arranged in one way and have one shape; "
            f"found {', '.join(dict.fromkeys(map(_described, found[:3])))}"
        ) from None
    return [leaf.whole for leaf in leaves(whole)], whole


def _described(out: Tree) -> str:
    return str([np.shape(leaf) for leaf in leaves(out)]) if branches(out) else str(np.shape(out))


def _result(leaf: Operand) -> Operand:
    leaf = held(leaf)
    if not isinstance(leaf, float | int | np.generic | np.ndarray | Tensor | Batched):
        raise TypeError(
            f"vmap needs a function that returns numbers, arrays or Tensors, or a tree of them; it "
            f"returned {type(leaf).__name__}"
        )
    return leaf


def _array(leaf: Operand) -> Operand:
    return leaf if isinstance(leaf, Tensor | Batched) else np.asarray(leaf)


def _placed(whole: Operand, axis: Operand) -> Operand:
    if axis is None:
        raise ValueError("vmap: out_axes is an axis: the results have one for the samples")
    found = np.moveaxis(whole, 0, axis) if axis else whole
    return np.array(found) if isinstance(found, np.ndarray) else found  # no view of an argument


def _spread(name: str, axes: Axes, tree: Tree) -> list[Any]:
    """The axis for each leaf of a tree."""
    parts = branches(tree)
    if axes is None or isinstance(axes, int):
        return [axes] * len(leaves(tree))
    others = branches(axes)
    if parts is None or others is None or len(parts) != len(others):
        raise ValueError(
            f"vmap: {name}={axes!r} does not fit {'one leaf' if parts is None else len(parts)} "
            "parts: an axis or None for all, or one for each"
        )
    pairs = zip(parts.values(), others.values(), strict=True)
    return [axis for part, other in pairs for axis in _spread(name, other, part)]


def _size(given: Sequence[Any], axes: Sequence[Any], names: Sequence[str]) -> int:
    found: dict[str, int] = {}
    for leaf, axis, name in zip(given, axes, names, strict=True):
        if axis is None:
            continue
        shape = np.shape(leaf)
        if not -len(shape) <= axis < len(shape):
            raise ValueError(
                f"vmap: there is no axis {axis} for the samples in argument {name} of shape {shape}"
            )
        found[f"argument {name}"] = shape[axis]
    if not found:
        raise ValueError("vmap: no argument has samples: give an axis for one of them in in_axes")
    if len(set(found.values())) > 1:
        told = ", ".join(f"{name} has {size}" for name, size in found.items())
        raise ValueError(f"vmap: the arguments have different numbers of samples: {told}")
    size = next(iter(found.values()))
    if not size:
        raise ValueError("vmap: there is no sample, of which the results' shape could be known")
    return size
