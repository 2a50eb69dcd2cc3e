"""What layers and losses work on: plain arrays, Tensors, and arrays of Values.

A network over Values keeps them in NumPy arrays of dtype object.  NumPy's operators and
functions work on such an array element by element, because a Value has the operators and
methods that they call; so one text serves Tensors and Values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

import autograd_mini as ag
from autograd_mini import Operation, Tensor, Value
from autograd_mini.typing import Array, Operand

Data: TypeAlias = Any
"""What is given: numbers, lists, arrays, Tensors or Values; or dicts and tuples of these."""


def operand(x: Operand, what: str) -> Operand:
    """A Tensor as it is; a Value, a list or an array as an array of numbers or of Values.

    Arguments:
        x: numbers, Values or a Tensor, of any shape.
        what: how to call ``x`` in an error.

    Raises:
        TypeError: ``x`` holds text, complex numbers or other objects.

    >>> operand([1, 2], "inputs"), operand([Value(1.0)], "inputs")
    (array([1, 2]), array([Value(1.0)], dtype=object))
    """
    if isinstance(x, Tensor):
        return x
    if isinstance(x, Value):
        array = np.empty((), dtype=object)
        array[()] = x
        return array
    array = unmasked(x, what)
    if array.dtype.kind in "fiub":
        return array
    if array.dtype.kind == "O":
        kinds = {type(element) for element in array.flat}
        if any(issubclass(kind, Value) for kind in kinds):
            return array
        if all(issubclass(kind, int | float | np.number) for kind in kinds):
            return array.astype(np.float64)
    raise TypeError(
        f"{what} must be real numbers, Values or a Tensor, not {array.dtype}"
        + numbers_instead(x, array)
    )


def numbers_instead(data: Data, array: Array) -> str:
    """What to write for data that came out as an array of no numbers, ``""`` if nobody knows.

    >>> numbers_instead(iter([1.0]), np.array(iter([1.0])))
    '; write np.array(list(...)) of what it yields'
    """
    if array.dtype.kind not in "USO":
        return ""
    if hasattr(data, "toarray"):
        return f": it is a sparse {type(data).__name__}; write .toarray() for the array of it"
    if hasattr(data, "__next__"):
        return "; write np.array(list(...)) of what it yields"
    if hasattr(data, "columns") and hasattr(data, "dtypes"):
        kinds = zip(data.columns, data.dtypes, strict=True)
        texts = [str(name) for name, kind in kinds if getattr(kind, "kind", "O") not in "fiub"]
        return (
            f": column {', '.join(texts)} holds no numbers; leave it out, or write "
            "pandas.get_dummies(frame, dtype=float) for 0s and 1s"
        )
    if array.ndim == 0 and hasattr(data, "__iter__") and hasattr(data, "__len__"):
        return (
            f": it is a {type(data).__name__}; give the arrays that it goes through (nn.fit and "
            "nn.predict make batches themselves)"
        )
    others = [e for e in array.flat if not isinstance(e, str | int | float)]
    if others:
        return f": it holds a {type(others[0]).__name__}"
    return "; np.unique(names, return_inverse=True) makes class indices of names"


def is_several(data: Data) -> bool:
    """Whether data are several arrays: a dict, a tuple that holds arrays, a list of Tensors.

    Any other list is one array, as NumPy reads it, and so is a tuple of numbers or of lists.

    >>> is_several((np.zeros(2), np.ones(2))), is_several([np.zeros(2), np.ones(2)])
    (True, False)
    """
    if isinstance(data, tuple):
        return any(
            isinstance(part, Tensor) or is_several(part) or bool(getattr(part, "shape", ()))
            for part in data
        )
    if isinstance(data, list):
        return any(isinstance(part, Tensor) for part in data)
    return isinstance(data, Mapping)


def arrays_of(data: Data, what: str, ready: Callable[[Any, str], Any] | None = None) -> Data:
    """Data, or a model's outputs, as one array or, where they are several, as a tree of arrays.

    Arguments:
        data: numbers of any shape; or dicts and tuples of them, nested at will.
        what: how to call them in an error; a part is called ``what['key']``.
        ready: what makes one array of its data and its name; ``unmasked`` by default.

    >>> arrays_of({"a": [1, 2], "b": ([3], np.array([4]))}, "X")
    {'a': array([1, 2]), 'b': (array([3]), array([4]))}
    """
    if not is_several(data):
        return (ready or unmasked)(data, what)
    if not len(data):
        raise ValueError(f"{what} is an empty {type(data).__name__}: there is no array in it")
    if isinstance(data, Mapping):
        return {key: arrays_of(part, f"{what}[{key!r}]", ready) for key, part in data.items()}
    parts = [arrays_of(part, f"{what}[{i}]", ready) for i, part in enumerate(data)]
    return type(data)(*parts) if hasattr(data, "_fields") else type(data)(parts)


def unmasked(data: Data, what: str) -> Array:
    """Data as an array, refused if a mask hides some of it, which an array would lose.

    >>> unmasked(np.ma.masked_equal([1, -9], -9), "X")
    Traceback (most recent call last):
    ValueError: X: its mask hides 1 of 2 numbers: fill them, or leave out their samples
    """
    hidden = int(np.sum(np.ma.getmaskarray(data))) if isinstance(data, np.ma.MaskedArray) else 0
    if hidden:
        raise ValueError(
            f"{what}: its mask hides {hidden} of {np.size(data)} numbers: fill them, or leave out "
            "their samples"
        )
    try:
        array: Array = ag.as_array(data)
        return array
    except ValueError:
        shapes = {getattr(part, "shape", None) for part in data} if isinstance(data, list) else {}
        if len(shapes) < 2:
            raise
        raise ValueError(
            f"{what}: a list is one array, and its parts have the shapes "
            f"{' and '.join(sorted(map(str, shapes)))}: write a tuple of arrays or a dict for "
            "several inputs or targets, or nn.data.padded(list) for sequences"
        ) from None


def of_values(x: Operand) -> bool:
    """Whether an operand is an array of Values."""
    return isinstance(x, np.ndarray) and x.dtype == object


def is_tracked(x: Operand) -> bool:
    """Whether an operand is a Tensor or an array of Values, not plain numbers."""
    return isinstance(x, Tensor) or of_values(x)


def numbers(x: Operand) -> Array:
    """The plain numbers of a Tensor, a Value or an array of Values, without their graph.

    >>> numbers(np.array([Value(1.0), Value(2.0)]))
    array([1., 2.])
    """
    x = operand(x, "x")
    if isinstance(x, Tensor):
        return x.data
    if not of_values(x):
        array: Array = ag.as_array(x)
        return array
    plain = [element.data if isinstance(element, Value) else element for element in x.flat]
    return np.array(plain, dtype=np.float64).reshape(x.shape)


def made_by(x: Operand) -> Operation | None:
    """The operation that an operand's numbers come from, ``None`` if none is recorded.

    Indexing and reshaping are looked through.  An array of Values comes from an operation
    if all of its Values do.

    >>> import autograd_mini as ag
    >>> made_by(ag.softmax(Tensor([[1.0, 2.0]]))[0]).name
    'softmax'
    """
    if of_values(x):
        found = {getattr(element, "operation", None) for element in x.flat}
        return found.pop() if len(found) == 1 else None
    while isinstance(x, Tensor) and x.operation is not None and x.operation.rearranges:
        x = x.parents[0]
    return x.operation if isinstance(x, Tensor) else None
