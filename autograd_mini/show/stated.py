"""What operations on arrays say of themselves, until they say it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_mini.core.tensor import Tensor


def _operands(node: Tensor) -> str:
    return ", ".join(f"x{i}" for i in range(len(node.parents)))


def _transpose(node: Tensor) -> str:
    axes = node.options["axes"]
    if node.ndim == 2 and (axes is None or axes[0] % 2):
        return "x0.T"
    return "transpose(x0)" if axes is None else "transpose(x0, axes)"


def _swapaxes(node: Tensor) -> str:
    axes = [node.options[axis] % node.ndim for axis in ("axis1", "axis2")]
    if sorted(axes) == [node.ndim - 2, node.ndim - 1]:
        return "x0.T" if node.ndim == 2 else "x0.mT"  # mT exchanges the last two
    return "swapaxes(x0, axis1, axis2)"


def _expand_dims(node: Tensor) -> str:
    axis = node.options["axis"]
    return (
        f"expand_dims(x0, {axis[0]})"
        if np.size(axis) == 1 and np.ndim(axis)
        else "expand_dims(x0, axis)"
    )


SPELLINGS: dict[str, str | Callable[[Tensor], str]] = {
    "matmul": "x0 @ x1",
    "affine": "x0 @ x1 + x2",
    "einsum": lambda node: f"einsum(subscripts, {_operands(node)})",
    "reshape": "reshape(x0, shape)",
    "transpose": _transpose,
    "moveaxis": "moveaxis(x0, source, destination)",
    "swapaxes": _swapaxes,
    "expand_dims": _expand_dims,
    "broadcast_to": "broadcast_to(x0, shape)",
    "getitem": "x0[index]",
    "scatter": "scatter(x0, s_[index], shape)",
    "concatenate": lambda node: f"concatenate([{_operands(node)}], axis=axis)",
    "stack": lambda node: f"stack([{_operands(node)}], axis=axis)",
    "roll": lambda node: (
        "roll(x0, shift)" if node.options["axis"] is None else "roll(x0, shift, axis=axis)"
    ),
    "pad": lambda node: (
        "pad(x0, pad_width, constant_values=constant_values)"
        if np.any(node.options["constant_values"])
        else "pad(x0, pad_width)"
    ),
    "astype": "asarray(x0, dtype)",
}
"""What an operation computes, where NumPy has not one function with these operands and options."""

RESHAPES = {"reshape", "ravel", "squeeze", "expand_dims", "astype"}
REARRANGES = {
    *RESHAPES, "transpose", "moveaxis", "swapaxes", "broadcast_to", "getitem", "flip", "roll",
}  # fmt: skip
REDUCTIONS = {"std", "prod", "max", "min", "norm", "logsumexp"}


def _restored(name: str, node: Tensor) -> str:
    """A reduction's gradient or result, to stand beside its operand."""
    axis, axes = node.options["axis"], _axes(node)
    # Leading axes need not be put back: NumPy adds them itself
    leads = node.options["keepdims"] or sorted(axes) == list(range(len(axes)))
    return name if leads else f"expand_dims({name}, {axis})"


def _axes(node: Tensor) -> tuple[int, ...]:
    axis, ndim = node.options["axis"], np.ndim(node.parents[0])
    return tuple(range(ndim) if axis is None else [a % ndim for a in np.atleast_1d(axis).tolist()])


def _over(node: Tensor) -> str:
    axis = node.options["axis"]
    return ("" if axis is None else f", axis={axis}") + ", keepdims=True"


def _einsum(node: Tensor, slot: int) -> str | None:
    inputs, output = node.options["subscripts"].split("->")
    terms = inputs.split(",")
    mine = terms.pop(slot)
    if len(set(mine)) == len(mine):
        return None
    sizes: dict[str, int] = {}
    for term, operand in zip(inputs.split(","), node.parents, strict=True):
        for letter, size in zip(term, np.shape(operand), strict=True):
            sizes[letter] = max(size, sizes.get(letter, size)) if size else 0
    operands = ["g", *(f"x{i}" for i in range(len(node.parents)) if i != slot)]
    terms.insert(0, output)
    letters = ""
    for letter in mine:
        if letter in letters:  # a diagonal: nothing beside it receives anything
            twin = next(c for c in "abcdefghijklmnopqrstuvwxyz" if c not in inputs + letters)
            terms.append(letter + twin)
            operands.append(f"eye({sizes[letter]})")
            letters += twin
            continue
        letters += letter
        if not any(letter in term for term in terms):  # summed and nothing else: repeated
            terms.append(letter)
            operands.append(f"ones({sizes[letter]})")
    return f"einsum({','.join(terms) + '->' + letters!r}, {', '.join(operands)})"


def _std(node: Tensor, slot: int) -> str | None:
    if np.all(node.data):
        return None
    g, out = _restored("g", node), _restored("out", node)
    free = math.prod(node.parents[0].shape[a] for a in _axes(node)) - node.options["ddof"]
    return (
        f"where({out} == 0, 0, {g}) / where({out} == 0, 1, {free} * {out}) "
        f"* (x0 - mean(x0{_over(node)}))"
    )


def _prod(node: Tensor, slot: int) -> str:
    g, out = _restored("g", node), _restored("out", node)
    if np.all(node.data) and np.all(np.isfinite(node.data)):
        return f"{g} * {out} / x0"
    # The product of the others, of a zero as well: a row for each with it left out
    shape, axes = node.parents[0].shape, _axes(node)
    last = tuple(range(len(shape) - len(axes), len(shape)))
    rest = tuple(n for a, n in enumerate(shape) if a not in axes)
    sizes = tuple(shape[a] for a in axes)
    count = math.prod(sizes)
    x = "x0" if axes == last else f"moveaxis(x0, {axes}, {last})"
    rows = f"reshape({x}, {(*rest, 1, count)})"
    others = f"reshape(prod(where(eye({count}) == 1, 1, {rows}), axis=-1), {(*rest, *sizes)})"
    if axes != last:
        others = f"moveaxis({others}, {last}, {axes})"
    return f"{g} * {others}"


def _extreme(node: Tensor, slot: int) -> str:
    g, out = _restored("g", node), _restored("out", node)
    whole = np.max(node.parents[0].data, axis=node.options["axis"], keepdims=True).shape
    ties = np.sum(node.parents[0].data == np.reshape(node.data, whole)) > node.size
    return f"{g} * (x0 == {out})" + f" / sum(x0 == {out}{_over(node)})" * bool(ties)


def _norm(node: Tensor, slot: int) -> str | None:
    if np.all(node.data):
        return None
    g, out = _restored("g", node), _restored("out", node)
    g, out = f"where({out} == 0, 0, {g})", f"where({out} == 0, 1, {out})"
    order = node.options.get("ord", 2)
    return (
        f"{g} * x0 / {out}" if order == 2 else f"{g} * sign(x0) * (abs(x0) / {out}) ** {order - 1}"
    )


def _logsumexp(node: Tensor, slot: int) -> str:
    return f"{_restored('g', node)} * exp(x0 - {_restored('out', node)})"


STATED: dict[str, Callable[[Tensor, int], Any]] = {
    "einsum": _einsum,
    "std": _std,
    "prod": _prod,
    "max": _extreme,
    "min": _extreme,
    "norm": _norm,
    "logsumexp": _logsumexp,
}
