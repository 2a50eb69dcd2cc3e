"""A recorded array is an array of NumPy's, and a recorded number a number, in every respect."""

import copy
import math
import pickle

import numpy as np
import pytest
from test_recording import W, recorded

import autograd_mini as ag
from autograd_mini.recording import RecordedArray, RecordedFloat, RecordedNumber, node_of, recording


@pytest.fixture
def w():
    with recording() as tape:
        yield tape.leaf(W)


def test_an_element_is_a_number_and_a_row_a_view(w):
    assert type(w[0, 0]) is RecordedNumber
    assert isinstance(w[0, 0], np.float64)
    assert isinstance(w[0, 0].item(), float)
    assert type(w.item(0)) is RecordedFloat
    row = w[0]
    row[1] = 7.0
    assert w[0, 1] == 7.0
    assert w[[0]].base is not w
    assert np.shares_memory(row, w)
    assert (w + 0) is not w
    assert not np.shares_memory(w + 0, w)


def test_a_name_for_the_same_array_is_the_same_array(w):
    other = w
    w *= 2
    assert other is w
    np.testing.assert_array_equal(other, 2 * W)


def test_it_prints_hashes_and_compares_as_numpy_does(w):
    assert (repr(w), str(w)) == (repr(W), str(W))
    assert (repr(w[0, 0]), str(w[0, 0])) == (repr(W[0, 0]), str(W[0, 0]))
    assert f"{w[0, 0]:.3f} {float(w[0, 0])!r}" == f"{W[0, 0]:.3f} {float(W[0, 0])!r}"
    assert hash(w[0, 0]) == hash(W[0, 0])
    assert type(w > 0) is np.ndarray
    with pytest.raises(TypeError, match="unhashable"):
        hash(w)
    with pytest.raises(ValueError, match="The truth value of an array"):
        bool(w)


def test_copies_are_recorded_and_pickles_are_plain(w):
    for other in (copy.copy(w), copy.deepcopy(w), copy.deepcopy([w])[0], w.copy()):
        assert isinstance(other, RecordedArray)
        assert not np.shares_memory(other, w)
        assert node_of(other) is not None
    assert type(pickle.loads(pickle.dumps(w))) is np.ndarray
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(w)), W)
    assert type(pickle.loads(pickle.dumps(w[0, 0]))) is np.float64
    assert type(pickle.loads(pickle.dumps(w.item(0)))) is float


ERRORS = [
    lambda x: x @ np.ones(5),
    lambda x: x + np.ones(5),
    lambda x: x[10],
    lambda x: x[0, 0, 0],
    lambda x: x.reshape(5),
    lambda x: np.concatenate([x, np.ones(3)]),
    lambda x: x.__setitem__(0, np.ones(2)),
    lambda x: x.sum(axis=5),
    lambda x: x.dot(np.ones(5)),
    lambda x: np.add(x, 1, out=np.zeros(2)),
    lambda x: np.broadcast_to(x, (2, 2))[0],
    lambda x: float(x),
    lambda x: x[0, 0].append(1),
    lambda x: x.nothing,
    lambda x: np.linalg.inv(x),
    lambda x: x["a"],
]


def outcome(function, array):
    """What a function gives, or the error that it raises."""
    try:
        return function(array)
    except Exception as error:
        return error


@pytest.mark.parametrize("number", range(len(ERRORS)))
def test_errors_are_numpys_own(w, number):
    wanted, found = outcome(ERRORS[number], W.copy()), outcome(ERRORS[number], w)
    assert type(found) is type(wanted)
    assert isinstance(wanted, Exception)
    ours = str(found).replace("RecordedArray", "ndarray").replace("RecordedNumber", "float64")
    assert ours.replace("numpy.", "") == str(wanted).replace("numpy.", "")


def test_python_floats_stay_python_floats():
    def divided(w):
        try:
            return float(w[0, 0]) / 0.0
        except ZeroDivisionError:
            return float(w[0, 0]) * 2

    def overflowing(w):
        try:
            return math.exp(1000.0 + w[0, 0])
        except OverflowError:
            return w[0, 0] * 3

    for function, slope in ((divided, 2.0), (overflowing, 3.0)):
        out, (w,), _ = recorded(function, W)
        assert ag.gradients(node_of(out), node_of(w))[0, 0] == slope


def test_types_are_told_as_they_are_without_recording():
    def kinds(w):
        numbers = [type(w) is np.ndarray, type(w[0, 0]) is np.float64, type(w.item(0)) is float]
        return sum(numbers) * w[0, 0]

    out, (w,), _ = recorded(kinds, W)
    assert ag.gradients(node_of(out), node_of(w))[0, 0] == 3.0


def test_float32_is_held_in_float64():
    def narrow(w):
        x = w.astype(np.float32)
        y = np.zeros(3, dtype="float32")
        y += np.array([1, 2, 3], dtype=np.float32) * x[0]
        return np.sum(y * np.float32(0.1), dtype=np.float32)

    out, (w,), notes = recorded(narrow, W)
    assert float(out) == np.sum(np.array([1, 2, 3]) * W[0] * 0.1)
    assert not notes
    np.testing.assert_allclose(
        ag.gradients(node_of(out), node_of(w))[0], [0.1, 0.2, 0.3], rtol=1e-15
    )


def test_after_the_block_it_is_a_plain_array_whose_graph_is_kept():
    with recording() as tape:
        w = tape.leaf(W)
        y = w * w
    z = y + 1
    assert node_of(z) is None
    np.testing.assert_array_equal(
        ag.gradients(node_of(y), node_of(w), gradient=np.ones(W.shape)), 2 * W
    )


def test_another_block_takes_it_for_constants():
    with recording() as tape:
        w = tape.leaf(W)
    with recording():
        assert node_of(w * w) is None
    with recording() as tape:
        v = tape.leaf(W)
        y = node_of((w * v).sum())
    np.testing.assert_array_equal(ag.gradients(y, node_of(v)), W)


def test_a_leaf_of_a_tensor_is_that_tensor_and_nothing_of_it_is_changed():
    t = ag.Tensor(W, label="w")
    with recording() as tape:
        w = tape.leaf(t)
        w *= 2
        y = w.sum()
    np.testing.assert_array_equal(t.data, W)
    np.testing.assert_array_equal(ag.gradients(node_of(y), t), np.full(W.shape, 2.0))


def test_arrays_leave_no_trace():
    from autograd_mini.recording import memory

    before = len(memory._memories)
    with recording() as tape:
        w = tape.leaf(W)
        for _ in range(50):
            y = w * w
            y[0] = 0
    assert len(memory._memories) <= before + 2
    del w, y
    assert len(memory._memories) <= before


def test_methods_of_numbers_are_followed():
    def methods(w):
        a = w[0, 0].copy() * w[0, 1].sum() + w[0, 2].max() * w[1, 0].reshape(1)[0]
        b = w[1, 1].astype(float) ** 2 + w[1, 2].T * w[2, 0].real + w[2, 1].clip(-9, 9).mean()
        return a + b + float(w[2, 2]).real + w[3, 0].conjugate() + w[3, 1].ravel().dot([2.0])

    out, (w,), notes = recorded(methods, W)
    assert float(out) == float(methods(W))
    assert not notes
    wanted = [
        [W[0, 1], W[0, 0], W[1, 0]],
        [W[0, 2], 2 * W[1, 1], W[2, 0]],
        [W[1, 2], 1.0, 1.0],
        [1.0, 2.0, 0.0],
    ]
    np.testing.assert_array_equal(ag.gradients(node_of(out), node_of(w)), wanted)


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_matrices_keep_their_product_and_two_axes():
    def of_matrices(w):
        y = np.asmatrix(np.arange(8.0).reshape(2, 4)) * w
        z = (y.T * y) ** 2 + np.multiply(w[:3], w[1:]) + 2 * w[0, 0]
        row = z[0] * z.T
        z[1, 1] = 0.0
        z[:, 2] += z[:, 0]
        kinds = isinstance(y, np.matrix) and type(row) is np.matrix and row.shape == (1, 3)
        return (row.sum(axis=1) + z.sum() * kinds + z.mean(axis=0)[0, 1])[0, 0]

    w = np.asmatrix(W)
    out, (leaf,), notes = recorded(of_matrices, w)
    assert float(out) == float(of_matrices(w.copy()))
    assert not notes
    slopes = np.zeros(W.shape)
    for place in np.ndindex(W.shape):
        ends = []
        for step in (1e-5, -1e-5):
            moved = w.copy()
            moved[place] += step
            ends.append(of_matrices(moved))
        slopes[place] = (ends[0] - ends[1]) / 2e-5
    gradient = ag.gradients(node_of(out), node_of(leaf))
    np.testing.assert_allclose(gradient, slopes, rtol=1e-7)


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize(
    "made",
    [
        lambda m: m.ravel(),
        lambda m: m.flatten(),
        lambda m: m.copy(),
        lambda m: m.astype(float),
        lambda m: m.diagonal(),
        lambda m: np.matrix(m),
        lambda m: np.matrix(m.A1),
        lambda m: np.asmatrix(m.A[0]),
    ],
)
def test_what_is_made_of_a_matrix_is_one(made):
    m = np.asmatrix(W)
    out, _, notes = recorded(lambda w: made(w) * made(w).T, m)
    np.testing.assert_allclose(out, made(m) * made(m).T, rtol=1e-14)
    assert isinstance(out, np.matrix)
    assert node_of(out) is not None
    assert not notes
    assert recorded(lambda w: np.array(w.tolist()), m)[0].shape == W.shape


def test_arrays_without_elements_and_of_one():
    def empty(w):
        nothing = w[:, 3:] * 2
        nothing[:] = w[:, 3:]
        nothing[0:0] += 1
        one = np.array(w[0, 0])
        one[...] = one * w[1, 1]
        one[()] += 1
        return nothing.sum() + one + np.concatenate([nothing, w], axis=1)[0, 0] * one.item()

    out, (w,), notes = recorded(empty, W)
    assert not notes
    assert float(out) == float(empty(W))
    wanted = np.zeros(W.shape)
    wanted[0, 0] = W[1, 1] + 2 * W[0, 0] * W[1, 1] + 1
    wanted[1, 1] = W[0, 0] + W[0, 0] ** 2
    np.testing.assert_allclose(ag.gradients(node_of(out), node_of(w)), wanted, rtol=1e-14)


def test_a_large_constant_is_kept_once_and_as_it_was():
    data = np.ones((400, 300))
    with recording() as tape:
        w = tape.leaf(np.arange(300.0))
        first, second = node_of(data @ w), node_of(data @ (2 * w))
        data[0] = 7.0
        third = node_of(data @ w)
    assert first.parents[0] is second.parents[0]
    assert third.parents[0] is not first.parents[0]
    assert (first.parents[0][0, 0], third.parents[0][0, 0]) == (1.0, 7.0)
