"""The reverse sweep, one node at a time.

>>> from autograd_mini import Value
>>> a = Value(3.0, label="a")
>>> b = a + a
>>> b.label = "b"
>>> for step in steps(b * b):
...     print(step)
v1 is the root: the sweep starts with ∂v1/∂v1 = 1. b receives 1 · b = 6, then 1 · b = 6 more.
b: ∂v1/∂b = 12 is complete. a receives 12 · 1 = 12, then 12 · 1 = 12 more.
a is a leaf: ∂v1/∂a = 24 is complete.
"""

from __future__ import annotations

import ast
import html
import math
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np

from autograd_mini.core.graph import needs_masking, quietly, reverse_sweep, topological_order
from autograd_mini.core.tensor import Tensor
from autograd_mini.core.value import Value
from autograd_mini.show.boxes import LONGEST_FORMULA, _in_short
from autograd_mini.show.names import graph_names, shown, variables
from autograd_mini.show.notation import Notation
from autograd_mini.show.recorded import Node
from autograd_mini.show.terms import Terms, flows
from autograd_mini.show.transliteration import for_stream
from autograd_mini.typing import Operand


@dataclass(frozen=True)
class Share:
    """What one operand receives in a step.

    Arguments:
        slot: which operand, from 0.
        operand: the node.
        formula: the share as a formula, such as ``12 · w`` or ``δ_z Wᵀ``.
        amount: the share, a float or an array of the operand's shape.
        total: the operand's gradient so far, this share included.
    """

    slot: int
    operand: Node
    formula: str
    amount: Any
    total: Any


@dataclass(frozen=True)
class Step:
    """The turn of one node in the reverse sweep: it passes its gradient on to its operands.

    Arguments:
        index: how many steps came before.
        node: the node.
        gradient: its upstream gradient, complete: a float or an array of the node's shape.
        local_derivatives: one for each operand, as ``node.local_derivatives``.
        received: what each operand that is a node receives, in the sweep's order.
        sentence: the step in words; ``str(step)`` gives it.
    """

    index: int
    node: Node
    gradient: Any
    local_derivatives: tuple[Any, ...]
    received: tuple[Share, ...]
    sentence: str
    _log: list[tuple[Node, Any]] = field(repr=False, compare=False)
    _until: int = field(repr=False, compare=False)

    @property
    def totals(self) -> dict[Node, Any]:
        """The gradient so far of every node that has received something, after this step."""
        return dict(self._log[: self._until])

    def __str__(self) -> str:
        return for_stream(self.sentence)

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self.sentence)}</p>"


class Steps(Iterator[Step]):
    """Steps that are gone through one by one; a notebook shows all of them.

    Arguments:
        begin: gives the steps from the first on.
    """

    def __init__(self, begin: Callable[[], Iterator[Step]]) -> None:
        self._begin, self._following = begin, begin()

    def __next__(self) -> Step:
        return next(self._following)

    def _repr_html_(self) -> str:
        items = "".join(f"<li>{html.escape(step.sentence)}</li>" for step in self._begin())
        return f"<ol>{items}</ol>"


def steps(node: Operand, *, gradient: Operand = None) -> Steps:
    """The steps of the reverse sweep from ``node``: the same order and numbers as ``backward()``.

    What is given is an iterator; where it is the result of a notebook's cell, all steps are shown.

    No ``grad`` is written.  Nodes that nothing flows to have no step: constants, and what lies
    below a gradient of exactly zero.  Names are found as by ``explain``.

    Arguments:
        node: the root: a Value, or a Tensor of one number.
        gradient: the upstream gradient to start from, of the root's shape; 1 by default.

    Raises:
        TypeError: ``node`` is a plain number or array.
        ValueError: ``node`` holds several numbers and ``gradient`` is not given.

    >>> from autograd_mini import Value
    >>> w, x = Value(0.5, label="w"), Value(2.0, label="x")
    >>> first = next(steps(w * x))
    >>> first.local_derivatives, [share.amount for share in first.received]
    ((2.0, 0.5), [2.0, 0.5])
    >>> [(node.label, total) for node, total in first.totals.items() if node.label]
    [('w', 2.0), ('x', 0.5)]
    """
    order, seed = start(node, gradient, "steps")
    names = graph_names(order, variables(sys._getframe(1).f_locals))
    return Steps(lambda: sweep(order, seed, Terms(order, names)))


def start(node: Node, gradient: Operand, asked: str) -> tuple[list[Node], Any]:
    """The topological order and the upstream gradient that a sweep starts with, checked."""
    if not isinstance(node, Value | Tensor):
        raise TypeError(
            f"{asked}() takes the Value or Tensor at the end of a graph, not {type(node).__name__}"
        )
    if gradient is None and isinstance(node, Tensor) and node.size != 1:
        raise ValueError(
            f"{asked}() of a Tensor of shape {node.shape} needs one number to start from: reduce "
            "it (np.sum(t)), or give the upstream gradient (gradient=, an array of its shape)"
        )
    return topological_order(node), node.seed(gradient)


def sweep(order: Sequence[Node], seed: Operand, terms: Terms) -> Iterator[Step]:
    """The steps, with the names that the formulas have."""
    masked = is_masked(order, seed)
    words = Words(order[-1], terms, {node: i for i, node in enumerate(order)})
    log = [(order[-1], seed)]
    totals: dict[Node, Any] = {}
    for index, (node, gradient) in enumerate(reverse_sweep(order, seed, masked=masked)):
        shares = []
        slots = [k for k, parent in enumerate(node.parents) if isinstance(parent, Value | Tensor)]
        with quietly():
            given: list[tuple[Node, Any]] = [*node.contributions(gradient, None, False, masked)]
        for slot, (operand, amount) in zip(_flowing(node, slots, given), given, strict=True):
            total = totals[operand] + amount if operand in totals else amount
            totals[operand] = total
            log.append((operand, total))
            formula = words.told(words.share(node, slot, gradient))
            shares.append(Share(slot, operand, formula, amount, total))
        first = len(log) - 1 - len(shares)
        sentence = words.told(words.sentence(node, gradient, shares, first))
        received = tuple(shares)
        yield Step(index, node, gradient, node.local_derivatives, received, sentence, log, len(log))


def is_masked(order: Sequence[Node], seed: Operand, wanted: Collection[Node] | None = None) -> bool:
    """Whether the sweep of this graph repeats itself with zero upstream gradients masked."""
    root = order[-1]
    if isinstance(root, Value):
        return True
    found = dict(reverse_sweep(order, seed, wanted))
    return needs_masking(found, None if wanted is None else found.keys())


def _flowing(node: Node, slots: list[int], given: list[Any]) -> list[int]:
    """Which operands receive something: the contributions come in the operands' order."""
    found, at = [], 0
    for operand, _ in given:
        while node.parents[slots[at]] is not operand or not flows(node, slots[at]):
            at += 1
        found.append(slots[at])
        at += 1
    return found


class Amount(NamedTuple):
    """A number, or an array, that a sentence tells.

    Arguments:
        of: ``"value"``, ``"gradient"``, ``"share"``, or ``"total"`` for an operand's gradient
            when a share has been added.
        place: the place of the node in topological order, or how many shares came before.
        data: the number or array itself.
        is_factor: whether it is in brackets where it is negative.
    """

    of: Literal["value", "gradient", "share", "total"]
    place: int
    data: Any
    is_factor: bool = False


Parts = Sequence[str | Amount]
"""A text, with the amounts that it tells."""


class Words:
    """What is said about each step.

    Arguments:
        root: where the sweep starts.
        terms: the formulas of the graph.
        place: the place of each node in topological order.
    """

    def __init__(self, root: Node, terms: Terms, place: Mapping[Node, int]) -> None:
        self.root, self.terms, self.place = root, terms, place

    def name(self, node: Node) -> str:
        return self.terms.text(self.terms.symbol(node))

    def partial(self, node: Node) -> str:
        return f"∂{self.name(self.root)}/∂{self.name(node)}"

    def amount(self, value: Operand) -> str:
        if isinstance(value, float):
            return Notation({}).number_text(value).text
        return _in_short(value).replace("-", "−")

    def told(self, parts: Parts) -> str:
        """The text, with the amounts in it."""
        return "".join(part if isinstance(part, str) else self._amount(part) for part in parts)

    def _amount(self, amount: Amount) -> str:
        text = self.amount(amount.data)
        return f"({text})" if amount.is_factor and text.startswith("−") else text

    def gradient(self, node: Node, gradient: Operand) -> Parts:
        """That a node's gradient is this."""
        return [f"{self.partial(node)} = ", Amount("gradient", self.place[node], gradient)]

    def share(self, node: Node, slot: int, gradient: Operand) -> Parts:
        """The upstream gradient times the local derivative, or the matrix form."""
        if isinstance(node, Value):
            derivative = self.terms.share(node, slot, ast.Constant(1.0))
            upstream = Amount("gradient", self.place[node], gradient, is_factor=True)
            return [upstream, f" · {self.terms.factor(derivative)}"]
        known = gradient.size == 1 and node is self.root  # another one changes with the leaves
        start = ast.Constant(float(gradient.item())) if known else self.terms.delta(node)
        return [shown(self.terms.text(self.terms.share(node, slot, start)), LONGEST_FORMULA)]

    def sentence(self, node: Node, gradient: Operand, shares: Sequence[Share], first: int) -> Parts:
        """A step in words.

        Arguments:
            node, gradient, shares: as of a ``Step``.
            first: how many shares came before.
        """
        name, complete = self.name(node), self.gradient(node, gradient)
        if node is self.root:
            start = [f"{name} is the root: the sweep starts with ", *complete, "."]
        elif not node.parents:
            return [f"{name} is a leaf: ", *complete, " is complete."]
        else:
            start = [f"{name}: ", *complete, " is complete."]
        if not shares:
            zero = node.parents and not np.any(gradient)
            return [*start, " Zero passes nothing on."] if zero else start
        had: set[Node] = set()
        for i, share in enumerate(shares):
            amount = Amount("share", first + i, share.amount)
            text = [*self.share(node, share.slot, gradient), " = ", amount]
            if share.operand in had:
                start += [", then ", *text, " more"]
                continue
            had.add(share.operand)
            start += ["; " if i else " ", f"{self.name(share.operand)} receives ", *text]
            if share.total is not share.amount:
                start += [" (so far ", Amount("total", first + i, share.total), ")"]
        return [*start, "."]


def multiple(grad: Operand, value: Operand) -> int:
    """How many times one array is another, if it is a whole number of times; else 0."""
    at = np.flatnonzero(value)
    if not at.size:
        return 0
    times = np.ravel(grad)[at[0]] / np.ravel(value)[at[0]]
    whole = math.isfinite(times) and times == round(times) and abs(times) < 1e6
    return round(times) if whole and np.array_equal(grad, times * np.asarray(value)) else 0
