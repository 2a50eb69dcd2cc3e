"""The warning for a gradient that is 0 because the graph does not reach what it is taken of.

Mathematics has such zeros: a function that does not use its argument is constant.  Mostly it
is an oversight, ``x.data`` or ``x.item()`` in the forward pass, and so the warning names the
line that cuts the graph if the function's own code shows one.
"""

from __future__ import annotations

import dis
import functools
import inspect
import os
import types
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from autograd_mini.core import modes
from autograd_mini.interface import differentiated


class IndependentOutputWarning(UserWarning):
    """A gradient is 0 because the result does not depend on what it is taken of.

    If that is meant, ``warnings.filterwarnings("ignore", category=IndependentOutputWarning)``.
    """


CUTS = {
    "data": ".data",
    "item": ".item()",
    "detach": ".detach()",
    "argmax": "argmax",
    "argmin": "argmin",
    "argsort": "argsort",
    "nonzero": "nonzero",
    "count_nonzero": "count_nonzero",
    "no_grad": "no_grad()",
}
"""The names that cut a graph, and how they are written."""


def warn(result: str, things: Sequence[str], f: object = None) -> None:
    """Warn that a result does not depend on some things, and say what cuts the graph.

    Arguments:
        result: what the gradient is taken of, ``"the result of loss"`` for example.
        things: what it is taken with respect to, each with its shape.
        f: the function whose code is searched for cuts, if there is one.
    """
    found = list(dict.fromkeys(cuts(f)))
    if found:
        reason = (
            f"{' and '.join(found[:3])} cuts the graph: compute with the node itself (its plain "
            "numbers, indices and comparisons have no derivative)"
        )
    else:
        reason = (
            "if it is meant to, .data, .item(), detach(), argmax, a comparison or no_grad() has "
            "cut the graph, or another node was used: compute with this node itself"
        )
    several = len(things) > 1
    warnings.warn(
        f"{result} does not depend on {' and '.join(things)}, so "
        f"{'their gradients are' if several else 'its gradient is'} 0; {reason}",
        IndependentOutputWarning,
        stacklevel=modes.levels_to_user(),
    )


def warn_of_nodes(order: Sequence[Any], wrt: Sequence[Any]) -> None:
    """Warn that a gradient is 0 because the root of a topological order does not need a node.

    It is 0 as well where a derivative is differentiated and the function was linear: nothing is
    said of a node whose gradient has been recorded before.
    """
    reached = set(order)
    names = [
        f"{type(node).__name__} {repr(node.label) if node.label else f'wrt[{index}]'}"
        + (f" (shape {np.shape(node.data)})" if np.shape(node.data) else "")
        for index, node in enumerate(wrt)
        if node not in reached and not differentiated.was_recorded(node)
    ]
    if names:
        root = order[-1]
        warn(f"this {type(root).__name__} ({root.op or 'a leaf'})", names)


def cuts(f: object, depth: int = 3) -> Iterator[str]:
    """Where the code of a function, and of functions that it calls, cuts a graph."""
    while isinstance(f, functools.partial):
        f = f.func
    f = inspect.unwrap(f) if callable(f) else f
    if not isinstance(f, types.FunctionType | types.MethodType):
        f = getattr(type(f), "forward", None) or type(f).__call__
    if not isinstance(f, types.FunctionType | types.MethodType) or modes.is_ours(f.__code__):
        return
    yield from _cuts_of_code(f.__code__)
    if depth:
        around = inspect.getclosurevars(f)
        for called in (*around.nonlocals.values(), *around.globals.values()):
            if isinstance(called, types.FunctionType) and called is not f:
                yield from cuts(called, depth - 1)


def _cuts_of_code(code: types.CodeType) -> Iterator[str]:
    file = os.path.basename(code.co_filename)
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_ATTR", "LOAD_METHOD", "LOAD_GLOBAL"):
            name = str(instruction.argval)
            if name in CUTS:
                line = instruction.positions and instruction.positions.lineno
                yield f"{CUTS[name]} (line {line} of {file})"
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _cuts_of_code(constant)
