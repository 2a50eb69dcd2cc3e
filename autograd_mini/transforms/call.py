"""One recorded call of a function that is differentiated; its derivatives in both directions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np

from autograd_mini.core import modes
from autograd_mini.core.graph import (
    depend_on_all,
    is_node,
    push_forward,
    sweep_gradients,
    topological_order,
)
from autograd_mini.core.tensor import Tensor
from autograd_mini.core.value import Value
from autograd_mini.interface import independence
from autograd_mini.interface.array_interface import ArrayInterface
from autograd_mini.interface.operands import as_operand
from autograd_mini.interface.traced import TracedArray, as_float
from autograd_mini.other_libraries import refuse_options
from autograd_mini.transforms.batched import Batched, everything, lead, sample
from autograd_mini.trees import leaves, paths, rebuild
from autograd_mini.typing import Array, Function, Operand, Tree

Argnums = int | Sequence[int]


def chosen_arguments(name: str, f: Tree, argnums: Argnums, more: Mapping[str, Any]) -> Argnums:
    """Which arguments of a function are meant, be it by ``argnums`` or by HIPS's ``argnum``.

    Raises:
        TypeError: ``f`` is no function, or there is another option.

    >>> chosen_arguments("grad", Tensor(3.0), 0, {})
    Traceback (most recent call last):
    TypeError: grad takes a function, not a Tensor: write ag.gradients(result, nodes) for a result
    """
    check_function(name, f)
    others = {option: given for option, given in more.items() if option != "argnum"}
    if others:
        refuse_options(name, others)
    chosen: Argnums = more.get("argnum", argnums)
    return chosen


def check_function(name: str, f: Tree) -> None:
    """Refuse what is no function, as the result of one is not."""
    if not callable(f):
        raise TypeError(
            f"{name} takes a function, not a {type(f).__name__}: write ag.gradients(result, nodes) "
            "for a result"
        )


class Call:
    """One recorded call of ``f``: its outputs, and the nodes to differentiate with respect to.

    Each differentiated argument becomes a node of its own, even if it is one already:
    ``f`` may use the same node in another way, and that way is not this argument's.
    """

    def __init__(
        self,
        what: str,
        f: Function,
        argnums: Argnums,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        has_aux: bool = False,
    ) -> None:
        self.f = f
        self.argnums = argnums
        self.chosen = (argnums,) if isinstance(argnums, int) else tuple(argnums)
        for number in self.chosen:
            if not -len(args) <= number < len(args):
                raise ValueError(
                    f"argnums={argnums} names positional argument {number}, but the function was "
                    f"called with {len(args)} positional arguments"
                )
        self.count = len(args)
        self.given = tuple(args[number] for number in self.chosen)
        self.holds_a_derivative = False  # whether ``f`` differentiates what depends on its inputs
        self.aux: Tree = None
        with modes.recorded():
            self.inputs = [_as_input(leaf) for leaf in leaves(self.given)]
            replaced = rebuild(self.given, map(_shown, self.inputs))
            called = list(args)
            for number, argument in zip(self.chosen, replaced, strict=True):
                called[number] = argument
            with self.running():
                out = f(*called, **kwargs)
                if has_aux:
                    out, self.aux = _pair(what, out)
                    self.aux = rebuild(self.aux, map(held, leaves(self.aux)))
                self.out = rebuild(out, map(held, leaves(out)))
                self.outputs = _as_outputs(what, leaves(self.out))
        self.keep = any(map(is_recorded, leaves((args, list(kwargs.values())))))
        """Whether results stay nodes: an argument is one, or ``f`` uses an argument of a
        function that is being differentiated around this call."""
        for outer in under_way:
            if outer.moves(self.reached):
                self.keep = outer.holds_a_derivative = True

    @contextmanager
    def running(self) -> Iterator[None]:
        """What is around the function while it runs."""
        under_way.append(self)
        try:
            yield
        finally:
            under_way.remove(self)

    def moves(self, nodes: Set[Any]) -> bool:
        """Whether one of some nodes, with all that they were computed of, depends on an input."""
        return not nodes.isdisjoint(self.inputs)

    @cached_property
    def reached(self) -> set[Any]:
        """All nodes that the outputs were computed of."""
        return set(topological_order(*self.outputs)) if self.outputs else set()

    @cached_property
    def root(self) -> Tree:
        """One node of all outputs."""
        if len(self.outputs) == 1:
            return self.outputs[0]
        with modes.recorded():
            return _joined(self.outputs)

    def warn_of_independence(self) -> None:
        """Warn that a gradient is 0 because ``out`` does not depend on an argument.

        The derivative of a derivative is 0 wherever ``f`` is linear, and nothing is said.
        """
        if self.holds_a_derivative or depend_on_all(self.outputs, self.inputs):
            return
        if self.reached.issuperset(self.inputs):  # by tangents, without a graph
            return
        names = [
            f"argument {number % self.count}{path}"
            for number, argument in zip(self.chosen, self.given, strict=True)
            for path in paths(argument)
        ]
        things = [
            name if np.shape(x.data) == () else f"{name} (shape {np.shape(x.data)})"
            for name, x in zip(names, self.inputs, strict=True)
            if x not in self.reached
        ]
        name = getattr(self.f, "__name__", type(self.f).__name__)
        independence.warn(f"the result of {name}", things, self.f)
        for outer in under_way:
            outer.holds_a_derivative = True  # its zero has been explained

    # Derivatives in both directions

    def gradients(self, upstream: Sequence[Any] | None = None) -> list[Any]:
        """The gradient for each input, of the outputs' upstream gradients; of one number of 1."""
        if upstream is None and isinstance(self.root, Tensor):
            upstream = [np.ones_like(self.root.data)]
        elif upstream is not None:
            upstream = [raw(each) for each in upstream]
        if len(self.outputs) == 1:
            seed = None if upstream is None else upstream[0]
            return sweep_gradients(self.root, self.inputs, self.keep, seed)
        assert upstream is not None  # only one number has a gradient of its own
        with modes.recorded():
            if isinstance(self.root, Value):
                pairs = zip(self.outputs, upstream, strict=True)
                root, seed = sum(out * gradient for out, gradient in pairs), None
            else:
                root, seed = self.root, _flat(upstream)
        return sweep_gradients(root, self.inputs, self.keep, seed)

    def rows(self) -> Iterator[list[Any]]:
        """The gradient for each input of each number of the outputs in turn."""
        if isinstance(self.root, Value):
            for out in self.outputs:
                yield sweep_gradients(out, self.inputs, self.keep, None)
            return
        for seed in bases(self.root):
            yield sweep_gradients(self.root, self.inputs, self.keep, seed)

    def tangents(self, moving: Mapping[Any, Any]) -> list[Any]:
        """The tangent of each output, of the tangents of inputs."""
        if len(self.outputs) == 1 or isinstance(self.root, Value):
            with modes.recorded():
                pushed = [push_forward(out, moving, self.keep) for out in self.outputs]
            return [
                out.zero() if tangent is None else tangent
                for out, tangent in zip(self.outputs, pushed, strict=True)
            ]
        with modes.recorded():
            whole = push_forward(self.root, moving, self.keep)
            return [out.zero() for out in self.outputs] if whole is None else self.divided(whole)

    def divided(self, whole: Operand) -> list[Any]:
        """A vector of all outputs' numbers as an array for each."""
        ends = np.cumsum([0, *map(count, self.outputs)])
        spans = zip(ends, ends[1:], self.outputs, strict=False)
        return [np.reshape(whole[..., a:b], out.shape) for a, b, out in spans]

    # What the caller gets

    def plain(self, result: Tree) -> Tree:
        """A number or array of the results; as a node if results stay nodes."""
        if not isinstance(result, _RESULTS):
            return result
        found: Operand = result if self.keep else data_of_leaf(result)
        if lead() and not isinstance(result, Value):
            return sample(found)
        return as_float(found) if not (self.keep or np.ndim(found)) else found

    def value(self, tree: Tree) -> Tree:
        """What ``f`` returned, as the caller gets it."""
        if lead():
            return tree
        return rebuild(tree, map(self.plain, leaves(tree)))

    def like(self, primal: Tree, result: Tree) -> Tree:
        """A derivative; as a node if its primal is one, also where it is constant."""
        result = self.plain(result)
        if is_node(primal) and not is_node(result) and not lead():
            return type(primal)(result)
        return result

    def arranged(self, results: Sequence[Any]) -> Tree:
        """A result for each input, arranged as the arguments are."""
        built = rebuild(self.given, map(self.like, leaves(self.given), results))
        return built[0] if isinstance(self.argnums, int) else built


under_way: list[Call] = []
"""The calls whose function is being run, in all threads, the innermost of each last."""


def _as_input(leaf: Tree) -> Tree:
    if isinstance(leaf, Value):
        return +leaf
    leaf = everything(leaf) if lead() else leaf
    return +leaf if isinstance(leaf, Tensor) else Tensor(leaf)


def _shown(x: Tree) -> Tree:
    """An input as ``f`` sees it: one sample, inside ``vmap``."""
    return sample(x) if lead() and isinstance(x, Tensor) else x


def raw(leaf: Tree) -> Tree:
    """What all samples have of a result or an upstream gradient."""
    return everything(leaf) if lead() and not isinstance(leaf, Value) else leaf


def is_recorded(leaf: Tree) -> bool:
    """Whether an argument is a node, or stands for one."""
    while isinstance(leaf, Batched):
        leaf = leaf.whole
    return is_node(leaf)


def held(leaf: Tree) -> Tree:
    """What a result holds that was filled in place, or is an xarray's."""
    holds = isinstance(leaf, ArrayInterface) or is_node(getattr(leaf, "data", None))
    return as_operand(leaf) if holds else leaf


def _pair(what: str, out: Tree) -> tuple[Any, Any]:
    if not isinstance(out, tuple) or len(out) != 2:
        raise TypeError(
            f"{what} with has_aux=True needs a function that returns a pair, the result and what "
            f"else it computed; it returned {_described(out)}"
        )
    return out


def _as_outputs(what: str, found: list[Any]) -> list[Any]:
    """The leaves of what a function returned as nodes."""
    kind = Value if any(isinstance(leaf, Value) for leaf in found) else Tensor
    if kind is Value and any(isinstance(leaf, Tensor | np.ndarray) for leaf in found):
        raise TypeError(f"{what} needs a function that returns Values or Tensors, not both")
    outputs = []
    for leaf in found:
        if not isinstance(leaf, _RETURNED):
            raise TypeError(
                f"{what} needs a function that returns a number, an array, a Tensor or a Value, "
                f"or a dict, list, tuple or dataclass of them; it returned {_described(leaf)}"
            )
        leaf = raw(leaf)
        outputs.append(leaf if is_node(leaf) else kind(leaf))
    return outputs


_RESULTS = (Tensor, Value, np.ndarray, np.generic, TracedArray)
_RETURNED = (*_RESULTS, Batched, float, int)


def _described(out: Tree) -> str:
    return f"a tuple of {len(out)}" if isinstance(out, tuple) else type(out).__name__


def _joined(outputs: list[Any]) -> Tree:
    """One node of all numbers of several outputs."""
    if not outputs or isinstance(outputs[0], Value):
        return sum(outputs, Value(0.0)) if outputs else Tensor(np.zeros(0))
    return _flat(outputs)


def _flat(arrays: Sequence[Any]) -> Operand:
    """All numbers of each sample along the last axis."""
    before = lead()
    return np.concatenate([np.reshape(each, (*before, -1)) for each in arrays], axis=-1)


def count(node: Operand) -> int:
    """How many numbers a node has, of one sample."""
    return math.prod(shape_of(node))


def shape_of(node: Operand) -> tuple[int, ...]:
    """The shape of a node, of one sample."""
    return tuple(np.shape(data_of_leaf(node)))[len(lead()) :]


def bases(node: Tensor) -> Iterator[Array]:
    """For each number of a node, of one sample, an array that is 1 there and else 0."""
    for index in range(count(node)):
        basis: Array = np.zeros((*lead(), count(node)), node.dtype)
        basis[..., index] = 1
        yield basis.reshape(node.shape)


def data_of_leaf(leaf: Tree) -> Tree:
    """The number or array of a leaf."""
    return leaf.data if isinstance(leaf, (Tensor, Value)) else leaf
