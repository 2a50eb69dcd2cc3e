"""One statement as it is edited: its parts, what they are, and what is written differently."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from autograd_mini.check.lines.formulas import is_rate
from autograd_mini.check.lines.syntax import Tree, copied, made, number, updates_itself
from autograd_mini.check.lines.values import UNKNOWN, Shape, shape_of, value_of
from autograd_mini.check.lines.words import Word, Words


@dataclass(frozen=True)
class Later:
    """An expression that is made when it is wanted: of those that may be inserted few are.

    Attributes:
        template: text, as ``made`` takes it.
        parts: expressions, and operands of which copies are put in.
    """

    template: str
    parts: tuple[ast.expr | Word, ...]

    def made(self) -> ast.expr:
        """The expression."""
        parts = (part.copy() if isinstance(part, Word) else part for part in self.parts)
        return made(self.template, *parts)


def later(template: str, *parts: ast.expr | Word) -> Later:
    """What ``made`` gives of a template and parts, made when it is wanted."""
    return Later(template, parts)


@dataclass(frozen=True)
class Change:
    """A part of a statement in the place of which another stands.

    Attributes:
        kind: what was done, a key of ``COSTS``.
        old: the part of the statement.
        new: what stands in its place.
        extra: how much less likely it is than the likeliest of its kind.
        mark: the part that a reader should look at, if it is another than ``old``.
        shown: what stands in its place, ``None`` for nothing.
        also: other parts that are exchanged by the same slip, with what stands there.
    """

    kind: str
    old: ast.AST
    new: ast.AST | Later
    extra: float = 0.0
    mark: ast.AST | None = None
    shown: ast.AST | None = None
    also: tuple[tuple[ast.AST, ast.AST], ...] = ()


class Line:
    """A statement, with the parts that can be edited and their values."""

    def __init__(self, statement: ast.stmt, words: Words) -> None:
        self.statement, self.words = statement, words
        self.tree = Tree(statement)
        self._values: dict[ast.AST, object] = {}
        self._slopes: dict[Shape | None, list[tuple[ast.expr, float]]] = {}

    @cached_property
    def roots(self) -> list[ast.expr]:
        """The outermost expressions: what is assigned, returned, tested or passed through."""
        match self.statement:
            case ast.Assign(value=value) | ast.AugAssign(value=value) | ast.Expr(value=value):
                return [value]
            case ast.AnnAssign(value=value) | ast.Return(value=value):
                return [] if value is None else [value]
            case ast.For(iter=part) | ast.If(test=part) | ast.While(test=part):
                return [part]
        return []

    @cached_property
    def targets(self) -> list[ast.expr]:
        match self.statement:
            case ast.Assign(targets=targets):
                return targets
            case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
                return [target]
        return []

    @cached_property
    def is_update(self) -> bool:
        """Whether the statement adds to what its target held before."""
        return updates_itself(self.statement)

    @cached_property
    def rates(self) -> list[ast.expr]:
        """The learning rates at hand, by their names, and numbers that may be one."""
        numbers = (w for w in self.words.numbers if w.here or isinstance(w.node, ast.Name))
        named = [word.node for word in numbers if is_rate(word.text)]
        return [*named, *(number(value) for value in self.words.constants if 0 < value < 1)]

    @cached_property
    def indices(self) -> set[ast.AST]:
        """The parts that lie in an index, an axis or a shape: numbers that count, not measure."""
        inside: set[ast.AST] = set()
        for root in [*self.roots, *self.targets]:
            for node in ast.walk(root):
                counting: list[ast.AST] = []
                if isinstance(node, ast.Subscript) and not is_mask(node.slice):
                    counting.append(node.slice)
                if isinstance(node, ast.Call):
                    counting += [k.value for k in node.keywords]
                    if name_of_call(node) in _COUNTING:
                        counting += node.args[0 if isinstance(node.func, ast.Name) else 1 :]
                        if isinstance(node.func, ast.Attribute) and not self.is_numpy(node.func):
                            counting += node.args
                for part in counting:
                    inside.update(ast.walk(part))
        return inside

    @cached_property
    def nodes(self) -> list[ast.expr]:
        """All expressions that measure something, from the outside inwards."""
        found: list[ast.expr] = []

        def add(node: ast.AST) -> None:
            if node in self.indices or isinstance(getattr(node, "ctx", None), ast.Store):
                return  # what counts, and what a comprehension binds
            if isinstance(node, ast.expr):
                found.append(node)
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.expr | ast.keyword | ast.comprehension):
                    add(child)

        for root in self.roots:
            add(root)
        for target in self.targets:
            if isinstance(target, ast.Subscript) and is_mask(target.slice):
                add(target.slice)
        return found

    def is_numpy(self, node: ast.expr) -> bool:
        """Whether an attribute is one of NumPy's functions."""
        return (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == self.words.numpy
        )

    def value(self, node: ast.AST) -> object:
        if node not in self._values:
            self._values[node] = value_of(node, self.words.values)
        return self._values[node]

    def shape(self, node: ast.AST) -> Shape | None:
        return shape_of(self.value(node))

    def depth(self, node: ast.AST) -> int:
        return sum(isinstance(above, ast.expr) for above in self.tree.above(node))

    def is_array(self, node: ast.expr) -> bool:
        """Whether a part may be an array."""
        value = self.value(node)
        return value is UNKNOWN or shape_of(value) not in (None, ())

    @cached_property
    def places(self) -> list[ast.expr]:
        """The maximal products: what a factor or a sign can stand before."""
        return [node for node in self.nodes if self._is_place(node)]

    def _is_place(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Compare):
            return node in self.roots and self.is_array(node)
        if isinstance(node, ast.Constant | ast.Lambda | ast.Tuple | ast.List):
            return False
        match self.tree.parent(node):
            case ast.Attribute(attr=attr) if attr not in ("T", *_METHODS_OF):
                return False
            case ast.BinOp(op=ast.Mult() | ast.Div() | ast.Pow()) | ast.UnaryOp() | ast.Compare():
                return False
            case ast.Subscript() if not isinstance(node, ast.BinOp | ast.Call):
                return False
            case ast.Call(func=func) if func is node:
                return False
        return self.value(node) is UNKNOWN or self.shape(node) is not None

    @cached_property
    def summed(self) -> list[ast.expr]:
        """The arrays to which a term may be added, or the numbers of a line without arrays, beside
        which they are rates and counts: outermost parts, terms' sums, factors.
        """
        are_numbers = all(self.shape(node) in (None, ()) for node in self.nodes)
        found = []
        for node in self.nodes:
            parent = self.tree.parent(node)
            inner = isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Add | ast.Sub)
            is_some = self.is_array(node) or (are_numbers and self.shape(node) == ())
            if inner or not is_some or isinstance(node, ast.Compare | ast.Tuple):
                continue
            if isinstance(parent, ast.Call) and node is parent.func:
                continue
            several = ast.Call | ast.Dict | ast.Tuple | ast.List
            inside = isinstance(parent, several) or is_product(parent)
            if (inside or node in self.roots) and node not in self.handed_on:
                found.append(node)
        return found

    @cached_property
    def handed_on(self) -> set[ast.AST]:
        """Names among several that are returned: what they lack is missing where they are made,
        if they are made here.
        """
        match self.statement:
            case ast.Return(ast.Dict(values=several)) | ast.Return(
                ast.Tuple(elts=several) | ast.List(elts=several)
            ):
                made_here = (each for each in several if self.operand(each))
                return {each for each in made_here if ast.unparse(each) not in self.words.handed}
        return set()

    def operand(self, node: ast.AST) -> Word | None:
        """The word that a part is, if it is one."""
        if isinstance(node, ast.Name | ast.Attribute | ast.Subscript | ast.Call):
            return self.words.by_text.get(ast.unparse(node))
        return None

    def fits(self, shape: Shape | None, node: ast.expr) -> bool:
        """Whether something of a shape can stand in the place of a part.

        Asked are the arithmetic operations around it; what follows them is left to NumPy.
        """
        here = self.shape(node)
        if shape is None or here is None or shape == here:
            return True
        if (shape == ()) != (here == ()):
            return False
        inner: ast.AST = node
        for parent in self.tree.above(node):
            if isinstance(parent, ast.Attribute) and parent.attr == "T":
                shape = shape[::-1]
            elif isinstance(parent, ast.BinOp):
                left = inner is parent.left
                sibling = self.shape(parent.right if left else parent.left)
                if sibling is None:
                    return True
                pair = (shape, sibling) if left else (sibling, shape)
                if isinstance(parent.op, ast.MatMult):
                    return meets(*pair)
                try:
                    shape = np.broadcast_shapes(*pair)
                except ValueError:
                    return False
            elif not isinstance(parent, ast.UnaryOp):
                break
            if shape == self.shape(parent):
                return True
            inner = parent
        return inner is not node or len(shape) == len(here)

    def slopes(self, shape: Shape | None) -> list[tuple[ast.expr, float]]:
        """Factors that are, or look like, local derivatives of a shape, with what they cost."""
        if shape not in self._slopes:
            self._slopes[shape] = self._found_slopes(shape)
        return self._slopes[shape]

    def _found_slopes(self, shape: Shape | None) -> list[tuple[ast.expr, float]]:
        words, found = self.words, list[tuple[ast.expr, float]]()
        # Who has a function for the derivative does not write it out
        called = any(f.is_derivative and f.here for f in words.functions)
        numpy = words.numpy
        for word in self.quantities(shape):
            if (shape is not None and word.shape != shape) or self.is_gradient(word):
                continue
            low, high = word.range
            mask = getattr(getattr(word.value, "dtype", None), "kind", "") == "b"
            if mask:
                continue
            far = 0.0 if word.here else 1.0
            written = far + (_WRITTEN_OUT if called else 0.0)
            if 0 <= low and high <= 1:
                found.append((made("_0 * (1 - _0)", word.copy()), written))
                found.append((made("1 - _0", word.copy()), written + 0.5))
            if -1 <= low and high <= 1:
                found.append((made("1 - _0 ** 2", word.copy()), written))
            if low <= 0:
                found.append((made("_0 > 0", word.copy()), written))
                for constant in words.constants:
                    if 0 < constant < 1:
                        leak = ast.Constant(constant)
                        leaky = made(f"{numpy}.where(_0 > 0, 1, _1)", word.copy(), leak)
                        found.append((leaky, written + 1.5))
            for function in words.functions:
                name = function.text.rpartition(".")[2].lower()
                applied = made("_0(_1)", copied(function.node), word.copy())
                if function.is_derivative or name in ("exp", "cos", "sin", "sign"):
                    found.append((applied, far + (0.0 if function.is_derivative else 1.0)))
                elif "sig" in name and not 0 <= low <= high <= 1:
                    found.append((made("_0 * (1 - _0)", applied), far + 0.5))
                elif "tanh" in name and not -1 <= low <= high <= 1:
                    found.append((made("1 - _0 ** 2", applied), far + 0.5))
        return found

    def quantities(self, shape: Shape | None) -> Sequence[Word]:
        """What a factor of a shape may be made of: arrays, and for a number what else is computed,
        as the output of a single neuron beside its weights.
        """
        arrays = self.words.arrays
        if shape != () or all(word.shape == () for word in arrays):
            return arrays
        computed = [
            word
            for word in self.words.numbers
            if word.here and isinstance(word.value, float) and word.text.isidentifier()
            and not is_rate(word.text)
        ]  # fmt: skip
        return [*computed, *arrays]

    def is_gradient(self, word: Word) -> bool:
        """Whether a name says that it is a gradient: ``dz1`` where there is a ``z1``, ``delta``."""
        name = re.sub(r"[^a-z0-9]+", "", word.text.lower().rpartition(".")[2])
        if "delta" in name or "grad" in name or name.startswith(("error", "dout", "dscore")):
            return True
        of = {name[1:], _BESIDE.sub("", name[1:])} - {""}
        return name[0:1] == "d" and not of.isdisjoint(self._plain_names)

    @cached_property
    def is_backward(self) -> bool:
        """Whether the line reads or makes a gradient, as its names say."""
        words = [self.operand(n) for part in [*self.roots, *self.targets] for n in ast.walk(part)]
        return any(word is not None and self.is_gradient(word) for word in words)

    @cached_property
    def _plain_names(self) -> set[str]:
        texts = [w.text.lower().rpartition(".")[2] for w in self.words.operands]
        texts += [text.partition("[")[0] for text in texts]  # of an item its dict or list
        return {re.sub(r"[^a-z0-9]+", "", text) for text in texts}


_BESIDE = re.compile("(next|prev|raw|pre|net|in)$")
"""What says which one of several is meant: what the step that follows hands back, ``dhnext``, or
what stands before an activation, ``dhraw``."""
_WRITTEN_OUT = 0.7
"""What it costs a local derivative that it is written out beside a function that gives it."""


def is_mask(index: ast.expr) -> bool:
    """Whether an index compares numbers."""
    return isinstance(index, ast.Compare | ast.BoolOp) or (
        isinstance(index, ast.UnaryOp) and isinstance(index.op, ast.Invert)
    )


_METHODS_OF = ("sum", "mean", "dot", "transpose", "max", "swapaxes", "std", "var")
_COUNTING = (
    "reshape", "transpose", "swapaxes", "moveaxis", "expand_dims", "repeat", "tile", "zeros",
    "ones", "range", "arange", "eye", "squeeze", "take", "split", "concatenate", "stack", "astype",
)  # fmt: skip


def is_product(node: ast.AST | None) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div)


def is_matrix_product(node: ast.AST | None) -> bool:
    """Whether a node is a product of matrices, in whatever notation."""
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.MatMult)
    return node is not None and name_of_call(node) in ("dot", "matmul")


def meets(left: Shape, right: Shape) -> bool:
    """Whether a matrix product of two shapes is one."""
    if not left or not right:
        return False
    return left[-1] == (right[0] if len(right) == 1 else right[-2])


def name_of_call(node: ast.AST) -> str:
    """The last name of what is called, such as ``sum`` for ``x.sum()`` and ``np.sum(x)``."""
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute):
            return node.func.attr
        if isinstance(node.func, ast.Name):
            return node.func.id
    return ""


def unlike(one: str, other: str) -> float:
    """How unlikely one name is written for another: 0 for ``A1`` and ``A2``, 1 for strangers."""
    if one.rpartition("[")[0] == other.rpartition("[")[0] != "":
        return 0.1
    digits = re.sub(r"\D", "", one), re.sub(r"\D", "", other)
    stems = re.sub(r"\d", "", one), re.sub(r"\d", "", other)
    if stems[0] == stems[1]:
        return 0.0
    if stems[0].lower() == stems[1].lower():
        return 0.1
    if digits[0] == digits[1]:
        if len(stems[0]) == len(stems[1]) and sum(a != b for a, b in zip(*stems, strict=True)) == 1:
            return 0.2 if digits[0] else 0.5
        if stems[0].endswith(stems[1]) or stems[1].endswith(stems[0]):
            return 0.3
        return 0.5 if digits[0] else 0.7
    return 1.0
