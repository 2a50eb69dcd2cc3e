"""A function that is one operation: what goes into it, from its arguments and from outside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from autograd_mini.core import modes
from autograd_mini.core.graph import sweep_gradients
from autograd_mini.core.tensor import Tensor, plain
from autograd_mini.core.value import Value
from autograd_mini.interface import guards
from autograd_mini.transforms.batched import Batched, Differs
from autograd_mini.trees import leaves, rebuild
from autograd_mini.typing import Function, Operand, Tree


class Arguments:
    """The arguments of a call, of which some leaves are Tensors: those are the operands.

    Raises:
        TypeError: a Value is among them.
    """

    def __init__(self, what: str, args: Tree, kwargs: Tree) -> None:
        self._tree = args, kwargs
        self._leaves = leaves(self._tree)
        if any(isinstance(leaf, Batched) for leaf in self._leaves):
            raise Differs  # the function is called for each sample
        if any(isinstance(leaf, Value) for leaf in self._leaves):
            raise TypeError(f"{what} takes numbers, arrays and Tensors: write Tensor(v.data)")
        self._places = [i for i, leaf in enumerate(self._leaves) if isinstance(leaf, Tensor)]
        self.operands = [self._leaves[place] for place in self._places]

    def with_operands(self, operands: Sequence[Any]) -> tuple[Any, Any]:
        """Positional and named arguments, with others in the place of the operands."""
        found = list(self._leaves)
        for place, operand in zip(self._places, operands, strict=True):
            found[place] = operand
        args, kwargs = rebuild(self._tree, iter(found))
        return args, kwargs


def own_node(operand: Operand) -> Tensor:
    """A node of its own for an operand, which is recorded as coming from it if it is a node."""
    return +operand if isinstance(operand, Tensor) else Tensor(operand)


def plain_function(f: Function) -> Function:
    """A function whose result is plain, and nothing of which is recorded."""

    def computed(*args: Tree, **kwargs: Tree) -> Tree:
        with modes.no_grad():
            return plain(f(*args, **kwargs))

    return computed


def from_outside(roots: Sequence[Any], inputs: Sequence[Tensor], made: Sequence[Any]) -> list[Any]:
    """The nodes, neither inputs nor recorded meanwhile, from which roots were computed.

    Arguments:
        made: the nodes that were recorded while the roots were.
    """
    inside, known = set(made), set(inputs)
    found: dict[Any, None] = {}
    waiting, seen = list(roots), set(roots)
    while waiting:
        node = waiting.pop()
        if node in known:
            continue
        if node not in inside:
            found[node] = None
            continue
        fresh = [p for p in node.parents if isinstance(p, Tensor) and p not in seen]
        seen.update(fresh)
        waiting += fresh
    return list(found)


def swept(
    root: Tensor, inputs: Sequence[Tensor], outside: Sequence[Any], keep: bool, upstream: Operand
) -> list[Any]:
    """The gradients of inputs and of nodes from outside, of which none passes its own on."""
    ends = {node: node.zero() for node in outside if node.parents}
    return sweep_gradients(root, [*inputs, *outside], keep, upstream, ends)


@contextmanager
def recorded_inside() -> Iterator[list[Any]]:
    """Record, also inside ``no_grad()``, and note the nodes that are made."""
    with modes.recorded(), guards.noting_recorded() as made:
        yield made


class OneSweep:
    """The gradients of all operands, which are computed together and asked for one by one."""

    def __init__(self, computed: Function) -> None:
        self._computed = computed
        self._last: tuple[Any, ...] | None = None

    def __call__(self, index: int, g: Operand, out: Operand, *operands: Operand) -> Operand:
        last = self._last
        given = (g, out, *operands)
        if last is None or any(a is not b for a, b in zip(last[1], given, strict=True)):
            last = self._last = self._computed(g, out, *operands), given
        return last[0][index]


def is_recorded(*operands: Operand) -> bool:
    """Whether what is computed of these is to be differentiated again."""
    return any(isinstance(operand, Tensor) for operand in operands)


def joined(arrays: Sequence[Any]) -> Operand:
    """All numbers of several arrays in one vector; a single array as it is."""
    return arrays[0] if len(arrays) == 1 else np.concatenate([np.ravel(each) for each in arrays])


def divided(whole: Operand, shapes: Sequence[tuple[int, ...]]) -> list[Any]:
    """What ``joined`` put together."""
    if len(shapes) == 1:
        return [whole]
    ends = np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)])
    spans = zip(ends, ends[1:], shapes, strict=False)
    return [np.reshape(whole[a:b], shape) for a, b, shape in spans]
