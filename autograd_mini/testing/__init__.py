"""Tests of an elementwise rule, all derived from its row: for this table and for rules of yours.

A row says what an operation is, what its derivatives are, where it is defined and what
holds at its kinks.  That is enough to test it:

* ``prove_rule`` proves with SymPy that the local derivatives are the formula's, that the
  text which is evaluated equals the formula, and that kinks have the value they claim;
* ``check_values``, ``check_derivatives`` and ``check_second_derivatives`` hold Value and
  Tensor against the row's own texts in 100-digit arithmetic (mpmath), at operands that
  Hypothesis chooses on all sides of everything the row distinguishes;
* ``check_differences`` holds the derivatives against numerical differences;
* ``check_kinks`` and ``check_jumps`` hold Value and Tensor against the documented convention,
  and the result to be continuous on each of its ``pieces``.

``check_rule`` does all of it.  ``check_function`` holds any function of arrays, made of
primitives of your own for example, against numerical differences.

For whatever judges backward passes there are Hypothesis strategies: ``graphs`` draws losses
with right hand-derived gradients, ``mutated`` such with one mistake in them, and
``parameters`` arrays; ``mutants`` lists the mistakes that can be planted in a pass of yours,
``file_mutants`` those in a file with loops, helper functions and classes.

``assert_gradients``, of layers ``assert_backward``, of training steps ``assert_step`` and of files
``assert_script`` are for your own tests of hand-derived gradients, and need nothing else.
Everything else needs ``pip install autograd_mini[test]``.

>>> from autograd_mini import rule
>>> softsign = rule("softsign_", "x / (1 + abs(x))", ["1 / (1 + abs(x)) ** 2"])
>>> for statement in prove_rule("softsign_"):
...     print(statement)
x = r_x: ∂/∂x = 1 / (1 + abs(x)) ** 2
>>> check_rule("softsign_")
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np

from autograd_mini.check import (
    GradientReport,
    check_backward,
    check_gradients,
    check_script,
    check_step,
)
from autograd_mini.check.capture import Manual
from autograd_mini.check.report import Hints
from autograd_mini.core.tensor import Tensor
from autograd_mini.differences import derivative
from autograd_mini.testing.edits import Mutant as Mutant
from autograd_mini.testing.files import file_mutants as file_mutants
from autograd_mini.testing.mutants import mutants as mutants
from autograd_mini.testing.mutants import rewritten as rewritten
from autograd_mini.testing.proofs import CHECKS as CHECKS
from autograd_mini.testing.proofs import EPSILON, UNITS
from autograd_mini.testing.proofs import check_derivatives as check_derivatives
from autograd_mini.testing.proofs import check_differences as check_differences
from autograd_mini.testing.proofs import check_jumps as check_jumps
from autograd_mini.testing.proofs import check_kinks as check_kinks
from autograd_mini.testing.proofs import check_rule as check_rule
from autograd_mini.testing.proofs import check_second_derivatives as check_second_derivatives
from autograd_mini.testing.proofs import check_values as check_values
from autograd_mini.testing.proofs import operands as operands
from autograd_mini.testing.proofs import prove_rule as prove_rule
from autograd_mini.testing.strategies import Derivation as Derivation
from autograd_mini.testing.strategies import MutatedDerivation as MutatedDerivation
from autograd_mini.testing.strategies import derivation as derivation
from autograd_mini.testing.strategies import graphs as graphs
from autograd_mini.testing.strategies import mutated as mutated
from autograd_mini.testing.strategies import parameters as parameters
from autograd_mini.transforms.derivatives import grad
from autograd_mini.typing import Operand, Tree


def check_function(f: Callable[..., Any], *arrays: Operand, order: int = 2, seed: int = 0) -> None:
    """Hold the derivatives of any function of arrays against numerical differences.

    The function's value is weighted at random and differentiated along random directions,
    which a wrong element anywhere shows in; then that derivative is differentiated again.
    At a tie or kink differences say nothing: choose arrays away from them.

    Arguments:
        f: a function of arrays that returns an array, written with NumPy's functions.
        arrays: where.
        order: how often to differentiate.
        seed: of the weights and directions.

    Raises:
        AssertionError: on Tensors it has another value than on arrays, or a derivative is
            further from the differences than their estimated error and rounding.

    >>> check_function(lambda x, y: x @ np.tanh(y), np.eye(2), np.ones((2, 3)))
    """
    rng = np.random.default_rng(seed)
    arrays = tuple(np.asarray(array, np.float64) for array in arrays)
    plain, ours = np.asarray(f(*arrays)), np.asarray(f(*map(Tensor, arrays)).data)
    assert ours.shape == plain.shape, f"of Tensors it has shape {ours.shape}, not {plain.shape}"
    np.testing.assert_allclose(ours, plain, rtol=_SUM * EPSILON, atol=_SUM * EPSILON)
    weights = rng.normal(size=plain.shape)

    def weighted(*xs: Operand) -> Operand:
        return np.sum(weights * f(*xs))

    function, size = weighted, float(np.sum(np.abs(weights * plain)))
    for n in range(1, order + 1):
        tangents = [rng.normal(size=array.shape) for array in arrays]
        slopes = grad(function, tuple(range(len(arrays))))(*arrays)
        terms = np.concatenate([np.ravel(g * t) for g, t in zip(slopes, tangents, strict=True)])
        found = float(np.sum(terms))
        along = partial(_moved, function, arrays, tangents)
        estimate = derivative(along, 0.0, noise=UNITS * EPSILON * size)
        function, size = _slope_along(function, tangents), float(np.sum(np.abs(terms)))
        allowed = estimate.error + _SUM * EPSILON * size
        assert abs(found - estimate.value) <= allowed, (
            f"derivative {n} is {found}, but differences give {estimate.value} ± {allowed:.1e}"
        )


_SUM = 256
"""Sums of up to this many terms may be taken in another order, and round otherwise."""


def assert_gradients(
    loss: Callable[..., Any],
    params: Tree,
    manual: Manual | None = None,
    *,
    seed: int = 0,
    entries: int = 16,
    hints: Hints = 2,
    required: Literal["all"] | Collection[str] = "all",
    forbid_autodiff: bool = True,
) -> GradientReport:
    """Assert that hand-derived gradients are right; if not, the report is the message.

    For a test of your own.  pytest shows the line of your test, then the report.

    Arguments:
        loss, params, manual, seed, entries, hints: as for ``check_gradients``.
        required: the names for which ``manual``, if there is one, must give a gradient; by
            default all parameters.
        forbid_autodiff: whether a ``manual`` that differentiates automatically fails.

    Returns:
        The report, of gradients that all agree.

    Raises:
        GradientError: an ``AssertionError``: a gradient is wrong, or cannot be told.

    >>> import numpy as np
    >>> report = assert_gradients(
    ...     lambda w: np.sum(w**3), {"w": np.array([1.0, 2.0])}, lambda w: {"w": 3 * w**2})
    >>> report["w"].verdict
    'agree'
    """
    __tracebackhide__ = True  # pytest then shows the caller's line, not these
    report = check_gradients(
        loss,
        params,
        manual,
        seed=seed,
        entries=entries,
        hints=hints,
        required=() if manual is None else required,
        forbid_autodiff=forbid_autodiff,
    )
    report.raise_if_wrong()
    return report


def assert_backward(
    forward: object,
    backward: object,
    *inputs: Tree,
    upstream: Tree = None,
    wrt: str | Sequence[str] | None = None,
    seed: int = 0,
    entries: int = 16,
    hints: Hints = 2,
    required: Literal["all"] | Collection[str] = "all",
    forbid_autodiff: bool = True,
) -> GradientReport:
    """Assert that a layer's backward pass is right; if not, the report is the message.

    Arguments:
        forward, backward, inputs, upstream, wrt, seed, entries, hints: as for ``check_backward``.
        required: the names for which there must be a gradient; by default all arrays of real
            numbers among the inputs.
        forbid_autodiff: whether a ``backward`` that differentiates automatically fails.

    Returns:
        The report, of gradients that all agree.

    Raises:
        GradientError: an ``AssertionError``: a gradient is wrong or missing, or cannot be told.

    >>> import numpy as np
    >>> report = assert_backward(
    ...     lambda x: (np.maximum(0, x), x), lambda dout, cache: dout * (cache > 0),
    ...     np.array([-1.0, 2.0]))
    >>> report["x"].verdict
    'agree'
    """
    __tracebackhide__ = True
    report = check_backward(
        forward,
        backward,
        *inputs,
        upstream=upstream,
        wrt=wrt,
        seed=seed,
        entries=entries,
        hints=hints,
        required=required,
        forbid_autodiff=forbid_autodiff,
    )
    report.raise_if_wrong()
    return report


def assert_step(
    step: Callable[..., Any], *args: Operand, hints: Hints = 2, **options: Operand
) -> GradientReport:
    """Assert that the gradients in a training step are right; if not, the report is the message.

    Arguments:
        step, args, hints: as for ``check_step``.
        options: its other arguments, and those of the step that are given by name.

    Returns:
        The report, of gradients that all agree.

    Raises:
        GradientError: an ``AssertionError``: a gradient is wrong, or cannot be told.
        ValueError: it is not clear what is to be checked.

    >>> import numpy as np
    >>> w, x, t = np.array([0.5, -0.3]), np.array([[1.0, 2.0]]), np.array([1.0])
    >>> def step(w):
    ...     error = x @ w - t
    ...     w -= 0.1 * 2 * x.T @ error
    ...     return np.sum(error**2)
    >>> assert_step(step, w)["w"].verdict
    'agree'
    """
    __tracebackhide__ = True
    report = check_step(step, *args, hints=hints, **options)
    report.raise_if_wrong()
    return report


def assert_script(
    path: str | os.PathLike[str], *, hints: Hints = 2, **options: Operand
) -> GradientReport:
    r"""Assert that the gradients in a file are right; if not, the report is the message.

    Arguments:
        path, hints: as for ``check_script``.
        options: its other arguments.

    Returns:
        The report, of gradients that all agree.

    Raises:
        GradientError: an ``AssertionError``: a gradient is wrong, or cannot be told.
        ValueError: it is not clear what is to be checked.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "train.py")
    ...     _ = file.write_text("w = 3.0\nfor i in range(9):\n    E = w**2\n    w -= 0.2 * w\n")
    ...     assert_script(file)["w"].verdict
    'agree'
    """
    __tracebackhide__ = True
    report = check_script(path, hints=hints, **options)
    report.raise_if_wrong()
    return report


def _slope_along(f: Callable[..., Any], tangents: Sequence[Any]) -> Callable[..., Any]:
    def slope(*xs: Operand) -> Operand:
        found = grad(f, tuple(range(len(xs))))(*xs)
        return sum(np.sum(g * t) for g, t in zip(found, tangents, strict=True))

    return slope


def _moved(
    f: Callable[..., Any], arrays: Sequence[Operand], tangents: Sequence[Operand], by: float
) -> float:
    return float(f(*[array + by * t for array, t in zip(arrays, tangents, strict=True)]))
