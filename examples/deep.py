"""Deep: hundreds of layers, where gradients vanish or explode, and what each remedy changes.

First, for each variant of the same deep network (200 layers of 64 neurons by default), the
gradients of all layers are measured on one batch, before training: three variants show the
disease, the others a remedy for one of them.  Then each variant is trained in the same way, by
plain gradient descent: with 20 layers, where any of the remedies is enough, and, for one disease
and its residual remedy, with all 200.  (log 2 = 0.693 is the loss of guessing.)

    python examples/deep.py [--folder pictures]

Writes a picture with the gradient of every layer, one line for each variant, and one picture for
each variant with its layers' saturated and dead units.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from autograd_mini import nn
from autograd_mini.nn.optional import needed

WIDTH, SAMPLES, RATE = 64, 2048, 0.03
LEAST = 1e-20
"""Where the picture of all gradients ends below; the vanishing ones go on much further."""


def small(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Weights that shrink the signal: a standard deviation of 0.01."""
    return rng.normal(0, 0.01, shape)


def large(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Weights a fifth larger than He's, so that relu's signal grows by a fifth in each layer."""
    return rng.normal(0, 1.2 * np.sqrt(2 / shape[0]), shape)


class Variant(NamedTuple):
    """What the layers are, how they are trained, and which variant's disease that mends."""

    activation: str
    init: Any
    normed: bool = False
    residual: bool = False
    clip_norm: float | None = None
    mends: str = ""


VARIANTS = {
    "sigmoid, Glorot": Variant("sigmoid", "glorot_uniform"),
    "tanh, small weights": Variant("tanh", small),
    "relu, large weights": Variant("relu", large),
    "tanh, Glorot": Variant("tanh", "glorot_uniform", mends="sigmoid, Glorot"),
    "sigmoid, batch norm": Variant(
        "sigmoid", "glorot_uniform", normed=True, mends="sigmoid, Glorot"
    ),
    "sigmoid, residual": Variant(
        "sigmoid", "glorot_uniform", residual=True, mends="sigmoid, Glorot"
    ),
    "tanh, small, residual": Variant("tanh", small, residual=True, mends="tanh, small weights"),
    "relu, He": Variant("relu", "he_normal", mends="relu, large weights"),
    "relu, large, clipped": Variant("relu", large, clip_norm=10.0, mends="relu, large weights"),
}
"""Three diseases, and the remedies."""


class Trained(NamedTuple):
    """What a training came to.

    Attributes:
        before: the loss before training.
        after: the loss in its last epoch; NaN if it diverged in the first one.
        accuracy: the share of held-out samples that are told rightly.
        stopped: why it ended early; empty if it did not.
    """

    before: float
    after: float
    accuracy: float
    stopped: str


class Result(NamedTuple):
    """What a run found.

    Attributes:
        health: each variant's gradients before training.
        trained: what each variant's training came to.
        deepest: the same of those that were trained with all layers.
        pictures: where they are.
    """

    health: dict[str, nn.HealthReport]
    trained: dict[str, Trained]
    deepest: dict[str, Trained]
    pictures: list[Path]


def main(
    depth: int = 200,
    trained_depth: int = 20,
    epochs: int = 10,
    seed: int = 0,
    folder: Path = Path("pictures"),
) -> Result:
    """Measure and train each variant, print the table, and draw."""
    needed("matplotlib", "matplotlib", "to draw")
    folder.mkdir(parents=True, exist_ok=True)
    tempfile.TemporaryFile(dir=folder).close()  # fails before the work, not after it
    X = np.random.default_rng(seed).normal(size=(2 * SAMPLES, WIDTH))
    y = (X[:, :8].sum(axis=1) > 0).astype(int)

    print(f"gradients  {depth} layers of {WIDTH} neurons, before training")
    print("ratio      the first layer's gradient to the last's")
    print(f"loss       {trained_depth} layers, gradient descent, rate {RATE}, {epochs} epochs")
    print(f"accuracy   on {SAMPLES} samples that were held out\n")
    print(f"{'':23}{'gradients':13}{'ratio':>8}", end="")
    print(f"{'loss before':>13}{'after':>8}{'accuracy':>10}  stopped")
    health, trained = {}, {}
    for name, variant in VARIANTS.items():
        found = nn.gradient_health(network(depth, variant, seed), X[:64], y[:64])
        health[name] = found
        print(f"{name:23}{found.verdict:13}{found.ratio:8.0e}", end="", flush=True)
        row = trained[name] = train(network(trained_depth, variant, seed), variant, X, y, epochs)
        print(f"{row.before:13.3g}{row.after:8.3f}{row.accuracy:10.3f}  {row.stopped}", flush=True)
    gains = {
        name: trained[name].accuracy - trained[variant.mends].accuracy
        for name, variant in VARIANTS.items()
        if variant.mends
    }
    least = min(gains, key=gains.__getitem__)
    print(f"\n{sum(gain > 0 for gain in gains.values())} of {len(gains)} remedies are more accurate"
          f" than what they mend, by {gains[least]:.3f} ({least}) or more.")  # fmt: skip

    print(f"\nTrained in the same way with {depth} layers:")
    deepest = {}
    for name in ("tanh, small weights", "tanh, small, residual"):
        variant = VARIANTS[name]
        row = deepest[name] = train(network(depth, variant, seed), variant, X, y, epochs)
        print(f"{name:23} loss {row.before:.3f}, then {row.after:.3f}; accuracy {row.accuracy:.3f}"
              f"  {row.stopped}", flush=True)  # fmt: skip

    print("\nadvice for", next(iter(VARIANTS)) + ":")
    print(*health[next(iter(VARIANTS))].advice, sep="\n")
    return Result(health, trained, deepest, draw(health, depth, folder))


def network(depth: int, variant: Variant, seed: int) -> nn.Sequential:
    """A deep network of equal layers, with softmax over two classes at the end."""
    rng = np.random.default_rng(seed)
    function = nn.activations.resolve(variant.activation)
    layers: list[Any] = []
    for _ in range(depth - 1):
        parts: list[Any] = [nn.Dense(WIDTH, WIDTH, rng=rng, init=variant.init)]
        parts += [nn.BatchNorm(WIDTH)] if variant.normed else []
        parts += [function]
        if variant.residual:  # the branch ends in its own layer, to be of either sign
            parts += [nn.Dense(WIDTH, WIDTH, rng=rng, init=small)]
            layers.append(nn.Residual(nn.Sequential(*parts)))
        else:
            layers += parts
    return nn.Sequential(*layers, nn.Dense(WIDTH, 2, "softmax", rng=rng))


def train(
    model: nn.Sequential, variant: Variant, X: np.ndarray, y: np.ndarray, epochs: int
) -> Trained:
    """Train on the first samples, and test on the others."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", nn.TrainingWarning)  # that it diverges is in the table
        history = nn.fit(
            model, X[:SAMPLES], y[:SAMPLES], optimiser="sgd", rate=RATE, epochs=epochs,
            clip_norm=variant.clip_norm, progress=False,
        )  # fmt: skip
    if history.stopped == "interrupted":
        raise SystemExit("interrupted")
    after = history.last["loss"] if len(history) else float("nan")
    accuracy = nn.accuracy(nn.predict(model, X[SAMPLES:]), y[SAMPLES:])
    return Trained(history.loss_before, after, accuracy, history.stopped)


def draw(health: dict[str, nn.HealthReport], depth: int, folder: Path) -> list[Path]:
    """Write the picture of all variants and one of each, and say where."""
    figures = needed("matplotlib.figure", "matplotlib", "to draw")
    overview = figures.Figure(figsize=(9, 5), layout="constrained", dpi=120)
    ax = overview.subplots()
    drawn = {"deep_gradients.png": overview}
    for (name, report), marker in zip(health.items(), "osv^DPX*h", strict=True):
        deltas = np.array([layer.delta for layer in report.layers])
        # A residual layer has two layers with weights: the place is a share of the way
        places = np.linspace(1, depth, len(deltas))
        every = max(1, len(deltas) // 8)  # marked in turn: some lines lie on one another
        marked = len(drawn) * every // len(health), every
        ax.plot(
            places, np.where(deltas > 0, deltas, np.nan), "-" if VARIANTS[name].mends else "--",
            marker=marker, markevery=marked, label=name,
        )  # fmt: skip
        figure = report.plot()
        figure.axes[0].title.set_text(f"{name}: {report.verdict}")
        drawn[f"deep_{name.replace(', ', '_').replace(' ', '_')}.png"] = figure
    ax.set(
        yscale="log",
        xlabel="layer, from the input to the output",
        ylabel="root mean square of the gradient of the outputs",
        title=f"Gradients before training, {depth} layers: diseases dashed, remedies solid",
    )
    ax.set_ylim(bottom=LEAST)
    overview.legend(loc="outside right upper", frameon=False)
    for name, figure in drawn.items():
        figure.savefig(folder / name)
    pictures = [folder / name for name in drawn]
    print("pictures:", *pictures)
    return pictures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Hundreds of layers, and each remedy.")
    parser.add_argument("--depth", type=int, default=200)
    parser.add_argument("--trained-depth", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=Path("pictures"))
    try:
        main(**vars(parser.parse_args()))
    except (ImportError, OSError) as error:  # a package to install, or a folder that is none
        parser.exit(1, f"{error}\n")
