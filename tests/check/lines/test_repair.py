"""Which line is blamed, and what mends it: helpers, loops, conventions, names at hand."""

import numpy as np
import pytest

from autograd_mini import check_backward, check_gradients, check_step

RNG = np.random.default_rng(3)
X, T = RNG.normal(size=(5, 4)), RNG.normal(size=(5, 2))
PARAMS = {"W1": RNG.normal(size=(4, 3)), "W2": RNG.normal(size=(3, 2))}
SERIES = RNG.normal(size=(4, 5, 3))


def tanh_prime(z):
    return 1 - np.tanh(z)


def network(W1, W2):
    return 0.5 * np.sum((np.tanh(np.tanh(X @ W1) @ W2) - T) ** 2)


def with_a_wrong_helper(W1, W2):
    z1 = X @ W1
    a1 = np.tanh(z1)
    z2 = a1 @ W2
    d2 = (np.tanh(z2) - T) * tanh_prime(z2)
    d1 = d2 @ W2.T * tanh_prime(z1)
    return {"W1": X.T @ d1, "W2": a1.T @ d2}


def averaged(W1, W2):
    return 0.5 * np.sum((np.tanh(X @ W1) @ W2 - T) ** 2) / len(X)


def averaged_at_the_end(W1, W2):
    a1 = np.tanh(X @ W1)
    d2 = a1 @ W2 - T
    da1 = d2 @ W2.T
    d1 = -(da1 * (1 - a1**2))
    return {"W1": X.T @ d1 / len(X), "W2": a1.T @ d2 / len(X)}


def recurrent(W, U):
    h = np.zeros((5, 3))
    for x in SERIES:
        h = np.tanh(x @ W + h @ U)
    return np.sum(h**2) / 2


def forwards_in_time(W, U):
    hs = [np.zeros((5, 3))]
    for x in SERIES:
        hs.append(np.tanh(x @ W + hs[-1] @ U))
    dW, dU, dh = np.zeros_like(W), np.zeros_like(U), hs[-1]
    for t in range(len(SERIES)):
        dz = dh * (1 - hs[t + 1] ** 2)
        dW += SERIES[t].T @ dz
        dU += hs[t].T @ dz
        dh = dz @ U.T
    return {"W": dW, "U": dU}


def last_share(W, U):
    hs = [np.zeros((5, 3))]
    for x in SERIES:
        hs.append(np.tanh(x @ W + hs[-1] @ U))
    dW, dU, dh = np.zeros_like(W), np.zeros_like(U), hs[-1]
    for t in reversed(range(len(SERIES))):
        dz = dh * (1 - hs[t + 1] ** 2)
        dW = SERIES[t].T @ dz
        dU += hs[t].T @ dz
        dh = dz @ U.T
    return {"W": dW, "U": dU}


HIDDEN = RNG.normal(size=(4, 3))


def cut_off(W2):
    return np.sum((np.maximum(X @ HIDDEN, 0) @ W2) ** 2)


def cut_off_higher(W2):
    r = np.maximum(X @ HIDDEN, 0)
    d = 2 * (r @ W2)
    return {"W2": np.maximum(X @ HIDDEN, 1).T @ d}


def relu_prime(g, z):
    return z > 0


def rectified(W1, W2):
    a1 = X @ W1 * (X @ W1 > 0)
    z2 = a1 @ W2
    return np.sum((z2 * (z2 > 0)) ** 2) / 2


def rectified_without_what_is_handed_on(W1, W2):
    z1 = X @ W1
    a1 = z1 * (z1 > 0)
    z2 = a1 @ W2
    dz2 = relu_prime(z2 * (z2 > 0), z2)
    dz1 = relu_prime(dz2 @ W2.T, z1)
    return {"W1": X.T @ dz1, "W2": a1.T @ dz2}


def inverted(W1, W2):
    z1 = X @ W1
    passed = z1 < 0
    a1 = z1 * (z1 > 0)
    z2 = a1 @ W2
    dz2 = z2 * (z2 > 0)
    return {"W1": X.T @ (dz2 @ W2.T * passed), "W2": a1.T @ dz2}


RECURRENT = {"W": RNG.normal(size=(3, 3)) / 2, "U": RNG.normal(size=(3, 3)) / 2}


@pytest.mark.parametrize(
    ("loss", "params", "manual", "right"),
    [
        (network, PARAMS, with_a_wrong_helper, "return 1 - np.tanh(z) ** 2"),
        (averaged, PARAMS, averaged_at_the_end, "d1 = da1 * (1 - a1**2)"),
        (recurrent, RECURRENT, forwards_in_time, "for t in range(len(SERIES) - 1, -1, -1):"),
        (recurrent, RECURRENT, last_share, "dW += SERIES[t].T @ dz"),
        (
            cut_off,
            {"W2": PARAMS["W2"]},
            cut_off_higher,
            'return {"W2": np.maximum(X @ HIDDEN, 0).T @ d}',
        ),
        (rectified, PARAMS, rectified_without_what_is_handed_on, "return g * (z > 0)"),
        (rectified, PARAMS, inverted, "passed = z1 > 0"),
    ],
)
def test_the_line_is_mended_where_it_is_wrong(loss, params, manual, right):
    (mistake,) = check_gradients(loss, params, manual).mistakes
    assert mistake.repair.text.replace(" ", "") == right.replace(" ", "")
    assert mistake.repair.verified_at == 3


def layers(targets):
    def loss(W1, W2):
        return np.sum((np.tanh(X @ W1) @ W2 - targets) ** 2)

    def manual(W1, W2):
        a1 = np.tanh(X @ W1)
        out = a1 @ W2
        other = a1 @ W2 / 2
        d2 = 2 * (out - other)
        return {"W1": X.T @ (d2 @ W2.T * (1 - a1**2)), "W2": a1.T @ d2}

    return loss, manual


def test_a_name_that_only_the_loss_reads_may_stand_in_a_line():
    loss, manual = layers(T + 1)
    (mistake,) = check_gradients(loss, PARAMS, manual).mistakes
    assert mistake.repair.text.replace(" ", "") == "d2=2*(out-targets)"


def test_what_a_loop_has_counted_to_is_no_factor():
    def loss(W2):
        return 12.0 * np.sum(X[:, :3] @ W2)

    def manual(W2):
        for i in range(4):
            for j in range(5):
                total = i + j
        dW2 = X[:, :3].T @ np.ones((5, 2)) + 0 * total
        return {"W2": dW2}

    (mistake,) = check_gradients(loss, {"W2": PARAMS["W2"]}, manual).mistakes
    assert all(" i" not in repair.text for repair in mistake.repairs)


# Written from the recorded loss


def test_a_line_that_no_small_change_mends_is_written_anew_and_said_to_be_ours():
    def loss(W1, W2):
        a1 = np.tanh(X @ W1)
        out = a1 @ W2
        return np.sum((out - T) ** 2) / 2 + np.sum(np.sin(a1) ** 3)

    def manual(W1, W2):
        a1 = np.tanh(X @ W1)
        dout = a1 @ W2 - T
        dW2 = a1.T @ dout
        da1 = dout @ W2.T
        dz1 = da1 * (1 - a1**2)
        return {"W1": X.T @ dz1, "W2": dW2}

    report = check_gradients(loss, PARAMS, manual)
    (mistake,) = report.mistakes
    assert mistake.line.text == "da1 = dout @ W2.T"
    assert mistake.repair.text == "da1 = 3 * np.sin(a1) ** 2 * np.cos(a1) + dout @ W2.T"
    assert mistake.repair.ours
    assert mistake.repair.verified_at == 3
    assert mistake.reason == "this should be the gradient of a1"
    assert mistake.inherited_by == ("W1",)
    assert "ours: written from the recorded loss" in str(report)


def test_a_line_is_not_written_anew_where_a_change_of_it_is_right():
    def manual(W1, W2):
        a1 = np.tanh(X @ W1)
        dout = (a1 @ W2 - T) / len(X)
        da1 = dout @ W2.T * a1
        return {"W1": X.T @ (da1 * (1 - a1**2)), "W2": a1.T @ dout}

    (mistake,) = check_gradients(averaged, PARAMS, manual).mistakes
    assert mistake.repair.text == "da1 = dout @ W2.T"
    assert not mistake.repair.ours


def test_two_slips_in_one_statement_are_its_line_and_are_both_undone():
    def manual(W1, W2):
        a1 = np.tanh(X @ W1)
        dout = (a1 @ W2 - T) / len(X)
        dz1 = dout @ W2.T * (1 + a1**3)
        return {"W1": X.T @ dz1, "W2": a1.T @ dout}

    (mistake,) = check_gradients(averaged, PARAMS, manual).mistakes
    assert mistake.line.text == "dz1 = dout @ W2.T * (1 + a1**3)"
    assert mistake.repair.text == "dz1 = dout @ W2.T * (1 - a1 ** 2)"
    assert not mistake.repair.ours


# What is put in the place of what a line makes


def test_the_line_of_a_loop_is_found_that_no_change_mends():
    def manual(W, U):
        hs = [np.zeros((5, 3))]
        for x in SERIES:
            hs.append(np.tanh(x @ W + hs[-1] @ U))
        dW, dU, dh = np.zeros_like(W), np.zeros_like(U), hs[-1]
        for t in reversed(range(len(SERIES))):
            dz = np.sin(dh) ** 3
            dW += SERIES[t].T @ dz
            dU += hs[t].T @ dz
            dh = dz @ U.T
        return {"W": dW, "U": dU}

    (mistake,) = check_gradients(recurrent, RECURRENT, manual).mistakes
    assert mistake.line.text == "dz = np.sin(dh) ** 3"
    assert set(mistake.inherited_by) == {"W", "U"}


def test_a_mask_that_changes_nothing_is_wrong_where_it_should_change_something():
    def loss(W1, W2):
        h = np.maximum(X @ W1, 0)
        return np.sum((h @ W2 - T) ** 2) / 2

    def manual(W1, W2):
        h = np.maximum(X @ W1, 0)
        dout = h @ W2 - T
        dh = dout @ W2.T
        dh[h < 0] = 0
        return {"W1": X.T @ dh, "W2": h.T @ dout}

    (mistake,) = check_gradients(loss, PARAMS, manual).mistakes
    assert mistake.line.text == "dh[h < 0] = 0"
    assert mistake.repair.text == "dh[h <= 0] = 0"


def test_a_name_is_transposed_before_a_product_is():
    def loss(W1):
        return np.sum((X @ W1) ** 2)

    def manual(W1):
        d = 2 * X @ W1
        return {"W1": 1.0 * X @ d}

    square = {"W1": RNG.normal(size=(4, 5))}
    (mistake,) = check_gradients(loss, square, manual).mistakes
    assert mistake.repair.text == 'return {"W1": 1.0 * X.T @ d}'


def per_row(W1):
    return np.sum((X @ W1) ** 2) / 2


def halved_in_each_turn(W1):
    z, dW1 = X @ W1, np.zeros_like(W1)
    for i in range(len(X)):
        dW1 += np.outer(X[i], 2 * z[i])
        dW1 /= 2
    return {"W1": dW1}


def added_once(W1):
    z, dW1 = X @ W1, np.zeros_like(W1)
    for i in range(len(X)):
        share = np.outer(X[i], z[i])
    dW1 += share
    return {"W1": dW1}


@pytest.mark.parametrize(
    ("manual", "line", "reason"),
    [
        (halved_in_each_turn, "dW1 /= 2", "it runs in each turn of the loop"),
        (added_once, "dW1 += share", "it runs once, after the loop"),
    ],
)
def test_a_statement_on_the_wrong_side_of_the_end_of_a_loop_is_moved(manual, line, reason):
    (mistake,) = check_gradients(per_row, {"W1": PARAMS["W1"]}, manual).mistakes
    start, end = mistake.line.columns
    assert mistake.line.text[start:end] == line
    assert mistake.reason.startswith(reason)
    *_, before = mistake.line.text.splitlines()
    *same, after = mistake.repair.text.splitlines()
    assert before.strip() == after.strip()
    assert len(before) - len(after) == (4 if manual is halved_in_each_turn else -4)
    assert mistake.line.text.splitlines()[:-1] == same


def test_a_statement_before_one_that_it_belongs_behind_is_exchanged_with_it():
    def loss(W1, W2):
        h = np.tanh(X @ W1)
        return np.sum((h @ W2 - T) ** 2) / 2 + np.sum(h**3)

    def manual(W1, W2):
        h = np.tanh(X @ W1)
        dout = h @ W2 - T
        dh = dout @ W2.T
        dh = dh * (1 - h**2)
        dh = dh + 3 * h**2
        return {"W1": X.T @ dh, "W2": h.T @ dout}

    (mistake,) = check_gradients(loss, PARAMS, manual).mistakes
    assert mistake.line.text.split("\n")[0] == "dh = dh * (1 - h**2)"
    assert mistake.reason.endswith("and belongs behind it")


class Kept:
    """A layer that keeps what it made in a list, in a dict of its own."""

    def __init__(self):
        self.made = {"mask": []}

    def forward(self, x):
        mask = np.random.default_rng(0).random(x.shape) < 0.5
        self.made["mask"].append(mask)
        return 2 * x * mask

    def backward(self, dout):
        return 2 * dout


def test_what_a_layer_keeps_in_a_list_may_stand_in_a_line():
    (mistake,) = check_backward(Kept(), None, X).mistakes
    assert mistake.repair.text == "return 2 * dout * self.made['mask'][0]"


def test_a_line_is_told_that_makes_one_number_where_a_gradient_is_a_matrix():
    def step(params, x, t):
        error = params["W"] @ x - t
        change = {"W": np.dot(error, error)}
        for row in params["W"]:
            row -= 0.1 * change["W"]
        return np.sum(error**2) / 2

    (mistake,) = check_step(step, {"W": PARAMS["W1"].T.copy()}, X[0], X[1, :3]).mistakes
    assert mistake.line.text == 'change = {"W": np.dot(error, error)}'
    assert mistake.reason == "W has a gradient of shape (3, 4); this is a single number"


MASK = np.array([True, False, True, True, False])


def leaky_and_masked(W1, W2):
    z = X @ W1
    out = np.where(z > 0, z, 0.1 * z) @ W2
    return 0.5 * np.sum(((out - T) ** 2)[MASK]) / 3


def without_the_mask(W1, W2):
    z = X @ W1
    a = np.where(z > 0, z, 0.1 * z)
    d = a @ W2 - T
    d /= 3
    da = d @ W2.T
    return {"W1": X.T @ np.where(z > 0, da, 0.1 * da), "W2": a.T @ d}


def without_the_leak(W1, W2):
    z = X @ W1
    a = np.where(z > 0, z, 0.1 * z)
    d = MASK[:, None] * (a @ W2 - T) / 3
    da = d @ W2.T
    dz = np.where(a > 0, da, 0)
    return {"W1": X.T @ dz, "W2": a.T @ d}


@pytest.mark.parametrize(
    ("manual", "right", "reason"),
    [
        (  # and not where it is scaled for all
            without_the_mask,
            "d = (a @ W2 - T) * MASK[:, None]",
            "the factor MASK[:, None] is missing",
        ),
        (
            without_the_leak,  # a limit of −1 is one that these numbers do not meet
            "dz = np.where(a > 0, da, 0.1 * da)",
            "this branch hands on 0.1·da, not 0",
        ),
    ],
)
def test_the_rows_and_branches_that_hand_something_on(manual, right, reason):
    (slip,) = check_gradients(leaky_and_masked, PARAMS, manual).mistakes
    assert (slip.repair.text, slip.reason) == (right, reason)
    assert len(slip.repairs) == 1


WITH_ONES = np.c_[np.ones(5), X]
BIASED = {"w": RNG.normal(size=5), "W": RNG.normal(size=(2, 4))}


def penalised(w, W):
    error = WITH_ONES @ w - T[:, 0]
    data = np.sum(error**2) / 2 + np.sum((X @ W.T) ** 2) / 2
    return data + 0.3 * (np.sum(w[1:] ** 2) + np.sum(W[:, 1:] ** 2)) / 2


def penalised_whole(w, W):
    error = WITH_ONES @ w - T[:, 0]
    dw = WITH_ONES.T @ error + 0.3 * w
    dW = (X.T @ (X @ W.T)).T
    dW[:, 1:] += 0.3 * W[:, 1:]
    return {"w": dw, "W": dW}


def penalised_whole_in_place(w, W):
    dw = WITH_ONES.T @ (WITH_ONES @ w - T[:, 0])
    dw[1:] += 0.3 * w[1:]
    dW = (X.T @ (X @ W.T)).T
    dW += 0.3 * W
    return {"w": dw, "W": dW}


@pytest.mark.parametrize(
    ("manual", "right", "reason"),
    [
        (
            penalised_whole,
            "dw = WITH_ONES.T @ error + 0.3 * np.r_[0, w[1:]]",
            "the first element of w has no such term",
        ),
        (
            penalised_whole_in_place,
            "dW[:, 1:] += 0.3 * W[:, 1:]",
            "only dW[:, 1:] has this term",
        ),
    ],
)
def test_a_bias_has_no_penalty(manual, right, reason):
    (slip,) = check_gradients(penalised, BIASED, manual).mistakes
    assert (slip.repair.text, slip.reason) == (right, reason)
