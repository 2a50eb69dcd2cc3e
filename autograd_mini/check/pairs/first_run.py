"""The first run of a pair: what its arguments and gradients are, and what it does besides."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autograd_mini.check.capture import NARROW
from autograd_mini.check.frames import differentiation
from autograd_mini.check.lines.program import Follow, Program
from autograd_mini.check.pairs.matching import Given, Matched, Updated, matched
from autograd_mini.check.pairs.pair import Pair, Ran, upstream_of
from autograd_mini.check.pairs.places import written
from autograd_mini.check.pairs.roles import described, is_differentiable
from autograd_mini.trees import leaves, rebuild
from autograd_mini.typing import Array, Tree


@dataclass
class First:
    """What the first run showed.

    Attributes:
        ran: the forward pass.
        upstream: the upstream gradient of each item that forward returned and that has one.
        wide: what is of less than double precision, in that.
        known: the names of the arrays among the inputs.
        given: the gradients; ``None`` where backward failed.
        matched: whose these are.
        differentiating: where backward differentiates automatically.
        changed: what forward changed that is no part of the gradient.
        updated: what backward updated in place.
    """

    ran: Ran
    upstream: dict[int, Any]
    wide: dict[str, Any]
    known: tuple[str, ...]
    given: Given | None = None
    matched: Matched | None = None
    differentiating: str = ""
    changed: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()


def first_run(pair: Pair, upstream: Tree, wrt: Sequence[str] | None, seed: int) -> First:
    """Run both once.

    Raises:
        ValueError: what is a gradient of what cannot be told, or ``upstream`` has another shape.
    """
    wide = {
        name: np.asarray(value, np.float64)[()]
        for name, value in pair.numbers().items()
        if str(getattr(value, "dtype", "")) in NARROW
    }
    candidates = pair.candidates()
    numbers = {name: np.array(value, np.float64)[()] for name, value in pair.numbers().items()}
    found: list[First] = []

    def entry(follow: Follow) -> dict[str, Array]:
        ran = pair.run_forward(follow, wide, named=True)
        pair.settle(follow, ran)
        gradient = _upstream(pair, ran, upstream, seed)
        known = tuple(c.name for c in candidates if c.is_array and not c.paths)
        first = First(ran, gradient, wide, known)
        found.append(first)
        first.changed = tuple(_changed_by_forward(pair, ran))
        with differentiation() as places:
            given, _ = pair.run_backward(follow, ran, gradient, named=True)
        first.differentiating = next(iter(places), "")
        first.given = given
        every = matched(given, candidates, len(pair.names), wrt, pair.has_context)
        first.matched = _without_moments(pair, every, {**wide, **_updated(every, numbers)}, follow)
        first.updated = tuple(
            written(c.paths[0])
            for c in candidates
            if c.paths and c.is_array and c.paths[0] in given.left
            if c.name not in first.matched.sources
            and not {*c.paths} & {*first.matched.sources.values()}
            and not _RUNNING.search(c.name)
        )
        return {}

    error = Program(entry, functions(pair)).run().error
    if error is None and found[0].updated and not pair.has_rate and pair.find_rates():
        found.clear()
        error = Program(entry, functions(pair)).run().error
    if error is not None and (not found or found[0].given is not None or not _is_of_shapes(error)):
        raise error
    return found[0]


def _updated(every: Matched, numbers: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of what was updated, as they were."""
    return {name: numbers[name] for name, at in every.sources.items() if isinstance(at, Updated)}


def _without_moments(
    pair: Pair, every: Matched, before: Mapping[str, Any], follow: Follow
) -> Matched:
    """Without what was updated and moves no output, such as a velocity: it is no parameter."""
    sources = {
        name: at
        for name, at in every.sources.items()
        if not isinstance(at, Updated) or pair.moves(follow, name, before)
    }
    return replace(every, sources=sources)


def _is_of_shapes(error: BaseException) -> bool:
    return isinstance(error, ValueError | IndexError)


def functions(pair: Pair) -> list[Callable[..., Any]]:
    return [f for f in (pair.forward, *pair.backwards) if f is not None]


def _upstream(pair: Pair, ran: Ran, given: Tree, seed: int) -> dict[int, Any]:
    """The upstream gradient of each item that forward returned and that has one."""
    asked = pair.differentiated
    defaults = {
        role.of: role.default
        for roles in pair.roles
        for role in roles
        if role.kind == "upstream" and role.default is not None
    }
    if not asked:
        return {0: _alone(pair, ran.items[0], given)}
    rng = np.random.default_rng([seed, 3])
    made = {}
    for i in asked:
        item = ran.items[i]
        made[i] = upstream_of(item, rng)
        if i in defaults and np.size(item) == 1:
            made[i] = defaults[i]
    if given is None:
        return made
    several = given if isinstance(given, tuple | list) and len(asked) > 1 else (given,)
    if len(several) != len(asked):
        raise ValueError(
            f"upstream has {len(several)} gradients, backward takes {len(asked)}: give one for each"
        )
    for i, one in zip(asked, several, strict=True):
        made[i] = _as_given(one, ran.items[i])
    return made


def _as_given(upstream: Tree, item: Tree) -> Tree:
    """An upstream gradient of the user's, leaf by leaf of the shape of what forward returned."""
    given, of = leaves(upstream), leaves(item)
    if list(map(np.shape, given)) != list(map(np.shape, of)):
        raise ValueError(
            f"upstream is {described(upstream)}, and forward returned {described(item)}: an "
            "upstream gradient has the shape of the output"
        )
    return rebuild(item, (np.asarray(leaf, float)[()] for leaf in given))


def _alone(pair: Pair, item: Tree, given: Tree) -> Tree:
    """The upstream gradient where backward takes none: 1 for each number."""
    if pair.gives_gradients and np.size(item) != 1:
        raise ValueError(
            f"without backward, forward returns a loss and its gradients, and what it returned "
            f"first is {described(item)}: give backward as well, check_backward(forward, backward, "
            "x, …)"
        )
    if not is_differentiable(item):
        return upstream_of(item, np.random.default_rng(0))  # which says what is wrong
    if given is not None:
        raise ValueError("upstream is given, and backward takes no upstream gradient")
    return rebuild(item, (np.ones(np.shape(leaf))[()] for leaf in leaves(item)))


def _changed_by_forward(pair: Pair, ran: Ran) -> Iterator[str]:
    """What forward wrote into dicts that it was given, and running averages of its object."""
    for name, before, after in zip(pair.names, pair.inputs, ran.inputs, strict=True):
        if isinstance(before, dict) and isinstance(after, dict):
            for key, value in after.items():
                if key not in before or not np.array_equal(value, before[key]):
                    yield f"{name}[{key!r}]"
    for path in pair.changed(ran.before):
        if _RUNNING.search(str(path[-1])):
            yield f"self.{written(path)}"


_RUNNING = re.compile(r"running|moving|avg|average|ema", re.I)
