"""Samples that are computed with together: an array for one of them, with all behind it.

A ``Batched`` has the shape of one sample; ``whole`` has the samples along a first axis more.
NumPy's functions and operations of Tensors go over ``whole`` at once where that is known to be the
same (elementwise, along axes, products, linear algebra over stacks), and else sample by sample.
Where the code wants a sample's number, as in ``if``, ``Differs`` is raised: samples may go
different ways then.
"""

from __future__ import annotations

import functools
import inspect
import operator
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

import numpy as np
from numpy.typing import DTypeLike

from autograd_mini.core.operation import Operation
from autograd_mini.core.tensor import Tensor
from autograd_mini.interface.array_interface import ArrayInterface
from autograd_mini.transforms.batch_rules import OF_SHAPE, RULES, Opened, along, elementwise
from autograd_mini.trees import leaves, rebuild
from autograd_mini.typing import Function, Operand, Tree


class Differs(Exception):
    """What is asked for is another number for each sample."""


class _Open(threading.local):
    def __init__(self) -> None:
        self.sizes: list[int] = []


_open = _Open()


@contextmanager
def level_of(size: int) -> Iterator[int]:
    """Another level of samples inside those that are open, of so many samples: its number."""
    _open.sizes.append(size)
    try:
        yield len(_open.sizes)
    finally:
        _open.sizes.pop()


def lead() -> tuple[int, ...]:
    """How many samples there are at each level that is open, from the outermost on."""
    return tuple(_open.sizes)


class Batched(ArrayInterface):
    """A sample of an array, with all samples behind it.

    Arguments:
        whole: an array, Tensor or Batched of a lower level, with the samples along axis 0.
        level: the number of the level.
    """

    __slots__ = ("whole", "level")

    def __init__(self, whole: Operand, level: int) -> None:
        self.whole, self.level = whole, level

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(np.shape(self.whole)[1:])

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=int))

    @property
    def dtype(self) -> np.dtype[Any]:
        found: np.dtype[Any] = self.whole.dtype
        return found

    def __repr__(self) -> str:
        return f"Batched({self.whole!r})"

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("a sample of shape () has no length")
        return self.shape[0]

    def __getitem__(self, index: object) -> Operand:
        return call(operator.getitem, (self, index), {})

    def __matmul__(self, other: Operand) -> Operand:
        return call(np.matmul, (self, other), {})

    def __rmatmul__(self, other: Operand) -> Operand:
        return call(np.matmul, (other, self), {})

    def astype(self, dtype: DTypeLike | None) -> Operand:
        return Batched(self.whole.astype(dtype), self.level)

    def detach(self) -> Batched:
        """The same numbers, cut from the graph."""
        whole = self.whole
        return Batched(whole if isinstance(whole, np.ndarray) else whole.detach(), self.level)

    def _ask(self, *_: object, **__: object) -> NoReturn:
        raise Differs

    __bool__ = __float__ = __int__ = item = _ask
    __array__ = __setitem__ = _ask
    data = property(_ask)

    # NumPy's functions, and operations

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Operand, **kwargs: Operand
    ) -> Operand:
        return call(ufunc if method == "__call__" else getattr(ufunc, method), inputs, kwargs)

    def __array_function__(
        self, func: Function, types: object, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Operand:
        return call(func, args, kwargs)

    def takes_over(
        self, operation: Operation, operands: tuple[Any, ...], options: dict[str, Any]
    ) -> Operand:
        """What ``record`` gives of operands one of which is this."""
        named = {option: options[option] for option in ("axis", "keepdims") if option in options}
        if operation.elementwise:
            return _together(lambda *o: operation(*o, **options), elementwise, operands, {})
        whole_axes = operation.reduces or (operation.parts and not operation.foreign)
        if whole_axes and len(operands) == 1 and named == options:
            return _together(operation, along, operands, options)
        parts = operation.parts and operation.parts(*operands, **options)
        return _one_by_one(operation, operands, options) if parts is None else parts


def _comparison(ufunc: np.ufunc) -> Function:
    return lambda self, other: call(ufunc, (self, other), {})


for _name, _ufunc in (
    ("lt", np.less), ("le", np.less_equal), ("gt", np.greater), ("ge", np.greater_equal),
    ("eq", np.equal), ("ne", np.not_equal),
):  # fmt: skip
    setattr(Batched, f"__{_name}__", _comparison(_ufunc))
for _name in ("add", "sub", "mul", "truediv", "pow", "mod", "floordiv", "matmul"):
    setattr(Batched, f"__i{_name}__", getattr(operator, f"__{_name}__"))


def call(function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Operand:
    """What a function of NumPy's gives of samples."""
    if function in OF_SHAPE:
        return function(*(_like_one(arg) for arg in args), **kwargs)
    rule = RULES.get(function)
    if rule is None and isinstance(function, np.ufunc) and function.signature is None:
        rule = elementwise
    if rule is None:
        return _one_by_one(function, args, kwargs)
    return _together(function, rule, args, kwargs)


def _together(
    function: Function, rule: Function, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Operand:
    """A function of all samples at once, by a rule; where the rule has no answer, one by one."""
    level = _highest((args, kwargs))
    found: Tree = NotImplemented
    with suppress(TypeError):  # an option that the rule does not know
        given = _signature(rule).bind(Opened(level), function, *args, **kwargs)
        found = rule
    if found is not NotImplemented:
        found = rule(*given.args, **given.kwargs)
    if found is NotImplemented:
        return _one_by_one(function, args, kwargs)
    return rebuild(found, (Batched(leaf, level) for leaf in leaves(found)))


_signature = functools.cache(inspect.signature)


def _like_one(operand: Operand) -> Operand:
    """An array like one sample."""
    return np.empty(operand.shape, operand.dtype) if isinstance(operand, Batched) else operand


def _one_by_one(function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Operand:
    level = _highest((args, kwargs))
    given = leaves((args, kwargs))
    size = next(len(_whole(o)) for o in given if _is_of(o, level))
    results = []
    for index in range(size):
        each = (_whole(o)[index] if _is_of(o, level) else o for o in given)
        args, kwargs = rebuild((args, kwargs), each)
        results.append(function(*args, **kwargs))
    return stacked(results, level)


def stacked(results: Sequence[Tree], level: int) -> Tree:
    """Results for the samples in turn as a Batched, or a tree of them.

    Raises:
        Differs: they have not one shape, or are no numbers and not equal.
    """
    columns = list(zip(*map(leaves, results), strict=True))
    found = []
    for column in columns:
        if all(isinstance(each, _NUMBERS) for each in column):
            if len({np.shape(each) for each in column}) > 1:
                raise Differs
            found.append(Batched(np.stack(column), level))
        elif all(type(each) is type(column[0]) and each == column[0] for each in column):
            found.append(column[0])
        else:
            raise Differs
    return rebuild(results[0], iter(found))


_NUMBERS = (float, int, np.generic, np.ndarray, Tensor, Batched)


def _highest(tree: Tree) -> int:
    return max(leaf.level for leaf in leaves(tree) if isinstance(leaf, Batched))


def _is_of(operand: Operand, level: int) -> bool:
    return isinstance(operand, Batched) and operand.level == level


def _whole(operand: Operand) -> Operand:
    return operand.whole


# Between samples and all of them, at all levels


def everything(operand: Operand) -> Operand:
    """An array or Tensor of all samples at all levels that are open, along its first axes."""
    sizes = lead()
    for level in range(len(sizes), 0, -1):
        if _is_of(operand, level):
            operand = operand.whole
        else:
            operand = np.broadcast_to(operand, (sizes[level - 1], *np.shape(operand)))
    return operand


def sample(whole: Operand) -> Operand:
    """One sample of what ``everything`` gives."""
    for level in range(1, len(lead()) + 1):
        whole = Batched(whole, level)
    return whole
