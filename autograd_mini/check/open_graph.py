"""``compare``: gradients that were written beside a graph in the open, as in a notebook."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from autograd_mini.check.capture import as_gradient
from autograd_mini.check.forms import alike
from autograd_mini.check.lines.state import is_of_users
from autograd_mini.check.pipeline import checked
from autograd_mini.check.problem import Problem
from autograd_mini.check.report import GradientReport
from autograd_mini.check.report.view import Hints, checked_hints
from autograd_mini.check.scope import Scope
from autograd_mini.core.graph import is_node, topological_order
from autograd_mini.show.names import MOST_ITEMS, free_names, names_of, variables
from autograd_mini.show.recorded import Node
from autograd_mini.trees import branches, leaves
from autograd_mini.typing import Operand, Tree


def compare(
    root: Node,
    gradients: Mapping[Node | str, Tree],
    *,
    seed: int = 0,
    entries: int = 16,
    hints: Hints = 3,
) -> GradientReport:
    """Hold gradients that you wrote against those of a graph that is there already.

    Arguments:
        root: the loss, a Value or Tensor of one number, as it was computed.
        gradients: what you derived, by the node that it is the gradient of, or by what that is
            called: its label, or your variable that holds it, ``"layers[0]['W']"`` too.  Of a
            variable that holds a tree of nodes gradients nested in the same way,
            ``{"params": grads}``.
        seed, entries, hints: as for ``check_gradients``.

    Returns:
        A report, as of ``check_gradients``; names in it are labels and your variables.

    Raises:
        TypeError: ``root`` is no Value or Tensor, or a gradient holds no real numbers.
        ValueError: ``root`` has several numbers, no node is called so, there is nothing to
            compare, or a tree of gradients is nested otherwise than its nodes.

    >>> from autograd_mini import Value
    >>> w, x = Value(2.0), Value(-3.0)
    >>> a = (w * x).tanh()
    >>> loss = a * a
    >>> da = 2 * a.data
    >>> dw = da * (1 - a.data) * x.data
    >>> print(compare(loss, {a: da, "w": dw}).text(hints=1))
    1 mistake (w); 1 agrees
    <BLANKLINE>
    gradient of  shape  verdict
    ---------------------------
    a            ()     agree
    w            ()     differ
    """
    checked_hints(hints)
    held = sys._getframe(1).f_locals
    _check(root, gradients)
    gradients = dict(_leaf_by_leaf(gradients, held))
    order = topological_order(root)
    every = list(dict.fromkeys([*order, *(key for key in gradients if not isinstance(key, str))]))
    names = dict(_named(every, names_of(every, _inside(held) | variables(held))))
    nodes = {name: node for node, name in names.items()}
    known = {n: node for n, node in held.items() if is_node(node) and node in names}
    manual = {}
    for key, gradient in gradients.items():
        node = _called(key, {**nodes, **known}) if isinstance(key, str) else key
        manual[names[node]] = as_gradient(names[node], gradient)
    compared = {name: nodes[name] for name in manual}
    scope = Scope({**held, **{name: node for node, name in names.items()}})
    problem = Problem(
        root=root,
        nodes=compared,
        parameters=tuple(name for name, node in compared.items() if not node.parents),
        manual=manual,
        scope=scope,
        used=scope,
    )
    return checked(problem, seed=seed, entries=entries).with_hints(hints)


def _check(root: Node, gradients: object) -> None:
    if not is_node(root):
        raise TypeError(
            f"root is the loss as it was recorded, a Value or Tensor, not {type(root).__name__}: "
            "compute it from Values or Tensors, without .data or float()"
        )
    if np.size(root.data) != 1:
        raise ValueError(
            f"root has shape {np.shape(root.data)}, a loss is one number: reduce it, with np.sum "
            "or np.mean"
        )
    if not isinstance(gradients, Mapping):
        raise TypeError(
            f"gradients is a dict by node or name, not {type(gradients).__name__}: "
            'write {w: dw, "b": db}'
        )
    for key in gradients:
        if not (isinstance(key, str) or is_node(key)):
            raise TypeError(
                f"gradients has a key that is {type(key).__name__}: write the node, {{w: dw}}, or "
                'what it is called, {"w": dw}'
            )
    if not gradients:
        raise ValueError('there is nothing to compare: write {w: dw, "b": db}')


def _leaf_by_leaf(
    gradients: Mapping[Node | str, Tree], held: Mapping[str, Any]
) -> Iterator[tuple[Node | str, Operand]]:
    """Gradients of trees as those of the nodes in them."""
    for key, gradient in gradients.items():
        tree = held.get(key) if isinstance(key, str) else None
        if branches(gradient) is not None and branches(tree) is not None:
            try:
                yield from zip(leaves(tree), alike(gradient, tree, str(key)), strict=True)
            except TypeError as error:
                raise ValueError(str(error)) from error
        elif isinstance(gradient, dict):
            keys = {*gradients}
            trees = [n for n, one in held.items() if isinstance(one, dict) and keys <= one.keys()]
            meant = f", as {{{trees[0]!r}: gradients}}" if trees else ", {'params': gradients}"
            raise ValueError(
                f"gradients has a dict for {key!r}, which is no variable that holds nodes in the "
                f"same way: write the name of the one that does{meant}"
            )
        else:
            yield key, gradient


def _inside(held: Mapping[str, Any]) -> dict[int, str]:
    """The names of nodes in trees, and in attributes of objects, by the ways to them."""
    found: dict[int, str] = {}
    waiting = [(name, value) for name, value in held.items() if not name.startswith("_")]
    seen: set[int] = set()
    for name, value in waiting:  # grows while it is walked
        if is_node(value):
            found.setdefault(id(value), name)
            continue
        if is_of_users(value):
            inside = {f".{attribute}": one for attribute, one in vars(value).items()}
        else:
            inside = branches(value) or {}
        if inside and len(inside) <= MOST_ITEMS and id(value) not in seen:
            seen.add(id(value))
            waiting += [(name + way, one) for way, one in inside.items()]
    return found


def _named(every: list[Node], found: list[str]) -> Iterator[tuple[Node, str]]:
    """A name for each node, each another: of several nodes of one label the later have a number."""
    taken: set[str] = set()
    free = free_names("v", {*found})
    for node, full in zip(every, found, strict=True):
        name = unique = full or next(free)
        number = 1
        while unique in taken:
            number += 1
            unique = f"{name}#{number}"
        taken.add(unique)
        yield node, unique


def _called(name: str, known: Mapping[str, Node]) -> Node:
    if name in known:
        return known[name]
    near = [other for other in known if other.lower() == name.lower()]
    near += difflib.get_close_matches(name, set(known) - set(near), n=3, cutoff=0.5)
    meant = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
    raise ValueError(
        f"gradients has {name!r}, but no node of the graph is called so, by its label or your "
        f"variable; {meant}Write the node itself, {{w: dw}}"
    )
