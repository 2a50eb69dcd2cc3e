"""Mistakes planted in loops, helper functions and methods of a file.

The passes are benchmarks/passes FORMS.
"""

import ast
import sys
from pathlib import Path

import numpy as np
import pytest

from autograd_mini import check_gradients
from autograd_mini.testing import file_mutants
from autograd_mini.testing.watched import backward_lines

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from passes import FORMS, NETWORKS, sample
from passes.forms import Form, forms, imported, text

SOURCE = '''\
import numpy as np


def slope(a):
    """σ′, of the activation."""
    return a * (1 - a)


class Net:
    def forward(self, W, x):
        self.a = 1 / (1 + np.exp(-x @ W))  # not planted in
        return self.a

    def step(self, W, xs):
        grads = {"W": np.zeros_like(W)}
        for x in xs:
            self.forward(W, x)
            # Backward, from the last layer
            self.da = self.a - 1
            grads["W"] += x.T @ (self.da
                                 * slope_prime(self.a))
            if len(x) > 99:
                grads["b"] = self.da * 7
        rows = np.array([0, 0])
        np.add.at(grads["W"], rows, np.ones((2, 3)) / 2)
        grads["W"] /= len(xs)
        return grads


def slope_prime(a):
    return slope(a)
'''
RNG = np.random.default_rng(0)
W = RNG.normal(size=(2, 3))
XS = RNG.normal(size=(4, 5, 2))


def run(names):
    return names["Net"]().step(W, XS)["W"]


def planted(source):
    names = {}
    exec(compile(source, "<planted>", "exec"), names)
    return run(names)


@pytest.fixture(scope="module")
def found():
    return file_mutants(SOURCE, run)


def test_mistakes_are_planted_in_methods_loops_and_helpers(found):
    after = {mutant.after for mutant in found}
    assert "self.da = -(self.a - 1)" in after
    assert "grads['W'] = x.T @ (self.da * slope_prime(self.a))" in after
    assert "grads['W'] += x @ (self.da * slope_prime(self.a))" not in after  # NumPy refuses it
    assert "grads['W'] += x.T @ self.da" in after
    assert "return -slope(a)" in after
    assert "grads['W'][rows] += np.ones((2, 3)) / 2" in after
    assert "grads['W'] *= len(xs)" in after


def test_only_backward_lines_that_ran_are_changed(found):
    lines = SOURCE.splitlines()
    changed = {lines[mutant.line - 1].strip() for mutant in found}
    assert changed == {
        "self.da = self.a - 1",
        'grads["W"] += x.T @ (self.da',
        'np.add.at(grads["W"], rows, np.ones((2, 3)) / 2)',
        'grads["W"] /= len(xs)',
        "return slope(a)",
    }
    assert {mutant.line for mutant in found} <= backward_lines(SOURCE)


def test_the_file_is_the_same_but_for_that_line(found):
    lines = SOURCE.splitlines()
    for mutant in found:
        other = mutant.source.splitlines()
        assert len(other) == len(lines)
        differ = {i for i, (a, b) in enumerate(zip(lines, other, strict=True), 1) if a != b}
        assert mutant.line in differ
        assert differ <= {mutant.line, mutant.line + 1}  # one statement has two lines
        assert other[mutant.line - 1].strip() == mutant.after


def test_mistakes_change_numbers(found):
    right = planted(SOURCE)
    same = []
    for mutant in found:
        try:
            wrong = planted(mutant.source)
        except ValueError:  # a shape that a later line refuses
            continue
        if wrong.shape == right.shape and np.array_equal(wrong, right):
            same.append(mutant.after)
    assert len(same) <= 0.02 * len(found), same


def test_kinds_of_loops_and_tables_are_planted():
    network = next(n for n in FORMS if n.name == "character rnn")
    drawn = sample(network, np.random.default_rng(2))
    source = text(network, Form("parameters", ""))

    def character_rnn(names):
        return drawn.functions(make=names["character_rnn"])[1](**drawn.params)

    mutants = file_mutants(source, character_rnn)
    kinds = {mutant.after: mutant.kind for mutant in mutants}
    assert kinds["dWhh += dhraw @ hs[t].T"] == "another step"
    assert kinds["dWhh = dhraw @ hs[t - 1].T"] == "assigned, not added"
    assert kinds["dh = Why.T @ dy"] == "lost term"
    assert kinds["dhraw = dh"] == "lost factor"
    assert kinds["dy[targets[t]] += 1"] == "sign"


def test_what_is_returned_is_exchanged():
    source = """
def backward(g, x, y):
    dx, dy = g * y, g * x
    return dx, dy
"""
    mutants = file_mutants(source, lambda names: names["backward"](1.5, XS[0], XS[1]))
    assert ("exchanged", "return (dy, dx)") in {(m.kind, m.after) for m in mutants}


def test_a_file_without_backward_lines_is_refused():
    with pytest.raises(ValueError, match="no backward line was run"):
        file_mutants("def step(W):\n    return 2 * W\n", lambda names: names["step"](W))


@pytest.mark.parametrize("network", NETWORKS + FORMS, ids=lambda network: network.name)
def test_every_form_of_a_network_is_right_and_in_a_file(network):
    drawn = sample(network, np.random.default_rng(7))
    for form in forms(network):
        source = text(network, form)
        ast.parse(source)
        with imported(source) as module:
            loss, manual = drawn.functions(make=getattr(module, network.make.__name__))[:2]
            assert Path(manual.__code__.co_filename).read_text() == source
            if form.sigmoid in ("", "ag.sigmoid"):  # the others in benchmarks/lines.py
                report = check_gradients(loss, drawn.params, manual)
                assert report.ok, str(report)
                asked = set(drawn.params) == set(report.quantities)
                assert asked == (form.returned == "parameters")


def test_lines_outside_of_functions() -> None:
    script = """\
import numpy as np

W, X = np.array([1.0, 2.0]), np.array([3.0, 5.0])
for step in range(2):
    error = W - X
    # backward
    dW = 2 * error
    W -= 0.1 * dW
"""
    found = {(mutant.line, mutant.after) for mutant in file_mutants(script, lambda names: None)}
    assert (7, "dW = -(2 * error)") in found
    assert (8, "W += 0.1 * dW") in found
    assert not [line for line, _ in found if line < 7]
