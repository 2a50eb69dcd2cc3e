"""Published derivations, and the mistakes that courses plant: each gets the right verdict."""

import linecache
import math

import numpy as np
import pytest
from helpers import example_module

import autograd_mini as ag
from autograd_mini import check_gradients

published = example_module("published_derivations")
batchnorm = example_module("batchnorm_mlp_by_hand")


def ratio(report):
    return published.factor_of(report)


def codes(report, name):
    return [cause.code for cause in report[name].causes]


def inherited(report):
    wrong = {q.name for q in report.quantities.values() if q.inherited}
    return wrong - set(report.culprits)  # what is made by the line that is wrong is told as both


def test_the_example_finds_what_it_says(capsys):
    assert published.main() == 0
    out = capsys.readouterr().out
    assert out.count("as it should be") == len(published.CASES)
    assert "at learning_rate = 0.1 you trained with 15.75" in out


# yhat - y


def test_yhat_minus_y_is_right_for_the_sum_cross_entropy():
    report = published.classifier("sum")
    assert report.ok
    assert report.loss_hint is None


@pytest.mark.parametrize(("reduction", "factor"), [("samples", 32.0), ("elements", 32.0 * 4)])
def test_yhat_minus_y_is_a_multiple_of_the_gradient_of_a_mean(reduction, factor):
    report = published.classifier(reduction)
    assert ratio(report) == factor
    assert report.culprits == ["Z3"]
    assert len(inherited(report)) == 8
    assert "different-loss" in codes(report, "Z3")
    assert report.loss_hint.startswith(
        f"right for the sum cross-entropy −Σ t·log o; {factor:g} × the gradient of "
    )


# out · (1 − out)


def test_the_textbook_formula_is_right_for_sigmoid_outputs():
    for classes in (1, 2, 3):
        assert published.textbook(published.sigmoid, classes).ok


def test_the_textbook_formula_is_no_multiple_for_three_softmax_outputs():
    report = published.textbook(published.softmax, 3)
    assert ratio(report) is None
    assert report.culprits == ["net"]
    assert inherited(report) == {"W1", "W2"}
    assert codes(report, "net") == ["wrong-factor"]
    assert "softmax's diagonal" in report["net"].causes[0].evidence
    assert report.loss_hint is None


@pytest.mark.parametrize("seed", range(3))
def test_the_textbook_formula_is_exactly_half_for_two_softmax_outputs(seed):
    report = published.textbook(published.softmax, 2, seed)
    assert ratio(report) == 0.5
    assert report.culprits == ["net"]
    assert "scale" in codes(report, "net")


# Iris


def test_iris_is_off_by_n_k_over_2_and_right_for_half_the_sum_of_squares():
    report = published.iris()
    assert ratio(report) == 105 * 3 / 2
    assert report.culprits == ["b2"]  # one factor, in the line of the error
    assert inherited(report) == {"W1", "b1", "W2"}
    assert codes(report, "b2") == ["scale", "different-loss"]
    (mistake,) = report.mistakes
    assert mistake.line.text == "error = sigmoid(z2) - y_train"
    assert report.loss_hint == (
        "right for ½Σ(t − o)²; 157.5 × the gradient of the mean of (t − o)² over all N·K elements, "
        "which the loss computes (N·K/2; N = 105, K = 3); at learning_rate = 0.1 you trained with "
        "15.75"
    )
    assert report.findings == []


def test_iris_with_flat_labels_is_an_error_that_says_what_to_write():
    with pytest.raises(ValueError, match=r"y_train has shape \(105,\), y_pred \(105, 3\)") as error:
        published.iris("flat")
    assert str(error.value).endswith("for class labels write one-hot rows, np.eye(3)[y_train]")


def test_iris_with_a_column_of_labels_is_found_by_lint_alone():
    report = published.iris("column")
    assert ratio(report) == 105 * 3 / 2  # the gradients show nothing of it
    (finding,) = report.findings
    assert finding.wrong
    assert (finding.code, finding.names) == ("labels", ("y_train",))


# targets - output


def test_targets_minus_output_is_a_descent():
    report = published.adding(published.of_activation)
    assert ratio(report) == -8 * 2 / 2
    assert report.culprits == ["z2"]
    assert len(inherited(report)) == 6
    assert "right for the negative of ½Σ(t − o)²; −8 ×" in report.loss_hint
    assert "(−N·K/2; N = 8, K = 2)" in report.loss_hint
    assert "right in an update that adds it" in report.loss_hint
    assert published.adding(published.of_activation, "half").ok


def test_the_derivative_of_an_activation_is_two_mistakes_and_five_inherit_them():
    report = published.adding(published.of_argument, "mean")
    assert report.culprits == ["z2", "z1"]
    assert inherited(report) == {"W2", "b2", "hidden", "W1", "b1"}
    assert codes(report, "z1") == ["wrong-factor"]
    assert "sigmoid′(hidden)" in report["z1"].causes[0].evidence


def test_a_helper_that_takes_the_argument_and_is_given_the_activation_is_one_mistake():
    report = published.adding(published.of_argument, "half")
    assert report.culprits == ["z2"]
    assert inherited(report) == {"W2", "b2", "hidden", "z1", "W1", "b1"}
    (mistake,) = report.mistakes
    assert "of_argument" in "".join(linecache.getlines(mistake.line.file)[: mistake.line.number])
    assert mistake.repair.text == "return z * (1 - z)"


# Planted mistakes


def test_planted_factors_are_named():
    report = published.planted()
    assert set(report.culprits) == {"W2", "b1"}
    assert report["W2"].cause == report["b1"].cause == "scale"
    assert report["W2"].causes[0].evidence == "the factor dW2 is too many"
    assert "4 ×" in report["b1"].causes[0].evidence
    assert report.loss_hint is None
    assert published.planted(1.0, 1.0).ok


# 26 lines through batch normalisation


def test_the_batch_normalised_model_passes_when_right():
    report = batchnorm.check()
    assert report.ok, str(report)
    assert len(report.quantities) == 26
    assert report.findings == []
    assert report.loss_hint is None


def test_every_broken_line_is_named_and_nothing_else():
    assert [name for name, _ in batchnorm.BROKEN] == list(batchnorm.LINES)
    for name, line in batchnorm.BROKEN:
        report = batchnorm.check(entries=2, **{name: line})
        assert report.culprits == [name[1:]], (name, str(report))
        assert not report.ok


ZERO = {"dlogit_maxes", "db1"}  # softmax and batch normalisation take away any shift


@pytest.mark.parametrize("slip", ["({}) * (1 + 1e-6)", "np.roll({}, 1, axis=-1)", "{} + 0.01"])
def test_every_line_broken_in_another_way_is_named_and_nothing_else(slip):
    for name, line in batchnorm.LINES.items():
        if name in ZERO and slip != "{} + 0.01":
            continue
        if name.endswith(("_sum", "_sum_inv")) and "roll" in slip:
            continue  # one column cannot be rolled
        report = batchnorm.check(entries=2, **{name: slip.format(line)})
        assert report.culprits == [name[1:]], (name, slip, str(report))


# What naive checkers miss

RNG = np.random.default_rng(6)
X = RNG.normal(size=(64, 5))
PARAMS = {"W": RNG.normal(size=(5, 64)), "b": RNG.normal(size=(1, 64))}


def squares(W, b):
    z = X @ W + b
    return 0.5 * np.sum(np.tanh(z) ** 2)


def by_hand(W, b):
    a = np.tanh(X @ W + b)
    dz = a * (1 - a**2)
    return {"z": dz, "W": X.T @ dz, "b": dz.sum(0, keepdims=True)}


def changed(name, change):
    def manual(**params):
        gradients = by_hand(**params)
        return {**gradients, name: change(gradients[name], gradients)}

    return check_gradients(squares, PARAMS, manual, seconds=0)  # of what the numbers tell


def test_the_plain_derivation_is_right():
    report = check_gradients(squares, PARAMS, by_hand)
    assert report.ok
    assert report.findings == []


def test_an_unsummed_bias_gradient():
    report = changed("b", lambda g, all_: all_["z"])
    assert report.culprits == ["b"]
    assert report["b"].cause == "missing-reduction"
    assert report["b"].max_error == math.inf


def test_a_flat_gradient_of_a_row():
    report = changed("b", lambda g, _: g[0])
    assert report.ok  # an update keeps the shape of b
    assert "keepdims=True" in report.findings[0].message


def test_five_percent_in_one_of_ten_thousand_elements():
    x = np.random.default_rng(1).normal(size=(100, 100))
    wrong = 3 * x**2
    wrong[61, 7] *= 1.05
    report = check_gradients(lambda x: np.sum(x**3), {"x": x}, {"x": wrong})
    assert report["x"].verdict == "differ"
    assert "[61, 7]" in report["x"].evidence
    assert "[61, 7]" in report["x"].causes[0].evidence


def test_zero_where_the_truth_is_small():
    x = np.array([1.0, 2.0])
    report = check_gradients(lambda x: 2.5e-6 * np.sum(x**2), {"x": x}, {"x": np.zeros(2)})
    assert report["x"].verdict == "differ"
    assert report["x"].automatic[0] == 5e-6
    assert report["x"].cause == "missing-term"


def test_a_row_of_zeros():
    report = changed("W", lambda g, _: np.where(np.arange(5)[:, None] == 3, 0, g))
    assert report.culprits == ["W"]
    assert report["W"].cause == "missing-term"
    assert "row 3" in report["W"].causes[0].evidence


def test_a_transposed_square_matrix():
    square = {"S": RNG.normal(size=(5, 5))}

    def loss(S):
        return np.sum(np.tanh(X @ S) ** 3)

    def manual(S, turned=False):
        a = np.tanh(X @ S)
        g = X.T @ (3 * a**2 * (1 - a**2))
        return {"S": g.T if turned else g}

    assert check_gradients(loss, square, manual).ok
    report = check_gradients(loss, square, lambda S: manual(S, True), seconds=0)
    assert report["S"].verdict == "differ"
    assert report["S"].cause == "transpose"


@pytest.mark.parametrize("scale", [1.0, 10.0, 40.0])
def test_a_right_derivation_in_another_order_of_operations(scale):
    """1 − σ(z) loses what exp(−z) / (1 + exp(−z)) keeps, and both are right."""
    targets = RNG.random((64, 3))
    params = {"W1": scale * RNG.normal(size=(5, 4)), "W2": RNG.normal(size=(4, 3))}

    def loss(W1, W2):
        z1 = X @ W1
        return 0.5 * np.sum((published.sigmoid(published.sigmoid(z1) @ W2) - targets) ** 2)

    def manual(W1, W2):
        a = published.sigmoid(X @ W1)
        o = published.sigmoid(a @ W2)
        d = o * (o - targets) * (1 - o)
        dz = (1 - a) * (a * (W2 @ d.T).T)
        return {"W2": (d.T @ a).T, "z1": dz, "W1": np.einsum("ni,nh->ih", X, dz)}

    with np.errstate(over="ignore"):
        report = check_gradients(loss, params, manual)
    assert report.ok, str(report)
    assert not check_gradients(loss, params, lambda **p: {"W1": 1.001 * manual(**p)["W1"]}).ok


def test_float32_rounding_is_no_mistake_and_a_mistake_is_none_of_rounding():
    singles = {name: value.astype(np.float32) for name, value in PARAMS.items()}
    single = {name: g.astype(np.float32) for name, g in by_hand(**singles).items()}
    assert check_gradients(squares, singles, single).ok
    single["W"] = single["W"] * np.float32(1 + 1e-3)
    assert check_gradients(squares, singles, single)["W"].verdict == "differ"


# Ties


@pytest.mark.parametrize(
    ("f", "at", "others"),
    [
        (ag.relu, [0.0, 1.0, -1.0, 0.0], [1.0, 0.5]),
        (np.abs, [0.0, 2.0, -1.0, 0.0], [1.0, -1.0]),
        (lambda x: np.maximum(x, 1.0), [1.0, 2.0, 0.0, 1.0], [0.0, 1.0]),
        (lambda x: np.clip(x, -1.0, 1.0), [1.0, 0.0, 2.0, -1.0], [0.0, 0.5]),
    ],
)
def test_a_convention_at_a_tie_is_no_mistake_and_a_wrong_slope_is_one(f, at, others):
    x = np.array(at)
    weights = np.array([2.0, 3.0, 5.0, 7.0])

    def loss(x):
        return np.sum(weights * f(x))

    ours = check_gradients(loss, {"x": x})["x"].automatic
    tie = np.array([True, False, False, True])
    for slope in others:
        theirs = np.where(tie, weights * slope, ours)
        report = check_gradients(loss, {"x": x}, {"x": theirs})
        assert report["x"].verdict != "differ", str(report)
    wrong = ours + np.where(np.arange(4) == 1, 1.0, 0.0)
    assert check_gradients(loss, {"x": x}, {"x": wrong})["x"].verdict == "differ"


def test_the_greatest_of_equal_elements():
    x = np.array([3.0, 3.0, 1.0])
    for share in ([0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [0.25, 0.75, 0.0]):
        report = check_gradients(lambda x: np.max(x) * 2.0, {"x": x}, {"x": 2 * np.array(share)})
        assert report["x"].verdict != "differ"
    wrong = check_gradients(lambda x: np.max(x) * 2.0, {"x": x}, {"x": np.array([1.0, 1.0, 1.0])})
    assert wrong["x"].verdict == "differ"
