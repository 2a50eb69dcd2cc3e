"""Data-parallel training: every process works on its share of each batch.

All processes hold the same model.  In each step, process r of n takes every n-th sample of the
batch, from the r-th on, and computes the gradient of its part of the loss; one Allreduce adds up
the flattened gradients (with the loss, and the statistics of batch normalisation) and every
process makes the same update.  So all have the same weights, equal to rounding to those of one
process that works on whole batches.  (J. Dean and others, "Large scale distributed deep
networks", NIPS 2012, describe the asynchronous form; this is the synchronous one.)

Batch normalisation sees the share, not the batch, as in PyTorch's DistributedDataParallel.

No process waits for another that will not come.  Before each collective call all of them meet:
they exchange where they are, whether one is ending by an error, and whether one wants to stop.
So an error in one ends all of them, by an error that names it, and processes that went different
ways are told so.  What fails inside a collective call ends all by ``Abort``.

``nn.fit(..., communicator=MPI.COMM_WORLD)`` uses it; run it with ``mpiexec -n 2 python FILE.py``.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
import zlib
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np

from autograd_mini import Tensor
from autograd_mini.nn.module import Module, Parameter
from autograd_mini.typing import Array

T = TypeVar("T")

SAME_ARGUMENTS = "every one calls fit with the same arguments and all of the data"

_NAMED = 3
"""So many differences an error names."""

_SECONDS_TO_SHOW = 1.0
"""Before an Abort, which drops what the launcher has not yet passed on."""


class Alone:
    """One process: what ``Together`` does with several."""

    rank, size = 0, 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Nobody waits."""

    def agree(self, facts: Mapping[str, Any], remedy: str = SAME_ARGUMENTS) -> None:
        """Nobody to differ from."""

    def of_first(self, found: T) -> T:
        """What was found, as it is."""
        return found

    def stopped(self, reason: str) -> str:
        """The reason as it is."""
        return reason

    def share(self, indices: Array) -> Array:
        """All of the batch's samples."""
        return indices

    def reduce(
        self, model: Module, parameters: Sequence[Parameter], loss: float, part: float
    ) -> float:
        """The loss as it is."""
        return loss

    def gather(self, found: T) -> list[T]:
        """What was found, as the only one."""
        return [found]


class Together:
    """The processes of an MPI communicator, as one trainer.

    It is used in a ``with`` block: an error that leaves the block ends the other processes' too.

    Arguments:
        communicator: of ``mpi4py``, such as ``MPI.COMM_WORLD``.

    Attributes:
        rank, size: which process this is, from 0, and how many there are.

    Raises:
        TypeError: it is no communicator.
        RuntimeError: from every method: another process ended by an error, or is elsewhere.
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
        self._inside = False
        self._all_know = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        """Meet the others at the end, or tell them of the error."""
        if self._inside:  # the others are in a collective call that cannot be completed
            shown = "".join(traceback.format_exception(error))
            sys.stderr.write(f"{shown}rank {self.rank} of {self.size} ends all processes\n")
            sys.stderr.flush()
            time.sleep(_SECONDS_TO_SHOW)
            self.communicator.Abort(1)
            os._exit(1)  # some Aborts come back, and going on would only hang
        if not self._all_know:
            self._meet("the end", error=error)

    def _meet(self, where: str, wish: bool = False, error: BaseException | None = None) -> bool:
        """Wait until every process is here; whether any has the wish.

        Raises:
            RuntimeError: another process ends by an error, or is not here.
        """
        here = np.array([zlib.crc32(where.encode()), wish, error is not None], dtype=np.int64)
        everywhere = np.empty((self.size, 3), dtype=np.int64)
        self._inside = True
        self.communicator.Allgather(here, everywhere)
        places, wishes, errors = everywhere.T
        what = ""
        if errors.any():
            what = self._errors(error)
        elif np.any(places != places[0]):
            found = self.communicator.allgather(where)
            what = "the processes went different ways: " + ", ".join(
                f"rank {rank} is at {place}" for rank, place in enumerate(found)
            )
        self._inside = False
        if what:
            self._all_know = True
            if error is None:
                raise RuntimeError(what)
        return bool(wishes.any())

    def _errors(self, error: BaseException | None) -> str:
        mine = "" if error is None else f"{type(error).__name__}: {error}".removesuffix(": ")
        everywhere = enumerate(self.communicator.allgather(mine))
        found = [f"rank {rank} of {self.size} ended by {text}" for rank, text in everywhere if text]
        return "; ".join(found) + "; so all of them end"

    def _collectively(self, where: str, call: Callable[[], T]) -> T:
        self._meet(where)
        self._inside = True
        found = call()
        self._inside = False
        return found

    def agree(self, facts: Mapping[str, Any], remedy: str = SAME_ARGUMENTS) -> None:
        """Check that every process has the same facts, by name; they are compared as text.

        Raises:
            ValueError: they differ; in every process.
        """
        mine = {name: str(fact) for name, fact in facts.items()}
        everywhere = self.gather(mine)
        differing = []
        for name in dict.fromkeys(name for each in everywhere for name in each):
            ranks: dict[str, int] = {}  # the first that has it, for each text
            for rank, each in enumerate(everywhere):
                ranks.setdefault(each.get(name, "nothing"), rank)
            if len(ranks) > 1:
                of = ", ".join(map(str, ranks.values()))
                differing.append(f"{name}: {', '.join(ranks)} (ranks {of})")
        if differing:
            self._all_know = True
            more = f" and {len(differing) - _NAMED} more" if len(differing) > _NAMED else ""
            raise ValueError(
                f"the processes differ in {'; in '.join(differing[:_NAMED])}{more}: {remedy}"
            )

    def of_first(self, found: T) -> T:
        """What the first process found, in every process: what all must decide by."""
        first: T = self._collectively(
            "what the first found", lambda: self.communicator.bcast(found)
        )
        return first

    def stopped(self, reason: str) -> str:
        """Why all of them stop: the first reason, and whose it is if not everybody has it."""
        if not self._meet("the end of a step or epoch", wish=bool(reason)):
            return ""
        reasons = self.gather(reason)
        rank = next(rank for rank, text in enumerate(reasons) if text)
        alike = len(set(reasons)) == 1
        return str(reasons[rank]) + ("" if alike else f" (rank {rank} of {self.size})")

    def share(self, indices: Array) -> Array:
        """The samples of a batch that this process works on; maybe none."""
        return indices[self.rank :: self.size]

    def reduce(
        self, model: Module, parameters: Sequence[Parameter], loss: float, part: float
    ) -> float:
        """Replace each gradient by its sum over all processes, in one Allreduce.

        Arguments:
            model: whose buffers to average.
            parameters: whose gradients to add up.
            loss: this process's part of the loss.
            part: this process's part of the batch, between 0 and 1.

        Returns:
            The loss of the whole batch.
        """
        buffers = [b for _, b in model.named_buffers() if b.dtype.kind == "f"]
        pieces = [np.ravel(p.grad) for p in parameters] + [np.ravel(part * b) for b in buffers]
        flat = np.concatenate([*pieces, [loss]], dtype=np.float64)
        total = np.empty_like(flat)
        self._collectively(
            f"a step on {len(flat)} numbers", lambda: self.communicator.Allreduce(flat, total)
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
        return float(total[-1])

    def gather(self, found: T) -> list[T]:
        """What each process found, by rank."""
        everywhere: list[T] = self._collectively(
            "what each found", lambda: self.communicator.allgather(found)
        )
        return everywhere
