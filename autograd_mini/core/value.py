"""Value: one number that remembers how it was computed.

Every operation makes a node from three things: its value, its operands, and one local
derivative for each operand.  The reverse sweep, ``value_sweep``, needs nothing else.  The
operators and methods are printed from the table of rules: ``_build/value_operations.py``.

These files run as they stand, and compiled by Cython to one extension (``_build/compose.py``),
in which a ``float`` is a C double and a ``Value`` a C pointer, with the same results to the last
bit.  What begins with ``cython.`` is for the compiler and does nothing in plain Python.

>>> a = Value(2.0, label="a")
>>> b = Value(-3.0, label="b")
>>> c = a * b + a
>>> c
Value(-4.0, op='add')
>>> c.backward()
>>> a.grad, b.grad
(-2.0, 2.0)
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from autograd_mini import other_libraries
from autograd_mini._build import uncompiled as cython
from autograd_mini._build.value_operations import SCALAR_FUNCTIONS, SCALAR_METHODS, ValueOperations
from autograd_mini.core import graph, modes
from autograd_mini.core.rule import Rule
from autograd_mini.core.value_sweep import sweep_alone
from autograd_mini.interface.floats import constant as constant
from autograd_mini.interface.floats import not_a_number
from autograd_mini.interface.value_protocol import ValueProtocol, refuse_subclass
from autograd_mini.interface.watched import number_read
from autograd_mini.operations.weighted_sum import weighted_sum as weighted_sum
from autograd_mini.operations.weighted_sum import weighted_sum_of
from autograd_mini.typing import Function, Operand


@cython.final
@cython.no_gc
@cython.cclass
class Value(ValueProtocol, ValueOperations):
    """A scalar node of a computation graph.

    Arguments:
        data: a real number, kept as a Python float.
        label: a name for pictures and messages.

    Attributes:
        data: the number.
        grad: the gradient, 0.0 before any sweep.  ``backward()`` adds to the ``grad`` of
            leaves and replaces that of interior nodes.
        label: the name.
        op: the name of the operation in the table of rules, ``""`` for a leaf.

    Raises:
        TypeError: ``data`` is not a real number.

    A graph has no cycles, so that it needs no garbage collector: operands exist before
    their result, and a node holds nothing but numbers, text, operands and a row of the table.
    That is why a Value has no subclasses; a class of your own holds one as an attribute.

    >>> w = Value(0.5, label="w")
    >>> y = (w * 2).tanh()
    >>> y.backward()
    >>> y.op, y.local_derivatives, w.grad  # doctest: +ELLIPSIS
    ('tanh', (0.4199...,), 0.8399...)
    """

    __slots__ = (
        "_number", "_grad", "_label", "_operation", "_x", "_y", "_dx", "_dy", "_uses",
        "__weakref__",
    )  # fmt: skip

    _number: float
    _grad: float
    _label: str
    _operation: Rule | None
    # The first operand and its local derivative are in _x and _dx, the second in _y and _dy.
    # In the place of a constant operand is None, and the constant is in the place of its
    # derivative.  More than two operands are in _y, as a tuple of operands and one of
    # derivatives.  (The compiled build releases _y first, for that is how the nodes of a sum
    # of products lie in memory.)
    _y: Any
    _x: Value | None
    _dx: float
    _dy: float
    _uses: cython.longlong  # during a sweep: how often the rest of the graph still uses this node
    __weakref__: Any

    def __init__(self, data: object, label: object = "", **more: object) -> None:
        if more:
            other_libraries.refuse_options("Value", more)
        number = constant(data)
        if number is None:
            raise TypeError(not_a_number(data))
        self._number = number
        self._grad = 0.0
        self._operation = None
        self._x = self._y = None
        self._dx = self._dy = 0.0
        self._uses = 0
        self.label = label

    @property
    def data(self) -> float:
        """The number.  ``v.data -= rate * v.grad`` is how to update it."""
        if _special:
            number_read(self, self._number)
        return self._number

    @data.setter
    def data(self, data: object) -> None:
        number = constant(data)
        if number is None:
            raise TypeError(not_a_number(data))
        self._number = number

    @property
    def grad(self) -> float:
        """The gradient; 0.0 before any sweep."""
        try:
            return self._grad
        except AttributeError:  # not set yet
            return 0.0

    @grad.setter
    def grad(self, grad: object) -> None:
        number = constant(grad)
        if number is None:
            found = type(grad).__name__ + (": write v.zero_grad()" if grad is None else "")
            raise TypeError(f"the gradient of a Value is one number, not {found}")
        self._grad = number

    @property
    def label(self) -> str:
        """The name, for pictures and messages; what is assigned becomes text."""
        try:
            return self._label or ""
        except AttributeError:  # not set yet
            return ""

    @label.setter
    def label(self, label: object) -> None:
        # Another object could hold this node, and nothing would find the cycle.
        self._label = label if type(label) is str else str(label)

    @property
    def operation(self) -> Rule | None:
        """The row of the table that this node was made by, ``None`` for a leaf."""
        return self._operation

    @property
    def op(self) -> str:
        """The name of the operation in the table of rules, ``""`` for a leaf."""
        return "" if self._operation is None else self._operation.name

    @property
    def parents(self) -> tuple[Any, ...]:
        """The operands in order: Values, and constants as floats; ``x * x`` has two."""
        if isinstance(self._y, tuple):
            operands: tuple[Any, ...] = self._y[0]
            return operands
        if self._operation is None:
            return ()
        if len(self._operation.operands) == 1:
            return (self._x,)
        return (
            self._dx if self._x is None else self._x,
            self._dy if self._y is None else self._y,
        )

    @property
    def local_derivatives(self) -> tuple[float | None, ...]:
        """∂self/∂parent for each parent, ``None`` for a constant."""
        if isinstance(self._y, tuple):
            derivatives: tuple[float | None, ...] = self._y[1]
            return derivatives
        if self._operation is None:
            return ()
        if len(self._operation.operands) == 1:
            return (self._dx,)
        return (
            None if self._x is None else self._dx,
            None if self._y is None else self._dy,
        )

    @property
    def unrecorded(self) -> bool:
        """Whether this leaf is the result of an operation inside ``no_grad()``."""
        return self._x is None and self._y is None and self._dy != 0

    def _forget(self) -> None:
        """Become an unrecorded result: a leaf whose ``_dy``, which no leaf uses, says so."""
        self._grad = 0.0
        self._operation = None
        self._x = self._y = None
        self._dx, self._dy = 0.0, 1.0

    def backward(self, gradient: Operand = None, **more: object) -> None:
        """Compute the gradient of this Value with respect to everything it depends on.

        Threads may sweep at the same time: one sweep is finished before another begins.

        Arguments:
            gradient: the upstream gradient to start from; 1 by default.

        Raises:
            TypeError: ``gradient`` is no plain number.

        >>> a = Value(3.0)
        >>> b = a + a
        >>> (b + b).backward()
        >>> a.grad
        4.0
        """
        if more:
            other_libraries.refuse_options("backward", more)
        start = self.seed(gradient)
        if isinstance(start, Value):
            raise TypeError("backward() takes a plain number as gradient: write gradient.data")
        sweep_alone(self, start)

    def zero_grad(self) -> None:
        """Set this node's gradient to zero."""
        self._grad = 0.0

    def detach(self) -> Value:
        """A leaf with the same number and label, cut from the graph."""
        return Value(self._number, self.label)

    def __hash__(self) -> int:
        return id(self) >> 4

    # What the general sweep of ``graph`` asks of a node

    def seed(self, gradient: Operand) -> Value | float:
        start = 1.0 if gradient is None else gradient
        number = start if isinstance(start, Value) else constant(start)
        if number is None:
            raise TypeError(
                f"the upstream gradient of a Value is one number, not {type(gradient).__name__}"
            )
        return number

    def zero(self) -> float:
        return 0.0

    def again(self, operands: Sequence[Any]) -> Value:
        made: Value = VALUE_FUNCTIONS[self.op](*operands)
        return made

    def contributions(
        self,
        gradient: Value | float,
        wanted: Collection[Value] | None,
        create_graph: graph.Recorded,
        masked: bool,
    ) -> Iterator[tuple[Value, Any]]:
        if create_graph:
            yield from self._contributions_as_nodes(gradient, wanted, create_graph == "as written")
        elif gradient:  # a gradient of exactly zero passes zero on, even through an infinity
            for parent, derivative in zip(self.parents, self.local_derivatives, strict=True):
                if derivative is not None and (wanted is None or parent in wanted):
                    yield parent, gradient * derivative

    def pushed(self, tangents: Mapping[Value, Value | float], create_graph: bool) -> Operand:
        total: Operand = None
        for parent, derivative in self.contributions(1.0, tangents.keys(), create_graph, False):
            tangent, slope = _data(tangents[parent]), _data(derivative)
            # zero moves nothing, even where the other is infinite: as in the reverse sweep
            if (tangent or math.isfinite(slope)) and (slope or math.isfinite(tangent)):
                share = tangents[parent] * derivative
                total = share if total is None else total + share
        return total

    def _contributions_as_nodes(
        self, gradient: Value | float, wanted: Collection[Value] | None, as_written: bool
    ) -> Iterator[tuple[Value, Any]]:
        rule = self._operation
        shown = rule.as_written if as_written and rule is not None else rule
        local_derivatives = () if shown is None else shown.scalar_derivatives
        for parent, recorded, local_derivative in zip(
            self.parents, self.local_derivatives, local_derivatives, strict=True
        ):
            if recorded is None or (wanted is not None and parent not in wanted):
                continue
            assert local_derivative is not None
            derivative = local_derivative(self, *self.parents)
            number = _data(derivative)
            same = number == recorded or (math.isnan(number) and math.isnan(recorded))
            if not same and shown is rule:  # another text may round otherwise
                raise RuntimeError(
                    f"the operands of {self.op} were changed after it was recorded: its local "
                    f"derivative was {recorded}, from today's operands it is {number}; compute "
                    "the graph again after an update, before gradients(create_graph=True)"
                )
            if _data(gradient) or math.isfinite(number):
                yield parent, gradient * derivative


# Recording


@cython.cfunc
@cython.inline
def _node(
    out: float,
    operation: Rule,
    x: Value | None,
    dx: float,
    y: Value | tuple[Any, ...] | None,
    dy: float,
) -> Value:
    """The result of one operation: its value, its operands, its local derivatives.

    In the place of a constant operand stands None, followed by the constant.  What few nodes
    need, a label, and a gradient before any sweep, is left unset: setting it takes time, and
    in plain Python the garbage collector goes through all that is set.
    """
    node: Value = Value.__new__(Value)
    node._number = out
    node._operation = operation
    node._x = x
    node._y = y
    node._dx = dx
    node._dy = dy
    node._uses = 0
    if _special:
        modes.record_specially(node)
    return node


_special = cython.declare(cython.int, 0)


def _watch(special: int) -> None:
    global _special
    _special = special


modes.watchers.append(_watch)


def _node_of(
    out: float, operation: Rule, operands: tuple[Any, ...], derivatives: tuple[float | None, ...]
) -> Value:
    """``_node`` for any number of operands, each a Value or a constant."""
    tracked: list[bool] = []
    kept: list[Any] = []
    active: list[float | None] = []
    for operand, derivative in zip(operands, derivatives, strict=True):
        is_value = isinstance(operand, Value)
        tracked.append(is_value)
        kept.append(operand if is_value else constant(operand))
        active.append(derivative if is_value else None)
    xs = tuple(kept)
    ds = tuple(active)
    if len(xs) == 1 and ds[0] is not None:
        return _node(out, operation, xs[0], ds[0], None, 0.0)
    if len(xs) == 2 and (ds[0] is not None, ds[1] is not None) == tuple(tracked):
        dx, dy = ds
        if dx is not None and dy is not None:
            return _node(out, operation, xs[0], dx, xs[1], dy)
        if dx is not None:
            return _node(out, operation, xs[0], dx, None, xs[1])
        if dy is not None:
            return _node(out, operation, None, xs[0], xs[1], dy)
    return _node(out, operation, None, 0.0, (xs, ds), 0.0)


@cython.ccall
def _data(operand: Operand) -> float:
    """The number of an operand, Value or constant."""
    if isinstance(operand, Value):
        node: Value = operand
        return node._number
    number = constant(operand)
    if number is None:
        raise TypeError(not_a_number(operand))
    result: float = number
    return result


def number_of(operand: Operand, what: str = "") -> float:
    """The number of an operand, Value or constant.

    Raises:
        TypeError: it is no real number; ``what`` begins the message.
    """
    try:
        return _data(operand)
    except TypeError as error:
        raise TypeError(f"{what}{error}") from None


def _method(name: str, *operands: Operand) -> Value:
    """An operation of several operands as a method: of a Value, as the compiler sees to itself."""
    if not isinstance(operands[0], Value):
        raise TypeError(
            f"Value.{name} takes a Value first, not {type(operands[0]).__name__}: write "
            f"Value(number).{name}"
        )
    made: Value = VALUE_FUNCTIONS[name](*operands)
    return made


VALUE_FUNCTIONS: dict[str, Function] = {
    "weighted_sum": weighted_sum_of,
    **SCALAR_FUNCTIONS,
}
"""Each rule's function of Values and numbers, by the rule's name."""

VALUE_FUNCTIONS.update({name: getattr(Value, name) for name in SCALAR_METHODS})


if not cython.compiled:  # what is compiled together sees all names of each other
    from sys import modules

    for _part in (modules[each.__module__] for each in (*Value.__bases__, weighted_sum)):
        vars(_part).update({name: globals()[name] for name in _part.NEEDED})
    Value.__hash__ = object.__hash__  # type: ignore[method-assign]
    Value.__init_subclass__ = refuse_subclass  # type: ignore[method-assign]
