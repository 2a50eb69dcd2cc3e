"""The single changes that a person makes by mistake in one line of a backward pass."""

from __future__ import annotations

import ast
import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autograd_mini.typing import Array

RATE = 0.1
"""The learning rate of a planted update."""


DECAY = 0.01
"""The weight of a planted L2 term."""


ROUNDINGS = 1000
"""A change is more than rounding if it is this many times what float64 makes of the right pass."""


ROUNDING = 1e-13
"""A change below this part of the largest element is the same line in other arithmetic."""


SAME = 1e-9
"""Two mistakes whose numbers are this near, relative to the largest, are the same one."""


Pass = Callable[..., Mapping[str, Any]]


@dataclass(frozen=True)
class Mutant:
    """A backward pass with one mistake in it.

    Attributes:
        kind: what was done, such as ``"lost factor"``.
        name: the quantity whose line was changed.
        codes: the causes that name the mistake.
        before: the line as it was.
        after: the line with the mistake.
        line: its number, from 1, in ``source``.
        source: the whole function, or file, with the mistake.
    """

    kind: str
    name: str
    codes: frozenset[str]
    before: str
    after: str
    line: int
    source: str

    def planted_in(self, manual: Pass) -> Pass:
        """The function with the mistake, with the globals and closure of ``manual``."""
        planted: Pass = compiled(self.source, names_around(manual))
        return planted


def compiled(source: str, names: Mapping[str, Any]) -> Any:
    """The one function that a source defines, with names that it reads.

    It has the attribute ``source``, in which its own source can be read.
    """
    made = {"np": np, **names}
    tree = ast.parse(source)
    exec(compile(tree, "<backward pass>", "exec"), made)
    function = made[tree.body[0].name]  # type: ignore[attr-defined]
    function.source = source
    return function


def returned_names(tree: ast.Module) -> dict[str, str]:
    """The variable of each gradient that a pass returns."""
    gradients = tree.body[0].body[-1].value  # type: ignore[attr-defined]
    pairs = zip(gradients.keys, gradients.values, strict=True)
    return {str(key.value): value.id for key, value in pairs if isinstance(key, ast.Constant)}


def target_of(statement: ast.AST) -> str | None:
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id
    if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
        return statement.target.id
    return None


Change = tuple[str, set[str], ast.expr]
"""A kind of mistake, the codes that name it, and the line's expression with it."""


class Line:
    """One line of a pass: its expression, and what its names are."""

    def __init__(
        self,
        tree: ast.Module,
        statement: Any,
        name: str,
        gradients: set[str],
        known: Mapping[str, Any],
        params: set[str],
    ) -> None:
        self.tree, self.statement, self.name = tree, statement, name
        self.gradients, self.known, self.params = gradients, known, params
        self.expression: ast.expr = statement.value
        self.value = self.evaluated(self.expression)
        self.first = not (names_of(self.expression) & gradients)
        target = target_of(statement)
        self.a_term = sum(target_of(s) == target for s in ast.walk(tree)) > 1

    def mutants(self) -> list[Mutant]:
        before, whole = ast.unparse(self.statement), ast.unparse(self.tree)
        found, values = [], []
        for kind, codes, expression in self.changes():
            if self.a_term:
                codes = codes | {"missing-term", "extra-term"}
            value = self.evaluated(expression)
            if value is None or (
                value.shape == self.value.shape and is_same(value, self.value, ROUNDING)
            ):
                continue
            self.statement.value = expression
            after, line = ast.unparse(self.statement), self.statement.lineno
            self.statement.value = self.expression
            source = with_line(whole, line, after)
            found.append(Mutant(kind, self.name, frozenset(codes), before, after, line, source))
            values.append(value)
        return [
            replace(mutant, codes=frozenset().union(*(
                other.codes for other, there in zip(found, values, strict=True)
                if is_same(value, there, SAME)
            )))
            for mutant, value in zip(found, values, strict=True)
        ]  # fmt: skip

    def evaluated(self, expression: ast.expr) -> Any:
        """The value of an expression in place of this line's, ``None`` where NumPy refuses."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # of an edit that nobody would write
            code = compile(ast.fix_missing_locations(ast.Expression(expression)), "<line>", "eval")
        try:
            with np.errstate(all="ignore"):
                return np.asarray(eval(code, dict(self.known)))
        except (ValueError, TypeError, IndexError, AttributeError):
            return None

    def changes(self) -> Iterator[Change]:
        """All mistakes in this line."""
        yield from self.whole_line()
        seen = set()
        for node, inside in walk(self.expression, self.scalar, in_factor=False):
            for kind, codes, changed in self.changes_of(node, inside):
                yield kind, codes, with_part(self.expression, node, changed)
            if isinstance(node, ast.Name) and not (inside and node.id in seen):
                seen.add(node.id)
                yield from self.other_arrays(node, inside)

    # Mistakes in the line as a whole

    def whole_line(self) -> Iterator[Change]:
        line = self.expression
        if self.a_term:
            yield "lost term", {"missing-term"}, ast.Constant(0)
        yield "sign", {"sign"}, negated(line)
        loss = {"different-loss"} if self.first else set()
        for factor in ("2", "0.5", repr(RATE)):
            yield "factor", {"scale"} | loss, parsed(f"{factor} * _", line)
        for size in self.sizes():
            yield "factor", {"scale", "sum-for-mean"} | loss, parsed(f"_ * {size}", line)
            yield "factor", {"scale", "mean-for-sum"} | loss, parsed(f"_ / {size}", line)
        if self.value.ndim == 2:
            yield "transposed", {"transpose"}, parsed("_.T", line)
        if self.value.ndim:
            yield "summed too far", {"extra-reduction"}, parsed("_.sum(axis=0)", line)
            yield "another shape", {"shape"}, parsed("_[None]", line)
        if self.value.ndim == 1:
            yield "another shape", {"shape"}, parsed("_.reshape(-1, 1)", line)
        for slope in self.extra_slopes():
            yield "extra factor", {"extra-factor"}, parsed("_ * __", line, slope)
        if self.name in self.params and self.name not in names_of(line) and self.value.ndim == 2:
            decay = ast.Name(self.name, ast.Load())
            yield "extra term", {"extra-term"}, parsed(f"_ + {DECAY} * __", line, decay)

    def sizes(self) -> list[str]:
        return [n for n in ("N", "K") if isinstance(self.known.get(n), int)]

    def extra_slopes(self) -> Iterator[ast.expr]:
        """Local derivatives of this line's shape: those of all lines, and σ′ of probabilities."""
        seen = set()
        for statement in ast.walk(self.tree):
            if target_of(statement) in self.gradients:
                slope = self.slope_of(statement.value)  # type: ignore[attr-defined]
                if slope is not None and ast.unparse(slope) not in seen:
                    value = self.evaluated(slope)
                    if value is not None and value.shape == self.value.shape:
                        seen.add(ast.unparse(slope))
                        yield slope
        if self.first:
            for name in sorted(names_of(self.expression)):
                value = np.asarray(self.known[name])
                fits = value.shape == self.value.shape and self.line_of(name) > 0
                if fits and np.all((value > 0) & (value < 1)):
                    yield parsed(f"{name} * (1 - {name})")

    def slope_of(self, expression: ast.expr) -> ast.expr | None:
        """The elementwise factors of a product that are no upstream gradient, if it has both."""
        factors = [f for f, power in factors_of(expression) if power == 1 and not self.scalar(f)]
        local = [f for f in factors if not names_of(f) & self.gradients]
        if not local or len(local) == len(factors):
            return None
        product = local[0]
        for factor in local[1:]:
            product = ast.BinOp(product, ast.Mult(), factor)
        return product

    # Mistakes in a part of the line

    def changes_of(self, node: ast.expr, in_factor: bool) -> Iterator[Change]:
        factor = {"wrong-factor"} if in_factor else set()
        if isinstance(node, ast.Attribute) and node.attr == "T":
            yield "lost transpose", {"transpose"} | factor, node.value
        if isinstance(node, ast.BinOp):
            if isinstance(node.op, ast.MatMult):
                for side in (node.left, node.right):
                    if not (isinstance(side, ast.Attribute) and side.attr == "T"):
                        changed = with_part(node, side, parsed("_.T", side))
                        yield "extra transpose", {"transpose"} | factor, changed
            if isinstance(node.op, ast.Add | ast.Sub):
                yield from self.terms(node, factor)
            if isinstance(node.op, ast.Mult | ast.Div):
                yield from self.factors(node, factor)
        if isinstance(node, ast.Call):
            yield from self.reductions(node, factor)
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Gt):
            turned = ast.Compare(node.left, [ast.Lt()], node.comparators)
            yield "wrong factor", {"wrong-factor"}, turned

    def other_arrays(self, node: ast.Name, in_factor: bool) -> Iterator[Change]:
        """Another array of the same shape: a gradient for a gradient, an operand for an operand.

        In an elementwise factor, such as a1 * (1 - a1), each time that it is written.
        """
        here = np.asarray(self.known.get(node.id))
        if here.dtype == object or here.ndim == 0:
            return
        line = self.statement.lineno
        gradient = node.id in self.gradients
        for name in sorted(self.known.keys() - names_of(self.expression)):
            value = self.known[name]
            if not isinstance(value, np.ndarray) or value.shape != here.shape:
                continue
            if (name in self.gradients) != gradient or self.line_of(name) >= line:
                continue
            other = ast.Name(name, ast.Load())
            if gradient:
                codes = {"wrong-operand", "missing-factor", "extra-factor"}
                yield "another gradient", codes, with_part(self.expression, node, other)
            elif in_factor:
                codes = {"wrong-factor", "wrong-operand"}
                yield "slope of another array", codes, renamed(self.expression, node.id, name)
            else:
                yield "another array", {"wrong-operand"}, with_part(self.expression, node, other)
        update = next((v for v in self.gradients if self.is_gradient_of(v, node.id)), None)
        if update is not None and self.line_of(update) < line:
            updated = parsed(f"({node.id} - {RATE} * {update})")
            yield "updated weight", {"updated-value"}, with_part(self.expression, node, updated)

    def is_gradient_of(self, variable: str, name: str) -> bool:
        return name in self.params and returned_names(self.tree).get(name) == variable

    def line_of(self, name: str) -> int:
        """The last line that assigns a name, 0 if none does."""
        lines = [
            s.lineno  # type: ignore[attr-defined]
            for s in ast.walk(self.tree)
            if target_of(s) == name
        ]
        return max(lines, default=0)

    def terms(self, node: ast.BinOp, factor: set[str]) -> Iterator[Change]:
        """A sum: a term lost, doubled, with the other sign; a difference turned round."""
        plus = isinstance(node.op, ast.Add)
        negative = node.right if plus else negated(node.right)
        if isinstance(node.left, ast.Constant):  # 1 - a**2
            yield "lost term", {"missing-term"} | factor, node.right
        else:
            yield "lost term", {"missing-term"} | factor, negative
        yield "lost term", {"missing-term"} | factor, node.left
        for side in (node.left, node.right):
            if not isinstance(side, ast.Constant):
                codes = {"extra-term", "scale"} | factor
                yield "doubled term", codes, with_part(node, side, parsed("2 * _", side))
        other = ast.BinOp(node.left, ast.Sub() if plus else ast.Add(), node.right)
        yield "sign of a term", {"sign", "missing-term", "extra-term"} | factor, other
        if not plus:
            turned = ast.BinOp(node.right, ast.Sub(), node.left)
            yield "sign", {"sign"} | factor, turned

    def factors(self, node: ast.BinOp, factor: set[str]) -> Iterator[Change]:
        """A product: a factor lost, σ′ lost, σ′ of another activation."""
        outermost = node is self.expression
        if outermost:
            slope = self.slope_of(node)
            if slope is not None:
                upstream = self.without(node, slope)
                yield "lost factor", {"missing-factor"}, upstream
                for other in _other_activations(slope):
                    changed = ast.BinOp(upstream, ast.Mult(), other)
                    yield "wrong factor", {"wrong-factor"}, changed
        for side, left in ((node.left, node.right), (node.right, node.left)):
            if isinstance(node.op, ast.Div) and side is node.left:
                continue
            if self.scalar(side):
                loss = {"different-loss"} if self.first else set()
                codes = {"scale", "sum-for-mean", "mean-for-sum"} | loss | factor
                yield "lost constant", codes, left
            elif not self.scalar(left):
                repeats = "ones_like" in ast.unparse(side)  # its loss is one of shape
                codes = {"shape", "extra-reduction"} if repeats else set()
                yield "lost factor", {"missing-factor"} | codes | factor, left

    def without(self, product: ast.expr, slope: ast.expr) -> ast.expr:
        """A product without the elementwise factors of a slope."""
        gone = {id(f) for f, _ in factors_of(slope)}
        kept = [(f, power) for f, power in factors_of(product) if id(f) not in gone]
        out, _ = kept[0]
        for f, power in kept[1:]:
            out = ast.BinOp(out, ast.Mult() if power == 1 else ast.Div(), f)
        return out

    def reductions(self, node: ast.Call, factor: set[str]) -> Iterator[Change]:
        """A sum or mean: lost, the other one, over another axis, of another shape."""
        if not isinstance(node.func, ast.Attribute) or node.func.attr not in ("sum", "mean"):
            return
        is_sum = node.func.attr == "sum"
        module = isinstance(node.func.value, ast.Name) and node.func.value.id == "np"
        array = node.args[0] if module else node.func.value
        yield "lost sum", {"missing-reduction"} | factor, array
        code = "mean-for-sum" if is_sum else "sum-for-mean"
        func = ast.Attribute(node.func.value, "mean" if is_sum else "sum", ast.Load())
        codes = {code, "scale"} | factor
        yield ("mean for sum" if is_sum else "sum for mean"), codes, call_like(node, func=func)
        options = {k.arg: k for k in node.keywords}
        axis = options.get("axis")
        if axis is not None:
            rest = [k for k in node.keywords if k is not axis]
            codes = {"extra-reduction"} | factor
            yield "summed too far", codes, call_like(node, keywords=rest)
            if isinstance(axis.value, ast.Constant):
                other = ast.keyword("axis", ast.Constant(0 if axis.value.value else 1))
                codes = {"wrong-axis"} | factor
                yield "wrong axis", codes, call_like(node, keywords=[other, *rest])
            keep = options.get("keepdims")
            if keep is None:
                keywords = [*node.keywords, ast.keyword("keepdims", ast.Constant(True))]
                yield "another shape", {"shape"}, call_like(node, keywords=keywords)
            else:
                codes = {"shape", "wrong-axis", "axis-order"} | factor
                rest = [k for k in node.keywords if k is not keep]
                yield "lost keepdims", codes, call_like(node, keywords=rest)

    def scalar(self, expression: ast.expr) -> bool:
        """Whether an expression is one number: a constant, or made of names of numbers."""
        return all(np.ndim(self.known.get(n, 0)) == 0 for n in names_of(expression) - {"np"})


_SLOPES = ("x * (1 - x)", "1 - x ** 2", "x > 0", "1 - np.tanh(x) ** 2")


def _other_activations(slope: ast.expr) -> list[ast.expr]:
    """The local derivatives of other activations, if this is that of one."""
    for name in names_of(slope) - {"np"}:
        texts = [ast.unparse(renamed(ast.parse(t, mode="eval").body, "x", name)) for t in _SLOPES]
        if ast.unparse(slope) in texts:
            return [parsed(text) for text in texts]
    return []


def renamed(expression: ast.expr, old: str, new: str) -> ast.expr:
    """A copy of an expression in which a name is another."""
    places = [n for n in ast.walk(expression) if isinstance(n, ast.Name) and n.id == old]
    for _ in places:
        place = next(n for n in ast.walk(expression) if isinstance(n, ast.Name) and n.id == old)
        expression = with_part(expression, place, ast.Name(new, ast.Load()))
    return expression


def walk(
    node: ast.expr, scalar: Callable[[ast.expr], bool], in_factor: bool
) -> Iterator[tuple[ast.expr, bool]]:
    """Each part of an expression, and whether it lies in an elementwise factor among others."""
    yield node, in_factor
    factor = in_factor
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
        factor = in_factor or not (scalar(node.left) or scalar(node.right))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        factor = in_factor
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield from walk(child, scalar, factor)
        elif isinstance(child, ast.keyword):
            continue


def factors_of(expression: ast.expr) -> list[tuple[ast.expr, int]]:
    """The factors of a product, each with the power 1 or -1."""
    if isinstance(expression, ast.BinOp) and isinstance(expression.op, ast.Mult):
        return factors_of(expression.left) + factors_of(expression.right)
    if isinstance(expression, ast.BinOp) and isinstance(expression.op, ast.Div):
        return factors_of(expression.left) + [(f, -p) for f, p in factors_of(expression.right)]
    return [(expression, 1)]


def names_of(expression: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)}


def with_part(node: Any, old: ast.AST, new: ast.AST) -> Any:
    """A copy of an expression in which one part is another."""
    if node is old:
        return new
    if isinstance(node, list):
        return [with_part(each, old, new) for each in node]
    if isinstance(node, ast.AST):
        return type(node)(**{name: with_part(v, old, new) for name, v in ast.iter_fields(node)})
    return node


def parsed(text: str, *parts: ast.expr) -> ast.expr:
    """An expression from text in which ``_``, ``__``, … stand for given parts."""
    given = {"_" * i: part for i, part in enumerate(parts, 1)}

    def filled(node: Any) -> Any:
        if isinstance(node, ast.Name) and node.id in given:
            return given[node.id]
        if isinstance(node, list):
            return [filled(each) for each in node]
        if isinstance(node, ast.AST):
            return type(node)(**{name: filled(v) for name, v in ast.iter_fields(node)})
        return node

    return filled(ast.parse(text, mode="eval").body)  # type: ignore[no-any-return]


def negated(expression: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.USub(), expression)


def call_like(
    node: ast.Call, func: ast.expr | None = None, keywords: Sequence[ast.keyword] | None = None
) -> ast.Call:
    return ast.Call(
        func or node.func, node.args, list(node.keywords if keywords is None else keywords)
    )


def is_same(a: Array, b: Array, tolerance: float) -> bool:
    """Whether two arrays cannot be told apart, but for axes of size 1."""
    a, b = np.squeeze(a), np.squeeze(b)
    if a.shape != b.shape:
        return False
    with np.errstate(invalid="ignore"):
        size = np.max(np.abs(b), initial=0.0)
        near = (np.abs(1.0 * a - b) <= tolerance * size) | (a == b)
        return bool(np.all(near | (np.isnan(a) & np.isnan(b))))


def with_line(source: str, number: int, text: str) -> str:
    lines = source.splitlines()
    line = lines[number - 1]
    lines[number - 1] = line[: len(line) - len(line.lstrip())] + text
    return "\n".join(lines)


def names_around(function: Callable[..., Any]) -> dict[str, Any]:
    """What a function can read besides its arguments."""
    return {**function.__globals__, **inspect.getclosurevars(function).nonlocals}
