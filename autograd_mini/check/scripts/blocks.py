"""Statements of a file as functions: those at its top, and what a loop runs in one turn."""

from __future__ import annotations

import ast
import copy
import functools
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from autograd_mini.check.lines.source import UNIT, Unit

LEFT = "__left__"
"""The argument of a block that takes the variables that it ends with."""

_BESIDE = 99_999
"""The column of what was not written by the user."""


def block(
    file: str,
    text: Sequence[str],
    body: Sequence[ast.stmt],
    namespace: dict[str, Any],
    local: Mapping[str, Any] | None = None,
    stated: Sequence[str] = (),
    classes: tuple[str, ...] = (),
) -> Callable[..., Any]:
    """Statements as a function.

    Arguments:
        file, text: the file that they are in, and its lines.
        body: the statements; what would end or go on with the loop around them ends the function.
        namespace: the global names.
        local: the local variables that are there before, which are the function's arguments;
            ``None`` where the statements stand at the top of the file.
        stated: the names that are global all the same.
        classes: the names of the classes around.

    >>> tree = ast.parse("total = total + 2")
    >>> names = {"total": 1}
    >>> block("<cell>", ["total = total + 2"], tree.body, names)()
    >>> names["total"]
    3
    """
    known = None if local is None else tuple(local)
    code, unit = _compiled(file, tuple(text), tuple(body), known, tuple(stated), classes)
    cells = tuple(types.CellType((local or {}).get(name)) for name in code.co_freevars)
    function = types.FunctionType(code, namespace, "_block", None, cells)
    setattr(function, UNIT, unit)
    return function


@functools.lru_cache(maxsize=256)
def _compiled(
    file: str,
    text: tuple[str, ...],
    body: tuple[ast.stmt, ...],
    known: tuple[str, ...] | None,
    stated: tuple[str, ...],
    classes: tuple[str, ...],
) -> tuple[types.CodeType, Unit]:
    """The code of a block, and what it is made of: a file runs several times."""
    inside = [_Ended().visit(_Unyielded().visit(copy.deepcopy(node))) for node in body]
    if known is None:
        stated = tuple(sorted({name for node in body for name in stored(node)}))
    if stated:
        inside.insert(0, ast.Global(list(stated)))
    arguments = [ast.arg(name) for name in known or ()]
    if known is not None:
        update = ast.Attribute(ast.Name(LEFT, ast.Load()), "update", ast.Load())
        took = ast.Expr(ast.Call(update, [ast.Call(ast.Name("locals", ast.Load()), [], [])], []))
        took.lineno = took.end_lineno = body[-1].end_lineno or body[-1].lineno
        took.col_offset = took.end_col_offset = _BESIDE + 1  # a place of its own
        inside = [ast.Try(inside, [], [], [took])]
        arguments.append(ast.arg(LEFT))
    tree = ast.FunctionDef(
        "<module>", ast.arguments([], arguments, None, [], [], None, []), inside, [], None
    )
    first, last = body[0], body[-1]
    tree.lineno, tree.col_offset = first.lineno, _BESIDE
    tree.end_lineno, tree.end_col_offset = last.end_lineno or last.lineno, _BESIDE
    _placed(tree, tree)
    named = copy.copy(tree)
    named.name = "_block"
    module = ast.Module([named], [])
    code = compile(module, file, "exec")
    (inner,) = [c for c in code.co_consts if isinstance(c, types.CodeType)]
    return inner, Unit(file, text, tree, classes)


def _placed(node: ast.AST, above: ast.AST) -> None:
    """Give a place to what has none: that of what is around it, beside the user's columns."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.expr | ast.arg) and not hasattr(child, "lineno"):
            ast.copy_location(child, above)
            at: Any = child
            at.col_offset = at.end_col_offset = _BESIDE
            at.end_lineno = at.lineno
        _placed(child, child if hasattr(child, "lineno") else above)


class _Unyielded(ast.NodeTransformer):
    """What a turn of a generator's loop would yield is computed, and no more."""

    def visit_Yield(self, node: ast.Yield) -> ast.expr:
        return node.value or ast.copy_location(ast.Constant(None), node)

    def _inner(self, node: ast.AST) -> ast.AST:
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = visit_Lambda = _inner


class _Ended(ast.NodeTransformer):
    """``break`` and ``continue`` of a loop that is not there end the function."""

    def visit_Break(self, node: ast.Break) -> ast.stmt:
        return ast.copy_location(ast.Return(None), node)

    def visit_Continue(self, node: ast.Continue) -> ast.stmt:
        return ast.copy_location(ast.Return(None), node)

    def _inner(self, node: ast.AST) -> ast.AST:
        return node

    visit_For = visit_AsyncFor = visit_While = _inner
    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = visit_Lambda = _inner


def stored(node: ast.AST) -> Iterator[str]:
    r"""The names that a statement at the top of a file binds.

    >>> tree = ast.parse("for i in x:\n    import os.path as p\n    def f(a): b = a")
    >>> sorted(stored(tree.body[0]))
    ['f', 'i', 'p']
    """
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
        return
    if isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        return
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, ast.alias):
        yield node.asname or node.name.partition(".")[0]
    elif isinstance(node, ast.ExceptHandler) and node.name:
        yield node.name
    elif isinstance(node, ast.Global):
        yield from node.names
    for child in ast.iter_child_nodes(node):
        yield from stored(child)


def declared_global(tree: ast.AST) -> list[str]:
    """The names that a function declares global."""
    return [n for node in ast.walk(tree) if isinstance(node, ast.Global) for n in node.names]
