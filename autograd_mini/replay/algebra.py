"""Steps written as a person would: no sign that is taken twice, no factor that is multiplied alone.

What comes out is the same to the last bit: signs and powers of two do not round, and what is
zero but at an index is added at the index.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_mini.operations.indexing import zeros_with
from autograd_mini.replay.trace import Place, Step
from autograd_mini.typing import Array, Operand


def combined_at(
    total: Array, g: Array, index: Operand, ufunc: np.ufunc, out: Array | None = None
) -> Array:
    """A sum, or a difference, with an array that is zero but at an index.

    >>> combined_at(np.ones(3), np.array([5.0]), slice(1, 2), np.add)
    array([1., 6., 1.])
    """
    if out is None:
        out = total.copy("K")
    elif out is not total:
        np.copyto(out, total)
    out[index] = ufunc(out[index], g)
    return out


combined_at.over = 0  # type: ignore[attr-defined]  # the operand whose memory the result may have


def added_where_they_are(steps: Sequence[Step], outputs: Sequence[Place]) -> list[Step]:
    """The steps, where what is zero but at an index, and is added, is added at the index."""
    uses = _uses(steps, outputs)
    placed = {
        step.out: step
        for step in steps
        if step.out is not None and step.function is zeros_with and uses[step.out] == 1
    }
    dropped = set()
    for step in steps:
        if step.function is not np.add or step.kwargs:
            continue
        for total, g in (step.args, step.args[::-1]):
            if type(g) is Place and g in placed and type(total) is Place and g != total:
                added = placed.pop(g)
                step.function, step.ufunc = combined_at, None
                step.args = (total, *added.args[:2], np.add)
                dropped.add(added.out)
                break
    return [step for step in steps if step.out is None or step.out not in dropped]


def _uses(steps: Sequence[Step], outputs: Sequence[Place]) -> Counter[Place]:
    uses = Counter(place for step in steps for place in step.reads())
    uses.update(outputs)
    return uses


class Algebra:
    """Rewrites steps, each of operands that are written anew.

    Arguments:
        steps, outputs: the steps, and what is wanted of them.
        values: what the values are in the recorded run; those of steps that are made are added.
    """

    def __init__(self, steps: Sequence[Step], outputs: Sequence[Place], values: list[Any]) -> None:
        self._values = values
        self._outputs = set(outputs)
        self._users: dict[Place, list[Step]] = defaultdict(list)
        for step in steps:
            for place in step.reads():
                self._users[place].append(step)
        self._made: dict[Place, Step] = {}
        self.steps: list[Step] = []
        for step in steps:
            if step.out is not None and not step.kind and not step.body:
                self._rewrite(step)
                self._made[step.out] = step
            self.steps.append(step)

    def _rewrite(self, step: Step) -> None:
        if step.function is combined_at:
            negated = self._negated(step.args[1])
            if negated is not None:
                step.args = (step.args[0], negated, step.args[2], _OPPOSITE[step.args[3]])
            return
        if step.function is not step.ufunc or step.kwargs or not self._is_float(step.out):
            return
        if step.ufunc in _OPPOSITE:
            self._add(step)
        elif step.ufunc in (np.multiply, np.true_divide):
            self._multiply(step)
        elif step.ufunc is np.negative:
            factors = self._factors(step.args[0])
            if factors is not None:
                step.function = step.ufunc = np.multiply
                step.args = (-factors[0], factors[1])

    def _add(self, step: Step) -> None:
        left, right = step.args
        if (negated := self._negated(right)) is not None:
            step.args = (left, negated)
            step.function = step.ufunc = _OPPOSITE[step.ufunc]
        elif step.ufunc is np.add and (negated := self._negated(left)) is not None:
            step.args = (right, negated)
            step.function = step.ufunc = np.subtract

    def _multiply(self, step: Step) -> None:
        left, right = step.args
        assert step.out is not None
        for i, (number, other) in enumerate(((left, right), (right, left))):
            if not _is_number(number) or type(other) is not Place:
                continue
            negated = self._negated(other)
            if negated is not None:
                number, other = -number, negated
            factors = self._factors(other) if step.ufunc is np.multiply else None
            if factors is not None and _rounds_not(factors[0], number):
                number, other = number * factors[0], factors[1]
            step.args = (number, other) if not i else (other, number)
            if number == -1 and _layout(self._values[other]) == _layout(self._values[step.out]):
                step.function = step.ufunc = np.negative
                step.args = (other,)
            return
        inner = [self._negated(each) for each in step.args]
        if inner == [None, None] or not self._takes_signs(step.out):
            return
        step.args = tuple(o if n is None else n for n, o in zip(inner, step.args, strict=True))
        if None in inner:
            self._values.append(-self._values[step.out])
            place = Place(len(self._values) - 1)
            product = Step(step.function, step.args, {}, place, step.ufunc, settings=step.settings)
            self._made[place] = product
            self.steps.append(product)
            step.function = step.ufunc = np.negative
            step.args = (place,)

    def _negated(self, operand: Operand) -> Place | None:
        """What an operand is the negative of."""
        step = self._made.get(operand) if type(operand) is Place else None
        if step is None or step.function is not np.negative or step.kwargs:
            return None
        (inner,) = step.args
        return inner if type(inner) is Place and self._is_float(inner) else None

    def _factors(self, operand: Operand) -> tuple[Any, Place] | None:
        """A number and what it is multiplied by, of a product that nobody else needs."""
        step = self._made.get(operand) if type(operand) is Place else None
        if step is None or step.function is not np.multiply or step.kwargs:
            return None
        if len(self._users[operand]) != 1 or operand in self._outputs:
            return None
        for number, other in (step.args, step.args[::-1]):
            same = type(other) is Place and _layout(self._values[other]) == _layout(
                self._values[operand]
            )
            if _is_number(number) and same:
                return number, other
        return None

    def _takes_signs(self, place: Place) -> bool:
        """Whether the sign of a value is free for the one step that uses it."""
        if len(self._users[place]) != 1 or place in self._outputs:
            return False
        (user,) = self._users[place]
        if user.function is combined_at:
            return bool(user.args[1] == place)
        if user.function is not user.ufunc or user.kwargs:
            return False
        if user.ufunc in (np.multiply, np.true_divide):
            made = user.out
            is_passed_on = made is not None and self._is_float(made) and self._takes_signs(made)
            return is_passed_on or any(map(_is_number, user.args))
        return user.ufunc is np.add or (user.ufunc is np.subtract and user.args[1] == place)

    def _is_float(self, place: Place | None) -> bool:
        value = None if place is None else self._values[place]
        return isinstance(value, np.ndarray | np.floating) and value.dtype.kind == "f"


_OPPOSITE: dict[Any, np.ufunc] = {np.add: np.subtract, np.subtract: np.add}


def _is_number(operand: Operand) -> bool:
    is_number = type(operand) in (int, float) or isinstance(operand, np.floating)
    return is_number and math.isfinite(operand)


def _rounds_not(a: Operand, b: Operand) -> bool:
    """Whether multiplying by both numbers is multiplying by their product, to the last bit."""
    if type(a) is not type(b) and isinstance(a, np.floating) and isinstance(b, np.floating):
        return False
    return any(abs(math.frexp(each)[0]) == 0.5 and 0.25 <= abs(each) <= 8 for each in (a, b))


def _layout(value: Operand) -> object:
    return np.shape(value), getattr(value, "dtype", type(value)), getattr(value, "strides", None)
