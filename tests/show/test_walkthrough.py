"""The page of walkthrough, as a file and in a browser."""

from __future__ import annotations

import html
import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from test_explain import HOSTILE, graphs, textbook

import autograd_mini as ag
from autograd_mini import Tensor, Value, steps, walkthrough
from autograd_mini.core.graph import topological_order
from autograd_mini.page.order import depth_first
from autograd_mini.page.walkthrough import MAX_NODES
from autograd_mini.show.engine import TAGS


def neuron() -> Value:
    w, x, b = Value(0.5, "w"), Value(2.0, "x"), Value(-0.25, "b")
    out = (w * x + b).sigmoid()
    out.label = "out"
    return (1 - out) ** 2


def dense() -> Any:
    X = np.arange(12.0).reshape(4, 3) / 10
    W, b = Tensor([[0.5, -1.0], [0.25, 0.0], [-0.5, 1.0]], "W"), Tensor([0.1, -0.1], "b")
    return np.mean(ag.softmax(X @ W + b) ** 2)


def page_of(root: Any, folder: Path, **options: Any) -> str:
    return Path(walkthrough(root, folder / "sweep.html", **options)).read_text("utf-8")


def data_of(page: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    assert "<" not in found[1]
    return json.loads(found[1])


# The file


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        self.attributes += attrs


def test_the_page_is_one_file_that_may_ask_for_nothing(tmp_path: Path) -> None:
    page = page_of(neuron(), tmp_path)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-eval" not in policy[1]
    tags = Tags(page)
    assert not {"link", "img", "iframe", "object", "embed", "base", "form"} & set(tags.found)
    assert tags.found.count("script") == 2
    for name, value in tags.attributes:
        assert not name.startswith("on")
        assert name not in ("src", "action", "formaction")
        assert "href" not in name or not str(value).startswith("http")
    assert list(tmp_path.iterdir()) == [tmp_path / "sweep.html"]


def test_the_same_graph_gives_the_same_bytes(tmp_path: Path) -> None:
    assert page_of(neuron(), tmp_path) == page_of(neuron(), tmp_path)


@pytest.mark.parametrize("make", [neuron, dense, lambda: textbook()[0]])
def test_the_steps_are_those_of_the_sweep(make: Any, tmp_path: Path) -> None:
    root = make()
    before = [np.copy(node.grad) for node in topological_order(root)]
    page = page_of(root, tmp_path)
    data = data_of(page)
    taken = list(steps(root))
    frames = [frame for frame in data["frames"] if frame["phase"] == "backward"]
    place = {node: i for i, node in enumerate(topological_order(root))}
    assert [frame["node"] for frame in frames] == [place[step.node] for step in taken]
    for frame, step in zip(frames, taken, strict=True):
        uses = [data["uses"][e][:3] for e in frame["shares"]]
        assert uses == [[place[step.node], s.slot, place[s.operand]] for s in step.received]
        assert len(frame["rows"]) == len(step.received)
    forward = [frame["node"] for frame in data["frames"] if frame["phase"] == "forward"]
    assert forward == [None, *(i for n, i in place.items() if n.parents)]
    assert all(np.array_equal(n.grad, grad) for n, grad in zip(place, before, strict=True))
    items = [html.unescape(item) for item in re.findall(r"<li[^>]*>(.*?)</li>", page)]
    assert len(items) == len(data["frames"])
    assert items[len(forward) : -1] == [step.sentence for step in taken]


def test_below_a_gradient_of_zero_every_node_has_its_step(tmp_path: Path) -> None:
    x = Value(-2.0, "x")
    y = (3 * x).relu() * 2
    page = data_of(page_of(y, tmp_path))
    turns = [page["names"][f["node"]] for f in page["frames"] if f["phase"] == "backward"]
    assert turns == ["root", "v2", "v1", "x"]


def test_what_cannot_be_walked_through(tmp_path: Path) -> None:
    x = v = Value(1.0, "x")
    for _ in range(MAX_NODES):
        v = v.tanh()
    with pytest.raises(ValueError, match=rf"has {MAX_NODES + 1} nodes.*at most {MAX_NODES}: walk"):
        walkthrough(v, tmp_path / "sweep.html")
    walkthrough(v, tmp_path / "sweep.html", max_nodes=MAX_NODES + 1)  # folded
    with pytest.raises(ValueError, match=r"end its name in \.html"):
        walkthrough(x, tmp_path / "sweep.svg")
    with pytest.raises(ValueError, match="needs one number to start from"):
        walkthrough(Tensor([1.0, 2.0]), tmp_path / "other.html")
    with pytest.raises(TypeError, match="not float"):
        walkthrough(1.0, tmp_path / "other.html")
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.html"]


def test_a_file_stays_when_the_new_one_fails(tmp_path: Path, monkeypatch: Any) -> None:
    before = page_of(neuron(), tmp_path)
    monkeypatch.setattr("autograd_mini.show.engine._embedded", lambda: None)
    with pytest.raises(RuntimeError, match="graphviz-pure is not installed"):
        walkthrough(dense(), tmp_path / "sweep.html")
    assert (tmp_path / "sweep.html").read_text("utf-8") == before


# Why the order matters


def test_depth_first_goes_wrong_where_a_result_is_used_twice(tmp_path: Path) -> None:
    a = Value(3.0, "a")
    b = a + a
    c = b + b
    wrong = depth_first(topological_order(c), 1.0)
    c.backward()
    assert (wrong[a], a.grad) == (2.0, 4.0)
    c.label = "c"
    page = page_of(c, tmp_path)
    assert "In this graph it gets wrong" in page
    assert "<th scope=row>∂c/∂a</th><td>4</td><td class=wrong>2</td>" in page
    page = page_of(Value(2.0, "w") * 3, tmp_path)
    assert "In this graph both orders give the same." in page
    assert "<th scope=row>∂c/∂a</th><td>4</td><td class=wrong>2</td>" in page


@given(graphs(["add", "mul", "sigmoid"], positive=True))
def test_depth_first_is_right_on_trees_only(nodes: list[Value]) -> None:
    """Interior nodes that are used once pass on all they have in any order."""
    order = topological_order(nodes[-1])
    wrong = depth_first(order, 1.0)
    nodes[-1].backward()
    uses = [parent for node in order for parent in node.parents if isinstance(parent, Value)]
    used_twice = [n for n in order if n.parents and sum(u is n for u in uses) > 1]
    if not used_twice:
        assert all(math.isclose(wrong[n], n.grad, rel_tol=1e-12) for n in order)
    assert all(wrong[n] <= n.grad * (1 + 1e-12) for n in order)


# Hostile labels


@given(first=st.text() | st.sampled_from(HOSTILE), second=st.text() | st.sampled_from(HOSTILE))
@example(first=HOSTILE[0], second=HOSTILE[1])
@example(first="</script x", second="<!--<script>")
def test_a_label_stays_text(first: str, second: str, tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("page")
    plain = Tags(page_of(Value(2.0, "x") * Value(3.0, "y"), folder)).found
    page = page_of(Value(2.0, first) * Value(3.0, second), folder)
    tags = Tags(page)
    assert of_the_page(tags.found) == of_the_page(plain)
    assert not [name for name, _ in tags.attributes if name.startswith("on")]
    assert all(name.isprintable() for name in data_of(page)["names"])


def of_the_page(tags: list[str]) -> list[str]:
    """Without what Graphviz draws with: a label tells how many pieces, and layers, there are."""
    return [tag for tag in tags if tag not in TAGS or tag == "svg"]


# What the page cannot compute


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda x: np.sum(np.linalg.cholesky(x @ x.T)),
            "which numbers it computes depends on the numbers themselves",
        ),
        (lambda x: np.sum(np.linalg.svd(x)[1]), "svd is not computed element by element"),
        (
            lambda x: np.sum(x.astype(np.float16)),
            "computes in float16, and a page in float64 and float32",
        ),
        (lambda x: np.sum(np.sort(np.tile(x, 100))), "more than 50,000 numbers"),
    ],
)
def test_why_a_graph_cannot_be_computed_again(make: Any, words: str) -> None:
    data = data_of(walkthrough(make(Tensor([[1.0, 2.0], [3.0, 5.0]], "x")), None).page)
    assert words in data["why"]
    assert "program" not in data
