"""What a check results in: a verdict on each quantity, causes, findings.

Every stage of a check adds to it; how it is told is the last one's business (``report``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import overload

from autograd_mini.core.graph import Node, topological_order
from autograd_mini.typing import Array

AGREE, DIFFER, CANNOT_TELL = "agree", "differ", "cannot tell"

ENGINE_IS_ODD = "manual and numerical agree, the automatic gradient is the odd one out"
"""The end of the evidence where not the hand-derived gradient is in doubt, but the engine's."""

CAUSES = {
    "non-finite": "not a number, or infinite",
    "shape": "another shape",
    "other-quantity": "right, but of something else",
    "sign": "the sign",
    "sum-for-mean": "a sum where a mean belongs",
    "mean-for-sum": "a mean where a sum belongs",
    "missing-reduction": "not summed over an axis",
    "scale": "a constant factor",
    "clipped": "clipped",
    "wrong-axis": "summed over another axis",
    "transpose": "transposed",
    "axis-order": "axes in another order",
    "kink": "at a kink, what no convention gives",
    "missing-factor": "an elementwise factor is missing",
    "missing-term": "a term is missing",
    "updated-value": "a value was used after its update",
    "extra-factor": "an elementwise factor too many",
    "extra-term": "a term too many",
    "wrong-operand": "another array was used",
    "wrong-factor": "another elementwise factor",
    "extra-reduction": "summed over an axis too many",
    "different-loss": "the gradient of another loss",
    "unknown": "no single slip explains it",
}
"""What can be wrong with a gradient, the simplest first: each code with a few words."""


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


@dataclass(frozen=True)
class Line:
    """A statement of the user's.

    Attributes:
        file: the path of its file, or the name of the cell that it is in.
        number: the number of its first line, from 1.
        text: its text.
        columns: where in ``text`` the part begins and ends that is wrong; both the same, where
            something is missing.
        column: where in its line of the file it begins, from 0.
    """

    file: str
    number: int
    text: str
    columns: tuple[int, int]
    column: int = 0


RIGHT, SPOILED, WRONG = "right", "inherited", "wrong"


@dataclass(frozen=True)
class CodeLine:
    """A line of the code that derives gradients by hand, as it stands in its file.

    Attributes:
        file: the path of its file, or the name of the cell that it is in.
        number: from 1.
        text: all of it.
        status: ``"right"``, ``"wrong"``, ``"inherited"`` where it is right given what it was
            handed, or empty where it makes nothing that can be told.
        words: what it makes, such as ``"the gradient of z1"``; empty where that is not known.
        name: what the node that it is about is called; empty where there is none.
        node: this node of the recorded loss.
    """

    file: str
    number: int
    text: str
    status: str = ""
    words: str = ""
    name: str = ""
    node: Node | None = None


class Listing(Sequence[CodeLine]):
    """Lines of code that are listed when they are first read.

    >>> lines = Listing(lambda: [CodeLine("net.py", 1, "dw = 2 * w")])
    >>> len(lines), lines[0].text
    (1, 'dw = 2 * w')
    """

    def __init__(self, listed: Callable[[], Sequence[CodeLine]]) -> None:
        self._listed: Callable[[], Sequence[CodeLine]] | None = listed
        self._lines: Sequence[CodeLine] = ()

    @property
    def _all(self) -> Sequence[CodeLine]:
        if self._listed is not None:
            self._lines, self._listed = self._listed(), None
        return self._lines

    def __len__(self) -> int:
        return len(self._all)

    @overload
    def __getitem__(self, at: int) -> CodeLine: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[CodeLine]: ...
    def __getitem__(self, at: int | slice) -> CodeLine | Sequence[CodeLine]:
        return self._all[at]


@dataclass(frozen=True)
class Repair:
    """A line that is right in the place of one that is wrong.

    Attributes:
        line: the line that is wrong.
        text: the line that is right.
        cause: a code of ``CAUSES``.
        reason: what is wrong with the line, in a sentence.
        verified_at: at how many points the gradients were computed with it, and all that the
            line spoils are right.
        ours: whether it is what the recorded graph says, not a small change of the line.
    """

    line: Line
    text: str
    cause: str
    reason: str
    verified_at: int
    ours: bool = False


@dataclass(frozen=True)
class Mistake:
    """One slip in the hand-derived code, whatever it spoils.

    Attributes:
        line: the line that is wrong; ``None`` where there is no code.
        cause: a code of ``CAUSES``.
        reason: what is wrong, in a sentence.
        repairs: lines that are right in its place, the likeliest first: several where no number
            tells them apart, none where no small change of the line is right.
        names: the gradients that the line itself makes.
        inherited_by: the gradients that are wrong for it, and right given what they were handed.
    """

    line: Line | None
    cause: str
    reason: str
    repairs: tuple[Repair, ...] = ()
    names: tuple[str, ...] = ()
    inherited_by: tuple[str, ...] = ()

    @property
    def spoils_first(self) -> tuple[str, ...]:
        """The gradients that the line makes; where it makes none, the one nearest to it."""
        return self.names or self.inherited_by[:1]

    @property
    def repair(self) -> Repair | None:
        """The likeliest repair."""
        return self.repairs[0] if self.repairs else None


@dataclass(eq=False)
class Result:
    """All that a check has shown.

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
    """

    quantities: dict[str, Quantity]
    root: Node
    nodes: dict[str, Node]
    notes: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    loss_hint: str | None = None
    mistakes: list[Mistake] = field(default_factory=list)
    lines: Sequence[CodeLine] = ()
    assumptions: list[str] = field(default_factory=list)
    variables: Mapping[int, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether every quantity agrees, and nothing else is wrong."""
        right = all(quantity.verdict == AGREE for quantity in self.quantities.values())
        return right and not self.mistakes and not any(finding.wrong for finding in self.findings)

    @property
    def culprits(self) -> list[str]:
        """One name a mistake, nearest the loss first: the quantities that differ by their own line,
        and, of a line that makes something which is not compared, the one nearest to it, of which
        the report says that it inherits it.
        """
        first = {name for mistake in self.mistakes for name in mistake.spoils_first}
        return [
            quantity.name
            for quantity in self.nearest_first()
            if quantity.verdict == DIFFER and (not quantity.inherited or quantity.name in first)
        ]

    def nearest_first(self) -> list[Quantity]:
        """The quantities in the order of the reverse sweep: those nearest the loss first."""
        rank = {node: i for i, node in enumerate(topological_order(self.root))}
        return sorted(self.quantities.values(), key=lambda q: -rank.get(self.nodes[q.name], -1))
