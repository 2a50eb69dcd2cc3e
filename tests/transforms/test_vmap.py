"""vmap gives what a loop over the samples gives: of every function, in derivatives, nested."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_mini as ag
from autograd_mini import Tensor
from autograd_mini.core.graph import topological_order
from autograd_mini.transforms import batched, mapped

sys.path.insert(0, str(Path(__file__).parent.parent / "operations"))
from test_arrays import CALLS

X = np.array([[0.3, -0.7, 1.2], [1.0, 0.4, -0.2], [2.0, 0.1, 0.6], [0.0, 0.9, -1.1]])
A = np.array([[2.0, -1.0, 0.5], [0.0, 1.5, -2.0]])


def loop(f, *arrays):
    return np.stack([f(*each) for each in zip(*arrays, strict=True)])


def close(found, exact, tolerance=1e-12):
    assert type(found) is np.ndarray
    np.testing.assert_allclose(found, exact, rtol=tolerance, atol=tolerance)


def flat(tree):
    """The numbers of whatever a call gives."""
    return ag.flatten(tree if isinstance(tree, list | tuple) else [tree])[0]


@pytest.mark.parametrize("name", CALLS)
def test_every_function_of_samples(name):
    """Three samples near each other; values, and the gradients of each sample."""
    function, *operands = CALLS[name]
    samples = [np.stack([x, x * 1.01, x * 0.99]) for x in map(np.asarray, operands)]
    numbers = tuple(range(len(operands)))

    def loss(*arrays):
        return np.sum(np.cos(np.asarray(0.3) + flat(function(*arrays))))

    with np.errstate(all="ignore"):
        close(
            ag.vmap(lambda *a: flat(function(*a)))(*samples),
            loop(lambda *a: flat(function(*map(Tensor, a))).data, *samples),
        )
        found = ag.vmap(ag.grad(loss, numbers))(*samples)
        for number in numbers:
            close(
                found[number],
                loop(lambda *a, n=number: ag.grad(loss, n)(*a), *samples),
                1e-9,
            )


def network(w, x):
    return np.sum(np.tanh(A @ x * w["scale"]) ** 2) + w["shift"] @ x


W = {"scale": np.array([0.5, -1.5]), "shift": np.array([1.0, 0.0, 2.0])}


def test_gradients_for_each_sample_come_of_one_sweep(monkeypatch):
    found = ag.vmap(ag.value_and_grad(network), (None, 0))(W, X)
    close(found[0], loop(lambda x: network(W, x), X))
    for key in W:
        close(found[1][key], loop(lambda x, k=key: ag.grad(network)(W, x)[k], X))
    for module in (batched, mapped):  # an operation, and the function
        monkeypatch.setattr(module, "_one_by_one", lambda *args: pytest.fail("one by one"))
    again = ag.vmap(ag.grad(network), (None, 0))(W, X)
    close(again["shift"], found[1]["shift"], 0)


DERIVATIVES = {
    "hessian": lambda f: ag.hessian(f),
    "jacobian of gradient": lambda f: ag.jacrev(ag.grad(f)),
    "forward of gradient": lambda f: ag.jacfwd(ag.grad(f)),
    "hvp": lambda f: lambda x: ag.hvp(f, (x,), (np.ones(3),))[0],
    "hvp along itself": lambda f: lambda x: ag.hvp(f, (x,), (x,))[0],
    "jvp": lambda f: lambda x: ag.jvp(f, (x,), (x * 2,))[1],
    "vjp": lambda f: lambda x: ag.vjp(lambda y: np.tanh(A @ y), x)[1](x[:2])[0],
    "jacobian": lambda f: ag.jacobian(lambda x: np.outer(x, np.tanh(A @ x))),
    "jacobian of a tree": lambda f: (
        lambda x: ag.jacobian(lambda y: {"a": np.sin(y), "b": [y @ y]})(x)["b"][0]
    ),
    "elementwise": lambda f: ag.elementwise_grad(np.tanh),
    "penalty": lambda f: ag.grad(lambda x: np.sum(ag.grad(f)(x) ** 2)),
    "of a constant": lambda f: ag.grad(lambda x: np.sum(x) * 0.0 + 3.0),
    "of the next": lambda f: lambda x: ag.grad(lambda y: np.sum(np.sin(y) * x))(x * 2),
}


@pytest.mark.parametrize("name", DERIVATIVES)
def test_derivatives_inside(name):
    derivative = DERIVATIVES[name](lambda x: network(W, x) ** 2)
    close(ag.vmap(derivative)(X), loop(derivative, X))


@pytest.mark.parametrize("name", DERIVATIVES)
def test_nested_with_derivatives_inside(name):
    derivative = DERIVATIVES[name](lambda x: network(W, x) ** 2)
    samples = np.stack([X, X * 0.9])
    close(ag.vmap(ag.vmap(derivative))(samples), loop(lambda x: loop(derivative, x), samples))


def test_nested_over_different_arguments():
    """All pairs: each of one with each of the other."""
    kernel = lambda x, y: np.exp(-np.sum((x - y) ** 2))  # noqa: E731
    pairs = ag.vmap(ag.vmap(kernel, (None, 0)), (0, None))
    close(pairs(X, X[:2]), np.exp(-np.sum((X[:, None] - X[None, :2]) ** 2, -1)))
    outer = ag.vmap(lambda x: ag.vmap(lambda y: x * y + np.sort(x))(X))
    close(outer(X[:2]), X[:2, None] * X + np.sort(X[:2])[:, None])
    mixed = ag.vmap(ag.grad(lambda x: np.sum(ag.vmap(lambda y: kernel(x, y) ** 2)(X))))
    close(mixed(X), loop(ag.grad(lambda x: sum(kernel(x, y) ** 2 for y in X)), X))


def test_derivatives_outside():
    """A vmap is differentiated as the loop is."""
    f = lambda w: np.sum(np.sin(ag.vmap(lambda x: w * np.sort(x))(X)))  # noqa: E731
    exact = lambda w: np.sum(np.sin(w * np.sort(X)))  # noqa: E731
    w = np.array([0.3, 2.0, -1.0])
    close(ag.grad(f)(w), ag.grad(exact)(w))
    close(ag.hessian(f)(w), ag.hessian(exact)(w))
    t = Tensor(X)
    out = ag.vmap(lambda x: np.tanh(A @ x))(t)
    assert isinstance(out, Tensor)
    assert len(topological_order(out)) < 12
    close(ag.gradients(np.sum(out), t), (1 - np.tanh(X @ A.T) ** 2) @ A)


@given(
    shape=st.lists(st.integers(1, 3), min_size=1, max_size=3),
    axes=st.tuples(*[st.integers(0, 5)] * 3),
)
def test_any_axis_of_any_argument(shape, axes):
    rng = np.random.default_rng(0)
    ndim = len(shape) + 1
    x_axis, y_axis, out_axis = (axis % ndim - ndim * (axis % 2) for axis in axes)
    x, y = rng.normal(size=(2, 4, *shape))
    found = ag.vmap(lambda x, y: x * np.exp(y), (x_axis, y_axis), out_axis)(
        np.moveaxis(x, 0, x_axis), np.moveaxis(y, 0, y_axis)
    )
    close(found, np.moveaxis(x * np.exp(y), 0, out_axis), 1e-15)


def test_trees_go_in_and_come_out():
    batch = {"x": X, "pair": (X[:, 0], 3.0)}
    found = ag.vmap(
        lambda b, *, c: {"sum": b["x"] + b["pair"][0], "rest": (b["pair"][1] * c, 1.0)},
        ({"x": 0, "pair": (0, None)},),
        {"sum": 1, "rest": 0},
    )(batch, c=np.arange(4.0))
    close(found["sum"], (X + X[:, :1]).T)
    close(found["rest"][0], 3.0 * np.arange(4.0))
    close(found["rest"][1], np.ones(4))


def test_samples_that_go_different_ways_are_taken_one_by_one():
    def f(x):
        if x[0] > 0.5:
            return np.sum(x) ** 2
        return np.max(x)

    close(ag.vmap(f)(X), loop(f, X))
    close(ag.vmap(ag.grad(f))(X), loop(ag.grad(f), X))
    g = lambda x: np.sum(x[x > 0]) * float(x.sum() > 1)  # noqa: E731
    close(ag.vmap(g)(X), loop(g, X))
    labels = np.array([2, 0, 1, 1])
    picked = lambda z, label: ag.log_softmax(z)[label] + np.take(z, label)  # noqa: E731
    close(ag.vmap(picked)(X, labels), loop(lambda z, i: picked(Tensor(z), i).data, X, labels))


def test_functions_of_one_operation_are_called_for_each_sample():
    @ag.custom_gradient
    def doubled(x):
        return x * x, lambda g: g * 7.0

    close(ag.vmap(ag.grad(lambda x: np.sum(doubled(x))))(X), np.full(X.shape, 7.0))
    close(
        ag.vmap(lambda a: ag.root(lambda x, a: x**2 - a, 1.0, a))(X[:3, 0] + 1),
        np.sqrt(X[:3, 0] + 1),
    )
    close(ag.vmap(ag.grad(ag.checkpoint(lambda x: np.sum(np.sin(x)))))(X), np.cos(X))
    gram = ag.primitive(lambda x: np.outer(x, x), lambda g, out, x: (g + g.T) @ x, name="gram_vmap")
    close(
        ag.vmap(ag.grad(lambda x: np.sum(gram(x) * 2)))(X), 4 * np.sum(X, 1, keepdims=True) + 0 * X
    )


def test_a_network_of_modules_gives_gradients_for_each_sample():
    model = ag.nn.MLP([3, 4, 2], rng=0)
    x, labels = X, np.array([0, 1, 1, 0])

    def loss(x, label):
        return -ag.log_softmax(model(x[None]))[0, label]

    found = ag.vmap(ag.grad(loss))(x, labels)
    close(found, loop(ag.grad(loss), x, labels))


def test_what_does_not_fit_is_said():
    with pytest.raises(ValueError, match=r"argument \[0\]\[1\] has 3"):
        ag.vmap(lambda x, y: x)(X, np.ones(3))
    with pytest.raises(ValueError, match="no argument has samples"):
        ag.vmap(lambda x: x, None)(X)
    with pytest.raises(ValueError, match=r"there is no axis 2 .*of shape \(4, 3\)"):
        ag.vmap(lambda x: x, 2)(X)
    with pytest.raises(ValueError, match=r"in_axes=\(0, 0\) does not fit 1 parts"):
        ag.vmap(lambda x: x, (0, 0))(X)
    with pytest.raises(ValueError, match="there is no sample"):
        ag.vmap(lambda x: x)(X[:0])
    with pytest.raises(TypeError, match=r"must be arranged in one way and have one shape; found"):
        ag.vmap(lambda x: x[x > 0])(X)
    with pytest.raises(TypeError, match="it returned str"):
        ag.vmap(lambda x: "x")(X)


def test_arrays_that_are_filled_in_place():
    def filled(x):
        out = np.zeros_like(x)
        out[0] = x[1] * 2
        out[1:] += x[1:] * x[0]
        return out

    def total(samples):
        return np.sum(np.sin(ag.vmap(filled)(samples)))

    samples = np.random.default_rng(0).normal(size=(4, 3))
    expected = np.stack([filled(x) for x in samples])
    np.testing.assert_array_equal(ag.vmap(filled)(samples), expected)
    each = [ag.grad(lambda x: np.sum(np.sin(filled(x))))(x) for x in samples]
    np.testing.assert_allclose(ag.grad(total)(samples), each, rtol=1e-12)
