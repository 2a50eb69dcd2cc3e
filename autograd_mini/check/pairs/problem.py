"""The problem of a pair: the loss is what forward returns times the upstream gradient, summed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from autograd_mini.check.capture import (
    FAILS,
    Required,
    as_gradient,
    as_parameter,
    plain,
    required_names,
)
from autograd_mini.check.conventions import ADDED
from autograd_mini.check.frames import names_of, names_used
from autograd_mini.check.lines.claims import is_gradient_name
from autograd_mini.check.lines.program import Follow, OtherOutput, Program, Run
from autograd_mini.check.lines.state import DRAWN
from autograd_mini.check.pairs.first_run import First, first_run, functions
from autograd_mini.check.pairs.matching import Given, Matched, matched
from autograd_mini.check.pairs.pair import Pair, upstream_of, weighted
from autograd_mini.check.pairs.places import written
from autograd_mini.check.problem import Problem
from autograd_mini.check.result import Finding
from autograd_mini.check.scope import Scope
from autograd_mini.check.unrecorded import NUMERICAL, numerical_loss
from autograd_mini.core.graph import Node, data_of, is_node
from autograd_mini.recording import Tape, node_of, recording
from autograd_mini.trees import leaves, rebuild
from autograd_mini.typing import Array, Operand, Tree


def problem_of_pair(
    pair: Pair,
    upstream: Tree = None,
    wrt: str | Sequence[str] | None = None,
    seed: int = 0,
    required: Required = (),
    forbid_autodiff: bool = False,
) -> Problem:
    """The problem of a forward and a backward pass, as ``check_backward`` takes them.

    Raises:
        ValueError: what is a gradient of what cannot be told, or ``upstream`` has another shape.
        TypeError: an input or a gradient is no array of real numbers.
    """
    first = first_run(pair, upstream, (wrt,) if isinstance(wrt, str) else wrt, seed)
    layer = _Layer(pair, first.upstream, first.matched, first.wide)
    numbers = pair.numbers()
    names = first.matched.sources if first.matched else first.known
    parameters = {name: as_parameter(name, numbers[name]) for name in names}
    findings = list(_findings(layer, first, parameters, required, forbid_autodiff))
    problem = layer.at(parameters, (*_notes(pair, first, numbers),), tuple(findings))
    return replace(problem, assumptions=tuple(_assumptions(pair, first, upstream is not None)))


class _Runner:
    """Runs a pair in one way and another, with its code compiled once."""

    def __init__(self, pair: Pair) -> None:
        self._task: Callable[[Follow], dict[str, Array]] = lambda follow: {}
        self._program = Program(lambda follow: self._task(follow), functions(pair))

    def run(self, task: Callable[[Follow], dict[str, Array]], tape: Tape | None = None) -> Run:
        """What becomes of a task, which is handed what functions are to be passed through."""
        self._task = task
        return self._program.run(recorded=tape)


@dataclass(frozen=True)
class _Layer:
    """A pair of which all is known, which makes a problem at any numbers."""

    pair: Pair
    upstream: Mapping[int, Any]
    matched: Matched | None
    wide: Mapping[str, Any]

    @cached_property
    def _runner(self) -> _Runner:
        return _Runner(self.pair)

    def at(
        self,
        parameters: Mapping[str, Node],
        notes: tuple[str, ...] = (),
        findings: tuple[Finding, ...] = (),
    ) -> Problem:
        """The problem at numbers, which are Tensors."""
        numbers = plain(parameters)
        items, names, failure, gradients = self._derived(numbers)
        here = weighted(items, self.upstream)
        root, in_forward, uncertain, unfollowed = self._recorded(parameters, here)
        nodes, manual = dict(parameters), {}
        notes = (*notes, NUMERICAL, *unfollowed) if uncertain else notes
        if gradients is not None:
            manual = {name: gradients[name] for name in parameters}
            for name in gradients.keys() - parameters.keys():
                of = _local(name, in_forward)
                if of is not None and of not in nodes:
                    nodes[of], manual[of] = in_forward[of], gradients[name]
                else:
                    notes = (
                        *notes,
                        f"{name} was not compared: it is named for nothing in forward.",
                    )
        renamed = {of: name for name in gradients or {} if (of := _local(name, in_forward))}
        program = Program(self._entry(numbers, items, renamed, manual), functions(self.pair))
        around: dict[str, Any] = {}
        used = set(names) | in_forward.keys()
        for function in reversed(functions(self.pair)):
            around |= names_of(function)
            used |= names_used(function)
        used |= {f"self.{name}" for name in used}
        scope = Scope({**around, **names, **_given_names(self), **in_forward, **parameters})

        def loss(replaced: Mapping[str, Node]) -> float:
            return self._loss(plain({**parameters, **replaced}))

        def derive() -> Mapping[str, Array]:
            run = program.run()
            if run.gradients is None:
                assert run.error is not None
                raise run.error
            return run.gradients

        return Problem(
            root=root,
            nodes=nodes,
            parameters=tuple(parameters),
            manual=manual,
            scope=scope,
            used=scope.only(used),
            findings=findings,
            notes=(*notes, FAILS.format("backward", type(failure).__name__, str(failure).strip()))
            if failure
            else notes,
            loss=loss,
            derive=derive,
            at=self.at,
            program=program,
            failure=failure,
            batches=tuple(
                size for leaf in leaves([*self.upstream.values()]) for size in np.shape(leaf)
            ),
            uncertain=uncertain,
        )

    def _derived(
        self, numbers: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any], Exception | None, dict[str, Array] | None]:
        """What forward returned, the names in both, and the gradients, or why there are none."""
        kept: list[Any] = []

        def entry(follow: Follow) -> dict[str, Array]:
            ran = self.pair.run_forward(follow, {**self.wide, **numbers}, named=True)
            kept[:] = [_copies(ran.items), dict(ran.names_in_forward)]
            given, names = self.pair.run_backward(follow, ran, self.upstream, named=True)
            kept[1] |= {
                n: np.array(v) if isinstance(v, np.ndarray) else v for n, v in names.items()
            }
            return self._gradients(given)

        run = self._runner.run(entry)
        if run.gradients is not None:
            return kept[0], kept[1], None, dict(run.gradients)
        if not kept or not isinstance(run.error, ValueError | IndexError):
            assert run.error is not None
            raise run.error
        return kept[0], kept[1], run.error, None

    def _gradients(self, given: Given) -> dict[str, Array]:
        """The gradients by name."""
        pair = self.pair
        found = self.matched or matched(
            given, pair.candidates(), len(pair.names), in_order=pair.has_context
        )

        every = {**found.sources, **found.others}
        return {name: as_gradient(name, given.of(source)) for name, source in every.items()}

    def _entry(
        self,
        numbers: Mapping[str, Any],
        items: Sequence[Any],
        renamed: Mapping[str, str],
        manual: Mapping[str, Array],
    ) -> Callable[[Follow], dict[str, Array]]:
        """Runs both, and sees to it that forward gives what it gave."""
        outputs = [leaf for i in self.upstream for leaf in leaves(items[i])]

        def entry(follow: Follow) -> dict[str, Array]:
            named = self.matched is None
            ran = self.pair.run_forward(follow, {**self.wide, **numbers}, named)
            again = [leaf for i in self.upstream for leaf in leaves(ran.items[i])]
            stays = all(map(_is_near, again, outputs)) and len(again) == len(outputs)
            if not stays and not _differs_by_a_stabiliser(again, outputs):
                raise OtherOutput
            gradients = self._gradients(
                self.pair.run_backward(follow, ran, self.upstream, named)[0]
            )
            if not stays:
                raise OtherOutput(gradients)
            if not manual:
                return gradients
            return {name: gradients[renamed.get(name, name)] for name in manual}

        return entry

    def _loss(self, numbers: Mapping[str, Any]) -> float:
        """The loss at other numbers."""
        made: list[float] = []

        def entry(follow: Follow) -> dict[str, Array]:
            ran = self.pair.run_forward(follow, {**self.wide, **numbers})
            made.append(float(np.reshape(weighted(ran.items, self.upstream), ())))
            return {}

        error = self._runner.run(entry).error
        if error is not None:
            raise error
        return made[0]

    def _recorded(
        self, parameters: Mapping[str, Node], here: Operand
    ) -> tuple[Node, dict[str, Any], dict[str, Array], tuple[str, ...]]:
        """The loss as it is recorded, the nodes that have names in forward, how far off the
        gradients may be where it could not be recorded, and what could not.
        """
        kept: list[Any] = []
        with recording() as tape:
            leaves_of = {name: tape.leaf(node) for name, node in parameters.items()}
            numbers = [name for name, node in parameters.items() if np.ndim(node.data) == 0]
            leaves_of |= {name: tape.follow(float)(leaves_of[name]) for name in numbers}

            def entry(follow: Follow) -> dict[str, Array]:
                ran = self.pair.run_forward(follow, {**self.wide, **leaves_of}, named=True)
                items = [rebuild(item, map(_node, leaves(item))) for item in ran.items]
                names = {name: _node(held) for name, held in ran.names_in_forward.items()}
                kept[:] = [weighted(items, self.upstream), names]
                return {}

            run = self._runner.run(entry, tape)
        unfollowed = tuple(map(str, tape.notes))
        whole = run.error is None and not tape.notes and is_node(kept[0])
        if whole and _is_near(data_of(kept[0]), here):
            names = {name: node for name, node in kept[1].items() if is_node(node)}
            return kept[0], names, {}, ()
        numerical = numerical_loss(lambda **arrays: self._loss(arrays), parameters)
        if numerical is None:
            raise ValueError(
                "forward could not be recorded, and is too large to be checked numerically: give "
                f"smaller inputs{''.join(f'; {text}' for text in unfollowed)}"
            )
        return numerical[0], {}, numerical[1], unfollowed


def _node(value: Tree) -> Tree:
    """The node that a number or array was recorded as, or what it is."""
    node = node_of(value)
    return value if node is None else node


def _copies(items: Sequence[Any]) -> tuple[Any, ...]:
    def one(leaf: Tree) -> Tree:
        return leaf.copy() if isinstance(leaf, np.ndarray) else leaf

    return tuple(rebuild(item, map(one, leaves(item))) for item in items)


_NEAR = 1e-9
"""How far off, as a part of the largest, a number may be that is computed another way."""


def _differs_by_a_stabiliser(one: Sequence[Any], other: Sequence[Any]) -> bool:
    return len(one) == len(other) and all(
        _is_near(a, b, ADDED) for a, b in zip(one, other, strict=True)
    )


def _is_near(one: Tree, other: Tree, part: float = _NEAR) -> bool:
    if np.shape(one) != np.shape(other):
        return False
    room = part * np.max(np.abs(other), initial=0.0)
    with np.errstate(all="ignore"):
        return bool(np.all((np.abs(np.subtract(one, other)) <= room) | np.equal(one, other)))


def _local(name: str, nodes: Mapping[str, Node]) -> str | None:
    """The variable of forward whose gradient something is by its name."""
    if name in nodes:
        return name
    found = [local for local in nodes if is_gradient_name(name, local)]
    return found[0] if len(found) == 1 else None


def _given_names(layer: _Layer) -> dict[str, Any]:
    """What the upstream gradients are called."""
    return {
        role.name: layer.upstream[role.of]
        for roles in layer.pair.roles
        for role in roles
        if role.kind == "upstream" and not isinstance(layer.upstream[role.of], dict | list | tuple)
    }


# What is said of it


def _assumptions(pair: Pair, first: First, given: bool) -> Iterator[str]:
    """What was taken for what, each with the option that says it otherwise."""
    if pair.differentiated:
        shapes = [str(np.shape(leaf)) for leaf in leaves([*first.upstream.values()])]
        of = f"of shape{'s' if len(shapes) > 1 else ''} {', '.join(shapes)}"
        defaults = [
            f"{role.name} = {role.default:g}, its default"
            for roles in pair.roles
            for role in roles
            if role.kind == "upstream"
            if role.default is not None and np.size(first.ran.items[role.of]) == 1
        ]
        what = f"as given, {of}" if given else ", ".join(defaults) or f"random, {of}"
        yield f"Upstream gradient: {what} (upstream=)"
    if first.matched is not None and first.matched.placed:
        names = ", ".join(first.matched.placed)
        yield f"Gradients: of {names}, in the order in which backward gives them (wrt=)"


def _notes(pair: Pair, first: First, numbers: Mapping[str, Any]) -> Iterator[str]:
    narrow: dict[str, list[str]] = {}
    for name in first.wide:
        narrow.setdefault(str(numbers[name].dtype), []).append(name)
    yield from (f"{', '.join(names)}: {d}, checked in float64." for d, names in narrow.items())
    if first.ran.random:
        yield f"{DRAWN.format('forward')}, forward and backward alike."
    if first.changed:
        names = ", ".join(first.changed)
        yield f"{names}: changed by forward, put back, and no part of the gradient."
    if first.matched is not None and first.matched.data:
        yield f"{', '.join(first.matched.data)}: taken as data, for there is no gradient of it."
    rates = [role.name for made in pair.roles for role in made if role.kind == "rate"]
    if rates := [*rates, *(f"self.{written(path)}" for path in pair.rates)]:
        yield (
            f"{' and '.join(dict.fromkeys(rates))}: taken as the learning rate; what an update "
            "takes away is a gradient times that."
        )
    if first.updated:
        yield (
            f"{', '.join(first.updated)}: updated in place by backward, which is not compared "
            "here: check_step does."
        )
    if not pair.differentiated and np.size(first.ran.items[0]) > 1:
        yield "backward takes no upstream gradient: its result is held against that of the sum."


def _findings(
    layer: _Layer,
    first: First,
    parameters: Mapping[str, Node],
    required: Required,
    forbid_autodiff: bool,
) -> Iterator[Finding]:
    """What is wrong besides numbers: a gradient that is missing, an upstream gradient not used."""
    if first.matched is None:
        return
    pair = layer.pair
    arrays = [c.name for c in pair.candidates() if c.is_array and c.argument >= 0]
    every = dict.fromkeys([*parameters, *(n for n in arrays if n not in first.matched.data)])
    missing = tuple(n for n in required_names(required, every) if n not in parameters)
    if missing:
        yield Finding("missing", missing, "backward gives no gradient for it", wrong=True)
    if forbid_autodiff and first.differentiating:
        message = f"it differentiates automatically in {first.differentiating}: derive by hand"
        yield Finding("autodiff", ("backward",), message, wrong=True)
    asked = [r for roles in pair.roles for r in roles if r.kind == "upstream"]
    if (
        pair.differentiated
        and all(r.default is None for r in asked)
        and _ignores_upstream(layer, parameters)
    ):
        names = " and ".join(dict.fromkeys(role.name for role in asked))
        message = (
            f"the upstream gradient{names and ' '}{names} is not used: backward gives the same for "
            "any, so that nothing of what comes after the layer reaches its inputs"
        )
        yield Finding("upstream", tuple(parameters), message, wrong=True)
    for name in _taken_alone(layer, plain(parameters)):
        message = (
            "an element of it moves others of the output as well, and its gradient does not see "
            "their upstream gradients: only the diagonal of the Jacobian matrix is taken, as if "
            "forward worked element by element"
        )
        yield Finding("diagonal", (name,), message, wrong=True)


def _ignores_upstream(layer: _Layer, parameters: Mapping[str, Node]) -> bool:
    """Whether backward gives the same gradients, that are not 0, for any upstream gradient."""
    rng = np.random.default_rng(4)
    made: list[Mapping[str, Array]] = []
    for upstream in (layer.upstream, {i: upstream_of(g, rng) for i, g in layer.upstream.items()}):
        other = _Layer(layer.pair, upstream, layer.matched, layer.wide)
        made.append(other._derived(plain(parameters))[3] or {})
    one, two = made
    same = all(np.array_equal(one[n], two[n], equal_nan=True) for n in one.keys() & two.keys())
    return bool(one) and same and any(gradient.any() for gradient in one.values())


def _taken_alone(layer: _Layer, numbers: Mapping[str, Any]) -> Iterator[str]:
    """The inputs whose gradients are made element by element of the upstream gradient, where the
    output is not made so of them.
    """
    if len(layer.upstream) != 1:
        return
    ((i, upstream),) = layer.upstream.items()
    items, _, _, gradients = layer._derived(numbers)
    alike = [n for n in gradients or {} if n in numbers and np.ndim(upstream)]
    alike = [n for n in alike if np.shape(numbers[n]) == np.shape(upstream)]

    def moved(name: str, step: float) -> Array:
        """How the output follows the first element of an input, but for its own first."""
        changed = np.array(numbers[name], float)
        changed.flat[0] += step * max(1.0, abs(changed.flat[0]))
        made = layer._derived({**numbers, name: changed})[0][i]
        by: Array = np.subtract(made, items[i], dtype=float)
        by.flat[0] = 0.0
        return by

    def sees(name: str, place: int) -> Array:
        """Which elements of a gradient follow one of the upstream gradient."""
        weights = np.array(upstream, float)
        weights.flat[place] += 1.0
        other = _Layer(layer.pair, {i: weights}, layer.matched, layer.wide)._derived(numbers)[3]
        return np.not_equal((other or gradients or {})[name], (gradients or {})[name]).ravel()

    for name in alike:
        by, twice = moved(name, _STEP), moved(name, 2 * _STEP)
        place = int(np.argmax(np.abs(by)))
        size = np.max(np.abs(items[i]), initial=1.0)
        if not abs(by.flat[place]) > 1e-4 * _STEP * size:
            continue  # it is rounding
        if not 1.5 < twice.flat[place] / by.flat[place] < 2.5:
            continue  # it jumps, and has no derivative
        if all(np.flatnonzero(sees(name, k)).tolist() == [k] for k in (0, place)):
            yield name


_STEP = 1e-4
"""By how much of its size an element is moved."""
