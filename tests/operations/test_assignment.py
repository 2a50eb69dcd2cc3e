"""``at(t, index).set | .add | .mul``: NumPy's numbers, and derivatives to second order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays, basic_indices, integer_array_indices

import autograd_mini as ag
from autograd_mini.testing import check_function

torch = pytest.importorskip("torch")

X = np.linspace(0.5, 2.0, 12).reshape(3, 4) * np.where(np.arange(12).reshape(3, 4) % 2, 1, -1)
INDICES = [
    (np.s_[1], (4,)),
    (np.s_[:, 1], (3,)),
    (np.s_[::2, None, -1], (2, 1)),
    (np.s_[..., 0], ()),
    ((np.array([0, 2, 2]), np.array([1, 1, 1])), (3,)),
    ([0, 0], (2, 4)),
    (X > 1, (1,)),
    (np.s_[1:1], (4,)),
    ((0, 1), ()),
]
METHODS = {"set": None, "add": np.add, "mul": np.multiply}


def values(shape):
    return np.linspace(-1.0, 3.0, int(np.prod(shape))).reshape(shape) + 0.1


@pytest.mark.parametrize("number", range(len(INDICES)))
@pytest.mark.parametrize("name", METHODS)
def test_numbers_are_numpys_and_derivatives_true(name, number):
    index, shape = INDICES[number]
    wanted = X.copy()
    if name == "set":
        wanted[index] = values(shape)
    else:
        METHODS[name].at(wanted, index, values(shape))
    np.testing.assert_allclose(getattr(ag.at(X, index), name)(values(shape)), wanted, atol=1e-15)
    check_function(lambda x, v: getattr(ag.at(x, index), name)(v), X, values(shape))


def test_the_array_itself_stays_as_it_is():
    t, array = ag.Tensor(X), X.copy()
    ag.at(t, 0).set(9.0)
    ag.at(array, 0).add(9.0)
    np.testing.assert_array_equal(t.data, X)
    np.testing.assert_array_equal(array, X)


@given(st.data())
def test_set_is_assignment_for_any_index(data):
    x = data.draw(arrays(float, array_shapes(max_dims=3, max_side=4), elements=st.floats(-9, 9)))
    index = data.draw(st.one_of(basic_indices(x.shape), integer_array_indices(x.shape)))
    v = np.cos(np.arange(x[index].size)).reshape(np.shape(x[index]))
    wanted = x.copy()
    wanted[index] = v
    np.testing.assert_array_equal(ag.at(ag.Tensor(x), index).set(v).data, wanted)


def test_gradients_are_those_of_torch():
    rows, columns = np.array([0, 1, 2]), np.array([3, 0, 3])
    t, v = ag.Tensor(X), ag.Tensor(values((3,)))
    made = ag.at(ag.at(t, (rows, columns)).set(v), np.s_[:, 0]).add(v * v)
    ours = ag.gradients((made * made).sum(), [t, v])
    x, u = (torch.tensor(a, requires_grad=True) for a in (X, values((3,))))
    filled = x.clone()
    filled[rows, columns] = u
    filled[:, 0] += u * u
    (filled * filled).sum().backward()
    for one, other in zip(ours, (x.grad, u.grad), strict=True):
        np.testing.assert_allclose(one, other.numpy(), rtol=1e-14)


def test_dtypes_and_kinds():
    t = ag.Tensor(X.astype(np.float32))
    assert ag.at(t, 0).set(np.ones(4)).dtype == np.float32
    assert ag.at([1, 2], 0).set(ag.Tensor(3.0)).data.tolist() == [3.0, 2.0]
    assert ag.at(np.array([1, 2]), 0).add(0.5).tolist() == [1.5, 2.0]


def test_errors_say_what_was_found():
    t = ag.Tensor(X)
    with pytest.raises(ValueError, match=r"of shape \(3,\) does not fit what .* shape \(4,\)"):
        ag.at(t, 0).set(np.ones(3))
    with pytest.raises(IndexError, match="out of bounds"):
        ag.at(t, 7)
    with pytest.raises(TypeError, match="a Tensor is no index"):
        ag.at(t, ag.Tensor(1.0))
    with pytest.raises(TypeError, match="real numbers"):
        ag.at(np.array(["a"]), 0)
    with pytest.raises(TypeError, match=r"ag.at\(t, i\).set\(v\)"):
        t[0] = 1.0
