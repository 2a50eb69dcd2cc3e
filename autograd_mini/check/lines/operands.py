"""What a statement reads, turn by turn, and what a derivation makes of that.

A helper for a local derivative, or a line in a loop over layers, is handed another value each time,
of another shape too: by what that is, it is known what should be made.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from types import CodeType
from typing import Any

import numpy as np

from autograd_mini.check.lines.claims import Claim, Truth
from autograd_mini.check.lines.program import Stopped
from autograd_mini.check.lines.source import Place
from autograd_mini.check.lines.syntax import operands_read
from autograd_mini.check.lines.trial import Trial
from autograd_mini.core.graph import Node
from autograd_mini.typing import Array

Row = tuple[Node, ...]

_MOST_TURNS = 256
"""In how many turns it is looked at what can be read."""


def derived_rows(truth: Truth, row: Row) -> Iterator[tuple[tuple[Claim, ...], list[Array]]]:
    """What a derivation makes of values, one a turn, all in the same way: local derivatives of what
    is made of them, and their own; their gradients, and those of what they are made of, and of what
    is made of them.
    """
    above = [truth.made_above(node) for node in row]
    ways = [way for way in above[0] if all(way in each for each in above)]
    higher = [tuple(each[way] for each in above) for way in ways]
    higher = [nodes for nodes in higher if any(node in truth.slopes for node in nodes)]
    lower = list(zip(*map(truth.made_of, row), strict=False))
    yield from (_slopes(truth, nodes, row) for nodes in higher)
    yield from (_slopes(truth, row, nodes) for nodes in lower)
    yield from (_gradients(truth, nodes) for nodes in (row, *lower, *higher))


def _slopes(truth: Truth, nodes: Row, below: Row) -> tuple[tuple[Claim, ...], list[Array]]:
    steep = [truth.steep(node, [other])[0] for node, other in zip(nodes, below, strict=True)]
    return tuple(Claim("slope", node) for node in nodes), steep


def _gradients(truth: Truth, nodes: Row) -> tuple[tuple[Claim, ...], list[Array]]:
    return tuple(Claim("gradient", node) for node in nodes), [truth.gradients[n] for n in nodes]


def rows_read(trial: Trial, truth: Truth, place: Place) -> list[Row]:
    """Values of the loss that a statement reads, or that its function is handed, by one operand
    each, in each of the turns in which it runs.
    """
    statement = trial.program.statement(place)
    texts = operands_read(statement.node)
    texts |= {n.arg for n in ast.walk(statement.unit.tree) if isinstance(n, ast.arg)}
    codes: dict[str, CodeType | None] = {
        text: None if text.isidentifier() else compile(text, "<operand>", "eval")
        for text in sorted(texts)
    }
    rows: dict[str, list[tuple[Node, Node]]] = {text: [] for text in codes}
    turns = 0

    def visit(names: Mapping[str, Any]) -> None:
        nonlocal turns
        turns += 1
        if turns > _MOST_TURNS or not rows:
            rows.clear()
            raise Stopped
        for text in list(rows):
            nodes = _values(truth, _read(trial, text, codes[text], names))
            if nodes:
                rows[text].append((nodes[0], nodes[-1]))
            else:
                del rows[text]

    trial.program.run(trial.base, before=place, visit=visit)
    found = (tuple(row) for both in rows.values() for row in zip(*both, strict=True))
    return list(dict.fromkeys(found))


def _read(trial: Trial, text: str, code: CodeType | None, names: Mapping[str, Any]) -> object:
    if code is None:
        return names.get(text)
    try:
        return trial.program.value(code, names)
    except Exception:  # the user's own expression raises what it likes
        return None


def _values(truth: Truth, value: object) -> list[Node]:
    """The nodes of which something is the value."""
    if not isinstance(value, np.ndarray | float):
        return []
    array = np.asarray(value)
    if array.dtype.kind != "f":
        return []
    claims = truth.claims(array, factors=False)
    return [claim.node for claim in claims if claim.exact and claim.kind == "value"]
