"""What recording scalars costs: Value in both builds, its peers, and bare floats as control.

    python benchmarks/scalar.py                 the table
    python benchmarks/scalar.py --json out.json and every figure as JSON
    python benchmarks/scalar.py --quick         fewer repetitions
    python benchmarks/scalar.py --large         scaling up to 10,000,000 nodes (some gigabytes)

The same Python code runs over every kind of number.  A program's figures are ratios: a
median, divided by the median of the same program's forward pass over bare floats, whose runs
take turns with the measured ones; each side has a process of its own.  ``x*y`` is timed as a
statement, loop included, for both sides.  The garbage collector is on, as users have it.
Peers that are not installed are left out, aloud:
pip install micrograd autograd mygrad torch
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import timeit
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import autograd_mini as ag
from autograd_mini._build import build

# The programs: each takes leaves and gives one number


def classic_demo(side: Side, parameters: Sequence[Any]) -> Any:
    """The demo of micrograd: an MLP 2-16-16-1, 100 samples, hinge loss and L2, in its own code."""
    given = iter(parameters)
    layers = [
        [([next(given) for _ in range(n_in)], next(given)) for _ in range(n_out)]
        for n_in, n_out in SHAPE
    ]

    def score(x: Any) -> Any:
        for layer in layers:
            x = [side.neuron(weights, x, bias) for weights, bias in layer]
            if layer is not layers[-1]:
                x = [side.relu(z) for z in x]
        return x[0]

    scores = [score([side.leaf(number) for number in sample]) for sample in SAMPLES]
    losses = [side.relu(1 + -y * s) for y, s in zip(LABELS, scores, strict=True)]
    data_loss = sum(losses) * (1.0 / len(losses))
    return data_loss + 1e-4 * sum(p * p for p in parameters)


SHAPE = [(2, 16), (16, 16), (16, 1)]
_rng = random.Random(1)
SAMPLES = [(_rng.gauss(0, 1), _rng.gauss(0, 1)) for _ in range(100)]
LABELS = [1 if x * y > 0 else -1 for x, y in SAMPLES]
LENGTH = 2_000


def long_chain(side: Side, parameters: Sequence[Any]) -> Any:
    y = x = parameters[0]
    for _ in range(LENGTH):
        y = y * 0.999 + x
    return y


def wide_sum(side: Side, parameters: Sequence[Any]) -> Any:
    return sum(p * p for p in parameters)


def heavy_reuse(side: Side, parameters: Sequence[Any]) -> Any:
    y, x = parameters
    for _ in range(LENGTH):
        y = (y * x) + (y * 0.5) - y
    return y


PROGRAMS: dict[str, tuple[Callable[..., Any], list[float], int]] = {
    "classic demo": (
        classic_demo,
        [_rng.uniform(-1, 1) for _ in range(sum((i + 1) * o for i, o in SHAPE))],
        100 * (2 * sum(i * o for i, o in SHAPE) + 32 + 3) + 100 + 2 * 337 + 3,
    ),
    "long chain": (long_chain, [0.5], 2 * LENGTH),
    "wide sum": (wide_sum, [_rng.uniform(-1, 1) for _ in range(LENGTH)], 2 * LENGTH),
    "heavy reuse": (heavy_reuse, [0.5, 1.5], 4 * LENGTH),
}
"""Each program with its leaves and about how many operations it has."""


# The sides


@dataclass
class Side:
    """A kind of number that the programs run over."""

    name: str
    leaf: Callable[[float], Any]
    relu: Callable[[Any], Any]
    backward: Callable[[Any], None] | None
    neuron: Callable[[Any, Any, Any], Any] = lambda w, x, b: sum(
        (wi * xi for wi, xi in zip(w, x, strict=True)), b
    )
    start: Callable[..., Any] | None = None

    def run(self, program: Callable[..., Any], leaves: Sequence[Any]) -> Any:
        return self.start(self, program, leaves) if self.start else program(self, leaves)


def floats() -> Side:
    return Side("bare floats", float, lambda x: x if x > 0 else 0.0, None)


def ours(name: str, neuron: bool) -> Side:
    value = sys.modules["autograd_mini.core.value"]
    module: Any = value if ag.build_info()["build"] == name else build.other()
    if module is None:
        raise ImportError("it was not built")
    side = Side(name, module.Value, lambda x: x.relu(), lambda loss: loss.backward())
    if neuron:
        side.neuron = module.weighted_sum
    return side


def replayed(in_c: bool) -> Side:
    """Both passes replayed by ``compile``: parameters go in as floats, gradients come out so."""
    if in_c and build.tapes() is None:
        raise ImportError("it was not built")
    if not in_c:
        build.tapes = lambda: None  # type: ignore[assignment]
    numbers = Side("", float, lambda x: x.relu(), None)
    steps: dict[Callable[..., Any], Callable[..., Any]] = {}

    def start(side: Side, program: Callable[..., Any], leaves: Sequence[float]) -> Any:
        if program not in steps:
            steps[program] = ag.compile(ag.value_and_grad(lambda given: program(numbers, given)))
            for _ in range(3):  # the first calls are computed beside the recording
                steps[program](leaves)
        return steps[program](leaves)

    return Side("replayed", float, numbers.relu, None, start=start)


def batched() -> Side:
    """The classic demo with its samples side by side: one sample's loss is what is recorded."""
    if build.tapes() is None:
        raise ImportError("it was not built")

    def loss(parameters: Sequence[Any], x: Any, y: Any, label: Any) -> Any:
        given, inputs = iter(parameters), [x, y]
        for n_in, n_out in SHAPE:
            layer = [([next(given) for _ in range(n_in)], next(given)) for _ in range(n_out)]
            last = n_out == 1
            sums = [sum((w * v for w, v in zip(ws, inputs, strict=True)), b) for ws, b in layer]
            inputs = sums if last else [z.relu() for z in sums]
        return (1 + -label * inputs[0]).relu()

    step = ag.compile(ag.value_and_grad(loss), batch=True)
    xs, ys = np.array(SAMPLES).T
    labels = np.array(LABELS, float)

    warm = [random.uniform(-1, 1) for _ in PROGRAMS["classic demo"][1]]
    for _ in range(4):  # the first calls are computed beside the recording
        step(warm, xs, ys, labels)

    def start(side: Side, program: Callable[..., Any], leaves: Sequence[float]) -> Any:
        losses, slopes = step(leaves, xs, ys, labels)
        weights = np.array(leaves)
        value = losses.mean() + 1e-4 * (weights @ weights)
        return value, (np.array(slopes) / len(losses) + 2e-4 * weights).tolist()

    return Side("batched", float, lambda x: x, None, start=start)


def micrograd() -> Side:
    engine = importlib.import_module("micrograd.engine")
    sys.setrecursionlimit(1_000_000)
    return Side("micrograd", engine.Value, lambda x: x.relu(), lambda loss: loss.backward())


def hips_autograd() -> Side:
    core = importlib.import_module("autograd.core")
    anp = importlib.import_module("autograd.numpy")
    vjps = importlib.import_module("autograd.numpy.numpy_vjps")
    assert vjps

    def start(side: Side, program: Callable[..., Any], leaves: Sequence[float]) -> Any:
        return core.make_vjp(
            lambda given: program(side, [given[i] for i in range(len(leaves))]), tuple(leaves)
        )

    return Side(
        "HIPS autograd", float, lambda x: anp.maximum(x, 0.0), lambda made: made[0](1.0),
        start=start,
    )  # fmt: skip


def mygrad() -> Side:
    mg = importlib.import_module("mygrad")
    return Side("MyGrad", mg.tensor, lambda x: mg.maximum(x, 0.0), lambda loss: loss.backward())


def pytorch() -> Side:
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    return Side(
        "PyTorch",
        lambda x: torch.tensor(x, dtype=torch.float64, requires_grad=True),
        lambda x: x.relu(),
        lambda loss: loss.backward(),
    )


SIDES: dict[str, Callable[[], Side]] = {
    "Value, compiled": lambda: ours("compiled", neuron=False),
    "Value, compiled, weighted_sum": lambda: ours("compiled", neuron=True),
    "Value, plain": lambda: ours("plain", neuron=False),
    "Value, plain, weighted_sum": lambda: ours("plain", neuron=True),
    "replayed, in C": lambda: replayed(in_c=True),
    "replayed, in Python": lambda: replayed(in_c=False),
    "replayed, in C, batch": batched,
    "micrograd": micrograd,
    "HIPS autograd": hips_autograd,
    "MyGrad": mygrad,
    "PyTorch": pytorch,
}


# Measuring


def step(side: Side, program: Callable[..., Any], leaves: Sequence[Any]) -> tuple[float, ...]:
    """Seconds of one forward pass, one sweep, and one release."""
    clock = time.perf_counter
    begin = clock()
    loss = side.run(program, leaves)
    recorded = clock()
    if side.backward is not None:
        side.backward(loss)
    swept = clock()
    del loss
    return recorded - begin, swept - recorded, clock() - swept


def ratios(side: Side, control: Side, name: str, repetitions: int, most: float) -> dict[str, float]:
    """Medians of forward, backward and release, over the control's forward pass."""
    program, numbers, _ = PROGRAMS[name]
    leaves = [side.leaf(number) for number in numbers] if not side.start else numbers
    step(side, program, leaves)
    times, base = [], []
    begin = time.perf_counter()
    while not times or (len(times) < repetitions and time.perf_counter() - begin < most):
        base.append(step(control, program, numbers)[0])
        times.append(step(side, program, leaves))
    forward = statistics.median(base)
    parts = [statistics.median(part) / forward for part in zip(*times, strict=True)]
    total = statistics.median(sum(each) for each in times) / forward
    return dict(zip(("forward", "backward", "release"), parts, strict=True)) | {
        "total": total, "control, ms": forward * 1e3, "repetitions": len(times),
    }  # fmt: skip


def bytes_a_node(side: Side) -> float:
    """Memory of a recorded chain, as Python's allocator hands it out."""
    length = 50_000
    drained = [side.leaf(1.0) for _ in range(20_000)]  # what was kept for reuse is in use
    y, x = side.leaf(1.5), side.leaf(1.0)
    gc.collect()
    tracemalloc.start()
    for _ in range(length):
        y = y * x
    found = tracemalloc.get_traced_memory()[0] / length
    tracemalloc.stop()
    del drained
    return found


def one_product(side: Side, control: Side) -> dict[str, float]:
    """Nanoseconds of the statement ``x*y``, the loop of ``timeit`` included, of both sides.

    The shortest of many runs that take turns; an empty loop is not subtracted, for it takes so
    much of the whole that the difference of the two is not stable.
    """
    count = 20_000

    def once(each: Side) -> float:
        names = {"x": each.leaf(1.5), "y": each.leaf(2.5)}
        return timeit.timeit("x*y", globals=names, number=count) / count * 1e9

    runs = [(once(side), once(control)) for _ in range(100)]
    ours, floats = (min(times) for times in zip(*runs, strict=True))
    return {"ns": ours, "floats, ns": floats}


def scaling(side: Side, largest: int) -> dict[int, float]:
    """Nanoseconds a node for chains of growing length: forward, backward and release."""

    def chain(length: int) -> float:
        y = x = side.leaf(1.0)
        begin = time.perf_counter()
        for _ in range(length):
            y = y + x
        y.backward()
        del y
        return time.perf_counter() - begin

    lengths = [10**k for k in range(3, 8) if 10**k <= largest]
    found: dict[int, list[float]] = {length: [] for length in lengths}
    for _ in range(5):
        for length in lengths:
            runs = [chain(length) for _ in range(max(1, min(100, 100_000 // length)))]
            found[length].append(statistics.median(runs) / length * 1e9)
    return {length: statistics.median(times) for length, times in found.items()}


def import_milliseconds(repetitions: int) -> dict[str, float]:
    """What ``import autograd_mini`` adds to ``import numpy``, for each build, from bytecode."""
    clock = "time.perf_counter()"
    code = f"import time, numpy; t = {clock}; import autograd_mini; print({clock} - t)"
    found = {}
    with tempfile.TemporaryDirectory() as cache:
        for build_name, pure in (("compiled", "0"), ("plain", "1")):
            environment = os.environ | {
                "AUTOGRAD_MINI_PURE": pure,
                "PYTHONPYCACHEPREFIX": cache,
                "PYTHONDONTWRITEBYTECODE": "",
            }
            times = []
            for _ in range(repetitions + 1):
                command = [sys.executable, "-c", code]
                done = subprocess.run(
                    command, env=environment, stdout=subprocess.PIPE, text=True, check=True
                )
                times.append(float(done.stdout))
            found[build_name] = statistics.median(times[1:]) * 1e3  # the first one compiled
    return found


def table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(w) if i == 0 else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def measured(name: str, quick: bool, large: bool) -> dict[str, Any]:
    """Every figure of one side, from a process in which no other is imported."""
    side, control = SIDES[name](), floats()
    repetitions, most = (5, 2.0) if quick else (41, 15.0)
    neuron = name.endswith(("weighted_sum", "batch"))
    programs = ["classic demo"] if neuron else list(PROGRAMS)
    found: dict[str, Any] = {
        "programs": {each: ratios(side, control, each, repetitions, most) for each in programs}
    }
    if not neuron and not side.start:
        found["product"] = one_product(side, control)
        found["bytes"] = bytes_a_node(side) if name != "PyTorch" else None
    if name.startswith("Value") and not neuron:
        largest = 10**7 if large else 10**5 if quick else 10**6
        found["scaling"] = {f"{n:,}": ns for n, ns in scaling(side, largest).items()}
    return found


def process(name: str, arguments: list[str]) -> dict[str, Any] | None:
    """``measured`` in a process of its own; ``None`` where a peer is not installed."""
    command = [sys.executable, __file__, *arguments, "--side", name]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        return None
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", metavar="FILE", help="write every figure")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--large", action="store_true", help="scaling up to 10,000,000 nodes")
    parser.add_argument("--no-peers", action="store_true", help="only Value and bare floats")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.side:
        try:
            print(json.dumps(measured(chosen.side, chosen.quick, chosen.large)))
        except ModuleNotFoundError as error:
            sys.exit(f"{chosen.side} is left out: {error}")
        return
    flags = ["--quick"] * chosen.quick + ["--large"] * chosen.large
    ours = ("Value", "replayed")
    names = [name for name in SIDES if name.startswith(ours) or not chosen.no_peers]
    sides = {name: found for name in names if (found := process(name, flags)) is not None}

    print(f"Python {sys.version.split()[0]}; the forward pass over bare floats = 1\n")
    parts = ("forward", "backward", "release", "total")
    for program in PROGRAMS:
        rows = [[program, *parts]]
        for name, found in sides.items():
            if program in found["programs"]:
                rows.append([name, *(f"{found['programs'][program][part]:.2f}" for part in parts)])
        print(table(rows) + "\n")
    rows = [["a node", "x*y, ns", "two floats, ns", "ratio", "bytes"]]
    for name, found in sides.items():
        if "product" in found:
            size = "-" if found["bytes"] is None else f"{found['bytes']:.0f}"
            ns, base = found["product"].values()
            rows.append([name, f"{ns:.1f}", f"{base:.1f}", f"{ns / base:.2f}", size])
    print(table(rows) + "\n")
    scaled = {name: found["scaling"] for name, found in sides.items() if "scaling" in found}
    rows = [["nanoseconds a node, by nodes", *next(iter(scaled.values()))]]
    rows += [[name, *(f"{ns:.0f}" for ns in found.values())] for name, found in scaled.items()]
    print(table(rows) + "\n")
    imports = import_milliseconds(5 if chosen.quick else 15)
    for name, milliseconds in imports.items():
        print(f"import autograd_mini ({name}), over import numpy: {milliseconds:.0f} ms")
    if chosen.json:
        figures = {"python": sys.version.split()[0], "sides": sides, "import, ms": imports}
        with open(chosen.json, "w", encoding="utf-8") as file:
            json.dump(figures, file, indent=2)


if __name__ == "__main__":
    main()
