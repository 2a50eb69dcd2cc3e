"""Densities of ``scipy.stats``, of Tensors: the same names, arguments and numbers.

    from autograd_mini import stats

    stats.norm.logpdf(x, mean, scale)

Outside of a distribution's support the density is 0 and its logarithm -inf.  SciPy is needed for
the special functions in them.

>>> from autograd_mini import grad
>>> x = np.array([1.0, 2.0, 6.0])
>>> grad(lambda mean: np.sum(norm.logpdf(x, mean, 2.0)))(3.0)
0.0
"""

from __future__ import annotations

import numpy as np
from scipy import special

from autograd_mini.core.tensor import plain
from autograd_mini.operations.linear_algebra import transposed
from autograd_mini.typing import Operand

_LOG_TURN = float(np.log(2 * np.pi))


def _standard(x: Operand, loc: Operand, scale: Operand) -> Operand:
    return (x - loc) / scale


def _inside(inside: Operand, z: Operand, safe: float) -> Operand:
    """``z`` where it is inside of the support, elsewhere a number that is."""
    return np.where(inside, z, safe)


class norm:
    """The normal distribution, of a mean ``loc`` and a standard deviation ``scale``."""

    @staticmethod
    def logpdf(x: Operand, loc: Operand = 0.0, scale: Operand = 1.0) -> Operand:
        z = _standard(x, loc, scale)
        return -z * z / 2 - _LOG_TURN / 2 - np.log(scale)

    @staticmethod
    def pdf(x: Operand, loc: Operand = 0.0, scale: Operand = 1.0) -> Operand:
        return np.exp(norm.logpdf(x, loc, scale))

    @staticmethod
    def cdf(x: Operand, loc: Operand = 0.0, scale: Operand = 1.0) -> Operand:
        return special.ndtr(_standard(x, loc, scale))

    @staticmethod
    def logcdf(x: Operand, loc: Operand = 0.0, scale: Operand = 1.0) -> Operand:
        return special.log_ndtr(_standard(x, loc, scale))

    @staticmethod
    def sf(x: Operand, loc: Operand = 0.0, scale: Operand = 1.0) -> Operand:
        return special.ndtr(-_standard(x, loc, scale))

    @staticmethod
    def logsf(x: Operand, loc: Operand = 0.0, scale: Operand = 1.0) -> Operand:
        return special.log_ndtr(-_standard(x, loc, scale))


class t:
    """Student's t, of ``df`` degrees of freedom."""

    @staticmethod
    def logpdf(x: Operand, df: Operand, loc: Operand = 0.0, scale: Operand = 1.0) -> Operand:
        z = _standard(x, loc, scale)
        half = df / 2
        constant = special.gammaln(half + 0.5) - special.gammaln(half) - np.log(np.pi * df) / 2
        return constant - (half + 0.5) * np.log1p(z * z / df) - np.log(scale)

    @staticmethod
    def pdf(x: Operand, df: Operand, loc: Operand = 0.0, scale: Operand = 1.0) -> Operand:
        return np.exp(t.logpdf(x, df, loc, scale))

    @staticmethod
    def cdf(x: Operand, df: Operand, loc: Operand = 0.0, scale: Operand = 1.0) -> Operand:
        return special.stdtr(df, _standard(x, loc, scale))

    @staticmethod
    def logcdf(x: Operand, df: Operand, loc: Operand = 0.0, scale: Operand = 1.0) -> Operand:
        return np.log(t.cdf(x, df, loc, scale))


class gamma:
    """The gamma distribution, of a shape ``a``."""

    @staticmethod
    def logpdf(x: Operand, a: Operand, loc: Operand = 0.0, scale: Operand = 1.0) -> Operand:
        z = _standard(x, loc, scale)
        inside = plain(z) >= 0
        z = _inside(inside, z, 1.0)
        density = special.xlogy(a - 1, z) - z - special.gammaln(a) - np.log(scale)
        return np.where(inside, density, -np.inf)

    @staticmethod
    def pdf(x: Operand, a: Operand, loc: Operand = 0.0, scale: Operand = 1.0) -> Operand:
        return np.exp(gamma.logpdf(x, a, loc, scale))

    @staticmethod
    def cdf(x: Operand, a: Operand, loc: Operand = 0.0, scale: Operand = 1.0) -> Operand:
        return special.gammainc(a, np.maximum(_standard(x, loc, scale), 0.0))


class chi2:
    """Chi squared, of ``df`` degrees of freedom."""

    @staticmethod
    def logpdf(x: Operand, df: Operand, loc: Operand = 0.0, scale: Operand = 1.0) -> Operand:
        return gamma.logpdf(x, df / 2, loc, 2 * scale)

    @staticmethod
    def pdf(x: Operand, df: Operand, loc: Operand = 0.0, scale: Operand = 1.0) -> Operand:
        return gamma.pdf(x, df / 2, loc, 2 * scale)

    @staticmethod
    def cdf(x: Operand, df: Operand, loc: Operand = 0.0, scale: Operand = 1.0) -> Operand:
        return gamma.cdf(x, df / 2, loc, 2 * scale)


class beta:
    """The beta distribution, of two shapes."""

    @staticmethod
    def logpdf(
        x: Operand, a: Operand, b: Operand, loc: Operand = 0.0, scale: Operand = 1.0
    ) -> Operand:
        z = _standard(x, loc, scale)
        inside = (plain(z) >= 0) & (plain(z) <= 1)
        z = _inside(inside, z, 0.5)
        density = special.xlogy(a - 1, z) + special.xlog1py(b - 1, -z) - special.betaln(a, b)
        return np.where(inside, density - np.log(scale), -np.inf)

    @staticmethod
    def pdf(
        x: Operand, a: Operand, b: Operand, loc: Operand = 0.0, scale: Operand = 1.0
    ) -> Operand:
        return np.exp(beta.logpdf(x, a, b, loc, scale))

    @staticmethod
    def cdf(
        x: Operand, a: Operand, b: Operand, loc: Operand = 0.0, scale: Operand = 1.0
    ) -> Operand:
        return special.betainc(a, b, np.clip(_standard(x, loc, scale), 0.0, 1.0))


class poisson:
    """Poisson's distribution of counts, of a mean ``mu``."""

    @staticmethod
    def logpmf(k: Operand, mu: Operand, loc: Operand = 0.0) -> Operand:
        count = np.asarray(plain(k - loc))
        inside = (count >= 0) & (count == np.floor(count))
        count = np.where(inside, count, 0.0)
        density = special.xlogy(count, mu) - special.gammaln(count + 1) - mu
        return np.where(inside, density, -np.inf)

    @staticmethod
    def pmf(k: Operand, mu: Operand, loc: Operand = 0.0) -> Operand:
        return np.exp(poisson.logpmf(k, mu, loc))

    @staticmethod
    def cdf(k: Operand, mu: Operand, loc: Operand = 0.0) -> Operand:
        count = np.floor(np.asarray(plain(k - loc)))
        found = special.gammaincc(np.maximum(count, 0.0) + 1, mu)
        return np.where(count >= 0, found, 0.0)


class binom:
    """The binomial distribution, of ``n`` trials that succeed with probability ``p``."""

    @staticmethod
    def logpmf(k: Operand, n: Operand, p: Operand, loc: Operand = 0.0) -> Operand:
        count = np.asarray(plain(k - loc))
        inside = (count >= 0) & (count <= n) & (count == np.floor(count))
        count = np.where(inside, count, 0.0)
        ways = (
            special.gammaln(n + 1.0) - special.gammaln(count + 1) - special.gammaln(n - count + 1)
        )
        density = ways + special.xlogy(count, p) + special.xlog1py(n - count, -p)
        return np.where(inside, density, -np.inf)

    @staticmethod
    def pmf(k: Operand, n: Operand, p: Operand, loc: Operand = 0.0) -> Operand:
        return np.exp(binom.logpmf(k, n, p, loc))


class multivariate_normal:
    """The normal distribution of vectors, of a mean and a covariance matrix."""

    @staticmethod
    def logpdf(
        x: Operand, mean: Operand = 0.0, cov: Operand = 1.0, allow_singular: bool = False
    ) -> Operand:
        """The logarithm of the density; with ``allow_singular`` in the space that ``cov`` spans.

        Arguments:
            x: vectors along the last axis, of shape (…, n); numbers if neither mean nor
                covariance says n.
            mean: of shape (n,).
            cov: of shape (n, n), positive definite; a vector is its diagonal, a number that
                multiple of the unit matrix.

        Raises:
            numpy.linalg.LinAlgError: the covariance is not positive definite.
        """
        size = _dimension(mean, cov)
        x = x if np.ndim(mean) or np.ndim(cov) else np.expand_dims(x, -1)
        away = np.broadcast_to(x - mean, (*np.shape(x - mean)[:-1], size))
        rows = np.reshape(away, (-1, size))
        if allow_singular:
            rank, z, half_of_log = _in_its_space(_matrix(cov, size), rows)
        else:
            factor = np.linalg.cholesky(_matrix(cov, size))
            rank, z = size, np.linalg.solve(factor, transposed(rows))
            half_of_log = np.sum(np.log(np.diagonal(factor)))
        squares = np.reshape(np.sum(z * z, 0), np.shape(away)[:-1])
        return -squares / 2 - rank * _LOG_TURN / 2 - half_of_log

    @staticmethod
    def pdf(
        x: Operand, mean: Operand = 0.0, cov: Operand = 1.0, allow_singular: bool = False
    ) -> Operand:
        return np.exp(multivariate_normal.logpdf(x, mean, cov, allow_singular))

    @staticmethod
    def entropy(mean: Operand = 0.0, cov: Operand = 1.0) -> Operand:
        size = _dimension(mean, cov)
        factor = np.linalg.cholesky(_matrix(cov, size))
        return size * (1 + _LOG_TURN) / 2 + np.sum(np.log(np.diagonal(factor)))


def _dimension(mean: Operand, cov: Operand) -> int:
    return max(np.shape(mean)[-1:] + np.shape(cov)[-1:], default=1)


def _in_its_space(cov: Operand, rows: Operand) -> tuple[int, Operand, Operand]:
    """The rank of a covariance; vectors standardised along its axes; half of its log determinant.

    An eigenvalue is 0 where SciPy takes it to be: below the greatest times a million roundings.
    """
    values, vectors = np.linalg.eigh(cov)
    spread = np.abs(plain(values))
    kept = spread > 1e6 * np.finfo(float).eps * np.max(spread)
    scales = np.sqrt(values[kept])
    z = transposed(rows @ vectors[:, kept] / scales)
    return int(np.sum(kept)), z, np.sum(np.log(scales))


def _matrix(cov: Operand, size: int) -> Operand:
    return cov * np.eye(size) if np.ndim(cov) < 2 else cov


class dirichlet:
    """Dirichlet's distribution of probabilities that add up to 1."""

    @staticmethod
    def logpdf(x: Operand, alpha: Operand) -> Operand:
        """Of shape () for ``x`` of shape (n,), of shape (m,) for n rows of m columns."""
        total = special.gammaln(np.sum(alpha)) - np.sum(special.gammaln(alpha))
        return total + np.sum(np.transpose(special.xlogy(alpha - 1, np.transpose(x))), 0)

    @staticmethod
    def pdf(x: Operand, alpha: Operand) -> Operand:
        return np.exp(dirichlet.logpdf(x, alpha))
