"""What a function calls of NumPy, in order: run once on arrays that stand for those of later calls.

>>> trace = Trace()
>>> x = trace.input(np.array([1.0, 2.0]))
>>> y = np.sum(np.exp(x) * 2.0)
>>> [step.function.__name__ for step in trace.steps]
['exp', 'multiply', 'reduce']
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd_mini.core.graph import topological_order
from autograd_mini.interface.traced import TracedArray, Untraceable
from autograd_mini.replay.numpy_calls import (
    ABSORBING,
    OF_THE_SHAPE,
    POWERS,
    REDUCTIONS,
    REFUSED,
    item,
    keeps_shape,
    method_called,
)
from autograd_mini.typing import Array, Axis, Function, Operand


class Place(int):
    """The number of a value among those of a trace."""


class Kind:
    """What a step is besides a call, by which it is needed: what must be so, or is done."""

    TRUTH, NUMBER, SHAPE, NAN, DONE, DRAWN = "truth", "number", "shape", "nan", "done", "drawn"


@dataclass(eq=False)
class Step:
    """One call, or one condition.

    Arguments:
        function: what is called.
        args, kwargs: with what; a ``Place`` stands for a value.
        out: the place of its result; ``None`` of a condition.
        ufunc: whether it is a ufunc, or the ``reduce`` of one, which can be told where to write.
        view: the place whose memory the result is in, if it is.
        condition: its ``Kind`` if it is no mere call.
        expected: what a condition must find.
        settings: how errors of floating point are treated.
        body: of a function that was traced as one, its steps; ``args`` and ``kwargs`` are then
            what it is called with where a condition in it fails.
    """

    function: Function
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    out: Place | None = None
    ufunc: np.ufunc | None = None
    view: Place | None = None
    kind: str = ""
    expected: Any = None
    settings: tuple[tuple[str, str], ...] = ()
    body: list[Step] = field(default_factory=list)

    def reads(self) -> Iterator[Place]:
        """The places that it reads."""
        yield from places_in((self.args, self.kwargs))
        for step in self.body:
            yield from step.reads()


class Trace:
    """The calls of one run.

    Attributes:
        steps: what was called.
        values: what the values are in this run, by their places.
        inputs: the places of those that each run is given.
        outer_leaves: leaf Tensors that were computed with, and whose arrays are no inputs.
        generators: that numbers are drawn from, each with its state before.
    """

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.values: list[Any] = []
        self.inputs: list[Place] = []
        self.outer_leaves: dict[int, Any] = {}
        self.generators: dict[int, tuple[Any, Any]] = {}
        self._fixed: set[int] = set()
        self._views: set[int] = set()
        self.closed = False

    def input(self, value: Operand) -> TracedArray:
        """What stands for an argument."""
        made = self._value(value)
        self.inputs.append(Place(made.place))
        self._fixed.add(made.place)
        return made

    def outer(self, node: Operand) -> None:
        """Note the leaves of a Tensor whose array is not traced."""
        for leaf in topological_order(node):
            if leaf.operation is None and type(leaf._array) is not TracedArray:
                self.outer_leaves[id(leaf)] = leaf

    # What traced arrays ask

    def call(self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Operand:
        """The result of a function of NumPy's that has no effect besides."""
        if function in OF_THE_SHAPE:
            return function(*untraced(args), **untraced(kwargs))
        if any(kwargs.get(name) is not None for name in ("out", "where")):
            raise Untraceable(f"{function.__name__} was told where to write")
        if function is np.copyto or function in REFUSED:
            raise Untraceable(f"{function.__name__} has an effect besides its result")
        reduction = REDUCTIONS.get(function)
        if reduction is not None and (found := self._reduced(reduction, args, kwargs)) is not None:
            return found[0]
        if function is np.mean and (mean := self._mean(*args, **kwargs)) is not None:
            return mean
        if function is np.reshape and len(args) == 2 and not kwargs:
            return self.method("reshape", args, {})
        if function is np.expand_dims and not kwargs:
            shape = function(args[0].value, *args[1:]).shape
            return self.method("reshape", (args[0], shape), {})
        if function in (np.transpose, np.swapaxes) and not kwargs:
            return self.method(function.__name__, args, {})
        return self._called(function, args, kwargs)

    def ufunc(
        self, ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Operand:
        """The result of a ufunc, or of one of its methods."""
        kwargs = {k: each for k, each in kwargs.items() if each is not None or k == "axis"}
        outs = kwargs.pop("out", (None,))
        target = outs[0] if isinstance(outs, tuple) else outs
        if method == "at" or kwargs.get("where", True) is not True:
            raise Untraceable(f"{ufunc.__name__} was told where to write")
        if target is not None:
            return self._written(ufunc, method, inputs, kwargs, target)
        decided = ABSORBING.get(ufunc)
        if method == "__call__" and decided is not None:
            for operand in inputs:
                if type(operand) is not TracedArray and np.all(np.equal(operand, decided)):
                    shapes = [np.shape(untraced(each)) for each in inputs]
                    return np.broadcast_to(decided, np.broadcast_shapes(*shapes))
        if method == "__call__" and ufunc.nout == 1:
            return self._called(ufunc, inputs, kwargs, ufunc if not kwargs else None)
        if method == "reduce":
            return self._called(ufunc.reduce, inputs, kwargs, ufunc)
        function = ufunc if method == "__call__" else getattr(ufunc, method)
        return self._called(function, inputs, kwargs)

    def method(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Operand:
        """The result of a method of the first argument."""
        if name in ("sum", "max", "min", "prod", "mean", "any", "all"):
            return self.call(getattr(np, name), args, kwargs)
        if name == "astype":
            array = args[0]
            if array.dtype == np.dtype(args[1]) and not kwargs.get("copy"):
                return array
            kwargs = {}
        return self._called(method_called(name), args, kwargs)

    def operator(
        self, function: Function, ufunc: np.ufunc, left: Operand, right: Operand
    ) -> Operand:
        """The result of an operator."""
        numbers = [type(each) in _NUMBERS for each in untraced((left, right))]
        if all(numbers):  # Python's own, which give way to the dtype of an array
            return self._called(function, (left, right), {})
        is_number = type(right) in (int, float) or isinstance(right, np.floating)
        squared = ufunc is np.power and is_number and right in POWERS
        if squared and left.dtype.kind == "f":
            return self.ufunc(POWERS[right], "__call__", (left,), {})
        if any(isinstance(each, list | tuple) for each in (left, right)):
            left, right = (np.array(o) if isinstance(o, list | tuple) else o for o in (left, right))
        return self.ufunc(ufunc, "__call__", (left, right), {})

    def as_one(self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Operand:
        """The result of a function of arrays: what it calls is noted, or itself if that fails."""
        args, kwargs = _with_ends(args), _with_ends(kwargs)
        before, self.steps = self.steps, []
        count = len(self.values)
        try:
            made = function(*args, **kwargs)
            steps = self.steps
        except Untraceable:
            steps = None
        finally:
            self.steps = before
        if steps is not None and any(step.kind for step in steps):
            inside = isinstance(made, TracedArray) and made.place >= count
            last = next((s for s in reversed(steps) if s.out is not None), None)
            computed = inside and last is not None and last.out == made.place and last.ufunc
            if not computed or last is None or any(s.kind not in _DECIDING for s in steps):
                steps = None
            else:
                given, named = self._placed((args, kwargs))
                block = Step(function, given, named, last.out, body=steps)
                block.settings = last.settings
                self.steps.append(block)
                return made
        if steps is None:
            return self._called(function, args, kwargs)
        self.steps += steps
        return made

    def truth(self, array: TracedArray) -> bool:
        """Whether it is true, which is what later calls are held against."""
        found = bool(array.value)
        self._condition(Kind.TRUTH, array.place, found)
        return found

    def number(self, array: TracedArray) -> Operand:
        """The number that it is, which is what later calls are held against."""
        found = array.value if type(array.value) in _NUMBERS else array.value.item()
        self._condition(Kind.NUMBER, array.place, found)
        return found

    def as_float(self, array: TracedArray) -> TracedArray:
        """The number that it is, as a float of Python's, which may be another in later calls."""
        made: TracedArray = self._called(float, (array,), {})
        return made

    def drawn(self, draw: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Operand:
        """Random numbers, drawn anew in each run."""
        generator = getattr(draw, "__self__", None)
        if not isinstance(generator, np.random.Generator):
            raise TypeError(f"drawn takes a method of a numpy.random.Generator, not {draw!r}")
        self.generators.setdefault(id(generator), (generator, generator.bit_generator.state))
        made = self._value(draw(*args, **kwargs))
        self._fixed.add(made.place)
        self.steps.append(Step(draw, args, kwargs, Place(made.place), kind=Kind.DRAWN))
        return made

    def effect(self, function: Function, args: tuple[Any, ...]) -> None:
        """Note what is done in each run."""
        self.steps.append(Step(function, self._placed(args), {}, kind=Kind.DONE))

    # How they are noted

    def _value(self, value: Operand) -> TracedArray:
        self.values.append(value)
        return TracedArray(value, self, len(self.values) - 1)

    def _condition(self, kind: str, place: int, expected: Operand) -> None:
        self._check_open()
        self.steps.append(Step(bool, (Place(place),), {}, kind=kind, expected=expected))

    def _check_open(self) -> None:
        if self.closed:
            raise RuntimeError(
                "an array that stands for those of later calls was kept by the function that was "
                "compiled: return it, or keep nothing"
            )

    def _called(
        self,
        function: Function,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        ufunc: np.ufunc | None = None,
    ) -> Operand:
        self._check_open()
        args, kwargs = _with_ends(args), _with_ends(kwargs)
        result = function(*untraced(args), **untraced(kwargs))
        placed, named = self._placed((args, kwargs))
        step = Step(function, placed, named, ufunc=ufunc)
        step.settings = tuple((key, str(how)) for key, how in np.geterr().items())
        return self._noted(step, result)

    def _noted(self, step: Step, result: Operand) -> Operand:
        if isinstance(result, tuple | list):
            whole = self._value(result)
            step.out = Place(whole.place)
            self.steps.append(step)
            parts = [
                self._noted(Step(item, (step.out, index), {}, settings=step.settings), each)
                for index, each in enumerate(result)
            ]
            return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)
        if not isinstance(result, np.ndarray | np.generic) and type(result) not in _NUMBERS:
            if result is None:
                return None
            raise Untraceable(f"{step.function.__name__} gives a {type(result).__name__}")
        if isinstance(result, np.ndarray):
            step.view = next((p for p in step.reads() if self._is_in(result, p)), None)
            if step.view is not None:
                self._views |= {step.view, len(self.values)}
            if step.view is None and _is_constant_view(result, step):
                raise Untraceable("a view of a constant")
        made = self._value(result)
        step.out = Place(made.place)
        self.steps.append(step)
        told = step.ufunc is not None or step.view is not None
        keeps = told or keeps_shape(step.function, step.args, self._may_decide)
        if isinstance(result, np.ndarray) and not keeps:
            shape = Step(np.shape, (step.out,), {}, kind=Kind.SHAPE, expected=result.shape)
            self.steps.append(shape)
        return made

    def _may_decide(self, index: object) -> bool:
        """Whether the shape of what an index gives depends on the numbers in it."""
        return type(index) is Place and self.values[index].dtype.kind not in "iu"

    def _is_in(self, result: Array, place: Place) -> bool:
        value = self.values[place]
        if isinstance(value, tuple | list):
            return any(isinstance(v, np.ndarray) and np.may_share_memory(v, result) for v in value)
        return isinstance(value, np.ndarray) and np.may_share_memory(value, result)

    def _placed(self, tree: Operand) -> Operand:
        """Arguments, with places for traced arrays.

        Raises:
            Untraceable: one is of another trace.
        """
        if type(tree) is TracedArray:
            if tree.trace is not self:
                raise Untraceable("an array of another trace")
            return Place(tree.place)
        if type(tree) in (list, tuple):
            return type(tree)(self._placed(each) for each in tree)
        if type(tree) is dict:
            return {key: self._placed(each) for key, each in tree.items()}
        return tree

    def _reduced(
        self, ufunc: np.ufunc, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Any] | None:
        """NumPy's function as the reduction that it calls; ``None`` if it is called otherwise."""
        known = {"axis", "dtype", "keepdims", "initial"}
        kwargs = {k: v for k, v in kwargs.items() if v is not None and v is not np._NoValue}
        if len(args) > 2 or not kwargs.keys() <= known or type(args[0]) is not TracedArray:
            return None
        if len(args) == 2:
            kwargs["axis"] = args[1]
        kwargs.setdefault("axis", None)
        if not kwargs.get("keepdims", True):
            del kwargs["keepdims"]
        return (self.ufunc(ufunc, "reduce", args[:1], kwargs),)

    def _mean(self, x: Operand, axis: Axis = None, **more: Operand) -> Operand:
        """As NumPy computes it: the sum, divided by how many there are."""
        keepdims = more.pop("keepdims", False)
        more = {k: v for k, v in more.items() if v is not None and v is not np._NoValue}
        if more or not isinstance(x, TracedArray) or x.dtype not in _WIDE or not x.size:
            return None
        options = {"axis": axis, "keepdims": True} if keepdims else {"axis": axis}
        total = self.ufunc(np.add, "reduce", (x,), options)
        count = x.size // max(total.size, 1)
        if count >= 2**24:
            return None
        return self.ufunc(np.true_divide, "__call__", (total, count), {})

    def _written(
        self,
        ufunc: np.ufunc,
        method: str,
        inputs: tuple[Any, ...],
        kwargs: dict[str, Any],
        target: Operand,
    ) -> Operand:
        """The result of a ufunc that writes into one of its own results, which it becomes."""
        if type(target) is not TracedArray or target.place in self._fixed:
            raise Untraceable(f"{ufunc.__name__} writes into an array that is not its own")
        if target.place in self._views:
            raise Untraceable(f"{ufunc.__name__} writes into an array that is or has a view")
        found = self.ufunc(ufunc, method, inputs, kwargs)
        if found.shape != target.shape:
            raise Untraceable(f"{ufunc.__name__} writes into an array of another shape")
        if found.dtype != target.dtype:
            found = self.method("astype", (found, target.dtype), {})
        target.value, target.place = found.value, found.place
        return target


def places_in(tree: Operand) -> Iterator[Place]:
    """The places in nested arguments."""
    if type(tree) is Place:
        yield tree
    elif type(tree) in (list, tuple):
        for each in tree:
            yield from places_in(each)
    elif type(tree) is dict:
        for each in tree.values():
            yield from places_in(each)


def renamed(tree: Operand, same: Mapping[Place, Any]) -> Operand:
    """Arguments with others in the place of some places."""
    if type(tree) is Place:
        return same.get(tree, tree)
    if type(tree) in (list, tuple):
        return type(tree)([renamed(each, same) for each in tree])
    if type(tree) is dict:
        return {key: renamed(each, same) for key, each in tree.items()}
    return tree


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


def untraced(tree: Operand) -> Operand:
    """Arguments with the values of traced arrays."""
    if type(tree) is TracedArray:
        return tree.value
    if type(tree) in (list, tuple):
        return type(tree)(map(untraced, tree))
    if type(tree) is dict:
        return {key: untraced(each) for key, each in tree.items()}
    return tree


def _with_ends(tree: Operand) -> Operand:
    """Arguments in which ends of slices are plain numbers, read of traced ones."""
    if type(tree) is slice:
        ends = (tree.start, tree.stop, tree.step)
        return slice(*(e.__index__() if type(e) is TracedArray else e for e in ends))
    if type(tree) is tuple and not hasattr(tree, "_fields"):
        return tuple(map(_with_ends, tree))
    if type(tree) is dict:
        return {key: _with_ends(each) for key, each in tree.items()}
    return tree


def _is_constant_view(result: Array, step: Step) -> bool:
    """Whether a result is in the memory of a constant, which may change."""
    return any(
        isinstance(each, np.ndarray) and np.may_share_memory(each, result) for each in step.args
    )


COUNTS_REFERENCES: bool = getattr(sys, "_is_gil_enabled", lambda: True)()
"""Whether Python's count of references tells that nobody else has an object."""

_DECIDING = {"", Kind.TRUTH, Kind.NUMBER}
_NUMBERS = {bool, int, float}
_WIDE = (np.dtype(np.float32), np.dtype(np.float64))
