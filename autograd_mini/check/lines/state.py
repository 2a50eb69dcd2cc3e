"""What the user's code could change outside of itself, and how to put it back."""

from __future__ import annotations

import io
import operator
import random
import sys
import types
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout, suppress
from typing import Any, TypeAlias, TypeVar

import numpy as np

from autograd_mini.check.lines.source import is_users
from autograd_mini.typing import Array

K = TypeVar("K")

DRAWN = "Random numbers are drawn in {}: each run was given the same ones"
"""What is said of them."""

_MANY = 5000
"""How many objects are looked after."""


class State:
    """Arrays, dicts, lists and objects of the user's, as they are when they are first seen.

    Each time that it begins, random numbers are drawn anew from where their generators stood then.

    >>> weights, state = {"W": np.zeros(2)}, State()
    >>> state.add(weights)
    >>> weights["W"] += 1
    >>> weights["b"] = 1.0
    >>> state.restore()
    >>> weights
    {'W': array([0., 0.])}
    """

    def __init__(self) -> None:
        self._seen: dict[int, tuple[Any, Any]] = {}
        self._generators: list[Generator] = []
        self._drawn: dict[int, Drawn] = {}  # where these stood before it began
        self.draws = False  # whether a function of one was called

    def begin(self) -> None:
        """Draw the same random numbers as when it began before, until all is put back."""
        self._drawn = {}
        for one in self._generators:
            self._drawn[id(one)] = _generator_state(one)
            _set_generator(one, self._seen[id(one)][1])

    def draw(self, generator: Generator) -> None:
        """Look after a generator that numbers are drawn from."""
        self.add(generator)
        self.draws = True

    def add(self, *roots: object) -> None:
        """Look after objects, and all that can be reached from them."""
        found = list(roots)
        for one in found:  # grows while it is walked
            if len(self._seen) >= _MANY:
                return
            if isinstance(one, types.FunctionType) and is_users(one.__code__.co_filename):
                found += one.__closure__ or ()
            if id(one) in self._seen or not _can_change(one):
                continue
            self._seen[id(one)] = one, _copy(one)
            if isinstance(one, Generator):
                self._generators.append(one)
            found += _inside(one)

    def restore(self) -> None:
        """Put everything back as it was."""
        for one, before in self._seen.values():
            if isinstance(one, np.ndarray):
                _put_back(one, before)
            elif isinstance(one, list):
                if not _same(one, before):
                    one[:] = before
            elif isinstance(one, types.CellType):
                one.cell_contents = before
            elif isinstance(one, Generator):
                _set_generator(one, self._drawn.get(id(one), before))
            else:
                held = one if isinstance(one, dict) else vars(one)
                if not (_same(held, before) and _same(held.values(), before.values())):
                    held.clear()
                    held.update(before)
        self._drawn = {}


def _put_back(array: Array, before: Array) -> None:
    """Write what an array held, which takes less time than to compare; no recording sees it."""
    if array.shape != before.shape:
        array.shape = before.shape
    if 0 in array.strides or not array.flags.writeable:  # it was hardly written to
        if not np.array_equal(array, before, equal_nan=array.dtype.kind == "f"):
            array[...] = before
    elif isinstance(array, np.ma.MaskedArray):
        array[...] = before
    else:
        np.ndarray.__setitem__(array, ..., before)


Generator = np.random.Generator | np.random.RandomState | random.Random
"""What draws random numbers."""
_GENERATORS = (np.random.Generator, np.random.RandomState, random.Random)
Drawn: TypeAlias = Any
"""Where a generator stands: a dict, or a tuple of numbers."""


def generator_of(function: object) -> Generator | None:
    """The generator that a function draws from, or sets: ``np.random``'s own, Python's, another.

    >>> generator_of(random.gauss) is generator_of(random.random), generator_of(len)
    (True, None)
    """
    owner = getattr(function, "__self__", None)
    if id(function) in _OF_NUMPY:
        owner = GENERATORS[0]
    return owner if isinstance(owner, _GENERATORS) else None


GENERATORS = (np.random.rand.__self__, random.random.__self__)  # type: ignore[attr-defined]
"""NumPy's own and Python's, which all share."""
_OF_NUMPY = {*map(id, (np.random.seed, np.random.set_state, np.random.get_state))}
"""Functions of ``np.random`` that are no methods of its generator, by their numbers."""


def _generator_state(one: Generator) -> Drawn:
    if isinstance(one, np.random.Generator):
        return one.bit_generator.state
    return one.getstate() if isinstance(one, random.Random) else one.get_state()


def _set_generator(one: Generator, state: Drawn) -> None:
    if isinstance(one, np.random.Generator):
        one.bit_generator.state = state
    elif isinstance(one, random.Random):
        one.setstate(state)
    else:
        one.set_state(state)


def _same(one: Any, other: Any) -> bool:
    if len(one) != len(other):
        return False
    return all(map(operator.is_, one, other)) or all(map(_is, one, other))


def _is(one: object, other: object) -> bool:
    """Whether two are one, or equal texts or whole numbers.

    >>> _is(0, 0), _is(0, np.zeros(2))
    (True, False)
    """
    return one is other or (type(one) is type(other) and type(one) in (str, int) and one == other)


def _can_change(one: object) -> bool:
    if isinstance(one, np.ndarray):
        return bool(one.flags.writeable) and one.dtype.kind != "O"
    if isinstance(one, types.ModuleType | types.FunctionType | type):
        return False
    if isinstance(one, types.CellType):
        return bool(contents({0: one}))
    return type(one) in (dict, list) or isinstance(one, Generator) or is_of_users(one)


def is_of_users(one: object) -> bool:
    """Whether it is an object of a class of the user's, that has attributes."""
    if not hasattr(one, "__dict__"):
        return False
    if isinstance(one, types.SimpleNamespace):
        return True
    module = sys.modules.get(type(one).__module__)
    if type(one).__module__ == "__main__" or is_users(getattr(module, "__file__", "") or "<frozen"):
        return True
    for inner in vars(type(one)).values():
        if isinstance(inner, types.FunctionType):
            return is_users(inner.__code__.co_filename)
    return False


def _copy(one: Any) -> Any:
    if isinstance(one, np.ndarray | dict | list):
        return one.copy()
    if isinstance(one, Generator):
        return _generator_state(one)
    return one.cell_contents if isinstance(one, types.CellType) else dict(vars(one))


def _inside(one: Any) -> Iterator[object]:
    if isinstance(one, np.ndarray | Generator):
        return
    if isinstance(one, types.CellType):
        yield one.cell_contents
        return
    items = one if isinstance(one, list) else (one if isinstance(one, dict) else vars(one)).values()
    for item in items:
        yield from item if isinstance(item, tuple) else (item,)


def contents(cells: Mapping[K, types.CellType]) -> dict[K, Any]:
    """The variables that are kept in cells, but for those that have no value yet."""
    found = {}
    for name, cell in cells.items():
        with suppress(ValueError):
            found[name] = cell.cell_contents
    return found


def reached_by(function: Callable[..., Any]) -> Iterator[object]:
    """What a function can change: globals that it names, variables around it, its object."""
    owner = getattr(function, "__self__", None)
    if owner is not None:
        yield owner
    plain: Any = getattr(function, "__func__", function)
    yield from contents(dict(enumerate(plain.__closure__ or ()))).values()
    codes = [plain.__code__]
    for code in codes:
        yield from (plain.__globals__[name] for name in code.co_names if name in plain.__globals__)
        codes += [inner for inner in code.co_consts if isinstance(inner, types.CodeType)]


@contextmanager
def silent() -> Iterator[None]:
    """What it prints was printed when it ran the first time."""
    with (
        redirect_stdout(io.StringIO()),
        warnings.catch_warnings(),
        np.errstate(all="ignore"),
    ):
        warnings.simplefilter("ignore")
        yield
