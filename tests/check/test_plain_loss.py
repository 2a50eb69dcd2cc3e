"""A loss that writes into arrays, or makes plain numbers, is recorded as it runs."""

import math

import numpy as np
import pytest
import scipy.ndimage

from autograd_mini import check_gradients
from autograd_mini.check.capture import captured
from autograd_mini.check.plain_loss import plain_loss
from autograd_mini.core.graph import topological_order
from autograd_mini.core.tensor import Tensor

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(2, 1, 5, 5))
PARAMS = {"w": RNG.normal(size=(2, 1, 3, 3)), "V": RNG.normal(size=(18, 3))}


def convolved(w):
    out = np.zeros((2, 2, 3, 3))
    for n, f, i, j in np.ndindex(*out.shape):
        out[n, f, i, j] = np.sum(IMAGES[n, :, i : i + 3, j : j + 3] * w[f])
    return out


def loss(w, V):
    z = convolved(w)
    z[z < 0] = 0
    scores = z.reshape(2, -1) @ V
    return 0.5 * np.sum(scores**2)


def derived(w, V, dw_factor=1.0):
    z = convolved(w)
    a = np.maximum(z, 0)
    scores = a.reshape(2, -1) @ V
    dV = a.reshape(2, -1).T @ scores
    da = (scores @ V.T).reshape(a.shape)
    dz = da * (z > 0)
    dw = np.zeros_like(w)
    for n, f, i, j in np.ndindex(*dz.shape):
        dw[f] += dw_factor * dz[n, f, i, j] * IMAGES[n, :, i : i + 3, j : j + 3]
    return {"w": dw, "V": dV, "z": dz, "scores": scores}


def test_a_loss_that_writes_into_arrays_is_recorded():
    problem = captured(loss, PARAMS, derived)
    assert not problem.uncertain
    assert "getitem" in {node.op for node in topological_order(problem.root)}
    report = check_gradients(loss, PARAMS, derived)
    assert report.ok
    assert len(report.quantities) == 4
    assert "numerically" not in report.text()


def test_a_name_is_what_it_held_when_its_gradient_was_derived():
    after = derived(**PARAMS)
    z = np.maximum(convolved(PARAMS["w"]), 0)
    of_the_rectified = (after["scores"] @ PARAMS["V"].T).reshape(z.shape)
    assert check_gradients(loss, PARAMS, {"z": of_the_rectified}).ok
    assert check_gradients(loss, PARAMS, {"z": after["z"]}).ok
    assert not check_gradients(loss, PARAMS, {"z": 2 * after["z"]}).ok


def test_a_slip_in_it_is_told_with_its_line():
    def manual(w, V):
        gradients = derived(w, V)
        dw = 2 * gradients["w"]
        return {**gradients, "w": dw}

    report = check_gradients(loss, PARAMS, manual)
    (mistake,) = report.mistakes
    assert mistake.line.text == 'dw = 2 * gradients["w"]'
    assert report["V"].verdict == "agree"
    assert report["scores"].verdict == "agree"


def test_plain_python_is_recorded():
    def of_lists(W, b):
        total = 0.0
        for row in W.tolist():
            total += 1 / (1 + math.exp(-sum(row) - b))
        return total

    def manual(W, b):
        s = 1 / (1 + np.exp(-W.sum(axis=1) - b))
        ds = s * (1 - s)
        return {"W": np.tile(ds[:, None], W.shape[1]), "b": ds.sum()}

    params = {"W": RNG.normal(size=(3, 2)), "b": 0.3}
    assert not captured(of_lists, params, manual).uncertain
    assert check_gradients(of_lists, params, manual).ok
    assert not check_gradients(of_lists, params, lambda W, b: {"W": W, "b": b}).ok


@pytest.mark.parametrize("name", ["bytes", "buffer"])
def test_what_is_not_seen_is_not_taken_for_recorded(name):
    def through_bytes(W):
        return float(np.sum(np.frombuffer(W.tobytes()) ** 2) + np.sum(W))

    def through_a_buffer(W):
        out = np.zeros(3)
        memoryview(out)[1] = W[0]
        return float(np.sum(out**2) + W[1])

    function = {"bytes": through_bytes, "buffer": through_a_buffer}[name]
    W = np.array([1.0, 2.0])
    assert plain_loss(function, {"W": Tensor(W)}, {"W": W}, []) is None


def smoothed(W):
    square = W[:2, :2].copy()
    square[0, 0] += 1.0
    return np.sum(scipy.ndimage.gaussian_filter(square, 1.0)) + np.sum(W)


def test_what_could_not_be_followed_is_told_with_its_line():
    W = np.array([[1.0, 0.5], [2.0, 3.0]])
    report = check_gradients(smoothed, {"W": W}, {"W": W})
    line = smoothed.__code__.co_firstlineno + 3
    assert "gives counts as constant" in report.text()
    assert f"(test_plain_loss.py:{line})" in report.text()
    large = np.tile(W, (60, 60))
    with pytest.raises(TypeError, match=rf"test_plain_loss.py:{line}"):
        check_gradients(smoothed, {"W": large}, {"W": large})


def test_a_loss_whose_shapes_do_not_fit_says_so_as_before():
    with pytest.raises(ValueError, match="matmul of operands of shapes"):
        check_gradients(lambda W: np.sum(W @ np.ones(5)), {"W": np.ones((2, 3))}, {"W": 0.0})
