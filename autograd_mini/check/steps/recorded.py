"""One run of a step, with each value that a statement makes, plain or recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from autograd_mini.check.lines.program import Exchange, Program, Site, Stopped
from autograd_mini.check.lines.source import Place
from autograd_mini.check.steps.step import Step
from autograd_mini.check.steps.variables import Held, Space, Variable, as_numbers
from autograd_mini.core.graph import Node, data_of
from autograd_mini.core.tensor import Tensor
from autograd_mini.recording import Note, node_of, recording, version_of
from autograd_mini.typing import Array

_WIDE = 64
"""Items of a container that are looked at."""


@dataclass(frozen=True, eq=False)
class Made:
    """A value that a statement made, or an item of it.

    Attributes:
        site: where.
        turn: how often that had happened before.
        key: which item of a list, tuple or dict; ``None`` where it is the whole.
        name: the target, as it is written.
        value: the array or number, as the code goes on with it.
        node: what it holds then, as it was recorded; ``None`` where it depends on no parameter.
        numbers: in a plain run a copy of it, as an array; ``None`` of what is no array of floats.
    """

    site: Site
    turn: int
    key: Held
    name: str
    value: Held
    node: Tensor | None
    numbers: Array | None = None

    @property
    def at(self) -> tuple[Site, int, Held]:
        """Where it was made, at which turn, and which item of what was made there it is."""
        return self.site, self.turn, self.key

    @property
    def is_number(self) -> bool:
        """Whether it is one real number."""
        return isinstance(self.value, float | np.floating) or (
            isinstance(self.value, np.ndarray)
            and self.value.size == 1
            and self.value.dtype.kind == "f"
        )


@dataclass
class Ran:
    """A run of a step.

    Attributes:
        made: what statements made, in order.
        result: what the step returned.
        after: for each variable that was asked for, what it holds after.
        objects: for each of these the very object that it stands for after.
        nodes: in a recorded run, the nodes of each of these after it.
        leaves: for each variable that was recorded its leaf.
        again: what stands for its nodes in a loss that was made again, without the updates.
        error: why it ended before its end.
        notes: what could not be recorded.
        errors: how far off each number of a gradient may be that is a numerical derivative.
        size: how many numbers statements made, as far as a copy was kept.
    """

    made: list[Made] = field(default_factory=list)
    result: Held = None
    after: dict[Variable, Any] = field(default_factory=dict)
    objects: dict[Variable, object] = field(default_factory=dict)
    nodes: dict[Variable, list[tuple[Node, Any]]] = field(default_factory=dict)
    leaves: dict[Variable, Node] = field(default_factory=dict)
    again: Mapping[Node, Node] = field(default_factory=dict)
    error: BaseException | None = None
    notes: list[Note] = field(default_factory=list)
    errors: dict[Variable, Array] = field(default_factory=dict)
    size: int = 0

    @property
    def is_narrow(self) -> bool:
        """Whether some statement made floats of less than 64 bits."""
        return any(getattr(m.value, "dtype", None) in (np.float32, np.float16) for m in self.made)

    def nodes_after(self, variable: Variable) -> list[tuple[Node, Any]]:
        """What a variable holds after, as nodes, each with where in it that stands."""
        return self.nodes.get(variable, [])


_TURNS = 8
"""How often an array that a statement makes is read, of which a node is made each time; after that
only the last is."""


def _nodes_of(variable: Variable, value: Held) -> list[tuple[Node, Any]]:
    if variable.kind != "list":
        node = node_of(value)
        return [] if node is None else [(node, ...)]
    found = ((node_of(item), index) for index, item in _cells(value, ()))
    return [(node, index) for node, index in found if node is not None]


def _cells(value: Held, index: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], Any]]:
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield from _cells(item, (*index, i))
    else:
        yield index, value


def run(
    step: Step,
    wanted: Sequence[Variable],
    at: Mapping[Variable, Array | Tensor] | None = None,
    start: Mapping[Variable, Array] | None = None,
    before: Place | None = None,
    visit: Callable[[Program, Mapping[str, Any]], None] | None = None,
    exchange: Exchange | None = None,
) -> Ran:
    """Run a step once, and put back what it changes.

    Arguments:
        step: the step.
        wanted: the variables that are looked at after it.
        at: what some hold when it begins; if given, it is recorded from these.
        start: the same, of a run that is not recorded.
        before, visit: as for ``Program.run``; what visits is told the program, too.
        exchange: as for ``Program.run``, of a run that is not recorded.
    """
    ran = Ran()
    turns: dict[Site, int] = {}
    late: dict[tuple[Site, Held], tuple[int, Array, int]] = {}
    begun: Mapping[Variable, Array | Tensor] = at or start or {}

    def listen(site: Site, name: str, value: Held) -> None:
        turn = turns[site] = turns.get(site, -1) + 1
        if ran.size > MOST_NUMBERS:
            raise Stopped
        for key, item in _items(value):
            label = name if key is None else f"{name}[{key!r}]"
            node = None
            if at and turn >= _TURNS and isinstance(item, np.ndarray) and item.size > 1:
                late[site, key] = len(ran.made), item, version_of(item)
            elif at:
                node = node_of(item)
            numbers = None if at else _as_it_is(item)
            ran.size += 0 if numbers is None else numbers.size
            ran.made.append(Made(site, turn, key, label, item, node, numbers))

    def collect(result: Held, after: Sequence[Mapping[str, Any]]) -> dict[str, Array]:
        ran.result = result
        for number, array, version in late.values():
            if version_of(array) == version:
                ran.made[number] = replace(ran.made[number], node=node_of(array))
        for variable in wanted:
            held = np.asarray(data_of(begun.get(variable, variable.before)))
            value = ran.objects[variable] = variable.after(after, held)
            if isinstance(value, list):
                value = _copied(value)
            if at:  # before it is put back
                ran.nodes[variable] = _nodes_of(variable, value)
            elif isinstance(value, np.ndarray):
                value = value.copy()
            ran.after[variable] = value
        return {}

    if not at:
        program = step.program(collect, lambda spaces: put(spaces, start or {}))
        seen = visit and partial(visit, program)
        made = program.run(listen=listen, before=before, visit=seen, exchange=exchange)
        ran.error = made.error
        return ran
    with recording() as tape:

        def prepare(spaces: Sequence[Space]) -> None:
            for variable, data in at.items():
                leaf = data if isinstance(data, Tensor) else Tensor(np.asarray(data, float))
                ran.leaves[variable] = leaf
                number = variable.kind == "number"
                like = variable.paths[0].read(spaces)
                variable.put(spaces, tape.leaf(_number(leaf) if number else leaf, like=like))
                if number:
                    node = node_of(variable.paths[0].read(spaces))
                    ran.leaves[variable] = leaf if node is None else node

        program = step.program(collect, prepare)
        seen = visit and partial(visit, program)
        made = program.run(listen=listen, before=before, visit=seen, recorded=tape)
        ran.error = made.error
        ran.notes = list(tape.notes)
    return ran


def put(spaces: Sequence[Space], values: Mapping[Variable, Array]) -> None:
    """Put arrays in the place of variables: of numbers, lists and matrices as these."""
    for variable, data in values.items():
        if variable.kind == "number":
            variable.put(spaces, float(data))
        elif variable.kind == "list":
            variable.put(spaces, data.tolist())
        else:
            is_matrix = isinstance(variable.paths[0].read(spaces), np.matrix)
            variable.put(spaces, np.array(data).view(np.matrix if is_matrix else np.ndarray))


def _as_it_is(value: object) -> Array | None:
    """A copy of an array, or of a list of numbers."""
    if isinstance(value, np.ndarray) and not (value.dtype.kind == "f" and value.size <= _LARGEST):
        return None
    return as_numbers(value)


_LARGEST = 2_000_000
"""How many numbers an array has, at the most, of which a copy is kept."""


MOST_NUMBERS = 50_000_000
"""How many numbers of a step are kept, at the most: 400 megabytes; with more it is stopped."""


def _number(leaf: Tensor) -> float:
    return float(leaf.data)


def _copied(value: Held) -> Held:
    return [_copied(item) for item in value] if isinstance(value, list) else value


def _items(value: object) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict | list | tuple):
        if len(value) <= _WIDE:
            pairs = value.items() if isinstance(value, dict) else enumerate(value)
            yield from pairs
        return
    yield None, value


def stopped(error: BaseException | None) -> bool:
    """Whether a run was ended from inside, as was wanted."""
    return isinstance(error, Stopped)


def lists_of(made: Sequence[Made]) -> list[Made]:
    """Lists and tuples of numbers that statements made, each as one."""
    several: dict[tuple[Site, int], list[Made]] = {}
    for one in made:
        if isinstance(one.key, int) and one.is_number:
            several.setdefault((one.site, one.turn), []).append(one)
    return [
        replace(items[0], key=None, name=items[0].name.rpartition("[")[0],
                numbers=np.array([float(np.reshape(item.value, ())) for item in items]))
        for items in several.values()
    ]  # fmt: skip
