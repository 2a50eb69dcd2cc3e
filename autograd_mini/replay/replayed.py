"""``compile``: a function of numbers, recorded once and replayed.

>>> def loss(w, samples):
...     total = 0.0
...     for x, y in samples:
...         error = w[0] * x + w[1] - y
...         total = total + (error * error if error > 0 else 0.5 * error * error)
...     return total
>>> from autograd_mini import value_and_grad
>>> step = compile(value_and_grad(loss))
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
import types
import warnings
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd_mini.core import modes
from autograd_mini.core.graph import is_node, sweep_gradients, topological_order
from autograd_mini.core.value import Value
from autograd_mini.interface.watched import Compare, watched
from autograd_mini.replay.tape import Comparison, Run, Tape
from autograd_mini.trees import leaves, rebuild
from autograd_mini.typing import Function, Operand, Tree

MOST_RECORDINGS = 32
"""A function that takes more ways than this through arguments of one structure is not replayed."""

BESIDE = 2
"""So many calls after the first are computed beside the recording as well."""


def compile(f: Function) -> Replayed:
    """A function of numbers that is recorded once and replayed: a tape of operations over floats.

    It is for functions of plain numbers in dicts, lists and tuples, or of what ``grad`` and
    ``value_and_grad`` make of them: ``step = compile(value_and_grad(loss))``.  The first call runs
    ``f`` on Values and records; later calls with the same structure compute the same operations,
    in C where that was built, on new floats.  Values and gradients are those of ``f`` over Values,
    to the last bit but for the sign of a zero.

    What decided the way through the code is checked in each call: comparisons of what was
    computed (``if v > 0``), the structure and lengths of arguments, whole numbers and texts in
    them, numbers that ``.data`` gave, global numbers and those of enclosing functions and of
    ``self``.  Where one differs, the function is recorded again and both recordings are kept.
    What cannot be seen, as a list outside that changes, must be an argument; the first calls are
    computed by ``f`` as well, and what differs is refused.

    Values and Tensors as arguments, and calls inside ``debug()`` and ``no_grad()``, go to ``f``
    itself, so that ``draw``, ``explain`` and ``steps`` work on what it returns.

    Arguments:
        f: the function, or what ``grad`` or ``value_and_grad`` gives of it.

    Raises:
        TypeError: an argument is an array, or ``f`` is no function.
        RuntimeError: ``f`` draws random numbers, or gives other numbers than its recording.
    """
    if not callable(f):
        raise TypeError(f"compile takes a function, not {type(f).__name__}")
    return Replayed(f)


class Replayed:
    """What ``compile`` gives: called as the function is.

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
        self._given_up: set[Any] = set()

    def __call__(self, *args: Tree, **kwargs: Tree) -> Tree:
        numbers: list[float] = []
        parts = [_structure(a, numbers, i in self._chosen) for i, a in enumerate(args)]
        parts += [(name, _structure(a, numbers)) for name, a in kwargs.items()]
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
        known.append(_Recording(tape, layout, _Around(self._inner)))
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
        run_args, run_kwargs = rebuild(given, map(_as_value, leaves(given)))
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

    def _layout(self, run: _Run, args: tuple[Any, ...]) -> _Layout | None:
        """How results are arranged; ``None`` if there is no gradient of what the function gave."""
        parts = [_HERE if is_node(leaf) else leaf for leaf in leaves(run.out)]
        shape = rebuild(run.out, iter(parts))
        if self._argnums is None:
            return _Layout(shape)
        if not isinstance(run.out, Value) or any(
            not -len(args) <= n < len(args) for n in self._all
        ):
            return None
        args = tuple(self._floats(i, argument) for i, argument in enumerate(args))
        ends = np.cumsum([0, *(sum(map(_is_float, leaves(each))) for each in args)]).tolist()
        places = [number % len(args) for number in self._all]
        spans = tuple(_Span(args[i], ends[i], ends[i + 1]) for i in places)
        single = isinstance(self._argnums, int)
        return _Layout(shape, max(ends[i + 1] for i in places), spans, single, self._with_value)

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
                if not _same(ours, theirs):
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
        return rebuild(argument, map(_as_float, leaves(argument)))


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
class _Layout:
    """How the numbers of a run are arranged in what a call returns.

    Arguments:
        shape: the result of the function, with ``_HERE`` for each number.
        gradients: for how many inputs gradients are computed.
        spans: where the gradients of the chosen arguments lie.
        single: whether one argument was chosen, not a sequence.
        with_value: whether the value is returned.
    """

    shape: Tree
    gradients: int = 0
    spans: tuple[_Span, ...] = ()
    single: bool = True
    with_value: bool = True

    def arranged(self, found: Run) -> Tree:
        """What a call returns."""
        outputs, numbers = found
        if not self.spans:
            given = iter(outputs)
            return rebuild(
                self.shape, (next(given) if leaf is _HERE else leaf for leaf in leaves(self.shape))
            )
        gradients = tuple(span.of(numbers) for span in self.spans)
        result = gradients[0] if self.single else gradients
        return (outputs[0], result) if self.with_value else result


@dataclass
class _Recording:
    """A tape, how its numbers are arranged, and what must be as it was.

    Arguments:
        beside: how many more calls are computed by the function as well.
    """

    tape: Tape
    layout: _Layout
    around: _Around
    beside: int = field(default=BESIDE)


class _Span:
    """Where the gradients of an argument lie, and how the argument is arranged."""

    def __init__(self, tree: Tree, start: int, end: int) -> None:
        self.start, self.end = start, end
        kind = type(tree)
        self.flat = kind if kind in (list, tuple) and all(map(_is_float, tree)) else None
        self.tree = tree

    def of(self, numbers: Sequence[float]) -> Tree:
        mine = numbers[self.start : self.end]
        if self.flat is not None:
            return self.flat(mine)
        given = iter(mine)
        return rebuild(
            self.tree, (next(given) if _is_float(leaf) else leaf for leaf in leaves(self.tree))
        )


_HERE = object()


def _is_float(leaf: object) -> bool:
    return isinstance(leaf, float | np.floating)


def _as_float(leaf: Tree) -> Tree:
    return float(leaf) if isinstance(leaf, int) and not isinstance(leaf, bool) else leaf


def _as_value(leaf: Tree) -> Tree:
    return Value(leaf) if _is_float(leaf) else leaf


def _same(left: float, right: float) -> bool:
    """Whether two floats are the same to the last bit, but for the sign of a zero."""
    return left == right or (left != left and right != right)


def _structure(tree: Tree, numbers: list[float], whole: bool = False) -> Hashable:
    """What a recording is for: how an argument is arranged, and all in it that is no float.

    The floats are added to ``numbers``; ``None`` if there is a node among the leaves.

    Arguments:
        whole: whether whole numbers count as floats.

    Raises:
        TypeError: there is an array.
    """
    kind = type(tree)
    if kind is float:
        numbers.append(tree)
        return float
    if kind is list or kind is tuple:
        if len(tree) > 4 and set(map(type, tree)) == _FLOATS:
            numbers.extend(tree)
            return kind, len(tree)
        return _branches(kind, tree, numbers, whole)
    if isinstance(tree, dict):
        found = _branches(kind, tree.values(), numbers, whole)
        return found and (found, tuple(tree))
    if isinstance(tree, list | tuple):
        return _branches(kind, tree, numbers, whole)
    if is_node(tree):
        return None
    if _is_float(tree) or (whole and isinstance(tree, int) and not isinstance(tree, bool)):
        numbers.append(float(tree))
        return float
    if isinstance(tree, np.ndarray):
        raise TypeError(
            f"compile replays functions of plain numbers, and an argument is an array of shape "
            f"{tree.shape}: give its numbers as a list (array.tolist())"
        )
    return kind, tree


_FLOATS = {float}


def _branches(kind: type, branches: Iterable[Tree], numbers: list[float], whole: bool) -> Hashable:
    parts = [_structure(branch, numbers, whole) for branch in branches]
    return None if None in parts else (kind, tuple(parts))


def _name(f: Function) -> str:
    return getattr(f, "__name__", type(f).__name__)


def _generators() -> tuple[Any, ...]:
    """The state of the generators that everybody draws from."""
    kind, keys, *rest = np.random.get_state(legacy=True)  # noqa: NPY002
    return random.getstate(), kind, bytes(keys), tuple(rest)  # type: ignore[arg-type]


_KINDS = (int, float, bool, str, type(None))


class _Around:
    """The numbers and texts outside of its arguments that a function can read.

    Those are global variables, variables of enclosing functions and attributes of ``self``, of
    the function and of the functions that it calls by a global name.
    """

    def __init__(self, f: Function) -> None:
        self._read: list[tuple[Mapping[str, Any], str, Any]] = []
        self._cells: list[tuple[Any, Any]] = []
        waiting, seen = [f], set()
        while waiting:
            each = waiting.pop()
            if id(each) in seen:
                continue
            seen.add(id(each))
            waiting += self._note(each)

    def _note(self, f: Function) -> Iterator[Any]:
        """Note what one function reads; the functions that it may call."""
        while isinstance(f, functools.partial):
            f = f.func
        owner = getattr(f, "__self__", None if isinstance(f, types.FunctionType) else f)
        if owner is not None and not isinstance(owner, types.ModuleType | type):
            attributes = getattr(owner, "__dict__", {})
            for name, value in attributes.items():
                if isinstance(value, _KINDS):
                    self._read.append((attributes, name, value))
        function = getattr(f, "__func__", f)
        if not isinstance(function, types.FunctionType):
            function = vars(type(f)).get("__call__")
        if not isinstance(function, types.FunctionType) or modes.is_ours(function.__code__):
            return
        for cell in function.__closure__ or ():
            try:
                content = cell.cell_contents
            except ValueError:  # no value yet
                continue
            if isinstance(content, _KINDS):
                self._cells.append((cell, content))
            elif callable(content):
                yield content
        codes = [function.__code__]
        for code in codes:  # grows
            codes += [inner for inner in code.co_consts if isinstance(inner, types.CodeType)]
            for name in code.co_names:
                value = function.__globals__.get(name, self)
                if isinstance(value, _KINDS):
                    self._read.append((function.__globals__, name, value))
                elif isinstance(value, types.FunctionType):
                    yield value

    def is_same(self) -> bool:
        """Whether all of it is as it was."""
        return all(
            (now := where.get(name)) is value or (now == value and type(now) is type(value))
            for where, name, value in self._read
        ) and all(
            (now := cell.cell_contents) is value or (now == value and type(now) is type(value))
            for cell, value in self._cells
        )
