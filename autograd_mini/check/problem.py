"""What is checked: a recorded loss, and gradients of it that were derived by hand.

However these came about, by two functions, by a layer's pair or by a graph in the open, they
become a ``Problem``, and all that comes after it sees nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from autograd_mini.check.lines.program import Program
from autograd_mini.check.moved import Moved
from autograd_mini.check.result import Finding
from autograd_mini.check.scope import Scope
from autograd_mini.core.graph import Node, data_of, expansion, leaf_like, rebuild, topological_order
from autograd_mini.core.modes import no_grad
from autograd_mini.core.tensor import Tensor
from autograd_mini.typing import Array


@dataclass(frozen=True)
class Problem:
    """A loss as it was recorded at one point, and hand-derived gradients of it there.

    >>> from autograd_mini import Tensor
    >>> from autograd_mini.check.pipeline import checked
    >>> w = Tensor([1.0, 2.0])
    >>> problem = Problem(np.sum(w**2), {"w": w}, ("w",), {"w": np.array([2.0, -4.0])})
    >>> print(checked(problem).text(hints=1))
    1 mistake (w)
    <BLANKLINE>
    gradient of  shape  verdict
    ---------------------------
    w            (2,)   differ

    Attributes:
        root: the loss, a node of one number.
        nodes: the quantities by name: parameters, then intermediates.
        parameters: the names of those that are parameters.
        manual: hand-derived gradients, arrays of real numbers, by the names of quantities.
        scope: what names stand for where the loss and the gradients were written.
        used: those names that the code of both uses.
        findings: what is wrong before anything is compared.
        notes: how it was recorded, where that is not the usual.
        assumptions: what was taken for what, each with the option that says it otherwise.
        loss: computes the loss once more with some parameters replaced; ``None`` where there
            is the recorded graph alone.
        derive: derives the gradients by hand once more; ``None`` where there are arrays alone.
        at: the same problem at other parameters; ``None`` as for ``derive``.
        with_other_data: gives the same problem with other data, as far as there are any.
        program: the code that derives them, to be run line by line; ``None`` as for ``derive``.
        failure: what that code raised, where it does not run.
        batches: of a layer, what may be the size of a batch: the sizes of its outputs' axes.
        uncertain: where the loss could not be recorded, so that its gradients are numerical:
            how far off each number of these may be, by the names of the parameters.
        room: where gradients by hand were computed as differences: how far off each number of
            these may be for that, by their names.
        scale: what the code's gradients of parameters are times those of the loss, by which
            ``manual`` is divided.
    """

    root: Node
    nodes: Mapping[str, Node]
    parameters: tuple[str, ...]
    manual: Mapping[str, Array]
    scope: Scope = field(default_factory=Scope)
    used: Scope = field(default_factory=Scope)
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    loss: Callable[[Mapping[str, Node]], float] | None = None
    derive: Callable[[], Mapping[str, Array]] | None = None
    at: Callable[[Mapping[str, Node]], Problem] | None = None
    with_other_data: Callable[[], Sequence[Problem]] = tuple
    program: Program | None = None
    failure: Exception | None = None
    batches: tuple[int, ...] = ()
    uncertain: Mapping[str, Array] = field(default_factory=dict)
    room: Mapping[str, Array] = field(default_factory=dict)
    scale: float = 1.0

    @cached_property
    def order(self) -> list[Node]:
        """The topological order of the loss."""
        return topological_order(self.root)

    @property
    def expanded(self) -> Problem:
        """The same problem with fused operations as what they are made of."""
        return self._expanded or self

    @cached_property
    def _expanded(self) -> Problem | None:
        opened = expansion(self.order, lambda operation: operation.fused)
        if not opened:
            return None  # not the problem itself, which would be freed late, as a cycle
        return replace(
            self,
            root=opened.get(self.root, self.root),
            nodes={name: opened.get(node, node) for name, node in self.nodes.items()},
            scope=self.scope.with_nodes(opened),
            used=self.used.with_nodes(opened),
        )

    @cached_property
    def rounding_unit(self) -> float:
        """The relative rounding unit of the coarsest arithmetic that was derived in."""
        units = [np.finfo(a.dtype).eps for a in self.manual.values() if a.dtype.kind == "f"]
        return max(float(unit) for unit in (np.finfo(float).eps, *units))

    def loss_with(self, name: str, data: Array) -> float:
        """The loss with other numbers in the place of one quantity's."""
        node = self.nodes[name]
        if self.loss is not None and name in self.parameters:
            with no_grad():
                return self.loss({name: leaf_like(node, data)})
        if isinstance(self.root, Tensor):
            return self._moved(node).root_at(data)
        with no_grad():
            again = rebuild(self.order, {node: leaf_like(node, data)})
        return number(again.get(self.root, self.root))

    def _moved(self, node: Node) -> Moved:
        if node not in self._known:
            self._known[node] = Moved(self.order, node)
        return self._known[node]

    @cached_property
    def _known(self) -> dict[Node, Moved]:
        return {}


def number(loss: Node | float) -> float:
    """The one number of a loss, recorded or not."""
    return float(np.reshape(data_of(loss), ()))
