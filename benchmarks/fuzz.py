"""Random programs against PyTorch and JAX: value, gradient, and a Hessian times a vector.

    python benchmarks/fuzz.py [--programs 20000] [--seed 0] [--jax 5] [--resume FILE] [--quick]

Each program draws leaves (shapes with 0 and 1; float64 and float32; contiguous, strided,
transposed, read-only, views of one array) and up to six operations.  PyTorch runs all of them, JAX
every ``--jax``-th; who differs is printed with the seed that makes the program again.  Where
float32 numbers differ, and the peer's in float64 agree with ours, it is the peer that rounds: that
is counted apart.  With ``--resume`` the counts are kept in a file, and a run that was stopped goes
on from there.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import special

import autograd_mini as ag
from autograd_mini import Tensor

Op = Callable[..., Any]
OPS: dict[str, tuple[Op, Op]] = {}
"""Of each operation our and JAX's code, of a module and operands, and PyTorch's, of operands."""


def both(name: str, ours: Op, theirs: Op) -> None:
    OPS[name] = ours, theirs


UNARY = {
    "sin": ("sin", "sin"), "cos": ("cos", "cos"), "tanh": ("tanh", "tanh"),
    "arctan": ("arctan", "atan"),
    "arcsinh": ("arcsinh", "asinh"), "expm1": ("expm1", "expm1"), "square": ("square", "square"),
    "abs": ("abs", "abs"), "negative": ("negative", "neg"), "sinh": ("sinh", "sinh"),
    "positive": ("positive", "positive"), "exp2": ("exp2", "exp2"), "sinc": ("sinc", "sinc"),
    "deg2rad": ("deg2rad", "deg2rad"), "sign": ("sign", "sign"), "floor": ("floor", "floor"),
}  # fmt: skip
for _name, (_ours, _theirs) in UNARY.items():
    both(
        _name,
        lambda xp, x, n=_ours: getattr(xp, n)(x),
        lambda x, n=_theirs: getattr(torch, n)(x),
    )
SAFE = {
    "log": ("log", "log"), "log2": ("log2", "log2"), "log10": ("log10", "log10"),
    "sqrt": ("sqrt", "sqrt"),
    "reciprocal": ("reciprocal", "reciprocal"), "log1p": ("log1p", "log1p"),
    "arccosh": ("arccosh", "acosh"),
}  # fmt: skip
for _name, (_ours, _theirs) in SAFE.items():
    both(
        _name + " of what is safe",
        lambda xp, x, n=_ours: getattr(xp, n)(x * x + 1.5),
        lambda x, n=_theirs: getattr(torch, n)(x * x + 1.5),
    )
BINARY = {
    "add": ("add", "add"), "subtract": ("subtract", "sub"), "multiply": ("multiply", "mul"),
    "maximum": ("maximum", "maximum"), "minimum": ("minimum", "minimum"),
    "logaddexp": ("logaddexp", "logaddexp"),
    "logaddexp2": ("logaddexp2", "logaddexp2"),
}  # fmt: skip
APART = {
    "arctan2": ("arctan2", "atan2"), "hypot": ("hypot", "hypot"), "fmax": ("fmax", "fmax"),
    "fmin": ("fmin", "fmin"),
}  # fmt: skip
for _name, (_ours, _theirs) in APART.items():  # not at the origin, and no ties: conventions differ
    both(
        _name,
        lambda xp, x, y, n=_ours: getattr(xp, n)(x, 0.3 * x + y * y + 0.217),
        lambda x, y, n=_theirs: getattr(torch, n)(x, 0.3 * x + y * y + 0.217),
    )
for _name, (_ours, _theirs) in BINARY.items():
    both(
        _name,
        lambda xp, x, y, n=_ours: getattr(xp, n)(x, y),
        lambda x, y, n=_theirs: getattr(torch, n)(x, y),
    )
both(
    "copysign",  # which has a kink where the first is 0
    lambda xp, x, y: xp.copysign(x * x + 0.217, y),
    lambda x, y: torch.copysign(x * x + 0.217, y),
)
both("divide", lambda xp, x, y: x / (y * y + 0.5), lambda x, y: x / (y * y + 0.5))
both("power", lambda xp, x, y: (x * x + 0.5) ** y, lambda x, y: (x * x + 0.5) ** y)
both(
    "where",
    lambda xp, x, y: xp.where(x > 0.1, x * y, y),
    lambda x, y: torch.where(x > 0.1, x * y, y),
)
both("clip", lambda xp, x: xp.clip(x, -0.5, 0.7), lambda x: torch.clip(x, -0.5, 0.7))
both("nan_to_num", lambda xp, x: xp.nan_to_num(x), torch.nan_to_num)
REDUCTIONS = {
    "sum": ("sum", "sum"), "mean": ("mean", "mean"), "prod": ("prod", "prod"),
    "max": ("max", "amax"),
    "min": ("min", "amin"),
}  # fmt: skip
for _name, (_ours, _theirs) in REDUCTIONS.items():
    for _axis in (0, -1):
        for _keep in (False, True):
            both(
                f"{_name} {_axis} {_keep}",
                lambda xp, x, n=_ours, a=_axis, k=_keep: getattr(xp, n)(x, axis=a, keepdims=k),
                lambda x, n=_theirs, a=_axis, k=_keep: getattr(torch, n)(x, a, keepdim=k),
            )
both("var", lambda xp, x: xp.var(x, axis=-1), lambda x: torch.var(x, -1, correction=0))
both("sum of all", lambda xp, x: xp.sum(x), torch.sum)
both("cumsum", lambda xp, x: xp.cumsum(x, axis=-1), lambda x: torch.cumsum(x, -1))
both("cumprod", lambda xp, x: xp.cumprod(x, axis=0), lambda x: torch.cumprod(x, 0))
both("sort", lambda xp, x: xp.sort(x, axis=-1), lambda x: torch.sort(x, -1, stable=True)[0])
both("diff", lambda xp, x: xp.diff(x, axis=-1), lambda x: torch.diff(x, dim=-1))
both(
    "norm",
    lambda xp, x: xp.linalg.norm(x + 0.3, axis=-1),
    lambda x: torch.linalg.norm(x + 0.3, dim=-1),
)
both("transpose", lambda xp, x: xp.transpose(x), lambda x: x.permute(*range(x.ndim)[::-1]))
both("swapaxes", lambda xp, x: xp.swapaxes(x, 0, -1), lambda x: x.transpose(0, -1))
both("reshape", lambda xp, x: xp.reshape(x, (-1,)), lambda x: x.reshape(-1))
both("expand_dims", lambda xp, x: xp.expand_dims(x, 0), lambda x: x.unsqueeze(0))
both("squeeze", lambda xp, x: xp.squeeze(x), torch.squeeze)
both("flip", lambda xp, x: xp.flip(x, 0), lambda x: torch.flip(x, (0,)))
both("roll", lambda xp, x: xp.roll(x, 1, 0), lambda x: torch.roll(x, 1, 0))
both("tile", lambda xp, x: xp.tile(x, 2), lambda x: torch.tile(x, (2,)))
both("repeat", lambda xp, x: xp.repeat(x, 2, 0), lambda x: torch.repeat_interleave(x, 2, 0))
both(
    "concatenate",
    lambda xp, x, y: xp.concatenate([x, y, x], 0),
    lambda x, y: torch.cat([x, y, x], 0),
)
both("stack", lambda xp, x, y: xp.stack([x, y], -1), lambda x, y: torch.stack([x, y], -1))
both("tril", lambda xp, x: xp.tril(x), torch.tril)
both("triu", lambda xp, x: xp.triu(x, 1), lambda x: torch.triu(x, 1))
both("diagonal", lambda xp, x: xp.diagonal(x), torch.diagonal)
both("slice", lambda xp, x: x[1:], lambda x: x[1:])
both("strided slice", lambda xp, x: x[..., ::2], lambda x: x[..., ::2])
both("index twice", lambda xp, x: x[np.array([0, 0, -1])], lambda x: x[torch.tensor([0, 0, -1])])
both("newaxis", lambda xp, x: x[:, None] * x[None], lambda x: x[:, None] * x[None])
both("pad", lambda xp, x: xp.pad(x, 1), lambda x: torch.nn.functional.pad(x, (1, 1) * x.ndim))
both("matmul", lambda xp, x, y: x @ y, lambda x, y: x @ y)
both(
    "matmul with itself",
    lambda xp, x: x @ xp.swapaxes(x, -1, -2),
    lambda x: x @ x.transpose(-1, -2),
)
both(
    "outer", lambda xp, x, y: xp.outer(x, y), lambda x, y: torch.outer(x.reshape(-1), y.reshape(-1))
)
both("kron", lambda xp, x, y: xp.kron(x, y), torch.kron)
both(
    "einsum",
    lambda xp, x, y: xp.einsum("ij,jk->ki", x, y),
    lambda x, y: torch.einsum("ij,jk->ki", x, y),
)
both("einsum trace", lambda xp, x: xp.einsum("ii->", x), lambda x: torch.einsum("ii->", x))


def _solid(xp: Any, x: Any) -> Any:
    """A positive definite matrix whose eigenvalues are apart."""
    return x @ xp.swapaxes(x, -1, -2) + np.diag(np.arange(2.0, 2.0 + x.shape[-2], dtype=x.dtype))


def _solid_of_torch(x: Any) -> Any:
    return x @ x.mT + torch.diag(torch.arange(2.0, 2.0 + x.shape[-2], dtype=x.dtype))


def both_of_solid(name: str, ours: Op, theirs: Op) -> None:
    """An operation on the positive definite matrix that is made of one."""
    both(name, lambda xp, x: ours(xp, _solid(xp, x)), lambda x: theirs(_solid_of_torch(x)))


for _name in ("inv", "det", "cholesky", "eigvalsh"):
    both_of_solid(
        _name, lambda xp, a, n=_name: getattr(xp.linalg, n)(a), getattr(torch.linalg, _name)
    )
both(
    "solve",
    lambda xp, x, y: xp.linalg.solve(_solid(xp, x), y),
    lambda x, y: torch.linalg.solve(_solid_of_torch(x), y),
)
for _name, _ours, _theirs in (
    (
        "solid to a power",
        lambda xp, a: xp.linalg.matrix_power(a / 9, 3),
        lambda a: torch.linalg.matrix_power(a / 9, 3),
    ),
    ("slogdet", lambda xp, a: xp.linalg.slogdet(a)[1], lambda a: torch.linalg.slogdet(a)[1]),
    (
        "eigh of a projection",
        lambda xp, a: xp.square(xp.linalg.eigh(a)[1]),
        lambda a: torch.square(torch.linalg.eigh(a)[1]),
    ),
    ("pinv", lambda xp, a: xp.linalg.pinv(a), torch.linalg.pinv),
    (
        "singular values",
        lambda xp, a: xp.linalg.svd(a, compute_uv=False),
        torch.linalg.svdvals,
    ),
    (
        "qr",
        lambda xp, a: xp.square(xp.linalg.qr(a)[1]),
        lambda a: torch.square(torch.linalg.qr(a)[1]),
    ),
):
    both_of_solid(_name, _ours, _theirs)
both(
    "multi_dot",
    lambda xp, x, y: xp.linalg.multi_dot([x, y, x]),
    lambda x, y: torch.linalg.multi_dot([x, y, x]),
)
both("trace", lambda xp, x: xp.trace(x), torch.trace)
both("inner", lambda xp, x, y: xp.inner(x, y), lambda x, y: torch.inner(x, y))
both("tensordot", lambda xp, x, y: xp.tensordot(x, y, 1), lambda x, y: torch.tensordot(x, y, 1))
both(
    "cross",  # which is 0 of what is parallel, but for rounding
    lambda xp, x, y: xp.cross(x, 0.3 * x + y * y + 0.217),
    lambda x, y: torch.linalg.cross(x, 0.3 * x + y * y + 0.217),
)
both("vander", lambda xp, x: xp.vander(x, 3), lambda x: torch.vander(x, 3))
both("cov", lambda xp, x: xp.cov(x), torch.cov)
both("trapezoid", lambda xp, x: xp.trapezoid(x, dx=0.5), lambda x: torch.trapezoid(x, dx=0.5))
both(
    "quantile",
    lambda xp, x: xp.quantile(x, 0.3, axis=-1),
    lambda x: torch.quantile(x, 0.3, dim=-1),
)
both("nansum", lambda xp, x: xp.nansum(x, axis=0), lambda x: torch.nansum(x, 0))
both("nanmean", lambda xp, x: xp.nanmean(x, axis=-1), lambda x: torch.nanmean(x, -1))
both(
    "std",
    lambda xp, x: xp.std(xp.stack([x, x + 1.3]), axis=0),
    lambda x: torch.std(torch.stack([x, x + 1.3]), 0, correction=0),
)
both(
    "take_along_axis",
    lambda xp, x: xp.take_along_axis(x, xp.argsort(x, axis=-1), -1),
    lambda x: torch.take_along_dim(x, torch.argsort(x, -1), -1),
)
both(
    "take",
    lambda xp, x: xp.take(x, np.array([0, 0])),
    lambda x: torch.take(x, torch.tensor([0, 0])),
)
both("moveaxis", lambda xp, x: xp.moveaxis(x, 0, -1), lambda x: torch.movedim(x, 0, -1))
both("rot90", lambda xp, x: xp.rot90(x), lambda x: torch.rot90(x, 1, (0, 1)))
both("fliplr", lambda xp, x: xp.fliplr(x), torch.fliplr)
both("hstack", lambda xp, x, y: xp.hstack([x, y]), lambda x, y: torch.hstack([x, y]))
both("vstack", lambda xp, x, y: xp.vstack([x, y]), lambda x, y: torch.vstack([x, y]))
both("dstack", lambda xp, x, y: xp.dstack([x, y]), lambda x, y: torch.dstack([x, y]))
both(
    "column_stack",
    lambda xp, x, y: xp.column_stack([x, y]),
    lambda x, y: torch.column_stack([x, y]),
)
both("atleast_3d", lambda xp, x: xp.atleast_3d(x), lambda x: torch.atleast_3d(x))
both("diag", lambda xp, x: xp.diag(x), torch.diag)
both("split", lambda xp, x: xp.split(x, [1])[1], lambda x: torch.tensor_split(x, [1])[1])
both("compress", lambda xp, x: xp.compress(np.arange(3) != 1, x, 0), lambda x: x[[0, 2]])
both("remainder", lambda xp, x: xp.remainder(x, 0.73), lambda x: torch.remainder(x, 0.73))
both("fmod", lambda xp, x: xp.fmod(x, 0.73), lambda x: torch.fmod(x, 0.73))
for _name in ("ceil", "trunc"):
    both(
        _name,
        lambda xp, x, n=_name: getattr(xp, n)(x) * x,
        lambda x, n=_name: getattr(torch, n)(x) * x,
    )
both(
    "of the disc",
    lambda xp, x: xp.arcsin(xp.tanh(x) * 0.9) + xp.arctanh(xp.sin(x) * 0.9),
    lambda x: torch.asin(torch.tanh(x) * 0.9) + torch.atanh(torch.sin(x) * 0.9),
)
both("arccos", lambda xp, x: xp.arccos(xp.sin(x) * 0.9), lambda x: torch.acos(torch.sin(x) * 0.9))
both("cosh", lambda xp, x: xp.cosh(x), torch.cosh)
both("tan", lambda xp, x: xp.tan(xp.sin(x)), lambda x: torch.tan(torch.sin(x)))
both("i0", lambda xp, x: xp.i0(x), torch.special.i0)
both(
    "convolve",
    lambda xp, x, y: xp.convolve(x, y),
    lambda x, y: torch.nn.functional.conv1d(
        x.reshape(1, 1, -1), y.flip(0).reshape(1, 1, -1), padding=len(y) - 1
    ).reshape(-1),
)

OURS: dict[str, tuple[Op, Op]] = {
    "sigmoid": (ag.sigmoid, torch.sigmoid),
    "softplus": (ag.softplus, lambda x: torch.logaddexp(x, torch.zeros_like(x))),
    "log_sigmoid": (ag.log_sigmoid, torch.nn.functional.logsigmoid),
    "relu": (ag.relu, torch.relu),
    "silu": (ag.silu, torch.nn.functional.silu),
    "gelu": (ag.gelu, torch.nn.functional.gelu),
    "elu": (ag.elu, torch.nn.functional.elu),
    "leaky_relu": (ag.leaky_relu, torch.nn.functional.leaky_relu),
    "erf": (ag.erf, torch.erf),
    "erfc": (ag.erfc, torch.erfc),
    "softmax": (lambda x: ag.softmax(x, -1), lambda x: torch.softmax(x, -1)),
    "log_softmax": (lambda x: ag.log_softmax(x, -1), lambda x: torch.log_softmax(x, -1)),
    "logsumexp": (lambda x: ag.logsumexp(x, -1), lambda x: torch.logsumexp(x, -1)),
    "expm": (lambda x: ag.expm(x / 3), lambda x: torch.linalg.matrix_exp(x / 3)),
    "gammaln": (lambda x: special.gammaln(x * x + 0.5), lambda x: torch.lgamma(x * x + 0.5)),
    "ndtr": (special.ndtr, torch.special.ndtr),
    "log_ndtr": (special.log_ndtr, torch.special.log_ndtr),
    "erfinv": (lambda x: special.erfinv(0.9 * np.sin(x)), lambda x: (0.9 * torch.sin(x)).erfinv()),
    "logit": (lambda x: special.logit(ag.sigmoid(x)), lambda x: torch.logit(torch.sigmoid(x))),
    "entr": (lambda x: special.entr(x * x + 0.1), lambda x: torch.special.entr(x * x + 0.1)),
    "i1": (special.i1, torch.special.i1),
}  # fmt: skip
"""Functions of one array that are no functions of NumPy's, nor of JAX's module.

Not ``digamma``: PyTorch's second derivative of it has eight digits."""
for _name, (_ours, _theirs) in OURS.items():
    both(_name, lambda xp, x, f=_ours: f(x), lambda x, f=_theirs: f(x))
SKIPPED_BY_JAX = {"eigvalsh", "eigh of a projection", *OURS}  # JAX's take both triangles

STEPS = {"sign": np.inf, "floor": 1.0, "ceil": 1.0, "trunc": 1.0, "remainder": 0.73, "fmod": 0.73}
"""Operations that jump, each with how far its jumps are from each other."""


def is_beside_a_jump(name: str, x: Any) -> bool:
    """Whether rounding, which differs from library to library, may decide on the value."""
    x = np.asarray(x)
    away = np.abs(x / STEPS[name] - np.round(x / STEPS[name]) if np.isfinite(STEPS[name]) else x)
    return bool(np.any((away > 0) & (away < 1e-5)))


SHAPES = [
    (),
    (1,),
    (3,),
    (4,),
    (0,),
    (2, 3),
    (3, 3),
    (3, 1),
    (1, 3),
    (3, 4),
    (0, 3),
    (2, 3, 3),
    (2, 1, 3),
]


def leaf(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An array of one layout or another."""
    layout = rng.integers(5)
    if layout == 1 and shape:
        whole = rng.normal(size=(*shape[:-1], 2 * shape[-1])).astype(dtype)
        return whole[..., ::2]
    numbers = rng.normal(size=shape).astype(dtype)
    if layout == 2:
        return np.ascontiguousarray(numbers.T).T
    if layout == 3:
        numbers.setflags(write=False)
    if layout == 4 and shape:
        return numbers[::-1]
    return numbers


def program(seed: int) -> tuple[list[np.ndarray], list[tuple[str, list[int]]]]:
    """Leaves, and steps: operations by name with the places of their operands."""
    rng = np.random.default_rng(seed)
    dtype = np.float32 if rng.random() < 0.2 else np.float64
    leaves = [
        leaf(rng, SHAPES[rng.integers(len(SHAPES))], dtype) for _ in range(rng.integers(1, 4))
    ]
    if rng.random() < 0.3:
        leaves.append(leaves[0][...])  # a view of the same memory
    values: list[Any] = [torch.tensor(np.array(x)) for x in leaves]
    steps: list[tuple[str, list[int]]] = []
    names = list(OPS)
    for _ in range(rng.integers(1, 7)):
        for _ in range(20):
            name = names[rng.integers(len(names))]
            count = OPS[name][1].__code__.co_argcount if hasattr(OPS[name][1], "__code__") else 1
            count -= len(getattr(OPS[name][1], "__defaults__", None) or ())
            count = 2 if name == "kron" else count
            places = [int(i) for i in rng.integers(len(values), size=count)]
            places[0] = len(values) - 1 if rng.random() < 0.6 else places[0]
            operands = [values[i] for i in places]
            if name in STEPS and is_beside_a_jump(name, operands[0]):
                continue
            try:
                as_numpy = OPS[name][0](np, *(np.asarray(o) for o in operands))
                made = OPS[name][1](*operands)
            except Exception:
                continue
            if np.shape(as_numpy) != tuple(made.shape):  # as of cumsum of a number
                continue
            if not np.allclose(as_numpy, made, rtol=1e-3, atol=1e-3):  # as of solve with vectors
                continue
            if made.numel() > 300 or (made.numel() and not float(made.abs().max()) < 1e3):
                continue
            values.append(made)
            steps.append((name, places))
            break
    return leaves, steps


def total(
    values: list[Any], steps: list[tuple[str, list[int]]], run: Callable[..., Any], sin: Op
) -> Any:
    for name, places in steps:
        values.append(run(name, *(values[i] for i in places)))
    return sum(sin(value).sum() * (k + 1) for k, value in enumerate(values))


def by_ours(leaves: list[np.ndarray], steps: Any, moves: list[np.ndarray]) -> list[np.ndarray]:
    xs = [Tensor(x) for x in leaves]
    out = total(list(xs), steps, lambda name, *o: OPS[name][0](np, *o), np.sin)
    first = ag.gradients(out, xs, create_graph=True)
    along = sum(np.sum(g * v) for g, v in zip(first, moves, strict=True))
    second = ag.gradients(along, xs)
    return [out.data, *(g.data for g in first), *second]


def by_torch(leaves: list[np.ndarray], steps: Any, moves: list[np.ndarray]) -> list[np.ndarray]:
    xs = [torch.tensor(np.array(x), requires_grad=True) for x in leaves]
    out = total(list(xs), steps, lambda name, *o: OPS[name][1](*o), torch.sin)
    first = torch.autograd.grad(out, xs, create_graph=True)
    along = sum((g * torch.tensor(v)).sum() for g, v in zip(first, moves, strict=True))
    second = torch.autograd.grad(along, xs, allow_unused=True)
    return [
        x.detach().numpy() if x is not None else np.zeros(0)
        for x in (
            out,
            *first,
            *(torch.zeros_like(x) if g is None else g for g, x in zip(second, xs, strict=True)),
        )
    ]


_UNOPTIMISED = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


def by_jax(leaves: list[np.ndarray], steps: Any, moves: list[np.ndarray]) -> list[np.ndarray]:
    import jax

    jax.config.update("jax_enable_x64", True)
    xs = [jax.numpy.asarray(np.array(x)) for x in leaves]
    run = lambda name, *o: OPS[name][0](jax.numpy, *o)  # noqa: E731
    loss = lambda *xs: total(list(xs), steps, run, jax.numpy.sin)  # noqa: E731
    numbers = tuple(range(len(xs)))
    both = jax.value_and_grad(loss, numbers)
    traced = jax.jit(lambda xs, moves: jax.jvp(both, xs, moves))
    given = tuple(xs), tuple(map(jax.numpy.asarray, moves))
    # a program runs once: what its compilation takes is nearly all, less so without optimisation
    (out, first), (_, second) = traced.lower(*given).compile(_UNOPTIMISED)(*given)
    return [np.asarray(x) for x in (out, *first, *second)]


def differences(ours: list[np.ndarray], theirs: list[np.ndarray], eps: float) -> Iterator[str]:
    """What differs, where theirs is finite: PyTorch's second derivative of sinc at 0 is NaN."""
    size = max(
        [1.0, *(float(np.max(np.abs(x), initial=0.0)) for x in theirs if np.isfinite(x).all())]
    )
    n = (len(ours) - 1) // 2
    for index, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        what = (
            "value"
            if not index
            else f"gradient {index - 1}"
            if index <= n
            else f"second {index - n - 1}"
        )
        if a.shape != b.shape:
            yield f"{what}: shape {a.shape}, theirs {b.shape}"
        elif not np.allclose(a[np.isfinite(b)], b[np.isfinite(b)], rtol=eps, atol=eps * size):
            yield f"{what}: {np.max(np.abs(a - b)):.3g} off, of {size:.3g}"


@dataclasses.dataclass
class Counts:
    """What is known after so many programs."""

    version: str
    seed: int
    programs: int = 0
    calls: dict[str, int] = dataclasses.field(default_factory=dict)
    compared: dict[str, int] = dataclasses.field(default_factory=dict)
    refused: int = 0
    differences: list[str] = dataclasses.field(default_factory=list)
    rounded: list[str] = dataclasses.field(default_factory=list)
    """Where a peer's float32 is off, and ours agrees with its float64."""

    def __str__(self) -> str:
        compared = ", ".join(f"{count:,} with {peer}" for peer, count in self.compared.items())
        calls = f"{sum(self.calls.values()):,} calls of {len(self.calls)} operations"
        return (
            f"{self.programs:,} programs from seed {self.seed:,} on, {calls}: {compared}, "
            f"{self.refused:,} refused by a peer; {len(self.differences)} differ, "
            f"{len(self.rounded)} by a peer's float32"
        )


def resumed(file: Path | None, seed: int) -> Counts:
    """What was counted so far of the same programs on the same package."""
    source = hashlib.sha256()
    for module in sorted(Path(ag.__file__).parent.rglob("*.py")):
        source.update(module.read_bytes())
    new = Counts(source.hexdigest(), seed)
    if file is None or not file.exists():
        return new
    found = Counts(**json.loads(file.read_text()))
    if (found.version, found.seed) != (new.version, seed):
        raise SystemExit(f"{file} was counted of another version, or from another seed: remove it")
    return found


def compare(seed: int, every: int, counts: Counts) -> None:
    """Runs one program everywhere, and counts who differs."""
    leaves, steps = program(seed)
    counts.programs += 1
    for name, _ in steps:
        counts.calls[name] = counts.calls.get(name, 0) + 1
    rng = np.random.default_rng(seed)
    moves = [rng.normal(size=x.shape).astype(x.dtype) for x in leaves]
    eps = 2e-9 if leaves[0].dtype == np.float64 else 5e-3
    peers: dict[str, Op] = {"PyTorch": by_torch}
    names = {name for name, _ in steps}
    if every and seed % every == 0 and not names & SKIPPED_BY_JAX:
        peers["JAX"] = by_jax
    told = f"{[x.shape for x in leaves]} {steps}"
    try:
        ours = by_ours(leaves, steps, moves)
    except Exception as error:
        counts.differences.append(f"seed {seed}: {type(error).__name__}: {error}; {told}"[:500])
        return
    for peer, run in peers.items():
        try:
            theirs = run(leaves, steps, moves)
        except Exception:  # as of an axis of a number, or of nothing
            counts.refused += 1
            continue
        counts.compared[peer] = counts.compared.get(peer, 0) + 1
        if found := list(differences(ours, theirs, eps)):
            wide = [[x.astype(np.float64) for x in arrays] for arrays in (leaves, moves)]
            exact = run(wide[0], steps, wide[1])
            rounds = leaves[0].dtype == np.float32 and not any(differences(ours, exact, eps))
            into = counts.rounded if rounds else counts.differences
            into.append(f"seed {seed}, {peer}: {'; '.join(found)}: {told}"[:500])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--jax", type=int, default=5, help="every how manieth JAX runs as well; 0: none"
    )
    parser.add_argument("--resume", type=Path, help="a file that keeps the counts of a stopped run")
    parser.add_argument("--quick", action="store_true", help="200 programs, without JAX")
    given = parser.parse_args()
    programs, every = (200, 0) if given.quick else (given.programs, given.jax)
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    counts = resumed(given.resume, given.seed)
    for difference in counts.differences:
        print(difference)
    with np.errstate(all="ignore"):
        while counts.programs < programs:
            known = len(counts.differences)
            compare(given.seed + counts.programs, every, counts)
            for difference in counts.differences[known:]:
                print(difference, flush=True)
            if given.resume and (counts.programs % 100 == 0 or counts.programs == programs):
                given.resume.write_text(json.dumps(dataclasses.asdict(counts)))
    print(counts)
    raise SystemExit(bool(counts.differences))


if __name__ == "__main__":
    main()
