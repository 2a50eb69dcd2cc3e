"""What may stand in a line: the operands, numbers and functions at hand, and what they are."""

from __future__ import annotations

import ast
import dis
import functools
import inspect
import math
import types
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np

from autograd_mini.check.holders import held, is_holder
from autograd_mini.check.lines.formulas import is_of_derivative
from autograd_mini.check.lines.syntax import amounts, copied, loaded, number_of, with_fields
from autograd_mini.check.lines.values import UNKNOWN, Shape, is_of_numpy, shape_of, value_of


@dataclass(frozen=True)
class Word:
    """An operand: an expression that can be read, and what it is where the line stands.

    Attributes:
        node: the expression.  It is never put into a tree; ``copy`` is.
        text: the same as text.
        value: what it is.
        shape: its shape; ``None`` where it is neither an array nor a number.
        here: whether the function's own text names it.
    """

    node: ast.expr
    text: str
    value: Any = field(repr=False)
    shape: Shape | None
    here: bool = True

    def copy(self) -> ast.expr:
        return loaded(self.node)

    @property
    def is_size(self) -> bool:
        """Whether it is a whole number of two or more, such as a batch size."""
        return isinstance(self.value, int | np.integer) and int(self.value) >= 2

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return 0 if self.shape is None else math.prod(self.shape)

    @cached_property
    def range(self) -> tuple[float, float]:
        """The least and the largest number in it; infinite where that is not known."""
        try:
            value = np.asarray(self.value)
            return float(value.min()), float(value.max())
        except Exception:
            return -math.inf, math.inf


@dataclass(frozen=True)
class Function:
    """A function of one array at hand, by the expression that it is called by."""

    node: ast.expr
    text: str
    here: bool

    @property
    def is_derivative(self) -> bool:
        """Whether its name says that it is a derivative."""
        return is_of_derivative(self.text)


@dataclass(frozen=True)
class Words:
    """What may stand in a line.

    Attributes:
        values: what each name stands for where the line stands.
        operands: the arrays and numbers at hand.
        containers: the dicts, lists and objects at hand, to be read from.
        functions: the functions of one array at hand.
        constants: the numbers that the function's text writes out.
        unread: what the function makes or takes, or another method keeps, that is read nowhere.
        keys: the texts by which it reads or writes dicts.
        counters: the names that its loops count with.
        handed: the names of its arguments.
        amounts: what its statements add to something, each with whether it is taken away.
        text: the function's text, which shows how its author writes.
    """

    values: Mapping[str, Any] = field(repr=False)
    operands: tuple[Word, ...]
    containers: tuple[Word, ...]
    functions: tuple[Function, ...]
    constants: tuple[float, ...]
    unread: frozenset[str]
    keys: tuple[str, ...]
    counters: frozenset[str]
    handed: frozenset[str]
    amounts: Sequence[tuple[ast.expr, bool]] = field(repr=False)
    text: str = field(repr=False)

    @cached_property
    def by_text(self) -> dict[str, Word]:
        return {word.text: word for word in (*self.operands, *self.containers)}

    @cached_property
    def arrays(self) -> tuple[Word, ...]:
        """The operands that have elements; where none has, the measures."""
        return tuple(w for w in self.operands if w.shape != ()) or self.measures

    @cached_property
    def measures(self) -> tuple[Word, ...]:
        """The numbers that are no sizes, and are written out in the function or are elements."""
        near = (w for w in self.numbers if w.here or isinstance(w.node, ast.Subscript))
        return tuple(word for word in near if not word.is_size)

    @cached_property
    def numbers(self) -> tuple[Word, ...]:
        return tuple(w for w in self.operands if w.shape == ())

    @cached_property
    def sizes(self) -> dict[int, Word]:
        """Sizes that the function's own text names, each by its shortest name."""
        found = [word for word in self.numbers if word.is_size and word.here]
        longest_first = sorted(found, key=lambda word: -len(word.text))
        return {int(word.value): word for word in longest_first if word.text not in self.counters}

    @cached_property
    def numpy(self) -> str:
        """What NumPy is called."""
        return next((name for name, value in self.values.items() if value is np), "np")

    @cached_property
    def matrix_product(self) -> str:
        """How products of matrices are written: a template."""
        for template in (f"{self.numpy}.dot(_0, _1)", "_0.dot(_1)", f"{self.numpy}.matmul(_0, _1)"):
            if template.partition("(")[0].lstrip("_0") in self.text and "@" not in self.text:
                return template
        return "_0 @ _1"

    @cached_property
    def calls_functions(self) -> bool:
        """Whether sums are written ``np.sum(x)`` rather than ``x.sum()``."""
        return f"{self.numpy}.sum(" in self.text or f"{self.numpy}.mean(" in self.text


def words_of(tree: ast.AST, values: Mapping[str, Any], constants: Iterable[float] = ()) -> Words:
    """What may stand in the lines of a function.

    Arguments:
        tree: the function, or whatever the lines are part of.
        values: what each name stands for where the line stands: local variables, and those of
            the globals and closure that the function may read.
        constants: numbers that may be written out besides those of the tree.

    Returns:
        Every operand that the tree reads or assigns to, and every name in ``values``, that is
        an array, a number, a function of one array or something to read such from.  Names,
        attributes and subscripts are followed without a call; what is not known yet is left out.
    """
    nodes: dict[str, ast.expr] = {}
    functions: dict[str, ast.expr] = {}
    numbers: dict[float, None] = {}
    indices: dict[str, ast.expr] = {}
    keys: dict[str, None] = {}
    stored: set[str] = set()
    handed: set[str] = set()
    read: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (read if isinstance(node.ctx, ast.Load) else stored).add(node.id)
        if isinstance(node, ast.arg):
            stored.add(node.arg)
            handed.add(node.arg)
            nodes.setdefault(node.arg, ast.Name(node.arg, ast.Load()))
        if isinstance(node, ast.Subscript):
            if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
                keys.setdefault(node.slice.value)
            elif not isinstance(node.slice, ast.Tuple | ast.Slice):
                indices.setdefault(ast.unparse(node.slice), loaded(node.slice))
        if isinstance(node, ast.Name) or _is_operand(node):
            assert isinstance(node, ast.expr)
            nodes.setdefault(ast.unparse(node), loaded(node))
        if isinstance(node, ast.Call):
            if len(node.args) == 1 and not node.keywords:
                functions.setdefault(ast.unparse(node.func), copied(node.func))
            if shape_of(value_of(node, values)) == () and not node.keywords:  # len(x), np.sqrt(d)
                nodes.setdefault(ast.unparse(node), copied(node))
        constant = number_of(node)
        if constant is not None:
            numbers.setdefault(constant)
    numbers |= dict.fromkeys(constants)
    here = set(nodes)
    for name in values:
        if not name.startswith("__"):
            nodes.setdefault(name, ast.Name(name, ast.Load()))
    level = [n for t, n in nodes.items() if t in here or isinstance(value_of(n, values), dict)]
    for _ in range(3):
        inner = {ast.unparse(i): i for node in level for i in _inside(node, value_of(node, values))}
        inner = {text: node for text, node in inner.items() if text not in nodes}
        level = [n for n in inner.values() if isinstance(value_of(n, values), dict | list)]
        nodes |= inner
    for text, node in list(nodes.items()):
        value = value_of(node, values)
        near = text in here or (
            isinstance(node, ast.Subscript | ast.Attribute) and ast.unparse(node.value) in here
        )
        if near and isinstance(value, list | dict) and len(indices) < _MANY:
            for index in indices.values():
                element = ast.Subscript(copied(node), copied(index), ast.Load())
                if shape_of(value_of(element, values)) is not None:
                    nodes.setdefault(ast.unparse(element), element)
    nodes |= _alike(nodes, here, values)
    lengths = _lengths(tree, values)
    for array in list(nodes.values()):
        for part in _elements(array, shape_of(value_of(array, values)) or (), lengths):
            nodes.setdefault(ast.unparse(part), part)
    operands, containers = [], []
    for text, node in nodes.items():
        value = value_of(node, values)
        if value is UNKNOWN or (is_holder(value) and f"{text}.data" in here):
            continue  # who reads its array means that one
        value = held(value)
        shape = None if isinstance(value, bool) else shape_of(value)
        word = Word(node, text, value, shape, text in here)
        if shape is not None and getattr(value, "dtype", np.dtype(float)).kind in "biufc":
            operands.append(word)
        elif isinstance(value, dict | list | tuple) or hasattr(value, "__dict__"):
            if not isinstance(value, types.ModuleType | type) and not _is_function(value):
                containers.append(word)
        elif _is_unary(value):
            functions.setdefault(text, node)
    known = [
        Function(node, text, text in here)
        for text, node in functions.items()
        if _is_unary(value_of(node, values))
    ]
    return Words(
        values, tuple(operands), tuple(containers), tuple(known), tuple(numbers),
        frozenset(stored - read), tuple(keys), _counters(tree), frozenset(handed),
        amounts(tree), ast.unparse(tree),
    )  # fmt: skip


def _alike(
    nodes: Mapping[str, ast.expr], here: Collection[str], values: Mapping[str, Any]
) -> dict[str, ast.expr]:
    """Elements of arrays that are not read, where those of an array of their shape are:
    ``d_pooled[i, j]`` beside ``pooled[i, j]``.
    """
    names = [text for text in nodes if text in here and text.isidentifier()]
    arrays = {text: values[text] for text in names if isinstance(values.get(text), np.ndarray)}
    found: dict[str, ast.expr] = {}
    for node in [node for text, node in nodes.items() if text in here]:
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            array = arrays.get(node.value.id)
            for text, other in arrays.items() if array is not None else ():
                if array is not None and other.shape == array.shape:
                    element = with_fields(node, value=ast.Name(text, ast.Load()))
                    found.setdefault(ast.unparse(element), element)
    return {text: node for text, node in found.items() if text not in nodes}


def _lengths(tree: ast.AST, values: Mapping[str, Any]) -> dict[str, int]:
    """How many turns loops over ranges have, by what they count with."""
    found = {}
    for node in ast.walk(tree):
        match node:
            case ast.For(ast.Name(name), ast.Call(ast.Name("range"), [count], [])):
                length = value_of(count, values)
                if isinstance(length, int | np.integer):
                    found[name] = int(length)
    return found


def _elements(node: ast.expr, shape: Shape, lengths: Mapping[str, int]) -> Iterator[ast.expr]:
    """Elements of a matrix, or what has more axes, by what loops as long as these count with."""
    for names in combinations(lengths, len(shape)) if len(shape) > 1 else ():
        if all(lengths[name] == size for name, size in zip(names, shape, strict=True)):
            index = ast.Tuple([ast.Name(name, ast.Load()) for name in names], ast.Load())
            yield ast.Subscript(copied(node), index, ast.Load())


def _counters(tree: ast.AST) -> frozenset[str]:
    """The names that loops count with, and those that are made of them alone: ``start = i * 2``."""
    loops = [node for node in ast.walk(tree) if isinstance(node, ast.For | ast.comprehension)]
    counted = [n.id for loop in loops for n in ast.walk(loop.target) if isinstance(n, ast.Name)]
    found = set(counted)
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            read = {n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)}
            if read & found and not any(isinstance(n, ast.Call) for n in ast.walk(node.value)):
                found.add(node.targets[0].id)
    return frozenset(found)


def _is_operand(node: ast.AST) -> bool:
    """Whether an expression is an attribute or an element of a name or of such."""
    if isinstance(node, ast.Attribute):
        return node.attr not in ("T", "shape") and _is_chain(node.value)
    return isinstance(node, ast.Subscript) and _is_chain(node.value)


def _is_chain(node: ast.AST) -> bool:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return isinstance(node, ast.Name)


_MANY = 40


def _inside(node: ast.expr, value: object) -> Iterator[ast.expr]:
    """The items of a dict, of a list of one, and the attributes of an object, as expressions."""
    if isinstance(value, list) and len(value) == 1:
        yield ast.Subscript(copied(node), ast.Constant(0), ast.Load())
    elif isinstance(value, dict) and len(value) <= _MANY:
        for key in value:
            if isinstance(key, str | int) and not isinstance(key, bool):
                yield ast.Subscript(copied(node), ast.Constant(key), ast.Load())
    elif not isinstance(value, types.ModuleType | type | np.ndarray) and not _is_function(value):
        for name, inner in list(getattr(value, "__dict__", {}).items())[:_MANY]:
            if shape_of(inner) is not None or isinstance(inner, dict | list):
                yield ast.Attribute(copied(node), name, ast.Load())
        for name, inner in vars(type(value)).items():
            plain = isinstance(inner, types.FunctionType | staticmethod)
            if plain and not name.startswith("__") and hasattr(value, "__dict__"):
                yield ast.Attribute(copied(node), name, ast.Load())


def _is_function(value: object) -> bool:
    """Whether something is called and holds nothing of interest; a layer that is called does."""
    return inspect.isroutine(value) or isinstance(value, np.ufunc | functools.partial)


_HARMLESS = frozenset(
    {"len", "range", "abs", "min", "max", "sum", "float", "int", "enumerate", "zip"}
)


_CHANGING = frozenset({"STORE_GLOBAL", "DELETE_GLOBAL", "IMPORT_NAME", "STORE_ATTR"})
"""The instructions of a function that does more than compute, as one that keeps its input."""


def _is_plain(code: types.CodeType, around: Mapping[str, object], depth: int = 3) -> bool:
    """Whether a function computes and does nothing else, as far as the names it uses tell."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in _CHANGING:
            return False
        if instruction.opname not in ("LOAD_GLOBAL", "LOAD_NAME"):
            continue
        name = instruction.argval
        if name not in around:
            if name in _HARMLESS:
                continue
            return False
        value = around[name]
        inner = getattr(value, "__code__", None)
        if inner is not None:
            if not depth or not _is_plain(inner, getattr(value, "__globals__", {}), depth - 1):
                return False
        elif not (
            value in (np, math)
            if isinstance(value, types.ModuleType)
            else shape_of(value) is not None
        ):
            return False
    return True


def _is_unary(value: object) -> bool:
    """Whether a function takes one argument, as far as it says."""
    if isinstance(value, np.ufunc):
        return value.nin == 1
    if isinstance(value, type) or not callable(value) or is_of_numpy(value):
        return False
    code = getattr(value, "__code__", None)
    if code is None or not _is_plain(code, getattr(value, "__globals__", {})):
        return False
    try:
        parameters = list(inspect.signature(value).parameters.values())
    except (TypeError, ValueError):
        return False
    needed = [p for p in parameters if p.default is p.empty and p.kind != p.VAR_KEYWORD]
    return len(needed) <= 1 <= len(parameters)
