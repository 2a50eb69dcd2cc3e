"""to_jax: a function's source, run by JAX."""

import numpy as np
import pytest

import autograd_mini as ag

jax = pytest.importorskip("jax")


def loss(w, b, x, y):
    hidden = np.maximum(x @ w["first"] + b, 0.0)
    scores = ag.log_softmax(np.tanh(hidden) @ w["second"])
    return -np.sum(scores * y) + 0.1 * np.linalg.norm(w["first"])


RNG = np.random.default_rng(0)
W = {"first": RNG.normal(size=(3, 4)), "second": RNG.normal(size=(4, 2))}
X, Y = RNG.normal(size=(5, 3)), np.eye(2)[[0, 1, 1, 0, 1]]


def test_values_and_gradients_are_jax_s_own():
    in_jax = ag.to_jax(loss, W, np.zeros(4), X, Y)
    other = {name: array * 0.7 for name, array in W.items()}
    for run in (in_jax, jax.jit(in_jax)):
        value, gradients = run(other, np.ones(4), X, Y)
        exact, (by_w, by_b) = ag.value_and_grad(loss, (0, 1))(other, np.ones(4), X, Y)
        assert isinstance(value, jax.Array)
        np.testing.assert_allclose(value, exact, rtol=1e-5)
        np.testing.assert_allclose(gradients["b"], by_b, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(gradients["w"]["first"], by_w["first"], rtol=1e-4, atol=1e-5)


def test_what_jax_does_not_run_is_said():
    with pytest.raises(TypeError, match="takes functions of arrays"):
        ag.to_jax(lambda x: x * x, 3.0)
    with pytest.raises(TypeError, match="JAX does not run this source"):
        ag.to_jax(lambda x: np.sum(x[np.array([0, 0, 1])] ** 2), np.ones(3))
