"""First derivatives of a function by the reverse sweep: grad, vjp and their like."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_mini.core.value import Value
from autograd_mini.interface.pushed import keeping_graph, need_graph
from autograd_mini.transforms.call import (
    Argnums,
    Call,
    check_function,
    chosen_arguments,
    count,
    is_recorded,
    shape_of,
)
from autograd_mini.transforms.fitting import fitting_upstream
from autograd_mini.trees import branches, leaves
from autograd_mini.typing import Function, Operand, Tree


def grad(f: Function, argnums: Argnums = 0, *, has_aux: bool = False, **more: Operand) -> Function:
    """The gradient of a function that returns one number.

    Arguments:
        f: a function of NumPy-style code that returns a number, a 0-d array or a node.
        argnums: which positional argument, or arguments, to differentiate; HIPS's name for it,
            ``argnum``, does as well.
        has_aux: whether ``f`` returns a pair, of which the first is differentiated.

    Returns:
        A function of the same arguments that gives the gradient, arranged as the argument
        is; a tuple of gradients if ``argnums`` is a sequence; with ``has_aux`` the pair of this
        and of the second that ``f`` returned.

    Raises:
        ValueError: ``f`` returned more than one number; ``jacobian`` takes those.
        TypeError: ``f`` returned something that is no number.

    >>> def energy(p):
    ...     return p["m"] * np.sum(p["v"] ** 2) / 2
    >>> grad(energy)({"m": 2.0, "v": np.array([1.0, 3.0])})
    {'m': 5.0, 'v': array([2., 6.])}
    >>> grad(lambda x: (x**2, "seen"), has_aux=True)(3.0)
    (6.0, 'seen')
    """
    chosen = chosen_arguments("grad", f, argnums, more)
    whole = value_and_grad(f, chosen, has_aux=has_aux)

    def gradient(*args: Tree, **kwargs: Tree) -> Tree:
        value, slopes = whole(*args, **kwargs)
        return (slopes, value[1]) if has_aux else slopes

    if not has_aux:
        gradient.differentiates = f, chosen, False  # type: ignore[attr-defined]  # for compile()
    return gradient


def value_and_grad(
    f: Function, argnums: Argnums = 0, *, has_aux: bool = False, **more: Operand
) -> Function:
    """The value of a function together with its gradient, from one recording.

    Arguments, errors: as for ``grad``; with ``has_aux`` the value is the pair that ``f`` returned.

    >>> value_and_grad(lambda x, y: x * y, argnums=(0, 1))(2.0, 3.0)
    (6.0, (3.0, 2.0))
    """
    chosen = chosen_arguments("value_and_grad", f, argnums, more)

    @keeping_graph
    def value_and_gradient(*args: Tree, **kwargs: Tree) -> tuple[Any, Any]:
        call = Call("grad", f, chosen, args, kwargs, has_aux)
        if branches(call.out) is not None:
            advice = "; has_aux=True is for a function that returns a pair" if not has_aux else ""
            raise TypeError(
                "grad needs a function that returns one number; it returned "
                f"a {type(call.out).__name__}: use jacobian{advice}"
            )
        if count(call.root) != 1:
            raise ValueError(
                f"grad needs a function that returns one number; it returned shape "
                f"{shape_of(call.root)}: reduce it, with np.sum for example, or use jacobian"
            )
        call.warn_of_independence()
        value = call.plain(call.root)
        return (value, call.value(call.aux)) if has_aux else value, call.arranged(call.gradients())

    if not has_aux:
        value_and_gradient.differentiates = f, chosen, True  # type: ignore[attr-defined]
    return value_and_gradient


def elementwise_grad(
    f: Function, argnums: Argnums = 0, *, has_aux: bool = False, **more: Operand
) -> Function:
    """The derivative of an elementwise function, element by element.

    Each element of the result depends on the same element of the argument alone: of other
    functions it is the sum of the Jacobian's rows.

    Arguments:
        f: a function whose result has the shape that its arguments broadcast to.
        argnums, has_aux: as for ``grad``.

    Returns:
        A function of the same arguments that gives an array of the argument's shape; with
        ``has_aux`` the pair of this and of the second that ``f`` returned.

    >>> elementwise_grad(np.tanh)(np.array([0.0, 1.0])).round(4)
    array([1.  , 0.42])
    """
    chosen = chosen_arguments("elementwise_grad", f, argnums, more)

    @keeping_graph
    def slopes(*args: Tree, **kwargs: Tree) -> Tree:
        call = Call("elementwise_grad", f, chosen, args, kwargs, has_aux)
        call.warn_of_independence()
        ones = [1.0 if isinstance(o, Value) else np.ones(shape_of(o)) for o in call.outputs]
        found = call.arranged(call.gradients(ones))
        return (found, call.value(call.aux)) if has_aux else found

    return slopes


def vjp(f: Function, *primals: Tree, has_aux: bool = False) -> tuple[Any, ...]:
    """The value of a function, and the function that multiplies its Jacobian from the left.

    Returns:
        ``f(*primals)`` and a function of an upstream gradient (of the output's shape, arranged as
        it is) that gives the vector–Jacobian product for each of ``primals``, as a tuple; with
        ``has_aux`` the second that ``f`` returned comes third.

    >>> out, pull = vjp(lambda x: x**2, np.array([1.0, 2.0, 3.0]))
    >>> pull(np.array([1.0, 0.0, 1.0]))
    (array([2., 0., 6.]),)
    """
    check_function("vjp", f)
    need_graph()
    call = Call("vjp", f, tuple(range(len(primals))), primals, {}, has_aux)
    call.warn_of_independence()

    def pull(gradient: Tree) -> Tree:
        single = branches(call.out) is None
        upstream = [gradient] if single else fitting_upstream("vjp", call.out, gradient)
        call.keep = call.keep or any(map(is_recorded, leaves(gradient)))
        return call.arranged(call.gradients(upstream))

    value = call.value(call.out)
    if isinstance(value, np.ndarray):  # the sweep may need the array as it is
        value = value.copy()
    return (value, pull, call.value(call.aux)) if has_aux else (value, pull)
