"""ArrayNode: what a Tensor holds, and what is done for each node: record it, pass its gradient on.

This file runs as it stands, and compiled by Cython (``_build/compose_node.py``), in which a node's
fields are those of a C structure, with the same results.  What begins with ``cython.`` is for it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_mini._build import uncompiled as cython
from autograd_mini.core import graph, modes
from autograd_mini.core.broadcasting import like_operand, masked_share
from autograd_mini.core.operation import Operation
from autograd_mini.core.rule import RULES, rule_of_ufunc
from autograd_mini.interface import guards
from autograd_mini.interface.operands import as_operand, mixed, refuse, taking_over
from autograd_mini.interface.traced import as_array, traced
from autograd_mini.typing import Array, Operand

if TYPE_CHECKING:
    from autograd_mini.core.tensor import Tensor

UNRECORDED: dict[str, Any] = {}
"""The options of a result of ``no_grad()``: this very dict tells it from a Tensor made of data."""

_NO_OPTIONS: dict[str, Any] = {}
_FLOAT64 = np.dtype(np.float64)
_ndarray = np.ndarray
_PLAIN_TYPES = frozenset({np.ndarray, float, int, bool, np.float64, np.float32})
_PYTHON_NUMBERS = frozenset({bool, int, float})
_NUMBERS = (np.ndarray, np.generic, float, int)

_names: dict[Any, Any] = {}
"""The names of the rows that NumPy's ufuncs were found to be."""

_clock = cython.declare(cython.longlong, 0)
_special = cython.declare(cython.longlong, 0)
"""Copies of ``guards.clock`` and ``modes.special``, which are nearer at hand."""


def _look_again(_: int) -> None:
    global _clock, _special
    _clock, _special = guards.clock, modes.special


guards.watchers.append(_look_again)
modes.watchers.append(_look_again)


@cython.cclass
class ArrayOperators:
    """The operators of what is an array for NumPy, and its ufuncs: each records a row."""

    __slots__ = ()

    def __add__(self, other: Operand) -> Tensor:
        return _operate("add", self, other)

    def __radd__(self, other: Operand) -> Tensor:
        return _operate("add", other, self)

    def __sub__(self, other: Operand) -> Tensor:
        return _operate("sub", self, other)

    def __rsub__(self, other: Operand) -> Tensor:
        return _operate("sub", other, self)

    def __mul__(self, other: Operand) -> Tensor:
        return _operate("mul", self, other)

    def __rmul__(self, other: Operand) -> Tensor:
        return _operate("mul", other, self)

    def __truediv__(self, other: Operand) -> Tensor:
        return _operate("div", self, other)

    def __rtruediv__(self, other: Operand) -> Tensor:
        return _operate("div", other, self)

    def __pow__(self, other: Operand) -> Tensor:
        return _operate("pow", self, other)

    def __rpow__(self, other: Operand) -> Tensor:
        return _operate("pow", other, self)

    def __mod__(self, other: Operand) -> Tensor:
        return _operate("mod", self, other)

    def __rmod__(self, other: Operand) -> Tensor:
        return _operate("mod", other, self)

    def __floordiv__(self, other: Operand) -> Tensor:
        return _operate("floor_divide", self, other)

    def __rfloordiv__(self, other: Operand) -> Tensor:
        return _operate("floor_divide", other, self)

    def __neg__(self) -> Tensor:
        return record(RULES["neg"], (self,))

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Operand, **kwargs: Operand
    ) -> Operand:
        if not kwargs and method == "__call__":
            rule = RULES.get(_names.get(ufunc, ""))
            if rule is not None:
                return record(rule, inputs)
            rule = rule_of_ufunc(ufunc)
            if rule is not None:
                _names[ufunc] = rule.name
                return record(rule, inputs)
        return self.through_ufunc(ufunc, method, inputs, kwargs)  # type: ignore[attr-defined]


@cython.cclass
class ArrayNode(ArrayOperators):
    """The fields of a Tensor, and its part in a sweep."""

    __slots__ = (
        "_array", "_grad", "label", "operation", "_operands", "_options", "_changed", "_recorded",
        "_origin",
    )  # fmt: skip

    _array: Operand
    _grad: Operand
    label: Operand
    operation: Operation | None
    _operands: tuple[Any, ...]
    _options: dict[str, Any]
    _changed: cython.longlong  # when its data was replaced, by ``guards.clock``
    _recorded: cython.longlong  # when it was recorded
    _origin: Operand  # inside ``debug()``: the line that recorded it, and what its operands were

    def _set(
        self,
        data: Array,
        operation: Operation | None,
        operands: tuple[Any, ...],
        options: dict[str, Any],
    ) -> None:
        _fill(self, data, operation, operands, options)

    @property
    def parents(self) -> tuple[Any, ...]:
        """The operands in order: Tensors, and constants as they were given."""
        return self._operands

    # What the sweep asks of a node

    def contributions(
        self,
        gradient: Operand,
        wanted: Collection[Any] | None,
        create_graph: graph.Recorded,
        masked: bool,
    ) -> list[tuple[Any, Any]]:
        return _contributions(self, gradient, wanted, create_graph, masked, {})

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


@cython.cfunc
def _operate(name: str, left: Operand, right: Operand) -> Tensor:
    other = right if isinstance(left, ArrayNode) else left
    if not isinstance(other, ArrayNode) and not isinstance(other, _NUMBERS):
        operands = mixed(name, left, right)
        if operands is None:
            return NotImplemented  # type: ignore[no-any-return]
        return record(RULES[name], operands)
    return record(RULES[name], (left, right))


@cython.cfunc
def _fill(
    node: ArrayNode, data: Operand, operation: Operand, operands: tuple[Any, ...], options: Operand
) -> None:
    node._array = data
    node._grad = None
    node.label = ""
    node.operation = operation
    node._operands = operands
    node._options = options
    node._changed = 0
    node._recorded = _clock
    node._origin = None


@cython.ccall
def record(operation: Operand, operands: tuple[Any, ...], options: Operand = None) -> Tensor:
    """The Tensor that an operation makes of its operands, with the graph to it.

    Raises:
        ValueError: the shapes do not fit; names the operation and all shapes.
        TypeError: an operand is not made of real numbers, or is a Value.
    """
    x: ArrayNode
    arrays: list[Any] = []
    for operand in operands:
        if isinstance(operand, ArrayNode):
            x = operand
            array = x._array
        else:
            array = operand
        if type(array) is not _ndarray and type(array) not in _PLAIN_TYPES:
            if (instead := taking_over(operands)) is not None:
                return instead.takes_over(operation, operands, options or {})  # type: ignore[no-any-return]
            operands = tuple(map(as_operand, operands))
            arrays = list(map(plain, operands))
            operation = traced(operation, operands)
            break
        arrays.append(array)
    try:
        if options:
            out = operation.forward(*arrays, **options)
        elif len(arrays) == 2:
            out = operation.forward(arrays[0], arrays[1])
        else:
            out = operation.forward(*arrays)
        out = out if type(out) is _ndarray else as_array(out)
        for array in arrays:
            if out is array:  # a view, which tells that memory is shared
                out = out.view()
    except (ValueError, TypeError, IndexError) as error:
        refuse(operation, operands, error)
    dtype = out.dtype
    if dtype is not _FLOAT64 and dtype.kind != "f":
        advice = "a Tensor holds real numbers; t.data has the plain ones, without a gradient"
        refuse(operation, operands, TypeError(f"its result would be {dtype}: {advice}"))
    node: ArrayNode = _kind.__new__(_kind)
    _fill(node, out, operation, operands, options or _NO_OPTIONS)
    if _special:
        guards.record_specially(node, UNRECORDED)
    return node  # type: ignore[return-value]


_kind: Operand = ArrayNode


def record_as(kind: type) -> None:
    """What ``record`` makes: ``Tensor``, the one kind of ArrayNode."""
    global _kind
    _kind = kind


def plain(operand: Operand) -> Operand:
    """The plain array or number of an operand."""
    return operand._array if isinstance(operand, ArrayNode) else operand


@cython.ccall
def given_to_pullbacks(node: ArrayNode, as_nodes: cython.bint) -> list[Any]:
    """The operands, or their arrays; a Python number in an elementwise operation as NumPy's.

    For 1 / 0 is an error in Python and infinity in NumPy, as it was in the forward pass.
    """
    x: ArrayNode
    given: list[Any] = []
    operation: Operand = node.operation
    for operand in node._operands:
        if isinstance(operand, ArrayNode):
            x = operand
            given.append(operand if as_nodes else x._array)
        elif type(operand) in _PYTHON_NUMBERS and operation and operation.elementwise:
            given.append(node._array.dtype.type(operand))
        else:
            given.append(operand)
    return given


@cython.cfunc
def _contributions(
    node: ArrayNode,
    gradient: Operand,
    wanted: Operand,
    create_graph: Operand,
    masked: cython.bint,
    totals: dict[Any, Any],
) -> list[Any]:
    """What each operand receives; a leaf that has no total yet an array of its own."""
    found: list[Any] = []
    operation: Operand = node.operation
    if operation is None:
        return found
    x: ArrayNode
    recorded: cython.bint = bool(create_graph)
    given: list[Any] = given_to_pullbacks(node, recorded)
    out = node if recorded else node._array
    if recorded and create_graph == "as written":
        operation = operation.as_written
    pullbacks = operation.pullbacks
    listed: cython.bint = isinstance(pullbacks, tuple)
    if node._origin is not None:
        guards.check_memory(node)
    options: dict[str, Any] = node._options
    index: cython.Py_ssize_t
    for index in range(len(given)):
        operand = node._operands[index]
        if not isinstance(operand, ArrayNode) or (wanted is not None and operand not in wanted):
            continue
        x = operand
        pullback = pullbacks[index] if listed else operation.pullback(index)
        if pullback is None:
            continue
        if node._recorded != _clock:
            guards.check_unchanged(node, index)
        if options:
            share = pullback(gradient, out, *given, **options)
        elif len(given) == 2:
            share = pullback(gradient, out, given[0], given[1])
        elif len(given) == 1:
            share = pullback(gradient, out, given[0])
        else:
            share = pullback(gradient, out, *given)
        if share is None:
            continue
        if (masked or node._origin is not None) and operation.elementwise:
            share = masked_share(share, gradient)
        array = x._array
        same = type(share) is _ndarray and share.dtype is array.dtype
        if not (same and share.shape == array.shape):
            share = like_operand(share, operand, operation)
        if not (recorded or x._operands or operand in totals) and (
            share is gradient
            or share.base is not None
            or share is out
            or _is_one_of(share, given)
            or operation.foreign
        ):
            share = share.copy()
        if node._origin is not None:
            guards.check_finite(node, index, gradient, share)
        found.append((operand, share))
    return found


@cython.cfunc
def _is_one_of(share: Operand, given: list[Any]) -> cython.bint:
    for operand in given:  # noqa: SIM110 - which the compiler makes a loop of
        if share is operand:
            return True
    return False


# A sweep from a Tensor


def swept(
    root: ArrayNode, seed: Operand, asked: Operand, create_graph: graph.Recorded, handed: Operand
) -> dict[Any, Any]:
    """The gradient of each node asked for that is reached, or of all nodes, as in ``graph``.

    It is the loop of ``graph``, in the same order, and looks for NaN on its way.
    """
    wanted = None
    uses = _uses(root)
    if asked is not None and not _all_leaves_are(asked, uses):
        wanted = graph.dependents(graph.topological_order(root), asked)
        if root not in wanted:
            return {}
    found: Operand = _swept(root, seed, asked, wanted, uses, create_graph, handed, False)
    if found is None:
        found = _swept(root, seed, asked, wanted, _uses(root), create_graph, handed, True)
    return found  # type: ignore[no-any-return]


graph.sweep_over_arrays[:] = [swept]


@cython.cfunc
def _all_leaves_are(asked: Operand, nodes: dict[Any, Any]) -> cython.bint:
    node: ArrayNode
    for node in nodes:  # noqa: SIM110 - which the compiler makes a loop of
        if node.operation is None and node not in asked:
            return False
    return True


@cython.cfunc
def _uses(root: ArrayNode) -> dict[Any, Any]:
    """How many operands of other nodes each node is."""
    x: ArrayNode
    uses: dict[Any, Any] = {root: 0}
    ready: list[Any] = [root]
    while ready:
        x = ready.pop()
        for operand in x._operands:
            if isinstance(operand, ArrayNode):
                count = uses.get(operand)
                if count is None:
                    uses[operand] = 1
                    ready.append(operand)
                else:
                    uses[operand] = count + 1
    return uses


@cython.cfunc
def _swept(
    root: ArrayNode,
    seed: Operand,
    asked: Operand,
    wanted: Operand,
    uses: dict[Any, Any],
    create_graph: Operand,
    handed: Operand,
    masked: cython.bint,
) -> Operand:
    """``swept``; None if NaN came out that masking may keep from what was asked for, or a leaf."""
    node: ArrayNode
    found: dict[Any, Any] = {}
    totals: dict[Any, Any] = {root: seed}
    sums: set[Any] = set()  # whose totals are arrays of this sweep's own
    spared: dict[Any, Any] = {}  # for which results of their operations tell: see _looked_at
    ready: list[Any] = [root]
    while ready:
        node = ready.pop()
        total = totals.pop(node, None)
        if total is not None:
            if asked is None or node in asked:
                found[node] = total
                matters = asked is not None or node.operation is None
                if matters and not masked and spared.get(node, -1) < 0 and graph.has_nan(total):
                    return None
            if node.operation is not None:
                if not masked and _looked_at(node, total, asked, spared):
                    return None
                total = handed.get(node, total) if handed else total
                for operand, share in _contributions(
                    node, total, wanted, create_graph, masked, totals
                ):
                    before = totals.get(operand)
                    if before is None:
                        totals[operand] = share
                    elif operand in sums and type(share) is _ndarray:
                        before += share
                    else:
                        totals[operand] = before = before + share
                        if type(before) is _ndarray:
                            sums.add(operand)
        elif asked is None:
            found[node] = None
        for operand in node._operands:
            if isinstance(operand, ArrayNode):
                count = uses[operand] - 1
                if count:
                    uses[operand] = count
                else:
                    ready.append(operand)
    return found


@cython.cfunc
def _looked_at(
    node: ArrayNode, total: Operand, asked: Operand, spared: dict[Any, Any]
) -> cython.bint:
    """Whether NaN is in the gradient of a node that tells of operands asked for, or leaves.

    It does if the operation's contributions are never masked, and is looked at where it is less
    to look at than the operand, as for the weights of a layer.  What is left of that is in
    ``spared``, less than zero for one that is looked at itself.
    """
    x: ArrayNode
    looked: cython.bint = False
    operation: Operand = node.operation
    for operand in node._operands:
        if isinstance(operand, ArrayNode):
            x = operand
            if operand in asked if asked is not None else x.operation is None:
                left: Operand = -1
                if not operation.elementwise:
                    left = spared.get(operand)
                    if left is None:
                        left = LOOK + x._array.size
                    if left >= 0 and not looked:
                        left -= LOOK + node._array.size
                spared[operand] = left
                if left >= 0 and not looked:
                    looked = True
                    if graph.has_nan(total):
                        return True
    return False


LOOK = 4000
"""To look at an array for NaN costs as much as so many of its elements, besides these."""
