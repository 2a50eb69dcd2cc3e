"""The boxes and arrows of a picture, and how a node becomes one, in short texts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from autograd_mini.core.graph import data_of
from autograd_mini.core.operation import ArrayOperation
from autograd_mini.core.rule import Rule
from autograd_mini.core.tensor import Tensor
from autograd_mini.core.value import Value
from autograd_mini.operations.elementwise import WeightedSum
from autograd_mini.show.branches import in_force
from autograd_mini.show.heat import Strip, strip
from autograd_mini.show.names import LONGEST_LABEL, LONGEST_NAME, shown
from autograd_mini.show.notation import has_sign, number, typeset
from autograd_mini.show.recorded import PART, Node
from autograd_mini.typing import Array, Operand

LONGEST_FORMULA = 40
LONGEST_LINE = 20
"""A derivative and its formula that are longer than this are two lines."""

LONGEST_BRANCHES = 24
"""A derivative in branches that is longer than this is shown as the branch in force."""

MOST_NUMBERS = 6
"""An array of so many elements is shown element by element, a larger one in summary."""

MOST_KINDS = 4
"""How many kinds of operations, and of parameters, the box of a folded layer lists."""

_NO_SHAPES: Mapping[str, str] = MappingProxyType({})

Kind = Literal["parameter", "input", "operation", "layer", "reference"]
View = Literal["both", "forward", "backward"]

STATUS = {
    "wrong": "× wrong",
    "inherited": "~ inherited",
    "cannot tell": "? cannot tell",
    "right": "= right",
}
"""What a check may say of a node's gradient, the gravest first, and how a box says it."""

REPEATED = "both repeated"
"""How a box says that broadcasting repeats both of (6, 1) and (6,)."""


@dataclass(frozen=True)
class Box:
    """What a picture shows of a node, of a group of nodes, or of an array that is no node.

    Arguments:
        name: unique in the picture: ``n4``, or ``n4c1`` for a constant as operand 1 of n4.
        kind: what it is; ``"layer"`` is a layer folded into one box, ``"reference"`` stands for a
            box of another row.
        root: whether the graph ends here.
        label: what it is called.
        made_by: how it was computed, such as ``w·x``; empty for leaves and constants.
        shape: of a Tensor or an array; empty for a Value or a number.
        rows: lines of cells; the first cell says what the others are.
        tooltip: what a pointer on the box shows.
        strips: after the last row that is called so, the colours of the array's elements.
        count: how many nodes, or sums of them, this stands for.
        cut: whether what it was computed from is left out.
        status: what a check says of its gradient, a key of ``STATUS``, or ``REPEATED``; mostly
            empty.
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
        lines: what it says (see ``edges``); empty where that is nothing.
        residual: whether it leaps over what the result's other operand was computed by.
    """

    name: str
    tail: str
    head: str
    lines: tuple[str, ...]
    residual: bool = False


@dataclass(frozen=True)
class Cluster:
    """A layer: its name, and the names of its boxes.

    It is continued where a row above has its name, and others of its boxes.
    """

    label: str
    boxes: tuple[str, ...]
    continued: bool = False


@dataclass(frozen=True)
class Picture:
    """A computation graph, ready to be laid out; equal graphs give equal pictures.

    Arguments:
        title: what it shows, in a line.
        boxes, arrows, clusters: its parts.
        notes: sentences on what is left out or folded.
        backward: whether arrows point the way gradients flow, from result to operand.
        groups: for the boxes n0, n1, ... which nodes they stand for, by their places among the
            nodes that are shown, in topological order.
        ends: those of them whose numbers the box shows: the last of each sum.
    """

    title: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    clusters: tuple[Cluster, ...] = ()
    notes: tuple[str, ...] = ()
    backward: bool = False
    groups: tuple[tuple[int, ...], ...] = field(default=(), repr=False)
    ends: tuple[tuple[int, ...], ...] = field(default=(), repr=False)


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
    box = Box(name, kind, root, label, made_by, shape, rows, shown(tooltip, 300), strips, 1, cut)
    return _checked(box, status) if status else _marked(box, node)


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
    name: str,
    label: str,
    nodes: Sequence[Node],
    stems: Sequence[str],
    root: bool,
    input_shape: tuple[int, ...],
) -> Box:
    """The box of a whole layer: what goes in and comes out, and what it is made of."""
    parameters: Counter[str] = Counter()
    shapes: dict[str, str] = {}
    count = 0
    for node, found in zip(nodes, stems, strict=True):
        if not node.op:
            parameters[found or "leaf"] += 1
            shapes[found or "leaf"] = f" {node.shape}" if isinstance(node, Tensor) else ""
            count += np.size(node.data)
    operations = Counter(node.op for node in nodes if node.op)
    shape = np.shape(nodes[-1].data)
    rows = []
    if input_shape or shape:
        rows.append(("shape", f"{input_shape} → {shape}"))
    if parameters:
        rows.append(("parameters", f"{count}: {_counted(parameters, shapes)}"))
    if operations:
        rows.append(("operations", _counted(operations)))
    tooltip = f"{label}: {len(nodes)} nodes, folded into one box"
    label = shown(label, LONGEST_LABEL)
    return Box(name, "layer", root, label, f"{len(nodes)} nodes", "", tuple(rows), tooltip)


def _counted(counts: Counter[str], shapes: Mapping[str, str] = _NO_SHAPES) -> str:
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    words = [
        shown(name, LONGEST_NAME) + shapes.get(name, "") + (f" × {count}" if count > 1 else "")
        for name, count in most[:MOST_KINDS]
    ]
    return ", ".join(words) + ", …" * (len(most) > MOST_KINDS)


def constant_box(name: str, called: str, operand: Operand) -> Box:
    """The box of data that is no node, such as an array."""
    what = shown(f"constant {type(operand).__name__}", LONGEST_FORMULA)
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


def _marked(box: Box, node: Node) -> Box:
    """The box, marked where a sum or difference of (6, 1) and (6,) has become (6, 6)."""
    rule = rule_of(node)
    if not isinstance(rule, Rule) or isinstance(node, Value) or rule.symbol not in ("+", "-"):
        return box
    shapes = [np.shape(data_of(parent)) for parent in node.parents]
    is_meant = len(set(map(len, shapes))) < 2 or len(set(map(math.prod, shapes))) > 1
    if is_meant or node.shape in shapes:
        return box
    words = f"{' and '.join(map(str, shapes))} → {node.shape}"
    return replace(box, status=REPEATED, rows=(*box.rows, ("check", f"? {REPEATED}: {words}")))


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
    return tuple(rows), tuple(
        (what, strip(array, diverging=what == "gradient")) for what, array in large
    )


def _rows(what: str, array: Array) -> list[tuple[str, ...]]:
    """The numbers of a small array in rows and columns, a summary of a large one."""
    if not array.size:
        return [(what, "no elements")]
    if array.size <= MOST_NUMBERS:
        is_column = array.shape[-1:] == (1,)  # which takes a line as a row does
        lines = array.reshape(-1, array.shape[-1] if array.ndim and not is_column else array.size)
        return [(what, *map(number, line)) for line in lines]
    with np.errstate(all="ignore"):
        summary = (_sharp(array.mean(dtype=np.float64), array), array.min(), array.max())
    return [("", "mean", "min", "max"), (what, *map(number, summary))]


def _sharp(mean: float, array: Array) -> float:
    """A mean, or 0 where it is no more than what rounding leaves of one."""
    size = np.abs(array).max()
    precise = array.dtype if array.dtype.kind == "f" else np.dtype(np.float64)
    return 0.0 if abs(mean) <= np.finfo(precise).eps * size < np.inf else mean


# How a node was computed, and its local derivatives


def rule_of(node: Node) -> Rule | ArrayOperation | None:
    if isinstance(node, Value):
        return node.operation
    operation: Rule | ArrayOperation | None = node.operation  # type: ignore[assignment]
    return operation


def made_by_text(
    node: Node,
    rule: Rule | ArrayOperation,
    operands: Sequence[str | float],
    options_differ: bool = False,
) -> str:
    """How a node was computed.

    Arguments:
        node, rule: the node and its operation.
        operands: what its operands are called, and the numbers of constants.
        options_differ: whether it stands for several nodes of other options or indices.
    """
    if isinstance(rule, Rule) and (has_sign(rule) or isinstance(rule, WeightedSum)):
        formula = typeset(rule.formula, dict(zip(rule.operands, operands, strict=True)))
        if has_sign(rule) or len(formula) <= LONGEST_FORMULA:
            return formula
    options = {} if isinstance(node, Value) else node.options
    if rule is PART:  # Python has a sign for it, as for the operators above
        index = options["index"]
        parts = index if isinstance(index, tuple) else (index,)
        return f"{operands[0]}[{'…' if options_differ else ', '.join(map(_option, parts))}]"
    arguments = []
    for operand, same in groupby(number(o) if isinstance(o, float) else o for o in operands):
        count = len(list(same))
        arguments += [f"{operand} × {count}"] if count > 2 else [operand] * count
    arguments += [
        f"{k}={'…' if options_differ else _option(v)}"
        for k, v in options.items()
        if v is not None and v is not False
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
    node: Node, called: str, operands: Sequence[str | float], with_numbers: bool = True
) -> Iterator[tuple[str, ...]]:
    """For each operand: its local derivative as formula and as number, if it has one."""
    rule = rule_of(node)
    for k, derivative in enumerate(node.local_derivatives):
        if not isinstance(rule, Rule) or derivative is None:
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
            data = [data_of(parent) for parent in node.parents]
            values = dict(zip(rule.operands, data, strict=True)) | {"out": node.data}
            formula = typeset(in_force(text, values), names)
        found = _in_short(derivative, LONGEST_LINE)
        partial, formula = f"∂{called}/∂{operand}", f"= {shown(formula, LONGEST_FORMULA)}"
        first: tuple[str, ...] = (f"{partial} {formula}",)
        if len(first[0]) > LONGEST_LINE:
            first = (partial, formula)
        is_number = formula.replace("−", "-") == f"= {found}"
        yield first if is_number or not with_numbers else (*first, f"= {found}")


def share_line(node: Node, k: int) -> tuple[str, ...]:
    """What operand ``k`` receives in the reverse sweep: upstream gradient times derivative."""
    derivative = node.local_derivatives[k]
    if derivative is None:
        return ()
    with np.errstate(all="ignore"):
        return (f"passes {_in_short(np.asarray(node.grad) * derivative, LONGEST_LINE)}",)


def _ordinal(k: int) -> str:
    ends = {1: "st", 2: "nd", 3: "rd"}
    return f"{k + 1}{'th' if k // 10 % 10 == 1 else ends.get((k + 1) % 10, 'th')}"


def _in_short(derivative: Operand, longest: int = 1000) -> str:
    """A local derivative as one number, a few, or the range of many."""
    array = np.asarray(derivative)
    if not array.size:
        return "no elements"
    if np.all(array == array.flat[0]):
        return number(array.flat[0])
    if array.size <= MOST_NUMBERS and len(whole := _nested(array)) <= longest:
        return whole
    return f"{number(array.min())} to {number(array.max())}"


def _nested(array: Array) -> str:
    if array.ndim == 0:
        return number(array)
    return f"[{', '.join(map(_nested, array))}]"
