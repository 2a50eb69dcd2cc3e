"""Functions of functions: derivatives of plain NumPy-style functions, to any order.

Every function here takes ``f`` and gives a function of the same arguments.  Arguments
may be numbers, arrays, and dicts, lists and tuples of them, nested at will; what comes
back is arranged as the argument is.  Plain arguments give plain results; Tensors and
Values give Tensors and Values, so that the derivative of a derivative is written as it
is said.  Inside ``f`` a plain argument is a Tensor: a function that brings in Values of its
own is given Values.

>>> import numpy as np
>>> grad(np.tanh)(0.0)
1.0
>>> grad(grad(grad(np.tanh)))(0.0)
-2.0
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd_mini import modes
from autograd_mini.graph import sweep_gradients, topological_order
from autograd_mini.tensor import Tensor
from autograd_mini.value import Value

Function = Callable[..., Any]
Argnums = int | Sequence[int]


def grad(f: Function, argnums: Argnums = 0) -> Function:
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

    def gradient(*args: Any, **kwargs: Any) -> Any:
        return value_and_grad(f, argnums)(*args, **kwargs)[1]

    return gradient


def value_and_grad(f: Function, argnums: Argnums = 0) -> Function:
    """The value of a function together with its gradient, from one recording.

    Arguments, errors: as for ``grad``.

    >>> value_and_grad(lambda x, y: x * y, argnums=(0, 1))(2.0, 3.0)
    (6.0, (3.0, 2.0))
    """

    def value_and_gradient(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        call = _Call(f, argnums, args, kwargs)
        out = call.out
        if not isinstance(out, Value | Tensor):
            out = _as_output(out, "grad")
        if isinstance(out, Tensor) and out.size != 1:
            raise ValueError(
                f"grad needs a function that returns one number; it returned shape {out.shape}: "
                "reduce it, with np.sum for example, or use jacobian"
            )
        return call.plain(out), call.arranged(call.gradients(out, None))

    return value_and_gradient


def vjp(f: Function, *primals: Any) -> tuple[Any, Function]:
    """The value of a function, and the function that multiplies its Jacobian from the left.

    Returns:
        ``f(*primals)`` and a function of an upstream gradient (of the output's shape) that
        gives the vector–Jacobian product for each of ``primals``, as a tuple.

    >>> out, pull = vjp(lambda x: x**2, np.array([1.0, 2.0, 3.0]))
    >>> pull(np.array([1.0, 0.0, 1.0]))
    (array([2., 0., 6.]),)
    """
    call = _Call(f, tuple(range(len(primals))), primals, {})
    out = call.out if isinstance(call.out, Value | Tensor) else _as_output(call.out, "vjp")

    def pull(gradient: Any) -> Any:
        call.keep = call.keep or isinstance(gradient, Value | Tensor)
        return call.arranged(call.gradients(out, gradient))

    return call.plain(out), pull


def jvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """The value of a function, and its derivative in a direction.

    The vector–Jacobian product is linear in its vector; differentiating it with respect
    to that vector gives the Jacobian–vector product, with no rules but those of the
    reverse sweep.  (J. Townsend, "A new trick for calculating Jacobian vector products",
    2017.)

    Arguments:
        primals: the arguments of ``f``.
        tangents: the direction, one for each primal and arranged as it is.

    >>> jvp(lambda x: x**2, (np.array([1.0, 2.0]),), (np.array([1.0, 10.0]),))
    (array([1., 4.]), array([ 2., 40.]))
    """
    call = _Call(f, tuple(range(len(primals))), tuple(primals), {})
    out = call.out if isinstance(call.out, Value | Tensor) else _as_output(call.out, "jvp")
    vectors, shapes = _leaves(tuple(tangents)), [np.shape(_data(x)) for x in call.inputs]
    if [np.shape(_data(v)) for v in vectors] != shapes:
        raise ValueError(
            f"jvp: tangents of shapes {[np.shape(_data(v)) for v in vectors]} do not fit primals "
            f"of shapes {shapes}"
        )
    call.keep = call.keep or any(isinstance(v, Value | Tensor) for v in vectors)
    # Any cotangent does, since the product is linear in it; 0 would hide infinite derivatives.
    cotangent = type(out)(np.ones_like(out.data) if isinstance(out, Tensor) else 1.0)
    with modes.recorded():
        pulled = sweep_gradients(out, call.inputs, True, cotangent)
        total = _inner(pulled, vectors)
    if not isinstance(total, Value | Tensor):  # the output depends on no primal
        return call.plain(out), call.plain(out.zero())
    tangent = sweep_gradients(total, [cotangent], call.keep, None)[0]
    call.close()
    return call.plain(out), call.plain(tangent)


def jacobian(f: Function, argnums: int = 0) -> Function:
    """The Jacobian of a function that returns an array, one reverse sweep for each element.

    Returns:
        A function of the same arguments.  For an output of shape ``m`` and an argument of
        shape ``n`` it gives an array of shape ``m + n`` (arranged as the argument is).

    >>> jacobian(lambda x: x * np.sum(x))(np.array([1.0, 2.0]))
    array([[4., 1.],
           [2., 5.]])
    """

    def jacobian_of_f(*args: Any, **kwargs: Any) -> Any:
        call = _Call(f, argnums, args, kwargs)
        out = call.out if isinstance(call.out, Value | Tensor) else _as_output(call.out, "jacobian")
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


def hessian(f: Function, argnums: int = 0) -> Function:
    """The matrix of second derivatives of a function that returns one number.

    Returns:
        A function of the same arguments that gives an array of shape ``n + n`` for an
        argument of shape ``n``.  The argument is a number or an array.

    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 5.0]))
    array([[10.,  6.],
           [ 6.,  0.]])
    """
    return jacobian(grad(f, argnums), argnums)


def hvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """The Hessian of a scalar function times a vector, without forming the Hessian.

    Arguments:
        primals: the arguments of ``f``.
        tangents: the vector, one part for each primal and arranged as it is.

    Returns:
        A tuple of products, one for each primal and arranged as it is.

    >>> hvp(lambda x: np.sum(x**3), (np.array([1.0, 2.0]),), (np.array([1.0, 1.0]),))
    (array([ 6., 12.]),)
    """

    def along(*args: Any) -> Any:
        slopes = grad(f, tuple(range(len(args))))(*args)
        return _inner(_leaves(slopes), _leaves(tuple(tangents)))

    return grad(along, tuple(range(len(primals))))(*primals)


class _Call:
    """One recorded call of ``f``: its output, and the nodes to differentiate with respect to.

    Each differentiated argument becomes a node of its own, even if it is one already:
    ``f`` may use the same node in another way, and that way is not this argument's.
    """

    def __init__(
        self, f: Function, argnums: Argnums, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self.argnums = argnums
        chosen = (argnums,) if isinstance(argnums, int) else tuple(argnums)
        for number in chosen:
            if not -len(args) <= number < len(args):
                raise ValueError(
                    f"argnums={argnums} names positional argument {number}, but the function was "
                    f"called with {len(args)} positional arguments"
                )
        self.given = tuple(args[number] for number in chosen)
        leaves = _leaves(self.given)
        with modes.recorded():
            self.inputs = [_as_input(leaf) for leaf in leaves]
            replaced = _rebuild(self.given, iter(self.inputs))
            called = list(args)
            for number, argument in zip(chosen, replaced, strict=True):
                called[number] = argument
            self.out = f(*called, **kwargs)
        self.keep = any(isinstance(leaf, Value | Tensor) for leaf in leaves) or (
            isinstance(self.out, Value | Tensor)
            and any(map(self._comes_from_outside, topological_order(self.out)))
        )
        """Whether results stay nodes: an argument is one, or ``f`` uses one from outside."""

    def _comes_from_outside(self, node: Any) -> bool:
        if node.parents or any(node is x for x in self.inputs):
            return False
        return not (isinstance(node, _Argument) and node.done)

    def close(self) -> None:
        for x in self.inputs:
            if isinstance(x, _Argument):
                x.done = True

    def gradients(self, out: Any, gradient: Any) -> list[Any]:
        return sweep_gradients(out, self.inputs, self.keep, gradient)

    def plain(self, result: Any) -> Any:
        if self.keep or not isinstance(result, Value | Tensor | np.ndarray | np.generic):
            return result
        array = _data(result)
        return float(array) if np.ndim(array) == 0 else array

    def arranged(self, results: Sequence[Any]) -> Any:
        self.close()
        built = _rebuild(self.given, iter([self.plain(result) for result in results]))
        return built[0] if isinstance(self.argnums, int) else built


class _Argument(Tensor):
    """The leaf for a plain argument; ``done`` once the call that made it has its result."""

    __slots__ = ("done",)

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        self.done = False


def _as_input(leaf: Any) -> Any:
    return +leaf if isinstance(leaf, Value | Tensor) else _Argument(leaf)


def _inner(left: Sequence[Any], right: Sequence[Any]) -> Any:
    """The sum of all elementwise products."""
    products = [x * y for x, y in zip(left, right, strict=True)]
    return sum(p if isinstance(p, Value) else np.sum(p) for p in products)


def _as_output(out: Any, what: str) -> Any:
    if isinstance(out, np.ndarray | float | int | np.generic):
        return Tensor(out)
    raise TypeError(
        f"{what} needs a function that returns a number, an array, a Tensor or a Value; it "
        f"returned {type(out).__name__}"
    )


def _data(leaf: Any) -> Any:
    return leaf.data if isinstance(leaf, Value | Tensor) else leaf


def _leaves(tree: Any) -> list[Any]:
    """The numbers, arrays and nodes in nested dicts, lists and tuples, in order."""
    if isinstance(tree, dict):
        return [leaf for branch in tree.values() for leaf in _leaves(branch)]
    if isinstance(tree, list | tuple):
        return [leaf for branch in tree for leaf in _leaves(branch)]
    return [tree]


def _rebuild(tree: Any, leaves: Any) -> Any:
    """The same nest of dicts, lists and tuples, with other leaves."""
    if isinstance(tree, dict):
        return {key: _rebuild(branch, leaves) for key, branch in tree.items()}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*[_rebuild(branch, leaves) for branch in tree])
    if isinstance(tree, list | tuple):
        return type(tree)(_rebuild(branch, leaves) for branch in tree)
    return next(leaves)
