"""Operation: everything that is known about one operation, and the registry of all of them.

An operation states little: its forward function, its pullbacks, and what cannot be found out by
running these.  What else is asked of it is derived from that: pictures and explanations record its
pullback and print what was recorded, the checker runs it over other numbers.  There are two kinds:
a row of the table of ``elementwise`` is stated in texts, an operation on whole arrays, an
``ArrayOperation``, in functions.

>>> from autograd_mini import Tensor
>>> y = Tensor([[1.0, 2.0]]).sum()
>>> y.operation is OPERATIONS["sum"], y.operation.name
(True, 'sum')
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_mini.typing import Function, Operand


class Operation:
    """What everything asks of an operation, and what holds if it does not say otherwise."""

    name: str
    sentence: str

    elementwise = False
    """Whether each element of the result comes from one of each operand; operands broadcast."""

    least_operands = 0
    """How many operands it takes at least, if that is known."""

    broadcasts = False
    """Whether operands may be repeated to fit, so that their gradients are summed over that."""

    foreign = False
    """Whether it is a user's: its pullbacks may give arrays that are kept elsewhere."""

    if TYPE_CHECKING:

        @property
        def symbol(self) -> str:
            """Its operator in Python, ``""`` if it has none."""

        @property
        def forward(self) -> Function:
            """Arrays, and options by keyword, to an array."""

    parts: Function | None = None
    """The composite that it equals: nodes, and options by keyword, to a node; see ``expand``."""

    kinks: Any = None
    """Where it has no derivative: ``(out, *operands, **options)`` to truth values."""

    branches: Function | None = None
    """Which branch each element takes, as numbers: ``(out, *operands, **options)``."""

    analytic: Function | None = None
    """Its forward function over complex numbers, where neither ``parts`` nor ``forward`` is."""

    by_element: Function | None = None
    """What it is over arrays of single numbers by elementwise rules alone, where ``forward``
    compares them or hands them to another library."""

    spelling: str | Function = ""
    """How NumPy says it, of operands ``x0``, ``x1``, … (all of them: ``xs``) and options by name;
    or a function of a node.  By default its name is called, with the options that are given."""

    formulas: Sequence[str | Function | None] = ()
    """For each operand its gradient as a text, or of a node, where the pullback is no formula:
    of ``g``, ``out``, ``x0``, …, and options by name."""

    source = ""
    """Its definition in Python, where it is a function that NumPy has not got."""

    notation = ""
    """How mathematics writes it round its operand x, as ``|x|`` or ``√x``; else it is called."""

    commutes = False
    """Whether its operands may come in any order and be grouped at will, as those of a sum."""

    activates = False
    """Whether a layer of neurons may end with it."""

    reduces = False
    """Whether it goes over axes of its operand, of which there is one element or none after."""

    rearranges = False
    """Whether the result is made of elements of its operand: moved, repeated or picked out."""

    keeps_order = False
    """Whether the result has the same elements in the same order, in another shape or dtype."""

    moves_axes = False
    """Whether it puts the axes of its operand in another order, and does nothing else."""

    axes: Function | None = None
    """Of which operands' axes an axis of the result is: ``(axis, *shapes, **options)`` to pairs of
    an operand's index and an axis, where ``axis_sources`` cannot tell."""

    fused = False
    """Whether it stands for its ``parts``, which are opened before it is explained."""

    discontinuous = False
    """Whether it jumps from one of its branches to another."""

    symmetric = False
    """Whether it takes its operand for a symmetric matrix, of which it reads one triangle."""

    remedy = ""
    """What to do where the result is not finite, though the operands are."""

    def pullback(self, index: int) -> Function | None:
        """The function ``(g, out, *operands, **options)`` that gives the gradient of an operand.

        ``None`` if nothing flows to it.
        """
        raise NotImplementedError

    def tangent(self, index: int) -> Function | None:
        """The function ``(t, out, *operands, **options)`` that pushes an operand's tangent forward.

        From the direction in which the operand moves, of its shape, it computes that in which the
        result does: the Jacobian–vector product, as the pullback is the vector–Jacobian product.
        ``None`` if the operand moves nothing.
        """
        raise NotImplementedError

    def reads_operand(self, index: int, other: int) -> bool:
        """Whether the pullback of operand ``index`` reads the numbers of operand ``other``."""
        raise NotImplementedError

    def reads_result(self, index: int) -> bool:
        """Whether the pullback of operand ``index`` reads the numbers of the result."""
        raise NotImplementedError

    def __reduce__(self) -> tuple[Function, tuple[str]]:
        return _of_name, (self.name,)

    @property
    def as_written(self) -> Operation:
        """The operation whose pullbacks compute what is shown, also where other texts are sound."""
        return self

    def __call__(self, *operands: Operand, **options: object) -> Operand:
        """The result on operands of any kind, recorded if one of them is a node."""
        raise NotImplementedError

    def is_linear(self, index: int) -> bool:
        """Whether it is linear in an operand: its pullback reads neither that nor the result.

        >>> OPERATIONS["mean"].is_linear(0), OPERATIONS["abs"].is_linear(0)
        (True, False)
        """
        reads = self.reads_operand(index, index) or self.reads_result(index)
        return not reads and self.pullback(index) is not None

    def kinks_at(self, out: Operand, *operands: Operand, **options: object) -> Operand:
        """Where it has no derivative, as truth values; ``None`` if it has one everywhere."""
        return None if self.kinks is None else self.kinks(out, *operands, **options)

    def branches_at(self, out: Operand, *operands: Operand, **options: object) -> Operand:
        """A number for the branch that each element takes; ``None`` if there is only one."""
        return None if self.branches is None else self.branches(out, *operands, **options)

    def axis_sources(
        self, axis: int, shape: tuple[int, ...], /, *shapes: tuple[int, ...], **options: Any
    ) -> list[tuple[int, int]]:
        """Where an axis of the result comes from: operands' indices, each with its axis.

        Arguments:
            axis: the axis of the result, from 0.
            shape: the result's shape, and ``shapes`` those of the operands.

        >>> OPERATIONS["transpose"].axis_sources(0, (3, 2), (2, 3), axes=None)
        [(0, 1)]
        >>> OPERATIONS["matmul"].axis_sources(1, (4, 3), (4, 2), (2, 3))
        [(1, 1)]
        """
        if self.axes is not None:
            pairs: list[tuple[int, int]] = self.axes(axis, *shapes, **options)
            return pairs
        if self.elementwise:
            from_end = axis - len(shape)
            return [
                (index, len(other) + from_end)
                for index, other in enumerate(shapes)
                if len(other) >= -from_end and other[from_end] == shape[axis]
            ]
        if self.moves_axes:  # an array whose axes are as long as their numbers tells where they go
            order = self.forward(np.empty(range(len(shape))), **options).shape
            return [(0, order[axis])]
        if self.reduces:
            ndim = len(shapes[0])
            kept = [a for a in range(ndim) if a not in axes_of(options["axis"], ndim)]
            if options["keepdims"]:
                return [(0, axis)] if axis in kept else []
            return [(0, kept[axis])]
        return [(0, axis)] if shapes == (shape,) else []

    def over_complex(self, *operands: Operand, **options: object) -> Operand:
        """The result over complex arrays.

        >>> OPERATIONS["norm"].over_complex([3 + 2e-30j, 4], axis=None, keepdims=True).imag
        array([1.2e-30])
        """
        function = self.analytic or self.parts or self.forward
        return function(*map(np.asarray, operands), **options)


def axes_of(axis: int | tuple[int, ...] | None, ndim: int) -> tuple[int, ...]:
    """The axes that an option ``axis`` names, each from 0."""
    if not ndim:  # NumPy takes axis 0 and -1 of a number for none
        return ()
    axes = range(ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return tuple(operator.index(a) % ndim for a in axes)


OPERATIONS: dict[str, Operation] = {}
"""Every operation by its name."""


NUMPY_FUNCTIONS: dict[Any, Function] = {}
"""NumPy's functions of whole arrays (and indexing): what is called for Tensors in their place."""


SELDOM_OPTIONS: dict[Any, Function] = {}
"""The same with the whole signature of NumPy's: for options that are seldom given."""


def numpy_function(function: object, options: bool = False) -> Function | None:
    """What is called for Tensors in place of a function of NumPy's; ``None`` if nothing is.

    Arguments:
        options: whether it must take all of NumPy's options.
    """
    functions = SELDOM_OPTIONS if options else NUMPY_FUNCTIONS
    if function not in functions:
        enter_seldom()
    return functions.get(function)


def enter_seldom() -> None:
    """Enter the operations that are seldom needed, if they are not.

    They are imported when one of them is first asked for, for the sake of a quick import.
    """
    from autograd_mini.operations import seldom

    seldom.enter_special()


def _of_name(name: str) -> Operation:
    """The operation that a copy or a pickle of one is."""
    enter_seldom()
    return OPERATIONS[name]


def register(operation: Operation) -> None:
    """Enter an operation under its name.

    Raises:
        ValueError: there is one of that name.
    """
    if operation.name in OPERATIONS:
        raise ValueError(f"there is an operation of the name {operation.name!r}: choose another")
    OPERATIONS[operation.name] = operation


@dataclass(frozen=True, eq=False)
class ArrayOperation(Operation):
    """One operation on whole arrays.

    Arguments:
        name: the operation's name, NumPy's own where NumPy has one.
        forward: arrays (and options by keyword) to an array.
        pullbacks: for each operand a function ``(g, out, *operands, **options)`` that gives
            its gradient; or, for any number of operands, one function with the operand's
            index before these.  ``None`` for an operand that nothing flows to.  Plain NumPy code:
            over arrays it computes, over Tensors it is recorded and can be differentiated again.
        sentence: what it is, in one sentence.
        reads: what the pullbacks read besides shapes: ``"operands"``, ``"out"``.
        tangents: for each operand a function ``(t, out, *operands, **options)`` that pushes its
            tangent forward, plain NumPy code as a pullback is; by default it is derived.
        multilinear: whether it is linear in each operand while the others stand, as a product is.
        broadcasts, foreign, parts, kinks, branches, analytic, by_element, spelling, formulas,
            source, symbol, activates, reduces, rearranges, keeps_order,
            moves_axes, axes, fused, symmetric, elementwise: as of any
            operation.
    """

    name: str
    forward: Function
    pullbacks: Sequence[Function | None] | Function
    sentence: str = ""
    reads: frozenset[str] = frozenset({"operands", "out"})
    tangents: Sequence[Function | None] = ()
    multilinear: bool = False
    broadcasts: bool = False
    foreign: bool = False
    parts: Function | None = None
    kinks: Function | None = None
    branches: Function | None = None
    analytic: Function | None = None
    by_element: Function | None = None
    spelling: str | Function = ""
    formulas: Sequence[str | Function | None] = ()
    source: str = ""
    symbol: str = ""
    activates: bool = False
    reduces: bool = False
    rearranges: bool = False
    keeps_order: bool = False
    moves_axes: bool = False
    axes: Function | None = None
    fused: bool = False
    symmetric: bool = False
    elementwise: bool = False

    def over_complex(self, *operands: Operand, **options: object) -> Operand:
        """The result over complex arrays, as of any operation.

        Raises:
            TypeError: it is a user's, who did not say what it is over complex numbers.
        """
        if self.foreign and self.analytic is None:
            raise TypeError(f"{self.name} states no analytic function")
        return super().over_complex(*operands, **options)

    def __call__(self, *operands: Operand, **options: object) -> Operand:
        """The result on arrays and Tensors, recorded if one of them is a Tensor."""
        from autograd_mini.core.tensor import plain, record  # whose nodes hold operations

        if any(operand is not plain(operand) for operand in operands):
            return record(self, operands, options)
        return self.forward(*operands, **options)

    def tangent(self, index: int) -> Function | None:
        """How the tangent of operand ``index`` is pushed forward: stated, or derived."""
        from autograd_mini.operations.tangents import derived  # which records operations

        return self.tangents[index] if self.tangents else derived(self, index)

    def pullback(self, index: int) -> Function | None:
        """The pullback for operand ``index``."""
        if callable(self.pullbacks):
            several = self.pullbacks
            return lambda *args, **options: several(index, *args, **options)
        return self.pullbacks[index]

    def reads_operand(self, index: int, other: int) -> bool:
        """Whether the pullback of operand ``index`` reads the numbers of operand ``other``."""
        return "operands" in self.reads

    def reads_result(self, index: int) -> bool:
        """Whether the pullback of operand ``index`` reads the numbers of the result."""
        return "out" in self.reads


def define(
    name: str,
    forward: Function,
    *pullbacks: Function | None,
    sentence: str,
    call: str = "",
    numpy: Any = (),
    reads: str = "operands out",
    several: bool = False,
    **stated: Any,
) -> Function:
    """Enter an operation on whole arrays: under its name, and in place of NumPy's functions.

    A pullback is plain NumPy code: over arrays it computes, over Tensors it is recorded, and so
    every pullback can be differentiated again.

    Returns:
        The function that records it.

    Arguments:
        name, forward, pullbacks, sentence: as of an ``ArrayOperation``.
        call: how its function is called, if it has options: ``"x, axis=None, *, keepdims=False"``.
        numpy: a function of NumPy's, or several, that stand for it when they are given Tensors.
        reads: what the pullbacks read besides shapes: ``"operands"``, ``"out"``, both, or ``""``
            for nothing, as those of a linear operation.
        several: whether it takes any number of operands, and has one pullback for all of them,
            to which the operand's index is given first.
        stated: ``broadcasts``, ``parts``, ``kinks``, … as of an ``ArrayOperation``.

    Raises:
        ValueError: there is an operation of that name.

    >>> import numpy as np
    >>> from autograd_mini import Tensor
    >>> gram = define(
    ...     "gram",
    ...     lambda x: np.asarray(x).T @ x,
    ...     lambda g, out, x: x @ (g + g.T),
    ...     reads="operands",
    ...     sentence="The inner products of a matrix's columns.",
    ... )
    >>> x = Tensor([[2.0, 0.0], [0.0, 4.0]])
    >>> np.sum(gram(x)).backward()
    >>> x.grad
    array([[4., 4.],
           [8., 8.]])
    """
    each: Any = pullbacks[0] if several else pullbacks
    operation = ArrayOperation(name, forward, each, sentence, frozenset(reads.split()), **stated)
    register(operation)
    from autograd_mini.core.tensor import record  # whose nodes hold operations

    call = call or ", ".join("xyz"[: len(pullbacks)])
    function = _recording(record, operation, call, len(pullbacks))
    replaces(*(numpy if isinstance(numpy, tuple) else (numpy,)))(function)
    return function


def _recording(record: Function, operation: ArrayOperation, call: str, count: int) -> Function:
    """The function with this signature that records an operation of so many operands."""
    function: Function = _signature(call, count)(record, operation, _option)
    function.__name__ = function.__qualname__ = operation.name
    function.__doc__ = operation.sentence
    return function


@cache
def _signature(call: str, count: int) -> Function:
    """What makes functions with a signature, of which so many parameters are operands."""
    names = eval(f"lambda {call}: 0").__code__.co_varnames
    options = ", ".join(f"{name!r}: _option({name})" for name in names[count:])
    body = f"_record(_operation, ({', '.join(names[:count])},), {{{options}}})"
    source = f"lambda _record, _operation, _option: lambda {call}: {body}"
    made: Function = eval(compile(source, "<rule signature>", "eval"))
    return made


def _option(value: object) -> object:
    """An option as it is recorded: no list that may be changed, and one that can be written."""
    return tuple(value) if isinstance(value, list | range) else value


def replaces(*functions: Function, options: bool = False) -> Function:
    """Decorator: the function that is called for Tensors in place of NumPy's functions.

    Arguments:
        options: whether it is called only where options are given that another has not got.
    """

    def enter(ours: Function) -> Function:
        (SELDOM_OPTIONS if options else NUMPY_FUNCTIONS).update(dict.fromkeys(functions, ours))
        return ours

    return enter
