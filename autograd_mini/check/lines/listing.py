"""The hand-derived code line by line: what each makes, and whether that is right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

import numpy as np

from autograd_mini.check.lines.claims import Claim, Truth
from autograd_mini.check.lines.program import Event, Site
from autograd_mini.check.lines.source import Place, Unit, first_line
from autograd_mini.check.lines.trial import Trial
from autograd_mini.check.problem import Problem
from autograd_mini.check.result import RIGHT, SPOILED, WRONG, CodeLine, Mistake
from autograd_mini.core.graph import Node
from autograd_mini.typing import Array

_MOST_TURNS = 4
"""How many turns of a statement in a loop are put in words."""


def listing(first: Trial, last: Trial, truth: Truth, mistakes: Sequence[Mistake]) -> list[CodeLine]:
    """The functions that ran, with what is known of each of their lines.

    Arguments:
        first: the code as it stands.
        last: the same with the repairs that were found.
        truth: what was recorded.
        mistakes: where it is wrong.
    """
    wrong = {(m.line.file, m.line.number, m.line.column) for m in mistakes if m.line}
    status = _statuses(first, last, wrong)
    makes = _makes(last, truth)
    nodes = _nodes(first.problem)
    lines: list[CodeLine] = []
    for unit in _units(first):
        told: dict[int, list[tuple[str, str, str]]] = defaultdict(list)
        for place, node in unit.statements.items():
            words, name = makes.get(place, ("", ""))
            one = status.get(place, "")
            if one in (WRONG, SPOILED) and words:
                words = f"should be {words}"
            told[node.lineno].append((one, words, name))
            for row in range(node.lineno + 1, (node.end_lineno or node.lineno) + 1):
                told[row].append((one, "", name))
        for number in range(first_line(unit.tree), (unit.tree.end_lineno or 0) + 1):
            here = told.get(number, [])
            worst = min((s for s, _, _ in here if s), key=_BY_INTEREST.index, default="")
            words = "; ".join(dict.fromkeys(w for _, w, _ in here if w))
            name = next((n for _, _, n in here if n), "")
            text = unit.text[number - 1].rstrip("\r\n")
            lines.append(CodeLine(unit.file, number, text, worst, words, name, nodes.get(name)))
    return lines


_BY_INTEREST = (WRONG, SPOILED, RIGHT)


def _units(trial: Trial) -> list[Unit]:
    """The functions that ran, a function inside another left out."""
    units = list(dict.fromkeys(s.unit for s in trial.program.statements))
    spans = {unit: (first_line(unit.tree), unit.tree.end_lineno or 0) for unit in units}

    def is_inside(unit: Unit) -> bool:
        return any(
            other is not unit
            and other.file == unit.file
            and spans[other][0] <= spans[unit][0]
            and spans[unit][1] <= spans[other][1]
            for other in units
        )

    return [unit for unit in units if not is_inside(unit)]


def _nodes(problem: Problem) -> dict[str, Node]:
    """The recorded nodes by name."""
    return {name: node for node, name in problem.used.nodes.items()} | dict(problem.nodes)


# Right or wrong


def _statuses(first: Trial, last: Trial, wrong: Collection[Place]) -> dict[Place, str]:
    """Of each statement that makes a value whether it is right."""
    before, after = _by_place(first.ran.events), _by_place(last.ran.events)
    spoiled = {place for place in before if not _same(before[place], after.get(place, []))}
    unmended = [place for place in wrong if place not in last.base and place in last.places]
    for place in unmended:
        spoiled |= _reached_from(last, place)
    right = set(last.names) - last.wrong
    found = {}
    for place in before:
        if place in wrong:
            found[place] = WRONG
        elif place in spoiled:
            found[place] = SPOILED
        elif not last.wrong or any(
            n & right for site in last.places[place] for n in last.moves(site)
        ):
            found[place] = RIGHT
    return found


def _by_place(events: Sequence[Event]) -> dict[Place, list[Event]]:
    found: dict[Place, list[Event]] = defaultdict(list)
    for event in events:
        found[event.site.place].append(event)
    return found


def _same(one: Sequence[Event], other: Sequence[Event]) -> bool:
    """Whether a statement made the same in two runs."""
    if len(one) != len(other):
        return False
    with np.errstate(all="ignore"):
        return all(
            a.value.shape == b.value.shape
            and np.allclose(a.value, b.value, rtol=_NEAR, atol=0, equal_nan=True)
            for a, b in zip(one, other, strict=True)
        )


_NEAR = 1e-9


def _reached_from(trial: Trial, place: Place) -> set[Place]:
    """The statements that make something else when a statement does."""
    sites = set(trial.places[place])

    def exchange(site: Site, turn: int, value: Array) -> Array | None:
        if site not in sites:
            return None
        return np.asarray(~value if value.dtype.kind == "b" else value * 1.25 + 0.5, value.dtype)

    ran = trial.program.run(trial.base, watched=True, exchange=exchange)
    before, after = _by_place(trial.ran.events), _by_place(ran.events)
    return {other for other in before if not _same(before[other], after.get(other, []))} - {place}


# What it is


def _makes(trial: Trial, truth: Truth) -> dict[Place, tuple[str, str]]:
    """Of each statement what it makes, in words, and the name of the node that it belongs to."""
    found = {}
    for place, events in _by_place(trial.ran.events).items():
        words: dict[str, None] = {}
        names: dict[str, None] = {}
        for event in events[:_MOST_TURNS]:
            claim = _claim(event, truth)
            if claim is not None:
                words[truth.words(claim)] = None
                names[truth.names.get(claim.node, "")] = None
            elif (node := truth.named(event.name)) is not None:
                names[truth.names.get(node, "")] = None
        found[place] = ", ".join(words), next(filter(None, names), "")
    return found


def _claim(event: Event, truth: Truth) -> Claim | None:
    """What a value is: by its numbers, and of several that are equal by its name."""
    claims = truth.claims(event.value, factors=False)
    fitting = [claim for claim in claims if truth.fits(event.name, claim)]
    return next(iter(fitting or claims), None)
