"""What the user's code could change outside of itself, and how to put it back."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from autograd_mini.check.lines.source import is_users

_MANY = 5000
"""How many objects are looked after."""


class State:
    """Arrays, dicts, lists and objects of the user's, as they are when they are first seen.

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

    def add(self, *roots: object) -> None:
        """Look after objects, and all that can be reached from them."""
        found = list(roots)
        for one in found:  # grows while it is walked
            if len(self._seen) >= _MANY:
                return
            if id(one) in self._seen or not _can_change(one):
                continue
            self._seen[id(one)] = one, _copy(one)
            found += _inside(one)

    def restore(self) -> None:
        """Put everything back as it was."""
        for one, before in self._seen.values():
            if isinstance(one, np.ndarray):
                if not np.array_equal(one, before, equal_nan=one.dtype.kind in "fc"):
                    one[...] = before
            elif isinstance(one, list):
                if not _same(one, before):
                    one[:] = before
            else:
                held = one if isinstance(one, dict) else vars(one)
                if not (_same(held, before) and _same(held.values(), before.values())):
                    held.clear()
                    held.update(before)


def _same(one: Any, other: Any) -> bool:
    return len(one) == len(other) and all(map(_is, one, other))


def _is(one: object, other: object) -> bool:
    return one is other or (type(one) in (str, int) and one == other)


def _can_change(one: object) -> bool:
    if isinstance(one, np.ndarray):
        return bool(one.flags.writeable) and one.dtype.kind != "O"
    if isinstance(one, types.ModuleType | types.FunctionType | type):
        return False
    return type(one) in (dict, list) or _is_of_users(one)


def _is_of_users(one: object) -> bool:
    """Whether it is an object of a class of the user's, that has attributes."""
    if not hasattr(one, "__dict__"):
        return False
    for inner in vars(type(one)).values():
        if isinstance(inner, types.FunctionType):
            return is_users(inner.__code__.co_filename)
    return False


def _copy(one: Any) -> Any:
    if isinstance(one, np.ndarray | dict | list):
        return one.copy()
    return dict(vars(one))


def _inside(one: Any) -> Iterator[object]:
    if isinstance(one, np.ndarray):
        return
    items = one if isinstance(one, list) else (one if isinstance(one, dict) else vars(one)).values()
    for item in items:
        yield from item if isinstance(item, tuple) else (item,)


def reached_by(function: Callable[..., Any]) -> Iterator[object]:
    """What a function can change: globals that it names, variables around it, its object."""
    owner = getattr(function, "__self__", None)
    if owner is not None:
        yield owner
    plain: Any = getattr(function, "__func__", function)
    for cell in plain.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # it has no value yet
            continue
    codes = [plain.__code__]
    for code in codes:
        yield from (plain.__globals__[name] for name in code.co_names if name in plain.__globals__)
        codes += [inner for inner in code.co_consts if isinstance(inner, types.CodeType)]
