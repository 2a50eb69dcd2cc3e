"""``compile``: a function that is recorded once and run often.

>>> import numpy as np
>>> from autograd_mini import value_and_grad
>>> step = compile(value_and_grad(lambda w, X: np.sum(np.tanh(X @ w))))
>>> step(np.zeros(2), np.eye(2))
(0.0, array([1., 1.]))
"""

from __future__ import annotations

import functools
from typing import Any

from autograd_mini.core.graph import is_node
from autograd_mini.core.tensor import Tensor
from autograd_mini.replay.arranged import HoldsArray
from autograd_mini.replay.planned import Planned
from autograd_mini.replay.replayed import Batched, Replayed
from autograd_mini.trees import leaves
from autograd_mini.typing import Function, Tree


def compile(f: Function, *, batch: bool = False, wrt: Tree = None) -> Compiled | Batched | Planned:
    """A function that is recorded once and run often, with the numbers that it gives by itself.

    It takes any function of numbers and arrays in dicts, lists and tuples, and what ``grad``,
    ``value_and_grad``, ``hessian`` and the others make of one: ``compile(value_and_grad(loss))``.
    The first call records; later calls whose arguments are arranged alike run the recording.

    Of **arrays** NumPy's calls are recorded, those of the function and of its gradients, and
    planned: what is computed twice or for nothing is left out, each call is told where to write,
    in memory that is made once and used again, elementwise operations write over what nobody
    needs any more, and what the recording has checked is not checked again.  Another shape, dtype
    or layout is recorded anew, and both are kept.  What a call returned is never written to while
    anybody has it.  Tensors come back as arrays; a product of matrices does not warn of overflow.

    Functions of **plain numbers** are recorded over Values and computed in C where that was built.

    What decided the way through the code is checked in each call: comparisons of what was
    computed (``if v > 0``), numbers that were read (``.item()``), lengths, whole numbers and texts
    among the arguments, global numbers and those of enclosing functions and of ``self``.  Where
    one differs, the function is recorded again and both recordings are kept.  What cannot be seen,
    as a list outside that changes or a random number, must be an argument; the first calls are
    computed by ``f`` as well, and what differs is refused.

    Values and Tensors as arguments, and calls inside ``debug()`` and ``no_grad()``, go to ``f``
    itself, so that ``draw``, ``explain`` and ``steps`` work on what it returns.

    Arguments:
        f: the function.
        batch: of plain numbers: compute for many samples at once.  An array of shape ``(N,)`` in
            the place of a number has one for each of N samples, a plain number is that of all;
            results are arrays of shape ``(N,)``, and the gradient of a plain number is the sum over
            the samples.  If samples take different ways through the code, they are computed one by
            one.
        wrt: leaf Tensors that ``f`` uses as they are, such as ``model.parameters()``: one, or a
            tree of them.  Each call then gives what ``f`` does, and the gradients of its result
            (of the first, if it is a tuple) with respect to these; ``.backward(...)`` adds these
            to ``grad`` and gives the result alone.

    Raises:
        TypeError: ``f`` is no function, or computes what cannot be followed; ``wrt`` holds
            something that is no leaf Tensor.
        RuntimeError: ``f`` draws random numbers, or gives other numbers than its recording.

    >>> import numpy as np
    >>> W = Tensor([[1.0], [2.0]], label="W")
    >>> step = compile(lambda X: np.sum(X @ W), wrt=[W])
    >>> step(np.eye(2))
    (np.float64(3.0), [array([[1.],
           [1.]])])
    """
    if not callable(f):
        raise TypeError(f"compile takes a function, not {type(f).__name__}")
    if wrt is not None:
        _check_leaves(wrt, batch)
        return Planned(f, wrt)
    return Batched(f) if batch else Compiled(f)


class Compiled:
    """What ``compile`` gives: called as the function is."""

    def __init__(self, f: Function) -> None:
        functools.update_wrapper(self, f, updated=())
        self._numbers = Replayed(f)
        self._arrays = Planned(f, of_numbers=self._numbers)
        self._is_of_arrays = False

    @property
    def recordings(self) -> int:
        """How many have been made."""
        return self._numbers.recordings + self._arrays.recordings

    def __call__(self, *args: Tree, **kwargs: Tree) -> Tree:
        if not self._is_of_arrays:
            try:
                return self._numbers(*args, **kwargs)
            except HoldsArray:
                self._is_of_arrays = True
        return self._arrays(*args, **kwargs)


def _check_leaves(wrt: Tree, batch: bool) -> None:
    for leaf in leaves(wrt):
        if not isinstance(leaf, Tensor) or leaf.operation is not None:
            found: Any = type(leaf).__name__
            if is_node(leaf) and leaf.operation is not None:
                found = f"the result of {leaf.op}"
            raise TypeError(f"compile: wrt holds leaf Tensors, not {found}")
    if batch:
        raise TypeError("compile: batch=True is for functions of plain numbers, wrt for Tensors")
