"""to_jax and to_torch: a function's source, run by another library."""

import inspect

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini.trees import leaves, rebuild

RNG = np.random.default_rng(0)
W = {"first": RNG.normal(size=(3, 4)), "second": RNG.normal(size=(4, 2))}
X, Y = RNG.normal(size=(5, 3)), np.eye(2)[[0, 1, 1, 0, 1]]
SQUARE = RNG.normal(size=(3, 3)) + 3 * np.eye(3)


def loss(w, b, x, y):
    hidden = np.maximum(x @ w["first"] + b, 0.0)
    scores = ag.log_softmax(np.tanh(hidden) @ w["second"])
    return -np.sum(scores * y) + 0.1 * np.linalg.norm(w["first"])


def around(w):
    return np.mean((np.exp(X @ w) - Y[:, 0]) ** 2)


FUNCTIONS = {
    "network": (loss, W, np.ones(4), X, Y),
    "an array from around": (around, X[0]),
    "index with repeats": (lambda x: np.sum(x[np.array([0, 0, 1])] ** 3), X),
    "slices": (lambda x: np.sum(x[1:, 0] * x[:-1, None, 1]), X),
    "several indices": (lambda x: np.sum(np.sin(x[[0, 1, 1], :][:, [2, 2, 0]])), X),
    "sort and cumsum": (lambda x: np.sum(np.sort(x, axis=-1) * np.cumsum(x, axis=0)), X),
    "statistics": (lambda x: np.sum(np.var(x, axis=0) * np.max(x, axis=0)), X),
    "shapes": (lambda x: np.sum(np.stack([x, x * x], 1).reshape(3, -1).T[:, ::2] ** 2), X[:3]),
    "concatenate": (lambda x, y: np.sum(np.concatenate([x, y * 2], axis=1) ** 2), X, X[:, :2]),
    "solve": (lambda a, b: np.sum(np.linalg.solve(a, b) ** 2), SQUARE, X[0]),
    "einsum": (lambda a, b: np.sum(np.einsum("ij,kj->ik", a, b) ** 2), SQUARE, X),
    "where": (lambda x: np.sum(np.where(x > 0, x**2, 0.1 * x)), X),
    "named functions": (lambda x: np.sum(ag.sigmoid(x) * ag.softplus(x) * ag.gelu(x)), X),
}


def in_jax(name):
    jax = pytest.importorskip("jax")
    f, *args = FUNCTIONS[name]
    return jax.jit(ag.to_jax(f, *args)), jax.numpy.asarray, jax.Array


def in_torch(name):
    torch = pytest.importorskip("torch")
    f, *args = FUNCTIONS[name]
    return ag.to_torch(f, *args), torch.as_tensor, torch.Tensor


@pytest.mark.parametrize("library", [in_jax, in_torch])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_gradients_are_the_engine_s_in_the_other_s_arrays(name, library):
    f, *args = FUNCTIONS[name]
    run, converted, kind = library(name)
    other = rebuild(args, (leaf * 0.7 for leaf in leaves(args)))
    value, gradients = run(*rebuild(other, map(converted, leaves(other))))
    exact, by_argument = ag.value_and_grad(f, tuple(range(len(args))))(*other)
    assert isinstance(value, kind)
    close = {"rtol": 1e-4, "atol": 1e-5} if library is in_jax else {"rtol": 1e-11, "atol": 1e-12}
    np.testing.assert_allclose(value, exact, **close)
    for argument, right in zip(inspect.signature(f).parameters, by_argument, strict=True):
        found = gradients[argument]
        parts = (found, right) if isinstance(found, dict) else ({"": found}, {"": right})
        for key, part in parts[0].items():
            assert isinstance(part, kind)
            np.testing.assert_allclose(part, parts[1][key], **close)


def test_pytorch_differentiates_what_it_is_given():
    torch = pytest.importorskip("torch")
    run = ag.to_torch(lambda x: np.sum(np.sin(x[1:]) * np.exp(x[:-1])), X[0])
    x = torch.tensor(X[0], requires_grad=True)
    value, gradients = run(x)
    (slopes,) = torch.autograd.grad(value, x, create_graph=True)
    torch.testing.assert_close(gradients["x"], slopes)
    second, right = (
        torch.autograd.grad(each.sum(), x, retain_graph=True) for each in (gradients["x"], slopes)
    )
    torch.testing.assert_close(second, right)


@pytest.mark.parametrize("library", ["jax", "torch"])
def test_what_the_other_does_not_run_is_said(library):
    pytest.importorskip(library)
    convert, said = (ag.to_jax, "JAX") if library == "jax" else (ag.to_torch, "PyTorch")
    with pytest.raises(TypeError, match="takes functions of arrays"):
        convert(lambda x: x * x, 3.0)
    with pytest.raises(TypeError, match=f"{said} does not run this source"):
        convert(lambda x: np.sum(np.maximum.accumulate(x)), np.ones(3))
