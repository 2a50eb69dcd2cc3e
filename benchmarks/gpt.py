"""A language model over scalars: a Value class of its own, as such programs have, beside ours.

    python benchmarks/gpt.py             seconds a step, and how many times as fast
    python benchmarks/gpt.py --quick     fewer steps
    python benchmarks/gpt.py --json out.json

A transformer of one layer (embeddings, attention of four heads, a layer of ReLU, root-mean-square
norms) learns to spell words, letter by letter, with Adam: all of it numbers, none of it arrays.
The one edit between the first rows is which Value it is given; in the last the loss is compiled,
and each word's recording is run again whenever the word comes back.  All sides start from the same
numbers, and their losses are compared.  Figures are medians of CPU time over the same words; each
side has a process of its own, with the garbage collector on, as users have it.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import autograd_mini as ag

WORDS = ["ada", "alan", "emmy", "grace", "kurt", "leslie", "noether", "sofia"]
LETTERS = sorted(set("".join(WORDS)))
END = len(LETTERS)
WIDTH, HEADS, LENGTH = 16, 4, 8
RATE, FIRST, SECOND, EPS = 0.01, 0.85, 0.99, 1e-8
Parameters = dict[str, list[list[Any]]]


class Own:
    """A scalar that knows what it was made of, as a short program writes it."""

    def __init__(self, data: float, made_of: Sequence[tuple[Own, float]] = ()) -> None:
        self.data, self.grad, self._made_of = data, 0.0, made_of

    def __add__(self, other: Any) -> Own:
        other = other if isinstance(other, Own) else Own(other)
        return Own(self.data + other.data, ((self, 1.0), (other, 1.0)))

    def __mul__(self, other: Any) -> Own:
        other = other if isinstance(other, Own) else Own(other)
        return Own(self.data * other.data, ((self, other.data), (other, self.data)))

    def __pow__(self, exponent: float) -> Own:
        slope = exponent * self.data ** (exponent - 1)
        return Own(self.data**exponent, ((self, slope),))

    def exp(self) -> Own:
        result = math.exp(self.data)
        return Own(result, ((self, result),))

    def log(self) -> Own:
        return Own(math.log(self.data), ((self, 1 / self.data),))

    def relu(self) -> Own:
        return Own(max(0.0, self.data), ((self, float(self.data > 0)),))

    def __sub__(self, other: Any) -> Own:
        return self + other * -1.0

    __radd__, __rmul__ = __add__, __mul__

    def backward(self) -> None:
        order: list[Own] = []
        seen: set[Own] = set()

        def visit(node: Own) -> None:
            if node not in seen:
                seen.add(node)
                for operand, _ in node._made_of:
                    visit(operand)
                order.append(node)

        visit(self)
        self.grad = 1.0
        for node in reversed(order):
            for operand, slope in node._made_of:
                operand.grad += slope * node.grad


# The model, over numbers of any kind


def shapes() -> dict[str, tuple[int, int]]:
    square = (WIDTH, WIDTH)
    return {
        "letters": (END + 1, WIDTH), "places": (LENGTH, WIDTH), "queries": square, "keys": square,
        "values": square, "mixed": square, "wide": (4 * WIDTH, WIDTH), "narrow": (WIDTH, 4 * WIDTH),
        "scores": (END + 1, WIDTH),
    }  # fmt: skip


def start() -> Parameters:
    rng = random.Random(0)
    return {
        name: [[rng.gauss(0.0, 0.2) for _ in range(columns)] for _ in range(rows)]
        for name, (rows, columns) in shapes().items()
    }


def linear(x: list[Any], rows: list[list[Any]]) -> list[Any]:
    return [sum((w * xi for w, xi in zip(row, x, strict=True)), 0.0) for row in rows]


def normed(x: list[Any]) -> list[Any]:
    scale = (sum((xi * xi for xi in x), 0.0) * (1.0 / len(x)) + 1e-5) ** -0.5
    return [xi * scale for xi in x]


def softmax(z: list[Any]) -> list[Any]:
    e = [zi.exp() for zi in z]
    share = sum(e, 0.0) ** -1
    return [ei * share for ei in e]


def added(x: list[Any], y: list[Any]) -> list[Any]:
    return [a + b for a, b in zip(x, y, strict=True)]


def loss(p: Parameters, word: str) -> Any:
    """The mean surprise at each next letter of a word."""
    tokens = [END, *map(LETTERS.index, word), END][: LENGTH + 1]
    keys: list[list[Any]] = []
    values: list[list[Any]] = []
    surprises = []
    size = WIDTH // HEADS
    for place, (token, following) in enumerate(pairwise(tokens)):
        x = normed(added(p["letters"][token], p["places"][place]))
        z = normed(x)
        query = linear(z, p["queries"])
        keys.append(linear(z, p["keys"]))
        values.append(linear(z, p["values"]))
        mixed = []
        for at in range(0, WIDTH, size):
            part = slice(at, at + size)
            alike = [
                sum((q * k for q, k in zip(query[part], key[part], strict=True)), 0.0) * size**-0.5
                for key in keys
            ]
            shares = softmax(alike)
            for i in range(at, at + size):
                each = zip(shares, values, strict=True)
                mixed.append(sum((share * value[i] for share, value in each), 0.0))
        x = added(x, linear(mixed, p["mixed"]))
        hidden = [h.relu() for h in linear(normed(x), p["wide"])]
        x = added(x, linear(hidden, p["narrow"]))
        surprises.append(softmax(linear(x, p["scores"]))[following].log() * -1.0)
    return sum(surprises, 0.0) * (1.0 / len(surprises))


class Adam:
    def __init__(self, count: int) -> None:
        self.steps, self.means, self.squares = 0, [0.0] * count, [0.0] * count

    def changes(self, slopes: Sequence[float]) -> list[float]:
        self.steps += 1
        found = []
        for i, g in enumerate(slopes):
            self.means[i] = FIRST * self.means[i] + (1 - FIRST) * g
            self.squares[i] = SECOND * self.squares[i] + (1 - SECOND) * g * g
            mean = self.means[i] / (1 - FIRST**self.steps)
            square = self.squares[i] / (1 - SECOND**self.steps)
            found.append(-RATE * mean / (math.sqrt(square) + EPS))
        return found


# The sides: a step on a word gives its loss, and what of its time the gradient took


Step = Callable[[str], tuple[float, float]]


def over(kind: Callable[[float], Any]) -> Step:
    p = {name: [[kind(w) for w in row] for row in rows] for name, rows in start().items()}
    flat = [w for rows in p.values() for row in rows for w in row]
    adam = Adam(len(flat))

    def step(word: str) -> tuple[float, float]:
        begin = time.process_time()
        found = loss(p, word)
        found.backward()
        value = found.data
        del found
        taken = time.process_time() - begin
        for w, change in zip(flat, adam.changes([w.grad for w in flat]), strict=True):
            w.data += change
            w.grad = 0.0
        return value, taken

    return step


def compiled() -> Step:
    p = start()
    run = ag.compile(ag.value_and_grad(loss))
    adam = Adam(sum(rows * columns for rows, columns in shapes().values()))

    def step(word: str) -> tuple[float, float]:
        begin = time.process_time()
        value, slopes = run(p, word)
        taken = time.process_time() - begin
        flat = [g for rows in slopes.values() for row in rows for g in row]
        changes = iter(adam.changes(flat))
        for rows in p.values():
            for row in rows:
                row[:] = [w + next(changes) for w in row]
        return value, taken

    return step


SIDES: dict[str, Callable[[], Step]] = {
    "its own Value": lambda: over(Own),
    "Value": lambda: over(ag.Value),
    "Value, compiled": compiled,
}


def measured(name: str, quick: bool) -> dict[str, list[float]]:
    """The losses of some steps, and the times of those after the first."""
    step = SIDES[name]()
    words = WORDS[:2] if quick else WORDS
    warm, rounds = 4, 1 if quick else 9
    found = [step(word) for _ in range(warm + rounds) for word in words]
    losses, times = zip(*found, strict=True)
    return {"losses": list(losses), "times": list(times[warm * len(words) :])}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    sys.setrecursionlimit(100_000)
    if chosen.side:
        print(json.dumps(measured(chosen.side, chosen.quick)))
        return
    found = {}
    for name in SIDES:
        command = [sys.executable, __file__, "--side", name, *["--quick"] * chosen.quick]
        ran = subprocess.run(command, stdout=subprocess.PIPE, check=True)
        found[name] = json.loads(ran.stdout)
    own = found["its own Value"]
    for each in found.values():
        pairs = zip(own["losses"], each["losses"], strict=True)
        assert all(math.isclose(a, b, rel_tol=1e-9) for a, b in pairs)
    print(f"loss after {len(own['losses'])} steps: {own['losses'][-1]:.6f}, the same of all\n")
    print(f"{ag.build_info()['build']:18}{'ms, both passes':>18}{'times as fast':>16}")
    result = {}
    for name, each in found.items():
        faster = statistics.median(a / b for a, b in zip(own["times"], each["times"], strict=True))
        result[name] = {"ms": statistics.median(each["times"]) * 1e3, "times as fast": faster}
        print(f"{name:18}{result[name]['ms']:18.2f}{faster:16.1f}")
    if chosen.json:
        with open(chosen.json, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)


if __name__ == "__main__":
    main()
