"""``check_gradients``: parameters and gradients in the forms in which people keep them."""

from typing import NamedTuple

import numpy as np
import pytest

from autograd_mini import Value, check_gradients
from autograd_mini.testing import assert_gradients

X = np.linspace(-1, 1, 12).reshape(4, 3)
T = np.linspace(0, 1, 8).reshape(4, 2)
W, B = np.linspace(-0.5, 0.7, 6).reshape(3, 2), np.array([0.1, -0.2])


def error(W, b):
    return X @ W + b - T


def derived(W, b):
    dz = 2 * error(W, b)
    return X.T @ dz, dz.sum(axis=0)


def of_list(weights):
    return np.sum(error(weights[0], weights[1]) ** 2)


def of_dict(p):
    return np.sum(error(p["W"], p["b"]) ** 2)


def of_nested(p):
    return np.sum(error(p["layer"]["W"], p["layer"]["b"]) ** 2) * p["scale"]


def of_two(W, b):
    return np.sum(error(W, b) ** 2)


class Parameters(NamedTuple):
    W: np.ndarray
    b: np.ndarray


def nested(p):
    dW, db = derived(p["layer"]["W"], p["layer"]["b"])
    total = np.sum(error(p["layer"]["W"], p["layer"]["b"]) ** 2)
    return {"layer": {"W": dW * p["scale"], "b": db * p["scale"]}, "scale": total}


NESTED = {"layer": {"W": W, "b": B}, "scale": 3.0}

FORMS = {
    "a list": (of_list, [W, B], lambda weights: derived(*weights), ["weights[0]", "weights[1]"]),
    "a list, gradients in a list": (
        of_list, [W, B], lambda p: list(derived(*p)), ["weights[0]", "weights[1]"],
    ),
    "a dict": (
        of_dict, {"W": W, "b": B}, lambda p: dict(zip("Wb", derived(**p), strict=True)), "Wb",
    ),
    "a nested dict": (of_nested, NESTED, nested, ["layer['W']", "layer['b']", "scale"]),
    "a nested dict by name": (
        lambda layer, scale: of_nested({"layer": layer, "scale": scale}), NESTED,
        lambda layer, scale: nested({"layer": layer, "scale": scale}),
        ["layer['W']", "layer['b']", "scale"],
    ),
    "a tuple, one by one": (of_two, (W, B), derived, "Wb"),
    "a named tuple": (
        lambda p: of_two(p.W, p.b), Parameters(W, B), lambda p: Parameters(*derived(p.W, p.b)),
        ["p[0]", "p[1]"],
    ),
    "a tuple by name": (of_two, {"W": W, "b": B}, derived, "Wb"),
    "renamed arguments": (of_two, {"W": W, "b": B}, lambda theta, bias: derived(theta, bias), "Wb"),
    "one array": (lambda theta: np.sum(theta**2), W, lambda th: 2 * th, ["theta"]),
    "one renamed": (lambda theta: np.sum(theta**2), {"theta": W}, lambda th: 2 * th, ["theta"]),
    "one in a dict": (
        lambda theta: np.sum(theta**2), {"theta": W}, lambda th: {"theta": 2 * th}, ["theta"],
    ),
    "numbers": (lambda w: w[0] * w[1], [2.0, 3.0], lambda w: [w[1], w[0]], ["w[0]", "w[1]"]),
    "Values": (
        lambda w: w[0] * w[1], [Value(2.0), Value(3.0)], lambda w: (w[1], w[0]), ["w[0]", "w[1]"],
    ),
    "gradients as they are": (of_list, [W, B], list(derived(W, B)), ["weights[0]", "weights[1]"]),
    "some gradients": (of_two, (W, B), lambda W, b: (derived(W, b)[0], None), "Wb"),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_right_gradients_agree_in_any_form(form):
    loss, params, manual, names = FORMS[form]
    report = check_gradients(loss, params, manual)
    assert report.ok, report
    assert list(report.quantities) == list(names)
    given = [q.name for q in report.quantities.values() if q.manual is not None]
    assert given == (["W"] if form == "some gradients" else list(names))


@pytest.mark.parametrize("form", FORMS)
def test_a_wrong_gradient_is_found_in_any_form(form):
    loss, params, manual, names = FORMS[form]

    def slipped(*args, **kwargs):
        return spoiled(manual(*args, **kwargs))

    given = slipped if callable(manual) else spoiled(manual)
    if callable(manual):
        slipped.__wrapped__ = manual
    report = check_gradients(loss, params, given, seconds=0)
    assert report.culprits == [next(iter(names))]


def spoiled(gradients):
    """The first of the gradients, three times as large."""
    if isinstance(gradients, dict):
        key = next(iter(gradients))
        return {**gradients, key: spoiled(gradients[key])}
    if isinstance(gradients, list | tuple):
        made = [spoiled(gradients[0]), *gradients[1:]]
        return type(gradients)(*made) if hasattr(gradients, "_fields") else type(gradients)(made)
    return 3 * gradients


def test_the_line_is_told_whatever_the_form():
    def manual(weights):
        W, b = weights
        dz = X @ W + b - T
        return [X.T @ dz, dz.sum(axis=0)]

    (mistake,) = check_gradients(of_list, [W, B], manual).mistakes
    assert mistake.line.text == "dz = X @ W + b - T"
    assert mistake.repair.text == "dz = 2 * (X @ W + b - T)"


def test_locals_of_helpers_have_gradients():
    def layer(x, W, b):
        z = x @ W + b
        return np.tanh(z)

    def loss(W, b):
        a = layer(X, W, b)
        return np.sum((a - T) ** 2)

    def manual(W, b):
        a = np.tanh(X @ W + b)
        da = 2 * (a - T)
        dz = da * (1 - a**2)
        return {"z": dz, "a": da, "W": X.T @ dz, "b": dz.sum(axis=0)}

    report = check_gradients(loss, {"W": W, "b": B}, manual)
    assert report.ok
    assert "z" in report.quantities
    wrong = check_gradients(loss, {"W": W, "b": B}, {"z": np.ones((4, 2))})
    assert wrong.culprits == ["z"]


def test_of_a_helper_that_is_called_several_times_the_call_that_is_meant_counts():
    def layer(x, W):
        z = x @ W
        return np.tanh(z)

    V = np.array([[0.3, -0.4], [0.2, 0.5]])

    def loss(W, V):
        return np.sum((layer(layer(X, W), V) - T) ** 2)

    def backward(W, V):
        h = np.tanh(X @ W)
        out = np.tanh(h @ V)
        second = 2 * (out - T) * (1 - out**2)
        first = second @ V.T * (1 - h**2)
        return {"W": X.T @ first, "V": h.T @ second}, first, second

    for which in (1, 2):
        report = check_gradients(
            loss,
            {"W": W, "V": V},
            lambda W, V, which=which: {**backward(W, V)[0], "z": backward(W, V)[which]},
        )
        assert report.ok, report


def test_a_loss_that_calls_another_several_times():
    def one(w, x):
        z = w * x
        return z**2

    def loss(w):
        return one(w, 2.0) + one(w, 3.0)

    assert check_gradients(loss, {"w": 1.5}, {"w": 2 * 1.5 * 13.0}).ok


def test_errors_say_what_was_asked_found_and_what_to_write():
    with pytest.raises(TypeError, match=r"manual takes \(a, b, c\), and the parameters are W, b"):
        check_gradients(of_two, {"W": W, "b": B}, lambda a, b, c: {})
    with pytest.raises(TypeError, match=r"gradients of the parameters are a list of 1.*tuple of 2"):
        check_gradients(of_two, (W, B), lambda W, b: [W])
    with pytest.raises(TypeError, match=r"gradients of layer are a dict of 1.*a dict of 2"):
        check_gradients(of_nested, NESTED, lambda p: {"layer": {"W": W}})
    with pytest.raises(TypeError, match=r"loss takes \(W, b\), and params is a ndarray"):
        check_gradients(of_two, W)
    with pytest.raises(
        TypeError, match=r"in the order of the parameters \(W, b\), it returned NoneType"
    ):
        check_gradients(of_two, {"W": W, "b": B}, lambda W, b: None)
    with pytest.raises(TypeError, match="loss is a function of the parameters, not float"):
        check_gradients(3.0, {"W": W})


def test_assert_gradients_takes_them_too():
    assert_gradients(of_list, [W, B], lambda weights: derived(*weights))
    with pytest.raises(AssertionError, match="missing"):
        assert_gradients(of_two, (W, B), lambda W, b: (derived(W, b)[0], None))
