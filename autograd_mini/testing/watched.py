"""What the backward lines of a file hold, each time that they run."""

from __future__ import annotations

import ast
import functools
import itertools
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import CodeType, FrameType, ModuleType
from typing import Any

import numpy as np

Statement = ast.Assign | ast.AugAssign | ast.Return | ast.Expr

Definition = ast.FunctionDef | ast.Module

Trace = Callable[[FrameType, str, Any], "Trace | None"]


def watched(source: str, run: Callable[[dict[str, Any]], object]) -> list[Function]:
    """The functions of a file that have backward lines, with what these held in a run; the file
    itself is one if lines outside of functions are such.

    Raises:
        ValueError: no backward line was run.
    """
    functions = [
        Function(node, lines)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, Definition) and (lines := _backward_lines(source, node))
    ]
    _watch(source, run, functions)
    if not any(function.times for function in functions):
        raise ValueError(
            "no backward line was run: a comment that says backward shows where they begin"
        )
    return functions


def backward_lines(source: str) -> set[int]:
    """The numbers of the lines in which ``file_mutants`` plants mistakes."""
    functions = [n for n in ast.walk(ast.parse(source)) if isinstance(n, Definition)]
    return {line for node in functions for line in _backward_lines(source, node)}


_COMMENT = re.compile(r"^\s*#.*\bbackward\b", re.IGNORECASE)
_NAME = re.compile(r"backward|prime|gradient", re.IGNORECASE)


def _backward_lines(source: str, function: Definition) -> range:
    texts = source.splitlines()
    first, end = 1, len(texts)
    if isinstance(function, ast.FunctionDef):
        first, end = function.lineno, function.end_lineno or function.lineno
    inside = range(function.body[0].lineno if function.body else end, end + 1)
    inner = [n for n in ast.walk(function) if isinstance(n, ast.FunctionDef) and n is not function]
    of_inner = {line for n in inner for line in range(n.lineno, (n.end_lineno or 0) + 1)}
    for line in range(first, inside.stop):
        if _COMMENT.match(texts[line - 1]) and line not in of_inner:
            return range(line + 1, inside.stop)
    return inside if _NAME.search(name_of(function)) else range(0)


def name_of(function: Definition) -> str:
    """What Python calls a function, or the code of a file."""
    return function.name if isinstance(function, ast.FunctionDef) else "<module>"


@dataclass
class Time:
    """What a line could read, one of the times that it ran, and which of it are gradients."""

    names: dict[str, Any]
    gradients: set[str]


@dataclass
class Function:
    """A function with backward lines.

    Attributes:
        node: the function.
        lines: its backward lines.
        times: what each held, by the number of the line, each time that it ran.
    """

    node: Definition
    lines: range
    times: dict[int, list[Time]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        inner = [
            child
            for node in ast.walk(self.node)
            if isinstance(node, ast.FunctionDef | ast.Lambda) and node is not self.node
            for child in ast.walk(node)
        ]
        hidden = {id(child) for child in inner}
        self.statements: dict[int, Statement] = {
            node.lineno: node
            for node in ast.walk(self.node)
            if isinstance(node, ast.Assign | ast.AugAssign | ast.Return | ast.Expr)
            and node.lineno in self.lines
            and id(node) not in hidden
        }
        self.statement_at = {
            line: node
            for node in self.statements.values()
            for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
        }
        self.owners = {
            ast.unparse(node): ast.unparse(node.value)
            for node in ast.walk(self.node)
            if isinstance(node, ast.Attribute | ast.Subscript) and id(node) not in hidden
        }
        self.stand_ins = {text: f"entry_{i}_" for i, text in enumerate(self.owners)}
        self.written = {name: text for text, name in self.stand_ins.items()}
        self.assigned_in: dict[str, int] = {}
        """The first line that assigns a name or entry."""
        for node in ast.walk(self.node):
            for text in targets_of(node):
                line = node.lineno  # type: ignore[attr-defined]
                self.assigned_in[text] = min(line, self.assigned_in.get(text, line))


def targets_of(statement: ast.AST) -> list[str]:
    if isinstance(statement, ast.AugAssign):
        return [ast.unparse(statement.target)]
    if not isinstance(statement, ast.Assign):
        return []
    target = statement.targets[0]
    return [ast.unparse(t) for t in (target.elts if isinstance(target, ast.Tuple) else [target])]


def _watch(source: str, run: Callable[[dict[str, Any]], object], functions: list[Function]) -> None:
    """Run the file and note what each backward line holds, before it runs."""
    filename = f"<backward pass {next(_NUMBERS)}>"
    known = {(getattr(f.node, "lineno", 1), name_of(f.node)): f for f in functions}
    made: dict[int, Any] = {}  # gradients by id; held, so that no id is used again
    running: dict[FrameType, Statement | None] = {}

    def trace(frame: FrameType, event: str, argument: object) -> Trace | None:
        function = known.get((frame.f_code.co_firstlineno, frame.f_code.co_name))
        if frame.f_code.co_filename != filename or function is None:
            return None
        if event == "exception":
            return trace
        statement = running.get(frame)
        following = function.statement_at.get(frame.f_lineno) if event == "line" else None
        if event == "line" and statement is not None and following is statement:
            return trace
        if statement is not None:
            _note_made(frame, statement, argument if event == "return" else None, made)
        running[frame] = following
        if event == "return":
            del running[frame]
        elif following is not None:
            function.times.setdefault(following.lineno, []).append(_held(frame, function, made))
        return trace

    names: dict[str, Any] = {"np": np, "__name__": "backward_pass"}
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        with np.errstate(all="ignore"):
            exec(compile(source, filename, "exec"), names)
            run(names)
    finally:
        sys.settrace(before)


_NUMBERS = itertools.count()


def _held(frame: FrameType, function: Function, made: Mapping[int, Any]) -> Time:
    names: dict[str, Any] = {**frame.f_builtins, **frame.f_globals}
    gradients = set()
    arrays = dict(frame.f_locals)
    for text, owner in function.owners.items():
        value = _evaluated(text, frame)
        if isinstance(value, np.ndarray | np.generic | float | int) and not isinstance(
            _evaluated(owner, frame), np.ndarray | np.generic | ModuleType
        ):
            arrays[function.stand_ins[text]] = value
    for name, value in arrays.items():
        names[name] = value.copy() if isinstance(value, np.ndarray) else value
        if id(value) in made:
            gradients.add(name)
    return Time(names, gradients)


def _note_made(
    frame: FrameType, statement: Statement, returned: object, made: dict[int, Any]
) -> None:
    """Remember the arrays that a line made, if they are gradients.

    They are if the line reads a gradient, or if their name says so.
    """
    reads = statement.value if statement.value is not None else ast.Constant(None)
    handed = any(
        id(value) in made
        for node in ast.walk(reads)
        if isinstance(node, ast.Name | ast.Attribute | ast.Subscript)
        for value in [_evaluated(ast.unparse(node), frame)]
    )
    values = [
        _evaluated(text, frame)
        for text in targets_of(statement)
        if handed or _GRADIENT.search(text)
    ]
    if handed and isinstance(statement, ast.Return):
        values += returned if isinstance(returned, tuple) else [returned]
    made.update({id(v): v for v in values if isinstance(v, np.ndarray | np.generic)})


_GRADIENT = re.compile(r"(^|\.)d[A-Za-z]*\d*$|delta|grad|nabla", re.IGNORECASE)


def _evaluated(text: str, frame: FrameType) -> object:
    try:
        return eval(_compiled(text), frame.f_globals, frame.f_locals)
    except Exception:  # whatever the code under test raises: it has no such operand yet
        return None


@functools.lru_cache(4096)
def _compiled(text: str) -> CodeType:
    return compile(text, "<operand>", "eval")
