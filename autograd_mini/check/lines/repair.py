"""Which line is wrong, and which change of it makes the gradients right?

Statements on which right gradients depend are right.  Of the others the single changes are tried,
the likelier ones first: a change counts if with it every gradient that the statement spoils is
right, at the point of the check and at others.
"""

from __future__ import annotations

import ast
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from autograd_mini.check.lines.candidates import Candidate, Candidates, Edits
from autograd_mini.check.lines.claims import Claim, Truth
from autograd_mini.check.lines.program import HANDED, PART, Event
from autograd_mini.check.lines.source import Place, Statement
from autograd_mini.check.lines.texts import with_plain_products
from autograd_mini.check.lines.trial import Trial


@dataclass(frozen=True)
class VerifiedEdit:
    """A change of a statement that makes gradients right.

    Attributes:
        statement: the statement.
        edits: the change, in one step or two.
        edited: the statement with the change.
        names: the gradients that were wrong and are right with it.
        verified_at: at how many points.
        score: how unlikely it is, beside others.
    """

    statement: Statement
    edits: Edits
    edited: ast.stmt
    names: frozenset[str]
    verified_at: int
    score: float


@dataclass
class Budget:
    """How long may be searched.

    Attributes:
        seconds: at the most, of the processor: a machine that has other work finds no less.
        said: is told what is tried.
        tried: how many changes were.
        begun: when the search began.
    """

    seconds: float
    said: Callable[[str], None] = lambda text: None
    tried: int = 0
    begun: float = field(default_factory=time.process_time)

    def count(self, statement: Statement) -> None:
        """A change of a statement is about to be tried."""
        self.tried += 1
        self.said(f"searching for the right line {statement.number}: {self.tried} changes tried")

    @property
    def spent(self) -> bool:
        """Whether it is used up."""
        return time.process_time() - self.begun > self.seconds


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


def suspects(trial: Trial, truth: Truth) -> list[Suspect]:
    """The statements that may be wrong, the likeliest first."""
    penalties = _penalties(trial, truth)
    every = {place: [place] for place in trial.places} | _headers(trial)
    found: list[Suspect] = []
    for place, inside in every.items():
        if place in trial.base:
            continue
        moved = [n for p in inside for site in trial.places[p] for n in trial.moves[site]]
        spoils = frozenset(n for names in moved if not names & trial.evidence for n in names)
        own = penalties.get(place, _HEADER)
        if not spoils and len(moved) > 1:  # what is wrong several times may be right at the end
            spoils, own = frozenset(trial.wrong.intersection(set().union(*moved))), own + _CANCELS
        if not spoils & trial.wrong:
            continue
        penalty = own + _missing(trial.wrong - spoils)
        statement, event = (
            trial.program.statement(place),
            trial.sites[trial.places[inside[0]][0]][0],
        )
        handed_right = own < _HANDED and place in trial.places
        found.append(Suspect(statement, spoils, event, own, penalty, len(found), handed_right))
    return sorted(found, key=lambda suspect: (suspect.penalty, suspect.first))


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
    carried: dict[object, set[float]] = {}  # of all that is a gradient but for a factor
    seen: set[object] = set()
    least: dict[Place, float] = {}
    for event in events:
        site, content = event.site, (event.value.shape, event.value.tobytes())
        if site.slot == HANDED:
            name = site.place, event.name
            _note(unknown, name, spoiled.get(content))
            continue
        if site.slot != PART and (site.place, site.item) in parts:
            continue  # of a sum only the terms are looked at
        statement = trial.program.statement(site.place)
        claims = truth.claims(event.value)
        backward = backward or truth.is_gradient(event.name, claims)
        penalty, factors = _known(truth, event, claims), None
        if penalty == _ZERO and backward and not _makes_zeros(statement.node):
            penalty = _SPOILED_ZERO
        if penalty < 1 and truth.is_data(event.value):
            penalty = _RIGHT
        elif penalty < 1 and not backward:
            penalty += _FORWARD
        elif penalty < 1:
            factors = {claim.factor for claim in claims if claim.kind != "value"}
            read = [unknown.get(_scoped(statement, text)) for text in _read(statement.node)]
            handed = [f for f in (*read, spoiled.get(content)) if f is not None]
            alike = [carried.get(_scoped(statement, text)) for text in _read(statement.node)]
            if any(_shared(factors, others) for others in (*handed, *filter(None, alike))):
                penalty = _RIGHT
            elif handed or content in seen:
                penalty += _HANDED
            spoiled[content] = factors
        scaled = {claim.factor for claim in claims if claim.kind in ("gradient", "share")}
        carried[_scoped(statement, event.name)] = set() if 1.0 in scaled else scaled
        seen.add(content)
        _note(unknown, _scoped(statement, event.name), factors)
        least[site.place] = min(penalty, least.get(site.place, penalty))
    return least


def _shared(one: set[float], other: set[float]) -> bool:
    return any(abs(a - b) <= 1e-6 * abs(a) for a in one for b in other)


def _makes_zeros(node: ast.stmt) -> bool:
    """Whether a statement makes nothing but an array to be filled, such as ``zeros_like(W)``."""
    value = getattr(node, "value", None)
    parts = value.elts if isinstance(value, ast.Tuple | ast.List) else [value]
    return all(
        (isinstance(part, ast.Call) and "zeros" in ast.unparse(part.func))
        or isinstance(part, ast.Constant)
        for part in parts
    )  # fmt: skip


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


def _read(node: ast.stmt) -> set[str]:
    """The operands that a statement reads, as they are written."""
    kinds = (ast.Name, ast.Attribute, ast.Subscript)
    return {
        ast.unparse(part)
        for part in ast.walk(node)
        if isinstance(part, kinds) and isinstance(part.ctx, ast.Load)
    }


_HANDED = 0.7
"""What it costs a statement that it was handed what is not known."""


def _missing(names: Collection[str]) -> float:
    """What it costs that gradients stay wrong: there is another mistake, then."""
    return _OTHER_MISTAKE + _STAYS_WRONG * len(names) if names else 0.0


_OTHER_MISTAKE = 3.0
_STAYS_WRONG = 0.3


_FORWARD = 1.0
"""What it costs a statement that nothing before it, nor itself, made a gradient."""

_HEADER = 0.6
"""What it costs a statement that it is the first line of others."""

_CANCELS = 2.0
"""What it costs a statement that some right gradient depends on each thing that it made."""


def _known(truth: Truth, event: Event, every: Sequence[Claim]) -> float:
    claims = [claim for claim in every if claim.exact]
    if not claims and not event.value.any():
        return _ZERO
    if not claims and event.value.size == 1 and truth.named(event.name) is None:
        return _NUMBER
    if not claims:
        return 0.0
    if all(claim.kind in ("value", "slope") for claim in claims):
        return _RIGHT
    if any(truth.fits(event.name, claim) for claim in claims):
        return _RIGHT
    return 0.5 if truth.named(event.name) is not None else 2.0


_RIGHT = 8.0
_ZERO = 4.0
_SPOILED_ZERO = 1.2
_NUMBER = 1.5
"""What it costs a statement that it made just that."""


def verified_edits(trial: Trial, truth: Truth, budget: Budget) -> list[VerifiedEdit]:
    """Verified changes, the likeliest first, of the first mistake; none where there are none.

    All lines are searched at once, to the same unlikeliness, which grows.
    """
    found: list[VerifiedEdit] = []
    lines = [_Line(trial, truth, suspect) for suspect in suspects(trial, truth)]
    limit, best = 0.0, np.inf
    while lines and limit < best + _MARGIN and not budget.spent:
        limit += _STEP
        for line in lines:
            if line.suspect.penalty > limit or budget.spent:
                break
            found += line.repairs(min(limit, best + _MARGIN), budget)
            best = min((repair.score for repair in found), default=np.inf)
        lines = [line for line in lines if not line.is_done]
    return _distinct(found)


_MARGIN = 1.0
"""How much less likely a repair may be than another and still be named."""
_STEP = 0.5
_UNKNOWN = 2.5
"""What it costs a change that what the statement then makes is nothing known."""


class _Line:
    """A statement under suspicion."""

    def __init__(self, trial: Trial, truth: Truth, suspect: Suspect) -> None:
        self.trial, self.suspect = trial, suspect
        self.place = suspect.statement.place
        turns = len(trial.sites[suspect.event.site])
        self._candidates = iter(Candidates(trial, truth, suspect.statement, turns))
        self._next: list[Candidate] = []
        self._unknown: deque[Candidate] = deque()
        self._ended = False

    @property
    def is_done(self) -> bool:
        """Whether all its changes were tried."""
        return self._ended and not self._unknown

    def repairs(self, limit: float, budget: Budget) -> list[VerifiedEdit]:
        """The changes, not tried before, that make right what this statement spoils.

        Arguments:
            limit: how unlikely they may be.
            budget: how long it may take.
        """
        found: list[VerifiedEdit] = []
        block: list[Candidate] = []
        for candidate in self._within(limit - self.suspect.penalty, budget):
            block.append(candidate)
            if len(block) == _BLOCK:
                found += self._tried(block, budget)
                block = []
        return found + self._tried(block, budget)

    def _within(self, cost: float, budget: Budget) -> Iterator[Candidate]:
        """The changes that cost no more, and were not given before."""
        while not self._ended and not budget.spent:
            candidate = self._next.pop() if self._next else next(self._candidates, None)
            if candidate is None:
                self._ended = True
            elif candidate.cost > cost:
                self._next.append(candidate)
                break
            elif candidate.is_known:
                yield candidate
            else:
                self._unknown.append(candidate)
        while self._unknown and self._unknown[0].cost + _UNKNOWN <= cost:
            yield self._unknown.popleft()

    def _tried(self, block: Sequence[Candidate], budget: Budget) -> list[VerifiedEdit]:
        """Those of a few edits that are right."""
        several = [candidate.statement for candidate in block]
        found = []
        for choice, candidate in enumerate(block):
            if budget.spent:
                break
            budget.count(self.suspect.statement)
            repair = self._verified(candidate, self.trial.agreeing(self.place, several, choice))
            if repair is not None:
                found.append(repair)
        return found

    def _verified(self, candidate: Candidate, agreeing: set[str]) -> VerifiedEdit | None:
        trial = self.trial
        mended = agreeing & trial.wrong
        if not mended or agreeing | trial.wrong != set(trial.names):
            return None
        right = set(trial.names) - trial.wrong | mended
        edited = with_plain_products(candidate.statement, self.suspect.statement.node)
        points = trial.verified_at({self.place: [edited]}, right)
        if not points:
            return None
        known = candidate.cost + (0.0 if candidate.is_known else _UNKNOWN)
        score = self.suspect.own + known + _missing(trial.wrong - mended)
        return VerifiedEdit(
            self.suspect.statement, candidate.edits, edited, frozenset(mended), points, score
        )


_BLOCK = 24
"""How many edits are compiled at once."""


def _distinct(found: Collection[VerifiedEdit]) -> list[VerifiedEdit]:
    """The best repair of each statement that is not much unlikelier than the best of all."""
    ordered = sorted(found, key=lambda repair: repair.score)
    best: dict[Place, VerifiedEdit] = {}
    for repair in ordered:
        if repair.score <= ordered[0].score + _MARGIN:
            best.setdefault(repair.statement.place, repair)
    return list(best.values())
