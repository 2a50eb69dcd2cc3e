"""Derivatives in a direction: tangents pushed forward, and the Hessian times a vector."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from typing import Any

from autograd_mini.core.graph import is_node
from autograd_mini.core.value import Value
from autograd_mini.interface.pushed import GraphNeeded, Tangents, is_released, pushing
from autograd_mini.interface.traced import as_array
from autograd_mini.transforms.call import Call, check_function, is_recorded, raw, under_way
from autograd_mini.transforms.derivatives import grad
from autograd_mini.transforms.fitting import fitting_tangents
from autograd_mini.trees import leaves, rebuild
from autograd_mini.typing import Function, Tree


def jvp(
    f: Function, primals: Sequence[Any], tangents: Sequence[Any], *, has_aux: bool = False
) -> tuple[Any, ...]:
    """The value of a function, and its derivative in a direction.

    The tangents are pushed forward with each operation, and no graph of Tensors is kept: memory is
    that of the arrays that ``f`` itself holds, unless the results are to be differentiated again.

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
    call = Pushed("jvp", f, primals, vectors, has_aux)
    pushed = call.pushed()
    call.warn_of_independence()
    value = call.value(call.out)
    tangent = rebuild(call.out, map(call.like, leaves(value), pushed))
    return (value, tangent, call.value(call.aux)) if has_aux else (value, tangent)


class Pushed(Call):
    """One call of ``f``, whose outputs' tangents are there when it returns.

    Values have their graph, over which tangents are pushed afterwards.
    """

    def __init__(
        self, what: str, f: Function, primals: Sequence[Any], vectors: Sequence[Any], has_aux: bool
    ) -> None:
        self._vectors = vectors
        self._tangents: Tangents | None = None
        recorded = any(map(is_recorded, (*leaves(tuple(primals)), *vectors)))
        self._outermost = not is_released()
        self._released = not (self._outermost and (recorded or under_way))
        every = tuple(range(len(primals)))
        try:
            super().__init__(what, f, every, tuple(primals), {}, has_aux)
        except GraphNeeded:
            if not self._outermost:
                raise
            self._released = False
            super().__init__(what, f, every, tuple(primals), {}, has_aux)
        self.keep = self.keep or any(map(is_recorded, vectors))
        if self._tangents is not None:
            self.reached |= {x for i, x in enumerate(self.inputs) if self._depend_on(i)}

    @contextmanager
    def running(self) -> Iterator[None]:
        if any(isinstance(x, Value) for x in self.inputs):
            with super().running():
                yield
            return
        vectors = list(map(as_tangent, self.inputs, self._vectors))
        self._tangents = Tangents(self.inputs, vectors, recorded=not self._released)
        with super().running(), pushing(self._tangents, self._released):
            yield

    def _depend_on(self, index: int) -> bool:
        assert self._tangents is not None
        return any(self._tangents.reach(out, index) for out in self.outputs)

    def moves(self, nodes: Set[Any]) -> bool:
        if self._tangents is None:
            return super().moves(nodes)
        return any(node in self._tangents for node in nodes)

    def pushed(self) -> list[Any]:
        """The tangent of each output."""
        if self._tangents is None:
            moving = {x: as_tangent(x, v) for x, v in zip(self.inputs, self._vectors, strict=True)}
            return self.tangents(moving)
        found = [(out, self._tangents.of(out)) for out in self.outputs]
        return [out.zero() if tangent is None else tangent for out, tangent in found]


def as_tangent(x: Tree, vector: Tree) -> Tree:
    """A tangent of a node, of its kind and dtype."""
    if isinstance(x, Value):
        return vector if is_node(vector) else float(vector)
    vector = raw(vector)
    vector = vector if is_node(vector) else as_array(vector)
    return vector if vector.dtype == x.dtype else vector.astype(x.dtype)


def hvp(
    f: Function, primals: Sequence[Any], tangents: Sequence[Any], *, has_aux: bool = False
) -> Tree:
    """The Hessian of a scalar function times a vector, without forming the Hessian.

    The tangents are pushed forward through the recorded gradient.

    Arguments:
        primals: the arguments of ``f``, as a tuple or list.
        tangents: the vector, one part for each primal and arranged as it is: the same keys,
            lengths and shapes.
        has_aux: as for ``grad``.

    Returns:
        A tuple of products, one for each primal and arranged as it is; with ``has_aux`` the pair
        of this and of the second that ``f`` returned.

    Raises:
        ValueError: a tangent has other keys, another length or another shape than its primal.
        TypeError: a tangent is arranged in another way, or the primals are no tuple.

    >>> import numpy as np
    >>> hvp(lambda x: np.sum(x**3), (np.array([1.0, 2.0]),), (np.array([1.0, 1.0]),))
    (array([ 6., 12.]),)
    """
    check_function("hvp", f)
    fitting_tangents("hvp", primals, tangents)
    gradient = grad(f, tuple(range(len(primals))), has_aux=has_aux)
    _, *found = jvp(gradient, primals, tangents, has_aux=has_aux)
    return tuple(found) if has_aux else found[0]
