"""A mistake as lines of text: where, the user's line, a mark under what is wrong, what is right."""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from autograd_mini.check.lines.texts import differing_words
from autograd_mini.check.result import Line, Mistake, Repair
from autograd_mini.show.names import shown

WIDEST = 100
"""How many columns of a line of code are shown; what is beyond is cut around the mark."""

MOST_ROWS = 5
MOST_REPAIRS = 3
LONGEST_NAME = 32
LONGEST_SENTENCE = 1000
MOST_NAMES = 8
"""How many names a sentence lists before it says how many more there are."""

Kind = Literal["line", "mark", "repair", "said"]


@dataclass(frozen=True)
class Told:
    """A line of text about a mistake.

    Attributes:
        kind: a line of the user's, a mark below it with the reason, the line that is right, or
            what else is said.
        text: its text, with the place before it.
    """

    kind: Kind
    text: str


def told(mistake: Mistake, agreeing: str = "", after: bool = False) -> Iterator[Told]:
    """The lines of text that tell a mistake, as far as it is told.

    Arguments:
        mistake: without what is not told.
        agreeing: which gradients agree with its repair; empty if only those that follow make any.
        after: whether they do so with the repairs of mistakes before it only.

    >>> line = Line("net.py", 18, "delta = d * A * (1 - Z)", (20, 21))
    >>> repair = Repair(line, "delta = d * A * (1 - A)", "wrong-operand", "A is meant", 3)
    >>> mistake = Mistake(line, repair.cause, repair.reason, (repair,), (), ("b1", "W1"))
    >>> for row in told(mistake, "all 6 gradients agree"):
    ...     print(row.text)
    net.py:18  delta = d * A * (1 - Z)
                                    ^ A is meant
            →  delta = d * A * (1 - A)
    verified: with it all 6 gradients agree, here and at 2 other points; b1 and W1 only inherited it
    """
    if mistake.line is None:
        yield Told("said", f"{all_of(mistake.names)}: {_sentence(mistake.reason)}")
        return
    yield from _line(mistake.line, mistake.reason)
    repairs = mistake.repairs[:MOST_REPAIRS]
    before = mistake.line
    for number, repair in enumerate(repairs):
        if number:
            yield Told("said", "or, which no number tells apart:")
            if repair.line != before or repair.reason != mistake.reason:
                yield from _line(repair.line, repair.reason)
            before = repair.line
        yield from _repair(repair)
    left = len(mistake.repairs) - len(repairs)
    if left:
        yield Told("said", f"and {left} more, which no number tells apart")
    said = "; ".join(filter(None, (_verified(repairs, agreeing, after), _inherited(mistake))))
    if said:
        yield Told("said", said)


def _verified(repairs: Sequence[Repair], agreeing: str, after: bool) -> str:
    if not repairs:
        return ""
    if not agreeing:
        return "verified together with what is right below"
    it = "it" if len(repairs) == 1 else "each of them"
    it += " and what is right above" * after
    others = min(repair.verified_at for repair in repairs) - 1
    points = f", here and at {others} other point{'s' * (others != 1)}" if others > 0 else ", here"
    return f"verified: with {it} {agreeing}{points}"


def _inherited(mistake: Mistake) -> str:
    own = f"wrong here: {all_of(mistake.names)}" if mistake.names and not mistake.repairs else ""
    rest = f"{all_of(mistake.inherited_by)} only inherited it" if mistake.inherited_by else ""
    return "; ".join(filter(None, (own, rest)))


def all_of(names: Sequence[str]) -> str:
    """Names in a sentence.

    >>> all_of(["b1", "W1", "z1"]), all_of(["b1"])
    ('b1, W1 and z1', 'b1')
    """
    *first, last = [shown(name, LONGEST_NAME) for name in names[:MOST_NAMES]]
    if len(names) > MOST_NAMES:
        first, last = [*first, last], f"{len(names) - MOST_NAMES} more"
    return f"{', '.join(first)} and {last}" if first else last


# Lines of code


def _line(line: Line, reason: str) -> Iterator[Told]:
    """A line with its place before it, and below it the mark and the reason."""
    where = place_of(line)
    marked = _Rows(line.text, line.column, line.columns)
    for number, row in marked.rows():
        yield Told("line", f"{where if number == 0 else ' ' * width(where)}  {row}".rstrip())
        if number == marked.marked and (mark := f"{marked.mark} {_sentence(reason)}".strip()):
            before = " " * (width(where) + 2 + marked.indent)
            yield Told("mark", before + mark)


def _repair(repair: Repair) -> Iterator[Told]:
    before = " " * (width(place_of(repair.line)) - 1)
    changed = differing_words(repair.text, repair.line.text)
    for number, row in _Rows(repair.text, repair.line.column, changed).rows():
        arrow = "→" if number == 0 else " "
        yield Told("repair", f"{before}{arrow}  {row}".rstrip())
    if repair.ours:
        said = "ours: written from the recorded loss, as no small change of the line is right"
        yield Told("said", f"{before}   ({said})")


class _Rows:
    """The rows of a statement as they are shown, and the mark under a part of it.

    Arguments:
        text: the statement, which may have several rows.
        indent: how many columns of all but the first row stand before it.
        part: where in ``text`` the part that is marked begins and ends.
    """

    def __init__(self, text: str, indent: int, part: tuple[int, int]) -> None:
        rows = text.split("\n")
        starts = [sum(len(row) + 1 for row in rows[:i]) for i in range(len(rows))]
        cut = [0, *(min(indent, len(row) - len(row.lstrip())) for row in rows[1:])]
        begin, end = part
        self.marked = max(i for i, start in enumerate(starts) if start <= max(begin, 0))
        self._cells = [[_cell(c) for c in row[cut[i] :]] for i, row in enumerate(rows)]
        before = starts[self.marked] + cut[self.marked]
        cells = self._cells[self.marked]
        first = min(max(begin - before, 0), len(cells))
        last = min(max(end - before, first), len(cells))
        self._from = self._first_shown(cells, first, last)
        shift = width("".join(cells[: self._from])) - (self._from > 0)
        self.indent = width("".join(cells[:first])) - shift
        whole = begin <= 0 and end >= len(text)
        room = WIDEST - self.indent
        self.mark = "" if whole else "^" * max(min(width("".join(cells[first:last])), room), 1)
        if whole:
            self.indent = 0

    def rows(self) -> Iterator[tuple[int, str]]:
        """The rows that are shown, each with its number: the first, and those around the mark."""
        count = len(self._cells)
        around = range(self.marked - MOST_ROWS // 2, self.marked + MOST_ROWS // 2 + 1)
        shown = {0, count - 1, *around} if count > MOST_ROWS else set(range(count))
        skipped = False
        for number, cells in enumerate(self._cells):
            if number in shown:
                if skipped:
                    yield -1, "…"
                yield number, _cut(cells, self._from if number == self.marked else 0)
            skipped = number not in shown

    @staticmethod
    def _first_shown(cells: Sequence[str], first: int, last: int) -> int:
        """From which cell on a long row is shown, so that the mark is seen."""
        if width("".join(cells)) <= WIDEST or width("".join(cells[:last])) < WIDEST - 8:
            return 0
        start = first
        while start > 0 and width("".join(cells[start - 1 : last])) < WIDEST - 16:
            start -= 1
        return start


def _cut(cells: Sequence[str], start: int) -> str:
    """A row from a cell on, no wider than a line of code may be."""
    shown = ["…"] if start else []
    room = WIDEST - len(shown)
    for number, cell in enumerate(cells[start:], start):
        room -= width(cell)
        if room < (number < len(cells) - 1):
            return "".join([*shown, "…"])
        shown.append(cell)
    return "".join(shown)


def printed(code: str) -> str:
    """A row of code in characters that can be shown."""
    return "".join(map(_cell, code))


def _sentence(text: str) -> str:
    return shown(text, LONGEST_SENTENCE)


def _printable(character: str) -> str:
    return character if character.isprintable() else "·"


def _cell(character: str) -> str:
    """A character of code as it is shown."""
    return "    " if character == "\t" else _printable(character)


def width(text: str) -> int:
    r"""How many columns of a terminal a text takes.

    >>> width("dW"), width("漢"), width("e\u0301")
    (2, 2, 1)
    """
    return sum(
        0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF")
        for c in text
    )


# Places


def place_of(line: Line) -> str:
    """Where a line stands, as a reader looks for it.

    >>> place_of(Line("/somewhere/else/net.py", 18, "", (0, 0)))
    'net.py:18'
    >>> place_of(Line("<doctest guide[3]>", 2, "", (0, 0)))
    'doctest guide[3]:2'
    """
    return f"{file_name(line.file)}:{line.number}"


def file_name(file: str) -> str:
    """A file as a reader knows it: by the cell, from this folder, or its own name alone."""
    cell = _cell_of(file)
    if cell:
        return cell
    if file.startswith("<") and file.endswith(">"):
        return "".join(map(_printable, file[1:-1]))
    name = os.path.basename(file)
    if os.path.isabs(file):
        try:
            relative = os.path.relpath(file)
        except (OSError, ValueError):  # no folder, or one on another drive
            relative = name
        name = relative if not relative.startswith("..") else name
    else:
        name = file
    return "".join(map(_printable, name))


def _cell_of(file: str) -> str:
    """A cell of a notebook, as Jupyter counts them; empty for other files."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    known = getattr(getattr(shell, "compile", None), "format_code_name", None)
    try:
        named = known(file) if known else None
    except Exception:
        named = None
    if named:
        return str(named[1]).replace("In[", "In [")
    number = re.match(r"<ipython-input-(\d+)-", file)
    return f"In [{number[1]}]" if number else ""
