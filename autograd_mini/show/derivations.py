"""What an array operation computes and what its operands receive, as formulas.

A gradient is derived, not looked up: the operation's own pullback is recorded over Tensors, and
the graph that it makes is written by the spellings of the operations in it.  In the formulas
``g`` is the upstream gradient, ``out`` the result, and ``x0``, ``x1``, ... are the operands; the
functions are NumPy's.  What a formula gives, summed over what was repeated to fit, is the
gradient.

>>> from autograd_mini import Tensor
>>> X, W = Tensor([[1.0, 2.0]]), Tensor([[3.0], [4.0]])
>>> str(backward_formula(X @ W, 0)), str(backward_formula(X @ W, 1))
('g @ x1.T', 'x0.T @ g')
>>> str(backward_formula(X.mean(), 0)), str(forward_formula(X.sum(axis=1)))
('broadcast_to(g / 2.0, (1, 2))', 'sum(x0, axis=1)')
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from autograd_mini.core import modes
from autograd_mini.core.graph import gradients, quietly
from autograd_mini.core.operation import OPERATIONS
from autograd_mini.core.rule import Rule
from autograd_mini.core.tensor import Tensor, plain
from autograd_mini.core.value import Value, constant
from autograd_mini.language.texts import substitute
from autograd_mini.show.arithmetic import Shape, product, repeated, simplified
from autograd_mini.show.boxes import MOST_NUMBERS
from autograd_mini.show.notation import has_sign
from autograd_mini.typing import Operand

MOST_PARTS = 200
"""A pullback that takes more names and signs than this to write is said to be called."""

MOST_OPENED = 60
"""So is an operation that is made of others, if these take more than this to write."""


@dataclass(frozen=True)
class Formula:
    """A formula in the names ``g``, ``out``, ``x0``, ``x1``, ...

    Arguments:
        tree: Python's syntax tree of it.
        shape: of what it gives.
        objects: what further names stand for: arrays, and options that Python has no words for.
    """

    tree: ast.expr
    shape: Shape
    objects: Mapping[str, Any]

    def __str__(self) -> str:
        return ast.unparse(ast.fix_missing_locations(self.tree))

    def uses(self, name: str) -> int:
        """How often a name stands in the formula."""
        return sum(isinstance(n, ast.Name) and n.id == name for n in ast.walk(self.tree))


class Derivations:
    """The formulas of what operands of a graph receive, each derived once."""

    def __init__(self) -> None:
        self._found: dict[tuple[Tensor, int, bool], Formula] = {}

    def backward(self, node: Tensor, slot: int, is_number: bool = False) -> Formula:
        """``backward_formula`` of these."""
        key = node, slot, is_number
        if key not in self._found:
            self._found[key] = backward_formula(node, slot, is_number)
        return self._found[key]

    def name_upstream_twice(self, node: Value | Tensor, slot: int) -> bool:
        """Whether the share of an operand names the upstream gradient more than once."""
        if not isinstance(node, Tensor) or isinstance(node.operation, Rule):
            return False
        return self.backward(node, slot).uses("g") > 1


def forward_formula(node: Tensor) -> Formula:
    """What an operation on arrays computes.

    Arguments:
        node: its result.
    """
    writer = _Writer()
    operands = [ast.Name(f"x{i}") for i in range(len(node.parents))]
    return Formula(writer.spelled(node, operands), node.shape, writer.objects)


def backward_formula(node: Tensor, slot: int, is_number: bool = False) -> Formula:
    """What an operand of an operation on arrays receives.

    Where the operation states a formula, that is it.  Of a pullback that cannot be recorded, or
    takes too much to write, the formula is its call.

    Arguments:
        node: the result of the operation.
        slot: which operand.
        is_number: whether ``g`` is one number, which the upstream gradient repeats.
    """
    writer = _Writer()
    shape: Shape = np.shape(getattr(node.parents[slot], "data", node.parents[slot]))
    g = _Part(ast.Name("g"), node.shape, is_number)
    stated = _stated(node, slot)
    if stated is None:
        derived = writer.pulled_back(node, slot, g)
        if derived is not None:
            if derived.shape[max(len(derived.shape) - len(shape), 0) :] != shape:
                derived = derived.broadcast(np.broadcast_shapes(derived.shape, shape))
            return Formula(product([derived.whole]), derived.shape, writer.objects)
        return Formula(writer.call(node, slot, g.whole), shape, writer.objects)
    assert node.operation is not None
    # A formula of a reduction names its operand, which has all axes, whatever g has
    names = {"g": g.tree if node.operation.reduces else g.whole}
    return Formula(product([writer.filled(stated, node, names)]), shape, writer.objects)


def _stated(node: Tensor, slot: int) -> str | None:
    """The formula that an operation states of itself."""
    formulas = node.operation.formulas if node.operation else ()
    form = formulas[slot] if formulas else None
    return form(node) if callable(form) else form


def elementwise_tree(rule: Rule, operands: Sequence[ast.expr]) -> ast.expr:
    """What an elementwise operation computes: with its sign if it has one, else as a call."""
    if not has_sign(rule):
        return ast.Call(ast.Name(rule.name), list(operands), [])
    return substitute(rule.formula, dict(zip(rule.operands, operands, strict=True)))


def literal(value: object, named: Callable[[Any], ast.expr]) -> ast.expr:
    """An option or an index, as Python writes it.

    Arguments:
        value: the option.
        named: gives the name of an array, or of anything that Python has no words for.
    """
    match value:
        case None | bool() | int() | float() | str():
            return ast.Constant(value)
        case np.bool_() | np.integer() | np.floating():
            return ast.Constant(value.item())
        case np.dtype():
            return ast.Constant(str(value))
        case tuple() | list():
            parts = [literal(part, named) for part in value]
            return ast.Tuple(parts) if isinstance(value, tuple) else ast.List(parts)
        case slice():
            ends = (value.start, value.stop, value.step)
            return ast.Slice(*(None if end is None else literal(end, named) for end in ends))
        case np.ndarray():
            if value.ndim == 1 and value.size <= MOST_NUMBERS and value.dtype.kind in "iub":
                return literal(value.tolist(), named)
    return ast.Constant(...) if value is ... else named(value)


@dataclass(frozen=True)
class _Part:
    """A part of a recorded graph, as a formula.

    Arguments:
        tree: the formula.
        shape: of what it gives.
        is_number: whether the formula is one number, which all elements of the part repeat.
        narrow: a part that broadcasting makes this of.
        unshaped: a part that has the same elements in the same order.
    """

    tree: ast.expr
    shape: Shape
    is_number: bool = False
    narrow: _Part | None = None
    unshaped: _Part | None = None

    @property
    def whole(self) -> ast.expr:
        """The formula of all its elements."""
        return repeated(self.tree, self.shape) if self.is_number else self.tree

    def broadcast(self, shape: Shape) -> _Part:
        """The part, repeated to a shape."""
        if self.is_number or self.shape == shape:
            return replace(self, shape=shape)
        narrow = self.narrow or self
        return _Part(repeated(narrow.tree, shape), shape, narrow=narrow)


class _Writer:
    """Writes operations and graphs of them; what has no words is collected in ``objects``."""

    def __init__(self) -> None:
        self.objects: dict[str, Any] = {}
        self._names: dict[int, str] = {}

    def named(self, value: object) -> ast.expr:
        """A name for an object."""
        name = self._names.setdefault(id(value), f"k{len(self._names)}")
        self.objects[name] = value
        return ast.Name(name)

    def filled(self, text: str, node: Tensor, names: Mapping[str, ast.expr]) -> ast.expr:
        """A text of an operation, with its options and these expressions in it."""
        options = {name: literal(value, self.named) for name, value in node.options.items()}
        return simplified(_tree(text), options | dict(names))

    def spelled(self, node: Tensor, operands: Sequence[ast.expr]) -> ast.expr:
        """An operation on arrays, as NumPy writes it."""
        operation = node.operation
        assert operation is not None
        numbered = {f"x{i}": operand for i, operand in enumerate(operands)}
        text = operation.spelling(node) if callable(operation.spelling) else operation.spelling
        if not text and operation.foreign:
            opened = self.opened(node)
            if opened is not None:
                return substitute(opened, numbered)
        if not text:
            options = [
                f"{name}={name}" for name, value in node.options.items()
                if operation.foreign or (value is not None and value is not False)
            ]  # fmt: skip
            text = f"{_identifier(node.op)}({', '.join(['xs', *options])})"
        text = text.replace("xs", _operands(node))
        return self.filled(text, node, numbered)

    def call(self, node: Tensor, slot: int, g: ast.expr) -> ast.expr:
        """The call of a pullback, and the place of an operand's gradient in what it gives."""
        options = "".join(f", {option}={option}" for option in node.options)
        text = f"{_identifier(node.op)}_pullback(g, out, {_operands(node)}{options})[{slot}]"
        return self.filled(text, node, {"g": g})

    def pulled_back(self, node: Tensor, slot: int, g: _Part) -> _Part | None:
        """What a pullback computes; or that of the operation's parts, if it cannot be recorded.

        ``None`` if it takes too much to write.
        """
        operation = node.operation
        assert operation is not None
        pullback = operation.pullback(slot)
        assert pullback is not None
        upstream = Tensor(np.ones_like(node.data))
        operands = [_recordable(parent) for parent in node.parents]
        share = _recorded(pullback, upstream, node, *operands, **node.options)
        if share is None and operation.parts is not None:
            operands = [o.detach() if isinstance(o, Tensor) else o for o in operands]
            share = _recorded(
                _pullback_of_parts, operation.parts, upstream, slot, *operands, **node.options
            )
        known = _numbered(operands) | {
            id(upstream): g,
            id(node): _Part(ast.Name("out"), node.shape),
        }
        return None if share is None else self._graph(share, node, known, MOST_PARTS)

    def opened(self, node: Tensor) -> ast.expr | None:
        """What the parts of an operation compute; ``None`` if it has none, or much to write."""
        operation = node.operation
        if operation is None or operation.parts is None:
            return None
        operands = [_recordable(parent) for parent in node.parents]
        whole = _recorded(operation.parts, *operands, **node.options)
        if whole is None:
            return None
        written = self._graph(whole, node, _numbered(operands), MOST_OPENED)
        return None if written is None else product([written.whole])

    def _graph(
        self, root: Tensor, node: Tensor, known: Mapping[int, _Part], most: int
    ) -> _Part | None:
        """A recorded graph above what is known, as a formula."""
        parts = dict(known)
        given = set(map(id, node.options.values()))
        waiting = [root]
        while waiting:
            part = waiting[-1]
            below = part.parents if isinstance(part, Tensor) else ()
            missing = [p for p in below if id(p) not in parts]
            if missing and id(part) not in parts:
                waiting += missing
                continue
            waiting.pop()
            if id(part) in parts:
                continue
            if below:
                written = self._part(part, [parts[id(p)] for p in below])
            else:
                written = self._constant(plain(part), id(part) in given)
            if sum(1 for _ in ast.walk(written.tree)) > most:
                return None
            parts[id(part)] = written
        return parts[id(root)]

    def _constant(self, value: Operand, is_given: bool) -> _Part:
        number = constant(value)
        if number is not None:
            return _Part(ast.Constant(number), (), True)
        if not isinstance(value, np.ndarray):
            return _Part(self.named(value), np.shape(value))
        if value.size and not is_given and np.all(value == value.flat[0]):
            return _Part(ast.Constant(float(value.flat[0])), value.shape, True)
        return _Part(self.named(value), value.shape)

    def _part(self, node: Tensor, operands: Sequence[_Part]) -> _Part:
        operation, shape = node.operation, node.shape
        assert operation is not None
        if isinstance(operation, Rule):
            return self._elementwise(operation, shape, operands)
        if not operation.rearranges or len(operands) > 1:
            return _Part(self.spelled(node, [operand.whole for operand in operands]), shape)
        (operand,) = operands
        if operand.is_number or (operand.shape == shape and operation.keeps_order):
            return replace(operand, shape=shape)
        if operation is OPERATIONS["broadcast_to"]:
            return operand.broadcast(shape)
        if not operation.keeps_order:
            return _Part(self.spelled(node, [operand.tree]), shape)
        leads = shape[len(shape) - len(operand.shape) :] == operand.shape
        if operand.unshaped is None:
            tree = self.spelled(node, [operand.tree])
        else:  # reshaped twice is reshaped once
            operand = operand.unshaped
            sizes: list[ast.expr] = [ast.Constant(size) for size in shape]
            tree = ast.Call(ast.Name("reshape"), [operand.tree, ast.Tuple(sizes)], [])
        return _Part(tree, shape, narrow=operand if leads else None, unshaped=operand)

    def _elementwise(self, rule: Rule, shape: Shape, operands: Sequence[_Part]) -> _Part:
        if rule is OPERATIONS["where"] and isinstance(operands[0].tree, ast.Constant):
            return operands[1 if operands[0].tree.value else 2].broadcast(shape)
        if all(operand.is_number for operand in operands):
            tree = elementwise_tree(rule, [operand.tree for operand in operands])
            return _Part(product([tree]), shape, True)
        if rule.symbol == "*":
            column, row = operands[0], operands[1].narrow or operands[1]
            one = column.unshaped
            if one and [len(one.shape), len(row.shape)] == [1, 1] and column.shape[1:] == (1,):
                return _Part(ast.Call(ast.Name("outer"), [one.tree, row.tree], []), shape)
        parts = list(operands)
        for i, part in enumerate(parts):
            others = [other.shape for other in parts[:i] + parts[i + 1 :]]
            narrow = _Part(part.tree, ()) if part.is_number else part.narrow
            if narrow is not None and np.broadcast_shapes(narrow.shape, *others) == shape:
                parts[i] = narrow
        return _Part(elementwise_tree(rule, [part.whole for part in parts]), shape)


@lru_cache
def _tree(text: str) -> ast.expr:
    """The tree of a text, which is not to be changed."""
    return ast.parse(text, mode="eval").body


def _recorded(function: Callable[..., Any], *operands: Operand, **options: object) -> Operand:
    """What a function records; ``None`` if a user's was not made to be recorded."""
    with modes.recorded(), quietly(), suppress(Exception):
        return function(*operands, **options)
    return None


def _pullback_of_parts(
    parts: Callable[..., Any], upstream: Tensor, slot: int, *operands: Operand, **options: object
) -> Operand:
    whole = parts(*operands, **options)
    return gradients(whole, operands[slot], gradient=upstream, create_graph=True)


def _numbered(operands: Sequence[Any]) -> dict[int, _Part]:
    return {id(o): _Part(ast.Name(f"x{i}"), _shape(o)) for i, o in enumerate(operands)}


def _shape(operand: Operand) -> Shape:
    try:
        return np.shape(operand)
    except ValueError:  # an operand of a primitive may be anything
        return ()


def _recordable(operand: Operand) -> Operand:
    """An operand of a pullback: also what is done to a constant array is to be recorded."""
    is_array = isinstance(operand, np.ndarray) and operand.dtype.kind in "fiu"
    return Tensor(operand) if is_array else operand


def _identifier(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9]+", "_", name).strip("_") or "primitive"


def _operands(node: Tensor) -> str:
    return ", ".join(f"x{i}" for i in range(len(node.parents)))
