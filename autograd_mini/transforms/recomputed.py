"""Functions as one operation: recomputed in the sweep, or with a gradient that is stated."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from autograd_mini.core import modes
from autograd_mini.core.operation import ArrayOperation
from autograd_mini.core.tensor import Tensor, plain, record
from autograd_mini.transforms.call import check_function
from autograd_mini.transforms.enclosed import (
    Arguments,
    OneSweep,
    divided,
    from_outside,
    is_recorded,
    joined,
    own_node,
    plain_function,
    recorded_inside,
    swept,
)
from autograd_mini.trees import leaves, rebuild
from autograd_mini.typing import Function, Operand, Tree


def checkpoint(f: Function) -> Function:
    """The same function, whose intermediate results are not kept but computed again by the sweep.

    That saves memory and costs a second forward pass.  (A. Griewank and A. Walther, "Revolve",
    2000.)  Tensors that ``f`` brings in from outside get their gradients as well.

    Arguments:
        f: a function of numbers, arrays and Tensors, or trees of them, that gives such.  It must
            give the same numbers each time: random numbers are drawn outside.

    Raises:
        TypeError: it is given a Value.
        RuntimeError: in the sweep, it gives other numbers than before.

    >>> from autograd_mini import grad
    >>> block = checkpoint(lambda x: np.sin(np.cos(np.tanh(x))))
    >>> float(grad(block)(0.5)) == grad(lambda x: np.sin(np.cos(np.tanh(x))))(0.5)
    True
    """
    check_function("checkpoint", f)

    @functools.wraps(f)
    def recomputed(*args: Tree, **kwargs: Tree) -> Tree:
        if not modes.recording():
            return f(*args, **kwargs)
        given = Arguments("checkpoint", args, kwargs)
        with recorded_inside() as made:
            inputs = list(map(own_node, map(plain, given.operands)))
            args, kwargs = given.with_operands(inputs)
            out = f(*args, **kwargs)
        nodes = [leaf for leaf in leaves(out) if isinstance(leaf, Tensor)]
        outside = from_outside(nodes, inputs, made)
        if not nodes or not (inputs or outside):
            return out
        shapes = [node.shape for node in nodes]
        parts = functools.partial(_outputs, f, given)
        numbers = plain(joined([node.data for node in nodes]))
        first = [operand.data for operand in (*given.operands, *outside)]
        del made, inputs, args, kwargs, nodes

        def forward(*arrays: Operand) -> Operand:
            if all(a is b for a, b in zip(arrays, first, strict=True)):
                return numbers
            return plain_function(parts)(*arrays)

        def shares(g: Operand, whole: Operand, *operands: Operand) -> list[Any]:
            keep = is_recorded(g, *operands)
            own = list(map(own_node, operands[: len(given.operands)]))
            with modes.recorded():
                root = parts(*own)
            if not np.array_equal(root.data, plain(whole), equal_nan=True):
                raise RuntimeError(
                    f"checkpoint: {getattr(f, '__name__', 'f')} gave other numbers when the sweep "
                    "computed it again: draw random numbers outside of it, and change nothing in it"
                )
            return swept(root, own, outside, keep, g)

        sweep = OneSweep(shares)
        sentence = "A function whose intermediate results are computed again by the sweep."
        operation = ArrayOperation("checkpoint", forward, sweep, sentence, foreign=True)
        whole = record(operation, (*given.operands, *outside))
        found = iter(divided(whole, shapes))
        return rebuild(out, (next(found) if isinstance(o, Tensor) else o for o in leaves(out)))

    return recomputed


def _outputs(f: Function, given: Arguments, *operands: Operand) -> Operand:
    """All numbers that a function gives Tensors for, joined."""
    args, kwargs = given.with_operands(operands[: len(given.operands)])
    nodes = [leaf for leaf in leaves(f(*args, **kwargs)) if isinstance(leaf, Tensor | np.ndarray)]
    return joined(nodes)


def _outside(value: Operand, inputs: list[Tensor], made: list[Tensor]) -> list[Any]:
    return from_outside([value] if isinstance(value, Tensor) else [], inputs, made)


def custom_gradient(f: Function) -> Function:
    """A function with a gradient of its own, which ``f`` returns beside its value.

    Arguments:
        f: takes numbers, arrays and Tensors, or trees of them, and returns its value, an array or
            Tensor, and a pullback: a function of the upstream gradient, of the value's shape,
            that gives the gradient for each argument that is a number or an array, as a tuple
            if there are several.  Both are NumPy code and so differentiated again where that is
            asked for.

    Raises:
        TypeError: ``f`` returns something else, or computes with a Tensor from outside, whose
            gradient its pullback cannot give; or it is given a Value.
        ValueError: the pullback gives another number of gradients.

    >>> from autograd_mini import grad
    >>> @custom_gradient
    ... def log1pexp(x):
    ...     e = np.exp(x)
    ...     return np.log(1 + e), lambda g: g * (1 - 1 / (1 + e))
    >>> grad(log1pexp)(100.0), grad(grad(log1pexp))(0.0)
    (1.0, 0.25)
    """
    check_function("custom_gradient", f)
    name = getattr(f, "__name__", "custom_gradient")

    def run(given: Arguments, operands: Operand) -> tuple[Any, Function]:
        args, kwargs = given.with_operands(operands)
        found = f(*args, **kwargs)
        if not isinstance(found, tuple) or len(found) != 2 or not callable(found[1]):
            raise TypeError(
                f"custom_gradient: {name} returns its value and a pullback, a function of the "
                f"upstream gradient; it returned {type(found).__name__}"
            )
        return found

    @functools.wraps(f)
    def stated(*args: Tree, **kwargs: Tree) -> Tree:
        given = Arguments("custom_gradient", args, kwargs)
        if not given.operands or not modes.recording():
            return run(given, given.operands)[0]
        with recorded_inside() as made:
            inputs = list(map(own_node, given.operands))
            value, pullback = run(given, inputs)
            outside = _outside(value, inputs, made)
            if outside:  # a constant that is made in the function is another one each time
                inputs = list(map(own_node, given.operands))
                value, pullback = run(given, inputs)
                known = set(outside)
                outside = [node for node in _outside(value, inputs, made) if node in known]
        if outside:
            raise TypeError(
                f"custom_gradient: {name} computes with {outside[0]!r} from outside, whose "
                "gradient its pullback does not give: make it an argument"
            )
        count = len(leaves((args, kwargs)))
        places = [i for i, leaf in enumerate(leaves((args, kwargs))) if isinstance(leaf, Tensor)]

        def shares(g: Operand, out: Operand, *operands: Operand) -> list[Any]:
            pull = pullback
            if any(plain(a) is not b.data for a, b in zip(operands, given.operands, strict=True)):
                with modes.recorded():
                    pull = run(given, list(map(own_node, operands)))[1]
            found = pull(g)
            gradients = list(found) if isinstance(found, list | tuple) else [found]
            if len(gradients) not in (count, len(places)):
                raise ValueError(
                    f"custom_gradient: the pullback of {name} gave {len(gradients)} gradients for "
                    f"{count} arguments: give one for each"
                )
            if len(gradients) == count:
                gradients = [gradients[place] for place in places]
            return gradients if is_recorded(g, *operands) else list(map(plain, gradients))

        operation = ArrayOperation(
            name,
            plain_function(lambda *operands: run(given, operands)[0]),
            OneSweep(shares),
            f"{name}, with a gradient that is stated.",
            foreign=True,
        )
        return record(operation, tuple(given.operands))

    return stated
