"""Constants of other libraries: sparse matrices, frames; code that is written to the array API."""

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor
from autograd_mini.testing import check_function

M = np.array([[0.0, 2.0, 0.0], [1.5, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 3.0, 0.5]])
X, Y = np.array([0.3, -0.7, 1.2]), np.arange(6.0).reshape(3, 2) / 7
FORMATS = [
    "csr_matrix",
    "csr_array",
    "csc_array",
    "coo_array",
    "bsr_array",
    "lil_matrix",
    "dok_array",
]


@pytest.mark.parametrize("format", FORMATS)
def test_products_with_sparse_matrices(format):
    matrix = getattr(pytest.importorskip("scipy.sparse"), format)(M)
    for f, dense, x in (
        (lambda x: matrix @ x, lambda x: M @ x, X),
        (lambda x: matrix @ x, lambda x: M @ x, Y),
        (lambda x: matrix.dot(x) if format[:3] != "coo" else matrix @ x, lambda x: M @ x, X),
        (lambda x: x @ matrix, lambda x: x @ M, np.ones(4)),
        (lambda x: x @ matrix, lambda x: x @ M, np.ones((2, 4))),
        (lambda x: np.tanh(matrix @ x) @ matrix, lambda x: np.tanh(M @ x) @ M, X),
    ):
        out = f(Tensor(x))
        assert isinstance(out, Tensor)
        np.testing.assert_allclose(out.data, dense(x), rtol=1e-15)
        check_function(f, x)
        np.testing.assert_allclose(
            ag.jacobian(lambda x, f=f: np.sin(f(x)))(x),
            ag.jacobian(lambda x, dense=dense: np.sin(dense(x)))(x),
            rtol=1e-14,
        )


def test_a_sparse_matrix_that_is_changed_afterwards():
    sparse = pytest.importorskip("scipy.sparse")
    matrix = sparse.csr_array(M)
    t = Tensor(X)
    out = np.sum(matrix @ t)
    matrix.data[:] = 99.0
    np.testing.assert_array_equal(ag.gradients(out, t), M.sum(axis=0))
    with pytest.raises(ValueError, match=r"sparse_product of operands of shapes"):
        matrix @ Tensor(np.ones(5))
    with pytest.raises(TypeError, match="write matrix @ t for a sparse matrix"):
        matrix.multiply(t)


def test_frames_and_series_are_constants():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    t, numbers = Tensor([0.5, -1.0]), frame.to_numpy()
    for f in (
        lambda t, m: t @ m, lambda t, m: m * t, lambda t, m: t / m, lambda t, m: np.dot(m, t),
        lambda t, m: m - t, lambda t, m: np.maximum(m, t),
    ):  # fmt: skip
        out, exact = f(t, frame), f(t, numbers)
        assert isinstance(out, Tensor)
        np.testing.assert_array_equal(out.data, exact.data)
        loss, other = np.sum(out * out), np.sum(exact * exact)
        np.testing.assert_array_equal(ag.gradients(loss, t), ag.gradients(other, t))


def test_code_that_is_written_to_the_array_api():
    def attention(q, k):
        xp = q.__array_namespace__()
        scores = xp.matmul(q, xp.matrix_transpose(k)) / xp.sqrt(xp.asarray(float(k.shape[-1])))
        weights = xp.exp(scores - xp.max(scores, axis=-1, keepdims=True))
        weights = weights / xp.sum(weights, axis=-1, keepdims=True)
        return xp.linalg.matmul(weights, xp.concat([k, xp.astype(k, xp.float64)], axis=-1))

    q, k = np.ones((2, 3)) * X, np.sin(np.arange(12.0)).reshape(4, 3)
    np.testing.assert_allclose(attention(Tensor(q), Tensor(k)).data, attention(q, k), rtol=1e-15)
    check_function(attention, q, k)


def test_what_the_array_api_s_standard_names_is_there():
    """Each function of the standard that NumPy has gives NumPy's numbers; so do the attributes."""
    t = Tensor(X)
    assert t.device == "cpu"
    assert t.to_device("cpu") is t
    with pytest.raises(ValueError, match="Unsupported device"):
        t.to_device("cuda")
    found, exact = np.unique_all(t), np.unique_all(X)
    np.testing.assert_array_equal(found.values.data, exact.values)
    np.testing.assert_array_equal(found.inverse_indices, exact.inverse_indices)
    assert np.linalg.matrix_rank(t @ t.T) == np.linalg.matrix_rank(X @ X.T)


def test_arrays_of_xarray_are_constants_and_may_hold_tensors():
    xarray = pytest.importorskip("xarray")
    numbers = np.arange(6.0).reshape(2, 3)
    named = xarray.DataArray(numbers, dims=("row", "column"))
    w = np.array([1.0, -2.0, 0.5])
    for f in (
        lambda w, m: np.sum(np.sin(w * m)), lambda w, m: np.sum((m * w) ** 2),
        lambda w, m: np.sum(w * (m * w)), lambda w, m: np.sum(np.dot(m, w)),
        lambda w, m: (m * w).mean(), lambda w, m: np.sum(np.stack([m[0] * w, w])),
    ):  # fmt: skip
        np.testing.assert_allclose(ag.grad(f)(w, named), ag.grad(f)(w, numbers), rtol=1e-14)
    np.testing.assert_array_equal(ag.grad(lambda m: np.sum(m**2))(named), 2 * numbers)
