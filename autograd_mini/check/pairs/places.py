"""The numbers in an object of the user's: where each is, and how to put others there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd_mini.check.lines.state import is_of_users
from autograd_mini.typing import Tree


class Attribute(str):
    """The name of an attribute, where another string is a key of a dict."""

    __slots__ = ()


Path = tuple[str | int, ...]
"""How something is reached from an object: names of attributes, keys and indices."""

_MANY = 2000
"""How many containers are looked into."""


@dataclass(frozen=True)
class Place:
    """Where one array or number is.

    Attributes:
        value: what is there.
        paths: the ways to it, the shortest first.
    """

    value: Tree
    paths: tuple[Path, ...]

    @property
    def path(self) -> Path:
        """The shortest way."""
        return self.paths[0]


def places(root: object) -> list[Place]:
    """The arrays of real numbers, and such numbers, in an object, its lists, dicts and objects.

    >>> W = np.ones(2)
    >>> [place.paths for place in places({"params": {"W": W}, "W": W, "rate": 0.5, "n": 3})]
    [(('W',), ('params', 'W')), (('rate',),)]
    """
    found: dict[object, list[tuple[Path, Any]]] = {}
    for path, value in _walked(root):
        key = id(value) if isinstance(value, np.ndarray) else path
        found.setdefault(key, []).append((path, value))
    made = []
    for ways in found.values():
        paths = sorted((path for path, _ in ways), key=len)
        made.append(Place(ways[0][1], tuple(paths)))
    return sorted(made, key=lambda place: len(place.path))


def _walked(root: object) -> Iterator[tuple[Path, Any]]:
    seen: set[int] = set()
    left: list[tuple[Path, object]] = [((), root)]
    for path, one in left:  # grows while it is walked
        if is_number(one):
            yield path, one
        elif id(one) not in seen and len(seen) < _MANY:
            seen.add(id(one))
            left += [((*path, key), item) for key, item in _items(one)]


def is_number(value: object) -> bool:
    """Whether something is an array of floating point numbers, or one such number."""
    if isinstance(value, np.ndarray):
        return bool(value.dtype.kind == "f")
    return isinstance(value, float | np.floating)


def _items(one: object) -> list[tuple[str | int, object]]:
    if isinstance(one, dict):
        return [(key, item) for key, item in one.items() if isinstance(key, str | int)]
    if isinstance(one, list | tuple):
        return list(enumerate(one))
    if not is_of_users(one):
        return []
    return [(Attribute(name), item) for name, item in vars(one).items()]


def put(root: object, values: Mapping[Path, Any]) -> None:
    """Put values where paths lead; what a tuple holds stays."""
    for path, value in values.items():
        owner: Tree = root
        for key in path[:-1]:
            owner = _held(owner)[key]
        if not isinstance(owner, tuple):
            _held(owner)[path[-1]] = value


def _held(owner: Tree) -> Tree:
    return owner if isinstance(owner, dict | list | tuple) else vars(owner)


def written(path: Path) -> str:
    """A path as it is written in code.

    >>> written((Attribute("net"), Attribute("params"), "W", 0))
    "net.params['W'][0]"
    """
    first, *rest = path
    return str(first) + "".join(f".{k}" if isinstance(k, Attribute) else f"[{k!r}]" for k in rest)
