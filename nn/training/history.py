"""History: what a training run measured, epoch by epoch and step by step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from autograd_mini.nn.notebook import preformatted
from autograd_mini.typing import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(repr=False)
class History:
    """What ``nn.fit`` measured.

    Attributes:
        epochs: one dict for each epoch: ``"epoch"`` (from 1), ``"loss"``, the metrics' names,
            ``"validation_loss"`` and ``"validation_..."`` if there is a validation part, and
            ``"rate"``, the learning rate of the epoch's last step.
        steps: the loss of each mini-batch, before the update that it led to.
        epoch_ends: for each epoch how many steps had been made when it ended.
        stopped: why the run ended before its last epoch: ``"early"``, ``"diverged"``,
            ``"interrupted"`` or what a callback gave to ``run.stop``; empty if it did not.
        loss_before: the loss on the first samples before training.
        snapshots: the weights before training and after epochs, each a dict of arrays by name, if
            the run had the callback ``Snapshots``.

    ``history["loss"]`` is the column: a list with one number for each epoch.

    >>> history = History([{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}])
    >>> history["loss"], len(history), history.last["loss"]
    ([0.5, 0.25], 2, 0.25)
    >>> history
    History(2 epochs: loss 0.5 to 0.25)
    >>> print(history)
    epoch  loss
        1  0.5
        2  0.25
    """

    epochs: list[dict[str, Any]] = field(default_factory=list)
    steps: list[float] = field(default_factory=list)
    epoch_ends: list[int] = field(default_factory=list)
    stopped: str = ""
    loss_before: float = float("nan")
    snapshots: list[dict[str, Array]] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """The columns, in order."""
        return list(dict.fromkeys(name for row in self.epochs for name in row))

    @property
    def last(self) -> dict[str, Any]:
        """The last epoch's row."""
        if not self.epochs:
            raise ValueError("no epoch has ended yet")
        return self.epochs[-1]

    def best(self, name: str = "loss") -> dict[str, Any]:
        """The row in which a column is least."""
        return min(self.epochs, key=lambda row: row[name])

    def __getitem__(self, name: str) -> list[Any]:
        if name not in self.names:
            raise KeyError(f"no column {name!r}; there are {', '.join(self.names) or 'none'}")
        return [row[name] for row in self.epochs if name in row]

    def __len__(self) -> int:
        return len(self.epochs)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.epochs)

    def plot(self, ax: Axes | None = None, **options: Any) -> Figure:
        """The loss curve as a Matplotlib Figure; options as for ``nn.plots.loss_curve``."""
        from autograd_mini.nn import plots

        return plots.loss_curve(self, ax=ax, **options)

    def __repr__(self) -> str:
        losses = [_shown(row["loss"]) for row in self.epochs if "loss" in row]
        course = f": loss {losses[0]} to {losses[-1]}" if losses else f", {len(self.steps)} steps"
        stopped = f", stopped: {self.stopped}" if self.stopped else ""
        return f"History({len(self)} epoch{'s' * (len(self) != 1)}{course}{stopped})"

    def _repr_html_(self) -> str:
        return preformatted(str(self))

    def __str__(self) -> str:
        names = self.names
        table = [names] + [[_shown(row.get(name)) for name in names] for row in self.epochs]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [
            "  ".join(
                word.rjust(width) if i == 0 else word.ljust(width)
                for i, (word, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in table
        ]
        if self.stopped:
            lines.append(f"stopped: {self.stopped}")
        return "\n".join(lines)


def _shown(number: object) -> str:
    return "" if number is None else f"{number:.4g}" if isinstance(number, float) else str(number)
