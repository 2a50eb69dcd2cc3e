"""A function's local variables, as they are when it returns."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any


def call_with_locals(
    function: Callable[..., Any], arguments: dict[str, Any]
) -> tuple[Any, dict[str, Any]]:
    """The result of ``function(**arguments)`` and its local variables at its return.

    A function whose code is not Python's (a built-in) has none.

    >>> def area(r):
    ...     square = r * r
    ...     return 3.0 * square
    >>> call_with_locals(area, {"r": 2.0})
    (12.0, {'r': 2.0, 'square': 4.0})
    """
    code = _code(function)
    found: dict[str, Any] = {}

    def profile(frame: FrameType, event: Any, argument: Any) -> None:
        if event == "return" and frame.f_code is code:
            found.update(frame.f_locals)
        if before is not None:
            before(frame, event, argument)

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        result = function(**arguments)
    finally:
        sys.setprofile(before)
    return result, found


def _code(function: Any) -> CodeType | None:
    while isinstance(function, functools.partial):
        function = function.func
    function = inspect.unwrap(function)
    if not hasattr(function, "__code__") and callable(function):
        function = type(function).__call__
    return getattr(function, "__code__", None)
