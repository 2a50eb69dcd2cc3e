"""A forward and a backward pass as they stand: how they are called, and what comes out."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MethodType, ModuleType
from typing import Any

import numpy as np

from autograd_mini.check.frames import call_with_locals
from autograd_mini.check.holders import all_held, all_holding, held
from autograd_mini.check.lines.formulas import RATES
from autograd_mini.check.lines.program import Follow
from autograd_mini.check.pairs import context
from autograd_mini.check.pairs.context import Context
from autograd_mini.check.pairs.matching import Candidate, Given, name_of
from autograd_mini.check.pairs.places import Path, is_number, places, put, written
from autograd_mini.check.pairs.roles import Forward, Role, described, is_differentiable, roles
from autograd_mini.trees import leaves, paths, rebuild
from autograd_mini.typing import Tree

Values = Mapping[str, Any]
"""What stands in the places of inputs and attributes, by their names."""


@dataclass(frozen=True)
class Ran:
    """What a forward pass made.

    Attributes:
        returned: what it returned, one by one.
        names: what each of these is called in its code.
        inputs: what it was handed.
        context: what it left something in.
        names_in_forward: its local variables, and those of the helpers that it called.
        before: what was in the object whose method it is, by the ways to it.
        random: whether random numbers were drawn.
    """

    returned: tuple[Any, ...]
    names: tuple[Collection[str], ...]
    inputs: tuple[Any, ...]
    context: Context
    names_in_forward: Mapping[str, Any]
    before: Mapping[Path, Any] = field(default_factory=dict)
    random: bool = False

    @property
    def items(self) -> tuple[Any, ...]:
        """What it returned, with the arrays that objects hold in their places."""
        return tuple(map(all_held, self.returned))


class Pair:
    """The two functions, and what they are called with.

    Arguments:
        forward: a function of the inputs, or a method.
        backward: a function, or one for each input; ``None`` where forward gives the gradients.
        inputs: what forward is called with; what is no number or array of these is data.

    Raises:
        TypeError: forward or backward is no function.
    """

    def __init__(self, forward: object, backward: object, inputs: Sequence[Any]) -> None:
        if backward is None and all(hasattr(forward, name) for name in ("forward", "backward")):
            forward, backward = (getattr(forward, name) for name in ("forward", "backward"))
        self.forward = _as_function("forward", forward)
        several = list(backward.values()) if isinstance(backward, Mapping) else backward
        if several is None:
            several = []
        elif not isinstance(several, list | tuple):
            several = [several]
        self.backwards = [None if f is None else _as_function("backward", f) for f in several]
        self.keys = tuple(backward) if isinstance(backward, Mapping) else ()
        self.given = tuple(inputs)
        self.inputs = tuple(map(all_held, inputs))
        self.owner = _owner(self.forward) or next(filter(None, map(_owner, self.backwards)), None)
        self.names, self.has_context = _arguments(self.forward, self.inputs)
        if any("[" in name for name in self.names):
            self.names = _named_by(self.backwards, self.names)
        self.roles: list[list[Role]] = []
        self.differentiated: tuple[int, ...] = ()
        self.rates: tuple[Path, ...] = ()

    @property
    def gives_gradients(self) -> bool:
        """Whether forward returns the gradients with the loss."""
        return not self.backwards

    @property
    def has_rate(self) -> bool:
        """Whether backward updates with a learning rate that is known."""
        return bool(self.rates) or any(r.kind == "rate" for made in self.roles for r in made)

    def find_rates(self) -> bool:
        """Find the attributes that are learning rates by their names."""
        found = places(self.owner) if self.owner is not None else []
        numbers = [place.path for place in found if not isinstance(place.value, np.ndarray)]
        self.rates = tuple(p for p in numbers if p[-1] in RATES and p[-1] != "alpha")
        return bool(self.rates)

    def candidates(self) -> list[Candidate]:
        """The inputs and attributes that may have gradients."""
        found = []
        for name, path, value in self._leaves():
            if is_number(value):
                is_argument = path == ""
                shape = np.shape(value)
                if is_argument or shape:
                    at = self.names.index(name) if is_argument else -1
                    found.append(Candidate(name, shape, (), at, bool(shape)))
        taken = {candidate.name for candidate in found}
        attributes = places(self.owner) if self.owner is not None else []
        last = [name_of(place.path) for place in attributes]
        for place, short in zip(attributes, last, strict=True):
            alone = short and last.count(short) == 1 and short not in taken
            name = short if alone else written(place.path)
            shape = np.shape(place.value)
            found.append(Candidate(name, shape, place.paths, -1, bool(shape)))
        return found

    def numbers(self) -> dict[str, Any]:
        """The numbers of all candidates, by their names."""
        found = {name: value for name, _, value in self._leaves() if is_number(value)}
        attributes = places(self.owner) if self.owner is not None else []
        by_path = {place.paths: place.value for place in attributes}
        return found | {c.name: by_path[c.paths] for c in self.candidates() if c.paths}

    def moves(self, follow: Follow, name: str, values: Values) -> bool:
        """Whether what forward gives depends on an attribute."""
        one = self.run_forward(follow, values).items
        other = self.run_forward(follow, {**values, name: 1.5 * values[name] + 0.5}).items
        pairs = zip(leaves(one[0]), leaves(other[0]), strict=True)
        return not all(_same(a, b) for a, b in pairs)

    def _leaves(self) -> Iterator[tuple[str, str, Any]]:
        """The name of each leaf of the inputs, the way to it in its argument, and what it is."""
        reached = [
            (name, path)
            for name, tree in zip(self.names, self.inputs, strict=True)
            for path in paths(tree)
        ]
        keys = [_key(path) for _, path in reached]
        for (name, path), key, value in zip(reached, keys, leaves(self.inputs), strict=True):
            alone = key and keys.count(key) == 1 and key not in self.names
            yield (key if alone else f"{name}{path}"), path, value

    def run_forward(self, follow: Follow, values: Values, named: bool = False) -> Ran:
        """Call forward, with other numbers in the places of some.

        Arguments:
            named: whether it is found out what is called how, which takes time.
        """
        function = follow(self.forward)
        self._exchanged(follow, values)
        before = self._found()
        made = [_own(values.get(name, value)) for name, _, value in self._leaves()]
        inputs = all_holding(self.given, rebuild(self.inputs, iter(made)))
        handed = Context(len(inputs))
        drawn = _random_state() if named else None
        helpers: dict[str, list[Any]] = {}
        first = (handed,) if self.has_context else ()
        result, own = _called(function, (*first, *inputs), {}, named, helpers)
        several = tuple(result) if isinstance(result, tuple | list) and result else (result,)
        if result is None:
            several = (self._output(before),)
        names = tuple({n for n, value in own.items() if value is item} for item in several)
        last = {name: values[-1] for name, values in helpers.items()}
        inside = {name: held(value) for name, value in {**last, **own}.items()}
        random_numbers = named and drawn != _random_state()
        return Ran(several, names, inputs, handed, inside, before, random_numbers)

    def _exchanged(self, follow: Follow, values: Values) -> None:
        """Puts numbers into the object; they are put back with the state of the run."""
        if self.owner is None:
            return
        follow(MethodType(_nothing, self.owner))  # so that it is looked after
        held = [(c.paths, _own(values[c.name])) for c in self.candidates() if c.name in values]
        put(self.owner, {path: value for paths, value in held for path in paths})

    def _found(self) -> dict[Path, Any]:
        """What is in the object."""
        if self.owner is None:
            return {}
        return {path: _own(p.value) for p in places(self.owner) for path in p.paths}

    def _output(self, before: Mapping[Path, Any]) -> Tree:
        """What a method that returns nothing has left as its output."""
        left = self.changed(before)
        outputs = [value for path, value in left.items() if path[-1] in _OUTPUTS]
        if len(outputs) != 1:
            raise ValueError(
                "forward returned nothing, and left no array as self.output: give it as a function "
                "that returns its output, lambda x: (layer.forward(x), layer.out)[1]"
            )
        return outputs[0]

    def changed(self, before: Mapping[Path, Any]) -> dict[Path, Any]:
        """What is in the object that was not there before."""
        if self.owner is None:
            return {}
        return {
            path: place.value
            for place in places(self.owner)
            for path in place.paths
            if path not in before or not _same(before[path], place.value)
        }

    def settle(self, follow: Follow, ran: Ran) -> None:
        """Find out what the arguments of the backward pass are, and of which items of what
        forward returned it takes the upstream gradients.

        Raises:
            ValueError: it cannot be told of one.
        """
        forward = Forward(self.names, ran.items, ran.names, self.has_context)
        self.roles = [roles(function, forward) if function else [] for function in self.backwards]
        found = {role.of for made in self.roles for role in made if role.kind == "upstream"}
        if not found and (self._gives_pullbacks(follow, ran) or _pullbacks(ran)):
            found = {i for i, item in enumerate(ran.items) if is_differentiable(item)}
        self.differentiated = tuple(sorted(found))

    def _gives_pullbacks(self, follow: Follow, ran: Ran) -> bool:
        """Whether backward gives functions of the upstream gradient."""
        try:
            results = [
                self._pulled(follow, function, made, ran, {}, False, whole=False)[0]
                for function, made in zip(self.backwards, self.roles, strict=True)
                if function is not None
            ]
        except Exception:  # which it will raise again
            return False
        return any(map(callable, results))

    def run_backward(
        self, follow: Follow, ran: Ran, upstream: Mapping[int, Any], named: bool = False
    ) -> tuple[Given, dict[str, Any]]:
        """Call backward, and gather the gradients; with its local variables."""
        names: dict[str, Any] = {}
        if self.gives_gradients and not _pullbacks(ran):
            return _returned(list(ran.returned[1:]), ran.names_in_forward, {}), {}
        if self.gives_gradients:
            shares = [_upstream_for(ran, upstream, i) for i in sorted(upstream)]
            (pullback,) = _pullbacks(ran)
            result, names = _called(follow(pullback), shares, {}, named)
            return _returned(result, names, {}), names
        before, results = self._found(), []
        if self.owner is not None:
            put(self.owner, dict.fromkeys(self.rates, RATE))
        for function, made in zip(self.backwards, self.roles, strict=True):
            result = None
            if function is not None:
                result, own = self._pulled(follow, function, made, ran, upstream, named)
                names |= own
            results.append(result)
        left, updated = self.changed(before), {}
        if self.has_rate:
            updated = {
                path: (before[path] - value) / RATE
                for path, value in left.items()
                if path in before and np.shape(before[path]) == np.shape(value) != ()
            }
        tree = dict(zip(self.keys, results, strict=True)) if self.keys else results
        tree = results[0] if len(results) == 1 and not self.keys else tree
        return replace(_returned(tree, names, left), updated=updated), names

    def _pulled(
        self,
        follow: Follow,
        function: Callable[..., Any],
        made: Sequence[Role],
        ran: Ran,
        upstream: Mapping[int, Any],
        named: bool,
        whole: bool = True,
    ) -> tuple[Any, dict[str, Any]]:
        """What a function gives, or the pullback that it gives of the upstream gradient."""

        def given(role: Role) -> Tree:
            if role.kind == "upstream":
                return _upstream_for(ran, upstream, role.of)
            if role.kind == "input":
                return ran.inputs[role.of]
            if role.kind == "rate":
                return RATE
            return ran.context if role.kind == "context" else ran.returned[role.of]

        positional = [given(role) for role in made if not role.keyword]
        by_name = {role.name: given(role) for role in made if role.keyword}
        result, own = _called(follow(function), positional, by_name, named)
        if callable(result) and whole:
            shares = [_upstream_for(ran, upstream, i) for i in sorted(upstream)]
            result, inner = _called(follow(result), shares, {}, named)
            own |= inner
        return result, own


def _called(
    function: Callable[..., Any],
    positional: Sequence[Any],
    by_name: dict[str, Any],
    named: bool,
    helpers: dict[str, list[Any]] | None = None,
) -> tuple[Any, dict[str, Any]]:
    """The result of a call, and the local variables if they are asked for."""
    if not named:
        return function(*positional, **by_name), {}
    return call_with_locals(function, by_name, *positional, helpers=helpers)


def _pullbacks(ran: Ran) -> list[Callable[..., Any]]:
    """The function of the upstream gradient that forward returned beside its output."""
    found = [item for item in ran.items[1:] if callable(item)]
    return found if len(found) == 1 else []


RATE = 2.0**20
"""The learning rate: so large that of an update nothing is lost to what is updated."""

_OUTPUTS = ("output", "outputs", "out", "y", "a")


def _nothing(self: object) -> None:
    """A method of nothing."""


def _as_function(what: str, function: object) -> Callable[..., Any]:
    if not callable(function):
        raise TypeError(
            f"{what} is a function or method, not {type(function).__name__}: write "
            "check_backward(forward, backward, x), or check_backward(layer, None, x) of an object "
            "that has both"
        )
    if inspect.isroutine(function) or isinstance(function, type):
        return function
    call = getattr(type(function), "__call__", None)  # noqa: B004 - of the class, not of it
    return MethodType(call, function) if inspect.isfunction(call) else function


def _owner(function: object) -> object | None:
    """The object whose method a function is."""
    owner = getattr(function, "__self__", None)
    return None if isinstance(owner, type | ModuleType) else owner


def _arguments(forward: Callable[..., Any], inputs: Sequence[Any]) -> tuple[tuple[str, ...], bool]:
    """What the inputs are called, and whether a context comes before them."""
    try:
        signature = inspect.signature(forward)
    except (TypeError, ValueError):
        return tuple(f"x{i}" if len(inputs) > 1 else "x" for i in range(len(inputs))), False
    first = next(iter(signature.parameters), "")
    has_context = first in context.NAMES
    handed = (Context(0), *inputs) if has_context else inputs
    try:
        bound = signature.bind(*handed).arguments
    except TypeError as error:
        wanted = ", ".join(signature.parameters)
        raise TypeError(
            f"forward takes ({wanted}), and {len(inputs)} inputs were given: {error}"
        ) from None
    names: list[str] = []
    for name, value in bound.items():
        several = signature.parameters[name].kind is inspect.Parameter.VAR_POSITIONAL
        names += [f"{name}[{i}]" for i in range(len(value))] if several else [name]
    return tuple(names[has_context:]), has_context


def _named_by(
    pullbacks: Sequence[Callable[..., Any] | None], names: tuple[str, ...]
) -> tuple[str, ...]:
    """What pullbacks ``lambda ans, x, w: …`` call the inputs, where forward takes ``*args``."""
    for function in filter(None, pullbacks):
        _, *inputs = inspect.signature(function).parameters or ("",)
        if len(inputs) >= len(names):
            return tuple(inputs[: len(names)])
    return names


def _key(path: str) -> str:
    """The name that a leaf of a tree has by its last key; nothing where this is an index."""
    key = path.rpartition("[")[2].rstrip("]")
    return key.strip("'\"") if key[:1] in ("'", '"') else ""


def _own(value: Tree) -> Tree:
    """A copy that may be written into, in double precision; what is recorded stays itself."""
    if type(value) is np.ndarray:
        return np.array(value, np.float64 if value.dtype.kind == "f" else None)
    return float(value) if isinstance(value, np.floating) else value


def _copied(tree: Tree) -> Tree:
    return rebuild(tree, map(_own, leaves(tree)))


def _upstream_for(ran: Ran, upstream: Mapping[int, Any], item: int) -> Tree:
    """The upstream gradient of an item that forward returned, in an object as that is."""
    return all_holding(ran.returned[item], _copied(upstream[item]))


def _same(one: Tree, other: Tree) -> bool:
    return np.shape(one) == np.shape(other) and bool(np.array_equal(one, other, equal_nan=True))


def _random_state() -> object:
    legacy: Tree = np.random.get_state()  # noqa: NPY002 - the user's
    return [np.asarray(part).tolist() for part in legacy], random.getstate()


def _returned(tree: Tree, names: Mapping[str, Any], left: Mapping[Path, Any]) -> Given:
    """What a backward pass returned, leaf by leaf, each with what it is called."""
    if tree is None and left:
        return Given(left=left)
    values, called = leaves(tree), []
    for value, path in zip(values, paths(tree), strict=True):
        if key := _key(path):
            called.append({key})
        else:
            called.append({n for n, other in names.items() if other is value and value is not None})
    return Given(list(map(held, values)), called, left)


def upstream_of(item: Tree, rng: np.random.Generator) -> Tree:
    """A random upstream gradient of what a forward pass returned.

    Raises:
        ValueError: it is not made of numbers.
    """
    if not is_differentiable(item):
        raise ValueError(
            f"forward returned {described(item)} where its output is expected, an array of real "
            "numbers: give it as a function that returns the output first, lambda x: forward(x)[0]"
        )

    def one(leaf: Tree) -> Tree:
        normal = rng.normal(size=np.shape(leaf))
        return normal if isinstance(leaf, np.ndarray) else float(normal)

    return rebuild(item, (one(leaf) for leaf in leaves(item)))


def weighted(items: Sequence[Any], upstream: Mapping[int, Any]) -> Tree:
    """The sum of what a forward pass returned times the upstream gradients, a number or node."""
    terms: list[Any] = []
    for i, gradient in upstream.items():
        for leaf, weight in zip(leaves(items[i]), leaves(gradient), strict=True):
            times = leaf if np.ndim(weight) == 0 and weight == 1 else leaf * weight
            terms.append(np.sum(times) if np.ndim(weight) else times)
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total
