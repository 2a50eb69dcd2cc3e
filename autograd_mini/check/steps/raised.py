"""What a step raised, with its line and what to write, where that is known."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from autograd_mini.check.broadcasting import remedy
from autograd_mini.check.lines.failing import failing_statement
from autograd_mini.check.lines.program import Program
from autograd_mini.check.lines.source import Statement
from autograd_mini.check.refusal import CannotTell
from autograd_mini.check.scope import Scope


def told(program: Program, error: BaseException) -> BaseException:
    """An error that a program raised; of shapes that do not fit with the line and a remedy."""
    statement = failing_statement(program, error) if isinstance(error, ValueError) else None
    if statement is None or isinstance(error, CannotTell):
        return error
    message = f"line {statement.number}, {statement.text}: {str(error).strip()}"
    advice = _advice(program, statement)
    return ValueError(f"{message}: {advice}" if advice else message)


def _advice(program: Program, statement: Statement) -> str:
    """What to write where operands of a statement do not broadcast."""
    found: list[str] = []

    def visit(names: Mapping[str, Any]) -> None:
        for node in ast.walk(statement.node):
            if isinstance(node, ast.BinOp):
                try:
                    both = [
                        eval(ast.unparse(part), dict(names)) for part in (node.left, node.right)
                    ]
                except Exception:  # it is within what fails
                    continue
                found.append(remedy(both, Scope(names)))

    program.run(before=statement.place, visit=visit)
    return next(filter(None, found), "")
