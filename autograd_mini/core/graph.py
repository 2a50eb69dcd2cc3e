"""The recorded graph: its topological order and the reverse sweep over it.

One sweep serves scalars and arrays.  A node is anything that answers what ``Swept`` asks:
``Value`` and ``Tensor`` are the two that exist.
Nothing here recurses over the graph, and nothing it makes points from an operand to
a result, so that a graph is freed as soon as its last node is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, Protocol, TypeVar, overload

import numpy as np

from autograd_mini.core.operation import Operation
from autograd_mini.interface import differentiated, independence
from autograd_mini.interface.pushed import need_graph
from autograd_mini.other_libraries import refuse_options
from autograd_mini.typing import Operand

Recorded = bool | Literal["as written"]


class Swept(Protocol):
    """What the sweep asks of a node."""

    data: Any

    @property
    def operation(self) -> Operation | None:
        """The operation that made it, ``None`` for a leaf."""

    @property
    def parents(self) -> tuple[Any, ...]:
        """The operands in order: nodes, and constants as they were given."""

    def seed(self, gradient: Operand) -> Operand:
        """The upstream gradient that a sweep from this node starts with, checked."""

    def contributions(
        self,
        gradient: Operand,
        wanted: Collection[Any] | None,
        create_graph: Recorded,
        masked: bool,
    ) -> Iterable[tuple[Any, Any]]:
        """For each operand that is a node (and wanted): it, and what it receives.

        ``create_graph``: record it, by the derivatives' texts as they are shown if they are
        asked for ``"as written"``, else by those that are sound in floating point.
        ``masked``: an upstream gradient of exactly zero contributes zero, whatever the
        local derivative.  NumPy may warn while it is computed: see ``quietly``.
        """

    def pushed(self, tangents: Mapping[Any, Any], create_graph: bool) -> Operand:
        """Its tangent, from those of operands; ``None`` if these do not move it.

        ``create_graph``: record it.
        """

    def zero(self) -> Operand:
        """The gradient of something that does not depend on this node."""

    def again(self, operands: Sequence[Any]) -> Operand:
        """The same operation recorded on other operands."""


class Node(Swept, Protocol):
    """A Value or a Tensor, as pictures and checks see it."""

    grad: Any
    label: str

    @property
    def op(self) -> str:
        """The name of the operation, ``""`` for a leaf."""

    @property
    def local_derivatives(self) -> tuple[Any, ...]:
        """∂self/∂parent, element by element, for each parent: see ``Value`` and ``Tensor``."""


N = TypeVar("N", bound=Node)


def operands(node: N) -> Iterator[N]:
    """The parents that are nodes themselves, in order; constants are left out.

    >>> from autograd_mini import Value
    >>> x = Value(3.0)
    >>> len(list(operands(x * x))), len(list(operands(2 * x)))
    (2, 1)
    """
    return (parent for parent in node.parents if is_node(parent))


def data_of(operand: Operand) -> Operand:
    """The number or array of an operand: a node's data, or the constant itself."""
    return operand.data if is_node(operand) else operand


def options_of(node: Node) -> dict[str, Any]:
    """The options that a node's operation was given."""
    options: dict[str, Any] = getattr(node, "options", {})
    return options


def leaf_like(node: N, data: Operand, label: str = "") -> N:
    """A leaf of the same class as a node."""
    return type(node)(data, label)  # type: ignore[call-arg]


def is_node(operand: object) -> bool:
    """Whether an operand is a Value or a Tensor, not a constant."""
    return hasattr(operand, "contributions")


def topological_order(*roots: N) -> list[N]:
    """Every node that the roots depend on, each after all its operands; one root is last.

    The order depends only on the graph's structure.  Time and memory are linear in the
    number of nodes and edges, and the stack stays flat.

    >>> from autograd_mini import Value
    >>> a = Value(1.0, label="a")
    >>> b = a + a
    >>> [node.op or node.label for node in topological_order(b * a)]
    ['a', 'add', 'mul']
    """
    uses = dict.fromkeys(roots, 0)
    found = list(uses)
    for node in found:  # grows while it is walked
        for operand in node.parents:
            if hasattr(operand, "contributions"):
                if operand in uses:
                    uses[operand] += 1
                else:
                    uses[operand] = 1
                    found.append(operand)
    order = []
    ready = [root for root in dict.fromkeys(roots) if not uses[root]]
    while ready:
        node = ready.pop()
        order.append(node)
        for operand in node.parents:
            if hasattr(operand, "contributions"):
                uses[operand] -= 1
                if not uses[operand]:
                    ready.append(operand)
    order.reverse()
    return order


def depend_on_all(roots: Iterable[Node], nodes: Iterable[Node]) -> bool:
    """Whether the roots, together, depend on all of these nodes.

    It is looked for from the roots, and mostly soon found.

    >>> from autograd_mini import Value
    >>> a, b = Value(1.0), Value(2.0)
    >>> depend_on_all([a * b, a], [a, b]), depend_on_all([a * a], [a, b])
    (True, False)
    """
    ready = list(roots)
    seen = set(ready)
    missing = set(nodes) - seen
    while missing and ready:
        for operand in operands(ready.pop()):
            if operand not in seen:
                seen.add(operand)
                missing.discard(operand)
                ready.append(operand)
    return not missing


def reverse_sweep(
    order: Sequence[N],
    gradient: Operand,
    wanted: Collection[N] | None = None,
    create_graph: Recorded = False,
    masked: bool = False,
    handed: Mapping[N, Any] = MappingProxyType({}),
) -> Iterator[tuple[N, Any]]:
    """Each node of a topological order with its whole gradient, the root first.

    Going backwards through a topological order, a node's turn comes when everything that
    used it has passed its share on; so each node is visited once and its gradient is
    complete.  Nodes that the root does not depend on differentiably are left out.
    ``handed`` gives nodes a gradient to pass on in place of the one that was found.
    """
    sweep = _gradients_in_turn(order, gradient, wanted, create_graph, masked, handed)
    while True:
        with quietly():
            pair = next(sweep, None)
        if pair is None:
            return
        yield pair


def quietly() -> np.errstate:
    """A ``with`` block, or decorator, for sweeps: a local derivative may be infinite or NaN."""
    return np.errstate(divide="ignore", invalid="ignore")


def _gradients_in_turn(
    order: Sequence[N],
    gradient: Operand,
    wanted: Collection[N] | None,
    create_graph: Recorded,
    masked: bool,
    handed: Mapping[N, Any],
) -> Iterator[tuple[N, Any]]:
    """What ``reverse_sweep`` gives; NumPy may warn while it is computed."""
    totals: dict[N, Any] = {order[-1]: gradient}
    for node in reversed(order):
        if node not in totals:
            continue
        total = totals.pop(node)
        yield node, total
        total = handed.get(node, total)
        for operand, share in node.contributions(total, wanted, create_graph, masked):
            totals[operand] = totals[operand] + share if operand in totals else share


def backward(root: Operand, gradient: Operand = None, interior: bool = True) -> None:
    """Sweep from a Tensor: leaves add the gradient to ``grad``, interior nodes hold it if asked.

    Values have a sweep of their own, ``Value.backward``.
    """
    seed = root.seed(gradient)
    if is_node(seed):
        raise TypeError("backward() takes a plain number or array as gradient: write gradient.data")
    need_graph()
    asked = None if interior else {n for n in topological_order(root) if not n.operation}
    for node, total in _sweep(root, seed, asked).items():
        node.receive(node.zero() if total is None else total)


@overload
def gradients(root: Any, wrt: N, create_graph: bool = ..., gradient: Operand = ...) -> Operand: ...
@overload
def gradients(
    root: Any, wrt: Sequence[N], create_graph: bool = ..., gradient: Operand = ...
) -> list[Any]: ...
@overload
def gradients(
    root: Any, wrt: Mapping[str, N], create_graph: bool = ..., gradient: Operand = ...
) -> dict[str, Any]: ...


def gradients(
    root: Any, wrt: Any, create_graph: bool = False, gradient: Operand = None, **more: object
) -> Operand:
    """The gradient of ``root`` with respect to nodes, without writing any ``grad``.

    Arguments:
        root: a Value, or a Tensor of one number (of any shape if ``gradient`` is given).
        wrt: one node, or a list, tuple or dict of nodes, interior ones included.
        create_graph: return nodes that can be differentiated again, not plain numbers.
        gradient: the upstream gradient to start from, of ``root``'s shape; 1 by default.

    Returns:
        A gradient of the same shape for each node, arranged as ``wrt`` is; zero, and an
        IndependentOutputWarning, where ``root`` does not depend on it.

    >>> from autograd_mini import Value
    >>> x = Value(3.0)
    >>> first = gradients(x**3, x, create_graph=True)
    >>> first.data, gradients(first, x)
    (27.0, 18.0)
    """
    if more:
        refuse_options("gradients", more)
    if not isinstance(create_graph, bool | np.bool_):
        raise TypeError(
            f"gradients(): create_graph is True or False, not {type(create_graph).__name__}: "
            "write gradient=... for the upstream gradient"
        )
    if isinstance(wrt, Mapping):
        return dict(zip(wrt, gradients(root, [*wrt.values()], create_graph, gradient), strict=True))
    if not isinstance(wrt, list | tuple):
        return gradients(root, [wrt], create_graph, gradient)[0]
    for node in (root, *wrt):
        if not is_node(node):
            raise TypeError(
                f"gradients() differentiates a Value or Tensor with respect to Values or "
                f"Tensors, not {type(node).__name__}; wrap the number: Value(...) or Tensor(...)"
            )
    if is_node(gradient) and not create_graph:
        raise TypeError(
            f"gradients() was given a {type(gradient).__name__} as upstream gradient: write "
            "gradient.data, or create_graph=True to differentiate with respect to it"
        )
    need_graph()
    totals = _sweep(root, root.seed(gradient), set(wrt), create_graph)
    if any(node not in totals for node in wrt):
        independence.warn_of_nodes(topological_order(root), wrt)
    differentiated.note(wrt, recorded=create_graph)
    found = [totals[node] if node in totals else node.zero() for node in wrt]
    found = [np.asarray(g) if isinstance(g, np.generic) else g for g in found]
    if not create_graph:
        return found
    return [g if is_node(g) else type(node)(g) for node, g in zip(wrt, found, strict=True)]


def sweep_gradients(
    root: N,
    wrt: Sequence[N],
    create_graph: Recorded,
    gradient: Operand,
    handed: Mapping[N, Any] = MappingProxyType({}),
) -> list[Any]:
    """``gradients`` for a list, in which a gradient that is constant stays a plain number."""
    found = _sweep(root, root.seed(gradient), set(wrt), create_graph, handed)
    return [found[node] if node in found else node.zero() for node in wrt]


def _sweep(
    root: Operand,
    seed: Operand,
    asked: Collection[Any] | None = None,
    create_graph: Recorded = False,
    handed: Mapping[Any, Any] = MappingProxyType({}),
) -> dict[Any, Any]:
    """The gradient of each node asked for that the root depends on, or of all.

    If all are asked for, it is None where the root does not depend differentiably on a node.
    """
    if hasattr(root, "_array"):
        with quietly():
            return sweep_over_arrays[0](root, seed, asked, create_graph, handed)
    order = topological_order(root)
    if asked is None:
        return dict.fromkeys(order) | _sweep_through(order, seed)
    wanted = dependents(order, asked)
    if root not in wanted:
        return {}
    return _sweep_through(order, seed, asked, wanted, create_graph, handed)


@quietly()
def _sweep_through(
    order: Sequence[N],
    seed: Operand,
    asked: Collection[N] | None = None,
    wanted: Collection[N] | None = None,
    create_graph: Recorded = False,
    handed: Mapping[N, Any] = MappingProxyType({}),
) -> dict[N, Any]:
    """The gradient of each node asked for, or of all, where NaN has only causes that matter.

    Zero times infinity is NaN; but where the upstream gradient is exactly zero, as in the
    branch that ``where`` did not take, the local derivative is of no consequence.  To look
    for that at each step would cost every sweep; so the sweep is repeated if NaN came out.
    """

    def swept(masked: bool) -> dict[N, Any]:
        pairs = _gradients_in_turn(order, seed, wanted, create_graph, masked, handed)
        return {n: total for n, total in pairs if asked is None or n in asked}

    found = swept(masked=False)
    return swept(masked=True) if needs_masking(found, asked) else found


sweep_over_arrays: list[Callable[..., dict[Any, Any]]] = []
"""``swept`` of ``array_node``, which enters it here, for it imports this module."""


def needs_masking(found: Mapping[N, Any], asked: Collection[N] | None) -> bool:
    """Whether gradients hold NaN, which may have come of zero times infinity.

    Arguments:
        found: gradients of nodes.
        asked: those that matter; ``None`` if they are the leaves.
    """
    mattering = (n for n in found if (not n.operation if asked is None else n in asked))
    return any(has_nan(found[node]) for node in mattering)


def has_nan(gradient: Operand) -> bool:
    array = data_of(gradient)
    least = array if isinstance(array, float) else np.minimum.reduce(array, axis=None, initial=0.0)
    return bool(least != least)  # the least number is NaN if one of them is


@quietly()
def push_forward(root: N, tangents: Mapping[N, Any], create_graph: bool = False) -> Operand:
    """The direction in which a root moves if nodes move in directions: the tangent of it.

    One pass in topological order, which keeps a tangent until the last use of its node.

    Arguments:
        tangents: for each node that moves its direction, of the node's shape.
        create_graph: return a node that can be differentiated again, not plain numbers.

    Returns:
        The tangent, of the root's shape; ``None`` if no such node moves the root.

    >>> from autograd_mini import Value
    >>> x = Value(3.0)
    >>> push_forward(x * x + 1, {x: 10.0})
    60.0
    """
    order = topological_order(root)
    last = {operand: node for node in order for operand in operands(node)}
    found = dict(tangents)
    for node in order:
        moved = [operand for operand in set(operands(node)) if operand in found]
        if moved and node not in found:
            tangent = node.pushed(found, create_graph)
            if tangent is not None:
                found[node] = tangent
        for operand in moved:
            if last[operand] is node and operand is not root:
                del found[operand]
    return found.get(root)


def dependents(order: Iterable[N], wrt: Iterable[N]) -> set[N]:
    """The nodes of a topological order that are in ``wrt`` or depend on a node of it."""
    wanted = set(wrt)
    for node in order:
        if any(operand in wanted for operand in operands(node)):
            wanted.add(node)
    return wanted


def rebuild(order: Iterable[N], replaced: Mapping[N, N]) -> dict[N, N]:
    """Record anew what depends on ``replaced``, with these nodes in the place of others.

    Returns:
        The new node for each one replaced or recorded anew.

    >>> from autograd_mini import Value
    >>> x = Value(3.0)
    >>> y = x * x + 1
    >>> rebuild(topological_order(y), {x: Value(5.0)})[y].data
    26.0
    """
    made = dict(replaced)
    for node in order:
        if node not in made and any(operand in made for operand in operands(node)):
            made[node] = node.again([made.get(p, p) if is_node(p) else p for p in node.parents])
    return made


def expand(root: N) -> N:
    """The same graph with each fused operation as the parts that it states; leaves are shared.

    The value and the gradients are those of ``root``, to any order.

    >>> from autograd_mini import Tensor, affine
    >>> x, W, b = Tensor([1.0, 2.0]), Tensor([[3.0], [4.0]]), Tensor([5.0])
    >>> [node.op for node in topological_order(expand(affine(x, W, b)))]
    ['', '', 'matmul', '', 'add']
    """
    return expansion(topological_order(root)).get(root, root)


def expansion(
    order: Sequence[N], which: Callable[[Operation], bool] = lambda operation: True
) -> dict[N, N]:
    """For each node of a topological order that is recorded anew: what it becomes.

    Arguments:
        which: whether an operation that has parts is to be opened.
    """
    found: dict[N, N] = {}
    present = order
    while made := _opened(present, which):
        found = {old: made.get(now, now) for old, now in found.items()} | {
            node: made[node] for node in order if node in made
        }
        present = topological_order(made.get(present[-1], present[-1]))
    return found


def _opened(order: Sequence[N], which: Callable[[Operation], bool]) -> dict[N, N]:
    """The nodes that are to be opened, as their parts, and what depends on them, recorded anew."""
    made: dict[N, N] = {}
    opened = False
    for node in order:
        given = [made.get(p, p) if is_node(p) else p for p in node.parents]
        whole: Any = None
        operation = node.operation
        if operation is not None and operation.parts is not None and which(operation):
            whole = operation.parts(*given, **options_of(node))
            opened |= whole is not None
        if whole is None and any(operand in made for operand in operands(node)):
            whole = node.again(given)
        if whole is not None:
            made[node] = whole
            whole.label = whole.label or node.label
    return made if opened else {}
