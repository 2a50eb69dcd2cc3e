"""Functions of functions: derivatives of plain NumPy-style functions, to any order.

Every function here takes ``f`` and gives a function of the same arguments.  Arguments
may be numbers, arrays, and dicts, lists and tuples of them, nested at will; what comes
back is arranged as the argument is.  Plain arguments give plain results; Tensors and
Values give Tensors and Values, so that the derivative of a derivative is written as it
is said.  A Tensor that ``f`` brings in from outside is a constant to a plain call; where the
result is to be differentiated with respect to it, as in a penalty on slopes, ``f`` is called
with Tensors.  Inside ``f`` a plain argument is a Tensor: a function that brings in Values of
its own is given Values.

>>> import numpy as np
>>> grad(np.tanh)(0.0)
1.0
>>> grad(grad(grad(np.tanh)))(0.0)
-2.0
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from autograd_mini.core import modes
from autograd_mini.core.graph import is_node, push_forward, sweep_gradients, topological_order
from autograd_mini.core.tensor import Tensor
from autograd_mini.core.value import Value
from autograd_mini.interface import independence
from autograd_mini.other_libraries import refuse_options
from autograd_mini.trees import leaves, paths, rebuild
from autograd_mini.typing import Function, Tree

Argnums = int | Sequence[int]


def grad(f: Function, argnums: Argnums = 0, **more: object) -> Function:
    """The gradient of a function that returns one number.

    Arguments:
        f: a function of NumPy-style code that returns a number, a 0-d array or a node.
        argnums: which positional argument, or arguments, to differentiate.

    Returns:
        A function of the same arguments that gives the gradient, arranged as the argument
        is; a tuple of gradients if ``argnums`` is a sequence.

    Raises:
        ValueError: ``f`` returned more than one number; ``jacobian`` takes those.
        TypeError: ``f`` returned something that is no number.

    >>> def energy(p):
    ...     return p["m"] * np.sum(p["v"] ** 2) / 2
    >>> grad(energy)({"m": 2.0, "v": np.array([1.0, 3.0])})
    {'m': 5.0, 'v': array([2., 6.])}
    """
    if more:
        refuse_options("grad", more)
    _check_function("grad", f)

    def gradient(*args: Tree, **kwargs: Tree) -> Tree:
        return value_and_grad(f, argnums)(*args, **kwargs)[1]

    gradient.differentiates = f, argnums, False  # type: ignore[attr-defined]  # for compile()
    return gradient


def value_and_grad(f: Function, argnums: Argnums = 0, **more: object) -> Function:
    """The value of a function together with its gradient, from one recording.

    Arguments, errors: as for ``grad``.

    >>> value_and_grad(lambda x, y: x * y, argnums=(0, 1))(2.0, 3.0)
    (6.0, (3.0, 2.0))
    """
    if more:
        refuse_options("value_and_grad", more)
    _check_function("value_and_grad", f)

    def value_and_gradient(*args: Tree, **kwargs: Tree) -> tuple[Any, Any]:
        call = _Call(f, argnums, args, kwargs)
        out = call.out
        if not isinstance(out, Value | Tensor):
            out = _as_output(out, "grad")
        if isinstance(out, Tensor) and out.size != 1:
            raise ValueError(
                f"grad needs a function that returns one number; it returned shape {out.shape}: "
                "reduce it, with np.sum for example, or use jacobian"
            )
        call.warn_of_independence()
        return call.plain(out), call.arranged(call.gradients(out, None))

    value_and_gradient.differentiates = f, argnums, True  # type: ignore[attr-defined]
    return value_and_gradient


def vjp(f: Function, *primals: Tree) -> tuple[Any, Function]:
    """The value of a function, and the function that multiplies its Jacobian from the left.

    Returns:
        ``f(*primals)`` and a function of an upstream gradient (of the output's shape) that
        gives the vector–Jacobian product for each of ``primals``, as a tuple.

    >>> out, pull = vjp(lambda x: x**2, np.array([1.0, 2.0, 3.0]))
    >>> pull(np.array([1.0, 0.0, 1.0]))
    (array([2., 0., 6.]),)
    """
    _check_function("vjp", f)
    call = _Call(f, tuple(range(len(primals))), primals, {})
    out = call.out if isinstance(call.out, Value | Tensor) else _as_output(call.out, "vjp")

    call.warn_of_independence()

    def pull(gradient: Tree) -> Tree:
        call.keep = call.keep or isinstance(gradient, Value | Tensor)
        return call.arranged(call.gradients(out, gradient))

    value = call.plain(out)  # the sweep may need the array as it is
    return value.copy() if isinstance(value, np.ndarray) else value, pull


def jvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """The value of a function, and its derivative in a direction.

    The tangents are pushed forward through the recorded graph, operation by operation.

    Arguments:
        primals: the arguments of ``f``, as a tuple or list.
        tangents: the direction, one for each primal and arranged as it is: the same keys,
            lengths and shapes.

    Raises:
        ValueError: a tangent has other keys, another length or another shape than its primal.
        TypeError: a tangent is arranged in another way, or the primals are no tuple.

    >>> jvp(lambda x: x**2, (np.array([1.0, 2.0]),), (np.array([1.0, 10.0]),))
    (array([1., 4.]), array([ 2., 40.]))
    """
    _check_function("jvp", f)
    vectors = _tangents("jvp", primals, tangents)
    call = _Call(f, tuple(range(len(primals))), tuple(primals), {})
    out = call.out if isinstance(call.out, Value | Tensor) else _as_output(call.out, "jvp")
    call.keep = call.keep or any(isinstance(v, Value | Tensor) for v in vectors)
    moving = {x: _as_tangent(x, vector) for x, vector in zip(call.inputs, vectors, strict=True)}
    with modes.recorded():
        tangent = push_forward(out, moving, call.keep)
    call.warn_of_independence()
    if tangent is None:  # the output depends on no primal
        tangent = out.zero()
    return call.plain(out), call.like(call.plain(out), tangent)


def jacobian(f: Function, argnums: int = 0, **more: object) -> Function:
    """The Jacobian of a function that returns an array, one reverse sweep for each element.

    Returns:
        A function of the same arguments.  For an output of shape ``m`` and an argument of
        shape ``n`` it gives an array of shape ``m + n`` (arranged as the argument is).

    >>> jacobian(lambda x: x * np.sum(x))(np.array([1.0, 2.0]))
    array([[4., 1.],
           [2., 5.]])
    """
    if more:
        refuse_options("jacobian", more)
    _check_function("jacobian", f)

    def jacobian_of_f(*args: Tree, **kwargs: Tree) -> Tree:
        call = _Call(f, argnums, args, kwargs)
        out = call.out if isinstance(call.out, Value | Tensor) else _as_output(call.out, "jacobian")
        call.warn_of_independence()
        if isinstance(out, Value):
            return call.arranged(call.gradients(out, None))
        rows = []
        for index in range(out.size):
            basis = np.zeros(out.size, out.dtype)
            basis[index] = 1
            rows.append(call.gradients(out, basis.reshape(out.shape)))
        stacked = []
        for index, x in enumerate(call.inputs):
            shape = out.shape + np.shape(_data(x))
            column = [row[index] for row in rows]
            stacked.append(np.reshape(np.stack(column), shape) if rows else np.zeros(shape))
        return call.arranged(stacked)

    return jacobian_of_f


def hessian(f: Function, argnums: int = 0, **more: object) -> Function:
    """The matrix of second derivatives of a function that returns one number.

    Returns:
        A function of the same arguments that gives an array of shape ``n + n`` for an
        argument of shape ``n``.  The argument is a number or an array.

    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 5.0]))
    array([[10.,  6.],
           [ 6.,  0.]])
    """
    if more:
        refuse_options("hessian", more)
    return jacobian(grad(f, argnums), argnums)


def hvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> Tree:
    """The Hessian of a scalar function times a vector, without forming the Hessian.

    Arguments:
        primals: the arguments of ``f``, as a tuple or list.
        tangents: the vector, one part for each primal and arranged as it is: the same keys,
            lengths and shapes.

    Returns:
        A tuple of products, one for each primal and arranged as it is.

    Raises:
        ValueError: a tangent has other keys, another length or another shape than its primal.
        TypeError: a tangent is arranged in another way, or the primals are no tuple.

    >>> hvp(lambda x: np.sum(x**3), (np.array([1.0, 2.0]),), (np.array([1.0, 1.0]),))
    (array([ 6., 12.]),)
    """
    _check_function("hvp", f)
    vectors = _tangents("hvp", primals, tangents)

    def along(*args: Tree) -> Tree:
        slopes = grad(f, tuple(range(len(args))))(*args)
        return _inner(leaves(slopes), vectors)

    return grad(along, tuple(range(len(primals))))(*primals)


def _check_function(name: str, f: Tree) -> None:
    """Refuse what is no function, as the result of one is not.

    >>> _check_function("grad", Tensor(3.0))
    Traceback (most recent call last):
    TypeError: grad takes a function, not a Tensor: write ag.gradients(result, nodes) for a result
    """
    if not callable(f):
        raise TypeError(
            f"{name} takes a function, not a {type(f).__name__}: write ag.gradients(result, nodes) "
            "for a result"
        )


class _Call:
    """One recorded call of ``f``: its output, and the nodes to differentiate with respect to.

    Each differentiated argument becomes a node of its own, even if it is one already:
    ``f`` may use the same node in another way, and that way is not this argument's.
    """

    def __init__(
        self, f: Function, argnums: Argnums, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self.f = f
        self.argnums = argnums
        self.chosen = (argnums,) if isinstance(argnums, int) else tuple(argnums)
        for number in self.chosen:
            if not -len(args) <= number < len(args):
                raise ValueError(
                    f"argnums={argnums} names positional argument {number}, but the function was "
                    f"called with {len(args)} positional arguments"
                )
        self.count = len(args)
        self.given = tuple(args[number] for number in self.chosen)
        self.holds_a_derivative = False  # whether ``f`` differentiates what depends on its inputs
        with modes.recorded():
            self.inputs = [_as_input(leaf) for leaf in leaves(self.given)]
            replaced = rebuild(self.given, iter(self.inputs))
            called = list(args)
            for number, argument in zip(self.chosen, replaced, strict=True):
                called[number] = argument
            _under_way.append(self)
            try:
                self.out = f(*called, **kwargs)
            finally:
                _under_way.remove(self)
        self.keep = any(map(is_node, leaves((args, list(kwargs.values())))))
        """Whether results stay nodes: an argument is one, or ``f`` uses an argument of a
        function that is being differentiated around this call."""
        self.reached = set(topological_order(self.out)) if is_node(self.out) else set()
        for outer in _under_way:
            if not self.reached.isdisjoint(outer.inputs):
                self.keep = outer.holds_a_derivative = True

    def warn_of_independence(self) -> None:
        """Warn that a gradient is 0 because ``out`` does not depend on an argument.

        The derivative of a derivative is 0 wherever ``f`` is linear, and nothing is said.
        """
        if self.holds_a_derivative or self.reached.issuperset(self.inputs):
            return
        names = [
            f"argument {number % self.count}{path}"
            for number, argument in zip(self.chosen, self.given, strict=True)
            for path in paths(argument)
        ]
        things = [
            name if np.shape(x.data) == () else f"{name} (shape {np.shape(x.data)})"
            for name, x in zip(names, self.inputs, strict=True)
            if x not in self.reached
        ]
        name = getattr(self.f, "__name__", type(self.f).__name__)
        independence.warn(f"the result of {name}", things, self.f)
        for outer in _under_way:
            outer.holds_a_derivative = True  # its zero has been explained

    def gradients(self, out: Tree, gradient: Tree) -> list[Any]:
        return sweep_gradients(out, self.inputs, self.keep, gradient)

    def plain(self, result: Tree) -> Tree:
        if self.keep or not isinstance(result, Value | Tensor | np.ndarray | np.generic):
            return result
        array = _data(result)
        return float(array) if np.ndim(array) == 0 else array

    def like(self, primal: Tree, result: Tree) -> Tree:
        """A derivative; as a node if its primal is one, also where it is constant."""
        result = self.plain(result)
        return type(primal)(result) if is_node(primal) and not is_node(result) else result

    def arranged(self, results: Sequence[Any]) -> Tree:
        built = rebuild(self.given, map(self.like, leaves(self.given), results))
        return built[0] if isinstance(self.argnums, int) else built


_under_way: list[_Call] = []
"""The calls whose function is being run, in all threads, the innermost of each last."""


def _as_input(leaf: Tree) -> Tree:
    return +leaf if isinstance(leaf, Value | Tensor) else Tensor(leaf)


def _as_tangent(x: Tree, vector: Tree) -> Tree:
    """A tangent of a node, of its kind and dtype."""
    if isinstance(x, Value):
        return vector if is_node(vector) else float(vector)
    vector = vector if is_node(vector) else np.asarray(vector)
    return vector if vector.dtype == x.dtype else vector.astype(x.dtype)


def _tangents(what: str, primals: Tree, tangents: Tree) -> list[Any]:
    """The leaves of the tangents in the order of the primals' leaves, which they must fit."""
    for name, arguments in (("primals", primals), ("tangents", tangents)):
        if not isinstance(arguments, list | tuple):
            raise TypeError(
                f"{what}: {name} are a tuple, one for each argument of the function, not "
                f"{_kind(arguments)}: write {what}(f, (x,), (v,))"
            )
    return list(_fitting(what, "", tuple(primals), tuple(tangents)))


def _fitting(what: str, path: str, primal: Tree, tangent: Tree) -> Iterator[Any]:
    if isinstance(primal, dict | list | tuple):
        if type(tangent) is not type(primal):
            raise TypeError(
                f"{what}: primal{path} is {_kind(primal)}, its tangent {_kind(tangent)}; they must "
                "be arranged in the same way"
            )
        keys = list(primal) if isinstance(primal, dict) else range(len(primal))
        others = list(tangent) if isinstance(primal, dict) else range(len(tangent))
        if set(keys) != set(others):
            found = f"keys {list(keys)}", f"{list(others)}"
            if not isinstance(primal, dict):
                found = f"{len(primal)} parts", f"{len(tangent)}"
            raise ValueError(
                f"{what}: primal{path or 's'} of {found[0]} cannot take tangents of {found[1]}: "
                "give one tangent for each primal"
            )
        for key in keys:
            yield from _fitting(what, f"{path}[{key!r}]", primal[key], tangent[key])
        return
    shapes = np.shape(_data(primal)), np.shape(_data(tangent))
    if isinstance(tangent, dict | list | tuple):
        raise TypeError(
            f"{what}: primal{path} is {_kind(primal)}, its tangent {_kind(tangent)}: write an array"
        )
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"{what}: primal{path} has shape {shapes[0]}, its tangent {shapes[1]}; they must be "
            "equal"
        )
    yield tangent


def _kind(argument: Tree) -> str:
    """A word for an argument in a message."""
    name = type(argument).__name__
    shape = np.shape(argument.data if is_node(argument) else argument)
    if isinstance(argument, dict | list | tuple) or not shape:
        return f"a {name}"
    return f"a {name} of shape {shape}"


def _inner(left: Sequence[Any], right: Sequence[Any]) -> Tree:
    """The sum of all elementwise products."""
    products = [x * y for x, y in zip(left, right, strict=True)]
    return sum(p if isinstance(p, Value) else np.sum(p) for p in products)


def _as_output(out: Tree, what: str) -> Tree:
    if isinstance(out, np.ndarray | float | int | np.generic):
        return Tensor(out)
    raise TypeError(
        f"{what} needs a function that returns a number, an array, a Tensor or a Value; it "
        f"returned {type(out).__name__}"
    )


def _data(leaf: Tree) -> Tree:
    return leaf.data if isinstance(leaf, Value | Tensor) else leaf
