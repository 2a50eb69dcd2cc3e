"""What nn's fused layers and losses hide is seen: a slip is blamed as in the spelled-out network.

Each case is a loss in two spellings, by ``nn`` and by NumPy's functions, with one hand-derived
backward pass and slips in it.
"""

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import check_gradients, nn

N, D, H, K = 12, 4, 6, 3
RNG = np.random.default_rng(7)
X = RNG.normal(size=(N, D))
LABELS = RNG.integers(0, K, N)
T = np.eye(K)[LABELS]
EPS = 1e-5


def weights(*shapes):
    return [RNG.normal(size=shape) * 0.7 for shape in shapes]


def softmax(z):
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def holding(layer, **parameters):
    """A layer with other parameters."""
    vars(layer).update(parameters)
    return layer


# A classifier: Dense layers and cross-entropy


DENSE = [nn.Dense(D, H, "sigmoid"), nn.Dense(H, K, "identity")]


CLASSIFIER = dict(zip(["W1", "b1", "W2", "b2"], weights((D, H), H, (H, K), K), strict=True))


def classifier_fused(W1, b1, W2, b2):
    a1 = holding(DENSE[0], weight=W1, bias=b1)(X)
    z2 = holding(DENSE[1], weight=W2, bias=b2)(a1)
    return nn.cross_entropy(z2, LABELS)


def classifier_spelled_out(W1, b1, W2, b2):
    a1 = ag.sigmoid(X @ W1 + b1)
    z2 = a1 @ W2 + b2
    return -np.mean(ag.log_softmax(z2)[np.arange(N), LABELS])


def classifier_by_hand(slip, W1, b1, W2, b2):
    a1 = sigmoid(X @ W1 + b1)
    p = softmax(a1 @ W2 + b2)
    dz2 = p - T if slip == "no mean" else (p + T) / N if slip == "sign" else (p - T) / N
    da1 = dz2 @ W2.T
    dz1 = da1 * (a1 if slip == "lost factor" else a1 * (1 - a1))
    return {
        "z2": dz2, "W2": a1.T @ dz2, "b2": dz2.sum(0), "a1": da1,
        "W1": X.T @ dz1, "b1": dz1.mean(0) if slip == "mean" else dz1.sum(0),
    }  # fmt: skip


# Batch normalisation


BATCH_NORM = nn.BatchNorm(H, affine=False)
NORMALISED = dict(zip(["W", "V"], weights((D, H), (H, K)), strict=True))


def normalisation_fused(W, V):
    z = X @ W
    n = BATCH_NORM(z)
    s = np.tanh(n) @ V
    return nn.cross_entropy(s, LABELS)


def normalisation_spelled_out(W, V):
    z = X @ W
    centred = z - np.mean(z, axis=0, keepdims=True)
    n = centred / np.sqrt(np.mean(centred * centred, axis=0, keepdims=True) + EPS)
    s = np.tanh(n) @ V
    return -np.mean(ag.log_softmax(s)[np.arange(N), LABELS])


def normalisation_by_hand(slip, W, V):
    z = X @ W
    centred = z - z.mean(0)
    spread = np.sqrt((centred * centred).mean(0) + EPS)
    n = centred / spread
    a = np.tanh(n)
    ds = (softmax(a @ V) - T) / N
    dn = ds @ V.T * (1 - a if slip == "not squared" else 1 - a * a)
    mean = 0 if slip == "lost mean" else dn.mean(0)
    dz = (dn - mean - n * (dn * n).mean(0)) / (1 if slip == "lost spread" else spread)
    return {"s": ds, "V": a.T @ ds, "n": dn, "z": dz, "W": X.T @ dz}


# A step of an LSTM


CELL = nn.LSTMCell(D, H)
LSTM = dict(zip(["W", "c0", "V"], weights((D, 4 * H), (N, H), (H, K)), strict=True))


def lstm_fused(W, c0, V):
    cell = holding(CELL, weight=W, bias=np.zeros(4 * H))
    h, c = cell(X, (np.zeros((N, H)), c0))  # noqa: RUF059 - c is a quantity
    s = h @ V
    return nn.cross_entropy(s, LABELS)


def lstm_spelled_out(W, c0, V):
    z = X @ W
    i, f, m, o = (z[:, k * H : (k + 1) * H] for k in range(4))
    c = ag.sigmoid(f) * c0 + ag.sigmoid(i) * np.tanh(m)
    h = ag.sigmoid(o) * np.tanh(c)
    s = h @ V
    return -np.mean(ag.log_softmax(s)[np.arange(N), LABELS])


def lstm_by_hand(slip, W, c0, V):
    z = X @ W
    i, f, m, o = (z[:, k * H : (k + 1) * H] for k in range(4))
    i, f, m, o = sigmoid(i), sigmoid(f), np.tanh(m), sigmoid(o)
    c = f * c0 + i * m
    h = o * np.tanh(c)
    ds = (softmax(h @ V) - T) / N
    dh = ds @ (V if slip == "never" else V.T)
    dc = dh * o * (1 if slip == "lost tanh" else 1 - np.tanh(c) ** 2)
    dz = np.hstack([
        dc * m * i * (1 - i), dc * c0 * f * (1 - f),
        dc * i * (1 - m**2), dh * (c if slip == "lost tanh of c" else np.tanh(c)) * o * (1 - o),
    ])  # fmt: skip
    return {
        "s": ds, "V": h.T @ ds, "h": dh, "c": dc, "W": X.T @ dz,
        "c0": dc * (i if slip == "another gate" else f),
    }  # fmt: skip


NETWORKS = {
    "classifier": (CLASSIFIER, classifier_fused, classifier_spelled_out, classifier_by_hand),
    "normalisation": (
        NORMALISED, normalisation_fused, normalisation_spelled_out, normalisation_by_hand,
    ),
    "lstm": (LSTM, lstm_fused, lstm_spelled_out, lstm_by_hand),
}  # fmt: skip
SLIPS = [
    ("classifier", "no mean", ["z2"], "sum-for-mean"),
    ("classifier", "sign", ["z2"], "sign"),
    ("classifier", "lost factor", ["W1", "b1"], "missing-factor"),
    ("classifier", "mean", ["b1"], "mean-for-sum"),
    ("normalisation", "not squared", ["n"], "scale"),
    ("normalisation", "lost mean", ["z"], "missing-factor"),
    ("lstm", "lost tanh", ["c"], "missing-factor"),
    ("lstm", "lost tanh of c", ["W"], "wrong-factor"),
    ("lstm", "another gate", ["c0"], "wrong-operand"),
]


def reports(network, slip):
    params, fused, spelled_out, by_hand = NETWORKS[network]
    return [
        check_gradients(loss, params, lambda **p: by_hand(slip, **p), seconds=0)
        for loss in (fused, spelled_out)
    ]


@pytest.mark.parametrize("network", NETWORKS)
def test_a_right_pass_agrees(network):
    assert all(report.ok for report in reports(network, None))


@pytest.mark.parametrize(("network", "slip", "culprits", "cause"), SLIPS)
def test_a_slip_is_blamed_as_if_it_were_spelled_out(network, slip, culprits, cause):
    fused, spelled_out = reports(network, slip)
    assert fused.culprits == spelled_out.culprits
    assert sorted(fused.culprits) == sorted(culprits)
    assert fused.loss_hint == spelled_out.loss_hint
    for name in culprits:
        assert cause in [each.code for each in fused[name].causes]
        assert fused[name].cause == spelled_out[name].cause
