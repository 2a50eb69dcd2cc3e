"""What an array is that a line made."""

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini.check.lines.claims import Truth, is_gradient_name
from autograd_mini.check.problem import Problem
from autograd_mini.check.scope import Scope

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def truth():
    X, t = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 2))
    W, b = ag.Tensor(RNG.normal(size=(3, 2)), "W"), ag.Tensor(RNG.normal(size=2), "b")
    z = X @ W + b
    a = ag.sigmoid(z)
    loss = np.sum((a - t) ** 2) + np.sum(a) / 7
    names = Scope({"z": z, "a": a, "W": W, "b": b, "X": X, "t": t})
    return Truth(Problem(loss, {"W": W, "b": b}, ("W", "b"), {}, used=names))


def gradient(truth, name):
    (node,) = [node for node, other in truth.names.items() if other == name]
    return truth.gradients[node]


def words(truth, array):
    return [truth.words(claim) for claim in truth.claims(array)]


@pytest.mark.parametrize("name", ["W", "b", "a", "z"])
def test_a_gradient_is_recognised(truth, name):
    assert f"the gradient of {name}" in words(truth, gradient(truth, name))


def test_so_are_what_it_is_times_a_constant_and_turned_round(truth):
    dz = gradient(truth, "z")
    assert "−3 times the gradient of z" in words(truth, -3 * dz)
    assert "the gradient of z, transposed" in words(truth, dz.T)


def test_so_are_a_value_a_slope_and_a_share(truth):
    (a,) = [np.asarray(node.data) for node, name in truth.names.items() if name == "a"]
    assert words(truth, a) == ["a"]
    assert words(truth, a * (1 - a)) == ["the derivative of a"]
    assert "a share of the gradient of a, by way of sum(a)" in words(truth, np.full((5, 2), 1 / 7))


def test_what_is_derived_by_hand_on_nodes_gives_nothing_a_name():
    w = ag.Tensor([1.0, 2.0, 4.0], "w")
    loss, dw = np.sum(w**2), 2 * w
    truth = Truth(Problem(loss, {"w": w}, ("w",), {}, used=Scope({"w": w, "dw": dw})))
    (node,) = [node for node, name in truth.names.items() if name == "w"]
    assert truth.named("dw") is node


@pytest.mark.parametrize("off", [1 + 1e-6, 1 + 1e-4])
def test_nothing_near_is_recognised(truth, off):
    dz = gradient(truth, "z").copy()
    dz[2, 1] *= off
    assert not truth.claims(dz)


def test_what_is_0_or_not_finite_is_nothing(truth):
    assert not truth.claims(np.zeros((5, 2)))
    assert not truth.claims(np.full((5, 2), np.nan))


@pytest.mark.parametrize(
    ("name", "of"),
    [
        ("dZ1", "z1"), ("d_hidden", "hidden"), ("grads['W1']", "W1"),
        ("self.dW", "W"), ("grad_b", "b"), ("z1_delta", "z1"), ("db", "b"), ("W1", "W1"),
    ],
)  # fmt: skip
def test_a_name_says_what_it_is_the_gradient_of(name, of):
    assert is_gradient_name(name, of)


@pytest.mark.parametrize(("name", "of"), [("dA1", "z1"), ("dW1", "W2"), ("x", ""), ("[]", "b")])
def test_other_names_do_not(name, of):
    assert not is_gradient_name(name, of)


def test_what_is_its_own_derivative_is_called_by_its_name():
    z = ag.Tensor(RNG.normal(size=(4, 3)), "z")
    e = np.exp(z)
    names = Scope({"z": z, "e": e})
    known = Truth(Problem(np.sum(e**2), {"z": z}, ("z",), {}, used=names))
    assert words(known, e.data)[0] == "e"


def test_minus_a_gradient_is_none_of_a_node_without_a_name():
    z = ag.Tensor(RNG.normal(size=(4, 3)), "z")
    known = Truth(Problem(np.sum(1 / (1 + np.exp(-z))), {"z": z}, ("z",), {}))
    dz = ag.gradients(np.sum(1 / (1 + np.exp(-z))), z)
    assert {claim.factor for claim in known.claims(-dz)} == {-1.0}
