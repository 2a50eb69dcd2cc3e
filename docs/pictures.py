"""Draws the pictures of the README and the docs: ``python docs/pictures.py``."""

from pathlib import Path
from typing import Any

import numpy as np

import autograd_mini as ag
from autograd_mini import Value, nn

HERE = Path(__file__).parent


def neuron() -> ag.Drawing:
    """One neuron and its squared error, with gradients."""
    w, x, b = Value(0.5), Value(2.0), Value(-0.3)
    out = (w * x + b).sigmoid()
    loss = (1 - out) ** 2
    loss.backward()
    return ag.draw(loss)


def network_2_2_2(view: Any = "both") -> ag.Drawing:
    """The network of the textbooks, weight by weight: ½Σ(t − o)², sigmoid, two layers."""
    i1, i2 = Value(0.05), Value(0.10)
    w1, w2, w3, w4 = Value(0.15), Value(0.20), Value(0.25), Value(0.30)
    w5, w6, w7, w8 = Value(0.40), Value(0.45), Value(0.50), Value(0.55)
    b1, b2 = Value(0.35), Value(0.60)

    net_h1 = ag.weighted_sum([w1, w2], [i1, i2], b1)
    net_h2 = ag.weighted_sum([w3, w4], [i1, i2], b1)
    out_h1, out_h2 = net_h1.sigmoid(), net_h2.sigmoid()
    net_o1 = ag.weighted_sum([w5, w6], [out_h1, out_h2], b2)
    net_o2 = ag.weighted_sum([w7, w8], [out_h1, out_h2], b2)
    out_o1, out_o2 = net_o1.sigmoid(), net_o2.sigmoid()
    E1, E2 = (0.01 - out_o1) ** 2 / 2, (0.99 - out_o2) ** 2 / 2
    E = E1 + E2
    E.backward()

    return ag.draw(E, view=view)


def network() -> ag.Drawing:
    """The same as neurons in columns, and weights as lines."""
    return network_2_2_2("network")


def layers() -> ag.Drawing:
    """A network over arrays: layers in frames, arrays as strips of colour."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 4)), np.repeat([0, 1], 10)
    model = nn.MLP([4, 8, 2], hidden="tanh", rng=0)
    loss = nn.cross_entropy(model.logits(X), y)
    loss.backward()
    return ag.draw(loss, clusters=model)


def checked() -> ag.Drawing:
    """Gradients derived by hand against automatic ones: the first mistake, and its heirs."""
    X, t = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array([[1.0], [1.0], [0.0]])

    def loss(W: Any, b: Any) -> Any:
        z = X @ W + b
        out = ag.sigmoid(z)
        return np.sum((t - out) ** 2) / 2

    def manual(W: Any, b: Any) -> dict[str, Any]:
        out = 1 / (1 + np.exp(-(X @ W + b)))
        dout = out - t
        dz = dout * out  # out * (1 - out) was meant
        return {"out": dout, "z": dz, "W": X.T @ dz, "b": dz.sum(axis=0)}

    params = {"W": np.array([[0.5], [-0.3]]), "b": np.array([0.1])}
    return ag.draw(ag.check_gradients(loss, params, manual))


if __name__ == "__main__":
    for picture in (neuron, network_2_2_2, network, layers, checked):
        name = picture.__name__.replace("_", "-")
        print(picture().save(HERE / f"{name}.svg"))
