"""What shapes, labels and values say before any gradient is looked at.

A gradient check holds a gradient against the loss that is computed.  It cannot see that another
loss was meant: labels that broadcasting spread over the classes, a softmax over the samples.
Each check here looks for one such accident in the recorded graph.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from autograd_mini.check.broadcasting import are_labels, pairs
from autograd_mini.check.forward import (
    Recorded,
    is_summed_alone,
    lost_axes,
    products_of_all,
    softmaxes,
)
from autograd_mini.check.problem import Problem
from autograd_mini.check.result import AGREE, Finding, Quantity
from autograd_mini.check.structure import (
    GETITEM,
    LOG,
    LOG_SOFTMAX,
    axis_source,
    is_logarithm,
    is_normalised,
    symbol_of,
    through_scalars,
)
from autograd_mini.core.graph import Node, data_of, is_node, options_of
from autograd_mini.core.tensor import Tensor
from autograd_mini.typing import Array, Operand


def lint(problem: Problem, quantities: Sequence[Quantity], alone: bool) -> Iterator[Finding]:
    """What is wrong with shapes, labels and values, and what was not tested.

    Arguments:
        problem: the recorded loss, the gradients, and the names that arrays are called by.
        quantities: its quantities with verdicts.
        alone: whether the gradients are known at this point alone.

    >>> from autograd_mini.check.capture import captured
    >>> X, y = np.ones((4, 2)), np.array([[0], [1], [2], [1]])
    >>> problem = captured(lambda W: np.sum((X @ W - y) ** 2), {"W": np.ones((2, 3))}, None)
    >>> print(next(lint(problem, [], alone=False)).message)
    y holds class labels in a column of shape (4, 1), against outputs of shape (4, 3): each label \
is compared with all 3 outputs of its row; write one-hot rows, np.eye(3)[y[:, 0]]
    """
    yield from _unreached(problem, quantities)
    if alone:
        yield from _untested(problem, quantities)
    graph = Recorded(problem.expanded.order, problem.expanded.scope)
    checks = _CHECKS if isinstance(problem.root, Tensor) else (_origins_of_non_finite,)
    accidents = [finding for check in checks for finding in check(graph)]
    agreeing = {quantity.name for quantity in quantities if quantity.verdict == AGREE}
    shapes = (
        _other_shape(name, problem.nodes[name], gradient, name not in agreeing)
        for name, gradient in problem.manual.items()
    )
    yield from dict.fromkeys([*accidents, *filter(None, shapes)])


# What was not tested


def _unreached(problem: Problem, quantities: Sequence[Quantity]) -> Iterator[Finding]:
    """Quantities that the recorded loss does not depend on."""
    reaching = set(problem.order)
    for quantity in quantities:
        if problem.nodes[quantity.name] in reaching:
            continue
        message = (
            f"{quantity.name} does not reach the loss, its gradient is 0: was it forgotten, or cut "
            "off by .data?"
        )
        with np.errstate(invalid="ignore"):
            moves = np.abs(quantity.numerical) > 2 * quantity.numerical_error
        if moves.any():
            message = (
                f"the loss moves with {quantity.name}, but was not recorded from it: .data, "
                "float() or a copy in plain NumPy cuts it off"
            )
        yield Finding("unused", (quantity.name,), message)


def _untested(problem: Problem, quantities: Sequence[Quantity]) -> Iterator[Finding]:
    """Parameters whose gradient is exactly 0, where no derivation can be told from another."""
    reaching = set(problem.order)
    names = tuple(
        q.name
        for q in quantities
        if q.name in problem.parameters and problem.nodes[q.name] in reaching
        if q.verdict == AGREE and q.automatic.size and not q.automatic.any()
    )
    if names:
        message = "the gradient is 0 throughout: nothing was tested at this point, take another"
        yield Finding("zero gradient", names, message)


# Labels and targets that broadcasting spreads


def _columns(graph: Recorded) -> Iterator[Finding]:
    """A column of class labels against one output for each class."""
    for node in graph.summed:
        if symbol_of(node) not in ("-", "*"):
            continue
        for labels, outputs in pairs(node.parents):
            wide = np.shape(data_of(outputs))
            if is_node(labels) or not is_node(outputs) or len(wide) != 2 or wide[1] < 2:
                continue
            if np.shape(labels) != (wide[0], 1) or not are_labels(labels, wide[1]):
                continue
            if np.array_equal(labels, np.max(outputs.data, axis=1, keepdims=True)):
                continue
            difference = symbol_of(node) == "-"
            alone = is_logarithm(outputs) and is_summed_alone(graph, node)
            if not difference and not alone:
                continue
            name = graph.name(labels, "the column")
            how = "is compared with" if difference else "multiplies"
            yield Finding(
                "labels",
                (name,) if name in graph.scope else (),
                f"{name} holds class labels in a column of shape {np.shape(labels)}, against "
                f"outputs of shape {wide}: each label {how} all {wide[1]} outputs of its row; "
                f"write one-hot rows, np.eye({wide[1]})[{_indices(graph, labels, name)}]",
                wrong=_are_all_labels(labels, wide[1]),
            )


def _flat_labels(graph: Recorded) -> Iterator[Finding]:
    """Class labels (N,) against outputs (N, K) where N = K lets them broadcast."""
    for node in graph.summed:
        if symbol_of(node) != "-":
            continue
        for labels, outputs in pairs(node.parents):
            wide = np.shape(data_of(outputs))
            if is_node(labels) or not is_node(outputs) or len(wide) != 2 or wide[0] != wide[1]:
                continue
            if np.shape(labels) != wide[1:] or not are_labels(labels, wide[1]):
                continue
            name = graph.scope.name_of(labels)
            if np.asarray(labels).dtype.kind not in "iu" and not _sounds_like_labels(name):
                continue
            if axis_source(outputs, 0) != "data":
                continue
            name = name or "the array"
            yield Finding(
                "n-equals-k",
                (name,) if name in graph.scope else (),
                f"{name} of shape {wide[1:]} is set against columns, not rows, of the outputs of "
                f"shape {wide}; it broadcasts only since there are as many samples as classes: "
                f"write one-hot rows, np.eye({wide[1]})[{_indices(graph, labels, name)}]",
                wrong=_sounds_like_labels(name),
            )


def _outer_residuals(graph: Recorded) -> Iterator[Finding]:
    """(N, 1) against (N,): every output against every target."""
    for node in graph.summed:
        if symbol_of(node) != "-":
            continue
        for column, flat in pairs(node.parents):
            size = np.size(data_of(flat))
            if (
                size < 2
                or np.shape(data_of(column)) != (size, 1)
                or np.shape(data_of(flat)) != (size,)
            ):
                continue
            tracked = [operand for operand in (column, flat) if is_node(operand)]
            if any(axis_source(operand, 0) != "data" for operand in tracked):
                continue
            names = graph.name(column, "one operand"), graph.name(flat, "the other")
            target = names[0] if is_node(flat) else names[1]
            write = f"{target}[:, 0]" if is_node(flat) else f"{target}[:, None]"
            if len(tracked) == 2:
                write = f"{names[1]}[:, None]"
            yield Finding(
                "broadcast",
                tuple(name for name in names if name in graph.scope),
                f"{names[0]} has shape ({size}, 1), {names[1]} ({size},): their difference has "
                f"shape ({size}, {size}), every output against every target: write {write}",
                wrong=True,
            )


def _chosen_rows(graph: Recorded) -> Iterator[Finding]:
    """``p[y]`` or ``p[:, y]`` where the probability of each sample's class was meant."""
    for node in graph.order:
        if node.operation is not GETITEM or not _are_probabilities(node.parents[0]):
            continue
        outputs, index = node.parents[0], options_of(node)["index"]
        parts = index if isinstance(index, tuple) else (index,)
        shape = np.shape(outputs.data)
        labels = parts[-1]
        if len(shape) != 2 or np.shape(labels) != shape[:1] or shape[1] < 2:
            continue
        if getattr(labels, "dtype", np.dtype(bool)).kind not in "iu":
            continue
        if not are_labels(labels, shape[1]):
            continue
        rows = len(parts) == 1 and len(np.unique(labels)) < len(labels)
        columns = len(parts) == 2 and isinstance(parts[0], slice) and parts[0] == slice(None)
        if columns and any(use.operation is GETITEM for use in graph.uses[node]):
            continue
        if rows or columns:
            name, what = graph.name(labels, "labels"), graph.name(outputs, "outputs")
            expression = f"{what}[{name}]" if rows else f"{what}[:, {name}]"
            yield Finding(
                "labels",
                tuple(n for n in (name, what) if n in graph.scope),
                f"{expression} of shape {np.shape(node.data)} takes whole "
                f"{'rows' if rows else 'columns'} of {what}, of shape {shape}; for each sample's "
                f"class write {what}[np.arange({shape[0]}), {name}]",
                wrong=True,
            )


# Values


def _origins_of_non_finite(graph: Recorded) -> Iterator[Finding]:
    """Where a loss that is not finite first became so."""
    if np.isfinite(graph.order[-1].data).all():
        return
    for node in graph.order:
        operands = [data_of(p) for p in node.parents]
        bad = ~np.isfinite(np.asarray(node.data))
        if not bad.any() or not all(np.isfinite(o).all() for o in operands):
            continue
        at = tuple(int(i) for i in np.argwhere(bad)[0])
        place = f" at [{', '.join(map(str, at))}]" if at else ""
        value = np.asarray(node.data)[at]
        if not node.parents:
            name = graph.name(node, "a parameter")
            yield Finding("non-finite", (name,), f"{name} is {value}{place}", wrong=True)
            return
        names = [graph.name(p, "") for p in node.parents]
        of = ", ".join(
            f"{name} = {_element(operand, at, bad.shape):.6g}" if name
            else f"{_element(operand, at, bad.shape):.6g}"
            for name, operand in zip(names, operands, strict=True)
            if np.size(operand) == 1 or np.shape(operand) == bad.shape
        )  # fmt: skip
        remedy = node.operation.remedy if node.operation else ""
        if np.isnan(value) and any(_element(o, at, bad.shape) < 0 for o in operands):
            remedy = "that is a negative number" if len(operands) == 1 else ""
        yield Finding(
            "log-of-zero" if node.operation is LOG and value == -np.inf else "non-finite",
            tuple(name for name in names if name),
            f"the loss is {np.reshape(graph.order[-1].data, ())}: {node.op}"
            + (f"({of})" if of else "")
            + f" is {value}{place}"
            + (f": {remedy}" if remedy else ""),
            wrong=True,
        )
        return


def _element(operand: Operand, at: tuple[int, ...], shape: tuple[int, ...]) -> float:
    return float(np.broadcast_to(operand, shape)[at])


# Gradients of another shape


def _other_shape(name: str, node: Node, manual: Array, wrong: bool) -> Finding | None:
    wanted, shape = np.shape(node.data), np.shape(manual)
    if shape == wanted:
        return None
    try:
        both = np.broadcast_shapes(wanted, shape)
    except ValueError:
        return None
    if both == wanted:
        result = f"{name} - rate * gradient has the right shape all the same"
    else:
        result = f"{name} - rate * gradient would become {both}"
    sums = ""
    if len(shape) == len(wanted):
        axes = tuple(i for i, (a, b) in enumerate(zip(shape, wanted, strict=True)) if a > b == 1)
        sums = f"sum it over axis {axes[0]} with keepdims=True" if axes else ""
    elif shape[1:] == wanted:
        sums = "sum it over axis 0"
    elif np.prod(shape) == np.prod(wanted):
        sums = f"write keepdims=True in its sum, or np.reshape(gradient, {wanted})"
    return Finding(
        "shape",
        (name,),
        f"the gradient of {name} has shape {shape}, {name} has {wanted}; broadcasting hides it: "
        f"{result}" + (f"; {sums}" if sums else ""),
        wrong=wrong,
    )


_CHECKS = (
    _columns,
    _flat_labels,
    _outer_residuals,
    _chosen_rows,
    lost_axes,
    products_of_all,
    softmaxes,
    _origins_of_non_finite,
)


# What operands are


def _are_all_labels(labels: Operand, classes: int) -> bool:
    values = np.unique(np.asarray(labels))
    return values.size == classes and bool(np.all(values - values[0] == np.arange(classes)))


def _sounds_like_labels(name: str) -> bool:
    word = name.removeprefix("self.").lower()
    return word.startswith(("y", "label", "target", "class")) and not word.startswith("yhat")


def _indices(graph: Recorded, labels: Operand, name: str) -> str:
    """What to write for labels as indices: flat whole numbers from 0."""
    text = name
    if np.ndim(graph.scope.get(name, labels)) == 2:
        text += "[:, 0]"
    if np.asarray(labels).dtype.kind not in "iu":
        text += ".astype(int)"
    return text + (" - 1" if np.min(labels) == 1 and np.max(labels) > 1 else "")


def _are_probabilities(operand: Operand) -> bool:
    """Whether an operand is a softmax, or its logarithm."""
    if not isinstance(operand, Tensor):
        return False
    if operand.operation is LOG:
        return any(map(is_normalised, through_scalars(operand.parents[0])))
    return operand.operation is LOG_SOFTMAX or is_normalised(operand)
