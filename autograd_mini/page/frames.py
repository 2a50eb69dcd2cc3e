"""The stops of a walk through a graph: what is said at each, and what becomes known.

>>> from autograd_mini import Value
>>> from autograd_mini.core.graph import topological_order
>>> from autograd_mini.show.names import graph_names
>>> w = Value(2.0, label="w")
>>> order = topological_order(w * w)
>>> walk = Walk(order, 1.0, Terms(order, graph_names(order, {})))
>>> for frame in walk.frames:
...     print(walk.words.told(frame.sentence))
Given are the leaves: w = 2.
v1 = w·w = 4.
v1 is the root: the sweep starts with ∂v1/∂v1 = 1. w receives 1 · w = 2, then 1 · w = 2 more.
w is a leaf: ∂v1/∂w = 4 is complete.
The sweep is complete: each node had its turn once, when its gradient was complete.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from autograd_mini.core.graph import is_node, operands
from autograd_mini.show.recorded import Node
from autograd_mini.show.steps import Amount, Parts, Share, Words, sweep
from autograd_mini.show.terms import Terms, flows
from autograd_mini.typing import Operand

Phase = Literal["forward", "backward", "end"]
Rows = Sequence[Sequence[Parts]]


@dataclass(frozen=True)
class Frame:
    """One stop of the walk.

    Arguments:
        phase: of the walk.
        node: the place of the node whose turn it is in topological order, or ``None``.
        shares: which uses of operands it is about, by their place in ``Walk.uses``.
        sentence: what happens.
        heading, rows: a table of the step's numbers.
    """

    phase: Phase
    node: int | None
    shares: Sequence[int]
    sentence: Parts
    heading: Sequence[str]
    rows: Rows


class Walk:
    """The forward pass, then the reverse sweep.

    Every use of an operand has its place here, also below a gradient of exactly zero: in a page
    a leaf may be changed, and the zero with it.

    Arguments:
        order: the nodes in topological order.
        seed: the gradient of the last one.
        terms: their formulas.

    Attributes:
        totals: the gradient of each node.
        uses: (result, operand's slot) in the order of the sweep.
        shares: for each of them, what the operand receives.
        frames: the stops.
    """

    def __init__(self, order: Sequence[Node], seed: Operand, terms: Terms) -> None:
        self.order = order
        self.place = {node: i for i, node in enumerate(order)}
        self.words = Words(order[-1], terms, self.place)
        taken = list(sweep(order, seed, terms))
        self.totals: dict[Node, Any] = {node: node.zero() for node in order}
        self.totals |= {step.node: step.gradient for step in taken}
        self._received = {(s.node, share.slot): share for s in taken for share in s.received}
        self.uses: list[tuple[Node, int]] = []
        self.shares: list[Share] = []
        self.frames = [*self._forward(), *self._backward(), self._end()]

    def leaves(self) -> list[Node]:
        """The leaves by name, w2 before w10."""

        def key(node: Node) -> list[tuple[bool, int, str]]:
            parts = re.findall(r"[0-9]{1,9}|[^0-9]+", self.words.name(node))
            return [(p.isdecimal(), int(p) if p.isdecimal() else 0, p) for p in parts]

        return sorted((node for node in self.order if not node.parents), key=key)

    def formulas(self) -> Iterator[Parts]:
        """For each use, what the operand receives, as a formula."""
        for node, slot in self.uses:
            yield self.words.share(node, slot, self.totals[node])

    def value(self, node: Node) -> Amount:
        return Amount("value", self.place[node], node.data)

    def _forward(self) -> Iterator[Frame]:
        name, leaves = self.words.name, self.leaves()
        given: list[str | Amount] = ["Given are the leaves: "]
        for i, node in enumerate(leaves[:MOST_LISTED]):
            given += [", " if i else "", f"{name(node)} = ", self.value(node)]
        more = len(leaves) - MOST_LISTED
        given.append(f", and {more} more." if more > 0 else ".")
        rows: Rows = [[[name(n)], [self.value(n)]] for n in leaves]
        yield Frame("forward", None, [], given, ["leaf", "value"], rows)
        for node in self.order:
            if node.parents:
                formula = self.words.terms.text(self.words.terms.formula(node))
                sentence: Parts = [f"{name(node)} = {formula} = ", self.value(node), "."]
                rows = [[[name(n)], [self.value(n)]] for n in dict.fromkeys(operands(node))]
                yield Frame(
                    "forward", self.place[node], [], sentence, ["operand", "value"], rows
                )  # fmt: skip

    def _backward(self) -> Iterator[Frame]:
        totals: dict[Node, Any] = {}
        reached = {self.order[-1]}
        for node in reversed(self.order):
            if node not in reached:
                continue
            first = len(self.shares)
            shares: list[Share] = []
            rows: list[Sequence[Parts]] = []
            for slot, parent in enumerate(node.parents):
                if not (is_node(parent) and flows(node, slot)):
                    continue
                reached.add(parent)
                share = self._share(node, slot, totals)
                e = first + len(shares)
                shares.append(share)
                formula = self.words.share(node, slot, self.totals[node])
                rows.append(
                    [
                        [self.words.name(parent)],
                        formula,
                        [Amount("share", e, share.amount)],
                        [Amount("total", e, share.total)],
                    ]
                )
                self.uses.append((node, slot))
            self.shares += shares
            yield Frame(
                "backward",
                self.place[node],
                range(first, first + len(shares)),
                self.words.sentence(node, self.totals[node], shares, first),
                ["operand", "receives", "amount", "total so far"] if shares else [],
                rows,
            )

    def _share(self, node: Node, slot: int, totals: dict[Node, Any]) -> Share:
        operand = node.parents[slot]
        found = self._received.get((node, slot))
        amount = operand.zero() if found is None else found.amount
        total = totals[operand] + amount if operand in totals else amount
        totals[operand] = total
        return Share(slot, operand, "", amount, total)

    def _end(self) -> Frame:
        rows: Rows = [
            [[self.words.partial(n)], [Amount("gradient", self.place[n], self.totals[n])]]
            for n in self.leaves()
        ]
        sentence = [
            "The sweep is complete: each node had its turn once, when its gradient was complete."
        ]
        return Frame("end", None, [], sentence, ["leaf", "gradient"], rows)


MOST_LISTED = 12
"""So many leaves are given in a sentence; a table has all."""
