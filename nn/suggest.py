"""What to say about a name that nobody knows."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """A message with the nearest known names, and with all of them.

    >>> unknown_name("activation", "Relu", ["relu", "tanh"])
    "no activation is called 'Relu'; did you mean 'relu'? Known are relu, tanh"
    """
    known = list(known)
    near = difflib.get_close_matches(name.lower(), known, n=3)
    guess = f"; did you mean {' or '.join(map(repr, near))}?" if near else "."
    return f"no {kind} is called {name!r}{guess} Known are {', '.join(known)}"
