"""Edits of a line: what undoes each usual slip is among them, and near the front."""

import ast
import copy
import statistics
from itertools import islice

import numpy as np
import pytest
from courses import COURSES, HEAD

from autograd_mini.check.lines.edits import COSTS, edits, words_of
from autograd_mini.check.lines.syntax import Tree


def executed(statement, names):
    """The names after a statement; ``None`` where it cannot run."""
    kept = {n: v for n, v in names.items() if callable(v) or n in ("np", "r", "__builtins__")}
    after = {**copy.deepcopy({n: v for n, v in names.items() if n not in kept}), **kept}
    try:
        with np.errstate(all="ignore"):
            exec(compile(ast.Module([statement], []), "<line>", "exec"), after)
    except Exception:
        return None
    return after


def equal(one, other):
    if isinstance(other, dict):
        return isinstance(one, dict) and one.keys() == other.keys() and all(
            equal(one[key], other[key]) for key in other if key != "__builtins__"
        )  # fmt: skip
    if isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(other, np.ndarray | np.generic | float):
        return np.shape(one) == np.shape(other) and np.allclose(one, other, equal_nan=True)
    return type(other).__name__ != "Net" or equal(vars(one), vars(other))


def rank(wrong, right, source, names):
    """At which place the right line is among the edits of a wrong one; ``None`` if it is not."""
    statement, wanted = (ast.parse(text).body[0] for text in (wrong, right))
    found = list(edits(statement, words_of(ast.parse(source), names)))
    tree = Tree(statement)
    keys = [tree.key(edit.statement) for edit in found]
    if tree.key(wanted) in keys:
        return keys.index(tree.key(wanted))
    there = executed(wanted, names)
    made = (executed(edit.statement, names) for edit in found)
    return next((i for i, after in enumerate(made) if after and equal(after, there)), None)


def ranks(step):
    """Of every so manieth slip of a course: the line, what is right, the place of the edit."""
    found = []
    for course in COURSES:
        names: dict = {}
        exec(HEAD + course.start, names)
        before = [names]
        for line in course.lines:
            before.append(executed(ast.parse(line).body[0], before[-1]))
        for number, wrong in course.slips[::step]:
            lines = [*course.lines[:number], wrong, *course.lines[number + 1 :]]
            source = course.start + "\n".join(lines)
            right = course.lines[number]
            found.append((wrong, right, rank(wrong, right, source, before[number])))
    return found


@pytest.mark.parametrize("step", [6, pytest.param(1, marks=pytest.mark.slow)])
def test_the_right_line_is_among_the_edits_and_near_the_front(step):
    slips = ranks(step)
    assert len(slips) > 400 / step
    assert [slip for slip in slips if slip[2] is None] == []
    places = [place for _, _, place in slips]
    middle = statistics.median(places)
    print(f"{len(places)} slips: median place {middle}, {sum(p < 100 for p in places)} below 100")
    assert middle < 30


def test_edits_are_distinct_and_leave_the_original_alone():
    line = ast.parse("dW = X.T @ (d * (1 - Z ** 2)) / N + lam * np.sum(W, axis=0)").body[0]
    before = ast.dump(line, include_attributes=True)
    arrays = {"X": (5, 4), "d": (5, 3), "Z": (5, 3), "W": (4, 3), "A": (5, 3)}
    values = {name: np.ones(shape) for name, shape in arrays.items()}
    found = list(edits(line, words_of(line, {"np": np, "N": 5, "lam": 0.1, **values})))
    texts = [ast.unparse(edit.statement) for edit in found]
    assert len({*texts, ast.unparse(line)}) == len(texts) + 1
    for edit in found:
        compile(ast.Module([edit.statement], []), "<line>", "exec")
        assert edit.statement.lineno == 1
        assert edit.kind in COSTS
        assert all(hasattr(node, "lineno") for node in ast.walk(edit.statement) if is_placed(node))
    assert ast.dump(line, include_attributes=True) == before
    assert [edit.cost for edit in found] == sorted(edit.cost for edit in found)


def is_placed(node):
    return "lineno" in node._attributes


def test_edits_of_an_edit_are_edits_too():
    line = ast.parse("dZ2 = Y - A2").body[0]
    names = {"Y": np.ones((4, 2)), "A2": np.ones((4, 2)), "m": 4}
    words = words_of(line, names)
    twice = {
        ast.unparse(second.statement)
        for first in islice(edits(line, words), 5)
        for second in edits(first.statement, words)
    }
    assert "dZ2 = (A2 - Y) / m" in twice


def test_nothing_of_the_users_is_called():
    calls = []

    class Model:
        @property
        def W(self):
            calls.append("W")

        def forward(self, x):
            calls.append("forward")

    def helper(x):
        calls.append("helper")

    line = ast.parse("y = helper(x) * model.W + model.forward(x).sum()").body[0]
    names = {"helper": helper, "model": Model(), "x": np.ones(3)}
    assert list(edits(line, words_of(line, names)))
    assert calls == []


@pytest.mark.parametrize(
    "text", ["return", "x: int", "pass", "del x", "raise ValueError", "f(*a, **b)", "x = [*a]"]
)
def test_any_statement_may_be_asked_for(text):
    line = ast.parse(text).body[0] if text != "return" else ast.Return(None)
    assert isinstance(list(edits(line, words_of(line, {}))), list)


def test_a_sum_over_an_axis_that_is_not_there_may_be_edited():
    line = ast.parse("s = np.sum(x, axis=2)").body[0]
    texts = [
        ast.unparse(e.statement) for e in edits(line, words_of(line, {"np": np, "x": np.eye(3)}))
    ]
    assert "s = np.sum(x, axis=1)" in texts


def test_numbers_of_plain_lists_are_edited_as_arrays_are():
    source = "for j in range(n):\n    total += row[j - 1] * rows[0][k] * len(w)"
    names = {"row": [1.0, 2.0], "rows": [[1.0, 2.0], [3.0]], "n": 2, "k": 2, "j": 1,
             "total": 0.5, "w": [1.0], "np": np}  # fmt: skip
    line = "total += row[j - 1] * k * n"
    assert rank(line, "total += row[j] * k * n", source, names) is not None


def test_what_a_comprehension_binds_is_no_operand():
    line = "out = [row * 2 for row in rows[1:]]"
    names = {"rows": np.ones((3, 2)), "row": np.ones(2), "np": np}
    for edit in edits(ast.parse(line).body[0], words_of(ast.parse(line), names)):
        compile(ast.fix_missing_locations(ast.Module([edit.statement], [])), "<line>", "exec")


@pytest.mark.parametrize(
    ("wrong", "right", "names"),
    [
        ("dw[i] += g * x[j]", "dw[j] += g * x[i]", {"g": 2.0, "i": 0, "j": 1}),
        ("part = x[p : p + k]", "part = x[p * step : p * step + k]", {"p": 1, "k": 3, "step": 2}),
        ("part -= x", "part -= 1", {}),
        ("dz = w @ x + u @ y", "dz = w @ x + u @ y + v @ part", {}),
    ],
)
def test_slips_of_two_places_are_one_edit(wrong, right, names):
    arrays = {"x": np.arange(1.0, 9.0), "y": np.ones(8), "dw": np.ones((2, 8)), "part": np.ones(8)}
    matrices = {name: np.full((8, 8), k) for k, name in enumerate("wuv", 1)}
    names = {"np": np, **arrays, **matrices, **names}
    source = f"{wrong}\n({', '.join(names)})"
    (edit,) = (
        edit
        for edit in edits(ast.parse(wrong).body[0], words_of(ast.parse(source), names))
        if ast.unparse(edit.statement) == ast.unparse(ast.parse(right))
    )
    assert edit.cost <= 3.2


@pytest.mark.parametrize(
    ("text", "kind", "first"),
    [
        ("b -= 0.02 * d", "sign", "b += 0.02 * d"),  # not b -= -(0.02 * d)
        ("mask = d > 1", "constant", "mask = d > 0"),  # before 0.02, which the code has
    ],
)
def test_the_likeliest_of_its_kind_comes_first(text, kind, first):
    code = ast.parse(f"rate = 0.02\n{text}")
    words = words_of(code, {"np": np, "d": np.ones(3), "b": np.ones(3)})
    found = (edit for edit in edits(code.body[1], words) if edit.kind == kind)
    assert ast.unparse(next(found).statement) == first


def test_a_name_that_nothing_reads_is_the_likeliest_to_belong_in_a_place():
    code = ast.parse("d2, d3, d4 = d + 2, d + 3, d + 4\nprint(d2, d4)\nout = np.sin(d)")
    values = {name: np.full(3, k) for k, name in enumerate(("d", "d2", "d3", "d4"))}
    words = words_of(code, {"np": np, **values})
    found = (edit for edit in edits(code.body[2], words) if edit.kind == "name")
    assert ast.unparse(next(found).statement) == "out = np.sin(d3)"


def test_a_name_may_need_another_axis_where_another_stands():
    code = ast.parse("np.add.at(dE, chosen, g * un)\nprint(v)")
    values = {"dE": np.ones((9, 4)), "chosen": np.ones((5, 3), int), "g": np.ones((5, 3, 1))}
    words = words_of(code, {"np": np, **values, "un": np.ones((5, 3, 4)), "v": np.ones((5, 4))})
    texts = [ast.unparse(edit.statement) for edit in islice(edits(code.body[0], words), 120)]
    assert "np.add.at(dE, chosen, g * v[:, None, :])" in texts
