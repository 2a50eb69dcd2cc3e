"""Running averages: ``m = beta * m + (1 - beta) * g``."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autograd_mini.check.lines.source import Statement
from autograd_mini.check.lines.syntax import factors, number_of, terms, updates_itself


def goes_on(statement: ast.stmt) -> bool:
    """Whether a statement adds to what its target held, be it to a part of that: an average.

    >>> [goes_on(ast.parse(text).body[0]) for text in ("m = 0.9 * m + 0.1 * x", "m = f(m)")]
    [True, False]
    """
    return updates_itself(statement) or is_average(statement)


def is_average(statement: ast.stmt) -> bool:
    """Whether a statement adds something to a part of what its target held: a running average."""
    if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.BinOp):
        return False
    target, added = ast.unparse(statement.targets[0]), statement.value
    parts = [p for side in (added.left, added.right) if isinstance(side, ast.BinOp)
             if isinstance(side.op, ast.Mult) for p in (side.left, side.right)]  # fmt: skip
    return isinstance(added.op, ast.Add) and target in map(ast.unparse, parts)


def weights(amount: ast.expr, statement: Statement) -> Iterator[str]:
    """By what the running averages that an amount is a product with take something new: the weights
    of an average add up to 1, as written.  What takes away one that was 0 takes away as much of the
    new.

    >>> from autograd_mini.check.lines.source import unit_of
    >>> def step(w, v, g, h, rate, beta):
    ...     v = beta * v + (1 - beta) * g
    ...     h = 0.9 * h + 0.1 * g
    ...     w -= rate * v
    >>> statements = [Statement(unit_of(step), node) for node in unit_of(step).tree.body]
    >>> list(weights(ast.parse("rate * v", mode="eval").body, statements[-1]))
    ['1 - beta']
    >>> list(weights(ast.parse("h", mode="eval").body, statements[-1]))
    ['0.1']
    """
    averages = {
        ast.unparse(node.targets[0]): node.value
        for node in statement.unit.statements.values()
        if isinstance(node, ast.Assign) and is_average(node)
    }
    for part, over in factors(amount):
        name = ast.unparse(part)
        if over or name not in averages:
            continue
        kept: list[ast.expr] = []
        added: list[ast.expr] = []
        for term, _ in terms(averages[name]):
            several = [factor for factor, over in factors(term) if not over]
            (kept if name in map(ast.unparse, several) else added).extend(several)
        yield from (ast.unparse(new) for new in added if any(_add_up(new, old) for old in kept))


def _add_up(one: ast.expr, other: ast.expr) -> bool:
    """Whether two weights are 1 together, as they are written."""
    numbers = number_of(one), number_of(other)
    if numbers[0] is not None and numbers[1] is not None:
        return abs(numbers[0] + numbers[1] - 1) <= 1e-12
    texts = ast.unparse(one), ast.unparse(other)
    return texts[0] == f"1 - {texts[1]}" or texts[1] == f"1 - {texts[0]}"
