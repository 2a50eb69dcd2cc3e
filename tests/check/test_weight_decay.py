"""Weight decay that updates have and the loss has not: it is no mistake, and hides none."""

import numpy as np
import pytest

import autograd_mini as ag

RNG = np.random.default_rng(5)
X, T = RNG.normal(size=(8, 3)), RNG.normal(size=(8, 2))


def started():
    rng = np.random.default_rng(2)
    shapes = {"W1": (3, 4), "b1": (4,), "W2": (4, 2), "b2": (2,)}
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def gradients(p):
    """The loss without a penalty, the hidden layer, and the gradients of the loss."""
    h = np.tanh(X @ p["W1"] + p["b1"])
    out = h @ p["W2"] + p["b2"]
    loss = np.sum((out - T) ** 2) / 2
    d = out - T
    dh = d @ p["W2"].T * (1 - h**2)
    return loss, {"W2": h.T @ d, "b2": d.sum(0), "W1": X.T @ dh, "b1": dh.sum(0)}


def in_the_gradient(p, grads, velocity, lr):
    for name in p:
        p[name] -= lr * (grads[name] + 0.01 * p[name])


def of_weights_alone(p, grads, velocity, lr):
    p["W1"] -= lr * (grads["W1"] + 0.01 * p["W1"])
    p["W2"] -= lr * (grads["W2"] + 0.01 * p["W2"])
    p["b1"] -= lr * grads["b1"]
    p["b2"] -= lr * grads["b2"]


def decoupled(p, grads, velocity, lr):
    for name in p:
        p[name] *= 1 - lr * 0.01
    for name in p:
        p[name] -= lr * grads[name]


def with_momentum(p, grads, velocity, lr):
    for name in p:
        velocity[name] = 0.9 * velocity[name] - lr * (grads[name] + 0.01 * p[name])
        p[name] += velocity[name]


@pytest.mark.parametrize("update", [in_the_gradient, of_weights_alone, decoupled, with_momentum])
def test_it_is_said_and_is_no_mistake(update):
    p = started()
    velocity = {name: np.zeros_like(array) for name, array in p.items()}

    def step():
        loss, grads = gradients(p)
        update(p, grads, velocity, 0.1)
        return loss

    report = ag.check_step(step)
    assert report.ok, report
    (said,) = [line for line in report.assumptions if line.startswith("Weight decay: ")]
    weights = ["W1", "W2"]
    names = weights if update is of_weights_alone else ["W1", "b1", "W2", "b2"]
    assert said == (
        f"Weight decay: of {', '.join(names)} 0.01 × itself is taken away besides, as if the loss "
        "had + 0.005 × its squares, which it leaves out (loss=)"
    )


def test_a_slip_beside_it_is_mended():
    p = started()

    def step(lr=0.1):
        h = np.tanh(X @ p["W1"] + p["b1"])
        d = h @ p["W2"] + p["b2"] - T
        loss = np.sum(d**2) / 2
        dh = d @ p["W2"].T * (1 - h)
        grads = {"W2": h.T @ d, "b2": d.sum(0), "W1": X.T @ dh, "b1": dh.sum(0)}
        for name in p:
            p[name] -= lr * (grads[name] + 0.02 * p[name])
        return loss

    report = ag.check_step(step)
    (mistake,) = report.mistakes
    assert mistake.repair.text == 'dh = d @ p["W2"].T * (1 - h ** 2)'
    assert any("0.02 × itself" in line for line in report.assumptions)


@pytest.mark.parametrize("own", [0.01, 0.03])
def test_a_loss_that_has_a_penalty_leaves_none_out(own):
    p = started()

    def step(lr=0.1):
        loss, grads = gradients(p)
        loss = loss + 0.01 * (np.sum(p["W1"] ** 2) + np.sum(p["W2"] ** 2))
        for name in p:
            rate = own if "W" in name else 0.0
            p[name] -= lr * (grads[name] + rate * p[name])
        return loss

    report = ag.check_step(step)
    wrong = {name for name, quantity in report.quantities.items() if quantity.verdict != "agree"}
    assert wrong == {"W1", "W2"}
    assert not any("decay" in line for line in report.assumptions)


def test_what_is_added_with_the_other_sign_is_a_mistake():
    p = started()

    def step(lr=0.1):
        loss, grads = gradients(p)
        for name in p:
            p[name] -= lr * (grads[name] - 0.01 * p[name])
        return loss

    assert not ag.check_step(step).ok


def test_of_a_row_that_a_sample_moves_the_row_decays():
    rng = np.random.default_rng(1)
    P, Q, b = rng.normal(size=(5, 3)), rng.normal(size=(4, 3)), np.zeros(5)

    def step(i=1, j=2, r=4.0, rate=0.05, beta=0.1):
        error = r - (b[i] + P[i] @ Q[j])
        b[i] += rate * (error - beta * b[i])
        before = P[i].copy()
        P[i] += rate * (error * Q[j] - beta * P[i])
        Q[j] += rate * (error * before - beta * Q[j])
        return error**2

    report = ag.check_step(step)
    assert report.ok, report
    assert any("of b, P, Q 0.2 × itself" in line for line in report.assumptions)
