"""Draws the network of docs/peers.md with other libraries: ``python docs/peers.py``.

Needs ``pip install torch torchview micrograd tensor-sensor`` and the program ``dot``.
"""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent / "peers"
WEIGHTS = [[0.15, 0.20], [0.25, 0.30]], [[0.40, 0.45], [0.50, 0.55]]
BIASES = [0.35, 0.35], [0.60, 0.60]
INPUTS, TARGETS = [0.05, 0.10], [0.01, 0.99]


def torchview() -> str:
    """The picture of torchview, of modules and shapes."""
    import torch
    from torchview import draw_graph

    layers = [torch.nn.Linear(2, 2), torch.nn.Sigmoid(), torch.nn.Linear(2, 2), torch.nn.Sigmoid()]
    graph = draw_graph(torch.nn.Sequential(*layers), input_size=(1, 2))
    svg: str = graph.visual_graph.pipe("svg").decode()
    return svg


def micrograd() -> str:
    """The picture of micrograd, as its notebook ``trace_graph.ipynb`` draws it; with ReLU."""
    import graphviz
    from micrograd.engine import Value

    w = [[[Value(v) for v in row] for row in layer] for layer in WEIGHTS]
    outs = [Value(v) for v in INPUTS]
    for layer, biases in zip(w, BIASES, strict=True):
        outs = [
            (sum((a * x for a, x in zip(row, outs, strict=True)), Value(b))).relu()
            for row, b in zip(layer, biases, strict=True)
        ]
    loss = sum(((out - t) ** 2 * 0.5 for out, t in zip(outs, TARGETS, strict=True)), Value(0.0))
    loss.backward()
    dot = graphviz.Digraph(format="svg", graph_attr={"rankdir": "LR"})
    waiting = [loss]
    for node in waiting:
        name = f"n{waiting.index(node)}"
        label = f"{{ data {node.data:.4f} | grad {node.grad:.4f} }}"
        dot.node(name, label, shape="record")
        if node._op:
            dot.node(name + node._op, node._op)
            dot.edge(name + node._op, name)
        for child in sorted(node._prev, key=lambda one: one.data):
            if child not in waiting:
                waiting.append(child)
            dot.edge(f"n{waiting.index(child)}", name + node._op)
    svg: str = dot.pipe().decode()
    return svg


def tensorsensor() -> str:
    """The picture of TensorSensor, of the shapes in one statement."""
    import sys

    import numpy as np
    from tsensor.viz import pyviz

    W, x, b = np.ones((2, 2)), np.ones((2, 1)), np.ones((2, 1))
    assert (W @ x + b).shape == (2, 1)
    path = HERE / "tensorsensor.svg"
    pyviz("W @ x + b", sys._getframe(), fontname="DejaVu Sans").savefig(str(path))
    return re.sub(r"<metadata>.*?</metadata>", "", path.read_text("utf-8"), flags=re.DOTALL)


def size(svg: str) -> tuple[float, float, float]:
    """Width and height in points, and the smallest text in pixels at 830 pixels' width."""
    width, height = map(float, re.findall(r'viewBox="[\d.]+ [\d.]+ ([\d.]+) ([\d.]+)"', svg)[0])
    points = min(map(float, re.findall(r'font-size="([\d.]+)"', svg)), default=float("nan"))
    return width, height, points * min(4 / 3, 830 / width)


if __name__ == "__main__":
    for draw in (torchview, micrograd, tensorsensor):
        found = draw()
        (HERE / f"{draw.__name__}.svg").write_text(found, "utf-8")
        print(
            "{}: {:.0f} x {:.0f} points, smallest text {:.1f} px at 830 px".format(
                draw.__name__, *size(found)
            )
        )
