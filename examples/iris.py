"""Iris: train a network, derive its gradients by hand, and hold them against autograd_mini.

A 4-8-3 network (sigmoid, then softmax) learns to tell three species of iris by the lengths
and widths of their leaves.  Then the same network's gradients are derived by hand in plain
NumPy, for every weight and bias and for the deltas on the way back, and each is held against
the automatic and the numerical one.  Last, the graph of a 2-2-2 network of the same kind is
drawn neuron by neuron.

    python examples/iris.py [--folder pictures]

The accuracy depends on which flowers the split puts into the test part: over the seeds 0 to 10 it
lies between 0.89 and 1.00, 0.96 on average.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

import autograd_mini as ag
from autograd_mini import Value, nn

HERE = Path(__file__).resolve().parent
RATE, MOMENTUM = 0.2, 0.9


class Result(NamedTuple):
    """What a run found."""

    accuracy: float
    report: ag.GradientReport
    picture: Path


def main(epochs: int = 500, seed: int = 1, folder: Path = Path("pictures")) -> Result:
    """Train, test, check the gradients derived by hand, and draw a small network."""
    folder.mkdir(parents=True, exist_ok=True)
    tempfile.TemporaryFile(dir=folder).close()  # fails before the work, not after it
    rng = np.random.default_rng(seed)
    names, flowers, labels = load_iris(HERE / "data" / "iris.csv")
    X_train, X_test, y_train, y_test = nn.train_test_split(
        flowers, labels, test_size=0.3, rng=rng, stratify=labels
    )
    scaler = nn.data.MinMaxScaler().fit(X_train)
    X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)
    Y_train = nn.one_hot(y_train, len(names))

    model = nn.MLP([4, 8, len(names)], hidden="sigmoid", output="softmax", rng=rng)
    train(model, X_train, Y_train, epochs)
    accuracy = nn.accuracy(model(X_test), y_test)
    print(f"\n{len(X_train)} flowers to learn from, {len(X_test)} to test")
    print(f"accuracy  training {nn.accuracy(model(X_train), y_train):.4f}  test {accuracy:.4f}\n")

    report = check(model, X_train, Y_train)
    print(report)

    picture = folder / "iris_network.svg"
    loss, petal = small_network(rng)
    ag.draw(loss, direction="TB", inputs=petal, fold=False).save(picture)
    print(f"\nA 2-2-2 network, weight by weight: {picture}")
    return Result(accuracy, report, picture)


def load_iris(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The species' names, the flowers' measures in cm (150, 4), and their labels (150,)."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    flowers = np.array([[float(number) for number in row[:4]] for row in rows])
    names, labels = np.unique([row[4] for row in rows], return_inverse=True)
    return names, flowers, labels


def train(model: nn.MLP, X: np.ndarray, Y: np.ndarray, epochs: int) -> None:
    """Gradient descent with momentum over full batches."""
    optimiser = nn.SGD(model.parameters(), RATE, MOMENTUM)
    progress = tqdm(range(epochs), desc="training")
    for _ in progress:
        optimiser.zero_grad()
        loss = nn.cross_entropy(model.logits(X), Y)
        loss.backward()
        optimiser.step()
        progress.set_postfix(loss=f"{loss.item():.4f}", refresh=False)


def check(model: nn.MLP, X: np.ndarray, Y: np.ndarray) -> ag.GradientReport:
    """The gradients of the model's loss: by hand, automatic and numerical, for each name.

    ``manual`` gives a gradient for each parameter of ``loss`` and, under their names, for its
    local variables z1, a1 and z2: these are the deltas.
    """

    def loss(W1, b1, W2, b2):  # type: ignore[no-untyped-def]
        z1 = X @ W1 + b1
        a1 = ag.sigmoid(z1)
        z2 = a1 @ W2 + b2
        return nn.cross_entropy(z2, Y)

    def manual(W1, b1, W2, b2):  # type: ignore[no-untyped-def]
        a1 = 1 / (1 + np.exp(-(X @ W1 + b1)))
        exp_z2 = np.exp(a1 @ W2 + b2)
        p = exp_z2 / np.sum(exp_z2, axis=1, keepdims=True)
        dZ2 = (p - Y) / len(X)
        dA1 = dZ2 @ W2.T
        dZ1 = dA1 * a1 * (1 - a1)
        return {
            "W1": X.T @ dZ1, "b1": dZ1.sum(axis=0),
            "W2": a1.T @ dZ2, "b2": dZ2.sum(axis=0),
            "z2": dZ2, "a1": dA1, "z1": dZ1,
        }  # fmt: skip

    parameters = {parameter.label: parameter.data for parameter in model.parameters()}
    return ag.check_gradients(loss, parameters, manual)


def small_network(rng: np.random.Generator) -> tuple[Value, list[Value]]:
    """The loss of a 2-2-2 network over Values for one flower, swept, and its two inputs."""
    model = nn.MLP([2, 2, 2], hidden="sigmoid", output="softmax", rng=rng, scalar=True)
    petal = [Value(0.4, label="length"), Value(0.3, label="width")]
    loss = nn.cross_entropy(model(petal), 1, from_logits=False)
    loss.label = "loss"
    loss.backward()
    return loss, petal


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Train on iris and check gradients by hand.")
    parser.add_argument("--epochs", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path("pictures"))
    try:
        main(**vars(parser.parse_args()))
    except OSError as error:  # the folder cannot be made or written to
        parser.exit(1, f"{error}\n")
