"""Edits of arithmetic where it stands: names, numbers, operators, signs, comparisons."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from itertools import combinations

from autograd_mini.check.lines.line import Change, Line, is_product, meets, unlike
from autograd_mini.check.lines.syntax import copied, factors, made, number, number_of, with_fields
from autograd_mini.check.lines.values import Shape, broadcasts
from autograd_mini.check.lines.words import Word


def changes(line: Line) -> Iterator[Change]:
    """All edits of a line's arithmetic."""
    yield from exchanged(line)
    for node in line.nodes:
        yield from names(line, node)
        yield from constants(line, node)
        if isinstance(node, ast.BinOp):
            yield from operators(line, node)
            yield from dropped(line, node)
        if isinstance(node, ast.UnaryOp):
            yield from unary(node)
        if isinstance(node, ast.Compare):
            yield from comparisons(line, node)
        if isinstance(node, ast.BoolOp) and len(node.values) == 2:
            other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield Change("comparison", node, ast.BoolOp(other, node.values))


# Names


def names(line: Line, node: ast.expr) -> Iterator[Change]:
    """An operand exchanged for another."""
    word = line.operand(node)
    parent = line.tree.parent(node)
    if word is None or (isinstance(parent, ast.Call) and node is parent.func):
        return
    if isinstance(parent, ast.Attribute | ast.Subscript) and line.operand(parent) and word.shape:
        return
    if word.shape is None:
        for other in line.words.containers:
            if type(other.value) is type(word.value) and other.text != word.text:
                yield Change("name", node, other.copy(), unlike(word.text, other.text))
        return
    for other in line.words.operands:
        if other.text != word.text and line.fits(other.shape, node):
            yield Change("name", node, other.copy(), _unlikely(line, node, word, other))
        for axis in _axes_lacking(other.shape, word.shape):
            index = ", ".join(["None" if i == axis else ":" for i in range(len(word.shape))])
            extra = _unlikely(line, node, word, other) + _NEW_AXIS
            yield Change("name", node, made(f"_0[{index}]", other.copy()), extra)
    if isinstance(word.value, float) and 0 < word.value < 1:
        yield Change("constant", node, made("1 - _0", copied(node)), 0.3)


_NEW_AXIS = 0.3
"""What it costs beside a name that it needs another axis."""


def _axes_lacking(shape: Shape | None, whole: Shape) -> Iterator[int]:
    """The axes, but for the first, without which a shape is another one."""
    for axis in range(1, len(whole)):
        if shape == whole[:axis] + whole[axis + 1 :]:
            yield axis


def exchanged(line: Line) -> Iterator[Change]:
    """Two operands, or two numbers, that each stand where the other belongs; two indices of what
    is written and of what is read, ``dw[i] += g * x[j]``.
    """
    written = _indices(line, line.targets)
    read = _indices(line, line.roots)
    for name, other in combinations(sorted({*written, *read}), 2):
        places = {text: written.get(text, []) + read.get(text, []) for text in (name, other)}
        if not read.keys().isdisjoint(places) and not written.keys().isdisjoint(places):
            (old, *others), (new, *more) = places[name], places[other]
            several = [(place, copied(new)) for place in others]
            several += [(place, copied(old)) for place in (new, *more)]
            yield Change("swap operands", old, copied(new), 0.5, also=tuple(several))
    leaves = [n for n in line.nodes if line.operand(n) or number_of(n) is not None]
    for i, one in enumerate(leaves):
        for two in leaves[i + 1 :]:
            if (number_of(one) is None) == (number_of(two) is None) and len(leaves) <= 8:
                if one in line.tree.above(two) or line.tree.key(one) == line.tree.key(two):
                    continue
                if _product_around(line, one) in (_product_around(line, two), two):
                    continue  # its factors are exchanged as such
                if line.fits(line.shape(two), one) and line.fits(line.shape(one), two):
                    also = ((two, copied(one)),)
                    yield Change("swap operands", one, copied(two), 0.5, also=also)


def _indices(line: Line, roots: Iterable[ast.expr]) -> dict[str, list[ast.Name]]:
    """The names that stand alone as indices, each with its places."""
    found: dict[str, list[ast.Name]] = {}
    for node in (n for root in roots for n in ast.walk(root)):
        if isinstance(node, ast.Subscript):
            several = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            for index in several:
                if isinstance(index, ast.Name):
                    found.setdefault(index.id, []).append(index)
    return found


def _product_around(line: Line, node: ast.expr) -> ast.AST:
    """The matrix product of which an operand, transposed or not, is a factor; or the operand."""
    for parent in line.tree.above(node):
        match parent:
            case ast.BinOp(op=ast.MatMult()) | ast.Call():
                return parent
            case ast.Attribute():
                continue
        break
    return node


def _unlikely(line: Line, node: ast.expr, word: Word, other: Word) -> float:
    extra = unlike(word.text, other.text)
    if word.shape != other.shape:
        extra += 0.3
    if line.is_gradient(word) != line.is_gradient(other):
        extra += 0.5
    if _is_of_derivative(line, node):
        extra = min(extra, 0.3)
    if other.range == (0, 0):  # it takes away what it is multiplied with, whatever that is
        extra += _EMPTY
    if other.text in line.words.unread:
        extra -= _UNREAD
    return extra + (0.0 if other.here else 0.7)


_UNREAD = 0.7
"""How much likelier a name belongs in a place that is made and never read."""
_EMPTY = 0.6
"""What it costs that an array of zeros is put in a place: rather is something lost there."""


def _is_of_derivative(line: Line, node: ast.expr) -> bool:
    """Whether it is what a function that gives a local derivative is called with."""
    call = line.tree.parent(node)
    if not isinstance(call, ast.Call) or node not in call.args:
        return False
    text = ast.unparse(call.func)
    return any(f.text == text and f.is_derivative for f in line.words.functions)


# Constants


def constants(line: Line, node: ast.expr) -> Iterator[Change]:
    """A number exchanged for another, or for a name that stands for one."""
    value, parent = number_of(node), line.tree.parent(node)
    if value is None or number_of(parent) is not None:
        return
    power = (
        isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Pow) and node is parent.right
    )
    usual: list[float] = [0, 1, 2, 0.5, 3]
    if power:
        usual = [2, 3, 1, 0.5, -0.5, -1, -2, -1.5]
    near = [-value, 2 * value, value / 2, value + 1, value - 1]
    others = dict.fromkeys([*usual, *near, *line.words.constants])
    if value and not power:
        others.setdefault(1 / value)
    named = {float(word.value) for word in line.words.numbers if word.here}
    parts = {value / w.value for w in line.words.numbers if w.is_size and w.value}
    for other in others:
        if other != value and (other in usual or other not in parts):  # as ``1 / N`` it is clearer
            likely = other in usual or other in near
            extra = 0.0 if likely else 0.5
            if other == 0 and not power and not isinstance(parent, ast.Call | ast.Compare):
                extra = 2.0  # rather is the term left out, or the factor
            extra += 0.7 if other in named and not likely else 0.0
            yield Change("power" if power else "constant", node, number(other), extra)
    for word in line.words.numbers:
        if not power and word.value != value:
            yield Change("constant", node, word.copy(), 0.5 if word.here else 0.7)
    if isinstance(parent, ast.AugAssign):  # where each element has its own
        for word in line.words.arrays:
            if word.here and word.shape == line.shape(parent.target):
                yield Change("constant", node, word.copy(), 0.7)


# Operators


_OTHERS: dict[type[ast.operator], tuple[tuple[type[ast.operator], float], ...]] = {
    ast.Add: ((ast.Sub, 0.0), (ast.Mult, 1.0), (ast.Div, 2.0)),
    ast.Sub: ((ast.Add, 0.0), (ast.Mult, 1.0), (ast.Div, 2.0)),
    ast.Mult: ((ast.Div, 0.0), (ast.MatMult, 0.3), (ast.Add, 1.0), (ast.Sub, 1.0), (ast.Pow, 2.0)),
    ast.Div: ((ast.Mult, 0.0), (ast.Sub, 1.5), (ast.Add, 1.5), (ast.Pow, 2.0)),
    ast.MatMult: ((ast.Mult, 0.0), (ast.Add, 1.5)),
    ast.Pow: ((ast.Mult, 0.0), (ast.Div, 1.0)),
    ast.FloorDiv: ((ast.Div, 0.0), (ast.Mod, 0.5)),
}


def operators(line: Line, node: ast.BinOp) -> Iterator[Change]:
    """An operator exchanged, or its operands."""
    left, right = line.shape(node.left), line.shape(node.right)
    for operator, extra in _OTHERS.get(type(node.op), ()):
        if left is not None and right is not None:
            if operator is ast.MatMult and not meets(left, right):
                continue
            matrix = operator is ast.Mult and isinstance(node.op, ast.MatMult)
            if matrix and not (broadcasts(left, right) or broadcasts(right, left)):
                continue
        if operator in (ast.Div, ast.Sub) and ast.unparse(node.left) == ast.unparse(node.right):
            continue  # 1 or 0
        yield Change("operator", node, with_fields(node, op=operator()), extra)
    if isinstance(node.left, ast.BinOp) and is_product(node):
        for sign in (ast.Add(), ast.Sub()):
            if isinstance(node.left.op, ast.Mult):  # as text: a * b / n becomes a + b / n
                right_side = with_fields(node, left=node.left.right)
                new = with_fields(node.left, op=sign, right=right_side)
                yield Change("operator", node, new, 1.3)
    if isinstance(node.op, ast.Mult) and line.shape(node.left) == ():
        yield Change("operator", node.left, made("1 / _0", node.left), 0.5)
    if isinstance(node.op, ast.Sub | ast.Div | ast.Pow):
        extra = 0.0 if isinstance(node.op, ast.Sub) else 0.5
        is_whole = line.operand(node.left) or (line.is_update and node in line.roots)
        if isinstance(node.op, ast.Sub) and is_whole and line.operand(node.right):
            extra = -0.4  # rather than that the sign of all is wrong
        yield Change("swap operands", node, _swapped(node), extra)


def _swapped(node: ast.BinOp) -> ast.BinOp:
    return with_fields(node, left=node.right, right=node.left)


def dropped(line: Line, node: ast.BinOp) -> Iterator[Change]:
    """One side of an operation lost."""
    if isinstance(node.op, ast.BitOr | ast.BitAnd | ast.BitXor) and not line.is_array(node):
        return  # dicts or sets that are joined
    kind = "drop term" if isinstance(node.op, ast.Add | ast.Sub) else "drop factor"
    if isinstance(node.op, ast.Pow):
        yield Change("power", node, node.left, 0.0, node.right)
        return
    if _is_updated(line, node):
        yield Change("update", node, node.left)
    matrix = isinstance(node.op, ast.MatMult)
    constant = number_of(node.left) is not None
    yield Change(kind, node, node.left, 1.0 if matrix else 0.0, node.right)
    new = node.right
    extra = 1.0 if matrix or (constant and kind == "drop term") else 0.0
    if isinstance(node.op, ast.Sub):
        new = ast.UnaryOp(ast.USub(), new)
        yield Change(kind, node, node.right, extra + 0.5, node.left)
    if isinstance(node.op, ast.Div):
        new, extra = made("1 / _0", new), extra + 0.5
    if constant and isinstance(node.op, ast.Mult):
        extra -= 0.2  # rather than that another line lacks its reciprocal
    yield Change(kind, node, new, extra, node.left)


def _is_updated(line: Line, node: ast.BinOp) -> bool:
    """Whether it is an operand less a rate times a gradient: ``W - 0.1 * dW``."""
    parts = [part for part, _ in factors(node.right)]
    rest = [part for part in parts if number_of(part) is None and line.shape(part) != ()]
    step = line.operand(rest[0]) if len(rest) == 1 < len(parts) else None
    updated = isinstance(node.op, ast.Sub) and line.operand(node.left) is not None
    if ast.unparse(node.left) in map(ast.unparse, line.targets):
        return False  # the statement is the update
    return updated and step is not None and line.is_gradient(step)


def unary(node: ast.UnaryOp) -> Iterator[Change]:
    """A sign, or a mask's negation, lost."""
    if isinstance(node.op, ast.USub | ast.Not | ast.Invert):
        kind = "sign" if isinstance(node.op, ast.USub) else "comparison"
        yield Change(kind, node, node.operand, -0.2 if kind == "sign" else 0.0)


_COMPARED = (ast.Gt, ast.Lt, ast.GtE, ast.LtE, ast.Eq, ast.NotEq)


def comparisons(line: Line, node: ast.Compare) -> Iterator[Change]:
    """A mask inverted, or its limit moved."""
    if len(node.ops) != 1 or not isinstance(node.ops[0], _COMPARED):
        return
    for operator in _COMPARED:
        if not isinstance(node.ops[0], operator):
            both = {operator, type(node.ops[0])}
            rare = both & {ast.Eq, ast.NotEq} and both != {ast.Eq, ast.NotEq}
            yield Change(
                "comparison", node, with_fields(node, ops=[operator()]), 1.0 if rare else 0
            )
    if line.is_array(node.left):
        yield Change("drop call", node, node.left, 0.5)
