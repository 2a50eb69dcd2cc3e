"""What compiled functions of arrays cost: beside NumPy by hand, eager Tensors, PyTorch and jax.jit.

    python benchmarks/compiled.py             the tables (some minutes)
    python benchmarks/compiled.py --quick     few repetitions
    python benchmarks/compiled.py --json out.json  and every figure as JSON

A figure is the CPU time of a side divided by that of the same thing written by hand, in NumPy, the
median over runs that take turns, on one thread; so what else the machine does weighs on both alike.
A step is forward, loss, backward and the update of a network 784-256-64-10 with sigmoid, softmax
and cross-entropy; "planned by hand" is the bound of what NumPy can do: ``out=`` everywhere, memory
made once.  "Memory given back" is a process whose allocator returns large temporaries at once, as
glibc's does at first (``MALLOC_MMAP_THRESHOLD_``): they are mapped anew at each step.  What glibc
has in its heap it takes again, whatever it was told; so each figure of a step has its own process.
Peers that are not installed are left out, aloud: pip install torch jax
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

THREADS = ["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"]
GIVEN_BACK = {"MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_TRIM_THRESHOLD_": "131072"}
MEMORY_KEPT = {"MALLOC_MMAP_THRESHOLD_": "1073741824", "MALLOC_TRIM_THRESHOLD_": "1073741824"}
Job = Callable[[], Any]


def cpu_seconds(job: Job, times: int) -> float:
    begin = time.process_time_ns()
    for _ in range(times):
        job()
    return (time.process_time_ns() - begin) / times / 1e9


def ratios(control: Job, sides: dict[str, Job], rounds: int) -> dict[str, float]:
    """For each side the median of its CPU time over the control's, in runs that take turns."""
    for job in (control, *sides.values()):
        for _ in range(5):
            job()
    times = max(1, int(2e-3 / max(cpu_seconds(control, 5), 1e-7)))
    found: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, job in sides.items():
            found[name].append(cpu_seconds(job, times) / cpu_seconds(control, times))
    return {name: statistics.median(each) for name, each in found.items()}


# A step of a network


def steps(dtype: str, batch: int) -> tuple[Job, dict[str, Job]]:
    """The step by hand, and the others by name."""
    import numpy as np
    import training

    from autograd_mini import compile as compiled
    from autograd_mini import nn

    X, y = training.load_digits()
    x, t = X[:batch].astype(dtype), y[:batch]
    kind: Any = np.dtype(dtype)

    def job(side: training.Side) -> Job:
        assert side.step is not None
        step, given = side.step, side.prepare(x.copy(), t.copy())
        return lambda: step(*given)

    model = training.our_network(kind)
    optimiser = nn.SGD(model.parameters(), rate=training.RATE)
    planned: Any = compiled(
        lambda x, t: nn.cross_entropy(model.logits(x), t), wrt=model.parameters()
    )

    def ours() -> None:
        planned.backward(x, t)
        optimiser.step(spend_gradients=True)

    ours.planned = planned  # type: ignore[attr-defined]
    sides = {
        "planned by hand": job(training.Side(step=planned_by_hand(training.start(kind)),
                                             prepare=training.by_hand(kind).prepare)),
        "Tensors, eager": job(training.our_loop(kind)),
        "Tensors, compiled": ours,
    }  # fmt: skip
    for name, make in (
        ("PyTorch, eager", lambda: job(training.pytorch(kind))),
        ("jax.jit", lambda: jitted(x, np.eye(10, dtype=kind)[t], training.start(kind))),
    ):
        try:
            sides[name] = make()
        except ImportError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    return job(training.by_hand(kind)), sides


def planned_by_hand(start: list[Any]) -> Callable[[Any, Any], float]:
    """The step by hand with memory that is made once, and each call told where to write."""
    import numpy as np
    import training

    W1, b1, W2, b2, W3, b3 = start
    made: list[Any] = []

    def step(x: Any, t: Any) -> float:
        if not made:
            shapes = [256, 64, 10, 10, 64, 256, 64, 256, 1]
            made.extend(np.empty((len(x), n), x.dtype) for n in shapes)
            made.extend(map(np.empty_like, start))
        a1, a2, z3, q, d2, d1, s2, s1, top, *slopes = made
        for given, W, b, a in ((x, W1, b1, a1), (a1, W2, b2, a2)):
            np.matmul(given, W, a)
            np.add(a, b, a)
            np.negative(a, a)
            np.exp(a, a)
            np.add(a, 1, a)
            np.divide(1, a, a)
        np.matmul(a2, W3, z3)
        np.add(z3, b3, z3)
        np.maximum.reduce(z3, 1, None, top, True)
        np.subtract(z3, top, z3)
        np.exp(z3, z3)
        np.add.reduce(z3, 1, None, top, True)
        np.divide(z3, top, z3)
        np.log(z3, q)
        np.multiply(q, t, q)
        loss = -float(np.add.reduce(q, None))
        np.subtract(z3, t, z3)
        np.divide(z3, len(x), z3)
        for d, W, a, s, below in ((z3, W3, a2, s2, d2), (d2, W2, a1, s1, d1)):
            np.matmul(d, W.T, below)
            np.subtract(1, a, s)
            np.multiply(s, a, s)
            np.multiply(below, s, below)
        for given, d, W, b, dW, db in (
            (a2, z3, W3, b3, *slopes[4:6]), (a1, d2, W2, b2, *slopes[2:4]),
            (x, d1, W1, b1, *slopes[:2]),
        ):  # fmt: skip
            np.matmul(given.T, d, dW)
            np.multiply(dW, training.RATE, dW)
            np.subtract(W, dW, W)
            np.add.reduce(d, 0, None, db)
            np.multiply(db, training.RATE, db)
            np.subtract(b, db, b)
        return loss

    return step


def jitted(x: Any, t: Any, start: list[Any]) -> Job:
    import jax

    jax.config.update("jax_enable_x64", x.dtype.itemsize == 8)
    jnp = jax.numpy

    def loss(p: Any, x: Any, t: Any) -> Any:
        W1, b1, W2, b2, W3, b3 = p
        z = jax.nn.sigmoid(jax.nn.sigmoid(x @ W1 + b1) @ W2 + b2) @ W3 + b3
        return -jnp.sum(t * jax.nn.log_softmax(z)) / len(x)

    @jax.jit
    def step(p: Any, x: Any, t: Any) -> Any:
        value, slopes = jax.value_and_grad(loss)(p, x, t)
        return value, [w - 0.1 * g for w, g in zip(p, slopes, strict=True)]

    state = [jnp.asarray(each) for each in start]

    def job() -> None:
        nonlocal state
        _, state = step(state, x, t)
        jax.block_until_ready(state)

    return job


# Small programs: value and gradient by hand, and of which function


def rosenbrock() -> tuple[Job, Any, tuple[Any, ...]]:
    import numpy as np

    def f(x: Any) -> Any:
        return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)

    def by_hand(x: Any) -> Any:
        d, e = x[1:] - x[:-1] ** 2, 1.0 - x[:-1]
        g = np.zeros_like(x)
        g[1:] = 200.0 * d
        g[:-1] -= 400.0 * d * x[:-1] + 2.0 * e
        return float(np.sum(100.0 * d**2 + e**2)), g

    x = np.linspace(-1.0, 1.5, 10)
    return lambda: by_hand(x), f, (x,)


def recurrent() -> tuple[Job, Any, tuple[Any, ...]]:
    import numpy as np

    rng = np.random.default_rng(0)
    n, length = 16, 20
    xs, target = rng.normal(size=(length, 8, n)), rng.normal(size=(8, n))

    def f(p: Any, xs: Any, target: Any) -> Any:
        h = np.zeros((8, n))
        for x in xs:
            h = np.tanh(x @ p["W"] + h @ p["U"] + p["b"])
        return np.mean((h - target) ** 2)

    def by_hand(p: Any, xs: Any, target: Any) -> Any:
        hs = [np.zeros((8, n))]
        for x in xs:
            hs.append(np.tanh(x @ p["W"] + hs[-1] @ p["U"] + p["b"]))
        error = hs[-1] - target
        dW, dU, db = np.zeros((n, n)), np.zeros((n, n)), np.zeros(n)
        dh = 2.0 * error / error.size
        for i in range(length - 1, -1, -1):
            dz = dh * (1.0 - hs[i + 1] ** 2)
            dW += xs[i].T @ dz
            dU += hs[i].T @ dz
            db += dz.sum(axis=0)
            dh = dz @ p["U"].T
        return float(np.mean(error**2)), {"W": dW, "U": dU, "b": db}

    p = {"W": rng.normal(size=(n, n)) * 0.3, "U": rng.normal(size=(n, n)) * 0.3, "b": np.zeros(n)}
    return lambda: by_hand(p, xs, target), f, (p, xs, target)


def three_bodies() -> tuple[Job, Any, tuple[Any, ...]]:
    """The energy of three bodies; its gradient is what a step of their orbits needs."""
    import numpy as np

    masses = np.array([1.0, 2.0, 0.5])
    pairs = [(0, 1), (0, 2), (1, 2)]

    def f(q: Any) -> Any:
        total = 0.0
        for i, j in pairs:
            d = q[i] - q[j]
            total = total - masses[i] * masses[j] / np.sqrt(np.sum(d * d))
        return total

    def by_hand(q: Any) -> Any:
        total, g = 0.0, np.zeros_like(q)
        for i, j in pairs:
            d = q[i] - q[j]
            r = np.sqrt(np.sum(d * d))
            strength = masses[i] * masses[j] / r
            total -= strength
            pull = strength / (r * r) * d
            g[i] += pull
            g[j] -= pull
        return float(total), g

    q = np.array([[0.0, 0.0, 0.1], [1.0, 0.0, 0.0], [0.0, 1.5, 0.0]])
    return lambda: by_hand(q), f, (q,)


def hessian_product() -> tuple[Job, Any, tuple[Any, ...]]:
    """By hand, and as a function of a point and a direction."""
    import numpy as np

    import autograd_mini as ag

    A = np.random.default_rng(0).normal(size=(30, 30)) / 30

    def energy(x: Any) -> Any:
        return np.sum(np.log(1.0 + (A @ x) ** 2))

    def by_hand(x: Any, v: Any) -> Any:
        z, dz = A @ x, A @ v
        s = 1.0 + z * z
        return A.T @ ((2.0 / s - 4.0 * z * z / (s * s)) * dz)

    def product(x: Any, v: Any) -> Any:
        return ag.hvp(energy, (x,), (v,))[0]

    x, v = np.ones(30), np.linspace(0.0, 1.0, 30)
    return lambda: by_hand(x, v), product, (x, v)


def programs(rounds: int) -> dict[str, dict[str, float]]:
    import numpy as np

    import autograd_mini as ag

    found = {}
    for name, make in (
        ("Rosenbrock, 10 dimensions", rosenbrock),
        ("recurrent, 20 steps, width 16", recurrent),
        ("three bodies", three_bodies),
    ):
        by_hand, f, args = make()
        eager = ag.value_and_grad(f)
        step = ag.compile(eager)
        expected, ours = by_hand(), step(*args)
        assert np.allclose(expected[0], ours[0])
        sides = {
            "eager": lambda eager=eager, args=args: eager(*args),
            "compiled": lambda step=step, args=args: step(*args),
        }
        found[name] = ratios(by_hand, sides, rounds)

    by_hand, f, args = hessian_product()
    compiled = ag.compile(f)
    assert np.allclose(by_hand(), compiled(*args))
    found["Hessian-vector product, 30"] = ratios(
        by_hand, {"eager": lambda: f(*args), "compiled": lambda: compiled(*args)}, rounds
    )
    return found


# Overhead, memory, functions


def overhead(rounds: int) -> dict[str, float]:
    """Microseconds an operation, both passes, of a chain on 4 numbers."""
    import numpy as np

    import autograd_mini as ag

    length = 50

    def chain(x: Any) -> Any:
        y = x
        for _ in range(length):
            y = np.tanh(y * x + x)
        return np.sum(y)

    x = np.array([0.1, 0.2, 0.3, 0.4])
    eager = ag.value_and_grad(chain)
    compiled = ag.compile(eager)
    jobs: dict[str, Job] = {"eager": lambda: eager(x), "compiled": lambda: compiled(x)}
    try:
        import torch

        torch.set_num_threads(1)
        leaf = torch.tensor(x, requires_grad=True)

        def with_torch() -> None:
            leaf.grad, y = None, leaf
            for _ in range(length):
                y = torch.tanh(y * leaf + leaf)
            y.sum().backward()

        jobs["PyTorch"] = with_torch
    except ImportError as error:
        print(f"PyTorch is left out: {error}", file=sys.stderr)
    for job in jobs.values():
        for _ in range(5):
            job()
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds):  # in turns
        for name, job in jobs.items():
            times[name].append(cpu_seconds(job, 3))
    return {name: statistics.median(each) / (3 * length) * 1e6 for name, each in times.items()}


def peak(job: Job) -> int:
    """The most memory that a job has at once, in bytes."""
    for _ in range(3):
        job()
    tracemalloc.start()
    try:
        job()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def peak_memory() -> dict[str, float]:
    """The most memory that a step at batch 64 has at once, over that by hand.

    What a compiled function keeps between calls counts: its pieces, and results to use again.
    """
    control, sides = steps("float64", 64)
    by_hand = peak(control)
    compiled = peak(sides["Tensors, compiled"])
    (recording,) = next(iter(sides["Tensors, compiled"].planned._known.values()))  # type: ignore[attr-defined]
    compiled += sum(program.nbytes for program in recording._idle)
    eager = peak(sides["Tensors, eager"])
    return {"Tensors, eager": eager / by_hand, "Tensors, compiled": compiled / by_hand}


def functions(rounds: int, quick: bool) -> dict[str, dict[str, float]]:
    """gelu and erf, both passes, over PyTorch's; beside them those that it compiles, which takes
    seconds.
    """
    import numpy as np
    import torch

    import autograd_mini as ag

    torch.set_num_threads(1)
    x = np.random.default_rng(0).normal(size=(64, 256))
    found = {}
    for name, ours, theirs in (
        ("gelu", ag.gelu, torch.nn.functional.gelu),
        ("erf", ag.erf, torch.erf),
    ):
        eager = ag.value_and_grad(lambda x, f=ours: np.sum(f(x)))
        compiled = ag.compile(eager)
        leaf = torch.tensor(x, requires_grad=True)

        def with_torch(f: Any = theirs, leaf: Any = leaf) -> None:
            leaf.grad = None
            f(leaf).sum().backward()

        sides = {
            "eager": lambda eager=eager: eager(x),
            "compiled": lambda compiled=compiled: compiled(x),
        }
        if not quick:
            sides["torch.compile"] = functools.partial(with_torch, torch.compile(theirs))
            try:
                sides["torch.compile"]()
            except Exception as error:  # without a compiler of C++
                print(f"torch.compile is left out: {error}", file=sys.stderr)
                del sides["torch.compile"]
        found[name] = ratios(with_torch, sides, rounds)
    return found


def measured(quick: bool) -> dict[str, Any]:
    """What is measured in one process besides the steps."""
    rounds = 5 if quick else 41
    found: dict[str, Any] = {}
    found["programs"] = programs(rounds)
    found["overhead"] = overhead(rounds)
    found["memory"] = peak_memory()
    try:
        found["functions"] = functions(rounds, quick)
    except ImportError as error:
        print(f"gelu and erf are left out: {error}", file=sys.stderr)
    return found


def print_steps(title: str, table: dict[str, dict[str, float]]) -> None:
    print(f"\n{title}: CPU time / by hand")
    print(f"{'':22}" + "".join(f"{'batch ' + batch:>12}" for batch in table))
    for name in next(iter(table.values())):
        print(f"{name:22}" + "".join(f"{row[name]:>12.2f}" for row in table.values()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json")
    parser.add_argument("--child", nargs="*", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child is not None:
        rounds = 5 if given.quick else 41
        cell = (given.child[0], int(given.child[1])) if given.child else None
        json.dump(ratios(*steps(*cell), rounds) if cell else measured(given.quick), sys.stdout)
        return

    def child(cell: list[str], more: dict[str, str]) -> Any:
        flags = ["--quick"] if given.quick else []
        ran = subprocess.run(
            [sys.executable, __file__, *flags, "--child", *cell],
            env={**os.environ, **dict.fromkeys(THREADS, "1"), **more},
            stdout=subprocess.PIPE,
            check=True,
        )
        return json.loads(ran.stdout)

    everything: dict[str, dict[str, Any]] = {}
    for state, more in (("memory kept", MEMORY_KEPT), ("memory given back", GIVEN_BACK)):
        found = everything[state] = {} if more is GIVEN_BACK else child([], more)
        for dtype in ("float64",) if given.quick else ("float64", "float32"):
            batches = ("64",) if given.quick else ("8", "64", "256")
            found[dtype] = {batch: child([dtype, batch], more) for batch in batches}
        for dtype in ("float64", "float32"):
            if dtype in found:
                print_steps(f"A step, {dtype}, {state}", found[dtype])
        for title, key, unit in (
            ("Value and gradient: CPU time / by hand", "programs", ""),
            ("gelu and erf, 64 x 256: CPU time / PyTorch", "functions", ""),
        ):
            for i, (name, row) in enumerate(found.get(key, {}).items()):
                if not i:
                    print(f"\n{title}\n{'':32}" + "".join(f"{side:>14}" for side in row))
                print(f"{name:32}" + "".join(f"{each:>14.2f}{unit}" for each in row.values()))
        if "overhead" in found:
            words = ", ".join(f"{name} {each:.2f}" for name, each in found["overhead"].items())
            print(f"\nmicroseconds an operation, both passes, on 4 numbers: {words}")
            words = ", ".join(f"{name} {each:.2f}" for name, each in found["memory"].items())
            print(f"most memory of a step at batch 64 / by hand: {words}", flush=True)
    if given.json:
        with open(given.json, "w", encoding="utf-8") as file:
            json.dump(everything, file, indent=1)


if __name__ == "__main__":
    main()
