"""A training step: what is called, and the names behind which stands all that it can change."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Collection, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from autograd_mini.check.lines.program import Follow, Program, Site
from autograd_mini.check.lines.source import Place, is_users
from autograd_mini.check.lines.state import State
from autograd_mini.check.steps.variables import Held, Space, Variable, variables
from autograd_mini.typing import Array

Call = Callable[[Follow], tuple[Any, Sequence[Mapping[str, Any]]]]


@dataclass(frozen=True)
class Step:
    """Code that trains a little.

    Attributes:
        spaces: the names that it reads, with what they stand for before it.
        call: runs it; gives what it returned, and the spaces after it.
        words: what it is, in a sentence.
        functions: those that it is made of, as far as that is known.
        later: another one, so many turns of a loop, or calls, later; ``None`` where there is none.
        is_apart: whether a later one has values of its own, so that this one can still be run.
        is_part: whether it is a turn of a loop in another one, which updates more besides.
        anew: of a turn that may be no step by itself, the names that its loop binds in each turn.
        at_rest: what is 0 when it begins, whatever it found, as a momentum.
        derived: of one that updates nothing itself what its gradients are, in a sentence.
        shown: of a turn of a loop what is printed behind the loop, as it is written.
        begins: of such a turn where its first statement is.
    """

    spaces: Sequence[Space]
    call: Call
    words: str
    functions: tuple[Callable[..., Any], ...] = ()
    later: Callable[[int], Step | None] | None = None
    is_apart: bool = False
    is_part: bool = False
    anew: frozenset[str] | None = None
    at_rest: tuple[Variable, ...] = ()
    derived: str = ""
    shown: tuple[str, ...] = ()
    begins: Place | None = None

    @property
    def state(self) -> State:
        """What it may change, as it is before the step."""
        return self._start[0]

    @cached_property
    def narrow(self) -> list[tuple[Variable, Array]]:
        """The arrays of float32 and float16 that it finds, in float64."""
        found = variables(self.spaces)
        return [(v, v.before) for v in found if v.kind == "array" and v.is_narrow(self.spaces)]

    def program(
        self,
        collect: Callable[[Any, Sequence[Mapping[str, Any]]], Any],
        prepare: Callable[[Sequence[Space]], None] = lambda spaces: None,
        keeping: Collection[Site] = (),
    ) -> Program:
        """The step as a program.

        Arguments:
            collect: is given what it returned, and the spaces after it; gives its gradients.
            prepare: puts what is wanted in the place of what it finds.
            keeping: as for ``Program``.
        """

        def entry(follow: Follow) -> Held:
            with self.names_kept():
                for variable, wide in self.narrow:
                    variable.put(self.spaces, wide.copy())
                prepare(self.spaces)
                for variable in self.at_rest:
                    variable.put(self.spaces, np.zeros(variable.before.shape)[()])
                return collect(*self.call(follow))

        return Program(entry, self.functions, self.state, keeping)

    @cached_property
    def known(self) -> Program:
        """A program of it that has run, so that its statements are known."""
        program = self.program(lambda result, after: {})
        program.run()
        return program

    @contextmanager
    def names_kept(self) -> Iterator[None]:
        """At its end all names stand for what they stood for at its beginning."""
        before = [dict(space) for space in self.spaces]
        try:
            yield
        finally:
            self._bind(before)

    @cached_property
    def _start(self) -> tuple[State, list[dict[str, Any]]]:
        state = State()
        for space in self.spaces:
            state.add(*space.values())
        return state, [dict(space) for space in self.spaces]

    def _bind(self, before: Sequence[Mapping[str, Any]]) -> None:
        for space, held in zip(self.spaces, before, strict=True):
            for name in [name for name in space if name not in held]:
                del space[name]
            for name, value in held.items():
                if space.get(name) is not value:
                    space[name] = value

    def restore(self) -> None:
        """Put everything as it is before the step, whatever ran since ``state`` was first read."""
        state, names = self._start
        self._bind(names)
        state.restore()


class Cells(MutableMapping[str, Any]):
    """The variables of functions around one, by name.

    >>> def outer(rate):
    ...     return lambda w: w * rate
    >>> cells = Cells(outer(0.5))
    >>> cells["rate"] = 2.0
    >>> dict(cells)
    {'rate': 2.0}
    """

    def __init__(self, function: types.FunctionType) -> None:
        names = function.__code__.co_freevars
        self._cells = dict(zip(names, function.__closure__ or (), strict=True))

    def __getitem__(self, name: str) -> Held:
        try:
            return self._cells[name].cell_contents
        except ValueError:  # it is not set yet
            raise KeyError(name) from None

    def __setitem__(self, name: str, value: object) -> None:
        self._cells[name].cell_contents = value

    def __delitem__(self, name: str) -> None:
        raise TypeError(f"the variable {name!r} of a function around cannot be taken away")

    def __iter__(self) -> Iterator[str]:
        return (name for name, cell in self._cells.items() if _is_set(cell))

    def __len__(self) -> int:
        return sum(map(_is_set, self._cells.values()))


def _is_set(cell: types.CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - it raises where there is nothing
    except ValueError:
        return False
    return True


def step_of(
    function: Callable[..., Any], arguments: Sequence[Any], keywords: Mapping[str, Any]
) -> Step:
    """A step that is a call of a function or method.

    Raises:
        TypeError: it cannot be called so.

    >>> def step(W, x):
    ...     W -= 0.1 * x
    >>> step_of(step, ([1.0], 2.0), {}).spaces[0]
    {'W': [1.0], 'x': 2.0}
    """
    if not callable(function):
        raise TypeError(
            f"step is a function that trains a little, not {type(function).__name__}: give the "
            "function and its arguments, check_step(net.train_step, X, y)"
        )
    while isinstance(function, functools.partial):
        arguments, keywords = (*function.args, *arguments), {**function.keywords, **keywords}
        function = function.func
    try:
        signature = inspect.signature(function)
    except ValueError as error:
        raise TypeError(f"{function!r} is no function of Python's: {error}") from error
    bound = signature.bind(*arguments, **keywords)
    handed: Space = dict(bound.arguments)
    plain, owner = _plain(function)
    if owner is not None:
        handed = {"self": owner, **handed}
    functions = list(_reached(plain)) if plain is not None else []
    spaces: list[Space] = [handed, *(Cells(f) for f in functions if f.__closure__)]
    namespaces = {id(f.__globals__): f.__globals__ for f in functions}
    spaces += namespaces.values()

    def call(follow: Follow) -> tuple[Any, Sequence[Mapping[str, Any]]]:
        again = inspect.BoundArguments(
            signature,
            {name: handed[name] for name in bound.arguments},
        )
        result = follow(function)(*again.args, **again.kwargs)
        return result, spaces

    name = getattr(function, "__qualname__", type(function).__qualname__)
    step = Step(spaces, call, f"one call of {name}", tuple(functions))

    def later(number: int) -> Step:
        step.restore()

        def calls(follow: Follow) -> Mapping[str, Array]:
            for _ in range(number):
                step.call(follow)
            return {}

        error = Program(calls, step.functions, step.state).run(restored=False).error
        if error is not None:
            raise error
        again = step_of(function, arguments, keywords)
        return replace(again, words=f"call {number + 1} of {name}")

    return replace(step, later=later)


def _plain(function: Callable[..., Any]) -> tuple[types.FunctionType | None, object]:
    """The function that holds the code, and the object whose method it is."""
    if isinstance(function, types.MethodType):
        inner = function.__func__
        return (inner if isinstance(inner, types.FunctionType) else None), function.__self__
    if isinstance(function, types.FunctionType):
        return function, None
    called = getattr(type(function), "__call__", None)  # noqa: B004 - of the class, not of it
    return (called, function) if isinstance(called, types.FunctionType) else (None, None)


def _reached(function: types.FunctionType) -> Iterator[types.FunctionType]:
    """A function, and those of the user's that it can call by a name."""
    found = {function: None}
    waiting = [function]
    for one in waiting:  # grows while it is walked
        yield one
        inner = list(Cells(one).values())
        codes = [one.__code__]
        for code in codes:
            codes += [c for c in code.co_consts if isinstance(c, types.CodeType)]
            inner += [one.__globals__[n] for n in code.co_names if n in one.__globals__]
        for other in (f for value in inner for f in _functions_of(value)):
            if other not in found and is_users(other.__code__.co_filename):
                found[other] = None
                waiting.append(other)


def _functions_of(value: object) -> Iterator[types.FunctionType]:
    if isinstance(value, types.FunctionType):
        yield value
    elif isinstance(value, types.MethodType):
        yield from _functions_of(value.__func__)
    elif isinstance(value, types.ModuleType):
        if is_users(getattr(value, "__file__", None) or "<frozen>"):
            yield from (f for f in vars(value).values() if isinstance(f, types.FunctionType))
    else:
        owner = value if isinstance(value, type) else type(value)
        yield from (f for f in vars(owner).values() if isinstance(f, types.FunctionType))
