"""Edits of matrix products, transposes, and of the order of axes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import combinations, permutations
from math import prod

from autograd_mini.check.lines.line import Change, Line, meets, name_of_call
from autograd_mini.check.lines.syntax import made, number_of, with_fields
from autograd_mini.check.lines.values import Shape


def changes(line: Line) -> Iterator[Change]:
    """All edits of a line's matrix products and of its axes."""
    for node in line.nodes:
        yield from products(line, node)
        yield from transposes(line, node)
        yield from _reshaped(line, node)


# Products


def products(line: Line, node: ast.expr) -> Iterator[Change]:
    """The operands of a matrix product exchanged and transposed, or another product taken."""
    sides = product_of(line, node)
    if sides is None:
        return
    bases = [(_base(line, side), _base(line, side) is not side) for side in sides]
    shapes = [line.shape(base) for base, _ in bases]
    for order in ((0, 1), (1, 0)):
        for flips in ((False, False), (True, False), (False, True), (True, True)):
            turned, changed = [], 0
            for index, flip in zip(order, flips, strict=True):
                base, was = bases[index]
                turned.append((_transposed(line, base) if flip else base, shapes[index], flip))
                changed += flip != was
            flat = any(flip and shape and len(shape) < 2 for _, shape, flip in turned)
            one, two = (_turned(shape) if flip else shape for _, shape, flip in turned)
            if flat or (one is not None and two is not None and not meets(one, two)):
                continue
            if order == (0, 1) and not changed:
                continue
            kind = "transpose" if order == (0, 1) else "swap operands"
            extra = 0.3 * (changed - 1) if order == (0, 1) else 0.3 * changed
            yield Change(kind, node, _product_like(node, turned[0][0], turned[1][0]), extra)
    for index in (0, 1):
        yield from _other_operands(line, sides, index)
    yield from _other_products(line, node, [base for base, _ in bases], shapes)


def _other_products(
    line: Line, node: ast.expr, bases: list[ast.expr], shapes: list[Shape | None]
) -> Iterator[Change]:
    sides, numpy = product_of(line, node), line.words.numpy
    assert sides is not None
    templates = ["_0 * _1", "_2 * _3", f"{numpy}.outer(_0, _1)", f"{numpy}.outer(_1, _0)"]
    if not isinstance(node, ast.BinOp):
        templates.append("_0 @ _1")
    for template in templates:
        if "outer" in template and any(s is not None and len(s) > 1 for s in shapes):
            continue
        yield Change("product", node, made(template, *sides, *bases))


def product_of(line: Line, node: ast.expr) -> tuple[ast.expr, ast.expr] | None:
    """The operands of a product that is written with ``@`` or as a call."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        return node.left, node.right
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.keywords:
        two = line.is_numpy(node.func) and len(node.args) == 2
        if two and node.func.attr in ("dot", "matmul", "outer", "multiply", "inner"):
            return node.args[0], node.args[1]
        if node.func.attr == "dot" and len(node.args) == 1:
            return node.func.value, node.args[0]
    return None


def _product_like(node: ast.expr, left: ast.expr, right: ast.expr) -> ast.expr:
    """A product in the notation of another."""
    if isinstance(node, ast.BinOp):
        return with_fields(node, left=left, right=right)
    assert isinstance(node, ast.Call)
    if len(node.args) == 2:
        return with_fields(node, args=[left, right])
    assert isinstance(node.func, ast.Attribute)
    return with_fields(node, func=with_fields(node.func, value=left), args=[right])


def _base(line: Line, node: ast.expr) -> ast.expr:
    """What the last two axes are exchanged of; the expression itself if they are not."""
    if isinstance(node, ast.Attribute) and node.attr == "T":
        return node.value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        function = line.is_numpy(node.func)
        args = node.args[1:] if function else node.args
        listed = args[0].elts if len(args) == 1 and isinstance(args[0], ast.Tuple) else args
        axes = [int(a) for a in map(number_of, listed) if a is not None]
        n = len(axes)
        swaps = node.func.attr == "swapaxes" and set(axes) in ({-1, -2}, {1, 2})
        turns = node.func.attr == "transpose" and (
            n == 0 or (n > 1 and axes == [*range(n - 2), n - 1, n - 2])
        )
        if swaps or turns:
            return node.args[0] if function and node.args else node.func.value
    return node


def _transposed(line: Line, node: ast.expr) -> ast.expr:
    """An expression with its last two axes exchanged; of ``0.1 * X`` the array alone is turned."""
    match node:
        case ast.BinOp(left, ast.Mult(), right) if line.shape(left) == ():
            return with_fields(node, right=_turned_back(line, right))
        case ast.BinOp(left, ast.Mult() | ast.Div(), right) if line.shape(right) == ():
            return with_fields(node, left=_turned_back(line, left))
        case ast.UnaryOp(ast.USub(), operand):
            return with_fields(node, operand=_turned_back(line, operand))
    shape = line.shape(node)
    if shape is None or len(shape) < 3:
        return made("_0.T", node)
    if ".transpose(" in line.words.text:
        n = len(shape)
        axes = ", ".join(map(str, [*range(n - 2), n - 1, n - 2]))
        return made(f"_0.transpose({axes})", node)
    return made("_0.swapaxes(-1, -2)", node)


def _turned_back(line: Line, node: ast.expr) -> ast.expr:
    base = _base(line, node)
    return base if base is not node else _transposed(line, node)


def _turned(shape: Shape | None) -> Shape | None:
    return shape if shape is None or len(shape) < 2 else (*shape[:-2], shape[-1], shape[-2])


def _other_operands(line: Line, sides: tuple[ast.expr, ast.expr], index: int) -> Iterator[Change]:
    """An operand exchanged for another that fits transposed only."""
    side = sides[index]
    base = _base(line, side)
    word, sibling = line.operand(base), line.shape(sides[1 - index])
    for other in line.words.arrays:
        if word is None or other.text == word.text or not other.here or other.shape is None:
            continue
        if len(other.shape) != 2 or sibling is None:
            continue
        shape = other.shape if base is not side else other.shape[::-1]
        if meets(shape, sibling) if index == 0 else meets(sibling, shape):
            new = other.copy() if base is not side else made("_0.T", other.copy())
            yield Change("name", side, new, 1.0)


# Transposes


def transposes(line: Line, node: ast.expr) -> Iterator[Change]:
    """A transpose lost, added, or of other axes."""
    parent, shape = line.tree.parent(node), line.shape(node)
    base = _base(line, node)
    if base is not node:
        yield Change("transpose", node, base)
    if isinstance(node, ast.Call) and name_of_call(node) in ("transpose", "swapaxes", "reshape"):
        yield from _axis_orders(line, node)
    if base is not node or isinstance(node, ast.Constant | ast.Compare | ast.UnaryOp | ast.Tuple):
        return
    if isinstance(parent, ast.Attribute | ast.Subscript):
        if not (isinstance(node, ast.BinOp | ast.Call) or _is_method(line, parent)):
            return
        if isinstance(parent, ast.Attribute) and parent.attr == "T":
            return
    if isinstance(parent, ast.Call) and node is parent.func:
        return
    if shape is not None and len(shape) < 2:
        if len(shape) == 1:
            yield from _new_axes(node)
        return
    if not line.fits(_turned(shape), node):
        return
    if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.MatMult):
        return
    extra = 0.0 if node in line.roots or isinstance(parent, ast.BinOp) else 0.3
    yield Change("transpose", node, _transposed(line, node), extra)
    if shape is not None and len(shape) > 2 and (node in line.roots or line.operand(node)):
        for order in permutations(range(len(shape))):
            if order != tuple(range(len(shape))):
                axes = ", ".join(map(str, order))
                swaps = sum(i != j for i, j in enumerate(order))
                new = made(f"_0.transpose({axes})", node)
                yield Change("axis order", node, new, extra + (0.3 if swaps == 2 else 1.0))


def _is_method(line: Line, node: ast.AST) -> bool:
    parent = line.tree.parent(node)
    return isinstance(parent, ast.Call) and parent.func is node


def _new_axes(node: ast.expr) -> Iterator[Change]:
    for template in ("_0[:, None]", "_0[None]", "_0.reshape(-1, 1)"):
        yield Change("new axis", node, made(template, node), 0.3 * (template[2] == "."))


def _axis_orders(line: Line, node: ast.Call) -> Iterator[Change]:
    """Other orders of the axes or lengths that a call lists."""
    assert isinstance(node.func, ast.Attribute)
    given = list(node.args)
    first = given.pop(0) if line.is_numpy(node.func) and given else None
    listed = given[0].elts if len(given) == 1 and isinstance(given[0], ast.Tuple) else given
    start = [] if first is None else [first]
    wrapped = bool(given) and listed is not given
    name = node.func.attr
    array = first if first is not None else node.func.value
    if name != "reshape":
        yield Change("transpose", node, array)
    if 1 < len(listed) <= 5:
        for order in permutations(range(len(listed))):
            if order == tuple(range(len(listed))):
                continue
            moved: list[ast.expr] = [listed[i] for i in order]
            args = [ast.Tuple(moved, ast.Load())] if wrapped else moved
            extra = 0.0 if sum(i != j for i, j in enumerate(order)) == 2 else 0.5
            new = with_fields(node, args=[*start, *args])
            yield Change("axis order", node, new, extra)
            if name == "reshape":
                back = ", ".join(str(order.index(i)) for i in range(len(order)))
                template = "_0.T" if len(listed) == 2 else f"_0.transpose({back})"
                yield Change("axis order", node, made(template, new), extra + 0.2)
    if name == "swapaxes" and len(listed) == 2:
        shape = line.shape(array)
        for axes in combinations(range(len(shape) if shape else 3), 2):
            numbers: list[ast.expr] = [ast.Constant(axis) for axis in axes]
            yield Change("axis order", node, with_fields(node, args=[*start, *numbers]), 0.3)
    if name == "reshape":
        yield from _other_shapes(line, node, array, given)


def _reshaped(line: Line, node: ast.expr) -> Iterator[Change]:
    """An array to be given the shape of another, which has as many elements."""
    shape = line.shape(node)
    if node not in line.roots or not shape:
        return
    for word in line.words.arrays:
        if word.here and word.shape and word.shape != shape and prod(word.shape) == prod(shape):
            extra = 0.5 if line.is_gradient(word) else 0.0
            yield Change("reshape", node, made("_0.reshape(_1.shape)", node, word.copy()), extra)


def _other_shapes(
    line: Line, node: ast.Call, array: ast.expr, given: list[ast.expr]
) -> Iterator[Change]:
    """``reshape`` to the shape of another array, or with ``-1`` elsewhere."""
    value = line.value(array)
    for part in given:
        if isinstance(part, ast.Attribute) and part.attr == "shape":
            for word in line.words.arrays:
                if word.size == getattr(value, "size", word.size):
                    yield Change("axis order", part, made("_0.shape", word.copy()))
