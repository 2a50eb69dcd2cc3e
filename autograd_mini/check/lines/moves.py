"""Statements in another order: an update that comes too early, a statement on the wrong side of the
end of a loop.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

from autograd_mini.check.lines.program import Edits
from autograd_mini.check.lines.source import Place, Statement, Unit, statements_in
from autograd_mini.check.lines.syntax import updates_itself
from autograd_mini.check.result import Line


@dataclass(frozen=True)
class Move:
    """Statements in another order.

    Attributes:
        line: these statements as they stand, with a mark under the one that is moved.
        text: the same in the order in which they are right.
        edits: what runs in the places of statements.
        passed: the statements that come before it then.
        reason: why; empty where an update comes too early.
    """

    line: Line
    text: str
    edits: Edits
    passed: Sequence[Statement] = ()
    reason: str = ""


def moves(statement: Statement) -> Iterator[Move]:
    """Where else a statement may belong, the likelier places first."""
    if updates_itself(statement.node):
        yield from below_readers(statement)
        yield from with_its_loop(statement)
    yield from behind_next(statement)
    yield from behind_loop(statement)
    yield from into_loop(statement)


def below_readers(statement: Statement) -> Iterator[Move]:
    """A statement moved below one of its block that reads what it assigns to, the last first.

    Yields:
        Nothing where it is no assignment that stands in rows of its own.

    >>> from autograd_mini.check.lines.source import unit_of
    >>> def step(w, v, x):
    ...     w = w - 0.1 * x
    ...     dv = w * x
    ...     v = v - 0.1 * dv
    ...     return w, v
    >>> unit = unit_of(step)
    >>> (move,) = below_readers(Statement(unit, unit.tree.body[0]))
    >>> print(move.text)
    dv = w * x
        w = w - 0.1 * x

    What is returned is computed above the statement, under a name of its own:

    >>> def backward(self, g):
    ...     self.w -= 0.1 * self.x.T @ g
    ...     return g @ self.w.T
    >>> unit = unit_of(backward)
    >>> (move,) = below_readers(Statement(unit, unit.tree.body[0]))
    >>> print(move.text)
    dx = g @ self.w.T
        self.w -= 0.1 * self.x.T @ g
        return dx
    """
    match statement.node:
        case ast.Assign(targets=[target]) | ast.AugAssign(target=target):
            name = ast.unparse(target)
        case _:
            return
    here = statement.node
    for passed in _passed(statement):
        last = passed[-1].node
        if not reads(last, name) or _returns(last, name):
            continue
        rows, after = _rows_of(passed, here), [last, here]
        if isinstance(last, ast.Return) and last.value is not None:
            after = list(map(ast.fix_missing_locations, _named(statement, last, last.value)))
            count = (last.end_lineno or last.lineno) - last.lineno + 1
            indent = " " * here.col_offset
            named, returned = (indent + ast.unparse(each) for each in (after[0], after[-1]))
            rows = [*rows[: len(rows) - count], named, statement.line, returned]
        else:
            rows = [*rows, statement.line]
        edits: Edits = {
            statement.place: [_nothing(here)],
            passed[-1].place: [ast.Module(after, [])],
        }
        yield _moved(statement, passed, rows, edits)


def with_its_loop(statement: Statement) -> Iterator[Move]:
    """An update moved, with a loop around it, below a statement that reads what the loop goes over
    or changes, the last first.

    >>> from autograd_mini.check.lines.source import unit_of
    >>> def step(weights, delta, x):
    ...     error = delta * x
    ...     for row in weights:
    ...         row -= 0.1 * error
    ...     hidden = error @ weights
    ...     return hidden
    >>> unit = unit_of(step)
    >>> (move,) = with_its_loop(Statement(unit, unit.tree.body[1].body[0]))
    >>> print(move.text)
    hidden = error @ weights
        for row in weights:
            row -= 0.1 * error
    """
    unit = statement.unit
    for loop in _loops_around(statement):
        before = _before(unit, loop)
        if before is None or unit.place(before) not in unit.statements:
            continue
        changed = _names(loop.iter if isinstance(loop, ast.For) else loop.test)
        changed |= {n for s in statements_in(loop) if updates_itself(s) for n in _stored(s)}
        for passed in _passed(Statement(unit, loop)):
            last = passed[-1].node
            rows = _rows_of(passed, loop)
            blank = list(takewhile(lambda row: not row.strip(), rows))
            fits = rows[len(blank)].startswith(" " * loop.col_offset)
            if fits and not isinstance(last, ast.Return) and _names(last) & changed:
                nodes = [each.node for each in passed]
                edits: dict[Place, list[ast.stmt | ast.Module]]
                edits = {each.place: [_nothing(each.node)] for each in passed}
                edits[unit.place(before)] = [ast.Module([before, *nodes], [])]
                around = Statement(unit, loop)
                rows = [*rows[len(blank) :], *blank, around.line]
                yield _moved(around, passed, rows, edits)


def behind_next(statement: Statement) -> Iterator[Move]:
    """A statement exchanged with the one below it, where both go on with what one name stands for.

    >>> from autograd_mini.check.lines.source import unit_of
    >>> def backward(d, slope, dnext):
    ...     d = d * slope
    ...     d = d + dnext
    ...     return d
    >>> unit = unit_of(backward)
    >>> (move,) = behind_next(Statement(unit, unit.tree.body[0]))
    >>> move.reason
    'it comes before line 3, and belongs behind it'
    """
    here, passed = statement.node, list(_passed(statement))[-1:]
    for after in passed[0] if passed else ():
        if _goes_on_with(here) and _goes_on_with(here) == _goes_on_with(after.node):
            edits: Edits = {statement.place: [after.node], after.place: [here]}
            rows = [*_rows_of([after], here), statement.line]
            reason = f"it comes before line {after.number}, and belongs behind it"
            yield _moved(statement, [after], rows, edits, reason)


def behind_loop(statement: Statement) -> Iterator[Move]:
    """The last statement of a loop, that reads nothing that the loop counts, moved behind it.

    >>> from autograd_mini.check.lines.source import unit_of
    >>> def backward(dout, x):
    ...     dx = 0
    ...     for row in x:
    ...         dx = dx + row * dout
    ...         dx = dx / 2
    ...     return dx
    >>> unit = unit_of(backward)
    >>> (move,) = behind_loop(Statement(unit, unit.tree.body[1].body[1]))
    >>> print(move.text)
    for row in x:
            dx = dx + row * dout
        dx = dx / 2
    """
    unit, here = statement.unit, statement.node
    loop = next(_loops_around(statement), None)
    if loop is None or len(loop.body) < 2 or loop.body[-1] is not here:
        return
    after = _followers(unit, loop)[:1]
    counted = _names(loop.target) if isinstance(loop, ast.For) else set[str]()
    if not after or unit.place(after[0]) not in unit.statements or counted & _names(here):
        return
    edits: Edits = {
        statement.place: [_nothing(here)],
        unit.place(after[0]): [ast.Module([here, *after], [])],
    }
    rows = [row[here.col_offset - loop.col_offset :] for row in statement.line.split("\n")]
    yield _across_the_end(
        statement, loop, rows, edits, "it runs in each turn of the loop; it belongs behind it"
    )


def into_loop(statement: Statement) -> Iterator[Move]:
    """A statement that reads what a loop before it makes in each turn, moved into that.

    >>> from autograd_mini.check.lines.source import unit_of
    >>> def backward(dout, x):
    ...     dx = 0
    ...     for row in x:
    ...         part = row * dout
    ...     dx = dx + part
    ...     return dx
    >>> unit = unit_of(backward)
    >>> (move,) = into_loop(Statement(unit, unit.tree.body[2]))
    >>> print(move.text)
    for row in x:
            part = row * dout
            dx = dx + part

    One that only reads what the loop counts elements by would do the same in each turn:

    >>> def update(w, b, x, d, j):
    ...     for i in range(2):
    ...         w[j][i] -= d[j] * x[i]
    ...     b[j] -= 0.5 * d[j]
    >>> unit = unit_of(update)
    >>> list(into_loop(Statement(unit, unit.tree.body[1])))
    []
    """
    unit, here = statement.unit, statement.node
    loop = _before(unit, here)
    if not isinstance(loop, ast.For | ast.While) or isinstance(here, ast.Return):
        return
    last = loop.body[-1]
    made = {name for each in statements_in(loop) for name in _stored(each)} | _stored(loop)
    if unit.place(last) not in unit.statements or not made & _names(here):
        return
    edits: Edits = {
        statement.place: [_nothing(here)],
        unit.place(last): [ast.Module([last, here], [])],
    }
    deeper = " " * (last.col_offset - here.col_offset)
    rows = [deeper + row for row in statement.line.split("\n")]
    yield _across_the_end(
        statement, loop, rows, edits, "it runs once, after the loop; it belongs into it"
    )


def _moved(
    statement: Statement,
    passed: Sequence[Statement],
    rows: Sequence[str],
    edits: Edits,
    reason: str = "",
) -> Move:
    """A statement moved below others.

    Arguments:
        statement: what is moved.
        passed: the statements that it is moved over.
        rows: the text as it is right.
        edits: what runs in the places of statements.
        reason: why it is moved.
    """
    start, end = statement.span(statement.node)
    before = "\n".join([statement.line, *_rows_of(passed, statement.node)])[start:]
    line = Line(statement.unit.file, statement.number, before, (0, end - start), start)
    return Move(line, "\n".join(rows)[start:], edits, passed, reason)


def _across_the_end(
    statement: Statement, loop: ast.stmt, rows: Sequence[str], edits: Edits, reason: str
) -> Move:
    """A statement moved across the end of a loop, which is shown whole.

    Arguments:
        statement: what is moved.
        loop: the loop.
        rows: the statement's as they are right.
        edits: what runs in the places of statements.
        reason: why it is moved.
    """
    unit, around = statement.unit, Statement(statement.unit, loop)
    start, _ = around.span(loop)
    above = "".join(unit.text[loop.lineno - 1 : statement.number - 1])
    first, last = statement.span(statement.node)
    columns = len(above) + first - start, len(above) + last - start
    line = Line(unit.file, loop.lineno, (above + statement.line)[start:], columns, start)
    return Move(line, (above + "\n".join(rows))[start:], edits, (), reason)


def _nothing(node: ast.stmt) -> ast.stmt:
    return ast.copy_location(ast.Pass(), node)


def _named(statement: Statement, last: ast.Return, value: ast.expr) -> list[ast.stmt]:
    """What is returned computed, a statement, and the return of it."""
    tree = statement.unit.tree
    taken = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    name = next(name for name in ("dx", "result", "result_") if name not in taken)
    assigned = ast.copy_location(ast.Assign([ast.Name(name, ast.Store())], value), last)
    returned = ast.copy_location(ast.Return(ast.Name(name, ast.Load())), last)
    return [assigned, statement.node, returned]


def _rows_of(passed: Sequence[Statement], after: ast.stmt) -> list[str]:
    """The rows below a statement, to the last that is passed."""
    last = passed[-1]
    rows = last.unit.text[after.end_lineno or after.lineno : last.node.end_lineno]
    return [row.rstrip("\r\n") for row in rows]


def _passed(statement: Statement) -> Iterator[list[Statement]]:
    """The statements after one in its block, of which none holds others, in rows of their own: all
    of them, then fewer.
    """
    unit, here = statement.unit, statement.node
    after = list(
        takewhile(lambda node: unit.place(node) in unit.statements, _followers(unit, here))
    )
    for count in range(len(after), 0, -1):
        if not _share_rows([here, *after[:count]]):
            yield [Statement(unit, node) for node in after[:count]]


def _share_rows(nodes: Sequence[ast.stmt]) -> bool:
    """Whether two statements stand in one row."""
    return any(one.end_lineno == two.lineno for one, two in pairwise(nodes))


def _block(unit: Unit, node: ast.stmt) -> list[ast.stmt]:
    """The statements of the block that one stands in."""
    for around in ast.walk(unit.tree):
        for _, block in ast.iter_fields(around):
            if isinstance(block, list) and node in block:
                return block
    return [node]


def _followers(unit: Unit, node: ast.stmt) -> list[ast.stmt]:
    """The statements of the same block that come after one."""
    block = _block(unit, node)
    return block[block.index(node) + 1 :]


def _before(unit: Unit, node: ast.stmt) -> ast.stmt | None:
    """The statement of the same block that comes before one."""
    block = _block(unit, node)
    return block[block.index(node) - 1] if block[0] is not node else None


def _loops_around(statement: Statement) -> Iterator[ast.For | ast.While]:
    """The loops that a statement stands in, from the inside outwards."""
    found = [
        loop
        for loop in ast.walk(statement.unit.tree)
        if isinstance(loop, ast.For | ast.While) and statement.node in ast.walk(loop)
    ]
    yield from reversed(found)


def _names(node: ast.AST) -> set[str]:
    """The names in a tree, but for those of what is called."""
    called = {id(part.func) for part in ast.walk(node) if isinstance(part, ast.Call)}
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and id(n) not in called}


def _stored(node: ast.AST) -> set[str]:
    """The names of what a statement assigns to, be it to a part: not those of the index."""
    waiting = list(getattr(node, "targets", None) or filter(None, [getattr(node, "target", None)]))
    found = set[str]()
    for target in waiting:  # grows while it is walked
        match target:
            case ast.Name(id=name):
                found.add(name)
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                waiting += parts
            case ast.Subscript(value=whole) | ast.Attribute(value=whole) | ast.Starred(value=whole):
                waiting.append(whole)
    return found


def _goes_on_with(node: ast.stmt) -> str:
    """What a statement makes anew of what it was, ``d = d * slope``; else nothing."""
    match node:
        case ast.Assign(targets=[target], value=value) if reads(value, ast.unparse(target)):
            return ast.unparse(target)
        case ast.AugAssign(target=target):
            return ast.unparse(target)
    return ""


def _returns(node: ast.stmt, name: str) -> bool:
    """Whether a statement returns what a name stands for, as an update that is to be returned."""
    value = node.value if isinstance(node, ast.Return) else None
    items = value.elts if isinstance(value, ast.Tuple) else [value] if value else []
    return any(ast.unparse(item) == name for item in items)


def reads(node: ast.AST, name: str) -> bool:
    """Whether a statement reads something, as it is written."""
    return any(
        isinstance(getattr(part, "ctx", None), ast.Load) and ast.unparse(part) == name
        for part in ast.walk(node)
    )
