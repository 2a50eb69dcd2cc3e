"""Slips of tutorials, courses and strangers' files: what the report says of each."""

from functools import partial

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import check_gradients

RNG = np.random.default_rng(0)
X, T = RNG.normal(size=(6, 4)), RNG.normal(size=(6, 2))
Y = np.eye(2)[[0, 1, 1, 0, 1, 0]]
W1, W2 = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 2))
b1, b2 = RNG.normal(size=(1, 3)), RNG.normal(size=(1, 2))
NET = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}
WEIGHTS = {"W1": W1, "W2": W2}


def sig(z):
    return 1 / (1 + np.exp(-z))


def text_of(loss, params, manual, **options):
    """The whole report, and the report."""
    report = check_gradients(loss, params, manual, hints=3, **options)
    return report.text(), report


def line(text):
    """The user's line in a report, without its place."""
    return next(row for row in text.splitlines() if ".py:" in row and "  " in row)


def corrected(text):
    """The first line that is right."""
    return next(row.split("→")[1].strip() for row in text.splitlines() if "→" in row)


# One slip is one mistake


def net(W1, b1, W2, b2):
    z1 = X @ W1 + b1
    a1 = sig(z1)
    z2 = a1 @ W2 + b2
    a2 = sig(z2)
    return 0.5 * np.sum((T - a2) ** 2)


def taken_of_the_activation(W1, b1, W2, b2):
    Z1 = X @ W1 + b1
    A1 = sig(Z1)
    A2 = sig(A1 @ W2 + b2)
    d = (A2 - T) * A2 * (1 - A2)
    delta = (d @ W2.T) * A1 * (1 - Z1)
    return {"W1": X.T @ delta, "b1": delta.sum(0, keepdims=True), "W2": A1.T @ d,
            "b2": d.sum(0, keepdims=True)}  # fmt: skip


def activation_forgotten(W1, b1, W2, b2):
    A1 = sig(X @ W1 + b1)
    A2 = sig(A1 @ W2 + b2)
    d = (A2 - T) * A2 * (1 - A2)
    delta = d @ W2.T
    return {"W1": X.T @ delta, "b1": delta.sum(0, keepdims=True), "W2": A1.T @ d,
            "b2": d.sum(0, keepdims=True)}  # fmt: skip


def one_too_many(W1, b1, W2, b2):
    A1 = sig(X @ W1 + b1)
    A2 = sig(A1 @ W2 + b2)
    d = (A2 - T) * A2 * (1 - A2) * A2 * (1 - A2)
    delta = (d @ W2.T) * A1 * (1 - A1)
    return {"W1": X.T @ delta, "b1": delta.sum(0, keepdims=True), "W2": A1.T @ d,
            "b2": d.sum(0, keepdims=True)}  # fmt: skip


@pytest.mark.parametrize(
    ("manual", "right", "said"),
    [
        (taken_of_the_activation, "delta = (d @ W2.T) * A1 * (1 - A1)", "σ′ is taken of Z1"),
        (activation_forgotten, "delta = d @ W2.T * A1 * (1 - A1)", "σ′ = A1·(1 − A1) is missing"),
        (one_too_many, "d = (A2 - T) * A2 * (1 - A2)", "too many"),
    ],
)
def test_a_slip_in_a_delta_is_one_mistake_on_its_line(manual, right, said):
    text, report = text_of(net, NET, manual)
    assert len(report.mistakes) == 1
    assert text.startswith("1 mistake (")
    assert "test_faults.py:" in text.split("\n")[0]
    assert said in text
    assert corrected(text) == right
    assert "verified: with it all 4 gradients agree, here and at 2 other points" in text


def test_a_right_delta_under_another_name_is_told_as_what_it_is():
    def manual(W1, b1, W2, b2):
        A1 = sig(X @ W1 + b1)
        A2 = sig(A1 @ W2 + b2)
        d_output = (A2 - T) * A2 * (1 - A2)
        d_hidden = (d_output @ W2.T) * A1 * (1 - A1)
        grads = {"W1": X.T @ d_hidden, "W2": A1.T @ d_output}
        return {"a2": d_output, "a1": d_hidden, **grads}

    text, report = text_of(net, NET, manual)
    (mistake,) = report.mistakes
    assert mistake.cause == "other-quantity"
    assert "what you gave for a2 is exactly the gradient of z2" in text
    assert "what you gave for a1 is exactly the gradient of z1" in text
    assert "other-quantity" in [cause.code for cause in report["a1"].causes]


def test_the_names_that_are_right_are_shown_and_verified():
    def manual(W1, b1, W2, b2):
        A1 = sig(X @ W1 + b1)
        A2 = sig(A1 @ W2 + b2)
        d = (A2 - T) * A2 * (1 - A2)
        return {"a2": d, "W2": A1.T @ d}

    text, report = text_of(net, NET, manual)
    assert corrected(text) == 'return {"z2": d, "W2": A1.T @ d}'
    assert report.mistakes[0].repair.verified_at == 3


def test_a_tutorials_sign_and_names_are_two_mistakes():
    def manual(W1, b1, W2, b2):
        A1 = sig(X @ W1 + b1)
        A2 = sig(A1 @ W2 + b2)
        error = T - A2
        d = error * A2 * (1 - A2)
        return {"a2": d, "W2": A1.T @ d, "b2": d.sum(0, keepdims=True)}

    text, report = text_of(net, NET, manual)
    assert [mistake.cause for mistake in report.mistakes] == ["sign", "other-quantity"]
    assert "the minus sign is missing: −(error·A2·(1 − A2))" in text
    assert "what you gave for a2 is exactly the gradient of z2" in text


def test_a_lost_activation_is_no_wrong_name():
    """The array under z1 is the gradient of a1, but it is handed on as that of z1."""

    def manual(W1, b1, W2, b2):
        A1 = sig(X @ W1 + b1)
        A2 = sig(A1 @ W2 + b2)
        d = (A2 - T) * A2 * (1 - A2)
        delta = d @ W2.T
        return {"z1": delta, "W1": X.T @ delta}

    _text, report = text_of(net, NET, manual)
    (mistake,) = report.mistakes
    assert mistake.cause == "missing-factor"
    assert mistake.inherited_by or mistake.names


def test_arrays_without_code_are_held_against_every_gradient():
    A1 = sig(X @ W1 + b1)
    A2 = sig(A1 @ W2 + b2)
    d = (A2 - T) * A2 * (1 - A2)
    text, report = text_of(net, NET, {"a2": d, "W2": A1.T @ d})
    assert report["a2"].cause == "other-quantity"
    assert "a2: what you gave for a2 is exactly the gradient of z2" in text


# Reasons that were misleading, or missing


def linear(W):
    return np.mean((X @ W - T) ** 2)


def test_a_sum_for_a_mean_in_one_worded_reason():
    def manual(W):
        d = 2 * (X @ W - T)
        return {"W": X.T @ d}

    text, report = text_of(linear, {"W": W1[:, :2]}, manual)
    (_mistake,) = report.mistakes
    assert text.split("\n\n")[1].startswith("Which loss? right for Σ(t − o)²; 12 × the gradient")
    assert "(N·K; N = 6, K = 2)" in text
    assert "columns of X" not in text
    assert corrected(text) == "d = 2 * (X @ W - T) / T.size"


def tanh_net(W1, W2):
    h = np.tanh(X @ W1)
    o = h @ W2
    return np.mean((o - T) ** 2)


def test_weights_that_are_updated_before_use():
    rate = 0.1

    def manual(W1, W2):
        h = np.tanh(X @ W1)
        d = 2 * (h @ W2 - T) / T.size
        dW2 = h.T @ d
        W2 = W2 - rate * dW2
        dW1 = X.T @ (d @ W2.T * (1 - h**2))
        return {"W1": dW1, "W2": dW2}

    text, report = text_of(tanh_net, WEIGHTS, manual)
    (mistake,) = report.mistakes
    assert mistake.cause == "updated-value"
    assert "W2 is used below after this update by rate·dW2" in text
    assert "columns" not in text
    first, second = mistake.line.text.splitlines()
    assert mistake.repair.text.split() == [*second.split(), *first.split()]
    changed = [row[1:].strip() for row in report.patch().splitlines()[3:] if row[0] in "+-"]
    assert changed == [second.strip(), second.strip()]  # the diff moves the other of the two


REG = 0.05


def decayed(W1, W2):
    h = np.tanh(X @ W1)
    o = h @ W2
    return np.mean((o - T) ** 2) + 0.5 * REG * np.sum(W1 * W1) + 0.5 * REG * np.sum(W2 * W2)


def test_a_lost_l2_term_is_told_by_the_loss_first():
    def manual(W1, W2):
        h = np.tanh(X @ W1)
        d = 2 * (h @ W2 - T) / T.size
        dW2 = h.T @ d
        dW1 = X.T @ (d @ W2.T * (1 - h**2))
        return {"W1": dW1, "W2": dW2}

    text, _report = text_of(decayed, WEIGHTS, manual)
    assert "without the L2 term of the loss" in text.split("\n\n")[1]
    assert "wrong sign" not in text
    assert "of the regularisation is missing" in text


def test_a_lost_l2_term_of_one_matrix():
    def manual(W1, W2):
        h = np.tanh(X @ W1)
        d = 2 * (h @ W2 - T) / T.size
        dW2 = h.T @ d + REG * W2
        dW1 = X.T @ (d @ W2.T * (1 - h**2))
        return {"W1": dW1, "W2": dW2}

    text, report = text_of(decayed, WEIGHTS, manual)
    (_mistake,) = report.mistakes
    assert "the term REG·W1 of the regularisation is missing" in text


def test_keepdims_forgotten_is_the_shape():
    def manual(W1, b1, W2, b2):
        A1 = sig(X @ W1 + b1)
        A2 = sig(A1 @ W2 + b2)
        d = (A2 - T) * A2 * (1 - A2)
        db2 = np.sum(d, axis=0)
        return {"W2": A1.T @ d, "b2": db2}

    text, report = text_of(net, NET, manual)
    (finding,) = report.findings  # `b2 -= rate * db2` keeps the shape of b2: a warning
    assert report.ok
    assert (finding.code, finding.names, finding.wrong) == ("shape", ("b2",), False)
    assert "write keepdims=True in its sum" in text
    assert "wrong-axis" not in text

    def spread(W1, b1, W2, b2):
        A1 = sig(X @ W1 + b1)
        A2 = sig(A1 @ W2 + b2)
        d = ((A2 - T) * A2 * (1 - A2)).T
        return {"W2": (d @ A1).T, "b2": np.sum(d, axis=1, keepdims=True)}

    text, report = text_of(net, NET, spread)  # `b2 -= rate * db2` would make a square of it
    assert not report.ok


def test_a_stabiliser_that_the_derivation_shares():
    labels, rows = np.array([0, 2, 1, 1, 0, 2]), np.arange(6)

    def scores(W):
        e = np.exp(X @ W)
        return e / e.sum(1, keepdims=True) + 1e-8

    def loss(W):
        p = scores(W)
        return -np.sum(np.log(p[rows, labels]))

    def manual(W):
        p = scores(W)
        p[rows, labels] -= 1
        return {"W": X.T @ p}

    weights = {"W": np.random.default_rng(4).normal(size=(X.shape[1], 3))}
    text, report = text_of(loss, weights, manual)
    assert report.ok
    assert "the number keeps it from 0" in text

    def wrong(W):
        p = scores(W)
        p[rows, labels] -= 1
        return {"W": X.T @ p / 6}

    assert not text_of(loss, weights, wrong)[1].ok


def test_an_inverted_mask():
    def loss(W1, W2):
        z = X @ W1
        return np.mean((np.maximum(z, 0) @ W2 - T) ** 2)

    def manual(W1, W2):
        z = X @ W1
        h = np.maximum(z, 0)
        d = 2 * (h @ W2 - T) / T.size
        dz = (d @ W2.T) * (z < 0)
        return {"W1": X.T @ dz, "W2": h.T @ d}

    text, _ = text_of(loss, WEIGHTS, manual)
    assert "the mask is inverted: it must be z > 0" in text


def attention(Q, K, V):
    S = Q @ K.T / np.sqrt(3)
    E = np.exp(S)
    P = E / np.sum(E, axis=1, keepdims=True)
    return np.sum(P @ V * T)


def test_attention_without_its_root():
    d = 3

    def manual(Q, K, V):
        S = Q @ K.T / np.sqrt(d)
        P = np.exp(S) / np.exp(S).sum(axis=1, keepdims=True)
        dP = T @ V.T
        dS = P * (dP - np.sum(dP * P, axis=1, keepdims=True))
        return {"Q": dS @ K, "K": dS.T @ Q, "V": P.T @ T}

    params = {n: RNG.normal(size=(6, k)) for n, k in (("Q", 3), ("K", 3), ("V", 2))}
    text, report = text_of(attention, params, manual)
    assert len(report.mistakes) == 1
    assert "the division by np.sqrt(d) is missing" in text


G = RNG.normal(size=(6, 3))


def batch_norm(x, g):
    mu = np.mean(x, axis=0)
    xc = x - mu
    var = np.mean(xc**2, axis=0)
    return np.sum(g * (xc / np.sqrt(var + 1e-5)) * G)


BATCH = {"x": RNG.normal(size=(6, 3)), "g": RNG.normal(size=3)}


def test_batch_norm_without_the_path_through_the_variance():
    def manual(x, g):
        xc = x - x.mean(axis=0)
        std = np.sqrt((xc**2).mean(axis=0) + 1e-5)
        xhat = xc / std
        dxc = g * G / std
        dx = dxc - dxc.mean(axis=0)
        return {"x": dx, "g": np.sum(G * xhat, axis=0)}

    text, report = text_of(batch_norm, BATCH, manual)
    (mistake,) = report.mistakes
    assert mistake.cause == "missing-term"
    assert "xhat·(dxc·xhat).mean(axis=0" in text
    assert "is left out" in text


def test_batch_norm_with_a_sum_for_a_mean():
    def manual(x, g):
        xc = x - x.mean(axis=0)
        std = np.sqrt((xc**2).mean(axis=0) + 1e-5)
        xhat = xc / std
        dxhat = g * G
        dx = (dxhat - dxhat.sum(axis=0) - xhat * (dxhat * xhat).mean(axis=0)) / std
        return {"x": dx, "g": np.sum(G * xhat, axis=0)}

    text, _ = text_of(batch_norm, BATCH, manual)
    assert "a sum stands where a mean belongs" in text
    assert "dxhat - dxhat.mean(axis=0) - xhat" in corrected(text)


@pytest.mark.filterwarnings("ignore:invalid value encountered in log")
def test_a_logarithm_of_a_negative_number_is_no_rounded_probability():
    w = np.array([2.0, -1.0])
    text, _ = text_of(lambda w: np.sum(np.log(w)), {"w": w}, {"w": 1 / w})
    assert "log(w = -1) is nan at [1]: that is a negative number" in text
    assert "probability" not in text


STEPS = 5
INPUTS, TARGETS = RNG.normal(size=(STEPS, 2)), RNG.normal(size=(STEPS, 2))
RNN = {
    "Wx": RNG.normal(size=(2, 3)),
    "Wh": RNG.normal(size=(3, 3)),
    "Wy": RNG.normal(size=(3, 2)),
}


def rnn(Wx, Wh, Wy):
    h, total = np.zeros(3), 0.0
    for t in range(STEPS):
        h = np.tanh(INPUTS[t] @ Wx + h @ Wh)
        total = total + 0.5 * np.sum((h @ Wy - TARGETS[t]) ** 2)
    return total


def states(Wx, Wh, Wy):
    h, o = {-1: np.zeros(3)}, {}
    for t in range(STEPS):
        h[t] = np.tanh(INPUTS[t] @ Wx + h[t - 1] @ Wh)
        o[t] = h[t] @ Wy
    return h, o


def rnn_assigned(Wx, Wh, Wy):
    h, o = states(Wx, Wh, Wy)
    dWx, dWh, dWy = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(Wy)
    dh_next = np.zeros(3)
    for t in reversed(range(STEPS)):
        do = o[t] - TARGETS[t]
        dWy += np.outer(h[t], do)
        dz = (Wy @ do + dh_next) * (1 - h[t] ** 2)
        dWx += np.outer(INPUTS[t], dz)
        dWh = np.outer(h[t - 1], dz)
        dh_next = Wh @ dz
    return {"Wx": dWx, "Wh": dWh, "Wy": dWy}


def rnn_nothing_handed_on(Wx, Wh, Wy):
    h, o = states(Wx, Wh, Wy)
    dWx, dWh, dWy = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(Wy)
    dh_next = np.zeros(3)
    for t in reversed(range(STEPS)):
        do = o[t] - TARGETS[t]
        dWy += np.outer(h[t], do)
        dh = Wy @ do
        dz = dh * (1 - h[t] ** 2)
        dWx += np.outer(INPUTS[t], dz)
        dWh += np.outer(h[t - 1], dz)
        dh_next = Wh @ dz  # noqa: F841 - that is the slip
    return {"Wx": dWx, "Wh": dWh, "Wy": dWy}


def rnn_not_squared(Wx, Wh, Wy):
    h, o = states(Wx, Wh, Wy)
    dWx, dWh, dWy = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(Wy)
    dh_next = np.zeros(3)
    for t in reversed(range(STEPS)):
        do = o[t] - TARGETS[t]
        dWy += np.outer(h[t], do)
        dz = (Wy @ do + dh_next) * (1 - h[t])
        dWx += np.outer(INPUTS[t], dz)
        dWh += np.outer(h[t - 1], dz)
        dh_next = Wh @ dz
    return {"Wx": dWx, "Wh": dWh, "Wy": dWy}


def rnn_another_step(Wx, Wh, Wy):
    h, o = states(Wx, Wh, Wy)
    dWx, dWh, dWy = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(Wy)
    dh_next = np.zeros(3)
    for t in reversed(range(STEPS)):
        do = o[t] - TARGETS[t]
        dWy += np.outer(h[t], do)
        dz = (Wy @ do + dh_next) * (1 - h[t] ** 2)
        dWx += np.outer(INPUTS[t], dz)
        dWh += np.outer(h[t], dz)
        dh_next = Wh @ dz
    return {"Wx": dWx, "Wh": dWh, "Wy": dWy}


@pytest.mark.parametrize(
    ("manual", "right", "said"),
    [
        (rnn_assigned, "dWh += np.outer(h[t - 1], dz)", "each pass adds its share"),
        (rnn_nothing_handed_on, "dh = Wy @ do + dh_next",
         "dh_next, what the following step passes on, is left out"),
        (rnn_not_squared, "dz = (Wy @ do + dh_next) * (1 - h[t] ** 2)", "tanh′ = 1 − h[t]²"),
        (rnn_another_step, "dWh += np.outer(h[t - 1], dz)", "h[t - 1] belongs where h[t] stands"),
    ],
)  # fmt: skip
def test_a_slip_in_a_loop_is_one_mistake(manual, right, said):
    text, report = text_of(rnn, RNN, manual)
    assert len(report.mistakes) == 1
    assert said in text
    assert corrected(text) == right


def test_repeated_indices_add_once():
    ix, g = np.array([0, 2, 2, 4]), RNG.normal(size=(4, 3))

    def manual(C):
        dC = np.zeros_like(C)
        dC[ix] += (1 - np.tanh(C[ix]) ** 2) * g
        return {"C": dC}

    text, _ = text_of(lambda C: np.sum(np.tanh(C[ix]) * g), {"C": RNG.normal(size=(5, 3))}, manual)
    assert "an index that is repeated adds up only with np.add.at" in text
    assert corrected(text).startswith("np.add.at(dC, ix, ")


def test_each_name_that_may_be_meant_is_named_once():
    for name in ("dW1", "w1"):
        with pytest.raises(ValueError, match=r"did you mean 'W1'( or 'W2')?\? Known are"):
            check_gradients(tanh_net, WEIGHTS, {name: W1})


def test_a_factor_near_1_has_as_many_digits_as_it_takes():
    def manual(W1, W2):
        h = np.tanh(X @ W1)
        d = 2 * (h @ W2 - T) / T.size
        dW2 = h.T @ d * 1.0000001
        return {"W2": dW2}

    text, _ = text_of(tanh_net, WEIGHTS, manual)
    assert "the factor 1.0000001 is too many" in text
    text, _ = text_of(lambda w: np.sum(w**2), {"w": W1}, {"w": 2.0000002 * W1})
    assert "scale: 1.0000001 × the right gradient" in text


def test_only_what_has_a_kink_is_said_to_have_no_derivative():
    w = np.array([0.0, 1.0])
    text, _ = text_of(lambda w: np.sum(abs(w) + w**2), {"w": w}, {"w": np.array([2.0, 3.0])})
    assert "where abs has no derivative" in text
    assert "pow" not in text


# What strangers' files showed


def classifier(W, keep):
    e = np.exp(X @ W)
    p = e / np.sum(e, axis=1, keepdims=True)
    return -np.sum(Y * np.log(keep(p)))


def of_classifier(W):
    e = np.exp(X @ W)
    return {"W": X.T @ (e / e.sum(axis=1, keepdims=True) - Y)}


@pytest.mark.parametrize(
    ("keep", "said"),
    [
        (lambda p: p + 1e-7, "right where e/sum(e) + 1e-07 is e/sum(e)"),
        (lambda p: np.clip(p, 1e-3, 1 - 1e-3), "the number keeps it from its ends"),
        (lambda p: np.maximum(p, 1e-2), "the number keeps it from 0"),
    ],
)
def test_a_stabiliser_is_no_mistake(keep, said):
    text, report = text_of(partial(classifier, keep=keep), {"W": 20 * W1[:, :2]}, of_classifier)
    assert report.ok
    assert said in text.replace("p + 1e-07 is p", "e/sum(e) + 1e-07 is e/sum(e)")


def test_a_limit_that_is_no_stabiliser_counts():
    report = check_gradients(
        lambda W: np.sum(np.clip(X @ W, 0, 6)), {"W": W1}, {"W": X.T @ np.ones((6, 3))}
    )
    assert not report.ok


def test_operands_of_another_product():
    def manual(W1, W2):
        h = np.tanh(X @ W1)
        out = h @ W2
        d = 2 * (out - T) / T.size
        dW2 = out.T @ d
        return {"W2": dW2, "W1": X.T @ (d @ W2.T * (1 - h**2))}

    text, report = text_of(tanh_net, WEIGHTS, manual)
    assert len(report.mistakes) == 1
    assert corrected(text) == "dW2 = h.T @ d"


def not_transposed(W1, W2):
    h = np.tanh(X @ W1)
    d = 2 * (h @ W2 - T) / T.size
    return {"W2": h.T @ d, "W1": X.T @ (d @ W2 * (1 - h**2))}


def in_another_order(W1, W2):
    h = np.tanh(X @ W1)
    d = 2 * (h @ W2 - T) / T.size
    dW2 = np.dot(d, h.T)
    dW2 = dW2[:3, :2] @ d[:3].T
    return {"W2": dW2}


def test_a_derivation_that_does_not_run_is_mended():
    text, report = text_of(tanh_net, WEIGHTS, not_transposed)
    (mistake,) = report.mistakes
    assert not report.ok
    assert mistake.cause == "transpose"
    assert corrected(text) == 'return {"W2": h.T @ d, "W1": X.T @ (d @ W2.T * (1 - h**2))}'
    assert "manual does not run, it gave no numbers: ValueError: matmul" in text
    assert "with it it runs, and all that it returns agrees, here and at 2 other points" in text


def test_a_derivation_that_does_not_run_and_cannot_be_mended_raises_what_it_raised():
    with pytest.raises(ValueError, match="not aligned"):
        check_gradients(tanh_net, WEIGHTS, in_another_order, seconds=1.0)


def cross_entropy(W1, b1, W2, b2):
    a1 = np.tanh(z1 := X @ W1 + b1)
    a2 = sig(z2 := a1 @ W2 + b2)
    assert z1 is not z2
    return -np.mean(np.sum(Y * np.log(a2) + (1 - Y) * np.log(1 - a2), axis=1))


def test_a_factor_on_all_deltas_is_a_convention():
    def manual(W1, b1, W2, b2):
        m = len(X)
        a1 = np.tanh(X @ W1 + b1)
        dz2 = sig(a1 @ W2 + b2) - Y
        dz1 = dz2 @ W2.T * (1 - a1**2)
        db1, db2 = dz1.sum(0, keepdims=True) / m, dz2.sum(0, keepdims=True) / m
        return {"z2": dz2, "z1": dz1, "W2": a1.T @ dz2 / m, "b2": db2, "W1": X.T @ dz1 / m,
                "b1": db1}  # fmt: skip

    text, report = text_of(cross_entropy, NET, manual)
    assert report.ok
    assert "z2, z1 are all 6 × the gradient, and all parameters are right: a convention" in text


def test_right_numbers_in_a_shape_that_broadcasts():
    def manual(W1, b1):
        dz = 1 - np.tanh(X @ W1 + b1) ** 2
        return {"W1": X.T @ dz, "b1": dz.sum(axis=0)}

    def loss(W1, b1):
        return np.sum(np.tanh(X @ W1 + b1))

    text, report = text_of(loss, {"W1": W1, "b1": b1}, manual)
    assert report.ok
    assert [(finding.code, finding.wrong) for finding in report.findings] == [("shape", False)]
    assert "b1 - rate * gradient has the right shape all the same" in text


def test_an_intermediate_in_a_shape_that_broadcasts_is_a_warning():
    def loss(w):
        m = np.sum(X * w, axis=1, keepdims=True).T
        return np.sum(m**2)

    def manual(w):
        m = (X @ w).ravel()
        return {"m": 2 * m, "w": X.T @ (2 * m)}

    _, report = text_of(loss, {"w": W1[:, 0]}, manual)
    assert report.ok
    assert [(finding.code, finding.wrong) for finding in report.findings] == [("shape", False)]


def all_pairs(W):
    e = np.exp(X @ W)
    A = e / np.sum(e, axis=1, keepdims=True)
    return -np.sum(np.dot(Y.T, np.log(A)))


def over_the_batch(W):
    e = np.exp(X @ W)
    A = e / np.sum(e)
    return -np.sum(Y * np.log(A))


@pytest.mark.parametrize(
    ("loss", "code", "said"),
    [
        (all_pairs, "all-pairs", "right for the sum over each sample's own class"),
        (over_the_batch, "softmax", "right for a softmax over axis 1"),
    ],
)
def test_a_slip_of_the_forward_pass_is_not_blamed_on_the_backward_pass(loss, code, said):
    text, report = text_of(loss, {"W": W1[:, :2]}, of_classifier)
    assert code in [finding.code for finding in report.findings]
    assert said in text
    assert "the forward pass is wrong, not its derivation" in text
    assert "→" not in text
    assert all(mistake.line is None for mistake in report.mistakes)


def test_the_diagonal_of_a_product_is_no_sum_over_all_pairs():
    def loss(W):
        e = np.exp(X @ W)
        return -np.trace(Y.T @ np.log(e / np.sum(e, axis=1, keepdims=True)))

    assert check_gradients(loss, {"W": W1[:, :2]}, of_classifier).ok


def test_the_loss_is_named_though_one_gradient_is_wrong_by_itself():
    def loss(W1, b1, W2, b2):
        return np.mean((np.tanh(X @ W1 + b1) @ W2 + b2 - T) ** 2)

    def manual(W1, b1, W2, b2):
        a1 = np.tanh(X @ W1 + b1)
        d = a1 @ W2 + b2 - T
        dz1 = (d @ W2.T) * (1 - a1**2)
        db1 = -dz1.sum(axis=0, keepdims=True)
        return {"W2": a1.T @ d, "b2": d.sum(0, keepdims=True), "W1": X.T @ dz1, "b1": db1}

    text, report = text_of(loss, NET, manual)
    assert "Which loss? W2, b2 and W1 are right for ½Σ(t − o)²; 6 × the gradient" in text
    assert [mistake.cause for mistake in report.mistakes] == ["scale", "sign"]
    assert corrected(text).startswith("d = (a1 @ W2 + b2 - T) / ")


@pytest.mark.parametrize("where", ["line", "loop"])
def test_clipping_that_was_left_in(where):
    def in_a_line(W1, W2):
        h = np.tanh(X @ W1)
        d = 2 * (h @ W2 - T) / T.size
        dW2 = np.clip(h.T @ d, -0.2, 0.2)
        return {"W2": dW2}

    def in_a_loop(W1, W2):
        h = np.tanh(X @ W1)
        d = 2 * (h @ W2 - T) / T.size
        grads = {"W1": X.T @ (d @ W2.T * (1 - h**2)), "W2": h.T @ d}
        for g in grads.values():
            np.clip(g, -0.2, 0.2, out=g)
        return grads

    text, report = text_of(tanh_net, WEIGHTS, in_a_line if where == "line" else in_a_loop)
    (mistake,) = report.mistakes
    assert mistake.cause == "clipped"
    assert "the gradient is clipped here" in text


def test_clipped_arrays_are_told_by_their_limit():
    right = check_gradients(tanh_net, WEIGHTS)["W1"].automatic
    report = check_gradients(tanh_net, WEIGHTS, {"W1": np.clip(right, -0.2, 0.2)})
    assert [(c.code, c.evidence) for c in report["W1"].causes] == [
        ("clipped", "the right gradient, clipped to ±0.2")
    ]


def test_a_block_that_is_wrong_by_a_constant_is_named_with_it():
    """A penalty on all weights, where the loss leaves out those of the bias, in column 0."""
    reg, m = 0.5, len(X)

    def loss(W):
        return 0.5 * np.sum((X @ W.T) ** 2) / m + 0.5 * reg / m * np.sum(W[:, 1:] ** 2)

    def manual(W):
        dW = (X @ W.T).T @ X / m + reg / m * W
        return {"W": dW}

    text, report = text_of(loss, {"W": W1.T}, manual)
    (slip,) = report.mistakes
    assert slip.reason == "the first column of W has no such term"
    right_line = "dW = (X @ W.T).T @ X / m + reg / m * np.c_[0 * W[:, :1], W[:, 1:]]"
    assert slip.repair.text == right_line
    text, report = text_of(loss, {"W": W1.T}, manual(W1.T))
    assert "column 0 has 0.0833333 (= reg/m" in text
    assert "× its own values too much; all else is right" in text
    right = check_gradients(loss, {"W": W1.T})["W"].automatic
    off = right + reg / m * np.eye(4)[0]
    report = check_gradients(loss, {"W": W1.T}, {"W": off})
    assert report["W"].causes[0].evidence.startswith("column 0 is too large by 0.0833333")
    assert report["W"].causes[0].evidence.endswith("; all else is right")


def test_a_number_of_the_code_is_not_said_by_two_sizes_too():
    def manual(W1, W2):
        rate = 0.1
        return {"W2": rate * right}

    right = check_gradients(tanh_net, WEIGHTS)["W2"].automatic
    report = check_gradients(tanh_net, WEIGHTS, manual, seconds=0)
    assert report["W2"].causes[0].evidence == "0.1 (= rate) × the right gradient"


def through_bytes(W):
    other = np.zeros(W.size)
    for k, w in enumerate(W.ravel()):
        memoryview(other)[k] = float(w)
    return np.sum(other**2)


def test_a_loss_that_cannot_be_recorded_is_checked_numerically_and_it_says_so():
    report = check_gradients(through_bytes, {"W": W1}, lambda W: {"W": 2 * W})
    assert report.ok
    assert "The loss could not be recorded, so it was checked numerically" in report.text()

    def manual(W):
        dW = 3 * W
        return {"W": dW}

    text, report = text_of(through_bytes, {"W": W1}, manual)
    assert corrected(text) == "dW = 2 * W"
    with pytest.raises(TypeError, match="drop the gradient"):
        check_gradients(through_bytes, {"W": W1})


def test_a_loss_that_gives_its_gradients_too_is_told_what_to_give():
    def loss(W):
        return np.sum(W**2), {"W": 2 * W}

    with pytest.raises(TypeError, match=r"give the loss alone, lambda \*\*params: loss"):
        check_gradients(loss, {"W": W1}, lambda W: {"W": 2 * W})


# What was a crash, a false pass or a false alarm


def test_special_points_do_not_pass():
    report = check_gradients(lambda w: w**3, {"w": 1.0}, lambda w: {"w": 3 * w})
    assert not report.ok
    assert "agrees here, not nearby" in report.text()


def test_a_parameter_that_is_not_used_is_told():
    text, _ = text_of(lambda w, b: np.sum(w**2), {"w": W1, "b": 1.0}, lambda w, b: {"w": 2 * w})
    assert "b does not reach the loss, its gradient is 0: was it forgotten" in text


def test_an_empty_submission_does_not_pass():
    report = check_gradients(tanh_net, WEIGHTS, lambda W1, W2: {}, required="all")
    assert not report.ok
    assert "manual gives no gradient for it" in report.text()


def test_a_loss_that_draws_its_own_noise_is_random():
    rng = np.random.default_rng(3)
    text, _ = text_of(
        lambda w: np.sum(w**2 * rng.uniform(size=3)), {"w": np.ones(3)}, {"w": np.ones(3)}
    )
    assert "random" in text


@pytest.mark.parametrize("given", [-3.0, 15.0])
def test_at_a_kink_what_no_convention_gives_is_a_mistake(given):
    report = check_gradients(lambda w: 3 * np.maximum(w, 0), {"w": 0.0}, {"w": given})
    assert not report.ok
    assert check_gradients(lambda w: 3 * np.maximum(w, 0), {"w": 0.0}, {"w": 1.5}).ok


def test_zero_weights_before_relu_are_a_convention():
    W = np.zeros((4, 3))

    def manual(W):
        z = X @ W
        return {"W": X.T @ (np.ones((6, 3)) * (z > 0))}

    assert check_gradients(lambda W: np.sum(np.maximum(X @ W, 0)), {"W": W}, manual).ok
    assert check_gradients(lambda W: np.sum(np.maximum(X @ W, 0)), {"W": W}).ok


def test_narrow_parameters_agree():
    W = W1.astype(np.float16)

    def manual(W):
        W = W.astype(np.float16)
        return {"W": (2 * W).astype(np.float16)}

    assert check_gradients(lambda W: np.sum(W**2), {"W": W}, manual).ok


def test_nn_s_own_losses_are_understood():
    from autograd_mini import nn

    labels = np.argmax(Y, axis=1)
    text, _ = text_of(lambda W: nn.cross_entropy(X @ W, labels), {"W": W1[:, :2]}, of_classifier)
    assert "right for the sum cross-entropy" in text


def test_a_graph_of_the_engine_is_forbidden_where_it_is_asked_for():
    def manual(w):
        return {"w": ag.grad(lambda w: np.sum(w**2))(w)}

    report = check_gradients(lambda w: np.sum(w**2), {"w": W1}, manual, forbid_autodiff=True)
    assert not report.ok
    assert "differentiates automatically" in report.text()


@pytest.mark.parametrize(("off", "verdict"), [(0.0, "agree"), (3e-5, "differ")])
def test_targets_in_float32_add_up_to_1_only_to_float32(off, verdict):
    shares = np.random.default_rng(2).dirichlet(np.ones(4), size=7).astype(np.float32)
    assert (np.sum(shares, axis=1, dtype=float) != 1).any()
    scores = np.random.default_rng(3).normal(size=(7, 4))

    def loss(z):
        return -np.sum(shares * (z - np.log(np.sum(np.exp(z), axis=1, keepdims=True))))

    def manual(z):
        e = np.exp(z)
        dz = e / e.sum(axis=1, keepdims=True) - shares * (1 + off)
        return {"z": dz}

    assert ag.check_gradients(loss, {"z": scores}, manual)["z"].verdict == verdict


def test_two_lines_that_only_together_are_right():
    steps = range(4)
    series = np.random.default_rng(5).normal(size=(4, 3))

    def loss(U, V):
        h, total = np.zeros(3), 0.0
        for t in steps:
            h = np.tanh(U @ series[t] + V @ h)
            total = total + np.sum(h**2)
        return total

    def manual(U, V):
        h = {-1: np.zeros(3)}
        for t in steps:
            h[t] = np.tanh(U @ series[t] + V @ h[t - 1])
        dU, dV, after = np.zeros_like(U), np.zeros_like(V), np.zeros(3)
        for t in reversed(steps):
            dz = (2 * h[t] + after) * (1 - h[t - 1] ** 2)
            dU += np.outer(dz, series[t])
            dV += np.outer(dz, h[t - 1])
            after = V @ dz
        return {"U": dU, "V": dV}

    rng = np.random.default_rng(6)
    weights = {"U": rng.normal(size=(3, 3)), "V": rng.normal(size=(3, 3))}
    text, report = text_of(loss, weights, manual)
    repairs = [mistake.repair.text for mistake in report.mistakes]
    assert repairs == ["dz = (2 * h[t] + after) * (1 - h[t] ** 2)", "after = V.T @ dz"]
    assert "verified together with what is right below" in text
    assert "verified: with it and what is right above both gradients agree" in text
