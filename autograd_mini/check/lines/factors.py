"""Edits of products: factors, local derivatives, signs and powers, lost or too many."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from itertools import permutations

import numpy as np

from autograd_mini.check.lines.formulas import is_rate
from autograd_mini.check.lines.line import Change, Line, is_product, meets
from autograd_mini.check.lines.syntax import (
    copied,
    factors,
    loaded,
    made,
    number,
    number_of,
    product,
)
from autograd_mini.check.lines.values import Shape, broadcasts
from autograd_mini.check.lines.words import Word


def changes(line: Line) -> Iterator[Change]:
    """All edits of a line's products as they are."""
    for node in line.nodes:
        if not is_product(line.tree.parent(node)):
            yield from exchanged_factors(line, node)
        if is_square(node):
            yield Change("slope", node, made("1 - _0", node), -0.5)
    for node in line.places:
        yield from signs(line, node)
        yield from powers(line, node)


def insertions(line: Line) -> Iterator[Change]:
    """All factors that a line's products may lack."""
    for node in line.places:
        yield from inserted_factors(line, node)
    yield from divided_updates(line)


# Factors


def is_square(node: ast.AST) -> bool:
    """Whether something is multiplied by itself, ``h * h``."""
    match node:
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return ast.unparse(left) == ast.unparse(right)
    return False


def signs(line: Line, node: ast.expr) -> Iterator[Change]:
    """A part negated."""
    parent = line.tree.parent(node)
    operator = getattr(parent, "op", None) if isinstance(parent, ast.AugAssign) else None
    if isinstance(node, ast.UnaryOp) or isinstance(operator, ast.Add | ast.Sub):
        return  # of ``W -= …`` the operator is wrong
    if isinstance(parent, ast.BinOp) and (
        node is parent.right or not isinstance(parent.op, ast.Add | ast.Sub)
    ):
        return
    yield Change("sign", node, ast.UnaryOp(ast.USub(), node), 0.3 * line.depth(node))


def powers(line: Line, node: ast.expr) -> Iterator[Change]:
    """A square or a root forgotten, the likelier where it is divided by."""
    for part, under in factors(node):
        if number_of(part) is None and not isinstance(part, ast.Compare | ast.UnaryOp):
            extra = -0.3 if under and line.shape(part) != () else 0.5
            yield Change("power", part, made("_0 ** 2", part), extra)
        if isinstance(part, ast.BinOp) and isinstance(part.op, ast.Pow):
            power = number_of(part.right) or 0
            for factor in (power + 1, power):
                if factor > 1:
                    first = _first(node)
                    new = ast.BinOp(number(factor), ast.Mult(), first)
                    yield Change("insert number", first, new, 0.3)


def inserted_factors(line: Line, node: ast.expr) -> Iterator[Change]:
    """A product with one factor more."""
    shape, depth = line.shape(node), 0.4 * line.depth(node)
    parent = line.tree.parent(node)
    in_sum = isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Add | ast.Sub)
    small = in_sum and parent is not None and is_product(line.tree.parent(parent))
    if small:
        depth += 1.0
    for value in (2.0, 0.5, -0.5, -2.0, *line.words.constants):
        if value not in (0, 1, -1):
            factor = number(int(value) if value == int(value) else value)
            extra = depth + (0.0 if value in (2, 0.5) else 0.7)
            if line.is_update and 0 < value < 0.5 and value in line.words.constants:
                extra = depth - _RATE + 0.01  # behind a name of it
            first = _first(node)
            yield Change("insert number", first, ast.BinOp(factor, ast.Mult(), first), extra)
    sizes = {size for w in line.words.arrays for size in w.shape or ()}
    there = _texts(node)
    for word in line.words.numbers:
        if word.text in line.words.counters and isinstance(word.value, int):
            continue  # what a loop has counted to fits any number
        if not isinstance(word.value, int) or word.value >= 1:
            rare = 0.0 if word.is_size and word.value in sizes else 0.5
            rare += 0.3 if word.text in there else 0.0
            extra = depth + rare + (0.0 if word.here else 0.5)
            yield Change("divide by number", node, made("_0 / _1", node, word.copy()), extra)
            if line.is_update and is_rate(word.text):
                extra = depth - _RATE  # before a number that equals it
            yield Change("insert number", node, made("_0 * _1", node, word.copy()), extra)
        if isinstance(word.value, float) and 0 < word.value < 1:
            new = made("_0 / (1 - _1)", node, word.copy())
            yield Change("divide by number", node, new, depth + 0.5)
    for part in _numbers_of_others(line, there):
        yield Change("insert number", node, made("_0 * _1", copied(part), node), depth)
    for size, extra in _other_sizes(line):
        yield Change("divide by number", node, made("_0 / _1", node, size), depth + extra)
        yield Change("insert number", node, made("_0 * _1", node, size), depth + extra + 0.3)
    if node in line.roots:
        for factor, extra in _of_two(line, shape):
            product = "_1 * _0" if isinstance(factor, ast.Compare) else "_0 * _1"
            yield Change("insert factor", node, made(product, node, factor), extra)
    quantities = line.quantities(shape)
    if shape == () and all(word.shape != () for word in quantities):
        return
    if node in line.handed_on:
        return
    for word in quantities:
        if shape is None or word.shape is None or broadcasts(word.shape, shape):
            unread = word.text in line.words.unread
            rare = -0.7 if unread else 0.0 if word.here else 1.0
            rare += 0.5 if word.text in there else 0.0
            product = "_1 * _0" if isinstance(node, ast.Compare) else "_0 * _1"
            yield Change("insert factor", node, made(product, node, word.copy()), depth + rare)
            extra = depth + rare + 0.5
            if ast.unparse(node) == word.text:
                yield Change("constant", node, number(1), extra)
            elif not line.is_gradient(word):
                yield Change("insert factor", node, made("_0 / _1", node, word.copy()), extra)
        elif _is_of_rows(word, shape):
            new = made("_0 * _1", node, _in_column(word))
            yield Change("insert factor", node, new, depth + (0.5 if word.here else 1.0))
        elif broadcasts(shape, word.shape):
            extra = depth + 1.0
            yield Change("insert factor", node, made("_0 * _1", node, word.copy()), extra)
    if not small:
        for slope, extra in line.slopes(shape):
            new = ast.BinOp(node, ast.Mult(), slope)
            yield Change("insert slope", node, new, depth + extra)
            if is_product(slope):
                over = ast.BinOp(node, ast.Div(), copied(slope))
                yield Change("insert slope", node, over, depth + extra + 0.5)
    if isinstance(node, ast.BinOp) and number_of(node.left) == 1 and line.operand(node.right):
        for word in quantities:
            if line.is_gradient(word) and word.shape == shape:
                new = made("_0 * _1 * _2", word.copy(), copied(node.right), node)
                yield Change("insert factor", node, new, depth + 0.3)
    yield from _inserted_matrices(line, node, depth)


def _of_two(line: Line, shape: Shape | None) -> Iterator[tuple[ast.expr, float]]:
    """Factors of two operands: what one that is read nowhere differs from, or is equal to; or what
    outputs differ from targets by.
    """
    words = line.words
    for one in (word for word in words.arrays if word.text in words.unread):
        for other in (*words.arrays, *words.measures):
            if other is not one and _broadcast(one.shape, other.shape, shape) is not None:
                yield made("_0 - _1", one.copy(), other.copy()), -0.3
                yield made("_0 - _1", other.copy(), one.copy()), -0.3
                yield made("_0 == _1", one.copy(), other.copy()), 0.0
    names = [word for word in words.arrays if isinstance(word.node, ast.Name | ast.Attribute)]
    names = [word for word in names if shape and not line.is_gradient(word)]
    for one, other in permutations(names, 2):
        if one.here and one.shape == other.shape == _broadcast(one.shape, shape):
            yield made("_0 - _1", one.copy(), other.copy()), 0.6 + 0.3 * (not other.here)


def _broadcast(*shapes: Shape | None) -> Shape | None:
    """The shape of an operation on arrays; ``None`` where there is none."""
    try:
        return np.broadcast_shapes(*(shape for shape in shapes if shape is not None))
    except ValueError:
        return None


_RATE = 0.4
"""How much likelier than another factor a rate is missing where something is updated."""


def _numbers_of_others(line: Line, there: Collection[str]) -> list[ast.expr]:
    """The numbers that what other statements add is a product with, as these compute them: of
    ``db += -(2 / n) * e`` it is -(2 / n).
    """
    found = {
        ast.unparse(part): part
        for amount, _ in line.words.amounts
        for part, over in factors(amount)
        if isinstance(part, ast.BinOp | ast.UnaryOp) and not over and line.shape(part) == ()
    }
    return [part for text, part in found.items() if text not in there]


def divided_updates(line: Line) -> Iterator[Change]:
    """A factor that what is divided in place lacks: ``g *= mask / n`` for ``g /= n``."""
    match line.statement:
        case ast.AugAssign(target=target, op=ast.Div(), value=value):
            shape = line.shape(loaded(target))
            for word in line.words.arrays if shape else ():
                if word.shape == shape or _is_of_rows(word, shape):
                    factor = word.copy() if word.shape == shape else _in_column(word)
                    times = ast.BinOp(factor, ast.Div(), value)
                    new = ast.AugAssign(copied(target), ast.Mult(), times)
                    rare = 0.5 if word.here else 1.0
                    yield Change("insert factor", line.statement, new, rare)


def _is_of_rows(word: Word, shape: Shape | None) -> bool:
    """Whether an array has a number for each row of a matrix."""
    return shape is not None and len(shape) == 2 and word.shape == shape[:1]


def _in_column(word: Word) -> ast.expr:
    return made("_0[:, None]", word.copy())


def _first(node: ast.expr) -> ast.expr:
    """The first factor of a product, before which a number is written."""
    while is_product(node):
        assert isinstance(node, ast.BinOp)
        node = node.left
    return node


def _texts(node: ast.expr) -> set[str]:
    return {ast.unparse(part) for part, _ in factors(node)}


def _other_sizes(line: Line) -> Iterator[tuple[ast.expr, float]]:
    """Sizes of arrays that no name stands for, and products of two sizes."""
    numbers = [w for w in line.words.numbers if w.is_size and w.text not in line.words.counters]
    known = {int(w.value) for w in numbers}
    for i, one in enumerate(numbers):
        for two in numbers[i + 1 :]:
            if any(one.value * two.value == w.size for w in line.words.arrays):
                yield made("_0 * _1", one.copy(), two.copy()), 0.5
    kinds = ast.Name | ast.Attribute
    here = [w for w in line.words.arrays if w.here and w.shape and isinstance(w.node, kinds)]
    here.sort(key=lambda w: (len(w.shape or ()) < 2, w.text in line.words.handed))
    for axis in (0, 1):  # that of the batch comes before that of columns of the same number
        for word in here:
            size = (*(word.shape or ()), 0, 0)[axis]
            if size > 1 and size not in known:
                known.add(size)
                yield made(f"_0.shape[{axis}]", word.copy()), 0.2 + 0.3 * axis
    for word in here:
        if len(word.shape or ()) > 1 and word.size not in known:
            known.add(word.size)
            yield made("_0.size", word.copy()), 0.8


def _inserted_matrices(line: Line, node: ast.expr, depth: float) -> Iterator[Change]:
    """A product with one matrix more."""
    shape = line.shape(node)
    parent = line.tree.parent(node)
    in_product = isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.MatMult)
    if shape is None or len(shape) < 2 or isinstance(parent, ast.Attribute) or in_product:
        return
    for word in line.words.arrays:
        if word.shape is None or len(word.shape) != 2 or not word.here:
            continue
        for template, left, right in (
            ("_0, _1.T", shape, word.shape[::-1]),
            ("_1.T, _0", word.shape[::-1], shape),
            ("_0, _1", shape, word.shape),
            ("_1, _0", word.shape, shape),
        ):
            if meets(left, right):
                sides = [made(side, node, word.copy()) for side in template.split(", ")]
                new = made(line.words.matrix_product, *sides)
                yield Change("insert matrix", node, new, depth + 0.3 * (".T" not in template))


def exchanged_factors(line: Line, node: ast.expr) -> Iterator[Change]:
    """The factors of a product that are local derivatives: exchanged, lost or multiplied twice."""
    parts = factors(node)
    for i, (part, under) in enumerate(parts):
        matrix = isinstance(part, ast.BinOp) and isinstance(part.op, ast.MatMult)
        word = line.operand(part)
        if matrix or not (line.is_array(part) or word in line.quantities(())):
            continue
        slopes = [] if word and line.is_gradient(word) else line.slopes(line.shape(part))
        for slope, extra in slopes:
            yield Change("slope", part, slope, extra + (0.5 if len(parts) == 1 else 0.0))
        if len(parts) > 1 and not under:
            new = ast.BinOp(node, ast.Mult(), copied(part))
            yield Change("insert factor", node, new, 0.7, part)
        for j, (other, under_too) in enumerate(parts):
            if i != j and under == under_too and _one_minus(other, part):
                yield from _exchanged_pair(line, node, i, j)
            alike = line.tree.key(part) == line.tree.key(other)
            if i < j and alike and not under and not under_too:
                yield _without_one(node, i, j)


def _one_minus(part: ast.expr, other: ast.expr) -> bool:
    """Whether a factor is one minus something of the kind that another is."""
    return (
        isinstance(part, ast.BinOp)
        and isinstance(part.op, ast.Sub)
        and number_of(part.left) == 1
        and isinstance(part.right, type(other))
    )


def _without_one(node: ast.expr, i: int, j: int) -> Change:
    """``(1 - a * a)``, of which ``a * a`` is left."""
    parts = factors(node)
    slope = made("1 - _0 * _0", parts[i][0])
    rest = [part for k, part in enumerate(parts) if k not in (i, j)]
    pairs = (n for n in ast.walk(node) if isinstance(n, ast.BinOp) and n.right is parts[j][0])
    mark = next((pair for pair in pairs if pair.left is parts[i][0]), node)
    return Change("slope", node, product([(slope, False), *rest]), 0.0, mark, slope)


def _exchanged_pair(line: Line, node: ast.expr, i: int, j: int) -> Iterator[Change]:
    """``a * (1 - a)`` lost, exchanged for another slope, divided by, or a softmax's derivative."""
    parts = factors(node)
    pair, under = parts[min(i, j)]
    rest = [part for k, part in enumerate(parts) if k not in (i, j)]
    if rest:
        yield Change("drop slope", node, product(rest), 0.0, pair)
        slope = made("_0 * _1", parts[i][0], parts[j][0])
        new = product([*rest, (slope, not under)])
        yield Change("operator", node, new, 0.3, pair, slope)
    for slope, extra in line.slopes(line.shape(pair)):
        yield Change("slope", node, product([*rest, (slope, under)]), extra, pair, slope)
    if len(rest) == 1 and not under and not rest[0][1]:
        softmax = "_0 * (_1 - (_1 * _0).sum(axis=-1, keepdims=True))"
        yield Change("slope", node, made(softmax, parts[i][0], rest[0][0]), 0.7)
