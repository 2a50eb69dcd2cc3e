"""A file that is run, statement by statement, until what is looked for is reached."""

from __future__ import annotations

import ast
import builtins
import time
import traceback
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from autograd_mini.check.lines.program import Listen, Program, Stopped
from autograd_mini.check.lines.source import Place
from autograd_mini.check.lines.state import State
from autograd_mini.check.refusal import CannotTell
from autograd_mini.check.scripts.blocks import block, stored
from autograd_mini.check.scripts.given import bound_by, by_variable, missing_file
from autograd_mini.check.scripts.text import Cell
from autograd_mini.check.steps.raised import told
from autograd_mini.check.steps.variables import Held

Turned = Callable[[Place, types.FrameType], None]

CALL = "<call>"
"""The name of the text of what is called, behind those of the file."""

_PLAIN = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom,
)  # fmt: skip
"""Statements that train nothing."""


@dataclass(frozen=True)
class File:
    """What is run.

    Attributes:
        cells: its texts.
        given: data that it reads, by the names of variables or files.
        called: whether the last statement is what is to be checked.
        seconds: how long it may run until its step is found.
        before: is called before each run of it.
    """

    cells: tuple[Cell, ...]
    given: Mapping[str, Held] = field(default_factory=dict)
    called: bool = False
    seconds: float = 60.0
    before: Callable[[], None] = lambda: None

    @property
    def statements(self) -> list[tuple[Cell, ast.stmt]]:
        """The statements at the top, each with the cell that it is in."""
        return [(cell, node) for cell in self.cells for node in cell.tree.body]


class _Untouched(State):
    """Looks after nothing: what a file does while it is run for good stays done."""

    def add(self, *roots: object) -> None:
        """Nothing is put back."""

    def begin(self) -> None:
        """Nothing is put back."""

    def restore(self) -> None:
        """Nothing is put back."""


class Execution:
    """One run of a file, in a namespace of its own."""

    def __init__(self, file: File) -> None:
        self.file = file
        file.before()
        for cell in file.cells:
            cell.remember()
        given = by_variable(file.given)
        self.given = set(given)
        self.namespace: dict[str, Any] = {
            "__name__": "called" if file.called else "__main__",
            "__builtins__": builtins,
            "__doc__": None,
            "__file__": file.cells[0].name,
            **given,
        }
        self._block: Callable[..., Any] = lambda: None
        self.program = Program(self._entry, state=_Untouched())
        self._end = time.monotonic() + file.seconds

    def _entry(self, follow: Callable[[Any], Any]) -> dict[str, Any]:
        follow(self._block)()
        return {}

    def run(
        self, upto: int | None = None, turned: Turned | None = None, listen: Listen | None = None
    ) -> bool:
        """Run the statements at the top, in order.

        Arguments:
            upto: the number of the first that is not run.
            turned, listen: as for ``Program.run``; ``Stopped`` ends the run.

        Returns:
            Whether it came to its end.

        Raises:
            CannotTell: data are missing, or it takes too long.
            Exception: what the file raises.
        """

        def turned_in_time(place: Place, frame: types.FrameType) -> None:
            if time.monotonic() > self._end:
                raise TimeoutError
            if turned is not None:
                turned(place, frame)

        statements = self.file.statements
        for number, (cell, node) in enumerate(statements[:upto]):
            if self.given and {*stored(node)} and {*stored(node)} <= self.given:
                continue
            try:
                before = self.file.called and number < len(statements) - 1
                watched = listen is not None or turned is not None
                if before or isinstance(node, _PLAIN) or not watched:
                    self.define(cell, node)
                    continue
                self._block = block(cell.name, cell.lines, [node], self.namespace)
                error = self.program.run(turned=turned_in_time, listen=listen, restored=False).error
            except (Exception, SystemExit) as raised:
                error = raised
            if isinstance(error, Stopped):
                return False
            if isinstance(error, Exception) and _only_shows(node):
                continue
            if isinstance(error, SystemExit):
                if error.code in (None, 0):
                    return True
                raise CannotTell(
                    f"line {line_of(error, self.file)}: the file ended itself, with "
                    f"{error.code!r}, as where arguments of the command line are missing: say what "
                    "is to be called, call='train(X, y)' (--call)"
                ) from error
            if error is not None:
                raise self._told(error, cell) from error
        return True

    def define(self, cell: Cell, node: ast.stmt) -> None:
        """Run a statement that trains nothing."""
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            return
        code = compile(ast.Module([node], []), cell.name, "exec")
        try:
            exec(code, self.namespace)
        except ImportError as error:
            if not isinstance(node, ast.Import | ast.ImportFrom):
                raise
            self.namespace |= bound_by(node, error)

    def _told(self, error: BaseException, cell: Cell) -> BaseException:
        """An error of the file's, as what is asked for, where that is known."""
        if isinstance(error, FileNotFoundError):
            return missing_file(error, line_of(error, self.file))
        if isinstance(error, TimeoutError) and not error.args:
            return CannotTell(
                f"no parameter was updated within {self.file.seconds:g} s of running: give less "
                "data, or what is to be called, call='train(X, y)' (--call)"
            )
        if cell.name == CALL and traceback.extract_tb(error.__traceback__)[-1].filename == CALL:
            named = [name for name, one in self.namespace.items() if _is_called(one)]
            return CannotTell(
                f"call={cell.text!r} (--call) raised {type(error).__name__}: {error}; what the "
                f"file defines is {', '.join(named) or 'no function and no class'}"
            )
        return told(self.program, error)


def _is_called(value: object) -> bool:
    """Whether it is a function or a class of the user's."""
    if not isinstance(value, types.FunctionType | type):
        return False
    return value.__module__ in ("__main__", "called")


def _only_shows(node: ast.stmt) -> bool:
    """Whether a statement prints: what it shows is not missed."""
    call = node.value if isinstance(node, ast.Expr) else None
    return isinstance(call, ast.Call) and ast.unparse(call.func) in ("print", "display")


def line_of(error: BaseException, file: File) -> int:
    """The line of a file in which an error was raised."""
    names, line, step = {cell.name for cell in file.cells}, 0, error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename in names:
            line = step.tb_lineno
        step = step.tb_next
    return line
