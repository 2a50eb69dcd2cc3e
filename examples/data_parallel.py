"""Train on several processes at once, over MPI, and show that it is the same as on one.

    mpiexec -n 2 python examples/data_parallel.py

Every process works on its share of each mini-batch; one Allreduce a step adds up the gradients.
At the end all processes have the same weights, and a process that trains alone on whole batches
has them as well, to rounding.  Needs mpi4py and an MPI runtime: pip install mpi4py mpich
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
from mpi4py import MPI

from autograd_mini import nn


@dataclass
class Result:
    """The greatest difference between processes and to one process, and the accuracy."""

    between: float
    to_one: float
    accuracy: float


def main(epochs: int = 20, seed: int = 0) -> Result:
    """Train alone and together, and compare."""
    world = MPI.COMM_WORLD
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(1000, 2))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)  # which quadrants: not linearly separable
    options = {"optimiser": "adam", "rate": 0.01, "epochs": epochs, "batch_size": 50, "rng": seed}

    together = nn.MLP([2, 32, 2], hidden="tanh", rng=seed)
    nn.fit(together, X, y, communicator=world, **options)
    alone = nn.MLP([2, 32, 2], hidden="tanh", rng=seed)
    nn.fit(alone, X, y, progress=False, **options)

    weights = np.concatenate([w.ravel() for w in together.state().values()])
    one = np.concatenate([w.ravel() for w in alone.state().values()])
    everywhere = world.allgather(weights)
    result = Result(
        between=float(max(np.abs(other - weights).max() for other in everywhere)),
        to_one=float(np.abs(one - weights).max()),
        accuracy=nn.accuracy(together(X), y),
    )
    if world.rank == 0:
        print(f"{world.size} processes, {len(weights)} weights")
        print(f"greatest difference between the processes  {result.between:.1e}")
        print(f"greatest difference to one process         {result.to_one:.1e}")
        print(f"accuracy                                   {result.accuracy:.4f}")
    return result


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Data-parallel training over MPI.")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    main(**vars(parser.parse_args()))
