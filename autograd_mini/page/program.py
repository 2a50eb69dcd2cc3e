"""A graph as a program over single numbers, which a page runs again when a leaf is changed.

Each element of an array is a number of its own.  Between a node and each of its operands stands a
copy of the operand: the gradient of the copy is what the operand receives from this use of it.

>>> from autograd_mini import Value
>>> from autograd_mini.core.graph import topological_order
>>> w = Value(2.0)
>>> program = program_of(topological_order(w * w))
>>> program.rules, program.code, program.operands
([('positive', False), ('mul', False)], [-1, 0, 0, 1], [[], [0], [0], [1, 2]])
>>> program.nodes, program.shares
([[0], [3]], {(1, 0): [1], (1, 1): [2]})
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from functools import partial
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

ROUNDING = {np.dtype(np.float64): 1e-9, np.dtype(np.float32): 1e-4}
"""The dtypes that a page computes in, and how far from a graph's numbers its own may be."""

MOST_NUMBERS = 50_000
"""A program of more numbers makes a page that is slow to open."""


TOO_MANY = f"the graph has more than {MOST_NUMBERS:,} numbers"


class NoProgram(ValueError):
    """Why a graph cannot be computed again in a page, in the words that the page says."""


@dataclass
class Program:
    """Numbers, each made of earlier ones.

    Arguments:
        rules: names of rules, and whether they compute in float32.
        code: for each number the rule that makes it, by its place in ``rules``; -1 for one that
            is given.
        operands: for each number those that it is made of.
        given: numbers that are constants.
        single: the numbers that are rounded to float32, and their gradients with them.
        nodes: for each node of the graph the numbers of its elements, in order.
        shares: for each use of an operand, (place of the result, operand), its copy.
        slopes: for those that have a local derivative: the rule, which operand, and for each
            element the results and the operands; or, in a weighted sum, the number that it is.
    """

    rules: list[tuple[str, bool]] = field(default_factory=list)
    code: list[int] = field(default_factory=list)
    operands: list[list[int]] = field(default_factory=list)
    given: list[tuple[int, float]] = field(default_factory=list)
    single: list[int] = field(default_factory=list)
    nodes: list[list[int]] = field(default_factory=list)
    shares: dict[tuple[int, int], list[int]] = field(default_factory=dict)
    slopes: dict[tuple[int, int], list[Any]] = field(default_factory=dict)

    def data(self, uses: Sequence[tuple[int, int]], seed: Operand) -> dict[str, Any]:
        """The program as the page's script reads it.

        Arguments:
            uses: keys of ``shares``, in the order in which the page has them.
            seed: the gradient of the last node.
        """
        return {
            "code": self.code,
            "operands": self.operands,
            "given": [(i, number_text(number)) for i, number in self.given],
            "single": self.single,
            "nodes": self.nodes,
            "shares": [self.shares[use] for use in uses],
            "slopes": [self.slopes.get(use) for use in uses],
            "seed": [number_text(number) for number in np.ravel(seed).tolist()],
        }

    def text(self) -> str:
        """The rules in JavaScript: definitions, of which ``RULES`` is the last.

        Raises:
            NoProgram: JavaScript has not got one of them.
        """
        helpers: dict[str, str] = {}
        try:
            rows = [f"  {rule_text(RULES[name], helpers, single)}," for name, single in self.rules]
        except ValueError as error:
            raise NoProgram(str(error).removeprefix("source: ")) from None
        return "\n".join([*helpers.values(), "const RULES = [", *rows, "];"])


def number_text(number: float) -> float | str:
    """A number as JSON has it; one that is not finite as JavaScript writes it."""
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def program_of(order: Sequence[Node]) -> Program:
    """The program of a graph.

    Arguments:
        order: its nodes in topological order.

    Raises:
        NoProgram: it has an operation that is not made of rules, element by element, or is large.
    """
    dtypes = {np.asarray(node.data).dtype for node in order} - ROUNDING.keys()
    if dtypes:
        own = " and ".join(map(str, ROUNDING))
        raise NoProgram(f"the graph computes in {min(map(str, dtypes))}, and a page in {own}")
    numbers = sum(np.size(node.data) * (1 + len(node.parents)) for node in order)
    if numbers > MOST_NUMBERS:
        raise NoProgram(TOO_MANY)
    copied, copies = _with_copies(order)
    elements = _Elements(copied[order[-1]])
    program = _Writer(elements.order, elements.single)
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
        single: those of them that are in float32.
    """

    def __init__(self, root: Node) -> None:
        opened = expansion(topological_order(root))
        nodes = topological_order(opened.get(root, root))
        self.of: dict[Node, Array] = {}
        self.order = [node for node in nodes if isinstance(node, Value)]
        self.single: set[Value] = set()
        with watched(self._watch):
            for node in nodes:
                before = len(self.order)
                self.of[node] = self._elements(node)
                if _is_single(node):
                    self.single.update(self.order[before:])
        self.of |= {node: self.of[now] for node, now in opened.items() if now in self.of}

    def _elements(self, node: Node) -> Array:
        if isinstance(node, Value):
            return _boxed(node)
        if not node.parents:
            leaves = [self._leaf(number) for number in node.data.flat]
            return _boxed(*leaves).reshape(node.shape)
        operands = [self.of[p] if is_node(p) else _constant(p, node) for p in node.parents]
        operation = node.operation
        assert operation is not None
        name = operation.name
        try:
            with quietly():
                if isinstance(operation, Rule):
                    function = np.frompyfunc(FUNCTIONS[operation.name], len(operands), 1)
                else:
                    function = partial(operation.by_element or operation.forward, **node.options)
                array = np.asarray(function(*operands), dtype=object)
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
        self._append(Value(float(number)))  # of what is computed the watch is told
        return self.order[-1]

    def _append(self, value: Value) -> None:
        if len(self.order) > MOST_NUMBERS:
            raise NoProgram(TOO_MANY)
        self.order.append(value)

    def _watch(self, compare: object, left: Operand, right: Operand, holds: bool) -> None:
        if compare is not None:
            raise NoProgram("which numbers it computes depends on the numbers themselves")
        self._append(left)


def _is_single(node: Node) -> bool:
    return not isinstance(node, Value) and node.data.dtype == np.float32


def _constant(operand: Operand, node: Node) -> Array:
    """A constant operand, as precise as a rule's result is."""
    array = np.asarray(operand)
    if not isinstance(node.operation, Rule):
        return array
    return (array.astype(np.float32) if _is_single(node) else array).astype(object)


def _boxed(*values: Value) -> Array:
    array = np.empty(len(values), object)
    array[:] = values
    return array if len(values) != 1 else array.reshape(())


class _Writer:
    """Writes a program, one Value after the other."""

    def __init__(self, order: Iterable[Value], single: Set[Value]) -> None:
        self.program = Program()
        self._place: dict[Value, int] = {}
        for value in order:
            place = self._place[value] = self._number(value, value in single)
            if value in single:
                self.program.single.append(place)

    def places(self, array: Array) -> list[int]:
        return [self._place[value] for value in array.flat]

    def _number(self, value: Value, single: bool) -> int:
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
        return self._made(rule.name, operands, single)

    def _given(self, number: float) -> int:
        self.program.given.append((len(self.program.code), float(number)))
        self.program.code.append(-1)
        self.program.operands.append([])
        return len(self.program.code) - 1

    def _made(self, name: str, operands: list[int], single: bool = False) -> int:
        self.program.code.append(self._rule(name, single))
        self.program.operands.append(operands)
        return len(self.program.code) - 1

    def _rule(self, name: str, single: bool) -> int:
        if (name, single) not in self.program.rules:
            self.program.rules.append((name, single))
        return self.program.rules.index((name, single))

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
            arrays.append(_constant(parent, node) if array is None else array)
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
            yield slot, [self._rule(rule.name, _is_single(node)), slot, rows]


def _compare(order: Sequence[Node], elements: _Elements, copied: dict[Node, Node]) -> None:
    """See to it that the elements are those of the graph."""
    rounding = max(ROUNDING[np.asarray(node.data).dtype] for node in order)
    for node in order:
        numbers = [value.data for value in elements.of[copied[node]].flat]
        given = np.ravel(node.data)
        if not np.allclose(numbers, given, rtol=rounding, atol=rounding / 1000, equal_nan=True):
            raise NoProgram(f"{node.op or 'a leaf'} is not computed element by element here")
