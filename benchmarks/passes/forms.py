"""A network as a file of its own, in the forms that people write it in.

``Form`` is a choice of what is returned and of how a sigmoid is written; ``text`` gives the
network's part of its file in that form, and ``imported`` makes a module of a text, in a real
file, so that whoever reads sources finds its lines.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import itertools
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from autograd_mini.testing.mutants import Rewritten
from autograd_mini.testing.watched import backward_lines
from passes.network import Network


@dataclass(frozen=True)
class Form:
    """How a backward pass is written.

    Attributes:
        returned: ``"all"`` gradients that are derived, or only those of ``"parameters"``.
        sigmoid: a ``"helper"`` function, ``"written out"``, or ``"ag.sigmoid"`` in the loss.
    """

    returned: str
    sigmoid: str

    def __str__(self) -> str:
        returned = {"all": "all gradients", "parameters": "parameters only"}[self.returned]
        return f"{returned}, sigmoid {self.sigmoid}" if self.sigmoid else returned


def forms(network: Network) -> list[Form]:
    """The forms that differ for a network."""
    tree = ast.parse(_part(network))
    returned = ["parameters", "all"] if _returns_more(tree, network) else ["parameters"]
    written = any(map(_calls_sigmoid, ast.walk(tree)))
    sigmoids = ["helper", "written out", "ag.sigmoid"] if written else [""]
    return [Form(*choice) for choice in itertools.product(returned, sigmoids)]


def text(network: Network, form: Form) -> str:
    """The file of a network in a form; it defines the network's function, by its name."""
    source = _part(network)
    if form.returned == "parameters":
        source = _with_statements(source, lambda node: _parameters_only(node, network))
    if form.sigmoid == "written out":
        source = _with_statements(source, lambda node: _exchanged(node, "1 / (1 + np.exp(-({})))"))
    if form.sigmoid == "ag.sigmoid":
        source = _with_statements(
            source, lambda node: _exchanged(node, "ag.sigmoid({})"), only="loss"
        )
    return source


def with_line(source: str, number: int, line: str) -> str:
    """A text in which the statement that begins in a line is another."""
    lines = source.splitlines()
    statement = next(
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.stmt)
        and node.lineno <= number <= (node.end_lineno or 0)
        and not hasattr(node, "body")
    )
    indent = lines[statement.lineno - 1][: statement.col_offset]
    texts = textwrap.dedent(line).strip().splitlines()
    lines[statement.lineno - 1 : statement.end_lineno] = [indent + each for each in texts]
    return "\n".join(lines) + "\n"


def rewritten(source: str, rng: np.random.Generator) -> str:
    """A text whose backward lines compute the same in other arithmetic."""
    batches = "transpose(0, 2, 1)" in source  # whose matrix products are no others transposed
    backward = backward_lines(source)

    class Other(Rewritten):
        def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
            if batches and isinstance(node.op, ast.MatMult):
                self.generic_visit(node)
                return node
            return super().visit_BinOp(node)

    def changed(statement: ast.stmt) -> Any:
        if statement.lineno not in backward:
            return None
        return Other(rng).visit(ast.parse(ast.unparse(statement)).body[0])

    return _with_statements(source, changed)


@contextmanager
def imported(source: str) -> Iterator[ModuleType]:
    """The module of a text, in a file that is there as long as the block."""
    name = f"pass_{next(_NUMBERS)}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"{name}.py")
        path.write_text(source)
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
            yield module
        finally:
            del sys.modules[name]


_NUMBERS = itertools.count()


def _part(network: Network) -> str:
    """The imports of a network's file, its function, and what that calls."""
    source = inspect.getsource(inspect.getmodule(network.make))  # type: ignore[arg-type]
    lines = source.splitlines()
    defined = {
        node.name: node
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    needed = [network.make.__name__]
    for name in needed:
        for node in ast.walk(defined[name]):
            if isinstance(node, ast.Name) and node.id in defined and node.id not in needed:
                needed.append(node.id)
    parts = [
        "\n".join(lines[node.lineno - 1 : node.end_lineno])
        for name, node in defined.items()
        if name in needed
    ]
    return "\n\n\n".join([_HEAD, *parts]) + "\n"


_HEAD = """from __future__ import annotations

import numpy as np

import autograd_mini as ag"""


def _with_statements(
    source: str, changed: Callable[[ast.stmt], ast.stmt | None], only: str = ""
) -> str:
    """A text in which simple statements are others, those of one function or all but a sigmoid's.

    All other lines stay as they are.
    """
    lines = source.splitlines()
    functions = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef)]
    of_sigmoid = {id(child) for f in functions if f.name == "sigmoid" for child in ast.walk(f)}
    statements = {
        node.lineno: node
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, ast.Assign | ast.AugAssign | ast.Return | ast.Expr)
        and id(node) not in of_sigmoid
        and only in ("", function.name)
    }
    for number in sorted(statements, reverse=True):
        statement = statements[number]
        other = changed(statement)
        if other is not None:
            indent = lines[number - 1][: statement.col_offset]
            lines[number - 1 : statement.end_lineno] = [indent + ast.unparse(other)]
    return "\n".join(lines) + "\n"


def _calls_sigmoid(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "sigmoid"


def _exchanged(statement: ast.stmt, pattern: str) -> ast.stmt | None:
    """A statement with each call of sigmoid written otherwise, ``None`` if there is none."""
    if not any(map(_calls_sigmoid, ast.walk(statement))):
        return None

    class Other(ast.NodeTransformer):
        def visit_Call(self, node: ast.Call) -> Any:
            self.generic_visit(node)
            if not _calls_sigmoid(node):
                return node
            return ast.parse(pattern.format(ast.unparse(node.args[0])), mode="eval").body

    copied = ast.parse(ast.unparse(statement)).body[0]
    return ast.fix_missing_locations(Other().visit(copied))  # type: ignore[no-any-return]


def _written_gradients(node: ast.AST) -> list[str]:
    """The names of the gradients of a return of a dict that is written out."""
    if not (isinstance(node, ast.Return) and isinstance(node.value, ast.Dict)):
        return []
    return [key.value for key in node.value.keys if isinstance(key, ast.Constant)]


def _returns_more(tree: ast.AST, network: Network) -> bool:
    return any(set(_written_gradients(n)) - network.params.keys() for n in ast.walk(tree))


def _parameters_only(node: ast.stmt, network: Network) -> ast.stmt | None:
    if not _returns_more(node, network):
        return None
    assert isinstance(node, ast.Return)
    assert isinstance(node.value, ast.Dict)
    kept = [
        (key, value)
        for key, value in zip(node.value.keys, node.value.values, strict=True)
        if isinstance(key, ast.Constant) and key.value in network.params
    ]
    return ast.Return(ast.Dict([key for key, _ in kept], [value for _, value in kept]))
