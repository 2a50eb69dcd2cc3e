"""What ``value`` uses of Cython, for plain Python: decorators that change nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

compiled = False


def _unchanged(decorated: Any) -> Any:
    return decorated


cclass = cfunc = final = inline = no_gc = _unchanged
int = None


def freelist(size: object) -> Callable[[Any], Any]:
    """Keep nothing for later."""
    return _unchanged


def declare(kind: object, value: Any) -> Any:
    """A global variable."""
    return value
