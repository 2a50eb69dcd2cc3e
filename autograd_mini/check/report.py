"""What a gradient check found, quantity by quantity, and how it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd_mini.graph import topological_order

Array = np.ndarray[Any, np.dtype[Any]]

AGREE, DIFFER, CANNOT_TELL = "agree", "differ", "cannot tell"


class GradientError(AssertionError):
    """Gradients differ, or could not be told apart; the message is the report."""


CAUSES = {
    "scale": "a constant factor",
    "sign": "the sign",
    "transpose": "transposed",
    "axis-order": "axes in another order",
    "missing-reduction": "not summed over an axis",
    "extra-reduction": "summed over an axis too many",
    "wrong-axis": "summed over another axis",
    "sum-for-mean": "a sum where a mean belongs",
    "mean-for-sum": "a mean where a sum belongs",
    "missing-factor": "an elementwise factor is missing",
    "extra-factor": "an elementwise factor too many",
    "wrong-factor": "another elementwise factor",
    "wrong-operand": "another array was used",
    "missing-term": "a term is missing",
    "extra-term": "a term too many",
    "updated-value": "a value was used after its update",
    "different-loss": "the gradient of another loss",
    "shape": "another shape",
    "kink": "another convention at a kink",
    "non-finite": "not a number, or infinite",
    "unknown": "no single slip explains it",
}
"""What can be wrong with a hand-derived gradient: each code with a few words."""


@dataclass(frozen=True)
class Cause:
    """One explanation of a wrong gradient: a code of ``CAUSES`` and the evidence in a sentence."""

    code: str
    evidence: str


@dataclass(frozen=True)
class Finding:
    """Something about shapes, labels or numbers that no gradient check would show.

    Attributes:
        code: a word for it, such as ``"labels"``.
        names: the parameters, local variables or gradients it is about.
        message: what was found and what to write instead, in a sentence.
        wrong: whether the check fails for it (otherwise it is a warning).
    """

    code: str
    names: tuple[str, ...]
    message: str
    wrong: bool = False


@dataclass(frozen=True)
class Quantity:
    """One parameter or intermediate: its three gradients and what follows from them.

    Attributes:
        name: the parameter's or local variable's name.
        shape: its shape.
        verdict: ``"agree"``, ``"differ"`` or ``"cannot tell"``.
        evidence: why, in a sentence.
        inherited: it differs, but it is right given the hand-derived gradients that it was
            computed from.
        causes: what explains a mistake, the simplest first; several where the numbers do
            not tell them apart, none where there is no mistake here.
        expected: the automatic gradient, or where hand-derived gradients nearer the loss
            differ, what one true step makes of these.
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
    inherited: bool
    causes: tuple[Cause, ...]
    expected: Array
    automatic: Array
    manual: Array | None
    numerical: Array
    numerical_error: Array
    max_error: float

    @property
    def cause(self) -> str | None:
        """The code of the simplest explanation of a mistake, ``None`` where there is none."""
        return self.causes[0].code if self.causes else None


class GradientReport:
    """The result of ``check_gradients``: a table, and a ``Quantity`` for each name.

    Attributes:
        quantities: a ``Quantity`` for each name.
        root: the loss as it was recorded.
        nodes: the recorded node for each name.
        notes: how it was checked, where that is not the usual.
        findings: what shapes, labels and values say before any gradient does.
        loss_hint: where all gradients are off by one relation: which loss they are right for.

    >>> import numpy as np
    >>> from autograd_mini import check_gradients
    >>> report = check_gradients(lambda w: np.sum(w**2), {"w": np.array([1.0, 3.0])},
    ...                          {"w": np.array([2.0, 3.0])})
    >>> report.ok, report["w"].verdict, report["w"].max_error
    (False, 'differ', 0.5)
    """

    def __init__(
        self,
        quantities: Sequence[Quantity],
        *,
        root: Any,
        nodes: Mapping[str, Any],
        notes: Sequence[str] = (),
        findings: Sequence[Finding] = (),
        loss_hint: str | None = None,
    ) -> None:
        self.quantities = {quantity.name: quantity for quantity in quantities}
        self.root = root
        self.nodes = dict(nodes)
        self.notes = list(notes)
        self.findings = list(findings)
        self.loss_hint = loss_hint

    @property
    def ok(self) -> bool:
        """Whether every quantity agrees."""
        right = all(quantity.verdict == AGREE for quantity in self.quantities.values())
        return right and not any(finding.wrong for finding in self.findings)

    @property
    def culprits(self) -> list[str]:
        """The quantities that differ and do not merely inherit it, nearest the loss first."""
        rank = {node: i for i, node in enumerate(topological_order(self.root))}
        differ = (q for q in self.quantities.values() if q.verdict == DIFFER)
        wrong = [q.name for q in differ if not q.inherited]
        return sorted(wrong, key=lambda name: -rank.get(self.nodes[name], -1))

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
