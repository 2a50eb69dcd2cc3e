"""Lines that repeat, as loops: what recording has unrolled is rolled up again.

>>> before = ["h", "h_1", "h_2", "h_3"]
>>> steps = [f"np.tanh(X[:, {t}] @ W + {h})" for t, h in enumerate(before)]
>>> lines = [*map(Assigned, ["h_1", "h_2", "h_3", "h_4"], steps)]
>>> lines.append(Assigned("y", "np.sum(h_2) + np.sum(h_4)"))
>>> print(*rolled(lines, {"X", "W", "h"}), sep=chr(10))
hs = [h]
for t in range(4):
    h = np.tanh(X[:, t] @ W + h)
    hs.append(h)
y = np.sum(hs[2]) + np.sum(h)
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from typing import NamedTuple

FEWEST = 3
"""So many repetitions make a loop."""

LONGEST_BODY = 60
MOST_LINES = 4000

_TOKEN = re.compile(r"'[^']*'|(?<![\w.])[A-Za-z_]\w*|\d+(?:\.\d*)?(?:e-?\d+)?|\.?\w+|\s+|.")


class Assigned(NamedTuple):
    """An assignment: a name, the formula, and a comment on it."""

    name: str
    formula: str
    comment: str = ""


class _Line(NamedTuple):
    """An assignment in tokens: which of them are names or indices, and what all others say."""

    line: Assigned
    tokens: list[str]
    slots: list[int]
    form: tuple[str, ...]


def _read(line: Assigned, names: Set[str]) -> _Line:
    tokens = _TOKEN.findall(line.formula)
    open_brackets: list[str] = []
    slots = []
    for i, token in enumerate(tokens):
        if token in ("(", "["):
            open_brackets.append(token)
        elif token in (")", "]"):
            open_brackets.pop()
        if token in names or (token.isdigit() and open_brackets[-1:] == ["["]):
            slots.append(i)
    marks = {i: "#" if tokens[i].isdigit() else "@" for i in slots}
    form = tuple(marks.get(i, token) for i, token in enumerate(tokens))
    return _Line(line, tokens, slots, (*form, line.comment))


class _Unrolled(Exception):
    """These lines are no loop."""


@dataclass
class _Loop:
    """Lines that repeat: ``blocks[k][j]`` is line j of turn k.

    Attributes:
        names: for each line of the body what it assigns.
        starts: for each of them the name that it has before the first turn, ``""`` if none is read.
        lists: for each of them the name of the list that keeps it, ``""`` if none does.
        sums: what is added up over the turns: a name, and its terms by turns.
    """

    blocks: list[list[_Line]]
    names: list[str] = field(default_factory=list)
    starts: list[str] = field(default_factory=list)
    lists: list[str] = field(default_factory=list)
    sums: list[tuple[str, list[_Line]]] = field(default_factory=list)

    @property
    def turns(self) -> int:
        return len(self.blocks)

    def defined(self) -> dict[str, tuple[int, int]]:
        """The turn and the line of each name that is assigned."""
        return {
            line.line.name: (k, j)
            for k, block in enumerate(self.blocks)
            for j, line in enumerate(block)
        }


def rolled(
    lines: Sequence[Assigned],
    outside: Set[str],
    returned: str = "",
    fixed: Set[str] = frozenset(),
) -> list[str]:
    """The lines of a program, with loops where at least three turns of one are alike.

    Arguments:
        lines: assignments, each to a name of its own.
        outside: names that stand for something before the first line.
        returned: a last line, which names what is needed of the others.
        fixed: those names from outside that no line can assign to, as global ones.

    Returns:
        Lines of Python; the last line is ``returned``, if there is one.
    """
    return _Rolling(lines, outside, returned, fixed).written()


class _Rolling:
    def __init__(
        self, lines: Sequence[Assigned], outside: Set[str], returned: str, fixed: Set[str]
    ) -> None:
        self.fixed = fixed
        self.names = {*outside, *(line.name for line in lines)}
        self.lines = [_read(line, self.names) for line in lines]
        self.returned = _read(Assigned("", returned), self.names)
        self.called: dict[str, str] = {}  # what a name has become
        self.places: dict[str, tuple[str, int]] = {}  # the list, and the index, that keep a name
        self.taken = set(self.names)
        wanted = itertools.chain("tik", map("turn_{}".format, itertools.count()))
        self.variable = next(name for name in wanted if name not in self.names)
        self.taken.add(self.variable)

    def written(self) -> list[str]:
        found: list[str] = []
        at = 0
        while at < len(self.lines):
            loop = self._loop_at(at)
            if loop is None:
                found.append(self._plain(self.lines[at]))
                at += 1
            else:
                found += self._written_loop(loop, at)
                at += loop.turns * len(loop.blocks[0])
        if self.returned.line.formula:
            found.append(self._text(self.returned))
        return found

    def _plain(self, line: _Line) -> str:
        comment = f"  {line.line.comment}" if line.line.comment else ""
        return f"{line.line.name} = {self._text(line)}{comment}"

    def _text(self, line: _Line) -> str:
        tokens = list(line.tokens)
        for slot in line.slots:
            tokens[slot] = self.called.get(tokens[slot], tokens[slot])
        return "".join(tokens)

    # Where a loop begins

    def _loop_at(self, at: int) -> _Loop | None:
        """The longest loop that begins with a line."""
        if len(self.lines) > MOST_LINES:
            return None
        best: tuple[int, int] | None = None
        for length in range(1, min(LONGEST_BODY, (len(self.lines) - at) // FEWEST) + 1):
            turns = 1
            while all(
                at + turns * length + j < len(self.lines)
                and self.lines[at + turns * length + j].form == self.lines[at + j].form
                for j in range(length)
            ):
                turns += 1
            if turns >= FEWEST and (best is None or turns * length > best[0] * best[1]):
                best = turns, length
        while best is not None and best[0] >= FEWEST:
            turns, length = best
            starts = range(at, at + turns * length, length)
            loop = _Loop([self.lines[start : start + length] for start in starts])
            taken = set(self.taken)
            try:
                self._name(loop, at)
                self._body(loop, "t", (0, 1))
                return loop
            except _Unrolled:
                self.taken = taken
                best = turns - 1, length
        return None

    def _name(self, loop: _Loop, at: int) -> None:
        """What the lines of the body are called, before the first turn and in lists."""
        defined = loop.defined()
        after = at + loop.turns * len(loop.blocks[0])
        later = [name for line in [*self.lines[after:], self.returned] for name in line.tokens]
        needed: dict[int, set[int]] = {}
        for name in later:
            if name in defined:
                turn, j = defined[name]
                needed.setdefault(j, set()).add(turn)
        for j, first in enumerate(loop.blocks[0]):
            start = self._start(loop, j, defined)
            base = re.sub(r"_\d+$", "", first.line.name)
            mine = {block[j].line.name for block in loop.blocks} | {start}
            free = base in mine - self.fixed or base not in self.taken
            name = base if free else first.line.name
            loop.names.append(name)
            loop.starts.append(start)
            overwritten = start == name and start in later
            alone = needed.get(j, set()) <= {loop.turns - 1}
            loop.lists.append("" if alone and not overwritten else self._free(f"{name}s"))

    def _start(self, loop: _Loop, j: int, defined: dict[str, tuple[int, int]]) -> str:
        """What line j stands for before the first turn, where a turn reads that of the last one."""
        found = set()
        for i, line in enumerate(loop.blocks[0]):
            for slot in line.slots:
                others = [block[i].tokens[slot] for block in loop.blocks]
                turns = [defined.get(name) for name in others]
                if turns[1:] == [(k, j) for k in range(loop.turns - 1)]:
                    found.add(others[0])
        if len(found) > 1 or found & defined.keys():
            raise _Unrolled
        return next(iter(found), "")

    def _free(self, wanted: str) -> str:
        name = next(
            n
            for n in itertools.chain([wanted], (f"{wanted}_{i}" for i in itertools.count(2)))
            if n not in self.taken
        )
        self.taken.add(name)
        return name

    # The loop

    def _written_loop(self, loop: _Loop, at: int) -> list[str]:
        after = at + loop.turns * len(loop.blocks[0])
        self._take_sums(loop, after)
        turn = self._turn(loop)
        variable = self.variable
        found: list[str] = []
        for name, start, kept in zip(loop.names, loop.starts, loop.lists, strict=True):
            if start and self.called.get(start, start) != name:
                found.append(f"{name} = {self.called.get(start, start)}")
            if kept:
                found.append(f"{kept} = [{name if start else ''}]")
        found += [f"{name} = 0.0" for name, _ in loop.sums]
        body = self._body(loop, variable, turn)
        first, step = turn
        numbers = [first] * (first != 0 or step != 1) + [first + step * loop.turns]
        numbers += [step] * (step != 1)
        found.append(f"for {variable} in range({', '.join(map(str, numbers))}):")
        found += [f"    {line}" for line in body]
        self.taken.update(loop.names)
        for k, block in enumerate(loop.blocks):
            for j, line in enumerate(block):
                name, kept, has_start = line.line.name, loop.lists[j], bool(loop.starts[j])
                if kept:
                    self.places[name] = kept, k + has_start
                    self.called[name] = f"{kept}[{k + has_start}]"
                if k == loop.turns - 1:
                    self.called[name] = loop.names[j]
        for name, start, kept in zip(loop.names, loop.starts, loop.lists, strict=True):
            if kept and start:
                self.places[start] = kept, 0
                if start == name:
                    self.called[start] = f"{kept}[0]"
        return found

    def _turn(self, loop: _Loop) -> tuple[int, int]:
        """Where the loop's variable begins, and its step: those of the first whole number in it."""
        for j, line in enumerate(loop.blocks[0]):
            for slot in line.slots:
                numbers = [block[j].tokens[slot] for block in loop.blocks]
                if numbers[0].isdigit() and len(set(numbers)) > 1:
                    first, step = _progression(list(map(int, numbers)))
                    if abs(step) == 1:
                        return first, step
        return 0, 1

    def _body(self, loop: _Loop, variable: str, turn: tuple[int, int]) -> list[str]:
        """The lines of the body.

        Raises:
            _Unrolled: they are no loop.
        """
        found = []
        for j, line in enumerate(loop.blocks[0]):
            text = self._in_turn(loop, j, [block[j] for block in loop.blocks], variable, turn)
            comment = f"  {line.line.comment}" if line.line.comment else ""
            found.append(f"{loop.names[j]} = {text}{comment}")
            if loop.lists[j]:
                found.append(f"{loop.lists[j]}.append({loop.names[j]})")
        for name, terms in loop.sums:
            text = self._in_turn(loop, len(loop.names), terms, variable, turn)
            found.append(f"{name} = {name} + {text}")
        return found

    def _in_turn(
        self, loop: _Loop, j: int, turns: Sequence[_Line], variable: str, turn: tuple[int, int]
    ) -> str:
        """The formula of a line for any turn."""
        defined = loop.defined()
        tokens = list(turns[0].tokens)
        for slot in turns[0].slots:
            found = [line.tokens[slot] for line in turns]
            tokens[slot] = self._token(loop, j, found, defined, variable, turn)
        return "".join(tokens)

    def _token(
        self,
        loop: _Loop,
        j: int,
        found: Sequence[str],
        defined: dict[str, tuple[int, int]],
        variable: str,
        turn: tuple[int, int],
    ) -> str:
        if found[0].isdigit():
            if len(set(found)) == 1:
                return found[0]
            return _index(_progression(list(map(int, found))), variable, turn)
        where = [defined.get(name) for name in found]
        for i, name in enumerate(loop.names):
            if where == [(k, i) for k in range(loop.turns)] and i < j:
                return name
            if found[0] == loop.starts[i] and where[1:] == [(k, i) for k in range(loop.turns - 1)]:
                if i >= j:
                    return name
                raise _Unrolled  # that of the turn before, where this turn's has its name
        if any(each is not None for each in where):
            raise _Unrolled
        if len(set(found)) == 1:
            if found[0] in loop.starts and found[0] in loop.names:
                raise _Unrolled  # the loop assigns to it
            return self.called.get(found[0], found[0])
        places = [self.places.get(name, ("", 0)) for name in found]
        if len({kept for kept, _ in places}) != 1 or not places[0][0]:
            raise _Unrolled
        progression = _progression([index for _, index in places])
        return f"{places[0][0]}[{_index(progression, variable, turn)}]"

    # Sums over the turns

    def _take_sums(self, loop: _Loop, after: int) -> None:
        """Take terms of later sums, one for each turn, into the loop."""
        defined = loop.defined()
        for place in range(after, len(self.lines)):
            line = self.lines[place].line
            terms = [_read(Assigned("", t, ""), self.names) for t in _terms(line.formula)]
            for reverse in (False, True):
                for start in range(len(terms) - loop.turns + 1):
                    group = terms[start : start + loop.turns]
                    others = terms[:start] + terms[start + loop.turns :]
                    group = group[::-1] if reverse else group
                    if self._is_sum(loop, group, defined, after):
                        loop.sums.append((line.name, group))
                        rest = " + ".join([line.name, *("".join(other.tokens) for other in others)])
                        self.lines[place] = _read(line._replace(formula=rest), self.names)
                        break
                else:
                    continue
                break
        self.lines[after:] = [x for x in self.lines[after:] if x.line.name != x.line.formula]
        self._forget_lists(loop, after)

    def _is_sum(
        self,
        loop: _Loop,
        group: Sequence[_Line],
        defined: dict[str, tuple[int, int]],
        after: int,
    ) -> bool:
        """Whether terms belong to the turns of a loop."""
        if len({term.form for term in group}) > 1:
            return False
        if not any(token in defined for token in group[0].tokens):
            return False
        later = {line.line.name for line in self.lines[after:]}
        if any(token in later for term in group for token in term.tokens):
            return False
        try:
            self._in_turn(loop, len(loop.names), group, "t", (0, 1))
        except _Unrolled:
            return False
        return True

    def _forget_lists(self, loop: _Loop, after: int) -> None:
        """Lists that nothing reads any more are not kept."""
        later = {token for line in [*self.lines[after:], self.returned] for token in line.tokens}
        for j, kept in enumerate(loop.lists):
            names = {block[j].line.name for block in loop.blocks[:-1]}
            overwritten = loop.starts[j] == loop.names[j] and loop.starts[j] in later
            if kept and not names & later and not overwritten:
                loop.lists[j] = ""


def _terms(formula: str) -> list[str]:
    """The terms of a sum, those of one that is no sum of terms being itself."""
    depth, start, found = 0, 0, []
    for i, sign in enumerate(formula):
        depth += (sign in "([{") - (sign in ")]}")
        if not depth and formula[i : i + 3] == " + ":
            found.append(formula[start:i])
            start = i + 3
        elif not depth and formula[i : i + 3] == " - ":
            return [formula]
    return [*found, formula[start:]]


def _progression(numbers: Sequence[int]) -> tuple[int, int]:
    """The first of numbers and the step from one to the next.

    Raises:
        _Unrolled: the steps differ.
    """
    step = numbers[1] - numbers[0]
    if list(numbers) != [numbers[0] + step * k for k in range(len(numbers))]:
        raise _Unrolled
    return numbers[0], step


def _index(progression: tuple[int, int], variable: str, turn: tuple[int, int]) -> str:
    """A progression in the variable of a loop.

    Raises:
        _Unrolled: it takes larger steps than the variable.
    """
    (start, step), (first, pace) = progression, turn
    if step == pace:
        more = start - first
        return f"{variable} + {more}" if more > 0 else f"{variable} - {-more}" if more else variable
    if step == -pace:
        return f"{start + first} - {variable}"
    if (first, pace) == (0, 1):
        times = f"{step} * {variable}"
        return f"{times} + {start}" if start > 0 else f"{times} - {-start}" if start else times
    raise _Unrolled
