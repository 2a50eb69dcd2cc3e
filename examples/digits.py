"""Digits: a network learns scikit-learn's 1,797 handwritten digits (8 × 8 pixels).

A 64-64-10 network (relu, softmax) with Adam and dropout learns from the digits and from copies
moved by one pixel, and stops early by a part that is held out.  A fifth of the digits, which it
never sees, tests it; it gets at least 97 % of them right.

    python examples/digits.py [--folder pictures]

Writes the loss curve, the confusion matrix and the digits that it got wrong.
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


def main(epochs: int = 40, seed: int = 0, folder: Path = Path("pictures")) -> Result:
    """Train, test, and draw."""
    needed("matplotlib", "matplotlib", "to draw")
    datasets = needed("sklearn.datasets", "scikit-learn", "for its handwritten digits")
    folder.mkdir(parents=True, exist_ok=True)
    tempfile.TemporaryFile(dir=folder).close()  # fails before the work, not after it
    X, y = datasets.load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = nn.train_test_split(
        X, y, test_size=0.2, rng=seed, stratify=y
    )
    scaler = nn.data.MinMaxScaler().fit(X_train)  # pixels that are always 0 stay 0
    X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)
    rng = np.random.default_rng(seed)
    X_train, X_held, y_train, y_held = nn.train_test_split(
        X_train, y_train, test_size=0.1, rng=rng, stratify=y_train
    )
    X_train, y_train = with_shifted(X_train, y_train, 8)
    model = nn.Sequential(
        nn.Dense(64, 64, "relu", init="he_normal", rng=rng),
        nn.Dropout(0.2, rng=rng),
        nn.Dense(64, 10, "softmax", rng=rng),
    )
    print(nn.summary(model))
    history = nn.fit(
        model, X_train, y_train, optimiser="adam", rate=0.003, epochs=epochs, batch_size=32,
        validation_data=(X_held, y_held), patience=8, metrics="accuracy", rng=rng,
    )  # fmt: skip
    if history.stopped == "interrupted":
        raise SystemExit("interrupted")
    found = nn.predict(model, X_test)
    accuracy = nn.accuracy(found, y_test)
    print(f"{len(history)} epochs{history.stopped and f', stopped: {history.stopped}'}")
    print(f"accuracy  training {nn.accuracy(nn.predict(model, X_train), y_train):.4f}"
          f"  test {accuracy:.4f} of {len(y_test)} digits")  # fmt: skip

    wrong = np.flatnonzero(found.argmax(axis=1) != y_test)
    figures = {
        "digits_loss.png": history.plot(),
        "digits_confusion.png": nn.plots.confusion_matrix(found, y_test),
    }
    if len(wrong):
        figures["digits_wrong.png"] = nn.plots.images(
            X_test[wrong].reshape(-1, 8, 8),
            titles=[f"{y_test[i]} taken for {found[i].argmax()}" for i in wrong],
        )
    return Result(accuracy, history, saved(figures, folder))


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


def saved(figures: dict[str, object], folder: Path) -> list[Path]:
    """Write figures into a folder and say where."""
    paths = []
    for name, figure in figures.items():
        figure.savefig(folder / name)  # type: ignore[attr-defined]
        paths.append(folder / name)
    print("pictures:", *paths)
    return paths


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Learn scikit-learn's handwritten digits.")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=Path("pictures"))
    try:
        main(**vars(parser.parse_args()))
    except (ImportError, OSError) as error:  # a package to install, or a folder that is none
        parser.exit(1, f"{error}\n")
