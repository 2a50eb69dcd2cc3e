"""``compile`` for functions of numbers: recorded once and replayed.

>>> def loss(w, samples):
...     total = 0.0
...     for x, y in samples:
...         error = w[0] * x + w[1] - y
...         total = total + (error * error if error > 0 else 0.5 * error * error)
...     return total
>>> from autograd_mini import value_and_grad
>>> step = Replayed(value_and_grad(loss))
>>> step([1.0, 0.0], [(1.0, 3.0), (2.0, 1.0)])
(3.0, [2.0, 0.0])
>>> step([1.5, 0.5], [(1.0, 0.5), (2.0, 1.0)])  # both errors are positive: recorded anew
(8.5, [13.0, 8.0])
>>> step.recordings
2
"""

from __future__ import annotations

import functools
import random
import warnings
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd_mini.core import modes
from autograd_mini.core.graph import is_node, sweep_gradients, topological_order
from autograd_mini.core.value import Value
from autograd_mini.interface.watched import Compare, watched
from autograd_mini.replay.around import Around
from autograd_mini.replay.arranged import (
    HERE,
    Layout,
    Span,
    as_float,
    as_value,
    is_float,
    is_number,
    same,
    structure_of,
)
from autograd_mini.replay.tape import Comparison, Run, Tape
from autograd_mini.trees import leaves, rebuild
from autograd_mini.typing import Array, Function, Operand, Tree

MOST_RECORDINGS = 32
"""A function that takes more ways than this through arguments of one structure is not replayed."""

BESIDE = 2
"""So many calls after the first are computed beside the recording as well."""


class Replayed:
    """A function of plain numbers that is recorded once and replayed; see ``compile``.

    Attributes:
        recordings: how many have been made.
    """

    def __init__(self, f: Function) -> None:
        functools.update_wrapper(self, f, updated=())
        self.recordings = 0
        self._f = f
        differentiates = getattr(f, "differentiates", None)
        self._inner: Function = f
        self._argnums: int | Sequence[int] | None = None
        self._with_value = True
        if differentiates:
            self._inner, self._argnums, self._with_value = differentiates
        chosen = () if self._argnums is None else self._argnums
        self._all = [chosen] if isinstance(chosen, int) else list(chosen)
        self._chosen = frozenset(self._all)
        self._known: dict[Any, list[_Recording]] = {}
        self._last: _Recording | None = None
        self._given_up: set[Any] = set()

    def __call__(self, *args: Tree, **kwargs: Tree) -> Tree:
        """The result.

        Raises:
            HoldsArray: there is an array among the arguments.
        """
        numbers: list[float] = []
        parts = [structure_of(a, numbers, i in self._chosen) for i, a in enumerate(args)]
        parts += [(name, structure_of(a, numbers)) for name, a in kwargs.items()]
        self._last = None
        if None in parts:
            return self._f(*args, **kwargs)
        structure = tuple(parts)
        try:
            known = self._known.setdefault(structure, [])
        except TypeError:
            raise TypeError(
                f"compile({_name(self._f)}) takes numbers, texts and what else has a hash, in "
                "dicts, lists and tuples"
            ) from None
        if modes.special or structure in self._given_up:
            return self._over_values(args, kwargs)
        for recording in known:
            if not recording.around.is_same():
                continue
            found = recording.tape.run(numbers, recording.layout.gradients)
            if found is False:  # it may have to raise an error
                return self._over_values(args, kwargs)
            if isinstance(found, tuple):
                if recording.beside:
                    recording.beside -= 1
                    self._compare(found, self._run(args, kwargs), recording.layout.gradients)
                self._last = recording
                return recording.layout.arranged(found)
        if len(known) >= MOST_RECORDINGS:
            self._give_up(structure)
            return self._over_values(args, kwargs)
        return self._recorded(args, kwargs, numbers, known)

    def _recorded(
        self,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        numbers: list[float],
        known: list[_Recording],
    ) -> Tree:
        """The result of a call that is recorded, and once more computed beside the recording."""
        run = self._run(args, kwargs)
        layout = self._layout(run, args) if run else None
        if run is None or layout is None:
            return self._f(*args, **kwargs)
        tape = Tape(run.outputs, run.inputs, run.comparisons)
        found = tape.run(numbers, layout.gradients)
        if not isinstance(found, tuple):  # something is not finite here
            return layout.arranged(run.numbers(layout.gradients))
        self._compare(found, self._run(args, kwargs), layout.gradients)
        self._last = _Recording(tape, layout, Around(self._inner))
        known.append(self._last)
        self.recordings += 1
        return layout.arranged(found)

    def _over_values(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tree:
        """The result of a call that is not replayed: numbers, computed by the engine."""
        run = self._run(args, kwargs)
        layout = self._layout(run, args) if run else None
        if run is None or layout is None:
            return self._f(*args, **kwargs)
        return layout.arranged(run.numbers(layout.gradients))

    def _give_up(self, structure: Hashable) -> None:
        self._given_up.add(structure)
        self._known[structure].clear()
        warnings.warn(
            f"compile({_name(self._f)}): {MOST_RECORDINGS} recordings, and another way through the "
            "code: it is not replayed any more for arguments of this structure",
            RuntimeWarning,
            stacklevel=3,
        )

    def _run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Run | None:
        """One run of the function on Values; ``None`` if it gives something else.

        Raises:
            RuntimeError: a recording of it would not compute it again.
        """
        given = tuple(self._floats(i, argument) for i, argument in enumerate(args)), kwargs
        run_args, run_kwargs = rebuild(given, map(as_value, leaves(given)))
        inputs = [leaf for leaf in leaves((run_args, run_kwargs)) if isinstance(leaf, Value)]
        comparisons: list[Comparison] = []
        made: set[Value] = set()

        def watch(compare: Compare | None, left: Operand, right: Operand, holds: bool) -> None:
            if compare is None:
                made.add(left)
            else:
                comparisons.append((compare, left, right, holds))

        before = _generators()
        with modes.recorded(), watched(watch):
            out = self._inner(*run_args, **run_kwargs)
        if _generators() != before:
            raise RuntimeError(
                f"compile({_name(self._f)}): it draws random numbers, which a recording would "
                "repeat: draw them outside, and pass them as arguments"
            )
        outputs = [leaf for leaf in leaves(out) if is_node(leaf)]
        if not outputs or not all(isinstance(output, Value) for output in outputs):
            return None
        compared = [side for _, *both, _ in comparisons for side in both if is_node(side)]
        for node in topological_order(*dict.fromkeys([*outputs, *compared])):
            if node.operation is not None and node not in made:
                raise RuntimeError(
                    f"compile({_name(self._f)}): it uses a Value that was computed before the "
                    f"call ({node!r}), which a recording would compute again: pass its number as "
                    "an argument"
                )
        return _Run(out, outputs, inputs, comparisons)

    def _layout(self, run: _Run, args: tuple[Any, ...]) -> Layout | None:
        """How results are arranged; ``None`` if there is no gradient of what the function gave."""
        parts = [HERE if is_node(leaf) else leaf for leaf in leaves(run.out)]
        shape = rebuild(run.out, iter(parts))
        if self._argnums is None:
            return Layout(shape)
        if not isinstance(run.out, Value) or any(
            not -len(args) <= n < len(args) for n in self._all
        ):
            return None
        args = tuple(self._floats(i, argument) for i, argument in enumerate(args))
        ends = np.cumsum([0, *(sum(map(is_float, leaves(each))) for each in args)]).tolist()
        places = [number % len(args) for number in self._all]
        spans = tuple(Span(args[i], ends[i], ends[i + 1]) for i in places)
        single = isinstance(self._argnums, int)
        return Layout(shape, max(ends[i + 1] for i in places), spans, single, self._with_value)

    def _compare(self, found: Run, run: _Run | None, gradients: int) -> None:
        """Hold a replayed run against a run of the function.

        Raises:
            RuntimeError: they differ.
        """
        exact = run.numbers(gradients) if run else ([], [])
        for replayed, computed in zip(found, exact, strict=True):
            if len(replayed) != len(computed):
                replayed, computed = [float(len(replayed))], [float(len(computed))]
            for ours, theirs in zip(replayed, computed, strict=True):
                if not same(ours, theirs):
                    raise RuntimeError(
                        f"compile({_name(self._f)}): the recording gives {ours!r} where the "
                        f"function gives {theirs!r}: it reads something that changes besides its "
                        "arguments, as a list, an object or a generator of random numbers: pass "
                        "it as an argument"
                    )

    def _floats(self, number: int, argument: Tree) -> Tree:
        """An argument that is differentiated has floats in the place of whole numbers."""
        if number not in self._chosen:
            return argument
        return rebuild(argument, map(as_float, leaves(argument)))


class Batched:
    """What ``compile(f, batch=True)`` gives.

    >>> from autograd_mini import value_and_grad
    >>> step = Batched(value_and_grad(lambda w, x: (w * x - 1.0) ** 2))
    >>> step(2.0, np.array([0.5, 1.0, 2.0]))
    (array([0., 1., 9.]), 14.0)
    """

    def __init__(self, f: Function) -> None:
        functools.update_wrapper(self, f, updated=())
        self._one = Replayed(f)
        self._known: dict[Hashable, tuple[_Recording, list[int]]] = {}

    @property
    def recordings(self) -> int:
        """How many have been made."""
        return self._one.recordings

    def __call__(self, *args: Tree, **kwargs: Tree) -> Tree:
        rows: list[Any] = []
        chosen = self._one._chosen
        parts = [structure_of(a, rows, i in chosen, True) for i, a in enumerate(args)]
        parts += [(name, structure_of(a, rows, False, True)) for name, a in kwargs.items()]
        structure = tuple(parts)
        try:
            recording, places = self._known[structure]
        except (KeyError, TypeError):  # unknown, or without a hash, which is refused below
            recording, places = None, [i for i, row in enumerate(rows) if type(row) is not float]
        several = {i: rows[i] for i in places}
        lanes = self._lanes(several.values())
        if not lanes or None in parts:
            return self._one(*args, **kwargs)
        if recording is None or recording.beside or not recording.around.is_same():
            self._sample(0, args, kwargs)
            recording = self._one._last
        if recording is not None:
            layout = recording.layout
            for i in places:
                rows[i] = 0.0
            found = recording.tape.run_batch(rows, several, lanes, layout.gradients)
            if found is not None:
                self._known[structure] = recording, places
                return self._arranged(layout, *found, args)
        results = [self._sample(place, args, kwargs) for place in range(lanes)]
        numbers = [[leaf for leaf in leaves(each) if is_float(leaf)] for each in results]
        columns = np.array(numbers, np.float64).T
        if self._one._argnums is None:
            given = iter(columns)
            parts = [next(given) if is_float(leaf) else leaf for leaf in leaves(results[0])]
            return rebuild(results[0], iter(parts))
        at = int(self._one._with_value)
        trees = [args[n] for n in self._one._all]
        return self._together(columns[:at], self._slopes(trees, columns[at:]))

    def _lanes(self, arrays: Collection[Any]) -> int:
        """How many samples there are; 0 where no number has several.

        Raises:
            ValueError: arrays that are no samples, or not of as many.
        """
        shapes = {array.shape for array in arrays}
        if len(shapes) > 1 or any(len(shape) != 1 or not shape[0] for shape in shapes):
            raise ValueError(
                f"compile({_name(self._one._f)}, batch=True): arrays have one axis, with a number "
                f"for each sample, of one length for all; here are shapes {sorted(shapes)}"
            )
        return int(shapes.pop()[0]) if shapes else 0

    def _sample(self, place: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tree:
        """The result for one sample."""
        given = leaves((args, kwargs))
        parts = (float(a[place]) if isinstance(a, np.ndarray) else a for a in given)
        sample_args, sample_kwargs = rebuild((args, kwargs), parts)
        return self._one(*sample_args, **sample_kwargs)

    def _arranged(
        self,
        layout: Layout,
        outputs: Array,
        sums: Sequence[float],
        own: Mapping[int, Array],
        args: Any,
    ) -> Tree:
        """What a call returns, of what the tape gives."""
        if not layout.spans:
            given = iter(outputs)
            parts = (next(given) if leaf is HERE else leaf for leaf in leaves(layout.shape))
            return rebuild(layout.shape, parts)
        slopes = []
        for span, number in zip(layout.spans, self._one._all, strict=True):
            places = range(span.start, span.end)
            if span.flat is not None and own.keys().isdisjoint(places):
                slopes.append(span.flat(sums[span.start : span.end]))
                continue
            mine = iter([own.get(i, sums[i]) for i in places])
            tree = self._one._floats(number % len(args), args[number])
            parts = (next(mine) if is_number(leaf) else leaf for leaf in leaves(tree))
            slopes.append(rebuild(tree, parts))
        return self._together(outputs[: int(layout.with_value)], slopes)

    def _slopes(self, trees: Sequence[Tree], columns: Array) -> list[Tree]:
        """Gradients of samples that were computed one by one, arranged as arguments are."""
        given = iter(columns)

        def part(leaf: Tree) -> Tree:
            if isinstance(leaf, np.ndarray):
                return next(given)
            whole = isinstance(leaf, int) and not isinstance(leaf, bool)
            return float(next(given).sum()) if is_float(leaf) or whole else leaf

        return [rebuild(tree, map(part, leaves(tree))) for tree in trees]

    def _together(self, value: Array, slopes: Sequence[Tree]) -> Tree:
        result = slopes[0] if isinstance(self._one._argnums, int) else tuple(slopes)
        return (value[0], result) if len(value) else result


@dataclass
class _Run:
    """One run of a function on Values."""

    out: Tree
    outputs: list[Value]
    inputs: list[Value]
    comparisons: list[Comparison]

    def numbers(self, gradients: int) -> Run:
        """The outputs, and the gradients of the first with respect to so many inputs."""
        values = [output.data for output in self.outputs]
        if not gradients:
            return values, []
        return values, sweep_gradients(self.out, self.inputs[:gradients], False, None)


@dataclass
class _Recording:
    """A tape, how its numbers are arranged, and what must be as it was.

    Arguments:
        beside: how many more calls are computed by the function as well.
    """

    tape: Tape
    layout: Layout
    around: Around
    beside: int = field(default=BESIDE)


def _name(f: Function) -> str:
    return getattr(f, "__name__", type(f).__name__)


def _generators() -> tuple[Any, ...]:
    """The state of the generators that everybody draws from."""
    kind, keys, *rest = np.random.get_state(legacy=True)  # noqa: NPY002
    return random.getstate(), kind, bytes(keys), tuple(rest)  # type: ignore[arg-type]
