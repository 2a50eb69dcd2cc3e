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

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from autograd_mini import other_libraries
from autograd_mini.core import graph
from autograd_mini.core.array_node import UNRECORDED, ArrayNode, given_to_pullbacks, record_as
from autograd_mini.core.array_node import plain as plain
from autograd_mini.core.array_node import record as record
from autograd_mini.core.broadcasting import masked_share, tangent_like
from autograd_mini.interface import guards
from autograd_mini.interface.array_interface import ArrayInterface
from autograd_mini.interface.operands import real_array
from autograd_mini.interface.traced import holds_nan
from autograd_mini.typing import Array, Operand


class Tensor(ArrayInterface, ArrayNode):
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

    __slots__ = ("__weakref__",)

    def __init__(self, data: Operand, label: str = "", **more: object) -> None:
        if more:
            other_libraries.refuse_options("Tensor", more)
        self._set(real_array(data).copy("K"), None, (), {})
        self.label = label

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
        gradient: Array = self._grad
        return gradient

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
    def options(self) -> dict[str, Any]:
        """What else the operation was told, such as ``axis``."""
        return dict(self._options)

    @property
    def unrecorded(self) -> bool:
        """Whether this leaf is the result of an operation inside ``no_grad()``."""
        return self._options is UNRECORDED

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
        arrays = given_to_pullbacks(self, False)
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

    def backward(self, gradient: Operand = None, *, interior: bool = True, **more: object) -> None:
        """Compute the gradient of this Tensor with respect to everything it depends on.

        Arguments:
            gradient: the upstream gradient to start from, of this Tensor's shape; needed
                unless the Tensor holds one number.
            interior: whether interior nodes hold their gradient as well.  Without, the memory
                of each is free for the next as soon as the sweep has passed it, and interior
                nodes keep the ``grad`` that they had.

        Raises:
            ValueError: the Tensor holds several numbers and ``gradient`` is not given, or
                is given in another shape.
            RuntimeError: an operand's data was replaced after it was recorded.

        >>> w = Tensor([1.0, 2.0])
        >>> y = w * w
        >>> np.sum(y).backward(interior=False)
        >>> w.grad, y.grad
        (array([2., 4.]), array([0., 0.]))
        """
        if more:
            other_libraries.refuse_options("backward", more)
        graph.backward(self, gradient, interior)

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

    def pushed(self, tangents: Mapping[Tensor, Any], create_graph: bool) -> Operand:
        operation: Any = self.operation
        out: Operand = self if create_graph else self._array
        operands = given_to_pullbacks(self, create_graph)
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
                slope = push(1.0, self._array, *given_to_pullbacks(self, False), **self._options)
                share = masked_share(share, slope)
            share = tangent_like(share, self)
            if self._origin:
                guards.check_finite(self, index, tangent, share)
            total = share if total is None else total + share
        return total

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


record_as(Tensor)

for _name in other_libraries.TENSOR:
    setattr(Tensor, _name, other_libraries.NotEvenSet("Tensor", _name))


def _leaf(data: Array, grad: Array | None, label: str, unrecorded: bool = False) -> Tensor:
    """The leaf that was copied or pickled."""
    made = Tensor(data, label)
    made.grad = grad
    if unrecorded:
        made._options = UNRECORDED
    return made
