"""What an expression of the user's is, without a call of the user's functions."""

from __future__ import annotations

import ast
import builtins
import inspect
import operator
import types
from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeAlias

import numpy as np

from autograd_mini.check.holders import held

Shape = tuple[int, ...]

Thing: TypeAlias = Any
"""Whatever a name stands for: an array, a number, a function, a module, …"""


class _Unknown:
    """What cannot be known without a call."""

    def __repr__(self) -> str:
        return "unknown"


UNKNOWN = _Unknown()

_OPERATORS: dict[type[ast.AST], Callable[..., object]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.Div: operator.truediv, ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
    ast.Pow: operator.pow, ast.MatMult: operator.matmul, ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_, ast.BitXor: operator.xor, ast.USub: operator.neg,
    ast.UAdd: operator.pos, ast.Invert: operator.invert, ast.Not: operator.not_,
    ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip

_METHODS = (
    "sum", "mean", "max", "min", "dot", "transpose", "reshape", "ravel", "flatten", "swapaxes",
    "squeeze", "copy", "clip", "astype", "std", "var", "argmax", "argmin", "cumsum", "prod",
    "repeat", "take", "diagonal", "trace", "conj", "item",
)  # fmt: skip
"""The methods of an array that change nothing."""

_CHANGING = (
    "copyto", "put", "place", "putmask", "fill_diagonal", "save", "savez", "savetxt",
)  # fmt: skip
_BUILTINS = frozenset({len, range, float, int, abs, sum, min, max, reversed, zip, enumerate, tuple})
_ATTRIBUTES = frozenset({"T", "shape", "size", "ndim", "real"})


def value_of(node: ast.AST | None, values: Mapping[str, object]) -> object:
    """What an expression is, where that can be found without a call of the user's functions.

    The result of a function of one array is taken to have the array's shape, and stands here as
    that array.  ``UNKNOWN`` is what is not known, and what NumPy refuses.
    """
    try:
        with np.errstate(all="ignore"):
            return _value_of(node, values)
    except Exception:
        return UNKNOWN


def _value_of(node: ast.AST | None, values: Mapping[str, object]) -> Thing:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        if node.id in values:
            return values[node.id]
        return getattr(builtins, node.id, UNKNOWN)
    if isinstance(node, ast.Attribute):
        return _member(_value_of(node.value, values), node.attr)
    parts = [held(_value_of(child, values)) for child in _operands_of(node)]
    if any(part is UNKNOWN for part in parts):
        return UNKNOWN
    match node:
        case ast.BinOp() | ast.UnaryOp():
            return _OPERATORS[type(node.op)](*parts)
        case ast.Compare(ops=[op]):
            return _OPERATORS[type(op)](*parts)
        case ast.Tuple():
            return tuple(parts)
        case ast.List():
            return parts
        case ast.Slice():
            return slice(*parts)
        case ast.IfExp():
            return parts[1]
        case ast.Subscript() if isinstance(parts[0], np.ndarray | dict | list | tuple):
            return parts[0][parts[1]]
        case ast.Call():
            return _called(node, parts, values)
    return UNKNOWN


def _operands_of(node: ast.AST | None) -> list[ast.AST | None]:
    match node:
        case ast.BinOp():
            return [node.left, node.right]
        case ast.UnaryOp():
            return [node.operand]
        case ast.Compare():
            return [node.left, *node.comparators]
        case ast.Tuple() | ast.List():
            return list(node.elts)
        case ast.Slice():
            return [part or ast.Constant(None) for part in (node.lower, node.upper, node.step)]
        case ast.IfExp():
            return [node.test, node.body, node.orelse]
        case ast.Subscript():
            return [node.value, node.slice]
        case ast.Call():
            return list(node.args)
    return []


def _called(node: ast.Call, arguments: list[Any], values: Mapping[str, object]) -> Thing:
    options = {k.arg or "**": _value_of(k.value, values) for k in node.keywords}
    if options.keys() & {"**", "out"} or any(v is UNKNOWN for v in options.values()):
        return UNKNOWN
    if isinstance(node.func, ast.Attribute):
        owner = _value_of(node.func.value, values)
        if isinstance(owner, np.ndarray | np.generic) and node.func.attr in _METHODS:
            return getattr(owner, node.func.attr)(*arguments, **options)
    function = _value_of(node.func, values)
    if (isinstance(function, Hashable) and function in _BUILTINS) or is_of_numpy(function):
        return function(*arguments, **options)
    if callable(function) and len(arguments) == 1 and isinstance(arguments[0], np.ndarray):
        return arguments[0]
    return UNKNOWN


def is_of_numpy(function: object) -> bool:
    """Whether it is a function of NumPy's that changes nothing."""
    if isinstance(function, np.ufunc):
        return True
    module = getattr(function, "__module__", None) or ""
    name = getattr(function, "__name__", "")
    return (module == "numpy" or module.startswith("numpy.linalg")) and name not in _CHANGING


def _member(owner: Thing, name: str) -> Thing:
    """An attribute that is there without a call."""
    if owner is UNKNOWN:
        return UNKNOWN
    if isinstance(owner, types.ModuleType):
        return getattr(owner, name, UNKNOWN)
    if isinstance(owner, np.ndarray | np.generic):
        return getattr(owner, name) if name in _ATTRIBUTES else UNKNOWN
    kept = inspect.getattr_static(owner, name, UNKNOWN)
    if isinstance(kept, property) or hasattr(type(kept), "__getattr__"):
        return UNKNOWN
    is_own = type(owner).__module__.startswith("autograd_mini") and name not in getattr(
        owner, "__dict__", ()
    )
    if is_own and name not in _ATTRIBUTES:
        return UNKNOWN
    return getattr(owner, name, UNKNOWN) if kept is not UNKNOWN else UNKNOWN


def shape_of(value: object) -> Shape | None:
    """The shape of an array, of one that is held, or of a number (``()``); ``None`` for anything
    else.
    """
    if isinstance(value, int | float | complex):
        return ()
    shape = getattr(held(value), "shape", None)
    return shape if isinstance(shape, tuple) else None


def broadcasts(shape: Shape, into: Shape) -> bool:
    """Whether an array of one shape, broadcast to another, fills it."""
    try:
        return np.broadcast_shapes(shape, into) == into
    except ValueError:
        return False
