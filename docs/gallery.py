"""Forty graphs drawn by default: ``python docs/gallery.py [FOLDER] [NAME...]``.

For each the size of its picture, how many pages it is high (sheets of paper, 830 pixels wide), and
its smallest text in pixels where it is shown 830 pixels wide, and where the picture for a telephone
is shown 360 pixels wide; no picture is to be higher than a page, no text smaller than 9 pixels.
With a folder, the pictures are saved there as SVG and PNG.  ``--quick`` draws every fifth.
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np

import autograd_mini as ag
from autograd_mini import Tensor, Value, nn
from autograd_mini.show.drawing import PIXELS, size
from autograd_mini.show.fit import PAGES

SMALLEST, ROUNDING = 9.0, 0.02
"""In pixels; and what whole pixels of a width make of it."""
RNG = np.random.default_rng(0)
START = RNG.bit_generator.state
X, LABELS = RNG.normal(size=(6, 4)), np.array([0, 1, 0, 1, 1, 0])
SEQUENCE = RNG.normal(size=(2, 6, 3))


def loss_of(out: Any) -> Any:
    return np.sum(out**2)


def neuron() -> Any:
    w, x, b = Value(0.5, label="w"), Value(2.0, label="x"), Value(-0.3, label="b")
    return (1 - (w * x + b).sigmoid()) ** 2


def textbook() -> Any:
    i1, i2, b1, b2 = (Value(v, label=n) for n, v in
                      (("i1", 0.05), ("i2", 0.1), ("b1", 0.35), ("b2", 0.6)))  # fmt: skip
    w = [Value(0.15 + 0.05 * i, label=f"w{i + 1}") for i in range(8)]
    h1, h2 = ((w[k] * i1 + w[k + 1] * i2 + b1).sigmoid() for k in (0, 2))
    o1, o2 = ((w[k] * h1 + w[k + 1] * h2 + b2).sigmoid() for k in (4, 6))
    return (0.01 - o1) ** 2 / 2 + (0.99 - o2) ** 2 / 2


def chain(count: int) -> Any:
    return reduce(lambda x, _: (x * 1.1).tanh(), range(count // 2), Value(0.3, label="x"))


def array_chain() -> Any:
    t = Tensor(RNG.normal(size=(3, 3)), label="x")
    return np.sum(reduce(lambda x, i: np.tanh(x) if i % 2 else np.exp(x / 9), range(40), t))


def scalar_network(sizes: list[int], samples: int = 1) -> Any:
    model = nn.MLP(sizes, hidden="sigmoid", output="sigmoid", rng=0, scalar=True)
    x = [0.1 * (i + 1) for i in range(sizes[0])]
    return sum((out - 0.5) ** 2 for _ in range(samples) for out in model(x)) / 2


def two_layers() -> Any:
    W1, b1 = Tensor(RNG.normal(size=(4, 3)), label="W1"), Tensor(np.zeros(3), label="b1")
    W2 = Tensor(RNG.normal(size=(3, 1)), label="W2")
    hidden = ag.sigmoid(X @ W1 + b1)
    return 0.5 * np.sum((LABELS[:, None] - ag.sigmoid(hidden @ W2)) ** 2)


def accident() -> Any:
    w = Tensor(RNG.normal(size=(4, 1)), label="w")
    return np.mean((X @ w - LABELS) ** 2)


def softmax_regression() -> Any:
    W, b = Tensor(RNG.normal(size=(4, 2)), label="W"), Tensor(np.zeros(2), label="b")
    return -np.mean(np.sum(np.eye(2)[LABELS] * ag.log_softmax(X @ W + b), axis=1))


def perceptron(*sizes: int, **options: Any) -> Any:
    return nn.cross_entropy(nn.MLP([*sizes], rng=0, **options).logits(X), LABELS)


def batch_normalised() -> Any:
    model = nn.Sequential(
        nn.Dense(4, 5, rng=0), nn.BatchNorm(5), nn.Dense(5, 2, activation="relu", rng=1)
    )
    return loss_of(model(X))


def residual(blocks: int) -> Any:
    layers = [nn.Residual(nn.Dense(4, 4, activation="relu", rng=i)) for i in range(blocks)]
    return loss_of(nn.Sequential(*layers)(X))


def transformer() -> Any:
    attend = nn.Sequential(nn.LayerNorm(8), nn.MultiHeadAttention(8, 2, rng=0))
    forward = nn.Sequential(
        nn.LayerNorm(8), nn.Dense(8, 16, activation="relu", rng=0), nn.Dense(16, 8, rng=1)
    )
    block = nn.Sequential(nn.Residual(attend), nn.Residual(forward))
    return loss_of(block(RNG.normal(size=(2, 5, 8))))


def recurrent(kind: Any, steps: int) -> Any:
    return loss_of(kind(3, 4, rng=0)(Tensor(RNG.normal(size=(2, steps, 3)), label="x")))


def recurrent_by_hand(steps: int) -> Any:
    w, u, h = Value(0.5, label="w"), Value(0.3, label="u"), Value(0.0, label="h0")
    for step in range(steps):
        h = (w * h + u * Value(step / 50, label=f"x[{step}]")).tanh()
    return h


def sum_of_products() -> Any:
    w = Value(0.5, label="w")
    return sum(w * Value(i / 50, label=f"x[{i}]") for i in range(100))


def slope() -> Any:
    x = Value(2.0, label="x")
    return ag.gradients((x**3).tanh() * x, x, create_graph=True)


def matrix_slope() -> Any:
    W = Tensor(RNG.normal(size=(4, 3)), label="W")
    return np.sum(ag.gradients(np.sum(np.tanh(X @ W) ** 2), W, create_graph=True) ** 2)


def deep() -> Any:
    return perceptron(4, *[6] * 12, 2, hidden="relu")


def pairwise() -> Any:
    P = Tensor(RNG.normal(size=(5, 2)), label="P")
    return np.sum(np.sqrt(np.sum((P[:, None] - P[None]) ** 2, axis=-1) + 1))


def newton() -> Any:
    x = Value(1.0, label="x")
    return reduce(lambda y, _: y - (y * y - 2) / (2 * y), range(5), x)


def many_operands() -> Any:
    x = Tensor(RNG.normal(size=3), label="x")
    return np.sum(np.stack([x] * 60) ** 2)


def tangle() -> Any:
    pick = np.random.default_rng(0)
    pool = [Value(float(pick.random()), label=f"x{i}") for i in range(6)]
    while len(pool) < 40:
        a, b = (pool[int(i)] for i in pick.integers(max(len(pool) - 8, 0), len(pool), 2))
        pool.append(a * b if len(pool) % 2 else (a + b).tanh())
    return reduce(lambda a, b: a + b, pool[-6:])


GRAPHS: dict[str, Callable[[], Any]] = {
    "neuron": neuron,
    "2-2-2 network of the textbooks": textbook,
    "chain of 10 operations": lambda: chain(10),
    "chain of 40 operations": lambda: chain(40),
    "chain of 40 operations on arrays": array_chain,
    "chain of 200 operations": lambda: chain(200),
    "2-3-1 network of Values": lambda: scalar_network([2, 3, 1]),
    "2-4-2 network of Values, 3 samples": lambda: scalar_network([2, 4, 2], 3),
    "8-12-6 network of Values": lambda: scalar_network([8, 12, 6]),
    "two layers by hand": two_layers,
    "(6, 1) − (6,) by accident": accident,
    "softmax regression": softmax_regression,
    "perceptron 4-8-2": lambda: perceptron(4, 8, 2, hidden="tanh"),
    "perceptron 4-8-8-2": lambda: perceptron(4, 8, 8, 2, hidden="relu"),
    "perceptron of 13 layers": deep,
    "batch normalisation": batch_normalised,
    "layer normalisation": lambda: loss_of(nn.LayerNorm(4)(Tensor(X, label="x"))),
    "residual block": lambda: residual(1),
    "residual network of 3 blocks": lambda: residual(3),
    "residual network of 8 blocks": lambda: residual(8),
    "attention": lambda: loss_of(nn.MultiHeadAttention(8, 2, rng=0)(RNG.normal(size=(2, 5, 8)))),
    "transformer block": transformer,
    "RNN of 2 steps": lambda: recurrent(nn.RNN, 2),
    "RNN of 6 steps": lambda: recurrent(nn.RNN, 6),
    "RNN of 10 steps": lambda: recurrent(nn.RNN, 10),
    "RNN of 60 steps": lambda: recurrent(nn.RNN, 60),
    "GRU of 6 steps": lambda: recurrent(nn.GRU, 6),
    "LSTM of 4 steps": lambda: recurrent(nn.LSTM, 4),
    "LSTM of 20 steps": lambda: recurrent(nn.LSTM, 20),
    "RNN by hand, 3 steps": lambda: recurrent_by_hand(3),
    "RNN by hand, 6 steps": lambda: recurrent_by_hand(6),
    "RNN by hand, 50 steps": lambda: recurrent_by_hand(50),
    "embedding": lambda: loss_of(nn.Embedding(7, 3, rng=0)(np.array([1, 2, 6]))),
    "sum of 100 products": sum_of_products,
    "gradient of a gradient": slope,
    "gradient of a gradient, matrices": matrix_slope,
    "distances of points": pairwise,
    "Newton's method": newton,
    "60 operands of one node": many_operands,
    "40 nodes without order": tangle,
}


def graph_of(name: str) -> Any:
    """The root of one of ``GRAPHS``, after its sweep if it has one, the same at each call."""
    RNG.bit_generator.state = START
    root = GRAPHS[name]()
    if np.size(root.data) == 1 and root.parents:
        root.backward()
    return root


def natural_width(svg: str) -> float:
    """How wide an SVG is where nothing narrows it, in pixels."""
    found = re.search(r'<svg[^>]*\bwidth="([\d.]+)(pt|px)"', svg)
    assert found is not None
    return float(found[1]) * (PIXELS if found[2] == "pt" else 1.0)


def scale(svg: str, width: float) -> float:
    """How many pixels a point has, of a picture that is shown at most so many pixels wide."""
    return min(natural_width(svg), width) / size(svg)[0]


def smallest(svg: str, width: float) -> float:
    """The smallest text, in pixels, of a picture that is shown at most so many pixels wide."""
    return min(map(float, re.findall(r'font-size="([\d.]+)"', svg))) * scale(svg, width)


def pages(svg: str) -> float:
    """How many pages a picture is high that is shown at most 830 pixels wide."""
    page = PAGES["page"]
    return size(svg)[1] * scale(svg, page.width) / page.height


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="where the pictures are saved")
    parser.add_argument("--only", default="", help="only names that contain this")
    parser.add_argument("--quick", action="store_true", help="every fifth")
    options = parser.parse_args()
    chosen = [name for name in GRAPHS if options.only in name]
    missed = 0
    heading = f"{'graph':36}{'nodes':>7}{'width × height':>16}{'pages':>7}{'at 830 px':>11}"
    print(heading + f"{'at 360 px':>11}{'seconds':>9}")
    for name in chosen[:: 5 if options.quick else 1]:
        loss = graph_of(name)
        start = time.perf_counter()
        page = ag.draw(loss)
        svg = page.svg()
        seconds = time.perf_counter() - start
        phone = ag.draw(loss, fit="phone").svg()
        found = smallest(svg, PAGES["page"].width), smallest(phone, PAGES["phone"].width)
        width, height = size(svg)
        is_missed = min(found) < SMALLEST - ROUNDING or pages(svg) > 1.0 + ROUNDING
        missed += is_missed
        nodes = len(ag.topological_order(loss))
        print(
            f"{name:36}{nodes:7}{width:9.0f} × {height:4.0f}{pages(svg):7.2f}"
            f"{found[0]:11.1f}{found[1]:11.1f}{seconds:9.2f}{'  missed' * is_missed}",
            flush=True,
        )
        if options.folder:
            options.folder.mkdir(parents=True, exist_ok=True)
            stem = re.sub(r"\W+", "_", name).strip("_")
            page.save(options.folder / f"{stem}.png")
            (options.folder / f"{stem}.svg").write_text(svg, "utf-8")
            (options.folder / f"{stem}_phone.svg").write_text(phone, "utf-8")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
