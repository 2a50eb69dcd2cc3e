"""The steps of a trace without what is computed twice, for nothing, or of what was repeated to fit.

Every number that is left is computed as it was: by the same operations in the same order.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from autograd_mini.operations.indexing import zeros_with
from autograd_mini.replay.numpy_calls import method_called
from autograd_mini.replay.trace import Kind, Place, Step, Trace
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
    simplifier = _Simplifier(trace.values)
    steps = list(simplifier.steps(trace.steps, {}))
    places = [simplifier.renamed(Place(place)) for place in outputs]
    return _added(needed(steps, places), places), places


class _Simplifier:
    def __init__(self, values: Sequence[Any]) -> None:
        self.values = values
        self.same: dict[Place, Place] = {}
        self.repeated: dict[Place, Any] = {}

    def steps(self, steps: Sequence[Step], known: dict[Hashable, Place]) -> Iterator[Step]:
        for step in steps:
            args, kwargs = self.renamed(step.args), self.renamed(step.kwargs)
            view = None if step.view is None else self.renamed(step.view)
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
                    same = known.get(key)
                    known.setdefault(key, step.out)
                if same is not None:
                    self.same[step.out] = same
                    continue
                if step.function is np.broadcast_to or self._is_number_as_array(made):
                    self.repeated[step.out] = made.args[0]
            yield made

    def renamed(self, tree: Operand) -> Operand:
        """Arguments with the places where their values are."""
        if type(tree) is Place:
            return self.same.get(tree, tree)
        if type(tree) in (list, tuple):
            return type(tree)(map(self.renamed, tree))
        if type(tree) is dict:
            return {key: self.renamed(each) for key, each in tree.items()}
        return tree

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
            return self.repeated.get(operand, operand)
        if isinstance(operand, np.ndarray) and operand.size > 1 and not any(operand.strides):
            return operand[(0,) * operand.ndim]
        return operand

    def _operand(self, step: Step) -> Place | None:
        """The operand that a step gives as it is."""
        operand: Any = None
        if step.function is np.positive:
            operand = step.args[0]
        elif step.function is np.multiply:
            left, right = step.args
            operand = right if _is_one(left) else left if _is_one(right) else None
        if type(operand) is not Place:
            return None
        value, out = self._value(operand), self._value(step.out)
        if type(value) in (bool, int, float) or _layout(value) != _layout(out):
            return None
        return operand


def added_at(total: Array, g: Array, index: Operand, out: Array | None = None) -> Array:
    """A sum with an array that is zero but at an index.

    >>> added_at(np.ones(3), np.array([5.0]), slice(1, 2))
    array([1., 6., 1.])
    """
    if out is None:
        out = total.copy("K")
    elif out is not total:
        np.copyto(out, total)
    out[index] += g
    return out


added_at.over = 0  # type: ignore[attr-defined]  # the operand whose memory the result may have


def _added(steps: list[Step], outputs: Sequence[Place]) -> list[Step]:
    """The steps, where what is zero but at an index, and is added, is added at the index."""
    uses = Counter(place for step in steps for place in step.reads())
    uses.update(outputs)
    placed = {
        step.out: step
        for step in steps
        if step.out is not None and step.function is zeros_with and uses[step.out] == 1
    }
    dropped = set()
    for step in steps:
        if step.function is np.add and type(step.args[1]) is Place and step.args[1] in placed:
            added = placed[step.args[1]]
            step.function, step.ufunc = added_at, None
            step.args = (step.args[0], *added.args[:2])
            dropped.add(added.out)
    return [step for step in steps if step.out is None or step.out not in dropped]


def needed(steps: Sequence[Step], outputs: Iterable[Place]) -> list[Step]:
    """The steps that outputs and conditions depend on, in order."""
    wanted = set(outputs)
    kept = []
    for step in reversed(steps):
        if step.kind == Kind.SHAPE:
            if wanted.isdisjoint(step.reads()):
                continue
        elif not step.kind and step.out not in wanted:
            continue
        if step.body:
            step.body = needed(step.body, [*wanted, step.out] if step.out is not None else wanted)
        wanted.update(step.reads())
        kept.append(step)
    return kept[::-1]


def _is_power_of_two(operand: Operand) -> bool:
    is_number = type(operand) in (int, float) and 0 < operand < 2.0**60
    return is_number and math.frexp(operand)[0] == 0.5 and operand > 2.0**-60


def _is_one(operand: Operand) -> bool:
    return (
        type(operand) is not Place
        and isinstance(operand, np.ndarray | np.generic | float | int)
        and bool(np.all(operand == 1))
        and np.size(operand) > 0
    )


def _type(value: Operand) -> Operand:
    return type(value) if type(value) in (bool, int, float) else value.dtype


def _layout(value: Array) -> Operand:
    return value.shape, value.dtype, value.strides


def _key(step: Step) -> Hashable | None:
    """What steps have in common that give the same; ``None`` if nobody knows."""
    try:
        key = (step.function, _frozen(step.args), _frozen(step.kwargs), step.settings)
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
