"""``compare``: gradients that were written beside a graph in the open, as in a notebook."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator, Mapping

import numpy as np

from autograd_mini.check.capture import as_gradient
from autograd_mini.check.pipeline import checked
from autograd_mini.check.problem import Problem
from autograd_mini.check.report import GradientReport
from autograd_mini.check.report.view import Hints, checked_hints
from autograd_mini.check.scope import Scope
from autograd_mini.core.graph import is_node, topological_order
from autograd_mini.show.names import free_names, names_of, variables
from autograd_mini.show.recorded import Node
from autograd_mini.typing import Operand


def compare(
    root: Node,
    gradients: Mapping[Node | str, Operand],
    *,
    seed: int = 0,
    entries: int = 16,
    hints: Hints = 3,
) -> GradientReport:
    """Hold gradients that you wrote against those of a graph that is there already.

    Arguments:
        root: the loss, a Value or Tensor of one number, as it was computed.
        gradients: what you derived, by the node that it is the gradient of, or by what that is
            called: its label, or your variable that holds it.
        seed, entries, hints: as for ``check_gradients``.

    Returns:
        A report, as of ``check_gradients``; names in it are labels and your variables.

    Raises:
        TypeError: ``root`` is no Value or Tensor, or a gradient holds no real numbers.
        ValueError: ``root`` has several numbers, no node is called so, or there is nothing to
            compare.

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
    order = topological_order(root)
    every = list(dict.fromkeys([*order, *(key for key in gradients if not isinstance(key, str))]))
    names = dict(_named(every, names_of(every, variables(held))))
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
