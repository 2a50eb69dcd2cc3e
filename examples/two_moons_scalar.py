"""Two moons, neuron by neuron: a 2-8-8-1 network over Values, one number at a time.

Every weight, every product and every sum is a node of its own (a step over all samples has tens
of thousands), and the same ``nn.fit`` trains it.  Of new points that it never saw, at least 98 %
end up on their side of the boundary that is drawn (measured over the seeds 0 to 19).

    python examples/two_moons_scalar.py [--folder pictures]
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
    picture: Path


def main(
    epochs: int = 100, samples: int = 100, seed: int = 0, folder: Path = Path("pictures")
) -> Result:
    """Train over Values, and draw the boundary."""
    needed("matplotlib", "matplotlib", "to draw")
    folder.mkdir(parents=True, exist_ok=True)
    tempfile.TemporaryFile(dir=folder).close()  # fails before the work, not after it
    rng = np.random.default_rng(seed)
    X, y = moons(samples, rng)
    model = nn.MLP(
        [2, 8, 8, 1], hidden="tanh", output="sigmoid", scalar=True, rng=rng, init="glorot_uniform"
    )
    history = nn.fit(
        model, X, y[:, None], optimiser="adam", rate=0.03, epochs=epochs, batch_size=20, rng=rng
    )
    if history.stopped == "interrupted":
        raise SystemExit("interrupted")
    # The same weights over Tensors answer for 10,000 points at once
    fast = nn.MLP([2, 8, 8, 1], hidden="tanh", output="sigmoid")
    for ours, theirs in zip(fast.layers, model.layers, strict=True):
        ours.weight.data = nn.numbers(theirs.weight)
        ours.bias.data = nn.numbers(theirs.bias)
    X_test, y_test = moons(1000, rng)
    accuracy = nn.accuracy((nn.predict(fast, X_test)[:, 0] > 0.5).astype(int), y_test)
    print(f"{len(model.parameters())} weights and biases, each a Value")
    print(f"loss {history.loss_before:.4f} before, {history.last['loss']:.4f} after training")
    print(f"accuracy on {len(X_test)} points that it never saw: {accuracy:.4f}")
    picture = folder / "two_moons.png"
    nn.plots.decision_boundary(fast, X, y).savefig(picture)
    print("pictures:", picture)
    return Result(accuracy, history, picture)


def moons(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Points of two half circles that reach into each other, shape (count, 2), and their labels."""
    y = np.arange(count) % 2
    angle = rng.uniform(0, np.pi, count)
    X = np.column_stack([np.cos(angle), np.sin(angle)])
    X[y == 1] = np.array([1.0, 0.5]) - X[y == 1]
    return X + rng.normal(0, 0.1, X.shape), y


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Two moons, over Values.")
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=Path("pictures"))
    try:
        main(**vars(parser.parse_args()))
    except (ImportError, OSError) as error:  # a package to install, or a folder that is none
        parser.exit(1, f"{error}\n")
