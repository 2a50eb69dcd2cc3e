"""Operands that do not broadcast, or that broadcast where they should not."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from autograd_mini.check.scope import Scope
from autograd_mini.core.graph import data_of, is_node
from autograd_mini.typing import Operand

_PACKAGE = __name__.partition(".")[0]


def advice(error: BaseException, around: Mapping[str, Any]) -> str:
    """What to write where operands of an elementwise operation did not broadcast, or ``""``."""
    operation = getattr(error, "operation", None)
    if operation is None or not operation.elementwise:
        return ""
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    theirs = [f for f in frames if f.f_globals.get("__name__", "").split(".")[0] != _PACKAGE]
    local = {name: value for frame in theirs for name, value in frame.f_locals.items()}
    return remedy(getattr(error, "operands", ()), Scope({**around, **local}))


def remedy(operands: Sequence[Any], scope: Scope) -> str:
    """What to write where two operands do not broadcast, or ``""``.

    >>> x, y = np.ones((3, 2)), np.array([0, 1, 1])
    >>> remedy((x, y), Scope({"x": x, "y": y}))
    'y has shape (3,), x (3, 2): for class labels write one-hot rows, np.eye(2)[y]'
    """
    for flat, wide in pairs(operands):
        shape, wanted = np.shape(data_of(flat)), np.shape(data_of(wide))
        if len(shape) != 1 or len(wanted) != 2 or shape[0] != wanted[0]:
            continue
        name = scope.name_of(flat) or "the flat operand"
        what = f"{name} has shape {shape}, {scope.name_of(wide) or 'the other'} {wanted}"
        if are_labels(data_of(flat), wanted[1]):
            return f"{what}: for class labels write one-hot rows, np.eye({wanted[1]})[{name}]"
        return f"{what}: for one number in each row write {name}[:, None]"
    return ""


def pairs(operands: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    """Two operands in both orders."""
    if len(operands) == 2:
        yield operands[0], operands[1]
        yield operands[1], operands[0]


def are_labels(labels: Operand, classes: int) -> bool:
    """Whether numbers can be class labels from 0 or from 1, of at least two classes."""
    if is_node(labels):
        return False
    values = np.unique(np.asarray(labels))
    if values.size < 2 or np.any(values != np.round(values)):
        return False
    return bool(0 <= values[0] and values[-1] < classes + min(values[0], 1))
