"""The progress bar of a training run."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from autograd_mini.nn.training.run import Run

if TYPE_CHECKING:
    from tqdm.auto import tqdm  # type: ignore[import-untyped]

_SECONDS_BETWEEN_POSTFIXES = 0.1


class Progress:
    """A ``with`` block in which a bar shows a run's steps, loss, metrics and rate.

    Arguments:
        run: the run.
        steps: how many steps all its epochs have.
        shown: whether there is a bar at all.
    """

    def __init__(self, run: Run, steps: int, shown: bool) -> None:
        self.run = run
        self.bar: tqdm | None = None
        if shown:
            from tqdm.auto import tqdm  # a notebook's own bar; loads asyncio

            self.bar = tqdm(total=steps, initial=run.step, desc="training", unit="step")
        self._next_postfix = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        if self.bar is not None:
            if error is None:
                self.bar.set_postfix(_postfix(self.run))
            self.bar.close()

    def advance(self) -> None:
        """One step more; what the bar says beside it is renewed now and then."""
        if self.bar is None:
            return
        self.bar.update()
        if time.monotonic() > self._next_postfix:
            self._next_postfix = time.monotonic() + _SECONDS_BETWEEN_POSTFIXES
            self.bar.set_postfix(_postfix(self.run), refresh=False)


def _postfix(run: Run) -> dict[str, str]:
    epoch = min(run.epoch, run.epochs)
    found = {"epoch": f"{epoch}/{run.epochs}", "loss": f"{run.loss:.4g}"}
    if run.history.epochs:
        for name, value in run.history.last.items():
            if name not in ("epoch", "loss", "rate"):
                found[name] = f"{value:.4g}"
    return found | {"rate": f"{run.rate:.3g}"}
