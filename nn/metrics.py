"""How good predictions are, as plain numbers."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from autograd_mini.nn.data import class_indices
from autograd_mini.nn.losses.classes import cross_entropy
from autograd_mini.nn.losses.refusals import same_shape
from autograd_mini.nn.operands import Data, numbers
from autograd_mini.typing import Array

Average = Literal["macro"] | None


def accuracy(outputs: Data, targets: Data) -> float:
    """The share of samples that are classified rightly, between 0 and 1.

    Arguments:
        outputs: scores, logits or probabilities of shape ``(N, K)``, or for sequences
            ``(N, T, K)``, with K ≥ 2, of which the greatest is the prediction; or predicted
            labels of shape ``(N,)``.
        targets: labels of shape ``(N,)``, or ``(N, T)``; or one-hot of shape ``(N, K)``.

    Raises:
        ValueError: the shapes do not fit, a label is out of range, an output is NaN, or there
            are no samples.

    >>> accuracy([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]], [1, 0, 0])
    0.6666666666666666
    >>> accuracy([1, 0, 1, 1], [1, 0, 0, 1])
    0.75
    """
    found, wanted, _ = _labels("accuracy", outputs, targets)
    return float(np.mean(found == wanted))


def confusion_matrix(outputs: Data, targets: Data, classes: int | None = None) -> Array:
    """How often each class was predicted for each class, of shape ``(K, K)``.

    Row i, column j counts the samples of class i that were taken for class j.

    Arguments:
        outputs, targets: as for ``accuracy``.
        classes: K; by default the outputs' number of columns, or for predicted labels the
            greatest label plus 1.

    Raises:
        ValueError: as for ``accuracy``.

    >>> confusion_matrix([0, 1, 1, 2], [0, 1, 2, 2])
    array([[1, 0, 0],
           [0, 1, 0],
           [0, 1, 1]])
    """
    found, wanted, count = _labels("confusion_matrix", outputs, targets, classes)
    return np.bincount(wanted * count + found, minlength=count * count).reshape(count, count)


def precision(outputs: Data, targets: Data, *, average: Average = "macro") -> Any:
    """Of the samples that were taken for a class, the share that is of it.

    Arguments:
        outputs, targets: as for ``accuracy``.
        average: ``"macro"`` for the mean over the classes that occur among predictions or
            targets; ``None`` for each class, of shape ``(K,)``.

    Returns:
        A number between 0 and 1, or an array of them; 0 for a class that was never predicted.

    Raises:
        ValueError: as for ``accuracy``.

    >>> precision([0, 1, 1, 2], [0, 1, 2, 2], average=None)
    array([1. , 0.5, 1. ])
    """
    right, predicted, true = _counts("precision", outputs, targets)
    return _averaged(_share(right, predicted), predicted + true, average)


def recall(outputs: Data, targets: Data, *, average: Average = "macro") -> Any:
    """Of the samples of a class, the share that was taken for it.

    Arguments, errors: as for ``precision``; 0 for a class of which there is no sample.

    >>> recall([0, 1, 1, 2], [0, 1, 2, 2], average=None)
    array([1. , 1. , 0.5])
    """
    right, predicted, true = _counts("recall", outputs, targets)
    return _averaged(_share(right, true), predicted + true, average)


def f1(outputs: Data, targets: Data, *, average: Average = "macro") -> Any:
    """The harmonic mean of precision and recall, 2·right / (predicted + true).

    Arguments, errors: as for ``precision``; 0 for a class that does not occur.

    >>> float(f1([0, 1, 1, 2], [0, 1, 2, 2]).round(4))
    0.7778
    """
    right, predicted, true = _counts("f1", outputs, targets)
    return _averaged(_share(2 * right, predicted + true), predicted + true, average)


def r2(outputs: Data, targets: Data) -> float:
    """The coefficient of determination, 1 − Σ(t − o)² / Σ(t − mean of t)², averaged over outputs.

    It is 1 for exact outputs and 0 for outputs that are the targets' mean.  For targets that are
    all equal it is 1 if the outputs are exact and else 0, as in scikit-learn.

    Arguments:
        outputs: predictions of shape ``(N,)`` or ``(N, outputs)``.
        targets: numbers of the same shape.

    Raises:
        ValueError: the shapes differ, there are fewer than two samples, or a target is no number.

    >>> r2([1.0, 2.0, 4.0], [1.0, 2.0, 3.0])
    0.5
    """
    found, wanted = same_shape("r2", numbers(outputs), numbers(targets))
    if len(found) < 2:
        raise ValueError(f"r2 needs two samples or more, not shape {found.shape}")
    error = np.sum((wanted - found) ** 2, axis=0)
    spread = np.sum((wanted - np.mean(wanted, axis=0)) ** 2, axis=0)
    exact = np.where(error == 0, 1.0, 0.0)
    return float(
        np.mean(np.where(spread == 0, exact, 1 - error / np.where(spread == 0, 1, spread)))
    )


def perplexity(
    outputs: Data, targets: Data, *, from_logits: bool | None = None, mask: ArrayLike | None = None
) -> float:
    """Exp of the mean cross-entropy: among how many tokens, equally likely, a model hesitates.

    Arguments:
        outputs: logits of shape ``(..., K)``; or probabilities.
        targets: the tokens that came, of shape ``(...)``.
        from_logits: ``False`` for probabilities, as for ``nn.cross_entropy``.
        mask: which of them count: boolean, of shape ``(...)``.

    Raises:
        ValueError: as for ``nn.cross_entropy``.

    >>> round(perplexity(np.zeros((3, 5)), [0, 4, 2]), 9)
    5.0
    """
    loss = float(cross_entropy(numbers(outputs), targets, from_logits=from_logits, mask=mask))
    return math.exp(loss) if loss < 700 else math.inf  # beyond, exp overflows


def _labels(
    what: str, outputs: Data, targets: Data, classes: int | None = None
) -> tuple[Array, Array, int]:
    """Predicted and true labels of shape ``(N,)``, checked, and the number of classes."""
    found, wanted = numbers(outputs), numbers(targets)
    if np.isnan(found).any():
        place = np.argwhere(np.isnan(found))[0].tolist()
        raise ValueError(
            f"{what}: the output at {place} is NaN: the model has diverged, or is given NaN"
        )
    if found.ndim == 2 and found.shape[1] == 1:
        raise ValueError(
            f"{what}: outputs of shape {found.shape} have one column: write "
            f"{what}(outputs[:, 0] > 0.5, targets) for probabilities, > 0 for logits"
        )
    if found.ndim == 2 and wanted.shape == found.shape:
        if not np.all((wanted == 0) | (wanted == 1)) or not np.all(wanted.sum(axis=1) == 1):
            raise ValueError(f"{what}: targets of two axes are one-hot: 0s and one 1 in each row")
        wanted = wanted.argmax(axis=1)
    if found.ndim > 2 and wanted.shape == found.shape[:-1]:
        found, wanted = found.reshape(-1, found.shape[-1]), wanted.ravel()
    if found.ndim not in (1, 2) or wanted.shape != found.shape[:1]:
        raise ValueError(
            f"{what}: outputs have shape {found.shape}, targets {wanted.shape}; labels have the "
            f"shape (N,), here {found.shape[:1]}"
        )
    if found.ndim == 2:
        if classes not in (None, found.shape[1]):
            raise ValueError(f"{what}: outputs have {found.shape[1]} columns, not {classes}")
        return found.argmax(axis=1), class_indices(wanted, found.shape[1], what), found.shape[1]
    if np.any(found != np.round(found)):
        raise ValueError(
            f"{what}: outputs of shape {found.shape} are predicted labels; write "
            f"{what}(outputs > 0.5, targets) for probabilities, outputs > 0 for logits"
        )
    wanted, found = class_indices(wanted, classes, what), class_indices(found, classes, what)
    return found, wanted, classes or int(max(found.max(), wanted.max())) + 1


def _counts(what: str, outputs: Data, targets: Data) -> tuple[Array, Array, Array]:
    """For each class how many were rightly predicted, predicted, and true."""
    found, wanted, count = _labels(what, outputs, targets)
    right = np.bincount(wanted[found == wanted], minlength=count)
    return right, np.bincount(found, minlength=count), np.bincount(wanted, minlength=count)


def _share(part: Array, whole: Array) -> Array:
    return np.asarray(part / np.maximum(whole, 1))


def _averaged(scores: Array, occurs: Array, average: Average) -> Any:
    if average is None:
        return scores
    if average == "macro":
        return np.mean(scores[occurs > 0])
    raise ValueError(f"average is 'macro' or None, not {average!r}")
