"""Random programs of views, writes and ufuncs: NumPy's numbers to the last bit, true gradients."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import autograd_mini as ag
from autograd_mini.recording import RecordedArray, node_of, recording

STEP = 1e-30
"""The imaginary step, by which NumPy's own arithmetic differentiates a program without rounding."""

BASIC = [
    np.s_[1:], np.s_[::-1], np.s_[::2], np.s_[..., 0:1], np.s_[None], np.s_[:, 1], np.s_[0],
    np.s_[..., ::-1], np.s_[:-1, 1:], np.s_[1, ...], np.s_[0, 1], np.s_[..., -1],
]  # fmt: skip
FANCY = [
    np.array([1, 0]), [0, 0, 1], (np.array([0, 1]), np.array([1, 1])), (slice(None), [0, 1, 1]),
    (np.array([[0], [1]]), np.array([1, 0])), np.array([0]),
]  # fmt: skip
VIEWS = [
    lambda x: x.T,
    lambda x: x.reshape(-1),
    lambda x: x.ravel(),
    lambda x: np.swapaxes(x, 0, -1),
    lambda x: x[..., None],
    lambda x: np.squeeze(x),
    lambda x: x.reshape(x.shape[::-1]),
    lambda x: np.lib.stride_tricks.sliding_window_view(x, 2, axis=0),
    lambda x: np.diagonal(x),
    lambda x: np.broadcast_to(x, (2, *x.shape)),
    lambda x: np.split(x, 2)[1],
]
NEW = [
    lambda x: np.exp(0.3 * x),
    lambda x: x * x,
    lambda x: np.sin(x) + 1,
    lambda x: x.copy(),
    lambda x: x.sum(axis=0),
    lambda x: np.cumsum(x, axis=-1),
    lambda x: np.concatenate([x, 2 * x]),
    lambda x: x @ x.T,
    lambda x: np.stack([row * 2 for row in x]),
    lambda x: np.full_like(x, 0.25) * x[0],
    lambda x: np.pad(x, 1),
    lambda x: np.take(x, [0, 1, 0], axis=0),
    lambda x: x.flatten("F"),
    lambda x: np.multiply.outer(x[0], x[-1]),
]
PAIRS = [np.add, np.subtract, np.multiply]


def run(steps, array, made=lambda array: array, new_array=np.array):
    """What a program leaves, its arrays in the order in which they came to be; what it raised."""
    raised = []
    pool = [array, made(np.zeros((3, 2), array.dtype)), array * 0.5]
    for kind, i, j, k in steps:
        if len(pool) > 8:
            del pool[3]
        x, y = pool[i % len(pool)], pool[j % len(pool)]
        try:
            _step(kind, x, y, k, pool, made, new_array)
        except (ValueError, IndexError, TypeError, AttributeError) as error:
            raised.append(f"{type(error).__name__}: {error}")
            pool.append(made(np.full(2, 0.7, array.dtype)))
        pool = [each for each in pool if isinstance(each, np.ndarray) and 0 < each.size < 200]
    return pool, raised


def _step(kind, x, y, k, pool, made, new_array):
    match kind:
        case 0:
            pool.append(x[BASIC[k % len(BASIC)]])
        case 1:
            pool.append(VIEWS[k % len(VIEWS)](x))
        case 2:
            pool.append(made(NEW[k % len(NEW)](x)))
        case 3:
            x[BASIC[k % len(BASIC)]] = y
        case 4:
            x[BASIC[k % len(BASIC)]] = 0.1 * k
        case 5:
            x[FANCY[k % len(FANCY)]] = y
        case 6:
            x[FANCY[k % len(FANCY)]] += y[0]
        case 7:
            x *= 0.5
            x += y
        case 8:
            PAIRS[k % 3](x, y, out=x)
        case 9:
            np.add.at(x, FANCY[k % len(FANCY)], y[0])
        case 10:
            pool.append(PAIRS[k % 3](x, y))
        case 11:
            x[x.real > 0.5] = 0.3
        case 12:
            x.flat[k % x.size] = y.flat[0] * y.flat[-1]
        case 13:
            np.copyto(x, y)
        case 14:
            pool.append(x[FANCY[k % len(FANCY)]])
        case 15:
            x[:] = [row * 0.5 for row in x]
        case 16:
            np.multiply(x, y, out=x, where=np.asarray(x.real) > 0)
        case 17:
            pool.append(new_array([x[0], x[1] * 0.5]))
        case 18:
            pool.append(new_array(x.tolist()))
        case 19:
            pool.append(new_array(x, order="F"))
        case 20:
            x.shape = x.shape[::-1]
        case 21:
            x[0], x[1] = x[1], x[0]
        case 22:
            np.sum(x, axis=0, out=y[0])
        case 23:
            x.fill(y.flat[0])
        case 24:
            x[x.real > 0] *= y.flat[0]
        case 25:
            np.put(x, [0, k % x.size, 1], y.copy())
        case 26:
            np.place(x, np.asarray(x.real) > 0.2, y.flatten())
        case 27:
            np.fill_diagonal(x, y[0].copy())
        case 28:
            for row in x:
                row -= 0.25 * row[0]
        case 29:
            pool.append(np.where(np.asarray(x.real) > 0, x, y))
        case 30:
            x.T[k % 2] = x.T[0] * y[0, 0]


def loss(pool):
    total = 0.0
    for n, each in enumerate(pool):
        weights = np.cos(np.arange(each.size) + n).reshape(each.shape)
        total = total + np.sum(np.tanh(0.1 * each) * weights)
    return total


STEPS = st.lists(st.tuples(*(st.integers(0, top) for top in (30, 7, 7, 14))), max_size=12)
START = np.array([[0.3, -0.7], [0.9, 0.2], [-0.4, 0.6]])


@given(STEPS)
@example([(0, 0, 0, 1), (3, 3, 0, 0), (1, 0, 0, 1), (7, 4, 4, 0), (2, 0, 0, 7)])
@example([(8, 6, 5, 2), (6, 7, 3, 7), (4, 6, 4, 13), (9, 0, 2, 1), (18, 3, 7, 5)])
@example([(3, 4, 5, 8), (3, 6, 5, 0), (0, 6, 6, 5), (4, 1, 0, 1), (6, 1, 0, 11)])
@example([(20, 2, 4, 1), (5, 6, 1, 10), (2, 0, 0, 14), (30, 1, 0, 4), (0, 5, 4, 5), (20, 4, 1, 11)])
@example([(1, 0, 0, 7), (6, 3, 0, 1), (9, 0, 1, 2), (12, 0, 1, 4), (16, 0, 2, 0)])
def test_random_programs(steps):
    plain, raises = run(steps, START.copy())
    with recording() as tape:
        leaf = tape.leaf(START)
        start = leaf.copy()
        pool, raised = run(steps, start, tape.made, tape.follow(np.array))
        out = loss(pool)
    assert not tape.notes
    assert raised == raises
    assert len(pool) == len(plain)
    for ours, theirs in zip(pool, plain, strict=True):
        assert isinstance(ours, RecordedArray)
        np.testing.assert_array_equal(np.asarray(ours), theirs)
        assert (ours.shape, ours.strides, ours.flags.writeable) == (
            theirs.shape, theirs.strides, theirs.flags.writeable
        )  # fmt: skip
    node = node_of(out)  # none where all was overwritten
    gradient = np.zeros(START.shape) if node is None else ag.gradients(node, node_of(leaf))
    for place in np.ndindex(START.shape):
        moved = START.astype(complex)
        moved[place] += STEP * 1j
        slope = loss(run(steps, moved)[0]).imag / STEP
        assert gradient[place] == pytest.approx(slope, rel=1e-9, abs=1e-12)
