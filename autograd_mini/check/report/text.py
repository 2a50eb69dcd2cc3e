"""A gradient report on one screen of text."""

from __future__ import annotations

from collections.abc import Sequence

from autograd_mini.check.report.mistakes import place_of
from autograd_mini.check.report.view import (
    STATUSES,
    Row,
    View,
    named,
    other_than_automatic,
    sentence,
    short,
    worst_elements,
)
from autograd_mini.check.result import AGREE, CANNOT_TELL, DIFFER, Cause, Finding, Quantity

SCREEN = 40
"""How many lines the text has at the most; what is left out is counted and named."""

WHICH_LOSS = "Which loss?"
MOST_ROWS = 14
LEAST_ROWS = 5
MOST_CAUSES = 3
MOST_FINDINGS = 4
MOST_NOTES = 3


def text_of(view: View) -> str:
    """The report as text: the first line says it all, the rest says why."""
    all_agree = all(row.status == AGREE for row in view.rows)
    head = [
        [sentence(assumption) for assumption in view.assumptions],
        [view.headline],
        [f"{WHICH_LOSS} {sentence(view.loss_hint)}"] if view.loss_hint else [],
        _findings(view.findings),
    ]
    after = [
        _agreement(view) if view.hints >= 2 and all_agree else [],
        _cut([sentence(note) for note in view.notes], MOST_NOTES, "notes"),
    ]
    fixed = _lines(head + after) + min(len(view.rows), LEAST_ROWS) + _AROUND_TABLE
    mistakes = _mistakes(view, SCREEN - fixed)
    room = SCREEN - _lines([*head, *mistakes, *after])
    table = _table(view, room - _AROUND_TABLE) if view.hints and not all_agree else []
    before = [*head, *mistakes, table]
    room = SCREEN - _lines(before + after)
    blocks = [*before, *_explanations(view, room), *after]
    return "\n\n".join("\n".join(block) for block in blocks if block)


_AROUND_TABLE = 7
"""Lines of a table besides its rows: its head, what is left out, and the empty line below."""


def _mistakes(view: View, room: int) -> list[list[str]]:
    """The slips in the code, one at least, and as many as there is room for."""
    blocks: list[list[str]] = []
    for number, slip in enumerate(view.slips):
        block = [row.text for row in slip]
        if blocks and _lines([*blocks, block]) + 2 > room:
            left = [place_of(m.line) for m in view.mistakes[number:] if m.line]
            return [*blocks, [f"and {len(left)} more {_plural('mistake', left)}: {named(left)}"]]
        blocks.append(block)
    return blocks


def _plural(noun: str, things: Sequence[object]) -> str:
    return noun if len(things) == 1 else f"{noun}s"


def _lines(blocks: Sequence[Sequence[str]]) -> int:
    return sum(len(block) + 1 for block in blocks if block)


def _cut(lines: list[str], most: int, noun: str) -> list[str]:
    left = len(lines) - most
    return [*lines[:most], f"and {left} more {noun}"] if left > 0 else lines


# The table


def _table(view: View, room: int) -> list[str]:
    most = min(MOST_ROWS, max(LEAST_ROWS, room))
    importance = list(STATUSES).index
    order = sorted(view.rows, key=lambda row: importance(row.status))
    kept = {row.name for row in order[:most]}
    cells = [_cells(row) for row in view.rows if row.name in kept]
    heads = ("gradient of", "shape", "verdict", "cause", "relative difference")
    columns = [
        (head, *column)
        for head, column in zip(heads, zip(*cells, strict=True), strict=True)
        if any(column)
    ]
    widths = [max(map(len, column)) for column in columns]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in zip(*columns, strict=True)
    ]
    lines.insert(1, "-" * max(map(len, lines)))
    for word in STATUSES:
        left = [row.name for row in order[most:] if row.status == word]
        if left:
            lines.append(f"and {len(left)} more, {word}: {named(left)}")
    return lines


def _cells(row: Row) -> tuple[str, ...]:
    cells = (short(row.name), str(row.shape), row.status)
    return (*cells, cause(row.full), how_far_off(row.full)) if row.full else (*cells, "", "")


def cause(quantity: Quantity) -> str:
    """The code of the simplest cause, and how many others explain the numbers as well."""
    more = len(quantity.causes) - 1
    return f"{quantity.cause} or {more} more" if more > 0 else quantity.cause or ""


def how_far_off(quantity: Quantity) -> str:
    """The largest difference, as a part of the automatic gradient's largest element."""
    if quantity.manual is not None and quantity.manual.shape != quantity.shape:
        return f"shape {quantity.manual.shape}"
    size = f"{quantity.max_error:.1e}"
    return size if quantity.manual is not None else f"{size} (numerical)"


# Why


def _explanations(view: View, room: int) -> list[list[str]]:
    """Evidence and causes of each mistake, then the evidence of each open verdict.

    There is one at least, and as many as there is room for.
    """
    open_ones = [row.full for row in view.rows if row.full and row.status == CANNOT_TELL]
    mistakes = [row.full for row in view.rows if row.full and row.status == DIFFER]
    blocks: list[list[str]] = []
    explained: dict[tuple[Cause, ...], str] = {}
    for slip in view.mistakes:
        if slip.line is not None and slip.cause not in ("", "unknown"):
            explained[Cause(slip.cause, slip.reason),] = place_of(slip.line)
    for quantity in mistakes + open_ones:
        block = _explanation(quantity, view.loss_hint, explained)
        if blocks and _lines([*blocks, block]) + 2 > room:  # the line of what is left out
            left = [q.name for q in (mistakes + open_ones)[len(blocks) :]]
            return [*blocks, [f"not explained here, for want of room: {named(left)}"]]
        blocks.append(block)
    return blocks


def _explanation(
    quantity: Quantity, said: str | None, explained: dict[tuple[Cause, ...], str]
) -> list[str]:
    """Evidence and causes of one quantity, without what was said or explained before."""
    lines = [f"{short(quantity.name)}: {sentence(quantity.evidence)}"]
    if other_than_automatic(quantity) and (worst := worst_elements(quantity, 1)):
        element = worst[0]
        lines.append(
            f"    given what it was handed: at {place(element.index)} manual {element.manual:.6g}, "
            f"right would be {element.expected:.6g}"
        )
    if quantity.causes in explained:
        lines.append(f"    {quantity.cause}: as for {explained[quantity.causes]}")
        return lines
    if quantity.cause not in (None, "unknown"):
        explained[quantity.causes] = short(quantity.name)
    if len(quantity.causes) > 1:
        lines.append("    these causes explain the numbers equally well:")
    for one in quantity.causes[:MOST_CAUSES]:
        why = "as said above" if one.evidence == said else sentence(one.evidence)
        lines.append(f"    {one.code}: {why}")
    if (more := len(quantity.causes) - MOST_CAUSES) > 0:
        lines.append(f"    and {more} more")
    return lines


def place(index: Sequence[int]) -> str:
    """Where an element stands, as it is indexed."""
    return f"[{', '.join(map(str, index))}]" if index else "the number"


_ONLY_ROUNDING = 0.01
"""What agrees and yet differs by more than this part of itself is rounding, and should be 0."""


def _agreement(view: View) -> list[str]:
    """What agrees with what, and how well."""
    full = [row.full for row in view.rows if row.full]
    lines = []
    for sides, quantities in (
        ("manual, automatic and numerical agree", [q for q in full if q.manual is not None]),
        ("automatic and numerical agree", [q for q in full if q.manual is None]),
    ):
        if quantities:
            vanishing = [q for q in quantities if q.max_error > _ONLY_ROUNDING]
            others = [q for q in quantities if q.max_error <= _ONLY_ROUNDING]
            text = f"{named([q.name for q in quantities])}: {sides}"
            if others:
                worst = max(others, key=lambda q: q.max_error)
                text += (
                    f"; the largest difference is {worst.max_error:.0e} of the largest element "
                    f"({short(worst.name)})"
                )
            if vanishing:
                be = "is" if len(vanishing) == 1 else "are"
                text += f"; {named([q.name for q in vanishing])} {be} 0 but for rounding"
            lines.append(text)
    return lines


def _findings(findings: Sequence[Finding]) -> list[str]:
    lines = []
    for finding in sorted(findings, key=lambda f: not f.wrong):
        about = ": ".join(filter(None, (sentence(finding.code), named(finding.names))))
        if about:
            message = f": {sentence(finding.message)}" if finding.message else ""
            lines.append(f"{'wrong' if finding.wrong else 'warning'} ({about}){message}")
    return _cut(lines, MOST_FINDINGS, "findings")
