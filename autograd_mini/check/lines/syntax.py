"""Syntax trees of single statements: parts replaced, without a change of the original."""

from __future__ import annotations

import ast
from collections.abc import Hashable, Iterator, Mapping
from functools import cache
from typing import TypeVar

T = TypeVar("T", bound=ast.AST)

_PLACES = ("lineno", "col_offset", "end_lineno", "end_col_offset")


def copied(node: T) -> T:
    """A copy of a whole tree, without its positions."""
    fields = []
    for name in node._fields:
        value = getattr(node, name, None)
        if isinstance(value, list):
            value = [copied(v) if isinstance(v, ast.AST) else v for v in value]
        elif isinstance(value, ast.AST) and value._fields:
            value = copied(value)
        fields.append(value)
    return type(node)(*fields)


def with_fields(node: T, **fields: object) -> T:
    """The same node, at the same place, with some fields exchanged."""
    new = type(node)(**{**dict(ast.iter_fields(node)), **fields})
    for place in _PLACES:
        if hasattr(node, place):
            setattr(new, place, getattr(node, place))
    return new


def with_own_lists(node: T) -> T:
    """The same node, at the same place, with lists that can be changed."""
    lists = {name: list(v) for name, v in ast.iter_fields(node) if isinstance(v, list)}
    return with_fields(node, **lists)


@cache
def _parsed(template: str) -> ast.expr:
    return ast.parse(template, mode="eval").body


def made(template: str, *parts: ast.expr) -> ast.expr:
    """An expression from text in which ``_0``, ``_1``, … stand for given parts.

    A part that stands there twice is copied, so that no node is twice in a tree.

    >>> ast.unparse(made("_0 * (1 - _0)", ast.Name("a")))
    'a * (1 - a)'
    """
    used: set[int] = set()

    def filled(node: object) -> object:
        if isinstance(node, ast.Name) and node.id[0] == "_" and node.id[1:].isdigit():
            index = int(node.id[1:])
            part = parts[index]
            if index in used:
                return copied(part)
            used.add(index)
            return part
        if isinstance(node, list):
            return [filled(each) for each in node]
        if isinstance(node, ast.AST) and node._fields:  # operators and contexts have none
            return type(node)(*[filled(getattr(node, name, None)) for name in node._fields])
        return node

    expression = filled(_parsed(template))
    assert isinstance(expression, ast.expr)
    return expression


def number(value: float) -> ast.expr:
    """A number as an expression; a negative one is a sign and a constant, as Python reads it."""
    if value < 0:
        return ast.UnaryOp(ast.USub(), ast.Constant(-value))
    return ast.Constant(value)


def number_of(node: ast.AST | None) -> float | None:
    """The number that a constant is, with its sign; ``None`` for anything else."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = number_of(node.operand)
        return None if inner is None else -inner
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return node.value  # type: ignore[return-value]
    return None


def loaded(node: ast.expr, store: bool = False) -> ast.expr:
    """A copy of an operand, to be read (or, with ``store``, assigned to)."""
    new = copied(node)
    if hasattr(new, "ctx"):
        new.ctx = ast.Store() if store else ast.Load()
    return new


class Tree:
    """A statement and where its parts stand."""

    def __init__(self, statement: ast.stmt) -> None:
        self.statement = statement
        self.parents: dict[ast.AST, ast.AST] = {}
        self._keys: dict[int, tuple[ast.AST, Hashable]] = {}
        pending: list[ast.AST] = [statement]
        while pending:
            node = pending.pop()
            for child in ast.iter_child_nodes(node):
                if not isinstance(child, ast.expr_context | ast.operator | ast.cmpop | ast.unaryop):
                    self.parents[child] = node
                    pending.append(child)

    def parent(self, node: ast.AST) -> ast.AST | None:
        return self.parents.get(node)

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """What a part stands in, from the inside outwards."""
        while node in self.parents:
            node = self.parents[node]
            yield node

    def replaced(self, exchanged: Mapping[ast.AST, ast.AST]) -> ast.stmt:
        """The statement with parts exchanged; what is unchanged is shared with the original."""
        touched: set[ast.AST] = set()
        for node in exchanged:
            touched.update(self.above(node))

        def rebuilt(node: object) -> object:
            if isinstance(node, list):
                return [rebuilt(each) for each in node]
            if not isinstance(node, ast.AST):
                return node
            if node in exchanged:
                new = exchanged[node]
                self._place(new, node)
                return new
            if node not in touched:
                return node
            return with_fields(node, **{name: rebuilt(v) for name, v in ast.iter_fields(node)})

        new = rebuilt(self.statement)
        assert isinstance(new, ast.stmt)
        return new

    def _place(self, node: ast.AST, like: ast.AST) -> None:
        """Give the parts of a tree that stand nowhere the place of another."""
        if node in self.parents:
            return
        if "lineno" in node._attributes:
            if not hasattr(node, "lineno") and hasattr(like, "lineno"):
                for place in _PLACES:
                    setattr(node, place, getattr(like, place))
            like = node
        for child in ast.iter_child_nodes(node):
            self._place(child, like)

    def key(self, node: object) -> Hashable:
        """What is equal for trees of the same text, and for no others."""
        if isinstance(node, list):
            return tuple([self.key(each) for each in node])
        if not isinstance(node, ast.AST):
            return (type(node), node)
        if not node._fields:
            return (type(node),)
        if isinstance(node, ast.Name):
            return (node.id, type(node.ctx))
        kept = self._keys.get(id(node))
        if kept is None:
            fields = [self.key(getattr(node, name, None)) for name in node._fields]
            kept = self._keys[id(node)] = (node, hash((type(node), *fields)))
        return kept[1]

    def key_with(self, exchanged: Mapping[ast.AST, ast.AST]) -> Hashable:
        """The key of the statement with parts exchanged."""
        touched: set[ast.AST] = set()
        for node in exchanged:
            touched.update(self.above(node))

        def key(node: object) -> Hashable:
            if isinstance(node, list):
                return tuple([key(each) for each in node])
            if isinstance(node, ast.AST) and node in exchanged:
                return self.key(exchanged[node])
            if isinstance(node, ast.AST) and node in touched:
                fields = [key(getattr(node, name, None)) for name in node._fields]
                return hash((type(node), *fields))
            return self.key(node)

        return key(self.statement)


def factors(node: ast.expr) -> list[tuple[ast.expr, bool]]:
    """The factors of an elementwise product, each with whether it is divided by."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
        over = isinstance(node.op, ast.Div)
        return [*factors(node.left), *((f, under != over) for f, under in factors(node.right))]
    return [(node, False)]


def product(parts: list[tuple[ast.expr, bool]]) -> ast.expr:
    """A product of factors, each with whether it is divided by."""
    (first, under), *rest = parts
    result = made("1 / _0", first) if under else first
    for part, divided in rest:
        result = ast.BinOp(result, ast.Div() if divided else ast.Mult(), part)
    return result


def terms(node: ast.expr) -> list[tuple[ast.expr, bool]]:
    """The terms of a sum, each with whether it is subtracted."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        minus = isinstance(node.op, ast.Sub)
        return [*terms(node.left), *((t, sign != minus) for t, sign in terms(node.right))]
    return [(node, False)]


def with_part(tree: ast.expr, old: ast.AST, new: ast.expr) -> ast.expr:
    """A copy of an expression in which one part is another."""

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


def updates_itself(statement: ast.stmt) -> bool:
    """Whether a statement adds to what its target held before.

    >>> [updates_itself(ast.parse(text).body[0]) for text in
    ...  ("w -= dw", "w = w - dw", "w = [a - b for a, b in zip(w, dw)]", "z = x - y", "w = w * 2")]
    [True, True, True, False, False]
    >>> [updates_itself(ast.parse(text).body[0]) for text in
    ...  ("setattr(net, 'w', getattr(net, 'w') - dw)", "w, b = w - dw, b - db", "w, b = b, w")]
    [True, True, False]
    """
    if isinstance(statement, ast.AugAssign):
        return isinstance(statement.op, ast.Add | ast.Sub)
    target, value = target_of(statement), value_of(statement)
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        pairs = zip(target.elts, value.elts, strict=False)
        return any(updates_itself(ast.Assign([each], item)) for each, item in pairs)
    if target is None or value is None or amount_of(statement) is None:
        return False
    text = ast.unparse(target)
    read = [one.iter for one in value.generators] if isinstance(value, ast.ListComp) else [value]
    return any(ast.unparse(n) == text for part in read for n in ast.walk(part))


def target_of(statement: ast.stmt) -> ast.expr | None:
    """What a statement assigns to, the first of several; ``None`` where it does not.

    ``setattr(net, name, …)`` assigns to ``getattr(net, name)``.
    """
    match statement:
        case ast.Assign(targets=[target, *_]) | ast.AugAssign(target=target):
            return target
        case ast.Expr(ast.Call(func=ast.Name("setattr"), args=[holder, name, _])):
            return made("getattr(_0, _1)", holder, name)
    return None


def value_of(statement: ast.stmt) -> ast.expr | None:
    """What a statement assigns, by ``setattr`` too, or returns; ``None`` where it does neither."""
    match statement:
        case ast.Assign() | ast.AugAssign() | ast.AnnAssign() | ast.Return():
            return statement.value
        case ast.Expr(ast.Call(func=ast.Name("setattr"), args=[_, _, value])):
            return value
    return None


def is_made_of_itself(statement: ast.stmt) -> bool:
    """Whether a statement makes of what its target held something else, ``net = f(net, grads)``."""
    if not isinstance(statement, ast.Assign):
        return False
    target = ast.unparse(statement.targets[0])
    made = isinstance(statement.value, ast.Call | ast.ListComp | ast.DictComp)
    return made and any(ast.unparse(node) == target for node in ast.walk(statement.value))


def amount_of(statement: ast.stmt) -> ast.expr | None:
    """What a statement adds or takes away: the right side of ``W -= …``, ``W = W - …`` and such, or
    the left one of ``W = … + W``.

    >>> [ast.unparse(amount_of(ast.parse(text).body[0])) for text in
    ...  ("w = w - a * g", "w = -a * g + w")]
    ['a * g', '-a * g']
    """
    if isinstance(statement, ast.AugAssign):
        return statement.value if isinstance(statement.op, ast.Add | ast.Sub) else None
    value = value_of(statement)
    if isinstance(value, ast.ListComp):
        value = value.elt
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add | ast.Sub):
        targets = getattr(statement, "targets", ())
        is_right = ast.unparse(value.right) in map(ast.unparse, targets)
        return value.left if is_right else value.right
    return None


def amounts(tree: ast.AST) -> list[tuple[ast.expr, bool]]:
    """What the statements of a function add to something, each with whether it is taken away.

    >>> tree = ast.parse("w -= a * dw; b = b + a * db; n += 1; new_c = c - a * dc; d = y - t")
    >>> [(ast.unparse(amount), minus) for amount, minus in amounts(tree)]
    [('a * dw', True), ('a * db', False), ('a * dc', True)]
    """
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            amount = amount_of(node)
            if not updates_itself(node) and not isinstance(amount, ast.BinOp):
                continue
            operator = getattr(node, "op", getattr(getattr(node, "value", None), "op", None))
            if amount is not None and number_of(amount) is None:
                found.append((amount, isinstance(operator, ast.Sub)))
    return found


def adds_nothing(statement: ast.stmt) -> bool:
    """Whether a statement adds 0 to something, or takes it away: ``b -= 0``."""
    return isinstance(statement, ast.AugAssign) and (
        isinstance(statement.op, ast.Add | ast.Sub) and number_of(statement.value) == 0
    )


def leaves_as_it_is(statement: ast.stmt) -> bool:
    """Whether a statement assigns to something what it is: ``b = b``."""
    if not isinstance(statement, ast.Assign):
        return False
    return [ast.unparse(target) for target in statement.targets] == [ast.unparse(statement.value)]


def does_nothing(statement: ast.stmt) -> bool:
    """Whether a statement adds 0, or leaves what it names as it is."""
    return adds_nothing(statement) or leaves_as_it_is(statement)


def only_names(statement: ast.stmt) -> bool:
    """Whether a statement gives another name to something: ``new_b = b``."""
    match statement:
        case ast.Assign(targets=[ast.Name(name)], value=ast.Name(read)):
            return name != read
    return False


def operands_read(node: ast.stmt) -> set[str]:
    """The operands that a statement reads, as they are written."""
    kinds = (ast.Name, ast.Attribute, ast.Subscript)
    return {
        ast.unparse(part)
        for part in ast.walk(node)
        if isinstance(part, kinds) and isinstance(part.ctx, ast.Load)
    }


def makes_zeros(node: ast.stmt) -> bool:
    """Whether a statement makes nothing but an array to be filled, such as ``zeros_like(W)``."""
    value = getattr(node, "value", None)
    parts = value.elts if isinstance(value, ast.Tuple | ast.List) else [value]
    return not isinstance(node, ast.AugAssign) and all(
        (isinstance(part, ast.Call) and "zeros" in ast.unparse(part.func))
        or isinstance(part, ast.Constant)
        for part in parts
    )  # fmt: skip
