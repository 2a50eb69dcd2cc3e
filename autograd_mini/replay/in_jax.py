"""A recorded function as one of JAX's: its source, run by ``jax.numpy``."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_mini.replay.source import source
from autograd_mini.trees import leaves, paths
from autograd_mini.typing import Function, Tree


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
    import jax  # which is no dependency

    program = source(f, *args, **kwargs)
    text = program.replace("import numpy as np", "import jax.numpy as np")
    if text == program:
        raise TypeError("to_jax takes functions of arrays: this one computes with numbers alone")
    scope: dict[str, Any] = dict(program.around)
    exec(compile(text, "<source in JAX>", "exec"), scope)
    made: Function = scope[program.function]
    try:
        found = jax.jit(made)(*args, **kwargs)
    except (TypeError, AttributeError, jax.errors.JAXTypeError, NotImplementedError) as error:
        raise TypeError(f"to_jax: JAX does not run this source: {error}") from error
    numbers = dict(zip(paths(found), leaves(found), strict=True))
    exact = program.run()(*args, **kwargs)
    for path, right in zip(paths(exact), leaves(exact), strict=True):
        mine = numbers[path]
        eps = np.finfo(mine.dtype).eps
        size = np.max(np.abs(right), initial=1.0)
        if not np.allclose(mine, right, rtol=_ROUNDINGS * eps, atol=_ROUNDINGS * eps * size):
            raise ValueError(f"to_jax: JAX gives {mine}, the source {right}")
    return made


_ROUNDINGS = 10_000
"""By how many roundings of JAX's dtype, float32 unless it is told otherwise, numbers may differ."""
