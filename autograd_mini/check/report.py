"""What a gradient check found, quantity by quantity, and how it is told."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from autograd_mini.core.graph import topological_order
from autograd_mini.show.spelling import for_stream

if TYPE_CHECKING:
    from autograd_mini.check.told import Told

Array = np.ndarray[Any, np.dtype[Any]]

AGREE, DIFFER, CANNOT_TELL = "agree", "differ", "cannot tell"

ENGINE_IS_ODD = "manual and numerical agree, the automatic gradient is the odd one out"
"""The end of the evidence where not the hand-derived gradient is in doubt, but the engine's."""

Hints = Literal[0, 1, 2]
"""How much a report gives away: 0 the verdict, 1 also where the mistakes are, 2 also why."""


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
    "kink": "at a kink, what no convention gives",
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

    @property
    def engine_is_odd(self) -> bool:
        """Whether manual and numerical agree against the automatic gradient."""
        return self.evidence.endswith(ENGINE_IS_ODD)


class GradientReport:
    """The result of ``check_gradients``: what is wrong, where and why, and every number.

    ``str(report)`` is one screen of text, Jupyter shows it with the graph, ``save`` writes it.
    The attributes and ``report[name]`` always hold everything; ``hints`` says how much of it
    is told.

    Attributes:
        quantities: a ``Quantity`` for each name.
        root: the loss as it was recorded.
        nodes: the recorded node for each name.
        notes: how it was checked, where that is not the usual; they give no reason away.
        findings: what shapes, labels and values say before any gradient does.
        loss_hint: where all gradients are off by one relation: which loss they are right for.
        hints: what ``str``, ``save``, ``to_json`` and Jupyter tell: 0 the verdict, 1 also
            where the mistakes are, 2 also why, with the numbers.

    >>> import numpy as np
    >>> from autograd_mini import check_gradients
    >>> report = check_gradients(lambda w: np.sum(w**2), {"w": np.array([1.0, 3.0])},
    ...                          {"w": np.array([2.0, 3.0])})
    >>> report.ok, report["w"].verdict, report["w"].max_error
    (False, 'differ', 0.5)
    >>> print(report.text(hints=1))
    1 mistake (w)
    <BLANKLINE>
    gradient of  shape  verdict
    ---------------------------
    w            (2,)   differ
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
        hints: Hints = 2,
    ) -> None:
        self.quantities = {quantity.name: quantity for quantity in quantities}
        self.root = root
        self.nodes = dict(nodes)
        self.notes = list(notes)
        self.findings = list(findings)
        self.loss_hint = loss_hint
        self.hints = checked_hints(hints)

    @property
    def ok(self) -> bool:
        """Whether every quantity agrees."""
        right = all(quantity.verdict == AGREE for quantity in self.quantities.values())
        return right and not any(finding.wrong for finding in self.findings)

    @property
    def culprits(self) -> list[str]:
        """The quantities that differ and do not merely inherit it, nearest the loss first."""
        return [
            quantity.name
            for quantity in self.nearest_first()
            if quantity.verdict == DIFFER and not quantity.inherited
        ]

    def nearest_first(self) -> list[Quantity]:
        """The quantities in the order of the reverse sweep: those nearest the loss first."""
        rank = {node: i for i, node in enumerate(topological_order(self.root))}
        return sorted(self.quantities.values(), key=lambda q: -rank.get(self.nodes[q.name], -1))

    def __getitem__(self, name: str) -> Quantity:
        if name not in self.quantities:
            raise KeyError(f"{name!r} was not checked; checked were {', '.join(self.quantities)}")
        return self.quantities[name]

    def raise_if_wrong(self) -> None:
        """Raise unless every quantity agrees.

        Raises:
            GradientError: with the whole report as its message.
        """
        __tracebackhide__ = True  # pytest then ends its traceback at the caller
        if not self.ok:
            raise GradientError(str(self))

    def with_hints(self, hints: Hints) -> GradientReport:
        """The same report, which tells the verdict (0), also where (1), or also why (2).

        Raises:
            ValueError: ``hints`` is something else.
        """
        return GradientReport(
            list(self.quantities.values()),
            root=self.root,
            nodes=self.nodes,
            notes=self.notes,
            findings=self.findings,
            loss_hint=self.loss_hint,
            hints=hints,
        )

    def text(self, hints: Hints | None = None) -> str:
        """The report on one screen; long lists are cut, and it says what was left out.

        Arguments:
            hints: 0 the verdict, 1 also where the mistakes are, 2 also why; by default what
                the report was made with.
        """
        from autograd_mini.check.text import text_of

        return text_of(self._told(hints))

    def to_json(self, hints: Hints | None = None) -> str:
        """The report as JSON; docs/report-schema.json says what is in it.

        Arguments:
            hints: as for ``text``.  What a level does not tell is not in the file: numbers
                and reasons are there only with 2.

        >>> import json, numpy as np
        >>> from autograd_mini import check_gradients
        >>> report = check_gradients(lambda w: w**2, {"w": 3.0}, {"w": 3.0})
        >>> found = json.loads(report.to_json())["quantities"][0]
        >>> found["name"], found["verdict"], found["arrays"]["manual"]
        ('w', 'differ', 3.0)
        """
        from autograd_mini.check.record import json_of

        return json_of(self._told(hints))

    def html(self, hints: Hints | None = None) -> str:
        """The report as one page that needs nothing else: the graph, and every quantity.

        Arguments:
            hints: as for ``text``.
        """
        from autograd_mini.check.page import page_of

        return page_of(self._told(hints))

    def svg(self, hints: Hints | None = None) -> str:
        """The graph of the loss as an ``<svg>``, what is right, inherited and wrong marked.

        Arguments:
            hints: as for ``text``; with 0 nothing is marked.

        Raises:
            ValueError: the graph is too large to be drawn.
            RuntimeError: no engine is installed that lays it out.
        """
        from autograd_mini.check.page import drawing_of

        return drawing_of(self._told(hints)).svg()

    def _repr_html_(self) -> str:
        from autograd_mini.check.page import fragment_of

        return fragment_of(self._told(None))

    def save(self, path: str | os.PathLike[str], hints: Hints | None = None) -> str:
        """Write the report to a file, whole or not at all, and give its path.

        Arguments:
            path: a name that ends in ``.html``, ``.json``, ``.svg`` or ``.txt``.
            hints: as for ``text``.

        Raises:
            ValueError: the name ends otherwise.

        >>> import tempfile
        >>> from autograd_mini import check_gradients
        >>> report = check_gradients(lambda w: w**2, {"w": 3.0}, {"w": 6.0})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = report.save(folder + "/report.html")
        """
        from autograd_mini.show.engine import write_whole

        write_whole(path, format_of(path)(self, hints).encode())
        return os.fspath(path)

    def _told(self, hints: Hints | None) -> Told:
        from autograd_mini.check.told import told

        return told(self, self.hints if hints is None else checked_hints(hints))

    def __str__(self) -> str:
        return for_stream(self.text())

    __repr__ = __str__


def checked_hints(hints: Any) -> Hints:
    """A level of hints, if it is one.

    Raises:
        ValueError: it is none.
    """
    levels: tuple[Hints, ...] = (0, 1, 2)
    for level in levels:
        if isinstance(hints, int) and hints == level:
            return level
    raise ValueError(f"hints is 0 (the verdict), 1 (also where) or 2 (also why), not {hints!r}")


FORMATS: dict[str, Callable[[GradientReport, Hints | None], str]] = {
    ".html": GradientReport.html,
    ".json": GradientReport.to_json,
    ".svg": GradientReport.svg,
    ".txt": lambda report, hints: report.text(hints) + "\n",
}
"""What a report can be saved as: the end of a file's name, and what is written."""


def format_of(path: str | os.PathLike[str]) -> Callable[[GradientReport, Hints | None], str]:
    """What is written to a file of this name.

    Raises:
        ValueError: a report cannot be saved as that.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise ValueError(
            f"{Path(path).name!r} names no format that a report can be saved in: "
            f"end it in {', '.join(FORMATS)}"
        )
    return FORMATS[suffix]
