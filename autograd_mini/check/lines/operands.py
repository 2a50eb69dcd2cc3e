"""What a statement reads, turn by turn, and what a derivation makes of that.

A helper for a local derivative, or a line in a loop over layers, is handed another value each time,
of another shape too: by what that is, it is known what should be made.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Any

import numpy as np

from autograd_mini.check.lines.arranged import is_opposed
from autograd_mini.check.lines.claims import Claim, Truth
from autograd_mini.check.lines.instrument import WHOLE
from autograd_mini.check.lines.program import Site, Stopped
from autograd_mini.check.lines.rows import Row
from autograd_mini.check.lines.source import Place
from autograd_mini.check.lines.syntax import number_of, operands_read, terms
from autograd_mini.check.lines.trial import Trial
from autograd_mini.check.lines.values import value_of
from autograd_mini.core.graph import Node
from autograd_mini.typing import Array

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
    yield from (gradients_of(truth, nodes) for nodes in (row, *lower, *higher))


def values_of(row: Row) -> tuple[tuple[Claim, ...], list[Array]]:
    """Values themselves, which a line may hand on."""
    return tuple(Claim("value", node) for node in row), [np.asarray(node.data) for node in row]


def gradients_of(truth: Truth, nodes: Row) -> tuple[tuple[Claim, ...], list[Array]]:
    """The gradients of nodes."""
    return tuple(Claim("gradient", node) for node in nodes), [truth.gradients[n] for n in nodes]


def _slopes(truth: Truth, nodes: Row, below: Row) -> tuple[tuple[Claim, ...], list[Array]]:
    steep = [truth.steep(node, [other])[0] for node, other in zip(nodes, below, strict=True)]
    return tuple(Claim("slope", node) for node in nodes), steep


@dataclass(frozen=True)
class Read:
    """Values of the loss that can be read where a statement stands, by one operand each, in each of
    the turns in which it runs.

    Attributes:
        own: those that the statement reads, or that its function is handed.
        others: those that other statements of the function read.
    """

    own: tuple[Row, ...] = ()
    others: tuple[Row, ...] = ()


def read_at(trial: Trial, truth: Truth, place: Place) -> Read:
    """What can be read where a statement stands."""
    statement = trial.program.statement(place)
    own = operands_read(statement.node)
    own |= {n.arg for n in ast.walk(statement.unit.tree) if isinstance(n, ast.arg)}
    others = {text for other in statement.unit.statements.values() for text in operands_read(other)}
    codes: dict[str, CodeType | None] = {
        text: None if text.isidentifier() else compile(text, "<operand>", "eval")
        for text in sorted(own | others)
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

    def distinct(texts: Iterable[str]) -> tuple[Row, ...]:
        found = (tuple(row) for text in texts for row in zip(*rows[text], strict=True))
        return tuple(dict.fromkeys(found))

    return Read(
        distinct(text for text in rows if text in own),
        distinct(text for text in rows if text not in own),
    )


def may_make(trial: Trial, truth: Truth, site: Site, arrays: Sequence[Array | None]) -> bool:
    """Whether a statement may make an array: where it puts one number into a part, the rest
    stays as it was; what is some times the gradient that its name says keeps its sign.
    """
    made = trial.sites[site][-1]
    if is_opposed(arrays[-1], made.value):
        return not truth.has_sign(made.name, made.value)
    match trial.program.statement(site.place).node:
        case ast.Assign([ast.Subscript()], value) if number_of(value) is not None:
            before, meant = trial.before(made), arrays[-1]
            if len(arrays) > 1 or site.slot != WHOLE or before is None or meant is None:
                return True
            if before.value.shape == meant.shape:
                other = ~np.isclose(before.value, meant, rtol=1e-7, atol=0)
                if not other.any() or np.ptp(meant[other]) == 0:
                    return True  # another number, or elsewhere
                written = made.value == number_of(value)
                return bool(np.all(written[other]) and np.any(before.value != made.value))
    return True


def claims_of_terms(trial: Trial, truth: Truth, place: Place) -> list[Claim]:
    """Of what gradients each term of the sum that a statement assigns may be one, or a share."""
    found: list[Claim] = []
    value = getattr(trial.program.statement(place).node, "value", None)

    def visit(names: Mapping[str, Any]) -> None:
        for part, _ in terms(value) if isinstance(value, ast.expr) else ():
            array = value_of(part, names)
            claims = truth.claims(array) if isinstance(array, np.ndarray) else []
            found.extend(c for c in claims if c.kind in ("gradient", "share") and not c.moved)
        raise Stopped

    trial.program.run(trial.base, before=place, visit=visit)
    return found


def _read(trial: Trial, text: str, code: CodeType | None, names: Mapping[str, Any]) -> object:
    if code is None:
        return names.get(text)
    try:
        return trial.program.value(code, names)
    except Exception:  # the user's own expression raises what it likes
        return None


def _values(truth: Truth, value: object) -> Sequence[Node]:
    """The nodes of which something is the value."""
    is_real = isinstance(value, float) or getattr(getattr(value, "dtype", None), "kind", "") == "f"
    return truth.valued(np.asarray(value)) if is_real else ()
