"""Mistakes planted in a file: in loops, helper functions and methods of a backward pass.

``mutants`` needs one function, line after line.  Code has other forms: gradients are added up
over time steps, kept in ``self`` or in ``grads["W%d" % l]``, returned by ``dense_backward``.
Here the pass is run once and watched; what each line holds, each time that it runs, decides
which changes NumPy lets pass.  The changes are those of ``edits.Line``, to which an entry or
attribute that holds an array is a name like any other.
"""

from __future__ import annotations

import ast
import copy
import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from autograd_mini.testing.edits import (
    ROUNDING,
    SAME,
    Change,
    Line,
    Mutant,
    is_same,
    names_of,
    parsed,
    with_part,
)
from autograd_mini.testing.watched import Function, Statement, Time, name_of, targets_of, watched
from autograd_mini.typing import Array


def file_mutants(source: str, run: Callable[[dict[str, Any]], object]) -> list[Mutant]:
    """All mistakes that can be planted in the backward lines of a file, one at a time.

    The backward lines of a function, or of the file itself, follow a comment that says
    ``backward``; all lines of a function whose name says ``backward``, ``prime`` or ``gradient``
    are, if it has no such comment.

    Arguments:
        source: the file's text.
        run: a function that is given the names that the file defines, and runs the pass; it does
            nothing where the file itself runs it.

    Returns:
        The mutants, in the order of the lines; ``line`` and ``source`` are of the whole file,
        in which all other lines stay where they are.  Each changes a number of its own line;
        whether of a gradient that is returned, and whether later lines accept its shape, shows
        when it runs.

    Raises:
        ValueError: no backward line of the file was run.

    >>> source = '''
    ... def pass_backward(W, xs):
    ...     dW = np.zeros_like(W)
    ...     for x in xs:
    ...         dW += 2 * W * x
    ...     return {"W": dW}
    ... '''
    >>> def run(names):
    ...     return names["pass_backward"](np.ones(2), [1.0, 3.0])
    >>> for mutant in file_mutants(source, run)[:3]:
    ...     print(mutant.line, mutant.kind, mutant.after, sep=" | ")
    5 | assigned, not added | dW = 2 * W * x
    5 | lost term | dW += 0
    5 | sign | dW += -(2 * W * x)
    """
    found = [
        mutant
        for function in watched(source, run)
        for statement in function.statements.values()
        if function.times.get(statement.lineno)
        for mutant in _mutants_of(source, function, statement)
    ]
    return sorted(found, key=lambda mutant: mutant.line)


# What can go wrong in a line


def _mutants_of(source: str, function: Function, statement: Statement) -> list[Mutant]:
    times = function.times[statement.lineno]
    times = [times[i] for i in sorted({0, len(times) // 2, len(times) - 1})]
    found = list(_changed_statements(source, function, statement))
    for expression, whole in _expressions(statement):
        line = _FileLine(function, statement, expression, times, whole)
        if line.valid:
            found += line.mutants_in(source)
    return list({mutant.after: mutant for mutant in reversed(found)}.values())[::-1]


def _expressions(statement: Statement) -> Iterator[tuple[ast.expr, bool]]:
    """The expressions of a line that make an array each, and whether any change fits them.

    Of a name or entry that is returned, and of a call that gives several, only another array does.
    """
    value = statement.value
    if isinstance(statement, ast.Expr):
        if isinstance(value, ast.Call) and value.args:  # np.add.at(dE, ix, dx), found.append(dx)
            yield value.args[-1], True
    elif isinstance(value, ast.Dict | ast.Tuple):
        for each in value.values if isinstance(value, ast.Dict) else value.elts:
            yield each, not isinstance(each, ast.Name | ast.Subscript | ast.Attribute)
    elif isinstance(value, ast.Call) and len(targets_of(statement)) > 1:
        yield from ((argument, False) for argument in value.args)
    elif len(targets_of(statement)) < 2 and value is not None:
        name_returned = isinstance(statement, ast.Return) and isinstance(value, ast.Name)
        if not name_returned:
            yield value, True


def _changed_statements(source: str, function: Function, statement: Statement) -> Iterator[Mutant]:
    if isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Add):
        assigned = ast.Assign([statement.target], statement.value)
        yield _mutant(source, function, statement, assigned, "assigned, not added")
    if isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Sub):
        added = ast.AugAssign(statement.target, ast.Add(), statement.value)
        yield _mutant(source, function, statement, added, "sign", frozenset({"sign"}))
    if isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Div):
        multiplied = ast.AugAssign(statement.target, ast.Mult(), statement.value)
        yield _mutant(source, function, statement, multiplied, "factor", frozenset({"scale"}))
    if isinstance(statement, ast.Return) and isinstance(statement.value, ast.Dict | ast.Tuple):
        yield from _exchanged_results(source, function, statement, statement.value)
    call = statement.value
    if isinstance(call, ast.Call) and ast.unparse(call.func) == "np.add.at":
        array, index, value = call.args
        place = ast.Subscript(array, index, ast.Store())
        added = ast.AugAssign(place, ast.Add(), value)
        yield _mutant(source, function, statement, added, "repeated index")


def _exchanged_results(
    source: str, function: Function, statement: ast.Return, results: ast.Dict | ast.Tuple
) -> Iterator[Mutant]:
    """Two arrays of the same shape, each in the place of the other."""
    names = function.times[statement.lineno][-1].names
    values = list(results.values if isinstance(results, ast.Dict) else results.elts)
    made = [names.get(v.id) if isinstance(v, ast.Name) else None for v in values]
    shapes = [array.shape if isinstance(array, np.ndarray) else () for array in made]
    for i, j in itertools.combinations(range(len(values)), 2):
        if shapes[i] and shapes[i] == shapes[j]:
            other = values.copy()
            other[i], other[j] = other[j], other[i]
            new = ast.Dict(results.keys, other) if isinstance(results, ast.Dict) else None
            changed = ast.Return(new or ast.Tuple(other, ast.Load()))
            codes = frozenset({"wrong-operand"})
            yield _mutant(source, function, statement, changed, "exchanged", codes)


def _mutant(
    source: str,
    function: Function,
    statement: Statement,
    changed: ast.stmt,
    kind: str,
    codes: frozenset[str] = frozenset({"missing-term"}),
) -> Mutant:
    before, after = (ast.unparse(ast.fix_missing_locations(s)) for s in (statement, changed))
    name = (targets_of(statement) or [name_of(function.node)])[0]
    lines = source.splitlines()
    first, last = statement.lineno - 1, statement.end_lineno or statement.lineno
    indent = lines[first][: statement.col_offset]
    lines[first:last] = [indent + after, *[""] * (last - first - 1)]
    text = "\n".join(lines) + "\n"
    return Mutant(kind, name, codes, before, after, statement.lineno, text)


class _FileLine(Line):
    """One expression of a line of a file, at the times that it ran.

    Entries and attributes that hold arrays are replaced by names that stand in for them.
    """

    def __init__(
        self,
        function: Function,
        statement: Statement,
        expression: ast.expr,
        times: list[Time],
        whole: bool,
    ) -> None:
        self.function, self.statement, self.times, self.whole = function, statement, times, whole
        self.written = expression
        self.known = times[len(times) // 2].names
        self.gradients = set.union(*(time.gradients for time in times))
        self.params: set[str] = set()
        self.name = (targets_of(statement) or [name_of(function.node)])[0]
        self.expression = self.standing_in(expression)
        value = self.evaluated(self.expression)
        self.first = not (names_of(self.expression) & self.gradients)
        self.a_term = isinstance(statement, ast.AugAssign)
        read = names_of(self.expression) <= self.known.keys()  # no variable of its own
        self.valid = read and value is not None and value.dtype.kind in "fb" and np.any(value)
        self.value = value

    def standing_in(self, expression: ast.expr) -> ast.expr:
        """The expression with a name for each entry or attribute that holds an array."""

        def name(node: ast.AST) -> ast.expr | None:
            if not isinstance(node, ast.Attribute | ast.Subscript):
                return None
            found = self.function.stand_ins.get(ast.unparse(node), "")
            return ast.Name(found, ast.Load()) if found in self.known else None

        return _Exchanged(name).of(expression)

    def as_written(self, expression: ast.expr) -> ast.expr:
        def entry(node: ast.AST) -> ast.expr | None:
            text = self.text_of(node.id) if isinstance(node, ast.Name) else None
            return None if text is None else ast.parse(text, mode="eval").body

        return _Exchanged(entry).of(expression)

    def mutants_in(self, source: str) -> list[Mutant]:
        found, values = [], []
        here = self.at_times(self.expression)
        for kind, codes, expression in self.changes():
            there = self.at_times(expression)
            if len(there) < len(here) or _same(there, here, ROUNDING):
                continue
            changed = with_part(self.statement, self.written, self.as_written(expression))
            found.append(
                _mutant(source, self.function, self.statement, changed, kind, frozenset(codes))
            )
            values.append(there)
        sizes = [sum(float(np.sum(np.abs(v))) for v in there) for there in values]
        return [
            replace(mutant, codes=frozenset().union(*(
                other.codes for other, there, far in zip(found, values, sizes, strict=True)
                if abs(size - far) <= 1e-6 * size and _same(value, there, SAME)
            ), mutant.codes))
            for mutant, value, size in zip(found, values, sizes, strict=True)
        ]  # fmt: skip

    def at_times(self, expression: ast.expr) -> list[Array]:
        """What an expression gives, each time that NumPy lets it pass."""
        known = self.known
        values = []
        for time in self.times:
            self.known = time.names
            values.append(self.evaluated(expression))
        self.known = known
        return [value for value in values if value is not None]

    def evaluated(self, expression: ast.expr) -> Array | None:
        try:
            value: Array | None = super().evaluated(expression)
        except (NameError, LookupError):  # not assigned yet, at this time
            return None
        return value

    def changes(self) -> Iterator[Change]:
        yield from self.other_steps()
        if self.whole:
            yield from super().changes()
        elif isinstance(self.expression, ast.Name):
            yield from self.other_arrays(self.expression, in_factor=False)

    def other_steps(self) -> Iterator[Change]:
        """The entry of another step or layer: ``h[t]`` for ``h[t - 1]``."""
        for node in ast.walk(self.written):
            if isinstance(node, ast.Subscript) and ast.unparse(node) in self.function.owners:
                index = node.slice
                near = [ast.BinOp(index, op, ast.Constant(1)) for op in (ast.Sub(), ast.Add())]
                if isinstance(index, ast.BinOp) and isinstance(index.op, ast.Add | ast.Sub):
                    near = [index.left]  # type: ignore[list-item]
                for other in near if not isinstance(index, ast.Tuple | ast.Slice) else []:
                    changed = with_part(node, index, other)
                    codes = {"wrong-operand", "wrong-factor"}
                    yield "another step", codes, with_part(self.written, node, changed)

    def scalar(self, expression: ast.expr) -> bool:
        value = self.evaluated(expression)
        return value is not None and value.ndim == 0 and value.dtype.kind in "fiub"

    def sizes(self) -> list[str]:
        return [n for n in ("N", "K", "D", "S", "m") if isinstance(self.known.get(n), int)]

    def extra_slopes(self) -> Iterator[ast.expr]:
        slopes = [
            self.slope_of(self.standing_in(statement.value))
            for statement in self.function.statements.values()
            if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.BinOp)
        ]
        for slope in {ast.unparse(s): s for s in slopes if s is not None}.values():
            value = self.evaluated(slope)
            if value is not None and value.shape == self.value.shape:
                yield slope
        for name in sorted(names_of(self.expression)) if self.first else ():
            array = np.asarray(self.known[name])
            of_shape = array.dtype.kind == "f" and array.shape == self.value.shape
            if of_shape and self.line_of(name) and np.all((array > 0) & (array < 1)):
                yield parsed(f"{name} * (1 - {name})")

    def line_of(self, name: str) -> int:
        """The first line that assigns a name or entry, 0 if none does."""
        return self.function.assigned_in.get(self.text_of(name), 0)

    def text_of(self, name: str) -> str:
        """What is written for a name or stand-in."""
        return self.function.written.get(name, name)

    def is_gradient_of(self, variable: str, name: str) -> bool:
        owner, _, parameter = self.text_of(name).rpartition(".")
        gradient = f"{owner}.d{parameter}" if owner else f"d{parameter}"
        return self.text_of(variable) == gradient and not self.line_of(name)


def _same(here: list[Any], there: list[Any], tolerance: float) -> bool:
    return all(
        a.shape == b.shape and is_same(a, b, tolerance) for a, b in zip(here, there, strict=True)
    )


class _Exchanged(ast.NodeTransformer):
    """Parts of an expression are others, where there is another."""

    def __init__(self, other: Callable[[ast.AST], ast.expr | None]) -> None:
        self.other = other

    def of(self, expression: ast.expr) -> ast.expr:
        changed = self.visit(copy.deepcopy(expression))
        assert isinstance(changed, ast.expr)
        return changed

    def visit(self, node: ast.AST) -> ast.AST:
        other = self.other(node)
        return self.generic_visit(node) if other is None else other
