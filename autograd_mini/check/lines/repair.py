"""Which line is wrong, and which change of it makes the gradients right?

Statements on which right gradients depend are right.  Of the others the single changes are tried,
the likelier ones first: a change counts if with it every gradient that the statement spoils is
right, at the point of the check and at others.
"""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd_mini.check.lines.claims import Truth
from autograd_mini.check.lines.edits import Edit, edits, words_of
from autograd_mini.check.lines.program import PART, Event, Stopped
from autograd_mini.check.lines.source import Place, Statement
from autograd_mini.check.lines.trial import Trial


@dataclass(frozen=True)
class VerifiedEdit:
    """A change of a statement that makes gradients right.

    Attributes:
        statement: the statement.
        edit: the change.
        names: the gradients that were wrong and are right with it.
        verified_at: at how many points.
        score: how unlikely it is, beside others.
    """

    statement: Statement
    edit: Edit
    names: frozenset[str]
    verified_at: int
    score: float


@dataclass
class Budget:
    """How long may be searched, in seconds."""

    seconds: float
    said: Callable[[str], None] = lambda text: None
    tried: int = 0
    begun: float = field(default_factory=time.perf_counter)

    @property
    def spent(self) -> bool:
        """Whether it is used up."""
        return time.perf_counter() - self.begun > self.seconds


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
        moved = [names for site in sites for names in trial.moves[site]]
        spoils = frozenset(n for names in moved if not names & right for n in names)
        if not spoils:
            continue
        own = penalties[place]
        penalty = own + _MISSING * len(trial.wrong - spoils)
        statement, event = trial.program.statement(place), trial.sites[sites[0]][0]
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

_MISSING = 20.0
"""What it costs a statement that a wrong gradient does not depend on it."""


def _known(truth: Truth, event: Event) -> float:
    claims = [claim for claim in truth.claims(event.value) if claim.exact]
    if not claims:
        return 0.0
    if all(claim.kind in ("value", "slope") for claim in claims):
        return _RIGHT
    if any(truth.fits(event.name, claim) for claim in claims):
        return _RIGHT
    return 0.5 if truth.named(event.name) is not None else 2.0


_RIGHT = 8.0


def verified_edits(trial: Trial, truth: Truth, budget: Budget) -> list[VerifiedEdit]:
    """Verified changes, the likeliest first, of the first mistake; none where there are none."""
    found: list[VerifiedEdit] = []
    lines = [_Line(trial, truth, suspect) for suspect in suspects(trial, truth)]
    for thorough in (False, True):
        for line in sorted(lines, key=lambda one: one.suspect.penalty):
            best = min((repair.score for repair in found), default=np.inf)
            if line.suspect.penalty > best or budget.spent:
                break
            found += line.repairs(thorough, best, budget)
        if found:
            break
    return _distinct(found)


_MARGIN = 3.0
"""How much less likely a repair may be than another and still be named."""


class _Line:
    """A statement under suspicion."""

    def __init__(self, trial: Trial, truth: Truth, suspect: Suspect) -> None:
        self.trial, self.truth, self.suspect = trial, truth, suspect
        self.place = suspect.statement.place
        self._edits: list[Edit] | None = None
        self._values: list[Any] = []

    def repairs(self, thorough: bool, best: float, budget: Budget) -> list[VerifiedEdit]:
        """The changes that make right what this statement spoils.

        Arguments:
            thorough: whether changes are tried that make nothing that is known.
            best: the score of the best repair so far: much unlikelier ones are not looked for.
            budget: how long it may take.
        """
        every = self.edits()
        chosen = [i for i in range(len(every)) if thorough != self._telling(i)]
        found: list[VerifiedEdit] = []
        for block in _blocks(chosen):
            several = [every[i].statement for i in block]
            for choice, i in enumerate(block):
                score = self.suspect.penalty + every[i].cost
                if score > best + _MARGIN or budget.spent:
                    return found
                budget.tried += 1
                repair = self._tried(several, choice, every[i], score)
                if repair is not None:
                    found.append(repair)
                    best = min(best, score)
        return found

    def _tried(
        self, several: Sequence[ast.stmt], choice: int, edit: Edit, score: float
    ) -> VerifiedEdit | None:
        agreeing = self.trial.agreeing(self.place, several, choice)
        mended = agreeing & self.trial.wrong
        if not mended or agreeing | self.trial.wrong != set(self.trial.names):
            return None
        score += _MISSING * len(self.suspect.spoils - mended)
        right = set(self.trial.names) - self.trial.wrong | mended
        points = self.trial.verified_at({self.place: [edit.statement]}, right)
        if not points:
            return None
        return VerifiedEdit(self.suspect.statement, edit, frozenset(mended), points, score)

    def edits(self) -> list[Edit]:
        """The changes of it, by cost; what changes nothing, or not to anything, is left out."""
        if self._edits is None:
            self._edits, self._values = self._that_change()
        return self._edits

    def _that_change(self) -> tuple[list[Edit], list[Any]]:
        """The edits, and what each makes at the statement's first turn."""
        statement = self.suspect.statement
        turns = len(self.trial.sites[self.suspect.event.site])
        looked_at = {0, 1, turns - 1}
        every: list[Edit] = []
        made: list[list[Any]] = []
        turn = -1

        def visit(names: Mapping[str, Any]) -> None:
            nonlocal turn, every
            turn += 1
            if turn == 0:
                every = edits(statement.node, words_of(statement.unit.tree, self._at_hand(names)))
            if turn in looked_at:
                nodes = [statement.node, *(edit.statement for edit in every)]
                made.append([_value(node, names) for node in nodes])
            if turn >= max(looked_at):
                raise Stopped

        with np.errstate(all="ignore"):
            self.trial.program.run(self.trial.base, before=self.place, visit=visit)
        kept: list[int] = []
        seen = {_key(statement.node, [values[0] for values in made])}
        for i, edit in enumerate(every):
            values = [turn[1 + i] for turn in made]
            key = _key(edit.statement, values)
            if not any(isinstance(v, Exception) for v in values) and key not in seen:
                seen |= {key} if key is not None else set()
                kept.append(i)
        return [every[i] for i in kept], [made[0][1 + i] for i in kept]

    def _at_hand(self, names: Mapping[str, Any]) -> dict[str, Any]:
        """What may stand in the line, of all that could be named there."""
        tree, used = self.suspect.statement.unit.tree, self.trial.problem.used
        written = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        return {n: v for n, v in names.items() if n in written or n in used or callable(v)}

    def _telling(self, index: int) -> bool:
        """Whether an edit makes something that is known, as far as can be told."""
        value = self._values[index]
        if not isinstance(value, np.ndarray):
            return True
        return self.truth.is_known(value)


def _value(statement: ast.stmt, names: Mapping[str, Any]) -> Any:
    """The array that a statement makes; its error, or ``None`` where there is no one array."""
    value = getattr(statement, "value", None)
    if isinstance(statement, ast.Expr) or value is None or isinstance(value, ast.Tuple | ast.Dict):
        return None
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Tuple | ast.List):
        return None
    try:
        code = compile(ast.Expression(value), "<edit>", "eval")
        made = eval(code, dict(names))
    except Exception as error:
        return error
    if isinstance(made, np.ndarray | float | int | np.generic):
        array = np.asarray(made)
        return array if array.dtype.kind in "fiub" else None
    return None


def _key(statement: ast.stmt, values: Sequence[Any]) -> object:
    """What is the same for two statements that do the same; ``None`` if that cannot be told."""
    if not all(isinstance(value, np.ndarray) for value in values):
        return None
    numbers = tuple((value.shape, value.tobytes()) for value in values)
    return type(statement), type(getattr(statement, "op", None)), numbers


def _blocks(chosen: Sequence[int], size: int = 48) -> Iterator[Sequence[int]]:
    for start in range(0, len(chosen), size):
        yield chosen[start : start + size]


def _distinct(found: Collection[VerifiedEdit]) -> list[VerifiedEdit]:
    """The best repair of each statement that is not much unlikelier than the best of all."""
    ordered = sorted(found, key=lambda repair: repair.score)
    best: dict[Place, VerifiedEdit] = {}
    for repair in ordered:
        if repair.score <= ordered[0].score + _MARGIN:
            best.setdefault(repair.statement.place, repair)
    return list(best.values())
