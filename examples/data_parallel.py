"""Train on several processes at once, over MPI, and show that it is the same as on one.

    mpiexec -n 2 python examples/data_parallel.py

Every process works on its share of each mini-batch; one Allreduce a step adds up the gradients.
At the end all processes have the same weights, and a process that trains alone on whole batches
has them as well, to rounding.  Needs mpi4py and an MPI runtime: pip install mpi4py mpich
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd_mini import nn
from autograd_mini.nn.optional import needed


@dataclass
class Result:
    """The greatest differences between processes and to one process; the held-out accuracy."""

    between: float
    to_one: float
    accuracy: float


def main(epochs: int = 20, seed: int = 0) -> Result:
    """Train alone and together, and compare."""
    world = mpi().COMM_WORLD
    rng = np.random.default_rng(seed)
    X, X_test = rng.normal(size=(2, 1000, 2))
    options = {"optimiser": "adam", "rate": 0.01, "epochs": epochs, "batch_size": 50, "rng": seed}

    together = nn.MLP([2, 32, 2], hidden="tanh", rng=seed)
    first = nn.fit(together, X, quadrants(X), communicator=world, **options)
    alone = nn.MLP([2, 32, 2], hidden="tanh", rng=seed)
    second = nn.fit(alone, X, quadrants(X), progress=False, **options)
    if "interrupted" in (first.stopped, second.stopped):
        raise SystemExit("interrupted")

    weights = np.concatenate([w.ravel() for w in together.state().values()])
    one = np.concatenate([w.ravel() for w in alone.state().values()])
    everywhere = world.allgather(weights)
    result = Result(
        between=float(max(np.abs(other - weights).max() for other in everywhere)),
        to_one=float(np.abs(one - weights).max()),
        accuracy=nn.accuracy(together(X_test), quadrants(X_test)),
    )
    if world.rank == 0:
        print(f"{world.size} processes, {len(weights)} weights")
        print(f"greatest difference between the processes  {result.between:.1e}")
        print(f"greatest difference to one process         {result.to_one:.1e}")
        print(f"accuracy on {len(X_test)} points held out           {result.accuracy:.4f}")
    return result


def quadrants(X: np.ndarray) -> np.ndarray:
    """Whether both coordinates have the same sign: two classes that no straight line parts."""
    return (X[:, 0] * X[:, 1] > 0).astype(int)


def mpi() -> Any:
    """The module ``mpi4py.MPI``.

    Raises:
        ImportError: mpi4py or the MPI runtime that it loads is missing; says what to install.
    """
    try:
        return needed("mpi4py.MPI", "mpi4py", "to train on several processes")
    except RuntimeError:  # what mpi4py says when it finds no libmpi
        raise ImportError("mpi4py finds no MPI runtime: run `pip install mpich`") from None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Data-parallel training over MPI.")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    try:
        main(**vars(parser.parse_args()))
    except ImportError as error:  # says what to install
        parser.exit(1, f"{error}\n")
