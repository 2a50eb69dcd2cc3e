"""Functions of NumPy, SciPy, ``math`` and Python on what is recorded: numbers and gradients."""

import copy
import functools
import math

import numpy as np
import pytest
import scipy.signal
import scipy.special
from test_recording import W, check

CALLS = {
    "expit": lambda w: scipy.special.expit(w).sum(),
    "softmax": lambda w: (scipy.special.softmax(w, axis=1) ** 2).sum(),
    "softmax0": lambda w: (scipy.special.softmax(w) ** 2).sum(),
    "logsumexp": lambda w: scipy.special.logsumexp(w, axis=1).sum() + scipy.special.logsumexp(w),
    "logsm": lambda w: scipy.special.log_softmax(w, axis=1)[0].sum(),
    "erf": lambda w: scipy.special.erf(w).sum(),
    "xlogy": lambda w: scipy.special.xlogy(np.abs(w), np.abs(w)).sum(),
    "logit": lambda w: scipy.special.logit(1 / (1 + np.exp(-w)))[0].sum(),
    "corr": lambda w: (scipy.signal.correlate2d(w, w[:2, :2], "valid") ** 2).sum(),
    "conv": lambda w: (
        (scipy.signal.convolve2d(w, w[:2, :2], "full") ** 2).sum()
        + scipy.signal.convolve2d(w, w[:2, :2], mode="same").sum()
    ),
    "corrs": lambda w: (scipy.signal.correlate2d(w, w[:2, :2], "same") ** 2).sum(),
    "np_convolve": lambda w: (
        (np.convolve(w[:, 0], w[0]) ** 2).sum()
        + np.convolve(w[:, 0], w[0], "valid").sum()
        + (np.convolve(w[0], w[:, 1], "same") ** 3).sum()
    ),
    "np_correlate": lambda w: (
        (np.correlate(w[:, 0], w[0], "full") ** 2).sum() + (np.correlate(w[:, 0], w[0]) ** 2).sum()
    ),
    "interp": lambda w: np.interp([0.5, 1.5], [0, 1, 2], w[0]).sum(),
    "cross": lambda w: (np.cross(w[0], w[1]) ** 2).sum(),
    "ediff": lambda w: (np.ediff1d(w) ** 2).sum() + (np.diff(w, axis=0) ** 2).sum(),
    "nan": lambda w: np.nanmean(w) + np.nansum(w * w),
    "select": lambda w: np.select([w > 0.5, w > 0], [w, w * w], 0.1 * w).sum(),
    "piecewise": lambda w: np.piecewise(w, [w < 0, w >= 0], [lambda x: -x, lambda x: x * x]).sum(),
    "where1": lambda w: w[np.where(w > 0)].sum() + w[np.nonzero(w < 0)][0],
    "argmax": lambda w: (
        w[np.argmax(w, axis=0), range(3)].sum()
        + np.take_along_axis(w, np.argsort(w, axis=1), 1)[0, 0]
    ),
    "partition": lambda w: np.partition(w, 1, axis=0)[0].sum(),
    "unique": lambda w: np.unique(w)[2],
    "deepcopy": lambda w: (
        (copy.deepcopy(w) * copy.copy(w)).sum() + copy.deepcopy({"a": w})["a"][0, 0]
    ),
    "reduce": lambda w: (
        functools.reduce(lambda a, b: a * b, w[0]) + functools.reduce(np.dot, [w.T, w]).sum()
    ),
    "zipped": lambda w: (
        sum((a * b for a, b in zip(w[0], w[1], strict=True)))
        + sum(row.sum() for row in w)
        + sum(w)[0]
    ),
    "maxmin": lambda w: (
        max(w[0]) + min(w[1]) + max(w[0, 0], 0) + max(0, w[1, 1]) + abs(w[0, 1]) + max(w.flatten())
    ),
    "powers": lambda w: (
        (w**2).sum()
        + (w**3).sum()
        + (2**w).sum()
        + (np.abs(w) ** 0.5).sum()
        + pow(w, 2).sum()
        + np.power(w, 2).sum()
        + (np.abs(w) ** w).sum()
    ),
    "mathfn": lambda w: (
        math.exp(w[0, 0]) * math.sin(w[0, 1])
        + math.log(abs(w[0, 2]))
        + math.log(abs(w[1, 0]), 2)
        + math.sqrt(abs(w[1, 1]))
        + math.pow(w[1, 2], 2)
        + math.atan2(w[2, 0], w[2, 1])
        + math.fabs(w[2, 2])
        + math.hypot(w[3, 0], w[3, 1])
        + math.tanh(w[3, 2])
        + math.fsum(w[0].tolist())
        + math.prod(w[1].tolist())
        + math.floor(w[0, 0])
    ),
    "divmodd": lambda w: (
        divmod(w[0, 0], 0.3)[1]
        + np.divmod(w, 0.3)[1].sum()
        + (w % 0.7).sum()
        + np.fmod(w, 0.7).sum()
        + np.modf(w)[0].sum()
    ),
    "frombuf": lambda w: np.ravel(w).dot(np.arange(12.0)),
    "listcomp": lambda w: (
        np.array([[w[i, j] ** 2 for j in range(3)] for i in range(4)]).sum()
        + np.array([max(0, v) for v in w[0]]).sum()
    ),
    "listops": lambda w: (
        np.sum([w[0, 0] ** 2, w[1, 1]])
        + np.mean(list(w[0]))
        + np.dot([w[0, 0], w[0, 1], 1.0], w[1])
        + np.max([w[0, 0], w[1, 1]])
        + np.multiply([w[0, 0], 2.0], [w[1, 0], w[0, 1]]).sum()
    ),
    "concat": lambda w: (
        np.concatenate([[w[0, 0]], w[1], [1.0, w[2, 0] ** 2]]).dot(np.arange(6.0))
        + np.append(w[0], w[1, 1] ** 2).sum()
        + np.r_[w[0], w[1]].dot(np.arange(6.0))
        + np.c_[w[:, 0], w[:, 1]].sum()
    ),
    "rpow": lambda w: (
        np.exp2(w).sum()
        + np.cbrt(w).sum()
        + np.deg2rad(w).sum()
        + np.square(w).sum()
        + np.reciprocal(w).sum()
    ),
    "average": lambda w: np.average(w, axis=0, weights=[1, 2, 3, 4.0]).sum(),
    "insertdel": lambda w: np.insert(w, 1, w[0], axis=0).sum() + np.delete(w, 0, axis=0).sum(),
    "newaxis": lambda w: (w[:, None, :] - w[None]).reshape(-1).dot(np.arange(48.0)),
    "mgrid": lambda w: np.meshgrid(w[0], w[1])[0].sum() + np.broadcast_arrays(w[0], w)[0].sum(),
    "tri": lambda w: (
        np.tril(w).sum()
        + np.triu(w, 1).sum()
        + np.diag(w[:3]).sum()
        + np.diag(w[0]).sum()
        + np.trace(w)
        + np.diagflat(w[0]).sum()
    ),
    "matpow": lambda w: (
        np.linalg.matrix_power(w[:3], 3).sum() + np.linalg.multi_dot([w.T, w, w.T]).sum()
    ),
    "einsum2": lambda w: np.einsum("ij,ij->", w, w) + np.einsum("ij->j", w)[0],
    "lstar": lambda w: (lambda a, b, c: (a * b * c).sum())(*w.T),
    "heav": lambda w: (
        (np.heaviside(w, 0.5) * w).sum()
        + (np.sign(w) * w).sum()
        + np.maximum.reduce([w[0], w[1]]).sum()
    ),
    "isclose": lambda w: (
        w[0, 0] if np.allclose(w, w) and (not np.isnan(w).any()) and (w == w).all() else 0.0
    ),
    "vander": lambda w: np.polyval(w[0], 2.0) + np.polyval([1.0, 2.0], w[0, 0]),
    "cumprod": lambda w: (
        np.cumprod(w, axis=1).sum() + np.cumsum(w, 0).sum() + w.cumsum()[3] + w.cumprod()[2]
    ),
    "outer": lambda w: (
        np.outer(w[0], w[1]).sum()
        + np.kron(w[:2], w[2:]).sum()
        + np.linalg.norm(w, axis=1).sum()
        + np.linalg.norm(w[0], 1)
        + np.linalg.norm(w[0], np.inf)
    ),
    "astype": lambda w: (
        (w > 0).astype(float).dot(w.T).sum()
        + (w * (w > 0)).sum()
        + w.astype("float64").sum()
        + w.astype(int).sum()
    ),
    "ptp": lambda w: np.ptp(w) + np.median(w) + w.std(ddof=1) + w.var(axis=1).sum(),
    "fancyset": lambda w: (
        w.reshape(-1)[[0, 3, 5]].prod()
        + w[[0, 1]][:, [1, 2]].sum()
        + w[np.ix_([0, 2], [0, 1])].sum()
        + w[w[:, 0] > 0].sum()
        + w[..., -1].sum()
    ),
    "inverse": lambda w: np.linalg.inv(w[:3] + 3 * np.eye(3)).sum(),
    "determinant": lambda w: np.linalg.det(w[:3]),
    "solve": lambda w: np.linalg.solve(w[:3] + 3 * np.eye(3), w[3]).sum(),
    "covariance": lambda w: (np.cov(w.T) ** 2).sum() + (np.corrcoef(w.T) ** 2).sum(),
    "gradient": lambda w: (np.gradient(w[:, 0]) ** 2).sum(),
    "percentile": lambda w: np.percentile(w, 30) + np.quantile(w, [0.2, 0.5], axis=0).sum(),
    "reduced": lambda w: functools.reduce(lambda a, b: a + math.exp(b), w[0].tolist()),
}
"""Each gives a number of an array of shape (4, 3)."""


@pytest.mark.parametrize("name", CALLS)
def test_functions(name):
    check(CALLS[name], W)
