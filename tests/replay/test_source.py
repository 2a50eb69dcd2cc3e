"""``source``: its text, run with NumPy alone, gives what the engine gives, and passes the checker.

``python tests/replay/test_source.py`` writes the golden files in ``tests/golden`` anew.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import inspect
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given

import autograd_mini as ag
from autograd_mini import Tensor, Value, nn
from autograd_mini.core.graph import data_of
from autograd_mini.core.rule import RULES
from autograd_mini.replay import source
from autograd_mini.replay.source import Source
from autograd_mini.testing import graphs
from autograd_mini.trees import leaves, rebuild

TESTS = Path(__file__).parents[1]
GOLDEN = TESTS / "golden"
sys.path.insert(0, str(TESTS))  # where this file is run by itself

from helpers import example_module, random_program  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore:Degrees of freedom:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:Mean of empty slice:RuntimeWarning"),
]
X = np.random.default_rng(0).normal(size=(5, 3))
Y = np.eye(4)[[0, 3, 1, 2, 2]]


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def weights(*shapes):
    rng = np.random.default_rng(1)
    return [rng.normal(size=shape) for shape in shapes]


# Programs whose text is kept


def two_layers() -> Source:
    def loss(W1, b1, W2, b2):
        Z1 = X @ W1 + b1
        A1 = ag.sigmoid(Z1)
        Z2 = A1 @ W2 + b2
        P = ag.softmax(Z2)
        return -np.sum(Y * np.log(P)) / len(X)

    return source(loss, *weights((3, 6), (6,), (6, 4), (4,)))


def cross_entropy() -> Source:
    labels = Y.argmax(axis=1)

    def loss(W1, W2):
        A1 = ag.relu(X @ W1)
        logits = A1 @ W2
        return nn.cross_entropy(logits, labels) + 1e-3 * np.sum(W1**2)

    return source(loss, *weights((3, 6), (6, 4)), style="manual")


def tree_of_floats() -> Source:
    def loss(net, x):
        hidden = np.tanh(net["w1"] * x + net["b1"])
        out = net["w2"] * hidden
        return ag.relu(1 - out) + 0.01 * net["w2"] ** 2

    return source(loss, {"w1": 0.5, "b1": 0.1, "w2": -0.3}, 2.0, argnums=0)


def through_time() -> Source:
    sequences = np.random.default_rng(4).normal(size=(5, 6, 3))

    def loss(W, U, b):
        h, total = np.zeros((5, 4)), 0.0
        for t in range(6):
            h = np.tanh(sequences[:, t] @ W + h @ U + b)
            total = total + np.sum((h - Y) ** 2)
        return total / 2

    return source(loss, *weights((3, 4), (4, 4), (4,)), style="manual")


PROGRAMS = [two_layers, cross_entropy, tree_of_floats, through_time]


@pytest.mark.parametrize("program", PROGRAMS)
def test_golden_text(program):
    path = GOLDEN / f"source_{program.__name__}.txt"
    assert program() + "\n" == path.read_text("utf-8")


# The numbers are the engine's


def check(f, *args, argnums=None, tolerance=1e-9) -> Source:
    """The text gives the engine's value and gradients; nothing in it is dead or comes twice."""
    program = source(f, *args, argnums=argnums)
    numbers = range(len(args)) if argnums is None else argnums
    value, wanted = ag.value_and_grad(f, tuple(numbers))(*args)
    run = program.run()
    with np.errstate(all="ignore"):
        plain = rebuild(list(args), map(data_of, leaves(list(args))))
        names = list(inspect.signature(run).parameters)
        several = names[0].startswith("xs_")  # the arguments of a function of *xs
        ours, found = run(*[plain[int(name[3:])] for name in names] if several else plain)
    for mine, theirs in zip([ours, *leaves(found)], [value, *leaves(wanted)], strict=True):
        mine, theirs = np.asarray(mine, float), np.asarray(data_of(theirs))
        assert mine.shape == theirs.shape, program
        scale = np.max(np.abs(theirs), initial=1e-300, where=np.isfinite(theirs))
        np.testing.assert_allclose(
            mine, theirs, rtol=tolerance, atol=tolerance * scale, err_msg=program
        )
    function = ast.parse(program).body[-1]
    assigned = [line for line in function.body if isinstance(line, ast.Assign)]
    read = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and type(n.ctx) is ast.Load}
    assert {line.targets[0].id for line in assigned} <= read, program
    texts = [ast.unparse(line.value) for line in assigned if not is_plain(line.value)]
    assert len(texts) == len(set(texts)), program
    assert "autograd" not in program
    return program


def is_plain(value):
    return isinstance(value, ast.Name | ast.Constant | ast.Subscript | ast.UnaryOp | ast.List)


def test_random_programs():
    checked = 0
    for seed in range(80):
        _, result, arrays = random_program(seed)
        with np.errstate(all="ignore"):
            if all(array.size for array in arrays) and np.isfinite(result(*arrays)):
                inputs = ag.topological_order(result(*(ts := [*map(Tensor, arrays)])))
                used = tuple(i for i, t in enumerate(ts) if any(t is node for node in inputs))
                if used:
                    check(result, *arrays, argnums=used)
                    checked += 1
    assert checked > 25


def calls():
    spec = importlib.util.spec_from_file_location("calls", TESTS / "operations" / "test_arrays.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.CALLS


CALLS = calls()


@pytest.mark.parametrize("call", CALLS)
def test_every_operation_on_arrays(call):
    function, *operands = CALLS[call]
    factors = np.random.default_rng(2).normal(size=np.shape(function(*operands)))

    def loss(*xs):
        return np.sum(factors * function(*xs))

    used = ag.topological_order(loss(*(ts := [*map(Tensor, operands)])))
    floats = [i for i, t in enumerate(ts) if any(t is node for node in used)]
    check(loss, *operands, argnums=tuple(floats))


OPERANDS = {"arccosh": [1.5], "pow": [1.5, 0.7], "clip": [0.4, -1.0, 1.0], "where": [1.0, 0.3, 0.8]}


@pytest.mark.parametrize("name", RULES)
def test_every_row_of_the_table(name):
    row = RULES[name]
    numbers = OPERANDS.get(name, [0.35, 0.6, 0.8][: len(row.operands)])
    function = getattr(ag, name)
    first = 1 if name == "where" else 0

    def scalar(*xs):
        return 1.5 * function(*numbers[:first], *xs) + xs[0]

    def elementwise(*xs):
        return np.sum(1.5 * function(*numbers[:first], *xs) + xs[0])

    given = numbers[first:]
    every = [n for n in range(len(given)) if row.derivatives[n + first] is not None]
    assert len(every) == len(given)
    values = [Value(x) for x in given]
    check(scalar, *values)
    program = source(scalar, *given)
    assert "np." not in program or row.native
    check(elementwise, *[np.array([x, x + 0.01]) for x in given])
    check(elementwise, *[np.array([[x], [x + 0.02]]) for x in given[:1]], *given[1:])


def test_zero_times_infinity_is_zero_as_in_the_engine():
    program = check(lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0.0)), np.array([0.0, 4.0]))
    assert "np.where(" in program


def test_float32_and_numbers_of_arrays():
    check(lambda x: np.sum(np.tanh(x)), np.float32([0.5, 1.0]), tolerance=1e-5)
    check(lambda x, y: np.sum(x) * y, np.array(2.0), np.array(3.0))


def test_an_argument_that_does_not_matter_has_gradient_zero():
    program = source(lambda x, y: np.sum(x), np.ones(2), np.ones((3, 1)))
    assert "'y': np.zeros((3, 1))" in program


# Loops


@pytest.mark.parametrize("turns", [2, 3, 7])
@pytest.mark.parametrize("seed", range(10))
def test_loops_give_what_they_unroll(turns, seed):
    dice = random.Random(seed)
    inside = [dice.randrange(5) for _ in range(dice.randint(1, 4))]

    def loss(W, h, x):
        total, before = 0.0, h
        for t in range(turns):
            for kind in inside:
                if kind == 0:
                    h = np.tanh(h @ W)
                elif kind == 1:
                    h = h + x[t] * before
                elif kind == 2:
                    total = total + np.sum(h * h) * x[turns - 1 - t]
                elif kind == 3:
                    h, before = np.sin(before) - h, h
                else:
                    h = h * x[2 * t] + X[:, t % 2 : t % 2 + 1]
        return total + np.mean(h) + np.sum(W[0, 0] + before[0] * 0.1) + x[0] + h[0, 0]

    program = check(loss, *weights((3, 3), (5, 3), (2 * turns,)))
    if inside == [0]:
        assert ("for t in range(" in program) == (turns > 2)


def test_a_long_loop_is_one():
    program = check(
        lambda x: functools.reduce(lambda h, _: np.sin(h) * x, range(300), x), np.array(0.9)
    )
    assert len(program.splitlines()) < 40


# It passes the checker


def captured(module, call) -> list[tuple[Any, Any]]:
    """The losses and parameters that an example gives to the checker."""
    found: list[tuple[Any, Any]] = []

    def note(loss, params, *args, **options):
        found.append((loss, params))
        return check_gradients(loss, params, **options)  # the example's own pass is another test

    check_gradients = ag.check_gradients
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ag, "check_gradients", note)
        patch.setattr(module, "check_gradients", note, raising=False)
        call(module)
    assert found
    return found


EXAMPLES = {
    "published_derivations classifier": lambda m: m.classifier("mean"),
    "published_derivations textbook": lambda m: m.textbook(m.sigmoid, 2),
    "published_derivations iris": lambda m: m.iris(),
    "published_derivations adding": lambda m: m.adding(m.of_argument),
    "published_derivations planted": lambda m: m.planted(2.0, 4.0),
    "batchnorm_mlp_by_hand": lambda m: m.check(),
    "iris": lambda m: m.checked() if hasattr(m, "checked") else m.main(),
    "recurrent_by_hand": lambda m: m.main(),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_pass_the_checker(name, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # some draw pictures
    module = example_module(name.split()[0])
    for loss, params in captured(module, EXAMPLES[name]):
        program = source(loss, style="manual", **params)
        report = ag.check_gradients(loss, params, program.run(), required="all", seconds=0)
        assert report.ok, f"{report}\n{program}"


@given(graphs())
def test_derivations_that_are_drawn_are_those_by_hand(graph):
    program = source(graph.loss, style="manual", **graph.params)
    found, by_hand = program.run()(**graph.params), graph.manual(**graph.params)
    for name, gradient in found.items():
        scale = np.max(np.abs(by_hand[name]), initial=1e-300)
        np.testing.assert_allclose(
            gradient, by_hand[name], rtol=1e-8, atol=1e-8 * max(scale, 1e-6), err_msg=program
        )
    report = ag.check_gradients(graph.loss, graph.params, program.run(), required="all", seconds=0)
    assert report.ok, f"{report}\n{program}"


LAYERS = {
    "Dense": (lambda: nn.Dense(3, 4, rng=0), X),
    "MLP": (lambda: nn.MLP([3, 5, 4], hidden="gelu", output="softmax", rng=0), X),
    "LayerNorm": (lambda: nn.Sequential(nn.Dense(3, 4, rng=0), nn.LayerNorm(4)), X),
    "BatchNorm": (lambda: nn.Sequential(nn.Dense(3, 4, rng=0), nn.BatchNorm(4)), X),
    "Embedding": (lambda: nn.Embedding(7, 4, rng=0), np.array([0, 3, 3, 6, 2])),
    "RNN": (lambda: nn.RNN(3, 4, rng=0), np.stack([X, 2 * X, X - 1], axis=1)),
    "GRU": (lambda: nn.GRU(3, 4, rng=0), np.stack([X, 2 * X], axis=1)),
    "LSTM": (lambda: nn.LSTM(3, 4, rng=0), np.stack([X, 2 * X], axis=1)),
    "attention": (
        lambda: nn.MultiHeadAttention(4, 2, rng=0),
        np.random.default_rng(3).normal(size=(2, 3, 4)),
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_pass_the_checker(name):
    make, inputs = LAYERS[name]
    layer = make()
    parameters = {path.replace(".", "_"): each for path, each in layer.named_parameters()}
    places = [
        (owner, attribute, path.replace(".", "_"))
        for path, _ in layer.named_parameters()
        for owner, attribute in [owner_of(layer, path)]
    ]

    def loss(**given):
        for owner, attribute, called in places:
            setattr(owner, attribute, given[called])
        out = layer(inputs)
        out = out[0] if isinstance(out, tuple) else out
        return np.mean(np.sin(out) * np.arange(out.size).reshape(out.shape))

    values = {name: node.data.copy() for name, node in parameters.items()}
    program = source(loss, style="manual", **values)
    report = ag.check_gradients(loss, values, program.run(), required="all")
    assert report.ok, f"{report}\n{program}"


def owner_of(layer, path):
    *above, attribute = path.split(".")
    for part in above:
        layer = layer[int(part)] if part.isdigit() else getattr(layer, part)
    return layer, attribute


# JavaScript


node = pytest.mark.skipif(shutil.which("node") is None, reason="no node")


def in_javascript(programs):
    """What JavaScript computes: for each program and its arguments, value and gradients."""
    calls = [
        f"(() => {{ {program}\n return {program.function}(...{json.dumps(args)}); }})()"
        for program, args in programs
    ]
    text = f"console.log(JSON.stringify([{', '.join(calls)}]))"
    done = subprocess.run(["node", "-e", text], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@node
def test_every_row_in_javascript():
    programs, wanted, without = [], [], []
    for name, row in RULES.items():
        if name == "where":
            continue
        numbers = OPERANDS.get(name, [0.35, 0.6, 0.8][: len(row.operands)])

        def f(*xs, name=name):
            return 1.5 * getattr(ag, name)(*xs) + xs[0] % 0.3 - (2 - xs[0]) ** -0.5

        try:
            programs.append((source(f, *numbers, language="javascript"), numbers))
        except ValueError as error:
            assert "JavaScript has no" in str(error)  # noqa: PT017
            without.append(name)
            continue
        value, gradients = ag.value_and_grad(f, range(len(numbers)))(*map(Value, numbers))
        wanted.append([value.data, *(g.data for g in gradients)])
    assert without == []
    for (value, gradients), exact in zip(in_javascript(programs), wanted, strict=True):
        np.testing.assert_allclose([value, *leaves(gradients)], exact, rtol=1e-12)


@node
def test_a_network_in_javascript():
    def loss(net, x, delete):
        hidden = ag.relu(net["w"][0] * x + net["w"][1])
        return ag.where(hidden > delete, hidden**2, -hidden) + (0.5, delete)[1]

    args = [{"w": (2.0, 0.5)}, 1.5, 0.25]
    program = source(loss, *args, language="javascript")
    assert "delete_" in program
    [(value, gradients)] = in_javascript([(program, args)])
    assert value == 3.5**2 + 0.25
    assert gradients == {"net": {"w": [2 * 3.5 * 1.5, 7.0]}, "x": 14.0, "delete": 1.0}
    with pytest.raises(TypeError, match="JavaScript is written for functions of floats"):
        source(lambda x: np.sum(x), np.ones(2), language="javascript")
    with pytest.raises(ValueError, match='language is "python", "javascript" or "latex"'):
        source(lambda x: x, 1.0, language="c")


def test_what_it_refuses():
    with pytest.raises(
        ValueError,
        match=r'style is "gradients" or "manual", not "latex"'.replace('"latex"', "'latex'"),
    ):
        source(lambda x: x, 1.0, style="latex")
    with pytest.raises(ValueError, match=r"returned shape \(2,\), the gradient is of one number"):
        source(lambda x: x, np.ones(2))
    with pytest.raises(TypeError, match="does not depend on its arguments"):
        source(lambda x: 3.0, 1.0)
    with pytest.raises(TypeError, match="there is nothing to differentiate"):
        source(lambda n: n, 3)
    with pytest.raises(ValueError, match="argnums=2 names positional argument 2"):
        source(lambda x: x, 1.0, argnums=2)


def test_nothing_of_the_users_is_changed():
    W, before = Tensor(np.ones((3, 2)), label="W"), sys.gettrace()
    data = {"W": W, "x": [1.0, 2.0]}
    source(lambda p: np.sum(p["W"]) * p["x"][0] * p["x"][1], data)
    assert sys.gettrace() is before
    assert data["W"] is W
    assert not W.grad.any()
    assert rebuild(data, iter([0, 1, 2])) == {"W": 0, "x": [1, 2]}


if __name__ == "__main__":
    for program in PROGRAMS:
        (GOLDEN / f"source_{program.__name__}.txt").write_text(program() + "\n", "utf-8")


def test_a_derivation_as_latex() -> None:
    X, t = np.ones((4, 3)), np.ones((4, 1))

    def loss(p: dict[str, Any]) -> Any:
        Z1 = X @ p["W1"] + p["b1"]
        A1 = np.tanh(Z1)
        return np.mean((A1 @ p["W2"] - t) ** 2)

    params = {"W1": np.ones((3, 2)), "b1": np.zeros(2), "W2": np.ones((2, 1))}
    text = source(loss, params, language="latex")
    lines = text.splitlines()
    assert [lines[0], lines[-1]] == [r"\begin{aligned}", r"\end{aligned}"]
    assert r"Z_{1} &= X \, W_{1} + b_{1} && \in \mathbb{R}^{4 \times 2} \\" in lines
    assert (
        r"\delta_{W_{1}} &= X^{\top} \, \delta_{Z_{1}} && \in \mathbb{R}^{3 \times 2} \\" in lines
    )
    assert text.count("{") == text.count("}")
    assert "p[" not in text
    assert "def " not in text
