"""The hand-derived code on trial: run with changes, at the point of the check and at others."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np

from autograd_mini.check.bounds import GUESS, automatic_gradients, same_to_rounding
from autograd_mini.check.lines.instrument import HANDED, PART
from autograd_mini.check.lines.program import (
    Edits,
    Event,
    Gradients,
    OtherOutput,
    Program,
    Run,
    Site,
)
from autograd_mini.check.lines.source import Place
from autograd_mini.check.points import moved_beside
from autograd_mini.check.problem import Problem
from autograd_mini.typing import Array

_TURNS = 4
"""How many turns of a statement in a loop are looked at one by one."""
_UNMOVED = 1e-9
"""How far a gradient may be off, as a part of its largest element, that nothing has moved."""
_POINTS = 2
"""How many other points there are."""


@dataclass(frozen=True)
class Right:
    """The right gradients at one point, what may be rounding in each, and what is conceded."""

    program: Program
    gradients: Mapping[str, Array]
    tolerance: Mapping[str, Array]
    conceded: Mapping[str, Array] = field(default_factory=dict)

    def agrees(self, made: Gradients | None, names: Collection[str]) -> set[str]:
        """Those of the names whose gradients are right."""
        if made is None:
            return set()
        with np.errstate(all="ignore"):
            return {
                name
                for name in names
                if name in made
                and any(
                    same_to_rounding(made[name], right[name], self.tolerance[name])
                    for right in (self.gradients, self.conceded)
                    if name in right
                )
            }


class Trial:
    """The code on trial.

    Arguments:
        problem: what is checked.
        program: its code.
        tolerance: what may be rounding in each gradient.
        wrong: the names of those that are wrong.
        base: statements that have been mended already.
        left_out: the names of gradients that are not looked at.
    """

    def __init__(
        self,
        problem: Problem,
        program: Program,
        tolerance: Mapping[str, Array],
        wrong: Collection[str],
        base: Edits | None = None,
        left_out: Collection[str] = (),
    ) -> None:
        self.problem, self.program = problem, program
        self.names = [name for name in problem.manual if name not in left_out]
        self.left_out = left_out
        gradients = automatic_gradients(problem, self.names)
        room = {name: _room(gradients[name], tolerance[name], problem) for name in self.names}
        conceded: dict[str, Array] = {}
        self.here = Right(program, gradients, room, conceded)
        self.wrong = set(wrong) - set(left_out)
        self.base: Edits = base or {}
        self._forward: set[Site] = set()
        self._compared: set[Site] = set()
        self._moves: dict[Site, list[set[str]]] = {}
        self._spoils: dict[Site, set[str]] = {}
        self.ran = program.run(self.base, watched=True)
        made = self.ran.gradients or {}
        agreeing = self.here.agrees(made, self.names)
        self.wrong -= agreeing  # no change mends them
        # At a kink, for example, or in a shape that broadcasts: elsewhere it is not asked for
        self._conceded = made.keys() & set(self.names) - self.wrong - agreeing
        conceded |= {name: made[name] for name in self._conceded}

    @property
    def runs_as_before(self) -> bool:
        """Whether the code, run by lines, gives what it gave."""
        made, given = self.ran.gradients, self.problem.manual
        return (
            made is not None
            and made.keys() == given.keys()
            and all(np.array_equal(made[n], given[n], equal_nan=True) for n in given)
        )

    def mended(self, edits: Edits, wrong: Collection[str]) -> Trial:
        """The same with edits made, after which fewer gradients are wrong."""
        room = self.here.tolerance
        edits = {**self.base, **edits}
        return Trial(self.problem, self.program, room, wrong, edits, self.left_out)

    @cached_property
    def sites(self) -> dict[Site, list[Event]]:
        """Where values are made, in the order in which that first happens."""
        found: dict[Site, list[Event]] = {}
        for event in self.ran.events:
            found.setdefault(event.site, []).append(event)
        return found

    @cached_property
    def places(self) -> dict[Place, list[Site]]:
        """The statements that make values, in the same order, each with where it does."""
        found: dict[Place, list[Site]] = {}
        for site in self.sites:
            found.setdefault(site.place, []).append(site)
        return found

    def before(self, made: Event) -> Event | None:
        """What a name held before it held a value, if the same function made it."""
        found, unit = None, self.program.statement(made.site.place).unit
        for event in self.ran.log:
            if event is made:
                break
            is_made = event.name == made.name and event.site.slot not in (HANDED, PART)
            if is_made and self.program.statement(event.site.place).unit is unit:
                found = event
        return found if found is not None and found.value.shape == made.value.shape else None

    def made_at(self, place: Place) -> set[str]:
        """The gradients that a statement itself makes, be it that it takes them away at once."""
        made = [self.sites[site][-1].value for site in self.places.get(place, [])]
        given = self.ran.gradients or {}
        return {
            name
            for name in self.names
            if name in given and any(self._is_made(name, given[name], each) for each in made)
        }

    def _is_made(self, name: str, gradient: Array, made: Array) -> bool:
        """Whether an array is a gradient, or its parameter after the update by it."""
        room = np.max(self.here.tolerance[name], initial=0.0)  # a gradient may have a wrong shape
        if same_to_rounding(made, gradient, room):
            return True
        before = np.asarray(self.problem.nodes[name].data)
        return bool(before.shape == made.shape and is_multiple(before - made, gradient))

    def is_updated(self, made: Array, instead: object = None) -> bool:
        """Whether an array is a parameter from which some part of its right gradient was taken.

        Arguments:
            made: the array.
            instead: what the code makes in its place: it tells how much of a single number's
                gradient is taken.
        """
        for name, gradient in self.here.gradients.items():
            before = np.asarray(self.problem.nodes[name].data)
            if made.shape != before.shape or not np.isfinite(made).all():
                continue
            taken = np.subtract(before, made, dtype=float) * self.problem.scale
            if made.size > 1 and is_multiple(taken, gradient) and np.vdot(taken, gradient) > 0:
                return True
            if made.size == 1 and isinstance(instead, np.ndarray) and instead.shape == made.shape:
                given = (self.ran.gradients or {}).get(name, gradient)
                whole = np.subtract(before, instead, dtype=float) * self.problem.scale * gradient
                if whole.any() and same_to_rounding(taken * given, whole, 1e-9 * abs(whole)):
                    return True
        return False

    def moves(self, site: Site) -> list[set[str]]:
        """The gradients that depend on the values that are made somewhere, as in ``turns``."""
        if site not in self._moves:
            self._moves[site] = [self._moved_by(site, turns) for turns in self.turns(site)]
        return self._moves[site]

    def spoils(self, site: Site) -> set[str]:
        """The gradients that depend on the values that are made somewhere, of all turns together:
        quicker than turn by turn.
        """
        if site not in self._moves and len(self.turns(site)) > 1:
            if site not in self._spoils:
                self._spoils[site] = self._moved_by(site, range(len(self.sites[site])))
            if self._spoils[site] or site in self._forward:
                return self._spoils[site]
        return set().union(*self.moves(site))

    def turns(self, site: Site) -> list[range]:
        """The turns that are looked at, one by one: of many those in the middle together."""
        count = len(self.sites[site])
        ends = [0, *range(1, min(count, _TURNS)), count]
        if count > _TURNS:
            ends.insert(-1, count - 1)
        return [range(start, end) for start, end in pairwise(ends)]

    def of_forward(self, place: Place) -> float:
        """How much of what a statement makes the forward pass gives, of 1.

        A derivation is held against the forward pass as it is.
        """
        sites = self.places.get(place, [])
        for site in sites:
            self.moves(site)
        return len(self._forward.intersection(sites)) / max(len(sites), 1)

    def is_compared(self, place: Place) -> bool:
        """Whether all that a statement makes is only compared, as far as it was looked at."""
        sites = self.places.get(place, [])
        return bool(sites) and self._compared.issuperset(sites)

    def _moved_by(self, site: Site, when: range) -> set[str]:
        """The gradients that change with a value: if it is a little other, or of the other sign,
        where it is only compared.
        """
        moved = self._moved_with(site, when, 1.0)
        if not moved:
            moved = self._moved_with(site, when, -1.0)
            self._compared |= {site} if moved else set()
        return moved

    def _moved_with(self, site: Site, when: range, sign: float) -> set[str]:
        rng = np.random.default_rng(0)

        def exchange(other: Site, turn: int, value: Array) -> Array | None:
            if other != site or turn not in when:
                return None
            if value.dtype.kind == "b":
                return np.asarray(~value)
            size = np.max(np.abs(value), initial=0.0)
            size = size if np.isfinite(size) and size else 1.0
            by = np.asarray(0.3 * size * rng.uniform(0.5, 1.5, value.shape), value.dtype)
            known = np.where(np.isfinite(value), value, 0)
            return np.asarray(sign * (known + by), value.dtype)

        ran, before = (
            self.program.run(self.base, exchange=exchange, at=site.place),
            self.ran.gradients or {},
        )
        if isinstance(ran.error, OtherOutput):
            self._forward.add(site)
        if ran.gradients is None:
            return set()
        with np.errstate(all="ignore"):
            sizes = {n: np.where(np.isfinite(g), np.abs(g), 0.0) for n, g in before.items()}
            room = {n: _UNMOVED * np.max(size, initial=0.0) for n, size in sizes.items()}
        return {
            name
            for name, gradient in ran.gradients.items()
            if name in before and not same_to_rounding(gradient, before[name], room[name])
        }

    @cached_property
    def evidence(self) -> set[str]:
        """The gradients that are right, but for those that are 0, and stay so if scaled."""
        sizes = {n: np.max(np.abs(g), initial=0.0) for n, g in self.here.gradients.items()}
        least = 1e-9 * max(sizes.values(), default=0.0)
        return {name for name in self.names if name not in self.wrong and sizes[name] > least}

    def agreeing(self, place: Place, several: Sequence[ast.stmt], choice: int) -> set[str]:
        """The gradients that are right with one of several statements in a place."""
        ran = self.program.run({**self.base, place: several}, choice=choice)
        return self.here.agrees(ran.gradients, self.names)

    @cached_property
    def elsewhere(self) -> list[Right]:
        """Other points: one beside, and one far away, where the other branch of a kink is taken,
        unless what is right here is not right there, as out of a domain; and some with other data.
        """
        points: list[Right] = []
        for number, far in ((0, False), (1, True), (1, False)):
            point = self._right_at(number, far) if len(points) < _POINTS else None
            if point is not None and not (far and self._is_beyond(point)):
                points.append(point)
        others = map(self._right_of, self.problem.with_other_data())
        return points + [each for each in others if each is not None and not self._is_beyond(each)]

    def _right_at(self, number: int, far: bool) -> Right | None:
        """What is right at another point; ``None`` where that is not known."""
        return self._right_of(moved_beside(self.problem, number, far))

    def _right_of(self, other: Problem | None) -> Right | None:
        if other is None or other.program is None:
            return None
        gradients = automatic_gradients(other, self.names)
        if not all(np.isfinite(g).all() for g in gradients.values()):
            return None
        room = {n: _room(gradients[n], self._as_here(n), self.problem) for n in self.names}
        return Right(other.program, gradients, room)

    def _is_beyond(self, point: Right) -> bool:
        """Whether something that is right here is not right at a point."""
        return not self.evidence <= point.agrees(point.program.run(self.base).gradients, self.names)

    def _as_here(self, name: str) -> Array:
        """What may be rounding at another point: some times as much as here."""
        return np.asarray(8 * np.max(self.here.tolerance[name], initial=0.0))

    def verified_at(self, edits: Edits, names: Collection[str]) -> int:
        """At how many points the gradients are right with edits made; 0 if not at all of them."""
        for right in (self.here, *self.elsewhere):
            ran: Run = right.program.run({**self.base, **edits})
            asked = set(names) if right is self.here else set(names) - self._conceded
            if right.agrees(ran.gradients, asked) != asked:
                return 0
        return 1 + len(self.elsewhere)


def is_multiple(one: Array, other: Array) -> bool:
    """Whether an array is a number times another of its shape, to rounding of an update."""
    size = np.max(np.abs(one), initial=0.0)
    if one.shape != other.shape or not other.any():
        return False
    with np.errstate(all="ignore"):  # of infinities it is none
        ratio = np.vdot(one, other) / np.vdot(other, other) if other.size > 1 else 1.0
        return bool(size and np.all(np.abs(one - ratio * other) <= 1e-6 * size))


def _room(gradient: Array, tolerance: Array, problem: Problem) -> Array:
    """What may be rounding in a gradient."""
    least = max(GUESS, 16 * problem.rounding_unit) * np.max(np.abs(gradient), initial=0.0)
    return np.asarray(np.maximum(tolerance, least))
