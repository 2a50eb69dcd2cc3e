"""The gradient of each operand of an array operation, as a formula of NumPy.

What ``array_rules`` computes in its pullbacks stands here the way a textbook writes it, in
NumPy's notation and with NumPy's functions: ``g`` is the upstream gradient, ``x`` and ``y`` are
the first operands (of any number, ``x0``, ``x1``, ...), ``out`` is the result.  What a formula
gives, summed over what was repeated to fit, is the gradient: the tests evaluate every one.
``scatter(g, index, shape)`` alone is not of NumPy: zeros of a shape with ``g`` added at the index.

>>> from autograd_mini import Tensor
>>> X, W = Tensor([[1.0, 2.0]], label="X"), Tensor([[3.0], [4.0]], label="W")
>>> matrix_form(X @ W, 0), matrix_form(X @ W, 1)
('g @ y.T', 'x.T @ g')
>>> matrix_form(X.mean(), 0)
'broadcast_to(g / 2, (1, 2))'
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_mini.core.tensor import Tensor

Form = str | Callable[[Tensor, int], str]


def matrix_form(node: Tensor, slot: int) -> str:
    """The gradient of an operand of an array operation, as text.

    Arguments:
        node: the result of the operation.
        slot: which operand.

    A user's ``primitive`` that does not say its formulas has one that says what is called.
    """
    rule: Any = node.operation
    if rule.foreign:
        own: str | Callable[[Tensor], str] | None = rule.formulas[slot] if rule.formulas else None
        if own is None:
            return foreign_call(node, slot)
        return own(node) if callable(own) else own
    form = FORMS[node.op]
    return form(node, slot) if callable(form) else form.format(**_fields(node, slot))


def foreign_call(node: Tensor, slot: int) -> str:
    """The call of a primitive's pullback that gives an operand's gradient."""
    name = f"{re.sub(r'[^a-zA-Z0-9]+', '_', node.op).strip('_') or 'primitive'}_pullback"
    operands = ", ".join(f"x{i}" for i in range(len(node.parents)))
    options = "".join(f", {option}={option}" for option in node.options)
    return f"{name}(g, out, {operands}{options})[{slot}]"


def _fields(node: Tensor, slot: int) -> dict[str, Any]:
    options, shape = node.options, _shape(node.parents[slot])
    axis, keepdims = options.get("axis"), options.get("keepdims", True)
    axes = tuple(range(len(shape)) if axis is None else np.atleast_1d(axis).tolist())
    count = math.prod(shape[a] for a in axes if a < len(shape))
    # Leading axes need not be put back: NumPy adds them itself
    leads = keepdims or sorted(a % len(shape) for a in axes) == list(range(len(axes)))
    restored = "{}" if leads else f"expand_dims({{}}, {axis})"
    return {
        **options,
        "shape": shape,
        "along": "" if axis is None else f", {axis}",
        "over": ("" if axis is None else f", axis={axis}") + ", keepdims=True",
        "count": count,
        "free": count - options.get("ddof", 0),
        "G": restored.format("g"),
        "OUT": restored.format("out"),
    }


def _shape(operand: Any) -> tuple[int, ...]:
    return np.shape(getattr(operand, "data", operand))


def _transposed(name: str, axes: int) -> str:
    return f"{name}.T" if axes == 2 else f"{name}.mT"  # mT exchanges the last two


def _matmul(node: Tensor, slot: int) -> str:
    x, y = (len(_shape(parent)) for parent in node.parents[:2])
    if x == y == 1:
        return "g * x" if slot else "g * y"
    if slot == 0:
        if y == 1:
            return "outer(g, y)" if x == 2 else "expand_dims(g, -1) * y"
        if x == 1 and y > 2:
            return "sum(expand_dims(g, -2) * y, axis=-1)"
        return f"g @ {_transposed('y', y)}"
    if x == 1:
        return "outer(x, g)" if y == 2 else "expand_dims(x, -1) * expand_dims(g, -2)"
    if y == 1 and x > 2:
        return "expand_dims(g, -1) * x"
    return f"{_transposed('x', x)} @ g"


def _affine(node: Tensor, slot: int) -> str:
    return _matmul(node, slot) if slot < 2 else "g"


def _einsum(node: Tensor, slot: int) -> str:
    inputs, output = node.options["subscripts"].split("->")
    terms = inputs.split(",")
    sizes = einsum_sizes(node)
    operands = ["g", *(f"x{i}" for i in range(len(terms)) if i != slot)]
    mine = terms.pop(slot)
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


def einsum_sizes(node: Tensor) -> dict[str, int]:
    """How long each axis of an einsum is."""
    sizes: dict[str, int] = {}
    terms = node.options["subscripts"].split("->")[0].split(",")
    for term, operand in zip(terms, node.parents, strict=True):
        for letter, size in zip(term, _shape(operand), strict=True):
            sizes[letter] = max(size, sizes.get(letter, size)) if size else 0
    return sizes


def _var(node: Tensor, slot: int) -> str:
    return "2 / {free} * {G} * (x - mean(x{over}))".format(**_fields(node, slot))


def _std(node: Tensor, slot: int) -> str:
    fields = _fields(node, slot)
    centred = "(x - mean(x{over}))".format(**fields)
    if np.all(node.data):
        return "{G} / ({free} * {OUT}) * ".format(**fields) + centred
    return (
        "where({OUT} == 0, 0, {G}) / where({OUT} == 0, 1, {free} * {OUT}) * ".format(**fields)
        + centred
    )


def _prod(node: Tensor, slot: int) -> str:
    fields = _fields(node, slot)
    if np.all(node.data) and np.all(np.isfinite(node.data)):
        return "{G} * {OUT} / x".format(**fields)
    # The product of the others, of a zero as well: a row for each with it left out
    shape, axis = fields["shape"], node.options["axis"]
    axes = range(len(shape)) if axis is None else np.atleast_1d(axis).tolist()
    axes = tuple(a % len(shape) for a in axes)
    last = tuple(range(len(shape) - len(axes), len(shape)))
    rest = tuple(n for a, n in enumerate(shape) if a not in axes)
    sizes, count = tuple(shape[a] for a in axes), fields["count"]
    x = "x" if axes == last else f"moveaxis(x, {axes}, {last})"
    rows = f"reshape({x}, {(*rest, 1, count)})"
    others = f"reshape(prod(where(eye({count}) == 1, 1, {rows}), axis=-1), {(*rest, *sizes)})"
    if axes != last:
        others = f"moveaxis({others}, {last}, {axes})"
    return f"{fields['G']} * {others}"


def _extreme(node: Tensor, slot: int) -> str:
    fields = _fields(node, slot)
    whole = np.max(node.parents[0].data, axis=node.options["axis"], keepdims=True).shape
    ties = np.sum(node.parents[0].data == np.reshape(node.data, whole)) > node.size
    return ("{G} * (x == {OUT})" + " / sum(x == {OUT}{over})" * bool(ties)).format(**fields)


def _cumsum(node: Tensor, slot: int) -> str:
    axis, shape = node.options["axis"], _shape(node.parents[0])
    if axis is None:
        return f"reshape(flip(cumsum(flip(g))), {shape})"
    return f"flip(cumsum(flip(g, {axis}), {axis}), {axis})"


def _norm(node: Tensor, slot: int) -> str:
    fields = _fields(node, slot)
    g, out = "{G}", "{OUT}"
    if not np.all(node.data):
        g, out = "where({OUT} == 0, 0, {G})", "where({OUT} == 0, 1, {OUT})"
    order = node.options.get("ord", 2)
    form = f"{g} * x / {out}" if order == 2 else f"{g} * sign(x) * (abs(x) / {out}) ** {order - 1}"
    return form.format(**fields)


def _transpose(node: Tensor, slot: int) -> str:
    axes = node.options["axes"]
    if axes is None:
        return "g.T" if node.ndim == 2 else "transpose(g)"
    back = tuple(np.argsort([a % len(axes) for a in axes]).tolist())
    return "g.T" if back == (1, 0) else f"transpose(g, {back})"


def _swapaxes(node: Tensor, slot: int) -> str:
    return swapped("g", node)


def swapped(name: str, node: Tensor) -> str:
    """Two axes exchanged, which is a transpose if they are the last two."""
    axes = [node.options[axis] for axis in ("axis1", "axis2")]
    if sorted(a % node.ndim for a in axes) == [node.ndim - 2, node.ndim - 1]:
        return _transposed(name, node.ndim)
    return f"swapaxes({name}, {axes[0]}, {axes[1]})"


def _concatenate(node: Tensor, slot: int) -> str:
    axis = node.options["axis"] % node.ndim
    sizes = [_shape(parent)[axis] for parent in node.parents]
    start = sum(sizes[:slot])
    return f"g[{':, ' * axis}{start}:{start + sizes[slot]}]"


def _stack(node: Tensor, slot: int) -> str:
    return f"g[{':, ' * (node.options['axis'] % node.ndim)}{slot}]"


def _roll(node: Tensor, slot: int) -> str:
    shift, axis = np.negative(node.options["shift"]).tolist(), node.options["axis"]
    shift = tuple(shift) if isinstance(shift, list) else shift
    return f"roll(g, {shift}{'' if axis is None else f', axis={axis}'})"


def _pad(node: Tensor, slot: int) -> str:
    shape = _shape(node.parents[0])
    starts = np.broadcast_to(node.options["pad_width"], (len(shape), 2))[:, 0].tolist()
    return f"g[{', '.join(f'{a}:{a + n}' for a, n in zip(starts, shape, strict=True))}]"


FORMS: dict[str, Form] = {
    "matmul": _matmul,
    "affine": _affine,
    "einsum": _einsum,
    "sum": "broadcast_to({G}, {shape})",
    "mean": "broadcast_to({G} / {count}, {shape})",
    "var": _var,
    "std": _std,
    "prod": _prod,
    "max": _extreme,
    "min": _extreme,
    "cumsum": _cumsum,
    "norm": _norm,
    "softmax": "out * (g - sum(g * out{over}))",
    "log_softmax": "g - exp(out) * sum(g{over})",
    "logsumexp": "{G} * exp(x - {OUT})",
    "reshape": "reshape(g, {shape})",
    "ravel": "reshape(g, {shape})",
    "squeeze": "reshape(g, {shape})",
    "expand_dims": "reshape(g, {shape})",
    "transpose": _transpose,
    "moveaxis": "moveaxis(g, {destination}, {source})",
    "swapaxes": _swapaxes,
    "broadcast_to": "g",
    "getitem": "scatter(g, s_[index], {shape})",
    "scatter": "g[index]",
    "concatenate": _concatenate,
    "stack": _stack,
    "flip": "flip(g{along})",
    "roll": _roll,
    "pad": _pad,
    "astype": "g",
}
"""For each operation on whole arrays: its form, or a function of node and operand to it.

A form may leave out what does not matter at the operands at hand, such as a zero."""


OVER_THE_OPERAND = {"sum", "mean", "var", "std", "prod", "max", "min", "norm", "logsumexp"}
"""Forms of the operand's shape whatever the shape of g, so that a number may stand for g."""

FORMULAS: dict[str, str | Callable[[Tensor], str]] = {
    "matmul": "x0 @ x1",
    "affine": "x0 @ x1 + x2",
    "einsum": lambda node: f"einsum(subscripts, {_operands(node)})",
    "reshape": "reshape(x0, shape)",
    "transpose": lambda node: (
        "x0.T"
        if node.options["axes"] is None and node.ndim == 2
        else "transpose(x0)"
        if node.options["axes"] is None
        else "transpose(x0, axes)"
    ),
    "moveaxis": "moveaxis(x0, source, destination)",
    "swapaxes": lambda node: swapped("x0", node),
    "broadcast_to": "broadcast_to(x0, shape)",
    "getitem": "x0[index]",
    "scatter": "scatter(x0, s_[index], shape)",
    "concatenate": lambda node: f"concatenate([{_operands(node)}], axis=axis)",
    "stack": lambda node: f"stack([{_operands(node)}], axis=axis)",
    "pad": lambda node: (
        "pad(x0, pad_width, constant_values=constant_values)"
        if np.any(node.options["constant_values"])
        else "pad(x0, pad_width)"
    ),
    "astype": "asarray(x0, dtype)",
}
"""What an operation computes, where NumPy has not one function with these operands and options."""


def _operands(node: Tensor) -> str:
    return ", ".join(f"x{i}" for i in range(len(node.parents)))


def array_formula(node: Tensor) -> str:
    """What an array operation computes, as text: NumPy's, or the operation's own name.

    The operands are ``x0``, ``x1``, ..., the options go by their names.

    >>> t = Tensor([[1.0, 2.0]])
    >>> array_formula(t.sum(axis=1)), array_formula(np.concatenate([t, t]))
    ('sum(x0, axis=axis)', 'concatenate([x0, x1], axis=axis)')
    """
    rule: Any = node.operation
    form = None if rule.foreign else FORMULAS.get(node.op)
    if form is not None:
        return form(node) if callable(form) else form
    options = [
        f"{name}={name}" for name, value in node.options.items()
        if rule.foreign or (value is not None and value is not False)
    ]  # fmt: skip
    name = re.sub(r"[^a-zA-Z0-9]+", "_", node.op).strip("_") or "primitive"
    return f"{name}({', '.join([_operands(node), *options])})"
