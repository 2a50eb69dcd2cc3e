"""A formula that was written from the recorded loss, in the words of the line that it replaces."""

from __future__ import annotations

import ast
import contextlib
import math
import operator
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np

from autograd_mini.check.lines.candidates import calls_users
from autograd_mini.check.lines.syntax import copied, factors, made, number_of, product, terms
from autograd_mini.check.lines.values import value_of
from autograd_mini.check.lines.words import Words
from autograd_mini.typing import Array, Operand

_MOST = 3
"""How many factors one part of the user's line stands for, at the most."""


def in_own_words(formula: ast.expr, statement: ast.stmt, words: Words) -> ast.expr:
    """A formula in which parts of a statement stand for what is as much, names for numbers that
    they stand for, and of several numbers in a product one.

    >>> from autograd_mini.check.lines.words import words_of
    >>> values = {"np": np, "a": np.array([0.5, 0.2]), "z": np.log([1.0, 0.25])}
    >>> values["g"] = np.array([3.0, 2.0])
    >>> line = ast.parse("d = 1 - a").body[0]
    >>> formula = ast.parse("2 * g * 0.5 * a * np.exp(-z) / (1 + np.exp(-z))", mode="eval").body
    >>> ast.unparse(in_own_words(formula, line, words_of(line, values)))
    'g * a * (1 - a)'
    """
    written: ast.expr = _Own(statement, words).visit(copied(formula))
    return written


class _Joined(NamedTuple):
    """How parts make a whole, and what those are that are divided by, or subtracted."""

    whole: Callable[[list[Array]], Operand]
    inverse: Callable[[Array], Array]


Parts = list[tuple[ast.expr, bool]]


class _Own(ast.NodeTransformer):
    """Puts parts of a statement in the place of products and sums of the same number."""

    def __init__(self, statement: ast.stmt, words: Words) -> None:
        self._words = words
        self._parts = list(self._parts_of(statement))
        self._names: dict[float, ast.expr] = {}
        for word in words.numbers:
            if word.here and word.text not in words.counters:
                self._names.setdefault(float(word.value), word.node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        if isinstance(node.op, ast.Add | ast.Sub):
            several = [(self.visit(part), minus) for part, minus in terms(node)]
            return _sum(self._shortened(several, _Joined(sum, operator.neg)))
        if not isinstance(node.op, ast.Mult | ast.Div):
            self.generic_visit(node)
            return node
        parts = [(self.visit(part), under) for part, under in factors(node)]
        count, rest = 1.0, []
        for part, under in parts:
            value = number_of(part)
            if value is None:
                rest.append((part, under))
            elif value:
                count = count / value if under else count * value
        return self._times(count, self._shortened(rest, _Joined(math.prod, np.reciprocal)))

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        value = number_of(node)
        if value is None or value == int(value) or value == 0.5:
            return node
        return copied(self._names[value]) if value in self._names else node

    def _times(self, count: float, rest: Parts) -> ast.expr:
        """A product of a number and what is none."""
        divisor = self._words.sizes.get(round(1 / abs(count))) if 0 < abs(count) < 0.5 else None
        if divisor is not None and abs(count) * divisor.value == 1:
            rest, count = [*rest, (divisor.copy(), True)], np.sign(count)
        if not rest or rest[0][1] or abs(count) != 1:
            whole = int(abs(count)) if count == int(count) else abs(count)
            rest = [(self.visit_Constant(ast.Constant(whole)), False), *rest]
        written = product(rest)
        return made("-_0", written) if count < 0 else written

    def _shortened(self, parts: Parts, joined: _Joined) -> Parts:
        """Factors, or terms, of which several that are as much as a part of the statement are that
        part.
        """
        try:
            values = [np.asarray(self._value(part), float) for part, _ in parts]
        except Exception:  # it cannot be computed where the statement stands
            return parts
        sizes = [len(ast.unparse(part)) for part, _ in parts]
        choices = [
            several
            for count in range(1, _MOST + 1)
            for several in combinations(range(len(parts)), count)
        ]
        for several in sorted(choices, key=lambda every: (-sum(sizes[i] for i in every), every)):
            with np.errstate(all="ignore"):
                each = [joined.inverse(values[i]) if parts[i][1] else values[i] for i in several]
                value = np.asarray(joined.whole(each))
            part = self._same(value, [parts[i] for i in several])
            if part is not None:
                rest = [parts[i] for i in range(len(parts)) if i not in several]
                before = sum(i not in several for i in range(several[0]))
                return [*rest[:before], (copied(part), False), *rest[before:]]
        return parts

    def _parts_of(self, statement: ast.stmt) -> Iterator[tuple[ast.expr, Array]]:
        """What a statement computes on its way, the larger first."""
        for node in ast.walk(statement):
            if not isinstance(node, ast.BinOp | ast.Call | ast.Compare):
                continue
            value = value_of(node, self._words.values)
            if not isinstance(value, np.ndarray | float) or not np.any(np.asarray(value) != 1):
                continue
            if calls_users(node):  # of which the shape alone is known
                with contextlib.suppress(Exception):
                    yield node, np.asarray(self._value(node), float)
            else:
                yield node, np.asarray(value)

    def _value(self, part: ast.expr) -> Array:
        expression = ast.fix_missing_locations(ast.Expression(copied(part)))
        with np.errstate(all="ignore"):
            return np.asarray(
                eval(compile(expression, "<formula>", "eval"), {**self._words.values})
            )

    def _same(self, value: Array, several: Parts) -> ast.expr | None:
        """The part of the statement that is as much."""
        alone = ast.unparse(several[0][0]) if len(several) == 1 and not several[0][1] else ""
        for part, own in self._parts:
            if own.shape == value.shape and np.allclose(own, value, rtol=1e-9, atol=0):
                return None if ast.unparse(part) == alone else part
        return None


def _sum(parts: Parts) -> ast.expr:
    """A sum of terms, each with whether it is subtracted."""
    (first, minus), *rest = sorted(parts, key=lambda part: part[1]) if parts[0][1] else parts
    result = made("-_0", first) if minus else first
    for part, subtracted in rest:
        result = ast.BinOp(result, ast.Sub() if subtracted else ast.Add(), part)
    return result
