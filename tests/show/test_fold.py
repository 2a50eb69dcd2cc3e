"""Large graphs folded to a page."""

from __future__ import annotations

import re
from functools import reduce
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_mini import Tensor, Value, nn, topological_order
from autograd_mini.core.operation import OPERATIONS
from autograd_mini.show.draw import draw
from autograd_mini.show.fold import READABLE, by_repeats, folded_edges
from autograd_mini.show.layers import layers_of
from autograd_mini.show.picture import Picture, picture
from autograd_mini.show.recorded import recorded


def told(found: Picture) -> dict[str, tuple[int, str]]:
    return {box.label: (box.count, box.made_by) for box in found.boxes}


def perceptron(sizes: list[int], samples: int = 1) -> Any:
    model = nn.MLP(sizes, hidden="sigmoid", output="sigmoid", rng=0, scalar=True)
    x = [0.1 * i for i in range(sizes[0])]
    return sum((out - 0.5) ** 2 for _ in range(samples) for out in model(x)) / samples


def test_a_recorded_graph_is_in_topological_order() -> None:
    loss = perceptron([3, 4, 2])
    graph = recorded(loss)
    assert all(a is b for a, b in zip(graph.nodes, topological_order(loss), strict=True))
    for place, node in enumerate(graph.nodes):
        operands = [parent for parent in node.parents if isinstance(parent, Value)]
        assert all(
            graph.nodes[source] is operand
            for source, operand in zip(graph.sources(place), operands, strict=True)
        )


def test_a_sum_of_equal_terms_is_shown_once() -> None:
    w = Value(0.5, label="w")
    total: Any = sum(w * Value(i, label=f"x[{i}]") for i in range(100))
    found = picture(total.tanh(), fold=True)
    assert told(found) == {
        "w": (1, ""),
        "x[:]": (100, ""),
        "v1": (100, "w·x[:]"),
        "v2": (1, "sum of 100 terms"),
        "v3": (1, "tanh(v2)"),
    }
    assert ("∂v1/∂w = x[:]", "× 100") in [arrow.lines for arrow in found.arrows]
    assert found.notes == ("302 nodes folded into 5 boxes: × n marks n that are computed alike",)


def test_a_network_of_neurons_folds_to_its_layers_in_arrays() -> None:
    loss = perceptron([20, 30, 10], samples=3)
    loss.backward()
    found = picture(loss, fold=True)
    boxes = {box.label: box for box in found.boxes}
    assert boxes["w1[:]"].count == 600
    assert boxes["a1[:]"].count == 90
    assert [cluster.label for cluster in found.clusters] == ["layer 1", "layer 2"]
    values = np.array([w.data for w in topological_order(loss) if w.label.startswith("w1[")])
    assert boxes["w1[:]"].rows[1][1:] == tuple(
        f"{number:.4g}" for number in (values.mean(), values.min(), values.max())
    )


def test_folded_layers_are_one_box_each() -> None:
    found = picture(perceptron([20, 30, 10], samples=3), fold="layers")
    layers = [box for box in found.boxes if box.kind == "layer"]
    assert [box.label for box in layers] == ["layer 1", "layer 2"]
    assert layers[0].rows[0] == ("parameters", "630: w1 × 600, b1 × 30")
    assert layers[0].rows[1] == ("operations", "add × 1800, mul × 1800, sigmoid × 90")
    assert not any(arrow.tail == arrow.head for arrow in found.arrows)
    assert found.notes[0].endswith("whole layers are one box")


def test_steps_of_a_recurrent_network_are_one_loop() -> None:
    w, h = Value(0.5, label="w"), Value(0.1, label="h")
    for i in range(1000):
        h = (w * h + Value(0.1, label=f"x[{i}]")).tanh()
    found = picture(h, fold=True)
    assert len(found.boxes) < 12
    edges = {(arrow.tail, arrow.head) for arrow in found.arrows}
    name = {box.made_by.partition("(")[0]: box.name for box in found.boxes if box.count > 900}
    assert any(tail == name["tanh"] for tail, _ in edges)
    chain = reduce(lambda x, _: -x, range(500), Value(1.0))
    arrows = picture(chain, fold=True).arrows
    assert [a.lines[1:] for a in arrows if a.tail == a.head] == [("from one to the next", "× 498")]


def test_what_differs_is_not_folded_together() -> None:
    x = Value(0.5, label="x")
    terms = [1 - x, x - 1, x**2, x**3, x.exp(), x * x, x * 2]
    found = picture(reduce(lambda a, b: a * b + 1, terms), fold="repeats")
    assert all(box.count == 1 for box in found.boxes)
    a, b = Tensor(np.ones((2, 3))), Tensor(np.ones((3, 2)))
    both: Any = np.sum(np.exp(a)) + np.sum(np.exp(b))
    assert all(box.count == 1 for box in picture(both, fold="repeats").boxes)
    c = Tensor(np.ones((2, 3)))
    alike: Any = np.sum(np.exp(a)) + np.sum(np.exp(c))
    assert [box.count for box in picture(alike, fold="repeats").boxes] == [2, 2, 2, 1]
    square = Tensor(np.ones((2, 2)))
    axes: Any = np.sum(np.sum(square, axis=0)) + np.sum(np.sum(square, axis=1))
    assert all(box.count == 1 for box in picture(axes, fold="repeats").boxes)


def test_a_partial_sum_that_is_used_elsewhere_is_no_part_of_the_sum() -> None:
    a, b, c = (Value(1.0, label=label) for label in "abc")
    part = a + b
    boxes = picture((part + c) * part, fold="repeats").boxes
    assert [box.made_by for box in boxes if box.made_by] == ["a + b", "v1 + c", "v2·v1"]


def test_sums_of_different_terms_are_told_apart() -> None:
    a, b = Value(1.0, label="a"), Value(2.0, label="b")
    for plain, mixed in ((b + b + b, b + a + b), (a + a + a, b + a + b)):
        for product in (plain.exp() * mixed.exp(), mixed.exp() * plain.exp()):
            boxes = picture(product, fold="repeats").boxes
            assert [box.count for box in boxes if box.made_by.startswith("sum")] == [1, 1]


@given(
    st.lists(st.tuples(st.sampled_from("+*e"), st.integers(0, 99), st.integers(0, 99)), max_size=60)
)
def test_groups_are_a_partition_and_edges_are_kept(program: list[tuple[str, int, int]]) -> None:
    pool = [Value(0.1), Value(0.2, label="w[0]"), Value(0.3, label="w[1]")]
    for op, i, j in program:
        a, b = pool[i % len(pool)], pool[j % len(pool)]
        pool.append(a + b if op == "+" else a * b if op == "*" else a.tanh())
    graph = recorded(reduce(lambda a, b: a + b, pool))
    names = [node.label for node in graph.nodes]
    groups, chain = next(by_repeats(graph, names, [""] * len(names), 300))
    assert sorted(place for places in groups for place in places) == list(range(len(names)))
    assert groups[-1][-1] == len(names) - 1
    of = {place: i for i, places in enumerate(groups) for place in places}
    for places in groups:
        assert len({graph.nodes[place].op for place in places}) == 1
    outside = [
        (of[s], of[p]) for p in range(len(names)) for s in graph.sources(p) if chain[s] != chain[p]
    ]
    edges = folded_edges(graph, groups, chain)
    assert sum(uses for *_, uses in edges) == len(outside)
    assert {(tail, head) for tail, head, *_ in edges} == set(outside)


def test_folding_falls_back_to_layers_then_says_what_to_do() -> None:
    w = [Tensor(np.full((2, 2), 0.1 * i), label=f"block{i}.weight") for i in range(40)]
    x: Any = np.ones((1, 2))
    for weight in w:
        x = np.tanh(x @ weight)
    found = picture(x, fold=True)
    assert sum(box.kind == "layer" for box in found.boxes) == 40
    assert len(found.boxes) <= READABLE
    with pytest.raises(ValueError, match=r"limit that max_nodes sets, even folded: draw a part"):
        picture(x, 2, fold=True)
    with pytest.raises(ValueError, match=r"fold='layers' knows no layer: label parameters"):
        picture(Value(1.0) * 2, fold="layers")


def test_a_small_graph_is_not_folded_unless_it_is_said_how() -> None:
    x = Value(1.0, label="x")
    y = x.exp() + x.exp()
    assert picture(y, fold=True) == picture(y)
    assert max(box.count for box in picture(y, fold="repeats").boxes) == 2


def test_many_nodes_are_folded() -> None:
    terms = [Value(i * 1e-6, label=f"x[{i}]") for i in range(50_000)]
    w = Value(0.5, label="w")
    drawing = draw(reduce(lambda a, b: a + b, [w * x for x in terms]), fold=True)
    assert re.search(r"150000 nodes folded into 4 boxes", drawing.text)


def test_layers_of_parameters_that_are_transposed_first() -> None:
    names = ["transpose", "matmul", "tanh", "sum"]
    operations = [None, None, *(OPERATIONS[name] for name in names)]
    sources = [[], [], [0], [1, 2], [3], [4]]
    assert layers_of(operations, sources, {0: "one"}) == ["one", "", "one", "one", "one", ""]
