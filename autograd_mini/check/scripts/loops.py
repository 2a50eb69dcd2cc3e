"""Where a file trains: the loop of which one turn is a training step."""

from __future__ import annotations

import ast
import functools
import types
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from autograd_mini.check.lines.instrument import HANDED, HOOKS, PART
from autograd_mini.check.lines.program import Follow, Program, Site, Stopped
from autograd_mini.check.lines.source import Place, Unit
from autograd_mini.check.lines.syntax import (
    is_made_of_itself,
    leaves_as_it_is,
    target_of,
    updates_itself,
)
from autograd_mini.check.refusal import CannotTell
from autograd_mini.check.scripts.blocks import LEFT, block, declared_global, stored
from autograd_mini.check.scripts.execution import Execution, File
from autograd_mini.check.scripts.optimisers import handed_over
from autograd_mini.check.scripts.text import Cell
from autograd_mini.check.steps.meant import shown_in
from autograd_mini.check.steps.step import Step
from autograd_mini.notebooks import cell_of_name

Loop = ast.For | ast.While | ast.ListComp | ast.GeneratorExp

_SECONDS_MORE = 5.0
"""How long is looked for a step that is surer than another."""
_FEWEST = 1
"""How many values a turn makes besides updates, at the least, if it is a training step."""


def steps_in(file: File) -> Generator[Step, bool, None]:
    """What may be the training step of a file, the likeliest first.

    What an optimiser is handed comes first, then the first turn of the innermost loop that updates
    something; each is looked for when the one before was none.  Where one may be it, which is
    sent, no more are waited for long.
    """
    handed = None if file.called else handed_over(file)
    if handed is not None:
        yield handed
    unended = yield from _turns_in(file)
    for place in unended:
        step = _turn_of(file, place)
        if step is not None:
            yield step
    if file.called:
        yield _called(file)
    else:
        yield from _without_loop(file)


def steps_in_call(
    whole: Step, function: object, arguments: Sequence[Any], keywords: Mapping[str, Any]
) -> Generator[Step, bool, None]:
    """What may be the training step in a call of a function, the likeliest first.

    A turn of a loop in it comes first, which may be none, for others do the rest of the step: of
    such the names that the loop binds are stated (``Step.anew``); then the whole call; then such
    turns once more, whatever they are.

    Arguments:
        whole: the call as a step.
        function, arguments, keywords: what is called.
    """
    call = Cell("<step>", "step(*arguments, **keywords)")
    held = {"step": function, "arguments": arguments, "keywords": keywords}
    file = File((call,), held, called=True, before=whole.restore)
    turns: list[tuple[Place, int]] = []
    try:
        unended = yield from _turns_in(file, turns)
    except CannotTell:  # it takes long
        unended = []
    whole.restore()
    yield whole
    for place, number in [*turns, *((place, 0) for place in unended)]:
        step = _turn_of(file, place, number)
        if step is not None:
            yield step


def _turns_in(
    file: File, found: list[tuple[Place, int]] | None = None
) -> Generator[Step, bool, list[Place]]:
    """Turns of loops that update something, the innermost loop first.

    Arguments:
        file: what runs.
        found: takes the loops, of which a turn may then be no step by itself.

    Returns:
        The loops that made one turn, if the file came to its end.
    """
    refused: set[Place] = set()
    while True:
        execution = Execution(file)
        search = _Search(execution.program, refused)
        ended = execution.run(turned=search.turned, listen=search.listen)
        place = search.found
        if place is None:
            return search.unended if ended else []
        step = _turn_of(file, place, search.number)
        if found is not None:
            found.append((place, search.number))
            step = step and replace(step, anew=_bound_by(execution.program, place))
        if step is not None and (yield step):
            file = replace(file, seconds=min(file.seconds, _SECONDS_MORE))
        refused.add(place)


@dataclass
class _Turn:
    """A turn of a loop that is going on."""

    number: int
    frame: int
    updates: int
    values: int


@dataclass
class _Search:
    """Watches a run until a loop has made a turn in which something was updated.

    Attributes:
        program: what runs.
        refused: loops that are none.
        found: the loop.
        number: how many turns of it came before that one.
        unended: where none was, loops that updated something in a turn that was their only one,
            the innermost first.
    """

    program: Program
    refused: set[Place]
    found: Place | None = None
    number: int = 0
    _turns: dict[Place, _Turn] = field(default_factory=dict)
    _updates: int = 0
    _values: int = 0
    _known: dict[Place, bool] = field(default_factory=dict)

    def turned(self, place: Place, frame: types.FrameType) -> None:
        """A loop begins a turn."""
        before = self._turns.get(place)
        again = before is not None and before.frame == id(frame)
        if again and self._trains(self._turns[place]) and place not in self.refused:
            self.found, self.number = place, self._turns[place].number
            raise Stopped
        self._turns.pop(place, None)
        number = before.number + 1 if before is not None else 0
        self._turns[place] = _Turn(number, id(frame), self._updates, self._values)

    def _trains(self, turn: _Turn) -> bool:
        return self._updates > turn.updates and self._values - turn.values >= _FEWEST

    def listen(self, site: Site, name: str, value: object) -> None:
        """A statement made a value."""
        if site.slot == HANDED or not _is_float(value):
            return
        if site.slot == PART or self._is_update(site.place):
            self._updates += 1
        else:
            self._values += 1

    def _is_update(self, place: Place) -> bool:
        if place not in self._known:
            try:
                node = self.program.statement(place).node
                made = updates_itself(node) or is_made_of_itself(node)
                self._known[place] = made or leaves_as_it_is(node)
            except KeyError:
                return False
        return self._known[place]

    @property
    def unended(self) -> list[Place]:
        """Loops that made one turn, in which something was updated, the innermost first."""
        places = [place for place, turn in self._turns.items() if self._trains(turn)]
        return [place for place in reversed(places) if place not in self.refused]


def _is_float(value: object) -> bool:
    if isinstance(value, np.ndarray):
        return bool(value.dtype.kind == "f")
    if isinstance(value, dict | list | tuple):
        items = value.values() if isinstance(value, dict) else value
        return any(map(_is_float, list(items)[:8]))
    return isinstance(value, float | np.floating)


def _turn_of(file: File, place: Place, number: int = 0) -> Step | None:
    """The first turn of a loop as a step, in a run of its own that ends where it begins.

    Arguments:
        file: the file.
        place: where the loop is.
        number: how many turns come before the one that is meant.
    """
    execution = Execution(file)
    reached: list[types.FrameType] = []

    def turned(at: Place, frame: types.FrameType) -> None:
        if at == place:
            reached.append(frame)
            if len(reached) > number:
                raise Stopped

    execution.run(turned=turned)
    if len(reached) <= number:
        return None
    unit, loop = _loop_at(execution.program, place)
    if unit is None or loop is None:
        return None
    frame = reached[number]
    turn = f"turn {number + 1}" if number else "the first turn"
    body, is_inline = _body(loop), not isinstance(loop, ast.stmt)
    words = f"{turn} of the loop in line {loop.lineno}, {_span(body)}"
    words += _of_cell(place[0])
    later = functools.partial(_later, file, place, number)
    is_part = _is_part(unit, loop)
    inside = set(ast.walk(loop))
    shown = tuple(shown_in(node for node in ast.walk(unit.tree) if node not in inside))
    begins = unit.place(body[0])
    if unit.tree.name == "<module>" and not is_inline:
        function = block(unit.file, unit.text, body, execution.namespace)
        step = _step([execution.namespace], [function], words)
        return replace(
            step, later=later, is_apart=True, is_part=is_part, shown=shown, begins=begins
        )
    local = {
        name: value
        for name, value in frame.f_locals.items()
        if name not in HOOKS and name.isidentifier()
    }
    stated = [] if is_inline else declared_global(unit.tree)
    local = {name: value for name, value in local.items() if name not in stated}
    function = block(unit.file, unit.text, body, frame.f_globals, local, stated, unit.classes)
    spaces = [local, frame.f_globals]

    def call(follow: Follow) -> tuple[Any, Sequence[Mapping[str, Any]]]:
        left: dict[str, Any] = {}
        result = follow(function)(**local, **{LEFT: left})
        return result, [{**local, **left}, frame.f_globals]

    return Step(
        spaces,
        call,
        words,
        later=later,
        is_apart=True,
        is_part=is_part,
        shown=shown,
        begins=begins,
    )


def _later(file: File, place: Place, number: int, more: int) -> Step | None:
    return _turn_of(file, place, number + more)


def _step(spaces: list[dict[str, Any]], functions: Sequence[Any], words: str) -> Step:
    def call(follow: Follow) -> tuple[Any, Sequence[Mapping[str, Any]]]:
        result = None
        for function in functions:
            result = follow(function)()
        return result, spaces

    return Step(spaces, call, words)


def _loop_at(program: Program, place: Place) -> tuple[Unit | None, Loop | None]:
    """The loop that begins at a place, and the function that it is in."""
    for unit in program.units:
        for node in ast.walk(unit.tree):
            if isinstance(node, Loop) and unit.place(node) == place:
                return unit, node
    return None, None


def _body(loop: Loop) -> Sequence[ast.stmt]:
    """What a loop runs in a turn; of a comprehension what it makes one item by, returned."""
    if isinstance(loop, ast.For | ast.While):
        return loop.body
    return [ast.copy_location(ast.Return(loop.elt), loop.elt)]


def _bound_by(program: Program, place: Place) -> frozenset[str]:
    """The names that a loop binds in each turn."""
    loop = _loop_at(program, place)[1]
    bound = loop.generators if isinstance(loop, ast.ListComp | ast.GeneratorExp) else [loop]
    targets = [one.target for one in bound if isinstance(one, ast.For | ast.comprehension)]
    return frozenset(name for target in targets for name in stored(target))


def _is_part(unit: Unit, loop: Loop) -> bool:
    """Whether the loop around a loop takes something away from what its updates are of."""
    around = [
        node
        for node in ast.walk(unit.tree)
        if isinstance(node, Loop) and node is not loop and any(n is loop for n in ast.walk(node))
    ]
    inside = set(ast.walk(loop))
    return bool(around) and any(
        isinstance(node, ast.AugAssign | ast.Assign)
        and node not in inside
        and updates_itself(node)
        and isinstance(getattr(node, "op", None) or getattr(node.value, "op", None), ast.Sub)
        for node in ast.walk(around[-1])
    )


def _span(body: Sequence[ast.stmt]) -> str:
    first, last = body[0].lineno, body[-1].end_lineno or body[-1].lineno
    return f"lines {first}–{last}" if last > first else f"line {first}"


def _of_cell(name: str) -> str:
    cell = cell_of_name(name)
    return f" of cell {cell[1]}" if cell else ""


def _called(file: File, number: int = 0) -> Step:
    """The last statement, which is what is called, after as many calls of it."""
    execution, (cell, node) = Execution(file), file.statements[-1]
    execution.run(upto=len(file.statements) - 1)
    for _ in range(number):
        execution.define(cell, node)
    function = block(cell.name, cell.lines, [node], execution.namespace)
    words = f"{f'call {number + 1}' if number else 'one call'} of {ast.unparse(node)}"
    step = _step([execution.namespace], [function], words)
    return replace(step, later=functools.partial(_called, file))


# Where nothing is repeated


def _without_loop(file: File) -> Iterator[Step]:
    """What stands at the top of a file behind the lines that make what is updated there."""
    statements = file.statements
    start = _start(statements)
    if start is None:
        return
    execution = Execution(file)
    execution.run(upto=start)
    rest = statements[start:]
    for cell, node in rest:  # they are defined before, whatever stands between
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom):
            execution.define(cell, node)
    functions = []
    for cell in dict.fromkeys(cell for cell, _ in rest):
        body = [
            node
            for other, node in rest
            if other is cell
            and not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom)
        ]
        if body:
            functions.append(block(cell.name, cell.lines, body, execution.namespace))
    first = rest[0][1].lineno
    yield _step([execution.namespace], functions, f"what stands behind line {first - 1}")


def _start(statements: Sequence[tuple[Cell, ast.stmt]]) -> int | None:
    """The number of the statement behind those that make what is updated."""
    updated = {name for _, node in statements for name in _updated(node)}
    if not updated:
        return None
    last = -1
    for number, (_, node) in enumerate(statements):
        targets = set(stored(node)) & updated
        if not targets or set(_updated(node)) & targets:
            continue
        read = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and n.id not in targets}
        if not read & updated:
            last = number
    return last + 1 if last + 1 < len(statements) else None


def _updated(node: ast.stmt) -> Iterator[str]:
    """The names at the top of which a statement updates what they stand for."""
    if updates_itself(node):
        yield from (n.id for n in ast.walk(target_of(node) or node) if isinstance(n, ast.Name))
