"""Backward passes as tutorials and courses print them, each held against the loss it claims.

Many published derivations are right, but for another loss than the one that stands beside
them; then training works all the same, with another learning rate than the one written down.
A few are wrong.  Each derivation here is written anew from its formulas, checked, and followed
by the exact relation between what it computes and the gradient of its loss.

Run it with ``python examples/published_derivations.py``; it ends with status 1 if a relation
does not hold.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from autograd_mini import GradientReport, check_gradients

Arrays = dict[str, np.ndarray]
learning_rate = 0.1
IRIS = Path(__file__).resolve().parent / "data" / "iris.csv"


class Case(NamedTuple):
    """One derivation, what was found, and how it stands to the gradient of its loss.

    ``factor`` is what all its gradients are times those of the loss, ``None`` if there is no
    such number.
    """

    title: str
    found: Callable[[], GradientReport]
    factor: float | None
    culprits: tuple[str, ...]


def sigmoid(z: Any) -> Any:
    """The logistic function, as everybody writes it."""
    return 1 / (1 + np.exp(-z))


def softmax(z: Any) -> Any:
    """Exponentials over their sum, row by row."""
    e = np.exp(z)
    return e / np.sum(e, axis=1, keepdims=True)


# 1. A three-layer classifier: delta3 = yhat - y


def classifier(reduction: str) -> GradientReport:
    """Two sigmoid layers and softmax; the derivation starts from ``yhat - y``.

    ``reduction`` is the loss: the ``"sum"`` of −y·log(yhat), its mean over the ``"samples"``,
    or ``np.mean`` over all ``"elements"``.
    """
    rng = np.random.default_rng(1)
    n, sizes = 32, (20, 12, 8, 4)
    x, y = rng.random((n, sizes[0])), np.eye(sizes[-1])[rng.integers(0, sizes[-1], n)]
    params = {}
    for layer, (n_in, n_out) in enumerate(pairwise(sizes), 1):
        params[f"W{layer}"] = rng.normal(size=(n_in, n_out))
        params[f"b{layer}"] = rng.random((1, n_out))

    def loss(W1: Any, b1: Any, W2: Any, b2: Any, W3: Any, b3: Any) -> Any:
        Z1 = x @ W1 + b1
        Z2 = sigmoid(Z1) @ W2 + b2
        Z3 = sigmoid(Z2) @ W3 + b3
        surprise = -y * np.log(softmax(Z3))
        if reduction == "elements":
            return np.mean(surprise)
        return np.sum(surprise) / (n if reduction == "samples" else 1)

    def manual(W1: Any, b1: Any, W2: Any, b2: Any, W3: Any, b3: Any) -> Arrays:
        A1 = sigmoid(x @ W1 + b1)
        A2 = sigmoid(A1 @ W2 + b2)
        yhat = softmax(A2 @ W3 + b3)
        delta3 = yhat - y
        delta2 = delta3 @ W3.T * (A2 * (1 - A2))
        delta1 = delta2 @ W2.T * (A1 * (1 - A1))
        return {
            "Z3": delta3, "W3": A2.T @ delta3, "b3": delta3.sum(axis=0, keepdims=True),
            "Z2": delta2, "W2": A1.T @ delta2, "b2": delta2.sum(axis=0, keepdims=True),
            "Z1": delta1, "W1": x.T @ delta1, "b1": delta1.sum(axis=0, keepdims=True),
        }  # fmt: skip

    return check_gradients(loss, params, manual)


# 2. The textbook's ∂E/∂w5 = (out − target) · out · (1 − out) · h


def textbook(output: Callable[[Any], Any], classes: int, seed: int = 2) -> GradientReport:
    """E = ½Σ(target − out)²; the derivation takes out·(1 − out) for the output's derivative."""
    rng = np.random.default_rng(seed)
    n, n_in, n_hidden = 10, 2, 3
    x, target = rng.random((n, n_in)), softmax(rng.normal(size=(n, classes)))
    params = {"W1": rng.normal(size=(n_in, n_hidden)), "W2": rng.normal(size=(n_hidden, classes))}

    def loss(W1: Any, W2: Any) -> Any:
        h = sigmoid(x @ W1)
        net = h @ W2
        out = output(net)
        return 0.5 * np.sum((target - out) ** 2)

    def manual(W1: Any, W2: Any) -> Arrays:
        h = sigmoid(x @ W1)
        out = output(h @ W2)
        delta = (out - target) * out * (1 - out)
        return {"net": delta, "W2": h.T @ delta, "W1": x.T @ (delta @ W2.T * h * (1 - h))}

    return check_gradients(loss, params, manual)


# 3. Iris, with the mean squared error printed


def iris(labels: str = "one-hot") -> GradientReport:
    """A 4-4-3 network on 105 flowers; ``labels`` are ``"one-hot"``, ``"flat"`` or a ``"column"``.

    Raises:
        ValueError: flat labels of shape (105,) do not broadcast against (105, 3).
    """
    with IRIS.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    rng = np.random.default_rng(3)
    chosen = rng.permutation(len(rows))[:105]
    x_train = np.array([[float(number) for number in row[:4]] for row in rows])[chosen]
    y_train = np.unique([row[4] for row in rows], return_inverse=True)[1][chosen]
    if labels == "one-hot":
        y_train = np.eye(3)[y_train]
    elif labels == "column":
        y_train = y_train[:, None]
    shapes = {"W1": (4, 4), "b1": 4, "W2": (4, 3), "b2": 3}
    params = {name: rng.random(shape) for name, shape in shapes.items()}

    def loss(W1: Any, b1: Any, W2: Any, b2: Any) -> Any:
        z1 = x_train @ W1 + b1
        z2 = sigmoid(z1) @ W2 + b2
        y_pred = sigmoid(z2)
        return np.mean((y_train - y_pred) ** 2)

    def manual(W1: Any, b1: Any, W2: Any, b2: Any) -> Arrays:
        z1 = x_train @ W1 + b1
        a1 = sigmoid(z1)
        z2 = a1 @ W2 + b2
        error = sigmoid(z2) - y_train
        delta_output = error * sigmoid(z2) * (1 - sigmoid(z2))
        delta_hidden = delta_output @ W2.T * sigmoid(z1) * (1 - sigmoid(z1))
        return {
            "W2": a1.T @ delta_output, "b2": np.sum(delta_output, axis=0),
            "W1": x_train.T @ delta_hidden, "b1": np.sum(delta_hidden, axis=0),
        }  # fmt: skip

    return check_gradients(loss, params, manual)


# 4. error = targets - output, and an update that adds


def adding(derivative: Callable[[Any], Any], loss_is: str = "mean") -> GradientReport:
    """A 2-4-2 network whose updates are added: what it computes is a descent, not a gradient.

    ``derivative`` is applied to activations.  With ``loss_is="half"`` the descent is held
    against −½Σ(t − o)², of which it should be the gradient.
    """
    rng = np.random.default_rng(4)
    inputs, targets = rng.random((8, 2)), rng.integers(0, 2, (8, 2)).astype(float)
    params = {
        "W1": rng.random((2, 4)), "b1": rng.random((1, 4)),
        "W2": rng.random((4, 2)), "b2": rng.random((1, 2)),
    }  # fmt: skip

    def loss(W1: Any, b1: Any, W2: Any, b2: Any) -> Any:
        z1 = inputs @ W1 + b1
        hidden = sigmoid(z1)
        z2 = hidden @ W2 + b2
        squares = (targets - sigmoid(z2)) ** 2
        return np.mean(squares) if loss_is == "mean" else -0.5 * np.sum(squares)

    def manual(W1: Any, b1: Any, W2: Any, b2: Any) -> Arrays:
        hidden = sigmoid(inputs @ W1 + b1)
        output = sigmoid(hidden @ W2 + b2)
        error = targets - output
        d_output = error * derivative(output)
        error_hidden = d_output @ W2.T
        d_hidden = error_hidden * derivative(hidden)
        return {
            "z2": d_output, "W2": hidden.T @ d_output,
            "b2": np.sum(d_output, axis=0, keepdims=True),
            "hidden": error_hidden, "z1": d_hidden, "W1": inputs.T @ d_hidden,
            "b1": np.sum(d_hidden, axis=0, keepdims=True),
        }  # fmt: skip

    return check_gradients(loss, params, manual)


def of_activation(a: Any) -> Any:
    """The derivative of sigmoid, given its result."""
    return a * (1 - a)


def of_argument(z: Any) -> Any:
    """The derivative of sigmoid, given its argument; wrong for an activation."""
    return sigmoid(z) * (1 - sigmoid(z))


# 5. The planted mistakes of a course's gradient checking exercise


def planted(dW2: float = 2.0, db1: float = 4.0) -> GradientReport:
    """Relu, relu, sigmoid, samples in columns; two lines of the derivation have a factor."""
    rng = np.random.default_rng(5)
    m, sizes = 7, (4, 5, 3, 1)
    X, Y = rng.normal(size=(sizes[0], m)), rng.integers(0, 2, (1, m)).astype(float)
    params = {}
    for layer, (n_in, n_out) in enumerate(pairwise(sizes), 1):
        params[f"W{layer}"] = rng.normal(size=(n_out, n_in))
        params[f"b{layer}"] = rng.normal(size=(n_out, 1))

    def loss(W1: Any, b1: Any, W2: Any, b2: Any, W3: Any, b3: Any) -> Any:
        Z1 = W1 @ X + b1
        Z2 = W2 @ np.maximum(0, Z1) + b2
        Z3 = W3 @ np.maximum(0, Z2) + b3
        A3 = sigmoid(Z3)
        return -1 / m * np.sum(Y * np.log(A3) + (1 - Y) * np.log(1 - A3))

    def manual(W1: Any, b1: Any, W2: Any, b2: Any, W3: Any, b3: Any) -> Arrays:
        Z1 = W1 @ X + b1
        A1 = np.maximum(0, Z1)
        Z2 = W2 @ A1 + b2
        A2 = np.maximum(0, Z2)
        A3 = sigmoid(W3 @ A2 + b3)
        dZ3 = A3 - Y
        dZ2 = W3.T @ dZ3 * (A2 > 0)
        dZ1 = W2.T @ dZ2 * (A1 > 0)
        return {
            "W3": dZ3 @ A2.T / m, "b3": np.sum(dZ3, axis=1, keepdims=True) / m,
            "W2": dZ2 @ A1.T / m * dW2, "b2": np.sum(dZ2, axis=1, keepdims=True) / m,
            "W1": dZ1 @ X.T / m, "b1": db1 / m * np.sum(dZ1, axis=1, keepdims=True),
        }  # fmt: skip

    return check_gradients(loss, params, manual)


CASES = (
    Case("yhat - y, for the sum of −y·log(yhat)", lambda: classifier("sum"), 1.0, ()),
    Case("yhat - y, for the mean over 32 samples", lambda: classifier("samples"), 32.0, ("Z3",)),
    Case("yhat - y, for np.mean over 32·4", lambda: classifier("elements"), 128.0, ("Z3",)),
    Case("out·(1 − out) of sigmoid outputs", lambda: textbook(sigmoid, 3), 1.0, ()),
    Case("out·(1 − out) of 3 softmax outputs", lambda: textbook(softmax, 3), None, ("net",)),
    Case("out·(1 − out) of 2 softmax outputs", lambda: textbook(softmax, 2), 0.5, ("net",)),
    Case("iris: error·σ′(z) for np.mean of squares", iris, 157.5, ("b2",)),
    Case("iris: labels as a column", lambda: iris("column"), 157.5, ("b2",)),
    Case("targets - output, added", lambda: adding(of_activation), -8.0, ("z2",)),
    Case("targets - output, σ′ of σ(z)", lambda: adding(of_argument, "half"), None, ("z2",)),
    Case("2 · dW2 and 4/m · Σ in db1", planted, None, ("W2", "b1")),
)


def factor_of(report: GradientReport) -> float | None:
    """What all manual gradients are times the automatic ones; ``None`` if there is no number."""
    pairs = [(q.manual, q.automatic) for q in report.quantities.values() if q.manual is not None]
    manual, automatic = (
        np.concatenate([np.ravel(array) for array in each]) for each in zip(*pairs, strict=True)
    )
    factor = float(manual @ automatic / (automatic @ automatic))
    close = np.allclose(manual, factor * automatic, rtol=1e-9, atol=1e-13 * np.abs(manual).max())
    return float(f"{factor:.9g}") if close else None


def main() -> int:
    """Print what is found about each derivation; the number of relations that do not hold."""
    failed = 0
    for number, case in enumerate(CASES, 1):
        report = case.found()
        found = factor_of(report)
        holds = found == case.factor and set(report.culprits) == set(case.culprits)
        failed += not holds
        print(f"{number}. {case.title}")
        print(f"   {str(report).splitlines()[0]}")
        relation = "no multiple of" if found is None else f"{found:g} ×"
        print(f"   {relation} the gradient of the loss")
        for name in report.culprits:
            cause = report[name].causes[0]
            print(f"   {name}: {cause.code}: {cause.evidence}")
        if report.loss_hint:
            print(f"   {report.loss_hint}")
        for finding in report.findings:
            print(f"   {finding.message}")
        wanted = f"expected {case.factor}, and mistakes in {case.culprits}"
        print(f"   {'as it should be' if holds else wanted}\n")
    try:
        iris("flat")
    except ValueError as error:
        print(f"{len(CASES) + 1}. iris: flat labels\n   {error}")
    return failed


if __name__ == "__main__":
    argparse.ArgumentParser(description="Published derivations, each checked.").parse_args()
    sys.exit(1 if main() else 0)
