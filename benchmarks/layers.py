"""What a layer, a loss and an optimiser step cost, beside PyTorch, on one core, in float64.

    python benchmarks/layers.py              the table (about a minute)
    python benchmarks/layers.py --quick      fewer repetitions

A layer's time is forward and backward of the sum of its outputs.  Both sides take turns, and the
least of their CPU times counts, so that what else the machine does weighs on both alike.
"""

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import argparse  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
import torch  # noqa: E402

import autograd_mini as ag  # noqa: E402
from autograd_mini import Tensor, nn  # noqa: E402

Job = Callable[[], Any]


def layers(rng: np.random.Generator) -> Iterator[tuple[str, Job, Job]]:
    """A name, our job and PyTorch's."""
    x = rng.normal(size=(32, 50, 32))
    for kind in ("RNN", "GRU", "LSTM"):
        ours = getattr(nn, kind)(32, 64, rng=rng)
        theirs = getattr(torch.nn, kind)(32, 64, batch_first=True).double()
        yield f"{kind} 32-64, 32 x 50 steps", *both(ours, lambda t, m=theirs: m(t)[0], x, theirs)
    x = rng.normal(size=(64, 256))
    pairs = [
        (nn.BatchNorm(256), torch.nn.BatchNorm1d(256)),
        (nn.LayerNorm(256), torch.nn.LayerNorm(256)),
        (nn.Dense(256, 256, "tanh", rng=rng), torch.nn.Sequential(
            torch.nn.Linear(256, 256), torch.nn.Tanh()
        )),
    ]  # fmt: skip
    for own, other in pairs:
        yield f"{type(own).__name__} 64 x 256", *both(own, other.double(), x, other)
    x = rng.normal(size=(16, 64, 64))
    theirs = torch.nn.MultiheadAttention(64, 4, batch_first=True).double()
    mask = torch.tensor(~np.tri(64, dtype=bool))
    attend = lambda t: theirs(t, t, t, attn_mask=mask, need_weights=False)[0]  # noqa: E731
    own = nn.MultiHeadAttention(64, 4, causal=True, rng=rng)
    yield "attention 64, 4 heads, 16 x 64 steps", *both(own, attend, x, theirs)
    tokens = rng.integers(0, 100, (32, 50))
    own, other = nn.Embedding(100, 32, rng=rng), torch.nn.Embedding(100, 32).double()
    yield "Embedding 100-32, 32 x 50", *both(own, other, tokens, other)


def both(ours: nn.Module, run: Any, x: Any, theirs: torch.nn.Module) -> tuple[Job, Job]:
    there = torch.tensor(x)

    def own() -> None:
        ours.zero_grad()
        np.sum(ours(x)).backward()

    def other() -> None:
        theirs.zero_grad()
        run(there).sum().backward()

    return own, other


def losses(rng: np.random.Generator) -> Iterator[tuple[str, Job, Job]]:
    """The same for losses."""
    z, y = rng.normal(size=(64, 10)), rng.integers(0, 10, 64)
    own, other = Tensor(z), torch.tensor(z, requires_grad=True)
    labels = torch.tensor(y)
    yield (
        "cross_entropy 64 x 10",
        lambda: nn.cross_entropy(own, y).backward(),
        lambda: torch.nn.functional.cross_entropy(other, labels).backward(),
    )
    weights = rng.normal(size=(64, 10))
    theirs = torch.tensor(weights)
    for name, ours, there in (
        ("softmax", ag.softmax, torch.softmax),
        ("log_softmax", ag.log_softmax, torch.log_softmax),
    ):
        yield (
            f"{name} 64 x 10, weighted sum",
            lambda f=ours: np.sum(f(own) * weights).backward(),
            lambda f=there: (f(other, -1) * theirs).sum().backward(),
        )


def optimisers(rng: np.random.Generator) -> Iterator[tuple[str, Job, Job]]:
    """The same for a step on the weights of a 784-256-64-10 network."""
    shapes = [(784, 256), (256,), (256, 64), (64,), (64, 10), (10,)]
    kinds: dict[str, tuple[Any, Any, dict[str, float]]] = {
        "SGD": (nn.SGD, torch.optim.SGD, {}),
        "SGD, momentum": (nn.SGD, torch.optim.SGD, {"momentum": 0.9}),
        "RMSProp": (nn.RMSProp, torch.optim.RMSprop, {}),
        "Adagrad": (nn.Adagrad, torch.optim.Adagrad, {}),
        "Adam": (nn.Adam, torch.optim.Adam, {}),
        "AdamW": (nn.AdamW, torch.optim.AdamW, {}),
    }
    for name, (make, their_make, options) in kinds.items():
        own = [Tensor(rng.normal(size=shape)) for shape in shapes]
        other = [torch.tensor(parameter.data, requires_grad=True) for parameter in own]
        for mine, theirs in zip(own, other, strict=True):
            mine.grad = rng.normal(size=mine.shape)
            theirs.grad = torch.tensor(mine.grad)
        ours, there = make(own, rate=1e-3, **options), their_make(other, lr=1e-3, **options)
        yield f"{name}, 784-256-64-10", ours.step, there.step


def least(job: Job, other: Job, repeat: int) -> tuple[float, float]:
    """The least CPU time of each of two jobs, which take turns, in seconds."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeat):
        for each, found in zip((job, other), times, strict=True):
            start = time.process_time()
            each()
            found.append(time.process_time() - start)
    return min(times[0]), min(times[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    repeat = 20 if parser.parse_args().quick else 100
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    print(f"{'':42}{'here':>10}{'PyTorch':>10}{'ratio':>8}")
    for jobs in (layers, losses, optimisers):
        for name, own, other in jobs(rng):
            here, there = least(own, other, repeat)
            print(f"{name:42}{here * 1e3:>7.3f} ms{there * 1e3:>7.3f} ms{here / there:>8.2f}")


if __name__ == "__main__":
    main()
