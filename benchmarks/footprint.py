"""What the package costs besides computing: its import, and the memory of both modes.

    python benchmarks/footprint.py [--quick]

The import is the median time of fresh processes less that of ``import numpy`` in turn with them; of
CPU, so that what else the machine does counts little.  Memory is the peak of what Python and NumPy
allocate while a chain of operations on an array of 1 MB is differentiated: in reverse it grows with
the chain, which is measured as far as it fits, forward it stays.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Callable
from functools import partial

import numpy as np

import autograd_mini as ag

X = np.linspace(0.1, 1.0, 125_000)


def import_time(module: str, cache: str) -> float:
    """The CPU time of a fresh process that imports a module, in seconds.

    Arguments:
        cache: a folder for what Python has compiled of modules.
    """
    variables = {**os.environ, "PYTHONPYCACHEPREFIX": cache, "PYTHONDONTWRITEBYTECODE": ""}
    process = subprocess.Popen([sys.executable, "-c", f"import {module}"], env=variables)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_utime + usage.ru_stime


def import_times(pairs: int) -> tuple[float, float]:
    """What the import takes of NumPy, and by how much this one takes longer: medians of pairs."""
    with tempfile.TemporaryDirectory() as cache:
        import_time("autograd_mini", cache)  # which compiles the modules
        modules = "numpy", "autograd_mini"
        found = [[import_time(module, cache) for module in modules] for _ in range(pairs)]
    numpy = statistics.median(times[0] for times in found)
    return numpy, statistics.median(times[1] - times[0] for times in found)


def chain(length: int) -> Callable[[np.ndarray], np.ndarray]:
    def repeated(x: np.ndarray) -> np.ndarray:
        for _ in range(length):
            x = np.sin(x)
        return x

    return repeated


def peak(run: Callable[[], object]) -> float:
    """The most megabytes that are allocated at a time."""
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


MODES: dict[str, tuple[int, Callable[[Callable[[np.ndarray], np.ndarray]], object]]] = {
    "jvp": (100_000, lambda f: ag.jvp(f, (X,), (X,))),
    "jvp of jvp": (100_000, lambda f: ag.jvp(lambda x: ag.jvp(f, (x,), (X,))[1], (X,), (X,))),
    "vjp": (1_000, lambda f: ag.vjp(f, X)[1](X)),
}
"""Each mode with the longest chain whose graph fits."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three imports, short chains")
    given = parser.parse_args()
    lengths = (10, 100) if given.quick else (10, 100, 1_000, 10_000)
    numpy, ours = import_times(3 if given.quick else 25)
    print(f"import autograd_mini: {1000 * ours:.1f} ms of CPU over NumPy's {1000 * numpy:.1f} ms")
    print(f"{'peak of operations':20}" + "".join(f"{length:>12,}" for length in lengths))
    for mode, (longest, run) in MODES.items():
        peaks = [peak(partial(run, chain(length))) for length in lengths if length <= longest]
        print(f"{mode:20}" + "".join(f"{each:>9.1f} MB" for each in peaks), flush=True)


if __name__ == "__main__":
    main()
