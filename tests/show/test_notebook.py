"""What a notebook shows: a real kernel runs cells, and each result has its picture or table."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest

CELLS = {
    "setup": """
import numpy as np
import autograd_mini as ag
from autograd_mini import Value, nn
rng = np.random.default_rng(0)
X = rng.normal(size=(40, 2))
y = (X[:, 0] > 0).astype(int)
model = nn.MLP([2, 3, 2], rng=0)
history = nn.fit(model, X, y, epochs=30, progress=False)
w, x = Value(0.5, label="w"), Value(2.0, label="x")
E = (w * x).sigmoid()
E.backward()
""",
    "history": "history",
    "history.plot": "history.plot()",
    "confusion_matrix": "nn.plots.confusion_matrix(nn.predict(model, X), y)",
    "summary": "nn.summary(model)",
    "health": "nn.gradient_health(model, X, y)",
    "draw": "ag.draw(E)",
    "explain": "ag.explain(E, w)",
    "walkthrough": "ag.walkthrough(E, folder + '/sweep.html')",
    "steps": "ag.steps(E)",
    "a step": "next(ag.steps(E))",
    "report": "ag.check_gradients(lambda w: w**2, {'w': 3.0}, {'w': 6.5})",
    "with pyplot": "%matplotlib inline\nhistory.plot()",
}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: Any) -> dict[str, dict[str, str]]:
    """For each cell what it shows, by MIME type."""
    pytest.importorskip("ipykernel", reason="ipykernel is not installed: no notebook is run")
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    folder = str(tmp_path_factory.mktemp("notebook"))
    sources = [f"folder = {folder!r}\n{CELLS['setup']}", *list(CELLS.values())[1:]]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    found = {}
    for name, cell in zip(CELLS, notebook.cells, strict=True):
        assert all(output.output_type != "stream" for output in cell.outputs), cell.outputs
        found[name] = {k: v for o in cell.outputs for k, v in o.get("data", {}).items()}
    return found


pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.mark.parametrize("cell", ["history.plot", "confusion_matrix", "with pyplot"])
def test_a_plot_is_a_picture(shown: dict[str, dict[str, str]], cell: str) -> None:
    assert base64.b64decode(shown[cell]["image/png"]).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("cell", "kind", "word"),
    [
        ("history", "text/html", "epoch  loss"),
        ("summary", "text/html", "parameters"),
        ("health", "text/html", "verdict: "),
        ("draw", "image/svg+xml", "sigmoid"),
        ("explain", "text/latex", r"\partial E"),
        ("walkthrough", "text/html", "<iframe "),
        ("steps", "text/html", "<li>E is the root"),
        ("a step", "text/html", "<p>E is the root"),
        ("report", "text/html", "1 mistake"),
    ],
)
def test_a_result_shows_itself(
    shown: dict[str, dict[str, str]], cell: str, kind: str, word: str
) -> None:
    assert word in shown[cell][kind]


def test_what_stands_for_a_result_in_text_is_short(shown: dict[str, dict[str, str]]) -> None:
    assert re.fullmatch(
        r"History\(30 epochs: loss \d\.\d+ to \d\.\d+\)", shown["history"]["text/plain"]
    )
    assert re.fullmatch(r"HealthReport\(\w+, 2 layers\)", shown["health"]["text/plain"])
    assert shown["summary"]["text/plain"].startswith("name ")
    assert len(shown["history"]["text/html"].splitlines()) < 30
