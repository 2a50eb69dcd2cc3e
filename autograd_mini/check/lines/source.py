"""The source of a function of the user's, and the statements in it."""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

from autograd_mini.files import is_users as is_users

Place = tuple[str, int, int]
"""Where a statement begins: its file, line and column."""

Function = ast.FunctionDef | ast.AsyncFunctionDef

COMPOUND = (
    ast.For, ast.AsyncFor, ast.While, ast.If, ast.With, ast.AsyncWith, ast.Try, ast.TryStar,
    ast.Match, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef,
)  # fmt: skip
"""Statements that hold others."""

Headed = ast.For | ast.While | ast.If
"""Those of which the first line may be edited."""


@dataclass(frozen=True, eq=False)
class Unit:
    """A function as it was written.

    Attributes:
        file: the path of its file, or what Python calls the cell or doctest it is in.
        text: the lines of the whole file.
        tree: its definition; of a lambda, a definition that returns its expression.
        classes: the names of the classes around it, the outermost first.
    """

    file: str
    text: tuple[str, ...]
    tree: Function
    classes: tuple[str, ...] = ()

    @functools.cached_property
    def statements(self) -> dict[Place, ast.stmt]:
        """The statements that hold no others, in the order of the text."""
        return {self.place(node): node for node in statements_in(self.tree)}

    @functools.cached_property
    def kept(self) -> frozenset[str]:
        """What another method of its class keeps in ``self``, and no other than that one reads."""
        stored, read = dict[str, set[str]](), dict[str, set[str]]()
        for method in self._methods:
            for node in ast.walk(method):
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                    by = read if isinstance(node.ctx, ast.Load) else stored
                    by.setdefault(ast.unparse(node), set()).add(method.name)
        own = getattr(self.tree, "name", "")
        return frozenset(
            text
            for text, names in stored.items()
            if own not in names and not read.get(text, set()) - names
        )

    @functools.cached_property
    def _methods(self) -> list[ast.FunctionDef]:
        """The methods of the class around it."""
        try:
            body: list[ast.stmt] = ast.parse("".join(self.text)).body if self.classes else []
        except SyntaxError:  # a cell with magics
            return []
        for name in self.classes:
            found = [n for n in body if isinstance(n, ast.ClassDef) and n.name == name]
            body = found[-1].body if found else []
        return [node for node in body if isinstance(node, ast.FunctionDef)]

    @functools.cached_property
    def headers(self) -> dict[Place, ast.stmt]:
        """The first lines of loops and conditions, each as a statement that holds ``pass``."""
        found = {}
        for node in ast.walk(self.tree):
            if isinstance(node, Headed) and (header := self._header(node)) is not None:
                found[self.place(node)] = header
        return found

    def _header(self, node: Headed) -> ast.stmt | None:
        """The first line of a loop or condition; none of ``elif``, which is no statement."""
        asked = node.iter if isinstance(node, ast.For) else node.test
        row, column = asked.end_lineno or asked.lineno, asked.end_col_offset or 0
        lines = [line.encode() for line in self.text[node.lineno - 1 : row]]
        colon = lines[-1].find(b":", column) if lines else -1
        if colon < 0 or lines[0][node.col_offset :].startswith(b"elif"):
            return None
        fields = {**dict(ast.iter_fields(node)), "body": [ast.Pass()], "orelse": []}
        header = ast.copy_location(type(node)(**fields), node)
        header.end_lineno, header.end_col_offset = row, colon + 1
        return header

    def inside(self, place: Place) -> list[Place]:
        """The statements that a loop or condition holds."""
        return [
            self.place(statement)
            for node in ast.walk(self.tree)
            if isinstance(node, Headed) and self.place(node) == place
            for statement in statements_in(node)
        ]

    @functools.cached_property
    def editable(self) -> dict[Place, ast.stmt]:
        """All that may be edited: statements and headers."""
        return self.statements | self.headers

    @functools.cached_property
    def hooked(self) -> dict[tuple[Place, bool], list[ast.stmt]]:
        """Statements with hooks in them (``instrument``), as far as they were asked for, without
        and with those of turns.
        """
        return {}

    def place(self, node: ast.stmt | ast.expr) -> Place:
        """Where a statement of it begins, or a loop in one."""
        return self.file, node.lineno, node.col_offset


@dataclass(frozen=True)
class Statement:
    """A statement of the user's.

    Attributes:
        unit: the function that it is in.
        node: its syntax tree.

    >>> def area(r):
    ...     return 3 * r * r
    >>> statement = Statement(unit_of(area), unit_of(area).tree.body[0])
    >>> statement.number, statement.text
    (2, 'return 3 * r * r')
    """

    unit: Unit
    node: ast.stmt

    @property
    def place(self) -> Place:
        """Where it begins."""
        return self.unit.place(self.node)

    @property
    def number(self) -> int:
        """Its first line, from 1."""
        return self.node.lineno

    @property
    def is_lambda(self) -> bool:
        """Whether it is the expression of a lambda, which stands there without ``return``."""
        return self.unit.tree.name == _LAMBDA

    @property
    def text(self) -> str:
        """Its lines, without what stands before and after it."""
        return self.segment(self.node)

    @property
    def line(self) -> str:
        """Its lines, whole."""
        end = self.node.end_lineno or self.node.lineno
        return "".join(self.unit.text[self.node.lineno - 1 : end]).rstrip("\n")

    def segment(self, node: ast.AST) -> str:
        """The text of a part of it."""
        start, end = self.span(node)
        return self.line[start:end]

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Where a part of it begins and ends in ``line``, in characters."""
        at: Any = node
        lines = self.line.split("\n")
        return (
            _characters(lines, at.lineno - self.number, at.col_offset),
            _characters(lines, at.end_lineno - self.number, at.end_col_offset),
        )

    def with_part(self, old: ast.AST, new: str) -> str:
        """Its lines with a part exchanged."""
        start, end = self.span(old)
        return self.line[:start] + new + self.line[end:]


def _characters(lines: list[str], row: int, offset: int) -> int:
    """A place in lines, of which Python counts the bytes, in characters from their start."""
    before = sum(len(line) + 1 for line in lines[:row])
    return before + len(lines[row].encode()[:offset].decode(errors="replace"))


def statements_in(tree: ast.AST) -> Iterator[ast.stmt]:
    """The statements inside a tree that hold no others, in order."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.stmt) and not isinstance(child, COMPOUND):
            yield child
        else:
            yield from statements_in(child)


def unit_of(function: FunctionType) -> Unit | None:
    """The source of a function; ``None`` if it is not at hand, or not what runs.

    >>> unit_of(unit_of).tree.name
    'unit_of'
    """
    stated = getattr(function, UNIT, None)
    code = function.__code__
    return stated if isinstance(stated, Unit) else _unit_of_code(code, code.co_filename)


UNIT = "__autograd_mini_unit__"
"""The attribute of a function that was made of a part of a file: its ``Unit``."""


def reread() -> None:
    """See to it that a file that was edited and loaded again is read again."""
    linecache.checkcache()
    _unit_of_code.cache_clear()


@functools.lru_cache(maxsize=256)
def _unit_of_code(code: CodeType, file: str) -> Unit | None:
    """The source of code, which is equal to that of the same text in another file."""
    text = tuple(linecache.getlines(file))
    if not text:
        try:  # Jupyter and doctest keep it elsewhere
            text = tuple(inspect.findsource(code)[0])
        except (OSError, TypeError, IndexError):
            return None
    tree = _parsed("".join(text))
    if tree is None:
        return None
    found = [
        Unit(file, text, definition, classes)
        for definition, classes in _definitions(tree)
        if first_line(definition) == code.co_firstlineno and definition.name == code.co_name
    ]
    same = [unit for unit in found if _is_code_of(code, unit)]
    return same[0] if len(same) == 1 or (same and code.co_name == _LAMBDA) else None


@functools.lru_cache(maxsize=16)
def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return None


_LAMBDA = "<lambda>"


def _definitions(
    tree: ast.AST, classes: tuple[str, ...] = ()
) -> Iterator[tuple[Function, tuple[str, ...]]]:
    """All functions in a tree, with the classes around each."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, Function):
            yield child, classes
            yield from _definitions(child)
        elif isinstance(child, ast.ClassDef):
            yield from _definitions(child, (*classes, child.name))
        else:
            if isinstance(child, ast.Lambda):
                yield as_function(child), classes
            yield from _definitions(child, classes)


def as_function(node: ast.Lambda) -> Function:
    """A lambda as the definition of a function."""
    returned = ast.copy_location(ast.Return(node.body), node.body)
    made = ast.FunctionDef(_LAMBDA, node.args, [returned], [], None)
    definition: Function = ast.copy_location(made, node)
    return definition


def first_line(definition: Function) -> int:
    """The line that Python gives a function: that of its first decorator."""
    return min(node.lineno for node in (definition, *definition.decorator_list))


def _is_code_of(code: CodeType, unit: Unit) -> bool:
    """Whether code came of this source, as far as names tell: a file may have changed since."""
    arguments = unit.tree.args
    every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    count = code.co_argcount + code.co_kwonlyargcount
    if tuple(a.arg for a in every) != code.co_varnames[:count]:
        return False
    names = {node.attr for node in ast.walk(unit.tree) if isinstance(node, ast.Attribute)}
    names |= {node.id for node in ast.walk(unit.tree) if isinstance(node, ast.Name)}
    if code.co_name == _LAMBDA:
        alike = {*code.co_names, *code.co_freevars} <= names and _constants(code) <= _written(unit)
        return alike and _stands_in(code, unit.tree.body[0])
    return {name for name in code.co_freevars if name != "__class__"} <= names


def _stands_in(code: CodeType, body: ast.stmt) -> bool:
    """Whether the instructions of code came of a text, where Python tells: of two lambdas in one
    line each has its columns.
    """
    start = body.lineno, body.col_offset
    end = body.end_lineno or body.lineno, body.end_col_offset or 0
    told = [
        (first, column, last, after)
        for first, last, column, after in code.co_positions()
        if None not in (first, last, column, after) and (first, column) != (last, after)
    ]
    return all(
        start <= (first, column) and (last, after) <= end for first, column, last, after in told
    )


def _constants(code: CodeType) -> set[Any]:
    return {abs(c) if isinstance(c, float | int) else c for c in code.co_consts if _is_plain(c)}


def _written(unit: Unit) -> set[Any]:
    return {n.value for n in ast.walk(unit.tree) if isinstance(n, ast.Constant)}


def _is_plain(constant: object) -> bool:
    return isinstance(constant, str | int | float) and constant != _LAMBDA
