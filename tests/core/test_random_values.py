"""Random programs over Values: what a program shows is the same to the bit in both builds.

They reuse, forget, sweep, assign, fail and record inside conversions and callbacks.  Each build
runs them in a process of its own, which is this file:

    python tests/core/test_random_values.py FIRST LAST     prints a line for each thing that is seen
"""

from __future__ import annotations

import copy
import gc
import os
import pickle
import random
import subprocess
import sys
import threading
import weakref
from fractions import Fraction
from itertools import zip_longest
from typing import Any

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini._build import build
from autograd_mini.core.rule import RULES
from autograd_mini.core.value import VALUE_FUNCTIONS

KINDS = {
    "operation": 50, "neuron": 5, "leaf": 4, "forget": 8, "sweep": 6, "zero": 2, "assign": 2,
    "gradients": 3, "differentiated again": 2, "unrecorded": 2, "watched": 2, "copied": 2,
    "collected": 0.2,
}  # fmt: skip
NUMBERS = [
    0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 3.0, 1 / 3, 710.0, -745.0, 1e16, 1e308, -1e308, 5e-324, -5e-324,
    np.inf, -np.inf, np.nan,
]  # fmt: skip


class Recording(float):
    """A number whose conversion records, sweeps and drops Values, and may fail."""

    def __float__(self) -> float:
        v = ag.Value(1.0)
        for _ in range(3):
            v = v * v + 1.0
        v.backward()
        if self < -1.0:
            raise ArithmeticError("no number today")
        return 1.25


CONSTANTS = [
    float, np.float64, np.array, Recording, lambda x: np.float32(np.clip(x, -9.0, 9.0)),
    lambda x: x > 0, lambda x: int(np.nan_to_num(x, posinf=5)), lambda x: Fraction(1, 3),
    lambda x: "no number",
]  # fmt: skip


def text(number: float | None) -> str:
    """A float to the last bit; all NaN are one."""
    return "None" if number is None else "nan" if number != number else float(number).hex()


def seen(seed: int) -> list[str]:
    """Everything that can be seen of a random program while it runs and afterwards."""
    dice = random.Random(seed)
    lines: list[str] = []
    kept: list[ag.Value] = []

    def number() -> float:
        return dice.choice(NUMBERS) if dice.random() < 0.25 else dice.uniform(-3, 3)

    def operand() -> Any:
        if dice.random() < 0.15:
            return dice.choice(CONSTANTS)(number())
        return dice.choice(nodes)

    def callback(_: object) -> None:
        v = ag.Value(2.0)
        v = v * v + v
        v.backward()
        kept[:] = [*kept[-4:], v]

    def operation(name: str) -> ag.Value:
        count = len(RULES[name].operands)
        operands = [operand() for _ in range(count)]
        if not any(isinstance(o, ag.Value) for o in operands):
            operands[dice.randrange(count)] = dice.choice(nodes)
        return VALUE_FUNCTIONS[name](*operands)

    def neuron() -> ag.Value:
        count = dice.randrange(5)
        weights, inputs = ([operand() for _ in range(count)] for _ in "wx")
        return ag.weighted_sum(weights, inputs, dice.choice(nodes))

    nodes = [ag.Value(number(), f"x{i}") for i in range(dice.randint(1, 3))]
    references = []
    for _ in range(dice.choice([5, 20, 60, 200])):
        (kind,) = dice.choices(list(KINDS), list(KINDS.values()))
        node, other = dice.choice(nodes), dice.choice(nodes)
        made = None
        try:
            match kind:
                case "operation":
                    made = operation(dice.choice(list(RULES)))
                case "neuron":
                    made = neuron()
                case "leaf":
                    made = ag.Value(number(), "x")
                case "forget":
                    dice.shuffle(nodes)
                    del nodes[max(1, len(nodes) - dice.randint(1, 3)) :]
                case "sweep":
                    node.backward(number() if dice.random() < 0.3 else None)
                case "zero":
                    node.zero_grad()
                case "assign":
                    if not node.op:
                        node.data = operand()
                case "gradients":
                    lines += map(text, ag.gradients(node, [other, node]))
                case "differentiated again":
                    for made in ag.gradients(node, [other, node], create_graph=True):
                        lines.append(text(getattr(made, "data", made)))
                case "unrecorded":
                    with ag.no_grad():
                        made = operation("mul")
                case "watched":
                    references.append(weakref.ref(node, callback))
                case "copied":
                    made = pickle.loads(pickle.dumps(copy.copy(node)))
                case "collected":
                    gc.collect()
        except (ArithmeticError, ValueError, TypeError, RuntimeError) as error:
            message = str(error).replace(build.COMPILED, "autograd_mini.core.value")
            lines.append(f"{kind}: {type(error).__name__}: {message}")
            continue
        if isinstance(made, ag.Value):
            nodes.append(made)
            derivatives = " ".join(map(text, made.local_derivatives))
            lines.append(f"{kind}: {made!r} {text(made.data)} {len(made.parents)} {derivatives}")
        else:
            lines.append(f"{kind}: {text(node.data)} {text(node.grad)}")

    everything = [weakref.ref(node) for node in nodes]
    dice.shuffle(nodes)
    node = other = made = None
    while nodes:  # what is left is swept while the rest of its graph goes
        nodes[-1].backward()
        lines += [f"left: {text(node.grad)}" for node in [nodes[-1], nodes[0]]]
        node = None
        nodes.pop(0)
    kept.clear()
    lines.append(f"alive: {sum(reference() is not None for reference in everything)}")
    return lines


def run(first: int, last: int, **environment: str) -> list[str]:
    """What the programs show in a process of its own."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", __file__, str(first), str(last)],
        env={**os.environ, **environment},
        capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip


@pytest.mark.skipif(
    build.other() is None and ag.build_info()["build"] == "plain",
    reason="the compiled build is not installed",
)
@pytest.mark.parametrize(
    ("first", "last"), [(0, 200), pytest.param(1000, 3000, marks=pytest.mark.slow)]
)
def test_random_programs_are_equal_to_the_bit_in_both_builds(first: int, last: int) -> None:
    compiled = run(first, last, AUTOGRAD_MINI_PURE="0")
    plain = run(first, last, AUTOGRAD_MINI_PURE="1")
    assert (compiled[0], plain[0]) == ("compiled", "plain")
    program = ""
    for i, (one, other) in enumerate(zip_longest(compiled[1:], plain[1:])):
        if str(one).startswith("program"):
            program = str(one)
        assert one == other, f"{program}, line {i}"
    assert compiled.count("alive: 0") == last - first


@pytest.mark.filterwarnings("ignore")  # as in the processes above: programs do what they do
def test_random_programs_in_threads_are_those_of_one() -> None:
    """Nothing of one graph reaches another, wherever one thread gives way to the next."""
    expected = [seen(seed) for seed in range(40)]
    results: list[list[str]] = [[] for _ in expected]

    def work(first: int) -> None:
        for seed in range(first, len(expected), 4):
            results[seed] = seen(seed)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work, args=(first,)) for first in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert results == expected


if __name__ == "__main__":
    print(ag.build_info()["build"])
    for seed in range(int(sys.argv[1]), int(sys.argv[2])):
        print("program", seed)
        print("\n".join(seen(seed)))
