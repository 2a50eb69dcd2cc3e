"""The boxes and arrows of a picture, and how a node becomes one, in short texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from autograd_mini.core.operation import OPERATIONS, ArrayOperation
from autograd_mini.core.rule import Rule
from autograd_mini.core.tensor import Tensor
from autograd_mini.core.value import Value
from autograd_mini.operations.elementwise import WeightedSum
from autograd_mini.show.branches import in_force
from autograd_mini.show.heat import Strip, strip
from autograd_mini.show.names import LONGEST_LABEL, LONGEST_NAME, shown
from autograd_mini.show.notation import has_sign, number, typeset
from autograd_mini.show.recorded import Node
from autograd_mini.typing import Array, Operand

LONGEST_FORMULA = 40
LONGEST_BRANCHES = 24
"""A derivative in branches that is longer than this is shown as the branch in force."""

MOST_NUMBERS = 6
"""An array of so many elements is shown element by element, a larger one in summary."""

MOST_KINDS = 4
"""How many kinds of operations, and of parameters, the box of a folded layer lists."""

Kind = Literal["parameter", "input", "constant", "operation", "layer"]
View = Literal["both", "forward", "backward"]

STATUS = {
    "wrong": "× wrong",
    "inherited": "~ inherited",
    "cannot tell": "? cannot tell",
    "right": "= right",
}
"""What a check may say of a node's gradient, the gravest first, and how a box says it."""


@dataclass(frozen=True)
class Box:
    """What a picture shows of a node, of a group of nodes, or of one use of a constant.

    Arguments:
        name: unique in the picture: ``n4``, or ``n4c1`` for a constant as operand 1 of n4.
        kind: what it is; ``"layer"`` is a layer folded into one box.
        root: whether the graph ends here.
        label: what it is called; for a constant that is one number, the number.
        made_by: how it was computed, such as ``w·x``; empty for leaves and constants.
        shape: of a Tensor or an array; empty for a Value or a number.
        rows: lines of cells; the first cell says what the others are.
        tooltip: what a pointer on the box shows.
        strips: after the last row that is called so, the colours of the array's elements.
        count: how many nodes, or sums of them, this stands for.
        cut: whether what it was computed from is left out.
        status: what a check says of its gradient, a key of ``STATUS``; mostly empty.
    """

    name: str
    kind: Kind
    root: bool
    label: str
    made_by: str
    shape: str
    rows: tuple[tuple[str, ...], ...]
    tooltip: str
    strips: tuple[tuple[str, Strip], ...] = ()
    count: int = 1
    cut: bool = False
    status: str = ""


@dataclass(frozen=True)
class Arrow:
    """One use of an operand: from its box to the box of the result.

    Arguments:
        name: unique in the picture: ``e4_1`` for operand 1 of n4.
        tail, head: names of boxes.
        lines: the local derivative, as formula and as number; empty where there is none.
    """

    name: str
    tail: str
    head: str
    lines: tuple[str, ...]


def node_box(
    name: str,
    node: Node,
    label: str,
    kind: Kind,
    operands: Sequence[str | float],
    view: View,
    *,
    root: bool = False,
    swept: bool = True,
    cut: bool = False,
    status: str = "",
    gradient: Operand = None,
) -> Box:
    """The box of one node.

    Arguments:
        name, kind, root, cut, status: as in ``Box``; a status may go on after a colon.
        node: the node.
        label: what it is called, in full.
        operands: what formulas call its operands: names, and numbers of constants.
        view: which of value and gradient are shown.
        swept: whether there are gradients.
        gradient: its gradient; by default ``node.grad``.
    """
    rule = rule_of(node)
    arrays = _arrays(node.data, node.grad if gradient is None else gradient, view, swept)
    rows, strips = _rows_and_strips(arrays, isinstance(node, Value))
    label = shown(label, LONGEST_LABEL)
    if isinstance(node, Value):
        told = ", ".join(f"{what} {float(array)}" for what, array in arrays)
        tooltip = f"{label}: {told}"
    else:
        tooltip = f"{label}: shape {node.shape}, {node.dtype}"
    if rule is not None and rule.sentence:
        tooltip += f". {rule.name}: {rule.sentence}"
    made_by = ""
    if rule is not None:
        made_by = f"{rule.name}(…)" if cut else made_by_text(node, rule, operands)
        made_by = shown(made_by, LONGEST_FORMULA)
    shape = "" if isinstance(node, Value) else str(node.shape)
    return _checked(
        Box(
            name, kind, root, label, made_by, shape, rows, shown(tooltip, 300), strips, 1, cut
        ),
        status,
    )  # fmt: skip


def group_box(
    name: str,
    nodes: Sequence[Node],
    label: str,
    kind: Kind,
    made_by: str,
    view: View,
    *,
    gradients: Sequence[Operand],
    root: bool = False,
    swept: bool = True,
    cut: bool = False,
    status: str = "",
) -> Box:
    """The box of several nodes that are computed alike: their elements in one array."""
    values = _together([node.data for node in nodes])
    has_gradients = swept and view != "forward"
    together = _together(list(gradients)) if has_gradients else np.zeros(0)
    rows, strips = _rows_and_strips(_arrays(values, together, view, swept), False)
    shape = str(nodes[0].shape) if isinstance(nodes[0], Tensor) else ""
    tooltip = f"{label}: {len(nodes)} nodes that are computed alike"
    return _checked(
        Box(
            name, kind, root, shown(label, LONGEST_LABEL), shown(made_by, LONGEST_FORMULA), shape,
            rows, tooltip, strips, len(nodes), cut,
        ),
        status,
    )  # fmt: skip


def _together(found: list[Any]) -> Array:
    """The elements of arrays of one shape, or numbers, as one row."""
    return np.array(found).ravel()


def layer_box(
    name: str, label: str, nodes: Sequence[Node], stems: Sequence[str], root: bool
) -> Box:
    """The box of a whole layer: what it is made of."""
    parameters = Counter(
        stem or "leaf" for node, stem in zip(nodes, stems, strict=True) if not node.op
    )
    operations = Counter(node.op for node in nodes if node.op)
    rows = tuple(
        (what, _counted(counts))
        for what, counts in (("parameters", parameters), ("operations", operations))
        if counts
    )
    tooltip = f"{label}: {len(nodes)} nodes, folded into one box"
    return Box(
        name, "layer", root, shown(label, LONGEST_LABEL), f"{len(nodes)} nodes", "", rows, tooltip
    )


def _counted(counts: Counter[str]) -> str:
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    words = [
        shown(name, LONGEST_NAME) + (f" × {count}" if count > 1 else "")
        for name, count in most[:MOST_KINDS]
    ]
    return ", ".join(words) + ", …" * (len(most) > MOST_KINDS)


def constant_box(name: str, called: str | float, operand: Operand) -> Box:
    """The box of a constant: a number, or data such as an array."""
    what = shown(f"constant {type(operand).__name__}", LONGEST_FORMULA)
    if isinstance(called, float):
        return Box(name, "constant", False, number(called), "", "", (), f"constant {called!r}")
    label = shown(called, LONGEST_LABEL)
    try:
        array = np.asarray(operand)
    except (TypeError, ValueError):  # an operand of a primitive may be anything
        array = np.array(None)
    if array.dtype.kind not in "fiub":
        return Box(name, "input", False, label, "", "", (), what)
    rows, strips = _rows_and_strips([("value", array)], False)
    what += f", {array.dtype}"
    return Box(name, "input", False, label, "", str(array.shape), rows, what, strips)


def _checked(box: Box, status: str) -> Box:
    if not status:
        return box
    verdict, _, cause = status.partition(":")
    said = shown(STATUS[verdict] + f": {cause.strip()}" * bool(cause), LONGEST_FORMULA)
    return replace(box, status=verdict, rows=(*box.rows, ("check", said)))


def _arrays(data: Operand, gradient: Operand, view: View, swept: bool) -> list[tuple[str, Any]]:
    arrays = [("value", data)] if view != "backward" else []
    return arrays + [("gradient", gradient)] * (swept and view != "forward")


def _rows_and_strips(
    arrays: Sequence[tuple[str, Any]], is_number: bool
) -> tuple[tuple[tuple[str, ...], ...], tuple[tuple[str, Strip], ...]]:
    if is_number:
        return tuple((what, number(array)) for what, array in arrays), ()
    rows: list[tuple[str, ...]] = []
    for what, array in arrays:
        found = _rows(what, array)
        if rows and len(found) == 2 and found[0] == rows[0]:  # one line of headings is enough
            del found[0]
        rows += found
    large = [(what, array) for what, array in arrays if array.size > MOST_NUMBERS]
    return tuple(rows), tuple((what, strip(array)) for what, array in large)


def _rows(what: str, array: Array) -> list[tuple[str, ...]]:
    """The numbers of a small array in rows and columns, a summary of a large one."""
    if not array.size:
        return [(what, "no elements")]
    if array.size <= MOST_NUMBERS:
        lines = array.reshape(-1, array.shape[-1] if array.ndim else 1)
        return [(what, *map(number, line)) for line in lines]
    with np.errstate(all="ignore"):
        summary = (array.mean(dtype=np.float64), array.min(), array.max())
    return [("", "mean", "min", "max"), (what, *map(number, summary))]


# How a node was computed, and its local derivatives


def rule_of(node: Node) -> Rule | ArrayOperation | None:
    if isinstance(node, Value):
        return node.operation
    operation: Rule | ArrayOperation | None = node.operation  # type: ignore[assignment]
    return operation


def made_by_text(node: Node, rule: Rule | ArrayOperation, operands: Sequence[str | float]) -> str:
    if isinstance(rule, Rule) and (has_sign(rule) or isinstance(rule, WeightedSum)):
        formula = typeset(rule.formula, dict(zip(rule.operands, operands, strict=True)))
        if has_sign(rule) or len(formula) <= LONGEST_FORMULA:
            return formula
    options = {} if isinstance(node, Value) else node.options
    if rule is OPERATIONS["getitem"]:  # Python has a sign for it, as for the operators above
        index = options["index"]
        parts = index if isinstance(index, tuple) else (index,)
        return f"{operands[0]}[{', '.join(map(_option, parts))}]"
    arguments = [*(number(o) if isinstance(o, float) else o for o in operands)]
    arguments += [
        f"{k}={_option(v)}" for k, v in options.items() if v is not None and v is not False
    ]
    return f"{rule.name}({', '.join(arguments)})"


def _option(value: object) -> str:
    """An option such as axis=1, in short."""
    match value:
        case None | bool() | int() | float() | str() | np.generic():
            return shown(value, LONGEST_NAME)
        case slice():
            ends = [value.start, value.stop, *([] if value.step is None else [value.step])]
            return ":".join("" if end is None else _option(end) for end in ends)
        case tuple() | list() if len(value) <= 4:
            return f"({', '.join(map(_option, value))})"
        case np.ndarray():
            return f"array{value.shape}"
    return "..." if value is ... else "…"


def derivative_lines(
    node: Node, called: str, operands: Sequence[str | float]
) -> Iterator[tuple[str, ...]]:
    """For each operand: its local derivative as formula and as number, if it has one.

    Where there is none, as of a matrix product, the operand's place is told if it matters.
    """
    rule = rule_of(node)
    for k, derivative in enumerate(node.local_derivatives):
        if not isinstance(rule, Rule):
            yield (f"{_ordinal(k)} operand",) if len(operands) > 1 else ()
            continue
        if derivative is None:
            yield ()
            continue
        names = dict(zip(rule.operands, operands, strict=True)) | {"out": called}
        operand = str(operands[k])
        if operands.count(operands[k]) > 1:
            operand += f" ({_ordinal(k)})"
        text = rule.derivatives[k]
        assert text is not None
        formula = typeset(text, names)
        if len(formula) > LONGEST_BRANCHES and "where" in text:
            data = [getattr(parent, "data", parent) for parent in node.parents]
            values = dict(zip(rule.operands, data, strict=True)) | {"out": node.data}
            formula = typeset(in_force(text, values), names)
        found = _in_short(derivative)
        partial = f"∂{called}/∂{operand} = "
        if formula.replace("−", "-") == found:
            yield (partial + formula,)
        else:
            yield (partial + shown(formula, LONGEST_FORMULA), f"= {found}")


def share_line(node: Node, k: int) -> tuple[str, ...]:
    """What operand ``k`` receives in the reverse sweep: upstream gradient times derivative."""
    derivative = node.local_derivatives[k]
    if derivative is None:
        return ()
    with np.errstate(all="ignore"):
        return (f"passes {_in_short(np.asarray(node.grad) * derivative)}",)


def _ordinal(k: int) -> str:
    return ("1st", "2nd", "3rd")[k] if k < 3 else f"{k + 1}th"


def _in_short(derivative: Operand) -> str:
    """A local derivative as one number, a few, or the range of many."""
    array = np.asarray(derivative)
    if not array.size:
        return "no elements"
    if np.all(array == array.flat[0]):
        return number(array.flat[0])
    if array.size <= MOST_NUMBERS:
        return _nested(array)
    return f"{number(array.min())} to {number(array.max())}"


def _nested(array: Array) -> str:
    if array.ndim == 0:
        return number(array)
    return f"[{', '.join(map(_nested, array))}]"
