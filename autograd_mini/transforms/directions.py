"""Derivatives in a direction: tangents pushed forward, and the Hessian times a vector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograd_mini.core.graph import is_node
from autograd_mini.core.value import Value
from autograd_mini.interface.traced import as_array
from autograd_mini.transforms.call import Call, check_function, is_recorded, raw
from autograd_mini.transforms.derivatives import grad
from autograd_mini.transforms.fitting import fitting_tangents
from autograd_mini.trees import leaves, rebuild
from autograd_mini.typing import Function, Tree


def jvp(
    f: Function, primals: Sequence[Any], tangents: Sequence[Any], *, has_aux: bool = False
) -> tuple[Any, ...]:
    """The value of a function, and its derivative in a direction.

    The tangents are pushed forward through the recorded graph, operation by operation.

    Arguments:
        primals: the arguments of ``f``, as a tuple or list.
        tangents: the direction, one for each primal and arranged as it is: the same keys,
            lengths and shapes.
        has_aux: whether ``f`` returns a pair, of which the first is differentiated; the second
            comes third.

    Raises:
        ValueError: a tangent has other keys, another length or another shape than its primal.
        TypeError: a tangent is arranged in another way, or the primals are no tuple.

    >>> import numpy as np
    >>> jvp(lambda x: x**2, (np.array([1.0, 2.0]),), (np.array([1.0, 10.0]),))
    (array([1., 4.]), array([ 2., 40.]))
    """
    check_function("jvp", f)
    vectors = fitting_tangents("jvp", primals, tangents)
    call = Call("jvp", f, tuple(range(len(primals))), tuple(primals), {}, has_aux)
    call.keep = call.keep or any(map(is_recorded, vectors))
    moving = {x: as_tangent(x, vector) for x, vector in zip(call.inputs, vectors, strict=True)}
    pushed = call.tangents(moving)
    call.warn_of_independence()
    value = call.value(call.out)
    tangent = rebuild(call.out, map(call.like, leaves(value), pushed))
    return (value, tangent, call.value(call.aux)) if has_aux else (value, tangent)


def as_tangent(x: Tree, vector: Tree) -> Tree:
    """A tangent of a node, of its kind and dtype."""
    if isinstance(x, Value):
        return vector if is_node(vector) else float(vector)
    vector = raw(vector)
    vector = vector if is_node(vector) else as_array(vector)
    return vector if vector.dtype == x.dtype else vector.astype(x.dtype)


def hvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> Tree:
    """The Hessian of a scalar function times a vector, without forming the Hessian.

    The tangents are pushed forward through the recorded gradient.

    Arguments:
        primals: the arguments of ``f``, as a tuple or list.
        tangents: the vector, one part for each primal and arranged as it is: the same keys,
            lengths and shapes.

    Returns:
        A tuple of products, one for each primal and arranged as it is.

    Raises:
        ValueError: a tangent has other keys, another length or another shape than its primal.
        TypeError: a tangent is arranged in another way, or the primals are no tuple.

    >>> import numpy as np
    >>> hvp(lambda x: np.sum(x**3), (np.array([1.0, 2.0]),), (np.array([1.0, 1.0]),))
    (array([ 6., 12.]),)
    """
    check_function("hvp", f)
    fitting_tangents("hvp", primals, tangents)
    return jvp(grad(f, tuple(range(len(primals)))), primals, tangents)[1]
