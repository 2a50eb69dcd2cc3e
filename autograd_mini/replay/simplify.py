"""The steps of a trace without what is computed twice, for nothing, or of what was repeated to fit.

Every number that is left is computed as it was: by the same operations in the same order.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import numpy as np

from autograd_mini.replay.algebra import Algebra, added_where_they_are
from autograd_mini.replay.nan_guards import with_few_looks
from autograd_mini.replay.numpy_calls import POWERS, method_called
from autograd_mini.replay.trace import COUNTS_REFERENCES, Kind, Place, Step, Trace, needed, renamed
from autograd_mini.typing import Array, Operand


def simplified(trace: Trace, outputs: Sequence[Place]) -> tuple[list[Step], list[Place]]:
    """The steps that are needed for some outputs, and where these are then.

    >>> trace = Trace()
    >>> x = trace.input(np.array([1.0, 2.0]))
    >>> y = np.exp(x) * np.exp(x) + np.sin(x) * 0.0 + np.exp(x) * 1.0
    >>> steps, outputs = simplified(trace, [Place((np.exp(x) * 1.0).place)])
    >>> [step.function.__name__ for step in steps]
    ['exp']
    """
    outside = next((step.settings for step in trace.steps if step.settings), ())
    simplifier = _Simplifier(trace.values, _only_here(trace.steps), outside)
    steps = list(simplifier.steps(trace.steps, {}))
    places = [renamed(Place(place), simplifier.same) for place in outputs]
    steps = added_where_they_are(needed(steps, places), places)
    steps, places = with_few_looks(steps, places, trace.values)
    steps = Algebra(needed(steps, places), places, trace.values).steps
    return _settings_changed_once(needed(steps, places), outside), places


def _settings_changed_once(steps: list[Step], outside: Hashable) -> list[Step]:
    """The steps in an order in which errors are treated as outside first, and otherwise then.

    What a derivative computes beside the function waits for it, unless something decides before.
    """
    early: list[Step] = []
    late: list[Step] = []
    waiting: set[Place | None] = set()
    for i, step in enumerate(steps):
        if step.kind or step.body:
            late += steps[i:]
            break
        is_other = step.view is None and step.settings not in ((), outside)
        if is_other or not waiting.isdisjoint(step.reads()):
            late.append(step)
            waiting.add(step.out)
        else:
            early.append(step)
    return early + late


class _Simplifier:
    """Leaves steps out.

    Arguments:
        values: what the values are.
        own: the ``id`` of arrays that nobody else has.
        outside: how errors of floating point are treated around the function.
    """

    def __init__(self, values: Sequence[Any], own: set[int], outside: Hashable) -> None:
        self.values, self.own, self.outside = values, own, outside
        self.same: dict[Place, Any] = {}
        self.repeated: dict[Place, Any] = {}

    def steps(self, steps: Sequence[Step], known: dict[Hashable, Place]) -> Iterator[Step]:
        for step in steps:
            args, kwargs = renamed(step.args, self.same), renamed(step.kwargs, self.same)
            view = renamed(step.view, self.same)
            made = Step(
                step.function, args, kwargs, step.out, step.ufunc, view, step.kind,
                step.expected, step.settings,
            )  # fmt: skip
            if step.body:
                made.body = list(self.steps(step.body, dict(known)))
                if not any(each.kind for each in made.body):
                    yield from made.body
                    continue
                assert step.out is not None
                same = self.same.get(step.out)
                if same is not None and same not in {each.out for each in made.body}:
                    continue  # computed before: nothing is left to decide
                if same is not None:  # a result that only the body has
                    del self.same[step.out]
                    made.body = []
            elif step.kind == Kind.DONE:
                known.clear()  # what was read may be another now
            elif step.kind and step.kind != Kind.DRAWN:
                condition = step.kind, _frozen(made.args)
                if condition in known:
                    continue
                known[condition] = Place(-1)
            elif step.out is not None and not step.kind:
                if step.function is step.ufunc:
                    self._simplify(made)
                same = self._operand(made)
                key = _key(made)
                if same is None and key is not None:
                    same = known.get(key, known.get((key, step.settings)))
                    is_told_of = step.settings == self.outside  # where errors are warned of
                    known.setdefault(key if is_told_of else (key, step.settings), step.out)
                if same is not None:
                    self.same[step.out] = same
                    continue
                if step.function is np.broadcast_to or self._is_number_as_array(made):
                    self.repeated[step.out] = made.args[0]
            yield made

    def _value(self, operand: Operand) -> Operand:
        return self.values[operand] if type(operand) is Place else operand

    def _simplify(self, step: Step) -> None:
        """A ufunc of operands as they were before they were repeated to fit, by a cheaper one."""
        out = self._value(step.out)
        args = [o[()] if isinstance(o, np.ndarray) and not o.ndim else o for o in step.args]
        if np.ndim(out) and getattr(step.ufunc, "signature", None) is None:
            for i, operand in enumerate(args):
                smaller = self._unrepeated(operand)
                others = [np.shape(self._value(each)) for j, each in enumerate(args) if j != i]
                shapes = np.shape(self._value(smaller)), *others
                if np.broadcast_shapes(*shapes) == out.shape and _type(self._value(smaller)) == (
                    _type(self._value(operand))
                ):
                    args[i] = smaller
        exponent = float(args[1]) if step.ufunc is np.power and _is_number(args[1]) else 0.0
        power: Operand = POWERS.get(exponent) if out.dtype.kind == "f" else None
        if power is not None and _type(self._value(args[0])) == _type(out):
            step.function = step.ufunc = power
            args = args[:1]
        if step.ufunc is np.true_divide and _is_power_of_two(args[1]):
            step.function = step.ufunc = np.multiply  # which rounds as the division does
            args[1] = 1.0 / args[1]
        step.args = tuple(args)

    def _is_number_as_array(self, step: Step) -> bool:
        """Whether a number is given axes of size 1."""
        reshaped = step.function is method_called("reshape")
        return reshaped and not np.ndim(self._value(step.args[0]))

    def _unrepeated(self, operand: Operand) -> Operand:
        if type(operand) is Place:
            while operand in self.repeated:
                operand = self.repeated[operand]
            return operand
        if isinstance(operand, np.ndarray) and operand.size > 1:
            first = operand[(0,) * operand.ndim]
            if not any(operand.strides) or (id(operand) in self.own and np.all(operand == first)):
                return first
        return operand

    def _operand(self, step: Step) -> Place | Array | None:
        """The operand that a step gives as it is, or the constant that it gives."""
        operand: Any = None
        if step.function is step.ufunc and not step.kwargs and self._is_constant(step.args):
            return self._constant(self._value(step.out))
        if step.function is np.power and _is_number(step.args[1]) and step.args[1] == 0:
            out = self._value(step.out)
            return self._constant(np.broadcast_to(np.ones((), out.dtype), out.shape))
        if step.function is np.positive:
            operand = step.args[0]
        elif step.function is np.multiply:
            left, right = step.args
            operand = right if self._is_one(left) else left if self._is_one(right) else None
        if type(operand) is not Place:
            return None
        value, out = self._value(operand), self._value(step.out)
        if type(value) in (bool, int, float) or _layout(value) != _layout(out):
            return None
        return operand

    def _is_constant(self, args: Sequence[Any]) -> bool:
        """Whether operands are numbers, or arrays that nobody can write into."""
        return all(_is_number(o) or (type(o) is np.ndarray and id(o) in self.own) for o in args)

    def _constant(self, value: Array) -> Array:
        self.own.add(id(value))  # for as long as a step has it
        return value

    def _is_one(self, operand: Operand) -> bool:
        if isinstance(operand, np.ndarray):
            operand = self._unrepeated(operand)
        is_alone = not np.ndim(operand) or id(operand) in self.own
        return type(operand) is not Place and is_alone and bool(np.all(operand == 1))


def _only_here(steps: Sequence[Step]) -> set[int]:
    """The ``id`` of each array that nobody else has, so that nobody can write into it."""
    counts: Counter[int] = Counter()
    arrays: dict[int, Array] = {}
    for step in steps:
        for each in (*step.args, *step.kwargs.values()):
            if type(each) is np.ndarray and each.base is None:
                arrays[id(each)] = each
                counts[id(each)] += 1
    each = None  # which would count
    if not COUNTS_REFERENCES:
        return set()
    return {key for key in arrays if sys.getrefcount(arrays[key]) <= counts[key] + 2}


def _is_number(operand: Operand) -> bool:
    return type(operand) in (int, float) or isinstance(operand, np.floating)


def _is_power_of_two(operand: Operand) -> bool:
    is_number = type(operand) in (int, float) and 0 < operand < 2.0**60
    return is_number and math.frexp(operand)[0] == 0.5 and operand > 2.0**-60


def _type(value: Operand) -> Operand:
    return type(value) if type(value) in (bool, int, float) else value.dtype


def _layout(value: Array) -> Operand:
    return value.shape, value.dtype, value.strides


def _key(step: Step) -> Hashable | None:
    """What steps have in common that give the same; ``None`` if nobody knows."""
    try:
        key = (step.function, _frozen(step.args), _frozen(step.kwargs))
        hash(key)
    except TypeError:
        return None
    return key


def _frozen(tree: Operand) -> Hashable:
    kind = type(tree)
    if kind is Place:
        return "place", int(tree)
    if kind in (list, tuple):
        return kind, tuple(map(_frozen, tree))
    if kind is dict:
        return tuple((key, _frozen(each)) for key, each in tree.items())
    if kind is slice:
        return kind, tree.start, tree.stop, tree.step
    if isinstance(tree, np.ndarray):
        return kind, id(tree)
    if kind is float:
        return kind, tree.hex()
    return kind, tree
