"""Losses of numbers: squared, absolute and Huber errors, and the hinge."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

import autograd_mini as ag
from autograd_mini.nn.losses.loss import declared
from autograd_mini.nn.losses.reduction import Reduction, reduced_elements
from autograd_mini.nn.losses.refusals import (
    check_constant,
    counted,
    first_unlike,
    same_shape,
)
from autograd_mini.nn.operands import Data
from autograd_mini.typing import Operand


@declared(sums=True)
def half_squared_error(outputs: Data, targets: Data) -> Operand:
    """The textbook's error E = ½ Σ (target − output)², summed over everything.

    Its gradient is output − target.  (D. E. Rumelhart, G. E. Hinton and R. J. Williams,
    "Learning representations by back-propagating errors", Nature 323, 1986, equation 3.)

    Arguments:
        outputs: any shape.
        targets: the same shape.

    Raises:
        ValueError: the shapes differ, or there are no samples.

    >>> half_squared_error([0.75, 0.5], [0.25, 1.0])
    np.float64(0.25)
    >>> out = ag.Value(0.75, label="out")
    >>> half_squared_error(out, 0.25).backward()
    >>> out.grad
    0.5
    """
    outputs, targets = same_shape("half_squared_error", outputs, targets)
    return 0.5 * np.sum(ag.square(targets - outputs))


@declared(short="mse", activation="identity")
def mean_squared_error(
    outputs: Data, targets: Data, *, mask: ArrayLike | None = None, reduction: Reduction = "mean"
) -> Operand:
    """The mean of (target − output)² over all elements, ``np.mean((targets - outputs) ** 2)``.

    Its gradient is 2 (output − target) / n, where n counts all elements, not samples.

    Arguments:
        outputs: any shape.
        targets: the same shape.
        mask: which targets count: boolean, of the shape of their first axes.
        reduction: ``"mean"`` over all elements, or ``"sum"``.

    Raises:
        ValueError: the shapes differ, there are no samples, or a target is NaN or infinite.

    >>> mean_squared_error([0.75, 0.5], [0.25, 1.0])
    np.float64(0.25)
    >>> mean_squared_error([0.75, 0.5], [0.25, np.nan], mask=[True, False])
    np.float64(0.25)
    """
    outputs, targets = counted("mean_squared_error", outputs, targets, mask)
    outputs, targets = same_shape("mean_squared_error", outputs, targets)
    return reduced_elements(ag.square(targets - outputs), reduction)


@declared(short="mae")
def mean_absolute_error(
    outputs: Data, targets: Data, *, mask: ArrayLike | None = None, reduction: Reduction = "mean"
) -> Operand:
    r"""The mean of \|target − output\| over all elements, the L1 loss.

    Its gradient is sign(output − target) / n, and 0 where the two are equal.

    Arguments, errors: as for ``mean_squared_error``.

    >>> mean_absolute_error([0.75, 0.5], [0.25, 1.5])
    np.float64(0.75)
    """
    outputs, targets = counted("mean_absolute_error", outputs, targets, mask)
    outputs, targets = same_shape("mean_absolute_error", outputs, targets)
    return reduced_elements(ag.abs(targets - outputs), reduction)


@declared()
def huber(
    outputs: Data,
    targets: Data,
    *,
    delta: float = 1.0,
    mask: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Operand:
    r"""½·d² for errors \|d\| up to δ, and δ·(\|d\| − ½·δ) beyond: outliers pull no harder than δ.

    Its gradient is output − target limited to ±δ, divided by n.  (P. J. Huber, "Robust
    estimation of a location parameter", Annals of Mathematical Statistics 35, 1964.)

    Arguments:
        delta: δ, positive.
        outputs, targets, mask, reduction: as for ``mean_squared_error``.

    Raises:
        ValueError: δ is not positive; else as for ``mean_squared_error``.

    >>> huber([0.5, 3.0], [0.0, 0.0], reduction="sum")
    np.float64(2.625)
    """
    if not 0 < delta < np.inf:
        raise ValueError(f"huber: delta is a positive number, not {delta!r}")
    outputs, targets = counted("huber", outputs, targets, mask)
    outputs, targets = same_shape("huber", outputs, targets)
    error = ag.abs(targets - outputs)
    limited = ag.minimum(error, delta)
    return reduced_elements(limited * (error - 0.5 * limited), reduction)


@declared(takes="scores", targets="signs")
def hinge(
    outputs: Data, targets: Data, *, mask: ArrayLike | None = None, reduction: Reduction = "mean"
) -> Operand:
    """The hinge loss max(0, 1 − t·output) of scores for targets t of −1 and 1, averaged.

    Its derivative at the hinge itself (t·output = 1) is taken to be 0.  (C. Cortes and
    V. Vapnik, "Support-vector networks", Machine Learning 20, 1995.)

    Arguments:
        outputs: scores of any shape, without an activation.
        targets: the same shape: −1 or 1.
        mask: which targets count: boolean, of the shape of their first axes.
        reduction: ``"mean"`` over all elements, or ``"sum"``.

    Raises:
        ValueError: the shapes differ, there are no samples, or a target is not −1 or 1.
        TypeError: the targets are computed (a Tensor or Values).

    >>> hinge([0.5, -2.0, 3.0], [1, -1, 1], reduction="sum")
    np.float64(0.5)
    """
    check_constant("hinge", targets)
    outputs, targets = counted("hinge", outputs, targets, mask)
    outputs, targets = same_shape("hinge", outputs, targets)
    wrong = first_unlike(targets, (targets == 1) | (targets == -1))
    if wrong is not None:
        raise ValueError(
            f"hinge: targets are -1 or 1, found {wrong:g}"
            + ("; write 2 * targets - 1 for targets of 0 and 1" if wrong == 0 else "")
        )
    return reduced_elements(ag.relu(1 - targets * outputs), reduction)
