"""Names of PyTorch, JAX, HIPS autograd, Keras and micrograd, and what is written here instead.

Whoever comes from another library types its names.  A name that is missing here is answered
with the one to write: ``missing`` words the AttributeError, ``refuse_options`` raises the
TypeError for keyword arguments.

>>> print(missing("Tensor", "numpy"))
Tensor has no 'numpy': write t.data (the array itself, without its graph)
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, NoReturn

_COMMON = {
    "requires_grad": "nothing: every {kind} is differentiated; ag.no_grad() stops recording",
    "requires_grad_": "nothing: every {kind} is differentiated; ag.no_grad() stops recording",
    "is_leaf": "not {it}.parents",
    "grad_fn": "{it}.op, the operation's name, and {it}.parents",
    "zero_": "{it}.zero_grad() for the gradient, {it}.data for the numbers",
    "retain_grad": "nothing: backward() leaves the gradient in {it}.grad of every node",
    "detach_": "{it} = {it}.detach()",
    "value": "{it}.data",
    "_value": "{it}.data",
    "_prev": "{it}.parents",
    "_children": "{it}.parents",
    "_op": "{it}.op",
    "_backward": "{it}.local_derivatives for ∂{it}/∂parent, {it}.backward() for the whole sweep",
    "gradient": "{it}.grad after backward(), or ag.gradients(loss, {it})",
    "name": "{it}.label",
}


def _for(kind: str, it: str) -> dict[str, str]:
    return {name: advice.format(kind=kind, it=it) for name, advice in _COMMON.items()}


_FUNCTIONS_OF_NUMPY = (
    "outer", "einsum", "roll", "flip", "tile", "diff", "tril", "triu", "diag", "allclose",
)  # fmt: skip
_FUNCTIONS_OF_OURS = ("softmax", "log_softmax", "logsumexp")

TENSOR = {
    **{name: f"np.{name}(t)" for name in _FUNCTIONS_OF_NUMPY},
    **{name: f"ag.{name}(t)" for name in _FUNCTIONS_OF_OURS},
    **_for("Tensor", "t"),
    "numpy": "t.data (the array itself, without its graph)",
    "tolist": "t.data.tolist() (the numbers, without their graph)",
    "cpu": "t itself: all arrays are NumPy's",
    "cuda": "t itself: all arrays are NumPy's, on the processor",
    "to": "t.astype(dtype); there is one device",
    "reshape_as": "t.reshape(other.shape)",
    "permute": "np.transpose(t, axes)",
    "unsqueeze": "np.expand_dims(t, axis)",
    "unsqueeze_": "np.expand_dims(t, axis)",
    "expand": "np.broadcast_to(t, shape)",
    "expand_as": "np.broadcast_to(t, other.shape)",
    "contiguous": "t itself",
    "clone": "+t (a node of its own, in the graph)",
    "matmul": "t @ other",
    "mm": "t @ other",
    "bmm": "t @ other",
    "t": "t.T",
    "float": "t.astype(np.float32)",
    "double": "t.astype(np.float64)",
    "half": "t.astype(np.float16)",
    "type": "t.astype(dtype)",
    "dim": "t.ndim",
    "numel": "t.size",
    "nelement": "t.size",
    "clamp": "np.clip(t, low, high)",
    "norm": "np.linalg.norm(t)",
    "acos": "np.arccos(t)",
    "asin": "np.arcsin(t)",
    "atan": "np.arctan(t)",
    "gather": "t[indices]",
    "index_select": "np.take(t, indices, axis)",
    "masked_fill": "np.where(mask, value, t)",
    "add_": "t.data += other, or t = t + other for a new node",
    "sub_": "t.data -= other, or t = t - other for a new node",
    "mul_": "t.data *= other, or t = t * other for a new node",
    "copy_": "t.data = other",
    "fill_": "t.data[...] = number",
    "at": "ag.at(t, index).set(values), .add or .mul",
    "assign": "t.data = other",
    "assign_sub": "t.data -= other",
    "assign_add": "t.data += other",
    "block_until_ready": "t itself: nothing is computed later",
}  # fmt: skip
"""Attributes and methods that a Tensor has elsewhere."""

VALUE = {
    **_for("Value", "v"),
    "item": "v.data",
    "numpy": "v.data",
    "shape": "Tensor for arrays: a Value holds one number",
    "ndim": "Tensor for arrays: a Value holds one number",
    "size": "Tensor for arrays: a Value holds one number",
    "dtype": "Tensor for arrays: a Value holds one number, a Python float",
    "T": "Tensor for arrays: a Value holds one number",
    "clone": "+v (a node of its own, in the graph)",
    "copy": "+v (a node of its own, in the graph)",
    "tolist": "v.data",
    "sum": "sum(values): a Value holds one number",
    "mean": "sum(values) / len(values): a Value holds one number",
}
"""Attributes and methods that a Value has elsewhere."""

MODULE = {
    **{name: f"np.{name}" for name in _FUNCTIONS_OF_NUMPY},
    "tensor": "ag.Tensor(data)",
    "asarray": "ag.Tensor(data)",
    "from_numpy": "ag.Tensor(data)",
    "Variable": "ag.Tensor(data), or ag.Value(number)",
    "Parameter": "ag.Tensor(data)",
    "constant": "the array itself: plain numbers and arrays are constants",
    "numpy": "import numpy as np: NumPy's own functions work on Tensors",
    "jit": "the function itself: nothing is compiled",
    "stop_gradient": "t.detach()",
    "GradientTape": "ag.grad(f), or loss.backward()",
    "backward": "loss.backward()",
    "egrad": "ag.elementwise_grad(f)",
    "make_vjp": "ag.vjp(f, x)",
    "make_jvp": "ag.jvp(f, (x,), (v,))",
    "make_hvp": "ag.hvp(f, (x,), (v,))",
    "hessian_vector_product": "ag.hvp(f, (x,), (v,))",
    "holomorphic_grad": "ag.grad of real and imaginary parts: complex numbers are not taken",
    "defvjp": "ag.primitive(forward, pullback)",
    "custom_vjp": "ag.custom_gradient, or ag.primitive(forward, pullback)",
    "Function": "ag.custom_gradient, or ag.primitive(forward, pullback)",
    "remat": "ag.checkpoint(f)",
    "custom_root": "ag.root(f, guess, *params)",
    "enable_grad": "the code outside ag.no_grad(): recording is what happens there",
    "inference_mode": "ag.no_grad()",
    "set_grad_enabled": "ag.no_grad()",
    "gradcheck": "ag.check_gradients(loss, params, manual)",
    "check_grads": "ag.check_gradients(loss, params, manual)",
    "gradient": "ag.grad(f), or ag.gradients(loss, nodes)",
    "cat": "np.concatenate",
    "draw_dot": "ag.draw(root)",
    "make_dot": "ag.draw(root)",
    "optim": "ag.nn.SGD, ag.nn.Adam, …",
    "sum": "np.sum",
    "mean": "np.mean",
    "matmul": "x @ y",
    "dot": "np.dot",
    "ones": "ag.Tensor(np.ones(shape))",
    "randn": "ag.Tensor(rng.normal(size=shape)) with rng = np.random.default_rng(seed)",
    "rand": "ag.Tensor(rng.random(shape)) with rng = np.random.default_rng(seed)",
    "manual_seed": "rng = np.random.default_rng(seed), given to what draws numbers",
    "softmax_cross_entropy": "ag.nn.cross_entropy(logits, targets)",
    "vectorize": "ag.vmap(f)",
}
"""Names that a module like this one has elsewhere."""

SCIPY = {
    "expit": "ag.sigmoid(t)",
    "log_expit": "ag.log_sigmoid(t)",
    "expm": "ag.expm(t)",
    **dict.fromkeys(("convolve", "convolve2d", "fftconvolve"), "ag.convolve(t, kernel, mode)"),
    **dict.fromkeys(("correlate", "correlate2d"), "ag.convolve(t, np.flip(kernel), mode)"),
    **{
        name: f"ag.stats's {name}, as ag.stats.{distribution}.{name}(t)"
        for distribution, names in (
            ("norm", ("logpdf", "pdf", "cdf", "logcdf", "sf", "logsf")),
            ("poisson", ("logpmf", "pmf")),
        )
        for name in names
    },
    **{name: f"ag.{name}(t, axis)" for name in _FUNCTIONS_OF_OURS},
}
"""Functions of SciPy that are called otherwise here."""

OPTIONS = {
    "dim": "axis=",
    "axes": "axis=",
    "keepdim": "keepdims=",
    "keep_dims": "keepdims=",
    "unbiased": "ddof=1 for the unbiased estimate, ddof=0 for the other",
    "Tensor(dtype)": "np.asarray(data, dtype) as data",
    "requires_grad": "nothing: every Tensor and Value is differentiated",
    "device": "nothing: all arrays are NumPy's, on the processor",
    "name": "label=",
    "_children": "an operation: the graph is recorded by computing",
    "_op": "an operation: the graph is recorded by computing",
    "grad_outputs": "gradient=",
    "allow_unused": "nothing: what is not used has gradient 0, with a warning",
    "retain_graph": "nothing: a graph can be swept again as long as its result is held",
    "create_graph": "ag.gradients(loss, nodes, create_graph=True)",
}
"""Keyword arguments that functions have elsewhere; ``"f(option)"`` is one of ``f`` alone."""

PLACES: dict[str, tuple[Mapping[str, str], str]] = {
    "Tensor": (TENSOR, "Tensor"),
    "Value": (VALUE, "Value"),
    "autograd_mini": (MODULE, "autograd_mini"),
}
"""For each place the names that it has elsewhere, and what a message calls it.

A library on top of this one enters its own, here and in ``OPTIONS``.
"""


def missing(place: str, name: str, owner: str = "") -> str:
    """The message for a name that ``place`` has not got.

    Arguments:
        place: one of ``PLACES``.
        name: what was asked for.
        owner: what the message calls the place, a class's name for example.
    """
    table, called = PLACES[place]
    called = owner or called
    if name in table:
        return f"{called} has no {name!r}: write {table[name]}"
    kind = "module " if place.startswith("autograd_mini") else ""
    return f"{kind}{called!r} has no attribute {name!r}"


def refuse_foreign_options(made: type, options: Mapping[str, Any]) -> None:
    """``refuse_options`` for those arguments of a class that it has not got and others have.

    >>> refuse_foreign_options(complex, {"imag": 1.0})
    """
    if OPTIONS.keys().isdisjoint(options):
        return
    known = inspect.signature(made.__init__).parameters  # type: ignore[misc]
    if not any(option.kind is option.VAR_KEYWORD for option in known.values()):
        unknown = {n: given for n, given in options.items() if n in OPTIONS and n not in known}
        if unknown:
            refuse_options(made.__name__, unknown)


def refuse_options(function: str, options: Mapping[str, Any]) -> NoReturn:
    """Raise the TypeError for keyword arguments that a function has not got.

    >>> refuse_options("sum", {"dim": 0})
    Traceback (most recent call last):
    TypeError: sum() has no option 'dim': write axis=
    """
    for name in options:
        advice = OPTIONS.get(f"{function}({name})", OPTIONS.get(name))
        if advice:
            raise TypeError(f"{function}() has no option {name!r}: write {advice}")
    raise TypeError(f"{function}() got an unexpected keyword argument {next(iter(options))!r}")


class Elsewhere:
    """A class attribute for a name of another library: to ask for it raises ``missing``'s words.

    Unlike ``__getattr__`` it costs nothing where the name that is asked for exists.
    """

    def __init__(self, place: str, name: str) -> None:
        self.place, self.name = place, name

    def __get__(self, instance: object, owner: type) -> NoReturn:
        raise AttributeError(missing(self.place, self.name))


class NotEvenSet(Elsewhere):
    """``Elsewhere`` for what would be assigned in vain, as ``optimiser.lr = 0.01``."""

    def __set__(self, instance: object, value: object) -> NoReturn:
        raise AttributeError(missing(self.place, self.name))
