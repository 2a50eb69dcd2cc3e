"""The hand-derived code as a program that can be run line by line, and run again with a change.

Its functions are compiled anew from their source, with a call where a statement makes an array.
Nothing of the user's is changed: the compiled twins have the same globals, and share the variables
around them.  Helpers that they call are followed.
"""

from __future__ import annotations

import ast
import functools
import sys
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import FunctionType, MethodType
from typing import Any, NamedTuple

import numpy as np

from autograd_mini.check.holders import held, holding, is_holder
from autograd_mini.check.lines.by_name import ByName
from autograd_mini.check.lines.instrument import HANDED, HOOKS, PART, WHOLE, instrumented
from autograd_mini.check.lines.source import Place, Statement, Unit, is_users, unit_of
from autograd_mini.check.lines.state import State, contents, generator_of, reached_by, silent
from autograd_mini.check.lines.syntax import adds_nothing
from autograd_mini.recording import Tape
from autograd_mini.trees import leaves, rebuild
from autograd_mini.typing import Array

Gradients = Mapping[str, Array]
Follow = Callable[[Any], Any]
"""Gives what is called in the place of a function."""
Edits = Mapping[Place, Sequence[ast.stmt | ast.Module]]
"""What may run in the place of a statement: others, or several in a row."""


class Site(NamedTuple):
    """A place at which a statement makes a value.

    Attributes:
        place: where the statement begins.
        item: which of its targets, or of the items that it returns.
        slot: ``WHOLE``, ``PART`` of what its target holds after, or ``HANDED``.
    """

    place: Place
    item: int
    slot: int


@dataclass(frozen=True, eq=False)
class Event:
    """A value that a statement made.

    Attributes:
        site: where.
        turn: how often that had happened before.
        name: the target, as it is written; of what is returned, the function's name.
        value: the array or number.
    """

    site: Site
    turn: int
    name: str
    value: Array


@dataclass
class Run:
    """What became of a run.

    Attributes:
        gradients: what it returned; ``None`` where it failed.
        error: why it failed.
        log: where they were asked for, the values that were made, and those that functions were
            handed, in order.
    """

    gradients: Gradients | None = None
    error: BaseException | None = None
    log: list[Event] = field(default_factory=list)

    @property
    def events(self) -> list[Event]:
        """The values that were made, in order."""
        return [event for event in self.log if event.site.slot != HANDED]


class OtherOutput(ValueError):
    """An edit changes what the code computes besides its gradients: it is no repair.

    Attributes:
        gradients: what it gives all the same, where the change is as small as a stabiliser.
    """

    def __init__(self, gradients: dict[str, Array] | None = None) -> None:
        super().__init__("the code computes something else")
        self.gradients = gradients


class Stopped(BaseException):
    """Ends a run from inside a hook."""


Items = dict[Any, Any] | list[Any] | tuple[Any, ...]
_CONTAINERS = (dict, list, tuple)

Visit = Callable[[Mapping[str, Any]], None]
Exchange = Callable[[Site, int, Array], Array | None]
Listen = Callable[[Site, str, Any], None]


class Program:
    """Code of the user's that gives gradients.

    Arguments:
        entry: calls it, by functions that it passes through ``follow`` before, and gives the
            gradients that came out.
        beside: the functions beside it: what they read of the functions around them, it may.
        state: what it may change, if that is known: several programs may share it.
        keeping: where values are made of which ``kept`` has all, in order, while it runs.

    >>> def manual(w):
    ...     dw = 2 * w
    ...     return {"w": dw}
    >>> program = Program(lambda follow: follow(manual)(np.array([1.0, 3.0])))
    >>> [(event.name, event.value) for event in program.run(watched=True).events]
    [('dw', array([2., 6.])), ('w', array([2., 6.]))]
    >>> (place,) = [s.place for s in program.statements if s.text == "dw = 2 * w"]
    >>> other = ast.parse("dw = 3 * w").body[0]
    >>> program.run({place: [other]}).gradients
    {'w': array([3., 9.])}
    """

    def __init__(
        self,
        entry: Callable[[Follow], Gradients],
        beside: Sequence[Callable[..., Any]] = (),
        state: State | None = None,
        keeping: Collection[Site] = (),
    ) -> None:
        self._entry, self._beside = entry, beside
        self._units: dict[Place, Unit] = {}
        self._twins: dict[tuple[object, ...], FunctionType] = {}
        self._around_code: dict[types.CodeType, Mapping[str, types.CellType]] = {}
        self._kept: list[Edits] = []
        self._state = State() if state is None else state
        self._keeping = frozenset(keeping)
        self.kept: dict[Site, list[Any]] = {}
        self._edits: Edits = {}
        self._choice = 0
        self._before: Place | None = None
        self._visit: Visit | None = None
        self._failed: Exception | None = None
        self._exchange: Exchange | None = None
        self._at: Place | None = None
        self._tape: Tape | None = None
        self._listen: Listen | None = None
        self._turned_to: Callable[[Place, types.FrameType], None] | None = None
        self._log: list[Event] | None = None
        self._turns: dict[Site, int] = {}
        self._steps, self._limit = 0, 10**7
        self._followed: dict[FunctionType, FunctionType] = {}  # in this run

    @property
    def statements(self) -> list[Statement]:
        """The statements of all functions that ran, those that hold others left out."""
        return [Statement(unit, node) for unit in self.units for node in unit.statements.values()]

    @property
    def units(self) -> list[Unit]:
        """The functions that ran."""
        return list(dict.fromkeys(self._units.values()))

    def statement(self, place: Place) -> Statement:
        """The statement, or the first line of one that holds others, that begins at a place."""
        for unit in self.units:
            if place in unit.editable:
                return Statement(unit, unit.editable[place])
        raise KeyError(place)

    def run(
        self,
        edits: Edits | None = None,
        *,
        watched: bool = False,
        exchange: Exchange | None = None,
        at: Place | None = None,
        before: Place | None = None,
        visit: Visit | None = None,
        choice: int = 0,
        listen: Listen | None = None,
        turned: Callable[[Place, types.FrameType], None] | None = None,
        restored: bool = True,
        recorded: Tape | None = None,
    ) -> Run:
        """Run it, with other statements in the places of some.

        Arguments:
            edits: by the places of the statements that are replaced, what comes in their place;
                of several the one that ``choice`` counts to is taken (they are compiled once).
            watched: whether the values that statements make are written down.
            exchange: is given each value that a statement makes, or those that the one at a place
                makes (``at``), and gives one to go on with, or ``None``.
            before, visit: the statement before which ``visit`` is called, each time, with the names
                that can be read there; ``Stopped`` ends the run, what else it raises is raised.
            listen: is told of each value that a statement makes, as the statement has it.
            turned: is called first in each turn of a loop, with the place of the loop and the
                frame that it runs in.
            restored: whether all that was changed is put back at the end.
            recorded: a tape, of a block that is open, on which what NumPy computes is recorded;
                then the values that ``listen`` is told of are recorded ones.
        """
        made = Run()
        self._edits, self._exchange, self._at, self._choice = edits or {}, exchange, at, choice
        self._before, self._visit = before, visit
        self._listen, self._turned_to, self._tape = listen, turned, recorded
        self._log = made.log if watched else None
        self._turns, self._steps, self._followed = {}, 0, {}
        self._state.begin()
        self.kept = {}
        try:
            with silent():
                made.gradients = self._entry(self._follow)
        except (Exception, Stopped, SystemExit) as error:
            made.error = error
        finally:
            self._edits, self._exchange, self._at, self._log = {}, None, None, None
            self._before = self._visit = self._listen = self._turned_to = self._tape = None
            if restored:
                self._state.restore()
        failed, self._failed = self._failed, None
        if failed is not None:
            raise failed
        if watched and made.error is None:
            self._limit = 50 * self._steps + 10_000
        return made

    def value(self, code: types.CodeType, names: Mapping[str, Any]) -> object:
        """What an expression with hooks is, from inside ``visit``.

        Raises:
            OverflowError: it seems to take for ever.
            Exception: what it raises.
        """
        steps, visit, log, listen = self._steps, self._visit, self._log, self._listen
        self._steps, self._visit, self._log, self._listen = 0, None, None, None
        try:
            return eval(code, {**names, **dict(zip(HOOKS, self._hooks, strict=True))})
        except Stopped:
            raise OverflowError("too many steps") from None
        finally:
            self._steps, self._visit, self._log, self._listen = steps, visit, log, listen

    # Functions that run

    def _follow(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """What is called in a function's place: its twin, if it is the user's."""
        if self._tape is None and type(function) in _OF_NUMPY:
            return function
        if not isinstance(function, FunctionType) and (generator := generator_of(function)):
            self._state.draw(generator)
        if self._tape is not None:
            ours = self._tape.follow(function, self._follow)
            if ours is not function:
                return ours
        if isinstance(function, FunctionType):
            if function not in self._followed:
                self._followed[function] = self._twin(function)
            return self._followed[function]
        if isinstance(function, MethodType):
            self._state.add(function.__self__)
            inner = self._follow(function.__func__)
            return function if inner is function.__func__ else MethodType(inner, function.__self__)
        if isinstance(function, functools.partial):
            return functools.partial(
                self._follow(function.func), *function.args, **function.keywords
            )
        if isinstance(function, ByName):
            return replace(function, func=self._follow(function.func))
        if isinstance(function, type):
            return self._maker(function)
        if isinstance(function, _BUILT_IN):
            return function
        call = getattr(type(function), "__call__", None)  # noqa: B004 - of the class, not of it
        if isinstance(call, FunctionType) and (twin := self._twin(call)) is not call:
            return MethodType(twin, function)
        return function

    def _maker(self, made: type) -> Callable[..., Any]:
        """What is called in the place of a class: what makes an object of it, line by line."""
        start = getattr(made, "__init__")  # noqa: B009 - a class has it as an attribute of its own
        if type(made) is not type or getattr(made, "__new__", None) is not object.__new__:
            return made
        if not isinstance(start, FunctionType) or (twin := self._twin(start)) is start:
            return made

        def make(*arguments: object, **keywords: object) -> object:
            fresh: object = object.__new__(made)
            twin(fresh, *arguments, **keywords)
            return fresh

        return make

    def _twin(self, function: FunctionType) -> FunctionType:
        code = function.__code__
        if not is_users(code.co_filename) or HOOKS[0] in code.co_freevars:
            return function
        unit = unit_of(function)
        if unit is None:
            return function
        first = unit.place(unit.tree)
        if first not in self._units:
            self._units[first] = unit
            self._state.add(*reached_by(function))
        edits = {p: s for p, s in self._edits.items() if p in unit.editable}
        before = self._before if self._before in unit.editable else None
        turns = self._turned_to is not None
        key = (function, before, turns, *((place, *map(id, s)) for place, s in edits.items()))
        twin = self._twins.get(key)
        if twin is None:
            if len(self._twins) > _MANY:
                self._twins.clear()
                self._kept.clear()
            twin = self._compiled(function, unit, edits, before)
            self._twins[key] = twin
            self._kept.append(edits)  # whose statements are known by id
        return twin

    def _compiled(
        self, function: FunctionType, unit: Unit, edits: Edits, before: Place | None
    ) -> FunctionType:
        around = self._around(function)
        hooks = dict(zip(HOOKS, self._hooks, strict=True))
        try:
            turns = self._turned_to is not None
            code = instrumented(unit, edits, before, tuple(around), turns)
        except SyntaxError:
            if edits:
                raise
            return function
        self._around_code[code] = around
        cells = tuple(
            around[name] if name in around else types.CellType(hooks[name])
            for name in code.co_freevars
        )
        twin = FunctionType(
            code, function.__globals__, function.__name__, function.__defaults__, cells
        )
        twin.__kwdefaults__ = function.__kwdefaults__
        twin.__dict__.update(function.__dict__)
        return twin

    def _around(self, function: FunctionType) -> dict[str, types.CellType]:
        """The variables of the functions around one, as far as they are at hand."""
        found: dict[str, types.CellType] = {}
        for other in (*self._beside, function):
            if isinstance(other, FunctionType) and _home(other) == _home(function):
                names = other.__code__.co_freevars
                found |= zip(names, other.__closure__ or (), strict=True)
        return found

    # Hooks, in the order of ``HOOKS``

    @functools.cached_property
    def _hooks(self) -> tuple[Callable[..., Any], ...]:
        return (
            self._made_and_kept if self._keeping else self._made,
            self._unpacked, self._wrote, self._follow, self._reached, self._chosen, self._turned,
        )  # fmt: skip

    def _made_and_kept(self, site: Site, name: str, value: object) -> object:
        """A statement made a value: what goes on in its place, of which a copy of all is kept."""
        value = self._made(site, name, value)
        if site in self._keeping:
            own = (x.copy() if isinstance(x, np.ndarray) else x for x in leaves(value))
            self.kept.setdefault(Site(*site), []).append(rebuild(value, own))
        return value

    def _turned(self, place: Place) -> None:
        """A loop begins a turn."""
        self._steps += 1
        if self._steps > self._limit:
            raise Stopped
        if self._turned_to is not None:
            self._turned_to(place, sys._getframe(1))

    def _chosen(self) -> int:
        """Which of several statements runs."""
        return self._choice

    def _made(self, site: Site, name: str, value: object) -> object:
        """A statement made a value: what goes on in its place."""
        self._steps += 1
        if self._steps > self._limit:
            raise Stopped
        if self._tape is not None:
            value = self._tape.made(value)
        if self._listen is not None:
            self._listen(Site(*site), name, value)
        if self._log is None and (self._exchange is None or self._at not in (None, site[0])):
            return value
        site = Site(*site)
        if isinstance(value, _CONTAINERS) and site.slot != PART and len(value) <= _WIDE:
            return self._items(site, name, value)
        if is_holder(value):
            inner = self._made(site, name, held(value))
            return value if inner is held(value) else holding(value, inner)
        if not (_is_real(value) or (isinstance(value, int) and self._adds_nothing(site.place))):
            return value
        kept = np.array(value, None if _is_real(value) else float)
        turn = self._turns[site] = self._turns.get(site, -1) + 1
        if self._log is not None:
            self._log.append(Event(site, turn, name, kept))
        if self._exchange is not None:
            other = self._exchange(site, turn, kept)
            if other is not None:
                if isinstance(value, np.ndarray) or isinstance(other, float):
                    return other
                return other.dtype.type(other)
        return value

    def _adds_nothing(self, place: Place) -> bool:
        """Whether a statement adds 0, so that a whole number stands where there should be none."""
        nodes = (unit.editable.get(place) for unit in self._units.values())
        return any(node is not None and adds_nothing(node) for node in nodes)

    def _items(self, site: Site, name: str, value: Items) -> Items:
        """A container that a statement made, with what goes on in the place of its items."""
        made = {}
        for number, (key, item) in enumerate(_pairs(value)):
            slot = PART if site.slot == WHOLE else site.slot
            inside = Site(site.place, number, slot)
            made[key] = self._made(inside, f"{name}[{key!r}]", item) if _is_real(item) else item
        if self._exchange is None or all(made[key] is item for key, item in _pairs(value)):
            return value
        return made if isinstance(value, dict) else type(value)(made.values())

    def _unpacked(self, sites: tuple[Site, ...], names: tuple[str, ...], values: object) -> object:
        """A statement made several values for as many targets."""
        if isinstance(values, tuple | list) and len(values) == len(sites):
            return tuple(map(self._made_and_kept, sites, names, values))
        return values

    def _wrote(self, site: Site, names: tuple[str, str], base: object, index: Any) -> None:
        """A statement wrote into an array, or into a list or dict; the names of the part and of
        the whole.
        """
        if not (self._log is not None or self._exchange or self._listen or self._keeping):
            return
        if isinstance(base, np.ndarray):
            other = self._made_and_kept(site, names[1], base)
            if other is not base:
                base[...] = other
        elif isinstance(base, list | dict) and index is not None:
            item = base[index]
            if _is_real(item):
                base[index] = self._made_and_kept(site, names[0], item)

    def _reached(self) -> None:
        """The statement that is waited for is about to run."""
        frame = sys._getframe(1)
        if self._visit is not None:
            around = contents(self._around_code.get(frame.f_code, {}))
            try:
                self._visit({**frame.f_globals, **around, **frame.f_locals})
            except Exception as error:  # the visitor's, not the code's, which could catch it
                self._failed = error
                raise Stopped from error


_OF_NUMPY = {np.ufunc, type(np.sum)} - {FunctionType}
"""The types of functions of NumPy's that call nothing of the user's, nor draw."""
_BUILT_IN = (
    type, types.BuiltinFunctionType, types.BuiltinMethodType, np.ufunc, types.MethodWrapperType,
)  # fmt: skip
_MANY = 2000
_WIDE = 64
"""Items of a container that are looked at."""


def _home(function: FunctionType) -> tuple[str, str]:
    """The file of a function, and the function that it is written in."""
    return function.__code__.co_filename, function.__qualname__.rpartition(".")[0]


def _pairs(value: Items) -> list[tuple[Any, Any]]:
    """The items of a container, each with its key."""
    return list(value.items() if isinstance(value, dict) else enumerate(value))


def _is_real(value: object) -> bool:
    """Whether it is an array of real numbers, or one, or an array of truth values: a mask."""
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "fb"
    return isinstance(value, float)
