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
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from autograd_mini.check.frames import call_with_locals
from autograd_mini.testing.edits import (
    ROUNDINGS,
    Line,
    Mutant,
    Pass,
    call_like,
    compiled,
    names_around,
    names_of,
    parsed,
    returned_names,
    target_of,
    with_line,
)
from autograd_mini.typing import Array, Float


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
    variables = {variable: name for name, variable in returned_names(tree).items()}
    made_of_gradients = set(variables)
    for statement in ast.walk(tree):
        target = target_of(statement)
        if target and names_of(statement.value) & made_of_gradients:  # type: ignore[attr-defined]
            made_of_gradients.add(target)
    found = []
    for statement in ast.walk(tree):
        target = target_of(statement)
        if target in variables:
            line = Line(tree, statement, variables[target], made_of_gradients, known, set(params))
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
        with_line(second.source, first.line, first.after),
    )


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

    def gradient(passes: Callable[[Any], Pass], dtype: Float) -> Array:
        with np.errstate(all="ignore"):
            found = passes(dtype)(**{n: np.asarray(x, dtype)[()] for n, x in params.items()})
        return np.asarray(found[name], dtype)

    there, here = gradient(right, np.longdouble), gradient(wrong, np.longdouble)
    if there.shape != here.shape:
        return True
    rounding = np.max(np.abs(gradient(right, np.float64) - there), initial=0.0)
    rounding += np.finfo(np.float64).eps * np.max(np.abs(there), initial=0.0)
    return not np.max(np.abs(here - there), initial=0.0) <= ROUNDINGS * rounding


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
    written_out = compiled(ast.unparse(tree), names_around(manual))
    names = call_with_locals(written_out, dict(params))[1]
    closure = inspect.getclosurevars(written_out)
    return tree, {"np": np, **closure.builtins, **closure.globals, **names}


def _source(function: Callable[..., Any]) -> str:
    try:
        return getattr(function, "source", None) or textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError) as error:
        raise ValueError(f"the source of {function!r} cannot be read: {error}") from None


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
    other: Pass = compiled(ast.unparse(Rewritten(rng).visit(tree)), names_around(manual))
    return other


class Rewritten(ast.NodeTransformer):
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
                return parsed("__ + _", left, right)
            case ast.Sub():
                return parsed("-(__ - _)", left, right)
            case ast.Mult() if isinstance(right, ast.BinOp) and isinstance(right.op, ast.Sub):
                return parsed("_ * __ - _ * ___", left, right.left, right.right)
            case ast.Mult() if isinstance(left, ast.BinOp) and isinstance(left.op, ast.Mult):
                return parsed("_ * (__ * ___)", left.left, left.right, right)
            case ast.Mult():
                return parsed("__ * _", left, right)
            case ast.Div():
                return parsed("_ * (1 / __)", left, right)
            case ast.MatMult():
                return parsed("(__.T @ _.T).T", left, right)
            case ast.Pow() if isinstance(right, ast.Constant) and right.value == 2:
                return parsed("_ * _", left)
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
    array = parsed("_[:, ::-1]" if axes[0] else "_[::-1]", node.func.value)
    backwards: ast.expr = call_like(node, func=ast.Attribute(array, "sum", ast.Load()))
    return backwards
