"""Mistakes that a person makes in a hand-derived backward pass, planted one at a time.

A backward pass is a Python function that returns gradients by name.  Each line of it that
computes one of these is changed as a person would get it wrong: the sign, a factor, a
transpose, the axis of a sum, a lost σ′, a term, another array of the same shape.  What is
computed from the line inherits the mistake, as it does in real life.

With each mistake come the codes of ``autograd_mini.check`` that name it.  Two mistakes in
one line that give the same numbers cannot be told apart by anybody: each has the codes of
both.

``rewritten`` is the opposite: a derivation that is still right, in other arithmetic.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autograd_mini.check.frames import call_with_locals

Pass = Callable[..., Mapping[str, Any]]

RATE = 0.1
"""The learning rate of a planted update."""
DECAY = 0.01
"""The weight of a planted L2 term."""
ROUNDINGS = 1000
"""A change is more than rounding if it is this many times what float64 makes of the right pass."""
_ROUNDING = 1e-13
"""A change below this part of the largest element is the same line in other arithmetic."""
_SAME = 1e-9
"""Two mistakes whose numbers are this near, relative to the largest, are the same one."""


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
        source: the whole function with the mistake.
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
        planted: Pass = compiled(self.source, _names_of(manual))
        return planted


def mutants(manual: Pass, params: Mapping[str, Any]) -> list[Mutant]:
    """All mistakes that can be planted in a backward pass, one at a time.

    Arguments:
        manual: a Python function whose source can be read, that ends by returning a dict of
            gradients by name.  The lines that compute these gradients are changed.
        params: its arguments; what shapes they lead to decides which mistakes NumPy lets pass.

    Returns:
        The mutants, in the order of the lines.  Each changes a number of its own line; whether
        by more than rounding, and whether later lines accept its shape, shows when it runs.

    Raises:
        ValueError: the function's source cannot be read, or it does not end in a dict that is
            written out.

    >>> X = np.array([[1.0, 2.0], [3.0, 5.0]])
    >>> def manual(W):
    ...     a = np.tanh(X @ W)
    ...     dz = 2 * a * (1 - a**2)
    ...     return {"z": dz, "W": X.T @ dz}
    >>> for mutant in mutants(manual, {"W": np.array([0.1, -0.2])})[-4:]:
    ...     print(mutant.kind, sorted(mutant.codes), mutant.after, sep=" | ")
    summed too far | ['extra-reduction'] | dW = (X.T @ dz).sum(axis=0)
    another shape | ['shape'] | dW = (X.T @ dz)[None]
    another shape | ['shape'] | dW = (X.T @ dz).reshape(-1, 1)
    lost transpose | ['transpose'] | dW = X @ dz
    """
    tree, known = _read(manual, params)
    variables = {variable: name for name, variable in _returned(tree).items()}
    made_of_gradients = set(variables)
    for statement in ast.walk(tree):
        target = _target(statement)
        if target and _names(statement.value) & made_of_gradients:  # type: ignore[attr-defined]
            made_of_gradients.add(target)
    found = []
    for statement in ast.walk(tree):
        target = _target(statement)
        if target in variables:
            line = _Line(tree, statement, variables[target], made_of_gradients, known, set(params))
            found += line.mutants()
    return found


def pair(first: Mutant, second: Mutant) -> Mutant:
    """Both of two mutants of different lines of one function, in one.

    ``name``, ``kind`` and the lines are joined with `` and ``; ``codes`` are those of both.
    """
    return Mutant(
        f"{first.kind} and {second.kind}",
        f"{first.name} and {second.name}",
        first.codes | second.codes,
        f"{first.before} and {second.before}",
        f"{first.after} and {second.after}",
        second.line,
        _with_line(second.source, first.line, first.after),
    )


def _with_line(source: str, number: int, text: str) -> str:
    lines = source.splitlines()
    line = lines[number - 1]
    lines[number - 1] = line[: len(line) - len(line.lstrip())] + text
    return "\n".join(lines)


def noticeable(
    name: str,
    right: Callable[[Any], Pass],
    wrong: Callable[[Any], Pass],
    params: Mapping[str, Any],
) -> bool:
    """Whether a mistake changes its quantity by more than rounding.

    Both passes are run in extended precision.  An element must move by more than ``ROUNDINGS``
    times what float64 itself makes of the right pass.

    Arguments:
        name: the quantity.
        right: the pass with its data in a given dtype.
        wrong: the same with the mistake.
        params: the arguments of both.

    Raises:
        ValueError: NumPy refuses a shape that the mistake leads to.
    """

    def gradient(passes: Callable[[Any], Pass], dtype: Any) -> Any:
        with np.errstate(all="ignore"):
            found = passes(dtype)(**{n: np.asarray(x, dtype)[()] for n, x in params.items()})
        return np.asarray(found[name], dtype)

    there, here = gradient(right, np.longdouble), gradient(wrong, np.longdouble)
    if there.shape != here.shape:
        return True
    rounding = np.max(np.abs(gradient(right, np.float64) - there), initial=0.0)
    rounding += np.finfo(np.float64).eps * np.max(np.abs(there), initial=0.0)
    return not np.max(np.abs(here - there), initial=0.0) <= ROUNDINGS * rounding


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


def _names_of(function: Callable[..., Any]) -> dict[str, Any]:
    """What a function can read besides its arguments."""
    return {**function.__globals__, **inspect.getclosurevars(function).nonlocals}


def _read(manual: Pass, params: Mapping[str, Any]) -> tuple[ast.Module, dict[str, Any]]:
    """A pass with a line for each gradient that it returns, and what its lines can read."""
    tree = ast.parse(_source(manual))
    function = tree.body[0]
    if not isinstance(function, ast.FunctionDef):
        raise ValueError(f"a backward pass must be made by def, not by {ast.unparse(function)}")
    function.decorator_list.clear()
    end = function.body[-1]
    if not (isinstance(end, ast.Return) and isinstance(end.value, ast.Dict)):
        raise ValueError(
            f"{function.name} must end with its gradients written out, such as "
            f"return {{'W': dW, 'b': db}}; its last line is {ast.unparse(end)}"
        )
    gradients = end.value
    for i, (key, value) in enumerate(zip(gradients.keys, gradients.values, strict=True)):
        if isinstance(key, ast.Constant) and not isinstance(value, ast.Name):
            variable = f"d{key.value!s}" if str(key.value).isidentifier() else f"gradient_{i}"
            line = ast.parse(f"{variable} = 0").body[0]
            assert isinstance(line, ast.Assign)
            line.value = value
            function.body.insert(-1, line)
            gradients.values[i] = ast.Name(variable, ast.Load())
    tree = ast.parse(ast.unparse(tree))
    written_out = compiled(ast.unparse(tree), _names_of(manual))
    names = call_with_locals(written_out, dict(params))[1]
    closure = inspect.getclosurevars(written_out)
    return tree, {"np": np, **closure.builtins, **closure.globals, **names}


def _source(function: Any) -> str:
    try:
        return getattr(function, "source", None) or textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError) as error:
        raise ValueError(f"the source of {function!r} cannot be read: {error}") from None


def _returned(tree: ast.Module) -> dict[str, str]:
    """The variable of each gradient that a pass returns."""
    gradients = tree.body[0].body[-1].value  # type: ignore[attr-defined]
    pairs = zip(gradients.keys, gradients.values, strict=True)
    return {str(key.value): value.id for key, value in pairs if isinstance(key, ast.Constant)}


def _target(statement: ast.AST) -> str | None:
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id
    if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
        return statement.target.id
    return None


Change = tuple[str, set[str], ast.expr]
"""A kind of mistake, the codes that name it, and the line's expression with it."""


class _Line:
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
        self.first = not (_names(self.expression) & gradients)
        target = _target(statement)
        self.a_term = sum(_target(s) == target for s in ast.walk(tree)) > 1

    def mutants(self) -> list[Mutant]:
        before, whole = ast.unparse(self.statement), ast.unparse(self.tree)
        found, values = [], []
        for kind, codes, expression in self.changes():
            if self.a_term:
                codes = codes | {"missing-term", "extra-term"}
            value = self.evaluated(expression)
            if value is None or (
                value.shape == self.value.shape and _same(value, self.value, _ROUNDING)
            ):
                continue
            self.statement.value = expression
            after, line = ast.unparse(self.statement), self.statement.lineno
            self.statement.value = self.expression
            source = _with_line(whole, line, after)
            found.append(Mutant(kind, self.name, frozenset(codes), before, after, line, source))
            values.append(value)
        return [
            replace(mutant, codes=frozenset().union(*(
                other.codes for other, there in zip(found, values, strict=True)
                if _same(value, there, _SAME)
            )))
            for mutant, value in zip(found, values, strict=True)
        ]  # fmt: skip

    def evaluated(self, expression: ast.expr) -> Any:
        """The value of an expression in place of this line's, ``None`` where NumPy refuses."""
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
        for node, inside in _walk(self.expression, self.scalar, in_factor=False):
            for kind, codes, changed in self.changes_of(node, inside):
                yield kind, codes, _with(self.expression, node, changed)
            if isinstance(node, ast.Name) and not (inside and node.id in seen):
                seen.add(node.id)
                yield from self.other_arrays(node, inside)

    # Mistakes in the line as a whole

    def whole_line(self) -> Iterator[Change]:
        line = self.expression
        if self.a_term:
            yield "lost term", {"missing-term"}, ast.Constant(0)
        yield "sign", {"sign"}, _negative(line)
        loss = {"different-loss"} if self.first else set()
        for factor in ("2", "0.5", repr(RATE)):
            yield "factor", {"scale"} | loss, _parse(f"{factor} * _", line)
        for size in self.sizes():
            yield "factor", {"scale", "sum-for-mean"} | loss, _parse(f"_ * {size}", line)
            yield "factor", {"scale", "mean-for-sum"} | loss, _parse(f"_ / {size}", line)
        if self.value.ndim == 2:
            yield "transposed", {"transpose"}, _parse("_.T", line)
        if self.value.ndim:
            yield "summed too far", {"extra-reduction"}, _parse("_.sum(axis=0)", line)
            yield "another shape", {"shape"}, _parse("_[None]", line)
        if self.value.ndim == 1:
            yield "another shape", {"shape"}, _parse("_.reshape(-1, 1)", line)
        for slope in self.extra_slopes():
            yield "extra factor", {"extra-factor"}, _parse("_ * __", line, slope)
        if self.name in self.params and self.name not in _names(line) and self.value.ndim == 2:
            decay = ast.Name(self.name, ast.Load())
            yield "extra term", {"extra-term"}, _parse(f"_ + {DECAY} * __", line, decay)

    def sizes(self) -> list[str]:
        return [n for n in ("N", "K") if isinstance(self.known.get(n), int)]

    def extra_slopes(self) -> Iterator[ast.expr]:
        """Local derivatives of this line's shape: those of all lines, and σ′ of probabilities."""
        seen = set()
        for statement in ast.walk(self.tree):
            if _target(statement) in self.gradients:
                slope = self.slope_of(statement.value)  # type: ignore[attr-defined]
                if slope is not None and ast.unparse(slope) not in seen:
                    value = self.evaluated(slope)
                    if value is not None and value.shape == self.value.shape:
                        seen.add(ast.unparse(slope))
                        yield slope
        if self.first:
            for name in sorted(_names(self.expression)):
                value = np.asarray(self.known[name])
                fits = value.shape == self.value.shape and self.line_of(name) > 0
                if fits and np.all((value > 0) & (value < 1)):
                    yield _parse(f"{name} * (1 - {name})")

    def slope_of(self, expression: ast.expr) -> ast.expr | None:
        """The elementwise factors of a product that are no upstream gradient, if it has both."""
        factors = [f for f, power in _factors(expression) if power == 1 and not self.scalar(f)]
        local = [f for f in factors if not _names(f) & self.gradients]
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
                        changed = _with(node, side, _parse("_.T", side))
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
        for name in sorted(self.known.keys() - _names(self.expression)):
            value = self.known[name]
            if not isinstance(value, np.ndarray) or value.shape != here.shape:
                continue
            if (name in self.gradients) != gradient or self.line_of(name) >= line:
                continue
            other = ast.Name(name, ast.Load())
            if gradient:
                codes = {"wrong-operand", "missing-factor", "extra-factor"}
                yield "another gradient", codes, _with(self.expression, node, other)
            elif in_factor:
                codes = {"wrong-factor", "wrong-operand"}
                yield "slope of another array", codes, _renamed(self.expression, node.id, name)
            else:
                yield "another array", {"wrong-operand"}, _with(self.expression, node, other)
        update = next((v for v in self.gradients if self.is_gradient_of(v, node.id)), None)
        if update is not None and self.line_of(update) < line:
            updated = _parse(f"({node.id} - {RATE} * {update})")
            yield "updated weight", {"updated-value"}, _with(self.expression, node, updated)

    def is_gradient_of(self, variable: str, name: str) -> bool:
        return name in self.params and _returned(self.tree).get(name) == variable

    def line_of(self, name: str) -> int:
        """The last line that assigns a name, 0 if none does."""
        lines = [
            s.lineno  # type: ignore[attr-defined]
            for s in ast.walk(self.tree)
            if _target(s) == name
        ]
        return max(lines, default=0)

    def terms(self, node: ast.BinOp, factor: set[str]) -> Iterator[Change]:
        """A sum: a term lost, doubled, with the other sign; a difference turned round."""
        plus = isinstance(node.op, ast.Add)
        negative = node.right if plus else _negative(node.right)
        if isinstance(node.left, ast.Constant):  # 1 - a**2
            yield "lost term", {"missing-term"} | factor, node.right
        else:
            yield "lost term", {"missing-term"} | factor, negative
        yield "lost term", {"missing-term"} | factor, node.left
        for side in (node.left, node.right):
            if not isinstance(side, ast.Constant):
                codes = {"extra-term", "scale"} | factor
                yield "doubled term", codes, _with(node, side, _parse("2 * _", side))
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
        gone = {id(f) for f, _ in _factors(slope)}
        kept = [(f, power) for f, power in _factors(product) if id(f) not in gone]
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
        yield ("mean for sum" if is_sum else "sum for mean"), codes, _call(node, func=func)
        options = {k.arg: k for k in node.keywords}
        axis = options.get("axis")
        if axis is not None:
            rest = [k for k in node.keywords if k is not axis]
            codes = {"extra-reduction"} | factor
            yield "summed too far", codes, _call(node, keywords=rest)
            if isinstance(axis.value, ast.Constant):
                other = ast.keyword("axis", ast.Constant(0 if axis.value.value else 1))
                codes = {"wrong-axis"} | factor
                yield "wrong axis", codes, _call(node, keywords=[other, *rest])
            keep = options.get("keepdims")
            if keep is None:
                keywords = [*node.keywords, ast.keyword("keepdims", ast.Constant(True))]
                yield "another shape", {"shape"}, _call(node, keywords=keywords)
            else:
                codes = {"shape", "wrong-axis", "axis-order"} | factor
                rest = [k for k in node.keywords if k is not keep]
                yield "lost keepdims", codes, _call(node, keywords=rest)

    def scalar(self, expression: ast.expr) -> bool:
        """Whether an expression is one number: a constant, or made of names of numbers."""
        return all(np.ndim(self.known.get(n, 0)) == 0 for n in _names(expression) - {"np"})


_SLOPES = ("x * (1 - x)", "1 - x ** 2", "x > 0", "1 - np.tanh(x) ** 2")


def _other_activations(slope: ast.expr) -> list[ast.expr]:
    """The local derivatives of other activations, if this is that of one."""
    for name in _names(slope) - {"np"}:
        texts = [ast.unparse(_renamed(ast.parse(t, mode="eval").body, "x", name)) for t in _SLOPES]
        if ast.unparse(slope) in texts:
            return [_parse(text) for text in texts]
    return []


def _renamed(expression: ast.expr, old: str, new: str) -> Any:
    """A copy of an expression in which a name is another."""
    places = [n for n in ast.walk(expression) if isinstance(n, ast.Name) and n.id == old]
    for _ in places:
        place = next(n for n in ast.walk(expression) if isinstance(n, ast.Name) and n.id == old)
        expression = _with(expression, place, ast.Name(new, ast.Load()))
    return expression


def _walk(
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
            yield from _walk(child, scalar, factor)
        elif isinstance(child, ast.keyword):
            continue


def _factors(expression: ast.expr) -> list[tuple[ast.expr, int]]:
    """The factors of a product, each with the power 1 or -1."""
    if isinstance(expression, ast.BinOp) and isinstance(expression.op, ast.Mult):
        return _factors(expression.left) + _factors(expression.right)
    if isinstance(expression, ast.BinOp) and isinstance(expression.op, ast.Div):
        return _factors(expression.left) + [(f, -p) for f, p in _factors(expression.right)]
    return [(expression, 1)]


def _names(expression: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)}


def _with(node: Any, old: ast.AST, new: ast.AST) -> Any:
    """A copy of an expression in which one part is another."""
    if node is old:
        return new
    if isinstance(node, list):
        return [_with(each, old, new) for each in node]
    if isinstance(node, ast.AST):
        return type(node)(**{name: _with(v, old, new) for name, v in ast.iter_fields(node)})
    return node


def _parse(text: str, *parts: ast.expr) -> ast.expr:
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


def _negative(expression: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.USub(), expression)


def _call(node: ast.Call, func: Any = None, keywords: Sequence[ast.keyword] | None = None) -> Any:
    return ast.Call(
        func or node.func, node.args, list(node.keywords if keywords is None else keywords)
    )


def _same(a: Any, b: Any, tolerance: float) -> bool:
    """Whether two arrays cannot be told apart, but for axes of size 1."""
    a, b = np.squeeze(a), np.squeeze(b)
    if a.shape != b.shape:
        return False
    with np.errstate(invalid="ignore"):
        size = np.max(np.abs(b), initial=0.0)
        near = (np.abs(1.0 * a - b) <= tolerance * size) | (a == b)
        return bool(np.all(near | (np.isnan(a) & np.isnan(b))))


def rewritten(manual: Pass, params: Mapping[str, Any], rng: np.random.Generator) -> Pass:
    """A backward pass that computes the same gradients in other arithmetic.

    Products and sums are taken in another order, products are distributed over sums, a
    division becomes a multiplication, matrix products are transposed, sums run backwards:
    each where a coin says so.

    Arguments:
        manual: as for ``mutants``.
        params: its arguments.
        rng: the coins.
    """
    tree = _read(manual, params)[0]
    other: Pass = compiled(ast.unparse(_Rewritten(rng).visit(tree)), _names_of(manual))
    return other


class _Rewritten(ast.NodeTransformer):
    """Algebraic identities, each applied to about half of the places where it holds."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if self.rng.random() < 0.5:
            return node
        left, right = node.left, node.right
        match node.op:
            case ast.Add():
                return _parse("__ + _", left, right)
            case ast.Sub():
                return _parse("-(__ - _)", left, right)
            case ast.Mult() if isinstance(right, ast.BinOp) and isinstance(right.op, ast.Sub):
                return _parse("_ * __ - _ * ___", left, right.left, right.right)
            case ast.Mult() if isinstance(left, ast.BinOp) and isinstance(left.op, ast.Mult):
                return _parse("_ * (__ * ___)", left.left, left.right, right)
            case ast.Mult():
                return _parse("__ * _", left, right)
            case ast.Div():
                return _parse("_ * (1 / __)", left, right)
            case ast.MatMult():
                return _parse("(__.T @ _.T).T", left, right)
            case ast.Pow() if isinstance(right, ast.Constant) and right.value == 2:
                return _parse("_ * _", left)
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        sums = isinstance(node.func, ast.Attribute) and node.func.attr == "sum" and not node.args
        return _backwards(node) if sums and self.rng.random() < 0.5 else node


def _backwards(node: ast.Call) -> ast.expr:
    """A sum over an axis, from the other end."""
    assert isinstance(node.func, ast.Attribute)
    axes = [k.value.value for k in node.keywords if isinstance(k.value, ast.Constant)]
    if not axes or axes[0] not in (0, 1):
        return node
    array = _parse("_[:, ::-1]" if axes[0] else "_[::-1]", node.func.value)
    backwards: ast.expr = _call(node, func=ast.Attribute(array, "sum", ast.Load()))
    return backwards
