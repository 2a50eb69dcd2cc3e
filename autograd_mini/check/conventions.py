"""Differences that are no mistakes: what a derivation leaves out, or scales, on purpose.

A stabiliser, such as the 1e-7 of ``np.log(p + 1e-7)``, is in the loss and in no derivation.  Deltas
without the 1/N that each parameter's gradient then has are a course's notation.  And the right
numbers in a shape that broadcasts to the quantity's own serve as well.
"""

from __future__ import annotations

import ast
import copy
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from autograd_mini.check.bounds import (
    automatic_gradients,
    recorded_gradients,
    same_to_rounding,
    tolerance_of,
)
from autograd_mini.check.lines.program import OtherOutput, Program
from autograd_mini.check.points import Point, moved_beside
from autograd_mini.check.probe import largest
from autograd_mini.check.problem import Problem
from autograd_mini.check.result import AGREE, DIFFER, Quantity
from autograd_mini.check.structure import CLIP, MAXIMUM, symbol_of
from autograd_mini.check.wording import Wording
from autograd_mini.core.graph import Node, data_of, is_node
from autograd_mini.core.operation import Operation
from autograd_mini.typing import Array, Operand

_SMALL = 1e-3
"""What is added is a stabiliser up to this: the 1 of ``1 + np.exp(-z)`` is none."""
ADDED = 1e-4
"""And up to this part of the largest number that it is added to."""
_LIMIT = 1e-2
"""A limit is one, if it is as near as this to the end of what it limits: to 0, or to 1."""


def with_conventions(point: Point) -> Point:
    """A point at which what differs by a convention alone agrees, with a note that says so.

    >>> from autograd_mini.check.capture import captured
    >>> from autograd_mini.check.points import telling_point
    >>> p = np.array([0.3, 0.7])
    >>> problem = captured(lambda p: -np.sum(np.log(p + 1e-7)), {"p": p}, {"p": -1 / p})
    >>> with_conventions(telling_point(problem, 0, 16)).notes
    ('p: right where p + 1e-07 is p: the number keeps it from 0, and no derivation has it.',)
    """
    for convention in (_stabilised, _scaled, _averaged, _reshaped):
        for conceded in convention(point):
            point = replace(
                point,
                problem=conceded.problem or point.problem,
                quantities=[conceded.quantities.get(q.name, q) for q in point.quantities],
                notes=(*point.notes, *conceded.notes),
            )
    return point


@dataclass(frozen=True)
class _Conceded:
    """What is conceded.

    Attributes:
        quantities: by name, those that agree after all, or are held against other numbers.
        notes: what is to be said about them.
        problem: what the others are held against, if it is another.
    """

    quantities: Mapping[str, Quantity]
    notes: tuple[str, ...] = ()
    problem: Problem | None = None

    @property
    def agreeing(self) -> int:
        """How many agree after all."""
        return sum(quantity.verdict == AGREE for quantity in self.quantities.values())


def _differing(point: Point) -> list[Quantity]:
    return [q for q in _given(point) if q.verdict == DIFFER]


# Stabilisers


def _stabilised(point: Point) -> Iterator[_Conceded]:
    """Gradients that are right for the loss without its stabilisers, all or those of one kind;
    those that are wrong are held against it, too, then.
    """
    wrong = _differing(point)
    if not wrong:
        return
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        best: _Conceded | None = None
        for kinds in _kinds_left_out(point.problem):
            found = _conceded_without(point, wrong, kinds)
            if found is not None and (best is None or found.agreeing > best.agreeing):
                best = found
            if best is not None and best.agreeing == len(wrong):
                break
    if best is not None:
        yield best


def _conceded_without(
    point: Point, wrong: Sequence[Quantity], kinds: Collection[_Kind]
) -> _Conceded | None:
    """What is right for the loss without stabilisers of some kinds."""
    plain = without_stabilisers(point.problem, kinds)
    right = _right_gradients(plain)
    if plain is None or not _all_agree(point, right):
        return None
    beside = moved_beside(point.problem, 1)
    if beside is not None:
        also = _right_gradients(without_stabilisers(beside, kinds))
        right = {name: gradient for name, gradient in right.items() if name in also}
    agreeing = {q.name: _agreeing(q, right[q.name]) for q in wrong if q.name in right}
    if not agreeing:
        return None
    others = [q for q in wrong if q.name not in right]
    gradients = automatic_gradients(plain.problem, [q.name for q in others])
    held = {q.name: replace(q, automatic=gradients[q.name]) for q in others}
    notes = (right_where(agreeing, plain.said),)
    return _Conceded({**agreeing, **held}, notes, plain.problem if others else None)


_Kind = tuple[Operation | None, tuple[float, ...]]
"""What stabilisers have in common: the operation, and its constants."""


def _kinds_left_out(problem: Problem) -> list[frozenset[_Kind]]:
    """Which kinds of stabilisers a derivation may leave out: one, all but one, or all.

    One that divides by a deviation has that of its variance, and leaves out that of the logarithm.
    """
    order = problem.expanded.order
    kinds = list(dict.fromkeys(_kind(node) for node in order if _stabilises(node) is not None))
    every = frozenset(kinds)
    choices = [*(frozenset({kind}) for kind in kinds), *(every - {kind} for kind in kinds), every]
    return [choice for choice in dict.fromkeys(choices) if choice]


def _kind(node: Node) -> _Kind:
    constants = [float(np.reshape(p, ())) for p in node.parents if not is_node(p)]
    return node.operation, tuple(constants)


def may_be_without(plain: Plain, point: Point) -> bool:
    """Whether nothing tells that hand-derived gradients are those with stabilisers."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _all_agree(point, _right_gradients(plain, sharing=False))


def _all_agree(point: Point, right: Collection[str]) -> bool:
    """Whether all that agrees as it is does so, too, where these are right."""
    return all(q.name in right for q in _given(point) if q.verdict == AGREE)


def _given(point: Point) -> list[Quantity]:
    return [q for q in point.quantities if q.manual is not None]


def right_where(names: Iterable[str], said: Iterable[str]) -> str:
    """That gradients are right without stabilisers."""
    return f"{', '.join(names)}: right where {' and '.join(said)}, and no derivation has it."


def _agreeing(quantity: Quantity, right: Array) -> Quantity:
    """A quantity that is right, held against other numbers than the automatic ones."""
    gap = largest(np.asarray(quantity.manual) - right)
    return replace(
        quantity,
        verdict=AGREE,
        evidence="equal to rounding, by a convention",
        max_error=gap / (largest(right) or 1.0),
    )


@dataclass(frozen=True)
class Plain:
    """A problem without stabilisers.

    Attributes:
        problem: the problem.
        said: what each stabiliser is, in a clause.
        constants: the numbers that they are.
    """

    problem: Problem
    said: tuple[str, ...]
    constants: tuple[float, ...]


def without_stabilisers(problem: Problem, kinds: Collection[_Kind] | None = None) -> Plain | None:
    """The problem of the loss without stabilisers; ``None`` if it has none.

    Arguments:
        problem: the problem.
        kinds: of which kinds; of any if ``None``.
    """
    at, problem = problem.at, problem.expanded
    wording = Wording(problem.scope.nodes, problem.scope.arrays)
    made: dict[Node, Node] = {}
    said: dict[str, None] = {}
    constants: dict[float, None] = {}
    for node in problem.order:
        kept = _stabilises(node)
        if kept is not None and (kinds is None or _kind(node) in kinds):
            if symbol_of(node) == "+":
                constants |= {
                    float(np.reshape(p, ())): None for p in node.parents if not is_node(p)
                }
            made[node] = made.get(kept, kept)
            how = "it from 0" if node.operation is not CLIP else "it from its ends"
            said[f"{wording(node)} is {wording(kept)}: the number keeps {how}"] = None
        elif any(p in made for p in node.parents if is_node(p)):
            made[node] = node.again([made.get(p, p) if is_node(p) else p for p in node.parents])
    if not said or problem.root not in made:
        return None
    nodes = {name: made.get(node, node) for name, node in problem.nodes.items()}

    def plain_at(moved: Mapping[str, Node]) -> Problem:
        assert at is not None
        beside = at(moved)
        plain = without_stabilisers(beside, kinds)
        return beside if plain is None else plain.problem

    plain = replace(
        problem,
        root=made[problem.root],
        nodes=nodes,
        at=plain_at if at else None,
        with_other_data=tuple,
    )
    return Plain(plain, tuple(said), tuple(constants))


def _stabilises(node: Node) -> Node | None:
    """What a node is but for a constant that keeps it from 0, or from where it ends."""
    if len(node.parents) < 2 or (not is_node(node.parents[0]) and not is_node(node.parents[1])):
        return None
    kept, *limits = sorted(node.parents, key=lambda p: not is_node(p))
    if any(is_node(p) or np.size(p) != 1 for p in limits) or not is_node(kept):
        return None
    if np.shape(kept.data) != np.shape(node.data) or not np.size(kept.data):
        return None
    constants = [float(np.reshape(p, ())) for p in limits]
    size = largest(np.asarray(kept.data))
    low = 0 < constants[0] <= _LIMIT * size and bool(np.all(kept.data >= 0))
    high = 1 - _LIMIT <= constants[-1] < 1 and bool(np.all(kept.data <= 1))
    if symbol_of(node) == "+":
        return kept if 0 < constants[0] <= min(_SMALL, ADDED * size) else None
    holds = {CLIP: low and (high or constants[-1] >= 1), MAXIMUM: low}
    return kept if node.operation is not None and holds.get(node.operation) else None


def _right_gradients(plain: Plain | None, sharing: bool = True) -> dict[str, Array]:
    """The gradients of a problem by name, of those that were derived by hand and are these, be it
    where the stabilisers that the code shares with the loss are left out of it, too (``sharing``).
    """
    if plain is None:
        return {}
    problem = plain.problem
    nodes = [problem.nodes[name] for name in problem.manual]
    try:
        recorded = recorded_gradients(problem.root, nodes)
    except TypeError:  # a primitive whose pullback works on plain arrays only
        return {}
    right = dict(zip(problem.manual, (np.asarray(data_of(g)) for g in recorded), strict=True))
    if not all(np.isfinite(gradient).all() for gradient in right.values()):
        return {}
    room = tolerance_of(problem, dict(zip(right, recorded, strict=True)))

    def agreeing(manual: Mapping[str, Array], names: Iterable[str]) -> dict[str, Array]:
        known = [name for name in names if name in manual]
        return {n: right[n] for n in known if same_to_rounding(manual[n], right[n], room[n])}

    found = agreeing(problem.manual, right)
    others = [name for name in right if name not in found] if sharing else []
    little = [name for name in others if _is_felt_little(problem.manual[name], right[name])]
    return found | agreeing(_without(plain.constants, problem.program) if little else {}, little)


def _is_felt_little(manual: Array, right: Array) -> bool:
    """Whether a gradient is near the one without stabilisers: what a number changes much does not
    only keep something from 0.
    """
    same = manual.shape == right.shape
    return same and largest(manual - right) <= _LIMIT * largest(right)


def _without(constants: Collection[float], program: Program | None) -> Mapping[str, Array]:
    """What the hand-derived code gives where it adds 0 for constants that it shares with the loss:
    a probability that has one is read by the derivation, too.
    """
    if program is None or not constants or program.run().error is not None:
        return {}
    edits = {}
    for statement in program.statements:
        edited = _Zeroed(constants).visit(copy.deepcopy(statement.node))
        if ast.dump(edited) != ast.dump(statement.node):
            edits[statement.place] = [edited]
    if not edits:
        return {}
    run = program.run(edits)
    given = run.error.gradients if isinstance(run.error, OtherOutput) else run.gradients
    return given or {}


def has_stabilisers(plain: Plain, program: Program | None) -> bool:
    """Whether the hand-derived code has a constant itself that is a stabiliser of the loss."""
    if program is None or program.run().error is not None:
        return False
    parts = (part for each in program.statements for part in ast.walk(each.node))
    return any(_is_one_of(part, plain.constants) for part in parts)


def _is_one_of(node: ast.AST, constants: Collection[float]) -> bool:
    value = node.value if isinstance(node, ast.Constant) else None
    return isinstance(value, float) and value in constants


class _Zeroed(ast.NodeTransformer):
    """Writes 0 for some constants."""

    def __init__(self, constants: Collection[float]) -> None:
        self._constants = constants

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        known = _is_one_of(node, self._constants)
        return ast.copy_location(ast.Constant(0.0), node) if known else node


# A factor on deltas


def _scaled(point: Point) -> Iterator[_Conceded]:
    """Deltas that are all a constant times the gradient, where all parameters are right."""
    problem, wrong = point.problem, _differing(point)
    names = {q.name for q in wrong}
    deltas = [
        q for q in point.quantities if q.manual is not None and q.name not in problem.parameters
    ]
    if not names or names != {q.name for q in deltas} or not _has_all_parameters(problem):
        return
    factors = [_factor(quantity, point.tolerance[quantity.name]) for quantity in wrong]
    first = factors[0]
    if not first or any(f is None or not np.isclose(f, first, rtol=1e-9) for f in factors):
        return
    times = f"{first:.6g}".replace("-", "−")
    be = "is" if len(wrong) == 1 else "are all"
    yield _Conceded(
        {q.name: _agreeing(q, first * q.automatic) for q in wrong},
        (
            f"{', '.join(q.name for q in wrong)} {be} {times} × the gradient, and all parameters "
            "are right: a convention, no mistake.",
        ),
    )


def _averaged(point: Point) -> Iterator[_Conceded]:
    """Gradients of a layer's parameters that are all averaged over the batch, where that of its
    input is not: some courses divide by the size of the batch there, and not in the loss's.
    """
    wrong = _differing(point)
    right = [q for q in point.quantities if q.manual is not None and q.verdict == AGREE]
    if len(wrong) < 2 or not right:
        return
    sizes = {size for quantity in right for size in quantity.shape}
    for size in sizes.intersection(point.problem.batches):
        mean = {q.name: q.automatic / size for q in wrong}
        if size > 1 and all(
            same_to_rounding(np.asarray(q.manual), mean[q.name], point.tolerance[q.name] / size)
            for q in wrong
        ):
            names = " and ".join(q.name for q in wrong)
            yield _Conceded(
                {q.name: _agreeing(q, mean[q.name]) for q in wrong},
                (
                    f"{names} are 1/{size} × the gradient, which is averaged over the batch here: "
                    "right where the loss is not.",
                ),
            )
            return


def _has_all_parameters(problem: Problem) -> bool:
    return bool(problem.parameters) and set(problem.parameters) <= problem.manual.keys()


def _factor(quantity: Quantity, room: Array) -> float | None:
    """What a hand-derived gradient is times of the automatic one."""
    manual, right = np.asarray(quantity.manual), quantity.automatic
    if manual.shape != right.shape or right.size < 2 or not right.any():
        return None
    at = int(np.argmax(np.abs(right)))
    factor = float(manual.flat[at] / right.flat[at])
    return factor if same_to_rounding(manual, factor * right, 4 * abs(factor) * room) else None


# Shapes


def _reshaped(point: Point) -> Iterator[_Conceded]:
    """Right numbers in a shape that broadcasts to the quantity's own: an update keeps its shape."""
    for quantity in _differing(point):
        manual = np.asarray(quantity.manual)
        if manual.size != quantity.automatic.size:
            continue
        if not _broadcasts(manual, quantity.shape) or manual.shape == quantity.shape:
            continue
        room = np.reshape(point.tolerance[quantity.name], manual.shape)
        if same_to_rounding(manual, np.reshape(quantity.automatic, manual.shape), room):
            agreeing = _agreeing(quantity, np.reshape(quantity.automatic, manual.shape))
            yield _Conceded({quantity.name: agreeing})


def _broadcasts(array: Operand, shape: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(np.shape(array), shape) == shape
    except ValueError:
        return False
