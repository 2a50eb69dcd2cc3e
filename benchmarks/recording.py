"""What recording costs: ``python benchmarks/recording.py``.

A forward pass of 784-256-64-10 in plain NumPy: alone, on Tensors, on arrays that are recorded as
they stand, and those in code that is followed call by call; with the reverse sweep of each, and a
convolution in loops, which Tensors cannot go through.  Each figure is the least of several runs.
``--quick`` runs each once.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import autograd_mini as ag
from autograd_mini.check.lines.program import Program
from autograd_mini.recording import node_of, recording

SIZES = [784, 256, 64, 10]
IMAGES = (2, 3, 10, 10)
KERNELS = (4, 3, 3, 3)


def network(X: Any, Y: Any, W1: Any, b1: Any, W2: Any, b2: Any, W3: Any, b3: Any) -> Any:
    a1 = np.maximum(X @ W1 + b1, 0)
    a2 = np.maximum(a1 @ W2 + b2, 0)
    z = a2 @ W3 + b3
    z = z - z.max(axis=1, keepdims=True)
    p = np.exp(z)
    p = p / p.sum(axis=1, keepdims=True)
    return -np.sum(Y * np.log(p)) / len(X)


def convolution(x: Any, w: Any) -> Any:
    images, kernels, size = x.shape[0], w.shape[0], x.shape[2] - w.shape[2] + 1
    out = np.zeros((images, kernels, size, size))
    for n in range(images):
        for f in range(kernels):
            for i in range(size):
                for j in range(size):
                    out[n, f, i, j] = np.sum(x[n, :, i : i + 3, j : j + 3] * w[f])
    out[out < 0] = 0
    return np.sum(out**2)


def milliseconds(function: Callable[[], object], runs: int) -> float:
    found = []
    for _ in range(runs):
        start = time.perf_counter()
        function()
        found.append(time.perf_counter() - start)
    return 1e3 * min(found)


def recorded(function: Callable[..., Any], leaves: list[ag.Tensor], *data: Any) -> Any:
    """The node of what a function gives, run as a program."""
    kept: list[Any] = []
    with recording() as tape:
        arrays = [tape.leaf(leaf) for leaf in leaves]

        def entry(follow: Callable[..., Any]) -> dict[str, Any]:
            kept.append(node_of(follow(function)(*data, *arrays)))
            return {}

        error = Program(entry).run(recorded=tape).error
    if error is not None:
        raise error
    return kept[0]


def on_arrays(function: Callable[..., Any], leaves: list[ag.Tensor], *data: Any) -> Any:
    with recording() as tape:
        return node_of(function(*data, *[tape.leaf(leaf) for leaf in leaves]))


def row(name: str, *figures: float | None) -> None:
    texts = ["–" if figure is None else f"{figure:.2f}" for figure in figures]
    print(f"{name:28}" + "".join(f"{text:>14}" for text in texts))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true")
    runs = 1 if parser.parse_args().quick else 15
    rng = np.random.default_rng(0)
    columns = ("NumPy", "Tensors", "recorded", "followed", "sweep")
    print(f"{'milliseconds':28}" + "".join(f"{column:>14}" for column in columns))
    pairs = itertools.pairwise(SIZES)
    arrays = [a for n, m in pairs for a in (0.05 * rng.normal(size=(n, m)), np.zeros(m))]
    leaves = [ag.Tensor(array) for array in arrays]
    for batch in (8, 64, 256):
        X, Y = rng.normal(size=(batch, SIZES[0])), np.eye(10)[rng.integers(0, 10, batch)]
        node = recorded(network, leaves, X, Y)
        row(
            f"{'-'.join(map(str, SIZES))}, {batch} samples",
            milliseconds(lambda X=X, Y=Y: network(X, Y, *arrays), runs),
            milliseconds(lambda X=X, Y=Y: network(X, Y, *leaves), runs),
            milliseconds(lambda X=X, Y=Y: on_arrays(network, leaves, X, Y), runs),
            milliseconds(lambda X=X, Y=Y: recorded(network, leaves, X, Y), runs),
            milliseconds(lambda node=node: ag.gradients(node, leaves), runs),
        )
    x, w = rng.normal(size=IMAGES), rng.normal(size=KERNELS)
    pair = [ag.Tensor(x), ag.Tensor(w)]
    node = recorded(convolution, pair)
    row(
        "convolution in loops",
        milliseconds(lambda: convolution(x, w), runs),
        None,
        None,
        milliseconds(lambda: recorded(convolution, pair), runs),
        milliseconds(lambda: ag.gradients(node, pair), runs),
    )


if __name__ == "__main__":
    main()
