"""The gradient of each operand of an array operation, as a formula of matrices.

What ``array_rules`` computes in its pullbacks stands here the way a textbook writes it, in
Python's notation: ``g`` is the upstream gradient, ``x`` and ``y`` are the first operands (``x`` the
one that is asked for, where there may be any number), ``out`` is the result.  Along reduced
axes ``g`` and ``out`` count as repeated.  The tests evaluate every text and hold it against
the pullback.

>>> from autograd_mini import Tensor
>>> X, W = Tensor([[1.0, 2.0]], label="X"), Tensor([[3.0], [4.0]], label="W")
>>> matrix_form(X @ W, 0), matrix_form(X @ W, 1)
('g @ y.T', 'x.T @ g')
>>> matrix_form(X.mean(), 0)
'broadcast(g / 2, (1, 2))'
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from autograd_mini.array_rules import ARRAY_RULES
from autograd_mini.tensor import Tensor

Form = str | Callable[[Tensor, int], str]


def matrix_form(node: Tensor, slot: int) -> str:
    """The gradient of an operand of an array operation, as text.

    Arguments:
        node: the result of the operation.
        slot: which operand.

    The operation of a user's ``primitive`` has a formula that only says what is called.
    """
    if node._rule is not ARRAY_RULES.get(node.op):
        return f"{re.sub(r'[^a-zA-Z0-9]+', '_', node.op).strip('_') or 'primitive'}_pullback(g)"
    form = FORMS[node.op]
    if callable(form):
        return form(node, slot)
    options = node.options
    shape = np.shape(getattr(node.parents[slot], "data", node.parents[slot]))
    axis = options.get("axis")
    axes = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    count = int(np.prod([shape[a] for a in axes if a < len(shape)], dtype=int))
    fields = {
        "shape": shape,
        "over": "" if axis is None else f", axis={axis}",
        "count": count,
        "free": count - options.get("ddof", 0),
    }
    return form.format(**{**options, **fields})


def _matmul(node: Tensor, slot: int) -> str:
    x, y = (np.ndim(getattr(parent, "data", parent)) for parent in node.parents[:2])
    if slot == 0:
        return ("g * y" if x == 1 else "outer(g, y)") if y == 1 else "g @ y.T"
    return ("g * x" if y == 1 else "outer(x, g)") if x == 1 else "x.T @ g"


def _affine(node: Tensor, slot: int) -> str:
    return _matmul(node, slot) if slot < 2 else "g"


def _einsum(node: Tensor, slot: int) -> str:
    inputs, output = node.options["subscripts"].split("->")
    terms = inputs.split(",")
    mine = terms.pop(slot)
    others = ["", ", y" if slot == 0 else ", x", ", others"][min(len(terms), 2)]
    if len(set(mine)) < len(mine) or set(mine) - set("".join([output, *terms])):
        return f"einsum_pullback(g{others})"  # a diagonal, or an axis that was only summed
    return f"einsum({','.join([output, *terms]) + '->' + mine!r}, g{others})"


def _transpose(node: Tensor, slot: int) -> str:
    axes = node.options["axes"]
    if axes is None:
        return "g.T" if node.ndim == 2 else "transpose(g)"
    back = tuple(np.argsort([a % len(axes) for a in axes]).tolist())
    return "g.T" if back == (1, 0) else f"transpose(g, {back})"


def _concatenate(node: Tensor, slot: int) -> str:
    axis = node.options["axis"] % node.ndim
    sizes = [np.shape(getattr(parent, "data", parent))[axis] for parent in node.parents]
    start = sum(sizes[:slot])
    return f"g[{':, ' * axis}{start}:{start + sizes[slot]}]"


def _stack(node: Tensor, slot: int) -> str:
    return f"g[{':, ' * (node.options['axis'] % node.ndim)}{slot}]"


def _roll(node: Tensor, slot: int) -> str:
    shift, axis = np.negative(node.options["shift"]).tolist(), node.options["axis"]
    shift = tuple(shift) if isinstance(shift, list) else shift
    return f"roll(g, {shift}{'' if axis is None else f', axis={axis}'})"


def _pad(node: Tensor, slot: int) -> str:
    shape = np.shape(getattr(node.parents[0], "data", node.parents[0]))
    starts = np.broadcast_to(node.options["pad_width"], (len(shape), 2))[:, 0].tolist()
    return f"g[{', '.join(f'{a}:{a + n}' for a, n in zip(starts, shape, strict=True))}]"


FORMS: dict[str, Form] = {
    "matmul": _matmul,
    "affine": _affine,
    "einsum": _einsum,
    "sum": "broadcast(g, {shape})",
    "mean": "broadcast(g / {count}, {shape})",
    "var": "2 / {free} * g * (x - mean(x{over}))",
    "std": "g / ({free} * out) * (x - mean(x{over}))",
    "prod": "g * product_of_the_others(x{over})",
    "max": "g * (x == out) / count(x == out{over})",
    "min": "g * (x == out) / count(x == out{over})",
    "cumsum": "reversed_cumsum(g{over})",
    "norm": "g * x / out",
    "softmax": "out * (g - sum(g * out{over}))",
    "log_softmax": "g - exp(out) * sum(g{over})",
    "logsumexp": "g * exp(x - out)",
    "reshape": "reshape(g, {shape})",
    "ravel": "reshape(g, {shape})",
    "squeeze": "reshape(g, {shape})",
    "expand_dims": "reshape(g, {shape})",
    "transpose": _transpose,
    "moveaxis": "moveaxis(g, {destination}, {source})",
    "swapaxes": "swapaxes(g, {axis1}, {axis2})",
    "broadcast_to": "g",
    "getitem": "scatter(g, {shape})",
    "scatter": "gather(g)",
    "concatenate": _concatenate,
    "stack": _stack,
    "flip": "flip(g{over})",
    "roll": _roll,
    "pad": _pad,
    "astype": "g",
}
"""For each operation on whole arrays: its form, or a function of node and operand to it.

``broadcast`` repeats to a shape; ``scatter`` is zeros with g added at the index, ``gather``
what stands at the index; ``sum``, ``mean`` and ``count`` are over the operation's axes."""
