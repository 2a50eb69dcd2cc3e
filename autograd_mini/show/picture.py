"""A computation graph as data for a picture: boxes and arrows, made of short texts.

>>> from autograd_mini import Value
>>> x = Value(3.0, label="x")
>>> y = x * x
>>> y.backward()
>>> found = picture(y)
>>> [(box.label, box.made_by) for box in found.boxes]
[('x', ''), ('v1', 'x·x')]
>>> [arrow.lines for arrow in found.arrows]
[('∂v1/∂x (1st) = x', '= 3'), ('∂v1/∂x (2nd) = x', '= 3')]
"""

from __future__ import annotations

import bisect
import itertools
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from autograd_mini.array_rules import ARRAY_RULES, ArrayRule
from autograd_mini.graph import topological_order
from autograd_mini.rules import Rule
from autograd_mini.show.formulas import number, taken, typeset
from autograd_mini.tensor import Tensor
from autograd_mini.value import Value, constant

LONGEST_LABEL = 32
"""How many columns of letters a box gives a label; formulas give a name fewer."""

LONGEST_NAME = 14
LONGEST_FORMULA = 40
LONGEST_BRANCHES = 24
"""A derivative in branches that is longer than this is shown as the branch in force."""

MOST_NUMBERS = 6
"""A Tensor of so many elements is shown element by element, a larger one in summary."""


@dataclass(frozen=True)
class Box:
    """What a picture shows of a node, or of one use of a constant.

    Arguments:
        name: unique in the picture: ``n4``, or ``n4c1`` for a constant as operand 1 of n4.
        kind: a leaf, an operation or a constant.
        root: whether the graph ends here.
        label: what it is called; for a constant that is one number, the number.
        made_by: how it was computed, such as ``w·x``; empty for leaves and constants.
        shape: of a Tensor or an array; empty for a Value or a number.
        rows: lines of cells; the first cell says what the others are.
        tooltip: what a pointer on the box shows.
    """

    name: str
    kind: Literal["leaf", "operation", "constant"]
    root: bool
    label: str
    made_by: str
    shape: str
    rows: tuple[tuple[str, ...], ...]
    tooltip: str


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


@dataclass(frozen=True)
class Picture:
    """A computation graph, ready to be laid out; equal graphs give equal pictures."""

    title: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def picture(
    root: Any,
    max_nodes: int = 300,
    *,
    called: Mapping[Any, str] | None = None,
    constant_name: Callable[[Any], str] | None = None,
    gradients: Mapping[Any, Any] | None = None,
) -> Picture:
    """The boxes and arrows of the graph that ``root`` was computed by, operands first.

    Arguments and errors are those of ``draw``; besides:
        called: what each node is called; by default its label, or v1, v2, ...
        constant_name: what a constant array is called; by default c1, c2, ...
        gradients: the gradient of each node; by default its ``grad``.
    """
    order = _order(root, max_nodes)
    names, free = _names(order)
    names = names if called is None else {node: called[node] for node in order}
    gradients = {node: node.grad for node in order} if gradients is None else gradients
    position = {node: i for i, node in enumerate(order)}
    boxes: list[Box] = []
    arrows: list[Arrow] = []
    for i, node in enumerate(order):
        operands: list[str | float] = []
        tails: list[str] = []
        for k, parent in enumerate(node.parents):
            if _is_node(parent):
                tails.append(f"n{position[parent]}")
                operands.append(names[parent])
                continue
            one = constant(parent)
            tails.append(f"n{i}c{k}")
            name = constant_name(parent) if constant_name and one is None else ""
            operands.append((name or next(free)) if one is None else one)
            boxes.append(_constant_box(tails[-1], operands[-1], parent))
        gradient = gradients.get(node, node.zero())
        boxes.append(_node_box(f"n{i}", node, names[node], operands, node is root, gradient))
        for k, lines in enumerate(_derivatives(node, names[node], operands)):
            arrows.append(Arrow(f"e{i}_{k}", tails[k], f"n{i}", lines))
    title = f"Computation graph of {names[root]}: {len(order)} nodes, {len(arrows)} edges"
    return Picture(title, tuple(boxes), tuple(arrows))


def _is_node(operand: Any) -> bool:
    return isinstance(operand, Value | Tensor)


def _order(root: Any, max_nodes: int) -> list[Any]:
    """The topological order, after a walk that stops as soon as there is too much to draw."""
    if not _is_node(root):
        raise TypeError(
            f"draw() takes the Value or Tensor at the end of a graph, not {type(root).__name__}"
        )
    seen: set[Any] = {root}
    walk: list[Any] = [root]
    boxes = 1
    for node in walk:  # grows while it is walked
        for parent in node.parents:
            if _is_node(parent):
                if parent in seen:
                    continue
                seen.add(parent)
                walk.append(parent)
            boxes += 1
            if boxes > max_nodes:
                raise ValueError(
                    f"the graph has more than {max_nodes} nodes and constants, the limit that "
                    "max_nodes sets: draw a smaller part of it (draw(intermediate)), compute it "
                    "from a smaller input, or raise the limit (draw(node, max_nodes=...))"
                )
    return topological_order(root)


def _names(order: Sequence[Any]) -> tuple[dict[Any, str], Iterator[str]]:
    """What each node is called in formulas, and free names for constants.

    A node is called by its label, or v1, v2, ... if it has none.
    """
    names = {node: shown(node.label, LONGEST_NAME) for node in order if _is_labelled(node)}
    labels = set(names.values())

    def free(letter: str) -> Iterator[str]:
        return (f"{letter}{i}" for i in itertools.count(1) if f"{letter}{i}" not in labels)

    made_up = free("v")
    return {node: names.get(node) or next(made_up) for node in order}, free("c")


def _is_labelled(node: Value | Tensor) -> bool:
    return bool(node.label) and bool(str(node.label).strip())


def shown(text: Any, longest: int) -> str:
    r"""A text of the user's as one line of printable characters, cut with a mark if it is long.

    What does not print, or turns the direction of writing, is written as in Python's ``repr``.
    A letter of double width counts as two.

    >>> shown("two\nlines", 32), shown("a" * 100, 8), shown("重みの初期値", 8)
    ('two\\nlines', 'aaaaaaa…', '重みの…')
    """
    start = str(text)[: longest + 1]
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in start)
    ends = list(itertools.accumulate(2 if is_wide(c) else 1 for c in line))
    if not ends or ends[-1] <= longest:
        return line
    return line[: bisect.bisect_right(ends, longest - 1)] + "…"


def is_wide(character: str) -> bool:
    """Whether a character takes the room of two, as Chinese ones and emoji do."""
    return unicodedata.east_asian_width(character) in "WF"


def _node_box(
    name: str,
    node: Value | Tensor,
    called: str,
    operands: Sequence[str | float],
    root: bool,
    gradient: Any,
) -> Box:
    is_label = _is_labelled(node) and called == shown(node.label, LONGEST_NAME)
    label = shown(node.label, LONGEST_LABEL) if is_label else called
    rule = _rule(node)
    rows: list[tuple[str, ...]]
    if isinstance(node, Value):
        rows = [("value", number(node.data)), ("gradient", number(gradient))]
        tooltip = f"{label}: value {float(node.data)}, gradient {float(gradient)}"
        shape = ""
    else:
        rows = [*_rows("value", node.data), *_rows("gradient", gradient)]
        if len(rows) == 4 and rows[0] == rows[2]:  # one line of headings is enough
            del rows[2]
        shape = str(node.shape)
        tooltip = f"{label}: shape {node.shape}, {node.dtype}"
    if rule is not None and rule.sentence:
        tooltip += f". {rule.name}: {rule.sentence}"
    made_by = "" if rule is None else shown(_made_by(node, rule, operands), LONGEST_FORMULA)
    kind: Literal["leaf", "operation"] = "operation" if rule else "leaf"
    return Box(name, kind, root, label, made_by, shape, tuple(rows), shown(tooltip, 300))


def _constant_box(name: str, called: str | float, operand: Any) -> Box:
    what = shown(f"constant {type(operand).__name__}", LONGEST_FORMULA)
    if isinstance(called, float):
        return Box(name, "constant", False, number(called), "", "", (), f"constant {called!r}")
    try:
        array = np.asarray(operand)
    except (TypeError, ValueError):  # an operand of a primitive may be anything
        array = np.array(None)
    if array.dtype.kind not in "fiub":
        return Box(name, "constant", False, called, "", "", (), what)
    rows = tuple(_rows("value", array))
    what += f", {array.dtype}"
    return Box(name, "constant", False, called, "", str(array.shape), rows, what)


def _rows(what: str, array: Any) -> list[tuple[str, ...]]:
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


def _rule(node: Value | Tensor) -> Rule | ArrayRule | None:
    if isinstance(node, Value):
        return node.rule
    rule: Rule | ArrayRule | None = node._rule
    return rule


def _made_by(node: Value | Tensor, rule: Rule | ArrayRule, operands: Sequence[str | float]) -> str:
    if isinstance(rule, Rule) and rule.symbol:
        return typeset(rule.formula, dict(zip(rule.operands, operands, strict=True)))
    options = {} if isinstance(node, Value) else node.options
    if rule is ARRAY_RULES["getitem"]:  # Python has a sign for it, as for the operators above
        index = options["index"]
        parts = index if isinstance(index, tuple) else (index,)
        return f"{operands[0]}[{', '.join(map(_option, parts))}]"
    arguments = [*(number(o) if isinstance(o, float) else o for o in operands)]
    arguments += [
        f"{k}={_option(v)}" for k, v in options.items() if v is not None and v is not False
    ]
    return f"{rule.name}({', '.join(arguments)})"


def _option(value: Any) -> str:
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


def _derivatives(
    node: Value | Tensor, called: str, operands: Sequence[str | float]
) -> Iterator[tuple[str, ...]]:
    """For each operand: its local derivative as formula and as number, if it has one."""
    rule = _rule(node)
    for k, derivative in enumerate(node.local_derivatives):
        if derivative is None or not isinstance(rule, Rule):
            yield ()
            continue
        names = dict(zip(rule.operands, operands, strict=True)) | {"out": called}
        operand = str(operands[k])
        if operands.count(operands[k]) > 1:
            operand += f" ({('1st', '2nd', '3rd')[k] if k < 3 else f'{k + 1}th'})"
        text = rule.derivatives[k]
        assert text is not None
        formula = typeset(text, names)
        if len(formula) > LONGEST_BRANCHES and "where" in text:
            data = [getattr(parent, "data", parent) for parent in node.parents]
            values = dict(zip(rule.operands, data, strict=True)) | {"out": node.data}
            formula = typeset(taken(text, values), names)
        found = _in_short(derivative)
        partial = f"∂{called}/∂{operand} = "
        if formula.replace("−", "-") == found:
            yield (partial + formula,)
        else:
            yield (partial + shown(formula, LONGEST_FORMULA), f"= {found}")


def _in_short(derivative: Any) -> str:
    """A local derivative as one number, a few, or the range of many."""
    array = np.asarray(derivative)
    if not array.size:
        return "no elements"
    if np.all(array == array.flat[0]):
        return number(array.flat[0])
    if array.size <= MOST_NUMBERS:
        return _nested(array)
    return f"{number(array.min())} to {number(array.max())}"


def _nested(array: Any) -> str:
    if array.ndim == 0:
        return number(array)
    return f"[{', '.join(map(_nested, array))}]"
