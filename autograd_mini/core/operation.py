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

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

Function = Callable[..., Any]


class Operation:
    """What everything asks of an operation, and what holds if it does not say otherwise."""

    name: str
    sentence: str

    elementwise = False
    """Whether each element of the result comes from one of each operand; operands broadcast."""

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
    """The composite that it equals: nodes, and options by keyword, to a node."""

    kinks: Any = None
    """Where it has no derivative: ``(out, *operands, **options)`` to truth values."""

    branches: Function | None = None
    """Which branch each element takes, as numbers: ``(out, *operands, **options)``."""

    analytic: Function | None = None
    """Its forward function over complex numbers, where neither ``parts`` nor ``forward`` is."""

    spelling: str | Function = ""
    """How NumPy says it, of operands ``x0``, ``x1``, … (all of them: ``xs``) and options by name;
    or a function of a node.  By default its name is called, with the options that are given."""

    formulas: Sequence[str | Function | None] = ()
    """For each operand its gradient as a text, or of a node, where the pullback is no formula:
    of ``g``, ``out``, ``x0``, …, and options by name."""

    reduces = False
    """Whether it goes over axes of its operand, of which there is one element or none after."""

    rearranges = False
    """Whether the result is made of elements of its operand: moved, repeated or picked out."""

    keeps_order = False
    """Whether the result has the same elements in the same order, in another shape or dtype."""

    def pullback(self, index: int) -> Function | None:
        """The function ``(g, out, *operands, **options)`` that gives the gradient of an operand.

        ``None`` if nothing flows to it.
        """
        raise NotImplementedError

    def reads_operand(self, index: int, other: int) -> bool:
        """Whether the pullback of operand ``index`` reads the numbers of operand ``other``."""
        raise NotImplementedError

    def reads_result(self, index: int) -> bool:
        """Whether the pullback of operand ``index`` reads the numbers of the result."""
        raise NotImplementedError

    def over_complex(self, *operands: Any, **options: Any) -> Any:
        """The result over complex arrays.

        >>> OPERATIONS["norm"].over_complex([3 + 1e-30j, 4], axis=None, keepdims=False).imag
        array(6.e-31)
        """
        return (self.analytic or self.parts or self.forward)(*operands, **options)


OPERATIONS: dict[str, Operation] = {}
"""Every operation by its name."""


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
        broadcasts, foreign, parts, kinks, branches, analytic, spelling, formulas, reduces,
            rearranges, keeps_order: as of any operation.
    """

    name: str
    forward: Function
    pullbacks: Sequence[Function | None] | Function
    sentence: str = ""
    reads: frozenset[str] = frozenset({"operands", "out"})
    broadcasts: bool = False
    foreign: bool = False
    parts: Function | None = None
    kinks: Function | None = None
    branches: Function | None = None
    analytic: Function | None = None
    spelling: str | Function = ""
    formulas: Sequence[str | Function | None] = ()
    reduces: bool = False
    rearranges: bool = False
    keeps_order: bool = False

    symbol = ""

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
