"""How long a picture takes: ``python benchmarks/draw.py``.

Each row is the median of several runs, with the layout by the embedded Graphviz where an SVG is
made; the graph is built before the clock starts, and the limits are those that the project
promises.  ``--quick`` runs each once.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any

from autograd_mini import Value, build_info, draw, nn, topological_order


def network(sizes: list[int], samples: int = 1) -> Any:
    """The half squared error of a sigmoid network, neuron by neuron, after its sweep."""
    model = nn.MLP(sizes, hidden="sigmoid", output="sigmoid", rng=0, scalar=True)
    x = [0.1 * i for i in range(sizes[0])]
    loss = sum((out - 0.5) ** 2 for _ in range(samples) for out in model(x)) / 2
    loss.backward()
    return loss


def tangle() -> Value:
    """A graph without order: each node is computed from two of the last forty."""
    pick = random.Random(0)
    pool = [Value(pick.random()) for _ in range(30)]
    while len(pool) < 882:
        a, b = pick.choice(pool[-40:]), pick.choice(pool[-40:])
        pool.append(a * b if len(pool) % 2 else (a + b).tanh())
    return reduce(lambda a, b: a + b, pool[-60:])


def long_sum() -> Value:
    """A million nodes: the sum of 333,333 products."""
    w = Value(0.5, label="w")
    return reduce(lambda a, b: a + b, [w * Value(i * 1e-6) for i in range(333_334)])


def long_chain() -> Value:
    """A million nodes: one operation after the other."""
    return reduce(lambda x, _: -x, range(1_000_000), Value(1.0))


@dataclass(frozen=True)
class Row:
    name: str
    graph: Callable[[], Any]
    options: dict[str, Any]
    limit: float
    runs: int


LARGE, FOLDED = {"max_nodes": 2000, "fold": False, "fit": None}, {"fold": True}
ROWS = [
    Row("2-2-2 network, fitted to a page", lambda: network([2, 2, 2]), {}, 0.150, 9),
    Row("network of 1,000 nodes, fitted", lambda: network([8, 12, 12, 6]), {}, 3, 3),
    Row("network of 1,000 nodes to SVG", lambda: network([8, 12, 12, 6]), LARGE, 3, 3),
    Row("tangle of 1,000 nodes to SVG", tangle, LARGE, 3, 3),
    Row("sum of 1,000,000 nodes, folded", long_sum, FOLDED, 5, 3),
    Row("chain of 1,000,000 nodes, folded", long_chain, FOLDED, 5, 3),
    Row("network of 1,000,000 nodes, folded", lambda: network([20, 30, 30, 10], 270), FOLDED, 5, 3),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="run each once")
    quick = parser.parse_args().quick
    print(f"Values are {build_info()['build']}")
    print(f"{'picture':36}{'nodes':>10}{'seconds':>10}{'limit':>8}")
    for row in ROWS:
        root = row.graph()
        seconds = []
        for _ in range(1 if quick else row.runs):
            start = time.perf_counter()
            draw(root, **row.options).svg()
            seconds.append(time.perf_counter() - start)
        median = statistics.median(seconds)
        missed = "" if median <= row.limit else "  missed"
        nodes = len(topological_order(root))
        print(f"{row.name:36}{nodes:10,}{median:10.3f}{row.limit:8.2f}{missed}", flush=True)


if __name__ == "__main__":
    main()
