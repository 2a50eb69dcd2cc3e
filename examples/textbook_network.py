"""The network of every text on backpropagation: two inputs, two hidden and two output neurons.

Explains ∂E/∂w5, draws the graph, and writes a page that steps through the reverse sweep:

    python examples/textbook_network.py [--folder pictures]

The numbers are those of Matt Mazur's "A Step by Step Backpropagation Example" (2015), whose
figure many texts copied: E = 0.298371109 and ∂E/∂w5 = 0.082167041 there.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import autograd_mini as ag
from autograd_mini import Value

WEIGHTS = {
    "w1": 0.15, "w2": 0.20, "w3": 0.25, "w4": 0.30, "w5": 0.40, "w6": 0.45, "w7": 0.50, "w8": 0.55,
    "b1": 0.35, "b2": 0.60,
}  # fmt: skip
INPUTS = {"i1": 0.05, "i2": 0.10}
TARGETS = {"t1": 0.01, "t2": 0.99}


def network() -> tuple[Value, dict[str, Value]]:
    """The loss E = ½·Σ(target − out)², swept, and the weights by name."""
    p = {name: Value(number, name) for name, number in {**WEIGHTS, **INPUTS, **TARGETS}.items()}

    def neuron(name: str, first: str, x: Value, second: str, y: Value, bias: str) -> Value:
        net = ag.weighted_sum([p[first], p[second]], [x, y], p[bias])
        out = net.sigmoid()
        net.label, out.label = f"net_{name}", f"out_{name}"
        return out

    h1 = neuron("h1", "w1", p["i1"], "w2", p["i2"], "b1")
    h2 = neuron("h2", "w3", p["i1"], "w4", p["i2"], "b1")
    o1 = neuron("o1", "w5", h1, "w6", h2, "b2")
    o2 = neuron("o2", "w7", h1, "w8", h2, "b2")
    E = (p["t1"] - o1) ** 2 / 2 + (p["t2"] - o2) ** 2 / 2
    E.label = "E"
    E.backward()
    return E, {name: p[name] for name in WEIGHTS}


def main(folder: str | Path = "pictures") -> list[str]:
    """Print the explanation; write the picture and the walkthrough, and give their paths."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tempfile.TemporaryFile(dir=folder).close()  # fails before the work, not after it
    E, weights = network()
    print(ag.explain(E, weights["w5"]))
    written = [
        ag.draw(E).save(folder / "textbook_network.svg"),
        ag.walkthrough(E, folder / "textbook_network.html"),
    ]
    print()
    print(*(f"Written: {path}" for path in written), sep="\n")
    return written


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="The 2-2-2 network of the textbooks.")
    parser.add_argument("--folder", default="pictures")
    parser.add_argument(  # SUPPRESS: left out, it does not undo --folder
        "folder", nargs="?", default=argparse.SUPPRESS, help="the same as --folder"
    )
    try:
        main(**vars(parser.parse_args()))
    except OSError as error:  # the folder cannot be made or written to
        parser.exit(1, f"{error}\n")
