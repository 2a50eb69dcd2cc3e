"""The one source that Cython compiles: ``value.py`` with its parts.

What lies in files of its own for a reader has to be in one module for the compiler, which then
calls it as C: the methods of ``Value`` in its class, after it what computes with its fields.
``setup.py`` writes this source and compiles it; it runs before the package can be imported.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

PARTS = (
    "core/value.py",
    "interface/value_protocol.py",
    "_build/value_operations.py",
    "interface/floats.py",
    "core/value_sweep.py",
    "operations/weighted_sum.py",
)
"""The files, from the package's folder on, the one with the class first."""

_MODULES = {f"autograd_mini.{part.removesuffix('.py').replace('/', '.')}" for part in PARTS}

HEADER = """\
# cython: binding=False, embedsignature=True, embedsignature.format=clinic
{docstring}

from __future__ import annotations

import cython
from cython.cimports.slabs import MADE_FROM, live_in_slabs
from autograd_mini._build import build

build.require(MADE_FROM.decode())  # before anything else of a version that may be another
"""
# With binding=False a method that is called on something else than a Value is a TypeError, as in
# plain Python.  In all parts elements that are computed are mapped or appended: where there is no
# memory for the list of a comprehension, Cython 3.3 releases its new element twice.


def composed(package: Path) -> str:
    """The source, made of the files in the package's folder."""
    imports: dict[str, None] = {}  # in the order in which they are first needed
    methods: list[str] = []
    others: list[str] = []
    texts = [(package / part).read_text(encoding="utf-8") for part in PARTS]
    for text in texts[1:]:
        for statement in _statements(text, imports):
            if isinstance(statement, ast.ClassDef):
                _, *body = map(partial(_source, text), statement.body[1:])  # no docstring, no slots
                methods += body
            else:
                others.append(_source(text, statement))
    lines: list[str] = []
    for statement in _statements(texts[0], imports):
        source = _source(texts[0], statement)
        if isinstance(statement, ast.ClassDef):
            source = re.sub(r"(?m)^class (\w+)\(.*\):", r"class \1:", source)
            lines += [source, *methods, "live_in_slabs(Value)", *others]
        else:
            lines.append(source)
    docstring = _source(texts[0], ast.parse(texts[0]).body[0])
    return "\n\n".join([HEADER.format(docstring=docstring), *imports, *lines]) + "\n"


def _statements(text: str, imports: dict[str, None]) -> Iterator[ast.stmt]:
    """The statements of a part; its imports, but from other parts, are added to ``imports``."""
    for statement in ast.parse(text).body[1:]:  # the first is the docstring
        match statement:
            case ast.ImportFrom(module, names):
                if module != "__future__" and module not in _MODULES and names[0].asname != "cython":
                    imports[_source(text, statement)] = None
            case ast.Import():
                imports[_source(text, statement)] = None
            case ast.If(ast.Name("TYPE_CHECKING") | ast.UnaryOp()):  # not cython.compiled
                pass
            case _:
                yield statement


def _source(text: str, statement: ast.stmt) -> str:
    """The lines of a statement, with its decorators."""
    decorators = getattr(statement, "decorator_list", [])
    first = min([statement, *decorators], key=lambda node: node.lineno).lineno
    return "\n".join(text.splitlines()[first - 1 : statement.end_lineno])
