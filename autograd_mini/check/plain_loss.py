"""A loss in plain NumPy that Tensors cannot go through, since it writes into arrays: recorded so.

It runs as it stands, on arrays that are NumPy's own (``recording``); that nothing was missed is
seen from the loss itself, in random directions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd_mini.check.frames import call_with_locals
from autograd_mini.check.lines.instrument import HOOKS
from autograd_mini.check.lines.program import Follow, Program, Site
from autograd_mini.core.graph import Node, sweep_gradients
from autograd_mini.core.tensor import Tensor
from autograd_mini.differences import derivative
from autograd_mini.recording import node_of, recording
from autograd_mini.typing import Array

_DIRECTIONS = 2
"""How many directions tell whether all was recorded: one that by chance shows nothing is rare."""
_SURE = 4.0
"""How many times its estimated error a numerical derivative may be off."""
_SAME = 1e-6
"""How far a gradient that is meant may be from that of a version, as a part of the largest."""


@dataclass(frozen=True)
class PlainLoss:
    """What was recorded of a loss that runs on plain arrays.

    Attributes:
        root: the loss.
        names: the local variables of the function that computed it, the recorded ones as nodes.
        versions: what each name held one after the other, as nodes.
    """

    root: Tensor
    names: Mapping[str, Any]
    versions: Mapping[str, Sequence[Tensor]]

    def named(self, gradients: Mapping[str, Any]) -> dict[str, Any]:
        """The names, each as that of its versions whose gradient is one that was derived.

        What an array held before it was written into has a gradient of its own: that of ``z``
        before ``z[z < 0] = 0`` is not that after it.
        """
        return names_meant(self.root, self.names, self.versions, gradients)


def names_meant(
    root: Node,
    names: Mapping[str, Any],
    versions: Mapping[str, Sequence[Node]],
    gradients: Mapping[str, Any],
) -> dict[str, Any]:
    """The names that gradients are given for, each as that of its versions whose gradient it is.

    Arguments:
        root: the loss.
        names: what each name held at the end.
        versions: the nodes that each name held one after the other.
        gradients: what was derived.
    """
    found = dict(names)
    for name, gradient in gradients.items():
        several = list(dict.fromkeys(versions.get(name, ())))
        if not several:
            continue
        found.setdefault(name, several[-1])
        slopes = sweep_gradients(root, several, False, None)
        for node, own in zip(several, slopes, strict=True):
            if _are_same(np.asarray(own), gradient):
                found[name] = node
    return found


def _are_same(one: Array, other: object) -> bool:
    other = np.asarray(other)
    if other.dtype.kind not in "fiub" or one.shape != other.shape:
        return False
    room = _SAME * np.max(np.abs(one), initial=0.0)
    return bool(np.all(np.abs(one - other) <= room))


def plain_loss(
    function: Callable[..., Any],
    parameters: Mapping[str, Node],
    plain: Mapping[str, Any],
    unfollowed: list[str],
) -> PlainLoss | None:
    """A loss recorded as it runs on plain arrays and floats.

    Arguments:
        parameters: its arguments as nodes, Tensors that are leaves.
        plain: its arguments as it takes them.
        unfollowed: takes up what could not be followed, each with its line.

    Returns:
        What was recorded; ``None`` where it does not run, gives no number that depends on the
        parameters, or where the slopes of the loss say that something was missed.
    """
    if not all(isinstance(node, Tensor) for node in parameters.values()):
        return None
    ran: list[PlainLoss] = []
    versions: dict[str, list[Tensor]] = {}

    def listen(site: Site, name: str, value: object) -> None:
        node = node_of(value)
        if node is not None:
            versions.setdefault(name, []).append(node)

    with recording() as tape:

        def entry(follow: Follow) -> dict[str, Array]:
            leaves = {name: tape.leaf(node) for name, node in parameters.items()}
            numbers = [name for name, value in plain.items() if isinstance(value, float)]
            leaves |= {name: tape.follow(float)(leaves[name]) for name in numbers}
            value, names = call_with_locals(follow(function), leaves)
            root = node_of(value)
            if root is not None and root.size == 1:
                own = {name: each for name, each in names.items() if name not in HOOKS}
                nodes = {name: node_of(each) for name, each in own.items()}
                known = {n: own[n] if node is None else node for n, node in nodes.items()}
                ran.append(PlainLoss(root, known, versions))
            return {}

        Program(entry).run(recorded=tape, listen=listen)
    unfollowed += map(str, tape.notes)
    if not ran or not _is_whole(ran[0].root, function, parameters, plain):
        return None
    return ran[0]


def _is_whole(
    root: Tensor,
    function: Callable[..., Any],
    parameters: Mapping[str, Node],
    plain: Mapping[str, Any],
) -> bool:
    """Whether the loss moves as its recorded gradient says."""
    nodes = list(parameters.values())
    gradients = sweep_gradients(root, nodes, False, None)
    rng = np.random.default_rng(0)
    for _ in range(_DIRECTIONS):
        steps = {name: rng.normal(size=np.shape(value)) for name, value in plain.items()}

        def along(number: float, steps: Mapping[str, Array] = steps) -> float:
            moved = {name: plain[name] + number * step for name, step in steps.items()}
            moved = {
                name: float(value) if isinstance(plain[name], float) else value
                for name, value in moved.items()
            }
            return float(np.reshape(np.asarray(function(**moved)), ()))

        try:
            with np.errstate(all="ignore"):
                slope, error = derivative(along, 0.0)
        except (TypeError, ValueError):
            return False
        terms = [np.sum(g * step) for g, step in zip(gradients, steps.values(), strict=True)]
        size = sum(np.sum(np.abs(g * s)) for g, s in zip(gradients, steps.values(), strict=True))
        if not abs(slope - sum(terms)) <= _SURE * error + _SAME * size:
            return False
    return True
