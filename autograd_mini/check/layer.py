"""``check_backward``: a layer's backward pass is checked as it stands."""

from __future__ import annotations

from collections.abc import Sequence

from autograd_mini.check.capture import Required
from autograd_mini.check.pairs.pair import Pair
from autograd_mini.check.pairs.problem import problem_of_pair
from autograd_mini.check.pipeline import checked
from autograd_mini.check.report import GradientReport
from autograd_mini.check.report.view import Hints, checked_hints
from autograd_mini.typing import Tree


def check_backward(
    forward: object,
    backward: object,
    *inputs: Tree,
    upstream: Tree = None,
    wrt: str | Sequence[str] | None = None,
    seed: int = 0,
    entries: int = 16,
    hints: Hints = 3,
    required: Required = (),
    forbid_autodiff: bool = False,
    seconds: float = 10.0,
) -> GradientReport:
    """Hold a layer's backward pass against automatic and numerical gradients.

    What is differentiated is the sum of what ``forward`` returns times an upstream gradient,
    which is random, so that a backward pass that forgets it is found.

    Arguments:
        forward: ``forward(x, w, b) -> out`` or ``-> out, cache``; a method; a static method
            ``forward(ctx, x, w)``; or an object that has ``forward`` and ``backward``.
        backward: ``backward(dout, cache)``, ``backward(dout, x, w, b)``, ``backward(ctx, dout)``,
            ``backward(res, g)``: arguments are known by their names, in any order.  It returns
            gradients as an array, tuple, list or dict, or leaves them in attributes, as
            ``self.dW``.  Or a pullback for each input, ``lambda ans, x, w: lambda g: …``.  ``None``
            where ``forward`` returns ``loss, gradients`` or ``out, pullback``, or is an object
            that has both.
        inputs: what ``forward`` is called with.  Arrays of whole numbers and truth values,
            settings and all else that is no real number is data.
        upstream: the upstream gradient, of the output's shape; of several outputs a tuple.
        wrt: the names of the inputs that have gradients, in the order of these; needed where
            neither names nor order nor shapes tell.
        seed: of the upstream gradient, and of the elements that are probed numerically.
        entries, hints, forbid_autodiff, seconds: as for ``check_gradients``.
        required: the names for which there must be a gradient; ``"all"`` arrays of real numbers.

    Returns:
        A report, as of ``check_gradients``.  Random numbers are the same in both passes, what they
        change is put back, and forward passes that cannot be recorded are checked numerically.

    Raises:
        ValueError: what an argument or gradient is cannot be told: the message says what to
            write; or ``upstream`` has another shape.
        TypeError: ``forward`` or ``backward`` is no function, or does not take the inputs.

    >>> import numpy as np
    >>> def forward(x, w):
    ...     return x @ w, (x, w)
    >>> def backward(dout, cache):
    ...     x, w = cache
    ...     dx = dout @ w.T
    ...     dw = x.T @ dout
    ...     return dx, dw
    >>> x, w = np.array([[1.0, 2.0]]), np.array([[0.5, -1.0, 2.0], [1.0, 0.0, 3.0]])
    >>> print(check_backward(forward, backward, x, w).text(hints=0))
    Upstream gradient: random, of shape (1, 3) (upstream=)
    <BLANKLINE>
    2 gradients checked: all agree
    """
    checked_hints(hints)
    pair = Pair(forward, backward, inputs)
    problem = problem_of_pair(pair, upstream, wrt, seed, required, forbid_autodiff)
    report = checked(problem, seed=seed, entries=entries, seconds=seconds)
    return report.with_hints(hints)
