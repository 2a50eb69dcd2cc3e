"""Edits of calls: reductions and their axes, products, transposes, functions, einsum, shapes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, permutations

from autograd_mini.check.lines.line import Change, Line, meets, name_of_call
from autograd_mini.check.lines.syntax import copied, made, number_of, with_fields
from autograd_mini.check.lines.words import Shape


def changes(line: Line) -> Iterator[Change]:
    """All edits of a line's calls and of what could be one."""
    for node in line.nodes:
        if isinstance(node, ast.Call):
            reduction = Reduction.of(line, node)
            if reduction:
                yield from reductions(line, reduction)
            else:
                yield from dropped_call(line, node)
            yield from other_functions(line, node)
            yield from arguments(node)
            yield from einsum(node)
        yield from products(line, node)
        yield from transposes(line, node)
        if node in line.summed:
            yield from inserted_reductions(line, node)
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
    yield Change("keepdims", node, this.with_options(axis, not kept))
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


# Products of matrices


def products(line: Line, node: ast.expr) -> Iterator[Change]:
    """The operands of a matrix product exchanged and transposed, or another product taken."""
    sides = _product_of(line, node)
    if sides is None:
        return
    left, right = sides
    bases = [(_base(side), _is_transposed(side)) for side in sides]
    shapes = [line.shape(base) for base, _ in bases]
    for order in ((0, 1), (1, 0)):
        for flips in ((False, False), (True, False), (False, True), (True, True)):
            sides_now, shapes_now, changed = [], [], 0.0
            for position, index in enumerate(order):
                base, was = bases[index]
                sides_now.append(made("_0.T", base) if flips[position] else base)
                changed += flips[position] != was
                shape = shapes[index]
                shapes_now.append(shape[::-1] if flips[position] and shape else shape)
            if any(
                f and s is not None and len(s) < 2 for f, s in zip(flips, shapes_now, strict=True)
            ):
                continue
            one, two = shapes_now
            if one is not None and two is not None and not meets(one, two):
                continue
            if order == (0, 1) and not changed:
                continue
            kind = "transpose" if order == (0, 1) else "swap operands"
            extra = 0.3 * (changed - 1) if order == (0, 1) else 0.3 * changed
            yield Change(kind, node, _product_like(node, sides_now[0], sides_now[1]), extra)
    for index, (base, was) in enumerate(bases):
        yield from _other_operands(line, sides[index], base, was, sides, index)
    numpy = line.words.numpy
    templates = ["_0 * _1", f"{numpy}.outer(_0, _1)", f"{numpy}.outer(_1, _0)"]
    if not isinstance(node, ast.BinOp):
        templates.append("_0 @ _1")
    for template in templates:
        if "outer" in template and any(s is not None and len(s) > 1 for s in shapes):
            continue
        yield Change("product", node, made(template, left, right), 0.3)


def _product_of(line: Line, node: ast.expr) -> tuple[ast.expr, ast.expr] | None:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        return node.left, node.right
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.keywords:
        two = line.is_numpy(node.func) and len(node.args) == 2
        if two and node.func.attr in ("dot", "matmul", "outer", "multiply", "inner"):
            return node.args[0], node.args[1]
        if node.func.attr == "dot" and len(node.args) == 1:
            return node.func.value, node.args[0]
    return None


def _product_like(node: ast.expr, left: ast.expr, right: ast.expr) -> ast.expr:
    """A product in the notation of another."""
    if isinstance(node, ast.BinOp):
        return with_fields(node, left=left, right=right)
    assert isinstance(node, ast.Call)
    if len(node.args) == 2:
        return with_fields(node, args=[left, right])
    assert isinstance(node.func, ast.Attribute)
    return with_fields(node, func=with_fields(node.func, value=left), args=[right])


def _is_transposed(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "T"


def _base(node: ast.expr) -> ast.expr:
    return node.value if isinstance(node, ast.Attribute) and node.attr == "T" else node


def _other_operands(
    line: Line,
    side: ast.expr,
    base: ast.expr,
    transposed: bool,
    sides: tuple[ast.expr, ast.expr],
    index: int,
) -> Iterator[Change]:
    """An operand exchanged for another that fits transposed only."""
    word, sibling = line.operand(base), line.shape(sides[1 - index])
    for other in line.words.arrays:
        if word is None or other.text == word.text or not other.here or other.shape is None:
            continue
        if len(other.shape) != 2 or sibling is None:
            continue
        shape = other.shape if transposed else other.shape[::-1]
        if meets(shape, sibling) if index == 0 else meets(sibling, shape):
            new = other.copy() if transposed else made("_0.T", other.copy())
            yield Change("name", side, new, 1.0)


# Transposes


def transposes(line: Line, node: ast.expr) -> Iterator[Change]:
    """A transpose lost, added, or of other axes."""
    parent, shape = line.tree.parent(node), line.shape(node)
    if _is_transposed(node):
        yield Change("transpose", node, _base(node), 0.0)
        return
    if isinstance(node, ast.Call) and name_of_call(node) in ("transpose", "swapaxes", "reshape"):
        yield from _axis_orders(line, node)
    if isinstance(parent, ast.Attribute | ast.Subscript):
        if not (isinstance(node, ast.BinOp | ast.Call) or _is_method(line, parent)):
            return
        if isinstance(parent, ast.Attribute) and parent.attr == "T":
            return
    if isinstance(parent, ast.Call) and node is parent.func:
        return
    if isinstance(node, ast.Constant | ast.Compare | ast.UnaryOp | ast.Tuple):
        return
    if shape is not None and len(shape) < 2:
        if len(shape) == 1:
            yield from _new_axes(node)
        return
    if not line.fits(shape and shape[::-1], node):
        return
    if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.MatMult):
        return
    extra = 0.0 if node in line.roots or isinstance(parent, ast.BinOp) else 0.3
    if shape is None or len(shape) == 2:
        yield Change("transpose", node, made("_0.T", node), extra)
    else:
        yield Change("transpose", node, made("_0.swapaxes(-1, -2)", node), extra)
        for order in permutations(range(len(shape))):
            if order != tuple(range(len(shape))) and (node in line.roots or line.operand(node)):
                axes = ", ".join(map(str, order))
                yield Change("axis order", node, made(f"_0.transpose({axes})", node), extra + 1.5)


def _is_method(line: Line, node: ast.AST) -> bool:
    parent = line.tree.parent(node)
    return isinstance(parent, ast.Call) and parent.func is node


def _new_axes(node: ast.expr) -> Iterator[Change]:
    for template in ("_0[:, None]", "_0[None]", "_0.reshape(-1, 1)"):
        yield Change("new axis", node, made(template, node), 0.3 * (template[2] == "."))


def _axis_orders(line: Line, node: ast.Call) -> Iterator[Change]:
    """Other orders of the axes or lengths that a call lists."""
    assert isinstance(node.func, ast.Attribute)
    given = list(node.args)
    first = given.pop(0) if line.is_numpy(node.func) and given else None
    listed = given[0].elts if len(given) == 1 and isinstance(given[0], ast.Tuple) else given
    start = [] if first is None else [first]
    wrapped = bool(given) and listed is not given
    name = node.func.attr
    array = first if first is not None else node.func.value
    if name != "reshape":
        yield Change("transpose", node, array, 0.0)
    if 1 < len(listed) <= 5:
        for order in permutations(range(len(listed))):
            if order == tuple(range(len(listed))):
                continue
            moved: list[ast.expr] = [listed[i] for i in order]
            args = [ast.Tuple(moved, ast.Load())] if wrapped else moved
            swaps = sum(i != j for i, j in enumerate(order))
            new = with_fields(node, args=[*start, *args])
            extra = 0.0 if swaps == 2 else 0.5
            yield Change("axis order", node, new, extra)
            if name == "reshape" and len(listed) == 2:
                yield Change("axis order", node, made("_0.T", new), 0.0)
            elif name == "reshape":
                back = ", ".join(str(order.index(i)) for i in range(len(order)))
                yield Change("axis order", node, made(f"_0.transpose({back})", new), extra + 0.2)
                back = ", ".join(map(str, order))
                yield Change("axis order", node, made(f"_0.transpose({back})", new), extra + 0.2)
    if name == "swapaxes" and len(listed) == 2:
        shape = line.shape(array)
        for axes in combinations(range(len(shape) if shape else 3), 2):
            numbers: list[ast.expr] = [ast.Constant(axis) for axis in axes]
            yield Change("axis order", node, with_fields(node, args=[*start, *numbers]), 0.3)


# Functions


_LIKE = (
    ("sin", "cos", "tan"), ("tanh", "cosh", "sinh"), ("exp", "log", "expm1", "log1p"),
    ("maximum", "minimum"), ("sqrt", "square"), ("zeros", "ones"), ("zeros_like", "ones_like"),
    ("floor", "ceil"), ("abs", "sign"), ("exp", "tanh"), ("log2", "log"), ("add", "subtract"),
    ("multiply", "divide"), ("hstack", "vstack"), ("argmax", "argmin"), ("max", "min"),
)  # fmt: skip


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
    """A call of which only the argument is left."""
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
    if word is None or word.shape is None:
        if not (part and isinstance(node, ast.BinOp) and line.is_array(node)):
            return
    elif word.shape == ():
        for name in ("sqrt",):
            yield Change("insert call", node, made(f"{line.words.numpy}.{name}(_0)", node), 0.5)
            yield Change("power", node, made("_0 ** 0.5", node), 0.5)
        return
    extra = 0.0 if word is not None else 0.5
    for function in line.words.functions:
        if function.here or function.is_derivative:
            new = made("_0(_1)", copied(function.node), node)
            yield Change("insert call", node, new, extra)
    for name in ("tanh", "exp", "log", "sqrt", "abs"):
        new = made(f"{line.words.numpy}.{name}(_0)", node)
        yield Change("insert call", node, new, extra + 1.0)


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
