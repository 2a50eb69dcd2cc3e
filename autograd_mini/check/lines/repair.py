"""Which line is wrong, and which change of it makes the gradients right?

Statements on which right gradients depend are right.  Of the others the single changes are tried,
the likelier ones first: a change counts if with it every gradient that the statement spoils is
right, at the point of the check and at others.
"""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import numpy as np

from autograd_mini.check.lines.candidates import REACHES, Candidate, Candidates, Edits, Reach
from autograd_mini.check.lines.claims import Truth
from autograd_mini.check.lines.program import PART, Event
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
        penalty: how unlikely it is, by what it made.
        first: where it stands in the order of the run.
        handed_right: whether nothing that it reads was made by a statement that makes what is
            not known.
    """

    statement: Statement
    spoils: frozenset[str]
    event: Event
    penalty: float
    first: int
    handed_right: bool


def suspects(trial: Trial, truth: Truth) -> list[Suspect]:
    """The statements that may be wrong, the likeliest first."""
    right = set(trial.names) - trial.wrong
    penalties = _penalties(trial, truth)
    found: list[Suspect] = []
    for place, sites in trial.places.items():
        if place in trial.base:
            continue
        moved = [names for site in sites for names in trial.moves[site]]
        spoils = frozenset(n for names in moved if not names & right for n in names)
        if not spoils:
            continue
        own = penalties[place]
        statement, event = trial.program.statement(place), trial.sites[sites[0]][0]
        penalty = own + _MISSING * len(trial.wrong - spoils)
        penalty += _RETURNED * isinstance(statement.node, ast.Return)
        found.append(Suspect(statement, spoils, event, penalty, len(found), own < _HANDED))
    return sorted(found, key=lambda suspect: (suspect.penalty, suspect.first))


def _penalties(trial: Trial, truth: Truth) -> dict[Place, float]:
    """How unlikely each statement is wrong, by what it made of what it was handed.

    The first that makes what is not known of what is known is the likeliest.
    """
    parts = {(event.site.place, event.site.item) for event in trial.ran.events if event.site.slot}
    unknown: set[str] = set()
    least: dict[Place, float] = {}
    for event in trial.ran.events:
        site = event.site
        if site.slot != PART and (site.place, site.item) in parts:
            continue  # of a sum only the terms are looked at
        penalty = _known(truth, event)
        if penalty < 1 and unknown & _read(trial.program.statement(site.place).node):
            penalty += _HANDED
        (unknown.add if penalty < 1 else unknown.discard)(event.name)
        least[site.place] = min(penalty, least.get(site.place, penalty))
    return least


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

_RETURNED = 0.5
"""What it costs a statement that it returns what others have made."""

_MISSING = 20.0
"""What it costs a statement that a wrong gradient does not depend on it."""


def _known(truth: Truth, event: Event) -> float:
    claims = [claim for claim in truth.claims(event.value) if claim.exact]
    if not claims:
        return _TIMES if event.value.size > 1 and truth.claims(event.value) else 0.0
    if all(claim.kind in ("value", "slope") for claim in claims):
        return _RIGHT
    if any(truth.fits(event.name, claim) for claim in claims):
        return _RIGHT
    return 0.5 if truth.named(event.name) is not None else 2.0


_RIGHT = 8.0
_TIMES = 1.0
"""What it costs a statement that it makes a constant times something."""


def verified_edits(trial: Trial, truth: Truth, budget: Budget) -> list[VerifiedEdit]:
    """Verified changes, the likeliest first, of the first mistake; none where there are none."""
    found: list[VerifiedEdit] = []
    lines = [_Line(trial, truth, suspect) for suspect in suspects(trial, truth)]
    for reach in REACHES:
        for line in sorted(lines, key=lambda one: one.suspect.penalty):
            best = min((repair.score for repair in found), default=np.inf)
            if line.suspect.penalty > best or budget.spent:
                break
            found += line.repairs(reach, best, budget)
        if (reach != "known" and found) or any(repair.score < _MISSING for repair in found):
            break
    return _distinct(found)


_MARGIN = 1.0
"""How much less likely a repair may be than another and still be named."""


class _Line:
    """A statement under suspicion."""

    def __init__(self, trial: Trial, truth: Truth, suspect: Suspect) -> None:
        self.trial, self.suspect = trial, suspect
        self.place = suspect.statement.place
        turns = len(trial.sites[suspect.event.site])
        self.candidates = Candidates(trial, truth, suspect.statement, turns)

    def repairs(self, reach: Reach, best: float, budget: Budget) -> list[VerifiedEdit]:
        """The changes that make right what this statement spoils.

        Arguments:
            reach: which changes are tried.
            best: the score of the best repair so far: much unlikelier ones are not looked for.
            budget: how long it may take.
        """
        found: list[VerifiedEdit] = []
        block: list[Candidate] = []
        for candidate in self.candidates.within(reach):
            score = self.suspect.penalty + candidate.cost
            if score > best + _MARGIN or budget.spent:
                break
            if candidate.is_known != (reach != "all"):
                continue
            block.append(candidate)
            if len(block) == _BLOCK:
                found += self._tried(block, budget)
                block = []
                best = min([best, *(repair.score for repair in found)])
        return found + self._tried(block, budget)

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
        score = self.suspect.penalty + candidate.cost + _MISSING * len(self.suspect.spoils - mended)
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
