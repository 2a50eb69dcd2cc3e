"""A graph as a program over single numbers, which a page runs again when a leaf is changed.

Each element of an array is a number of its own.  Between a node and each of its operands stands a
copy of the operand: the gradient of the copy is what the operand receives from this use of it.

>>> from autograd_mini import Value
>>> from autograd_mini.core.graph import topological_order
>>> w = Value(2.0)
>>> program = program_of(topological_order(w * w))
>>> program.rules, program.code, program.operands
(['positive', 'mul'], [-1, 0, 0, 1], [[], [0], [0], [1, 2]])
>>> program.nodes, program.shares
([[0], [3]], {(1, 0): [1], (1, 1): [2]})
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd_mini.core.graph import expansion, is_node, quietly, topological_order
from autograd_mini.core.rule import FUNCTIONS, RULES, Rule
from autograd_mini.core.value import Value
from autograd_mini.interface.watched import watched
from autograd_mini.operations.elementwise import WeightedSum
from autograd_mini.replay.javascript import rule_text
from autograd_mini.show.recorded import Node
from autograd_mini.typing import Array, Operand

MOST_NUMBERS = 50_000
"""A program of more numbers makes a page that is slow to open."""


class NoProgram(ValueError):
    """Why a graph cannot be computed again in a page, in the words that the page says."""


@dataclass
class Program:
    """Numbers, each made of earlier ones.

    Arguments:
        rules: names of rules.
        code: for each number the rule that makes it, by its place in ``rules``; -1 for one that
            is given.
        operands: for each number those that it is made of.
        given: numbers that are constants.
        nodes: for each node of the graph the numbers of its elements, in order.
        shares: for each use of an operand, (place of the result, operand), its copy.
        slopes: for those that have a local derivative: the rule, which operand, and for each
            element the results and the operands; or, in a weighted sum, the number that it is.
    """

    rules: list[str] = field(default_factory=list)
    code: list[int] = field(default_factory=list)
    operands: list[list[int]] = field(default_factory=list)
    given: list[tuple[int, float]] = field(default_factory=list)
    nodes: list[list[int]] = field(default_factory=list)
    shares: dict[tuple[int, int], list[int]] = field(default_factory=dict)
    slopes: dict[tuple[int, int], list[Any]] = field(default_factory=dict)

    def text(self) -> str:
        """The rules in JavaScript: definitions, of which ``RULES`` is the last.

        Raises:
            NoProgram: JavaScript has not got one of them.
        """
        helpers: dict[str, str] = {}
        try:
            rows = [f"  {rule_text(RULES[name], helpers)}," for name in self.rules]
        except ValueError as error:
            raise NoProgram(str(error).removeprefix("source: ")) from None
        return "\n".join([*helpers.values(), "const RULES = [", *rows, "];"])


def program_of(order: Sequence[Node]) -> Program:
    """The program of a graph.

    Arguments:
        order: its nodes in topological order.

    Raises:
        NoProgram: it has an operation that is not made of rules, element by element, or is large.
    """
    dtypes = {np.asarray(node.data).dtype for node in order} - {np.dtype(np.float64)}
    if dtypes:
        raise NoProgram(f"the graph computes in {min(map(str, dtypes))}, and a page in float64")
    numbers = sum(np.size(node.data) * (1 + len(node.parents)) for node in order)
    if numbers > MOST_NUMBERS:
        raise NoProgram(f"the graph has more than {MOST_NUMBERS:,} numbers")
    copied, copies = _with_copies(order)
    elements = _Elements(copied[order[-1]])
    program = _Writer(elements.order)
    found = program.program
    found.nodes = [program.places(elements.of[copied[node]]) for node in order]
    at = {node: i for i, node in enumerate(order)}
    for (node, slot), copy in copies.items():
        if copy in elements.of:
            found.shares[at[node], slot] = program.places(elements.of[copy])
    for node in order:
        if isinstance(node.operation, Rule):
            for slot, slope in program.slopes(node, elements, copied, copies):
                found.slopes[at[node], slot] = slope
    _compare(order, elements, copied)
    return found


def _with_copies(
    order: Sequence[Node],
) -> tuple[dict[Node, Node], dict[tuple[Node, int], Node]]:
    """The graph once more, with a copy of each operand for each use; and the copies."""
    again: dict[Node, Node] = {}
    copies: dict[tuple[Node, int], Node] = {}
    for node in order:
        if not node.parents:
            again[node] = type(node)(node.data)
            continue
        given = []
        for slot, parent in enumerate(node.parents):
            if is_node(parent):
                parent = copies[node, slot] = FUNCTIONS["positive"](again[parent])
            given.append(parent)
        again[node] = node.again(given)
    return again, copies


class _Elements:
    """Each node of a graph as an array of Values.

    Attributes:
        of: the arrays.
        order: all Values, each after its operands.
    """

    def __init__(self, root: Node) -> None:
        opened = expansion(topological_order(root))
        nodes = topological_order(opened.get(root, root))
        self.of: dict[Node, Array] = {}
        self.order = [node for node in nodes if isinstance(node, Value)]
        with watched(self._watch):
            for node in nodes:
                self.of[node] = self._elements(node)
        self.of |= {node: self.of[now] for node, now in opened.items() if now in self.of}

    def _elements(self, node: Node) -> Array:
        if isinstance(node, Value):
            return _boxed(node)
        if not node.parents:
            leaves = [self._leaf(number) for number in node.data.flat]
            return _boxed(*leaves).reshape(node.shape)
        operands = [self.of[p] if is_node(p) else np.asarray(p) for p in node.parents]
        operation = node.operation
        assert operation is not None
        name = operation.name
        try:
            with quietly():
                if isinstance(operation, Rule):
                    function = np.frompyfunc(FUNCTIONS[operation.name], len(operands), 1)
                    floats = [o if o.dtype == object else o.astype(object) for o in operands]
                    array = np.asarray(function(*floats), dtype=object)
                else:
                    array = np.asarray(operation.forward(*operands, **node.options), dtype=object)
        except NoProgram:
            raise
        except Exception as error:
            raise NoProgram(f"{name} is not computed element by element here") from error
        if array.shape != node.shape:
            raise NoProgram(f"{name} is not computed element by element here")
        if not isinstance(operation, Rule):  # an element may be an operand's, or in another one
            array = np.asarray(np.frompyfunc(self._own, 1, 1)(array), dtype=object)
        return array

    def _own(self, element: Operand) -> Value:
        """A number of its own, equal to another one."""
        if isinstance(element, Value):
            return FUNCTIONS["positive"](element)  # type: ignore[no-any-return]
        return self._leaf(element)

    def _leaf(self, number: Operand) -> Value:
        self.order.append(Value(float(number)))  # of what is computed the watch is told
        return self.order[-1]

    def _watch(self, compare: object, left: Operand, right: Operand, holds: bool) -> None:
        if compare is not None:
            raise NoProgram("which numbers it computes depends on the numbers themselves")
        self.order.append(left)


def _boxed(*values: Value) -> Array:
    array = np.empty(len(values), object)
    array[:] = values
    return array if len(values) != 1 else array.reshape(())


class _Writer:
    """Writes a program, one Value after the other."""

    def __init__(self, order: Iterable[Value]) -> None:
        self.program = Program()
        self._place: dict[Value, int] = {}
        for value in order:
            self._place[value] = self._number(value)

    def places(self, array: Array) -> list[int]:
        return [self._place[value] for value in array.flat]

    def _number(self, value: Value) -> int:
        if not value.parents:
            return self._given(value.data)
        operands = [self._place[p] if is_node(p) else self._given(p) for p in value.parents]
        rule = value.operation
        if isinstance(rule, WeightedSum):
            total = operands[0]
            for w, x in zip(operands[1::2], operands[2::2], strict=True):
                total = self._made("add", [total, self._made("mul", [w, x])])
            return total
        if rule is None or RULES.get(rule.name) is not rule:
            raise NoProgram(f"{value.op} is no rule of the table")
        return self._made(rule.name, operands)

    def _given(self, number: float) -> int:
        self.program.given.append((len(self.program.code), float(number)))
        self.program.code.append(-1)
        self.program.operands.append([])
        return len(self.program.code) - 1

    def _made(self, name: str, operands: list[int]) -> int:
        self.program.code.append(self._rule(name))
        self.program.operands.append(operands)
        return len(self.program.code) - 1

    def _rule(self, name: str) -> int:
        if name not in self.program.rules:
            self.program.rules.append(name)
        return self.program.rules.index(name)

    def slopes(
        self, node: Node, elements: _Elements, copied: dict[Node, Node],
        copies: dict[tuple[Node, int], Node],
    ) -> Iterator[tuple[int, list[Any]]]:  # fmt: skip
        """The local derivatives of a node's operands."""
        rule = node.operation
        assert isinstance(rule, Rule)
        results = elements.of[copied[node]]
        arrays: list[Any] = []
        for slot, parent in enumerate(node.parents):
            copy = copies.get((node, slot))
            array = elements.of.get(copy) if copy is not None else None
            arrays.append(np.asarray(parent, dtype=object) if array is None else array)
        places = [
            [self._place[e] if isinstance(e, Value) else self._given(e) for e in array.flat]
            for array in np.broadcast_arrays(*arrays)
        ]
        out = self.places(results)
        for slot, text in enumerate(rule.derivatives):
            if text is None or (node, slot) not in copies:
                continue
            if isinstance(rule, WeightedSum):
                partner = 0 if not slot else slot + (1 if slot % 2 else -1)
                if slot:
                    yield slot, [-1, *places[partner]]
                continue
            rows = [list(row) for row in zip(out, *places, strict=True)]
            yield slot, [self._rule(rule.name), slot, rows]


def _compare(order: Sequence[Node], elements: _Elements, copied: dict[Node, Node]) -> None:
    """See to it that the elements are those of the graph."""
    for node in order:
        numbers = [value.data for value in elements.of[copied[node]].flat]
        if not np.allclose(numbers, np.ravel(node.data), rtol=1e-9, atol=1e-12, equal_nan=True):
            raise NoProgram(f"{node.op or 'a leaf'} is not computed element by element here")
