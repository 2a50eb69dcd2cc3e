"""What a report tells at a level of hints: text, page and file are all made of this alone.

What a level does not tell is not in here, so that nothing made of it can give it away.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from autograd_mini.check.report.mistakes import (
    LONGEST_NAME,
    LONGEST_SENTENCE,
    MOST_NAMES,
    Told,
    all_of,
    place_of,
    told,
)
from autograd_mini.check.result import (
    AGREE,
    CANNOT_TELL,
    CAUSES,
    DIFFER,
    Cause,
    CodeLine,
    Finding,
    Listing,
    Mistake,
    Quantity,
    Result,
)
from autograd_mini.core.graph import Node
from autograd_mini.show.names import shown
from autograd_mini.typing import Array

Hints = Literal[0, 1, 2, 3]
"""How much a report gives away: 0 the verdict, 1 also the lines where the mistakes are, 2 also why,
3 also the corrected lines."""

INHERITED = "inherited"
STATUSES = {
    DIFFER: "wrong by its own line",
    INHERITED: "wrong, but right given the hand-derived gradients it was computed from",
    CANNOT_TELL: "the numbers do not allow a verdict",
    AGREE: "right: equal to rounding",
}
"""What is said of a quantity, in the order of interest, with what it means."""


@dataclass(frozen=True)
class Row:
    """What is told of one quantity.

    Attributes:
        verdict: as in ``Quantity``, or ``None`` where that is not told.
        inherited: the same.
        full: the quantity with its reasons and numbers, or ``None`` where these are not told.
    """

    name: str
    shape: tuple[int, ...]
    verdict: str | None
    inherited: bool | None
    full: Quantity | None

    @property
    def status(self) -> str:
        """One of ``STATUSES``, or empty where that is not told."""
        return INHERITED if self.inherited else self.verdict or ""


@dataclass(frozen=True)
class View:
    """What a report tells at a level of hints.

    Attributes:
        rows: the quantities, those nearest the loss first.
        culprits: the names of those that are mistakes.
        mistakes: the slips in the code; of what is not told, their fields are empty.
        slips: the same as lines of text.
        lines: the code, line by line, from level 1; what each makes from 2.
        findings: without their messages and codes where the reason is not told.
        assumptions: what was taken to be the step, the loss and the parameters.
        graph: what ``draw`` takes: the root, or a result that holds what may be told.
    """

    hints: Hints
    ok: bool
    headline: str
    rows: tuple[Row, ...]
    culprits: tuple[str, ...]
    mistakes: tuple[Mistake, ...]
    slips: tuple[tuple[Told, ...], ...]
    lines: Sequence[CodeLine]
    findings: tuple[Finding, ...]
    loss_hint: str | None
    notes: tuple[str, ...]
    assumptions: tuple[str, ...]
    graph: Node | Result


def view_of(result: Result, hints: Hints) -> View:
    """What the report tells at a level of hints.

    >>> from autograd_mini import check_gradients
    >>> report = check_gradients(lambda w: w**2, {"w": 3.0}, {"w": 3.0})
    >>> [view_of(report, hints).headline for hints in (0, 1)]
    ['1 gradient checked: 1 mistake', '1 mistake (w)']
    >>> [view_of(report, hints).rows[0].full is None for hints in (0, 1, 2)]
    [True, True, False]
    """
    where, why = hints >= 1, hints >= 2
    secrets = _corrections(result) if hints == 2 else ()
    quantities = [_without_secrets(quantity, secrets) for quantity in result.nearest_first()]
    mistakes = [_as_far_as_told(mistake, hints, secrets) for mistake in result.mistakes]
    lines = result.lines
    if not why:
        lines = Listing(lambda: [_status_only(line) for line in result.lines])
    return View(
        hints=hints,
        ok=result.ok,
        headline=_headline(result, quantities, where),
        rows=tuple(
            Row(q.name, q.shape, q.verdict, q.inherited, q if why else None)
            if where
            else Row(q.name, q.shape, None, None, None)
            for q in quantities
        ),
        culprits=tuple(result.culprits) if where else (),
        mistakes=tuple(mistakes) if where else (),
        slips=tuple(_as_text(mistakes, quantities)) if where else (),
        lines=lines if where else (),
        findings=tuple(f if why else _without_reason(f, where) for f in result.findings),
        loss_hint=result.loss_hint if why else None,
        notes=tuple(result.notes),
        assumptions=tuple(result.assumptions),
        graph=_with_quantities(
            result,
            quantities if why else [_verdict_only(quantity) for quantity in quantities],
            lines,
        )
        if where
        else result.root,
    )


def checked_hints(hints: object) -> Hints:
    """A level of hints, if it is one.

    Raises:
        ValueError: it is none.
    """
    levels: tuple[Hints, ...] = (0, 1, 2, 3)
    for level in levels:
        if isinstance(hints, int) and hints == level:
            return level
    raise ValueError(
        "hints is 0 (the verdict), 1 (also where), 2 (also why) or 3 (also what is right), "
        f"not {hints!r}"
    )


def status(quantity: Quantity) -> str:
    """The verdict, or that a difference is inherited."""
    return INHERITED if quantity.inherited else quantity.verdict


def _without_reason(finding: Finding, where: bool) -> Finding:
    return Finding("", finding.names if where else (), "", finding.wrong)


def _verdict_only(quantity: Quantity) -> Quantity:
    """A quantity without reasons and numbers."""
    nothing = np.full(quantity.shape, np.nan)
    return replace(
        quantity,
        evidence="",
        causes=(),
        expected=nothing,
        automatic=nothing,
        manual=None,
        numerical=nothing,
        numerical_error=nothing,
        max_error=np.nan,
    )


def _with_quantities(
    result: Result, quantities: Sequence[Quantity], lines: Sequence[CodeLine]
) -> Result:
    """What is marked in a picture, and the nodes that have a name in it."""
    nodes = {line.name: line.node for line in lines if line.node is not None} | result.nodes
    by_name = {quantity.name: quantity for quantity in quantities}
    return Result(by_name, result.root, nodes, variables=result.variables)


# Mistakes


def _as_far_as_told(mistake: Mistake, hints: Hints, secrets: Sequence[str]) -> Mistake:
    """A mistake without what a level does not tell."""
    if hints >= 2:
        repairs = mistake.repairs if hints >= 3 else ()
        return replace(
            mistake, reason=_kept(mistake.reason, mistake.cause, secrets), repairs=repairs
        )
    line = mistake.line and replace(mistake.line, columns=(0, len(mistake.line.text)))
    return replace(mistake, line=line, cause="", reason="", repairs=())


def _status_only(line: CodeLine) -> CodeLine:
    return replace(line, words="", name="", node=None)


def _corrections(result: Result) -> tuple[str, ...]:
    """What no sentence may hold where the corrected lines are not told: these, and right sides."""
    lines = [repair.text for mistake in result.mistakes for repair in mistake.repairs]
    texts = ["".join(text.split()) for text in (*lines, *(_LEFT.sub("", line) for line in lines))]
    return tuple(text for text in texts if len(text) >= _LEAST)


_LEFT = re.compile(r"\A(return\b|[^=(]*?=(?!=))")
"""What stands left of what a line computes."""

_LEAST = 6
"""What is shorter stands in a sentence for another reason."""


def _kept(text: str, code: str, secrets: Sequence[str]) -> str:
    """A sentence, or what its cause is in general where it holds a corrected line."""
    plain = "".join(text.split())
    return CAUSES.get(code, "") if any(secret in plain for secret in secrets) else text


def _without_secrets(quantity: Quantity, secrets: Sequence[str]) -> Quantity:
    causes = (Cause(c.code, _kept(c.evidence, c.code, secrets)) for c in quantity.causes)
    return replace(quantity, causes=tuple(causes)) if secrets else quantity


def _as_text(
    mistakes: Sequence[Mistake], quantities: Sequence[Quantity]
) -> Iterator[tuple[Told, ...]]:
    """The mistakes as lines of text, each with which gradients agree once it is mended."""
    derived = [q for q in quantities if q.manual is not None]
    wrong = {q.name for q in derived if q.verdict == DIFFER}
    for number, mistake in enumerate(mistakes):
        spoiled = (*mistake.names, *mistake.inherited_by)
        wrong -= set(spoiled)
        agreeing = "all that it spoils agrees"
        if mistake.names:
            rest = " and what inherited it" if mistake.inherited_by else ""
            be = "agree" if rest or mistake.names[1:] else "agrees"
            agreeing = f"{all_of(mistake.names)}{rest} {be}"
        if not derived:
            agreeing = "it runs, and all that it returns agrees"
        elif not wrong:
            count = {1: "the gradient agrees", 2: "both gradients agree"}
            agreeing = count.get(len(derived), f"all {len(derived)} gradients agree")
        later = {n for m in mistakes[number + 1 :] for n in (*m.names, *m.inherited_by)}
        if later.intersection(spoiled):
            agreeing = ""  # only with what follows
        yield tuple(told(mistake, agreeing, number > 0))


def named(names: Sequence[str], most: int = MOST_NAMES) -> str:
    """The names in a row, printable and not too many.

    >>> named(["W1", "W2"]), named([f"b{i}" for i in range(99)], 2)
    ('W1, W2', 'b0, b1 and 97 more')
    """
    first = ", ".join(map(short, names[:most]))
    return f"{first} and {len(names) - most} more" if len(names) > most else first


def short(name: str) -> str:
    """A name of the user's in one printable word, cut if it is long."""
    return shown(name, LONGEST_NAME)


def sentence(text: str) -> str:
    """A sentence, in which names of the user's may stand, as one printable line."""
    return shown(text, LONGEST_SENTENCE)


# The first line


def _headline(result: Result, quantities: Sequence[Quantity], where: bool) -> str:
    """All there is to know, in a line: what is wrong first, what is right last."""

    def those(test: Callable[[Quantity], bool]) -> list[str]:
        return [quantity.name for quantity in quantities if test(quantity)]

    by_engine = those(lambda q: status(q) == DIFFER and q.manual is None)
    spoiled = {n for slip in result.mistakes for n in (*slip.names, *slip.inherited_by)}
    lines = [place_of(slip.line) if slip.line else all_of(slip.names) for slip in result.mistakes]
    alone = those(lambda q: status(q) == DIFFER and q.manual is not None)
    mistakes = [*lines, *(name for name in alone if name not in spoiled)]
    for_lines = [name for name in those(lambda q: q.verdict == DIFFER) if name in spoiled]
    odd = those(lambda q: q.engine_is_odd)
    inherited = those(lambda q: q.inherited and q.name not in spoiled)
    untold = those(lambda q: q.verdict == CANNOT_TELL and not q.engine_is_odd)
    right = those(lambda q: q.verdict == AGREE)
    beyond = [
        name
        for finding in result.findings
        if finding.wrong and not set(finding.names) & {*alone}
        for name in finding.names[:1] or (finding.code,)
    ]
    warnings = [f.code for f in result.findings if not f.wrong]
    checked = f"{counted(len(quantities), 'gradient')} checked"
    parts = [
        _part(mistakes, where, "mistake", "mistakes"),
        _part(
            by_engine,
            where,
            "automatic gradient differs from the numerical one",
            "automatic gradients differ from the numerical ones",
        ),
        _part(beyond, where, "mistake that no number shows", "mistakes that no number shows"),
        _part(
            odd, where, "where the engine is the odd one out", "where the engine is the odd one out"
        ),
        _part(untold, where, "cannot be told", "cannot be told"),
    ]
    if where and for_lines:
        be, it = "is" if len(for_lines) == 1 else "are", "it" if len(lines) == 1 else "them"
        parts.insert(1, f"{all_of(for_lines)} {be} wrong for {it}")
    if where and inherited:
        parts.insert(
            len(parts) - 2,
            "1 other is right given what it was handed"
            if len(inherited) == 1
            else f"{len(inherited)} others are right given what they were handed",
        )
    said = [part for part in parts if part]
    if not said:
        said = ["all agree"] if quantities else ["nothing to compare"]
    elif where and right:
        said.append(f"{len(right)} {'agrees' if len(right) == 1 else 'agree'}")
    if warnings:
        said.append(counted(len(warnings), "warning"))
    line = "; ".join(said)
    return line if where and result.ok < bool(quantities) else f"{checked}: {line}"


def _part(names: Sequence[str], where: bool, one: str, several: str) -> str:
    if not names:
        return ""
    place = f" ({named(names)})" if where else ""
    return f"{len(names)} {one if len(names) == 1 else several}{place}"


def counted(number: int, noun: str) -> str:
    """A number of things.

    >>> counted(1, "element"), counted(3, "element")
    ('1 element', '3 elements')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


# Numbers


@dataclass(frozen=True)
class Element:
    """One element of a quantity, as each side has it; ``None`` where a side does not have it."""

    index: tuple[int, ...]
    manual: float | None
    expected: float
    automatic: float
    numerical: float | None
    numerical_error: float | None


def difference(quantity: Quantity) -> Array | None:
    """How far off each element is, or ``None`` if shapes do not allow to say.

    A mistake is held against what its own line should have given, an inherited difference
    against the automatic gradient; where there is no manual gradient, the numerical one is
    held against the automatic one, and NaN stands for elements that were not probed.
    """
    manual = quantity.manual
    if manual is not None and manual.shape != quantity.shape:
        return None
    gap: Array
    with np.errstate(all="ignore"):
        if manual is None:
            gap = np.abs(quantity.numerical - quantity.automatic)
            return gap
        right = quantity.automatic if quantity.inherited else quantity.expected
        gap = np.nan_to_num(np.abs(manual - right), nan=np.inf, posinf=np.inf)
    same = (manual == right) | (np.isnan(manual) & np.isnan(right))
    gap = np.where(same, 0.0, gap)
    return gap


def worst_elements(quantity: Quantity, most: int) -> list[Element]:
    """The elements that are farthest off, the farthest first.

    Where all is right, those that were probed numerically, so that each side has a number.
    """
    gap = difference(quantity)
    if gap is None or not gap.size:
        return []
    if quantity.verdict == AGREE:
        gap = np.abs(quantity.numerical - quantity.automatic)
    order = np.argsort(-np.nan_to_num(gap, nan=-1.0, posinf=np.inf).ravel(), kind="stable")
    chosen = [i for i in order[:most].tolist() if not np.isnan(gap.flat[i])]
    return [_element(quantity, tuple(map(int, np.unravel_index(i, gap.shape)))) for i in chosen]


def _element(quantity: Quantity, index: tuple[int, ...]) -> Element:
    def known(array: Array | None) -> float | None:
        return None if array is None else float(array[index])

    probed = not np.isnan(quantity.numerical_error[index])
    return Element(
        index,
        known(quantity.manual),
        float(quantity.expected[index]),
        float(quantity.automatic[index]),
        known(quantity.numerical) if probed else None,
        known(quantity.numerical_error) if probed else None,
    )


def other_than_automatic(quantity: Quantity) -> bool:
    """Whether a mistake was handed wrong gradients, so that ``expected`` is another array."""
    return bool(
        status(quantity) == DIFFER
        and not np.array_equal(quantity.expected, quantity.automatic, equal_nan=True)
        and not np.allclose(quantity.expected, quantity.automatic, rtol=1e-9, atol=0)
    )
