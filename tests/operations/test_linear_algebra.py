"""Linear algebra where it is degenerate, and beside its oracles; when seldom operations come."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, gradients
from autograd_mini.core.operation import OPERATIONS

TALL = np.array([[2.0, 0.3], [0.1, 1.5], [0.7, -0.4]])
SINGULAR = np.array([[1.0, 2.0], [2.0, 4.0]])
RNG = np.random.default_rng(0)
FULL = RNG.normal(size=(2, 4, 4))
POSITIVE = FULL @ FULL.mT + np.eye(4)


def test_vectors_of_no_singular_value_have_no_derivative():
    def extra(x):
        return np.sum(np.linalg.svd(x)[0][:, 2])

    with pytest.raises(np.linalg.LinAlgError, match="write full_matrices=False"):
        ag.grad(extra)(TALL)
    assert np.isnan(ag.jvp(extra, (TALL,), (np.ones((3, 2)),))[1])
    values = ag.grad(lambda x: np.sum(np.linalg.svd(x)[1]))(TALL)
    np.testing.assert_allclose(values, ag.grad(lambda x: np.linalg.norm(x, "nuc"))(TALL))


def test_a_singular_matrix_has_a_derivative_of_the_determinant_but_not_of_its_logarithm():
    assert ag.grad(np.linalg.det)(SINGULAR).tolist() == [[4, -2], [-2, 1]]
    with np.errstate(divide="ignore"), pytest.raises(np.linalg.LinAlgError, match="slogdet has no"):
        ag.grad(lambda x: np.linalg.slogdet(x)[1])(SINGULAR)
    with pytest.raises(np.linalg.LinAlgError, match=r"inv of operands of shapes \(2, 2\)"):
        np.linalg.inv(Tensor(SINGULAR))
    with pytest.raises(np.linalg.LinAlgError, match="columns depend on each other"):
        ag.grad(lambda x: np.sum(np.linalg.qr(x * np.array([1.0, 0.0]))[0]))(TALL)


def test_equal_eigenvalues_have_a_derivative_of_what_is_the_same_for_both():
    """Their sum, not the vectors, which is infinite."""
    found = ag.grad(lambda x: np.sum(np.linalg.eigh(x)[0]))(np.eye(3))
    np.testing.assert_allclose(found, np.eye(3), atol=1e-15)
    node = Tensor(np.eye(3))
    values = np.linalg.eigvalsh(node)
    assert values.operation.kinks_at(values.data, node.data, UPLO="L").all()


def test_complex_eigenvalues_are_refused():
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    with pytest.raises(TypeError, match=r"complex.*np.linalg.eigh"):
        np.linalg.eig(Tensor(turn))


def test_a_symmetric_matrix_has_a_symmetric_gradient_and_any_other_that_of_its_triangle():
    for function in (np.linalg.cholesky, np.linalg.eigvalsh):
        found = ag.grad(lambda x, f=function: np.sum(f(x) ** 3))(POSITIVE[0])
        np.testing.assert_allclose(found, found.T, rtol=1e-12)
        lower = ag.grad(lambda x, f=function: np.sum(f(x) ** 3))(np.tril(POSITIVE[0]))
        np.testing.assert_array_equal(np.triu(lower, 1), 0)
        np.testing.assert_allclose(np.tril(lower), np.tril(found + found.T * (1 - np.eye(4))))


def test_a_symmetric_derivation_agrees():
    """It holds for symmetric matrices alone, beside the point as well."""

    def loss(S):
        return 2 * np.sum(np.log(np.diagonal(np.linalg.cholesky(S))))

    assert ag.check_gradients(loss, {"S": POSITIVE[0]}, {"S": np.linalg.inv(POSITIVE[0])}).ok
    manual = lambda S: {"S": np.linalg.inv(S)}  # noqa: E731
    assert ag.check_gradients(loss, {"S": POSITIVE[0]}, manual).ok
    wrong = lambda S: {"S": 2 * np.linalg.inv(S)}  # noqa: E731
    assert not ag.check_gradients(loss, {"S": POSITIVE[0]}, wrong).ok


ORACLES = {
    "solve": (lambda m, x: m.linalg.solve(x, x.mT), FULL),
    "inv": (lambda m, x: m.linalg.inv(x), FULL),
    "det": (lambda m, x: m.linalg.det(x), FULL),
    "slogdet": (lambda m, x: m.linalg.slogdet(x)[1], FULL),
    "cholesky": (lambda m, x: m.linalg.cholesky(x), POSITIVE),
    "eigh": (lambda m, x: m.linalg.eigh(x)[1] ** 2, POSITIVE),
    "eigvalsh": (lambda m, x: m.linalg.eigvalsh(x), POSITIVE),
    "qr": (lambda m, x: m.linalg.qr(x[..., :3])[0], FULL),
    "svd": (lambda m, x: m.linalg.svd(x)[0] ** 2, FULL),
    "svdvals": (lambda m, x: m.linalg.svdvals(x), FULL),
    "pinv": (lambda m, x: m.linalg.pinv(x[..., :3]), FULL),
    "matrix_power": (lambda m, x: m.linalg.matrix_power(x, 3), FULL),
    "nuclear norm": (lambda m, x: m.linalg.matrix_norm(x, ord="nuc"), FULL),
}


@pytest.mark.parametrize("name", ORACLES)
def test_first_and_second_derivatives_are_those_of_pytorch(name):
    torch = pytest.importorskip("torch")
    function, x = ORACLES[name]
    ours = Tensor(x)
    theirs = torch.tensor(x, requires_grad=True)
    out, other = function(np, ours), function(torch, theirs)
    np.testing.assert_allclose(out.data, other.detach().numpy(), atol=1e-12)
    weights, moves = RNG.normal(size=out.shape), RNG.normal(size=x.shape)
    first = gradients(np.sum(out * weights), ours, create_graph=True)
    (wanted,) = torch.autograd.grad(
        (other * torch.tensor(weights)).sum(), theirs, create_graph=True
    )
    scale = float(wanted.detach().abs().max())
    np.testing.assert_allclose(first.data, wanted.detach().numpy(), rtol=1e-9, atol=1e-10 * scale)
    second = gradients(np.sum(first * moves), ours)
    (wanted,) = torch.autograd.grad((wanted * torch.tensor(moves)).sum(), theirs)
    scale = float(wanted.detach().abs().max())
    np.testing.assert_allclose(second, wanted.numpy(), rtol=1e-8, atol=1e-9 * scale)


def test_seldom_operations_are_imported_when_the_first_of_them_is_used():
    program = """
import sys
import numpy as np
import autograd_mini as ag
name = "autograd_mini.operations.seldom"
t = ag.Tensor(np.eye(2))
np.sum(np.exp(t) @ t).backward()
assert name not in sys.modules
assert np.linalg.inv(t).op == "inv"
assert name in sys.modules
import scipy.special
assert scipy.special.gammaln(t).op == "gammaln"
"""
    pytest.importorskip("scipy")
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_seldom_operation_is_pickled_by_its_name():
    assert pickle.loads(pickle.dumps(OPERATIONS["inv"])) is OPERATIONS["inv"]
