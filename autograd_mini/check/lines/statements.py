"""Edits of statements: assignment or accumulation, indices, slices, targets, loops."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import combinations

import numpy as np

from autograd_mini.check.lines.line import Change, Line, unlike
from autograd_mini.check.lines.syntax import (
    copied,
    loaded,
    made,
    number,
    number_of,
    with_fields,
    with_part,
)


def changes(line: Line) -> Iterator[Change]:
    """All edits of a statement as a whole, and of what counts in it: indices and ranges."""
    yield from assignments(line)
    yield from scattered(line)
    yield from partly(line)
    for root in [*line.roots, *line.targets]:
        for node in ast.walk(root):
            if isinstance(node, ast.Subscript):
                yield from indices(line, node)
            if isinstance(node, ast.Tuple | ast.List) and node not in line.indices:
                yield from orders(node)
            if isinstance(node, ast.Dict):
                yield from exchanged_values(node)
            if isinstance(node, ast.Call):
                yield from ranges(node)
            if isinstance(node, ast.IfExp):
                yield Change(
                    "comparison", node, with_fields(node, body=node.orelse, orelse=node.body)
                )
                yield Change("drop call", node, node.body)
                yield Change("drop call", node, node.orelse)
    if isinstance(line.statement, ast.For):
        yield from loops(line.statement)
    yield from copies(line)


def assignments(line: Line) -> Iterator[Change]:
    """``=`` for ``+=`` or ``-=``, and the other way round; and no update at all."""
    statement = line.statement
    if _writes_out(statement):
        yield Change("drop call", statement, ast.copy_location(ast.Pass(), statement))
    if line.is_update:
        yield Change("update", statement, ast.copy_location(ast.Pass(), statement))
    if isinstance(statement, ast.AugAssign):
        if isinstance(statement.op, ast.Add | ast.Sub):
            other = ast.Sub() if isinstance(statement.op, ast.Add) else ast.Add()
            yield Change("sign", statement, with_fields(statement, op=other), 0.3)
        if isinstance(statement.op, ast.Mult | ast.Div):
            inverse = ast.Div() if isinstance(statement.op, ast.Mult) else ast.Mult()
            yield Change("operator", statement, with_fields(statement, op=inverse))
        new = ast.Assign([copied(statement.target)], statement.value)
        yield Change("assign", statement, new)
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
        if isinstance(target, ast.Subscript):
            times = ast.AugAssign(copied(target), ast.Mult(), statement.value)
            yield Change("operator", statement, times, 0.5)
        if isinstance(target, ast.Name | ast.Attribute | ast.Subscript):
            likely = isinstance(target, ast.Subscript) or _is_known(line, target)
            extra = 0.0 if likely else 2.0
            for op in (ast.Add(), ast.Sub()):
                new_aug = ast.AugAssign(copied(target), op, statement.value)
                yield Change("accumulate", statement, new_aug, extra)
                extra += 0.7
            if likely and line.words.by_text:
                sum_ = made("_0 + _1", loaded(target), statement.value)
                yield Change("accumulate", statement.value, sum_, extra + 0.3)


def _writes_out(statement: ast.stmt) -> bool:
    """Whether a statement is a call that writes into an array: ``np.clip(g, -1, 1, out=g)``."""
    match statement:
        case ast.Expr(ast.Call(keywords=keywords)):
            return any(keyword.arg == "out" for keyword in keywords)
    return False


def _is_known(line: Line, target: ast.expr) -> bool:
    return ast.unparse(target) in line.words.by_text


def scattered(line: Line) -> Iterator[Change]:
    """``x[index] += g``, which adds once for an index that is repeated, as ``np.add.at``."""
    statement, numpy = line.statement, line.words.numpy
    match statement:
        case ast.AugAssign(target=ast.Subscript() as target, op=ast.Add() | ast.Sub() as op):
            if _may_repeat(line, target.slice):
                name = "add" if isinstance(op, ast.Add) else "subtract"
                yield _scatter(statement, target, f"{numpy}.{name}.at", 0.0)
        case ast.Assign(targets=[ast.Subscript() as target]):
            if _may_repeat(line, target.slice):
                yield _scatter(statement, target, f"{numpy}.add.at", 0.5)


_BUT_THE_ENDS = {1: ("1:", ":-1"), 2: (":, 1:", "1:", ":, :-1", ":-1")}
"""By the number of axes the slices that leave out the first or the last: the weight of a bias."""

_WITHOUT_FIRST = {1: "r_[0, _0[1:]]", 2: "c_[0 * _0[:, :1], _0[:, 1:]]"}
"""By the same an array with 0 in the place of its first element or column."""


def partly(line: Line) -> Iterator[Change]:
    """A term that only a part has, as a bias has no penalty: ``dW[:, 1:] += c * W[:, 1:]``."""
    statement, numpy = line.statement, line.words.numpy
    match statement:
        case ast.AugAssign(target=target, op=ast.Add() | ast.Sub() as op, value=value):
            shape = line.shape(loaded(target)) or ()
            alike = [part for part in _arrays_in(line, value) if line.shape(part) == shape]
            for text in _BUT_THE_ENDS.get(len(shape), ()) if len(alike) == 1 else ():
                read = made(f"_0[{text}]", copied(alike[0]))
                assert isinstance(read, ast.Subscript)
                written = ast.Subscript(loaded(target), copied(read.slice), ast.Store())
                new = ast.AugAssign(written, op, with_part(value, alike[0], read))
                yield Change("keep a part", statement, new, 0.3)
        case ast.Assign(value=ast.BinOp(op=ast.Add() | ast.Sub()) as value):
            for part in _arrays_in(line, value):
                axes = len(line.shape(part) or ())
                if isinstance(line.tree.parent(part), ast.BinOp) and axes in _WITHOUT_FIRST:
                    new_part = made(f"{numpy}.{_WITHOUT_FIRST[axes]}", copied(part))
                    yield Change("keep a part", part, new_part, 1.0)


def _arrays_in(line: Line, node: ast.expr) -> list[ast.expr]:
    """The operands of an expression that are arrays."""
    found = (part for part in ast.walk(node) if isinstance(part, ast.expr))
    return [part for part in found if line.operand(part) and line.is_array(part)]


def _may_repeat(line: Line, index: ast.expr) -> bool:
    """Whether an index names places by an array of numbers, one of which may stand there twice."""
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    values = [line.value(part) for part in parts]
    kinds = [value.dtype.kind for value in values if isinstance(value, np.ndarray)]
    return "i" in kinds or "u" in kinds or any(isinstance(value, list) for value in values)


def _scatter(
    statement: ast.Assign | ast.AugAssign, target: ast.Subscript, function: str, extra: float
) -> Change:
    base, index = loaded(target.value), target.slice
    if isinstance(index, ast.Slice) or (
        isinstance(index, ast.Tuple) and any(isinstance(e, ast.Slice) for e in index.elts)
    ):
        index = _index_object(index)
    call = made(f"{function}(_0, _1, _2)", base, copied(index), statement.value)
    return Change("add.at", statement, ast.Expr(call), extra)


def _index_object(index: ast.expr) -> ast.expr:
    """An index with slices as an expression outside of brackets."""
    if isinstance(index, ast.Tuple):
        return ast.Tuple([_index_object(e) for e in index.elts], ast.Load())
    if isinstance(index, ast.Slice):
        bounds = [index.lower, index.upper, *([index.step] if index.step else [])]
        parts = [copied(part) if part else ast.Constant(None) for part in bounds]
        return ast.Call(ast.Name("slice", ast.Load()), parts, [])
    return copied(index)


# Indices


def indices(line: Line, node: ast.Subscript) -> Iterator[Change]:
    """An index off by one, another index, or another slice."""
    index = node.slice
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    for part in parts:
        if isinstance(part, ast.Slice):
            yield from slices(line, part)
            for other in parts:
                if isinstance(other, ast.Slice) and other is not part:
                    yield Change("slice", part, copied(other), 0.3)
                elif getattr(line.value(other), "ndim", None) == 1:
                    rows = made(f"{line.words.numpy}.arange(len(_0))", copied(other))
                    yield Change("index", part, rows, 0.3)
            continue
        for other, extra in _near(line, part):
            yield Change("index", part, other, extra)
    if isinstance(index, ast.Tuple):
        for i, j in combinations(range(len(parts)), 2):
            moved = list(parts)
            moved[i], moved[j] = moved[j], moved[i]
            yield Change("index", index, with_fields(index, elts=moved), 0.3)
        for part in parts:
            if len(parts) == 2:
                rest = next(p for p in parts if p is not part)
                yield Change("index", index, rest, 0.7, part)
                whole = ast.Tuple([ast.Slice() if p is part else p for p in parts], ast.Load())
                yield Change("index", index, whole, 0.7, part)
    elif isinstance(node.ctx, ast.Load):
        yield Change("drop index", node, node.value, 0.5, index)
    for part in parts:
        if isinstance(part, ast.Constant) and part.value is None:
            yield Change("drop index", node, node.value, 0.0, index)
    value = line.value(index)
    if getattr(value, "ndim", None) == 1 and getattr(value, "dtype", None) is not None:
        rows = made(f"{line.words.numpy}.arange(len(_0))", copied(index))
        yield Change("index", index, ast.Tuple([rows, copied(index)], ast.Load()), 0.5)
        yield Change("index", index, ast.Tuple([ast.Slice(), copied(index)], ast.Load()), 0.7)


def _near(line: Line, index: ast.expr) -> Iterator[tuple[ast.expr, float]]:
    """Other indices than one."""
    value = line.value(index)
    constant = number_of(index)
    if constant is not None:
        for other in (constant - 1, constant + 1, 0, -1, 1):
            if other != constant and not (constant >= 0 and other < 0 and constant > 0):
                yield number(int(other)), 0.0
        for name in line.words.numbers:
            if isinstance(name.value, int) and isinstance(name.node, ast.Name):
                yield name.copy(), 0.7
        return
    if isinstance(index, ast.Constant) and isinstance(index.value, str):
        parent = line.tree.parent(index)
        assert isinstance(parent, ast.Subscript)
        known = line.value(parent.value)
        present = list(known) if isinstance(known, dict) else []
        names = [w.text for w in line.words.arrays if unlike(w.text, index.value) < 0.3]
        for key in dict.fromkeys([*present, *line.words.keys, *names]):
            if isinstance(key, str) and key != index.value:
                yield ast.Constant(key), unlike(index.value, key)
        return
    if isinstance(index, ast.BinOp) and number_of(index.right) is not None:
        yield index.left, 0.0
        other_sign = ast.Sub() if isinstance(index.op, ast.Add) else ast.Add()
        yield with_fields(index, op=other_sign), 0.3
        for step in (1, 2):
            if number_of(index.right) != step:
                yield with_fields(index, right=ast.Constant(step)), 0.3
        return
    whole = isinstance(value, int) or isinstance(index, ast.Name)
    if whole and not isinstance(value, bool):
        yield made("_0 - 1", copied(index)), 0.0
        yield made("_0 + 1", copied(index)), 0.0
        for name in line.words.numbers:
            counter = isinstance(name.value, int) and isinstance(name.node, ast.Name)
            if counter and name.text != ast.unparse(index):
                yield name.copy(), 0.5
    for name in line.words.arrays:
        kind = getattr(getattr(name.value, "dtype", None), "kind", "")
        if kind in "iub" and kind and name.text != ast.unparse(index):
            yield name.copy(), 0.5


def slices(line: Line, node: ast.Slice) -> Iterator[Change]:
    """Another part of an axis; that of a window whose step is lost, ``i : i + k``."""
    lower, upper = node.lower, node.upper
    if isinstance(lower, ast.Name) and upper is not None:
        places = [n for n in ast.walk(upper) if isinstance(n, ast.Name) and n.id == lower.id]
        steps = [w for w in line.words.numbers if isinstance(w.value, int) and w.value > 1]
        for word in steps if len(places) == 1 else ():
            begin = made("_0 * _1", copied(lower), word.copy())
            end = with_part(upper, places[0], copied(begin))
            extra = 0.3 if word.here else 1.0
            yield Change("slice", node, with_fields(node, lower=begin, upper=end), extra)
    bounds: list[tuple[ast.expr | None, ast.expr | None]] = [
        (None, None), (None, ast.UnaryOp(ast.USub(), ast.Constant(1))), (ast.Constant(1), None),
    ]  # fmt: skip
    if lower is not None or upper is not None:
        bounds.append((upper, lower))
        for step in ("_0 - 1", "_0 + 1"):
            if lower is not None:
                bounds.append((made(step, copied(lower)), upper))
            if upper is not None:
                bounds.append((lower, made(step, copied(upper))))
        bounds += [(None, upper), (lower, None)]
        if lower is not None and number_of(lower) is None:
            bounds.append((lower, ast.UnaryOp(ast.USub(), copied(lower))))
        if isinstance(lower, ast.UnaryOp):
            bounds += [(None, copied(lower.operand)), (copied(lower.operand), None)]
        if isinstance(upper, ast.UnaryOp):
            bounds.append((copied(upper.operand), upper))
        if lower is not None and upper is None:
            bounds.append((None, lower))
        if upper is not None and lower is None:
            bounds.append((upper, None))
        if lower is not None and upper is not None:
            bounds += [(None, lower), (upper, None), (lower, made("2 * _0", copied(upper)))]
    for one, two in bounds:
        yield Change("slice", node, with_fields(node, lower=one, upper=two))
    if node.step is None and lower is None and upper is None:
        back = with_fields(node, step=number(-1))
        yield Change("slice", node, back, 0.5)
    elif node.step is not None:
        yield Change("slice", node, with_fields(node, step=None))


# Several at once


def orders(node: ast.Tuple | ast.List) -> Iterator[Change]:
    """Two of several values, or targets, exchanged."""
    for i, j in combinations(range(len(node.elts)), 2):
        moved = list(node.elts)
        moved[i], moved[j] = moved[j], moved[i]
        yield Change("swap operands", node, with_fields(node, elts=moved), 0.2 * (j - i - 1))


def exchanged_values(node: ast.Dict) -> Iterator[Change]:
    """Two values of a dict exchanged."""
    for i, j in combinations(range(len(node.values)), 2):
        moved = list(node.values)
        moved[i], moved[j] = moved[j], moved[i]
        one, two = ast.unparse(node.values[i]), ast.unparse(node.values[j])
        new = with_fields(node, values=moved)
        yield Change("swap operands", node, new, unlike(one, two), node.values[i], moved[i])


# Loops


def ranges(node: ast.Call) -> Iterator[Change]:
    """Another range, or the same one backwards."""
    if not isinstance(node.func, ast.Name):
        return
    if node.func.id in ("reversed", "list", "enumerate") and len(node.args) == 1:
        yield Change("loop", node, node.args[0])
    if node.func.id != "range":
        return
    for i, bound in enumerate(node.args):
        for template in ("_0 - 1", "_0 + 1"):
            args: list[ast.expr] = list(node.args)
            constant = number_of(bound)
            step = 1 if "+" in template else -1
            args[i] = made(template, bound) if constant is None else number(int(constant) + step)
            yield Change("loop", node, with_fields(node, args=args))
        if isinstance(bound, ast.BinOp) and number_of(bound.right) == 1:
            args = list(node.args)
            args[i] = bound.left
            yield Change("loop", node, with_fields(node, args=args))
    if len(node.args) == 1:
        (end,) = node.args
        yield Change("loop", node, made("range(1, _0)", end))
        yield Change("loop", node, made("range(_0 - 1, -1, -1)", end))
        yield Change("loop", node, made("range(_0 - 1, 0, -1)", end))
    if len(node.args) == 2:
        yield Change("loop", node, with_fields(node, args=[node.args[1]]))
    if len(node.args) < 3:
        yield Change("loop", node, made("reversed(_0)", node))


def loops(statement: ast.For) -> Iterator[Change]:
    """The other direction of a loop over anything."""
    part = statement.iter
    if not isinstance(part, ast.Call):
        yield Change("loop", part, made("reversed(_0)", part))
    elif isinstance(part.func, ast.Name) and part.func.id in ("zip", "enumerate"):
        yield Change("loop", part, made("reversed(list(_0))", part))
        for argument in part.args:
            new = with_fields(
                part, args=[made("_0[::-1]", a) if a is argument else a for a in part.args]
            )
            yield Change("loop", part, new, 0.3, argument)
            for template in ("_0[1:]", "_0[:-1]"):
                new = with_fields(
                    part, args=[made(template, a) if a is argument else a for a in part.args]
                )
                yield Change("loop", part, new, 0.5, argument)


def copies(line: Line) -> Iterator[Change]:
    """A copy taken of what is changed in place later."""
    for root in line.roots:
        if line.operand(root) and line.is_array(root):
            yield Change("copy", root, made("_0.copy()", root))
