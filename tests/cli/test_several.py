"""``check`` of a folder of submissions: a line for each, whatever becomes of one."""

import json
import os
import re
import subprocess
import sys

import pytest

from autograd_mini.cli import main

TRAINS = """import numpy as np
X, y = np.arange(12.0).reshape(4, 3) / 10, np.ones(4)
w = np.zeros(3)
for epoch in range(10**9):
    error = X @ w - y
    print("loss", np.sum(error**2))
    w -= 0.1 * 2 * X.T @ error
"""
WRONG = TRAINS.replace("0.1 * 2 * X.T", "-0.1 * 2 * X.T")
BAD = "w -= -0.1 * 2 * X.T @ error"


def notebook(text):
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    lines = text.splitlines(keepends=True)
    cells = [{**cell, "source": lines[:3]}, {**cell, "source": lines[3:]}]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells})


FILES = {
    "student10.py": TRAINS,
    "student9.py": WRONG,
    "crashes.py": "import os\nw = 1.0\nos.kill(os.getpid(), 9)\nw -= 1.0\n",
    "ends.py": "import os\nw = 1.0\nos._exit(0)\nw -= 1.0\n",
    "hangs.py": "import threading\nw = 1.0\nthreading.Event().wait()\nw -= 1.0\n",
    "idle.py": "print('nothing')\n",
    "book.ipynb": notebook(WRONG),
    "unfinished.py": "def f(:\n",
    "team/main.py": "from parts import gradient\n" + TRAINS.replace("X.T @", "gradient(X) @"),
    "team/parts.py": "def gradient(X):\n    return X.T\n",
    "__pycache__/old.py": WRONG,
}
LINES = [
    "book.ipynb     wrong        1 mistake (",
    "crashes.py     not checked  it ended its process, by SIGKILL, before it was checked",
    "ends.py        not checked  it ended its process, with status 0, before it was checked",
    "hangs.py       not checked  it took longer than 12 s: --time says how long it may take",
    "idle.py        not checked  'sent/idle.py' has nothing to check: no statement that trains,",
    "student9.py    wrong        1 mistake (",
    "student10.py   right        1 gradient checked: all agree",
    "team           right        1 gradient checked: all agree",
    "unfinished.py  not checked  line 1: SyntaxError: invalid syntax",
]


def written(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def run(folder, *arguments):
    command = [sys.executable, "-m", "autograd_mini", "check", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)


def test_each_file_has_its_line_whatever_becomes_of_the_others(tmp_path):
    written(tmp_path / "sent", FILES)
    done = run(tmp_path, "sent", "--time", "12", "--jobs", "2", "--hints", "1")
    *told, empty, last = done.stdout.splitlines()
    assert (done.returncode, empty, done.stderr) == (1, "", "")
    assert [line[: len(start)] for line, start in zip(told, LINES, strict=True)] == LINES
    assert all(re.search(r"  \(\d+\.\d s\)$", line) for line in told)
    assert "student9.py:7" in told[5]
    assert re.fullmatch(r"9 files: 2 right, 2 wrong, 5 not checked  \(\d+ s\)", last)


def test_a_verdict_that_gives_no_more_away_than_asked_for(tmp_path):
    written(tmp_path, {"a.py": WRONG, "b.py": TRAINS})
    assert ":7" not in run(tmp_path, ".", "--hints", "0").stdout


def test_the_exit_status_is_that_of_the_worst(tmp_path, capfd):
    files = {name: FILES[name] for name in ("student10.py", "idle.py")}
    written(tmp_path, {**files, "other.py": TRAINS})
    assert main(["check", str(tmp_path)]) == 2
    (tmp_path / "idle.py").unlink()
    assert main(["check", str(tmp_path)]) == 0
    assert "2 files: 2 right, 0 wrong, 0 not checked" in capfd.readouterr().out


def test_all_reports_as_json_and_as_pages(tmp_path):
    written(tmp_path, {"a.py": WRONG, "b/b.py": TRAINS, "c.py": FILES["idle.py"]})
    done = run(tmp_path, "a.py", "b", "c.py", "--json", "--out", "report.html")
    record = json.loads(done.stdout)
    assert [record[key] for key in ("right", "wrong", "not_checked")] == [1, 1, 1]
    first, second, third = record["files"]
    assert first["file"] == "a.py"
    assert first["report"]["mistakes"][0]["line"]["text"] == BAD
    assert (second["status"], second["report"]["ok"]) == ("right", True)
    assert (third["status"], third["report"]) == ("not checked", None)
    assert (tmp_path / "a-report.html").exists()
    assert (tmp_path / "b-report.html").exists()
    assert sorted(os.listdir(tmp_path)) == ["a-report.html", "a.py", "b", "b-report.html", "c.py"]


def test_all_are_mended(tmp_path):
    written(tmp_path, {"a.py": WRONG, "b.ipynb": notebook(WRONG), "c.py": TRAINS})
    done = run(tmp_path, ".", "--fix", "--write")
    assert done.returncode == 1
    assert done.stdout.count(f"-    {BAD}") == 2
    assert "3 files: 1 right, 2 wrong, 0 not checked" in done.stderr
    assert run(tmp_path, ".").returncode == 0


def test_a_file_that_ends_itself_is_not_taken_for_a_right_one(tmp_path):
    written(tmp_path, {"ends.py": FILES["ends.py"]})
    done = run(tmp_path, "ends.py")
    assert done.returncode == 2
    assert "it ended its process, with status 0, before it was checked" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.py"], "there is no file 'nowhere.py'"),
        (["-", "a.py"], "- reads one file from the input: give it alone"),
        (["empty"], "'empty' holds no Python file and no notebook"),
        (["a.py", "--jobs", "0"], "--jobs 0: a whole number from 1"),
    ],
)
def test_what_is_asked_wrongly_is_refused(tmp_path, arguments, words, monkeypatch, capsys):
    written(tmp_path, {"a.py": TRAINS, "empty/readme.txt": ""})
    monkeypatch.chdir(tmp_path)
    assert main(["check", *arguments]) == 2
    assert words in capsys.readouterr().err
