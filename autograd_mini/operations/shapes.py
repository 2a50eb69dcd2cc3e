"""Shapes and dtypes: the same elements in another arrangement."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_mini.core.operation import define
from autograd_mini.core.tensor import Tensor
from autograd_mini.interface.traced import as_array
from autograd_mini.typing import Operand


def _reshape_pullback(g: Operand, out: Operand, x: Operand, **options: object) -> Operand:
    return np.reshape(g, np.shape(x))


_RESHAPED: dict[str, Any] = {"rearranges": True, "keeps_order": True}


reshape = define(
    "reshape",
    lambda x, shape: np.reshape(x, shape),  # by position: NumPy 2.0 has another name for it
    _reshape_pullback,
    call="x, shape",
    spelling="reshape(x0, shape)",
    **_RESHAPED,
    reads="",
    sentence="The same elements in another shape.",
)

ravel = define(
    "ravel",
    np.ravel,
    _reshape_pullback,
    numpy=np.ravel,
    reads="",
    sentence="The elements as one axis.",
    **_RESHAPED,
)

define(
    "squeeze",
    np.squeeze,
    _reshape_pullback,
    call="x, axis=None",
    numpy=np.squeeze,
    reads="",
    sentence="Axes of size 1 removed.",
    **_RESHAPED,
)

define(
    "expand_dims",
    np.expand_dims,
    _reshape_pullback,
    call="x, axis",
    numpy=np.expand_dims,
    spelling="expand_dims(x0, axis)",
    reads="",
    sentence="Axes of size 1 inserted.",
    **_RESHAPED,
)


def _transpose_pullback(g: Operand, out: Operand, x: Operand, axes: Any) -> Operand:
    return np.transpose(g, None if axes is None else np.argsort([a % len(axes) for a in axes]))


def _transpose_spelling(node: Tensor) -> str:
    if node.ndim == 2 and np.argmax(node.options["axes"] or (1, 0)) == 0:
        return "x0.T"
    return "transpose(x0)" if node.options["axes"] is None else "transpose(x0, axes)"


def _swapaxes_spelling(node: Tensor) -> str:
    axes = {node.options[axis] % node.ndim for axis in ("axis1", "axis2")}
    if axes == {node.ndim - 2, node.ndim - 1}:
        return "x0.T" if node.ndim == 2 else "x0.mT"  # mT exchanges the last two
    return "swapaxes(x0, axis1, axis2)"


transpose = define(
    "transpose",
    np.transpose,
    _transpose_pullback,
    call="x, axes=None",
    spelling=_transpose_spelling,
    rearranges=True,
    moves_axes=True,
    reads="",
    sentence="Axes in another order.",
)

define(
    "moveaxis",
    np.moveaxis,
    lambda g, out, x, source, destination: np.moveaxis(g, destination, source),
    call="x, source, destination",
    numpy=np.moveaxis,
    spelling="moveaxis(x0, source, destination)",
    rearranges=True,
    moves_axes=True,
    reads="",
    sentence="Axes moved elsewhere.",
)

swapaxes = define(
    "swapaxes",
    np.swapaxes,
    lambda g, out, x, axis1, axis2: np.swapaxes(g, axis1, axis2),
    call="x, axis1, axis2",
    numpy=np.swapaxes,
    spelling=_swapaxes_spelling,
    rearranges=True,
    moves_axes=True,
    reads="",
    sentence="Two axes exchanged.",
)

broadcast_to = define(
    "broadcast_to",
    np.broadcast_to,
    lambda g, out, x, shape: g,
    call="x, shape",
    numpy=np.broadcast_to,
    broadcasts=True,
    spelling="broadcast_to(x0, shape)",
    rearranges=True,
    reads="",
    sentence="Repeated along axes of size 1 to a shape.",
)

astype = define(
    "astype",
    lambda x, dtype: as_array(x).astype(dtype),
    lambda g, out, x, dtype: g,
    call="x, dtype",
    analytic=lambda x, dtype: x,
    by_element=lambda x, dtype: x,
    spelling="asarray(x0, dtype)",
    **_RESHAPED,
    reads="",
    sentence="The same numbers in another floating dtype.",
)
