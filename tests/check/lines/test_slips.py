"""Slips that were taken for something else: the line that is told, and the sentence."""

from functools import partial

import numpy as np
import pytest

from autograd_mini import check_gradients
from autograd_mini.check import pipeline
from autograd_mini.check.lines.located import located

RNG = np.random.default_rng(0)
X, T = RNG.normal(size=(6, 4)), RNG.normal(size=(6, 2))
Y = np.eye(3)[[0, 1, 2, 2, 1, 0]]
N, reg = 6, 0.1
PARAMS = {"W1": RNG.normal(size=(4, 5)), "W2": RNG.normal(size=(5, 2))}


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def sigmoid_prime(z):
    return sigmoid(z) * (1 - sigmoid(z))


def network(W1, W2):
    return 0.5 * np.sum((sigmoid(X @ W1) @ W2 - T) ** 2)


def rectified(W1, W2):
    return 0.5 * np.sum((np.maximum(X @ W1, 0) @ W2 - T) ** 2)


def penalised(W1, W2):
    penalty = np.square(W1).sum() + np.square(W2).sum()
    return (0.5 * np.sum((sigmoid(X @ W1) @ W2 - T) ** 2) + reg * penalty / 2) / N


def twice_penalised(W1, W2):
    return network(W1, W2) + reg * np.sum(W2**2)


def upstream_in_the_slope(W1, W2):
    a1 = sigmoid(X @ W1)
    d2 = a1 @ W2 - T
    da1 = d2 @ W2.T
    dz1 = da1 * da1 * (1 - da1)
    return {"W1": X.T @ dz1, "W2": a1.T @ d2}


def slope_of_the_upstream(W1, W2):
    z1 = X @ W1
    a1 = sigmoid(z1)
    d2 = a1 @ W2 - T
    da1 = d2 @ W2.T
    dz1 = da1 * sigmoid_prime(da1)
    return {"W1": X.T @ dz1, "W2": a1.T @ d2}


def mask_of_the_upstream(W1, W2):
    z1 = X @ W1
    a1 = np.maximum(z1, 0)
    d2 = a1 @ W2 - T
    da1 = d2 @ W2.T
    dz1 = da1 * (da1 > 0)
    return {"W1": X.T @ dz1, "W2": a1.T @ d2}


def clipped_in_place(W1, W2):
    a1 = sigmoid(X @ W1)
    d2 = a1 @ W2 - T
    d1 = d2 @ W2.T * a1 * (1 - a1)
    dW1, dW2 = X.T @ d1, a1.T @ d2
    for d in (dW1, dW2):
        np.clip(d, -0.5, 0.5, out=d)
    return {"W1": dW1, "W2": dW2}


def with_the_penalties(W1, W2):
    a1 = sigmoid(X @ W1)
    d2 = a1 @ W2 - T
    d1 = d2 @ W2.T * a1 * (1 - a1)
    dW1 = (X.T @ d1 + reg * W1) / N
    dW2 = (a1.T @ d2 + reg * np.square(W2).sum()) / N
    return {"W1": dW1, "W2": dW2}


def half_the_penalty(W1, W2):
    a1 = sigmoid(X @ W1)
    d2 = a1 @ W2 - T
    d1 = d2 @ W2.T * a1 * (1 - a1)
    dW2 = a1.T @ d2 + reg * W2
    return {"W1": X.T @ d1, "W2": dW2}


def of_one_matrix(W1, W2, b):
    return 0.5 * np.sum((np.tanh(X @ W1 + b) @ W2 - T) ** 2) + reg * np.sum(W2**2)


def of_both(W1, W2, b):
    a1 = np.tanh(X @ W1 + b)
    d2 = a1 @ W2 - T
    d1 = d2 @ W2.T * (1 - a1**2)
    dW1 = X.T @ d1 + 2 * reg * W1
    return {"W1": dW1, "W2": a1.T @ d2 + 2 * reg * W2, "b": d1.sum(axis=0)}


def test_what_makes_the_same_here_is_told_apart_elsewhere():
    """The bias is 0 at the start: with it in the place of W1 the term is lost, too."""
    report = check_gradients(of_one_matrix, {**PARAMS, "b": np.zeros(5)}, of_both)
    (mistake,) = report.mistakes
    assert mistake.repair.text == "dW1 = X.T @ d1"


def squares(W1, W2):
    return np.sum((np.tanh(X @ W1) @ W2 - T) ** 2) / 2


def slope_of_a_square(W1, W2):
    h = np.tanh(X @ W1)
    d = h @ W2 - T
    dz = h * h * (d @ W2.T)
    return {"W1": X.T @ dz, "W2": h.T @ d}


def scaled_scores(W1):
    scores = X @ W1 / np.sqrt(4)
    return np.sum(scores**3)


def test_a_root_comes_before_another_number_that_is_the_same():
    B, d = 2, X.shape[1]

    def manual(W1):
        ds = 3 * (X @ W1 / np.sqrt(d)) ** 2 * np.ones(B + 3)
        ds /= d
        return {"W1": X.T @ ds}

    (mistake,) = check_gradients(scaled_scores, {"W1": PARAMS["W1"]}, manual).mistakes
    assert mistake.repair.text == "ds /= np.sqrt(d)"


def test_the_mean_of_a_penalty_is_left_out():
    def loss(W1, b):
        mu = X @ W1
        return np.sum(np.tanh(mu + b)) + 0.5 * np.sum(mu**2) / N

    def manual(W1, b):
        mu = X @ W1
        dz = 1 - np.tanh(mu + b) ** 2
        dmu = dz
        return {"W1": X.T @ dmu, "b": dz.sum(axis=0)}

    params = {"W1": PARAMS["W1"], "b": np.ones(5)}
    (mistake,) = check_gradients(loss, params, manual).mistakes
    assert mistake.repair.text == "dmu = dz + mu / N"


@pytest.mark.parametrize(
    ("loss", "manual", "right", "sentence"),
    [
        (network, upstream_in_the_slope, "dz1 = da1 * a1 * (1 - a1)",
         "the local derivative is σ′ = a1·(1 − a1)"),
        (network, slope_of_the_upstream, "dz1 = da1 * sigmoid_prime(z1)",
         "sigmoid_prime is taken of da1; it must be taken of z1"),
        (rectified, mask_of_the_upstream, "dz1 = da1 * (z1 > 0)",
         "ReLU′ is taken of da1; it is z1 > 0"),
        (network, clipped_in_place, "pass",
         "the gradient is clipped here: give it as it is before"),
        (penalised, with_the_penalties, "dW2 = (a1.T @ d2 + reg * W2) / N",
         "a penalty stands where its gradient belongs: for W2² it is 2·W2"),
        (squares, slope_of_a_square, "dz = (1 - h * h) * (d @ W2.T)",
         "the local derivative is tanh′ = 1 − h·h"),
        (twice_penalised, half_the_penalty, "dW2 = a1.T @ d2 + 2 * reg * W2",
         "the factor 2 is missing"),
    ],
)  # fmt: skip
def test_the_line_and_the_sentence(loss, manual, right, sentence):
    (mistake,) = check_gradients(loss, PARAMS, manual).mistakes
    assert (mistake.repair.text, mistake.reason) == (right, sentence)
    assert mistake.repair.verified_at == 3


# Loops


WEIGHTS = {name: RNG.normal(size=(3, 3)) for name in ("A", "B", "C")}
INPUTS, TARGETS = RNG.normal(size=(5, 3)), RNG.uniform(size=(5, 3))


def three_layers(A, B, C):
    a = INPUTS
    for W in (A, B, C):
        a = sigmoid(a @ W)
    return 0.5 * np.sum((a - TARGETS) ** 2)


def of_another_array(A, B, C):
    weights, activations, zs = [A, B, C], [INPUTS], []
    for W in weights:
        zs.append(activations[-1] @ W)
        activations.append(sigmoid(zs[-1]))
    nabla = [None] * 3
    delta = (activations[-1] - TARGETS) * sigmoid_prime(zs[-1])
    nabla[-1] = activations[-2].T @ delta
    for l in range(2, 4):
        delta = delta @ weights[-l + 1].T * sigmoid_prime(activations[-l - 1])
        nabla[-l] = activations[-l - 1].T @ delta
    return {"A": 2 * nabla[0], "B": nabla[1], "C": nabla[2]}


def test_a_line_of_a_loop_is_right_in_each_turn_or_not_at_all():
    """``activations[-2]`` is right in the first turn, and fits in the second."""
    slips = check_gradients(three_layers, WEIGHTS, of_another_array).mistakes
    assert [slip.repair.text for slip in slips] == [
        "delta = delta @ weights[-l + 1].T * sigmoid_prime(zs[-l])",
        'return {"A": nabla[0], "B": nabla[1], "C": nabla[2]}',
    ]


SERIES = RNG.normal(size=(3, 5, 4))


def recurrent(W, U):
    h = np.zeros((5, 3))
    for x in SERIES:
        h = np.tanh(x @ W + h @ U)
    return np.sum(h**2) / 2


def nothing_added(W, U):
    hs = [np.zeros((5, 3))]
    for x in SERIES:
        hs.append(np.tanh(x @ W + hs[-1] @ U))
    dW, dU, dh = np.zeros_like(W), np.zeros_like(U), hs[-1]
    for t in reversed(range(len(SERIES))):
        dz = dh * (1 - hs[t + 1] ** 2)
        dW += SERIES[t].T @ dz
        dU += 0
        dh = dz @ U.T
    return {"W": dW, "U": dU}


def test_zeros_to_which_nothing_is_added_are_right():
    params = {"W": RNG.normal(size=(4, 3)), "U": RNG.normal(size=(3, 3))}
    (mistake,) = check_gradients(recurrent, params, nothing_added).mistakes
    assert (mistake.line.text, mistake.repair.text) == ("dU += 0", "dU += hs[t].T @ dz")
    assert mistake.reason == "the term hs[t].T @ dz is left out"


def summed(W, V):
    s, total = np.zeros((5, 3)), 0
    for x in SERIES:
        gate = sigmoid(x @ W)
        s = gate * (s + np.tanh(x @ V))
        total = total + np.sum(np.tanh(s) ** 2) / 2
    return total


def of_each_step_alone(W, V):
    states, gates, inputs = [np.zeros((5, 3))], [], []
    for x in SERIES:
        gates.append(sigmoid(x @ W))
        inputs.append(np.tanh(x @ V))
        states.append(gates[-1] * (states[-1] + inputs[-1]))
    dW, dV = np.zeros_like(W), np.zeros_like(V)
    for t in reversed(range(len(SERIES))):
        h = np.tanh(states[t + 1])
        ds = h * (1 - h**2)
        dW += SERIES[t].T @ (ds * (states[t] + inputs[t]) * gates[t] * (1 - gates[t]))
        dV += SERIES[t].T @ (ds * gates[t] * (1 - inputs[t] ** 2))
    return {"W": dW, "V": dV}


def wrongly_handed_back(W, V):
    states, gates, inputs = [np.zeros((5, 3))], [], []
    for x in SERIES:
        gates.append(sigmoid(x @ W))
        inputs.append(np.tanh(x @ V))
        states.append(gates[-1] * (states[-1] + inputs[-1]))
    dW, dV, ds_next = np.zeros_like(W), np.zeros_like(V), np.zeros((5, 3))
    for t in reversed(range(len(SERIES))):
        h = np.tanh(states[t + 1])
        ds = h * (1 - h**2) + ds_next
        dW += SERIES[t].T @ (ds * (states[t] + inputs[t]) * gates[t] * (1 - gates[t]))
        dV += SERIES[t].T @ (ds * gates[t] * (1 - inputs[t] ** 2))
        ds_next = ds * inputs[t]
    return {"W": dW, "V": dV}


def test_the_line_that_hands_back_what_is_wrong_is_blamed_not_the_one_that_takes_it():
    params = {"W": RNG.normal(size=(4, 3)), "V": RNG.normal(size=(4, 3))}
    (mistake,) = check_gradients(summed, params, wrongly_handed_back).mistakes
    assert mistake.line.text == "ds_next = ds * inputs[t]"
    assert mistake.repair.text == "ds_next = ds * gates[t]"


def test_a_share_of_a_gradient_is_told_as_one():
    params = {"W": RNG.normal(size=(4, 3)), "V": RNG.normal(size=(4, 3))}
    report = check_gradients(summed, params, of_each_step_alone, seconds=1)
    (mistake,) = report.mistakes
    assert mistake.line.text == "ds = h * (1 - h**2)"
    assert mistake.reason.startswith("ds is but a share of")


# Stabilisers


def stabilised(W1, W2, by):
    e = np.exp(np.tanh(X @ W1) @ W2)
    p = e / e.sum(axis=1, keepdims=True)
    return -np.sum(Y * np.log(p + by)) / N


def slope_not_squared(W1, W2):
    h = np.tanh(X @ W1)
    e = np.exp(h @ W2)
    dz = (e / e.sum(axis=1, keepdims=True) - Y) / N
    return {"W1": X.T @ (dz @ W2.T * (1 - h)), "W2": h.T @ dz}


def wrong_way_round(W1, W2):
    h = np.tanh(X @ W1)
    e = np.exp(h @ W2)
    p = e / e.sum(axis=1, keepdims=True)
    dz = (Y - p) / N
    return {"W1": X.T @ (dz @ W2.T * (1 - h**2)), "W2": h.T @ dz}


@pytest.mark.parametrize("by", [1e-7, 1e-12])
def test_a_stabiliser_is_no_mistake_beside_one(by):
    params = {"W1": RNG.normal(size=(4, 5)), "W2": RNG.normal(size=(5, 3))}

    def loss(W1, W2):
        return stabilised(W1, W2, by)

    report = check_gradients(loss, params, slope_not_squared)
    (mistake,) = report.mistakes
    assert "(1 - h ** 2)" in mistake.repair.text
    assert (report["W1"].verdict, report["W2"].verdict) == ("differ", "agree")
    (mistake,) = check_gradients(loss, params, wrong_way_round).mistakes
    assert mistake.repair.text == "dz = (p - Y) / N"
    assert mistake.reason == "the difference is the wrong way round: p − Y"


def normed(W, gain):
    """Rows of mean 0 and variance 1, with the number that keeps the root from 0."""
    x = X @ W
    centred = x - np.mean(x, axis=1, keepdims=True)
    inverse = 1 / np.sqrt(np.mean(centred**2, axis=1, keepdims=True) + 1e-5)
    return np.mean((gain * centred * inverse - Y) ** 2)


def normed_by_hand(W, gain, count=3 * N, whole=True):
    D = W.shape[1]
    x = X @ W
    centred = x - np.mean(x, axis=1, keepdims=True)
    inverse = 1 / np.sqrt(np.mean(centred**2, axis=1, keepdims=True) + 1e-5)
    dout = 2 * (gain * centred * inverse - Y) / count
    dnormed = dout * gain
    dvar = np.sum(dnormed * centred, axis=1, keepdims=True) * -0.5 * inverse**3
    dcentred = dnormed * inverse + dvar * 2 * centred / D
    dmean = -np.sum(dcentred, axis=1, keepdims=True)
    if whole:
        dx = dcentred + dmean / D
    else:
        dx = dmean / D
    return {"W": X.T @ dx, "gain": np.sum(dout * centred * inverse, axis=0)}


@pytest.mark.parametrize(
    ("slip", "right"),
    [
        ({"count": N}, "dout = 2 * (gain * centred * inverse - Y) / count / D"),
        ({"whole": False}, "dx = dcentred + dmean / D"),
    ],
)
def test_a_stabiliser_that_the_code_has_itself_is_searched_with_first(slip, right, monkeypatch):
    """Without it no small change is right, which takes most of the time to find out."""
    searches = []
    monkeypatch.setattr(pipeline, "located", lambda *a: searches.append(a) or located(*a))
    params = {"W": RNG.normal(size=(4, 3)), "gain": RNG.normal(size=3)}
    report = check_gradients(normed, params, partial(normed_by_hand, **slip))
    (mistake,) = report.mistakes
    assert not mistake.repair.ours
    assert right in [repair.text for repair in mistake.repairs]
    assert len(searches) == 1
    assert check_gradients(normed, params, normed_by_hand).ok


def test_numbers_that_are_none_are_wrong_by_the_line_that_makes_them():
    def loss(W1, W2):
        z = X @ W1
        return np.sum((np.max(np.maximum(z, 0), axis=1) - T[:, 0]) ** 2) + np.sum(W2)

    def manual(W1, W2):
        z = X @ W1
        a = np.maximum(z, 0)
        d = 2 * (a.max(axis=1) - T[:, 0])
        largest = a + 1 == a.max(axis=1, keepdims=True)
        dz = largest * (d / largest.sum(axis=1))[:, None] * (z > 0)
        return {"z": dz, "W1": X.T @ dz, "W2": np.ones_like(W2)}

    with np.errstate(all="ignore"):
        report = check_gradients(loss, PARAMS, manual)
    (mistake,) = report.mistakes
    assert mistake.repair.text == "largest = a == a.max(axis=1, keepdims=True)"


def likelihood(W1, W2):
    z = np.tanh(X @ W1) @ W2
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    return -np.sum(Y * np.log(p)) / N


def lost_sum(W1, W2):
    a = np.tanh(X @ W1)
    z = a @ W2
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    dp = -Y / p / N
    weighted = dp * p
    dz = p * (dp - weighted)
    return {"W1": X.T @ (dz @ W2.T * (1 - a**2)), "W2": a.T @ dz}


def test_a_sum_is_lost_where_its_terms_are_made():
    """The terms are right, which says nothing: what reads them by their name needs the sum."""
    params = {"W1": RNG.normal(size=(4, 5)), "W2": RNG.normal(size=(5, 3))}
    (slip,) = check_gradients(likelihood, params, lost_sum).mistakes
    assert slip.line.text == "weighted = dp * p"
    assert slip.repair.text == "weighted = (dp * p).sum(axis=1, keepdims=True)"
