"""Random programs and transforms against PyTorch and HIPS autograd, where they are installed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_mini as ag
from autograd_mini import Tensor, gradients
from autograd_mini.check.bounds import rounding_error

EPSILON = 2.0**-52

# What the oracles warn of while they are imported and used is not ours
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:torch", "ignore:`torch.jit")

# A program is a list of steps over a growing list of arrays.  A step is written once, for any
# library: xp is numpy (which dispatches to ours), torch or autograd.numpy.


def any_shapes(a, b):
    return True


def broadcastable(a, b):
    return all(m == n or 1 in (m, n) for m, n in zip(a[::-1], b[::-1], strict=False))


def has_axes(a, b):
    return len(a) >= 1


def has_two_axes(a, b):
    return len(a) == 2


def fit_for_matmul(a, b):
    return len(a) == len(b) == 2 and a[1] == b[0]


def same_rows(a, b):
    return len(a) == len(b) == 2 and a[1] == b[1]


def same(a, b):
    return a == b and len(a) >= 1


STEPS = [
    (any_shapes, lambda xp, a, b: xp.tanh(a)),
    (any_shapes, lambda xp, a, b: xp.sin(a) * xp.cos(2 * a)),
    (any_shapes, lambda xp, a, b: xp.exp(-a * a)),
    (any_shapes, lambda xp, a, b: xp.log(1 + a * a)),
    (any_shapes, lambda xp, a, b: xp.sqrt(1 + a**2)),
    (any_shapes, lambda xp, a, b: 1 / (1 + xp.exp(-a))),
    (any_shapes, lambda xp, a, b: xp.where(a > 0.1, a, 0.3 * a)),
    (any_shapes, lambda xp, a, b: xp.abs(a - 0.1)),
    (any_shapes, lambda xp, a, b: xp.arctan(a) / 2),
    (any_shapes, lambda xp, a, b: 0.5 - a),
    (broadcastable, lambda xp, a, b: a + b),
    (broadcastable, lambda xp, a, b: a - 2 * b),
    (broadcastable, lambda xp, a, b: a * xp.tanh(b)),
    (broadcastable, lambda xp, a, b: a / (1 + b * b)),
    (broadcastable, lambda xp, a, b: (1 + a * a) ** xp.tanh(b)),
    (broadcastable, lambda xp, a, b: xp.maximum(a, b)),
    (broadcastable, lambda xp, a, b: xp.minimum(a, b)),
    (broadcastable, lambda xp, a, b: xp.logaddexp(a, b)),
    (broadcastable, lambda xp, a, b: xp.arctan2(a, 1 + b * b)),
    (any_shapes, lambda xp, a, b: xp.sum(a)),
    (has_axes, lambda xp, a, b: xp.sum(a, 0)),
    (has_axes, lambda xp, a, b: xp.mean(a, axis=-1, keepdims=True)),
    (has_axes, lambda xp, a, b: xp.amax(a, -1)),
    (has_axes, lambda xp, a, b: xp.cumsum(a, 0)),
    (has_axes, lambda xp, a, b: a[0]),
    (has_axes, lambda xp, a, b: a[..., :1]),
    (has_axes, lambda xp, a, b: a[[0, -1, 0]]),
    (has_axes, lambda xp, a, b: a[None]),
    (any_shapes, lambda xp, a, b: xp.reshape(a, (-1,))),
    (has_two_axes, lambda xp, a, b: xp.swapaxes(a, 0, 1)),
    (has_two_axes, lambda xp, a, b: xp.tril(a)),
    (same, lambda xp, a, b: xp.concatenate([a, xp.sin(b)], 0)),
    (same, lambda xp, a, b: xp.stack([a, b], -1)),
    (fit_for_matmul, lambda xp, a, b: a @ b / 3),
    (same_rows, lambda xp, a, b: xp.einsum("ij,kj->ik", a, b) / 3),
    (same, lambda xp, a, b: xp.exp(a) / xp.sum(xp.exp(a), axis=-1, keepdims=True)),
]

programs = st.lists(
    st.tuples(st.integers(0, len(STEPS) - 1), st.integers(0, 99), st.integers(0, 99)), max_size=15
)
starts = st.tuples(
    st.lists(
        st.sampled_from([(), (3,), (1, 3), (3, 1), (2, 3), (3, 3)]), min_size=1, max_size=3
    ),
    st.integers(0, 999),
)  # fmt: skip


def run(program, xp, leaves):
    """The last arrays of a program, each reduced to one number, and these added up."""
    found = list(leaves)
    for which, left, right in program:
        a, b = found[-1 - left % len(found)], found[-1 - right % len(found)]
        fits, step = STEPS[which]
        if fits(tuple(a.shape), tuple(b.shape)):
            result = step(xp, a, b)
            if np.prod(result.shape) <= 60 and len(result.shape) <= 3:
                found.append(result)
    return sum(xp.sum(xp.sin(each) * (k + 1)) for k, each in enumerate(found[-4:]))


def make_leaves(start):
    shapes, seed = start
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in shapes]


def assert_same(ours, theirs, root, leaves):
    """Equal but for the rounding that this very computation can explain."""
    for mine, other, bound in zip(
        ours, theirs, rounding_error(root, leaves, EPSILON), strict=True
    ):  # fmt: skip
        allowed = bound + EPSILON * np.max(np.abs(mine), initial=1.0)
        assert np.all(np.abs(np.asarray(mine) - other) <= allowed), (mine, other, allowed)


unused = pytest.mark.filterwarnings("ignore::autograd_mini.IndependentOutputWarning")
"""For programs that may leave a number unused: its gradient is 0, which gradients() warns of."""


@unused
@given(program=programs, start=starts)
def test_random_programs_agree_with_pytorch_to_second_order(program, start):
    torch = pytest.importorskip("torch", reason="PyTorch, an optional oracle, is not installed")
    arrays = make_leaves(start)
    leaves = [Tensor(array) for array in arrays]
    theirs = [torch.tensor(array, requires_grad=True) for array in arrays]
    root, their_root = run(program, np, leaves), run(program, torch, theirs)
    first = gradients(root, leaves, create_graph=True)
    found = torch.autograd.grad(
        their_root, theirs, create_graph=True, allow_unused=True, materialize_grads=True
    )
    assert_same([f.data for f in first], [f.detach().numpy() for f in found], root, leaves)
    slope = sum(np.sum(f * np.cos(array)) for f, array in zip(first, arrays, strict=True))
    their_slope = sum((f * torch.cos(x.detach())).sum() for f, x in zip(found, theirs, strict=True))
    if their_slope.requires_grad:
        second = torch.autograd.grad(
            their_slope, theirs, allow_unused=True, materialize_grads=True
        )  # fmt: skip
        ours = gradients(slope, leaves)
        assert_same(ours, [s.numpy() for s in second], slope, leaves)


@unused
@given(program=programs, start=starts)
def test_random_programs_agree_with_hips_autograd(program, start):
    reason = "HIPS autograd, an optional oracle, is not installed"
    oracle = pytest.importorskip("autograd", reason=reason)
    anp = pytest.importorskip("autograd.numpy", reason=reason)
    arrays = make_leaves(start)
    leaves = [Tensor(array) for array in arrays]
    root = run(program, np, leaves)
    theirs = oracle.grad(lambda xs: run(program, anp, xs))(arrays)
    assert_same(gradients(root, leaves), theirs, root, leaves)


ACTIVATIONS = {
    "sigmoid": "sigmoid", "softplus": "softplus", "log_sigmoid": "logsigmoid", "relu": "relu",
    "leaky_relu": "leaky_relu", "elu": "elu", "silu": "silu", "gelu": "gelu", "tanh": "tanh",
    "softmax": "softmax", "log_softmax": "log_softmax",
}  # fmt: skip


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_agree_with_pytorch_also_at_their_kinks(name):
    torch = pytest.importorskip("torch", reason="PyTorch, an optional oracle, is not installed")
    theirs = getattr(torch.nn.functional, ACTIVATIONS[name])
    x = np.array([-30.0, -2.0, -1.0, -0.0, 0.0, 0.5, 1.0, 3.0, 20.0])
    ours, other = Tensor(x), torch.tensor(x, requires_grad=True)
    options = {"dim": -1} if "softmax" in name else {}
    result, their_result = getattr(ag, name)(ours), theirs(other, **options)
    np.testing.assert_allclose(result.data, their_result.detach(), rtol=1e-14, atol=1e-15)
    weights = np.arange(1.0, 10.0)
    found = gradients(np.sum(result * weights), ours)
    (their_result * torch.tensor(weights)).sum().backward()
    np.testing.assert_allclose(found, other.grad, rtol=1e-13, atol=8 * EPSILON * weights.max())


def test_transforms_agree_with_torch_func():
    torch = pytest.importorskip("torch", reason="PyTorch, an optional oracle, is not installed")
    rng = np.random.default_rng(0)
    p = {"W": rng.normal(size=(3, 2)), "b": rng.normal(size=3)}
    v = {"W": rng.normal(size=(3, 2)), "b": rng.normal(size=3)}
    x = rng.normal(size=2)

    def vector(xp, x):
        return lambda p: xp.tanh(p["W"] @ x + p["b"]) ** 2

    def number(xp, x):
        return lambda p: xp.sum(xp.exp(vector(xp, x)(p)))

    ours = [vector(np, x), number(np, x)]
    theirs = [vector(torch, torch.tensor(x)), number(torch, torch.tensor(x))]
    tp, tv = ({k: torch.tensor(a) for k, a in tree.items()} for tree in (p, v))

    def check(mine, other):
        if isinstance(mine, dict):
            for key in mine:
                check(mine[key], other[key])
        else:
            np.testing.assert_allclose(mine, other.detach(), rtol=1e-12, atol=1e-14)

    check(ag.grad(ours[1])(p), torch.func.grad(theirs[1])(tp))
    check(ag.jacobian(ours[0])(p), torch.func.jacrev(theirs[0])(tp))
    for mine, other in zip(
        ag.jvp(ours[0], (p,), (v,)), torch.func.jvp(theirs[0], (tp,), (tv,)), strict=True
    ):  # fmt: skip
        check(mine, other)
    pull, their_pull = ag.vjp(ours[0], p)[1], torch.func.vjp(theirs[0], tp)[1]
    check(pull(x.sum() * np.ones(3))[0], their_pull(torch.tensor(x.sum() * np.ones(3)))[0])
    product = torch.func.jvp(torch.func.grad(theirs[1]), (tp,), (tv,))[1]
    check(ag.hvp(ours[1], (p,), (v,))[0], product)
    flat = lambda xp, x, b: lambda W: number(xp, x)({"W": W, "b": b})  # noqa: E731
    mine = ag.hessian(flat(np, x, p["b"]))(p["W"])
    check(mine, torch.func.hessian(flat(torch, torch.tensor(x), tp["b"]))(tp["W"]))
    assert mine.shape == (3, 2, 3, 2)
