"""Which loss is this the gradient of: the usual variants are recognised, and nothing else is."""

import numpy as np
import pytest
from helpers import sigmoid

import autograd_mini as ag
from autograd_mini import Value, check_gradients

N, D, K = 12, 4, 3
RNG = np.random.default_rng(8)
X = RNG.normal(size=(N, D))
y = np.arange(N) % K
Y = np.eye(K)[y]
PARAMS = {"W": RNG.normal(size=(D, K)), "b": RNG.normal(size=K)}


def softmax(z):
    e = np.exp(z)
    return e / np.sum(e, axis=1, keepdims=True)


def bernoulli(p):
    return Y * np.log(p) + (1 - Y) * np.log(1 - p)


def squares(W, b):
    return np.mean((Y - sigmoid(X @ W + b)) ** 2)


def delta(derivative, factor=1.0, decay=0.0):
    """A backward pass that starts from a delta for z."""

    def manual(W, b):
        dz = factor * derivative(X @ W + b)
        return {"W": X.T @ dz + decay * W, "b": dz.sum(0)}

    return manual


def of_squares(z):
    return (sigmoid(z) - Y) * sigmoid(z) * (1 - sigmoid(z))


def of_cross_entropy(z):
    return softmax(z) - Y


HALF = "right for ½Σ(t − o)²; "
MEAN = "the mean of (t − o)² over all N·K elements"
SUM = "right for the sum cross-entropy −Σ t·log o; "
HINTS = [
    (squares, delta(of_squares), f"{HALF}18 × the gradient of {MEAN}, which the loss computes "
     "(N·K/2; N = 12, K = 3)"),
    (squares, delta(of_squares, 1 / N), "right for ½Σ(t − o)² averaged over the N samples; 1.5 × "
     f"the gradient of {MEAN}, which the loss computes (K/2; K = 3)"),
    (squares, delta(of_squares, 2.0), f"right for Σ(t − o)²; 36 × the gradient of {MEAN}, which "
     "the loss computes (N·K; N = 12, K = 3)"),
    (lambda W, b: 0.5 * np.sum(np.square(sigmoid(X @ W + b) - Y)), delta(of_squares, 2 / (N * K)),
     f"right for {MEAN}; 0.0555556 × the gradient of ½Σ(t − o)², which the loss computes "
     "(2/(N·K); N = 12, K = 3)"),
    (lambda W, b: np.sum(-Y * np.log(softmax(X @ W + b))) / N, delta(of_cross_entropy),
     f"{SUM}12 × the gradient of the cross-entropy −Σ t·log o averaged over the N samples, which "
     "the loss computes (N = 12)"),
    (lambda W, b: -np.mean(Y * ag.log_softmax(X @ W + b)), delta(of_cross_entropy),
     f"{SUM}36 × the gradient of the mean of −t·log o over all N·K elements, which the loss "
     "computes (N·K; N = 12, K = 3)"),
    (lambda W, b: -np.mean(np.log(softmax(X @ W + b)[np.arange(N), y])), delta(of_cross_entropy),
     "12 × the gradient of the cross-entropy"),
    (lambda W, b: -np.log(softmax(X @ W + b)[np.arange(N), y] + 0.0).mean(),
     delta(of_cross_entropy, 1 / N / K), "right for the mean of −t·log o over all N·K elements"),
    (lambda W, b: np.mean(ag.logsumexp(X @ W + b, axis=1) - (X @ W + b)[np.arange(N), y]),
     delta(of_cross_entropy), "12 × the gradient of the cross-entropy"),
    (lambda W, b: np.mean((softmax(X @ W + b) - Y) ** 2), delta(of_cross_entropy),
     f"{SUM}the loss that is computed is {MEAN}"),
    (lambda W, b: np.mean((sigmoid(X @ W + b) - Y) ** 2), delta(lambda z: sigmoid(z) - Y),
     f"right for the sum of the binary cross-entropy; the loss that is computed is {MEAN}"),
    (lambda W, b: -np.mean(bernoulli(sigmoid(X @ W + b))), delta(lambda z: sigmoid(z) - Y, 1 / N),
     "right for the binary cross-entropy averaged over the N"),
    (squares, delta(of_squares, 1.0, 0.01), "right for ½Σ(t − o)² plus ½·λ·Σw² with λ = 0.01 "
     f"(decay); the loss that is computed is {MEAN}"),
    (squares, delta(of_squares, 2 / N / K, 0.3), f"right for {MEAN} plus ½·λ·Σw² with λ = 0.3"),
    (lambda W, b: squares(W, b) + 0.05 * np.sum(W**2), delta(of_squares, 2 / N / K),
     f"right for {MEAN}, without the L2 term of the loss"),
    (lambda W, b: squares(W, b) + 0.05 * np.sum(W * W), delta(of_squares, 1, 0.1),
     f"the loss that is computed is {MEAN} plus an L2 term"),
]  # fmt: skip


@pytest.mark.parametrize(("loss", "manual", "words"), HINTS)
def test_the_loss_that_gradients_are_right_for_is_named(loss, manual, words):
    report = check_gradients(loss, PARAMS, manual, seconds=0)
    assert words in (report.loss_hint or ""), report.loss_hint
    assert any(c.code == "different-loss" for c in report[report.culprits[0]].causes)


@pytest.mark.parametrize("kind", ["squares", "cross-entropy"])
def test_samples_in_columns_are_counted_as_samples(kind):
    def loss(W, b):
        z = W.T @ X.T + b[:, None]
        if kind == "squares":
            return np.sum((Y.T - sigmoid(z)) ** 2) / N
        e = np.exp(z)
        return -np.sum(Y.T * np.log(e / np.sum(e, axis=0))) / N

    derivative = of_squares if kind == "squares" else of_cross_entropy
    report = check_gradients(loss, PARAMS, delta(derivative), seconds=0)
    assert "N = 12" in report.loss_hint
    assert "K = " not in report.loss_hint


@pytest.mark.parametrize("name", ["lr", "eta", "learning_rate"])
def test_the_learning_rate_in_sight_is_named(name):
    scope = {"squares": squares}
    exec(f"{name} = 0.5\ndef loss(W, b):\n    return squares(W, b)\n", scope)
    report = check_gradients(scope["loss"], PARAMS, delta(of_squares), seconds=0)
    assert report.loss_hint.endswith(f"at {name} = 0.5 you trained with 9")


@pytest.mark.parametrize(
    "manual",
    [
        delta(of_squares, 2 / N / K),  # right
        delta(of_squares, 0.123),  # no usual factor
        lambda W, b: (
            {"W": delta(of_squares)(W, b)["W"]} | {"b": np.ones(K)}
        ),  # b is wrong by itself
        lambda W, b: {**delta(of_squares)(W, b), "b": delta(of_squares)(W, b)["b"][None]},  # shape
        lambda W, b: {"W": np.full((D, K), np.nan)},
    ],
)
def test_no_loss_is_named_where_none_explains_all_gradients(manual):
    report = check_gradients(squares, PARAMS, manual, seconds=0)
    assert report.loss_hint is None
    assert all(c.code != "different-loss" for q in report.quantities.values() for c in q.causes)


def test_decay_of_one_matrix_of_several_is_no_other_loss():
    params = {"V": RNG.normal(size=(D, D)), "W": PARAMS["W"]}

    def loss(V, W):
        return 0.5 * np.sum((X @ V @ W - Y) ** 2)

    def manual(V, W):
        d = X @ V @ W - Y
        return {"W": (X @ V).T @ d + 0.1 * W, "V": X.T @ d @ W.T}

    report = check_gradients(loss, params, manual)
    assert report.loss_hint is None
    assert report["W"].cause == "extra-term"


def test_a_loss_of_values_is_recognised():
    def loss(w, v):
        return 0.5 * (w * v - 3) ** 2 + 0.5 * (w - v - 1) ** 2

    def manual(w, v):
        return {
            "w": 2 * (w * v - 3) * v + 2 * (w - v - 1),
            "v": 2 * (w * v - 3) * w - 2 * (w - v - 1),
        }

    report = check_gradients(loss, {"w": Value(2.0), "v": Value(5.0)}, manual)
    assert report.loss_hint.startswith("right for Σ(t − o)²; 2 × the gradient of ½Σ(t − o)²")


def test_unusual_losses_are_left_alone():
    for unusual in (
        lambda W, b: np.sum(np.abs(X @ W + b)),
        lambda W, b: np.sqrt(np.mean((X @ W + b - Y) ** 2)),
        lambda W, b: np.sum((X @ W + b - Y) ** 2) + np.sum(np.exp(b)),
        lambda W, b: -np.sum(np.log(softmax(X @ W + b)) ** 2),
    ):
        right = check_gradients(unusual, PARAMS)
        twice = {name: 2 * right[name].automatic for name in PARAMS}
        assert check_gradients(unusual, PARAMS, twice).loss_hint is None


def test_a_loss_in_one_operation_is_explained_as_its_parts_are():
    rng = np.random.default_rng(7)
    z, y = rng.normal(size=(6, 3)), np.array([0, 1, 2, 0, 1, 2])

    def spelled_out(z):
        return -np.mean(np.sum(np.eye(3)[y] * np.log(ag.softmax(z)), axis=1))

    def in_one(z):
        return ag.nn.cross_entropy(z, y)

    e = np.exp(z)
    wrong = {"z": e / e.sum(1, keepdims=True) - np.eye(3)[y]}
    one, parts = (check_gradients(loss, {"z": z}, wrong) for loss in (in_one, spelled_out))
    assert one.loss_hint == parts.loss_hint
    assert one.loss_hint.startswith("right for the sum cross-entropy")
    assert [c.code for c in one["z"].causes] == [c.code for c in parts["z"].causes]


def test_a_saturated_loss_in_one_operation_is_judged_as_its_parts_are():
    z = np.array([[30.0, 0.0]])
    p = np.exp(z) / np.exp(z).sum()
    right = np.array([[-p[0, 1], p[0, 1]]])
    for factor, verdict in ((1, "agree"), (2, "differ")):
        report = check_gradients(
            lambda z: ag.nn.cross_entropy(z, [0]), {"z": z}, {"z": factor * right}
        )
        assert report["z"].verdict == verdict


def test_zeros_are_the_gradient_of_no_other_loss():
    z = {"z": np.array([[30.0, 0.0]])}
    report = check_gradients(lambda z: ag.nn.cross_entropy(z, [0]), z, {"z": np.zeros((1, 2))})
    assert report["z"].cause == "missing-term"
    assert report.loss_hint is None
