"""Losses: values and gradients by hand, against PyTorch, and what they refuse."""

import functools
import math

import numpy as np
import pytest
from helpers import sigmoid
from nn_helpers import (
    BITS,
    LABELS,
    ONE_HOT,
    SIGNS,
    SOFT,
    XOR_X,
    P,
    T,
    Z,
    grads,
    numerical,
    random,
    says,
    values,
)

import autograd_mini as ag
from autograd_mini import Tensor, Value, nn
from autograd_mini.testing import check_function

# Losses: values and gradients


WEIGHTS = np.array([0.5, 2.0, 3.0])
CHOSEN = np.array([True, False, True, True])
SMOOTH = 0.7 * ONE_HOT + 0.1
LOSSES = {  # name: (loss of outputs, outputs, value by hand, gradient by hand)
    "half": (lambda o: nn.half_squared_error(o, T), Z, np.sum((T - Z) ** 2) / 2, Z - T),
    "mse": (lambda o: nn.mean_squared_error(o, T), Z, np.mean((T - Z) ** 2), 2 * (Z - T) / 12),
    "mse sum": (
        lambda o: nn.mean_squared_error(o, T, reduction="sum"), Z,
        np.sum((T - Z) ** 2), 2 * (Z - T),
    ),
    "mse masked": (
        lambda o: nn.mean_squared_error(o, np.where(CHOSEN[:, None], T, np.nan), mask=CHOSEN), Z,
        np.mean((T - Z)[CHOSEN] ** 2), 2 * (Z - T) / 9 * CHOSEN[:, None],
    ),
    "mae": (
        lambda o: nn.mean_absolute_error(o, T), Z, np.mean(abs(T - Z)), np.sign(Z - T) / 12,
    ),
    "huber": (
        lambda o: nn.huber(o, T, delta=0.8), Z,
        np.mean(np.where(abs(Z - T) <= 0.8, (Z - T) ** 2 / 2, 0.8 * (abs(Z - T) - 0.4))),
        np.clip(Z - T, -0.8, 0.8) / 12,
    ),
    "nll": (
        lambda o: nn.negative_log_likelihood(o, LABELS), np.log(P),
        -np.mean(np.log(P)[range(4), LABELS]), -ONE_HOT / 4,
    ),
    "ce weighted": (
        lambda o: nn.cross_entropy(o, LABELS, class_weights=WEIGHTS), Z,
        -np.sum(WEIGHTS[LABELS] * np.log(P)[range(4), LABELS]) / WEIGHTS[LABELS].sum(),
        WEIGHTS[LABELS][:, None] * (P - ONE_HOT) / WEIGHTS[LABELS].sum(),
    ),
    "ce smooth": (
        lambda o: nn.cross_entropy(o, LABELS, label_smoothing=0.3), Z,
        -np.sum(SMOOTH * np.log(P)) / 4, (P - SMOOTH) / 4,
    ),
    "ce masked": (
        lambda o: nn.cross_entropy(o, np.where(CHOSEN, LABELS, -1), mask=CHOSEN), Z,
        -np.mean(np.log(P)[range(4), LABELS][CHOSEN]), (P - ONE_HOT) / 3 * CHOSEN[:, None],
    ),
    "ce labels": (
        lambda o: nn.cross_entropy(o, LABELS), Z,
        -np.mean(np.log(P)[range(4), LABELS]), (P - ONE_HOT) / 4,
    ),
    "ce labels sum": (
        lambda o: nn.cross_entropy(o, LABELS, reduction="sum"), Z,
        -np.sum(np.log(P)[range(4), LABELS]), P - ONE_HOT,
    ),
    "ce soft": (
        lambda o: nn.cross_entropy(o, SOFT), Z, -np.sum(SOFT * np.log(P)) / 4, (P - SOFT) / 4,
    ),
    "ce p labels": (
        lambda o: nn.cross_entropy(o, LABELS, from_logits=False), P,
        -np.mean(np.log(P)[range(4), LABELS]), -ONE_HOT / P / 4,
    ),
    "ce p one-hot": (
        lambda o: nn.cross_entropy(o, ONE_HOT, from_logits=False), P,
        -np.sum(ONE_HOT * np.log(P)) / 4, -ONE_HOT / P / 4,
    ),
    "ce p soft sum": (
        lambda o: nn.cross_entropy(o, SOFT, from_logits=False, reduction="sum"), P,
        -np.sum(SOFT * np.log(P)), -SOFT / P,
    ),
    "bce": (
        lambda o: nn.binary_cross_entropy(o, BITS), sigmoid(Z),
        -np.mean(np.where(BITS, np.log(sigmoid(Z)), np.log(1 - sigmoid(Z)))),
        np.where(BITS, -1 / sigmoid(Z), 1 / (1 - sigmoid(Z))) / 12,
    ),
    "bce soft sum": (
        lambda o: nn.binary_cross_entropy(o, SOFT, reduction="sum"), sigmoid(Z),
        -np.sum(SOFT * np.log(sigmoid(Z)) + (1 - SOFT) * np.log(1 - sigmoid(Z))),
        -SOFT / sigmoid(Z) + (1 - SOFT) / (1 - sigmoid(Z)),
    ),
    "bce logits": (
        lambda o: nn.binary_cross_entropy(o, SOFT, from_logits=True), Z,
        -np.mean(SOFT * np.log(sigmoid(Z)) + (1 - SOFT) * np.log(1 - sigmoid(Z))),
        (sigmoid(Z) - SOFT) / 12,
    ),
    "hinge": (
        lambda o: nn.hinge(o, SIGNS), Z,
        np.mean(np.maximum(0, 1 - SIGNS * Z)), np.where(SIGNS * Z < 1, -SIGNS, 0) / 12,
    ),
    "hinge sum": (
        lambda o: nn.hinge(o, SIGNS, reduction="sum"), Z,
        np.sum(np.maximum(0, 1 - SIGNS * Z)), np.where(SIGNS * Z < 1, -SIGNS, 0),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LOSSES)
def test_losses_have_the_value_and_gradient_derived_by_hand(name):
    loss, data, value, gradient = LOSSES[name]
    for outputs in (Tensor(data), values(data)):
        found = loss(outputs)
        found.backward()
        assert float(nn.numbers(found)) == pytest.approx(value, rel=1e-13)
        np.testing.assert_allclose(grads(outputs), gradient, rtol=1e-11, atol=1e-15)
    assert loss(data) == pytest.approx(value, rel=1e-13)
    assert isinstance(loss(data), float)


def test_the_softmax_loss_is_differentiated_twice():
    for targets, options in (
        (LABELS, {}),
        (LABELS, {"class_weights": WEIGHTS}),
        (LABELS, {"label_smoothing": 0.2}),
        (SOFT, {"reduction": "sum"}),
    ):
        check_function(lambda z, t=targets, o=options: nn.cross_entropy(z, t, **o), Z)


def test_impossible_classes_have_logits_of_minus_infinity():
    z = Tensor([[0.0, 0.0, -np.inf]])
    loss = nn.cross_entropy(z, [0])
    loss.backward()
    assert loss.item() == pytest.approx(math.log(2))
    assert z.grad.tolist() == [[-0.5, 0.5, 0.0]]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: nn.huber([1.0], [1.0], delta=0), ["delta", "0"]),
        (lambda: nn.mean_squared_error(Z, np.where(T > 0, np.nan, T)), ["targets", "nan at [0, "]),
        (lambda: nn.half_squared_error([1.0], [np.inf]), ["found inf at [0]"]),
        (lambda: nn.negative_log_likelihood(Z, LABELS), ["sum to", "log_softmax(logits)"]),
        (lambda: nn.cross_entropy(Z, LABELS, label_smoothing=1.5), ["label_smoothing", "1.5"]),
        (lambda: nn.cross_entropy(Z, LABELS, class_weights=[1, 2]), ["shape (3,), not (2,)"]),
        (lambda: nn.cross_entropy(Z, LABELS, class_weights=[1, 2, -1]), ["at least 0, found -1"]),
        (lambda: nn.cross_entropy(Z, LABELS * 0, class_weights=[0, 2, 1]), ["all targets are 0"]),
        (lambda: nn.cross_entropy(Z, LABELS, mask=CHOSEN[:3]), ["(3,)", "(4, 3)", "first axes"]),
        (lambda: nn.cross_entropy(Z, LABELS, mask=[1, 0, 1, 1]), ["boolean array", "int64"]),
        (lambda: nn.hinge(Z, SIGNS, mask=np.zeros(4, bool)), ["leaves no target"]),
        (lambda: nn.cross_entropy(Z, LABELS, reduction="none"), ["'mean' or 'sum'", "'none'"]),
    ],
)
def test_losses_refuse_wrong_options(call, words):
    with says(ValueError, *words):
        call()


def test_a_masked_target_is_no_node():
    with says(TypeError, "cross_entropy", "nn.numbers(targets)"):
        nn.cross_entropy(Z, Tensor(LABELS), mask=CHOSEN)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_agree_with_numerical_differences(name):
    loss, data, _, _ = LOSSES[name]
    outputs = Tensor(data)
    loss(outputs).backward()
    np.testing.assert_allclose(
        outputs.grad, numerical(lambda o: loss(Tensor(o)).item(), data), rtol=1e-6, atol=1e-9
    )


@pytest.mark.parametrize("name", LOSSES)
def test_losses_pass_check_gradients(name):
    loss, data, _, gradient = LOSSES[name]
    report = ag.check_gradients(
        lambda outputs: loss(outputs), {"outputs": data}, {"outputs": gradient}
    )
    assert report.ok, report


def test_losses_agree_with_pytorch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: no outside oracle")
    F = torch.nn.functional

    def leaf(array):
        return torch.tensor(array, requires_grad=True)

    labels, soft, bits = map(torch.tensor, (LABELS, SOFT, BITS.astype(float)))
    targets, signs = torch.tensor(T), torch.tensor(SIGNS.astype(float))
    pairs = {
        "mse": lambda o: F.mse_loss(o, targets),
        "half": lambda o: F.mse_loss(o, targets, reduction="sum") / 2,
        "ce labels": lambda o: F.cross_entropy(o, labels),
        "ce labels sum": lambda o: F.cross_entropy(o, labels, reduction="sum"),
        "ce soft": lambda o: F.cross_entropy(o, soft),
        "ce p labels": lambda o: F.nll_loss(o.log(), labels),
        "bce": lambda o: F.binary_cross_entropy(o, bits),
        "bce soft sum": lambda o: F.binary_cross_entropy(o, soft, reduction="sum"),
        "bce logits": lambda o: F.binary_cross_entropy_with_logits(o, soft),
        "hinge": lambda o: torch.clamp(1 - signs * o, min=0).mean(),
    }
    for name, theirs in pairs.items():
        loss, data, _, _ = LOSSES[name]
        mine, other = Tensor(data), leaf(data)
        found, expected = loss(mine), theirs(other)
        found.backward()
        expected.backward()
        assert found.item() == pytest.approx(expected.item(), rel=1e-12), name
        np.testing.assert_allclose(mine.grad, other.grad.numpy(), rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("kind", [Tensor, values])
def test_losses_from_logits_are_exact_in_the_tails(kind):
    z = kind(np.array([[1000.0, 0.0, -1000.0], [0.0, 1000.0, 0.0]]))
    loss = nn.cross_entropy(z, [2, 1], reduction="sum")
    loss.backward()
    assert float(nn.numbers(loss)) == 2000
    np.testing.assert_array_equal(grads(z), [[1, 0, -1], [0, 0, 0]])
    z = kind(np.array([1000.0, -1000.0, 40.0, -40.0]))
    loss = nn.binary_cross_entropy(z, [0, 1, 1, 0], from_logits=True, reduction="sum")
    loss.backward()
    assert float(nn.numbers(loss)) == 2000
    np.testing.assert_allclose(grads(z), [1, -1, -math.exp(-40), math.exp(-40)], rtol=1e-15)


def test_cross_entropy_of_probabilities_is_that_of_logits():
    z = Tensor(Z)
    p = ag.softmax(z)
    one, other = nn.cross_entropy(p, LABELS, from_logits=False), nn.cross_entropy(z, LABELS)
    assert one.item() == pytest.approx(other.item(), rel=1e-14)
    np.testing.assert_allclose(ag.gradients(one, z), ag.gradients(other, z), atol=1e-15)
    np.testing.assert_allclose(ag.gradients(one, p), -ONE_HOT / P / 4, rtol=1e-13, atol=0)


def test_a_class_of_probability_zero_that_is_no_target_is_no_problem():
    for kind in (Tensor, values):
        p = kind(np.array([[1.0, 0.0], [0.25, 0.75]]))
        for targets in ([0, 1], [[1, 0], [0, 1]]):
            loss = nn.cross_entropy(p, targets, from_logits=False, reduction="sum")
            assert float(nn.numbers(loss)) == pytest.approx(-math.log(0.75))
        loss = nn.binary_cross_entropy(kind(np.array([1.0, 0.0, 0.5])), [1, 0, 1])
        loss.backward()
        assert float(nn.numbers(loss)) == pytest.approx(math.log(2) / 3)


def test_small_probabilities_keep_their_digits():
    loss = nn.binary_cross_entropy(Tensor([1e-20]), [0])
    assert loss.item() == pytest.approx(1e-20, rel=1e-15, abs=0)


def test_one_sample_and_more_axes():
    assert nn.cross_entropy(Tensor(Z[0]), 2).item() == pytest.approx(-math.log(P[0, 2]))
    assert nn.cross_entropy(Tensor(Z[0]), SOFT[0]).item() == pytest.approx(
        -np.sum(SOFT[0] * np.log(P[0]))
    )
    z = random(2, 5, 3, seed=8)
    labels = np.random.default_rng(0).integers(0, 3, (2, 5))
    deep, flat = Tensor(z), Tensor(z.reshape(10, 3))
    for from_logits in (True, False):
        wrap = (lambda t: t) if from_logits else ag.softmax
        one = nn.cross_entropy(wrap(deep), labels, from_logits=from_logits)
        other = nn.cross_entropy(wrap(flat), labels.ravel(), from_logits=from_logits)
        assert one.item() == pytest.approx(other.item(), rel=1e-14)
        np.testing.assert_allclose(
            ag.gradients(one, deep).reshape(10, 3), ag.gradients(other, flat), rtol=1e-13
        )


def test_losses_take_one_value_and_lists_of_values():
    out = Value(0.75)
    nn.half_squared_error(out, 0.25).backward()
    assert out.grad == 0.5
    first, second = Value(0.5), Value(0.25)
    nn.half_squared_error([first, second], [0.0, 1.0]).backward()
    assert (first.grad, second.grad) == (0.5, -0.75)
    target = Value(2.0)  # a squared error is the same both ways
    nn.mean_squared_error(1.0, target).backward()
    assert target.grad == 2.0
    assert nn.binary_cross_entropy(Value(0.5), True).data == pytest.approx(math.log(2))
    assert nn.hinge(Value(0.5), -1).data == 1.5


def test_labels_may_be_whole_floats():
    assert nn.cross_entropy(Z, LABELS.astype(float)) == nn.cross_entropy(Z, LABELS)


# Losses: what they refuse


SAME_SHAPE = [
    nn.half_squared_error,
    nn.mean_squared_error,
    nn.binary_cross_entropy,
    nn.hinge,
]


@pytest.mark.parametrize("loss", SAME_SHAPE, ids=lambda loss: loss.__name__)
@pytest.mark.parametrize(
    ("outputs", "targets", "remedy"),
    [
        ((4, 1), (4,), "np.reshape(targets, (4, 1))"),
        ((4,), (4, 1), "np.reshape(targets, (4,))"),
        ((4, 3), (4,), "nn.one_hot(targets, 3)"),
        ((4, 3), (4, 1), "nn.one_hot(targets[:, 0], 3)"),
        ((4, 3), (3, 4), "targets.T"),
        ((4, 3), (1, 3), "one target for each output"),
        ((4, 3), (), "one target for each output"),
        ((4,), (5,), "one target for each output"),
    ],
)
def test_losses_refuse_shapes_that_broadcasting_would_let_pass(loss, outputs, targets, remedy):
    for kind in (Tensor, values, np.asarray):
        with says(ValueError, loss.__name__, f"outputs have shape {outputs}", str(targets), remedy):
            loss(kind(np.full(outputs, 0.5)), np.ones(targets))


@pytest.mark.parametrize(
    ("outputs", "targets", "words"),
    [
        ((4, 3), (4, 1), ("(4, 3)", "(4, 1)", "np.reshape(targets, (4,))")),
        ((4, 3), (3, 4), ("write targets.T",)),
        ((4, 3), (5,), ("(4, 3)", "(5,)", "class indices have shape (4,)")),
        ((4, 3), (4, 2), ("(4, 2)", "one-hot rows (4, 3)")),
        ((4, 1), (4,), ("(4, 1)", "fewer than two classes", "binary_cross_entropy")),
        ((), (), ("()", "fewer than two classes")),
        ((0, 3), (0,), ("cross_entropy", "no samples", "(0, 3)")),
    ],
)
def test_cross_entropy_refuses_other_shapes(outputs, targets, words):
    with says(ValueError, "cross_entropy", *words):
        nn.cross_entropy(Tensor(np.zeros(outputs)), np.zeros(targets))


@pytest.mark.parametrize("loss", SAME_SHAPE, ids=lambda loss: loss.__name__)
def test_losses_refuse_an_empty_batch(loss):
    with says(ValueError, loss.__name__, "no samples", "(0, 2)"):
        loss(Tensor(np.zeros((0, 2))), np.zeros((0, 2)))


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        ([0, 1, 2, 3], ("label 3", "0 to 2")),
        ([1, 2, 3, 1], ("label 3", "0 to 2", "subtract 1")),
        ([0, 1, -1, 0], ("label -1", "0 to 2")),
        ([0, 1, 0.5, 0], ("whole numbers", "0.5")),
        ([0, 1, np.nan, 0], ("whole numbers", "nan")),
        (BITS, ("sum to 1", "found 2", "binary_cross_entropy")),
        (T, ("probabilities, found",)),
        (np.full((4, 3), np.nan), ("probabilities, found nan",)),
    ],
)
def test_cross_entropy_refuses_labels_and_targets_out_of_range(targets, words):
    with says(ValueError, "cross_entropy", *words):
        nn.cross_entropy(Tensor(Z), targets)


def test_hand_rounded_probabilities_are_accepted():
    assert nn.cross_entropy(Tensor(Z), np.full((4, 3), 0.33)).item() > 0
    with says(ValueError, "sum to 1", "found 0.9"):
        nn.cross_entropy(Tensor(Z), np.full((4, 3), 0.3))


@pytest.mark.parametrize(
    "probabilities",
    [
        lambda: ag.softmax(Tensor(Z)),
        lambda: ag.softmax(Tensor(Z))[:2][[0, 1, 0, 1]],
        lambda: nn.MLP([2, 3], rng=0)(XOR_X),
        lambda: nn.MLP([2, 3], rng=0, scalar=True)(XOR_X),
        lambda: nn.MLP([2, 3], rng=0)(XOR_X).data,
        lambda: np.exp(Tensor(Z)) / np.sum(np.exp(Tensor(Z)), axis=1, keepdims=True),
        lambda: Tensor(P.astype(np.float32)),
    ],
)
def test_softmax_is_never_silently_applied_twice(probabilities):
    with says(ValueError, "takes logits", "probabilities", "model.logits(x)", "from_logits=False"):
        nn.cross_entropy(probabilities(), LABELS)
    nn.cross_entropy(probabilities(), LABELS, from_logits=False)


def test_softmax_is_never_silently_applied_twice_without_a_graph():
    model = nn.MLP([2, 3], rng=0)
    with ag.no_grad(), says(ValueError, "takes logits", "sum to 1"):
        nn.cross_entropy(model(XOR_X), LABELS)


def test_numbers_that_look_like_probabilities_can_be_said_to_be_logits():
    with says(ValueError, "from_logits=True says"):
        nn.cross_entropy([[0.0, 1.0]], [1])
    assert nn.cross_entropy([[0.0, 1.0]], [1], from_logits=True) == pytest.approx(
        math.log(1 + math.exp(-1))
    )
    with says(ValueError, "the result of softmax"):  # what is recorded is beyond doubt
        nn.cross_entropy(ag.softmax(Tensor(Z)), LABELS, from_logits=True)


@pytest.mark.parametrize("scalar", [False, True])
def test_cross_entropy_refuses_sigmoid_outputs(scalar):
    outputs = nn.MLP([2, 3], output="sigmoid", rng=0, scalar=scalar)(XOR_X)
    with says(ValueError, "the result of sigmoid", "model.logits(x)", "binary_cross_entropy"):
        nn.cross_entropy(outputs, LABELS)
    with says(ValueError, "sigmoid", "does not sum to 1", "binary_cross_entropy"):
        nn.cross_entropy(outputs, LABELS, from_logits=False)


def test_logits_given_for_probabilities_are_refused():
    with says(ValueError, "no probability", "leave out from_logits=False"):
        nn.cross_entropy(Tensor(Z), LABELS, from_logits=False)
    with says(ValueError, "sum to 1, found 1.5"):
        nn.cross_entropy(Tensor(np.full((4, 3), 0.5)), LABELS, from_logits=False)
    with says(ValueError, "binary_cross_entropy: ", "no probability", "from_logits=True"):
        nn.binary_cross_entropy(Tensor([2.0]), [1])
    with says(ValueError, "result of sigmoid", "model.logits(x)"):
        nn.binary_cross_entropy(ag.sigmoid(Tensor([2.0])), [1], from_logits=True)


@pytest.mark.parametrize("kind", [Tensor, values])
def test_probabilities_that_were_rounded_away_are_refused(kind):
    p = kind(np.array([[1.0, 0.0]]))
    for targets in ([1], [[0, 1]], [[0.5, 0.5]]):
        with says(ValueError, "rounded to 0", "cross_entropy(model.logits(x), targets)"):
            nn.cross_entropy(p, targets, from_logits=False)
    for output, target in ((0.0, 1), (1.0, 0), (1.0, 0.5), (1e-310, 1)):
        with says(ValueError, "rounded to 0", "from_logits=True"):
            nn.binary_cross_entropy(kind(np.array([output])), [target])


def test_nan_passes_through_to_the_loss():
    for loss in (
        nn.cross_entropy(Tensor([[np.nan, 1.0]]), [0]),
        nn.cross_entropy(Tensor([[np.nan, 1.0]]), [0], from_logits=False),
        nn.binary_cross_entropy(Tensor([np.nan]), [0]),
        nn.hinge(Tensor([np.nan]), [1]),
    ):
        assert math.isnan(loss.item())


@pytest.mark.parametrize("loss", [nn.cross_entropy, nn.binary_cross_entropy, nn.hinge])
def test_targets_are_plain_numbers(loss):
    for targets in (Tensor([[1.0, 0.0]]), values([[1.0, 0.0]])):
        with says(TypeError, loss.__name__, "(outputs, targets)", "nn.numbers(targets)"):
            loss([[1.0, 0.0]], targets)


def test_targets_and_reductions_out_of_range():
    with says(ValueError, "binary_cross_entropy", "between 0 and 1, found 2"):
        nn.binary_cross_entropy([0.5], [2])
    with says(ValueError, "found -1", "hinge"):
        nn.binary_cross_entropy([0.5], [-1])
    with says(ValueError, "found nan"):
        nn.binary_cross_entropy([0.5], [np.nan])
    with says(ValueError, "hinge", "found 0", "2 * targets - 1"):
        nn.hinge([0.5, 0.5], [0, 1])
    with says(ValueError, "'mean' or 'sum'", "'none'"):
        nn.hinge([0.5], [1], reduction="none")
    with says(TypeError, "targets", "<U6", "np.unique(names, return_inverse=True)"):
        nn.cross_entropy([[1.0, 0.0]], ["setosa"])
    with says(TypeError, "outputs", "complex"):
        nn.mean_squared_error([1j], [1.0])


def test_every_loss_says_what_it_is_and_a_declared_one_is_treated_alike():
    for name, function in nn.losses.LOSSES.items():
        loss = nn.losses.loss_of(function)
        assert loss.function is function
        assert name in (loss.name, "mse", "mae")

    def excess(outputs, targets):
        return np.mean(ag.relu(outputs - targets))

    model = nn.Dense(3, 1, rng=0)
    assert nn.losses.loss_of(excess) is None
    nn.losses.declared(short="over")(excess)
    try:
        assert nn.evaluate(model, Z, Z[:, :1], loss="over")["loss"] >= 0
        with says(ValueError, "excess: outputs have shape (4, 1), targets (4,)"):
            nn.fit(model, Z, Z[:, 0], loss=excess, progress=False)
        copy = functools.wraps(excess)(lambda outputs, targets: excess(outputs, targets))
        assert nn.losses.loss_of(copy) is None
    finally:
        del nn.losses.LOSSES["excess"], nn.losses.LOSSES["over"]
