"""What the functions of the table do with numbers, arrays, Values and Tensors.

The functions themselves are printed from the table: ``_build/functions.py``.

>>> import numpy as np
>>> from autograd_mini import Tensor, Value, sigmoid
>>> sigmoid(0.0), sigmoid(np.zeros(2)), sigmoid(Value(0.0))
(0.5, array([0.5, 0.5]), Value(0.5, op='sigmoid'))
>>> sigmoid(Tensor([0.0, 1000.0])).data
array([0.5, 1. ])
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import numpy as np

from autograd_mini.core.broadcasting import is_shared
from autograd_mini.core.rule import FUNCTIONS, RULES
from autograd_mini.core.tensor import Tensor, plain, record
from autograd_mini.core.value import VALUE_FUNCTIONS, Value, number_of
from autograd_mini.interface.array_interface import ArrayInterface
from autograd_mini.interface.traced import TracedArray, called, is_traced
from autograd_mini.typing import Array, Operand

Branch = Operand | Callable[..., Operand]
"""A result, or a function of the operands that computes it."""


def apply(name: str, *operands: Operand) -> Operand:
    """The result of a rule on operands of any kind, recorded if one of them is a node.

    Raises:
        TypeError: a Value meets an array or a Tensor, or an operand is no real number.
    """
    if len(operands) == 1:  # the common cases first
        kind = type(operands[0])
        if kind is Tensor:
            return record(RULES[name], operands)
        if kind is np.ndarray and operands[0].dtype.kind == "f" and operands[0].ndim:
            return RULES[name].forward(operands[0])
    kinds = {*map(type, operands)}
    if not kinds <= _PLAIN:
        if any(issubclass(kind, ArrayInterface) for kind in kinds):
            return record(RULES[name], operands)
        if TracedArray in kinds:
            return called(RULES[name].forward, *operands)
        if any(issubclass(kind, Value) for kind in kinds):
            arrays = [o for o in operands if isinstance(o, np.ndarray) and o.ndim]
            if any(array.dtype != object for array in arrays):
                raise TypeError(
                    f"{name} of a Value and an array of shape {arrays[0].shape}: a Value holds "
                    "one number; use Tensor for arrays"
                )
            if not arrays:
                numbers = [
                    o if isinstance(o, Value) else number_of(o, f"{name}: ") for o in operands
                ]
                return VALUE_FUNCTIONS[name](*numbers)
    elif kinds <= _NUMBERS:
        with suppress(ArithmeticError, ValueError):  # out of range: by NumPy's rules, below
            return RULES[name].on_floats(*map(float, operands))
    # a number of Python's stays one, which has no dtype that an array's would give way to
    arrays = [o if type(o) in _NUMBERS else _array(name, o) for o in operands]
    if object in [array.dtype for array in arrays if type(array) not in _NUMBERS]:
        return np.frompyfunc(lambda *each: apply(name, *each), len(operands), 1)(*operands)
    return RULES[name].forward(*arrays)


_NUMBERS = {float, int, bool}
_PLAIN = {*_NUMBERS, np.ndarray, np.float64, np.float32}


def select(condition: Operand, x: Branch, y: Branch, *operands: Operand) -> Operand:
    """``where`` in a derivative: only the one branch is computed, if all elements take it.

    So the infinite slope that a kink would have is not recorded where there is no kink.  Over
    arrays, a branch that few elements take is computed for these alone.

    Arguments:
        condition: an array.
        x, y: numbers, arrays or Tensors, or functions of the operands that compute them.
        operands: numbers, arrays or Tensors.
    """
    small = type(condition) is np.ndarray and condition.dtype is _BOOL and condition.size <= FEW
    if small and condition.size and True not in condition.tobytes():  # counting takes longer
        return y(*operands) if callable(y) else y
    if is_traced(condition := plain(condition)):
        return _traced_select(condition, x, y, operands)
    taken = condition if type(condition) is np.ndarray else np.asarray(condition)
    if taken.dtype != bool:
        taken = taken != 0
    count = np.count_nonzero(taken)
    if not count:
        other = _computed(y, operands)
        if taken.size:
            return other
        return np.broadcast_to(other, np.broadcast_shapes(np.shape(other), taken.shape))
    if count == taken.size:
        return _computed(x, operands)
    if Tensor in [type(x), type(y), *map(type, operands)]:
        return FUNCTIONS["where"](condition, _computed(x, operands), _computed(y, operands))
    if _RARE * count <= taken.size:
        return _with_exceptions(y, taken, x, operands)
    if _RARE * (taken.size - count) <= taken.size:
        return _with_exceptions(x, ~taken, y, operands)
    return _chosen(taken, _computed(x, operands), _computed(y, operands))


def _traced_select(
    taken: TracedArray, x: Branch, y: Branch, operands: tuple[Operand, ...]
) -> Operand:
    """``select`` whose condition may be another in later calls: one branch, and then exceptions."""
    if Tensor in [type(x), type(y), *map(type, operands)]:
        return FUNCTIONS["where"](taken, _computed(x, operands), _computed(y, operands))
    if callable(x) or callable(y):
        if not callable(y):
            taken, x, y = ~taken, y, x
        common = _computed(y, operands)
        if is_traced(common) and common.shape == taken.shape:
            return taken.trace.call(but, (common, taken, x, *operands), {})
        y = common
    return np.where(taken, _computed(x, operands), y)


def but(
    common: Array, taken: Array, rare: Branch, *operands: Operand, out: Array | None = None
) -> Array:
    """What was computed for all, but of another branch where its condition holds."""
    if out is None:
        out = np.array(common)
    elif out is not common:
        np.copyto(out, common)
    if np.count_nonzero(taken):
        if taken.size <= FEW and callable(rare) and out.ndim:
            arrays = [o[taken] if type(o) is np.ndarray and o.ndim else o for o in operands]
            out[taken] = rare(*arrays)
        else:
            places = taken.ravel().nonzero()[0]
            out.put(places, _at(places, rare, operands))
    return out if out.ndim else out[()]


but.over = 0  # type: ignore[attr-defined]  # the operand whose memory the result may have


def _at(places: Array, branch: Branch, operands: tuple[Operand, ...]) -> Operand:
    """A branch at places of the flat arrays alone."""
    if not callable(branch):
        return branch.take(places) if type(branch) is np.ndarray and branch.ndim else branch
    return branch(*[o.take(places) if type(o) is np.ndarray and o.ndim else o for o in operands])


def _computed(branch: Branch, operands: tuple[Operand, ...]) -> Operand:
    return branch(*operands) if callable(branch) else branch


_BOOL = np.dtype(bool)
FEW = 1024
"""Of so many elements, or fewer, those that are taken are sooner had by the condition."""
_RARE = 8
"""One element of so many, or fewer, is worth picking out."""


def _with_exceptions(
    branch: Branch, taken: Array, rare: Branch, operands: tuple[Operand, ...]
) -> Operand:
    """A branch, but of another, computed for these alone, the elements that are taken."""
    common = _computed(branch, operands)
    arrays = [o for o in (common, rare, *operands) if type(o) is np.ndarray and o.ndim]
    if type(common) is np.ndarray and {a.shape for a in arrays} == {taken.shape}:
        places = taken.ravel().nonzero()[0]
        exceptions = _at(places, rare, operands)
        if np.result_type(common, exceptions) == common.dtype:
            result = common.copy() if is_shared(common, (branch, *operands)) else common
            result.put(places, exceptions)
            return result
    return _chosen(taken, _computed(rare, operands), common)


def _chosen(taken: Array, x: Operand, y: Operand) -> Operand:
    """``np.where`` over plain arrays; if they are large by bits, without a jump per element."""
    dtype = np.result_type(x, y)
    bits = _BITS.get(dtype)
    if bits is None or taken.size < _LARGE:
        return np.where(taken, x, y)
    x, y = (np.asarray(o, dtype).view(bits) for o in (x, y))
    ones = -taken.view(np.int8)  # -1 has all bits
    if not x.ndim and not x:
        return (y & ~ones).view(dtype)
    if not y.ndim and not y:
        return (x & ones).view(dtype)
    return (((x ^ y) & ones) ^ y).view(dtype)


_BITS = {
    np.dtype(floats): np.dtype(whole)
    for floats, whole in ((np.float16, np.int16), (np.float32, np.int32), (np.float64, np.int64))
}
_LARGE = 2000
"""From so many elements on, three passes over them are faster than one with jumps."""


def _array(name: str, operand: Operand) -> Array:
    """An operand as an array of real numbers, or of Values."""
    array = np.asarray(operand)
    unknown = array.dtype == object and not isinstance(operand, np.ndarray | Value | list | tuple)
    if unknown or array.dtype.kind not in "fiubO":
        found = type(operand).__name__ if unknown else array.dtype
        raise TypeError(f"{name} takes real numbers, arrays, Values and Tensors, not {found}")
    return array


from autograd_mini._build import functions as _table  # noqa: E402 - its functions call apply

FUNCTIONS.update({name: getattr(_table, name) for name in RULES if hasattr(_table, name)})
FUNCTIONS["select"] = select

for _name in (RULES.keys() & FUNCTIONS.keys()) - set(dir(Tensor)):  # as they are of Value
    setattr(Tensor, _name, FUNCTIONS[_name])
