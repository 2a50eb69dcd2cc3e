"""How good predictions are, as plain numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_mini.nn.data import class_indices
from autograd_mini.nn.operands import numbers


def accuracy(outputs: Any, targets: Any) -> float:
    """The share of samples that are classified rightly, between 0 and 1.

    Arguments:
        outputs: scores, logits or probabilities of shape ``(N, K)`` with K ≥ 2, of which the
            greatest is the prediction; or predicted labels of shape ``(N,)``.
        targets: labels of shape ``(N,)``, or one-hot of shape ``(N, K)``.

    Raises:
        ValueError: the shapes do not fit, a label is out of range, or there are no samples.

    >>> accuracy([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]], [1, 0, 0])
    0.6666666666666666
    >>> accuracy([1, 0, 1, 1], [1, 0, 0, 1])
    0.75
    """
    found, wanted = numbers(outputs), numbers(targets)
    if found.ndim == 2 and found.shape[1] == 1:
        raise ValueError(
            f"accuracy: outputs of shape {found.shape} have one column: write "
            "accuracy(outputs[:, 0] > 0.5, targets) for probabilities, > 0 for logits"
        )
    if found.ndim == 2 and wanted.shape == found.shape:
        if not np.all((wanted == 0) | (wanted == 1)) or not np.all(wanted.sum(axis=1) == 1):
            raise ValueError("accuracy: targets of two axes are one-hot: 0s and one 1 in each row")
        wanted = wanted.argmax(axis=1)
    if found.ndim not in (1, 2) or wanted.shape != found.shape[:1]:
        raise ValueError(
            f"accuracy: outputs have shape {found.shape}, targets {wanted.shape}; labels have the "
            f"shape (N,), here {found.shape[:1]}"
        )
    if found.ndim == 2:
        wanted = class_indices(wanted, found.shape[1], "accuracy")
        found = found.argmax(axis=1)
    else:
        if np.any(found != np.round(found)):
            raise ValueError(
                f"accuracy: outputs of shape {found.shape} are predicted labels; write "
                "accuracy(outputs > 0.5, targets) for probabilities, outputs > 0 for logits"
            )
        wanted, found = (
            class_indices(wanted, what="accuracy"),
            class_indices(found, what="accuracy"),
        )
    return float(np.mean(found == wanted))
