"""``compile`` for functions of arrays: traced once for arguments of one kind, and run as planned.

>>> from autograd_mini import value_and_grad
>>> def loss(w, X, y):
...     return np.mean((np.tanh(X @ w) - y) ** 2)
>>> step = Planned(value_and_grad(loss))
>>> X, y = np.eye(2), np.array([0.0, 1.0])
>>> step(np.zeros(2), X, y)
(0.5, array([ 0., -1.]))
>>> value, slope = step(np.array([0.0, 1.0]), X, y)
>>> step.recordings
1
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import numpy as np

from autograd_mini.core import modes
from autograd_mini.core.graph import is_node, sweep_gradients
from autograd_mini.core.tensor import Tensor
from autograd_mini.interface.traced import TracedArray, Untraceable, current, is_traced
from autograd_mini.replay.around import Around
from autograd_mini.replay.arranged import HERE, arranger
from autograd_mini.replay.memory import Program
from autograd_mini.replay.plan import Plan
from autograd_mini.replay.trace import Place, Trace
from autograd_mini.trees import leaves, rebuild
from autograd_mini.typing import Array, Function, Operand, Tree

MOST_RECORDINGS = 32
"""A function that takes more ways than this through arguments of one kind is not replayed."""

MOST_KINDS = 32
"""Recordings for arguments of so many shapes, dtypes and whole numbers are kept."""

BESIDE = 2
"""So many calls after the first are computed by the function as well."""

_tracing = threading.RLock()
"""Held while leaves stand for those of later calls."""


class Planned:
    """A function of arrays that is traced and planned; see ``compile``.

    Arguments:
        f: the function.
        wrt: leaves that ``f`` uses, whose gradients each call gives besides.
        of_numbers: what is called where no argument is an array.

    Attributes:
        recordings: how many have been made.
    """

    def __init__(self, f: Function, wrt: Tree = (), of_numbers: Function | None = None) -> None:
        self.recordings = 0
        self._f, self._tree, self._wrt = f, wrt, leaves(wrt)
        differentiates = getattr(f, "differentiates", None)
        self._inner: Function = differentiates[0] if differentiates else f
        self._name = getattr(f, "__name__", type(f).__name__)
        self._known: dict[Hashable, list[_Recording]] = {}
        self._given_up: set[Hashable] = set()
        self._of_numbers = of_numbers
        self._is_warned = False
        self._last: tuple[Hashable, list[_Recording]] = None, []

    def __call__(self, *args: Tree, **kwargs: Tree) -> Tree:
        arrays: list[Any] = []
        key: Operand = _kind_of(args, arrays)
        if kwargs and key is not None:
            named = _kind_of(kwargs, arrays)
            key = None if named is None else (key, named)
        if key is None or modes.special:
            return self._f(*args, **kwargs) if not self._wrt else self._eager(args, kwargs)
        if self._wrt:
            own = [leaf._array for leaf in self._wrt]
            arrays += own
            key = key, tuple(map(_layout, own))
        last, known = self._last
        if key != last:  # which is sooner than to look for it
            types = [np.asarray(each).dtype.kind for each in arrays]
            if self._of_numbers is not None and np.ndarray not in map(type, arrays):
                return self._of_numbers(*args, **kwargs)
            if not set(types) <= set("fiub") and not self._wrt:
                return self._f(*args, **kwargs)
            if not set(types) <= set("fiub") or key in self._given_up:
                return self._eager(args, kwargs)
            known = self._known[key] if key in self._known else self._new_kind(key)
            self._last = key, known
        for recording in known:
            if not recording.around.is_same():
                continue
            states = _states(recording.generators) if recording.generators else ()
            found = recording.run(arrays)
            if found is None:
                _set_states(states)
                continue
            result = recording.arranged(found)
            if recording.beside:
                recording.beside -= 1
                _set_states(states)
                self._compare(result, self._once_more(args, kwargs))
            return result
        if len(known) >= MOST_RECORDINGS:
            self._give_up(key)
            return self._eager(args, kwargs)
        return self._recorded(args, kwargs, arrays, known)

    def _new_kind(self, key: Hashable) -> list[_Recording]:
        """The recordings of arguments of another kind; those of the first are forgotten."""
        if len(self._known) >= MOST_KINDS:
            del self._known[next(iter(self._known))]
            if not self._is_warned:
                self._is_warned = True
                warnings.warn(
                    f"compile({self._name}): arguments of {MOST_KINDS} kinds, each of which is "
                    "recorded: pass whole numbers that change as floats, and arrays of few shapes",
                    RuntimeWarning,
                    stacklevel=4,
                )
        return self._known.setdefault(key, [])

    def _eager(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tree:
        """The result of the function itself."""
        if not self._wrt:
            return _plain(self._f(*args, **kwargs))
        with modes.recorded():
            return self._with_gradients(self._f(*args, **kwargs))

    def _with_gradients(self, out: Tree) -> Tree:
        """What a function gave, and the gradients of its first part with respect to leaves."""
        parts = leaves(out)
        if not parts or not isinstance(parts[0], Tensor):
            raise TypeError(
                f"compile({self._name}, wrt=...): it returns a Tensor that depends on the leaves, "
                f"or a tuple that begins with one, not {type(out).__name__}"
            )
        slopes = sweep_gradients(parts[0], self._wrt, False, None)
        return _plain((out, rebuild(self._tree, iter(slopes))))

    def backward(self, *args: Tree, **kwargs: Tree) -> Tree:
        """What the function gives; the gradients are added to ``grad`` of the leaves.

        >>> w = Tensor([1.0, 2.0])
        >>> float(Planned(lambda x: np.sum(w * w * x), [w]).backward(np.ones(2))), w.grad
        (5.0, array([2., 4.]))
        """
        out, slopes = self(*args, **kwargs)
        given = slopes if type(self._tree) is list else leaves(slopes)
        for leaf, slope in zip(self._wrt, given, strict=True):
            leaf.receive(slope)
        return out

    def _recorded(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], arrays: Sequence[Any],
        known: list[_Recording],
    ) -> Tree:  # fmt: skip
        """The result of a call that is traced."""
        around = Around(self._inner)
        recording, states = self._traced(args, kwargs, arrays, around)
        _set_states(states)
        expected = self._eager(args, kwargs)
        _set_states(states)
        found = recording.run(arrays, effects=False)
        if found is not None:  # else no condition holds, or the function does not repeat itself
            result = recording.arranged(found)
            self._compare(result, expected)
            expected = result
        known.append(recording)
        self.recordings += 1
        return expected

    def _once_more(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tree:
        """The result of the function itself, without what it does besides."""
        current.without_effects = True
        try:
            return self._eager(args, kwargs)
        finally:
            current.without_effects = False

    def _traced(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], arrays: Sequence[Any], around: Around
    ) -> tuple[_Recording, States]:
        """A recording of a call, and the states that generators had before it."""
        outer: list[Tensor] = []
        while True:
            trace = Trace()
            given = [trace.input(array) for array in arrays]
            own = [trace.input(leaf._array) for leaf in outer]
            first = len(given) - len(self._wrt)
            with _standing_for([*self._wrt, *outer], [*given[first:], *own], trace):
                out = self._run(args, kwargs, given[:first])
            states = tuple(trace.generators.values())
            if not trace.outer_leaves:
                break
            outer += trace.outer_leaves.values()
            _set_states(states)
        outputs = [Place(leaf.place) for leaf in leaves(out) if is_traced(leaf)]
        return _Recording(Plan(trace, outputs), out, outer, trace, around), states

    def _run(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], given: Sequence[TracedArray]
    ) -> Tree:
        """What the function gives of traced arrays in the place of arrays and floats."""
        following = iter(given)
        parts = [next(following) if _is_given(leaf) else leaf for leaf in leaves((args, kwargs))]
        traced_args, traced_kwargs = rebuild((args, kwargs), iter(parts))
        try:
            return self._eager(traced_args, traced_kwargs)
        except Untraceable as error:
            raise TypeError(
                f"compile({self._name}) cannot follow what it computes: {error}"
            ) from None

    def _compare(self, found: Tree, expected: Tree) -> None:
        """Hold a replayed call against one of the function.

        Raises:
            RuntimeError: they differ.
        """
        ours, theirs = leaves(found), leaves(expected)
        same = len(ours) == len(theirs) and all(map(_agree, ours, theirs))
        if not same:
            raise RuntimeError(
                f"compile({self._name}): the recording gives other numbers than the function: it "
                "reads something that changes besides its arguments, as a list, an object or a "
                "generator of random numbers: pass it as an argument"
            )

    def _give_up(self, key: Hashable) -> None:
        self._given_up.add(key)
        del self._known[key]
        self._last = None, []
        warnings.warn(
            f"compile({self._name}): {MOST_RECORDINGS} recordings, and another way through the "
            "code: it is not replayed any more for arguments of this kind",
            RuntimeWarning,
            stacklevel=3,
        )


@contextmanager
def _standing_for(
    nodes: Sequence[Tensor], arrays: Sequence[TracedArray], trace: Trace
) -> Iterator[None]:
    """A block in which leaves have traced arrays, and this thread is recorded in a trace."""
    with _tracing:
        before = [leaf._array for leaf in nodes]
        try:
            for leaf, array in zip(nodes, arrays, strict=True):
                leaf._array = cast("Array", array)
            current.trace = trace
            yield
        finally:
            trace.closed, current.trace = True, None
            for leaf, plain in zip(nodes, before, strict=True):
                leaf._array = plain


class _Recording:
    """A program for arguments of one kind, and how its results are arranged.

    Arguments:
        plan: the program.
        out: what the function gave; a traced array stands for what is computed.
        outer: Tensors outside of the arguments, whose arrays are read in each run.
        trace: of which the program is.
        around: what must be as it was.
    """

    def __init__(
        self, plan: Plan, out: Tree, outer: list[Tensor], trace: Trace, around: Around
    ) -> None:
        self.plan, self.around, self.beside = plan, around, BESIDE
        self.generators = [generator for generator, _ in trace.generators.values()]
        self._outer = outer
        parts = (HERE if is_traced(leaf) else leaf for leaf in leaves(out))
        self.arranged = arranger(rebuild(out, parts))
        self._idle: list[Program] = []

    def run(self, arrays: Sequence[Any], effects: bool = True) -> tuple[Any, ...] | None:
        """What the program gives; ``None`` if a condition does not hold."""
        if self._outer:
            arrays = [*arrays, *(leaf._array for leaf in self._outer)]
        program = self._program()
        found: tuple[Any, ...] | None = program.run(effects, *arrays)
        self._idle.append(program)
        return found

    def _program(self) -> Program:
        """One that no thread runs, and whose results nobody has any more."""
        for _ in range(len(self._idle)):
            try:
                program = self._idle.pop()
            except IndexError:
                break
            if program.is_free():
                return program
            if len(self._idle) < MOST_KEPT:
                self._idle.insert(0, program)
        return self.plan.program()


MOST_KEPT = 2
"""So many programs are waited for until nobody has their results."""

States = Sequence[tuple[np.random.Generator, Any]]
"""Generators, each with a state."""


def _states(generators: Sequence[np.random.Generator]) -> States:
    return [(generator, generator.bit_generator.state) for generator in generators]


def _set_states(states: States) -> None:
    for generator, state in states:
        generator.bit_generator.state = state


def _kind_of(tree: Tree, arrays: list[Any]) -> object:
    """How arguments are arranged, layouts of arrays, and all else in them that is no float.

    Floats and arrays are added to ``arrays``; ``None`` if there is a node among the leaves.
    """
    kind = type(tree)
    if kind is np.ndarray:
        arrays.append(tree)
        return tree.shape, tree.dtype, tree.strides
    if kind is float or isinstance(tree, np.floating):
        arrays.append(tree)
        return kind
    if kind is tuple or kind is list or isinstance(tree, list | tuple):
        parts: list[Any] = [kind]
        for each in tree:
            if type(each) is np.ndarray:  # as above, sooner
                arrays.append(each)
                parts.append((each.shape, each.dtype, each.strides))
            elif (part := _kind_of(each, arrays)) is not None:
                parts.append(part)
            else:
                return None
        return tuple(parts)
    if isinstance(tree, dict):
        inside = _kind_of(tuple(tree.values()), arrays)
        return None if inside is None else (kind, tuple(tree), inside)
    others = is_node(tree) or is_traced(tree) or hasattr(tree, "takes_over")
    if others or isinstance(tree, np.ndarray):
        return None
    return kind, tree


def _layout(array: Array) -> object:
    return array.shape, array.dtype, array.strides


def _is_given(leaf: object) -> bool:
    return isinstance(leaf, np.ndarray | float | np.floating)


def _plain(out: Tree) -> Tree:
    """What a function gave, with arrays and numbers in the place of Tensors."""
    parts = (leaf.data if isinstance(leaf, Tensor) else leaf for leaf in leaves(out))
    return rebuild(out, (p[()] if isinstance(p, np.ndarray) and not p.ndim else p for p in parts))


def _agree(ours: Operand, theirs: Operand) -> bool:
    """Whether two results are the same but for rounding."""
    if not isinstance(theirs, np.ndarray | np.generic | float):
        return bool(ours == theirs)
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
        return False
    if theirs.dtype.kind != "f":
        return bool(np.array_equal(ours, theirs))
    bound = float(np.sqrt(np.finfo(theirs.dtype).eps))
    size = np.max(np.abs(theirs), initial=0.0, where=np.isfinite(theirs))
    return bool(np.allclose(ours, theirs, bound, bound * float(size), equal_nan=True))
