"""Plain NumPy code as it stands is recorded: its numbers are NumPy's, its gradients true."""

import math

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini.check.lines.program import Program
from autograd_mini.differences import derivative
from autograd_mini.recording import node_of, recording

RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 4))
W = RNG.normal(size=(4, 3))
SHIFTS = np.array([1.0, -2.0, 0.5, 3.0])


def recorded(function, *arrays):
    """What a function gives of leaves, run as a program; the leaves, and what was noted."""
    results = []

    def entry(follow):
        results.append(follow(function)(*leaves))
        return {}

    with recording() as tape:
        leaves = [tape.leaf(array, f"x{k}") for k, array in enumerate(arrays)]
        run = Program(entry).run(recorded=tape)
        if run.error is not None:
            raise run.error
    return results[0], leaves, tape.notes


def slopes(function, array):
    """The numerical gradient of a function of one array, with its errors."""
    found, errors = np.zeros(array.shape), np.zeros(array.shape)
    for place in np.ndindex(array.shape):

        def along(number, place=place):
            moved = array.copy()
            moved[place] = number
            return float(function(moved))

        found[place], errors[place] = derivative(along, float(array[place]))
    return found, errors


def check(function, array, noted=()):
    """Numbers are bit for bit those of plain NumPy, gradients those of differences."""
    out, (leaf,), notes = recorded(function, array)
    plain = function(array.copy())
    assert float(out) == float(plain)
    assert type(out).__mro__[1] is type(plain) or type(out) is type(plain)
    assert [note.message for note in notes] == list(noted)
    wanted, errors = slopes(function, array)
    given = ag.gradients(node_of(out), node_of(leaf))
    np.testing.assert_array_less(np.abs(given - wanted), 4 * errors + 1e-9)
    return given


FORMS = {}


def form(function):
    FORMS[function.__name__] = function
    return function


@form
def writes_into_zeros(w):
    out = np.zeros((5, 3))
    for i in range(5):
        for j in range(3):
            out[i, j] = X[i].dot(w[:, j])
    return np.sum(np.tanh(out))


@form
def a_mask(w):
    y = w * 2
    y[y < 0] = 0
    y[y > 1] *= y[y > 1]
    return y.sum()


@form
def an_ellipsis(w):
    y = np.zeros_like(w)
    y[...] += w * w
    y[..., 1] -= w[..., 0]
    return (y * y).sum()


@form
def elements_named_twice(w):
    y = np.ones(4)
    np.add.at(y, [0, 2, 2], w[:3, 0])
    np.subtract.at(y, (np.array([1, 1]),), w[:2, 1])
    np.multiply.at(y, [3, 3, 0], w[1:, 2])
    return (y**2).sum()


@form
def an_output_array(w):
    out = np.empty_like(w)
    np.maximum(w, 0, out=out)
    np.multiply(out, w, out)
    np.add(out, 1, out=out, where=w > 0)
    np.sum(out, axis=0, out=out[0])
    return (out * w).sum()


@form
def methods_of_ufuncs(w):
    a = np.add.accumulate(w, axis=1) + np.multiply.accumulate(w)
    b = np.multiply.outer(w[0], w[1]).sum() + np.add.reduceat(w[:, 0], [0, 1, 3]).prod()
    c = np.maximum.reduce(w, axis=0, initial=0.1).sum() + np.add.reduce(w, axis=None, where=w > 0)
    return (a * a).sum() + b * c


@form
def copies_and_updates_in_place(w):
    a = w.copy()
    b = a
    b *= 2
    a -= w[0]
    c = a[::2]
    c /= 3
    a.fill(0) if a is not b else None
    return np.sum(w + a)


@form
def in_place_of_a_view(w):
    a = w * w
    rows = a[1:]
    rows += w[:3]
    a.T[2] = 7
    a.reshape(-1)[4] = w[0, 0]
    flat = a.ravel()
    flat[0] *= 3
    return np.sum(a * a) + rows[0, 0]


@form
def sorted_in_place(w):
    a = w.copy()
    a.sort(axis=0)
    return (a * SHIFTS[:, None]).sum() + np.sort(w)[:, -1].sum()


@form
def strides(w):
    a = np.ascontiguousarray(w)
    s = np.lib.stride_tricks.as_strided(a, (3, 2, 3), (24, 24, 8))
    windows = np.lib.stride_tricks.sliding_window_view(a, (2, 2))
    return (s**2).mean() + np.exp(windows).sum()


@form
def im2col(w):
    image = np.pad(np.concatenate([w, w * w], axis=1), 1)
    columns = np.zeros((9, 4, 6))
    for i in range(3):
        for j in range(3):
            columns[i * 3 + j] = image[i : i + 4, j : j + 6]
    return ((np.arange(9.0) @ columns.reshape(9, -1)) ** 2).sum()


@form
def labels(w):
    scores = X @ w
    scores -= scores.max(axis=1, keepdims=True)
    p = np.exp(scores)
    p /= p.sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(5), [0, 2, 1, 1, 0]]).mean()


@form
def labels_by_a_range(w):
    p = np.exp((X @ w).T)
    p = (p / p.sum(axis=0)).T
    p[range(5), (0, 2, 1, 1, 0)] -= 1
    p[:2][range(1), 2] *= p[4, range(3)].sum() + w[0, 0]
    return (p**2).sum()


@form
def views_by_shape(w):
    a = w.reshape(2, 6).T.transpose(1, 0).swapaxes(0, 1)[:, None].squeeze()
    b = np.moveaxis(w[None], 0, -1).flatten() + w.ravel()
    return (a @ a.T).sum() + (b * b).sum() + w.flat[3] + sum(w.T.flat)


@form
def rows_of_an_array(w):
    total = 0.0
    for k, row in enumerate(w):
        for x in row:
            total += x**k
    first, *_, last = w
    return total + first @ last


@form
def numbers_taken_out(w):
    a, b = float(w[0, 0]), w[1, 1].item()
    loss, best = a * b, 1e9
    if loss < best:
        best = loss
    text = f"{loss:.3f} {w[0, 0]} {int(w[0, 1])}"
    return best + w.sum().item() * len(text)


@form
def arrays_of_recorded_numbers(w):
    a = np.array([[w[0, 0], 1.0], [float(w[1, 0]) ** 2, w[0, 2]]])
    b = np.array([w[0], w[1]])
    c = np.array([row * row for row in w])
    d = np.asarray(w, dtype=float)
    e = np.stack([w[0], np.ones(3)]) + np.array(w)[:2]
    return (a @ a).sum() + (b * c[:2]).sum() + d.sum() + (e * e).sum()


@form
def lists_of_floats(w):
    rows = w.tolist()
    hidden = [
        math.tanh(sum(a * b for a, b in zip(row, [1.0, -2.0, 0.5], strict=True))) for row in rows
    ]
    exps = [math.exp(h) for h in hidden]
    total = sum(exps)
    probabilities = [e / total for e in exps]
    return -math.log(probabilities[2]) + max(hidden) * min(exps) + math.sqrt(sum(exps))


@form
def products(w):
    a = np.dot(X, w) + X.dot(w) + np.matmul(X, w)
    b = np.einsum("ij,jk->ki", X, w) + np.tensordot(w, X, ([0], [1]))
    return (a.T * b).sum() + np.outer(w[0], w[1]).sum() + np.inner(w, w)[0, 1] + np.vdot(w, w)


@form
def statistics(w):
    a = w.std(axis=0) + w.var(0) + np.mean(w, axis=0) + w.max(0) - np.median(w, axis=0)
    return (a * a).sum() + np.linalg.norm(w) + w.prod() + np.ptp(w) + np.average(w, weights=w * w)


@form
def choices(w):
    a = np.clip(w, -0.5, 0.5) + np.where(w > 0, w, 0.1 * w) + np.abs(w)
    b = np.take(w, [0, 5, 5]) * np.choose([0, 1, 0], w[:2])
    c = np.zeros(6)
    np.put(c, [0, 3], w[0, :2])
    np.copyto(c[4:], w[1, :2])
    np.putmask(c, c == 0, w[2])
    return (a * a).sum() + b.sum() + (c**2).sum() + np.nan_to_num(w / w[0]).sum()


@form
def joined(w):
    a = np.vstack([w, w[:1]]) + np.concatenate([w[:1], w])
    b = np.hstack([w[:, :1], w]) * np.tile(w[:, :2], 2) + np.repeat(w[:, :2], 2, axis=1)
    c = np.dstack([w, w])[:, :, 0] + np.roll(w, 1) + np.flip(w, 0) + np.rot90(w, 2)
    one, two = np.split(c, 2)
    one *= two
    return (a * a).sum() + (b * b).sum() + (c * w).sum() + np.cumsum(w).sum()


@form
def functions_of_elements(w):
    a = np.vectorize(_sigmoid)(w)
    b = np.apply_along_axis(_unit, 1, w)
    c = list(map(math.sin, w[0].tolist()))
    return (a * b).sum() + sum(c) + np.array(c).sum()


def _sigmoid(z):
    return 1 / (1 + math.exp(-z))


def _unit(row):
    return row / np.sqrt(row @ row)


@form
def narrower_floats(w):
    a = w.astype(np.float64)
    out = np.zeros(3)
    out += a[0].astype(float)
    return (out * out).sum() + np.float64(w[0, 0]) * np.float64(2)


@form
def a_recurrence(w):
    h = np.zeros((6, 3))
    for t in range(1, 6):
        h[t] = np.tanh(h[t - 1] @ w[:3] + w[3])
    return (h * h).sum()


@form
def an_array_in_the_order_of_columns(w):
    a = np.asfortranarray(w * w)
    b = np.array(w * 2, order="F")
    b[1] = a[0]
    c = np.reshape(b, (3, 4), order="F")
    c[0] *= 2
    return (c * c).sum() + b.ravel(order="F")[2] + a.flatten("F")[1]


@pytest.mark.parametrize("name", FORMS)
def test_forms(name):
    check(FORMS[name], W)


def test_a_view_that_is_read_twice_is_one_node_until_its_array_is_written():
    def read(w):
        turned = w * 2
        before = [node_of(turned.T), node_of(turned.T), node_of(turned[1:])]
        turned[0, 0] = 1.0
        return [*before, node_of(turned.T)]

    (first, again, other, after), _, _ = recorded(read, X)
    assert first is again
    assert other is not first
    assert after is not first
    assert after.data[0, 0] == 1.0
