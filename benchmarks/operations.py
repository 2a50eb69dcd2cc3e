"""Operations forward and backward beside PyTorch and HIPS autograd: paired ratios of CPU time.

    python benchmarks/operations.py [--quick] [--only NAME]

A figure is the median of pairs: this package's CPU time over the peer's, in turn, in one process
with one thread; 0.5 is twice as fast.  NumPy's forward pass alone is the control, a loop over
samples for ``vmap``.

What comes near twice PyTorch, and why: ``cumprod`` divides by nothing, so that a gradient is right
where a factor is 0; ``median`` sorts where PyTorch selects; ``qr`` solves with a triangle as with any
matrix, for NumPy has nothing else.
"""

# ruff: noqa: E501 - a table

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import autograd_mini as ag
from autograd_mini import Tensor

RNG = np.random.default_rng(0)
MATRIX = RNG.normal(size=(60, 60)) + 8 * np.eye(60)
TALL, ROWS, LONG = RNG.normal(size=(80, 40)), RNG.normal(size=(200, 50)), RNG.normal(size=20_000)
PLACES, KERNEL = np.argsort(ROWS, -1), RNG.normal(size=(5, 5))
SAMPLES, WEIGHTS = RNG.normal(size=(64, 20)), RNG.normal(size=(10, 20))

Code = Callable[[Any, Any], Any]
CASES: dict[str, tuple[np.ndarray, Code, Callable[[Any, Any], Any] | None]] = {
    "solve": (MATRIX, lambda xp, x: xp.linalg.solve(x, MATRIX[0]), lambda t, x: t.linalg.solve(x, t.tensor(MATRIX[0]))),
    "inv": (MATRIX, lambda xp, x: xp.linalg.inv(x), lambda t, x: t.linalg.inv(x)),
    "slogdet": (MATRIX, lambda xp, x: xp.linalg.slogdet(x)[1], lambda t, x: t.linalg.slogdet(x)[1]),
    "cholesky": (MATRIX, lambda xp, x: xp.linalg.cholesky(x @ x.T), lambda t, x: t.linalg.cholesky(x @ x.T)),
    "eigh": (MATRIX, lambda xp, x: xp.linalg.eigh(x + x.T)[0], lambda t, x: t.linalg.eigh(x + x.T)[0]),
    "svd": (TALL, lambda xp, x: xp.linalg.svd(x, full_matrices=False)[1], lambda t, x: t.linalg.svd(x, full_matrices=False)[1]),
    "qr": (TALL, lambda xp, x: xp.linalg.qr(x)[1], lambda t, x: t.linalg.qr(x)[1]),
    "pinv": (TALL, lambda xp, x: xp.linalg.pinv(x), lambda t, x: t.linalg.pinv(x)),
    "sort": (ROWS, lambda xp, x: xp.sort(x), lambda t, x: t.sort(x)[0]),
    "cumsum": (ROWS, lambda xp, x: xp.cumsum(x, axis=-1), lambda t, x: t.cumsum(x, -1)),
    "cumprod": (ROWS, lambda xp, x: xp.cumprod(x, axis=-1), lambda t, x: t.cumprod(x, -1)),
    "take_along_axis": (ROWS, lambda xp, x: xp.take_along_axis(x, PLACES, -1), lambda t, x: t.take_along_dim(x, t.tensor(PLACES), -1)),
    "median": (ROWS, lambda xp, x: xp.median(x, axis=-1), lambda t, x: t.quantile(x, 0.5, -1)),
    "pad": (ROWS, lambda xp, x: xp.pad(x, 3), lambda t, x: t.nn.functional.pad(x, (3,) * 4)),
    "kron": (MATRIX[:10, :10], lambda xp, x: xp.kron(x, x), lambda t, x: t.kron(x, x)),
    "einsum": (ROWS, lambda xp, x: xp.einsum("ij,kj->ik", x, x), lambda t, x: t.einsum("ij,kj->ik", x, x)),
    "var": (ROWS, lambda xp, x: xp.var(x, axis=0), lambda t, x: t.var(x, 0)),
    "prod": (ROWS, lambda xp, x: xp.prod(x, axis=-1), lambda t, x: t.prod(x, -1)),
    "diff": (LONG, lambda xp, x: xp.diff(x), lambda t, x: t.diff(x)),
    "roll": (LONG, lambda xp, x: xp.roll(x, 7), lambda t, x: t.roll(x, 7)),
    "where": (LONG, lambda xp, x: xp.where(x > 0, x, 0.1 * x), lambda t, x: t.where(x > 0, x, 0.1 * x)),
    "matrix_power": (MATRIX / 9, lambda xp, x: xp.linalg.matrix_power(x, 5), lambda t, x: t.linalg.matrix_power(x, 5)),
    "gammaln": (LONG**2 + 0.5, lambda xp, x: _special(xp).gammaln(x), lambda t, x: t.lgamma(x)),
    "convolve": (MATRIX, lambda xp, x: _convolve(xp, x, KERNEL), lambda t, x: t.nn.functional.conv2d(x[None, None], t.tensor(KERNEL[None, None, ::-1, ::-1].copy()), padding=4)),
    "ndtr": (LONG, lambda xp, x: _special(xp).ndtr(x), lambda t, x: t.special.ndtr(x)),
}  # fmt: skip


def _special(xp: Any) -> Any:
    if xp is np:
        from scipy import special
    else:
        from autograd.scipy import special
    return special


def _convolve(xp: Any, x: Any, kernel: np.ndarray) -> Any:
    if xp is np:
        return ag.convolve(x, kernel)
    from autograd.scipy import signal

    return signal.convolve(x, kernel)


def ours(case: str) -> Callable[[], Any]:
    x, code, _ = CASES[case]

    def run() -> Any:
        t = Tensor(x)
        out = np.sum(code(np, t) * 1.5)
        return out.data, ag.gradients(out, t)

    return run


def by_torch(case: str) -> Callable[[], Any]:
    import torch

    torch.set_num_threads(1)
    x, _, code = CASES[case]
    assert code is not None

    def run() -> Any:
        t = torch.tensor(x, requires_grad=True)
        out = (code(torch, t) * 1.5).sum()
        return out.item(), torch.autograd.grad(out, t)[0].numpy()

    return run


def by_hips(case: str) -> Callable[[], Any]:
    import autograd
    import autograd.numpy as anp

    x, code, _ = CASES[case]
    both = autograd.value_and_grad(lambda x: anp.sum(code(anp, x) * 1.5))
    return lambda: both(x)


def by_numpy(case: str) -> Callable[[], Any]:
    x, code, _ = CASES[case]
    return lambda: np.sum(code(np, x) * 1.5)


def vmap_and_loop() -> tuple[Callable[[], Any], Callable[[], Any], Callable[[], Any] | None]:
    """Gradients of each sample: at once, in a loop, and by PyTorch."""
    slope = ag.grad(lambda w, x: np.sum(np.tanh(w @ x) ** 2))
    at_once = ag.vmap(slope, (None, 0))
    try:
        import torch
    except ImportError:
        theirs = None
    else:
        f = torch.func.grad(lambda w, x: (torch.tanh(w @ x) ** 2).sum())
        mapped, w, x = torch.func.vmap(f, (None, 0)), torch.tensor(WEIGHTS), torch.tensor(SAMPLES)
        theirs = lambda: mapped(w, x)  # noqa: E731
    return (
        lambda: at_once(WEIGHTS, SAMPLES),
        lambda: np.stack([slope(WEIGHTS, x) for x in SAMPLES]),
        theirs,
    )


def ratio(one: Callable[[], Any], other: Callable[[], Any], pairs: int) -> float:
    """The median of paired ratios of CPU time."""
    one(), other()  # what is made once is made
    start = time.process_time()
    one()
    repeats = max(1, int(0.01 / max(time.process_time() - start, 1e-6)))
    found = []
    for _ in range(pairs):
        times = []
        for run in (one, other):
            start = time.process_time()
            for _ in range(repeats):
                run()
            times.append(time.process_time() - start)
        found.append(times[0] / max(times[1], 1e-9))
    return statistics.median(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three pairs in place of fifteen")
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    pairs = 3 if given.quick else 15
    peers = {"PyTorch": by_torch, "HIPS": by_hips, "NumPy forward": by_numpy}
    print(f"{'ours over':16}" + "".join(f"{peer:>15}" for peer in peers))
    for case in CASES:
        if given.only and given.only != case:
            continue
        mine, cells = ours(case), []
        for peer in peers.values():
            try:
                other = peer(case)
                other()
            except Exception as error:
                cells.append(type(error).__name__[:14])
            else:
                cells.append(f"{ratio(mine, other, pairs):.2f}")
        print(f"{case:16}" + "".join(f"{cell:>15}" for cell in cells), flush=True)
    at_once, loop, theirs = vmap_and_loop()
    np.testing.assert_allclose(at_once(), loop(), rtol=1e-12)
    cells = [f"{ratio(at_once, theirs, pairs):.2f}" if theirs else "-", "-"]
    cells.append(f"{ratio(at_once, loop, pairs):.2f} of a loop")
    print(f"{'vmap of grad':16}" + "".join(f"{cell:>15}" for cell in cells))


if __name__ == "__main__":
    main()
