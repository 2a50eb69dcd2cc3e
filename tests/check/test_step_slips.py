"""Single slips in training scripts: which line is told, and what instead."""

from textwrap import dedent

import pytest

from autograd_mini import check_script

NETWORK = """import numpy as np

rng = np.random.default_rng(3)
x, t = rng.normal(size=(8, 3)), rng.normal(size=(8, 2))
x_val, t_val = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))
W1, b1 = rng.normal(size=(3, 5)), np.zeros(5)
W2, b2 = rng.normal(size=(5, 2)), np.zeros(2)
lr, frozen = 0.5, 0.0


def linear_backward(dz, a, W):
    n = len(a)
    dW = a.T @ dz / n
    db = dz.sum(axis=0) / n
    da = dz @ W.T
    return da, dW, db


for epoch in range(100):
    h = np.tanh(x @ W1 + b1)
    out = h @ W2 + b2
    train_loss = np.sum((out - t) ** 2) / len(x) / 2
    delta = out - t
    dh, dW2, db2 = linear_backward(delta, h, W2)
    dz = dh * (1 - h**2)
    dx, dW1, db1 = linear_backward(dz, x, W1)
    W1 -= lr * dW1
    b1 -= lr * db1
    W2 -= lr * dW2
    b2 -= lr * db2
    val_out = np.tanh(x_val @ W1 + b1) @ W2 + b2
    val_loss = np.sum((val_out - t_val) ** 2) / len(x_val) / 2
    print(train_loss, val_loss)
"""


def checked(tmp_path, text, *changes):
    for right, wrong in changes:
        assert text.count(right) == 1
        text = text.replace(right, wrong)
    path = tmp_path / "train.py"
    path.write_text(text)
    return check_script(path)


def told(report):
    (mistake,) = report.mistakes
    return mistake.line.text, mistake.repair and mistake.repair.text


def test_the_program_is_right(tmp_path):
    assert checked(tmp_path, NETWORK).ok


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("dW = a.T @ dz / n", "dW = a.T @ dz"),  # of a function, not of what it returns
        ("delta = out - t", "delta = out"),  # for the loss of which it is trained, not another
        ("b1 -= lr * db1", "b1 = b1"),
        ("b1 -= lr * db1", "b1 -= 0"),
        ("b2 -= lr * db2", "b2 += lr * db2"),  # as the other updates
        ("W2 -= lr * dW2", "W2 -= dW2"),
    ],
)
def test_a_slip_is_told_where_it_is(tmp_path, right, wrong):
    line, repair = told(checked(tmp_path, NETWORK, (right, wrong)))
    assert line == wrong
    meant = {"b1 = b1": "b1 = b1 - lr * db1", "W2 -= dW2": "W2 -= dW2 * lr"}
    assert repair == meant.get(wrong, right)


def test_an_update_that_is_turned_off_is_no_mistake(tmp_path):
    report = checked(tmp_path, NETWORK, ("W1 -= lr * dW1", "W1 -= lr * frozen * dW1"))
    assert report.ok
    assert report.assumptions[2] == "Parameters: b1, W2, b2, which it changes (params=)"


PERCEPTRON = """import numpy as np

inputs = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
targets = np.array([[0.0], [1.0], [1.0], [0.0]])
rng = np.random.default_rng(1)
W1, b1 = rng.uniform(size=(2, 4)), rng.uniform(size=(1, 4))
W2, b2 = rng.uniform(size=(4, 1)), rng.uniform(size=(1, 1))
rate = 0.5


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


for epoch in range(1000):
    hidden = sigmoid(inputs @ W1 + b1)
    out = sigmoid(hidden @ W2 + b2)
    error = targets - out
    d_out = error * out * (1 - out)
    d_hidden = d_out @ W2.T * hidden * (1 - hidden)
    W2 += hidden.T @ d_out * rate
    b2 += np.sum(d_out, axis=0, keepdims=True) * rate
    W1 += inputs.T @ d_hidden * rate
    b1 += np.sum(d_hidden, axis=0, keepdims=True) * rate
    print(np.mean(error**2))
"""


def test_a_rate_that_is_forgotten_says_nothing_of_the_factor_of_others(tmp_path):
    right = "b2 += np.sum(d_out, axis=0, keepdims=True) * rate"
    report = checked(tmp_path, PERCEPTRON, (right, right.removesuffix(" * rate")))
    line, repair = told(report)
    assert (line, repair) == (right.removesuffix(" * rate"), right)
    assert "which is 2 × that of the loss" in report.assumptions[3]


SOFTMAX = """import numpy as np

rng = np.random.default_rng(0)
x = rng.normal(size=(30, 4))
labels = np.eye(3)[np.argmax(x[:, :3], axis=1)]
params = {"W": rng.normal(size=(4, 3)), "b": np.zeros(3)}
m, v = None, None


def softmax_backward(dout, probs):
    weighted = np.sum(dout * probs, axis=1, keepdims=True)
    return probs * (dout - weighted)


for i in range(100):
    z = x @ params["W"] + params["b"]
    e = np.exp(z - z.max(axis=1, keepdims=True))
    probs = e / e.sum(axis=1, keepdims=True)
    loss = -np.mean(np.sum(labels * np.log(probs), axis=1))
    dout = -labels / probs / len(labels)
    dz = softmax_backward(dout, probs)
    grads = {"W": x.T @ dz, "b": dz.sum(axis=0)}
    if m is None:
        m = {k: np.zeros_like(p) for k, p in params.items()}
        v = {k: np.zeros_like(p) for k, p in params.items()}
    for key in params:
        m[key] = 0.9 * m[key] + 0.1 * grads[key]
        v[key] = 0.999 * v[key] + 0.001 * grads[key] ** 2
        params[key] -= 0.01 * m[key] / (np.sqrt(v[key]) + 1e-8)
    print(loss)
"""


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("np.sum(dout * probs, axis=1, keepdims=True)", "np.sum(probs, axis=1, keepdims=True)"),
        ("weighted = np.sum(dout", "weighted = 2 * np.sum(dout"),
        ("dz.sum(axis=0)}", "dz.mean(axis=0)}"),
        ("dz.sum(axis=0)}", "dz.sum()}"),
    ],
)
def test_a_slip_before_an_optimiser_is_told_where_it_is(tmp_path, right, wrong):
    line, repair = told(checked(tmp_path, SOFTMAX, (right, wrong)))
    assert wrong in line
    assert repair.replace("probs * dout", "dout * probs") == line.replace(wrong, right)


def test_the_number_that_a_difference_is_divided_by_is_no_factor_of_the_loss(tmp_path):
    text = PERCEPTRON.replace("np.mean(error**2)", "-np.mean(likelihood)").replace(
        "    error = targets - out\n    d_out = error * out * (1 - out)\n",
        "    likelihood = targets * np.log(out) + (1 - targets) * np.log(1 - out)\n"
        "    d_out = (targets - out) / len(targets)\n",
    )
    right, wrong = "(targets - out) / len(targets)", "(2 * targets - out) / len(targets)"
    assert checked(tmp_path, text).ok
    line, repair = told(checked(tmp_path, text, (right, wrong)))
    assert (line, repair) == (f"d_out = {wrong}", f"d_out = {right}")


LISTS = """inputs, expected = [0.5, -0.3, 0.8], [1.0, 0.0, 0.5]
weights = [[0.1, 0.4, -0.2], [0.3, -0.5, 0.6], [-0.7, 0.2, 0.9]]
average = 0.0
for epoch in range(100):
    outputs = [sum(w * x for w, x in zip(row, inputs)) for row in weights]
    errors = []
    for j in range(3):
        errors.append(outputs[j] - expected[j])
    loss = sum((o - e) ** 2 for o, e in zip(outputs, expected))
    average = 0.99 * average + 0.01 * loss
    for j in range(3):
        for k in range(3):
            weights[j][k] -= 0.1 * errors[j] * inputs[k]
    print(average)
"""


def test_numbers_that_are_made_turn_by_turn_tell_the_factor(tmp_path):
    report = checked(tmp_path, LISTS, ("0.1 * errors[j] *", "0.1 * errors[j - 1] *"))
    assert told(report) == (
        "weights[j][k] -= 0.1 * errors[j - 1] * inputs[k]",
        "weights[j][k] -= 0.1 * errors[j] * inputs[k]",
    )
    assert report.assumptions[1].startswith("Loss: loss, line 9")  # not what is an average of it


DERIVED = "dW2 = h.T @ delta / len(x) + 0.02 * W2"
PENALISED = (
    NETWORK.replace("len(x) / 2", "len(x) / 2 + 0.01 * np.sum(W2**2)")
    .replace("h = np.tanh(x @ W1 + b1)", "h = np.tanh(x @ W1)")
    .replace("dh, dW2, db2 = linear_backward(delta, h, W2)", DERIVED)
    .replace("    dz = dh * (1 - h**2)\n    dx, dW1, db1 = linear_backward(dz, x, W1)\n", "")
    .replace("    W1 -= lr * dW1\n    b1 -= lr * db1\n", "    db2 = delta.sum(axis=0) / len(x)\n")
)  # fmt: skip


def test_a_factor_that_one_update_alone_says_and_no_derivation_leaves_out_is_a_slip(tmp_path):
    assert checked(tmp_path, PENALISED).ok
    wrong = "delta = 0.3 * (out - t)"
    assert told(checked(tmp_path, PENALISED, ("delta = out - t", wrong))) == (
        wrong,
        "delta = out - t",
    )


def test_a_size_that_one_update_alone_says_is_left_out(tmp_path):
    wrong = "dW2 = h.T @ delta + 0.2 * W2"
    report = checked(
        tmp_path,
        PENALISED,
        (DERIVED, wrong),
        ("db2 = delta.sum(axis=0) / len(x)", "db2 = delta.sum(axis=0)"),
    )
    assert "which is 8 × that of the loss" in report.assumptions[3]
    assert told(report)[0] == wrong


LINEAR = """import numpy as np

rng = np.random.default_rng(8)
x = rng.normal(size=(10, 3))
y = x @ np.array([[1.5], [-2.0], [0.7]]) + 0.3
w, b = np.zeros((3, 1)), np.zeros(1)
lr = 0.1
for epoch in range(200):
    err = x @ w + b - y
    grad_w = 2 * x.T @ err / len(x)
    grad_b = 2 * np.mean(err, axis=0)
    w = w - lr * grad_w
    b = b - lr * grad_b
"""
ONE_PARAMETER = """import numpy as np

rng = np.random.default_rng(11)
X, y = rng.normal(size=(20, 3)), rng.normal(size=(20, 1))
theta, alpha, lam = np.zeros((3, 1)), 0.05, 0.1
for _ in range(400):
    residual = X.dot(theta) - y
    print((residual.T.dot(residual)[0, 0] + lam * np.sum(theta[1:] ** 2)) / (2 * len(y)))
    penalty = lam * theta
    penalty[0] = 0
    grad = (X.T.dot(residual) + penalty) / len(y)
    theta = theta - alpha * grad
"""


@pytest.mark.parametrize(
    ("text", "right", "wrong"),
    [
        (LINEAR, "w = w - lr * grad_w", "w = w + lr * grad_w"),  # where all are 0.2 × the gradient
        (LINEAR, "b = b - lr * grad_b", "b = b + lr * grad_b"),
        (LINEAR, "w = w - lr * grad_w", "w = lr * grad_w - w"),
        (ONE_PARAMETER, "theta = theta - alpha * grad", "theta = alpha * grad - theta"),
        (ONE_PARAMETER, "theta = theta - alpha * grad", "theta = theta + alpha * grad"),
    ],
)
def test_a_wrong_sign_of_an_update_is_told_itself(tmp_path, text, right, wrong):
    report = checked(tmp_path, text, (right, wrong))
    assert told(report) == (wrong, right)
    assert len(report.mistakes[0].repairs) == 1


def test_an_update_may_stand_before_what_it_is_taken_from(tmp_path):
    right = "theta = theta - alpha * grad"
    report = checked(tmp_path, ONE_PARAMETER, (right, "theta = -alpha * grad + theta"))
    assert report.ok
    assert "divided by alpha = 0.05" in report.assumptions[3]


WITHOUT_LOSS = """import numpy as np

rng = np.random.default_rng(1)
x, y = rng.normal(size=(4, 3)), np.array([[0], [1], [1], [0]])
W1, W2 = rng.normal(size=(3, 4)), rng.normal(size=(4, 1))
for epoch in range(1000):
    h = 1 / (1 + np.exp(-x @ W1))
    out = 1 / (1 + np.exp(-h @ W2))
    error = y - out
    print("error:", np.mean(np.abs(error)))
    delta = error * out * (1 - out)
    d_hidden = delta @ W2.T * h * (1 - h)
    W2 += h.T @ delta
    W1 += x.T @ d_hidden
"""


def test_an_output_and_a_target_that_are_added_say_the_loss_if_all_that_follows_is_right(tmp_path):
    assert checked(tmp_path, WITHOUT_LOSS).ok
    wrong = "error = y + out"
    report = checked(tmp_path, WITHOUT_LOSS, ("error = y - out", wrong))
    assert told(report) == (wrong, "error = y - out")
    assert report.assumptions[1].startswith("Loss: ½Σ(t − o)², with o = out and t = y of line 9")


NEURONS = """import math

rows = [([0.3, -0.2, 1.0], [1.0, 0.0]), ([0.7, 0.5, 1.0], [0.0, 1.0])]
hidden = [{"weights": [0.1, 0.4, 0.2]}, {"weights": [0.3, -0.5, 0.1]}]
network = [hidden, [{"weights": [0.6, -0.3]}, {"weights": [0.2, 0.5]}]]


def forward(inputs):
    for layer in network:
        for neuron in layer:
            z = sum(w * x for w, x in zip(neuron["weights"], inputs))
            neuron["output"] = 1 / (1 + math.exp(-z))
        inputs = [neuron["output"] for neuron in layer]
    return inputs


def backward(expected):
    for i in reversed(range(len(network))):
        layer, errors = network[i], []
        for j in range(len(layer)):
            if i == 0:
                errors.append(sum(n["weights"][j] * n["delta"] for n in network[1]))
            else:
                errors.append(layer[j]["output"] - expected[j])
        for j in range(len(layer)):
            neuron = layer[j]
            neuron["delta"] = errors[j] * neuron["output"] * (1 - neuron["output"])


def update(inputs):
    for layer in network:
        for neuron in layer:
            for k in range(len(inputs)):
                neuron["weights"][k] -= 0.5 * neuron["delta"] * inputs[k]
        inputs = [neuron["output"] for neuron in layer]


for epoch in range(20):
    sum_error = 0
    for row, expected in rows:
        outputs = forward(row)
        sum_error += sum((e - o) ** 2 for o, e in zip(outputs, expected))
        backward(expected)
        update(row)
    print(f"error={sum_error}")
"""


def test_what_something_is_called_is_no_gradient_of_it(tmp_path):
    assert checked(tmp_path, NEURONS).ok
    right, wrong = '["output"] - expected[j])', '["output"] + expected[j])'
    report = checked(tmp_path, NEURONS, (right, wrong))
    assert told(report) == (f"errors.append(layer[j]{wrong}", f"errors.append(layer[j]{right}")


@pytest.mark.parametrize("wrong", ["errors[j]", 'neuron["output"] * (1 - neuron["output"])'])
def test_what_is_made_on_the_way_says_the_factor_if_no_number_follows(tmp_path, wrong):
    right = 'errors[j] * neuron["output"] * (1 - neuron["output"])'
    report = checked(tmp_path, NEURONS, (right, wrong))
    assert report.assumptions[3].endswith("which is 0.5 × that of the loss (loss=)")
    assert told(report)[0] == f'neuron["delta"] = {wrong}'


@pytest.mark.parametrize(
    ("text", "right", "nothing"),
    [
        (NETWORK, "b2 -= lr * db2", "b2 -= 0"),
        (LINEAR, "b = b - lr * grad_b", "b = b"),
        (WITHOUT_LOSS, "W2 += h.T @ delta", "W2 += 0"),
    ],
)
def test_an_update_that_is_left_out_is_like_the_others(tmp_path, text, right, nothing):
    assert told(checked(tmp_path, text, (right, nothing))) == (nothing, right)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('layer[j]["output"] - expected[j]', '-(layer[j]["output"] - expected[j])'),
        (
            'sum(n["weights"][j] * n["delta"] for n in network[1])',
            '0.5 * sum(n["weights"][j] * n["delta"] for n in network[1])',
        ),
    ],
)
def test_an_error_that_is_made_as_a_number_is_told_itself(tmp_path, right, wrong):
    report = checked(tmp_path, NEURONS, (f"errors.append({right})", f"errors.append({wrong})"))
    assert told(report) == (f"errors.append({wrong})", f"errors.append({right})")


ONE_OUTPUT = """import math

samples = [([0.0, 1.0], 1.0), ([1.0, 0.0], 1.0), ([1.0, 1.0], 0.0), ([0.0, 0.0], 0.0)]
w_hidden, b_hidden = [[0.4, -0.7], [0.2, 0.9], [-0.5, 0.3]], [0.1, -0.2, 0.3]
w_out, b_out, rate = [0.6, -0.8, 0.5], 0.1, 0.5
for epoch in range(100):
    error = 0.0
    for x, target in samples:
        hidden = []
        for j in range(3):
            z = b_hidden[j] + sum(w * a for w, a in zip(w_hidden[j], x))
            hidden.append(1 / (1 + math.exp(-z)))
        z = b_out + sum(w * h for w, h in zip(w_out, hidden))
        output = 1 / (1 + math.exp(-z))
        error += 0.5 * (target - output) ** 2
        delta_out = (output - target) * output * (1 - output)
        delta_hidden = []
        for j in range(3):
            delta_hidden.append(delta_out * w_out[j] * hidden[j] * (1 - hidden[j]))
        for j in range(3):
            w_out[j] -= rate * delta_out * hidden[j]
            for i in range(2):
                w_hidden[j][i] -= rate * delta_hidden[j] * x[i]
            b_hidden[j] -= rate * delta_hidden[j]
        b_out -= rate * delta_out
    print(error)
"""


@pytest.mark.parametrize(
    ("right", "wrong", "repair"),
    [
        # where the target is 1, output * (1 - output) ** 2 is right, too
        ("(output - target) *", "output *", "(output - target) * output * (1 - output)"),
        ("(output - target) *", "-target *", "(-target + output) * output * (1 - output)"),
    ],
)
def test_a_repair_is_right_for_other_data(tmp_path, right, wrong, repair):
    mended = told(checked(tmp_path, ONE_OUTPUT, (right, wrong)))[1]
    assert mended == f"delta_out = {repair}"


def test_a_multiple_that_is_another_elsewhere_says_no_factor(tmp_path):
    """Without the one output's delta two updates are that many times their gradients."""
    right, wrong = "delta_out * w_out[j] * hidden[j] *", "w_out[j] * hidden[j] *"
    report = checked(tmp_path, ONE_OUTPUT, (right, wrong))
    assert "times" not in report.assumptions[3]
    assert told(report)[0] == f"delta_hidden.append({wrong} (1 - hidden[j]))"


OUTPUTS = """import math

i1, i2, t1, t2 = 0.5, 0.1, 0.1, 0.9
w1, w2, w3, w4, eta = 0.4, 0.45, 0.5, 0.55, 0.5
for step in range(100):
    o1 = 1 / (1 + math.exp(-(w1 * i1 + w2 * i2)))
    o2 = 1 / (1 + math.exp(-(w3 * i1 + w4 * i2)))
    E_total = 0.5 * (t1 - o1) ** 2 + 0.5 * (t2 - o2) ** 2
    delta_1 = -(t1 - o1) * o1 * (1 - o1)
    delta_2 = -(t2 - o2) * o2 * (1 - o2)
    w1 -= eta * delta_1 * i1
    w2 -= eta * delta_1 * i2
    w3 -= eta * delta_2 * i1
    w4 -= eta * delta_2 * i2
    print(E_total)
"""


@pytest.mark.parametrize("number", [1, 2])
def test_of_two_outputs_none_is_nearer_to_the_loss(tmp_path, number):
    right = f"delta_{number} = -(t{number} - o{number}) * o{number} * (1 - o{number})"
    name, value = right.split(" = ")
    wrong = f"{name} = 0.5 * ({value})"
    assert told(checked(tmp_path, OUTPUTS, (right, wrong))) == (wrong, right)


SHARED_UPDATE = """import numpy as np

rng = np.random.default_rng(4)
x, t = rng.normal(size=(8, 3)), rng.normal(size=(8, 2))
W, V, mW, mV = rng.normal(size=(3, 4)), rng.normal(size=(4, 2)), np.zeros((3, 4)), np.zeros((4, 2))
for step in range(50):
    h = np.tanh(x @ W)
    error = h @ V - t
    print(0.5 * np.sum(error**2))
    dW, dV = np.zeros_like(W), np.zeros_like(V)
    dV += h.T @ error
    dW += x.T @ (error @ V.T * (1 - h**2))
    for param, grad, mem in zip([W, V], [dW, dV], [mW, mV]):
        mem += grad * grad
        param += -0.1 * grad / np.sqrt(mem + 1e-8)
"""


def test_what_is_never_updated_is_seen_in_an_update_that_several_share(tmp_path):
    assert checked(tmp_path, SHARED_UPDATE).ok
    right, wrong = "dW += x.T @ (error @ V.T * (1 - h**2))", "dW += 0"
    assert told(checked(tmp_path, SHARED_UPDATE, (right, wrong)))[0] == wrong


def test_what_is_never_updated_is_seen_where_all_else_is_0_at_first(tmp_path):
    y = "x @ np.array([[1.5], [-2.0], [0.7]]) + 0.3"
    balanced = LINEAR.replace(y, "np.tile([[1.0], [-1.0]], (5, 1))")
    report = checked(tmp_path, balanced, ("w = w - lr * grad_w", "w -= 0"))
    assert told(report)[0] == "w -= 0"


RECTIFIED = """import numpy as np

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

rng = np.random.default_rng(3)
X, Y = rng.normal(size=(4, 9)), rng.integers(0, 2, size=(1, 9)).astype(float)
X[:, 0] = -5 * np.ones(4)
params = {"W1": np.abs(rng.normal(size=(3, 4))), "b1": np.zeros((3, 1))}
params |= {"W2": rng.normal(size=(3, 3)), "b2": np.zeros((3, 1)), "W3": rng.normal(size=(1, 3))}
for step in range(50):
    z1 = params["W1"] @ X + params["b1"]
    a1 = np.maximum(0, z1)
    z2 = params["W2"] @ a1 + params["b2"]
    a2 = np.maximum(0, z2)
    s = sigmoid(params["W3"] @ a2)
    print(np.sum((s - Y) ** 2))
    dz3 = 2 * (s - Y) * s * (1 - s)
    grads = {"dW3": dz3 @ a2.T}
    dz2 = params["W3"].T @ dz3 * (z2 > 0)
    grads["dW2"], grads["db2"] = dz2 @ a1.T, dz2.sum(axis=1, keepdims=True)
    dz1 = params["W2"].T @ dz2 * (z1 > 0)
    grads["dW1"], grads["db1"] = dz1 @ X.T, dz1.sum(axis=1, keepdims=True)
    for name in list(params):
        params["" + name] = params["" + name] - 0.1 * grads["d" + name]
"""


def test_updates_by_made_up_keys_that_never_move_are_updates(tmp_path):
    """All that is taken away is 0, where a unit is at its kink: nothing is wrong with that."""
    assert checked(tmp_path, RECTIFIED).ok
    right, wrong = "dz3 = 2 * (s - Y) * s * (1 - s)", "dz3 = 2 * (s - Y) * Y * (1 - Y)"
    report = checked(tmp_path, RECTIFIED, (right, wrong))
    assert {"W1", "b1", "W2", "b2", "W3"} == set(report.quantities)
    assert told(report) == (wrong, right)


def test_updates_that_are_no_numbers_are_wrong(tmp_path):
    """What may be rounding in them is no matter: the loss has a gradient."""
    right, wrong = "dz3 = 2 * (s - Y) * s * (1 - s)", "dz3 = 2 * (s - Y) * s * (1 - s) / Y"
    assert told(checked(tmp_path, RECTIFIED, (right, wrong))) == (wrong, right)


POINTS = """def step(b_now, m_now, points, rate):
    b_gradient = 0
    m_gradient = 0
    n = float(len(points))
    for x, y in points:
        b_gradient += -(2 / n) * (y - (m_now * x + b_now))
        m_gradient += -(2 / n) * x * (y - (m_now * x + b_now))
    new_b = b_now - rate * b_gradient
    new_m = m_now - rate * m_gradient
    return new_b, new_m


points = [(0.3, 1.1), (0.9, 1.9), (1.7, 3.2), (2.2, 3.8), (3.1, 5.6)]
b, m = 0.0, 0.0
for i in range(1000):
    b, m = step(b, m, points, 0.01)
"""
RIGHT = "b_gradient += -(2 / n) * (y - (m_now * x + b_now))"


@pytest.mark.parametrize(
    ("wrong", "repair"),
    [
        ("b_gradient += 0", RIGHT),
        (f"{RIGHT[:14]}-(2 / n) * -(m_now * x + b_now)", "-(2 / n) * (-(m_now * x + b_now) + y)"),
        (f"{RIGHT[:14]}2 * ({RIGHT[14:]})", RIGHT),
    ],
)
def test_a_slip_in_a_sum_of_numbers_is_told_and_mended(tmp_path, wrong, repair):
    line, mended = told(checked(tmp_path, POINTS, (RIGHT, wrong)))
    assert line == wrong
    assert mended.endswith(repair)


@pytest.mark.parametrize("number", [0.3, 0.5, 2, 3])
@pytest.mark.parametrize("right", ["2 * x.T @ err / len(x)", "2 * np.mean(err, axis=0)"])
def test_of_two_updates_that_are_different_multiples_the_usual_one_is_right(
    tmp_path, number, right
):
    report = checked(tmp_path, LINEAR, (right, f"{number} * ({right})"))
    assert report.assumptions[3].endswith("which is 0.2 × that of the loss (loss=)")
    assert told(report)[1].endswith(right)


COUNTED = """import numpy as np

rng = np.random.default_rng(2)
data, start = rng.normal(size=(12, 3)), 0
W, c = rng.normal(size=(3, 2)), np.zeros(3)
while start < 12:
    x = data[start : start + 4]
    h = (x + c) @ W
    loss = 0.5 * np.sum(h**2)
    print(loss)
    dW = (x + c).T @ h
    dc = np.sum(h @ W.T, axis=0)
    W -= 0.1 * dW
    c -= 0.1 * dc
    start += 4
"""


def test_an_update_that_is_0_where_the_step_begins_is_seen_beside_a_count(tmp_path):
    assert checked(tmp_path, COUNTED).ok
    wrong = "dW = np.outer(c, np.sum(h, axis=0))"  # c is 0
    report = checked(tmp_path, COUNTED, ("dW = (x + c).T @ h", wrong))
    assert told(report)[0] == wrong
    assert report.assumptions[0].startswith("Step: the first turn")


def test_of_two_layers_that_of_the_loss_says_the_factor(tmp_path):
    wrong = "dz = 2 * dh * (1 - h**2)"  # the hidden layer's updates are the gradients then
    mean = ("/ len(x) / 2", "/ len(x)")
    report = checked(tmp_path, NETWORK, mean, ("dz = dh * (1 - h**2)", wrong))
    assert told(report) == (wrong, "dz = dh * (1 - h**2)")
    assert report.assumptions[3].endswith("which is 0.5 × that of the loss (loss=)")


def test_a_parameter_that_its_gradient_is_put_in_the_place_of_is_a_mistake(tmp_path):
    text = NETWORK.replace("W1 -= lr * dW1", "W1 += -lr * dW1")
    line, repair = told(checked(tmp_path, text, ("W1 += -lr * dW1", "W1 = -lr * dW1")))
    assert (line, repair) == ("W1 = -lr * dW1", "W1 += -lr * dW1")


RATES = """
    import numpy as np
    rng = np.random.default_rng(0)
    X, t = rng.normal(size=(9, 3)), rng.normal(size=9)
    w, b = rng.normal(size=3), 0.5
    for epoch in range(9):
        e = X @ w + b - t
        print(np.sum(e ** 2) / 2)
        w -= 0.05 * X.T @ e
        b -= 0.05 * np.sum(e)
"""


@pytest.mark.parametrize("rate", ["0.05", "rate"])
def test_of_two_updates_the_one_without_the_rate_is_told(rate, tmp_path):
    text = dedent(RATES).replace("0.05", rate)
    if rate == "rate":
        text = text.replace("w, b =", "rate = 0.05\nw, b =")
    file = tmp_path / "rates.py"
    file.write_text(text)
    assert check_script(file).ok
    file.write_text(text.replace(f"b -= {rate} * np.sum(e)", "b -= np.sum(e)"))
    (mistake,) = check_script(file, seconds=60).mistakes
    assert mistake.line.text == "b -= np.sum(e)"
    assert mistake.repair.text in (f"b -= {rate} * np.sum(e)", f"b -= np.sum(e) * {rate}")


CURVE = """
import numpy as np

x = np.linspace(-2, 2, 40)
y = np.sin(x)
a, b, c = 0.3, -0.2, 0.1
for t in range(100):
    out = a + b * x + c * x**2
    print(np.square(out - y).sum())
    slope = 2.0 * (out - y)
    a -= 1e-3 * slope.sum()
    b -= 1e-3 * (slope * x).sum()
    c -= 1e-3 * (slope * x**2).sum()
"""


def test_updates_that_are_right_by_the_symmetry_of_data_say_no_factor(tmp_path):
    """Of an odd target two gradients are just twice the right ones with ``2 * out - y``."""
    line, repair = told(checked(tmp_path, CURVE, ("2.0 * (out - y)", "2.0 * (2 * out - y)")))
    assert line == "slope = 2.0 * (2 * out - y)"
    assert repair == "slope = 2.0 * (out - y)"


LINE = """
import numpy as np

x = np.linspace(-1, 2, 12)
y = 3 * x - 1
w, b, rate = 0.5, 0.0, 0.1
for epoch in range(50):
    error = w * x + b - y
    print(np.mean(error**2))
    dw = 2 * np.mean(error * x)
    db = 2 * np.mean(error)
    w = w - rate * dw
    b = b - rate * db
    rate *= 0.9
"""


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("b = b - rate * db", "b = -(rate * db)"),  # b is 0 when it begins
        ("w = w - rate * dw", "w = (w - rate * dw) * (w * (1 - w))"),
    ],
)
def test_what_is_no_update_any_more_is_wrong(tmp_path, right, wrong):
    line, repair = told(checked(tmp_path, LINE, (right, wrong)))
    assert line == wrong
    assert repair in (right, "b += -(rate * db)")


def test_a_rate_that_only_falls_is_no_parameter(tmp_path):
    report = checked(tmp_path, LINE)
    assert report.ok
    assert "divided by rate = 0.1" in report.assumptions[3]


ROBUST = """
import numpy as np

rng = np.random.default_rng(1)
X, y = rng.normal(size=(25, 5)), 3 * rng.standard_t(2, size=25)
theta, cache = np.zeros(5), np.zeros(5)
for step in range(50):
    r = X @ theta - y
    size = np.abs(r)
    print(np.mean(np.where(size < 1, 0.5 * r**2, size - 0.5)))
    slope = np.where(size < 1, r, np.sign(r))
    grad = X.T @ slope / len(y)
    cache = 0.9 * cache + 0.1 * grad**2
    theta -= 0.01 * grad / (np.sqrt(cache) + 1e-8)
"""


def test_what_no_update_is_made_of_says_no_factor(tmp_path):
    """With r for slope the update is many times the gradient, and slope N times one."""
    line, repair = told(checked(tmp_path, ROBUST, ("X.T @ slope", "X.T @ r")))
    assert line == "grad = X.T @ r / len(y)"
    assert repair == "grad = X.T @ slope / len(y)"


GATES = """
import numpy as np

def slope(a):
    return a * (1 - a)

rng = np.random.default_rng(4)
x, t = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0], [1], [1], [0]])
W, V = rng.normal(size=(2, 3)), rng.normal(size=(3, 1))
for epoch in range(50):
    hidden = 1 / (1 + np.exp(-x @ W))
    out = 1 / (1 + np.exp(-hidden @ V))
    error = t - out
    d_out = error * slope(out)
    d_hidden = d_out @ V.T * slope(hidden)
    V += 0.5 * hidden.T @ d_out
    W += 0.5 * x.T @ d_hidden
    print(np.mean((t - out) ** 2))
"""


def test_the_error_says_the_factor_where_nothing_moves(tmp_path):
    """Targets are 0 and 1, where a sigmoid has no slope."""
    line, repair = told(checked(tmp_path, GATES, ("slope(out)", "slope(t)")))
    assert line == "d_out = error * slope(t)"
    assert repair == "d_out = error * slope(out)"


BATCHES = """
import numpy as np

def cost(W, b, data):
    return sum(0.5 * np.sum((np.tanh(W @ x + b) - y) ** 2) for x, y in data) / len(data)

def error(out, y):
    return out - y

rng = np.random.default_rng(4)
W, b = rng.normal(size=(2, 3)), rng.normal(size=2)
data = [(rng.normal(size=3), rng.normal(size=2)) for i in range(12)]
for epoch in range(10):
    batches = [data[:6], data[6:]]
    for batch in batches:
        dW, db = np.zeros_like(W), np.zeros_like(b)
        for x, y in batch:
            out = np.tanh(W @ x + b)
            delta = error(out, y) * (1 - out**2)
            dW += np.outer(delta, x)
            db += delta
        W = W - 0.1 / len(batch) * dW
        b = b - 0.1 / len(batch) * db
    print(cost(W, b, data))
"""


def test_a_loss_that_is_printed_of_all_data_is_taken_of_the_batch(tmp_path):
    report = checked(tmp_path, BATCHES)
    assert report.ok
    assert "cost(W, b, batch), as cost(W, b, data) is printed" in report.assumptions[1]
    assert "6 × that of the loss" in report.assumptions[3]


@pytest.mark.parametrize("wrong", ["1 - out**2", "error(out, b) * (1 - out**2)"])
def test_a_loss_is_known_though_no_error_is_made(tmp_path, wrong):
    """The rate and the loss both divide by the number of examples."""
    right = "error(out, y) * (1 - out**2)"
    line, repair = told(checked(tmp_path, BATCHES, (right, wrong)))
    assert line == f"delta = {wrong}"
    assert repair in (f"delta = {right}", "delta = (1 - out**2) * (out - y)")


LAYERS = """
import numpy as np

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

def slope(a):
    return a * (1 - a)

def cost(W, V, data):
    return sum(0.5 * np.sum((sigmoid(V @ sigmoid(W @ x)) - y) ** 2) for x, y in data) / len(data)

rng = np.random.default_rng(4)
W, V = rng.normal(size=(4, 3)), rng.normal(size=(2, 4))
data = [(rng.normal(size=(3, 1)), rng.normal(size=(2, 1))) for i in range(12)]
for epoch in range(10):
    batches = [data[:6], data[6:]]
    for batch in batches:
        dW, dV = np.zeros_like(W), np.zeros_like(V)
        for x, y in batch:
            hidden = sigmoid(W @ x)
            out = sigmoid(V @ hidden)
            d_out = (out - y) * slope(out)
            dV += d_out @ hidden.T
            d_hidden = V.T @ d_out * slope(hidden)
            dW += d_hidden @ x.T
        W = W - 0.1 / len(batch) * dW
        V = V - 0.1 / len(batch) * dV
    print(cost(W, V, data))
"""


def test_a_factor_in_the_slope_of_each_layer_is_none_of_all(tmp_path):
    """Besides the number of examples, by which the rate and the loss both divide."""
    slip = "a * (1 - a)", "2 * (a * (1 - a))"
    line, repair = told(checked(tmp_path, LAYERS, slip))
    assert line == "return 2 * (a * (1 - a))"
    assert repair == "return a * (1 - a)"


ZEROS = """
import numpy as np

x = np.linspace(-1, 2, 12).reshape(-1, 1) * [1, 2, 3]
y = 3 * x[:, :1] - 1
w, b, rate = np.zeros((3, 1)), np.zeros(1), 0.1
for epoch in range(50):
    error = x @ w + b - y
    dw = 2 * x.T @ error / len(x)
    db = 2 * np.mean(error, axis=0)
    w = w - rate * dw
    b = b - rate * db
"""


def test_what_is_taken_away_of_a_parameter_is_no_error_of_an_output(tmp_path):
    """There is no loss in the file, so that what the error is says how many times all are."""
    right, wrong = "w = w - rate * dw", "w = 2 * (w - rate * dw)"
    assert told(checked(tmp_path, ZEROS, (right, wrong))) == (wrong, right)
