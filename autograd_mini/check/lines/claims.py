"""What is an array that a line made?  It is recognised by its numbers."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import combinations
from typing import Any, Literal

import numpy as np

from autograd_mini.check.problem import Problem
from autograd_mini.check.structure import is_elementwise
from autograd_mini.check.wording import Wording
from autograd_mini.core.graph import Node, data_of, is_node, sweep_gradients
from autograd_mini.typing import Array

Kind = Literal["gradient", "share", "slope", "value"]


@dataclass(frozen=True)
class Claim:
    """What an array is: of a node the gradient, a share of it along one path, or the value, or
    how steep it is beside a node that it is made of element by element.

    Attributes:
        kind: which of these.
        node: the node.
        factor: what the array is times of it.
        moved: whether it has its axes in the reverse order.
        through: of a share, the uses of the node along which it comes.
    """

    kind: Kind
    node: Node
    factor: float = 1.0
    moved: bool = False
    through: tuple[Node, ...] = ()

    @property
    def exact(self) -> bool:
        """Whether it is just that."""
        return self.factor == 1.0 and not self.moved

    def is_times(self, factor: float) -> bool:
        """Whether the array is a factor times of it."""
        return abs(self.factor - factor) <= 1e-6 * abs(factor)


class Truth:
    """All that a line of a right derivation may make, as far as it was recorded.

    >>> from autograd_mini import Tensor
    >>> w = Tensor([1.0, 2.0], label="w")
    >>> truth = Truth(Problem(np.sum(w**2), {"w": w}, ("w",), {}))
    >>> truth.words(truth.claims(np.array([2.0, 4.0]))[0])
    'the gradient of w'
    >>> truth.words(truth.claims(np.array([-4.0, -8.0]))[0])
    '−2 times the gradient of w'
    """

    def __init__(self, problem: Problem) -> None:
        expanded = problem.expanded
        self.order, self.root = expanded.order, expanded.root
        self.tolerance = problem.rounding_unit**0.55
        self.scale = problem.scale
        named = expanded.used.nodes | {node: name for name, node in expanded.nodes.items()}
        inside = set(self.order)  # what a step derives by hand is recorded, too
        self.names: Mapping[Node, str] = {n: name for n, name in named.items() if n in inside}
        self.wording = Wording(self.names, expanded.used.arrays)
        self._valued: dict[tuple[tuple[int, ...], bytes], tuple[Node, ...]] = {}
        self._called = dict(self.names)  # by the loss, then by the hand-derived code

    def call(self, called: Iterable[tuple[str, Array]]) -> None:
        """Say what the hand-derived code calls values, by which the gradients of nodes that have no
        name in the loss are known.
        """
        for name, value in called:
            name = name.removeprefix("self.")
            if name.isidentifier() and value.ndim and value.dtype.kind == "f":
                claims = self.claims(value, factors=False)
                nodes = [c.node for c in claims if c.kind == "value" and c.exact]
                if nodes and not any(node in self._called for node in nodes):
                    self._called[nodes[0]] = name

    @cached_property
    def gradients(self) -> dict[Node, Array]:
        """The gradient of each node."""
        with np.errstate(all="ignore"):
            found = sweep_gradients(self.root, self.order, False, None)
        return dict(zip(self.order, map(np.asarray, found), strict=True))

    @cached_property
    def numbers(self) -> list[float]:
        """The numbers that the loss is computed with."""
        constants = (p for node in self.order for p in node.parents if not is_node(p))
        numbers = (float(np.reshape(c, ())) for c in constants if np.size(c) == 1)
        return list(dict.fromkeys(x for x in numbers if np.isfinite(x)))

    @cached_property
    def _known(self) -> dict[tuple[int, ...], _Alike]:
        """By shape all that is known of it."""
        alike: dict[tuple[int, ...], _Alike] = defaultdict(_Alike)
        for node in reversed(self.order):
            gradient = self.gradients[node]
            if not self._is_negated(node):
                alike[gradient.shape].add("gradient", node, gradient)
            alike[np.shape(node.data)].add("value", node, np.asarray(node.data))
        for node, share, through in self._shares():
            alike[share.shape].add("share", node, share, through)
        for node, slopes in self.slopes.items():
            for slope in slopes:
                alike[slope.shape].add("slope", node, slope)
        return dict(alike)

    def _is_negated(self, node: Node) -> bool:
        """Whether it is minus another node and has no name: nobody derives its gradient, and to
        call the other's by it would hide a wrong sign.
        """
        if node in self.names or len(node.parents) != 1 or not is_node(node.parents[0]):
            return False
        return np.array_equal(self.gradients[node], -self.gradients.get(node.parents[0], 0.0))

    def _shares(self) -> Iterator[tuple[Node, Array, tuple[Node, ...]]]:
        """What each user of a node that has several adds to its gradient, and what some of them add
        together: those of one layer, where another reads it as well.
        """
        uses: dict[Node, int] = defaultdict(int)
        for node in self.order:
            for operand in node.parents:
                if is_node(operand):
                    uses[operand] += 1
        several: dict[Node, dict[Node, Array]] = defaultdict(dict)
        for node in self.order:
            if any(is_node(p) and uses[p] > 1 for p in node.parents):
                for operand, share in self.shares_of(node):
                    if uses[operand] > 1:  # of ``w * w`` one share, not two halves
                        before = several[operand].get(node, 0.0)
                        several[operand][node] = np.asarray(before + share)
        for operand, shares in several.items():
            most = len(shares) if len(shares) <= _FEW else 2
            for count in range(1, most):
                for through in combinations(shares, count):
                    first, *others = (shares[node] for node in through)
                    yield operand, np.asarray(sum(others, first)), through

    @cached_property
    def slopes(self) -> dict[Node, list[Array]]:
        """How steep each node is that is made element by element of others: those with a name,
        and those that something else than an elementwise operation reads.
        """
        found: dict[Node, list[Array]] = {}
        read = {
            operand
            for node in self.order
            if not is_elementwise(node)
            for operand in node.parents
            if is_node(operand) and is_elementwise(operand)
        }
        for node in dict.fromkeys([*self.names, *(n for n in self.order if n in read)]):
            ends = self.made_of(node)
            if ends:
                slopes = self.steep(node, ends)
                found[node] = [slope for slope in slopes if not (slope == 1).all()]
        return found

    def made_of(self, node: Node) -> list[Node]:
        """What a node is made of element by element: nodes of its shape with a name, or made by
        another operation.
        """
        return self._steps_to(node)[1]

    def made_above(self, node: Node) -> dict[tuple[str, ...], Node]:
        """What is made of a node element by element, by the operations on the way there."""
        found: dict[tuple[str, ...], Node] = {}
        waiting: list[tuple[tuple[str, ...], Node]] = [((), node)]
        for way, below in waiting:  # grows while it is walked
            for above in self.users(below) if len(way) < _LONGEST else ():
                onward = (*way, above.op)
                if onward not in found and is_elementwise(above) and _alike(above, node):
                    found[onward] = above
                    if above not in self.names:
                        waiting.append((onward, above))
        return found

    def steep(self, node: Node, below: Sequence[Node]) -> list[Array]:
        """How steep a node is beside others that it is made of element by element."""
        inside, ends = self._steps_to(node)[0], set(below)
        ones = np.ones_like(node.data)[()]
        swept: dict[Node, Any] = {node: ones}
        with np.errstate(all="ignore"):
            for each in sorted(inside, key=self._rank.__getitem__, reverse=True):
                if each in swept and each not in ends:
                    for operand, share in _handed(each, swept[each]):
                        swept[operand] = swept.get(operand, 0.0) + share
        return [np.asarray(swept.get(each, 0.0 * ones)) for each in below]

    @cached_property
    def _rank(self) -> dict[Node, int]:
        return {node: i for i, node in enumerate(self.order)}

    def _steps_to(self, node: Node) -> tuple[list[Node], list[Node]]:
        """The elementwise operations that make a node, and what they make it of."""
        inside, ends, seen = [node], list[Node](), {node}
        for inner in inside:  # grows while it is walked
            for operand in inner.parents if is_elementwise(inner) else ():
                if not is_node(operand) or operand in seen:
                    continue
                if _alike(operand, node):
                    seen.add(operand)
                    last = operand in self.names or not is_elementwise(operand)
                    (ends if last else inside).append(operand)
        return inside, ends

    def claims(self, array: Array, factors: bool = True) -> list[Claim]:
        """What an array is, the likeliest first: gradients before values, exact ones before others.

        Arguments:
            factors: whether a constant times something is looked for.
        """
        found = list(self._claims(array, factors))
        if array.ndim > 1 and not found:
            found = [replace(claim, moved=True) for claim in self._claims(array.T, factors)]
        return sorted(found, key=lambda claim: (not claim.exact, _KINDS.index(claim.kind)))

    def valued(self, array: Array) -> tuple[Node, ...]:
        """The nodes of which an array is the value."""
        content = array.shape, array.tobytes()
        if content not in self._valued:
            claims = self.claims(array, factors=False)
            nodes = (claim.node for claim in claims if claim.exact and claim.kind == "value")
            self._valued[content] = tuple(nodes)
        return self._valued[content]

    def _claims(self, array: Array, factors: bool) -> Iterator[Claim]:
        known = self._known.get(array.shape)
        if known is not None and array.size and np.isfinite(array).all() and array.any():
            yield from known.claims(array, self.tolerance, factors)
            several = (self.scale, -self.scale) if array.size == 1 and factors else ()
            for factor in set(several) - {1.0}:  # any number is some multiple of another
                for claim in known.claims(array / factor, self.tolerance, False):
                    if claim.kind in ("gradient", "share"):
                        yield replace(claim, factor=factor)

    def known(self, shape: tuple[int, ...], name: str) -> list[tuple[Claim, Array]]:
        """All that is known of a shape, each array once; before it what the name says, whatever its
        shape.
        """
        found: dict[bytes, tuple[Claim, Array]] = {}
        named = self.named(name)
        wide = np.shape(self.gradients[named]) if named in self.gradients else None
        for size in dict.fromkeys((wide, shape)):
            alike = self._known.get(size) if size is not None else None
            for claim, array in alike.each() if alike else ():
                of_it = claim.node is named and claim.kind in ("gradient", "share")
                if size == shape or of_it:
                    found.setdefault(array.tobytes(), (claim, array))

        def rank(known: tuple[Claim, Array]) -> tuple[bool, bool, int]:
            claim, _ = known
            return (
                not self.fits(name, claim),
                claim.node not in self.names,
                _KINDS.index(claim.kind),
            )

        return sorted(found.values(), key=rank)

    def has_sign(self, name: str, array: Array) -> bool:
        """Whether an array is some times the gradient of what a name says, with its sign."""
        claims = (c for c in self.claims(array) if c.kind == "gradient" and not c.moved)
        return any(c.factor * self.scale > 0 and c.node is self.named(name) for c in claims)

    def gradients_of(self, shape: tuple[int, ...]) -> list[Array]:
        """The gradients of a shape."""
        alike = self._known.get(shape)
        return [array for claim, array in alike.each() if claim.kind == "gradient"] if alike else []

    def shares_of(self, node: Node) -> list[tuple[Node, Array]]:
        """What a node hands on to the gradient of each of its operands."""
        with np.errstate(all="ignore"):
            return _handed(node, self.gradients[node][()])

    def users(self, node: Node) -> list[Node]:
        """What is made of a node."""
        return list(dict.fromkeys(user for user, _ in self.uses.get(node, ())))

    @cached_property
    def uses(self) -> dict[Node, list[tuple[Node, int]]]:
        """By each node that is used what is made of it, and as which operand."""
        found: dict[Node, list[tuple[Node, int]]] = defaultdict(list)
        for node in self.order:
            for slot, operand in enumerate(node.parents):
                if is_node(operand):
                    found[operand].append((node, slot))
        return dict(found)

    def words(self, claim: Claim) -> str:
        """A claim in words."""
        what = self.wording(claim.node)
        of = {"gradient": f"the gradient of {what}", "share": f"a share of the gradient of {what}"}
        if claim.through:
            of["share"] += f", by way of {' and '.join(map(self.wording, claim.through))}"
        times = "" if claim.factor == 1 else f"{claim.factor:.6g} times ".replace("-", "−")
        of["slope"] = f"the derivative of {what}"
        return times + of.get(claim.kind, what) + (", transposed" if claim.moved else "")

    @cached_property
    def _data(self) -> set[tuple[object, bytes]]:
        """The arrays that the loss reads and that are no nodes, and their parts."""
        operands = (data_of(p) for node in self.order for p in node.parents if not is_node(p))
        arrays = (np.asarray(operand) for operand in operands)
        return {(a.shape, a.astype(float).tobytes()) for a in arrays if a.dtype.kind in "fiub"}

    def is_data(self, array: Array) -> bool:
        """Whether an array that is not 0 is one that the loss reads, such as a batch."""
        return bool(array.any()) and (array.shape, array.astype(float).tobytes()) in self._data

    def is_derived(self, claim: Claim) -> bool:
        """Whether an array is a gradient, or a share of one, as many times as those of all
        parameters are.
        """
        is_gradient = claim.kind in ("gradient", "share") and not claim.moved
        return is_gradient and claim.is_times(self.scale)

    def is_gradient(self, name: str, claims: Sequence[Claim]) -> bool:
        """Whether something is a gradient by its numbers, or by its name that of a node."""
        numbers = any(claim.kind in ("gradient", "share") for claim in claims)
        values = any(claim.kind == "value" and claim.exact for claim in claims)
        return (numbers and not values) or self.named(name) is not None

    def fits(self, name: str, claim: Claim) -> bool:
        """Whether a name is that of the node whose gradient the array is, as ``dZ1`` of ``z1``."""
        return claim.kind not in ("value", "slope") and is_gradient_name(
            name, self._called.get(claim.node, "")
        )

    def named(self, name: str) -> Node | None:
        """The node whose gradient something is by its name."""
        found = {node for node, other in self._called.items() if is_gradient_name(name, other)}
        return found.pop() if len(found) == 1 else None


def _handed(node: Node, gradient: Any) -> list[tuple[Node, Array]]:
    """What a node that has a gradient hands on to each of its operands."""
    pairs = node.contributions(gradient, None, False, True)
    return [(operand, np.asarray(data_of(share))) for operand, share in pairs]


def _alike(node: Node, other: Node) -> bool:
    return bool(np.shape(node.data) == np.shape(other.data))


_LONGEST = 8
"""How many operations an activation may be made of."""
_FEW = 4
"""Of how many uses of a node it is looked at what some of them add together."""
_KINDS = ("gradient", "share", "value", "slope")
"""The kinds, the likelier first: what is its own derivative is called by its name."""


class _Alike:
    """Arrays of one shape, and what they are."""

    def __init__(self) -> None:
        self._what: list[Claim] = []
        self._arrays: list[Array] = []

    def add(self, kind: Kind, node: Node, array: Array, through: tuple[Node, ...] = ()) -> None:
        self._what.append(Claim(kind, node, through=through))
        self._arrays.append(array)

    def each(self) -> Iterator[tuple[Claim, Array]]:
        """The arrays, with what each is."""
        yield from zip(self._what, self._arrays, strict=True)

    @cached_property
    def _rows(self) -> Array:
        return np.array([array.ravel() for array in self._arrays], float)

    @cached_property
    def _largest(self) -> Array:
        return np.asarray(np.max(np.abs(self._rows), axis=1))

    @cached_property
    def _squares(self) -> Array:
        return np.asarray(np.einsum("ij,ij->i", self._rows, self._rows))

    def claims(self, array: Array, tolerance: float, factors: bool) -> Iterator[Claim]:
        flat = array.ravel().astype(float)
        with np.errstate(all="ignore"):
            one = np.full(len(self._rows), 1.0)
            scales = self._rows @ flat / self._squares if factors and flat.size > 1 else one
            scales = np.where(np.abs(scales - 1) <= tolerance, 1.0, scales)
            room = tolerance * np.abs(scales) * self._largest
            first = np.abs(flat[0] - scales * self._rows[:, 0]) <= room
            near = [
                i
                for i in np.flatnonzero(first & (scales != 0))
                if (np.abs(flat - scales[i] * self._rows[i]) <= room[i]).all()
            ]
        for i in near:
            if scales[i] == 1 or self._what[i].kind != "value":
                yield replace(self._what[i], factor=float(scales[i]))


_PREFIXES = re.compile(
    r"^(d|del|delta|grad|gradient|g|error|err|nabla|dl|dloss|dj|de)_*|_*(delta|grad|gradient|error|err|bar)$",
    re.I,
)


@lru_cache(maxsize=4096)
def is_gradient_name(name: str, of: str) -> bool:
    """Whether a name says that it is the gradient of something.

    >>> is_gradient_name("dZ1", "z1"), is_gradient_name("grads['W1']", "W1")
    (True, True)
    >>> is_gradient_name("z1_delta", "z1"), is_gradient_name("dA1", "z1")
    (True, False)
    >>> is_gradient_name("self.dZ1", "self.Z1")
    True
    """
    inner = re.findall(r"\w+", name)
    if not inner or not re.search(r"\w", of):
        return False
    last, plain = inner[-1], _plain(re.findall(r"\w+", of)[-1])
    bare = {_plain(last), _plain(_PREFIXES.sub("", last))}
    return plain in bare


def _plain(name: str) -> str:
    return name.replace("_", "").lower()
