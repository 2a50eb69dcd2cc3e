"""A function, run once and recorded: its graph, and what its own code calls everything in it.

>>> def loss(w, x):
...     h = w * x
...     return (h - 1.0) ** 2
>>> run = observed(loss, (2.0, 3.0), {}, None)
>>> [run.names.get(node, "") for node in topological_order(run.root)]
['w', 'x', 'h', '', '']
"""

from __future__ import annotations

import functools
import inspect
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

import numpy as np

import autograd_mini
from autograd_mini.core import modes
from autograd_mini.core.graph import is_node, topological_order
from autograd_mini.core.tensor import Tensor
from autograd_mini.core.value import Value
from autograd_mini.show.recorded import Node
from autograd_mini.trees import leaves, rebuild
from autograd_mini.typing import Function, Tree


@dataclass(frozen=True)
class Observed:
    """What one run of a function shows.

    Arguments:
        root: its result, one number.
        arguments: each argument by its name, with the nodes of this run for its floats.
        inputs: those of them to differentiate with respect to, in the order of the leaves.
        names: what nodes are called; two may share a name.
        arrays: what arrays that are no nodes are called, by ``id``.
        alive: all that has a name, so that no ``id`` is used twice.
    """

    root: Node
    arguments: dict[str, Any]
    inputs: list[Node]
    names: dict[Node, str]
    arrays: dict[int, str]
    alive: list[Any]


def observed(
    f: Function,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    argnums: int | Sequence[int] | None,
) -> Observed:
    """Run a function on nodes, and watch its variables.

    Arguments:
        f: a function that returns one number.
        args, kwargs: its arguments: trees.  Floats become Values where no array is among them,
            else Tensors; whole numbers, truth values and whatever else stay as they are.
        argnums: the positional arguments to differentiate; all, and those by name, by default.

    Raises:
        TypeError: there is no float to differentiate, or the result is no node.
        ValueError: the result holds several numbers.
    """
    given: dict[Any, Any] = {**dict(enumerate(args)), **kwargs}
    kind = _kind(leaves(list(given.values())))
    run = {
        key: rebuild(tree, map(functools.partial(_as_input, kind=kind), leaves(tree)))
        for key, tree in given.items()
    }
    chosen = run if argnums is None else _chosen(argnums, len(args))
    inputs = [leaf for leaf in leaves([run[key] for key in chosen]) if is_node(leaf)]
    if not inputs:
        raise TypeError(
            "there is nothing to differentiate: give arguments that are floats, arrays of "
            "floats, Values or Tensors, in dicts, lists and tuples at will"
        )
    positional = [run.pop(number) for number in range(len(args))]
    words = _argument_names(f, positional, run)
    watch = _Watch()
    for word, argument in words.items():
        watch.name_argument(word, argument)
    with modes.recorded(), watch.tracing():
        root = f(*positional, **run)
    if not is_node(root):
        raise TypeError(
            f"{_name(f)} returned {type(root).__name__}, which does not depend on its arguments: "
            "compute one number from them with NumPy's functions, without .data or float()"
        )
    if np.size(root.data) != 1:
        raise ValueError(
            f"{_name(f)} returned shape {np.shape(root.data)}, the gradient is of one number: "
            "reduce it, with np.sum or np.mean"
        )
    names = {
        node: name
        for node in dict.fromkeys([*inputs, *topological_order(root)])
        if (name := node.label or watch.names.get(id(node), ""))
    }
    arrays = {
        id(it): watch.names[id(it)] for it in watch.alive if isinstance(it, np.ndarray | np.generic)
    }
    return Observed(root, words, inputs, names, arrays, watch.alive)


def _chosen(argnums: int | Sequence[int], count: int) -> list[int]:
    chosen = [argnums] if isinstance(argnums, int) else list(argnums)
    for number in chosen:
        if not -count <= number < count:
            raise ValueError(
                f"argnums={argnums} names positional argument {number}, but {count} positional "
                "arguments are given"
            )
    return [number % count for number in chosen]


def _kind(given: Sequence[Any]) -> type[Value] | type[Tensor]:
    """What a plain float becomes."""
    arrays = any(isinstance(leaf, Tensor | np.ndarray) for leaf in given)
    return Tensor if arrays else Value


def _as_input(leaf: Tree, kind: Callable[[Any], Node]) -> Tree:
    if isinstance(leaf, Value | Tensor):
        return type(leaf)(leaf.data, leaf.label)
    if isinstance(leaf, float | np.floating):
        return kind(leaf)
    if isinstance(leaf, np.ndarray) and leaf.dtype.kind == "f":
        return Tensor(leaf)
    return leaf


def _name(f: Function) -> str:
    return getattr(f, "__name__", type(f).__name__)


def _argument_names(f: Function, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments by the names that the function has for them."""
    try:
        bound = inspect.signature(f).bind(*args, **kwargs)
    except (TypeError, ValueError):  # a builtin has none; a wrong call is told by the call
        return {**{f"x{i}": argument for i, argument in enumerate(args)}, **kwargs}
    found: dict[str, Any] = {}
    for name, argument in bound.arguments.items():
        kind = bound.signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            found |= argument
        elif kind is inspect.Parameter.VAR_POSITIONAL:
            found |= {f"{name}_{i}": each for i, each in enumerate(argument)}
        else:
            found[name] = argument
    return found


_LIBRARIES = tuple(
    os.path.dirname(str(module.__file__)) + os.sep for module in (np, functools, autograd_mini)
)
_NETWORKS = os.path.join(os.path.dirname(autograd_mini.__file__), "nn") + os.sep


@functools.cache
def _is_users(file: str) -> bool:
    """Whether a file's variables are worth a name: the user's own, and those of a layer."""
    real = os.path.realpath(file)
    inside = file.startswith(_LIBRARIES) or real.startswith(_LIBRARIES)
    of_network = file.startswith(_NETWORKS) or real.startswith(os.path.realpath(_NETWORKS) + os.sep)
    return of_network or not (inside or file.startswith("<rule "))  # made from the table's texts


Trace = Callable[[FrameType, str, Any], Any]

MOST_LOOKED_INTO = 1000
"""A list or dict of more things than this is not looked into."""


class _Watch:
    """The names that variables of the user's code give to nodes and arrays, the first of each."""

    def __init__(self) -> None:
        self.names: dict[int, str] = {}
        self.alive: list[Any] = []
        self._seen: dict[int, int] = {}  # by the id of a list or dict: how long it was

    def name_argument(self, name: str, tree: Tree, last: str = "") -> None:
        """Name the leaves of an argument by its last key, or by all."""
        if isinstance(tree, dict):
            for key, branch in tree.items():
                plain = re.sub(r"\W+", "_", str(key))
                is_name = isinstance(key, str) and key.isidentifier()
                self.name_argument(f"{name}_{plain}", branch, key if is_name else "")
        elif isinstance(tree, list | tuple):
            for i, branch in enumerate(tree):
                self.name_argument(f"{last or name}_{i}", branch)
        else:
            self._name(last or name, tree)

    def _name(self, name: str, it: object) -> None:
        if isinstance(it, Value | Tensor | np.ndarray) and id(it) not in self.names:
            self.names[id(it)] = name
            self.alive.append(it)

    @contextmanager
    def tracing(self) -> Iterator[None]:
        before = sys.gettrace()
        sys.settrace(self._called)
        try:
            yield
        finally:
            sys.settrace(before)

    def _called(self, frame: FrameType, event: str, argument: object) -> Trace | None:
        if not _is_users(frame.f_code.co_filename):
            return None
        for name in frame.f_code.co_names:
            self._look(name, frame.f_globals.get(name))
        return self._line

    def _line(self, frame: FrameType, event: str, argument: object) -> Trace | None:
        for name, it in frame.f_locals.items():
            self._look(name, it)
        return self._line

    def _look(self, name: str, it: object) -> None:
        if name[0] in "_.":
            return
        if isinstance(it, Value | Tensor | np.ndarray):
            self._name(name, it)
        elif isinstance(it, list | tuple | dict):
            if len(it) <= MOST_LOOKED_INTO and self._seen.get(id(it)) != len(it):
                self._seen[id(it)] = len(it)
                self.alive.append(it)
                pairs = it.items() if isinstance(it, dict) else enumerate(it)
                for key, each in list(pairs):
                    plain = re.sub(r"\W+", "_", str(key)).strip("_")
                    is_key = isinstance(key, str) and key.isidentifier()
                    self._look(key if is_key else f"{name}_{plain}", each)
        elif name == "self":
            for attribute, each in list(getattr(it, "__dict__", {}).items()):
                self._look(attribute, each)
