"""Which line is wrong?  One that makes right what it spoils, where what it makes is what it should.

In the place of what a statement makes the recorded arrays of its shape are put, one after the
other.  The line nearest the loss for which one of them makes right all that the line spoils is the
one that is wrong: those above it hand it what it then spoils again, those below only inherit.
A statement in a loop makes another quantity in each turn: rows of nodes, one a turn, are found
where the loss uses one node once a turn, and from there along the graph.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from autograd_mini.check.deadline import Deadline
from autograd_mini.check.lines.arranged import (
    arranged,
    is_as_wide,
    is_constant,
    is_opposed,
    is_reordered,
)
from autograd_mini.check.lines.claims import Claim, Truth
from autograd_mini.check.lines.instrument import HANDED, PART, WHOLE
from autograd_mini.check.lines.operands import (
    Read,
    claims_of_terms,
    derived_rows,
    gradients_of,
    may_make,
    read_at,
    values_of,
)
from autograd_mini.check.lines.program import Event, Site
from autograd_mini.check.lines.rows import Row, handed_back, operands, rows
from autograd_mini.check.lines.source import Place
from autograd_mini.check.lines.syntax import (
    does_nothing,
    makes_zeros,
    operands_read,
    terms,
)
from autograd_mini.check.lines.trial import Trial, is_multiple
from autograd_mini.typing import Array

_MOST = 16
"""How many arrays are put in the place of what one target of a statement holds."""
_FACTORS = 3
"""How many factors are tried that gradients may have."""


@dataclass(frozen=True)
class Substituted:
    """What a statement should make.

    Attributes:
        place: where the statement is.
        site: which of its targets.
        claims: what should be made there, turn by turn; of several turns the last may be alone;
            none where it should be the same numbers, summed or turned.
        arrays: the same as numbers; ``None`` in turns of which nothing is known.
        names: the gradients that are wrong and are right with it.
        handed_right: whether what it reads is right, be it N times what it would be: so it is where
            only a sign is wrong, which would be told nearer to the loss.
    """

    place: Place
    site: Site
    claims: tuple[Claim, ...]
    arrays: Sequence[Array | None]
    names: frozenset[str]
    handed_right: bool = False


class Substitutes:
    """The statements that may be wrong, as what should be made in their places tells.

    Arguments:
        trial: the code on trial.
        truth: what was recorded.
        end: when the search for it ends.
    """

    def __init__(self, trial: Trial, truth: Truth, end: Deadline) -> None:
        self._trial, self._truth, self._end = trial, truth, end
        self._rows: dict[int, list[Row]] = {}
        self._shorter: dict[int, list[Row]] = {}
        self._read: dict[Place, Read] = {}
        self._handed_back: dict[int, list[tuple[tuple[Claim, ...], list[Array]]]] = {}

    @cached_property
    def likeliest(self) -> Substituted | None:
        """That with which most gradients become right, of such the nearest to the loss."""
        wrong, best = self._trial.wrong, None
        sites = [site for site in self._trial.sites if site.place not in self._trial.base]
        sites.sort(key=self._unlikeliness)
        if len(wrong) > 1:  # one slip spoils them all, more likely than several
            sites.sort(key=lambda site: not self._spoils_all(site))
        for site in sites:
            made = None if site in self._right else self._at(site)
            if made is not None and (best is None or len(made.names) > len(best.names)):
                best = made
            if self._end.passed or (best is not None and best.names == wrong):
                break
        else:
            best = self._handed_on(sites) or best
        return best and self._where_read(self._where_added(self._carried(best)))

    def _spoils_all(self, site: Site) -> bool:
        """Whether all that is wrong depends on a site, as far as there is time to find out."""
        return not self._end.passed and self._trial.wrong <= self._trial.spoils(site)

    def _unlikeliness(self, site: Site) -> tuple[bool, bool, int]:
        """What is least where the slip is likeliest: what does nothing is hardly meant."""
        means = not does_nothing(self._trial.program.statement(site.place).node)
        return means, self._is_unlikely(site), self._doubtful.get(site, 0)

    def _is_unlikely(self, site: Site) -> bool:
        """Whether values of the forward pass, or its data, are kept there; or zeros are made: what
        should be added to them is the likelier slip.
        """
        if all(event.value.any() and self._is_value(event) for event in self._trial.sites[site]):
            return True
        node = self._trial.program.statement(site.place).node
        return makes_zeros(node) and not self._trial.sites[site][0].value.any()

    def _handed_on(self, sites: Sequence[Site]) -> Substituted | None:
        """What is right, and is taken for something else by all that reads it: a statement is lost
        that should have followed.
        """
        wrong = self._trial.wrong
        for site in reversed(sites) if len(wrong) > 1 else ():
            if site in self._right and wrong <= self._trial.spoils(site):
                made = self._at(site)
                if self._end.passed or (made is not None and made.names == wrong):
                    return made
        return None

    @cached_property
    def _factors(self) -> dict[Site, list[float]]:
        """What the gradients before each site are times of those recorded: 1, and where all are N
        times what they should be, as some write them, N; of the other sign if a right gradient is
        made of it, as where updates add.
        """
        found: dict[Site, list[float]] = {}
        before = dict.fromkeys((1.0, self._truth.scale))
        for event in self._trial.ran.events:
            found.setdefault(event.site, list(before)[:_FACTORS])
            for claim in self._truth.claims(event.value):
                if claim.kind != "gradient" or claim.moved or claim.factor in before:
                    continue
                if claim.factor * self._truth.scale > 0 or self._gives_right(event):
                    before.setdefault(claim.factor)
        return found

    def _gives_right(self, event: Event) -> bool:
        """Whether a right gradient is made of an array."""
        evidence = self._trial.evidence if event.value.size > 1 else set[str]()
        return bool(evidence) and not evidence.isdisjoint(self._trial.spoils(event.site))

    @cached_property
    def _right(self) -> set[Site]:
        """Where something is made that was not there before, and is what it is meant to be."""
        return {event.site for event in self._trial.ran.events} - self._doubtful.keys()

    @cached_property
    def _doubtful(self) -> dict[Site, int]:
        """Where something else is made, with when that happens first: a line of a loop that is
        right in the turn before another goes wrong was handed what is wrong in those that follow;
        a sum is what it may be if its terms are.
        """
        first: dict[Site, int] = {}
        before: set[tuple[tuple[int, ...], bytes]] = set()
        for when, event in enumerate(self._trial.ran.log):
            content = event.value.shape, event.value.tobytes()
            asked = event.site.slot != HANDED and event.site not in first
            if asked and (content in before or not self._is_meant(event)):
                first[event.site] = when
            before.add(content)
        parts = {site._replace(slot=WHOLE) for site in self._trial.sites if site.slot == PART}
        parts -= {site._replace(slot=WHOLE) for site in first if site.slot == PART}
        return {site: when for site, when in first.items() if site not in parts}

    def _is_meant(self, event: Event) -> bool:
        """Whether a value is the gradient of the node that its name says, or as many times of it as
        what comes before is; where no name does, that of any node, or the value of one, or a share
        that is added.  A vector may stand as a column.
        """
        factors, value = self._factors.get(event.site, [1.0]), event.value
        every = self._truth.claims(value)
        if not every and value.ndim > 1 and value.shape[-1] == 1:
            every = self._truth.claims(value[..., 0])
        claims = [
            claim
            for claim in every
            if claim.exact or (not claim.moved and any(map(claim.is_times, factors)))
        ]
        named = self._truth.named(event.name)
        if named is None:
            added = ("share",) if event.site.slot == PART else ()
            return any(claim.kind in ("gradient", "value", *added) for claim in claims)
        meant = {named}
        if "delta" in event.name.lower():  # of a layer's output, or of what its activation takes
            meant.update(self._truth.made_of(named))
        return not meant.isdisjoint(claim.node for claim in claims if claim.kind == "gradient")

    def _is_value(self, event: Event) -> bool:
        claims = self._truth.claims(event.value, factors=False)
        kinds = {claim.kind for claim in claims if claim.exact}
        return "value" in kinds or ("gradient" not in kinds and self._truth.is_data(event.value))

    def _at(self, site: Site) -> Substituted | None:
        """What should be made at a site, if that makes anything right."""
        trial = self._trial
        spoiled = trial.wrong & trial.spoils(site)
        best: Substituted | None = None
        tried: set[object] = set()
        named = self._truth.named(trial.sites[site][0].name)
        for claims, arrays in self._candidates(site) if spoiled else ():
            numbers = tuple(None if a is None else (a.shape, a.tobytes()) for a in arrays)
            if numbers in tried:
                continue
            tried.add(numbers)
            if not may_make(trial, self._truth, site, arrays):
                continue
            if is_reordered([event.value for event in trial.sites[site]], arrays):
                is_steep = bool(claims) and all(claim.kind == "slope" for claim in claims)
                if any(claim.node is named for claim in claims) or (named is None and not is_steep):
                    return None
                continue  # by its name it is to be something else
            names = self._right_with(site, arrays)
            if names and (best is None or len(names) > len(best.names)):
                opposed = is_opposed(arrays[-1], trial.sites[site][-1].value)
                best = Substituted(site.place, site, claims, arrays, names, opposed)
            if names >= spoiled or self._end.passed:
                break
        return best and self._before_scaling(self._where_made(best))

    def _carried(self, found: Substituted) -> Substituted:
        """The same where a line of a loop is right in the first turn, and in those that follow is
        handed what is wrong by the turn before: what is carried is what its sum then lacks. What is
        subtracted there rather has the wrong sign in the sum.
        """
        trial, events = self._trial, self._trial.sites[found.site]
        node = trial.program.statement(found.place).node
        first, value = found.arrays[0], getattr(node, "value", None)
        if first is None or len(events) == 1 or not isinstance(value, ast.expr):
            return found
        if not np.allclose(events[0].value, first, rtol=1e-7, atol=0) or self._end.passed:
            return found
        for part, minus in terms(value):
            name = ast.unparse(part)
            made = [site for site, (event, *_) in trial.sites.items() if event.name == name]
            for site in made if isinstance(part, ast.Name) and not minus else ():
                if len(trial.sites[site]) == len(events) and site.place != found.place:
                    arrays = self._lacking(found, name)
                    names = self._right_with(site, arrays)
                    if names >= found.names:
                        return Substituted(site.place, site, (), arrays, names)
        return found

    def _where_added(self, found: Substituted) -> Substituted:
        """The same where what is so many times what should be made is added to what is not: what is
        handed on as N times a gradient is divided where that matters.
        """
        trial, made = self._trial, self._trial.sites[found.site]
        meant = found.arrays[-1]
        if meant is None or len(made) > 1 or not is_multiple(made[0].value, meant):
            return found
        times = float(np.vdot(made[0].value, meant) / np.vdot(meant, meant))
        for site, events in trial.sites.items() if times > 1 else ():
            node = trial.program.statement(site.place).node
            is_sum = isinstance(node, ast.Assign) and len(terms(node.value)) > 1
            if is_sum and len(events) == 1 and site != found.site and not self._end.passed:
                claimed = claims_of_terms(trial, self._truth, site.place)
                several = [[c.is_times(f) for f in (1.0, times)] for c in claimed]
                if all(any(which) for which in zip(*several, strict=True)):
                    other = self._at(site)
                    if other is not None and other.names >= found.names:
                        return replace(other, handed_right=True)
        return found

    def _where_read(self, found: Substituted) -> Substituted:
        """The same where what a statement reads by a name was made of the right numbers, but not
        summed or turned as the statement needs them; or is a value of the loss, where another is
        needed; or is only asked to be equal to something, which others are not either.
        """
        program, sites = self._trial.program, self._trial.sites
        statement = program.statement(found.place)
        read = operands_read(statement.node)
        for site in reversed(sites):
            events, unit = sites[site], program.statement(site.place).unit
            asked = events[0].name in read and unit is statement.unit
            asked = asked and (
                site in self._right or self._is_unlikely(site) or not self._trial.spoils(site)
            )
            for claims, arrays in self._others(events) if asked else ():
                if not self._end.passed and self._right_with(site, arrays) >= found.names:
                    return Substituted(site.place, site, claims, arrays, found.names)
        return found

    def _others(
        self, events: Sequence[Event]
    ) -> Iterator[tuple[tuple[Claim, ...], Sequence[Array]]]:
        """What may be made instead of what is right for something."""
        yield from (((), arrays) for arrays in arranged([event.value for event in events]))
        known = self._truth.known(events[0].value.shape, events[0].name)
        for claim, array in known[:_MOST] if len(events) == 1 else ():
            if claim.kind == "value":
                yield (claim,), [array]
        values = [event.value for event in events]
        for row in self._rows_of(len(events)) if len(events) > 1 else ():
            claims, arrays = values_of(row)
            if is_as_wide(arrays, values):
                yield claims, arrays

    def _lacking(self, found: Substituted, name: str) -> list[Array | None]:
        """What a name should stand for after each turn, that a sum in the next may be as meant."""
        read: list[Array] = []
        lacking: list[Array | None] = []

        def visit(names: Mapping[str, Any]) -> None:
            read.append(np.array(names[name], float))

        def exchange(site: Site, turn: int, value: Array) -> Array | None:
            meant = found.arrays[turn] if turn < len(found.arrays) else None
            if site != found.site or meant is None:
                return None
            lacking.append(read[turn] + meant - value)
            return np.array(meant)

        self._trial.program.run(
            self._trial.base, exchange=exchange, at=found.place, before=found.place, visit=visit
        )
        return [*lacking[1:], None]

    def _before_scaling(self, found: Substituted) -> Substituted:
        """The same where a value was made that a statement only scales, as ``dx /= std`` does, if
        what is wrong varies along an axis along which the scale does not.
        """
        program, meant = self._trial.program, found.arrays[-1]
        statement, made = program.statement(found.place), self._trial.sites[found.site][-1]
        before = self._trial.before(made)
        scales = isinstance(getattr(statement.node, "op", None), ast.Mult | ast.Div)
        if not (scales and isinstance(statement.node, ast.AugAssign) and before) or meant is None:
            return found
        with np.errstate(all="ignore"):
            scale, off = before.value / made.value, made.value / meant
            wanted = meant * scale
        known = np.isfinite(off)
        if not np.allclose(off[known], 1):  # one factor explains that, what is to be 0 comes later
            off = np.where(known, off, np.nan)
        varies = (is_constant(scale, axis) > is_constant(off, axis) for axis in range(off.ndim))
        if not np.isfinite(wanted).all() or not any(varies):
            return found
        return Substituted(before.site.place, before.site, (), (wanted,), found.names)

    def _where_made(self, found: Substituted) -> Substituted:
        """The same where a function made what it returns, if that is but a factor off: nobody
        loses one where something is only handed on.
        """
        trial, events = self._trial, self._trial.sites[found.site]
        value, meant = events[-1].value, found.arrays[-1]
        returns = isinstance(trial.program.statement(found.place).node, ast.Return)
        if not returns or meant is None or not is_multiple(value, meant):
            return found
        unit = trial.program.statement(found.place).unit
        for event in trial.ran.log:
            site = event.site
            is_same = event.value.shape == value.shape and np.array_equal(event.value, value)
            is_made = site.slot not in (HANDED, PART) and site.place != found.place
            if is_same and is_made and trial.program.statement(site.place).unit is unit:
                return replace(found, place=site.place, site=site)
        return found

    def _right_with(self, site: Site, arrays: Sequence[Array | None]) -> frozenset[str]:
        """The wrong gradients that become right; none if one that is right becomes wrong."""
        trial = self._trial

        def exchange(other: Site, turn: int, value: Array) -> Array | None:
            put = arrays[turn] if other == site and turn < len(arrays) else None
            return None if put is None else np.array(put)  # which the code may write into

        ran = trial.program.run(trial.base, exchange=exchange, at=site.place)
        right = trial.here.agrees(ran.gradients, trial.names)
        return frozenset(right & trial.wrong if right | trial.wrong == set(trial.names) else ())

    def _candidates(self, site: Site) -> Iterator[tuple[tuple[Claim, ...], Sequence[Array | None]]]:
        """What may be made at a site, turn by turn."""
        events = self._trial.sites[site]
        count = len(events)
        value = events[-1].value
        known = self._truth.known(value.shape, events[-1].name)[:_MOST]
        for claim in self._truth.claims(value):
            if claim.kind == "gradient" and claim.moved and claim.factor == 1:
                yield (replace(claim, moved=False),), [*[None] * (count - 1), value.T]
            elif claim.kind == "gradient" and not claim.moved and claim.factor < 0 and count == 1:
                yield (replace(claim, factor=-claim.factor),), [-value]
        if count > 1 and any(map(self._is_negated, events)):
            yield (), [np.negative(event.value, dtype=float) for event in events]
        for factor in self._factors[site]:
            for claims, arrays in self._of_what_is_read(site):
                if factor == 1 or claims[0].kind == "gradient":
                    yield _times(factor, claims), [factor * array for array in arrays]
            for claims, arrays in self._in_turns(events) if count > 1 else ():
                yield _times(factor, claims), [factor * array for array in arrays]
            for claim, array in known:
                if factor == 1 or claim.kind == "gradient":
                    yield _times(factor, [claim]), [*[None] * (count - 1), factor * array]
        for claims, arrays in self._beside(site):
            for factor in self._factors[site] if claims[0].kind == "gradient" else [1.0]:
                yield _times(factor, claims), [factor * array for array in arrays]
        yield from (((), arrays) for arrays in arranged([event.value for event in events]))

    def _is_negated(self, event: Event) -> bool:
        claims = self._truth.claims(event.value)
        return any(c.kind == "gradient" and not c.moved and c.factor < 0 for c in claims)

    def _of_what_is_read(self, site: Site) -> Iterator[tuple[tuple[Claim, ...], list[Array]]]:
        """What a derivation makes of what is read there, turn by turn: of the shape of what is
        made, or larger, where that is summed too far.
        """
        values = [event.value for event in self._trial.sites[site]]
        for row in self._read_at(site).own:
            for claims, arrays in derived_rows(self._truth, row) if len(row) == len(values) else ():
                if is_as_wide(arrays, values):
                    yield claims, arrays

    def _beside(self, site: Site) -> Iterator[tuple[tuple[Claim, ...], list[Array]]]:
        """The gradients of what can be read there or beside it, turn by turn, and the values, which
        may be handed on as they are.
        """
        shapes, read = [event.value.shape for event in self._trial.sites[site]], self._read_at(site)
        rows = (*read.own, *read.others) if len(shapes) > 1 else ()
        several = [gradients_of(self._truth, row) for row in read.others if rows]
        for claims, arrays in (*several, *map(values_of, rows)):
            if [array.shape for array in arrays] == shapes:
                yield claims, arrays

    def _read_at(self, site: Site) -> Read:
        if site.place not in self._read:
            self._read[site.place] = read_at(self._trial, self._truth, site.place)
        return self._read[site.place]

    def _in_turns(self, events: Sequence[Event]) -> Iterator[tuple[tuple[Claim, ...], list[Array]]]:
        """Of rows of nodes the gradients, be they summed too far, the shares of what they are made
        of, the slopes.
        """
        values = [event.value for event in events]
        shapes, count = [value.shape for value in values], len(values)
        for row in self._rows_of(count):
            for nodes in (row[::-1], row):
                gradients = [self._truth.gradients[node] for node in nodes]
                same = [gradient.shape for gradient in gradients] == shapes
                if same or (() not in shapes and is_as_wide(gradients, values)):
                    yield tuple(Claim("gradient", node) for node in nodes), gradients
        for row in self._without_first(count):
            gradients = [self._truth.gradients[node] for node in row[::-1]]
            if [gradient.shape for gradient in gradients] == shapes[:-1]:
                yield tuple(Claim("gradient", node) for node in row[::-1]), gradients
        if count not in self._handed_back:
            self._handed_back[count] = list(handed_back(self._truth, self._rows_of(count)))
        for claims, arrays in self._handed_back[count]:
            if [array.shape for array in arrays] == shapes[:-1]:
                yield claims, arrays
        for row in self._rows_of(count):
            for nodes in (row[::-1], row):
                several = [self._truth.shares_of(node) for node in nodes]
                for turned in (several, several[:-1]):  # the first state may be a constant
                    for shares in zip(*turned, strict=False):
                        arrays = [array for _, array in shares]
                        if [array.shape for array in arrays] == shapes[: len(turned)]:
                            yield tuple(Claim("share", node) for node, _ in shares), arrays
                for steep in zip(*(self._truth.slopes.get(n, ()) for n in nodes), strict=False):
                    if [array.shape for array in steep] == shapes:
                        yield tuple(Claim("slope", node) for node in nodes), list(steep)

    def _without_first(self, count: int) -> list[Row]:
        """Rows of nodes of which the first would be made of a state that is a constant."""
        if count not in self._shorter:
            found = (other for row in self._rows_of(count) for other in operands(row[1:]))
            self._shorter[count] = list(dict.fromkeys(found)) if count > 2 else []
        return self._shorter[count]

    def _rows_of(self, count: int) -> list[Row]:
        if count not in self._rows:
            self._rows[count] = list(rows(self._truth, count))
        return self._rows[count]


def _times(factor: float, claims: Sequence[Claim]) -> tuple[Claim, ...]:
    return tuple(replace(claim, factor=factor) for claim in claims)
