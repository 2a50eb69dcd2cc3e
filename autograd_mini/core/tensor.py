"""Tensor: a NumPy array that remembers how it was computed.

A Tensor records its operation, its operands and nothing else; local derivatives are
computed when the sweep needs them.  NumPy's own functions work on it through NumPy's
protocols, so that plain NumPy code is differentiated as it stands.

>>> W = Tensor([[1.0, -1.0], [2.0, 0.5]], label="W")
>>> X = np.array([[1.0, 2.0]])
>>> loss = np.sum(1 / (1 + np.exp(-(X @ W))))
>>> loss.backward()
>>> W.grad.round(4)
array([[0.0066, 0.25  ],
       [0.0133, 0.5   ]])
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from autograd_mini import other_libraries
from autograd_mini.core import graph, modes
from autograd_mini.core.broadcasting import is_shared, like_operand, masked_share, tangent_like
from autograd_mini.core.operation import Operation
from autograd_mini.interface import guards
from autograd_mini.interface.array_interface import ArrayInterface
from autograd_mini.interface.operands import as_operand, real_array, refuse, taking_over
from autograd_mini.interface.traced import as_array, holds_nan, traced
from autograd_mini.typing import Array, Operand

_UNRECORDED: dict[str, Any] = {}
"""The options of a result of ``no_grad()``: this very dict tells it from a Tensor made of data."""


class Tensor(ArrayInterface):
    """An array node of a computation graph.

    Arguments:
        data: an array or nested list of real numbers, copied.  Integers become float64; a
            float array keeps its dtype.
        label: a name for pictures and messages.

    Attributes:
        grad: the gradient, an array of the same shape; zeros before any sweep.
            ``backward()`` adds to the ``grad`` of leaves and replaces that of interior nodes.
        label: the name.

    Raises:
        TypeError: ``data`` holds complex numbers, text or objects.

    >>> x = Tensor([1.0, 2.0], label="x")
    >>> y = np.sum(x * x)
    >>> y.backward()
    >>> x.grad
    array([2., 4.])
    """

    __slots__ = (
        "_array",
        "_grad",
        "label",
        "operation",
        "_operands",
        "_options",
        "_changed",
        "_recorded",
        "_origin",
        "__weakref__",
    )

    def __init__(self, data: Operand, label: str = "", **more: object) -> None:
        if more:
            other_libraries.refuse_options("Tensor", more)
        self._set(real_array(data).copy("K"), None, (), {})
        self.label = label

    def _set(
        self,
        data: Array,
        operation: Operation | None,
        operands: tuple[Any, ...],
        options: dict[str, Any],
    ) -> None:
        self._array = data
        self._grad: Array | None = None
        self.label = ""
        self.operation = operation
        self._operands = operands
        self._options = options
        self._changed = 0
        self._recorded = guards.clock
        self._origin: tuple[str, tuple[int, ...]] | None = None

    @property
    def data(self) -> Array:
        """The array.  ``t.data -= rate * t.grad`` is how to update it.

        What is assigned is copied, so that no two Tensors write to one array.

        Raises:
            ValueError: an array of another shape is assigned.
        """
        return self._array

    @data.setter
    def data(self, data: Operand) -> None:
        array = data if data is self._array else real_array(data)
        if array.shape != self._array.shape:
            raise ValueError(
                f"data of shape {self._array.shape} cannot become shape {array.shape}: "
                "make a new Tensor"
            )
        with guards.writing:
            if array is not self._array:
                self._array = array.astype(self._array.dtype)
            guards.note_change(self)

    @property
    def grad(self) -> Array:
        if self._grad is None:
            zeros = np.zeros_like(self._array)
            with guards.writing:
                if self._grad is None:  # no other thread, and no signal handler, has added to it
                    self._grad = zeros
        return self._grad

    @grad.setter
    def grad(self, gradient: Operand) -> None:
        if gradient is not None and gradient is not self._grad:
            gradient = np.array(real_array(gradient), self._array.dtype)
            if gradient.shape != self._array.shape:
                raise ValueError(
                    f"the gradient of a Tensor of shape {self._array.shape} has that shape, "
                    f"not {gradient.shape}"
                )
        self._grad = gradient

    @property
    def op(self) -> str:
        """The name of the operation, ``""`` for a leaf."""
        return self.operation.name if self.operation else ""

    @property
    def parents(self) -> tuple[Any, ...]:
        """The operands in order: Tensors, and constants as they were given."""
        return self._operands

    @property
    def options(self) -> dict[str, Any]:
        """What else the operation was told, such as ``axis``."""
        return dict(self._options)

    @property
    def unrecorded(self) -> bool:
        """Whether this leaf is the result of an operation inside ``no_grad()``."""
        return self._options is _UNRECORDED

    @property
    def local_derivatives(self) -> tuple[Array | None, ...]:
        """∂self/∂parent, element by element in this Tensor's shape, for each parent.

        ``None`` for a constant, and where the Jacobian is no elementwise array (matmul, sum).

        Raises:
            RuntimeError: an operand's data was replaced after it was recorded.
        """
        operation: Any = self.operation
        if not getattr(operation, "derivative_functions", ()):  # no row of the table
            return (None,) * len(self._operands)
        arrays = self._given_to_pullbacks(False)
        for index in range(len(arrays)):
            guards.check_unchanged(self, index)
        with np.errstate(all="ignore"):
            return tuple(
                np.broadcast_to(
                    np.asarray(derivative(self._array, *arrays), self.dtype), self.shape
                )
                if isinstance(operand, Tensor) and derivative
                else None
                for operand, derivative in zip(
                    self._operands, operation.derivative_functions, strict=True
                )
            )

    def backward(self, gradient: Operand = None, **more: object) -> None:
        """Compute the gradient of this Tensor with respect to everything it depends on.

        Arguments:
            gradient: the upstream gradient to start from, of this Tensor's shape; needed
                unless the Tensor holds one number.

        Raises:
            ValueError: the Tensor holds several numbers and ``gradient`` is not given, or
                is given in another shape.
            RuntimeError: an operand's data was replaced after it was recorded.
        """
        if more:
            other_libraries.refuse_options("backward", more)
        graph.backward(self, gradient)

    def zero_grad(self) -> None:
        """Set this node's gradient to zero."""
        self._grad = None

    def detach(self) -> Tensor:
        """A leaf with a copy of the array and the same label, cut from the graph."""
        return Tensor(self._array, self.label)

    def item(self) -> float:
        """The number of a Tensor that holds one, as a Python float, without its graph."""
        return float(self._array.item())

    # What the sweep asks of a node

    def seed(self, gradient: Operand) -> Operand:
        if gradient is None:
            if self.size != 1:
                raise ValueError(
                    f"backward() from shape {self.shape} needs one number to start from: reduce "
                    "it (np.sum(t).backward()), or give the upstream gradient "
                    f"(t.backward(gradient), an array of shape {self.shape})"
                )
            return np.ones_like(self._array)
        if not isinstance(gradient, Tensor):
            gradient = real_array(gradient).astype(self.dtype)
        if gradient.shape != self.shape:
            raise ValueError(
                f"the upstream gradient has shape {gradient.shape}, the Tensor has {self.shape}; "
                "they must be equal"
            )
        return gradient

    def zero(self) -> Array:
        return np.zeros_like(self._array)

    def again(self, operands: Sequence[Any]) -> Tensor:
        assert self.operation is not None  # a leaf is not recorded
        return record(self.operation, tuple(operands), self._options)

    def receive(self, gradient: Array) -> None:
        """Take the gradient of one sweep: add it if this is a leaf, else replace by it."""
        if self._operands:
            self._grad = np.asarray(gradient)
            return
        with guards.writing:
            while True:
                before = self._grad
                total = np.asarray(gradient if before is None else before + gradient)
                if self._grad is before:  # no sweep of a signal handler has added to it meanwhile
                    self._grad = total
                    return

    def contributions(
        self,
        gradient: Operand,
        wanted: Collection[Tensor] | None,
        create_graph: graph.Recorded,
        masked: bool,
    ) -> Iterable[tuple[Tensor, Any]]:
        operation: Any = self.operation
        if operation is None:
            return ()
        out: Any = self if create_graph else self._array
        operands = self._given_to_pullbacks(bool(create_graph))
        if create_graph == "as written":
            operation = operation.as_written
        if self._origin:
            guards.check_memory(self)
        found = []
        for index, operand in enumerate(self._operands):
            if not isinstance(operand, Tensor) or (wanted is not None and operand not in wanted):
                continue
            pullback = operation.pullback(index)
            if pullback is None:
                continue
            if self._recorded != guards.clock:
                guards.check_unchanged(self, index)
            share = pullback(gradient, out, *operands, **self._options)
            if share is None:
                continue
            if (masked or self._origin) and operation.elementwise:
                share = masked_share(share, gradient)
            share = like_operand(share, operand, operation)
            if not (operand._operands or create_graph) and (
                operation.foreign or is_shared(share, (gradient, out, *operands))
            ):
                share = share.copy()  # what a leaf keeps is its own
            if self._origin:
                guards.check_finite(self, index, gradient, share)
            found.append((operand, share))
        return found

    def pushed(self, tangents: Mapping[Tensor, Any], create_graph: bool) -> Operand:
        operation: Any = self.operation
        out: Operand = self if create_graph else self._array
        operands = self._given_to_pullbacks(create_graph)
        if self._origin:
            guards.check_memory(self)
        total: Operand = None
        for index, operand in enumerate(self._operands):
            if not isinstance(operand, Tensor) or operand not in tangents:
                continue
            push = operation.tangent(index)
            if push is None:
                continue
            if self._recorded != guards.clock:
                guards.check_unchanged(self, index)
            tangent = tangents[operand]
            share = push(tangent, out, *operands, **self._options)
            if operation.elementwise and holds_nan(plain(share)):
                # zero moves nothing, even where the other is infinite: as in the reverse sweep
                share = masked_share(share, tangent)
                slope = push(1.0, self._array, *self._given_to_pullbacks(False), **self._options)
                share = masked_share(share, slope)
            share = tangent_like(share, self)
            if self._origin:
                guards.check_finite(self, index, tangent, share)
            total = share if total is None else total + share
        return total

    def _given_to_pullbacks(self, as_nodes: bool) -> list[Any]:
        """The operands, or their arrays; a Python number in an elementwise operation as NumPy's.

        For 1 / 0 is an error in Python and infinity in NumPy, as it was in the forward pass.
        """
        operation, given = self.operation, []
        for operand in self._operands:
            if isinstance(operand, Tensor):
                operand = operand if as_nodes else operand._array
            elif operation and operation.elementwise and type(operand) in _PYTHON_NUMBERS:
                operand = self._array.dtype.type(operand)
            given.append(operand)
        return given

    # Copies, and how it prints

    def __reduce__(self) -> tuple[Any, ...]:
        if self.operation:
            raise TypeError(
                f"a computed Tensor ({self.op}) is neither copied nor pickled, for the copy would "
                "have operands that nobody else holds: copy its leaves and compute again, or "
                "write tensor.data for its numbers, tensor.detach() for a leaf with them, +tensor "
                "for a node of its own"
            )
        return _leaf, (self._array, self._grad, self.label, self.unrecorded)

    def __repr__(self) -> str:
        body = np.array2string(self._array, separator=", ", prefix="Tensor(", threshold=100)
        label = f", label={self.label!r}" if self.label else ""
        op = f", op={self.op!r}" if self.op else ""
        dtype = "" if self.dtype == np.float64 else f", dtype={self.dtype}"
        return f"Tensor({body}{dtype}{label}{op})"

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else repr(self)

    def __dir__(self) -> list[str]:
        return sorted(set(super().__dir__()) - other_libraries.TENSOR.keys())


for _name in other_libraries.TENSOR:
    setattr(Tensor, _name, other_libraries.NotEvenSet("Tensor", _name))


def _leaf(data: Array, grad: Array | None, label: str, unrecorded: bool = False) -> Tensor:
    """The leaf that was copied or pickled."""
    made = Tensor(data, label)
    made.grad = grad
    if unrecorded:
        made._options = _UNRECORDED
    return made


def record(
    operation: Operation, operands: tuple[Any, ...], options: dict[str, Any] | None = None
) -> Tensor:
    """The Tensor that an operation makes of its operands, with the graph to it.

    Raises:
        ValueError: the shapes do not fit; names the operation and all shapes.
        TypeError: an operand is not made of real numbers, or is a Value.
    """
    options = options or {}
    arrays = []
    for operand in operands:
        arrays.append(operand._array if isinstance(operand, Tensor) else operand)
        if type(arrays[-1]) not in _PLAIN_TYPES:
            if (instead := taking_over(operands)) is not None:
                return instead.takes_over(operation, operands, options)  # type: ignore[no-any-return]
            operands = tuple(map(as_operand, operands))
            arrays = [plain(operand) for operand in operands]
            operation = traced(operation, operands)
            break
    try:
        out = operation.forward(*arrays, **options)
        out = out if type(out) is np.ndarray else as_array(out)
        for array in arrays:
            if out is array:  # a view, which tells that memory is shared
                out = out.view()
    except (ValueError, TypeError, IndexError) as error:
        refuse(operation, operands, error)
    if out.dtype.kind != "f":
        advice = "a Tensor holds real numbers; t.data has the plain ones, without a gradient"
        refuse(operation, operands, TypeError(f"its result would be {out.dtype}: {advice}"))
    node = Tensor.__new__(Tensor)
    node._set(out, operation, operands, options)
    if modes.special:
        guards.record_specially(node, _UNRECORDED)
    return node


_PLAIN_TYPES = {np.ndarray, float, int, bool, np.float64, np.float32}
_PYTHON_NUMBERS = frozenset({bool, int, float})


def plain(operand: Operand) -> Operand:
    """The plain array or number of an operand."""
    return operand._array if isinstance(operand, Tensor) else operand
