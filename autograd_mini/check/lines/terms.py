"""Edits of sums: a term left out."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from autograd_mini.check.lines.formulas import sides
from autograd_mini.check.lines.line import (
    Change,
    Line,
    is_matrix_product,
    is_product,
    later,
    meets,
    unlike,
)
from autograd_mini.check.lines.syntax import (
    copied,
    factors,
    made,
    number,
    terms,
    with_part,
)
from autograd_mini.check.lines.values import Shape, broadcasts
from autograd_mini.check.lines.words import Word


def insertions(line: Line) -> Iterator[Change]:
    """All terms that a line's sums may lack."""
    for node in line.summed:
        shape, depth = line.shape(node), 0.4 * line.depth(node)
        yield from names(line, node, depth)
        if shape == ():
            continue
        yield from stabilisers(line, node, depth)
        yield from centred(line, node, depth)
        around = line.tree.parent(node)
        match around:
            case ast.BinOp(left=left, op=ast.Div()) if around in line.roots and node is left:
                yield from paths(line, node, depth)
        if node in line.roots or isinstance(around, ast.Dict):
            yield from penalties(line, node, depth)
            yield from paths(line, node, depth)
        if node in line.roots:
            yield from another_product(line, node)
            yield from similar(line, node)
            yield from complements(line, node)
            if not line.is_backward:
                yield from products(line, node)


def _likely(line: Line, word: Word) -> float:
    """How unlikely a word is to be what was left out: what nobody reads is likely."""
    if word.text in line.words.unread:
        return -0.7
    likely = line.is_gradient(word) or "next" in word.text
    return (0.0 if likely else 0.5) + (0.0 if word.here else 0.7)


def names(line: Line, node: ast.expr, depth: float) -> Iterator[Change]:
    """A name at hand as one term more."""
    shape = line.shape(node)
    for word in line.words.measures if shape == () else line.words.arrays:
        if shape is None or word.shape is None or broadcasts(word.shape, shape):
            extra = depth + _likely(line, word) + (0.0 if word.shape == shape else 0.5)
            yield Change("insert term", node, later("_0 + _1", node, word), extra)
            yield Change("insert term", node, later("_0 - _1", node, word), extra + 0.3)
        elif node in line.roots and line.is_gradient(word) and broadcasts(shape, word.shape):
            extra = _likely(line, word)  # of what is left each row, or column, is the same
            yield Change("insert term", node, later("_1 + _0", node, word), extra)


def stabilisers(line: Line, node: ast.expr, depth: float) -> Iterator[Change]:
    """A small number at hand that is added to what is divided by, or a root or logarithm of."""
    call = line.tree.parent(node)
    if not isinstance(call, ast.Call) and not is_product(call):
        return
    for word in line.words.numbers:
        if isinstance(word.value, float) and 0 < word.value < _SMALL:
            extra = depth + (-0.7 if word.text in line.words.unread else 0.3)
            yield Change("insert term", node, later("_0 + _1", node, word), extra)


_SMALL = 1e-2


def penalties(line: Line, node: ast.expr, depth: float) -> Iterator[Change]:
    """The gradient of a penalty on a parameter left out."""
    shape = line.shape(node)
    there = {ast.unparse(part) for term, _ in terms(node) for part, _ in factors(term)}
    floats = [w for w in line.words.numbers if isinstance(w.value, float)]
    sizes = [w for w in line.words.numbers if w.is_size]
    for word in line.words.arrays:
        if line.is_gradient(word) or (shape is not None and word.shape != shape):
            continue
        again = 1.0 if word.text in there else 0.0  # its factor is wrong rather than it is missing
        for rate in floats:
            parts = node, rate, word
            extra = depth + again + (0.0 if rate.here else 0.5)
            yield Change("insert penalty", node, later("_0 + _1 * _2", *parts), extra)
            yield Change("insert penalty", node, later("_0 + 2 * _1 * _2", *parts), extra + 0.3)
            for size in sizes[:2]:
                new = later("_0 + _1 / _3 * _2", *parts, size)
                yield Change("insert penalty", node, new, extra + 0.7)
        for size in sizes:
            extra = depth + again + (0.5 if size.here and word.here else 1.0)
            yield Change("insert penalty", node, later("_0 + _1 / _2", node, word, size), extra)
        for constant in line.words.constants:
            if constant not in (0, 1, -1):
                new = later("_0 + _1 * _2", node, number(constant), word)
                yield Change("insert penalty", node, new, depth + again + 1.0)


def paths(line: Line, node: ast.expr, depth: float) -> Iterator[Change]:
    """The share of another gradient left out: ``g / n``, ``2 * x * g / n``, ``g @ w.T``."""
    shape, inside = line.shape(node), {ast.unparse(n) for n in ast.walk(node)}
    sizes = [w for w in line.words.numbers if w.is_size]
    for word in line.words.arrays:
        unread = word.text in line.words.unread
        reduced = word.shape != shape
        if word.text in inside or shape is None or not (unread or line.is_gradient(word)):
            continue
        alone = line.operand(node) is not None  # a copy of a gradient rather lacks something
        extra = depth + (-1.0 if unread else -0.4 if alone else 0.3)
        if broadcasts(word.shape or (), shape):
            for size in sizes if reduced else ():
                new = later("_0 + _1 / _2", node, word, size)
                yield Change("insert term", node, new, extra + 0.3)
            for other in line.words.arrays:
                if other.shape == shape and not line.is_gradient(other) and other is not word:
                    parts = node, word, other
                    for template in ("_0 + _2 * _1", "_0 + 2 * _2 * _1"):
                        yield Change("insert term", node, later(template, *parts), extra + 0.5)
                        for size in sizes if reduced else ():
                            new = later(f"{template} / _3", *parts, size)
                            yield Change("insert term", node, new, extra + 0.7)
        for product in matrix_products(line, word, shape):
            yield Change("insert term", node, ast.BinOp(node, ast.Add(), product), extra + 0.5)
        if word.shape == shape:
            yield from _steep_terms(line, node, word, shape, extra)
        if word.shape and len(word.shape) == len(shape) + 1 and word.shape[1:] == shape:
            yield Change("insert term", node, later("_0 + _1.sum(axis=0)", node, word), extra)


def another_product(line: Line, node: ast.expr) -> Iterator[Change]:
    """One more of the matrix products that a sum consists of, of two names that it lacks."""
    shape, every = line.shape(node), [term for term, _ in terms(node)]
    if len(every) < 2 or not shape or not all(map(is_matrix_product, every)):
        return
    inside = {ast.unparse(n) for n in ast.walk(node)}
    words = [w for w in line.words.arrays if w.here and w.text not in inside]
    forms = set(map(_transposed, every))
    for word in words:
        for product in matrix_products(line, word, shape, words):
            new = ast.BinOp(node, ast.Add(), product)
            yield Change("insert term", node, new, 0.5 if _transposed(product) in forms else 0.8)


def _transposed(product: ast.expr) -> tuple[bool, ...]:
    """Which sides of a matrix product are transposed."""
    return tuple(isinstance(s, ast.Attribute) and s.attr == "T" for s in sides(product))


def _steep_terms(
    line: Line, node: ast.expr, word: Word, shape: Shape, extra: float
) -> Iterator[Change]:
    """A gradient times the slope of an activation, and times one more array at hand."""
    here = (w for w in line.words.arrays if w.shape == shape and w.here)
    others = [word for word in here if not line.is_gradient(word)]
    for slope, far in line.slopes(shape):
        new = later("_0 + _1 * _2", node, word, slope)
        yield Change("insert term", node, new, extra + 0.3 + far)
        for other in others:
            new = later("_0 + _1 * _2 * _3", node, word, other, slope)
            yield Change("insert term", node, new, extra + 0.7 + far)


def matrix_products(
    line: Line, word: Word, shape: Shape, others: Sequence[Word] = ()
) -> Iterator[ast.expr]:
    """The products of a shape that a word has with another that is a matrix."""
    if not word.shape:
        return
    for other in others or [each for each in line.words.arrays if each.here]:
        if other.shape is None or len(other.shape) != 2 or other is word:
            continue
        for template, left, right in (
            ("_0, _1.T", word.shape, other.shape[::-1]),
            ("_1.T, _0", other.shape[::-1], word.shape),
            ("_0.T, _1", word.shape[::-1], other.shape),
            ("_0, _1", word.shape, other.shape),
            ("_1, _0", other.shape, word.shape),
        ):
            if len(word.shape) < 2 and "_0.T" in template:
                continue
            if meets(left, right) and (*left[:-1], *right[1:][-1:]) == shape:
                sides = [made(t, word.copy(), other.copy()) for t in template.split(", ")]
                yield made(line.words.matrix_product, *sides)


def centred(line: Line, node: ast.expr, depth: float) -> Iterator[Change]:
    """What softmax and normalisations subtract: a sum or mean of what stands there already."""
    shape, first = line.shape(node), terms(node)[0][0]
    part = next((f for f, _ in factors(first) if line.operand(f) and line.is_array(f)), None)
    if part is None or not shape or len(shape) > 3 or line.shape(part) != shape:
        return
    for axis in dict.fromkeys(("-1", "0")):
        options = f"axis={axis}, keepdims=True"
        for name in ("sum", "mean"):
            new = later(f"_0 - _1.{name}({options})", node, copied(part))
            yield Change("insert term", node, new, depth + 0.7)
            for word in line.words.arrays:
                if word.shape == shape and not line.is_gradient(word):
                    parts = node, copied(part), word
                    sum_ = f"(_1 * _2).{name}({options})"
                    yield Change("insert term", node, later(f"_0 - {sum_}", *parts), depth + 0.7)
                    new = later(f"_0 - _2 * {sum_}", *parts)
                    yield Change("insert term", node, new, depth + 1.0)


def similar(line: Line, node: ast.expr) -> Iterator[Change]:
    """A term like one that is there, of another name."""
    for term, _ in terms(node):
        for part in ast.walk(term):
            word = line.operand(part)
            if word is None or not word.shape or not isinstance(part, ast.expr):
                continue
            for other in line.words.arrays:
                if other.shape == word.shape and other.text != word.text and other.here:
                    added = with_part(term, part, other.copy())
                    new = ast.BinOp(node, ast.Add(), added)
                    extra = 1.0 + unlike(word.text, other.text)
                    yield Change("insert term", node, new, extra)


def complements(line: Line, node: ast.expr) -> Iterator[Change]:
    """The same for the other class: ``(1 - t) / (1 - y)`` beside ``-t / y``."""
    operands = [n for n in ast.walk(node) if line.operand(n) and isinstance(n, ast.expr)]
    if len(terms(node)) > 1 or not 1 < len(operands) < 5:
        return
    other: ast.expr = copied(node)
    for text in dict.fromkeys(ast.unparse(n) for n in operands if line.is_array(n)):
        for part in [n for n in ast.walk(other) if isinstance(n, ast.Name) and n.id == text]:
            other = with_part(other, part, made("1 - _0", copied(part)))
    if isinstance(other, ast.UnaryOp):
        other = other.operand
    for sign, extra in ((ast.Add(), 0.5), (ast.Sub(), 0.7)):
        yield Change("insert term", node, ast.BinOp(node, sign, copied(other)), extra)
    negated = isinstance(node, ast.BinOp) and isinstance(node.left, ast.UnaryOp)
    if negated and isinstance(other, ast.BinOp) and isinstance(other.left, ast.UnaryOp):
        positive = ast.BinOp(other.left.operand, other.op, other.right)
        yield Change("insert term", node, ast.BinOp(node, ast.Add(), positive), 0.5)


def products(line: Line, node: ast.expr) -> Iterator[Change]:
    """Elementwise products of two names at hand, and matrix products, as one term more."""
    shape = line.shape(node)
    if shape is None:
        return
    same = [w for w in line.words.arrays if w.shape == shape and w.here]
    for i, one in enumerate(same):
        for two in same[i:]:
            parts = node, one.copy(), two.copy()
            yield Change("insert term", node, made("_0 + _1 * _2", *parts), 1.5)
            yield Change("insert term", node, made("_0 - _1 * _2", *parts), 1.7)
    for word in line.words.arrays:
        if word.here and not line.is_gradient(word):
            for product in matrix_products(line, word, shape):
                yield Change("insert term", node, ast.BinOp(node, ast.Add(), product), 1.5)
