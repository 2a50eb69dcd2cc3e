"""What a picture of a graph shows, as data: boxes, arrows and layers.

>>> from autograd_mini import Value
>>> x = Value(3.0, label="x")
>>> y = x * x
>>> y.backward()
>>> found = picture(y)
>>> [(box.label, box.made_by) for box in found.boxes]
[('x', ''), ('v1', 'x·x')]
>>> [arrow.lines for arrow in found.arrows]
[('∂v1/∂x (1st) = x', '= 3'), ('∂v1/∂x (2nd) = x', '= 3')]
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from autograd_mini.core.graph import reverse_sweep
from autograd_mini.show.boxes import STATUS, Picture, View
from autograd_mini.show.composed import Looks, composed
from autograd_mini.show.fold import READABLE
from autograd_mini.show.names import LONGEST_NAME, Variables, names_of, shown
from autograd_mini.show.plan import (
    Clusters,
    Fold,
    layers_of_leaves,
    parameters_of,
    plans,
    too_large,
    unfolded,
)
from autograd_mini.show.recorded import (
    MOST_READ,
    NODES,
    Node,
    Recorded,
    TooLarge,
    in_short,
    on_the_way,
    recorded,
    to_depth,
    uncollected,
)
from autograd_mini.show.steps import multiple
from autograd_mini.typing import Operand


def picture(root: Operand, max_nodes: int = 300, **options: Any) -> Picture:
    """The first of ``pictures`` that has as few boxes as a page, or else the smallest."""
    smallest = None
    for found in pictures(root, max_nodes, **options):
        if smallest is None or len(found.boxes) < len(smallest.boxes):
            smallest = found
        if len(found.boxes) <= READABLE:
            break
    assert smallest is not None
    return smallest


def pictures(
    root: Operand,
    max_nodes: int = 300,
    *,
    names: Variables | None = None,
    view: View = "both",
    to: Operand = None,
    depth: int | None = None,
    fold: Fold = False,
    clusters: Clusters = True,
    inputs: Collection[Any] | None = None,
    status: Mapping[Any, str] | None = None,
    called: Mapping[int, str] | None = None,
    gradients: Mapping[int, Any] | None = None,
    alone: Collection[int] = (),
) -> Iterator[Picture]:
    """The boxes and arrows of the graph that ``root`` was computed by, operands first.

    A list of nodes is several roots.  The first picture folds least; each is made when it is
    asked for.

    Arguments and errors are those of ``draw``, but for ``names``: the names of objects by ``id``;
    ``called`` and ``gradients``: names of all nodes in the place of labels, and their gradients
    in the place of ``grad``, by ``id`` as well; ``alone``: places of nodes that are not folded
    with others.
    """
    if view not in ("both", "forward", "backward"):
        raise ValueError(f"view is 'both', 'forward' or 'backward', not {view!r}")
    if fold not in (True, False, "repeats", "layers"):
        raise ValueError(f"fold is True, False, 'repeats' or 'layers', not {fold!r}")
    with uncollected():
        roots = list(root) if isinstance(root, list | tuple) else [root]
        graph = _chosen(roots, max_nodes, to, depth, fold)
        swept = gradients is not None or any(np.any(np.asarray(one.grad)) for one in roots)
        if view == "backward" and not swept:
            raise ValueError(
                "a backward picture shows gradients: call backward() on the root first"
            )
        given = names_of(graph.nodes, names or {})
        if called:
            names_in_full = [called[id(node)] for node in graph.nodes]
        else:
            if len(graph.nodes) <= MOST_READ:
                graph = in_short(graph, given, names or {})
                given = names_of(graph.nodes, names or {})
            names_in_full = given
        parameters = parameters_of(clusters)
        told = layers_of_leaves(graph, names_in_full, clusters, parameters)
        looks = Looks(
            view,
            swept,
            None if parameters is None else frozenset(map(id, parameters.values())),
            None if inputs is None else frozenset(map(id, inputs)),
            _by_id(status or {}),
            names or {},
            gradients or {},
            _sweeps(graph, names_in_full)
            if swept and gradients is None and len(roots) == 1
            else (),
        )
        ways = plans(graph, given, told, fold, max_nodes)
    few_enough = False
    while True:
        with uncollected():
            plan = next(ways, None)
            if plan is None:
                break
            found = composed(graph, names_in_full, unfolded(plan, alone), looks)
        if len(found.boxes) <= max_nodes:
            few_enough = True
            yield found
    if not few_enough:
        raise ValueError(too_large(max_nodes, bool(fold)))


def transcript(picture: Picture) -> str:
    """A picture in words, for people who hear it read out: a line for each box and arrow.

    >>> from autograd_mini import Value
    >>> print(transcript(picture(Value(3.0, label="w") * 2)))
    Computation graph of v1: 2 nodes, 1 edges
    parameter w: value 3
    result v1 = w·2: value 6
      from w: ∂v1/∂w = 2
    """
    label = {box.name: box.label for box in picture.boxes}
    layer = {name: cluster.label for cluster in picture.clusters for name in cluster.boxes}
    into: dict[str, list[str]] = {box.name: [] for box in picture.boxes}
    for arrow in picture.arrows:
        told = f": {' '.join(arrow.lines)}" if arrow.lines else ""
        told += ", residual" * arrow.residual
        into[arrow.head].append(f"  from {label[arrow.tail]}{told}")
    lines = [picture.title, *picture.notes]
    for box in picture.boxes:
        if box.kind == "reference":
            continue
        text = f"{'result' if box.root else box.kind} {box.label}"
        text += f" × {box.count}" * (box.count > 1) + f" = {box.made_by}" * bool(box.made_by)
        text += f", shape {box.shape}" * bool(box.shape)
        text += f", in {layer[box.name]}" if box.name in layer else ""
        cells = "; ".join(" ".join(row).strip() for row in box.rows)
        lines += [text + f": {cells}" * bool(cells), *into[box.name]]
    return "\n".join(lines)


# Which part of the graph


def _chosen(
    roots: Sequence[Node], max_nodes: int, to: Operand, depth: int | None, fold: Fold
) -> Recorded:
    strangers = [type(root).__name__ for root in roots if not isinstance(root, NODES)]
    if strangers or not roots:
        raise TypeError(
            "draw() takes the Value or Tensor at the end of a graph, a list of them, a "
            f"GradientReport or a model, not {(strangers or ['an empty list'])[0]}"
        )
    if depth is not None and (type(depth) is not int or depth < 0):
        raise ValueError(f"depth is a whole number of operations from the root, not {depth!r}")
    try:
        whole = to is None and depth is None and not fold
        graph = recorded(*roots, most=max_nodes if whole else None)
    except TooLarge:
        raise ValueError(too_large(max_nodes, False)) from None
    if to is not None:
        ends = list(to) if isinstance(to, list | tuple) else [to]
        known = set(map(id, graph.nodes))
        for end in ends:
            if id(end) not in known:
                label = f" {shown(end.label, LONGEST_NAME)!r}" if isinstance(end, NODES) else ""
                raise ValueError(
                    f"to= names nodes that the root was computed from, and this "
                    f"{type(end).__name__}{label} is none of them"
                )
        graph = on_the_way(graph, ends)
    return graph if depth is None else to_depth(graph, depth)


def _by_id(status: Mapping[Any, str]) -> dict[int, str]:
    for told in status.values():
        if str(told).partition(":")[0] not in STATUS:
            raise ValueError(f"a status is one of {', '.join(map(repr, STATUS))}, not {told!r}")
    return {id(node): told for node, told in status.items()}


MOST_SWEPT = 300
"""A larger graph is not swept again to see of how many sweeps its gradients are."""


def _sweeps(graph: Recorded, names: Sequence[str]) -> tuple[str, ...]:
    """What is said where gradients of leaves are those of several sweeps."""
    if graph.whole > MOST_SWEPT or len(graph.nodes) < graph.whole or len(graph.roots) > 1:
        return ()  # a part of it cannot be swept
    (root,) = (graph.nodes[place] for place in graph.roots)
    found = dict(reverse_sweep(graph.nodes, root.grad))
    several: dict[int, list[str]] = {}
    for node, name in zip(graph.nodes, names, strict=True):
        if not node.parents and node in found:
            times = multiple(node.grad, found[node])
            if times > 1:
                several.setdefault(times, []).append(name or "a leaf")
    return tuple(
        f"the gradients of {', '.join(leaves)} are those of {times} sweeps: they add up until "
        "zero_grad()"
        for times, leaves in sorted(several.items())
    )
