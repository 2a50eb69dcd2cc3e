"""Training steps as they stand: what they change, which loss is meant, right ones and slips."""

import json
import math
import random

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import check_step

RNG = np.random.default_rng(3)
X = RNG.normal(size=(6, 4))
T = np.eye(3)[RNG.integers(0, 3, 6)]


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def started():
    rng = np.random.default_rng(1)
    shapes = {"W1": (4, 5), "b1": (1, 5), "W2": (5, 3), "b2": (1, 3)}
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


class Net:
    """A class that updates in place; ``slip`` plants a mistake."""

    def __init__(self, slip=""):
        self.slip, self.losses = slip, []
        for name, array in started().items():
            setattr(self, name, array)

    def forward(self, x):
        self.a1 = sigmoid(x @ self.W1 + self.b1)
        return softmax(self.a1 @ self.W2 + self.b2)

    def train_step(self, x, y, lr=0.1):
        p = self.forward(x)
        loss = -np.mean(np.sum(y * np.log(p), axis=1))
        dz2 = (p - y) / len(x)
        dW2 = self.a1.T @ dz2
        db2 = dz2.sum(axis=0, keepdims=True)
        if self.slip == "no slope":
            dz1 = dz2 @ self.W2.T * self.a1
        else:
            dz1 = dz2 @ self.W2.T * self.a1 * (1 - self.a1)
        dW1 = x.T @ dz1
        db1 = dz1.sum(axis=0, keepdims=True)
        self.W1 -= lr * dW1
        self.b1 -= lr * db1
        self.W2 -= lr * dW2
        self.b2 -= lr * db2
        return loss


def test_a_method_that_updates_in_place():
    net = Net()
    before = {name: getattr(net, name) for name in started()}
    report = check_step(net.train_step, X, T)
    assert report.ok
    assert set(report.quantities) == {"W1", "b1", "W2", "b2"}
    assert report.assumptions[0] == "Step: one call of Net.train_step (steps=)"
    assert report.assumptions[1] == "Loss: what the step returns, loss (loss=)"
    assert report.assumptions[3] == (
        "Gradients: what each update takes away, divided by lr = 0.1 (loss=)"
    )
    for name, array in started().items():  # nothing is changed
        assert getattr(net, name) is before[name]
        np.testing.assert_array_equal(before[name], array)


def test_a_slip_is_found_in_its_line_and_mended():
    report = check_step(Net("no slope").train_step, X, T)
    (slip,) = report.mistakes
    assert slip.line.text == "dz1 = dz2 @ self.W2.T * self.a1"
    assert slip.repair.text == "dz1 = dz2 @ self.W2.T * self.a1 * (1 - self.a1)"
    assert slip.repair.verified_at == 3
    assert [n for n, q in report.quantities.items() if q.verdict == "differ"] == ["W1", "b1"]


def test_what_is_assumed_is_told_first():
    text = str(check_step(Net().train_step, X, T))
    assert text.splitlines()[0] == "Step: one call of Net.train_step (steps=)"
    assert "assumptions" in check_step(Net().train_step, X, T).to_json()


def test_parameters_that_are_numbers_are_told_in_json():
    line = {"m": 0.5, "b": 0.1}

    def step(xs, ys):
        error = line["m"] * xs + line["b"] - ys
        line["m"] -= 0.1 * np.mean(2 * error * xs)
        line["b"] -= 0.1 * np.mean(2 * error)
        return np.mean(error**2)

    told = json.loads(check_step(step, np.arange(3.0), np.array([0.0, 2.0, 3.0])).to_json())
    slopes = {q["name"]: q["arrays"]["manual"] for q in told["quantities"]}
    assert {name: round(slope, 9) for name, slope in slopes.items()} == {
        "m": -3.466666667,
        "b": -2.133333333,
    }


# Where the parameters are


def two_layers(p, x, y, lr, update):
    a1 = sigmoid(x @ p["W1"] + p["b1"])
    out = sigmoid(a1 @ p["W2"] + p["b2"])
    loss = np.sum((out - y) ** 2) / 2
    d2 = (out - y) * out * (1 - out)
    d1 = d2 @ p["W2"].T * a1 * (1 - a1)
    grads = {
        "W1": x.T @ d1, "b1": d1.sum(axis=0, keepdims=True),
        "W2": a1.T @ d2, "b2": d2.sum(axis=0, keepdims=True),
    }  # fmt: skip
    update(p, grads, lr)
    return loss


def in_place(p, grads, lr):
    for name in p:
        p[name] -= lr * grads[name]


def rebound(p, grads, lr):
    for name, gradient in grads.items():
        p[name] = p[name] - lr * gradient


def adding(p, grads, lr):
    for name, gradient in grads.items():
        p[name] += -lr * gradient


def numpy_out(p, grads, lr):
    for name, gradient in grads.items():
        np.subtract(p[name], lr * gradient, out=p[name])


@pytest.mark.parametrize("update", [in_place, rebound, adding, numpy_out])
def test_a_dict_of_parameters(update):
    report = check_step(two_layers, started(), X, T, 0.2, update)
    assert report.ok, str(report)
    assert set(report.quantities) == {"W1", "b1", "W2", "b2"}


def test_lists_of_layers():
    weights = [started()["W1"], started()["W2"]]
    biases = [started()["b1"], started()["b2"]]

    def step(x, y):
        activations = [x]
        for w, b in zip(weights, biases, strict=True):
            activations.append(sigmoid(activations[-1] @ w + b))
        cost = 0.5 * np.sum((activations[-1] - y) ** 2)
        delta = activations[-1] - y
        for layer in reversed(range(2)):
            delta = delta * activations[layer + 1] * (1 - activations[layer + 1])
            dw, db = activations[layer].T @ delta, delta.sum(axis=0, keepdims=True)
            delta = delta @ weights[layer].T
            weights[layer] -= 0.5 * dw
            biases[layer] -= 0.5 * db
        return cost

    report = check_step(step, X, T)
    assert report.ok, str(report)
    assert list(report.quantities) == ["weights[1]", "biases[1]", "weights[0]", "biases[0]"]
    np.testing.assert_array_equal(weights[0], started()["W1"])


def test_variables_around_that_are_bound_anew():
    w, b = np.array([0.3, -0.2]), 0.1

    def step(x, y):
        nonlocal w, b
        error = x @ w + b - y
        loss = np.mean(error**2)
        w = w - 0.05 * 2 * x.T @ error / len(y)
        b = b - 0.05 * 2 * np.mean(error)
        return loss

    report = check_step(step, X[:, :2], T[:, 0])
    assert report.ok, str(report)
    assert set(report.quantities) == {"w", "b"}
    assert b == 0.1


def test_plain_python_lists():
    random.seed(1)
    network = {
        "hidden": [[random.random() for _ in range(3)] for _ in range(2)],
        "output": [random.random() for _ in range(3)],
    }

    def train(row, target, rate):
        inputs = [*row, 1.0]
        hidden = []
        for weights in network["hidden"]:
            total = sum(w * x for w, x in zip(weights, inputs, strict=True))
            hidden.append(1.0 / (1.0 + math.exp(-total)))
        outer = [*hidden, 1.0]
        total = sum(w * h for w, h in zip(network["output"], outer, strict=True))
        out = 1.0 / (1.0 + math.exp(-total))
        error = (target - out) ** 2 / 2
        delta = (out - target) * out * (1.0 - out)
        for j, weights in enumerate(network["hidden"]):
            back = delta * network["output"][j] * hidden[j] * (1.0 - hidden[j])
            for i, x in enumerate(inputs):
                weights[i] -= rate * back * x
        for j, h in enumerate(outer):
            network["output"][j] -= rate * delta * h
        return error

    report = check_step(train, [0.5, -0.3], 1.0, 0.1)
    assert report.ok, str(report)
    assert {n: q.shape for n, q in report.quantities.items()} == {"hidden": (2, 3), "output": (3,)}
    assert isinstance(network["output"][0], float)


# Which loss


def without_a_loss(p, x, y, lr=0.1):
    h = sigmoid(x @ p["W1"] + p["b1"])
    o = sigmoid(h @ p["W2"] + p["b2"])
    error = y - o
    d2 = error * o * (1 - o)
    d1 = d2 @ p["W2"].T * h * (1 - h)
    p["W2"] += lr * h.T @ d2
    p["b2"] += lr * d2.sum(axis=0, keepdims=True)
    p["W1"] += lr * x.T @ d1
    p["b1"] += lr * d1.sum(axis=0, keepdims=True)


def test_where_there_is_no_loss_it_is_that_of_the_error():
    report = check_step(without_a_loss, started(), X, T)
    assert report.ok, str(report)
    assert report.assumptions[1].startswith("Loss: ½Σ(t − o)², with o = o and t = y of line ")


def test_where_there_is_no_loss_it_may_be_the_cross_entropy():
    def step(p, x, y):
        h = np.tanh(x @ p["W1"] + p["b1"])
        out = softmax(h @ p["W2"] + p["b2"])
        delta = out - y
        back = delta @ p["W2"].T * (1 - h**2)
        p["W2"] -= 0.1 * h.T @ delta
        p["b2"] -= 0.1 * delta.sum(axis=0, keepdims=True)
        p["W1"] -= 0.1 * x.T @ back
        p["b1"] -= 0.1 * back.sum(axis=0, keepdims=True)

    report = check_step(step, started(), X, T)
    assert report.ok, str(report)
    assert "cross-entropy" in report.assumptions[1]


def test_a_loss_that_is_printed_after_the_update_is_that_before_it():
    def loss_of(p, x, y):
        return np.sum((np.tanh(x @ p["W1"]) - y) ** 2)

    def step(p, x, y):
        out = np.tanh(x @ p["W1"])
        p["W1"] -= 0.01 * x.T @ (2 * (out - y) * (1 - out**2))
        print("loss", loss_of(p, x, y))

    report = check_step(step, {"W1": started()["W1"]}, X, np.ones((6, 5)))
    assert report.ok, str(report)
    assert "loss_of(p, x, y)" in report.assumptions[1] or "loss_of()" in report.assumptions[1]


def test_a_common_factor_is_the_rate():
    def step(p, x, y):
        out = x @ p["w"]
        mse = np.mean((out - y) ** 2)
        p["w"] -= 0.1 * x.T @ (out - y)
        return mse

    report = check_step(step, {"w": np.ones(4)}, X, T[:, 0])
    assert report.ok
    assert report.assumptions[3].endswith("divided by 0.1, which is 3 × that of the loss (loss=)")


def test_a_factor_that_one_of_them_has_alone_is_a_mistake():
    def step(p, x, y):
        lr, m = 0.1, len(y)
        error = x @ p["w"] + p["b"] - y
        loss = np.sum(error**2) / (2 * m)
        p["w"] -= lr * x.T @ error / m
        p["b"] -= lr * np.sum(error)
        return loss

    report = check_step(step, {"w": np.ones(4), "b": 0.5}, X, T[:, 0])
    assert not report.ok
    assert [n for n, q in report.quantities.items() if q.verdict == "differ"] == ["b"]


def test_two_rates_are_no_mistake():
    def step(p, x, y):
        lr_w, lr_b = 0.1, 0.02
        error = x @ p["w"] + p["b"] - y
        loss = np.mean(error**2) / 2
        p["w"] -= lr_w * x.T @ error / len(y)
        p["b"] -= lr_b * np.mean(error)
        return loss

    report = check_step(step, {"w": np.ones(4), "b": 0.5}, X, T[:, 0])
    assert report.ok, str(report)


def test_which_loss_can_be_said():
    def step(p, x, y):
        out = x @ p["w"]
        first = np.sum((out - y) ** 2)
        second = first + 0.1 * np.sum(p["w"] ** 2)
        p["w"] -= 0.1 * (2 * x.T @ (out - y) + 0.2 * p["w"])
        return {"first": first, "second": second}

    given = {"w": np.ones(4)}, X, T[:, 0]
    assert check_step(step, *given, loss="second").ok
    assert not check_step(step, *given, loss="first").ok
    assert check_step(step, *given, loss="np.sum((out - y)**2) + 0.1*np.sum(p['w']**2)").ok


# What is no parameter


def test_momentum_a_count_and_a_running_average_are_no_parameters():
    class Momentum:
        def __init__(self):
            self.w, self.v, self.t = np.ones(4), np.zeros(4), 0
            self.mean_loss = 1.0

        def step(self, x, y):
            self.t += 1
            error = x @ self.w - y
            loss = np.sum(error**2) / 2
            self.mean_loss = 0.9 * self.mean_loss + 0.1 * loss
            self.v = 0.9 * self.v - 0.1 * x.T @ error
            self.w += self.v
            return loss

    report = check_step(Momentum().step, X, T[:, 0])
    assert report.ok, str(report)
    assert list(report.quantities) == ["w"]


def test_a_state_that_is_carried_on_is_no_parameter():
    class Recurrent:
        def __init__(self):
            self.W, self.h = np.full((3, 3), 0.1), np.full(3, 0.2)

        def step(self, x, y):
            before = self.h
            self.h = np.tanh(self.W @ before + x)
            loss = np.sum((self.h - y) ** 2)
            dz = 2 * (self.h - y) * (1 - self.h**2)
            self.W -= 0.1 * np.outer(dz, before)
            return loss

    report = check_step(Recurrent().step, X[0, :3], T[0])
    assert report.ok, str(report)
    assert list(report.quantities) == ["W"]


@pytest.mark.parametrize("slip", [False, True])
def test_of_adam_the_array_that_goes_in_is_the_gradient(slip):
    class Adam:
        def __init__(self):
            self.w, self.b = np.ones(4), np.array([0.5])
            self.m = {"w": np.zeros(4), "b": np.zeros(1)}
            self.v = {"w": np.zeros(4), "b": np.zeros(1)}
            self.t = 0

        def step(self, x, y):
            self.t += 1
            error = x @ self.w + self.b - y
            loss = np.mean(error**2)
            dw = x.T @ error / len(y) if slip else 2 * x.T @ error / len(y)
            db = 2 * np.mean(error, keepdims=True)
            for name, g in (("w", dw), ("b", db)):
                self.m[name] = 0.9 * self.m[name] + 0.1 * g
                self.v[name] = 0.999 * self.v[name] + 0.001 * g**2
                m_hat = self.m[name] / (1 - 0.9**self.t)
                v_hat = self.v[name] / (1 - 0.999**self.t)
                new = getattr(self, name) - 0.01 * m_hat / (np.sqrt(v_hat) + 1e-8)
                setattr(self, name, new)
            return loss

    report = check_step(Adam().step, X, T[:, 0])
    assert report.ok is not slip, str(report)
    assert set(report.quantities) == {"w", "b"}


# What cannot be told


def test_a_step_that_changes_nothing_is_asked_for_one():
    with pytest.raises(ValueError, match="changes no array or number that can be reached"):
        check_step(lambda x: x @ np.ones(4), X)


def test_where_no_loss_is_found_it_is_asked_for():
    def step(p, x):
        p["w"] -= 0.1 * x

    with pytest.raises(ValueError, match=r"no loss was found.*loss="):
        check_step(step, {"w": np.ones(4)}, X[0])


def test_labels_of_a_shape_that_does_not_fit_are_told_with_their_line():
    def step(p, x, y):
        out = x @ p["W"]
        error = out - y
        p["W"] -= 0.1 * x.T @ error

    with pytest.raises(ValueError, match=r"line \d+, error = out - y: .*one-hot"):
        check_step(step, {"W": np.ones((4, 3))}, X, np.arange(6) % 3)


def test_what_is_no_function_is_refused():
    with pytest.raises(TypeError, match="step is a function that trains a little, not ndarray"):
        check_step(np.ones(3))
    with pytest.raises(ValueError, match="hints is 0"):
        check_step(lambda: None, hints=7)


def test_the_name_is_public():
    assert "check_step" in dir(ag)


@pytest.mark.parametrize("slip", [False, True])
def test_of_a_single_number_the_factor_has_to_be_the_same_elsewhere(slip):
    def step(p, x, y):
        loss = np.mean((p["w"] * x - y) ** 2)
        error = p["w"] * x + 1 - y if slip else p["w"] * x - y
        p["w"] -= 0.1 * np.sum(error * x)
        return loss

    report = check_step(step, {"w": 0.7}, X[0], T[0, :1])
    assert report.ok is not slip, str(report)


@pytest.mark.parametrize("slip", [False, True])
def test_a_function_that_returns_its_gradients(slip):
    W, b = started()["W1"], started()["b1"]

    def lossFun(x, y):
        out = np.tanh(x @ W + b)
        loss = np.sum((out - y) ** 2)
        dz = 2 * (out - y) * (1 - out if slip else 1 - out**2)
        dW, db = x.T @ dz, dz.sum(axis=0, keepdims=True)
        return loss, dW, db

    report = check_step(lossFun, X, np.ones((6, 5)))
    assert report.ok is not slip, str(report)
    assert set(report.quantities) == {"W", "b"}


class Hasty(Net):
    """Updates the second layer before its weights are read."""

    def train_step(self, x, y, lr=0.1):
        p = self.forward(x)
        loss = -np.mean(np.sum(y * np.log(p), axis=1))
        dz2 = (p - y) / len(x)
        self.W2 -= lr * self.a1.T @ dz2
        self.b2 -= lr * dz2.sum(axis=0, keepdims=True)
        dz1 = dz2 @ self.W2.T * self.a1 * (1 - self.a1)
        self.W1 -= lr * x.T @ dz1
        self.b1 -= lr * dz1.sum(axis=0, keepdims=True)
        return loss


def test_an_update_that_comes_too_early_is_moved():
    (mistake,) = check_step(Hasty().train_step, X, T).mistakes
    assert mistake.cause == "updated-value"
    first, *between, last = [row.strip() for row in mistake.line.text.splitlines()]
    assert [row.strip() for row in mistake.repair.text.splitlines()] == [*between, last, first]
    assert first.startswith("self.W2 -= ")
    assert last.startswith("dz1 = ")


@pytest.mark.parametrize("slip", [False, True])
def test_a_rate_in_what_is_made_before_the_update_is_one(slip):
    before = {"w": np.zeros(4)}

    def step(p, x, y, eta=0.1, momentum=0.9):
        error = x @ p["w"] - y
        loss = np.sum(error**2) / 2 + 0.01 * np.sum(p["w"] ** 2)
        dw = x.T @ error
        dw += (0.01 if slip else 0.02) * p["w"]
        change, previous = eta * dw, before["w"]
        p["w"] -= change + momentum * previous
        before["w"] = change
        return loss

    report = check_step(step, {"w": np.ones(4)}, X, T[:, 0])
    assert report.ok is not slip
    assert report.assumptions[3] == (
        "Gradients: what each update takes away, divided by eta = 0.1 (loss=)"
    )


def test_what_goes_into_a_scaled_update_is_known_by_its_name_where_it_is_wrong():
    def step(p, x, y):
        error = x @ p["w"] - y
        dw = x.T @ np.abs(error)
        p["w"] -= 0.1 * dw / np.sqrt(dw * dw + 1e-8)
        return np.sum(error**2) / 2

    report = check_step(step, {"w": np.ones(4)}, X, T[:, 0])
    assert report.assumptions[3].startswith("Gradients: what goes into the updates, dw, line ")
    assert [mistake.line.text for mistake in report.mistakes] == ["dw = x.T @ np.abs(error)"]


def in_place_by_a_norm(grads):
    total = np.sqrt(sum(np.sum(g**2) for g in grads))
    clip_coef = 0.1 / (total + 1e-6)
    if clip_coef < 1:
        for g in grads:
            g *= clip_coef
    return grads


def a_list_by_a_norm(grads):
    norm = np.sqrt(sum(np.linalg.norm(g) ** 2 for g in grads))
    if norm > 0.1:
        grads = [g * 0.1 / norm for g in grads]
    return grads


@pytest.mark.parametrize("clipped", [in_place_by_a_norm, a_list_by_a_norm])
@pytest.mark.parametrize("slip", [False, True])
def test_what_is_scaled_by_its_norm_is_judged_before_it_is(clipped, slip):
    def step(p, x, y):
        h = np.tanh(x @ p["W"])
        error = h @ p["v"] - y
        loss = np.sum(error**2) / 2
        dv = h.T @ error
        dW = x.T @ (np.outer(error, p["v"]) * (1 - (h if slip else h**2)))
        dW, dv = clipped([dW, dv])
        p["W"] -= 0.1 * dW
        p["v"] -= 0.1 * dv
        return loss

    params = {"W": np.ones((4, 3)) / 3, "v": np.array([1.0, -0.5, 2.0])}
    report = check_step(step, params, X, T[:, 0])
    assert report.ok is not slip
    assert [m.line.text for m in report.mistakes] == slip * [
        'dW = x.T @ (np.outer(error, p["v"]) * (1 - (h if slip else h**2)))'
    ]


def test_what_is_packed_before_it_is_scaled_in_place_is_the_gradient():
    def step(params, x, y):
        W, v = params
        h = np.tanh(x @ W)
        error = h @ v - y
        loss = np.sum(error**2) / 2
        back = x.T @ (np.outer(error, v) * (1 - h))
        grads = back, h.T @ error
        in_place_by_a_norm(grads)
        for param, grad in zip(params, grads, strict=True):
            param -= 0.1 * grad
        return loss

    report = check_step(step, [np.ones((4, 3)) / 3, np.array([1.0, -0.5, 2.0])], X, T[:, 0])
    (mistake,) = report.mistakes
    assert mistake.line.text == "back = x.T @ (np.outer(error, v) * (1 - h))"


def test_a_step_that_makes_too_much_is_none():
    def shrink(p, times):
        p["w"] -= 0.1 * p["w"]
        return shrink(p, times - 1) if times else np.sum(p["w"])

    with pytest.raises(ValueError, match="more than 50,000,000 numbers: give a step of fewer"):
        check_step(shrink, {"w": np.ones(400_000)}, 100)


def test_of_two_losses_that_each_fit_one_update_the_first_is_meant():
    def step(p, x, t):
        h = 1 / (1 + np.exp(-(p["W"] @ x)))
        o = 1 / (1 + np.exp(-(p["V"] @ h)))
        error = t - o
        back = p["V"].T @ error
        p["V"] += 0.3 * np.outer(error * o * (1 - o), h)
        p["W"] += 0.3 * np.outer(back * h * (1 - h), x)

    params = {"W": RNG.normal(size=(3, 4)), "V": RNG.normal(size=(2, 3))}
    report = check_step(step, params, X[0], np.array([0.1, 0.8]))
    (mistake,) = report.mistakes
    assert mistake.line.text == 'back = p["V"].T @ error'
    assert report.assumptions[1].startswith("Loss: ½Σ(t − o)²")


class HastyByNeuron(Net):
    """The same, neuron by neuron."""

    def train_step(self, x, y, lr=0.1):
        p = self.forward(x)
        loss = -np.mean(np.sum(y * np.log(p), axis=1))
        dz2 = (p - y) / len(x)
        for i, weights in enumerate(self.W2):
            for j in range(len(weights)):
                weights[j] -= lr * self.a1[:, i] @ dz2[:, j]

        # back through the layer
        dz1 = dz2 @ self.W2.T * self.a1 * (1 - self.a1)
        self.b2 -= lr * dz2.sum(axis=0, keepdims=True)
        self.W1 -= lr * x.T @ dz1
        self.b1 -= lr * dz1.sum(axis=0, keepdims=True)
        return loss


def test_an_update_in_a_loop_that_comes_too_early_is_moved_with_the_loop():
    (mistake,) = check_step(HastyByNeuron().train_step, X, T).mistakes
    assert mistake.cause == "updated-value"
    loop, comment = (mistake.repair.text.find(text) for text in ("for i, weights", "# back"))
    assert comment == 0
    assert mistake.repair.text.find("dz1 = ") < loop
    assert sorted(mistake.repair.text.split()) == sorted(mistake.line.text.split())


def test_what_is_clipped_is_judged_before_it_is():
    def step(p, x, y):
        error = x @ p["w"] - y
        loss = np.sum(error**2)
        dw = 2 * x.T @ error
        p["w"] -= 0.1 * np.clip(dw, -1, 1)
        return loss

    assert check_step(step, {"w": np.ones(4)}, X, T[:, 0]).ok


def test_a_gradient_of_numbers_of_one_size_is_a_multiple_before_it_is_clipped():
    def step(p, x):
        error = x.dot(p["w"])
        loss = error**2
        p["w"] = p["w"] - 0.1 * (x * error)
        return loss

    assert check_step(step, {"w": np.array([0.5, 0.48, -0.7])}, np.array([1, 0, 1])).ok


def test_a_loss_that_is_summed_up_by_taking_away():
    def step(p, x, y):
        loss = 0
        loss -= np.sum(y * np.log(softmax(x @ p["W"])))
        p["W"] -= 0.1 * x.T @ (softmax(x @ p["W"]) - y)
        print(loss)

    report = check_step(step, {"W": np.ones((4, 3))}, X, T)
    assert report.ok, str(report)
    assert report.assumptions[1].startswith("Loss: loss, line ")


def test_an_update_that_adds_0_where_the_step_begins_is_one():
    def step(p, x, y):
        W, b = p["W"], p["b"]
        out = np.tanh(x @ W + b)
        loss = np.sum((out - y) ** 2) / 2
        dz = (out - y) * (1 - out**2)
        W -= 0.1 * x.T @ dz
        b -= 0.1 * b
        return loss

    report = check_step(step, {"W": started()["W1"], "b": np.zeros(5)}, X, np.ones((6, 5)))
    assert [q.name for q in report.quantities.values() if q.verdict == "differ"] == ["b"]


def test_a_stabiliser_of_the_loss_is_no_mistake_of_a_step():
    rng = np.random.default_rng(2)
    p = {"W": 0.01 * rng.normal(size=(5, 4)), "b": np.zeros(4)}
    x, t = rng.uniform(size=(20, 5)), rng.integers(4, size=20)

    def step():
        e = np.exp(x @ p["W"] + p["b"])
        y = e / np.sum(e, axis=1, keepdims=True)
        loss = -np.sum(np.log(y[np.arange(20), t] + 3e-7)) / 20
        dy = (y - np.eye(4)[t]) / 20
        for key, gradient in {"W": x.T @ dy, "b": dy.sum(axis=0)}.items():
            p[key] -= 0.1 * gradient
        return loss

    report = check_step(step)
    assert report.ok, str(report)
    assert report.assumptions[3] == "Gradients: what each update takes away, divided by 0.1 (loss=)"
    assert "keeps it from 0" in report.notes[0]


def test_the_product_of_whole_numbers_with_a_parameter_is_followed():
    p, x, t = {"W": np.full((2, 1), 0.3)}, np.array([[0, 1], [1, 1], [1, 0]]), np.ones((3, 1))

    def step():
        error = np.tanh(x.dot(p["W"])) - t
        p["W"] -= 0.1 * x.T.dot(2 * error * (1 - (error + t) ** 2))
        return np.sum(error**2)

    report = check_step(step)
    assert report.ok, str(report)
    assert report.notes == []


@pytest.mark.parametrize("slip", [False, True])
def test_of_an_update_by_signs_what_goes_in_is_the_gradient(slip):
    w, sizes = [-1.5, 2.0], [0.01, 0.02]

    def slopes(error):
        return np.mean(error * X[:, 0]), np.mean(error) if not slip else np.mean(error * X[:, 1])

    def step():
        error = X[:, 0] * w[0] + w[1] - T[:, 0]
        loss = np.mean(error**2) / 2
        gradients = slopes(error)
        signs = np.sign(gradients)
        for i in range(2):
            w[i] -= signs[i] * sizes[i]
        return loss

    report = check_step(step)
    assert report.ok is not slip
    assert report.assumptions[3].startswith("Gradients: what goes into the updates, ")
    assert [m.line.text for m in report.mistakes] == [
        "return np.mean(error * X[:, 0]), np.mean(error) if not slip else np.mean(error * X[:, 1])"
    ] * slip


def test_what_updates_nothing_and_has_no_loss_is_not_judged():
    def gradient(w, c):
        error = w * X[:, 0] - T[:, 0]
        w_grad = error.sum()  # for the picture
        return w_grad * np.full(3, c)

    with pytest.raises(ValueError, match=r"updates nothing .* loss= \(--loss\)"):
        check_step(gradient, 0.5, 2.0)


def test_an_update_that_takes_a_parameter_to_0_is_one():
    x, w, b = X.copy(), np.ones(4), np.zeros(1)

    def step():
        nonlocal w, b
        error = x @ w + b - T[:, 0]
        loss = np.sum(error**2) / 2
        w = w - 1.0 * (x.T @ error)
        b = b - 1.0 * b  # for error.sum()
        return loss

    report = check_step(step)
    assert report.quantities["b"].verdict == "differ"
    assert report.quantities["w"].verdict == "agree"


def test_a_slip_is_mended_where_others_are_right_at_a_kink():
    rng = np.random.default_rng(0)
    w1, b1 = rng.normal(size=(4, 5)), np.zeros(5)
    w2, x = rng.normal(size=(5, 1)), np.vstack([X, np.zeros(4)])  # at 0 the slope is a choice
    t = rng.normal(size=(7, 1))

    def step():
        nonlocal w1, b1, w2
        z = x @ w1 + b1
        h = np.maximum(z, 0)
        error = h @ w2 - t
        loss = np.mean(error**2) / 2
        dz = error @ w2.T / len(x) * (z >= 0)
        dw2 = (h - 1).T @ error / len(x)
        w2 = w2 - 0.1 * dw2
        w1 = w1 - 0.1 * (x.T @ dz)
        b1 = b1 - 0.1 * dz.sum(axis=0)
        return loss

    (slip,) = check_step(step).mistakes
    assert slip.repair.text == "dw2 = h.T @ error / len(x)"


@pytest.mark.parametrize("inside", [False, True])
def test_an_update_without_the_rate_that_the_others_have_is_a_mistake(inside):
    w, v, b = np.ones(4), np.ones(1), np.ones(1)

    def step(rate=0.05):
        nonlocal w, v, b
        error = X @ w * v + b - T[:, 0]
        loss = np.sum(error**2) / 2
        db = error.sum()
        if inside:
            db *= rate
        dv = np.sum(error * (X @ w))
        w = w - rate * (v * X.T @ error)
        v = v - rate * dv
        b = b - db
        return loss

    report = check_step(step)
    assert report.ok is inside
    if not inside:
        (slip,) = report.mistakes
        assert slip.line.text in ("db = error.sum()", "b = b - db")  # it may stand in either
        assert "rate" in slip.repair.text


@pytest.mark.parametrize("slip", [False, True])
def test_a_step_that_cannot_be_recorded_is_watched(slip):
    ndimage = pytest.importorskip("scipy.ndimage")
    rng = np.random.default_rng(0)
    x, t, k, b = rng.normal(size=(5, 5)), rng.normal(size=(5, 5)), rng.normal(size=(3, 3)), 0.1

    def step():
        nonlocal k, b
        out = np.tanh(ndimage.correlate(x, k, mode="constant") + b)
        loss = 0.5 * np.sum((out - t) ** 2)
        d = (out - t) * (1 - out) if slip else (out - t) * (1 - out**2)
        around = np.pad(x, 1)
        dk = np.array([[np.sum(around[i : i + 5, j : j + 5] * d) for j in range(3)]
                       for i in range(3)])  # fmt: skip
        k = k - 0.1 * dk
        b = b - 0.1 * d.sum()
        return loss

    report = check_step(step)
    assert report.ok is not slip
    assert report.assumptions[2] == "Parameters: k, b, which it changes (params=)"
    assert any(note.startswith("The loss could not be recorded") for note in report.notes)
    if slip:
        (mistake,) = report.mistakes
        assert mistake.line.text.startswith("d = (out - t) * (1 - out)")


def test_a_step_that_is_too_large_to_be_watched_is_said_to_be():
    ndimage = pytest.importorskip("scipy.ndimage")
    w = np.ones((60, 60))

    def step():
        nonlocal w
        out = ndimage.correlate(w, np.ones((3, 3)))
        loss = 0.5 * np.sum(out**2)
        w = w - 0.1 * ndimage.correlate(out, np.ones((3, 3)))
        return loss

    with pytest.raises(ValueError, match=r"counts as constant .* 3600 numbers .* fewer units"):
        check_step(step)


def test_the_sign_of_a_penalty_is_not_that_of_an_update():
    w = np.array([0.5, -0.3, 0.2, -0.4])

    def step(rate=0.1, l1=0.3):
        nonlocal w
        error = X @ w - T[:, 0]
        loss = np.sum(error**2) / 2
        dw = X.T @ error
        dw += l1 * np.sign(w)
        loss = loss + l1 / 2 * np.abs(w).sum()
        w = w - rate * dw
        return loss

    report = check_step(step)
    assert not report.ok
    assert report.assumptions[3].startswith("Gradients: what each update takes away")


@pytest.mark.parametrize(
    ("name", "sign", "right"),
    [
        ("log_likelihood", 1, True),
        ("log_likelihood", -1, False),
        ("objective", 1, True),
        ("objective", -1, True),
        ("cost", 1, False),
        ("cost", -1, True),
    ],
)
def test_which_sign_an_update_has_is_by_the_name_of_the_loss(name, sign, right, tmp_path):
    file = tmp_path / "train.py"
    file.write_text(
        f"""import numpy as np
rng = np.random.default_rng(0)
X, y, w = rng.normal(size=(6, 4)), rng.integers(0, 2, 6), np.zeros(4)
for epoch in range(100):
    out = 1 / (1 + np.exp(-X @ w))
    {name} = np.sum(y * np.log(out) + (1 - y) * np.log(1 - out))
    w {"+" if sign > 0 else "-"}= 0.1 * X.T @ (y - out)
"""
    )
    report = ag.check_script(file)
    assert report.ok is right, report
    greater = "so that the loss is made greater"
    assert (greater in report.assumptions[3]) == (sign == 1 if right else name != "cost")


def test_a_sum_that_a_method_makes_turn_by_turn_is_the_loss_under_its_name(tmp_path):
    file = tmp_path / "train.py"
    file.write_text(
        """import numpy as np
rng = np.random.default_rng(0)


class Net:
    def __init__(self):
        self.w = rng.normal(size=3)

    def update(self, samples, labels):
        loss, grad = 0, np.zeros(3)
        for x, t in zip(samples, labels):
            e = np.tanh(self.w @ x) - t
            loss += e**2 / 2
            grad += e * (1 - np.tanh(self.w @ x) ** 2) * x
        self.w -= 0.1 * grad
        return loss


net = Net()
for epoch in range(100):
    print(net.update(rng.normal(size=(5, 3)), rng.normal(size=5)))
"""
    )
    report = ag.check_script(file)
    assert report.ok, report
    assert report.assumptions[1] == "Loss: loss, line 13 (loss=)"


def test_weights_of_objects_are_parameters_though_the_first_sample_is_of_zeros(tmp_path):
    file = tmp_path / "neurons.py"
    file.write_text(
        """import math
class Neuron:
    def __init__(self, *weights):
        self.weights = list(weights)
    def activate(self, inputs):
        self.inputs = inputs
        self.output = math.tanh(sum(w * x for w, x in zip(self.weights, inputs)) + 0.1)
        return self.output
hidden, last = [Neuron(0.5, -0.3), Neuron(0.2, 0.7)], Neuron(0.4, -0.6)
for epoch in range(100):
    for x, t in [([0, 0], 0.2), ([0.5, 1], 0.7), ([1, 0.2], -0.4)]:
        out = last.activate([n.activate(x) for n in hidden])
        loss = (out - t) ** 2 / 2
        last.delta = (out - t) * (1 - out**2)
        for n, w in zip(hidden, last.weights):
            n.delta = last.delta * w * (1 - n.output**2)
        for n in [*hidden, last]:
            for k in range(2):
                n.weights[k] -= 0.1 * n.delta * n.inputs[k]
"""
    )
    report = ag.check_script(file)
    assert report.ok, report
    assert report.assumptions[0].startswith("Step: turn 2 of the loop in line 11")
    assert set(report.quantities) == {"hidden[0].weights", "hidden[1].weights", "last.weights"}
