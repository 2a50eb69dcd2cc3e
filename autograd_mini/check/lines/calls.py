"""Edits of calls: reductions and their axes, functions and their arguments, einsum."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, permutations

from autograd_mini.check.lines.line import Change, Line, name_of_call
from autograd_mini.check.lines.syntax import copied, made, number_of, with_fields
from autograd_mini.check.lines.values import Shape


def changes(line: Line) -> Iterator[Change]:
    """All edits of a line's calls."""
    yield from all_reductions(line)
    yield from penalties(line)
    for node in line.nodes:
        if isinstance(node, ast.Call):
            reduction = Reduction.of(line, node)
            if reduction:
                yield from reductions(line, reduction)
            else:
                yield from dropped_call(line, node)
            yield from masks(line, node)
            yield from leaks(line, node)
            yield from other_functions(line, node)
            yield from arguments(node)
            yield from einsum(node)


def insertions(line: Line) -> Iterator[Change]:
    """All calls that a line may lack."""
    for node in line.nodes:
        term = isinstance(line.tree.parent(node), ast.BinOp) and line.is_array(node)
        if term or node in line.summed or node in line.handed_on:
            yield from inserted_reductions(line, node)
        if node not in line.handed_on:
            yield from inserted_calls(line, node)


# Reductions


_REDUCTIONS = (
    "sum", "mean", "max", "min", "std", "var", "prod", "average", "argmax", "argmin", "cumsum",
)  # fmt: skip
_FOR = (
    ("sum", "mean"), ("mean", "sum"), ("max", "min"), ("max", "sum"), ("min", "max"),
    ("std", "var"), ("var", "std"), ("prod", "sum"), ("average", "sum"), ("cumsum", "sum"),
    ("argmax", "argmin"), ("argmin", "argmax"),
)  # fmt: skip


@dataclass(frozen=True)
class Reduction:
    """A sum, mean, … over axes: as a function of NumPy or as a method."""

    node: ast.Call
    name: str
    array: ast.expr
    axis: ast.expr | None
    keepdims: ast.expr | None

    @classmethod
    def of(cls, line: Line, node: ast.Call) -> Reduction | None:
        name = name_of_call(node)
        if name not in _REDUCTIONS or not isinstance(node.func, ast.Attribute):
            return None
        options = {k.arg: k.value for k in node.keywords}
        if options.keys() - {"axis", "keepdims", "dtype"}:
            return None
        given = list(node.args)
        array = node.func.value
        if line.is_numpy(node.func):
            if not given:
                return None
            array = given.pop(0)
        axis = given[0] if given else options.get("axis")
        return cls(node, name, array, axis, options.get("keepdims"))

    def with_options(self, axis: ast.expr | None, keepdims: bool) -> ast.Call:
        """The same over another axis; where an axis stands, it stays as it was written."""
        positional = self.axis is not None and self.axis in self.node.args
        method = self.array not in self.node.args
        args = [] if method else [self.array]
        keywords = []
        if axis is not None and positional:
            args.append(axis)
        elif axis is not None:
            keywords.append(ast.keyword("axis", axis))
        if keepdims:
            keywords.append(ast.keyword("keepdims", ast.Constant(True)))
        return with_fields(self.node, args=args, keywords=keywords)


def _axes(shape: Shape | None) -> list[ast.expr | None]:
    """The axes, or sets of axes, that there are."""
    dims = 2 if shape is None else len(shape)
    found: list[ast.expr | None] = [ast.Constant(axis) for axis in range(dims)]
    if dims > 2:
        for count in range(2, dims):
            for axes in combinations(range(dims), count):
                found.append(ast.Tuple([ast.Constant(a) for a in axes], ast.Load()))
    return [*found, None]


def reductions(line: Line, this: Reduction) -> Iterator[Change]:
    """Another axis, axes kept or not, another reduction, or none."""
    node, shape = this.node, line.shape(this.array)
    kept = isinstance(this.keepdims, ast.Constant) and bool(this.keepdims.value)
    axis = copied(this.axis) if this.axis is not None else None
    now = _number_of_axis(axis, shape)
    outer = line.tree.parent(node)
    twice = name_of_call(this.array), outer.attr if isinstance(outer, ast.Attribute) else ""
    needless = any(name in _REDUCTIONS for name in twice) or _is_of_size_1(shape, now)
    yield Change("keepdims", node, this.with_options(axis, not kept), 0.8 * needless)
    for other in _axes(shape):
        if _number_of_axis(other, shape) != now:
            extra = 0.5 if other is None or isinstance(other, ast.Tuple) else 0.0
            new = this.with_options(other, kept and other is not None)
            shown = this.axis if this.axis is not None else None
            yield Change("axis", node, new, extra, shown, other)
            if other is not None:
                again = copied(other)
                yield Change("axis", node, this.with_options(again, not kept), extra + 1.0)
    func = node.func
    for name in [other for one, other in _FOR if one == this.name]:
        yield Change("reduction", node, with_fields(node, func=with_fields(func, attr=name)))
    yield Change("drop reduction", node, this.array)
    for gradient in _of_penalty(this):
        yield Change("drop reduction", node, gradient)


def penalties(line: Line) -> Iterator[Change]:
    """Penalties, each where its gradient belongs, throughout the line."""
    every = [Reduction.of(line, node) for node in line.nodes if isinstance(node, ast.Call)]
    squared = [(this.node, _of_penalty(this)) for this in every if this and _of_penalty(this)]
    for which in (0, 1) if len(squared) > 1 else ():
        (first, new), *also = [(node, several[which]) for node, several in squared]
        yield Change("drop reduction", first, new, 0.3, also=tuple(also))


def _of_penalty(this: Reduction) -> list[ast.expr]:
    """The gradient of a sum of squares, of one that is halved first."""
    match this.array:
        case ast.Call(args=[base]) if name_of_call(this.array) == "square":
            pass
        case ast.BinOp(base, ast.Pow(), ast.Constant(2)):
            pass
        case ast.BinOp(base, ast.Mult(), other) if ast.unparse(base) == ast.unparse(other):
            pass
        case _:
            return []
    if this.axis is not None or this.name not in ("sum", "mean"):
        return []
    return [copied(base), made("2 * _0", copied(base))]


def _is_of_size_1(shape: Shape | None, axis: object) -> bool:
    """Whether the axis that a reduction runs over has one element: the reduction does nothing."""
    if not isinstance(axis, int | float) or shape is None:
        return False
    return -len(shape) <= axis < len(shape) and shape[int(axis)] == 1


def all_reductions(line: Line) -> Iterator[Change]:
    """Sums for means throughout the line, or the other way round."""
    calls = [n for n in line.nodes if isinstance(n, ast.Call)]
    for name, other in (("sum", "mean"), ("mean", "sum")):
        functions = [n.func for n in calls if name_of_call(n) == name]
        pairs = [
            (func, with_fields(func, attr=other))
            for func in functions
            if isinstance(func, ast.Attribute)
        ]
        if len(pairs) > 1:
            (first, new), *also = pairs
            yield Change("reduction", first, new, 0.3, also=tuple(also))


def _number_of_axis(axis: ast.expr | None, shape: Shape | None) -> object:
    number = number_of(axis)
    if number is not None and number < 0 and shape is not None:
        return number + len(shape)
    return number if number is not None or axis is None else ast.unparse(axis)


def inserted_reductions(line: Line, node: ast.expr) -> Iterator[Change]:
    """A sum or mean that is not there."""
    shape = line.shape(node)
    if shape == () or name_of_call(node) in ("sum", "mean"):
        return
    depth = 0.4 * line.depth(node)
    keeps = "keepdims" in line.words.text
    for name in ("sum", "mean"):
        rare = depth + (0.0 if name == "sum" or "mean" in line.words.text else 0.5)
        for axis in _axes(shape):
            for keepdims in (False, True):
                if axis is None and keepdims:
                    continue
                options = [] if axis is None else [ast.keyword("axis", copied(axis))]
                if keepdims:
                    options.append(ast.keyword("keepdims", ast.Constant(True)))
                extra = rare + (0.5 if keepdims != keeps else 0.0) + (axis is None) * 0.3
                extra += 0.5 * (number_of(axis) not in (None, 0))
                if line.words.calls_functions:
                    new = made(f"{line.words.numpy}.{name}(_0)", node)
                else:
                    new = made(f"_0.{name}()", node)
                assert isinstance(new, ast.Call)
                yield Change("insert reduction", node, with_fields(new, keywords=options), extra)


# Functions


_LIKE = (
    ("sin", "cos", "tan"), ("tanh", "cosh", "sinh"), ("exp", "log", "expm1", "log1p"),
    ("maximum", "minimum"), ("sqrt", "square"), ("zeros", "ones"), ("zeros_like", "ones_like"),
    ("floor", "ceil"), ("abs", "sign"), ("exp", "tanh"), ("log2", "log"), ("add", "subtract"),
    ("multiply", "divide"), ("hstack", "vstack"), ("argmax", "argmin"), ("max", "min"),
)  # fmt: skip


def masks(line: Line, node: ast.Call) -> Iterator[Change]:
    """The slope of a relu, a mask of another array, where a gradient goes through a relu itself."""
    name, of = name_of_call(node), [part for part in node.args if number_of(part) != 0]
    is_relu = "relu" in name.lower() or (name == "maximum" and len(node.args) == 2)
    if len(of) != 1 or not is_relu:
        return
    (gradient,) = of
    for word in line.words.arrays:
        if word.shape == line.shape(gradient) and word.text != ast.unparse(gradient):
            yield Change("function", node, made("_0 * (_1 > 0)", gradient, word.copy()))


def leaks(line: Line, node: ast.Call) -> Iterator[Change]:
    """What a branch that hands on nothing lets through: ``0.1 * da`` in the place of 0."""
    if name_of_call(node) != "where" or len(node.args) != 3:
        return
    for zero, other in (node.args[:0:-1], node.args[1:]):
        for leak in line.words.constants if number_of(zero) == 0 else ():
            if 0 < leak < 1 and number_of(other) is None:
                yield Change("leak", zero, made("_0 * _1", ast.Constant(leak), copied(other)), 0.5)


def other_functions(line: Line, node: ast.Call) -> Iterator[Change]:
    """A function exchanged for one of its kind, or for one of the user's."""
    func, name = node.func, name_of_call(node)
    text = ast.unparse(func)
    if isinstance(func, ast.Attribute):
        for kind in _LIKE:
            for other in kind:
                if name in kind and other != name:
                    new = with_fields(node, func=with_fields(func, attr=other))
                    yield Change("function", node, new, 0.0, func, new.func)
    if len(node.args) == 1 and not node.keywords:
        argument = node.args[0]
        for function in line.words.functions:
            if function.text != text:
                extra = 0.0 if function.here else 0.5
                new = with_fields(node, func=copied(function.node))
                yield Change("function", node, new, extra, func, new.func)
        if any(f.text == text for f in line.words.functions) and line.operand(argument):
            for activation, slope in _SLOPES:
                if activation in text.lower():
                    yield Change("slope", node, made(slope, argument), 0.5)


_SLOPES = (("tanh", "1 - _0 ** 2"), ("sig", "_0 * (1 - _0)"), ("relu", "_0 > 0"))


def dropped_call(line: Line, node: ast.Call) -> Iterator[Change]:
    """A call of which only the argument is left; one that is a statement goes as a whole."""
    if isinstance(line.tree.parent(node), ast.Expr):
        return
    for argument in node.args:
        if line.is_array(argument) or len(node.args) == 1:
            yield Change("drop call", node, argument, 0.0, node.func)
    if isinstance(node.func, ast.Attribute):
        owner = node.func.value
        if not line.is_numpy(node.func) and line.is_array(owner):
            yield Change("drop call", node, owner)


def arguments(node: ast.Call) -> Iterator[Change]:
    """Arguments in another order; an option left out."""
    for i, j in combinations(range(len(node.args)), 2):
        if len(node.args) <= 4 and not isinstance(node.args[0], ast.Starred):
            args = list(node.args)
            args[i], args[j] = args[j], args[i]
            yield Change("swap operands", node, with_fields(node, args=args), 0.3)
    for option in node.keywords:
        rest = [k for k in node.keywords if k is not option]
        yield Change("drop option", node, with_fields(node, keywords=rest), 0.0, option)


def inserted_calls(line: Line, node: ast.expr) -> Iterator[Change]:
    """A function of an operand that was forgotten."""
    parent = line.tree.parent(node)
    word = line.operand(node)
    if isinstance(parent, ast.Call) and node is parent.func:
        return
    if isinstance(parent, ast.Attribute | ast.Subscript) and line.operand(parent):
        return
    part = isinstance(parent, ast.Call) or node in line.roots or node in line.summed
    numpy = line.words.numpy
    divides = isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Div)
    divides = divides and node is getattr(parent, "right", None)
    if divides or (word is not None and word.shape == ()):
        by = isinstance(line.statement, ast.AugAssign) and isinstance(line.statement.op, ast.Div)
        divides = divides or (by and node in line.roots)
        likely = -0.8 if divides and word is not None else 0.0
        yield Change("insert call", node, made(f"{numpy}.sqrt(_0)", node), likely)
        yield Change("power", node, made("_0 ** 0.5", node), 0.5)
    if word is None or word.shape is None:
        if not (part and isinstance(node, ast.BinOp) and line.is_array(node)):
            return
    elif word.shape == ():
        return
    extra = 0.0 if word is not None else 0.5
    for function in line.words.functions:
        if function.here or function.is_derivative:
            new = made("_0(_1)", copied(function.node), node)
            yield Change("insert call", node, new, extra)
    for name in ("tanh", "exp", "log", "sqrt", "abs"):
        new = made(f"{line.words.numpy}.{name}(_0)", node)
        there = ast.unparse(new) in line.words.text  # as it is called elsewhere in the function
        yield Change("insert call", node, new, extra - 0.5 if there else extra + 1.0)


def einsum(node: ast.Call) -> Iterator[Change]:
    """Letters of an einsum exchanged, in one operand or in the output."""
    first = node.args[0] if node.args else None
    if name_of_call(node) != "einsum" or not isinstance(first, ast.Constant):
        return
    if not isinstance(first.value, str):
        return
    text = first.value.replace(" ", "")
    inputs, _, output = text.partition("->")
    groups = [*inputs.split(","), output]
    letters = sorted(set(text) - set(",->."))
    for i, group in enumerate(groups):
        others = {"".join(order) for order in permutations(group)} if len(group) <= 4 else set()
        for k in range(len(group)):
            others |= {group[:k] + other + group[k + 1 :] for other in letters}
            others.add(group[:k] + group[k + 1 :])
            others |= {group[:k] + other + group[k:] for other in letters if other not in group}
        for other in sorted(others - {group}):
            parts = [*groups[:i], other, *groups[i + 1 :]]
            written = ",".join(parts[:-1]) + "->" + parts[-1]
            new = ast.Constant(written)
            args = [new, *node.args[1:]]
            extra = 0.0 if sorted(other) == sorted(group) else 0.5
            yield Change("einsum", node, with_fields(node, args=args), extra, first, new)
