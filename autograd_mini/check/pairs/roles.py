"""What an argument of a backward pass is: an upstream gradient, what forward left, an input."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from autograd_mini.check.lines.claims import is_gradient_name
from autograd_mini.check.lines.formulas import RATES
from autograd_mini.check.pairs import context
from autograd_mini.check.pairs.places import is_number
from autograd_mini.trees import leaves

Kind = Literal["upstream", "item", "input", "context", "rate"]


@dataclass(frozen=True)
class Role:
    """What an argument is.

    Attributes:
        kind: the upstream gradient of an item that forward returned, that item itself, an input
            of forward, the context that both are handed, or the learning rate.
        of: the number of the item or input.
        name: what the argument is called.
        keyword: whether it is given by its name alone.
        default: the number that it is where nothing is given, such as 1 of ``dout=1``.
    """

    kind: Kind
    of: int
    name: str
    keyword: bool = False
    default: float | None = None


@dataclass(frozen=True)
class Forward:
    """What is known of a forward pass that ran.

    Attributes:
        inputs: the names of its arguments.
        items: what it returned, one by one.
        names: what each of these is called in its code.
        has_context: whether its first argument is a context.
    """

    inputs: Sequence[str]
    items: Sequence[Any]
    names: Sequence[Collection[str]]
    has_context: bool = False


def roles(backward: Callable[..., Any], forward: Forward) -> list[Role]:
    """What the arguments of a backward pass are, by their names, and by their order else.

    Raises:
        ValueError: it cannot be told of one; the message says what to write.

    >>> import numpy as np
    >>> out, x = np.ones((2, 3)), np.ones((2, 3))
    >>> ran = Forward(("x",), (out, x), ({"out"}, {"x", "cache"}))
    >>> [(r.name, r.kind, r.of) for r in roles(lambda dout, cache: dout * cache, ran)]
    [('dout', 'upstream', 0), ('cache', 'item', 1)]
    >>> [(r.name, r.kind, r.of) for r in roles(lambda res, g: g * res, ran)]
    [('res', 'item', 1), ('g', 'upstream', 0)]
    """
    arguments = _arguments(backward)
    if arguments is None or any(a.kind is a.VAR_POSITIONAL for a in arguments):
        return _in_order(arguments or [], forward)
    found: dict[str, Role | None] = {}
    for number, argument in enumerate(arguments):
        found[argument.name] = _by_name(argument, number, forward)
    _by_habit(arguments, found, forward)
    _by_order([a for a in arguments if a.default is a.empty], found, forward)
    for argument in arguments:
        if found[argument.name] is None and argument.default is argument.empty:
            raise ValueError(_question(argument.name, arguments, forward))
    made = [(found[argument.name], argument.default) for argument in arguments]
    return [
        replace(role, default=float(default)) if isinstance(default, int | float) else role
        for role, default in made
        if role is not None
    ]


def _arguments(function: Callable[..., Any]) -> list[inspect.Parameter] | None:
    try:
        every = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return None
    return [argument for argument in every if argument.kind is not argument.VAR_KEYWORD]


def _in_order(arguments: Sequence[inspect.Parameter], forward: Forward) -> list[Role]:
    """Of ``backward(ctx, *gradients)``, or what has no signature: first the upstream gradients."""
    made = []
    if arguments and arguments[0].name in context.NAMES:
        made.append(Role("context", 0, arguments[0].name))
    numbers = [i for i, item in enumerate(forward.items) if is_differentiable(item)]
    left = [i for i in range(len(forward.items)) if i not in numbers]
    made += [Role("upstream", i, f"upstream{i}" if i else "upstream") for i in numbers]
    return made + [Role("item", i, f"item{i}") for i in left]


def is_differentiable(item: object) -> bool:
    """Whether something is made of floating point numbers and arrays of these alone."""
    found = leaves(item)
    return bool(found) and all(is_number(leaf) for leaf in found)


def _by_name(argument: inspect.Parameter, number: int, forward: Forward) -> Role | None:
    name, keyword = argument.name, argument.kind is argument.KEYWORD_ONLY
    if forward.has_context and number == 0:
        return Role("context", 0, name)
    for i, names in enumerate(forward.names):
        if name in names and (len(forward.items) > 1 or _OUT.fullmatch(name)):
            return Role("item", i, name, keyword)
    if name in forward.inputs:
        return Role("input", list(forward.inputs).index(name), name, keyword)
    of = [
        i for i, names in enumerate(forward.names) if any(is_gradient_name(name, n) for n in names)
    ]
    return Role("upstream", of[0], name, keyword) if len(of) == 1 else None


def _by_habit(
    arguments: Sequence[inspect.Parameter],
    found: dict[str, Role | None],
    forward: Forward,
) -> None:
    """What such arguments are usually called: ``cache`` is the last thing that forward returned,
    ``dout`` the gradient of the first that has none yet.
    """
    for argument in arguments:
        if found[argument.name] is None and argument.name in RATES:
            found[argument.name] = Role(
                "rate", 0, argument.name, argument.kind is argument.KEYWORD_ONLY
            )
    open_ones = [a for a in arguments if found[a.name] is None]
    for argument in reversed(open_ones):
        name, keyword = argument.name, argument.kind is argument.KEYWORD_ONLY
        if _CACHE.fullmatch(name) and len(forward.items) > 1:
            free = _free(found, forward)
            if free:
                found[name] = Role("item", free[-1], name, keyword)
    for argument in open_ones:
        name, keyword = argument.name, argument.kind is argument.KEYWORD_ONLY
        if found[name] is not None:
            continue
        free = [i for i in _free(found, forward) if is_differentiable(forward.items[i])]
        if is_upstream_name(name) and free:
            found[name] = Role("upstream", free[0], name, keyword)
        elif _OUT.fullmatch(name) and len(forward.items) == 1:
            found[name] = Role("item", 0, name, keyword)


def _by_order(
    required: Sequence[inspect.Parameter], found: dict[str, Role | None], forward: Forward
) -> None:
    """What is left, where only one thing can be meant."""
    left = [a.name for a in required if found[a.name] is None]
    has_upstream = any(role and role.kind == "upstream" for role in found.values())
    free = _free(found, forward)
    if (
        not has_upstream
        and free
        and len(left) <= len(free)
        and is_differentiable(forward.items[free[0]])
    ):
        if len(left) in (1, len(free)):
            found |= {name: Role("item", i, name) for name, i in zip(left, free, strict=False)}
            found |= {n: Role("upstream", free[0], n) for n in left[:1]}
    elif has_upstream and len(left) == len(free):
        found |= {name: Role("item", i, name) for name, i in zip(left, free, strict=True)}


def _free(found: Mapping[str, Role | None], forward: Forward) -> list[int]:
    """The items that no argument stands for."""
    taken = {r.of for r in found.values() if r is not None and r.kind in ("item", "upstream")}
    return [i for i in range(len(forward.items)) if i not in taken]


_CACHE = re.compile(
    r"(\w*_)?(caches?|ctx|context|res|residuals?|saved?|memory|memo|stash|stored?|aux|tape|"
    r"intermediates?)",
    re.I,
)
_OUT = re.compile(r"ans|out|output|outputs|result|y|value|a", re.I)
_UPSTREAM = re.compile(
    r"g|v|ct|err|error|delta|eps|d[A-Z0-9_]\w*|d[a-z]{1,3}|dout\w*|dnext\w*|dprev\w*|dvalues?|"
    r"\w*grad\w*|\w*upstream\w*|\w*cotangent\w*|\w*delta\w*|\w*error\w*|\w+_?bar|top_diff",
)
_NO_UPSTREAM = frozenset({"dim", "dims", "dt", "np"})


def is_upstream_name(name: str) -> bool:
    """Whether an upstream gradient is usually called so.

    >>> [is_upstream_name(name) for name in ("dout", "grad_output", "dim", "cache")]
    [True, True, False, False]
    """
    return bool(_UPSTREAM.fullmatch(name)) and name not in _NO_UPSTREAM


def _question(name: str, arguments: Sequence[inspect.Parameter], forward: Forward) -> str:
    called = [argument.name for argument in arguments]
    left = ", ".join(argument for argument in called if argument != name)
    shapes = ", ".join(map(described, forward.items))
    return (
        f"backward takes {name!r}, which is no argument of forward ({', '.join(forward.inputs)}), "
        f"no upstream gradient and nothing that forward returned ({shapes}): give backward as a "
        f"function that knows it, lambda {left}: backward({', '.join(called)})"
    )


def described(item: object) -> str:
    """What something is, in few words.

    >>> import numpy as np
    >>> described(np.ones((2, 3))), described((1, 2)), described(0.5)
    ('an array of shape (2, 3)', 'a tuple of 2', 'a float')
    """
    shape = getattr(item, "shape", None)
    if shape:
        return f"an array of shape {shape}"
    if isinstance(item, tuple | list | dict):
        return f"a {type(item).__name__} of {len(item)}"
    return f"a {type(item).__name__}"
