"""A changed statement as it stands in the user's file: what is unchanged keeps its text."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from typing import cast

from autograd_mini.check.lines.source import Statement
from autograd_mini.check.result import Line

Pair = tuple[ast.AST, ast.AST]

_ATOMIC = (
    ast.Name, ast.Constant, ast.Call, ast.Attribute, ast.Subscript, ast.Tuple, ast.List,
)  # fmt: skip
"""Expressions that need no brackets."""


def rewritten(statement: Statement, edited: ast.stmt) -> str:
    r"""The text of an edited statement, in which the spaces and brackets of the user's are kept.

    >>> from autograd_mini.check.lines.source import unit_of
    >>> def area(r):
    ...     return ( 3*r ) * r
    >>> (statement,) = [Statement(unit_of(area), node) for node in unit_of(area).tree.body]
    >>> rewritten(statement, ast.parse("def f():\n    return 4 * r * r").body[0].body[0])
    'return ( 4*r ) * r'

    Of a lambda it is the expression.
    """
    pairs = list(changed_parts(statement.node, edited))
    if isinstance(edited, ast.Return) and edited.value and statement.is_lambda:
        edited = ast.Expr(edited.value)
    wanted = _key(edited)
    for inside, around in itertools.product((False, True), repeat=2):
        text = _spliced(statement, pairs, inside, around)
        if text is not None and _key_of_text(text) == wanted:
            return text
    return ast.unparse(edited).removesuffix("\n    pass")


def line_of(statement: Statement, corrected: str | None) -> Line:
    """A statement as a reader finds it, with the part that is otherwise in the corrected text."""
    text = statement.text
    columns = (0, len(text)) if corrected is None else differing_words(text, corrected)
    start, _ = statement.span(statement.node)
    return Line(statement.unit.file, statement.number, text, columns, start)


def differing_words(old: str, new: str) -> tuple[int, int]:
    """Where an old text is different from a new one: words as a whole, spaces around left out.

    Both are the same where something is missing.

    >>> differing_words("d * A1 * (1 - Z1)", "d * A1 * (1 - A1)")
    (14, 16)
    >>> differing_words("2 * d.sum(0)", "d.sum(0)"), differing_words("a * b", "a * b * c")
    ((0, 3), (5, 5))
    """
    first = _same(old, new)
    after = _same(old[first:][::-1], new[first:][::-1])
    last = len(old) - after
    if _cuts_a_word(old, first) or _cuts_a_word(new, first):
        while first > 0 and _is_of_word(old[first - 1]):
            first -= 1
    if _cuts_a_word(old, last) or _cuts_a_word(new, len(new) - after):
        while last < len(old) and _is_of_word(old[last]):
            last += 1
    part = old[first:last]
    first += len(part) - len(part.lstrip())
    return first, max(first, first + len(part.strip()))


def _same(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))


def _cuts_a_word(text: str, at: int) -> bool:
    return 0 < at < len(text) and _is_of_word(text[at - 1]) and _is_of_word(text[at])


def _is_of_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def changed_parts(old: ast.AST, new: ast.AST) -> Iterator[Pair]:
    """The smallest parts of a tree that another has exchanged."""
    if old is new or _key(old) == _key(new):
        return
    pairs = list(_children(old, new)) if type(old) is type(new) else []
    if not pairs or _is_inside(old, new) or _is_inside(new, old):
        yield old, new
        return
    for one, other in pairs:
        yield from changed_parts(one, other)


def _is_inside(part: ast.AST, whole: ast.AST) -> bool:
    key = _key(part)
    return isinstance(part, ast.expr) and any(_key(node) == key for node in ast.walk(whole))


def _children(old: ast.AST, new: ast.AST) -> Iterator[Pair]:
    """The parts of two trees side by side; nothing where something else is different."""
    pairs: list[Pair] = []
    for name, before in ast.iter_fields(old):
        after = getattr(new, name)
        if isinstance(before, ast.expr | ast.keyword) and isinstance(after, ast.expr | ast.keyword):
            pairs.append((before, after))
        elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
            if not all(isinstance(item, ast.expr | ast.keyword) for item in before + after):
                if list(map(_key, before)) != list(map(_key, after)):
                    return
                continue
            pairs += zip(before, after, strict=True)
        elif name not in ("lineno", "col_offset", "type_comment") and _key(before) != _key(after):
            return
    yield from pairs


def _key(node: object) -> object:
    return ast.dump(node) if isinstance(node, ast.AST) else node


def _key_of_text(text: str) -> object:
    try:
        inside = " pass" if text.endswith(":") else ""  # the first line of what holds others
        tree = ast.parse("def f():\n for _ in _:\n  " + text.replace("\n", " ") + inside)
    except SyntaxError:
        return None
    return _key(tree.body[0].body[0].body[0])  # type: ignore[attr-defined]


def _spliced(statement: Statement, pairs: list[Pair], inside: bool, around: bool) -> str | None:
    """The statement's text with the texts of the new parts in the places of the old.

    Arguments:
        inside: whether what is kept in a new part gets brackets.
        around: whether the new part does.
    """
    start, end = statement.span(statement.node)
    line = statement.line
    try:
        spans = sorted(((statement.span(old), old, new) for old, new in pairs), key=lambda s: s[0])
    except AttributeError:  # a part that has no place, such as a context
        return None
    for (first, last), _, new in reversed(spans):
        text = _text(statement, new, inside)
        if isinstance(new, ast.Name) and _is_in_brackets(line, first, last):
            first, last = first - 1, last + 1
        brackets = around and not isinstance(new, _ATOMIC)
        line = line[:first] + (f"({text})" if brackets else text) + line[last:]
        end += len(line) - len(statement.line) - (end - statement.span(statement.node)[1])
    return line[start:end]


def _is_in_brackets(line: str, first: int, last: int) -> bool:
    """Whether a part stands in brackets that are those of no call."""
    before = line[: first - 1].rstrip()[-1:] if first else ""
    return line[first - 1 : first] + line[last : last + 1] == "()" and not (
        _is_of_word(before) or before in (")", "]")
    )


def _text(statement: Statement, new: ast.AST, brackets: bool) -> str:
    """A new part, in which what the statement had before keeps its text."""
    before: dict[object, ast.AST] = {}
    for node in ast.walk(statement.node):
        if isinstance(node, ast.expr) and hasattr(node, "lineno"):
            before.setdefault(_key(node), node)
    kept = _Kept(statement, before)
    plain = ast.unparse(kept.visit(new))
    if '"' in statement.text and "'" not in statement.text:
        plain = plain.replace("'", '"')  # the user's quotes
    for name, (text, atomic) in kept.texts.items():
        plain = plain.replace(name, f"({text})" if brackets and not atomic else text)
    return plain


def with_plain_products(edited: ast.stmt, original: ast.stmt) -> ast.stmt:
    """An edited statement with ``a * b * c`` where the edit made ``a * (b * c)`` of it.

    >>> statement = ast.parse("d = a * (b * c)").body[0]
    >>> ast.unparse(with_plain_products(statement, ast.parse("d = a").body[0]))
    'd = a * b * c'
    """
    mine = {_key(node) for node in ast.walk(original) if isinstance(node, ast.BinOp)}
    made = cast(ast.stmt, _Products(mine).visit(edited))
    return ast.fix_missing_locations(ast.copy_location(made, edited))


class _Products(ast.NodeTransformer):
    def __init__(self, mine: set[object]) -> None:
        self.mine = mine

    def visit(self, node: ast.AST) -> ast.AST:
        made: ast.AST = super().visit(_shallow(node))
        match made:
            case ast.BinOp(
                left=left,
                op=ast.Mult(),
                right=ast.BinOp(left=inner, op=ast.Mult() | ast.Div() as op, right=last) as right,
            ) if _key(right) not in self.mine:
                product = self.visit(ast.BinOp(left, ast.Mult(), inner))
                return ast.BinOp(product, op, last)  # type: ignore[arg-type]
        return made


class _Kept(ast.NodeTransformer):
    """Puts names in the place of the parts that the statement had."""

    def __init__(self, statement: Statement, before: dict[object, ast.AST]) -> None:
        self.statement, self.before = statement, before
        self.texts: dict[str, tuple[str, bool]] = {}

    def visit(self, node: ast.AST) -> ast.AST:
        known = self.before.get(_key(node)) if isinstance(node, ast.expr) else None
        if known is None or isinstance(node, ast.Name | ast.Constant):
            return self.generic_visit(_shallow(node))
        name = f"__part{len(self.texts)}__"
        self.texts[name] = self.statement.segment(known), isinstance(node, _ATOMIC)
        return ast.Name(name, ast.Load())


def _shallow(node: ast.AST) -> ast.AST:
    made = ast.copy_location(type(node)(**dict(ast.iter_fields(node))), node)
    for name, value in ast.iter_fields(made):
        if isinstance(value, list):
            setattr(made, name, list(value))
    return made


def beside_others(edited: ast.stmt, statement: Statement) -> float:
    """How much less likely a change is than others, by what else stands in the function: it is
    likelier if with it the statement is another but for names, and was not, and less likely if it
    was one, and is not, or if what is taken away stands in another as well.

    >>> from autograd_mini.check.lines.source import unit_of
    >>> def step(w, b, rate, x, e, n):
    ...     w = w + rate * (-(2 / n) * x * e)
    ...     b = b - rate * (-(2 / n) * e * x)
    >>> first, _ = [Statement(unit_of(step), node) for node in unit_of(step).tree.body]
    >>> beside_others(ast.parse("w = w - rate * (-(2 / n) * x * e)").body[0], first)
    -0.6
    >>> beside_others(ast.parse("w = w + rate * (2 / n * x * e)").body[0], first)
    0.6
    """
    others = [node for node in statement.unit.statements.values() if node is not statement.node]
    form = _form(edited)
    own, forms = _form(statement.node), set(map(_form, others))
    if form != own and form in forms and form.count("_") >= _TELLING:
        return _LIKE_ANOTHER
    terms = own.count("_") + own.count(" + ") + own.count(" - ")
    if form != own and own in forms and terms >= _TELLING_BEFORE:
        return _UNLIKE_ANOTHER
    pairs = changed_parts(statement.node, edited)
    gone = {_key(old) for old, _ in pairs if isinstance(old, ast.BinOp | ast.UnaryOp)}
    parts = (part for other in others for part in _operands(other)) if gone else ()
    return _STANDS_ELSEWHERE if any(_key(part) in gone for part in parts) else 0.0


def _operands(node: ast.AST | None) -> Iterator[ast.expr]:
    """What a statement computes with, but for what is handed to calls or counts."""
    if isinstance(node, ast.BinOp | ast.UnaryOp):
        yield node
        for part in ast.iter_child_nodes(node):
            yield from _operands(part)
    elif isinstance(node, ast.stmt):
        yield from _operands(getattr(node, "value", None))


_LIKE_ANOTHER, _UNLIKE_ANOTHER, _STANDS_ELSEWHERE = -0.6, 0.6, 0.6
_TELLING, _TELLING_BEFORE = 3, 5
"""How many names two statements have, at the least, if they are compared with a change; and
without it, where sums count too: most products of two names are alike.
"""


def _form(node: ast.stmt) -> str:
    """The text of a statement without the names of its operands; methods keep theirs.

    >>> _form(ast.parse("w += self.rate * x.T.dot(np.tanh(d))").body[0])
    '_ += _ * _.T.dot(_.tanh(_))'
    """

    def without_name(found: re.Match[str]) -> str:
        name, after, bracket = found.groups()
        return f"_{after}(" if bracket and after else f"{name}(" if bracket else "_"

    return re.sub(r"(?<![\w.])([^\W\d]\w*)((?:\.\w+)*)(\()?", without_name, ast.unparse(node))
