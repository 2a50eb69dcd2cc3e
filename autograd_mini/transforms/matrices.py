"""Whole matrices of derivatives: the Jacobian, forward or in reverse, and the Hessian."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from autograd_mini.core.value import Value
from autograd_mini.interface.pushed import keeping_graph
from autograd_mini.transforms.batched import lead
from autograd_mini.transforms.call import (
    Argnums,
    Call,
    bases,
    chosen_arguments,
    count,
    data_of_leaf,
    shape_of,
)
from autograd_mini.transforms.derivatives import grad
from autograd_mini.trees import rebuild
from autograd_mini.typing import Function, Operand, Tree


def jacobian(
    f: Function, argnums: Argnums = 0, *, has_aux: bool = False, **more: Operand
) -> Function:
    """The Jacobian of a function that returns arrays, by the cheaper of ``jacfwd`` and ``jacrev``.

    Arguments:
        argnums, has_aux: as for ``grad``.

    Returns:
        A function of the same arguments.  For an output of shape ``m`` and an argument of
        shape ``n`` it gives an array of shape ``m + n``; arranged as the output is, and in each
        place as the argument is; with ``has_aux`` the pair of this and of the second that ``f``
        returned.

    >>> jacobian(lambda x: x * np.sum(x))(np.array([1.0, 2.0]))
    array([[4., 1.],
           [2., 5.]])
    """
    return _jacobian("jacobian", f, argnums, has_aux, more, _is_narrow)


def jacfwd(
    f: Function, argnums: Argnums = 0, *, has_aux: bool = False, **more: Operand
) -> Function:
    """The Jacobian, by one push forward for each number of the argument.

    Arguments, results: as for ``jacobian``.

    >>> jacfwd(lambda t: np.stack([np.cos(t), np.sin(t)]))(0.0)
    array([0., 1.])
    """
    return _jacobian("jacfwd", f, argnums, has_aux, more, None)


def jacrev(
    f: Function, argnums: Argnums = 0, *, has_aux: bool = False, **more: Operand
) -> Function:
    """The Jacobian, by one reverse sweep for each number of the output.

    Arguments, results: as for ``jacobian``.

    >>> jacrev(lambda x: x[:1] * x[1])(np.array([2.0, 5.0]))
    array([[5., 2.]])
    """
    return _jacobian("jacrev", f, argnums, has_aux, more, lambda call: False)


def hessian(
    f: Function, argnums: Argnums = 0, *, has_aux: bool = False, **more: Operand
) -> Function:
    """The second derivatives of a function that returns one number, forward over reverse.

    Arguments:
        argnums, has_aux: as for ``grad``.

    Returns:
        A function of the same arguments that gives an array of shape ``n + n`` for an argument of
        shape ``n``; arranged as the argument is, and in each place once more; with ``has_aux`` the
        pair of this and of the second that ``f`` returned.

    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 5.0]))
    array([[10.,  6.],
           [ 6.,  0.]])
    """
    chosen = chosen_arguments("hessian", f, argnums, more)
    return _jacobian("hessian", grad(f, chosen, has_aux=has_aux), chosen, has_aux, {}, _is_pushed)


def _jacobian(
    name: str,
    f: Function,
    argnums: Argnums,
    has_aux: bool,
    more: dict[str, Any],
    forward: Callable[[Call], bool] | None,
) -> Function:
    chosen = chosen_arguments(name, f, argnums, more)

    @keeping_graph
    def jacobian_of_f(*args: Tree, **kwargs: Tree) -> Tree:
        call = Call(name, f, chosen, args, kwargs, has_aux)
        call.warn_of_independence()
        if forward is None:
            blocks = list(_by_columns(call))
        elif not forward(call):
            blocks = list(_by_rows(call))
        else:
            with np.errstate(over="ignore"):
                blocks = list(_by_columns(call))
            if not all(np.all(np.isfinite(data_of_leaf(x))) for block in blocks for x in block):
                blocks = list(_by_rows(call))  # a tangent of a tiny number may leave the range
        found = rebuild(call.out, map(call.arranged, blocks))
        return (found, call.value(call.aux)) if has_aux else found

    return jacobian_of_f


def _is_narrow(call: Call) -> bool:
    """Whether fewer numbers go in than come out."""
    numbers = [sum(map(count, nodes)) for nodes in (call.inputs, call.outputs)]
    return numbers[0] < numbers[1] and _is_pushed(call)


def _is_pushed(call: Call) -> bool:
    """Whether all operations can push a tangent: a user's may state a pullback that cannot."""
    operations = {node.operation for node in call.reached}
    return not any(each.foreign and not each.tangents for each in operations if each is not None)


def _by_rows(call: Call) -> Iterator[list[Any]]:
    """For each output the Jacobian by each input."""
    rows = call.rows()
    for out in call.outputs:
        own = [next(rows) for _ in range(count(out))]
        if isinstance(out, Value):
            yield own[0]
            continue
        shapes = [out.shape + shape_of(x) for x in call.inputs]
        axis = len(lead())
        yield [
            np.reshape(np.stack([row[index] for row in own], axis), shape)
            if own
            else np.zeros(shape)
            for index, shape in enumerate(shapes)
        ]


def _by_columns(call: Call) -> Iterator[list[Any]]:
    by_input = []
    for x in call.inputs:
        columns = [call.tangents({x: basis}) for basis in _bases(x)]
        by_input.append(
            [
                _column_block(out, x, [each[index] for each in columns])
                for index, out in enumerate(call.outputs)
            ]
        )
    return map(list, zip(*by_input, strict=True))


def _column_block(out: Operand, x: Operand, columns: list[Any]) -> Operand:
    if isinstance(out, Value):
        return columns[0]
    shape = out.shape + shape_of(x)
    return np.reshape(np.stack(columns, -1), shape) if columns else np.zeros(shape)


def _bases(x: Operand) -> Iterator[Any]:
    return iter([1.0]) if isinstance(x, Value) else bases(x)
