"""NumPy's functions as a Tensor meets them: which are plain by design, and how others are refused.

A function without a derivative rule either gives the same plain result as for the array, since
that result does not move with the numbers (``PLAIN_FUNCTIONS``), or is a TypeError that says
what to write.
"""

from __future__ import annotations

import inspect
import math
import operator
import sys
from collections.abc import Container, Mapping
from types import FrameType
from typing import Any

import numpy as np

from autograd_mini import other_libraries
from autograd_mini.typing import Function, Operand

PLAIN_FUNCTIONS: dict[Any, str] = {
    **dict.fromkeys([np.shape, np.ndim, np.size], "of the shape alone"),
    **dict.fromkeys(
        [
            np.argmax,
            np.argmin,
            np.argsort,
            np.argpartition,
            np.nanargmax,
            np.nanargmin,
            np.nonzero,
            np.argwhere,
            np.flatnonzero,
            np.searchsorted,
            np.digitize,
            np.lexsort,
        ],
        "indices",
    ),
    **dict.fromkeys(
        [
            np.all,
            np.any,
            np.allclose,
            np.isclose,
            np.array_equal,
            np.array_equiv,
            np.count_nonzero,
            np.isin,
            np.isneginf,
            np.isposinf,
            np.isreal,
            np.iscomplex,
            np.linalg.matrix_rank,
        ],
        "true or false, or a count",
    ),
    **dict.fromkeys([np.iscomplexobj, np.isrealobj, np.result_type, np.can_cast], "of the dtype"),
    **dict.fromkeys([np.array2string, np.array_repr, np.array_str], "text"),
    **dict.fromkeys([np.shares_memory, np.may_share_memory], "of the memory"),
}
"""Functions whose result is piecewise constant, with what it is: they give plain results."""

WRITING = {np.copyto, np.fill_diagonal, np.put, np.put_along_axis, np.place, np.putmask}
"""Functions that write into their first argument."""

PLAIN_UFUNCS = {
    np.less,
    np.less_equal,
    np.greater,
    np.greater_equal,
    np.equal,
    np.not_equal,
    np.isfinite,
    np.isinf,
    np.isnan,
    np.signbit,
    np.logical_and,
    np.logical_or,
    np.logical_not,
}
"""Ufuncs whose result is true or false."""

REDUCTIONS: dict[Any, Any] = {
    np.add: np.sum,
    np.multiply: np.prod,
    np.maximum: np.max,
    np.minimum: np.min,
    np.fmax: np.nanmax,
    np.fmin: np.nanmin,
    np.logaddexp: np.logaddexp.reduce,
}
"""The function that is a ufunc's ``reduce``."""

ACCUMULATIONS: dict[Any, Any] = {np.add: np.cumsum, np.multiply: np.cumprod}
"""The function that is a ufunc's ``accumulate``."""


def rounded(x: Operand, decimals: int = 0) -> Operand:
    """The nearest multiple of ``10 ** -decimals``, computed as NumPy's ``round`` does.

    >>> rounded(np.float64(2.5)), rounded(np.float64(1234.567), -2), rounded(np.float64(0.125), 2)
    (np.float64(2.0), np.float64(1200.0), np.float64(0.12))
    """
    places = operator.index(decimals)
    if places == 0:
        return np.rint(x)
    scale = math.pow(10.0, abs(places)) if abs(places) <= sys.float_info.max_10_exp else math.inf
    return np.rint(x * scale) / scale if places > 0 else np.rint(x / scale) * scale


ROUNDING: dict[Any, Function] = {
    np.round: rounded,
    np.around: rounded,
    np.fix: lambda x: np.trunc(x),
}
"""Functions of NumPy that are made of the rows that round, for Tensors and Values."""

_DEFAULTS: dict[str, Any] = {
    "out": None,
    "where": True,
    "dtype": None,
    "casting": "same_kind",
    "order": "K",
    "subok": True,
    "signature": None,
    "sig": None,
    "initial": np._NoValue,
}

_ADVICE: dict[Any, str] = {
    np.copyto: "write np.where(mask, values, t), or np.broadcast_to(t, shape) to fill an array",
    np.put: "write np.where(mask, values, t)",
    np.place: "write np.where(mask, values, t)",
    np.putmask: "write np.where(mask, values, t)",
    np.fill_diagonal: "write np.where(np.eye(n, dtype=bool), values, t)",
    np.put_along_axis: "write np.where(mask, values, t)",
}


def without_defaults(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a ufunc that ask for something else than its defaults do."""
    return {
        name: value
        for name, value in options.items()
        if not (name in _DEFAULTS and _is_same(value, _DEFAULTS[name]))
        and not (name == "out" and isinstance(value, tuple) and all(v is None for v in value))
    }


def arguments_for(
    ours: Function, numpy: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any], dict[str, Any]]:
    """A call of NumPy's function as a call of ours, and the options that ours has not got.

    An option that is at NumPy's default is dropped.

    Raises:
        TypeError: the arguments fit NumPy's own signature neither.
    """
    names = list(inspect.signature(ours).parameters)
    signature = inspect.signature(numpy)
    several: tuple[Any, ...] = ()
    options: dict[str, Any] = {}
    unknown: dict[str, Any] = {}
    given = signature.bind(*args, **kwargs).arguments
    for index, (name, parameter) in enumerate(signature.parameters.items()):
        if name not in given:
            continue
        if parameter.kind is parameter.VAR_POSITIONAL:
            several += given[name]
        elif parameter.kind is parameter.VAR_KEYWORD:
            for option, value in given[name].items():
                (options if option in names else unknown)[option] = value
        elif name in names:
            options[name] = given[name]
        elif index < len(names) and names[index] not in signature.parameters:  # an operand
            options[names[index]] = given[name]
        elif not _is_same(given[name], parameter.default):
            unknown[name] = given[name]
    return several, options, unknown


def _is_same(value: object, default: object) -> bool:
    if value is default:
        return True
    return isinstance(value, str | bool | int) and type(value) is type(default) and value == default


def unknown_function(function: Function, method: str, kwargs: Mapping[str, Any], kind: str) -> str:
    """The message for a NumPy function, or an option of it, without a rule."""
    name = name_of(function) + ("" if method == "__call__" else f".{method}")
    if "out" in kwargs:
        return (
            f"{name}(out=...) and in-place operators would overwrite an array with a {kind}, whose "
            "gradient an array cannot hold: call it without out, array = array + t for array += t"
        )
    if kwargs:
        remedy = f"call it without {', '.join(kwargs)}"
        if "dtype" in kwargs:
            remedy += ", on t.astype(dtype)"
        if "where" in kwargs:
            remedy += ", on np.where(mask, t, 0) or t[mask]"
        for option in kwargs:
            if option in other_libraries.OPTIONS:
                remedy += f", with {other_libraries.OPTIONS[option]}"
        return (
            f"{name}({', '.join(f'{key}=...' for key in kwargs)}) has no derivative rule for a "
            f"{kind}: {remedy}"
        )
    advice = _ADVICE.get(
        function,
        "write it with functions that have one, or add one with autograd_mini.rule or "
        "autograd_mini.primitive",
    )
    if name.startswith("scipy.") and function.__name__ in other_libraries.SCIPY:
        advice = f"write {other_libraries.SCIPY[function.__name__]}"
    return (
        f"{name} has no derivative rule for a {kind}: {advice}; the plain numbers (.data) have no "
        "gradient"
    )


def name_of(function: object) -> str:
    """A function's name with its module, which a ufunc does not say: ``scipy.special.expit``."""
    name = getattr(function, "__name__", str(function))
    if not isinstance(function, np.ufunc):
        return f"{getattr(function, '__module__', None) or 'numpy'}.{name}"
    for module in ("numpy", "scipy.special"):
        if getattr(sys.modules.get(module), name, None) is function:
            return f"{module}.{name}"
    return str(name)


def made_plain(frame: FrameType | None, known: Container[Any]) -> str:
    """The message for a Tensor that would be made a plain array, by the code in ``frame``.

    Arguments:
        frame: what asked for the array.
        known: NumPy's functions that take Tensors.
    """
    library, called, names, asked = "", "", set(), None
    while frame is not None:  # out to the function that was called from elsewhere
        module, code = frame.f_globals.get("__name__", ""), frame.f_code
        if module.partition(".")[0] not in _PLAIN_LIBRARIES:
            break
        library = module.partition(".")[0]
        names.add(module)
        if code.co_name.startswith("__"):
            called = code.co_qualname.rpartition(".")[0]  # the class
        else:  # a decorator's function has another name than the one that was called
            called = "" if "<locals>" in code.co_qualname else code.co_name + "()"
            asked = getattr(sys.modules.get(module), code.co_name, None)
        frame = frame.f_back
    if library == "numpy" and any(f"{module}.".startswith("numpy.ma.") for module in names):
        return MASKED
    if not library:
        return (
            "a Tensor made into a plain array would drop the gradient: write ag.array([...]) for "
            "nested lists of Tensors, ag.zeros(shape) for an array that is filled with them, X @ t "
            "for X.dot(t), or call a NumPy function that has a derivative rule; t.data is the "
            "plain array, without a gradient"
        )
    subject, advice = f"{library}'s {called}" if called else library, _PLAIN_LIBRARIES[library]
    if called == "AxisConcatenator":
        subject, advice = "np.r_ or np.c_", "write np.stack([...]) for a list, a Tensor as it is"
    elif asked in known:  # which makes plain numbers only of what is in a list
        advice = f"write {name_of(asked).replace('numpy.', 'np.')}(ag.array([...])) for a list"
    elif library == "scipy" and called[:-2] in other_libraries.SCIPY:
        advice = f"write {other_libraries.SCIPY[called[:-2]]}"
    return (
        f"{subject} makes plain numbers of a Tensor, which would drop the gradient: {advice}; "
        "t.data is the plain array, without a gradient"
    )


_PLAIN_LIBRARIES = {
    "numpy": "write it with functions that have a derivative rule (np.stack, np.broadcast_to, …), "
    "or add one with autograd_mini.primitive",
    "pandas": "write frame.to_numpy() @ t, or compute with series.to_numpy()",
    "scipy": "write matrix @ t for a sparse matrix, else NumPy's functions, or add it with "
    "autograd_mini.primitive",
    "sklearn": "write it with NumPy's functions, or add it with autograd_mini.primitive",
    "matplotlib": "a picture needs none, write t.data",
}
"""Libraries whose functions make plain arrays of their arguments, and what to write instead."""

MASKED = (
    "a masked array has no derivative rule, for a Tensor has no mask: write "
    "np.where(masked.mask, 0, masked.filled(0) * t), or compute with t[~masked.mask]"
)


def asks_for_an_operand(frame: FrameType) -> bool:
    """Whether a sparse matrix of SciPy's asks: to what is an object it leaves the product."""
    sparse = frame.f_globals.get("__name__", "").startswith("scipy.sparse")
    return sparse and frame.f_code.co_name in ("_matmul_dispatch", "_mul_dispatch")


def asks_to_join(frame: FrameType, operand: object) -> bool:
    """Whether ``np.r_`` or ``np.c_`` asks for an operand, which it concatenates with others."""
    joins = frame.f_code.co_qualname == "AxisConcatenator.__getitem__"
    return joins and frame.f_locals.get("item") is operand


class StandIn(np.ndarray[Any, Any]):
    """What ``np.r_`` takes for the array of a Tensor, until it concatenates."""

    stands_in_for: Operand = None

    def __array_finalize__(self, array: Operand) -> None:
        self.stands_in_for = getattr(array, "stands_in_for", None)

    def __array_function__(
        self, func: Operand, types: Operand, args: Operand, kwargs: Operand
    ) -> Operand:
        if func is not np.concatenate:
            return super().__array_function__(func, types, args, kwargs)
        arrays, *more = args
        meant = [
            np.reshape(each.stands_in_for, each.shape) if isinstance(each, StandIn) else each
            for each in arrays
        ]
        return np.concatenate(meant, *more, **kwargs)


def refuse_kind(kind: type) -> None:
    """Raise the TypeError for a kind of array whose operators mean something else."""
    if issubclass(kind, np.ma.MaskedArray):
        raise TypeError(MASKED)
    if issubclass(kind, np.matrix):
        raise TypeError(
            "for np.matrix * is the matrix product, for a Tensor it is elementwise: write "
            "np.asarray(matrix) @ t for the product, np.asarray(matrix) * t for the other"
        )
