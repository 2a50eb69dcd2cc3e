"""Draws the pictures of the README: ``python docs/pictures.py``."""

from pathlib import Path

import autograd_mini as ag
from autograd_mini import Value


def network() -> Value:
    """One neuron and its squared error, with gradients."""
    w, x, b = Value(0.5, label="w"), Value(2.0, label="x"), Value(-0.3, label="b")
    out = (w * x + b).sigmoid()
    out.label = "out"
    loss = (1 - out) ** 2
    loss.label = "loss"
    loss.backward()
    return loss


if __name__ == "__main__":
    print(ag.draw(network()).save(Path(__file__).parent / "neuron.svg"))
