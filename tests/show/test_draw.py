"""Pictures of graphs.

``python tests/show/test_draw.py`` writes the golden files in ``tests/golden`` anew.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import math
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import graphviz
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograd_mini import Tensor, Value, log_softmax, maximum, nn, primitive, sigmoid
from autograd_mini.core.rule import FUNCTIONS, RULES
from autograd_mini.show import engine, theme
from autograd_mini.show import recorded as recorded_graph
from autograd_mini.show.boxes import STATUS
from autograd_mini.show.branches import in_force
from autograd_mini.show.draw import draw
from autograd_mini.show.drawing import Drawing
from autograd_mini.show.names import LONGEST_LABEL, shown
from autograd_mini.show.notation import number, typeset
from autograd_mini.show.picture import picture

GOLDEN = Path(__file__).parents[1] / "golden"
SVG = "{http://www.w3.org/2000/svg}"
XLINK = "{http://www.w3.org/1999/xlink}"


def square() -> Value:
    x = Value(3.0, label="x")
    y = x * x
    y.label = "y"
    y.backward()
    return y


def neuron() -> Value:
    w, x, b = Value(0.5, label="w"), Value(2.0, label="x"), Value(-0.25, label="b")
    out = (w * x + b).sigmoid()
    out.label = "out"
    loss = (1 - out) ** 2
    loss.backward()
    return loss


def dense() -> Any:
    X = np.arange(12.0).reshape(4, 3) / 10
    W = Tensor([[0.5, -1.0], [0.25, 0.0], [-0.5, 1.0]], label="W")
    b = Tensor([0.1, -0.1], label="b")
    target = np.eye(2)[[0, 1, 0, 1]]
    loss = -np.mean(np.sum(target * log_softmax(X @ W + b), axis=1))
    loss.label = "loss"
    loss.backward()
    return loss


GRAPHS: dict[str, Callable[[], Any]] = {"square": square, "neuron": neuron, "dense": dense}


def network() -> Drawing:
    i1, i2, b1, b2 = map(Value, (0.05, 0.1, 0.35, 0.6))
    w = [Value(0.15 + 0.05 * i, label=f"w{i + 1}") for i in range(8)]
    h1, h2 = (b1 + w[k] * i1 + w[k + 1] * i2 for k in (0, 2))
    a1, a2 = h1.sigmoid(), h2.sigmoid()
    o1, o2 = ((b2 + w[k] * a1 + w[k + 1] * a2).sigmoid() for k in (4, 6))
    E = ((0.01 - o1) ** 2 + (0.99 - o2) ** 2) / 2
    E.backward()
    layers = {"hidden": [*w[:4], b1], "output": [*w[4:], b2]}
    return draw(E, clusters=layers, direction="TB")


def layers() -> Drawing:
    return draw(trained(), direction="TB")


def trained() -> Any:
    X = np.arange(8.0).reshape(4, 2)
    model = nn.MLP([2, 3, 2], rng=0)
    loss = nn.cross_entropy(model.logits(X), np.array([0, 1, 0, 1]))
    loss.backward()
    return loss


def sum_of_terms(terms: int = 100) -> Any:
    w = Value(0.5, label="w")
    total = sum(w * Value(i / 50, label=f"x[{i}]") for i in range(terms))
    loss = (total - 1) ** 2
    loss.backward()
    return loss


def recurrent(steps: int = 50) -> Value:
    w, u, h = Value(0.5, label="w"), Value(0.3, label="u"), Value(0.0, label="h0")
    for step in range(steps):
        h = (w * h + u * Value(step / 50, label=f"x[{step}]")).tanh()
    h.backward()
    return h


def checked() -> Drawing:
    return draw(report(), direction="TB")


def report(**more: Any) -> Any:
    """What ``draw`` reads of a GradientReport."""
    X = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    W, b = Tensor([[0.5], [-0.3]]), Tensor([0.1])
    z: Any = X @ W + b
    out = sigmoid(z)
    loss = np.mean(out)
    loss.backward()
    said = SimpleNamespace
    quantities = {
        "out": said(verdict="agree", inherited=False, cause=None),
        "z": said(verdict="differ", inherited=False, cause="missing-factor"),
        "W": said(verdict="differ", inherited=True, cause="scale"),
        "b": said(verdict="cannot tell", inherited=False, cause=None),
        "not in the graph": said(verdict="agree", inherited=False, cause=None),
    }
    nodes = {"W": W, "b": b, "z": z, "out": out}
    shown_here = {"root": loss, "nodes": nodes, "quantities": quantities, "variables": {}}
    return SimpleNamespace(**{**shown_here, **more})


GOLDENS: dict[str, Callable[[], Drawing]] = {
    "square": lambda: draw(square()),
    "neuron": lambda: draw(neuron(), fit=None),
    "neuron_forward": lambda: draw(neuron(), view="forward", direction="TB", legend=False),
    "neuron_backward": lambda: draw(neuron(), view="backward", fit=None),
    "neuron_depth": lambda: draw(neuron(), depth=2),
    "dense": lambda: draw(dense(), fit=None),
    "network": network,
    "layers": layers,
    "sum_folded": lambda: draw(sum_of_terms(), fold=True, fit=None),
    "recurrent_folded": lambda: draw(recurrent(), fold="repeats", fit=None),
    "layers_folded": lambda: draw(trained(), fold="layers", fit=None),
    "checked": checked,
}
IN_ROWS: dict[str, Callable[[], Drawing]] = {  # whose places are Graphviz's
    "neuron_in_rows": lambda: draw(neuron(), fit="phone"),
    "dense_in_rows": lambda: draw(dense()),
}


def parts(svg: str, kind: str) -> dict[str, ElementTree.Element]:
    """The groups of an SVG that are nodes or edges, by id."""
    root = ElementTree.fromstring(svg)
    groups = [g for g in root.iter(f"{SVG}g") if kind in g.get("class", "").split()]
    assert len({g.get("id") for g in groups}) == len(groups)
    return {str(g.get("id")): g for g in groups}


def texts(element: ElementTree.Element) -> list[str]:
    found = ["".join(text.itertext()).replace("\xa0", " ") for text in element.iter(f"{SVG}text")]
    return [text for text in found if text.strip()]


def labels(node: Any) -> list[tuple[str, ...]]:
    return [arrow.lines for arrow in picture(node).arrows]


# What the picture holds


@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_every_box_and_arrow_is_in_the_svg_once(graph: Callable[[], Any], direction: Any) -> None:
    node = graph()
    found = picture(node)
    drawing = draw(graph(), direction=direction, fit=None)
    svg = drawing.svg()
    nodes, edges = parts(svg, "node"), parts(svg, "edge")
    assert {*nodes, *edges} == set(drawing.ids)
    assert len(nodes) == len(found.boxes)
    assert len(edges) == len(found.arrows) > 0
    for box in found.boxes:
        (element,) = (e for name, e in nodes.items() if name.endswith(f"_{box.name}"))
        written = Counter(text.strip() for text in texts(element))
        cells = Counter(cell for row in box.rows for cell in row[1:])
        assert not cells - written
        assert box.label in written
    for arrow in found.arrows:
        (element,) = (e for name, e in edges.items() if name.endswith(f"_{arrow.name}"))
        assert [text.strip() for text in texts(element)] == list(arrow.lines)


def test_a_factor_that_is_used_twice_has_both_edges() -> None:
    assert labels(square()) == [("∂y/∂x (1st) = x", "= 3"), ("∂y/∂x (2nd) = x", "= 3")]
    assert len(parts(draw(square()).svg(), "edge")) == 2


def test_a_box_has_label_operation_value_and_gradient() -> None:
    *_, z, out, difference, loss = picture(neuron()).boxes
    assert (z.label, z.made_by) == ("v2", "v1 + b")
    assert (out.label, out.made_by) == ("out", "sigmoid(v2)")
    assert out.rows == (("value", "0.6792"), ("gradient", "-0.6416"))
    assert (difference.label, difference.made_by) == ("v3", "1 − out")
    assert (loss.label, loss.made_by, loss.root) == ("v4", "v3²", True)


def test_kinds_differ_in_shape_and_in_colour() -> None:
    nodes = parts(draw(neuron(), fit=None).svg(), "node")
    looks = {}
    for element in nodes.values():
        outline = next(e for e in element.iter() if e.tag in (f"{SVG}path", f"{SVG}polygon"))
        borders = sum(e.tag in (f"{SVG}path", f"{SVG}polygon") for e in element.iter())
        folds = sum(e.tag == f"{SVG}polyline" for e in element.iter())
        shape = (outline.tag, outline.get("stroke-dasharray"), borders, folds)
        looks[element.get("class")] = (shape, outline.get("fill"))
    assert looks.keys() == {
        "node parameter", "node input", "node operation", "node operation root"
    }  # fmt: skip
    shapes, colours = zip(*looks.values(), strict=True)
    assert len(set(shapes)) == len(set(colours)) == 4


def test_a_number_is_in_the_formula_and_has_no_box() -> None:
    x = Value(3.0, label="x")
    found = picture((x * 2) * 2 + 2)
    assert [box.made_by for box in found.boxes] == ["", "x·2", "v1·2", "v2 + 2"]
    assert len(found.arrows) == 3


def test_an_operand_of_very_many_nodes_has_no_labels_to_lay_out() -> None:
    x = Value(1.01, label="x")
    power = reduce(lambda product, _: product * x, range(119), x)
    drawing = draw(power, fit=None, fold=False)
    assert not re.search(r"->.*[\[ ]label=", drawing.source)  # those take minutes
    svg = drawing.svg()
    assert "point at an arrow" in svg
    assert "∂v2/∂x = v1" in svg


def test_the_order_of_operands_is_readable() -> None:
    a, b = Value(3.0, label="a"), Value(2.0, label="b")
    assert picture(a - b).boxes[-1].made_by == "a − b"
    assert picture(b - a).boxes[-1].made_by == "b − a"
    assert picture(1 / a).boxes[-1].made_by == "1/a"
    assert picture(2**a).boxes[-1].made_by == "2^a"
    A = Tensor(np.ones((2, 2)), label="A")
    assert picture(np.array([1.0, 2.0]) @ A).boxes[-1].made_by == "matmul(c1, A)"
    assert picture(A @ np.array([1.0, 2.0])).boxes[-1].made_by == "matmul(A, c1)"


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (0, "A[0]"),
        ((0, slice(1, None)), "A[0, 1:]"),
        ((..., None, slice(None, None, 2)), "A[..., None, ::2]"),
        (np.array([0, 1, 1]), "A[array(3,)]"),
        (np.array([[True, False], [True, True]]), "A[array(2, 2)]"),
    ],
)
def test_an_index_is_written_as_in_python(index: Any, expected: str) -> None:
    A = Tensor(np.ones((2, 2)), label="A")
    assert picture(A[index]).boxes[-1].made_by == expected


def test_options_of_an_operation_are_shown() -> None:
    A = Tensor(np.ones((2, 2)), label="A")
    assert picture(A.sum()).boxes[-1].made_by == "sum(A)"
    made_by = picture(A.sum(axis=(0, 1), keepdims=True)).boxes[-1].made_by
    assert made_by == "sum(A, axis=(0, 1), keepdims=True)"


def test_names_that_are_made_up_avoid_labels() -> None:
    x = Value(3.0, label="v1")
    y = Tensor([1.0], label="c1") * np.array([2.0])
    assert [box.label for box in picture(x.exp() * x).boxes] == ["v1", "v2", "v3"]
    assert [box.label for box in picture(y).boxes] == ["c1", "c2", "v1"]


def test_local_derivatives_are_those_of_the_node() -> None:
    x, y = Value(2.0, label="x"), Value(-4.0, label="y")
    assert labels(x / y) == [("∂v1/∂x = 1/y", "= -0.25"), ("∂v1/∂y = −v1/y", "= -0.125")]
    assert labels(x.sigmoid()) == [("∂v1/∂x = v1·(1 − v1)", "= 0.105")]
    assert labels(x**3) == [("∂v1/∂x = 3·x²", "= 12")]
    assert labels(y.relu()) == [("∂v1/∂y", "= 1 if y > 0 else 0", "= 0")]
    assert labels(maximum(x, y)) == [("∂v1/∂x = 1",), ("∂v1/∂y = 0",)]
    assert labels(x + y) == [("∂v1/∂x = 1",), ("∂v1/∂y = 1",)]


def test_tensors_show_small_arrays_in_full_and_large_ones_in_summary() -> None:
    x = Tensor([[1.0, 2.0, 3.0], [4.0, 5.0, -6.0]], label="x")
    big: Any = np.outer(np.arange(4.0), x[0])
    total: Any = np.sum(big)
    total.backward()
    boxes = {box.label: box for box in picture(total).boxes}
    assert boxes["x"].shape == "(2, 3)"
    assert boxes["x"].rows == (
        ("value", "1", "2", "3"), ("value", "4", "5", "-6"),
        ("gradient", "6", "6", "6"), ("gradient", "0", "0", "0"),
    )  # fmt: skip
    large = next(box for box in boxes.values() if box.shape == "(4, 3)")
    assert large.rows == (
        ("", "mean", "min", "max"), ("value", "3", "0", "9"), ("gradient", "1", "1", "1"),
    )  # fmt: skip


def test_derivatives_of_tensors_are_one_number_a_few_or_a_range() -> None:
    x = Tensor([1.0, -2.0], label="x")
    assert labels(x + x) == [("∂v1/∂x (1st) = 1",), ("∂v1/∂x (2nd) = 1",)]
    assert labels(np.square(x)) == [("∂v1/∂x = 2·x", "= [2, -4]")]
    y = Tensor(np.arange(10.0), label="y")
    assert labels(np.square(y)) == [("∂v1/∂y = 2·y", "= 0 to 18")]
    assert labels(np.sum(y)) == [("δ", "repeated to (10,)")]
    assert labels(sigmoid(Tensor(np.zeros((3, 4)), label="t"))) == [
        ("∂v1/∂t = v1·(1 − v1)", "= 0.25")
    ]


@pytest.mark.parametrize(
    "tensor",
    [
        Tensor([]) * 2,
        Tensor(np.zeros((0, 3))),
        Tensor([np.nan, np.inf]) * 1,
        Tensor(5.0) ** 2,
        Tensor(np.ones((1, 2, 3)))[0, :, 1:],
        Tensor(np.ones(7, np.float32)) / 3,
        np.concatenate([Tensor([1.0]), [2.0], Tensor([3.0])]),
        np.where(np.array([True, False]), Tensor([1.0, 2.0]), 0),
        np.einsum("ij,jk->ik", Tensor(np.ones((2, 3))), np.ones((3, 2))),
    ],
    ids=lambda tensor: f"{tensor.op or 'leaf'}{tensor.shape}",
)
def test_unusual_tensors_can_be_drawn(tensor: Tensor) -> None:
    assert len(parts(draw(tensor).svg(), "node")) == len(picture(tensor).boxes)


def test_a_primitive_of_any_operand_can_be_drawn() -> None:
    odd = primitive(lambda x, what: 2 * x, (lambda g, out, x, what: 2 * g, None), name="odd")
    node = odd(Tensor([1.0], label="x"), [[1], [2, 3]])
    made = picture(node).boxes[-1].made_by
    assert made == "odd(x, c1)"
    assert len(parts(draw(node).svg(), "node")) == 3


def test_every_rule_can_be_drawn() -> None:
    for rule in RULES.values():
        values = [Value(0.5 + i / 4, label=f"x{i}") for i in range(len(rule.operands))]
        if rule.name == "arccosh":
            values = [Value(1.5, label="x0")]
        node = FUNCTIONS[rule.name](*values)
        found = picture(node)
        assert found.boxes[-1].made_by
        for arrow, derivative in zip(found.arrows, node.local_derivatives, strict=True):
            assert bool(arrow.lines) == (derivative is not None)
            if derivative is not None:
                assert arrow.lines[-1].endswith(f"= {number(derivative)}".replace("-", "−")) or (
                    arrow.lines[-1] == f"= {number(derivative)}"
                )


def test_typeset_formulas_mean_what_the_rules_say() -> None:
    at = {"x": 0.6, "y": 0.7, "slope": 0.3, "alpha": 1.2, "low": -1.0, "high": 2.0, "out": 0.4}
    at["condition"] = 1.0
    for rule in RULES.values():
        at["x"] = 1.6 if rule.name == "arccosh" else 0.6
        for text in (rule.formula, *rule.derivatives):
            if text is None:
                continue
            expected = eval_text(text, at)
            written = typeset(text, {name: name for name in at})
            assert eval_typeset(written, at) == pytest.approx(expected, nan_ok=True), written
            written = typeset(in_force(text, at), {name: name for name in at})
            assert eval_typeset(written, at) == pytest.approx(expected, nan_ok=True), written
            written = typeset(text, dict(at))
            assert eval_typeset(written, at) == pytest.approx(expected, nan_ok=True, rel=2e-3)


def eval_text(text: str, at: dict[str, float]) -> float:
    *lines, last = text.split(";")
    scope = {**FUNCTIONS, **at}
    exec("\n".join(line.strip() for line in lines), scope)
    return float(eval(last.strip(), scope))


def eval_typeset(written: str, at: dict[str, float]) -> float:
    for mark, python in {
        "−": "-", "·": "*", "^": "**", "²": "**2", "³": "**3", "π": "pi", "∞": "inf", "≥": ">=",
        "≤": "<=", "≠": "!=", " mod ": " % ", "⌊": "floor(", "⌋": ")", "⌈": "ceil(", "⌉": ")",
    }.items():  # fmt: skip
        written = written.replace(mark, python)
    written = re.sub(r"√([\w.]+)", r"sqrt(\1)", written).replace("√(", "sqrt(")
    written = re.sub(r"\|([^|]*)\|", r"abs(\1)", written)
    last, *lines = re.split(r", (?=[a-z] = )", written)
    written = "; ".join([*lines, re.sub(r"(?<![<>!])= ", "== ", last)])
    return eval_text(written, at)


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        ("x * (y + 1)", {}, "x·(y + 1)"),
        ("x - (y - 1)", {}, "x − (y − 1)"),
        ("x / (y * 2)", {}, "x/(y·2)"),
        ("(-x) ** 2", {}, "(−x)²"),
        ("-x ** 2", {}, "−x²"),
        ("-(x + y)", {}, "−(x + y)"),
        ("where(x > 0, where(y > 0, 1, 2), 3)", {}, "(1 if y > 0 else 2) if x > 0 else 3"),
        ("x ** (y - 1)", {"y": -1.0}, "x^(−2)"),
        ("x * y", {"y": -3.0}, "x·(−3)"),
        ("x * y", {"x": "a b", "y": "h′"}, "(a b)·h′"),
        ("x * y", {"x": "w[0,1]", "y": "a*b"}, "w[0,1]·(a*b)"),
        ("sqrt(x + 1) + abs(x)", {}, "√(x + 1) + |x|"),
    ],
)
def test_typeset(text: str, names: dict[str, Any], expected: str) -> None:
    assert typeset(text, names) == expected


def test_taken_keeps_the_local_names_that_the_branch_needs() -> None:
    text = "a = 2 * x; b = a + pi; where(b > 0, b, x)"
    assert in_force(text, {"x": 1.0}) == "a = 2 * x; b = a + pi; b"
    assert in_force(text, {"x": -5.0}) == "x"
    assert typeset(text, {"x": "w"}) == "b if b > 0 else w, a = 2·w, b = a + π"


# Names, kinds and layers


def named(drawing: Drawing) -> list[str]:
    """The lines of a drawing's text that tell its boxes, up to their values."""
    lines = drawing.text.splitlines()[1:]
    return [line.partition(":")[0] for line in lines if not line.startswith("  ")]


def test_a_node_is_called_by_the_variable_that_holds_it() -> None:
    first, _hidden = Value(2.0), Value(3.0)
    again = first
    given = Value(5.0, label="by hand")
    listed = [Value(7.0), {"k": given}]
    table = {"row": Value(11.0)}
    cells = np.array([Value(13.0)], dtype=object)
    result = first * _hidden * given * listed[0] * table["row"] * cells[0]
    assert again is first
    assert named(draw(result)) == [
        "parameter first", "parameter v1", "operation v2 = first·v1", "parameter by hand",
        "operation v3 = v2·(by hand)", "parameter listed[0]", "operation v4 = v3·listed[0]",
        "parameter table['row']", "operation v5 = v4·table['row']", "parameter cells[0]",
        "result result = v5·cells[0]",
    ]  # fmt: skip


def test_a_variable_does_not_take_the_label_of_another_node() -> None:
    w = Value(2.0)
    out = w * Value(3.0, label="w")
    assert named(draw(out)) == ["parameter v1", "parameter w", "result out = v1·w"]


def test_an_array_has_its_variable_s_name_and_one_box() -> None:
    data = np.array([1.0, 2.0])
    weight = Tensor([3.0, 4.0])
    out = (weight * data) / data
    assert named(draw(out)) == [
        "parameter weight, shape (2,)", "input data, shape (2,)",
        "operation v1 = weight·data, shape (2,)", "result out = v1/data, shape (2,)",
    ]  # fmt: skip


def test_inputs_are_told_by_name_by_hand_or_by_the_model() -> None:
    x, w = Value(2.0), Value(3.0)
    y = x * w
    assert named(draw(y))[:2] == ["input x", "parameter w"]
    assert named(draw(y, inputs=[w]))[:2] == ["parameter x", "input w"]
    layer = nn.Dense(1, 1, scalar=True)
    z = layer([w])[0]
    kinds = [box.kind for box in picture(z, clusters=layer).boxes if not box.made_by]
    assert sorted(kinds) == ["input", "parameter", "parameter"]


def clusters(drawing: Drawing) -> dict[str, int]:
    found = parts(drawing.svg(), "cluster").values()
    return {texts(element)[0]: len(drawing.svg()) for element in found}


def test_layers_are_found_in_labels_a_model_or_by_hand() -> None:
    X = np.ones((5, 2))
    model = nn.MLP([2, 3, 2], rng=0)
    a, b = Tensor(np.ones((2, 3)), label="enc.w"), Tensor(np.ones((3, 1)), label="dec.w")
    assert set(clusters(draw(model(X)))) == {"layer 1", "layer 2"}
    assert set(clusters(draw(model(X), clusters=model))) == {"layers.0", "layers.1"}
    assert set(clusters(draw(np.tanh(X @ a) @ b))) == {"enc", "dec"}
    assert set(clusters(draw(X @ a, clusters={"one": [a]}))) == {"one"}
    assert clusters(draw(model(X), clusters=False)) == {}
    with pytest.raises(TypeError, match=r"named_parameters\(\), or a dict .* not float"):
        draw(model(X), clusters=3.5)


def test_a_layer_has_its_operations_and_the_loss_is_outside() -> None:
    found = picture(trained())
    label = {box.name: box.label for box in found.boxes}
    made_by = {box.name: box.made_by.partition("(")[0] for box in found.boxes}
    inside = [[made_by[name] or label[name] for name in c.boxes] for c in found.clusters]
    assert inside == [
        ["W1", "b1", "affine", "sigmoid"],
        ["W2", "b2", "affine"],
    ]


# Views, parts and checks


def test_a_forward_view_has_values_only_and_a_backward_view_gradients_only() -> None:
    forward, backward = (draw(neuron(), view=view).text for view in ("forward", "backward"))
    assert "gradient" not in forward
    assert "∂" not in forward
    assert "value" not in backward
    assert "from v2: ∂out/∂v2 = out·(1 − out) = 0.2179 passes -0.1398" in backward
    assert draw(neuron(), view="backward", fit=None).source.count("dir=back") == 7


def test_without_a_sweep_there_are_no_gradients() -> None:
    x = Value(3.0)
    assert "gradient" not in draw(x * x).text
    with pytest.raises(ValueError, match=r"call backward\(\) on the root first"):
        draw(x * x, view="backward")


def test_depth_cuts_and_says_so() -> None:
    drawing = draw(neuron(), depth=2)
    assert drawing.text.splitlines()[1] == "3 of 8 nodes; … marks one whose operands are left out"
    assert "operation out = sigmoid(…)" in named(drawing)
    assert named(draw(neuron(), depth=0))[-1] == "result v1 = pow(…)"
    assert draw(neuron(), depth=99).text == draw(neuron()).text
    for wrong in (-1, 1.5, True):
        with pytest.raises(ValueError, match="depth is a whole number"):
            draw(neuron(), depth=wrong)  # type: ignore[arg-type]


def test_the_way_to_a_node_has_its_other_operands_cut() -> None:
    a, b, c = (Value(2.0) for _ in range(3))
    side = b.exp()
    out = (a.sin() * side + c) * b
    assert named(draw(out, to=a))[1:] == [
        "parameter a", "operation v1 = sin(a)", "parameter b", "operation side = exp(…)",
        "operation v2 = v1·side", "parameter c", "operation v3 = v2 + c", "result out = v3·b",
    ]  # fmt: skip
    assert draw(out, to=[a, b, c]).text.splitlines()[0] == draw(out).text.splitlines()[0]
    with pytest.raises(ValueError, match="this Value 'lost' is none of them"):
        draw(out, to=Value(1.0, label="lost"))


def test_a_status_is_colour_border_and_words() -> None:
    a, b = Value(2.0), Value(3.0)
    drawing = draw(a * b, status={a: "wrong: sign", b: "right"})
    assert "check × wrong: sign" in drawing.text
    (wrong,) = (e for e in parts(drawing.svg(), "node").values() if "wrong" in e.get("class", ""))
    outline = next(e for e in wrong.iter() if e.tag == f"{SVG}path")
    assert outline.get("fill") == theme.STATUS["wrong"]["fillcolor"]
    assert outline.get("stroke-width") == "3"
    with pytest.raises(ValueError, match=r"a status is one of 'wrong', 'inherited'.*not 'good'"):
        draw(a * b, status={a: "good"})


def test_a_report_is_drawn_with_its_names_and_verdicts() -> None:
    boxes = {line.split()[1]: line for line in draw(report()).text.splitlines() if "check" in line}
    said = {name: line.rpartition("check ")[2].strip() for name, line in boxes.items()}
    assert {name.rstrip(","): words for name, words in said.items()} == {
        "W": STATUS["inherited"], "b": STATUS["cannot tell"],
        "z": f"{STATUS['wrong']}: missing-factor", "out": STATUS["right"],
    }  # fmt: skip


@pytest.mark.parametrize("argument", [{"view": "up"}, {"fold": "no"}])
def test_an_unknown_choice_lists_the_known_ones(argument: Any) -> None:
    with pytest.raises(ValueError, match=r"is .* or '(backward|layers)', not"):
        draw(square(), **argument)


# Dark and light


def test_every_colour_has_one_for_the_dark_and_the_rules_stay_in_the_picture() -> None:
    svg = checked().svg() + network().svg() + layers().svg()
    used = set(re.findall(r'(?:fill|stroke)="([^"]+)"', svg)) - {"none", "transparent", "black"}
    strips = set(re.findall(r'height="5" bgcolor="(#\w+)"', str(layers())))
    assert used - strips - set(theme.DARK) == set()
    for sheet in re.findall(r"<style>(.*?)</style>", svg):
        assert sheet.startswith("@media (prefers-color-scheme:dark){")
        colours, place, _ = sheet.partition("@media screen,print{")
        assert place
        selectors = re.findall(r"([^{}]+)\{[^{}]*\}", colours.partition("{")[2])
        assert selectors
        assert all(re.match(r"#g[0-9a-f]{8} ", selector) for selector in selectors)


# Same input, same output


@pytest.mark.parametrize("name", GOLDENS)
def test_golden(name: str) -> None:
    drawing = GOLDENS[name]()
    dot, text = ((GOLDEN / f"draw_{name}.{end}").read_text("utf-8") for end in ("dot", "txt"))
    assert str(drawing) == dot, "if this is meant: python tests/show/test_draw.py"
    assert f"{drawing.text}\n" == text


@pytest.mark.parametrize("name", [*GOLDENS, *IN_ROWS])
def test_every_id_of_a_golden_is_in_its_svg_once(name: str) -> None:
    drawing = (GOLDENS | IN_ROWS)[name]()
    root = ElementTree.fromstring(drawing.svg())
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    assert {*parts(drawing.svg(), "node"), *parts(drawing.svg(), "edge")} == set(drawing.ids)
    assert str(drawing).count("subgraph cluster_") == len(parts(drawing.svg(), "cluster"))


def test_two_processes_give_the_same_bytes() -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_draw as t\n"
        "for graph in (t.neuron, t.dense):\n"
        "    for format in ('svg', 'png'):\n"
        "        sys.stdout.buffer.write(t.draw(graph()).pipe(format=format))\n"
    )
    found = set()
    for seed in ("0", "1234"):
        run = subprocess.run(
            [sys.executable, "-c", program, str(Path(__file__).parent)],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=True,
        )
        assert len(run.stdout) > 10_000
        found.add(hashlib.sha256(run.stdout).hexdigest())
    assert len(found) == 1


def test_two_pictures_can_stand_on_one_page() -> None:
    first, second = draw(square()), draw(neuron())
    page = ElementTree.fromstring(f"<body>{first.svg()}{second.svg()}</body>")
    ids = [element.get("id") for element in page.iter() if element.get("id")]
    assert len(ids) == len(set(ids)) > 15


# Files


@pytest.mark.parametrize(
    ("suffix", "start"),
    [(".svg", b"<svg"), (".png", b"\x89PNG"), (".dot", b"digraph"), (".gv", b"digraph")],
)
def test_save(tmp_path: Path, suffix: str, start: bytes) -> None:
    path = tmp_path / f"graph{suffix}"
    assert draw(square()).save(path) == str(path)
    assert path.read_bytes().startswith(start)
    assert os.listdir(tmp_path) == [path.name]


def test_save_into_a_folder_and_beside_what_exists(tmp_path: Path) -> None:
    drawing = draw(square())
    path = drawing.save("graph.dot", tmp_path / "new")
    Path(path).write_text("kept")
    drawing.save("graph.dot", tmp_path / "new", skip_existing=True)
    assert Path(path).read_text() == "kept"


@pytest.mark.parametrize("name", ["graph.jpeg", "graph", "graph.svg.zip", ".svg"])
def test_save_names_the_formats_it_knows(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"\.svg, \.png, \.pdf, \.dot, \.gv or \.txt"):
        draw(square()).save(tmp_path / name)
    assert os.listdir(tmp_path) == []


def test_a_file_stays_whole_if_writing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "graph.svg"
    path.write_bytes(b"old")

    def fail(*_: Any) -> None:
        assert path.read_bytes() == b"old"
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        draw(square()).save(path)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["graph.svg"]


@pytest.mark.skipif(os.name == "nt", reason="permissions and links are those of POSIX")
def test_a_file_keeps_its_permissions_and_links(tmp_path: Path) -> None:
    path, link = tmp_path / "graph.dot", tmp_path / "link.dot"
    path.touch(mode=0o640)
    link.symlink_to(path)
    draw(square()).save(link)
    assert link.is_symlink()
    assert path.read_text().startswith("digraph")
    assert path.stat().st_mode & 0o777 == 0o640


# What graphviz.Digraph offers


def test_jupyter_shows_the_svg() -> None:
    drawing = draw(square())
    bundle = drawing._repr_mimebundle_()
    assert bundle == {"image/svg+xml": drawing.svg()}
    assert drawing._repr_svg_() == drawing.svg()
    assert drawing._repr_mimebundle_(include=["image/png"])["image/png"][:4] == b"\x89PNG"


def test_pipe_render_and_copy_use_the_embedded_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    drawing = draw(square())
    assert isinstance(drawing, graphviz.Digraph)
    assert drawing.pipe() == drawing.svg().encode()
    assert drawing.pipe(encoding="utf-8") == drawing.svg()
    assert drawing.pipe(format="svg", encoding="latin-1")[:4] == "<svg"
    assert drawing.copy().svg() == drawing.svg()
    rendered = drawing.render("graph", directory=tmp_path, format="png", cleanup=True)
    assert os.listdir(tmp_path) == ["graph.png"]
    assert Path(rendered).read_bytes() == drawing.pipe(format="png")
    with pytest.raises(graphviz.FileExistsError):
        drawing.render(outfile=rendered, raise_if_result_exists=True)
    with drawing.subgraph(name="cluster_more") as more:
        more.node("extra", "extra")
    assert "extra" in drawing.svg()
    with pytest.raises(ValueError, match="only 'svg' itself"):
        drawing.pipe(format="svgz")


def test_svg_is_named_for_people_who_hear_it() -> None:
    root = ElementTree.fromstring(draw(square()).svg())
    title = "Computation graph of y: 2 nodes, 2 edges"
    assert root.get("role") == "img"
    assert root.get("aria-label") == title
    assert root[0].tag == f"{SVG}title"
    assert root[0].text == title


def test_a_pointer_on_a_box_shows_all_digits() -> None:
    titles = [
        a.get(f"{XLINK}title", "") for a in ElementTree.fromstring(draw(neuron()).svg()).iter()
    ]
    assert any(f"value {1 / (1 + math.exp(-0.75))!r}" in title for title in titles)
    assert any("Logistic function" in title for title in titles)


# Engines


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    def files(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "files", files)
    monkeypatch.setattr(shutil, "which", lambda name: None)


@pytest.mark.usefixtures("no_engine")
def test_without_an_engine_dot_text_is_saved_and_the_rest_says_what_to_install(
    tmp_path: Path,
) -> None:
    drawing = draw(square())
    drawing.save(tmp_path / "graph.dot")
    for suffix in ("svg", "png"):
        with pytest.raises(RuntimeError, match=r"pip install graphviz-pure.*engine='system'"):
            drawing.save(tmp_path / f"graph.{suffix}")
    with pytest.raises(RuntimeError, match=r"no program `dot` is on PATH: install Graphviz"):
        drawing.svg(engine="system")
    assert os.listdir(tmp_path) == ["graph.dot"]


@pytest.mark.parametrize("listed", [None, [], [importlib.metadata.PackagePath("x/other")]])
def test_a_broken_install_is_no_engine(listed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "files", lambda name: listed)
    with pytest.raises(RuntimeError, match="graphviz-pure is not installed"):
        draw(square()).svg()


def test_embedded_engine_is_not_looked_for_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert draw(square()).svg().startswith("<svg")


def test_without_cairosvg_a_pdf_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cairosvg", None)
    with pytest.raises(RuntimeError, match=r"pip install cairosvg.* engine='system'"):
        draw(square()).save(tmp_path / "graph.pdf")
    assert os.listdir(tmp_path) == []


def test_a_pdf_has_the_text_and_the_same_bytes_at_any_time(tmp_path: Path) -> None:
    try:
        import cairosvg  # noqa: F401
    except (ImportError, OSError):  # OSError: there is no library cairo
        pytest.skip("CairoSVG is not installed")
    drawing = draw(neuron())
    first = Path(drawing.save(tmp_path / "graph.pdf")).read_bytes()
    time.sleep(1.1)  # a second later than the date that stands in it
    assert Path(drawing.save(tmp_path / "again.pdf")).read_bytes() == first
    assert first.startswith(b"%PDF")
    assert first.rstrip().endswith(b"%%EOF")


@pytest.mark.skipif(shutil.which("dot") is None, reason="no system Graphviz")
@pytest.mark.parametrize("name", GOLDENS)
def test_the_system_engine_gives_the_same_structure(name: str) -> None:
    drawing = GOLDENS[name]()
    ours, theirs = drawing.svg(), drawing.svg(engine="system")
    for kind in ("node", "edge", "cluster"):
        here, there = parts(ours, kind), parts(theirs, kind)
        assert here.keys() == there.keys()
        for part, element in here.items():
            assert texts(element) == texts(there[part])


@pytest.mark.skipif(shutil.which("dot") is None, reason="no system Graphviz")
def test_the_system_engine_writes_pdf(tmp_path: Path) -> None:
    path = draw(neuron(), engine="system").save(tmp_path / "graph.pdf")
    assert Path(path).read_bytes().startswith(b"%PDF")


def test_unknown_engine_and_direction() -> None:
    with pytest.raises(ValueError, match="'embedded' or 'system', not 'dot'"):
        draw(square()).svg(engine="dot")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'LR', 'TB' or None for what fits, not 'RL'"):
        draw(square(), direction="RL")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'page', 'screen', 'phone' or None, not 'A4'"):
        draw(square(), fit="A4")  # type: ignore[arg-type]


def fake_engine(
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[bytes], bytes] = bytes,
    code: int = 0,
    stderr: bytes = b"",
) -> None:
    """Let the engine write its picture changed, and end with this exit code and message."""
    real = subprocess.run

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
        assert options["env"]["SERVER_NAME"]
        assert "GV_FILE_PATH" not in options["env"]
        picture = real(command, **options).stdout
        return subprocess.CompletedProcess(command, code, change(picture), stderr)

    monkeypatch.setattr(subprocess, "run", run)


def without_an_edge(svg: bytes) -> bytes:
    return re.sub(rb'<g id="[^"]*_e5_0".*?</g>', b"", svg, count=1, flags=re.DOTALL)


def first_half(svg: bytes) -> bytes:
    return svg[: len(svg) // 2]


def test_exit_code_1_is_accepted_for_a_whole_picture(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GV_FILE_PATH", "/")
    drawing = draw(neuron())
    svg, png = drawing.svg(), drawing.pipe(format="png")
    noise = b"Warning: no value for width of non-ASCII character 207. Falling back\n"
    fake_engine(monkeypatch, code=1, stderr=noise)
    assert drawing.svg() == svg
    assert drawing.pipe(format="png") == png


def test_what_the_engine_says_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_engine(monkeypatch, stderr=b"Warning: width of non-ASCII character 7\nError: odd\n")
    with pytest.warns(UserWarning, match=r"^Graphviz: Error: odd$"):
        draw(square()).svg()


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (
            without_an_edge,
            1,
            "left out 1 parts of the picture, such as g[0-9a-f]+_e5_0; it said: E",
        ),
        (first_half, 1, "no XML"),
        (first_half, 0, "no XML"),
        (lambda svg: b"", 0, "exit code 0 on this picture: Error: lost"),
        (bytes, 2, "exit code 2 on this picture: Error: lost"),
        (bytes, -11, "exit code -11"),
        (lambda svg: b"hello", 0, "no SVG"),
    ],
)
def test_an_incomplete_picture_is_refused(
    change: Callable[[bytes], bytes],
    code: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake_engine(monkeypatch, change, code, b"Error: lost")
    with pytest.raises(RuntimeError, match=message):
        draw(neuron()).svg()
    if code:
        with pytest.raises(RuntimeError, match=message):
            draw(neuron()).pipe(format="png")


@pytest.mark.parametrize(
    "extra",
    [
        '<script>alert(1)</script>', '<foreignObject/>', '<image href="x.png"/>',
        '<g onload="alert(1)"/>', '<a href=" java&#10;script:alert(1)"/>', '<SCRIPT/>',
        '<a xmlns:l="http://www.w3.org/1999/xlink" l:href="JavaScript:x"/>', '<unclosed>',
    ],
)  # fmt: skip
def test_svg_that_would_run_something_is_refused(
    extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_engine(monkeypatch, lambda svg: svg.replace(b"</svg>", f"{extra}</svg>".encode()))
    with pytest.raises(RuntimeError, match="refused"):
        draw(square()).svg()


def test_a_hostile_attribute_that_graphviz_does_not_escape_is_refused() -> None:
    drawing = draw(square())
    drawing.node("n9", "x", fontname='x"/><script>alert(1)</script><text y="')
    with pytest.raises(RuntimeError, match=r"<script>: refused"):
        drawing.svg()


def test_a_layout_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "SECONDS", 0)
    with pytest.raises(RuntimeError, match="had not finished the layout after 0 seconds"):
        draw(neuron()).svg()


# Graphs that are too large, and what is no graph


def test_of_a_graph_that_is_too_large_no_more_is_walked_than_is_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    node = Value(1.0)
    for _ in range(10_000):
        node = -node
    seen = []

    class Seen(type):
        def __instancecheck__(cls, instance: Any) -> bool:
            seen.append(instance)
            return isinstance(instance, Value)

    monkeypatch.setattr(recorded_graph, "NODES", (Seen("Node", (), {}),))
    with pytest.raises(
        ValueError, match=r"more than 300 nodes.*fold=True.*depth=3.*to=node.*max_nodes="
    ):
        draw(node, fold=False)
    assert 300 <= len(seen) <= 302


def test_max_nodes_counts_boxes() -> None:
    node = Value(1.0) * 2 + 3
    assert len(picture(node, 3).boxes) == 3
    with pytest.raises(ValueError, match="more than 2 nodes"):
        draw(node, max_nodes=2, fold=False)
    many: Any = np.concatenate([Tensor([1.0]), *np.zeros((1000, 1))])
    with pytest.raises(ValueError, match="more than 300"):
        draw(many)
    shared = reduce(lambda x, _: x + x, range(200), Tensor([1.0]))
    assert len(picture(shared).boxes) == 201


def test_a_deep_graph_is_drawn_without_recursion() -> None:
    node = reduce(lambda x, _: -x, range(1100), Value(1.0))
    assert str(draw(node, max_nodes=2000, fit=None, fold=False)).count("->") == 1100


@pytest.mark.parametrize("thing", [3.0, np.ones(2), [Value(1.0), 2.0], [], None, "x"])
def test_draw_says_what_it_takes(thing: Any) -> None:
    with pytest.raises(
        TypeError, match=r"at the end of a graph, a list of them, .* or a model, not \w+"
    ):
        draw(thing)


# Labels of users

HOSTILE = [
    "<script>alert(1)</script>", "\"'&<>", "back\\slash \\N \\G \\E \\n \\", "two\nlines\r\ttab",
    "]]> --> <!--", "\u202egnp.exe\u200f\u2066", "\x00\x07\x1b\x7f\x85\ufffe\ud800", "a" * 10_000,
    "😀👩‍💻", "日本語の長いラベル", "&lt;b&gt; &amp; &#65; &copy;", "javascript:alert(1)",
    "<<b>x</b>>",
    "  spaced   out  ", "%s {x} ${y} `z`", "e\u0301\u0301", "}; node [fontname=x]", '" onload="x',
    "\u2028\u00ad\ufeff", "x" * 31 + "\\", "]]>", "<", ">", "\\", '"',
]  # fmt: skip


def check_label(label: str) -> None:
    w = Value(2.0, label=label)
    y = Tensor([3.0], label=label)
    graphs: list[tuple[Any, int]] = [(w * w + 1.0, 3), (np.exp(-y) @ np.ones(1), 5)]
    for node, count in graphs:
        node.label = label
        for direction in ("LR", "TB"):
            drawing = draw(node, direction=direction, fit=None)
            assert len(drawing.source.splitlines()) < 70
            svg = drawing.svg()
            assert all(line.isprintable() for line in drawing.text.splitlines())
            assert drawing.text.splitlines() == drawing.text.split("\n")
            nodes = parts(svg, "node")
            assert len(nodes) == count
            assert {*nodes, *parts(svg, "edge")} == set(drawing.ids)
            if label.strip():
                leaf = next(element for name, element in nodes.items() if name.endswith("_n0"))
                assert shown(label, LONGEST_LABEL) in texts(leaf)
                (link,) = leaf.iter(f"{SVG}a")
                tooltip = link.get(f"{XLINK}title", "").replace("\xa0", " ")
                assert tooltip.startswith(shown(label, LONGEST_LABEL) + ": ")


@pytest.mark.parametrize("label", HOSTILE, ids=ascii)
def test_hostile_labels_are_text(label: str) -> None:
    check_label(label)


@pytest.mark.filterwarnings("ignore:the PNG has boxes for letters")
@pytest.mark.parametrize("label", HOSTILE, ids=ascii)
def test_hostile_labels_are_text_in_every_output(label: str, tmp_path: Path) -> None:
    w = Tensor(np.ones((2, 4)), label=f"{label}.w")
    x = Tensor(np.ones(2), label=label)
    out = x @ w
    out.backward(np.ones(4))
    drawing = draw(out, clusters={label: [w]}, status={x: f"wrong: {label}"}, fold="repeats")
    for end in ("svg", "png", "dot", "txt"):
        written = Path(drawing.save(tmp_path / f"out.{end}")).read_bytes()
        assert written
        assert end == "png" or len(written) < 60_000
    svg = drawing.svg()
    assert {*parts(svg, "node"), *parts(svg, "edge")} == set(drawing.ids)


@given(st.text(st.characters() | st.sampled_from("<>&\"'\\\n-]NGELHT;{}#x "), max_size=50))
@settings(deadline=None)
@example("\\N" * 20)
def test_any_label_is_text(label: str) -> None:
    check_label(label)


@given(st.text(st.characters(exclude_categories=[])), st.integers(2, 40))
@settings(deadline=None)
def test_shown_is_one_printable_line(text: str, longest: int) -> None:
    line = shown(text, longest)
    assert line.isprintable()
    assert len(line) <= longest
    assert line.endswith("…") or line == text or not text.isprintable()


def test_a_label_that_is_no_text_is_shown_as_text() -> None:
    node = Value(1.0)
    node.label = 7  # type: ignore[assignment]
    assert picture(node).boxes[0].label == "7"
    node.label = "  "
    assert picture(node).boxes[0].label == "v1"


if __name__ == "__main__":
    for name, golden in GOLDENS.items():
        for end in ("dot", "txt"):
            golden().save(GOLDEN / f"draw_{name}.{end}")
