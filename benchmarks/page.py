"""How long a page of walkthrough takes to make, and an edit in it: ``python benchmarks/page.py``.

Each row is a network of Values, neuron by neuron: its nodes, the seconds in which the page is
made, its size, and the milliseconds in which Chromium computes and shows all numbers again when a
leaf is changed (the median of 20 edits), beside the limit that the project promises.  Without
selenium, chromium and chromedriver the last column is empty.  ``--quick`` makes the smallest.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autograd_mini import nn, topological_order, walkthrough

NETWORKS = [([1, 1], 1, None), ([2, 4, 2], 3, 50), ([2, 4, 2], 6, 50), ([3, 16, 16, 1], 2, 50)]
"""Sizes of layers, samples, and the milliseconds that an edit may take."""

EDITS = """
const times = [];
for (let i = 0; i < 20; i++) {
  const began = performance.now();
  walkthrough.change(new Map([[0, i / 10]]));
  times.push(performance.now() - began);
}
return times;
"""


def network(sizes: list[int], samples: int) -> Any:
    """The half squared error of a network of Values."""
    model = nn.MLP(sizes, hidden="tanh", rng=0, scalar=True)
    x = [0.1 * i for i in range(1, sizes[0] + 1)]
    return sum((out - 0.5) ** 2 for _ in range(samples) for out in model(x)) / 2


@contextmanager
def browser() -> Any:
    """Chromium, or ``None`` where it cannot be driven."""
    chromium, program = shutil.which("chromium"), shutil.which("chromedriver")
    try:
        from selenium import webdriver
    except ImportError:
        chromium = None
    if not (chromium and program):
        yield None
        return
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(program))
    try:
        yield driver
    finally:
        driver.quit()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="make the smallest page alone")
    quick = parser.parse_args().quick
    print(f"{'network':>16} {'nodes':>6} {'made in':>9} {'size':>9} {'edit':>9}  limit")
    with browser() as driver, tempfile.TemporaryDirectory() as folder:
        for sizes, samples, limit in NETWORKS[: 1 if quick else None]:
            root = network(sizes, samples)
            began = time.perf_counter()
            path = Path(walkthrough(root, Path(folder) / "page.html"))
            seconds = time.perf_counter() - began
            edit = ""
            if driver is not None:
                driver.get(path.as_uri())
                edit = f"{statistics.median(driver.execute_script(EDITS)):.1f} ms"
            print(
                f"{f'{sizes} × {samples}':>16} {len(topological_order(root)):>6} {seconds:>7.2f} s "
                f"{path.stat().st_size / 1e6:>6.2f} MB {edit:>9}  {f'{limit} ms' if limit else ''}"
            )


if __name__ == "__main__":
    main()
