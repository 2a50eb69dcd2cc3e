"""What stands in the way: the pieces of which steps, operations and functions of arrays consist.

    python benchmarks/pieces.py             the tables (about two minutes)
    python benchmarks/pieces.py --quick     few repetitions

A figure is CPU time over that of the same thing by hand in NumPy, or of PyTorch where it says so:
medians of runs that take turns, on one thread, in a process that keeps its memory (see
``compiled.py``, whose figures these explain).  A piece that cannot be run alone is the difference
of two that can, and is marked so; caches are warmer where a piece runs alone.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

import compiled
import numpy as np
import training
from compiled import Job, peak, ratios

import autograd_mini as ag
from autograd_mini import nn
from autograd_mini.core.rule import RULES
from autograd_mini.trees import leaves


def table(title: str, rows: dict[str, list[float]], heads: list[str]) -> None:
    print(f"\n{title}\n{'':46}" + "".join(f"{head:>12}" for head in heads))
    for name, row in rows.items():
        print(f"{name:46}" + "".join(f"{each:>12.2f}" for each in row), flush=True)


# A step of the network 784-256-64-10


def step_pieces(batch: int, rounds: int) -> dict[str, float]:
    """The pieces of a step, by hand, compiled and eager, over the step by hand."""
    control, sides = compiled.steps("float64", batch)
    X, y = training.load_digits()
    x, labels = X[:batch].copy(), y[:batch].copy()
    weights = training.start(np.dtype(float))[::2]
    model = training.our_network(np.dtype(float))
    z = model.logits(x)
    found = ratios(
        control,
        {
            "BLAS": products(x, weights),
            "updates": updates(weights),
            "update of W1": updates(weights[:1]),
            "planned": sides["planned by hand"],
            "compiled": sides["Tensors, compiled"],
            "eager": sides["Tensors, eager"],
            "forward": lambda: nn.cross_entropy(model.logits(x), labels),
            "loss": lambda: nn.cross_entropy(z, labels),
            "loss without checks": lambda: nn.losses.loss_of(nn.cross_entropy).unchecked(z, labels),
            "forward by hand": forward_by_hand(x, np.eye(10)[labels]),
        },
        rounds,
    )
    return {
        "BLAS calls": found["BLAS"],
        "updates of weights": found["updates"],
        "  that of W1": found["update of W1"],
        "planned by hand": found["planned"],
        "  what else it does (difference)": found["planned"] - found["BLAS"] - found["updates"],
        "compiled": found["compiled"],
        "  over planned (difference)": found["compiled"] - found["planned"],
        "eager": found["eager"],
        "  forward and loss": found["forward"],
        "    by hand": found["forward by hand"],
        "    checks of the loss (difference)": found["loss"] - found["loss without checks"],
        "  backward and update (difference)": found["eager"] - found["forward"],
        "    by hand (difference)": 1 - found["forward by hand"],
    }


def products(x: np.ndarray, weights: list[np.ndarray]) -> Job:
    """The products of matrices of a step, each into memory that was made once."""
    rng = np.random.default_rng(0)
    W1, W2, W3 = weights
    a1, a2, a3 = (rng.normal(size=(len(x), W.shape[1])) for W in weights)
    pairs = [(x, W1), (a1, W2), (a2, W3), (a3, W3.T), (a2, W2.T), (a2.T, a3), (a1.T, a2), (x.T, a1)]
    outs = [np.empty((left.shape[0], right.shape[1])) for left, right in pairs]

    def run() -> None:
        for (left, right), out in zip(pairs, outs, strict=True):
            np.matmul(left, right, out)

    return run


def updates(weights: list[np.ndarray]) -> Job:
    """w ← w − η·g, in memory that was made once."""
    pairs = [(W.copy(), np.full_like(W, 1e-9)) for W in weights]

    def run() -> None:
        for w, g in pairs:
            np.multiply(g, 1.0, g)
            np.subtract(w, g, w)

    return run


def forward_by_hand(x: np.ndarray, t: np.ndarray) -> Job:
    W1, b1, W2, b2, W3, b3 = training.start(np.dtype(float))

    def run() -> float:
        a1 = 1 / (1 + np.exp(-(x @ W1 + b1)))
        a2 = 1 / (1 + np.exp(-(a1 @ W2 + b2)))
        z3 = a2 @ W3 + b3
        e = np.exp(z3 - z3.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        return float(-np.sum(t * np.log(p)))

    return run


def memory() -> dict[str, list[float]]:
    """The most memory of an eager step at batch 64, over that by hand, and what is in it."""
    control, _ = compiled.steps("float64", 64)
    X, y = training.load_digits()
    x, labels = X[:64].copy(), y[:64].copy()
    model = training.our_network(np.dtype(float))
    optimiser = nn.SGD(model.parameters(), rate=training.RATE)

    def step(interior: bool) -> None:
        nn.cross_entropy(model.logits(x), labels).backward(interior=interior)
        optimiser.step(spend_gradients=True)

    by_hand = peak(control)
    whole, leaves_alone = peak(lambda: step(True)), peak(lambda: step(False))
    order = ag.topological_order(nn.cross_entropy(model.logits(x), labels))
    before = sum(node.data.nbytes for node in order if node.op == "affine")
    others = sum(p.data.nbytes for p in model.parameters()[1:])
    return {
        "eager": [whole / by_hand],
        "  gradients of interior nodes (difference)": [(whole - leaves_alone) / by_hand],
        "eager, backward(interior=False)": [leaves_alone / by_hand],
        "  what goes into activations, kept by nodes": [before / by_hand],
        "  gradients but W1's, until the update": [others / by_hand],
    }


# An operation, a function, a program


def operation_pieces(rounds: int) -> dict[str, list[float]]:
    """Microseconds an operation of the chain of ``compiled.overhead``, both passes."""
    x = np.array([0.1, 0.2, 0.3, 0.4])
    found = compiled.overhead(rounds)
    both = ag.value_and_grad(np.sum)

    def by_hand() -> Any:
        y, ys = x, []
        for _ in range(50):
            ys.append(y)
            y = np.tanh(y * x + x)
        g, gx = np.ones(4), np.zeros(4)
        for y_in in reversed(ys):
            g = g * (1 - y * y)
            gx = gx + g + g * y_in
            g, y = g * x, y_in
        return np.sum(y), gx

    jobs: dict[str, Job] = {"NumPy": by_hand, "fixed": lambda: both(x)}
    for job in jobs.values():
        job()
    times = {
        name: sorted(compiled.cpu_seconds(job, 20) for _ in range(rounds))[rounds // 2] / 150 * 1e6
        for name, job in jobs.items()
    }
    return {
        "eager": [found["eager"]],
        "  NumPy's calls, by hand": [times["NumPy"]],
        "  value_and_grad itself, over 150": [times["fixed"]],
        **({"PyTorch": [found["PyTorch"]]} if "PyTorch" in found else {}),
        "compiled": [found["compiled"]],
    }


def function_pieces(rounds: int) -> dict[str, list[float]]:
    """gelu and erf, both passes at 64 x 256, over PyTorch's both passes."""
    import torch

    torch.set_num_threads(1)
    x = np.random.default_rng(0).normal(size=(64, 256))
    leaf, ones = torch.tensor(x, requires_grad=True), np.ones_like(x)
    found: dict[str, list[float]] = {}
    for name, theirs in (("gelu", torch.nn.functional.gelu), ("erf", torch.erf)):
        rule, function = RULES[name], getattr(ag, name)
        out, pullback = rule.forward(x), rule.pullback(0)
        assert pullback is not None
        eager = ag.value_and_grad(lambda x, f=function: np.sum(f(x)))
        alone = ag.value_and_grad(np.sum)

        def with_torch(f: Any = theirs) -> None:
            leaf.grad = None
            f(leaf).sum().backward()

        sides: dict[str, Job] = {
            "eager": lambda eager=eager: eager(x),
            "  its function, element by element in C": lambda rule=rule: rule.forward(x),
            "  its pullback": lambda p=pullback, out=out: p(ones, out, x),
            "  value_and_grad of the sum alone": lambda alone=alone: alone(x),
            "  exp of as many numbers": lambda: np.exp(x),
        }
        for piece, each in ratios(with_torch, sides, rounds).items():
            found.setdefault(piece, []).append(each)
    return found


def program_pieces(rounds: int) -> dict[str, list[float]]:
    """Compiled functions whose goals are near, over the same by hand."""
    found: dict[str, list[float]] = {}
    for make in (compiled.recurrent, compiled.hessian_product):
        by_hand, f, args = make()
        step: Any = ag.compile(ag.value_and_grad(f) if make is compiled.recurrent else f)
        for _ in range(5):
            step(*args)
        ((recording,),) = step._arrays._known.values()
        arrays = leaves(args)
        lines = recording.plan.text.splitlines()
        program = ratios(
            by_hand,
            {
                "compiled": lambda step=step, args=args: step(*args),
                "  its program": lambda r=recording, arrays=arrays: r.run(arrays),
            },
            rounds,
        )
        calls = sum("(" in line and line.startswith("        ") for line in lines)
        for piece, each in {**program, "  calls of NumPy in it": calls}.items():
            found.setdefault(piece, []).append(each)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    settings = {**dict.fromkeys(compiled.THREADS, "1"), **compiled.MEMORY_KEPT}
    if any(os.environ.get(name) != value for name, value in settings.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **settings})
    rounds = 3 if quick else 41
    batches = [64] if quick else training.BATCHES
    steps = [step_pieces(batch, rounds) for batch in batches]
    table(
        "A step of 784-256-64-10, float64: CPU time / by hand",
        {name: [row[name] for row in steps] for name in steps[0]},
        [f"batch {batch}" for batch in batches],
    )
    table("The most memory of a step at batch 64 / by hand", memory(), [""])
    table("Microseconds an operation, both passes, on 4 numbers", operation_pieces(rounds), [""])
    try:
        functions = function_pieces(rounds)
    except ImportError as error:
        print(f"gelu and erf are left out: {error}", file=sys.stderr)
    else:
        table("64 x 256 numbers, both passes: CPU time / PyTorch", functions, ["gelu", "erf"])
    heads = ["recurrent", "Hessian"]
    table("Compiled functions: CPU time / by hand", program_pieces(rounds), heads)


if __name__ == "__main__":
    main()
