"""Corrected lines as a diff, and written: ``report.patch()`` and ``check --fix``."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from autograd_mini.check.report import GradientReport, Line, Mistake, Repair
from autograd_mini.check.report.patch import corrections, diff, write
from autograd_mini.cli import main

LINES = [
    "import numpy as np",
    "X = np.array([[0.0, 1.0], [1.0, 0.5], [1.0, 1.0]])",
    'params = {"w": np.array([0.5, -0.3])}',
    "def loss(w):",
    "    z = X @ w",
    "    return np.sum(np.tanh(z) ** 2)  # größer",
    "def manual(w):",
    "    a = np.tanh(X @ w)",
    "    dz = (",
    "        2 * a",
    "        * (1 + a**2)",
    "    )  # the mistake",
    '    return {"z": dz, "w": X.T @ dz}',
]


def source(end="\n", last=True):
    return end.join(LINES) + end * last


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_a_file_is_mended_and_all_else_in_it_stays(tmp_path, capfd, monkeypatch, end, encoding):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "net.py"
    text = source(end)
    if encoding == "latin-1":
        text = f"# -*- coding: latin-1 -*-{end}" + text
    file.write_bytes(text.encode(encoding))
    assert main(["check", "net.py", "--fix"]) == 1
    out, err = capfd.readouterr()
    assert out.startswith("--- a/net.py\n+++ b/net.py\n@@ ")
    assert [row for row in out.splitlines() if row.startswith(("-", "+"))][2:] == [
        "-        * (1 + a**2)", "+        * (1 - a**2)",
    ]  # fmt: skip
    assert "net.py:" in err.splitlines()[0]
    assert file.read_bytes() == text.encode(encoding)  # printed, not written
    assert main(["check", "net.py", "--fix", "--write"]) == 1
    assert "written to " in capfd.readouterr().err
    assert file.read_bytes() == text.replace("(1 + a", "(1 - a").encode(encoding)
    assert main(["check", "net.py", "--fix", "--write"]) == 0
    assert capfd.readouterr().out == ""


@pytest.mark.skipif(not (shutil.which("git") and shutil.which("patch")), reason="needs both")
@pytest.mark.parametrize("tool", [["git", "apply"], ["patch", "-p1"]])
@pytest.mark.parametrize("last", [True, False])
def test_a_diff_is_taken_by_others(tmp_path, capfd, monkeypatch, tool, last):
    monkeypatch.chdir(tmp_path)
    Path("my nets").mkdir()
    file = Path("my nets", "net.py")
    text = source(last=last).replace(
        '    return {"z": dz, "w": X.T @ dz}', '    return {"w": X.T @ -dz}'
    )
    file.write_text(text.replace("1 + a", "1 - a"), encoding="utf-8")
    assert main(["check", str(file), "--fix"]) == 1
    printed = capfd.readouterr().out
    assert printed.endswith("\n")
    subprocess.run(tool, input=printed, text=True, check=True, capture_output=True)
    assert main(["check", str(file)]) == 0


def report(tmp_path, *repairs, hints=3):
    mistakes = [Mistake(r.line, r.cause, r.reason, (r,)) for r in repairs]
    return GradientReport([], root=None, nodes={}, mistakes=mistakes, hints=hints)


def repair(file, number, column, old, new):
    return Repair(Line(str(file), number, old, (0, 1), column), new, "sign", "", 3)


def test_several_repairs_of_a_file_are_one_change(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "a.py"
    file.write_text("é = 1; b = 2\n\tc = (1 +\n  3)\nd\n", encoding="utf-8")
    patch = report(
        tmp_path, repair(file, 2, 1, "c = (1 +\n  3)", "c = 4"),
        repair(file, 1, 7, "b = 2", "b = 20"), repair(file, 1, 0, "é = 1", "é = -1"),
    )  # fmt: skip
    assert patch.patch() == (
        "--- a/a.py\n+++ b/a.py\n@@ -1,4 +1,3 @@\n-é = 1; b = 2\n-\tc = (1 +\n-  3)\n"
        "+é = -1; b = 20\n+\tc = 4\n d\n"
    )


def test_a_file_that_has_changed_is_not_written(tmp_path):
    file = tmp_path / "a.py"
    file.write_text("a = 1\n")
    one = report(tmp_path, repair(file, 1, 0, "a = 1", "a = 2"))
    corrected = one.corrections()
    file.write_text("a = 1\nb\n")
    with pytest.raises(ValueError, match=r"a.py has changed since it was checked: check it again"):
        write(corrected)
    file.write_text("a = 3\n")
    with pytest.raises(ValueError, match="has changed since"):
        one.patch()
    assert file.read_text() == "a = 3\n"
    file.unlink()
    with pytest.raises(ValueError, match="has changed since"):
        one.patch()


def test_a_patch_is_told_at_the_highest_level_alone(tmp_path):
    file = tmp_path / "a.py"
    file.write_text("a = 1\n")
    one = report(tmp_path, repair(file, 1, 0, "a = 1", "a = 2"))
    assert "+a = 2" in one.patch()
    for hints in (0, 1, 2):
        for refused in (lambda h=hints: one.patch(h), one.with_hints(hints).patch):
            with pytest.raises(ValueError, match=f"hints={hints} tells no corrected lines"):
                refused()
    assert report(tmp_path).patch() == diff(corrections([])) == ""


@pytest.mark.parametrize(
    ("options", "words"),
    [(["--write"], "give both"), (["--fix", "--hints", "2"], "--hints 2 tells no corrected lines")],
)
def test_options_that_do_not_go_together_are_misuse(tmp_path, capsys, options, words):
    file = tmp_path / "net.py"
    file.write_text(source(), encoding="utf-8")
    assert main(["check", str(file), *options]) == 2
    assert words in capsys.readouterr().err


def test_what_is_no_file_is_not_written(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("sys.stdin", io.StringIO(source()))
    assert main(["check", "-", "--fix", "--write"]) == 2
    out, err = capsys.readouterr()
    assert "+        * (1 - a**2)" in out
    assert "stdin is no file that can be written" in err


def test_a_lambda_is_mended_as_an_expression(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "net.py"
    file.write_text(
        "import numpy as np\nparams = {'w': np.ones(2)}\nloss = lambda w: np.sum(np.exp(w))\n"
        "manual = lambda w: {'w': -np.exp( w )}\n"
    )
    assert main(["check", "net.py", "--fix", "--write"]) == 1
    assert "+manual = lambda w: {'w': np.exp( w )}" in capsys.readouterr().out
    assert main(["check", "net.py"]) == 0


@pytest.mark.parametrize("indent", [None, 1])
def test_cells_of_a_notebook_are_mended_and_all_else_in_it_stays(
    tmp_path, capfd, monkeypatch, indent
):
    monkeypatch.chdir(tmp_path)
    setup = ["%matplotlib inline\n", "import numpy as np\n",
             "X = np.array([[0.5, 1.0], [2.0, 0.3]])\n",
             "w = np.array([0.1, -0.3])"]  # fmt: skip
    loop = (
        "for step in range(100):\n"
        "    z = X @ w\n"
        "    print(np.sum(z**2))\n"
        "    !date\n"
        "    dz = 2 * z\n"
        "    w -= 0.1 * (X @ dz)  # größer"
    )
    made = {
        "metadata": {"kernel": "ü"},
        "nbformat": 4,
        "cells": [
            {"cell_type": "markdown", "source": "# A title", "metadata": {}},
            {"cell_type": "code", "source": setup, "outputs": [{"text": "1e-05"}]},
            {"cell_type": "code", "source": loop, "outputs": []},
        ],
    }
    file = tmp_path / "net.ipynb"
    file.write_text(json.dumps(made, indent=indent, ensure_ascii=False) + "\n", "utf-8")
    assert main(["check", "net.ipynb", "--fix", "--write"]) == 1
    rows = capfd.readouterr().out.splitlines()
    assert "-    w -= 0.1 * (X @ dz)  # größer" in rows
    assert "+    w -= 0.1 * (X.T @ dz)  # größer" in rows
    made["cells"][2]["source"] = loop.replace("X @ dz", "X.T @ dz")
    assert file.read_text("utf-8") == json.dumps(made, indent=indent, ensure_ascii=False) + "\n"
    assert main(["check", "net.ipynb"]) == 0
