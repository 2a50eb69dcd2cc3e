"""A call of each function that is entered with the seldom operations: ``CALLS`` of test_arrays."""

import importlib.util

import numpy as np

import autograd_mini as ag


def array(*shape, seed=0):
    """Distinct numbers away from zero, so that differences meet no tie and no kink."""
    rng = np.random.default_rng((seed, *shape))
    size = int(np.prod(shape))
    numbers = rng.permutation(np.linspace(0.5, 2.0, size)) * rng.choice([-1.0, 1.0], size)
    return numbers.reshape(shape)


X, W, V = array(2, 3, 4), array(3, 4, seed=1), array(4, seed=2)
MASK = np.arange(24).reshape(2, 3, 4) % 3 > 0
GRID = np.array([0.0, 0.3, 1.1, 1.4])  # not evenly spaced


def flat(results):
    """Several results as one array."""
    return np.concatenate([np.ravel(result) for result in results])


def with_nan(function):
    """The function, of what has NaN in the place of some numbers."""

    def call(x, *others):
        missing = np.arange(np.size(x)).reshape(np.shape(x)) % 5 == 3
        return function(np.where(missing, np.nan, x), *others)

    return call


ARRANGED = {
    "fliplr": (np.fliplr, X),
    "flipud": (np.flipud, X),
    "rot90": (np.rot90, X),
    "rot90 thrice": (lambda x: np.rot90(x, 3, (1, -1)), X),
    "rollaxis": (lambda x: np.rollaxis(x, 2), X),
    "rollaxis to": (lambda x: np.rollaxis(x, 0, -1), X),
    "atleast_3d": (lambda x, y: flat(np.atleast_3d(x, y, X)), W, V),
    "fftshift": (np.fft.fftshift, W),
    "ifftshift": (lambda x: np.fft.ifftshift(x, 0), W),
    "delete": (lambda x: np.delete(x, [0, -1], axis=1), X),
    "delete flat": (lambda x: np.delete(x, slice(1, 4)), W),
    "insert": (lambda x, y: np.insert(x, 1, y, axis=0), W, V),
    "insert several": (lambda x: np.insert(x, [0, 2, 2], 5.0), V),
    "insert along an axis": (lambda x, y: np.insert(x, [1], y, axis=0), W, array(2, 4)),
    "resize": (lambda x: np.resize(x, (3, 5)), W),
    "trim_zeros": (lambda x: np.trim_zeros(np.pad(x, 2)), V),
    "compress": (lambda x: np.compress([True, False, True], x, axis=1), X),
    "compress flat": (lambda x: np.compress([True, False, True], x), X),
    "method compress": (lambda x: x.compress([False, True], 0), X),
    "extract": (lambda x: np.extract(np.arange(12).reshape(3, 4) % 3 == 0, x), W),
    "take_along_axis": (lambda x: np.take_along_axis(x, np.array([[0], [3], [3]]), 1), W),
    "take_along_axis flat": (lambda x: np.take_along_axis(x, np.array([5, 5, 0]), None), W),
    "unique": (lambda x: np.unique(np.concatenate([x, x[:2]])), V),
    "unique_values": (lambda x: np.unique_values(np.concatenate([x, x[:2]])), V),
    "unique_counts": (lambda x: np.unique_counts(x).values, W),
    "unique_inverse": (lambda x: np.unique_inverse(x).values, W),
    "unique_all": (lambda x: np.unique_all(x).values, W),
    "unique rows": (lambda x: np.unique(x, axis=0, return_counts=True)[0], W),
    "diagflat": (lambda x: np.diagflat(x, 1), array(2, 2)),
    "windows": (lambda x: np.lib.stride_tricks.sliding_window_view(x, 2, axis=1), W),
    "select": (lambda x, y: np.select([X > 1, X > 0], [x, y * x], 7.0), X, V),
    "choose": (lambda x, y: np.choose([0, 1, 1, 0], [x, y]), V, W),
    "choose clip": (lambda x: np.choose([0, 4, 1, -1], [x, 2 * x], mode="clip"), V),
    "piecewise": (lambda x: np.piecewise(x, [X > 1, X < -1], [np.square, 3.0, np.exp]), X),
    "nan_to_num": (
        lambda x: np.nan_to_num(
            np.stack([x[0], np.nan, np.inf, -np.inf]), nan=2.0, posinf=3.0, neginf=4.0
        ),
        V,
    ),
    "real": (lambda x: np.real(x) * x.real + np.imag(x) + x.imag, W),
    "real_if_close": (np.real_if_close, W),
    "conjugate": (lambda x: np.conjugate(x) * x.conj(), W),
    "angle": (lambda x: np.angle(x, deg=True) * x, W),
    "np.astype": (lambda x: np.astype(x, np.float64), W),
    "apply_along_axis": (lambda x: np.apply_along_axis(lambda r: r[:2] * np.sum(r), 1, x), X),
    "apply_along_axis to numbers": (lambda x: np.apply_along_axis(np.prod, 0, x), W),
    "apply_over_axes": (lambda x: np.apply_over_axes(np.sum, x, (0, 2)), X),
    "method mT": (lambda x: x.mT, X),
    "method flat": (lambda x: x.flat[3] * x.flat[-1], X),
}

JOINED = {
    "pad mean": (lambda x: np.pad(x, ((1, 0), (2, 1)), mode="mean"), W),
    "pad maximum": (lambda x: np.pad(x, 1, mode="maximum", stat_length=2), X),
    "pad median": (lambda x: np.pad(x, 2, "median", stat_length=((2, 3), (1, 2))), W),
    "pad ramp": (lambda x: np.pad(x, ((1, 2), (3, 0)), "linear_ramp", end_values=(1, -2)), W),
    "dstack": (lambda x, y: np.dstack([x, y]), W, array(3, 4)),
    "block": (lambda x, y: np.block([[x, np.zeros((3, 1))], [y, 1.0]]), W, V),
    "block of one list": (lambda x, y: np.block([x, 2.0, y]), V, array(2)),
    "r_": (lambda x, y: np.r_[x, 1:3, y, 2.0], V, array(2)),
    "r_ of matrices": (lambda x, y: np.r_["1,3,0", x, y], W, array(3)),
    "c_": (lambda x, y: np.c_[x, y, np.ones(3)], array(3), W),
    "dsplit": (lambda x: flat(np.dsplit(x, 2)[::-1]), X),
    "unstack": (lambda x: flat(np.unstack(x, axis=1)[::-1]), X),
    "broadcast_arrays": (lambda x, y: flat(np.broadcast_arrays(x, y)), W, V),
    "meshgrid": (lambda x, y: flat(np.meshgrid(x, y, V)), V, array(2)),
    "meshgrid ij": (lambda x, y: flat(np.meshgrid(x, y, indexing="ij", sparse=True)), V, array(2)),
    "kron": (np.kron, array(2, 3), array(3, 2)),
    "kron of other axes": (np.kron, V, X),
    "cross": (np.cross, array(5, 3), array(5, 3, seed=1)),
    "cross axes": (lambda x, y: np.cross(x, y, 0, 1, 0), array(3, 2), array(2, 3)),
    "linspace": (lambda x, y: np.linspace(x, y, 5, axis=1), array(2), array(2, seed=1)),
    "linspace, open": (lambda x, y: np.linspace(x, y, 4, endpoint=False), array(), array(2)),
    "linspace of lists": (lambda x: np.linspace([0.5, 1], x, 3, dtype=np.float64), array(2)),
    "linspace and its step": (lambda x: flat(np.linspace(x[0], x[1], 4, retstep=True)), V),
    "logspace": (lambda x: np.logspace(x[0], x[1], 3, base=2.0), V),
    "geomspace": (lambda x: np.geomspace(x[0] ** 2, x[1] ** 2, 4), V),
}

ACCUMULATED = {
    "cumprod": (np.cumprod, W),
    "cumprod axis": (lambda x: np.cumprod(x, axis=1), X),
    "cumprod of zeros": (lambda x: np.cumprod(x - x[1], axis=0), array(4, 2)),
    "method cumprod": (lambda x: x.cumprod(-1), W),
    "add.accumulate": (np.add.accumulate, W),
    "multiply.accumulate": (lambda x: np.multiply.accumulate(x, axis=1), W),
    "maximum.accumulate": (np.maximum.accumulate, V),
    "maximum.accumulate of columns": (np.maximum.accumulate, array(7, 2)),
    "minimum.accumulate": (np.minimum.accumulate, V),
    "minimum.accumulate along an axis": (lambda x: np.minimum.accumulate(x, axis=-1), X),
    "logaddexp.accumulate": (lambda x: np.logaddexp.accumulate(x, axis=1), W),
    "logaddexp.reduce": (lambda x: np.logaddexp.reduce(x, axis=1, keepdims=True), W),
    "sort": (np.sort, X),
    "sort axis": (lambda x: np.sort(x, axis=0), X),
    "sort flat": (lambda x: np.sort(x, axis=None), W),
    "partition": (lambda x: np.sort(np.partition(x, 2, axis=1)[:, 2:]), X),
    "multiply.outer": (np.multiply.outer, W, array(2)),
    "subtract.outer": (np.subtract.outer, array(2), W),
    "reduceat": (lambda x: np.add.reduceat(x, [0, 2, 1], axis=1), X),
    "maximum.reduceat": (lambda x: np.maximum.reduceat(x, [0, 2]), V),
    "divmod": (lambda x: flat(np.divmod(x, 0.37)), W),
    "modf": (lambda x: flat(np.modf(3 * x)), W),
    "frexp": (lambda x: np.frexp(x)[0], W),
    "ldexp": (lambda x: np.ldexp(x, [1, -2, 3, 0]), W),
    "vecdot": (np.vecdot, X, W),
    "vecdot axis": (lambda x, y: np.vecdot(x, y, axis=0), W, array(3, 1)),
    "matvec": (lambda x, y: np.matvec(x, y), X, V),
    "vecmat": (lambda x, y: np.vecmat(x, y), array(3), X),
}

CURVES = {
    "cbrt": (np.cbrt, W),
    "sinc": (np.sinc, np.concatenate([W.ravel(), [0.0, 1e-9, 7.3]])),
    "exp2": (np.exp2, W),
    "deg2rad": (lambda x: np.deg2rad(x) + np.radians(x), W),
    "rad2deg": (lambda x: np.rad2deg(x) + np.degrees(x), W),
    "fmax": (np.fmax, W, V),
    "fmax of NaN": (lambda x, y: np.fmax(np.where(MASK[0], x, np.nan), y), W, V),
    "fmin": (np.fmin, W, V),
    "fmod": (np.fmod, 2.9 * W, 0.93 * V),
    "copysign": (np.copysign, W, V),
    "logaddexp2": (np.logaddexp2, W, V),
    "heaviside": (lambda x, y: np.heaviside(np.where(MASK[0], x, 0), y) * x, W, V),
    "spacing": (lambda x: np.spacing(x) + x, W),
    "nextafter": (np.nextafter, W, V),
    "cumulative_sum": (lambda x: np.cumulative_sum(x, axis=1, include_initial=True), W),
    "cumulative_prod": (lambda x: np.cumulative_prod(x), V),
    "einsum of numbered axes": (lambda x, y: np.einsum(x, [0, 1], y, [1], [0]), W, V),
    "dtype of a ufunc": (lambda x: np.exp(x, dtype=float), W),
}

STATISTICS = {
    "ptp": (lambda x: np.ptp(x, axis=1, keepdims=True), X),
    "average": (lambda x: np.average(x, axis=(0, 2)), X),
    "average, weighed": (lambda x, w: flat(np.average(x, 1, w**2, True)), X, array(3)),
    "average, weighed over axes": (lambda x, w: np.average(x, (2, 0), w**2), X, array(4, 2)),
    "average, weighed one by one": (lambda x, w: np.average(x, weights=w**2), W, array(3, 4)),
    "median": (np.median, W),
    "median axis": (lambda x: np.median(x, axis=(0, 2), keepdims=True), X),
    "quantile": (lambda x: np.quantile(x, [0.1, 0.5, 1.0], axis=1), X),
    "quantile, the lower": (lambda x: np.quantile(x, 0.3, axis=0, method="lower"), X),
    "quantile, otherwise": (lambda x: np.quantile(x, [[0.3]], method="median_unbiased"), W),
    "quantile at": (lambda x, q: np.quantile(x, q**2 / 5, axis=1), X, array(2)),
    "quantile at, in steps": (
        lambda x, q: np.quantile(x, q**2 / 5 + 0.013, axis=1, method="midpoint"),
        X,
        array(2),
    ),
    "percentile": (lambda x: np.percentile(x, [30, 75], axis=-1, keepdims=True), X),
    "nansum": (with_nan(lambda x: np.nansum(x, axis=1)), X),
    "nanprod": (with_nan(lambda x: np.nanprod(x, axis=0, keepdims=True)), X),
    "nanmean": (with_nan(lambda x: np.nanmean(x, axis=1)), X),
    "nanvar": (with_nan(lambda x: np.nanvar(x, axis=1, ddof=1)), X),
    "nanstd": (with_nan(lambda x: np.nanstd(x, axis=(0, 2))), X),
    "nanmax": (with_nan(lambda x: np.nanmax(x, axis=1)), X),
    "nanmin": (with_nan(np.nanmin), X),
    "fmax.reduce": (with_nan(lambda x: np.fmax.reduce(x, axis=1)), X),
    "nancumsum": (with_nan(lambda x: np.nancumsum(x, axis=1)), X),
    "nancumprod": (with_nan(np.nancumprod), W),
    "nanmedian": (with_nan(lambda x: np.nanmedian(x, axis=0)), X),
    "nanquantile": (with_nan(lambda x: np.nanquantile(x, [0.2, 0.7], axis=1)), X),
    "nanpercentile": (with_nan(lambda x: np.nanpercentile(x, 40)), X),
    "cov": (np.cov, W),
    "cov of two": (lambda x, y: np.cov(x, y, rowvar=False, ddof=0), array(5, 2), array(5, 1)),
    "cov, weighed": (lambda x: np.cov(x, fweights=[1, 2, 1, 3], aweights=V**2), W),
    "cov, weights": (lambda x, w: np.cov(x, aweights=w**2), W, V),
    "corrcoef": (np.corrcoef, array(3, 6)),
    "bincount": (lambda w: np.bincount([0, 3, 3, 1], w, 6), V),
    "histogram": (lambda w: np.histogram(GRID, 3, weights=w)[0], V),
    "histogram, density": (lambda w: np.histogram(GRID, 2, density=True, weights=w**2)[0], V),
}

OPTIONS = {
    "sum where": (lambda x: np.sum(x, axis=1, where=MASK, initial=2.0), X),
    "prod where": (lambda x: np.prod(x, axis=1, where=MASK, initial=2.0), X),
    "max where": (lambda x: np.max(x, axis=1, where=MASK, initial=-9.0), X),
    "min initial": (lambda x: np.min(x, axis=1, initial=0.9), X),
    "mean where": (lambda x: np.mean(x, axis=1, where=MASK, keepdims=True), X),
    "var where": (lambda x: np.var(x, axis=(1, 2), where=MASK, ddof=1), X),
    "std where": (lambda x: np.std(x, axis=(1, 2), where=MASK, correction=1), X),
    "var about a mean": (lambda x: np.var(x, axis=2, mean=np.mean(x, axis=2, keepdims=True)), X),
    "add.reduce where": (lambda x: np.add.reduce(x, axis=1, where=MASK), X),
    "dtypes": (
        lambda x: (
            np.sum(x, 0, float) + x.prod(0, dtype=float) + np.mean(x, 0, float)
            + np.var(x, 0, float) + np.std(x, 0, float)
            + np.cumsum(x, 0, float)[1] + np.cumprod(x, 0, float)[1]
        ),
        X,
    ),
}  # fmt: skip

NUMERICS = {
    "ediff1d": (lambda x, y: np.ediff1d(x, to_begin=y, to_end=[1.0, 2.0]), W, array(2)),
    "trapezoid": (lambda x: np.trapezoid(x, dx=0.5, axis=1), X),
    "trapezoid over points": (np.trapezoid, X, V),
    "trapezoid over points of an axis": (
        lambda y, x: np.trapezoid(y, x, axis=1),
        X,
        array(2, 3, 4),
    ),
    "gradient": (lambda x: flat(np.gradient(x)), X),
    "gradient over points": (lambda x, h: np.gradient(x, h, axis=1, edge_order=2), W, V),
    "gradient over steps": (lambda x, h: flat(np.gradient(x, h, 2.0, axis=(0, 1))), W, array()),
    "interp": (lambda x, fp: np.interp(x, GRID, fp), array(3, 3), V),
    "interp between points": (lambda xp, fp: np.interp(GRID + 0.1, xp, fp, -1.0), GRID, V),
    "interp round": (lambda x, fp: np.interp(0.97 * x, GRID, fp, period=1.7), array(3, 3), V),
    "unwrap": (lambda x: np.unwrap(5 * x), X),
    "convolve": (np.convolve, array(5), V),
    "convolve same": (lambda x, y: np.convolve(x, y, "same"), array(3), V),
    "convolve valid": (lambda x, y: np.convolve(x, y, "valid"), array(6), V),
    "convolve images": (ag.convolve, array(3, 4), array(2, 2)),
    "convolve images same": (lambda x, y: ag.convolve(x, y, "same"), array(2, 3), array(3, 2)),
    "convolve images valid": (lambda x, y: ag.convolve(x, y, "valid"), array(3, 4), array(2, 3)),
    "correlate": (np.correlate, array(6), V),
    "correlate same": (lambda x, y: np.correlate(x, y, "same"), array(3), V),
    "correlate full": (lambda x, y: np.correlate(x, y, "full"), array(5), V),
    "polyval": (np.polyval, V, X),
    "polyder": (lambda p: np.polyder(p, 2), array(5)),
    "polyint": (lambda p: np.polyint(p, 2, k=[1.0, 2.0]), array(3)),
    "polyadd": (np.polyadd, V, array(2)),
    "polysub": (np.polysub, array(2), V),
    "polymul": (np.polymul, array(2), V),
    "vander": (lambda x: np.vander(x, 3), V),
    "vander increasing": (lambda x: np.vander(x, increasing=True), V),
    "poly": (np.poly, V),
    "poly of a matrix": (lambda x: np.poly(x + np.matrix_transpose(x)), array(3, 3)),
}

REGULAR = array(3, 3) + 3 * np.eye(3)
STACK = array(2, 3, 3) + 3 * np.eye(3)
TALL, WIDE = array(4, 3, seed=4), array(2, 3, 4, seed=5)


def symmetric(x):
    return (x + np.matrix_transpose(x)) / 2


def positive(x):
    return x @ np.matrix_transpose(x) + np.eye(3)


def sign_free(vectors):
    """What does not change with the signs of columns."""
    return vectors**2


LINEAR_ALGEBRA = {
    "solve": (np.linalg.solve, REGULAR, array(3)),
    "solve of columns": (np.linalg.solve, STACK, array(3, 2)),
    "solve of a stack": (np.linalg.solve, STACK, array(3)),
    "solve of stacks": (np.linalg.solve, REGULAR, array(2, 3, 4)),
    "inv": (np.linalg.inv, STACK),
    "det": (np.linalg.det, STACK),
    "det of singular matrices": (
        np.linalg.det, np.array([[[1.0, 2, 3], [2, 4, 6], [1, 0, 1]], [[1, 2, 1]] * 3])
    ),
    "slogdet": (lambda x: np.linalg.slogdet(x)[1], STACK),
    "cholesky": (lambda x: np.linalg.cholesky(positive(x)), STACK),
    "cholesky of the lower triangle": (np.linalg.cholesky, np.tril(positive(STACK))),
    "cholesky, upper": (lambda x: np.linalg.cholesky(positive(x), upper=True), REGULAR),
    "eigh": (lambda x: flat([(p := np.linalg.eigh(symmetric(x)))[0], sign_free(p[1])]), STACK),
    "eigh of the upper triangle": (
        lambda x: sign_free(np.linalg.eigh(np.triu(x), "U").eigenvectors), REGULAR
    ),
    "eigvalsh": (lambda x: np.linalg.eigvalsh(symmetric(x)), STACK),
    "eig": (lambda x: flat([(p := np.linalg.eig(x + FAR))[0], sign_free(p[1])]), array(2, 3, 3)),
    "eigvals": (lambda x: np.linalg.eigvals(x + FAR), array(3, 3)),
    "roots": (lambda x: np.roots(np.concatenate([np.poly(x), [0.0]])), array(3)),
    "qr": (lambda x: flat(np.linalg.qr(x)), STACK),
    "qr of a tall matrix": (lambda x: flat(np.linalg.qr(x)), TALL),
    "qr of wide matrices": (lambda x: flat(np.linalg.qr(x, "complete")), WIDE),
    "qr, r alone": (lambda x: np.linalg.qr(x, mode="r"), TALL),
    "svd": (
        lambda x: flat([(p := np.linalg.svd(x)).S, sign_free(p.U), sign_free(p.Vh)]), STACK
    ),
    "svd of a tall matrix": (
        lambda x: flat([(p := np.linalg.svd(x, False))[1], sign_free(p[0]), sign_free(p[2])]),
        TALL,
    ),
    "svd of wide matrices": (
        lambda x: flat([sign_free((p := np.linalg.svd(x))[0]), sign_free(p[2][..., :3, :])]), WIDE
    ),
    "svd, values alone": (lambda x: np.linalg.svd(x, compute_uv=False), WIDE),
    "svdvals": (np.linalg.svdvals, TALL),
    "pinv": (np.linalg.pinv, WIDE),
    "pinv of lower rank": (lambda x: np.linalg.pinv(x[:, :2] @ x[:2], rcond=1e-8), array(3, 3)),
    "pinv, rtol": (lambda x: np.linalg.pinv(x, rtol=1e-10), TALL),
    "lstsq": (lambda a, b: flat(np.linalg.lstsq(a, b)[:2]), TALL, array(4)),
    "lstsq of columns": (lambda a, b: flat(np.linalg.lstsq(a, b)[::3]), TALL, array(4, 2)),
    "lstsq of too few": (lambda a, b: np.linalg.lstsq(a, b)[0], array(3, 4), array(3)),
    "lstsq of lower rank": (
        lambda x, b: np.linalg.lstsq(x[:, :2] @ x[:2], b, 1e-8)[0], array(4, 4), array(4)
    ),
    "polyfit": (lambda x, y: np.polyfit(x, y, 2), array(5), array(5, seed=1)),
    "polyfit, weighed": (lambda y, w: np.polyfit(GRID, y, 1, w=w), array(4, 2), V),
    **{
        f"norm {order} of matrices": (
            lambda x, order=order: np.linalg.norm(x, order, axis=(2, 1), keepdims=True), X
        )
        for order in (1, -1, 2, -2, np.inf, -np.inf, "nuc", "fro")
    },
    "norm 1": (lambda x: np.linalg.norm(x, 1), W),
    "matrix_norm": (lambda x: np.linalg.matrix_norm(x, ord="nuc"), X),
    "vector_norm": (lambda x: np.linalg.vector_norm(x, axis=(0, 2), ord=3, keepdims=True), X),
    "vector_norm of all": (lambda x: np.linalg.vector_norm(x), X),
    "vector_norm of an axis": (lambda x: np.linalg.vector_norm(x, axis=1, ord=1), X),
    "cond": (np.linalg.cond, STACK),
    "cond 1": (lambda x: np.linalg.cond(x, 1) + np.linalg.cond(x, -2), STACK),
    "matrix_power": (lambda x: np.linalg.matrix_power(x, 5), array(2, 3, 3)),
    "matrix_power, negative": (lambda x: np.linalg.matrix_power(x, -2), REGULAR),
    "matrix_power 0": (lambda x: np.linalg.matrix_power(x, 0) * x, REGULAR),
    "multi_dot": (lambda x, y, z: np.linalg.multi_dot([x, y, z, V]), array(4), W.T, W),
    "multi_dot of matrices": (lambda x, y: np.linalg.multi_dot([x, y, x, y]), W, W.T),
    "tensorinv": (lambda x: np.linalg.tensorinv(np.reshape(x, (4, 2, 2)), 1), array(4, 4)),
    "tensorsolve": (np.linalg.tensorsolve, array(3, 2, 6), array(3, 2)),
    "tensorsolve axes": (
        lambda a, b: np.linalg.tensorsolve(a, b, (0,)), array(6, 3, 2), array(3, 2)
    ),
    "linalg.matmul": (np.linalg.matmul, X, W.T),
    "linalg.outer": (np.linalg.outer, V, array(2)),
    "linalg.tensordot": (lambda x, y: np.linalg.tensordot(x, y, axes=1), X, V),
    "linalg.vecdot": (np.linalg.vecdot, X, W),
    "linalg.cross": (lambda x, y: np.linalg.cross(x, y, axis=0), array(3, 2), array(3, 2, seed=1)),
    "linalg.matrix_transpose": (np.linalg.matrix_transpose, X),
    "linalg.diagonal": (lambda x: np.linalg.diagonal(x, offset=1), X),
    "linalg.trace": (np.linalg.trace, X),
}  # fmt: skip
FAR = np.diag([0.0, 10.0, 20.0])  # so that eigenvalues are real

P = np.array([0.1, 0.35, 0.6, 0.93])
SPECIAL = {}
if importlib.util.find_spec("scipy"):
    from scipy import sparse, special

    SPECIAL = {
        "expit": (special.expit, W),
        "log_expit": (special.log_expit, W),
        "exp10": (special.exp10, W),
        "scipy's cbrt": (special.cbrt, W),
        "digamma": (special.digamma, 1 + P),
        "gammaln": (special.gammaln, 3 * P),
        "gamma": (special.gamma, 1 + P),
        "beta": (special.beta, 1 + P, P),
        "betaln": (special.betaln, 1 + P, P),
        "logit": (special.logit, P),
        "ndtr": (special.ndtr, W),
        "log_ndtr": (special.log_ndtr, 4 * W),
        "erfcx": (special.erfcx, W),
        "erfinv": (special.erfinv, W / 3),
        "ndtri": (special.ndtri, P),
        "xlogy": (special.xlogy, W, P),
        "xlog1py": (special.xlog1py, W, P),
        "entr": (special.entr, P),
        "rel_entr": (special.rel_entr, P, P[::-1] + 0.1),
        "kl_div": (special.kl_div, P, P[::-1] + 0.1),
        "iv": (lambda x: special.iv(1.5, x), P),
        "jv": (lambda x: special.jv(2, x), W),
        "i0": (special.i0, W),
        "NumPy's i0": (np.i0, W),
        "i1": (special.i1, np.append(V, 0.0)),
        "j0": (special.j0, W),
        "j1": (special.j1, np.append(V, 0.0)),
        "rgamma": (special.rgamma, 1 + P),
        "gammasgn": (special.gammasgn, W - 1.6),
        "erfcinv": (special.erfcinv, 1 + W / 3),
        "y0": (special.y0, 1 + P),
        "y1": (special.y1, 1 + P),
        "yn": (lambda x: special.yn(2, x), 1 + P),
        "yv": (lambda x: special.yv(1.5, x), 1 + P),
        "kv": (lambda x: special.kv(0.5, x), 1 + P),
        "ive": (lambda x: special.ive(1.5, x), np.append(P, 2.5)),
        "gammainc": (lambda x: special.gammainc(2.5, x), 1 + P),
        "gammaincc": (lambda x: special.gammaincc(1.5, x), 1 + P),
        "betainc": (lambda x: special.betainc(2.5, 1.5, x), P),
        "stdtr": (lambda x: special.stdtr(3.5, x), W),
        "sparse product": (lambda x: sparse.csr_array(FAR + np.eye(3)) @ x, array(3)),
        "expm": (ag.expm, array(2, 3, 3) / 3),
        "boxcox": (special.boxcox, 1 + P, V),
        "huber": (special.huber, P + 0.011, 2 * V),
    }


def zeros_like_empty(x):
    out = np.empty_like(x)
    out[:] = 0.0
    return out


def filled(like):
    """A function that fills an array from its argument."""

    def fill(x):
        out = like(x)
        out[0] = x[-1] * x[0]
        out[1:] += x[:-1] ** 2
        return np.sin(out)

    return fill


FILLED = {
    "zeros_like": (filled(np.zeros_like), V),
    "ones_like": (filled(np.ones_like), V),
    "empty_like": (filled(zeros_like_empty), V),
}

CALLS = {
    **FILLED,
    **ARRANGED,
    **JOINED,
    **ACCUMULATED,
    **CURVES,
    **STATISTICS,
    **OPTIONS,
    **NUMERICS,
    **LINEAR_ALGEBRA,
    **SPECIAL,
}
for newer in ("matvec", "vecmat", "cumulative_sum", "cumulative_prod", "unstack"):
    if not hasattr(np, newer):  # of a NumPy that came before
        del CALLS[newer]
