"""Arrays filled in place by plain code, with Tensors: values as NumPy's, gradients as at()'s."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_mini as ag
from autograd_mini import Tensor
from autograd_mini.core.graph import topological_order
from autograd_mini.operations.buffers import Buffer
from autograd_mini.testing import check_function

X = np.array([0.3, -0.7, 1.2, 0.5])


def convolution(x):
    out = np.zeros_like(x)
    for i in range(len(x)):
        for j in range(2):
            if i - j >= 0:
                out[i] += x[i - j] * (j + 1)
    return out


def recurrence(x):
    states = np.zeros_like(x, shape=(5,))
    for t in range(4):
        states[t + 1] = np.tanh(states[t] + x[t])
    return states


def update_at(x):
    out = np.ones_like(x)
    np.add.at(out, [0, 0, 3], x[:3])
    np.multiply.at(out, [1, 1], x[2:])
    out /= 2.0
    out[1:] **= 2
    return out


@pytest.mark.parametrize("f", [convolution, recurrence, update_at])
def test_the_same_code_over_arrays_and_tensors(f):
    out = f(Tensor(X))
    assert isinstance(out, Buffer)
    np.testing.assert_allclose(out.data, f(X), rtol=1e-15)
    check_function(lambda x: f(x) * 1.0, X)
    np.testing.assert_allclose(ag.jacobian(f)(X), ag.jacobian(lambda x: f(x) * 1.0)(X))


INDICES = st.sampled_from(
    [0, -1, 2, slice(None), slice(1, None), slice(None, None, -2), [0, 2], [1, 1, 3], ...,
     np.array([True, False, True, False]), (slice(None),), None, (slice(2), None)]
)  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from("=+*v"), INDICES, INDICES), min_size=1, max_size=8))
def test_any_writes_and_reads(program):
    """Random assignments: NumPy's numbers, and the gradients that at() has."""

    def run(x, out):
        early = []
        for kind, target, source in program:
            value = np.sum(np.sin(x[source])) * 0.5
            if kind == "=":
                out[target] = value
            elif kind == "+":
                out[target] += value * out[1]
            elif kind == "*":
                out[target] *= value
            else:
                view = out[1:3]
                view[:] = view * value
            early.append(out * 1.0)
        return sum(np.sum(each * (k + 1)) for k, each in enumerate(early)) + np.sum(out)

    def functional(x):
        out, early = x * 0.0, []
        for kind, target, source in program:
            value = np.sum(np.sin(x[source])) * 0.5
            if kind == "=":
                out = ag.at(out, target).set(value)
            elif kind == "+":
                out = ag.at(out, target).set(out[target] + value * out[1])
            elif kind == "*":
                out = ag.at(out, target).set(out[target] * value)
            else:
                out = ag.at(out, slice(1, 3)).set(out[1:3] * value)
            early.append(out)
        return sum(np.sum(each * (k + 1)) for k, each in enumerate(early)) + np.sum(out)

    value, gradient = ag.value_and_grad(lambda x: run(x, np.zeros_like(x)))(X)
    np.testing.assert_allclose(value, run(X, np.zeros_like(X)), rtol=1e-13)
    exact = ag.grad(functional)(X) if isinstance(functional(Tensor(X)), Tensor) else 0 * X
    np.testing.assert_allclose(gradient, exact, rtol=1e-12, atol=1e-14)


def test_what_was_recorded_before_a_write_keeps_its_numbers():
    t = Tensor(X)
    out = ag.zeros(4)
    constant = t * out  # a constant operand, of zeros
    out[0] = t[1]
    first = np.sum(out * out)
    out[0] = t[2] * 100
    out[1] = 3.0
    assert constant.data.tolist() == [0.0] * 4
    np.testing.assert_array_equal(ag.gradients(np.sum(constant), t), np.zeros(4))
    np.testing.assert_allclose(first.data, X[1] ** 2)
    np.testing.assert_allclose(ag.gradients(first, t), [0, 2 * X[1], 0, 0])
    source = np.ones(2)
    out[2:] = source
    source[:] = 9.0
    assert out.data[2:].tolist() == [1.0, 1.0]


def test_a_slice_is_a_view_and_a_list_of_indices_a_copy():
    t, out = Tensor(X), ag.zeros((2, 4))
    row = out[1]
    row[:2] = t[:2]
    row += 1.0
    np.testing.assert_array_equal(out.data[1], [X[0] + 1, X[1] + 1, 1, 1])
    picked = out[[0, 1]]
    assert not isinstance(picked, Buffer)
    constants = ag.zeros(3)
    copied = constants[[0, 1]]
    copied += t[:2]
    assert constants.data.tolist() == [0.0] * 3
    column = out[:, 0]
    column *= t[3]
    assert out.data[1, 0] == (X[0] + 1) * X[3]
    with ag.no_grad():
        out[0] = t
    assert not isinstance(out[0].stands_for(), Tensor) or not out[0].stands_for().parents


def test_filling_costs_what_is_written():
    """A thousand writes and reads make a graph of a few thousand nodes, with small operands."""
    t = Tensor(np.linspace(0, 1, 1000))
    out = ag.zeros(1000)
    out[0] = t[0]
    for i in range(1, 1000):
        out[i] = out[i - 1] * 0.5 + t[i]
    order = topological_order(np.sum(out))
    assert len(order) < 6000
    assert sum(len(node.parents) for node in order) < 12_000
    np.testing.assert_allclose(ag.gradients(np.sum(out), t)[0], 2.0, rtol=1e-12)


def test_arrays_of_nested_lists():
    t = Tensor(2.0)
    found = ag.array([[t, 0], [1, t * t]])
    np.testing.assert_array_equal(found.data, [[2, 0], [1, 4]])
    assert ag.gradients(found[1, 1] * found[0, 0], t) == 12.0
    rows = ag.array([Tensor(X), X * 2, [t, t, 0, 1]])
    assert rows.shape == (3, 4)
    assert type(ag.array([[1, 2], [3, 4]])) is np.ndarray
    assert ag.array([[], []]).shape == (2, 0)
    with pytest.raises(ValueError, match=r"have one shape; found \(2,\) and \(\)"):
        ag.array([[t, t], t])


def test_a_buffer_is_used_as_an_array_is():
    t, out = Tensor(X), ag.zeros((4, 4))
    out[0] = t
    for f in (
        np.tanh, np.sum, np.linalg.norm, ag.sigmoid, ag.softmax, ag.logsumexp, lambda a: a @ a,
        lambda a: X @ a, lambda a: t * a, lambda a: 1.0 - a, lambda a: -a[0], lambda a: a.T,
        lambda a: a.sum(axis=0), lambda a: np.concatenate([a, a]), lambda a: next(iter(a)) * 1,
        lambda a: ag.where(a > 0, a, 2.0), lambda a: ag.affine(X, a, t), lambda a: np.abs(a),
        lambda a: ag.at(a, 0).add(t), lambda a: a.reshape(2, 8), lambda a: abs(a),
    ):  # fmt: skip
        made = f(out)
        assert isinstance(made, Tensor)
        np.testing.assert_array_equal(made.data, f(out.stands_for()).data)
    assert (len(out), out.shape, out.ndim, out.size, out.dtype) == (4, (4, 4), 2, 16, float)
    assert out[0, 1].item() == X[1]
    assert type(ag.zeros(2) + np.ones(2)) is np.ndarray  # nothing recorded, nothing to record
    assert type(np.exp(ag.zeros(2))) is np.ndarray


def test_what_a_buffer_is_not_for_is_said():
    t, out = Tensor(X), ag.zeros(4)
    assert np.asarray(out).tolist() == [0.0] * 4
    out[0] = t[0]
    with pytest.raises(TypeError, match="would drop the gradient"):
        np.asarray(out)
    with pytest.raises(TypeError, match="writes into an array in its own way: write out"):
        np.copyto(out, t)
    with pytest.raises(ValueError, match=r"a value of shape \(4,\) does not fit.* \(3,\)"):
        out[1:] = t
    with pytest.raises(TypeError, match="complex"):
        out[0] = 1j
    with pytest.raises(TypeError, match="a Tensor is no index"):
        out[t] = 1.0
    with pytest.raises(IndexError):
        out[9] = t[0]
    with pytest.raises(TypeError, match="complex"):
        ag.zeros(2, complex)
