"""Which gradient is which input's: by what it is called, else by its place and shape."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd_mini.check.lines.claims import is_gradient_name
from autograd_mini.check.pairs.places import Path, written
from autograd_mini.typing import Operand


@dataclass(frozen=True)
class Updated:
    """A parameter that was updated in place, by the way to it: its gradient is what that took."""

    path: Path


Source = int | Path | Updated
"""Where a gradient is: its number among those that were returned, the way to it in the object
whose method left it there, or the update.
"""


@dataclass(frozen=True)
class Candidate:
    """An input or attribute of real numbers, which may have a gradient.

    Attributes:
        name: what it is called.
        shape: its shape.
        paths: the ways to it in the object; none of an input.
        argument: the number of the argument that it is; -1 of what is in one, or in the object.
        is_array: whether it is an array that has an axis.
    """

    name: str
    shape: tuple[int, ...]
    paths: tuple[Path, ...] = ()
    argument: int = -1
    is_array: bool = True


@dataclass(frozen=True)
class Given:
    """Gradients that came out of a backward pass.

    Attributes:
        returned: what it returned, one by one.
        names: what each of these is called: its key, or its names in the code.
        left: what it left in the object, by the ways to it.
        updated: what it took from what was there, as a part of the learning rate.
    """

    returned: Sequence[Any] = ()
    names: Sequence[Collection[str]] = ()
    left: Mapping[Path, Any] = field(default_factory=dict)
    updated: Mapping[Path, Any] = field(default_factory=dict)

    def of(self, source: Source) -> Operand:
        """The gradient at a place."""
        if isinstance(source, Updated):
            return self.updated[source.path]
        return self.left[source] if isinstance(source, tuple) else self.returned[source]


@dataclass(frozen=True)
class Matched:
    """Where the gradients of inputs and attributes are.

    Attributes:
        sources: by the name of the input or attribute.
        others: what is a gradient of none of these, by what it is called.
        data: inputs that are called so that they are taken as data.
        placed: inputs whose gradients are known by their places alone.
    """

    sources: Mapping[str, Source]
    others: Mapping[str, Source]
    data: tuple[str, ...] = ()
    placed: tuple[str, ...] = ()


def matched(
    given: Given,
    candidates: Sequence[Candidate],
    arguments: int,
    wrt: Sequence[str] | None = None,
    in_order: bool = False,
) -> Matched:
    """Which gradients belong to which inputs and attributes.

    Arguments:
        given: the gradients.
        candidates: what may have one.
        arguments: how many arguments the forward pass has.
        wrt: the names that are asked for, in the order of the gradients.
        in_order: whether there is to be one gradient for each argument, in their order, whatever
            they are called.

    Raises:
        ValueError: it cannot be told; the message says what to write.

    >>> of = [Candidate("x", (2,), argument=0), Candidate("w", (2,), argument=1)]
    >>> dx, dw = np.ones(2), np.ones(2)
    >>> matched(Given((dw, dx), ({"dw"}, {"dx"})), of, 2).sources
    {'w': 0, 'x': 1}
    >>> matched(Given((dx, dw), ((), ())), of, 2).sources
    {'x': 0, 'w': 1}
    """
    there = [i for i, value in enumerate(given.returned) if value is not None]
    if wrt is not None:
        return Matched(dict(zip(_asked(wrt, candidates, len(there)), there, strict=True)), {})
    aligned = in_order and len(given.returned) == arguments
    sources: dict[str, Source] = {} if aligned else dict(_by_name(given, there, candidates))
    left = [i for i in there if i not in sources.values()]
    open_ones = [c for c in candidates if c.name not in sources and not c.paths]
    by_order, data = _by_order(given, left, open_ones, arguments)
    sources |= by_order
    sources |= _by_path(given.left, candidates, sources)
    for candidate in candidates:
        if candidate.name not in sources and set(candidate.paths) & given.updated.keys():
            sources[candidate.name] = Updated(candidate.paths[0])
    others = {
        next(iter(given.names[i])): i for i in left if i not in sources.values() and given.names[i]
    }
    unknown = [i for i in left if i not in sources.values() and i not in others.values()]
    if unknown or not (sources or others):
        raise ValueError(_question(given, len(left), candidates))
    return Matched(sources, others, data, tuple(by_order))


def _asked(wrt: Sequence[str], candidates: Sequence[Candidate], count: int) -> Sequence[str]:
    known = [candidate.name for candidate in candidates]
    if unknown := [name for name in wrt if name not in known]:
        raise ValueError(f"wrt names {unknown[0]!r}, but known are {', '.join(known)}")
    if len(wrt) != count:
        raise ValueError(
            f"wrt has {len(wrt)} names ({', '.join(wrt)}), but backward returned {count} "
            "gradients: name one for each, in their order"
        )
    return wrt


def _by_name(
    given: Given, there: Sequence[int], candidates: Sequence[Candidate]
) -> Iterator[tuple[str, int]]:
    found: dict[str, list[int]] = {}
    for i in there:
        names = given.names[i]
        of = [c.name for c in candidates if any(is_gradient_name(name, c.name) for name in names)]
        if len(of) == 1:
            found.setdefault(of[0], []).append(i)
    for name, several in found.items():
        if len(several) == 1:
            yield name, several[0]


def _by_order(
    given: Given, left: Sequence[int], open_ones: Sequence[Candidate], arguments: int
) -> tuple[dict[str, Source], tuple[str, ...]]:
    """Of what has no name, by its place; where there are fewer than inputs, by shapes as well."""
    if not left:
        return {}, ()
    by_argument = {c.argument: c.name for c in open_ones if c.argument >= 0}
    if len(given.returned) == arguments and set(left) <= by_argument.keys():
        return {by_argument[i]: i for i in left}, ()
    arrays = [c for c in open_ones if c.is_array]
    for several in (arrays, open_ones):
        if len(several) == len(left):
            return {c.name: i for c, i in zip(several, left, strict=True)}, ()
    shapes = [np.shape(given.returned[i]) for i in left]
    fitting = [
        chosen
        for chosen in itertools.islice(itertools.combinations(arrays, len(left)), _MANY)
        if [c.shape for c in chosen] == shapes
    ]
    if len(fitting) == 1:
        return {c.name: i for c, i in zip(fitting[0], left, strict=True)}, ()
    others = [c for c in arrays if not _TARGET.fullmatch(c.name)]
    if len(others) == len(left):
        data = tuple(c.name for c in arrays if c not in others)
        return {c.name: i for c, i in zip(others, left, strict=True)}, data
    return {}, ()


_MANY = 1000
_TARGET = re.compile(
    r"t|y|y_?true|targets?|labels?|(ground_?)?truth|\w+_(target|labels?|true)", re.I
)
"""What a target is called, which is data where there is no gradient of it."""


def _by_path(
    left: Mapping[Path, Any], candidates: Sequence[Candidate], known: Mapping[str, Source]
) -> dict[str, Source]:
    """What was left in the object, by the ways to it: ``dW`` for ``W``, ``grads[0]`` for
    ``params[0]``, ``W.grad`` for ``W.data``.
    """
    found: dict[str, Source] = {}
    for candidate in candidates:
        if candidate.name in known:
            continue
        ways = [(candidate.name,)] if not candidate.paths else candidate.paths
        fitting = [path for path in left if any(_is_path_of(path, way) for way in ways)]
        if fitting:
            found[candidate.name] = min(fitting, key=len)
    return found


def name_of(path: Path) -> str:
    """What is at the end of a path is called; of ``W.data`` it is ``W``, and of an index nothing.

    >>> name_of(("params", "W")), name_of(("W", "data")), name_of(("params", 0))
    ('W', 'W', '')
    """
    names = [key for key in path if not _HOLDERS.fullmatch(str(key))] or list(path)
    last = names[-1]
    return last if isinstance(last, str) and isinstance(path[-1], str) else ""


def _is_path_of(path: Path, way: Path) -> bool:
    plain = tuple(key for key in path if not _GRADIENTS.fullmatch(str(key)))
    of = tuple(key for key in way if not _HOLDERS.fullmatch(str(key))) or way
    if len(plain) < len(path):
        return plain == of or (
            len(plain) == len(of) and plain[:-1] == of[:-1] and _is_named(plain, of)
        )
    return len(plain) == len(of) and plain[:-1] == of[:-1] and _is_named(plain, of)


def _is_named(path: Path, way: Path) -> bool:
    first, second = path[-1], way[-1]
    return (
        isinstance(first, str)
        and isinstance(second, str)
        and first.strip("_") != second.strip("_")
        and is_gradient_name(first.strip("_"), second.strip("_"))
    )


_GRADIENTS = re.compile(r"_?(d?grads?|d?gradients?|dparams)", re.I)
"""What holds gradients is called."""
_HOLDERS = re.compile(r"_?(params?|parameters|data|value|values)", re.I)
"""What holds parameters is called."""


def _question(given: Given, count: int, candidates: Sequence[Candidate]) -> str:
    inputs = [c for c in candidates if not c.paths]
    known = ", ".join(f"{c.name} {c.shape}" for c in inputs)
    shapes = ", ".join(str(np.shape(v)) for v in given.returned if v is not None)
    if not shapes:
        attributes = ", ".join(written(c.paths[0]) for c in candidates if c.paths)
        return (
            "backward returned no gradient, and left none that is named for "
            f"{known or attributes or 'an input'}: return it, or leave it as self.dW for self.W"
        )
    example = ", ".join(repr(c.name) for c in inputs[:count]) or "'x'"
    return (
        f"backward returned gradients of shapes {shapes}, forward's inputs of real numbers are "
        f"{known or 'none'}: say of which they are, in their order, as wrt=({example},)"
    )
