"""A function's local variables as they are when it returns, and the other names it can use."""

from __future__ import annotations

import functools
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any, Literal

from autograd_mini.check.lines.by_name import ByName
from autograd_mini.check.lines.source import is_users
from autograd_mini.check.lines.state import contents
from autograd_mini.core import graph
from autograd_mini.core.value import Value

Event = Literal["call", "return", "c_call", "c_return", "c_exception"]


def call_with_locals(
    function: Callable[..., Any],
    arguments: dict[str, Any],
    *positional: object,
    helpers: dict[str, list[Any]] | None = None,
) -> tuple[Any, dict[str, Any]]:
    """The result of ``function(*positional, **arguments)`` and its local variables at its return.

    A function whose code is not Python's (a built-in) has none.

    Arguments:
        helpers: takes up the local variables of the user's functions that it calls, one after
            the other.

    >>> def area(r):
    ...     square = r * r
    ...     return 3.0 * square
    >>> call_with_locals(area, {"r": 2.0})
    (12.0, {'r': 2.0, 'square': 4.0})
    """
    code = _code(function)
    variables: dict[str, Any] = {}

    def profile(frame: FrameType, event: Event, argument: object) -> None:
        if event == "return" and frame.f_code is code:
            variables.update(frame.f_locals)
        elif helpers is not None and event == "return" and is_users(frame.f_code.co_filename):
            for name, value in frame.f_locals.items():
                helpers.setdefault(name, []).append(value)
        if callable(before):
            before(frame, event, argument)

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        result = function(*positional, **arguments)
    finally:
        sys.setprofile(before if callable(before) else None)
        if before is not None and not callable(before):  # a cProfile.Profile, which starts itself
            before.enable()
    return result, variables


@contextmanager
def differentiation() -> Iterator[list[str]]:
    """Notes where code inside the block differentiates automatically: the line, as a text.

    >>> with differentiation() as seen:
    ...     _ = graph.gradients(Value(2.0), [])
    >>> bool(seen)
    True
    """
    seen: list[str] = []
    sweeps = set(map(id, _SWEEPS))

    def profile(frame: FrameType, event: Event, argument: object) -> None:
        if event == "call" and id(frame.f_code) in sweeps:
            seen.append(_place_of_call(frame.f_back))
        elif event == "c_call" and _sweeps_compiled(argument):
            seen.append(_place_of_call(frame))
        if callable(before):
            before(frame, event, argument)

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        yield seen
    finally:
        sys.setprofile(before if callable(before) else None)
        if before is not None and not callable(before):
            before.enable()


_SWEEPS = [
    function.__code__
    for function in (graph.gradients, graph.sweep_gradients, graph.backward, Value.backward)
    if hasattr(function, "__code__")  # the compiled Value's has none
]


def _sweeps_compiled(function: object) -> bool:
    is_of_value = isinstance(getattr(function, "__self__", None), Value)
    return is_of_value and getattr(function, "__name__", "") == Value.backward.__name__


def _place_of_call(frame: FrameType | None) -> str:
    """The line outside of this library from which it was called."""
    ours = __name__.partition(".")[0]
    while frame and frame.f_back and frame.f_globals.get("__name__", "").split(".")[0] == ours:
        frame = frame.f_back
    return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}" if frame else ""


def names_of(function: Callable[..., Any]) -> dict[str, Any]:
    """What a function's code can refer to by name besides its own variables.

    These are its module's global names, the variables of functions around it, the arguments
    that a partial function holds, and for a method or an object that is called the attributes
    of ``self``, as ``self.name``.

    >>> rate = 0.1
    >>> def outer(x):
    ...     return lambda w: w * x
    >>> names_of(outer(3.0))["x"]
    3.0
    """
    inner: dict[str, Any] = {}
    while isinstance(function, functools.partial | ByName):
        if isinstance(function, functools.partial):
            inner = {**function.keywords, **inner}
        function = function.func
    plain = _plain_function(function)
    around = getattr(plain, "__closure__", None) or ()
    free = getattr(getattr(plain, "__code__", None), "co_freevars", ())
    inner = {**contents(dict(zip(free, around, strict=True))), **inner}
    owner = None
    if plain is not function and hasattr(plain, "__code__"):
        owner = getattr(function, "__self__", function)
    attributes = {f"self.{name}": value for name, value in getattr(owner, "__dict__", {}).items()}
    return {**getattr(plain, "__globals__", {}), **attributes, **inner}


def names_used(function: Callable[..., Any]) -> set[str]:
    """The names that a function's code refers to, that of functions inside it included.

    >>> sorted(names_used(lambda w: [abs(v) for v in sorted(w)]))
    ['abs', 'sorted']
    """
    names: set[str] = set()
    codes = [code] if (code := _code(function)) else []
    for code in codes:
        names |= {*code.co_names, *code.co_freevars}
        codes += [inner for inner in code.co_consts if isinstance(inner, CodeType)]
    return names


def _code(function: Callable[..., Any]) -> CodeType | None:
    while isinstance(function, functools.partial | ByName):
        function = function.func
    return getattr(_plain_function(function), "__code__", None)


def _plain_function(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function that holds the code: of a method, of a decorated function, of an object."""
    function = inspect.unwrap(function)
    if not hasattr(function, "__code__") and callable(function):
        function = type(function).__call__
    return getattr(function, "__func__", function)
