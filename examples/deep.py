"""Deep: hundreds of layers, where gradients vanish or explode, and what each remedy changes.

For each variant of the same deep network (200 layers of 64 neurons by default) it measures the
gradients of all layers on one batch, before training, and how far a short training lowers the
loss.  Sigmoid layers from the usual start get no gradient and learn nothing.  Each remedy brings
the gradient to the first layer; whether the network then learns quickly is another question, which
the table's last column answers.  (log 2 = 0.693 is the loss of guessing.)

    python examples/deep.py [--folder pictures]

Writes a picture of every layer's gradient for each variant.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from autograd_mini import nn

WIDTH = 64


class Row(NamedTuple):
    """What one variant does."""

    verdict: str
    ratio: float
    before: float
    after: float


def small(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Weights that shrink the signal: a standard deviation of 0.01."""
    return rng.normal(0, 0.01, shape)


def large(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Weights that make the signal three times as large in each layer."""
    return rng.normal(0, 3 * np.sqrt(2 / shape[0]), shape)


VARIANTS: dict[str, dict[str, Any]] = {
    "sigmoid, Glorot": {"activation": "sigmoid", "init": "glorot_uniform"},
    "tanh, small weights": {"activation": "tanh", "init": small},
    "relu, large weights": {"activation": "relu", "init": large},
    "relu, large, clipped": {"activation": "relu", "init": large, "clip_norm": 1.0},
    "tanh, Glorot": {"activation": "tanh", "init": "glorot_uniform"},
    "relu, He": {"activation": "relu", "init": "he_normal"},
    "sigmoid, batch norm": {"activation": "sigmoid", "init": "glorot_uniform", "normed": True},
    "sigmoid, residual": {"activation": "sigmoid", "init": "glorot_uniform", "residual": True},
    "tanh, small, residual": {"activation": "tanh", "init": small, "residual": True},
}
"""Each variant: what its layers are, and how it is trained."""


def network(
    depth: int, activation: str, init: Any, normed: bool = False, residual: bool = False
) -> nn.Sequential:
    """A deep network of equal layers, with softmax over two classes at the end."""
    rng = np.random.default_rng(1)
    function: Callable[[Any], Any] = nn.activations.resolve(activation)
    layers: list[Any] = []
    for _ in range(depth - 1):
        parts: list[Any] = [nn.Dense(WIDTH, WIDTH, rng=rng, init=init)]
        parts += [nn.BatchNorm(WIDTH)] if normed else []
        parts += [function]
        if residual:  # the branch ends in a layer of its own, so that it can be of either sign
            parts += [nn.Dense(WIDTH, WIDTH, rng=rng, init=small)]
            layers.append(nn.Residual(nn.Sequential(*parts)))
        else:
            layers += parts
    return nn.Sequential(*layers, nn.Dense(WIDTH, 2, "softmax", rng=rng))


def main(
    depth: int = 200, epochs: int = 10, seed: int = 0, folder: Path = Path("pictures")
) -> dict[str, Row]:
    """Measure and train each variant, print the table, and draw."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(512, WIDTH))
    y = (X[:, :8].sum(axis=1) > 0).astype(int)
    found: dict[str, Row] = {}
    folder.mkdir(parents=True, exist_ok=True)
    pictures = []
    print(f"{depth} layers of {WIDTH} neurons; ratio: the first layer's gradient to the last's")
    print(f"{'':24}{'verdict':12}{'ratio':>10}{'loss before':>13}{'after':>9}", flush=True)
    for name, given in VARIANTS.items():
        options = dict(given)
        clip = options.pop("clip_norm", None)
        model = network(depth, **options)
        report = nn.gradient_health(model, X[:64], y[:64])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", nn.TrainingWarning)  # that it diverged is the point
            history = nn.fit(
                model, X, y, optimiser="adam", rate=2e-4, epochs=epochs, batch_size=32,
                clip_norm=clip, rng=seed,
            )  # fmt: skip
        after = history.last["loss"] if len(history) else float("nan")
        found[name] = Row(report.verdict, report.ratio, history.loss_before, after)
        row = found[name]
        print(f"{name:24}{row.verdict:12}{row.ratio:10.1e}{row.before:13.3g}{row.after:9.3g}",
              flush=True)  # fmt: skip
        picture = folder / f"deep_{name.replace(', ', '_').replace(' ', '_')}.png"
        report.plot().savefig(picture)
        pictures.append(picture)
    print("advice for", next(iter(VARIANTS)) + ":")
    report = nn.gradient_health(network(depth, **VARIANTS["sigmoid, Glorot"]), X[:64], y[:64])
    print(*report.advice, sep="\n")
    print("pictures:", *pictures)
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Hundreds of layers, and each remedy.")
    parser.add_argument("--depth", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=Path("pictures"))
    main(**vars(parser.parse_args()))
