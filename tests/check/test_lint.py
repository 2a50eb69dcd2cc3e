"""Shape and label lint: each accident is named, and correct common code is left alone."""

import warnings
from functools import partial

import numpy as np
import pytest
from helpers import example_module, sigmoid
from test_check import PARAMS, loss

import autograd_mini as ag
from autograd_mini import GradientError, Value, check_gradients, nn
from autograd_mini.check.frames import names_of
from autograd_mini.check.scope import Scope
from autograd_mini.check.structure import axis_source, sample_axis, terms
from autograd_mini.core.graph import topological_order

N, D, K = 12, 4, 3
RNG = np.random.default_rng(5)
X = RNG.normal(size=(N, D))
y = np.arange(N) % K
y_column = y[:, None]
Y = np.eye(K)[y]
prices = RNG.normal(size=N)
W = {"W": RNG.normal(size=(D, K))}
w = {"w": RNG.normal(size=(D, 1))}
SQUARE = {"S": RNG.normal(size=(D, D))}
X3, y3, X4 = X[:3], np.array([2, 0, 2]), X[:4]


def softmax(z, axis=1, keepdims=True):
    e = np.exp(z)
    return e / np.sum(e, axis=axis, keepdims=keepdims)


WRONG = [
    ("labels", W, lambda W: np.mean((y_column - sigmoid(X @ W)) ** 2), ("y_column",),
     r"np.eye(3)[y_column[:, 0]]"),
    ("labels", W, lambda W: np.sum(np.abs(ag.softmax(X @ W) - y.reshape(-1, 1).astype(float))),
     ("y_column",), "np.eye(3)[y_column[:, 0].astype(int)]"),
    ("labels", W, lambda W: np.mean((sigmoid(X @ W) - (y_column + 1)) ** 2), (), " - 1]"),
    ("labels", W, lambda W: -np.sum(y_column * ag.log_softmax(X @ W)), ("y_column",),
     "each label multiplies all 3 outputs"),
    ("labels", W, lambda W: -np.mean(np.log(ag.softmax(X @ W)[y])), ("y",), "takes whole rows"),
    ("labels", W, lambda W: -np.mean(ag.log_softmax(X @ W)[:, y]), ("y",), "takes whole columns"),
    ("n-equals-k", W, lambda W: np.mean((ag.softmax(X3 @ W) - y3) ** 2), ("y3",),
     "as many samples as classes"),
    ("n-equals-k", W, lambda W: -np.mean(np.log(softmax(X3 @ W, keepdims=False)[range(3), y3])), (),
     "keepdims=True"),
    ("n-equals-k", SQUARE, lambda S: np.sum((S - np.max(S, axis=1)) ** 2), ("S",),
     "max over axis 1"),
    ("n-equals-k", SQUARE, lambda S: np.sum(np.exp(S - S.data.max(axis=1))), ("S",),
     "max over axis 1"),
    ("broadcast", w, lambda w: np.mean((X @ w - prices) ** 2), ("prices",),
     "write prices[:, None]"),
    ("broadcast", {"v": w["w"][:, 0]}, lambda v: np.mean((prices[:, None] - X @ v) ** 2),
     ("prices",), "write prices[:, 0]"),
    ("softmax", W, lambda W: -np.sum(Y * np.log(softmax(X @ W, axis=0))), ("Y",),
     "over axis 0, not axis 1, along which Y does"),
    ("softmax", W, lambda W: -np.sum(Y.T * np.log(softmax(W.T @ X.T, axis=1))), (),
     "over axis 1, not axis 0"),
    ("softmax", W, lambda W: -np.mean(np.log(softmax(X @ W, axis=0)[np.arange(N), y])), ("y",),
     "y chooses a class"),
    ("softmax", W, lambda W: np.sum((Y - softmax(X @ W, axis=None)) ** 2), ("Y",),
     "over all elements"),
    ("softmax", W, lambda W: -np.sum(Y * np.log(ag.softmax(X @ W, axis=0))), ("Y",), "axis 0"),
    ("log-of-zero", W, lambda W: -np.sum(Y * np.log(ag.softmax(1e4 * X @ W))), (),
     "log(0) is -inf at [0, "),
    ("non-finite", W, lambda W: np.sum(softmax(1e4 * X @ W)), (), "it overflows above 709"),
    ("non-finite", {"W": np.full((2, 2), np.nan)}, lambda W: np.sum(W), ("W",),
     "W is nan at [0, 0]"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "params", "wrong", "names", "words"), WRONG)
def test_an_accident_is_found_and_named(code, params, wrong, names, words):
    with np.errstate(all="ignore"):
        report = check_gradients(wrong, params)
    assert [finding.code for finding in report.findings] == [code]
    (finding,) = report.findings
    assert set(names) <= set(finding.names)
    assert words in finding.message
    assert finding.wrong
    assert not report.ok
    with pytest.raises(GradientError):
        report.raise_if_wrong()


def test_labels_that_may_be_numbers_are_a_warning():
    some = np.array([[0], [2], [2], [0]])  # no sample of class 1: a count, perhaps
    report = check_gradients(lambda W: np.sum((X4 @ W - some) ** 2), W)
    assert [finding.wrong for finding in report.findings] == [False]
    assert report.ok
    integers = np.array([2, 0, 2])
    report = check_gradients(lambda W: np.sum((X3 @ W - integers) ** 2), W)
    assert [(f.code, f.wrong) for f in report.findings] == [("n-equals-k", False)]


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (y, "labels has shape (12,), p (12, 3): for class labels write one-hot rows, np.eye(3)"),
        (prices, "for one number in each row write labels[:, None]"),
    ],
)
def test_labels_that_do_not_broadcast_are_explained(labels, words):
    def squared(W):
        p = sigmoid(X @ W)
        return np.mean((labels - p) ** 2)

    with pytest.raises(ValueError, match="sub of operands of shapes") as error:
        check_gradients(squared, W)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_other_errors_of_a_loss_are_left_as_they_are():
    with pytest.raises(ValueError, match=r"matmul of operands of shapes.*different from 4\)$"):
        check_gradients(lambda W: np.sum(X @ W), {"W": np.ones((2, 2))})


@pytest.mark.parametrize(
    ("param", "gradient", "words"),
    [
        ((1, 64), np.full(64, 10.0), "has the right shape all the same; write keepdims=True"),
        ((1, 64), np.full((5, 64), 2.0), "would become (5, 64); sum it over axis 0 with keepdims"),
        ((64,), np.full((5, 64), 2.0), "would become (5, 64); sum it over axis 0"),
        ((64,), np.full((64, 1), 2.0), "would become (64, 64)"),
    ],
)
def test_a_gradient_that_broadcasting_would_let_pass(param, gradient, words):
    def squares(b):
        return np.sum((np.ones((5, 64)) + b) ** 2)

    report = check_gradients(squares, {"b": np.zeros(param)}, {"b": gradient})
    (finding,) = report.findings
    assert (finding.code, finding.names) == ("shape", ("b",))
    assert finding.wrong == (report["b"].verdict != "agree") == ("would become" in words)
    assert words in report.findings[0].message


def test_a_gradient_whose_shape_cannot_pass_is_no_finding():
    report = check_gradients(lambda b: np.sum(b * b), {"b": np.zeros(64)}, {"b": np.ones(5)})
    assert report.findings == []
    assert report["b"].verdict == "differ"


# Correct code


def batchnorm(W, gain, shift):
    z = X @ W
    centred = z - np.mean(z, axis=0)
    scaled = centred / np.sqrt(np.mean(centred**2, axis=0) + 1e-5)
    return np.sum(np.tanh(gain * scaled + shift) ** 2)


def layernorm(W):
    z = X @ W
    z = (z - np.mean(z, axis=1, keepdims=True)) / np.std(z, axis=1, keepdims=True)
    return np.sum(z**3)


def attention(S):
    scores = X4 @ S @ X4.T / 2 + np.where(np.tri(4) > 0, 0.0, -1e9)
    weights = ag.softmax(scores)
    return np.sum((weights @ X4) ** 2)


def contrastive(S):
    a, b = np.tanh(X4 @ S), np.tanh(X4)
    scores = a @ b.T
    rows, columns = ag.log_softmax(scores, 1), ag.log_softmax(scores, 0)
    return -np.mean(np.eye(4) * rows) - np.mean(np.eye(4) * columns)


def distances(S):
    z = X4 @ S
    squares = np.sum(z**2, axis=1)
    return np.sum(np.exp(-(squares[:, None] + squares - 2 * z @ z.T)))


def pooled(W):
    weights = ag.softmax(X @ W, axis=0)
    return np.sum((weights.T @ X) ** 2)


def columns(W):
    p = softmax(W.T @ X.T, axis=0)
    return -np.mean(np.sum(Y.T * np.log(p), axis=0))


def stable(W):
    z = X @ W
    z = z - z.data.max(axis=1, keepdims=True)
    p = np.exp(z) / np.sum(np.exp(z), axis=1, keepdims=True)
    return -np.sum(np.log(p[np.arange(N), y] + 1e-12)) / N


def masked_log(W):
    p = np.maximum(X @ W, 0)
    positive = p.data > 0
    return np.sum(np.where(positive, np.log(np.where(positive, p, 1.0)), 0.0))


def embedding(table, W):
    return -np.mean(ag.log_softmax(table[y] @ W)[np.arange(N), y])


def hinges(W):
    z = X @ W
    margin = np.maximum(0, 1 + z - z[np.arange(N), y][:, None])
    return np.sum(margin * (1 - Y)) / N


def recurrent(S):
    h = np.zeros((4, 4))
    for t in range(3):
        h = np.tanh(X4 * (t + 1) + h @ S)
    return np.mean((h - X4) ** 2)


def sample_weights(W):
    return -np.mean(np.abs(y_column) * (Y * ag.log_softmax(X @ W)))


def kernel(centres):
    grid = prices[:, None] - centres
    return np.sum(np.exp(-(grid**2)) @ np.ones(N))


def quantiles(w):
    error = prices[:, None] - X @ w
    return np.mean(np.maximum(0.3 * error, -0.7 * error))


def every_pair(v):
    return np.mean(np.abs((X @ v)[:, None] - prices))


def ensemble(W):
    return np.mean((X @ W - prices[:, None]) ** 2)


def one_target_for_all(S):
    return np.sum((X4 @ S - np.array([0.5, 1.5, -1.0, 2.0])) ** 2)


def gram(S):
    g = S @ S.T
    return np.sum((g - np.mean(g, axis=0) - np.mean(g, axis=1)[:, None] + np.mean(g)) ** 2)


def rows_to_one(S):
    e = np.exp(S)
    return np.sum((e / np.sum(e, axis=1, keepdims=True)) ** 2)


def columns_to_one(S):
    e = np.exp(S)
    return np.sum((e / np.sum(e, axis=0)) ** 2)


def expected_class(W):
    return np.mean((ag.softmax(X @ W) @ np.arange(K) - y) ** 2)


def regression(v):
    return np.mean((X @ v - prices) ** 2) + 0.01 * np.sum(v**2)


RIGHT = [
    (loss, PARAMS), (layernorm, W), (attention, SQUARE), (contrastive, SQUARE), (distances, SQUARE),
    (batchnorm, {**W, "gain": np.ones(K), "shift": np.zeros((1, K))}),
    (batchnorm, {"W": RNG.normal(size=(D, N)), "gain": np.ones(N), "shift": np.zeros(N)}),
    (pooled, W), (columns, W), (stable, W), (masked_log, W), (hinges, W), (recurrent, SQUARE),
    (embedding, {"table": RNG.normal(size=(K, D)), **W}), (sample_weights, W),
    (kernel, {"centres": RNG.normal(size=N)}), (quantiles, w), (ensemble, W),
    (every_pair, {"v": w["w"][:, 0]}),
    (one_target_for_all, SQUARE), (gram, SQUARE), (rows_to_one, SQUARE), (columns_to_one, SQUARE),
    (expected_class, W), (regression, {"v": w["w"][:, 0]}),
    (lambda W: nn.cross_entropy(X @ W, y), W),
    (lambda W: nn.cross_entropy(ag.softmax(X @ W), Y, from_logits=False), W),
    (lambda W: nn.mean_squared_error(ag.sigmoid(X @ W), Y), W),
    (lambda W: nn.binary_cross_entropy(ag.sigmoid(X @ W), Y), W),
    (lambda W: nn.hinge(X @ W, 2 * Y - 1), W),
    (lambda W: nn.cross_entropy(X3 @ W, y3), W),
    (lambda W: -np.mean(Y[:3] * ag.log_softmax(X3 @ W)), W),
    (lambda w: nn.mean_squared_error(X @ w, prices[:, None]), w),
    (lambda S: np.sum(np.linalg.norm(S, axis=1)), SQUARE),
    (lambda S: np.sum((S + S.T) ** 2) + np.trace(S), SQUARE),
    (lambda S: np.sum(np.outer(S[0], S[1])), SQUARE),
    (lambda v: (v * 2 - 1) ** 2 + v.exp() if isinstance(v, Value) else v, {"v": Value(0.5)}),
]  # fmt: skip


@pytest.mark.parametrize(("right", "params"), RIGHT)
def test_correct_code_is_left_alone(right, params):
    assert check_gradients(right, params).findings == []


def test_the_examples_are_left_alone():
    iris = example_module("iris")
    _, flowers, labels = iris.load_iris(iris.HERE / "data" / "iris.csv")
    model = nn.MLP([4, 8, 3], hidden="sigmoid", output="softmax", rng=0)
    report = iris.check(model, flowers / 8, nn.one_hot(labels, 3))
    assert report.findings == []
    assert report.loss_hint is None


# What it is read from


def test_the_terms_of_a_loss():
    v = ag.Tensor([1.0, 2.0, 3.0])
    root = np.mean(3 * v**2) / 2 - np.sum(np.tanh(v) + 1.0 + np.exp(v[:1]))
    found = {(round(term.factor, 12), term.node.op) for term in terms(topological_order(root))}
    assert found == {(0.5, "pow"), (-1.0, "tanh"), (-3.0, "exp")}


def test_where_an_axis_comes_from():
    data, M = ag.Tensor(W["W"]), X
    assert [axis_source(np.tanh(M @ data + 1), axis) for axis in (0, 1)] == ["data", "parameter"]
    assert axis_source((M @ data)[:, None], 1) == ""
    assert sample_axis(M @ data) == 0
    assert sample_axis(ag.softmax(data.T @ M.T, 0)) == 1
    assert axis_source(np.sum(M @ data, axis=1), 0) == "data"


def test_names_are_those_in_sight_of_the_loss():
    def made(scale):
        return lambda w: np.sum(w * scale)

    assert names_of(made(3.0))["scale"] == 3.0
    assert names_of(partial(made(3.0), other=4))["other"] == 4
    assert "X" in names_of(made)
    scope = Scope({"y": y, "X": X})
    assert scope.name_of(y) == scope.name_of(y[:, None]) == scope.name_of(np.array(y)) == "y"
    assert scope.name_of(np.zeros(3)) == ""


def test_a_loss_that_is_not_finite_warns_of_nothing_else():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = check_gradients(lambda v: np.sum(v * v), {"v": np.array([np.inf, 1.0])})
    assert report.findings[0].message == "v is inf at [0]"


def test_labels_that_count_as_the_rows_do_tell_no_axis():
    """Of two samples of the classes 0 and 1 in order either index may be that of the samples."""
    scores = np.array([[0.3, -0.2], [0.1, 0.5]])

    def loss(W):
        p = softmax(2 * W)
        return -np.mean(np.log(p[np.arange(2), np.array([0, 1])]))

    assert ag.check_gradients(loss, {"W": scores}).findings == []
