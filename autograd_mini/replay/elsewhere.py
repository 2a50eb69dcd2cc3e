"""A recorded function as one of JAX's or PyTorch's: its source, run by their NumPy functions."""

from __future__ import annotations

import ast
import importlib
import math
from types import ModuleType

import numpy as np

from autograd_mini.replay.source import Source, source
from autograd_mini.trees import leaves, paths, rebuild
from autograd_mini.typing import Function, Operand, Tree


def to_jax(f: Function, *args: Tree, **kwargs: Tree) -> Function:
    """The value and the gradients of a function, in JAX.

    It is what ``source`` writes, with ``jax.numpy`` for NumPy; so it can be given to ``jax.jit``
    and ``jax.vmap``.  It is run once, on these arguments, and its numbers are compared.

    Arguments:
        f, args, kwargs: as for ``source``: a function, and arrays of the shapes that it is for.

    Returns:
        A function of the arguments that gives the value and a dict of gradients by their names.

    Raises:
        ImportError: JAX is not installed.
        TypeError: the source is no code that JAX runs: it writes into arrays, or takes numbers
            alone, which have no arrays.
        ValueError: JAX gives other numbers.

        step = jax.jit(ag.to_jax(loss, w, x))
        value, gradients = step(w, x)
    """
    import jax.scipy.special as special  # which is no dependency
    from jax import jit, numpy

    def scatter(g: Operand, index: Operand, shape: tuple[int, ...]) -> Operand:
        return numpy.zeros(shape, g.dtype).at[index].add(g)

    program = source(f, *args, **kwargs)
    made = _translated("to_jax", program, numpy, scatter, special.erf, special.erfc)
    _verify("to_jax", "JAX", jit(made), program, args, kwargs)
    return made


def to_torch(f: Function, *args: Tree, **kwargs: Tree) -> Function:
    """The value and the gradients of a function, in PyTorch.

    It is what ``source`` writes, run by the NumPy functions that PyTorch has for its tensors; so
    what it gives can be differentiated by PyTorch, and stays on the tensors' device.  It is run
    once, on these arguments, and its numbers are compared.

    Arguments:
        f, args, kwargs: as for ``source``: a function, and arrays of the shapes that it is for.

    Returns:
        A function of tensors, or trees of them, that gives the value and a dict of gradients by
        their names, as tensors.

    Raises:
        ImportError: PyTorch is not installed.
        TypeError: the source is no code that PyTorch runs, or takes numbers alone.
        ValueError: PyTorch gives other numbers.

        step = ag.to_torch(loss, w, x)
        value, gradients = step(torch.tensor(w), torch.tensor(x))
    """
    import torch  # which is no dependency

    numpy = importlib.import_module("torch._numpy")  # which torch.compile puts for NumPy
    asarray: Function = numpy.asarray

    def scatter(g: Operand, index: Operand, shape: tuple[int, ...]) -> Operand:
        places = numpy.arange(math.prod(shape)).reshape(shape)[index].tensor
        shares = torch.broadcast_to(g.tensor, places.shape).reshape(-1)
        total = torch.zeros(math.prod(shape), dtype=shares.dtype, device=shares.device)
        total = total.index_add(0, places.reshape(-1).to(shares.device), shares)
        return asarray(total.reshape(shape))

    def erf(x: Operand) -> Operand:
        return asarray(torch.erf(x.tensor))

    def erfc(x: Operand) -> Operand:
        return asarray(torch.erfc(x.tensor))

    program = source(f, *args, **kwargs)
    made = _translated("to_torch", program, numpy, scatter, erf, erfc)

    def in_torch(*args: Tree, **kwargs: Tree) -> Tree:
        given = (args, kwargs)
        args, kwargs = rebuild(given, map(asarray, leaves(given)))
        found = made(*args, **kwargs)
        return rebuild(found, (asarray(number).tensor for number in leaves(found)))

    _verify("to_torch", "PyTorch", in_torch, program, args, kwargs)
    return in_torch


def _translated(name: str, program: Source, numpy: ModuleType, *missing: Function) -> Function:
    """The function that a source defines, with another module for NumPy.

    Arguments:
        missing: functions that the source defines by what the module has not.
    """
    text = _Arrays().visit(ast.parse(program))
    imports = [each.names[0] for each in text.body if isinstance(each, ast.Import)]
    if "numpy" not in (each.name for each in imports):
        raise TypeError(f"{name} takes functions of arrays: this one computes with numbers alone")
    imports[-1].name = numpy.__name__
    scope = {function.__name__: function for function in missing}
    text.body = [each for each in text.body if _defined(each) not in scope]
    scope |= {called: numpy.asarray(array) for called, array in program.around.items()}
    exec(compile(ast.fix_missing_locations(text), f"<source for {name}>", "exec"), scope)
    made: Function = scope[program.function]
    return made


def _defined(statement: ast.stmt) -> str:
    """The name that a statement of a module defines."""
    match statement:
        case ast.FunctionDef(name) | ast.Assign([ast.Name(name)]):
            return name
    return ""


class _Arrays(ast.NodeTransformer):
    """A list that is an index as an array, for JAX takes no lists."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.slice, ast.Tuple):
            node.slice.elts = list(map(_as_array, node.slice.elts))
        else:
            node.slice = _as_array(node.slice)
        return node


def _as_array(part: ast.expr) -> ast.expr:
    if isinstance(part, ast.List):
        return ast.Call(ast.Attribute(ast.Name("np", ast.Load()), "array", ast.Load()), [part], [])
    return part


def _verify(
    name: str, library: str, run: Function, program: Source, args: Tree, kwargs: Tree
) -> None:
    """See to it that another library gives the numbers of the source.

    Raises:
        TypeError: it does not run it.
        ValueError: it gives others.
    """
    try:
        found = run(*args, **kwargs)
    except (TypeError, AttributeError, NotImplementedError, RuntimeError, ValueError) as error:
        raise TypeError(f"{name}: {library} does not run this source: {error}") from error
    numbers = dict(zip(paths(found), map(np.asarray, leaves(found)), strict=True))
    exact = program.run()(*args, **kwargs)
    for path, right in zip(paths(exact), leaves(exact), strict=True):
        mine = numbers[path]
        eps = np.finfo(mine.dtype).eps
        size = np.max(np.abs(right), initial=1.0)
        if not np.allclose(mine, right, rtol=_ROUNDINGS * eps, atol=_ROUNDINGS * eps * size):
            raise ValueError(f"{name}: {library} gives {mine}, the source {right}")


_ROUNDINGS = 10_000
"""By how many roundings of the other's dtype, float32 for JAX by default, numbers may differ."""
