"""What ``value`` uses of Cython, for plain Python: decorators that change nothing."""

from __future__ import annotations

import builtins
from typing import TypeVar

T = TypeVar("T")

compiled = False
int = builtins.int
longlong = builtins.int
Py_ssize_t = builtins.int
bint = builtins.bool


def _unchanged(decorated: T) -> T:
    return decorated


ccall = cclass = cfunc = final = inline = no_gc = _unchanged


def declare(kind: type, value: T) -> T:
    """A global variable."""
    return value
