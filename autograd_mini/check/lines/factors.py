"""Edits of products and sums: factors and terms, signs and powers, lost or too many."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autograd_mini.check.lines.line import Change, Line, is_product, meets, unlike
from autograd_mini.check.lines.syntax import copied, factors, made, number, number_of
from autograd_mini.check.lines.words import Word, broadcasts


def changes(line: Line) -> Iterator[Change]:
    """All edits of a line's products and sums."""
    for node in line.nodes:
        if not is_product(line.tree.parent(node)):
            yield from exchanged_factors(line, node)
    for node in line.places:
        yield from signs(line, node)
        yield from inserted_factors(line, node)
        yield from powers(line, node)
    for node in line.summed:
        yield from inserted_terms(line, node)


# Factors


def signs(line: Line, node: ast.expr) -> Iterator[Change]:
    """A part negated."""
    parent = line.tree.parent(node)
    if isinstance(node, ast.UnaryOp):
        return
    if isinstance(parent, ast.BinOp) and (
        node is parent.right or not isinstance(parent.op, ast.Add | ast.Sub)
    ):
        return
    yield Change("sign", node, ast.UnaryOp(ast.USub(), node), 0.3 * line.depth(node))


def powers(line: Line, node: ast.expr) -> Iterator[Change]:
    """A square or a root forgotten."""
    for part, _ in factors(node):
        if number_of(part) is None and not isinstance(part, ast.Compare | ast.UnaryOp):
            yield Change("power", part, made("_0 ** 2", part), 0.5)


def inserted_factors(line: Line, node: ast.expr) -> Iterator[Change]:
    """A product with one factor more."""
    shape, depth = line.shape(node), 0.4 * line.depth(node)
    parent = line.tree.parent(node)
    in_sum = isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Add | ast.Sub)
    small = in_sum and parent is not None and is_product(line.tree.parent(parent))
    if small:
        depth += 1.0
    for value in (2.0, 0.5, *line.words.constants):
        if value > 0 and value != 1:
            factor = number(int(value) if value == int(value) else value)
            extra = depth + (0.0 if value in (2, 0.5) else 0.7)
            yield Change("insert number", node, ast.BinOp(factor, ast.Mult(), node), extra)
    sizes = {size for w in line.words.arrays for size in w.shape or ()}
    for word in line.words.numbers:
        if not isinstance(word.value, int) or word.value >= 1:
            rare = 0.0 if word.is_size and word.value in sizes else 0.5
            extra = depth + rare + (0.0 if word.here else 0.5)
            yield Change("divide by number", node, made("_0 / _1", node, word.copy()), extra)
            yield Change("insert number", node, made("_0 * _1", node, word.copy()), extra)
    for size, extra in _other_sizes(line):
        yield Change("divide by number", node, made("_0 / _1", node, size), depth + extra)
        yield Change("insert number", node, made("_0 * _1", node, size), depth + extra + 0.3)
    if shape == ():
        return
    for word in line.words.arrays:
        if shape is None or word.shape is None or broadcasts(word.shape, shape):
            rare = 0.0 if word.here else 1.0
            rare += 0.5 if word.text in _texts(node) else 0.0
            yield Change("insert factor", node, made("_0 * _1", node, word.copy()), depth + rare)
            if not line.is_gradient(word):
                extra = depth + rare + 0.5
                yield Change("insert factor", node, made("_0 / _1", node, word.copy()), extra)
        elif broadcasts(shape, word.shape):
            extra = depth + 1.0
            yield Change("insert factor", node, made("_0 * _1", node, word.copy()), extra)
    if not small:
        for slope, extra in line.slopes(shape):
            new = ast.BinOp(node, ast.Mult(), slope)
            yield Change("insert slope", node, new, depth + extra)
    yield from _inserted_matrices(line, node, depth)


def _texts(node: ast.expr) -> set[str]:
    return {ast.unparse(part) for part, _ in factors(node)}


def _other_sizes(line: Line) -> Iterator[tuple[ast.expr, float]]:
    """Sizes of arrays that no name stands for, and products of two sizes."""
    numbers = [w for w in line.words.numbers if w.is_size]
    known = {int(w.value) for w in numbers}
    for i, one in enumerate(numbers):
        for two in numbers[i + 1 :]:
            if any(one.value * two.value == w.value.size for w in line.words.arrays):
                yield made("_0 * _1", one.copy(), two.copy()), 0.5
    for word in line.words.arrays:
        if word.here and word.shape and isinstance(word.node, ast.Name):
            for axis, size in enumerate(word.shape[:2]):
                if size > 1 and size not in known:
                    known.add(size)
                    yield made(f"_0.shape[{axis}]", word.copy()), 0.2 + 0.3 * axis
            size = word.value.size
            if len(word.shape) > 1 and size not in known:
                known.add(size)
                yield made("_0.size", word.copy()), 0.8


def _inserted_matrices(line: Line, node: ast.expr, depth: float) -> Iterator[Change]:
    """A product with one matrix more."""
    shape = line.shape(node)
    parent = line.tree.parent(node)
    if shape is None or len(shape) != 2 or isinstance(parent, ast.Attribute):
        return
    for word in line.words.arrays:
        if word.shape is None or len(word.shape) != 2 or not word.here:
            continue
        for template, left, right in (
            ("_0 @ _1.T", shape, word.shape[::-1]),
            ("_1.T @ _0", word.shape[::-1], shape),
            ("_0 @ _1", shape, word.shape),
            ("_1 @ _0", word.shape, shape),
        ):
            if meets(left, right):
                new = made(template, node, word.copy())
                yield Change("insert matrix", node, new, depth + 0.3 * (".T" not in template))


def exchanged_factors(line: Line, node: ast.expr) -> Iterator[Change]:
    """The factors of a product that are local derivatives: exchanged, lost or multiplied twice."""
    parts = factors(node)
    for i, (part, under) in enumerate(parts):
        matrix = isinstance(part, ast.BinOp) and isinstance(part.op, ast.MatMult)
        if matrix or not line.is_array(part):
            continue
        for slope, extra in line.slopes(line.shape(part)):
            yield Change("slope", part, slope, extra + (0.5 if len(parts) == 1 else 0.0))
        if len(parts) > 1 and not under:
            new = ast.BinOp(node, ast.Mult(), copied(part))
            yield Change("insert factor", node, new, 0.7, part)
        for j, (other, under_too) in enumerate(parts):
            if i != j and not under and not under_too and _one_minus(other, part):
                yield from _exchanged_pair(line, node, i, j)


def _one_minus(part: ast.expr, other: ast.expr) -> bool:
    """Whether a factor is one minus something of the kind that another is."""
    return (
        isinstance(part, ast.BinOp)
        and isinstance(part.op, ast.Sub)
        and number_of(part.left) == 1
        and isinstance(part.right, type(other))
    )


def _exchanged_pair(line: Line, node: ast.expr, i: int, j: int) -> Iterator[Change]:
    """``a * (1 - a)`` lost, or exchanged for the derivative of another activation."""
    parts = factors(node)
    pair, rest = parts[min(i, j)][0], [part for k, part in enumerate(parts) if k not in (i, j)]
    if rest:
        yield Change("drop slope", node, product(rest), 0.0, pair)
    for slope, extra in line.slopes(line.shape(pair)):
        yield Change("slope", node, product([*rest, (slope, False)]), extra, pair, slope)


def product(parts: list[tuple[ast.expr, bool]]) -> ast.expr:
    """A product of factors, each with whether it is divided by."""
    (first, under), *rest = parts
    result = made("1 / _0", first) if under else first
    for part, divided in rest:
        result = ast.BinOp(result, ast.Div() if divided else ast.Mult(), part)
    return result


# Terms


def inserted_terms(line: Line, node: ast.expr) -> Iterator[Change]:
    """A sum with one term more."""
    shape = line.shape(node)
    if shape == ():
        return
    whole = node in line.roots
    depth = 0.4 * line.depth(node)
    same = [w for w in line.words.arrays if shape is None or w.shape == shape]
    for word in line.words.arrays:
        if shape is None or word.shape is None or broadcasts(word.shape, shape):
            likely = line.is_gradient(word) or "next" in word.text
            extra = depth + (0.0 if likely else 0.5) + (0.0 if word.here else 0.7)
            extra += 0.0 if word.shape == shape else 0.5
            yield Change("insert term", node, made("_0 + _1", node, word.copy()), extra)
            yield Change("insert term", node, made("_0 - _1", node, word.copy()), extra + 0.3)
    if not whole and not isinstance(line.tree.parent(node), ast.Dict | ast.Call):
        return
    yield from _regularisation(line, node, same, depth)
    if whole:
        yield from _other_terms(line, node, same)


def _regularisation(line: Line, node: ast.expr, same: list[Word], depth: float) -> Iterator[Change]:
    """The gradient of a penalty on a parameter left out."""
    weights = [w for w in same if not line.is_gradient(w)]
    floats = [w for w in line.words.numbers if isinstance(w.value, float)]
    sizes = [w for w in line.words.numbers if w.is_size]
    for word in weights:
        for rate in floats:
            parts = rate.copy(), word.copy()
            extra = depth + (0.0 if rate.here else 0.5)
            yield Change("insert penalty", node, made("_0 + _1 * _2", node, *parts), extra)
            yield Change(
                "insert penalty", node, made("_0 + 2 * _1 * _2", node, *parts), extra + 0.3
            )
            for size in sizes:
                new = made("_0 + _1 / _3 * _2", node, *parts, size.copy())
                yield Change("insert penalty", node, new, extra + 0.7)
        for constant in line.words.constants:
            if constant not in (0, 1, -1):
                new = made("_0 + _1 * _2", node, number(constant), word.copy())
                yield Change("insert penalty", node, new, depth + 1.0)


def _other_terms(line: Line, node: ast.expr, same: list[Word]) -> Iterator[Change]:
    """Products and reductions of names at hand as one more term."""
    shape = line.shape(node)
    for part in [n for n in ast.walk(node) if isinstance(n, ast.expr)]:
        word = line.operand(part)
        if word is None or not word.shape:
            continue
        for other in line.words.arrays:
            if other.shape == word.shape and other.text != word.text and other.here:
                term = _with(node, part, other.copy())
                new = ast.BinOp(node, ast.Add(), term)
                yield Change("insert term", node, new, 2.0 + unlike(word.text, other.text))
    if shape is not None and len(shape) == 2:
        matrices = [(w, w.shape) for w in line.words.arrays if w.shape and w.here]
        matrices = [(w, of) for w, of in matrices if len(of) == 2]
        for one, rows in matrices:
            for two, columns in matrices:
                for template, left, right in (
                    ("_1.T @ _2", rows[::-1], columns),
                    ("_1 @ _2.T", rows, columns[::-1]),
                    ("_1 @ _2", rows, columns),
                ):
                    if meets(left, right) and (left[0], right[1]) == shape:
                        added = made(f"_0 + {template}", node, one.copy(), two.copy())
                        yield Change("insert term", node, added, 2.5)
    for one in same:
        for two in same:
            if one.here and two.here and one.text <= two.text and one.shape is not None:
                for sign in "+-":
                    added = made(f"_0 {sign} _1 * _2", node, one.copy(), two.copy())
                    yield Change("insert term", node, added, 2.5)


def _with(tree: ast.expr, old: ast.AST, new: ast.expr) -> ast.expr:
    """A copy of an expression with one part exchanged."""

    def rebuilt(node: object) -> object:
        if node is old:
            return new
        if isinstance(node, list):
            return [rebuilt(each) for each in node]
        if isinstance(node, ast.AST):
            return type(node)(**{name: rebuilt(v) for name, v in ast.iter_fields(node)})
        return node

    copy = rebuilt(tree)
    assert isinstance(copy, ast.expr)
    return copy
