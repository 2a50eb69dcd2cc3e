"""Forward mode: tangents are pushed while a function runs, and nothing is kept behind them."""

import gc
import threading
import tracemalloc
import warnings

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value

X = np.linspace(0.1, 1.0, 5)
V = np.array([1.0, -2.0, 0.5, 3.0, 0.1])


@ag.custom_gradient
def stated(x):
    return np.sin(x), lambda g: g * np.cos(x)


def filled(x):
    out = np.zeros_like(x)
    out[0] = x[1] * x[2]
    out[1:] += np.sin(x[1:]) * out[0]
    return out * x


def added_up(x):
    total = x * x
    total += np.sin(x)
    total *= x
    return total


def by_gradients(x):
    return ag.gradients(np.sum(np.sin(x) ** 2), x, create_graph=True) * x


def by_vjp(x):
    out, pull = ag.vjp(lambda z: np.sin(z) * x, x)
    return pull(np.exp(out * 2))[0] * x


def identity_gradient(x):
    """A gradient that is a node of the graph that it is swept over, used before the sweep ends."""
    first, second = ag.grad(lambda a, b: np.sum(np.sin(a) * np.exp(b)), (0, 1))(x, x * x)
    rows = ag.jacrev(lambda a: np.stack([np.sum(a * np.exp(a * x)), np.sum(a * a)]))(first)
    return rows[0] * second + rows[1]


def in_threads(x):
    parts = [None, None]

    def run(index):
        parts[index] = np.sin(x * (index + 1))

    for thread in [threading.Thread(target=run, args=(i,)) for i in (0, 1)]:
        thread.start()
        thread.join()
    return parts[0] * parts[1]


FUNCTIONS = {
    "operations": lambda x: np.exp(np.sin(x)) / (1 + np.sum(x**2)) @ np.outer(x, x),
    "grad": lambda x: ag.grad(lambda z: np.sum(np.sin(z) ** 2 * x))(x) * 2 + x,
    "value_and_grad": lambda x: np.stack(
        [a * x for a in ag.value_and_grad(lambda z: np.sum(np.exp(z * x)))(x)][:1] * 5
    )[0],
    "jacrev": lambda x: np.sum(ag.jacrev(lambda z: np.sin(z) * x)(x), 0),
    "jacfwd": lambda x: np.sum(ag.jacfwd(lambda z: np.exp(z) * x)(x), 0),
    "hessian": lambda x: np.sum(ag.hessian(lambda z: np.sum(np.exp(z) * x))(x), 0),
    "hvp": lambda x: ag.hvp(lambda z: np.sum(np.exp(z) * x), (x,), (x,))[0] * x,
    "jvp": lambda x: ag.jvp(lambda z: np.exp(z) * x * np.sum(z), (x * x,), (x,))[1],
    "jvp of jvp": lambda x: ag.jvp(
        lambda z: ag.jvp(lambda q: np.exp(q) * z * x, (z,), (x,))[1], (x,), (x * x,)
    )[1],
    "elementwise_grad": lambda x: ag.elementwise_grad(lambda z: np.sin(z) * x)(x) * x,
    "checkpoint": lambda x: np.cos(ag.checkpoint(lambda z: np.exp(z) * x)(x) * x),
    "custom_gradient": lambda x: stated(x * x) * x,
    "vmap": lambda x: ag.vmap(ag.grad(lambda z, y: np.exp(z * y) * y))(x, x * 2) * x,
    "vmap of jvp": lambda x: ag.vmap(lambda z: ag.jvp(lambda q: np.exp(q * z), (z,), (z,))[1])(x),
    "root": lambda x: ag.root(lambda z, a: z**3 - a * x, np.ones(5), x) * x,
    "root of a closure": lambda x: ag.root(lambda z: z**3 - x * x, np.ones(5)),
    "fixed_point": lambda x: ag.fixed_point(lambda z, a: np.cos(z) * a / 2, np.ones(5), x) * x,
    "at": lambda x: ag.at(x * x, slice(1, 3)).add(x[0]) * x,
    "writing into an array": filled,
    "augmented assignment": added_up,
    "gradients": by_gradients,
    "vjp": by_vjp,
    "a gradient that is a node": identity_gradient,
    "threads": in_threads,
    "linear algebra": lambda x: np.linalg.solve(np.outer(x, x) + np.eye(5), np.cos(x)) * x,
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_tangent_is_the_jacobian_times_the_vector_also_of_what_nests(name):
    f = FUNCTIONS[name]
    close = {"rtol": 1e-11, "atol": 1e-12}
    value, tangent = ag.jvp(f, (X,), (V,))
    np.testing.assert_allclose(value, f(Tensor(X)).data, **close)
    assert type(value) is type(tangent) is np.ndarray
    np.testing.assert_allclose(tangent, ag.jacrev(f)(X) @ V, **close)
    if name == "threads":  # of which each would have to be told of what runs around it
        return
    second = ag.jacrev(ag.jacrev(f))(X) @ V @ V
    np.testing.assert_allclose(  # forward over forward
        ag.jvp(lambda x: ag.jvp(f, (x,), (V,))[1], (X,), (V,))[1], second, **close
    )
    np.testing.assert_allclose(  # reverse over forward
        ag.jacrev(lambda x: ag.jvp(f, (x,), (V,))[1])(X) @ V, second, **close
    )


def repeated(turns):
    def f(x):
        for _ in range(turns):
            x = np.sin(x) * 0.9 + 0.1
        return x

    return f


DIRECTIONS = {
    "jvp": lambda f, x: ag.jvp(f, (x,), (x,)),
    "jvp of jvp": lambda f, x: ag.jvp(lambda x: ag.jvp(f, (x,), (x,))[1], (x,), (x,)),
    "jvp by a constant of jvp": lambda f, x: ag.jvp(
        lambda y: y * ag.jvp(f, (x,), (x,))[1], (x,), (x,)
    ),
    "jvp of vmap": lambda f, x: ag.jvp(ag.vmap(f), (np.stack([x, x]),), (np.ones((2, x.size)),)),
    "jvp of jvp, by a closure": lambda f, x: ag.jvp(
        lambda y: ag.jvp(lambda z: f(z * y), (x,), (x,))[1], (x,), (x,)
    ),
}


def peak(run):
    gc.collect()
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", DIRECTIONS)
def test_the_memory_of_forward_mode_does_not_grow_with_the_code(name):
    x, run = np.linspace(0.1, 1.0, 20_000), DIRECTIONS[name]
    short, long = (peak(lambda turns=turns: run(repeated(turns), x)) for turns in (5, 50))
    assert long < short + 2 * x.nbytes
    graph = peak(lambda: ag.vjp(repeated(50), x))
    assert graph > 50 * 2 * x.nbytes  # what a graph takes is seen


def test_a_graph_is_there_where_a_function_asks_for_one_itself():
    calls = []

    def f(x):
        calls.append(x)
        y = np.sum(np.sin(x) ** 2)
        y.backward()
        return x * x.grad

    value, tangent = ag.jvp(f, (X,), (V,))
    assert len(calls) == 2  # once without a graph, once with
    np.testing.assert_allclose(value, X * np.sin(2 * X))
    np.testing.assert_allclose(tangent, V * np.sin(2 * X))  # x.grad is plain: a constant


def test_what_is_released_is_still_the_result_of_its_operation():
    def f(x):
        y = np.sin(x)
        z = y * 2
        assert z.parents[0] is y
        z = z * 3
        assert (y.op, y.parents) == ("sin", ())
        with pytest.raises(TypeError, match="neither copied nor pickled"):
            y.__reduce__()
        y += 1  # a new node, as ever
        return y * z

    _, tangent = ag.jvp(f, (X,), (V,))
    np.testing.assert_allclose(tangent, 6 * (np.sin(2 * X) + np.cos(X)) * V)


def test_a_graph_from_outside_is_left_alone():
    w = Tensor(X)
    scale = np.exp(w)
    _, tangent = ag.jvp(lambda x: np.sin(x * scale), (X,), (V,))
    np.testing.assert_allclose(tangent, np.cos(X * np.exp(X)) * np.exp(X) * V)
    _, node = ag.jvp(lambda x: np.sin(x * scale), (w,), (scale,))  # a node: to be swept over
    np.testing.assert_allclose(
        ag.gradients(np.sum(node), w),
        ag.grad(lambda u: np.sum(np.cos(u * np.exp(u)) * np.exp(2 * u)))(X),
    )


def test_an_error_of_a_tangent_that_nobody_asks_for_is_none():
    fails = ag.primitive(
        np.sin, lambda g, out, x: g * np.cos(x), name="fails", tangents=[lambda *_: 1 / 0]
    )

    def f(x):
        fails(x)
        return x * 2

    np.testing.assert_array_equal(ag.jvp(f, (X,), (V,))[1], 2 * V)
    with pytest.raises(ZeroDivisionError):
        ag.jvp(lambda x: fails(x) * 2, (X,), (V,))


def test_each_argument_that_does_not_matter_is_named():
    with pytest.warns(ag.IndependentOutputWarning, match="depend on argument 1, so") as caught:
        ag.jvp(lambda x, y, z: x * np.floor(z), (1.0, 2.0, 3.0), (1.0, 1.0, 1.0))
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ag.jvp(lambda x, y: (x * y, y), (X, X), (V, V))


def test_values_have_their_graph():
    def f(x):
        y = x * x
        y.backward()
        return y * x.grad

    value, tangent = ag.jvp(f, (Value(3.0),), (1.0,))
    assert (value.data, tangent.data) == (54.0, 36.0)
