"""Numbers and arrays that a training step finds: in variables, attributes, lists and dicts.

A step is handed names; behind each may stand an array, a number, or objects, lists and dicts that
hold them.  Two paths that lead to one array are one variable.
"""

from __future__ import annotations

import types
from collections import Counter
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from autograd_mini.check.lines.source import is_users
from autograd_mini.check.lines.state import contents, is_of_users
from autograd_mini.typing import Array

_MANY = 20_000
"""How many objects are looked into."""

Held: TypeAlias = Any
"""What a name of the user's stands for: anything."""

Space = MutableMapping[str, Held]
"""Names, with what each stands for."""


class Around(NamedTuple):
    """A variable around a function, by its number among those, and its name."""

    number: int
    name: str


class Inner(NamedTuple):
    """One step from an object to what it holds: an attribute, or an item; or from a function to a
    variable around it.
    """

    attribute: bool
    key: Held

    def of(self, holder: Held) -> Held:
        """What an object holds there."""
        if isinstance(self.key, Around):
            return holder.__closure__[self.key.number].cell_contents
        return getattr(holder, self.key) if self.attribute else holder[self.key]

    @property
    def text(self) -> str:
        """As it would be written, ``.W`` or ``['W']``."""
        if isinstance(self.key, Around):
            return f".{self.key.name}"
        return f".{self.key}" if self.attribute else f"[{self.key!r}]"


@dataclass(frozen=True)
class Path:
    """How a variable is reached: the space and the name in it, then from object to object."""

    space: int
    name: str
    inside: tuple[Inner, ...] = ()

    def then(self, inner: Inner) -> Path:
        """The path to what the object at its end holds."""
        inside: tuple[Inner, ...] = (*self.inside, inner)
        return Path(self.space, self.name, inside)

    def read(self, spaces: Sequence[Mapping[str, Any]]) -> Held:
        """What is found there.

        Raises:
            LookupError, AttributeError, TypeError: nothing is.
        """
        found = spaces[self.space][self.name]
        for inner in self.inside:
            found = inner.of(found)
        return found

    def put(self, spaces: Sequence[Space], value: object) -> None:
        """Put a value there; tuples on the way are made anew."""
        if not self.inside:
            spaces[self.space][self.name] = value
            return
        above = Path(self.space, self.name, self.inside[:-1])
        holder, last = above.read(spaces), self.inside[-1]
        if isinstance(last.key, Around):
            holder.__closure__[last.key.number].cell_contents = value
        elif last.attribute:
            setattr(holder, last.key, value)
        elif isinstance(holder, tuple):
            items: list[Held] = list(holder)
            items[last.key] = value
            made = type(holder)(*items) if hasattr(holder, "_fields") else tuple(items)
            above.put(spaces, made)
        else:
            holder[last.key] = value

    @property
    def text(self) -> str:
        """As it would be written: ``net.layers[0].W``."""
        return self.name + "".join(inner.text for inner in self.inside)

    @property
    def names(self) -> list[str]:
        """What a variable there may be called, the shortest first."""
        found, tail = [], ""
        for inner in reversed(self.inside):
            key = inner.key.name if isinstance(inner.key, Around) else inner.key
            if isinstance(key, str) and key.isidentifier():
                found.append(key + tail)
            tail = inner.text + tail
        return [*found, self.text] if self.inside else [self.name]


@dataclass(frozen=True, eq=False)
class Variable:
    """An array, a number, or a list of numbers, nested as an array is.

    Attributes:
        paths: the ways that lead to it.
        before: what it held when it was found, as an array of real numbers.
        kind: ``"array"``, ``"number"`` or ``"list"``.
    """

    paths: tuple[Path, ...]
    before: Array
    kind: str

    def after(self, spaces: Sequence[Mapping[str, Any]], before: Array) -> Held:
        """What is found at its paths, where that is other than before, else at the first.

        Arguments:
            spaces: the names after a step.
            before: what it held when the step began.
        """
        found = None
        for path in self.paths:
            try:
                value = path.read(spaces)
            except (LookupError, AttributeError, TypeError):
                continue
            array = as_numbers(value)
            if array is None or array.shape != self.before.shape:
                continue
            if found is None or not np.array_equal(array, before, equal_nan=True):
                found = value
        return found

    def is_narrow(self, spaces: Sequence[Mapping[str, Any]]) -> bool:
        """Whether it holds floats of less than 64 bits."""
        dtype = getattr(self.paths[0].read(spaces), "dtype", None)
        return dtype in (np.float32, np.float16)

    def put(self, spaces: Sequence[Space], value: Held) -> None:
        """Put an array in its place, at all paths: a recorded one, or a plain one."""
        if self.kind == "list":
            held = self.paths[0].read(spaces)
            _fill(held, value)
            return
        for path in self.paths:
            path.put(spaces, value)


def _fill(held: list[Any], values: Held) -> None:
    for i, item in enumerate(held):
        if isinstance(item, list):
            _fill(item, values[i])
        else:
            held[i] = values[i]


def as_numbers(value: object) -> Array | None:
    """An array, a number or a nested list of numbers as an array of real numbers."""
    if isinstance(value, np.ndarray):
        return np.array(value, float) if value.dtype.kind in "fiu" else None
    if isinstance(value, bool | np.bool_):
        return None
    if isinstance(value, int | float | np.number) and not isinstance(value, np.complexfloating):
        return np.array(value, float)
    if isinstance(value, list) and _is_regular(value):
        return np.array(value, float)
    return None


def _is_regular(value: list[Any]) -> bool:
    """Whether a list holds numbers, or lists of one length that do."""
    if not value:
        return False
    if all(_is_number(item) for item in value):
        return True
    return (
        all(isinstance(item, list) and len(item) == len(value[0]) for item in value)
        and all(map(_is_regular, value))
        and len({_depth(item) for item in value}) == 1
    )


def _is_number(item: object) -> bool:
    return isinstance(item, int | float | np.number) and not isinstance(item, bool)


def _depth(value: Held) -> int:
    return 1 + _depth(value[0]) if isinstance(value, list) else 0


@dataclass
class _Found:
    paths: list[Path]
    before: Array
    kind: str
    kept: object = field(repr=False, default=None)


def variables(spaces: Sequence[Mapping[str, Any]]) -> list[Variable]:
    """All arrays and numbers that can be reached by names.

    >>> w = np.ones(2)
    >>> found = variables([{"W": w, "net": {"W": w, "b": [1.0, 2.0]}, "name": "net"}])
    >>> [(v.paths[0].text, v.kind, v.before.tolist()) for v in found]
    [('W', 'array', [1.0, 1.0]), ("net['b']", 'list', [1.0, 2.0])]
    """
    found: dict[object, _Found] = {}
    seen: set[int] = set()
    waiting = [
        (Path(number, name), value)
        for number, space in enumerate(spaces)
        for name, value in list(space.items())
        if not name.startswith("__")
    ]
    for path, value in waiting:  # grows while it is walked
        numbers = as_numbers(value)
        if numbers is not None:
            alone = not isinstance(value, np.ndarray | list)
            key: object = (path.text, path.space) if alone else id(value)
            if key in found:
                found[key].paths.append(path)
            else:
                kind = "number" if alone else "array" if isinstance(value, np.ndarray) else "list"
                found[key] = _Found([path], numbers, kind, value)
            continue
        if id(value) in seen or len(seen) >= _MANY:
            continue
        seen.add(id(value))
        waiting += [(path.then(inner), held) for inner, held in _inside(value)]
    return [Variable(tuple(one.paths), one.before, one.kind) for one in found.values()]


def _inside(value: object) -> Iterator[tuple[Inner, Any]]:
    if isinstance(value, types.ModuleType | type):
        return
    if isinstance(value, types.FunctionType):
        if is_users(value.__code__.co_filename):
            cells = dict(enumerate(value.__closure__ or ()))
            for i, held in contents(cells).items():
                yield Inner(True, Around(i, value.__code__.co_freevars[i])), held
        return
    if isinstance(value, dict):
        yield from ((Inner(False, key), held) for key, held in value.items())
    elif isinstance(value, list | tuple):
        yield from ((Inner(False, i), held) for i, held in enumerate(value))
    elif isinstance(value, types.MethodType):
        yield Inner(True, "__self__"), value.__self__
    elif is_of_users(value):
        yield from ((Inner(True, name), held) for name, held in vars(value).items())


def names_for(several: Sequence[Variable]) -> list[str]:
    """What variables are called: each as short as tells it from the others.

    >>> spaces = [{"a": {"W": np.ones(2)}, "b": {"W": np.ones(2), "c": np.ones(1)}}]
    >>> names_for(variables(spaces))
    ["a['W']", "b['W']", 'c']
    """
    choices = [min((p.names for p in v.paths), key=lambda names: len(names[0])) for v in several]
    counts = Counter(name for names in choices for name in dict.fromkeys(names))
    return [next((n for n in names if counts[n] == 1), names[-1]) for names in choices]
