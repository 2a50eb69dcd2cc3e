"""Which line is blamed, and what mends it: helpers, loops, conventions, names at hand."""

import numpy as np
import pytest

from autograd_mini import check_gradients

RNG = np.random.default_rng(3)
X, T = RNG.normal(size=(5, 4)), RNG.normal(size=(5, 2))
PARAMS = {"W1": RNG.normal(size=(4, 3)), "W2": RNG.normal(size=(3, 2))}
SERIES = RNG.normal(size=(4, 5, 3))


def tanh_prime(z):
    return 1 - np.tanh(z)


def network(W1, W2):
    return 0.5 * np.sum((np.tanh(np.tanh(X @ W1) @ W2) - T) ** 2)


def with_a_wrong_helper(W1, W2):
    z1 = X @ W1
    a1 = np.tanh(z1)
    z2 = a1 @ W2
    d2 = (np.tanh(z2) - T) * tanh_prime(z2)
    d1 = d2 @ W2.T * tanh_prime(z1)
    return {"W1": X.T @ d1, "W2": a1.T @ d2}


def averaged(W1, W2):
    return 0.5 * np.sum((np.tanh(X @ W1) @ W2 - T) ** 2) / len(X)


def averaged_at_the_end(W1, W2):
    a1 = np.tanh(X @ W1)
    d2 = a1 @ W2 - T
    da1 = d2 @ W2.T
    d1 = -(da1 * (1 - a1**2))
    return {"W1": X.T @ d1 / len(X), "W2": a1.T @ d2 / len(X)}


def recurrent(W, U):
    h = np.zeros((5, 3))
    for x in SERIES:
        h = np.tanh(x @ W + h @ U)
    return np.sum(h**2) / 2


def forwards_in_time(W, U):
    hs = [np.zeros((5, 3))]
    for x in SERIES:
        hs.append(np.tanh(x @ W + hs[-1] @ U))
    dW, dU, dh = np.zeros_like(W), np.zeros_like(U), hs[-1]
    for t in range(len(SERIES)):
        dz = dh * (1 - hs[t + 1] ** 2)
        dW += SERIES[t].T @ dz
        dU += hs[t].T @ dz
        dh = dz @ U.T
    return {"W": dW, "U": dU}


RECURRENT = {"W": RNG.normal(size=(3, 3)) / 2, "U": RNG.normal(size=(3, 3)) / 2}


@pytest.mark.parametrize(
    ("loss", "params", "manual", "right"),
    [
        (network, PARAMS, with_a_wrong_helper, "return 1 - np.tanh(z) ** 2"),
        (averaged, PARAMS, averaged_at_the_end, "d1 = da1 * (1 - a1**2)"),
        (recurrent, RECURRENT, forwards_in_time, "for t in range(len(SERIES) - 1, -1, -1):"),
    ],
)
def test_the_line_is_mended_where_it_is_wrong(loss, params, manual, right):
    (mistake,) = check_gradients(loss, params, manual).mistakes
    assert mistake.repair.text.replace(" ", "") == right.replace(" ", "")
    assert mistake.repair.verified_at == 3


def layers(targets):
    def loss(W1, W2):
        return np.sum((np.tanh(X @ W1) @ W2 - targets) ** 2)

    def manual(W1, W2):
        a1 = np.tanh(X @ W1)
        out = a1 @ W2
        other = a1 @ W2 / 2
        d2 = 2 * (out - other)
        return {"W1": X.T @ (d2 @ W2.T * (1 - a1**2)), "W2": a1.T @ d2}

    return loss, manual


def test_a_name_that_only_the_loss_reads_may_stand_in_a_line():
    loss, manual = layers(T + 1)
    (mistake,) = check_gradients(loss, PARAMS, manual).mistakes
    assert mistake.repair.text.replace(" ", "") == "d2=2*(out-targets)"
