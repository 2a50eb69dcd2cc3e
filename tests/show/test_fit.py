"""Pictures that fit a page, and arrows that say what flows back."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import reduce
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value, nn
from autograd_mini.show.draw import draw
from autograd_mini.show.drawing import size
from autograd_mini.show.fit import PAGES
from autograd_mini.show.picture import picture, pictures
from autograd_mini.show.rows import columns_of, in_rows


def smallest(svg: str, width: float) -> float:
    """The smallest text in pixels, where the picture is shown at most so wide."""
    sizes = [float(points) for points in re.findall(r'font-size="([\d.]+)"', svg)]
    natural = re.search(r'width="([\d.]+)(px|pt)"', svg)
    assert natural is not None
    wide = float(natural[1]) * {"px": 1, "pt": 4 / 3}[natural[2]]
    return min(sizes) * min(wide, width) / size(svg)[0]


def chain() -> Any:
    return reduce(lambda x, _: (x * 1.1).tanh(), range(20), Value(0.3, label="x"))


def recurrent(steps: int) -> Any:
    return np.sum(nn.RNN(3, 4, rng=0)(np.ones((2, steps, 3))) ** 2)


def neurons() -> Any:
    model = nn.MLP([2, 4, 2], hidden="sigmoid", output="sigmoid", rng=0, scalar=True)
    return sum((out - 0.5) ** 2 for _ in range(3) for out in model([0.1, 0.2]))


GRAPHS: dict[str, Callable[[], Any]] = {
    "chain": chain,
    "recurrent 6": lambda: recurrent(6),
    "recurrent 60": lambda: recurrent(60),
    "neurons": neurons,
    "perceptron": lambda: nn.cross_entropy(
        nn.MLP([4, 8, 2], rng=0).logits(np.ones((3, 4))), np.array([0, 1, 0])
    ),
}


@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
@pytest.mark.parametrize("fit", ["page", "phone"])
def test_text_can_be_read_where_the_picture_is_shown(graph: Callable[[], Any], fit: Any) -> None:
    loss = graph()
    loss.backward()
    svg = draw(loss, fit=fit).svg()
    assert smallest(svg, PAGES[fit].width) >= 9 - 0.02


def test_a_picture_is_as_wide_as_its_place_and_larger_when_it_is_clicked(
    browser: Any, tmp_path: Path
) -> None:
    drawing = draw(chain())
    wide = 830.0  # as large as a page admits
    page = tmp_path / "page.html"
    page.write_text(f"<!doctype html><div style='width:400px'>{drawing.svg()}</div>", "utf-8")
    box = "const box = document.querySelector('svg').getBoundingClientRect();"
    measure = f"{box} return [box.width, box.height]"
    browser.get(page.as_uri())
    small = browser.execute_script(measure)
    browser.execute_script("document.querySelector('svg').focus()")
    large = browser.execute_script(measure)
    assert small[0] == pytest.approx(400, abs=1)
    assert large == pytest.approx([2 * length for length in small], rel=0.01)
    browser.get(Path(drawing.save(tmp_path / "alone.svg")).as_uri())
    assert browser.execute_script(measure)[0] == pytest.approx(wide, abs=1)


def test_a_program_without_media_queries_sees_the_picture(tmp_path: Path) -> None:
    cairosvg = pytest.importorskip("cairosvg")
    image = pytest.importorskip("PIL.Image")
    png = tmp_path / "converted.png"
    cairosvg.svg2png(bytestring=draw(chain()).svg().encode(), write_to=str(png))
    with image.open(png) as found:
        assert found.convert("RGB").resize((100, 100)).getextrema()[0][0] < 200


def test_without_a_page_a_chain_is_as_long_as_it_is() -> None:
    assert smallest(draw(chain(), fit=None).svg(), 830) < 2


def test_a_chain_wraps_like_text_and_rows_stand_in_order() -> None:
    loss = chain()
    drawing = draw(loss)
    assert "folded" not in drawing.text
    rows = in_rows(picture(loss), 800.0)
    assert len(rows) > 5
    at = {
        name: (float(x), float(y))
        for name, x, y in re.findall(
            r'<g id="\w+_(n\d+)" class="node operation.*?<text[^>]* x="([\d.]+)" y="(-[\d.]+)"',
            drawing.svg(),
            flags=re.DOTALL,
        )
    }
    places = [at[f"n{i}"] for i in range(1, 40)]
    breaks = [b for a, b in pairwise(places) if b[0] < a[0]]
    assert 5 < len(breaks) < 13  # rows of several boxes, each filled
    assert all(b[1] > a[1] + 40 if b[0] < a[0] else abs(b[1] - a[1]) < 1
               for a, b in pairwise(places))  # fmt: skip


def test_rows_are_filled() -> None:
    """A network of two layers, whose boxes once stood in seven rows of one each."""
    X, W1 = np.ones((6, 3)), Tensor(np.linspace(-1, 1, 12).reshape(3, 4), label="W1")
    b1, W2 = Tensor(np.zeros(4), label="b1"), Tensor(np.ones((4, 2)), label="W2")
    loss: Any = np.mean((np.tanh(X @ W1 + b1) @ W2 - 1) ** 2)
    loss.backward()
    drawing = draw(loss)
    svg = drawing.svg()
    rows = in_rows(picture(loss), PAGES["page"].width)
    assert len(rows) <= 4
    assert sum(box.kind == "operation" for row in rows for box in row.boxes) == 7
    assert size(svg)[1] < 1000
    assert svg.count(">layer 1</text>") == svg.count(">layer 2</text>") == 1


@pytest.mark.parametrize("width", [750.0, 1200.0])
def test_a_layer_stands_in_one_row_where_it_can(width: float) -> None:
    model = nn.MLP([4, 8, 2], hidden="sigmoid", output="sigmoid", rng=0)
    squares: Any = model(np.ones((3, 4))) ** 2
    found = picture(np.sum(squares))
    rows = in_rows(found, width)
    assert len(rows) > 1
    clusters = [cluster for row in rows for cluster in row.clusters]
    assert [cluster.label for cluster in clusters] == [cluster.label for cluster in found.clusters]
    assert not any(cluster.continued for cluster in clusters)


@pytest.mark.parametrize("width", [100.0, 400.0, 800.0, 3000.0])
def test_every_box_is_in_one_row_and_what_is_elsewhere_is_referred_to(width: float) -> None:
    whole = picture(neurons(), fold="repeats")
    rows = in_rows(whole, width)
    names = [box.name for row in rows for box in row.boxes]
    assert len(set(names)) == len(names)
    assert {box.name for box in whole.boxes} <= set(names)
    row_of = {box.name: i for i, row in enumerate(rows) for box in row.boxes}
    arrows = [(arrow, i) for i, row in enumerate(rows) for arrow in row.arrows]
    assert all(row_of[arrow.tail] == row_of[arrow.head] == i for arrow, i in arrows)
    ends = {arrow.name: (arrow.tail.partition("r")[0], arrow.head) for arrow, _ in arrows}
    assert ends == {arrow.name: (arrow.tail, arrow.head) for arrow in whole.arrows}


def test_each_picture_is_folded_further() -> None:
    sizes = [len(found.boxes) for found in pictures(recurrent(10), fold=True)]
    assert len(sizes) >= 3
    assert sizes[0] == max(sizes)


def test_recurrent_steps_fold_from_the_second_on() -> None:
    text = draw(recurrent(60)).text
    assert re.search(r"operation v\d+ × 59 = affine\(v\d+, U, b_h\)", text)  # the first has no h
    assert re.search(r"operation v\d+ × 60 = affine\(.*, W, b\)", text)


def by_hand(steps: int) -> Value:
    w, u, h = Value(0.5, label="w"), Value(0.3, label="u"), Value(0.1, label="h0")
    for step in range(steps):
        h = (w * h + u * Value(step / 50, label=f"x[{step}]")).tanh()
    return h


def test_a_recurrence_that_fits_is_a_loop_from_three_steps_on() -> None:
    assert "folded" not in draw(by_hand(2)).text
    text = draw(by_hand(3)).text
    assert "operation v1 = w·h0" in text
    assert re.search(r"operation v\d+ × 2 = w·v\d+", text)
    assert "folded" not in draw(by_hand(3), fold=False).text
    x = Value(0.5, label="x")
    assert "folded" not in draw(((x * 3 + 2) * x + 1) * x).text  # of an input, no recurrence


def test_a_loop_begins_where_its_first_step_does() -> None:
    found = next(pictures(by_hand(6), fold=True))
    made_by = {box.name: box.made_by for box in found.boxes if box.kind == "operation"}
    columns = [[made_by.get(name) for name in names] for names in columns_of(found)]
    assert columns[1:] == [["w·h0", "u·x[:]"], ["… + v3"], ["tanh(v4)"], ["w·v5"]]
    below = [b for row in in_rows(found, 500.0) for b in row.boxes if "below" in b.tooltip]
    assert [box.label for box in below] == ["v2"]  # one arrow leads back


def test_parallel_arrows_are_one() -> None:
    x = Tensor(np.ones(3), label="x")
    stacked: Any = np.stack([x] * 60)
    assert [arrow.lines for arrow in picture(stacked).arrows] == [("× 60",)]
    assert picture(stacked).boxes[-1].made_by == "stack(x × 60, axis=0)"


def test_arrows_of_matrices_say_what_flows_back() -> None:
    X, W, b = np.ones((6, 3)), Tensor(np.ones((3, 1)), label="W"), Tensor(np.ones(1), label="b")
    t = np.ones(6)
    z: Any = X @ W + b
    loss: Any = np.sum((z - t) ** 2)
    found = picture(loss, names={id(X): "X", id(t): "t"})
    said = {(arrow.tail, arrow.head): arrow.lines for arrow in found.arrows}
    lines = list(said.values())
    assert ("Xᵀ δ",) in lines
    assert ("∂v2/∂b = 1", "(1,) → (6, 1):", "sum over axis 0") in lines
    assert ("δ", "repeated to (6, 6)") in lines
    (accident,) = (box for box in found.boxes if box.status)
    assert accident.rows[-1] == ("check", "? both repeated: (6, 1) and (6,) → (6, 6)")
    meant: Any = np.outer(Tensor(np.ones(6)), np.ones(6))
    assert not any(box.status for box in picture(meant).boxes)


def test_gradient_graphs_have_no_products_with_one() -> None:
    x = Value(2.0, label="x")
    slope = ag.gradients((x * 3).tanh(), x, create_graph=True)
    found = picture(slope)
    assert not any(box.made_by.startswith("1·") for box in found.boxes)
    assert "1 node left out" in found.notes[0]
    W = Tensor([[0.5, -0.2]], label="W")
    loss: Any = np.sum(np.tanh(W) ** 2)
    of_arrays = picture(ag.gradients(loss, W, create_graph=True))
    assert not any("⁰" in line for arrow in of_arrays.arrows for line in arrow.lines)
    assert len(picture(1.0 * Value(3.0, label="w")).boxes) == 2  # what a user multiplies stays


def test_two_sweeps_are_said() -> None:
    w = Value(0.5, label="w")
    out = (w * 3).tanh()
    out.backward()
    assert picture(out).notes == ()
    out.backward()
    (note,) = picture(out).notes
    assert note == "the gradients of w are those of 2 sweeps: they add up until zero_grad()"


def test_rounding_dust_is_zero() -> None:
    t = Tensor(np.array([0.1, 0.2, -0.3] * 3), label="t")
    assert float(np.mean(t.data)) != 0.0
    assert picture(t).boxes[0].rows[1][:2] == ("value", "0")
    t = Tensor(np.array([1.0, np.inf, -0.3] * 3), label="t")
    assert picture(t).boxes[0].rows[1] == ("value", "inf", "-0.3", "inf")


def test_several_roots_are_marked() -> None:
    x = Value(2.0, label="x")
    a, b = x * 2, x.exp()
    drawing = draw([a, b])
    assert drawing.text.startswith("Computation graph of a, b: 3 nodes")
    assert drawing.text.count("result ") == 2


def test_a_name_that_two_nodes_have_is_told_apart() -> None:
    x, other = Value(2.0, label="x"), Value(3.0, label="x")
    assert picture(x * other).boxes[-1].made_by == "x·x#2"


def test_residual_connections_are_marked() -> None:
    model = nn.Residual(nn.Dense(3, 3, rng=0))
    out: Any = model(Tensor(np.ones((2, 3)), label="x"))
    marked = [arrow for arrow in picture(out).arrows if arrow.residual]
    assert [arrow.tail for arrow in marked] == ["n0"]
    assert ", residual" in draw(out).text


def test_neurons_stand_in_their_order() -> None:
    x = Value(0.5, label="x")
    h1, h2, h3 = (x.tanh() for _ in range(3))
    out = h3 * h1 + h2
    for direction, axis in (("TB", 1), ("LR", 2)):  # from left to right, from top to bottom
        svg = draw(out, direction=direction, fit=None).svg()
        at = [
            re.search(
                rf'<text[^>]* x="([\d.]+)" y="(-[\d.]+)"[^>]*font-weight="bold"[^>]*>{name}<', svg
            )
            for name in ("h1", "h2", "h3")
        ]
        places = [float(found[axis]) for found in at if found]
        assert len(places) == 3
        assert places == sorted(places)


def test_gradients_have_colours_of_two_sides() -> None:
    t = Tensor(np.linspace(-1, 2, 9), label="t")
    loss: Any = np.sum(t**2)
    loss.backward()
    (box,) = (box for box in picture(loss).boxes if box.label == "t")
    strips = dict(box.strips)
    assert strips["gradient"][0][-1] == "#d55e00"  # the furthest from 0
    assert strips["gradient"][0][0] == "#7cb4d4"  # half as far, on the other side
    assert "gradients:" in draw(loss).svg()


def test_a_png_has_the_letters_of_the_machine_or_says_which_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from autograd_mini.show import letters

    letters._families.cache_clear()
    x = Value(2.0, label="\u65e5\u672c")
    drawing = draw(x * 2)
    monkeypatch.setattr(letters, "_families", lambda letter: frozenset())
    with pytest.warns(UserWarning, match=r"boxes for letters \(cjk: \u65e5\u672c\).*save an SVG"):
        plain = Path(drawing.save(tmp_path / "plain.png")).read_bytes()
    pytest.importorskip("cairosvg")
    monkeypatch.setattr(letters, "_families", lambda letter: frozenset({"DejaVu Sans"}))
    again = draw(x * 2)
    assert Path(again.save(tmp_path / "fonts.png")).read_bytes() != plain
    monkeypatch.setitem(sys.modules, "cairosvg", None)
    with pytest.warns(UserWarning, match="pip install cairosvg"):
        draw(x * 2).save(tmp_path / "none.png")


def test_a_report_s_picture_has_the_names_of_the_code() -> None:
    X, t = np.ones((3, 2)), np.zeros((3, 1))

    def loss(W: Any) -> Any:
        out = ag.sigmoid(X @ W)
        return np.sum((t - out) ** 2)

    text = draw(ag.check_gradients(loss, {"W": np.full((2, 1), 0.5)})).text
    assert {"input X", "input t"} <= {line.split(",")[0] for line in text.splitlines()}
