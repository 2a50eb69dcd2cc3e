"""Transforms over trees, in both directions, with what a function computes besides."""

import dataclasses
from typing import NamedTuple

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value
from autograd_mini.trees import leaves

optimize = pytest.importorskip("scipy.optimize")

A = np.array([[2.0, -1.0, 0.5], [0.0, 1.5, -2.0]])
X = np.array([0.3, -0.7, 1.2])


class Pair(NamedTuple):
    w: np.ndarray
    b: float


@dataclasses.dataclass(frozen=True)
class Layer:
    w: np.ndarray
    b: float
    name: str = "dense"
    activation: object = np.tanh
    inner: object = None


def outputs(p):
    """Two outputs of two parameters in a dict, whatever their arrangement."""
    w, b = leaves(p)
    return {"hidden": np.tanh(A @ w + b), "size": (np.sum(w * w) * b,)}


def jacobians(w, b):
    slope = 1 - np.tanh(A @ w + b) ** 2
    return {
        "hidden": (slope[:, None] * A, slope),
        "size": ((2 * w * b, np.sum(w * w)),),
    }


TREES = [
    {"w": X, "b": 0.4},
    [X, 0.4],
    (X, 0.4),
    Pair(X, 0.4),
    Layer(X, 0.4),
    {"layer": [Pair(X, 0.4)], "none": ()},
    Layer(X, 0.4, inner=[]),
]


@pytest.mark.parametrize("tree", TREES, ids=lambda tree: type(tree).__name__)
@pytest.mark.parametrize("jacobian", [ag.jacobian, ag.jacfwd, ag.jacrev])
def test_a_jacobian_is_arranged_as_the_output_and_in_it_as_the_argument(jacobian, tree):
    found = jacobian(outputs)(tree)
    assert list(found) == ["hidden", "size"]
    assert isinstance(found["size"], tuple)
    exact = jacobians(X, 0.4)
    for block, (by_w, by_b) in (
        (found["hidden"], exact["hidden"]),
        *zip(found["size"], exact["size"], strict=True),
    ):
        assert type(block) is type(tree)
        for mine, right in zip(leaves(block), (by_w, by_b), strict=True):
            np.testing.assert_allclose(mine, right, rtol=1e-14)
            assert np.shape(mine) == np.shape(right)


@pytest.mark.parametrize("tree", TREES, ids=lambda tree: type(tree).__name__)
def test_directions_of_trees(tree):
    """The upstream gradient is arranged as the result, the tangent as the argument."""
    exact = jacobians(X, 0.4)
    upstream = {"hidden": np.array([0.5, -2.0]), "size": (3.0,)}
    value, pull = ag.vjp(outputs, tree)
    (pulled,) = pull(upstream)
    assert type(pulled) is type(tree)
    for index, found in enumerate(leaves(pulled)):
        right = upstream["hidden"] @ exact["hidden"][index] + 3.0 * exact["size"][0][index]
        np.testing.assert_allclose(found, right, rtol=1e-14)
    direction = ag.flatten(tree)[1](np.array([1.0, -2.0, 0.5, 7.0]))
    again, tangent = ag.jvp(outputs, (tree,), (direction,))
    np.testing.assert_array_equal(again["hidden"], value["hidden"])
    v, c = leaves(direction)
    for found, (by_w, by_b) in zip(leaves(tangent), (exact["hidden"], *exact["size"]), strict=True):
        np.testing.assert_allclose(found, by_w @ v + by_b * c, rtol=1e-14)


def test_a_hessian_of_a_tree_is_a_tree_of_trees():
    found = ag.hessian(lambda p: np.sum(p.w**2) * p.b)(Pair(X, 0.4))
    np.testing.assert_allclose(found.w.w, 0.8 * np.eye(3))
    np.testing.assert_allclose(found.w.b, 2 * X)
    np.testing.assert_allclose(found.b.w, 2 * X)
    assert found.b.b == 0.0


def test_what_is_no_number_of_a_dataclass_stays():
    found = ag.grad(lambda layer: np.sum(layer.activation(layer.w) * layer.b))(Layer(X, 2.0))
    assert isinstance(found, Layer)
    assert (found.name, found.activation, found.inner) == ("dense", np.tanh, None)
    np.testing.assert_allclose(found.w, 2 * (1 - np.tanh(X) ** 2))


def test_several_values_are_outputs():
    def f(x, y):
        return [x * y, {"s": x + 2 * y}]

    x, y = Value(3.0), Value(5.0)
    for jacobian in (ag.jacobian, ag.jacfwd, ag.jacrev):
        product, total = jacobian(f, (0, 1))(x, y)
        assert [v.data for v in (*product, *total["s"])] == [5.0, 3.0, 1.0, 2.0]
    _, pull = ag.vjp(f, x, y)
    assert [v.data for v in pull([10.0, {"s": 1.0}])] == [51.0, 32.0]
    _, tangent = ag.jvp(f, (x, y), (1.0, 0.0))
    assert [v.data for v in leaves(tangent)] == [5.0, 1.0]


def test_jacobians_are_by_the_cheaper_direction(monkeypatch):
    """Counted: reverse sweeps and pushes."""
    from autograd_mini.transforms import call

    count = {"sweep_gradients": 0, "push_forward": 0}
    for name in count:
        whole = getattr(call, name)

        def counting(*args, whole=whole, name=name):
            count[name] += 1
            return whole(*args)

        monkeypatch.setattr(call, name, counting)
    wide, narrow = np.ones((2, 7)), np.ones((7, 2))
    for matrix, expected in ((wide, (2, 0)), (narrow, (0, 2))):
        count.update(dict.fromkeys(count, 0))
        np.testing.assert_array_equal(
            ag.jacobian(lambda x, m=matrix: m @ x)(np.ones(matrix.shape[1])), matrix
        )
        assert tuple(count.values()) == expected
    ag.hessian(lambda x: np.sum(x**3))(np.ones(4))
    assert (count["sweep_gradients"], count["push_forward"]) == (1, 2 + 4)


def test_a_tangent_that_leaves_the_range_is_no_warning_where_the_derivative_stays():
    found = ag.hessian(np.prod)(np.array([5e-324, 1e5, 1e300]))  # an overflow would be an error
    np.testing.assert_array_equal(found[0], [0, 1e300, 1e5])


def test_a_pullback_that_cannot_be_pushed_is_swept():
    """Its NumPy code takes no Tensors, so that the tangent cannot be derived from it."""
    double = ag.primitive(
        lambda x: np.concatenate([x, x]), lambda g, out, x: np.asarray(g)[: x.size] * 2.0, name="d2"
    )
    found = ag.jacobian(double)(np.ones(1))
    np.testing.assert_array_equal(found, [[2.0], [0.0]])


def test_aux_is_what_else_a_function_returns():
    def loss(w):
        hidden = np.tanh(w)
        return np.sum(hidden), {"hidden": hidden, "note": "seen", "count": 3}

    value, slopes = np.sum(np.tanh(X)), 1 - np.tanh(X) ** 2
    (found, aux), gradient = ag.value_and_grad(loss, has_aux=True)(X)
    assert found == value
    np.testing.assert_allclose(gradient, slopes, rtol=1e-15)
    assert type(aux["hidden"]) is np.ndarray
    assert (aux["note"], aux["count"]) == ("seen", 3)
    gradient, aux = ag.grad(loss, has_aux=True)(Tensor(X))
    assert isinstance(gradient, Tensor)
    assert isinstance(aux["hidden"], Tensor)
    assert ag.vjp(loss, X, has_aux=True)[2]["note"] == "seen"
    assert ag.jvp(loss, (X,), (X,), has_aux=True)[2]["note"] == "seen"
    rest = ag.jacobian, ag.jacfwd, ag.jacrev, ag.hessian, ag.elementwise_grad
    for transform in rest:
        found, aux = transform(loss, has_aux=True)(X)
        np.testing.assert_array_equal(found, transform(lambda w: loss(w)[0])(X))
        np.testing.assert_array_equal(aux["hidden"], np.tanh(X))
    found, aux = ag.hvp(loss, (X,), (X,), has_aux=True)
    np.testing.assert_array_equal(found, ag.hvp(lambda w: loss(w)[0], (X,), (X,)))
    assert aux["note"] == "seen"
    with pytest.raises(TypeError, match=r"returns a pair.*it returned Tensor"):
        ag.grad(np.sum, has_aux=True)(X)
    with pytest.raises(TypeError, match="returned a tuple: use jacobian; has_aux=True is for"):
        ag.grad(lambda w: (np.sum(w), np.sum(w)))(X)


def test_argnum_is_hips_s_name():
    assert ag.grad(lambda x, y: x * y, argnum=1)(2.0, 3.0) == 2.0
    assert ag.jacobian(lambda x, y: x * y, argnum=1)(2.0, 3.0) == 2.0
    with pytest.raises(TypeError, match="unexpected keyword argument 'argument'"):
        ag.grad(np.sum, argument=0)


def test_elementwise_derivatives_of_any_order():
    second = ag.elementwise_grad(ag.elementwise_grad(np.tanh))(X)
    np.testing.assert_allclose(second, -2 * np.tanh(X) * (1 - np.tanh(X) ** 2), rtol=1e-14)
    grid = np.array([[1.0], [2.0]])
    found = ag.elementwise_grad(lambda x, y: x**2 * y, (0, 1))(X, grid)
    np.testing.assert_allclose(found[0], 2 * X * 3.0)  # summed over what is broadcast
    np.testing.assert_allclose(found[1], np.full((2, 1), np.sum(X**2)))
    assert ag.elementwise_grad(lambda v: v * v)(Value(3.0)).data == 6.0


def test_a_tree_is_one_vector_for_scipy():
    start = {"w": np.ones((2, 3)), "b": [0.5, np.zeros(2)]}
    target = {"w": A, "b": [2.0, np.array([1.0, -1.0])]}
    flat, restored = ag.flatten(start)

    def loss(vector):
        pairs = zip(leaves(restored(vector)), leaves(target), strict=True)
        return sum(np.sum((p - q) ** 2) for p, q in pairs)

    found = optimize.minimize(ag.value_and_grad(loss), flat, jac=True)
    np.testing.assert_allclose(restored(found.x)["w"], A, atol=1e-6)
    np.testing.assert_allclose(ag.hessian(loss)(flat), 2 * np.eye(9), atol=1e-12)
    assert isinstance(ag.flatten({"w": Tensor(X), "b": 1.0})[0], Tensor)
    assert ag.flatten([])[0].shape == (0,)
    with pytest.raises(ValueError, match=r"vector of shape \(9,\), found \(8,\)"):
        restored(flat[1:])


def test_what_does_not_fit_is_said():
    _, pull = ag.vjp(outputs, [X, 0.4])
    with pytest.raises(ValueError, match=r"result\['hidden'\] has shape \(2,\), its upstream"):
        pull({"hidden": np.ones(3), "size": (1.0,)})
    with pytest.raises(TypeError, match="must be arranged in the same way"):
        pull([np.ones(2), (1.0,)])
    with pytest.raises(TypeError, match=r"dict, list, tuple or dataclass.*returned str"):
        ag.jacobian(lambda x: {"x": x, "name": "n"})(X)
    with pytest.raises(TypeError, match="Values or Tensors, not both"):
        ag.jacobian(lambda v: [v, Tensor(X)])(Value(1.0))
