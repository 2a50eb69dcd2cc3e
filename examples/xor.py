"""XOR by backpropagation, neuron by neuron, and the chain rule for one weight in numbers.

A 2-2-1 network of sigmoid neurons learns exclusive-or from all four samples at once, with
the error E = ½ Σ (target − out)².  Its weights are numbered as in textbooks:

    x1, x2 → h1 by w1, w2;   x1, x2 → h2 by w3, w4;   h1, h2 → out by w5, w6

Run it with ``python examples/xor.py``.  About one seed in six leads a network as small as
this into a local minimum, where two of the four answers stay at one half.
"""

from __future__ import annotations

import argparse
import math
import re
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

import autograd_mini as ag
from autograd_mini import Value, nn
from autograd_mini.core.rule import RULES

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
TARGETS = np.array([[0.0], [1.0], [1.0], [0.0]])
RATE = 0.6


class Result(NamedTuple):
    """What a run found: the four outputs, and ∂E/∂w5 both ways."""

    outputs: np.ndarray
    product: float
    gradient: float


def main(epochs: int = 1000, seed: int = 0) -> Result:
    """Train, print the truth table and the chain rule for w5, and update w5 once."""
    model = nn.MLP([2, 2, 1], hidden="sigmoid", output="sigmoid", rng=seed, scalar=True)
    hidden, last = model.layers
    for number, weight in enumerate([*hidden.weight.T.flat, *last.weight.T.flat], 1):
        weight.label = f"w{number}"

    train(model, epochs)
    outputs = nn.numbers(model(X))
    print("\n x1  x2  target     out")
    for (x1, x2), target, out in zip(X, TARGETS[:, 0], outputs[:, 0], strict=True):
        print(f"{x1:3.0f} {x2:3.0f} {target:7.0f}  {out:.4f}")

    product, gradient = chain_rule(model, X[2], TARGETS[2])
    return Result(outputs, product, gradient)


def train(model: nn.MLP, epochs: int) -> None:
    """Gradient descent with momentum over full batches."""
    optimiser = nn.SGD(model.parameters(), RATE, momentum=0.9)
    progress = tqdm(range(epochs), desc="training")
    for _ in progress:
        optimiser.zero_grad()
        error = nn.half_squared_error(model(X), TARGETS)
        error.backward()
        optimiser.step()
        progress.set_postfix(E=f"{error.data:.4f}", refresh=False)


def chain_rule(model: nn.MLP, x: np.ndarray, target: np.ndarray) -> tuple[float, float]:
    """Print ∂E/∂w5 factor by factor from the recorded graph, and update w5."""
    model.zero_grad()
    error = nn.half_squared_error(model(x), target)
    error.backward()

    node = {node.label or node.op: node for node in ag.topological_order(error)}
    h1, net, out, w5 = node["a1[0]"], node["z2[0]"], node["a2[0]"], node["w5"]
    h1.label, net.label, out.label, error.label = "h1", "net", "out", "E"
    node["sub"].label = "(t - out)"

    print(f"\nThe chain rule for w5 at x = ({x[0]:g}, {x[1]:g}), target {target[0]:g}")
    print("∂E/∂w5 = ∂E/∂out · ∂out/∂net · ∂net/∂w5\n")
    print(f"{'factor':<12}{'operation':<11}{'local derivative':<22}{'number':>12}")
    factors = [factor(*ends) for ends in ((error, out), (out, net), (net, w5))]
    product = math.prod(factors)
    print(f"\n∂E/∂w5 = {' · '.join(f'{number:.6g}' for number in factors)} = {product:.9g}")
    print(f"w5.grad, left by the reverse sweep: {w5.grad:.9g}")
    if not math.isclose(product, w5.grad, rel_tol=1e-12):
        raise ArithmeticError(f"the chain rule gives {product}, the sweep {w5.grad}")

    before = w5.data
    w5.data -= RATE * w5.grad
    print(f"w5 ← w5 − η·∂E/∂w5 = {before:.6f} − {RATE} · {w5.grad:.6g} = {w5.data:.6f}")
    return product, w5.grad


def factor(top: Value, bottom: Value) -> float:
    """Print ∂top/∂bottom operation by operation; give the product of its local derivatives."""
    name = f"∂{top.label}/∂{bottom.label}"
    total = 1.0
    for node, k in path(top, bottom):
        number = node.local_derivatives[k]
        total *= number
        print(f"{name:<12}{node.op:<11}{formula(node, k):<22}{number:>12.6g}")
        name = ""
    return total


def formula(node: Value, k: int) -> str:
    """The derivative for operand k as the table states it, in labels and numbers."""
    rule = RULES[node.op]
    words = {"out": node.label}
    for name, parent in zip(rule.operands, node.parents, strict=True):
        number = parent.data if isinstance(parent, Value) else parent
        words[name] = getattr(parent, "label", "") or f"{number:.6g}"
    return re.sub(r"[a-z]\w*", lambda word: words.get(word[0], word[0]), rule.derivatives[k])


def path(top: Value, bottom: Value) -> list[tuple[Value, int]]:
    """The way down from a result to an operand: each node, and which parent comes next."""
    depends = {bottom}
    for node in ag.topological_order(top):
        if any(parent in depends for parent in node.parents):
            depends.add(node)
    steps = []
    while top is not bottom:
        (k,) = [k for k, parent in enumerate(top.parents) if parent in depends]
        steps.append((top, k))
        top = top.parents[k]
    return steps


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="XOR by backpropagation, neuron by neuron.")
    parser.add_argument("--epochs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    main(**vars(parser.parse_args()))
