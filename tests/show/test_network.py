"""The network picture, and pictures that move."""

from __future__ import annotations

import re
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd_mini as ag
from autograd_mini import Tensor, Value, nn
from autograd_mini.show.drawing import size
from autograd_mini.show.fit import PAGES
from autograd_mini.show.network import network_of_graph, network_of_model


def textbook() -> dict[str, Any]:
    """The 2-2-2 network of textbooks, with its gradients."""
    i1, i2 = Value(0.05), Value(0.10)
    w1, w2, w3, w4 = Value(0.15), Value(-0.20), Value(0.25), Value(0.30)
    w5, w6, w7, w8 = Value(0.40), Value(0.45), Value(0.50), Value(0.55)
    b1, b2 = Value(0.35), Value(0.60)
    net_h1 = w1 * i1 + w2 * i2 + b1
    net_h2 = ag.weighted_sum([w3, w4], [i1, i2], b1)
    out_h1, out_h2 = net_h1.sigmoid(), net_h2.sigmoid()
    net_o1 = w5 * out_h1 + w6 * out_h2 + b2
    net_o2 = b2 + w7 * out_h1 + w8 * out_h2
    out_o1, out_o2 = net_o1.sigmoid(), net_o2.sigmoid()
    E = (0.01 - out_o1) ** 2 / 2 + (0.99 - out_o2) ** 2 / 2
    E.backward()
    return {name: value for name, value in locals().items() if isinstance(value, Value)}


def test_the_network_of_the_textbooks_is_found_in_its_graph() -> None:
    values = textbook()
    network = network_of_graph(values["E"], {id(v): name for name, v in values.items()})
    names = [[neuron.name for neuron in column.neurons] for column in network.columns]
    assert names == [["i1", "i2"], ["h1", "h2"], ["o1", "o2"]]
    assert network.weights[0].names == (("w1", "w3"), ("w2", "w4"))
    assert network.weights[1].names == (("w5", "w7"), ("w6", "w8"))
    assert network.weights[0].values.tolist() == [[0.15, 0.25], [-0.20, 0.30]]
    assert network.weights[1].gradients[0, 0] == values["w5"].grad
    h1 = network.columns[1].neurons[0]
    assert dict(h1.rows) == {"net": values["net_h1"].data, "out": values["out_h1"].data}
    assert h1.bias == ("b1", 0.35, values["b1"].grad)


def test_a_line_is_as_thick_as_its_weight_and_has_the_colour_of_its_sign() -> None:
    values = textbook()
    svg = ag.draw(values["E"], view="network").svg()
    lines = re.findall(
        r'<g id="\w+_p0n0_(\d)_p0n1_(\d)" class="edge weight">.*?stroke="(#\w+)"'
        r'(?: stroke-width="([\d.]+)")?', svg, flags=re.DOTALL,
    )  # fmt: skip
    assert len(lines) == 4
    found = {(int(i), int(j)): (ink, float(width or 1)) for i, j, ink, width in lines}
    assert [ink for ink, _ in found.values()].count("#0072b2") == 1  # w2 is negative
    assert found[1, 0][0] == "#0072b2"
    widths = {place: width for place, (_, width) in found.items()}
    assert widths[1, 1] > widths[0, 1] > widths[1, 0] > widths[0, 0]


def test_a_model_is_drawn_without_a_sweep_and_with_one() -> None:
    model = nn.MLP([3, 4, 2], hidden="tanh", rng=0)
    drawing = ag.draw(model)
    svg = drawing.svg()
    assert svg.count('class="node neuron"') == 9
    assert svg.count('class="edge weight"') == 20
    assert "gradient" not in svg
    nn.cross_entropy(model.logits(np.ones((2, 3))), np.array([0, 1])).backward()
    assert ag.draw(model).svg().count('class="edge gradient"') > 0
    scalar = nn.MLP([3, 4, 2], hidden="tanh", rng=0, scalar=True)
    pairs = zip(network_of_model(scalar).weights, network_of_model(model).weights, strict=True)
    assert all(np.array_equal(a.values, b.values) for a, b in pairs)


def test_activations_of_the_first_sample_fill_the_neurons() -> None:
    model = nn.MLP([3, 4, 2], hidden="tanh", rng=0)
    X = np.random.default_rng(0).normal(size=(5, 3))
    loss = nn.cross_entropy(model.logits(X), np.array([0, 1, 0, 1, 0]))
    network = network_of_graph(loss, {id(X): "X"})
    said = [(column.title, column.name, column.activation) for column in network.columns]
    assert said == [("input", "X", ""), ("hidden", "", "tanh"), ("output", "", "")]
    hidden = np.tanh(X @ model.layers[0].weight.data + model.layers[0].bias.data)[0]
    drawn = [neuron.rows[0][1] for neuron in network.columns[1].neurons]
    np.testing.assert_allclose(drawn, hidden, rtol=1e-15)


def test_columns_have_the_titles_of_textbooks() -> None:
    model = nn.MLP([3, 5, 4, 2], hidden="sigmoid", rng=0)
    expected = ["input (3)", "hidden 1 (5)", "hidden 2 (4)", "output (2)"]
    for one in (model, nn.MLP([3, 5, 4, 2], hidden="sigmoid", rng=0, scalar=True)):
        svg = ag.draw(one).svg()
        assert all(f">{title}</text>" in svg for title in expected)
        assert (svg.count(">sigmoid</text>"), svg.count(">softmax</text>")) == (2, 1)
        assert "layers." not in svg
    h = np.tanh(Tensor(np.ones((1, 2)), label="x") @ Tensor(np.ones((2, 3)), label="W"))
    svg = ag.draw(np.sum(h @ Tensor(np.ones((3, 1)), label="V")), view="network").svg()
    assert ">h = tanh</text>" in svg
    assert len(network_of_model(nn.Sequential(nn.Dense(2, 2, activation=np.tanh))).columns) == 2


@pytest.mark.parametrize("sizes", [[2, 2, 1], [2, 4, 2], [3, 3, 3], [4, 5]])
@pytest.mark.parametrize("swept", [False, True])
def test_numbers_of_weights_do_not_cover_each_other(sizes: list[int], swept: bool) -> None:
    model = nn.MLP(sizes, hidden="tanh", rng=0, **({"output": "identity"} if sizes[-1] < 2 else {}))
    if swept:
        np.sum(model(np.ones((1, sizes[0]))) ** 2).backward()
    svg = ag.draw(model).svg()
    spans = []
    for group in re.findall(r'<g id="\w+_p0n\d+_\d+_p0n\d+_\d+l" .*?</g>', svg, flags=re.DOTALL):
        corners = re.search(r'<polygon[^>]* points="([^"]+)"', group)
        assert corners is not None
        numbers = [float(number) for number in re.findall(r"-?[\d.]+", corners[1])]
        xs, ys = numbers[::2], numbers[1::2]
        spans.append((min(xs), min(ys), max(xs), max(ys)))
    assert len(spans) == sum(a * b for a, b in pairwise(sizes))
    for a, b in combinations(spans, 2):
        shared = (min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1]))
        assert min(shared) < 2


def test_large_and_deep_networks_show_the_first_and_the_last() -> None:
    large = ag.draw(nn.MLP([784, 256, 10], rng=0))
    assert "775 more" in large.svg()
    assert "hidden: 256 neurons" in large.text
    deep = ag.draw(nn.MLP([4] * 16, rng=0)).svg()
    assert "layers more" in deep
    for svg in (large.svg(), deep):
        assert size(svg)[0] <= PAGES["page"].width
    phone = ag.draw(nn.MLP([4] * 16, rng=0), fit="phone").svg()
    assert size(phone)[0] <= PAGES["phone"].width


def test_before_and_after_stand_side_by_side_in_one_scale() -> None:
    before, after = nn.MLP([2, 3, 2], rng=0), nn.MLP([2, 3, 2], rng=1)
    drawing = ag.draw([before, after])
    assert drawing.title == "before; after"
    assert drawing.svg().count('class="node neuron"') == 14
    assert size(drawing.svg())[0] <= PAGES["page"].width


def test_what_is_no_network_is_told() -> None:
    with pytest.raises(ValueError, match="no layers of neurons"):
        ag.draw(Value(2.0, label="x").exp(), view="network")
    with pytest.raises(ValueError, match=r"layers one after the other: .*draw\(model\(x\)\)"):
        ag.draw(nn.Sequential(nn.Dense(2, 3, rng=0), nn.Dense(4, 2, rng=0)))
    with pytest.raises(TypeError, match="view='network' draws"):
        ag.draw(3.0, view="network")
    with pytest.raises(ValueError, match="no matrix"):
        ag.draw(nn.LayerNorm(3))


@given(st.text(st.characters() | st.sampled_from("<>&\"'\\\n-]NGELHT;{}#x "), max_size=40))
@settings(deadline=None)
def test_hostile_names_are_text(name: str) -> None:
    x, w, b = Value(0.5, label=f"x{name}"), Value(2.0, label=f"w{name}"), Value(1.0, label=name)
    net = w * x + b
    out = net.tanh()
    out.label = name
    out.backward()
    for drawing in (ag.draw(out, view="network"), ag.draw(out)):
        svg = drawing.svg()
        found = {element.get("id") for element in ElementTree.fromstring(svg).iter()}
        assert set(drawing.ids) <= found
        assert all(line.isprintable() for line in drawing.text.splitlines())


def test_the_same_network_gives_the_same_bytes() -> None:
    drawings = [ag.draw(nn.MLP([2, 3, 2], rng=0)).svg() for _ in range(2)]
    assert drawings[0] == drawings[1]


# What moves


def test_a_training_becomes_a_film(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    X, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1.0]]), np.array([0, 1, 1, 0])
    options: dict[str, Any] = {"epochs": 4, "progress": False}
    model = nn.MLP([2, 3, 2], rng=0)
    history = nn.fit(model, X, y, callbacks=[nn.Snapshots(every=2)], **options)
    assert [sorted(one) for one in history.snapshots] == [sorted(model.state())] * 3
    path = ag.animate(history, tmp_path / "training.gif")
    with image.open(path) as film:
        assert film.n_frames == 3
    with pytest.raises(ValueError, match=r"nn.fit\(..., callbacks=\[nn.Snapshots\(\)\]\)"):
        ag.animate(nn.fit(model, X, y, **options), tmp_path / "none.gif")
    with pytest.raises(ValueError, match=r"a training is written as .gif, not '.*svg'"):
        ag.animate(history, tmp_path / "training.svg")


def test_a_film_needs_pillow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(RuntimeError, match="pip install pillow"):
        ag.animate([nn.MLP([2, 2], rng=0)], tmp_path / "t.gif")


def test_a_sweep_moves_without_a_script(tmp_path: Path) -> None:
    w, x = Value(0.5), Value(2.0)
    out = (w * x).sigmoid()
    svg = Path(ag.animate(out, tmp_path / "sweep.svg")).read_text("utf-8")
    ElementTree.fromstring(svg)
    assert "<script" not in svg
    starts = {
        place: float(start)
        for place, start in re.findall(r"@keyframes \w+s(\d+)\{0%,([\d.]+)%\{visibility", svg)
    }
    assert sorted(starts, key=starts.__getitem__)[0] == "3"  # the root first
    assert len(starts) == 4
    assert w.grad == 0.0  # nothing of the user's is changed
    of_arrays: Any = np.sum(np.tanh(Tensor(np.ones((2, 3)), label="W")) ** 2)
    film = Path(ag.animate(of_arrays, tmp_path / "arrays.svg")).read_text("utf-8")
    assert len(set(re.findall(r"@keyframes \w+s(\d+)", film))) == 4
    with pytest.raises(ValueError, match="shape"):
        ag.animate(Tensor(np.ones(2)) * 2, tmp_path / "sweep.svg")
