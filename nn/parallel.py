"""Data-parallel training: every process works on its share of each batch.

All processes hold the same model.  In each step, process r of n takes every n-th sample of the
batch, from the r-th on, and computes the gradient of its part of the loss; one Allreduce adds up
the flattened gradients (with the loss, and the statistics of batch normalisation) and every
process makes the same update.  So all have the same weights, equal to rounding to those of one
process that works on whole batches.  (J. Dean and others, "Large scale distributed deep
networks", NIPS 2012, describe the asynchronous form; this is the synchronous one.)

Batch normalisation sees the share, not the batch, as in PyTorch's DistributedDataParallel.

``nn.fit(..., communicator=MPI.COMM_WORLD)`` uses it; run it with ``mpiexec -n 2 python FILE.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_mini import Tensor
from autograd_mini.nn.module import Module, Parameter
from autograd_mini.nn.operands import Array


class Alone:
    """One process: what ``Together`` does with several."""

    rank, size = 0, 1

    def agree(self, **facts: Any) -> None:
        """Nobody to differ from."""

    def start_alike(self, model: Module, rng: np.random.Generator) -> None:
        """Nobody to be like."""

    def of_first(self, found: Any) -> Any:
        """What was found, as it is."""
        return found

    def share(self, rows: Array) -> Array:
        """All of the batch's rows."""
        return rows

    def reduce(
        self,
        model: Module,
        parameters: Sequence[Parameter],
        loss: float,
        part: float,
        *,
        stop: bool,
        failed: Exception | None,
    ) -> tuple[float, bool]:
        """The loss and the wish to stop, as they are."""
        return loss, stop

    def gather(self, found: list[Any]) -> list[Any]:
        """The list as it is."""
        return found


class Together:
    """The processes of an MPI communicator, as one trainer.

    Arguments:
        communicator: of ``mpi4py``, such as ``MPI.COMM_WORLD``.

    Attributes:
        rank, size: which process this is, from 0, and how many there are.

    Raises:
        TypeError: it is no communicator.
    """

    def __init__(self, communicator: Any) -> None:
        if not hasattr(communicator, "Allreduce"):
            raise TypeError(
                f"communicator is one of mpi4py, not {type(communicator).__name__}: write "
                "`from mpi4py import MPI` and communicator=MPI.COMM_WORLD"
            )
        self.communicator = communicator
        self.rank: int = communicator.Get_rank()
        self.size: int = communicator.Get_size()

    def agree(self, **facts: Any) -> None:
        """Check that every process was asked for the same.

        Raises:
            ValueError: they were not; in every process, so that none waits for the others.
        """
        for name, found in facts.items():
            everywhere = self.communicator.allgather(found)
            if any(other != everywhere[0] for other in everywhere):
                raise ValueError(
                    f"the processes differ in {name}: {', '.join(map(str, everywhere))}; every "
                    "one calls fit with the same arguments and all of the data"
                )

    def start_alike(self, model: Module, rng: np.random.Generator) -> None:
        """Give every process the first one's weights and random numbers."""
        state, generator = self.communicator.bcast((model.state(), rng.bit_generator.state))
        model.load_state(state)
        rng.bit_generator.state = generator

    def of_first(self, found: Any) -> Any:
        """What the first process found, in every process: what all must decide by."""
        return self.communicator.bcast(found)

    def share(self, rows: Array) -> Array:
        """The rows of a batch that this process works on; maybe none."""
        return rows[self.rank :: self.size]

    def reduce(
        self,
        model: Module,
        parameters: Sequence[Parameter],
        loss: float,
        part: float,
        *,
        stop: bool,
        failed: Exception | None,
    ) -> tuple[float, bool]:
        """Replace each gradient by its sum over all processes, in one Allreduce.

        Arguments:
            model: whose buffers to average.
            parameters: whose gradients to add up.
            loss: this process's part of the loss.
            part: this process's part of the batch, between 0 and 1.
            stop: whether this process wants to stop.
            failed: the error that this process met in this step, if it did.

        Returns:
            The loss of the whole batch, and whether any process wants to stop.

        Raises:
            Exception: ``failed`` itself; in the other processes a RuntimeError.
        """
        buffers = [b for _, b in model.named_buffers() if b.dtype.kind == "f"]
        pieces = [np.ravel(p.grad) for p in parameters] + [np.ravel(part * b) for b in buffers]
        flat = np.concatenate(
            [*pieces, [loss, float(stop), float(failed is not None)]], dtype=np.float64
        )
        total = np.empty_like(flat)
        self.communicator.Allreduce(flat, total)
        if failed is not None:
            raise failed
        if total[-1]:
            raise RuntimeError(
                f"{int(total[-1])} of {self.size} processes met an error in this step, which they "
                "show themselves; all of them stop"
            )
        at = 0
        for parameter in parameters:
            count = int(np.size(parameter.data))
            summed = total[at : at + count]
            if isinstance(parameter, Tensor):
                parameter.grad = summed.reshape(parameter.shape).astype(parameter.dtype, copy=False)
            else:
                parameter.grad = float(summed[0])
            at += count
        for buffer in buffers:
            buffer[...] = total[at : at + buffer.size].reshape(buffer.shape)
            at += buffer.size
        return float(total[-3]), bool(total[-2])

    def gather(self, found: list[Any]) -> list[Any]:
        """The lists of all processes, joined."""
        return [item for each in self.communicator.allgather(found) for item in each]
