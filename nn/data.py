"""Getting data ready: scaling, one-hot labels, a split into training and test part."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd_mini.nn.operands import Array, numbers
from autograd_mini.nn.seeds import Seed, generator


class MinMaxScaler:
    """Scale each column to [0, 1] by its least and greatest value in the training part.

    Fit it on the training part only and transform both parts by it: a scaler that has seen
    the test part leaks it.  A column that is constant in the training part becomes 0 there.
    Values of the test part may lie outside [0, 1].

    Attributes:
        minimum, maximum: each column's least and greatest value, of shape ``(columns,)``.

    >>> scaler = MinMaxScaler().fit([[0.0, 5.0], [10.0, 5.0]])
    >>> scaler.transform([[5.0, 5.0], [20.0, 6.0]])
    array([[0.5, 0. ],
           [2. , 1. ]])
    """

    def __init__(self) -> None:
        self.minimum: Array | None = None
        self.maximum: Array | None = None

    def fit(self, X: Any) -> MinMaxScaler:
        """Take the columns' ranges from samples of shape ``(N, columns)``; gives itself.

        Raises:
            ValueError: ``X`` is no table, is empty, or holds NaN or infinity.
        """
        X = _table(X, "MinMaxScaler.fit")
        self.minimum, self.maximum = X.min(axis=0), X.max(axis=0)
        return self

    def transform(self, X: Any) -> Array:
        """The samples, of shape ``(N, columns)``, scaled.

        Raises:
            ValueError: the scaler has not been fitted, or on another number of columns.
        """
        if self.minimum is None or self.maximum is None:
            raise ValueError("the scaler has seen no data: call fit(X_train) before transform")
        X = _table(X, "MinMaxScaler.transform")
        if X.shape[1] != len(self.minimum):
            raise ValueError(
                f"MinMaxScaler was fitted on {len(self.minimum)} columns and got shape {X.shape}"
            )
        width = self.maximum - self.minimum
        return np.asarray((X - self.minimum) / np.where(width == 0, 1, width))

    def fit_transform(self, X: Any) -> Array:
        """``fit(X)``, then ``transform(X)``."""
        return self.fit(X).transform(X)


def _table(X: Any, what: str) -> Array:
    table: Array = np.asarray(numbers(X), dtype=np.float64)
    if table.ndim != 2 or not table.size:
        raise ValueError(f"{what} takes a table of shape (N, columns), not shape {table.shape}")
    bad = np.argwhere(~np.isfinite(table))
    if len(bad):
        row, column = bad[0]
        raise ValueError(f"{what}: row {row}, column {column} is {table[row, column]}")
    return table


def class_indices(labels: Any, classes: int | None = None, what: str = "labels") -> Array:
    """Labels as whole numbers from 0 to ``classes - 1``, checked; any shape.

    Raises:
        ValueError: there is none; one is no whole number, or out of range.
        TypeError: they are text; ``np.unique(names, return_inverse=True)`` gives indices.

    >>> class_indices([2.0, 0.0])
    array([2, 0])
    """
    found = numbers(labels)
    if not found.size:
        raise ValueError(f"{what}: there are no samples (shape {found.shape})")
    with np.errstate(invalid="ignore"):
        whole = found.astype(np.int64)
    if not np.array_equal(whole, found):
        raise ValueError(f"{what}: labels are whole numbers, not {found[whole != found].flat[0]}")
    top = int(whole.max()) + 1 if classes is None else classes
    wrong = whole[(whole < 0) | (whole >= top)]
    if wrong.size:
        hint = "; labels start at 0: subtract 1" if whole.min() >= 1 and whole.max() == top else ""
        raise ValueError(f"{what}: label {wrong[0]} is not one of 0 to {top - 1}{hint}")
    return whole


def one_hot(labels: Any, classes: int | None = None) -> Array:
    """For each label a row with 1 at the label's index and 0 elsewhere.

    Arguments:
        labels: class indices of shape ``(...)``, from 0.
        classes: how many classes there are; by default the greatest label plus 1.

    Returns:
        Floats of shape ``(..., classes)``.

    Raises:
        ValueError: a label is no whole number or out of range, or there are none.

    >>> one_hot([0, 2, 1])
    array([[1., 0., 0.],
           [0., 0., 1.],
           [0., 1., 0.]])
    """
    indices = class_indices(labels, classes, "one_hot")
    return np.asarray(np.eye(int(indices.max()) + 1 if classes is None else classes)[indices])


def train_test_split(
    *arrays: Any, test_size: float = 0.3, rng: Seed = None, stratify: Any = None
) -> list[Array]:
    """Split arrays at random into a training part and a test part, row by row alike.

    The rows of both parts come in random order.

    Arguments:
        arrays: arrays of one length N, such as ``X, y``.
        test_size: the part of the rows that goes into the test part, between 0 and 1.
        rng: a seed or a Generator (see ``nn.seeds``).
        stratify: labels of shape ``(N,)``; each label is split in this proportion by itself.

    Returns:
        The training and the test part of each array: ``X_train, X_test, y_train, y_test``.

    Raises:
        ValueError: the lengths differ, ``test_size`` is no proportion, or a part, or a label's
            share of a part, would be empty.

    >>> X_train, X_test, y_train, y_test = train_test_split(
    ...     np.arange(20).reshape(10, 2), np.repeat([0, 1], 5), test_size=0.4, rng=0,
    ...     stratify=np.repeat([0, 1], 5))
    >>> X_test.shape, np.sort(y_test)
    ((4, 2), array([0, 0, 1, 1]))
    """
    tables = [np.asarray(array) for array in arrays]
    lengths = [len(table) if table.ndim else 0 for table in tables]
    groups = None if stratify is None else np.asarray(stratify)
    if groups is not None:
        if groups.ndim != 1:
            raise ValueError(f"stratify holds one label for each row, not shape {groups.shape}")
        lengths.append(len(groups))
    if not tables or len(set(lengths)) != 1:
        raise ValueError(f"train_test_split needs arrays of one length, got lengths {lengths}")
    if not 0 < test_size < 1:
        raise ValueError(f"test_size is a proportion between 0 and 1, not {test_size!r}")
    rng = generator(rng)
    test: list[int] = []
    for group in [np.arange(lengths[0])] if groups is None else _indices_by_label(groups):
        count = math.floor(test_size * len(group) + 0.5)
        if not 0 < count < len(group):
            whose = "" if groups is None else f" of label {groups[group[0]]!r}"
            raise ValueError(
                f"test_size={test_size} of {len(group)} rows{whose} leaves a part empty"
            )
        test += rng.permutation(group)[:count].tolist()
    train = rng.permutation(np.setdiff1d(np.arange(lengths[0]), test))
    rows = train, rng.permutation(test)
    return [table[part] for table in tables for part in rows]


def _indices_by_label(labels: Array) -> list[Array]:
    return [np.flatnonzero(labels == label) for label in np.unique(labels)]
