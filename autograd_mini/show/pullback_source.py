"""The Python of a pullback that takes too much to write as one formula.

A pullback is plain NumPy code; so its own text is what runs without this library, once what only
Tensors and float16 need is left out.  What it calls is written before it.

>>> from autograd_mini.core.operation import OPERATIONS, enter_seldom
>>> enter_seldom()
>>> print(pullback_source(OPERATIONS["inv"]))
def _transposed(x):
    return np.swapaxes(x, -1, -2)
<BLANKLINE>
<BLANKLINE>
def inv_pullback(g, out, x):
    return (-_transposed(out) @ g @ _transposed(out),)
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from types import FunctionType

from autograd_mini.core.operation import Operation

_AS_IT_IS = ("plain", "wide")
"""Functions that give an array of float64 as it is."""


def pullback_source(operation: Operation) -> str:
    """Definitions of ``NAME_pullback``, which gives a tuple, and of what it calls.

    ``""`` if it is a user's, or has no text: a lambda, or one for any number of operands.
    """
    pullbacks = getattr(operation, "pullbacks", ())
    if operation.foreign or not isinstance(pullbacks, tuple) or len(pullbacks) != 1:
        return ""
    (pullback,) = pullbacks
    if not isinstance(pullback, FunctionType) or pullback.__name__ == "<lambda>":
        return ""
    definitions: dict[FunctionType, ast.FunctionDef] = {}
    _define(pullback, definitions)
    whole = definitions[pullback]
    whole.name = f"{operation.name}_pullback"
    for node in ast.walk(whole):
        if isinstance(node, ast.Return) and node.value is not None:
            node.value = ast.Tuple([node.value], ast.Load())
    return "\n\n\n".join(map(ast.unparse, map(ast.fix_missing_locations, definitions.values())))


def _define(function: FunctionType, definitions: dict[FunctionType, ast.FunctionDef]) -> None:
    """Add the definition of a function behind those of what it calls."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    assert isinstance(tree, ast.FunctionDef)
    plain = _Plain(function)
    tree = plain.visit(tree)
    tree.name = _own(function)
    tree.decorator_list, tree.returns = [], None
    for argument in (*tree.args.args, *tree.args.kwonlyargs, *filter(None, [tree.args.vararg])):
        argument.annotation = None
    if ast.get_docstring(tree) is not None:
        del tree.body[0]
    for called in plain.called:
        if called not in definitions:
            _define(called, definitions)
    definitions[function] = tree


def _own(function: FunctionType) -> str:
    return f"_{function.__name__.lstrip('_')}"


class _Plain(ast.NodeTransformer):
    """The text over arrays, with the functions of this library that it calls."""

    def __init__(self, function: FunctionType) -> None:
        self.names = function.__globals__
        self.called: list[FunctionType] = []

    def visit_Call(self, node: ast.Call) -> ast.expr:
        name = ast.unparse(node.func).rpartition(".")[2]
        if name in _AS_IT_IS:
            inner: ast.expr = self.visit(node.args[0])
            return inner
        return self.generic_visit(node)  # type: ignore[return-value]

    def visit_Name(self, node: ast.Name) -> ast.expr:
        meant = self.names.get(node.id)
        if isinstance(meant, FunctionType) and meant.__module__.startswith("autograd_mini."):
            self.called.append(meant)
            return ast.Name(_own(meant), node.ctx)
        if isinstance(meant, float):
            return ast.Constant(meant)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        assert node.value is not None
        return ast.Assign([self.visit(node.target)], self.visit(node.value))
