"""The line that is wrong in a training step."""

import numpy as np

from autograd_mini import check_script, check_step

RNG = np.random.default_rng(0)


def recurrent(p, xs, target):
    """A recurrent step whose cell has a slip: the slope of tanh is taken of its argument."""
    W, V = p["W"], p["V"]
    h, c = {-1: np.zeros(3)}, {-1: np.zeros(3)}
    for t in range(len(xs)):
        joined = np.concatenate([xs[t], h[t - 1]])
        c[t] = 0.5 * c[t - 1] + W @ joined
        h[t] = np.tanh(c[t])
    error = V @ h[len(xs) - 1] - target
    loss = np.sum(error**2) / 2
    dW, dV = np.zeros_like(W), np.outer(error, h[len(xs) - 1])
    dhnext, dcnext = V.T @ error, np.zeros(3)
    for t in reversed(range(len(xs))):
        dh = dhnext
        dc = dh * (1 - c[t] ** 2) + dcnext
        joined = np.concatenate([xs[t], h[t - 1]])
        dW += np.outer(dc, joined)
        dhnext = (W.T @ dc)[2:]
        dcnext = 0.5 * dc
    W -= 0.1 * dW
    V -= 0.1 * dV
    return loss


def test_a_slip_in_a_recurrent_loop_is_one_of_one_line():
    p = {"W": RNG.normal(size=(3, 5)), "V": RNG.normal(size=(2, 3))}
    report = check_step(recurrent, p, RNG.normal(size=(3, 2)), RNG.normal(size=2))
    (mistake,) = report.mistakes
    assert mistake.line.text == "dc = dh * (1 - c[t] ** 2) + dcnext"
    assert mistake.repair.text == "dc = dh * (1 - h[t] ** 2) + dcnext"


def curved(p, xs, target):
    """Two layers, and a slope that no small change makes right."""
    h = np.tanh(xs @ p["W"])
    out = np.tanh(h @ p["V"])
    loss = np.sum((out - target) ** 2) / 2
    dout = out - target
    dz = dout * (1 - out**2)
    dh = dz @ p["V"].T
    dhidden = dh * np.exp(-xs[:, :1]) * (1 + h**4) / 7
    p["W"] -= 0.1 * xs.T @ dhidden
    p["V"] -= 0.1 * h.T @ dz
    return loss


def test_what_a_step_derives_is_known_by_its_numbers_though_it_is_recorded():
    p = {"W": RNG.normal(size=(3, 4)), "V": RNG.normal(size=(4, 2))}
    report = check_step(curved, p, RNG.normal(size=(5, 3)), RNG.normal(size=(5, 2)), seconds=1)
    (mistake,) = report.mistakes
    assert mistake.line.text == "dhidden = dh * np.exp(-xs[:, :1]) * (1 + h**4) / 7"
    assert (mistake.repair.text, mistake.repair.ours) == ("dhidden = dh * (1 - h ** 2)", True)


def test_an_array_that_a_step_gives_another_shape_has_its_own_again():
    def step(p, x, y):
        x.shape += (1,)
        error = p["w"] @ x - y
        loss = np.sum(error**2) / 2
        p["w"] -= 0.1 * error @ x.T
        return loss

    x = RNG.normal(size=3)
    assert check_step(step, {"w": RNG.normal(size=(2, 3))}, x, RNG.normal(size=(2, 1))).ok
    assert x.shape == (3,)


def test_an_update_that_is_wrong_makes_its_gradient_itself():
    def step(p, x, y):
        h = np.tanh(x @ p["w"])
        error = h @ p["v"] - y
        dh = error @ p["v"].T * (1 - h**2)
        p["v"] -= 1e-4 * h.T @ error / 3
        p["w"] -= 1e-4 * x.T @ dh
        return np.sum(error**2) / 2

    p = {"w": RNG.normal(size=(4, 2)), "v": RNG.normal(size=(2, 2))}
    report = check_step(step, p, RNG.normal(size=(6, 4)), 0.0)
    (mistake,) = report.mistakes
    assert (mistake.names, mistake.inherited_by) == (("v",), ())
    assert "inherited" not in str(report)


NEURONS = """\
# pure python, the 2-2-2 textbook, objects
import math, random
random.seed(1)
class Neuron:

    def __init__(self, n):
        self.weights = [random.uniform(-1, 1) for _ in range(n)]
        self.bias = random.uniform(-1, 1)

    def activate(self, inputs):
        self.inputs = inputs
        s = self.bias
        for w, x in zip(self.weights, inputs):
            s += w * x
        self.output = 1.0 / (1.0 + math.exp(-s))
        return self.output

class Net:

    def __init__(self, sizes):
        self.layers = [[Neuron(a) for _ in range(b)] for a, b in zip(sizes, sizes[1:])]

    def feed(self, x):
        for layer in self.layers:
            x = [n.activate(x) for n in layer]
        return x

    def train(self, x, t, lr):
        out = self.feed(x)
        for n, o, target in zip(self.layers[-1], out, t):
            n.delta = (o - target) * o * (1 - o)
        for i in reversed(range(len(self.layers) - 1)):
            for j, n in enumerate(self.layers[i]):
                err = sum(m.weights[j] * m.delta for m in self.layers[i + 1])
                n.delta = err * n.output * (1 - n.output)
        for layer in self.layers:
            for n in layer:
                for k in range(len(n.weights)):
                    n.weights[k] -= lr * n.delta * n.inputs[0]
                n.bias -= lr * n.delta
        return 0.5 * sum((a - b) ** 2 for a, b in zip(out, t))

data = [([0, 0], [0]), ([0, 1], [1]), ([1, 0], [1]), ([1, 1], [0])]
net = Net([2, 3, 1])
for epoch in range(3000):
    error = 0
    for x, t in data:
        error += net.train(x, t, 0.5)
    if epoch % 500 == 0:
        print('>epoch=%d, error=%.3f' % (epoch, error))
"""


def test_a_line_that_mends_all_comes_before_a_loop_that_mends_a_part(tmp_path):
    """Nine turns of the line, of which the first and the last do not reach every neuron."""
    file = tmp_path / "neurons.py"
    file.write_text(NEURONS)
    (mistake,) = check_script(file).mistakes
    assert mistake.repair.text == "n.weights[k] -= lr * n.delta * n.inputs[k]"
    assert len(mistake.repairs) == 1
