"""What may be an operand of an array operation, and the errors for everything else."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from autograd_mini.core.graph import data_of, is_node
from autograd_mini.core.operation import Operation
from autograd_mini.core.value import Value, constant
from autograd_mini.interface import numpy_protocol
from autograd_mini.interface.traced import as_array, is_traced
from autograd_mini.typing import Array, Operand


def real_array(data: Operand, what: str = "") -> Array:
    """The data as a float array; integers become float64.

    Raises:
        TypeError: it holds complex numbers, text or objects.
    """
    if is_node(data):
        name = type(data).__name__
        raise TypeError(
            f"{what}expected plain numbers, found a {name}: write {name.lower()}.data, or "
            f"np.stack([...]) to join Tensors"
        )
    if isinstance(data, np.ma.MaskedArray):
        raise TypeError(f"{what}a Tensor would lose the mask: write data.filled(...)")
    try:
        array = as_array(data)
    except ValueError as error:
        raise ValueError(f"{what}rows of a Tensor must have one length: {error}") from None
    if array.dtype.kind in "iub":
        return array.astype(np.float64)
    if array.dtype.kind != "f":
        advice = {
            "c": "use real and imaginary parts",
            "U": "convert text to numbers first",
            "S": "convert text to numbers first",
            "O": _numbers_among_objects(array),
        }.get(array.dtype.kind, "convert it to float64 first")
        raise TypeError(
            f"{what}a Tensor holds real numbers (float16, float32, float64, or integers, which "
            f"become float64), not {array.dtype}: {advice}"
        )
    return array


def _numbers_among_objects(array: Array) -> str:
    """What to write for an array of objects."""
    others = [o for o in array.flat if constant(o) is None]
    if not others:
        return "write np.asarray(data, dtype=float)"
    if isinstance(others[0], Value):
        return "it holds Values, which Tensors do not mix with: write their .data for constants"
    return f"it holds a {type(others[0]).__name__}; all must be numbers, in rows of one length"


def as_operand(operand: Operand) -> Operand:
    """An operand as it is recorded: what another library calls an array or a number becomes ours.

    Raises:
        TypeError: it is a masked array or a matrix.
    """
    if hasattr(operand, "stands_for"):  # a buffer, which may be written to afterwards
        return operand.stands_for()
    others = is_traced(operand) or hasattr(operand, "takes_over")
    if is_node(operand) or isinstance(operand, np.generic) or others:
        return operand
    if is_node(inside := getattr(operand, "data", None)):  # an xarray's, with names for its axes
        return inside
    if not hasattr(operand, "__array__"):
        number = constant(operand)
        return operand if number is None else number
    numpy_protocol.refuse_kind(type(operand))
    return np.asarray(operand)


def mixed(name: str, left: Operand, right: Operand) -> tuple[Operand, Operand] | None:
    """The operands of an operator, one of which is neither an array nor a number of NumPy's.

    ``None`` if it is nothing that a Tensor may meet.
    """
    other = right if is_node(left) else left
    if isinstance(other, Value | complex | str | list | tuple):
        left, right = (o if is_node(o) else real_array(o, f"{name}: ") for o in (left, right))
    elif not hasattr(other, "__array__") and constant(other) is None:
        return None
    return left, right


def taking_over(operands: tuple[Any, ...]) -> Operand:
    """The operand that records an operation itself, in place of ``record``; mostly ``None``."""
    found = [operand for operand in operands if hasattr(operand, "takes_over")]
    return max(found, key=lambda operand: operand.level, default=None)


def refuse(operation: Operation, operands: tuple[Any, ...], error: Exception) -> NoReturn:
    """Raise ``error`` again with the operation and all operands' shapes named."""
    if any(isinstance(operand, Value) for operand in operands):
        raise TypeError(
            f"{operation.name} of a Tensor and a Value: write Tensor(value.data) for a constant, "
            "or make all of them Tensors"
        ) from None
    for operand in operands:
        if not is_node(operand):
            real_array(operand, f"{operation.name}: ")
    raise _told(operation, operands, error) from None  # no name here, which would keep it alive


def _told(operation: Operation, operands: tuple[Any, ...], error: Exception) -> Exception:
    """An error that says the shapes of an operation's operands, and has both."""
    shapes = " and ".join(str(np.shape(data_of(operand))) for operand in operands)
    told: Any = type(error)(f"{operation.name} of operands of shapes {shapes}: {error}")
    told.operation, told.operands = operation, operands
    return told  # type: ignore[no-any-return]
