"""What a gradient check found, quantity by quantity, and how it is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

AGREE, DIFFER, CANNOT_TELL = "agree", "differ", "cannot tell"


class GradientError(AssertionError):
    """Gradients differ, or could not be told apart; the message is the report."""


@dataclass(frozen=True)
class Quantity:
    """One parameter or intermediate: its three gradients and what follows from them.

    Attributes:
        name: the parameter's or local variable's name.
        shape: its shape.
        verdict: ``"agree"``, ``"differ"`` or ``"cannot tell"``.
        evidence: why, in a sentence.
        automatic: the gradient of the reverse sweep, of shape ``shape``.
        manual: the hand-derived gradient, ``None`` if there is none.
        numerical: numerical derivatives, NaN for elements that were not probed.
        numerical_error: the estimated errors of these.
        max_error: the largest difference between manual and automatic (numerical and
            automatic without a manual gradient), relative to the largest element of the
            automatic gradient.
    """

    name: str
    shape: tuple[int, ...]
    verdict: str
    evidence: str
    automatic: Array
    manual: Array | None
    numerical: Array
    numerical_error: Array
    max_error: float


class GradientReport:
    """The result of ``check_gradients``: a table, and a ``Quantity`` for each name.

    >>> import numpy as np
    >>> from autograd_mini import check_gradients
    >>> report = check_gradients(lambda w: np.sum(w**2), {"w": np.array([1.0, 3.0])},
    ...                          {"w": np.array([2.0, 3.0])})
    >>> report.ok, report["w"].verdict, report["w"].max_error
    (False, 'differ', 0.5)
    """

    def __init__(self, quantities: list[Quantity], notes: list[str]) -> None:
        self.quantities = {quantity.name: quantity for quantity in quantities}
        self.notes = notes

    @property
    def ok(self) -> bool:
        """Whether every quantity agrees."""
        return all(quantity.verdict == AGREE for quantity in self.quantities.values())

    def __getitem__(self, name: str) -> Quantity:
        if name not in self.quantities:
            raise KeyError(f"{name!r} was not checked; checked were {', '.join(self.quantities)}")
        return self.quantities[name]

    def raise_if_wrong(self) -> None:
        """Raise unless every quantity agrees.

        Raises:
            GradientError: with the whole report as its message.
        """
        if not self.ok:
            raise GradientError(f"\n{self}")

    def __str__(self) -> str:
        quantities = self.quantities.values()
        counts = {
            verdict: sum(q.verdict == verdict for q in quantities)
            for verdict in (DIFFER, CANNOT_TELL)
        }
        found = [
            words
            for words in (
                f"{counts[DIFFER]} differ" * bool(counts[DIFFER]),
                f"{counts[CANNOT_TELL]} cannot be told" * bool(counts[CANNOT_TELL]),
            )
            if words
        ]
        kind = "gradient" if len(quantities) == 1 else "gradients"
        title = f"{len(quantities)} {kind} checked: {', '.join(found) or 'all agree'}"
        rows = [
            ("gradient of", "shape", "verdict", "manual - automatic", "numerical - automatic"),
            *(
                (q.name, str(q.shape), q.verdict, _difference(q), _numerical_difference(q))
                for q in quantities
            ),
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        evidence = [f"{q.name}: {q.evidence}" for q in quantities if q.verdict != AGREE]
        blocks = [title, "", lines[0], "-" * len(lines[0]), *lines[1:]]
        for more in (evidence, self.notes):
            if more:
                blocks += ["", *more]
        return "\n".join(blocks)

    __repr__ = __str__


def _difference(quantity: Quantity) -> str:
    if quantity.manual is None:
        return "not given"
    if quantity.manual.shape != quantity.shape:
        return f"shape {quantity.manual.shape}"
    return f"{np.max(np.abs(quantity.manual - quantity.automatic), initial=0.0):.1e}"


def _numerical_difference(quantity: Quantity) -> str:
    probed = ~np.isnan(quantity.numerical)
    if not probed.any():
        return "not probed"
    difference = np.abs(quantity.numerical - quantity.automatic)[probed]
    worst = int(np.argmax(difference))
    return f"{difference[worst]:.1e} ± {quantity.numerical_error[probed][worst]:.0e}"
