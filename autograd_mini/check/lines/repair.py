"""Which changes of which lines make the gradients right?

Of the statements that may be wrong the single changes are tried, the likelier ones first: a change
counts if with it every gradient that the statement spoils is right, at the point of the check and
at others.  Where something else stays wrong, it is judged with the changes that have to follow.
"""

from __future__ import annotations

import ast
import math
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from autograd_mini.check.deadline import Deadline
from autograd_mini.check.lines.budget import Budget
from autograd_mini.check.lines.candidates import Candidate, Candidates
from autograd_mini.check.lines.claims import Truth
from autograd_mini.check.lines.edits import Edit
from autograd_mini.check.lines.moves import moves
from autograd_mini.check.lines.source import Place
from autograd_mini.check.lines.substituted import Substituted, Substitutes
from autograd_mini.check.lines.suspects import HANDED_WRONG, Suspect, Suspects, missing
from autograd_mini.check.lines.texts import beside_others, with_plain_products
from autograd_mini.check.lines.trial import Trial
from autograd_mini.check.lines.verified import VerifiedEdit
from autograd_mini.check.lines.written import written_edit
from autograd_mini.typing import Array


@dataclass(frozen=True)
class Step:
    """One repair of several.

    Attributes:
        trial: the code before it.
        edits: the change that is made, then others that the numbers do not tell from it.
    """

    trial: Trial
    edits: Sequence[VerifiedEdit]

    @property
    def first(self) -> VerifiedEdit:
        """The change that is made."""
        return self.edits[0]


@dataclass(frozen=True)
class Mended:
    """The code after repairs.

    Attributes:
        steps: the repairs, in the order in which they were found.
        trial: the code after them.
        left: the gradients that are still wrong by a line of their own.
    """

    steps: tuple[Step, ...]
    trial: Trial
    left: frozenset[str]

    @property
    def cost(self) -> float:
        """How unlikely all of them are, together."""
        steps = sum(step.first.own + step.first.cost for step in self.steps)
        others = missing(0, len(self.steps) - 1)
        return steps + others + missing(len(self.left))

    @property
    def rank(self) -> tuple[bool, float]:
        """What is least for the best of several: nothing is wrong any more, then the likeliest."""
        return bool(self.left), self.cost

    @property
    def is_plain(self) -> bool:
        """Whether nothing is wrong any more, and each repair is one change."""
        return not self.left and all(len(step.first.edits) == 1 for step in self.steps)


def mended(trial: Trial, truth: Truth, culprits: Collection[str], budget: Budget) -> Mended:
    """The likeliest repairs after which nothing is wrong, or as little as can be.

    Arguments:
        trial: the code.
        truth: what was recorded.
        culprits: the gradients that are wrong by a line of their own, as far as numbers tell.
        budget: how long may be searched.
    """
    best = Mended((), trial, frozenset(trial.wrong.intersection(culprits)))
    search = _Search(trial, truth, budget)
    if best.left:
        likely = search.edits(_MARGIN, _LIKELY)
        if likely:
            several = _likely_ones(trial, truth, likely, culprits, budget)
        else:
            several = _two_lines(search, trial, truth, budget)
            if several is not None:
                with budget.part(_SHARE):
                    alone = search.edits(_MARGIN, several.cost - _MARGIN)
                several = None if any(not edit.left for edit in alone) else several
        if several is not None:
            return several
    whole = search.written() if best.left else None
    most = math.inf if whole is None or likely else _BESIDE_WRITTEN
    judged: set[Place] = set()
    for margin in (_MARGIN, _FAR) if best.left else ():
        found = search.edits(margin, most)
        firsts = [edit for edit in found if edit.statement.place not in judged]
        for first in sorted(firsts, key=lambda edit: edit.left)[:_FIRSTS]:
            if best.is_plain and best.cost <= first.score + _MARGIN:
                break
            judged.add(first.statement.place)
            with budget.part(_SHARE):
                rest = _one_by_one(after(trial, [first]), truth, culprits, budget)
            row = replace(rest, steps=(_step(trial, first, found), *rest.steps))
            best = row if not best.steps or row.rank < best.rank else best
        if not best.left:
            break
    if best.left and whole is not None:
        return Mended((Step(trial, [whole]),), after(trial, [whole]), frozenset())
    return best


_BESIDE_WRITTEN = 6.0
"""How unlikely a change may be that is told beside a line that is written from the loss."""
_FIRSTS = 3
"""How many repairs are judged with those that have to follow."""
_SHARE = 0.5
"""The part of the time that is left that these may take."""


def _likely_ones(
    trial: Trial,
    truth: Truth,
    likely: Sequence[VerifiedEdit],
    culprits: Collection[str],
    budget: Budget,
) -> Mended | None:
    """Changes of several lines, each a likely one, after which nothing is wrong, where no likely
    change of one line is right.
    """
    if any(not first.left for first in likely):
        return None
    for first in [edit for edit in likely if edit.is_likely][:_FIRSTS]:
        with budget.part(_SHARE):
            rest = _one_by_one(after(trial, [first]), truth, culprits, budget, _LIKELY)
        row = replace(rest, steps=(_step(trial, first, likely), *rest.steps))
        kinds = {edit.kind for step in row.steps for edit in step.first.edits}
        # Twice the same rather is one slip of what both lines call
        if not rest.left and all(s.first.is_likely for s in rest.steps) and len(kinds) > 1:
            return row
    return None


def _two_lines(search: _Search, trial: Trial, truth: Truth, budget: Budget) -> Mended | None:
    """Two changes of different lines that only together are right.

    The first makes a gradient of what is right, where the line makes none; it is right if a second
    then mends all.
    """
    for first in search.gradients[:_FIRSTS]:
        with budget.part(_SHARE):
            half = trial.mended(first.changes, trial.wrong)
            found = _Search(half, truth, budget).edits(_MARGIN, _LIKELY)
        for second in [edit for edit in found if edit.names == trial.wrong][:1]:
            if trial.verified_at(second.changes, set(trial.names)):  # the first is no repair
                return Mended((Step(trial, [second]),), after(trial, [second]), frozenset())
            first = replace(first, names=second.names, verified_at=second.verified_at)
            steps = Step(trial, [first]), Step(half, [second])
            return Mended(steps, after(half, [second]), frozenset())
    return None


def _one_by_one(
    trial: Trial,
    truth: Truth,
    culprits: Collection[str],
    budget: Budget,
    most: float = math.inf,
) -> Mended:
    """The likeliest repair, then the likeliest of what is wrong then, up to an unlikeliness."""
    steps: list[Step] = []
    while (left := trial.wrong.intersection(culprits)) and not budget.spent:
        found = _Search(trial, truth, budget).edits(_MARGIN, most)
        if not found:
            break
        steps.append(_step(trial, found[0], found))
        trial = after(trial, found[:1])
    return Mended(tuple(steps), trial, frozenset(left))


def _step(trial: Trial, first: VerifiedEdit, found: Sequence[VerifiedEdit]) -> Step:
    others = [edit for edit in found if edit.names == first.names and edit is not first]
    return Step(trial, [first, *(edit for edit in others if edit.score >= first.score)])


def after(trial: Trial, edits: Sequence[VerifiedEdit]) -> Trial:
    """The code with edits made."""
    if not edits:
        return trial
    right = {name for edit in edits for name in edit.names}
    changed = {place: made for edit in edits for place, made in edit.changes.items()}
    return trial.mended(changed, trial.wrong - right)


class _Search:
    """The search for the change of one statement: all are searched at once, to the same
    unlikeliness, which grows.
    """

    def __init__(self, trial: Trial, truth: Truth, budget: Budget) -> None:
        self._meant = meant_by(trial, truth, budget)
        self._suspects = Suspects(trial, truth, self._meant)
        self._every: list[_Line] = []
        self._lines: list[_Line] = []
        self._trial, self._truth, self._is_begun = trial, truth, False
        self._budget = budget
        self._found: list[VerifiedEdit] = []
        self._limit = 0.0

    @property
    def _best(self) -> float:
        return min((edit.score for edit in self._found), default=np.inf)

    def written(self) -> VerifiedEdit | None:
        """One line from the recorded loss after which nothing is wrong."""
        meant = self._meant
        if meant is None or meant.names != self._trial.wrong:
            return None
        return written_edit(self._trial, self._truth, meant)

    @property
    def gradients(self) -> list[VerifiedEdit]:
        """Changes that make a gradient of what is right, but alone mend nothing, by cost."""
        found = (edit for line in self._every for edit in line.gradients)
        return sorted(found, key=lambda edit: edit.score)

    def edits(self, margin: float, most: float = math.inf) -> list[VerifiedEdit]:
        """Verified changes, the likeliest first, of each statement one; none where there are none.

        Arguments:
            margin: how much less likely they may be than the likeliest.
            most: how unlikely they may be.
        """
        if not self._is_begun:
            self._is_begun = True
            self._found += _moved(self._trial, self._budget)
        most = min(most, self._best + margin)
        while not self._is_done and self._limit < most and not self._budget.spent:
            self._limit += _STEP
            self._take_suspects()
            for line in self._lines:
                if line.suspect.penalty > self._limit or self._budget.spent:
                    break
                most = min(most, self._best + margin)
                self._found += line.repairs(min(self._limit, most))
            self._lines = [line for line in self._lines if not line.is_done]
        ordered = sorted(self._found, key=lambda edit: edit.score)
        near = [edit for edit in ordered if edit.score <= ordered[0].score + margin]
        distinct: dict[Place, VerifiedEdit] = {}
        for edit in sorted(near, key=lambda edit: len(edit.edits)):  # one change before two
            distinct.setdefault(edit.statement.place, edit)
        several = sorted(distinct.values(), key=lambda edit: edit.score)
        lost = set().union(*(change.factors_lost for edit in several for change in edit.edits))
        return sorted(several, key=lambda edit: any(c.factors_added & lost for c in edit.edits))

    @property
    def _is_done(self) -> bool:
        """Whether all was tried."""
        return self._suspects.ended and not self._lines

    def _take_suspects(self) -> None:
        """Go on to statements that are less likely."""
        for suspect in self._suspects.upto(self._limit):
            line = _Line(self._trial, self._truth, suspect, self._meant, self._budget)
            self._every.append(line)
            self._lines.append(line)
            if self._budget.spent:
                break
        self._lines.sort(key=lambda line: (line.suspect.penalty, line.suspect.first))


def meant_by(trial: Trial, truth: Truth, budget: Budget) -> Substituted | None:
    """The statement that is wrong, as what should be made in its place tells: that is told also
    where the time for changes is up.
    """
    end = Deadline(_SUBSTITUTING * (budget.left or budget.seconds))
    return Substitutes(trial, truth, end).likeliest


_SUBSTITUTING = 0.2
"""The part of the time that is left for changes that may be taken to find it; of all of it where
none is left."""


def _moved(trial: Trial, budget: Budget) -> Iterator[VerifiedEdit]:
    """Statements that are right, but stand in a wrong place: of an update that comes too early the
    own gradient is right, so that nothing is wrong with what it makes.
    """
    for place in trial.places:
        statement = trial.program.statement(place)
        for move in moves(statement) if place not in trial.base else ():
            if budget.spent:
                return
            budget.count(statement)
            ran = trial.program.run({**trial.base, **move.edits})
            agreeing = trial.here.agrees(ran.gradients, trial.names)
            mended = agreeing & trial.wrong
            if not mended or agreeing | trial.wrong != set(trial.names):
                continue
            right = set(trial.names) - trial.wrong | mended
            points = trial.verified_at(move.edits, right)
            if points:
                edit = Edit.left_out(statement.node)
                left, names = len(trial.wrong - mended), frozenset(mended)
                yield VerifiedEdit(
                    statement, (edit,), edit.statement, names, points, edit.cost, 0.0, left, move
                )
                break


_MARGIN = 1.0
"""How much less likely a repair may be than another and still be named."""
_FAR = 2.5
"""The same, where the likelier ones leave something wrong."""
_LIKELY = 3.5
"""How unlikely one change may be before two of different lines are tried."""
_STEP = 0.5
_UNKNOWN = 2.5
_USUAL = 1.5


def _if_unknown(candidate: Candidate) -> float:
    """What it costs a change that what the statement then makes is nothing known: the more, the
    less usual the change.
    """
    return candidate.cost + _UNKNOWN + max(0.0, candidate.cost - _USUAL)


class _Line:
    """A statement under suspicion."""

    def __init__(
        self,
        trial: Trial,
        truth: Truth,
        suspect: Suspect,
        meant: Substituted | None,
        budget: Budget,
    ) -> None:
        self.trial, self.suspect, self._truth, self._budget = trial, suspect, truth, budget
        self.place = suspect.statement.place
        turns = len(trial.sites[suspect.event.site])
        here = meant.arrays if meant is not None and meant.place == self.place else ()
        self._candidates = Candidates(trial, truth, suspect.statement, turns, budget, here)
        self._unknown: deque[Candidate] = deque()
        self.gradients: list[VerifiedEdit] = []

    @property
    def is_done(self) -> bool:
        """Whether all its changes were tried."""
        return self._candidates.ended and not self._unknown

    def repairs(self, limit: float) -> list[VerifiedEdit]:
        """The changes, not tried before, that make right what this statement spoils.

        Arguments:
            limit: how unlikely they may be.
        """
        found: list[VerifiedEdit] = []
        block: list[Candidate] = []
        for candidate in self._within(limit - self.suspect.penalty):
            block.append(candidate)
            if len(block) == _BLOCK:
                found += self._tried(block)
                block = []
        return found + self._tried(block)

    def _within(self, cost: float) -> Iterator[Candidate]:
        """The changes that cost no more, and were not given before."""
        for candidate in self._candidates.within(cost):
            if candidate.is_known:
                yield candidate
            else:
                self._unknown.append(candidate)
            if self._budget.spent:
                return
        while self._unknown and _if_unknown(self._unknown[0]) <= cost:
            yield self._unknown.popleft()

    def _tried(self, block: Sequence[Candidate]) -> list[VerifiedEdit]:
        """Those of a few edits that are right."""
        several = [candidate.statement for candidate in block]
        found = []
        for choice, candidate in enumerate(block):
            if self._budget.spent:
                break
            self._budget.count(self.suspect.statement)
            repair = self._verified(candidate, self.trial.agreeing(self.place, several, choice))
            if repair is not None:
                found.append(repair)
        return found

    def _verified(self, candidate: Candidate, agreeing: set[str]) -> VerifiedEdit | None:
        trial = self.trial
        mended = agreeing & trial.wrong
        edited = with_plain_products(candidate.statement, self.suspect.statement.node)
        if agreeing | trial.wrong != set(trial.names):
            return None
        if not mended:
            if candidate.is_gradient and self.suspect.own < HANDED_WRONG:
                self.gradients.append(self._edit(candidate, edited, frozenset(), 0))
            return None
        right = set(trial.names) - trial.wrong | mended
        in_turns = self._in_turns(edited, right)
        points = trial.verified_at({self.place: [edited]}, right) if in_turns else 0
        if not points:
            others = self._candidates.alike(candidate)
            found = (self._verified(other, agreeing) for other in others)
            return next(filter(None, found), None)
        return self._edit(candidate, edited, frozenset(mended), points)

    def _in_turns(self, edited: ast.stmt, right: set[str]) -> bool:
        """Whether something that is right depends on each turn that spoils anything, or a gradient
        is made in it: what is right in one turn of a loop, by the shape or the layer that it has
        there, may be wrong in others.
        """
        trial = self.trial
        untold = {
            (site, turn)
            for site in trial.places.get(self.place, ())
            for turns, names in zip(trial.turns(site), trial.moves(site), strict=True)
            for turn in turns
            if len(trial.turns(site)) > 1 and names & trial.wrong and not names & right
        }
        if not untold:
            return True
        events = trial.program.run({**trial.base, self.place: [edited]}, watched=True).events
        made = [event.value for event in events if (event.site, event.turn) in untold]
        return len(made) == len(untold) and all(map(self._is_gradient, made))

    def _is_gradient(self, array: Array) -> bool:
        claims = self._truth.claims(array, factors=False)
        return any(claim.exact and claim.kind == "gradient" for claim in claims)

    def _edit(
        self,
        candidate: Candidate,
        edited: ast.stmt,
        names: frozenset[str],
        points: int,
    ) -> VerifiedEdit:
        cost = candidate.cost if candidate.is_known else _if_unknown(candidate)
        left = len(self.trial.wrong - names)
        statement, own = self.suspect.statement, self.suspect.own
        cost += beside_others(edited, statement)
        return VerifiedEdit(statement, candidate.edits, edited, names, points, cost, own, left)


_BLOCK = 24
"""How many edits are compiled at once."""
