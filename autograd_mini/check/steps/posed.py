"""A training step as a problem: its loss recorded from the parameters, its updates as gradients."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from autograd_mini.check.bounds import automatic_gradients
from autograd_mini.check.lines.instrument import HANDED
from autograd_mini.check.lines.program import Program
from autograd_mini.check.lines.state import DRAWN
from autograd_mini.check.lines.syntax import updates_itself
from autograd_mini.check.points import moved_beside
from autograd_mini.check.problem import Problem
from autograd_mini.check.refusal import CannotTell
from autograd_mini.check.scope import Scope
from autograd_mini.check.steps.assumed import assumptions
from autograd_mini.check.steps.fit import Fit
from autograd_mini.check.steps.fitting import fitting
from autograd_mini.check.steps.raised import told
from autograd_mini.check.steps.recorded import MOST_NUMBERS, Made, Ran, put, run
from autograd_mini.check.steps.step import Step
from autograd_mini.check.steps.trained import Trained
from autograd_mini.check.steps.turns import with_other_data
from autograd_mini.check.steps.unmoved import with_unmoved, written
from autograd_mini.check.steps.updates import (
    Update,
    derived,
    fading,
    rate_number,
    updates,
)
from autograd_mini.check.steps.variables import (
    Held,
    Path,
    Space,
    Variable,
    as_numbers,
    names_for,
    variables,
)
from autograd_mini.check.steps.watched import Watched
from autograd_mini.check.unrecorded import NUMERICAL
from autograd_mini.core.graph import Node, topological_order
from autograd_mini.core.tensor import Tensor
from autograd_mini.recording import Note
from autograd_mini.typing import Array


@dataclass(frozen=True)
class Asked:
    """What was said about a step, besides the code.

    Attributes:
        loss: a name, a line or an expression.
        params: the names of its parameters.
    """

    loss: str | None = None
    params: tuple[str, ...] = ()


@dataclass(frozen=True)
class Posed:
    """A training step as a problem.

    Attributes:
        step: the step.
        problem: the problem.
        parameters: what its parameters are.
        sure: whether the loss is one by what the code says, or all is right for it.
        agreeing: how many gradients are right for it.
        unchanged: how many variables an update of the step names and does not change.
        loss: what is taken for its loss, in words.
    """

    step: Step
    problem: Problem
    parameters: tuple[Variable, ...]
    sure: bool
    agreeing: int
    unchanged: int
    loss: str

    @cached_property
    def unmoving(self) -> int:
        """How many parameters move no loss, whatever they are: as with a sample of zeros."""
        self.step.restore()
        other = moved_beside(self.problem, 0)
        gradients = {} if other is None else automatic_gradients(other, self.problem.parameters)
        return self.unchanged + sum(not gradient.any() for gradient in gradients.values())


def posed(step: Step, asked: Asked = Asked()) -> Posed:
    """The problem that a training step is, and what was assumed.

    Arguments:
        step: the step.
        asked: what was said about it.

    Raises:
        CannotTell: it changes nothing, or no loss is found.
        Exception: what the step itself raises.
    """
    found = variables(step.spaces)
    plain = run(step, found)
    if plain.size > MOST_NUMBERS:
        few = "give a step of fewer examples"
        raise CannotTell(f"{step.words} makes more than {MOST_NUMBERS:,} numbers: {few}")
    _raise(step, plain)
    named = written(step, found, plain)
    updated = with_unmoved(step, found, updates(step, found, plain), named)
    changed = updated or derived(found, plain)
    if not changed:
        raise CannotTell(
            f"{step.words} changes no array or number that can be reached from what it is given, "
            "so nothing says what its gradients are: give a step that updates its parameters"
        )
    unchanged = len(set(named) - {update.variable for update in changed})
    names = dict(zip(changed, names_for([u.variable for u in changed]), strict=True))
    wanted = _chosen(changed, names, asked.params)
    trained = Trained(step, tuple(changed), names, plain, wanted=wanted)
    trained, fit = _fitted(trained, asked.loss)
    others = [update.variable for update in updated if update not in fit.parameters]
    if not (fit.complete or step.at_rest) and (
        momenta := tuple(fading(step, others, fit.parameters))
    ):
        return posed(replace(step, at_rest=momenta), asked)
    if not (updated or fit.sure):
        raise CannotTell(
            f"{step.words} updates nothing and has no loss, and what it derives is the gradient of "
            f"none that its outputs' errors would have: say which it is, loss= (--loss)"
        )
    short = names_for([update.variable for update in fit.parameters])
    trained = replace(trained, names=names | dict(zip(fit.parameters, short, strict=True)))
    posing = _Posing(trained, fit)
    problem = posing.problem({})
    problem = replace(
        problem,
        assumptions=tuple(assumptions(trained, fit)),
        with_other_data=functools.partial(_with_other_data, posing, problem.root),
    )
    parameters = tuple(update.variable for update in fit.parameters)
    return Posed(step, problem, parameters, fit.sure, fit.agreeing, unchanged, fit.loss.words)


def _fitted(trained: Trained, asked: str | None) -> tuple[Trained, Fit]:
    """What the updates of a step are, recorded where it can be, and else watched.

    Raises:
        CannotTell: no loss is found, or the step can be neither.
    """
    ran = trained.recorded({})
    missed = [f"{ran.error.__class__.__name__}: {ran.error}"] if ran.error else []
    missed += map(str, ran.notes)
    seen = None
    if ran.error is None:
        try:
            seen = fitting(trained, ran, asked)
        except CannotTell:
            if not missed:
                raise
        if seen is not None and (not missed or (seen.complete and not _has_left(trained, seen))):
            return trained, seen
    unfollowed = tuple(ran.notes)
    watched = Watched(
        trained.step, trained.changed, trained.names, trained.plain, unfollowed=unfollowed
    )
    try:
        fit = fitting(watched, watched.recorded({}), asked)
    except CannotTell as error:
        if seen is not None and seen.complete:
            return trained, seen
        words = f"{trained.step.words} could not be recorded: {'; '.join(missed)}; {error}"
        raise CannotTell(words, progress=1) from ran.error
    if not fit.complete and _is_late(trained.plain, fit):
        raise CannotTell(
            f"{trained.step.words} could not be recorded: {'; '.join(missed)}; its loss is "
            "computed after updates, which cannot be undone then: compute it before them",
            progress=1,
        )
    return watched, fit


def _has_left(trained: Trained, fit: Fit) -> bool:
    """Whether something is updated, but does not move the loss as far as that was recorded."""
    left = (u.statement for u in trained.changed if u not in fit.parameters)
    return any(s is not None and updates_itself(s.node) for s in left)


def _is_late(ran: Ran, fit: Fit) -> bool:
    """Whether a loss is computed behind an update."""
    places = {u.statement.place for u in fit.parameters if u.statement is not None}
    first = next((i for i, m in enumerate(ran.made) if m.site.place in places), len(ran.made))
    found = [i for i, m in enumerate(ran.made) if m.at == fit.loss.event]
    return not found or found[0] > first


def _raise(step: Step, ran: Ran) -> None:
    """Raise what a run raised, with what may be the remedy."""
    if ran.error is None:
        return
    program = step.program(lambda result, after: {})
    error = program.run().error
    raise told(program, ran.error if error is None else error) from ran.error


def _chosen(
    changed: Sequence[Update], names: Mapping[Update, str], wanted: Sequence[str]
) -> frozenset[tuple[Path, ...]] | None:
    """The ways that lead to the parameters that were asked for; ``None`` where none were."""
    if not wanted:
        return None
    spelled = {
        text: update
        for update in changed
        for path in update.variable.paths
        for text in (names[update], path.text, *path.names)
    }
    missing = [name for name in wanted if name not in spelled]
    if missing:
        raise CannotTell(
            f"the step does not change {' and '.join(missing)}: it changes "
            f"{', '.join(names.values())}"
        )
    return frozenset(spelled[name].variable.paths for name in wanted)


def _with_other_data(posing: _Posing, root: Node) -> list[Problem]:
    """The problem at turns with other data, as far as it runs there."""
    found: list[Problem] = []
    with contextlib.suppress(Exception):  # the user's code raises what it likes
        for other in with_other_data(posing.trained, posing.fit, root):
            found.append(_Posing(*other).problem({}))
    return found


@dataclass(frozen=True)
class _Posing:
    """A step whose parameters and loss are known, as problems at any parameters."""

    trained: Trained
    fit: Fit

    def problem(self, at: Mapping[str, Node]) -> Problem:
        """The problem at parameters."""
        fit = self.fit
        own = {self.trained.names[update]: update for update in fit.parameters}
        values = {own[name].variable: Tensor(np.asarray(node.data, float), name)
                  for name, node in at.items()}  # fmt: skip
        for name, update in own.items():
            values.setdefault(update.variable, Tensor(update.variable.before, name))
        ran, root = self.trained.root(fit.loss, values)
        if root is None:
            raise ValueError(f"the loss, {fit.loss.words}, is not computed at other parameters")
        program = self.program(values, _nearest(root, ran) or _made_by(root, ran))
        again = program.run()
        if again.gradients is None:
            raise again.error or ValueError("the step does not run")
        missing = [name for name in own if name not in again.gradients]
        if missing:
            raise CannotTell(
                f"what the gradient of {' and '.join(missing)} is cannot be seen in what the step "
                "does: check it without the optimiser, as W -= rate * dW",
                progress=2,
            )
        nodes = {name: ran.leaves[update.variable] for name, update in own.items()}
        scope = _scope(self.trained.step, ran, nodes)
        notes = [NUMERICAL] if ran.errors else []
        notes += [_as_note(note) for note in ran.notes]
        notes += [f"{DRAWN.format('the step')}."] if self.trained.step.state.draws else []
        return Problem(
            root=root,
            nodes=nodes,
            parameters=tuple(own),
            manual=again.gradients,
            scope=scope,
            used=scope,
            notes=tuple(dict.fromkeys(notes)),
            derive=lambda: program.run().gradients or {},
            at=self.problem,
            program=program,
            room={
                name: self._room(update, values[update.variable].data)
                for name, update in own.items()
            },
            uncertain={
                name: ran.errors[update.variable] for name, update in own.items() if ran.errors
            },
            scale=fit.factor,
        )

    def program(self, values: Mapping[Variable, Tensor], forward: Made | None) -> Program:
        """The step as code that gives gradients: what it takes away, divided by its rates.

        Arguments:
            values: what its variables hold before it.
            forward: the last value of the forward pass.  With a change of the code that makes
                another of it, other gradients are right, and the program gives none.
        """
        fit = self.fit

        def prepare(spaces: Sequence[Space]) -> None:
            put(spaces, {variable: np.asarray(leaf.data) for variable, leaf in values.items()})

        def collect(result: Held, after: Sequence[Mapping[str, Any]]) -> dict[str, Array]:
            made: dict[str, Array] = {}
            if forward is not None and not _is_same(_kept(program, forward), forward):
                return made
            for update in fit.parameters:
                if update in fit.sources:
                    numbers = _kept(program, fit.sources[update])
                    if numbers is not None:
                        made[self.trained.names[update]] = as_computed(numbers / fit.factor)
                    continue
                before = np.asarray(values[update.variable].data)
                numbers = as_numbers(update.variable.after(after, before))
                if numbers is not None:
                    taken = (before - numbers) / self._scale(update)
                    made[self.trained.names[update]] = as_computed(taken)
            return made

        def as_computed(gradient: Array) -> Array:
            """Of the precision that the step computes in, so that it is judged by its rounding."""
            return np.asarray(gradient, precision)

        precision = np.float32 if self.trained.plain.is_narrow else None
        keeping = {source.site for source in fit.sources.values()}
        keeping |= {forward.site} if forward is not None else set()
        program = self.trained.step.program(collect, prepare, keeping)  # which collect reads
        return program

    def _scale(self, update: Update) -> float:
        fit = self.fit
        return rate_number(update, fit.parameters) * fit.factor

    def _room(self, update: Update, before: Array) -> Array:
        """How far a difference of two numbers, divided by a rate, may be off."""
        if update in self.fit.sources:
            return np.zeros(np.shape(before))
        scale = abs(self._scale(update))
        taken = np.where(np.isfinite(update.taken), np.abs(update.taken), 0.0)  # of NaN: no room
        rounding = _ROUNDINGS * np.finfo(float).eps * (np.abs(before) + taken)
        return np.asarray((rounding + self._room_of_factor * taken) / scale)

    @cached_property
    def _room_of_factor(self) -> float:
        """How far the factor may be off, as a part of it, where updates say it."""
        said = [u for u in self.fit.parameters if u.variable.paths in self.fit.right]
        sizes = [
            (float(np.sum(np.abs(u.variable.before) + np.abs(u.taken))), np.sum(np.abs(u.taken)))
            for u in said
        ]
        if abs(self.fit.factor) == 1:
            return 0.0
        parts = [held / float(taken) for held, taken in sizes if taken]
        return _ROUNDINGS * float(np.finfo(float).eps) * max(parts, default=1.0)


_ROUNDINGS = 8.0
"""How many roundings there are in what is taken away from a number."""


def _kept(program: Program, source: Made) -> Array | None:
    """What was made at the same place and turn."""
    kept = program.kept.get(source.site, [])
    if source.turn >= len(kept):
        return None
    value = kept[source.turn]
    value = value if source.key is None else value[source.key]
    return as_numbers(list(value) if isinstance(value, tuple) else value)


def _nearest(root: Node, ran: Ran) -> Made | None:
    """Of what the statements of a recorded run made what stands nearest to the loss, where it was
    made first: a line that should make a gradient of it may hand it on.

    What was made after an update, which is another before it, is none.
    """
    rank = {node: i for i, node in enumerate(topological_order(root))}
    found = []
    for number, made in enumerate(ran.made):
        if made.node is None or not made.node.parents or made.site.slot == HANDED:
            continue
        node = ran.again.get(made.node, made.node)
        if node in rank and np.array_equal(node.data, made.node.data):
            found.append((rank[node], -number, made))
    return max(found)[2] if found else None


def _made_by(root: Node, ran: Ran) -> Made | None:
    """What makes the loss itself."""
    return next((made for made in ran.made if made.node is root), None)


def _is_same(value: Array | None, made: Made) -> bool:
    """Whether a value is what was made in a recorded run, to rounding."""
    if value is None or made.node is None or value.shape != np.shape(made.node.data):
        return False
    return np.allclose(value, made.node.data, rtol=1e-9, atol=0, equal_nan=True)


def _scope(step: Step, ran: Ran, nodes: Mapping[str, Node]) -> Scope:
    """What names stand for in a step: what it finds, and what its statements make."""
    names: dict[str, Any] = {}
    for space in reversed(step.spaces):
        names |= {n: v for n, v in space.items() if isinstance(v, np.ndarray | int | float)}
    for made in ran.made:
        if made.node is not None:
            names[made.name] = made.node
        elif isinstance(made.value, np.ndarray | int | float):
            names.setdefault(made.name, made.value)
    return Scope({name: _plain(value) for name, value in {**names, **nodes}.items()})


def _plain(value: Held) -> Held:
    """A value of which it is not told that it is recorded."""
    return np.asarray(value) if isinstance(value, np.ndarray) else value


def _as_note(note: Note) -> str:
    return f"{note.message} (line {note.line})"
