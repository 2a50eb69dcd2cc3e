"""Mistakes planted in hand-derived backward passes are found, blamed and named.

The passes are those of benchmarks/passes/; benchmarks/mutations.py measures the same on many
more cases.
"""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_mini import check_gradients
from autograd_mini.testing import derivation, graphs, mutated, parameters
from autograd_mini.testing.mutants import mutants, noticeable, pair, rewritten

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from mutations import CORRECT, Case, correct_outcome, outcomes, single
from passes import NETWORKS, sample

SINGLES = [Case("single", n.name, i) for n in NETWORKS for i in range(100, 103)]
PAIRS = [Case("pair", network.name, 100) for network in NETWORKS]
RIGHT = [Case(group, n.name, i) for i, n in enumerate(NETWORKS, 100) for group in CORRECT]


@pytest.fixture(scope="module")
def found():
    return [outcome for case in SINGLES + PAIRS for outcome in outcomes(case)]


def test_every_mistake_is_detected(found):
    assert [outcome for outcome in found if not outcome.detected] == []


def test_the_changed_lines_are_blamed_and_no_other(found):
    missed = [outcome for outcome in found if not outcome.blamed]
    assert len(missed) <= 0.07 * len(found), missed


def test_causes_name_the_mistake_or_abstain(found):
    named = sum(outcome.cause == "first" for outcome in found)
    wrong = [outcome for outcome in found if outcome.cause == "wrong"]
    assert named >= 0.9 * len(found)
    assert len(wrong) <= 0.01 * len(found), wrong


@pytest.mark.parametrize("case", RIGHT, ids=str)
def test_right_passes_agree_in_any_arithmetic(case):
    outcome = correct_outcome(case)
    assert not outcome.detected, outcome.evidence


def test_a_case_is_the_same_whenever_it_is_drawn():
    (_, [a], _, _), (_, [b], _, _) = single(SINGLES[0]), single(SINGLES[0])
    assert a == b


X = np.array([[1.0, -2.0, 0.5], [3.0, 5.0, -1.0], [0.2, 0.1, 0.4]])
PARAMS = {"W": np.array([[0.1, 0.2, -0.3], [0.5, -0.4, 0.2], [0.3, 0.3, 0.1]])}


def manual(W):
    N = len(X)
    a = np.tanh(X @ W)
    dz = a * (1 - a**2) / N
    return {"z": dz, "W": X.T @ dz}


def lines(kind):
    return [m.after for m in mutants(manual, PARAMS) if m.kind == kind]


def test_mutants_are_what_a_person_gets_wrong():
    assert "dW = X @ dz" in lines("lost transpose")
    assert "dz = a * (1 - a ** 2)" in lines("lost constant")
    assert "dz = a * (1 + a ** 2) / N" in lines("sign of a term")
    assert "dz = X * (1 - X ** 2) / N" in lines("slope of another array")
    assert "dW = 2 * (X.T @ dz)" in lines("factor")


def test_a_mutant_changes_its_own_line_and_what_comes_of_it():
    right = manual(**PARAMS)
    for mutant in mutants(manual, PARAMS):
        try:
            wrong = mutant.planted_in(manual)(**PARAMS)
        except ValueError:  # a shape that the next line refuses
            continue
        changed = {name for name in right if not np.array_equal(right[name], wrong[name])}
        assert mutant.name in changed
        assert changed <= {"z": {"z", "W"}, "W": {"W"}}[mutant.name]


def test_mistakes_that_give_the_same_numbers_have_the_codes_of_both():
    one = {"W": np.array([[0.3]])}

    def sums(W):
        dz = np.array([[1.0], [2.0]]) * W
        db = dz.sum(axis=0)
        return {"z": dz, "b": db, "W": W}

    halved = next(m for m in mutants(sums, one) if m.after == "db = 0.5 * dz.sum(axis=0)")
    mean = next(m for m in mutants(sums, one) if m.after == "db = dz.mean(axis=0)")
    assert halved.codes == mean.codes >= {"scale", "mean-for-sum"}


def test_a_pair_has_both_mistakes():
    first = next(m for m in mutants(manual, PARAMS) if m.kind == "lost constant")
    second = next(m for m in mutants(manual, PARAMS) if m.after == "dW = X @ dz")
    both = pair(first, second).planted_in(manual)(**PARAMS)
    np.testing.assert_array_equal(both["z"], first.planted_in(manual)(**PARAMS)["z"])
    np.testing.assert_array_equal(both["W"], X @ both["z"])


def test_a_gradient_in_several_lines_is_changed_in_each():
    def summed(W):
        dz = 1 - np.tanh(X @ W) ** 2
        dW = X.T @ dz
        dW += 0.1 * W
        return {"z": dz, "layers.0.W": dW}

    found = [m for m in mutants(summed, PARAMS) if m.after in ("dW += 0", "dW += -(0.1 * W)")]
    assert [m.name for m in found] == ["layers.0.W", "layers.0.W"]
    assert all("missing-term" in m.codes for m in found)
    lost = found[0].planted_in(summed)(**PARAMS)
    np.testing.assert_array_equal(lost["layers.0.W"], X.T @ lost["z"])


def test_what_cannot_be_read_is_refused():
    def not_written_out(W):
        found = {"W": X.T @ W}
        return found

    refused = [
        (not_written_out, "must end with its gradients written out, .* is return found"),
        (lambda W: {"W": W}, "must be made by def"),
        (np.exp, "cannot be read"),
    ]
    for manual, message in refused:
        with pytest.raises(ValueError, match=message):
            mutants(manual, PARAMS)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_rewritten_passes_differ_by_rounding_only_and_in_text(network):
    rng = np.random.default_rng(3)
    drawn = sample(network, rng)
    right = drawn.functions()[1]
    other = rewritten(right, drawn.params, rng)
    for name, gradient in right(**drawn.params).items():
        np.testing.assert_allclose(other(**drawn.params)[name], gradient, rtol=1e-9, atol=1e-11)
    assert other.source != rewritten(right, drawn.params, rng).source


def test_what_only_rounds_otherwise_is_not_noticeable():
    example = derivation(["dense", "tanh"], "half squares", [2, 3], rows=4, seed=0)

    def changed(by):
        def passes(dtype):
            right = example.manual_in(dtype)
            return lambda **params: {n: by * g for n, g in right(**params).items()}

        return passes

    assert not noticeable("W1", example.manual_in, changed(1 + 2.0**-50), example.params)
    assert noticeable("W1", example.manual_in, changed(1 + 2.0**-35), example.params)


# Strategies


@given(graphs())
def test_right_derivations_of_random_graphs_agree(graph):
    report = check_gradients(graph.loss, graph.params, graph.manual)
    assert report.ok, str(report)


@given(mutated())
def test_wrong_derivations_of_random_graphs_are_blamed_on_the_right_line(wrong):
    report = check_gradients(wrong.loss, wrong.params, wrong.manual)
    assert report[wrong.mutant.name].verdict == "differ"
    assert wrong.mutant.name in report.culprits
    if report[wrong.mutant.name].manual.shape == report[wrong.mutant.name].shape:
        assert report.culprits == [wrong.mutant.name], str(report)


@settings(max_examples=10)
@given(mutated(kinds=["sign", "lost transpose"]))
def test_kinds_can_be_chosen(wrong):
    assert wrong.mutant.kind in ("sign", "lost transpose")
    assert wrong.mutant.after in repr(wrong)


@given(st.data())
def test_parameters_have_the_shapes_that_are_asked_for(data):
    drawn = data.draw(parameters({"W": (2, 3), "b": ()}, scale=0.1))
    assert np.shape(drawn["W"]) == (2, 3)
    assert isinstance(drawn["b"], float)
