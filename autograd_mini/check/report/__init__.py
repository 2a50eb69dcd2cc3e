"""A gradient report: what a check has shown, and how it is told."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from autograd_mini.check.formats import format_of
from autograd_mini.check.report.page import drawing_of, fragment_of, page_of
from autograd_mini.check.report.patch import Correction, corrections, diff
from autograd_mini.check.report.text import text_of
from autograd_mini.check.report.to_json import json_of
from autograd_mini.check.report.view import Hints as Hints
from autograd_mini.check.report.view import View, checked_hints, view_of
from autograd_mini.check.result import AGREE as AGREE
from autograd_mini.check.result import CANNOT_TELL as CANNOT_TELL
from autograd_mini.check.result import CAUSES as CAUSES
from autograd_mini.check.result import DIFFER as DIFFER
from autograd_mini.check.result import ENGINE_IS_ODD as ENGINE_IS_ODD
from autograd_mini.check.result import Cause as Cause
from autograd_mini.check.result import CodeLine as CodeLine
from autograd_mini.check.result import Finding as Finding
from autograd_mini.check.result import Line as Line
from autograd_mini.check.result import Mistake as Mistake
from autograd_mini.check.result import Quantity as Quantity
from autograd_mini.check.result import Repair as Repair
from autograd_mini.check.result import Result
from autograd_mini.core.graph import Node
from autograd_mini.show.transliteration import for_stream


class GradientError(AssertionError):
    """Gradients differ, or could not be told apart; the message is the report."""


class GradientReport(Result):
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
        mistakes: the slips in the hand-derived code, nearest the loss first.
        lines: the hand-derived code, line by line; nothing where it cannot be run so.
        assumptions: where code was checked as it stands, what was taken to be the step, the loss
            and the parameters, each with the option that says it otherwise.
        variables: what the code calls nodes and arrays of the graph, by ``id``.
        hints: what ``str``, ``save``, ``to_json`` and Jupyter tell: 0 the verdict, 1 also
            the lines where the mistakes are, 2 also why, with the numbers, 3 also the
            corrected lines.

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
        root: Node,
        nodes: Mapping[str, Node],
        notes: Sequence[str] = (),
        findings: Sequence[Finding] = (),
        loss_hint: str | None = None,
        mistakes: Sequence[Mistake] = (),
        lines: Sequence[CodeLine] = (),
        assumptions: Sequence[str] = (),
        variables: Mapping[int, str] | None = None,
        hints: Hints = 3,
    ) -> None:
        super().__init__(
            {quantity.name: quantity for quantity in quantities},
            root,
            dict(nodes),
            list(notes),
            list(findings),
            loss_hint,
            list(mistakes),
            lines,
            list(assumptions),
            variables or {},
        )
        self.hints = checked_hints(hints)

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
        """The same report, which tells the verdict (0), also where (1), why (2), what is right (3).

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
            mistakes=self.mistakes,
            lines=self.lines,
            assumptions=self.assumptions,
            variables=self.variables,
            hints=hints,
        )

    def text(self, hints: Hints | None = None) -> str:
        """The report on one screen; long lists are cut, and it says what was left out.

        Arguments:
            hints: 0 the verdict, 1 also the lines where the mistakes are, 2 also why, 3 also
                the corrected lines; by default what the report was made with.
        """
        return text_of(self._view(hints))

    def to_json(self, hints: Hints | None = None) -> str:
        """The report as JSON; docs/report-schema.json says what is in it.

        Arguments:
            hints: as for ``text``.  What a level does not tell is not in the file: numbers
                and reasons are there only from 2 on, corrected lines only with 3.

        >>> import json, numpy as np
        >>> from autograd_mini import check_gradients
        >>> report = check_gradients(lambda w: w**2, {"w": 3.0}, {"w": 3.0})
        >>> quantity = json.loads(report.to_json())["quantities"][0]
        >>> quantity["name"], quantity["verdict"], quantity["arrays"]["manual"]
        ('w', 'differ', 3.0)
        """
        return json_of(self._view(hints))

    def html(self, hints: Hints | None = None) -> str:
        """The report as one page that needs nothing else: the graph, and every quantity.

        Arguments:
            hints: as for ``text``.
        """
        return page_of(self._view(hints))

    def svg(self, hints: Hints | None = None) -> str:
        """The graph of the loss as an ``<svg>``, what is right, inherited and wrong marked.

        Arguments:
            hints: as for ``text``; with 0 nothing is marked.

        Raises:
            ValueError: the graph is too large to be drawn.
            RuntimeError: no engine is installed that lays it out.
        """
        return drawing_of(self._view(hints)).svg()

    def _repr_html_(self) -> str:
        return fragment_of(self._view(None))

    def patch(self, hints: Hints | None = None) -> str:
        """The corrected lines as a unified diff, as ``git apply`` and ``patch -p1`` take it.

        Of several lines that no number tells apart it has the likeliest; it is empty where
        there is none that was verified.  Paths are relative to this folder where they can be.

        Arguments:
            hints: as for ``text``.

        Raises:
            ValueError: corrected lines are not told at this level, or a file has changed since
                it was checked.
        """
        return diff(self.corrections(hints))

    def corrections(self, hints: Hints | None = None) -> list[Correction]:
        """The files with their corrected lines; see ``patch``."""
        level = self.hints if hints is None else checked_hints(hints)
        if level < 3:
            raise ValueError(
                f"a report with hints={level} tells no corrected lines: check with hints=3"
            )
        return corrections(self.mistakes)

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
        from autograd_mini.files import write_whole

        written = {
            ".html": self.html, ".json": self.to_json, ".svg": self.svg, ".txt": self._lines
        }  # fmt: skip
        write_whole(path, written[format_of(path)](hints).encode())
        return os.fspath(path)

    def _lines(self, hints: Hints | None) -> str:
        return self.text(hints) + "\n"

    def _view(self, hints: Hints | None) -> View:
        return view_of(self, self.hints if hints is None else checked_hints(hints))

    def __str__(self) -> str:
        return for_stream(self.text())

    __repr__ = __str__
