"""Functions as one operation: checkpoint, custom_gradient, root, fixed_point."""

import gc
import weakref

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor
from autograd_mini.core.graph import topological_order
from autograd_mini.testing import check_function

optimize = pytest.importorskip("scipy.optimize")

X = np.array([0.3, -0.7, 1.2])
A = np.array([[2.0, -1.0, 0.5], [0.0, 1.5, -2.0], [1.0, 0.0, 1.0]])


def chain(x, w):
    for _ in range(5):
        x = np.tanh(w @ x) + x
    return x


def both(f, *args):
    """Value, gradient, Hessian times a vector and tangent of one function."""
    loss = lambda *args: np.sum(np.sin(f(*args)))  # noqa: E731
    numbers = tuple(range(len(args)))
    return (
        *ag.value_and_grad(loss, numbers)(*args),
        ag.hvp(loss, args, args),
        ag.jvp(f, args, args),
    )


def test_a_checkpoint_changes_nothing_but_what_is_kept():
    for got, exact in zip(both(ag.checkpoint(chain), X, A), both(chain, X, A), strict=True):
        for a, b in zip(ag.flatten(got)[0], ag.flatten(exact)[0], strict=True):
            assert abs(a - b) <= 1e-13 * (1 + abs(b))
    x, w = Tensor(X), Tensor(A)
    out = ag.checkpoint(chain)(x, w)
    assert [node.op for node in topological_order(out)] == ["", "", "checkpoint"]
    assert len(topological_order(chain(x, w))) > 15


def test_a_checkpoint_frees_what_is_computed_in_it():
    held = []

    def f(x):
        inside = np.exp(x)
        held.append(weakref.ref(inside))
        return np.sin(inside)

    x = Tensor(X)
    out = ag.checkpoint(f)(x)
    gc.collect()
    assert held[0]() is None
    np.testing.assert_array_equal(ag.gradients(np.sum(out), x), np.exp(X) * np.cos(np.exp(X)))
    assert len(held) == 2


def test_a_checkpoint_knows_what_comes_from_outside():
    """Parameters of an object, computed ones too, in any arrangement of arguments and results."""
    w, x = Tensor(A), Tensor(X)
    scaled = w * 2.0

    def f(pair, *, rate):
        constant = Tensor(np.ones(3))  # made inside: no operand
        return {"a": np.tanh(scaled @ pair[0]) * rate + constant, "b": [pair[1] * w[0], "name"]}

    def loss(f):
        out = f((x, 3.0), rate=0.5)
        assert out["b"][1] == "name"
        return np.sum(out["a"] ** 2) + np.sum(out["b"][0] ** 3)

    kept, recomputed = (ag.gradients(loss(each), [w, x]) for each in (f, ag.checkpoint(f)))
    for a, b in zip(kept, recomputed, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)


def test_a_checkpoint_that_is_not_the_same_again_is_told():
    rng = np.random.default_rng(0)
    dropped = ag.checkpoint(lambda x: x * rng.random(3))
    with pytest.raises(RuntimeError, match="gave other numbers when the sweep computed it again"):
        ag.grad(lambda x: np.sum(dropped(x)))(X)
    with ag.no_grad():
        assert not dropped(Tensor(X)).parents
    assert dropped(X).shape == (3,)  # plain arguments, a plain result


def test_a_gradient_of_one_s_own_to_second_order():
    @ag.custom_gradient
    def log1pexp(x):
        e = np.exp(x)
        return np.log(1 + e), lambda g: g * (1 - 1 / (1 + e))

    check_function(log1pexp, X)
    assert ag.grad(log1pexp)(100.0) == 1.0
    np.testing.assert_allclose(ag.jvp(log1pexp, (X,), (X,))[1], X / (1 + np.exp(-X)), rtol=1e-14)
    assert ag.hessian(log1pexp)(0.0) == 0.25

    @ag.custom_gradient
    def scaled(p, factor):
        return p["x"] * p["y"] * factor, lambda g: (g * p["y"], g * p["x"] * 7.0, None)

    shifted = ag.custom_gradient(lambda x: (x + Tensor(np.ones(3)), lambda g: g * 9.0))
    assert ag.grad(lambda x: np.sum(shifted(x)))(X).tolist() == [9.0] * 3
    found = ag.grad(lambda p: np.sum(scaled(p, 2.0)))({"x": X, "y": np.ones(3)})
    np.testing.assert_array_equal(found["y"], X * 7.0)  # as stated, not as derived


def test_a_stated_gradient_is_for_other_operands_its_own():
    """A graph that is recorded on other numbers asks the function anew."""
    square = ag.custom_gradient(lambda x: (x * x, lambda g: g * 2 * x))
    x = Tensor(X)
    out = square(x)
    other = Tensor(2 * X)
    again = out.again([other])
    np.testing.assert_array_equal(again.data, 4 * X**2)
    np.testing.assert_array_equal(ag.gradients(np.sum(again), other), 4 * X)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_custom_gradients_that_are_not_told():
    w = Tensor(2.0)
    with pytest.raises(TypeError, match="from outside, whose gradient its pullback does not give"):
        ag.custom_gradient(lambda x: (x * w, lambda g: g * w))(Tensor(X))
    with pytest.raises(TypeError, match=r"returns its value and a pullback.*returned Tensor"):
        ag.custom_gradient(lambda x: x * 2)(Tensor(X))
    with pytest.raises(ValueError, match="gave 3 gradients for 1 arguments"):
        ag.grad(ag.custom_gradient(lambda x: (x * 2, lambda g: (g, g, g))))(1.0)
    for f in (ag.checkpoint(np.tanh), ag.custom_gradient(lambda x: (x, lambda g: g))):
        with pytest.raises(TypeError, match=r"takes numbers, arrays and Tensors: write Tensor\("):
            f(ag.Value(1.0))


def curve(x, a, b):
    return x**3 + a * x - b


@pytest.mark.parametrize("how", ["newton", "scipy", "fixed point"])
def test_a_root_is_differentiated_to_second_order(how):
    def solution(a, b):
        if how == "newton":
            return ag.root(curve, np.ones(3), a, b)
        if how == "scipy":
            solver = lambda f, x: optimize.root(f, x, tol=1e-13).x  # noqa: E731
            return ag.root(curve, np.ones(3), a, b, solver=solver)
        return ag.fixed_point(lambda x, a, b: (b - x**3) / a, np.zeros(3), a, b)

    a, b = np.array([4.0, 5.0, 6.0]), np.array([0.5, 1.0, 2.0])
    x = solution(a, b)
    np.testing.assert_allclose(curve(x, a, b), 0, atol=1e-12)
    check_function(solution, a, b)
    slope = 3 * x**2 + a
    by_a, by_b = ag.jacobian(solution, (0, 1))(a, b)
    np.testing.assert_allclose(by_a, np.diag(-x / slope), atol=1e-12)
    np.testing.assert_allclose(by_b, np.diag(1 / slope), atol=1e-12)
    np.testing.assert_allclose(
        ag.jvp(solution, (a, b), (a, b))[1], (-x * a + b) / slope, atol=1e-12
    )


def test_a_root_of_a_system_with_parameters_from_outside():
    w = Tensor(A)
    b = Tensor(X)
    x = ag.root(lambda x: w @ x + 0.1 * np.tanh(x) - b, np.zeros(3))
    slopes = A + 0.1 * np.diag(1 - np.tanh(x.data) ** 2)
    by_b = ag.gradients(np.sum(x * X), b)
    np.testing.assert_allclose(by_b, np.linalg.solve(slopes.T, X), atol=1e-12)
    np.testing.assert_allclose(ag.gradients(np.sum(x * X), w), -np.outer(by_b, x.data), atol=1e-12)


def test_what_defines_nothing_is_told():
    with pytest.raises(RuntimeError, match="is no solution, the equation is off by"):
        ag.root(lambda x, a: x - a, 0.0, 2.0, solver=lambda f, x: x + 1.0)
    with pytest.raises(RuntimeError, match="is no solution"):
        ag.fixed_point(lambda x, a: a * x * (1 - x), 0.3, 3.9)  # chaos
    with pytest.raises(np.linalg.LinAlgError, match="singular here"):
        ag.root(lambda x, a: x**2 - a, 0.0, 0.0)
    with pytest.raises(ValueError, match=r"gives shape \(\) for x of shape \(2,\)"):
        ag.root(lambda x, a: np.sum(x) - a, np.zeros(2), 1.0)
    with pytest.raises(ValueError, match="does not depend on x"):
        ag.root(lambda x, a: np.ones(2) * a, np.zeros(2), 1.0)
