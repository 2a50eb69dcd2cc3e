"""What a function can read besides its arguments, and whether it is as it was.

>>> rate = 0.5
>>> def f(x):
...     return rate * x
>>> around = Around(f)
>>> rate = 0.25
>>> around.is_same()
False
"""

from __future__ import annotations

import functools
import types
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from autograd_mini.core import modes
from autograd_mini.core.tensor import Tensor
from autograd_mini.typing import Function

_KINDS = (int, float, bool, str, type(None), np.ndarray, Tensor)


def _is_as_it_was(now: object, before: object) -> bool:
    """Whether a number or text is equal, and an array or a Tensor that very one."""
    if now is before or isinstance(before, np.ndarray | Tensor):
        return now is before
    return type(now) is type(before) and now == before


class Around:
    """The numbers, texts, arrays and Tensors outside of its arguments that a function can read.

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
        for where, name, value in self._read:
            now = where.get(name)
            if now is not value and not _is_as_it_was(now, value):
                return False
        return all(_is_as_it_was(cell.cell_contents, value) for cell, value in self._cells)
