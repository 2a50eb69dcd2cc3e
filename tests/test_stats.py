"""autograd_mini.stats: SciPy's numbers, and derivatives in every argument."""

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor
from autograd_mini.testing import check_function

scipy_stats = pytest.importorskip("scipy.stats")
stats = ag.stats

X = np.array([0.4, 1.3, 2.2, 0.1])
P = np.array([0.2, 0.35, 0.6, 0.9])
LOC, SCALE = np.array([0.05, -0.1, 0.02, -0.3]), np.array([[1.5], [0.8]])
COV = np.array([[2.0, 0.3, 0.1], [0.3, 1.0, -0.2], [0.1, -0.2, 0.5]])
COUNTS = np.array([0.0, 3.0, 2.0, 5.0])

CALLS = {
    **{f"norm.{f}": (X, LOC, SCALE) for f in ("logpdf", "pdf", "cdf", "logcdf", "sf", "logsf")},
    "t.logpdf": (X, np.array([1.5, 3.0, 8.0, 40.0]), LOC, SCALE),
    "t.pdf": (X, 2.5, LOC, SCALE),
    "gamma.logpdf": (X, 1 + P, LOC * 0, SCALE),
    "gamma.pdf": (X, 1 + P),
    "chi2.logpdf": (X, 2 + P),
    "chi2.pdf": (X, 3.0),
    "beta.logpdf": (P, 1 + X, 2 + P),
    "beta.pdf": (P, 1 + X, 2 + P),
    "multivariate_normal.logpdf": (np.stack([X[:3], P[:3]]), LOC[:3]),
    "multivariate_normal.pdf": (X[:3],),
    "dirichlet.logpdf": (np.array([0.2, 0.3, 0.5]), np.array([1.5, 2.0, 3.0])),
}
OF_ONE = {
    "t.cdf": (lambda f: lambda x: f(x, 2.5, 0.1, 1.3), X),
    "t.logcdf": (lambda f: lambda x: f(x, 2.5), X),
    "gamma.cdf": (lambda f: lambda x: f(x, 1.7), X),
    "chi2.cdf": (lambda f: lambda x: f(x, 3), X),
    "beta.cdf": (lambda f: lambda x: f(x, 1.7, 2.2), P),
    "poisson.logpmf": (lambda f: lambda mu: f(COUNTS, mu), X),
    "poisson.pmf": (lambda f: lambda mu: f(COUNTS, mu), X),
    "poisson.cdf": (lambda f: lambda mu: f(COUNTS, mu), X),
    "binom.logpmf": (lambda f: lambda p: f(COUNTS, 5, p), P),
    "binom.pmf": (lambda f: lambda p: f(COUNTS, 5, p), P),
    "multivariate_normal.entropy": (lambda f: lambda s: f(LOC[:3], COV * s), np.array(1.3)),
    "multivariate_normal.logpdf": (lambda f: lambda s: f(X[:3], P[:3], COV * s), np.array(2.0)),
}  # fmt: skip


def of(module, name):
    distribution, function = name.split(".")
    return getattr(getattr(module, distribution), function)


@pytest.mark.parametrize("name", CALLS)
def test_densities_by_every_argument(name):
    ours, exact, arguments = of(stats, name), of(scipy_stats, name), CALLS[name]
    np.testing.assert_allclose(ours(*map(Tensor, arguments)).data, exact(*arguments), rtol=1e-12)
    if not name.startswith("dirichlet"):  # whose density SciPy has on the simplex alone
        check_function(ours, *arguments)


@pytest.mark.parametrize("name", OF_ONE)
def test_functions_of_one_argument(name):
    of_one, x = OF_ONE[name]
    ours, exact = of_one(of(stats, name)), of_one(of(scipy_stats, name))
    np.testing.assert_allclose(ours(Tensor(x)).data, exact(x), rtol=1e-12)
    check_function(ours, x)


def test_a_gradient_by_a_covariance_is_symmetric():
    loss = lambda cov: stats.multivariate_normal.logpdf(X[:3], P[:3], cov)  # noqa: E731
    inverse, away = np.linalg.inv(COV), X[:3] - P[:3]
    exact = (inverse @ np.outer(away, away) @ inverse - inverse) / 2
    np.testing.assert_allclose(ag.grad(loss)(COV), exact, rtol=1e-10)


def test_a_singular_covariance_spans_a_space():
    cov = np.array([[2.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 0.0]])
    x = np.array([[0.3, -0.2, 0.0], [1.0, 2.0, 0.0]])
    ours = lambda s: stats.multivariate_normal.logpdf(x * s, np.zeros(3), cov, True)  # noqa: E731
    exact = scipy_stats.multivariate_normal.logpdf(x, np.zeros(3), cov, allow_singular=True)
    np.testing.assert_allclose(ours(Tensor(1.0)).data, exact, rtol=1e-12)
    check_function(ours, np.array(1.3))
    with pytest.raises(np.linalg.LinAlgError):
        stats.multivariate_normal.logpdf(x, np.zeros(3), cov)


def test_outside_of_the_support_the_density_is_zero():
    for name, x, *others in (
        ("gamma.logpdf", -1.0, 2.0),
        ("beta.logpdf", 1.5, 2.0, 3.0),
        ("poisson.logpmf", 1.5, 2.0),
        ("poisson.logpmf", -1.0, 2.0),
        ("binom.logpmf", 6.0, 5, 0.5),
    ):
        found, exact = of(stats, name)(x, *others), of(scipy_stats, name)(x, *others)
        assert float(found) == exact == -np.inf
        parameter = others[-1]
        assert (
            ag.grad(lambda p, n=name, x=x, o=others: of(stats, n)(x, *o[:-1], p))(parameter) == 0.0
        )


def test_where_scipy_s_own_would_drop_the_gradient_ours_is_named():
    with pytest.raises(TypeError, match=r"write ag.stats's logpdf, as ag.stats.norm.logpdf\(t\)"):
        scipy_stats.norm.logpdf(Tensor(X))
    with pytest.raises(TypeError, match="for its last argument alone"):
        stats.t.cdf(X, Tensor(2.0))
