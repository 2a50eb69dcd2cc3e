"""Parentheses that a person forgets, adds or closes elsewhere."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autograd_mini.check.lines.line import Change, Line
from autograd_mini.check.lines.syntax import made, with_fields

_SIGNS: dict[type[ast.AST], tuple[str, int]] = {
    ast.Add: ("+", 1), ast.Sub: ("-", 1), ast.Mult: ("*", 2), ast.Div: ("/", 2),
    ast.MatMult: ("@", 2), ast.FloorDiv: ("//", 2), ast.Mod: ("%", 2), ast.Pow: ("**", 4),
}  # fmt: skip
"""Each operator as it is written, and how tightly it binds; a sign binds as 3."""

_MANY = 8
"""More operands than this in one row are left alone."""

Row = list[ast.expr | str]
"""Operands and operators as they stand between two parentheses; a sign is ``u-``."""


def changes(line: Line) -> Iterator[Change]:
    """All edits of a line's parentheses."""
    for node in line.nodes:
        parent = line.tree.parent(node)
        outermost = parent is None or not _is_open(node, parent)
        if isinstance(node, ast.BinOp | ast.UnaryOp) and outermost:
            yield from _moved(node)
        if isinstance(node, ast.BinOp):
            yield from _around_calls(node)


def _binds(node: ast.AST) -> int:
    if isinstance(node, ast.BinOp):
        return _SIGNS.get(type(node.op), ("", 0))[1]
    return 3 if isinstance(node, ast.UnaryOp) else 9


def _is_open(node: ast.AST, parent: ast.AST) -> bool:
    """Whether a part of an operation stands in it without parentheses."""
    if isinstance(parent, ast.UnaryOp):
        return _binds(node) > 3
    if not isinstance(parent, ast.BinOp):
        return False
    first = node is parent.left
    if isinstance(parent.op, ast.Pow):
        first = not first
    return _binds(node) >= _binds(parent) if first else _binds(node) > _binds(parent)


def _row(node: ast.expr, opened: ast.expr | None = None) -> Row:
    """What stands between two parentheses, with the parentheses of one part left out."""

    def inner(part: ast.expr, parent: ast.expr) -> Row:
        is_open = part is opened or _is_open(part, parent)
        return _row(part, opened) if is_open else [part]

    if isinstance(node, ast.BinOp) and type(node.op) in _SIGNS:
        return [*inner(node.left, node), _SIGNS[type(node.op)][0], *inner(node.right, node)]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return ["u-", *inner(node.operand, node)]
    return [node]


def _moved(node: ast.expr) -> Iterator[Change]:
    row = _row(node)
    closed = [part for part in row if isinstance(part, ast.BinOp)]
    operands = sum(not isinstance(part, str) for part in row)
    if operands + len(closed) > _MANY:
        return
    for part in closed:
        opened = _row(node, part)
        yield Change("parentheses", node, _read(opened))
        for pair in _pairs(opened):
            yield Change("parentheses", node, _read(opened, *pair), 0.5)
    for pair in _pairs(row):
        yield Change("parentheses", node, _read(row, *pair), 0.2)


def _pairs(row: Row) -> Iterator[tuple[int, int]]:
    """Where a pair of parentheses would change what a row means: first and last operand."""
    places = [i for i, part in enumerate(row) if not isinstance(part, str)]
    binds = dict(_SIGNS.values()) | {"u-": 3}
    for a, start in enumerate(places):
        for end in places[a + 1 :]:
            inside = [part for part in row[start:end] if isinstance(part, str)]
            before = row[start - 1] if start else ""
            after = row[end + 1] if end + 1 < len(row) else ""
            loosest = min(binds[sign] for sign in inside)
            left, right = binds.get(str(before), 0), binds.get(str(after), 0)
            same = left == loosest and (
                before in ("-", "/") or (before == "*" and "@" in inside) or before == "@"
            )
            if left > loosest or right > loosest or same:
                yield start, end


def _read(row: Row, start: int = -1, end: int = -1) -> ast.expr:
    """A row as an expression, with parentheses around some of it."""
    text, operands = [], list[ast.expr]()
    for i, part in enumerate(row):
        text.append("(" if i == start else "")
        if isinstance(part, str):
            text.append(part.replace("u", ""))
        else:
            text.append(f"_{len(operands)}")
            operands.append(part)
        text.append(")" if i == end else "")
    return made("".join(text), *operands)


def _around_calls(node: ast.BinOp) -> Iterator[Change]:
    """``f(a) * b`` for ``f(a * b)``, ``(a * b).T`` for ``a * b.T``."""
    for side, name in ((node.left, "left"), (node.right, "right")):
        if isinstance(side, ast.Attribute) and side.attr == "T":
            inner = with_fields(node, **{name: side.value})
            yield Change("parentheses", node, with_fields(side, value=inner), 0.7)
        if isinstance(side, ast.Call):
            if len(side.args) >= 1:
                inner = with_fields(node, **{name: side.args[0]})
                call = with_fields(side, args=[inner, *side.args[1:]])
                yield Change("parentheses", node, call, 0.5)
            if isinstance(side.func, ast.Attribute) and isinstance(side.func.value, ast.BinOp):
                inner = with_fields(node, **{name: side.func.value})
                call = with_fields(side, func=with_fields(side.func, value=inner))
                yield Change("parentheses", node, call, 0.5)
        if isinstance(side, ast.Call) and len(side.args) >= 1:
            argument = side.args[0]
            if isinstance(argument, ast.BinOp):
                for inner_name in ("left", "right"):
                    call = with_fields(side, args=[getattr(argument, inner_name), *side.args[1:]])
                    new = with_fields(argument, **{inner_name: call})
                    yield Change("parentheses", side, new, 0.3)
