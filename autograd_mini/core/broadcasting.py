"""What an operand receives: its share of a gradient, in its shape, dtype and memory of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_mini.core.graph import data_of, is_node
from autograd_mini.core.operation import Operation
from autograd_mini.interface.traced import as_array
from autograd_mini.typing import Array, Operand

if TYPE_CHECKING:
    from autograd_mini.core.array_node import ArrayNode


def like_operand(share: Operand, operand: ArrayNode, operation: Operation) -> Operand:
    """What an operand receives, in the operand's shape and dtype."""
    if type(share) is not np.ndarray and not is_node(share):
        share = as_array(share)
    shape = operand._array.shape
    if share.shape != shape:
        if not operation.broadcasts:
            raise ValueError(
                f"the pullback of {operation.name} gave a gradient of shape {share.shape} for an "
                f"operand of shape {shape}; they must be equal"
            )
        if share.shape[max(share.ndim - len(shape), 0) :] != shape:
            share = np.broadcast_to(share, np.broadcast_shapes(share.shape, shape))
        share = unbroadcast(share, shape)
    if share.dtype != operand._array.dtype:
        share = share.astype(operand._array.dtype)
    return share


def masked_share(share: Operand, gradient: Operand) -> Operand:
    """A share with zero in place of NaN where the upstream gradient is zero."""
    undefined = np.isnan(data_of(share)) & (data_of(gradient) == 0)
    return np.where(undefined, 0, share) if undefined.any() else share


def tangent_like(share: Operand, node: ArrayNode) -> Operand:
    """What the tangent of an operand adds to that of a node, in the node's shape and dtype."""
    if type(share) is not np.ndarray and not is_node(share):
        share = as_array(share)
    if share.shape != node._array.shape:
        share = np.broadcast_to(share, node._array.shape)
    return share if share.dtype == node._array.dtype else share.astype(node._array.dtype)


def is_shared(share: Array, others: tuple[Any, ...]) -> bool:
    """Whether an array may share its memory: a view, or one of the others itself."""
    return share.base is not None or any(share is other for other in others)


def unbroadcast(gradient: Operand, shape: tuple[int, ...]) -> Operand:
    """The gradient of an operand of this shape that was broadcast: summed over what was repeated.

    >>> unbroadcast(np.ones((4, 2, 3)), (2, 1))
    array([[12.],
           [12.]])
    """
    extra = gradient.ndim - len(shape)
    axes = tuple(range(extra))
    if gradient.shape[extra:] != shape:
        axes += tuple(
            axis + extra
            for axis, size in enumerate(shape)
            if size == 1 and gradient.shape[axis + extra] != 1
        )
    if not axes:
        return gradient
    if is_node(gradient):
        return np.reshape(np.sum(gradient, axis=axes), shape)
    found = np.add.reduce(gradient, axis=axes, dtype=sum_dtype(gradient))
    return found if found.shape == shape else found.reshape(shape)


def sum_dtype(array: Operand) -> np.dtype[Any]:
    """The dtype to sum in: float16 has no room for sums and counts, nor has NumPy's mean."""
    dtype: np.dtype[Any] = array.dtype
    return _FLOAT32 if dtype == _FLOAT16 else dtype


_FLOAT16, _FLOAT32 = np.dtype(np.float16), np.dtype(np.float32)
