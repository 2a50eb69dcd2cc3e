"""Slips in training scripts whose line tells itself only by what it is handed, turn by turn."""

import numpy as np
import pytest

from autograd_mini import check_script

SAMPLES = """
import numpy as np

def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))

def sigmoid_prime(z):
    return sigmoid(z) * (1 - sigmoid(z))

def backprop(weights, biases, x, y):
    nabla_b = [np.zeros(b.shape) for b in biases]
    nabla_w = [np.zeros(w.shape) for w in weights]
    activations, zs = [x], []
    for b, w in zip(biases, weights):
        zs.append(np.dot(w, activations[-1]) + b)
        activations.append(sigmoid(zs[-1]))
    delta = (activations[-1] - y) * sigmoid_prime(zs[-1])
    nabla_b[-1] = delta
    nabla_w[-1] = np.dot(delta, activations[-2].T)
    for l in range(2, len(weights) + 1):
        sp = sigmoid_prime(zs[-l])
        delta = np.dot(weights[-l + 1].T, delta) * sp
        nabla_b[-l] = delta
        nabla_w[-l] = np.dot(delta, activations[-l - 1].T)
    return nabla_b, nabla_w

def train(weights, biases, batch, eta):
    sum_b = [np.zeros(b.shape) for b in biases]
    sum_w = [np.zeros(w.shape) for w in weights]
    for x, y in batch:
        nabla_b, nabla_w = backprop(weights, biases, x, y)
        sum_b = [s + n for s, n in zip(sum_b, nabla_b)]
        sum_w = [s + n for s, n in zip(sum_w, nabla_w)]
    weights = [w - (eta / len(batch)) * s for w, s in zip(weights, sum_w)]
    biases = [b - (eta / len(batch)) * s for b, s in zip(biases, sum_b)]
    return weights, biases

rng = np.random.default_rng(0)
weights = [rng.normal(size=(3, 2)), rng.normal(size=(4, 3)), rng.normal(size=(2, 4))]
biases = [rng.normal(size=(n, 1)) for n in (3, 4, 2)]
batch = [(rng.normal(size=(2, 1)), np.array([[i % 2], [1 - i % 2]])) for i in range(3)]
for epoch in range(10):
    weights, biases = train(weights, biases, batch, 3.0)
"""


def script(folder, text):
    (folder / "program.py").write_text(text)
    return str(folder / "program.py")


def slipped(text, right, wrong):
    assert text.count(right) == 1
    return text.replace(right, wrong)


def assert_mended(slip, text, wrong_text, *names):
    """That with a repair a program comes to the numbers of the right one."""
    mended = wrong_text.replace(slip.line.text.strip(), slip.repair.text.strip())
    exec(text, right := {})
    exec(mended, found := {})
    for name in names:
        np.testing.assert_allclose(found[name], right[name], rtol=1e-12)


def told(folder, text, right, wrong):
    """The one mistake that is told of a slip, with the line that is told and that of the slip."""
    (slip,) = check_script(script(folder, slipped(text, right, wrong)), seconds=60).mistakes
    return slip, slip.line.number, text[: text.index(right)].count("\n") + 1


def test_samples_one_by_one_through_layers_of_several_widths_are_right(tmp_path):
    """Lists of arrays of several shapes, one minus the other, are no output and target."""
    report = check_script(script(tmp_path, SAMPLES))
    assert report.ok, str(report)


@pytest.mark.slow
@pytest.mark.parametrize(
    "wrong", ["sigmoid(z)", "(sigmoid(z) * (1 - sigmoid(z))).sum(axis=0)", "sigmoid(z) * 1"]
)
def test_a_helper_for_a_local_derivative_that_several_layers_call(wrong, tmp_path):
    """In each call it is handed another value, of another shape."""
    right = "sigmoid(z) * (1 - sigmoid(z))"
    slip, line, where = told(tmp_path, SAMPLES, f"return {right}", f"return {wrong}")
    assert line == where
    assert slip.repair.text.removesuffix(" * 1") == f"return {right}"


@pytest.mark.slow
def test_a_line_in_a_loop_over_layers_that_reads_no_value_of_theirs(tmp_path, tried):
    """It makes what another is read for beside it, in each turn of another shape."""
    right = "np.dot(weights[-l + 1].T, delta) * sp"
    text = SAMPLES.replace(f"delta = {right}", f"back = {right[:-5]}\n        delta = back * sp")
    slip, line, where = told(tmp_path, text, "delta = back * sp", "delta = sp")
    assert line == where
    assert slip.repair.text in ("delta = back * sp", "delta = sp * back")
    assert len(tried) < 200  # it takes the line above it to be wrong otherwise


DICTS = """
import numpy as np

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

def forward(layers, x):
    out = x
    for layer in layers:
        layer["input"] = out
        layer["z"] = layer["W"] @ out
        layer["out"] = out = sigmoid(layer["z"])
    return out

def backward(layers, y):
    delta = layers[-1]["out"] - y
    for i in range(len(layers) - 1, -1, -1):
        layer = layers[i]
        layer["dW"] = delta @ layer["input"].T / y.shape[1]
        if i > 0:
            below = layers[i - 1]["out"]
            delta = layer["W"].T @ delta * below * (1 - below)

def loss(out, y):
    return -np.mean(np.sum(y * np.log(out) + (1 - y) * np.log(1 - out), axis=0))

rng = np.random.default_rng(0)
layers = [{"W": rng.normal(size=(n, m))} for m, n in ((2, 5), (5, 3), (3, 1))]
x, y = rng.normal(size=(2, 7)), rng.integers(0, 2, (1, 7))
for step in range(10):
    print(loss(forward(layers, x), y))
    backward(layers, y)
    for layer in layers:
        layer["W"] -= 0.5 * layer["dW"]
"""


@pytest.mark.slow
@pytest.mark.parametrize("wrong", ["1 - below", "below * (1 - below)"])
def test_a_line_is_written_from_gradients_that_are_n_times_those_of_the_loss(wrong, tmp_path):
    """In its place stands what is left of the user's own line, and the names are the user's."""
    right = "layer['W'].T @ delta * below * (1 - below)"
    slip, line, where = told(tmp_path, DICTS.replace('"', "'"), right, wrong)
    assert line == where
    assert slip.repair.ours
    assert slip.repair.text.replace("(below * (1 - below))", "below * (1 - below)").endswith(right)
    assert "7 times the gradient" in slip.reason


NUMBERS = """
import math
x, w1, w2, eta, target = 0.05, 0.15, 0.4, 0.5, 0.97
for step in range(10):
    h = 1 / (1 + math.exp(-w1 * x))
    net = w2 * h
    o = 1 / (1 + math.exp(-net))
    error = 0.5 * (target - o) ** 2
    print(error)
    delta_o = -(target - o) * o * (1 - o)
    delta_h = delta_o * w2 * h * (1 - h)
    w2 = w2 - eta * delta_o * h
    w1 = w1 - eta * delta_h * x
"""


def test_single_numbers_are_written_by_their_names(tmp_path):
    """A number that is equal to a gradient by chance, as a rate, is none."""
    right = "-(target - o) * o * (1 - o)"
    slip, line, where = told(tmp_path, NUMBERS, right, "1 - o")
    assert line == where
    assert slip.repair.text == f"delta_o = {right}"


SLOPE = """
def step(b_now, m_now, points, rate):
    b_gradient = 0
    m_gradient = 0
    count = float(len(points))
    for x, y in points:
        b_gradient += -(2 / count) * (y - ((m_now * x) + b_now))
        m_gradient += -(2 / count) * x * (y - ((m_now * x) + b_now))
    new_b = b_now - (rate * b_gradient)
    new_m = m_now - (rate * m_gradient)
    return [new_b, new_m]

b, m = 0.0, 0.0
for i in range(20):
    b, m = step(b, m, [(0.3, 1.1), (0.9, 1.9), (1.7, 3.2), (2.2, 3.8)], 0.01)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("m_now - (rate * m_gradient)", "m_now + (rate * m_gradient)"),  # the other has its minus
        ("new_b = b_now - (rate * b_gradient)", "new_b = b_now"),
        ("m_gradient += -(2 / count) * x * (y - ((m_now * x) + b_now))", "m_gradient += 0"),
        ("m_gradient += -(2 / count) * x * (y", "m_gradient += x * (y"),  # says no sign of all
        (  # right for an error that m does not move
            "b_gradient += -(2 / count) * (y - ((m_now * x) + b_now))",
            "b_gradient += -(2 / count) * (y - (x + b_now))",
        ),
    ],
)
def test_a_line_is_like_those_beside_it(right, wrong, tmp_path):
    slip, line, where = told(tmp_path, SLOPE, right, wrong)
    assert line == where
    assert_mended(slip, SLOPE, slipped(SLOPE, right, wrong), "b", "m")


COSTS = """
import numpy as np

rng = np.random.default_rng(0)
X, y = rng.normal(size=(20, 3)), rng.normal(size=(20, 1))
theta, alpha, lam, costs = np.zeros((3, 1)), 0.05, 0.1, []
for step in range(30):
    errors = X.dot(theta) - y
    costs.append((np.sum(errors**2) + lam * np.sum(theta[1:] ** 2)) / (2 * len(y)))
    penalty = lam * theta
    penalty[0] = 0
    grad = (X.T.dot(errors) + penalty) / len(y)
    theta = theta - alpha * grad
"""


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("(X.T.dot(errors) + penalty) / len(y)", "penalty / len(y)"),  # not penalty[0] = 0
        ("theta - alpha * grad", "theta"),
    ],
)
def test_a_line_of_one_update(right, wrong, tmp_path):
    """A line that puts 0 into a part makes nothing else; what changes nothing has a rate by its
    name.
    """
    slip, line, where = told(tmp_path, COSTS, right, wrong)
    assert line == where
    assert_mended(slip, COSTS, slipped(COSTS, right, wrong), "theta")


LISTS = """
import math

network = [[{"weights": [0.3, -0.2, 0.1]}, {"weights": [-0.4, 0.25, 0.2]}],
           [{"weights": [0.5, -0.3, 0.05]}, {"weights": [0.1, 0.35, -0.15]}]]

def transfer(row, inputs):
    return 1 / (1 + math.exp(-sum(w * x for w, x in zip(row, inputs)) - row[-1]))

def forward(inputs):
    for layer in network:
        for neuron in layer:
            neuron["output"] = transfer(neuron["weights"], inputs)
        inputs = [neuron["output"] for neuron in layer]
    return inputs

def backward(expected):
    for i in reversed(range(2)):
        layer, errors = network[i], []
        for j in range(2):
            if i == 1:
                errors.append(layer[j]["output"] - expected[j])
            else:
                error = 0.0
                for neuron in network[1]:
                    error += neuron["weights"][j] * neuron["delta"]
                errors.append(error)
        for j in range(2):
            layer[j]["delta"] = errors[j] * layer[j]["output"] * (1 - layer[j]["output"])

def update(inputs, rate):
    for layer in network:
        for neuron in layer:
            for j in range(2):
                neuron["weights"][j] -= rate * neuron["delta"] * inputs[j]
            neuron["weights"][2] -= rate * neuron["delta"]
        inputs = [neuron["output"] for neuron in layer]

for epoch in range(20):
    sum_error = 0
    for inputs, expected in (([2.78, -2.55], [1, 0]), ([1.46, 2.36], [0, 1])):
        outputs = forward(inputs)
        sum_error += sum((expected[i] - outputs[i]) ** 2 for i in range(2))
        backward(expected)
        update(inputs, 0.5)
    print(sum_error)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("""layer[j]["output"] - expected[j])""", """layer[j]["output"] - expected[j - 1])"""),
        ("""layer[j]["output"] - expected[j])""", """layer[j - 1]["output"] - expected[j])"""),
        ("""neuron["weights"][j] * neuron["delta"]""", """neuron["delta"]"""),
        ("errors.append(error)", "errors.append(0.5 * error)"),  # not the sum's own line
        ("""error += neuron["weights"][j] * neuron["delta"]""", "error += 0"),
        # As the output's error is written, all are 1/2 of the gradients, be more right without that
        ("""neuron["weights"][j] * n""", """2 * neuron["weights"][j] * n"""),
        ("""errors[j] * layer[j]""", """0.5 * errors[j] * layer[j]"""),
    ],
)
def test_a_slip_in_lists_of_numbers(right, wrong, tmp_path):
    """The output's error is 1/2 of the gradient of a sum of squares, whatever is taken from it."""
    slip, line, where = told(tmp_path, LISTS, right, wrong)
    assert line == where
    assert_mended(slip, LISTS, slipped(LISTS, right, wrong), "sum_error")


CLASSES = """
import numpy as np

rng = np.random.default_rng(3)

class Dense:
    def __init__(self, n, m):
        self.W = rng.normal(size=(n, m))

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, up):
        self.dW = self.x.T @ up
        self.dW += 0.01 * self.W
        return up @ self.W.T

class ReLU:
    def forward(self, x):
        self.mask = x > 0
        return x * self.mask

    def backward(self, up):
        return up * self.mask

first, relu, last = Dense(3, 5), ReLU(), Dense(5, 2)
X, t = rng.normal(size=(8, 3)), rng.normal(size=(8, 2))
for epoch in range(30):
    out = last.forward(relu.forward(first.forward(X)))
    loss = 0.5 * np.sum((out - t) ** 2) + 0.005 * (np.sum(first.W**2) + np.sum(last.W**2))
    print(loss)
    first.backward(relu.backward(last.backward(out - t)))
    for layer in (first, last):
        layer.W -= 0.01 * layer.dW
"""


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("return up * self.mask", "return up"),  # which forward keeps, and nothing else reads
        ("self.dW += 0.01 * self.W", "self.dW += 0"),  # a line that does nothing
    ],
)
def test_a_line_that_does_too_little_is_told_before_others(right, wrong, tmp_path):
    slip, line, where = told(tmp_path, CLASSES, right, wrong)
    assert line == where
    assert slip.repair.text == right


XOR = """
import numpy as np

rng = np.random.default_rng(0)
x, t = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array([[0], [1], [1], [0]])
V, c, W, b = rng.random((2, 1)), rng.random((1, 1)), rng.random((2, 2)), rng.random((1, 2))
for epoch in range(100):
    hidden = 1 / (1 + np.exp(-(np.dot(x, W) + b)))
    predicted = 1 / (1 + np.exp(-(np.dot(hidden, V) + c)))
    error = t - predicted
    d_predicted = error * predicted * (1 - predicted)
    error_hidden = d_predicted.dot(V.T)
    d_hidden = error_hidden * hidden * (1 - hidden)
    V += hidden.T.dot(d_predicted) * 0.5
    c += np.sum(d_predicted, axis=0, keepdims=True) * 0.5
    W += x.T.dot(d_hidden) * 0.5
    b += np.sum(d_hidden, axis=0, keepdims=True) * 0.5
    print(np.mean((t - predicted) ** 2))
"""


def test_a_name_that_what_is_handed_on_is_given_twice(tmp_path):
    """All are 2 times the gradients, and just 2, as the output's error is written."""
    right = "error_hidden * hidden * (1 - hidden)"
    slip, line, where = told(tmp_path, XOR, right, "error_hidden")
    assert line == where
    assert_mended(slip, XOR, slipped(XOR, right, "error_hidden"), "V", "W")


CHARACTERS = """
import numpy as np

rng = np.random.default_rng(0)
Wxh, Whh = 0.3 * rng.normal(size=(4, 3)), 0.3 * rng.normal(size=(4, 4))
Why = rng.normal(size=(3, 4))
bh, by = np.zeros((4, 1)), np.zeros((3, 1))

def loss_and_gradients(inputs, targets, hprev):
    xs, hs, ys, ps = {}, {}, {}, {}
    hs[-1] = np.copy(hprev)
    loss = 0
    for t in range(len(inputs)):
        xs[t] = np.zeros((3, 1))
        xs[t][inputs[t]] = 1
        hs[t] = np.tanh(np.dot(Wxh, xs[t]) + np.dot(Whh, hs[t - 1]) + bh)
        ys[t] = np.dot(Why, hs[t]) + by
        ps[t] = np.exp(ys[t]) / np.sum(np.exp(ys[t]))
        loss += -np.log(ps[t][targets[t], 0])
    dWxh, dWhh, dWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
    dbh, dby = np.zeros_like(bh), np.zeros_like(by)
    dhnext = np.zeros_like(hs[0])
    for t in reversed(range(len(inputs))):
        dy = np.copy(ps[t])
        dy[targets[t]] -= 1
        dWhy += np.dot(dy, hs[t].T)
        dby += dy
        dh = np.dot(Why.T, dy) + dhnext
        dhraw = (1 - hs[t] * hs[t]) * dh
        dbh += dhraw
        dWxh += np.dot(dhraw, xs[t].T)
        dWhh += np.dot(dhraw, hs[t - 1].T)
        dhnext = np.dot(Whh.T, dhraw)
    for dparam in [dWxh, dWhh, dWhy, dbh, dby]:
        np.clip(dparam, -5, 5, out=dparam)
    return loss, dWxh, dWhh, dWhy, dbh, dby

for n in range(100):
    inputs, targets = [0, 1, 2, 1], [1, 2, 1, 0]
    loss, dWxh, dWhh, dWhy, dbh, dby = loss_and_gradients(inputs, targets, np.zeros((4, 1)))
    print(loss)
    for param, dparam in zip([Wxh, Whh, Why, bh, by], [dWxh, dWhh, dWhy, dbh, dby]):
        param -= 0.1 * dparam
"""


def test_a_state_of_zeros_takes_no_factor_away(tmp_path):
    """``1 - hs[-1] * hs[t]`` is 1 before the first turn, whatever the parameters are."""
    right = "dhraw = (1 - hs[t] * hs[t]) * dh"
    slip, line, where = told(tmp_path, CHARACTERS, right, f"{right} * (1 - hs[t] * hs[t])")
    assert line == where
    assert slip.repair.text == right


def test_a_line_that_should_hand_on_a_value_in_each_turn(tmp_path, tried):
    """A bias of zeros, copied, is no array that waits to be filled."""
    slip, line, where = told(tmp_path, CHARACTERS, "np.copy(ps[t])", "np.copy(by)")
    assert line == where
    assert slip.repair.text == "dy = np.copy(ps[t])"
    assert len(tried) < 500  # those of the line below, too, where it is not known what is meant


def test_a_line_that_makes_other_gradients_than_its_name_says(tmp_path, tried):
    """In each turn it is the gradient of ``ys[t]``, and not the sum of all: of ``by``."""
    slip, line, where = told(tmp_path, CHARACTERS, "dby += dy", "dby = dy")
    assert line == where
    assert slip.repair.text == "dby += dy"
    assert len(tried) < 1000  # where only what clips it makes it right, all lines are searched


def test_a_sign_is_wrong_in_the_sum_not_where_its_term_is_made(tmp_path):
    right = "dh = np.dot(Why.T, dy) + dhnext"
    slip, line, where = told(tmp_path, CHARACTERS, right, "dh = np.dot(Why.T, dy) - dhnext")
    assert line == where
    assert slip.repair.text == right


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("dh = np.dot(Why.T, dy) + dhnext", "dh = (np.dot(Why.T, dy) + dhnext).sum(axis=0)"),
        ("dhraw = (1 - hs[t] * hs[t]) * dh", "dhraw = (1 - hs[t] * hs[t]) * dbh"),  # 0 at first
    ],
)
def test_what_a_line_should_make_in_each_turn_is_known(right, wrong, tmp_path, tried):
    slip, line, where = told(tmp_path, CHARACTERS, right, wrong)
    assert line == where
    assert slip.repair.text == right
    assert len(tried) < 1000  # where it is not, all lines are searched


POOL = """
import numpy as np

rng = np.random.default_rng(0)
W, V = rng.normal(size=(4, 4)), rng.normal(size=(4, 3))
for x, y in zip(rng.normal(size=(20, 6, 4)), rng.integers(0, 3, 20)):
    features = x[:4] @ W
    pooled = np.zeros((2, 2))
    for i in range(2):
        for j in range(2):
            pooled[i, j] = np.max(features[2 * i : 2 * i + 2, 2 * j : 2 * j + 2])
    scores = pooled.ravel() @ V
    p = np.exp(scores) / np.sum(np.exp(scores))
    print(-np.log(p[y]))
    dscores = p.copy()
    dscores[y] -= 1
    dV = np.outer(pooled.ravel(), dscores)
    d_pooled = (V @ dscores).reshape(2, 2)
    d_features = np.zeros((4, 4))
    for i in range(2):
        for j in range(2):
            block = features[2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
            d_block = (block == pooled[i, j]) * d_pooled[i, j]
            d_features[2 * i : 2 * i + 2, 2 * j : 2 * j + 2] = d_block
    W -= 0.1 * x[:4].T @ d_features
    V -= 0.1 * dV
"""


def test_an_element_that_is_read_nowhere_is_at_hand_where_one_of_its_shape_is(tmp_path):
    right, wrong = "(block == pooled[i, j]) * d_pooled[i, j]", "block == pooled[i, j]"
    slip, line, where = told(tmp_path, POOL, right, wrong)
    assert line == where
    assert right in slip.repair.text
    assert not slip.repair.ours


AT_ONCE = slipped(
    slipped(POOL, "            d_features[2 * i : 2 * i + 2, 2 * j : 2 * j + 2] = d_block\n", ""),
    "d_block",
    "d_features[2 * i : 2 * i + 2, 2 * j : 2 * j + 2]",
)


def test_a_factor_is_lost_that_compares_what_is_read_nowhere_any_more(tmp_path):
    right, wrong = "(block == pooled[i, j]) * d_pooled[i, j]", "d_pooled[i, j]"
    slip, line, where = told(tmp_path, AT_ONCE, right, wrong)
    assert line == where
    assert right in slip.repair.text
    assert not slip.repair.ours


@pytest.mark.parametrize(
    "wrong",
    ["2 * features[{}]", "d_features[{}]", "features[{}].sum(axis=0)"],
)
def test_what_is_only_asked_to_be_equal_is_wrong_where_it_is_made(wrong, tmp_path):
    """Other numbers there are equal to nothing either: what it spoils is not seen by these."""
    part = "2 * i : 2 * i + 2, 2 * j : 2 * j + 2"
    right = f"block = features[{part}]"
    slip, line, where = told(tmp_path, AT_ONCE, right, f"block = {wrong.format(part)}")
    assert line == where
    assert slip.repair.text == right


LAYERS = """
import numpy as np

class Dense:
    def __init__(self, n_in, n_out, rng):
        self.W = rng.normal(size=(n_in, n_out))

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, grad):
        self.dW = self.x.T @ grad
        return grad @ self.W.T

class Tanh:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, grad):
        return grad * (1 - self.y**2)

rng = np.random.default_rng(0)
x, t = rng.normal(size=(9, 4)), rng.normal(size=(9, 2))
layers = [Dense(4, 3, rng), Tanh(), Dense(3, 2, rng)]
for epoch in range(50):
    out = x
    for layer in layers:
        out = layer.forward(out)
    print(np.sum((out - t) ** 2))
    grad = 2 * (out - t)
    for layer in reversed(layers):
        grad = layer.backward(grad)
    for layer in layers:
        if hasattr(layer, "W"):
            layer.W -= 0.01 * layer.dW
"""


def test_a_wrong_sign_in_each_turn_is_told_where_it_is_made(tmp_path):
    """Of the last layer nobody uses what it hands back, so that it is no gradient of the loss."""
    right = "return grad @ self.W.T"
    slip, line, where = told(tmp_path, LAYERS, right, "return -(grad @ self.W.T)")
    assert line == where
    assert slip.repair.text == right


FILTERS = """
import numpy as np

rng = np.random.default_rng(0)
filters, weights = rng.normal(size=(2, 3)), rng.normal(size=(12, 4))
for x, y in zip(rng.normal(size=(20, 8)), rng.integers(0, 4, 20)):
    out = np.zeros((6, 2))
    for i in range(6):
        out[i] = np.sum(filters * x[i : i + 3], axis=1)
    hidden = np.tanh(out)
    scores = hidden.ravel() @ weights
    p = np.exp(scores) / np.sum(np.exp(scores))
    print(-np.log(p[y]))
    p[y] -= 1
    d_weights = np.outer(hidden.ravel(), p)
    d_out = (weights @ p).reshape(6, 2) * (1 - hidden**2)
    d_filters = np.zeros((2, 3))
    for i in range(6):
        for f in range(2):
            d_filters[f] += d_out[i, f] * x[i : i + 3]
    weights -= 0.1 * d_weights
    filters -= 0.1 * d_filters
"""


def test_parts_that_are_assigned_where_they_are_added_are_tried_early(tmp_path, tried):
    right = "d_filters[f] += d_out[i, f] * x[i : i + 3]"
    slip, line, where = told(tmp_path, FILTERS, right, right.replace("+=", "="))
    assert line == where
    assert slip.repair.text == right
    assert len(tried) < 100  # what one turn makes is no gradient


def test_a_rate_is_lost_in_the_update_where_the_gradient_is_right_by_its_numbers(tmp_path):
    """By its name it is none: there is no ``w``."""
    text = FILTERS.replace("d_weights", "d_w")
    slip, line, where = told(tmp_path, text, "weights -= 0.1 * d_w", "weights -= d_w")
    assert line == where
    assert slip.repair.text == "weights -= 0.1 * d_w"


LOGISTIC = """
import numpy as np

rng = np.random.default_rng(0)
X, y = rng.normal(size=(9, 3)), rng.integers(0, 2, size=(9, 1))
w, b = np.zeros((3, 1)), np.zeros(1)
for step in range(50):
    a = 1 / (1 + np.exp(-(X @ w + b)))
    print(-np.sum(y * np.log(a) + (1 - y) * np.log(1 - a)) / len(X))
    da = -(y / a - (1 - y) / (1 - a))
    dz = da * a * (1 - a)
    dw = X.T @ dz / len(X)
    db = dz.sum(axis=0) / len(X)
    w -= 0.1 * dw
    b -= 0.1 * db
"""


def test_a_sign_is_wrong_where_n_times_a_gradient_loses_it(tmp_path):
    """What is so many times the gradient that its name says is right, its sign too."""
    slip, line, where = told(tmp_path, LOGISTIC, "da * a * (1 - a)", "da * a * (a - 1)")
    assert line == where
    assert slip.repair.text in ("dz = da * a * (1 - a)", "dz = -(da * a * (a - 1))")


MARGINS = """
import numpy as np

rng = np.random.default_rng(9)
X, y, W, reg = rng.normal(size=(8, 4)), rng.integers(0, 3, 8), 0.1 * rng.normal(size=(4, 3)), 1e-2
n = len(X)
for step in range(10):
    scores = X.dot(W)
    margins = np.maximum(0, scores - scores[np.arange(n), y].reshape(-1, 1) + 1)
    margins[np.arange(n), y] = 0
    print(margins.sum() / n + reg * np.sum(W * W))
    binary = (margins > 0).astype(float)
    binary[np.arange(n), y] = -binary.sum(axis=1)
    dW = 2 * reg * W + X.T @ (binary / n)
    W -= 0.05 * dW
"""


def test_a_line_is_written_from_a_gradient_that_is_n_times_too_large(tmp_path, tried):
    """What is left of the line stays as it is.  No unlikely changes are tried then."""
    slip, line, where = told(tmp_path, MARGINS, " + X.T @ (binary / n)", "")
    assert line == where
    assert slip.repair.text == "dW = 2 * reg * W + X.T @ (binary / n)"
    assert slip.repair.ours
    assert len(tried) < 400


def test_a_size_is_lost_where_n_times_a_gradient_is_added_to_one(tmp_path):
    """What is handed on as N times a gradient may be so."""
    right = "dW = 2 * reg * W + X.T @ (binary / n)"
    slip, line, where = told(tmp_path, MARGINS, right, "dW = 2 * reg * W + X.T @ binary")
    assert line == where
    assert slip.repair.text == "dW = 2 * reg * W + X.T @ binary / n"


RIDGE = """
import numpy as np

rng = np.random.default_rng(0)
X, y, lam = np.c_[np.ones(9), rng.normal(size=(9, 3))], rng.normal(size=(9, 1)), 2.0
theta = np.zeros((4, 1))
for step in range(10):
    errors = X.dot(theta) - y
    print((errors.T.dot(errors)[0, 0] + lam * np.sum(theta[1:] ** 2)) / (2 * len(y)))
    residual = X.dot(theta) - y
    penalty = lam * theta
    penalty[0] = 0
    grad = (X.T.dot(residual) + penalty) / len(y)
    theta = theta - 0.1 * grad
"""


def test_a_value_of_the_forward_pass_may_stand_where_another_belongs(tmp_path):
    """What is made is right for the output, which is not what the gradient is made of."""
    right = "residual = X.dot(theta) - y"
    slip, line, where = told(tmp_path, RIDGE, right, "residual = X.dot(theta)")
    assert line == where
    assert slip.repair.text == right


ADDING = """
import numpy as np

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

def slope(a):
    return a * (1 - a)

rng = np.random.default_rng(2)
x, t = rng.normal(size=(5, 2)), rng.integers(0, 2, (5, 1))
W, b, V, c = rng.normal(size=(2, 4)), np.zeros((1, 4)), rng.normal(size=(4, 1)), np.zeros((1, 1))
for epoch in range(10):
    hidden = sigmoid(x @ W + b)
    out = sigmoid(hidden @ V + c)
    d_out = (t - out) * slope(out)
    d_hidden = d_out @ V.T * slope(hidden)
    V += hidden.T @ d_out * 0.5
    c += np.sum(d_out, axis=0, keepdims=True) * 0.5
    W += x.T @ d_hidden * 0.5
    b += np.sum(d_hidden, axis=0, keepdims=True) * 0.5
    print(np.mean((t - out) ** 2))
"""


def test_what_is_n_times_a_gradient_has_the_sign_of_what_gives_right_ones(tmp_path):
    """Where updates add, all that they are made of is minus N times a gradient."""
    right, wrong = "d_out @ V.T * slope(hidden)", "slope(hidden)"
    slip, line, where = told(tmp_path, ADDING, f"d_hidden = {right}", f"d_hidden = {wrong}")
    assert line == where
    assert slip.repair.text == f"d_hidden = {right}"  # with a bias that is 0, and a helper's value


WEIGHTED = """
import numpy as np

rng = np.random.default_rng(0)
X, labels, weights = rng.normal(size=(9, 4)), rng.integers(0, 3, 9), rng.uniform(1, 2, size=(9, 1))
targets = np.eye(3)[labels]
W = 0.1 * rng.normal(size=(4, 3))
for step in range(10):
    exps = np.exp(X @ W)
    probs = exps / exps.sum(axis=1, keepdims=True)
    print(-np.mean(weights[:, 0] * np.log(probs[np.arange(9), labels])))
    d_probs = -weights * targets / probs / len(X)
    inner = np.sum(d_probs * probs, axis=1, keepdims=True)
    d_scores = probs * (d_probs - inner)
    W -= 0.1 * X.T @ d_scores
"""


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("d_scores = probs * (d_probs - inner)", "d_scores = probs"),
        ("d_scores = weights / len(X) * (probs - targets)", "d_scores = weights / len(X)"),
    ],
)
def test_a_factor_is_lost_that_is_what_two_operands_differ_by(right, wrong, tmp_path):
    text = slipped(WEIGHTED, "d_scores = probs * (d_probs - inner)", right)
    slip, line, where = told(tmp_path, text, right, wrong)
    assert line == where
    assert slip.repair.text == right
    assert not slip.repair.ours
