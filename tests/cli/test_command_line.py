"""The command line: rules, draw, explain and walk.  ``check`` is tested with reports."""

from __future__ import annotations

import contextlib
import io
import json
import math
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_mini as ag
from autograd_mini import Value, gradients
from autograd_mini.cli import main
from autograd_mini.cli.expressions import ExpressionError, compute, numbers
from autograd_mini.core.rule import FUNCTIONS, RULES
from autograd_mini.show.transliteration import plain_letters

NEURON = ["sigmoid(w*x + b)", "--at", "w=0.5,x=2,b=-1"]


def test_the_stages_of_a_check_are_imported_by_the_process_that_checks():
    code = "import sys, autograd_mini.cli; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"autograd_mini.check.pipeline", "autograd_mini.check.report", "tqdm", "unittest.mock"}
    assert "autograd_mini.cli" in found.stdout.split()
    assert heavy.isdisjoint(found.stdout.split())


def test_the_command_line_says_its_version_and_its_rules(capsys):
    found = subprocess.run(
        [sys.executable, "-m", "autograd_mini", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.startswith(f"autograd_mini {ag.__version__} (")
    assert main(["rules", "tanh"]) == 0
    assert "derivative for x: 1 - out ** 2" in capsys.readouterr().out
    assert main(["rules", "nope"]) == 2
    assert "no operation nope; there are add, " in capsys.readouterr().err


# draw, explain, walk


def test_draw_writes_a_picture(tmp_path, capsys):
    out = tmp_path / "g.svg"
    assert main(["draw", *NEURON, "-o", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    texts = [element.text for element in ElementTree.parse(out).iter() if element.text]
    for text in ("w", "x", "b", "0.5"):
        assert text in texts
    assert main(["draw", *NEURON, "--out", str(tmp_path / "g.dot"), "--direction", "TB"]) == 0
    assert "rankdir=TB" in (tmp_path / "g.dot").read_text()


def test_explain_prints_the_chain_rule(capsys):
    assert main(["explain", *NEURON, "--wrt", "w"]) == 0
    found = capsys.readouterr().out
    assert found.startswith("∂f/∂w = f·(1 − f)·x = 0.5\n")
    assert (
        main(["explain", "net = w*x; (1 - net)**2", "--at", "w=3", "--at", "x=2", "--wrt=w"]) == 0
    )
    assert "∂f/∂w = ∂f/∂net · ∂net/∂w\n      = 10 · 2\n      = 20\n" in capsys.readouterr().out
    assert main(["explain", *NEURON, "--wrt", "w", "--latex"]) == 0
    assert capsys.readouterr().out.startswith("\\begin{aligned}\n\\frac{\\partial f}{\\partial w}")


def test_walk_writes_a_page(tmp_path, capsys):
    out = tmp_path / "sweep.html"
    assert main(["walk", *NEURON, "--out", str(out)]) == 0
    assert "∂f/∂b = 0.25" in out.read_text("utf-8")


ENVIRONMENT = {
    "PATH": "", "PYTHONPATH": str(Path(ag.__file__).parent.parent), "LC_ALL": "C",
    "PYTHONUTF8": "0",
}  # fmt: skip


@pytest.mark.parametrize(
    ("encoding", "line", "name"),
    [
        ("ascii", "dL/dW = X.T (2*h * (1 - h^2)) = shape (1, 2): 0.7269", "sigma"),
        ("cp1252", "dL/dW = X.T (2·h * (1 - h²)) = shape (1, 2): 0.7269", "sigma"),
        ("utf-8", "∂L/∂W = Xᵀ (2·h ⊙ (1 − h²)) = shape (1, 2): 0.7269", "σ"),
    ],
)
def test_an_explanation_can_be_printed_to_any_pipe(encoding: str, line: str, name: str) -> None:
    program = """
import numpy as np, autograd_mini as ag
X, W = np.ones((1, 1)), ag.Tensor([[0.5, 0.5]])
h = np.tanh(X @ W)
L = np.sum(h**2)
print(ag.explain(L, W))
for step in ag.steps(L):
    print(step)
print(ag.check_gradients(lambda **p: p["\\u03c3"]**2, {"\\u03c3": 3.0}, {"\\u03c3": 6.5}))
"""
    found = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        env=ENVIRONMENT | {"PYTHONIOENCODING": encoding},
        check=True,
    )
    printed = found.stdout.decode(encoding)
    assert line in printed
    assert f"1 mistake ({name})" in printed


def test_letters_that_an_encoding_lacks_are_spelled() -> None:
    assert plain_letters("½·√w[0]² ≤ √(α) ∞ 重", "ascii") == (
        "1/2*sqrt(w[0])^2 <= sqrt(alpha) inf \\u91cd"
    )
    assert plain_letters("½·x²", "cp1252") == "½·x²"
    assert plain_letters("½·x²", "no such encoding") == "½·x²"


def test_a_reader_that_goes_ends_the_program_in_silence() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "autograd_mini", "rules"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT,
    ) as program:  # fmt: skip
        assert program.stdout is not None
        assert program.stderr is not None
        program.stdout.close()
        said = program.stderr.read()
    assert b"BrokenPipe" not in said
    assert b"Traceback" not in said
    assert program.returncode == 141


def test_without_a_command_there_is_help_with_examples(capsys: Any) -> None:
    assert main([]) == 0
    found = capsys.readouterr()
    assert found.out.startswith("usage: autograd-mini")
    for line in found.out.splitlines():
        if line.startswith("  autograd-mini explain"):
            assert main(shlex.split(line)[1:]) == 0
    assert "∂f/∂w" in capsys.readouterr().out


CHECKED = """
import numpy as np
def cost(w, b):
    return np.sum(w**2) * b
w, b = np.array([1.0, 2.0]), 3.0
grads = {"w": 2 * w * b, "b": 5.0}
"""
NAMED = ["--loss", "cost", "--params", "w, b", "--manual", "grads"]


def test_check_reads_the_input_and_is_told_the_names(tmp_path, capsys, monkeypatch):
    (tmp_path / "mine.py").write_text(CHECKED)
    assert main(["check", str(tmp_path / "mine.py"), *NAMED]) == 0
    monkeypatch.setattr("sys.stdin", io.StringIO(CHECKED))
    assert main(["check", "-", *NAMED]) == 0
    assert capsys.readouterr().out.count("2 gradients checked: all agree") == 2
    monkeypatch.setattr("sys.stdin", io.StringIO(CHECKED.replace("5.0", "6.0")))
    assert main(["check", "-", *NAMED]) == 1
    assert capsys.readouterr().out.startswith("1 mistake (b)")
    apart = [*NAMED[:-1], "dw, db"]  # a name for each, in the parameters' order
    monkeypatch.setattr("sys.stdin", io.StringIO(CHECKED + "dw, db = grads.values()"))
    assert main(["check", "-", *apart]) == 0
    monkeypatch.setattr("sys.stdin", io.StringIO(CHECKED + "db, dw = grads.values()"))
    assert main(["check", "-", *apart]) != 0
    capsys.readouterr()
    monkeypatch.setattr("sys.stdin", io.StringIO("def loss(): pass\n1 / 0"))
    assert main(["check", "-"]) == 2
    assert 'File "<stdin>", line 2' in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", io.StringIO(CHECKED))
    assert main(["check", "-", "--loss", "coast", "--params", "w,b"]) == 2
    assert "defines no coast" in capsys.readouterr().err


CELLS = [
    ("markdown", "# Title"),
    ("code", ["%matplotlib inline\n", "!ls\n", "import numpy as np\n", "if 1:\n", "    %time 1"]),
    ("code", "%%bash\nls\n"),
    ("code", ["def cost(w):\n", "    return np.sum(w**2)\n"]),
    ("code", "w = np.array([1.0, 2.0])\ndef back(w):\n    gw = 3 * w\n    return {'w': gw}"),
    ("code", "grads = back(w)"),
]


def test_check_reads_a_notebook(tmp_path, capsys):
    file = tmp_path / "mine.ipynb"
    named = [str(file), "--loss", "cost", "--params", "w", "--manual", "back"]

    def write(cells):
        file.write_text(
            json.dumps({"cells": [{"cell_type": kind, "source": text} for kind, text in cells]})
        )

    write(CELLS)
    assert main(["check", *named]) == 1
    told = capsys.readouterr().out  # the line of the cell, and the right one
    assert re.search(r"mine.ipynb, cell \d+:\d+  gw = 3 \* w\n", told)
    assert "→  gw = 2 * w\n" in told
    write([*CELLS, ("code", "dw = grads['w'] * 2 / 3")])
    assert main(["check", *named[:-1], "dw"]) == 0
    write([*CELLS, ("code", "\n1 / 0")])
    assert main(["check", *named]) == 2
    assert 'mine.ipynb, cell 7", line 2' in capsys.readouterr().err
    file.write_text("[]")
    assert main(["check", *named]) == 2
    assert "is no notebook of format 4" in capsys.readouterr().err


def test_explain_writes_python(capsys):
    assert main(["explain", *NEURON, "--wrt", "w", "--numpy"]) == 0
    scope = {"f": 0.5, "x": 2.0}
    exec(capsys.readouterr().out, scope)
    assert scope["dw"] == 0.5


def test_the_module_runs_as_a_program_where_the_console_is_ascii(tmp_path):
    found = subprocess.run(
        [sys.executable, "-m", "autograd_mini", "explain", *NEURON, "--wrt", "w"],
        capture_output=True,
        env=ENVIRONMENT | {"PYTHONIOENCODING": "ascii"},
        check=True,
    )  # fmt: skip
    assert found.stdout.startswith(b"df/dw = f*(1 - f)*x = 0.5\n")
    found.stdout.decode("ascii")


MISUSE = {
    "sigmod(w)": "the table has no function 'sigmod'; did you mean sigmoid",
    "w + q": "'q' has no number: give --at q=...\n  w + q\n      ^",
    "w + ww": "'ww' has no number; did you mean w?: give --at ww=...",
    "__import__('os').system('true')": "is not allowed: write variables",
    "w.real": "'w.real' is not allowed",
    "[w]": "'[w]' is not allowed",
    "lambda: w": "'lambda: w' is not allowed",
    "w if w else 1": "is not allowed",
    "(w := 2)": "is not allowed",
    "f'{w}'": "is not allowed",
    "w and w": "is not allowed",
    "leaky_relu(w, slope=1)": "'slope=1' is not allowed",
    "w^2": "'w ^ 2' is not allowed; did you mean w**2?",
    "2w": "did you mean 2*w?",
    "(w + 1).tanh() * w.exp()": "did you mean tanh(w + 1) * exp(w)?",
    "np.tanh(w)": "did you mean tanh(w)?",
    "3(w + 1)": "did you mean 3*(w + 1)?",
    "2w²·√w": "did you mean 2*w**2*sqrt(w)?",
    "w·2": "did you mean w*2?",
    "|w|": "did you mean abs(w)?",
    "1e5w": "did you mean 1e5*w?",
    "sin²(w)": "did you mean sin(w)**2?",
    "2 ln^2(3w)": "did you mean 2*log(3*w)**2?",
    "sin²(2(w + 1))": "invalid character '²' (U+00B2)\n",
    "w²(w + 1)": "did you mean w**2*(w + 1)?",
    "sqrt w + 1": "did you mean sqrt(w) + 1?",
    "ln(w)": "the table has no function 'ln'; write log",
    "σ(w)": "the table has no function 'σ'; write sigmoid",
    "w +": "invalid syntax\n  w +\n     ^",
    "(" * 5: "was never closed",
    "(" * 500 + "w" + ")" * 500: "nested",
    "sigmoid": "'w' is no variable of 'sigmoid'",
    "sigmoid * w": "sigmoid is a function: write sigmoid(...)",
    "sigmoid(w, w)": "sigmoid takes sigmoid(x), not 2 operands",
    "3 + 4": "'w' is no variable of '3 + 4'; it has none",
    "log(-w)": "log(x) is defined for x > 0, got x = -1.0",
    "1 / (w - w)": "div(x, y) is defined for y != 0",
    "exp(1000 * w)": "exp(x) is too large for a float",
    "10**400 * w": "'10 ** 400' is too large for a float",
    "log(-2) * w": "'log(-2)' is not defined",
    "1 / 0 * w": "'1 / 0' is not defined",
    "(-8) ** 0.5 * w": "the result is no real number",
    "a = w; a = a * 2; a": "'a' has a meaning already",
    "pi = 3; w": "'pi' has a meaning already",
    "a, b = w, w; w": "is not allowed",
    "a = b = w; a": "give one name to each result",
    "w; w": "it must end in an expression",
    "w > 0": "is a constant: it depends on no variable",
    "": "it must end in an expression",
    "w\x00": "null bytes",
    "9" * 5000 + "*w": "Exceeds the limit",
    "sigmoid(w)(w)": "the table has no function 'sigmoid(w)'",
}  # fmt: skip


@pytest.mark.parametrize("text", MISUSE, ids=lambda text: text[:20])
def test_a_wrong_expression_is_told(text: str, capsys: Any) -> None:
    assert main(["explain", text, "--at", "w=1", "--wrt", "w"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("autograd-mini explain: ")
    assert MISUSE[text] in told.err
    assert "Traceback" not in told.err
    message, *place = told.err.rstrip("\n").split("\n")
    assert len(message) < 300
    assert len(place) in (0, 2)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--at", "w"], "'w' is not NAME=NUMBER: write --at w=0.5,x=2"),
        (["--at", "w=a"], "w='a' is no number"),
        (["--at", "w=1,w=2"], "'w' is given twice: 1.0 and 2"),
        (["--at", "pi=3"], "'pi' is a name of the table"),
        (["--at", "w=1,v=2"], "'v' is no variable of 'w*1'; its variables are w"),
        (["--at", "w=1", "--wrt", "v"], "there is no variable 'v'; there are w"),
    ],
)
def test_wrong_options_are_told(options, words, capsys):
    assert main(["explain", "w*1", "--wrt", "w", *options]) == 2
    assert words in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_told(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    for command, name, words in [
        ("draw", "g.gif", "end it in .svg, .png"),
        ("walk", "g.svg", "end its name in .html"),
        ("draw", "file/g.svg", "file"),
    ]:
        assert main([command, *NEURON, "--out", str(tmp_path / name)]) == 2
        assert words in capsys.readouterr().err


# Expressions


@pytest.mark.parametrize("name", RULES)
def test_every_function_of_the_table_can_be_written(name: str) -> None:
    rule = RULES[name]
    at = {operand: 0.3 + 0.1 * i for i, operand in enumerate(rule.operands)}
    at = {f"{operand}_": 1.5 if name == "arccosh" else number for operand, number in at.items()}
    found, variables = compute(f"{name}({', '.join(at)}) + 0*{next(iter(at))}", at)
    expected = FUNCTIONS[name](*(Value(number) for number in at.values()))
    assert found.data == expected.data
    assert list(variables) == list(at)


def test_names_of_intermediate_results_become_labels() -> None:
    found, _ = compute("net = w*x; out = tanh(net); (1 - out)**2 / 2", {"w": 1.0, "x": 2.0})
    assert found.label == "f"
    assert ag.explain(found, found.parents[0]).value == 0.5
    assert {n.label for n in ag.topological_order(found)} >= {"w", "x", "net", "out"}


def test_the_result_has_a_name_that_is_free() -> None:
    found, _ = compute("f + out + y", {"f": 1.0, "out": 2.0, "y": 3.0})
    assert found.label == "result"


EXPRESSIONS = st.recursive(
    st.sampled_from(["w", "x", "2", "0.5", "pi"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        inner.map(lambda text: f"tanh({text})"),
        inner.map(lambda text: f"-{text}"),
        st.tuples(inner, inner).map(lambda t: f"where({t[0]} > {t[1]}, {t[0]}, {t[1]})"),
    ),
    max_leaves=8,
)


@given(EXPRESSIONS, st.floats(-2, 2), st.floats(-2, 2))
def test_an_expression_means_what_python_means(text: str, w: float, x: float) -> None:
    text = f"w * 0 + x * 0 + {text}"
    found, variables = compute(text, {"w": w, "x": x})
    scope = {"tanh": lambda v: v.tanh(), "where": lambda c, a, b: ag.where(c, a, b), "pi": math.pi}
    scope["tanh"] = lambda v: v.tanh() if isinstance(v, Value) else math.tanh(v)
    same = {"w": Value(w), "x": Value(x)}
    expected = eval(text, scope, same)
    assert found.data == expected.data
    assert gradients(found, variables) == gradients(expected, same)


@given(st.text(max_size=40))
def test_no_text_does_more_than_fail(text: str) -> None:
    with contextlib.suppress(ExpressionError):
        compute(text, {"w": 1.0})


@given(st.dictionaries(st.from_regex(r"[a-z]_[a-z]{1,5}", fullmatch=True), st.floats()))
def test_numbers_are_read_back(at: dict[str, float]) -> None:
    text = ",".join(f"{name} = {number!r}" for name, number in at.items())
    assert repr(numbers([text] if at else [])) == repr(at)


TRAINING = """
import numpy as np
np.random.seed(0)
X = np.random.randn(8, 3)
y = np.random.rand(8)
w = np.zeros(3)
for epoch in range(10**9):
    out = 1 / (1 + np.exp(-X @ w))
    loss = np.sum((out - y) ** 2) / 2
    print("loss", loss)
    w -= 0.1 * X.T @ ((out - y) * out * SLOPE)
"""


def training(tmp_path, slope="(1 - out)", name="train.py"):
    file = tmp_path / name
    file.write_text(TRAINING.replace("SLOPE", slope))
    return file


def run(*arguments, **options):
    command = [sys.executable, "-m", "autograd_mini", "check", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def test_check_takes_a_training_script_as_it_stands(tmp_path):
    done = run(training(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    first, *_ = done.stdout.splitlines()
    assert first == "Step: the first turn of the loop in line 7, lines 8–11 (--steps, --call)"
    assert "1 gradient checked: all agree" in done.stdout
    assert "loss 0." not in done.stdout  # what the script prints is held back


def test_check_of_a_training_script_with_a_slip(tmp_path):
    file = training(tmp_path, "(1 + out)")
    before = file.read_text()
    done = run("train.py", cwd=tmp_path)
    assert done.returncode == 1
    assert "train.py:11  w -= 0.1 * X.T @ ((out - y) * out * (1 + out))" in done.stdout
    silent = run(file, "--hints", "0")
    assert "train.py:11" not in silent.stdout
    record = json.loads(run(file, "--json").stdout)
    assert record["ok"] is False
    assert record["assumptions"][2] == "Parameters: w, which it changes (--params)"
    page = tmp_path / "report.html"
    assert run(file, "--out", page).returncode == 1
    assert "the first turn of the loop" in page.read_text()
    fixed = run("train.py", "--fix", "--write", cwd=tmp_path)
    assert "--- a/train.py" in fixed.stdout
    assert file.read_text() == before.replace("(1 + out)", "(1 - out)")
    assert run(file).returncode == 0


def test_check_reads_a_training_script_from_the_input():
    done = run("-", input=TRAINING.replace("SLOPE", "(1 + out)"))
    assert done.returncode == 1
    assert "stdin:11" in done.stdout


def test_check_asks_for_what_it_cannot_tell(tmp_path):
    file = tmp_path / "train.py"
    file.write_text("import numpy as np\nX = np.load('x.npy')\nfor i in range(9):\n    X -= 1.0\n")
    done = run(file)
    assert (done.returncode, done.stdout) == (2, "")
    assert "the file 'x.npy' is not there" in done.stderr
    np.savez(tmp_path / "x.npz", np.ones(3))
    done = run(file, "--given", f"x.npy={tmp_path / 'x.npz'}")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--call" in done.stderr or "--loss" in done.stderr
    assert run(file, "--given", "x.npy").returncode == 2


def test_check_ends_a_training_script_that_takes_too_long_or_too_much(tmp_path):
    file = training(tmp_path)
    file.write_text("import time\n" + file.read_text() + "\nwhile True:\n    pass\n")
    slow = tmp_path / "slow.py"
    slow.write_text("w = 1.0\nwhile w:\n    pass\nw -= 1.0\n")
    done = run(slow, "--time", "3")
    assert done.returncode == 2
    assert "longer than 3 s" in done.stderr
    large = tmp_path / "large.py"
    large.write_text("w = [0.0] * 10**9\nfor i in range(3):\n    w[0] -= 1.0\n")
    done = run(large, "--memory", "1000")
    assert done.returncode == 2
    assert "--memory" in done.stderr


def test_check_runs_what_is_called(tmp_path):
    file = tmp_path / "net.py"
    file.write_text(
        "import numpy as np\n"
        "class Net:\n"
        "    def __init__(self, n):\n"
        "        self.w = np.ones(n)\n"
        "    def step(self, x, t):\n"
        "        o = np.tanh(x @ self.w)\n"
        "        self.w += 0.1 * x.T @ ((t - o) * (1 - o**2))\n"
    )
    code = "x = np.eye(3) + 0.1; net = Net(3); net.step(x, np.zeros(3))"
    done = run(file, "--call", code)
    assert (done.returncode, done.stderr) == (0, "")
    assert "one call of net.step(x, np.zeros(3))" in done.stdout
