"""draw and walk of a file: what is shown of it, and what is said where nothing can be."""

from __future__ import annotations

import io
import json
import sys
import webbrowser
from pathlib import Path
from typing import Any

import pytest

from autograd_mini.cli import main

GRAPH = """
from autograd_mini import Value
w, x = Value(0.5), Value(2.0)
net = w * x
out = net.sigmoid()
"""

CHECKED = """
import numpy as np
X = np.array([[1.0, 2.0], [3.0, -1.0]])
params = {"w": np.array([0.5, -0.3])}
def loss(w):
    z = X @ w
    return np.sum(np.tanh(z) ** 2)
def manual(w):
    a = np.tanh(X @ w)
    dz = 2 * a * (1 + a**2)
    return {"z": dz, "w": X.T @ dz}
"""

MODEL = """
from autograd_mini import nn
net = nn.Sequential(nn.Dense(2, 3, rng=0), nn.Dense(3, 1, rng=1))
"""


def file(folder: Path, text: str) -> str:
    path = folder / "graph.py"
    path.write_text(text)
    return str(path)


def test_the_last_result_is_drawn_with_its_gradients_and_names(tmp_path: Path) -> None:
    out = tmp_path / "g.txt"
    assert main(["draw", file(tmp_path, GRAPH), "--out", str(out)]) == 0
    text = out.read_text("utf-8")
    assert "result out = sigmoid(net): value 0.7311; gradient 1" in text
    assert main(["draw", file(tmp_path, GRAPH), "--node", "net", "--out", str(out)]) == 0
    assert "result net = w·x" in out.read_text("utf-8")


def test_a_loss_of_parameters_is_walked_through_with_mine_beside_it(tmp_path: Path) -> None:
    page = tmp_path / "p.html"
    assert main(["walk", file(tmp_path, CHECKED), "--out", str(page)]) == 0
    assert '"verdict":"wrong"' in page.read_text("utf-8")
    assert main(["draw", file(tmp_path, CHECKED), "--out", str(tmp_path / "p.txt")]) == 0
    assert "× wrong" in (tmp_path / "p.txt").read_text("utf-8")


def test_a_notebook_and_the_input(tmp_path: Path, monkeypatch: Any) -> None:
    cell = {"cell_type": "code", "source": GRAPH}
    (tmp_path / "n.ipynb").write_text(json.dumps({"cells": [cell], "nbformat": 4}))
    for source in (str(tmp_path / "n.ipynb"), "-"):
        monkeypatch.setattr(sys, "stdin", io.StringIO(GRAPH))
        page = tmp_path / "p.html"
        assert main(["walk", source, "--quiz", "--out", str(page)]) == 0
        assert "a quiz" in page.read_text("utf-8")
        page.unlink()


def test_a_model_is_drawn_as_its_network(tmp_path: Path) -> None:
    out = tmp_path / "m.txt"
    assert main(["draw", file(tmp_path, MODEL), "--out", str(out)]) == 0
    assert out.read_text("utf-8").startswith("Network 2-3-1\ninput: 2 neurons")


def test_a_model_is_not_walked_through(tmp_path: Path, capsys: Any) -> None:
    assert main(["walk", file(tmp_path, MODEL), "--out", str(tmp_path / "m.html")]) == 2
    assert "Sequential is none: compute a loss with it" in capsys.readouterr().err


def test_a_browser_is_opened(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: opened.append(url) or True)
    assert main(["walk", file(tmp_path, GRAPH), "--open"]) == 0
    written = capsys.readouterr().out.strip()
    assert opened == [Path(written).as_uri()]
    assert Path(written).read_text("utf-8").startswith("<!doctype html>")
    monkeypatch.setattr(webbrowser, "open", lambda url: False)
    assert main(["draw", file(tmp_path, GRAPH), "--out", str(tmp_path / "g.svg"), "--open"]) == 2
    assert "there is no browser" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        (GRAPH, ["--node", "ouch", "--out", "x.svg"], "defines no ouch; is `out` meant"),
        (GRAPH, ["--at", "w=1", "--out", "x.svg"], "--at gives numbers to an expression"),
        (GRAPH, [], "give --out FILE.svg, or --open"),
        ("x = 1", ["--out", "x.svg"], "computes nothing with Values or Tensors"),
        ("1 / 0", ["--out", "x.svg"], "ZeroDivisionError"),
        ("raise SystemExit(3)", ["--out", "x.svg"], "ended with SystemExit(3)"),
    ],
)
def test_what_cannot_be_drawn(
    text: str, options: list[str], words: str, tmp_path: Path, capsys: Any
) -> None:
    assert main(["draw", file(tmp_path, text), *options]) == 2
    assert words in capsys.readouterr().err
    assert main(["draw", "nowhere.py", "--out", "x.svg"]) == 2
    assert "there is no file 'nowhere.py'" in capsys.readouterr().err
    assert main(["draw", "w*2", "--at", "w=1", "--node", "w", "--out", "x.svg"]) == 2


@pytest.mark.parametrize("command", ["check", "rules", "draw", "explain", "walk"])
def test_the_help_of_each_command_has_examples(command: str, capsys: Any) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert f"examples:\n  autograd-mini {command} " in capsys.readouterr().out
