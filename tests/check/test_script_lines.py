"""Slips in training scripts whose line tells itself only by what it is handed, turn by turn."""

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


def told(folder, text, right, wrong):
    """The one mistake that is told of a slip, with the line that is told and that of the slip."""
    (slip,) = check_script(script(folder, slipped(text, right, wrong)), seconds=60).mistakes
    return slip, slip.line.number, text[: text.index(right)].count("\n") + 1


def test_samples_one_by_one_through_layers_of_several_widths_are_right(tmp_path):
    """Lists of arrays of several shapes, one minus the other, are no output and target."""
    report = check_script(script(tmp_path, SAMPLES))
    assert report.ok, str(report)


@pytest.mark.parametrize(
    "wrong", ["sigmoid(z)", "(sigmoid(z) * (1 - sigmoid(z))).sum(axis=0)", "sigmoid(z) * 1"]
)
def test_a_helper_for_a_local_derivative_that_several_layers_call(wrong, tmp_path):
    """In each call it is handed another value, of another shape."""
    right = "sigmoid(z) * (1 - sigmoid(z))"
    slip, line, where = told(tmp_path, SAMPLES, f"return {right}", f"return {wrong}")
    assert line == where
    assert slip.repair.text.removesuffix(" * 1") == f"return {right}"
