"""Which statements may be wrong, the likeliest first.

Statements on which right gradients depend are right.  Of the others the first that makes what is
not known of what is known is the likeliest.
"""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from autograd_mini.check.lines.claims import Claim, Truth, is_gradient_name
from autograd_mini.check.lines.instrument import HANDED, PART
from autograd_mini.check.lines.program import Event
from autograd_mini.check.lines.source import Place, Statement
from autograd_mini.check.lines.substituted import Substituted
from autograd_mini.check.lines.syntax import (
    does_nothing,
    makes_zeros,
    operands_read,
    updates_itself,
)
from autograd_mini.check.lines.trial import Trial, is_multiple
from autograd_mini.core.graph import Node
from autograd_mini.typing import Array


@dataclass(frozen=True)
class Suspect:
    """A statement that may be wrong.

    Attributes:
        statement: the statement.
        spoils: the wrong gradients that depend on it.
        event: the first value that it made.
        own: how unlikely it is, by what it made.
        penalty: the same, with what it costs that some gradients do not depend on it.
        first: where it stands in the order of the run.
        handed_right: whether nothing that it reads was made by a statement that makes what is
            not known.
    """

    statement: Statement
    spoils: frozenset[str]
    event: Event
    own: float
    penalty: float
    first: int
    handed_right: bool


class Suspects:
    """The statements that may be wrong, given as far as they are wanted: which gradients depend
    on a statement is found by running the code, which takes time.

    Arguments:
        trial: the code on trial.
        truth: what was recorded.
        substituted: the statement that is wrong as far as what should be made in its place tells.
    """

    def __init__(self, trial: Trial, truth: Truth, substituted: Substituted | None = None) -> None:
        self._trial, self._substituted = trial, substituted
        penalties = _penalties(trial, truth)
        if substituted is not None:
            if substituted.names == trial.wrong:
                statement = trial.program.statement(substituted.place)
                handing = set() if substituted.handed_right else _made_for(trial, statement)
                penalties = {
                    place: own + _ELSEWHERE * (place not in handing or own > 0)
                    for place, own in penalties.items()
                }
            penalties[substituted.place] = 0.0
        every = {place: [place] for place in trial.places} | _headers(trial)
        waiting = [
            (penalties.get(place, _HEADER), first, place)
            for first, place in enumerate(every)
            if place not in trial.base
        ]
        self._inside = every
        self._waiting = deque(sorted(waiting))

    @property
    def ended(self) -> bool:
        """Whether all were given."""
        return not self._waiting

    def upto(self, limit: float) -> Iterator[Suspect]:
        """Those that are no less likely, by what they made, and were not given before."""
        while self._waiting and self._waiting[0][0] <= limit:
            own, first, place = self._waiting.popleft()
            suspect = self._suspect(place, own, first)
            if suspect is not None:
                yield suspect

    def _suspect(self, place: Place, own: float, first: int) -> Suspect | None:
        trial, inside, substituted = self._trial, self._inside[place], self._substituted
        of_forward = trial.of_forward(place)
        if of_forward == 1:
            return None
        own += _RETURNS_OUTPUT * (of_forward > 0)
        spoils, moved = frozenset[str](), list[set[str]]()
        for site in (site for p in reversed(inside) for site in trial.places[p]):
            moved += trial.moves(site)
            spoils = frozenset(n for names in moved if not names & trial.evidence for n in names)
            if spoils >= trial.wrong and place not in trial.places:
                break  # of a loop no more is of interest
        own += _COMPARED * trial.is_compared(place)
        penalty = own + missing(len(trial.wrong - spoils))
        every_turn = frozenset(trial.wrong.intersection(set().union(*moved)))
        cancels = own + _CANCELS + missing(len(trial.wrong - every_turn))
        if substituted is not None and place == substituted.place:
            spoils |= substituted.names
            penalty = missing(len(trial.wrong - spoils))
        elif len(moved) > 1 and (not spoils or cancels < penalty):
            # what is wrong several times may be right at the end
            spoils, own, penalty = every_turn, own + _CANCELS, cancels
        if not spoils & trial.wrong:
            return None
        event = trial.sites[trial.places[inside[0]][0]][0]
        handed_right = own < HANDED_WRONG and place in trial.places
        statement = trial.program.statement(place)
        return Suspect(statement, spoils, event, own, penalty, first, handed_right)


def _headers(trial: Trial) -> dict[Place, list[Place]]:
    """The loops and conditions in which statements made values, with these."""
    units = {trial.program.statement(place).unit: None for place in trial.places}
    found = {
        header: [place for place in unit.inside(header) if place in trial.places]
        for unit in units
        for header in unit.headers
    }
    return {header: inside for header, inside in found.items() if inside}


def _penalties(trial: Trial, truth: Truth) -> dict[Place, float]:
    """How unlikely each statement is wrong, by what it made of what it was handed.

    The first that makes what is not known of what is known is the likeliest.  One that is handed
    N times a gradient and makes N times the next is right: where the N stands is a convention.
    """
    events = trial.ran.log
    parts = {(e.site.place, e.site.item) for e in events if e.site.slot == PART}
    backward = False
    unknown: dict[object, set[float]] = {}  # each with the factors that it has too many
    spoiled: dict[object, set[float]] = {}
    wrong: list[tuple[Array, set[float]]] = []  # the same as arrays
    carried: dict[object, set[float]] = {}  # of all that is a gradient but for a factor
    graded: set[object] = set()  # what was a gradient, be it so many times
    maker: dict[object, Place] = {}  # of each content the statement that made it first
    names: set[str] = set()  # of what was made before
    least: dict[Place, float] = {}
    gradients = list((trial.ran.gradients or {}).values())
    given = {(g.shape, g.tobytes()) for g in gradients}
    nodes: Mapping[str, Node] = trial.problem.nodes
    of_wrong = [nodes[name] for name in trial.wrong]
    for event in events:
        site, content = event.site, (event.value.shape, event.value.tobytes())
        if site.slot == HANDED:
            name = site.place, event.name
            _note(unknown, name, spoiled.get(content))
            continue
        if site.slot != PART and (site.place, site.item) in parts:
            continue  # of a sum only the terms are looked at
        statement = trial.program.statement(site.place)
        if _hands_back(statement):
            least[site.place] = 0.0
            continue
        claims = truth.claims(event.value)
        backward = backward or truth.is_gradient(event.name, claims)
        backward = backward or any(is_gradient_name(event.name, name) for name in names)
        backward = backward or (_returns_what_it_makes(statement.node) and content in given)
        names.add(event.name)
        penalty, factors = _known(truth, event, claims, of_wrong), None
        if penalty == _ZERO and backward and not makes_zeros(statement.node):
            penalty = _SPOILED_ZERO
        if _keeps_the_last_share(trial, statement, event, claims):
            penalty = _LAST_SHARE
        exact = {claim.kind for claim in claims if claim.exact}
        if exact == {"slope"} and _scoped(statement, event.name) in graded:
            penalty, backward = _STEEP, True
        if does_nothing(statement.node):
            penalty, backward = 0.0, True
        if penalty < 1 and truth.is_data(event.value) and truth.named(event.name) is None:
            penalty = _RIGHT
        elif penalty < 1 and not backward and event.value.dtype.kind != "b":
            penalty += _FORWARD  # a mask is no value of the forward pass, but a local derivative
        elif penalty < 1:
            factors = {claim.factor for claim in claims if claim.kind != "value"}
            read = [unknown.get(_scoped(statement, text)) for text in operands_read(statement.node)]
            handed = [f for f in (*read, spoiled.get(content)) if f is not None]
            if not handed and updates_itself(statement.node):
                handed = _taken(event.value, gradients, wrong)
            alike = [
                carried.get(_scoped(statement, text)) for text in operands_read(statement.node)
            ]
            if any(_shared(factors, others) for others in (*handed, *filter(None, alike))):
                penalty = _RIGHT
            elif handed or content in maker:
                first = maker.get(content, site.place)  # what a function gave is wrong there
                handed_wrong = HANDED_WRONG if handed else 0.0
                least[first] = min(penalty + handed_wrong, least.get(first, _RIGHT))
                penalty += HANDED_WRONG
            spoiled[content] = factors
            wrong.append((event.value, factors))
        scaled = {claim.factor for claim in claims if claim.kind in ("gradient", "share")}
        carried[_scoped(statement, event.name)] = set() if 1.0 in scaled else scaled
        graded |= {_scoped(statement, event.name)} if scaled else set()
        maker.setdefault(content, site.place)
        _note(unknown, _scoped(statement, event.name), factors)
        least[site.place] = min(penalty, least.get(site.place, penalty))
    for place, penalty in least.items():
        if penalty == _RIGHT and updates_itself(trial.program.statement(place).node):
            least[place] = _UPDATES
    return least


def _taken(
    after: Array, gradients: Sequence[Array], unknown: Sequence[tuple[Array, set[float]]]
) -> list[set[float]]:
    """Of what is not known the first that an update of an array may take away, by its factors.

    Arguments:
        after: what the array holds after it.
        gradients: what all updates take away, divided by the rate.
        unknown: arrays that were made before, with their factors.
    """
    for gradient in gradients:
        if gradient.shape == after.shape and gradient.any():
            for array, factors in unknown:
                if array.shape == after.shape and is_multiple(array, gradient):
                    return [factors]
    return []


def _keeps_the_last_share(
    trial: Trial, statement: Statement, event: Event, claims: Sequence[Claim]
) -> bool:
    """Whether a statement in a loop assigns, turn by turn, one share of a gradient."""
    kinds = {claim.kind for claim in claims if claim.exact}
    turns = len(trial.sites[event.site])
    return turns > 1 and kinds == {"share"} and isinstance(statement.node, ast.Assign)


def _hands_back(statement: Statement) -> bool:
    """Whether a method returns what it is handed, though another keeps something that is not read:
    a mask.
    """
    node, unit = statement.node, statement.unit
    if not isinstance(node, ast.Return) or not isinstance(node.value, ast.Name) or not unit.kept:
        return False
    return node.value.id in {arg.arg for arg in unit.tree.args.args}


def _returns_what_it_makes(node: ast.stmt) -> bool:
    return isinstance(node, ast.Return) and not isinstance(node.value, ast.Name)


def _shared(one: set[float], other: set[float]) -> bool:
    return any(abs(a - b) <= 1e-6 * abs(a) for a in one for b in other)


def _made_for(trial: Trial, statement: Statement) -> set[Place]:
    """The statements that make what one reads: with that other, it would make what it should."""
    read = {_scoped(statement, text) for text in operands_read(statement.node)}
    return {
        event.site.place
        for event in trial.ran.log
        if event.site.slot != HANDED
        and _scoped(trial.program.statement(event.site.place), event.name) in read
    }


def _note(unknown: dict[object, set[float]], name: object, factors: set[float] | None) -> None:
    """That something is not known but for its factors, or that it is."""
    if factors is None:
        unknown.pop(name, None)
    else:
        unknown[name] = factors


def _scoped(statement: Statement, text: str) -> tuple[object, str]:
    """An operand as it is written, and the function that it is local to."""
    local = not text.partition("[")[0].count(".")
    return statement.unit.place(statement.unit.tree) if local else None, text


_ELSEWHERE = 1.2
"""What it costs a statement that another is wrong as what should be made there tells."""

HANDED_WRONG = 0.7
"""What it costs a statement that it was handed what is not known."""


def missing(wrong: int, mistakes: int | None = None) -> float:
    """What it costs that gradients stay wrong: there are other mistakes, then.

    Arguments:
        wrong: how many stay wrong.
        mistakes: how many other mistakes there are, where that is known.
    """
    others = min(wrong, 1) if mistakes is None else mistakes
    return _OTHER_MISTAKE * max(0, others) + _STAYS_WRONG * wrong


_OTHER_MISTAKE = 3.0
_STAYS_WRONG = 0.3


_FORWARD = 1.0
"""What it costs a statement that nothing before it, nor itself, made a gradient."""

_RETURNS_OUTPUT = 0.9
"""What it costs a statement that the forward pass returns something of what it makes."""

_COMPARED = 0.8
"""What it costs a statement that what it makes is only compared: what is made of it is likelier."""

_HEADER = 0.6
"""What it costs a statement that it is the first line of others."""

_CANCELS = 2.0
"""What it costs a statement that some right gradient depends on each thing that it made."""


def _known(truth: Truth, event: Event, every: Sequence[Claim], wrong: Collection[Node]) -> float:
    claims = [claim for claim in every if claim.exact or truth.is_derived(claim)]
    if not claims and not event.value.any():
        return _ZERO
    if not claims and event.value.size == 1 and truth.named(event.name) is None:
        return _NUMBER
    if not claims:
        return 0.0
    sure = [claim for claim in claims if claim.exact] or claims
    if all(claim.kind in ("value", "slope") for claim in sure):
        slopes = all(claim.kind == "slope" for claim in sure)
        if any(claim.kind == "gradient" and not claim.moved for claim in every):
            return _EITHER
        return 0.5 if slopes and truth.named(event.name) is not None else _RIGHT
    if any(truth.fits(event.name, claim) for claim in claims):
        return _RIGHT
    if truth.named(event.name) is not None:
        return 0.5
    gradients = {claim.node for claim in claims if claim.exact and claim.kind == "gradient"}
    is_one = event.value.size > 1 and not gradients.isdisjoint(wrong)  # numbers are many things
    return _RIGHT if is_one else 2.0


_RIGHT = 8.0
_UPDATES = 7.0  # where all others make what is known, an update is the likeliest
_ZERO = 4.0
_SPOILED_ZERO = 0.7
_EITHER = 1.0  # a value, or a gradient but for a factor: ``output - target``
_LAST_SHARE = 0.7
_STEEP = 0.5  # a local derivative, by the name of what was a gradient before
_NUMBER = 1.5
"""What it costs a statement that it made just that."""
