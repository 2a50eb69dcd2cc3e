"""Edits of a line that adds nothing: what should be added there."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autograd_mini.check.lines.line import Change, Line
from autograd_mini.check.lines.syntax import (
    adds_nothing,
    copied,
    factors,
    leaves_as_it_is,
    made,
    only_names,
    with_part,
)
from autograd_mini.check.lines.terms import matrix_products
from autograd_mini.check.lines.values import Shape
from autograd_mini.check.lines.words import Word


def insertions(line: Line) -> Iterator[Change]:
    """All of a term, in the place of which 0 is added, or nothing, ``b = b`` or ``new = b``: an
    array, its sum, a product of matrices, as a factor of what another statement adds, or times a
    rate; or what another adds, without one factor, with another one or with one more.
    """
    statement = line.statement
    is_left = leaves_as_it_is(statement) or only_names(statement)
    if not is_left and not adds_nothing(statement):
        return
    (zero,), (target,) = line.roots, line.targets
    shape = line.shape(zero if is_left else target)
    minus = isinstance(getattr(statement, "op", None), ast.Sub)

    def change(term: ast.expr, subtracts: bool, extra: float) -> Change:
        if is_left:
            term = ast.BinOp(zero, ast.Sub() if subtracts else ast.Add(), term)
        elif subtracts != minus:
            term = ast.UnaryOp(ast.USub(), term)
        return Change("insert term", zero, term, extra)

    for amount, subtracts in line.words.amounts if shape == () else ():
        for varied, extra in _varied(line, amount):
            yield change(varied, subtracts, extra)
    for product in _products(line) if shape == () and not is_left else ():
        yield change(product, minus, 0.3)
    arrays = [] if shape in (None, ()) else list(_arrays(line, target, shape or ()))
    for amount, subtracts in line.words.amounts if arrays else ():
        several = [part for part, _ in factors(amount) if line.shape(part) != ()]
        for term, extra in arrays if len(several) == 1 else ():
            yield change(with_part(amount, several[0], term), subtracts, extra)
    for term, extra in arrays:
        if not is_left:
            yield change(term, minus, extra)
        for rate in line.rates:
            yield change(made("_0 * _1", copied(rate), term), minus or is_left, extra)


def _varied(line: Line, amount: ast.expr) -> Iterator[tuple[ast.expr, float]]:
    """A product of numbers as it is, without one of its factors, with another one, and with one
    more.
    """
    yield amount, 0.0
    parts = {part for part, over in factors(amount) if not over}
    for node in ast.walk(amount):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            for part, rest in ((node.left, node.right), (node.right, node.left)):
                if part in parts:
                    yield with_part(amount, node, rest), 0.0
    for part in parts:
        word = line.operand(part)
        for other in line.words.numbers if word else ():
            if other.here and not other.is_size and other.text != ast.unparse(part):
                yield with_part(amount, part, other.copy()), 0.3
    for word in line.words.measures:
        if word.here and word.text not in map(ast.unparse, parts):
            yield made("_0 * _1", word.copy(), amount), 0.3


def _products(line: Line) -> Iterator[ast.expr]:
    """The products of a gradient and another number, as a neuron hands back."""
    for word in line.words.measures:
        for other in line.words.measures if line.is_gradient(word) else ():
            if not line.is_gradient(other):
                yield made("_0 * _1", other.copy(), word.copy())


def _arrays(line: Line, target: ast.expr, shape: Shape) -> Iterator[tuple[ast.expr, float]]:
    """The arrays, their sums and the products of matrices of a shape."""
    words = [w for w in line.words.arrays if w.here or isinstance(w.node, ast.Subscript)]
    for word in words:
        if ast.unparse(target) == word.text or word.shape is None:
            continue
        for term in _terms(line, word, shape, words):
            yield term, 0.0 if line.is_gradient(word) else 0.3


def _terms(line: Line, word: Word, shape: Shape, words: list[Word]) -> Iterator[ast.expr]:
    if word.shape == shape:
        yield word.copy()
    if word.shape and word.shape[1:] == shape:
        yield made("_0.sum(axis=0)", word.copy())
    yield from matrix_products(line, word, shape, words)
